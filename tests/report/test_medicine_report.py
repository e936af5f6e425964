"""What the knowledge base says, on the pages and in the findings."""

from __future__ import annotations

from jsonschema import Draft202012Validator

from glisson.assessment import assess
from glisson.case import loads_case
from glisson.report import dossier_view, findings, findings_schema

BODY = "patient: {age_years: 60, sex: female}\nprimary: {site: colorectal}\n"
LABS = """labs:
- {test: bilirubin, value: 17.1, unit: umol/L, date: 2024-05-02}
- {test: albumin, value: 40, unit: g/L, date: 2024-05-02}
"""


def result_of(record: str):
    return assess(loads_case(f"id: a\n{record}"), None)


def test_an_emergency_stands_in_the_red_strip_and_in_the_findings():
    result = result_of(f"{BODY}signs: {{present: [fever, jaundice]}}\n")
    strip = dossier_view(result).page_one.alerts
    assert any("cholangitis" in text.lower() for text in strip)
    found = findings(result)
    Draft202012Validator(findings_schema()).validate(found)
    assert {"cholangitis": "today"}.items() <= {a["rule"]: a["urgency"] for a in found["alerts"]}.items()


def test_an_alert_that_can_wait_stands_among_the_cautions_and_not_in_the_strip():
    result = result_of(BODY)
    waiting = {a["rule"] for a in findings(result)["alerts"] if a["urgency"] != "today"}
    assert "dpd-before-fluoropyrimidine" in waiting
    page = dossier_view(result).page_one
    assert not any("DPD" in text for text in page.alerts)
    assert any("DPD" in str(gap) for gap in page.stops) or page.stops_more


def test_scores_carry_their_variant_source_and_standing_and_are_graded_unrounded():
    """ALBI of 17.1 umol/L and 40 g/L is log10(17.1)*0.66 - 3.4 = -2.586: grade 2, just above -2.60."""
    found = {score["id"]: score for score in findings(result_of(BODY + LABS))["scores"]}
    assert found["albi"]["printed"] == "-2.59"
    assert found["albi"]["group"] == "2"
    assert found["albi"]["status"] == "unverified"
    table = dossier_view(result_of(BODY + LABS)).scores
    assert any("unverified" in row[-1] for row in table.rows)


def test_without_the_inputs_there_is_no_score():
    assert "albi" not in {score["id"] for score in findings(result_of(BODY))["scores"]}
