"""Couinaud segments learned from shape: from the liver's outline and, where there are any, its vessels.

Two models that err in different places speak together: a small network, trained on livers whose segments experts drew,
and planes whose places a linear model reads off the liver's extents. Their chances are multiplied, cell by cell in the
liver's own frame, and interpolated to the voxels. How well this does, and how well two readers of one scan agree, is
said in docs/explanation/couinaud.md.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from glisson.anatomy.couinaud_chances import SegmentChances, coarse_share
from glisson.anatomy.couinaud_frame import Float32Array, LiverFrame
from glisson.anatomy.couinaud_net import COARSE, SEGMENTS, Level, features, levels_of, model
from glisson.anatomy.couinaud_planes import plane_distances_mm, segment_chances
from glisson.anatomy.landmarks import Landmarks, find_landmarks
from glisson.anatomy.segments import SEGMENT_NAMES, SegmentMap, spread_labels
from glisson.errors import InputError
from glisson.geometry import Labels, Mask, Volume

__all__ = ["PLANES_WEIGHT", "learned_segments", "plane_logs"]

METHOD = "learned from shape"

MIN_CELLS = 200
"""A liver that fills fewer cells of its own box than this (two or three in a hundred of them; a liver fills a third)
is no liver but scattered voxels."""

PLANES_WEIGHT = 1.0
"""Exponent of the planes' chances beside the network's; chosen on training livers by models that had not seen them,
flat from 0.75 to 1.5."""

PLANES_FLOOR = 0.01
"""Planes never hold a segment less likely than this, so that a liver of unusual form is not theirs alone to name."""


def learned_segments(liver: Mask, *vessels: Mask) -> SegmentMap:
    """Couinaud segments I to VIII of a liver, from its shape and its vessels.

    liver: the whole liver, on any grid in true patient orientation (a mirrored scan is not recognised here). vessels:
    portal and hepatic veins, in one mask or several, on the same lattice; what lies outside the liver is not looked at,
    and empty masks count as none. The map covers the liver exactly, is on its trimmed box, and carries for each voxel
    the chance that an expert gives it the same label (`confidence`) and what `remnant_interval` needs (`chances`).
    Raises SceneError for an empty mask, InputError for one that cannot be a liver, FrameMismatch off the lattice.
    """
    liver = liver.trimmed()
    frame = LiverFrame.of(liver)
    inside = frame.inward(liver.data)
    within = np.zeros(liver.grid.shape, np.bool_)
    for mask in vessels:
        within |= mask.on(liver.grid, "the vessel mask") & liver.data
    tree = frame.inward(within) if within.any() else None
    share = coarse_share(inside)
    levels = levels_of(share > 0)
    if len(levels[0].index) < MIN_CELLS:
        raise InputError(
            f"The liver mask has {liver.count} voxels in {len(levels[0].index)} places of its box; a liver fills "
            "thousands. Check that this is the liver and that its slices are thin enough."
        )
    known = model()
    logits = known.logits(features(inside, tree, levels[0]), levels)
    logits = (logits + plane_logs(frame, levels[0].index, find_landmarks(liver))) / np.float32(known.temperature)
    labels, confidence = _to_voxels(_spread(logits, levels[0]), frame, liver)
    labels = _whole_segments(labels, liver)
    liver_ml = _liver_ml(share, levels[0], liver.volume_ml)
    note = f"Segments {METHOD} (" + ("liver and vessels" if tree is not None else "liver alone") + "): unreviewed."
    return SegmentMap(
        Labels(labels, liver.grid, dict(SEGMENT_NAMES)),
        given_percent=0.0,
        notes=(note,),
        confidence=Volume(confidence, liver.grid),
        method=METHOD,
        chances=SegmentChances(_softmax(logits), liver_ml, frame, levels[0].index, known.cut, known.coverage),
    )


def plane_logs(
    frame: LiverFrame, index: npt.NDArray[np.int32], landmarks: Landmarks, spread_mm: npt.ArrayLike | None = None
) -> Float32Array:
    """(n, 8) what planes through landmarks say of cells: PLANES_WEIGHT times the logarithm of each segment's chance.

    index: (n,) places in the flattened grid of COARSE cells. spread_mm: see `segment_chances`.
    """
    distances = plane_distances_mm(landmarks, frame.centres_mm(index, COARSE))
    chances = segment_chances(distances, None if spread_mm is None else np.asarray(spread_mm, np.float32))
    result: Float32Array = np.float32(PLANES_WEIGHT) * np.log(chances.T + np.float32(PLANES_FLOOR))
    return result


def _softmax(logits: Float32Array) -> Float32Array:
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    result: Float32Array = raised / raised.sum(axis=1, keepdims=True)
    return result


def _liver_ml(share: Float32Array, level: Level, volume_ml: float) -> npt.NDArray[np.float64]:
    """The liver's volume over its cells by their share of liver; what lies beyond the cells is spread over all."""
    filled = share.ravel()[level.index].astype(np.float64)
    result: npt.NDArray[np.float64] = filled * (volume_ml / filled.sum())
    return result


