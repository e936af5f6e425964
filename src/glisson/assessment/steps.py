"""The steps of an assessment, in order. Each knows what it needs and which room does the work."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from glisson.anatomy import (
    CavaSplit,
    join_liver,
    learned_segments,
    parts_of_four,
    plausibility,
    segment_map,
    split_cava,
    vessel_anatomy,
)
from glisson.assessment.facts import all_facts, facts_of_lesions
from glisson.assessment.following import ablation_checks, carried, follow_scene, lost_at_ablations, near_zones
from glisson.assessment.later_steps import check_resections, follow_zones, name_at_risk
from glisson.assessment.operated import lost_at_operations
from glisson.assessment.result import Assessment
from glisson.case import Unknown
from glisson.geometry import Mask, surface
from glisson.knowledge import Option, knowledge_base, margins, remnant_segments, remnant_threshold, stated_number
from glisson.lesions import burden, lesion_notices, measure_lesions, measure_liver
from glisson.lesions.serial import serial_findings
from glisson.planning import clear_liver, resection_notices, standard_resections
from glisson.planning.growth import ENLARGING
from glisson.planning.radiating import RadiationRules
from glisson.planning.radiation import radiation_finding
from glisson.scene import Notice

__all__ = ["FOLLOW_STEPS", "STEPS", "Step"]

SEPARATED = "one mask held hepatic veins and cava; they were told apart by a rule (see the remarks on masks)"
"""Said beside each distance to a vein that was separated from a merged mask."""

Outcome: TypeAlias = tuple[Assessment, str]


@dataclass(frozen=True)
class Step:
    """A named pure step: the fields it needs (not None), the words a progress bar shows, and what it does."""

    name: str
    words: str
    needs: tuple[str, ...]
    run: Callable[[Assessment], Outcome]


def _follow_lesions(a: Assessment) -> Outcome:
    assert a.scene is not None
    if not a.scene.earlier:
        return a, "not assessed: there is one scan only"
    found = follow_scene(a.case, a.scene)
    case, scene, notices = carried(a.case, a.scene, found)
    scans = (*a.scene.earlier, a.scene)
    return replace(a, case=case, scene=scene, scans=scans, follow=found, notices=(*a.notices, *notices)), (
        f"{len(found.tracks)} lesions over {len(scans)} scans, {len(found.vanished)} seen no more"
    )


def _compare_sizes(a: Assessment) -> Outcome:
    assert a.scene is not None
    assert a.follow is not None
    lost = {**lost_at_ablations(a.scans, a.follow), **lost_at_operations(a.case, a.scans, a.follow)}
    found = serial_findings(a.case, a.scans, a.follow, project_to_mm=stated_number("projected-size"), lost=lost)
    if isinstance(found, Unknown):
        return a, f"not assessed: {found.reason}"
    said = ", ".join(f"{one.criterion} {one.dates[-1].overall}" for one in found.responses)
    return replace(a, serial=found), said or "no response: no lesion on two dates"


def _join_liver(a: Assessment) -> Outcome:
    assert a.scene is not None
    joined = join_liver(a.scene)
    notices = tuple(Notice("info", "liver-completed", note, "liver") for note in joined.notes)
    return replace(
        a, whole_liver=joined.mask, notices=(*a.notices, *notices)
    ), f"{joined.mask.volume_ml:.0f} mL with the lesions in it"


def _check_ablations(a: Assessment) -> Outcome:
    assert a.follow is not None
    assert a.whole_liver is not None
    checks, notices = ablation_checks(a.scans, a.whole_liver, a.follow, margins().ablation_minimum_mm)
    said = f"{len(checks)} zones against their lesions" if checks else "no ablation zone is outlined"
    rim = stated_number("zone-rim")
    at_rim = {name: near for name, near in near_zones(a.scans, a.follow).items() if near[1] <= rim}
    notices += tuple(
        Notice(
            "warning", "recurrence-at-zone",
            f"{name} is new, {gap:.1f} mm from the ablation zone of {zone}: local progression until shown otherwise.",
            name,
        )
        for name, (zone, gap) in at_rim.items()
    )  # fmt: skip
    return replace(a, ablated=checks, at_rim=at_rim, notices=(*a.notices, *notices)), said


def _map_segments(a: Assessment) -> Outcome:
    assert a.scene is not None
    assert a.whole_liver is not None
    found = segment_map(a.scene, a.whole_liver)
    if found is None:
        return _make_segments(a)
    notices = tuple(Notice("info", "segments-completed", note, "segments") for note in found.notes)
    return replace(
        a, segments=found, notices=(*a.notices, *notices)
    ), f"{len(found.present)} segments; given for {found.given_percent:.1f} % of the liver"


OPERATED = (
    "liver.previous_hepatectomy", "liver.previous_embolisation", "treatments.had.hepatectomy",
    *(f"treatments.had.{kind.replace('-', '_')}" for kind in ENLARGING),
)  # fmt: skip
"""Facts under which segments are not guessed from the shape of the liver."""


def _make_segments(a: Assessment) -> Outcome:
    """Segments from the shape of the liver and its vessels where none were given; refused after an operation."""
    assert a.scene is not None
    assert a.whole_liver is not None
    facts = a.case.facts()
    if any(facts.get(name) is True for name in OPERATED):
        why = "not assessed: no segment map was given, and after an operation none is made from the liver's shape"
        return replace(a, notices=(*a.notices, *resection_notices(None))), why
    structures = a.scene.structures
    veins = (structures.get("portal"), structures.get("liver_vessels"), split_cava(a.scene).hepatic)
    made = learned_segments(a.whole_liver, *(mask for mask in veins if mask is not None))
    text = " ".join(
        (
            "No segment map was given: segments were made from the shape of the liver. Borders between them are "
            "uncertain; what rests on them is to be checked.",
            *made.notes,
        )
    )
    notice = Notice("warning", "segments-automatic", text, "segments")
    return replace(a, segments=made, notices=(*a.notices, notice)), f"{made.method}; no map was given"


def _part_four(a: Assessment) -> Outcome:
    assert a.segments is not None
    found = parts_of_four(a.segments, None if a.vessels is None else a.vessels.systems.get("portal"))
    if isinstance(found, Unknown):
        return a, f"not assessed: {found.reason}"
    return replace(a, parts_of_four=found), f"by {found.basis}"


def _split_cava(a: Assessment) -> Outcome:
    assert a.scene is not None
    found = split_cava(a.scene)
    notices = tuple(Notice("info", f"cava-{found.method.replace(' ', '-')}", note, "cava") for note in found.notes)
    return replace(a, cava=found, notices=(*a.notices, *notices)), found.method


def _follow_vessels(a: Assessment) -> Outcome:
    assert a.scene is not None
    assert a.whole_liver is not None
    assert a.cava is not None
    found = vessel_anatomy(
        a.scene,
        a.whole_liver,
        a.cava,
        margin_mm=margins().resection_plan_mm,
        central_within_mm=stated_number("central-zone"),
    )
    if not found.systems:
        return replace(
            a, notices=(*a.notices, *found.notices)
        ), "not assessed: no portal or hepatic vein mask was given"
    branches = ", ".join(
        f"{len(system.territories.tree.branches)} {kind} branches" for kind, system in found.systems.items()
    )
    return replace(a, vessels=found, notices=(*a.notices, *found.notices)), branches


def _check_plausibility(a: Assessment) -> Outcome:
    assert a.scene is not None
    assert a.whole_liver is not None
    found = plausibility(a.scene, a.whole_liver, a.segments)
    return replace(a, notices=(*a.notices, *found)), f"{len(found)} remarks"


def _measure_liver(a: Assessment) -> Outcome:
    assert a.scene is not None
    assert a.whole_liver is not None
    found = measure_liver(a.scene, a.whole_liver)
    return replace(a, liver=found), f"{found.volume_ml:.1f} mL"


def _measure_lesions(a: Assessment) -> Outcome:
    assert a.scene is not None
    assert a.whole_liver is not None
    structures, notes = _vessels(a)
    outlines = {one.id: surface(one.mask) for one in a.scene.lesions if not one.mask.is_empty}
    found = measure_lesions(a.case, a.scene, a.whole_liver, a.segments, structures, notes, outlines)
    return replace(
        a, lesions=found, outlines=outlines, notices=(*a.notices, *lesion_notices(found))
    ), f"{len(found)} lesions"


def _vessels(a: Assessment) -> tuple[Mapping[str, Mask], Mapping[str, str]]:
    """Portal vein, hepatic veins and cava as far as they are known, and what to say of how they were told apart."""
    assert a.scene is not None
    split = a.cava or CavaSplit(None, None, "none")
    found = {"portal": a.scene.structures.get("portal"), "hepatic": split.hepatic, "cava": split.cava}
    if split.method == "separated":
        notes = dict.fromkeys(("hepatic", "cava"), SEPARATED)
    else:
        notes = {"hepatic": " ".join(split.notes), "cava": " ".join(split.notes)} if split.cava is None else {}
    return {name: mask for name, mask in found.items() if mask is not None}, notes


def _sum_up(a: Assessment) -> Outcome:
    found = burden(a.case, a.lesions, a.liver)
    return replace(a, burden=found), f"{found.count} counted, {found.total_ml:.1f} mL"


def _ask_rules(a: Assessment) -> Outcome:
    answers = (remnant_threshold(a.case.facts()), remnant_segments(), *margins().answers)
    return replace(a, answers=answers), f"{len(answers)} rules asked"


def _plan_resections(a: Assessment) -> Outcome:
    assert a.scene is not None
    assert a.whole_liver is not None
    found = standard_resections(a.case, a.scene, a.whole_liver, a.segments, a.lesions, surfaces=a.outlines)
    return replace(
        a, resections=found, notices=(*a.notices, *resection_notices(a.segments))
    ), f"{len(found)} resections"


ACTS = {"resection": "resection", "wedge": "resection", "ablation": "microwave-ablation"}
"""Kind of act in a plan -> the treatment whose stops hold for it."""


def _stops_of(option: Option) -> tuple[tuple[str, str], ...]:
    """Cautions, and stops as far as they are firm: a stop that is not confirmed is shown and takes nothing out."""
    firm = option.verdict == "contraindicated"
    said = ((reason.rule.id, reason.verdict, reason.status) for reason in option.reasons)
    return tuple(
        (rule, verdict if firm and status == "verified" else "relative")
        for rule, verdict, status in said
        if verdict in ("contraindicated", "relative")
    )


def _search_plans(a: Assessment) -> Outcome:
    assert a.scene is not None
    assert a.whole_liver is not None
    kb = knowledge_base()
    facts = all_facts(a)
    rules: dict[str, tuple[tuple[str, str], ...]] = {}
    for kind, name in ACTS.items():
        for option in kb.option(name, facts, facts_of_lesions(a)):
            rules[kind if option.scope == "patient" else f"{kind} {option.scope}"] = _stops_of(option)
    natures = {lesion.id: lesion.nature for lesion in a.lesions}
    found = clear_liver(
        a.case, a.scene, a.whole_liver, a.segments, a.resections, natures, vessels=a.vessels, cava=a.cava,
        surfaces=a.outlines, settings=a.settings, rules=rules, facts=facts, radiation=_radiation_rules(a, facts),
    )  # fmt: skip
    if found is None:
        return a, "not assessed: no lesion in the liver has to be treated"
    return replace(a, clearing=found), f"{len(found.found.plans)} plans among {found.found.candidates} candidates"


RADIATION = {"radiotherapy": "stereotactic-radiotherapy", "radioembolisation": "radioembolisation"}
"""Kind of act by radiation -> the treatment whose rules hold for it."""


def _radiation_rules(a: Assessment, facts: Mapping[str, object]) -> RadiationRules:
    """What the rules say of radiation, for the patient and lesion by lesion."""
    each = facts_of_lesions(a)
    options = {
        kind if option.scope == "patient" else f"{kind} {option.scope}": option
        for kind, name in RADIATION.items()
        for option in knowledge_base().option(name, facts, each)
    }
    return RadiationRules(options, {lesion.id: lesion.longest_axial_mm for lesion in a.lesions})


def _look_at_radiation(a: Assessment) -> Outcome:
    assert a.scene is not None
    assert a.whole_liver is not None
    found = radiation_finding(a.case, a.scene, a.whole_liver, a.segments, a.lesions)
    if found.is_empty:
        return a, "not assessed: no course is recorded and no lesion is to be treated"
    return replace(a, radiation=found), (
        f"{len(found.courses)} courses, {len(found.beams)} lesions for beams, {len(found.spheres)} volumes for spheres"
    )


def _ask_all_rules(a: Assessment) -> Outcome:
    facts = all_facts(a)
    kb = knowledge_base()
    asked = {answer.rule.id for answer in a.answers}
    general = (
        kb.evaluate(rule.id, facts) for rule in kb.rules.values() if rule.id not in asked and not rule.modalities
    )
    said = tuple(answer for answer in general if answer.outcome is not None)
    options = kb.options(facts, facts_of_lesions(a))
    scores = tuple(
        result for result in (kb.score_from_facts(name, facts) for name in kb.scores) if result.value is not None
    )
    outcome = f"{len(kb.rules)} rules, {len(options)} verdicts on treatments, {len(scores)} scores"
    asked_for = {option.modality for option in options}
    return replace(
        a,
        answers=(*a.answers, *said),
        options=options,
        scores=scores,
        facts=facts,
        missing=kb.missing(facts),
        changes={name: kb.option_counterfactual(name, facts) for name in kb.modalities if name in asked_for},
    ), outcome


STEPS: tuple[Step, ...] = (
    Step("earlier scans", "Following the lesions over the scans", ("scene",), _follow_lesions),
    Step("over time", "Comparing the scans", ("scene", "follow"), _compare_sizes),
    Step("whole liver", "Completing the liver", ("scene",), _join_liver),
    Step("ablations", "Checking what was ablated", ("scene", "whole_liver", "follow"), _check_ablations),
    Step("zones", "Following the ablation zones", ("scene", "follow"), follow_zones),
    Step("resected", "Comparing before and after resection", ("scene", "follow"), check_resections),
    Step("segments", "Mapping the segments", ("scene", "whole_liver"), _map_segments),
    Step("cava", "Telling cava from hepatic veins", ("scene",), _split_cava),
    Step("vessels", "Following the vessels", ("scene", "whole_liver", "cava"), _follow_vessels),
    Step("segment IV", "Parting segment IV", ("segments",), _part_four),
    Step("plausibility", "Checking plausibility", ("scene", "whole_liver"), _check_plausibility),
    Step("liver volume", "Measuring the liver", ("scene", "whole_liver"), _measure_liver),
    Step("lesions", "Measuring the lesions", ("scene", "whole_liver"), _measure_lesions),
    Step("burden", "Summing up the lesions", ("scene",), _sum_up),
    Step("limits", "Asking for the limits of planning", (), _ask_rules),
    Step("resections", "Planning standard resections", ("scene", "whole_liver", "segments"), _plan_resections),
    Step("plans", "Searching plans", ("scene", "whole_liver"), _search_plans),
    Step("radiation", "Looking at radiation", ("scene", "whole_liver"), _look_at_radiation),
    Step("options", "Weighing the options", (), _ask_all_rules),
    Step("at risk", "Naming lesions that may vanish", ("scene",), name_at_risk),
)

FOLLOW_STEPS: tuple[Step, ...] = tuple(
    step
    for step in STEPS
    if step.name in ("earlier scans", "over time", "whole liver", "ablations", "zones", "resected")
)
"""What the comparison of several scans needs, without plans and options."""
