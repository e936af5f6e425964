"""How much the remnant grows before a resection, as a range with its source, and how fast two volumetries say it grew.

A forecast comes from published series (knowledge tables `hypertrophy` and `growth-speed`): expected growth with one
standard deviation to either side where the series states it. Growth after occlusion of the portal vein is not linear:
fastest in the first week. Whatever the forecast says, the remnant is measured again before deciding.
"""

from __future__ import annotations

from dataclasses import dataclass

from glisson.errors import InputError
from glisson.knowledge import knowledge_base

__all__ = ["Growth", "GrowthForecast", "Hypertrophy", "growth_forecast", "hypertrophy", "techniques"]

MEASURED_DAY = 28.0
"""Day on which the growth of a series is taken to have been measured where it does not say: the four weeks that most
teams wait (denys-2010)."""

HORIZON_DAYS = 56.0
"""No growth is forecast beyond the longest wait of the series on the speed of growth (growth-rate-2019)."""

STEP_DAYS = 0.25


@dataclass(frozen=True)
class Growth:
    """Growth in percent of the remnant before. low and high: one standard deviation to either side, None where the
    series states none; low is never below 0."""

    expected: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class GrowthForecast:
    """The forecast of one technique from one series. source: its id; words: who was measured."""

    technique: str
    total: Growth
    day: float
    daily: float | None
    source: str
    status: str
    words: str

    def after(self, days: float) -> Growth:
        """Growth `days` after the procedure. Raises InputError for a negative number of days."""
        share = self._share(days)
        low, high = self.total.low, self.total.high
        return Growth(
            self.total.expected * share, None if low is None else low * share, None if high is None else high * share
        )

    def days_until(self, percent_now: float, percent_needed: float) -> tuple[float | None, float | None, float | None]:
        """Days until a remnant reaches what is needed: at the best, as expected, at the worst; None where it does not
        within the horizon (or where the series states no interval).

        percent_now, percent_needed: remnant as a share of the same denominator, percent; percent_now above 0.
        """
        if percent_now <= 0:
            raise InputError(f"The remnant before is {percent_now} %; expected more than 0.")
        needed = 100.0 * (percent_needed / percent_now - 1.0)
        return (self._day_of(needed, self.total.high), self._day_of(needed, self.total.expected),
                self._day_of(needed, self.total.low))  # fmt: skip

    def _day_of(self, needed: float, total: float | None) -> float | None:
        if total is None:
            return None
        steps = int(HORIZON_DAYS / STEP_DAYS) + 1
        return next((n * STEP_DAYS for n in range(steps) if total * self._share(n * STEP_DAYS) >= needed - 1e-9), None)

    def _share(self, days: float) -> float:
        """Share of the stated growth that is there after some days; above 1 after the day of measurement."""
        if days < 0:
            raise InputError(f"Growth was asked for day {days}; expected 0 or more days after the procedure.")
        if self.daily is not None:
            return min(self.daily * days / self.total.expected, 1.0)
        return _occlusion_points(min(days, HORIZON_DAYS)) / _occlusion_points(self.day)


@dataclass(frozen=True)
class Hypertrophy:
    """Two volumetries of the same remnant.

    points: degree of hypertrophy, the difference of the standardised remnants in percentage points.
    percent_per_week: kinetic growth rate, points a week since the procedure. growth_percent: growth of the volume over
    the volume before. definition: which of the definitions in use this is.
    """

    points: float
    percent_per_week: float
    growth_percent: float
    definition: str


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
    expected, spread, day, daily = (_number(row[name]) for name in ("growth", "spread", "day", "daily"))
    if expected is None:
        raise InputError(f"The table of growth has no number for {technique!r}.")
    total = Growth(
        expected, None if spread is None else max(expected - spread, 0.0), None if spread is None else expected + spread
    )
    return GrowthForecast(
        technique, total, MEASURED_DAY if day is None else day, daily, row.source, row.status, str(row["words"])
    )


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
    return Hypertrophy(points, points / (days / 7.0), 100.0 * (after_ml / before_ml - 1.0), DEFINITION)


def _occlusion_points(days: float) -> float:
    """Points of standardised remnant gained some days after occlusion of the portal vein, by the two-phase rates."""
    first, later = (_number(row["rate"]) or 0.0 for row in knowledge_base().table("growth-speed").rows)
    return first * min(days, 7.0) / 7.0 + later * max(days - 7.0, 0.0) / 7.0


def _number(cell: object) -> float | None:
    """The number of a table's cell; None where it is empty."""
    return float(cell[0]) if isinstance(cell, tuple) and isinstance(cell[0], int | float) else None
