"""Plans that wait for the remnant to grow, on the pages and as data: forecasts, limits, and what was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from glisson.case import Unknown
from glisson.planning.growth import ENLARGING, HORIZON_DAYS, growth_cut_offs, growth_forecast
from glisson.planning.regrowth import TECHNIQUE_OF
from glisson.planning.staging import outcomes_of
from glisson.report.view import Table
from glisson.report.words import day, percent, upper_first, volume

if TYPE_CHECKING:
    from glisson.assessment import Assessment
    from glisson.case import Case
    from glisson.planning.growth import Hypertrophy
    from glisson.planning.staging import RemnantAt, StagedPlan

__all__ = [
    "enlarging_outcomes_table", "forecast_tables", "growth_data", "growth_findings", "growth_tables", "measured_table",
    "shown_staged", "staged_table",
]  # fmt: skip

DECIMALS = 3
"""Decimals of numbers in findings.json: finer than any scan can tell."""


def shown_staged(result: Assessment) -> tuple[StagedPlan, ...]:
    """The plans that wait for growth: for all lesions that must or may be treated, else for those that must."""
    clearing = result.clearing
    if clearing is None:
        return ()
    if clearing.staged or clearing.found.plans:
        return clearing.staged
    return clearing.staged_without_open


def growth_tables(result: Assessment) -> tuple[Table, ...]:
    """Every table of the chapter on growth, in order; none where there is nothing to say."""
    made = (
        staged_table(result), *forecast_tables(result), enlarging_outcomes_table(result), measured_table(result),
    )  # fmt: skip
    return tuple(table for table in made if table is not None)


def staged_table(result: Assessment) -> Table | None:
    """The sequences, what growth each needs, when to measure and resect, and what the rules say."""
    plans = shown_staged(result)
    if not plans:
        return None
    rows = tuple(
        (
            f"{number}. {upper_first(one.name)}",
            f"{one.plan.burden:g}",
            f"{percent(one.now_percent, one.needed_percent)}, {volume(one.plan.remnant_nontumour_ml)}",
            f"{one.needed_percent:g}\u00a0%, {volume(one.needed_ml)}",
            f"+{one.needed_points:.1f} points (+{one.needed_growth_percent:.0f}\u00a0%); "
            f"{one.needed_per_week:.1f} a week by week {one.wait_weeks[0]}",
            _when(one),
            f"{one.verdict}: {one.why}",
        )
        for number, one in enumerate(plans, 1)
    )
    points, weekly, source, status = growth_cut_offs()
    confirmed = "" if status == "verified" else ", not yet confirmed"
    note = (
        "Conditional on growth: none of these holds on the liver of today. The closed liver is removed in the last "
        "step; lesions of the remnant are treated before or with the closure. Percent of the larger of non-tumour and "
        "expected "
        f"liver volume. Fewer failures were seen from {points:g} points and {weekly:g} points a week on "
        f"({source}{confirmed}). " + " ".join(dict.fromkeys(note for one in plans for note in one.notes))
    ).strip()
    columns = ("Sequence", "Burden", "Remnant now", "Needed", "Growth needed", "Limit reached", "Rules")
    return Table("staged", "If the remnant grows first", columns, (False, True, *(False,) * 5), rows, note)


def _when(one: StagedPlan) -> str:
    best, expected, worst = (None if days is None else f"week {days / 7.0:.1f}" for days in one.days)
    words = f"earliest {best}, expected {expected}, at the low end {worst or 'not within the forecast'}"
    if one.dates is None:
        return words
    return f"{words}; measure and decide {day(one.dates[0])} to {day(one.dates[1])}"


def forecast_tables(result: Assessment) -> tuple[Table, ...]:
    """The remnant forecast for each plan and week, with its interval and source; a table for each list of weeks."""
    by_weeks: dict[tuple[int, ...], list[tuple[int, StagedPlan]]] = {}
    for number, one in enumerate(shown_staged(result), 1):
        by_weeks.setdefault(tuple(week.week for week in one.over_weeks), []).append((number, one))
    return tuple(_forecast_table(weeks, numbered) for weeks, numbered in by_weeks.items())


def _forecast_table(weeks: tuple[int, ...], numbered: list[tuple[int, StagedPlan]]) -> Table:
    rows = tuple(
        (
            f"{number}. {upper_first(one.enlargement.label)}",
            *(_at(week) for week in one.over_weeks),
            f"{one.enlargement.forecast.source}: {one.enlargement.forecast.words}",
        )
        for number, one in numbered
    )
    columns = ("First step", *(f"Week {week}" for week in weeks), "Source")
    forecasts = [one.enlargement.forecast for _, one in numbered]
    lent = sorted({one.spread_source for one in forecasts if one.spread_source != one.source})
    slow = all(one.horizon_days > HORIZON_DAYS for one in forecasts)
    note = (
        f"Expected remnant, in brackets {forecasts[0].ends}"
        + (f" ({', '.join(lent)} where the series states none)" if lent else "")
        + (". The series states one growth after months; up to then it is taken to come evenly."
           if slow else
           ". Growth is fastest in the first week; beyond the day on which a series measured, the later rate of "
           "growth-rate-2019 continues it, and the low end stays where it was.")
        + " A forecast is no measurement: measure again before deciding."
    )  # fmt: skip
    title = "Forecast of the remnant after radioembolisation of a lobe" if slow else "Forecast of the remnant"
    key = "growth-forecast-slow" if slow else "growth-forecast"
    return Table(key, title, columns, (False,) * len(columns), rows, note)


def _at(week: RemnantAt) -> str:
    return (
        f"{week.percent:.0f}\u00a0% ({week.low_percent:.0f}–{week.high_percent:.0f}), {volume(week.ml)} "
        f"({week.low_ml:.0f}–{week.high_ml:.0f})"
    )


def enlarging_outcomes_table(result: Assessment) -> Table | None:
    """What became of published patients who set out on the ways shown."""
    plans = shown_staged(result)
    if not plans:
        return None
    shown = {item for one in plans for item in one.outcomes}
    rows = tuple(
        (
            upper_first(one.technique.replace("-", " ")),
            _share(one.low, one.high),
            one.what,
            f"{one.words} ({one.source})",
        )
        for one in outcomes_of(tuple(dict.fromkeys(item.technique for one in plans for item in one.outcomes)))
        if one in shown
    )
    note = "Series differ in disease, remnant and centre; no share is a forecast for one patient."
    title = "How many published patients reached the resection"
    return Table("growth-outcomes", title, ("Way", "Share", "What became of them", "Who"), (False,) * 4, rows, note)


def _share(low: float, high: float) -> str:
    return f"{low:g}\u00a0%" if low == high else f"{low:g} to {high:g}\u00a0%"


def measured_table(result: Assessment) -> Table | None:
    """The growth between two volumetries of the record beside the forecast for the same day."""
    clearing = result.clearing
    if clearing is None or isinstance(clearing.growth, Unknown):
        return None
    found = clearing.growth
    points, weekly, source, status = growth_cut_offs()
    cut = f"{source}{'' if status == 'verified' else ', not yet confirmed'}"
    rows = [
        ("Remnant", f"{volume(found.before_ml)} before, {volume(found.after_ml)} on day {found.days:.0f}", ""),
        (
            "Growth over the volume before",
            f"{found.growth_percent:+.0f}\u00a0%{_limits(found.growth_limits, 0)}",
            _expected(result.case, found),
        ),
        ("Degree of hypertrophy", f"{found.points:+.1f} points", f"{points:g} points ({cut})"),
        (
            "Kinetic growth rate",
            f"{found.percent_per_week:+.1f} points a week{_limits(found.per_week_limits, 1)}",
            f"{weekly:g} points a week ({cut})",
        ),
    ]
    note = (
        f"{upper_first(found.definition)}. In brackets: 95 % limits from the error of outlining lesions; a "
        "whole liver is outlined better."
    )
    columns = ("Measure", "By two volumetries", "Published")
    return Table("measured-growth", "Measured growth of the remnant", columns, (False,) * 3, tuple(rows), note)


def _limits(limits: tuple[float, float], decimals: int) -> str:
    return f" ({limits[0]:+.{decimals}f} to {limits[1]:+.{decimals}f})"


def _expected(case: Case, found: Hypertrophy) -> str:
    """The published growth for the day of the second volumetry, after what the record says was done."""
    kinds = () if isinstance(case.treatments, Unknown) else [item.kind for item in case.treatments]
    technique = next((TECHNIQUE_OF.get(kind, kind) for kind in kinds if kind in ENLARGING), None)
    if technique is None:
        return ""
    forecast = growth_forecast(technique)
    at = forecast.after(found.days)
    return f"{at.expected:.0f}\u00a0% ({at.low:.0f} to {at.high:.0f}) expected by that day ({forecast.source})"


def growth_data(result: Assessment) -> dict[str, Any] | None:
    """The key `growth` of plans.json: `staged` (plans conditional on growth), the same without the indeterminate
    lesions, and what two volumetries measured; None where no plan was searched."""
    clearing = result.clearing
    if clearing is None:
        return None
    return {
        "staged": [one.to_dict() for one in clearing.staged],
        "staged_without_indeterminate": [one.to_dict() for one in clearing.staged_without_open],
        **_measured(clearing.growth),
    }


def growth_findings(result: Assessment) -> dict[str, Any] | None:
    """The key `growth` of findings.json: as `growth_data`, for the plans shown, rounded and without their acts."""
    clearing = result.clearing
    if clearing is None:
        return None
    plans = [{key: value for key, value in one.to_dict().items() if key != "plan"} for one in shown_staged(result)]
    data: dict[str, Any] = _rounded({"staged": plans, **_measured(clearing.growth)})
    return data


def _measured(found: Hypertrophy | Unknown) -> dict[str, Any]:
    if isinstance(found, Unknown):
        return {"measured": None, "not_measured": found.reason}
    measured = {
        "before_ml": found.before_ml,
        "after_ml": found.after_ml,
        "days": found.days,
        "growth_percent": found.growth_percent,
        "points": found.points,
        "points_per_week": found.percent_per_week,
        "points_per_week_limits": list(found.per_week_limits),
        "definition": found.definition,
    }
    return {"measured": measured, "not_measured": ""}


def _rounded(value: Any) -> Any:
    """Plain data with every float rounded to DECIMALS."""
    if isinstance(value, float):
        return round(value, DECIMALS) + 0.0
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, list) else value
