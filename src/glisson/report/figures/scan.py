"""What the flat pictures share: the scan in its window, outlines of structures, orientation letters, scale bar."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from glisson.geometry import FloatArray, Grid, Labels, Mask, Volume
from glisson.report.figures.canvas import Canvas, text_size
from glisson.report.figures.palette import CAPSULE, INK, PAPER, VESSEL_NAMES, VESSELS, Colour
from glisson.report.figures.planes import Cut, Frame

if TYPE_CHECKING:
    from glisson.anatomy import CavaSplit, SegmentMap
    from glisson.scene import LesionMask, Scene

__all__ = [
    "Parts", "Tones", "anatomy", "disc", "outline", "paint", "paint_edges", "paint_scale", "parts_of", "segments", "vessel_words",
]  # fmt: skip

CT_LEVEL_HU, CT_WIDTH_HU = 60.0, 320.0
"""The window of soft tissue in which liver, vessels and lesions part best in the portal venous phase."""

MR_PERCENTILES = (1.0, 99.5)
"""Grey from the first to the last of these percentiles of the signal around the liver, for scans without Hounsfield units."""

CT_FLOOR = -200.0
"""A scan without a stated modality that goes below this holds air in Hounsfield units."""

BEHIND: Colour = "#10151a"
SEGMENT_ROOM_MM = 1.2
"""Segment borders are drawn no nearer to the capsule than this."""


@dataclass(frozen=True)
class Tones:
    """Black and white of the scan, whether it is in Hounsfield units, and the words for it."""

    low: float
    high: float
    is_ct: bool
    words: str


@dataclass(frozen=True, eq=False)
class Parts:
    """What the pictures show, all on the lattice of one scan.

    vessels: portal, hepatic, cava, artery where there is a mask. segments: None where there is no segment map.
    """

    grid: Grid
    image: Volume | None
    tones: Tones | None
    liver: Mask
    segments: Labels | None
    vessels: Mapping[str, Mask]
    lesions: tuple[LesionMask, ...]

    @property
    def oblique_words(self) -> str:
        """What to say of a tilted scan; empty when it is straight."""
        tilt = self.grid.obliquity_degrees
        return f" The cuts follow the scan's own axes, tilted by up to {tilt:.0f}°." if tilt >= 1.0 else ""


def parts_of(
    scene: Scene, liver: Mask | None = None, segments: SegmentMap | None = None, cava: CavaSplit | None = None
) -> Parts:
    """What the pictures need of a scene.

    liver: the whole liver (None: as the scene has it). segments: None leaves segments out. cava: hepatic veins and cava
    told apart (None: as the scene has them).
    """
    vessels = {name: scene.structures[name] for name in VESSELS if name in scene.structures}
    if cava is not None:
        apart = {"hepatic": cava.hepatic, "cava": cava.cava}
        vessels = {name: mask for name, mask in {**vessels, **apart}.items() if mask is not None}
    vessels = {name: vessels[name] for name in VESSELS if name in vessels and not vessels[name].is_empty}
    labels = segments.labels if segments is not None else None
    return Parts(scene.grid, scene.image, _tones(scene), liver or scene.liver, labels, vessels, scene.lesions)


def _tones(scene: Scene) -> Tones | None:
    if scene.image is None:
        return None
    near = scene.image.data[scene.liver_box()][::2, ::2, ::2]
    modality = (scene.facts.modality or "").upper()
    if modality == "CT" or (not modality and float(near.min()) < CT_FLOOR):
        low, high = CT_LEVEL_HU - CT_WIDTH_HU / 2, CT_LEVEL_HU + CT_WIDTH_HU / 2
        return Tones(low, high, True, f"CT, window W {CT_WIDTH_HU:.0f} L {CT_LEVEL_HU:.0f} HU")
    low, high = (float(value) for value in np.percentile(near, MR_PERCENTILES))
    if high <= low:
        low, high = low - 0.5, low + 0.5
    return Tones(
        low, high, False, f"{modality or 'scan'}, grey from {low:.4g} to {high:.4g} (percentiles around the liver)"
    )


def paint(canvas: Canvas, parts: Parts, cut: Cut, frame: Frame) -> None:
    """The scan in its window; without a scan, the liver as a grey shape."""
    if parts.image is None or parts.tones is None:
        flat, low, high = cut.of_part(parts.liver) * 0.38 + 0.12, 0.0, 1.0
        fill = 0.12
    else:
        flat, low, high = cut.pixels(parts.image.data), parts.tones.low, parts.tones.high
        fill = low
    grey = np.clip((frame.resample(flat, cut.pitch_mm, fill) - low) / (high - low), 0, 1)
    canvas.pixels[:] = (grey * 255 + 0.5).astype(np.uint8)[..., None]


def outline(
    canvas: Canvas, cut: Cut, frame: Frame, part: Mask, colour: Colour, width: float, *, opacity: float = 1.0,
    rim: bool = False, fill: float = 0.0,
) -> None:  # fmt: skip
    """Draw the outline of a structure, `width` pixels wide. rim: a dark line on both sides. fill: opacity inside."""
    found = frame.outline(cut.of_part(part), cut.pitch_mm)
    if found is None:
        return
    away, x, y = found
    if fill:
        canvas.blend(np.clip(away + 0.5, 0, 1) * fill, colour, x, y)
    if rim:
        canvas.blend(np.clip(width / 2 + 2.0 - np.abs(away), 0, 1) * 0.55 * opacity, INK, x, y)
    canvas.blend(np.clip(width / 2 + 0.5 - np.abs(away), 0, min(1.0, width)) * opacity, colour, x, y)


def segments(canvas: Canvas, parts: Parts, cut: Cut, frame: Frame, width: float, names: int = 0) -> None:
    """Faint borders between segments, away from lesions. names: text size of the Roman numerals, 0 leaves them out."""
    from glisson.anatomy import SEGMENT_NAMES

    if parts.segments is None:
        return
    flat = cut.of_part(parts.segments)
    liver = _whole_frame(cut, frame, flat > 0)
    room = np.clip((liver / frame.scale - SEGMENT_ROOM_MM) / 1.5, 0, 1)
    busy = np.zeros(room.shape, bool)
    for part in (*(lesion.mask for lesion in parts.lesions), *parts.vessels.values()):
        found = frame.outline(cut.of_part(part), cut.pitch_mm)
        if found is not None:
            away, x, y = found
            busy[y : y + away.shape[0], x : x + away.shape[1]] |= away > -2
            if part not in parts.vessels.values():
                room[y : y + away.shape[0], x : x + away.shape[1]] *= away < -1
    for value in (int(v) for v in np.unique(flat) if v):
        found = frame.outline(flat == value, cut.pitch_mm)
        if found is None:
            continue
        away, x, y = found
        here = (slice(y, y + away.shape[0]), slice(x, x + away.shape[1]))
        canvas.blend(np.clip(width / 2 + 0.5 - np.abs(away), 0, min(1.0, width)) * room[here] * 0.5, CAPSULE, x, y)
        if names:
            _numeral(canvas, SEGMENT_NAMES[value], (away > 0) & ~busy[here], (x, y), names)


def _whole_frame(cut: Cut, frame: Frame, inside: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """Signed distance to a mask's outline, in pixels, over the whole frame."""
    whole = np.full((frame.height, frame.width), -99.0, np.float32)
    found = frame.outline(inside, cut.pitch_mm)
    if found is not None:
        away, x, y = found
        whole[y : y + away.shape[0], x : x + away.shape[1]] = away
    return whole


