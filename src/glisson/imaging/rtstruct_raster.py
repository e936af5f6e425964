"""A structure set as outlines on the scan that it was drawn on."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from glisson.errors import DicomError, InputError
from glisson.geometry import Grid, Mask
from glisson.imaging.names import canonical
from glisson.imaging.raster import Raster
from glisson.imaging.rtstruct import read_rtstruct, structure_mask
from glisson.scene import ImageFacts, Notice

__all__ = ["rtstruct_raster"]


def rtstruct_raster(path: Path, grid: Grid | None) -> Raster:
    """The structures of a set that enclose area as a label map on `grid`; label n is structure n (n + 1 where
    the file counts from 0).

    Where structures overlap, the rest is in `extra`. A structure without a voxel on the grid is left out with a notice.
    Raises DicomError without a grid: contours alone make no voxels.
    """
    if grid is None:
        raise DicomError(f"{path} holds contours, which make voxels only on a scan. Give the scan they were drawn on.")
    read = read_rtstruct(path)
    first = min((structure.number for structure in read.structures), default=1)
    names: dict[int, str] = {}
    extra: dict[int, Mask] = {}
    left_out: list[Notice] = []
    data = np.zeros(grid.shape, np.uint16)
    for structure in read.structures:
        label = structure.number + (1 if first == 0 else 0)  # 0 is background
        if not structure.points_mm:
            continue
        try:
            inside = structure_mask(structure, grid).on(grid)
        except InputError as refusal:
            left_out.append(Notice("warning", "structure-left-out", str(refusal), path.name))
            continue
        names[label] = structure.name
        hidden = inside & (data != 0)
        data[inside & ~hidden] = label
        if hidden.any():
            extra[label] = Mask(hidden, grid).trimmed()
    return Raster(
        data, grid, ImageFacts(modality="RTSTRUCT", frame_uid=read.frame_uid), (*read.notices, *left_out), names=names,
        extra=extra, roles={label: canonical(name) for label, name in names.items()},
    )  # fmt: skip
