"""Doubling times, projections and marker courses: by hand, against closed forms, and by simulated measurements."""

from __future__ import annotations

import math
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glisson.errors import InputError
from glisson.lesions.kinetics import diameter_error, growth_of, marker_course, project, volume_error

START = date(2026, 1, 5)


def days(*after: int) -> list[date]:
    return [START + timedelta(d) for d in after]


def test_doubling_time_of_a_volume_that_doubles() -> None:
    found = growth_of(days(0, 90), volumes_ml=[4.0, 8.0])
    assert found.doubling_days == pytest.approx(90)
    assert found.growing is True


def test_a_volume_doubles_when_the_diameter_grows_by_26_percent() -> None:
    found = growth_of(days(0, 60), diameters_mm=[20.0, 20.0 * 2 ** (1 / 3)])
    assert found.doubling_days == pytest.approx(60)


def test_a_shrinking_lesion_has_a_negative_doubling_time() -> None:
    found = growth_of(days(0, 30, 60), volumes_ml=[8.0, 4.0, 2.0])
    assert found.doubling_days == pytest.approx(-30)
    assert found.growing is False
    assert (found.fastest_days, found.slowest_days) == (None, None)


def test_no_change_has_no_doubling_time() -> None:
    found = growth_of(days(0, 60), diameters_mm=[20.0, 20.0])
    assert (found.doubling_days, found.growing, found.slowest_days) == (None, None, None)
    assert found.fastest_days is not None


def test_a_change_within_measuring_error_is_not_growth() -> None:
    """Two diameters err by 6.2 % each, their difference by 8.8 %: +10 % is not beyond 1.96 times that, +20 % is."""
    assert growth_of(days(0, 60), diameters_mm=[20.0, 22.0]).growing is None
    assert growth_of(days(0, 60), diameters_mm=[20.0, 24.0]).growing is True


def test_published_errors_by_hand() -> None:
    """Half the width of the limits on the scale of logarithms, over 1.96 and the square root of two."""
    assert diameter_error(True) == pytest.approx(
        (math.log(1.161) - math.log(0.822)) / (2 * 1.96 * math.sqrt(2)), rel=1e-4
    )
    assert diameter_error(True) == pytest.approx(0.0623, abs=2e-4)
    assert diameter_error(False) > diameter_error(True)
    assert volume_error() == pytest.approx(0.0498, abs=2e-4)


def test_interval_of_two_points_by_hand() -> None:
    """Slope ln(2)/90 a day; its error is the square root of two times 0.1 over 90 days."""
    found = growth_of(days(0, 90), volumes_ml=[4.0, 8.0], relative_error=0.1)
    slope, error = math.log(2) / 90, math.sqrt(2) * 0.1 / 90
    assert found.fastest_days == pytest.approx(math.log(2) / (slope + 1.959964 * error), rel=1e-6)
    assert found.slowest_days == pytest.approx(math.log(2) / (slope - 1.959964 * error), rel=1e-6)


def test_slope_agrees_with_numpy() -> None:
    """Oracle: numpy.polyfit, and the covariance of a straight line with known errors from its normal equations."""
    rng = np.random.default_rng(1)
    after = np.array([0, 40, 75, 130, 200])
    sizes = 10 * np.exp(0.006 * after + rng.normal(0, 0.05, 5))
    found = growth_of(days(*after.tolist()), volumes_ml=sizes.tolist(), relative_error=0.05)
    assert found.rate_per_day == pytest.approx(np.polyfit(after, np.log(sizes), 1)[0], rel=1e-9)
    design = np.stack([after, np.ones(5)], axis=1)
    assert found.rate_error == pytest.approx(math.sqrt(0.05**2 * np.linalg.inv(design.T @ design)[0, 0]), rel=1e-9)


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    """2,000 simulated lesions that double in 80 days, three scans with 6 % error of the diameter; the date at which
    they really reach 40 mm lies in the projected range as often."""
    rng = np.random.default_rng(7)
    after, rate = np.array([0, 60, 120]), math.log(2) / 80
    truth = START + timedelta(round(3 * math.log(2) / rate))
    rates = dates = 0
    for _ in range(2000):
        sizes = 20 * np.exp(rate * after / 3) * np.exp(rng.normal(0, 0.06, 3))
        found = growth_of(days(*after.tolist()), diameters_mm=sizes.tolist(), relative_error=0.06)
        fast, slow = found.fastest_days or 0.0, found.slowest_days or math.inf
        rates += fast <= 80 <= slow
        ahead = project(found, diameter_mm=40.0)
        dates += (ahead.earliest or date.max) <= truth <= (ahead.latest or date.max)
    assert 0.935 <= rates / 2000 <= 0.965
    assert 0.93 <= dates / 2000 <= 0.97


def test_projection_by_hand() -> None:
    """4 mL to 8 mL in 90 days; 32 mL are two doublings on."""
    found = project(growth_of(days(0, 90), volumes_ml=[4.0, 8.0], relative_error=0.05), volume_ml=32.0)
    assert found.expected == START + timedelta(270)
    assert found.earliest is not None
    assert found.latest is not None
    assert found.earliest < found.expected < found.latest
    assert found.text.startswith("projection: 32 mL between")
    assert not found.already


