"""Vessel trees: grown into a territory from named branches, with flows that add up and radii by Murray's law.

Murray (1926, doi 10.1073/pnas.12.3.207): at a junction the cube of the parent's radius is the sum of the cubes of its
children's, which is what radius = c * flow^(1/3) gives when flow is conserved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from glisson.simulate.shapes import Field

__all__ = ["Sapling", "VesselTree", "curve"]

Points = npt.NDArray[np.float64]

UPSTREAM_SHARE = 0.6
"""A new branch leaves its parent this share of its own reach upstream of the nearest point: acute angles, as in
life."""
BEND_SHARE = 0.07
"""Sideways bend of a new branch at its middle, as a share of its length (standard deviation)."""
CANDIDATES = 8
"""Nearest edges tried before a branch may leave the liver for a moment."""


@dataclass(frozen=True, eq=False)
class VesselTree:
    """A tree (or several, for the hepatic veins) of nodes; each node stands for itself and the edge to its parent.

    nodes_mm: (n, 3) LPS mm. parent: (n,), -1 at a root; parent[i] < i. radius_mm: (n,) of the edge to the parent.
    flow_ml: (n,) volume of liver fed or drained through the node: at a root the whole tree's, conserved at junctions.
    segment: (n,) Couinaud 1..8 that the node serves alone, 0 for branches serving more than one. names: (n,).
    """

    nodes_mm: Points
    parent: npt.NDArray[np.int32]
    radius_mm: npt.NDArray[np.float64]
    flow_ml: npt.NDArray[np.float64]
    segment: npt.NDArray[np.uint8]
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        for array in (self.nodes_mm, self.parent, self.radius_mm, self.flow_ml, self.segment):
            array.setflags(write=False)

    @property
    def roots(self) -> npt.NDArray[np.int64]:
        """Nodes without a parent."""
        return np.flatnonzero(self.parent < 0)

    @property
    def terminals(self) -> npt.NDArray[np.int64]:
        """Nodes without children."""
        inner = np.zeros(self.parent.size, dtype=bool)
        inner[self.parent[self.parent >= 0]] = True
        return np.flatnonzero(~inner)

    def edges(self) -> tuple[npt.NDArray[np.int64], Points, Points]:
        """Node indices with a parent, and both ends of their edges: (m,), (m, 3) parent side, (m, 3) own side."""
        own = np.flatnonzero(self.parent >= 0)
        return own, self.nodes_mm[self.parent[own]], self.nodes_mm[own]

    def sampled(self, step_mm: float) -> tuple[Points, npt.NDArray[np.int64]]:
        """Points along every edge at most step_mm apart, with the node each belongs to."""
        own, p, q = self.edges()
        pieces = np.maximum(np.ceil(np.linalg.norm(q - p, axis=1) / step_mm), 1).astype(int)
        node = np.repeat(own, pieces)
        t = np.concatenate([np.arange(1, n + 1) / n for n in pieces])[:, None]
        return np.repeat(p, pieces, axis=0) * (1 - t) + np.repeat(q, pieces, axis=0) * t, node


def curve(points: Sequence[npt.ArrayLike], step_mm: float = 5.0) -> Points:
    """A smooth curve through the points (centripetal Catmull-Rom), sampled about every step_mm, both ends included."""
    p = np.asarray(points, dtype=np.float64)
    if len(p) == 2:
        n = max(int(np.linalg.norm(p[1] - p[0]) / step_mm), 1)
        return p[0] + np.linspace(0, 1, n + 1)[:, None] * (p[1] - p[0])
    knots = np.concatenate([[0.0], np.cumsum(np.maximum(np.linalg.norm(np.diff(p, axis=0), axis=1), 1e-6) ** 0.5)])
    from scipy.interpolate import PchipInterpolator

    n = max(int(np.linalg.norm(np.diff(p, axis=0), axis=1).sum() / step_mm), len(p) - 1)
    result: Points = PchipInterpolator(knots, p, axis=0)(np.linspace(0, knots[-1], n + 1))
    return result


class Sapling:
    """A tree while it grows. Positions are in the frame of `inside` (negative within the liver)."""

    def __init__(self, inside: Field, rng: np.random.Generator) -> None:
        self._inside = inside
        self._rng = rng
        self._count = 0
        self._points = np.zeros((256, 3))
        self._parent = np.full(256, -1, dtype=np.int64)
        self._segment = np.zeros(256, dtype=np.int64)
        self._name: list[str] = []

    def add(self, points: npt.ArrayLike, start: int, name: str, segment: int = 0) -> int:
        """Add a run of nodes after node `start` (-1: the first point becomes a root); returns the last node."""
        last = start
        for point in np.asarray(points, dtype=np.float64):
            last = self._put(point, last, name, segment)
        return last

    def _put(self, point: Points, parent: int, name: str, segment: int) -> int:
        if self._count == len(self._parent):
            self._points = np.concatenate([self._points, np.zeros_like(self._points)])
            self._parent = np.concatenate([self._parent, np.full_like(self._parent, -1)])
            self._segment = np.concatenate([self._segment, np.zeros_like(self._segment)])
        self._points[self._count] = point
        self._parent[self._count] = parent
        self._segment[self._count] = segment
        self._name.append(name)
        self._count += 1
        return self._count - 1

    def points(self) -> Points:
        """(n, 3) nodes so far."""
        return self._points[: self._count].copy()

    def grow(self, targets: Points, segments: npt.NDArray[np.integer] | None, name: str) -> None:
        """Join each target to the tree by the shortest branch that stays inside, in the order given.

        segments: for each target the segment whose edges it may join (None: any edge).
        """
        for number, target in enumerate(targets):
            segment = None if segments is None else int(segments[number])
            self._join(target, segment, name)

    def _join(self, target: Points, segment: int | None, name: str) -> None:
        usable = self._parent[: self._count] >= 0
        if segment is not None:
            usable &= self._segment[: self._count] == segment
        own = np.flatnonzero(usable)
        q, p = self._points[own], self._points[self._parent[own]]
        d = q - p
        length2 = np.maximum((d * d).sum(axis=1), 1e-9)
        t = np.clip(((target - p) * d).sum(axis=1) / length2, 0.0, 1.0)
        gap = np.linalg.norm(target - (p + t[:, None] * d), axis=1)
        best = np.argsort(gap, kind="stable")[:CANDIDATES]
        back = np.clip(t[best] - UPSTREAM_SHARE * gap[best] / np.sqrt(length2[best]), 0.0, 1.0)
        feet = p[best] + back[:, None] * d[best]
        along = np.array([0.25, 0.5, 0.75])[None, :, None]
        probes = feet[:, None, :] * (1 - along) + target[None, None, :] * along
        outside = (self._inside.at(probes.reshape(-1, 3)).reshape(len(best), -1) > -0.5).sum(axis=1)
        pick = int(np.argmin(outside))
        node = self._split(int(own[best[pick]]), feet[pick], float(back[pick]))
        label = int(self._segment[node]) if segment is None else segment
        middle = (self._points[node] + target) / 2
        middle = middle + self._rng.normal(size=3) * BEND_SHARE * np.linalg.norm(target - self._points[node])
        self.add(np.array([middle, target]), node, name, label)

    def _split(self, edge: int, foot: Points, t: float) -> int:
        """The node at a point of an edge: one of its ends when close to it, else a new one that parts the edge."""
        if t >= 0.98:
            return edge
        above = int(self._parent[edge])
        if t <= 0.02 and self._parent[above] >= 0:
            return above
        node = self._put(foot, above, self._name[edge], int(self._segment[edge]))
        self._parent[edge] = node
        return node

    def finish(
        self,
        liver_points: Points,
        labels: npt.NDArray[np.integer] | None,
        liver_ml: float,
        root_radius_mm: float,
        scale: float,
    ) -> tuple[VesselTree, npt.NDArray[np.int64]]:
        """The finished tree in world mm, and for each liver point the leaf that serves it (nearest, within its label).

        Every liver point stands for an equal share of liver_ml. A tree that carried all of it has root_radius_mm.
        """
        from scipy.spatial import cKDTree

        order, parent = self._ordered()
        points = self._points[order]
        segment = self._segment[order].astype(np.uint8)
        inner = np.zeros(parent.size, dtype=bool)
        inner[parent[parent >= 0]] = True
        leaves = np.flatnonzero(~inner)
        far = 1e4 if labels is not None else 0.0
        own = np.zeros(len(liver_points)) if labels is None else labels * far
        kd = cKDTree(np.column_stack([points[leaves], segment[leaves] * far]))
        served = leaves[kd.query(np.column_stack([liver_points, own]))[1]]
        flow = np.bincount(served, minlength=parent.size).astype(np.float64)
        flow *= liver_ml / len(liver_points)
        for i in range(parent.size - 1, -1, -1):
            if parent[i] >= 0:
                flow[parent[i]] += flow[i]
        radius = np.asarray(root_radius_mm * np.cbrt(flow / liver_ml), dtype=np.float64)
        names = tuple(self._name[i] for i in order)
        return VesselTree(points * scale, parent.astype(np.int32), radius, flow, segment, names), served

    def _ordered(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Node order with parents first, and the parents in that order."""
        children: dict[int, list[int]] = {}
        for node, parent in enumerate(self._parent[: self._count].tolist()):
            children.setdefault(parent, []).append(node)
        order: list[int] = []
        stack = list(reversed(children[-1]))
        while stack:
            node = stack.pop()
            order.append(node)
            stack.extend(reversed(children.get(node, ())))
        rank = np.empty(len(order), dtype=np.int64)
        rank[order] = np.arange(len(order))
        old = self._parent[order]
        return np.array(order), np.where(old < 0, -1, rank[np.maximum(old, 0)])
