"""NIfTI files to rasters. RAS becomes LPS here and nowhere else.

The data are inflated in one go by zlib: as fast as SimpleITK, twice as fast as nibabel, no copy in another type, the
interpreter lock released, and a truncated file is noticed for certain. nibabel reads the header.
"""

from __future__ import annotations

import math
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from glisson.errors import ImageError
from glisson.imaging.raster import Raster, checked_grid
from glisson.scene import ImageFacts, Notice

__all__ = ["RAS_TO_LPS", "read_nifti"]

RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""NIfTI's world grows to Right, Anterior, Superior; ours to Left, Posterior, Superior."""

FORM_TOLERANCE_VOXELS = 0.1
"""sform and qform disagree when a corner of the image lies further apart than this in the two."""

HEADER_BYTES = 348
MOST_OFFSET = 2**31
"""Voxels that would begin behind this byte are not looked for: header extensions are never that long."""

UNITS = {1: "metres", 3: "micrometres"}


def read_nifti(path: Path) -> Raster:
    """Read a NIfTI-1 or -2 file (.nii, .nii.gz): array [i, j, k] in its stored type unless the header scales it.

    The place is that of the sform where its code is above 0, else of the qform; a disagreement becomes a notice. A
    fourth axis of length one is dropped. Raises ImageError for what is not one scalar volume with a place in mm.
    """
    blob = _bytes(path)
    header = _header(blob, path)
    shape = _shape(header, path)
    unit = UNITS.get(int(header["xyzt_units"]) & 7)
    if unit:
        raise ImageError(
            f"{path}: the header gives lengths in {unit}; millimetres are expected. Export the image again in mm."
        )
    affine, notices = _affine(header, shape, path)
    grid = checked_grid(shape, RAS_TO_LPS @ affine, path)
    text = bytes(header["descrip"]).rstrip(b"\0").decode("latin-1").strip() or None
    return Raster(_data(blob, header, shape, path), grid, ImageFacts(description=text), notices)


def _bytes(path: Path) -> bytes:
    try:
        raw = path.read_bytes()
    except OSError as problem:
        raise ImageError(
            f"{path} cannot be read: {problem.strerror}. Check that it exists and may be read."
        ) from problem
    if raw[:2] != b"\x1f\x8b":
        return raw
    parts, rest = [], raw
    while rest[:2] == b"\x1f\x8b":
        stream = zlib.decompressobj(31)
        try:
            parts.append(stream.decompress(rest))
        except zlib.error as problem:
            raise ImageError(
                f"{path}: the gzip data are damaged ({problem}). Copy or export the file again."
            ) from problem
        if not stream.eof:
            raise ImageError(
                f"{path}: the gzip file is truncated: it ends after {len(raw)} bytes, in the middle of the data. "
                "Copy or export the file again."
            )
        rest = stream.unused_data
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _header(blob: bytes, path: Path) -> Any:
    from nibabel.nifti1 import Nifti1Header
    from nibabel.nifti2 import Nifti2Header

    size = {int.from_bytes(blob[:4], order) for order in ("little", "big")} if len(blob) >= HEADER_BYTES else set()
    if 348 in size and blob[344:348] in (b"n+1\0", b"ni1\0"):
        kind, length = Nifti1Header, 348
    elif 540 in size and blob[4:8] == b"n+2\0":
        kind, length = Nifti2Header, 540
    else:
        raise ImageError(
            f"{path} is not a NIfTI file (its first bytes are not a NIfTI header). "
            "Give a .nii or .nii.gz file, an .nrrd or .mha file, or a folder of DICOM slices."
        )
    if blob[344:348] == b"ni1\0":
        raise ImageError(f"{path} is the header of a .hdr/.img pair. Save the image as one .nii.gz file.")
    return kind(blob[:length], check=False)


def _shape(header: Any, path: Path) -> tuple[int, ...]:
    count = int(header["dim"][0])
    shape = tuple(int(n) for n in header["dim"][1 : 1 + count]) if 1 <= count <= 7 else ()
    if len(shape) < 3 or min(shape) < 1:
        raise ImageError(f"{path}: a volume with three axes is expected, but the header gives the shape {shape}.")
    if math.prod(shape[3:]) > 1:
        raise ImageError(
            f"{path}: one 3D volume is expected, but this is a {len(shape)}D image of shape "
            f"{'x'.join(map(str, shape))}. Save the volume that is meant (one time point or channel) as its own file."
        )
    return shape[:3]


