"""The same lesion at each date: one row a lesion, one column a scan, the same plane and width everywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np

from glisson.geometry import FloatArray
from glisson.lesions.follow import FollowUp, Track
from glisson.report.figures import scan
from glisson.report.figures.canvas import Canvas, Picture
from glisson.report.figures.palette import INK, LESION, PAPER, RULE, SOFT
from glisson.report.figures.planes import Cut, Frame
from glisson.scene import Scene

__all__ = ["MOST_ROWS", "lesion_strips", "places_of"]

MOST_ROWS, LEAST_COLUMNS, MOST_COLUMNS = 6, 5, 6
"""Lesions in one picture, and scans: the first and the last ones where there are more, and room for some where there
are few, so that the picture is not higher than a page."""

TILE, HEAD, SIDE, GAP, TEXT = 250, 64, 96, 6, 24
"""Pixels: a tile, the dates above, the names beside, between tiles, and the text."""

LEAST_MM, AROUND = 60.0, 1.8
"""Width of a tile: at least the first, and the second times the largest diameter of the lesion."""

CROSS = 9
"""Half the length of the cross that marks the place of a lesion that is not seen, pixels."""


def places_of(track: Track, found: FollowUp, scans: Sequence[Scene]) -> Mapping[int, FloatArray]:
    """Number of the scan -> where the lesion lies there, LPS mm: its middle where it is seen, else the place that the
    overlay of a scan on which it is seen says; scans that were not laid over such a one are left out."""
    middle = {
        number: np.mean([one.mask.centroid_mm for one in scans[number].lesions if one.id in ids], axis=0)
        for number, ids in track.seen.items()
    }
    places = dict(middle)
    for (later, earlier), overlay in found.overlays.items():
        if later not in places and earlier in middle:
            places[later] = overlay.alignment.to_fixed(middle[earlier])
        if earlier not in places and later in middle:
            places[earlier] = overlay.alignment.to_moving(middle[later])
    return places


def lesion_strips(
    found: FollowUp, scans: Sequence[Scene], names: Sequence[str], resected: Mapping[str, int] = MappingProxyType({})
) -> Picture:
    """Axial cuts through up to MOST_ROWS lesions, outlined where they are seen, their place marked where not.

    resected: lesion -> number of the first scan after the resection that it went with.
    """
    shown = _columns(len(scans))
    rows = list(names)[:MOST_ROWS]
    wide, high = SIDE + max(len(shown), LEAST_COLUMNS) * (TILE + GAP), HEAD + len(rows) * (TILE + GAP)
    canvas = Canvas(wide, high)
    tones = {number: scan.tones_of(scans[number]) for number in shown}
    for column, number in enumerate(shown):
        x = SIDE + column * (TILE + GAP) + TILE / 2
        one = scans[number]
        canvas.text((x, TEXT), one.facts.date or one.study, TEXT, INK, anchor="ms", bold=True)
        canvas.text((x, TEXT * 2.1), f"{one.study} {one.facts.modality or ''}".strip(), TEXT - 5, SOFT, anchor="ms")
    for row, name in enumerate(rows):
        track = next(t for t in found.tracks if t.name == name)
        y = HEAD + row * (TILE + GAP)
        canvas.text((SIDE / 2, y + TILE / 2), name, TEXT, INK, anchor="mm", bold=True)
        places, width = places_of(track, found, scans), _width_mm(track, scans)
        for column, number in enumerate(shown):
            tile = canvas.part(SIDE + column * (TILE + GAP), y, TILE, TILE)
            gone = number >= resected.get(name, len(scans))
            _tile(tile, track, number, scans[number], places.get(number), width, tones[number], gone=gone)
    return canvas.picture(
        f"Axial cuts through the lesions {', '.join(rows)} on {len(shown)} scans. A yellow outline: seen. A cross: the "
        "place where it would lie, not seen.",
        "Each lesion at each date, outlined where it is seen; a cross marks where it would lie. One width a row, one "
        "window a scan; patient's right on the left.",
    )


def _columns(count: int) -> list[int]:
    if count <= MOST_COLUMNS:
        return list(range(count))
    return [0, *range(count - MOST_COLUMNS + 1, count)]


def _width_mm(track: Track, scans: Sequence[Scene]) -> float:
    """Wide enough for the lesion at its largest."""
    volumes = [
        sum(one.mask.volume_ml for one in scans[number].lesions if one.id in ids) for number, ids in track.seen.items()
    ]
    return max(LEAST_MM, AROUND * float(np.cbrt(6000.0 * max(volumes) / np.pi)))


def _tile(
    tile: Canvas,
    track: Track,
    number: int,
    one: Scene,
    place: FloatArray | None,
    width_mm: float,
    tones: scan.Tones | None,
    *,
    gone: bool,
) -> None:
    tile.box(0, 0, TILE, TILE, RULE)
    if gone or place is None or one.image is None or tones is None:
        tile.text((TILE / 2, TILE / 2), "resected" if gone else "no picture", TEXT - 4, SOFT, anchor="mm")
        return
    cut = Cut.through(one.grid, "axial", one.grid.to_index(place))
    frame = Frame.around(cut.place([place])[0], width_mm, TILE, TILE)
    flat = frame.resample(cut.pixels(one.image.data).astype(np.float32), cut.pitch_mm, tones.low)
    tile.pixels[:] = (255 * np.clip((flat - tones.low) / (tones.high - tones.low), 0, 1)).astype(np.uint8)[..., None]
    seen = track.seen.get(number, ())
    for lesion in one.lesions:
        if lesion.id not in seen:
            continue
        patch = cut.patch(lesion.mask.data, lesion.mask.grid.offset_in(cut.grid))
        away = None if patch is None else frame.outline(patch, cut.pitch_mm)
        if away is not None:
            tile.blend(np.clip(2.6 - np.abs(away.pixels), 0, 1) * 0.5, INK, away.x, away.y)
            tile.blend(np.clip(1.6 - np.abs(away.pixels), 0, 1), LESION, away.x, away.y)
    if not seen:
        middle = TILE / 2
        for colour, thick in ((INK, 5.0), (PAPER, 2.0)):
            tile.line((middle - CROSS, middle), (middle + CROSS, middle), thick, colour)
            tile.line((middle, middle - CROSS), (middle, middle + CROSS), thick, colour)
        tile.text((TILE / 2, TILE - 12), "not seen", TEXT - 4, PAPER, anchor="ms", halo=INK)
    scan.paint_scale(tile, frame.scale, TEXT - 6)
