"""Flat cuts through a scan as a radiologist looks at them, whatever way the grid's own axes run.

Axial: seen from the feet, the patient's right on the left of the picture, front up. Coronal: seen from the front,
right on the left, head up. Sagittal: seen from the patient's left, front on the left, head up. On a tilted scan the
cuts follow the scan's own axes nearest to these.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np
import numpy.typing as npt

from glisson.geometry import FloatArray, Grid

__all__ = ["PLANES", "Away", "Cut", "Frame", "Patch", "axes_for"]

PLANES = {"axial": (0, 1, 2), "coronal": (0, -3, 1), "sagittal": (1, -3, 0)}
"""Plane -> world axis to the right, world axis downwards (negative: against it, counted from 1), world axis across."""

EDGES = {"axial": "RLAP", "coronal": "RLSI", "sagittal": "APSI"}
"""Letters at the left, right, upper and lower edge of each plane."""

REACH_VOXELS = 4.0
"""Distance from an outline beyond which it is not looked at."""

ROUNDING_VOXELS = 0.6
"""Standard deviation that rounds the steps of a mask's outline; it moves a straight edge nowhere."""

KEEP_VOXELS = 0.15
"""How far inside (outside) the drawn outline a voxel centre of the mask (of its surroundings) stays when it is
rounded.
"""


def axes_for(grid: Grid) -> tuple[tuple[int, bool], ...]:
    """For L, P and S: the array axis that runs nearest to it, and True when the index grows against it."""
    cosines = grid.directions
    best = max(permutations(range(3)), key=lambda order: sum(abs(cosines[d, a]) for d, a in enumerate(order)))
    return tuple((axis, bool(cosines[d, axis] < 0)) for d, axis in enumerate(best))


@dataclass(frozen=True, eq=False)
class Patch:
    """A piece of a cut, turned the way it is shown: pixels, and the row and column of its first pixel on the cut."""

    flat: npt.NDArray[Any]
    row: int
    column: int


@dataclass(frozen=True, eq=False)
class Away:
    """Signed distance in pixels to an outline (positive inside), (h, w) float32, from pixel (x, y) of a frame on."""

    pixels: npt.NDArray[np.float32]
    x: int
    y: int

    @property
    def box(self) -> tuple[slice, slice]:
        """Rows and columns of the frame that it covers."""
        return (slice(self.y, self.y + self.pixels.shape[0]), slice(self.x, self.x + self.pixels.shape[1]))


