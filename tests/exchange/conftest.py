"""Builders of FHIR resources, and their import into facts that a case file holds."""

from __future__ import annotations

from typing import Any

from glisson.case import loads_case
from glisson.case.writing import plain_yaml
from glisson.exchange.fhir_import import import_record
from glisson.exchange.fhir_read import record_of

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
