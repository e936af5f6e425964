"""The main question: which resections, wedges and ablations together treat every lesion, and what liver stays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np

from glisson.anatomy import SEGMENT_NAMES, CavaSplit, SegmentMap, VesselAnatomy
from glisson.case import Case, Unknown
from glisson.errors import InputError
from glisson.geometry import Mask, Surface
from glisson.knowledge import knowledge_base, margins
from glisson.planning.ablation import Ablation, ablation_candidates
from glisson.planning.ablation import as_candidate as ablation_as_candidate
from glisson.planning.ablation_margin import wide_part
from glisson.planning.act_rules import act_burden, heat_rules, needle_rules
from glisson.planning.clearance import Candidate, Effort, Problem, Search, SegmentNeed, Threshold, search
from glisson.planning.enlarging import enlargements
from glisson.planning.liver_voxels import LiverVoxels, segment_numbers
from glisson.planning.margins import SegmentBorders
from glisson.planning.needle import NeedleSearch, needle_paths
from glisson.planning.needle_map import NeedleMap, needle_map
from glisson.planning.remnant import RemnantRules, remnant_rules
from glisson.planning.resecting import resection_candidates
from glisson.planning.resection import Resection
from glisson.planning.robustness import Robustness, robustness
from glisson.planning.supply import Supply
from glisson.planning.wedge import Wedge
from glisson.planning.wedge_candidates import as_candidate as wedge_as_candidate
from glisson.planning.wedge_candidates import wedge_candidates
from glisson.planning.zones import device_zones
from glisson.scene import Scene

__all__ = ["KINDS", "Clearing", "PlanSettings", "clear_liver"]

KINDS = ("resection", "wedge", "ablation")
"""Acts that may be offered; `PlanSettings.allow` chooses among them."""

MUST = ("confirmed", "probable", "vanished")
OPEN = ("indeterminate",)
"""Natures of the lesions that must be treated, and of those that give a second question."""

MOST_ZONES = 4
"""An ablation of more zones is not offered."""

KEPT_CALIBRE_MM = 5.0
"""Portal and hepatic veins at least this wide are not cut by a wedge; its cut runs along them."""

VESSEL_WORDS = {"portal": "a portal branch", "hepatic": "a hepatic vein"}

SOLID = 0.8
"""A plan that holds in a smaller share of the geometric re-runs is not ranked before one that holds in more."""


@dataclass(frozen=True)
class PlanSettings:
    """What the surgeon and the board set.

    resection_margin_mm: planned around wedges. accept_margin_mm: the least margin of a resection. vessel_detachment:
    whether a lesion may be detached from a vessel that stays. ablation_margin_mm: demanded of an ablation. allow: KINDS
    that are offered. leave: lesions left to systemic therapy. seconds: how long to search.
    """

    resection_margin_mm: float
    accept_margin_mm: float
    ablation_margin_mm: float
    vessel_detachment: bool = False
    allow: tuple[str, ...] = KINDS
    leave: tuple[str, ...] = ()
    seconds: float = 20.0

    def __post_init__(self) -> None:
        if strangers := sorted(set(self.allow) - set(KINDS)):
            raise InputError(f"Plans cannot allow {strangers[0]!r}; expected some of {', '.join(KINDS)}.")
        if not self.allow:
            raise InputError(f"Plans need at least one kind of act; expected some of {', '.join(KINDS)}.")
        for name in ("resection_margin_mm", "accept_margin_mm", "ablation_margin_mm"):
            if not 0 <= getattr(self, name) <= 50:
                raise InputError(f"{name} is {getattr(self, name)}; expected 0 to 50 mm.")

    @classmethod
    def by_rules(cls, **changes: object) -> PlanSettings:
        """The margins of the knowledge base, with whatever is changed."""
        known = margins()
        values = {
            "resection_margin_mm": known.resection_plan_mm,
            "accept_margin_mm": known.resection_accept_mm,
            "ablation_margin_mm": known.ablation_minimum_mm,
        }
        return cls(**{**values, **changes})  # type: ignore[arg-type]


@dataclass(frozen=True, eq=False)
class Clearing:
    """What the search over combined plans found on one liver.

    problem, found: with every lesion that must or may have to be treated. without_open, found_without_open: the same
    without the indeterminate ones; None when there are none. robustness: name of a plan -> how it fares in re-runs.
    voxels: the numbering of the liver. wedges, ablations, needles: what stands behind the candidates. left_out: lesion
    -> why it is not among the targets. notes: what was not looked at.
    """

    settings: PlanSettings
    threshold: Threshold
    problem: Problem
    found: Search
    without_open: Problem | None
    found_without_open: Search | None
    robustness: Mapping[str, Robustness]
    voxels: LiverVoxels
    wedges: tuple[Wedge, ...] = ()
    ablations: tuple[Ablation, ...] = ()
    needles: Mapping[str, NeedleSearch] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class _Setting:
    """What all candidates share."""

    scene: Scene
    liver: Mask
    voxels: LiverVoxels
    segments: SegmentMap | None
    labels: np.ndarray | None
    supplies: Mapping[str, Supply]
    masks: Mapping[str, Mask]
    cava: Mask | None
    surfaces: Mapping[str, Surface]
    settings: PlanSettings
    rules: Mapping[str, tuple[tuple[str, str], ...]]


def clear_liver(
    case: Case,
    scene: Scene,
    liver: Mask,
    segments: SegmentMap | None,
    resections: Sequence[Resection],
    natures: Mapping[str, str],
    *,
    vessels: VesselAnatomy | None = None,
    cava: CavaSplit | None = None,
    surfaces: Mapping[str, Surface] | None = None,
    settings: PlanSettings | None = None,
    rules: Mapping[str, tuple[tuple[str, str], ...]] | None = None,
) -> Clearing | None:
    """Search the plans that treat every lesion and leave enough liver, or prove that the catalogue holds none.

    liver, segments, vessels, cava: as anatomy gives them. resections: as `standard_resections` gives them. natures:
    lesion id -> nature. rules: kind of act, or kind and lesion ("ablation L2") -> (rule, verdict) pairs; a
    contraindication takes it out. Returns None when no lesion inside the liver has to be treated. Raises InputError for
    a lesion to leave that is not there.
    """
    how = settings or PlanSettings.by_rules()
    targets, left_out = _targets(scene, liver, natures, how)
    if not targets:
        return None
    shared = _shared(scene, liver, segments, vessels, cava, surfaces or {}, how, rules or {})
    ablations, needles = _ablations(shared, targets)
    wedges = _wedges(shared, targets)
    candidates = (
        *_resection_candidates(shared, resections, targets),
        *(_wedge_candidate(shared, one) for one in wedges),
        *(_ablation_candidate(shared, one) for one in ablations),
    )
    limits = remnant_rules(case.facts())
    problem = _problem(shared, limits, tuple(candidates), targets)
    found = _ranked(search(problem, Effort(how.seconds)), problem, shared.voxels)
    sure = tuple(name for name in targets if natures.get(name, "indeterminate") in MUST)
    fewer = replace(problem, targets=sure) if sure and sure != targets else None
    found_fewer = None if fewer is None else _ranked(search(fewer, Effort(how.seconds)), fewer, shared.voxels)
    plans = [(problem, plan) for plan in found.plans]
    plans += [(fewer, plan) for plan in found_fewer.plans] if fewer is not None and found_fewer is not None else []
    return Clearing(
        settings=how,
        threshold=problem.threshold,
        problem=problem,
        found=found,
        without_open=fewer,
        found_without_open=found_fewer,
        robustness=MappingProxyType({plan.name: robustness(asked, plan, shared.voxels) for asked, plan in plans}),
        voxels=shared.voxels,
        wedges=wedges,
        ablations=ablations,
        needles=needles,
        left_out=left_out,
        notes=_notes(shared, limits),
    )


def _targets(
    scene: Scene, liver: Mask, natures: Mapping[str, str], how: PlanSettings
) -> tuple[tuple[str, ...], dict[str, str]]:
    """Lesions to treat, in the scene's order, and why the others are not among them."""
    outlined = [lesion.id for lesion in scene.lesions]
    if strangers := [name for name in how.leave if name not in outlined]:
        raise InputError(f"Lesion {strangers[0]} cannot be left: it is not outlined. Lesions: {', '.join(outlined)}.")
    targets, left_out = [], {}
    for lesion in scene.lesions:
        nature = natures.get(lesion.id, "indeterminate")
        if nature not in (*MUST, *OPEN):
            left_out[lesion.id] = f"recorded as {nature}"
        elif lesion.id in how.leave:
            left_out[lesion.id] = "left to systemic therapy by choice"
        elif not (lesion.mask.data & liver.on(lesion.mask.grid, "the liver")).any():
            left_out[lesion.id] = "outside the liver"
        else:
            targets.append(lesion.id)
    return tuple(targets), left_out


