"""Radioembolisation seen three ways: compartments, local deposition and voxel kernel, with what sets them apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from glisson.errors import InputError
from glisson.geometry import Mask
from glisson.planning.dose.activity import Delivery, Liver, delivered_from
from glisson.planning.dose.voxel_dose import ActivityMap, DoseMap, dose_map

__all__ = ["RegionDose", "SideBySide", "side_by_side", "shares_by_position"]


@dataclass(frozen=True)
class RegionDose:
    """Mean dose in Gy of one region by the three ways. activity_gbq lies in it, volume_ml is its volume."""

    region: str
    volume_ml: float
    activity_gbq: float
    compartment_gy: float
    local_gy: float
    kernel_gy: float


@dataclass(frozen=True, eq=False)
class SideBySide:
    """The regions, the maps, tnr as measured in the activity map, and the differences in words."""

    regions: tuple[RegionDose, ...]
    tnr: float
    local: DoseMap
    kernel: DoseMap
    words: tuple[str, ...]


def side_by_side(activity: ActivityMap, tumour: Mask, normal: Mask, density_g_ml: float) -> SideBySide:
    """Compare the partition model, fed with the activity and volumes of the two regions, with both voxel methods.

    tumour, normal: disjoint, on the lattice of the activity. The compartments take the activity inside the two regions;
    what the map shows elsewhere belongs to neither and is named. Raises InputError where the regions overlap, where one
    is empty, and where normal liver holds no activity (there is then no ratio).
    """
    grid = activity.gbq.grid
    masks = {"tumour": tumour.on(grid, "the tumour"), "normal liver": normal.on(grid, "the normal liver")}
    if (masks["tumour"] & masks["normal liver"]).any():
        raise InputError("Tumour and normal liver share voxels: take the tumour out of the normal liver.")
    if not all(mask.any() for mask in masks.values()):
        raise InputError("Tumour and normal liver need at least one voxel each on the grid of the activity.")
    inside = {name: float(activity.gbq.data[mask].sum(dtype=np.float64)) for name, mask in masks.items()}
    volume = {name: float(mask.sum()) * grid.voxel_ml for name, mask in masks.items()}
    if inside["normal liver"] == 0:
        raise InputError("Normal liver holds no activity, so there is no tumour to normal ratio: check the masks.")
    tnr = inside["tumour"] / volume["tumour"] / (inside["normal liver"] / volume["normal liver"])
    if tnr == 0:
        raise InputError("The tumour holds no activity, so the partition model does not apply: check the masks.")
    local = dose_map(activity, "local", density_g_ml=density_g_ml)
    kernel = dose_map(activity, "vsv", density_g_ml=density_g_ml)
    liver = Liver(volume["tumour"], volume["normal liver"], tnr, density_g_ml)
    given = delivered_from(sum(inside.values()), liver, Delivery(constant=local.constant))
    means = {"tumour": given.tumour_gy or 0.0, "normal liver": given.normal_gy or 0.0}
    regions = tuple(
        RegionDose(
            name, volume[name], inside[name], means[name], float(local.gy.data[mask].mean(dtype=np.float64)),
            float(kernel.gy.data[mask].mean(dtype=np.float64)),
        )
        for name, mask in masks.items()
    )  # fmt: skip
    return SideBySide(regions, tnr, local, kernel, _words(regions, activity.total_gbq - sum(inside.values())))


def shares_by_position(activity: ActivityMap, territories: Mapping[str, Mask]) -> dict[str, float]:
    """Share of the activity inside each perfused volume, by catheter position: what to give there of the whole.

    Raises InputError where territories overlap or hold no activity at all.
    """
    grid = activity.gbq.grid
    seen = np.zeros(grid.shape, dtype=bool)
    found: dict[str, float] = {}
    for name, territory in territories.items():
        mask = territory.on(grid, f"the territory {name}")
        if (seen & mask).any():
            raise InputError(f"The territory {name!r} overlaps another one: a voxel is supplied from one position.")
        seen |= mask
        found[name] = float(activity.gbq.data[mask].sum(dtype=np.float64))
    total = sum(found.values())
    if total <= 0:
        raise InputError("No territory holds any activity: the masks belong to another scan.")
    return {name: value / total for name, value in found.items()}


def _words(regions: tuple[RegionDose, ...], elsewhere_gbq: float) -> tuple[str, ...]:
    words = [
        "Local deposition and compartments agree in the mean of a region: both leave all energy where the activity is."
    ]
    for region in regions:
        lost = region.kernel_gy / region.local_gy - 1.0 if region.local_gy else 0.0
        way = "leaves" if lost < 0 else "reaches"
        words.append(
            f"{region.region}: by kernel {100 * lost:+.1f} % against local deposition; beta particles carry energy "
            f"a few millimetres across its border, and more {way} it than the other way."
        )
    if elsewhere_gbq > 0:
        words.append(f"{elsewhere_gbq:.3g} GBq lie outside both regions; compartments know nothing of them.")
    return tuple(words)
