"""From rules to one option: what is unconfirmed never opens a door and never closes one for good; conflicts stay side
by side.
"""

from __future__ import annotations

import pytest


def verdict(shelf, facts, lesions=None, modality="cut"):
    return shelf.load().option(modality, facts, lesions)[0]


def test_a_verified_rule_makes_eligible(shelf):
    shelf.verdict("yes", "eligible", "p.a is yes")
    assert verdict(shelf, {"p.a": True}).verdict == "eligible"
    option = verdict(shelf, {"p.a": False})
    assert (option.verdict, option.why) == ("undetermined", "No rule here makes it eligible.")
    assert verdict(shelf, {}).needs == ("p.a",)


def test_an_unverified_rule_never_makes_eligible(shelf):
    shelf.verdict("yes", "eligible", "always", status="unverified")
    option = verdict(shelf, {})
    assert (option.verdict, option.why) == ("undetermined", "Only an unverified rule speaks for it.")
    assert [answer.rule.id for answer in option.unconfirmed] == ["yes"]


def test_a_verified_stop_wins(shelf):
    shelf.verdict("yes", "eligible", "always")
    shelf.verdict("caution", "relative", "always")
    shelf.verdict("stop", "contraindicated", "p.a is yes", text="No: because.")
    option = verdict(shelf, {"p.a": True})
    assert (option.verdict, option.why) == ("contraindicated", "No: because.")
    assert [answer.rule.id for answer in option.reasons] == ["stop", "caution", "yes"]


def test_an_unverified_stop_turns_eligible_into_undetermined(shelf):
    shelf.verdict("yes", "eligible", "always")
    shelf.verdict("stop", "contraindicated", "p.a is yes", status="unverified", text="Perhaps not.")
    option = verdict(shelf, {"p.a": True})
    assert (option.verdict, option.why) == ("undetermined", "Stop not yet confirmed: Perhaps not.")
    assert verdict(shelf, {"p.a": False}).verdict == "eligible"


def test_a_stop_that_cannot_be_excluded_keeps_it_open(shelf):
    shelf.verdict("yes", "eligible", "always")
    shelf.verdict("stop", "contraindicated", "p.a is yes")
    option = verdict(shelf, {})
    assert (option.verdict, option.needs) == ("undetermined", ("p.a",))


@pytest.mark.parametrize(("a", "expected"), [(True, "relative"), (False, "eligible"), (None, "undetermined")])
def test_a_caution(shelf, a, expected):
    shelf.verdict("yes", "eligible", "always")
    shelf.verdict("caution", "relative", "p.a is yes")
    assert verdict(shelf, {} if a is None else {"p.a": a}).verdict == expected


def test_sources_that_disagree_are_shown_side_by_side(shelf):
    shelf.source("roe")
    shelf.verdict("yes", "eligible", "always", extra="conflicts_with: [stop]\n", text="It works.")
    shelf.verdict("stop", "contraindicated", "always", extra="conflicts_with: [yes]\n", source="roe", text="It harms.")
    option = verdict(shelf, {})
    assert option.verdict == "undetermined"
    assert option.why == "Sources disagree: roe: It harms. — doe: It works."
    assert {(c.one.rule.id, c.other.rule.id) for c in option.conflicts} == {("stop", "yes")}


def test_an_unverified_rule_cannot_dispute_a_verified_stop(shelf):
    shelf.verdict("yes", "eligible", "always", extra="conflicts_with: [stop]\n", status="unverified")
    shelf.verdict("stop", "contraindicated", "always", extra="conflicts_with: [yes]\n")
    assert verdict(shelf, {}).verdict == "contraindicated"


def test_an_undisputed_stop_stands_beside_a_disputed_one(shelf):
    shelf.verdict("yes", "eligible", "always", extra="conflicts_with: [stop]\n")
    shelf.verdict("stop", "contraindicated", "always", extra="conflicts_with: [yes]\n")
    shelf.verdict("other", "contraindicated", "always")
    assert verdict(shelf, {}).verdict == "contraindicated"


def test_a_modality_judged_by_lesion(shelf):
    shelf.rule("small", "applies_to: {modality: burn, scope: lesion}\nwhen: lesion.size <= 30 mm\neffect: eligible")
    shelf.verdict("stop", "contraindicated", "p.a is yes", modality="burn")
    kb = shelf.load()
    lesions = {"L1": {"lesion.size": 20.0}, "L2": {"lesion.size": 40.0}}
    options = {option.scope: option.verdict for option in kb.option("burn", {"p.a": False}, lesions)}
    assert options == {"patient": "eligible", "L1": "eligible", "L2": "undetermined"}
    options = {option.scope: option.verdict for option in kb.option("burn", {"p.a": True}, lesions)}
    assert options == {"patient": "contraindicated", "L1": "contraindicated", "L2": "contraindicated"}
    assert [option.scope for option in kb.option("burn", {"p.a": False})] == ["patient"]


def test_options_come_in_the_order_of_the_list(shelf):
    shelf.verdict("b", "eligible", "always", modality="burn")
    shelf.verdict("a", "eligible", "always")
    assert [(option.modality, option.verdict) for option in shelf.load().options({})] == [
        ("cut", "eligible"),
        ("burn", "eligible"),
    ]
