"""The pieces of a vessel system while they are put together into trees."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from glisson.anatomy.skeleton import IntArray
from glisson.errors import SceneError
from glisson.geometry import FloatArray, Mask

__all__ = ["OUTSIDE_MM", "Forest", "counted", "outside_mm", "path_between", "path_length_mm", "piece_length_mm",
           "thickest_end"]  # fmt: skip

OUTSIDE_MM = 3.0
"""A centre line further than this outside the liver has left it; what leaves and does not come back is trunk or no
vessel of the liver."""

STUMP_MM = 10.0
"""The radius and the direction of an end are taken over this length before it."""


@dataclass(eq=False)
class Forest:
    """The pieces while they are put together. near: neighbours of each point; roots: chosen so far."""

    points: FloatArray
    radius: FloatArray
    near: list[list[int]]
    outside: FloatArray
    roots: list[int] = field(default_factory=list)
    bridges: list[tuple[int, int]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def pieces(self) -> list[IntArray]:
        """The points of each connected piece, pieces in the order of their first points."""
        seen = np.zeros(len(self.points), dtype=bool)
        found = []
        for start in range(len(self.points)):
            if not seen[start]:
                group, stack = [], [start]
                seen[start] = True
                while stack:
                    at = stack.pop()
                    group.append(at)
                    fresh = [n for n in self.near[at] if not seen[n]]
                    seen[fresh] = True
                    stack += fresh
                found.append(np.array(sorted(group), dtype=np.int64))
        return found

    def ends(self) -> IntArray:
        """Points with at most one neighbour."""
        return np.array([n for n, group in enumerate(self.near) if len(group) <= 1], dtype=np.int64)

    def stump(self, end: int) -> tuple[float, FloatArray]:
        """Median radius over the last STUMP_MM before an end, and the direction (unit, outward; zero for a point)."""
        chain, length, before, at = [end], 0.0, -1, end
        while length < STUMP_MM:
            onward = [n for n in self.near[at] if n != before]
            if len(onward) != 1:
                break
            before, at = at, onward[0]
            length += float(np.linalg.norm(self.points[at] - self.points[before]))
            chain.append(at)
        along = self.points[end] - self.points[at]
        size = float(np.linalg.norm(along))
        return float(np.median(self.radius[chain])), along / size if size else along

    def join(self, a: int, b: int) -> None:
        """Add an edge."""
        self.near[a] = sorted([*self.near[a], b])
        self.near[b] = sorted([*self.near[b], a])

    def cut(self, a: int, b: int) -> None:
        """Take an edge away."""
        self.near[a].remove(b)
        self.near[b].remove(a)


def outside_mm(points: FloatArray, liver: Mask) -> FloatArray:
    """(n,) distance of each point to the nearest voxel centre of the liver; 0 in a voxel of the liver."""
    from scipy.ndimage import binary_erosion
    from scipy.spatial import cKDTree

    index = np.rint(liver.grid.to_index(points)).astype(np.int64)
    held = ((index >= 0) & (index < liver.grid.shape)).all(axis=1)
    within = np.zeros(len(points), dtype=np.bool_)
    within[held] = liver.data[tuple(index[held].T)]
    if liver.is_empty:
        raise SceneError("The liver mask is empty, so no vessel can be placed in it. Give a liver mask with voxels.")
    outline = liver.data & ~binary_erosion(liver.data)
    tree = cKDTree(liver.grid.to_mm(np.argwhere(outline)), balanced_tree=False)
    result = np.zeros(len(points))
    result[~within] = tree.query(points[~within], workers=2)[0]
    return result


def path_between(forest: Forest, a: int, b: int) -> list[int]:
    """The points from b to a along the centre lines; [] where they are not joined."""
    before = {a: -1}
    stack = [a]
    while stack and b not in before:
        at = stack.pop()
        for n in forest.near[at]:
            if n not in before:
                before[n] = at
                stack.append(n)
    if b not in before:
        return []
    path = [b]
    while before[path[-1]] >= 0:
        path.append(before[path[-1]])
    return path


def path_length_mm(forest: Forest, path: list[int]) -> float:
    """Length of a path of points."""
    return float(np.linalg.norm(np.diff(forest.points[path], axis=0), axis=1).sum())


def piece_length_mm(forest: Forest, piece: IntArray) -> float:
    """Length of all edges of a piece."""
    return float(
        sum(np.linalg.norm(forest.points[n] - forest.points[m]) for n in piece for m in forest.near[n] if m > n)
    )


def thickest_end(forest: Forest, piece: IntArray) -> int:
    """The end of a piece with the greatest radius over its last STUMP_MM."""
    ends = [int(n) for n in piece if len(forest.near[n]) <= 1]
    return max(ends, key=lambda end: (forest.stump(end)[0], -end))


def counted(number: int, what: str) -> str:
    """A number with its noun."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
