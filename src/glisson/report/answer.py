"""The answer of page one: one sentence, or two where a lesion's nature is open, in the words a board uses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from glisson.case import Unknown
from glisson.report.plans import plan_headline
from glisson.report.view import Headline, Line
from glisson.report.words import a_or_an, and_list, day, ids, lower_first, number_of, percent

if TYPE_CHECKING:
    from glisson.assessment import Assessment

__all__ = ["Choice", "answer_in_one_sentence", "chosen", "headline", "held_back", "lesions_by_duty"]

NOT_UNRESECTABLE = "This is not a finding of unresectability; ask an expert liver panel."
NOT_COMBINED = "Combined plans (wedges, ablation) are not assessed yet."

_RANK = {"enough": 0, "undetermined": 1, "too little": 2}


@dataclass(frozen=True)
class Duty:
    """Ids of the lesions by what they ask for: treatment, an answer about their nature, or neither."""

    must: tuple[str, ...]
    open: tuple[str, ...]
    benign: tuple[str, ...]
    treated: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Choice:
    """The resection the answer names for some targets, or None where none removes them all."""

    targets: tuple[str, ...]
    resection: Any | None


def lesions_by_duty(result: Assessment) -> Duty:
    """Confirmed, probable and vanished lesions must be treated; indeterminate ones give two answers; benign ones are
    never planned.
    """

    def of(*natures: str) -> tuple[str, ...]:
        return tuple(lesion.id for lesion in result.lesions if lesion.nature in natures)

    return Duty(of("confirmed", "probable", "vanished"), of("indeterminate"), of("benign"), of("treated"))


def chosen(result: Assessment, targets: Sequence[str]) -> Choice:
    """The first resection, in the order of planning, that removes all targets; those with enough remnant before the
    others.
    """
    whole = [item for item in result.resections if set(targets) <= set(item.clears)]
    best = min(whole, key=lambda item: _RANK[item.verdict], default=None)
    return Choice(tuple(targets), best if targets else None)


def held_back(result: Assessment) -> str | None:
    """Why the answer is not put forward although a resection can be drawn, or None."""
    sites = result.case.extrahepatic.sites
    if not isinstance(sites, Unknown):
        closed = [
            site.site.replace("-", " ")
            for site in sites
            if site.treatable_with_curative_intent is False and site.treated is not True
        ]
        if closed:
            return f"disease outside the liver ({and_list(closed)}) is recorded as not treatable with curative intent"
    treatments = result.case.treatments
    if not isinstance(treatments, Unknown) and any(
        item.kind == "systemic" and item.ongoing is True and item.response == "progression" for item in treatments
    ):
        return "the disease is recorded as progressing on the present therapy"
    return None


def headline(result: Assessment) -> Headline:
    """The answer in one sentence; two, labelled, when indeterminate lesions exist."""
    missing = _not_assessable(result)
    if missing:
        return Headline("not-assessed", (Line("", missing),))
    reason = held_back(result)
    if reason:
        text = f"No plan is put forward, because {reason}; what would be possible stands in the appendix."
        return Headline("open", (Line("", text),))
    planned = plan_headline(result)
    if planned is not None:
        return planned
    duty = lesions_by_duty(result)
    if not duty.must and not duty.open:
        return Headline("open", (Line("", _nothing_to_treat(duty)),))
    if not duty.open:
        return _single(result, duty.must)
    return _double(result, duty)


def _double(result: Assessment, duty: Duty) -> Headline:
    """Both answers, labelled; one when they are the same."""
    many = len(duty.open) > 1
    them = f"the {number_of(len(duty.open), 'indeterminate lesion')}" if len(duty.open) > MOST_NAMED else ids(duty.open)
    both = _single(result, tuple(lesion.id for lesion in result.lesions if lesion.id in {*duty.must, *duty.open}))
    fewer = _single(result, duty.must) if duty.must else Headline("open", (Line("", NOTHING_TO_REMOVE),))
    if both.lines == fewer.lines:
        return Headline(both.tone, (Line(f"With or without {them}", both.lines[0].text),), both.remark)
    lines = (
        Line(f"If {them} {'are metastases' if many else 'is a metastasis'}", both.lines[0].text),
        Line("If they are not" if many else "If it is not", fewer.lines[0].text),
    )
    return Headline(both.tone, lines, both.remark or fewer.remark)


NOTHING_TO_REMOVE = "Nothing in the liver has to be removed: no lesion is recorded as confirmed or probable."

MOST_NAMED = 4
"""Indeterminate lesions are named up to this number, and counted above it."""


def answer_in_one_sentence(result: Assessment) -> str:
    """The answer of page one as one line of text."""
    answer = headline(result)
    lines = [f"{line.label}: {line.text}" if line.label else line.text for line in answer.lines]
    return " ".join([*lines, answer.remark]).strip().replace("\u00a0", " ")


def limit_answer(result: Assessment) -> Any | None:
    """The answer of the rule on the remnant that is needed, or None when it was not asked."""
    return next((answer for answer in result.answers if answer.rule.id == "remnant-needed"), None)


def limit_of(result: Assessment) -> float | None:
    """The share that must remain, in percent; None while it is open."""
    answer = limit_answer(result)
    return None if answer is None or answer.value is None else float(answer.value)


def limit_words(result: Assessment) -> str:
    """The limit as the rule states it, what is still open, or that there is none."""
    answer = limit_answer(result)
    if answer is None:
        return "limit not assessed"
    unconfirmed = ", not yet confirmed" if answer.is_decided and answer.status != "verified" else ""
    if answer.value is not None:
        return f"limit {float(answer.value):g}\u00a0%{unconfirmed}"
    values = answer.possible_values
    return f"limit {values[0]:g} to {values[-1]:g}\u00a0%, not decided" if len(values) > 1 else "limit not decided"


def remnant_words(resection: Any, result: Assessment) -> str:
    """Remnant of non-tumour liver and standardised, with the limit."""
    limit = limit_of(result)
    share = f"remnant {percent(resection.remnant_percent_nontumour, limit)} of non-tumour liver"
    standardised = resection.remnant_percent_standardised
    second = "standardised not assessed" if standardised is None else f"{percent(standardised, limit)} standardised"
    return f"{share}, {second} ({limit_words(result)})"


def _not_assessable(result: Assessment) -> str:
    if result.scene is None or result.liver is None:
        return "Not assessed because no scan with a liver mask was given."
    if not result.lesions:
        gone = [
            f"{ids(one.lesions)} went with the resection of {day(one.operation.day)}"
            for one in result.resected if one.lesions
        ]  # fmt: skip
        return f"Not assessed because no lesion is outlined on this scan{''.join(f'; {words}' for words in gone)}."
    if result.clearing is None and (result.segments is None or not result.resections):
        return "Not assessed because there is no map of the liver segments, so no standard resection can be measured."
    return ""


def _nothing_to_treat(duty: Duty) -> str:
    parts = [f"{number_of(len(duty.benign), 'lesion')} recorded as benign"] if duty.benign else []
    parts += [f"{number_of(len(duty.treated), 'lesion')} recorded as treated already"] if duty.treated else []
    return f"No lesion that must be treated is recorded ({and_list(parts)}), so no resection is put forward."


def _all(targets: Sequence[str]) -> str:
    if len(targets) == 1:
        return f"the one lesion that must be treated ({targets[0]})"
    return f"{'both' if len(targets) == 2 else f'all {len(targets)}'} lesions that must be treated"


def _single(result: Assessment, targets: tuple[str, ...]) -> Headline:
    best = chosen(result, targets).resection
    if best is None:
        text = (
            "No single standard resection in this catalogue with these masks and margins removes every visible lesion."
        )
        return Headline("none", (Line("", text),), f"{NOT_UNRESECTABLE} {NOT_COMBINED}")
    removes = f"{a_or_an(best.name)} would remove {_all(targets)}"
    if best.verdict == "enough":
        return Headline("found", (Line("", f"{removes}; {remnant_words(best, result)}."),))
    if best.verdict == "undetermined":
        why = best.reasons[0] if best.reasons else "a fact is missing"
        because = lower_first(why.rstrip("."))
        text = f"{removes}; {remnant_words(best, result)}; whether that is enough is undetermined ({because})."
        return Headline("open", (Line("", text),))
    text = (
        "No single standard resection in this catalogue with these masks and margins removes every visible lesion "
        f"and leaves enough liver: {lower_first(a_or_an(best.name))} leaves a {remnant_words(best, result)}."
    )
    return Headline("none", (Line("", text),), f"{NOT_UNRESECTABLE} {NOT_COMBINED}")
