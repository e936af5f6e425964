"""Tables, data and picture of plans that wait for growth, from a plan made by hand."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from glisson.case import Unknown, loads_case
from glisson.planning.clearance import Plan
from glisson.planning.enlarging import CLOSURES, enlargements
from glisson.planning.growth import hypertrophy
from glisson.planning.staging import Stage, StagedPlan, outcomes_of, remnant_over_weeks
from glisson.report.figures.growth import growth_curves
from glisson.report.growth import growth_data, growth_findings, growth_tables, measured_table, shown_staged

PVE, LVD, ALPPS = enlargements(CLOSURES[0])


def a_staged(way=PVE, percent=22.0, wait=(5, 8)) -> StagedPlan:
    """`percent` of 1000 mL now, 30 % needed."""
    name = f"{way.label}, then right hepatectomy after {wait[0]} to {wait[1]} weeks if the remnant then reaches 30 %"
    plan = Plan(
        name=name, chosen=("right",), actions=(), clears={}, left=(), voxels={"removed": 780, "remnant": 220},
        voxel_ml=1.0, lost_nontumour_ml=780.0, remnant_nontumour_ml=10.0 * percent, remnant_percent_nontumour=percent,
        remnant_percent_standardised=None, kept_segments=(), burden=6.5, spare_mm=None,
    )  # fmt: skip
    return StagedPlan(
        plan=plan, enlargement=way, relaxation=way.relaxation, first=(), last=("right",),
        stages=(Stage(way.label, (), 0, 1000), Stage("right hepatectomy", ("right",), 780, 220)),
        denominator_ml=1000.0, needed_percent=30.0,
        over_weeks=remnant_over_weeks(way.forecast, 10.0 * percent, 1000.0),
        days=way.forecast.days_until(percent, 30.0), wait_weeks=wait, verdict="eligible", why="a reason",
        rules=(("a-rule", "eligible"),), outcomes=outcomes_of((way.modality,)), notes=("About the portal vein.",),
    )  # fmt: skip


def a_result(*plans: StagedPlan, growth=None, record="id: a\n") -> SimpleNamespace:
    clearing = SimpleNamespace(
        staged=plans, staged_without_open=(), growth=growth or Unknown("no second volumetry is recorded"),
        found=SimpleNamespace(plans=()),
    )  # fmt: skip
    return SimpleNamespace(clearing=clearing, case=loads_case(record))


def test_the_tables_say_the_sequence_the_condition_and_who_did_not_get_there():
    staged, forecast, outcomes = growth_tables(a_result(a_staged()))
    row = staged.rows[0]
    assert row[0].startswith("1. Right portal vein embolisation, then right hepatectomy after 5 to 8 weeks")
    assert row[2].startswith("22")
    assert row[4].startswith("+8.0 points (+36\u00a0%); 1.6 a week by week 5")
    assert row[5] == "earliest week 1.2, expected week 4.1, at the low end not within the forecast"
    assert row[6] == "eligible: a reason"
    assert "Conditional on growth" in staged.note
    assert "About the portal vein." in staged.note
    assert "not yet confirmed" in staged.note
    assert forecast.rows[0][2].startswith("30\u00a0% (24–36)")
    assert "measure again" in forecast.note
    shares = [row[1] for row in outcomes.rows if row[2] == "not resected"]
    assert shares == ["20 to 40\u00a0%"]
    assert all(len(row) == len(table.columns) == len(table.numeric) for table in growth_tables(a_result(a_staged()))
               for row in table.rows)  # fmt: skip


def test_a_borrowed_spread_is_named():
    _, forecast, _ = growth_tables(a_result(a_staged(LVD)))
    assert "croome-2015 where the series states none" in forecast.note


def test_what_was_measured_stands_beside_what_was_expected():
    """300 to 420 mL of 1500 in three weeks: +40 %, 8 points, 2.7 a week; the series expects 8.4 of 9.9 points of 36 %
    by then. Two outlines differ by 13.7 % (95 %), so the growth lies between 1.4 / 1.147 and 1.4 * 1.147, the rate
    within 1.96 deviations of 4.97 % of hypot(300, 420) mL over 15 mL a point and three weeks."""
    record = "id: a\ntreatments: [{kind: portal-vein-embolisation, start: 2024-01-11}]\n"
    table = measured_table(a_result(growth=hypertrophy(300.0, 420.0, 1500.0, 21.0), record=record))
    by_name = {row[0]: row[1:] for row in table.rows}
    assert by_name["Growth over the volume before"][0] == "+40\u00a0% (+22 to +61)"
    assert by_name["Growth over the volume before"][1].startswith(
        "31\u00a0% (7 to 54) expected by that day (croome-2015)"
    )
    assert by_name["Degree of hypertrophy"] == ("+8.0 points", "7.5 points (shindoh-2013, not yet confirmed)")
    assert by_name["Kinetic growth rate"][0] == "+2.7 points a week (+1.5 to +3.8)"


def test_nothing_is_said_where_nothing_waits():
    assert growth_tables(a_result()) == ()
    nothing = SimpleNamespace(clearing=None)
    assert growth_tables(nothing) == ()
    assert growth_data(nothing) is None
    assert growth_findings(nothing) is None
    assert growth_curves(()) is None


def test_plans_without_the_open_lesions_are_shown_when_there_are_no_others():
    result = a_result()
    result.clearing.staged_without_open = (a_staged(),)
    assert len(shown_staged(result)) == 1
    result.clearing.found.plans = ("a plan",)
    assert shown_staged(result) == ()


def test_the_data_is_plain_and_says_what_it_hangs_on():
    data = growth_data(a_result(a_staged()))
    (one,) = json.loads(json.dumps(data, allow_nan=False))["staged"]
    assert one["conditional_on"] == "growth"
    assert one["needed_points"] == pytest.approx(8.0)
    assert one["days_until_limit"]["latest"] is None
    assert one["wait_dates"] is None
    assert data["measured"] is None
    assert data["not_measured"] == "no second volumetry is recorded"
    assert "plan" in one
    assert "plan" not in growth_findings(a_result(a_staged()))["staged"][0]


def pixels(picture) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(picture.png)).convert("RGB"))


def test_the_picture_has_a_panel_for_each_plan_and_says_the_same_in_words():
    picture = growth_curves([a_staged(), a_staged(LVD), a_staged(ALPPS, wait=(2, 2))])
    assert "22.0 % now, week 2 27.5 % (23.3 to 31.7)" in picture.alt
    assert picture.alt.count("30 % needed") == 3
    assert "measure again" in picture.caption
    drawn = pixels(picture)
    assert drawn.shape == (picture.height, picture.width, 3)
    for third in np.array_split(drawn, 3, axis=1):
        assert (third != 255).any()


def test_a_wider_interval_colours_more():
    """The band of ALPPS, 7.8 points, covers less than that of embolisation, 27.2."""
    wide, narrow = (growth_curves([a_staged(way)]) for way in (PVE, replace(PVE, forecast=ALPPS.forecast)))
    tint = [
        ((pixels(one)[..., 0] > 180) & (pixels(one)[..., 0] < 220) & (pixels(one)[..., 1] > 220)).sum()
        for one in (wide, narrow)
    ]
    assert tint[0] > 2 * tint[1] > 0
