"""The letter as data: every sentence with what it rests on. HTML and PDF only lay it out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from glisson.report.letter.reading import Reading

__all__ = ["Addressing", "Letter", "LetterSection", "Paragraph", "Said"]


@dataclass(frozen=True)
class Addressing:
    """What stands around the letter and not in the case: empty fields become lines to fill in by hand."""

    patient: str = ""
    hospital: str = ""
    contact: str = ""


@dataclass(frozen=True)
class Said:
    """A verdict that a paragraph speaks of: treatment, verdict, and the rules whose words are used."""

    modality: str
    verdict: str
    rules: tuple[str, ...] = ()


@dataclass(frozen=True)
class Paragraph:
    """Some sentences. style: text, item or line (to fill in). lead: a question or name before it.

    said: the verdicts it speaks of. rules and sources: whose numbers it may repeat. own: words of a person, kept out of
    the reading level. explains: sentences for the medical words that stand here first.
    """

    text: str
    style: str = "text"
    lead: str = ""
    said: tuple[Said, ...] = ()
    rules: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    own: bool = False
    explains: str = ""

    @property
    def parts(self) -> tuple[str, ...]:
        """Its texts in the order of reading; each ends a sentence."""
        return tuple(part for part in (self.lead, self.text, self.explains) if part)


@dataclass(frozen=True)
class LetterSection:
    """A heading with its paragraphs. tone: plain, box, urgent or sign."""

    key: str
    title: str
    paragraphs: tuple[Paragraph, ...]
    tone: str = "plain"


@dataclass(frozen=True)
class Letter:
    """A patient's letter, complete but for its layout. keep: the sections after the signature, to keep at hand."""

    case_id: str
    title: str
    addressing: Addressing
    dated: str
    greeting: str
    opening: tuple[Paragraph, ...]
    sections: tuple[LetterSection, ...]
    signed: tuple[str, ...]
    reading: Reading
    treatments: tuple[str, ...]
    intent: str = ""
    keep: tuple[LetterSection, ...] = ()
    footer: tuple[str, ...] = ()
    language: str = field(default="en")

    def paragraphs(self) -> Iterator[Paragraph]:
        """Every paragraph in the order of reading."""
        yield from self.opening
        for section in (*self.sections, *self.keep):
            yield from section.paragraphs

    @property
    def text(self) -> str:
        """Everything a reader sees but address, headings and footer, one paragraph a line."""
        return "\n".join(" ".join(item.parts) for item in self.paragraphs())
