"""The lesions of one patient over time: each one's course and its best change, with the limits of RECIST 1.1 marked."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from glisson.report.figures.canvas import Canvas, Picture
from glisson.report.figures.palette import BRANCHES, INK, PAPER, SOFT, Colour
from glisson.report.figures.plot import HEIGHT, LEFT, TEXT, WIDTH, PlotFrame, name_ends
from glisson.report.figures.timeline import RESPONSE_COLOURS

if TYPE_CHECKING:
    from glisson.lesions.serial import Serial

__all__ = ["lesion_courses", "lesion_waterfall"]

MOST_BARS = 40
"""Lesions that are still read in one waterfall plot: those that changed most to either side."""
FEWEST_PLACES = 6
"""A bar is no wider than with so many of them."""


def _limits() -> tuple[float, float]:
    """Change of a diameter in percent from which RECIST 1.1 speaks of response and of progression (of the sum)."""
    from glisson.lesions.response.limits import sum_rules

    rules = sum_rules("recist-1.1")
    return -float(rules.response_percent), float(rules.progression_percent)


def lesion_courses(serial: Serial, names: Sequence[str]) -> Picture | None:
    """Change of each lesion's volume from the baseline on a scale of doublings, named at its end: the spider plot of
    one patient's lesions.

    A lesion that is not seen any more ends in an empty mark at the lowest line; new ones begin at no change. None where
    no lesion has two dates.
    """
    first = serial.days[serial.baseline]
    drawn = [(name, points) for name in names if len(points := _doublings(serial, name)) > 1]
    if not drawn:
        return None
    values = [value for _, points in drawn for _, value in points if value is not None]
    limits = [(value, 3 * math.log2(1 + value / 100)) for value in _limits()]
    low, high = min(*values, limits[0][1]) - 0.6, max(*values, 1.0) + 0.3
    canvas = Canvas(WIDTH, HEIGHT)
    frame = PlotFrame(canvas, (0.0, max(float((serial.days[-1] - first).days), 1.0)), (low, high))
    frame.upright("volume against baseline, in doublings (-1: half, +1: twice)")
    frame.across(
        [(float((d - first).days), str(d)) for d in sorted(set(serial.days)) if d >= first], "dates of the scans"
    )
    for percent, doublings in limits:
        frame.limit(doublings, f"{percent:+g} % Ø")
    ends = []
    for number, (name, points) in enumerate(drawn):
        colour = BRANCHES[number % len(BRANCHES)]
        places = [frame.at(day, low if value is None else value) for day, value in points]
        for a, b in itertools.pairwise(places):
            canvas.line(a, b, 3.5, colour)
        for (x, y), (_, value) in zip(places, points, strict=True):
            canvas.box(x - 7, y - 7, 14, 14, colour, radius=7)
            if value is None:
                canvas.box(x - 4, y - 4, 8, 8, PAPER, radius=4)
        ends.append((places[-1], name, colour))
    name_ends(canvas, ends)
    said = "; ".join(
        f"{name} " + ", ".join("not seen" if value is None else f"{2**value:.2f} times" for _, value in points[1:])
        for name, points in drawn
    )
    return canvas.picture(
        f"Volume of each lesion against its first on or after the baseline: {said}.",
        "Each line is one lesion, up to its resection or ablation; an empty mark at the bottom: not seen any more. "
        "Dashed: the limits of RECIST 1.1 for the sum of diameters, as the volume of a ball that changes so.",
        table=False,
    )


def _doublings(serial: Serial, name: str) -> list[tuple[float, float | None]]:
    """(days since baseline, doublings of the volume against the first there); None at the first date it is not seen."""
    first = serial.days[serial.baseline]
    points: list[tuple[float, float | None]] = []
    begin = None
    for day, size in serial.course(name):
        after = float((day - first).days)
        if size is None:
            if begin is not None:
                points.append((after, None))
                break
            continue
        begin = begin or size.volume_ml
        points.append((after, math.log2(size.volume_ml / begin)))
    return points


def lesion_waterfall(serial: Serial, names: Sequence[str]) -> Picture | None:
    """The best change of each lesion's longest diameter from the baseline, one bar a lesion, largest rise first.

    A lesion that was not seen any more counts -100 % and says so; new ones have no baseline and are named below. The
    limits of RECIST 1.1 hold for the sum of the targets, not for a lesion; they are drawn to compare. None where no
    lesion has a baseline and a later scan.
    """
    bars = [(best, name) for name in names if (best := _best(serial, name)) is not None]
    if not bars:
        return None
    bars.sort(key=lambda item: (-item[0], item[1]))
    shown = bars
    if len(bars) > MOST_BARS:
        kept = {name for _, name in sorted(bars, key=lambda item: (-abs(item[0]), item[1]))[:MOST_BARS]}
        shown = [bar for bar in bars if bar[1] in kept]
    response, progression = _limits()
    canvas = Canvas(WIDTH, HEIGHT)
    changes = [change for change, _ in shown]
    low, high = min(*changes, response - 10.0) * 1.12, max(*changes, progression + 10.0) * 1.12
    frame = PlotFrame(canvas, (0.0, float(max(len(shown), FEWEST_PLACES))), (low, high))
    frame.upright("best change of the longest diameter from baseline, %")
    for place, (change, name) in enumerate(shown):
        _bar(frame, place, change, name, len(shown))
    for value in (response, progression):
        frame.limit(value, f"{value:+g} %")
    own = {name: [size for _, size in serial.course(name)] for name in names}
    left_out = [name for name, sizes in own.items() if any(sizes) and sizes[0] is None]
    notes = [f"without baseline: {', '.join(left_out)}"] if left_out else []
    notes += [f"{len(bars) - len(shown)} that changed least are not drawn"] if len(bars) > len(shown) else []
    canvas.text((LEFT, HEIGHT - 28), "; ".join(notes), TEXT - 4, SOFT)
    said = "; ".join(f"{name} {'not seen any more' if change <= -100 else f'{change:+.0f} %'}" for change, name in bars)
    alt = f"Best change of each lesion's longest diameter from the scan of {serial.days[serial.baseline]}: {said}."
    caption = (
        f"One bar a lesion, the smallest it was after {serial.days[serial.baseline]}; -100 %: not seen any more. "
        "What was resected or ablated counts until then. Dashed: the limits of RECIST 1.1, which hold for the sum of "
        "the targets and not for one lesion."
    )
    return canvas.picture(alt + (f" New: {', '.join(left_out)}." if left_out else ""), caption, table=False)


def _best(serial: Serial, name: str) -> float | None:
    """Smallest diameter after the baseline against the one there, percent; -100 where it was once not seen."""
    sizes = [size for _, size in serial.course(name)]
    if len(sizes) < 2 or (first := sizes[0]) is None:
        return None
    return min(-100.0 if one is None else 100.0 * (one.longest_mm / first.longest_mm - 1.0) for one in sizes[1:])


def _bar(frame: PlotFrame, place: int, change: float, name: str, count: int) -> None:
    canvas = frame.canvas
    response, progression = _limits()
    word = "PD" if change >= progression else "PR" if change <= response else "SD"
    colour: Colour = RESPONSE_COLOURS["CR" if change <= -100 else word]
    (x0, zero), (x1, end) = frame.at(place + 0.1, 0.0), frame.at(place + 0.9, change)
    canvas.box(x0, min(zero, end), x1 - x0, max(abs(end - zero), 3.0), colour)
    size = TEXT - 4 if count <= MOST_BARS // 2 else TEXT - 12
    middle = (x0 + x1) / 2
    down = change < 0
    text = "not seen" if change <= -100 and count <= MOST_BARS // 2 else f"{change:+.0f}"
    canvas.text((middle, end + (size * 0.8 if down else -size * 0.8)), text, size - 2, INK, anchor="mm", halo=PAPER)
    beside = zero + (-size if down else size)
    canvas.text((middle, beside), name, size, INK, anchor="mm", bold=True, halo=PAPER)
