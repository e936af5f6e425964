"""Scores and formulas: coefficients and groups in YAML, arithmetic in `formulas`, every published variant under its own
id.

    from glisson.knowledge import score
    score("tumour-burden-score", {"largest": 3.0, "number": 2}).printed

A formula is a function of at most 30 lines in a module of `glisson.knowledge.formulas`, registered with
`@formula("name")`. It gets the inputs (numbers in the units of the record, words, or True and False) and the constants
of the record, and returns the unrounded value. Groups are decided on the unrounded value. A missing input makes a
result without a value that names it; nothing is assumed.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from functools import cache

from glisson.case import Unknown
from glisson.errors import InputError, KnowledgeError
from glisson.knowledge.conditions import Condition
from glisson.knowledge.facts import FactSpec, FactTable, number_of
from glisson.knowledge.language import parse_condition
from glisson.knowledge.rules import STATUSES
from glisson.knowledge.sources import Quantity, parse_quantity
from glisson.knowledge.strict_yaml import Section
from glisson.knowledge.units import in_unit, units_of

__all__ = [
    "FORMULAS",
    "Formula",
    "Group",
    "Limit",
    "Reported",
    "ScoreInput",
    "ScoreResult",
    "ScoreSpec",
    "compute",
    "formula",
    "read_score",
]

Value = float | str | bool
Formula = Callable[[Mapping[str, Value], Mapping[str, float]], float]

_WITH_UNIT = re.compile(r"([-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?)\s*(\S.*)?$")

FORMULAS: dict[str, Formula] = {}
"""Every registered formula by name."""


def formula(name: str) -> Callable[[Formula], Formula]:
    """Register a formula under the name that score records use. Raises KnowledgeError when the name is taken."""

    def register(function: Formula) -> Formula:
        if name in FORMULAS and FORMULAS[name].__qualname__ != function.__qualname__:
            raise KnowledgeError(f"Two formulas are called '{name}'; give one another name.")
        FORMULAS[name] = function
        return function

    return register


@cache
def load_formulas() -> Mapping[str, Formula]:
    """Import every module of `glisson.knowledge.formulas`, in the order of their names."""
    from glisson.knowledge import formulas

    for module in sorted(item.name for item in pkgutil.iter_modules(formulas.__path__)):
        importlib.import_module(f"{formulas.__name__}.{module}")
    return FORMULAS


@dataclass(frozen=True, slots=True)
class ScoreInput:
    """One input: its unit, the words allowed for a choice, the fact it comes from ("" when only given by hand)."""

    name: str
    kind: str
    unit: str | None
    values: tuple[str, ...]
    fact: str
    positive: bool


@dataclass(frozen=True, slots=True)
class Group:
    """A group by the unrounded value; first match. Its source may be another than that of the score, or unconfirmed."""

    when: Condition
    name: str
    text: str
    source: str
    locator: str
    status: str


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit of validity: shown always, or when the inputs meet a condition."""

    text: str
    when: Condition | None


@dataclass(frozen=True, slots=True)
class Reported:
    """What a study reported for a group: endpoint, when, number with its unit and interval, how many patients, source,
    status.
    """

    group: str
    endpoint: str
    at: str
    value: Quantity
    interval: tuple[Quantity, ...]
    patients: int | None
    source: str
    locator: str
    status: str


@dataclass(frozen=True, slots=True)
class ScoreSpec:
    """One variant of one score, as its source defines it."""

    id: str
    family: str
    variant: str
    version: int
    topic: str
    title: str
    formula: str
    unit: str | None
    decimals: int
    inputs: tuple[ScoreInput, ...]
    constants: Mapping[str, Quantity]
    groups: tuple[Group, ...]
    limits: tuple[Limit, ...]
    reported: tuple[Reported, ...]
    population: str
    endpoint: str
    source: str
    locator: str
    status: str
    file: str

    @property
    def sources(self) -> tuple[str, ...]:
        """Ids of every source it leans on."""
        groups, reported = (group.source for group in self.groups), (row.source for row in self.reported)
        return tuple(dict.fromkeys((self.source, *groups, *reported)))

    def numbers(self) -> list[tuple[str, Quantity]]:
        """Every number of the record with the id of the source that must hold it."""
        found = [(self.source, quantity) for quantity in self.constants.values()]
        conditions = [(g.source, g.when) for g in self.groups] + [
            (self.source, limit.when) for limit in self.limits if limit.when
        ]
        for source, condition in conditions:
            found += [(source, quantity) for leaf in condition.leaves() for quantity in leaf.numbers()]
        return found + [(row.source, quantity) for row in self.reported for quantity in (row.value, *row.interval)]


