"""Standard resections of a liver of boxes: every number is worked out by hand from the boxes' sides."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from glisson.anatomy import segment_map, whole_liver
from glisson.case import loads_case
from glisson.geometry import Grid, Labels, Mask
from glisson.planning import CATALOGUE, removed_mask, resection_notices, standard_resections
from glisson.scene import LesionMask, Scene

ORDER = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII")
EXPECTED_ML = 1267.28 * (170 * 70 / 3600) ** 0.5 - 794.41


def test_catalogue_is_the_standard_terminology():
    found = {entry.name: entry.segments for entry in CATALOGUE}
    assert len(found) == len(CATALOGUE) == len(set(found.values())) == 25
    assert found["Right hepatectomy"] == ("V", "VI", "VII", "VIII")
    assert found["Left hepatectomy"] == ("II", "III", "IV")
    assert found["Right trisectionectomy"] == ("IV", "V", "VI", "VII", "VIII")
    assert found["Left trisectionectomy"] == ("II", "III", "IV", "V", "VIII")
    assert found["Right anterior sectionectomy"] == ("V", "VIII")
    assert found["Right posterior sectionectomy"] == ("VI", "VII")
    assert found["Left medial sectionectomy"] == ("IV",)
    assert found["Left lateral sectionectomy"] == ("II", "III")
    assert all(list(segments) == sorted(segments, key=ORDER.index) for segments in found.values())


def test_right_hepatectomy_by_hand(box_liver, cube):
    """20x30x30 of 50x30x30 voxels are removed; a lesion of 1000 voxels in VI goes, one of 512 in II stays."""
    lesions = [cube((8, 18), (22, 32), (8, 18)), cube((44, 52), (10, 18), (24, 32))]
    found = box_liver(lesions).by_name["Right hepatectomy"]
    assert (found.removed_voxels, found.remnant_voxels) == (18_000, 27_000)
    assert found.removed_ml == pytest.approx(486.0)
    assert found.remnant_ml == pytest.approx(729.0)
    assert found.remnant_nontumour_ml == pytest.approx((27_000 - 512) * 0.027)
    assert found.remnant_percent_nontumour == pytest.approx(100 * (27_000 - 512) / (45_000 - 1512))
    assert found.remnant_percent_standardised == pytest.approx(100 * (27_000 - 512) * 0.027 / EXPECTED_ML)
    assert found.clears == ("L1",)
    assert found.leaves == ("L2",)
    assert found.margin_notes == {"L2": "it stays"}
    assert found.verdict == "enough"
    assert found.kept_groups == (("I", "II", "III", "IV"),)
    assert "1510 mL (Vauthey 2002" in found.notes["remnant_percent_standardised"]


def test_removed_mask_is_the_union_of_the_segments(box_liver, labels):
    plan = box_liver()
    found = plan.by_name["Right posterior sectionectomy"]
    expected = np.isin(labels, (6, 7))
    assert (removed_mask(found, plan.segments).on(plan.scene.grid) == expected).all()
    assert found.removed.count == found.removed_voxels == 9000


def test_overlapping_lesions_count_once_and_benign_ones_are_no_working_liver(box_liver, cube):
    lesions = [cube((8, 12), (22, 26), (8, 12)), cube((10, 14), (22, 26), (8, 12)), cube((44, 48), (10, 14), (24, 28))]
    found = box_liver(lesions, ["confirmed", "probable", "benign"]).by_name["Right hepatectomy"]
    assert found.remnant_percent_nontumour == pytest.approx(100 * (27_000 - 64) / (45_000 - 96 - 64))
    assert found.clears == ("L1", "L2")
    assert found.leaves == ()
    assert "L3" not in found.margins_mm


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32 - 1))
def test_conservation_for_any_map(seed):
    """Removed and kept add up to the liver, counted here on the arrays."""
    random = np.random.default_rng(seed)
    grid = Grid.axial((12, 10, 9), tuple(random.uniform(0.5, 3.0, 3)))
    labels = random.integers(0, 9, grid.shape).astype(np.uint8)
    labels[0, 0, :8] = np.arange(1, 9)
    lesion = np.zeros(grid.shape, bool)
    lesion[3:6, 3:6, 3:6] = True
    liver = labels > 0
    scene = Scene(
        grid,
        {"liver": Mask(liver, grid)},
        lesions=(LesionMask("L1", Mask(lesion, grid)),),
        segments=Labels(labels, grid),
    )
    whole = whole_liver(scene)
    segments = segment_map(scene, whole)
    ranked = standard_resections(
        loads_case("id: a"), scene, whole, segments, [SimpleNamespace(id="L1", nature="confirmed")]
    )
    assert len(ranked) == 25
    mapped = segments.labels.on(grid)
    for item in ranked:
        removed = np.isin(mapped, [ORDER.index(name) + 1 for name in item.segments])
        assert item.removed_voxels == removed.sum()
        assert item.removed_voxels + item.remnant_voxels == whole.count == (mapped > 0).sum()
        assert item.removed_ml + item.remnant_ml == pytest.approx(whole.volume_ml)
        kept = (mapped > 0) & ~removed
        assert item.remnant_nontumour_ml == pytest.approx((kept & ~lesion).sum() * grid.voxel_ml)
        assert set(item.clears) | set(item.leaves) == {"L1"}
        assert not set(item.clears) & set(item.leaves)


def test_no_segment_map_gives_no_resections_and_says_why(scene_of):
    scene = scene_of()
    assert standard_resections(loads_case("id: a"), scene, whole_liver(scene), None, []) == ()
    (notice,) = resection_notices(None)
    assert (notice.level, notice.code) == ("warning", "no-segments")
    assert "`segments` in case.yaml" in notice.text


def test_resections_that_name_a_missing_segment_are_left_out_and_named(box_liver, labels):
    labels[labels == 2] = 3
    plan = box_liver(given=labels)
    assert all("II" not in item.segments for item in plan.ranked)
    (notice,) = resection_notices(plan.segments)
    assert "lacks segment II" in notice.text
    assert "Left lateral sectionectomy" in notice.text
    assert "Right hepatectomy," not in notice.text


def test_lesion_outside_the_liver_is_never_removed(box_liver, cube):
    plan = box_liver([cube((57, 59), (1, 3), (1, 3))])
    assert all(item.leaves == ("L1",) and item.margins_mm["L1"] is None for item in plan.ranked)
    assert plan.ranked[0].margin_notes["L1"] == "it lies outside the liver"


def test_cut_through_a_lesion(box_liver, cube):
    found = box_liver([cube((20, 30), (10, 14), (10, 14))]).by_name["Right hepatectomy"]
    assert found.margins_mm["L1"] is None
    assert found.leaves == ("L1",)
    assert found.margin_notes["L1"] == "the cut runs through it: 50 % of it stays"


def test_removed_part_without_border_has_no_margin_but_clears(box_liver, labels, cube):
    island = labels.copy()
    island[38:42] = 0
    liver_scene_labels = np.where(np.isin(island, (2, 3)) | (island == 0), island, 4).astype(np.uint8)
    liver = liver_scene_labels > 0
    grid = Grid.axial(labels.shape, (3.0, 3.0, 3.0))
    lesion = LesionMask("L1", Mask(cube((46, 50), (10, 14), (10, 14)), grid))
    scene = Scene(grid, {"liver": Mask(liver, grid)}, lesions=(lesion,), segments=Labels(liver_scene_labels, grid))
    whole = whole_liver(scene)
    ranked = standard_resections(
        loads_case("id: a"), scene, whole, segment_map(scene, whole), [SimpleNamespace(id="L1", nature="confirmed")]
    )
    found = next(item for item in ranked if item.name == "Left lateral sectionectomy")
    assert found.margins_mm["L1"] is None
    assert found.clears == ("L1",)
    assert found.margin_notes["L1"] == "the removed part has no border with the rest of the liver"


def test_order_of_the_table(box_liver, cube):
    """L1 in VII and L2 in VIII: first what clears both, by verdict and remnant, then what clears one, then none."""
    plan = box_liver([cube((8, 14), (24, 31), (24, 31)), cube((8, 14), (8, 15), (24, 31))])
    names = [item.name for item in plan.ranked]
    assert names[0] == "Bisegmentectomy VII-VIII"
    assert names[1] == "Right hepatectomy"
    both = [len(item.clears) == 2 for item in plan.ranked]
    assert both == sorted(both, reverse=True)
    cleared_not_all = [len(item.clears) for item in plan.ranked if len(item.clears) < 2 and item.verdict == "enough"]
    assert cleared_not_all == sorted(cleared_not_all, reverse=True)
    nothing = [item for item in plan.ranked if not item.clears and item.verdict == "enough"]
    assert [i.remnant_nontumour_ml for i in nothing] == sorted((i.remnant_nontumour_ml for i in nothing), reverse=True)


def test_treated_lesions_are_measured_but_are_no_target(box_liver, cube):
    plan = box_liver([cube((8, 14), (24, 31), (24, 31)), cube((44, 52), (10, 18), (24, 32))], ["confirmed", "treated"])
    assert plan.ranked[0].name == "Segmentectomy VII"
    assert plan.ranked[0].leaves == ("L2",)


def test_scan_that_ends_in_the_liver_leaves_every_verdict_open(labels):
    part = labels[:, :, 12:]
    grid = Grid.axial(part.shape, (3.0, 3.0, 3.0))
    scene = Scene(grid, {"liver": Mask(part > 0, grid)}, segments=Labels(part, grid))
    whole = whole_liver(scene)
    case = loads_case(
        "id: a\npatient: {height_cm: 170, weight_kg: 70}\nliver: {background: normal, chemotherapy_months: 0}\n"
    )
    for item in standard_resections(case, scene, whole, segment_map(scene, whole), []):
        assert item.verdict == "undetermined"
        assert "scan ends in the liver" in item.reasons[0]
        assert "lower bounds" in item.notes["remnant_ml"]


def test_same_input_same_answer(box_liver, cube):
    lesions = [cube((8, 14), (24, 31), (24, 31)), cube((44, 52), (10, 18), (24, 32))]
    first, second = box_liver(lesions).ranked, box_liver(lesions).ranked
    assert [(a.name, dict(a.margins_mm)) for a in first] == [(b.name, dict(b.margins_mm)) for b in second]


def test_a_lesion_across_segments_beyond_the_catalogue_gets_its_union(box_liver, cube):
    """I and IV together: 15x10x30 and 15x20x30 voxels go; no other patient is offered that."""
    across = box_liver([cube((28, 34), (22, 28), (15, 21))])
    found = across.by_name["Segmentectomy I-IV"]
    assert found.segments == ("I", "IV")
    assert (found.removed_voxels, found.remnant_voxels) == (13_500, 31_500)
    assert found.clears == ("L1",)
    assert "Segmentectomy I-IV" not in box_liver([cube((8, 18), (22, 32), (8, 18))]).by_name
    assert "Segmentectomy V-VI" not in box_liver([cube((8, 18), (15, 25), (8, 14))]).by_name


def test_a_lesion_across_many_segments_asks_for_no_union(box_liver, cube):
    """V, VI, VII and VIII meet in one point; the right hepatectomy is in the catalogue."""
    names = set(box_liver([cube((10, 20), (15, 25), (15, 25))]).by_name)
    assert names == {entry.name for entry in CATALOGUE}
