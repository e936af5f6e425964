"""Growth carried back to one cell: courses whose birthday a hand can compute, and how often the interval holds it."""

from __future__ import annotations

import math
from datetime import date, timedelta

import numpy as np
import pytest

from glisson.errors import InputError
from glisson.lesions.seeding import CELL_ML, LARGEST_ML, seeding_dates

START = date(2025, 1, 1)


def days(*after: int) -> list[date]:
    return [START + timedelta(n) for n in after]


def test_thirty_doublings_before_one_millilitre():
    """One mL is 2^29.9 cells of a millionth of a mm3: 29.9 times 100 days before the first scan."""
    exponential, _ = seeding_dates(days(0, 100, 200), [1.0, 2.0, 4.0])
    assert exponential.expected == START - timedelta(2990)
    assert exponential.doubling_days == pytest.approx(100.0)
    assert exponential.earliest < exponential.expected < exponential.latest


def test_gompertz_growth_is_carried_back_along_its_own_law():
    """V(t) = K (c/K)^exp(-a t) from the day of birth, with a = 0.001 a day, at 1500 and 1600 days."""
    born = START - timedelta(1500)
    volumes = [LARGEST_ML * (CELL_ML / LARGEST_ML) ** math.exp(-0.001 * t) for t in (1500, 1600)]
    _, gompertz = seeding_dates(days(0, 100), volumes)
    assert abs((gompertz.expected - born).days) <= 1
    assert gompertz.model == "gompertz"


def test_slowing_growth_was_seeded_later_than_constant_growth():
    exponential, gompertz = seeding_dates(days(0, 90), [2.0, 4.0])
    assert gompertz.expected > exponential.expected


def test_growth_within_error_has_no_earliest_day_and_shrinking_none_at_all():
    exponential, _ = seeding_dates(days(0, 60), [2.0, 2.1])
    assert exponential.earliest is None
    assert exponential.latest is not None
    for one in seeding_dates(days(0, 60), [2.0, 1.5]):
        assert (one.earliest, one.expected, one.doubling_days) == (None, None, None)


def test_the_interval_holds_the_truth_as_often_as_it_says():
    """400 lesions that double in 90 days, measured three times with 6 % error: 95 in 100, less three deviations."""
    rng = np.random.default_rng(2)
    truth = START - timedelta(90 * math.log2(1.0 / CELL_ML))
    held = 0
    for _ in range(400):
        measured = [2 ** (t / 90) * math.exp(rng.normal(0, 0.06)) for t in (0, 80, 170)]
        one, _ = seeding_dates(days(0, 80, 170), measured, relative_error=0.06)
        held += (one.earliest is None or one.earliest <= truth) and one.latest >= truth
    assert 0.95 * 400 - 13 <= held <= 0.95 * 400 + 13


@pytest.mark.parametrize(
    ("when", "volumes", "words"),
    [
        (days(0), [1.0], "two or more"),
        (days(0, 0), [1.0, 2.0], "different days"),
        (days(0, 9), [1.0, 0.0], "one cell"),
        (days(0, 9), [1.0, 2000.0], "1000 mL"),
    ],
)
def test_what_cannot_be_carried_back_is_refused(when, volumes, words):
    with pytest.raises(InputError, match=words):
        seeding_dates(when, volumes)