def test_projection_without_error_is_one_day() -> None:
    found = project(growth_of(days(0, 90), volumes_ml=[4.0, 8.0], relative_error=0.0), volume_ml=16.0)
    assert found.earliest == found.expected == found.latest == START + timedelta(180)


def test_projection_of_an_uncertain_growth_has_no_end() -> None:
    found = project(growth_of(days(0, 60), diameters_mm=[20.0, 22.0]), diameter_mm=30.0)
    assert found.latest is None
    assert found.earliest is not None
    assert "and never" in found.text


def test_projection_of_a_shrinking_lesion_is_never() -> None:
    found = project(growth_of(days(0, 60), diameters_mm=[40.0, 20.0]), diameter_mm=50.0)
    assert (found.earliest, found.expected, found.latest) == (None, None, None)
    assert "not reached" in found.text


def test_projection_to_a_size_that_is_there() -> None:
    found = project(growth_of(days(0, 60), diameters_mm=[20.0, 30.0]), diameter_mm=25.0)
    assert found.already
    assert found.earliest == START + timedelta(60)


def test_projection_just_ahead_begins_today() -> None:
    found = project(growth_of(days(0, 60), diameters_mm=[20.0, 30.0]), diameter_mm=30.5)
    assert found.earliest == START + timedelta(60)


@given(
    st.lists(st.floats(5, 80), min_size=2, max_size=6),
    st.floats(0.0, 0.2),
    st.floats(1.0, 200.0),
)
def test_a_range_is_in_order_and_never_in_the_past(sizes: list[float], error: float, aim: float) -> None:
    when = days(*[50 * n for n in range(len(sizes))])
    found = project(growth_of(when, diameters_mm=sizes, relative_error=error), diameter_mm=aim)
    known = [day for day in (found.earliest, found.expected, found.latest) if day is not None]
    assert known == sorted(known)
    assert all(day >= when[-1] for day in known)


@given(st.lists(st.floats(5, 80), min_size=2, max_size=6), st.floats(0.5, 3.0))
def test_the_unit_of_size_does_not_change_the_growth(sizes: list[float], factor: float) -> None:
    when = days(*[50 * n for n in range(len(sizes))])
    first = growth_of(when, diameters_mm=sizes)
    second = growth_of(when, diameters_mm=[factor * size for size in sizes])
    assert first.rate_per_day == pytest.approx(second.rate_per_day, abs=1e-12)
    assert first.growing == second.growing or abs(first.rate_per_day - 1.959964 * first.rate_error) < 1e-9


BAD = [
    ({"volumes_ml": [4.0]}, days(0), "two measurements"),
    ({"volumes_ml": [4.0, 0.0]}, days(0, 60), "not above 0"),
    ({"volumes_ml": [4.0, math.nan]}, days(0, 60), "not above 0"),
    ({"volumes_ml": [4.0, 5.0]}, days(0, 0), "one a day"),
    ({"volumes_ml": [4.0, 5.0]}, days(0, 30, 60), "one for each"),
    ({}, days(0, 60), "one of"),
    ({"volumes_ml": [4.0, 5.0], "values": [4.0, 5.0]}, days(0, 60), "one of"),
    ({"values": [4.0, 5.0], "relative_error": -0.1}, days(0, 60), "0 or more"),
]


@pytest.mark.parametrize(("given_", "when", "words"), BAD)
def test_bad_input(given_: dict, when: list[date], words: str) -> None:
    with pytest.raises(InputError, match=words):
        growth_of(when, **given_)


def test_bad_projections() -> None:
    found = growth_of(days(0, 60), diameters_mm=[20.0, 24.0])
    for sizes, words in (
        ({}, "needs a"),
        ({"diameter_mm": 0.0}, "above 0"),
        ({"volume_ml": 20.0}, "made from a diameter"),
    ):
        with pytest.raises(InputError, match=words):
            project(found, **sizes)


MARKERS = [
    # days, values, surge
    ((0, 28, 56, 84), (10.0, 14.0, 9.0, 7.0), True),  # +40 %, then 30 % below
    ((0, 28, 56), (10.0, 14.0, 9.0), None),  # up, and 56 days is not four months
    ((0, 28, 150), (10.0, 14.0, 13.0), False),  # up for too long
    ((0, 28, 56), (10.0, 12.0, 7.0), False),  # exactly +20 % is not more than it
    ((0, 28, 56), (10.0, 7.0, 6.0), False),
]


@pytest.mark.parametrize(("after", "values", "surge"), MARKERS)
def test_marker_surge(after: tuple[int, ...], values: tuple[float, ...], surge: bool | None) -> None:
    assert marker_course(days(*after), values).surge is surge


def test_marker_doubling_time_has_an_interval_only_with_a_stated_error() -> None:
    found = marker_course(days(0, 30, 60), [5.0, 10.0, 20.0]).growth
    assert found.doubling_days == pytest.approx(30)
    assert (found.fastest_days, found.slowest_days) == (None, None)
    stated = marker_course(days(0, 30, 60), [5.0, 10.0, 20.0], relative_error=0.1).growth
    assert stated.fastest_days is not None
    assert stated.slowest_days is not None
    assert stated.fastest_days < 30 < stated.slowest_days
