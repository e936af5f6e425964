"""From a vessel mask to a directed tree: where the trunk is, which gaps are bridged, which way the branches run."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from glisson.anatomy.forest import OUTSIDE_MM, Forest, counted, outside_mm, piece_length_mm, thickest_end
from glisson.anatomy.junctions import axes_met
from glisson.anatomy.roots import GAP_COSINE, GAP_MM, PIECE_MM, hinted_root, trunk_root, vein_roots, with_mouths
from glisson.anatomy.skeleton import CentreLines, IntArray, centre_lines, neighbours_of, without_spurs
from glisson.anatomy.tree import TracedTree, tree_of_points
from glisson.errors import InputError, SceneError
from glisson.geometry import FloatArray, Mask

__all__ = ["KINDS", "vessel_tree"]

KINDS = ("portal", "hepatic", "artery")
"""Vessel systems that can be traced."""

REACH_MM = 15.0
"""A mask none of whose centre lines comes this near to the liver is not a vessel of this liver."""


def vessel_tree(
    mask: Mask, *, liver: Mask, kind: str, root_hint_mm: npt.ArrayLike | None = None, cava: Mask | None = None
) -> TracedTree:
    """The tree of a vessel mask, directed away from its trunk; LPS mm.

    liver: the whole liver, on the lattice of the mask. kind: "portal", "hepatic" or "artery". root_hint_mm: (3,) a
    point near the start of the trunk, which then is the nearest end of a centre line. cava: for hepatic veins, the cava
    without them (`split_cava`): each vein starts where it enters.

    Method: `centre_lines`; of what leaves the liver for good the trunk of portal vein or artery has the greatest
    product of radius and reach, and starts where another thick vessel meets it (CONFLUENCE_SHARE) or at its end; where
    nothing leaves, at the thickest end. Hepatic veins have a root at each mouth in the cava, and a connection between
    two mouths is cut at its thinnest place; without a cava at the thickest end of each piece. Pieces without a root are
    joined over gaps (GAP_MM, GAP_COSINE), the shortest and straightest first. What stays apart and is long enough
    (PIECE_MM) is a tree of its own after the trunks (`TracedTree.attached`). What stays outside the liver (a splenic
    vein, say) is left out. The notes say which of these was done. Raises InputError for an empty mask or an unknown
    kind, SceneError for a mask that lies away from the liver, FrameMismatch off the lattice.
    """
    if kind not in KINDS:
        raise InputError(f"A vessel tree is one of {', '.join(KINDS)}, not {kind!r}.")
    lines = centre_lines(mask, spurs=True)
    mouths: list[int] = []
    if kind == "hepatic" and root_hint_mm is None and cava is not None and not cava.is_empty:
        lines, mouths = with_mouths(lines, mask, cava)
    lines, rank = without_spurs(lines, mouths)
    forest = _forest(lines, mask, liver, kind)
    if lines.loops:
        forest.notes.append(f"{counted(lines.loops, 'loop')} of the mask cut where the vessel is thinnest.")
    if root_hint_mm is not None:
        hinted_root(forest, np.asarray(root_hint_mm, dtype=np.float64))
    elif kind == "hepatic":
        vein_roots(forest, rank[mouths].tolist(), cava)
    else:
        trunk_root(forest, kind)
    _bridge(forest)
    attached = len(forest.roots)
    _leftovers(forest)
    return _directed(forest, kind, attached)


def _forest(lines: CentreLines, mask: Mask, liver: Mask, kind: str) -> Forest:
    """The centre lines with their distance outside the liver (0 inside)."""
    mask.grid.offset_in(liver.grid, f"the {kind} mask", "the liver")
    outside = outside_mm(lines.points_mm, liver)
    if outside.min() > REACH_MM:
        raise SceneError(
            f"The {kind} mask comes no nearer than {outside.min():.0f} mm to the liver, so its vessels are not those "
            "of this liver. Check that both masks are of one scan and that the right file is given."
        )
    return Forest(lines.points_mm, lines.radius_mm, neighbours_of(len(outside), lines.edges), outside)


def _bridge(forest: Forest) -> None:
    """Join pieces without a root to others over gaps, shortest and straightest first."""
    from scipy.spatial import cKDTree

    piece = np.zeros(len(forest.points), dtype=np.int64)
    groups = forest.pieces()
    for number, group in enumerate(groups):
        piece[group] = number
    if len(groups) == 1:
        return
    rooted = np.zeros(len(groups), dtype=bool)
    rooted[piece[forest.roots]] = True
    tree = cKDTree(forest.points, balanced_tree=False)
    offers = []
    for end in forest.ends().tolist():
        radius, along = forest.stump(end)
        reach = GAP_MM + radius + float(forest.radius.max())
        for other in sorted(tree.query_ball_point(forest.points[end], reach)):
            if piece[other] != piece[end]:
                offer = _offer(forest, end, other, along)
                if offer is not None:
                    offers.append(offer)
    joined = np.arange(len(groups))
    longest = 0.0
    for _, gap, end, other in sorted(offers):
        a, b = joined[piece[end]], joined[piece[other]]
        if a == b or (rooted[a] and rooted[b]):
            continue
        forest.join(end, other)
        forest.bridges.append((end, other))
        joined[joined == b] = a
        rooted[a] |= rooted[b]
        longest = max(longest, gap)
    if forest.bridges:
        forest.notes.append(
            f"{counted(len(forest.bridges), 'gap')} of the mask bridged, the longest {longest:.1f} mm: what lies "
            "behind is taken to belong to the branch it points at."
        )


def _offer(forest: Forest, end: int, other: int, along: FloatArray) -> tuple[float, float, int, int] | None:
    """Cost and width of the gap from an end to a point of another piece; None when it is too wide or too oblique."""
    step = forest.points[other] - forest.points[end]
    length = float(np.linalg.norm(step))
    gap = max(length - forest.radius[end] - forest.radius[other], 0.0)
    cosine = float(step @ along) / length if length else 1.0
    if gap > GAP_MM or cosine < GAP_COSINE:
        return None
    return length * (2.0 - cosine), gap, end, other


def _leftovers(forest: Forest) -> None:
    """Pieces without a root: a tree of their own, rooted at the thickest end, or left out when they are short."""
    taken = set(forest.roots)
    apart, crumbs = 0.0, 0
    for piece in forest.pieces():
        if not taken.isdisjoint(piece.tolist()):
            continue
        length = piece_length_mm(forest, piece)
        if length < PIECE_MM and forest.roots:
            crumbs += 1
            continue
        forest.roots.append(thickest_end(forest, piece))
        apart += length
    if apart:
        forest.notes.append(f"{apart:.0f} mm of vessel are joined to no trunk: what they serve is shown apart.")
    if crumbs:
        forest.notes.append(f"{counted(crumbs, 'short piece')} of the mask left out.")


def _directed(forest: Forest, kind: str, attached: int) -> TracedTree:
    """Edges away from the roots, without what stays outside the liver; centre lines smoothed."""
    parent = np.full(len(forest.points), -2, dtype=np.int64)
    order: list[int] = []
    for root in forest.roots:
        parent[root] = -1
        stack = [root]
        while stack:
            at = stack.pop()
            order.append(at)
            for n in forest.near[at][::-1]:
                if parent[n] == -2:
                    parent[n] = at
                    stack.append(n)
    serves = forest.outside <= OUTSIDE_MM
    for node in order[::-1]:
        if serves[node] and parent[node] >= 0:
            serves[parent[node]] = True
    serves[forest.roots[:attached]] = True
    lost = [n for n in order if not serves[n]]
    if lost:
        forest.notes.append(f"{len(lost)} points of vessels that stay outside the liver left out.")
    roots = [n for n in forest.roots if serves[n]]
    kept = [n for n in order if serves[n]]
    rank = {n: number for number, n in enumerate(kept)}
    up = np.array([rank.get(int(parent[n]), -1) for n in kept])
    bridged = [rank[a if parent[a] == b else b] for a, b in forest.bridges if a in rank and b in rank]
    points = axes_met(_smoothed(forest.points[kept], up), up, forest.radius[kept])
    trunks = sum(1 for n in roots if n in set(forest.roots[:attached]))
    return tree_of_points(kind, points, up, forest.radius[kept], attached=trunks, bridges=bridged, notes=forest.notes)


def _smoothed(points: FloatArray, parent: IntArray) -> FloatArray:
    """Each point that has one child moved to the middle between itself and its neighbours, twice."""
    count = np.bincount(parent[parent >= 0], minlength=len(parent))
    child = np.full(len(parent), -1)
    child[parent[parent >= 0]] = np.flatnonzero(parent >= 0)
    inner = np.flatnonzero((parent >= 0) & (count == 1))
    result = points.copy()
    for _ in range(2):
        result[inner] = 0.5 * result[inner] + 0.25 * (result[parent[inner]] + result[child[inner]])
    return result
