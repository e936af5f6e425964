"""The words of the letter as data: complete, readable, with a source, and none of them forbidden."""

from __future__ import annotations

import re

import pytest

from glisson.case import vocabulary as v
from glisson.knowledge import knowledge_base
from glisson.report.letter import letter_words, reading_level

WORDS = letter_words()
BASE = knowledge_base()

FORBIDDEN = [
    "We guarantee it.", "It is guaranteed!", "You will be cured", "a curative operation", "an incurable cancer",
    "Nothing can be done.", "there is nothing more we can do", "inoperable", "The cancer is unresectable",
    "terminal cancer",
    "end-stage", "there is no hope", "six months to live", "your life expectancy", "the median survival", "all cleared",
    "the optimal way", "it is proven", "this is safe", "The treatment failed you", "It is your own fault",
    "needle seeding",
    "8 Gy", "40 mg", "robust", "undetermined", "not verified: unverified", "5 % of people", "20 percent", "38.5 %",
]  # fmt: skip
ALLOWED = [
    "We care for you.", "Ask us.", "A safety net", "the failsafe", "It is not certain.", "Radiation",
    "a fever of 38 °C",
    "from 16 to 74 of every hundred people", "a secure place", "This medicine can stop working.", "gymnastics",
]  # fmt: skip


def hits(text: str) -> list[str]:
    return [match.group() for item in WORDS.forbidden for match in item.pattern.finditer(text)]


@pytest.mark.parametrize("text", FORBIDDEN)
def test_a_forbidden_word_is_found_in_any_case(text):
    assert hits(text)
    assert hits(text.upper()) or any(unit in text for unit in ("Gy", "mg"))


@pytest.mark.parametrize("text", ALLOWED)
def test_a_common_word_is_not_taken_for_a_forbidden_one(text):
    assert hits(text) == []


def test_every_forbidden_word_says_why_and_only_cure_can_be_lifted():
    assert all(item.why for item in WORDS.forbidden)
    assert {item.unless for item in WORDS.forbidden} == {"", "cure"}


def sentences() -> dict[str, str]:
    """Every sentence of the file by a name."""
    by_key = {f"{name}.{key}": text for name, part in WORDS.by_key.items() for key, text in part.items()}
    lists = {"calls": WORDS.calls, "bring": WORDS.bring, "survival": WORDS.survival}
    by_list = {f"{name}[{n}]": item.text for name, part in lists.items() for n, item in enumerate(part)}
    terms = {f"glossary[{n}]": term.sentence for n, term in enumerate(WORDS.glossary)}
    return {**by_key, **by_list, **terms}


def test_no_sentence_has_a_forbidden_word():
    found = {name: hits(text) for name, text in sentences().items() if hits(text)}
    assert found == {"aims.cure": ["cure"]}


def test_the_sentences_are_easy_to_read():
    whole = {name: text for name, text in sentences().items() if text.endswith((".", "?"))}
    assert reading_level(whole.values()).grade <= 6
    longest = {name: max(len(s.split()) for s in re.split(r"[.?!] ", text)) for name, text in whole.items()}
    assert {name: n for name, n in longest.items() if n > 25} == {}


def test_every_confirmed_verdict_of_a_rule_has_words_for_a_patient():
    reasons = WORDS.by_key["reasons"]
    silent = {
        f"{rule.id}@{row.outcome.effect}"
        for rule in BASE.rules.values()
        for row in rule.rows
        if rule.modalities
        and row.outcome.effect in ("eligible", "relative", "contraindicated")
        and row.outcome.status == "verified"
        and not (reasons.get(f"{rule.id}@{row.outcome.effect}") or reasons.get(rule.id) or row.outcome.plain)
    }
    assert silent == set()


def test_words_stand_for_rules_and_sources_that_exist():
    for key in WORDS.by_key["reasons"]:
        rule, _, effect = key.partition("@")
        assert rule in BASE.rules
        assert not effect or effect in {row.outcome.effect for row in BASE.rules[rule].rows}
    assert {rule for item in WORDS.calls for rule in item.rules} <= set(BASE.rules)
    assert all(item.rules for item in WORDS.calls)
    named = {name for item in (*WORDS.calls, *WORDS.survival) for name in item.treatments}
    assert named | {*WORDS.kept_apart, *WORDS.not_a_choice} <= set(BASE.modalities)
    assert [path for path in WORDS.by_key["missing"] if path not in BASE.facts] == []


def test_words_cover_what_a_case_may_hold():
    keys = {name: set(part) for name, part in WORDS.by_key.items()}
    assert keys["sites"] == set(v.PRIMARY_SITES) - {"unknown-primary", "other"}
    assert keys["elsewhere"] == set(v.EXTRAHEPATIC_SITES)
    assert keys["had"] == set(v.TREATMENTS) - {"other"}
    assert keys["goals"] == set(v.GOALS) - {"other"}
    assert keys["aims"] == set(v.INTENTS)
    assert keys["effects"] == {modality.effect for modality in BASE.modalities.values()}
    assert {site for item in (*WORDS.calls, *WORDS.survival) for site in item.sites} <= set(v.PRIMARY_SITES)


def test_survival_is_a_range_of_a_named_group_and_its_numbers_stand_in_the_source():
    for item in WORDS.survival:
        source = BASE.source(item.source)
        known = {value for entry in source.numbers for value, _ in entry.quantities}
        numbers = [float(number) for number in re.findall(r"\d+(?:\.\d+)?", item.text)]
        assert numbers
        assert set(numbers) <= known
        assert "from " in item.text
        assert "people" in item.text
        assert source.verified
        assert item.sites
        assert item.treatments


def test_numbers_of_the_calls_stand_in_the_sources_of_their_rules():
    for item in WORDS.calls:
        sources = [BASE.source(row.outcome.source) for rule in item.rules for row in BASE.rules[rule].rows]
        known = {value for source in sources for entry in source.numbers for value, _ in entry.quantities}
        assert {float(number) for number in re.findall(r"\d+", item.text)} <= known
