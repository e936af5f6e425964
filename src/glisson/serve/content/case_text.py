"""Changes to the text of case.yaml that leave everything else as a person wrote it, comments too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from glisson.case import loads_case
from glisson.case.writing import plain_yaml

__all__ = ["with_items", "with_section"]


def with_section(text: str, key: str, value: Any) -> str:
    """The text with one top-level section replaced, or put at the end where it is not there.

    Comments inside the section go; those before, between and after sections stay. Raises CaseFileError where the
    result is no case.
    """
    lines = text.splitlines(keepends=True)
    new = plain_yaml({key: value}).splitlines(keepends=True)
    found = _section(text, key)
    if found is None:
        changed = [*_ended(lines), "\n", *new]
    else:
        start, stop = found[0].start_mark.line, _last_line(found[1]) + 1
        changed = lines[:start] + new + lines[stop:]
    return _checked("".join(changed))


def with_items(text: str, key: str, items: Sequence[Mapping[str, Any]], name: str = "id") -> str:
    """The text with a list of mappings in the state given: entries that changed are replaced, new ones put at the end,
    missing ones taken out; the lines of all others stay as they are.

    name: the key by which entries are told apart. Raises CaseFileError where the result is no case.
    """
    found = _section(text, key)
    if not items:
        return _without(text, key)
    if found is None or found[1].flow_style or not isinstance(found[1], yaml.SequenceNode) or not found[1].value:
        return with_section(text, key, [dict(item) for item in items])
    lines = text.splitlines(keepends=True)
    wanted = {str(item[name]): item for item in items}
    before = {str(item[name]): item for item in _plain(found[1])}
    indent = lines[found[1].value[0].start_mark.line].index("-")
    out = lines[: found[1].value[0].start_mark.line]
    ends = [_last_line(node) + 1 for node in found[1].value]
    place = len(out)
    for node, stop in zip(found[1].value, ends, strict=True):
        out += lines[place : node.start_mark.line]
        own = str(_plain(node)[name])
        if own in wanted:
            same = before[own] == _as_read(wanted[own])
            out += lines[node.start_mark.line : stop] if same else _item(wanted[own], indent)
        place = stop
    out = _ended(out)
    for own, item in wanted.items():
        if own not in before:
            out += _item(item, indent)
    return _checked("".join(out + lines[place:]))


def _without(text: str, key: str) -> str:
    found = _section(text, key)
    if found is None:
        return text
    lines = text.splitlines(keepends=True)
    return _checked("".join(lines[: found[0].start_mark.line] + lines[_last_line(found[1]) + 1 :]))


def _section(text: str, key: str) -> tuple[yaml.Node, Any] | None:
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    assert isinstance(root, yaml.MappingNode)
    return next(((name, value) for name, value in root.value if name.value == key), None)


def _last_line(node: yaml.Node) -> int:
    """Number of the last line that belongs to a node; comments after it do not."""
    if isinstance(node, yaml.ScalarNode):
        ended_before = node.end_mark.column == 0 and node.end_mark.line > node.start_mark.line
        return node.end_mark.line - int(ended_before)
    assert isinstance(node, yaml.CollectionNode)
    if node.flow_style or not node.value:
        return node.end_mark.line if node.flow_style else node.start_mark.line
    last = node.value[-1]
    return _last_line(last[1] if isinstance(last, tuple) else last)


def _plain(node: yaml.Node) -> Any:
    """A node as text, lists and dicts: what stands in the file, without guessing types."""
    if isinstance(node, yaml.MappingNode):
        return {key.value: _plain(value) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [_plain(value) for value in node.value]
    return node.value


def _as_read(item: Mapping[str, Any]) -> Any:
    node = yaml.compose(plain_yaml(dict(item)), Loader=yaml.SafeLoader)
    return {} if node is None else _plain(node)


def _item(item: Mapping[str, Any], indent: int) -> list[str]:
    return [" " * indent + line for line in plain_yaml([dict(item)]).splitlines(keepends=True)]


def _ended(lines: list[str]) -> list[str]:
    """The lines with a line break behind the last one."""
    return lines if not lines or lines[-1].endswith("\n") else [*lines[:-1], lines[-1] + "\n"]


def _checked(text: str) -> str:
    loads_case(text)
    return text
