"""What keeps a letter from being written: a forbidden word, a number from nowhere, a text too hard to read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from glisson.case import case_as_plain
from glisson.errors import InputError
from glisson.knowledge import knowledge_base
from glisson.report.letter.found import spots_of
from glisson.report.letter.model import Letter, Paragraph
from glisson.report.letter.reading import AIM_GRADE, HIGHEST_GRADE, reading_level
from glisson.report.letter.words import letter_words
from glisson.report.words import MONTHS

if TYPE_CHECKING:
    from glisson.assessment import Assessment

__all__ = ["forbidden_words", "refuse_unfit_letter", "strange_numbers"]

_NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?!\w)")
_DAY = re.compile(rf"(\d{{1,2}})\s({'|'.join(MONTHS)})\s(\d{{4}})")
_ISO = re.compile(r"(\d{4})-(\d\d)-(\d\d)")


def refuse_unfit_letter(letter: Letter, result: Assessment) -> Letter:
    """The letter itself, when it may be written. Raises InputError naming what stands in the way and what to change."""
    words = forbidden_words(letter)
    if words:
        said = "; ".join(f"“{word}” ({why})" for word, why in words)
        raise InputError(f"The letter would hold words that no letter holds: {said}. Change {_FROM}.")
    strange = strange_numbers(letter, result)
    if strange:
        raise InputError(
            f"The letter would hold numbers that stand neither in the record nor in a source: {', '.join(strange)}. "
            f"Change {_FROM}."
        )
    why = [item for section in letter.sections if section.key == "suggest" for item in section.paragraphs]
    own = reading_level(part for item in why for part in item.parts)
    for where, level in (("The letter", letter.reading), ("What we suggest and why", own)):
        if level.grade <= HIGHEST_GRADE:
            continue
        hardest = " / ".join(level.hardest)
        raise InputError(
            f"{where} is too hard to read: {level.text}; aim {AIM_GRADE:g}, never above {HIGHEST_GRADE:g}. "
            f"Its hardest sentences: {hardest}. Use shorter words and sentences in {_FROM}."
        )
    return letter


_FROM = "the decision's reason, next step or despite (glisson decide CASE --replace ...)"


def forbidden_words(letter: Letter) -> list[tuple[str, str]]:
    """Each forbidden word that stands in the letter, with why it may not."""
    text = "\n".join(
        [letter.title, letter.greeting, *(part.title for part in (*letter.sections, *letter.keep)), letter.text]
    )
    return [
        (match.group(), item.why)
        for item in letter_words().forbidden
        if not item.unless or item.unless != letter.intent
        for match in item.pattern.finditer(text)
    ]


def strange_numbers(letter: Letter, result: Assessment) -> list[str]:
    """Numbers of the letter that stand neither in the record, the measurements nor the sources beside them."""
    known = {*_numbers_of(case_as_plain(result.case)), *_measured(result)}
    strange = []
    for item in letter.paragraphs():
        allowed = known | set(_of_sources(item))
        strange += [number for number in _in_text(" ".join(item.parts)) if float(number) not in allowed]
    return strange


def _in_text(text: str) -> list[str]:
    return _NUMBER.findall(text.replace("\u00a0", " "))


def _numbers_of(value: Any) -> Iterator[float]:
    """Every number in the record, also those in its texts; of a day its day and year."""
    if isinstance(value, dict):
        for item in value.values():
            yield from _numbers_of(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _numbers_of(item)
    elif isinstance(value, bool) or value is None:
        return
    elif isinstance(value, int | float):
        yield float(value)
    else:
        for year, _, day in _ISO.findall(str(value)):
            yield from (float(year), float(day))
        yield from (float(number) for number in _in_text(str(value)))


def _measured(result: Assessment) -> Iterator[float]:
    """Counts of spots and the length of the largest, as the letter states them; the day of the scan."""
    spots = spots_of(result)
    if spots is not None:
        yield from (float(spots.cancer), float(spots.unsure), float(spots.harmless))
        if spots.largest_mm is not None:
            yield spots.largest_mm
    if result.scene is not None and result.scene.facts.date:
        yield from _numbers_of(result.scene.facts.date)


def _of_sources(item: Paragraph) -> Iterator[float]:
    base = knowledge_base()
    texts = [claim.plain for claim in base.claims.values() if claim.plain and claim.plain in item.text]
    yield from (float(number) for text in texts for number in _in_text(text))
    rules = [base.rules[name] for name in item.rules if name in base.rules]
    names = {*item.sources, *(row.outcome.source for rule in rules for row in rule.rows)}
    for name in names:
        yield from (value for entry in base.source(name).numbers for value, _ in entry.quantities)
