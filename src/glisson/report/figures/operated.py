"""What a plan wanted to remove, over the scan after the operation: what is still there is filled."""

from __future__ import annotations

import numpy as np

from glisson.geometry import FloatArray, Mask
from glisson.planning.operated import ResectionCheck
from glisson.report.figures import scan
from glisson.report.figures.canvas import Canvas, Picture, text_size
from glisson.report.figures.palette import CAPSULE, INK, PAPER, Colour
from glisson.report.figures.planes import Cut, Frame

__all__ = ["resection_picture"]

TILE, GAP, TEXT = 460, 8, 24
PLANNED: Colour = "#ffb000"
LEFT: Colour = "#ff4b4b"
AROUND_MM = 15.0
"""Room around liver and plan."""


def resection_picture(parts: scan.Parts, check: ResectionCheck) -> Picture | None:
    """Axial, coronal and sagittal cuts of the scan after; parts: of that scan. None without a plan.

    Through the middle of what the plan removes and is still there, or of what it removes where nothing is left.
    """
    planned, left = check.planned_here, check.left_here
    if planned is None or left is None or check.left is None or planned.is_empty:
        return None
    canvas = Canvas(3 * TILE + 2 * GAP, TILE + 2 * TEXT)
    place = (planned if left.is_empty else left).centroid_mm
    corners = [corner for mask in (parts.liver, planned) for corner in _corners(mask)]
    low, high = np.min(corners, axis=0), np.max(corners, axis=0)
    for number, plane in enumerate(("axial", "coronal", "sagittal")):
        at = np.clip(parts.grid.to_index(place), 0, np.array(parts.grid.shape) - 1)
        cut = Cut.through(parts.grid, plane, at)
        frame = Frame.around(cut.place([(low + high) / 2])[0], float((high - low).max()) + 2 * AROUND_MM, TILE, TILE)
        tile = canvas.part(number * (TILE + GAP), 0, TILE, TILE)
        panel = scan.Panel(tile, parts, cut, frame)
        panel.paint()
        away = None if left.is_empty else panel.away(left)
        if away is not None:
            tile.blend(np.clip(away.pixels + 0.5, 0, 1) * 0.45, LEFT, away.x, away.y)
        panel.outline(parts.liver, CAPSULE, 2.5, rim=True)
        panel.outline(planned, PLANNED, 3.0, rim=True)
        scan.paint_edges(tile, cut.edges, TEXT)
        scan.paint_scale(tile, frame.scale, TEXT - 6)
    _legend(canvas)
    words = f"{check.left.ml:.0f} mL ({check.left.low_ml:.0f} to {check.left.high_ml:.0f}) of it are still there"
    return canvas.picture(
        f"Three cuts of the scan after the resection with the outline of what the plan removes: {words}.",
        f"What the plan removes, {check.planned_ml:.0f} mL, carried onto the scan after: {words}. The interval is for "
        f"what the overlay may be off, about {check.error_mm:.1f} mm along each axis.",
    )


def _corners(mask: Mask) -> list[FloatArray]:
    shape = mask.trimmed().grid
    return [shape.to_mm([0, 0, 0]), shape.to_mm([n - 1 for n in shape.shape])]


def _legend(canvas: Canvas) -> None:
    x, y = 8.0, TILE + TEXT * 1.4
    canvas.box(0, TILE, canvas.width, canvas.height - TILE, PAPER)
    entries = {"removed by the plan": PLANNED, "of that still there": LEFT, "liver after": CAPSULE}
    for words, colour in entries.items():
        canvas.line((x, y - TEXT * 0.3), (x + 34, y - TEXT * 0.3), 9.0, INK)
        canvas.line((x, y - TEXT * 0.3), (x + 34, y - TEXT * 0.3), 5.0, colour)
        canvas.text((x + 44, y), words, TEXT - 4, INK)
        x += 44 + text_size(words, TEXT - 4)[0] + 40