def _shared(
    scene: Scene,
    liver: Mask,
    segments: SegmentMap | None,
    vessels: VesselAnatomy | None,
    cava: CavaSplit | None,
    surfaces: Mapping[str, Surface],
    how: PlanSettings,
    rules: Mapping[str, tuple[tuple[str, str], ...]],
) -> _Setting:
    tumour = np.zeros(liver.count, np.bool_)
    voxels = LiverVoxels(liver, tumour)
    for lesion in scene.lesions:
        tumour[voxels.of(lesion.mask)] = True
    systems = {} if vessels is None else vessels.systems
    return _Setting(
        scene=scene,
        liver=liver,
        voxels=voxels,
        segments=segments,
        labels=None if segments is None else segment_numbers(voxels, segments),
        supplies={kind: Supply(system.territories, voxels, segments) for kind, system in systems.items()},
        masks={lesion.id: lesion.mask for lesion in scene.lesions},
        cava=None if cava is None else cava.cava,
        surfaces=surfaces,
        settings=how,
        rules=rules,
    )


def _resection_candidates(
    shared: _Setting, resections: Sequence[Resection], targets: Sequence[str]
) -> tuple[Candidate, ...]:
    if "resection" not in shared.settings.allow or shared.segments is None or shared.labels is None:
        return ()
    numbers = {name: np.flatnonzero(shared.labels == value).astype(np.int32) for value, name in SEGMENT_NAMES.items()}
    useful = [item for item in resections if set(item.margins_mm) & set(targets)]
    return resection_candidates(useful, numbers, shared.supplies, shared.rules.get("resection", ()))


