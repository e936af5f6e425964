"""What radiation would treat and spare before a plan: balls and boxes whose volumes a hand can compute."""

from __future__ import annotations

import numpy as np
import pytest

from glisson.errors import InputError
from glisson.geometry import Grid, Mask
from glisson.knowledge import knowledge_base
from glisson.planning.irradiating import (
    beam_act,
    beams_together,
    failed_rules,
    stereotactic_checks,
    stereotactic_schedule,
)
from glisson.planning.liver_voxels import LiverVoxels
from glisson.planning.perfusing import lobe_growth, sphere_acts, sphere_candidate

GRID = Grid.axial((100, 100, 100), (1.4, 1.4, 1.4), (-69.3, -69.3, -69.3))
"""A cube of 140 mm, 2744 mL, its middle at the origin; the ball lies off the lattice's centre."""

TARGET_MM, MARGIN_MM = 17.383, 5.0
"""A ball of 22 mL: the table of fall-off has a row there, R50 4.5 wanted and 5.5 tolerated."""

REACH = {"expected": 4.5, "slow": 5.5}
"""R50 -> the dose falls to a fifth (75 Gy to 15) at radius x (1 + log2(5) x (R50^(1/3) - 1))."""


def ball(radius: float, centre=(0.0, 0.0, 0.0), grid: Grid = GRID) -> Mask:
    places = grid.to_mm(np.moveaxis(np.indices(grid.shape), 0, -1))
    return Mask(np.linalg.norm(places - np.array(centre), axis=-1) <= radius, grid)


MIDDLE = (0.31, -0.42, 0.17)
LIVER = Mask(np.ones(GRID.shape, bool), GRID)
LESION = ball(TARGET_MM - MARGIN_MM, MIDDLE)
SCHEDULE = (75.0, 3, MARGIN_MM)


def reach_mm(kind: str) -> float:
    return TARGET_MM * (1 + np.log2(5) * (REACH[kind] ** (1 / 3) - 1))


def ball_ml(radius: float) -> float:
    return 4 / 3 * np.pi * radius**3 / 1000


@pytest.fixture(scope="module")
def act():
    return beam_act(LIVER, {"L1": LESION}, "L1", longest_mm=25.0, schedule=SCHEDULE)


def test_the_schedule_is_the_confirmed_one_of_the_table():
    assert stereotactic_schedule() == (75.0, 3, 5.0)


def test_liver_that_is_not_spared_is_a_ball_of_known_radius(act):
    """15 Gy of 75 Gy is log2(5) halvings away; half the dose encloses 4.5 times the target's volume."""
    assert act.below_gy == 15.0
    assert act.spared.target_ml[0] == pytest.approx(22.0, rel=0.02)
    assert act.spared.normal_ml == pytest.approx(2744 - LESION.volume_ml)
    assert act.spared.estimate_ml == pytest.approx(2744 - ball_ml(reach_mm("expected")), rel=0.01)
    assert act.spared.low_ml == pytest.approx(2744 - ball_ml(reach_mm("slow")), rel=0.01)
    assert act.allowed
    assert "not a treatment plan" in act.method


