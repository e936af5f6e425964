"""How far lesions lie from the cut between segments, below voxel size."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from glisson.anatomy import SEGMENT_NAMES, SegmentMap, adjacent_segments
from glisson.geometry import FloatArray, Surface

__all__ = ["SegmentBorders"]

Pair = tuple[str, str]

ADJOINING_MM2 = 100.0
"""Segments that share less than this (a square of 10 mm) meet at an edge; liver does not hang together there."""

FIT_MM = 3.0
"""The border between two segments is smoothed over this radius: each voxel face is moved onto the plane fitted to the
faces around it. Wide enough to take away the voxel steps, narrow against the curvature of a segment border."""

FIT_VOXELS = 2.0
"""The radius is at least this many of the largest voxel side, so that thick slices are smoothed too."""

FEWEST_FACES = 6
"""With fewer faces in that radius no plane is fitted and the face stays where it is."""

NEAR_DIAGONALS = 1.5
"""Points of the lesion whose unsmoothed distance exceeds the smallest by more than this many voxel diagonals are passed
over."""

COARSE_STEP = 16
"""Every so many points of the lesion are looked up first, to bound the search for the rest."""

NEIGHBOURS = 6
"""Each point of the lesion is compared with the patches of this many nearest faces."""


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

    @cached_property
    def contacts(self) -> tuple[Pair, ...]:
        """Pairs of segments that share at least ADJOINING_MM2 of voxel faces."""
        return tuple(pair for pair, area in adjacent_segments(self.segments).items() if area >= ADJOINING_MM2)

    def adjoining(self, names: Iterable[str]) -> tuple[tuple[str, ...], ...]:
        """The segments named in groups that hang together by `contacts`; largest group first, Couinaud's order
        inside."""
        left = sorted(set(names), key=_rank)
        groups = []
        while left:
            group, fresh = {left[0]}, [left[0]]
            while fresh:
                here = fresh.pop()
                near = {b if a == here else a for a, b in self.contacts if here in (a, b)}
                fresh += sorted((near & set(left)) - group, key=_rank)
                group |= near & set(left)
            groups.append(tuple(sorted(group, key=_rank)))
            left = [name for name in left if name not in group]
        return tuple(sorted(groups, key=lambda g: (-len(g), _rank(g[0]))))

    def distances_mm(self, lesion: Surface, lies_in: Collection[str] = ()) -> Mapping[Pair, float]:
        """Smallest distance in mm from a lesion's outline to each border between two segments.

        Method: the nearest voxel faces by k-d tree; those near the minimum are smoothed (FIT_MM) and taken as small
        flat patches; the distance is the smallest between the vertices of the lesion's surface and those patches. For
        balls beside flat borders of any tilt the error is below 0.3 of the largest voxel side (0.15 mm on voxels of
        1 mm), on top of what the voxels cannot tell: a border along the slices lies anywhere between two of them.
        lies_in: segments that hold part of the lesion; the borders between two of them are left out, as a cut along
        them divides the lesion.
        """
        points = _Points(lesion.vertices_mm)
        return {
            pair: self._distance(pair, points)
            for pair in self.faces_mm
            if not (pair[0] in lies_in and pair[1] in lies_in)
        }

    def _distance(self, pair: Pair, points: _Points) -> float:
        faces, tree = self.faces_mm[pair], self._tree(pair)
        spacing = self.segments.labels.grid.spacing_mm
        slack = NEAR_DIAGONALS * float(np.linalg.norm(spacing))
        coarse = tree.query(points.samples)[0]
        close = points.possible(coarse, float(coarse.min()) + slack)
        fine, _ = tree.query(close, distance_upper_bound=float(coarse.min()) + slack)
        close = close[fine <= fine.min() + slack]
        _, nearest = tree.query(close, k=min(NEIGHBOURS, len(faces)))
        nearest = nearest.reshape(len(close), -1)
        used, at = np.unique(nearest, return_inverse=True)
        centres, normals = _patches(faces, tree, used, max(FIT_MM, FIT_VOXELS * max(spacing)))
        at = at.reshape(nearest.shape)
        offset = close[:, None, :] - centres[at]
        along = np.einsum("ijk,ijk->ij", offset, normals[at])
        beside = np.sqrt(np.maximum(np.einsum("ijk,ijk->ij", offset, offset) - along**2, 0.0))
        return float(np.hypot(along, np.maximum(beside - max(spacing) / 2.0, 0.0)).min())

    def _tree(self, pair: Pair) -> Any:
        from scipy.spatial import cKDTree

        if pair not in self._trees:
            self._trees[pair] = cKDTree(self.faces_mm[pair], balanced_tree=False)
        return self._trees[pair]


class _Points:
    """The vertices of a lesion's surface with a sparse sample of them, so that far ones are passed over in groups."""

    def __init__(self, vertices: FloatArray) -> None:
        from scipy.spatial import cKDTree

        self.vertices = vertices
        self.samples = vertices[::COARSE_STEP]
        self._away, self._sample = cKDTree(self.samples).query(vertices)

    def possible(self, sample_distances: FloatArray, limit_mm: float) -> FloatArray:
        """The vertices that may lie within a limit, from the distances of the samples (triangle inequality)."""
        found: FloatArray = self.vertices[sample_distances[self._sample] - self._away <= limit_mm]
        return found


def _patches(
    faces: FloatArray, tree: Any, used: npt.NDArray[np.int64], radius_mm: float
) -> tuple[FloatArray, FloatArray]:
    """Centres and unit normals, (n, 3) each, of the faces `used`, moved along the normal onto the plane fitted around
    them."""
    groups = tree.query_ball_point(faces[used], radius_mm, return_sorted=True)
    counts = np.array([len(group) for group in groups])
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    around = faces[np.concatenate(groups)]
    means = np.add.reduceat(around, starts) / counts[:, None]
    apart = around - np.repeat(means, counts, axis=0)
    spread = np.add.reduceat(apart[:, :, None] * apart[:, None, :], starts)
    normals = np.linalg.eigh(spread)[1][:, :, 0]
    shift = np.einsum("ij,ij->i", means - faces[used], normals)
    shift[counts < FEWEST_FACES] = 0.0
    return faces[used] + shift[:, None] * normals, normals


def _halves(axis: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    first: list[slice] = [slice(None)] * 3
    last: list[slice] = [slice(None)] * 3
    first[axis], last[axis] = slice(None, -1), slice(1, None)
    return tuple(first), tuple(last)


def _rank(name: str) -> int:
    return tuple(SEGMENT_NAMES.values()).index(name)


def _order(pair: Pair) -> tuple[int, int]:
    return _rank(pair[0]), _rank(pair[1])
