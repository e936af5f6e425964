"""The main question: which resections, wedges, ablations and, behind them, courses of radiation treat every lesion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from glisson.anatomy import SEGMENT_NAMES, CavaSplit, SegmentMap, VesselAnatomy
from glisson.case import Case, Unknown
from glisson.errors import InputError
from glisson.geometry import Mask, Surface
from glisson.knowledge import margins
from glisson.planning.ablation import Ablation
from glisson.planning.acts import Shared, acts_on, shared_of
from glisson.planning.clearance import Candidate, Effort, Problem, Search, SegmentNeed, Threshold, search
from glisson.planning.growth import Hypertrophy, recorded_growth
from glisson.planning.liver_voxels import LiverVoxels
from glisson.planning.margins import SegmentBorders
from glisson.planning.needle import NeedleSearch
from glisson.planning.radiating import RadiationOffer, RadiationRules, Radiator, search_widely
from glisson.planning.remnant import RemnantRules, remnant_rules
from glisson.planning.resection import Resection
from glisson.planning.robustness import Robustness, robustness
from glisson.planning.settings import KINDS, PlanSettings
from glisson.planning.staging import StagedPlan
from glisson.planning.staging_record import already_enlarged, planned_day, portal_words
from glisson.planning.staging_search import Staging, StagingFacts, search_stages, with_growth
from glisson.planning.wedge import Wedge
from glisson.scene import Scene

__all__ = ["KINDS", "Asked", "Clearing", "PlanSettings", "clear_liver", "searched"]

MUST = ("confirmed", "probable", "vanished")
OPEN = ("indeterminate",)
"""Natures of the lesions that must be treated, and of those that give a second question."""

UNSEEN = {
    "devascularised": ("portal", "the portal vein is not outlined"),
    "congested": ("hepatic", "the hepatic veins are not outlined"),
}
"""Cause of loss -> the vessels without which it is not known, and why, in words."""

SOLID = 0.8
"""A plan that holds in a smaller share of the geometric re-runs is not ranked before one that holds in more."""


@dataclass(frozen=True, eq=False)
class Asked:
    """What was put to the search, kept so that it can be put again with other limits (`reclearing`).

    problem: without radiation, with every lesion that must or may have to be treated. sure: those that must be.
    """

    shared: Shared
    problem: Problem
    radiator: Radiator | None
    sure: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Clearing:
    """What the search over combined plans found on one liver.

    problem, found: with every lesion that must or may have to be treated. without_open, found_without_open: the same
    without the indeterminate ones; None when there are none. robustness: name of a plan -> how it fares in re-runs.
    voxels: the numbering of the liver. wedges, ablations, needles: what stands behind the candidates. left_out: lesion
    -> why it is not among the targets. radiation, radiation_without_open: what was offered of it. staged,
    staged_without_open: plans that hold only if the remnant grows first, where no other does. growth: what two
    volumetries of the record say. notes: what was not looked at.
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
    staged: tuple[StagedPlan, ...] = ()
    staged_without_open: tuple[StagedPlan, ...] = ()
    radiation: RadiationOffer = field(default_factory=RadiationOffer)
    radiation_without_open: RadiationOffer = field(default_factory=RadiationOffer)
    growth: Hypertrophy | Unknown = field(default_factory=lambda: Unknown("no second volumetry is recorded"))
    notes: tuple[str, ...] = ()
    asked: Asked | None = field(default=None, repr=False)


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
    facts: Mapping[str, object] | None = None,
    radiation: RadiationRules | None = None,
) -> Clearing | None:
    """Search the plans that treat every lesion and leave enough liver, or prove that the catalogue holds none.

    liver, segments, vessels, cava: as anatomy gives them. resections: as `standard_resections` gives them. natures:
    lesion id -> nature. rules: kind of act, or kind and lesion ("ablation L2") -> (rule, verdict) pairs; a
    contraindication takes it out. facts: what the rules on embolisation, two stages and ALPPS may ask; by default those
    of the record. radiation: what the rules say of it; None leaves it out. Returns None when no lesion inside the liver
    has to be treated. Raises InputError for a lesion to leave that is not there.
    """
    how = settings or PlanSettings.by_rules()
    targets, left_out = _targets(scene, liver, natures, how)
    if not targets:
        return None
    shared = shared_of(scene, liver, segments, vessels, cava, surfaces or {}, how, rules or {})
    acts = acts_on(shared, resections, targets)
    limits = remnant_rules(case.facts())
    asked = _problem(shared, limits, acts.candidates, targets)
    later = _staging_facts(case, shared, vessels, limits, asked, facts)
    given = case.facts() if facts is None else facts
    radiator = None if radiation is None else Radiator(shared, radiation, given.get("liver.background"))
    problem, found, staging, offer = searched(shared, asked, later, radiator)
    sure = tuple(name for name in targets if natures.get(name, "indeterminate") in MUST)
    fewer, found_fewer, fewer_staging, fewer_offer = None, None, Staging(), RadiationOffer()
    if sure and sure != targets:
        surely = replace(asked, targets=sure)
        fewer, found_fewer, fewer_staging, fewer_offer = searched(shared, surely, later, radiator)
    plans = [(problem, plan) for plan in found.plans]
    plans += [(fewer, plan) for plan in found_fewer.plans] if fewer is not None and found_fewer is not None else []
    return Clearing(
        settings=how,
        threshold=problem.threshold,
        problem=problem,
        found=found,
        without_open=fewer,
        found_without_open=found_fewer,
        robustness=MappingProxyType({plan.name: robustness(one, plan, shared.voxels) for one, plan in plans}),
        voxels=shared.voxels,
        wedges=acts.wedges,
        ablations=acts.ablations,
        needles=acts.needles,
        left_out=left_out,
        staged=staging.plans,
        staged_without_open=fewer_staging.plans,
        radiation=offer,
        radiation_without_open=fewer_offer,
        growth=recorded_growth(case, limits.expected_ml),
        notes=(*_notes(shared, limits), *((later,) if isinstance(later, str) else ())),
        asked=Asked(shared, asked, radiator, sure),
    )


