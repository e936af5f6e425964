"""From a map of activity to a map of dose: local deposition, and convolution with the voxel kernel.

Both assume that microspheres stay where they are until they have decayed away, in tissue of one density.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from glisson.errors import InputError
from glisson.geometry import Box, Mask, Volume, box_of
from glisson.planning.dose.constants import Y90, EnergyConstant, Nuclide
from glisson.planning.dose.kernels import KERNEL_DENSITY_G_ML, VoxelKernel, voxel_kernel

__all__ = [
    "ACTIVITY_UNITS", "METHODS", "ActivityMap", "DoseMap", "activity_from_counts", "activity_map",
    "activity_when_given", "dose_map",
]  # fmt: skip

METHODS = ("vsv", "local")
"""vsv: convolution with voxel S-values; local: every voxel keeps the energy of its own activity."""

ACTIVITY_UNITS: dict[str, tuple[float, bool]] = {
    "Bq/mL": (1e-9, True), "kBq/mL": (1e-6, True), "MBq/mL": (1e-3, True), "GBq/mL": (1.0, True),
    "Bq": (1e-9, False), "kBq": (1e-6, False), "MBq": (1e-3, False), "GBq": (1.0, False),
}  # fmt: skip
"""Unit of a voxel's value -> (in GBq, whether it is per mL rather than per voxel)."""

MOST_HALF_LIVES = 10.0
"""After more half-lives than this a thousandth is left and nothing can be seen: the times are wrong."""

FFT_WORKERS = 2
"""Threads of the Fourier transforms."""


@dataclass(frozen=True, eq=False)
class ActivityMap:
    """Activity in GBq a voxel when the spheres are given (decay and residual accounted for), never negative."""

    gbq: Volume

    @property
    def total_gbq(self) -> float:
        """All of it."""
        return float(self.gbq.data.sum(dtype=np.float64))


@dataclass(frozen=True, eq=False)
class DoseMap:
    """Dose in Gy on the grid of the activity, with how it came about."""

    gy: Volume
    method: str
    nuclide: str
    constant: EnergyConstant
    density_g_ml: float
    activity_gbq: float


def activity_map(volume: Volume, unit: str | None) -> ActivityMap:
    """Activity from an image in a unit of ACTIVITY_UNITS (case does not matter).

    Raises InputError without a unit, with an unknown one, for values that are negative or not finite, and where all is
    zero.
    """
    known = {name.lower(): name for name in ACTIVITY_UNITS}
    if unit is None or unit.lower() not in known:
        given = "has no unit" if unit is None else f"has the unit {unit!r}, which is not known"
        raise InputError(
            f"The activity {given}. Give one of {', '.join(ACTIVITY_UNITS)}; counts need the total activity as well."
        )
    to_gbq, per_ml = ACTIVITY_UNITS[known[unit.lower()]]
    data = _checked(volume, "activity")
    factor = to_gbq * (volume.grid.voxel_ml if per_ml else 1.0)
    return ActivityMap(Volume(data * np.float32(factor), volume.grid))


def activity_from_counts(counts: Volume, total_gbq: float, within: Mask | None = None) -> ActivityMap:
    """Activity from an image in counts, so that the counts (those inside `within`, on the same grid) stand for
    total_gbq; what lies outside it keeps its share of counts per GBq.

    Raises InputError for negative counts, none at all, and a total that is not positive; FrameMismatch off the grid.
    """
    data = _checked(counts, "counts")
    if not (np.isfinite(total_gbq) and total_gbq > 0):
        raise InputError(f"Counts need the activity they stand for, in GBq and more than 0; got {total_gbq}.")
    inside = data if within is None else data[within.on(counts.grid, "the perfused volume")]
    seen = float(inside.sum(dtype=np.float64))
    if seen == 0:
        raise InputError("There are no counts inside the perfused volume: the mask belongs to another scan.")
    return ActivityMap(Volume(data * np.float32(total_gbq / seen), counts.grid))


