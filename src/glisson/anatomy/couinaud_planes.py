"""Couinaud's segments from planes through landmarks: for livers without labels and without known portal branches."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from glisson.anatomy.landmarks import Landmarks, Point, landmark_model
from glisson.anatomy.segments import SEGMENT_NAMES, SegmentMap
from glisson.errors import InputError, SceneError
from glisson.geometry import Grid, Labels, Mask, Volume, box_of

__all__ = ["PLANES", "couinaud_from_landmarks", "plane_distances_mm", "segment_chances"]

PLANES: tuple[str, ...] = ("middle", "right", "umbilical", "right level", "left level", "venous ligament", "groove")
"""The planes, in the order of `plane_distances_mm`."""

CHUNK = 250_000
"""Voxels worked on at a time."""

Array = npt.NDArray[np.float32]


def couinaud_from_landmarks(liver: Mask, landmarks: Landmarks) -> SegmentMap:
    """Segments I to VIII of a whole liver from planes through landmarks, with a confidence for each voxel.

    landmarks: LPS mm; those that nobody knows can be found from the shape of the liver (`find_landmarks`, then
    `with_known`). The planes are those of Couinaud (1957) as Strasberg describes them in the Brisbane 2000
    terminology (doi 10.1080/136518200750021793), upright or level (PLANES). Confidence: the chance of the segment given
    how far each plane was from the readers' in livers that the fit had not seen, planes taken as independent; the
    segment is the likeliest. IVa and IVb are both 4. Raises SceneError for an empty liver, InputError for landmarks
    that coincide.
    """
    box = box_of(liver.data)
    if box is None:
        raise SceneError(
            "The liver mask is empty, so it has no segments. Give a liver mask whose voxels are not all zero."
        )
    grid, inside = liver.grid.crop(box), liver.data[box]
    labels = np.zeros(inside.shape, dtype=np.uint8)
    confidence = np.zeros(inside.shape, dtype=np.float32)
    first, slope = _along_axes(landmarks, grid)
    index = np.argwhere(inside)
    for part in np.array_split(index, max(1, len(index) // CHUNK)):
        chances = segment_chances(first[:, None] + slope @ part.T.astype(np.float32))
        best = chances.argmax(axis=0)
        labels[tuple(part.T)] = best + 1
        confidence[tuple(part.T)] = chances[best, np.arange(len(part))]
    how = sorted({way for _, way in landmarks.found} or {"given"})
    note = f"Segments were drawn by planes through landmarks found from: {', '.join(how)}. No reader drew them."
    return SegmentMap(
        Labels(labels, grid, dict(SEGMENT_NAMES)), 0.0, notes=(note,), confidence=Volume(confidence, grid),
        method="landmark planes",
    )  # fmt: skip


def _along_axes(landmarks: Landmarks, grid: Grid) -> tuple[Array, Array]:
    """Distances to the planes at voxel (0, 0, 0), (7,), and how they grow along each axis per voxel, (7, 3): both are
    linear in the index, which is far cheaper than placing every voxel in mm."""
    far = 100.0
    ends = plane_distances_mm(landmarks, grid.to_mm(far * np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])))
    return ends[:, 0], (ends[:, 1:] - ends[:, :1]) / np.float32(far)


def plane_distances_mm(landmarks: Landmarks, points_mm: npt.ArrayLike) -> Array:
    """(7, n) signed distance of points (n, 3), LPS mm, to each of PLANES.

    Positive: to the patient's left of the middle plane, behind the right one, left of the umbilical one, above the
    levels, behind the venous ligament, left of the groove.
    """
    m = landmarks
    points = np.asarray(points_mm, dtype=np.float32)
    return np.stack(
        [
            _beside(points, m.cava, m.gallbladder, "cava and gallbladder"),
            _beside(points, m.right_vein, m.cava, "cava and right vein"),
            _beside(points, m.umbilical, m.falciform, "umbilical portion and falciform ligament"),
            points[:, 2] - np.float32(m.right_portal[2]),
            points[:, 2] - np.float32(m.left_portal[2]),
            _beside(points, m.ligament, m.ligament_left, "the two points on the venous ligament"),
            points[:, 0] - np.float32(m.groove[0]),
        ]
    )


def _beside(points: Array, start: Point, end: Point, what: str) -> Array:
    """Signed distance to the upright plane through two points: positive to the patient's left when `end` lies in front
    of `start`, positive behind when `end` lies to the left of it."""
    x, y = end[0] - start[0], end[1] - start[1]
    size = float(np.hypot(x, y))
    if size < 1.0:
        raise InputError(f"The landmarks {what} lie on top of each other, so no plane goes through them.")
    across = -y * (points[:, 0] - start[0]) + x * (points[:, 1] - start[1])
    return np.asarray(across / size, dtype=np.float32)


def segment_chances(distances: Array, spread_mm: Array | None = None) -> Array:
    """(8, n) chance of each segment I to VIII from (7, n) distances (`plane_distances_mm`); columns sum to 1.

    spread_mm: (7,) standard deviation of each plane's place; that of `find_landmarks` when None.
    """
    from scipy.special import ndtr

    spread = np.asarray(landmark_model()["plane_spread"] if spread_mm is None else spread_mm, np.float32)
    left, back, lateral, upper, upper_left, behind, medial = ndtr(distances / spread[:, None])
    caudate = behind * medial
    rest = 1.0 - caudate
    right, middle = rest * (1.0 - left), rest * left * (1.0 - lateral)
    side = rest * left * lateral
    result = np.empty((8, distances.shape[1]), dtype=np.float32)
    result[0], result[3] = caudate, middle
    result[1], result[2] = side * upper_left, side * (1.0 - upper_left)
    result[4], result[7] = right * (1.0 - back) * (1.0 - upper), right * (1.0 - back) * upper
    result[5], result[6] = right * back * (1.0 - upper), right * back * upper
    return result
