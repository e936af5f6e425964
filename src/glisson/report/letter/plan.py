"""Plans the patient's letter from an assessment whose case holds the board's decision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from glisson.case import Decision, Unknown, refuse_unfit_decision
from glisson.errors import InputError
from glisson.knowledge import knowledge_base
from glisson.report.letter.answers import answers, fits
from glisson.report.letter.check import refuse_unfit_letter
from glisson.report.letter.found import found, means
from glisson.report.letter.model import Addressing, Letter, LetterSection, Paragraph
from glisson.report.letter.reading import reading_level
from glisson.report.letter.verdicts import Choice, choices, refuse_disagreement
from glisson.report.letter.words import letter_words
from glisson.report.words import day, lower_first, upper_first

if TYPE_CHECKING:
    from glisson.assessment import Assessment

__all__ = ["plan_letter"]

MOST_OTHERS = 4
MOST_AGAINST = 4
MOST_MISSING = 4
ALWAYS_UNSURE = "Nobody can tell yet how well the treatment will work for you."
TREATED = frozenset(("systemic", "hepatic-arterial-infusion", "chemoembolisation", "hepatic-perfusion"))
"""Kinds of treatment of the record that count as medicine when they are still going on."""


def plan_letter(result: Assessment, *, today: date, addressing: Addressing | None = None) -> Letter:
    """The letter of an assessed case.

    today: the day of writing; it stands in the letter's head. addressing: names and contact that are not in the case.

    Raises InputError when no decision of a named person is recorded, when it names no treatment or gives no reason,
    when it goes against the rules without a word on why, and when the text could not be read by a patient or holds a
    word or number that must not be there.
    """
    decision = _decision(result, today)
    against = refuse_disagreement(result, decision)
    every = choices(result)
    decided = tuple(next(item for item in every if item.modality == name) for name in decision.treatment)
    _refuse_without_reason(decision, decided)
    sections = (
        _short(result, decision, decided),
        _urgent(result),
        LetterSection("found", "What we found", found(result)),
        LetterSection("means", "What it means", means(result)),
        _suggest(decision, decided, against),
        _others(decided, every),
        _extra_help(decided, every),
        _unsure(result),
        _next(result, decision),
        _who_decides(decision),
    )
    letter = Letter(
        case_id=result.case.id,
        title="Your liver: what the team suggests",
        addressing=addressing or Addressing(),
        dated=day(today),
        greeting=f"Dear {addressing.patient}," if addressing and addressing.patient else "Dear patient,",
        opening=_opening(result),
        sections=tuple(item for item in sections if item.paragraphs),
        signed=(decision.by, *([decision.role] if decision.role else [])),
        reading=reading_level(()),
        treatments=decision.treatment,
        intent=decision.intent or "",
        keep=(
            _calls(result, decided),
            LetterSection("answers", "Questions that many people ask", answers(result, decided, every)),
            _bring(result, decided),
            _read_back(),
        ),
    )
    return refuse_unfit_letter(_measured(_explained(letter), result), result)


def _decision(result: Assessment, today: date) -> Decision:
    decision = result.case.decision
    if decision is None:
        raise InputError(
            f"Case {result.case.id} holds no decision. A letter is written only after a named clinician has recorded "
            "what the board decided: glisson decide CASE --by NAME --role ROLE --date YYYY-MM-DD --treatment NAME."
        )
    refuse_unfit_decision(decision, today)
    if not decision.treatment:
        raise InputError(
            f"The decision of {decision.by} names no treatment, so a letter cannot say what was decided. "
            "Record it anew: glisson decide CASE --replace --treatment NAME ..."
        )
    return decision


def _refuse_without_reason(decision: Decision, decided: Sequence[Choice]) -> None:
    silent = [item.modality for item in decided if not (item.helps or item.cautions)]
    if silent and not (decision.reason or decision.despite):
        raise InputError(
            f"No confirmed rule has a reason for {', '.join(silent)} that a patient can read, and the decision gives "
            "none. Record why the board chose it: glisson decide CASE --replace --reason TEXT ..."
        )


def _opening(result: Assessment) -> tuple[Paragraph, ...]:
    met = result.case.board.date
    when = "" if isinstance(met, Unknown) else f" on {day(met)}"
    return (
        Paragraph(
            f"A team of doctors met{when} to talk about your care. Doctors call this a tumour board. This letter tells "
            "you what we found, what we suggest and why. You decide what will be done."
        ),
    )


def _short(result: Assessment, decision: Decision, decided: Sequence[Choice]) -> LetterSection:
    parts = [Paragraph(f"{upper_first(item.plain)}.", "item", "We suggest:", (item.said,)) for item in decided]
    parts.append(Paragraph(_when(result, decision), "item", "Next step:"))
    return LetterSection("short", "In short", tuple(parts), "box")


def _when(result: Assessment, decision: Decision) -> str:
    by = decision.next_by or result.case.board.next_step_by
    step = decision.next_step or "We talk with you about this letter."
    step = step if step.rstrip().endswith((".", "!", "?")) else f"{step.rstrip()}."
    return f"{step} {'We will tell you the day.' if isinstance(by, Unknown) else f'This should happen by {day(by)}.'}"


def _urgent(result: Assessment) -> LetterSection:
    """What wants an answer today by the rules, in their words for patients."""
    now = [item for item in result.answers if item.verdict == "alert" and item.urgency == "today" and item.plain]
    if not now:
        return LetterSection("urgent", "", ())
    parts = [Paragraph(item.plain, "item", rules=(item.rule.id,)) for item in now]
    parts.append(Paragraph("Has nobody talked with you about this yet? Then call us today, or call an ambulance."))
    return LetterSection("urgent", "This needs care now", tuple(parts), "urgent")


def _suggest(decision: Decision, decided: Sequence[Choice], against: Sequence[str]) -> LetterSection:
    words = letter_words().by_key
    parts = []
    for item in decided:
        known = "" if item.title == item.plain else f" Doctors call this {item.title}."
        why = [] if item.modality in against else [*item.helps, *item.cautions]
        if item.verdict == "relative" and not item.cautions:
            why.append("Some things call for care with it. Ask us about them.")
        told = [f"We suggest {item.plain}.{known}", words["effects"][item.effect], *why]
        parts.append(Paragraph(" ".join(told), said=(item.said,), rules=item.rules))
        if item.modality in against:
            stops = " ".join(item.stops) or "A rule speaks against it."
            text = f"You should know that something speaks against it. {stops} We suggest it all the same:"
            parts.append(Paragraph(f"{text} {decision.despite}", said=(item.said,), rules=item.rules))
    if decision.intent:
        parts.append(Paragraph(words["aims"][decision.intent]))
    if decision.reason:
        parts.append(Paragraph(decision.reason, lead="Why we suggest this:"))
    return LetterSection("suggest", "What we suggest and why", tuple(parts))


def _others(decided: Sequence[Choice], every: Sequence[Choice]) -> LetterSection:
    """Other treatments that are possible, those that are not, and no treatment."""
    apart = {*letter_words().kept_apart, *letter_words().not_a_choice, *(item.modality for item in decided)}
    names = {item.plain for item in decided}
    others = _once([item for item in every if item.modality not in apart and item.plain not in names])
    told = {text for item in decided for text in item.helps}
    possible = [item for item in others if item.is_offered and not (item.helps and told.issuperset(item.helps))]
    stopped = [item for item in others if item.verdict == "contraindicated" and item.stops]
    parts = []
    if possible:
        parts.append(Paragraph("We thought about these as well. Ask us why we would rather do something else."))
        for item in possible[:MOST_OTHERS]:
            lead = "This is also possible." if item.verdict == "eligible" else "This may be possible, with care."
            text = " ".join([lead, *item.helps[:1], *item.cautions[:1]])
            parts.append(Paragraph(text, "item", f"{upper_first(item.plain)}.", (item.said,), item.rules))
    if stopped:
        parts.append(Paragraph("We do not suggest these for you now."))
        for reason, items in _by_reason(stopped)[:MOST_AGAINST]:
            more = " Other treatments of this kind are not for you now, for the same reason." if len(items) > 1 else ""
            said = tuple(item.said for item in items)
            rules = tuple(dict.fromkeys(rule for item in items for rule in item.rules))
            parts.append(Paragraph(f"{reason}{more}", "item", f"{upper_first(items[0].plain)}.", said, rules))
    parts.append(
        Paragraph(
            "You can also choose to have no treatment against the cancer. We would go on caring for you and easing "
            "what troubles you. You can change your mind at any time."
        )
    )
    return LetterSection("others", "Other choices", tuple(parts))


def _once(items: Sequence[Choice]) -> list[Choice]:
    """One treatment of each name that a patient would read."""
    return list({item.plain: item for item in reversed(items)}.values())[::-1]


def _by_reason(items: Sequence[Choice]) -> list[tuple[str, list[Choice]]]:
    found: dict[str, list[Choice]] = {}
    for item in items:
        found.setdefault(item.stops[0], []).append(item)
    return list(found.items())


def _extra_help(decided: Sequence[Choice], every: Sequence[Choice]) -> LetterSection:
    care = next((item for item in every if item.modality == "palliative-care"), None)
    if care is None or not care.helps or any(item.modality == "palliative-care" for item in decided):
        return LetterSection("help", "", ())
    text = f"{' '.join(care.helps[:1])} You can have it from today on. Just ask."
    part = Paragraph(text, said=(care.said,), rules=care.rules)
    return LetterSection("help", "Extra help, whatever you choose", (part,))


def _unsure(result: Assessment) -> LetterSection:
    phrases = letter_words().by_key["missing"]
    known = dict.fromkeys(phrases[gap.path] for gap in result.missing if gap.path in phrases)
    parts = []
    if known:
        parts.append(Paragraph("We do not know yet:"))
        parts += [Paragraph(f"{upper_first(phrase)}.", "item") for phrase in list(known)[:MOST_MISSING]]
    unsure = [answer for answer in result.answers if answer.rule.id == "indeterminate-lesion" and answer.plain]
    parts += [Paragraph(answer.plain) for answer in unsure if answer.status == "verified"]
    return LetterSection("unsure", "What is not known", (*parts, Paragraph(ALWAYS_UNSURE)))


def _next(result: Assessment, decision: Decision) -> LetterSection:
    parts = [Paragraph(_when(result, decision))]
    tells = result.case.board.tells_patient
    if not isinstance(tells, Unknown):
        parts.append(Paragraph(f"{tells} will talk with you."))
    later = {
        item.plain: item.rule.id
        for item in result.answers
        if item.plain and item.status == "verified" and item.verdict == "alert" and item.urgency != "today"
        and item.rule.id != "vanished-lesion"
    }  # fmt: skip
    parts += [Paragraph(text, "item", rules=(rule,)) for text, rule in later.items()]
    check_ups = [a for a in result.answers if a.rule.id == "follow-up-no-evidence" and a.status == "verified"]
    parts += [Paragraph(answer.plain, rules=(answer.rule.id,)) for answer in check_ups if answer.plain]
    return LetterSection("next", "What happens next", tuple(parts))


def _calls(result: Assessment, decided: Sequence[Choice]) -> LetterSection:
    """When to call at once: the emergencies that rules know, for this cancer and these treatments."""
    known = knowledge_base().rules
    going_on = _going_on(result)
    parts = [
        Paragraph(item.text, "item", rules=tuple(rule for rule in item.rules if rule in known))
        for item in letter_words().calls
        if fits(item, result, decided) or (going_on & set(item.treatments) and not item.sites)
    ]
    head = Paragraph("Call us, or call an ambulance, by day or by night, if you have one of these:")
    return LetterSection("calls", "When to call at once", (head, *parts), "urgent")


def _going_on(result: Assessment) -> set[str]:
    """Treatments of the record that are still going on, by the names of the rules."""
    had = () if isinstance(result.case.treatments, Unknown) else result.case.treatments
    names = {item.kind for item in had if item.ongoing is True and item.kind in TREATED}
    return {"systemic-chemotherapy"} if names else set()


def _bring(result: Assessment, decided: Sequence[Choice]) -> LetterSection:
    asked = [Paragraph(item.text, "item") for item in letter_words().bring if fits(item, result, decided)]
    return LetterSection("bring", "Questions you can ask us", tuple(asked))


def _who_decides(decision: Decision) -> LetterSection:
    role = f", {lower_first(decision.role)}," if decision.role else ""
    wrote = f"{decision.by}{role} wrote down on {day(decision.date)} what the team suggests."
    parts = [Paragraph(f"You decide. {wrote}", own=True)]
    if decision.dissent:
        parts.append(Paragraph("Not everyone in the team saw it in the same way. Ask us about it."))
    return LetterSection("decide", "Who decides", tuple(parts))


def _read_back() -> LetterSection:
    head = Paragraph("Please write in your own words what you have understood. Bring it to our talk.")
    lines = [Paragraph("", "line", lead=lead) for lead in ("The team suggests:", "Because:", "I want to ask:")]
    return LetterSection("readback", "What I have understood", (head, *lines), "sign")


def _explained(letter: Letter) -> Letter:
    """Every medical word explained by a sentence after the paragraph in which it first stands."""
    left = list(letter_words().glossary)

    def explain(item: Paragraph) -> Paragraph:
        seen = f"{item.lead} {item.text}"
        here = [term for term in left if term.pattern.search(seen)]
        for term in here:
            left.remove(term)
        return replace(item, explains=" ".join(term.sentence for term in here)) if here else item

    def explain_all(sections: tuple[LetterSection, ...]) -> tuple[LetterSection, ...]:
        return tuple(replace(part, paragraphs=tuple(explain(item) for item in part.paragraphs)) for part in sections)

    opening = tuple(explain(item) for item in letter.opening)
    return replace(letter, opening=opening, sections=explain_all(letter.sections), keep=explain_all(letter.keep))


def _measured(letter: Letter, result: Assessment) -> Letter:
    """With its reading level, and the footer that states it."""
    level = reading_level(part for item in letter.paragraphs() if not item.own for part in item.parts)
    footer: tuple[str, ...] = (
        f"Reading level: {level.text}.",
        f"Written with Glisson {result.version}, research software and not a medical device.",
    )
    if any(notice.code == "virtual-patient" for notice in result.notices):
        footer = (*footer, "This patient is invented.")
    return replace(letter, reading=level, footer=footer)
