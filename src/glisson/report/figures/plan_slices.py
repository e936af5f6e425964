"""Slices through the acts of a plan: the scan with lesion, margin, what is removed and the ablation zones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glisson.geometry import FloatArray, Mask, box_around, distance_to
from glisson.planning.zones import Zone
from glisson.report.figures import scan
from glisson.report.figures.axial import numbered
from glisson.report.figures.canvas import Canvas
from glisson.report.figures.palette import CAPSULE, INK, MARGIN, PAPER, VESSELS, ZONE, ZONE_RIM
from glisson.report.figures.plan_view import LOOKS, Act, PlanDrawing, hatch
from glisson.report.figures.planes import Cut, Frame
from glisson.report.figures.resections import wrapped

__all__ = ["ACT_CUTS", "STRIP_LINES", "act_tiles", "zone_outline"]

ACT_CUTS = ("axial", "coronal")
"""Each act is cut so through the largest of its lesions."""

TEXT = 21
"""Text size on the slices: tiles are printed about 45 mm wide."""

STRIP_LINES = 2
"""Lines of text above the slices of an act."""

FIELD_FACTOR, LEAST_FIELD_MM, MOST_FIELD_MM = 1.35, 95.0, 250.0
"""Width of the slices: this many times the act's region, within these bounds."""

TINT, HATCH_OPACITY = 0.10, 0.5
HATCH_PIXELS = 9.0


@dataclass(frozen=True, eq=False)
class _Shown:
    """What every slice of a plan draws: the parts, the plan, and the margin asked for around each lesion."""

    parts: scan.Parts
    plan: PlanDrawing
    margins: dict[str, Mask]


def act_tiles(parts: scan.Parts, plan: PlanDrawing, act: Act, tile: tuple[int, int], gap: int) -> Canvas:
    """An axial and a coronal slice through an act side by side, with a line above them that names it.

    tile: width and height of a slice in pixels. The other acts of the plan are drawn where the slices meet them.
    """
    wide, high = tile
    line = round(TEXT * 1.35)
    head = STRIP_LINES * line + 6
    canvas = Canvas(2 * wide + gap, head + high)
    for row, text in enumerate((f"{act.label[:1].upper()}{act.label[1:]}", act.words)):
        first, *more = wrapped(text, canvas.width - 40, TEXT, bold=row == 0)
        canvas.text((2, 2 + line * (row + 0.75)), f"{first} …" if more else first, TEXT, INK, bold=row == 0)
    shown = _Shown(parts, plan, {name: _margin(parts, name, act.wanted_mm) for name in act.lesions})
    middle = _middle(parts, act)
    width_mm = _field(act, wide, high)
    at = parts.grid.to_index(middle)
    for place, plane in enumerate(ACT_CUTS):
        cut = Cut.through(parts.grid, plane, at)
        frame = Frame.around(cut.place(middle)[0], width_mm, wide, high)
        _tile(scan.Panel(canvas.part(place * (wide + gap), head, wide, high), parts, cut, frame), shown)
    return canvas


def _tile(panel: scan.Panel, shown: _Shown) -> None:
    canvas = panel.canvas
    panel.paint()
    panel.outline(panel.parts.liver, CAPSULE, 1.4, opacity=0.8)
    for name, mask in panel.parts.vessels.items():
        panel.outline(mask, VESSELS[name], 1.6)
    for act in shown.plan.acts:
        if act.kind in LOOKS:
            _removed(panel, act)
    for zone in shown.plan.zones:
        zone_outline(panel, zone)
    for mask in shown.margins.values():
        panel.outline(mask, MARGIN, 1.6)
    low = (canvas.width - 6 * TEXT, canvas.height - 2.2 * TEXT, canvas.width, canvas.height)
    numbered(panel, shown.plan.marks, TEXT, ((0, 0, canvas.width, 1.5 * TEXT), low))
    scan.paint_edges(canvas, panel.cut.edges, TEXT - 2)
    scan.paint_scale(canvas, panel.frame.scale, TEXT - 4)
    near = TEXT * 0.4
    words = f"{panel.cut.plane} {'SA'[panel.cut.plane == 'coronal']} {_height(panel.cut):+.0f}"
    canvas.text((near, near), words, TEXT - 4, PAPER, anchor="lt", halo=INK)


