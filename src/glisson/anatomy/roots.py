"""Where a vessel system starts: the trunk of portal vein or artery, the mouths of the hepatic veins in the cava."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from glisson.anatomy.forest import (
    OUTSIDE_MM,
    STUMP_MM,
    Forest,
    counted,
    path_between,
    path_length_mm,
    piece_length_mm,
    thickest_end,
)
from glisson.anatomy.skeleton import CentreLines, IntArray
from glisson.errors import InputError
from glisson.geometry import FloatArray, Mask

__all__ = ["GAP_COSINE", "GAP_MM", "PIECE_MM", "hinted_root", "trunk_root", "vein_roots", "with_mouths"]

MOST_OUTSIDE_MM = 30.0
"""A trunk this far outside is as good as one further out."""

CONFLUENCE_SHARE = 0.6
"""Outside the liver the trunk starts where a vessel of at least this share of its radius joins it, such as the splenic
vein."""

MOUTH_EDGES = 1.5
"""Voxels of a vein within this many of the longest edges of a voxel from the cava belong to its mouth."""

MOUTH_SHARE = 0.5
"""A mouth is at least this wide, as a share of the radius of the vein that comes to it."""

SAME_MOUTH_RADII = 3.0
"""Two mouths joined by a path shorter than this many radii are one."""

GAP_MM = 12.0
"""Longest gap that is bridged, between the outlines of the two pieces."""

GAP_COSINE = 0.7
"""The bridge leaves an end at most 45 degrees off its direction."""

PIECE_MM = 12.0
"""A piece that nothing joins to the trunk is kept as a tree of its own from this length of centre line on."""


def hinted_root(forest: Forest, hint: FloatArray) -> None:
    """Take the end nearest to a point as the root. Raises InputError for what is no point."""
    if hint.shape != (3,) or not np.isfinite(hint).all():
        raise InputError(f"root_hint_mm is a point (x, y, z) in LPS mm, got {hint}.")
    ends = forest.ends()
    apart = np.linalg.norm(forest.points[ends] - hint, axis=1)
    root = int(ends[int(np.argmin(apart))])
    forest.roots.append(root)
    forest.notes.append(f"The trunk starts at the end nearest to the point given ({apart.min():.0f} mm from it).")


def trunk_root(forest: Forest, kind: str) -> None:
    """The confluence from which the trunk comes that leaves the liver; else the thickest end."""
    best, worth, before = -1, 0.0, np.zeros(0, dtype=np.int64)
    for piece in forest.pieces():
        up, order, away = _seen_from_within(forest, piece)
        for node in order:
            above = int(up[node])
            if above >= 0 and away[node] and not away[above]:
                score = _trunk_worth(forest, above, node)
                if score > worth:
                    best, worth, before = node, score, up
    if best >= 0:
        root = _thick_path(forest, int(before[best]), best, stop_at_confluence=True)[-1]
        forest.notes.append(f"The {kind} trunk leaves the liver; it is followed {forest.outside[root]:.0f} mm outside.")
    else:
        ends = forest.ends()
        radius = [forest.stump(int(end))[0] for end in ends]
        root = int(ends[int(np.argmax(radius))])
        forest.notes.append(
            f"The {kind} mask does not leave the liver, so the trunk is taken to start at the thickest end (radius "
            f"{max(radius):.1f} mm): check it, or give a point at its start."
        )
    forest.roots.append(root)


def _seen_from_within(forest: Forest, piece: IntArray) -> tuple[IntArray, list[int], npt.NDArray[np.bool_]]:
    """Directed from its point deepest in the liver: parents, order, and whether all beyond a point stays outside."""
    up = np.full(len(forest.points), -2, dtype=np.int64)
    start = int(piece[np.lexsort((-forest.radius[piece], forest.outside[piece]))[0]])
    up[start] = -1
    order, stack = [], [start]
    while stack:
        at = stack.pop()
        order.append(at)
        for n in forest.near[at]:
            if up[n] == -2:
                up[n] = at
                stack.append(n)
    away = forest.outside > OUTSIDE_MM
    for node in order[::-1]:
        if up[node] >= 0 and not away[node]:
            away[up[node]] = False
    return up, order, away


def _trunk_worth(forest: Forest, above: int, node: int) -> float:
    """Radius of the vessel that leaves the liver at a point times how far it goes."""
    path = _thick_path(forest, above, node)
    length = np.cumsum(np.linalg.norm(np.diff(forest.points[path], axis=0), axis=1))
    first = path[: int(np.searchsorted(length, STUMP_MM)) + 1]
    return float(np.median(forest.radius[first])) * min(float(forest.outside[path].max()), MOST_OUTSIDE_MM)


def _thick_path(forest: Forest, above: int, node: int, stop_at_confluence: bool = False) -> list[int]:
    """From a point away from the one above it along the thickest vessel to its end, or to where two such meet."""
    path, before, at = [node], above, node
    while True:
        onward = [n for n in forest.near[at] if n != before]
        if not onward:
            return path
        if len(onward) > 1:
            stumps = sorted(((_ahead(forest, at, n), -n) for n in onward), reverse=True)
            (_, first), ((second, reach), _) = stumps[0], stumps[1]
            if stop_at_confluence and reach >= STUMP_MM and second >= CONFLUENCE_SHARE * stumps[0][0][0]:
                return path
            onward = [-first]
        before, at = at, onward[0]
        path.append(at)


def _ahead(forest: Forest, before: int, node: int) -> tuple[float, float]:
    """Median radius and length of what follows a point up to STUMP_MM or the next junction."""
    chain, length = [node], float(np.linalg.norm(forest.points[node] - forest.points[before]))
    while length < STUMP_MM:
        onward = [n for n in forest.near[chain[-1]] if n != before]
        if len(onward) != 1:
            length = STUMP_MM if onward else length
            break
        before = chain[-1]
        chain.append(onward[0])
        length += float(np.linalg.norm(forest.points[onward[0]] - forest.points[before]))
    return float(np.median(forest.radius[chain])), length


def vein_roots(forest: Forest, mouths: list[int], cava: Mask | None) -> None:
    """One root at each mouth in the cava and at each end that points at it; else the thickest end of each piece."""
    for mouth in mouths:
        paths = [path for other in forest.roots if (path := path_between(forest, other, mouth))]
        if any(path_length_mm(forest, path) <= SAME_MOUTH_RADII * forest.radius[path].max() for path in paths):
            continue
        for path in paths:
            _part(forest, path)
        forest.roots.append(mouth)
    if cava is not None and not cava.is_empty:
        tree = _tree_of(cava)
        for piece in forest.pieces():
            if set(forest.roots).isdisjoint(piece.tolist()):
                forest.roots += _aimed(forest, piece, tree)
    if forest.roots:
        forest.notes.append(f"{counted(len(forest.roots), 'vein')} followed from the cava.")
        return
    forest.notes.append("No mouth in a cava was found: each vein is taken to start at its thickest end.")
    for piece in forest.pieces():
        if piece_length_mm(forest, piece) >= PIECE_MM:
            forest.roots.append(thickest_end(forest, piece))


def with_mouths(lines: CentreLines, veins: Mask, cava: Mask) -> tuple[CentreLines, list[int]]:
    """The centre lines led on to the middle of every mouth in the cava, and the points there, largest mouths first.

    Thinning shortens a wide vessel, so the mouths are looked for in the mask: its voxels near the cava.
    """
    import cc3d

    small = veins.trimmed()
    index = np.argwhere(small.data)
    reach = MOUTH_EDGES * lines.voxel_mm
    at = index[_tree_of(cava).query(small.grid.to_mm(index), distance_upper_bound=reach, workers=2)[0] <= reach]
    touch = np.zeros(small.data.shape, dtype=np.bool_)
    touch[tuple(at.T)] = True
    patch = cc3d.connected_components(touch, connectivity=26)[tuple(at.T)]
    edge_mm = float(np.cbrt(small.grid.voxel_ml * 1000.0))
    found = []
    for value in range(1, int(patch.max(initial=0)) + 1):
        places = small.grid.to_mm(at[patch == value])
        middle = places[int(np.argmin(np.linalg.norm(places - places.mean(axis=0), axis=1)))]
        nearest = int(np.argmin(np.linalg.norm(lines.points_mm - middle, axis=1)))
        wide = np.sqrt(len(places) * edge_mm**3 / reach / np.pi)
        if wide >= MOUTH_SHARE * lines.radius_mm[nearest]:
            found.append((-wide, nearest, middle))
    found.sort(key=lambda item: item[:2])
    count = len(lines.points_mm)
    joints = [nearest for _, nearest, _ in found]
    edges = np.array([(nearest, count + number) for number, nearest in enumerate(joints)], dtype=np.int64)
    points = np.concatenate([lines.points_mm, np.array([place for *_, place in found]).reshape(-1, 3)])
    radius = np.concatenate([lines.radius_mm, lines.radius_mm[joints]])
    joined = np.concatenate([lines.edges, edges.reshape(-1, 2)])
    return CentreLines(points, radius, joined, lines.loops, lines.voxel_mm), [count + n for n in range(len(found))]


def _aimed(forest: Forest, piece: IntArray, cava: Any) -> list[int]:
    """Of a piece that ends before the cava, the end that points at it over a gap that may be bridged; [] for none."""
    offers = []
    for end in (int(n) for n in piece if len(forest.near[n]) == 1):
        radius, along = forest.stump(end)
        length, at = cava.query(forest.points[end])
        cosine = float((cava.data[at] - forest.points[end]) @ along) / length
        if length - radius <= GAP_MM and cosine >= GAP_COSINE:
            offers.append((length * (2.0 - cosine) / radius, end))
    return [min(offers)[1]] if offers else []


def _part(forest: Forest, path: list[int]) -> None:
    """Cut a path at its thinnest edge."""
    radius = forest.radius[path]
    weakest = int(np.argmin(np.minimum(radius[1:], radius[:-1])))
    forest.cut(path[weakest], path[weakest + 1])


def _tree_of(mask: Mask) -> Any:
    from scipy.spatial import cKDTree

    small = mask.trimmed()
    return cKDTree(small.grid.to_mm(np.argwhere(small.data)), balanced_tree=False)
