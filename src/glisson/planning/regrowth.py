"""Measured volumes of a remnant after an embolisation or a resection, on the published curve.

After closure of portal or hepatic veins the curve is the forecast of `growth`, with its band. After a resection it is
the table `regeneration`: growth over the first remnant in one series, which states no spread.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from glisson.case import Case, Unknown
from glisson.errors import InputError
from glisson.knowledge import knowledge_base
from glisson.planning.growth import ENLARGING, Hypertrophy, growth_forecast, growth_limits, hypertrophy

__all__ = ["TECHNIQUE_OF", "Curve", "RemnantCourse", "RemnantSize", "embolised_course", "remnant_course"]

TECHNIQUE_OF = {"portal-vein-ligation": "portal-vein-embolisation"}
"""Treatments of the record whose published growth is filed under another technique."""
GROWTH_ROWS = "growth over the first remnant"
"""Rows of the table `regeneration` that can be compared with a remnant measured at the operation."""
WEEK_DAYS = 7.0


@dataclass(frozen=True)
class RemnantSize:
    """The remnant on one day. growth_percent: over its volume before; limits: 95 %, from the error of outlining."""

    day: date
    ml: float
    growth_percent: float
    limits: tuple[float, float]


@dataclass(frozen=True)
class Curve:
    """A published curve: days since the procedure, growth in percent expected there, and the band, None without one."""

    days: tuple[float, ...]
    expected: tuple[float, ...]
    low: tuple[float, ...] | None
    high: tuple[float, ...] | None
    source: str
    words: str

    def at(self, day: float) -> float | None:
        """Growth expected on a day, percent; None beyond the curve."""
        if not 0 <= day <= self.days[-1]:
            return None
        return float(np.interp(day, self.days, self.expected))


@dataclass(frozen=True)
class RemnantCourse:
    """A remnant since a procedure. what: the procedure in words. before_ml: its volume before (at the operation).
    sizes: measured since, earliest first. curve: the published one. speed: degree of hypertrophy and kinetic growth
    rate from the procedure to the last size; Unknown without the expected liver volume."""

    what: str
    day: date
    before_ml: float
    sizes: tuple[RemnantSize, ...]
    curve: Curve
    speed: Hypertrophy | Unknown

    def days(self, size: RemnantSize) -> float:
        """Days from the procedure to a size."""
        return float((size.day - self.day).days)


def remnant_course(
    what: str, day: date, before_ml: float, measured: Sequence[tuple[date, float]], curve: Curve | None = None,
    *, expected_total_ml: float | None,
) -> RemnantCourse:  # fmt: skip
    """The course of a remnant after a procedure on a day.

    before_ml: its volume before, above 0. measured: day and volume of each size after that day, one at least. curve: by
    default that after a resection. expected_total_ml: expected total liver volume, None where height or weight is not
    known. Raises InputError without sizes or for volumes not above 0.
    """
    known = sorted(measured)
    if not known or known[0][0] <= day or before_ml <= 0 or any(ml <= 0 for _, ml in known):
        raise InputError(
            f"The course of a remnant needs its volume before and one after {day}, above 0 mL; given {before_ml:g} mL "
            f"before and {[(str(d), ml) for d, ml in known]}."
        )
    sizes = tuple(RemnantSize(d, ml, 100.0 * (ml / before_ml - 1.0), growth_limits(before_ml, ml)) for d, ml in known)
    speed: Hypertrophy | Unknown = Unknown("the expected liver volume is not known: height and weight are needed")
    if expected_total_ml is not None:
        speed = hypertrophy(before_ml, known[-1][1], expected_total_ml, float((known[-1][0] - day).days))
    return RemnantCourse(what, day, before_ml, sizes, curve or _resection_curve(), speed)


def embolised_course(case: Case, expected_total_ml: float | None) -> RemnantCourse | None:
    """The volumetries of the record around the last closure of portal or hepatic veins; None where one is missing."""
    given = case.liver.volumetries
    treatments = () if isinstance(case.treatments, Unknown) else case.treatments
    done = [(t.start, t.kind) for t in treatments if t.kind in ENLARGING and isinstance(t.start, date)]
    if isinstance(given, Unknown) or not done:
        return None
    day, kind = max(done)
    before = [one for one in given if one.date <= day]
    after = [(one.date, one.remnant_ml) for one in given if one.date > day]
    if not before or not after:
        return None
    base = max(before, key=lambda one: one.date).remnant_ml
    return remnant_course(
        kind.replace("-", " "), day, base, after, _forecast_curve(TECHNIQUE_OF.get(kind, kind)),
        expected_total_ml=expected_total_ml,
    )  # fmt: skip


def _forecast_curve(technique: str) -> Curve:
    forecast = growth_forecast(technique)
    days = tuple(float(d) for d in range(int(forecast.lasts_days) + 1))
    grown = [forecast.after(d) for d in days]
    return Curve(
        days, tuple(g.expected for g in grown), tuple(g.low for g in grown), tuple(g.high for g in grown),
        forecast.source, forecast.words,
    )  # fmt: skip


def _resection_curve() -> Curve:
    rows = [row for row in knowledge_base().table("regeneration").rows if row["what"] == GROWTH_ROWS]
    days, shares = [0.0], [0.0]
    for row in rows:
        days.append(WEEK_DAYS * float(str(row["time"]).split()[0]))
        shares.append(row.needed("share"))
    return Curve(tuple(days), tuple(shares), None, None, rows[0].source, f"{rows[0]['who']}; no spread stated")
