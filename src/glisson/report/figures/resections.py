"""What each resection leaves: small drawings of the liver, and bars of the remnant against its thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from glisson.report.figures.canvas import Canvas, Picture, text_size
from glisson.report.figures.fields import Field, Model, coarse_field
from glisson.report.figures.overview import MANY_LESIONS, number_lesions, shrunk, side_by_side
from glisson.report.figures.palette import ACTION_COLOURS, INK, KEPT, PAPER, REMOVED, RULE, SOFT, Colour, Marks, rgb
from glisson.report.figures.rays import VIEWS
from glisson.report.figures.render import Geometry, Paint, border, compose, shares_on_surface, window_for

if TYPE_CHECKING:
    from glisson.planning import Resection

__all__ = ["MOST_TILES", "remnant_bars", "resection_strip"]

MOST_TILES, TILE_WIDTH, TILE_TEXT, TILE_GAP = 4, 350, 21, 18
"""Resections drawn, and the size of each drawing in pixels: four fill a page's width."""

FINER = 1.3
STRIP_VIEWS = ("anterior", "inferior")
HATCH_PIXELS, HATCH_SHARE = 11.0, 0.36
"""Distance of the hatch's lines on what is removed, and the share of it that they cover."""

KEPT_COVER, REMOVED_COVER = 2.3, 1.7
"""How much more the coloured surface hides than the plain liver's."""

LINE_HEIGHT = 1.45

BAR_WIDTH, BAR_TEXT, BAR_HEIGHT = 1400, 26, 26
NAME_SHARE = 0.34
"""Share of the width that the names of the resections take."""

VERDICTS = {"enough": "remnant enough", "too little": "remnant too little", "undetermined": "undetermined"}


def resection_strip(model: Model, resections: Sequence[Resection]) -> Picture | None:
    """The first resections that have a removed part, from the front and from below: removed hatched, kept plain.

    Under each its name, both remnant percentages and the verdict; lesions it removes carry R, those it leaves L. None
    when no resection has a removed part to show.
    """
    shown = [(item, made) for item in resections if item.removed is not None and (made := coarse_field(item.removed))]
    shown = shown[:MOST_TILES]
    if not shown:
        return None
    scale = min(window_for(model, view, TILE_WIDTH).scale for view in STRIP_VIEWS)
    windows = [window_for(model, view, TILE_WIDTH, scale * FINER) for view in STRIP_VIEWS]
    geometries = side_by_side(model, STRIP_VIEWS, windows)
    highs = [round(window.height / FINER) for window in windows]
    texts = [_tile_text(item) for item, _ in shown]
    lines = max(len(text) for text in texts)
    canvas = Canvas(
        len(shown) * (TILE_WIDTH + TILE_GAP) - TILE_GAP,
        sum(highs) + 2 * TILE_TEXT + round(TILE_TEXT * LINE_HEIGHT * lines) + 8,
    )
    for place, ((item, made), text) in enumerate(zip(shown, texts, strict=True)):
        x, y = place * (TILE_WIDTH + TILE_GAP), 0
        marks = _marks(item, model)
        only = None if len(model.lesions) <= MANY_LESIONS else [name for name in model.lesions if name in item.clears]
        for geometry, high in zip(geometries, highs, strict=True):
            panel = canvas.part(x, y, TILE_WIDTH, high + TILE_TEXT)
            image = shrunk(compose(geometry, _paint(geometry, made), marks), FINER)[: panel.height]
            left = (TILE_WIDTH - image.shape[1]) // 2
            panel.pixels[: image.shape[0], left : left + image.shape[1]] = image
            number_lesions(panel, model, geometry, (left, 0), FINER, marks, TILE_TEXT - 4, only=only)
            panel.text((2, panel.height - 4), "R", TILE_TEXT - 2, SOFT, bold=True)
            panel.text((TILE_WIDTH - 2, panel.height - 4), "L", TILE_TEXT - 2, SOFT, anchor="rs", bold=True)
            panel.text((TILE_WIDTH / 2, panel.height - 4), geometry.view.words, TILE_TEXT - 4, SOFT, anchor="ms")
            y += high + TILE_TEXT
        for line, (words, bold) in enumerate(text):
            at = (x + TILE_WIDTH / 2, y + 8 + TILE_TEXT * (LINE_HEIGHT * line + 1))
            canvas.text(at, words, TILE_TEXT, INK, anchor="ms", bold=bold)
    return canvas.picture(*_strip_words([item for item, _ in shown], len(model.lesions)), table=False)


def _marks(item: Resection, model: Model) -> Marks:
    letters = {name: "X" if name in item.clears else "S" if name in item.leaves else "N" for name in model.lesions}
    return {name: (letter, ACTION_COLOURS[letter]) for name, letter in letters.items()}


