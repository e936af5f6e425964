"""The filtration rate estimated from creatinine; the vectors are those of an independent engine (clincalc 0.4.0)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glisson.case import Unknown, loads_case
from glisson.case.kidney import ckd_epi_2021

RATE = "labs.egfr_ml_min_173"


def facts(text: str) -> dict[str, object]:
    return dict(loads_case("id: a\n" + text).facts())


@pytest.mark.parametrize(
    ("value", "unit", "age", "sex", "rate"),
    [
        (1.1, "mg/dL", 50, "male", 82),
        (0.7, "mg/dL", 60, "female", 99),
        (0.9, "mg/dL", 60, "male", 98),
        (0.5, "mg/dL", 30, "female", 129),
        (0.6, "mg/dL", 30, "male", 133),
        (1.5, "mg/dL", 70, "female", 37),
        (3.0, "mg/dL", 80, "male", 20),
        (90, "umol/L", 67, "male", 81),
        (140, "umol/L", 75, "female", 34),
        (88.4, "umol/L", 18, "female", 84),
    ],
)
def test_vectors_of_an_independent_engine(value, unit, age, sex, rate):
    known = facts(
        f"patient: {{age_years: {age}, sex: {sex}}}\n"
        f"labs: [{{test: creatinine, value: {value}, unit: {unit}, date: 2024-05-01}}]\nboard: {{date: 2024-05-11}}"
    )
    assert round(known[RATE]) == rate
    assert known["labs.egfr_days_old"] == 10


def test_at_the_knee_only_age_and_sex_are_left():
    """At 0.7 (women) and 0.9 mg/dL (men) both powers are 1: 142 times 0.9938 a year, by hand at one hundred years."""
    assert ckd_epi_2021(0.9 * 88.4, 100, "male") == pytest.approx(142 * 0.5369, rel=1e-3)
    assert ckd_epi_2021(0.7 * 88.4, 100, "female") == pytest.approx(142 * 0.5369 * 1.012, rel=1e-3)


@given(st.floats(20, 2000), st.floats(18, 99), st.sampled_from(["female", "male"]))
def test_more_creatinine_and_more_years_never_mean_more_filtration(creatinine, age, sex):
    rate = ckd_epi_2021(creatinine, age, sex)
    assert rate > 0
    assert ckd_epi_2021(creatinine * 1.1, age, sex) < rate
    assert ckd_epi_2021(creatinine, age + 1, sex) < rate


def test_a_reported_rate_stands():
    labs = (
        "labs: [{test: egfr, value: 55, unit: mL/min/1.73m2, date: 2024-01-01}, "
        "{test: creatinine, value: 3, unit: mg/dL, date: 2024-05-01}]"
    )
    assert facts(f"patient: {{age_years: 60, sex: male}}\n{labs}")[RATE] == 55


@pytest.mark.parametrize(
    ("patient", "why"),
    [
        ("sex: male", "age"),
        ("age_years: 60", "sex"),
        ("age_years: 17, sex: male", "adults"),
        ("age_years: 60, sex: male, dialysis: true", "dialysis"),
        ("age_years: 30, sex: female, pregnancy: true", "pregnancy"),
    ],
)
def test_it_is_unknown_where_it_cannot_be_estimated(patient, why):
    known = facts(f"patient: {{{patient}}}\nlabs: [{{test: creatinine, value: 1, unit: mg/dL}}]")
    assert isinstance(known[RATE], Unknown)
    assert why in known[RATE].reason


def test_without_creatinine_it_is_unknown():
    rate = facts("patient: {age_years: 60, sex: male}")[RATE]
    assert isinstance(rate, Unknown)
    assert "creatinine" in rate.reason


@pytest.mark.parametrize(("creatinine", "age", "sex"), [(90, 17, "male"), (0, 60, "male"), (90, 60, "other")])
def test_it_refuses_what_it_was_not_made_for(creatinine, age, sex):
    with pytest.raises(ValueError, match="18 years"):
        ckd_epi_2021(creatinine, age, sex)
