"""The facts that rules may ask for: path, kind, unit, allowed values and whether anything can change them.

Three lists make one table: what the record says (`glisson.case.fact_table`), what is measured on the images and plans
(`facts.yaml` beside this file) and the scores (`score.<id>` and `score.<id>.group`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from glisson.case import Unknown, fact_table
from glisson.errors import KnowledgeError
from glisson.knowledge.strict_yaml import Section

__all__ = ["CHANGES", "KINDS", "FactSpec", "FactTable", "case_specs", "is_missing", "number_of", "read_fact_specs"]

KINDS = ("number", "choice", "flag", "set", "text", "date")
"""number (with its unit), choice (one of the values), flag (yes or no), set (any of the values), text and date (only known or not)."""

CHANGES = ("fixed", "measured", "changeable")
"""fixed: age, sex, a gene, what has happened. measured: another measurement may differ. changeable: treatment or time may change it."""


@dataclass(frozen=True, slots=True)
class FactSpec:
    """One fact: dotted path, kind, unit (None when it has none), allowed values, what may change it, a title for people."""

    path: str
    kind: str
    unit: str | None = None
    values: tuple[str, ...] = ()
    change: str = "fixed"
    title: str = ""
    source: str = "case"


class FactTable:
    """All facts by path."""

    def __init__(self, specs: Mapping[str, FactSpec]):
        self._specs = dict(sorted(specs.items()))

    def __contains__(self, path: str) -> bool:
        return path in self._specs

    def __getitem__(self, path: str) -> FactSpec:
        return self._specs[path]

    def __iter__(self) -> Iterator[FactSpec]:
        return iter(self._specs.values())

    def __len__(self) -> int:
        return len(self._specs)

    def get(self, path: str) -> FactSpec | None:
        """The fact of that path, or None."""
        return self._specs.get(path)

    def near(self, path: str) -> str:
        """A few paths that look like a wrong one, for messages."""
        from difflib import get_close_matches

        close = get_close_matches(path, self._specs, n=3, cutoff=0.5)
        return f" Similar: {', '.join(close)}." if close else ""


def is_missing(facts: Mapping[str, object], path: str) -> bool:
    """Whether a fact is absent or Unknown."""
    value = facts.get(path)
    if value is None:
        if path in facts:
            raise KnowledgeError(f"The fact {path} is None. A missing fact is Unknown(reason), or is left out.")
        return True
    return isinstance(value, Unknown)


def number_of(path: str, value: object) -> float:
    """The number of a number fact; KnowledgeError when it is none (text, yes/no, not a number)."""
    if isinstance(value, bool) or not hasattr(value, "__float__"):
        raise KnowledgeError(f"The fact {path} should be a number; given {value!r}. A missing fact is Unknown(reason).")
    number = float(value)
    if number != number:
        raise KnowledgeError(f"The fact {path} is not a number (NaN). A missing fact is Unknown(reason).")
    return number


def case_specs() -> dict[str, FactSpec]:
    """The facts of the record, from the case room's own table."""
    return {fact.path: _spec_of_case_fact(fact) for fact in fact_table()}


def read_fact_specs(section: Section) -> dict[str, FactSpec]:
    """The facts of a `facts.yaml`: path -> {kind, unit, values, change, title}."""
    specs = {}
    for path, entry in section.named_sections():
        kind = entry.choice("kind", KINDS)
        unit = entry.text("unit", "") or None
        values = entry.texts("values")
        specs[path] = FactSpec(
            path, kind, unit, values, entry.choice("change", CHANGES), entry.text("title"), entry.text("from")
        )
        entry.done()
        if unit and kind != "number":
            raise entry.wrong("only a number has a unit.", "unit")
        if (kind in ("choice", "set")) != bool(values):
            raise entry.wrong("a choice or set lists its values, and nothing else does.", "values")
    return specs
