"""`glisson decide` and `glisson letter`: a named clinician records the decision; only then is a letter written."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from glisson.errors import InputError

if TYPE_CHECKING:
    from glisson.assessment import Assessment
    from glisson.case import Decision

__all__ = ["decide", "letter"]

CaseFolder = Annotated[Path, typer.Argument(metavar="CASE", help="folder with case.yaml")]


def decide(
    case: CaseFolder,
    by: Annotated[str, typer.Option(metavar="NAME", help='the clinician who records it, e.g. "Dr Ada Example"')],
    role: Annotated[str, typer.Option(metavar="ROLE", help='what the clinician is, e.g. "consultant surgeon"')],
    date: Annotated[str, typer.Option(metavar="YYYY-MM-DD", help="day of the decision")],
    treatment: Annotated[
        list[str], typer.Option(metavar="NAME", help="treatment decided on, by its name in the rules; repeat for more")
    ],
    intent: Annotated[str | None, typer.Option(metavar="AIM", help="cure, control or comfort")] = None,
    reason: Annotated[str | None, typer.Option(metavar="TEXT", help="why, in words the patient can read")] = None,
    next_step: Annotated[
        str | None, typer.Option("--next", metavar="TEXT", help="the next step, in words the patient can read")
    ] = None,
    next_by: Annotated[str | None, typer.Option(metavar="YYYY-MM-DD", help="by when")] = None,
    dissent: Annotated[str | None, typer.Option(metavar="TEXT", help="dissent in the board")] = None,
    despite: Annotated[
        str | None,
        typer.Option(metavar="REASON", help="why a contraindicated treatment is chosen, in words the patient can read"),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--replace", help="put it in the place of an earlier decision")] = False,
) -> None:
    """Record the board's decision in CASE/case.yaml; everything else in the file stays as it is."""
    from dataclasses import replace

    from glisson.case import Decision, record_decision, refuse_unfit_decision
    from glisson.report.letter import refuse_disagreement

    decision = Decision(
        by=by.strip(), role=role.strip(), date=_day(date, "--date"), treatment=_once(treatment), intent=_aim(intent),
        reason=reason, next_step=next_step, next_by=None if next_by is None else _day(next_by, "--next-by"),
        dissent=dissent, despite=despite, text="-",
    )  # fmt: skip
    refuse_unfit_decision(decision, _today())
    result = _assessed(case)
    against = refuse_disagreement(result, decision)
    decision = replace(decision, text=_in_words(decision))
    file = record_decision(case, decision, today=_today(), overwrite=overwrite)
    for line in _remarks(result, decision, against):
        print(f"warning: {line}", file=sys.stderr)
    print(f"{file}: decision of {decision.by}, {decision.date.isoformat()}: {decision.text}")
    print(f"Next: glisson letter {case} -o LETTER_DIR")


def letter(
    case: CaseFolder,
    out: Annotated[
        Path,
        typer.Option(
            "-o", "--out", metavar="OUT", help="folder for letter.html and letter.pdf, or a .html or .pdf file"
        ),
    ],
    patient: Annotated[str, typer.Option(metavar="NAME", help="name on the letter; kept out of the case file")] = "",
    hospital: Annotated[str, typer.Option(metavar="NAME", help="name of the hospital")] = "",
    contact: Annotated[str, typer.Option(metavar="TEXT", help="whom to call, day and night")] = "",
) -> None:
    """Write the patient's letter of a case whose decision is recorded; names left out become lines to fill in."""
    from glisson.report.letter import AIM_GRADE, Addressing, plan_letter, write_letter

    today = _today()
    made = plan_letter(_assessed(case), today=today, addressing=Addressing(patient, hospital, contact))
    paths = write_letter(made, out, dated=today)
    print(f"Letter: {' and '.join(str(path) for path in paths)}")
    print(f"Reading level: {made.reading.text} (aim {AIM_GRADE:g}), {made.reading.words} words")
    print("Read it before you sign it.")


def _assessed(case: Path) -> Assessment:
    from glisson.assessment import assess
    from glisson.imaging import read_case

    return assess(*read_case(case))


def _today() -> date:
    return datetime.now(UTC).astimezone().date()


def _day(text: str, option: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError(
            f"{option} needs a day of the calendar as YYYY-MM-DD, for example 2024-05-03; got {text!r}."
        ) from None


def _aim(intent: str | None) -> str | None:
    if intent not in (None, "cure", "control", "comfort"):
        raise InputError(f"--intent is cure, control or comfort; got {intent!r}.")
    return intent


def _once(names: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.strip() for name in names))


def _in_words(decision: Decision) -> str:
    from glisson.knowledge import knowledge_base

    titles = [knowledge_base().modalities[name].title for name in decision.treatment]
    return "; ".join(titles) + (f" (aim: {decision.intent})" if decision.intent else "")


def _remarks(result: Assessment, decision: Decision, against: tuple[str, ...]) -> list[str]:
    """What the clinician should see again: verdicts that are not a plain yes."""
    verdicts = {option.modality: option for option in result.options if option.scope == "patient"}
    return [
        f"{name} is {verdicts[name].verdict} by the rules: {verdicts[name].why}"
        + (f" Recorded despite that: {decision.despite}" if name in against else "")
        for name in decision.treatment
        if verdicts[name].verdict != "eligible"
    ]
