"""After an ablation: margins of balls in balls, and how often the interval holds the truth under known displacement."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from glisson.anatomy.overlay import Overlay
from glisson.errors import InputError
from glisson.geometry import Grid, Mask
from glisson.geometry.registration import Alignment
from glisson.planning.ablated import check_ablation, zone_course

GRID = Grid.axial((90, 90, 90), (1.0, 1.0, 1.0), (-45.0, -45.0, -45.0))
POINTS = GRID.to_mm(np.moveaxis(np.indices(GRID.shape), 0, -1))
LIVER = Mask(np.ones(GRID.shape, bool), GRID)


def ball(centre, radius: float) -> Mask:
    return Mask(((POINTS - centre) ** 2).sum(axis=-1) <= radius**2, GRID)


def overlay(shift=(0.0, 0.0, 0.0), error: float = 1.5) -> Overlay:
    """Points of the later scan plus `shift` are points of the earlier."""
    affine = np.eye(4)
    affine[:3, 3] = shift
    return Overlay(Alignment(affine, None, GRID, scaled=False), error, "vessel forks", 20, (0.5, 1.0))


def test_a_ball_in_the_middle_of_a_ball():
    found = check_ablation(ball((0, 0, 0), 10), ball((0, 0, 0), 18), LIVER, overlay(error=0.6), wanted_mm=5)
    assert found.margin.in_liver_mm == pytest.approx(8.0, abs=0.25)
    assert found.covered_chance == 1.0
    assert found.wanted_chance > 0.95
    assert found.short.is_empty
    assert found.interval_mm[0] < 8.0
    assert not found.subcapsular


def test_the_lesion_is_carried_into_the_later_frame():
    """The lesion lies 30 mm off on the earlier scan; laid over, it is in the middle of the zone."""
    found = check_ablation(ball((30, 0, 0), 8), ball((0, 0, 0), 14), LIVER, overlay((30, 0, 0), 0.6), wanted_mm=5)
    assert found.margin.in_liver_mm == pytest.approx(6.0, abs=0.25)


def test_what_the_zone_leaves_is_shown():
    """The zone's middle is 10 mm off: 2 mm of the ball of 10 mm stay outside a ball of 18 mm, all to one side."""
    found = check_ablation(ball((0, 0, 0), 10), ball((-10, 0, 0), 18), LIVER, overlay(), wanted_mm=5)
    assert found.margin.in_liver_mm == pytest.approx(-2.0, abs=0.3)
    assert not found.uncovered.is_empty
    assert found.uncovered.centroid_mm[0] > 8
    assert found.short.count > found.uncovered.count
    assert found.covered_chance < 0.25


def test_no_margin_is_asked_for_outside_the_liver():
    """The lesion ends 2 mm under the capsule, where the zone ends with the liver."""
    liver = Mask(POINTS[..., 0] <= 12.0, GRID)
    zone = Mask(ball((0, 0, 0), 18).data & liver.data, GRID)
    found = check_ablation(ball((0, 0, 0), 10), zone, liver, overlay(error=0.6), wanted_mm=5)
    assert found.subcapsular
    assert found.margin.everywhere_mm < 4.5
    assert found.margin.in_liver_mm > 6
    assert found.short.is_empty


@pytest.mark.parametrize(("offset", "sigma"), [((0, 0, 0), 1.0), ((5, 0, 0), 1.5), ((3, -4, 2), 2.0), ((8, 0, 0), 1.0)])
def test_the_interval_holds_the_truth_as_often_as_it_says(offset, sigma):
    """The true margin of a ball in a ball is known; the overlay is off by normal errors of the size it states. With 95
    in 100, fewer than 10 of 12 happen in 2 of 100 such rounds; distances on voxels of 1 mm are known to 0.3 mm."""
    truth = 20.0 - 9.0 - float(np.linalg.norm(offset))
    rng = np.random.default_rng(4)
    lesion, zone = ball(offset, 9).trimmed(), ball((0, 0, 0), 20).trimmed()
    trials = 12
    held = 0
    for _ in range(trials):
        low, high = check_ablation(
            lesion, zone, LIVER, overlay(rng.normal(0, sigma, 3), sigma), wanted_mm=5
        ).interval_mm
        held += low - 0.3 <= truth <= high + 0.3
    assert held >= 10


def test_what_cannot_be_measured_is_refused():
    empty = Mask(np.zeros(GRID.shape, bool), GRID)
    with pytest.raises(InputError, match="ablation zone is an empty mask"):
        check_ablation(ball((0, 0, 0), 8), empty, LIVER, overlay(), wanted_mm=5)
    with pytest.raises(InputError, match=r"lie over each other to 9\.0 mm only"):
        check_ablation(ball((0, 0, 0), 8), ball((0, 0, 0), 12), LIVER, overlay(error=9.0), wanted_mm=5)


def test_a_zone_that_shrinks_as_published():
    """40 mL on the day of the ablation; the series keeps 51.4 % after three months and 29.8 % after twelve."""
    first, third, twelfth = date(2025, 1, 1), date(2025, 4, 2), date(2026, 1, 1)
    found = zone_course([(first, 40.0), (third, 22.0), (twelfth, 13.0)], first)
    assert found.expected[0] == 40.0
    assert found.expected[1] == pytest.approx(40 * 0.514, rel=0.01)
    assert found.expected[2] == pytest.approx(40 * 0.298, rel=0.01)
    assert found.grown is False


def test_the_expected_volume_starts_from_the_first_scan():
    """First outlined after three months: what is left after a year is 29.8 of 51.4 parts of that."""
    found = zone_course([(date(2025, 4, 2), 20.0), (date(2026, 1, 1), 12.0)], date(2025, 1, 1))
    assert found.expected[1] == pytest.approx(20 * 29.8 / 51.4, rel=0.01)
    assert zone_course([(date(2025, 4, 2), 20.0)], None).expected == (None,)
    assert zone_course([(date(2025, 4, 2), 20.0), (date(2029, 4, 2), 1.0)], date(2025, 1, 1)).expected[1] is None


@pytest.mark.parametrize(("last", "grown"), [(11.3, False), (11.6, True), (9.0, False)])
def test_a_zone_has_grown_beyond_what_two_outlines_differ(last, grown):
    """Two outlines of 10 mL differ by 13.7 % (95 %): from 11.47 mL on, against the smallest before and not the last."""
    days = [date(2025, 1, 1), date(2025, 4, 1), date(2025, 7, 1)]
    assert zone_course(list(zip(days, (20.0, 10.0, last), strict=True)), days[0]).grown is grown


def test_one_zone_tells_no_course_and_none_is_refused():
    assert zone_course([(date(2025, 1, 1), 12.0)], None).grown is None
    with pytest.raises(InputError, match="above 0 mL"):
        zone_course([(date(2025, 1, 1), 0.0)], None)
