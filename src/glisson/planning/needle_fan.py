"""A fan of straight ways from one point to the skin: which are open, how long they are, and what they pass."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from glisson.errors import InputError
from glisson.geometry import FloatArray, Mask
from glisson.planning.needle_map import AIR, EDGE, LESION_BIT, QUARTER_MM, NeedleMap

__all__ = [
    "BLOCKED",
    "FATES",
    "LEAVES_SCAN",
    "OPEN",
    "TOO_LONG",
    "Fan",
    "Passed",
    "capsule_degrees",
    "directions",
    "fan",
    "passed",
]

Float32 = npt.NDArray[np.float32]

SHORTEST_STEP = 0.75
"""Step along a needle where something is near, in the smallest voxel side of the map."""

SAMPLE_MM = 1.5
"""Distance of the points at which liver, vessels and lungs are looked up."""

AT_ONCE = 4096
"""Needles looked at together, so that their points stay in the processor's cache."""

OPEN, BLOCKED, LEAVES_SCAN, TOO_LONG = range(4)
FATES = ("open", "blocked", "leaves the scan", "longer than the needle")
"""What can become of a way, by its number."""


@dataclass(frozen=True, eq=False)
class Fan:
    """Ways from one point outwards, (n,) each.

    directions: (n, 3) unit vectors, LPS, from the target to the skin. fate: OPEN, BLOCKED, ... length_mm: from the
    target to the skin, or to where the way ends. clearance_mm: the least beyond the demanded one outside the lesion, at
    most `rules.enough_clearance_mm`.
    """

    target_mm: FloatArray
    directions: FloatArray
    fate: npt.NDArray[np.int8]
    length_mm: Float32
    clearance_mm: Float32


@dataclass(frozen=True, eq=False)
class Passed:
    """What ways pass, (n,) each: in_lesion_mm from the target on; tract_mm of liver between lesion and capsule;
    vessel_mm and lung_mm, the least distances; capsule_degrees between the way and the capsule's normal.
    """

    in_lesion_mm: Float32
    tract_mm: Float32
    vessel_mm: Float32
    lung_mm: Float32
    capsule_degrees: Float32


def directions(count: int) -> FloatArray:
    """(count, 3) unit vectors spread evenly over the sphere: the golden spiral; the same ones every time."""
    if count < 1:
        raise InputError(f"{count} directions were asked for; give at least 1.")
    place = np.arange(count) + 0.5
    height = 1.0 - 2.0 * place / count
    turn = place * np.pi * (3.0 - np.sqrt(5.0))
    wide = np.sqrt(1.0 - height**2)
    return np.stack([np.cos(turn) * wide, np.sin(turn) * wide, height], axis=1)


def fan(at: NeedleMap, lesion: Mask, target_mm: FloatArray, ways: FloatArray, *, beyond_mm: float = 0.0) -> Fan:
    """Follow each way from the target outwards until it reaches the skin, a forbidden structure or the needle's length.

    Steps are as long as the map says that nothing can be nearer than counts (a distance map changes by no more than one
    mm a mm), so clearances up to `enough_clearance_mm` are those of a walk in steps of SHORTEST_STEP. Inside the lesion
    a needle must only not touch; the demanded clearance counts from its outline on. beyond_mm: how far the tip lies
    beyond the target. Raises InputError when the target lies outside the map.
    """
    origin = _origin(at, target_mm)
    field, _ = at.marked(lesion)
    per_mm = _per_mm(at, ways)
    found = _walk(at, field, origin, per_mm, at.rules.device_length_mm - beyond_mm)
    if beyond_mm:
        other = _walk(at, field, origin, -per_mm, beyond_mm)
        hit = (found.fate == OPEN) & (other.fate != TOO_LONG)
        found.fate[hit] = BLOCKED
        np.minimum(found.clearance, other.clearance, out=found.clearance)
    return Fan(np.asarray(target_mm, np.float64), ways, found.fate, found.length, found.clearance)


@dataclass(frozen=True, eq=False)
class _Walked:
    fate: npt.NDArray[np.int8]
    length: Float32
    clearance: Float32


def _walk(at: NeedleMap, field: Float32, origins: Float32, per_mm: Float32, limit_mm: float) -> _Walked:
    """Every way, each from its origin (or all from one), as far as it goes; `AT_ONCE` ways at a time."""
    count = len(per_mm)
    starts = np.broadcast_to(origins + np.float32(0.5), per_mm.shape)
    done = _Walked(np.zeros(count, np.int8), np.zeros(count, np.float32), np.zeros(count, np.float32))
    values, shape = field.reshape(-1, 2), field.shape
    shortest = np.float32(SHORTEST_STEP * min(at.grid.spacing_mm))
    enough = np.float32(at.rules.enough_clearance_mm)
    for first in range(0, count, AT_ONCE):
        who = np.arange(first, min(first + AT_ONCE, count))
        step, start = np.ascontiguousarray(per_mm[who].T), np.ascontiguousarray(starts[who].T)
        t = np.zeros(who.size, np.float32)
        least = np.full(who.size, enough, np.float32)
        while who.size:
            i, j, k = (step * t + start).astype(np.int32)
            value, reach = values.take((i * shape[1] + j) * shape[2] + k, axis=0).T
            on = (value >= 0) & (value < AIR) & (t <= limit_mm)
            if not on.all():
                off = ~on
                fate = np.full(int(off.sum()), TOO_LONG, np.int8)
                ended = value[off]
                fate[ended < 0], fate[ended >= AIR], fate[ended >= EDGE] = BLOCKED, OPEN, LEAVES_SCAN
                fate[(t[off] > limit_mm) & (ended >= 0)] = TOO_LONG
                gone = who[off]
                done.fate[gone], done.length[gone], done.clearance[gone] = fate, t[off], least[off]
                who, step, start, t = who[on], step[:, on], start[:, on], t[on]
                least, value, reach = least[on], value[on], reach[on]
            np.minimum(least, value, out=least)
            t = t + np.maximum(reach, shortest)
    return done


