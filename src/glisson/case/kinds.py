# ruff: noqa: D102  (read, schema and plain are described once, at Kind)
"""The kinds of value a case file may hold. Each kind reads itself from YAML, writes itself, and describes itself.

Here are the single values; lists, mappings and sections are in `sections`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar

from yaml.nodes import Node, ScalarNode

from glisson.case.reader import Reader, given, suggest
from glisson.case.unknown import Unknown

__all__ = ["UNREADABLE", "Choice", "Day", "Flag", "Kind", "Number", "Scalar", "Schema", "Text", "is_empty"]

UNREADABLE = Unknown("could not be read")
"""Stands for a value whose problem has been recorded, while reading goes on to find the rest."""
NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?")
EARLIEST_YEAR = 1900
LONGEST_TEXT = 4000
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff\ufeff]")
Schema = dict[str, Any]


class Kind:
    """A kind of value."""

    type_name: ClassVar[str] = ""
    unit: str = ""

    @property
    def words(self) -> str:
        """What is allowed, in a phrase."""
        raise NotImplementedError

    @property
    def example(self) -> Any:
        """A value that is allowed."""
        raise NotImplementedError

    def read(self, node: Node, reader: Reader, path: str) -> Any:
        """The value at a node; a problem is recorded and `UNREADABLE` returned when it cannot be one."""
        raise NotImplementedError

    def schema(self) -> Schema:
        """The JSON Schema of the value."""
        raise NotImplementedError

    def plain(self, value: Any) -> Any:
        """The value as numbers, strings, lists and dicts."""
        return value

    def refuse(self, node: Node, reader: Reader, path: str, hint: str = "") -> Unknown:
        """Record that the node is not of this kind."""
        empty = isinstance(node, ScalarNode) and node.style is None and node.value in ("", "~", "null")
        remedy = " Leave the key out, or write {unknown: why}, when it is not known." if empty else ""
        reader.fail(node, path, "nothing" if empty else given(node), f"expected {self.words}.{hint}{remedy}")
        return UNREADABLE


def is_empty(node: Node) -> bool:
    """True for a key with no value (empty, ~ or null)."""
    return isinstance(node, ScalarNode) and node.style is None and node.value in ("", "~", "null")


@dataclass(frozen=True)
class Text(Kind):
    """Free text, not empty, without control characters."""

    words: str = "text"
    example: str = "..."
    type_name: ClassVar[str] = "text"

    def read(self, node: Node, reader: Reader, path: str) -> Any:
        if not isinstance(node, ScalarNode) or is_empty(node) or not node.value.strip():
            return self.refuse(node, reader, path)
        text = str(node.value)
        if len(text) > LONGEST_TEXT:
            return self.refuse(
                node, reader, path, f" It may have at most {LONGEST_TEXT} characters; it has {len(text)}."
            )
        if CONTROL.search(text):
            return self.refuse(node, reader, path, " It holds a control character.")
        return text

    def schema(self) -> Schema:
        return {"type": "string", "pattern": r"\S", "maxLength": LONGEST_TEXT}


@dataclass(frozen=True)
class Number(Kind):
    """A number from low to high, in the unit the key's name carries."""

    low: float = 0
    high: float = 1e6
    unit: str = ""
    whole: bool = False
    example: float = 1
    type_name: ClassVar[str] = "number"

    @property
    def words(self) -> str:
        """What is allowed."""
        unit = f" {self.unit}" if self.unit else ""
        return f"a {'whole ' if self.whole else ''}number from {self.low:g} to {self.high:g}{unit}"

    def read(self, node: Node, reader: Reader, path: str) -> Any:
        if not isinstance(node, ScalarNode) or node.style is not None or not NUMBER.fullmatch(node.value):
            quoted = isinstance(node, ScalarNode) and node.style is not None and NUMBER.fullmatch(node.value)
            return self.refuse(node, reader, path, " Write it without quotes." if quoted else "")
        value = float(node.value)
        if not self.low <= value <= self.high or (self.whole and value != int(value)):
            return self.refuse(node, reader, path)
        return int(value) if self.whole else value

    def schema(self) -> Schema:
        return {"type": "integer" if self.whole else "number", "minimum": self.low, "maximum": self.high}

    def plain(self, value: Any) -> Any:
        return int(value) if float(value).is_integer() else value


