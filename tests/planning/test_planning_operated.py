"""After a resection: boxes cut by planes, whose volumes a hand can compute, under known displacement."""

from __future__ import annotations

import numpy as np
import pytest

from glisson.anatomy.overlay import Overlay
from glisson.errors import InputError
from glisson.geometry import Grid, Mask
from glisson.geometry.registration import Alignment
from glisson.planning.operated import check_resection

GRID = Grid.axial((90, 60, 60), (2.0, 2.0, 2.0), (0.0, 0.0, 0.0))
POINTS = GRID.to_mm(np.moveaxis(np.indices(GRID.shape), 0, -1))


def box(low, high) -> Mask:
    """Voxels whose centres lie between two corners in mm."""
    return Mask(np.logical_and(np.greater(POINTS, low), np.less(POINTS, high)).all(axis=-1), GRID).trimmed()


def overlay(shift=(0.0, 0.0, 0.0), error: float = 1.0) -> Overlay:
    """Points of the later scan plus `shift` are points of the earlier."""
    affine = np.eye(4)
    affine[:3, 3] = shift
    return Overlay(Alignment(affine, None, GRID, scaled=False), error, "vessel forks", 20, (0.5, 1.0))


WHOLE = box((19, 19, 19), (139, 99, 99))
"""120 by 80 by 80 mm: 768 mL."""
LEFT = box((19, 19, 19), (99, 99, 99))
"""Two thirds of it: 512 mL."""


def test_a_box_cut_in_two_parts():
    """A third of 768 mL is gone. Shifts of 1 mm across a cut of 80 by 80 mm move 6.4 mL, so 95 % of them 12.5 mL."""
    found = check_resection(WHOLE, LEFT, overlay())
    assert found.before_ml == pytest.approx(768.0)
    assert found.after_ml == pytest.approx(512.0)
    assert found.resected.ml == pytest.approx(256.0, abs=7.0)
    assert found.resected.ml + found.kept.ml == pytest.approx(768.0)
    assert found.resected.high_ml - found.resected.ml == pytest.approx(1.96 * 6.4, rel=0.12)
    assert found.resected.ml - found.resected.low_ml == pytest.approx(1.96 * 6.4, rel=0.12)
    assert (found.planned_ml, found.left, found.beyond) == (None, None, None)


def test_what_the_plan_removes_is_compared():
    """The plan cuts at 79 mm, the knife at 99 mm: 20 by 80 by 80 mm are left, 128 mL, and nothing beyond."""
    found = check_resection(WHOLE, LEFT, overlay(), box((79, 19, 19), (139, 99, 99)))
    assert found.planned_ml == pytest.approx(384.0)
    assert found.left.ml == pytest.approx(128.0, abs=7.0)
    assert found.left.low_ml > 100.0
    assert found.beyond.ml < 3.0
    assert found.left_here.volume_ml == pytest.approx(128.0, abs=7.0)
    assert found.left_here.centroid_mm == pytest.approx([89.0, 59.0, 59.0], abs=1.5)


def test_a_cut_beyond_the_plan():
    """The plan cuts at 119 mm: 20 by 80 by 80 mm were removed beyond it."""
    found = check_resection(WHOLE, LEFT, overlay(), box((119, 19, 19), (139, 99, 99)))
    assert found.beyond.ml == pytest.approx(128.0, abs=7.0)
    assert found.left.ml < 3.0


def test_a_cut_as_planned_leaves_nothing_beyond_error():
    found = check_resection(WHOLE, LEFT, overlay(), box((99, 19, 19), (139, 99, 99)))
    assert found.left.low_ml == 0.0
    assert found.left.ml < 7.0
    assert found.left.high_ml > 5.0


def test_the_later_scan_lies_elsewhere():
    there = box((29, 9, 9), (109, 89, 89))
    found = check_resection(WHOLE, there, overlay((-10.0, 10.0, 10.0)), box((99, 19, 19), (139, 99, 99)))
    assert found.resected.ml == pytest.approx(256.0, abs=7.0)
    assert found.planned_here.volume_ml == pytest.approx(256.0, abs=7.0)
    assert found.planned_here.centroid_mm == pytest.approx([129.0, 49.0, 49.0], abs=1.5)


def test_growth_is_told_from_liver_that_was_left():
    """The remnant has doubled; laid over each other, it is the same part of the liver before."""
    half = np.eye(4)
    half[:3, :3] = np.diag([0.5, 1.0, 1.0])
    half[0, 3] = 9.5
    grown = Overlay(Alignment(half, None, GRID, scaled=True), 1.0, "vessel forks", 20, (0.5, 1.0))
    found = check_resection(WHOLE, box((19, 19, 19), (179, 99, 99)), grown)
    assert found.after_ml == pytest.approx(1010.0, abs=15.0)
    assert found.resected.ml == pytest.approx(256.0, abs=8.0)
    growth = found.growth_percent
    assert growth.ml == pytest.approx(98.0, abs=4.0)
    assert growth.low_ml < growth.ml < growth.high_ml


def test_outlines_that_differ_a_little_are_no_removal():
    """A later outline 2 mm smaller all round: nothing thick is gone, but for the corners."""
    smaller = box((21, 21, 21), (137, 97, 97))
    assert check_resection(WHOLE, smaller, overlay()).resected.ml < 1.0


@pytest.mark.parametrize("sigma", [1.0, 2.0])
def test_the_interval_holds_the_truth_as_often_as_it_says(sigma):
    """The overlay is off by normal errors of the size it states. With 95 in 100, fewer than 8 of 10 happen in 2 of
    100 rounds; a cut on voxels of 1.5 mm is known to half of one, 5 mL."""
    rng = np.random.default_rng(8)
    held = 0
    for _ in range(10):
        span = check_resection(WHOLE, LEFT, overlay(rng.normal(0, sigma, 3), sigma)).resected
        held += span.low_ml - 5.0 <= 256.0 <= span.high_ml + 5.0
    assert held >= 8


def test_what_cannot_be_compared_is_refused():
    empty = Mask(np.zeros(GRID.shape, bool), GRID)
    with pytest.raises(InputError, match="liver after is an empty mask"):
        check_resection(WHOLE, empty, overlay())
    with pytest.raises(InputError, match=r"lie over each other to 9\.0 mm only"):
        check_resection(WHOLE, LEFT, overlay(error=9.0))
    with pytest.raises(InputError, match="belongs to another scan"):
        check_resection(WHOLE, LEFT, overlay(), box((150, 0, 0), (170, 20, 20)))
    with pytest.raises(InputError, match="Nothing of the liver before"):
        check_resection(WHOLE, box((141, 19, 19), (179, 99, 99)), overlay())
    with pytest.raises(InputError, match="that is no remnant"):
        check_resection(WHOLE, box((19, 19, 19), (59, 59, 59)), overlay())
