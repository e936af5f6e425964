"""Gamma analysis: how far, in dose and distance together, one dose map is from another.

Gamma at a point of the reference is the smallest sqrt((dose difference / dose criterion)² + (distance / distance
criterion)²) over all points of the evaluated dose (Low et al. 1998, doi 10.1118/1.598248). The evaluated dose is
continuous, linear along each axis between its voxel centres. The minimum is found inside each cell between eight
centres instead of on a fine lattice (as Ju et al. 2008, doi 10.1118/1.2836952, do for simplices); cells whose highest
and lowest dose and distance already forbid an improvement are passed over.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from glisson.errors import InputError
from glisson.geometry import Grid, Volume

__all__ = ["GammaMap", "gamma_map"]

DESCENT_STEPS = 12
"""At most so many Gauss-Newton steps in each cell."""

SETTLED = 1e-3
"""A step of less than this share of a voxel along every axis ends the descent."""

CHUNK_POINTS = 200_000
"""Points taken at a time, which bounds the memory."""

IMPROVEMENT = 1e-6
"""A cell that cannot lower gamma by more than this is passed over."""

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class GammaMap:
    """Gamma on the grid of the reference, float32: NaN where the reference lies below the cutoff, at most `cap`.

    pass_percent: share of the points with gamma of at most 1. points: how many were asked. dose_gy: the dose criterion
    in Gy (of a global criterion; None where it is local).
    """

    gamma: Volume
    pass_percent: float
    points: int
    mean: float
    highest: float
    cap: float
    dose_gy: float | None


def gamma_map(
    reference: Volume,
    evaluated: Volume,
    dose_percent: float = 3.0,
    distance_mm: float = 3.0,
    *,
    cutoff_percent: float = 10.0,
    local: bool = False,
    cap: float = 2.0,
) -> GammaMap:
    """Gamma of an evaluated dose against a reference; both in the same unit, their grids may differ.

    dose_percent: of the highest reference dose, or of the reference dose at the point where `local`. cutoff_percent: of
    the highest reference dose; points below are not asked. cap: highest gamma looked for; beyond, the cap stands.
    Raises InputError for criteria that are not positive, doses that are not finite, a reference without dose, and grids
    that do not overlap.
    """
    for value, what in ((dose_percent, "dose criterion"), (distance_mm, "distance criterion"), (cap, "cap")):
        if not (np.isfinite(value) and value > 0):
            raise InputError(f"The {what} of gamma must be more than 0, got {value}.")
    if not 0.0 <= cutoff_percent < 100.0:
        raise InputError(f"The cutoff of gamma must be from 0 to below 100 %, got {cutoff_percent}.")
    ref = _finite(reference, "reference")
    highest = float(ref.max())
    if highest <= 0:
        raise InputError("The reference dose is 0 everywhere, so gamma has no scale: give the planned dose.")
    asked = np.argwhere(ref >= max(cutoff_percent / 100.0 * highest, float(np.finfo(np.float32).tiny)))
    dose = ref[tuple(asked.T)]
    criterion = dose * dose_percent / 100.0 if local else np.full(len(dose), highest * dose_percent / 100.0)
    search = _Search(_finite(evaluated, "evaluated"), evaluated.grid, distance_mm, cap)
    where = evaluated.grid.to_index(reference.grid.to_mm(asked))
    if not search.holds(where).any():
        raise InputError(
            f"The two doses do not overlap: the reference is {reference.grid.describe()}, the evaluated dose is "
            f"{evaluated.grid.describe()}. Give two doses in one frame of reference."
        )
    found = np.concatenate(
        [
            search.gamma(where[part], dose[part], criterion[part])
            for part in (slice(n, n + CHUNK_POINTS) for n in range(0, len(dose), CHUNK_POINTS))
        ]
    )
    whole = np.full(ref.shape, np.nan, np.float32)
    whole[tuple(asked.T)] = found
    return GammaMap(
        Volume(whole, reference.grid), 100.0 * float((found <= 1.0).mean()), len(found), float(found.mean()),
        float(found.max()), float(cap), None if local else highest * dose_percent / 100.0,
    )  # fmt: skip


def _finite(volume: Volume, what: str) -> Floats:
    data = np.asarray(volume.data, dtype=np.float64)
    if not np.isfinite(data).all():
        raise InputError(f"The {what} dose holds NaN or infinity. Export it again.")
    return data


class _Search:
    """Looks for the nearest point of the evaluated dose, cell by cell outwards."""

    def __init__(self, data: Floats, grid: Grid, distance_mm: float, cap: float) -> None:
        # One voxel more at each end repeats the outermost dose, so that half voxels at the edge have cells too.
        self.data = np.pad(data, 1, mode="edge")
        self.shape = np.array(data.shape)
        self.sides = np.array(grid.spacing_mm)[:, None] / distance_mm
        self.cap = cap
        self.flat = self.data.ravel()
        self.steps = [step // self.data.itemsize for step in self.data.strides]
        self.corners = [sum(c * s for c, s in zip(corner, self.steps, strict=True)) for corner in np.ndindex(2, 2, 2)]
        self.low, self.high = _cell_range(self.data)

    def holds(self, where: Floats) -> npt.NDArray[np.bool_]:
        """Which points (fractional indices) lie in the evaluated grid, outer half voxels included."""
        inside: npt.NDArray[np.bool_] = np.all((where >= -0.5) & (where <= self.shape - 0.5), axis=1)
        return inside

    def gamma(self, where: Floats, dose: Floats, criterion: Floats) -> Floats:
        """Gamma of points at (n, 3) fractional indices of the evaluated grid, with their dose and dose criterion."""
        shifted = np.ascontiguousarray(where.T) + 1.0  # the padding moves every index by one
        base = np.floor(shifted).astype(np.int64)
        part = shifted - base
        best = np.full(len(dose), self.cap)
        active = np.arange(len(dose))
        for nearest, offset in _cells_outwards(tuple(self.sides.ravel().tolist()), self.cap):
            active = active[best[active] > nearest + IMPROVEMENT]
            if not active.size:
                break
            self._try(active, base, part, offset, dose, criterion, best)
        return best

    def _try(
        self, active: Integers, base: Integers, part: Floats, offset: tuple[int, int, int], dose: Floats,
        criterion: Floats, best: Floats,
    ) -> None:  # fmt: skip
        """Lower `best` where the cell at `offset` from each point's own cell comes nearer."""
        inside = np.ones(active.size, dtype=bool)
        bound, at = np.zeros(active.size), np.zeros(active.size, dtype=np.int64)
        for axis in range(3):
            cell = base[axis, active] + offset[axis]
            inside &= (cell >= 0) & (cell <= self.shape[axis])
            point = part[axis, active] - offset[axis]
            bound += (np.maximum(np.maximum(-point, point - 1.0), 0.0) * self.sides[axis, 0]) ** 2
            at += cell * self.steps[axis]
        at = np.where(inside, at, 0)
        apart = np.maximum(np.maximum(self.low[at] - dose[active], dose[active] - self.high[at]), 0.0)
        bound += (apart / criterion[active]) ** 2
        promising = inside & (bound < (best[active] - IMPROVEMENT) ** 2)
        if promising.any():
            active = active[promising]
            point = part[:, active] - np.array(offset)[:, None]
            found = self._descend(at[promising], point, dose[active], criterion[active])
            best[active] = np.minimum(best[active], found)

    def _descend(self, at: Integers, point: Floats, dose: Floats, criterion: Floats) -> Floats:
        """Smallest gamma inside one cell each, by projected Gauss-Newton steps from the nearest point of the cell."""
        values = np.stack([self.flat[at + corner] for corner in self.corners]).reshape(2, 2, 2, -1)
        values = (values - dose) / criterion
        here = np.clip(point, 0.0, 1.0)
        best, moving = np.full(len(at), np.inf), np.arange(len(at))
        for _ in range(DESCENT_STEPS):
            difference, slope = _linear(values, here)
            square = difference**2 + _square((here - point) * self.sides)
            best[moving] = np.minimum(best[moving], square)
            after = self._nearest_on_plane(here, point, difference, slope)
            still = np.abs(after - here).max(axis=0) > SETTLED
            if not still.any():
                break
            moving, values, point, here = moving[still], values[..., still], point[:, still], after[:, still]
        return np.sqrt(best)

    def _nearest_on_plane(self, here: Floats, point: Floats, difference: Floats, slope: Floats) -> Floats:
        """The point of the cell nearest in gamma if the dose were the plane that touches it at `here`.

        The unbounded minimum has a closed form; a coordinate that leaves the cell is held at the wall and the others
        are solved again, at most once an axis.
        """
        pull = slope / self.sides**2
        held, target = point, here
        for _ in range(3):
            height = difference + _dot(held - here, slope)
            target = held - pull * (height / (1.0 + _dot(pull, slope)))
            out = (target < 0.0) | (target > 1.0)
            out &= pull != 0.0
            if not out.any():
                break
            held = np.where(out, np.clip(target, 0.0, 1.0), held)
            pull = np.where(out, 0.0, pull)
        return np.clip(target, 0.0, 1.0)


