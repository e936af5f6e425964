"""What the flat pictures share: the scan in its window, outlines of structures, orientation letters, scale bar."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from glisson.geometry import FloatArray, Grid, Labels, Mask, Volume, box_of
from glisson.report.figures.canvas import Canvas, text_size
from glisson.report.figures.palette import CAPSULE, INK, PAPER, VESSEL_NAMES, VESSELS, Colour
from glisson.report.figures.planes import Away, Cut, Frame, Patch, axes_for

if TYPE_CHECKING:
    from glisson.anatomy import CavaSplit, SegmentMap
    from glisson.scene import LesionMask, Scene

__all__ = [
    "Panel", "Parts", "Tones", "axial_field", "paint_edges", "paint_scale", "parts_of", "slices_at", "tones_of",
    "vessel_words",
]  # fmt: skip

CT_LEVEL_HU, CT_WIDTH_HU = 60.0, 320.0
"""The window of soft tissue in which liver, vessels and lesions part best in the portal venous phase."""

MR_PERCENTILES = (1.0, 99.5)
"""Grey from the first to the last of these percentiles of the signal around the liver, for scans without Hounsfield
units.
"""

CT_FLOOR = -200.0
"""A scan without a stated modality that goes below this holds air in Hounsfield units."""

NO_SCAN, NO_SCAN_LIVER = 0.12, 0.5
"""Grey of the background and of the liver where there is no scan."""

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
    starts: dict[Mask | Labels, tuple[int, int, int]] = field(default_factory=dict, repr=False)

    def start(self, part: Mask | Labels) -> tuple[int, int, int]:
        """Where a part's first voxel lies on the grid; looked up once for each part."""
        if part not in self.starts:
            self.starts[part] = part.grid.offset_in(self.grid)
        return self.starts[part]

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
    return Parts(scene.grid, scene.image, tones_of(scene), liver or scene.liver, labels, vessels, scene.lesions)


def tones_of(scene: Scene) -> Tones | None:
    """Black and white for a scan: a fixed window for CT, percentiles around the liver otherwise; None without one."""
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


