"""The three ways of page one: local treatment now, systemic treatment first, no local treatment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glisson.knowledge import knowledge_base
from glisson.report.answer import held_back, lesions_by_duty
from glisson.report.concerns import CONTROL, LOCAL, SYSTEMIC, named_resections
from glisson.report.plans import first_plan
from glisson.report.record import scan_date
from glisson.report.view import Path
from glisson.report.words import lower_first, number_of, upper_first

if TYPE_CHECKING:
    from glisson.assessment import Assessment

__all__ = ["paths"]

CARE = "Palliative care alongside, offered early."


def paths(result: Assessment) -> tuple[Path, ...]:
    """Local treatment now, systemic treatment first with a second look, no local treatment; palliative care in each."""
    scan = scan_date(result)
    again = f"measured again against the scan of {scan}" if scan else "measured again on a new scan"
    return (
        Path("Local treatment now", _local(result), CARE),
        Path(
            "Systemic first, then a second look",
            f"{_verdicts(result, SYSTEMIC)} At the second look the liver is {again}; every lesion ever seen stays a "
            "target, also one that has vanished.",
            CARE,
        ),
        Path(
            "No local treatment",
            f"A choice open to the patient. {_verdicts(result, CONTROL)}",
            CARE,
        ),
    )


def _local(result: Assessment) -> str:
    reason = held_back(result)
    if reason:
        return f"Not put forward: {reason}."
    plan = first_plan(result)
    if plan is not None:
        said = f"Possible by the geometry of this scan: {plan.name}. Whether it is indicated is for the board."
        return f"{said} {_verdicts(result, LOCAL)}"
    names = named_resections(result)
    if not names:
        return _most(result)
    enough = [item for item in result.resections if item.name in names and item.verdict == "enough"]
    others = _others(result, names)
    lead = "Resectable now by measurement" if enough else "Can be drawn, but enough remnant is not shown"
    said = f"{lead}: {lower_first(names[0])}{others}. Whether it is indicated is for the board."
    return f"{said} {_verdicts(result, LOCAL)}"


def _verdicts(result: Assessment, names: tuple[str, ...]) -> str:
    """The treatments that the rules allow, allow with a caution, or leave open, in words."""
    titles = knowledge_base().modalities
    by_verdict: dict[str, list[str]] = {}
    for option in result.options:
        if option.scope == "patient" and option.modality in names:
            by_verdict.setdefault(option.verdict, []).append(lower_first(titles[option.modality].title))
    said = [
        f"{words}: {', '.join(by_verdict[verdict])}."
        for verdict, words in (("eligible", "Rules allow"), ("relative", "With a caution"))
        if verdict in by_verdict
    ]
    open_ones = len(by_verdict.get("undetermined", ()))
    if open_ones:
        said.append(f"{upper_first(number_of(open_ones, 'other treatment'))} undetermined.")
    return " ".join(said)


def _most(result: Assessment) -> str:
    duty = lesions_by_duty(result)
    targets = [*duty.must, *duty.open]
    if not result.resections or not targets:
        return "Not assessed; see the answer above."
    enough = [item for item in result.resections if item.verdict != "too little"] or list(result.resections)
    best = max(enough, key=lambda item: len(set(targets) & set(item.clears)))
    count = len(set(targets) & set(best.clears))
    lead = "Not in this catalogue as one standard resection"
    if not count:
        return f"{lead}."
    most = "the most that one removes" + (" without leaving too little liver" if best.verdict != "too little" else "")
    return f"{lead}; {most}: {lower_first(best.name)}, {count} of {len(targets)} lesions."


def _others(result: Assessment, names: tuple[str, ...]) -> str:
    duty = lesions_by_duty(result)
    targets = {*duty.must, *duty.open}
    count = sum(
        1
        for item in result.resections
        if targets <= set(item.clears) and item.name not in names and item.verdict != "too little"
    )
    return f"; {number_of(count, 'other resection')} would also remove them all" if count else ""
