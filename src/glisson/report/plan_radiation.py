"""What a plan with radiation says of it: dose, liver lost and spared, rules; an estimate, never a margin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from glisson.report.view import Fact
from glisson.report.words import and_list, volume

if TYPE_CHECKING:
    from glisson.planning import Clearing
    from glisson.planning.beams import BeamCourse
    from glisson.planning.clearance import Candidate, Plan
    from glisson.planning.dose import Check
    from glisson.planning.irradiating import Threat
    from glisson.planning.perfusing import SphereAct

__all__ = [
    "RADIATION", "candidate_dose", "irradiated_lesions", "radiation_facts", "radiation_offer_data",
    "radiation_plan_data", "radiation_sentence",
]  # fmt: skip

RADIATION = ("radiotherapy", "radioembolisation")
"""Kinds of acts that state no margin."""

NBSP = "\u00a0"
MOST_ORGANS = 3
"""Organs named beside a target."""

IS = {
    "radiotherapy": "by stereotactic radiotherapy, a definitive local treatment without margin or pathology",
    "radioembolisation": "by radioembolisation, which is control and no removal",
}


def irradiated_lesions(plan: Plan, kind: str = "") -> tuple[str, ...]:
    """Lesions that a plan treats by radiation, of one kind or of any."""
    kinds = (kind,) if kind else RADIATION
    return tuple(name for name, got in plan.clears.items() if got.kind in kinds)


def courses_of(clearing: Clearing, plan: Plan) -> tuple[BeamCourse, ...]:
    """What stands behind the courses of radiotherapy of a plan."""
    known = {**clearing.radiation_without_open.courses, **clearing.radiation.courses}
    return tuple(known[name] for name in plan.chosen if name in known)


def spheres_of(clearing: Clearing, plan: Plan) -> tuple[SphereAct, ...]:
    """What stands behind the radioembolisations of a plan."""
    known = {**clearing.radiation_without_open.spheres, **clearing.radiation.spheres}
    return tuple(known[name] for name in plan.chosen if name in known)


def radiation_sentence(clearing: Clearing, plan: Plan) -> str:
    """Which lesions are irradiated and what that is worth, for the answer; "" for a plan without radiation."""
    said = [f"{and_list(names)} {words}" for kind, words in IS.items() if (names := irradiated_lesions(plan, kind))]
    if not said:
        return ""
    verdicts = dict.fromkeys(_verdict(one) for one in _acts(clearing, plan))
    open_ones = " or ".join(word for word in verdicts if word != "eligible")
    rules = f"; the rules leave it {open_ones}" if open_ones else ""
    return f"{' and '.join(said)}{rules}{_waiting(clearing, plan)}"


def _waiting(clearing: Clearing, plan: Plan) -> str:
    """What of the courses of a plan a treatment plan decides, or what speaks against them by the estimate."""
    courses = courses_of(clearing, plan)
    checks = [check for one in courses for check in _plan_checks(clearing, plan, one) if check.unit in ("mL", "Gy")]
    liver = {check.verdict for check in checks}
    organs = [t.organ.replace("_", " ") for one in courses for t in one.threats if t.verdict != "pass"]
    above = [t for one in courses for t in one.threats if t.verdict == "fail"]
    said = []
    if "fail" in liver:
        said.append("by the estimate too little liver is spared")
    elif "not checkable" in liver:
        said.append("whether enough liver is spared waits for a treatment plan")
    if above:
        names = and_list([f"the {t.organ.replace('_', ' ')}" for t in above])
        unsure = "" if all(t.status == "verified" for t in above) else " (not yet confirmed)"
        said.append(f"by the estimate {names} would receive more than allowed{unsure}")
    elif organs:
        said.append(f"the dose of {and_list([f'the {name}' for name in organs])} waits for a treatment plan")
    return "".join(f"; {words}" for words in said)


def _plan_checks(clearing: Clearing, plan: Plan, one: BeamCourse) -> tuple[Check, ...]:
    """What the tables say of a course in a plan, with what its other acts leave of the liver."""
    from glisson.planning.beams import checks_in_plan

    return (one.spared_check(plan.remnant_nontumour_ml), *checks_in_plan(one, clearing.problem, plan.chosen))


def _acts(clearing: Clearing, plan: Plan) -> tuple[Candidate, ...]:
    return tuple(one for one in clearing.problem.candidates if one.id in plan.chosen and one.kind in RADIATION)


def _verdict(one: Candidate) -> str:
    """What the rules say of an act, by the pairs that it carries."""
    said = {verdict for _, verdict in one.rules}
    return "undetermined" if "undetermined" in said or not said else "relative" if "relative" in said else "eligible"


def radiation_facts(clearing: Clearing, plan: Plan) -> tuple[Fact, ...]:
    """The lines of a plan's card on radiation; none for a plan without."""
    found: list[Fact] = []
    for one in courses_of(clearing, plan):
        mean, low, high = one.mean_gy
        found += [
            Fact(
                "Radiotherapy, an estimate",
                f"{one.dose_gy:g}{NBSP}Gy in {one.isodose.fractions} fractions to {and_list(one.lesions)} with "
                f"{one.margin_mm:g}{NBSP}mm around; no margin is claimed. Liver expected to receive "
                f"{one.isodose.gy:.1f}{NBSP}Gy or more counts as lost: {volume(one.lost_ml)} ({one.lost_low_ml:.0f} to "
                f"{one.lost_high_ml:.0f}) by a fall-off model, no treatment plan; mean dose {mean:.1f}{NBSP}Gy "
                f"({low:.1f} to {high:.1f})",
            ),
            Fact("Liver spared by radiotherapy", _checked(one.spared_check(plan.remnant_nontumour_ml))),
        ]
        _, *others = _plan_checks(clearing, plan, one)
        doubtful = [check for check in others if check.verdict != "pass"]
        if doubtful:
            found.append(Fact("Further limits of radiotherapy", "; ".join(_checked(check) for check in doubtful)))
        if one.threats:
            found.append(Fact("Organs near a target", "; ".join(_threat(t) for t in one.threats[:MOST_ORGANS])))
    found += [
        Fact("Radioembolisation, control", f"{one.name}: {volume(one.perfused_normal_ml)} of liver counts as lost")
        for one in spheres_of(clearing, plan)
    ]
    rules = dict.fromkeys(note for one in _acts(clearing, plan) for note in one.notes if note.startswith("Rules on"))
    return (*found, *(Fact(note.partition(":")[0], note.partition(": ")[2]) for note in rules))


