"""The liver's voxels as one numbered list: the common language of everything that is removed, destroyed or lost."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from glisson.anatomy import SegmentMap
from glisson.geometry import BoolArray, Grid, Mask, place

__all__ = ["IntArray", "LiverVoxels", "segment_numbers"]

IntArray = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class LiverVoxels:
    """Voxels of the whole liver (tumour included), numbered in the order of the array.

    liver: as `whole_liver` gives it. tumour: (n,) True in every outlined lesion, which is no working liver.
    """

    liver: Mask
    tumour: BoolArray

    @property
    def grid(self) -> Grid:
        """Lattice of the liver's mask."""
        return self.liver.grid

    @cached_property
    def flat(self) -> npt.NDArray[np.int64]:
        """(n,) place of each voxel in the flattened mask."""
        return np.flatnonzero(self.liver.data)

    @cached_property
    def _numbers(self) -> IntArray:
        numbers = np.full(self.liver.data.size, -1, np.int32)
        numbers[self.flat] = np.arange(self.flat.size, dtype=np.int32)
        return numbers.reshape(self.liver.data.shape)

    def of(self, region: Mask) -> IntArray:
        """Sorted numbers of the liver's voxels inside a region on the same lattice. Raises FrameMismatch off it."""
        offset = np.array(region.grid.offset_in(self.grid, "region"))
        low = np.maximum(offset, 0)
        high = np.minimum(offset + region.data.shape, self.liver.data.shape)
        if (high <= low).any():
            return np.zeros(0, np.int32)
        here = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        there = tuple(slice(a, b) for a, b in zip(low - offset, high - offset, strict=True))
        numbers = self._numbers[here][region.data[there]]
        return np.sort(numbers[numbers >= 0])

    def values(self, labels: npt.NDArray[np.generic], grid: Grid) -> npt.NDArray[np.generic]:
        """(n,) the label of each voxel; 0 where the label map does not reach. Raises FrameMismatch off the lattice."""
        offset = grid.offset_in(self.grid, "labels")
        if offset == (0, 0, 0) and labels.shape == self.liver.data.shape:
            return labels[self.liver.data]
        return place(labels, offset, self.liver.data.shape)[self.liver.data]


def segment_numbers(voxels: LiverVoxels, segments: SegmentMap) -> npt.NDArray[np.uint8]:
    """(n,) label 1..8 of each liver voxel, 0 where the map has none."""
    return voxels.values(segments.labels.data, segments.labels.grid).astype(np.uint8)