def open_from(at: NeedleMap, lesion: Mask, targets_mm: FloatArray, way: FloatArray) -> npt.NDArray[np.bool_]:
    """(n,) whether the parallel ways from several targets (n, 3) to the skin are open on the map."""
    origins = np.stack([_origin(at, target) for target in targets_mm])
    field, _ = at.marked(lesion)
    per_mm = np.repeat(_per_mm(at, way[None]), len(origins), axis=0)
    return _walk(at, field, origins, per_mm, at.rules.device_length_mm).fate == OPEN


def passed(at: NeedleMap, lesion: Mask, ways: Fan, chosen: npt.NDArray[np.intp]) -> Passed:
    """What some open ways of a fan pass, from points SAMPLE_MM apart."""
    _, soft = at.marked(lesion)
    origin, per_mm = _origin(at, ways.target_mm), _per_mm(at, ways.directions[chosen])
    length = ways.length_mm[chosen]
    out = [np.zeros(chosen.size, np.float32) for _ in range(4)]
    for first in range(0, chosen.size, AT_ONCE // 4):
        some = slice(first, first + AT_ONCE // 4)
        for target, values in zip(out, _looked_up(soft, origin, per_mm[some], length[some]), strict=True):
            target[some] = values
    in_lesion, tract, vessel, lung = out
    degrees = capsule_degrees(at, ways.target_mm, ways.directions[chosen], in_lesion + tract)
    return Passed(in_lesion, tract, vessel, lung, degrees)


def _looked_up(
    soft: npt.NDArray[np.uint16], origin: Float32, per_mm: Float32, length: Float32
) -> tuple[Float32, Float32, Float32, Float32]:
    """In lesion, tract, vessel and lung in mm, for some ways."""
    t = np.arange(0.0, float(length.max()) + SAMPLE_MM, SAMPLE_MM, dtype=np.float32)
    i, j, k = (
        (per_mm[:, a, None] * np.minimum(t, length[:, None]) + (origin[a] + np.float32(0.5))).astype(np.int32)
        for a in range(3)
    )
    seen = soft.ravel().take((i * soft.shape[1] + j) * soft.shape[2] + k)
    place = np.arange(t.size)
    last = np.where((seen & LESION_BIT) != 0, place, 0).max(axis=1)
    after = place[None, :] > last[:, None]
    left = after & ((seen & np.uint16(1)) == 0)
    first = np.where(left.any(axis=1), left.argmax(axis=1), t.size)
    vessels = np.where(after, (seen >> np.uint16(1)) & np.uint16(127), np.uint16(127)).min(axis=1)
    lungs = ((seen >> np.uint16(8)) & np.uint16(127)).min(axis=1)
    step = np.float32(SAMPLE_MM)
    quarter = np.float32(QUARTER_MM)
    return (
        step * last.astype(np.float32),
        step * (first - last - 1).astype(np.float32),
        quarter * vessels,
        quarter * lungs,
    )


def capsule_degrees(at: NeedleMap, target_mm: FloatArray, ways: FloatArray, t_mm: Float32 | FloatArray) -> Float32:
    """(n,) angle between each way from a target and the capsule's normal where it leaves the liver, t_mm along it."""
    from scipy.ndimage import map_coordinates

    index = at.grid.to_index(target_mm + ways * (np.asarray(t_mm, np.float64)[:, None] + SAMPLE_MM / 2)).T
    slopes = np.empty(index.shape)
    for axis in range(3):
        ahead, behind = index.copy(), index.copy()
        ahead[axis] += 1.0
        behind[axis] -= 1.0
        both = [map_coordinates(at.liver, where, order=1, prefilter=False, mode="nearest") for where in (ahead, behind)]
        slopes[axis] = both[0] - both[1]
    normal = -(slopes.T @ at.grid.inverse)
    cosine = np.einsum("ij,ij->i", normal, ways) / np.maximum(np.linalg.norm(normal, axis=1), 1e-9)
    return np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))).astype(np.float32)


def _origin(at: NeedleMap, target_mm: FloatArray) -> Float32:
    index = at.grid.to_index(target_mm)
    if index.shape != (3,) or not ((index > 0.5) & (index < np.array(at.grid.shape) - 1.5)).all():
        raise InputError(
            f"The target at {np.round(target_mm, 1).tolist()} mm (LPS) is not inside the map of needles, "
            f"which is {at.grid.describe()}; give a point inside the liver."
        )
    return index.astype(np.float32)


def _per_mm(at: NeedleMap, ways: FloatArray) -> Float32:
    """(n, 3) steps of index for a mm along each way."""
    return (np.asarray(ways) @ at.grid.inverse.T).astype(np.float32)
