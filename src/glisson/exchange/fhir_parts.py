"""Small parts of FHIR R4 resources: concepts, quantities, references, related artifacts, the bundle around them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from glisson.exchange.fhir_codes import FACT_SYSTEM, WORD_SYSTEM, system_uri

__all__ = [
    "ABSENT", "CASE_SYSTEM", "FINDING_SYSTEM", "MCODE", "RESEARCH", "RESEARCH_TAG", "SEGMENTS", "UCUM", "Collection",
    "artifact", "coding", "concept", "own_concept", "own_word", "quantity", "reference",
]  # fmt: skip

UCUM = "http://unitsofmeasure.org"
MCODE = "http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-"
CASE_SYSTEM = "urn:x-glisson:case"
FINDING_SYSTEM = "urn:x-glisson:finding"
ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
NAMESPACE = uuid.UUID("6f0b2c7e-6f5c-5d8c-9c39-8f6c2c9d7a11")
RESEARCH = "Research software, not a medical device. Not for clinical decisions without review by qualified clinicians."
RESEARCH_TAG = {"system": "urn:x-glisson:status", "code": "research-not-reviewed", "display": "Research, not reviewed"}
SEGMENTS = {
    "I": "71133005", "II": "277956007", "III": "277957003", "IV": "277958008", "IVa": "277958008", "IVb": "277958008",
    "V": "277959000", "VI": "277960005", "VII": "277961009", "VIII": "277962002",
}  # fmt: skip
"""Couinaud segments in SNOMED CT, as DICOM's context groups have them."""


def coding(system: str, code: str, display: str = "") -> dict[str, str]:
    """A coding; `system` is a short name of the code maps or an address."""
    uri = system if ":" in system else system_uri(system)
    return {"system": uri, "code": code, **({"display": display} if display else {})}


def concept(*codings: Mapping[str, str], text: str = "") -> dict[str, Any]:
    """A CodeableConcept."""
    return {**({"coding": [dict(one) for one in codings]} if codings else {}), **({"text": text} if text else {})}


def own_concept(path: str, *more: Mapping[str, str], text: str = "") -> dict[str, Any]:
    """A concept for a fact of the case file, after the codes that others know it by."""
    return concept(*more, coding(FACT_SYSTEM, path), text=text)


def own_word(word: str, *more: Mapping[str, str]) -> dict[str, Any]:
    """A concept for a word of the case file, after the codes that others know it by."""
    return concept(*more, coding(WORD_SYSTEM, word))


def quantity(value: float, code: str, printed: str = "") -> dict[str, Any]:
    """A quantity with a UCUM unit."""
    return {"value": value, "unit": printed or code, "system": UCUM, "code": code}


def reference(url: str) -> dict[str, str]:
    """A reference to an entry of the same bundle."""
    return {"reference": url}


def artifact(source: Mapping[str, Any], locator: str = "", status: str = "") -> dict[str, Any]:
    """A source of the knowledge base as a RelatedArtifact with its DOI, where it has one."""
    doi, url = source.get("doi"), source.get("url")
    label = "; ".join(part for part in (source["id"], locator, status) if part)
    address = f"https://doi.org/{doi}" if doi else url
    return {
        "type": "citation",
        "label": label,
        "citation": source["citation"],
        **({"url": address} if address else {}),
    }


class Collection:
    """A Bundle of type collection that is being made. Addresses follow from the case, so they stay the same."""

    def __init__(self, case_id: str) -> None:
        self.case_id = case_id
        self.entries: list[dict[str, Any]] = []

    def url(self, kind: str, name: str) -> str:
        """The address of a resource of this case."""
        return f"urn:uuid:{uuid.uuid5(NAMESPACE, f'{self.case_id}/{kind}/{name}')}"

    def add(self, kind: str, key: str, /, **content: Any) -> str:
        """Add a resource; keys with None are left out. Gives back its address."""
        url = self.url(kind, key)
        body = {name: value for name, value in content.items() if value not in (None, [], {})}
        self.entries.append({"fullUrl": url, "resource": {"resourceType": kind, "id": url.rsplit(":", 1)[-1], **body}})
        return url

    def bundle(self, stamped: str) -> dict[str, Any]:
        """The Bundle, written at `stamped` (an instant with its zone)."""
        return {
            "resourceType": "Bundle",
            "meta": {"tag": [RESEARCH_TAG]},
            "type": "collection",
            "timestamp": stamped,
            "entry": self.entries,
        }
