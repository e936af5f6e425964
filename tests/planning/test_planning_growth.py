"""Growth of the remnant: the published numbers come back, the first week is the fastest, and a range stays a range."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glisson.errors import InputError
from glisson.planning.growth import HORIZON_DAYS, growth_forecast, hypertrophy, techniques


def test_the_published_growth_is_there_on_its_day():
    """Croome 2015: 36.0 (27.2) % after embolisation, 84.3 (7.8) % after ALPPS; PMC5901738: 54 % on day 27."""
    embolised = growth_forecast("portal-vein-embolisation").after(28)
    assert (embolised.expected, embolised.low, embolised.high) == pytest.approx((36.0, 8.8, 63.2))
    wide = growth_forecast("right-embolisation-with-4").after(27)
    assert wide.expected == pytest.approx(54.0)
    assert (wide.low, wide.high) == (None, None)
    assert growth_forecast("alpps").after(10).expected == pytest.approx(84.3)


def test_growth_is_fastest_in_the_first_week():
    """5.4 and then 1.5 points a week (PMC6414468): 5.4 of 9.9 points of four weeks come in the first."""
    embolised = growth_forecast("portal-vein-embolisation")
    assert embolised.after(7).expected == pytest.approx(36.0 * 5.4 / 9.9)
    weeks = [embolised.after(7 * n).expected for n in range(9)]
    steps = [late - early for early, late in itertools.pairwise(weeks)]
    assert steps[0] > 3 * steps[1]
    assert embolised.after(1000).expected == embolised.after(HORIZON_DAYS).expected


def test_alpps_grows_by_the_day():
    assert growth_forecast("alpps").after(5).expected == pytest.approx(54.0)


def test_the_day_a_remnant_is_large_enough():
    """25 % needs a fifth more to reach 30 %: 5.4 x d / 7 / 9.9 x 36 = 20 gives day 7.1 by hand."""
    best, expected, worst = growth_forecast("portal-vein-embolisation").days_until(25.0, 30.0)
    assert expected == pytest.approx(7.5, abs=0.5)
    assert best == pytest.approx(4.06, abs=0.26)
    assert worst is None
    assert growth_forecast("right-embolisation").days_until(25.0, 30.0)[::2] == (None, None)
    assert growth_forecast("alpps").days_until(31.0, 30.0) == (0.0, 0.0, 0.0)


def test_two_volumetries():
    """300 to 420 mL of 1500 in three weeks: 8 points, 2.67 points a week, 40 % more volume."""
    found = hypertrophy(300.0, 420.0, 1500.0, 21.0)
    assert (found.points, found.percent_per_week, found.growth_percent) == pytest.approx((8.0, 8 / 3, 40.0))
    assert "Shindoh" in found.definition


@given(st.sampled_from(["portal-vein-embolisation", "right-embolisation", "alpps"]), st.floats(0, 80), st.floats(0, 80))
def test_more_time_never_means_less_growth(technique, one, other):
    forecast = growth_forecast(technique)
    assert forecast.after(min(one, other)).expected <= forecast.after(max(one, other)).expected + 1e-9


def test_what_cannot_be():
    with pytest.raises(InputError, match="No published growth for 'liver-venous-deprivation'"):
        growth_forecast("liver-venous-deprivation")
    with pytest.raises(InputError, match="0 or more days"):
        growth_forecast("alpps").after(-1)
    with pytest.raises(InputError, match="more than 0"):
        growth_forecast("alpps").days_until(0.0, 30.0)
    with pytest.raises(InputError, match="days above 0; given 0"):
        hypertrophy(300.0, 420.0, 1500.0, 0)
    assert "alpps" in techniques()