@dataclass(frozen=True)
class Flag(Kind):
    """true or false (yes and no are understood)."""

    words: str = "true or false"
    example: bool = False
    type_name: ClassVar[str] = "true/false"

    def read(self, node: Node, reader: Reader, path: str) -> Any:
        if isinstance(node, ScalarNode) and node.style is None and node.value.lower() in ("true", "yes", "false", "no"):
            return node.value.lower() in ("true", "yes")
        return self.refuse(node, reader, path)

    def schema(self) -> Schema:
        return {"type": "boolean"}


@dataclass(frozen=True)
class Choice(Kind):
    """One of a closed list of words. `hints` maps what people write to what is meant."""

    options: tuple[str, ...] = ()
    hints: tuple[tuple[str, str], ...] = ()
    example_is: str = ""
    type_name: ClassVar[str] = "one of"

    @property
    def words(self) -> str:
        """What is allowed."""
        return "one of: " + ", ".join(self.options)

    @property
    def example(self) -> str:
        """The first option, unless another was named."""
        return self.example_is or self.options[0]

    def read(self, node: Node, reader: Reader, path: str) -> Any:
        if isinstance(node, ScalarNode) and node.value in self.options:
            return str(node.value)
        word = node.value if isinstance(node, ScalarNode) else ""
        meant = dict(self.hints).get(word.strip().lower())
        hint = f" Did you mean '{meant}'?" if meant else suggest(word, self.options)
        return self.refuse(node, reader, path, hint)

    def schema(self) -> Schema:
        return {"enum": list(self.options)}


@dataclass(frozen=True)
class Day(Kind):
    """A calendar day."""

    words: str = "a date that exists, as YYYY-MM-DD"
    example: str = "2024-05-01"
    type_name: ClassVar[str] = "date"

    def read(self, node: Node, reader: Reader, path: str) -> Any:
        if isinstance(node, ScalarNode) and re.fullmatch(r"\d{4}-\d\d-\d\d", node.value):
            try:
                day = date.fromisoformat(node.value)
            except ValueError:
                return self.refuse(node, reader, path, " That day is not in the calendar.")
            if day.year >= EARLIEST_YEAR:
                return day
            return self.refuse(node, reader, path, f" It is before {EARLIEST_YEAR}.")
        return self.refuse(node, reader, path)

    def schema(self) -> Schema:
        return {"type": "string", "format": "date", "pattern": r"^\d{4}-\d\d-\d\d$"}

    def plain(self, value: Any) -> Any:
        return value.isoformat()


@dataclass(frozen=True)
class Scalar(Kind):
    """A number or one of a few words, as a laboratory reports it."""

    options: tuple[str, ...] = ()
    example: float = 1
    type_name: ClassVar[str] = "number or word"

    @property
    def words(self) -> str:
        """What is allowed."""
        return "a number, or for a qualitative test one of: " + ", ".join(self.options)

    def read(self, node: Node, reader: Reader, path: str) -> Any:
        if isinstance(node, ScalarNode) and node.style is None and NUMBER.fullmatch(node.value):
            value = float(node.value)
            return value if abs(value) < float("inf") else self.refuse(node, reader, path)
        if isinstance(node, ScalarNode) and node.value in self.options:
            return str(node.value)
        hint = suggest(node.value, self.options) if isinstance(node, ScalarNode) else ""
        return self.refuse(node, reader, path, hint)

    def schema(self) -> Schema:
        return {"anyOf": [{"type": "number"}, {"enum": list(self.options)}]}

    def plain(self, value: Any) -> Any:
        return int(value) if isinstance(value, float) and value.is_integer() else value
