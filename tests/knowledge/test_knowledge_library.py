"""The shipped library is whole, and the check finds each kind of defect when it is planted."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from glisson.errors import KnowledgeError
from glisson.knowledge import knowledge_base
from glisson.knowledge.checking import check_knowledge


def test_the_library_has_no_findings():
    report = check_knowledge(knowledge_base())
    assert [str(finding) for finding in report.findings] == []
    assert report.cases > report.rules + report.scores


def test_knowledge_needs_no_arrays():
    code = "import sys, glisson.knowledge as k; k.knowledge_base(); sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


TESTS = """
rule: r
cases:
  - {name: below, given: {p.size: 29}, expect: eligible}
  - {name: at, given: {p.size: 30}, expect: eligible}
  - {name: above, given: {p.size: 31}, expect: not met}
  - {name: missing, given: {p.size: missing}, expect: undetermined, needs: [p.size]}
"""


def findings(shelf) -> list[str]:
    return [str(finding) for finding in check_knowledge(shelf.load()).findings if finding.file != "formulas"]


@pytest.fixture
def tested(shelf):
    shelf.verdict("r", "eligible", "p.size <= 30 mm")
    shelf.file("library/t/r.test.yaml", TESTS)
    return shelf


def test_a_whole_rule_has_no_findings(tested):
    assert findings(tested) == []


@pytest.mark.parametrize(
    ("case", "finding"),
    [
        ("below", "no case below the threshold of 'p.size <= 30 mm'"),
        ("at", "no case at the threshold of 'p.size <= 30 mm'"),
        ("above", "no case above the threshold of 'p.size <= 30 mm'"),
        ("missing", "no case in which p.size is missing"),
    ],
)
def test_a_case_that_is_not_there(tested, case, finding):
    lines = [line for line in TESTS.splitlines() if f"name: {case}," not in line]
    tested.file("library/t/r.test.yaml", "\n".join(lines) + "\n")
    assert f"library/t/r.test.yaml: {finding}" in findings(tested)


def test_a_case_that_expects_something_else(tested):
    tested.file("library/t/r.test.yaml", TESTS.replace("p.size: 31}, expect: not met", "p.size: 31}, expect: eligible"))
    assert findings(tested) == ["library/t/r.test.yaml: case 'above': expected eligible, found not met"]


def test_an_outcome_that_no_case_reaches(tested):
    tested.verdict("r", "eligible", "p.size <= 30 mm", extra="otherwise: {effect: relative, text: larger}\n")
    tested.file("library/t/r.test.yaml", TESTS.replace("  - {name: above, given: {p.size: 31}, expect: not met}\n", ""))
    assert "library/t/r.test.yaml: no case reaches the outcome of 'always'" in findings(tested)


def test_a_rule_without_tests(shelf):
    shelf.verdict("r", "eligible", "p.size <= 30 mm")
    assert findings(shelf) == ["library/t/r.yaml: has no tests; write library/t/r.test.yaml."]


def test_tests_without_a_rule(tested):
    tested.file("library/t/s.test.yaml", TESTS)
    assert findings(tested) == ["library/t/s.test.yaml: tests nothing: there is no rule or score of this name."]


def test_a_number_that_the_source_does_not_hold(tested):
    tested.verdict("r", "eligible", "p.size <= 31 mm")
    assert "library/t/r.yaml: the number 31 mm is not among the numbers of the source doe." in findings(tested)
    tested.verdict("r", "eligible", "p.size <= 3 cm")
    assert "library/t/r.yaml: the number 3 cm is not among the numbers of the source doe." in findings(tested)


def test_a_source_that_nobody_uses(tested):
    tested.source("roe")
    unused = "sources/roe.yaml: no rule, score, table or claim uses this source; use it or remove it."
    assert findings(tested) == [unused]


@pytest.mark.parametrize("change", ["standing: retracted", "standing: superseded"])
def test_verified_on_a_source_that_no_longer_stands(tested, change):
    text = (tested.root / "sources/doe.yaml").read_text()
    tested.file("sources/doe.yaml", text.replace("standing: current", change))
    assert any("says verified, but the source doe is" in finding for finding in findings(tested))


def test_verified_on_a_source_that_was_not_read(tested):
    text = (tested.root / "sources/doe.yaml").read_text()
    tested.file("sources/doe.yaml", text.replace("read: abstract\nverified: 2026-01-01", "read: not read"))
    assert findings(tested) == [
        "library/t/r.yaml: says verified, but the source doe is current, read: not read; make it unverified."
    ]
    tested.verdict("r", "eligible", "p.size <= 30 mm", status="unverified")
    assert findings(tested) == []


def test_a_conflict_named_on_one_side_only(tested):
    tested.verdict("r", "eligible", "p.size <= 30 mm", extra="conflicts_with: [s]\n")
    tested.verdict("s", "contraindicated", "p.size <= 30 mm")
    tested.file("library/t/s.test.yaml", TESTS.replace("rule: r", "rule: s").replace("eligible", "contraindicated"))
    assert findings(tested) == ["library/t/s.yaml: r names it in conflicts_with; name r here as well."]


ALERT = """
applies_to: {{if: p.a is yes}}
when: p.size > 30 mm
effect: alert
urgency: today
forbids: [{forbids}]
"""
ALERT_TESTS = """
rule: alarm
base: {p.a: yes}
cases:
  - {name: small, given: {p.size: 29}, expect: not met}
  - {name: at, given: {p.size: 30}, expect: not met}
  - {name: large, given: {p.size: 31}, expect: alert}
  - {name: others, given: {p.a: no, p.size: 31}, expect: not applicable}
  - {name: missing, given: {p.size: missing}, expect: undetermined}
  - {name: a missing, given: {p.a: missing, p.size: 31}, expect: undetermined}
