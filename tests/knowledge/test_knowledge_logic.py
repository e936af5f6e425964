"""Kleene logic: truth tables by hand, and random expressions against min, max and 1 - x on 0, 1/2, 1 (Kleene's own
arithmetic).
"""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glisson.case import Unknown
from glisson.errors import KnowledgeError
from glisson.knowledge.conditions import (
    AllOf,
    Always,
    AnyOf,
    Between,
    Compare,
    CompareFacts,
    Condition,
    Contains,
    Is,
    Known,
    Not,
)

A, B, C = (Is(path, ("yes",), False) for path in ("a", "b", "c"))
FACTS = {True: True, False: False, None: Unknown("not asked")}


@pytest.mark.parametrize(
    ("a", "b", "both", "either"),
    [
        (True, True, True, True), (True, None, None, True), (True, False, False, True),
        (None, True, None, True), (None, None, None, None), (None, False, False, None),
        (False, True, False, True), (False, None, False, None), (False, False, False, False),
    ],
)  # fmt: skip
def test_conjunction_and_disjunction(a, b, both, either):
    facts = {"a": FACTS[a], "b": FACTS[b]}
    assert AllOf((A, B)).truth(facts) is both
    assert AnyOf((A, B)).truth(facts) is either


@pytest.mark.parametrize(("a", "expected"), [(True, False), (False, True), (None, None)])
def test_negation(a, expected):
    assert Not(A).truth({"a": FACTS[a]}) is expected


def test_a_fact_left_out_is_unknown_too():
    assert A.truth({}) is None
    assert Known("a", False).truth({}) is False
    assert Known("a", True).truth({"a": Unknown("lost")}) is True
    assert Known("a", False).truth({"a": False}) is True
    assert Always().truth({}) is True


EXPRESSIONS = st.recursive(
    st.sampled_from([A, B, C]),
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(AllOf, st.lists(inner, min_size=1, max_size=3).map(tuple)),
        st.builds(AnyOf, st.lists(inner, min_size=1, max_size=3).map(tuple)),
    ),
    max_leaves=12,
)


def arithmetic(condition: Condition, numbers: dict[str, float]) -> float:
    """Kleene's truth value as a number."""
    if isinstance(condition, Not):
        return 1 - arithmetic(condition.inside, numbers)
    if isinstance(condition, AllOf):
        return min(arithmetic(part, numbers) for part in condition.inside)
    if isinstance(condition, AnyOf):
        return max(arithmetic(part, numbers) for part in condition.inside)
    return numbers[condition.paths[0]]


@given(EXPRESSIONS, st.tuples(*[st.sampled_from([True, False, None])] * 3))
def test_random_expressions_agree_with_kleenes_arithmetic(condition, values):
    facts = {name: FACTS[value] for name, value in zip("abc", values, strict=True)}
    numbers = {name: 0.5 if value is None else float(value) for name, value in zip("abc", values, strict=True)}
    assert condition.truth(facts) is {0.0: False, 0.5: None, 1.0: True}[arithmetic(condition, numbers)]


@given(EXPRESSIONS, st.tuples(*[st.sampled_from([True, False, None])] * 3))
def test_a_decided_expression_stays_so_whatever_the_missing_facts_turn_out_to_be(condition, values):
    facts = {name: FACTS[value] for name, value in zip("abc", values, strict=True)}
    truth = condition.truth(facts)
    if truth is not None:
        missing = [name for name, value in zip("abc", values, strict=True) if value is None]
        for guess in product([True, False], repeat=len(missing)):
            assert condition.truth({**facts, **dict(zip(missing, guess, strict=True))}) is truth


@pytest.mark.parametrize(
    ("op", "below", "at", "above"),
    [("<", True, False, False), ("<=", True, True, False), (">", False, False, True), (">=", False, True, True),
     ("==", False, True, False), ("!=", True, False, True)],
)  # fmt: skip
def test_every_operator_at_its_boundary(op, below, at, above):
    compare = Compare("x", op, 30.0, (30.0, "mm"))
    assert [compare.truth({"x": value}) for value in (29.999999, 30.0, 30.000001)] == [below, at, above]
    assert compare.truth({"x": 30}) is at
    facts = CompareFacts("x", op, "y")
    assert [facts.truth({"x": value, "y": 30.0}) for value in (29.999999, 30.0, 30.000001)] == [below, at, above]
    assert facts.truth({"x": 1.0}) is None


@pytest.mark.parametrize(
    ("opening", "closing", "expected"),
    [("[", "]", [False, True, True, True, False]), ("[", ")", [False, True, True, False, False]),
     ("(", "]", [False, False, True, True, False]), ("(", ")", [False, False, True, False, False])],
)  # fmt: skip
def test_every_interval_at_its_ends(opening, closing, expected):
    between = Between("x", opening, 3.0, 9.0, closing, ((3.0, None), (9.0, None)))
    assert [between.truth({"x": value}) for value in (2.9, 3, 5, 9, 9.1)] == expected


def test_words_and_sets():
    assert Is("x", ("a", "b"), False).truth({"x": "b"}) is True
    assert Is("x", ("a", "b"), True).truth({"x": "b"}) is False
    assert Is("x", ("no",), False).truth({"x": False}) is True
    assert Contains("x", "any", ("lung", "bone")).truth({"x": ("bone",)}) is True
    assert Contains("x", "all", ("lung", "bone")).truth({"x": ("bone",)}) is False
    assert Contains("x", "any", ("lung",)).truth({"x": ()}) is False
    assert Contains("x", "any", ("lung",)).truth({}) is None


@pytest.mark.parametrize("value", ["30", True, float("nan")])
def test_a_number_fact_that_is_no_number_is_refused(value):
    with pytest.raises(KnowledgeError, match="x"):
        Compare("x", "<", 30.0, (30.0, None)).truth({"x": value})


def test_none_is_not_a_way_to_say_missing():
    with pytest.raises(KnowledgeError, match=r"Unknown\(reason\)"):
        A.truth({"a": None})
