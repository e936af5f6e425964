"""FHIR into a case: hand-made resources for each kind of fact and each trap, the mCODE examples, and junk."""

from __future__ import annotations

import copy
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

PATIENT = {
    "resourceType": "Patient",
    "id": "p",
    "gender": "female",
    "birthDate": "1960-06-15",
    "name": [{"family": "Musterfrau", "given": ["Erika"]}],
    "identifier": [{"system": "urn:mrn", "value": "MRN-4711"}],
    "address": [{"line": ["Heidestrasse 17"], "city": "Koeln", "postalCode": "51147"}],
}
SUBJECT = {"reference": "Patient/p"}
LOINC, SNOMED = "http://loinc.org", "http://snomed.info/sct"
ICD, ATC = "http://hl7.org/fhir/sid/icd-10-cm", "http://www.whocc.no/atc"
HGNC, RXNORM = "http://www.genenames.org/geneId", "http://www.nlm.nih.gov/research/umls/rxnorm"


def code(system: str, *codes: str, display: str | None = None) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": one, **({"display": display} if display else {})} for one in codes]}


def observation(loinc: str, key: str = "o", /, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": key,
        "status": "final",
        "subject": SUBJECT,
        "code": code(LOINC, loinc),
        "effectiveDateTime": "2024-05-02",
        **more,
    }


def lab(loinc: str, value: float, unit: str, key: str = "o", **more: Any) -> dict[str, Any]:
    told = {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit}
    return observation(loinc, key, **{"valueQuantity": told, **more})


def condition(system: str, value: str, key: str = "c", /, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Condition",
        "id": key,
        "subject": SUBJECT,
        "code": code(system, value),
        "verificationStatus": code("x", "confirmed"),
        "clinicalStatus": code("x", "active"),
        **more,
    }


def variant(gene: str, symbol: str, answer: str, change: str | None = None, key: str = "v") -> dict[str, Any]:
    parts = [{"code": code(LOINC, "48018-6"), "valueCodeableConcept": code(HGNC, gene, display=symbol)}]
    if change:
        parts.append({"code": code(LOINC, "48005-3"), "valueCodeableConcept": code("http://varnomen.hgvs.org", change)})
    return observation("69548-6", key, valueCodeableConcept=code(LOINC, answer), component=parts)


def procedure(system: str, value: str, key: str = "s", /, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Procedure",
        "id": key,
        "status": "completed",
        "subject": SUBJECT,
        "code": code(system, value),
        "performedDateTime": "2023-03-01",
        **more,
    }


def statement(concept: dict[str, Any], key: str = "m", /, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "MedicationStatement",
        "id": key,
        "status": "completed",
        "subject": SUBJECT,
        "medicationCodeableConcept": concept,
        "effectivePeriod": {"start": "2023-12-04", "end": "2024-04-04"},
        **more,
    }


def bundle(*resources: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one} for one in resources]}


def read(*resources: dict[str, Any], **more: Any) -> Any:
    found = import_record(record_of([bundle(PATIENT, *resources)]), **more)
    loads_case(plain_yaml({"id": "x", **found.plain}))
    return found


def why(found: Any) -> str:
    return " | ".join(one.why for one in found.not_understood)


# --- laboratory -----------------------------------------------------------------------------------------------------


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


# --- diagnoses ------------------------------------------------------------------------------------------------------


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


# --- TNM, performance, genes -----------------------------------------------------------------------------------------


def test_pathological_category_counts_before_clinical_and_after_treatment_is_not_taken():
    clinical = observation("21905-5", "a", valueCodeableConcept=code("http://cancerstaging.org", "cT4a"))
    pathological = observation(
        "21899-0", "b", valueCodeableConcept=code("http://cancerstaging.org", "pT3"), method=code(SNOMED, "897275008")
    )
    assert read(clinical, pathological).plain["primary"] == {"t": "t3", "tnm_edition": 8}
    after = observation("21899-0", "b", valueCodeableConcept=code("http://cancerstaging.org", "ypT0"))
    assert "no T category" in why(read(after))
    label = code(SNOMED, "1228938002", display="American Joint Committee on Cancer cT3 (qualifier value)")
    assert read(observation("21905-5", valueCodeableConcept=label)).plain["primary"] == {"t": "t3"}


def test_performance_is_the_latest_and_may_be_coded():
    early = observation("89247-1", "a", valueInteger=0, effectiveDateTime="2023-01-01")
    late = observation("89247-1", "b", valueCodeableConcept=code(LOINC, "LA9624-3"))
    assert read(early, late).plain["patient"]["ecog"] == 2
    torn = observation("89247-1", "a", valueInteger=0)
    found = read(torn, late)
    assert "ecog" not in found.plain["patient"]
    assert "differently at the same time" in why(found)


