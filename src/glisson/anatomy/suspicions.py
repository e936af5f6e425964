"""Signs that a mask holds more or less than it says: a spleen in the liver, segments out of order, an operated liver,
vessels of another place. Each with its numbers; nothing is corrected."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from glisson.anatomy.segments import SegmentMap
from glisson.geometry import FloatArray, Mask, box_of, distance_to
from glisson.scene import Notice, Scene

__all__ = ["order_notices", "share_notices", "spleen_notices", "vessel_notices"]

NECK_MM = 7.5
"""Parts of the liver mask that hang together by less than twice this are looked at on their own."""

SAMPLE_MM = 3.0
"""... on a grid about this coarse."""

BODY_ML = 20.0
"""The core of such a part, within NECK_MM of its surface, is at least this large; in none of 111 outlined livers does a
second core reach 10 mL."""

BEHIND_MM, LEFT_MM = 20.0, 60.0
"""A spleen's core lies at least this far behind and to the left of the liver's."""

REVERSED_MM = 5.0
"""Two segments are the wrong way round when their middles are reversed by more than this; in 111 outlined livers the
pairs compared are 3 mm or more the right way."""

_ORDER = (
    (2, "V", "VIII", "below"), (2, "VI", "VII", "below"), (2, "III", "II", "below"),
    (1, "V", "VI", "in front of"), (1, "VIII", "VII", "in front of"), (1, "IV", "I", "in front of"),
    (0, "V", "IV", "to the right of"), (0, "VIII", "IV", "to the right of"), (0, "IV", "III", "to the right of"),
    (0, "IV", "II", "to the right of"), (0, "VII", "I", "to the right of"),
)  # fmt: skip
"""World axis (LPS), segment with the smaller coordinate, with the larger, and how the first lies to the second."""

_OPPOSITE = {"below": "above", "in front of": "behind", "to the right of": "to the left of"}
_FLIPS = {0: "mirrored", 1: "front-to-back", 2: "upside-down"}

_SHARES = (
    ("the right liver (V to VIII)", ("V", "VI", "VII", "VIII"), 40.0, 84.0),
    ("the left lateral section (II and III)", ("II", "III"), 4.0, 37.0),
    ("segment IV", ("IV",), 4.0, 30.0),
    ("segment I", ("I",), 1.0, 10.0),
)
"""Share of the liver in percent: 111 outlined livers run from 48 to 81, 5.9 to 34, 6.1 to 27 and 1.8 to 8.3."""

AWAY_MM = 5.0
"""A vessel mask that comes no nearer to the liver than this belongs elsewhere."""

LOOK_MM = 60.0
"""Vessels are looked for up to this far around the liver."""


def spleen_notices(liver: Mask) -> Iterator[Notice]:
    """A warning when a large part of the liver mask, joined to it by a neck or not at all, lies where the spleen is."""
    found = _parts(liver)
    if found is None:
        return
    core_ml, apart = found
    if core_ml >= BODY_ML and apart[0] >= LEFT_MM and apart[1] >= BEHIND_MM:
        text = (
            f"A part of the liver mask with a core of {core_ml:.0f} mL hangs on the rest by a neck of less than "
            f"{2 * NECK_MM:.0f} mm or not at all; its middle lies {apart[0]:.0f} mm to the left of and "
            f"{apart[1]:.0f} mm behind that of the rest. Probably the spleen or stomach was outlined with the liver: "
            "correct the mask, every volume is too large otherwise."
        )
        yield Notice("warning", "liver-with-spleen", text, "liver")


def _parts(liver: Mask) -> tuple[float, FloatArray] | None:
    """Volume of the second core of the mask and the way (L, P, S in mm) to it from the first; None without one."""
    import cc3d
    import edt

    box = box_of(liver.data)
    if box is None:
        return None
    grid = liver.grid.crop(box)
    step = [max(1, int(SAMPLE_MM / s)) for s in grid.spacing_mm]
    coarse = np.pad(liver.data[box][:: step[0], :: step[1], :: step[2]], 1)
    spacing = tuple(s * n for s, n in zip(grid.spacing_mm, step, strict=True))
    deep = edt.edt(np.array(coarse, order="C"), anisotropy=spacing) > NECK_MM
    labels, count = cc3d.connected_components(deep, connectivity=6, return_N=True)
    if count < 2:
        return None
    sizes = np.bincount(labels.ravel())[1:]
    first, second = np.argsort(-sizes, kind="stable")[:2]
    middles = [grid.to_mm((np.argwhere(labels == n + 1).mean(axis=0) - 1) * step) for n in (first, second)]
    return float(sizes[second]) * grid.voxel_ml * float(np.prod(step)), middles[1] - middles[0]


def order_notices(segments: SegmentMap | None, told: set[str]) -> Iterator[Notice]:
    """A warning for each pair of segments that lie the wrong way round.

    told: codes already given; pairs along an axis that is reported as flipped are not repeated.
    """
    if segments is None:
        return
    centres = {name: segments.mask(name).centroid_mm for name in segments.present}
    wrong = []
    for axis, low, high, how in _ORDER:
        if _FLIPS[axis] in told or low not in centres or high not in centres:
            continue
        apart = float(centres[high][axis] - centres[low][axis])
        if apart < -REVERSED_MM:
            wrong.append(f"{low} lies {-apart:.0f} mm {_OPPOSITE[how]} {high}")
    if wrong:
        text = (
            f"Segments in an impossible order: {'; '.join(wrong)}. Labels were probably exchanged: check the segment "
            "map."
        )
        yield Notice("warning", "segments-out-of-order", text, "segments")


def share_notices(segments: SegmentMap | None) -> Iterator[Notice]:
    """A warning for a part of the liver whose share suggests that liver was removed, embolised or has grown.

    Parts with a segment that is missing altogether are not repeated here.
    """
    if segments is None:
        return
    total = sum(segments.counts.values())
    found = []
    for title, names, low, high in _SHARES:
        share = 100.0 * sum(segments.counts[name] for name in names) / total
        if not low <= share <= high and set(names) <= set(segments.present):
            found.append(
                f"{title} takes {share:.0f} % of the liver (in 111 livers {low:.0f} to {high:.0f} % with margin)"
            )
    if found:
        text = (
            f"{'; '.join(found)[0].upper()}{'; '.join(found)[1:]}. A previous resection or portal vein embolisation is "
            "suspected, or the segment map is wrong: ask for the operation report."
        )
        yield Notice("warning", "resection-suspected", text, "segments")


def vessel_notices(scene: Scene, liver: Mask) -> Iterator[Notice]:
    """A warning for portal and hepatic masks that do not reach the liver."""
    for name in ("portal", "hepatic"):
        vessel = scene.structures.get(name)
        if vessel is None or vessel.is_empty:
            continue
        away = _gap_mm(vessel, liver)
        if away > AWAY_MM:
            how = f"{away:.0f} mm" if away < LOOK_MM else f"more than {LOOK_MM:.0f} mm"
            text = (
                f"The {name} mask comes no nearer to the liver than {how}. It belongs to another place or scan, or its "
                "header is wrong; nothing that rests on it can be trusted."
            )
            yield Notice("warning", "vessels-away", text, name)


def _gap_mm(vessel: Mask, liver: Mask) -> float:
    """Least distance between voxel centres of vessel and liver; LOOK_MM when it is that or more."""
    box = box_of(liver.data)
    if box is None:
        return LOOK_MM
    inner = liver.grid.crop(box)
    if vessel.on(inner, "the vessel")[liver.data[box]].any():
        return 0.0
    pad = np.ceil(LOOK_MM / np.array(inner.spacing_mm)).astype(int)
    i, j, k = (slice(-int(p), n + int(p)) for p, n in zip(pad, inner.shape, strict=True))
    around = inner.crop((i, j, k))
    held = vessel.on(around, "the vessel")
    if not held.any():
        return LOOK_MM
    return float(min(distance_to(liver.on(around), around.spacing_mm)[held].min(), LOOK_MM))
