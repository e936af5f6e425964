"""Needle paths from the skin to a lesion: a short list of ways of which none is better than another in everything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from glisson.errors import InputError
from glisson.geometry import FloatArray, Mask
from glisson.planning.needle_fan import FATES, OPEN, Fan, Passed, directions, fan, passed
from glisson.planning.needle_map import NeedleMap
from glisson.planning.needle_measure import measured
from glisson.planning.needle_pareto import spread_front

__all__ = ["DIRECTIONS", "NeedlePath", "NeedleSearch", "needle_paths", "parallel_path"]

DIRECTIONS = 50_000
"""Ways tried for each target: about one degree apart, 2 mm on the skin at a depth of 12 cm."""

MOST_PATHS = 10
"""Paths given out for each target."""

LENGTH_STEP_MM, ROOM_STEP_MM, ANGLE_STEP = 5.0, 1.0, 5.0
"""Differences smaller than these (length; distances; degrees) are not told apart when paths are compared."""

SPREAD_DEGREES = 25.0
"""Ways that differ by this angle count as far apart as the best and the worst of one wish."""


@dataclass(frozen=True, eq=False)
class NeedlePath:
    """One straight way for a needle, measured on the outlines as given; points in LPS mm, lengths in mm.

    entry_mm: on the skin. target_mm: what the needle aims at; tip_mm: where it ends (the target, or `beyond_mm`
    further). length_mm: skin to tip. in_lesion_mm: lesion passed up to the target. tract_mm: liver between capsule and
    lesion. capsule_degrees: between the needle and the capsule's normal. tilt_degrees: out of the axial plane.
    clearance_mm: structure -> least distance of its outline from the axis (a lower bound, at most the corner of a voxel
    too small). limiting: the structure with the least room beyond what is demanded; "" where none was given.
    vessel_mm: to the nearest vessel outlined between lesion and skin, None where none was given; lung_mm: the same
    to the lungs. side: where the needle enters, in words. notes: what speaks against it.
    """

    entry_mm: FloatArray
    target_mm: FloatArray
    tip_mm: FloatArray
    length_mm: float
    in_lesion_mm: float
    tract_mm: float
    capsule_degrees: float
    tilt_degrees: float
    clearance_mm: Mapping[str, float]
    limiting: str
    vessel_mm: float | None
    lung_mm: float | None
    side: str
    notes: tuple[str, ...] = ()

    @property
    def direction(self) -> FloatArray:
        """(3,) unit vector from the skin to the tip, LPS."""
        way = self.tip_mm - self.entry_mm
        return np.asarray(way / np.linalg.norm(way))


@dataclass(frozen=True, eq=False)
class NeedleSearch:
    """The paths found to one target, the most balanced first, and what became of every way tried.

    fates: words of needle_fan.FATES -> number of ways. checked, not_checked: forbidden structures that were, and that
    were not given. notes: what a reader must know, in words. target_mm: (3,) LPS. fate, reach_mm: (tried,) what became
    of each of `directions(tried)`, and how far from the target it came; for maps of the skin.
    """

    lesion: str
    paths: tuple[NeedlePath, ...]
    tried: int
    fates: Mapping[str, int]
    checked: tuple[str, ...]
    not_checked: tuple[str, ...]
    notes: tuple[str, ...]
    target_mm: FloatArray
    fate: npt.NDArray[np.int8] = field(repr=False)
    reach_mm: npt.NDArray[np.float32] = field(repr=False)


def needle_paths(
    at: NeedleMap,
    lesion_id: str,
    lesion: Mask,
    *,
    target_mm: FloatArray | None = None,
    beyond_mm: float = 0.0,
    ways: int = DIRECTIONS,
) -> NeedleSearch:
    """At most MOST_PATHS straight paths from the skin to a lesion that keep what is demanded, well spread.

    target_mm: (3,) LPS; by default the voxel centre of the lesion nearest to its centroid. beyond_mm: how far the tip
    reaches beyond the target. ways: how many directions are tried. A path is kept when no other is at least as good in
    every wish (length, room to what is forbidden, vessels, lungs, liver crossed before the lesion, capsule angle, tilt)
    and better in one, where differences too small to be told apart count as none. The same input gives the same paths.
    Raises InputError for an empty lesion, and for a target outside the map.
    """
    if lesion.is_empty:
        raise InputError(f"Lesion {lesion_id} is empty; a needle needs something to aim at.")
    target = _middle(lesion) if target_mm is None else np.asarray(target_mm, np.float64)
    tried = fan(at, lesion, target, directions(ways), beyond_mm=beyond_mm)
    open_ways = np.flatnonzero(tried.fate == OPEN)
    counts = np.bincount(tried.fate, minlength=len(FATES))
    found: list[NeedlePath] = []
    if open_ways.size:
        wishes = _wishes(at, tried, open_ways, passed(at, lesion, tried, open_ways))
        for place in spread_front(wishes, tried.directions[open_ways], SPREAD_DEGREES):
            path = _path(at, lesion, target, tried.directions[open_ways[place]], beyond_mm)
            if path is not None:
                found.append(path)
            if len(found) == MOST_PATHS:
                break
    return NeedleSearch(
        lesion=lesion_id,
        paths=tuple(found),
        tried=ways,
        fates=MappingProxyType({name: int(n) for name, n in zip(FATES, counts, strict=True)}),
        checked=at.checked,
        not_checked=at.not_checked,
        notes=_search_notes(at, found, counts),
        target_mm=target,
        fate=tried.fate,
        reach_mm=tried.length_mm,
    )


def parallel_path(
    at: NeedleMap, lesion: Mask, target_mm: FloatArray, direction: FloatArray, *, beyond_mm: float = 0.0
) -> NeedlePath | None:
    """The path to one target along a given direction (unit vector from skin to tip); None where it is not open."""
    return _path(at, lesion, np.asarray(target_mm, np.float64), -np.asarray(direction, np.float64), beyond_mm)


def _middle(lesion: Mask) -> FloatArray:
    """The voxel centre nearest to the centroid: a point of the lesion even where it is hollow or bent."""
    points = lesion.grid.to_mm(np.argwhere(lesion.data))
    return np.asarray(points[int(np.argmin(((points - points.mean(axis=0)) ** 2).sum(axis=1)))])


def _wishes(at: NeedleMap, tried: Fan, ways: npt.NDArray[np.intp], met: Passed) -> FloatArray:
    """(n, 7) how far each way falls short of every wish, in steps that can be told apart; 0 is fulfilled."""
    rules = at.rules
    tilt = np.degrees(np.arcsin(np.clip(np.abs(tried.directions[ways][:, 2]), 0, 1)))
    columns = (
        tried.length_mm[ways] / LENGTH_STEP_MM,
        (rules.enough_clearance_mm - tried.clearance_mm[ways]) / ROOM_STEP_MM,
        (rules.enough_vessel_mm - met.vessel_mm) / ROOM_STEP_MM,
        (rules.enough_lung_mm - met.lung_mm) / ROOM_STEP_MM,
        (rules.enough_tract_mm - met.tract_mm) / ROOM_STEP_MM,
        (met.capsule_degrees - rules.easy_capsule_degrees) / ANGLE_STEP,
        (tilt - rules.easy_tilt_degrees) / ANGLE_STEP,
    )
    return np.maximum(np.ceil(np.stack(columns, axis=1) - 1e-6), 0.0)


def _path(at: NeedleMap, lesion: Mask, target: FloatArray, way: FloatArray, beyond_mm: float) -> NeedlePath | None:
    """The way measured on the outlines; None where it does not keep what is demanded there."""
    found = measured(at, lesion, target, way, beyond_mm)
    if found is None:
        return None
    rules = at.rules
    room = {name: mm - rules.forbidden[name] for name, mm in found.outside_mm.items()}
    if found.length_mm > rules.device_length_mm or any(mm < 0 for mm in room.values()):
        return None
    notes = []
    if found.tract_mm < rules.least_tract_mm:
        notes.append(f"Only {found.tract_mm:.0f} mm of liver before the lesion.")
    if found.capsule_crossings > 1:
        notes.append("The needle leaves the liver and enters it again.")
    near = [name for name, mm in found.clearance_mm.items() if mm < rules.forbidden[name]]
    notes += [f"In the lesion the needle comes within {found.clearance_mm[name]:.0f} mm of {name}." for name in near]
    return NeedlePath(
        entry_mm=found.entry_mm,
        target_mm=target,
        tip_mm=target - beyond_mm * way,
        length_mm=found.length_mm,
        in_lesion_mm=found.in_lesion_mm,
        tract_mm=found.tract_mm,
        capsule_degrees=found.capsule_degrees,
        tilt_degrees=float(np.degrees(np.arcsin(min(abs(float(way[2])), 1.0)))),
        clearance_mm=MappingProxyType(found.clearance_mm),
        limiting=min(room, key=lambda name: room[name]) if room else "",
        vessel_mm=found.vessel_mm,
        lung_mm=found.lung_mm,
        side=_side(way),
        notes=tuple(notes),
    )


def _side(way: FloatArray) -> str:
    """Where on the body a way comes out, in words: front, right, left or back, and from above or below when steep."""
    across = {"front": -way[1], "back": way[1], "left": way[0], "right": -way[0]}
    order = sorted(across, key=lambda name: -across[name])
    words = order[0]
    if across[order[1]] > 0.5 * across[order[0]]:
        words = f"{order[0]} {order[1]}"
    if abs(way[2]) > 0.5:
        words += ", from above" if way[2] > 0 else ", from below"
    return words


def _search_notes(at: NeedleMap, found: list[NeedlePath], counts: npt.NDArray[np.intp]) -> tuple[str, ...]:
    notes = []
    if at.not_checked:
        notes.append(f"Not checked, because there is no outline of them: {', '.join(at.not_checked)}.")
    if not at.vessels:
        notes.append("Distance to vessels was not assessed: none are outlined.")
    if any(name.startswith("lung") for name in at.checked):
        notes.append("The pleura reaches lower than the air-filled lung that is outlined.")
    if not found:
        blocked, leaves, long = (int(n) for n in counts[1:])
        notes.append(
            f"No straight path was found: of the ways tried {blocked} are blocked, {leaves} leave the scan and {long} "
            "are longer than the needle."
        )
    return tuple(notes)
