"""Resections between two scans: what was removed, against what was planned, and which lesions went with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

import numpy as np

from glisson.anatomy import whole_liver
from glisson.anatomy.operated import lay_over_remnant
from glisson.anatomy.overlay import liver_scan
from glisson.case import Case, Unknown
from glisson.errors import InputError
from glisson.geometry import Mask, distance_to
from glisson.lesions.follow import FollowUp
from glisson.planning.operated import LEAST_SHARE, PLANNED_REMOVAL, ResectionCheck, check_resection
from glisson.scene import Notice, Scene

__all__ = ["Operation", "Resected", "lost_at_operations", "operations", "resected_lesions", "resections"]

OUTSIDE_SHARE = 0.9
"""A lesion went with the removed part when at least this share of it would lie outside the remnant, ..."""
OUTSIDE_ERRORS = 2.0
"""... and its middle by at least this many times the error of the overlay."""


@dataclass(frozen=True)
class Operation:
    """A resection of liver between two scans. what: in the record's words. before, after: numbers of the scans."""

    day: date
    what: str
    before: int
    after: int


@dataclass(frozen=True, eq=False)
class Resected:
    """What a resection removed. check: None where the scans cannot be compared, why says so. lesions: names of those
    that went with it. remnants: day and volume in mL of the liver on each scan from the first after it to the next
    operation, lesions in it."""

    operation: Operation
    check: ResectionCheck | None
    why: str
    lesions: tuple[str, ...]
    remnants: tuple[tuple[date, float], ...]


def operations(case: Case, scans: Sequence[Scene]) -> tuple[Operation, ...]:
    """The resections of liver in the record that lie between two of the scans, earliest first; one a gap, the last."""
    treatments = () if isinstance(case.treatments, Unknown) else case.treatments
    days = [date.fromisoformat(scan.facts.date) if scan.facts.date else None for scan in scans]
    if None in days:
        return ()
    found: dict[int, Operation] = {}
    done = [one for one in treatments if one.kind == "hepatectomy" and isinstance(one.start, date)]
    for one in sorted(done, key=lambda item: item.start if isinstance(item.start, date) else date.min):
        assert isinstance(one.start, date)
        after = next((n for n, day in enumerate(days) if day is not None and day > one.start), None)
        if after:
            what = "resection" if isinstance(one.name, Unknown) else one.name
            found[after] = Operation(one.start, what, after - 1, after)
    return tuple(found.values())


def resected_lesions(done: Sequence[Operation], scans: Sequence[Scene], found: FollowUp) -> Mapping[str, Operation]:
    """Lesion last seen before a resection -> the resection, where the lesion's place is no longer liver after it, on
    the first scan that was laid over the one before.

    Near the cut, where the overlay could be off by as much, beyond the border of the scan, and where the overlay is
    refused or the later liver too small for a remnant, a lesion is not taken for removed.
    """
    gone = {}
    for track in found.tracks:
        one = next((one for one in done if one.before >= track.last and track.merged_into is None), None)
        if one is None:
            continue
        after = next((n for n in range(one.after, len(scans)) if (n, track.last) in found.overlays), None)
        overlay = None if after is None else found.overlays[after, track.last]
        if after is None or overlay is None or overlay.refused:
            continue
        masks = [lesion.mask for lesion in scans[track.last].lesions if lesion.id in track.seen[track.last]]
        points = overlay.alignment.to_fixed(np.vstack([mask.grid.to_mm(np.argwhere(mask.data)) for mask in masks]))
        liver, grid = whole_liver(scans[after]), scans[after].grid
        at = grid.to_index(points)
        shown = ((at >= 0) & (at <= np.array(grid.shape) - 1)).all()
        if not shown or liver.volume_ml < LEAST_SHARE * whole_liver(scans[one.before]).volume_ml:
            continue
        away = _away(liver, points)
        if np.mean(away > 0) >= OUTSIDE_SHARE and np.mean(away) > OUTSIDE_ERRORS * overlay.error_mm:
            gone[track.name] = one
    return MappingProxyType(gone)


def lost_at_operations(case: Case, scans: Sequence[Scene], found: FollowUp) -> Mapping[str, int]:
    """Lesion that went with a resection, or was last seen on the day of the scan before one -> number of the scan after
    it: that it is not seen any more says nothing of its response."""
    done = operations(case, scans)
    after = {scans[one.before].facts.date: one.after for one in done}
    last_seen = {t.name: scans[t.last].facts.date for t in found.tracks}
    lost = {name: after[day] for name, day in last_seen.items() if day in after}
    return MappingProxyType(lost | {name: one.after for name, one in resected_lesions(done, scans, found).items()})


def _away(liver: Mask, points_mm: np.ndarray) -> np.ndarray:
    """(n,) distance of points to a liver's voxels in mm, 0 inside."""
    at = np.rint(liver.grid.to_index(points_mm)).astype(int)
    low, high = np.minimum(at.min(axis=0), 0), np.maximum(at.max(axis=0) + 1, liver.grid.shape)
    i, j, k = (slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    room = liver.grid.crop((i, j, k))
    distance: np.ndarray = distance_to(liver.on(room, "the liver"), room.spacing_mm)[tuple((at - low).T)]
    return distance


def resections(case: Case, scans: Sequence[Scene], found: FollowUp) -> tuple[tuple[Resected, ...], tuple[Notice, ...]]:
    """What each resection between two scans removed, and what is to be said of it.

    A structure `planned_removal` on the scan before is what the plan removes.
    """
    done = operations(case, scans)
    gone = resected_lesions(done, scans, found)
    made, notices = [], []
    for number, one in enumerate(done):
        end = done[number + 1].after if number + 1 < len(done) else len(scans)
        livers = {n: whole_liver(scans[n]) for n in (one.before, *range(one.after, end))}
        check, why = None, ""
        try:
            check = _check(one, scans, livers, found)
        except InputError as trouble:
            why = str(trouble)
            text = f"The resection of {one.day} is not compared with the scan before. {why}"
            notices.append(Notice("error", "resection-not-measured", text, "liver"))
        names = tuple(sorted(name for name, op in gone.items() if op == one))
        days = [(date.fromisoformat(scans[n].facts.date or ""), livers[n].volume_ml) for n in range(one.after, end)]
        made.append(Resected(one, check, why, names, tuple(days)))
    return tuple(made), tuple(notices)


def _check(one: Operation, scans: Sequence[Scene], livers: Mapping[int, Mask], found: FollowUp) -> ResectionCheck:
    overlay = found.overlays.get((one.after, one.before))
    if overlay is None:
        overlay = lay_over_remnant(liver_scan(scans[one.after]), liver_scan(scans[one.before]))
    planned = scans[one.before].structures.get(PLANNED_REMOVAL)
    return check_resection(livers[one.before], livers[one.after], overlay, planned)
