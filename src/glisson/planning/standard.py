"""Every standard resection on one liver: what it removes, what stays, which lesions it clears and by how much."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Protocol

import numpy as np
import numpy.typing as npt

from glisson.anatomy import SEGMENT_NAMES, RemnantInterval, SegmentChances, SegmentMap, remnant_interval
from glisson.case import Case
from glisson.geometry import Grid, Mask, Surface, reaches_border, surface
from glisson.knowledge import margins
from glisson.planning.catalogue import CATALOGUE, StandardResection
from glisson.planning.margins import Pair, SegmentBorders
from glisson.planning.remnant import RemnantRules, remnant_rules
from glisson.planning.resection import Resection
from glisson.scene import LesionMask, Notice, Scene

__all__ = ["resection_notices", "standard_resections"]

MUST = ("confirmed", "probable", "vanished", "indeterminate")
"""Natures of the lesions that count as targets in the ranking: those that must be treated, and those that may have to
be."""

MOST_IN_UNION = 3
"""Unions beyond the catalogue have at most so many segments; larger ones are in the catalogue or are two acts."""

NEVER = ("benign",)
"""Natures that are never planned: such lesions are in neither `clears` nor `leaves`."""

_VERDICT_ORDER = ("enough", "undetermined", "too little")


class Lesion(Protocol):
    """What planning asks of a lesion: its id and its nature (`glisson.lesions.LesionFinding` has both)."""

    @property
    def id(self) -> str:
        """The id of the lesion's mask in the scene."""

    @property
    def nature(self) -> str:
        """What the lesion is, as the record says."""


@dataclass(frozen=True)
class _Placed:
    """A lesion: how many of its voxels lie in each segment (index by label, 0 outside the liver), its distances to the
    borders."""

    id: str
    nature: str
    voxels: npt.NDArray[np.int64]
    borders_mm: Mapping[Pair, float]

    def part_in(self, names: Sequence[str]) -> int:
        return int(sum(self.voxels[value] for value, name in SEGMENT_NAMES.items() if name in names))

    @property
    def count(self) -> int:
        return int(self.voxels[1:].sum())


@dataclass(frozen=True)
class _Liver:
    """What all resections share."""

    segments: SegmentMap
    borders: SegmentBorders
    lesions: tuple[_Placed, ...]
    tumour_voxels: Mapping[str, int]
    rules: RemnantRules
    accept_mm: float
    cut_by_scan: bool
    chances: SegmentChances | None


def standard_resections(
    case: Case,
    scene: Scene,
    liver: Mask,
    segments: SegmentMap | None,
    lesions: Sequence[Lesion],
    *,
    surfaces: Mapping[str, Surface] | None = None,
) -> tuple[Resection, ...]:
    """Evaluate every resection of the catalogue, and every union of two or three adjoining segments beyond it that
    holds a lesion which lies in all of them, best first; empty when there is no segment map (see
    `resection_notices`).

    liver, segments: as anatomy gives them. lesions: their ids and natures; outlines are taken from the scene. surfaces:
    outlines already meshed by `geometry.surface`, to save time. All lesions outlined inside the liver, benign ones too,
    are no working liver. Resections that name a segment missing from the map are left out. Thresholds, margins and the
    volume formula come from the knowledge base. Order: first those that clear every target (MUST), then by verdict
    (enough, undetermined, too little), then by the number of targets cleared, then by the remnant; the catalogue's
    order settles what is left.
    """
    if segments is None:
        return ()
    shared = _prepare(case, scene, liver, segments, lesions, surfaces or {})
    entries = [entry for entry in CATALOGUE if set(entry.segments) <= set(segments.present)]
    offered = [_evaluate(entry, shared) for entry in (*entries, *_unions(shared))]
    targets = {lesion.id for lesion in lesions if lesion.nature in MUST}
    return tuple(sorted(offered, key=lambda resection: _rank(resection, targets)))


def resection_notices(segments: SegmentMap | None) -> tuple[Notice, ...]:
    """Why standard resections, or some of them, were not evaluated."""
    if segments is None:
        text = (
            "Standard resections were not evaluated: there is no map of the Couinaud segments. Give one under "
            "`segments` in case.yaml."
        )
        return (Notice("warning", "no-segments", text, "resections"),)
    left_out = [entry.name for entry in CATALOGUE if not set(entry.segments) <= set(segments.present)]
    if not left_out:
        return ()
    text = f"Left out, because the segment map lacks segment {', '.join(segments.missing)}: {', '.join(left_out)}."
    return (Notice("info", "resections-left-out", text, "resections"),)


