"""Lesions of known shape and place."""

from __future__ import annotations

import numpy as np
import pytest

from glisson.errors import FrameMismatch, SceneError
from glisson.geometry import Grid, Labels, Mask
from glisson.lesions import lesion_notices, measure_lesions

KINDS = [("straight", (1, 1, 1)), ("flipped", (1, 1, 1)), ("mirrored", (0.8, 0.8, 1.5)), ("oblique", (1, 1, 1)),
         ("slices along i", (0.8, 0.8, 1.5))]  # fmt: skip


@pytest.mark.parametrize(("how", "spacing"), KINDS)
def test_a_ball_in_a_ball_beside_a_rod(case, grid, ball, rod, scene, segments, how, spacing):
    """Ball of 8 mm in a liver of 40 mm, beside an upright rod of 3 mm: differences of distances between centres."""
    centre = np.array([14.3, 12.1, 8.2])
    space = grid(spacing, how)
    liver, lesion = ball(space, (0, 0, 0), 40.0), ball(space, centre, 8.0)
    portal = rod(space, (0.2, 0.1), 3.0)
    (found,) = measure_lesions(
        case(), scene(liver, {"L1": lesion}, portal=portal), liver.trimmed(), segments(liver), {"portal": portal}
    )
    edge = np.prod(spacing) ** (1 / 3)
    assert found.volume_ml == pytest.approx(lesion.count * space.voxel_ml)
    assert found.volume_ml == pytest.approx(4 / 3 * np.pi * 0.8**3, rel=0.02)
    assert found.longest_axial_mm == pytest.approx(16.0, abs=1.2)
    assert found.max3d_mm == pytest.approx(16.0, abs=1.6)
    assert found.centroid_mm == pytest.approx(centre, abs=0.1)
    assert found.distance_mm["capsule"] == pytest.approx(40 - np.linalg.norm(centre) - 8, abs=0.3 * edge)
    assert found.distance_mm["portal"] == pytest.approx(np.hypot(14.1, 12.0) - 8 - 3, abs=0.3 * edge)
    assert found.touches == {"capsule": False, "portal": False, "hepatic": None, "cava": None}
    assert found.distance_mm["hepatic"] is None
    assert found.notes["distance_mm.hepatic"] == "no hepatic vein mask was given"
    assert found.notes["distance_mm.cava"] == "no vena cava mask was given"
    assert found.segments == {"II": 100.0}
    assert (found.lobe, found.touches_border, found.inside_liver_percent) == ("left", False, 100.0)
    assert found.share_of_liver_percent == pytest.approx(100 * (8 / 40) ** 3, rel=0.02)


@pytest.mark.parametrize("spacing", [0.6, 1.0, 2.0])
def test_the_depth_is_sub_voxel(case, grid, ball, scene, spacing):
    """Mean error over places below a tenth of a voxel, none above four tenths."""
    space = grid((spacing,) * 3, reach_mm=24.0)
    errors = []
    for seed in range(4):
        way = np.random.default_rng(seed).normal(size=3)
        way /= np.linalg.norm(way)
        liver, lesion = ball(space, (0.1, 0.2, 0.3), 21.0), ball(space, way * 9.0, 6.0)
        centre = np.linalg.norm(way * 9.0 - (0.1, 0.2, 0.3))
        (found,) = measure_lesions(case(), scene(liver, {"L1": lesion}), liver, None, {})
        errors.append(found.distance_mm["capsule"] - (21 - 6 - centre))
    assert np.abs(errors).mean() < 0.15 * spacing
    assert np.abs(errors).max() < 0.4 * spacing


def test_contact_is_zero_and_said(case, grid, ball, rod, scene):
    space = grid(reach_mm=30.0)
    liver = ball(space, (0, 0, 0), 28.0)
    lesion = Mask(ball(space, (22, 0, 0), 8.0).data & liver.data, space)
    cava = Mask(np.roll(ball(space, (-10, 0, 0), 5.0).data, 0), space)
    beside = Mask(np.zeros(space.shape, bool), space)
    near = Mask(ball(space, (-10, 0, 0), 7.0).data & ~cava.data, space)
    found = measure_lesions(
        case(), scene(liver, {"L1": lesion, "L2": near}), liver, None, {"cava": cava, "hepatic": beside}
    )
    assert (found[0].distance_mm["capsule"], found[0].touches["capsule"]) == (0.0, True)
    assert (found[1].distance_mm["cava"], found[1].touches["cava"]) == (0.0, True)
    assert found[0].touches["cava"] is False
    assert found[0].distance_mm["hepatic"] is None


def test_a_lesion_against_a_vessel_that_the_liver_mask_leaves_out_is_not_at_the_capsule(case, grid, ball, rod, scene):
    space = grid(reach_mm=30.0)
    vessel = rod(space, (0, 0), 4.0)
    liver = Mask(ball(space, (0, 0, 0), 26.0).data & ~vessel.data, space)
    lesion = Mask(ball(space, (5, 5, 4), 5.0).data & liver.data, space)
    (found,) = measure_lesions(case(), scene(liver, {"L1": lesion}), liver, None, {"portal": vessel})
    assert found.touches["portal"] is True
    assert found.distance_mm["capsule"] == pytest.approx(26 - np.sqrt(66) - 5, abs=0.3)


