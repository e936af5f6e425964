"""One needle measured on the outlines as they were given, not on the map that found it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from glisson.geometry import BoolArray, FloatArray, Mask
from glisson.planning.needle_fan import capsule_degrees
from glisson.planning.needle_map import AIR, EDGE, NeedleMap, Outlined

__all__ = ["Measured", "distance_to_segment", "measured"]

FINE_MM = 0.25
"""Distance of the points at which the outlines are looked up along a needle."""


@dataclass(frozen=True, eq=False)
class Measured:
    """What one needle meets; see `NeedlePath`. outside_mm: clearance of its part outside the lesion."""

    entry_mm: FloatArray
    length_mm: float
    in_lesion_mm: float
    tract_mm: float
    capsule_degrees: float
    capsule_crossings: int
    clearance_mm: dict[str, float]
    outside_mm: dict[str, float]
    vessel_mm: float | None
    lung_mm: float | None


def measured(at: NeedleMap, lesion: Mask, target: FloatArray, way: FloatArray, beyond_mm: float) -> Measured | None:
    """A needle along `way` (unit vector from the target to the skin) whose tip lies beyond_mm past the target.

    Skin, capsule and lesion are looked up in their voxels in steps of FINE_MM. None where the needle does not reach the
    skin within the scan and the needle's length.
    """
    t = np.arange(0.0, at.rules.device_length_mm + FINE_MM, FINE_MM)
    points = target + t[:, None] * way
    last = _skin(at, points)
    if last is None:
        return None
    t, points = t[: last + 1], points[: last + 1]
    in_lesion = np.flatnonzero(inside(lesion, points))
    last = int(in_lesion[-1]) if in_lesion.size else 0
    liver = inside(at.whole_liver, points)
    after = np.flatnonzero(~liver[last:])
    tract = int(after[0]) if after.size else len(points) - 1 - last
    tip, end = target - beyond_mm * way, points[-1]
    whole = _clearances(at, at.forbidden, tip, end)
    outside = _clearances(at, at.forbidden, points[last], end)
    if beyond_mm:
        behind = target - np.arange(0.0, beyond_mm + FINE_MM, FINE_MM)[:, None] * way
        bare = np.flatnonzero(~inside(lesion, behind))
        if bare.size:
            other = _clearances(at, at.forbidden, behind[int(bare[0])], tip)
            outside = {name: min(mm, other[name]) for name, mm in outside.items()}
    degrees = capsule_degrees(at, target, way[None], np.array([t[last + tract]]))
    return Measured(
        entry_mm=end,
        length_mm=float(t[-1] + beyond_mm),
        in_lesion_mm=float(t[last]),
        tract_mm=float(t[last + tract] - t[last]),
        capsule_degrees=float(degrees[0]),
        capsule_crossings=int(np.count_nonzero(liver[:-1] & ~liver[1:])),
        clearance_mm=whole,
        outside_mm=outside,
        vessel_mm=_nearest(at, at.vessels, points[last], end),
        lung_mm=_nearest(at, at.lungs, tip, end),
    )


def inside(mask: Mask, points_mm: FloatArray) -> BoolArray:
    """(n,) whether each point lies in a voxel of the mask."""
    index = np.rint(mask.grid.to_index(points_mm)).astype(np.int64)
    held = within(index, mask.data.shape)
    result = np.zeros(len(index), np.bool_)
    result[held] = mask.data[tuple(index[held].T)]
    return result


def within(index: npt.NDArray[np.integer], shape: tuple[int, ...]) -> BoolArray:
    """(n,) which of (n, 3) indices lie on a grid of a shape."""
    result = np.ones(len(index), np.bool_)
    for column, size in zip(index.T, shape, strict=True):
        result &= (column >= 0) & (column < size)
    return result


def distance_to_segment(points: FloatArray, a: FloatArray, b: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(n,) distance of points (n, 3) to the straight line from a to b, and (n, 3) the vectors from it to them."""
    along = b - a
    gap = points - a
    share = (gap[:, 0] * along[0] + gap[:, 1] * along[1] + gap[:, 2] * along[2]) / max(float(along @ along), 1e-12)
    gap -= np.clip(share, 0.0, 1.0)[:, None] * along
    return np.sqrt(np.einsum("ij,ij->i", gap, gap)), gap


def _skin(at: NeedleMap, points: FloatArray) -> int | None:
    """The last point inside the skin; None where the scan ends first. What the skin encloses counts as inside."""
    index = np.rint(at.grid.to_index(points)).astype(np.int64)
    held = np.clip(index, 0, np.array(at.grid.shape) - 1)
    value = at.room[held[:, 0], held[:, 1], held[:, 2], 0]
    ends = np.flatnonzero(value >= AIR)
    if not ends.size or value[ends[0]] >= EDGE:
        return None
    reach = int(np.ceil(max(at.grid.spacing_mm) * 2 / FINE_MM))
    low, high = max(int(ends[0]) - reach, 0), min(int(ends[0]) + reach, len(points))
    near = np.flatnonzero(inside(at.skin, points[low:high]))
    return low + int(near[-1]) if near.size else int(ends[0])


def _clearances(at: NeedleMap, structures: Mapping[str, Outlined], a: FloatArray, b: FloatArray) -> dict[str, float]:
    """Structure -> least distance in mm of its voxels from the straight line from a to b; empty ones are left out."""
    found = {name: _clearance(at, one, a, b) for name, one in structures.items()}
    return {name: mm for name, mm in found.items() if mm is not None}


def _nearest(at: NeedleMap, structures: Mapping[str, Outlined], a: FloatArray, b: FloatArray) -> float | None:
    return min(_clearances(at, structures, a, b).values(), default=None)


def _clearance(at: NeedleMap, one: Outlined, a: FloatArray, b: FloatArray) -> float | None:
    """Bundles of blocks first, then blocks, then the voxels of the near ones; a voxel is its box, whose far corner is
    taken as reached.
    """
    if not len(one.cells):
        return None
    blocks = at.blocks
    diagonal = float(np.linalg.norm(blocks.grid.spacing_mm))
    middle, _ = distance_to_segment(one.middles_mm, a, b)
    bundles = np.flatnonzero(middle - one.radii_mm <= (middle + one.radii_mm).min() + diagonal)
    close = np.concatenate([np.arange(one.start[n], one.start[n + 1]) for n in bundles])
    away, _ = distance_to_segment(one.cells_mm[close], a, b)
    near = one.cells[close[away <= away.min() + diagonal]]
    index = (near[:, None] * blocks.stride + blocks.inner).reshape(-1, 3) + np.subtract(blocks.start, one.offset)
    index = index[within(index, one.mask.data.shape)]
    index = index[one.mask.data[tuple(index.T)]]
    away, gap = distance_to_segment(one.mask.grid.to_mm(index), a, b)
    half = np.abs(gap @ one.mask.grid.directions) @ (np.array(one.mask.grid.spacing_mm) / 2)
    return float(np.maximum(away - half / np.maximum(away, 1e-9), 0.0).min())
