"""What became of an ablated lesion: the zone, the lesion carried into today's scan, and what the zone does not hold."""

from __future__ import annotations

import numpy as np

from glisson.geometry import Mask
from glisson.planning.ablated import AblationCheck
from glisson.report.figures import scan
from glisson.report.figures.canvas import Canvas, Picture
from glisson.report.figures.palette import CAPSULE, LESION, Colour
from glisson.report.figures.planes import Cut, Frame

__all__ = ["ablation_picture"]

TILE, GAP, TEXT = 420, 8, 24
ZONE: Colour = "#4cc9f0"
SHORT: Colour = "#ff4b4b"
AROUND_MM = 18.0
"""Room around the zone."""


def ablation_picture(parts: scan.Parts, name: str, check: AblationCheck, zone: Mask) -> Picture:
    """Axial, coronal and sagittal cuts where the zone holds least; parts: of the later scan."""
    canvas = Canvas(3 * TILE + 2 * GAP, TILE + 2 * TEXT)
    short = check.uncovered if not check.uncovered.is_empty else check.short
    place = check.lesion.vertices_mm.mean(axis=0) if short.is_empty else short.centroid_mm
    corners = zone.trimmed().grid
    span = float(np.abs(np.ptp(corners.to_mm([[0, 0, 0], [n - 1 for n in corners.shape]]), axis=0)).max())
    middle = zone.centroid_mm
    for number, plane in enumerate(("axial", "coronal", "sagittal")):
        cut = Cut.through(parts.grid, plane, parts.grid.to_index(place))
        frame = Frame.around(cut.place([middle])[0], span + 2 * AROUND_MM, TILE, TILE)
        tile = canvas.part(number * (TILE + GAP), 0, TILE, TILE)
        panel = scan.Panel(tile, parts, cut, frame)
        panel.paint()
        panel.outline(parts.liver, CAPSULE, 1.5, opacity=0.7)
        for mask, colour, opacity in ((check.short, SHORT, 0.35), (check.uncovered, SHORT, 0.75)):
            away = None if mask.is_empty else panel.away(mask)
            if away is not None:
                tile.blend(np.clip(away.pixels + 0.5, 0, 1) * opacity, colour, away.x, away.y)
        panel.outline(zone, ZONE, 3.0, rim=True)
        panel.outline(check.carried, LESION, 3.0, rim=True)
        scan.paint_edges(tile, cut.edges, TEXT)
        scan.paint_scale(tile, frame.scale, TEXT - 6)
    canvas.line_key(
        TILE, {f"{name} as it was": LESION, "ablation zone": ZONE, f"short of {check.wanted_mm:g} mm": SHORT}, TEXT
    )
    best = check.margin.everywhere_mm if check.margin.in_liver_mm is None else check.margin.in_liver_mm
    words = f"margin {best:.1f} mm ({check.interval_mm[0]:.1f} to {check.interval_mm[1]:.1f})"
    return canvas.picture(
        f"Three cuts through the ablation zone of {name} with the lesion as it was before: {words}.",
        f"{name}: {words}. Cuts through the place where the zone holds least.",
    )
