"""From where to come: the approach to a lesion whose shadow on the capsule takes the least working liver."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from glisson.geometry import BoolArray, Box, FloatArray, Mask, box_of
from glisson.planning.needle_fan import directions
from glisson.planning.needle_measure import inside
from glisson.planning.wedge_core import union

__all__ = ["Ground", "Light", "cheapest", "columns", "rim_of"]

APPROACHES = 120
"""Directions from which the capsule is tried, spread evenly; about 18 degrees apart."""

SHORTLIST = 40
"""So many of them, those nearest to the capsule, are compared by volume."""

PARTS = 4
"""Voxels are counted in so many parts, each spread over the whole liver."""

MOST_SEEDS = 2000
"""Points of the core's rim that throw the shadow while approaches are compared."""

IN_THE_WAY = 20.0
"""How much more a volume of what must stay weighs than one of working liver when approaches are compared."""

MOST_KEPT = 20_000
"""Voxels of what must stay that are looked at for that."""

OPENING_DEGREES = 8.0
"""How much each wall of a wedge leans outwards on its way to the capsule: room for the blade, little more liver."""

COARSE_MM = 4.0
"""The approaches are compared on voxels about this far apart; the chosen one is cut on the voxels as they are."""


class Light:
    """A point behind the core from which its shadow falls along `way`; (u, v) cells on a plane through its middle.

    Points are given and kept by coordinate, (3, n): a column at a time costs half of a row at a time.
    """

    def __init__(self, seeds_mm: FloatArray, way: FloatArray, cell_mm: float, reach_mm: float) -> None:
        middle = (seeds_mm.min(axis=1) + seeds_mm.max(axis=1)) / 2.0
        radius = float(np.sqrt(((seeds_mm - middle[:, None]) ** 2).sum(axis=0).max())) + reach_mm
        self.cell_mm = cell_mm
        self.back = radius / np.tan(np.radians(OPENING_DEGREES))
        self.apex = middle - self.back * way
        side = np.cross(way, np.eye(3)[int(np.argmin(np.abs(way)))])
        side /= np.linalg.norm(side)
        self.way, self.side, self.up = way, side, np.cross(way, side)
        self.half = int(np.ceil(radius * self.back / (self.back - radius) / cell_mm)) + 1
        self._draw(seeds_mm, reach_mm)

    def _draw(self, seeds_mm: FloatArray, reach_mm: float) -> None:
        from scipy.ndimage import distance_transform_edt

        size = 2 * self.half + 1
        far = self._along(seeds_mm, self.way)
        nearest = np.full((size, size), np.inf)
        np.minimum.at(nearest, self._cells(seeds_mm, far), far)
        away, at = distance_transform_edt(np.isinf(nearest), sampling=self.cell_mm, return_indices=True)
        self.starts = np.where(away <= reach_mm, nearest[tuple(at)], np.inf)

    def _along(self, points_mm: FloatArray, axis: FloatArray) -> FloatArray:
        """(n,) from the apex along an axis, mm."""
        x, y, z = points_mm
        result: FloatArray = x * axis[0]
        result += y * axis[1]
        result += z * axis[2]
        result -= self.apex @ axis
        return result

    def _cells(self, points_mm: FloatArray, far: FloatArray) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        scale = self.back / self.cell_mm / np.maximum(far, 1e-6)
        cells = []
        for axis in (self.side, self.up):
            place = self._along(points_mm, axis)
            place *= scale
            np.clip(place, -self.half, self.half, out=place)
            cells.append(np.rint(place, out=place).astype(np.intp) + self.half)
        return cells[0], cells[1]

    def shades(self, points_mm: FloatArray) -> BoolArray:
        """(n,) whether each of (3, n) points lies in the core's shadow."""
        far = self._along(points_mm, self.way)
        behind = np.flatnonzero(far >= self.starts.min())
        far = far[behind]
        result = np.zeros(points_mm.shape[1], np.bool_)
        result[behind] = far >= self.starts[self._cells(points_mm[:, behind], far)]
        return result


