"""Star-shaped bodies around a centre: sampling along rays, the best radius of each with its neighbours, and voxels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from glisson.geometry import BoolArray, FloatArray, Grid

__all__ = ["STEP_MM", "Sphere", "best_radii", "distances_mm", "sphere", "star_depth_mm"]

RAYS = 700
"""Directions in which a border is looked for."""
STEP_MM = 0.5
"""Distance between two samples of a ray."""
NEIGHBOURS = 8
"""Rays that hold each other in place."""
STIFFNESS = 1.2
"""Cost of a step of one sample between a ray and the mean of its neighbours, times the mean radius in samples, against
a gain of 1 a sample at most: small bodies are held rounder than large ones."""
ROUNDS = 40
"""Rounds in which the rays are moved in turn."""


@dataclass(frozen=True, eq=False)
class Sphere:
    """Directions spread evenly over the sphere, (RAYS, 3) unit vectors in LPS, and the nearest others of each."""

    directions: FloatArray
    neighbours: npt.NDArray[np.int64]


def sphere() -> Sphere:
    """Directions on a spiral of equal areas (Fibonacci), always the same."""
    from scipy.spatial import cKDTree

    number = np.arange(RAYS) + 0.5
    height = 1.0 - 2.0 * number / RAYS
    turn = np.pi * (1.0 + 5.0**0.5) * number
    flat = np.sqrt(1.0 - height**2)
    directions = np.stack([flat * np.cos(turn), flat * np.sin(turn), height], axis=1)
    near = cKDTree(directions).query(directions, k=NEIGHBOURS + 1)[1][:, 1:]
    return Sphere(directions, np.asarray(near, dtype=np.int64))


def best_radii(gain: FloatArray, on: Sphere) -> FloatArray:
    """(RAYS,) radii in mm, each where its sum of `gain` from the centre is largest, held by its neighbours.

    gain: (RAYS, samples), evidence from -1 (outside) to 1 (inside) at the samples 1, 2, ... times STEP_MM.
    The start is the best radius of the sums averaged over the neighbours; then all rays move towards the least cost
    with a quadratic tie to the mean of their neighbours (iterated conditional modes: Besag 1986,
    doi 10.1111/j.2517-6161.1986.tb01412.x).
    """
    sums = np.concatenate([np.zeros((len(gain), 1)), np.cumsum(gain, axis=1)], axis=1)
    spread = sums
    for _ in range(2):
        spread = 0.5 * spread + 0.5 * spread[on.neighbours].mean(axis=1)
    radius = spread.argmax(axis=1).astype(np.float64)
    places = np.arange(sums.shape[1])[None, :]
    for _ in range(ROUNDS):
        tied = radius[on.neighbours].mean(axis=1)
        stiff = STIFFNESS / max(float(radius.mean()), 1.0)
        moved = (sums - stiff * (places - tied[:, None]) ** 2).argmax(axis=1)
        if np.array_equal(moved, radius):
            break
        radius = 0.5 * radius + 0.5 * moved
    return radius * STEP_MM


def distances_mm(grid: Grid, point_mm: FloatArray) -> npt.NDArray[np.float32]:
    """Distance of each voxel centre to a point, mm; float32, shape of the grid."""
    squared = np.zeros(grid.shape, np.float32)
    for offset in _offsets(grid, point_mm):
        squared += offset * offset
    return np.sqrt(squared)


def star_depth_mm(grid: Grid, centre_mm: FloatArray, radii_mm: FloatArray, on: Sphere) -> npt.NDArray[np.float32]:
    """How far each voxel centre lies inside the star along its ray, mm; negative outside. Shape of the grid."""
    from scipy.spatial import cKDTree

    distance = distances_mm(grid, centre_mm)
    result = np.float32(radii_mm.min()) - distance
    near: BoolArray = distance <= radii_mm.max() + 4 * STEP_MM
    away = np.stack([offset[near] for offset in _offsets(grid, centre_mm)], axis=1)
    unit = away / np.maximum(distance[near], 1e-6)[:, None]
    gap, which = cKDTree(on.directions).query(unit, k=3)
    weight = 1.0 / (gap + 1e-3)
    result[near] = (radii_mm[which] * weight).sum(axis=1) / weight.sum(axis=1) - distance[near]
    return result


def _offsets(grid: Grid, point_mm: FloatArray) -> list[npt.NDArray[np.float32]]:
    """x, y and z of each voxel centre less those of the point."""
    i, j, k = (np.arange(n, dtype=np.float32) for n in grid.shape)
    first, axes = (grid.to_mm([0, 0, 0]) - point_mm).astype(np.float32), grid.affine[:3, :3].astype(np.float32)
    return [
        first[w] + axes[w, 0] * i[:, None, None] + axes[w, 1] * j[None, :, None] + axes[w, 2] * k[None, None, :]
        for w in range(3)
    ]
