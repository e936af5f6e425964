"""The pages on plans of an invented patient: cards, facts, needles, findings; and what stands there without a plan."""

from __future__ import annotations

import re
from dataclasses import replace
from types import SimpleNamespace

import jsonschema
import numpy as np
import pytest

import glisson as g
from glisson.assessment import replan
from glisson.planning import PlanSettings
from glisson.report import findings
from glisson.report.build import dossier_view
from glisson.report.html import html
from glisson.report.numbers import findings_schema
from glisson.report.pictures import draw
from glisson.report.plan_acts import acts_of, candidates_of, drawing_of, new_acts, short_name, shown_plans
from glisson.report.plan_facts import _cut_branches, plan_facts, plan_rules
from glisson.report.plan_pages import lesion_plans, needled, plan_pages, with_needles
from glisson.report.words import volume
from glisson.simulate import virtual_patient

FORBIDDEN = ("cleared", "optimal", "proof", "certificate", "safe", "curable")


@pytest.fixture(scope="module")
def result():
    made = virtual_patient(seed=2, lesions=5, shape=(96, 96, 64), spacing_mm=(4.0, 4.0, 4.0))
    return g.assess(made.case, made.scene)


@pytest.fixture(scope="module")
def drawn(result):
    said = []
    made = draw(result, lambda words, share: said.append((words, share)))
    return SimpleNamespace(figures=made.figures, files=made.files, said=said)


def ablated(result):
    return [name for name, got in result.clearing.found.plans[0].clears.items() if got.kind == "ablation"]


def test_every_plan_has_a_card_and_its_pictures(result, drawn):
    pages = plan_pages(result, drawn.figures)
    plans = result.clearing.found.plans
    assert [card.number for card in pages.cards if not card.only_if] == [str(n) for n in range(1, len(plans) + 1)]
    assert all(card.figures for card in pages.cards)
    assert pages.cards[0].large
    assert (pages.chart is not None) == (len(plans) > 1)
    assert {card.lesion for card in pages.needles} == set(ablated(result))


def test_the_steps_are_told_as_they_are_drawn(drawn):
    words = [text for text, _ in drawn.said]
    assert "Drawing plan 1" in words
    assert "Drawing the first plan in 3d" in words
    shares = [share for _, share in drawn.said]
    assert shares == sorted(shares)
    assert all(f.file in drawn.files for f in drawn.figures.values())


def test_a_card_says_what_was_counted(result):
    for shown in shown_plans(result):
        facts = {fact.label: fact.value for fact in plan_facts(result, shown)}
        plan = shown.plan
        assert facts["Working liver that stays"].startswith(volume(plan.remnant_nontumour_ml))
        for label, cause in (("Removed", "removed"), ("Destroyed by ablation", "destroyed")):
            count = plan.voxels[cause]
            assert facts[label].startswith(volume(count * plan.voxel_ml) if count else "none")
        assert "not a chance of success" in facts["Geometric re-runs"]


def test_what_each_lesion_gets_is_said_once_for_each(result, drawn):
    card = plan_pages(result, drawn.figures).cards[0]
    plan = result.clearing.found.plans[0]
    assert [row[0] for row in card.lesions.rows] == list(plan.clears)
    for row in card.lesions.rows:
        got = plan.clears[row[0]]
        assert row[1].lower() == got.label.lower()
        assert got.margin_mm is None or f"{got.margin_mm:.1f}" in row[2]


def test_an_act_is_drawn_once_and_the_narrowest_first(result):
    seen: set[str] = set()
    drawn_ids = []
    for shown in shown_plans(result):
        acts = acts_of(result, shown)
        spare = [
            min(shown.problem.spare_mm(shown.problem.by_id()[act.id])[name] for name in act.lesions) for act in acts
        ]
        assert spare == sorted(spare)
        drawn_ids += [act.id for act in new_acts(acts, seen)]
    assert len(drawn_ids) == len(set(drawn_ids))
    assert set(drawn_ids) == {one.id for shown in shown_plans(result) for one in candidates_of(shown)}


def test_regions_of_acts_hold_the_voxels_of_their_candidates(result):
    shown = shown_plans(result)[0]
    by_id = shown.problem.by_id()
    for act in acts_of(result, shown):
        cause = "destroyed" if act.kind == "ablation" else "removed"
        assert act.region.count == by_id[act.id].costs[cause].size


def test_a_branch_is_cut_where_its_points_lie_in_the_removed_region():
    """A straight vessel of ten points, of which four lie in the removed half of a box."""
    from glisson.geometry import Grid, Labels

    grid = Grid.axial((10, 4, 4), (1.0, 1.0, 1.0))
    nodes = grid.to_mm(np.array([[n, 2, 2] for n in range(10)]))
    tree = SimpleNamespace(nodes_mm=nodes, branch=np.array([0] * 10))
    territories = SimpleNamespace(tree=tree, labels=Labels(np.ones(grid.shape, np.uint8), grid, {1: "a"}))
    named = SimpleNamespace(name="right anterior branch", branches=(0,))
    system = SimpleNamespace(territories=territories, names=SimpleNamespace(named=(named,)))
    removed = np.zeros(grid.shape, bool)
    removed[6:] = True
    assert list(_cut_branches(system, removed)) == [("right anterior branch", pytest.approx(0.4))]
    assert list(_cut_branches(system, np.zeros(grid.shape, bool))) == []


