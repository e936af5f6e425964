"""A whole FHIR record: whose it is, nothing that identifies, the mCODE examples, junk anywhere."""

from __future__ import annotations

import copy
import importlib.util
import json
import os
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glisson.case import loads_case
from glisson.case.writing import plain_yaml
from glisson.errors import InputError
from glisson.exchange.fhir_import import import_record
from glisson.exchange.fhir_read import read_record, record_of

_spec = importlib.util.spec_from_file_location("exchange_builders", Path(__file__).with_name("conftest.py"))
_builders = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_builders)
ATC = _builders.ATC
ICD = _builders.ICD
PATIENT = _builders.PATIENT
RXNORM = _builders.RXNORM
SNOMED = _builders.SNOMED
SUBJECT = _builders.SUBJECT
bundle = _builders.bundle
code = _builders.code
condition = _builders.condition
lab = _builders.lab
observation = _builders.observation
procedure = _builders.procedure
read = _builders.read
statement = _builders.statement
variant = _builders.variant
why = _builders.why


def test_age_in_whole_years_on_the_day_that_counts():
    assert read(lab("2039-6", 9, "ug/L", effectiveDateTime="2024-06-14")).plain["patient"]["age_years"] == 63
    assert read(lab("2039-6", 9, "ug/L"), as_of=date(2024, 6, 15)).plain["patient"]["age_years"] == 64
    vague = import_record(record_of([bundle({**PATIENT, "birthDate": "1960"}, lab("2039-6", 9, "ug/L"))]))
    assert "age_years" not in vague.plain["patient"]


def test_sex_that_differs_from_sex_at_birth_stays_unknown():
    birth = [{"url": "http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex", "valueCode": "M"}]
    found = import_record(record_of([bundle({**PATIENT, "extension": birth}, lab("2039-6", 9, "ug/L"))]))
    assert "sex" not in found.plain["patient"]
    other = import_record(record_of([bundle({**PATIENT, "gender": "other"}, lab("2039-6", 9, "ug/L"))]))
    assert "sex" not in other.plain["patient"]


def test_two_patients_need_a_name_and_a_bystander_does_not_matter():
    second = {"resourceType": "Patient", "id": "q", "gender": "male", "birthDate": "1950-01-01"}
    assert (
        import_record(record_of([bundle(PATIENT, second, lab("2039-6", 9, "ug/L"))])).plain["patient"]["sex"]
        == "female"
    )
    both = bundle(
        PATIENT, second, lab("2039-6", 9, "ug/L"), lab("2039-6", 5, "ug/L", "x", subject={"reference": "Patient/q"})
    )
    with pytest.raises(InputError, match="--patient ID"):
        import_record(record_of([both]))
    found = import_record(record_of([both]), patient="q")
    assert (found.plain["patient"]["sex"], found.plain["labs"][0]["value"]) == ("male", 5)
    assert "another patient" in why(found)
    with pytest.raises(InputError, match="no patient with the id 'z'"):
        import_record(record_of([both]), patient="z")


def test_nothing_that_identifies_the_patient_comes_through():
    named = statement(code(RXNORM, "1", display="gefitinib for Erika MUSTERFRAU (MRN-4711)"), "MRN-4711")
    noted = lab("2039-7", 9, "ug/L", "Musterfrau", note=[{"text": "Erika Musterfrau, Heidestrasse 17"}])
    found = read(named, noted, condition(ICD, "C18.7"))
    text = plain_yaml(dict(found.plain)) + json.dumps(found.report())
    for secret in ("musterfrau", "erika", "4711", "heidestrasse", "koeln", "51147", "1960-06-15"):
        assert secret not in text.lower()


def test_results_contained_in_a_report_are_read():
    inner = {key: value for key, value in lab("2039-6", 9, "ug/L").items() if key != "subject"}
    report = {
        "resourceType": "DiagnosticReport",
        "id": "r",
        "status": "final",
        "subject": SUBJECT,
        "contained": [inner],
    }
    assert read(report).plain["labs"][0]["value"] == 9
    assert "labs" not in read({**report, "status": "entered-in-error"}).plain


@pytest.mark.real
def test_every_mcode_example_is_read_or_listed():
    folder = Path(os.environ.get("GLISSON_TEST_DATA", Path(__file__).parents[3] / "shared" / "data")) / "mcode"
    if not folder.exists():
        pytest.skip(f"real data not found at {folder} (set GLISSON_TEST_DATA to its parent)")
    record = read_record(folder)
    found = import_record(record)
    loads_case(plain_yaml({"id": "x", **found.plain}))
    assert found.plain["patient"] == {
        "age_years": 68,
        "sex": "male",
        "ecog": 0,
        "karnofsky": 90,
        "comorbidities": ["diabetes"],
    }
    assert found.plain["primary"] == {
        "site": "lung",
        "histology": "adenocarcinoma",
        "side": "left",
        "t": "t3",
        "n": "n3",
        "tnm_edition": 8,
        "diagnosed": "2019-04-01",
    }
    assert found.plain["extrahepatic"]["sites"] == [{"site": "brain", "found": "2019-05-01"}]
    spoken = " ".join([*found.origins.values(), *(one.resource for one in found.not_understood)])
    for entry in record.entries:
        clinical = entry.kind in ("Condition", "Observation", "Procedure", "MedicationStatement")
        assert not clinical or entry.label in spoken or "Clinical" in entry.label, entry.label


JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 5),
    st.text(max_size=5),
    st.just([]),
    st.just({}),
    st.just([None]),
    st.just([{"coding": 3}]),
    st.just({"coding": [None, {"code": 4}]}),
    st.floats(allow_nan=False),
)
WHOLE = [
    condition(ICD, "C18.7", onsetDateTime="2023-01-01", bodySite=[{"extension": [{"url": "x"}]}]),
    lab("2039-6", 9, "ug/L", "l", referenceRange=[{"high": {"value": 5}}]),
    variant("HGNC:6407", "KRAS", "LA9633-4", "p.G12C"),
    procedure(SNOMED, "84604002"),
    statement(code(ATC, "L01BC02")),
    observation("89247-1", "e", valueInteger=1),
    {"resourceType": "AllergyIntolerance", "id": "a", "patient": SUBJECT, "code": code(SNOMED, "91936005")},
]


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, one in inner for place in ((*path, key), *_places(one, (*path, key)))]


PLACES = [place for place in _places([PATIENT, *WHOLE]) if place[-1] != "resourceType" and len(place) > 1]


@settings(max_examples=150)
@given(st.sampled_from(PLACES), JUNK)
def test_junk_anywhere_is_listed_or_refused_and_never_breaks_the_case(place: tuple[Any, ...], junk: Any):
    resources: Any = copy.deepcopy([PATIENT, *WHOLE])
    node = resources
    for step in place[:-1]:
        node = node[step]
    node[place[-1]] = junk
    try:
        found = import_record(record_of([bundle(*resources)]))
    except InputError:
        return
    loads_case(plain_yaml({"id": "x", **found.plain}))
