"""What stands behind the verdicts, on whole patients without images."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

import glisson as g
from glisson.assessment import Assessment
from glisson.knowledge import knowledge_base, read_prices
from glisson.report import findings
from glisson.report.build import dossier_view
from glisson.report.evidence import used_sources

VIGNETTES = Path(__file__).parents[1] / "vignettes"
NAMES = sorted(path.name for path in VIGNETTES.iterdir() if path.is_dir())


@cache
def assessed(name: str) -> Assessment:
    case, scene = g.read_case(VIGNETTES / name)
    return g.assess(case, scene)


@pytest.mark.parametrize("name", NAMES)
def test_every_source_of_a_verdict_is_in_the_evidence_with_what_it_decided(name):
    result = assessed(name)
    used = used_sources(result)
    for answer in (*result.answers, *(reason for option in result.options for reason in option.reasons)):
        assert answer.rule.id in used[answer.source.id]
    table = dossier_view(result).evidence
    assert table is not None
    assert [row[0] for row in table.rows] == list(used)
    assert {source["id"] for source in findings(result)["provenance"]["sources"]} == set(used)


def test_unverified_evidence_is_marked():
    table = dossier_view(assessed("colorectal-ras-mutant")).evidence
    assert table is not None
    marked = {row[0]: row[2] for row in table.rows}
    assert "unsupported" in marked["judgement-options"]
    assert marked["swissmedic-erbitux-2014"].endswith("2026")


@pytest.mark.parametrize("name", NAMES)
def test_one_change_does_what_the_table_says(name):
    result = assessed(name)
    kb = knowledge_base()
    for modality, found in result.changes.items():
        for change in found[:2]:
            assert kb.option(modality, {**result.facts, change.path: change.to})[0].verdict == change.verdict


def test_page_one_names_the_stops_that_reach_far():
    stops = [gap.why for gap in dossier_view(assessed("colorectal-ras-mutant")).page_one.stops]
    assert any("Bevacizumab 21 days ago" in why for why in stops)
    assert any("KRAS or NRAS is mutated" in why for why in stops)
    assert not any("Only for neuroendocrine" in why for why in stops)


def test_vanished_lesions_show_both_sides():
    result = assessed("colorectal-braf-v600e")
    facts = {**result.facts, "lesions.vanished_count": 1}
    table = dossier_view(replace(result, facts=facts)).disputes
    assert table is not None
    row = next(row for row in table.rows if row[0] == "Resect or watch a vanished metastasis")
    assert "Resect: 83 %" in row[2]
    assert "watch: with MRI and PET 36 % regrew" in row[2]


def test_prices_stand_beside_the_verdicts_and_change_none(tmp_path):
    path = tmp_path / "prices.yaml"
    path.write_text(
        "date: 2026-01-15\nplace: Here\ncurrency: EUR\n"
        "prices:\n  microwave-ablation: {amount: 3500, covers: a session}\n"
    )
    case, scene = g.read_case(VIGNETTES / "breast")
    priced = g.assess(case, scene, prices=read_prices(path, tuple(knowledge_base().modalities)))
    plain, costly = findings(assessed("breast")), findings(priced)
    assert plain["costs"] is None
    assert costly["costs"]["prices"] == {"microwave-ablation": {"low": 3500.0, "high": 3500.0, "covers": "a session"}}
    assert costly["options"] == plain["options"]
    table = dossier_view(priced).costs
    assert table is not None
    amounts = {row[0]: row[2] for row in table.rows}
    assert amounts["Microwave ablation"] == "3\u202f500\u00a0EUR"
    assert amounts["Liver resection"] == "not listed"
    assert "15\u00a0January\u00a02026" in table.note


def test_reported_figures_keep_patients_and_source():
    scores = {score["id"]: score for score in findings(assessed("colorectal-ras-mutant"))["scores"]}
    rows = scores["fong"]["reported"]
    assert rows
    assert all(row["source"] and row["status"] in ("verified", "unverified") for row in rows)
