"""Dose-volume histograms that hold for small structures too.

A structure is cut into cells much smaller than itself along all three axes; a cell on the outline counts by the share
of it that lies inside. Within a cell the dose is taken as linear, so the cell fills a range of doses evenly rather than
falling on one: the cumulative histogram is then continuous, and exact at each of many thousand doses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from glisson.errors import InputError
from glisson.geometry import BoolArray, FloatArray, Grid, Mask, Volume, box_of, resample_volume

__all__ = ["CELLS_WANTED", "Dvh", "Occupancy", "dvh", "occupancy_of", "occupancy_of_shape"]

CELLS_WANTED = 100_000
"""A structure is cut into about this many cells: 0.2 % of its volume is then two hundred of them."""

MOST_CELLS_A_SIDE = 12
"""A voxel is cut into at most this many cells along an axis."""

BLUR_VOXELS = 0.7
"""Width (standard deviation) of the smoothing that turns voxel steps into an outline, in voxels along each axis."""

ROOM_VOXELS = 2
"""Empty voxels around a small structure, which the smoothing needs."""

LEVEL_STEPS = 20
"""Halvings in the search for the level that keeps the volume: a millionth of the field's range."""

DOSE_STEPS = 32_768
"""Doses at which a histogram is kept, from its lowest to its highest."""

EDGE_VOXELS = 2
"""Voxels by which the dose is continued beyond its edge, so that cells in its outer half voxels have a slope."""

NARROWEST_SPREAD = 1e-7
"""Range of doses in a cell, as a share of the highest dose, below which it counts as this wide (keeps sums exact)."""


@dataclass(frozen=True, eq=False)
class Occupancy:
    """A structure as the share (0..1) of each cell of a fine grid that lies inside it; float32, shape grid.shape."""

    share: npt.NDArray[np.float32]
    grid: Grid

    @property
    def volume_ml(self) -> float:
        """Volume of the structure."""
        return float(self.share.sum(dtype=np.float64)) * self.grid.voxel_ml


@dataclass(frozen=True, eq=False)
class Dvh:
    """The cumulative dose-volume histogram of a structure: ask it for V, D and the mean.

    volume_ml: of the whole structure. covered: the share of it that the dose grid covers; every volume below refers to
    that part. mean_gy, min_gy, max_gy: over that part. volumes: fraction that receives at least each of doses_gy.
    """

    volume_ml: float
    covered: float
    mean_gy: float
    min_gy: float
    max_gy: float
    doses_gy: FloatArray
    volumes: FloatArray

    def volume_at(self, dose_gy: npt.ArrayLike) -> FloatArray:
        """Fraction (0..1) of the covered volume that receives at least each dose in Gy; shape of `dose_gy`."""
        doses = np.asarray(dose_gy, dtype=np.float64)
        if not np.isfinite(doses).all():
            raise InputError(f"A dose must be a number of Gy, got {dose_gy!r}.")
        result: FloatArray = np.interp(doses, self.doses_gy, self.volumes, left=1.0, right=0.0)
        return result

    def volume_ml_at(self, dose_gy: float) -> float:
        """mL of the covered volume that receives at least dose_gy."""
        return float(self.volume_at(dose_gy)) * self.volume_ml * self.covered

    def volume_ml_below(self, dose_gy: float) -> float:
        """mL of the covered volume that receives less than dose_gy."""
        return (1.0 - float(self.volume_at(dose_gy))) * self.volume_ml * self.covered

    def dose_at(self, percent: float) -> float:
        """D of a percentage: the dose in Gy that this share of the covered volume receives at least (D95: 95)."""
        if not 0.0 <= percent <= 100.0:
            raise InputError(f"D is asked for a percentage of the volume from 0 to 100, got {percent}.")
        return float(np.interp(1.0 - percent / 100.0, 1.0 - self.volumes, self.doses_gy))

    def dose_at_ml(self, volume_ml: float) -> float:
        """Lowest dose in Gy among the hottest volume_ml (D0.5cc: 0.5). Raises InputError beyond the covered volume."""
        whole = self.volume_ml * self.covered
        if not 0.0 < volume_ml <= whole:
            raise InputError(
                f"D is asked for {volume_ml} mL, but {whole:.4g} mL of the structure lie in the dose grid."
            )
        return self.dose_at(100.0 * volume_ml / whole)


def occupancy_of_shape(inside_mm: Callable[[FloatArray], FloatArray], grid: Grid) -> Occupancy:
    """Occupancy of a shape given by a signed distance in mm (negative inside), a function of (..., 3) LPS points.

    A cell that the outline crosses counts by the flat surface at its centre: the share of the cell on the near side.
    """
    centres = grid.to_mm(np.moveaxis(np.indices(grid.shape), 0, -1))
    away = np.asarray(inside_mm(centres), dtype=np.float64)
    return Occupancy(_shares(away, _gradient(away)), grid)


