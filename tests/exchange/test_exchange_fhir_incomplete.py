"""A record that names one illness says nothing of the others."""

from __future__ import annotations

import json
from pathlib import Path

from glisson.case import Unknown, load_case
from glisson.exchange.fhir_import_write import import_fhir

SNOMED = "http://snomed.info/sct"


def bundle(folder: Path, *resources: dict[str, object]) -> Path:
    path = folder / "bundle.json"
    person = {"resourceType": "Patient", "id": "p", "gender": "female"}
    entries = [{"resource": one} for one in (person, *resources)]
    path.write_text(json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}), encoding="utf-8")
    return path


def diabetes() -> dict[str, object]:
    return {
        "resourceType": "Condition", "id": "c", "subject": {"reference": "Patient/p"},
        "clinicalStatus": {"coding": [{"code": "active"}]}, "verificationStatus": {"coding": [{"code": "confirmed"}]},
        "code": {"coding": [{"system": SNOMED, "code": "73211009"}]},
    }  # fmt: skip


def test_an_illness_that_the_record_does_not_name_stays_unknown(tmp_path: Path) -> None:
    import_fhir(bundle(tmp_path, diabetes()), tmp_path / "case")
    facts = load_case(tmp_path / "case" / "case.yaml").facts()
    assert facts["patient.comorbidities.diabetes"] is True
    assert isinstance(facts["patient.comorbidities.heart_failure"], Unknown)


def test_a_list_that_the_case_calls_complete_stays_complete(tmp_path: Path) -> None:
    folder = tmp_path / "case"
    folder.mkdir()
    (folder / "case.yaml").write_text("id: a\npatient:\n  comorbidities: [diabetes]\n", encoding="utf-8")
    import_fhir(bundle(tmp_path, diabetes()), folder)
    assert load_case(folder / "case.yaml").facts()["patient.comorbidities.heart_failure"] is False


def test_a_list_that_comes_into_a_case_may_lack_entries(tmp_path: Path) -> None:
    folder = tmp_path / "case"
    folder.mkdir()
    (folder / "case.yaml").write_text("id: a\nincomplete: [treatments]\ntreatments: []\n", encoding="utf-8")
    import_fhir(bundle(tmp_path, diabetes()), folder)
    case = load_case(folder / "case.yaml")
    assert case.incomplete == ("treatments", "patient.comorbidities")
