"""A vessel mask as a net of pipes: how easily blood could pass from one centre point to the next, straight on or not.

Used to part systems that touch: a touch is a narrow or a sharply bent passage, a branch is neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from glisson.anatomy.skeleton import IntArray, adjacent, centre_lines, neighbours_of
from glisson.geometry import FloatArray, Mask

__all__ = ["VesselNet", "vessel_net"]

PIPE_POWER = 4.0
"""A pipe conducts with this power of its radius (Poiseuille)."""

ARM_MM = 6.0
"""The direction of an arm at a junction is taken over this length, or twice its radius where that is longer."""

BEND_POWER = 4.0
"""How much less a bent passage through a junction conducts: ((1 + cos) / 2) to this power, cos 1 for straight on."""

LEAST_BEND = 0.01
"""A passage that turns right back still conducts this share."""

MERGE_SHARE = 2.0
"""Junctions nearer to each other than this share of the vessel's radius are one. Virtual patients do not tell 1 from 2;
on the one real case with two masks 2 is better."""

GAP_MM = 12.0
"""Pieces further apart than this are not taken to continue each other."""

GAP_SCALE_MM = 3.0
"""The conductance over a gap falls by e with each of these."""

GAP_SHARE = 0.02
"""What a gap conducts beside an unbroken pipe of the same radius."""

GAPS_PER_END = 4
"""Candidates for what continues an end."""


@dataclass(frozen=True, eq=False)
class VesselNet:
    """Points in the middle of the vessels and the pipes between them.

    points_mm: (n, 3) LPS mm. radius_mm: (n,). pipes: (m, 2) indices, ends of each pipe. conductance: (m,), in mm³ (the
    fourth power of the radius over the length). tangent: (n, 3) unit direction of the vessel, zero where it has none.
    piece: (n,) number of the connected piece of the mask. length_mm: (n,) of vessel that a point stands for.
    """

    points_mm: FloatArray
    radius_mm: FloatArray
    pipes: IntArray
    conductance: FloatArray
    tangent: FloatArray
    piece: IntArray
    length_mm: FloatArray

    def laplacian(self, leak: FloatArray) -> Any:
        """(n, n) sparse matrix of the flows: what leaves each point through its pipes and its leak, per unit of value.

        leak: (n,) conductance of each point to the outside.
        """
        from scipy.sparse import coo_array

        count, (a, b), flow = len(self.points_mm), self.pipes.T, self.conductance
        own = np.arange(count)
        values = np.concatenate([-flow, -flow, flow, flow, leak])
        rows, columns = np.concatenate([a, b, a, b, own]), np.concatenate([b, a, a, b, own])
        return coo_array((values, (rows, columns)), shape=(count, count)).tocsc()


def vessel_net(mask: Mask) -> VesselNet:
    """The net of a vessel mask; LPS mm. Raises InputError for an empty mask.

    Along a vessel a pipe conducts as Poiseuille's law has it. At a junction every pair of arms is joined by a pipe that
    conducts the less the more it bends, so that two vessels that cross are two pipes with a weak link. Ends of pieces
    are joined by weak pipes to what lies ahead of them (GAP_MM).
    """
    points, radius, piece = _points(mask)
    edges = _all_neighbours(points, mask)
    near = neighbours_of(len(points), edges)
    cluster = _clusters(points, radius, near)
    pairs, flows = _along(points, radius, edges, cluster)
    more, bends = _through(points, radius, near, cluster)
    tangent = _tangents(points, near)
    gaps, weak = _gaps(points, radius, near, piece)
    pipes = np.concatenate([pairs, more, gaps]).astype(np.int64)
    length = np.zeros(len(points))
    for a, b in ((0, 1), (1, 0)):
        np.add.at(length, edges[:, a], np.linalg.norm(points[edges[:, a]] - points[edges[:, b]], axis=1) / 2.0)
    return VesselNet(points, radius, pipes, np.concatenate([flows, bends, weak]), tangent, piece, length)


def _points(mask: Mask) -> tuple[FloatArray, FloatArray, IntArray]:
    """Centre points, their widths and the connected piece of the mask each lies in; every piece has at least one.

    Width: distance to the nearest voxel centre outside less half a voxel, so that a neck of one voxel is half a voxel
    wide. Thinning makes some small pieces vanish; these get their deepest voxel.
    """
    import cc3d
    import edt

    lines = centre_lines(mask)
    pieces, count = cc3d.connected_components(np.array(mask.data, order="C"), connectivity=26, return_N=True)
    depth = edt.edt(np.pad(mask.data, 1), anisotropy=mask.grid.spacing_mm, parallel=2)[1:-1, 1:-1, 1:-1]
    index = np.rint(mask.grid.to_index(lines.points_mm)).astype(np.int64)
    lost = np.setdiff1d(np.arange(1, count + 1), pieces[tuple(index.T)])
    if len(lost):
        inside = np.argwhere(np.isin(pieces, lost))
        of, deep = pieces[tuple(inside.T)], depth[tuple(inside.T)]
        order = np.lexsort((np.arange(len(of)), -deep, of))
        index = np.concatenate([index, inside[order[np.searchsorted(of[order], lost)]]])
    half = float(np.cbrt(mask.grid.voxel_ml * 1000.0)) / 2.0
    width = np.maximum(depth[tuple(index.T)].astype(np.float64) - half, half)
    return mask.grid.to_mm(index), width, pieces[tuple(index.T)].astype(np.int64) - 1


def _all_neighbours(points: FloatArray, mask: Mask) -> IntArray:
    """(m, 2) pairs of points in neighbouring voxels, loops and all."""
    index = np.rint(mask.grid.to_index(points)).astype(np.int64)
    index -= index.min(axis=0) - 1
    return adjacent(tuple(index.max(axis=0) + 2), index)


def _pieces(count: int, pairs: IntArray) -> IntArray:
    """Number of the connected group of each point."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    result: IntArray = connected_components(graph, directed=False)[1].astype(np.int64)
    return result


