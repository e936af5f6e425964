"""The facts that rules may ask for: path, kind, unit, allowed values and whether anything can change them.

Three lists make one table: what the record says (`glisson.case.fact_table`), what is measured on the images and plans
(`facts.yaml` beside this file) and the scores (`score.<id>` and `score.<id>.group`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from glisson.case import Unknown, fact_table
from glisson.errors import KnowledgeError
from glisson.knowledge.strict_yaml import Section

__all__ = ["CHANGES", "KINDS", "FactSpec", "FactTable", "case_specs", "is_missing", "number_of", "read_fact_specs"]

KINDS = ("number", "choice", "flag", "set", "text", "date")
"""number (with its unit), choice (one of the values), flag (yes or no), set (any of the values), text and date (only
known or not).
"""

CHANGES = ("fixed", "measured", "changeable")
"""fixed: age, sex, a gene, what has happened. measured: another measurement may differ. changeable: treatment or time
may change it.
"""


@dataclass(frozen=True, slots=True)
class FactSpec:
    """One fact: dotted path, kind, unit (None when it has none), allowed values, what may change it, a title for
    people.
    """

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


_KIND_OF_CASE = {
    "number": "number",
    "one of": "choice",
    "true/false": "flag",
    "list": "set",
    "text": "text",
    "date": "date",
}


def case_specs() -> dict[str, FactSpec]:
    """The facts of the record, from the case room's own table; `read_fact_specs` adds what may change them."""
    rows = fact_table()
    return {
        row.path: FactSpec(row.path, _KIND_OF_CASE[row.type], _unit(row.unit), tuple(row.options), "fixed", row.meaning)
        for row in rows
    }


def _unit(text: str) -> str | None:
    """A ratio, such as the INR, has no unit."""
    return text if text not in ("", "1") else None


def read_fact_specs(section: Section, of_case: Mapping[str, FactSpec]) -> dict[str, FactSpec]:
    """All facts: those of the case with what may change them, and those that `facts.yaml` adds.

    Raises KnowledgeError for a prefix that fits no fact, a path that the case has already, or a malformed entry.
    """
    specs = _with_changes(section.section("case_facts"), of_case)
    for path, entry in section.section("facts").named_sections():
        if path in specs:
            raise entry.wrong("the case has a fact of this path already.")
        specs[path] = _read_spec(path, entry)
    section.done()
    return specs


def _with_changes(section: Section, of_case: Mapping[str, FactSpec]) -> dict[str, FactSpec]:
    """Each fact of the case with the kind of change that its longest listed prefix names; `fixed` where none does."""
    prefixes = {prefix: change for change in CHANGES for prefix in section.texts(change)}
    section.done()
    for prefix in prefixes:
        if of_case and not any(path.startswith(prefix) for path in of_case):
            raise section.wrong(f"no fact of the case begins with '{prefix}'.")
    specs = {}
    for path, spec in of_case.items():
        fitting = [prefix for prefix in prefixes if path.startswith(prefix)]
        change = prefixes[max(fitting, key=len)] if fitting else "fixed"
        specs[path] = replace(spec, change=change)
    return specs


def _read_spec(path: str, entry: Section) -> FactSpec:
    kind = entry.choice("kind", KINDS)
    unit = entry.text("unit", "") or None
    values = entry.texts("values")
    change, title, source = entry.choice("change", CHANGES), entry.text("title"), entry.text("from")
    entry.done()
    if unit and kind != "number":
        raise entry.wrong("only a number has a unit.", "unit")
    if (kind in ("choice", "set")) != bool(values):
        raise entry.wrong("a choice or set lists its values, and nothing else does.", "values")
    return FactSpec(path, kind, unit, values, change, title, source)
