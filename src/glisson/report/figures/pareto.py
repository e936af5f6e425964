"""The plans against each other: what they ask of the patient against the liver they cost, worst margin by size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from glisson.report.figures.canvas import Canvas, Picture, text_size
from glisson.report.figures.labels import place_boxes
from glisson.report.figures.palette import INK, PAPER, RULE, SOFT, Colour, ink_on
from glisson.report.figures.resections import wrapped

__all__ = ["PlanPoint", "pareto_chart"]

WIDTH, TEXT = 1400, 24
CHART_SHARE = 0.52
"""Share of the width for the chart; the names of the plans stand beside it."""

LEFT, TOP, FOOT = 100, 46, 110
LEAST_HEIGHT = 620
LEAST_RADIUS, MOST_RADIUS = 17.0, 34.0
RAMP: tuple[Colour, ...] = ("#8c2d04", "#d97a1e", "#e8c05a", "#5aa889", "#0f5f5a")
"""Narrow to wide spare margin: from dark rust to dark green, which part by lightness towards the middle too."""

STEPS_MM = (0.0, 1.0, 2.0, 4.0, 6.0)
"""Spare margins at which a colour of `RAMP` begins."""

LINE = 1.32


@dataclass(frozen=True)
class PlanPoint:
    """A plan in the chart. spare_mm: the smallest margin beyond the accepted one; None where no margin applies."""

    number: str
    name: str
    lost_ml: float
    lost_percent: float
    burden: float
    spare_mm: float | None


def pareto_chart(points: Sequence[PlanPoint], unit: str) -> Picture:
    """Liver lost to the right, burden upwards, the worst margin by size and colour; the plans named beside it.

    unit: of the burden, in words. Plans at the same place are drawn side by side with lines to their place.
    """
    left = round(WIDTH * CHART_SHARE) + 30
    room = WIDTH - left - 70
    texts = [(one, wrapped(one.name, room, TEXT), wrapped(_facts(one), room, TEXT - 2)) for one in points]
    listed = sum((len(name) + len(facts)) * TEXT * LINE + 16 for _, name, facts in texts) + TOP
    canvas = Canvas(WIDTH, round(max(LEAST_HEIGHT, listed + 20)))
    high = min(canvas.height, LEAST_HEIGHT + 120)
    _chart(canvas.part(0, 0, round(WIDTH * CHART_SHARE), high), points, unit)
    y = float(TOP)
    for one, name, facts in texts:
        _disc(canvas, (left + 24, y + 16), 18, one)
        lines = [(words, TEXT, INK) for words in name] + [(words, TEXT - 2, SOFT) for words in facts]
        for row, (words, size, colour) in enumerate(lines):
            canvas.text((left + 58, y + TEXT * (LINE * row + 0.9)), words, size, colour)
        y += len(lines) * TEXT * LINE + 16
    return canvas.picture(*_words(points, unit), table=False)


def _facts(one: PlanPoint) -> str:
    spare = "no margin applies" if one.spare_mm is None else f"spare {one.spare_mm:+.1f} mm"
    return f"{one.lost_ml:.0f} mL lost ({one.lost_percent:.0f} %), burden {one.burden:g}, {spare}"


def _colour(spare_mm: float | None) -> Colour:
    if spare_mm is None:
        return RAMP[-1]
    return RAMP[max(sum(spare_mm >= step for step in STEPS_MM) - 1, 0)]


def _radius(spare_mm: float | None) -> float:
    share = 1.0 if spare_mm is None else float(np.clip(spare_mm / STEPS_MM[-1], 0, 1))
    return LEAST_RADIUS + (MOST_RADIUS - LEAST_RADIUS) * float(np.sqrt(share))


def _disc(canvas: Canvas, at: tuple[float, float], radius: float, one: PlanPoint) -> None:
    x, y = at
    canvas.box(x - radius - 2, y - radius - 2, 2 * radius + 4, 2 * radius + 4, INK, radius + 2)
    canvas.box(x - radius, y - radius, 2 * radius, 2 * radius, _colour(one.spare_mm), radius)
    canvas.text((x, y), one.number, TEXT - 2, ink_on(_colour(one.spare_mm)), anchor="mm", bold=True)


def _chart(panel: Canvas, points: Sequence[PlanPoint], unit: str) -> None:
    box = (LEFT, TOP, panel.width - 30, panel.height - FOOT)
    across = _scale([one.lost_ml for one in points])
    upward = _scale([one.burden for one in points])
    _axes(panel, box, across, upward, unit)
    at = np.array([
        (
            box[0] + (one.lost_ml - across[0]) / (across[1] - across[0]) * (box[2] - box[0]),
            box[3] - (one.burden - upward[0]) / (upward[1] - upward[0]) * (box[3] - box[1]),
        )
        for one in points
    ])  # fmt: skip
    radii = np.array([_radius(one.spare_mm) for one in points])
    places = _apart(at, radii, box)
    for anchor, place in zip(at, places, strict=True):
        if np.hypot(*(anchor - place)) > 2:
            panel.line((anchor[0], anchor[1]), (place[0], place[1]), 2, SOFT)
        panel.box(anchor[0] - 4, anchor[1] - 4, 8, 8, INK, 4)
    for one, place, radius in zip(points, places, radii, strict=True):
        _disc(panel, (float(place[0]), float(place[1])), float(radius), one)


def _apart(at: np.ndarray, radii: np.ndarray, box: tuple[float, float, float, float]) -> np.ndarray:
    """Where the discs are drawn: at their place, or beside it where another one is."""
    low = np.array(box[:2])
    sizes = np.repeat(2 * radii[:, None] + 4, 2, axis=1)
    free = np.array([np.hypot(*(at - one).T) for one in at])
    np.fill_diagonal(free, np.inf)
    crowded = (free < radii[:, None] + radii[None, :] + 4).any(axis=1)
    if not crowded.any():
        return at
    places = at.copy()
    alone = [(*(a - low - r), *(a - low + r)) for a, r in zip(at[~crowded], radii[~crowded], strict=True)]
    bounds = (box[2] - box[0], box[3] - box[1])
    places[crowded] = low + place_boxes(at[crowded] - low, np.full(crowded.sum(), 6.0), sizes[crowded], bounds, alone)
    return places


def _scale(values: Sequence[float]) -> tuple[float, float, float]:
    """From, to and step of an axis that holds some values with room."""
    low, high = min(values), max(values)
    room = max((high - low) * 0.15, abs(high) * 0.05, 0.5)
    step = next(
        s for e in range(-3, 7) for s in (10.0**e, 2 * 10.0**e, 5 * 10.0**e) if (high - low + 2 * room) / s <= 6
    )
    return max(float(np.floor((low - room) / step) * step), 0.0), float(np.ceil((high + room) / step) * step), step


def _axes(
    panel: Canvas, box: tuple[float, float, float, float], across: tuple[float, float, float],
    upward: tuple[float, float, float], unit: str,
) -> None:  # fmt: skip
    for value in np.arange(across[0], across[1] + across[2] / 2, across[2]):
        x = box[0] + (value - across[0]) / (across[1] - across[0]) * (box[2] - box[0])
        panel.line((x, box[1]), (x, box[3]), 1, RULE)
        panel.text((x, box[3] + 10), f"{value:g}", TEXT - 4, INK, anchor="mt")
    for value in np.arange(upward[0], upward[1] + upward[2] / 2, upward[2]):
        y = box[3] - (value - upward[0]) / (upward[1] - upward[0]) * (box[3] - box[1])
        panel.line((box[0], y), (box[2], y), 1, RULE)
        panel.text((box[0] - 10, y), f"{value:g}", TEXT - 4, INK, anchor="rm")
    panel.line((box[0], box[3]), (box[2], box[3]), 2, INK)
    panel.line((box[0], box[1]), (box[0], box[3]), 2, INK)
    panel.text((box[2], box[3] + 58), "working liver lost, mL", TEXT - 2, INK, anchor="rs", halo=PAPER)
    panel.text((8, box[1] - 16), f"burden, {unit}", TEXT - 2, INK, anchor="ls")
    _key(panel, box[0], box[3] + 86)


def _key(panel: Canvas, x: float, y: float) -> None:
    """The colours and sizes of the spare margin."""
    size = TEXT - 6
    panel.text((x, y), "spare margin, mm", size, SOFT, anchor="lm")
    x += text_size("spare margin, mm", size)[0] + 22
    for place, (start, colour) in enumerate(zip(STEPS_MM, RAMP, strict=True)):
        radius = _radius(start) * 0.42
        panel.box(x, y - radius, 2 * radius, 2 * radius, colour, radius)
        x += 2 * radius + 7
        words = f"≥ {start:g}" if place else f"< {STEPS_MM[1]:g}"
        panel.text((x, y), words, size, SOFT, anchor="lm")
        x += text_size(words, size)[0] + 20


def _words(points: Sequence[PlanPoint], unit: str) -> tuple[str, str]:
    each = "; ".join(f"{one.number}: {one.name}, {_facts(one)}" for one in points)
    alt = f"Chart of {len(points)} plans, working liver lost against burden in {unit}. {each}."
    caption = (
        "Lower and further left is less. No plan here is better than another in burden, liver and margin at once; "
        "burden is a weight and no risk. Spare margin: beyond the accepted one, where it is narrowest."
    )
    return alt, caption
