"""Lays imported facts over a case: what is added, what is the same, and what differs and has to be decided."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from glisson.case import Lab
from glisson.exchange.fhir_import_facts import list_paths

__all__ = ["Conflict", "Merge", "merge"]

NAMED_BY = {"extrahepatic.sites": "site", "patient.anticoagulants": "drug", "patient.antiplatelets": "drug"}
"""Lists of mappings, and the key that names an element."""
Steps = tuple[str | int, ...]


@dataclass(frozen=True)
class Conflict:
    """A fact on which the case and the bundle differ."""

    path: str
    case: Any
    bundle: Any

    def __str__(self) -> str:
        return f"{self.path}: the case says {_shown(self.case)}, the bundle {_shown(self.bundle)}"


@dataclass(frozen=True)
class Merge:
    """What to do to the case. put: where -> value (a step past the end of a list appends). conflicts: all of them."""

    put: tuple[tuple[Steps, Any], ...]
    conflicts: tuple[Conflict, ...]

    @property
    def added(self) -> tuple[str, ...]:
        """The paths that change."""
        return tuple(".".join(str(step) for step in steps) for steps, _ in self.put)


def merge(case: Mapping[str, Any], bundle: Mapping[str, Any], prefer: str | None = None) -> Merge:
    """How the facts of a bundle go into a case, both as the plain values of a case file.

    prefer: "bundle" or "case" for facts that differ; without it the case's stay, and every difference is a conflict.
    """
    found = list(_differences(case, bundle))
    put = [(steps, value) for steps, value, old in found if old is _ABSENT or prefer == "bundle"]
    conflicts = [
        Conflict(".".join(str(step) for step in steps), old, value) for steps, value, old in found if old is not _ABSENT
    ]
    return Merge(tuple(put), tuple(conflicts))


_ABSENT = object()


def _shown(value: Any) -> str:
    return str(value) if not isinstance(value, list) else ", ".join(str(one) for one in value) or "none"


def _differences(case: Mapping[str, Any], bundle: Mapping[str, Any]) -> Iterator[tuple[Steps, Any, Any]]:
    """(where, value of the bundle, value of the case or _ABSENT) of everything that is not the same."""
    for section, told in bundle.items():
        old = case.get(section)
        if section == "labs":
            yield from _labs(old, told)
        elif section == "treatments":
            yield from _treatments(old, told)
        elif section == "incomplete":
            yield from _incomplete(case, told)
        elif isinstance(told, Mapping):
            for key, value in told.items():
                before = old.get(key, _ABSENT) if isinstance(old, Mapping) else _ABSENT
                yield from _key(f"{section}.{key}", (section, key), before, value)


def _key(path: str, steps: Steps, before: Any, value: Any) -> Iterator[tuple[Steps, Any, Any]]:
    if before is _ABSENT or _is_unknown(before):
        yield steps, value, _ABSENT
    elif path in NAMED_BY and isinstance(before, list) and before and value:
        yield from _named(steps, NAMED_BY[path], before, value)
    elif path in list_paths() and isinstance(before, list) and before and value:
        names = [_name(one) for one in before]
        for at, word in enumerate(word for word in value if word not in names):
            yield (*steps, len(before) + at), word, _ABSENT
    elif before != value:
        yield steps, value, before


def _incomplete(case: Mapping[str, Any], told: list[str]) -> Iterator[tuple[Steps, Any, Any]]:
    """A list that the case has already keeps what the case says of it: only those that come in new may lack entries."""
    old = case.get("incomplete")
    new = [path for path in told if _value(case, path) is None and path not in (old or ())]
    if new and old is None:
        yield ("incomplete",), new, _ABSENT
        return
    for at, path in enumerate(new):
        yield ("incomplete", len(old or ()) + at), path, _ABSENT


def _value(case: Mapping[str, Any], path: str) -> Any:
    """What the case says at a dotted path; None for nothing and for what it calls unknown."""
    section, _, key = path.partition(".")
    found = case.get(section)
    found = found.get(key) if key and isinstance(found, Mapping) else None if key else found
    return None if _is_unknown(found) else found


def _name(word: Any) -> Any:
    return word.get("sign") if isinstance(word, Mapping) else word


def _named(steps: Steps, key: str, before: list[Any], value: list[Any]) -> Iterator[tuple[Steps, Any, Any]]:
    at = len(before)
    for one in value:
        twin = next((index for index, old in enumerate(before) if old.get(key) == one[key]), None)
        if twin is None:
            yield (*steps, at), one, _ABSENT
            at += 1
            continue
        yield from _fields((*steps, twin), before[twin], one)


def _fields(steps: Steps, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[Steps, Any, Any]]:
    for name, value in new.items():
        before = old.get(name, _ABSENT)
        if before is _ABSENT or _is_unknown(before):
            yield (*steps, name), value, _ABSENT
        elif before != value:
            yield (*steps, name), value, before


def _is_unknown(value: Any) -> bool:
    return isinstance(value, Mapping) and list(value) == ["unknown"]


def _internal(lab: Mapping[str, Any]) -> float | str:
    value = lab["value"]
    return Lab(lab["test"], value if isinstance(value, str) else float(value), given_unit=lab.get("unit")).value


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    first, second = _internal(one), _internal(other)
    if isinstance(first, str) or isinstance(second, str):
        return first == second
    return math.isclose(first, second, rel_tol=1e-6)


def _labs(before: list[Any] | None, told: list[Any]) -> Iterator[tuple[Steps, Any, Any]]:
    """New results are appended; one of the same test and day with another value is a conflict."""
    if before is None:
        yield ("labs",), told, _ABSENT
        return
    at = len(before)
    by_day: dict[tuple[str, Any], list[int]] = {}
    for i, old in enumerate(before):
        by_day.setdefault((old["test"], old.get("date")), []).append(i)
    for lab in told:
        twins = by_day.get((lab["test"], lab.get("date")), [])
        if any(_same(before[i], lab) for i in twins):
            continue
        if twins:
            yield ("labs", twins[-1]), lab, before[twins[-1]]
        else:
            yield ("labs", at), lab, _ABSENT
            at += 1


def _treatments(before: Any, told: list[Any]) -> Iterator[tuple[Steps, Any, Any]]:
    """A treatment of the same kind and first day is the same one: what is missing is added, what differs a conflict."""
    if before is None or _is_unknown(before):
        yield ("treatments",), told, _ABSENT
        return
    if not before and told:
        yield ("treatments",), told, before
        return
    at, matched = len(before), set()
    for one in told:
        twin = next((i for i, old in enumerate(before) if i not in matched and _twins(old, one)), None)
        if twin is None:
            yield ("treatments", at), one, _ABSENT
            at += 1
            continue
        matched.add(twin)
        yield from _fields(
            ("treatments", twin), before[twin], {k: v for k, v in one.items() if k not in ("kind", "name")}
        )


def _twins(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    if old["kind"] != new["kind"] or old.get("start") != new.get("start"):
        return False
    drugs, others = set(old.get("drugs") or ()), set(new.get("drugs") or ())
    return not drugs or not others or bool(drugs & others)
