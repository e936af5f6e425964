"""Asking a rule: the verdict, and on request its reasons, trace and the facts it still needs.

A rule is decided when every outcome that the missing facts still leave open is the same outcome. It says *undetermined*
otherwise. Traces and texts are made only when somebody reads them, so that a thousand cases stay cheap.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from glisson.case import Unknown
from glisson.knowledge.conditions import Condition
from glisson.knowledge.facts import FactTable, is_missing
from glisson.knowledge.rules import Outcome, Rule, placeholders
from glisson.knowledge.sources import Source

__all__ = ["Answer", "Input", "Trace", "ask", "unknown_paths"]

Facts = Mapping[str, object]

NOT_MET = "not met"
"""No row of the rule matches: it says nothing here."""

NOT_APPLICABLE = "not applicable"
"""The rule is written for other patients, or an exception of it holds."""

MOST_DECIMALS = 6
"""A number that still cannot be told from its threshold with so many decimals is shown whole."""

UNDETERMINED = "undetermined"
"""Facts are missing, and different outcomes are still open."""


@dataclass(frozen=True, slots=True)
class Input:
    """A fact that a rule looked at: path, value (Unknown with its reason when missing), unit, and what it was held
    against.
    """

    path: str
    value: object
    unit: str | None
    near: tuple[float, ...] = ()

    def __str__(self) -> str:
        if isinstance(self.value, Unknown):
            return f"{self.path}: unknown ({self.value.reason})"
        return f"{self.path}: {show(self.value, self.near)}{f' {self.unit}' if self.unit else ''}"


@dataclass(frozen=True, slots=True)
class Trace:
    """One step of an answer: the condition in words, its truth (True, False, None for unknown), the facts it read, its
    parts.
    """

    text: str
    truth: bool | None
    inputs: tuple[Input, ...] = ()
    parts: tuple[Trace, ...] = ()

    def lines(self, depth: int = 0) -> Iterator[str]:
        """The tree as indented lines."""
        mark = {True: "yes", False: "no", None: "unknown"}[self.truth]
        read = f"   [{'; '.join(str(item) for item in self.inputs)}]" if self.inputs else ""
        yield f"{'  ' * depth}{mark:<8}{self.text}{read}"
        for part in self.parts:
            yield from part.lines(depth + 1)


@dataclass(frozen=True, eq=False)
class Answer:
    """What a rule says of some facts.

    verdict: the effect of the matching row (eligible, relative, contraindicated, value, grade, alert, info), or
    undetermined, not met, not applicable. possible: every outcome still open (None stands for the rule saying nothing).
    """

    rule: Rule
    verdict: str
    outcome: Outcome | None
    possible: tuple[Outcome | None, ...]
    _facts: Facts = field(repr=False)
    _sources: Mapping[str, Source] = field(repr=False)
    _table: FactTable = field(repr=False)

    @property
    def value(self) -> float | str | None:
        """The number of a value rule or the word of a grade rule; None while it is open."""
        if self.outcome is None:
            return None
        return self.outcome.grade if self.outcome.effect == "grade" else self.outcome.value

    @property
    def unit(self) -> str | None:
        """Unit of the value."""
        return self.outcome.unit if self.outcome else None

    @property
    def possible_values(self) -> tuple[float, ...]:
        """Every number still open, ascending, for a value rule; one when it is decided."""
        return tuple(sorted({outcome.value for outcome in self.possible if outcome and outcome.value is not None}))

    @property
    def is_decided(self) -> bool:
        """Whether the facts suffice."""
        return self.verdict != UNDETERMINED

    @property
    def status(self) -> str:
        """verified or unverified: of the outcome, or of the rule while it is open."""
        return self.outcome.status if self.outcome else self.rule.status

    @property
    def source(self) -> Source:
        """The source of the outcome, or the rule's first while it is open."""
        return self._sources[self.outcome.source if self.outcome else self.rule.sources[0]]

    @property
    def locator(self) -> str:
        """Where in the source."""
        return (self.outcome or self.rule.rows[0].outcome).locator

    @property
    def strength(self) -> str:
        """Strength as the source states it."""
        return (self.outcome or self.rule.rows[0].outcome).strength

    @property
    def urgency(self) -> str:
        """Of an alert: how soon."""
        return self.outcome.urgency if self.outcome else ""

    @cached_property
    def text(self) -> str:
        """What it says, in words for clinicians, with the facts filled in."""
        if self.verdict == UNDETERMINED:
            return f"{self.rule.title}: not decided; not known: {'; '.join(self._title(path) for path in self.needs)}."
        if self.verdict == NOT_APPLICABLE:
            return next(
                (e.text for e in self.rule.exceptions if e.when.truth(self._facts)),
                f"{self.rule.title}: for other patients.",
            )
        if self.outcome is None:
            return f"{self.rule.title}: criteria not met."
        return self._fill(self.outcome.text)

    @cached_property
    def plain(self) -> str:
        """The same for a patient, where the rule has such words; else empty."""
        return self._fill(self.outcome.plain) if self.outcome else ""

    @cached_property
    def needs(self) -> tuple[str, ...]:
        """The missing facts that keep it open; empty when it is decided."""
        if self.is_decided:
            return ()
        open_paths: dict[str, None] = {}
        for condition in _conditions_asked(self.rule, self._facts):
            open_paths.update(dict.fromkeys(unknown_paths(condition, self._facts)))
        return tuple(open_paths)

    @cached_property
    def inputs(self) -> tuple[Input, ...]:
        """Every fact that the rule looked at, with its value."""
        seen = {item.path: item for trace in self.trace for item in _inputs_of(trace)}
        return tuple(seen.values())

    @cached_property
    def trace(self) -> tuple[Trace, ...]:
        """The conditions in the order they were asked, each with its truth."""
        return tuple(self._trace(condition) for condition in _conditions_asked(self.rule, self._facts))

    def _trace(self, condition: Condition) -> Trace:
        inputs = tuple(
            Input(path, _value(self._facts, path), self._table[path].unit, condition.bounds(self._facts, path))
            for path in condition.paths
        )
        return Trace(
            str(condition), condition.truth(self._facts), inputs, tuple(self._trace(part) for part in condition.parts)
        )

    def _title(self, path: str) -> str:
        return self._table[path].title or path

    def _fill(self, text: str) -> str:
        for path in placeholders(text):
            value = _value(self._facts, path)
            shown = "unknown" if isinstance(value, Unknown) else show(value, self._bounds(path))
            text = text.replace(f"{{{path}}}", shown)
        return text

    def _bounds(self, path: str) -> tuple[float, ...]:
        """The numbers that the rule holds a fact against."""
        leaves = (leaf for condition in self.rule.conditions for leaf in condition.leaves())
        return tuple(bound for leaf in leaves if path in leaf.paths for bound in leaf.bounds(self._facts, path))


