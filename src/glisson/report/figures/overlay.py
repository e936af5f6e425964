"""Two scans laid over each other: a chequerboard of both in three planes, with both outlines of the liver."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from glisson.geometry import FloatArray, Mask, Volume
from glisson.report.figures.canvas import Canvas, Picture
from glisson.report.figures.palette import INK, Colour
from glisson.report.figures.planes import Cut, Frame
from glisson.report.figures.scan import paint_edges, paint_scale

__all__ = ["FIXED_COLOUR", "MOVED_COLOUR", "overlay_picture"]

FIXED_COLOUR: Colour = "#ffb000"
MOVED_COLOUR: Colour = "#4cc9f0"
"""Outlines of the liver: on the scan that stays, and on the one laid over it."""

TILE, GAP, TEXT = 460, 10, 26
"""Pixels of a plane's picture, between two, and of the letters."""

AROUND_MM = 20.0
"""Room around the liver."""

SQUARE_MM = 24.0
"""Side of a square of the chequerboard."""

WINDOW = (2.0, 98.0)
"""Percentiles of the grey values in and near the liver that become black and white."""


def overlay_picture(fixed: Volume, moved: Volume, liver: Mask, moved_liver: Mask) -> Picture:
    """Axial, coronal and sagittal cuts through the middle of the liver.

    fixed, moved: two scans on one grid, the second pulled there. liver, moved_liver: outlines of the liver on each, on
    that grid's lattice.
    """
    grid = fixed.grid
    canvas = Canvas(3 * TILE + 2 * GAP, TILE + 2 * TEXT)
    middle = grid.to_index(liver.centroid_mm)
    centre, span = _square_mm(liver)
    for number, plane in enumerate(("axial", "coronal", "sagittal")):
        cut = Cut.through(grid, plane, middle)
        frame = Frame.around(cut.place([centre])[0], span, TILE, TILE)
        tile = canvas.part(number * (TILE + GAP), 0, TILE, TILE)
        shown = [_grey(volume, cut, frame, liver) for volume in (fixed, moved)]
        tile.pixels[:] = np.where(_squares(frame), *shown)[..., None]
        for mask, colour in ((liver, FIXED_COLOUR), (moved_liver, MOVED_COLOUR)):
            _outline(tile, cut, frame, mask, colour)
        paint_edges(tile, cut.edges, TEXT)
        paint_scale(tile, frame.scale, TEXT - 6)
    canvas.line_key(
        TILE, {"liver on the scan that stays": FIXED_COLOUR, "liver of the scan laid over it": MOVED_COLOUR}, TEXT
    )
    return canvas.picture(
        "Axial, coronal and sagittal cuts through the liver. Squares show the two scans in turn; vessels and edges "
        "that run on across the squares show that they fit. Both outlines of the liver are drawn.",
        "The two scans in squares, and the liver's outline on each. Patient's right on the left of axial and coronal "
        "cuts.",
    )


def _square_mm(liver: Mask) -> tuple[FloatArray, float]:
    """Middle and side of a square that holds the liver in every plane."""
    box = liver.trimmed().grid
    corners = box.to_mm([[0, 0, 0], [n - 1 for n in box.shape]])
    return corners.mean(axis=0), float(np.abs(corners[1] - corners[0]).max()) + 2 * AROUND_MM


def _grey(volume: Volume, cut: Cut, frame: Frame, liver: Mask) -> npt.NDArray[np.uint8]:
    inside = volume.data[liver.on(volume.grid)]
    low, high = (float(x) for x in np.percentile(inside, WINDOW))
    room = max(high - low, 1e-6)
    flat = frame.resample(cut.pixels(volume.data).astype(np.float32), cut.pitch_mm, float(volume.data.min()))
    result: npt.NDArray[np.uint8] = (255 * np.clip((flat - low + room) / (3 * room), 0, 1)).astype(np.uint8)
    return result


def _squares(frame: Frame) -> npt.NDArray[np.bool_]:
    side = SQUARE_MM * frame.scale
    rows, columns = (np.arange(n) // side for n in (frame.height, frame.width))
    return (rows[:, None] + columns[None]) % 2 == 0


def _outline(canvas: Canvas, cut: Cut, frame: Frame, mask: Mask, colour: Colour) -> None:
    patch = cut.patch(mask.data, mask.grid.offset_in(cut.grid))
    away = None if patch is None else frame.outline(patch, cut.pitch_mm)
    if away is None:
        return
    canvas.blend(np.clip(2.6 - np.abs(away.pixels), 0, 1) * 0.5, INK, away.x, away.y)
    canvas.blend(np.clip(1.6 - np.abs(away.pixels), 0, 1), colour, away.x, away.y)