def _clusters(points: FloatArray, radius: FloatArray, near: list[list[int]]) -> IntArray:
    """Number of the junction that each point belongs to, -1 for points along a vessel.

    A junction is a connected group of points with more than two neighbours, with the short links (MERGE_SHARE) between
    such groups.
    """
    joint = np.array([len(group) > 2 for group in near])
    for start in np.flatnonzero(joint):
        for first in near[start]:
            chain: list[int] = []
            before, at = int(start), first
            while not joint[at] and len(near[at]) == 2 and len(chain) < 40:
                chain.append(at)
                before, at = at, next(n for n in near[at] if n != before)
            if not chain or not joint[at] or at == start:
                continue
            apart = float(np.linalg.norm(points[at] - points[start]))
            if apart <= MERGE_SHARE * float(radius[chain].min()):
                joint[chain] = True
    pairs = np.array([(a, b) for a in np.flatnonzero(joint) for b in near[a] if joint[b] and b > a], dtype=np.int64)
    groups = _pieces(len(points), pairs.reshape(-1, 2))
    return np.where(joint, groups, -1)


def _along(points: FloatArray, radius: FloatArray, edges: IntArray, cluster: IntArray) -> tuple[IntArray, FloatArray]:
    """The pipes along the vessels, and within junctions; those into a junction are made by `_through`."""
    same = cluster[edges[:, 0]] == cluster[edges[:, 1]]
    kept = edges[same]
    apart = np.linalg.norm(points[kept[:, 0]] - points[kept[:, 1]], axis=1)
    flow = np.minimum(radius[kept[:, 0]], radius[kept[:, 1]]) ** PIPE_POWER / apart
    return kept, flow


