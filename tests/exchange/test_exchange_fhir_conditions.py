"""Diagnoses from FHIR: the primary tumour, liver metastases, disease elsewhere, other illnesses."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from glisson.exchange.fhir_import import import_record
from glisson.exchange.fhir_read import record_of

_spec = importlib.util.spec_from_file_location("exchange_builders", Path(__file__).with_name("conftest.py"))
_builders = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_builders)
ICD = _builders.ICD
PATIENT = _builders.PATIENT
SNOMED = _builders.SNOMED
bundle = _builders.bundle
code = _builders.code
condition = _builders.condition
read = _builders.read
why = _builders.why


@pytest.mark.parametrize(
    ("system", "value", "site", "side"),
    [
        (ICD, "C18.7", "colorectal", "left"),
        (ICD, "C182", "colorectal", "right"),
        (ICD, "C18.9", "colorectal", None),
        (ICD, "C18.5", "colorectal", None),
        (ICD, "C20", "colorectal", "rectum"),
        (ICD, "C18.1", "appendix", None),
        (SNOMED, "363406005", "colorectal", None),
        (SNOMED, "94006002", "colorectal", "left"),
        (ICD, "C50.912", "breast", None),
        (ICD, "C25.0", "pancreas", None),
        (ICD, "C80.1", "unknown-primary", None),
    ],
)
def test_primary_tumour_and_side(system: str, value: str, site: str, side: str | None):
    primary = read(condition(system, value, onsetDateTime="2023-11-13")).plain["primary"]
    assert (primary["site"], primary.get("side")) == (site, side)
    assert primary["diagnosed"] == "2023-11-13"


def test_two_codes_of_one_tumour_are_read_together_and_codes_that_disagree_not_at_all():
    both = condition(ICD, "C18.7")
    both["code"]["coding"].append({"system": SNOMED, "code": "363406005"})
    assert read(both).plain["primary"] == {"site": "colorectal", "side": "left"}
    both["code"]["coding"].append({"system": SNOMED, "code": "254837009"})
    found = read(both)
    assert "primary" not in found.plain
    assert "codes disagree" in why(found)


@pytest.mark.parametrize("status", ["refuted", "entered-in-error", "unconfirmed", "provisional", "differential"])
def test_only_confirmed_diagnoses_are_taken(status: str):
    found = read(condition(ICD, "C18.7", verificationStatus=code("x", status)))
    assert "primary" not in found.plain
    assert status in why(found)


def test_liver_metastases_name_their_primary_and_the_other_tumour_is_an_illness():
    related = {
        "url": "http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-related-primary-cancer-condition",
        "valueReference": {"reference": "urn:uuid:1"},
    }
    colon, breast = condition(ICD, "C18.7", "colon"), condition(ICD, "C50.9", "breast")
    liver = condition(ICD, "C78.7", "liver", extension=[related], onsetDateTime="2023-11-20")
    entries = bundle(PATIENT, colon, breast, liver)
    entries["entry"][1]["fullUrl"] = "urn:uuid:1"
    found = import_record(record_of([entries]))
    assert found.plain["primary"]["site"] == "colorectal"
    assert found.plain["patient"]["comorbidities"] == ["other-solid-tumour"]
    assert found.plain["liver"] == {"metastases_found": "2023-11-20"}
    assert found.liver_metastases
    unsaid = read(colon, breast, condition(ICD, "C78.7", "liver"))
    assert "primary" not in unsaid.plain
    assert "which one the metastases come from is not said" in why(unsaid)


def test_disease_elsewhere_and_what_the_case_names_more_finely():
    found = read(
        condition(ICD, "C78.01", "a", onsetDateTime="2024-01-05"),
        condition(ICD, "C77.2", "b"),
        condition(SNOMED, "94222008", "d", clinicalStatus=code("x", "inactive")),
    )
    assert found.plain["extrahepatic"] == {"status": "present", "sites": [{"site": "lung", "found": "2024-01-05"}]}
    assert "regional or distant nodes" in why(found)
    assert "bone that is inactive" in why(found)


def test_no_disease_elsewhere_in_the_record_is_not_none():
    assert "extrahepatic" not in read(condition(ICD, "C18.7")).plain


def test_neuroendocrine_histology_names_the_tumour_and_the_organ_is_its_origin():
    histology = {
        "url": "http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-histology-morphology-behavior",
        "valueCodeableConcept": code("http://terminology.hl7.org/CodeSystem/icd-o-3", "8249/3"),
    }
    primary = read(condition(ICD, "C17.2", extension=[histology])).plain["primary"]
    assert primary == {"site": "neuroendocrine", "histology": "neuroendocrine-tumour", "net_origin": "small-bowel"}


def test_other_illnesses_and_the_state_of_the_liver():
    found = read(
        condition(ICD, "E11.9", "a"),
        condition(ICD, "K74.60", "b"),
        condition(ICD, "K76.0", "d"),
        condition(ICD, "K76.6", "e"),
        condition(ICD, "J45.9", "f", clinicalStatus=code("x", "resolved")),
        condition(ICD, "Z95.0", "g"),
        condition(ICD, "R18.8", "h"),
    )
    assert found.plain["patient"]["comorbidities"] == ["cirrhosis", "diabetes", "liver-disease"]
    assert found.plain["patient"]["pacemaker"] is True
    assert found.plain["liver"] == {"background": "cirrhosis", "portal_hypertension": True}
    assert found.plain["signs"] == {"present": ["ascites"]}
    assert any("comorbidities" in text for text in found.check)
