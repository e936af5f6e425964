"""One course of radiation of a case: doses of tumour, liver and organs, limits, activities, and what is missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from glisson.case import Radiation, Unknown
from glisson.errors import InputError
from glisson.geometry import FloatArray, Grid, Mask, Volume, resample_mask
from glisson.knowledge import knowledge_base
from glisson.planning.dose.activity import Delivery
from glisson.planning.dose.compare import SideBySide, side_by_side
from glisson.planning.dose.constants import Nuclide, nuclide
from glisson.planning.dose.constraints import Check, check_organs, check_product, check_spared_liver
from glisson.planning.dose.dvh import Dvh, dvh
from glisson.planning.dose.limits import Cap, lung_caps, product_caps
from glisson.planning.dose.positions import Positions, activity_by_position
from glisson.planning.dose.radiobiology import bed_gy, decay_bed_gy
from glisson.planning.dose.voxel_dose import (
    ActivityMap,
    activity_from_counts,
    activity_map,
    activity_when_given,
    dose_map,
)
from glisson.scene import RadiationImages

__all__ = ["CourseDose", "Effect", "course_dose", "mean_effect_gy"]

DENSITY_G_ML = 1.04
"""Of soft tissue, for dose from activity."""

TUMOUR, NORMAL, PERFUSED = "tumour", "liver without tumour", "perfused liver without tumour"
"""Names of the structures made from the scan's masks."""


@dataclass(frozen=True)
class Effect:
    """Mean biologically effective dose of a structure in Gy with the alpha/beta it was computed with, its source and
    status.
    """

    structure: str
    mean_bed_gy: float
    alpha_beta_gy: float
    source: str
    status: str


@dataclass(frozen=True, eq=False)
class CourseDose:
    """What is known of a course.

    dose: Gy on its own grid, None without one. method: how the dose came about. histograms: structure -> histogram:
    tumour, each lesion, liver without tumour, organs of the structure set. checks: limits of the knowledge base.
    positions: activity for each catheter position. comparison: compartments beside voxel doses, from activity.
    missing: what could not be computed, with the fact that would allow it.
    """

    id: str
    kind: str
    method: str
    dose: Volume | None = None
    histograms: Mapping[str, Dvh] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()
    effects: tuple[Effect, ...] = ()
    positions: Positions | None = None
    comparison: SideBySide | None = None
    notes: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


def course_dose(course: Radiation, images: RadiationImages, liver: Mask, lesions: Mapping[str, Mask]) -> CourseDose:
    """Everything that the files and facts of a course allow to compute.

    images: of the same course. liver: the whole liver. lesions: id -> mask on its lattice. A given dose is taken before
    one from activity. What is missing is said and not assumed. Raises InputError for files that make no sense
    (activity that is negative or has no unit, a dose grid away from the liver).
    """
    of = nuclide("Ho-166" if course.product == "holmium" else "Y-90")
    missing: list[str] = []
    activity, said = _activity(course, images, of, missing)
    dose, method = images.dose, "given"
    comparison = None
    if activity is not None:
        way = "vsv" if of.name == "Y-90" else "local"
        made = dose_map(activity, way, of, density_g_ml=DENSITY_G_ML)
        if dose is None:
            named = "voxel kernel" if way == "vsv" else "local deposition"
            dose, method = made.gy, f"from activity by {named}, {made.constant.name}"
        comparison = _compared(activity, liver, lesions, of)
    if dose is None:
        missing.append("doses of tumour and liver: no dose file and no activity file is given")
    structures = _structures(liver, lesions, images)
    found = {} if dose is None else _histograms(dose, structures, missing)
    positions = (
        _positions(course, images, structures.get(TUMOUR), missing) if course.kind == "radioembolisation" else None
    )
    return CourseDose(
        course.id, course.kind, method if dose is not None else "", dose, MappingProxyType(found),
        _checks(course, found, missing), _effects(course, found, of, missing), positions, comparison,
        (*images.notes, *said), tuple(missing),
    )  # fmt: skip


