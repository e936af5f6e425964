"""What rules may ask about the images and plans: the measured facts beside those of the record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from glisson.assessment.result import Assessment
from glisson.case import Unknown
from glisson.knowledge import knowledge_base
from glisson.lesions import COUNTED, LesionFinding
from glisson.planning import Clearing, Resection, remnant_rules
from glisson.planning.growth import recorded_growth
from glisson.planning.radiating import holds_radiation

__all__ = ["all_facts", "facts_of_lesions"]

NO_SCAN = "no scan was measured"
NO_PLAN = "no single standard resection removes every lesion; combined plans are not assessed"


def all_facts(a: Assessment) -> dict[str, object]:
    """The facts of the record and everything measured on the scan and the plan, by the paths of the knowledge base.

    A fact that was not measured is Unknown with its reason, never left out and never a default.
    """
    facts: dict[str, object] = dict(a.case.facts())
    facts.update(_burden(a))
    if not a.lesions and a.case.lesions:
        facts.update(_reported_burden(a))
    facts.update(_remnant(a))
    return knowledge_base().with_scores(facts)


def facts_of_lesions(a: Assessment) -> dict[str, Mapping[str, object]]:
    """For each lesion that may need treatment its own facts (paths `lesion.…`), to be read beside the patient's."""
    return {
        lesion.id: {**_lesion(lesion), **_central(a, lesion.id)} for lesion in a.lesions if lesion.nature in COUNTED
    }


def _or_unknown(value: Any, reason: str) -> object:
    return Unknown(reason) if value is None else value


def _burden(a: Assessment) -> dict[str, object]:
    found, liver = a.burden, a.liver
    no_spleen = "no spleen mask was given" if liver else NO_SCAN
    return {
        "burden.count": found.count if found else Unknown(NO_SCAN),
        "burden.largest_mm": _or_unknown(found and found.largest_mm, "no lesion was measured" if found else NO_SCAN),
        "burden.total_ml": found.total_ml if found else Unknown(NO_SCAN),
        "burden.share_percent": _or_unknown(found and found.share_percent, NO_SCAN),
        "burden.bilobar": _or_unknown(found and found.bilobar, "the lobes are not known" if found else NO_SCAN),
        "burden.vanished_count": found.counts["vanished"] if found else Unknown(NO_SCAN),
        "burden.indeterminate_count": found.counts["indeterminate"] if found else Unknown(NO_SCAN),
        "organ.liver_ml": liver.volume_ml if liver else Unknown(NO_SCAN),
        "organ.spleen_ml": _or_unknown(liver and liver.spleen_ml, no_spleen),
    }


def _reported_burden(a: Assessment) -> dict[str, object]:
    """Number and size as the record tells them, where nothing is outlined."""
    own = [lesion for lesion in a.case.lesions if lesion.nature in COUNTED]
    sizes = [lesion.size_mm for lesion in own]
    unsized = next((size for size in sizes if isinstance(size, Unknown)), None)
    known = [size for size in sizes if not isinstance(size, Unknown)]
    return {
        "burden.count": len(own),
        "burden.largest_mm": max(known, default=Unknown("no lesion of the record is counted"))
        if unsized is None
        else unsized,
        "burden.vanished_count": sum(lesion.nature == "vanished" for lesion in a.case.lesions),
        "burden.indeterminate_count": sum(lesion.nature == "indeterminate" for lesion in own),
    }


def _lesion(lesion: LesionFinding) -> dict[str, object]:
    facts: dict[str, object] = {
        "lesion.nature": lesion.nature,
        "lesion.longest_axial_mm": lesion.longest_axial_mm,
        "lesion.max3d_mm": lesion.max3d_mm,
        "lesion.volume_ml": lesion.volume_ml,
        "lesion.distance_bile_duct_mm": Unknown("bile ducts are not outlined"),
    }
    for name in ("capsule", "portal", "hepatic", "cava"):
        reason = lesion.notes.get(f"distance_mm.{name}", "not measured")
        facts[f"lesion.distance_{name}_mm"] = _or_unknown(lesion.distance_mm.get(name), reason)
        if name != "capsule":
            facts[f"lesion.touches_{name}"] = _or_unknown(lesion.touches.get(name), reason)
    return facts


