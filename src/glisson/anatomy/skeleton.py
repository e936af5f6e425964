"""Centre lines of a vessel mask: thin lines of points with the vessel's radius, without loops and without spurs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from glisson.errors import InputError
from glisson.geometry import BoolArray, FloatArray, Mask

__all__ = ["CentreLines", "IntArray", "centre_lines", "neighbours_of", "without_spurs"]

IntArray = npt.NDArray[np.int64]

SPUR_RADII, SPUR_EDGES = 1.25, 1.5
"""An end branch is a spur unless it is longer than this many radii of the vessel at its junction and this many of the
longest edges of a voxel together: it must stand out of its parent."""

LENGTH_WEIGHT = 1e-3
"""Between points of one radius the shorter edge is kept; a millimetre counts this much beside 1/radius."""

HALF_STEPS = tuple(step for step in product((-1, 0, 1), repeat=3) if step > (0, 0, 0))
"""One of each pair of opposite steps to the 26 neighbours."""


@dataclass(frozen=True, eq=False)
class CentreLines:
    """A forest of points on the middle of the vessels.

    points_mm: (n, 3) LPS mm, voxel centres. radius_mm: (n,) of the largest ball that fits into the mask there. edges:
    (m, 2) indices of neighbouring points, no cycles. loops: how many loops of the mask were cut. voxel_mm: longest edge
    of a voxel.
    """

    points_mm: FloatArray
    radius_mm: FloatArray
    edges: IntArray
    loops: int
    voxel_mm: float


def centre_lines(mask: Mask, *, spurs: bool = False) -> CentreLines:
    """Centre lines of a vessel mask; LPS mm. spurs: leave them on.

    Method: enclosed cavities are filled; the mask is thinned keeping its topology (Lee, Kashyap and Chu 1994, doi
    10.1006/cgip.1994.1042, as scikit-image has it); radii are exact Euclidean distances to the nearest voxel centre
    outside (measured on tubes of 1 to 7 mm, voxels of 1 mm: median error within 0.2 mm; 0.6 x 0.6 x 1.6 mm: 0.3 mm);
    neighbouring points are joined by the spanning forest that keeps the thickest connections, so that every loop is cut
    at its thinnest place. Spurs are taken off by `without_spurs`. Raises InputError for an empty mask.
    """
    import edt
    from skimage.measure import euler_number
    from skimage.morphology import skeletonize

    if mask.is_empty:
        raise InputError(
            "A vessel mask without a voxel has no centre lines. Give a mask whose voxels are not all zero."
        )
    small = mask.trimmed()
    solid = _filled(np.pad(small.data, 1))
    depth = edt.edt(solid, anisotropy=mask.grid.spacing_mm, black_border=True, parallel=2)
    thin = skeletonize(solid).astype(bool)  # type: ignore[no-untyped-call]
    if not thin.any():
        thin[np.unravel_index(int(depth.argmax()), depth.shape)] = True
    index = np.argwhere(thin)
    radius = depth[thin].astype(np.float64)
    points = small.grid.to_mm(index - 1)
    edges = _spanning(points, radius, adjacent(thin.shape, index))
    pieces = len(index) - len(edges)
    loops = pieces - int(euler_number(thin, connectivity=3))  # type: ignore[no-untyped-call]
    lines = CentreLines(points, radius, edges, max(loops, 0), max(mask.grid.spacing_mm))
    return lines if spurs else without_spurs(lines)[0]


def neighbours_of(count: int, edges: IntArray) -> list[list[int]]:
    """For each of `count` points the points it is joined to, in increasing order."""
    result: list[list[int]] = [[] for _ in range(count)]
    for a, b in edges.tolist():
        result[a].append(b)
        result[b].append(a)
    return [sorted(near) for near in result]


def _filled(inside: BoolArray) -> BoolArray:
    """The mask with the cavities that it encloses; the array's border is outside."""
    import cc3d

    outside, count = cc3d.connected_components(~inside, connectivity=6, return_N=True)
    return inside if count <= 1 else np.asarray(outside != outside[0, 0, 0])


