"""Pictures of response over time: sums with the limits of their criterion, spider and waterfall plots."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import TYPE_CHECKING

from glisson.errors import InputError
from glisson.report.figures.canvas import Canvas, Picture, text_size
from glisson.report.figures.palette import BRANCHES, INK, PAPER, SOFT, Colour, ink_on
from glisson.report.figures.plot import DOT, HEIGHT, LEFT, TEXT, WIDTH, PlotFrame, name_ends, round_step

if TYPE_CHECKING:
    from glisson.lesions.response import DateResponse, Response

__all__ = ["RESPONSE_COLOURS", "spider", "sum_over_time", "waterfall"]

RESPONSE_COLOURS: Mapping[str, Colour] = MappingProxyType(
    {"CR": "#009e73", "PR": "#56b4e9", "SD": "#c9a227", "PD": "#d55e00", "NE": "#c3cace"}
)
"""Colours of the responses; the word stands beside each."""

ROOM_ABOVE = 1.12
"""Room above the highest value."""

SUM_CRITERIA = ("recist-1.1", "irecist", "mrecist", "volumetric")
"""Criteria whose limits are lines of the sum."""

MOST_BARS = 40
"""Bars that are still read in one waterfall plot."""

_PLAIN = {
    "non-CR/non-PD": "SD", "non-iCR/non-iUPD": "SD", "CMR": "CR", "PMR": "PR", "SMD": "SD", "PMD": "PD", "iCPD": "PD",
    "iUPD": "PD", "optimal": "PR", "incomplete": "SD", "none": "SD",
}  # fmt: skip


def _colour(word: str) -> Colour:
    plain = _PLAIN.get(word, word.removeprefix("i"))
    return RESPONSE_COLOURS.get(plain, RESPONSE_COLOURS["NE"])


def sum_over_time(response: Response) -> Picture | None:
    """The sum of one patient and reader on every date with its response, and the limits of the criterion: the line of
    partial response below the baseline, and above the smallest sum so far the step from which it is progression.

    A date on which a target was not measured has an empty mark on the axis. None where no date has a sum.
    """
    rows = response.dates
    sums = [row.sum for row in rows if row.sum is not None]
    if not sums or max(sums) == 0:
        return None
    responding, progressing = _limits(response)
    top = max(*sums, *(value for _, value in progressing), responding or 0.0) * ROOM_ABOVE
    canvas = Canvas(WIDTH, HEIGHT)
    first = rows[0].date
    frame = PlotFrame(canvas, (0.0, max(float((rows[-1].date - first).days), 1.0)), (0.0, top))
    frame.upright(
        f"{response.criterion}: sum of targets, {rows[0].unit}" if rows[0].unit != "SUL" else "peak uptake, SUL"
    )
    frame.across([(float((row.date - first).days), str(row.date)) for row in rows], _days_words(rows))
    if responding is not None:
        frame.limit(responding, "PR below")
    _steps(frame, first, progressing)
    _curve(frame, rows, first)
    return canvas.picture(*_sum_words(response), table=False)


def _days_words(rows: Sequence[DateResponse]) -> str:
    return f"dates of the scans; {(rows[-1].date - rows[0].date).days} days in all"


def _limits(response: Response) -> tuple[float | None, list[tuple[date, float]]]:
    """The sum from which on it is a partial response, and on each date that from which on it is progression."""
    from glisson.lesions.response.limits import sum_rules

    baseline = response.dates[0].sum
    if response.criterion not in SUM_CRITERIA or baseline is None:
        return None, []
    rules = sum_rules(response.criterion)
    share, least = float(rules.progression_percent) / 100, float(rules.progression_least)
    nadir, steps = baseline, []
    for row in response.dates[1:]:
        steps.append((row.date, max(nadir * (1 + share), nadir + least)))
        nadir = nadir if row.sum is None else min(nadir, row.sum)
    return baseline * (1 - float(rules.response_percent) / 100), steps


def _steps(frame: PlotFrame, first: date, steps: Sequence[tuple[date, float]]) -> None:
    """The limit of progression as a dashed stair: from the last date to this one it is what this date is held to."""
    before = 0.0
    for day, value in steps:
        now = float((day - first).days)
        frame.canvas.dashes(frame.at(before, value), frame.at(now, value), 2.5, RESPONSE_COLOURS["PD"], 10)
        before = now
    if steps:
        end = frame.at(before, steps[-1][1])
        frame.canvas.text((end[0] + 8, end[1]), "PD from", TEXT - 5, RESPONSE_COLOURS["PD"], anchor="lm")


def _curve(frame: PlotFrame, rows: Sequence[DateResponse], first: date) -> None:
    known = [(float((row.date - first).days), row.sum, row) for row in rows if row.sum is not None]
    for (x0, y0, _), (x1, y1, _) in itertools.pairwise(known):
        frame.canvas.line(frame.at(x0, y0), frame.at(x1, y1), 4, INK)
    for x, y, row in known:
        _mark(frame.canvas, frame.at(x, y), row)
    for row in rows:
        if row.sum is None:
            x, y = frame.at(float((row.date - first).days), 0.0)
            _mark(frame.canvas, (x, y - DOT), row)


def _mark(canvas: Canvas, at: tuple[float, float], row: DateResponse) -> None:
    """A point with its response above it; empty where the sum is not known; N where there is a new lesion."""
    x, y = at
    colour = INK if row.overall == "baseline" else _colour(row.overall)
    canvas.box(x - DOT / 2, y - DOT / 2, DOT, DOT, INK, radius=DOT / 2)
    inner = DOT - 6
    canvas.box(x - inner / 2, y - inner / 2, inner, inner, PAPER if row.sum is None else colour, radius=inner / 2)
    words = f"{row.overall}{', new' if row.new else ''}"
    half = text_size(words, TEXT - 2, True)[0] / 2
    place = min(max(x, LEFT + half + 6), canvas.width - half - 4)
    canvas.text((place, y - DOT), words, TEXT - 2, INK, anchor="ms", bold=True, halo=PAPER)


def _sum_words(response: Response) -> tuple[str, str]:
    def said(row: DateResponse) -> str:
        size = "not measured" if row.sum is None else f"{row.sum:g} {row.unit}"
        return f"{row.date} {size} {row.overall}{' with a new lesion' if row.new else ''}"

    who = _who(response)
    alt = f"Sum of the targets of {who} by {response.criterion}: {'; '.join(said(row) for row in response.dates)}."
    caption = (
        f"{who}, {response.criterion}: best {response.best.best}, confirmed {response.best.best_confirmed}. Dashed: "
        "limits of a partial response (grey) and of progression against the smallest sum so far (orange). Empty point: "
        "a target was not measured."
    )
    return alt, caption


def _who(response: Response) -> str:
    return f"patient {response.patient}" + (f", reader {response.reader}" if response.reader else "")


def _name(response: Response, responses: Sequence[Response]) -> str:
    """Short name in a plot of many: the reader only where a patient has several."""
    several = sum(one.patient == response.patient for one in responses) > 1
    return f"{response.patient} {response.reader}" if several and response.reader else response.patient


def _changes(response: Response) -> list[tuple[float, float, DateResponse]]:
    """Weeks since baseline, change of the sum in percent, and the row, of every date with a sum."""
    first = response.dates[0]
    points = [(0.0, 0.0, first)] if first.sum else []
    return points + [
        ((row.date - first.date).days / 7, row.baseline_percent, row)
        for row in response.dates[1:]
        if row.baseline_percent is not None
    ]


def _check_one_criterion(responses: Sequence[Response]) -> None:
    names = sorted({one.criterion for one in responses})
    if len(names) > 1:
        raise InputError(f"One plot shows one criterion; given {', '.join(names)}. Draw one for each.")


def spider(responses: Sequence[Response]) -> Picture | None:
    """Change of the sum from baseline over the weeks, one line for each patient and reader, named at its end.

    A point in the colour of its response where that is progression. None where nobody has a change; raises InputError
    for several criteria in one plot.
    """
    _check_one_criterion(responses)
    drawn = [(one, points) for one in responses if len(points := _changes(one)) > 1]
    if not drawn:
        return None
    changes = [change for _, points in drawn for _, change, _ in points]
    weeks = max(week for _, points in drawn for week, _, _ in points)
    canvas = Canvas(WIDTH, HEIGHT)
    frame = PlotFrame(
        canvas, (0.0, max(weeks, 1.0)), (min(*changes, -40.0) * ROOM_ABOVE, max(*changes, 30.0) * ROOM_ABOVE)
    )
    frame.upright("change of the sum from baseline, %")
    step = round_step(max(weeks, 1.0) / 8)
    frame.across([(n * step, f"{n * step:g}") for n in range(int(weeks / step) + 1)], "weeks since baseline")
    for words, value in _change_limits(drawn[0][0].criterion):
        frame.limit(value, words)
    ends = []
    for number, (one, points) in enumerate(drawn):
        colour = BRANCHES[number % len(BRANCHES)]
        places = [frame.at(week, change) for week, change, _ in points]
        for a, b in itertools.pairwise(places):
            canvas.line(a, b, 3.5, colour)
        for (x, y), (_, _, row) in zip(places[1:], points[1:], strict=True):
            progressed = _colour(row.overall) == RESPONSE_COLOURS["PD"]
            size = DOT if progressed else DOT * 0.6
            canvas.box(x - size / 2, y - size / 2, size, size, INK if progressed else colour, radius=size / 2)
        ends.append((places[-1], _name(one, responses), colour))
    name_ends(canvas, ends)
    return canvas.picture(*_spider_words(drawn), table=False)


def _change_limits(criterion: str) -> list[tuple[str, float]]:
    from glisson.lesions.response.limits import sum_rules

    if criterion not in SUM_CRITERIA:
        return []
    rules = sum_rules(criterion)
    fall, rise = float(rules.response_percent), float(rules.progression_percent)
    return [(f"PR −{fall:g} %", -fall), (f"+{rise:g} %", rise)]


def _spider_words(drawn: Sequence[tuple[Response, list[tuple[float, float, DateResponse]]]]) -> tuple[str, str]:
    each = "; ".join(
        f"{_who(one)} "
        + ", ".join(f"{change:+.0f} % at week {week:.0f} ({row.overall})" for week, change, row in points[1:])
        for one, points in drawn
    )
    alt = f"Change of the sum from baseline by {drawn[0][0].criterion}: {each}."
    return alt, (
        "Each line is one patient; dark points are progression, which is judged from the smallest sum, so it may lie "
        "below the upper dashed line. Dates with an unmeasured target have no point."
    )


def waterfall(responses: Sequence[Response]) -> Picture | None:
    """The best change of the sum from baseline, one bar for each patient and reader, largest rise first, in the colour
    of the best confirmed response, whose word stands at the bar.

    Only dates up to the first progression count. Patients without a change are named below. None where nobody has one;
    raises InputError for several criteria or too many bars.
    """
    _check_one_criterion(responses)
    bars = [(best, one) for one in responses if (best := _deepest(one)) is not None]
    if not bars:
        return None
    if len(bars) > MOST_BARS:
        raise InputError(f"One waterfall plot shows at most {MOST_BARS} bars; given {len(bars)}. Draw several.")
    bars.sort(key=lambda item: (-item[0], item[1].patient, item[1].reader or ""))
    changes = [change for change, _ in bars]
    canvas = Canvas(WIDTH, HEIGHT)
    frame = PlotFrame(
        canvas, (0.0, float(len(bars))), (min(*changes, -40.0) * ROOM_ABOVE, max(*changes, 30.0) * ROOM_ABOVE)
    )
    frame.upright("best change of the sum from baseline, %")
    for words, value in _change_limits(bars[0][1].criterion):
        frame.limit(value, words)
    for place, (change, one) in enumerate(bars):
        _bar(frame, place, change, one.best.best_confirmed, _name(one, responses), len(bars))
    left_out = [_who(one) for one in responses if _deepest(one) is None]
    below = f"no change known: {', '.join(left_out)}" if left_out else ""
    canvas.text((LEFT, HEIGHT - 28), below, TEXT - 4, SOFT)
    return canvas.picture(*_waterfall_words(bars, left_out), table=False)


def _deepest(response: Response) -> float | None:
    """The lowest change up to the first progression; the change at it where that comes first."""
    found = []
    for row in response.dates[1:]:
        if row.baseline_percent is not None:
            found.append(row.baseline_percent)
        if _colour(row.overall) == RESPONSE_COLOURS["PD"] and row.overall != "iUPD":
            break
    return min(found, default=None)


def _bar(frame: PlotFrame, place: int, change: float, word: str, name: str, count: int) -> None:
    canvas = frame.canvas
    (x0, zero), (x1, end) = frame.at(place + 0.1, 0.0), frame.at(place + 0.9, change)
    top, high = min(zero, end), max(abs(end - zero), 3.0)
    canvas.box(x0, top, x1 - x0, high, _colour(word))
    size = TEXT - 4 if count <= MOST_BARS // 2 else TEXT - 10
    middle = (x0 + x1) / 2
    outside = end + (size * 0.8 if change < 0 else -size * 0.8)
    canvas.text((middle, outside), word, size, INK, anchor="mm", bold=True, halo=PAPER)
    beside = zero + (-size if change < 0 else size)
    canvas.text((middle, beside), name, size - 2, ink_on(PAPER), anchor="mm", halo=PAPER)


def _waterfall_words(bars: Sequence[tuple[float, Response]], left_out: Sequence[str]) -> tuple[str, str]:
    each = "; ".join(f"{_who(one)} {change:+.0f} %, {one.best.best_confirmed}" for change, one in bars)
    alt = f"Best change of the sum from baseline by {bars[0][1].criterion}: {each}."
    if left_out:
        alt += f" No change known: {', '.join(left_out)}."
    return alt, "Each bar is the deepest fall before progression; the word is the best confirmed response."
