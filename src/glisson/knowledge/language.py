"""Reading `when`: from the text of a rule to conditions, every fact, value and unit checked against the fact table."""

from __future__ import annotations

import re
from typing import Any

from glisson.errors import UnitError
from glisson.knowledge.conditions import (
    AllOf,
    Always,
    AnyOf,
    Between,
    Compare,
    CompareFacts,
    Condition,
    Contains,
    Is,
    Known,
    Not,
)
from glisson.knowledge.facts import FactSpec, FactTable
from glisson.knowledge.strict_yaml import Section
from glisson.knowledge.units import in_unit

__all__ = ["PATH", "parse_condition"]

PATH = r"[a-z][a-z0-9_]*(?:\.[a-z0-9][a-z0-9_-]*)*"
"""A fact path: lower-case words joined by dots."""

_NUM = r"[-+]?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?"
_OP = r"<=|>=|==|!=|<|>"
_LIST = r"\{([^{}]*)\}"
_COMPARE = re.compile(rf"({PATH}) ({_OP}) ({_NUM})(?: (.+))?$")
_FACTS = re.compile(rf"({PATH}) ({_OP}) ({PATH})$")
_BETWEEN = re.compile(rf"({PATH}) between ([\[(])({_NUM}), ({_NUM})([\])])(?: (.+))?$")
_KNOWN = re.compile(rf"({PATH}) is (known|unknown)$")
_IS = re.compile(rf"({PATH}) is (not )?(\S+)$")
_IN = re.compile(rf"({PATH}) (not )?in {_LIST}$")
_CONTAINS = re.compile(rf"({PATH}) contains (?:(any|all) {_LIST}|(\S+))$")

_FORMS = (
    "FACT <= NUMBER UNIT (or < > >= == !=), FACT between [LOW, HIGH) UNIT, FACT <= FACT, FACT is VALUE, "
    "FACT is not VALUE, FACT in {A, B}, FACT not in {A, B}, FACT contains VALUE, FACT contains any {A, B}, "
    "FACT is known, FACT is unknown, always; or a mapping with one key: all, any, not"
)


def parse_condition(section: Section, key: str, table: FactTable) -> Condition:
    """The condition under a key. Raises KnowledgeError with file and line for anything outside the language."""
    return _parse(section.raw(key), section, (key,), table)


def _parse(raw: Any, section: Section, at: tuple[str | int, ...], table: FactTable) -> Condition:
    if isinstance(raw, str):
        return _Leaf(" ".join(raw.split()), section, at, table).parse()
    if not isinstance(raw, dict) or len(raw) != 1 or next(iter(raw)) not in ("all", "any", "not"):
        raise section.wrong(f"not in the language of conditions: {raw!r}. Allowed: {_FORMS}.", *at)
    word, inside = next(iter(raw.items()))
    if word == "not":
        return Not(_parse(inside, section, (*at, word), table))
    if not isinstance(inside, list) or not inside:
        raise section.wrong(f"'{word}' needs a list of one or more conditions; given {inside!r}.", *at, word)
    parts = tuple(_parse(item, section, (*at, word, index), table) for index, item in enumerate(inside))
    return AllOf(parts) if word == "all" else AnyOf(parts)


class _Leaf:
    """One text condition being read."""

    def __init__(self, text: str, section: Section, at: tuple[str | int, ...], table: FactTable):
        self.text, self.section, self.at, self.table = text, section, at, table

    def parse(self) -> Condition:
        if self.text == "always":
            return Always()
        if found := _COMPARE.match(self.text):
            path, op, number, unit = found.groups()
            return Compare(path, op, self.number(path, number, unit), (float(number), unit))
        if found := _BETWEEN.match(self.text):
            return self.between(*found.groups())
        if found := _KNOWN.match(self.text):
            self.fact(found[1])
            return Known(found[1], found[2] == "unknown")
        return self.parse_words()

    def parse_words(self) -> Condition:
        if found := _FACTS.match(self.text):
            left, right = self.number_fact(found[1]), self.number_fact(found[3])
            if left.unit != right.unit:
                raise self.wrong(
                    f"{left.path} is in {left.unit or 'no unit'}, {right.path} in {right.unit or 'no unit'}"
                )
            return CompareFacts(found[1], found[2], found[3])
        if found := _IN.match(self.text):
            return Is(found[1], self.values(found[1], found[3], ("choice",)), bool(found[2]))
        if found := _CONTAINS.match(self.text):
            return Contains(found[1], found[2] or "any", self.values(found[1], found[3] or found[4], ("set",)))
        if found := _IS.match(self.text):
            return Is(found[1], self.values(found[1], found[3], ("choice", "flag")), bool(found[2]))
        raise self.wrong(f"not in the language. Allowed: {_FORMS}")

    def wrong(self, why: str) -> Exception:
        return self.section.wrong(f"'{self.text}': {why}.", *self.at)

    def fact(self, path: str) -> FactSpec:
        spec = self.table.get(path)
        if spec is None:
            raise self.wrong(f"there is no fact '{path}'.{self.table.near(path)}".rstrip("."))
        return spec

    def number_fact(self, path: str) -> FactSpec:
        spec = self.fact(path)
        if spec.kind != "number":
            raise self.wrong(f"{path} is a {spec.kind}, not a number")
        return spec

    def number(self, path: str, number: str, unit: str | None) -> float:
        spec = self.number_fact(path)
        try:
            return in_unit(float(number), unit, spec.unit, path)
        except UnitError as error:
            raise self.wrong(str(error).rstrip(".")) from None

    def between(self, path: str, opening: str, low: str, high: str, closing: str, unit: str | None) -> Condition:
        ends = self.number(path, low, unit), self.number(path, high, unit)
        if ends[0] >= ends[1]:
            raise self.wrong(f"the interval is empty: {low} is not below {high}")
        return Between(path, opening, *ends, closing, ((float(low), unit), (float(high), unit)))

    def values(self, path: str, text: str, kinds: tuple[str, ...]) -> tuple[str, ...]:
        spec = self.fact(path)
        if spec.kind not in kinds:
            raise self.wrong(f"{path} is a {spec.kind}; this form is for a {' or '.join(kinds)}")
        values = tuple(value.strip() for value in text.split(","))
        allowed = ("yes", "no") if spec.kind == "flag" else spec.values
        for value in values:
            if value not in allowed:
                raise self.wrong(f"'{value}' is not a value of {path}; its values: {', '.join(allowed)}")
        if len(set(values)) != len(values):
            raise self.wrong("a value is named twice")
        return values
