"""Voxels on a grid: images, masks and label maps. Arrays are read-only; a mask may cover only a box of its lattice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from glisson.errors import InputError
from glisson.geometry.grid import Box, FloatArray, Grid

__all__ = ["BoolArray", "Labels", "Mask", "Volume", "box_of", "place"]

BoolArray = npt.NDArray[np.bool_]


def box_of(array: npt.NDArray[Any], pad: int = 0) -> Box | None:
    """The smallest box of slices around the non-zero voxels, grown by `pad` voxels, clipped; None when all are zero."""
    found = {}
    part = array
    for axis in sorted(range(3), key=lambda a: -abs(array.strides[a])):
        hit = np.flatnonzero(part.any(axis=tuple(a for a in range(3) if a != axis)))
        if hit.size == 0:
            return None
        low, high = int(hit[0]), int(hit[-1]) + 1
        part = part[(slice(None),) * axis + (slice(low, high),)]
        found[axis] = slice(max(low - pad, 0), min(high + pad, array.shape[axis]))
    return (found[0], found[1], found[2])


def place(source: npt.NDArray[Any], offset: tuple[int, int, int], shape: tuple[int, int, int]) -> npt.NDArray[Any]:
    """A zero array of `shape` with `source` put at `offset`; what reaches beyond is cut off."""
    result = np.zeros(shape, dtype=source.dtype)
    inner, outer = [], []
    for o, n, m in zip(offset, source.shape, shape, strict=True):
        lo, hi = max(o, 0), min(o + n, m)
        if lo >= hi:
            return result
        inner.append(slice(lo - o, hi - o))
        outer.append(slice(lo, hi))
    result[tuple(outer)] = source[tuple(inner)]
    return result


def _checked(data: npt.NDArray[Any], grid: Grid, dtype: Any = None) -> npt.NDArray[Any]:
    array = np.asarray(data) if dtype is None else np.asarray(data, dtype=dtype)
    if array.shape != grid.shape:
        raise InputError(f"The array has shape {array.shape}, but its grid is {grid.describe()}.")
    view = array.view()
    view.setflags(write=False)
    return view


@dataclass(frozen=True, eq=False)
class Volume:
    """An image: one number a voxel (Hounsfield units for CT, arbitrary for MR, Gy for dose), shape grid.shape."""

    data: npt.NDArray[Any]
    grid: Grid

    def __post_init__(self) -> None:
        object.__setattr__(self, "data", _checked(self.data, self.grid))

    def crop(self, box: Box) -> Volume:
        """The part inside a box of slices (explicit starts and stops, inside the grid); a view, nothing is copied."""
        return Volume(self.data[box], self.grid.crop(box))


@dataclass(frozen=True, eq=False)
class Mask:
    """A set of voxels: bool, shape grid.shape. The grid may be a box cut from a larger lattice."""

    data: BoolArray
    grid: Grid

    def __post_init__(self) -> None:
        object.__setattr__(self, "data", _checked(self.data, self.grid, np.bool_))

    @property
    def count(self) -> int:
        """Number of voxels in the mask."""
        return int(np.count_nonzero(self.data))

    @property
    def volume_ml(self) -> float:
        """Voxel count times voxel volume, in mL."""
        return self.count * self.grid.voxel_ml

    @property
    def is_empty(self) -> bool:
        """True when no voxel is set."""
        return not bool(self.data.any())

    @property
    def centroid_mm(self) -> FloatArray:
        """(3,) mean of the voxel centres, LPS mm. Raises InputError for an empty mask."""
        if self.is_empty:
            raise InputError("An empty mask has no centroid.")
        return self.grid.to_mm(np.argwhere(self.data).mean(axis=0))

    def trimmed(self, pad: int = 0) -> Mask:
        """The same voxels on the smallest box around them (grown by `pad`, clipped to this grid); memory is copied."""
        box = box_of(self.data, pad) or (slice(0, 1), slice(0, 1), slice(0, 1))
        return Mask(self.data[box].copy(), self.grid.crop(box))

    def on(self, grid: Grid, what: str = "the mask") -> BoolArray:
        """The same voxels as an array of `grid`'s shape, cut or padded with False.

        Raises FrameMismatch off the lattice.
        """
        offset = self.grid.offset_in(grid, what)
        if offset == (0, 0, 0) and self.grid.shape == grid.shape:
            return self.data
        return place(self.data, offset, grid.shape)

    def moved_to(self, grid: Grid, what: str = "the mask") -> Mask:
        """The same voxels as a Mask on `grid`; see `on`."""
        return Mask(self.on(grid, what), grid)


@dataclass(frozen=True, eq=False)
class Labels:
    """A label map: unsigned integers, 0 is background, shape grid.shape; `names` maps a value to a structure's name."""

    data: npt.NDArray[Any]
    grid: Grid
    names: Mapping[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        data = np.asarray(self.data)
        if data.dtype.kind != "u":
            if data.size and data.min() < 0:
                raise InputError("A label map holds 0 for background and positive whole numbers, got negative values.")
            data = data.astype(np.uint8 if data.size == 0 or data.max() < 256 else np.uint16)
        object.__setattr__(self, "data", _checked(data, self.grid))

    @property
    def values(self) -> tuple[int, ...]:
        """The labels present, in increasing order, without 0."""
        counts = np.bincount(self.data.ravel())
        return tuple(int(v) for v in np.flatnonzero(counts) if v)

    def mask(self, *values: int) -> Mask:
        """The voxels that carry any of the values."""
        return Mask(np.isin(self.data, values), self.grid)

    def on(self, grid: Grid, what: str = "the label map") -> npt.NDArray[Any]:
        """The same labels as an array of `grid`'s shape: cut or padded with 0. Raises FrameMismatch off the lattice."""
        offset = self.grid.offset_in(grid, what)
        if offset == (0, 0, 0) and self.grid.shape == grid.shape:
            return self.data
        return place(self.data, offset, grid.shape)
