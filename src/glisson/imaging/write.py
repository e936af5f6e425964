"""Writing NIfTI: deterministic bytes, whole files or none, LPS turned to RAS."""

from __future__ import annotations

import os
import tempfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from glisson.errors import OutputError
from glisson.geometry import Grid, Labels, Mask, Volume
from glisson.imaging.nifti import RAS_TO_LPS

__all__ = ["GZIP_LEVEL", "write_labels", "write_mask", "write_volume"]

GZIP_LEVEL = 1
"""Masks are long runs: higher levels take longer and save little."""


def write_mask(path: Path | str, mask: Mask, grid: Grid | None = None) -> Path:
    """Write a mask as uint8 (0, 1) on `grid` (default: its own). Raises FrameMismatch off the lattice, OutputError."""
    target = grid or mask.grid
    return _write(Path(path), mask.on(target).astype(np.uint8), target)


def write_labels(path: Path | str, labels: Labels, grid: Grid | None = None) -> Path:
    """Write a label map in the smallest unsigned type on `grid` (or its own). Raises FrameMismatch, OutputError."""
    target = grid or labels.grid
    data = labels.on(target)
    return _write(
        Path(path), data.astype(np.uint8) if data.size and data.max() < 256 else data.astype(np.uint16), target
    )


def write_volume(path: Path | str, volume: Volume) -> Path:
    """Write an image in its own type (float64 as float32, wide integers as int32). Raises OutputError."""
    data = volume.data
    if data.dtype.kind == "f":
        data = data.astype(np.float32)
    elif data.dtype.kind == "b":
        data = data.astype(np.uint8)
    elif data.dtype.itemsize > 4:
        if data.min() < np.iinfo(np.int32).min or data.max() > np.iinfo(np.int32).max:
            raise OutputError(f"{path} was not written: the values do not fit into 32 bits.")
        data = data.astype(np.int32)
    return _write(Path(path), data, volume.grid)


def _write(path: Path, data: npt.NDArray[Any], grid: Grid) -> Path:
    from nibabel.nifti1 import Nifti1Header

    if not path.name.endswith((".nii", ".nii.gz")):
        raise OutputError(f"{path} was not written: the name must end in .nii.gz or .nii.")
    header = Nifti1Header()
    header.set_data_dtype(data.dtype.newbyteorder("<"))
    header.set_data_shape(data.shape)
    header.set_xyzt_units("mm")
    ras = RAS_TO_LPS @ grid.affine
    header.set_qform(ras, code=1, strip_shears=True)
    header.set_sform(ras, code=1)
    header["magic"], header["vox_offset"], header["scl_slope"], header["scl_inter"] = b"n+1", 352, 1, 0
    blob = header.binaryblock + bytes(4) + data.astype(data.dtype.newbyteorder("<"), copy=False).tobytes(order="F")
    if path.name.endswith(".gz"):
        squeeze = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, 31)
        blob = squeeze.compress(blob) + squeeze.flush()
    _whole_or_not(path, blob)
    return path


def _whole_or_not(path: Path, blob: bytes) -> None:
    name = ""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as stream:
            stream.write(blob)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except OSError as problem:
        if name:
            Path(name).unlink(missing_ok=True)
        raise OutputError(
            f"{path} was not written: {problem.strerror or problem}. Choose a folder that can be written to."
        ) from problem
