"""Sizes of the followed lesions on every scan, and what they make of response and growth."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType

from glisson.case import Case, Treatment, Unknown
from glisson.lesions.diameters import axial_diameters
from glisson.lesions.follow import FollowUp, Track
from glisson.lesions.kinetics import Growth, Projection, growth_of, project
from glisson.lesions.response import Disagreement, Reading, Response, disagreements, respond, timelines
from glisson.scene import LesionMask, Scene

__all__ = ["Serial", "Size", "serial_findings"]

CRITERIA = ("recist-1.1", "volumetric")
"""Criteria for which outlines alone are enough."""


@dataclass(frozen=True)
class Size:
    """One lesion on one scan. longest_mm: axial, of the largest piece. volume_ml: of all pieces. pieces: how many."""

    longest_mm: float
    volume_ml: float
    pieces: int


@dataclass(frozen=True, eq=False)
class Serial:
    """The lesions over time.

    days: of the scans, earliest first. sizes: name for life -> one size for each scan, None where it was not seen.
    baseline: number of the scan that response is measured from. same_day: scans of one day are one assessment, day by
    day the numbers of its scans, the one that counts first (of the modality of the last scan). responses: one for each
    of CRITERIA. growth: name -> growth through the volumes since the baseline, where there are two. projections: name
    -> when it reaches the volume of a ball of projected_mm, of lesions that grow. removed: name -> number of the scan
    from which on that it is not seen tells nothing, as it was or may have been resected or ablated.
    """

    days: tuple[date, ...]
    sizes: Mapping[str, tuple[Size | None, ...]]
    baseline: int
    same_day: tuple[tuple[int, ...], ...]
    responses: tuple[Response, ...]
    disagreements: tuple[Disagreement, ...]
    growth: Mapping[str, Growth]
    projections: Mapping[str, Projection]
    projected_mm: float
    removed: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))

    def course(self, name: str, *, whole: bool = False) -> tuple[tuple[date, Size | None], ...]:
        """Day and size of a lesion, one for each day from the baseline on (from the first scan on, with whole).

        Of several scans of a day that which counts tells the size; another one where the lesion is not seen on it. It
        ends where the lesion was removed.
        """
        until = self.removed.get(name, len(self.days))
        return tuple(
            (self.days[n], size)
            for n, size in _by_day(self.sizes[name], self.same_day)
            if (whole or self.days[n] >= self.days[self.baseline]) and (size is not None or n < until)
        )


def serial_findings(
    case: Case,
    scenes: Sequence[Scene],
    found: FollowUp,
    *,
    project_to_mm: float,
    lost: Mapping[str, int] = MappingProxyType({}),
) -> Serial | Unknown:
    """Measure the followed lesions and judge response from the last scan before the latest systemic treatment.

    project_to_mm: diameter of the sphere whose volume growth is projected to. lost: lesion -> number of the scan from
    which on it was or may have been resected or ablated, so that its absence is no response: not evaluable; until then
    it counts. Benign lesions and others that were treated are left out of response. Unknown, with why, when a scan has
    no date.
    """
    days = [scene.facts.date for scene in scenes]
    if None in days:
        return Unknown("a scan has no date")
    known = tuple(date.fromisoformat(day) for day in days if day is not None)
    sizes = {track.name: tuple(_size(track, n, scene) for n, scene in enumerate(scenes)) for track in found.tracks}
    held = {lesion.id: lesion.nature for lesion in case.lesions}
    left_out = ("benign", "treated")
    counted = [
        t for t in found.tracks
        if held.get(t.name) not in left_out or (held[t.name] == "treated" and t.name in lost)
    ]  # fmt: skip
    baseline, same_day = _baseline(case, known), _same_day(known, scenes)
    since = tuple(numbers for numbers in same_day if known[numbers[0]] >= known[baseline])
    readings = _readings(case.id, counted, sizes, scenes, since, lost)
    responses: tuple[Response, ...] = ()
    if readings and len({row.date for row in readings}) > 1:
        (line,) = timelines(readings, "the lesions of the scans")
        responses = tuple(respond(line, name) for name in CRITERIA)
    growth = {t.name: g for t in counted if (g := _growth(sizes[t.name], known, since)) is not None}
    ball_ml = math.pi / 6 * project_to_mm**3 / 1000.0
    return Serial(
        known, MappingProxyType(sizes), baseline, same_day, responses, disagreements(responses),
        MappingProxyType(growth),
        MappingProxyType({n: project(g, volume_ml=ball_ml) for n, g in growth.items() if g.growing and n not in lost}),
        project_to_mm, MappingProxyType(dict(lost)),
    )  # fmt: skip


def _baseline(case: Case, days: Sequence[date]) -> int:
    """The last scan on or before the day the latest systemic treatment began; the first where there is none."""
    treatments: tuple[Treatment, ...] = () if isinstance(case.treatments, Unknown) else case.treatments
    begun = [t.start for t in treatments if t.kind == "systemic" and isinstance(t.start, date)]
    before = [n for n, day in enumerate(days[:-1]) if begun and day <= max(begun)]
    return before[-1] if before else 0


def _pieces(track: Track, number: int, scene: Scene) -> list[LesionMask]:
    ids = track.seen.get(number, ())
    return [lesion for lesion in scene.lesions if lesion.id in ids]


def _size(track: Track, number: int, scene: Scene) -> Size | None:
    pieces = _pieces(track, number, scene)
    if not pieces:
        return None
    longest = max(axial_diameters(one.mask, scene.grid.slice_axis).longest.length_mm for one in pieces)
    return Size(longest, sum(one.mask.volume_ml for one in pieces), len(pieces))


def _same_day(days: Sequence[date], scenes: Sequence[Scene]) -> tuple[tuple[int, ...], ...]:
    """Day by day the numbers of its scans, first those of the modality of the last scan, then in their order."""
    last = scenes[-1].facts.modality
    return tuple(
        tuple(sorted((n for n, own in enumerate(days) if own == day), key=lambda n: scenes[n].facts.modality != last))
        for day in sorted(set(days))
    )


def _by_day(sizes: Sequence[Size | None], same_day: Sequence[tuple[int, ...]]) -> list[tuple[int, Size | None]]:
    """For each day the number of the scan that tells the size, and the size."""
    told = [next((n for n in numbers if sizes[n] is not None), numbers[0]) for numbers in same_day]
    return [(n, sizes[n]) for n in told]


def _readings(
    patient: str,
    tracks: Sequence[Track],
    sizes: Mapping[str, tuple[Size | None, ...]],
    scenes: Sequence[Scene],
    since: Sequence[tuple[int, ...]],
    lost: Mapping[str, int],
) -> list[Reading]:
    """Rows of the response table from the baseline on, one a day; a lesion that is merged into another says so.

    since: the scans of each day from that of the baseline on.
    """
    rows: list[Reading] = []
    for track in tracks:
        own = _by_day(sizes[track.name], since)
        if all(size is None for _, size in own):
            continue
        kind = "" if own[0][1] is not None else "new"
        start = next(place for place, (_, size) in enumerate(own) if size is not None)
        for number, size in own[start:]:
            removed = size is None and number >= lost.get(track.name, len(scenes))
            rows.append(_reading(patient, track, size, scenes[number], kind, number, len(rows) + 1, removed))
    return rows


def _reading(
    patient: str,
    track: Track,
    size: Size | None,
    scene: Scene,
    kind: str,
    number: int,
    line: int,
    removed: bool,
) -> Reading:
    merged = track.merged_into is not None and number >= track.merged_into[1]
    gone = "not evaluable" if removed else "merged" if merged else "absent"
    state = "measured" if size is not None else gone
    unknown = None if removed else 0.0
    return Reading(
        line, patient, None, date.fromisoformat(scene.facts.date or ""), track.name, "liver", kind, False, state,
        diameter_mm=round(size.longest_mm, 3) if size else unknown,
        part_of=track.merged_into[0] if merged and track.merged_into else None,
        volume_ml=round(size.volume_ml, 4) if size else unknown,
        slice_mm=scene.facts.slice_thickness_mm,
    )  # fmt: skip


def _growth(sizes: Sequence[Size | None], days: Sequence[date], since: Sequence[tuple[int, ...]]) -> Growth | None:
    """Through the volumes of the days since the baseline on which it was seen."""
    seen = {days[n]: size.volume_ml for n, size in _by_day(sizes, since) if size is not None}
    return growth_of(tuple(seen), volumes_ml=tuple(seen.values())) if len(seen) > 1 else None
