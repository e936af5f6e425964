"""Steps over several scans and before chemotherapy: resections against their plan, zones, lesions that may vanish."""

from __future__ import annotations

from dataclasses import replace

from glisson.assessment.facts import all_facts, facts_of_lesions
from glisson.assessment.following import zone_courses
from glisson.assessment.operated import resections
from glisson.assessment.result import Assessment
from glisson.knowledge import knowledge_base
from glisson.scene import Notice

__all__ = ["check_resections", "follow_zones", "name_at_risk"]

MARK_RULE = "mark-before-chemotherapy"
"""The rule that says which lesions may be lost to sight."""


def check_resections(a: Assessment) -> tuple[Assessment, str]:
    """What each resection between two scans removed, against what was planned."""
    assert a.follow is not None
    made, notices = resections(a.case, a.scans, a.follow)
    said = f"{len(made)} resections between scans" if made else "no resection lies between the scans"
    return replace(a, resected=made, notices=(*a.notices, *notices)), said


def follow_zones(a: Assessment) -> tuple[Assessment, str]:
    """How large each ablation zone was on every scan."""
    assert a.follow is not None
    courses, notices = zone_courses(a.case, a.scans, a.follow)
    said = f"{len(courses)} zones over the scans" if courses else "no ablation zone is outlined"
    return replace(a, zones=courses, notices=(*a.notices, *notices)), said


def name_at_risk(a: Assessment) -> tuple[Assessment, str]:
    """Before chemotherapy: the lesions that may be lost to sight by it, outside what the first plan removes."""
    kb, facts = knowledge_base(), a.facts or all_facts(a)
    removed: set[str] = set()
    if a.clearing is not None and a.clearing.found.plans:
        removed = {name for name, got in a.clearing.found.plans[0].clears.items() if got.kind == "resection"}
    at_risk = [
        name
        for name, own in facts_of_lesions(a).items()
        if name not in removed and kb.evaluate(MARK_RULE, {**facts, **own}).verdict == "info"
    ]
    if not at_risk:
        return a, "no lesion is at risk of vanishing, or chemotherapy was given"
    confirmed = (
        "" if kb.evaluate(MARK_RULE, facts).status == "verified" else " (limits of size and depth not confirmed)"
    )
    text = (
        f"Small and deep, and left in place by the first resection: {', '.join(at_risk)} may vanish from sight under "
        f"chemotherapy. Mark first?{confirmed}"
    )
    notice = Notice("warning", "mark-first", text, at_risk[0] if len(at_risk) == 1 else "")
    return replace(a, notices=(*a.notices, notice)), f"{len(at_risk)} lesions at risk of vanishing"