def activity_when_given(imaged: ActivityMap, hours_after: float, of: Nuclide = Y90) -> ActivityMap:
    """The activity when the spheres were given, from a map whose numbers refer to a time `hours_after` that.

    Raises InputError for hours that are no number, and for a factor so large that no image was taken that late.
    """
    if not np.isfinite(hours_after) or abs(hours_after) > MOST_HALF_LIVES * of.half_life_h:
        raise InputError(
            f"The image is to show the activity {hours_after} hours after the spheres were given, expected at most "
            f"{MOST_HALF_LIVES:g} half-lives ({MOST_HALF_LIVES * of.half_life_h:.0f} h). Check both times."
        )
    factor = np.float32(np.exp2(hours_after / of.half_life_h))
    return ActivityMap(Volume(np.asarray(imaged.gbq.data) * factor, imaged.gbq.grid))


def dose_map(
    activity: ActivityMap,
    method: str = "vsv",
    of: Nuclide = Y90,
    *,
    constant: EnergyConstant | None = None,
    density_g_ml: float = KERNEL_DENSITY_G_ML,
) -> DoseMap:
    """Dose in Gy once everything has decayed, float32 on the grid of the activity.

    method: see METHODS. constant: energy constant, default that of the nuclide. The energy in the map is constant times
    activity; by vsv, what leaves the grid through its edges is not in it. Raises InputError for an unknown method, for
    vsv with another nuclide than Y-90 and for a density that is not positive.
    """
    if method not in METHODS:
        raise InputError(f"The method {method!r} is not known. Give vsv (voxel kernel) or local (local deposition).")
    if not (np.isfinite(density_g_ml) and density_g_ml > 0):
        raise InputError(f"The density must be more than 0 g/mL, got {density_g_ml}.")
    used = constant or of.constant
    grid = activity.gbq.grid
    per_gbq = np.float32(used.gy_kg_per_gbq / (grid.voxel_ml * 1e-3 * density_g_ml))
    spread = activity.gbq.data
    if method == "vsv":
        if of.name != Y90.name:
            raise InputError(f"There is a voxel kernel for Y-90 alone. For {of.name} give the method local.")
        spread = _convolved(spread, voxel_kernel(grid.spacing_mm, density_g_ml))
    return DoseMap(Volume(spread * per_gbq, grid), method, of.name, used, density_g_ml, activity.total_gbq)


def _checked(volume: Volume, what: str) -> npt.NDArray[np.float32]:
    data = np.asarray(volume.data)
    if not np.isfinite(data).all():
        raise InputError(f"The {what} image holds NaN or infinity. Export it again.")
    if data.size and data.min() < 0:
        raise InputError(
            f"The {what} image holds negative values (lowest {data.min():g}): activity cannot be negative. It may be a "
            "CT, a log image or a subtraction: give the reconstructed emission image."
        )
    if not data.any():
        raise InputError(f"The {what} image is zero everywhere, so there is no dose to compute.")
    return data.astype(np.float32)


def _convolved(data: npt.NDArray[np.float32], kernel: VoxelKernel) -> npt.NDArray[np.float32]:
    """Convolution by FFT over the box that holds activity and what it reaches; zero outside, never negative."""
    result = np.zeros(data.shape, np.float32)
    source = box_of(data)
    assert source is not None  # all zero is refused before
    target = _grown(source, kernel.reach, data.shape)
    result[target] = _fft_convolved(data[source], kernel, source, target)
    return result


def _grown(box: Box, reach: tuple[int, int, int], shape: tuple[int, ...]) -> Box:
    i, j, k = (slice(max(s.start - r, 0), min(s.stop + r, n)) for s, r, n in zip(box, reach, shape, strict=True))
    return (i, j, k)


def _fft_convolved(
    data: npt.NDArray[np.float32], kernel: VoxelKernel, source: Box, target: Box
) -> npt.NDArray[np.float32]:
    """The part `target` of the convolution of the activity in `source`."""
    from scipy import fft

    size = [fft.next_fast_len(n + 2 * r, real=True) for n, r in zip(data.shape, kernel.reach, strict=True)]
    spectrum = fft.rfftn(data, size, workers=FFT_WORKERS)
    spectrum *= fft.rfftn(kernel.shares.astype(np.float32), size, workers=FFT_WORKERS)
    whole = fft.irfftn(spectrum, size, workers=FFT_WORKERS, overwrite_x=True)
    cut = tuple(
        slice(t.start - s.start + r, t.stop - s.start + r) for s, t, r in zip(source, target, kernel.reach, strict=True)
    )
    result: npt.NDArray[np.float32] = np.maximum(whole[cut], np.float32(0))
    return result
