"""Smooth implicit shapes: negative inside, positive outside, roughly in mm, on a coarse lattice that is refined
later."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from glisson.geometry import Box, Grid

__all__ = ["Axes", "Field", "Point", "Shape", "chain", "ellipsoid", "sample", "smax", "smin", "tube2d"]

Array: TypeAlias = npt.NDArray[np.float32]
Point: TypeAlias = tuple[float, float, float]
Axes: TypeAlias = tuple[Array, Array, Array]
Shape: TypeAlias = Callable[[Array, Array, Array], Array]

LATTICE_MM = 2.5
"""Step of the coarse lattice on which shapes are evaluated; they bend over centimetres, so linear refining is
enough."""


def smin(a: Array, b: Array, blend_mm: float) -> Array:
    """Union of two shapes, rounded over `blend_mm` where they meet."""
    h = np.maximum(blend_mm - np.abs(a - b), 0.0) / blend_mm
    result: Array = np.minimum(a, b) - h * h * (blend_mm / 4.0)
    return result


def smax(a: Array, b: Array, blend_mm: float) -> Array:
    """Intersection of two shapes, rounded over `blend_mm`; with -b it cuts b out of a."""
    result: Array = -smin(-a, -b, blend_mm)
    return result


def ellipsoid(x: Array, y: Array, z: Array, centre: Point, radii: Point, power: float = 2.0) -> Array:
    """A (super)ellipsoid; powers above 2 make it boxier."""
    q = sum(
        np.abs((axis - np.float32(c)) / np.float32(r)) ** np.float32(power)
        for axis, c, r in zip((x, y, z), centre, radii, strict=True)
    )
    result: Array = (q ** np.float32(1.0 / power) - np.float32(1.0)) * np.float32(min(radii))
    return result


def tube2d(x: Array, y: Array, centre: tuple[float, float], radii: tuple[float, float], power: float = 2.0) -> Array:
    """An elliptic tube along z."""
    q = (
        np.abs((x - np.float32(centre[0])) / np.float32(radii[0])) ** np.float32(power)
        + np.abs((y - np.float32(centre[1])) / np.float32(radii[1])) ** np.float32(power)
    ) ** np.float32(1.0 / power)
    result: Array = (q - np.float32(1.0)) * np.float32(min(radii))
    return result


def chain(x: Array, y: Array, z: Array, points: Sequence[Point], radii: Sequence[float]) -> Array:
    """A string of tapered capsules through the points."""
    best: Array | None = None
    for p, q, r0, r1 in zip(points[:-1], points[1:], radii[:-1], radii[1:], strict=True):
        d = np.asarray(q, np.float32) - np.asarray(p, np.float32)
        px, py, pz = x - np.float32(p[0]), y - np.float32(p[1]), z - np.float32(p[2])
        t = np.clip((px * d[0] + py * d[1] + pz * d[2]) / np.float32(d @ d), 0.0, 1.0)
        gap = np.sqrt((px - t * d[0]) ** 2 + (py - t * d[1]) ** 2 + (pz - t * d[2]) ** 2)
        own = gap - (np.float32(r0) + t * np.float32(r1 - r0))
        best = own if best is None else np.minimum(best, own)
    assert best is not None, "a chain needs two points"
    return best


@dataclass(frozen=True, eq=False)
class Field:
    """Values of a shape on a coarse lattice: values[i, j, k] at low_mm + step_mm * (i, j, k), patient frame
    before scaling."""

    values: Array
    low_mm: Point
    step_mm: float

    def points_mm(self, where: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
        """(n, 3) lattice points at which `where` is True."""
        result: npt.NDArray[np.float64] = np.argwhere(where) * self.step_mm + np.asarray(self.low_mm)
        return result

    def at(self, points_mm: npt.NDArray[np.float64]) -> Array:
        """Linear interpolation at (n, 3) points; beyond the lattice its edge value goes on."""
        from scipy.ndimage import map_coordinates

        where = (np.asarray(points_mm) - np.asarray(self.low_mm)) / self.step_mm
        result: Array = map_coordinates(self.values, where.T, order=1, mode="nearest")
        return result

    def reach(self, grid: Grid, scale: float) -> Box:
        """The box of slices of an axial grid that the lattice covers (possibly empty slices)."""
        low = np.asarray(self.low_mm) * scale
        high = low + (np.asarray(self.values.shape) - 1) * self.step_mm * scale
        a = np.clip(np.ceil(grid.to_index(low)), 0, grid.shape).astype(int)
        b = np.clip(np.floor(grid.to_index(high)) + 1, 0, grid.shape).astype(int)
        b = np.maximum(a, b)
        return (slice(int(a[0]), int(b[0])), slice(int(a[1]), int(b[1])), slice(int(a[2]), int(b[2])))

    def on(self, grid: Grid, box: Box, scale: float) -> Array:
        """The field on the voxels of a box of an axial grid, in patient-frame mm (world mm divided by scale)."""
        values = self.values
        for axis in range(3):
            index = np.arange(box[axis].start, box[axis].stop)
            world = grid.origin_mm[axis] + index * grid.spacing_mm[axis]
            u = np.clip((world / scale - self.low_mm[axis]) / self.step_mm, 0, self.values.shape[axis] - 1)
            lower = np.minimum(u.astype(int), max(self.values.shape[axis] - 2, 0))
            weight = (u - lower).astype(np.float32).reshape([-1 if a == axis else 1 for a in range(3)])
            below, above = values.take(lower, axis=axis), values.take(lower + 1, axis=axis)
            above -= below
            above *= weight
            above += below
            values = above
        return values


def sample(shape: Shape, low_mm: Point, high_mm: Point, step_mm: float = LATTICE_MM) -> Field:
    """A shape on the lattice of a box from low_mm to high_mm."""
    axes = []
    for axis, (lo, hi) in enumerate(zip(low_mm, high_mm, strict=True)):
        line = np.arange(lo, hi + step_mm, step_mm, dtype=np.float32)
        axes.append(line.reshape([-1 if a == axis else 1 for a in range(3)]))
    values = shape(axes[0], axes[1], axes[2])
    full = np.ascontiguousarray(np.broadcast_to(values, tuple(a.size for a in axes)), dtype=np.float32)
    return Field(full, low_mm, step_mm)
