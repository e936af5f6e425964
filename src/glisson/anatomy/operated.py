"""A liver from which a part was removed, laid over the whole that it was before.

The outlines of the two do not fit: one lacks a part. So the remnant's outline is slid about inside the whole until it
lies either on the capsule or deep inside, where the cut must be. From there, and from where the outlines would have
put it, the scans are laid over each other like any two (`anatomy.overlay`), and the better result is taken.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from glisson.anatomy.overlay import LiverScan, Overlay, judged
from glisson.errors import InputError
from glisson.geometry import FloatArray, Grid, Mask, distance_to, resample_mask, surface
from glisson.geometry.registration import Alignment, align

__all__ = ["lay_over_remnant"]

STEP_MM = 4.0
"""Distances to the outline of the whole are known on a lattice of this spacing."""
AROUND_MM = 80.0
"""That far around the whole."""
CUT_MM = 15.0
"""A point of the remnant's outline this deep inside the whole lies at the cut, and deeper costs nothing more. Half as
deep it counts as cut once the scans lie over each other, and so does what is this near to such a point."""
POINTS = 600
"""Points of the remnant's outline that are looked at."""
ROUNDS = 500
"""Trials of the search from each start at most."""
SHIFT_MM, TURN = 10.0, 0.1
"""First steps of the search: shift, and turn in radians."""


def lay_over_remnant(remnant: LiverScan, whole: LiverScan, *, bend: bool = True) -> Overlay:
    """Lay the whole liver of an earlier scan (moving) under the remnant of a later one (fixed).

    Where the remnant lies on the capsule and where at the cut is found, not told; a plan is not looked at. The error is
    that of `anatomy.overlay`, of forks that both scans show and of the outline away from the cut. Deterministic. Raises
    InputError for an empty mask.
    """
    for name, mask in (("later", remnant.organ.mask), ("earlier", whole.organ.mask)):
        if mask.is_empty:
            raise InputError(f"The liver of the {name} scan is an empty mask. Outline it first.")
    slid = _slid(remnant.organ.mask, whole.organ.mask)
    found = [align(remnant.organ, whole.organ, bend=bend, start=start) for start in (None, slid)]
    points = surface(remnant.organ.mask).vertices_mm
    depth = _Depth.of(whole.organ.mask)
    alignment = min(found, key=lambda one: _cost(depth.at(one.to_moving(points))))
    return judged(alignment, remnant, whole, _capsule(points, depth.at(alignment.to_moving(points))))


def _cost(depth_mm: FloatArray) -> float:
    """How badly points lie that should be on an outline or at a cut inside it: mean distance, cut off inside."""
    return float(np.where(depth_mm > 0, depth_mm, np.minimum(-depth_mm, CUT_MM)).mean())


def _capsule(points: FloatArray, depth_mm: FloatArray) -> FloatArray:
    """The points of the remnant's outline that are not at the cut or its rim; all of them where none is left."""
    from scipy.spatial import cKDTree

    cut = depth_mm < -CUT_MM / 2
    if not cut.any():
        return points
    away = cKDTree(points[cut]).query(points, distance_upper_bound=CUT_MM)[0] > CUT_MM
    return points[away] if away.any() else points


@dataclass(frozen=True, eq=False)
class _Depth:
    """Distance to the outline of a mask, negative inside, on a coarse lattice around it."""

    values: npt.NDArray[np.float32]
    grid: Grid

    @classmethod
    def of(cls, mask: Mask) -> _Depth:
        points = mask.grid.to_mm(np.argwhere(mask.data))
        low, high = points.min(axis=0) - AROUND_MM, points.max(axis=0) + AROUND_MM
        i, j, k = (int(n) for n in np.ceil((high - low) / STEP_MM).astype(int) + 1)
        grid = Grid.axial((i, j, k), (STEP_MM,) * 3, (float(low[0]), float(low[1]), float(low[2])))
        inside = resample_mask(mask, grid).data
        apart = distance_to(inside, grid.spacing_mm) - distance_to(~inside, grid.spacing_mm)
        return cls(apart.astype(np.float32), grid)

    def at(self, points_mm: FloatArray) -> FloatArray:
        """(n,) distances at (n, 3) points; beyond the lattice that of its edge."""
        from scipy.ndimage import map_coordinates

        found: FloatArray = map_coordinates(self.values, self.grid.to_index(points_mm).T, order=1, mode="nearest")
        return found


def _slid(remnant: Mask, whole: Mask) -> Alignment:
    """The rigid map under which the remnant's outline lies best inside the whole."""
    from scipy.optimize import minimize

    points = surface(remnant).vertices_mm
    points = points[:: max(len(points) // POINTS, 1)]
    middle = points.mean(axis=0)
    depth = _Depth.of(whole)

    def cost(pose: FloatArray) -> float:
        return _cost(depth.at(_posed(points, middle, pose)))

    steps = np.diag([SHIFT_MM] * 3 + [TURN] * 3)
    found = []
    for start in _starts(points, whole):
        pose = np.concatenate([start, np.zeros(3)])
        simplex = np.vstack([pose, pose + steps])
        found.append(minimize(cost, pose, method="Nelder-Mead", options={"maxfev": ROUNDS, "initial_simplex": simplex}))
    best = min(found, key=lambda one: float(one.fun)).x
    matrix = np.eye(4)
    matrix[:3, :3] = _turn(best)
    matrix[:3, 3] = middle + best[:3] - matrix[:3, :3] @ middle
    return Alignment(matrix, None, whole.grid, scaled=False)


def _starts(points: FloatArray, whole: Mask) -> Iterator[FloatArray]:
    """Shifts: none, middle on middle, and each side of the remnant's box against that side of the whole's."""
    corners = whole.grid.to_mm(np.argwhere(whole.data))
    low, high = corners.min(axis=0), corners.max(axis=0)
    yield np.zeros(3)
    yield corners.mean(axis=0) - points.mean(axis=0)
    below, above = low - points.min(axis=0), high - points.max(axis=0)
    for right in (below, above):
        for top in (below, above):
            yield np.array([right[0], (below[1] + above[1]) / 2, top[2]])


def _turn(pose: FloatArray) -> FloatArray:
    from scipy.spatial.transform import Rotation

    matrix: FloatArray = Rotation.from_rotvec(pose[3:]).as_matrix()
    return matrix


def _posed(points: FloatArray, middle: FloatArray, pose: FloatArray) -> FloatArray:
    moved: FloatArray = (points - middle) @ _turn(pose).T + middle + pose[:3]
    return moved