def _paint(geometry: Geometry, removed: Field) -> Paint:
    """The kept surface plain, the removed one pale with dark hatching, and a dark line between them."""
    gone = shares_on_surface(geometry, (removed,))[:, 0]
    share = np.clip((gone - 0.5) * 8 + 0.5, 0, 1)[:, None]
    hits = geometry.front
    phase = ((hits.rows + hits.columns) / (HATCH_PIXELS * FINER)) % 1.0
    stripe = np.clip((HATCH_SHARE / 2 - np.abs(phase - 0.5)) * HATCH_PIXELS * FINER + 0.5, 0, 1)[:, None]
    kept, pale, ink = (np.array(rgb(colour), np.float32) / 255 for colour in (KEPT, REMOVED, INK))
    colours = kept * (1 - share) + (pale * (1 - 0.75 * stripe) + ink * 0.75 * stripe) * share
    line = border(geometry, gone - 0.5)
    colours *= 1 - 0.8 * line[:, None]
    cover = KEPT_COVER * (1 - share[:, 0]) + (REMOVED_COVER + stripe[:, 0]) * share[:, 0] + 2 * line
    return Paint(colours.astype(np.float32), cover.astype(np.float32), (gone > 0.5).astype(np.intp) + 1)


def _percent(value: float | None) -> str:
    return "not known" if value is None else f"{value:.0f} %"


def _tile_text(item: Resection) -> list[tuple[str, bool]]:
    lines = [(words, True) for words in wrapped(item.name, TILE_WIDTH - 10, TILE_TEXT, bold=True)]
    standardised = item.remnant_percent_standardised
    lines.append((f"{_percent(item.remnant_percent_nontumour)} of non-tumour liver", False))
    lines.append(
        ("standardised: not known" if standardised is None else f"{_percent(standardised)} standardised", False)
    )
    lines.append((VERDICTS.get(item.verdict, item.verdict), True))
    return lines


def wrapped(text: str, width: float, size: int, *, bold: bool = False) -> list[str]:
    """Text broken at spaces into lines that fit a width in pixels."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and text_size(longer, size, bold)[0] > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _strip_words(items: Sequence[Resection], lesions: int) -> tuple[str, str]:
    each = "; ".join(
        f"{item.name}: remnant {_percent(item.remnant_percent_nontumour)} of non-tumour liver, "
        f"{_percent(item.remnant_percent_standardised)} standardised, {VERDICTS.get(item.verdict, item.verdict)}, "
        f"lesions removed {', '.join(item.clears) or 'none'}, left {', '.join(item.leaves) or 'none'}"
        for item in items
    )
    alt = (
        f"Drawings of {len(items)} resections, each {' and '.join(VIEWS[view].words for view in STRIP_VIEWS)}. {each}."
    )
    caption = (
        "Plain green: remnant; pale with dark hatching: removed. R: lesion removed, L: lesion left, N: not planned."
    )
    if lesions > MANY_LESIONS:
        caption += " Only removed lesions are numbered."
    return alt, caption


def remnant_bars(resections: Sequence[Resection], thresholds: Sequence[tuple[str, float]] = ()) -> Picture:
    """Two bars a resection, the remnant in percent of non-tumour liver and standardised, with thresholds as dashed
    lines.

    thresholds: name and percent of each line. A percentage that is not known has words in the place of its bar.
    """
    size, step = BAR_TEXT, BAR_HEIGHT + 4
    left, right = round(BAR_WIDTH * NAME_SHARE), BAR_WIDTH - 110
    values = [
        v
        for item in resections
        for v in (item.remnant_percent_nontumour, item.remnant_percent_standardised)
        if v is not None
    ]
    top_value = max(100.0, *values) if values else 100.0
    lanes = _lanes(
        [(f"{name} {value:g} %", left + (right - left) * value / top_value) for name, value in thresholds], size
    )
    names = [wrapped(item.name, left - 30, size, bold=True) for item in resections]
    heights = [max(2 * step, len(lines) * size * 1.25) + size for lines in names]
    head = round(size * 1.4 * (max((lane for *_, lane in lanes), default=-1) + 1) + size)
    foot = size * 4
    canvas = Canvas(BAR_WIDTH, round(head + sum(heights) + foot))
    bars: list[tuple[float, float | None, bool]] = []
    y = float(head)
    for place, (item, lines, high) in enumerate(zip(resections, names, heights, strict=True)):
        if place:
            canvas.line((0, y), (right, y), 1, RULE)
        for row, words in enumerate(lines):
            canvas.text(
                (left - 20, y + high / 2 + (row - (len(lines) - 1) / 2) * size * 1.25),
                words,
                size,
                INK,
                anchor="rm",
                bold=True,
            )
        start = y + (high - 2 * step) / 2
        for row, value in enumerate((item.remnant_percent_nontumour, item.remnant_percent_standardised)):
            bars.append((start + row * step, value, row == 1))
            _bar(canvas, left, start + row * step, (right - left) / top_value, value, hatched=row == 1)
        y += high
    for _, x, lane in lanes:
        canvas.dashes((x, head - size * 0.55 - lane * size * 1.4 + 4), (x, y), 2.5, INK, 9)
    for words, x, lane in lanes:
        at = (min(x, BAR_WIDTH - text_size(words, size - 4)[0] / 2), head - size * 0.55 - lane * size * 1.4)
        canvas.text(at, words, size - 4, INK, anchor="ms", halo=PAPER)
    for top, value, hatched in bars:
        _value(canvas, left, top, (right - left) / top_value, value, bold=not hatched)
    canvas.line((left, head), (left, y), 2, INK)
    _axis(canvas, left, right, y, top_value)
    return canvas.picture(*_bar_words(resections, thresholds), table=False)


def _lanes(marks: Sequence[tuple[str, float]], size: int) -> list[tuple[str, float, int]]:
    """Words, place and lane of each threshold's name, so that names side by side do not overlap."""
    ends: list[float] = []
    found = []
    for words, x in sorted(marks, key=lambda item: item[1]):
        wide = text_size(words, size - 4)[0] + size
        lane = next((n for n, end in enumerate(ends) if x - wide / 2 > end), len(ends))
        ends[lane : lane + 1] = [x + wide / 2]
        found.append((words, x, lane))
    return found