def test_where_the_scan_ends_is_no_capsule_and_sizes_are_lower_bounds(case, grid, ball, scene):
    """The liver ball is cut by the last slice; the lesion lies 1 mm below the cut, but 10 mm from the capsule."""
    whole = grid(reach_mm=30.0)
    space = whole.crop((slice(0, 61), slice(0, 61), slice(0, 39)))
    liver, deep = ball(space, (0, 0, 0), 25.0), ball(space, (7, 7, 2), 5.0)
    cut = ball(space, (-8, 0, 6), 5.0)
    found = measure_lesions(case(), scene(liver, {"L1": deep, "L2": cut}), liver, None, {})
    assert found[0].distance_mm["capsule"] == pytest.approx(25 - np.sqrt(102) - 5, abs=0.3)
    assert "capsule beyond its border is not seen" in found[0].notes["distance_mm.capsule"]
    assert not found[0].touches_border
    assert found[1].touches_border
    for name in ("volume_ml", "longest_axial_mm", "perpendicular_mm", "max3d_mm"):
        assert "lower bound" in found[1].notes[name]
    assert found[1].touches["capsule"] is False
    assert [notice.code for notice in lesion_notices(found)] == ["lesion-at-scan-border"]


@pytest.mark.parametrize(
    ("x", "lobe"), [(20, "left"), (-20, "right"), (0, "both"), (-6, "right"), (-5.0, "both"), (5.0, "both")]
)
def test_lobes_follow_the_segments(case, grid, ball, scene, segments, x, lobe):
    """The border runs half-way between the voxels at 0 and 1 mm; a ball's cap of height h is h² (3 r - h) / (4 r³)."""
    space = grid(reach_mm=36.0)
    liver = ball(space, (0, 0, 0), 35.0)
    (found,) = measure_lesions(case(), scene(liver, {"L1": ball(space, (x, 0, 0), 8.0)}), liver, segments(liver), {})
    assert found.lobe == lobe
    assert sum(found.segments.values()) == pytest.approx(100.0)
    assert list(found.segments.values()) == sorted(found.segments.values(), reverse=True)
    cap = 8 - abs(x - 0.5)
    if 0 < cap < 8:
        share = 100 * cap**2 * (24 - cap) / (4 * 8**3)
        assert min(found.segments.values()) == pytest.approx(share, abs=0.5)


def test_a_lesion_in_segment_i_is_caudate(case, grid, ball, scene, segments):
    space = grid(reach_mm=36.0)
    liver = ball(space, (0, 0, 0), 35.0)
    lesion = ball(space, (15, 0, 0), 8.0)
    (found,) = measure_lesions(case(), scene(liver, {"L1": lesion}), liver, segments(liver, left=1), {})
    assert (found.segments, found.lobe) == ({"I": 100.0}, "caudate")


def test_lesions_partly_and_wholly_outside(case, grid, ball, scene, segments):
    space = grid(reach_mm=40.0)
    liver = ball(space, (0, 0, 0), 25.0)
    half, out = ball(space, (25, 0, 0), 6.0), ball(space, (-34, 0, 0), 4.0)
    found = measure_lesions(case(), scene(liver, {"L1": half, "L2": out}), liver, segments(liver), {})
    inside = 100 * (half.data & liver.data).sum() / half.count
    assert found[0].inside_liver_percent == pytest.approx(inside)
    assert found[0].segments == {"II": 100.0}
    assert f"{100 - inside:.1f} % of the lesion lies outside the segment map" in found[0].notes["segments"]
    assert found[0].distance_mm["capsule"] == 0.0
    assert (found[1].segments, found[1].lobe, found[1].distance_mm["capsule"]) == (None, None, None)
    assert found[1].notes["distance_mm.capsule"] == "the lesion lies outside the liver"
    notices = lesion_notices(found)
    assert [(notice.code, notice.about, notice.level) for notice in notices] == [
        ("lesion-partly-outside-liver", "L1", "warning"),
        ("lesion-outside-liver", "L2", "warning"),
    ]
    assert "not planned" in notices[1].text


def test_nature_comes_from_the_record_and_is_never_presumed(case, grid, ball, scene):
    space = grid(reach_mm=26.0)
    liver = ball(space, (0, 0, 0), 25.0)
    lesions = {"L1": ball(space, (10, 0, 0), 4.0), "L2": ball(space, (-10, 0, 0), 4.0)}
    record = case("lesions: [{id: L1, nature: benign, reason: simple cyst on ultrasound}]")
    found = measure_lesions(record, scene(liver, lesions), liver, None, {})
    assert (found[0].nature, found[0].nature_reason) == ("benign", "simple cyst on ultrasound")
    assert (found[1].nature, found[1].nature_reason) == ("indeterminate", "the record does not say what it is")
    assert found[0].volume_ml > 0
    assert found[0].notes["segments"] == found[0].notes["lobe"] == "no segment map was given"


