"""Laboratory results from FHIR: units, limits, doubles, what is not final."""

from __future__ import annotations

import copy
import importlib.util
from pathlib import Path

import pytest

from glisson.case import loads_case
from glisson.case.writing import plain_yaml

_spec = importlib.util.spec_from_file_location("exchange_builders", Path(__file__).with_name("conftest.py"))
_builders = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_builders)
SNOMED = _builders.SNOMED
code = _builders.code
lab = _builders.lab
observation = _builders.observation
read = _builders.read
why = _builders.why


def test_bilirubin_in_either_unit_is_the_same_result():
    mass = read(lab("1975-2", 1.0, "mg/dL")).plain
    amount = read(lab("14631-6", 17.1, "umol/L")).plain
    values = [loads_case(plain_yaml({"id": "x", **one})).labs[0].value for one in (mass, amount)]
    assert values == [17.1, 17.1]
    assert mass["labs"] == [{"test": "bilirubin", "value": 1.0, "unit": "mg/dL", "date": "2024-05-02"}]


def test_unit_is_read_from_the_result_and_not_from_the_code():
    found = read(lab("1975-2", 20, "umol/L"))
    assert found.plain["labs"][0]["unit"] == "umol/L"


@pytest.mark.parametrize(
    ("loinc", "value", "unit", "internal"),
    [
        ("98979-8", 61, "mL/min/{1.73_m2}", 61),
        ("6301-6", 1.1, "{INR}", 1.1),
        ("26515-7", 214, "10*3/uL", 214),
        ("24108-3", 40, "[arb'U]/mL", 40),
        ("1920-8", 31, "[IU]/L", 31),
        ("718-7", 12.8, "g/dL", 128),
        ("2039-6", 32.1, "ng/mL", 32.1),
        ("751-8", 2500, "10*6/L", 2.5),
    ],
)
def test_ucum_spellings_are_understood(loinc: str, value: float, unit: str, internal: float):
    case = loads_case(plain_yaml({"id": "x", **read(lab(loinc, value, unit)).plain}))
    assert case.labs[0].value == pytest.approx(internal)


def test_a_limit_is_no_number():
    told = {"value": 0.6, "comparator": "<", "unit": "ug/L"}
    found = read(observation("2039-6", valueQuantity=told))
    assert "labs" not in found.plain
    assert "cea < 0.6 ug/L is a limit" in why(found)


@pytest.mark.parametrize(
    ("loinc", "expected"),
    [("2039-7", "check digit"), ("3094-0", "urea nitrogen"), ("2345-7", "not among those that are known")],
)
def test_codes_that_are_wrong_or_of_another_test_are_listed(loinc: str, expected: str):
    found = read(lab(loinc, 5, "mg/dL"))
    assert "labs" not in found.plain
    assert expected in why(found)
    assert found.not_understood[0].code == f"loinc {loinc}"


def test_unit_or_value_that_cannot_be_is_listed():
    assert "allowed units" in why(read(lab("2039-6", 5, "mmol/L")))
    assert "cannot be right" in why(read(lab("14682-9", 1.0, "umol/L")))
    assert "measured" in why(read(observation("2039-6", valueString="5 ug/L")))
    assert "measured" in why(read(observation("2039-6", valueCodeableConcept=code(SNOMED, "10828004"))))


def test_several_results_are_a_dated_series_and_doubles_count_once():
    values = [
        lab("2039-6", v, "ug/L", f"o{n}", effectiveDateTime=day)
        for n, (v, day) in enumerate(
            [(9, "2024-03-01"), (4, "2024-01-01"), (9, "2024-03-01"), (30, "2024-05-01T08:00:00+02:00")]
        )
    ]
    found = read(*values)
    assert [(one["value"], one["date"]) for one in found.plain["labs"]] == [
        (4, "2024-01-01"),
        (9, "2024-03-01"),
        (30, "2024-05-01"),
    ]


def test_the_same_resource_twice_counts_once_and_two_versions_without_dates_are_set_aside():
    one = lab("2039-6", 9, "ug/L")
    assert len(read(one, copy.deepcopy(one)).plain["labs"]) == 1
    other = lab("2039-6", 90, "ug/L")
    assert "two different versions" in why(read(one, other))
    newer = {**other, "meta": {"lastUpdated": "2024-06-01T00:00:00Z"}}
    older = {**one, "meta": {"lastUpdated": "2024-05-01T00:00:00Z"}}
    assert [r["value"] for r in read(newer, older).plain["labs"]] == [90]


@pytest.mark.parametrize("status", ["preliminary", "registered", "entered-in-error", "cancelled", "unknown", None])
def test_only_final_results_are_taken(status: str | None):
    found = read({**lab("2039-6", 9, "ug/L"), "status": status})
    assert "labs" not in found.plain
    assert "status is" in why(found)


def test_hepatitis_serology_is_a_word():
    found = read(
        observation("5195-3", "a", valueCodeableConcept=code(SNOMED, "260385009")),
        observation("13952-7", "b", valueString="Positive"),
        observation("13955-0", "d", valueString="see comment"),
    )
    assert {one["test"]: one["value"] for one in found.plain["labs"]} == {"hbsag": "negative", "anti_hbc": "positive"}


def test_upper_limit_is_taken_in_the_unit_of_the_result_only():
    high = {"value": 35, "unit": "U/L"}
    assert read(lab("1920-8", 31, "U/L", referenceRange=[{"high": high}])).plain["labs"][0]["upper_limit_normal"] == 35
    other = {"value": 0.6, "unit": "ukat/L"}
    assert "upper_limit_normal" not in read(lab("1920-8", 31, "U/L", referenceRange=[{"high": other}])).plain["labs"][0]


def test_a_month_alone_is_no_day():
    found = read(lab("2039-6", 9, "ug/L", effectiveDateTime="2024-05"))
    assert "date" not in found.plain["labs"][0]
