"""The liver in three dimensions: segments, vessels and numbered lesions from several sides."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from glisson.report.figures.canvas import Canvas, Picture, text_size
from glisson.report.figures.fields import LEAST_RADIUS_MM, Model
from glisson.report.figures.labels import badge_for, draw_badges, lesion_numbers, place_boxes, sizes_of
from glisson.report.figures.palette import (
    ACTION_COLOURS,
    INK,
    LESION,
    PAPER,
    SOFT,
    VESSEL_NAMES,
    VESSELS,
    Colour,
    Marks,
)
from glisson.report.figures.rays import VIEWS, View, Window
from glisson.report.figures.render import Geometry, compose, geometry_of, segment_paint, window_for

__all__ = ["MANY_LESIONS", "edge_letters", "number_lesions", "overview_3d", "scale_bar", "shrunk", "side_by_side"]

VIEW_WIDTH, VIEW_TEXT = 600, 27
"""Pixels across one view and its text size: a view is printed 45 to 90 mm wide."""

FINER = 1.3
"""Views are rendered this much finer than they are shown, for smooth edges."""

MANY_LESIONS = 16
"""With more lesions than this their numbers are smaller, and drawings of resections number only what is removed."""

SIDE_ROOM = 44
"""Pixels around each view for the orientation letters."""


def overview_3d(model: Model, marks: Marks | None = None, views: Sequence[str] = ("anterior", "inferior")) -> Picture:
    """The translucent liver with tinted segments, vessels and numbered lesions, side by side from each of the views.

    marks: letter and colour by lesion id. views: of `rays.VIEWS` (anterior, inferior, right), all drawn to one scale.
    """
    windows = [window_for(model, view, VIEW_WIDTH) for view in views]
    scale = min(window.scale for window in windows)
    windows = [window_for(model, view, VIEW_WIDTH, scale * FINER) for view in views]
    geometries = side_by_side(model, views, windows)
    high = max(round(window.height / FINER) for window in windows)
    across = VIEW_WIDTH + 2 * SIDE_ROOM
    legend = _legend(model, marks, across * len(views))
    canvas = Canvas(across * len(views), high + 2 * SIDE_ROOM + legend.height)
    canvas.pixels[high + 2 * SIDE_ROOM :] = legend.pixels
    for place, geometry in enumerate(geometries):
        _view(canvas.part(place * across, 0, across, high + 2 * SIDE_ROOM), model, geometry, marks)
    last = canvas.part((len(views) - 1) * across, 0, across, high + 2 * SIDE_ROOM)
    scale_bar(last, scale)
    return canvas.picture(*_words(model, marks, views), table=False)


def side_by_side(model: Model, views: Sequence[str], windows: Sequence[Window]) -> list[Geometry]:
    """The geometry of each view, two at a time."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda pair: geometry_of(model, *pair), zip(views, windows, strict=True)))


def shrunk(image: npt.NDArray[np.uint8], factor: float) -> npt.NDArray[np.uint8]:
    """A rendered image at the size at which it is shown."""
    from PIL import Image

    size = (round(image.shape[1] / factor), round(image.shape[0] / factor))
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS))


def _view(panel: Canvas, model: Model, geometry: Geometry, marks: Marks | None) -> None:
    paint = segment_paint(model, geometry)
    image = shrunk(compose(geometry, paint, marks), FINER)
    x, y = (panel.width - image.shape[1]) // 2, (panel.height - image.shape[0]) // 2
    panel.pixels[y : y + image.shape[0], x : x + image.shape[1]] = image
    labels = paint.labels if model.segments else None
    number_lesions(panel, model, geometry, (x, y), FINER, marks, VIEW_TEXT, labels)
    edge_letters(panel, geometry.view)


def edge_letters(panel: Canvas, view: View) -> None:
    """The orientation letters at the edges of a view, and where the eye stands in the corner."""
    near = SIDE_ROOM * 0.3
    wide, high = panel.width, panel.height
    places = (
        ((near, high / 2), "lm"),
        ((wide - near, high / 2), "rm"),
        ((wide / 2, near), "mt"),
        ((wide / 2, high - near), "ms"),
    )
    for letter, (at, anchor) in zip(view.edges, places, strict=True):
        panel.text(at, letter, VIEW_TEXT, SOFT, anchor=anchor, bold=True)
    size = VIEW_TEXT - 5
    while text_size(view.words, size)[0] > wide / 2 - VIEW_TEXT - near:
        size -= 1
    panel.text((near, near), view.words, size, SOFT, anchor="lt")


def number_lesions(
    panel: Canvas, model: Model, geometry: Geometry, corner: tuple[int, int], finer: float, marks: Marks | None,
    size: int, labels: npt.NDArray[np.intp] | None = None, only: Sequence[str] | None = None,
) -> None:  # fmt: skip
    """Badges at the projected middles of the lesions and, where there is room, the numerals of the segments.

    corner: where the rendered picture lies in the panel. finer: how many of its pixels make one. labels: which
    segment of the model each of the front's hits is, from one; None draws no numerals. only: the lesions to number;
    None for all.
    """
    numbers = lesion_numbers(list(model.centroids_mm))
    ids = list(model.centroids_mm) if only is None else list(only)
    size = size if len(ids) <= MANY_LESIONS else round(size * 0.72)
    badges = [badge_for(name, numbers, marks) for name in ids]
    boxes = np.zeros((0, 4))
    if ids:
        middles = np.array([model.centroids_mm[name] for name in ids])
        at = geometry.window.to_pixels(geometry.view, middles) / finer + corner
        radii = np.array([model.radii_mm[name] for name in ids]) * geometry.window.scale / finer
        sizes = sizes_of(badges, size)
        edge = size * 1.5
        wide, high = panel.width, panel.height
        taken: list[tuple[float, float, float, float]] = [(0, 0, wide, edge), (0, high - edge, wide, high)]
        taken += [(x, high / 2 - edge / 2, x + edge, high / 2 + edge / 2) for x in (0, wide - edge)]
        places = place_boxes(at, radii, sizes, (panel.width, panel.height), taken)
        boxes = np.concatenate([places - sizes / 2, places + sizes / 2], axis=1)
    if labels is not None:
        _numerals(panel, model, geometry, corner, finer, boxes, size - 3, labels)
    if ids:
        draw_badges(panel, badges, at, radii, places, size)


