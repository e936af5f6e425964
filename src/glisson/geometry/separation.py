"""How far apart two surfaces are, below voxel size."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from glisson.geometry.grid import FloatArray
from glisson.geometry.surface import Surface, surface
from glisson.geometry.volume import Mask

__all__ = ["depth_inside_mm", "point_distances_mm", "surface_distance_mm"]

NEAR_VERTICES = 16
"""The faces around this many nearest vertices of the other surface are tried exactly for a point near the minimum."""

COARSE_STEP = 16
"""Every so many vertices are looked up first, to bound the search for the rest."""

AT_ONCE = 400
"""Points compared with faces at a time, to bound memory."""

SAME = 1e-9
"""Lengths (in mm) and shares that differ by less are equal."""

IntArray = npt.NDArray[np.int64]


def surface_distance_mm(a: Surface, b: Surface) -> float:
    """Smallest distance in mm between two surfaces; 0 where they cross or touch.

    Vertices near the minimum, in both directions, are compared with the other surface's triangles exactly; two edges
    that are nearest to each other away from their ends are seen through those ends (an error far below a voxel).
    Distances are between outlines: a surface lying free inside another has a positive distance to it. Whether two masks
    share voxels or faces is `touching`.
    Measured between spheres 4 mm apart, outlines by `surface`, radius from 3 mm: mean absolute error 0.03 mm at voxels
    of 0.6 mm, 0.05 mm at 1 mm (at most 0.18), 0.07 mm at 0.6 x 0.6 x 1.6 mm, 0.1 mm with slices of 2.5 mm, 0.4 mm with
    slices of 5 mm. On grid-centred concentric spheres at 1 mm, the worst case, a margin of 10 mm reads 9.65 mm.
    """
    small, large = (a, b) if len(a.vertices_mm) <= len(b.vertices_mm) else (b, a)
    points, edges = small.vertices_mm, small.longest_edge_mm + large.longest_edge_mm
    bound = float(large.tree.query(points[::COARSE_STEP])[0].min())
    to_large, _ = large.tree.query(points, distance_upper_bound=max(_reach(bound, large), edges))
    closest = float(to_large.min())
    if closest <= edges and _cross(small, np.flatnonzero(to_large <= edges), large):
        return 0.0
    distance = _least_to_faces(points, to_large, large, closest)
    facing = _within(large.vertices_mm, small, _reach(distance, small))
    to_small, _ = small.tree.query(facing, distance_upper_bound=_reach(distance, small) * (1.0 + SAME))
    distance = _least_to_faces(facing, to_small, small, distance)
    return distance if distance > SAME else 0.0


def _reach(distance_mm: float, faces: Surface) -> float:
    """How far the nearest vertex of a surface can be from a point that lies within a distance of its faces.

    The foot of the point on a face lies within longest edge / sqrt(3) of a corner, and the way to it stands upright on
    the face or on the edge.
    """
    return float(np.sqrt(distance_mm**2 + faces.longest_edge_mm**2 / 3.0)) * (1.0 + SAME)


def _within(points: FloatArray, of: Surface, reach_mm: float) -> FloatArray:
    """The points in the box around a surface, widened by a reach."""
    held = np.ones(len(points), np.bool_)
    for along, corner in zip(points.T, of.vertices_mm.T, strict=True):
        held &= (along >= corner.min() - reach_mm) & (along <= corner.max() + reach_mm)
    return points[held]


def _least_to_faces(points: FloatArray, to_vertex: FloatArray, target: Surface, best: float) -> float:
    """The smaller of `best` and the exact distance of the points to a surface's faces; those that may be nearest first.

    to_vertex: (n,) distance of each point to the nearest vertex of the target. What lies beyond `_reach` of the best
    distance so far cannot be nearer and is passed over.
    """
    order = np.argsort(to_vertex, kind="stable")
    for first in range(0, len(order), AT_ONCE):
        some = order[first : first + AT_ONCE]
        some = some[to_vertex[some] <= _reach(best, target)]
        if not some.size:
            break
        best = min(best, _to_faces(points[some], target)[0])
    return best


def depth_inside_mm(inner: Mask | Surface, outer: Surface) -> float:
    """How deep a structure lies under a closed surface: the smallest distance in mm between the outlines.

    0 when the outlines cross or touch, or when the inner structure lies outside.
    """
    body = inner if isinstance(inner, Surface) else surface(inner)
    distance = surface_distance_mm(body, outer)
    if distance == 0.0:
        return 0.0
    nearest = body.vertices_mm[[int(np.argmin(outer.tree.query(body.vertices_mm)[0]))]]
    return distance if _to_faces(nearest, outer)[1] < 0 else 0.0


def point_distances_mm(points_mm: FloatArray, target: Surface) -> FloatArray:
    """(n,) distance in mm of each of (n, 3) points, LPS mm, to the faces of a surface around its nearest vertices."""
    found = np.empty(len(points_mm))
    for first in range(0, len(points_mm), AT_ONCE):
        some = points_mm[first : first + AT_ONCE]
        row, face = _faces_at(_neighbours(some, target), target)
        each = some.take(row, axis=0)
        gap = each - _closest_on_triangles(each, target.triangles_mm.take(face, axis=0))
        squared = np.einsum("ij,ij->i", gap, gap)
        found[first : first + len(some)] = np.sqrt(np.minimum.reduceat(squared, np.searchsorted(row, range(len(some)))))
    return found


def _neighbours(points: FloatArray, target: Surface) -> IntArray:
    """(N, k) indices of the nearest vertices of the target."""
    count = min(NEAR_VERTICES, len(target.vertices_mm))
    found: IntArray = np.asarray(target.tree.query(points, k=count)[1], dtype=np.int64).reshape(len(points), count)
    return found


def _faces_at(vertices: IntArray, of: Surface) -> tuple[IntArray, IntArray]:
    """For each row of vertex indices the faces around them, once each: (row, face)."""
    start, face = of.faces_of_vertex
    flat = vertices.ravel()
    counts = start[flat + 1] - start[flat]
    shift = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    row = np.repeat(np.repeat(np.arange(len(vertices)), vertices.shape[1]), counts)
    both = np.unique(row * len(of.faces) + face[np.repeat(start[flat], counts) + shift])
    return both // len(of.faces), both % len(of.faces)


def _to_faces(points: FloatArray, target: Surface) -> tuple[float, float]:
    """Smallest exact distance of the points to the target's faces near them, and on which side (below 0 inside)."""
    best, side = np.inf, 0.0
    for first in range(0, len(points), AT_ONCE):
        some = points[first : first + AT_ONCE]
        row, face = _faces_at(_neighbours(some, target), target)
        each, corners = some.take(row, axis=0), target.triangles_mm.take(face, axis=0)
        gap = each - _closest_on_triangles(each, corners)
        distance = np.sqrt(np.einsum("ij,ij->i", gap, gap))
        nearest = int(np.argmin(distance))
        if distance[nearest] < best:
            best = float(distance[nearest])
            tied = (row == row[nearest]) & (distance <= best * (1.0 + SAME) + SAME)
            normals = np.cross(corners[tied, 1] - corners[tied, 0], corners[tied, 2] - corners[tied, 0])
            side = float((normals / np.linalg.norm(normals, axis=1, keepdims=True)).sum(axis=0) @ gap[nearest])
    return best, side


