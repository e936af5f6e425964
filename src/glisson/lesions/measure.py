"""Measure each lesion: size, place, and what it lies against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from glisson.anatomy import SEGMENT_NAMES, SegmentMap
from glisson.case import Case
from glisson.errors import SceneError
from glisson.geometry import (
    BoolArray,
    FloatArray,
    Grid,
    Mask,
    Surface,
    components,
    reaches_border,
    surface,
    surface_distance_mm,
    touching,
)
from glisson.lesions.diameters import axial_diameters, max3d_diameter
from glisson.lesions.finding import DISTANCES, LesionFinding
from glisson.scene import LesionMask, Notice, Scene

__all__ = ["lesion_notices", "measure_lesions"]

LEFT = ("II", "III", "IV")
RIGHT = ("V", "VI", "VII", "VIII")

LOBE_SHARE_PERCENT = 5.0
"""A lesion lies in both lobes when at least this share of it lies in segments of each. Segment borders are drawn to a
few millimetres, so a sliver beyond the border says nothing."""

OBLIQUE_DEGREES = 10.0
"""From this angle between the slices and the patient's axial plane on, the note to a diameter says so."""

BEYOND_VOXELS = 1e-3
"""A surface point further than this beyond the outermost voxel centres of the scan belongs to the lid that closes a
mask there, not to an outline that was seen."""

VESSEL_NAMES: Mapping[str, str] = {"portal": "portal vein", "hepatic": "hepatic vein", "cava": "vena cava"}

LOWER_BOUND = "the lesion reaches the border of the scan: a lower bound"


def measure_lesions(
    case: Case,
    scene: Scene,
    liver: Mask,
    segments: SegmentMap | None,
    structures: Mapping[str, Mask],
    structure_notes: Mapping[str, str] | None = None,
    outlines: Mapping[str, Surface] | None = None,
) -> tuple[LesionFinding, ...]:
    """Measure every lesion of the scene, in its order; LPS mm and mL.

    liver: the whole liver (`anatomy.whole_liver`). segments: Couinaud segments, or None. structures: portal, hepatic
    and cava, each as far as there is one (the last two told apart by `anatomy.split_cava`); others are not looked at.
    structure_notes: name -> words to print beside distances to that structure, such as how it was separated, or, for
    one that is not there, why. outlines: lesion id -> outline already meshed by `geometry.surface`, to save time.
    The capsule is the outline of the liver, without the parts that lie against those vessels and without the lid where
    the scan ends. A lesion outside the liver is measured, has no depth, and is named by `lesion_notices`.
    Raises SceneError for an empty lesion or liver, FrameMismatch for masks off the scan's lattice.
    """
    if liver.is_empty:
        raise SceneError("The liver mask is empty, so no lesion can be placed in it. Give a liver mask with voxels.")
    around = _Surroundings(scene, liver, segments, structures, dict(structure_notes or {}), outlines or {})
    return tuple(_measured(case, lesion, around) for lesion in scene.lesions)


def lesion_notices(lesions: Sequence[LesionFinding]) -> tuple[Notice, ...]:
    """Warnings about lesions that lie outside the liver, partly or wholly, or reach the border of the scan."""
    notices = []
    for lesion in lesions:
        inside = lesion.inside_liver_percent
        if inside == 0.0:
            text = (
                f"{lesion.id} ({lesion.volume_ml:.1f} mL) lies outside the liver mask: it is measured, not planned. If "
                "it lies in the liver, correct the liver mask; if not, record it under extrahepatic disease."
            )
            notices.append(Notice("warning", "lesion-outside-liver", text, lesion.id))
        elif inside < 100.0:
            text = f"{100.0 - inside:.1f} % of {lesion.id} lies outside the liver. Check the liver mask and the lesion."
            notices.append(Notice("warning", "lesion-partly-outside-liver", text, lesion.id))
        if lesion.touches_border:
            text = f"{lesion.id} reaches the border of the scan: its volume and diameters are lower bounds."
            notices.append(Notice("warning", "lesion-at-scan-border", text, lesion.id))
    return tuple(notices)


