"""A dossier in which the remnant must grow first: from the box liver to page, tables, picture and files."""

from __future__ import annotations

import json

import numpy as np
import pytest
from jsonschema import Draft202012Validator

import glisson as g
from glisson.case import loads_case
from glisson.geometry import Grid, Labels, Mask
from glisson.planning import PlanSettings
from glisson.report import findings
from glisson.report.build import dossier_view
from glisson.report.numbers import findings_schema
from glisson.report.plans import plans_data
from glisson.report.write import write_dossier
from glisson.scene import ImageFacts, LesionMask, Scene

RECORD = """\
id: grows
patient: {age_years: 58, height_cm: 170, weight_kg: 55, ecog: 0}
primary: {site: colorectal, resected: 2023-02-12}
liver: {background: chemotherapy, chemotherapy_months: 4}
extrahepatic: {status: none}
lesions: [{id: L1, nature: confirmed}, {id: L2, nature: confirmed}]
"""


@pytest.fixture(scope="module")
def result():
    labels = np.zeros((60, 40, 40), np.uint8)
    for value, j, k in ((5, (5, 20), (5, 20)), (6, (20, 35), (5, 20)), (7, (20, 35), (20, 35)), (8, (5, 20), (20, 35))):
        labels[5:44, slice(*j), slice(*k)] = value
    labels[44:48, 5:25, 5:35], labels[44:48, 25:35, 5:35] = 4, 1
    labels[48:55, 5:35, 5:20], labels[48:55, 5:35, 20:35] = 3, 2
    grid = Grid.axial(labels.shape, (3.0, 3.0, 3.0))
    at = np.indices(labels.shape)
    balls = [((20, 20, 20), 6.0), ((50, 20, 12), 2.2)]
    masks = [((at - np.reshape(centre, (3, 1, 1, 1))) ** 2).sum(axis=0) <= r**2 for centre, r in balls]
    scene = Scene(
        grid, {"liver": Mask(labels > 0, grid)},
        lesions=tuple(LesionMask(f"L{n}", Mask(mask, grid).trimmed()) for n, mask in enumerate(masks, 1)),
        segments=Labels(labels, grid), facts=ImageFacts(modality="CT", date="2024-05-03"),
    )  # fmt: skip
    return g.assess(loads_case(RECORD), scene, settings=PlanSettings.by_rules(allow=("resection", "ablation")))


def test_page_one_names_the_sequence_as_what_would_change_it(result):
    (line,) = dossier_view(result).page_one.headline.lines
    assert "This is not a finding of unresectability" in line.text
    assert "microwave ablation of L2, then right portal vein embolisation, then right hepatectomy after" in line.text
    assert "Conditional on growth" in line.text


def test_the_rules_hear_what_was_measured(result):
    """Whether both lobes hold lesions is known from the scan alone; the rule on two stages asks for it."""
    rules = dict(result.clearing.staged[0].rules)
    assert rules["two-stage-small-remnant"] == "eligible"


def test_the_view_holds_tables_and_both_files_the_data(result):
    view = dossier_view(result)
    assert [table.id for table in view.growth] == ["staged", "growth-forecast", "growth-outcomes"]
    plans = plans_data(result)["growth"]["staged"]
    found = findings(result)
    assert [one["name"] for one in plans] == [one["name"] for one in found["growth"]["staged"]]
    assert not list(Draft202012Validator(findings_schema()).iter_errors(json.loads(json.dumps(found))))


def test_the_dossier_is_written_with_the_picture(result, tmp_path):
    folder = write_dossier(result, tmp_path / "out")
    page = (folder / "dossier.html").read_text(encoding="utf-8")
    assert "If the remnant grows first" in page
    assert "The remnant over the weeks" in page
    assert (folder / "figures/growth.png").stat().st_size > 1000