def _central(a: Assessment, lesion: str) -> dict[str, object]:
    """How near a lesion is to the central portal vein, as the vessels were followed."""
    relations = next((found for found in a.vessels.relations if found.lesion == lesion), None) if a.vessels else None
    if relations is None:
        missing = Unknown("the portal vein was not followed")
        return {"lesion.central_mm": missing, "lesion.central": missing}
    reason = " ".join(relations.notes) or "no portal branch was named"
    return {
        "lesion.central_mm": _or_unknown(relations.central_mm, reason),
        "lesion.central": _or_unknown(relations.central, reason),
    }


def _whole_plan(a: Assessment) -> Resection | None:
    """The first resection, in the order of planning, that removes every lesion that is or may be a metastasis."""
    targets = {lesion.id for lesion in a.lesions if lesion.nature in COUNTED}
    return next((item for item in a.resections if targets and targets <= set(item.clears)), None)


def _remnant(a: Assessment) -> dict[str, object]:
    """Facts of the plan: of the search over combined plans where there was one, else of a standard resection."""
    return _of_resection(a) if a.clearing is None else {**_of_resection(a), **_of_plan(a.clearing)}


PLAN_FACTS = (
    "plan.margin_mm", "plan.removed_segments", "remnant.percent_nontumour", "remnant.percent_standardised",
    "remnant.contiguous_segments",
)  # fmt: skip
"""Facts that follow from the plan of the answer."""


def _of_plan(clearing: Clearing) -> dict[str, object]:
    """Of the first plan without radiation: what the rules on resection and on growth of the remnant ask about."""
    plan = next((one for one in clearing.found.plans if not holds_radiation(one)), None)
    if plan is None:
        missing = Unknown("no plan of resections, wedges and ablations treats every lesion")
        none = clearing.found.outcome == "none" or clearing.radiation.needed
        exists: object = False if none else Unknown("the search for a plan ended early")
        names = ("margin_mm", "removed_segments")
        shares = ("percent_nontumour", "percent_standardised", "contiguous_segments")
        return {
            "plan.exists": exists,
            **{f"plan.{n}": missing for n in names},
            **{f"remnant.{n}": missing for n in shares},
        }
    margins = [got.margin_mm for got in plan.clears.values() if got.margin_mm is not None]
    chosen = [one for one in clearing.problem.candidates if one.id in plan.chosen and one.kind == "resection"]
    return {
        "plan.exists": True,
        "plan.margin_mm": _or_unknown(min(margins, default=None), "no lesion of the plan has a margin"),
        "plan.removed_segments": len({name for one in chosen for name in one.segments}),
        "remnant.percent_nontumour": plan.remnant_percent_nontumour,
        "remnant.percent_standardised": _or_unknown(plan.remnant_percent_standardised, "height and weight are needed"),
        "remnant.contiguous_segments": (
            len(plan.kept_segments) if plan.kept_segments else Unknown("there is no segment map")
        ),
    }


def _of_resection(a: Assessment) -> dict[str, object]:
    plan = _whole_plan(a)
    needed = next((x.value for x in a.answers if x.rule.id == "remnant-needed"), None)
    margins = [m for m in plan.margins_mm.values() if m is not None] if plan else []
    return {
        "plan.exists": True if plan else Unknown(NO_PLAN),
        "plan.margin_mm": _or_unknown(min(margins, default=None), NO_PLAN),
        "plan.removed_segments": len(plan.segments) if plan else Unknown(NO_PLAN),
        "remnant.percent_nontumour": plan.remnant_percent_nontumour if plan else Unknown(NO_PLAN),
        "remnant.percent_standardised": _or_unknown(
            plan and plan.remnant_percent_standardised, "height and weight are needed" if plan else NO_PLAN
        ),
        "remnant.needed_percent": _or_unknown(needed, "the liver background is not known"),
        "remnant.contiguous_segments": Unknown("inflow and outflow of the remnant are not assessed"),
        **_of_growth(a),
    }


def _of_growth(a: Assessment) -> dict[str, object]:
    """What two volumetries of the record say of the growth of the remnant."""
    found = recorded_growth(a.case, remnant_rules(a.case.facts()).expected_ml)
    if isinstance(found, Unknown):
        return dict.fromkeys(("remnant.growth_points", "remnant.growth_percent_per_week"), found)
    return {"remnant.growth_points": found.points, "remnant.growth_percent_per_week": found.percent_per_week}
