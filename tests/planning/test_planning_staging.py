"""Plans that wait for the remnant to grow: livers of a few hundred numbered voxels whose answer is a sum on paper."""

from __future__ import annotations

from datetime import date
from itertools import combinations
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glisson.anatomy import segment_map, whole_liver
from glisson.case import loads_case
from glisson.geometry import Grid, Labels, Mask
from glisson.knowledge import knowledge_base
from glisson.planning import PlanSettings, clear_liver, standard_resections
from glisson.planning.clearance import Candidate, Effort, Problem, SegmentNeed, Threshold, search
from glisson.planning.enlarging import closures, enlargements
from glisson.planning.staging import remnant_over_weeks
from glisson.planning.staging_search import StagingFacts, search_stages, with_growth
from glisson.scene import ImageFacts, LesionMask, Scene

NAMES = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII")
RIGHT = ("V", "VI", "VII", "VIII")
CLEAR = {
    "liver.portal_vein_thrombosis": False, "liver.varices": False, "liver.portal_hypertension": False,
    "liver.biliary_obstruction": False, "extrahepatic.all_treatable_with_curative_intent": True,
}  # fmt: skip
FACTS = StagingFacts(CLEAR, needed_decided=True)


def a_liver(remnant: int, *, right_lesion=True, left_lesion=False, threshold=30.0, wedge=False) -> Problem:
    """1000 voxels of 1 mL without tumour, `remnant` of them in I to IV (a quarter each), and lesions of 8 voxels.

    L1 asks for the right hepatectomy, L2 (in II) for an ablation of 10 voxels or a wedge of 15.
    """
    sizes = [remnant // 4] * 3 + [remnant - 3 * (remnant // 4)] + [(1000 - remnant) // 4] * 3
    labels = np.repeat(np.arange(1, 9), [*sizes, 1000 - sum(sizes)]).astype(np.uint8)
    labels = np.concatenate([labels, np.full(8, 8, np.uint8), np.full(8, 2, np.uint8)])
    tumour = np.arange(1016) >= 1000
    place = {name: np.flatnonzero(labels == number).astype(np.int32) for number, name in enumerate(NAMES, 1)}
    right = np.sort(np.concatenate([place[name] for name in RIGHT]))
    wide = np.sort(np.concatenate([right, place["IV"]]))
    near = place["II"][: 15 if wedge else 10]
    second = np.sort(np.concatenate([near, np.arange(1008, 1016, dtype=np.int32)]))
    kind = "wedge" if wedge else "ablation"
    made = [
        Candidate("right", "resection", "right hepatectomy", {"L1": 5.0}, {"removed": right}, RIGHT, burden=5.0,
                  excludes=frozenset({"wide"})),
        Candidate("wide", "resection", "right trisectionectomy", {"L1": 9.0}, {"removed": wide}, ("IV", *RIGHT),
                  burden=7.0),
        Candidate("small", kind, f"{kind} II" if wedge else kind, {"L2": 6.0},
                  {"removed" if wedge else "destroyed": second}, ("II",), burden=1.0 if wedge else 0.5),
    ]  # fmt: skip
    wanted = [name for name, asked in (("L1", right_lesion), ("L2", left_lesion)) if asked]
    pairs = tuple(combinations(NAMES, 2))
    return Problem(
        1.0, tumour, tuple(wanted), tuple(made), {"resection": 1.0, "wedge": 1.0, "ablation": 5.0},
        Threshold(threshold, ("nontumour",), "remnant-needed"), SegmentNeed(NAMES, labels, pairs, 2, "rule"),
    )  # fmt: skip


def test_22_percent_after_chemotherapy_waits_for_growth():
    """220 of 1000 mL, 300 needed: 36.4 % more, which the series expects in the fifth week (5.4 and 1.5 points a week:
    9.9 in four weeks for 36 %, so 10.0 points for 36.4 %: day 28.5)."""
    problem = a_liver(220)
    assert search(problem).outcome == "none"
    found = search_stages(problem, FACTS, Effort(20.0))
    one = found.plans[0]
    assert one.name == (
        "right portal vein embolisation, then right hepatectomy after 5 to 8 weeks if the remnant then reaches 30 %"
    )
    assert one.relaxation == "embolisation"
    assert one.plan.burden == pytest.approx(1.5 + 5.0)
    assert (one.now_percent, one.needed_percent, one.needed_ml) == pytest.approx((22.0, 30.0, 300.0))
    assert (one.needed_points, one.needed_per_week) == pytest.approx((8.0, 1.6))
    assert one.needed_growth_percent == pytest.approx(100 * 80 / 220)
    best, expected, worst = one.days
    assert expected == 28.5
    assert best < expected
    assert worst is None
    four = next(at for at in one.over_weeks if at.week == 4)
    assert (four.ml, four.low_ml, four.high_ml) == pytest.approx((220 * 1.36, 220 * 1.088, 220 * 1.632))
    assert four.percent == pytest.approx(29.92)
    assert "Conditional on growth" in one.condition
    assert "20 to 40 % not resected" in one.condition
    assert one.plan.holds


def test_35_percent_needs_no_growth():
    assert search(a_liver(350)).outcome == "plans"


def test_10_percent_does_not_grow_to_30():
    """100 to 300 mL asks for 200 %; no series comes near."""
    found = search_stages(a_liver(100), FACTS, Effort(20.0))
    assert not found.plans
    assert any("10.0 % now to 15.8 % expected in week 8" in why for why in found.refused["embolisation"])


@pytest.mark.parametrize(("wedge", "first", "burden"), [(False, "ablation of L2", 0.5), (True, "wedge II", 1.0 + 3.0)])
def test_a_lesion_in_the_remnant_is_treated_first(wedge, first, burden):
    """260 mL less 10 (or 15): two stages. A wedge is an operation of its own, which counts as a second one."""
    found = search_stages(a_liver(260, left_lesion=True, wedge=wedge), FACTS, Effort(20.0))
    one = next(item for item in found.plans if item.relaxation == "two-stage")
    assert one.name.startswith(f"{first}, then right portal vein embolisation, then right hepatectomy after ")
    assert one.first == ("small",)
    assert one.last == ("right",)
    assert [stage.lost for stage in one.stages] == [18 if not wedge else 23, 0, 748]
    assert one.stages[-1].stays == one.plan.voxels["remnant"] == 260 - (15 if wedge else 10)
    assert one.plan.burden == pytest.approx(burden + 1.5 + 5.0)
    assert any(item.technique == "two-stage" for item in one.outcomes)
    assert not any(item.relaxation == "embolisation" for item in found.plans)


def test_growth_stands_among_the_relaxations_of_the_certificate():
    problem = a_liver(220)
    found = with_growth(search(problem), search_stages(problem, FACTS, Effort(20.0)))
    eased = {one.id: one for one in found.certificate.relaxations}
    assert eased["embolisation"].outcome == "possible"
    assert eased["embolisation"].plan.modifier == "embolise-right"
    assert eased["embolisation"].plan.grown_ml == pytest.approx(220 * (1 + 0.36 * 11.4 / 9.9))
    assert eased["venous-deprivation"].outcome == "possible"
    assert eased["alpps"].outcome == "possible"
    assert eased["two-stage"].outcome == "not assessed"


SPHERES = StagingFacts(CLEAR, needed_decided=True, spheres=True)


def test_radioembolisation_of_the_lobe_stands_beside_embolisation():
    """320 of 1000 mL, 40 % needed: 25 % more. The series saw 45 % in nine months, taken to come evenly: 25 / 45 of
    273.9 days is day 152.2, week 22; closing the vein is expected to do it in weeks. Its range, 5 to 186 %, never
    reaches 25 % at the low end. Of published patients 30 % were resected."""
    problem = a_liver(320, threshold=40.0)
    plain = search_stages(problem, FACTS, Effort(20.0))
    assert not any(one.relaxation == "radioembolisation" for one in plain.plans)
    found = search_stages(problem, SPHERES, Effort(20.0))
    one = next(item for item in found.plans if item.relaxation == "radioembolisation")
    assert one.name == (
        "radioembolisation of the right lobe, then right hepatectomy after 22 to 40 weeks if the remnant then reaches "
        "40 %"
    )
    best, expected, worst = one.days
    assert expected == pytest.approx(25 / 45 * 273.9, abs=0.3)
    assert best == pytest.approx(25 / 186 * 273.9, abs=0.3)
    assert worst is None
    assert [week.week for week in one.over_weeks] == [10, 20, 29, 39]
    assert one.over_weeks[-1].percent == pytest.approx(32.0 * (1 + 0.45 * 39 * 7 / 273.94), abs=0.01)
    assert one.plan.burden == pytest.approx(1.0 + 5.0)
    assert "30 % resected (birgin-2020)" in one.condition
    assert any("hepatocellular" in note for note in one.notes)
    vein = next(item for item in found.plans if item.relaxation == "embolisation")
    assert vein.wait_weeks[1] < one.wait_weeks[0]
    assert one.plan.voxels == vein.plan.voxels
    eased = {item.id: item for item in with_growth(search(problem), found).certificate.relaxations}
    assert eased["radioembolisation"].outcome == "possible"
    without = {item.id: item for item in with_growth(search(problem), plain).certificate.relaxations}
    assert without["radioembolisation"].outcome == "not assessed"


def test_a_lobe_is_not_radioembolised_where_less_than_the_reserve_lies_outside():
    """220 of 1000 mL lie outside the right lobe; the guideline asks for more than 30 %."""
    found = search_stages(a_liver(220), SPHERES, Effort(20.0))
    assert not any(one.relaxation == "radioembolisation" for one in found.plans)
    assert set(found.refused["radioembolisation"]) == {
        "Radioembolisation of the right lobe: 22.0 % of the liver lies outside it, more than 30 % is asked "
        "(dose-eanm-2022).",
    }


def test_a_firm_stop_against_radioembolisation_takes_it_out():
    """Bilirubin above 34.2 umol/L is a confirmed contraindication."""
    jaundiced = StagingFacts({**CLEAR, "labs.bilirubin_umol_l": 40.0}, needed_decided=True, spheres=True)
    found = search_stages(a_liver(320, threshold=40.0), jaundiced, Effort(20.0))
    assert not any(one.relaxation == "radioembolisation" for one in found.plans)
    assert "34.2" in found.refused["radioembolisation"][0]


def test_a_firm_stop_takes_a_way_out_and_an_unconfirmed_one_leaves_it_open():
    """Thrombosis of the portal vein speaks against closing it; that stop is not confirmed, so nothing is decided."""
    thrombosed = StagingFacts({**CLEAR, "liver.portal_vein_thrombosis": True}, needed_decided=True)
    one = search_stages(a_liver(220), thrombosed, Effort(20.0)).plans[0]
    assert one.verdict == "undetermined"
    assert ("embolisation-thrombosis", "contraindicated") in one.rules
    assert knowledge_base().rule("embolisation-thrombosis").status == "unverified"


def test_a_standardised_remnant_that_is_large_enough_is_not_a_stop_when_the_other_share_rules():
    """220 of 1000 mL measured, 220 of 700 mL expected: 31.4 % standardised, 22 % of non-tumour liver, which rules."""
    problem = a_liver(220)
    both = Threshold(30.0, ("nontumour", "standardised"), "remnant-needed")
    problem = Problem(**{**vars(problem), "threshold": both, "expected_ml": 700.0})
    one = search_stages(problem, FACTS, Effort(20.0)).plans[0]
    assert one.now_percent == pytest.approx(22.0)
    assert ("embolisation-small-remnant", "contraindicated") not in one.rules


def test_what_is_closed_is_whole_and_leaves_something():
    assert [one.id for one in closures(NAMES)] == ["right", "right-4", "left"]
    assert [one.id for one in closures(("I", "II", "III", "IV"))] == ["left"]
    assert closures(RIGHT) == ()
    assert {one.act for one in enlargements(closures(NAMES)[0])} == {
        "portal-vein-embolisation", "liver-venous-deprivation", "alpps",
    }  # fmt: skip


@given(st.integers(150, 300), st.booleans(), st.booleans())
@settings(max_examples=25, deadline=None)
def test_nothing_that_stays_is_closed_and_no_voxel_is_lost_or_made(remnant, left_lesion, wedge):
    problem = a_liver(remnant, left_lesion=left_lesion, wedge=wedge)
    if search(problem).outcome != "none":
        return
    labels = np.array(NAMES)[problem.segments.labels - 1]
    for one in search_stages(problem, FACTS, Effort(20.0)).plans:
        by_id = problem.by_id()
        taken = np.zeros(problem.voxels, bool)
        taken[by_id[one.last[0]].costs["removed"]] = True
        assert len(one.last) == 1
        assert taken[np.isin(labels, one.enlargement.closes)].all()
        assert set(one.plan.clears) == set(problem.targets)
        assert sum(stage.lost for stage in one.stages) + one.stages[-1].stays == problem.voxels
        assert sum(one.plan.voxels.values()) == problem.voxels
        assert one.now_percent < one.needed_percent
        at = [week.ml for week in one.over_weeks]
        assert at == sorted(at)
        assert all(week.low_ml <= week.ml <= week.high_ml for week in one.over_weeks)
        grown = remnant_over_weeks(
            one.enlargement.forecast, one.plan.remnant_nontumour_ml, one.denominator_ml, (one.wait_weeks[0],)
        )
        assert grown[0].percent >= one.needed_percent - 1e-6


RECORD = """\
id: a
patient: {height_cm: 170, weight_kg: 55, ecog: 0}
primary: {site: colorectal}
liver: {background: chemotherapy, chemotherapy_months: 4}
"""


@pytest.fixture
def ask():
    """The whole search on a box liver of 45 000 voxels of 27 mm³ whose right part is `right` voxels wide."""

    def plan(right=39, record=RECORD, more=(), scanned="2024-05-03"):
        labels = np.zeros((60, 40, 40), np.uint8)
        x = 5 + right
        for value, j, k in (
            (5, (5, 20), (5, 20)),
            (6, (20, 35), (5, 20)),
            (7, (20, 35), (20, 35)),
            (8, (5, 20), (20, 35)),
        ):
            labels[5:x, slice(*j), slice(*k)] = value
        labels[x : x + 4, 5:25, 5:35], labels[x : x + 4, 25:35, 5:35] = 4, 1
        labels[x + 4 : 55, 5:35, 5:20], labels[x + 4 : 55, 5:35, 20:35] = 3, 2
        grid = Grid.axial(labels.shape, (3.0, 3.0, 3.0))
        at = np.indices(labels.shape)
        balls = [((20, 20, 20), 6.0), *more]
        masks = [((at - np.reshape(centre, (3, 1, 1, 1))) ** 2).sum(axis=0) <= r**2 for centre, r in balls]
        lesions = tuple(LesionMask(f"L{n}", Mask(mask, grid).trimmed()) for n, mask in enumerate(masks, 1))
        facts = ImageFacts(modality="CT", date=scanned)
        scene = Scene(
            grid, {"liver": Mask(labels > 0, grid)}, lesions=lesions, segments=Labels(labels, grid), facts=facts
        )
        liver = whole_liver(scene)
        segments = segment_map(scene, liver)
        natures = {lesion.id: "confirmed" for lesion in lesions}
        case = loads_case(record)
        known = [SimpleNamespace(id=name, nature="confirmed") for name in natures]
        resections = standard_resections(case, scene, liver, segments, known)
        how = PlanSettings.by_rules(allow=("resection", "ablation"))
        return clear_liver(case, scene, liver, segments, resections, natures, settings=how)

    return plan


def test_from_masks_to_an_embolisation(ask):
    """9900 voxels of 44 075 stay after right hepatectomy: 22.5 %; more than three months of chemotherapy need 30 %."""
    found = ask()
    assert found.found.outcome == "none"
    assert found.staged[0].plan.remnant_percent_nontumour == pytest.approx(22.5, abs=0.1)
    assert found.staged[0].name.startswith("right portal vein embolisation, then right hepatectomy after 5 to 8 weeks")
    assert found.staged[0].dates is None
    assert any("taken from the segment map" in note for note in found.staged[0].notes)


def test_from_masks_to_no_embolisation(ask):
    """With 16 200 voxels left of the border, 36.8 %, one operation is enough and nothing is put before it."""
    found = ask(right=32)
    assert found.found.outcome == "plans"
    assert found.staged == ()


def test_from_masks_to_two_stages(ask):
    found = ask(more=[((50, 20, 12), 2.2)])
    assert found.staged[0].relaxation == "two-stage"
    assert found.staged[0].name.startswith(
        "microwave ablation of L2, then right portal vein embolisation, then right h"
    )


def test_a_planned_day_makes_dates_of_the_weeks(ask):
    planned = f"{RECORD}treatments: [{{kind: portal-vein-embolisation, start: 2024-05-06}}]\n"
    assert ask(record=planned).staged[0].dates == (date(2024, 6, 10), date(2024, 7, 1))


def test_nothing_is_forecast_for_a_liver_that_was_embolised_before_the_scan(ask):
    before = f"{RECORD}treatments: [{{kind: portal-vein-embolisation, start: 2024-04-01}}]\n"
    found = ask(record=before)
    assert found.staged == ()
    assert any("were closed before this scan" in note for note in found.notes)
    assert found.found.certificate is not None
