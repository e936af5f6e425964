"""The dated events of a case."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, is_dataclass
from datetime import date
from typing import Any

from glisson.case.model import Case
from glisson.case.sections import declared, key_of

__all__ = ["Event", "dated_paths", "events_of"]


@dataclass(frozen=True, order=True)
class Event:
    """Something that happened on a day: `what` in words, `path` the key of the case file that says so."""

    date: date
    path: str
    what: str


def dated_paths(case: Case) -> Iterator[tuple[str, date]]:
    """Every key path that holds a day, with the day, in the order of the file."""
    for path, day, _ in _days(case, "", ""):
        yield path, day


def events_of(case: Case) -> tuple[Event, ...]:
    """Every dated event, earliest first; those of one day in the order of their paths."""
    return tuple(sorted(Event(day, path, what) for path, day, what in _days(case, "", "")))


def _days(value: Any, path: str, about: str) -> Iterator[tuple[str, date, str]]:
    for f in declared(type(value)):
        own = getattr(value, f.name)
        here = f"{path}.{key_of(f)}" if path else key_of(f)
        if isinstance(own, date):
            yield here, own, f"{about}: {f.metadata['doc']}" if about else f.metadata["doc"]
        elif is_dataclass(own):
            yield from _days(own, here, about)
        elif isinstance(own, tuple):
            for index, element in enumerate(own):
                if is_dataclass(element):
                    yield from _days(element, f"{here}[{index}]", _name(element))


def _name(element: Any) -> str:
    """What an element of a list is about: its test, drug, site, sign, kind or id."""
    for name in ("test", "drug", "site", "sign", "kind", "id"):
        own = getattr(element, name, None)
        if isinstance(own, str):
            return own
    return ""