def _dot(a: Floats, b: Floats) -> Floats:
    """Products summed over the first axis, three long."""
    result: Floats = a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
    return result


def _square(a: Floats) -> Floats:
    return _dot(a, a)


def _linear(values: Floats, here: Floats) -> tuple[Floats, Floats]:
    """Value (n) and slope along each axis (3, n) of the dose in cells (2, 2, 2, n) at places (3, n) in 0..1."""
    x, y, z = here
    steep = values[:, :, 1] - values[:, :, 0]
    along_z = values[:, :, 0] + steep * z
    across = along_z[:, 1] - along_z[:, 0]
    along_yz = along_z[:, 0] + across * y
    steep_y = steep[:, 0] + (steep[:, 1] - steep[:, 0]) * y
    slope_x = along_yz[1] - along_yz[0]
    slopes = [slope_x, across[0] + (across[1] - across[0]) * x, steep_y[0] + (steep_y[1] - steep_y[0]) * x]
    return along_yz[0] + slope_x * x, np.stack(slopes)


def _cell_range(data: Floats) -> tuple[Floats, Floats]:
    """Lowest and highest of the eight corners of each cell, flat, at the index of the cell's first corner."""
    low = high = data
    for axis in range(3):
        last = np.take(low, [-1], axis=axis), np.take(high, [-1], axis=axis)
        after = np.delete(low, 0, axis=axis), np.delete(high, 0, axis=axis)
        low = np.minimum(low, np.concatenate([after[0], last[0]], axis=axis))
        high = np.maximum(high, np.concatenate([after[1], last[1]], axis=axis))
    return low.ravel(), high.ravel()


@lru_cache(maxsize=8)
def _cells_outwards(sides: tuple[float, float, float], cap: float) -> tuple[tuple[float, tuple[int, int, int]], ...]:
    """Offsets of cells from a point's own cell with the least distance a point can have to them, nearest first.

    sides: of a voxel in units of the distance criterion; cells beyond `cap` are left out.
    """
    reach = [int(np.ceil(cap / side)) + 1 for side in sides]
    found = []
    for offset in np.ndindex(*(2 * r + 1 for r in reach)):
        cell = [o - r for o, r in zip(offset, reach, strict=True)]
        gap = [max(abs(c) - 1, 0) * side for c, side in zip(cell, sides, strict=True)]
        nearest = float(np.sqrt(sum(g * g for g in gap)))
        if nearest < cap:
            found.append((nearest, sum(abs(c) for c in cell), (cell[0], cell[1], cell[2])))
    return tuple((nearest, cell) for nearest, _, cell in sorted(found))
