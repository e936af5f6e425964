"""Combined plans in words and data: the answer of page one, the tables behind it, plans.json."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from glisson.planning.radiating import MAJOR_SEGMENTS
from glisson.report.growth import growth_data
from glisson.report.plan_acts import plan_letters
from glisson.report.plan_radiation import (
    candidate_dose,
    irradiated_lesions,
    radiation_offer_data,
    radiation_plan_data,
    radiation_sentence,
)
from glisson.report.view import Headline, Line, Table
from glisson.report.words import and_list, ids, lower_first, mm, number_of, percent, upper_first, volume

if TYPE_CHECKING:
    from glisson.assessment import Assessment
    from glisson.planning import Clearing
    from glisson.planning.clearance import Plan, Search

__all__ = [
    "eased_table", "first_plan", "lesion_actions", "lesion_verdicts", "plan_headline", "plans_data", "plans_json",
    "plans_table", "verdicts_table",
]  # fmt: skip


def first_plan(result: Assessment) -> Plan | None:
    """The plan that the answer names, for all lesions that must or may have to be treated; else for those that must."""
    clearing = result.clearing
    if clearing is None:
        return None
    for search in (clearing.found, clearing.found_without_open):
        if search is not None and search.plans:
            return search.plans[0]
    return None


def plan_headline(result: Assessment) -> Headline | None:
    """The answer in one sentence, or two where a lesion's nature is open; None where no plan was searched."""
    clearing = result.clearing
    if clearing is None:
        return None
    lines = [Line("", _sentence(clearing, clearing.found, clearing.problem.targets))]
    open_ones = [lesion.id for lesion in result.lesions if lesion.nature == "indeterminate"]
    if open_ones:
        other = NOTHING_TO_TREAT
        if clearing.found_without_open is not None and clearing.without_open is not None:
            other = _sentence(clearing, clearing.found_without_open, clearing.without_open.targets)
        many = len(open_ones) > 1
        which = ids(open_ones) if len(open_ones) <= 4 else f"the {number_of(len(open_ones), 'indeterminate lesion')}"
        lines = [
            Line(f"If {which} {'are metastases' if many else 'is a metastasis'}", lines[0].text),
            Line("If they are not" if many else "If it is not", other),
        ]
    outcomes = {clearing.found.outcome}
    first = clearing.found.plans[0] if clearing.found.plans else None
    estimate = first is not None and bool(irradiated_lesions(first))
    tone = "open" if estimate else "found" if outcomes == {"plans"} else "none" if outcomes == {"none"} else "open"
    return Headline(tone, tuple(lines), "")


NOTHING_TO_TREAT = "Nothing in the liver has to be treated: no lesion is recorded as confirmed or probable."


def _sentence(clearing: Clearing, found: Search, targets: tuple[str, ...]) -> str:
    if found.plans:
        plan = found.plans[0]
        count = f"all {len(targets)} visible lesions" if len(targets) > 1 else f"the one visible lesion ({targets[0]})"
        radiated = radiation_sentence(clearing, plan)
        if not radiated:
            return f"{upper_first(count)} could be resected or ablated ({plan.name}); {_remnant(clearing, plan)}."
        alone = (
            "" if not clearing.radiation.needed else " Without radiation no plan of this catalogue keeps every limit."
        )
        grown = f" Or, conditional on growth: {clearing.staged[0].name}." if clearing.staged else ""
        said = f"{upper_first(count)} could be treated ({plan.name}): {radiated}; {_remnant(clearing, plan)}."
        return f"{said}{alone}{grown}"
    if found.certificate is None:
        return "The search ended before a plan was found or excluded. Ask an expert liver panel."
    return f"{found.certificate.reason} {_first_relaxation(found)}".strip()


def _remnant(clearing: Clearing, plan: Plan) -> str:
    limit = clearing.threshold.percent
    share = f"remnant {percent(plan.remnant_percent_nontumour, limit)} of non-tumour liver"
    standardised = plan.remnant_percent_standardised
    second = "standardised not assessed" if standardised is None else f"{percent(standardised, limit)} standardised"
    return f"{share}, {second}, limit {limit:g}\u00a0%"


def _first_relaxation(found: Search) -> str:
    assert found.certificate is not None
    eased = next((item for item in found.certificate.relaxations if item.outcome == "possible"), None)
    return "" if eased is None else f"First thing that would change it: {lower_first(eased.text)}"


