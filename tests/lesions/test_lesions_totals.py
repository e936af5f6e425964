"""The liver and the burden, by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from glisson.errors import SceneError
from glisson.geometry import Mask
from glisson.lesions import burden, measure_lesions, measure_liver


@pytest.fixture
def block(grid):
    """Masks cut as blocks of voxels of 2 mm from one grid of 23 x 23 x 23."""
    space = grid((2.0, 2.0, 2.0), reach_mm=22.0)

    def cut(*ranges: tuple[int, int]) -> Mask:
        data = np.zeros(space.shape, bool)
        data[tuple(slice(*r) for r in ranges)] = True
        return Mask(data, space)

    return cut


def test_the_liver_counts_every_lesion_voxel_once(block, scene):
    liver = block((2, 20), (2, 20), (2, 20))
    lesions = {
        "L1": block((4, 8), (4, 8), (4, 8)),
        "L2": block((6, 10), (4, 8), (4, 8)),
        "L3": block((18, 22), (4, 5), (4, 5)),
    }
    found = measure_liver(scene(liver, lesions, spleen=block((0, 2), (5, 10), (5, 10))), liver.trimmed())
    voxel = 0.008
    assert found.volume_ml == pytest.approx(18**3 * voxel)
    assert found.tumour_ml == pytest.approx((6 * 16 + 2) * voxel)
    assert found.nontumour_ml == pytest.approx((18**3 - 98) * voxel)
    assert found.spleen_ml == pytest.approx(50 * voxel)
    assert found.notes["spleen_ml"] == "the scan ends in the spleen: a lower bound"
    assert not found.touches_border


def test_a_liver_at_the_border_is_a_lower_bound_and_a_missing_spleen_is_said(block, scene):
    liver = block((0, 20), (2, 20), (2, 20))
    found = measure_liver(scene(liver, {}), liver)
    assert found.touches_border
    assert "lower bound" in found.notes["volume_ml"]
    assert (found.spleen_ml, found.notes["spleen_ml"]) == (None, "no spleen mask was given")
    assert found.tumour_ml == 0.0
    with pytest.raises(SceneError, match="empty"):
        measure_liver(scene(liver, {}), block((0, 0), (0, 0), (0, 0)))


@pytest.fixture
def three(block, scene, case, segments):
    """Three lesions, 8 mL in all: two right (x < 0), one left; liver 18 cubed voxels."""
    liver = block((2, 20), (2, 20), (2, 20))
    lesions = {
        "L1": block((3, 8), (3, 8), (3, 8)),
        "L2": block((3, 8), (10, 15), (10, 15)),
        "L3": block((14, 19), (3, 8), (3, 8)),
    }
    whole = scene(liver, lesions)
    return (
        measure_lesions(case(), whole, liver, segments(liver), {}),
        measure_liver(whole, liver),
        lambda *lines: case(*lines),
    )


def test_a_burden_by_hand(three):
    lesions, liver, case = three
    found = burden(case(), lesions, liver)
    assert found.count == 3
    assert found.counts == {
        "confirmed": 0, "probable": 0, "indeterminate": 3, "benign": 0, "vanished": 0, "treated": 0
    }  # fmt: skip
    assert found.bilobar is True
    assert found.total_ml == pytest.approx(3 * 125 * 0.008)
    assert found.share_percent == pytest.approx(100 * 375 / 18**3)
    by_hand = 2 * np.hypot(5, 4)
    assert found.largest_mm == pytest.approx(by_hand)
    assert found.tumour_burden_score == pytest.approx(np.hypot(by_hand / 10, 3))
    assert "extrapolation" in found.notes["tumour_burden_score"]


def test_benign_treated_and_vanished_lesions_are_counted_by_nature_only(three):
    lesions, liver, case = three
    mixed = (lesions[0], replace(lesions[1], nature="treated"), replace(lesions[2], nature="benign"))
    record = case("lesions: [{id: L9, nature: vanished}, {id: L1, nature: confirmed}]")
    found = burden(record, (replace(mixed[0], nature="confirmed"), *mixed[1:]), liver)
    assert found.count == 1
    assert found.counts == {
        "confirmed": 1, "probable": 0, "indeterminate": 0, "benign": 1, "vanished": 1, "treated": 1
    }  # fmt: skip
    assert found.total_ml == pytest.approx(1.0)
    assert found.bilobar is False
    assert found.notes["count"] == "not counted: 1 benign, 1 vanished, 1 treated"


def test_both_lobes_need_both_lobes(three):
    lesions, liver, case = three
    assert burden(case(), lesions[:2], liver).bilobar is False
    unknown = [replace(lesion, lobe=None) for lesion in lesions]
    found = burden(case(), unknown, liver)
    assert found.bilobar is None
    assert "segment map" in found.notes["bilobar"]
    assert burden(case(), [lesions[0], replace(lesions[1], lobe="both"), unknown[2]], liver).bilobar is True
    caudate = burden(case(), [lesions[0], replace(lesions[2], lobe="caudate")], liver)
    assert caudate.bilobar is False
    assert "caudate" in caudate.notes["bilobar"]


def test_lesions_outside_the_liver_are_no_burden(three):
    lesions, liver, case = three
    found = burden(case(), [lesions[0], replace(lesions[1], inside_liver_percent=0.0)], liver)
    assert found.count == 1
    assert found.notes["count"] == "not counted: 1 outside the liver"


def test_no_lesion_is_no_score_and_no_liver_no_share(three):
    lesions, liver, case = three
    none = burden(case(), [replace(lesion, nature="benign") for lesion in lesions], liver)
    assert (none.count, none.total_ml, none.largest_mm, none.tumour_burden_score) == (0, 0.0, None, None)
    assert none.share_percent == 0.0
    assert none.notes["tumour_burden_score"]
    assert burden(case(), lesions, None).share_percent is None