def _unions(liver: _Liver) -> tuple[StandardResection, ...]:
    """Unions of adjoining segments beyond the catalogue that lesions across several segments ask for."""
    known = {frozenset(entry.segments) for entry in CATALOGUE}
    found = {}
    for lesion in liver.lesions:
        names = tuple(name for value, name in SEGMENT_NAMES.items() if lesion.voxels[value])
        if (
            2 <= len(names) <= MOST_IN_UNION
            and frozenset(names) not in known
            and len(liver.borders.adjoining(names)) == 1
        ):
            found[names] = StandardResection(f"Segmentectomy {'-'.join(names)}", names)
    return tuple(found[names] for names in sorted(found))


def _rank(resection: Resection, targets: set[str]) -> tuple[bool, int, int, float]:
    cleared = len(targets & set(resection.clears))
    return (
        cleared < len(targets),
        _VERDICT_ORDER.index(resection.verdict),
        -cleared,
        -resection.remnant_nontumour_ml,
    )


def _prepare(
    case: Case,
    scene: Scene,
    liver: Mask,
    segments: SegmentMap,
    lesions: Sequence[Lesion],
    surfaces: Mapping[str, Surface],
) -> _Liver:
    natures = {lesion.id: lesion.nature for lesion in lesions}
    grid, labels = segments.labels.grid, segments.labels.data.ravel()
    borders = SegmentBorders(segments)
    placed, outlined = [], [np.zeros(0, dtype=np.int64)]
    for lesion in scene.lesions:
        voxels = _voxels(lesion, grid)
        outlined.append(voxels)
        nature = natures.get(lesion.id, "indeterminate")
        if nature in NEVER:
            continue
        found = np.bincount(labels[voxels], minlength=9)
        inside = bool(found[1:].any())
        mesh = surfaces.get(lesion.id) or (surface(lesion.mask) if inside else None)
        lies_in = [name for value, name in SEGMENT_NAMES.items() if found[value]]
        distances = borders.distances_mm(mesh, lies_in) if mesh is not None and inside else {}
        placed.append(_Placed(lesion.id, nature, found, distances))
    counts = np.bincount(labels[np.unique(np.concatenate(outlined))], minlength=9)
    return _Liver(
        segments=segments,
        borders=borders,
        lesions=tuple(placed),
        tumour_voxels={name: int(counts[value]) for value, name in SEGMENT_NAMES.items()},
        rules=remnant_rules(case.facts()),
        accept_mm=margins().resection_accept_mm,
        cut_by_scan=reaches_border(liver, scene.grid),
        chances=None if segments.chances is None else segments.chances.without(one.mask for one in scene.lesions),
    )


def _voxels(lesion: LesionMask, grid: Grid) -> npt.NDArray[np.int64]:
    """Flat indices on `grid` of the lesion's voxels that lie on it."""
    index = np.argwhere(lesion.mask.data) + lesion.mask.grid.offset_in(grid, f"lesion {lesion.id}")
    index = index[((index >= 0) & (index < grid.shape)).all(axis=1)]
    return np.ravel_multi_index(tuple(index.T), grid.shape).astype(np.int64)


