"""A dossier as a FHIR Bundle, read by fhir.resources (R4B); and a record there and back."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glisson.case import TESTS, Case, case_as_plain, dump_case, load_case, loads_case
from glisson.case.kinds import Choice, Day, Flag, Number
from glisson.case.model import Biomarkers, LiverBackground, Patient, Primary
from glisson.case.reader import CaseFileError
from glisson.case.sections import ListOf, declared, key_of
from glisson.case.writing import plain_yaml
from glisson.errors import InputError
from glisson.exchange.fhir_export import dossier_bundle, export_fhir
from glisson.exchange.fhir_export_record import add_patient, add_record
from glisson.exchange.fhir_import import import_record
from glisson.exchange.fhir_parts import RESEARCH, Collection
from glisson.exchange.fhir_read import record_of

STAMP = datetime(2024, 6, 1, 12, tzinfo=UTC)
STATUSES = {
    "Observation": {"status": {"registered", "preliminary", "final", "amended"}},
    "DiagnosticReport": {"status": {"preliminary"}},
    "CarePlan": {"status": {"draft"}, "intent": {"proposal"}},
    "RequestGroup": {"status": {"draft"}, "intent": {"proposal"}},
    "RiskAssessment": {"status": {"preliminary"}},
    "Procedure": {"status": {"completed", "in-progress"}},
    "MedicationStatement": {"status": {"completed", "active"}},
    "Flag": {"status": {"active"}},
    "Patient": {"gender": {"male", "female", "other", "unknown"}},
}
"""Value sets that are required and that fhir.resources does not enforce, and what this export may say of them."""


@cache
def assessed() -> Any:
    from glisson.assessment import assess
    from glisson.simulate import virtual_patient

    patient = virtual_patient(seed=8, lesions=3, shape=(64, 64, 40), spacing_mm=(6.0, 6.0, 8.0))
    return assess(patient.case, patient.scene)


@cache
def dossier() -> tuple[dict[str, Any], dict[str, Any] | None]:
    from glisson.report.numbers import findings
    from glisson.report.plans import plans_data

    result = assessed()
    return json.loads(json.dumps(findings(result))), json.loads(json.dumps(plans_data(result)))


def bundle(**more: Any) -> dict[str, Any]:
    return dossier_bundle(*dossier(), stamped=STAMP, **more)


def of(made: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [one["resource"] for one in made["entry"] if one["resource"]["resourceType"] == kind]


def references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["reference"]} if isinstance(value.get("reference"), str) else set()
        return own.union(*(references(one) for one in value.values()))
    return set().union(*(references(one) for one in value)) if isinstance(value, list) else set()


@pytest.mark.parametrize("with_record", [False, True])
def test_every_resource_is_valid_fhir_and_points_into_the_bundle(with_record: bool):
    from fhir.resources.R4B import get_fhir_model_class
    from fhir.resources.R4B.bundle import Bundle

    made = bundle(case=assessed().case if with_record else None, pdf=b"%PDF-1.7")
    Bundle.model_validate(made)
    for entry in made["entry"]:
        resource = entry["resource"]
        get_fhir_model_class(resource["resourceType"]).model_validate(resource)
        for key, allowed in STATUSES.get(resource["resourceType"], {}).items():
            assert resource[key] in allowed
    urls = [entry["fullUrl"] for entry in made["entry"]]
    assert len(urls) == len(set(urls))
    assert references(made) <= set(urls)


def test_numbers_are_those_of_the_findings():
    findings, plans = dossier()
    assert plans is not None
    made = bundle()
    shown = {o["code"]["text"]: o for o in of(made, "Observation")}
    assert shown["volume of the liver"]["valueQuantity"] == {
        "value": findings["liver"]["volume_ml"], "unit": "mL", "system": "http://unitsofmeasure.org", "code": "mL",
    }  # fmt: skip
    for lesion in findings["lesions"]:
        assert shown[f"volume of {lesion['id']}"]["valueQuantity"]["value"] == lesion["volume_ml"]
        sizes = [part["valueQuantity"]["value"] for part in shown[f"size of {lesion['id']}"]["component"]]
        assert sizes == [lesion["longest_axial_mm"], lesion["perpendicular_mm"]]
    assert len(of(made, "BodyStructure")) == len(findings["lesions"])
    assert len(of(made, "RequestGroup")) == len(plans["plans"]) > 0
    share = shown["future liver remnant of non-tumour liver, plan 1"]["valueQuantity"]
    assert share["value"] == pytest.approx(plans["plans"][0]["remnant_percent_nontumour"], abs=1e-3)
    assert share["code"] == "%"


def test_verdicts_are_those_of_the_rules_with_their_sources():
    findings, _ = dossier()
    shown = {
        o["code"]["coding"][0]["code"].removeprefix("verdict."): o
        for o in of(bundle(), "Observation") if o["code"]["coding"][0]["code"].startswith("verdict.")
    }  # fmt: skip
    told = {one["modality"]: one for one in findings["options"] if one["scope"] == "patient"}
    assert {name: o["valueCodeableConcept"]["text"] for name, o in shown.items()} == {
        name: one["verdict"] for name, one in told.items()
    }
    dois = {source["id"]: source["doi"] for source in findings["provenance"]["sources"]}
    for name, one in told.items():
        urls = {e["valueRelatedArtifact"].get("url") for e in shown[name].get("extension", [])}
        assert {f"https://doi.org/{dois[r['source']]}" for r in one["reasons"] if dois[r["source"]]} <= urls


def test_the_patient_has_no_name_and_the_plans_are_proposals():
    made = bundle(case=assessed().case)
    (patient,) = of(made, "Patient")
    assert set(patient) == {"resourceType", "id", "meta", "identifier", "name", "gender"}
    assert patient["name"] == [
        {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "masked"}]}
    ]
    (report,) = of(made, "DiagnosticReport")
    assert RESEARCH in report["conclusion"]
    (provenance,) = of(made, "Provenance")
    assert report["id"] in provenance["target"][0]["reference"]


def test_same_dossier_same_bytes():
    assert json.dumps(bundle()) == json.dumps(bundle())


def test_a_dossier_without_scans_is_exported():
    from glisson.assessment import assess
    from glisson.report.numbers import findings

    case = loads_case("id: x\nprimary: {site: colorectal}\nliver: {metastases_found: 2024-01-01}\n")
    made = dossier_bundle(json.loads(json.dumps(findings(assess(case, None)))), None, case=case, stamped=STAMP)
    assert "No plan was searched." in of(made, "DiagnosticReport")[0]["conclusion"]
    assert not of(made, "BodyStructure")


def test_what_is_no_dossier_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match="cannot be read"):
        export_fhir(tmp_path, stamped=STAMP)
    (tmp_path / "findings.json").write_text("{")
    with pytest.raises(InputError, match="damaged"):
        export_fhir(tmp_path, stamped=STAMP)
    (tmp_path / "findings.json").write_text('{"format": "0"}')
    with pytest.raises(InputError, match="not of format 1"):
        export_fhir(tmp_path, stamped=STAMP)
    (tmp_path / "findings.json").write_text(json.dumps(dossier()[0]))
    with pytest.raises(InputError, match="the case file about 'y'"):
        export_fhir(tmp_path, case=loads_case("id: y"), stamped=STAMP)
    with pytest.raises(InputError, match="leave the PDF out"):
        export_fhir(tmp_path, stamped=STAMP, with_pdf=True)


# --- there and back --------------------------------------------------------------------------------------------------


def back(case: Case) -> dict[str, Any]:
    out = Collection(case.id)
    add_record(out, case, add_patient(out, case_as_plain(case)))
    return dict(import_record(record_of([json.loads(json.dumps(out.bundle("2024-06-01T12:00:00Z")))])).plain)


def value_of(kind: Any) -> st.SearchStrategy[Any] | None:
    if isinstance(kind, Choice):
        return st.sampled_from(kind.options)
    if isinstance(kind, Flag):
        return st.booleans()
    if isinstance(kind, Number) and kind.high <= 5000:
        return st.integers(int(max(kind.low, 1)), int(kind.high))
    if isinstance(kind, Day):
        return st.dates(datetime(2000, 1, 1).date(), datetime(2023, 12, 31).date()).map(lambda day: day.isoformat())
    if isinstance(kind, ListOf) and isinstance(kind.of, Choice):
        return st.lists(st.sampled_from(kind.of.options), unique=True, max_size=3).map(sorted)
    return None


def section_of(cls: type) -> st.SearchStrategy[dict[str, Any]]:
    fields = {key_of(f): value_of(f.metadata["kind"]) for f in declared(cls)}
    return st.fixed_dictionaries({}, optional={key: one for key, one in fields.items() if one is not None})


LAB = st.sampled_from([name for name, test in TESTS.items() if not test.qualitative]).flatmap(
    lambda name: st.tuples(st.just(name), st.sampled_from([u for u, f in TESTS[name].units.items() if f == 1.0]))
)
DRUGS = st.lists(st.sampled_from(["oxaliplatin", "bevacizumab", "other", "nab-paclitaxel"]), unique=True, max_size=3)


def labs_of(pairs: list[tuple[str, str]]) -> list[dict[str, Any]]:
    return [
        {"test": name, "value": max(TESTS[name].low, 10), "unit": unit, "date": "2024-01-05"} for name, unit in pairs
    ]


def treatments_of(told: list[tuple[str, list[str]]]) -> list[dict[str, Any]]:
    return [
        {"kind": kind, "name": f"t{at}", "drugs": drugs or ["other"], "line": at, "start": f"2024-01-0{at + 1}"}
        for at, (kind, drugs) in enumerate(told)
    ]


KINDS = st.sampled_from(["systemic", "ablation", "hepatectomy", "trial"])
PLAIN = st.fixed_dictionaries(
    {
        "patient": section_of(Patient),
        "primary": section_of(Primary),
        "biomarkers": section_of(Biomarkers),
        "liver": section_of(LiverBackground),
        "labs": st.lists(LAB, max_size=4, unique_by=lambda one: one[0]).map(labs_of),
        "treatments": st.lists(st.tuples(KINDS, DRUGS), max_size=3).map(treatments_of),
    }
)


@settings(max_examples=40)
@given(PLAIN)
def test_an_export_read_again_holds_the_same_facts(plain: dict[str, Any]):
    text = plain_yaml({"id": "x", **{key: value for key, value in plain.items() if value or key == "treatments"}})
    try:
        case = loads_case(text)
    except CaseFileError:
        return
    told, found = case_as_plain(case), back(case)
    for section in ("patient", "primary", "biomarkers", "liver", "treatments"):
        given_facts = told.get(section, {})
        if section == "treatments":
            assert found.get("treatments", []) == given_facts
            continue
        implied = {"previous_hepatectomy", "comorbidities"} if section in ("liver", "patient") else set()
        for key, value in given_facts.items():
            assert found[section][key] == value, key
        assert set(found.get(section, {})) - set(given_facts) <= implied
    again = loads_case(plain_yaml({"id": "x", **found}))
    assert sorted((one.test, one.value, str(one.date)) for one in again.labs) == sorted(
        (one.test, one.value, str(one.date)) for one in case.labs
    )


def test_the_invented_patient_comes_back_whole(tmp_path: Path):
    case = assessed().case
    file = tmp_path / "case.yaml"
    file.write_text(dump_case(case))
    told, found = case_as_plain(load_case(file)), back(load_case(file))
    for section in ("patient", "primary", "biomarkers", "liver", "extrahepatic", "treatments"):
        assert found[section] == told[section]


def test_others_can_read_what_has_a_code_of_its_own():
    """The same record without this project's codings: only LOINC, SNOMED CT, ICD-10, ATC and HGNC are left."""

    def strip(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: strip(v) for k, v in value.items() if not (k == "extension" and "urn:x-glisson" in str(v))}
        if isinstance(value, list):
            return [strip(v) for v in value if not (isinstance(v, dict) and "urn:x-glisson:" in str(v.get("system")))]
        return value.replace("urn:x-glisson:case", "urn:x") if isinstance(value, str) else value

    text = """
id: x
patient: {sex: female, ecog: 1, karnofsky: 90, height_cm: 170, weight_kg: 70, smoking: never,
  comorbidities: [asthma, diabetes]}
primary: {site: colorectal, side: left, histology: adenocarcinoma, diagnosed: 2023-01-01}
biomarkers: {kras: mutated, kras_g12c: true, nras: wild-type, braf: v600e, msi: high, er: positive}
labs: [{test: bilirubin, value: 1.1, unit: mg/dL, date: 2024-01-01}, {test: hbsag, value: negative}]
liver: {metastases_found: 2023-02-01}
extrahepatic: {status: present, sites: [{site: lung, found: 2023-03-01}]}
treatments: [{kind: systemic, drugs: [oxaliplatin, bevacizumab], start: 2023-04-01, stop: 2023-08-01}]
"""
    case = loads_case(text)
    out = Collection(case.id)
    add_record(out, case, add_patient(out, case_as_plain(case)))
    made = strip(out.bundle("2024-06-01T12:00:00Z"))
    assert "x-glisson:fact" not in json.dumps(made)
    found, told = import_record(record_of([made])).plain, case_as_plain(case)
    found["treatments"][0].pop("name", None)
    assert found.pop("incomplete") == ["patient.comorbidities", "treatments", "extrahepatic.sites"]
    assert found == {key: value for key, value in told.items() if key != "id"}


def test_the_genes_of_an_export_are_valid_variants():
    from fhir.resources.R4B.observation import Observation

    case = loads_case(
        "id: x\nbiomarkers: {kras: mutated, kras_g12c: true, braf: non-v600, brca: germline, tp53: wild-type}\n"
    )
    out = Collection(case.id)
    add_record(out, case, add_patient(out, None))
    variants = [one["resource"] for one in out.entries if "genomic-variant" in str(one["resource"].get("meta"))]
    assert [v["component"][0]["valueCodeableConcept"]["coding"][0]["display"] for v in variants] == ["KRAS", "TP53"]
    for one in variants:
        Observation.model_validate(one)
