"""Writes case files: a whole case, and the commented file that a new case starts from."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import Field
from typing import Any

import yaml

from glisson.case.model import Case
from glisson.case.sections import Section, declared, example_of, key_of
from glisson.case.studies import LesionFacts, Study

__all__ = ["case_as_plain", "dump_case", "plain_yaml", "starter_yaml"]

WIDTH = 110
HEAD = """\
Facts of one patient. Fill in what the record says; leave out what it does not say, or write {unknown: why}.
Lines beginning with ## explain. Lines beginning with # are examples: remove the # (and the blank after it) and put in
the patient's own values. Days are YYYY-MM-DD; units are in the names. Files are relative to this folder."""


def case_as_plain(case: Case) -> dict[str, Any]:
    """The case as dicts, lists, strings and numbers in the order of the file, without defaults and missing facts."""
    plain: dict[str, Any] = Section(Case).plain(case)
    return {key: value for key, value in plain.items() if value != {}}


def dump_case(case: Case) -> str:
    """The case as YAML text; `loads_case` of it gives an equal case."""
    return plain_yaml(case_as_plain(case))


def starter_yaml(case_id: str, studies: Sequence[Study] = (), lesions: Sequence[LesionFacts] = ()) -> str:
    """A case file to fill in: studies and lesions as given, every other section as commented examples."""
    filled = case_as_plain(Case(case_id, studies=tuple(studies), lesions=tuple(lesions)))
    parts = ["\n".join(f"## {line}" for line in HEAD.splitlines())]
    for f in declared(Case):
        key = key_of(f)
        if key in filled:
            parts.append(f"## {_sentence(f)}\n{plain_yaml({key: filled[key]})}".rstrip("\n"))
        elif key != "decision":
            parts.append("\n".join(_commented(f)))
    return "\n\n".join(parts) + "\n"


class _Dumper(yaml.SafeDumper):
    """Writes days without quotes: the loader reads every scalar as it stands."""


_Dumper.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeDumper.yaml_implicit_resolvers.items()
}


def plain_yaml(value: Any) -> str:
    """Plain dicts, lists and values as the YAML of a case file: keys in their order, days without quotes."""
    return str(yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=WIDTH))


def _sentence(f: Field[Any]) -> str:
    doc = str(f.metadata["doc"])
    return f"{doc[0].upper()}{doc[1:]}."


def _commented(f: Field[Any]) -> Iterator[str]:
    """A section as commented YAML: what each key means and allows, then an example."""
    yield f"## {_sentence(f)}"
    kind = f.metadata["kind"]
    if not isinstance(kind, Section):
        yield from _guide(kind.of.cls, "##   ") if isinstance(kind.of, Section) else _explained(f, "##   ")
        yield from (f"# {line}" for line in plain_yaml({key_of(f): example_of(f)}).splitlines())
        return
    yield f"# {key_of(f)}:"
    for own in declared(kind.cls):
        yield from _explained(own, "##     ")
        example = plain_yaml({key_of(own): example_of(own)})
        yield from (f"#   {line}" for line in example.splitlines())


def _guide(cls: type, indent: str) -> Iterator[str]:
    for own in declared(cls):
        yield from _explained(own, indent)


def _explained(f: Field[Any], indent: str) -> Iterator[str]:
    required = " (required)" if f.metadata["required"] else ""
    text = f"{key_of(f)}{required}: {f.metadata['doc']}; {f.metadata['kind'].words}"
    yield from textwrap.wrap(
        text, WIDTH, initial_indent=indent, subsequent_indent=indent + "  ", break_on_hyphens=False
    )
