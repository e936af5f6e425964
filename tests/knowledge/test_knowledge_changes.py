"""Counterfactuals are confirmed by asking again; missing facts are ranked by what they would decide."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


def test_the_smallest_change_of_one_number(shelf):
    shelf.verdict("r", "eligible", "p.size <= 30 mm")
    (change,) = shelf.load().counterfactual("r", {"p.size": 35.0})
    assert (change.path, change.to, change.relation, change.verdict) == ("p.size", 30.0, "at", ("eligible", None))
    assert change.text == "size: at 30 mm (now 35 mm)"
    shelf.verdict("r", "eligible", "p.size < 30 mm")
    (change,) = shelf.load().counterfactual("r", {"p.size": 35.0})
    assert (change.relation, change.bound, change.text) == ("below", 30.0, "size: below 30 mm (now 35 mm)")
    assert change.to < 30.0


def test_the_nearest_end_of_an_interval(shelf):
    shelf.verdict("r", "eligible", "p.size between [10, 30] mm")
    kb = shelf.load()
    assert kb.counterfactual("r", {"p.size": 12.0})[0].text == "size: below 10 mm (now 12 mm)"
    assert kb.counterfactual("r", {"p.size": 29.0})[0].text == "size: above 30 mm (now 29 mm)"


def test_age_and_genes_are_never_changed(shelf):
    shelf.verdict("r", "eligible", "{any: [p.age < 70 years, p.gene is wild, p.liver is normal]}")
    changes = shelf.load().counterfactual("r", {"p.age": 75.0, "p.gene": "mutated", "p.liver": "fatty"})
    assert [change.text for change in changes] == ["liver: normal (now fatty)"]


def test_one_fact_against_another(shelf):
    shelf.verdict("r", "eligible", "p.size <= p.limit")
    changes = shelf.load().counterfactual("r", {"p.size": 40.0, "p.limit": 30.0})
    assert {(change.path, change.to) for change in changes} == {("p.size", 30.0), ("p.limit", 40.0)}


def test_sets_change_by_one_word(shelf):
    shelf.verdict("r", "contraindicated", "p.sites contains bone")
    kb = shelf.load()
    assert kb.counterfactual("r", {"p.sites": ("bone", "lung")})[0].text == "sites: without bone (now bone, lung)"
    assert kb.counterfactual("r", {"p.sites": ()})[0].text == "sites: with bone (now none)"


def test_smaller_changes_come_first(shelf):
    shelf.verdict("r", "eligible", "{any: [p.size <= 30 mm, p.count <= 3, p.a is yes]}")
    changes = shelf.load().counterfactual("r", {"p.size": 31.0, "p.count": 10, "p.a": False})
    assert [change.path for change in changes] == ["p.size", "p.count", "p.a"]


def test_an_option_flips(shelf):
    shelf.verdict("yes", "eligible", "p.size <= 30 mm")
    shelf.verdict("stop", "contraindicated", "p.a is yes")
    kb = shelf.load()
    (change,) = kb.option_counterfactual("cut", {"p.size": 20.0, "p.a": True})
    assert (change.path, change.verdict) == ("p.a", "eligible")
    (change,) = kb.option_counterfactual("cut", {"p.size": 20.0, "p.a": False})
    assert (change.path, change.verdict) == ("p.a", "contraindicated")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    size=st.floats(0, 60),
    count=st.integers(0, 9),
    a=st.booleans(),
    liver=st.sampled_from(["normal", "fatty", "scarred"]),
)
def test_every_counterfactual_flips_when_asked_again(shelf, size, count, a, liver):
    when = "{any: [{all: ['p.size between (10, 30] mm', p.count < 5]}, {all: [p.a is yes, p.liver is not scarred]}]}"
    shelf.verdict("r", "eligible", when)
    kb = shelf.load()
    facts = {"p.size": size, "p.count": count, "p.a": a, "p.liver": liver}
    before = kb.evaluate("r", facts).verdict
    for change in kb.counterfactual("r", facts):
        after = kb.evaluate("r", {**facts, change.path: change.to}).verdict
        assert after == change.verdict[0] != before


def test_missing_facts_are_ranked_by_what_they_decide(shelf):
    shelf.verdict("one", "contraindicated", "p.a is yes")
    shelf.rule("two", "effect: alert\nurgency: days\nwhen: p.a is yes")
    shelf.rule("three", "effect: alert\nurgency: days\nwhen: {all: [p.a is yes, p.b is yes]}")
    shelf.rule("four", "effect: alert\nurgency: days\nwhen: p.size > 30 mm")
    shelf.rule("five", "effect: info\nwhen: p.count > 3")
    shelf.verdict("yes", "eligible", "always")
    gaps = shelf.load().missing({})
    assert [(gap.path, gap.decides, gap.may_decide) for gap in gaps] == [
        ("p.a", ("cut", "two"), ("three",)),
        ("p.size", ("four",), ()),
        ("p.b", (), ("three",)),
    ]


def test_nothing_missing_nothing_to_rank(shelf):
    shelf.rule("two", "effect: alert\nurgency: days\nwhen: p.a is yes")
    assert shelf.load().missing({"p.a": False}) == ()
