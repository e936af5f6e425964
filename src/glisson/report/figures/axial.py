"""Axial pictures: the one slice that shows most, and slices through the whole liver to check the outlines on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from glisson.geometry import box_of
from glisson.report.figures import scan
from glisson.report.figures.canvas import Canvas, Picture
from glisson.report.figures.labels import badge_for, draw_badges, lesion_numbers, place_boxes, sizes_of
from glisson.report.figures.palette import CAPSULE, INK, LESION, PAPER, Marks
from glisson.report.figures.planes import Cut, Frame, axes_for

__all__ = ["coverage_montage", "key_axial", "key_slice", "numbered"]

KEY_WIDTH, KEY_TEXT = 840, 38
"""Pixels across and text size of the key slice: it is printed 45 to 90 mm wide."""

AIR_HU = -300.0
"""The body is the largest piece of the slice above this."""

MARGIN_MM, BARE_MARGIN_MM = 6.0, 25.0
"""Room around the body, and around the liver where there is no scan."""

MOST_LARGE_BADGES = 8
"""With more lesions on a slice the numbers are smaller."""

COLUMNS, ROWS, TILE_WIDTH, TILE_TEXT, TILE_GAP = 4, 6, 345, 22, 6
"""The montage: tiles a picture and their size in pixels; it is printed about 180 mm wide."""

EVEN_TILES = 20
"""Evenly spaced slices; slices are added for lesions that fall between them."""


def _present(parts: scan.Parts) -> npt.NDArray[np.float64]:
    """(lesions, slices) area in voxels of each lesion on each axial slice."""
    normal = axes_for(parts.grid)[2][0]
    areas = np.zeros((len(parts.lesions), parts.grid.shape[normal]))
    for row, lesion in zip(areas, parts.lesions, strict=True):
        counts = lesion.mask.data.sum(axis=tuple(axis for axis in range(3) if axis != normal))
        start = parts.start(lesion.mask)[normal]
        low, high = max(start, 0), min(start + counts.size, row.size)
        row[low:high] = counts[low - start : high - start]
    return areas


def key_slice(parts: scan.Parts) -> int:
    """The axial slice that shows most: many lesions near their largest extent, much tumour; else much liver.

    Among equals the uppermost.
    """
    normal, turned = axes_for(parts.grid)[2]
    areas = _present(parts)
    if areas.any():
        worth = (areas / np.maximum(areas.max(axis=1, keepdims=True), 1)).sum(axis=0)
        worth += areas.sum(axis=0) / areas.sum(axis=0).max()
    else:
        worth = np.zeros(parts.grid.shape[normal])
        counts = parts.liver.data.sum(axis=tuple(axis for axis in range(3) if axis != normal))
        start = parts.start(parts.liver)[normal]
        worth[start : start + counts.size] = counts
    best = np.flatnonzero(worth >= worth.max() * (1 - 1e-9))
    return int(best[0] if turned else best[-1])


def key_axial(parts: scan.Parts, marks: Marks | None = None) -> Picture:
    """The key slice over the whole body, lesions numbered, with the letter and colour of `marks` by lesion id."""
    cut = Cut.of(parts.grid, "axial", key_slice(parts))
    left, top, width, high = _body(parts, cut)
    canvas = Canvas(KEY_WIDTH, max(round(KEY_WIDTH * high / width), KEY_WIDTH // 3))
    frame = Frame.around((left + width / 2, top + high / 2), width, canvas.width, canvas.height)
    panel = scan.Panel(canvas, parts, cut, frame)
    panel.paint()
    panel.anatomy(2.0, round(KEY_TEXT * 0.8))
    shown = numbered(panel, marks, KEY_TEXT)
    scan.paint_edges(canvas, cut.edges, KEY_TEXT)
    scan.paint_scale(canvas, frame.scale, KEY_TEXT - 8)
    source = parts.tones.words if parts.tones else "No scan was given: the liver as a grey shape"
    held = f"lesions {', '.join(shown)} outlined and numbered" if shown else "no lesion on this slice"
    alt = (
        f"Axial slice at the height {cut.height_mm:.0f} mm (S) through the liver: {held}. "
        f"The patient's right is on the left of the picture, the front is up.{_actions(shown, marks)}"
    )
    return canvas.picture(alt, f"{source}. Patient's right on the left.{parts.oblique_words}")


def _actions(shown: Sequence[str], marks: Marks | None) -> str:
    lettered = [f"{name} {marks[name][0]}" for name in shown if marks and marks.get(name, ("", ""))[0]]
    return f" Letters: {', '.join(lettered)}." if lettered else ""


def _body(parts: scan.Parts, cut: Cut) -> tuple[float, float, float, float]:
    """Left, top, width and height in mm of the body on a cut; of the liver with room where there is no scan."""
    pitch = np.array(cut.pitch_mm)
    if parts.image is None:
        patch, margin = cut.patch(parts.liver.data, parts.start(parts.liver)), BARE_MARGIN_MM
        inside, row, column = (patch.flat, patch.row, patch.column) if patch else (np.zeros((1, 1), bool), 0, 0)
    else:
        inside, row, column, margin = _largest_solid(cut.pixels(parts.image.data), parts), 0, 0, MARGIN_MM
    if not inside.any():
        return (0.0, 0.0, *cut.size_mm)
    rows, columns = inside.any(axis=1), inside.any(axis=0)
    x, y = np.flatnonzero(columns), np.flatnonzero(rows)
    low, high = np.array([x[0] + column, y[0] + row]) * pitch, np.array([x[-1] + 1 + column, y[-1] + 1 + row]) * pitch
    size = high - low + 2 * margin
    return float(low[0]) - margin, float(low[1]) - margin, float(size[0]), float(size[1])


def _largest_solid(pixels: npt.NDArray[Any], parts: scan.Parts) -> npt.NDArray[np.bool_]:
    """The largest piece of a CT slice that is not air; nothing for other scans, of which the whole slice is shown."""
    from scipy.ndimage import label

    if parts.tones is None or not parts.tones.is_ct:
        return np.zeros((1, 1), bool)
    pieces, count = label(pixels > AIR_HU)
    if not count:
        return np.zeros((1, 1), bool)
    result: npt.NDArray[np.bool_] = pieces == int(np.argmax(np.bincount(pieces.ravel())[1:])) + 1
    return result


def numbered(
    panel: scan.Panel, marks: Marks | None, size: int, keep_off: Sequence[tuple[float, float, float, float]] = ()
) -> tuple[str, ...]:
    """Outline the lesions of a cut and number those whose middle it shows; the ids of these.

    keep_off: (x0, y0, x1, y1) rectangles of the picture without numbers.
    """
    lesions = panel.parts.lesions
    numbers = lesion_numbers([lesion.id for lesion in lesions])
    found = [(lesion, panel.disc(lesion.mask)) for lesion in lesions]
    shown = [(lesion, disc) for lesion, disc in found if disc is not None]
    for lesion, _ in shown:
        colour = (marks or {}).get(lesion.id, ("", LESION))[1]
        panel.outline(lesion.mask, colour, max(size / 10, 2.2), rim=True)
    extent = (panel.canvas.width, panel.canvas.height)
    shown = [(lesion, disc) for lesion, disc in shown if (disc[0] > 0).all() and (disc[0] < extent).all()]
    if shown:
        badges = [badge_for(lesion.id, numbers, marks) for lesion, _ in shown]
        anchors, radii = np.array([disc[0] for _, disc in shown]), np.array([disc[1] for _, disc in shown])
        size = size if len(shown) <= MOST_LARGE_BADGES else round(size * 0.75)
        edge = size * 1.3
        wide, high = extent
        taken = [(0, high / 2 - edge, edge, high / 2 + edge), (wide - edge, high / 2 - edge, wide, high / 2 + edge)]
        places = place_boxes(anchors, radii, sizes_of(badges, size), extent, [*taken, *keep_off])
        draw_badges(panel.canvas, badges, anchors, radii, places, size)
    return tuple(lesion.id for lesion, _ in shown)


def _slices(parts: scan.Parts) -> list[int]:
    """Evenly spaced slices through liver and lesions, and one through each lesion that falls between them; from the
    top down.
    """
    axis, turned = axes_for(parts.grid)[2]
    held: list[int] = []
    for mask in (parts.liver, *(lesion.mask for lesion in parts.lesions)):
        some = np.flatnonzero(mask.data.any(axis=tuple(a for a in range(3) if a != axis)))
        held += (some[[0, -1]] + parts.start(mask)[axis]).tolist() if some.size else []
    low, high = max(min(held), 0), min(max(held), parts.grid.shape[axis] - 1)
    steps = min(EVEN_TILES, high - low + 1)
    chosen = {round(low + (n + 0.5) * (high - low + 1) / steps - 0.5) for n in range(steps)}
    for row in _present(parts):
        if row.any() and not row[sorted(chosen)].any():
            chosen.add(int(np.argmax(row)))
    return sorted(chosen, reverse=not turned)


def coverage_montage(parts: scan.Parts, marks: Marks | None = None) -> tuple[Picture, ...]:
    """Axial slices from the top of the liver to its lower end, with liver, segments, vessels and numbered lesions.

    Every lesion is on at least one slice. At most 24 slices a picture.
    """
    slices = _slices(parts)
    box = _liver_field(parts)
    per_page = COLUMNS * ROWS
    pages = [slices[start : start + per_page] for start in range(0, len(slices), per_page)]
    return tuple(_page(parts, page, box, marks, (number, len(pages))) for number, page in enumerate(pages, 1))


def _liver_field(parts: scan.Parts) -> tuple[npt.NDArray[np.float64], float, float]:
    """Middle (2,) and width and height, mm, of the liver with its lesions on every axial cut."""
    cut = Cut.of(parts.grid, "axial", 0)
    lows, highs = [], []
    for mask in (parts.liver, *(lesion.mask for lesion in parts.lesions)):
        box = box_of(mask.data)
        if box is None:
            continue
        ends = np.array([[s.start, s.stop - 1] for s in box])
        places = cut.place(mask.grid.to_mm(ends.T))
        lows.append(places.min(axis=0))
        highs.append(places.max(axis=0))
    low, high = np.min(lows, axis=0) - 10, np.max(highs, axis=0) + 10
    return (low + high) / 2, float(high[0] - low[0]), float(high[1] - low[1])


def _page(
    parts: scan.Parts, slices: Sequence[int], box: tuple[npt.NDArray[np.float64], float, float], marks: Marks | None,
    number: tuple[int, int],
) -> Picture:  # fmt: skip
    middle, wide_mm, high_mm = box
    tile_height = int(np.clip(round(TILE_WIDTH * high_mm / wide_mm), TILE_WIDTH // 2, TILE_WIDTH * 3 // 2))
    width_mm = max(wide_mm, high_mm * TILE_WIDTH / tile_height)
    rows = -(-len(slices) // COLUMNS)
    across, down = TILE_WIDTH + TILE_GAP, tile_height + TILE_GAP
    canvas = Canvas(COLUMNS * across - TILE_GAP, rows * down - TILE_GAP)
    seen: dict[str, None] = {}
    for place, index in enumerate(slices):
        tile = canvas.part(place % COLUMNS * across, place // COLUMNS * down, TILE_WIDTH, tile_height)
        cut = Cut.of(parts.grid, "axial", index)
        frame = Frame.around(middle, width_mm, TILE_WIDTH, tile_height)
        panel = scan.Panel(tile, parts, cut, frame)
        panel.paint()
        panel.segments(1.0)
        panel.outline(parts.liver, CAPSULE, 1.4)
        seen |= dict.fromkeys(numbered(panel, marks, TILE_TEXT))
        near = TILE_TEXT * 0.4
        tile.text((near, near), f"{cut.height_mm:+.0f}", TILE_TEXT - 4, PAPER, anchor="lt", halo=INK)
        tile.text((near, tile_height / 2), "R", TILE_TEXT - 2, PAPER, anchor="lm", bold=True, halo=INK)
        tile.text((TILE_WIDTH - near, tile_height / 2), "L", TILE_TEXT - 2, PAPER, anchor="rm", bold=True, halo=INK)
    scan.paint_scale(
        canvas.part((min(len(slices), COLUMNS) - 1) * across, 0, TILE_WIDTH, tile_height),
        TILE_WIDTH / width_mm,
        TILE_TEXT - 4,
    )
    which = f", part {number[0]} of {number[1]}" if number[1] > 1 else ""
    held = f"Lesions outlined and numbered: {', '.join(seen)}." if seen else "No lesion is outlined on them."
    turned = "Patient's right on the left, front up."
    alt = f"{len(slices)} axial slices through the liver from the top down{which}. {held} {turned}"
    source = parts.tones.words if parts.tones else "No scan was given: the liver as a grey shape"
    words = "Numbers in the corner: height S in mm. Check here that every lesion is outlined and nothing else is."
    return canvas.picture(alt, f"{source}. {words}{parts.oblique_words}")
