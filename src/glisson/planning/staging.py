"""A plan in two steps: what is done first, the growth that is waited for, and the resection that follows if it comes.

Such a plan is conditional on growth. Its forecast is what published series measured; it never counts as certain.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from glisson.knowledge import knowledge_base
from glisson.planning.clearance import Plan
from glisson.planning.enlarging import Enlargement
from glisson.planning.growth import WEEKS, GrowthForecast, growth_cut_offs

__all__ = ["Outcome", "RemnantAt", "Stage", "StagedPlan", "outcomes_of", "remnant_over_weeks"]


@dataclass(frozen=True)
class RemnantAt:
    """The remnant forecast for a week, in mL and in percent of what the limit is stated of: expected, and one standard
    deviation to either side."""

    week: int
    ml: float
    low_ml: float
    high_ml: float
    percent: float
    low_percent: float
    high_percent: float


@dataclass(frozen=True)
class Stage:
    """One step of a plan. what: in words. candidates: acts of the search that it holds. lost: voxels of liver lost by
    it and by no step before; stays: voxels that then stay, those that were closed but not yet removed included."""

    what: str
    candidates: tuple[str, ...]
    lost: int
    stays: int


@dataclass(frozen=True)
class Outcome:
    """What became of patients who set out on such a way: words, the share in percent from low to high, its source."""

    technique: str
    what: str
    low: float
    high: float
    words: str
    source: str

    @property
    def short(self) -> str:
        """Share and what became of them."""
        share = f"{self.low:g}" if self.low == self.high else f"{self.low:g} to {self.high:g}"
        return f"{share} % {self.what}"


@dataclass(frozen=True, eq=False)
class StagedPlan:
    """A plan that holds only if the remnant grows.

    plan: all acts together, counted voxel by voxel on the liver of today; its name is the whole sequence. first: acts
    that treat the lesions of the remnant before or with the closure; last: the resection that takes the closed part.
    relaxation: what it eases (RELAXATIONS). denominator_ml: the volume that the limit is stated of (the larger of those
    asked); now_percent: the remnant before growth as a share of it. needed_ml, needed_percent: the limit. over_weeks:
    the forecast at the weeks of the series. days: until the limit is reached at the best, as expected, at the worst;
    None: not within the forecast. wait_weeks: from which to which week to measure and resect. verdict, rules, why: what
    the knowledge base says of it, with (rule, verdict) pairs. procedure: the day of the closure where the record states
    it.
    """

    plan: Plan
    enlargement: Enlargement
    relaxation: str
    first: tuple[str, ...]
    last: tuple[str, ...]
    stages: tuple[Stage, ...]
    denominator_ml: float
    needed_percent: float
    over_weeks: tuple[RemnantAt, ...]
    days: tuple[float | None, float | None, float | None]
    wait_weeks: tuple[int, int]
    verdict: str
    why: str
    rules: tuple[tuple[str, str], ...]
    outcomes: tuple[Outcome, ...]
    procedure: date | None = None
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The whole sequence in words."""
        return self.plan.name

    @property
    def now_percent(self) -> float:
        """The remnant before growth in percent of the denominator."""
        return 100.0 * self.plan.remnant_nontumour_ml / self.denominator_ml

    @property
    def needed_ml(self) -> float:
        """Working liver that must stay, in mL."""
        return self.needed_percent / 100.0 * self.denominator_ml

    @property
    def needed_points(self) -> float:
        """Degree of hypertrophy needed: percentage points between the remnant of today and the limit."""
        return self.needed_percent - self.now_percent

    @property
    def needed_per_week(self) -> float:
        """Kinetic growth rate needed to reach the limit in the first week of the wait, points a week."""
        return self.needed_points / self.wait_weeks[0]

    @property
    def needed_growth_percent(self) -> float:
        """Growth of the remnant over its volume today that is needed, percent."""
        return 100.0 * (self.needed_ml / self.plan.remnant_nontumour_ml - 1.0)

    @property
    def dates(self) -> tuple[date, date] | None:
        """First and last day of the wait; None unless the record states the day of the closure."""
        if self.procedure is None:
            return None
        first, last = (self.procedure + timedelta(weeks=week) for week in self.wait_weeks)
        return first, last

    @property
    def condition(self) -> str:
        """That it is conditional on growth, the forecast at the first week of the wait, and who did not get there."""
        week = self.wait_weeks[0]
        forecast = self.enlargement.forecast
        at = remnant_over_weeks(forecast, self.plan.remnant_nontumour_ml, self.denominator_ml, (week,))[0]
        text = (
            f"Conditional on growth: remnant {self.now_percent:.1f} % now, {at.percent:.0f} % ({at.low_percent:.0f} to "
            f"{at.high_percent:.0f}) expected in week {week} by {forecast.source}; measure again before deciding."
        )
        return f"{text} Published: {self.outcomes[0].short} ({self.outcomes[0].source})." if self.outcomes else text

    def to_dict(self) -> dict[str, Any]:
        """The piece of `plans.json`: plain values, volumes in mL, days and weeks after the closure."""
        forecast, voxel_ml = self.enlargement.forecast, self.plan.voxel_ml
        points, weekly, source, status = growth_cut_offs()
        best, expected, worst = self.days
        return {
            "name": self.name,
            "conditional_on": "growth",
            "technique": self.enlargement.id,
            "modality": self.enlargement.modality,
            "eases": self.relaxation,
            "closes": list(self.enlargement.closes),
            "stages": [
                {
                    "what": one.what,
                    "candidates": list(one.candidates),
                    "lost_ml": one.lost * voxel_ml,
                    "stays_ml": one.stays * voxel_ml,
                }
                for one in self.stages
            ],
            "remnant_now_ml": self.plan.remnant_nontumour_ml,
            "remnant_now_percent": self.now_percent,
            "denominator_ml": self.denominator_ml,
            "needed_ml": self.needed_ml,
            "needed_percent": self.needed_percent,
            "needed_growth_percent": self.needed_growth_percent,
            "needed_points": self.needed_points,
            "needed_points_per_week": self.needed_per_week,
            "cut_offs": {"points": points, "points_per_week": weekly, "source": source, "status": status},
            "forecast": [_week(one) for one in self.over_weeks],
            "forecast_source": forecast.source,
            "interval_source": forecast.spread_source,
            "interval": forecast.ends,
            "days_until_limit": {"earliest": best, "expected": expected, "latest": worst},
            "wait_weeks": list(self.wait_weeks),
            "wait_dates": None if self.dates is None else [day.isoformat() for day in self.dates],
            "verdict": self.verdict,
            "why": self.why,
            "rules": [list(pair) for pair in self.rules],
            "published": [
                {"technique": one.technique, "what": one.what, "low_percent": one.low, "high_percent": one.high,
                 "words": one.words, "source": one.source}
                for one in self.outcomes
            ],
            "notes": list(self.notes),
            "plan": self.plan.to_dict(),
        }  # fmt: skip