def searched(
    shared: Shared, problem: Problem, later: StagingFacts | str, radiator: Radiator | None
) -> tuple[Problem, Search, Staging, RadiationOffer]:
    """The problem with all candidates, the search, what growth makes possible where it proved that without radiation no
    plan holds as the liver is, and what was offered of radiation.

    later: why no growth is looked at, in words, or what the search for it needs.
    """

    def ask(asked: Problem, certified: bool) -> Search:
        found = search(asked, Effort(shared.settings.seconds), certified=certified)
        return _ranked(found, asked, shared.voxels)

    wide, found, first, offer = search_widely(problem, radiator, ask)
    if first.outcome != "none" or isinstance(later, str):
        return wide, found, Staging(), offer
    staging = search_stages(problem, later, Effort(shared.settings.seconds))
    return wide, with_growth(found, staging), staging, offer


def _staging_facts(
    case: Case,
    shared: Shared,
    vessels: VesselAnatomy | None,
    limits: RemnantRules,
    problem: Problem,
    facts: Mapping[str, object] | None,
) -> StagingFacts | str:
    if why := already_enlarged(case, shared.scene):
        return why
    return StagingFacts(
        facts=case.facts() if facts is None else facts,
        spheres="radioembolisation" in shared.settings.allow,
        needed_decided=len(limits.open_percents) == 1,
        procedure=planned_day(case, shared.scene),
        anatomy=lambda closure: portal_words(closure, problem, vessels, shared.supplies),
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


def _problem(
    shared: Shared, limits: RemnantRules, candidates: tuple[Candidate, ...], targets: tuple[str, ...]
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
        allowed=frozenset({"vessel-detachment"}) if how.vessel_detachment else frozenset(),
        leave=how.leave,
        unassessed={cause: why for cause, (kind, why) in UNSEEN.items() if kind not in shared.supplies},
        ample_mm={
            "resection": max(how.accept_margin_mm, how.resection_margin_mm),
            "wedge": max(how.accept_margin_mm, how.resection_margin_mm),
            "ablation": max(how.ablation_margin_mm, margins().ablation_aim_mm),
        },
    )  # fmt: skip


def _segment_need(shared: Shared, limits: RemnantRules) -> SegmentNeed | None:
    if shared.segments is None or shared.labels is None or not limits.segments_needed:
        return None
    names = tuple(SEGMENT_NAMES.values())
    contacts = SegmentBorders(shared.segments).contacts
    return SegmentNeed(names, shared.labels, contacts, limits.segments_needed, "remnant-segments-needed")


def _ranked(found: Search, problem: Problem, voxels: LiverVoxels) -> Search:
    """Plans that hold in most re-runs first; inside both groups in the order of the search."""
    solid = {plan.name: robustness(problem, plan, voxels).share >= SOLID for plan in found.plans}
    return replace(found, plans=tuple(sorted(found.plans, key=lambda plan: not solid[plan.name])))


def _notes(shared: Shared, limits: RemnantRules) -> tuple[str, ...]:
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
