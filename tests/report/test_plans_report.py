"""Combined plans and vessels on the pages and in the files, for an invented patient; and what-if comparisons."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

import glisson as g
from glisson.assessment import replan
from glisson.cli.app import app
from glisson.cli.virtual import write_virtual_case
from glisson.planning import PlanSettings
from glisson.report import findings
from glisson.report.build import actions, dossier_view
from glisson.report.plans import lesion_verdicts, plans_data
from glisson.simulate import virtual_patient


@pytest.fixture(scope="module")
def invented():
    return virtual_patient(seed=4, lesions=3, shape=(96, 96, 64), spacing_mm=(4.0, 4.0, 4.0))


@pytest.fixture(scope="module")
def result(invented):
    return g.assess(invented.case, invented.scene)


def test_page_one_answers_with_the_first_plan(result):
    plan = result.clearing.found.plans[0]
    (line,) = dossier_view(result).page_one.headline.lines
    assert line.text.startswith(f"All 3 visible lesions could be resected or ablated ({plan.name}); remnant")
    letters = actions(result)
    assert {name: "A" if got.kind == "ablation" else "X" for name, got in plan.clears.items()} == letters


def test_words_that_never_stand_on_a_page(result):
    view = dossier_view(result)
    text = json.dumps([row for table in (view.plans, view.verdicts) for row in table.rows])
    for word in ("cleared", "optimal", "proof", "certificate", "safe", "curable"):
        assert word not in text.lower()


def test_plans_json_stands_alone(result):
    data = plans_data(result)
    assert {"plans", "certificate", "candidates", "threshold", "settings", "lesions"} <= set(data)
    first = data["plans"][0]
    keys = {"name", "actions", "clears", "left", "removed_ml", "destroyed_ml", "devascularised_ml", "congested_ml",
            "remnant_ml", "remnant_percent_nontumour", "remnant_percent_standardised", "search_complete", "gap",
            "robustness"}  # fmt: skip
    assert keys <= set(first)
    parts = ("removed_ml", "destroyed_ml", "devascularised_ml", "congested_ml", "remnant_ml")
    assert sum(first[name] for name in parts) == pytest.approx(result.whole_liver.volume_ml)
    assert data["threshold"]["source"] == "remnant-needed"
    assert {one["id"] for one in data["candidates"]} >= set(first["candidates"])


VERDICTS = {"resect", "ablate", "either", "only as part of a major resection", "not in this catalogue"}


def test_each_lesion_has_a_verdict_with_its_ways(result):
    for item in lesion_verdicts(result):
        assert item["verdict"] in {
            "resect",
            "ablate",
            "either",
            "only as part of a major resection",
            "not in this catalogue",
        }
        assert bool(item["ways"]) == (item["verdict"] != "not in this catalogue")


def test_plan_facts_reach_the_rules(result):
    plan = result.clearing.found.plans[0]
    assert result.facts["plan.exists"] is True
    assert result.facts["remnant.percent_nontumour"] == plan.remnant_percent_nontumour
    assert result.facts["remnant.contiguous_segments"] == len(plan.kept_segments)


def test_vessels_are_in_the_findings(result):
    data = findings(result)
    assert set(data["vessels"]) == {"portal", "hepatic"}
    for lesion in data["lesions"]:
        names = {item["name"] for item in lesion["relations"]["structures"]}
        assert "portal bifurcation" in names or not result.vessels.systems
    table = dossier_view(result).branches
    assert table is not None
    assert any("hepatic vein" in row[0] for row in table.rows)


def test_the_written_dossier_holds_a_map_of_each_plan(result, tmp_path):
    import nibabel

    out = g.write_dossier(result, tmp_path / "OUT")
    data = json.loads((out / "plans.json").read_text())
    image = nibabel.load(out / "masks" / "plan-1.nii.gz")
    counts = np.bincount(np.asarray(image.dataobj).astype(np.uint8).ravel(), minlength=6)
    voxels = data["plans"][0]["voxels"]
    names = ("remnant", "removed", "destroyed", "devascularised", "congested")
    assert counts[1:].tolist() == [voxels[name] for name in names]
    assert (out / "figures" / "trees.png").exists()


def test_segments_are_made_where_none_are_given_and_refused_after_an_operation(invented):
    scene = replace(invented.scene, segments=None)
    made = g.assess(invented.case, scene)
    assert made.segments is not None
    assert made.segments.method != "given"
    assert made.parts_of_four.basis in ("umbilical portion", "portal bifurcation", "equal volumes")
    for item in made.resections:
        assert item.interval.low_percent <= item.remnant_percent_nontumour <= item.interval.high_percent
    assert any(notice.code == "segments-automatic" for notice in made.notices)
    operated = replace(invented.case, liver=replace(invented.case.liver, previous_hepatectomy=True))
    refused = g.assess(operated, scene)
    assert refused.segments is None
    assert any("after an operation none is made" in entry.outcome for entry in refused.trace)


def test_replanning_keeps_the_anatomy(result):
    again = replan(result, PlanSettings.by_rules(leave=("L1",)))
    assert again.problem.targets == ("L2", "L3")
    assert result.clearing.problem.targets == ("L1", "L2", "L3")


def test_whatif_compares_settings(invented, tmp_path):
    folder = tmp_path / "case"
    write_virtual_case(invented, folder)
    made = CliRunner().invoke(
        app, ["whatif", str(folder), "--ablation-margin", "5", "--ablation-margin", "10", "--leave", "L1", "--json"]
    )
    assert made.exit_code == 0, made.output
    rows = json.loads(made.output)
    assert len(rows) == 4
    assert rows[0]["settings"] == "resection 5 mm, ablation 5 mm, every kind of act"
    assert sum("leaving L1" in row["settings"] for row in rows) == 2
    wrong = CliRunner().invoke(app, ["whatif", str(folder), "--vessel-detachment", "maybe"])
    assert "allow or avoid" in str(wrong.exception)