def _spread(logits: Float32Array, level: Level) -> Float32Array:
    """(n, 8) logits as (8, 32, 28, 24); cells without liver get those of the nearest cell with liver."""
    from scipy.ndimage import distance_transform_edt

    known = np.zeros(COARSE, np.bool_)
    known.ravel()[level.index] = True
    nearest = distance_transform_edt(~known, return_distances=False, return_indices=True)
    dense = np.zeros((SEGMENTS, known.size), np.float32)
    dense[:, level.index] = logits.T
    result: Float32Array = dense.reshape(SEGMENTS, *COARSE)[:, nearest[0], nearest[1], nearest[2]]
    return result


def _to_voxels(
    logits: Float32Array, frame: LiverFrame, liver: Mask
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
    """The likeliest segment of each liver voxel and its chance, by linear interpolation of the logits."""
    along = np.argsort(frame.order)
    cells = np.ascontiguousarray(np.transpose(logits, (0, *(along + 1))))
    first, second, third = frame.outward_weights(COARSE)
    labels = np.zeros(liver.grid.shape, np.uint8)
    confidence = np.zeros(liver.grid.shape, np.float32)
    for i in np.flatnonzero(liver.data.any(axis=(1, 2))):
        rows, columns = (np.flatnonzero(liver.data[i].any(axis=axis)) for axis in (1, 0))
        window = (i, slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
        here, near = liver.data[window], np.flatnonzero(first[i])
        sheet = np.tensordot(first[i, near], cells[:, near], axes=(0, 1))
        found = (second[window[1]] @ (sheet @ third[window[2]].T)).reshape(SEGMENTS, -1)[:, here.ravel()]
        labels[window][here] = found.argmax(axis=0) + 1
        confidence[window][here] = 1.0 / np.exp(found - found.max(axis=0)).sum(axis=0)
    return labels, confidence


def _whole_segments(labels: npt.NDArray[np.uint8], liver: Mask) -> npt.NDArray[np.uint8]:
    """Each segment in one piece: its smaller pieces get the label of the nearest voxel of a piece that is kept."""
    import cc3d

    pieces, count = cc3d.connected_components(labels, connectivity=26, return_N=True)
    sizes = np.zeros((count + 1, SEGMENTS + 1), np.int64)
    for piece, value in zip(pieces, labels, strict=True):
        key = piece.ravel().astype(np.int64) * (SEGMENTS + 1) + value.ravel()
        sizes += np.bincount(key, minlength=sizes.size).reshape(sizes.shape)
    kept = np.zeros(count + 1, np.bool_)
    kept[sizes.argmax(axis=0)] = True
    if kept.all():
        return labels
    labels = labels.copy()
    labels[~kept[pieces]] = 0
    spread_labels(labels, liver)
    return labels
