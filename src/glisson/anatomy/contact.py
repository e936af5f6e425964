"""How much of a vessel's circumference a lesion lies against."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from glisson.geometry import BoolArray, FloatArray, Grid

__all__ = ["Contact", "contact_of"]

RAYS = 72
"""Directions looked at around a vessel: five degrees each."""

STEP_MM = 0.25
"""Step of a ray."""

REACH_RADII, REACH_MM = 2.0, 2.0
"""A ray that is still in the vessel after this many radii and millimetres runs along a branch, not through the wall."""

GAP_EDGES = 0.5
"""A lesion that begins within this many of the longest edges of a voxel beyond the wall lies against it."""


@dataclass(frozen=True)
class Contact:
    """The cross-section of a vessel with the most contact: degrees of its circumference (0 to 360), and where it is."""

    degrees: float
    at_mm: tuple[float, float, float] | None


def contact_of(
    points_mm: FloatArray, along: FloatArray, radius_mm: FloatArray, vessel: BoolArray, lesion: BoolArray, grid: Grid
) -> Contact:
    """The largest angle around a vessel over which a lesion touches its wall, as radiologists count it; LPS mm.

    points_mm: (n, 3) on the vessel's middle, along: (n, 3) unit vectors, radius_mm: (n,). vessel, lesion: on `grid`.
    In the plane across the vessel at each point, rays go out in RAYS directions; each leaves the vessel at its wall,
    and counts when the lesion lies at the wall or within GAP_EDGES beyond. Where the vessel runs inside the lesion all
    directions count. A ray that does not leave (REACH_RADII), at a junction, does not count.
    """
    if not len(points_mm):
        return Contact(0.0, None)
    first, second = _across(along)
    turn = np.arange(RAYS) * (2.0 * np.pi / RAYS)
    rays = np.cos(turn)[None, :, None] * first[:, None, :] + np.sin(turn)[None, :, None] * second[:, None, :]
    most = REACH_RADII * radius_mm + REACH_MM
    beyond = GAP_EDGES * max(grid.spacing_mm)
    steps = np.arange(0.0, float(most.max()) + beyond + STEP_MM, STEP_MM)
    best = Contact(0.0, None)
    for point, fan, limit in zip(points_mm, rays, most, strict=True):
        place = point + fan[:, None, :] * steps[None, :, None]
        inside, held = _at(vessel, place, grid), _at(lesion, place, grid)
        inside[:, 0] = True
        out = ~inside
        wall = np.where(out.any(axis=1), out.argmax(axis=1), len(steps))
        after = np.arange(len(steps))[None, :] - wall[:, None]
        touches = (held & (after <= beyond / STEP_MM) & (after >= -1)).any(axis=1) & (wall * STEP_MM <= limit)
        degrees = 360.0 * float(np.count_nonzero(touches)) / RAYS
        if degrees > best.degrees:
            best = Contact(degrees, (float(point[0]), float(point[1]), float(point[2])))
    return best


def _across(along: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Two unit vectors across each direction, (n, 3) each."""
    helper = np.where(np.abs(along[:, :1]) < 0.8, [[1.0, 0.0, 0.0]], [[0.0, 1.0, 0.0]])
    first = np.cross(along, helper)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    return first, np.cross(along, first)


def _at(array: BoolArray, places_mm: npt.NDArray[np.float64], grid: Grid) -> BoolArray:
    """The voxel at each place; False outside the grid."""
    index = np.rint(grid.to_index(places_mm)).astype(np.int64)
    held = ((index >= 0) & (index < grid.shape)).all(axis=-1)
    index[~held] = 0
    result: BoolArray = array[tuple(np.moveaxis(index, -1, 0))] & held
    return result
