"""The tests that lie beside rules and scores: read, run, and asked whether they cover their subject.

Every threshold needs a case below, at and above it; every condition one in which it holds and one in which it does not;
every fact one in which it is missing; every outcome one that reaches it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from glisson.errors import GlissonError
from glisson.knowledge.answers import Answer, ask
from glisson.knowledge.base import KnowledgeBase
from glisson.knowledge.conditions import Always, Between, Compare, CompareFacts, Condition
from glisson.knowledge.facts import FactSpec, is_missing, number_of
from glisson.knowledge.rules import EFFECTS, Rule
from glisson.knowledge.scores import ScoreResult, ScoreSpec, compute
from glisson.knowledge.store import load_section
from glisson.knowledge.strict_yaml import Section
from glisson.knowledge.units import in_unit

__all__ = ["CaseResult", "facts_of_cases", "run_rule_tests", "run_score_tests"]

MISSING = "missing"
"""Written in a test for a fact or input that is not there."""

VERDICTS_IN_TESTS = (*EFFECTS, "undetermined", "not met", "not applicable")
"""What a test may expect of a rule."""


@dataclass(frozen=True)
class CaseResult:
    """Problems found by the tests of one rule or score, and how many cases were run."""

    cases: int
    problems: tuple[str, ...]


def run_rule_tests(kb: KnowledgeBase, rule: Rule, file: str) -> CaseResult:
    """Run the cases of a rule's test file. Raises KnowledgeError when the file is malformed."""
    section = load_section(kb.root, file)
    _require_subject(section, "rule", rule.id)
    base = _facts(section.section("base"), kb)
    problems: list[str] = []
    given: list[Mapping[str, object]] = []
    entries = section.sections("cases")
    section.done()
    for entry in entries:
        name = entry.text("name")
        facts = {
            path: value for path, value in {**base, **_facts(entry.section("given"), kb)}.items() if value != MISSING
        }
        given.append(facts)
        answer = ask(rule, facts, kb.sources, kb.facts)
        problems += [f"case '{name}': {problem}" for problem in _compare_answer(entry, answer)]
        entry.done()
    return CaseResult(len(entries), (*problems, *_uncovered(rule, given)))


def facts_of_cases(kb: KnowledgeBase, file: str) -> tuple[tuple[str, dict[str, object]], ...]:
    """The name and facts of each case of a rule's test file. Raises KnowledgeError when the file is malformed."""
    section = load_section(kb.root, file)
    base = _facts(section.section("base"), kb)
    return tuple(
        (
            entry.text("name"),
            {path: value for path, value in {**base, **_facts(entry.section("given"), kb)}.items() if value != MISSING},
        )
        for entry in section.sections("cases")
    )


def _require_subject(section: Section, kind: str, name: str) -> None:
    subject = section.text(kind)
    if subject != name:
        raise section.wrong(f"this file tests {kind} '{name}'; given '{subject}'.", kind)


def _facts(section: Section, kb: KnowledgeBase) -> dict[str, object]:
    facts: dict[str, object] = {}
    for path in section.data:
        spec = kb.facts.get(path)
        if spec is None:
            raise section.wrong(f"there is no fact '{path}'.{kb.facts.near(path)}", path)
        facts[path] = _value(section.raw(path), spec, section)
    return facts


def _value(raw: object, spec: FactSpec, section: Section) -> object:
    if raw == MISSING:
        return MISSING
    if spec.kind == "number":
        if isinstance(raw, str) and " " in raw:
            number, unit = raw.split(" ", 1)
            return in_unit(float(number), unit, spec.unit, spec.path)
        if isinstance(raw, int | float) and not isinstance(raw, bool):
            return float(raw)
    elif spec.kind == "flag" and raw in ("yes", "no", True, False):
        return raw in ("yes", True)
    elif spec.kind == "set" and isinstance(raw, list) and all(item in spec.values for item in raw):
        return tuple(raw)
    elif spec.kind in ("text", "date") or (spec.kind == "choice" and raw in spec.values):
        return raw
    expected = {"number": "a number", "flag": "yes or no"}.get(spec.kind, ", ".join(spec.values))
    raise section.wrong(f"{raw!r} is not a value of {spec.path}; expected {expected}, or missing.", spec.path)


def _compare_answer(entry: Section, answer: Answer) -> Iterator[str]:
    expected = entry.choice("expect", VERDICTS_IN_TESTS)
    if answer.verdict != expected:
        yield f"expected {expected}, found {answer.verdict}"
    if expected in ("value", "grade"):
        value = entry.number("value") if expected == "value" else entry.text("grade")
        if answer.value != value:
            yield f"expected {value}, found {answer.value}"
    if entry.has("urgency") and answer.urgency != entry.text("urgency"):
        yield f"expected the urgency {entry.text('urgency')}, found {answer.urgency or 'none'}"
    if entry.has("needs") and set(answer.needs) != set(entry.texts("needs")):
        yield f"expected to need {', '.join(entry.texts('needs'))}, found {', '.join(answer.needs) or 'nothing'}"


