"""Remnants measured over time: growth a hand can compute, and where it stands on the published curves."""

from __future__ import annotations

from datetime import date

import pytest

from glisson.case import Unknown, loads_case
from glisson.errors import InputError
from glisson.planning.growth import growth_forecast, growth_limits, hypertrophy
from glisson.planning.regrowth import embolised_course, remnant_course
from glisson.report.figures.regrowth import regrowth_picture

DAY = date(2025, 3, 1)


def test_growth_after_a_resection_beside_the_series():
    """500 mL, after 35 days 650: +30 %; the series of hemihepatectomies says 30.9 % at five weeks."""
    found = remnant_course("right hepatectomy", DAY, 500.0, [(date(2025, 4, 5), 650.0)], expected_total_ml=1500.0)
    (size,) = found.sizes
    assert size.growth_percent == pytest.approx(30.0)
    assert found.curve.at(found.days(size)) == pytest.approx(30.9)
    assert found.curve.at(3 * 7) == pytest.approx(21.3 + (30.9 - 21.3) / 2)
    assert found.curve.at(400) is None
    assert found.speed.points == pytest.approx(10.0)
    assert found.speed.percent_per_week == pytest.approx(2.0)


def test_limits_are_those_of_two_outlines():
    """Two outlines of one thing lie within 13.7 % (95 %), so a ratio of two volumes within the same factor."""
    low, high = growth_limits(500.0, 650.0)
    assert 1 + high / 100 == pytest.approx(1.3 * 1.137**0.5 / 0.863**0.5, rel=1e-6)
    assert (1 + low / 100) * (1 + high / 100) == pytest.approx(1.3**2)
    found = hypertrophy(400.0, 400.0, 1500.0, 14.0)
    assert found.percent_per_week == 0.0
    assert found.per_week_limits[0] == pytest.approx(-found.per_week_limits[1])


RECORD = """\
id: grown
treatments: [{kind: portal-vein-embolisation, start: 2025-03-01}]
liver:
  volumetries:
    - {date: 2025-02-20, remnant_ml: 300}
    - {date: 2025-03-15, remnant_ml: 360}
    - {date: 2025-03-29, remnant_ml: 400}
"""


def test_every_volumetry_after_an_embolisation_is_a_point():
    found = embolised_course(loads_case(RECORD), 1500.0)
    assert [size.ml for size in found.sizes] == [360.0, 400.0]
    assert [round(size.growth_percent) for size in found.sizes] == [20, 33]
    forecast = growth_forecast("portal-vein-embolisation").after(14.0)
    assert found.curve.at(14.0) == pytest.approx(forecast.expected)
    assert found.curve.high[14] == pytest.approx(forecast.high)
    assert found.speed.percent_per_week == pytest.approx(100 / 15 / 4)
    picture = regrowth_picture(found)
    assert "week 2.0 +20 %" in picture.alt
    assert regrowth_picture(found).png == picture.png


def test_nothing_without_two_volumetries_or_height_and_weight():
    assert embolised_course(loads_case("id: a\n"), 1500.0) is None
    assert embolised_course(loads_case(RECORD.replace("2025-03-01", "2025-04-20")), 1500.0) is None
    assert isinstance(embolised_course(loads_case(RECORD), None).speed, Unknown)


def test_what_cannot_be_a_course_is_refused():
    with pytest.raises(InputError, match="above 0 mL"):
        remnant_course("x", DAY, 0.0, [(date(2025, 4, 5), 650.0)], expected_total_ml=None)
    with pytest.raises(InputError, match="one after 2025-03-01"):
        remnant_course("x", DAY, 500.0, [(DAY, 650.0)], expected_total_ml=None)
