"""Landmarks of the liver from which Couinaud's planes follow: found from its shape, or given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cache
from pathlib import Path
from typing import TypeAlias

import numpy as np

from glisson.errors import InputError
from glisson.geometry import FloatArray, Mask, box_of

__all__ = [
    "LANDMARK_NAMES", "Landmarks", "Point", "find_landmarks", "landmark_model", "landmarks_from_numbers",
    "shape_features", "with_known",
]  # fmt: skip

Point: TypeAlias = tuple[float, float, float]

MODEL_FILE = Path(__file__).parent / "models" / "couinaud_landmarks.npz"
"""Fitted numbers; training/couinaud says on what, and how."""

SAMPLE_MM = 3.0
"""The shape is read from points about this far apart."""

FRONT_MM, UMBILICAL_MM, FALCIFORM_MM, CAUDATE_MM = 60.0, 30.0, 80.0, 30.0
"""How far in front of the cava the points on the middle plane and the two on the umbilical plane are taken, and how far
to its left the second one on the venous ligament."""

EDGES = (1, 5, 10, 25, 50, 75, 90, 95, 99)
ACROSS = (5, 10, 20, 30, 40, 50, 60, 70, 80, 90)
ALONG = (10, 30, 50, 70, 90)
"""Percentiles of the liver's extent at which its shape is read."""


@dataclass(frozen=True)
class Landmarks:
    """Points in LPS mm; of some only two coordinates matter.

    cava, gallbladder: the middle plane (Cantlie's) stands upright through both (the fossa of the gallbladder, or any
    point on the middle hepatic vein). right_vein: with the cava, the upright plane between anterior and posterior
    section. right_portal: its height parts V from VIII and VI from VII. umbilical, falciform: the upright plane between
    IV and the left lateral section, at the umbilical portion of the left portal vein and where the falciform ligament
    reaches the surface. left_portal: its height parts III from II. ligament, ligament_left: the caudate lobe lies
    behind the upright plane through both (the fissure of the venous ligament). groove: the caudate lobe ends on the
    right at this x.

    found: how each was found ("shape", "given"), by name.
    """

    cava: Point
    gallbladder: Point
    right_vein: Point
    right_portal: Point
    umbilical: Point
    falciform: Point
    left_portal: Point
    ligament: Point
    ligament_left: Point
    groove: Point
    found: tuple[tuple[str, str], ...] = field(default=())


LANDMARK_NAMES: tuple[str, ...] = tuple(f.name for f in fields(Landmarks) if f.name != "found")
"""Names of the landmarks."""


def find_landmarks(liver: Mask, model: Mapping[str, FloatArray] | None = None) -> Landmarks:
    """Landmarks of a whole liver from its shape alone; LPS mm. The scan's directions must be right.

    A ridge regression from about a hundred percentiles of the liver's extent, fitted on livers outlined by segment
    (docs/explanation/couinaud.md). Expect about 5 mm of error along each axis and 11 mm for the gallbladder. model: as
    `landmark_model`, which is taken when None. Raises InputError for an empty liver.
    """
    middle, features = shape_features(liver)
    fitted = landmark_model() if model is None else model
    scaled = (features - fitted["mean"]) / fitted["spread"]
    return landmarks_from_numbers(fitted["base"] + scaled @ fitted["weights"], middle)


def with_known(landmarks: Landmarks, **known: Point) -> Landmarks:
    """The landmarks with some replaced by points known otherwise, e.g. with_known(found, gallbladder=(x, y, z)).

    Raises InputError for a name that is no landmark and for what is not three finite numbers.
    """
    for name, point in known.items():
        if name not in LANDMARK_NAMES:
            raise InputError(f"There is no landmark {name!r}. Landmarks are {', '.join(LANDMARK_NAMES)}.")
        if len(point) != 3 or not np.isfinite(point).all():
            raise InputError(f"The landmark {name} is three numbers x, y, z in LPS mm, got {point!r}.")
    how = dict(landmarks.found) | dict.fromkeys(known, "given")
    points = {name: (float(x), float(y), float(z)) for name, (x, y, z) in known.items()}
    return replace(landmarks, **points, found=tuple(how.items()))


