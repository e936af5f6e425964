"""Where the borders of segments that nobody drew are uncertain, on slices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from glisson.errors import InputError
from glisson.geometry import Volume
from glisson.report.figures import scan
from glisson.report.figures.canvas import Canvas, Picture, text_size
from glisson.report.figures.palette import BRANCHES, INK, PAPER, SEGMENT_TINTS, rgb
from glisson.report.figures.planes import Cut, Frame, Patch

if TYPE_CHECKING:
    from glisson.anatomy import SegmentMap

__all__ = ["segment_confidence"]

HEIGHTS = (0.72, 0.50, 0.28)
"""Heights of the slices, as shares of the liver from its lower end."""

WIDTH, TEXT, GAP = 470, 24, 6
TINT = 0.30
"""Opacity of a segment's tint over the scan."""

UNSURE, VERY_UNSURE = 0.80, 0.50
"""Below the first chance a place is hatched, below the second it is hatched crosswise. They part the drawing only."""

HATCH_PIXELS, LINE_PIXELS = 9, 2.6
COLOUR = BRANCHES[0]


def segment_confidence(parts: scan.Parts, segments: SegmentMap) -> Picture:
    """Three axial slices with the segments tinted and hatched where their labels are unsure, and how much that is.

    parts: as `parts_of` gives them for this map. segments: a map with a confidence; raises InputError without one.
    """
    sure = segments.confidence
    if sure is None:
        raise InputError(
            "The segment map has no confidence: its labels were given, not computed. Draw this picture only for a map "
            "that Glisson made."
        )
    middle, wide_mm, high_mm = scan.axial_field(parts)
    tile = int(np.clip(WIDTH * high_mm / wide_mm, WIDTH // 2, WIDTH * 3 // 2))
    legend = _legend(segments, sure, 3 * WIDTH + 2 * GAP)
    canvas = Canvas(3 * WIDTH + 2 * GAP, tile + legend.height)
    canvas.pixels[tile:] = legend.pixels
    frame = Frame.around(middle, max(wide_mm, high_mm * WIDTH / tile), WIDTH, tile)
    for number, index in enumerate(scan.slices_at(parts, HEIGHTS)):
        cut = Cut.of(parts.grid, "axial", index)
        panel = scan.Panel(canvas.part(number * (WIDTH + GAP), 0, WIDTH, tile), parts, cut, frame)
        panel.paint()
        _tint(panel, segments)
        _hatch(panel, segments, sure)
        panel.anatomy(1.6, TEXT)
        panel.canvas.text((TEXT * 0.4,) * 2, f"{cut.height_mm:+.0f}", TEXT - 4, PAPER, anchor="lt", halo=INK)
        scan.paint_edges(panel.canvas, cut.edges, TEXT)
    scan.paint_scale(canvas.part(2 * (WIDTH + GAP), 0, WIDTH, tile), frame.scale, TEXT - 4)
    return canvas.picture(*_words(segments, sure, parts))


def _tint(panel: scan.Panel, segments: SegmentMap) -> None:
    patch = panel.patch(segments.labels)
    if patch is None:
        return
    for value in (int(v) for v in np.flatnonzero(np.bincount(patch.flat.ravel())) if v):
        own = Patch(patch.flat == value, patch.row, patch.column)
        away = panel.frame.outline(own, panel.cut.pitch_mm)
        if away is not None:
            panel.canvas.blend(np.clip(away.pixels + 0.5, 0, 1) * TINT, SEGMENT_TINTS[value], away.x, away.y)


def _hatch(panel: scan.Panel, segments: SegmentMap, sure: Volume) -> None:
    """Lines over what is unsure; the liver's surroundings count as sure."""
    known = np.where(segments.labels.data > 0, sure.data, np.float32(1.0))
    patch = panel.cut.patch(known, sure.grid.offset_in(panel.parts.grid))
    if patch is None:
        return
    pitch, frame = panel.cut.pitch_mm, panel.frame
    own = Frame(
        frame.left_mm - patch.column * pitch[0],
        frame.top_mm - patch.row * pitch[1],
        frame.width,
        frame.height,
        frame.scale,
    )
    chance = own.resample(patch.flat, pitch, 1.0)
    rising, falling = _stripes(chance.shape, 1), _stripes(chance.shape, -1)
    panel.canvas.blend(rising * (chance < UNSURE), COLOUR)
    panel.canvas.blend(falling * (chance < VERY_UNSURE), COLOUR)


def _stripes(shape: tuple[int, ...], slope: int) -> npt.NDArray[np.float32]:
    """Opacity of slanting lines with soft edges."""
    y, x = np.indices(shape, dtype=np.float32)
    away = np.abs((x + slope * y) % HATCH_PIXELS - HATCH_PIXELS / 2)
    result: npt.NDArray[np.float32] = np.clip((LINE_PIXELS / 2 + 0.5 - away), 0, 1)
    return result


def _shares(segments: SegmentMap, sure: Volume) -> tuple[float, float]:
    """Percent of the liver below UNSURE and below VERY_UNSURE."""
    inside = sure.data[segments.labels.data > 0]
    return 100.0 * float((inside < UNSURE).mean()), 100.0 * float((inside < VERY_UNSURE).mean())


def _legend(segments: SegmentMap, sure: Volume, width: int) -> Canvas:
    some, much = _shares(segments, sure)
    size = TEXT - 3
    canvas = Canvas(width, round(size * 2.3))
    x, y = size * 0.6, size * 1.2
    entries = (
        (f"label less than {100 * UNSURE:.0f} % likely: {some:.0f} % of the liver", (1,)),
        (f"less than {100 * VERY_UNSURE:.0f} %: {much:.0f} %", (1, -1)),
    )
    for text, slopes in entries:
        swatch = canvas.part(round(x), round(y - size * 0.7), round(size * 2), round(size * 1.4))
        swatch.pixels[:] = rgb(SEGMENT_TINTS[6])
        for slope in slopes:
            swatch.blend(_stripes(swatch.pixels.shape[:2], slope), COLOUR)
        canvas.text((x + size * 2.5, y), text, size, INK, anchor="lm")
        x += size * 4 + text_size(text, size)[0]
    return canvas


def _words(segments: SegmentMap, sure: Volume, parts: scan.Parts) -> tuple[str, str]:
    some, much = _shares(segments, sure)
    alt = (
        f"Three axial slices with segments {segments.method}; places where the label is less than {100 * UNSURE:.0f} % "
        f"likely are hatched ({some:.0f} % of the liver; {much:.0f} % below {100 * VERY_UNSURE:.0f} %). The patient's "
        "right is on the left of the picture."
    )
    caption = (
        f"Segments {segments.method}, not drawn by a reader. Hatched: where a reader may well draw another "
        f"segment; borders are uncertain there, and so is a remnant cut along them.{parts.oblique_words}"
    )
    return alt, caption
