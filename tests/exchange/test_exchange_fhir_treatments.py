"""Operations, radiation, drugs and allergies from FHIR."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

_spec = importlib.util.spec_from_file_location("exchange_builders", Path(__file__).with_name("conftest.py"))
_builders = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_builders)
ATC = _builders.ATC
ICD = _builders.ICD
RXNORM = _builders.RXNORM
SNOMED = _builders.SNOMED
SUBJECT = _builders.SUBJECT
code = _builders.code
condition = _builders.condition
lab = _builders.lab
procedure = _builders.procedure
read = _builders.read
statement = _builders.statement
why = _builders.why


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
