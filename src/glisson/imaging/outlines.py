"""Files of outlines, brought onto the scan's lattice and trimmed at once so that memory stays small."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from glisson.errors import FrameMismatch, SceneError
from glisson.geometry import Grid, Labels, Mask, box_of
from glisson.imaging.raster import whole_numbers
from glisson.imaging.readers import read_raster
from glisson.scene import Notice

__all__ = ["Outline", "load_outline", "turned_to"]

PARALLEL_COSINE = 0.9999
"""Two grids have the same axes, perhaps in another order or direction, when these are parallel to 0.8 degrees; whether
the voxels coincide is checked afterwards by the lattice tolerance."""


@dataclass(frozen=True, eq=False)
class Outline:
    """A label map as read, trimmed to its voxels, on the scan's lattice.

    labels: on the box of the non-zero voxels. whole: the grid of the file (turned to the scan's axes).
    values: the labels present. names: label -> name where the file says so. notices: what was noticed while reading.
    """

    path: Path
    labels: Labels
    whole: Grid
    values: tuple[int, ...]
    names: Mapping[int, str]
    notices: tuple[Notice, ...] = ()

    def mask(self, label: int | None = None) -> Mask:
        """The voxels that are not zero, or those with one label, trimmed."""
        data = self.labels.data
        return Mask(data != 0 if label is None else data == label, self.labels.grid).trimmed()


def turned_to(data: npt.NDArray[Any], grid: Grid, target: Grid) -> tuple[npt.NDArray[Any], Grid]:
    """The same voxels with axes in `target`'s order and direction where they are parallel; else as given."""
    cosines = target.directions.T @ grid.directions
    for order in permutations(range(3)):
        along = np.array([cosines[axis, order[axis]] for axis in range(3)])
        if np.abs(along).min() > PARALLEL_COSINE:
            break
    else:
        return data, grid
    if order == (0, 1, 2) and along.min() > 0:
        return data, grid
    affine = grid.affine.copy()
    affine[:3, :3] = grid.affine[:3, list(order)]
    turned = data.transpose(order)
    for axis in range(3):
        if along[axis] < 0:
            affine[:3, 3] += affine[:3, axis] * (turned.shape[axis] - 1)
            affine[:3, axis] *= -1
            turned = np.flip(turned, axis)
    shape = turned.shape
    return turned, Grid((shape[0], shape[1], shape[2]), affine)


def load_outline(path: Path, grid: Grid | None, resample: bool = False, what: str = "") -> Outline:
    """Read a mask or label map onto the lattice of `grid` (its own when None).

    Raises ImageError (unreadable, not whole numbers), FrameMismatch (another lattice and resample is false), SceneError
    (voxels outside the image).
    """
    raster = read_raster(path)
    what = what or path.name
    data, whole = whole_numbers(raster, path), raster.grid
    if grid is not None:
        data, whole = turned_to(data, whole, grid)
    box = box_of(data) or (slice(0, 1), slice(0, 1), slice(0, 1))
    labels = Labels(np.ascontiguousarray(data[box]), whole.crop(box), raster.names)
    notices = raster.notices
    if grid is not None:
        try:
            whole.offset_in(grid, what)
        except FrameMismatch:
            if not resample:
                raise
            labels = _resampled(labels, grid, what)
            notices += (Notice("info", "mask-resampled", f"{what} was resampled onto the grid of the image.", what),)
        _check_inside(labels, grid, what)
    return Outline(path, labels, whole, labels.values, raster.names, notices)


def _resampled(labels: Labels, grid: Grid, what: str) -> Labels:
    from glisson.geometry import resample_mask

    whole = np.zeros(grid.shape, labels.data.dtype)
    for value in labels.values:
        padded = labels.mask(value).trimmed()
        around = tuple(slice(-2, n + 2) for n in padded.grid.shape)
        room = padded.grid.crop((around[0], around[1], around[2]))
        whole[resample_mask(padded.moved_to(room), grid).on(grid)] = value
    box = box_of(whole)
    if box is None and labels.values:
        raise SceneError(_outside(labels, grid, what))
    box = box or (slice(0, 1), slice(0, 1), slice(0, 1))
    return Labels(whole[box].copy(), grid.crop(box), labels.names)


def _check_inside(labels: Labels, grid: Grid, what: str) -> None:
    if not labels.data.any():
        return
    low = np.array(labels.grid.offset_in(grid, what))
    high = low + labels.data.shape
    if (low < 0).any() or (high > np.array(grid.shape)).any():
        raise SceneError(_outside(labels, grid, what))


def _outside(labels: Labels, grid: Grid, what: str) -> str:
    return (
        f"{what} has voxels outside the image: they fill {labels.grid.describe()}, the image is {grid.describe()}. "
        "The mask belongs to another scan, or the image was cropped: give the scan it was drawn on."
    )
