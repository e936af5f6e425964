"""Needle paths in pictures: all of them over the liver in three dimensions, and the cut of the scan along the first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from glisson.geometry import BoolArray, FloatArray, Mask
from glisson.planning.needle import NeedlePath, NeedleSearch
from glisson.planning.zones import Zone
from glisson.report.figures.canvas import Canvas, Picture
from glisson.report.figures.fields import Model
from glisson.report.figures.overview import shrunk
from glisson.report.figures.palette import CAPSULE, INK, LESION, PAPER, SOFT, VESSELS, Colour
from glisson.report.figures.rays import VIEWS, Window
from glisson.report.figures.render import compose, geometry_of, segment_paint, window_for
from glisson.report.figures.scan import Parts, paint_scale

__all__ = ["needle_picture"]

PANEL, TEXT = 620, 24
"""Pixels across each panel and its text size."""

FINER = 1.3
"""The three-dimensional view is rendered this much finer than it is shown."""

OUTSIDE_MM = 45.0
"""Room around the liver in the three-dimensional view, for the needles outside it."""

CUT_ROOM_MM = 25.0
"""Room around the first needle on its cut."""

NEEDLE: Colour = "#7a1fa2"
"""The first path; the others are drawn softer."""

OTHERS: Colour = "#8f9aa3"
ZONE: Colour = "#56b4e9"
BONE: Colour = "#e9dcc0"
NO_SCAN = 0.25


def needle_picture(
    parts: Parts,
    model: Model,
    search: NeedleSearch,
    *,
    zones: Sequence[Zone] = (),
    zone_paths: Sequence[NeedlePath] = (),
    bone: Mask | None = None,
    view: str = "anterior",
) -> Picture | None:
    """The paths to one lesion: left all of them over the liver, right the scan cut along the first; None without one.

    zones, zone_paths: of the ablation that is planned; the cut then follows the first of these paths. bone: drawn on
    the cut. view: of `rays.VIEWS`.
    """
    paths = list(zone_paths) or list(search.paths)
    if not paths:
        return None
    canvas = Canvas(2 * PANEL, PANEL)
    _overview(canvas.part(0, 0, PANEL, PANEL), model, search.lesion, paths, view)
    lesion = next((item.mask for item in parts.lesions if item.id == search.lesion), None)
    outlines = [(parts.liver, CAPSULE)] + [(mask, VESSELS[name]) for name, mask in parts.vessels.items()]
    outlines += [(bone, BONE)] if bone is not None else []
    outlines += [(lesion, LESION)] if lesion is not None else []
    _along(canvas.part(PANEL, 0, PANEL, PANEL), parts, paths[0], outlines, zones)
    return canvas.picture(*_words(search, paths, zones, view))


def _overview(panel: Canvas, model: Model, lesion: str, paths: Sequence[NeedlePath], view: str) -> None:
    """The translucent liver with every needle; the first in its own colour and numbered 1."""
    wide = window_for(model, view, PANEL, margin_mm=OUTSIDE_MM)
    scale = min(wide.scale, PANEL / (wide.height / wide.scale)) * FINER
    window = window_for(model, view, PANEL, scale, OUTSIDE_MM)
    geometry = geometry_of(model, view, window)
    image = shrunk(compose(geometry, segment_paint(model, geometry), {lesion: ("", NEEDLE)}), FINER)
    x, y = max((panel.width - image.shape[1]) // 2, 0), max((panel.height - image.shape[0]) // 2, 0)
    image = image[: panel.height, : panel.width]
    panel.pixels[y : y + image.shape[0], x : x + image.shape[1]] = image
    for place in range(len(paths) - 1, -1, -1):
        ends = np.stack([paths[place].entry_mm, paths[place].tip_mm])
        a, b = _pixels(window, view, ends) + np.array([x, y])
        colour = NEEDLE if place == 0 else OTHERS
        panel.line((a[0], a[1]), (b[0], b[1]), 7.0, PAPER, 0.7)
        panel.line((a[0], a[1]), (b[0], b[1]), 4.0 if place == 0 else 2.5, colour)
        panel.box(a[0] - 5, a[1] - 5, 10, 10, colour, 5)
        out = (a - b) / max(float(np.hypot(*(a - b))), 1.0) * 18
        at = np.clip(a + out, 16, PANEL - 16)
        panel.text((float(at[0]), float(at[1])), str(place + 1), TEXT - 4, INK, anchor="mm", bold=True, halo=PAPER)
    panel.text((8, 8), VIEWS[view].words, TEXT - 4, SOFT, anchor="lt")
    edges = VIEWS[view].edges
    for letter, at, anchor in zip(
        edges, ((8, PANEL / 2), (PANEL - 8, PANEL / 2), (PANEL / 2, 8), (PANEL / 2, PANEL - 8)),
        ("lm", "rm", "mt", "ms"), strict=True,
    ):  # fmt: skip
        panel.text(at, letter, TEXT, SOFT, anchor=anchor, bold=True)


def _pixels(window: Window, view: str, points: FloatArray) -> FloatArray:
    return window.to_pixels(VIEWS[view], points) / FINER


def _along(
    panel: Canvas, parts: Parts, path: NeedlePath, outlines: Sequence[tuple[Mask, Colour]], zones: Sequence[Zone]
) -> None:
    """The plane through the needle that is nearest to axial, seen from the feet like an axial slice."""
    points, scale, right, down = _plane(path)
    middle = (path.entry_mm + path.tip_mm) / 2.0
    panel.pixels[:] = _grey(parts, points)[..., None]
    for mask, colour in outlines:
        panel.blend(_edge(_sampled(mask, points)).astype(np.float32) * 0.95, colour)
    for zone in zones:
        panel.blend(_edge(zone.level(points) <= 1.0).astype(np.float32), ZONE)

    def at(point: FloatArray) -> tuple[float, float]:
        gap = point - middle
        return (PANEL / 2 + float(gap @ right) * scale, PANEL / 2 + float(gap @ down) * scale)

    panel.line(at(path.entry_mm), at(path.tip_mm), 6.0, INK, 0.6)
    panel.line(at(path.entry_mm), at(path.tip_mm), 3.0, "#ffffff")
    x, y = at(path.target_mm)
    panel.box(x - 4, y - 4, 8, 8, NEEDLE, 4)
    tilt = f"cut along needle 1, {path.tilt_degrees:.0f}° out of axial"
    panel.text((8, 8), tilt, TEXT - 4, PAPER, anchor="lt", halo=INK)
    for letter, place, anchor in _letters(right, down):
        panel.text(place, letter, TEXT, PAPER, anchor=anchor, bold=True, halo=INK)
    paint_scale(panel, scale, TEXT - 4)


def _plane(path: NeedlePath) -> tuple[FloatArray, float, FloatArray, FloatArray]:
    """(PANEL, PANEL, 3) points of the cut, pixels a mm, and its directions to the right and down."""
    way = path.direction
    across = np.cross(way, [0.0, 0.0, 1.0])
    if np.linalg.norm(across) < 0.05:
        across = np.cross(way, [0.0, 1.0, 0.0])
    normal = np.cross(across, way)
    normal /= np.linalg.norm(normal)
    if normal[2] < 0:
        normal = -normal
    right = np.array([1.0, 0.0, 0.0]) - normal[0] * normal
    if np.linalg.norm(right) < 0.05:
        right = np.array([0.0, 1.0, 0.0]) - normal[1] * normal
    right /= np.linalg.norm(right)
    down = np.cross(normal, right)
    scale = PANEL / (path.length_mm + 2 * CUT_ROOM_MM)
    steps = (np.arange(PANEL) + 0.5 - PANEL / 2) / scale
    middle = (path.entry_mm + path.tip_mm) / 2.0
    return middle + steps[None, :, None] * right + steps[:, None, None] * down, scale, right, down


def _grey(parts: Parts, points: FloatArray) -> npt.NDArray[np.uint8]:
    from scipy.ndimage import map_coordinates

    if parts.image is None or parts.tones is None:
        return np.full(points.shape[:2], round(255 * NO_SCAN), np.uint8)
    index = np.moveaxis(parts.grid.to_index(points), -1, 0)
    low = np.clip(np.floor(index.reshape(3, -1).min(axis=1)) - 1, 0, np.array(parts.grid.shape) - 2).astype(int)
    high = np.clip(np.ceil(index.reshape(3, -1).max(axis=1)) + 2, low + 2, parts.grid.shape).astype(int)
    box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    flat = map_coordinates(
        parts.image.data[box].astype(np.float32), index - low[:, None, None], order=1, cval=parts.tones.low
    )
    grey = np.clip((flat - parts.tones.low) / (parts.tones.high - parts.tones.low), 0, 1)
    return np.asarray(grey * 255 + 0.5, np.uint8)


def _sampled(mask: Mask, points: FloatArray) -> BoolArray:
    index = np.rint(mask.grid.to_index(points)).astype(np.int64)
    held = ((index >= 0) & (index < mask.grid.shape)).all(axis=-1)
    result = np.zeros(points.shape[:2], np.bool_)
    result[held] = mask.data[tuple(index[held].T)]
    return result


def _edge(inside: BoolArray) -> BoolArray:
    """Two pixels wide along the outline of a region."""
    from scipy.ndimage import binary_dilation, binary_erosion

    return np.asarray(binary_dilation(inside) & ~binary_erosion(inside))


def _letters(right: FloatArray, down: FloatArray) -> list[tuple[str, tuple[float, float], str]]:
    """What lies at the four edges of the cut: the anatomical direction nearest to each."""

    def letter(way: FloatArray) -> str:
        axis = int(np.argmax(np.abs(way)))
        return ("RL", "AP", "IS")[axis][int(way[axis] > 0)]

    half, near = PANEL / 2, 10.0
    return [
        (letter(-right), (near, half), "lm"), (letter(right), (PANEL - near, half), "rm"),
        (letter(-down), (half, near + TEXT), "mt"), (letter(down), (half, PANEL - near), "ms"),
    ]  # fmt: skip


def _words(search: NeedleSearch, paths: Sequence[NeedlePath], zones: Sequence[Zone], view: str) -> tuple[str, str]:
    first = paths[0]
    room: Mapping[str, float] = first.clearance_mm
    limit = f", nearest {first.limiting} at {room[first.limiting]:.0f} mm" if first.limiting else ""
    count = f"{len(paths)} straight needle path{'s' if len(paths) != 1 else ''}"
    alt = (
        f"{count} to lesion {search.lesion}: over the liver {VIEWS[view].words}, and the scan cut along the first, "
        f"which enters at the {first.side}, {first.length_mm:.0f} mm long with {first.tract_mm:.0f} mm of liver before "
        f"the lesion{limit}."
    )
    caption = "Straight lines on the outlines given; breathing and position are not considered."
    if zones:
        caption += f" Zone{'s' if len(zones) != 1 else ''} in light blue, as the device table says."
    if search.not_checked:
        caption += f" Not checked: {', '.join(search.not_checked)}."
    return alt, caption
