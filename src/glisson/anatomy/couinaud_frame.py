"""The frame in which segments are learned: the liver's own box along L, P and S, cut into the same cells for every
liver.

A liver is brought into it by averaging over cells and out of it by linear interpolation. Both are separable, so the
array axes are taken for the patient axes that they are nearest to; an oblique scan stays as oblique as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from glisson.errors import SceneError
from glisson.geometry import FloatArray, Grid, Mask

__all__ = ["CELLS", "Float32Array", "LiverFrame"]

Float32Array = npt.NDArray[np.float32]

CELLS = (64, 56, 48)
"""Cells along L, P and S. A liver of common size gives cells of about 3.5 mm."""

TAIL_SHARE = 0.005
"""Share of the liver beyond each end of the box along each axis, so that no thin tip or stray voxel sets the scale."""

MARGIN_SHARE = 0.06
"""Share of the cells along each axis that is left beyond each end of the box, for the tips."""


@dataclass(frozen=True, eq=False)
class LiverFrame:
    """Where the cells of one liver lie on its grid.

    grid: the grid of the arrays that are sampled. order: the array axis that runs along L, P and S. flipped: whether
    it runs the other way. first, length: along each of L, P and S, in voxels, where the first cell begins (measured
    from the face of the first voxel) and how far the cells reach together.
    """

    grid: Grid
    order: tuple[int, int, int]
    flipped: tuple[bool, bool, bool]
    first: tuple[float, float, float]
    length: tuple[float, float, float]

    @classmethod
    def of(cls, liver: Mask) -> LiverFrame:
        """The frame of a liver mask. Raises SceneError for an empty mask."""
        if liver.is_empty:
            raise SceneError("The liver mask is empty, so it has no segments. Give the mask of the liver.")
        order, flipped = _axes(liver.grid)
        first, length = [], []
        for axis, backwards in zip(order, flipped, strict=True):
            others = tuple(a for a in range(3) if a != axis)
            low, high = _ends(np.count_nonzero(liver.data, axis=others), backwards)
            length.append((high - low) / (1.0 - 2.0 * MARGIN_SHARE))
            first.append(low - MARGIN_SHARE * length[-1])
        return cls(liver.grid, order, flipped, (first[0], first[1], first[2]), (length[0], length[1], length[2]))

    def inward(self, data: npt.NDArray[Any], cells: tuple[int, int, int] = CELLS) -> Float32Array:
        """Mean of an array over each cell, float32 of shape `cells` along L, P and S; 0 beyond the array.

        data: shape grid.shape.
        """
        from scipy.sparse import csr_array

        result: npt.NDArray[Any] = self._turned(data)
        for along in np.argsort(result.strides)[::-1]:
            rows = np.moveaxis(result, along, 0)
            weights = csr_array(self._cell_weights(int(along), rows.shape[0], cells[along]))
            mixed = weights @ rows.reshape(rows.shape[0], -1).astype(np.float32)
            result = np.moveaxis(mixed.reshape(cells[along], *rows.shape[1:]), 0, along)
        return np.ascontiguousarray(result)

    def outward_weights(self, cells: tuple[int, int, int]) -> tuple[Float32Array, Float32Array, Float32Array]:
        """Linear interpolation from cell centres to the voxels of array axes i, j and k; each is (voxels, cells).

        The cells' own axes are L, P and S: `order` says which matrix belongs to which.
        """
        found: dict[int, Float32Array] = {}
        for along, axis in enumerate(self.order):
            voxels = self.grid.shape[axis]
            centres = (np.arange(voxels) + 0.5 - self.first[along]) * cells[along] / self.length[along] - 0.5
            centres = centres.clip(0, cells[along] - 1)
            below = np.minimum(centres.astype(int), cells[along] - 2)
            share = (centres - below).astype(np.float32)
            matrix = np.zeros((voxels, cells[along]), np.float32)
            matrix[np.arange(voxels), below] = 1 - share
            matrix[np.arange(voxels), below + 1] = share
            found[axis] = matrix[::-1] if self.flipped[along] else matrix
        return found[0], found[1], found[2]

    def centres_mm(self, index: npt.NDArray[np.int32], cells: tuple[int, int, int]) -> FloatArray:
        """(n, 3) centres of cells, LPS mm; index: (n,) their places in the flattened grid of cells along L, P and S."""
        places = np.unravel_index(index, cells)
        voxels = np.zeros((len(index), 3))
        for along, axis in enumerate(self.order):
            at = self.first[along] + (places[along] + 0.5) * self.length[along] / cells[along] - 0.5
            voxels[:, axis] = self.grid.shape[axis] - 1 - at if self.flipped[along] else at
        return self.grid.to_mm(voxels)

    def _turned(self, data: npt.NDArray[Any]) -> npt.NDArray[Any]:
        turned = np.transpose(data, self.order)
        for along, backwards in enumerate(self.flipped):
            if backwards:
                turned = np.flip(turned, along)
        return turned

    def _cell_weights(self, along: int, voxels: int, cells: int) -> Float32Array:
        """(cells, voxels) share of each cell that each voxel covers."""
        cell = self.length[along] / cells
        low = self.first[along] + cell * np.arange(cells)[:, None]
        voxel = np.arange(voxels)[None, :]
        overlap = np.minimum(low + cell, voxel + 1) - np.maximum(low, voxel)
        return (overlap.clip(0) / cell).astype(np.float32)


def _axes(grid: Grid) -> tuple[tuple[int, int, int], tuple[bool, bool, bool]]:
    """The array axis nearest to each of L, P and S, each axis once, and whether it runs against it."""
    directions = grid.directions
    left = np.abs(directions)
    orders = [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)]
    order = max(orders, key=lambda axes: sum(float(left[world, axis]) for world, axis in enumerate(axes)))
    against = [bool(directions[world, axis] < 0) for world, axis in enumerate(order)]
    return order, (against[0], against[1], against[2])


def _ends(counts: npt.NDArray[Any], backwards: bool) -> tuple[float, float]:
    """Where the liver begins and ends along an axis, TAIL_SHARE of it left out at each end; in voxels from the face of
    the first."""
    counts = counts[::-1] if backwards else counts
    reached = np.concatenate([[0.0], np.cumsum(counts) / counts.sum()])
    edges = np.arange(len(reached), dtype=float)
    inside = np.flatnonzero(counts)
    span = slice(int(inside[0]), int(inside[-1]) + 2)
    low, high = np.interp([TAIL_SHARE, 1.0 - TAIL_SHARE], reached[span], edges[span])
    return float(low), float(high)
