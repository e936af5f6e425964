"""How far lesions lie from the cut between segments, below voxel size."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from glisson.anatomy import SEGMENT_NAMES, SegmentMap
from glisson.geometry import FloatArray, Surface

__all__ = ["SegmentBorders"]

Pair = tuple[str, str]

FIT_MM = 3.0
"""The border between two segments is smoothed over this radius: each voxel face is moved onto the plane fitted to the faces
around it. Wide enough to take away the voxel steps, narrow against the curvature of a segment border."""

FEWEST_FACES = 6
"""With fewer faces in that radius no plane is fitted and the face stays where it is."""

NEAR_STEPS = 1.5
"""Faces whose unsmoothed distance exceeds the smallest one by more than this many voxel diagonals are not candidates."""


@dataclass(frozen=True, eq=False)
class SegmentBorders:
    """The faces between segments, pair by pair, and distances of lesions to them.

    Only faces inside the liver count: a cut runs along them, while the capsule is no cut.
    """

    segments: SegmentMap
    _trees: dict[Pair, Any] = field(default_factory=dict, repr=False)

    @cached_property
    def faces_mm(self) -> Mapping[Pair, FloatArray]:
        """Pair of adjoining segments (Couinaud's order) -> (N, 3) centres of the voxel faces between them, LPS mm."""
        data, grid = self.segments.labels.data, self.segments.labels.grid
        found: dict[Pair, list[FloatArray]] = {}
        for axis in range(3):
            first, last = _halves(axis)
            low, high = np.minimum(data[first], data[last]), np.maximum(data[first], data[last])
            index = np.argwhere((low != high) & (low > 0))
            pairs = low[tuple(index.T)].astype(np.int64) * 9 + high[tuple(index.T)]
            centres = index.astype(np.float64)
            centres[:, axis] += 0.5
            for code in np.unique(pairs):
                names = (SEGMENT_NAMES[int(code) // 9], SEGMENT_NAMES[int(code) % 9])
                found.setdefault(names, []).append(grid.to_mm(centres[pairs == code]))
        return {names: np.concatenate(found[names]) for names in sorted(found, key=_order)}

    def adjoining(self, names: Iterable[str]) -> tuple[tuple[str, ...], ...]:
        """The segments named in groups that hang together by shared faces; largest group first, Couinaud's order inside."""
        left = sorted(set(names), key=_rank)
        groups = []
        while left:
            group, fresh = {left[0]}, [left[0]]
            while fresh:
                here = fresh.pop()
                near = {b if a == here else a for a, b in self.faces_mm if here in (a, b)}
                fresh += sorted((near & set(left)) - group, key=_rank)
                group |= near & set(left)
            groups.append(tuple(sorted(group, key=_rank)))
            left = [name for name in left if name not in group]
        return tuple(sorted(groups, key=lambda g: (-len(g), _rank(g[0]))))

    def distances_mm(self, lesion: Surface) -> Mapping[Pair, float]:
        """Smallest distance in mm from a lesion's outline to each border between two segments.

        Method: nearest voxel faces by k-d tree; the faces near the minimum are smoothed (FIT_MM) and taken as small flat patches;
        the distance is between the vertices of the lesion's surface and those patches. On flat borders of any tilt the error stays
        below a third of the largest voxel side (measured in the tests); where a border runs through the lesion the value means nothing.
        """
        return {pair: self._distance(pair, lesion.vertices_mm) for pair in self.faces_mm}

    def _distance(self, pair: Pair, vertices: FloatArray) -> float:
        faces = self.faces_mm[pair]
        tree = self._tree(pair)
        coarse, nearest = tree.query(vertices, workers=2)
        slack = NEAR_STEPS * float(np.linalg.norm(self.segments.labels.grid.spacing_mm))
        close = coarse <= coarse.min() + slack
        candidates = np.unique(nearest[close])
        centres, normals = self._smoothed(pair, candidates)
        offset = vertices[close][:, None, :] - centres[None, :, :] if close.sum() * len(candidates) < 4_000_000 else None
        if offset is None:
            return _to_patches(vertices[close], centres, normals, self._half_mm)
        del faces
        return _gap(offset, normals[None, :, :], self._half_mm)

    @property
    def _half_mm(self) -> float:
        return max(self.segments.labels.grid.spacing_mm) / 2.0

    def _tree(self, pair: Pair) -> Any:
        from scipy.spatial import cKDTree

        if pair not in self._trees:
            self._trees[pair] = cKDTree(self.faces_mm[pair])
        return self._trees[pair]
