"""The choice among many: what nothing else beats in everything, a few of them, far apart."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from glisson.geometry import FloatArray

__all__ = ["front", "spread_front"]

BALANCED_SHARE = 0.5
"""Only this share of the front is given out, by the sum of the costs: its corners are best in one wish and bad in all
others."""


def front(costs: FloatArray) -> npt.NDArray[np.intp]:
    """Rows of (n, m) costs that no other row beats: nowhere worse and somewhere better. Of equal rows the first."""
    rows, first = np.unique(costs, axis=0, return_index=True)
    order = np.lexsort((first, rows.sum(axis=1)))
    rows, first = rows[order], first[order]
    alive = np.ones(len(rows), np.bool_)
    for place in range(len(rows)):
        if alive[place]:
            worse = (rows[place + 1 :] >= rows[place]).all(axis=1)
            alive[place + 1 :] &= ~worse
    return np.sort(first[alive])


def spread_front(costs: FloatArray, ways: FloatArray, apart_degrees: float) -> Iterator[int]:
    """Rows of the front, the most balanced first, then each time the one farthest from those given out.

    costs: (n, m), lower is better. ways: (n, 3) unit vectors. Far is measured in the costs, each by its span over the
    front, and in the angle between the ways, by apart_degrees. The most balanced has the least sum of such costs;
    BALANCED_SHARE of the front comes.
    """
    kept = front(costs)
    span = np.maximum(np.ptp(costs[kept], axis=0), 1.0)
    scaled = (costs[kept] - costs[kept].min(axis=0)) / span
    better = np.sort(np.argsort(scaled.sum(axis=1), kind="stable")[: int(np.ceil(BALANCED_SHARE * kept.size))])
    kept, scaled = kept[better], scaled[better]
    left = np.ones(kept.size, np.bool_)
    away = np.full(kept.size, np.inf)
    place = int(np.argmin(scaled.sum(axis=1)))
    while left.any():
        yield int(kept[place])
        left[place] = False
        turn = np.degrees(np.arccos(np.clip(ways[kept] @ ways[kept[place]], -1.0, 1.0))) / apart_degrees
        gap = np.hypot(np.linalg.norm(scaled - scaled[place], axis=1), np.minimum(turn, 1.0))
        away = np.where(left, np.minimum(away, gap), -1.0)
        place = int(np.argmax(away))