"""


def test_what_an_alert_forbids_is_stopped_in_each_of_its_cases(tested):
    tested.rule("alarm", ALERT.format(forbids="cut"))
    tested.file("library/t/alarm.test.yaml", ALERT_TESTS)
    unstopped = "library/t/alarm.yaml: forbids cut in the case 'large', where no rule stops it."
    assert findings(tested) == [unstopped]
    stop = TESTS.replace("rule: r", "rule: stop").replace("expect: eligible", "expect: contraindicated")
    tested.file("library/t/stop.test.yaml", stop)
    tested.verdict("stop", "contraindicated", "p.size <= 30 mm")
    assert unstopped in findings(tested)
    tested.verdict("stop", "contraindicated", "p.size > 30 mm")
    assert unstopped not in findings(tested)


def test_an_alert_forbids_only_modalities_that_exist(tested):
    tested.rule("alarm", ALERT.format(forbids="freeze"))
    with pytest.raises(KnowledgeError, match="unknown modality 'freeze'"):
        tested.load()


def test_a_verdict_forbids_nothing(tested):
    tested.verdict("s", "contraindicated", "p.size <= 30 mm", extra="forbids: [cut]\n")
    with pytest.raises(KnowledgeError, match="forbids: unknown key"):
        tested.load()


FORBIDDING = re.compile(
    r"\b(no|hold|withhold|not|stop)\b[^.;:]*\b(bevacizumab|chemotherapy|intervention|therapy|treatment)\b", re.I
)


def test_an_alert_that_forbids_in_words_says_so_in_its_structure():
    """Words are only a net: what they catch must be said as `forbids` (then the check holds it), or be listed here."""
    harmless = {"hepatitis-b-before-therapy"}
    kb = knowledge_base()
    rows = [(rule.id, row.outcome) for rule in kb.rules.values() if rule.effect == "alert" for row in rule.rows]
    loud = {name for name, outcome in rows if FORBIDDING.search(outcome.text) and not outcome.forbids}
    assert loud - harmless == set()


def test_a_malformed_test_file(tested):
    tested.file("library/t/r.test.yaml", TESTS.replace("p.size: 30}", "p.siez: 30}"))
    assert any("there is no fact 'p.siez'" in finding for finding in findings(tested))


SCORE = """
id: twice
family: twice
variant: one
version: 1
topic: t
title: Twice and three
formula: linear
decimals: 1
inputs: {size: {unit: mm, fact: p.size, positive: true}}
constants: {slope: 3, intercept: 5}
groups:
  - {when: value <= 20 , group: low}
  - {when: value > 20, group: high}
population: all
source: doe
locator: abstract
status: verified
"""
SCORE_TESTS = """
score: twice
cases:
  - {name: low, given: {size: 1}, expect: 8, group: low, printed: "8.0"}
  - {name: at, given: {size: 5}, expect: 20, group: low}
  - {name: high, given: {size: 6 mm}, expect: 23, group: high}
  - {name: none, given: {}, missing: [size]}
