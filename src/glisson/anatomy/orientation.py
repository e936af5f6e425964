"""Whether the patient lies in the frame as the header says: left, up and back told from the organs themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from glisson.anatomy.segments import SEGMENT_NAMES, SegmentMap
from glisson.geometry import FloatArray, Mask
from glisson.scene import Notice, Scene

__all__ = ["orientation_notices"]

CLEAR_MM = 5.0
"""Centroids less than this apart along an axis say nothing about it; in 111 outlined livers those compared are 9 mm
apart or more."""

_SEGMENT_ORDER = (
    (0, ("VI", "VII"), ("II", "III"), "to the right of"),
    (2, ("V", "VI"), ("VII", "VIII"), "below"),
    (1, ("V", "VIII"), ("VI", "VII"), "in front of"),
)
"""World axis (LPS), segments with the smaller coordinate, segments with the larger one, how the first lie to the
second."""

_ORGAN_ORDER = (
    (0, "liver", "spleen", "to the right of"),
    (0, "liver", "stomach", "to the right of"),
    (0, "kidney_right", "kidney_left", "to the right of"),
    (0, "lung_right", "lung_left", "to the right of"),
    (2, "liver", "lung_right", "below"),
    (2, "liver", "lung_left", "below"),
    (2, "kidney_right", "liver", "below"),
    (2, "kidney_left", "liver", "below"),
)

_OPPOSITE = {"to the right of": "to the left of", "below": "above", "in front of": "behind"}
_CODES = {0: "mirrored", 1: "front-to-back", 2: "upside-down"}
_MEANS = {
    0: "left and right are exchanged: the header's left-right direction is wrong, the masks were saved mirrored, "
    "or the patient has situs inversus",
    1: "front and back are exchanged: the header's direction is wrong or the masks were saved flipped",
    2: "up and down are exchanged: the order of the slices is wrong or the masks were saved flipped",
}


def orientation_notices(scene: Scene, liver: Mask, segments: SegmentMap | None) -> Iterator[Notice]:
    """A warning for each body axis that seems to be the wrong way round, with the evidence.

    Evidence: the order of the segments' centroids, which counts alone, and of the organs' where masks are given, which
    counts when at least as much of it says wrong as right. What the evidence does not decide is not reported.
    """
    by_segments, by_organs = list(_by_segments(segments)), list(_by_organs(scene, liver))
    for axis in (0, 2, 1):
        of_map = [text for on, right_way, text in by_segments if on == axis and not right_way]
        of_organs = [text for on, right_way, text in by_organs if on == axis and not right_way]
        agree = sum(1 for on, right_way, _ in by_organs if on == axis and right_way)
        if len(of_organs) < max(agree, 1):
            of_organs = []
        means = _MEANS[axis]
        if of_map and not of_organs and agree:
            means = "the segment map is flipped or its labels are exchanged, as the organs lie the right way"
        if of_map or of_organs:
            seen = "; ".join([*of_map, *of_organs])
            text = (
                f"{seen[0].upper()}{seen[1:]}. Probably {means}. Nothing was corrected: do not use sides from this "
                "scan before it is clarified."
            )
            yield Notice("warning", _CODES[axis], text, "scan")


def _by_segments(segments: SegmentMap | None) -> Iterator[tuple[int, bool, str]]:
    if segments is None:
        return
    centres = _segment_centres(segments)
    for axis, low, high, how in _SEGMENT_ORDER:
        lows, highs = [centres[n] for n in low if n in centres], [centres[n] for n in high if n in centres]
        if lows and highs:
            yield from _compared(axis, lows, highs, f"segments {'/'.join(low)} lie", f"segments {'/'.join(high)}", how)


def _by_organs(scene: Scene, liver: Mask) -> Iterator[tuple[int, bool, str]]:
    centres = {"liver": liver.centroid_mm}
    for name in sorted({name for _, a, b, _ in _ORGAN_ORDER for name in (a, b)} & set(scene.structures)):
        if name != "liver" and not scene.structures[name].is_empty:
            centres[name] = scene.structures[name].centroid_mm
    for axis, low, high, how in _ORGAN_ORDER:
        if low in centres and high in centres:
            words = [name.replace("_", " ") for name in (low, high)]
            yield from _compared(axis, [centres[low]], [centres[high]], f"the {words[0]} lies", f"the {words[1]}", how)


def _compared(
    axis: int, low: Sequence[FloatArray], high: Sequence[FloatArray], first: str, second: str, how: str
) -> Iterator[tuple[int, bool, str]]:
    apart = float(np.mean([c[axis] for c in high]) - np.mean([c[axis] for c in low]))
    if abs(apart) >= CLEAR_MM:
        words = how if apart > 0 else _OPPOSITE[how]
        yield axis, apart > 0, f"{first} {abs(apart):.0f} mm {words} {second}"


def _segment_centres(segments: SegmentMap) -> dict[str, FloatArray]:
    """Centroid of each segment in LPS mm; one pass over the labels along each axis."""
    data = segments.labels.data
    sums = np.zeros((9, 3))
    counts = np.zeros(9)
    for axis in range(3):
        for index, section in enumerate(np.moveaxis(data, axis, 0)):
            found = np.bincount(section.ravel(), minlength=9)
            sums[:, axis] += found * index
            counts += found if axis == 0 else 0
    return {
        name: segments.labels.grid.to_mm(sums[value] / counts[value])
        for value, name in SEGMENT_NAMES.items()
        if counts[value]
    }
