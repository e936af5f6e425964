"""What cutting vessels inside a removed region takes from the liver outside it: inflow behind cut portal branches,
drainage behind cut hepatic veins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from glisson.anatomy import SEGMENT_NAMES, SegmentMap, Territories
from glisson.geometry import BoolArray, FloatArray, Mask
from glisson.planning.liver_voxels import IntArray, LiverVoxels

__all__ = ["SPARED_MM", "SPARED_BY_WEDGE_MM", "Supply"]

SPARED_MM = 5.0
"""A vessel whose centre line runs no deeper than this behind the border of a removed segment is taken to be spared
along the cut, as the hepatic veins between two sections are: segment borders follow them only within a few voxels."""

SPARED_BY_WEDGE_MM = 2.0
"""The same for a wedge, whose cut is drawn freely."""

FIRST_HALF = 0.5
"""A branch cut within this share of its length loses its own territory too, not only what comes from it."""


@dataclass(frozen=True, eq=False)
class Supply:
    """One vessel system (portal or hepatic) over the numbered voxels of the liver.

    territories: every liver voxel to its branch. segments: the segment map, for the cuts between segments.
    """

    territories: Territories
    voxels: LiverVoxels
    segments: SegmentMap | None

    @cached_property
    def branch(self) -> IntArray:
        """(n,) id + 1 of the branch that serves each voxel."""
        labels = self.territories.labels
        return self.voxels.values(labels.data, labels.grid).astype(np.int32)

    @cached_property
    def _from_segments(self) -> tuple[npt.NDArray[np.uint8], FloatArray]:
        """(nodes,) segment that holds each node, 0 for none; (nodes, 9) distance of each node to each segment, mm.

        Distances beyond SPARED_MM are infinite.
        """
        from scipy.spatial import cKDTree

        assert self.segments is not None
        nodes = self.territories.tree.nodes_mm
        away = np.full((len(nodes), max(SEGMENT_NAMES) + 1), np.inf)
        holds = np.zeros(len(nodes), np.uint8)
        for value, name in SEGMENT_NAMES.items():
            mask = self.segments.mask(name)
            if mask.is_empty:
                continue
            tree = cKDTree(_rim_mm(mask), balanced_tree=False, compact_nodes=False)
            away[:, value] = tree.query(nodes, distance_upper_bound=np.nextafter(SPARED_MM, np.inf))[0]
            holds[_inside(mask, nodes)] = value
        return holds, away

    def lost_without_segments(self, removed: Sequence[str], numbers: IntArray) -> IntArray:
        """Voxels outside the removed segments that lose this system with them.

        removed: names of the segments. numbers: their voxels. Vessels nearer than SPARED_MM to what stays are spared.
        """
        holds, away = self._from_segments
        values = {name: value for value, name in SEGMENT_NAMES.items()}
        gone = [values[name] for name in removed]
        stays = [value for value in SEGMENT_NAMES if value not in gone]
        return self._lost(np.isin(holds, gone) & (away[:, stays].min(axis=1) > SPARED_MM), numbers)

    def lost_without(self, region: Mask, numbers: IntArray) -> IntArray:
        """Voxels outside a removed region (a wedge) that lose this system with it; numbers: the region's voxels."""
        index, held = _index_in(region, self.territories.tree.nodes_mm)
        inside = held.copy()
        inside[held] = _deeper(region, index[held], SPARED_BY_WEDGE_MM)
        return self._lost(inside, numbers)

    def _lost(self, cut_nodes: BoolArray, removed: IntArray) -> IntArray:
        """Numbers of the voxels outside a removed region behind the branches that are cut at some of their nodes."""
        if not cut_nodes.any():
            return np.zeros(0, np.int32)
        behind = np.zeros(len(self.territories.tree.branches) + 1, np.bool_)
        behind[np.array(sorted(self._behind(cut_nodes)), dtype=np.int64) + 1] = True
        lost = behind.take(self.branch)
        lost[removed] = False
        return np.flatnonzero(lost).astype(np.int32)

    def _behind(self, cut_nodes: BoolArray) -> set[int]:
        """Branches that lose their supply: all that come from a cut one, and those cut in their first half."""
        tree = self.territories.tree
        found: set[int] = set()
        for branch in np.unique(tree.branch[cut_nodes]).tolist():
            below = tree.children[branch]
            found |= set(tree.descendants(*below)) if below else set()
            own = np.flatnonzero(tree.branch == branch)
            if np.flatnonzero(cut_nodes[own])[0] < FIRST_HALF * len(own):
                found.add(branch)
        return found


def _deeper(region: Mask, index: npt.NDArray[np.int64], depth_mm: float) -> BoolArray:
    """(n,) which voxels of a region are farther than a depth from every voxel centre outside it."""
    reach = np.floor(depth_mm / np.array(region.grid.spacing_mm)).astype(int)
    steps = np.stack(np.meshgrid(*(np.arange(-n, n + 1) for n in reach), indexing="ij"), axis=-1).reshape(-1, 3)
    steps = steps[np.linalg.norm(steps * region.grid.spacing_mm, axis=1) <= depth_mm]
    padded = np.pad(region.data, [(n, n) for n in reach])
    result = np.ones(len(index), np.bool_)
    for step in steps + reach:
        result &= padded[tuple((index + step).T)]
    return result


def _rim_mm(mask: Mask) -> FloatArray:
    """(m, 3) LPS mm: centres of the voxels of a mask that have a neighbour outside it."""
    from scipy.ndimage import binary_erosion

    trimmed = mask.trimmed()
    return trimmed.grid.to_mm(np.argwhere(trimmed.data & ~binary_erosion(trimmed.data)))


def _index_in(mask: Mask, points_mm: FloatArray) -> tuple[npt.NDArray[np.int64], BoolArray]:
    """Voxel of each point, and whether it lies on the mask's grid."""
    index = np.rint(mask.grid.to_index(points_mm)).astype(np.int64)
    held: BoolArray = np.asarray(((index >= 0) & (index < mask.data.shape)).all(axis=1))
    return index, held


def _inside(mask: Mask, points_mm: FloatArray) -> BoolArray:
    index, held = _index_in(mask, points_mm)
    found = np.zeros(len(index), np.bool_)
    found[held] = mask.data[tuple(index[held].T)]
    return found
