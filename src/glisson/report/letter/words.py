"""The words of the letter, read from words.yaml once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from glisson.knowledge.strict_yaml import Section, parse_yaml

__all__ = ["Forbidden", "LetterWords", "Term", "When", "letter_words"]

FILE = "words.yaml"


@dataclass(frozen=True)
class Forbidden:
    """A word that no letter holds. unless: the aim with which the board itself may say it."""

    pattern: re.Pattern[str]
    why: str
    unless: str = ""


@dataclass(frozen=True)
class Term:
    """A medical word and the sentence that explains it."""

    pattern: re.Pattern[str]
    sentence: str


@dataclass(frozen=True)
class When:
    """A sentence and for whom it is: rules or source behind it, treatments, effects and cancers it is kept to."""

    text: str
    rules: tuple[str, ...] = ()
    source: str = ""
    treatments: tuple[str, ...] = ()
    effects: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()


@dataclass(frozen=True)
class LetterWords:
    """Everything in words.yaml. `by_key` holds its plain mappings by name: effects, aims, reasons, sites, ..."""

    forbidden: tuple[Forbidden, ...]
    glossary: tuple[Term, ...]
    calls: tuple[When, ...]
    bring: tuple[When, ...]
    survival: tuple[When, ...]
    kept_apart: tuple[str, ...]
    not_a_choice: tuple[str, ...]
    by_key: Mapping[str, Mapping[str, str]]


MAPPINGS = ("effects", "aims", "reasons", "sites", "elsewhere", "had", "goals", "missing")


@cache
def letter_words() -> LetterWords:
    """The words of the letter. Raises KnowledgeError, with the line, for a file that is not as it should be."""
    text = files("glisson.report.letter").joinpath(FILE).read_text(encoding="utf-8")
    data, lines = parse_yaml(text, FILE)
    root = Section(data, FILE, lines)
    words = LetterWords(
        forbidden=tuple(_forbidden(entry) for entry in root.sections("forbidden")),
        glossary=tuple(Term(_whole(entry.text("word")), entry.text("is")) for entry in root.sections("glossary")),
        calls=tuple(_when(entry) for entry in root.sections("calls")),
        bring=tuple(_when(entry) for entry in root.sections("bring")),
        survival=tuple(_when(entry) for entry in root.sections("survival")),
        kept_apart=root.texts("kept_apart"),
        not_a_choice=root.texts("not_a_choice"),
        by_key={name: _mapping(root.section(name)) for name in MAPPINGS},
    )
    root.done()
    return words


def _mapping(section: Section) -> dict[str, str]:
    return {key: section.text(key) for key in section.data}


def _forbidden(entry: Section) -> Forbidden:
    found = Forbidden(_whole(entry.text("pattern")), entry.text("why"), entry.text("unless", ""))
    entry.done()
    return found


def _when(entry: Section) -> When:
    found = When(
        text=entry.text("text"),
        rules=entry.texts("rules"),
        source=entry.text("source", ""),
        treatments=entry.texts("for"),
        effects=entry.texts("effects"),
        sites=entry.texts("sites"),
    )
    entry.done()
    return found


def _whole(pattern: str) -> re.Pattern[str]:
    """A pattern for whole words, without regard to case; capitals alone (MRI, CT, Gy) keep theirs."""
    flags = 0 if re.fullmatch(r"[A-Z][A-Za-z|]*|Gy\|.*", pattern) else re.IGNORECASE
    return re.compile(rf"(?<!\w)(?:{pattern})(?!\w)", flags)
