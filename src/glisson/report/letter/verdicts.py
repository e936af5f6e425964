"""What the options of an assessment say to a patient: only confirmed verdicts, only in words that rules have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from glisson.errors import InputError
from glisson.knowledge import Answer, knowledge_base
from glisson.report.letter.model import Said
from glisson.report.letter.words import letter_words
from glisson.report.words import lower_first

if TYPE_CHECKING:
    from glisson.assessment import Assessment
    from glisson.case import Decision
    from glisson.knowledge import Option

__all__ = ["Choice", "choice", "choices", "refuse_disagreement"]


@dataclass(frozen=True)
class Choice:
    """A treatment in a patient's words. verdict: of the rules, for the patient. helps: why it may help. cautions: what
    calls for care. stops: what speaks against it. Each holds confirmed rules' words only.
    """

    modality: str
    plain: str
    title: str
    effect: str
    verdict: str
    helps: tuple[str, ...]
    cautions: tuple[str, ...]
    stops: tuple[str, ...]
    rules: tuple[str, ...]

    @property
    def is_offered(self) -> bool:
        """Whether the letter may name it as another choice: allowed, or allowed with a confirmed word of caution."""
        return bool(self.helps) if self.verdict == "eligible" else self.verdict == "relative" and bool(self.cautions)

    @property
    def said(self) -> Said:
        """The verdict with its rules, for the letter's record of what it says."""
        return Said(self.modality, self.verdict, self.rules)


def choices(result: Assessment) -> tuple[Choice, ...]:
    """Every treatment that the assessment judges for the patient, in the order of its options."""
    return tuple(_choice(option, result) for option in result.options if option.scope == "patient")


def choice(result: Assessment, modality: str) -> Choice:
    """One treatment. Raises InputError when the rules do not know it."""
    found = next((item for item in choices(result) if item.modality == modality), None)
    if found is None:
        known = ", ".join(option.modality for option in result.options if option.scope == "patient")
        raise InputError(f"The rules do not know the treatment {modality!r}. Treatments: {known}.")
    return found


def _choice(option: Option, result: Assessment) -> Choice:
    named = knowledge_base().modalities[option.modality]
    heard = [
        answer
        for other in result.options
        if other.modality == option.modality and (other is option or other.verdict == option.verdict)
        for answer in other.reasons
    ]
    by_effect = {
        effect: {words: answer.rule.id for answer in heard if (words := _words(answer, effect))}
        for effect in ("eligible", "relative", "contraindicated")
    }
    shown = {
        "eligible": ("eligible",),
        "relative": ("eligible", "relative"),
        "contraindicated": ("contraindicated",),
    }.get(option.verdict, ())
    helps, cautions, stops = (tuple(by_effect[effect]) if effect in shown else () for effect in by_effect)
    rules = tuple(dict.fromkeys(rule for effect in shown for rule in by_effect[effect].values()))
    return Choice(
        option.modality, named.plain, lower_first(named.title), named.effect, option.verdict,
        helps, cautions, stops, rules,
    )  # fmt: skip


def _words(answer: Answer, effect: str) -> str:
    """A confirmed rule's words for a patient when it says this; else nothing."""
    if answer.verdict != effect or answer.status != "verified":
        return ""
    reasons = letter_words().by_key["reasons"]
    return reasons.get(f"{answer.rule.id}@{effect}") or reasons.get(answer.rule.id) or answer.plain


def refuse_disagreement(result: Assessment, decision: Decision) -> tuple[str, ...]:
    """The treatments of a decision that the rules call contraindicated.

    Raises InputError for a treatment they do not know, for a contraindicated one without `despite`, and for a
    `despite` where nothing is contraindicated.
    """
    verdicts = {option.modality: option for option in result.options if option.scope == "patient"}
    for name in decision.treatment:
        choice(result, name)
    against = tuple(name for name in decision.treatment if verdicts[name].verdict == "contraindicated")
    if against and not decision.despite:
        said = "; ".join(f"{name}: {verdicts[name].why}" for name in against)
        raise InputError(
            f"By the rules this is contraindicated for this patient. {said} "
            "Choose another treatment, or say why it is chosen all the same: --despite REASON."
        )
    if decision.despite and not against:
        raise InputError(
            "A reason for going against the rules is given (--despite), but they call none of these treatments "
            "contraindicated. Leave it out."
        )
    return against
