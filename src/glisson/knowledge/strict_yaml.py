"""Strict YAML: what is not written exactly right is refused with its file and line.

A file is one mapping. Scalars are text, numbers, `true`/`false` or `null` and nothing else: `yes`, `no`, `on` and dates
stay text, so that a fact value never changes its type by accident. Duplicate keys, tags, anchors and aliases are
errors.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from glisson.errors import KnowledgeError

__all__ = ["Lines", "Section", "parse_yaml"]

Path = tuple[str | int, ...]
Lines = Mapping[Path, int]
"""Line (from 1) of every key and list item of a file, by its path from the root."""

_MAYBE_ALIAS = re.compile(r"(?:^|[\s\[{,:-])[&*!]\S")
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)$")
_NUMBER = re.compile(r"[-+]?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$")


def parse_yaml(text: str, file: str) -> tuple[dict[str, Any], Lines]:
    """The one mapping in a YAML text, and the line of each of its keys and items.

    file: name for messages. Raises KnowledgeError for anything that is not strict YAML (see the module).
    """
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
    try:
        _refuse_aliases(text, file, yaml)
        root = loader.get_single_node()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        problem = getattr(error, "problem", None) or str(error)
        raise KnowledgeError(f"{file}:{line}: not valid YAML: {problem}.") from None
    finally:
        loader.dispose()
    if not isinstance(root, yaml.MappingNode):
        raise KnowledgeError(f"{file}:1: expected one mapping of keys and values, found {_kind(root)}.")
    lines: dict[Path, int] = {}
    return _convert(root, file, (), lines), lines


def _refuse_aliases(text: str, file: str, yaml: Any) -> None:
    """Aliases and anchors would make one number stand in two places; tags would make a value something else than it
    looks.
    """
    if not _MAYBE_ALIAS.search(text):
        return
    for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise KnowledgeError(
                f"{file}:{line}: anchors and aliases are not allowed; write the value where it is used."
            )
        if getattr(event, "tag", None):
            raise KnowledgeError(f"{file}:{line}: the tag {event.tag} is not allowed; write the plain value.")


def _kind(node: Any) -> str:
    return {"MappingNode": "a mapping", "SequenceNode": "a list", "ScalarNode": "one value"}.get(
        type(node).__name__, "nothing"
    )


def _convert(node: Any, file: str, path: Path, lines: dict[Path, int]) -> Any:
    line = node.start_mark.line + 1
    lines.setdefault(path, line)
    kind = type(node).__name__
    if kind == "ScalarNode":
        return _scalar(node)
    if kind == "SequenceNode":
        return [_convert(item, file, (*path, index), lines) for index, item in enumerate(node.value)]
    found: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key, key_line = key_node.value, key_node.start_mark.line + 1
        if type(key_node).__name__ != "ScalarNode" or key == "<<":
            raise KnowledgeError(f"{file}:{key_line}: a key must be one word of text.")
        if key in found:
            first = lines[(*path, key)]
            raise KnowledgeError(
                f"{file}:{key_line}: the key '{key}' is given twice (first in line {first}); keep one."
            )
        lines[(*path, key)] = key_line
        found[key] = _convert(value_node, file, (*path, key), lines)
    return found


def _scalar(node: Any) -> str | int | float | bool | None:
    text: str = node.value
    if node.style:
        return text
    if text in ("true", "false"):
        return text == "true"
    if text in ("", "null", "~"):
        return None
    if _INTEGER.match(text):
        return int(text)
    if _NUMBER.match(text):
        return float(text)
    return text


@dataclass
class Section:
    """A mapping of a file, read key by key; `done()` refuses what nobody asked for.

    data: the mapping. file: name for messages. lines: of the whole file. path: of this mapping.
    """

    data: dict[str, Any]
    file: str
    lines: Lines = field(default_factory=dict)
    path: Path = ()
    asked: set[str] = field(default_factory=set)

    def wrong(self, message: str, *keys: str | int) -> KnowledgeError:
        """The error for this place: file, line, key path, message."""
        path = (*self.path, *keys)
        line = next((self.lines[path[:n]] for n in range(len(path), -1, -1) if path[:n] in self.lines), 0)
        name = ".".join(str(part) for part in path)
        return KnowledgeError(f"{self.file}{f':{line}' if line else ''}: {f'{name}: ' if name else ''}{message}")

    def has(self, key: str) -> bool:
        """Whether the key is there."""
        return key in self.data

    def text(self, key: str, default: str | None = None) -> str:
        """A text that must be there, or the default where one is given."""
        value = self._take(key, default)
        if not isinstance(value, str) or not (value.strip() or value == default):
            raise self.wrong(f"expected text, given {value!r}.", key)
        return value.strip()

    def choice(self, key: str, allowed: tuple[str, ...], default: str | None = None) -> str:
        """One of the allowed words."""
        value = self._take(key, default)
        if value not in allowed:
            raise self.wrong(f"{value!r} is not allowed here; one of: {', '.join(allowed)}.", key)
        return str(value)

    def integer(self, key: str, default: int | None = None) -> int:
        """A whole number."""
        value = self._take(key, default)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.wrong(f"expected a whole number, given {value!r}.", key)
        return value

    def number(self, key: str, default: float | None = None) -> float:
        """A number."""
        value = self._take(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.wrong(f"expected a number, given {value!r}.", key)
        return float(value)

    def flag(self, key: str, default: bool | None = None) -> bool:
        """`true` or `false`."""
        value = self._take(key, default)
        if not isinstance(value, bool):
            raise self.wrong(f"expected true or false, given {value!r}.", key)
        return value

    def raw(self, key: str, default: Any = None) -> Any:
        """Whatever stands there; for values of several types."""
        return self._take(key, default)

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts; one text counts as a list of one; absent is empty."""
        value = self._take(key, [])
        items = [value] if isinstance(value, str) else value
        if not isinstance(items, list) or not all(isinstance(item, str) and item.strip() for item in items):
            raise self.wrong(f"expected a list of texts, given {value!r}.", key)
        return tuple(items)

    def section(self, key: str) -> Section:
        """The mapping under a key (empty when absent)."""
        value = self._take(key, {})
        if not isinstance(value, dict):
            raise self.wrong(f"expected a mapping, given {value!r}.", key)
        return Section(value, self.file, self.lines, (*self.path, key))

    def sections(self, key: str) -> tuple[Section, ...]:
        """The mappings in the list under a key (empty when absent)."""
        value = self._take(key, [])
        if not isinstance(value, list):
            raise self.wrong(f"expected a list, given {value!r}.", key)
        for index, item in enumerate(value):
            if not isinstance(item, dict):
                raise self.wrong(f"expected a mapping, given {item!r}.", key, index)
        return tuple(Section(item, self.file, self.lines, (*self.path, key, i)) for i, item in enumerate(value))

    def named_sections(self) -> Iterator[tuple[str, Section]]:
        """Every key with the mapping under it."""
        for key in self.data:
            yield key, self.section(key)

    def done(self) -> None:
        """Refuse keys that nobody asked for."""
        for key in self.data:
            if key not in self.asked:
                raise self.wrong(f"unknown key; known here: {', '.join(sorted(self.asked))}.", key)

    def _take(self, key: str, default: Any) -> Any:
        self.asked.add(key)
        if key in self.data and self.data[key] is not None:
            return self.data[key]
        if key in self.data:
            raise self.wrong("has no value; leave the key out or give one.", key)
        if default is None:
            raise self.wrong(f"the key '{key}' is missing.")
        return default
