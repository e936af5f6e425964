"""What uncertain borders make of a remnant: the liver of boxes, with chances that a hand can set."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from glisson.anatomy import SegmentChances
from glisson.anatomy.couinaud_chances import coarse_share
from glisson.anatomy.couinaud_frame import LiverFrame
from glisson.case import loads_case
from glisson.planning import standard_resections

NORMAL = "patient: {height_cm: 170, weight_kg: 70}\nliver: {background: normal, chemotherapy_months: 0}\n"
"""A remnant of 20 % is needed."""


@pytest.fixture
def planned(box_liver):
    """Right trisectionectomy and right hepatectomy where each cell is sure of its box, but II and III are IV with a
    chance of 0.4."""

    def plan(doubt: float, lesions=()):
        found = box_liver(lesions)
        frame = LiverFrame.of(found.liver)
        shares = np.stack([coarse_share(frame.inward(found.segments.labels.data == v)).ravel() for v in range(1, 9)])
        index = np.flatnonzero(shares.sum(axis=0) > 0).astype(np.int32)
        share = shares[:, index].T
        chance = np.eye(8, dtype=np.float32)[share.argmax(axis=1)]
        moved = doubt * (chance[:, 1] + chance[:, 2])
        chance[:, 1:3] *= 1 - doubt
        chance[:, 3] += moved
        ml = share.sum(axis=1).astype(float)
        ml *= found.liver.volume_ml / ml.sum()
        chances = SegmentChances(chance, ml, frame, index, cut=0.1, coverage=0.9)
        segments = replace(found.segments, chances=chances)
        natures = [SimpleNamespace(id=lesion.id, nature="confirmed") for lesion in found.scene.lesions]
        ranked = standard_resections(loads_case(f"id: a\n{NORMAL}"), found.scene, found.liver, segments, natures)
        return {resection.name: resection for resection in ranked}

    return plan


def test_given_segments_have_no_interval(box_liver):
    assert all(resection.interval is None for resection in box_liver().ranked)


def test_sure_borders_leave_nothing_open(planned):
    """Boxes of 27 000 of 45 000 voxels stay: 60 %; the cells of the frame are coarser than the boxes."""
    found = planned(0.0)["Right hepatectomy"]
    assert found.interval.percent == found.remnant_percent_nontumour == pytest.approx(60.0)
    assert found.interval.low_percent == pytest.approx(60.0, abs=2)
    assert found.interval.high_percent == pytest.approx(60.0, abs=2)
    assert found.interval.coverage == 0.9


def test_doubt_between_two_segments_moves_only_what_parts_them(planned):
    """Right trisectionectomy leaves I, II and III: 18 000 of 45 000, 40 %; if II and III went with IV, I: 10 %.
    Right hepatectomy keeps all three either way."""
    found = planned(0.4)
    apart = found["Right trisectionectomy"].interval
    assert (apart.low_percent, apart.high_percent) == pytest.approx((10.0, 40.0), abs=2)
    together = found["Right hepatectomy"].interval
    assert together.high_percent - together.low_percent < 4


def test_a_verdict_that_the_borders_could_change_says_so(planned):
    """20 % is needed: at 40 % it is enough, at 10 % it is not."""
    found = planned(0.4)
    doubtful, sure = found["Right trisectionectomy"], found["Right hepatectomy"]
    assert doubtful.verdict == "enough"
    assert any("Uncertain segment borders could change this" in reason for reason in doubtful.reasons)
    assert not any("borders" in reason for reason in sure.reasons)
    assert not any("borders" in reason for reason in planned(0.0)["Right trisectionectomy"].reasons)


def test_tumour_is_no_remnant(planned, cube):
    """A lesion of 15 x 20 x 10 voxels in II: 3000 of the 45 000 are no working liver, nor are they of the remnant."""
    found = planned(0.0, [cube((40, 55), (10, 30), (22, 32))])["Right hepatectomy"]
    expected = 100 * 24_000 / 42_000
    assert found.interval.percent == pytest.approx(expected)
    assert (found.interval.low_percent, found.interval.high_percent) == pytest.approx((expected, expected), abs=2)