class Panel:
    """One cut of the parts being drawn into a canvas; distances to outlines are computed once."""

    def __init__(self, canvas: Canvas, parts: Parts, cut: Cut, frame: Frame) -> None:
        self.canvas, self.parts, self.cut, self.frame = canvas, parts, cut, frame
        self._away: dict[Mask, Away | None] = {}

    def patch(self, part: Mask | Labels) -> Patch | None:
        """What the cut shows of a part; None for nothing."""
        return self.cut.patch(part.data, self.parts.start(part))

    def away(self, part: Mask) -> Away | None:
        """Signed distance to the outline of a mask where the frame shows it."""
        if part not in self._away:
            patch = self.patch(part)
            self._away[part] = self.frame.outline(patch, self.cut.pitch_mm) if patch is not None else None
        return self._away[part]

    def paint(self) -> None:
        """The scan in its window; without a scan, the liver as a grey shape."""
        image, tones = self.parts.image, self.parts.tones
        if image is None or tones is None:
            grey = np.full((self.frame.height, self.frame.width), NO_SCAN, np.float32)
            liver = self.away(self.parts.liver)
            if liver is not None:
                grey[liver.box] += (NO_SCAN_LIVER - NO_SCAN) * np.clip(liver.pixels + 0.5, 0, 1)
        else:
            flat = self.frame.resample(self.cut.pixels(image.data), self.cut.pitch_mm, tones.low)
            grey = np.clip((flat - tones.low) / (tones.high - tones.low), 0, 1)
        self.canvas.pixels[:] = (grey * 255 + 0.5).astype(np.uint8)[..., None]

    def outline(self, part: Mask, colour: Colour, width: float, *, opacity: float = 1.0, rim: bool = False) -> None:
        """Draw the outline of a structure, `width` pixels wide. rim: a dark line on both sides."""
        away = self.away(part)
        if away is None:
            return
        far = np.abs(away.pixels)
        if rim:
            self.canvas.blend(np.clip(width / 2 + 2.0 - far, 0, 1) * 0.55 * opacity, INK, away.x, away.y)
        self.canvas.blend(np.clip(width / 2 + 0.5 - far, 0, min(1.0, width)) * opacity, colour, away.x, away.y)

    def segments(self, width: float, names: int = 0) -> None:
        """Faint borders between segments, away from lesions. names: text size of the numerals, 0 leaves them out."""
        from glisson.anatomy import SEGMENT_NAMES

        patch = self.patch(self.parts.segments) if self.parts.segments is not None else None
        if patch is None:
            return
        room, busy = self._room(patch)
        for value in (int(v) for v in np.flatnonzero(np.bincount(patch.flat.ravel())) if v):
            own = Patch(patch.flat == value, patch.row, patch.column)
            away = self.frame.outline(own, self.cut.pitch_mm)
            if away is None:
                continue
            line = np.clip(width / 2 + 0.5 - np.abs(away.pixels), 0, min(1.0, width))
            self.canvas.blend(line * room[away.box] * 0.5, CAPSULE, away.x, away.y)
            if names:
                _numeral(
                    self.canvas, SEGMENT_NAMES[value], (away.pixels > 0) & ~busy[away.box], (away.x, away.y), names
                )

    def _room(self, patch: Patch) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
        """Where segment borders may be drawn (0 to 1), and where lesions and vessels are, over the frame."""
        room = np.zeros((self.frame.height, self.frame.width), np.float32)
        busy = np.zeros(room.shape, bool)
        liver = self.frame.outline(Patch(patch.flat > 0, patch.row, patch.column), self.cut.pitch_mm)
        if liver is not None:
            room[liver.box] = np.clip((liver.pixels / self.frame.scale - SEGMENT_ROOM_MM) / 1.5, 0, 1)
        for mask in self.parts.vessels.values():
            away = self.away(mask)
            if away is not None:
                busy[away.box] |= away.pixels > -2
        for lesion in self.parts.lesions:
            away = self.away(lesion.mask)
            if away is not None:
                busy[away.box] |= away.pixels > -2
                room[away.box] *= away.pixels < -1
        return room, busy

    def anatomy(self, width: float, names: int = 0) -> None:
        """Segment borders, liver capsule and vessels; the lesions come on top of them."""
        self.segments(width * 0.8, names)
        self.outline(self.parts.liver, CAPSULE, width, opacity=0.8)
        for name, mask in self.parts.vessels.items():
            self.outline(mask, VESSELS[name], width * 1.2)

    def disc(self, part: Mask) -> tuple[FloatArray, float] | None:
        """Middle and radius, in pixels, of what the cut shows of a mask; None for nothing."""
        patch = self.patch(part)
        if patch is None:
            return None
        rows, columns = np.nonzero(patch.flat)
        pitch = np.array(self.cut.pitch_mm)
        middle = np.array([columns.mean() + patch.column, rows.mean() + patch.row]) + 0.5
        radius = float(np.sqrt(rows.size * pitch.prod() / np.pi)) * self.frame.scale
        return self.frame.to_pixels(middle * pitch)[0], radius


def _numeral(canvas: Canvas, name: str, free: npt.NDArray[np.bool_], corner: tuple[int, int], size: int) -> None:
    """A segment's numeral where its free area is widest; none where it would not fit."""
    import edt

    deep = edt.edt(np.pad(free, 1))[1:-1, 1:-1]
    if deep.max() < max(size * 0.8, text_size(name, size)[0] * 0.55):
        return
    at = np.unravel_index(int(np.argmax(deep)), deep.shape)
    place = (corner[0] + float(at[1]), corner[1] + float(at[0]))
    canvas.text(place, name, size, PAPER, anchor="mm", halo=INK, opacity=0.8)


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


def axial_field(parts: Parts) -> tuple[npt.NDArray[np.float64], float, float]:
    """Middle, width and height in mm of the liver on every axial cut, with a little room."""
    box = box_of(parts.liver.data)
    assert box is not None
    ends = parts.liver.grid.to_mm(np.array([[s.start, s.stop - 1] for s in box]).T)
    places = Cut.of(parts.grid, "axial", 0).place(ends)
    low, high = places.min(axis=0) - 10, places.max(axis=0) + 10
    return (low + high) / 2, float(high[0] - low[0]), float(high[1] - low[1])


def slices_at(parts: Parts, heights: Sequence[float]) -> list[int]:
    """Axial slices at shares of the liver's height, from the top down."""
    axis, turned = axes_for(parts.grid)[2]
    held = (
        np.flatnonzero(parts.liver.data.any(axis=tuple(a for a in range(3) if a != axis)))
        + parts.start(parts.liver)[axis]
    )
    low, high = int(held[0]), int(held[-1])
    return [round(high - h * (high - low) if turned else low + h * (high - low)) for h in heights]
