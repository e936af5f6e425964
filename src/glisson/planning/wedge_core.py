"""What a cut must take: the voxels within the margin of some lesions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from glisson.geometry import BoolArray, Box, Grid, Mask, box_around, distance_to

__all__ = ["Reach", "core_of", "union"]


def union(masks: Iterable[Mask], grid: Grid) -> BoolArray:
    """Voxels of a grid in at least one of some masks."""
    result = np.zeros(grid.shape, np.bool_)
    for mask in masks:
        result |= mask.on(grid, "a lesion")
    return result


@dataclass(frozen=True, eq=False)
class Reach:
    """How far the voxels around some lesions lie from them, so that several margins cost one distance map.

    box: of the liver's lattice. lesions: their voxels on it. away_mm: float32, from the nearest part of each voxel
    (thick slices in thin layers, see `core_of`). margin_mm: margins up to this fit into the box.
    """

    box: Box
    lesions: BoolArray
    away_mm: npt.NDArray[np.float32]
    margin_mm: float

    @classmethod
    def of(cls, lesions: Iterable[Mask], grid: Grid, margin_mm: float) -> Reach:
        """Around lesions on a lattice. Raises InputError when all of them are empty."""
        lesions = tuple(lesions)
        box = box_around(lesions, grid, margin_mm + 2 * max(grid.spacing_mm))
        near = union(lesions, grid.crop(box))
        away = np.full(near.shape, np.inf, np.float32)
        if near.any():
            layers = _layers(grid)
            fine = near
            for axis, n in enumerate(layers):
                fine = np.repeat(fine, n, axis=axis)
            a, b, c = _thin(grid)
            away = distance_to(fine, (a, b, c))
            for axis, n in enumerate(layers):
                if n > 1:
                    away = np.minimum.reduceat(away, np.arange(0, away.shape[axis], n), axis=axis)
        return cls(box, near, away, margin_mm)

    def core(self, liver: Mask, margin_mm: float, stays: BoolArray | None = None) -> BoolArray:
        """As `core_of`, for a margin up to `margin_mm`, on the box."""
        within = (self.away_mm <= margin_mm + sum(_thin(liver.grid)) / 6.0) & liver.data[self.box]
        if stays is not None:
            within &= ~stays[self.box] | self.lesions
        return np.asarray(within)

    @property
    def start(self) -> tuple[int, int, int]:
        """Index of the box's first voxel."""
        i, j, k = self.box
        return i.start, j.start, k.start


def _layers(grid: Grid) -> list[int]:
    """Thin layers in a voxel along each axis."""
    return [max(round(pitch / min(grid.spacing_mm)), 1) for pitch in grid.spacing_mm]


def _thin(grid: Grid) -> tuple[float, float, float]:
    """Thickness of a thin layer along each axis, mm."""
    a, b, c = (pitch / n for pitch, n in zip(grid.spacing_mm, _layers(grid), strict=True))
    return a, b, c


def core_of(
    liver: Mask, lesions: Iterable[Mask], margin_mm: float, stays: BoolArray | None = None
) -> tuple[BoolArray, tuple[int, int, int]]:
    """Voxels of the liver of which a part lies within the margin of a lesion's voxels; thick slices in thin layers.

    On a box around the lesions, with the index of its first voxel in the liver's grid. stays: without these, unless
    they are a lesion's own. Raises InputError when all lesions are empty.
    """
    reach = Reach.of(lesions, liver.grid, margin_mm)
    return reach.core(liver, margin_mm, stays), reach.start
