"""Rods (vessels, ribs) on a voxel grid: each is drawn in its own small box."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from glisson.geometry import Grid

__all__ = ["draw_rods", "rod"]


def rod(
    grid: Grid, p: npt.ArrayLike, q: npt.ArrayLike, radius_mm: float
) -> tuple[tuple[slice, slice, slice], Any] | None:
    """Box of slices of an axial grid and the voxels in it whose centre lies within radius_mm of the segment p-q
    (world mm)."""
    a, b = np.asarray(p, dtype=np.float64), np.asarray(q, dtype=np.float64)
    spacing = np.asarray(grid.spacing_mm)
    low = np.ceil((np.minimum(a, b) - radius_mm - grid.origin_mm) / spacing).astype(int).clip(0)
    high = np.floor((np.maximum(a, b) + radius_mm - grid.origin_mm) / spacing).astype(int) + 1
    high = np.minimum(high, grid.shape)
    if (high <= low).any():
        return None
    axes = [grid.origin_mm[k] + np.arange(low[k], high[k]) * spacing[k] for k in range(3)]
    dx, dy, dz = axes[0][:, None, None] - a[0], axes[1][None, :, None] - a[1], axes[2][None, None, :] - a[2]
    d = b - a
    t = np.clip((dx * d[0] + dy * d[1] + dz * d[2]) / max(float(d @ d), 1e-9), 0.0, 1.0)
    near = (dx - t * d[0]) ** 2 + (dy - t * d[1]) ** 2 + (dz - t * d[2]) ** 2 <= radius_mm**2
    return (slice(low[0], high[0]), slice(low[1], high[1]), slice(low[2], high[2])), near


def draw_rods(
    target: npt.NDArray[np.bool_], grid: Grid, p: npt.NDArray[Any], q: npt.NDArray[Any], radius_mm: npt.NDArray[Any]
) -> None:
    """Set the voxels of every rod in a bool array of the grid's shape; p, q: (m, 3) world mm; radius_mm: (m,)."""
    for a, b, r in zip(p, q, radius_mm, strict=True):
        drawn = rod(grid, a, b, float(r))
        if drawn is not None:
            target[drawn[0]] |= drawn[1]
