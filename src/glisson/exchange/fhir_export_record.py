"""The facts of a case as FHIR R4 resources, with the codes of the same tables that the import reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from glisson.case import Case, case_as_plain
from glisson.exchange.fhir_codes import table
from glisson.exchange.fhir_export_genes import add_variants
from glisson.exchange.fhir_import_facts import list_paths
from glisson.exchange.fhir_import_treatments import OWN, OWN_FIELDS
from glisson.exchange.fhir_parts import (
    ABSENT,
    CASE_SYSTEM,
    MCODE,
    Collection,
    coding,
    concept,
    own_concept,
    own_word,
    quantity,
    reference,
)  # fmt: skip

__all__ = ["add_patient", "add_record"]

CONFIRMED = concept(coding("http://terminology.hl7.org/CodeSystem/condition-ver-status", "confirmed"))
ACTIVE = concept(coding("http://terminology.hl7.org/CodeSystem/condition-clinical", "active"))
PROBLEM = concept(coding("http://terminology.hl7.org/CodeSystem/condition-category", "problem-list-item"))
CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
WRITTEN = ("patient", "primary", "biomarkers", "liver", "extrahepatic", "signs")
"""Sections whose facts are written one by one; words of people (board, preferences, decision) are not."""
NESTED = ("patient.anticoagulants", "patient.antiplatelets", "liver.volumetries", "extrahepatic.sites")
IN_WORDS = ("patient.directives", "patient.carers")


def add_patient(out: Collection, case: Mapping[str, Any] | None) -> str:
    """The pseudonymous patient: the case's id, the sex where it is known, no name, and no day of birth."""
    person = (case or {}).get("patient", {})
    sex = person.get("sex") if isinstance(person.get("sex"), str) else "unknown"
    return out.add(
        "Patient",
        "patient",
        meta={"profile": [f"{MCODE}cancer-patient"]},
        identifier=[{"system": CASE_SYSTEM, "value": out.case_id}],
        name=[{"extension": [{"url": ABSENT, "valueCode": "masked"}]}],
        gender=sex,
    )


def add_record(out: Collection, case: Case, patient: str) -> list[str]:
    """Every fact of patient, primary, biomarkers, liver, laboratory, disease elsewhere and treatments.

    Gives back the addresses. What is unknown is not written.
    """
    plain = case_as_plain(case)
    subject = reference(patient)
    made = [*_conditions(out, plain, subject)]
    for section in WRITTEN:
        for key, value in plain.get(section, {}).items():
            path = f"{section}.{key}"
            empty = path in NESTED[:2] and value == []
            if (path in NESTED and not empty) or path in IN_WORDS or _unknown(value):
                continue
            made.append(_fact(out, path, value, subject, _observed(case)))
    made += _illnesses(out, plain.get("patient", {}).get("comorbidities", []), subject)
    made += add_variants(out, plain.get("biomarkers", {}), subject)
    made += [_lab(out, at, lab, subject) for at, lab in enumerate(plain.get("labs", []), 1)]
    made += _clotting(out, plain.get("patient", {}), subject)
    treatments = plain.get("treatments", [])
    if treatments == [] and "treatments" in plain:
        made.append(_fact(out, "treatments", [], subject, _observed(case)))
    if not _unknown(treatments):
        for at, treatment in enumerate(treatments, 1):
            made += _treatment(out, at, treatment, subject)
    return made


def _observed(case: Case) -> str | None:
    day = case.as_of
    return None if not hasattr(day, "isoformat") else day.isoformat()


def _unknown(value: Any) -> bool:
    return isinstance(value, Mapping) and list(value) == ["unknown"]


def _standard(codes: Mapping[str, Any], *systems: str) -> list[dict[str, str]]:
    return [coding(system, str(codes[system][0])) for system in systems if codes.get(system)]


def _fact(out: Collection, path: str, value: Any, subject: Any, day: str | None) -> str:
    """One fact as an Observation: its path in this project's coding, beside the codes that others know."""
    told = table("observations")["facts"].get(path, {})
    letter = table("observations")["tnm"].get(path.removeprefix("primary."), {})
    known = _standard(told, "loinc", "snomed") or _standard(letter.get("pathological", {}), "snomed")
    profile = (
        f"{MCODE}{path.removeprefix('patient.')}-performance-status"
        if path in ("patient.ecog", "patient.karnofsky")
        else None
    )
    return out.add(
        "Observation",
        path,
        meta={"profile": [profile]} if profile else None,
        status="final",
        category=[concept(coding(CATEGORY, "laboratory" if path.startswith("biomarkers.") else "survey"))],
        code=own_concept(path, *known),
        subject=subject,
        effectiveDateTime=day,
        **_value(path, value, told),
    )