def mean_effect_gy(histogram: Dvh, effect: Callable[[float], float]) -> float:
    """Mean over a structure of an effect of dose (as `bed_gy` at fixed fractions), from its histogram."""
    middles: FloatArray = (histogram.doses_gy[1:] + histogram.doses_gy[:-1]) / 2.0
    weights = -np.diff(histogram.volumes)
    held = weights > 0
    values = np.array([effect(max(float(gy), 0.0)) for gy in middles[held]])
    return float(values @ weights[held] / weights[held].sum())


def _activity(
    course: Radiation, images: RadiationImages, of: Nuclide, missing: list[str]
) -> tuple[ActivityMap | None, tuple[str, ...]]:
    """Activity when the spheres were given, and what was taken for granted."""
    image, unit = images.activity, images.activity_unit
    if image is None:
        return None, ()
    if unit is None:
        raise InputError(
            f"Course {course.id!r}: the activity has no unit. Give activity_unit: Bq/mL, MBq/mL or counts."
        )
    if unit == "counts":
        if isinstance(course.injected_gbq, Unknown):
            missing.append("dose from counts: the activity that they stand for (injected_gbq) is not recorded")
            return None, ()
        shunt = 0.0 if isinstance(course.lung_shunt_percent, Unknown) else course.lung_shunt_percent / 100.0
        return activity_from_counts(image, course.injected_gbq * (1.0 - shunt)), (
            "All counts of the image stand for the activity given, less the lung shunt.",
        )
    if images.nuclide not in (None, of.name):
        missing.append(f"dose from activity: the file shows {images.nuclide}, the spheres carry {of.name}")
        return None, ()
    found = activity_map(image, unit)
    if images.hours_after is None:
        return found, ("The image is taken to show the activity when the spheres were given (hours_after is unknown).",)
    return activity_when_given(found, images.hours_after, of), ()


def _structures(liver: Mask, lesions: Mapping[str, Mask], images: RadiationImages) -> dict[str, Mask]:
    """Tumour, single lesions, liver without tumour, its perfused part, and the organs of the structure set."""
    tumour = np.zeros(liver.grid.shape, np.bool_)
    for mask in lesions.values():
        tumour |= mask.on(liver.grid, "a lesion")
    found = {TUMOUR: Mask(tumour, liver.grid)} if tumour.any() else {}
    found |= {name: mask for name, mask in lesions.items() if not mask.is_empty}
    normal = liver.data & ~tumour
    found[NORMAL] = Mask(normal, liver.grid)
    perfused = np.zeros(liver.grid.shape, np.bool_)
    for mask in images.perfused.values():
        perfused |= mask.on(liver.grid, "a perfused volume")
    if (perfused & normal).any():
        found[PERFUSED] = Mask(perfused & normal, liver.grid)
    return found | dict(images.structures)


def _histograms(dose: Volume, structures: Mapping[str, Mask], missing: list[str]) -> dict[str, Dvh]:
    found = {}
    for name, mask in structures.items():
        try:
            found[name] = dvh(dose, mask)
        except InputError as refusal:
            if name == NORMAL:
                raise
            missing.append(f"dose of {name}: {refusal}")
    return found


def _checks(course: Radiation, found: Mapping[str, Dvh], missing: list[str]) -> tuple[Check, ...]:
    if not found:
        return ()
    if course.kind == "external":
        if isinstance(course.fractions, Unknown):
            missing.append("limits of organs and liver: the number of fractions is not recorded")
            return ()
        organs = {name: histogram for name, histogram in found.items() if name not in (TUMOUR, NORMAL, PERFUSED)}
        return check_organs(organs, course.fractions) + check_spared_liver(found[NORMAL], course.fractions)
    if isinstance(course.product, Unknown) or isinstance(course.setting, Unknown):
        missing.append("doses that the product asks for and allows: product or setting is not recorded")
        return ()
    tissues = {"tumour": TUMOUR, "normal-whole": NORMAL, "normal-perfused": PERFUSED}
    held = {tissue: found[name] for tissue, name in tissues.items() if name in found}
    return check_product(held, course.product, course.setting)


