"""Whether the masks can be what they say: evidence in words, nothing corrected and nothing hidden."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from glisson.anatomy.orientation import orientation_notices
from glisson.anatomy.segments import SegmentMap
from glisson.anatomy.suspicions import order_notices, share_notices, spleen_notices, vessel_notices
from glisson.geometry import Mask, box_of, reaches_border
from glisson.scene import Notice, Scene

__all__ = ["plausibility"]

LIVER_ML = (500.0, 4000.0)
"""Whole livers outside this range are reported as unusual; 111 livers outlined for Couinaud work run from 583 to 3215
mL."""

SMALLEST_SEGMENT_PERCENT = 0.2
"""A segment below this share of the liver counts as missing; the smallest of 888 outlined segments has 0.43 %."""

LARGEST_SEGMENT_PERCENT = 50.0
"""A segment above this share of the liver is reported; the largest of 888 outlined segments has 33.8 %."""

SEGMENTS_COVER_PERCENT = 95.0
"""A segment map that labels less of the liver than this is reported as incomplete."""

OVERLAP_ML = 1.0
"""Two organs that share more than this are reported; borders drawn by hand share a little."""

PIECE_PERCENT = 0.5
"""A detached piece of the liver mask above this share of it is reported with its volume."""

VESSEL_INSIDE_PERCENT = 50.0
"""Vessel masks with less than this share in the liver are mentioned: distances are measured to all of them."""

VESSELS = ("portal", "hepatic", "artery", "bile_ducts")
ORGANS = (
    "spleen", "stomach", "gallbladder", "kidney_left", "kidney_right", "heart", "lung_left", "lung_right", "colon",
    "duodenum", "pancreas",
)  # fmt: skip
_SIDES = (("right", "left"), ("front", "back"), ("lower end", "upper end"))


def plausibility(scene: Scene, liver: Mask, segments: SegmentMap | None) -> tuple[Notice, ...]:
    """What a reader of the results must know of the masks, in a fixed order; empty when nothing is unusual.

    liver, segments: as `whole_liver` and `segment_map` give them. Codes: mirrored, upside-down, front-to-back,
    liver-cut, organs-overlap, vessels-mostly-outside, liver-volume-unusual, liver-in-pieces, segment-missing,
    segment-share-unusual, segments-incomplete, liver-with-spleen, segments-out-of-order, resection-suspected,
    vessels-away. What was added to the liver is in `WholeLiver.notes`; lesions outside it
    are named by `lesions.lesion_notices`.
    """
    turned = tuple(orientation_notices(scene, liver, segments))
    return (
        *turned,
        *_border(scene, liver),
        *_overlaps(scene),
        *_vessels(scene, liver),
        *_size(liver),
        *_pieces(scene.liver),
        *_segments(segments),
        *spleen_notices(liver),
        *order_notices(segments, {notice.code for notice in turned}),
        *share_notices(segments),
        *vessel_notices(scene, liver),
    )


def _border(scene: Scene, liver: Mask) -> Iterator[Notice]:
    box = box_of(liver.data)
    if box is None or not reaches_border(liver, scene.grid):
        return
    offset = liver.grid.offset_in(scene.grid)
    touched = []
    for axis, (part, start, count) in enumerate(zip(box, offset, scene.grid.shape, strict=True)):
        if count == 1:
            continue
        direction = scene.grid.directions[:, axis]
        world = int(np.argmax(np.abs(direction)))
        low, high = _SIDES[world] if direction[world] > 0 else _SIDES[world][::-1]
        touched += [low] if part.start + start <= 0 else []
        touched += [high] if part.stop + start >= count else []
    if touched:
        where = " and ".join(touched)
        text = (
            f"The liver reaches the edge of the scan ({where}): the rest of it was not scanned. Its volume and every "
            "remnant are lower bounds."
        )
        yield Notice("warning", "liver-cut", text, "liver")


def _overlaps(scene: Scene) -> Iterator[Notice]:
    for name in ORGANS:
        if name not in scene.structures:
            continue
        organ = scene.structures[name]
        shared_ml = _shared(scene.liver, organ) * scene.grid.voxel_ml
        if shared_ml > OVERLAP_ML:
            text = (
                f"The masks of liver and {name.replace('_', ' ')} share {shared_ml:.1f} mL, which is counted as liver. "
                "Correct one of them."
            )
            yield Notice("warning", "organs-overlap", text, name)


def _vessels(scene: Scene, liver: Mask) -> Iterator[Notice]:
    for name in VESSELS:
        vessel = scene.structures.get(name)
        if vessel is None or vessel.is_empty:
            continue
        inside = 100.0 * _shared(liver, vessel) / vessel.count
        if inside < VESSEL_INSIDE_PERCENT:
            title = name.replace("_", " ")
            text = (
                f"Only {inside:.0f} % of the {title} mask lies in the liver mask; the rest is trunk outside, or vessel "
                "that the liver mask leaves out."
            )
            yield Notice("info", "vessels-mostly-outside", text, name)


def _size(liver: Mask) -> Iterator[Notice]:
    if not LIVER_ML[0] <= liver.volume_ml <= LIVER_ML[1]:
        text = (
            f"The liver measures {liver.volume_ml:.0f} mL; livers mostly measure {LIVER_ML[0]:.0f} to "
            f"{LIVER_ML[1]:.0f} mL. "
            "Check that the mask is the whole liver of an adult and that the spacing of the scan is right."
        )
        yield Notice("warning", "liver-volume-unusual", text, "liver")


def _pieces(liver: Mask) -> Iterator[Notice]:
    import cc3d

    labels, count = cc3d.connected_components(liver.data.astype(np.uint8), connectivity=26, return_N=True)
    if count < 2:
        return
    sizes = np.sort(np.bincount(labels.ravel())[1:])[::-1]
    rest_ml = float(sizes[1:].sum()) * liver.grid.voxel_ml
    large = bool(sizes[1] > PIECE_PERCENT / 100.0 * sizes.sum())
    text = (
        f"The liver mask has {count} separate pieces; those beside the largest hold {rest_ml:.1f} mL and are counted."
    )
    yield Notice("warning" if large else "info", "liver-in-pieces", text, "liver")


def _segments(segments: SegmentMap | None) -> Iterator[Notice]:
    if segments is None:
        return
    total = sum(segments.counts.values())
    shares = {name: 100.0 * count / total for name, count in segments.counts.items()}
    absent = [name for name, share in shares.items() if share < SMALLEST_SEGMENT_PERCENT]
    if absent:
        text = (
            f"Segment {' and '.join(absent)} is missing or nearly so in the segment map. A previous liver resection is "
            "suspected, or the map is incomplete."
        )
        yield Notice("warning", "segment-missing", text, "segments")
    for name, share in shares.items():
        if share > LARGEST_SEGMENT_PERCENT:
            text = (
                f"Segment {name} takes {share:.0f} % of the liver. Check the segment map; after a resection it may "
                "have grown."
            )
            yield Notice("warning", "segment-share-unusual", text, "segments")
    if segments.given_percent < SEGMENTS_COVER_PERCENT:
        text = (
            f"The segment map labels {segments.given_percent:.0f} % of the liver; the rest was given the nearest "
            "segment. Volumes by segment are to be read with that."
        )
        yield Notice("warning", "segments-incomplete", text, "segments")


def _shared(a: Mask, b: Mask) -> int:
    """Voxels in both."""
    small, large = (a, b) if a.data.size <= b.data.size else (b, a)
    return int(np.count_nonzero(small.data & large.on(small.grid)))
