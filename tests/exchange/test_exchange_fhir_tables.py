"""What a FHIR import refuses of files, and the code tables: check digits, words of the case, no code twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glisson.errors import InputError
from glisson.exchange.fhir_codes import codings_of, flaw_of, table
from glisson.exchange.fhir_import import import_record
from glisson.exchange.fhir_read import read_record

LOINC, SNOMED = "http://loinc.org", "http://snomed.info/sct"
RESULT = {
    "resourceType": "Observation",
    "id": "o",
    "status": "final",
    "subject": {"reference": "Patient/p"},
    "code": {"coding": [{"system": LOINC, "code": "2039-6"}]},
    "valueQuantity": {"value": 9, "unit": "ug/L"},
}


def code(system: str, value: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": value}]}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{", "not JSON"),
        ("<Bundle/>", "XML"),
        ("[]", "no FHIR resource"),
        ('{"resourceType": 5}', "no FHIR resource"),
        ('{"resourceType": "Patient", "id": "a", "id": "b"}', "stands twice"),
        ('{"resourceType": "Observation", "x": NaN}', "NaN"),
        ("[" * 5000, "nested too deep"),
        ('{"resourceType":"Patient","x":' + "[" * 70 + "]" * 70 + "}", "nested too deep"),
        ('{"resourceType": "Procedure", "occurrenceDateTime": "2024-01-01"}', "FHIR R5"),
        ('{"resourceType": "Condition", "verificationStatus": "confirmed"}', "FHIR STU3"),
        ('{"resourceType": "MedicationStatement", "taken": "y"}', "FHIR STU3"),
        ('{"resourceType": "Bundle", "entry": {}}', "no list"),
        ('{"resourceType": "Organization"}', "no patient"),
    ],
)
def test_what_is_no_fhir_r4_is_refused(tmp_path: Path, text: str, expected: str):
    file = tmp_path / "b.json"
    file.write_text(text)
    with pytest.raises(InputError, match=expected):
        import_record(read_record(file))


def test_missing_empty_huge_and_foreign_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(InputError, match="cannot be read"):
        read_record(tmp_path / "none.json")
    with pytest.raises(InputError, match=r"no \.json"):
        read_record(tmp_path)
    file = tmp_path / "b.json"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="UTF-8"):
        read_record(file)
    monkeypatch.setattr("glisson.exchange.fhir_read.LARGEST_BYTES", 1)
    with pytest.raises(InputError, match="at most 1"):
        read_record(file)


def test_lines_of_resources_are_read(tmp_path: Path):
    file = tmp_path / "export.ndjson"
    file.write_text("\n".join(json.dumps(one) for one in ({"resourceType": "Patient", "id": "p"}, RESULT)) + "\n\n")
    assert import_record(read_record(file)).plain["labs"][0]["test"] == "cea"


def _multiply(one: int, other: int) -> int:
    """The product in the dihedral group of order 10: rotations 0-4, reflections 5-9."""
    if one < 5:
        return (one + other) % 5 if other < 5 else 5 + (one + other - 5) % 5
    return 5 + (one - 5 - other) % 5 if other < 5 else (one - other) % 5


def _verhoeff(digits: str) -> bool:
    cycle = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4]
    state = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit)
        for _ in range(place % 8):
            value = cycle[value]
        state = _multiply(state, value)
    return state == 0


def _luhn(loinc: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(loinc.replace("-", ""))):
        doubled = int(digit) * (1 + place % 2)
        total += doubled - 9 * (doubled > 9)
    return total % 10 == 0


def _codes(value: Any, system: str) -> list[str]:
    if isinstance(value, dict):
        return [c for key, one in value.items() for c in (map(str, one) if key == system else _codes(one, system))]
    return [c for one in value for c in _codes(one, system)] if isinstance(value, list) else []


@pytest.mark.parametrize("name", ["conditions", "labs", "observations", "words", "genes", "treatments", "allergies"])
def test_every_code_of_the_tables_has_its_check_digit(name: str):
    snomed = list(_codes(table(name), "snomed"))
    loinc = [one for one in _codes(table(name), "loinc") if not one.startswith("LA")]
    assert [one for one in snomed if not _verhoeff(one)] == []
    assert [one for one in loinc if not _luhn(one)] == []
    assert not any(flaw_of(code(SNOMED, one)) for one in snomed)
    assert not any(flaw_of(code(LOINC, one)) for one in loinc)


@given(st.from_regex(r"[1-9][0-9]{5,15}", fullmatch=True))
def test_check_digits_agree_with_the_group_they_come_from(digits: str):
    assert bool(flaw_of(code(SNOMED, digits))) == (not _verhoeff(digits))


def test_the_tables_speak_the_language_of_the_case():
    from glisson.case import TESTS, vocabulary

    assert set(table("labs")["tests"]) <= set(TESTS)
    assert {one["kind"] for one in table("treatments")["procedures"]} <= set(vocabulary.TREATMENTS)
    assert set(table("drugs")["cancer"]) == set(vocabulary.DRUGS) - {"other"}
    assert set(table("drugs")["anticoagulants"]) == set(vocabulary.ANTICOAGULANTS) - {"other"}
    assert set(table("allergies")["allergies"]) <= set(vocabulary.ALLERGIES)
    told = table("conditions")
    assert {one["site"] for one in told["primary"]} <= set(vocabulary.PRIMARY_SITES)
    assert {one["site"] for one in told["secondary"]} <= {*vocabulary.EXTRAHEPATIC_SITES, "liver"}
    assert set(told["histology"]) <= set(vocabulary.HISTOLOGIES)
    words = {word for one in told["other"] for word in one["says"].get("patient.comorbidities", [])}
    assert words <= set(vocabulary.COMORBIDITIES)


def test_no_code_stands_twice_in_a_table():
    for name, key in (
        ("conditions", "primary"),
        ("conditions", "secondary"),
        ("conditions", "other"),
        ("treatments", "procedures"),
        ("drugs", "cancer"),
    ):
        for system in ("snomed", "icd10", "atc", "icd10-pcs"):
            codes = _codes(table(name)[key], system)
            assert sorted(codes) == sorted(set(codes)), (name, key, system)


def test_codings_leave_out_what_is_malformed():
    assert codings_of({"coding": [None, {"code": 3}, {"system": LOINC, "code": "1-8"}]})[0].system == "loinc"
    assert codings_of("x") == codings_of({"coding": {}}) == ()