def _effects(course: Radiation, found: Mapping[str, Dvh], of: Nuclide, missing: list[str]) -> tuple[Effect, ...]:
    if not found:
        return ()
    rows = {str(row["tissue"]): row for row in knowledge_base().table("dose-effect").rows}
    effects = []
    for tissue, name in (("tumour", TUMOUR), ("liver", NORMAL)):
        row = rows[tissue]
        ratio, repair = row.number("ratio"), row.number("repair")
        if name not in found or ratio is None or repair is None:
            continue
        effect = _effect(course, ratio, repair, of)
        if effect is None:
            missing.append(f"biologically effective dose of {name}: the number of fractions is not recorded")
            continue
        effects.append(Effect(name, mean_effect_gy(found[name], effect), ratio, row.source, row.status))
    return tuple(effects)


def _effect(course: Radiation, ratio: float, repair: float, of: Nuclide) -> Callable[[float], float] | None:
    if course.kind == "radioembolisation":
        return lambda gy: decay_bed_gy(gy, ratio, repair, of.half_life_h)
    if isinstance(course.fractions, Unknown):
        return None
    fractions = course.fractions
    return lambda gy: bed_gy(gy, fractions, ratio)


def _compared(activity: ActivityMap, liver: Mask, lesions: Mapping[str, Mask], of: Nuclide) -> SideBySide | None:
    """Compartments beside voxel doses, where tumour and liver both lie on the activity's grid; Y-90 alone."""
    grid: Grid = activity.gbq.grid
    if of.name != "Y-90" or not lesions:
        return None
    structures = _structures(liver, lesions, RadiationImages(""))
    masks = [resample_mask(structures[name].trimmed(2), grid) for name in (TUMOUR, NORMAL)]
    tumour, normal = masks[0].on(grid), masks[1].on(grid) & ~masks[0].on(grid)
    if not (tumour.any() and normal.any() and activity.gbq.data[tumour].any() and activity.gbq.data[normal].any()):
        return None
    return side_by_side(activity, Mask(tumour, grid), Mask(normal, grid), DENSITY_G_ML)


def _positions(course: Radiation, images: RadiationImages, tumour: Mask | None, missing: list[str]) -> Positions | None:
    """Activity by catheter position where volumes, target and shunt are known."""
    if not images.perfused:
        return None
    target, shunt, lung = (_known(v) for v in (course.target_gy, course.lung_shunt_percent, course.lung_kg))
    if target is None or shunt is None or lung is None:
        named = {"target_gy": target, "lung_shunt_percent": shunt, "lung_kg": lung}
        lacking = ", ".join(name for name, value in named.items() if value is None)
        missing.append(f"activity by catheter position: {lacking} not recorded")
        return None
    assumed = {"residual_percent": course.residual_percent, "earlier_lung_gy": course.earlier_lung_gy}
    for name in (name for name, value in assumed.items() if isinstance(value, Unknown)):
        missing.append(f"{name} is not recorded: activity by catheter position was calculated as if it were 0")
    constant = nuclide("Ho-166" if course.product == "holmium" else "Y-90").constant
    way = Delivery(shunt / 100.0, (_known(course.residual_percent) or 0.0) / 100.0, lung, constant)
    return activity_by_position(images.perfused, tumour, target, _known(course.tnr), way, _caps(course))


def _caps(course: Radiation) -> tuple[Cap, ...]:
    product = None if isinstance(course.product, Unknown) else course.product
    caps = lung_caps(_known(course.earlier_lung_gy) or 0.0, product)
    if product is None or isinstance(course.setting, Unknown):
        return caps
    return caps + product_caps(product, course.setting)


def _known(value: float | Unknown) -> float | None:
    return None if isinstance(value, Unknown) else float(value)
