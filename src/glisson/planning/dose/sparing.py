"""Before any plan exists: how much liver stereotactic radiotherapy would spare. An estimate, with its interval.

Outside each target the dose is taken to depend on the distance to the target alone. How fast it falls comes from R50,
the volume of the half-dose surface over the target's volume, which plans reach by target size (table dose-fall-off);
for a ball with the target's volume that is a distance over which the dose halves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from glisson.errors import InputError
from glisson.geometry import Grid, Mask, box_of, distance_to
from glisson.knowledge import knowledge_base

__all__ = ["SparedLiver", "Target", "half_dose_mm", "outside_mm", "spared_liver"]

PLAN_LOWER_LIMIT = 0.85
"""The least R50 that physics allows lies 15 % below what plans reach, on average, in a study of
spheres in the head (Journal of Applied Clinical Medical Physics 2021;22(2), PMC7882107)."""

STEP_MM = 2.0
"""Spacing at which the liver is sampled: fine against the distance over which dose halves."""

CENTRE_BIAS = 0.25
"""What distances between voxel centres overstate those to a rounded outline by, in voxels, over all directions."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Target:
    """A lesion to be irradiated: its mask, the margin added all round (mm) and the dose (Gy) at the margin's edge."""

    lesion: Mask
    margin_mm: float
    dose_gy: float


@dataclass(frozen=True)
class SparedLiver:
    """Estimate of the liver outside all lesions that stays below `below_gy`, in mL, with the interval of the model.

    low_ml: plans with minor deviation; high_ml: the least half-dose volume that physics allows. The interval is of how
    good plans are; how far the model itself is off is not in it. normal_ml: liver outside lesions; target_ml: of each
    target with its margin. `method` tells every reader that no plan was made.
    """

    below_gy: float
    estimate_ml: float
    low_ml: float
    high_ml: float
    normal_ml: float
    target_ml: tuple[float, ...]
    method: str = "estimate from a dose fall-off model, not a treatment plan"


def spared_liver(liver: Mask, targets: Sequence[Target], below_gy: float) -> SparedLiver:
    """Estimate the liver without lesions that receives less than below_gy in all.

    liver: the whole liver with its lesions, on the lattice of every lesion. Doses of several targets add up; each
    halves over the same distance again and again. The low end takes half-dose volumes with minor deviation, the high
    end PLAN_LOWER_LIMIT. Counted on voxels about STEP_MM apart. Raises InputError without targets, for doses and
    margins that make no sense and for an empty liver or lesion.
    """
    if not targets:
        raise InputError("Spared liver is asked for at least one target: give a lesion, its margin and its dose.")
    if liver.is_empty:
        raise InputError("The liver mask is empty: there is no liver to spare.")
    if not (np.isfinite(below_gy) and below_gy > 0):
        raise InputError(f"The dose to stay below must be more than 0 Gy, got {below_gy}.")
    for target in targets:
        _check(target)
    normal = liver.data.copy()
    for target in targets:
        lesion = target.lesion.on(liver.grid, "the lesion")
        if not lesion.any():
            raise InputError("A target's lesion lies outside the liver's box: give the liver with its lesions.")
        normal &= ~lesion
    if not normal.any():
        raise InputError("The lesions fill the whole liver mask, so there is no liver left to spare.")
    lattice = tuple(slice(None, None, max(int(STEP_MM / side), 1)) for side in liver.grid.spacing_mm)
    sampled = normal[lattice]
    doses = np.zeros((3, np.count_nonzero(sampled)))
    volumes = []
    for target in targets:
        volumes.append(_target_ml(target))
        away = outside_mm(target.lesion, liver.grid)[lattice][sampled] - target.margin_mm
        doses += target.dose_gy * np.stack(_fall_off(np.maximum(away, 0.0), volumes[-1]))
    whole = float(np.count_nonzero(normal)) * liver.grid.voxel_ml
    low, middle, high = (whole * float((dose < below_gy).mean()) for dose in doses)
    return SparedLiver(below_gy, middle, low, high, whole, tuple(volumes))


def _check(target: Target) -> None:
    if target.lesion.is_empty:
        raise InputError("A target's lesion is empty: give a mask with at least one voxel.")
    if not (np.isfinite(target.margin_mm) and target.margin_mm >= 0):
        raise InputError(f"The margin of a target must be 0 mm or more, got {target.margin_mm}.")
    if not (np.isfinite(target.dose_gy) and target.dose_gy > 0):
        raise InputError(f"The dose of a target must be more than 0 Gy, got {target.dose_gy}.")


def _target_ml(target: Target) -> float:
    """Volume of lesion and margin."""
    grid = target.lesion.grid
    box = box_of(target.lesion.data)
    assert box is not None  # an empty lesion is refused before
    pad = [int(np.ceil(target.margin_mm / side)) + 1 for side in grid.spacing_mm]
    i, j, k = (slice(s.start - p, s.stop + p) for s, p in zip(box, pad, strict=True))
    room = grid.crop((i, j, k))
    return float(np.count_nonzero(outside_mm(target.lesion, room) <= target.margin_mm)) * grid.voxel_ml


def outside_mm(mask: Mask, grid: Grid) -> Floats:
    """Distance in mm of each voxel centre of a grid from the outline of a mask on its lattice, 0 inside.

    Distances between voxel centres are too long, by half a voxel across a flat side and by little in other directions;
    CENTRE_BIAS of the side of a cube of the voxel's volume comes off.
    """
    away = distance_to(mask.on(grid), grid.spacing_mm).astype(np.float64)
    return np.maximum(away - CENTRE_BIAS * (1000.0 * grid.voxel_ml) ** (1.0 / 3.0), 0.0)


def half_dose_mm(target_ml: float) -> tuple[float, float, float]:
    """Distance in mm over which the dose outside a target of that volume halves: slow fall-off (much liver reached),
    expected, and the fastest that physics allows (table dose-fall-off). Raises InputError unless positive.
    """
    if not (np.isfinite(target_ml) and target_ml > 0):
        raise InputError(f"The volume of a target must be more than 0 mL, got {target_ml}.")
    radius = (3.0 * 1000.0 * target_ml / (4.0 * np.pi)) ** (1.0 / 3.0)
    wanted, tolerated = _half_dose_ratio(target_ml)
    slow, expected, fast = (
        radius * (ratio ** (1.0 / 3.0) - 1.0) for ratio in (tolerated, wanted, wanted * PLAN_LOWER_LIMIT)
    )
    return slow, expected, fast


def _fall_off(away_mm: Floats, target_ml: float) -> tuple[Floats, Floats, Floats]:
    """Share of the target's dose by distance: slow (much liver reached), expected, fast."""
    slow, expected, fast = (np.exp2(-away_mm / half) for half in half_dose_mm(target_ml))
    return slow, expected, fast


def _half_dose_ratio(target_ml: float) -> tuple[float, float]:
    """R50 as wanted and as tolerated for a target of that volume, between the table's rows by log of the volume."""
    rows = knowledge_base().table("dose-fall-off").rows
    sizes = [row.needed("target") for row in rows]
    found = [
        float(np.interp(np.log(target_ml), np.log(sizes), [row.needed(column) for row in rows]))
        for column in ("wanted", "tolerated")
    ]
    return found[0], found[1]
