"""The questions that patients ask most, each answered from the decision and the rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from glisson.knowledge import knowledge_base
from glisson.report.answer import headline
from glisson.report.letter.found import in_liver
from glisson.report.letter.model import Paragraph, Said
from glisson.report.letter.verdicts import Choice
from glisson.report.letter.words import When, letter_words
from glisson.report.record import reviewed_by

if TYPE_CHECKING:
    from glisson.assessment import Assessment

__all__ = ["answers", "effects_of", "fits"]


AGAINST_CANCER = frozenset(("resected", "destroyed", "control"))
"""Effects of a treatment that is against the cancer itself."""


def answers(result: Assessment, decided: Sequence[Choice], every: Sequence[Choice]) -> tuple[Paragraph, ...]:
    """The nine questions of the documents for patients, with their answers."""
    by_name = {item.modality: item for item in every}
    effects = effects_of(decided)
    comfort = result.case.decision is not None and result.case.decision.intent == "comfort"
    return (
        _answer("Is it treatable?", *_treatable(effects, comfort)),
        _answer("Should I have an operation?", *_operation(by_name, effects)),
        _answer("Can all the spots be removed?", *_all_removed(result, effects)),
        _stage_four(result),
        _answer(
            "Is this treatment right for me?",
            "The team thinks that it fits your case. Whether it fits your life is for you to say. "
            "Tell us what matters most to you.",
        ),
        _answer("How can I live longer?", *_longer(effects, comfort), claims=("guarantees",)),
        survival(result, decided),
        _where(by_name),
        _answer(
            "How does the talk with the doctor work?",
            "A doctor shows you the results and explains the plan. You can bring someone with you. "
            "You can take notes. You can ask for time. No one will press you.",
        ),
    )


def effects_of(decided: Sequence[Choice]) -> frozenset[str]:
    """What the treatments decided on do: resected, destroyed, control, support."""
    return frozenset(item.effect for item in decided)


def _answer(question: str, *texts: str, claims: tuple[str, ...] = (), said: tuple[Said, ...] = ()) -> Paragraph:
    known = knowledge_base().claims
    words = [*texts, *(known[name].plain for name in claims)]
    rules = tuple(rule for item in said for rule in item.rules)
    return Paragraph(" ".join(words), lead=question, said=said, rules=rules)


def _stage_four(result: Assessment) -> Paragraph:
    question = "Does treatment make sense at stage 4?"
    if not in_liver(result):
        return _answer(
            "Does treatment make sense?",
            "It is not yet certain that your cancer has come to the liver. Tests come first.",
        )
    return _answer(question, claims=("one-stage-four", "controversy-goals"))


def _treatable(effects: frozenset[str], comfort: bool) -> list[str]:
    if effects & AGAINST_CANCER:
        return ["Yes, there is treatment. This letter says which one the team suggests."]
    if comfort:
        return ["There is treatment that can help you to feel better. This letter says which one the team suggests."]
    return ["The step that we suggest comes first. Then we can tell you more."]


def _operation(by_name: dict[str, Choice], effects: frozenset[str]) -> list[str]:
    if "resected" in effects:
        return ["The team suggests an operation. You decide whether you want it."]
    own = by_name.get("resection")
    if own is not None and own.stops:
        return ["The team does not suggest one.", own.stops[0]]
    return ["It is not the next step. Ask us what would have to change for an operation."]


def _all_removed(result: Assessment, effects: frozenset[str]) -> list[str]:
    small = knowledge_base().claims["smallest-visible"].plain
    if "resected" in effects and headline(result).tone == "found" and reviewed_by(result.case):
        return ["On your scan, one operation could take out every spot that must be treated.", small]
    if effects & {"resected", "destroyed"}:
        return ["That is what the team hopes for. Ask us which spots the treatment is for.", small]
    return ["What we suggest is not meant to take the spots out.", small]


def _longer(effects: frozenset[str], comfort: bool) -> list[str]:
    if comfort and not effects & AGAINST_CANCER:
        return ["The team puts your comfort first now. Tell us early what troubles you."]
    return ["Talk with us about what we suggest. Tell us early what troubles you."]


def _where(by_name: dict[str, Choice]) -> Paragraph:
    texts = ["You can be treated where a team of doctors for liver and cancer works together."]
    panel = by_name.get("expert-panel-referral")
    said: tuple[Said, ...] = ()
    if panel is not None and panel.helps:
        texts.append(panel.helps[0])
        said = (panel.said,)
    texts.append("You may ask for a second opinion. We will help you with it.")
    return _answer("Where should I be treated?", *texts, said=said)


def survival(result: Assessment, decided: Sequence[Choice]) -> Paragraph:
    """How long people live: figures only for a patient who asked, and only of a group that was studied."""
    question = "How long will I live?"
    note = knowledge_base().claims["survival-figures"].plain
    if result.case.preferences.wants_survival_figures is not True:
        return Paragraph(
            f"Nobody knows that for one person. If you want to talk about it, ask us. {note}", lead=question
        )
    study = next((item for item in letter_words().survival if fits(item, result, decided)), None)
    if study is None:
        text = "You asked for figures. We know of no study that fits you well enough to write one here. Please ask us."
        return Paragraph(f"{text} {note}", lead=question)
    return Paragraph(f"You asked for figures. {study.text}", lead=question, sources=(study.source,))


def fits(item: When, result: Assessment, decided: Sequence[Choice]) -> bool:
    """Whether a sentence is for this patient: cancer, treatments decided on, and their effects."""
    names = {choice.modality for choice in decided}
    return (
        (not item.sites or result.case.primary.site in item.sites)
        and (not item.treatments or bool(names & set(item.treatments)))
        and (not item.effects or bool(effects_of(decided) & set(item.effects)))
    )