def test_how_a_structure_was_found_is_said_beside_its_distance(case, grid, ball, rod, scene):
    space = grid(reach_mm=26.0)
    liver, cava = ball(space, (0, 0, 0), 25.0), rod(space, (-10, 0), 4.0)
    notes = {"cava": "separated from the hepatic veins", "hepatic": "merged with the cava"}
    (found,) = measure_lesions(
        case(), scene(liver, {"L1": ball(space, (10, 0, 0), 4.0)}), liver, None, {"cava": cava}, notes
    )
    assert found.notes["distance_mm.cava"] == "separated from the hepatic veins"
    assert found.distance_mm["cava"] == pytest.approx(20 - 4 - 4, abs=0.3)
    assert found.notes["distance_mm.hepatic"] == "merged with the cava"
    assert found.distance_mm["hepatic"] is None


def test_one_label_in_two_pieces_and_tilted_slices_are_said(case, grid, ball, scene):
    space = grid(how="oblique", reach_mm=26.0)
    liver = ball(space, (0, 0, 0), 25.0)
    two = Mask(ball(space, (8, 0, 0), 3.0).data | ball(space, (-8, 0, 0), 3.0).data, space)
    (found,) = measure_lesions(case(), scene(liver, {"L1": two}), liver, None, {})
    assert "tilted by 20 degrees" in found.notes["longest_axial_mm"]
    assert "2 separate pieces" in found.notes["longest_axial_mm"]
    assert found.longest_axial_mm == pytest.approx(22.0, abs=1.0)


def test_a_lesion_of_one_voxel_is_measured(case, grid, ball, scene, segments):
    space = grid((0.7, 0.7, 2.0), reach_mm=20.0)
    liver = ball(space, (0, 0, 0), 18.0)
    data = np.zeros(space.shape, bool)
    data[tuple(np.rint(space.to_index((5.0, 0.0, 0.0))).astype(int))] = True
    (found,) = measure_lesions(case(), scene(liver, {"L1": Mask(data, space)}), liver, segments(liver), {})
    assert found.volume_ml == pytest.approx(0.7 * 0.7 * 2 / 1000)
    assert found.longest_axial_mm == pytest.approx(0.7)
    assert found.max3d_mm == pytest.approx(2.0)
    assert found.distance_mm["capsule"] == pytest.approx(18 - 5 - 0.35, abs=0.6)


def test_the_slice_is_counted_on_the_whole_scan(case, grid, ball, scene):
    space = grid((1, 1, 2), reach_mm=20.0)
    liver = ball(space, (0, 0, 0), 18.0)
    (found,) = measure_lesions(case(), scene(liver, {"L1": ball(space, (0, 0, 6.0), (5, 5, 0.9))}), liver, None, {})
    assert space.to_mm((0, 0, found.axial_slice))[2] == pytest.approx(6.0)


def test_findings_are_read_only(case, grid, ball, scene):
    space = grid(reach_mm=20.0)
    liver = ball(space, (0, 0, 0), 18.0)
    (found,) = measure_lesions(case(), scene(liver, {"L1": ball(space, (0, 0, 0), 5.0)}), liver, None, {})
    with pytest.raises(ValueError, match="read-only"):
        found.centroid_mm[0] = 1.0
    with pytest.raises(TypeError):
        found.distance_mm["capsule"] = 1.0


def test_no_lesions_give_no_findings(case, grid, ball, scene):
    liver = ball(grid(reach_mm=12.0), (0, 0, 0), 10.0)
    assert measure_lesions(case(), scene(liver, {}), liver, None, {}) == ()


def test_bad_input_is_refused_by_name(case, grid, ball, scene):
    space = grid(reach_mm=12.0)
    liver, empty = ball(space, (0, 0, 0), 10.0), Mask(np.zeros(space.shape, bool), space)
    with pytest.raises(SceneError, match="L7 has no voxels"):
        measure_lesions(case(), scene(liver, {"L7": empty}), liver, None, {})
    with pytest.raises(SceneError, match="liver mask is empty"):
        measure_lesions(case(), scene(liver, {}), empty, None, {})
    elsewhere = Mask(np.ones((3, 3, 3), bool), Grid.axial((3, 3, 3), (1, 1, 1), (0.5, 0, 0)))
    with pytest.raises(FrameMismatch):
        measure_lesions(case(), scene(liver, {"L1": liver}), liver, None, {"portal": elsewhere})


def test_labels_of_another_lattice_are_refused(case, grid, ball, scene):
    from glisson.anatomy import SegmentMap

    liver = ball(grid(reach_mm=12.0), (0, 0, 0), 10.0)
    other = Labels(np.ones((3, 3, 3), np.uint8), Grid.axial((3, 3, 3), (1, 1, 1), (0.4, 0, 0)))
    with pytest.raises(FrameMismatch, match="segment map"):
        measure_lesions(case(), scene(liver, {"L1": liver}), liver, SegmentMap(other, 100.0), {})
