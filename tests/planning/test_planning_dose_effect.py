"""Biologically effective dose: published values, and survival counted fraction by fraction."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glisson.errors import InputError
from glisson.planning.dose import bed_gy, compare_fractionations, decay_bed_gy, eqd2_gy, same_effect_dose_gy


@pytest.mark.parametrize(
    ("fractions", "size", "ten", "three"),
    [(3, 20, 180, 460), (5, 10, 100, 216.67), (3, 15, 112.5, 270), (5, 12, 132, 300), (3, 18, 151.2, 378)],
)
def test_fractions(fractions, size, ten, three):
    assert bed_gy(fractions * size, fractions, 10) == pytest.approx(ten, abs=0.005)
    assert bed_gy(fractions * size, fractions, 3) == pytest.approx(three, abs=0.005)


def test_single_fractions():
    assert bed_gy(26, 1, 10) == pytest.approx(93.6)
    assert bed_gy(37.5, 3, 10) == pytest.approx(84.375)


@pytest.mark.parametrize(
    ("dose", "ratio", "repair", "expected"),
    [(100, 10, 1.5, 122.866), (200, 10, 2.5, 350.150), (40, 2.5, 2.5, 64.024)],
)
def test_decaying_source(dose, ratio, repair, expected):
    assert decay_bed_gy(dose, ratio, repair) == pytest.approx(expected, abs=0.0005)


def test_decaying_source_is_the_integral_of_incomplete_repair():
    """Lea-Catcheside factor by a double sum over time: G = 2/D^2 sum R(t) sum R(s) exp(-mu (t - s))."""
    half_life, repair, dose, steps = 64.1, 2.5, 100.0, 40_000
    decay, mend = math.log(2) / half_life, math.log(2) / repair
    step = 15 * half_life / steps
    memory = total = given_dose = 0.0
    for n in range(steps):
        rate = dose * decay * math.exp(-decay * (n + 0.5) * step) * step
        total += rate * (memory + rate / 2)
        memory = (memory + rate) * math.exp(-mend * step)
        given_dose += rate
    factor = 2 * total / given_dose**2
    assert decay_bed_gy(dose, 10, repair) == pytest.approx(dose + factor * dose**2 / 10, rel=2e-3)


@given(dose=st.floats(0.1, 100), fractions=st.integers(1, 40), ratio=st.floats(1, 20))
def test_effect_adds_up_fraction_by_fraction(dose, fractions, ratio):
    """-ln(survival)/alpha of each fraction, added, is the BED; 2 Gy fractions of EQD2 do the same."""
    each = dose / fractions
    survival = [math.exp(-0.01 * (each + each**2 / ratio))] * fractions
    assert bed_gy(dose, fractions, ratio) == pytest.approx(-sum(map(math.log, survival)) / 0.01, rel=1e-9)
    twos = eqd2_gy(dose, fractions, ratio) / 2.0
    assert twos * (2 + 4 / ratio) == pytest.approx(bed_gy(dose, fractions, ratio), rel=1e-9)
    assert same_effect_dose_gy(bed_gy(dose, fractions, ratio), fractions, ratio) == pytest.approx(dose, rel=1e-6)


def test_comparison_keeps_the_order_given():
    rows = compare_fractionations([(60, 3), (50, 5)], [10, 3])
    assert [(row.dose_gy, row.alpha_beta_gy, row.fraction_gy) for row in rows] == [
        (60, 10, 20), (60, 3, 20), (50, 10, 10), (50, 3, 10),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "make",
    [
        lambda: bed_gy(-1, 3, 10), lambda: bed_gy(60, 0, 10), lambda: bed_gy(60, 2.5, 10), lambda: bed_gy(60, 3, 0),
        lambda: bed_gy(math.nan, 3, 10), lambda: decay_bed_gy(100, 10, 0), lambda: decay_bed_gy(100, 10, 1, 0),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(make):
    with pytest.raises(InputError):
        make()
