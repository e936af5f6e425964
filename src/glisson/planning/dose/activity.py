"""Radioembolisation: activity from dose and dose from activity, by the models in use.

Every model is the same energy balance: the activity that stays in a compartment gives all its energy to the mass of
that compartment. F is the lung shunt fraction, R the fraction that stays in vial and tubing, K the energy constant in
J/GBq. Residual raises what must be in the vial, never what reaches liver and lungs.

Sources: EANM procedure guideline 2022 (doi 10.1007/s00259-021-05600-z) for the models and their constants; Kao et al.
2014 (doi 10.1007/s00270-013-0783-z) for the restricted partition model.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from glisson.errors import InputError
from glisson.planning.dose.constants import HO166, LIVER_DENSITY_G_ML, Y90, EnergyConstant, Nuclide

__all__ = [
    "Activity", "Delivery", "Liver", "body_surface_activity", "decayed", "delivered_from", "mass_model_activity",
    "partition_activity", "restricted_partition_activity", "shunt_fraction", "total_lung_gy", "uniform_activity",
]  # fmt: skip


@dataclass(frozen=True)
class Liver:
    """The perfused tissue: tumour and normal liver in mL, density in g/mL, and tnr, the ratio of activity per gram in
    tumour to that in normal liver (1 where activity spreads evenly).

    Raises InputError for volumes that are negative or both zero, and for ratios or densities that are not positive.
    """

    tumour_ml: float
    normal_ml: float
    tnr: float = 1.0
    density_g_ml: float = LIVER_DENSITY_G_ML

    def __post_init__(self) -> None:
        _not_negative(self.tumour_ml, "The tumour volume", "mL")
        _not_negative(self.normal_ml, "The volume of normal liver", "mL")
        _positive(self.tnr, "The tumour to normal ratio", "")
        _positive(self.density_g_ml, "The density", "g/mL")
        if self.tumour_ml + self.normal_ml == 0:
            raise InputError("The perfused volume is 0 mL: give the volume of tumour, of normal liver, or both.")

    @property
    def tumour_kg(self) -> float:
        """Mass of tumour."""
        return self.tumour_ml * self.density_g_ml / 1000.0

    @property
    def normal_kg(self) -> float:
        """Mass of normal liver."""
        return self.normal_ml * self.density_g_ml / 1000.0


@dataclass(frozen=True)
class Delivery:
    """On the way to the liver: lung shunt fraction, residual fraction of the vial, lung mass in kg, energy constant.

    Raises InputError for fractions outside [0, 1) and for a lung without mass.
    """

    lung_shunt: float = 0.0
    residual: float = 0.0
    lung_kg: float = 1.0
    constant: EnergyConstant = Y90.constant

    def __post_init__(self) -> None:
        for value, what, worst in (
            (self.lung_shunt, "The lung shunt", "everything would reach the lungs"),
            (self.residual, "The residual", "nothing would leave the vial"),
        ):
            if not (math.isfinite(value) and 0.0 <= value < 1.0):
                raise InputError(
                    f"{what} must be a fraction from 0 to below 1 (0.1 for 10 %), got {value}; at 1 {worst}."
                )
        _positive(self.lung_kg, "The lung mass", "kg")


@dataclass(frozen=True)
class Activity:
    """What a model answers: injected_gbq reaches the patient, vial_gbq is to be measured in the vial before.

    tumour_gy, normal_gy: mean doses of the two compartments, None where the model says nothing of them or the
    compartment is empty. mean_gy: of all perfused tissue. lung_gy: of the lungs. constant: the energy constant used.
    """

    model: str
    injected_gbq: float
    vial_gbq: float
    lung_gy: float
    mean_gy: float
    tumour_gy: float | None
    normal_gy: float | None
    constant: EnergyConstant
    notes: tuple[str, ...] = ()


def delivered_from(
    injected_gbq: float, liver: Liver, way: Delivery, model: str = "partition", *, split: bool = True
) -> Activity:
    """The doses that an injected activity (GBq) gives; the balance every model here rests on.

    split: False where the model does not tell tumour from normal liver, whose doses are then None.
    """
    _not_negative(injected_gbq, "The activity", "GBq")
    joule = way.constant.gy_kg_per_gbq * injected_gbq
    in_liver = joule * (1.0 - way.lung_shunt)
    weighted_kg = liver.tnr * liver.tumour_kg + liver.normal_kg
    normal = in_liver / weighted_kg
    return Activity(
        model=model,
        injected_gbq=injected_gbq,
        vial_gbq=injected_gbq / (1.0 - way.residual),
        lung_gy=joule * way.lung_shunt / way.lung_kg,
        mean_gy=in_liver / (liver.tumour_kg + liver.normal_kg),
        tumour_gy=normal * liver.tnr if split and liver.tumour_ml > 0 else None,
        normal_gy=normal if split and liver.normal_ml > 0 else None,
        constant=way.constant,
    )


def uniform_activity(target_gy: float, liver: Liver, way: Delivery) -> Activity:
    """Single compartment: the activity that gives target_gy to all perfused tissue (`liver.tnr` is not used)."""
    _positive(target_gy, "The target dose", "Gy")
    even = Liver(liver.tumour_ml, liver.normal_ml, 1.0, liver.density_g_ml)
    per_gbq = delivered_from(1.0, even, way).mean_gy
    return delivered_from(target_gy / per_gbq, even, way, "uniform")


def partition_activity(target_gy: float, liver: Liver, way: Delivery) -> Activity:
    """Partition model: the activity that gives target_gy to the tumour, normal liver receiving 1/tnr of it.

    Raises InputError where there is no tumour.
    """
    _positive(target_gy, "The target dose", "Gy")
    per_gbq = delivered_from(1.0, liver, way).tumour_gy
    if per_gbq is None:
        raise InputError(
            "The partition model aims at the tumour, but its volume is 0 mL: give --tumour-ml, or uniform."
        )
    return delivered_from(target_gy / per_gbq, liver, way, "partition")


def restricted_partition_activity(
    target_gy: float, tumour_kg: float, normal_kg: float, activity_ratio: float, way: Delivery
) -> Activity:
    """Restricted partition model of Kao et al. (doi 10.1007/s00270-013-0783-z).

    activity_ratio: activity in the tumour over activity in the normal liver of the territory (not per gram).
    way.lung_shunt: the tumour-lung shunt, lungs over lungs and tumour; activity in normal liver does not count in it.
    """
    _positive(target_gy, "The target dose", "Gy")
    _positive(tumour_kg, "The tumour mass", "kg")
    _positive(normal_kg, "The mass of normal liver", "kg")
    _positive(activity_ratio, "The tumour to normal activity ratio", "")
    k = way.constant.gy_kg_per_gbq
    in_tumour = target_gy * tumour_kg / k
    in_normal = in_tumour / activity_ratio
    in_lung = in_tumour * way.lung_shunt / (1.0 - way.lung_shunt)
    injected = in_tumour + in_normal + in_lung
    return Activity(
        "restricted partition", injected, injected / (1.0 - way.residual), k * in_lung / way.lung_kg,
        k * (in_tumour + in_normal) / (tumour_kg + normal_kg), target_gy, k * in_normal / normal_kg, way.constant,
    )  # fmt: skip


def body_surface_activity(bsa_m2: float, liver: Liver, way: Delivery, *, kept: float = 1.0, note: str = "") -> Activity:
    """Body-surface model of resin spheres: (BSA - 0.2) + tumour share of the liver, in GBq.

    bsa_m2: body surface after Du Bois. kept: the fraction left after a reduction for lung shunt (see
    `limits.shunt_reduction`), `note` says which. It aims at no dose; the doses it gives follow from liver.tnr.
    Raises InputError where the formula gives no positive activity or nothing is kept.
    """
    _positive(bsa_m2, "The body surface", "m²")
    whole = bsa_m2 - BSA_OFFSET_M2 + liver.tumour_ml / (liver.tumour_ml + liver.normal_ml)
    if whole <= 0:
        raise InputError(f"The body-surface model gives no activity for {bsa_m2} m²; it is meant for adults.")
    if not 0.0 < kept <= 1.0:
        raise InputError(f"Nothing may be given: {note or f'the fraction kept is {kept}'}.")
    done = delivered_from(whole * kept, liver, way, "bsa")
    return replace(done, notes=(note,) if note else ())


BSA_OFFSET_M2 = 0.2
"""Constant of the body-surface formula of resin microspheres (EANM 2022)."""


def mass_model_activity(target_gy: float, mass_kg: float, way: Delivery, of: Nuclide = Y90) -> Activity:
    """Activity by mass as product inserts put it: glass D·M/50 (pass that constant in `way`), Ho-166 3780 MBq/kg for
    60 Gy (pass of=HO166). Lung shunt is not subtracted, as the inserts do not; the lung dose is reported.
    """
    _positive(target_gy, "The target dose", "Gy")
    _positive(mass_kg, "The perfused mass", "kg")
    constant = HO166.constant if of is HO166 else way.constant
    injected = target_gy * mass_kg / constant.gy_kg_per_gbq
    lung = constant.gy_kg_per_gbq * injected * way.lung_shunt / way.lung_kg
    mean = target_gy * (1.0 - way.lung_shunt)
    note = "The insert's formula leaves the lung shunt aside: the mean dose is the target less that share."
    return Activity(
        f"{of.name} by mass", injected, injected / (1.0 - way.residual), lung, mean, None, None, constant,
        (note,) if way.lung_shunt else (),
    )  # fmt: skip


def shunt_fraction(lung: tuple[float, float], liver: tuple[float, float]) -> float:
    """Lung shunt from planar counts: lung/(lung + liver), each the geometric mean of (anterior, posterior) counts.

    Raises InputError for negative counts and where nothing was counted.
    """
    for pair, what in ((lung, "lung"), (liver, "liver")):
        for count in pair:
            _not_negative(count, f"The {what} counts", "")
    lungs, livers = math.sqrt(lung[0] * lung[1]), math.sqrt(liver[0] * liver[1])
    if lungs + livers == 0:
        raise InputError("Neither lungs nor liver have counts, so there is no shunt to compute: check the regions.")
    return lungs / (lungs + livers)


def decayed(activity_gbq: float, hours: float, of: Nuclide = Y90) -> float:
    """Activity in GBq `hours` later (earlier where negative): to the calibration time and back."""
    _not_negative(activity_gbq, "The activity", "GBq")
    if not math.isfinite(hours):
        raise InputError(f"The time must be a number of hours, got {hours}.")
    return activity_gbq * math.exp2(-hours / of.half_life_h)


def total_lung_gy(sessions_gy: Iterable[float]) -> float:
    """Lung dose over all sessions, in Gy. Raises InputError for negative doses."""
    doses = tuple(sessions_gy)
    for dose in doses:
        _not_negative(dose, "The lung dose of a session", "Gy")
    return math.fsum(doses)


def _positive(value: float, what: str, unit: str) -> None:
    if not (math.isfinite(value) and value > 0):
        raise InputError(f"{what} must be more than 0{' ' + unit if unit else ''}, got {value}.")


def _not_negative(value: float, what: str, unit: str) -> None:
    if not (math.isfinite(value) and value >= 0):
        raise InputError(f"{what} must be 0 or more{' ' + unit if unit else ''}, got {value}.")