def _value(path: str, value: Any, told: Mapping[str, Any]) -> dict[str, Any]:
    if path in list_paths() or value == []:
        words = [word if isinstance(word, str) else word["sign"] for word in value]
        codings = [one for word in words for one in own_word(word)["coding"]]
        return {"valueCodeableConcept": {"coding": codings}} if words else {"valueBoolean": False}
    if isinstance(value, bool):
        return {"valueBoolean": value}
    if isinstance(value, int) and told.get("as") in ("whole", None) and "unit" not in told:
        return {"valueInteger": value}
    if isinstance(value, int | float):
        return {"valueQuantity": quantity(value, str(told.get("unit", "1")))}
    if len(value) == 10 and value[4] == value[7] == "-" and value[:4].isdigit():
        return {"valueDateTime": value}
    answers = table("words").get(str(told.get("as")), {}).get(value, {})
    return {"valueCodeableConcept": own_word(value, *_standard(answers, "loinc", "snomed"))}


def _conditions(out: Collection, plain: Mapping[str, Any], subject: Any) -> list[str]:
    primary, liver, made = plain.get("primary", {}), plain.get("liver", {}), []
    url = ""
    site = primary.get("site")
    if isinstance(site, str):
        url = out.add("Condition", "primary", **_primary(primary), subject=subject)
        made.append(url)
    related = [{"url": f"{MCODE}related-primary-cancer-condition", "valueReference": reference(url)}] if url else None
    secondary = {one["site"]: one for one in table("conditions")["secondary"]}
    found = liver.get("metastases_found")
    places = [("liver", found)] if isinstance(found, str) else []
    sites = plain.get("extrahepatic", {}).get("sites", [])
    places += [
        (one["site"], one.get("found")) for one in ([] if _unknown(sites) else sites) if one.get("treated") is not True
    ]
    for place, day in places:
        if place in secondary:
            made.append(out.add(
                "Condition", f"secondary {place}", meta={"profile": [f"{MCODE}secondary-cancer-condition"]},
                extension=related, clinicalStatus=ACTIVE, verificationStatus=CONFIRMED,
                category=[PROBLEM],
                code=concept(*_standard(secondary[place], "snomed", "icd10")), subject=subject,
                onsetDateTime=day if isinstance(day, str) else None,
            ))  # fmt: skip
    return made


def _illnesses(out: Collection, words: Any, subject: Any) -> list[str]:
    """Other illnesses as conditions, for those who do not know this project's words."""
    told = {tuple(one["says"].get("patient.comorbidities", ())): one for one in table("conditions")["other"][::-1]}
    return [
        out.add(
            "Condition", f"comorbidity {word}", meta={"profile": [f"{MCODE}comorbid-condition"]},
            clinicalStatus=ACTIVE, verificationStatus=CONFIRMED, category=[PROBLEM],
            code=concept(*_standard(told[word,], "snomed", "icd10")), subject=subject,
        )
        for word in ([] if _unknown(words) else words)
        if (word,) in told and list(told[word,]["says"]) == ["patient.comorbidities"]
    ]  # fmt: skip


def _primary(primary: Mapping[str, Any]) -> dict[str, Any]:
    """The condition of the primary tumour; its site and side stand beside it as facts where no code has both."""
    told = table("conditions")
    want = {key: primary.get(key) for key in ("site", "side", "histology", "net_origin")}
    fitting = [
        one for one in told["primary"]
        if all(one.get(key) in (None, want[key]) for key in want) and one["site"] == want["site"]
    ]  # fmt: skip
    best: Mapping[str, Any] = max(fitting, key=lambda one: sum(key in one for key in want), default={})
    word = told["histology"].get(primary.get("histology"), {})
    morphology = _standard(word, "snomed", "icdo3-morphology")
    day = primary.get("diagnosed")
    return {
        "meta": {"profile": [f"{MCODE}primary-cancer-condition"]},
        "extension": [{
            "url": f"{MCODE}histology-morphology-behavior", "valueCodeableConcept": concept(*morphology),
        }] if morphology else None,
        "clinicalStatus": ACTIVE,
        "verificationStatus": CONFIRMED,
        "category": [PROBLEM],
        "code": concept(*_standard(best, "snomed", "icd10"), text=f"primary tumour: {primary['site']}"),
        "onsetDateTime": day if isinstance(day, str) else None,
    }  # fmt: skip