def _wedges(shared: _Setting, targets: Sequence[str]) -> tuple[Wedge, ...]:
    if "wedge" not in shared.settings.allow:
        return ()
    return wedge_candidates(
        shared.liver,
        {name: shared.masks[name] for name in targets},
        shared.settings.resection_margin_mm,
        keep=_kept_vessels(shared),
        surfaces=shared.surfaces,
    )


def _kept_vessels(shared: _Setting) -> Mask | None:
    """Portal and hepatic veins that a wedge does not cut."""
    grid = shared.liver.grid
    held = np.zeros(grid.shape, np.bool_)
    for name in ("portal", "hepatic"):
        given = shared.scene.structures.get(name)
        wide = None if given is None else wide_part(Mask(given.on(grid, name), grid), KEPT_CALIBRE_MM)
        if wide is not None:
            held |= wide.data
    if shared.cava is not None:
        held |= shared.cava.on(grid, "the cava")
    return Mask(held, grid) if held.any() else None


def _wedge_candidate(shared: _Setting, one: Wedge) -> Candidate:
    plain = wedge_as_candidate(
        one,
        shared.voxels,
        accept_mm=shared.settings.accept_margin_mm,
        segments=_segments_of(shared, one.mask),
        burden=act_burden("wedge"),
    )
    causes = {"devascularised": "portal", "congested": "hepatic"}
    removed = plain.costs["removed"]
    lost = {
        cause: shared.supplies[kind].lost_without(one.mask, removed)
        for cause, kind in causes.items()
        if kind in shared.supplies
    }
    return replace(plain, costs={**plain.costs, **lost}, rules=shared.rules.get("wedge", ()))


def _ablations(shared: _Setting, targets: Sequence[str]) -> tuple[tuple[Ablation, ...], Mapping[str, NeedleSearch]]:
    if "ablation" not in shared.settings.allow:
        return (), {}
    at = needle_map(shared.scene, shared.liver, needle_rules(), cava=shared.cava)
    tumour = np.zeros(shared.liver.data.shape, np.bool_)
    tumour.ravel()[shared.voxels.flat[shared.voxels.tumour]] = True
    vessels = {name: shared.scene.structures[name] for name in ("portal", "hepatic") if name in shared.scene.structures}
    found: list[Ablation] = []
    needles: dict[str, NeedleSearch] = {}
    for name in targets:
        if at is not None:
            needles[name] = needle_paths(at, name, shared.masks[name])
        found += ablation_candidates(
            shared.liver,
            name,
            shared.masks[name],
            device_zones(knowledge_base()),
            (shared.settings.ablation_margin_mm,),
            most_zones=MOST_ZONES,
            tumour=Mask(tumour, shared.liver.grid),
            needles=_both(at, needles.get(name)),
            vessels=vessels or None,
            heat=heat_rules() if vessels else None,
        )
    return tuple(found), MappingProxyType(needles)


