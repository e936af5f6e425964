"""What an import gathers: statements of facts with their day and resource, and what was not understood and why."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Any

from glisson.case.kinds import Choice
from glisson.case.model import Case
from glisson.case.sections import ListOf, Section, declared
from glisson.exchange.fhir_codes import label_of
from glisson.exchange.fhir_read import Entry

__all__ = ["Gathered", "NotUnderstood", "Statement", "day_of", "first_day", "list_paths", "period_of"]


@dataclass(frozen=True)
class NotUnderstood:
    """Something of the record that is not in the case: which resource, which code, and why."""

    resource: str
    code: str
    why: str


@dataclass(frozen=True)
class Statement:
    """One fact as one resource states it. rank: of two statements the higher rank counts, then the later day."""

    path: str
    value: Any
    day: date | None
    resource: str
    rank: int = 0


@dataclass
class Gathered:
    """All statements of a record, while it is read."""

    facts: dict[str, list[Statement]] = field(default_factory=dict)
    members: dict[str, dict[str, Statement]] = field(default_factory=dict)
    labs: list[tuple[str, str, dict[str, Any], str]] = field(default_factory=list)
    sites: dict[str, tuple[date | None, str]] = field(default_factory=dict)
    treatments: list[tuple[dict[str, Any], str]] = field(default_factory=list)
    clotting: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    not_understood: list[NotUnderstood] = field(default_factory=list)
    check: dict[str, None] = field(default_factory=dict)
    silent: dict[str, int] = field(default_factory=dict)
    days: list[date] = field(default_factory=list)
    liver_metastases: bool = False

    def say(self, path: str, value: Any, entry: Entry, day: date | None = None, rank: int = 0) -> None:
        """Take a fact."""
        self.facts.setdefault(path, []).append(Statement(path, value, day, entry.label, rank))
        self.seen(day)

    def add(self, path: str, word: str, entry: Entry, day: date | None = None) -> None:
        """Take a word of a list."""
        self.members.setdefault(path, {}).setdefault(word, Statement(path, word, day, entry.label))
        self.seen(day)

    def seen(self, day: date | None) -> None:
        """Remember a day on which something was recorded."""
        if day is not None:
            self.days.append(day)

    def leave(self, entry: Entry, why: str, concept: Any = None) -> None:
        """List what is not taken."""
        code = label_of(concept if concept is not None else entry.resource.get("code"))
        self.not_understood.append(NotUnderstood(entry.label, code, why))

    def skip(self, entry: Entry) -> None:
        """Count a resource of a type that carries no fact of the case."""
        self.silent[entry.kind] = self.silent.get(entry.kind, 0) + 1

    def ask(self, question: str) -> None:
        """Something that was taken and that a person should look at."""
        self.check.setdefault(question, None)


def day_of(value: Any) -> date | None:
    """The calendar day of a FHIR date or dateTime as it was written; None for a year or month alone, or nonsense."""
    if not isinstance(value, str) or not re.match(r"\d{4}-\d\d-\d\d(T|$)", value):
        return None
    try:
        return date.fromisoformat(value[:10])
    except ValueError:
        return None


def period_of(resource: Mapping[str, Any], *stems: str) -> tuple[date | None, date | None]:
    """First and last day of the first of `stems` that is there, as stemDateTime, stemPeriod or stem itself."""
    for stem in stems:
        for key in (f"{stem}DateTime", stem, f"{stem}Instant", f"{stem}Date"):
            if isinstance(resource.get(key), str):
                return day_of(resource[key]), None
        period = resource.get(f"{stem}Period", resource.get(stem))
        if isinstance(period, Mapping):
            return day_of(period.get("start")), day_of(period.get("end"))
    return None, None


def first_day(resource: Mapping[str, Any], *stems: str) -> date | None:
    """First day of `period_of`, or its last when only that is known."""
    start, stop = period_of(resource, *stems)
    return start or stop


@cache
def list_paths() -> frozenset[str]:
    """The paths of the case that hold a list of words, such as patient.comorbidities, and the signs."""
    found = {"signs.present", "signs.absent"}
    for section in declared(Case):
        kind = section.metadata["kind"]
        for own in declared(kind.cls) if isinstance(kind, Section) else ():
            inner = own.metadata["kind"]
            if isinstance(inner, ListOf) and isinstance(inner.of, Choice):
                found.add(f"{section.name}.{own.name}")
    return frozenset(found)
