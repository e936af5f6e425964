"""A vessel tree as branches: points along their middle, radii, and which branch comes from which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from glisson.errors import InputError
from glisson.geometry import FloatArray

__all__ = ["Branch", "TracedTree", "tree_of_points"]

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Branch:
    """One vessel between two junctions.

    id: its place in `TracedTree.branches`. parent: id of the branch it comes from, -1 for a first one. points: indices
    of its points, from the root's side, without the junction it starts at. length_mm: from that junction to its end.
    radius_mm: median. generation: 1 for a first branch, one more after each junction. order: Strahler's (1 at an end).
    bridged: a gap of the mask was bridged in it.
    """

    id: int
    parent: int
    points: tuple[int, ...]
    length_mm: float
    radius_mm: float
    generation: int
    order: int
    bridged: bool = False


@dataclass(frozen=True, eq=False)
class TracedTree:
    """Centre lines of one vessel system, directed away from the trunk (for veins: against the blood).

    kind: "portal", "hepatic" or "artery". nodes_mm: (n, 3) LPS mm, parents before their children. parent: (n,) -1 at a
    root; several roots are several trees. radius_mm: (n,). branch: (n,) id of the branch a point belongs to. branches:
    parents before their children. attached: how many of the roots, the first ones, are trunks; further roots are pieces
    of the mask that nothing joins to a trunk. notes: how the root was found, what was bridged, cut or left out.
    """

    kind: str
    nodes_mm: FloatArray
    parent: IntArray
    radius_mm: FloatArray
    branch: IntArray
    branches: tuple[Branch, ...]
    attached: int
    notes: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        for array in (self.nodes_mm, self.parent, self.radius_mm, self.branch):
            array.setflags(write=False)

    @cached_property
    def roots(self) -> IntArray:
        """Points without a parent."""
        return np.flatnonzero(self.parent < 0)

    @cached_property
    def children(self) -> tuple[tuple[int, ...], ...]:
        """For each branch the ids of the branches that come from its end."""
        found: list[list[int]] = [[] for _ in self.branches]
        for branch in self.branches:
            if branch.parent >= 0:
                found[branch.parent].append(branch.id)
        return tuple(tuple(group) for group in found)

    @cached_property
    def branch_points_mm(self) -> FloatArray:
        """(k, 3) the junctions: points with two or more children, LPS mm."""
        count = np.bincount(self.parent[self.parent >= 0], minlength=len(self.parent))
        return self.nodes_mm[count >= 2]

    def descendants(self, *branches: int) -> tuple[int, ...]:
        """The branches named and all that come from them, in increasing order. Raises InputError for an unknown id."""
        self.require(*branches)
        held = np.zeros(len(self.branches), dtype=bool)
        held[list(branches)] = True
        for branch in self.branches:
            if branch.parent >= 0 and held[branch.parent]:
                held[branch.id] = True
        return tuple(np.flatnonzero(held).tolist())

    def ancestors(self, branch: int) -> tuple[int, ...]:
        """The branches from the trunk to the one named, which is the last."""
        self.require(branch)
        path = [branch]
        while self.branches[path[-1]].parent >= 0:
            path.append(self.branches[path[-1]].parent)
        return tuple(path[::-1])

    def line_mm(self, branch: int) -> FloatArray:
        """(m, 3) the points of a branch with the junction it starts at, LPS mm."""
        self.require(branch)
        points = self.branches[branch].points
        before = int(self.parent[points[0]])
        return self.nodes_mm[[before, *points] if before >= 0 else list(points)]

    def require(self, *branches: int) -> None:
        """Raise InputError unless every id is that of a branch."""
        wrong = [branch for branch in branches if not 0 <= branch < len(self.branches)]
        if wrong:
            raise InputError(f"The tree has branches 0 to {len(self.branches) - 1}, not {', '.join(map(str, wrong))}.")


def tree_of_points(
    kind: str, nodes_mm: npt.ArrayLike, parent: npt.ArrayLike, radius_mm: npt.ArrayLike, *,
    attached: int | None = None, bridges: Sequence[int] = (), notes: Sequence[str] = (),
) -> TracedTree:  # fmt: skip
    """A tree from points that know their parents, such as a centre line made elsewhere.

    nodes_mm: (n, 3) LPS mm. parent: (n,) index of the parent, -1 at a root, in any order. radius_mm: (n,). attached:
    how many roots, in the order of the points, are trunks (None: all). bridges: points whose edge to the parent bridges
    a gap. Raises InputError when shapes disagree, a number is not finite, or the parents form a cycle.
    """
    nodes, above = np.array(nodes_mm, dtype=np.float64), np.array(parent, dtype=np.int64)
    radius = np.array(radius_mm, dtype=np.float64)
    count = len(nodes)
    if not count or nodes.shape != (count, 3) or above.shape != (count,) or radius.shape != (count,):
        raise InputError(
            "A tree needs (n, 3) points, (n,) parents and (n,) radii, got "
            f"{nodes.shape}, {above.shape}, {radius.shape}."
        )
    if not (np.isfinite(nodes).all() and np.isfinite(radius).all() and (radius > 0).all()):
        raise InputError("Points and radii of a tree must be finite, and radii larger than zero.")
    if above.max() >= count:
        raise InputError(f"A parent is point {above.max()}, but there are only {count} points.")
    order = _parents_first(above)
    rank = np.empty(count, dtype=np.int64)
    rank[order] = np.arange(count)
    up = np.where(above[order] < 0, -1, rank[above[order]])
    nodes, radius = nodes[order], radius[order]
    branch, branches = _branches(nodes, up, radius, set(rank[list(bridges)].tolist()))
    roots = int(np.count_nonzero(up < 0))
    return TracedTree(kind, nodes, up, radius, branch, branches, roots if attached is None else attached, tuple(notes))


def _parents_first(parent: IntArray) -> IntArray:
    """Depth first from each root in turn, children in the order of their numbers."""
    below: list[list[int]] = [[] for _ in parent]
    roots: list[int] = []
    for node, above in enumerate(parent.tolist()):
        (below[above] if above >= 0 else roots).append(node)
    order: list[int] = []
    stack = roots[::-1]
    while stack:
        node = stack.pop()
        order.append(node)
        stack.extend(below[node][::-1])
    if len(order) < len(parent):
        raise InputError("The parents of the points form a cycle, so they are not a tree.")
    return np.array(order, dtype=np.int64)


def _branches(
    nodes: FloatArray, parent: IntArray, radius: FloatArray, bridges: set[int]
) -> tuple[IntArray, tuple[Branch, ...]]:
    """The branch of each point, and the branches. A root belongs to the first branch that leaves it."""
    children = np.bincount(parent[parent >= 0], minlength=len(parent))
    of = np.full(len(parent), -1, dtype=np.int64)
    members: list[list[int]] = []
    above: list[int] = []
    for node, up in enumerate(parent.tolist()):
        alone = up >= 0 and (children[up] == 1 or (parent[up] < 0 and len(members[of[up]]) == 1))
        if alone:
            of[node] = of[up]
        else:
            of[node] = len(members)
            at_root = up >= 0 and parent[up] < 0 and children[up] > 1
            above.append(-1 if up < 0 or at_root else int(of[up]))
            members.append([])
        members[of[node]].append(node)
    step = np.where(parent >= 0, np.linalg.norm(nodes - nodes[np.maximum(parent, 0)], axis=1), 0.0)
    order = _strahler(above)
    generation: list[int] = []
    for up in above:
        generation.append(1 if up < 0 else generation[up] + 1)
    return of, tuple(
        Branch(
            number, above[number], tuple(group), float(step[group].sum()), float(np.median(radius[group])),
            generation[number], order[number], not bridges.isdisjoint(group),
        )
        for number, group in enumerate(members)
    )  # fmt: skip


def _strahler(above: list[int]) -> list[int]:
    """Strahler's order of each branch: 1 at the ends, one more where two of the highest order meet."""
    order = [0] * len(above)
    meets: list[list[int]] = [[] for _ in above]
    for number in range(len(above) - 1, -1, -1):
        below = sorted(meets[number], reverse=True)
        order[number] = 1 if not below else below[0] + int(len(below) > 1 and below[0] == below[1])
        if above[number] >= 0:
            meets[above[number]].append(order[number])
    return order
