"""First hits of parallel rays on the half-way surface of a field: depth and normal for every pixel of a view."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from glisson.geometry import FloatArray
from glisson.report.figures.fields import Field, Float32

__all__ = ["VIEWS", "Hits", "View", "Window", "cast"]

STRIDE = 1.0
"""Step of a ray in voxels of the field."""

NORMAL_REACH = 1.2
"""How far from a hit the gradient is taken, along each axis, in voxels of the field."""

TETRAHEDRON = ((1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1))
"""Four corners of a cube from which a gradient follows: the sum of value times corner."""


@dataclass(frozen=True)
class View:
    """Where the eye stands. right, down, into: unit vectors (LPS) along the picture's axes and away from the eye.

    edges: letters at the left, right, upper and lower edge. words: for captions.
    """

    name: str
    right: tuple[float, float, float]
    down: tuple[float, float, float]
    into: tuple[float, float, float]
    edges: str
    words: str

    @property
    def basis(self) -> FloatArray:
        """(3, 3): columns right, down, into."""
        return np.array([self.right, self.down, self.into], np.float64).T


VIEWS = {
    "anterior": View("anterior", (1, 0, 0), (0, 0, -1), (0, 1, 0), "RLSI", "from the front"),
    "inferior": View("inferior", (1, 0, 0), (0, 1, 0), (0, 0, 1), "RLAP", "from below"),
    "right": View("right", (0, -1, 0), (0, 0, -1), (1, 0, 0), "PASI", "from the patient's right"),
}


@dataclass(frozen=True)
class Window:
    """The pixels of a view: left upper corner in mm along right and down, size in pixels, pixels a mm."""

    left_mm: float
    top_mm: float
    width: int
    height: int
    scale: float

    def to_pixels(self, view: View, points_mm: npt.ArrayLike) -> FloatArray:
        """(N, 3) LPS mm -> (N, 2) pixels (x, y)."""
        seen = np.atleast_2d(points_mm) @ view.basis
        result: FloatArray = (seen[:, :2] - (self.left_mm, self.top_mm)) * self.scale
        return result


@dataclass(frozen=True, eq=False)
class Hits:
    """Where rays meet a surface.

    rows, columns: (N,) pixels. depth: (N,) mm along `into`. normals: (N, 3) outward, along the picture's right, down,
    into.
    """

    rows: npt.NDArray[np.intp]
    columns: npt.NDArray[np.intp]
    depth: Float32
    normals: Float32

    def points_mm(self, view: View, window: Window) -> FloatArray:
        """(N, 3) LPS mm of the hits."""
        u = window.left_mm + (self.columns + 0.5) / window.scale
        v = window.top_mm + (self.rows + 0.5) / window.scale
        result: FloatArray = np.stack([u, v, self.depth], axis=1) @ view.basis.T
        return result


def cast(field: Field, view: View, window: Window, *, backwards: bool = False) -> Hits:
    """The nearest hit of every ray, or the farthest when the rays run backwards (depth still counts from the eye)."""
    from scipy.ndimage import map_coordinates

    sign = -1.0 if backwards else 1.0
    turn = view.basis * (1.0, 1.0, sign)
    inverse = np.linalg.inv(field.grid.affine[:3, :3])
    matrix, shift = inverse @ turn, -inverse @ field.grid.origin_mm
    step = STRIDE * field.grid.spacing_mm[0]
    rows, columns, near, far = _entries(field, np.asarray(np.linalg.inv(matrix), np.float64), shift, window)
    u = window.left_mm + (columns + 0.5) / window.scale
    v = window.top_mm + (rows + 0.5) / window.scale
    base = matrix[:, :1] * u + matrix[:, 1:2] * v + shift[:, None]
    depth = np.full(near.size, np.nan)
    at, rays, z, last = base + matrix[:, 2:] * near, np.arange(near.size), near, np.zeros(near.size)
    while rays.size:
        value = map_coordinates(field.values, at, order=1, prefilter=False)
        hit = value >= 0.5
        back = (value[hit] - 0.5) / np.maximum(value[hit] - last[hit], 1e-6)
        depth[rays[hit]] = z[hit] - step * np.clip(back, 0, 1)
        on = ~hit & (z + step <= far)
        at, rays, z, last, far = at[:, on] + matrix[:, 2:] * step, rays[on], z[on] + step, value[on], far[on]
    kept = np.flatnonzero(~np.isnan(depth))
    index = base[:, kept] + matrix[:, 2:] * depth[kept]
    slopes = np.zeros((kept.size, 3))
    for corner in TETRAHEDRON:
        reach = np.array(corner)[:, None] * NORMAL_REACH
        value = map_coordinates(field.values, index + reach, order=1, prefilter=False)
        slopes -= value[:, None] * corner
    normals = slopes @ inverse @ view.basis
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    found = (sign * depth[kept]).astype(np.float32)
    return Hits(rows[kept], columns[kept], found, normals.astype(np.float32))


def _entries(
    field: Field, back: FloatArray, shift: FloatArray, window: Window
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], FloatArray, FloatArray]:
    """Rows and columns of the pixels that may see the surface, and between which depths it lies there.

    Found by throwing the voxels on the surface onto blocks of pixels.
    """
    from scipy.ndimage import maximum_filter, minimum_filter

    inside = np.pad(field.values >= 0.5, 1)
    core = inside[1:-1, 1:-1, 1:-1].copy()
    for axis in range(3):
        for move in (0, 2):
            at = [slice(1, -1)] * 3
            at[axis] = slice(move, inside.shape[axis] - 2 + move)
            core &= inside[tuple(at)]
    shell = np.argwhere(inside[1:-1, 1:-1, 1:-1] & ~core)
    seen = (shell - shift) @ back.T
    pitch = field.grid.spacing_mm[0]
    block = max(int(np.ceil(1.2 * pitch * window.scale)), 1)
    across, down = -(-window.width // block), -(-window.height // block)
    x = np.floor((seen[:, 0] - window.left_mm) * window.scale / block).astype(int) + 1
    y = np.floor((seen[:, 1] - window.top_mm) * window.scale / block).astype(int) + 1
    held = (x >= 0) & (x < across + 2) & (y >= 0) & (y < down + 2)
    near = np.full((down + 2, across + 2), np.inf)
    far = np.full((down + 2, across + 2), -np.inf)
    np.minimum.at(near, (y[held], x[held]), seen[held, 2])
    np.maximum.at(far, (y[held], x[held]), seen[held, 2])
    near = minimum_filter(near, 3, mode="nearest")[1:-1, 1:-1] - 1.2 * pitch
    far = maximum_filter(far, 3, mode="nearest")[1:-1, 1:-1] + 1.2 * pitch
    near = near.repeat(block, axis=0).repeat(block, axis=1)[: window.height, : window.width]
    far = far.repeat(block, axis=0).repeat(block, axis=1)[: window.height, : window.width]
    rows, columns = np.nonzero(np.isfinite(near))
    return rows, columns, near[rows, columns], far[rows, columns]
