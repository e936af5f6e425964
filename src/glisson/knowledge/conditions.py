"""The closed language of `when`, in three-valued (Kleene) logic: true, false or unknown (None).

    burden.count <= 10                      compare a number; its unit, where the fact has one, must stand behind it
    lesion.longest_axial_mm between [30, 50) mm
    remnant.percent_standardised >= remnant.needed_percent
    liver.background is normal              a choice or a yes/no fact; also `is not`
    liver.background in {fibrosis, cirrhosis}
    extrahepatic.sites contains peritoneum  a set; also `contains any {a, b}` and `contains all {a, b}`
    biomarkers.ras is unknown               also `is known`; asks whether a fact is there, and is never unknown itself
    always                                  true

Nested in YAML as `all: [...]`, `any: [...]`, `not: ...`. Nothing else exists; anything more is a score function.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from glisson.knowledge.facts import is_missing, number_of

__all__ = [
    "AllOf",
    "Always",
    "AnyOf",
    "Between",
    "Compare",
    "CompareFacts",
    "Condition",
    "Contains",
    "Is",
    "Known",
    "Not",
]

Truth = bool | None
Facts = Mapping[str, object]

_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip


def quantity_text(quantity: tuple[float, str | None]) -> str:
    """A number with its unit."""
    number, unit = quantity
    return f"{number:.10g}{f' {unit}' if unit else ''}"


@dataclass(frozen=True, slots=True)
class Condition:
    """One part of a condition. `truth(facts)` is True, False or None (unknown); `parts` are the conditions inside."""

    def truth(self, facts: Facts) -> Truth:
        """True, False or None when the facts that are there do not decide it."""
        raise NotImplementedError

    @property
    def parts(self) -> tuple[Condition, ...]:
        """The conditions inside, in order."""
        return ()

    @property
    def paths(self) -> tuple[str, ...]:
        """Paths of the facts it reads itself (not those of its parts)."""
        return ()

    def leaves(self) -> Iterator[Condition]:
        """Every condition without parts, in order."""
        if self.parts:
            for part in self.parts:
                yield from part.leaves()
        else:
            yield self

    def numbers(self) -> tuple[tuple[float, str | None], ...]:
        """The numbers written in it with their units."""
        return ()

    def bounds(self, facts: Facts, path: str) -> tuple[float, ...]:
        """The numbers, in the unit of the fact, that it compares the fact of this path with."""
        del facts, path
        return ()


@dataclass(frozen=True, slots=True)
class Always(Condition):
    """Always true."""

    def truth(self, facts: Facts) -> Truth:
        """True."""
        del facts
        return True

    def __str__(self) -> str:
        return "always"


@dataclass(frozen=True, slots=True)
class Compare(Condition):
    """A number fact against a number (in the fact's unit; `written` is the same as the rule has it)."""

    path: str
    op: str
    number: float
    written: tuple[float, str | None]

    def truth(self, facts: Facts) -> Truth:
        """True, False or None."""
        if is_missing(facts, self.path):
            return None
        return _OPERATORS[self.op](number_of(self.path, facts[self.path]), self.number)

    @property
    def paths(self) -> tuple[str, ...]:
        """The fact compared."""
        return (self.path,)

    def numbers(self) -> tuple[tuple[float, str | None], ...]:
        """The threshold."""
        return (self.written,)

    def bounds(self, facts: Facts, path: str) -> tuple[float, ...]:
        """The threshold."""
        del facts, path
        return (self.number,)

    def __str__(self) -> str:
        return f"{self.path} {self.op} {quantity_text(self.written)}"


@dataclass(frozen=True, slots=True)
class CompareFacts(Condition):
    """A number fact against another number fact of the same unit."""

    path: str
    op: str
    other: str

    def truth(self, facts: Facts) -> Truth:
        """True, False or None."""
        if is_missing(facts, self.path) or is_missing(facts, self.other):
            return None
        return _OPERATORS[self.op](number_of(self.path, facts[self.path]), number_of(self.other, facts[self.other]))

    @property
    def paths(self) -> tuple[str, ...]:
        """Both facts."""
        return (self.path, self.other)

    def bounds(self, facts: Facts, path: str) -> tuple[float, ...]:
        """The other fact, where it is known: each is the other's threshold."""
        other = self.other if path == self.path else self.path
        return () if is_missing(facts, other) else (number_of(other, facts[other]),)

    def __str__(self) -> str:
        return f"{self.path} {self.op} {self.other}"


@dataclass(frozen=True, slots=True)
class Between(Condition):
    """A number fact inside an interval; [ ] include their end, ( ) do not."""

    path: str
    opening: str
    low: float
    high: float
    closing: str
    written: tuple[tuple[float, str | None], tuple[float, str | None]]

    def truth(self, facts: Facts) -> Truth:
        """True, False or None."""
        if is_missing(facts, self.path):
            return None
        value = number_of(self.path, facts[self.path])
        above = value >= self.low if self.opening == "[" else value > self.low
        return above and (value <= self.high if self.closing == "]" else value < self.high)

    @property
    def paths(self) -> tuple[str, ...]:
        """The fact compared."""
        return (self.path,)

    def numbers(self) -> tuple[tuple[float, str | None], ...]:
        """Both ends."""
        return self.written

    def bounds(self, facts: Facts, path: str) -> tuple[float, ...]:
        """Both ends."""
        del facts, path
        return (self.low, self.high)

    def __str__(self) -> str:
        (low, unit), (high, _) = self.written
        return f"{self.path} between {self.opening}{low:.10g}, {high:.10g}{self.closing}{f' {unit}' if unit else ''}"


@dataclass(frozen=True, slots=True)
class Is(Condition):
    """A choice or yes/no fact equal to one of some values (or, negated, to none of them)."""

    path: str
    values: tuple[str, ...]
    negated: bool

    def truth(self, facts: Facts) -> Truth:
        """True, False or None."""
        if is_missing(facts, self.path):
            return None
        value = facts[self.path]
        if isinstance(value, bool):
            value = "yes" if value else "no"
        return (value in self.values) != self.negated

    @property
    def paths(self) -> tuple[str, ...]:
        """The fact compared."""
        return (self.path,)

    def __str__(self) -> str:
        if len(self.values) == 1:
            return f"{self.path} is {'not ' if self.negated else ''}{self.values[0]}"
        return f"{self.path} {'not ' if self.negated else ''}in {{{', '.join(self.values)}}}"


@dataclass(frozen=True, slots=True)
class Contains(Condition):
    """A set fact that holds any, or all, of some values."""

    path: str
    mode: str
    values: tuple[str, ...]

    def truth(self, facts: Facts) -> Truth:
        """True, False or None."""
        if is_missing(facts, self.path):
            return None
        held = facts[self.path]
        found = [value in held for value in self.values]  # type: ignore[operator]
        return all(found) if self.mode == "all" else any(found)

    @property
    def paths(self) -> tuple[str, ...]:
        """The set."""
        return (self.path,)

    def __str__(self) -> str:
        if len(self.values) == 1:
            return f"{self.path} contains {self.values[0]}"
        return f"{self.path} contains {self.mode} {{{', '.join(self.values)}}}"


@dataclass(frozen=True, slots=True)
class Known(Condition):
    """Whether a fact is there at all; never unknown."""

    path: str
    negated: bool

    def truth(self, facts: Facts) -> Truth:
        """True or False."""
        return is_missing(facts, self.path) == self.negated

    @property
    def paths(self) -> tuple[str, ...]:
        """The fact asked for."""
        return (self.path,)

    def __str__(self) -> str:
        return f"{self.path} is {'unknown' if self.negated else 'known'}"


@dataclass(frozen=True, slots=True)
class AllOf(Condition):
    """True when every part is, false when any part is false, else unknown."""

    inside: tuple[Condition, ...]

    def truth(self, facts: Facts) -> Truth:
        """Kleene conjunction."""
        result: Truth = True
        for part in self.inside:
            truth = part.truth(facts)
            if truth is False:
                return False
            if truth is None:
                result = None
        return result

    @property
    def parts(self) -> tuple[Condition, ...]:
        """The conditions inside."""
        return self.inside

    def __str__(self) -> str:
        return "all of: " + "; ".join(f"({part})" if part.parts else str(part) for part in self.inside)


@dataclass(frozen=True, slots=True)
class AnyOf(Condition):
    """True when any part is, false when every part is false, else unknown."""

    inside: tuple[Condition, ...]

    def truth(self, facts: Facts) -> Truth:
        """Kleene disjunction."""
        result: Truth = False
        for part in self.inside:
            truth = part.truth(facts)
            if truth is True:
                return True
            if truth is None:
                result = None
        return result

    @property
    def parts(self) -> tuple[Condition, ...]:
        """The conditions inside."""
        return self.inside

    def __str__(self) -> str:
        return "any of: " + "; ".join(f"({part})" if part.parts else str(part) for part in self.inside)


@dataclass(frozen=True, slots=True)
class Not(Condition):
    """True when the part is false, false when it is true, else unknown."""

    inside: Condition

    def truth(self, facts: Facts) -> Truth:
        """Kleene negation."""
        truth = self.inside.truth(facts)
        return None if truth is None else not truth

    @property
    def parts(self) -> tuple[Condition, ...]:
        """The condition inside."""
        return (self.inside,)

    def __str__(self) -> str:
        return f"not ({self.inside})"
