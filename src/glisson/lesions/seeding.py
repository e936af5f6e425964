"""When a metastasis may have been seeded: its growth carried back to one cell. For research; never on a page.

Carried back over many doublings, the smallest doubt about the law of growth is years. So two laws are told beside each
other, and the interval of each knows the error of measuring alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from glisson.errors import InputError
from glisson.lesions.kinetics import Z95, volume_error

__all__ = ["MODELS", "SeedingDate", "seeding_dates"]

CELL_ML = 1e-9
"""Volume of one cell: the customary thousand million cells in a mL, a modelling choice; ten times fewer are held too
(Del Monte 2009, doi 10.4161/cc.8.3.7608)."""
LARGEST_ML = 1000.0
"""Volume towards which Gompertz growth slows: the customary 10^12 cells, a modelling choice (Norton 1988, PMID
3191961)."""
MODELS = ("exponential", "gompertz")
"""Laws of growth: at a constant rate, or slowing towards LARGEST_ML."""


@dataclass(frozen=True)
class SeedingDate:
    """Growth carried back to one cell by one law.

    earliest, expected, latest: days, the 95 % range from measuring error; None where that side never gets back to one
    cell, or only before the year 1. doubling_days: of the volume at the last measurement by this law; None where it
    does not grow. points: how many volumes.
    """

    model: str
    earliest: date | None
    expected: date | None
    latest: date | None
    doubling_days: float | None
    points: int


def seeding_dates(
    days: Sequence[date], volumes_ml: Sequence[float], *, relative_error: float | None = None
) -> tuple[SeedingDate, ...]:
    """When the lesion was one cell, by each of MODELS, from two or more volumes without treatment between them.

    In each law a function of the volume falls or rises along a straight line in time: ln(volume), and ln(ln(LARGEST_ML
    / volume)) for Gompertz. The line is fitted by least squares weighted by the measuring error, and the interval is
    Fieller's. relative_error: standard deviation of one measurement as a share of it; without it the published one.
    Raises InputError for fewer than two days, equal days, volumes not above one cell or not below LARGEST_ML.
    """
    if len(days) != len(volumes_ml) or len(days) < 2 or len(set(days)) < len(days):
        raise InputError(f"Seeding needs one volume on each of two or more different days; given {len(days)} days.")
    for day, ml in zip(days, volumes_ml, strict=True):
        if not CELL_ML < ml < LARGEST_ML:
            raise InputError(f"Seeding: {ml:g} mL of {day} is not between one cell and {LARGEST_ML:g} mL.")
    error = volume_error() if relative_error is None else relative_error
    pairs = sorted(zip(days, volumes_ml, strict=True))
    return tuple(_carried_back(model, pairs, error) for model in MODELS)


def _carried_back(model: str, pairs: Sequence[tuple[date, float]], error: float) -> SeedingDate:
    last = pairs[-1][0]
    times = [float((day - last).days) for day, _ in pairs]
    if model == "exponential":
        heights = [math.log(ml / CELL_ML) for _, ml in pairs]
        errors = [error] * len(pairs)
    else:
        start = math.log(math.log(LARGEST_ML / CELL_ML))
        heights = [start - math.log(math.log(LARGEST_ML / ml)) for _, ml in pairs]
        errors = [error / math.log(LARGEST_ML / ml) for _, ml in pairs]
    weights = [1.0 / max(one, 1e-12) ** 2 for one in errors]
    total = sum(weights)
    middle = sum(w * t for w, t in zip(weights, times, strict=True)) / total
    level = sum(w * y for w, y in zip(weights, heights, strict=True)) / total
    spread = sum(w * (t - middle) ** 2 for w, t in zip(weights, times, strict=True))
    rate = sum(w * (t - middle) * (y - level) for w, t, y in zip(weights, times, heights, strict=True)) / spread
    back = [_day(last, middle, step) for step in _fieller(rate, level, Z95 / math.sqrt(spread), Z95 / math.sqrt(total))]
    expected = _day(last, middle, -level / rate) if rate > 0 else None
    speed = rate * (1.0 if model == "exponential" else math.log(LARGEST_ML / pairs[-1][1]))
    return SeedingDate(model, back[0], expected, back[1], math.log(2) / speed if rate > 0 else None, len(pairs))


def _fieller(rate: float, level: float, off_rate: float, off_level: float) -> tuple[float | None, float | None]:
    """Days after the middle, earliest and latest, at which a line with this rate and level may be at 0; None for a side
    that never is."""
    a, b, c = rate**2 - off_rate**2, 2 * rate * level, level**2 - off_level**2
    inside = b**2 - 4 * a * c
    if rate <= 0 or inside < 0 or a == 0:
        return None, None
    roots = sorted(((-b - math.sqrt(inside)) / (2 * a), (-b + math.sqrt(inside)) / (2 * a)))
    if a > 0:
        return roots[0], roots[1]
    return None, min(roots)


def _day(last: date, middle: float, step: float | None) -> date | None:
    if step is None:
        return None
    number = last.toordinal() + middle + step
    return date.fromordinal(round(number)) if number >= 1 else None