def _closest_on_triangles(points: FloatArray, corners: FloatArray) -> FloatArray:
    """(N, 3) the point of each triangle (N, 3, 3) nearest to each point (N, 3): inside the face, else on an edge."""
    best = np.empty_like(points)
    squared = np.full(len(points), np.inf)
    for k in range(3):
        a, b = corners[:, k], corners[:, (k + 1) % 3]
        along = b - a
        share = np.einsum("ij,ij->i", points - a, along) / np.einsum("ij,ij->i", along, along)
        _take_nearer(best, squared, points, a + np.clip(share, 0.0, 1.0)[:, None] * along)
    u, v, w = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0], points - corners[:, 0]
    normal = np.cross(u, v)
    length = np.einsum("ij,ij->i", normal, normal)
    beta = np.einsum("ij,ij->i", np.cross(w, v), normal) / length
    gamma = np.einsum("ij,ij->i", np.cross(u, w), normal) / length
    inside = (beta >= 0) & (gamma >= 0) & (beta + gamma <= 1)
    foot = corners[:, 0] + beta[:, None] * u + gamma[:, None] * v
    best[inside] = foot[inside]
    return best


def _take_nearer(best: FloatArray, squared: FloatArray, points: FloatArray, candidate: FloatArray) -> None:
    distance = ((points - candidate) ** 2).sum(axis=1)
    nearer = distance < squared
    best[nearer], squared[nearer] = candidate[nearer], distance[nearer]


def _cross(small: Surface, vertices: IntArray, large: Surface) -> bool:
    """True when an edge of one surface passes through a face of the other, near the given vertices of the small one."""
    for first in range(0, len(vertices), AT_ONCE):
        some = vertices[first : first + AT_ONCE]
        row, own = _faces_at(some[:, None], small)
        other_row, other = _faces_at(_neighbours(small.vertices_mm[some], large), large)
        order = np.searchsorted(other_row, np.arange(len(some) + 1))
        counts = order[row + 1] - order[row]
        mine = np.repeat(own, counts)
        theirs = other[
            np.repeat(order[row], counts) + np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        ]
        a, b = small.triangles_mm.take(mine, axis=0), large.triangles_mm.take(theirs, axis=0)
        meet = (a.min(axis=1) <= b.max(axis=1)).all(axis=1) & (b.min(axis=1) <= a.max(axis=1)).all(axis=1)
        a, b = a[meet], b[meet]
        if _edges_pass(a, b) or _edges_pass(b, a):
            return True
    return False


def _edges_pass(edges_of: FloatArray, through: FloatArray) -> bool:
    """True when an edge of a triangle passes through the triangle it is paired with; both (N, 3, 3)."""
    u, v = through[:, 1] - through[:, 0], through[:, 2] - through[:, 0]
    normal = np.cross(u, v)
    length = np.einsum("ij,ij->i", normal, normal)
    for k in range(3):
        start = edges_of[:, k] - through[:, 0]
        end = edges_of[:, (k + 1) % 3] - through[:, 0]
        before, after = np.einsum("ij,ij->i", start, normal), np.einsum("ij,ij->i", end, normal)
        split = before * after < 0
        if not split.any():
            continue
        share = (before[split] / (before[split] - after[split]))[:, None]
        hit = start[split] + share * (end[split] - start[split])
        beta = np.einsum("ij,ij->i", np.cross(hit, v[split]), normal[split]) / length[split]
        gamma = np.einsum("ij,ij->i", np.cross(u[split], hit), normal[split]) / length[split]
        if ((beta >= 0) & (gamma >= 0) & (beta + gamma <= 1)).any():
            return True
    return False