def _lab(out: Collection, at: int, lab: Mapping[str, Any], subject: Any) -> str:
    test, unit = str(lab["test"]), lab.get("unit")
    ucum = table("labs")["ucum"].get(unit, unit)
    limit = lab.get("upper_limit_normal")
    if isinstance(lab["value"], str):
        answers = table("words")["result"][lab["value"]]
        value: dict[str, Any] = {"valueCodeableConcept": concept(*_standard(answers, "loinc", "snomed"))}
    else:
        value = {"valueQuantity": quantity(lab["value"], str(ucum), str(unit))}
    day = lab.get("date")
    return out.add(
        "Observation",
        f"lab {at}",
        status="final",
        category=[concept(coding(CATEGORY, "laboratory"))],
        code=own_concept(f"labs.{test}", *_standard(table("labs")["tests"].get(test, {}), "loinc")),
        subject=subject,
        effectiveDateTime=day if isinstance(day, str) else None,
        referenceRange=[{"high": quantity(limit, str(ucum), str(unit))}] if isinstance(limit, int | float) else None,
        **value,
    )


def _clotting(out: Collection, person: Mapping[str, Any], subject: Any) -> list[str]:
    made = []
    for group in ("anticoagulants", "antiplatelets"):
        drugs = person.get(group, [])
        for drug in [] if _unknown(drugs) else drugs:
            if isinstance(drug.get("drug"), str) and drug["drug"] in table("drugs")[group]:
                codes = _standard(table("drugs")[group][drug["drug"]], "atc")
                made.append(out.add(
                    "MedicationStatement", f"{group} {drug['drug']}", status="active", subject=subject,
                    medicationCodeableConcept=concept(*codes, text=drug["drug"]),
                ))  # fmt: skip
    return made


def _own_extension(treatment: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    inner = []
    for name in OWN_FIELDS:
        value = treatment.get(name)
        key = "Boolean" if isinstance(value, bool) else "Integer" if isinstance(value, int) else "String"
        if isinstance(value, str | int):
            inner.append({"url": name, f"value{key}": value})
    return [{"url": OWN, "extension": inner}] if inner else None


def _treatment(out: Collection, at: int, treatment: Mapping[str, Any], subject: Any) -> list[str]:
    """A treatment as a Procedure, and its drugs as medication statements that are part of it."""
    kind = treatment["kind"]
    procedures = [one for one in table("treatments")["procedures"] if one["kind"] == kind and not one.get("organ")]
    known: Mapping[str, Any] = procedures[0] if procedures else {}
    codes = _standard(table("treatments")["chemotherapy"] if kind == "systemic" else known, "snomed", "icd10-pcs")
    period = {
        key: treatment[own] for key, own in (("start", "start"), ("end", "stop")) if isinstance(treatment.get(own), str)
    }
    ongoing = treatment.get("ongoing") is True
    liver = [concept(coding("snomed", "10200004"))] if kind in ("ablation", "liver-radiotherapy") else None
    url = out.add(
        "Procedure", f"treatment {at}", extension=_own_extension(treatment),
        status="in-progress" if ongoing else "completed", code=own_word(kind, *codes), subject=subject,
        performedPeriod=period or None, bodySite=liver,
    )  # fmt: skip
    made = [url]
    drugs = treatment.get("drugs", [])
    for drug in [] if _unknown(drugs) else drugs:
        atc = _standard(table("drugs")["cancer"].get(drug, {}), "atc")
        made.append(out.add(
            "MedicationStatement", f"treatment {at} {drug}", partOf=[reference(url)],
            status="active" if ongoing else "completed",
            medicationCodeableConcept=own_word(drug, *atc), subject=subject, effectivePeriod=period or None,
        ))  # fmt: skip
    return made