def _uncovered(rule: Rule, given: list[Mapping[str, object]]) -> Iterator[str]:
    for path in rule.needs:
        if not any(is_missing(facts, path) for facts in given):
            yield f"no case in which {path} is missing"
    leaves = dict.fromkeys(leaf for condition in rule.conditions for leaf in condition.leaves())
    for leaf in leaves:
        yield from _uncovered_leaf(leaf, given)
    for row in rule.rows:
        if not any(_reaches(rule, row.when, facts) for facts in given):
            yield f"no case reaches the outcome of '{row.when}'"


def _uncovered_leaf(leaf: Condition, given: list[Mapping[str, object]]) -> Iterator[str]:
    if isinstance(leaf, Always):
        return
    for truth, words in ((True, "holds"), (False, "does not hold")):
        if not any(leaf.truth(facts) is truth for facts in given):
            yield f"no case in which '{leaf}' {words}"
    sides: list[tuple[float, float]] = []
    for facts in (facts for facts in given if not any(is_missing(facts, path) for path in leaf.paths)):
        if isinstance(leaf, Compare):
            sides.append((number_of(leaf.path, facts[leaf.path]), leaf.number))
        elif isinstance(leaf, Between):
            value = number_of(leaf.path, facts[leaf.path])
            sides += [(value, leaf.low), (value, leaf.high)]
        elif isinstance(leaf, CompareFacts):
            difference = number_of(leaf.path, facts[leaf.path]) - number_of(leaf.other, facts[leaf.other])
            sides.append((difference, 0.0))
    for bound in dict.fromkeys(bound for _, bound in sides):
        values = [value for value, of in sides if of == bound]
        found = {"below": min(values) < bound, "at": bound in values, "above": max(values) > bound}
        for where in (word for word, there in found.items() if not there):
            yield f"no case {where} the threshold of '{leaf}'" + (f" ({bound:g})" if isinstance(leaf, Between) else "")


def _reaches(rule: Rule, when: Condition, facts: Mapping[str, object]) -> bool:
    """Whether the row of that condition is the first to match."""
    first = next((row.when for row in rule.rows if row.when.truth(facts) is not False), None)
    return first is when and when.truth(facts) is True


def run_score_tests(kb: KnowledgeBase, spec: ScoreSpec, file: str) -> CaseResult:
    """Run the cases of a score's test file. Raises KnowledgeError when the file is malformed."""
    section = load_section(kb.root, file)
    _require_subject(section, "score", spec.id)
    entries = section.sections("cases")
    section.done()
    problems: list[str] = []
    results: list[ScoreResult] = []
    for entry in entries:
        name = entry.text("name")
        inputs = {key: value for key, value in entry.section("given").data.items() if value != MISSING}
        try:
            result = compute(spec, inputs)
        except GlissonError as error:
            problems.append(f"case '{name}': {error}")
            continue
        results.append(result)
        problems += [f"case '{name}': {problem}" for problem in _compare_score(entry, result)]
        entry.done()
    return CaseResult(len(entries), (*problems, *_uncovered_score(spec, results)))


def _compare_score(entry: Section, result: ScoreResult) -> Iterator[str]:
    if entry.has("missing"):
        if set(entry.texts("missing")) != set(result.missing):
            wanted, found = ", ".join(entry.texts("missing")), ", ".join(result.missing) or "nothing"
            yield f"expected {wanted} to be missing, found {found}"
        return
    expected, within = entry.number("expect"), entry.number("within", 0.0)
    if result.value is None:
        yield f"expected {expected:g}, but these are missing: {', '.join(result.missing)}"
    elif abs(result.value - expected) > within:
        yield f"expected {expected:g} within {within:g}, found {result.value!r}"
    for key, given in (("group", result.group), ("printed", result.printed)):
        if entry.has(key) and entry.text(key) != given:
            yield f"expected the {key} {entry.text(key)}, found {given}"


BOUNDARY = 1e-6
"""A score this close to a group's boundary counts as a case at the boundary (a root or logarithm seldom lands on it
exactly).
"""


def _uncovered_score(spec: ScoreSpec, results: list[ScoreResult]) -> Iterator[str]:
    for item in spec.inputs:
        if not any(item.name in result.missing for result in results):
            yield f"no case in which the input {item.name} is missing"
    values = [result.value for result in results if result.value is not None]
    for group in spec.groups:
        if not any(result.group == group.name for result in results):
            yield f"no case in the group {group.name}"
        for bound in (b for leaf in group.when.leaves() for b in _bounds_of_value(leaf)):
            near = [abs(value - bound) <= BOUNDARY for value in values]
            found = {"below": any(v < bound for v in values), "at": any(near), "above": any(v > bound for v in values)}
            for where in (word for word, there in found.items() if not there):
                yield f"no case {where} the boundary {bound:g} of the group {group.name}"


def _bounds_of_value(leaf: Condition) -> tuple[float, ...]:
    if leaf.paths != ("value",):
        return ()
    if isinstance(leaf, Compare):
        return (leaf.number,)
    return (leaf.low, leaf.high) if isinstance(leaf, Between) else ()