def _height(cut: Cut) -> float:
    """Along S for an axial cut, along A for a coronal one, mm."""
    return cut.height_mm if cut.plane == "axial" else -cut.height_mm


def _removed(panel: scan.Panel, act: Act) -> None:
    """A removed region: tinted, hatched by its kind, its border in the same colour."""
    away = panel.away(act.region)
    if away is None:
        return
    colour, sign, _ = LOOKS[act.kind]
    inside = np.clip(away.pixels + 0.5, 0, 1)
    panel.canvas.blend(inside * TINT, colour, away.x, away.y)
    rows, columns = np.mgrid[0 : away.pixels.shape[0], 0 : away.pixels.shape[1]]
    stripe = hatch(rows + away.y, columns + away.x, sign, HATCH_PIXELS)
    panel.canvas.blend(inside * stripe * HATCH_OPACITY, colour, away.x, away.y)
    panel.outline(act.region, colour, 2.4, rim=True)


def zone_outline(panel: scan.Panel, zone: Zone) -> None:
    """The section of an ablation zone: computed at every pixel of the cut, not from voxels."""
    frame, cut = panel.frame, panel.cut
    points = _points(cut, frame)
    level = zone.level(points)
    if level.min() > 1.0:
        return
    slope = np.hypot(*np.gradient(level))
    away = (1 - level) / np.maximum(slope, 1e-6)
    panel.canvas.blend(np.clip(away + 0.5, 0, 1) * 0.12, ZONE)
    panel.canvas.blend(np.clip(3.3 - np.abs(away), 0, 1) * 0.7, ZONE_RIM)
    panel.canvas.blend(np.clip(1.8 - np.abs(away), 0, 1), ZONE)


def _points(cut: Cut, frame: Frame) -> FloatArray:
    """(height, width, 3) LPS mm of the pixels of a frame."""
    index = np.empty((frame.height, frame.width, 3))
    index[..., cut.normal] = cut.index
    steps = {
        cut.across: frame.left_mm + (np.arange(frame.width)[None, :] + 0.5) / frame.scale,
        cut.down: frame.top_mm + (np.arange(frame.height)[:, None] + 0.5) / frame.scale,
    }
    for ((axis, turned), places), pitch in zip(steps.items(), cut.pitch_mm, strict=True):
        along = places / pitch - 0.5
        index[..., axis] = cut.grid.shape[axis] - 1 - along if turned else along
    result: FloatArray = cut.grid.to_mm(index)
    return result


def _margin(parts: scan.Parts, lesion: str, wanted_mm: float) -> Mask:
    """The lesion grown by a margin inside the liver, on a box of the lattice."""
    own = next(item.mask for item in parts.lesions if item.id == lesion)
    box = box_around([own], parts.grid, wanted_mm + max(parts.grid.spacing_mm))
    part = parts.grid.crop(box)
    near = distance_to(own.on(part), part.spacing_mm) <= wanted_mm
    return Mask(near & parts.liver.on(part), part)


def _middle(parts: scan.Parts, act: Act) -> FloatArray:
    """Where an act is cut: the middle of its largest lesion, LPS mm."""
    own = [item.mask for item in parts.lesions if item.id in act.lesions]
    largest = max(own, key=lambda mask: mask.volume_ml) if own else act.region
    return largest.centroid_mm


def _field(act: Act, wide: int, high: int) -> float:
    """Width in mm of an act's slices, so that its region fits."""
    trimmed = act.region.trimmed()
    extent = max(n * pitch for n, pitch in zip(trimmed.grid.shape, trimmed.grid.spacing_mm, strict=True))
    for zone in act.zones:
        extent = max(extent, zone.length_mm)
    return float(np.clip(FIELD_FACTOR * extent, LEAST_FIELD_MM, MOST_FIELD_MM)) * max(1.0, wide / high)
