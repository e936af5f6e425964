"""The same lesions on any number of dates: names for life, what vanished and where it would lie now."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from types import MappingProxyType

from glisson.anatomy.operated import lay_over_remnant
from glisson.anatomy.overlay import LiverScan, Overlay, lay_over, liver_scan
from glisson.errors import InputError
from glisson.geometry import Mask
from glisson.lesions.matching import Match, match_lesions
from glisson.scene import LesionMask, Scene

__all__ = ["FollowUp", "Track", "VanishedSite", "follow", "free_name"]


@dataclass(frozen=True)
class Track:
    """One lesion through time.

    name: for life. seen: number of the scan -> ids there (several where it was split). confidence: number of the scan
    -> how sure it is that this is the same lesion; the first one is always "high", a name given by a person "stated".
    merged_into: name of the lesion it became part of, and on which scan.
    """

    name: str
    seen: Mapping[int, tuple[str, ...]]
    confidence: Mapping[int, str]
    merged_into: tuple[str, int] | None = None

    @property
    def first(self) -> int:
        """Number of the scan on which it was first seen."""
        return min(self.seen)

    @property
    def last(self) -> int:
        """Number of the scan on which it was last seen."""
        return max(self.seen)


@dataclass(frozen=True, eq=False)
class VanishedSite:
    """Where a lesion that is seen no more would lie on the last scan.

    mask: its last outline, carried there, on a box of the scan's lattice. error_mm: expected error along each axis.
    last_seen: number of the scan. refused: the overlay is too uncertain to say where it lies.
    """

    name: str
    mask: Mask
    error_mm: float
    last_seen: int
    refused: bool


@dataclass(frozen=True, eq=False)
class FollowUp:
    """Lesions followed over scans, earliest first.

    tracks: by order of appearance. matches: for each scan but the first, what became of the lesions known before it
    (ids are names for life on the earlier side, the scan's ids on the later). overlays: (later, earlier) -> overlay.
    vanished: sites on the last scan of lesions not seen there.
    """

    tracks: tuple[Track, ...]
    matches: tuple[tuple[Match, ...], ...]
    overlays: Mapping[tuple[int, int], Overlay]
    vanished: tuple[VanishedSite, ...]

    def name_of(self, scan: int, lesion: str) -> str:
        """The name for life of a scan's lesion. Raises KeyError for one that is not there."""
        for track in self.tracks:
            if lesion in track.seen.get(scan, ()):
                return track.name
        raise KeyError((scan, lesion))


@dataclass(eq=False)
class _Known:
    """A track in the making."""

    name: str
    seen: dict[int, tuple[str, ...]] = field(default_factory=dict)
    confidence: dict[int, str] = field(default_factory=dict)
    merged_into: tuple[str, int] | None = None
    mask: Mask | None = None

    def see(self, scan: int, lesions: Sequence[LesionMask], confidence: str) -> None:
        self.seen[scan] = tuple(lesion.id for lesion in lesions)
        self.confidence[scan] = confidence
        self.mask = max((lesion.mask for lesion in lesions), key=lambda mask: mask.count)


def follow(
    scenes: Sequence[Scene],
    *,
    stated: Mapping[tuple[int, str], str] | None = None,
    operated: Sequence[int] = (),
    progress: Callable[[str, float], None] | None = None,
) -> FollowUp:
    """Follow lesions over the scans of one patient, earliest first.

    stated: (number of the scan, id there) -> name for life, as a person said; nothing overrules it. operated: numbers
    of the first scans after a resection of liver; the outlines before and after one are not expected to fit. Names are
    the ids of the scan on which a lesion is first seen, or the next free number where that is taken. A lesion that
    vanished is looked for again on every later scan, at the place where it was last seen. Raises InputError for a
    statement about a lesion that is not there.
    """
    stated = stated or {}
    _check(scenes, stated)
    scans = [liver_scan(scene) for scene in scenes]
    overlays = _Overlays(scans, operated)
    known: list[_Known] = []
    matches = []
    for number, scene in enumerate(scenes):
        if progress is not None:
            progress(f"Following lesions to scan {number + 1} of {len(scenes)}", number / len(scenes))
        matches.append(_step(number, scene, known, overlays, stated))
    last = len(scenes) - 1
    vanished = tuple(
        _site(one, scenes[last], overlays.of(last, one_last), one_last)
        for one in known
        if (one_last := max(one.seen)) != last and one.merged_into is None
    )
    tracks = tuple(
        Track(k.name, MappingProxyType(k.seen), MappingProxyType(k.confidence), k.merged_into) for k in known
    )
    return FollowUp(tracks, tuple(matches[1:]), MappingProxyType(overlays.made), vanished)


def _check(scenes: Sequence[Scene], stated: Mapping[tuple[int, str], str]) -> None:
    there = {(number, lesion.id) for number, scene in enumerate(scenes) for lesion in scene.lesions}
    strangers = sorted(set(stated) - there)
    if strangers:
        number, lesion = strangers[0]
        raise InputError(
            f"A name was given to lesion {lesion!r} of scan {number + 1}, which has no such lesion. "
            "Give the id that the scan's lesions have."
        )


@dataclass(eq=False)
class _Overlays:
    """Scans laid over each other, each pair once and only when asked for."""

    scans: Sequence[LiverScan]
    operated: Sequence[int]
    made: dict[tuple[int, int], Overlay] = field(default_factory=dict)

    def of(self, later: int, earlier: int) -> Overlay:
        if (later, earlier) not in self.made:
            lay = lay_over_remnant if any(earlier < number <= later for number in self.operated) else lay_over
            self.made[later, earlier] = lay(self.scans[later], self.scans[earlier])
        return self.made[later, earlier]


def _step(
    number: int,
    scene: Scene,
    known: list[_Known],
    overlays: _Overlays,
    stated: Mapping[tuple[int, str], str],
) -> tuple[Match, ...]:
    """Give every lesion of one scan its track: stated ones first, then by the scan on which the others were last seen,
    the latest first."""
    here = {lesion.id: lesion for lesion in scene.lesions}
    found = _take_stated(number, here, known, stated)
    for earlier in range(number - 1, -1, -1):
        waiting = [k for k in known if k.seen and max(k.seen) == earlier and k.merged_into is None]
        if not waiting or not here:
            continue
        overlay = overlays.of(number, earlier)
        old = [LesionMask(k.name, k.mask) for k in waiting if k.mask is not None]
        for match in match_lesions(old, list(here.values()), overlay):
            if match.kind in ("same", "split", "merged"):
                _take(number, match, here, {k.name: k for k in waiting})
                found.append(match)
    gone = [k.name for k in known if number not in k.seen and k.merged_into is None]
    found += [Match("vanished", (name,), (), "high", None, "no lesion lies in its place") for name in gone]
    for lesion in list(here.values()):
        known.append(_Known(free_name(lesion.id, {k.name for k in known})))
        known[-1].see(number, [here.pop(lesion.id)], "high")
        found.append(Match("new", (), (lesion.id,), "high", None, "no earlier lesion lies in this place"))
    return tuple(found)


def _take_stated(
    number: int, here: dict[str, LesionMask], known: list[_Known], stated: Mapping[tuple[int, str], str]
) -> list[Match]:
    by_name: dict[str, list[str]] = {}
    for (scan, lesion), name in sorted(stated.items()):
        if scan == number:
            by_name.setdefault(name, []).append(lesion)
    found = []
    for name, ids in by_name.items():
        track = next((k for k in known if k.name == name), None)
        if track is None:
            track = _Known(name)
            known.append(track)
        elif track.seen:
            found.append(Match("same" if len(ids) == 1 else "split", (name,), tuple(ids), "stated", None, "stated"))
        track.see(number, [here.pop(i) for i in ids], "stated")
    return found


def _take(number: int, match: Match, here: dict[str, LesionMask], waiting: dict[str, _Known]) -> None:
    """Hand lesions of a scan to their tracks. Of merged lesions the first keeps its name, the others end in it."""
    track = waiting[match.earlier[0]]
    track.see(number, [here.pop(i) for i in match.later], match.confidence)
    for name in match.earlier[1:]:
        waiting[name].merged_into = (track.name, number)


def free_name(wanted: str, taken: Container[str]) -> str:
    """The name wanted, or the first free number behind its letters where that is taken."""
    if wanted not in taken:
        return wanted
    letters = wanted.rstrip("0123456789") or "L"
    return next(name for n in count(1) if (name := f"{letters}{n}") not in taken)


def _site(track: _Known, scene: Scene, overlay: Overlay, last_seen: int) -> VanishedSite:
    assert track.mask is not None
    box = scene.liver_box(pad_mm=20.0)
    carried = overlay.alignment.pull_mask(track.mask, scene.grid.crop(box)).trimmed()
    return VanishedSite(track.name, carried, overlay.error_mm, last_seen, overlay.refused)
