"""Answers of rules: gates, exceptions, otherwise, first match, what is still open, words and traces."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from glisson.case import Unknown
from glisson.errors import KnowledgeError

TABLE = """
effect: value
table:
  - {when: p.liver is scarred, value: 40 %, text: much}
  - {when: p.size > 30 mm, value: 40 %, text: "also much"}
  - {when: "p.liver in {normal, fatty}", value: 20 %, text: "little, as size is {p.size} mm"}
"""


def test_a_rule_says_its_effect_when_it_holds_and_nothing_when_it_does_not(shelf):
    shelf.verdict("r", "eligible", "p.size <= 30 mm")
    kb = shelf.load()
    assert kb.evaluate("r", {"p.size": 30}).verdict == "eligible"
    assert kb.evaluate("r", {"p.size": 31}).verdict == "not met"
    open_answer = kb.evaluate("r", {"p.size": Unknown("not measured")})
    assert (open_answer.verdict, open_answer.needs, open_answer.is_decided) == ("undetermined", ("p.size",), False)
    assert open_answer.text == "Rule r: not decided; not known: size."


def test_otherwise_says_what_failing_the_criteria_means(shelf):
    shelf.verdict("r", "eligible", "p.size <= 30 mm", extra="otherwise: {effect: contraindicated, text: too large}\n")
    kb = shelf.load()
    answer = kb.evaluate("r", {"p.size": 31})
    assert (answer.verdict, answer.text, answer.source.id) == ("contraindicated", "too large", "doe")


def test_a_gate_makes_a_rule_one_for_other_patients(shelf):
    shelf.rule("r", "applies_to: {modality: cut, if: p.gene is mutated}\nwhen: p.a is yes\neffect: contraindicated")
    kb = shelf.load()
    assert kb.evaluate("r", {"p.gene": "wild", "p.a": True}).verdict == "not applicable"
    assert kb.evaluate("r", {"p.gene": "mutated", "p.a": True}).verdict == "contraindicated"
    assert kb.evaluate("r", {"p.a": True}).needs == ("p.gene",)
    assert kb.evaluate("r", {"p.a": False}).verdict == "not met"


def test_an_exception_silences_a_rule_and_says_why(shelf):
    extra = "exceptions:\n  - {when: p.b is yes, text: not in trials, source: doe, locator: abstract}\n"
    shelf.verdict("r", "contraindicated", "p.a is yes", extra=extra)
    kb = shelf.load()
    answer = kb.evaluate("r", {"p.a": True, "p.b": True})
    assert (answer.verdict, answer.text) == ("not applicable", "not in trials")
    assert kb.evaluate("r", {"p.a": True, "p.b": False}).verdict == "contraindicated"
    assert kb.evaluate("r", {"p.a": True}).needs == ("p.b",)
    assert kb.evaluate("r", {"p.a": False}).verdict == "not met"


def test_first_match_and_what_is_still_possible(shelf):
    shelf.rule("r", TABLE)
    kb = shelf.load()
    assert kb.evaluate("r", {"p.liver": "scarred"}).value == 40
    assert kb.evaluate("r", {"p.liver": "scarred"}).text == "much"
    small = kb.evaluate("r", {"p.liver": "normal", "p.size": 12.0})
    assert (small.value, small.unit, small.text) == (20, "%", "little, as size is 12 mm")
    open_answer = kb.evaluate("r", {"p.liver": "normal"})
    assert (open_answer.value, open_answer.possible_values, open_answer.needs) == (None, (20, 40), ("p.size",))


def test_a_missing_fact_that_cannot_change_the_answer_does_not_keep_it_open(shelf):
    shelf.rule("r", TABLE)
    answer = shelf.load().evaluate("r", {"p.size": 31})
    assert (answer.verdict, answer.value, answer.needs) == ("value", 40, ())
    assert answer.text == "also much"


VALUES = {"p.liver": ["normal", "fatty", "scarred"], "p.size": [10.0, 30.0, 31.0]}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.fixed_dictionaries({}, optional={path: st.sampled_from(values) for path, values in VALUES.items()}))
def test_a_decided_table_agrees_with_every_completion(shelf_of_table, facts):
    answer = shelf_of_table.evaluate("r", facts)
    missing = [path for path in VALUES if path not in facts]
    completions = product(*(VALUES[path] for path in missing))
    values = {
        shelf_of_table.evaluate("r", {**facts, **dict(zip(missing, guess, strict=True))}).value for guess in completions
    }
    if answer.is_decided:
        assert values == {answer.value}
    else:
        assert values <= set(answer.possible_values)
        assert set(answer.needs) <= set(missing)


@pytest.fixture
def shelf_of_table(shelf):
    shelf.rule("r", TABLE)
    return shelf.load()


def test_alerts_and_grades(shelf):
    shelf.rule("a", "effect: alert\nurgency: today\nwhen: p.a is yes", text="Call at once.")
    shelf.rule("g", 'effect: grade\nwhen: always\ngrade: "G2"')
    kb = shelf.load()
    alert = kb.evaluate("a", {"p.a": True})
    assert (alert.verdict, alert.urgency, alert.text) == ("alert", "today", "Call at once.")
    assert kb.evaluate("g", {}).value == "G2"


def test_trace_and_inputs_show_what_was_looked_at(shelf):
    shelf.verdict("r", "eligible", "{all: [p.size <= 30 mm, {not: p.a is yes}]}")
    answer = shelf.load().evaluate("r", {"p.size": 30.0, "p.a": Unknown("not asked")})
    assert [item.path for item in answer.inputs] == ["p.size", "p.a"]
    assert [str(item) for item in answer.inputs] == ["p.size: 30 mm", "p.a: unknown (not asked)"]
    lines = list(answer.trace[0].lines())
    assert lines[0] == "unknown all of: p.size <= 30 mm; (not (p.a is yes))"
    assert lines[1] == "  yes     p.size <= 30 mm   [p.size: 30 mm]"
    assert lines[-1] == "    unknown p.a is yes   [p.a: unknown (not asked)]"


def test_units_of_a_threshold_meet_those_of_the_fact_at_the_boundary(shelf):
    shelf.verdict("r", "eligible", "labs.bilirubin_umol_l <= 2 mg/dL")
    kb = shelf.load()
    from glisson.case import convert

    assert kb.evaluate("r", {"labs.bilirubin_umol_l": convert("bilirubin", 2, "mg/dL")}).verdict == "eligible"
    assert kb.evaluate("r", {"labs.bilirubin_umol_l": convert("bilirubin", 2.01, "mg/dL")}).verdict == "not met"
    assert str(kb.rule("r").rows[0].when) == "labs.bilirubin_umol_l <= 2 mg/dL"


def test_what_does_not_exist_is_named_with_what_is_near(shelf):
    shelf.verdict("margin", "eligible", "always")
    kb = shelf.load()
    with pytest.raises(KnowledgeError, match=r"There is no rule 'margins'\. Similar: margin"):
        kb.evaluate("margins", {})
    with pytest.raises(KnowledgeError, match=r"There is no source 'do'\. Similar: doe"):
        kb.source("do")
    with pytest.raises(KnowledgeError, match="There is no modality 'saw'"):
        kb.option("saw", {})


def test_evaluate_all_by_topic_and_modality(shelf):
    shelf.verdict("a", "eligible", "always")
    shelf.verdict("b", "relative", "always", modality="burn")
    shelf.rule("c", "effect: info\nwhen: always")
    kb = shelf.load()
    assert [answer.rule.id for answer in kb.evaluate_all({})] == ["a", "b", "c"]
    assert [answer.rule.id for answer in kb.evaluate_all({}, modality="burn")] == ["b"]
    assert [answer.rule.id for answer in kb.evaluate_all({}, topic="u")] == []


@pytest.mark.parametrize(
    ("value", "shown"),
    [(29.0, "29"), (29.44, "29.4"), (29.96, "29.96"), (30.0, "30"), (30.04, "30.04"), (30.2, "30.2")],
)
def test_a_number_is_never_rounded_onto_or_across_its_threshold(shelf, value, shown):
    other = "otherwise: {effect: relative, text: 'now {p.size} mm'}\n"
    shelf.verdict("r", "eligible", "p.size <= 30 mm", extra=other, text="now {p.size} mm")
    answer = shelf.load().evaluate("r", {"p.size": value})
    assert answer.text == f"now {shown} mm"
    assert any(f"p.size: {shown} mm" in line for step in answer.trace for line in step.lines())


def test_two_facts_are_told_apart_however_near_they_are(shelf):
    shelf.verdict("r", "eligible", "p.size <= p.limit", text="{p.size} of {p.limit} mm")
    assert shelf.load().evaluate("r", {"p.size": 29.96, "p.limit": 30.0}).text == "29.96 of 30 mm"


@pytest.mark.parametrize(
    ("size", "limit", "text"),
    [
        (61.93532987345538, 30.0, "61.9 of 30 mm"),
        (30.0, 61.93532987345538, "30 of 61.9 mm"),
        (39.96, 40.0, "39.96 of 40 mm"),
        (0.98, 1.03, "0.98 of 1.03 mm"),
        (61.93532987345538, 61.93532987345538, "61.9 of 61.9 mm"),
        (61.9353298, 61.9353299, "61.9353298 of 61.9353299 mm"),
    ],
)
def test_two_facts_are_shown_as_exactly_as_it_takes_to_tell_them_apart(shelf, size, limit, text):
    other = "otherwise: {effect: relative, text: '{p.size} of {p.limit} mm'}\n"
    shelf.verdict("r", "eligible", "p.size <= p.limit", extra=other, text="{p.size} of {p.limit} mm")
    assert shelf.load().evaluate("r", {"p.size": size, "p.limit": limit}).text == text