def remnant_over_weeks(
    forecast: GrowthForecast, remnant_ml: float, denominator_ml: float, weeks: tuple[int, ...] = WEEKS
) -> tuple[RemnantAt, ...]:
    """A remnant of so many mL at some weeks after the closure, in mL and in percent of a volume that stays as it is."""
    found = []
    for week in weeks:
        grown = forecast.after(7.0 * week)
        ml, low, high = (remnant_ml * (1.0 + g / 100.0) for g in (grown.expected, grown.low, grown.high))
        found.append(RemnantAt(week, ml, low, high, *(100.0 * one / denominator_ml for one in (ml, low, high))))
    return tuple(found)


def outcomes_of(techniques: tuple[str, ...]) -> tuple[Outcome, ...]:
    """What became of patients treated in these ways, those who did not reach the resection first where it is stated."""
    rows = [row for row in knowledge_base().table("enlarging-outcomes").rows if row["technique"] in techniques]
    return tuple(
        Outcome(str(row["technique"]), str(row["what"]), *_ends(row["share"]), str(row["words"]), row.source)
        for row in rows
    )


def _ends(cell: Any) -> tuple[float, float]:
    (low, _), (high, _) = cell
    return float(low), float(high)


def _week(one: RemnantAt) -> dict[str, float]:
    return {
        "week": one.week,
        "ml": one.ml,
        "low_ml": one.low_ml,
        "high_ml": one.high_ml,
        "percent": one.percent,
        "low_percent": one.low_percent,
        "high_percent": one.high_percent,
    }