@dataclass(frozen=True)
class ScoreResult:
    """A score of one patient. value is unrounded, printed is rounded half up; both empty where inputs are missing."""

    id: str
    variant: str
    title: str
    value: float | None
    printed: str
    unit: str | None
    group: str | None
    group_text: str
    group_status: str
    source: str
    locator: str
    status: str
    population: str
    notes: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    inputs: Mapping[str, Value] = field(default_factory=dict)
    reported: tuple[Reported, ...] = ()


def compute(spec: ScoreSpec, inputs: Mapping[str, object]) -> ScoreResult:
    """The score for these inputs (numbers in the units of its record). Raises InputError for inputs it does not have or
    cannot use.
    """
    names = [item.name for item in spec.inputs]
    for name in inputs:
        if name not in names:
            raise InputError(f"The score {spec.id} has no input '{name}'; its inputs: {', '.join(names)}.")
    missing = tuple(name for name in names if name not in inputs or isinstance(inputs[name], Unknown))
    given = {item.name: _checked(spec, item, inputs[item.name]) for item in spec.inputs if item.name not in missing}
    notes = tuple(limit.text for limit in spec.limits if limit.when is None or limit.when.truth(given))
    value, group = None, None
    if not missing:
        constants = {name: number for name, (number, _) in spec.constants.items()}
        value = float(load_formulas()[spec.formula](given, constants))
        group = next((g for g in spec.groups if g.when.truth({**given, "value": value})), None)
    return ScoreResult(
        id=spec.id,
        variant=spec.variant,
        title=spec.title,
        value=value,
        printed="" if value is None else rounded(value, spec.decimals),
        unit=spec.unit,
        group=group.name if group else None,
        group_text=group.text if group else "",
        group_status=group.status if group else "",
        source=spec.source,
        locator=spec.locator,
        status=spec.status,
        population=spec.population,
        notes=notes,
        missing=missing,
        inputs=given,
        reported=tuple(row for row in spec.reported if group and row.group == group.name),
    )


def rounded(value: float, decimals: int) -> str:
    """A number rounded half away from zero, as clinicians do, from its shortest decimal form."""
    return str(Decimal(repr(value)).quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP))


def _checked(spec: ScoreSpec, item: ScoreInput, value: object) -> Value:
    where = f"The input '{item.name}' of {spec.id}"
    if item.kind == "number":
        number = _number(item, value)
        if number in (float("inf"), float("-inf")) or (item.positive and number <= 0):
            raise InputError(
                f"{where} must be {'above zero' if item.positive else 'finite'}; given {value!r} {item.unit or ''}."
            )
        return number
    if item.kind == "flag":
        if value not in (True, False, "yes", "no"):
            raise InputError(f"{where} must be yes or no; given {value!r}.")
        return value in (True, "yes")
    if not isinstance(value, str) or value not in item.values:
        raise InputError(f"{where} must be one of {', '.join(item.values)}; given {value!r}.")
    return value


def _number(item: ScoreInput, value: object) -> float:
    """A number as it is, or a text such as "2.5 mg/dL" brought to the unit of the input."""
    if not isinstance(value, str):
        return number_of(item.name, value)
    found = _WITH_UNIT.match(value.strip())
    if not found:
        raise InputError(
            f"The input '{item.name}' should be a number{f' in {item.unit}' if item.unit else ''}; given {value!r}."
        )
    if not found[2] and item.unit and "/" in item.unit:
        accepted = " or ".join(units_of(item.fact or item.name, item.unit))
        raise InputError(
            f"The input '{item.name}' is a bare number, {value!r}, and laboratories differ in its unit. "
            f"Write the unit with it: {item.name}={found[1]} followed by {accepted}."
        )
    return in_unit(float(found[1]), found[2] or item.unit, item.unit, item.fact or item.name)