def lesion_actions(result: Assessment) -> dict[str, str]:
    """Lesion id -> X (removed), A (ablated), B (irradiated) or S (stays) by the plan of the answer; empty where
    there is none."""
    plan = first_plan(result)
    return {} if plan is None else plan_letters(plan)


def plans_table(result: Assessment) -> Table | None:
    """The plans side by side, in the order in which they are put forward."""
    clearing = result.clearing
    if clearing is None or not clearing.found.plans:
        return None
    limit = clearing.threshold.percent
    rows = tuple(
        (
            f"{number}. {upper_first(plan.name)}",
            f"{plan.burden:g}",
            volume(plan.lost_nontumour_ml),
            percent(plan.remnant_percent_nontumour, limit),
            "–" if plan.remnant_percent_standardised is None else percent(plan.remnant_percent_standardised, limit),
            _spare(plan),
            _reruns(clearing, plan),
            "search complete" if plan.search_complete else f"within {100 * plan.gap:.0f}\u00a0%",
        )
        for number, plan in enumerate(clearing.found.plans, 1)
    )
    columns = (
        "Plan", "Burden", "Liver lost", "Of non-tumour", "Standardised", "Spare margin", "Geometric re-runs", "Search",
    )  # fmt: skip
    note = (
        "Burden in wedge equivalents, a weight and no risk. Liver lost: removed, ablated, irradiated, or cut off from "
        "inflow or outflow. Spare margin: beyond the accepted one, at its narrowest. Re-runs shift margins, outlines "
        "and borders; their share is no chance of success."
    )
    numeric = (False, True, True, True, True, True, False, False)
    return Table("plans", "Plans", columns, numeric, rows, note, (0,))


def _spare(plan: Plan) -> str:
    if irradiated := irradiated_lesions(plan):
        return f"none for {ids(irradiated)}"
    return "–" if plan.spare_mm is None else f"{plan.spare_mm:+.1f}\u00a0mm"


def _reruns(clearing: Clearing, plan: Plan) -> str:
    found = clearing.robustness[plan.name]
    weakest = f"; weakest: {found.weakest}" if found.weakest else ""
    return f"holds in {found.holds} of {found.runs}{weakest}"


def lesion_verdicts(result: Assessment) -> tuple[dict[str, Any], ...]:
    """For each lesion which acts could treat it alone: verdict, best margin of each, what limits it."""
    clearing = result.clearing
    if clearing is None:
        return ()
    return tuple(_verdict(clearing, lesion.id) for lesion in result.lesions)


NO_MARGIN = ("irradiate", "embolise with spheres")
ORDER = ("resect", "ablate", "major resection", "irradiate", "embolise with spheres")
WAYS = {"ablation": "ablate", "radiotherapy": "irradiate", "radioembolisation": "embolise with spheres"}


def _verdict(clearing: Clearing, lesion: str) -> dict[str, Any]:
    if lesion in clearing.left_out:
        return {"lesion": lesion, "verdict": "not planned", "reason": clearing.left_out[lesion], "ways": []}
    problem = clearing.problem
    ways: dict[str, dict[str, Any]] = {}
    for one in problem.candidates:
        if lesion not in one.lesions or one.is_forbidden or one.needs:
            continue
        if one.kind == "radiotherapy" and len(one.lesions) > 1:
            continue
        margin = one.lesions[lesion]
        if margin is not None and margin < problem.accept_mm[one.kind]:
            continue
        major = one.kind == "resection" and len(one.segments) >= MAJOR_SEGMENTS
        kind = "major resection" if major else WAYS.get(one.kind, "resect")
        best = ways.get(kind)
        if best is None or (margin is not None and (best["margin_mm"] is None or margin > best["margin_mm"])):
            ways[kind] = {"way": kind, "act": one.label, "margin_mm": margin, "limiting": one.limiting.get(lesion, "")}
    small = [kind for kind in ("resect", "ablate") if kind in ways]
    verdict = (
        "either" if len(small) == 2 else small[0] if small
        else "only as part of a major resection" if "major resection" in ways
        else "only by radiation" if ways else "not in this catalogue"
    )  # fmt: skip
    return {
        "lesion": lesion,
        "verdict": verdict,
        "reason": _why(clearing, lesion, ways),
        "ways": [ways[kind] for kind in ORDER if kind in ways],
    }


def _why(clearing: Clearing, lesion: str, ways: dict[str, dict[str, Any]]) -> str:
    if ways:
        return ""
    eased = sorted({one.needs for one in clearing.problem.candidates if lesion in one.lesions and one.needs})
    if lesion in clearing.radiation.refused and not eased:
        return f"no act reaches the accepted margin; no radiotherapy: {clearing.radiation.refused[lesion]}"
    return f"only with {and_list(eased)}" if eased else "no act reaches the accepted margin"