def occupancy_of(mask: Mask, *, cells: int = CELLS_WANTED) -> Occupancy:
    """A mask as fractions of fine cells inside a smooth outline that encloses exactly the mask's own volume.

    Small masks are cut into about `cells` cells and their voxel steps smoothed; a mask of that many voxels or more
    stays as it is. Raises InputError for an empty mask.
    """
    box = box_of(mask.data)
    if box is None:
        raise InputError("The structure is empty: no voxel is set, so it has no dose-volume histogram.")
    factor = min(int(np.ceil((cells / mask.count) ** (1.0 / 3.0))), MOST_CELLS_A_SIDE)
    if factor <= 1:
        return Occupancy(mask.data[box].astype(np.float32), mask.grid.crop(box))
    field, grid = _fine_field(mask, factor)
    return Occupancy(_level_set(field, mask.volume_ml / grid.voxel_ml), grid)


def dvh(dose: Volume, structure: Mask | Occupancy) -> Dvh:
    """Histogram of a dose (Gy, linear between voxel centres, constant in the outer half voxels) over a structure.

    The two grids may differ in every way; the affines alone decide. Raises InputError where the dose is negative or not
    finite, where the structure is empty and where all of it lies outside the dose grid.
    """
    data = np.asarray(dose.data)
    if not np.isfinite(data).all() or data.min() < 0:
        raise InputError("The dose must be finite and 0 Gy or more in every voxel. Export the dose again.")
    occupied = occupancy_of(structure) if isinstance(structure, Mask) else structure
    if not occupied.share.any():
        raise InputError("The structure is empty, so it has no dose-volume histogram.")
    middle, halves, held = _dose_in_cells(dose, occupied)
    weight = occupied.share[occupied.share > 0].astype(np.float64)
    covered = float(weight[held].sum() / weight.sum())
    if covered == 0.0:
        raise InputError(
            f"The structure lies outside the dose grid: it fills {occupied.grid.describe()}, the dose is "
            f"{dose.grid.describe()}. Give the dose and the structure of one plan, in one frame of reference."
        )
    cells = _Cells(middle[held], halves[held], weight[held], (float(data.min()), float(data.max())))
    return _histogram(cells, occupied.volume_ml, covered)