def shape_features(liver: Mask) -> tuple[FloatArray, FloatArray]:
    """Middle of the liver (3,) in LPS mm and its features: where percentiles of it lie, in mm from the middle."""
    points = _points(liver)
    middle = points.mean(axis=0)
    points = points - middle
    found = [np.percentile(points[:, axis], EDGES) for axis in range(3)]
    for slab in _slabs(points, 0, ACROSS):
        found += [np.percentile(slab[:, 1], (5, 95)), np.percentile(slab[:, 2], (5, 95))]
    for slab in _slabs(points, 1, ALONG):
        found += [np.percentile(slab[:, 0], (5, 50, 95)), np.percentile(slab[:, 2], (5, 95))]
    return middle, np.concatenate(found)


def landmarks_from_numbers(numbers: FloatArray, middle: FloatArray) -> Landmarks:
    """The landmarks that the (10,) numbers of the regression stand for, mm from the middle.

    In this order: x and y of the cava, x on the middle plane, height of right_portal, x of umbilical and falciform,
    height of left_portal, y of ligament and ligament_left, x of the groove.
    """
    cx, cy, gx, right, near, far, left, front, front_left, groove = (float(n) for n in numbers)
    points = {
        "cava": (cx, cy, right),
        "gallbladder": (gx, cy - FRONT_MM, right),
        "right_vein": (cx - FRONT_MM, cy, right),
        "right_portal": (cx - CAUDATE_MM, cy - CAUDATE_MM, right),
        "umbilical": (near, cy - UMBILICAL_MM, left),
        "falciform": (far, cy - FALCIFORM_MM, left),
        "left_portal": (near, cy - UMBILICAL_MM, left),
        "ligament": (cx, front, left),
        "ligament_left": (cx + CAUDATE_MM, front_left, left),
        "groove": (groove, cy, right),
    }
    x, y, z = (float(c) for c in middle)
    placed = {name: (p + x, q + y, r + z) for name, (p, q, r) in points.items()}
    return Landmarks(**placed, found=tuple((name, "shape") for name in LANDMARK_NAMES))


def _slabs(points: FloatArray, axis: int, cuts: tuple[int, ...]) -> list[FloatArray]:
    """The points in slabs across an axis, cut at percentiles of them; a slab without points holds their middle."""
    along = points[:, axis]
    slab = np.searchsorted(np.percentile(along, cuts), along, side="left")
    return [points[slab == n] if (slab == n).any() else np.zeros((1, 3)) for n in range(len(cuts) + 1)]


def _points(liver: Mask) -> FloatArray:
    """(n, 3) voxel centres of the liver about SAMPLE_MM apart, LPS mm."""
    box = box_of(liver.data)
    if box is None:
        raise InputError("The liver mask is empty, so it has no landmarks. Give a mask whose voxels are not all zero.")
    grid = liver.grid.crop(box)
    rows = [
        np.unique(np.rint(np.arange(0.0, n - 0.5, max(SAMPLE_MM / s, 1.0))).astype(int).clip(0, n - 1))
        for n, s in zip(grid.shape, grid.spacing_mm, strict=True)
    ]
    held = np.argwhere(liver.data[box][np.ix_(*rows)])
    if not len(held):
        return grid.to_mm(np.argwhere(liver.data[box]))
    return grid.to_mm(np.column_stack([row[held[:, axis]] for axis, row in enumerate(rows)]))


@cache
def landmark_model() -> dict[str, FloatArray]:
    """What was fitted: mean and spread (101,) of the features, weights (101, 10) and base (10,), and plane_spread (7,):
    the spread in mm of the planes' errors on livers not seen."""
    with np.load(MODEL_FILE) as stored:
        return {name: stored[name].astype(np.float64) for name in sorted(stored.files)}