def test_spared_liver_passes_fails_or_waits_for_a_plan():
    """Slabs of liver around the ball: 2744 mL passes; 500 mL can never leave 700; between, the interval decides."""

    def verdict(slices: int) -> str:
        data = np.zeros(GRID.shape, bool)
        data[:, :, 50 - slices // 2 : 50 + slices // 2] = True
        found = beam_act(Mask(data, GRID), {"L1": LESION}, "L1", schedule=SCHEDULE)
        return found.checks[-1].verdict

    assert [verdict(n) for n in (100, 18)] == ["pass", "fail"]
    verdicts = [verdict(n) for n in range(28, 52, 2)]
    assert verdicts == sorted(verdicts, key=["fail", "not checkable", "pass"].index)
    assert "not checkable" in verdicts


def test_other_lesions_are_no_liver():
    """A second lesion far away takes its own volume from what can be spared, and nothing else."""
    other = ball(10.0, (55.0, 55.0, 55.0))
    alone = beam_act(LIVER, {"L1": LESION}, "L1", schedule=SCHEDULE)
    two = beam_act(LIVER, {"L1": LESION, "L2": other}, "L1", schedule=SCHEDULE)
    assert alone.spared.estimate_ml - two.spared.estimate_ml == pytest.approx(other.volume_ml, rel=0.05)


@pytest.mark.parametrize(
    ("longest", "lesions", "normal", "verdicts"),
    [
        (59.9, 3, 1000.1, ["pass", "pass", "pass"]),
        (60.0, 4, 1000.0, ["fail", "fail", "fail"]),
        (None, None, None, ["not checkable"] * 3),
    ],
)
def test_measures_at_their_limits(longest, lesions, normal, verdicts):
    found = stereotactic_checks(longest, lesions, normal)
    assert [check.verdict for check in found] == verdicts
    assert {check.source for check in found} == {"sbrt-phase-2-2018"}


def test_organs_near_the_target_with_the_dose_expected_there(act):
    """A stomach that starts 30 mm from the ball's edge: 25 mm outside the target."""
    data = np.zeros(GRID.shape, bool)
    data[:, :, :7] = True
    places = GRID.to_mm(np.argwhere(data))
    edge = np.linalg.norm(places - np.array(MIDDLE), axis=1).min() - (TARGET_MM - MARGIN_MM)
    found = beam_act(LIVER, {"L1": LESION}, "L1", organs={"stomach": Mask(data, GRID)}, schedule=SCHEDULE)
    threat = found.threats[0]
    assert threat.distance_mm == pytest.approx(edge, abs=1.5)
    half = TARGET_MM * (4.5 ** (1 / 3) - 1)
    assert threat.estimate_gy == pytest.approx(75 * 0.5 ** ((threat.distance_mm - 5) / half), rel=0.01)
    assert threat.low_gy < threat.estimate_gy < threat.high_gy
    assert (threat.verdict, threat.limit_gy, threat.status) == ("pass", 22.2, "unverified")  # of three fractions
    six = beam_act(LIVER, {"L1": LESION}, "L1", organs={"stomach": Mask(data, GRID)}, schedule=(30.0, 3, 5.0))
    assert six.threats[0].estimate_gy == pytest.approx(threat.estimate_gy * 30 / 75)


def test_together_they_spare_less_and_what_is_removed_is_not_spared():
    other = ball(8.0, (-45.0, 0.0, 0.0))
    lesions = {"L1": LESION, "L2": other}
    one, _ = beams_together(LIVER, lesions, ["L1"], schedule=SCHEDULE)
    both, check = beams_together(LIVER, lesions, ["L1", "L2"], schedule=SCHEDULE)
    assert both.estimate_ml < one.estimate_ml
    assert check.verdict == "pass"
    data = np.zeros(GRID.shape, bool)
    data[:57] = True
    half, check = beams_together(LIVER, lesions, ["L1"], stays=Mask(data, GRID), schedule=SCHEDULE)
    assert half.normal_ml == pytest.approx(2744 * 57 / 100 - LESION.volume_ml - other.volume_ml, rel=0.02)
    assert half.estimate_ml < one.estimate_ml


def test_a_failed_confirmed_check_forbids_and_an_unconfirmed_one_warns():
    checks = stereotactic_checks(80.0, 1, 2000.0)
    assert failed_rules(checks, "stereotactic-measures") == (("stereotactic-measures", "contraindicated"),)
    spared = beam_act(ball(45.0), {"L1": LESION}, "L1", schedule=SCHEDULE).checks[-1]
    assert (spared.verdict, spared.status) == ("fail", "unverified")
    assert failed_rules([spared], "dose-spared-liver") == (("dose-spared-liver", "relative"),)


def test_refusals():
    with pytest.raises(InputError, match="no lesion 'L9'"):
        beam_act(LIVER, {"L1": LESION}, "L9")
    with pytest.raises(InputError, match="for 8 fractions"):
        beam_act(LIVER, {"L1": LESION}, "L1", schedule=(60.0, 8, 5.0))


def test_lobes_and_segments_of_the_box_liver(box_liver, cube):
    """Right lobe: 4 boxes of 20x15x15 voxels of 27 mm3. L1 lies in VI; L2 crosses V and VIII."""
    lesions = (cube((8, 12), (24, 28), (8, 12)), cube((10, 14), (8, 12), (17, 23)))
    made = box_liver(lesions)
    masks = {lesion.id: lesion.mask for lesion in made.scene.lesions}
    found = {act.name: act for act in sphere_acts(made.liver, made.segments, masks)}
    assert list(found) == ["segment VI", "segments V and VIII", "right lobe"]
    assert found["segment VI"].treats == ("L1",)
    assert found["segments V and VIII"].treats == ("L2",)
    right = found["right lobe"]
    assert right.treats == ("L1", "L2")
    tumour_ml = sum(mask.volume_ml for mask in masks.values())
    assert right.perfused_normal_ml == pytest.approx(4 * 4500 * 0.027 - tumour_ml)
    assert right.other_ml == pytest.approx((45000 - 18000) * 0.027)
    assert right.other_percent == pytest.approx(100 * right.other_ml / (1215 - tumour_ml))
    assert [check.verdict for check in right.checks] == ["pass"]
    assert ("glass", "perfused", 400.0, "dose-eanm-2022", "verified") in found["segment VI"].aims


def test_the_other_lobe_grows_as_the_table_says():
    """45 % in 9 months (median of 83 patients)."""
    found = lobe_growth(400.0)
    assert (found.expected_ml, found.months) == (pytest.approx(580.0), 9.0)
    assert all(knowledge_base().source(source) for source in found.sources)


def test_a_lobe_as_a_candidate_loses_all_of_it(box_liver, cube):
    made = box_liver((cube((8, 12), (24, 28), (8, 12)),))
    masks = {lesion.id: lesion.mask for lesion in made.scene.lesions}
    act = next(a for a in sphere_acts(made.liver, made.segments, masks) if a.kind == "lobar")
    tumour = np.zeros(made.liver.count, bool)
    candidate = sphere_candidate(act, LiverVoxels(made.liver, tumour), 1.0)
    assert candidate.costs["irradiated"].size == 18000
    assert candidate.id == "radioembolisation-V+VI+VII+VIII"
    assert candidate.lesions == {"L1": None}
    assert candidate.kind == "radioembolisation"


def test_a_small_other_lobe_fails_the_reserve(box_liver, cube):
    """Everything but segments II and III and I belongs to the right lobe here: 6750 + 4500/... voxels stay."""
    made = box_liver((cube((8, 12), (24, 28), (8, 12)),))
    data = made.segments.labels.data.copy()
    data[(data == 4) | (data == 2) | (data == 3)] = 5
    from glisson.anatomy import SegmentMap
    from glisson.geometry import Labels

    shifted = SegmentMap(Labels(data, made.segments.labels.grid), 100.0)
    masks = {lesion.id: lesion.mask for lesion in made.scene.lesions}
    act = next(a for a in sphere_acts(made.liver, shifted, masks) if a.kind == "lobar")
    assert act.other_percent < 30
    assert [check.verdict for check in act.checks] == ["fail"]