@dataclass(frozen=True, eq=False)
class Cut:
    """One slice of a grid, turned the way it is shown. Lengths on it are mm from its upper left corner (of the first
    pixel).

    plane: axial, coronal or sagittal. index: slice along `normal`. across, down: array axis and whether it is turned
    round.
    """

    grid: Grid
    plane: str
    index: int
    normal: int
    across: tuple[int, bool]
    down: tuple[int, bool]

    @classmethod
    def of(cls, grid: Grid, plane: str, index: int) -> Cut:
        """The slice `index` of a grid across the array axis that is nearest to the normal of the plane."""
        axes = axes_for(grid)
        right, down, normal = PLANES[plane]
        across = axes[right]
        if down < 0:
            axis, turned = axes[-down - 1]
            return cls(grid, plane, index, axes[normal][0], across, (axis, not turned))
        return cls(grid, plane, index, axes[normal][0], across, axes[down])

    @classmethod
    def through(cls, grid: Grid, plane: str, at: npt.ArrayLike) -> Cut:
        """The slice nearest to an index (i, j, k), kept inside the grid."""
        normal = axes_for(grid)[PLANES[plane][2]][0]
        return cls.of(grid, plane, int(np.clip(round(float(np.asarray(at)[normal])), 0, grid.shape[normal] - 1)))

    @property
    def edges(self) -> str:
        """Letters at the left, right, upper and lower edge."""
        return EDGES[self.plane]

    @property
    def pitch_mm(self) -> tuple[float, float]:
        """Size of a voxel across and down, mm."""
        spacing = self.grid.spacing_mm
        return (spacing[self.across[0]], spacing[self.down[0]])

    @property
    def size_mm(self) -> tuple[float, float]:
        """Width and height of the whole slice, mm."""
        shape, pitch = self.grid.shape, self.pitch_mm
        return (shape[self.across[0]] * pitch[0], shape[self.down[0]] * pitch[1])

    def pixels(self, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """(rows, columns) of an array of the grid's shape, as shown."""
        flat = array[tuple(self.index if axis == self.normal else slice(None) for axis in range(3))]
        if self.down[0] > self.across[0]:
            flat = flat.T
        return flat[:: -1 if self.down[1] else 1, :: -1 if self.across[1] else 1]

    def patch(self, data: npt.NDArray[Any], start: Sequence[int]) -> Patch | None:
        """What this cut shows of an array that lies at `start` on the grid and may cover only a part of it; None for
        nothing.

        The array may reach beyond the grid; what lies there is not shown.
        """
        inside = self.index - start[self.normal]
        if not 0 <= inside < data.shape[self.normal]:
            return None
        box: list[Any] = [slice(None)] * 3
        box[self.normal] = inside
        corner = []
        for axis, turned in (self.down, self.across):
            low = max(start[axis], 0)
            high = min(start[axis] + data.shape[axis], self.grid.shape[axis])
            if low >= high:
                return None
            box[axis] = slice(low - start[axis], high - start[axis])
            corner.append(self.grid.shape[axis] - high if turned else low)
        flat = data[tuple(box)]
        if self.down[0] > self.across[0]:
            flat = flat.T
        flat = flat[:: -1 if self.down[1] else 1, :: -1 if self.across[1] else 1]
        return Patch(flat, corner[0], corner[1]) if flat.any() else None

    def place(self, points_mm: npt.ArrayLike) -> FloatArray:
        """(N, 3) LPS mm -> (N, 2) mm across and down on this cut (the distance to it is dropped)."""
        index = np.atleast_2d(self.grid.to_index(points_mm))
        places = []
        for (axis, turned), pitch in zip((self.across, self.down), self.pitch_mm, strict=True):
            along = self.grid.shape[axis] - 1 - index[:, axis] if turned else index[:, axis]
            places.append((along + 0.5) * pitch)
        return np.stack(places, axis=1)

    @property
    def height_mm(self) -> float:
        """Where the middle of the slice lies along its world axis (L, P or S), LPS mm."""
        middle = (np.array(self.grid.shape) - 1) / 2
        middle[self.normal] = self.index
        return float(self.grid.to_mm(middle)[PLANES[self.plane][2]])


@dataclass(frozen=True)
class Frame:
    """A rectangle of a cut and the pixels it becomes: left upper corner in mm on the cut, pixels, and pixels a mm."""

    left_mm: float
    top_mm: float
    width: int
    height: int
    scale: float

    @classmethod
    def around(cls, centre_mm: Sequence[float] | FloatArray, width_mm: float, width: int, height: int) -> Frame:
        """Centred at a place of the cut, `width_mm` wide in `width` pixels."""
        scale = width / width_mm
        return cls(float(centre_mm[0]) - width_mm / 2, float(centre_mm[1]) - height / scale / 2, width, height, scale)

    def to_pixels(self, places_mm: npt.ArrayLike) -> FloatArray:
        """(N, 2) mm on the cut -> (N, 2) pixels (x, y)."""
        result: FloatArray = (np.atleast_2d(places_mm) - (self.left_mm, self.top_mm)) * self.scale
        return result

    def resample(self, flat: npt.NDArray[Any], pitch_mm: Sequence[float], fill: float) -> npt.NDArray[np.float32]:
        """(height, width) float32: the pixels of a cut interpolated into this frame; `fill` where the scan has none."""
        from PIL import Image

        x0, y0 = self.left_mm / pitch_mm[0], self.top_mm / pitch_mm[1]
        x1, y1 = x0 + self.width / self.scale / pitch_mm[0], y0 + self.height / self.scale / pitch_mm[1]
        ix, iy = int(np.floor(x0)) - 3, int(np.floor(y0)) - 3
        held = np.full((int(np.ceil(y1)) + 3 - iy, int(np.ceil(x1)) + 3 - ix), fill, np.float32)
        rows, columns = flat.shape
        r0, r1 = max(iy, 0), min(iy + held.shape[0], rows)
        c0, c1 = max(ix, 0), min(ix + held.shape[1], columns)
        if r0 < r1 and c0 < c1:
            held[r0 - iy : r1 - iy, c0 - ix : c1 - ix] = flat[r0:r1, c0:c1]
        image = Image.fromarray(held)
        box = (x0 - ix, y0 - iy, x1 - ix, y1 - iy)
        return np.asarray(image.resize((self.width, self.height), Image.Resampling.BICUBIC, box=box))

    def outline(self, patch: Patch, pitch_mm: Sequence[float]) -> Away | None:
        """Signed distance to the outline of a mask's patch, on the part of the frame near it; None where it shows
        none.
        """
        import edt
        from scipy.ndimage import gaussian_filter

        pad = int(REACH_VOXELS) + 2
        near = self._cropped(patch, pitch_mm, pad)
        if near is None:
            return None
        held = np.pad(near.flat, pad)
        r0, c0 = near.row - pad, near.column - pad
        covered = self._part(
            c0 * pitch_mm[0], r0 * pitch_mm[1], held.shape[1] * pitch_mm[0], held.shape[0] * pitch_mm[1]
        )
        if covered is None:
            return None
        part, x, y = covered
        along = (float(pitch_mm[1]), float(pitch_mm[0]))
        away = edt.edt(held, anisotropy=along) - edt.edt(~held, anisotropy=along)
        reach = REACH_VOXELS * max(pitch_mm)
        rounded = gaussian_filter(np.clip(away, -reach, reach), ROUNDING_VOXELS, mode="nearest")
        least = KEEP_VOXELS * min(pitch_mm)
        field = np.where(held, np.maximum(rounded, least), np.minimum(rounded, -least))
        left, top = part.left_mm - c0 * pitch_mm[0], part.top_mm - r0 * pitch_mm[1]
        fine = Frame(left, top, part.width, part.height, part.scale).resample(field, pitch_mm, -reach)
        down, across = np.gradient(fine)
        return Away(fine / np.maximum(np.hypot(down, across), 1e-3 / self.scale), x, y)

    def _cropped(self, patch: Patch, pitch_mm: Sequence[float], pad: int) -> Patch | None:
        """The part of a patch near the frame, on the smallest box around what is set in it."""
        low = np.floor(np.array([self.top_mm / pitch_mm[1], self.left_mm / pitch_mm[0]])).astype(int) - pad
        size = np.array([self.height / pitch_mm[1], self.width / pitch_mm[0]]) / self.scale
        high = low + np.ceil(size).astype(int) + 2 * pad + 1
        r0, c0 = np.maximum(low - (patch.row, patch.column), 0)
        r1, c1 = np.maximum(high - (patch.row, patch.column), 0)
        flat = patch.flat[r0:r1, c0:c1]
        rows, columns = np.flatnonzero(flat.any(axis=1)), np.flatnonzero(flat.any(axis=0))
        if not rows.size:
            return None
        tight = flat[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        return Patch(tight, patch.row + int(r0 + rows[0]), patch.column + int(c0 + columns[0]))

    def _part(self, left: float, top: float, width: float, height: float) -> tuple[Frame, int, int] | None:
        """The pixels of this frame that a rectangle of the cut covers."""
        a = np.floor((np.array([left, top]) - (self.left_mm, self.top_mm)) * self.scale).astype(int)
        b = np.ceil((np.array([left + width, top + height]) - (self.left_mm, self.top_mm)) * self.scale).astype(int)
        a, b = np.maximum(a, 0), np.minimum(b, [self.width, self.height])
        if (b - a).min() < 2:
            return None
        left_mm, top_mm = self.left_mm + a[0] / self.scale, self.top_mm + a[1] / self.scale
        return Frame(left_mm, top_mm, int(b[0] - a[0]), int(b[1] - a[1]), self.scale), int(a[0]), int(a[1])
