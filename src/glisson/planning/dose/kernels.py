"""Voxel S-values of Y-90 for any voxel size, from one radial function.

The function says how much of a decay's energy is taken up between r and r + dr. It was fitted, not derived: piecewise
linear, non-negative and never rising, so that its integral over pairs of voxels meets the Monte Carlo tables of
Lanconelli et al. 2012 (doi 10.1088/0031-9155/57/2/517) for 13 voxel sizes of soft tissue; `python -m benchmarks.dose`
repeats the fit and shows how far it is from each table. The few parts in ten thousand that bremsstrahlung carries
beyond the electrons' range are taken up inside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from glisson.errors import InputError
from glisson.geometry import FloatArray
from glisson.planning.dose.constants import Nuclide

__all__ = ["KERNEL_DENSITY_G_ML", "RADIAL_ENERGY", "RADIAL_STEP_MM", "VoxelKernel", "s_values", "voxel_kernel"]

KERNEL_DENSITY_G_ML = 1.04
"""Density of the soft tissue in which the radial function holds; ranges grow as density falls."""

RADIAL_STEP_MM = 0.5
"""Distance between the radii at which RADIAL_ENERGY is given; the first is 0."""

RADIAL_ENERGY: tuple[float, ...] = (
    0.2326, 0.2316, 0.2278, 0.2181, 0.2025, 0.1841, 0.1658, 0.1466, 0.1242, 0.1016, 0.0828, 0.0661,
    0.0482, 0.0323, 0.0222, 0.0157, 0.0091, 0.0028, 0.0006, 0.0006, 0.0006, 0.0006, 0.0000,
)  # fmt: skip
"""Share of a Y-90 decay's energy per mm of radius, in soft tissue."""

SMALLEST_VOXEL_MM, LARGEST_VOXEL_MM = 0.3, 50.0
"""Voxel sides for which a kernel is made: below, it fills memory and no scanner resolves it."""

RADII_PER_STEP, DIRECTIONS_AT_LEAST, DIRECTIONS_PER_VOXEL = 3, 12, 2
"""Quadrature: Gauss radii in each step of the radial function; in one octant, Gauss directions along each angle: some
at least, more as the sphere covers more voxels."""


@dataclass(frozen=True, eq=False)
class VoxelKernel:
    """Share of the energy of decays spread evenly over a voxel that each voxel around it takes up.

    shares: (2a+1, 2b+1, 2c+1) float64 along the grid's axes, the source voxel in the middle; they add up to 1.
    """

    shares: FloatArray
    spacing_mm: tuple[float, float, float]
    density_g_ml: float

    @property
    def reach(self) -> tuple[int, int, int]:
        """Voxels from the middle to the edge along each axis."""
        a, b, c = self.shares.shape
        return a // 2, b // 2, c // 2

    @property
    def voxel_kg(self) -> float:
        """Mass of one voxel."""
        return float(np.prod(self.spacing_mm)) * 1e-6 * self.density_g_ml


@lru_cache(maxsize=16)
def voxel_kernel(spacing_mm: tuple[float, float, float], density_g_ml: float = KERNEL_DENSITY_G_ML) -> VoxelKernel:
    """The Y-90 kernel of voxels with those sides (mm, any ratio) in soft tissue of that density.

    The mean over two voxels of a function of their distance vector is the function's mean under the product of three
    triangles, one an axis. Points of a sphere quadrature, weighted by the radial function and shared between the eight
    voxels around them in proportion, are exactly that mean, and no energy can get lost. Raises InputError for sides
    outside 0.3 to 50 mm and densities that are not positive.
    """
    sides = np.array(spacing_mm, dtype=np.float64)
    if sides.shape != (3,) or not ((sides >= SMALLEST_VOXEL_MM) & (sides <= LARGEST_VOXEL_MM)).all():
        raise InputError(
            f"A dose kernel needs three voxel sides of {SMALLEST_VOXEL_MM:g} to {LARGEST_VOXEL_MM:g} mm, got "
            f"{spacing_mm}. Resample the activity onto such a grid."
        )
    if not (np.isfinite(density_g_ml) and density_g_ml > 0):
        raise InputError(f"The density must be more than 0 g/mL, got {density_g_ml}.")
    scaled = sides * density_g_ml / KERNEL_DENSITY_G_ML
    reach = np.floor(_range_mm() / scaled).astype(int) + 1
    octant = np.zeros(tuple(reach + 1))
    radii, weights = _radial_quadrature()
    for radius, weight in zip(radii, weights, strict=True):
        _share_out(octant, radius / scaled, weight, DIRECTIONS_AT_LEAST + _rings(radius, scaled))
    shares = _unfolded(octant)
    shares.setflags(write=False)
    return VoxelKernel(shares, (float(sides[0]), float(sides[1]), float(sides[2])), float(density_g_ml))