VERDICTS = {"pass": "met", "fail": "not met", "not checkable": "open"}
"""Verdict of a limit -> the word for it on a page."""


def _checked(check: Check) -> str:
    value = "not known" if check.value is None else f"{_number(check.value, check.limit)}{NBSP}{check.unit}".strip()
    why = f" ({check.why})" if check.why else ""
    limit = f"{check.limit:g}{NBSP}{check.unit}".strip()
    return f"{check.measure} {value}, limit {limit}: {VERDICTS[check.verdict]}{why}; {_source(check)}"


def _threat(one: Threat) -> str:
    dose = f"{_number(one.estimate_gy, one.limit_gy)}{NBSP}Gy expected ({one.low_gy:.0f} to {one.high_gy:.0f})"
    said = f"{one.organ.replace('_', ' ')} {one.distance_mm:.0f}{NBSP}mm, {dose}"
    if one.limit_gy is None:
        return f"{said}, no limit known for this schedule"
    return f"{said}, limit {one.limit_gy:g}{NBSP}Gy: {VERDICTS[one.verdict]}; {_source(one)}"


def _source(one: Check | Threat) -> str:
    return one.source if one.status == "verified" else f"{one.source}, not yet confirmed"


def _number(value: float, limit: float | None) -> str:
    """A whole number, or as many decimals as it takes to tell it from its limit."""
    from glisson.knowledge.answers import show

    whole = float(round(value))
    told = limit is None or (whole > limit, whole < limit) == (value > limit, value < limit)
    return f"{value:.0f}" if told else show(value, () if limit is None else (limit,))


def radiation_plan_data(clearing: Clearing, plan: Plan) -> dict[str, Any] | None:
    """The key `radiation` of a plan in plans.json; None for a plan without."""
    lesions = irradiated_lesions(plan)
    if not lesions:
        return None
    checks = [check for one in courses_of(clearing, plan) for check in _plan_checks(clearing, plan, one)]
    return {
        "lesions": list(lesions),
        "margin": "none: local control is an estimate",
        "verdicts": {one.id: _verdict(one) for one in _acts(clearing, plan)},
        "checks": [_check_data(check) for check in checks],
    }


def candidate_dose(clearing: Clearing, one: Candidate) -> dict[str, Any] | None:
    """The key `dose` of a candidate in plans.json: of a course of radiotherapy, else None."""
    course = clearing.radiation.courses.get(one.id)
    if course is None:
        return None
    mean, low, high = course.mean_gy
    return {
        "dose_gy": course.dose_gy,
        "fractions": course.isodose.fractions,
        "margin_mm": course.margin_mm,
        "isodose_gy": course.isodose.gy,
        "isodose_why": course.isodose.words,
        "isodose_sources": list(course.isodose.sources),
        "lost_ml": course.lost_ml,
        "lost_low_ml": course.lost_low_ml,
        "lost_high_ml": course.lost_high_ml,
        "mean_gy": mean,
        "mean_low_gy": low,
        "mean_high_gy": high,
        "spares_ml": one.spares_ml,
        "organs": [
            {"organ": t.organ, "distance_mm": t.distance_mm, "estimate_gy": t.estimate_gy, "low_gy": t.low_gy,
             "high_gy": t.high_gy, "limit_gy": t.limit_gy, "verdict": t.verdict}
            for t in course.threats
        ],
        "method": "estimate from a dose fall-off model, not a treatment plan",
    }  # fmt: skip


def radiation_offer_data(clearing: Clearing) -> dict[str, Any]:
    """The key `radiation` of plans.json: whether it was considered, whether a plan needs it, and what refused it."""
    offer = clearing.radiation
    return {"considered": offer.words, "needed": offer.needed, "refused": dict(offer.refused)}


def _check_data(check: Check) -> dict[str, Any]:
    return {
        "structure": check.structure, "measure": check.measure, "verdict": check.verdict, "value": check.value,
        "limit": check.limit, "unit": check.unit, "source": check.source, "status": check.status, "why": check.why,
    }  # fmt: skip
