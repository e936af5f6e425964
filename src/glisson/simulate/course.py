"""How metastases grow, shrink under treatment, vanish from sight and appear, month by month; the truth is known."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from glisson.errors import InputError

__all__ = ["GROWTHS", "Course", "Treated", "draw_courses"]

GROWTHS = ("exponential", "gompertz")
"""Laws of growth: at a constant rate, or slowing towards a largest volume (Gompertz, doi 10.1098/rstl.1825.0026)."""
DOUBLING_DAYS = 110.0
"""Median doubling time of the volume of untreated metastases, a modelling choice within the published range."""
DOUBLING_SPREAD = 0.4
"""Standard deviation of its logarithm between lesions."""
LARGEST_ML = 900.0
"""Volume towards which Gompertz growth slows."""
HALVING_DAYS = 45.0
"""Median halving time of the volume of a lesion that responds to treatment, a modelling choice."""
RESPONDERS = 0.75
"""Share of lesions that respond."""
MONTH_DAYS = 365.25 / 12


@dataclass(frozen=True)
class Treated:
    """Systemic treatment from one month to another."""

    start_month: float
    stop_month: float


@dataclass(frozen=True)
class Course:
    """One metastasis through time. born_month: when it has born_mm. rate: growth of ln(volume) a month when untreated
    (at born_mm, for Gompertz); shrinking: its fall a month under treatment, None for a lesion that does not respond."""

    name: str
    growth: str
    born_month: float
    born_mm: float
    rate: float
    shrinking: float | None
    treated: Treated | None

    def diameter_mm(self, month: float) -> float:
        """Diameter of the sphere of its volume; 0 before it was born."""
        if month < self.born_month:
            return 0.0
        volume = _ball_ml(self.born_mm)
        at = self.born_month
        for until, treated in self._spans(month):
            volume = self._after(volume, until - at, treated)
            at = until
        return 2.0 * float(np.cbrt(3000.0 * volume / (4.0 * np.pi)))

    def _spans(self, month: float) -> list[tuple[float, bool]]:
        """(end, under treatment) of the spans from birth to a month, in order."""
        if self.treated is None:
            return [(month, False)]
        start, stop = self.treated.start_month, self.treated.stop_month
        ends = sorted({month, *(m for m in (start, stop) if self.born_month < m < month)})
        begins = [self.born_month, *ends[:-1]]
        return [(end, start <= begin < stop) for begin, end in zip(begins, ends, strict=True)]

    def _after(self, volume: float, months: float, treated: bool) -> float:
        if treated and self.shrinking is not None:
            return volume * float(np.exp(-self.shrinking * months))
        if self.growth == "exponential":
            return volume * float(np.exp(self.rate * months))
        slowing = self.rate / np.log(LARGEST_ML / _ball_ml(self.born_mm))
        return LARGEST_ML * float((volume / LARGEST_ML) ** np.exp(-slowing * months))


def draw_courses(
    diameters_mm: Sequence[float],
    months: Sequence[float],
    *,
    growth: str,
    treated: Treated | None,
    new: float,
    born_mm: float,
    rng: np.random.Generator,
) -> list[Course]:
    """Courses M1, M2, ... of the lesions seen at first, then of new ones. diameters_mm: at the first month, largest
    first. new: expected number of new lesions from one month of `months` to the next; each is born with born_mm.

    Raises InputError for an unknown law of growth.
    """
    if growth not in GROWTHS:
        raise InputError(f"Growth {growth!r} is not known; expected one of {', '.join(GROWTHS)}.")
    births = [(float(months[0]), float(d)) for d in diameters_mm]
    for before, after in itertools.pairwise(months):
        births += [(float(rng.uniform(before, after)), born_mm) for _ in range(int(rng.poisson(new)))]
    result = []
    for number, (month, size) in enumerate(births, start=1):
        doubling = DOUBLING_DAYS * float(np.exp(rng.normal(0, DOUBLING_SPREAD)))
        halving = HALVING_DAYS * float(np.exp(rng.normal(0, DOUBLING_SPREAD)))
        responds = bool(rng.random() < RESPONDERS)
        rate, fall = (float(np.log(2) * MONTH_DAYS / days) for days in (doubling, halving))
        result.append(Course(f"M{number}", growth, month, size, rate, fall if responds else None, treated))
    return result


def _ball_ml(diameter_mm: float) -> float:
    return float(np.pi / 6 * diameter_mm**3 / 1000.0)
