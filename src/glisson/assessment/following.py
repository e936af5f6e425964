"""Lesions of earlier scans carried to the last one: names for life, and sites that are seen no more."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date

import numpy as np

from glisson.assessment.operated import Operation, operations, resected_lesions
from glisson.case import Case, LesionFacts, Unknown
from glisson.geometry import Mask, surface, surface_distance_mm
from glisson.lesions.follow import FollowUp, VanishedSite, follow
from glisson.planning.ablated import AblationCheck, ZoneCourse, check_ablation, zone_course, zones_of
from glisson.scene import LesionMask, Notice, Scene

__all__ = ["ablation_checks", "carried", "follow_scene", "lost_at_ablations", "near_zones", "zone_courses"]

SETTLED = ("benign", "treated", "vanished")
"""What the record says of a lesion that is not seen on the last scan is kept when it is one of these."""


def follow_scene(case: Case, scene: Scene, progress: Callable[[str, float], None] | None = None) -> FollowUp:
    """Follow the lesions of a scene and its earlier scans, with what the record states of their names."""
    scenes = (*scene.earlier, scene)
    number = {one.study: place for place, one in enumerate(scenes) if one.study}
    stated = {
        (number[known.study], known.lesion): lesion.id
        for lesion in case.lesions
        for known in lesion.known_as
        if known.study in number
    }
    done = operations(case, scenes)
    return follow(scenes, stated=stated, operated=[one.after for one in done], progress=progress)


def carried(case: Case, scene: Scene, found: FollowUp) -> tuple[Case, Scene, tuple[Notice, ...]]:
    """The record and the last scan with every lesion ever seen, by its name for life, and what is to be said of it.

    A site that is seen no more becomes a lesion of the scene, of the nature vanished (or as the record has it), with
    its last outline carried over. One whose overlay is refused is in the record alone: nobody knows where it lies now.
    So is one that went with a resection: of the nature treated. Of that nature too, with its outline, is one that lies
    whole in its ablation zone on the last scan.
    """
    scenes = (*scene.earlier, scene)
    gone = resected_lesions(operations(case, scenes), scenes, found)
    zones = zones_of(scene, (site.name for site in found.vanished))
    last = len(scenes) - 1
    renamed = tuple(replace(lesion, id=found.name_of(last, lesion.id)) for lesion in scene.lesions)
    facts = {lesion.id: lesion for lesion in case.lesions}
    notices = [notice for overlay in found.overlays.values() for notice in overlay.notices]
    notices += [n for track in found.tracks if (n := _doubt(track.name, track.confidence.get(last))) is not None]
    sites = []
    for site in found.vanished:
        if site.name in gone:
            facts[site.name] = _removed(site, scenes, gone[site.name], facts.get(site.name))
            text = f"{site.name} lay in the part that was resected on {gone[site.name].day}."
            notices.append(Notice("info", "lesion-resected", text, site.name))
            continue
        lies_in_zone = site.name in zones and _holds(zones[site.name], site)
        facts[site.name] = (_ablated if lies_in_zone else _gone)(site, scenes, facts.get(site.name))
        where = _named(scenes[site.last_seen])
        if site.refused or site.mask.is_empty:
            text = f"{site.name}, last seen on {where}, cannot be placed on this scan; no plan covers it."
            notices.append(Notice("error", "vanished-not-placed", text, site.name))
            continue
        source = f"last seen on {where}; carried over to about {site.error_mm:.1f} mm along each axis"
        sites.append(LesionMask(site.name, site.mask, source))
    order = {track.name: place for place, track in enumerate(found.tracks)}
    lesions = tuple(sorted((*renamed, *sites), key=lambda lesion: order[lesion.id]))
    kept = tuple(facts[lesion.id] for lesion in case.lesions)
    added = tuple(fact for name, fact in facts.items() if name not in {lesion.id for lesion in case.lesions})
    return replace(case, lesions=(*kept, *added)), replace(scene, lesions=lesions), tuple(notices)


def ablation_checks(
    scans: Sequence[Scene], liver: Mask, found: FollowUp, wanted_mm: float
) -> tuple[Mapping[str, AblationCheck], tuple[Notice, ...]]:
    """Each ablation zone outlined on the last scan against its lesion as last seen before, by name for life."""
    last = len(scans) - 1
    tracks = {track.name: track for track in found.tracks}
    checks, notices = {}, []
    for name, zone in zones_of(scans[last], tracks).items():
        before = [n for n in tracks[name].seen if n < last]
        overlay = found.overlays.get((last, max(before))) if before else None
        if overlay is None or overlay.refused:
            why = "no earlier scan shows the lesion" if overlay is None else "the scans cannot be laid over each other"
            notices.append(Notice("error", "ablation-not-measured", f"The ablation of {name}: {why}.", name))
            continue
        scan = scans[max(before)]
        pieces = [one.mask for one in scan.lesions if one.id in tracks[name].seen[max(before)]]
        lesion = Mask(np.logical_or.reduce([mask.on(scan.grid) for mask in pieces]), scan.grid).trimmed()
        checks[name] = check_ablation(lesion, zone, liver, overlay, wanted_mm=wanted_mm)
    return checks, tuple(notices)


def zone_courses(
    case: Case, scans: Sequence[Scene], found: FollowUp
) -> tuple[Mapping[str, ZoneCourse], tuple[Notice, ...]]:
    """Lesion -> how large its ablation zone was on each scan that has a day; what grew is said.

    The zone belongs to the last ablation of the record up to the first scan that shows it.
    """
    volumes: dict[str, list[tuple[date, float]]] = {}
    for scan in scans:
        for name, zone in zones_of(scan, (track.name for track in found.tracks)).items():
            if scan.facts.date is not None:
                volumes.setdefault(name, []).append((date.fromisoformat(scan.facts.date), zone.volume_ml))
    treatments = () if isinstance(case.treatments, Unknown) else case.treatments
    days = sorted(t.start for t in treatments if t.kind == "ablation" and isinstance(t.start, date))
    courses, notices = {}, []
    for name, own in sorted(volumes.items()):
        done = [day for day in days if day <= own[0][0]]
        courses[name] = zone_course(own, done[-1] if done else None)
        if courses[name].grown:
            first, least = min(own[:-1], key=lambda pair: pair[1])
            again = [day for day in days if first < day <= own[-1][0]]
            grew = f"grew from {least:.1f} to {own[-1][1]:.1f} mL, more than outlines differ"
            text = f"The ablation zone of {name} {grew}{_zone_words(again[-1] if again else None, len(own))}"
            notices.append(Notice("warning", "zone-grown", text, name))
    return courses, tuple(notices)


def _zone_words(again: date | None, scans: int) -> str:
    """What the growth of a zone means. again: day of an ablation since its smallest size; scans: that show it."""
    if again is not None:
        return f"; an ablation of {again} lies between: of this lesion it explains that, of another one it does not."
    if scans == 2:
        return ". Between a zone's first two scans that told nothing in one series (zone-growth-2012): look again soon."
    return ": local progression until shown otherwise."


def lost_at_ablations(scans: Sequence[Scene], found: FollowUp) -> Mapping[str, int]:
    """Lesion that is seen no more once its ablation zone is outlined -> number of the first such scan: that it is not
    seen any more says nothing of its response."""
    zones = [zones_of(scan, (track.name for track in found.tracks)) for scan in scans]
    first = {
        track.name: next((n for n in range(track.last + 1, len(scans)) if track.name in zones[n]), None)
        for track in found.tracks
    }
    return {name: number for name, number in first.items() if number is not None}


def near_zones(scans: Sequence[Scene], found: FollowUp) -> Mapping[str, tuple[str, float]]:
    """New lesion of the last scan -> the lesion whose ablation zone is nearest there, and the distance in mm."""
    last = len(scans) - 1
    zones = {name: surface(zone) for name, zone in zones_of(scans[last], (t.name for t in found.tracks)).items()}
    near = {}
    for track in found.tracks:
        own = [one.mask for one in scans[last].lesions if track.first == last and one.id in track.seen[last]]
        if own and zones:
            gaps = {
                n: min(surface_distance_mm(surface(m), z) for m in own) for n, z in zones.items() if n != track.name
            }
            if gaps:
                name = min(gaps, key=lambda n: gaps[n])
                near[track.name] = (name, gaps[name])
    return near


def _gone(site: VanishedSite, scenes: tuple[Scene, ...], fact: LesionFacts | None) -> LesionFacts:
    """What holds of a lesion that is not on the last scan."""
    if fact is not None and fact.nature in SETTLED:
        return fact
    day = scenes[site.last_seen].facts.date
    unseen = scenes[site.last_seen + 1]
    if day is not None and day == scenes[-1].facts.date:
        reason = f"seen on {_named(scenes[site.last_seen])} of the same day, not on this scan"
        return fact if fact is not None else LesionFacts(site.name, "probable", reason)
    reason = f"seen on {_named(scenes[site.last_seen])}, not on {_named(unseen)}; a vanished site may hold tumour"
    changes: Mapping[str, object] = {"nature": "vanished", "reason": reason, "vanished_on": _day(unseen)}
    return replace(fact or LesionFacts(site.name, first_seen=_day(scenes[site.last_seen])), **changes)  # type: ignore[arg-type]


def _removed(site: VanishedSite, scenes: tuple[Scene, ...], done: Operation, fact: LesionFacts | None) -> LesionFacts:
    """What holds of a lesion whose place was resected."""
    if fact is not None and fact.nature in SETTLED:
        return fact
    reason = f"its place on {_named(scenes[site.last_seen])} is not in the liver after the resection of {done.day}"
    known = fact or LesionFacts(site.name, first_seen=_day(scenes[site.last_seen]))
    return replace(known, nature="treated", reason=reason)


def _holds(zone: Mask, site: VanishedSite) -> bool:
    """Whether nothing of the carried outline of a lesion lies outside an ablation zone."""
    placed = not (site.refused or site.mask.is_empty)
    return placed and not (site.mask.data & ~zone.on(site.mask.grid, "the ablation zone")).any()


def _ablated(site: VanishedSite, scenes: tuple[Scene, ...], fact: LesionFacts | None) -> LesionFacts:
    """What holds of a lesion that lies whole in its ablation zone."""
    if fact is not None and fact.nature in SETTLED:
        return fact
    reason = f"seen on {_named(scenes[site.last_seen])}; it lies in its ablation zone, whose margin is measured"
    known = fact or LesionFacts(site.name, first_seen=_day(scenes[site.last_seen]))
    return replace(known, nature="treated", reason=reason)


def _day(scene: Scene) -> date | Unknown:
    return Unknown("the scan has no date") if scene.facts.date is None else date.fromisoformat(scene.facts.date)


def _named(scene: Scene) -> str:
    day = f" of {scene.facts.date}" if scene.facts.date else ""
    return f"{scene.study or scene.facts.modality or 'a scan'}{day}"


def _doubt(name: str, confidence: str | None) -> Notice | None:
    if confidence not in ("low", "moderate"):
        return None
    text = f"That {name} on the last scan is the same lesion as before is of {confidence} confidence: look at it."
    return Notice("warning", "identity-uncertain", text, name)
