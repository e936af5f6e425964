"""What would change the answer, what stops or cautions it, and what was not assessed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glisson.case import Unknown
from glisson.knowledge import Answer, knowledge_base
from glisson.report.answer import chosen, held_back, lesions_by_duty
from glisson.report.record import reviewed_by
from glisson.report.view import Gap
from glisson.report.words import ids, lower_first, mm
from glisson.scene import Notice

if TYPE_CHECKING:
    from glisson.assessment import Assessment
    from glisson.planning import Resection

__all__ = [
    "CONTROL", "LIMITS", "LOCAL", "SYSTEMIC", "changes", "leading_resections", "named_resections", "not_assessed",
    "stops", "warnings",
]  # fmt: skip

MOST_CHANGES = 3
MOST_DRAWN = 4

LOCAL = (
    "resection", "two-stage-resection", "repeat-hepatectomy", "transplantation", "microwave-ablation",
    "radiofrequency-ablation", "cryoablation", "irreversible-electroporation", "histotripsy",
    "stereotactic-radiotherapy",
)  # fmt: skip
SYSTEMIC = (
    "systemic-chemotherapy", "perioperative-chemotherapy", "anti-egfr", "anti-vegf", "immunotherapy",
    "targeted-therapy", "endocrine-therapy", "somatostatin-analogue", "radioligand-therapy",
)  # fmt: skip
CONTROL = (
    "radioembolisation", "chemoembolisation", "debiri", "hepatic-arterial-infusion", "percutaneous-hepatic-perfusion",
    "palliative-radiotherapy", "clinical-trial",
)  # fmt: skip
"""Treatments named in each of the three rows of page one, in this order."""

LIMITS = (
    "Plans combine resections, wedges and ablations as drawn on this scan; radiation comes in, as an estimate, where "
    "these do not suffice. Technically possible is not indicated: which treatments the rules allow, and why, stands on "
    "the next pages."
)
"""What this version does not do, said once on page one."""

OFF_THE_LIST = (Gap("Fitness for anaesthesia", "only the facts that the rules name are looked at"),)

OF_SEVERAL_SCANS = ("earlier scans", "over time", "ablations", "zones", "resected")
"""Steps that one scan cannot take; one gap is said for all of them."""

ONE_SCAN = Gap("Earlier scans", "one scan was assessed; growth and response are not measured")


def named_resections(result: Assessment) -> tuple[str, ...]:
    """Names of the resections that the answer puts forward, first first."""
    duty = lesions_by_duty(result)
    both = tuple(lesion.id for lesion in result.lesions if lesion.id in {*duty.must, *duty.open})
    found = (chosen(result, targets).resection for targets in (both, duty.must))
    return tuple(dict.fromkeys(item.name for item in found if item is not None))


def leading_resections(result: Assessment) -> tuple[Resection, ...]:
    """The resections worth a drawing: those the answer names, then the next of planning that remove a lesion."""
    names = named_resections(result)
    named = [item for name in names for item in result.resections if item.name == name]
    others = [item for item in result.resections if item.clears and item.name not in names]
    return tuple([*named, *others][:MOST_DRAWN])


def changes(result: Assessment) -> tuple[str, ...]:
    """At most three things that would change the answer, those that decide most first."""
    found: list[str] = []
    duty = lesions_by_duty(result)
    if result.scene is None or result.liver is None:
        return ("a scan with outlines of the liver and the lesions is given",)
    if not result.lesions:
        found.append("lesions are outlined: none is on this scan")
    elif result.segments is None:
        found.append("a map of the liver segments is given")
    if duty.open:
        which = "the lesions" if len(duty.open) == len(result.lesions) > 2 else ids(duty.open)
        found.append(f"the nature of {which} is settled")
    if result.liver is not None and result.liver.touches_border:
        found.append("a scan of the whole liver shows more: this one stops inside it, so its volumes are lower bounds")
    missing = _missing_titles(result)
    if missing:
        found.append(f"these facts are recorded: {'; '.join(missing)}")
    if isinstance(result.case.extrahepatic.status, Unknown) and isinstance(result.case.extrahepatic.sites, Unknown):
        found.append("disease is found outside the liver: staging is not recorded")
    if any(study.masks.complete is not True for study in result.case.studies) or not result.case.studies:
        found.append("a lesion is seen that is not outlined: nobody has recorded that all are")
    if reviewed_by(result.case) is None:
        found.append("a review corrects an outline: nobody has reviewed the masks")
    return tuple(found[:MOST_CHANGES])


def _missing_titles(result: Assessment) -> list[str]:
    """The missing facts that keep the verdict on a resection of the answer open."""
    names = named_resections(result)
    open_ones = [item for item in result.resections if item.name in names and item.verdict == "undetermined"]
    if not open_ones:
        return []
    needs = dict.fromkeys(path for answer in result.answers for path in answer.needs)
    if any(item.remnant_percent_standardised is None for item in open_ones):
        facts = result.case.facts()
        needs.update({path: None for path in BODY_SIZE if isinstance(facts.get(path), Unknown)})
    table = knowledge_base().facts
    return [(table[path].title if path in table else "") or path for path in needs][:4]


BODY_SIZE = ("patient.height_cm", "patient.weight_kg")


def emergencies(result: Assessment) -> tuple[str, ...]:
    """What wants an answer today, for the red strip; other alerts stand among the cautions."""
    return tuple(
        answer.text + ("" if answer.status == "verified" else " (rule not yet confirmed)")
        for answer in result.answers
        if answer.verdict == "alert" and answer.urgency == "today"
    )


def _later_alerts(result: Assessment) -> list[Gap]:
    rank = {"days": 0, "weeks": 1, "routine": 2}
    later = [answer for answer in result.answers if answer.verdict == "alert" and answer.urgency in rank]
    return [Gap(answer.rule.title, answer.text) for answer in sorted(later, key=lambda answer: rank[answer.urgency])]


def stops(result: Assessment) -> tuple[Gap, ...]:
    """Stops and cautions by name: rules that forbid or caution, alerts, and the warnings of the measurement."""
    spoken = [Gap(_stop_title(answer), answer.text) for answer in _far_reaching(result)]
    found = [*spoken, *_later_alerts(result), *_narrow_margins(result)]
    duty = lesions_by_duty(result)
    if duty.treated:
        found.append(
            Gap(
                "Treated lesions",
                f"{ids(duty.treated)}: whether anything viable is left is not assessed; they are measured, not planned",
            )
        )
    vanished = tuple(lesion.id for lesion in result.case.lesions if lesion.nature == "vanished")
    unseen = tuple(name for name in vanished if name not in {lesion.id for lesion in result.lesions})
    if unseen:
        found.append(
            Gap(
                "Vanished lesions",
                f"{ids(unseen)}: recorded as vanished and not outlined here; leaving a site is a choice of its own",
            )
        )
    curative = _open_sites(result)
    if curative:
        found.append(
            Gap(
                "Disease outside the liver",
                f"{curative}: whether it can be treated with curative intent is not recorded",
            )
        )
    found += [Gap(_about(notice), notice.text) for notice in result.notices if notice.level != "info"]
    return tuple(found)


REACH = 3
"""A stop or caution that holds for this many treatments is about the patient and belongs on page one."""


def _far_reaching(result: Assessment) -> list[Answer]:
    """The stops and cautions that hold for several treatments, and the confirmed stops of a local or systemic one."""
    reach: dict[str, set[str]] = {}
    said: dict[str, Answer] = {}
    for option in result.options:
        for reason in option.reasons:
            if option.scope == "patient" and reason.verdict in ("contraindicated", "relative"):
                reach.setdefault(reason.rule.id, set()).add(option.modality)
                said[reason.rule.id] = reason
    chosen = [answer for name, answer in said.items() if len(reach[name]) >= REACH or _is_firm(answer, reach[name])]
    return sorted(chosen, key=lambda answer: (answer.verdict != "contraindicated", answer.status != "verified"))


def _is_firm(answer: Answer, modalities: set[str]) -> bool:
    confirmed = answer.verdict == "contraindicated" and answer.status == "verified"
    return confirmed and bool(modalities & {*LOCAL, *SYSTEMIC})


def _narrow_margins(result: Assessment) -> list[Gap]:
    """Lesions that the resections of the answer remove with less than the margin to plan for."""
    planned = next((answer.value for answer in result.answers if answer.rule.id == "resection-margin-planned"), None)
    if not isinstance(planned, int | float) or held_back(result) or result.clearing is not None:
        return []
    found = []
    for item in result.resections:
        margins = (
            {name: item.margins_mm.get(name) for name in item.clears} if item.name in named_resections(result) else {}
        )
        narrow = [f"{name} {mm(value)}" for name, value in margins.items() if value is not None and value < planned]
        if narrow:
            text = (
                f"{lower_first(item.name)} passes nearer than the {planned:g}\u00a0mm to plan for: {', '.join(narrow)}"
            )
            found.append(Gap("Narrow margin", text))
    return found


def _stop_title(answer: Answer) -> str:
    """What the stop is called; with the treatment where it is the stop of one."""
    titles = [knowledge_base().modalities[name].title for name in answer.rule.modalities]
    return f"{_stop_name(answer)} · {lower_first(titles[0])}" if len(titles) == 1 else _stop_name(answer)


def _stop_name(answer: Answer) -> str:
    if answer.status != "verified":
        return "Stop not yet confirmed" if answer.verdict == "contraindicated" else "Caution not yet confirmed"
    return "Stop" if answer.verdict == "contraindicated" else "Caution"


def _open_sites(result: Assessment) -> str:
    sites = result.case.extrahepatic.sites
    if isinstance(sites, Unknown):
        return ""
    open_sites = [
        site.site.replace("-", " ")
        for site in sites
        if isinstance(site.treatable_with_curative_intent, Unknown) and site.treated is not True
    ]
    return ", ".join(open_sites)


def _about(notice: Notice) -> str:
    return (
        notice.about[:1].upper() + notice.about[1:]
        if notice.about
        else ("Not usable" if notice.level == "error" else "Caution")
    )


LEVELS = {"error": "Not usable", "warning": "Warning", "info": "Remark"}


def _level(notice: Notice) -> str:
    return LEVELS.get(notice.level, notice.level)


def warnings(result: Assessment) -> tuple[Gap, ...]:
    """Every notice of reading and measuring, the graver first."""
    order = {"error": 0, "warning": 1, "info": 2}
    ranked = sorted(result.notices, key=lambda notice: order.get(notice.level, 3))
    return tuple(Gap(_level(notice) + (f" · {notice.about}" if notice.about else ""), notice.text) for notice in ranked)


def not_assessed(result: Assessment) -> tuple[Gap, ...]:
    """What was not assessed and why: first what this case lacks, then what this version does not do."""
    if result.scene is None:
        return (Gap("Liver, lesions and resections", "no scan with outlines was given"), *OFF_THE_LIST, ONE_SCAN)
    undone = [entry for entry in result.trace if entry.outcome.startswith("not assessed")]
    if result.follow is None:
        undone = [entry for entry in undone if entry.step not in OF_SEVERAL_SCANS]
    found = [Gap(entry.step[:1].upper() + entry.step[1:], _why(entry.outcome)) for entry in undone]
    found += [
        Gap(f"Distance to {words}", _lesion_note(result, name) or f"no outline of {words} was given")
        for name, words in VESSELS.items()
        if _nowhere(result, name)
    ]
    if any(item.remnant_percent_standardised is None for item in result.resections):
        reason = next(
            (text for item in result.resections for key, text in item.notes.items() if "standardised" in key),
            "height and weight are needed",
        )
        found.append(Gap("Standardised remnant", lower_first(reason.removeprefix("Not assessed: ").rstrip("."))))
    found += [Gap("Plans", note) for note in (result.clearing.notes if result.clearing else ())]
    return (*found, *OFF_THE_LIST, *(() if result.follow is not None else (ONE_SCAN,)))


VESSELS = {"portal": "portal branches", "hepatic": "hepatic veins", "cava": "the vena cava"}


def _lesion_note(result: Assessment, name: str) -> str:
    notes = {lesion.notes.get(f"distance_mm.{name}", "") for lesion in result.lesions}
    return lower_first(notes.pop().rstrip(".")) if len(notes) == 1 else ""


def _nowhere(result: Assessment, name: str) -> bool:
    return bool(result.lesions) and all(lesion.distance_mm.get(name) is None for lesion in result.lesions)


def _why(outcome: str) -> str:
    return outcome.removeprefix("not assessed").lstrip(": ") or "its inputs are missing"
