"""What is known of a virtual patient because it was made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from glisson.case import Case
from glisson.geometry import Grid, Labels
from glisson.scene import Scene
from glisson.simulate.trees import VesselTree

__all__ = ["DRAINAGE_NAMES", "LesionTruth", "Truth", "VirtualPatient", "reoriented"]

DRAINAGE_NAMES = {1: "right hepatic vein", 2: "middle hepatic vein", 3: "left hepatic vein", 4: "caudate vein",
                  5: "common trunk of middle and left hepatic veins"}  # fmt: skip
"""Labels of the drainage map."""


@dataclass(frozen=True)
class LesionTruth:
    """One lesion as it was made.

    nature: "metastasis" or "cyst". centre_mm: analytic centre, LPS. diameter_mm: of the sphere of its analytic
    volume, before
    capsule and large vessels cut it. volume_ml: exact volume of its mask. segment: Couinaud 1..8 at the centre.
    portal_node:
    leaf of the portal tree whose territory it was seeded in. rim: whether it has an enhancing rim.
    """

    id: str
    nature: str
    centre_mm: tuple[float, float, float]
    diameter_mm: float
    volume_ml: float
    segment: int
    portal_node: int
    rim: bool


@dataclass(frozen=True, eq=False)
class Truth:
    """The known answers.

    liver_ml: exact volume of the liver mask. segments: 1..8. territories: index + 1 of the portal node whose
    branch is nearest
    (radius weighted); segments follows from it. drainage: the hepatic vein that drains the voxel (DRAINAGE_NAMES).
    seeding_route: "portal" or "arterial"; seeding_weight: (n,) chance of each portal node to catch a metastasis, sum 1.
    scale: size of this patient relative to the reference frame.
    """

    seed: int
    liver_ml: float
    segments: Labels
    territories: Labels
    drainage: Labels
    portal: VesselTree
    hepatic: VesselTree
    lesions: tuple[LesionTruth, ...]
    seeding_route: str
    seeding_weight: npt.NDArray[np.float64]
    scale: float

    def __post_init__(self) -> None:
        self.seeding_weight.setflags(write=False)


@dataclass(frozen=True, eq=False)
class VirtualPatient:
    """An invented patient: the record, the images with their outlines, and the truth."""

    case: Case
    scene: Scene
    truth: Truth


_WORLD = {"L": (0, 1), "R": (0, -1), "P": (1, 1), "A": (1, -1), "S": (2, 1), "I": (2, -1)}


def axes_plan(axes: str) -> tuple[tuple[int, int], ...]:
    """For each array axis of codes such as "RAS": the L, P or S axis it runs along and its sign. Raises KeyError
    when wrong."""
    plan = tuple(_WORLD[letter] for letter in axes)
    if sorted(axis for axis, _ in plan) != [0, 1, 2]:
        raise KeyError(axes)
    return plan


def reoriented(data: npt.NDArray[Any], grid: Grid, axes: str) -> tuple[npt.NDArray[Any], Grid]:
    """Data on an axial LPS grid, with its axes reordered and flipped to the codes, contiguous, and the grid that
    goes with it."""
    plan = axes_plan(axes)
    affine = grid.affine.copy()
    first = [0.0, 0.0, 0.0]
    for column, (axis, sign) in enumerate(plan):
        affine[:3, column] = sign * grid.affine[:3, axis]
        first[axis] = 0.0 if sign > 0 else float(grid.shape[axis] - 1)
    affine[:3, 3] = grid.to_mm(first)
    turned = np.transpose(data, [axis for axis, _ in plan])
    turned = turned[tuple(slice(None, None, sign) for _, sign in plan)]
    shape = tuple(grid.shape[axis] for axis, _ in plan)
    return np.ascontiguousarray(turned), Grid((shape[0], shape[1], shape[2]), affine)
