"""The patient's letter against the record, the findings and the sources: it says what they say and never more.

Every whole patient below tests/vignettes gets a synthetic decision for every treatment that the rules judge. What a
letter may say is read from case.yaml, findings.json and the source records, not from the letter's own bookkeeping.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import glisson as g
from glisson.case import Decision
from glisson.errors import InputError
from glisson.knowledge import knowledge_base
from glisson.report.letter import Addressing, Letter, plan_letter, strange_numbers
from glisson.report.words import MONTHS

FOLDER = Path(__file__).parents[1] / "vignettes"
NAMES = sorted(path.parent.name for path in FOLDER.glob("*/case.yaml"))
TODAY = date(2026, 3, 4)
REASON = "It fits your cancer. It fits how strong you feel."
QUESTIONS = (
    "treatable", "operation", "removed", "make sense", "right for me", "live longer", "will I live", "be treated",
    "talk with the doctor",
)  # fmt: skip
"""The nine questions of the documents for patients, by a word of each."""


@cache
def assessed(name: str) -> Any:
    return g.assess(*g.read_case(FOLDER / name))


def decided(name: str, *treatment: str, **changes: Any) -> Any:
    """The assessment of a vignette whose case holds a decision."""
    given = {"by": "Dr A. Name", "role": "Consultant surgeon", "date": date(2026, 3, 3), "text": "-", "reason": REASON}
    decision = Decision(**{**given, "treatment": treatment, **changes})
    result = assessed(name)
    return replace(result, case=replace(result.case, decision=decision))


def verdicts(name: str) -> dict[str, str]:
    return {
        item["modality"]: item["verdict"]
        for item in g.findings(assessed(name))["options"]
        if item["scope"] == "patient"
    }


@cache
def letters(name: str) -> tuple[tuple[str, Letter], ...]:
    """A letter for every treatment that the rules judge for a vignette; against a stop only with a word on why."""
    made = []
    for modality, verdict in verdicts(name).items():
        despite = "You and we talked about it at length." if verdict == "contraindicated" else None
        intent = "cure" if modality == "resection" else "control"
        result = decided(name, modality, intent=intent, despite=despite, next_by=date(2026, 3, 12))
        made.append((modality, plan_letter(result, today=TODAY)))
    return tuple(made)


def every() -> Iterator[tuple[str, str, Letter]]:
    for name in NAMES:
        for modality, letter in letters(name):
            yield name, modality, letter


def section(letter: Letter, key: str) -> str:
    parts = [part for part in (*letter.sections, *letter.keep) if part.key == key]
    return "\n".join(" ".join(item.parts) for part in parts for item in part.paragraphs)


def test_every_vignette_has_letters():
    assert len(NAMES) >= 12
    assert all(len(letters(name)) >= 30 for name in NAMES)


def test_no_letter_is_hard_to_read():
    worst = max(every(), key=lambda item: item[2].reading.grade)
    assert worst[2].reading.grade <= 6, (worst[0], worst[1], worst[2].reading)


def test_no_letter_holds_a_forbidden_word():
    """An own list, beside that of the data."""
    pattern = re.compile(
        r"guarant|incurable|curable|inoperable|unresect|nothing can be done|terminal|hopeless|\bfail(s|ed|ure)?\b|"
        r"optimal|\bproof\b|\bproven\b|\bsafe\b|certificate|months to live|life expectancy|seeding|undetermined|"
        r"unverified|\bGy\b|%",
        re.IGNORECASE,
    )
    for name, modality, letter in every():
        text = "\n".join([letter.title, letter.text, *letter.footer])
        assert not pattern.search(text), (name, modality, pattern.search(text))
        assert ("cure" in text.lower()) == (letter.intent == "cure")


def numbers(text: str) -> set[float]:
    text = re.sub(rf"({'|'.join(MONTHS)})", " ", text.replace("\u00a0", " "))
    return {float(number) for number in re.findall(r"(?<![\w.])\d+(?:\.\d+)?(?!\w)", text)}


def test_every_number_stands_in_the_record_or_in_the_source_of_its_rule():
    for name, modality, letter in every():
        record = (FOLDER / name / "case.yaml").read_text(encoding="utf-8") + " 2026-03-03 2026-03-12"
        days = {float(part) for day in re.findall(r"\d{4}-\d\d-\d\d", record) for part in day.split("-")}
        held = g.findings(assessed(name))
        natures = re.findall(r"nature: (\w+)", record)
        kinds = (("confirmed", "probable"), ("indeterminate",), ("benign",))
        counts = {float(sum(nature in kind for nature in natures)) for kind in kinds}
        known = numbers(record) | days | counts | numbers(json.dumps(held["burden"]))
        for item in letter.paragraphs():
            rules = [knowledge_base().rules[rule] for rule in item.rules]
            sources = {knowledge_base().source(row.outcome.source) for rule in rules for row in rule.rows}
            cited = {value for source in sources for entry in source.numbers for value, _ in entry.quantities}
            text = " ".join(item.parts)
            claims = [claim.plain for claim in knowledge_base().claims.values() if claim.plain and claim.plain in text]
            assert numbers(text) <= known | cited | numbers(" ".join(claims)), (name, modality, item)


def test_the_treatment_decided_on_stands_first_and_is_explained():
    for name, modality, letter in every():
        kind = knowledge_base().modalities[modality]
        assert kind.plain in section(letter, "short").lower() or kind.plain in section(letter, "short"), (
            name,
            modality,
        )
        assert f"We suggest {kind.plain}." in section(letter, "suggest")
        assert REASON in section(letter, "suggest")
        assert letter.treatments == (modality,)


def test_what_a_letter_says_of_a_treatment_is_what_the_findings_say():
    for name, modality, letter in every():
        found = verdicts(name)
        for item in letter.paragraphs():
            for said in item.said:
                assert said.verdict == found[said.modality], (name, modality, said)
                assert said.modality == modality or said.verdict != "undetermined", (name, modality, said)


def test_a_contraindicated_treatment_is_never_offered():
    for name, modality, letter in every():
        stopped = {item for item, verdict in verdicts(name).items() if verdict == "contraindicated"} - {modality}
        parts = next(part for part in letter.sections if part.key == "others").paragraphs
        heads = [n for n, item in enumerate(parts) if item.text.startswith("We do not suggest these")]
        first = heads[0] if heads else len(parts)
        for n, item in enumerate(parts):
            named = {said.modality for said in item.said}
            assert not (named & stopped) or n > first, (name, modality, item)
            assert not (named - stopped) or n < first, (name, modality, item)
        for item in letter.paragraphs():
            if {said.modality for said in item.said} & stopped:
                assert "possible" not in item.text, (name, modality, item)


def test_words_of_a_rule_are_used_only_where_the_findings_hold_that_rule_as_confirmed():
    for name, modality, letter in every():
        reasons = {
            (reason["rule"], reason["verdict"])
            for option in g.findings(assessed(name))["options"]
            for reason in option["reasons"]
            if reason["status"] == "verified"
        }
        for item in letter.paragraphs():
            for said in item.said:
                for rule in said.rules:
                    assert {(rule, said.verdict), (rule, "eligible")} & reasons, (name, modality, said)


def test_a_verdict_that_changes_changes_the_letter():
    """The letter follows the options of the assessment: turn one into a stop and it is no longer offered."""
    result = decided("stomach-ecog-3", "palliative-care")
    offered = "Radiation to ease pain. This is also possible."
    assert offered in plan_letter(result, today=TODAY).text
    closed = tuple(
        replace(item, verdict="contraindicated") if item.modality == "palliative-radiotherapy" else item
        for item in result.options
    )
    assert "Radiation to ease pain" not in plan_letter(replace(result, options=closed), today=TODAY).text
    with pytest.raises(InputError, match=r"palliative-radiotherapy.*--despite"):
        plan_letter(replace(decided("stomach-ecog-3", "palliative-radiotherapy"), options=closed), today=TODAY)


def test_the_questions_of_the_documents_are_answered():
    for name, modality, letter in every():
        asked = [item for part in letter.keep if part.key == "answers" for item in part.paragraphs]
        assert len(asked) == len(QUESTIONS)
        assert all(any(word in item.lead for item in asked) for word in QUESTIONS), (name, modality)
        assert all(item.lead.endswith("?") and item.text for item in asked)


def test_a_medical_word_is_explained_where_it_first_stands():
    for name, _, letter in every():
        text = letter.text
        for word, meaning in (("metastases", "Metastases are"), ("radioactive", "Radioactive means")):
            found = re.search(word, text, re.IGNORECASE)
            if found:
                paragraph = text[: text.find("\n", found.end())].rsplit("\n", 1)[-1]
                assert meaning in paragraph, (name, paragraph)
                assert text.count(meaning) == 1


@pytest.mark.parametrize(
    ("name", "treatment", "expected", "absent"),
    [
        ("colorectal-ras-wild-left", "systemic-chemotherapy", "38 °C", "after the beads"),
        ("colorectal-ras-mutant", "resection", "A fever after treatment on the liver", "38 °C"),
        ("neuroendocrine-carcinoid", "somatostatin-analogue", "hot flush", "38 °C"),
        ("kidney-cirrhosis", "radioembolisation", "after the beads", "hot flush"),
    ],
)
def test_when_to_call_follows_cancer_and_treatment(name, treatment, expected, absent):
    calls = section(dict(letters(name))[treatment], "calls")
    assert expected in calls
    assert absent not in calls
    for always in ("yellow skin", "Black stool", "confused", "Sudden strong pain", "Weak legs", "short of breath"):
        assert always in calls


def test_an_emergency_of_today_stands_in_the_letter():
    for name in NAMES:
        plain = {a.plain for a in assessed(name).answers if a.verdict == "alert" and a.urgency == "today"} - {""}
        letter = letters(name)[0][1]
        assert all(text in section(letter, "urgent") for text in plain)
        assert bool(plain) == ("call us today" in letter.text)


def test_spots_that_are_not_certain_are_not_called_cancer():
    letter = dict(letters("kidney-cirrhosis"))["immunotherapy"]
    assert "Your scans show 2\u00a0spots in the liver. It is not yet certain what they are." in letter.text
    assert "It is not yet certain that there is cancer in your liver." in letter.text
    assert "come to the liver." not in section(letter, "found")
    assert "etastases" not in letter.text
    assert "spots that look like cancer" in dict(letters("colorectal-ras-mutant"))["resection"].text


def test_survival_is_told_only_to_who_asked_and_never_without_its_group():
    for _, _, letter in every():
        assert "alive" not in letter.text
    result = decided("colorectal-ras-mutant", "resection")
    for asked, figures in ((True, True), (False, False)):
        wants = replace(result.case.preferences, wants_survival_figures=asked)
        text = plan_letter(replace(result, case=replace(result.case, preferences=wants)), today=TODAY).text
        assert ("from 16 to 74 of every hundred people" in text) == figures
        assert ("people with bowel cancer whose liver spots were taken out" in text) == figures
    other = decided("breast", "endocrine-therapy")
    wants = replace(other.case.preferences, wants_survival_figures=True)
    text = plan_letter(replace(other, case=replace(other.case, preferences=wants)), today=TODAY).text
    assert "You asked for figures. We know of no study that fits you" in text


def test_dissent_and_going_against_a_rule_are_told():
    letter = plan_letter(
        decided(
            "colorectal-ras-mutant",
            "anti-egfr",
            despite="You know the risk and want to try it.",
            dissent="One said no.",
        ),
        today=TODAY,
    )
    assert "something speaks against it. This medicine only works when a certain gene is normal." in letter.text
    assert "You know the risk and want to try it." in letter.text
    assert "Not everyone in the team saw it in the same way." in letter.text


def test_the_patient_is_addressed_and_the_wish_is_quoted_only_when_it_may_be():
    result = decided("colorectal-ras-mutant", "resection")
    letter = plan_letter(result, today=TODAY, addressing=Addressing("Ms A. Example"))
    assert letter.greeting == "Dear Ms A. Example,"
    assert "“I want the operation if it helps.”" in letter.text
    wish = replace(result.case.preferences, wish="I want to be cured")
    assert "cured" not in plan_letter(replace(result, case=replace(result.case, preferences=wish)), today=TODAY).text


@pytest.mark.parametrize(
    ("treatment", "changes", "message"),
    [
        (("resection",), {"by": "The board"}, "names nobody"),
        (("resection",), {"date": date(2026, 3, 5)}, "after today"),
        ((), {}, "names no treatment"),
        (("magic",), {}, "do not know the treatment 'magic'"),
        (("anti-egfr",), {}, "contraindicated.*--despite"),
        (("resection",), {"despite": "because"}, "none of these treatments"),
        (("resection",), {"reason": None}, "No confirmed rule has a reason for resection"),
        (("resection",), {"reason": "You will be cured, we guarantee it."}, "cured.*guarantee|guarantee.*cured"),
        (("resection",), {"next_step": "We give 40 mg of it."}, "mg"),
        (
            ("resection",),
            {"reason": "Multidisciplinary evaluation demonstrated oligometastatic disease amenable to "
             "parenchymal-sparing hepatectomy following neoadjuvant chemotherapeutic downsizing."},
            "too hard to read.*Multidisciplinary",
        ),
    ],
)  # fmt: skip
def test_a_letter_that_must_not_be_written_is_refused(treatment, changes, message):
    with pytest.raises(InputError, match=message):
        plan_letter(decided("colorectal-ras-mutant", *treatment, **changes), today=TODAY)


def test_without_a_decision_there_is_no_letter():
    with pytest.raises(InputError, match=r"holds no decision.*glisson decide"):
        plan_letter(assessed("breast"), today=TODAY)


def test_a_number_from_nowhere_is_found():
    result = decided("colorectal-ras-mutant", "resection")
    letter = plan_letter(result, today=TODAY)
    assert strange_numbers(letter, result) == []
    opening = (replace(letter.opening[0], text="It helps 77 of 90 people, and it is 24 mm wide."),)
    assert strange_numbers(replace(letter, opening=opening), result) == ["77", "90"]


def test_measured_spots_are_counted_only_when_a_person_reviewed_the_outlines(fakes):
    from glisson.report.letter.found import spots_of

    spots = spots_of(fakes.result())
    assert spots is not None
    assert (spots.cancer, spots.sure, spots.unsure, spots.largest_mm) == (3, True, 0, 24.0)
    unreviewed = fakes.record.replace("reviewed_by: Dr A. Example", "complete: true")
    assert spots_of(fakes.result(record=unreviewed)) is None
    mixed = (fakes.lesion(1), fakes.lesion(2, "probable"), fakes.lesion(3, "indeterminate"), fakes.lesion(4, "benign"))
    spots = spots_of(fakes.result(lesions=mixed))
    assert spots is not None
    assert (spots.cancer, spots.sure, spots.unsure, spots.harmless, spots.largest_mm) == (2, False, 1, 1, 23.0)