def adjacent(shape: tuple[int, ...], index: IntArray) -> IntArray:
    """(m, 2) pairs among the voxels (n, 3) that are 26-neighbours; none lies in the outermost layer of the array."""
    number = np.full(shape, -1, dtype=np.int64)
    number[tuple(index.T)] = np.arange(len(index))
    pairs = []
    for step in HALF_STEPS:
        other = number[tuple((index + step).T)]
        found = np.flatnonzero(other >= 0)
        pairs.append(np.column_stack([found, other[found]]))
    return np.concatenate(pairs)


def _spanning(points: FloatArray, radius: FloatArray, pairs: IntArray) -> IntArray:
    """The forest over the pairs that keeps the thickest connections."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import minimum_spanning_tree

    if not len(pairs):
        return np.zeros((0, 2), dtype=np.int64)
    length = np.linalg.norm(points[pairs[:, 0]] - points[pairs[:, 1]], axis=1)
    cost = 1.0 / np.minimum(radius[pairs[:, 0]], radius[pairs[:, 1]]) + LENGTH_WEIGHT * length
    graph = coo_array((cost, (pairs[:, 0], pairs[:, 1])), shape=(len(points), len(points)))
    kept = minimum_spanning_tree(graph.tocsr()).tocoo()
    edges = np.column_stack([kept.row, kept.col]).astype(np.int64)
    result: IntArray = edges[np.lexsort(edges.T[::-1])]
    return result


def without_spurs(lines: CentreLines, keep: Iterable[int] = ()) -> tuple[CentreLines, IntArray]:
    """The centre lines without spurs (SPUR_RADII), and the new number of each old point (-1: gone).

    keep: points that stay with what joins them to the rest, such as the start of a short trunk.
    """
    points, radius = lines.points_mm, lines.radius_mm
    near = [set(group) for group in neighbours_of(len(points), lines.edges)]
    gone = np.zeros(len(points), dtype=bool)
    safe = set(keep)
    fresh = [n for n, group in enumerate(near) if len(group) == 1]
    while fresh:
        shortest: dict[int, tuple[float, list[int]]] = {}
        for end in fresh:
            chain, junction, length = _end_chain(end, near, points)
            if junction < 0 or length > SPUR_RADII * radius[junction] + SPUR_EDGES * lines.voxel_mm:
                continue
            if safe.isdisjoint(chain) and (junction not in shortest or (length, chain) < shortest[junction]):
                shortest[junction] = (length, chain)
        fresh = []
        for junction, (_, chain) in sorted(shortest.items()):
            gone[chain] = True
            near[junction].discard(chain[-1])
            fresh += [end for end in _ends_around(junction, near) if not gone[end]]
        fresh = sorted(set(fresh))
    left = np.flatnonzero(~gone)
    rank = np.full(len(points), -1, dtype=np.int64)
    rank[left] = np.arange(len(left))
    edges = rank[lines.edges[~gone[lines.edges].any(axis=1)]]
    return CentreLines(points[left], radius[left], edges, lines.loops, lines.voxel_mm), rank


def _end_chain(end: int, near: list[set[int]], points: FloatArray) -> tuple[list[int], int, float]:
    """From an end to the next junction: the points before it, the junction (-1 when there is none), and the length."""
    chain, length, before, at = [end], 0.0, -1, end
    while True:
        onward = [n for n in near[at] if n != before]
        if len(onward) != 1:
            return chain, -1, length
        before, at = at, onward[0]
        length += float(np.linalg.norm(points[at] - points[before]))
        if len(near[at]) > 2:
            return chain, at, length
        chain.append(at)


def _ends_around(junction: int, near: list[set[int]]) -> list[int]:
    """The ends that are reached from a point without passing a junction."""
    found = []
    for first in near[junction]:
        before, at = junction, first
        while len(near[at]) == 2:
            before, at = at, next(n for n in near[at] if n != before)
        if len(near[at]) == 1:
            found.append(at)
    return found if len(near[junction]) > 1 else [*found, junction]