def test_body_size_in_other_units():
    inches = {"value": 65, "unit": "in", "system": "http://unitsofmeasure.org", "code": "[in_i]"}
    pounds = {"value": 155, "unit": "lb", "system": "http://unitsofmeasure.org", "code": "[lb_av]"}
    patient = read(observation("8302-2", "a", valueQuantity=inches), observation("29463-7", "b", valueQuantity=pounds))
    assert patient.plain["patient"]["height_cm"] == pytest.approx(165.1)
    assert patient.plain["patient"]["weight_kg"] == pytest.approx(70.307)


def test_genes():
    found = read(
        variant("HGNC:6407", "KRAS", "LA9633-4", "p.Gly12Cys", "a"),
        variant("HGNC:7989", "NRAS", "LA9634-2", key="b"),
        variant("HGNC:1097", "BRAF", "LA9633-4", "p.(Val600Glu)", "d"),
    )
    assert found.plain["biomarkers"] == {"kras": "mutated", "kras_g12c": True, "nras": "wild-type", "braf": "v600e"}


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        (variant("HGNC:6342", "NRAS", "LA9634-2"), "disagree"),
        (variant("HGNC:7989", "KIT", "LA9633-4"), "disagree"),
        (variant("HGNC:6407", "KRAS", "LA9634-2", "p.G12D"), "no other is not said"),
        (variant("HGNC:1097", "BRAF", "LA9633-4"), "which change"),
        (variant("HGNC:1097", "BRAF", "LA9633-4", "p.V600R"), "which change"),
        (variant("HGNC:1100", "BRCA1", "LA9634-2"), "BRCA1 and BRCA2"),
        (variant("HGNC:11389", "STK11", "LA9633-4"), "no such gene"),
        (observation("69548-6", valueCodeableConcept=code(LOINC, "LA9633-4")), "no gene"),
    ],
)
def test_what_of_genes_cannot_be_said(resource: dict[str, Any], expected: str):
    found = read(resource)
    assert "biomarkers" not in found.plain
    assert expected in why(found)


def test_another_change_of_kras_is_not_g12c():
    assert read(variant("6407", "KRAS", "LA9633-4", "p.Gly12Asp")).plain["biomarkers"] == {
        "kras": "mutated",
        "kras_g12c": False,
    }
    assert read(variant("6407", "KRAS", "LA9633-4")).plain["biomarkers"] == {"kras": "mutated"}


def test_microsatellites_and_receptors():
    found = read(
        observation("81695-9", "a", valueCodeableConcept=code(LOINC, "LA26203-2")),
        observation("85337-4", "b", valueCodeableConcept=code(SNOMED, "10828004")),
        observation("48676-1", "d", valueCodeableConcept=code(LOINC, "LA11884-6")),
    )
    assert found.plain["biomarkers"] == {"msi": "high", "er": "positive"}
    assert len(found.not_understood) == 1


# --- treatments -----------------------------------------------------------------------------------------------------


def test_operations():
    found = read(
        condition(ICD, "C18.7", "c", onsetDateTime="2023-01-01"),
        procedure(SNOMED, "84604002", "a"),
        procedure(SNOMED, "71273005", "b", performedDateTime="2023-06-01"),
        procedure("http://www.cms.gov/Medicare/Coding/ICD10", "06L83DZ", "d", performedDateTime="2023-04-01"),
        procedure(SNOMED, "172043006", "e"),
        procedure(SNOMED, "359571009", "f", status="not-done"),
    )
    kinds = [(one["kind"], one["start"]) for one in found.plain["treatments"]]
    assert kinds == [
        ("primary-resection", "2023-03-01"),
        ("portal-vein-embolisation", "2023-04-01"),
        ("hepatectomy", "2023-06-01"),
    ]
    assert found.plain["primary"]["resected"] == "2023-03-01"
    assert found.plain["liver"] == {"previous_hepatectomy": True, "previous_embolisation": True}
    assert "tissue of breast" in why(found)
    assert "not-done" in why(found)


def test_radiotherapy_and_ablation_by_body_site():
    liver, bone = [code(SNOMED, "10200004")], [code(SNOMED, "272673000")]
    found = read(
        procedure(SNOMED, "1287742003", "a", bodySite=liver),
        procedure(SNOMED, "1287742003", "b", bodySite=bone),
        procedure(SNOMED, "1287742003", "d"),
        procedure(SNOMED, "879916008", "e", bodySite=liver),
        procedure(SNOMED, "879916008", "f", bodySite=bone),
    )
    assert sorted(one["kind"] for one in found.plain["treatments"]) == [
        "ablation",
        "liver-radiotherapy",
        "other-radiotherapy",
    ]
    assert why(found).count("liver as its body site") == 2


