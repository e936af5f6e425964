"""How the trunk lies at another date: breathing, lying and swelling as one smooth map whose truth is known."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from glisson.geometry import FloatArray, Grid, Labels, Mask, Volume
from glisson.geometry.itk import from_itk, itk, to_itk, to_itk_vectors
from glisson.scene import LesionMask, Scene

__all__ = ["Movement", "draw_movement", "moved_scene"]

BREATH_MM = 9.0
"""Standard deviation of the liver's shift along the body between two breath-holds, the order of size of von Siebenthal
et al. 2007, doi 10.1088/0031-9155/52/6/001; in front it moves by a third of that."""
TURN_DEGREES = 2.5
"""Standard deviation of the liver's turn about each axis."""
BEND_MM = 2.5
"""Standard deviation of each push that bends the liver, per axis."""
BEND_REACH_MM = 45.0
"""How far such a push reaches (standard deviation of its bell)."""
PUSHES = 8
"""Pushes that bend the liver."""
BODY_REACH_MM = 130.0
"""The shift fades away from the liver with this standard deviation: spine and skin hardly move."""
FIELD_STEP_MM = 8.0
"""Images are moved by the map sampled this densely and interpolated linearly."""
ROUNDS = 60
"""Rounds of the fixed-point iteration that turns the map round."""


@dataclass(frozen=True, eq=False)
class Movement:
    """A smooth map from points of a date to the points of the first date that hold the same tissue, LPS mm.

    centre_mm: (3,) middle of the liver at that date. shift_mm: (3,). turn: (3, 3) rotation about the centre.
    swelling: factor by which lengths have grown about the centre. places_mm, pushes_mm: (n, 3) bells that bend.
    """

    centre_mm: FloatArray
    shift_mm: FloatArray
    turn: FloatArray
    swelling: float
    places_mm: FloatArray
    pushes_mm: FloatArray

    def to_first(self, points_mm: npt.ArrayLike) -> FloatArray:
        """(..., 3) points of this date -> where the same tissue lay at first."""
        points = np.asarray(points_mm, dtype=np.float64)
        away = points - self.centre_mm
        fade = np.exp(-0.5 * (away**2).sum(axis=-1) / BODY_REACH_MM**2)[..., None]
        move = away @ (self.turn / self.swelling - np.eye(3)).T + self.shift_mm
        result = points + fade * move
        for place, push in zip(self.places_mm, self.pushes_mm, strict=True):
            near = np.exp(-0.5 * ((points - place) ** 2).sum(axis=-1) / BEND_REACH_MM**2)
            result = result + near[..., None] * push
        return np.asarray(result, dtype=np.float64)

    def from_first(self, points_mm: npt.ArrayLike) -> FloatArray:
        """(..., 3) points of the first date -> where the same tissue lies now, to a micrometre."""
        wanted = np.asarray(points_mm, dtype=np.float64)
        found = wanted.copy()
        for _ in range(ROUNDS):
            step = wanted - self.to_first(found)
            found = found + step
            if np.abs(step).max(initial=0.0) < 1e-4:
                break
        return found


def draw_movement(liver_centre_mm: FloatArray, reach_mm: FloatArray, rng: np.random.Generator) -> Movement:
    """A movement as between two scans. liver_centre_mm: (3,); reach_mm: (3,) half the liver's extent."""
    from scipy.spatial.transform import Rotation

    breath = float(rng.normal(0, BREATH_MM))
    shift = np.array([rng.normal(0, 1.5), breath / 3 + rng.normal(0, 1.5), breath])
    turn = Rotation.from_rotvec(np.radians(rng.normal(0, TURN_DEGREES, 3))).as_matrix()
    places = liver_centre_mm + rng.uniform(-1, 1, (PUSHES, 3)) * reach_mm
    return Movement(liver_centre_mm, shift, turn, 1.0, places, rng.normal(0, BEND_MM, (PUSHES, 3)))


def moved_scene(scene: Scene, movement: Movement) -> Scene:
    """The scene at another date, on the same grid: image and outlines pulled through the movement."""
    field = _field(scene.grid, movement)
    fill = float(scene.image.data.min()) if scene.image is not None else 0.0
    image = scene.image
    if image is not None:
        image = Volume(_pulled(image.data, image.grid, scene.grid, field, fill).round().astype(np.int16), scene.grid)

    def mask(given: Mask) -> Mask:
        return Mask(_pulled(given.data, given.grid, scene.grid, field, 0.0) >= 0.5, scene.grid).trimmed()

    segments = scene.segments
    if segments is not None:
        moved = _pulled(segments.data, segments.grid, scene.grid, field, 0.0, nearest=True)
        segments = Labels(moved.astype(np.uint8), scene.grid, segments.names)
    lesions = [LesionMask(one.id, mask(one.mask), one.source) for one in scene.lesions]
    return replace(
        scene,
        image=image,
        structures={name: mask(one) for name, one in scene.structures.items()},
        lesions=tuple(one for one in lesions if not one.mask.is_empty),
        segments=segments,
    )


def _field(grid: Grid, movement: Movement) -> Any:
    """The movement as a transform of SimpleITK from the grid's points to where they are read."""
    sitk = itk()
    low, high = grid.to_mm([0, 0, 0]), grid.to_mm([n - 1 for n in grid.shape])
    low, high = np.minimum(low, high) - FIELD_STEP_MM, np.maximum(low, high) + FIELD_STEP_MM
    count = np.ceil((high - low) / FIELD_STEP_MM).astype(int) + 1
    coarse = Grid.axial(
        (int(count[0]), int(count[1]), int(count[2])),
        (FIELD_STEP_MM,) * 3,
        (float(low[0]), float(low[1]), float(low[2])),
    )
    points = coarse.to_mm(np.moveaxis(np.indices(coarse.shape), 0, -1))
    return sitk.DisplacementFieldTransform(to_itk_vectors(movement.to_first(points) - points, coarse))


def _pulled(
    data: npt.NDArray[Any], own: Grid, grid: Grid, field: Any, fill: float, nearest: bool = False
) -> npt.NDArray[np.float32]:
    """Values at `grid`'s voxels of an array on a grid of its own, read through the field."""
    sitk = itk()
    like = to_itk(np.zeros(grid.shape, np.uint8), grid)
    how = sitk.sitkNearestNeighbor if nearest else sitk.sitkLinear
    moved = sitk.Resample(to_itk(data.astype(np.float32), own), like, field, how, fill, sitk.sitkFloat32)
    result: npt.NDArray[np.float32] = from_itk(moved)
    return result
