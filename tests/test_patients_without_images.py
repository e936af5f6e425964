"""Whole patients without images, across the primaries: the record alone makes valid findings and an honest answer."""

from __future__ import annotations

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

import glisson as g
from glisson.report import answer_in_one_sentence, findings_schema

PATIENTS = sorted(path.parent for path in (Path(__file__).parent / "vignettes").glob("*/case.yaml"))


@pytest.mark.parametrize("folder", PATIENTS, ids=lambda path: path.name)
def test_findings_of_a_record_alone_are_valid_and_claim_no_measurement(folder):
    result = g.assess(*g.read_case(folder))
    found = g.findings(result)
    Draft202012Validator(findings_schema()).validate(found)
    assert found["liver"]["volume_ml"] is None
    assert found["resections"] == []
    assert "Not assessed" in answer_in_one_sentence(result)


def test_cholangitis_is_an_emergency_and_a_bare_record_is_none():
    def urgent(name: str) -> set[str]:
        folder = next(path for path in PATIENTS if path.name == name)
        return {a["rule"] for a in g.findings(g.assess(*g.read_case(folder)))["alerts"] if a["urgency"] == "today"}

    assert "cholangitis" in urgent("pancreas-cholangitis")
    assert not urgent("unknown-primary-bare")