def _numerals(
    panel: Canvas, model: Model, geometry: Geometry, corner: tuple[int, int], finer: float,
    boxes: npt.NDArray[np.float64], size: int, labels: npt.NDArray[np.intp],
) -> None:  # fmt: skip
    """The numeral of each segment where it is seen widest, off the badges; none where it would not fit."""
    import edt

    from glisson.anatomy import SEGMENT_NAMES

    seen = np.zeros((panel.height, panel.width), np.uint8)
    hits = geometry.front
    seen[(hits.rows / finer).astype(int) + corner[1], (hits.columns / finer).astype(int) + corner[0]] = labels
    for kind, _, solid in geometry.solids:
        if kind == "lesion":
            seen[(solid.rows / finer).astype(int) + corner[1], (solid.columns / finer).astype(int) + corner[0]] = 0
    for x0, y0, x1, y1 in boxes.astype(int):
        seen[max(y0 - 2, 0) : y1 + 2, max(x0 - 2, 0) : x1 + 2] = 0
    for place, value in enumerate(model.segments, 1):
        deep = edt.edt(np.pad(seen == place, 1))[1:-1, 1:-1]
        name = SEGMENT_NAMES[value]
        if deep.max() < max(size * 0.75, text_size(name, size)[0] * 0.55):
            continue
        row, column = np.unravel_index(int(np.argmax(deep)), deep.shape)
        panel.text((float(column), float(row)), name, size, INK, anchor="mm", halo=PAPER, opacity=0.75)


def _legend(model: Model, marks: Marks | None, width: int) -> Canvas:
    """Swatches with names, in as many lines as they need."""
    entries: list[tuple[str, Colour]] = [(VESSEL_NAMES[name], VESSELS[name]) for name in model.vessels]
    planned = {marks[name] for name in model.lesions if name in marks} if marks else set()
    order = list(ACTION_COLOURS)
    used_marks = dict(
        sorted(planned, key=lambda mark: (order.index(mark[0]) if mark[0] in order else len(order), mark))
    )
    entries += [(f"lesion {letter}".strip(), colour) for letter, colour in used_marks.items()]
    if any(name not in (marks or {}) for name in model.lesions):
        entries.append(("lesion", LESION))
    if model.segments:
        entries.append(("I–VIII segments", ""))
    size = VIEW_TEXT - 4
    lines: list[list[tuple[str, Colour, int]]] = [[]]
    used = 0
    for words, colour in entries:
        wide = text_size(words, size)[0] + (round(size * 1.3) if colour else 0) + size
        if used + wide > width - 2 * size and lines[-1]:
            lines.append([])
            used = 0
        lines[-1].append((words, colour, wide))
        used += wide
    canvas = Canvas(width, round(len(lines) * size * 1.6 + size * 0.5))
    for row, line in enumerate(lines):
        x = (width - sum(wide for _, _, wide in line)) / 2 + size / 2
        y = size * (1.6 * row + 0.9)
        for words, colour, wide in line:
            start = x
            if colour:
                canvas.box(start, y - size * 0.45, size * 0.9, size * 0.9, colour, size * 0.15)
                start += size * 1.3
            canvas.text((start, y), words, size, INK, anchor="lm")
            x += wide
    return canvas


def scale_bar(panel: Canvas, scale: float) -> None:
    """A bar of 50 mm in the lower right corner of a view."""
    length = 50
    x1, y = panel.width - SIDE_ROOM * 0.4, panel.height - SIDE_ROOM * 0.4
    panel.box(x1 - length * scale, y - 5, length * scale, 5, SOFT)
    panel.text((x1 - length * scale / 2, y - 11), f"{length} mm", VIEW_TEXT - 5, SOFT, anchor="ms")


def _words(model: Model, marks: Marks | None, views: Sequence[str]) -> tuple[str, str]:
    seen = ", ".join(f"{VIEWS[view].words} ({VIEWS[view].edges[0]} on the left of the picture)" for view in views)
    vessels = ", ".join(VESSEL_NAMES[name] for name in model.vessels) or "no vessels"
    lettered = [f"{name} {marks[name][0]}" for name in model.lesions if marks and marks.get(name, ("", ""))[0]]
    alt = (
        f"Three-dimensional drawing of the liver, translucent, {seen}; with "
        f"{'tinted segments, ' if model.segments else ''}{vessels} and "
        f"{len(model.lesions)} lesion{'s' if len(model.lesions) != 1 else ''}"
        f"{' numbered ' + ', '.join(model.lesions) if model.lesions else ''}."
        f"{' Letters: ' + ', '.join(lettered) + '.' if lettered else ''}"
    )
    caption = "Drawn from smoothed outlines; measure on the slices."
    if model.small:
        caption += (
            f" Drawn larger than they are, {2 * LEAST_RADIUS_MM:.0f} mm across, to be seen: {', '.join(model.small)}."
        )
    return alt, caption