def _numeral(canvas: Canvas, name: str, free: npt.NDArray[np.bool_], corner: tuple[int, int], size: int) -> None:
    """A segment's numeral where its free area is widest; none where it would not fit."""
    import edt

    deep = edt.edt(np.pad(free, 1))[1:-1, 1:-1]
    if deep.max() < max(size * 0.8, text_size(name, size)[0] * 0.55):
        return
    at = np.unravel_index(int(np.argmax(deep)), deep.shape)
    place = (corner[0] + float(at[1]), corner[1] + float(at[0]))
    canvas.text(place, name, size, PAPER, anchor="mm", halo=INK, opacity=0.8)


def anatomy(canvas: Canvas, parts: Parts, cut: Cut, frame: Frame, width: float, names: int = 0) -> None:
    """Segment borders, liver capsule and vessels; the lesions come on top of them."""
    segments(canvas, parts, cut, frame, width * 0.8, names)
    outline(canvas, cut, frame, parts.liver, CAPSULE, width, opacity=0.8)
    for name, mask in parts.vessels.items():
        outline(canvas, cut, frame, mask, VESSELS[name], width * 1.2)


def disc(flat: npt.NDArray[np.bool_], cut: Cut, frame: Frame) -> tuple[FloatArray, float]:
    """Middle and radius, in pixels, of what a cut shows of a mask."""
    rows, columns = np.nonzero(flat)
    pitch = np.array(cut.pitch_mm)
    middle = frame.to_pixels((np.array([columns.mean(), rows.mean()]) + 0.5) * pitch)[0]
    return middle, float(np.sqrt(rows.size * pitch.prod() / np.pi)) * frame.scale


def paint_edges(canvas: Canvas, letters: str, size: int) -> None:
    """The orientation letters in the middle of the left, right, upper and lower edge."""
    near = size * 0.45
    wide, high = canvas.width, canvas.height
    places = (
        ((near, high / 2), "lm"),
        ((wide - near, high / 2), "rm"),
        ((wide / 2, near), "mt"),
        ((wide / 2, high - near), "ms"),
    )
    for letter, (at, anchor) in zip(letters, places, strict=True):
        canvas.text(at, letter, size, PAPER, anchor=anchor, bold=True, halo=INK)


def paint_scale(canvas: Canvas, scale: float, size: int) -> None:
    """A bar of a round number of mm in the lower right corner; about a fifth of the width."""
    aim = canvas.width / scale / 4.5
    length = max((mm for mm in (5, 10, 20, 50, 100) if mm <= aim), default=5)
    x1, y = canvas.width - size * 0.6, canvas.height - size * 0.6
    x0 = x1 - length * scale
    canvas.box(x0 - 2, y - size / 4 - 2, x1 - x0 + 4, size / 4 + 4, INK, opacity=0.8)
    canvas.box(x0, y - size / 4, x1 - x0, size / 4, PAPER)
    words = f"{length} mm"
    middle = min((x0 + x1) / 2, canvas.width - size * 0.4 - text_size(words, size)[0] / 2)
    canvas.text((middle, y - size * 0.55), words, size, PAPER, anchor="ms", halo=INK)


def vessel_words(parts: Parts) -> str:
    """The outlines of the vessels in words, for the caption; empty when there is none."""
    colours = {"portal": "pink", "hepatic": "light blue", "cava": "dark blue", "artery": "red"}
    return ", ".join(f"{VESSEL_NAMES[name]} {colours[name]}" for name in parts.vessels)