def ask(rule: Rule, facts: Facts, sources: Mapping[str, Source], table: FactTable) -> Answer:
    """The rule's answer for these facts. Raises KnowledgeError when a fact has the wrong type."""
    gate = rule.gate.truth(facts) if rule.gate else True
    if gate is False:
        return Answer(rule, NOT_APPLICABLE, None, (), facts, sources, table)
    exempt: bool | None = False
    for exemption in rule.exceptions:
        truth = exemption.when.truth(facts)
        if truth:
            return Answer(rule, NOT_APPLICABLE, None, (), facts, sources, table)
        exempt = None if truth is None else exempt
    possible, chosen = _open_outcomes(rule, facts)
    if gate is None or exempt is None:
        possible = (*possible, None)
    first = possible[0]
    same = all((other and other.key) == (first and first.key) for other in possible[1:])
    if not same:
        return Answer(rule, UNDETERMINED, None, possible, facts, sources, table)
    outcome = chosen or first
    return Answer(rule, outcome.effect if outcome else NOT_MET, outcome, possible, facts, sources, table)


def _open_outcomes(rule: Rule, facts: Facts) -> tuple[tuple[Outcome | None, ...], Outcome | None]:
    """Outcomes of the rows that may be the first to match, and the outcome of the row that surely matches (None: no
    such row).
    """
    possible: list[Outcome | None] = []
    for row in rule.rows:
        truth = row.when.truth(facts)
        if truth is not False:
            possible.append(row.outcome)
        if truth is True:
            return tuple(possible), row.outcome
    return (*possible, None), None


def _conditions_asked(rule: Rule, facts: Facts) -> Iterator[Condition]:
    """The conditions that were looked at, in order: nothing after a gate that is shut, an exception that holds, a row
    that matches.
    """
    if rule.gate:
        yield rule.gate
        if rule.gate.truth(facts) is False:
            return
    for exemption in rule.exceptions:
        yield exemption.when
        if exemption.when.truth(facts):
            return
    for row in rule.rows:
        yield row.when
        if row.when.truth(facts):
            return


def unknown_paths(condition: Condition, facts: Facts) -> Iterator[str]:
    """The missing facts that keep a condition unknown."""
    if condition.truth(facts) is not None:
        return
    if condition.parts:
        for part in condition.parts:
            yield from unknown_paths(part, facts)
    else:
        yield from (path for path in condition.paths if is_missing(facts, path))


def show(value: object, near: tuple[float, ...] = ()) -> str:
    """A fact value for people: yes or no, a list of words, or a number with at most one decimal.

    near: numbers it is held against; more decimals are shown where rounding would carry it onto or across one, or onto
    what such a number is rounded to.
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    if hasattr(value, "__float__"):
        return _number(float(value), near)
    if isinstance(value, tuple | list | set | frozenset):
        return ", ".join(sorted(str(item) for item in value)) or "none"
    return str(value)


def _number(value: float, near: tuple[float, ...]) -> str:
    for decimals in range(1, MOST_DECIMALS + 1):
        shown = f"{value:.{decimals}f}"
        if all(_tells(float(shown), value, bound, decimals) for bound in near):
            return shown.rstrip("0").removesuffix(".")
    return repr(value)


def _tells(shown: float, value: float, bound: float, decimals: int) -> bool:
    """Whether the number shown lies on the value's side of a bound, and of the bound as it may be shown itself."""
    if value == bound:
        return shown == bound or round(bound, MOST_DECIMALS) != bound
    against = (bound, float(f"{bound:.{decimals}f}"))
    return all(shown > one for one in against) if value > bound else all(shown < one for one in against)


def _value(facts: Facts, path: str) -> object:
    return facts.get(path, Unknown("not given"))


def _inputs_of(trace: Trace) -> Iterator[Input]:
    yield from trace.inputs
    for part in trace.parts:
        yield from _inputs_of(part)