@dataclass(frozen=True, eq=False)
class Ground:
    """The liver in which wedges are cut, with what all of them share.

    liver: the whole liver. working: its voxels without tumour. keep: what must stay, on the liver's grid, or None.
    """

    liver: Mask
    working: BoolArray
    keep: BoolArray | None

    @classmethod
    def of(cls, liver: Mask, tumour: Iterable[Mask], keep: Mask | None) -> Ground:
        """From masks on the liver's lattice. Raises FrameMismatch off it."""
        kept = None if keep is None else keep.on(liver.grid, "what must stay")
        return cls(liver, liver.data & ~union(tumour, liver.grid), kept)

    @cached_property
    def stays(self) -> BoolArray | None:
        """Voxels of the liver that must stay."""
        return None if self.keep is None else self.keep & self.liver.data

    @cached_property
    def stride(self) -> npt.NDArray[np.int64]:
        """(3,) every so many voxels are looked at while approaches are compared, see COARSE_MM."""
        return np.maximum(np.round(COARSE_MM / np.array(self.liver.grid.spacing_mm)), 1).astype(np.int64)

    @cached_property
    def places(self) -> npt.NDArray[np.int64]:
        """(n, 3) index of those voxels of the liver."""
        shape = self.liver.grid.shape
        first = [int(n) // 2 if n // 2 < size else 0 for n, size in zip(self.stride, shape, strict=True)]
        thin = tuple(slice(a, None, int(n)) for a, n in zip(first, self.stride, strict=True))
        return np.argwhere(self.liver.data[thin]) * self.stride + first

    @cached_property
    def points_mm(self) -> FloatArray:
        """(3, n) the same in LPS mm."""
        return columns(self.liver.grid.to_mm(self.places))

    @cached_property
    def parts(self) -> list[tuple[FloatArray, float]]:
        """Points (3, m) with what each of them costs in the shadow, in PARTS that are each spread over the liver.

        Working liver counts one for each voxel looked at, what must stay IN_THE_WAY times its volume.
        """
        kept = np.zeros((3, 0)) if self.keep is None else columns(self.liver.grid.to_mm(np.argwhere(self.keep)))
        step = max(kept.shape[1] // MOST_KEPT, 1)
        weighed = (
            (self.points_mm[:, self.working[tuple(self.places.T)]], 1.0),
            (kept[:, ::step], IN_THE_WAY * step / float(np.prod(self.stride))),
        )
        return [(np.ascontiguousarray(of[:, n::PARTS]), weight) for n in range(PARTS) for of, weight in weighed]


def cheapest(ground: Ground, rim: npt.NDArray[np.int64]) -> tuple[FloatArray, Box]:
    """The approach whose shadow takes the least working liver, on thinned voxels, and the box that holds the shadow.

    rim: (n, 3) the core's outer voxels. Only the SHORTLIST approaches with the shortest way to the capsule are
    compared; the first among equals. What must stay and lies in the shadow counts IN_THE_WAY times its volume: one does
    not cut through a vein to a lesion. An approach is given up as soon as some of the voxels cost more than the best.
    """
    grid, stride = ground.liver.grid, ground.stride
    seeds = grid.to_mm(rim)
    some = columns(seeds[:: max(len(seeds) // MOST_SEEDS, 1)])
    coarse = float((stride * np.array(grid.spacing_mm)).max())
    best, cost, chosen = None, np.inf, -1
    for number, way in _short_ways(ground.liver, seeds):
        light, counts = Light(some, way, coarse / 2.0, coarse / 2.0), dict.fromkeys((w for _, w in ground.parts), 0)
        for part, weight in ground.parts:
            counts[weight] += int(np.count_nonzero(light.shades(part)))
            volume = sum(weight * count for weight, count in counts.items())
            if volume > cost:
                break
        if volume < cost or (volume == cost and number < chosen):
            best, cost, chosen = light, volume, number
    assert best is not None
    both = np.concatenate([ground.places[best.shades(ground.points_mm)], rim])
    low = np.maximum(both.min(axis=0) - 2 * stride, 0)
    high = np.minimum(both.max(axis=0) + 2 * stride + 1, grid.shape)
    i, j, k = (slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    return best.way, (i, j, k)


def columns(points: FloatArray) -> FloatArray:
    """(3, n) for (n, 3) points, each coordinate in one piece."""
    return np.ascontiguousarray(points.T)


def _short_ways(liver: Mask, seeds_mm: FloatArray) -> Iterator[tuple[int, FloatArray]]:
    """The SHORTLIST approaches with the shortest way from the middle of the core to the capsule, shortest first, each
    with its number among the directions.
    """
    ways = directions(APPROACHES)
    middle = (seeds_mm.min(axis=0) + seeds_mm.max(axis=0)) / 2.0
    far = np.arange(0.0, 300.0, COARSE_MM)
    held = inside(liver, (middle + ways[:, None] * far[:, None]).reshape(-1, 3)).reshape(len(ways), -1)
    last = held.shape[1] - np.argmax(held[:, ::-1], axis=1)
    for number in np.argsort(last, kind="stable")[:SHORTLIST]:
        yield int(number), ways[number]


def rim_of(core: BoolArray) -> npt.NDArray[np.int64]:
    """(n, 3) index of the core's voxels that have a neighbour outside it."""
    from scipy.ndimage import binary_erosion

    box = box_of(core, pad=1)
    if box is None:
        return np.zeros((0, 3), np.int64)
    part = core[box]
    return np.asarray(np.argwhere(part & ~binary_erosion(part)) + [s.start for s in box])
