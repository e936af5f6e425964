"""What would change a verdict, and what would decide it.

A counterfactual is the smallest change of one input that flips a verdict. Its candidates come from the comparisons of
the rules themselves (each threshold, just below it, just above it; each other word), and each is confirmed by asking
again. Facts marked `fixed` (age, sex, genes, what has happened) are never changed. Missing facts are ranked by the
verdicts that they alone would decide.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from glisson.knowledge.answers import show
from glisson.knowledge.conditions import Between, Compare, CompareFacts, Condition, Contains
from glisson.knowledge.facts import FactSpec, FactTable, is_missing, number_of

__all__ = ["Change", "Gap", "Question", "candidates", "changes", "rank_missing"]

Facts = Mapping[str, object]


@dataclass(frozen=True)
class Change:
    """One input, changed alone, that flips a verdict.

    value: as it is. to: a value that flips it. bound and relation: what to print, such as "below" 30; relation "is" for
    words. verdict: what it flips to. size: relative size of the change, 0 to 1 and above; words count as 1.
    """

    path: str
    value: object
    to: object
    relation: str
    bound: object
    verdict: Hashable
    size: float
    text: str


@dataclass(frozen=True)
class Gap:
    """A missing fact. decides: verdicts it would settle whatever its value. may_decide: those it could settle."""

    path: str
    title: str
    decides: tuple[str, ...]
    may_decide: tuple[str, ...]


@dataclass(frozen=True)
class Question:
    """A verdict that can be asked of any facts.

    ask: facts -> the verdict, or None while it is undetermined. conditions: of every rule behind it. needs: facts
    missing now.
    """

    name: str
    ask: Callable[[Facts], Hashable | None]
    conditions: tuple[Condition, ...]
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Candidate:
    value: object
    relation: str
    bound: object


def candidates(path: str, spec: FactSpec, conditions: Iterable[Condition], facts: Facts) -> tuple[_Candidate, ...]:
    """Values of a fact between which the conditions can tell a difference."""
    leaves = [leaf for condition in conditions for leaf in condition.leaves() if path in leaf.paths]
    if spec.kind == "number":
        bounds = sorted({bound for leaf in leaves for bound in _bounds(leaf, path, facts)})
        return tuple(item for bound in bounds for item in _around(bound))
    if spec.kind == "flag":
        return _Candidate(True, "is", "yes"), _Candidate(False, "is", "no")
    if spec.kind == "choice":
        return tuple(_Candidate(value, "is", value) for value in spec.values)
    if spec.kind == "set":
        named = sorted({value for leaf in leaves if isinstance(leaf, Contains) for value in leaf.values})
        return tuple(_sets(named, () if is_missing(facts, path) else facts[path]))
    return ()


def _bounds(leaf: Condition, path: str, facts: Facts) -> Iterator[float]:
    if isinstance(leaf, Compare):
        yield leaf.number
    elif isinstance(leaf, Between):
        yield from (leaf.low, leaf.high)
    elif isinstance(leaf, CompareFacts):
        other = leaf.other if path == leaf.path else leaf.path
        if other != path and not is_missing(facts, other):
            yield number_of(other, facts[other])


def _around(bound: float) -> tuple[_Candidate, ...]:
    return (
        _Candidate(math.nextafter(bound, -math.inf), "below", bound),
        _Candidate(bound, "at", bound),
        _Candidate(math.nextafter(bound, math.inf), "above", bound),
    )


def _sets(named: list[str], held: object) -> Iterator[_Candidate]:
    now = frozenset(held) if isinstance(held, Iterable) else frozenset()
    for value in named:
        if value in now:
            yield _Candidate(tuple(sorted(now - {value})), "without", value)
        else:
            yield _Candidate(tuple(sorted(now | {value})), "with", value)
    yield _Candidate((), "is", "none")


def changes(question: Question, facts: Facts, table: FactTable) -> tuple[Change, ...]:
    """For each known input that may change, its smallest change alone that flips the verdict; the smallest change
    first.
    """
    now = question.ask(facts)
    paths = dict.fromkeys(path for c in question.conditions for leaf in c.leaves() for path in leaf.paths)
    found = []
    for path in paths:
        if table[path].change == "fixed" or is_missing(facts, path):
            continue
        flips = [
            _change(table[path], facts[path], item, after)
            for item in candidates(path, table[path], question.conditions, facts)
            if (after := question.ask({**facts, path: item.value})) not in (now, None)
        ]
        if flips:
            found.append(min(flips, key=lambda change: (change.size, str(change.bound))))
    return tuple(sorted(found, key=lambda change: (change.size, change.path)))


def _change(spec: FactSpec, value: object, item: _Candidate, verdict: Hashable) -> Change:
    unit = f" {spec.unit}" if spec.unit else ""
    name = spec.title or spec.path
    if spec.kind != "number":
        instead = show(item.bound) if item.relation == "is" else f"{item.relation} {item.bound}"
        text = f"{name}: {instead} (now {show(value)})"
        return Change(spec.path, value, item.value, item.relation, item.bound, verdict, 1.0, text)
    number, to = number_of(spec.path, value), number_of(spec.path, item.value)
    scale = max(abs(number), abs(to))
    size = abs(to - number) / scale if scale else 0.0
    bound = number_of("", item.bound)
    text = f"{name}: {item.relation} {bound:.10g}{unit} (now {show(value, (bound,))}{unit})"
    return Change(spec.path, value, item.value, item.relation, item.bound, verdict, size, text)


def rank_missing(questions: Iterable[Question], facts: Facts, table: FactTable) -> tuple[Gap, ...]:
    """The missing facts that keep verdicts open: those that would surely decide most verdicts first."""
    surely: dict[str, list[str]] = {}
    perhaps: dict[str, list[str]] = {}
    for question in questions:
        for path in question.needs:
            values = candidates(path, table[path], question.conditions, facts)
            decided = [question.ask({**facts, path: item.value}) is not None for item in values]
            surely.setdefault(path, [])
            perhaps.setdefault(path, [])
            if decided and all(decided):
                surely[path].append(question.name)
            elif any(decided):
                perhaps[path].append(question.name)
    gaps = (Gap(path, table[path].title or path, tuple(surely[path]), tuple(perhaps[path])) for path in surely)
    return tuple(sorted(gaps, key=lambda gap: (-len(gap.decides), -len(gap.may_decide), gap.path)))
