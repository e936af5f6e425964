"""One lesion in three cuts, with its two diameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from glisson.errors import InputError
from glisson.geometry import FloatArray, Mask
from glisson.report.figures import scan
from glisson.report.figures.canvas import Canvas, Picture, text_size
from glisson.report.figures.labels import badge_for, draw_badges, lesion_numbers, place_boxes, sizes_of
from glisson.report.figures.palette import INK, LESION, PAPER, Marks
from glisson.report.figures.planes import Cut, Frame, axes_for

if TYPE_CHECKING:
    from glisson.lesions import LesionFinding
    from glisson.scene import LesionMask

__all__ = ["lesion_card"]

SIDE, GAP = 660, 10
"""Pixels of the axial cut and between cuts: the card is made to be printed about 85 mm wide."""

TEXT = 28
FIELD_FACTOR, LEAST_FIELD_MM, MOST_FIELD_MM = 2.2, 90.0, 240.0
"""Width of the cuts: this many times the lesion, within these bounds."""


def lesion_card(parts: scan.Parts, finding: LesionFinding, marks: Marks | None = None) -> Picture:
    """Axial (large), coronal and sagittal cut through a lesion, with outlines and the RECIST diameters.

    The axial cut is the one of the longest diameter; the others go through the middle of the lesion. All three show
    the same width in mm; each is as a radiologist looks at it (`planes`). finding: the measured lesion; its outline
    is the one of the same id in `parts`. marks: letter and colour by lesion id.
    """
    lesion = next((item for item in parts.lesions if item.id == finding.id), None)
    if lesion is None:
        held = ", ".join(item.id for item in parts.lesions) or "none"
        raise InputError(f"No outline of lesion {finding.id} to draw: the scan's lesions are {held}. Give its mask.")
    middle, field = _field(lesion.mask)
    at = parts.grid.to_index(middle)
    last = parts.grid.shape[axes_for(parts.grid)[2][0]] - 1
    axial = Cut.of(parts.grid, "axial", int(np.clip(finding.axial_slice, 0, last)))
    small = (SIDE - GAP) // 2
    canvas = Canvas(SIDE + GAP + small, SIDE)
    panels = (
        (axial, canvas.part(0, 0, SIDE, SIDE)),
        (Cut.through(parts.grid, "coronal", at), canvas.part(SIDE + GAP, 0, small, small)),
        (Cut.through(parts.grid, "sagittal", at), canvas.part(SIDE + GAP, SIDE - small, small, small)),
    )
    for cut, panel in panels:
        frame = Frame.around(cut.place(middle)[0], field, panel.width, panel.height)
        _panel(scan.Panel(panel, parts, cut, frame), lesion, marks)
        if cut is axial:
            _diameters(panel, cut, frame, finding)
    return canvas.picture(*_words(parts, finding, field))


def _field(mask: Mask) -> tuple[FloatArray, float]:
    """The middle of the lesion's box, LPS mm, and the width to show, mm."""
    inside = np.argwhere(mask.data)
    low, high = inside.min(axis=0), inside.max(axis=0)
    extent = float(((high - low + 1) * mask.grid.spacing_mm).max())
    return mask.grid.to_mm((low + high) / 2), float(np.clip(FIELD_FACTOR * extent, LEAST_FIELD_MM, MOST_FIELD_MM))


def _panel(panel: scan.Panel, own: LesionMask, marks: Marks | None) -> None:
    canvas = panel.canvas
    large = canvas.width > SIDE * 0.75
    fine = 2.0 if large else 1.4
    panel.paint()
    panel.anatomy(fine, TEXT if large else 0)
    for lesion in panel.parts.lesions:
        if lesion is not own:
            panel.outline(lesion.mask, (marks or {}).get(lesion.id, ("", LESION))[1], fine * 0.9, rim=True)
    panel.outline(own.mask, (marks or {}).get(own.id, ("", LESION))[1], fine * 1.7, rim=True)
    if large:
        _number_others(panel, own, marks)
    scan.paint_edges(canvas, panel.cut.edges, TEXT)
    scan.paint_scale(canvas, panel.frame.scale, TEXT - 4 if large else TEXT - 6)
    canvas.text((TEXT * 0.4, TEXT * 0.4), panel.cut.plane, TEXT - 4, PAPER, anchor="lt", halo=INK)