def _both(at: NeedleMap | None, paths: NeedleSearch | None) -> tuple[NeedleMap, NeedleSearch] | None:
    return None if at is None or paths is None else (at, paths)


def _ablation_candidate(shared: _Setting, one: Ablation) -> Candidate:
    further = len(one.zones) - 1
    plain = ablation_as_candidate(
        one,
        shared.voxels,
        segments=_segments_of(shared, shared.masks[one.lesion]),
        burden=act_burden("ablation") + further * act_burden("further zone"),
    )
    rules = (*shared.rules.get("ablation", ()), *shared.rules.get(f"ablation {one.lesion}", ()))
    limiting = {name: VESSEL_WORDS.get(what, what) for name, what in plain.limiting.items()}
    return replace(plain, rules=rules, limiting=limiting)


def _segments_of(shared: _Setting, mask: Mask) -> tuple[str, ...]:
    """Segments that hold at least a tenth of a region, in Couinaud's order."""
    if shared.labels is None:
        return ()
    held = np.bincount(shared.labels[shared.voxels.of(mask)], minlength=max(SEGMENT_NAMES) + 1)
    return tuple(name for value, name in SEGMENT_NAMES.items() if 10 * held[value] >= held.sum() > 0)


def _problem(
    shared: _Setting, limits: RemnantRules, candidates: tuple[Candidate, ...], targets: tuple[str, ...]
) -> Problem:
    expected = limits.expected_ml
    threshold = Threshold(
        limits.open_percents[-1],
        ("nontumour",) if expected is None else ("nontumour", "standardised"),
        limits.needed.rule.id,
    )
    how = shared.settings
    return Problem(
        voxel_ml=shared.voxels.grid.voxel_ml,
        tumour=shared.voxels.tumour,
        targets=targets,
        candidates=candidates,
        accept_mm={
            "resection": how.accept_margin_mm, "wedge": how.accept_margin_mm, "ablation": how.ablation_margin_mm,
        },
        threshold=threshold,
        segments=_segment_need(shared, limits),
        expected_ml=Unknown(limits.missing) if expected is None else expected,
        modifiers=() if shared.segments is None else enlargements(),
        allowed=frozenset({"vessel-detachment"}) if how.vessel_detachment else frozenset(),
        leave=how.leave,
    )  # fmt: skip


def _segment_need(shared: _Setting, limits: RemnantRules) -> SegmentNeed | None:
    if shared.segments is None or shared.labels is None or not limits.segments_needed:
        return None
    names = tuple(SEGMENT_NAMES.values())
    contacts = SegmentBorders(shared.segments).contacts
    return SegmentNeed(names, shared.labels, contacts, limits.segments_needed, "remnant-segments-needed")


def _ranked(found: Search, problem: Problem, voxels: LiverVoxels) -> Search:
    """Plans that hold in most re-runs first; inside both groups in the order of the search."""
    solid = {plan.name: robustness(problem, plan, voxels).share >= SOLID for plan in found.plans}
    return replace(found, plans=tuple(sorted(found.plans, key=lambda plan: not solid[plan.name])))


def _notes(shared: _Setting, limits: RemnantRules) -> tuple[str, ...]:
    said = []
    if shared.segments is None:
        said.append("No segment map: anatomical resections and the adjoining segments that must stay are not assessed.")
    for kind, words in (("portal", "inflow lost behind cut portal branches"), ("hepatic", "congestion")):
        if kind not in shared.supplies:
            said.append(f"No outline of the {kind} veins: {words} is not assessed.")
    if "bile_ducts" not in shared.scene.structures:
        said.append("No outline of the bile ducts: drainage is not assessed.")
    if limits.expected_ml is None:
        said.append(f"The standardised remnant is not assessed: {limits.missing}.")
    if len(limits.open_percents) > 1:
        said.append(f"The limit for this liver is not decided; the strictest, {limits.open_percents[-1]:g} %, is used.")
    return tuple(said)
