"""How much the remnant grows before a resection, as a range with its source, and how fast two volumetries say it grew.

A forecast comes from published series (knowledge tables `hypertrophy` and `growth-speed`): expected growth with one
standard deviation to either side. Growth after occlusion of the portal vein is not linear: fastest in the first week.
Whatever the forecast says, the remnant is measured again before deciding.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from glisson.case import Case, Unknown
from glisson.errors import InputError
from glisson.knowledge import knowledge_base
from glisson.lesions.kinetics import Z95, volume_error

__all__ = [
    "ENLARGING", "HORIZON_DAYS", "WEEKS", "Growth", "GrowthForecast", "Hypertrophy", "growth_cut_offs",
    "growth_forecast", "hypertrophy", "lobe_forecast", "procedure_day", "recorded_growth", "techniques",
]  # fmt: skip

MEASURED_DAY = 28.0
"""Day on which the growth of a series is taken to have been measured where it does not say: the four weeks that most
teams wait (denys-2010)."""

HORIZON_DAYS = 56.0
"""No growth is forecast beyond the longest wait of the series on the speed of growth (growth-rate-2019)."""

WEEKS = (2, 4, 6, 8)
"""Weeks after the closure at which the remnant is forecast."""

MONTH_DAYS = 365.25 / 12.0

STEP_DAYS = 0.25
"""A day of crossing is found to a quarter of a day; no forecast is finer."""

SPREAD_OF = "portal-vein-embolisation"
"""The technique whose standard deviation stands in, in points of growth, where a series states none."""

ENLARGING = ("portal-vein-embolisation", "liver-venous-deprivation", "portal-vein-ligation")
"""Treatments of the record that make the remnant grow."""


@dataclass(frozen=True)
class Growth:
    """Growth in percent of the remnant before. low and high: one standard deviation to either side; low is never below
    0."""

    expected: float
    low: float
    high: float


@dataclass(frozen=True)
class GrowthForecast:
    """The forecast of one technique from one series. day: when its growth was measured. daily: growth a day in percent
    where the series states it. source: its id; words: who was measured. spread_source: whose standard deviation it is.
    horizon_days: no growth is forecast beyond it. weeks: at which the remnant is forecast. ends: what low and high are.
    """

    technique: str
    total: Growth
    day: float
    daily: float | None
    source: str
    status: str
    words: str
    spread_source: str
    horizon_days: float = HORIZON_DAYS
    weeks: tuple[int, ...] = WEEKS
    ends: str = "one standard deviation to either side"

    @property
    def lasts_days(self) -> float:
        """Day after which no growth is forecast."""
        return self.horizon_days if self.daily is None else min(self.horizon_days, self.total.expected / self.daily)

    def after(self, days: float) -> Growth:
        """Growth `days` after the procedure. Raises InputError for a negative number of days.

        After the day of measurement the low end does not rise: the later rate less its standard deviation is below 0.
        """
        share = self._share(days)
        return Growth(self.total.expected * share, self.total.low * min(share, 1.0), self.total.high * share)

    def days_until(self, percent_now: float, percent_needed: float) -> tuple[float | None, float | None, float | None]:
        """Days until a remnant reaches what is needed: at the best, as expected, at the worst; None where it does not
        within the horizon.

        percent_now, percent_needed: remnant as a share of the same denominator, percent; percent_now above 0.
        """
        if percent_now <= 0:
            raise InputError(f"The remnant before is {percent_now} %; expected more than 0.")
        needed = 100.0 * (percent_needed / percent_now - 1.0)
        return self._day_of(needed, "high"), self._day_of(needed, "expected"), self._day_of(needed, "low")

    def weeks_to_wait(self, percent_now: float, percent_needed: float) -> tuple[int, int] | None:
        """Whole weeks from the procedure between which to measure and resect; None where not even the expected growth
        suffices.

        From the day of the series' measurement (of a slow one, from MEASURED_DAY), or of the expected crossing when
        that is later, to the crossing at the low end, or the end of the forecast.
        """
        _, expected, worst = self.days_until(percent_now, percent_needed)
        if expected is None:
            return None
        first = max(_weeks(expected), _weeks(min(self.day, MEASURED_DAY, self.lasts_days)), 1)
        return first, max(first, _weeks(self.lasts_days if worst is None else worst))

    def _day_of(self, needed: float, end: str) -> float | None:
        steps = int(self.horizon_days / STEP_DAYS) + 1
        days = (n * STEP_DAYS for n in range(steps))
        return next((day for day in days if getattr(self.after(day), end) >= needed - 1e-9), None)

    def _share(self, days: float) -> float:
        """Share of the stated growth that is there after some days; above 1 after the day of measurement."""
        if days < 0:
            raise InputError(f"Growth was asked for day {days}; expected 0 or more days after the procedure.")
        if self.daily is not None:
            return min(self.daily * days / self.total.expected, 1.0)
        return _occlusion_points(min(days, self.horizon_days)) / _occlusion_points(self.day)


@dataclass(frozen=True)
class Hypertrophy:
    """Two volumetries of the same remnant.

    points: degree of hypertrophy, the difference of the standardised remnants in percentage points.
    percent_per_week: kinetic growth rate, points a week since the procedure. growth_percent: growth of the volume over
    the volume before. definition: which of the definitions in use this is. days: from the procedure to the second
    volumetry. before_ml, after_ml: the two volumes.
    """

    points: float
    percent_per_week: float
    growth_percent: float
    definition: str
    days: float
    before_ml: float
    after_ml: float
    per_week_limits: tuple[float, float]
    growth_limits: tuple[float, float]


DEFINITION = (
    "degree of hypertrophy: standardised remnant after minus before, in points; kinetic growth rate: degree of "
    "hypertrophy over weeks since the procedure (Shindoh 2013, doi:10.1016/j.jamcollsurg.2012.11.018)"
)


def techniques() -> tuple[str, ...]:
    """Names of the techniques with a published growth."""
    return tuple(str(row["technique"]) for row in knowledge_base().table("hypertrophy").rows)


def growth_forecast(technique: str) -> GrowthForecast:
    """The forecast of a technique. Raises InputError for one without a published growth."""
    rows = {str(row["technique"]): row for row in knowledge_base().table("hypertrophy").rows}
    if technique not in rows:
        raise InputError(f"No published growth for {technique!r}; there is one for {', '.join(rows)}.")
    row = rows[technique]
    expected, spread, day, daily = (row.number(name) for name in ("growth", "spread", "day", "daily"))
    lender = row if spread is not None else rows[SPREAD_OF]
    spread = lender.number("spread")
    if expected is None or spread is None:
        raise InputError(f"The table of growth has no number for {technique!r}.")
    total = Growth(expected, max(expected - spread, 0.0), expected + spread)
    measured = MEASURED_DAY if day is None else day
    return GrowthForecast(technique, total, measured, daily, row.source, row.status, str(row["words"]), lender.source)


def lobe_forecast() -> GrowthForecast:
    """The forecast of the other lobe after radioembolisation of one (table lobar-growth).

    The series states one growth after months; up to then it is taken to come evenly. Its ends are the least and the
    most that was seen, which is wider than a standard deviation.
    """
    row = next(row for row in knowledge_base().table("lobar-growth").rows if row["what"] == "growth")
    growth, least, most, months = (row.number(name) for name in ("growth", "least", "most", "months"))
    if growth is None or least is None or most is None or months is None:
        raise InputError("The table lobar-growth lacks growth, its range or the months after which it was measured.")
    day = months * MONTH_DAYS
    quarters = tuple(round(day * part / 4.0 / 7.0) for part in (1, 2, 3, 4))
    return GrowthForecast(
        "lobar-radioembolisation", Growth(growth, least, most), day, growth / day, row.source, row.status,
        str(row["words"]), row.source, horizon_days=day, weeks=quarters, ends="the least and the most that was seen",
    )  # fmt: skip


def growth_cut_offs() -> tuple[float, float, str, str]:
    """Degree of hypertrophy in points and kinetic growth rate in points a week below which the liver failed more often,
    with source and status (table `growth-cut-offs`)."""
    rows = {str(row["measure"]): row for row in knowledge_base().table("growth-cut-offs").rows}
    points = rows["degree of hypertrophy"].needed("points")
    weekly = rows["kinetic growth rate"].needed("weekly")
    return points, weekly, rows["kinetic growth rate"].source, rows["kinetic growth rate"].status


def hypertrophy(before_ml: float, after_ml: float, expected_total_ml: float, days: float) -> Hypertrophy:
    """Growth between two volumetries of one remnant.

    before_ml, after_ml: volume of the remnant before the procedure and `days` after it. expected_total_ml: expected
    total liver volume of both. Raises InputError unless all are above 0.
    Source of the definitions: Shindoh 2013, doi:10.1016/j.jamcollsurg.2012.11.018.
    """
    given = {"before_ml": before_ml, "after_ml": after_ml, "expected_total_ml": expected_total_ml, "days": days}
    for name, value in given.items():
        if not value > 0:
            raise InputError(f"Two volumetries need {name} above 0; given {value}.")
    points = 100.0 * (after_ml - before_ml) / expected_total_ml
    growth = 100.0 * (after_ml / before_ml - 1.0)
    weeks = days / 7.0
    spread = Z95 * volume_error() * 100.0 * math.hypot(before_ml, after_ml) / expected_total_ml
    per_week = (points - spread) / weeks, (points + spread) / weeks
    return Hypertrophy(
        points, points / weeks, growth, DEFINITION, days, before_ml, after_ml, per_week,
        growth_limits(before_ml, after_ml),
    )  # fmt: skip


def growth_limits(before_ml: float, after_ml: float) -> tuple[float, float]:
    """95 % limits of the growth of a volume in percent, from the error of outlining each."""
    off = math.exp(Z95 * math.sqrt(2.0) * volume_error())
    return 100.0 * (after_ml / before_ml / off - 1.0), 100.0 * (after_ml / before_ml * off - 1.0)


def procedure_day(case: Case) -> date | Unknown:
    """The last recorded day on which portal or hepatic veins were, or are to be, closed; Unknown with the reason."""
    if isinstance(case.treatments, Unknown):
        return Unknown("the treatments so far are not recorded")
    done = [item for item in case.treatments if item.kind in ENLARGING]
    days = [item.start for item in done if not isinstance(item.start, Unknown)]
    if days:
        return max(days)
    return Unknown("the day of the embolisation is not recorded" if done else "no embolisation is recorded")


def recorded_growth(case: Case, expected_total_ml: float | None) -> Hypertrophy | Unknown:
    """Degree of hypertrophy and kinetic growth rate from the volumetries of the record (`liver.volumetries`).

    Before: the last one up to the day of the procedure; after: the first one past it. expected_total_ml: expected total
    liver volume, None where height or weight is not known. Unknown with the reason where something is missing.
    """
    given = case.liver.volumetries
    if isinstance(given, Unknown) or len(given) < 2:
        return Unknown("no second volumetry is recorded")
    day = procedure_day(case)
    if isinstance(day, Unknown):
        return day
    dated = sorted(given, key=lambda one: one.date)
    before = [one for one in dated if one.date <= day]
    after = [one for one in dated if one.date > day]
    if not before or not after:
        return Unknown(f"no volumetry {'before' if not before else 'after'} the embolisation is recorded")
    if expected_total_ml is None:
        return Unknown("the expected liver volume is not known: height and weight are needed")
    return hypertrophy(before[-1].remnant_ml, after[0].remnant_ml, expected_total_ml, float((after[0].date - day).days))


def _occlusion_points(days: float) -> float:
    """Points of standardised remnant gained some days after occlusion of the portal vein, by the two-phase rates."""
    first, later = _rates()
    return first * min(days, 7.0) / 7.0 + later * max(days - 7.0, 0.0) / 7.0


def _rates() -> Sequence[float]:
    return [row.needed("rate") for row in knowledge_base().table("growth-speed").rows]


def _weeks(days: float) -> int:
    return math.ceil(days / 7.0 - 1e-9)