def test_a_resection_before_the_diagnosis_is_listed_and_the_rest_stands():
    found = read(condition(ICD, "C18.7", onsetDateTime="2024-01-01"), procedure(SNOMED, "84604002"))
    assert found.plain["primary"] == {"site": "colorectal", "side": "left", "diagnosed": "2024-01-01"}
    assert "primary.diagnosed (2024-01-01) or later" in why(found)


def test_drugs_of_one_period_are_one_treatment():
    label = code(RXNORM, "1736776", display="10 ML oxaliplatin 5 MG/ML Injection")
    found = read(statement(code(ATC, "L01BC02"), "a"), statement(label, "b"))
    assert found.plain["treatments"] == [
        {
            "kind": "systemic",
            "name": "fluorouracil + oxaliplatin",
            "drugs": ["fluorouracil", "oxaliplatin"],
            "start": "2023-12-04",
            "stop": "2024-04-04",
        }
    ]


@pytest.mark.parametrize(
    ("label", "drugs"),
    [
        ("ado-trastuzumab emtansine 100 MG Injection", ["other"]),
        ("trastuzumab deruxtecan 100 MG", ["trastuzumab-deruxtecan"]),
        ("trastuzumab 150 MG Injection", ["trastuzumab"]),
        ("paclitaxel protein-bound 100 MG", ["nab-paclitaxel"]),
        ("letrozole 2.5 MG Oral Tablet", ["aromatase-inhibitor"]),
        ("fluorouracil 50 MG/ML Topical Cream", None),
        ("metformin 500 MG Oral Tablet", None),
        ("trifluridine 15 MG / tipiracil 6.14 MG", ["trifluridine-tipiracil"]),
    ],
)
def test_products_are_known_by_the_whole_name_of_their_drug(label: str, drugs: list[str] | None):
    found = read(statement(code(RXNORM, "1", display=label)))
    assert [one["drugs"] for one in found.plain.get("treatments", [])] == ([drugs] if drugs else [])


def test_orders_plans_and_administrations():
    order = {
        "resourceType": "MedicationRequest",
        "id": "r",
        "subject": SUBJECT,
        "status": "active",
        "intent": "order",
        "authoredOn": "2024-01-01",
        "medicationReference": {"reference": "#m"},
        "contained": [{"resourceType": "Medication", "id": "m", "code": code(ATC, "L01FG01")}],
    }
    found = read(order)
    assert found.plain["treatments"][0]["drugs"] == ["bevacizumab"]
    assert any("was ordered" in text for text in found.check)
    assert "treatments" not in read({**order, "intent": "proposal"}).plain
    given = [
        {
            "resourceType": "MedicationAdministration",
            "id": f"g{n}",
            "subject": SUBJECT,
            "status": "completed",
            "medicationCodeableConcept": code(ATC, "L01XA03"),
            "effectiveDateTime": day,
        }
        for n, day in enumerate(("2024-01-01", "2024-01-15", "2024-01-29", "2024-09-01"))
    ]
    courses = read(*given).plain["treatments"]
    assert [(one["start"], one["stop"]) for one in courses] == [
        ("2024-01-01", "2024-01-29"),
        ("2024-09-01", "2024-09-01"),
    ]


def test_drugs_against_clotting():
    patient = read(
        statement(code(ATC, "B01AF02"), "a"),
        statement(code(RXNORM, "1", display="aspirin 81 MG Oral Tablet"), "b"),
        statement(code(RXNORM, "2", display="heparin lock flush 10 UNT/ML"), "d"),
    ).plain["patient"]
    assert patient["anticoagulants"] == [{"drug": "apixaban"}]
    assert patient["antiplatelets"] == [{"drug": "aspirin"}]


def test_allergies_are_none_only_when_it_is_said():
    def allergy(system: str, value: str, **more: Any) -> dict[str, Any]:
        return {
            "resourceType": "AllergyIntolerance",
            "id": f"a{value}",
            "patient": SUBJECT,
            "code": code(system, value),
            **more,
        }

    assert "allergies" not in read(lab("2039-6", 9, "ug/L")).plain["patient"]
    assert read(allergy(SNOMED, "716186003")).plain["patient"]["allergies"] == []
    found = read(
        allergy(SNOMED, "91936005"),
        allergy(ATC, "L01XA03"),
        allergy(SNOMED, "300916003", verificationStatus=code("x", "refuted")),
    )
    assert found.plain["patient"]["allergies"] == ["penicillin", "platinum"]


# --- the patient ----------------------------------------------------------------------------------------------------


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
