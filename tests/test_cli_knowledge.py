"""The commands about what is known: list, show, check, claims, why, score."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from glisson.cli.app import app
from glisson.errors import GlissonError


def run(*arguments: str):
    return CliRunner().invoke(app, list(arguments))


def test_score_with_units_gives_the_published_value():
    """MELD 3.0 of 15.81 for these inputs: clincalc 0.4.0, an independent implementation."""
    given = ["sex=male", "bilirubin=2.5mg/dL", "sodium=131mmol/L", "inr=1.0", "creatinine=1.2mg/dL", "albumin=3.8g/dL"]
    found = json.loads(run("score", "meld-3.0", *given, "--json").output)
    assert found["value"] == pytest.approx(15.81, abs=0.005)
    assert found["printed"] == "16"


def test_score_names_what_is_missing_and_refuses_what_it_does_not_know():
    assert "albumin missing" in run("score", "albi", "bilirubin=17umol/L").output
    for arguments in (("score", "albi", "bilirubin"), ("score", "no-such-score"), ("score", "albi", "shoe=43")):
        assert isinstance(run(*arguments).exception, GlissonError)


def test_list_show_check_and_claims():
    listed = json.loads(run("knowledge", "list", "--json").output)
    assert {"remnant-needed", "albi", "fong"} <= {row["id"] for row in listed}
    assert all(row["sources"] for row in listed)
    shown = run("knowledge", "show", "remnant-needed").output
    assert "liver.background" in shown
    assert "# azoulay-2000: " in shown
    assert isinstance(run("knowledge", "show", "nothing").exception, GlissonError)
    assert run("knowledge", "check").exit_code == 0
    claims = json.loads(run("knowledge", "claims", "--json").output)
    assert len({claim["number"] for claim in claims}) == len(claims) >= 36
    assert all((claim["said"] or claim["evidence"]) and claim["means"] for claim in claims)


def test_why_shows_the_facts_it_read_and_what_is_missing(tmp_path):
    record = "id: a\nprimary: {site: colorectal}\nlabs:\n- {test: cea, value: 32, unit: ug/L, date: 2024-05-02}\n"
    (tmp_path / "case.yaml").write_text(record)
    found = json.loads(run("knowledge", "why", str(tmp_path), "cea-reading", "--json").output)
    assert found["verdict"] == "info"
    assert any("labs.cea_ug_l: 32 ug/L" in line for line in found["trace"])
    (tmp_path / "case.yaml").write_text("id: a\n")
    assert "Missing: liver.background" in run("knowledge", "why", str(tmp_path), "remnant-needed").output


def test_the_cases_beside_a_rule_are_run():
    found = run("knowledge", "test", "anti-egfr-ras-stop")
    assert found.exit_code == 0
    assert ", 0 problems" in found.output
    whole = json.loads(run("knowledge", "test", "--json").output)
    assert whole["cases"] > 2000
    assert whole["problems"] == []
    assert isinstance(run("knowledge", "test", "no-such-rule").exception, GlissonError)