def verdicts_table(result: Assessment) -> Table | None:
    """What each lesion could get, and what it gets in the plan of the answer."""
    found = lesion_verdicts(result)
    if not found:
        return None
    plan = first_plan(result)
    rows = []
    for item in found:
        got = plan.clears.get(item["lesion"]) if plan else None
        ways = "; ".join(
            way["act"] + (" (no margin)" if way["way"] in NO_MARGIN else
                          "" if way["margin_mm"] is None else f" ({mm(way['margin_mm'])})")
            + (f", limited by {way['limiting']}" if way["limiting"] else "")
            for way in item["ways"]
        )  # fmt: skip
        given = "–" if got is None else got.label + ("" if got.margin_mm is None else f", {mm(got.margin_mm)}")
        rows.append((item["lesion"], item["verdict"], ways or item["reason"], given))
    columns = ("Lesion", "Verdict", "Ways that keep the accepted margin", "In the plan of the answer")
    note = "Verdicts are geometric: what outlines, margins and devices allow. Whether it is indicated is for the board."
    return Table("verdicts", "Lesion by lesion", columns, (False,) * 4, tuple(rows), note)


def eased_table(result: Assessment) -> Table | None:
    """What was tried when no plan keeps every limit, in order."""
    clearing = result.clearing
    if clearing is None or clearing.found.certificate is None:
        return None
    certificate = clearing.found.certificate
    rows = tuple((upper_first(one.label), one.outcome, one.text) for one in certificate.relaxations)
    note = f"{certificate.binding_text} Each was eased alone. {certificate.reason}"
    return Table(
        "eased", "What would make a plan possible", ("Eased", "Outcome", "What follows"), (False,) * 3, rows, note
    )


def plans_data(result: Assessment) -> dict[str, Any] | None:
    """The content of plans.json; None where no plan was searched."""
    clearing = result.clearing
    if clearing is None:
        return None
    data = _search_data(clearing, clearing.found)
    fewer = clearing.found_without_open
    return {
        "format": "1",
        "case": result.case.id,
        "settings": {
            "resection_margin_mm": clearing.settings.resection_margin_mm,
            "accept_margin_mm": clearing.settings.accept_margin_mm,
            "ablation_margin_mm": clearing.settings.ablation_margin_mm,
            "vessel_detachment": clearing.settings.vessel_detachment,
            "allow": list(clearing.settings.allow),
            "leave": list(clearing.settings.leave),
        },
        "targets": list(clearing.problem.targets),
        "left_out": dict(clearing.left_out),
        "threshold": {
            "percent": clearing.threshold.percent,
            "of": list(clearing.threshold.of),
            "source": clearing.threshold.source,
        },
        **data,
        "radiation": radiation_offer_data(clearing),
        "growth": growth_data(result),
        "without_indeterminate": None if fewer is None else _search_data(clearing, fewer),
        "lesions": list(lesion_verdicts(result)),
        "candidates": [_candidate(clearing, one) for one in clearing.problem.candidates],
        "notes": list(clearing.notes),
    }


def plans_json(result: Assessment) -> str:
    """The text of plans.json. Raises ValueError rather than writing NaN."""
    return json.dumps(plans_data(result), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _search_data(clearing: Clearing, found: Search) -> dict[str, Any]:
    data = found.to_dict()
    for plan, known in zip(data["plans"], found.plans, strict=True):
        held = clearing.robustness[plan["name"]]
        plan["radiation"] = radiation_plan_data(clearing, known)
        plan["robustness"] = {"holds": held.holds, "runs": held.runs, "share": held.share, "weakest": held.weakest}
    return data


def _candidate(clearing: Clearing, one: Any) -> dict[str, Any]:
    voxel_ml = clearing.problem.voxel_ml
    return {
        "id": one.id,
        "kind": one.kind,
        "label": one.label,
        "lesions": dict(one.lesions),
        "segments": list(one.segments),
        "zones": list(one.zones),
        "burden": one.burden,
        "needs": one.needs,
        "rules": [list(pair) for pair in one.rules],
        "dose": candidate_dose(clearing, one),
        "costs_ml": {cause: region.size * voxel_ml for cause, region in one.costs.items()},
        "limiting": dict(one.limiting),
        "notes": list(one.notes),
    }
