"""Laboratory units, by values computed by hand."""

from __future__ import annotations

from datetime import date

import pytest

from glisson.case import TESTS, Case, Lab, Unknown, convert
from glisson.errors import CaseError, UnitError


@pytest.mark.parametrize(
    ("test", "value", "unit", "inside"),
    [
        ("bilirubin", 2.0, "mg/dL", 34.2),
        ("bilirubin", 20, "umol/L", 20),
        ("bilirubin", 20, "µmol/l", 20),
        ("bilirubin", 20, "μmol/L", 20),
        ("albumin", 3.5, "g/dl", 35),
        ("creatinine", 1.5, "mg/dL", 132.6),
        ("sodium", 137, "mEq/L", 137),
        ("platelets", 150, "10*9/L", 150),
        ("platelets", 150, "10^9/l", 150),
        ("platelets", 150, "x10⁹/L", 150),
        ("platelets", 150, "G/L", 150),
        ("platelets", 150, "10*3/uL", 150),
        ("platelets", 150000, "/uL", 150),
        ("inr", 1.2, "{INR}", 1.2),
        ("inr", 1.2, "1", 1.2),
        ("ast", 0.5, "µkat/L", 30),
        ("alt", 40, "[IU]/L", 40),
        ("haemoglobin", 12.5, "g/dL", 125),
        ("haemoglobin", 8, "mmol/L", 128.912),
        ("cea", 5, "ng/mL", 5),
        ("cea", 5, "µg/L", 5),
        ("ca19_9", 37, "kU/L", 37),
        ("afp", 100, "IU/mL", 121),
        ("crp", 1.2, "mg/dL", 12),
        ("calcium", 10.02, "mg/dL", 2.5),
        ("urea", 60.06, "mg/dL", 10),
        ("ammonia", 170.3, "µg/dL", 100),
        ("icg_r15", 0.12, "fraction", 12),
        ("urine_5hiaa", 10, "mg/24h", 52.3),
        ("neutrophils", 1500, "cells/uL", 1.5),
        ("egfr", 60, "mL/min/1.73m²", 60),
    ],
)
def test_conversion_by_hand(test, value, unit, inside):
    lab = Lab(test, value, unit)
    assert lab.value == pytest.approx(inside, rel=1e-4)
    assert lab.unit == TESTS[test].unit
    assert (lab.given_value, lab.given_unit) == (value, unit)


def test_the_upper_limit_is_converted_with_the_value():
    lab = Lab("bilirubin", 2.4, "mg/dL", given_upper_limit=1.2)
    assert lab.upper_limit_normal == pytest.approx(20.52)
    facts = Case("a", labs=(lab,)).facts()
    assert facts["labs.bilirubin_times_uln"] == pytest.approx(2)


def test_convert_goes_both_ways_and_refuses_with_the_allowed_list():
    assert convert("bilirubin", 34.2, "umol/L", "mg/dL") == pytest.approx(2.0)
    with pytest.raises(UnitError, match=r"'g/L' is not a unit of bilirubin; allowed units: umol/L, mg/dL"):
        convert("bilirubin", 1, "g/L")


def test_every_test_knows_its_own_internal_unit():
    for name, test in TESTS.items():
        if not test.qualitative:
            assert convert(name, 1.0, test.unit) == 1.0


@pytest.mark.parametrize(("value", "unit"), [(4.2, "g/L"), (42, "g/dL"), (-1, "g/L")])
def test_a_value_no_patient_has_is_refused(value, unit):
    with pytest.raises(CaseError, match="albumin"):
        Lab("albumin", value, unit)


def test_the_latest_result_is_found():
    old, new, undated = (
        Lab("cea", v, "ug/L", d) for v, d in ((3, date(2024, 1, 1)), (9, date(2024, 3, 1)), (5, Unknown()))
    )
    case = Case("a", labs=(new, old, undated))
    assert case.lab("cea") == new
    assert case.lab("cea", at=date(2024, 2, 1)) == old
    assert case.lab("cea", at=date(2023, 2, 1)) == Unknown("not recorded on or before 2023-02-01")
    assert Case("a", labs=(undated,)).lab("cea") == undated
    assert case.lab("afp") == Unknown("not recorded")
    with pytest.raises(KeyError, match="known tests"):
        case.lab("tsh")
