"""The remnant over the weeks after the closure: expected growth, its band, the limit, and when it is crossed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from glisson.report.figures.canvas import Canvas, Picture, text_size
from glisson.report.figures.palette import INK, KEPT, PAPER, RULE, SOFT
from glisson.report.figures.resections import wrapped

if TYPE_CHECKING:
    from glisson.planning.staging import StagedPlan

__all__ = ["MOST_PANELS", "growth_curves"]

MOST_PANELS, WIDTH, PLOT_HEIGHT, TEXT, GAP = 3, 1400, 400, 22, 36
"""Plans drawn side by side, size of the whole and of each plot in pixels, of its text, and the space between."""

POINTS = 64
"""Points of the curve."""

SLOW_WEEKS = 12
"""A forecast beyond so many weeks is slow: its axis is marked by quarters of its length."""

BAND_OPACITY = 0.28
EARLY = 0.25
"""With a crossing in this first part of the axis the limit's name stands at the right, where the curve is above it,
else at the left."""

MOST_LINES = 80
"""An axis that reaches higher (percent) has a line at every twenty instead of every ten."""

LEFT = 62
"""Pixels that the numbers of the axis take."""


@dataclass(frozen=True)
class _Plot:
    """Where weeks and percents lie on the canvas; last: the last week."""

    left: float
    right: float
    top: float
    bottom: float
    most: float
    last: int

    def at(self, week: float, percent: float) -> tuple[float, float]:
        """Pixels of a week and a percentage."""
        x = self.left + (self.right - self.left) * week / self.last
        return x, self.bottom - (self.bottom - self.top) * percent / self.most


def growth_curves(plans: Sequence[StagedPlan]) -> Picture | None:
    """The first plans that wait for growth, a slow one among them, each with the remnant in percent against weeks.

    Line: expected, dashed beyond the day on which the series measured. Band: one standard deviation to either side.
    Dashed across: the limit. Bar below the axis: from the earliest to the latest crossing. None without plans.
    """
    shown = [*plans[:MOST_PANELS]]
    slow = [one for one in plans if _last(one) > SLOW_WEEKS]
    if slow and not any(one is slow[0] for one in shown):
        shown[-1] = slow[0]
    if not shown:
        return None
    wide = (WIDTH - (len(shown) - 1) * GAP) // max(len(shown), 2)
    titles = [wrapped(_title(one), wide - 10, TEXT, bold=True) for one in shown]
    sources = [wrapped(_source(one), wide - 10, TEXT - 5) for one in shown]
    head = round(TEXT * 1.3 * max(map(len, titles)) + TEXT)
    foot = round(TEXT * 4.6 + (TEXT - 5) * 1.4 * max(map(len, sources)) + 8)
    canvas = Canvas(len(shown) * (wide + GAP) - GAP, head + PLOT_HEIGHT + foot)
    most = _top(shown)
    for place, (one, title, source) in enumerate(zip(shown, titles, sources, strict=True)):
        x = place * (wide + GAP)
        for row, words in enumerate(title):
            canvas.text((x, TEXT * (1 + 1.3 * row)), words, TEXT, INK, bold=True)
        plot = _Plot(x + LEFT, x + wide - 14, head, head + PLOT_HEIGHT, most, _last(one))
        _axes(canvas, plot, one)
        _curve(canvas, plot, one)
        _limit(canvas, plot, one)
        _crossing(canvas, plot, one)
        for row, words in enumerate(source):
            base = plot.bottom + TEXT * 4.6 + (TEXT - 5) * (1 + 1.4 * row)
            canvas.text((x, base), words, TEXT - 5, SOFT)
    return canvas.picture(*_words(shown), table=False)


def _title(one: StagedPlan) -> str:
    label = one.stages[-2].what
    return label[0].upper() + label[1:]


def _source(one: StagedPlan) -> str:
    forecast = one.enlargement.forecast
    spread = "" if forecast.spread_source == forecast.source else f"; spread of {forecast.spread_source}"
    return f"{forecast.source}: {forecast.words}{spread}"


def _last(one: StagedPlan) -> int:
    return max(week.week for week in one.over_weeks)


def _top(plans: Sequence[StagedPlan]) -> float:
    highest = max(max(one.needed_percent, *(week.high_percent for week in one.over_weeks)) for one in plans)
    return 10.0 * np.ceil(highest / 10.0 + 0.2)


def _axes(canvas: Canvas, plot: _Plot, one: StagedPlan) -> None:
    size = TEXT - 4
    for percent in range(0, int(plot.most) + 1, 10 if plot.most <= MOST_LINES else 20):
        at = plot.at(0, percent)
        canvas.line(at, plot.at(plot.last, percent), 1 if percent else 2, RULE if percent else INK)
        canvas.text((at[0] - 8, at[1]), f"{percent}" if percent else "0 %", size, SOFT, anchor="rm")
    for week in (0, *(at.week for at in one.over_weeks)):
        x, y = plot.at(week, 0)
        canvas.line((x, y), (x, y + 6), 2, INK)
        canvas.text((x, y + 10), f"{week}", size, SOFT, anchor="mt")
    first = "radioembolisation" if plot.last > SLOW_WEEKS else "closure"
    middle = (plot.left + plot.right) / 2
    canvas.text((middle, plot.bottom + TEXT * 2.1), f"weeks after the {first}", size, SOFT, anchor="ms")


def _curve(canvas: Canvas, plot: _Plot, one: StagedPlan) -> None:
    weeks = np.linspace(0, plot.last, POINTS + 1)
    grown = [one.enlargement.forecast.after(7.0 * week) for week in weeks]
    low, middle, high = (
        one.now_percent * (1 + np.array([getattr(g, end) for g in grown]) / 100.0)
        for end in ("low", "expected", "high")
    )
    columns = np.arange(int(plot.left), int(plot.right) + 1)
    at = (columns - plot.left) / (plot.right - plot.left) * plot.last
    upper, lower = (plot.at(0, 1.0 * np.interp(at, weeks, end))[1] for end in (high, low))
    rows = np.arange(int(plot.top), int(plot.bottom) + 1)[:, None]
    inside = np.clip(rows - upper + 0.5, 0, 1) * np.clip(lower - rows + 0.5, 0, 1)
    canvas.blend(inside * BAND_OPACITY, KEPT, int(plot.left), int(plot.top))
    measured = min(one.enlargement.forecast.day, one.enlargement.forecast.lasts_days) / 7.0
    for place in range(len(weeks) - 1):
        if weeks[place] < measured or place % 4 < 2:
            ends = [plot.at(weeks[p], middle[p]) for p in (place, place + 1)]
            canvas.line(ends[0], ends[1], 4, KEPT)
    for week in one.over_weeks:
        x, y = plot.at(week.week, week.percent)
        canvas.box(x - 6, y - 6, 12, 12, KEPT, radius=6)
        below = min(x, plot.right - 16), y + 13
        canvas.text(below, f"{week.percent:.0f}", TEXT - 4, INK, anchor="mt", bold=True, halo=PAPER)
    x, y = plot.at(0, one.now_percent)
    canvas.box(x - 6, y - 6, 12, 12, INK, radius=6)
    canvas.text((x + 10, y + 24), f"{one.now_percent:.0f} % now", TEXT - 4, INK, halo=PAPER)


def _limit(canvas: Canvas, plot: _Plot, one: StagedPlan) -> None:
    ends = [plot.at(week, one.needed_percent) for week in (0, plot.last)]
    canvas.dashes(ends[0], ends[1], 2.5, INK, 9)
    words, size = f"limit {one.needed_percent:g} %", TEXT - 4
    early = one.days[1] is not None and one.days[1] < 7.0 * EARLY * plot.last
    at, anchor = ((plot.right - 8, ends[0][1] + 12), "rt") if early else ((plot.left + 8, ends[0][1] - 8), "ls")
    canvas.text(at, words, size, INK, anchor=anchor, bold=True, halo=PAPER)


def _crossing(canvas: Canvas, plot: _Plot, one: StagedPlan) -> None:
    """A bar from the earliest to the latest crossing, open to the right where the low end does not get there."""
    best, _, worst = one.days
    start = 0.0 if best is None else best / 7.0
    end = plot.last if worst is None else worst / 7.0
    y = plot.bottom + TEXT * 2.8
    x0, x1 = plot.at(start, 0)[0], plot.at(end, 0)[0]
    canvas.box(x0, y - 5, max(x1 - x0, 10), 10, INK, radius=5)
    if worst is None:
        for rise in (-10, 10):
            canvas.line((x1 - 2, y), (x1 - 14, y + rise), 3, INK)
    words = _crossing_words(one)
    half = text_size(words, TEXT - 4, False)[0] / 2
    x = min(max((x0 + x1) / 2, plot.left - LEFT + half), plot.right + 14 - half)
    canvas.text((x, y + TEXT * 1.25), words, TEXT - 4, INK, anchor="ms")


def _crossing_words(one: StagedPlan) -> str:
    best, _, worst = one.days
    start = 0.0 if best is None else best / 7.0
    if worst is None:
        return f"limit: from week {start:.1f} on, or not by week {_last(one)}"
    return f"limit: in week {start:.1f} to {worst / 7.0:.1f}"


def _words(plans: Sequence[StagedPlan]) -> tuple[str, str]:
    each = " ".join(
        f"{_title(one)}: {one.now_percent:.1f} % now, "
        + ", ".join(
            f"week {at.week} {at.percent:.1f} % ({at.low_percent:.1f} to {at.high_percent:.1f})"
            for at in one.over_weeks
        )
        + f"; {one.needed_percent:g} % needed; {_crossing_words(one)}."
        for one in plans
    )
    caption = (
        "Line: growth expected from the series named, dashed beyond the day it was measured; band: one standard "
        "deviation, after radioembolisation the least and the most that was seen. Bar: from the earliest to the "
        "latest week in which the limit is reached. A forecast, not a measurement: measure again before deciding."
    )
    return f"The remnant in percent over the weeks. {each}", caption