def _through(
    points: FloatArray, radius: FloatArray, near: list[list[int]], cluster: IntArray
) -> tuple[IntArray, FloatArray]:
    """The pipes between the arms of each junction; its own points hang on its thickest arm."""
    members: dict[int, list[int]] = {}
    for point in np.flatnonzero(cluster >= 0).tolist():
        members.setdefault(int(cluster[point]), []).append(point)
    pairs: list[tuple[int, int]] = []
    flows: list[float] = []
    for own in members.values():
        arms = sorted({n for point in own for n in near[point] if cluster[n] < 0})
        if not arms:
            continue
        middle = points[own].mean(axis=0)
        ways = [_way(arm, middle, points, radius, near, cluster) for arm in arms]
        for one, two in combinations(range(len(arms)), 2):
            a, b = arms[one], arms[two]
            straight = (1.0 - float(ways[one] @ ways[two])) / 2.0
            apart = float(np.linalg.norm(points[a] - middle) + np.linalg.norm(points[b] - middle))
            pairs.append((a, b))
            width = min(radius[a], radius[b], float(radius[own].min()))
            flows.append(float(max(LEAST_BEND, straight**BEND_POWER) * width**PIPE_POWER / apart))
        stem = max(arms, key=lambda arm: (radius[arm], -arm))
        pairs.append((stem, own[0]))
        flows.append(float(radius[stem] ** PIPE_POWER))
    return np.array(pairs, dtype=np.int64).reshape(-1, 2), np.array(flows)


def _way(
    arm: int, middle: FloatArray, points: FloatArray, radius: FloatArray, near: list[list[int]], cluster: IntArray
) -> FloatArray:
    """Unit direction of an arm away from its junction."""
    reach = max(ARM_MM, 2.0 * float(radius[arm]))
    seen, at, last = {arm}, arm, arm
    while float(np.linalg.norm(points[at] - middle)) < reach:
        onward = [n for n in near[at] if n not in seen and cluster[n] < 0]
        if not onward:
            break
        last, at = at, onward[0]
        seen.add(at)
        if len(seen) > 200:
            break
    way = points[at] - (middle if len(seen) < 5 else points[arm])
    size = float(np.linalg.norm(way))
    if size == 0.0:
        way = points[last] - middle
        size = float(np.linalg.norm(way)) or 1.0
    return np.asarray(way / size, dtype=np.float64)


def _tangents(points: FloatArray, near: list[list[int]]) -> FloatArray:
    """Direction of the vessel at each point: the main axis of the points within four steps; zero for lone points."""
    result = np.zeros_like(points)
    for start in range(len(points)):
        group, front = {start}, [start]
        for _ in range(4):
            front = [n for at in front for n in near[at] if n not in group]
            group.update(front)
        if len(group) >= 3:
            own = points[sorted(group)]
            result[start] = np.linalg.svd(own - own.mean(axis=0), full_matrices=False)[2][0]
    return result


def _gaps(
    points: FloatArray, radius: FloatArray, near: list[list[int]], piece: IntArray
) -> tuple[IntArray, FloatArray]:
    """Weak pipes from the ends of each piece to points of other pieces ahead of them."""
    from scipy.spatial import cKDTree

    tree = cKDTree(points)
    pairs: list[tuple[int, int]] = []
    flows: list[float] = []
    for end in (n for n, group in enumerate(near) if len(group) <= 1):
        at, before, steps = end, -1, 0
        while steps < 8 and (onward := [n for n in near[at] if n != before]) and len(onward) == 1:
            before, at, steps = at, onward[0], steps + 1
        ahead = points[end] - points[at]
        size = float(np.linalg.norm(ahead))
        others = np.array(sorted(tree.query_ball_point(points[end], GAP_MM + float(radius[end]))), dtype=np.int64)
        others = others[piece[others] != piece[end]]
        if not len(others):
            continue
        way = points[others] - points[end]
        apart = np.linalg.norm(way, axis=1)
        straight = np.full(len(others), 0.5) if steps < 3 else (1.0 + way @ ahead / (apart * size)) / 2.0
        gap = np.maximum(apart - radius[others] - radius[end], 0.5)
        width = np.minimum(radius[others], radius[end])
        flow = GAP_SHARE * straight**BEND_POWER * width**PIPE_POWER * np.exp(-gap / GAP_SCALE_MM) / gap
        for best in np.argsort(-flow, kind="stable")[:GAPS_PER_END]:
            pairs.append((end, int(others[best])))
            flows.append(float(max(flow[best], 1e-12)))
    return np.array(pairs, dtype=np.int64).reshape(-1, 2), np.array(flows)