def _number_others(panel: scan.Panel, own: LesionMask, marks: Marks | None) -> None:
    """The numbers of the other lesions of a cut, off its own lesion."""
    extent = (panel.canvas.width, panel.canvas.height)
    numbers = lesion_numbers([lesion.id for lesion in panel.parts.lesions])
    found = [(lesion.id, panel.disc(lesion.mask)) for lesion in panel.parts.lesions if lesion is not own]
    shown = [(name, disc) for name, disc in found if disc and (disc[0] > 0).all() and (disc[0] < extent).all()]
    if not shown:
        return
    mine = panel.disc(own.mask)
    taken = [(*(mine[0] - mine[1]), *(mine[0] + mine[1]))] if mine else []
    badges = [badge_for(name, numbers, marks) for name, _ in shown]
    anchors, radii = np.array([disc[0] for _, disc in shown]), np.array([disc[1] for _, disc in shown])
    places = place_boxes(anchors, radii, sizes_of(badges, TEXT - 6), extent, taken)
    draw_badges(panel.canvas, badges, anchors, radii, places, TEXT - 6)


def _diameters(panel: Canvas, cut: Cut, frame: Frame, finding: LesionFinding) -> None:
    """The longest diameter and its perpendicular, with end marks and lengths in mm beside the lesion."""
    long = frame.to_pixels(cut.place(finding.longest_axial_ends_mm))
    short = frame.to_pixels(cut.place(finding.perpendicular_ends_mm))
    for ends, width in ((long, 3.0), (short, 2.2)):
        _ruler(panel, ends, width)
    middle = np.concatenate([long, short]).mean(axis=0)
    spots: list[tuple[FloatArray, str]] = []
    for ends, length in ((long, finding.longest_axial_mm), (short, finding.perpendicular_mm)):
        words = f"{length:.0f} mm" if length >= 10 else f"{length:.1f} mm"
        spots.append((_beside(panel, ends, middle, words, [spot for spot, _ in spots]), words))
    for place, words in spots:
        panel.text((float(place[0]), float(place[1])), words, TEXT, PAPER, anchor="mm", bold=True, halo=INK)


def _ruler(panel: Canvas, ends: FloatArray, width: float) -> None:
    a, b = (float(ends[0, 0]), float(ends[0, 1])), (float(ends[1, 0]), float(ends[1, 1]))
    along = ends[1] - ends[0]
    length = float(np.hypot(*along))
    side = np.array([-along[1], along[0]]) / max(length, 1e-6) * 8
    ticks = [(tuple(end - side), tuple(end + side)) for end in ends]
    for colour, grow in ((INK, 2.5), (PAPER, 0.0)):
        panel.line(a, b, width + grow, colour, 0.85)
        for start, stop in ticks:
            panel.line(start, stop, width + grow, colour, 0.85)


def _beside(panel: Canvas, ends: FloatArray, middle: FloatArray, words: str, held: Sequence[FloatArray]) -> FloatArray:
    """Where a length is written: beyond one end of its line, inside the cut, away from the letters at the edges."""
    wide, high = text_size(words, TEXT, bold=True)
    best: tuple[float, FloatArray] | None = None
    edge = TEXT * 1.6
    for end in ends:
        out = (end - middle) / max(float(np.hypot(*(end - middle))), 1e-6)
        for turn in (0.0, 0.5, -0.5, 1.0, -1.0, 1.6, -1.6):
            cos, sin = np.cos(turn), np.sin(turn)
            ray = np.array([cos * out[0] - sin * out[1], sin * out[0] + cos * out[1]])
            place = end + ray * (np.abs(ray) @ np.array([wide / 2, high / 2]) + 16)
            low = np.array([edge + wide / 2, edge + high])
            inside = np.clip(place, low, np.array([panel.width, panel.height]) - low)
            cost = abs(turn) * 10 + float(np.hypot(*(inside - place))) * 4
            cost += sum(
                1000.0 for spot in held if abs(spot[0] - inside[0]) < wide and abs(spot[1] - inside[1]) < 2 * high
            )
            if best is None or cost < best[0]:
                best = (cost, inside)
    assert best is not None
    return best[1]


def _words(parts: scan.Parts, finding: LesionFinding, field: float) -> tuple[str, str]:
    source = parts.tones.words if parts.tones else "no scan was given: the liver as a grey shape"
    diameters = f"longest diameter {finding.longest_axial_mm:.1f} mm, perpendicular {finding.perpendicular_mm:.1f} mm"
    alt = (
        f"Lesion {finding.id} in three cuts through it, each {field:.0f} mm wide: axial with {diameters}; coronal; "
        "sagittal. "
        "Patient's right on the left of the axial and coronal cut, head up in the coronal and sagittal cut."
    )
    vessels = scan.vessel_words(parts)
    lines = "Thick: this lesion; thin: other lesions; pale: liver" + (" and segments" if parts.segments else "")
    caption = f"{source}. {lines}{'; ' + vessels if vessels else ''}.{parts.oblique_words}"
    return alt, caption