def _affine(header: Any, shape: tuple[int, ...], path: Path) -> tuple[npt.NDArray[np.float64], tuple[Notice, ...]]:
    sform = np.vstack([header["srow_x"], header["srow_y"], header["srow_z"], [0, 0, 0, 1]]).astype(np.float64)
    has_s, has_q = int(header["sform_code"]) > 0, int(header["qform_code"]) > 0
    if not (has_s or has_q):
        raise ImageError(
            f"{path}: the header says nowhere where the image lies (sform and qform codes are both 0). "
            "Left and right cannot be told apart: export the image again with its orientation."
        )
    if has_s and not has_q:
        return sform, ()
    try:
        qform = np.asarray(header.get_qform(), dtype=np.float64)
    except Exception as problem:
        if has_s:
            return sform, ()
        raise ImageError(
            f"{path}: the orientation in the header (qform) is damaged: {problem}. Export it again."
        ) from problem
    if not has_s:
        return qform, ()
    ends = np.array([[0, 0, 0, 1], [shape[0], 0, 0, 1], [0, shape[1], 0, 1], [0, 0, shape[2], 1]], dtype=np.float64)
    apart = float(np.linalg.norm((ends @ (sform - qform).T)[:, :3], axis=1).max())
    if apart <= FORM_TOLERANCE_VOXELS * np.linalg.norm(sform[:3, :3], axis=0).min() or not np.isfinite(apart):
        return sform, ()
    text = f"The header places the image twice, {apart:.1f} mm apart (sform and qform); the sform was used."
    return sform, (Notice("warning", "sform-qform-differ", text, path.name),)


def _data(blob: bytes, header: Any, shape: tuple[int, ...], path: Path) -> npt.NDArray[Any]:
    try:
        dtype = np.dtype(header.get_data_dtype())
    except Exception as problem:
        raise ImageError(f"{path}: the header's data type is unknown ({problem}). Export the image again.") from problem
    if dtype.fields is not None or dtype.kind not in "iuf":
        raise ImageError(
            f"{path}: a grey image (one number a voxel) is expected, but this is colour (RGB) or complex ({dtype}). "
            "Export the original series, not a picture of it."
        )
    start, count = _start(header, path), math.prod(shape)
    if len(blob) < start + count * dtype.itemsize:
        raise ImageError(
            f"{path}: the file is truncated: {'x'.join(map(str, shape))} voxels need {count * dtype.itemsize} bytes, "
            f"{max(len(blob) - start, 0)} are there. Copy or export the file again."
        )
    data = np.frombuffer(blob, dtype, count, start).reshape(shape, order="F")
    if not dtype.isnative:
        data = data.astype(dtype.newbyteorder("="))
    slope, inter = float(header["scl_slope"]), float(header["scl_inter"])
    if not np.isfinite(slope) or slope == 0 or (slope == 1 and inter == 0):
        return data
    return scaled(data, slope, inter if np.isfinite(inter) else 0.0)


def _start(header: Any, path: Path) -> int:
    """The byte at which the voxels begin."""
    given = float(header["vox_offset"])
    if not 0 <= given < MOST_OFFSET:
        raise ImageError(f"{path}: the header says that the voxels begin at byte {given:g}. Export the image again.")
    return int(given) or HEADER_BYTES + 4


def scaled(data: Any, slope: float, intercept: float) -> npt.NDArray[Any]:
    """data * slope + intercept: in int16 or int32 where nothing is lost by it, else float32."""
    if data.dtype.kind in "iu" and slope == int(slope) and intercept == int(intercept):
        ends = [int(data.min()) * int(slope) + int(intercept), int(data.max()) * int(slope) + int(intercept)]
        for kind in (np.int16, np.int32):
            if np.iinfo(kind).min <= min(ends) and max(ends) <= np.iinfo(kind).max:
                result = data.astype(np.int64 if data.dtype.itemsize > 2 else np.int32)
                if slope != 1:
                    result *= int(slope)
                result += int(intercept)
                return result.astype(kind)
    return (data.astype(np.float32) * np.float32(slope)) + np.float32(intercept)