@dataclass(eq=False)
class _Surroundings:
    """What lesions are measured against; a surface is made when it is first needed, and once."""

    scene: Scene
    liver: Mask
    segments: SegmentMap | None
    structures: Mapping[str, Mask]
    notes: Mapping[str, str]
    outlines: Mapping[str, Surface]
    _surfaces: dict[str, Surface] = field(default_factory=dict)

    def surface_of(self, name: str) -> Surface:
        if name not in self._surfaces:
            self._surfaces[name] = self._capsule() if name == "capsule" else surface(self.structures[name])
        return self._surfaces[name]

    def _capsule(self) -> Surface:
        """The liver's surface without the lid that closes it where the scan ends, and without what faces a vessel."""
        whole = surface(self.liver)
        lid, vessel = self._on_lid(whole.vertices_mm), self._at_vessel(whole.vertices_mm)
        faces = np.asarray(lid[whole.faces].any(axis=1) | vessel[whole.faces].all(axis=1))
        return whole.without(faces) if faces.any() and not faces.all() else whole

    def _on_lid(self, points_mm: FloatArray) -> BoolArray:
        index = self.scene.grid.to_index(points_mm)
        last = np.array(self.scene.grid.shape) - 1
        return np.asarray(((index < -BEYOND_VOXELS) | (index > last + BEYOND_VOXELS)).any(axis=1))

    def _at_vessel(self, points_mm: FloatArray) -> BoolArray:
        """True for points of the liver's outline where it runs between a voxel of the liver and one of a vessel.

        Every point lies between two neighbouring voxel centres: two of its indices are whole, one is not.
        """
        grid = self.liver.grid.crop(_grown_box(self.liver.grid.shape, 2))
        vessel = self.vessels_on(grid) & ~self.liver.on(grid)
        index = grid.to_index(points_mm)
        nearest = np.rint(index)
        row, axis = np.arange(len(index)), np.abs(index - nearest).argmax(axis=1)
        below, above = nearest.astype(int), nearest.astype(int)
        below[row, axis] = np.floor(index[row, axis])
        above[row, axis] = below[row, axis] + 1
        return np.asarray(vessel[tuple(below.T)] | vessel[tuple(above.T)])

    def vessels_on(self, grid: Grid) -> BoolArray:
        """The voxels of portal vein, hepatic veins and cava, as far as given, on a grid of the lattice."""
        result = np.zeros(grid.shape, dtype=np.bool_)
        for name in VESSEL_NAMES:
            if name in self.structures:
                result |= self.structures[name].on(grid, f"the mask '{name}'")
        return result


def _measured(case: Case, lesion: LesionMask, around: _Surroundings) -> LesionFinding:
    mask = lesion.mask.trimmed()
    if mask.is_empty:
        raise SceneError(
            f"Lesion {lesion.id} has no voxels ({lesion.source or 'no source named'}). Take it out or outline it."
        )
    said, scene, notes = case.lesion(lesion.id), around.scene, {}
    axial, max3d = axial_diameters(mask, scene.grid.slice_axis), max3d_diameter(mask)
    slice_index = axial.slice_index + mask.grid.offset_in(scene.grid)[scene.grid.slice_axis]
    at_border = reaches_border(mask, scene.grid)
    inside = 100.0 * int(np.count_nonzero(around.liver.on(mask.grid) & mask.data)) / mask.count
    notes.update(_size_notes(mask, scene.grid, at_border))
    shares, lobe = _place(mask, around.segments, notes)
    distance, touches = _distances(mask, around.outlines.get(lesion.id), inside > 0.0, around, notes)
    return LesionFinding(
        id=lesion.id, nature=said.nature, nature_reason=said.reason, volume_ml=mask.volume_ml,
        longest_axial_mm=axial.longest.length_mm, longest_axial_ends_mm=axial.longest.ends_mm,
        perpendicular_mm=axial.perpendicular.length_mm, perpendicular_ends_mm=axial.perpendicular.ends_mm,
        axial_slice=slice_index, max3d_mm=max3d.length_mm, max3d_ends_mm=max3d.ends_mm, centroid_mm=mask.centroid_mm,
        segments=shares, lobe=lobe, inside_liver_percent=inside, distance_mm=distance, touches=touches,
        share_of_liver_percent=100.0 * mask.volume_ml / around.liver.volume_ml, touches_border=at_border, notes=notes,
    )  # fmt: skip


