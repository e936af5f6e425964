# ruff: noqa: D102  (read, schema and plain are described once, at Kind)
"""Lists, mappings and sections of a case file, and how a dataclass declares the fields that stand in it.

The dataclasses of the case name a kind for each field (`fact`, `item`); loader, writer, JSON Schema, starter file and
reference page all follow from that one declaration.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any, ClassVar

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from glisson.case.kinds import UNREADABLE, Choice, Kind, Schema, Text, is_empty
from glisson.case.reader import Reader, given, suggest
from glisson.case.unknown import FrozenMap, Unknown
from glisson.errors import InputError, UnitError

__all__ = ["ListOf", "MapOf", "Section", "declared", "example_of", "fact", "item", "key_of"]


@dataclass(frozen=True)
class ListOf(Kind):
    """A list. With single=True one element may stand alone. `unique` names a field that may not repeat."""

    of: Kind = field(default_factory=Text)
    single: bool = False
    unique: str = ""
    type_name: ClassVar[str] = "list"

    @property
    def words(self) -> str:
        """What is allowed."""
        return f"a list, each {self.of.words}" + (", or one alone" if self.single else "")

    @property
    def example(self) -> Any:
        """A list of one."""
        return [self.of.example]

    def read(self, node: Node, reader: Reader, path: str) -> Any:
        if not isinstance(node, SequenceNode):
            if self.single and not is_empty(node):
                return (self.of.read(node, reader, path),)
            return self.refuse(node, reader, path)
        values = []
        first: dict[Any, int] = {}
        for index, child in enumerate(node.value):
            here = f"{path}[{index}]"
            reader.seen(child, here)
            value = self.of.read(child, reader, here)
            name = getattr(value, self.unique, None) if self.unique else value
            if value is not UNREADABLE and (self.unique or isinstance(self.of, Choice)):
                if name in first:
                    spot = f"{here}.{self.unique}" if self.unique else here
                    reader.fail(spot, spot, repr(name), f"it is there already, on line {first[name]}; give each once.")
                first.setdefault(name, reader.line(here))
            values.append(value)
        return tuple(value for value in values if value is not UNREADABLE)

    def schema(self) -> Schema:
        many: Schema = {"type": "array", "items": self.of.schema()}
        return {"anyOf": [many, self.of.schema()]} if self.single else many

    def plain(self, value: Any) -> Any:
        return [self.of.plain(element) for element in value]


@dataclass(frozen=True)
class MapOf(Kind):
    """Names (or whole-number labels) to values. `words_for_all` are words that may stand for a whole known map."""

    of: Kind = field(default_factory=Text)
    labels: bool = False
    words_for_all: tuple[str, ...] = ()
    example_is: tuple[tuple[Any, Any], ...] = ()
    type_name: ClassVar[str] = "mapping"

    @property
    def words(self) -> str:
        """What is allowed."""
        alone = f", or the word {' or '.join(self.words_for_all)}" if self.words_for_all else ""
        return f"a mapping from {'label number' if self.labels else 'lower-case name'} to {self.of.words}{alone}"

    @property
    def example(self) -> Any:
        """A small mapping."""
        return dict(self.example_is)

    def read(self, node: Node, reader: Reader, path: str) -> Any:
        if isinstance(node, ScalarNode) and node.value in self.words_for_all:
            return str(node.value)
        if not isinstance(node, MappingNode):
            return self.refuse(node, reader, path)
        pattern = r"[1-9]\d{0,4}" if self.labels else r"[a-z][a-z0-9_]{0,59}"
        what = "a label number from 1 to 99999" if self.labels else "a name of lower-case letters, digits and _"
        values: dict[Any, Any] = {}
        for key, child in unique_pairs(node, reader, path):
            if not re.fullmatch(pattern, key):
                reader.fail(child, f"{path}.{key}", repr(key), f"expected {what} as the key.")
                continue
            reader.seen(child, f"{path}.{key}")
            value = self.of.read(child, reader, f"{path}.{key}")
            if value is not UNREADABLE:
                values[int(key) if self.labels else key] = value
        return FrozenMap(values)

    def schema(self) -> Schema:
        keys = r"^[1-9]\d{0,4}$" if self.labels else r"^[a-z][a-z0-9_]{0,59}$"
        many: Schema = {"type": "object", "patternProperties": {keys: self.of.schema()}, "additionalProperties": False}
        return {"anyOf": [{"enum": list(self.words_for_all)}, many]} if self.words_for_all else many

    def plain(self, value: Any) -> Any:
        if isinstance(value, str):
            return value
        return {key: self.of.plain(element) for key, element in value.items()}


def unique_pairs(node: MappingNode, reader: Reader, path: str) -> list[tuple[str, Node]]:
    """Keys with their values; a repeated key or one that is not a word is recorded and left out."""
    pairs: dict[str, Node] = {}
    lines: dict[str, int] = {}
    for key, value in node.value:
        if not isinstance(key, ScalarNode):
            reader.fail(key, path, given(key), "expected a word as the key.")
            continue
        here = f"{path}.{key.value}" if path else key.value
        if key.value in pairs:
            reader.fail(
                key, here, f"{key.value!r} again", f"the key stands already on line {lines[key.value]}; keep one."
            )
            continue
        pairs[key.value], lines[key.value] = value, key.start_mark.line + 1
        reader.lines[here] = key.start_mark.line + 1
    return list(pairs.items())


@dataclass(frozen=True)
class Section(Kind):
    """A mapping with named keys, read into a dataclass. With `scalar` a lone value stands for that key."""

    cls: type = object
    scalar: str = ""
    type_name: ClassVar[str] = "section"

    @property
    def words(self) -> str:
        """What is allowed."""
        keys = ", ".join(key_of(f) for f in declared(self.cls))
        return f"a mapping with the keys {keys}" + (f", or {self.scalar} alone" if self.scalar else "")

    @property
    def example(self) -> Any:
        """Every key with its example."""
        chosen = {key_of(f): example_of(f) for f in declared(self.cls)}
        return chosen[self.scalar] if self.scalar else chosen

    def read(self, node: Node, reader: Reader, path: str) -> Any:
        by_key = {key_of(f): f for f in declared(self.cls)}
        if not isinstance(node, MappingNode):
            if self.scalar and isinstance(node, ScalarNode):
                value = by_key[self.scalar].metadata["kind"].read(node, reader, path)
                return self.build({by_key[self.scalar].name: value}, reader, path)
            return self.refuse(node, reader, path)
        values: dict[str, Any] = {}
        for key, child in unique_pairs(node, reader, path):
            here = f"{path}.{key}" if path else key
            if key not in by_key:
                allowed = f"allowed keys here: {', '.join(by_key)}."
                hint = suggest(key, by_key)
                reader.fail(here, here, f"the key {key!r}", allowed + hint)
                continue
            f = by_key[key]
            value = read_field(f, child, reader, here)
            if value is not UNREADABLE or f.metadata["fact"] or f.metadata["required"]:
                values[f.name] = value
        absent = [key for key, f in by_key.items() if f.metadata["required"] and f.name not in values]
        for key in absent:
            reader.fail(
                node, f"{path}.{key}" if path else key, "nothing", f"it is required: {by_key[key].metadata['doc']}."
            )
        return UNREADABLE if absent else self.build(values, reader, path)

    def build(self, values: dict[str, Any], reader: Reader, path: str) -> Any:
        """The dataclass from its values; what it refuses itself is recorded at the key it is about."""
        required = [f.name for f in declared(self.cls) if f.metadata["required"]]
        if any(values.get(name) is UNREADABLE for name in required):
            return UNREADABLE
        try:
            return self.cls(**values)
        except UnitError as error:
            reader.fail(f"{path}.unit", f"{path}.unit", repr(values.get("given_unit", "nothing")), str(error))
        except InputError as error:
            reader.fail(f"{path}.value", f"{path}.value", repr(values.get("given_value", "")), str(error))
        return UNREADABLE

    def schema(self) -> Schema:
        properties, required = {}, []
        for f in declared(self.cls):
            own = f.metadata["kind"].schema()
            if f.metadata["fact"]:
                own = {"anyOf": [own, {"$ref": "#/$defs/unknown"}]}
            properties[key_of(f)] = {**own, "description": f.metadata["doc"]}
            if f.metadata["required"]:
                required.append(key_of(f))
        whole: Schema = {
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": False,
        }
        return {"anyOf": [properties[self.scalar], whole]} if self.scalar else whole

    def plain(self, value: Any) -> Any:
        written = {}
        for f in declared(self.cls):
            own = getattr(value, f.name)
            default = f.default_factory() if f.default_factory is not MISSING else f.default
            if own == default and type(own) is type(default):
                continue
            written[key_of(f)] = {"unknown": own.reason} if isinstance(own, Unknown) else f.metadata["kind"].plain(own)
        return written[self.scalar] if self.scalar and list(written) == [self.scalar] else written


def read_field(f: Field[Any], node: Node, reader: Reader, path: str) -> Any:
    """The value of one key: an `Unknown` when {unknown: reason} stands there and the key is a fact."""
    if isinstance(node, MappingNode) and [key.value for key, _ in node.value] == ["unknown"]:
        if f.metadata["fact"]:
            reason = Text(words="the reason as text").read(node.value[0][1], reader, f"{path}.unknown")
            return Unknown(reason) if isinstance(reason, str) else UNREADABLE
        reader.fail(node, path, "{unknown: ...}", f"this key cannot be unknown; expected {f.metadata['kind'].words}.")
        return UNREADABLE
    return f.metadata["kind"].read(node, reader, path)


def fact(kind: Kind, doc: str, *, key: str | None = None, example: Any = None) -> Any:
    """Declare a fact: missing means Unknown('not recorded'), and {unknown: reason} may be written."""
    return field(default=Unknown(), metadata=_meta(kind, doc, True, False, example, key))


def item(kind: Kind, doc: str, *, default: Any = MISSING, key: str | None = None, example: Any = None) -> Any:
    """Declare a part of the file that is not a fact: required unless a default is given."""
    return field(default=default, metadata=_meta(kind, doc, False, default is MISSING, example, key))


def _meta(kind: Kind, doc: str, is_fact: bool, required: bool, example: Any, key: str | None) -> Mapping[str, Any]:
    return {"kind": kind, "doc": doc, "fact": is_fact, "required": required, "example": example, "key": key}


def declared(cls: type) -> list[Field[Any]]:
    """The fields of a dataclass that a case file may hold."""
    return [f for f in fields(cls) if "kind" in f.metadata]


def key_of(f: Field[Any]) -> str:
    """The key of a field in the file."""
    return f.metadata["key"] or f.name


def example_of(f: Field[Any]) -> Any:
    """An allowed value of a field."""
    own = f.metadata["example"]
    return f.metadata["kind"].example if own is None else own
