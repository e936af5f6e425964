"""Where branches meet: thinning puts a junction where two lumens part; here it goes to where their axes meet."""

from __future__ import annotations

import numpy as np

from glisson.anatomy.skeleton import IntArray
from glisson.geometry import FloatArray

__all__ = ["axes_met"]

LINE_MM = 5.0
"""The axis of a branch at a junction is taken over this length, from one radius of the junction on."""

SHORTEST_LINE_MM = 1.5
"""A branch shorter than this outside the junction says nothing about where it comes from."""

ANCHOR = 0.05
"""Weight of staying where thinning put the junction, beside one for each axis."""

FURTHEST_RADII = 2.5
"""A junction moves at most this many of its radii."""


def axes_met(points_mm: FloatArray, parent: IntArray, radius_mm: FloatArray) -> FloatArray:
    """The points with every junction moved to where the axes of its branches come nearest to each other; LPS mm.

    points_mm: (n, 3), parent: (n,) -1 at a root, radius_mm: (n,). The axis of a branch is its line outside the ball of
    the junction's radius; the junction goes to the point with the least sum of squared distances to the axes, and the
    points inside the ball go onto the straight line from there to the first point outside.
    """
    below: list[list[int]] = [[] for _ in parent]
    for node, up in enumerate(parent.tolist()):
        if up >= 0:
            below[up].append(node)
    result = points_mm.copy()
    for junction, children in enumerate(below):
        if len(children) < 2:
            continue
        arms = [_down(child, below) for child in children]
        if parent[junction] >= 0:
            arms.append(_up(junction, parent, below))
        met = _meeting(points_mm, junction, arms, float(radius_mm[junction]))
        if met is None:
            continue
        result[junction] = met
        for arm in arms:
            _straighten(result, points_mm, junction, arm, met, float(radius_mm[junction]))
    return result


def _down(node: int, below: list[list[int]]) -> list[int]:
    """A point and what follows it up to and with the next junction or end."""
    chain = [node]
    while len(below[chain[-1]]) == 1:
        chain.append(below[chain[-1]][0])
    return chain


def _up(junction: int, parent: IntArray, below: list[list[int]]) -> list[int]:
    """What comes before a junction, up to and with the one before or the root."""
    chain = [int(parent[junction])]
    while parent[chain[-1]] >= 0 and len(below[chain[-1]]) == 1:
        chain.append(int(parent[chain[-1]]))
    return chain


def _meeting(points: FloatArray, junction: int, arms: list[list[int]], radius: float) -> FloatArray | None:
    """The point nearest to the axes of at least two arms; None when fewer are long enough."""
    at = points[junction]
    matrix, right, lines = ANCHOR * np.eye(3), ANCHOR * at, 0
    for arm in arms:
        away = np.linalg.norm(points[arm] - at, axis=1)
        far = points[arm][(away >= radius) & (away <= radius + LINE_MM)]
        if len(far) < 2 or np.linalg.norm(far[-1] - far[0]) < SHORTEST_LINE_MM:
            continue
        middle = far.mean(axis=0)
        along = np.linalg.svd(far - middle)[2][0]
        across = np.eye(3) - np.outer(along, along)
        matrix = matrix + across
        right = right + across @ middle
        lines += 1
    if lines < 2:
        return None
    step = np.linalg.solve(matrix, right) - at
    size = float(np.linalg.norm(step))
    result: FloatArray = at + step * min(1.0, FURTHEST_RADII * radius / size) if size else at
    return result


def _straighten(
    result: FloatArray, points: FloatArray, junction: int, arm: list[int], met: FloatArray, radius: float
) -> None:
    """Lay the points of an arm that lie in the junction's ball, at most its first half, on the line to the next."""
    away = np.linalg.norm(points[arm] - points[junction], axis=1)
    outside = np.flatnonzero(away >= radius)
    count = min(int(outside[0]) if len(outside) else len(arm), len(arm) // 2)
    if count:
        share = np.arange(1, count + 1)[:, None] / (count + 1)
        result[arm[:count]] = met + share * (points[arm[count]] - met)
