"""From one grid to another. Works on any pair of grids, oblique, mirrored or sheared: the affines alone decide."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from glisson.geometry.grid import Grid
from glisson.geometry.volume import Mask, Volume, box_of, place

__all__ = ["resample_mask", "resample_volume"]

INSIDE_SHARE = 0.5
"""A voxel belongs to a resampled mask when the interpolated mask reaches this value at its centre."""


def resample_volume(volume: Volume, grid: Grid, outside: float | None = None) -> Volume:
    """The volume's values at the voxel centres of `grid`, by linear interpolation; float32.

    outside: value beyond the volume's voxels; by default the volume's lowest value (air in a CT). Interpolation only: a
    much coarser `grid` samples, it does not average.
    """
    fill = float(volume.data.min()) if outside is None else float(outside)
    return Volume(_linear(volume.data, volume.grid, grid, fill), grid)


def resample_mask(mask: Mask, grid: Grid) -> Mask:
    """The mask on `grid`: linear interpolation of 0 and 1, inside where it reaches one half.

    That is the half-way outline of the mask, so volumes stay within a small part of a surface layer. Structures thinner
    than the voxels of `grid` may be lost. Only the part of `grid` that the mask covers is computed.
    """
    box = box_of(mask.data, pad=1)
    if box is None:
        return Mask(np.zeros(grid.shape, dtype=np.bool_), grid)
    source = mask.grid.crop(box)
    corners = np.array(
        [[x, y, z] for x in (-1, source.shape[0]) for y in (-1, source.shape[1]) for z in (-1, source.shape[2])]
    )
    where = grid.to_index(source.to_mm(corners))
    low = np.clip(np.floor(where.min(axis=0)), 0, np.array(grid.shape) - 1).astype(int)
    high = np.clip(np.ceil(where.max(axis=0)) + 1, low + 1, grid.shape).astype(int)
    part = grid.crop((slice(low[0], high[0]), slice(low[1], high[1]), slice(low[2], high[2])))
    inside = _linear(mask.data[box], source, part, 0.0) >= INSIDE_SHARE
    return Mask(place(inside, (int(low[0]), int(low[1]), int(low[2])), grid.shape), grid)


def _linear(data: npt.NDArray[Any], source: Grid, target: Grid, fill: float) -> npt.NDArray[np.float32]:
    """Linear interpolation in index space, where ITK needs no right-angled directions."""
    import SimpleITK as sitk  # noqa: N813

    image = sitk.GetImageFromArray(np.ascontiguousarray(data.transpose(2, 1, 0), dtype=np.float32))
    between = np.linalg.inv(source.affine) @ target.affine
    transform = sitk.AffineTransform(3)  # type: ignore[no-untyped-call]
    transform.SetMatrix(between[:3, :3].ravel().tolist())  # type: ignore[no-untyped-call]
    transform.SetTranslation(between[:3, 3].tolist())  # type: ignore[no-untyped-call]
    out = sitk.Resample(
        image, list(target.shape), transform, sitk.sitkLinear, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0),
        (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0), fill, sitk.sitkFloat32,
    )  # fmt: skip
    result: npt.NDArray[np.float32] = np.ascontiguousarray(sitk.GetArrayFromImage(out).transpose(2, 1, 0))
    return result