@dataclass(frozen=True, eq=False)
class _Cells:
    """Dose at the middle of each cell, (n, 3) half ranges along the axes, share inside; lowest and highest dose."""

    middle: FloatArray
    halves: FloatArray
    weight: FloatArray
    limits: tuple[float, float]

    def ramps(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Lower and upper dose of even spreads that make up the cells, and the share of the structure in each.

        The doses of a cell are the sum of three even spreads, one an axis. The widest is kept, the second is cut in
        two, and what is left is taken into the width by its variance: exact along an axis, nearly so along a diagonal.
        """
        order = np.sort(self.halves, axis=1)
        shift = order[:, 1] / 2.0
        half = np.sqrt(order[:, 2] ** 2 + shift**2 + order[:, 0] ** 2)
        half = np.maximum(half, NARROWEST_SPREAD * max(self.limits[1], 1e-12))
        middle = np.concatenate([self.middle - shift, self.middle + shift])
        low, high = (np.concatenate([half, half]) * sign + middle for sign in (-1.0, 1.0))
        share = self.weight / (2.0 * self.weight.sum())
        least = NARROWEST_SPREAD * max(self.limits[1], 1e-12)
        high = np.maximum(np.minimum(high, self.limits[1]), self.limits[0] + least)
        return np.minimum(np.maximum(low, self.limits[0]), high - least), high, np.concatenate([share, share])


def _dose_in_cells(dose: Volume, occupied: Occupancy) -> tuple[FloatArray, FloatArray, BoolArray]:
    """Of each cell that holds some of the structure: dose at its middle, (n, 3) half the range of doses along each
    axis, and whether the dose grid covers it.
    """
    i, j, k = (slice(-1, n + 1) for n in occupied.share.shape)
    room, inside = occupied.grid.crop((i, j, k)), occupied.share > 0
    doses = resample_volume(_edged(dose), room).data.astype(np.float64)
    halves = [np.abs(doses[after] - doses[before])[inside] / 4.0 for before, after in _neighbours()]
    middle = doses[1:-1, 1:-1, 1:-1][inside]
    return middle, np.stack(halves, axis=1), _covered(inside, occupied.grid, dose.grid)


def _covered(inside: BoolArray, grid: Grid, dose_grid: Grid) -> BoolArray:
    """Of each cell set in `inside`, whether its middle lies in the dose grid, outer half voxels included."""

    def within(index: npt.NDArray[np.int64]) -> BoolArray:
        where = dose_grid.to_index(grid.to_mm(index))
        result: BoolArray = np.all((where >= -0.5) & (where <= np.array(dose_grid.shape) - 0.5), axis=1)
        return result

    corners = np.array(list(np.ndindex(2, 2, 2))) * (np.array(grid.shape) - 1)
    if within(corners).all():  # then everything between them does too
        return np.ones(np.count_nonzero(inside), dtype=bool)
    return within(np.argwhere(inside))


def _edged(dose: Volume) -> Volume:
    """The dose with its outermost values repeated once all round, for the outer half voxels."""
    i, j, k = (slice(-EDGE_VOXELS, n + EDGE_VOXELS) for n in dose.grid.shape)
    return Volume(np.pad(np.asarray(dose.data), EDGE_VOXELS, mode="edge"), dose.grid.crop((i, j, k)))


def _neighbours() -> list[tuple[tuple[slice, ...], tuple[slice, ...]]]:
    """For each axis, the cell before and the cell after, in an array that has one more cell at every end."""
    found = []
    for axis in range(3):
        before, after = [slice(1, -1)] * 3, [slice(1, -1)] * 3
        before[axis], after[axis] = slice(None, -2), slice(2, None)
        found.append((tuple(before), tuple(after)))
    return found


def _histogram(cells: _Cells, volume_ml: float, covered: float) -> Dvh:
    """The cumulative histogram at DOSE_STEPS doses, exact at each of them.

    Every spread from a to b adds a ramp, (relu(b - D) - relu(a - D)) w/(b - a). The sum over all ends above D is a
    difference of two running sums, of slopes times ends and of slopes, so the ends need only be told apart by step.
    """
    low, high, share = cells.ramps()
    slope = share / (high - low)
    ends, slopes = np.concatenate([high, low]), np.concatenate([slope, -slope])
    doses = np.linspace(float(low.min()), float(high.max()), DOSE_STEPS + 1)
    step = np.ceil((ends - doses[0]) * (DOSE_STEPS / (doses[-1] - doses[0]))).astype(np.int64)
    above = [
        np.cumsum(np.bincount(step, weights, DOSE_STEPS + 2)[::-1])[::-1][1:] for weights in (slopes * ends, slopes)
    ]
    volumes = np.clip(above[0] - doses * above[1], 0.0, 1.0)
    volumes = np.minimum.accumulate(volumes)
    volumes[0], volumes[-1] = 1.0, 0.0
    mean = float(cells.weight @ cells.middle / cells.weight.sum())
    return Dvh(volume_ml, covered, mean, max(float(doses[0]), 0.0), float(doses[-1]), doses, volumes)


def _fine_field(mask: Mask, factor: int) -> tuple[FloatArray, Grid]:
    """The smoothed mask at the centres of `factor` cells a side of each voxel, and their grid."""
    from scipy.interpolate import make_interp_spline
    from scipy.ndimage import gaussian_filter

    box = box_of(mask.data)
    assert box is not None
    i, j, k = (slice(side.start - ROOM_VOXELS, side.stop + ROOM_VOXELS) for side in box)
    room = mask.grid.crop((i, j, k))
    field = gaussian_filter(mask.on(room).astype(np.float64), BLUR_VOXELS, mode="constant")
    offset = -0.5 + 0.5 / factor
    affine = room.affine.copy()
    affine[:3, :3] /= factor
    affine[:3, 3] = room.to_mm((offset, offset, offset))
    shape = tuple(n * factor for n in room.shape)
    for axis, count in enumerate(shape):
        spline = make_interp_spline(np.arange(room.shape[axis]), field, k=3, axis=axis)
        field = spline(np.arange(count) / factor + offset)
    return field, Grid((shape[0], shape[1], shape[2]), affine)


def _level_set(field: FloatArray, cells: float) -> npt.NDArray[np.float32]:
    """Shares of the cells where the field lies above the level that encloses that many cells in all."""
    slope = _gradient(field)
    low, high = 0.0, 1.0
    surely = field - slope / 2.0 >= high
    undecided = (field + slope / 2.0 > low) & ~surely
    cells -= np.count_nonzero(surely)
    for _ in range(LEVEL_STEPS):
        level = (low + high) / 2.0
        if _shares(level - field[undecided], slope[undecided]).sum(dtype=np.float64) > cells:
            low = level
        else:
            high = level
    return _shares((low + high) / 2.0 - field, slope)


def _gradient(field: FloatArray) -> FloatArray:
    """Width of the ramp over which the share goes from 0 to 1: how far the field changes across a cell."""
    steps = np.gradient(field)
    result: FloatArray = np.sqrt(sum(step * step for step in steps))
    return np.maximum(result, 1e-12)


def _shares(away: FloatArray, width: FloatArray) -> npt.NDArray[np.float32]:
    return np.clip(0.5 - away / width, 0.0, 1.0).astype(np.float32)