def _bar(canvas: Canvas, left: float, y: float, per_percent: float, value: float | None, *, hatched: bool) -> None:
    wide = max(value or 0.0, 0.0) * per_percent
    if wide:
        canvas.box(left, y, wide, BAR_HEIGHT, KEPT)
    if wide and hatched:
        _hatch(canvas, left + 2, y + 2, wide - 4, BAR_HEIGHT - 4, PAPER)


def _value(canvas: Canvas, left: float, y: float, per_percent: float, value: float | None, *, bold: bool) -> None:
    """The percentage at the end of a bar, on the threshold lines."""
    words = "not known" if value is None else f"{value:.1f} %"
    x = left + max(value or 0.0, 0.0) * per_percent + 10
    canvas.text((x, y + BAR_HEIGHT / 2), words, BAR_TEXT - 2, INK, anchor="lm", bold=bold, halo=PAPER)


def _hatch(canvas: Canvas, x: float, y: float, width: float, height: float, colour: Colour) -> None:
    if width < 1:
        return
    rows, columns = np.mgrid[0 : round(height), 0 : round(width)]
    phase = ((rows + columns) / 10.0) % 1.0
    canvas.blend(np.clip((0.3 - np.abs(phase - 0.5)) * 10 + 0.5, 0, 1) * 0.85, colour, round(x), round(y))


def _axis(canvas: Canvas, left: float, right: float, y: float, top_value: float) -> None:
    """Percent below the bars, and what the two kinds of bar are."""
    size = BAR_TEXT - 4
    canvas.line((left, y), (right, y), 2, INK)
    for value in range(0, int(top_value) + 1, 20):
        x = left + (right - left) * value / top_value
        canvas.line((x, y), (x, y + 7), 2, INK)
        canvas.text((x, y + 12), f"{value}" if value else "0 %", size, INK, anchor="mt")
    base = y + BAR_TEXT * 2.6
    x = left
    for words, hatched in (("of non-tumour liver", False), ("of standardised liver volume", True)):
        canvas.box(x, base, 44, size, KEPT)
        if hatched:
            _hatch(canvas, x + 2, base + 2, 40, size - 4, PAPER)
        canvas.text((x + 54, base + size / 2), words, size, INK, anchor="lm")
        x += 54 + text_size(words, size)[0] + 40


def _bar_words(resections: Sequence[Resection], thresholds: Sequence[tuple[str, float]]) -> tuple[str, str]:
    each = "; ".join(
        f"{item.name} {_percent(item.remnant_percent_nontumour)} and {_percent(item.remnant_percent_standardised)}"
        for item in resections
    )
    lines = ", ".join(f"{name} {value:g} %" for name, value in thresholds)
    kinds = "percent of non-tumour liver and of standardised liver volume"
    alt = f"Bars of the remnant in {kinds}: {each or 'no resection'}."
    return alt + (f" Lines: {lines}." if lines else ""), "The stricter of the two numbers rules."
