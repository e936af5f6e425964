"""Plans with radiation on the pages of an invented patient: an estimate, never a margin, and what the rules leave."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import jsonschema
import numpy as np
import pytest

import glisson as g
from glisson.assessment import replan
from glisson.knowledge import knowledge_base
from glisson.planning import PlanSettings
from glisson.planning.irradiating import Threat
from glisson.report import findings
from glisson.report.build import ACTIONS, SHORT, actions
from glisson.report.figures import ACTION_COLOURS
from glisson.report.numbers import findings_schema
from glisson.report.plan_acts import acts_of, drawing_of, plan_letters, short_name, shown_plans
from glisson.report.plan_facts import plan_facts, plan_rules
from glisson.report.plan_pages import plan_pages
from glisson.report.plan_radiation import radiation_facts, radiation_sentence
from glisson.report.plans import eased_table, plan_headline, plans_json, plans_table, verdicts_table
from glisson.simulate import virtual_patient

FORBIDDEN = ("cleared", "optimal", "proof", "certificate", "safe", "curable", "fails")
WITH_BEAMS = ("resection", "radiotherapy", "radioembolisation")


@pytest.fixture(scope="module")
def plain():
    made = virtual_patient(seed=8, lesions=4, shape=(96, 96, 64), spacing_mm=(4.0, 4.0, 5.0))
    return g.assess(made.case, made.scene, settings=PlanSettings.by_rules(allow=WITH_BEAMS))


@pytest.fixture(scope="module")
def shown(plain):
    one = shown_plans(plain)[0]
    assert any(action["kind"] == "radiotherapy" for action in one.plan.actions)
    return one


def test_the_answer_names_the_beam_for_what_it_is(plain, shown):
    said = plan_headline(plain)
    text = said.lines[0].text
    assert said.tone == "open"
    assert "could be treated" in text
    assert "resected or ablated" not in text
    assert "a definitive local treatment without margin or pathology" in text
    assert "the rules leave it undetermined" in text
    assert ("Without radiation no plan" in text) == plain.clearing.radiation.needed
    assert not re.search("|".join(FORBIDDEN), text, re.IGNORECASE)


def test_irradiated_lesions_have_their_letter_and_no_margin(plain, shown):
    beams = {name for name, got in shown.plan.clears.items() if got.kind == "radiotherapy"}
    letters = plan_letters(shown.plan)
    assert {name for name, letter in letters.items() if letter == "B"} == beams == {
        name for name, letter in actions(plain).items() if letter == "B"
    }  # fmt: skip
    assert "B" in ACTIONS
    assert "B" in SHORT
    assert "B" in ACTION_COLOURS
    assert "R" not in ACTIONS  # the patient's right
    row = plans_table(plain).rows[0]
    assert any(cell.startswith("none for") for cell in row)
    page = plan_pages(plain, {})
    cells = {row[0]: row for row in page.cards[0].lesions.rows}
    assert all(cells[name][2] == "none: an estimate" for name in beams)
    assert short_name(shown).endswith("stereotactic radiotherapy of " + _listed(beams))


def _listed(names):
    first, *rest = sorted(names)
    return first if not rest else f"{', '.join([first, *rest[:-1]])} and {rest[-1]}"


def test_the_card_says_dose_loss_interval_and_what_must_be_spared(plain, shown):
    facts = {fact.label: fact.value for fact in plan_facts(plain, shown)}
    assert "75\u00a0Gy in 3 fractions" in facts["Radiotherapy, an estimate"]
    assert re.search(r"counts as lost: \d+\u00a0mL \(\d+ to \d+\)", facts["Radiotherapy, an estimate"])
    assert "limit 700\u00a0mL" in facts["Liver spared by radiotherapy"]
    assert "not yet confirmed" in facts["Liver spared by radiotherapy"]
    assert "Irradiated beyond working" in facts
    assert any(label.startswith("Rules on radiotherapy") for label in facts)
    rules = [gap.what for gap in plan_rules(plain, shown)]
    assert any(rule.endswith("(undetermined)") for rule in rules)
    assert not any(rule.endswith("(stop)") for rule in rules)


def test_the_isodose_is_drawn_as_the_region_of_the_act(plain, shown):
    acts = acts_of(plain, shown)
    beam = next(act for act in acts if act.kind == "radiotherapy")
    region = next(one for one in shown.problem.candidates if one.id == beam.id).costs["irradiated"]
    assert np.count_nonzero(beam.region.data) == region.size
    assert beam.wanted_mm == 5.0
    assert "no margin: an estimate" in beam.words
    drawing = drawing_of(plain, shown, acts, {})
    assert "radiotherapy" in drawing.fields


def test_plans_json_holds_doses_checks_and_nulls(plain, shown):
    data = json.loads(plans_json(plain))
    plan = data["plans"][0]
    assert plan["radiation"]["margin"].startswith("none")
    assert {check["verdict"] for check in plan["radiation"]["checks"]} <= {"pass", "fail", "not checkable"}
    counted = [check["measure"] for check in plan["radiation"]["checks"]]
    assert "lesions irradiated in one course" in counted
    assert sum(count for count in plan["voxels"].values() if count is not None) == shown.plan.liver_voxels
    doses = {one["id"]: one["dose"] for one in data["candidates"]}
    chosen = next(name for name in plan["candidates"] if doses[name])
    assert doses[chosen]["lost_low_ml"] < doses[chosen]["lost_ml"] < doses[chosen]["lost_high_ml"]
    assert all(knowledge_base().sources[name] for name in doses[chosen]["isodose_sources"])
    assert data["settings"]["allow"] == list(WITH_BEAMS)
    assert data["radiation"]["considered"]


def test_findings_keep_their_schema(plain):
    data = findings(plain)
    jsonschema.validate(data, findings_schema())
    assert any(item["letter"] == "B" for lesion in data["lesions"] for item in lesion["plans"])


def test_rules_on_resection_ask_of_plans_without_radiation(plain):
    """Where no resection alone does it, embolisation is not called needless because a beam leaves enough liver."""
    assert plain.clearing.radiation.needed
    assert plain.facts["plan.exists"] is False


def test_verdicts_name_radiation_last(plain):
    for row in verdicts_table(plain).rows:
        ways = row[2].split("; ")
        beams = [place for place, way in enumerate(ways) if way.startswith("stereotactic radiotherapy")]
        assert not beams or beams == [len(ways) - 1]


def test_without_any_plan_it_is_said_that_radiotherapy_was_considered(plain):
    """Only beams, and four lesions: three at most are irradiated."""
    clearing = replan(plain, PlanSettings.by_rules(allow=("radiotherapy",)))
    found = replace(plain, clearing=clearing)
    assert clearing.found.outcome == "none"
    assert "Stereotactic radiotherapy was also considered for L1, L2, L3, L4." in plan_headline(found).lines[0].text
    assert "was also considered" in eased_table(found).note
    knife = replan(plain, PlanSettings.by_rules(allow=("resection",)))
    if knife.found.outcome == "none":
        assert "radiotherapy" not in plan_headline(replace(plain, clearing=knife)).lines[0].text


def test_an_organ_above_its_limit_and_a_doubtful_mean_dose_stand_in_the_answer(plain, shown):
    """The heart beside the first target, and a mean dose on either side of its limit of 15 Gy."""
    heart = Threat("heart", 8.0, 40.0, 35.0, 50.0, 30.0, "fail", "a", "unverified")
    (name,) = (name for name in shown.plan.chosen if name in plain.clearing.radiation.courses)
    course = plain.clearing.radiation.courses[name]
    said = {}
    for dose in (14.97, 15.06):
        sample_gy = np.full_like(course.sample_gy, dose)
        sample_gy[0], sample_gy[2] = 20.0, 10.0
        check = replace(course.checks[-1], value=dose, verdict="not checkable")
        changed = replace(course, threats=(heart,), sample_gy=sample_gy, checks=(*course.checks[:-1], check))
        radiation = replace(plain.clearing.radiation, courses={name: changed})
        clearing = replace(plain.clearing, radiation=radiation, radiation_without_open=radiation)
        facts = {fact.label: fact.value for fact in radiation_facts(clearing, shown.plan)}
        said[dose] = facts["Further limits of radiotherapy"]
        assert "limit 30\u00a0Gy: not met" in facts["Organs near a target"]
        text = radiation_sentence(clearing, shown.plan)
        assert "the heart would receive more than allowed (not yet confirmed)" in text
        assert "waits for a treatment plan" in text
    assert "14.97\u00a0Gy, limit 15\u00a0Gy: open" in said[14.97]
    assert "15.1\u00a0Gy, limit 15\u00a0Gy: open" in said[15.06]