def _evaluate(entry: StandardResection, liver: _Liver) -> Resection:
    counts, voxel_ml = liver.segments.counts, liver.segments.labels.grid.voxel_ml
    kept = tuple(name for name in liver.segments.present if name not in entry.segments)
    removed = sum(counts[name] for name in entry.segments)
    remnant = sum(counts.values()) - removed
    working = sum(counts.values()) - sum(liver.tumour_voxels.values())
    stays = remnant - sum(liver.tumour_voxels[name] for name in kept)
    nontumour = 100.0 * stays / working if working else 0.0
    expected = liver.rules.expected_ml
    standardised = None if expected is None else 100.0 * stays * voxel_ml / expected
    groups = liver.borders.adjoining(kept)
    together = len(groups[0]) if groups else 0
    verdict, reasons = liver.rules.verdict(nontumour, standardised, together)
    interval = _interval(liver, entry, nontumour)
    if (
        interval is not None
        and nontumour
        and _verdicts(liver, interval, nontumour, standardised, together) != {verdict}
    ):
        reasons = (*reasons, _BORDERS.format(interval.low_percent, interval.high_percent))
    notes = _notes(liver, groups)
    if liver.cut_by_scan and verdict != "undetermined":
        verdict = "undetermined"
        reasons = ("The scan ends in the liver, so its shares are not known.", *reasons)
    found = {lesion.id: _margin(lesion, entry.segments, kept) for lesion in liver.lesions}
    clears = tuple(name for name, (mm, why) in found.items() if _is_cleared(mm, why, liver.accept_mm))
    return Resection(
        name=entry.name,
        segments=entry.segments,
        removed_ml=removed * voxel_ml,
        remnant_ml=remnant * voxel_ml,
        remnant_nontumour_ml=stays * voxel_ml,
        remnant_percent_nontumour=nontumour,
        remnant_percent_standardised=standardised,
        clears=clears,
        leaves=tuple(name for name in found if name not in clears),
        margins_mm=MappingProxyType({name: mm for name, (mm, _) in found.items()}),
        verdict=verdict,
        reasons=reasons,
        notes=MappingProxyType(notes),
        other_names=entry.other_names,
        removed_voxels=removed,
        remnant_voxels=remnant,
        margin_notes=MappingProxyType({name: why for name, (_, why) in found.items() if why}),
        kept_groups=groups,
        segment_map=liver.segments,
        interval=interval,
    )


_BORDERS = "Uncertain segment borders could change this: the remnant may be {:.0f} to {:.0f} % of non-tumour liver."


def _interval(liver: _Liver, entry: StandardResection, nontumour: float) -> RemnantInterval | None:
    """What uncertain borders make of the remnant; it always holds the remnant as measured by voxels."""
    if liver.chances is None:
        return None
    found = remnant_interval(liver.chances, entry.segments)
    low, high = min(found.low_percent, nontumour), max(found.high_percent, nontumour)
    return replace(found, percent=nontumour, low_percent=low, high_percent=high)


def _verdicts(
    liver: _Liver, interval: RemnantInterval, nontumour: float, standardised: float | None, together: int
) -> set[str]:
    """The verdicts at the two ends of an interval."""
    ends = (interval.low_percent, interval.high_percent)
    scaled = [None if standardised is None else standardised * end / nontumour for end in ends]
    return {liver.rules.verdict(end, other, together)[0] for end, other in zip(ends, scaled, strict=True)}


NO_BORDER = "the removed part has no border with the rest of the liver"


def _is_cleared(margin_mm: float | None, why: str, accept_mm: float) -> bool:
    return why == NO_BORDER if margin_mm is None else margin_mm >= accept_mm


def _margin(lesion: _Placed, removed: Sequence[str], kept: Sequence[str]) -> tuple[float | None, str]:
    """Margin in mm of a lesion that is removed whole, else None; and why there is none."""
    if not lesion.count:
        return None, "it lies outside the liver"
    staying = lesion.part_in(kept)
    if staying == lesion.count:
        return None, "it stays"
    if staying:
        return None, f"the cut runs through it: {100.0 * staying / lesion.count:.0f} % of it stays"
    cut = [mm for (a, b), mm in lesion.borders_mm.items() if (a in removed) != (b in removed)]
    return (min(cut), "") if cut else (None, NO_BORDER)


def _notes(liver: _Liver, groups: Sequence[Sequence[str]]) -> dict[str, str]:
    notes = {
        "margins_mm": "Distance from the outline to the border of the removed segments; the capsule is no cut.",
        "vessels": "Inflow, outflow and bile drainage of the remnant were not assessed.",
    }
    if liver.rules.expected_ml is None:
        notes["remnant_percent_standardised"] = f"Not assessed: {liver.rules.missing}."
    else:
        notes["remnant_percent_standardised"] = (
            f"Share of the expected liver volume of {liver.rules.expected_ml:.0f} mL ({liver.rules.formula})."
        )
    if len(groups) > 1:
        notes["kept_groups"] = (
            "The segments that stay do not hang together: " + "; ".join(", ".join(g) for g in groups) + "."
        )
    if liver.cut_by_scan:
        notes["remnant_ml"] = "The scan ends in the liver: volumes are lower bounds."
    return notes
