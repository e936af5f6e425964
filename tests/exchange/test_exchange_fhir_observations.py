"""TNM, performance, body size and genes from FHIR."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

_spec = importlib.util.spec_from_file_location("exchange_builders", Path(__file__).with_name("conftest.py"))
_builders = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_builders)
LOINC = _builders.LOINC
SNOMED = _builders.SNOMED
code = _builders.code
observation = _builders.observation
read = _builders.read
variant = _builders.variant
why = _builders.why


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