def _size_notes(mask: Mask, grid: Grid, at_border: bool) -> dict[str, str]:
    notes = {}
    if at_border:
        notes = dict.fromkeys(("volume_ml", "longest_axial_mm", "perpendicular_mm", "max3d_mm"), LOWER_BOUND)
    remarks = [notes["longest_axial_mm"]] if notes else []
    tilt = _tilt_degrees(grid)
    if tilt >= OBLIQUE_DEGREES:
        remarks.append(f"the slices are tilted by {tilt:.0f} degrees against the patient's axial plane")
    pieces = len(components(mask))
    if pieces > 1:
        remarks.append(f"the outline has {pieces} separate pieces; the diameter may span them")
    if remarks:
        notes["longest_axial_mm"] = "; ".join(remarks)
    return notes


def _tilt_degrees(grid: Grid) -> float:
    """Angle between the plane of the slices and the patient's axial plane."""
    first, second = (grid.directions[:, axis] for axis in range(3) if axis != grid.slice_axis)
    normal = np.cross(first, second)
    return float(np.degrees(np.arccos(min(abs(normal[2]) / np.linalg.norm(normal), 1.0))))


def _place(
    mask: Mask, segments: SegmentMap | None, notes: dict[str, str]
) -> tuple[dict[str, float] | None, str | None]:
    """Percent of the lesion in each segment, largest first, and the lobe; fills in the notes."""
    if segments is None:
        notes["segments"] = notes["lobe"] = "no segment map was given"
        return None, None
    counts = np.bincount(segments.labels.on(mask.grid, "the segment map")[mask.data], minlength=9)
    inside = int(counts[1:].sum())
    if inside == 0:
        notes["segments"] = notes["lobe"] = "the lesion lies outside the segment map"
        return None, None
    if inside < mask.count:
        outside = 100.0 * (mask.count - inside) / mask.count
        notes["segments"] = f"{outside:.1f} % of the lesion lies outside the segment map; shares are of the part inside"
    present = sorted((value for value in SEGMENT_NAMES if counts[value]), key=lambda value: (-counts[value], value))
    shares = {SEGMENT_NAMES[value]: 100.0 * int(counts[value]) / inside for value in present}
    return shares, _lobe(shares)


def _lobe(shares: Mapping[str, float]) -> str:
    left = sum(shares.get(name, 0.0) for name in LEFT)
    right = sum(shares.get(name, 0.0) for name in RIGHT)
    if min(left, right) >= LOBE_SHARE_PERCENT:
        return "both"
    if shares.get("I", 0.0) > max(left, right):
        return "caudate"
    return "left" if left > right else "right"


def _distances(
    mask: Mask, meshed: Surface | None, in_liver: bool, around: _Surroundings, notes: dict[str, str]
) -> tuple[dict[str, float | None], dict[str, bool | None]]:
    distance: dict[str, float | None] = dict.fromkeys(DISTANCES)
    touches: dict[str, bool | None] = dict.fromkeys(DISTANCES)
    outline = meshed or surface(mask)
    for name in DISTANCES:
        key, about = f"distance_mm.{name}", around.notes.get(name, "")
        if name == "capsule":
            if not in_liver:
                notes[key] = "the lesion lies outside the liver"
                continue
            if reaches_border(around.liver, around.scene.grid):
                about = "the scan ends in the liver: the capsule beyond its border is not seen and may be nearer"
            touch = _reaches_outside(mask, around)
        else:
            structure = around.structures.get(name)
            if structure is None or structure.is_empty:
                notes[key] = about or f"no {VESSEL_NAMES[name]} mask was given"
                continue
            touch = touching(mask, structure)
        touches[name] = touch
        distance[name] = 0.0 if touch else surface_distance_mm(outline, around.surface_of(name))
        if about:
            notes[key] = about
    return distance, touches


def _reaches_outside(mask: Mask, around: _Surroundings) -> bool:
    """True when a voxel of the lesion lies, or shares a face with one, neither in the liver nor in a vessel."""
    near = mask.grid.crop(_grown_box(mask.grid.shape, 1))
    outside = ~around.liver.on(near) & ~around.vessels_on(near) & _within(near, around.scene.grid)
    return touching(mask, Mask(outside, near))


def _grown_box(shape: tuple[int, int, int], pad: int) -> tuple[slice, slice, slice]:
    i, j, k = (slice(-pad, n + pad) for n in shape)
    return (i, j, k)


def _within(part: Grid, whole: Grid) -> BoolArray:
    """True for the voxels of `part` that exist in `whole`."""
    result = np.zeros(part.shape, dtype=np.bool_)
    box = [slice(max(-o, 0), n - o) for o, n in zip(part.offset_in(whole), whole.shape, strict=True)]
    result[tuple(box)] = True
    return result
