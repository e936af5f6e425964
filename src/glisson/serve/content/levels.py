"""What the viewer is sent of a scan: the same anatomy at a few sizes, each on a grid of its own in the same place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from glisson.geometry import Grid, Mask, Volume

if TYPE_CHECKING:
    from glisson.scene import Scene

__all__ = ["FINE_VOXELS", "LEVELS", "PREVIEW_VOXELS", "Level", "fine_level", "native_level", "preview_level"]

LEVELS = ("preview", "fine", "native")
"""Names of the levels, coarsest first. The last is made only when somebody asks for it."""

PREVIEW_VOXELS = 2**20
"""Most voxels of the level that is shown first: about one megabyte on the wire."""

FINE_VOXELS = 8_000_000
"""Most voxels of the level that is looked at: the liver with its surroundings."""

MARGIN_MM = 15.0
"""The fine level reaches this far beyond liver and lesions."""

PREVIEW_HU = (-1024, 1500)
"""Values of the preview are cut to these and ..."""
PREVIEW_STEP = 4
"""... rounded down to multiples of this: no eye tells them apart in any window, and it is a quarter fewer bytes."""

GREY_LEVELS = 4095
"""An image that does not fit into 16 bits, or whose values are not whole, is stretched to 0 .. this."""


@dataclass(frozen=True, eq=False)
class Level:
    """A grid over a box of a scan's lattice whose voxels are `step` voxels of the scan wide along each axis.

    source: lattice of the whole scan. start: index of the first voxel of the scan that belongs to it. step: 1 or more;
    whole numbers are averaged, others interpolated.
    """

    name: str
    source: Grid
    start: tuple[int, int, int]
    step: tuple[float, float, float]
    shape: tuple[int, int, int]

    @property
    def grid(self) -> Grid:
        """Where the level's voxels lie: the scan's own axes, orientation and obliquity are kept."""
        first = np.array(self.start) + (np.array(self.step) - 1.0) / 2.0
        affine = self.source.affine.copy()
        affine[:3, :3] *= np.array(self.step)
        affine[:3, 3] = self.source.to_mm(first)
        return Grid(self.shape, affine)

    @property
    def _index(self) -> tuple[npt.NDArray[np.int64], ...]:
        """For each axis the scan's voxel in the middle of each voxel of the level."""
        found = []
        for start, step, count, most in zip(self.start, self.step, self.shape, self.source.shape, strict=True):
            middle = start + step * (np.arange(count) + 0.5) - 0.5
            found.append(np.clip(np.floor(middle + 0.5), 0, most - 1).astype(np.int64))
        return tuple(found)

    def paint(self, target: npt.NDArray[np.uint8], mask: Mask, value: int) -> None:
        """Give the level's voxels whose middle lies in the mask a value; one at least, however small the mask.

        target: (shape) uint8, changed in place. mask: on a trimmed box of the scan's lattice.
        """
        box, hit = [], mask.data
        offset = mask.grid.offset_in(self.source)
        for axis, (index, start, count) in enumerate(zip(self._index, offset, mask.data.shape, strict=True)):
            low, high = (int(n) for n in np.searchsorted(index, (start, start + count)))
            box.append(slice(low, high))
            hit = _taken(hit, index[low:high] - start, axis)
        if hit.any():
            target[tuple(box)][hit] = value
        elif not mask.is_empty:
            at = np.floor(self.grid.to_index(mask.centroid_mm) + 0.5).astype(int)
            if (at >= 0).all() and (at < self.shape).all():
                target[tuple(at)] = value

    def sample(self, data: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """The values of a map on the whole scan at the middles of the level's voxels."""
        for axis, index in enumerate(self._index):
            data = _taken(data, index, axis)
        return data

    def volume(self, data: npt.NDArray[Any]) -> Volume:
        """The image at this level as int16; `data` on the whole scan, made 16-bit by `as_int16`."""
        if all(step == 1.0 for step in self.step):
            box = tuple(slice(a, a + n) for a, n in zip(self.start, self.shape, strict=True))
            return Volume(np.asfortranarray(data[box]), self.grid)
        if all(step == int(step) for step in self.step):
            return Volume(self._averaged(data), self.grid)
        return Volume(self._interpolated(data), self.grid)

    def _interpolated(self, data: npt.NDArray[Any]) -> npt.NDArray[np.int16]:
        """Linear interpolation, one axis after the other, on the array turned so that memory is read in its order."""
        found = data.T
        for axis in (2, 1, 0):
            step, most, turned = self.step[axis], self.source.shape[axis] - 1, 2 - axis
            at = np.clip(self.start[axis] + step * (np.arange(self.shape[axis]) + 0.5) - 0.5, 0, most)
            low = np.minimum(np.floor(at).astype(np.int64), max(most - 1, 0))
            if step == 1.0:
                found = _taken(found, low, turned)
                continue
            share = (at - low).astype(np.float32).reshape([-1 if a == turned else 1 for a in range(3)])
            first = found.take(low, turned).astype(np.float32)
            rise = found.take(np.minimum(low + 1, most), turned).astype(np.float32)
            rise -= first
            rise *= share
            rise += first
            found = rise
        return np.rint(found, out=found).astype(np.int16).T

    def _averaged(self, data: npt.NDArray[Any]) -> npt.NDArray[np.int16]:
        """Means over blocks of whole voxels, the slowest axis first, so that memory is read in its order."""
        for axis in (2, 1, 0):
            step, start = int(self.step[axis]), self.start[axis]
            before = (slice(None),) * axis
            parts = [data[(*before, slice(start + n, start + step * self.shape[axis], step))] for n in range(step)]
            total = parts[0].astype(np.int32)
            for part in parts[1:]:
                total += part
            data = total
        return np.floor_divide(data, int(np.prod(self.step))).astype(np.int16)


def preview_level(grid: Grid) -> Level:
    """The whole field in at most PREVIEW_VOXELS voxels, as nearly cubic as whole steps allow."""
    wide = max(grid.spacing_mm)
    target = min(grid.spacing_mm)
    while True:
        step = [max(1, round(target / s)) for s in grid.spacing_mm]
        shape = [max(1, n // f) for n, f in zip(grid.shape, step, strict=True)]
        if int(np.prod(shape)) <= PREVIEW_VOXELS:
            break
        target *= 1.05 if target > wide else 1.02
    step = [min(f, n) for f, n in zip(step, grid.shape, strict=True)]
    start = [(n - f * m) // 2 for n, f, m in zip(grid.shape, step, shape, strict=True)]
    return Level("preview", grid, _three(start), _floats(step), _three(shape))


def fine_level(scene: Scene) -> Level:
    """Liver and lesions with MARGIN_MM around them: the scan's own voxels, or where they are more than FINE_VOXELS
    slightly wider ones along the finest axes."""
    grid, box = scene.grid, scene.liver_box(MARGIN_MM)
    whole = [s.stop - s.start for s in box]
    target = min(grid.spacing_mm)
    while True:
        step = [max(1.0, target / s) for s in grid.spacing_mm]
        shape = [max(1, int(n / f)) for n, f in zip(whole, step, strict=True)]
        if int(np.prod(shape)) <= FINE_VOXELS:
            return Level("fine", grid, _three([s.start for s in box]), _floats(step), _three(shape))
        target *= 1.02


def native_level(grid: Grid) -> Level:
    """Every voxel of the scan."""
    return Level("native", grid, (0, 0, 0), (1.0, 1.0, 1.0), grid.shape)


def as_int16(image: Volume) -> tuple[npt.NDArray[np.int16], str]:
    """The image as 16-bit whole numbers, and their unit: "HU" as given, or "arbitrary" where they were stretched."""
    data = image.data
    low, high = float(np.nanmin(data)), float(np.nanmax(data))
    limits = np.iinfo(np.int16)
    fits = limits.min <= low and high <= limits.max
    if data.dtype == np.int16:
        return data, "HU"
    if fits and data.dtype.kind in "iub":
        return data.astype(np.int16), "HU"
    if fits and high - low > GREY_LEVELS / 8 and low < 0:
        return np.rint(np.nan_to_num(data, nan=low)).astype(np.int16), "HU"
    scale = GREY_LEVELS / (high - low) if high > low else 0.0
    return np.rint((np.nan_to_num(data, nan=low, posinf=high, neginf=low) - low) * scale).astype(np.int16), "arbitrary"


def for_preview(volume: Volume, unit: str) -> Volume:
    """The preview with values that compress well; an arbitrary scale is left as it is."""
    if unit != "HU":
        return volume
    low, high = PREVIEW_HU
    return Volume(np.clip(volume.data, low, high) // PREVIEW_STEP * PREVIEW_STEP, volume.grid)


def _taken(data: npt.NDArray[Any], index: npt.NDArray[np.int64], axis: int) -> npt.NDArray[Any]:
    """The slices of an array at ascending indices; a view where they follow one another."""
    if index.size and index[-1] - index[0] == index.size - 1:
        return data[(slice(None),) * axis + (slice(int(index[0]), int(index[-1]) + 1),)]
    return data.take(index, axis)


def _three(values: Any) -> tuple[int, int, int]:
    a, b, c = (int(v) for v in values)
    return a, b, c


def _floats(values: Any) -> tuple[float, float, float]:
    a, b, c = (float(v) for v in values)
    return a, b, c