def test_findings_say_what_each_plan_does_to_each_lesion(result):
    data = findings(result)
    jsonschema.validate(data, findings_schema())
    plans = result.clearing.found.plans
    for lesion in data["lesions"]:
        assert [item["plan"] for item in lesion["plans"]] == list(range(1, len(plans) + 1))
        for item, plan in zip(lesion["plans"], plans, strict=True):
            got = plan.clears[lesion["id"]]
            assert item["act"] == got.label
            assert item["letter"] == ("A" if got.kind == "ablation" else "X")
            assert item["margin_mm"] == (None if got.margin_mm is None else pytest.approx(got.margin_mm, abs=0.001))
    assert lesion_plans(replace(result, clearing=None), "L1") is None


def test_the_page_holds_every_card_in_the_words_of_a_board(result, drawn):
    text = html(dossier_view(result, drawn.figures), drawn.files)
    for shown in shown_plans(result):
        assert f'id="plan-{shown.number}"' in text
    assert text.count("data:image/png") == len(drawn.files)
    text = re.sub('data:image/png;base64,[^"]*', "", text)
    chapter = text[text.index('id="plans-in-pictures"') : text.index("Lesion by lesion")].lower()
    for word in FORBIDDEN:
        assert word not in chapter


def test_rules_on_acts_come_with_their_words(result):
    for rule in plan_rules(result, shown_plans(result)[0]):
        assert rule.why
        assert rule.what.endswith(")")


def test_many_lesions_are_counted_not_named(result):
    shown = shown_plans(result)[0]
    assert short_name(shown).lower() == shown.plan.name.lower()
    many = {f"L{n}": next(iter(shown.plan.clears.values())) for n in range(1, 15)}
    crowd = replace(shown, plan=replace(shown.plan, clears=many))
    assert len(short_name(crowd)) < 120
    assert "L9" not in short_name(crowd)


def test_lesions_beside_the_targets_stay_in_the_drawing(result):
    shown = shown_plans(result)[0]
    fewer = {name: got for name, got in shown.plan.clears.items() if name != "L1"}
    letters = dict.fromkeys(shown.plan.clears, "X") | {"L9": "N"}
    made = drawing_of(result, replace(shown, plan=replace(shown.plan, clears=fewer)), (), letters)
    assert made.marks["L1"][0] == "S"
    assert made.marks["L9"][0] == "N"


@pytest.fixture(scope="module")
def uncertain():
    """A patient with indeterminate lesions, whose first plan ablates nothing."""
    made = virtual_patient(seed=5, lesions=6, shape=(96, 96, 64), spacing_mm=(4.0, 4.0, 4.0))
    return g.assess(made.case, made.scene)


def test_indeterminate_lesions_give_one_more_plan_that_leaves_them(uncertain):
    assert uncertain.clearing.found_without_open.plans
    *front, last = shown_plans(uncertain)
    assert (last.number, last.large) == ("W", True)
    left = [lesion.id for lesion in uncertain.lesions if lesion.nature == "indeterminate"]
    assert all(name in last.only_if for name in left)
    letters = dict.fromkeys((lesion.id for lesion in uncertain.lesions), "X")
    marks = drawing_of(uncertain, last, (), letters).marks
    assert {name for name, (letter, _) in marks.items() if letter == "S"} == set(left)
    assert [one.number for one in front] == [str(n) for n in range(1, len(front) + 1)]


def test_needles_are_those_of_the_first_plan_that_ablates(uncertain):
    shown = shown_plans(uncertain)
    kinds = [{got.kind for got in one.plan.clears.values()} for one in shown]
    first = next(one for one, held in zip(shown, kinds, strict=True) if "ablation" in held)
    assert with_needles(uncertain, shown) is first
    assert {planned.lesion for planned, _ in needled(uncertain, first)} == {
        name for name, got in first.plan.clears.items() if got.kind == "ablation"
    }


def test_without_a_plan_there_is_no_card_that_keeps_every_limit(result):
    nothing = replan(result, PlanSettings.by_rules(allow=("ablation",), ablation_margin_mm=50.0))
    assert not nothing.found.plans
    without = replace(result, clearing=nothing)
    assert all(shown.only_if for shown in shown_plans(without))
    pages = plan_pages(without, {})
    assert pages is None or pages.title.startswith("No plan keeps every limit")
    assert plan_pages(replace(result, clearing=None), {}) is None