def read_score(section: Section, table: FactTable) -> ScoreSpec:
    """A score record from its file. Raises KnowledgeError with file and line for whatever is not in the format."""
    inputs = tuple(_read_input(name, entry, table) for name, entry in section.section("inputs").named_sections())
    constants = section.section("constants")
    unit = section.text("unit", "") or None
    own = {item.name: FactSpec(item.name, item.kind, item.unit, item.values) for item in inputs}
    local = FactTable({**own, "value": FactSpec("value", "number", unit)})
    name = section.text("formula")
    if name not in load_formulas():
        raise section.wrong(f"there is no formula '{name}'; registered: {', '.join(sorted(FORMULAS))}.", "formula")
    source, locator = section.text("source"), section.text("locator")
    status = section.choice("status", STATUSES)
    own_source = (source, locator, status)
    groups = tuple(_read_group(entry, local, own_source) for entry in section.sections("groups"))
    spec = ScoreSpec(
        id=section.text("id"),
        family=section.text("family"),
        variant=section.text("variant"),
        version=section.integer("version"),
        topic=section.text("topic"),
        title=section.text("title"),
        formula=name,
        unit=unit,
        decimals=section.integer("decimals"),
        inputs=inputs,
        constants={key: parse_quantity(constants.raw(key), constants, key) for key in constants.data},
        groups=groups,
        limits=tuple(_read_limit(entry, local) for entry in section.sections("limits")),
        reported=tuple(_read_reported(entry, groups, own_source) for entry in section.sections("reported")),
        population=section.text("population"),
        endpoint=section.text("endpoint", ""),
        source=source,
        locator=locator,
        status=status,
        file=section.file,
    )
    section.done()
    return spec


def _read_input(name: str, entry: Section, table: FactTable) -> ScoreInput:
    values = entry.texts("values")
    unit = entry.text("unit", "") or None
    kind = "flag" if entry.flag("flag", False) else "choice" if values else "number"
    fact = entry.text("fact", "")
    positive = entry.flag("positive", False)
    entry.done()
    spec = table.get(fact) if fact else None
    if fact and spec is None and not fact.startswith("score."):
        raise entry.wrong(f"there is no fact '{fact}'.{table.near(fact)}", "fact")
    if spec and (spec.kind != kind or spec.unit != unit):
        raise entry.wrong(
            f"the fact {fact} is a {spec.kind} in {spec.unit or 'no unit'}; the input a {kind} in {unit or 'no unit'}."
        )
    if not name.isidentifier() or name != name.lower():
        raise entry.wrong("an input name is lower-case letters, digits and _.")
    return ScoreInput(name, kind, unit, values, fact, positive)


def _read_group(entry: Section, table: FactTable, own: tuple[str, str, str]) -> Group:
    when = parse_condition(entry, "when", table)
    group = Group(when, entry.text("group"), entry.text("text", ""), *_own_source(entry, own))
    entry.done()
    return group


def _read_limit(entry: Section, table: FactTable) -> Limit:
    limit = Limit(entry.text("text"), parse_condition(entry, "when", table) if entry.has("when") else None)
    entry.done()
    return limit


def _read_reported(entry: Section, groups: tuple[Group, ...], own: tuple[str, str, str]) -> Reported:
    interval = entry.raw("interval", [])
    group = entry.text("group")
    source, locator, status = _own_source(entry, own)
    if group not in {g.name for g in groups}:
        raise entry.wrong(f"there is no group '{group}' in this score.", "group")
    row = Reported(
        group=group,
        endpoint=entry.text("endpoint"),
        at=entry.text("at", ""),
        value=parse_quantity(entry.raw("value"), entry, "value"),
        interval=tuple(parse_quantity(item, entry, "interval", n) for n, item in enumerate(interval)),
        patients=entry.integer("patients") if entry.has("patients") else None,
        source=source,
        locator=locator,
        status=status,
    )
    entry.done()
    return row


def _own_source(entry: Section, own: tuple[str, str, str]) -> tuple[str, str, str]:
    """Source, locator and status of a part; what it does not say is as for the whole, but a new source needs its own
    locator.
    """
    locator = entry.text("locator") if entry.has("source") else entry.text("locator", own[1])
    return entry.text("source", own[0]), locator, entry.choice("status", STATUSES, own[2])