def s_values(kernel: VoxelKernel, of: Nuclide) -> FloatArray:
    """The kernel as voxel S-values in mGy/(MBq s), shape of kernel.shares, with the nuclide's energy constant."""
    per_decay_j = of.constant.gy_kg_per_gbq / (1e9 * of.half_life_h * 3600.0 / np.log(2.0))
    result: FloatArray = kernel.shares * (per_decay_j / kernel.voxel_kg * 1e9)
    return result


def _range_mm() -> float:
    return RADIAL_STEP_MM * (len(RADIAL_ENERGY) - 1)


@lru_cache(maxsize=1)
def _radial_quadrature() -> tuple[FloatArray, FloatArray]:
    """Radii in mm with the share of the energy that each stands for; the shares add up to 1."""
    nodes, weights = np.polynomial.legendre.leggauss(RADII_PER_STEP)
    starts = RADIAL_STEP_MM * np.arange(len(RADIAL_ENERGY) - 1)
    radii = (starts[:, None] + RADIAL_STEP_MM * (nodes + 1.0) / 2.0).ravel()
    table = RADIAL_STEP_MM * np.arange(len(RADIAL_ENERGY))
    shares = np.interp(radii, table, RADIAL_ENERGY) * np.tile(weights, starts.size)
    return radii, shares / shares.sum()


def _rings(radius: float, sides: FloatArray) -> int:
    return int(np.ceil(DIRECTIONS_PER_VOXEL * radius / sides.min()))


@lru_cache(maxsize=64)
def _directions(count: int) -> tuple[FloatArray, FloatArray]:
    """(n, 3) unit vectors over the octant of positive axes and their weights, which add up to 1."""
    nodes, weights = np.polynomial.legendre.leggauss(count)
    height, turn = np.meshgrid((nodes + 1) / 2, (nodes + 1) * np.pi / 4, indexing="ij")
    across = np.sqrt(1.0 - height**2)
    vectors = np.stack([across * np.cos(turn), across * np.sin(turn), height], axis=-1).reshape(-1, 3)
    return vectors, np.outer(weights / 2, weights / 2).ravel()


def _share_out(octant: FloatArray, radii_voxels: FloatArray, weight: float, count: int) -> None:
    """Add one sphere's points to the voxels around them, in proportion to nearness along each axis."""
    vectors, weights = _directions(count)
    points = vectors * radii_voxels
    low = points.astype(np.int64)
    part = points - low
    flat = octant.ravel()
    for corner in np.ndindex(2, 2, 2):
        near = np.where(np.array(corner) == 1, part, 1.0 - part).prod(axis=1)
        at = np.ravel_multi_index(tuple((low + corner).T), octant.shape)
        flat += np.bincount(at, near * weights * weight, minlength=flat.size)


def _unfolded(octant: FloatArray) -> npt.NDArray[np.float64]:
    """The whole kernel from one octant that holds the energy of all eight folded onto it."""
    whole = octant
    for axis in range(3):
        halves = np.moveaxis(whole, axis, 0).copy()
        halves[1:] /= 2.0
        whole = np.moveaxis(np.concatenate([halves[:0:-1], halves]), 0, axis)
    return np.ascontiguousarray(whole)
