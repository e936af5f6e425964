"""Biologically effective dose: fractions of external beams and the decaying dose rate of microspheres.

Linear-quadratic model without proliferation: Fowler 1989 (doi 10.1259/0007-1285-62-740-679); exponentially decaying
dose rate with mono-exponential repair: Dale 1985 (doi 10.1259/0007-1285-58-690-515).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from glisson.errors import InputError
from glisson.planning.dose.constants import Y90

__all__ = ["Fractionation", "bed_gy", "compare_fractionations", "decay_bed_gy", "eqd2_gy", "same_effect_dose_gy"]

REFERENCE_FRACTION_GY = 2.0
"""Fraction size of EQD2."""


@dataclass(frozen=True)
class Fractionation:
    """A schedule with what it does at one alpha/beta: dose and fraction in Gy, BED and EQD2 in Gy."""

    dose_gy: float
    fractions: int
    alpha_beta_gy: float
    fraction_gy: float
    bed_gy: float
    eqd2_gy: float


def bed_gy(dose_gy: float, fractions: int, alpha_beta_gy: float) -> float:
    """Biologically effective dose in Gy of dose_gy given in equal fractions.

    Raises InputError for a negative dose, fractions below 1 or not whole, and alpha/beta that is not positive.
    """
    _check(dose_gy, alpha_beta_gy)
    if not float(fractions).is_integer() or fractions < 1:
        raise InputError(f"The number of fractions must be 1, 2, 3, ..., got {fractions}.")
    return dose_gy * (1.0 + dose_gy / fractions / alpha_beta_gy)


def eqd2_gy(dose_gy: float, fractions: int, alpha_beta_gy: float) -> float:
    """Dose in fractions of 2 Gy with the same effect, in Gy. Raises InputError like bed_gy."""
    return bed_gy(dose_gy, fractions, alpha_beta_gy) / (1.0 + REFERENCE_FRACTION_GY / alpha_beta_gy)


def decay_bed_gy(
    dose_gy: float, alpha_beta_gy: float, repair_half_time_h: float, half_life_h: float = Y90.half_life_h
) -> float:
    """BED in Gy of a dose given by a source that decays away in place, with repair of the half time given (hours)."""
    _check(dose_gy, alpha_beta_gy)
    for value, what in ((repair_half_time_h, "repair half time"), (half_life_h, "half-life")):
        if not (math.isfinite(value) and value > 0):
            raise InputError(f"The {what} must be a positive number of hours, got {value}.")
    return dose_gy + dose_gy**2 * repair_half_time_h / ((repair_half_time_h + half_life_h) * alpha_beta_gy)


def same_effect_dose_gy(bed: float, fractions: int, alpha_beta_gy: float) -> float:
    """Dose in Gy that reaches a BED in that many equal fractions: the inverse of bed_gy."""
    _check(bed, alpha_beta_gy)
    bed_gy(0.0, fractions, alpha_beta_gy)
    room = fractions * alpha_beta_gy
    return 0.5 * (math.sqrt(room * room + 4.0 * room * bed) - room)


def compare_fractionations(
    schedules: Iterable[tuple[float, int]], alpha_betas_gy: Iterable[float]
) -> tuple[Fractionation, ...]:
    """Each (dose in Gy, fractions) at each alpha/beta, in the order given."""
    ratios = tuple(alpha_betas_gy)
    return tuple(
        Fractionation(dose, n, ab, dose / n, bed_gy(dose, n, ab), eqd2_gy(dose, n, ab))
        for dose, n in schedules
        for ab in ratios
    )


def _check(dose_gy: float, alpha_beta_gy: float) -> None:
    if not (math.isfinite(dose_gy) and dose_gy >= 0):
        raise InputError(f"The dose must be 0 Gy or more, got {dose_gy}.")
    if not (math.isfinite(alpha_beta_gy) and alpha_beta_gy > 0):
        raise InputError(
            f"Alpha/beta must be a positive number of Gy (tumour 10, liver 2.5 to 3), got {alpha_beta_gy}."
        )
