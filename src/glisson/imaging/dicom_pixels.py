"""Second pass: the pixels of the chosen slices, decoded and rescaled."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from glisson.errors import DicomError

__all__ = ["AIR_HU", "read_pixels"]

AIR_HU = -1024
"""CT numbers of padding (outside the scanner's field of view) are set to this, the lowest value of a 12-bit scan."""

PixelArray = npt.NDArray[Any]


def read_pixels(paths: Sequence[Path], shape: tuple[int, int], modality: str) -> PixelArray:
    """(columns, rows, slices) array of the slices in the order given: int16 where every value is whole and fits,
    else int32 or float32. Slope and intercept are applied slice by slice. Raises DicomError naming the file that fails.
    """
    columns, rows = shape
    result: PixelArray = np.empty((len(paths), rows, columns), dtype=np.int16)
    for index, path in enumerate(paths):
        plane = _plane(path, modality)
        if plane.shape != (rows, columns):
            raise DicomError(
                f"{path}: the pixels have the shape {plane.shape}, the header says {(rows, columns)}. Export it again."
            )
        wide = np.result_type(result.dtype, plane.dtype)
        if wide != result.dtype:
            result = result.astype(np.float32 if wide.kind == "f" else wide)
        result[index] = plane
    return result.transpose(2, 1, 0)


def _plane(path: Path, modality: str) -> PixelArray:
    from pydicom import dcmread

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            data = dcmread(path, force=True)
            slope, intercept = _rescale(data, path, modality)
            padding = _padding(data)
            pixels, done = _decoded(data, path)
        except DicomError:
            raise
        except Exception as problem:
            raise DicomError(
                f"{path}: the pixels cannot be read ({str(problem).strip()}): the file is truncated "
                "or damaged. Copy it again."
            ) from problem
    outside = None
    if modality == "CT" and padding is not None:
        low, high = (v * slope + intercept if done else v for v in padding)
        outside = (pixels >= low) & (pixels <= high)
    plane = pixels if done else _rescaled(pixels, slope, intercept)
    plane = _narrow(plane)
    if outside is not None and outside.any():
        plane = np.where(outside, plane.dtype.type(AIR_HU), plane)
    return plane


def _rescale(data: Any, path: Path, modality: str) -> tuple[float, float]:
    lacking = [name for name in ("RescaleSlope", "RescaleIntercept") if data.get(name) is None]
    if lacking and modality == "CT":
        raise DicomError(
            f"{path}: the header lacks {' and '.join(lacking)}, so its numbers are not "
            "Hounsfield units. Export the series again."
        )
    return (1.0, 0.0) if lacking else (float(data.RescaleSlope), float(data.RescaleIntercept))


def _padding(data: Any) -> tuple[float, float] | None:
    value = data.get("PixelPaddingValue")
    if value is None:
        return None
    limit = data.get("PixelPaddingRangeLimit")
    ends = [int(value), int(value if limit is None else limit)]
    if int(data.get("PixelRepresentation") or 0):
        ends = [end - 65536 if end > 32767 else end for end in ends]
    return (float(min(ends)), float(max(ends)))


def _decoded(data: Any, path: Path) -> tuple[PixelArray, bool]:
    """The pixels, and whether slope and intercept are applied already (GDCM does so)."""
    if "PixelData" not in data:
        raise DicomError(f"{path}: the file has no pixels: it is truncated or not an image. Copy it again.")
    syntax = data.file_meta.get("TransferSyntaxUID") if hasattr(data, "file_meta") else None
    if syntax is None:
        from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

        data.file_meta.TransferSyntaxUID = (
            ImplicitVRLittleEndian if data.original_encoding[0] else ExplicitVRLittleEndian
        )
    elif syntax.is_compressed and not _pydicom_can(syntax):
        return _by_gdcm(path), True
    return data.pixel_array, False


def _pydicom_can(syntax: Any) -> bool:
    from pydicom.pixels import get_decoder

    try:
        return bool(get_decoder(syntax).is_available)
    except NotImplementedError:
        return False


def _by_gdcm(path: Path) -> PixelArray:
    import SimpleITK as sitk  # noqa: N813 - the name its users know

    return np.asarray(sitk.GetArrayFromImage(sitk.ReadImage(str(path), imageIO="GDCMImageIO"))[0])


def _rescaled(pixels: PixelArray, slope: float, intercept: float) -> PixelArray:
    if slope == 1.0 and intercept == int(intercept):
        return pixels.astype(np.int32) + int(intercept) if intercept else pixels
    return (pixels.astype(np.float64) * slope + intercept).astype(np.float32)


def _narrow(plane: PixelArray) -> PixelArray:
    if plane.dtype.kind == "f" and not (plane == np.rint(plane)).all():
        return plane.astype(np.float32)
    low, high = int(plane.min()), int(plane.max())
    fits = np.iinfo(np.int16).min <= low and high <= np.iinfo(np.int16).max
    return plane.astype(np.int16 if fits else np.int32)