"""


def test_a_score_and_its_tests(shelf):
    text = (shelf.root / "sources/doe.yaml").read_text()
    shelf.file("sources/doe.yaml", text.replace("[10 mm,", "[20, 10 mm,"))
    shelf.file("library/t/twice.score.yaml", SCORE)
    shelf.file("library/t/twice.test.yaml", SCORE_TESTS)
    assert findings(shelf) == []
    assert shelf.load().score_from_facts("twice", {"p.size": 2.0}).value == 11
    shelf.file(
        "library/t/twice.test.yaml",
        SCORE_TESTS.replace("  - {name: at, given: {size: 5}, expect: 20, group: low}\n", ""),
    )
    assert "library/t/twice.test.yaml: no case at the boundary 20 of the group low" in findings(shelf)
    shelf.file("library/t/twice.test.yaml", SCORE_TESTS.replace("expect: 23", "expect: 24"))
    assert findings(shelf) == ["library/t/twice.test.yaml: case 'high': expected 24 within 0, found 23.0"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("formula: linear", "formula: cubic", "there is no formula 'cubic'"),
        ("fact: p.size", "fact: p.siez", "there is no fact 'p.siez'"),
        ("unit: mm, fact", "unit: cm, fact", "the fact p.size is a number in mm; the input a number in cm"),
        ("value > 20", "value > 20 mm", "value is in no unit; given mm"),
        ("decimals: 1", "decimals: one", "expected a whole number"),
        ("fact: p.size", "fact: score.twice", "the input size does not fit the fact 'score.twice'"),
    ],
)
def test_scores_out_of_format(shelf, old, new, message):
    shelf.file("library/t/twice.score.yaml", SCORE.replace(old, new))
    with pytest.raises(KnowledgeError) as caught:
        shelf.load()
    assert message in str(caught.value)


def test_scores_that_build_on_each_other_in_a_circle(shelf):
    score = SCORE.replace("unit: mm, ", "")
    shelf.file("library/t/twice.score.yaml", score.replace("p.size", "score.thrice"))
    shelf.file("library/t/thrice.score.yaml", score.replace("id: twice", "id: thrice").replace("p.size", "score.twice"))
    with pytest.raises(KnowledgeError, match="builds on itself: thrice, twice, thrice"):
        shelf.load()


LIST = """
id: sizes
version: 1
topic: t
title: Sizes
about: what was seen
columns:
  organ: {kind: choice, values: [lung, bone], title: organ}
  seen: {kind: range, unit: mm, title: smallest seen}
  words: {kind: text, title: words, optional: true}
rows:
  - {organ: lung, seen: [10, 20 mm], source: doe, locator: table 1, status: verified, when: p.a is yes}
  - {organ: bone, seen: [10, 30], words: rare, source: doe, locator: table 2, status: verified}
"""


def test_a_table_is_shown_row_by_row_with_its_sources(shelf):
    shelf.file("library/t/sizes.table.yaml", LIST)
    table = shelf.load().table("sizes")
    assert [row["organ"] for row in table.select({"p.a": True})] == ["lung", "bone"]
    assert [row["organ"] for row in table.select({})] == ["bone"]
    assert table.rows[1]["seen"] == ((10, "mm"), (30, "mm"))
    assert findings(shelf) == []
    shelf.file("library/t/sizes.table.yaml", LIST.replace("[10, 30]", "[10, 31]"))
    assert findings(shelf) == [
        "library/t/sizes.table.yaml: the number 31 mm is not among the numbers of the source doe."
    ]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("organ: bone", "organ: skin", "'skin' is not allowed here; one of: lung, bone"),
        ("[10, 30]", "[30, 10]", "the range runs backwards: 30 to 10"),
        ("[10, 30]", "30", "a range is two numbers; given 30"),
        ("[10, 20 mm]", "[10, 20 kg]", "the column is in mm; given kg"),
        ("words: rare", "colour: red", "colour: unknown key"),
    ],
)
def test_tables_out_of_format(shelf, old, new, message):
    shelf.file("library/t/sizes.table.yaml", LIST.replace(old, new))
    with pytest.raises(KnowledgeError) as caught:
        shelf.load()
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("calcium", "shown", "words"), [(3.45, "3.45", "moderate"), (3.5, "3.5", "severe"), (3.0, "3", "moderate")]
)
def test_calcium_is_not_shown_as_the_grade_above(calcium, shown, words):
    text = knowledge_base().evaluate("hypercalcaemia", {"labs.calcium_mmol_l": calcium}).text
    assert text.startswith(f"Calcium {shown}: {words}")


def test_one_emergency_is_said_once():
    """Of the known cholangitis one stop speaks, not several with the same words."""
    facts = {"liver.cholangitis": True, "liver.encephalopathy_grade": 0}
    for modality in ("resection", "microwave-ablation", "chemoembolisation", "systemic-chemotherapy"):
        (option,) = knowledge_base().option(modality, facts)
        said = [
            reason for reason in option.reasons if reason.verdict == "contraindicated" and "holangitis" in reason.text
        ]
        assert len(said) == 1
