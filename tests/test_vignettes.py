"""Whole patients without images against verdicts written from medicine, most before the rules (each file says).

The oracle is `expected.yaml` in each folder below `vignettes`: every expectation carries its clinical reason and what
it rests on. An expectation about a treatment of which no rule speaks fails: silence is not a verdict.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

import glisson as g
from glisson.assessment import all_facts, facts_of_lesions
from glisson.case import Unknown
from glisson.knowledge import Answer, Option, knowledge_base

FOLDER = Path(__file__).parent / "vignettes"
NAMES = sorted(path.name for path in FOLDER.iterdir() if path.is_dir())
KEYS = {
    "options": {"modality", "verdict", "not", "names", "reason", "rests_on", "note"},
    "alerts": {"about", "urgency", "reason", "rests_on", "note"},
    "staging": {"value", "reason", "rests_on", "note"},
    "scores": {"score", "group", "reason", "rests_on", "note"},
    "missing": {"fact", "reason", "note"},
    "no_alert_today": {"reason"},
    "eligible_only": {"modalities", "reason"},
}
VERDICTS = {"eligible", "relative", "contraindicated", "undetermined"}


@dataclass(frozen=True, eq=False)
class Patient:
    """One vignette as the software sees it."""

    facts: Mapping[str, object]
    options: Mapping[str, Option]
    answers: tuple[Answer, ...]


@cache
def patient(name: str) -> Patient:
    case, scene = g.read_case(FOLDER / name)
    found = g.assess(case, scene)
    facts = all_facts(found)
    base = knowledge_base()
    options = base.options(facts, facts_of_lesions(found))
    return Patient(facts, {o.modality: o for o in options if o.scope == "patient"}, found.answers)


@cache
def expected(name: str) -> dict[str, Any]:
    return yaml.safe_load((FOLDER / name / "expected.yaml").read_text(encoding="utf-8"))


def every(kind: str) -> list[Any]:
    return list(_every(kind))


def _every(kind: str) -> Iterator[Any]:
    for name in NAMES:
        for item in expected(name).get(kind, []):
            told = item.get("modality") or item.get("about") or item.get("value") or item.get("score") or item["fact"]
            label = "+".join(told) if isinstance(told, list) else told
            yield pytest.param(name, item, id=f"{name}-{label}{'-not' if 'not' in item else ''}")


def single(kind: str) -> list[Any]:
    return [pytest.param(name, expected(name)[kind], id=name) for name in NAMES if kind in expected(name)]


def mismatch(name: str, item: Mapping[str, Any], found: str) -> str:
    """What a reviewer needs to judge who is right: the patient, the expectation with its reason, and our reasons."""
    told = "\n".join(f"  {key}: {value}" for key, value in item.items())
    return f"\n{name}\nexpected\n{told}\nfound\n{found}"


def in_words(option: Option | None, modality: str) -> str:
    if option is None:
        return f"  {modality}: no rule speaks of it"
    lines = [f"  {modality}: {option.verdict} ({option.why})"]
    for reason in option.reasons:
        lines.append(f"    {reason.verdict} [{reason.rule.id}, {reason.status}] {reason.text}")
    return "\n".join(lines)


@pytest.mark.parametrize("name", NAMES)
def test_expectations_are_well_formed(name):
    told = expected(name)
    assert set(told) <= set(KEYS), f"{name}: unknown part of expected.yaml"
    assert 6 <= len(told["options"]) <= 12
    for kind, part in told.items():
        for item in part if isinstance(part, list) else [part]:
            assert set(item) <= KEYS[kind], f"{name}, {kind}: {item}"
            assert item["reason"].strip()
    for item in told["options"]:
        assert ("verdict" in item) != ("not" in item)
        assert item.get("verdict", item.get("not")) in VERDICTS
        assert item["rests_on"].strip()


@pytest.mark.parametrize(("name", "item"), every("options"))
def test_option(name, item):
    told = item["modality"]
    modalities = told if isinstance(told, list) else [told]
    options = [patient(name).options.get(modality) for modality in modalities]
    found = "\n".join(in_words(option, modality) for option, modality in zip(options, modalities, strict=True))
    verdicts = {option.verdict for option in options if option is not None}
    if "verdict" in item:
        assert item["verdict"] in verdicts, mismatch(name, item, found)
        assert _names(options, item.get("names", "")), mismatch(name, item, found)
    else:
        assert None not in options, mismatch(name, item, found)
        assert item["not"] not in verdicts, mismatch(name, item, found)


def _names(options: list[Option | None], word: str) -> bool:
    """Whether a stop or caution that holds, or a reason for it, has the word: the verdict must stand for its reason."""
    said = [a for option in options if option for a in option.reasons if a.verdict != "undetermined"]
    return not word or any(word.casefold() in answer.text.casefold() for answer in said)


@pytest.mark.parametrize(("name", "item"), every("alerts"))
def test_alert(name, item):
    raised = [answer for answer in patient(name).answers if answer.verdict == "alert"]
    about = [answer for answer in raised if item["about"] in answer.rule.id]
    found = "\n".join(f"  alert {a.rule.id} ({a.urgency}): {a.text}" for a in raised) or "  no alert"
    wanted = item.get("urgency")
    assert any(wanted in (None, answer.urgency) for answer in about), mismatch(name, item, found)


@pytest.mark.parametrize(("name", "item"), single("no_alert_today"))
def test_no_alert_today(name, item):
    raised = [a for a in patient(name).answers if a.verdict == "alert" and a.urgency == "today"]
    assert not raised, mismatch(name, item, "\n".join(f"  alert {a.rule.id}: {a.text}" for a in raised))


@pytest.mark.parametrize(("name", "item"), every("staging"))
def test_staging(name, item):
    said = [a for a in patient(name).answers if a.rule.topic == "staging" and a.is_decided and a.value is not None]
    word = re.compile(rf"\b{re.escape(item['value'])}\b")
    found = "\n".join(f"  {a.rule.id}: {a.value} ({a.text})" for a in said) or "  no stage"
    assert any(word.search(f"{a.value} {a.text}") for a in said), mismatch(name, item, found)


@pytest.mark.parametrize(("name", "item"), every("scores"))
def test_score(name, item):
    group = patient(name).facts[f"score.{item['score']}.group"]
    assert group == item["group"], mismatch(name, item, f"  {item['score']}: {group}")


@pytest.mark.parametrize(("name", "item"), every("missing"))
def test_missing_fact(name, item):
    asked = patient(name)
    open_for = {path for option in asked.options.values() for path in option.needs}
    open_for |= {path for answer in asked.answers for path in answer.needs}
    open_for |= {path for answer in asked.answers if answer.is_decided for path in _asked_by(answer)}
    told = item["fact"]
    wanted = set(told) if isinstance(told, list) else {told}
    assert wanted & open_for, mismatch(name, item, f"  asked for: {', '.join(sorted(open_for))}")


def _asked_by(answer: Answer) -> set[str]:
    """The missing facts that a rule asks for because they are unknown."""
    if answer.verdict in ("not met", "not applicable") or not any("is unknown" in t.text for t in answer.trace):
        return set()
    return {read.path for read in answer.inputs if isinstance(read.value, Unknown)}


@pytest.mark.parametrize(("name", "item"), single("eligible_only"))
def test_nothing_else_is_eligible(name, item):
    opened = [o for o in patient(name).options.values() if o.verdict == "eligible"]
    wrong = [o for o in opened if o.modality not in item["modalities"]]
    assert not wrong, mismatch(name, item, "\n".join(in_words(o, o.modality) for o in wrong))
