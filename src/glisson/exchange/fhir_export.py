"""A finished dossier as a FHIR R4 Bundle: lesions, volumes, scores, verdicts, proposed plans, sources, provenance.

Nothing here is an order: plans are proposals and drafts, and the report is preliminary until people have reviewed it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from glisson.case import Case
from glisson.errors import InputError
from glisson.exchange.fhir_export_record import add_patient, add_record
from glisson.exchange.fhir_parts import (
    FINDING_SYSTEM,
    MCODE,
    RESEARCH,
    RESEARCH_TAG,
    SEGMENTS,
    Collection,
    artifact,
    coding,
    concept,
    quantity,
    reference,
)  # fmt: skip

__all__ = ["dossier_bundle", "export_fhir"]

FORMAT = "1"
IMAGING = concept(coding("http://terminology.hl7.org/CodeSystem/observation-category", "imaging"))
VOLUME = coding("snomed", "118565006", "Volume")
LARGEST_PDF_BYTES = 50_000_000
MEASURES = (
    ("liver", "volume_ml", "mL", "volume of the liver"),
    ("liver", "tumour_ml", "mL", "volume of tumour in the liver"),
    ("liver", "nontumour_ml", "mL", "volume of the liver without tumour"),
    ("liver", "spleen_ml", "mL", "volume of the spleen"),
    ("burden", "count", "1", "number of metastases outlined"),
    ("burden", "total_ml", "mL", "volume of all metastases"),
    ("burden", "largest_mm", "mm", "largest diameter of the largest metastasis"),
    ("burden", "share_percent", "%", "share of the liver that is tumour"),
)
PLAN_MEASURES = (
    ("remnant_ml", "mL", "liver that stays"),
    ("remnant_nontumour_ml", "mL", "future liver remnant without tumour"),
    ("remnant_percent_nontumour", "%", "future liver remnant of non-tumour liver"),
    ("remnant_percent_standardised", "%", "future liver remnant of the liver volume expected from body size"),
    ("removed_ml", "mL", "liver removed"),
    ("destroyed_ml", "mL", "liver destroyed"),
)
ARTIFACT = "http://hl7.org/fhir/StructureDefinition/workflow-relatedArtifact"
TUMOURS = ("confirmed", "probable", "treated", "vanished")


def export_fhir(
    out: str | Path, *, case: Case | None = None, stamped: datetime, with_pdf: bool = False
) -> dict[str, Any]:
    """The Bundle of a dossier folder (findings.json, and plans.json where plans were searched).

    case: adds the facts of the record. stamped: the time of the export, with its zone; the dossier's own time of
    writing stands in it where it has one. with_pdf: attach dossier.pdf. Raises InputError for a folder that is no
    dossier, for one of another layout, and for a case of another id.
    """
    folder = Path(out)
    findings = _json(folder / "findings.json")
    plans = _json(folder / "plans.json") if (folder / "plans.json").exists() else None
    if findings is None or findings.get("format") != FORMAT or (plans is not None and plans.get("format") != FORMAT):
        raise InputError(
            f"{folder}: findings.json is not of format {FORMAT}. Write the dossier anew: glisson plan CASE -o OUT."
        )
    if case is not None and case.id != findings["case"]:
        raise InputError(
            f"The dossier is about {findings['case']!r}, the case file about {case.id!r}. "
            "Give the case that was planned."
        )
    return dossier_bundle(findings, plans, case=case, stamped=stamped, pdf=_pdf(folder) if with_pdf else None)


def _json(file: Path) -> dict[str, Any] | None:
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
    except OSError as problem:
        raise InputError(
            f"{file} cannot be read ({problem.strerror}). Give a dossier: glisson plan CASE -o OUT."
        ) from problem
    except ValueError as problem:
        raise InputError(
            f"{file} is not JSON; the dossier is damaged. Write it anew: glisson plan CASE -o OUT."
        ) from problem
    return told if isinstance(told, dict) else None


def _pdf(folder: Path) -> bytes:
    file = folder / "dossier.pdf"
    if not file.is_file() or file.stat().st_size > LARGEST_PDF_BYTES:
        raise InputError(f"{file} is missing or larger than {LARGEST_PDF_BYTES} bytes; leave the PDF out.")
    return file.read_bytes()


def dossier_bundle(
    findings: Mapping[str, Any], plans: Mapping[str, Any] | None, *, case: Case | None = None, stamped: datetime,
    pdf: bytes | None = None,
) -> dict[str, Any]:  # fmt: skip
    """The Bundle of findings and plans as data (the contents of findings.json and plans.json)."""
    from glisson.case import case_as_plain

    out = Collection(str(findings["case"]))
    moment = findings["provenance"].get("written") or stamped.isoformat(timespec="seconds")
    patient = add_patient(out, None if case is None else case_as_plain(case))
    record = [] if case is None else add_record(out, case, patient)
    day = (findings["provenance"].get("image") or {}).get("date")
    observed = [*_measures(out, findings, patient, day), *_lesions(out, findings, patient, day)]
    sources = {source["id"]: source for source in findings["provenance"]["sources"]}
    observed += _scores(out, findings, sources, patient)
    observed += _verdicts(out, findings, sources, patient)
    made = [*_alerts(out, findings, patient), *_plans(out, findings, plans, sources, patient, observed)]
    report = out.add(
        "DiagnosticReport", "dossier", meta={"tag": [RESEARCH_TAG]}, status="preliminary",
        category=[concept(coding("http://terminology.hl7.org/CodeSystem/v2-0074", "RAD"))],
        code=concept(coding("loinc", "18748-4", "Diagnostic imaging study"), text="Dossier: liver metastases"),
        subject=reference(patient), effectiveDateTime=day, issued=moment,
        result=[reference(url) for url in observed], conclusion=_conclusion(findings, plans),
        presentedForm=_attached(pdf),
    )  # fmt: skip
    _provenance(out, findings, [report, *made, *observed], moment)
    del record
    return out.bundle(moment)


def _attached(pdf: bytes | None) -> list[dict[str, str]] | None:
    if pdf is None:
        return None
    return [{"contentType": "application/pdf", "title": "dossier.pdf", "data": base64.b64encode(pdf).decode("ascii")}]


def _conclusion(findings: Mapping[str, Any], plans: Mapping[str, Any] | None) -> str:
    lines = [RESEARCH]
    if plans is not None and plans["plans"]:
        first = plans["plans"][0]
        share = first["remnant_percent_nontumour"]
        lines.append(
            f"{len(plans['plans'])} proposed plans; first: {first['name']}, remnant {share:.1f} % of non-tumour liver."
        )
    elif plans is not None and plans.get("certificate"):
        lines.append(
            "No plan of the catalogue clears every lesion within the limits. Not a finding of unresectability."
        )
    else:
        lines.append("No plan was searched.")
    lines.append(f"{len(findings['missing'])} facts are missing that would decide a verdict.")
    return " ".join(lines)


def _observe(
    out: Collection, name: str, path: str, patient: str, title: str, *known: Mapping[str, str], **more: Any
) -> str:
    return out.add(
        "Observation", name, status="preliminary", category=[IMAGING],
        code=concept(*known, coding(FINDING_SYSTEM, path), text=title), subject=reference(patient), **more,
    )  # fmt: skip


def _measures(out: Collection, findings: Mapping[str, Any], patient: str, day: str | None) -> Iterator[str]:
    """Volumes of liver and tumour; one that was not assessed is left out, as its reason stands in the dossier."""
    for section, key, unit, title in MEASURES:
        value = (findings.get(section) or {}).get(key)
        if value is not None:
            path = f"{section}.{key}"
            known = [VOLUME] if unit == "mL" else []
            site = (
                concept(coding("snomed", "10200004", "Liver structure"))
                if section == "liver" and key != "spleen_ml"
                else None
            )
            yield _observe(
                out, path, path, patient, title, *known, effectiveDateTime=day, bodySite=site,
                valueQuantity=quantity(value, unit), method=_method(findings, path),
            )  # fmt: skip


def _method(findings: Mapping[str, Any], path: str) -> dict[str, Any] | None:
    told = findings["methods"].get(path)
    return concept(text=told["method"]) if told else None


def _lesions(out: Collection, findings: Mapping[str, Any], patient: str, day: str | None) -> Iterator[str]:
    """A BodyStructure for each lesion, its size and volume."""
    for lesion in findings["lesions"]:
        name = lesion["id"]
        body = _body(out, lesion, patient)
        here: dict[str, Any] = {"focus": [reference(body)], "effectiveDateTime": day}
        if lesion["volume_ml"] is not None:
            yield _observe(
                out, f"{name} volume", "lesions[].volume_ml", patient, f"volume of {name}", VOLUME, **here,
                valueQuantity=quantity(lesion["volume_ml"], "mL"), method=_method(findings, "lesions[].volume_ml"),
            )  # fmt: skip
        parts = [("33728-7", lesion["longest_axial_mm"]), ("33729-5", lesion["perpendicular_mm"])]
        sizes = [
            {"code": concept(coding("loinc", code)), "valueQuantity": quantity(value, "mm")}
            for code, value in parts if value is not None
        ]  # fmt: skip
        if sizes:
            yield _observe(
                out, f"{name} size", "lesions[].longest_axial_mm", patient, f"size of {name}",
                coding("loinc", "21889-1"), **here, component=sizes, meta={"profile": [f"{MCODE}tumor-size"]},
                method=_method(findings, "lesions[].longest_axial_mm"),
            )  # fmt: skip


def _body(out: Collection, lesion: Mapping[str, Any], patient: str) -> str:
    shares = lesion["segments"] or {}
    most = max(shares, key=lambda name: shares[name], default=None)
    place = coding("snomed", SEGMENTS[most]) if most in SEGMENTS else coding("snomed", "10200004", "Liver structure")
    tumour = lesion["nature"] in TUMOURS
    return out.add(
        "BodyStructure", lesion["id"], meta={"profile": [f"{MCODE}tumor"]} if tumour else None,
        identifier=[{"system": f"{FINDING_SYSTEM}:lesion", "value": f"{out.case_id}/{lesion['id']}"}],
        morphology=concept(coding("snomed", "14799000")) if lesion["nature"] == "confirmed" else None,
        location=concept(place, text=f"segment {most}" if most else "liver"),
        description=f"{lesion['id']}: {lesion['nature']} ({lesion['nature_reason']})", patient=reference(patient),
    )  # fmt: skip


def _scores(out: Collection, findings: Mapping[str, Any], sources: Mapping[str, Any], patient: str) -> Iterator[str]:
    """Each score as an Observation, and with a group as a RiskAssessment that rests on it."""
    for score in findings["scores"]:
        if score["group"] == "outside the population":
            continue
        name = f"score {score['id']} {score['variant']}"
        url = _observe(
            out, name, f"score.{score['id']}", patient, f"{score['title']} ({score['variant']})",
            valueString=f"{score['printed']}{' ' + score['unit'] if score['unit'] else ''}",
            note=[{"text": text} for text in score["notes"]] or None, extension=_evidence(score, sources),
        )  # fmt: skip
        yield url
        if score["group"]:
            out.add(
                "RiskAssessment", name, status="preliminary", subject=reference(patient),
                method=concept(coding(FINDING_SYSTEM, f"score.{score['id']}"), text=score["title"]),
                basis=[reference(url)],
                prediction=[{
                    "qualitativeRisk": concept(text=str(score["group"])),
                    "rationale": f"Describes groups of patients ({score['population'] or 'population not stated'}), "
                    "not this patient's own forecast.",
                }],
            )  # fmt: skip


def _evidence(said: Mapping[str, Any], sources: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    source = sources.get(said["source"])
    if source is None:
        return None
    return [{"url": ARTIFACT, "valueRelatedArtifact": artifact(source, said["locator"], said["status"])}]


def _verdicts(out: Collection, findings: Mapping[str, Any], sources: Mapping[str, Any], patient: str) -> Iterator[str]:
    """The verdict of the rules on each treatment, with its reasons and sources."""
    for option in findings["options"]:
        if option["scope"] != "patient":
            continue
        shown = [one for reason in option["reasons"] for one in _evidence(reason, sources) or []]
        needs = [f"Not known: {', '.join(option['needs'])}."] if option["needs"] else []
        texts = [
            option["why"],
            *(f"{reason['text']} ({reason['verdict']}, {reason['status']})" for reason in option["reasons"]),
        ]
        yield _observe(
            out, f"verdict {option['modality']}", f"verdict.{option['modality']}", patient,
            f"verdict of the rules on {option['modality'].replace('-', ' ')}",
            valueCodeableConcept=concept(coding("urn:x-glisson:verdict", option["verdict"]), text=option["verdict"]),
            note=[{"text": text} for text in dict.fromkeys([*texts, *needs])],
            extension=[one for at, one in enumerate(shown) if one not in shown[:at]] or None,
        )  # fmt: skip


def _alerts(out: Collection, findings: Mapping[str, Any], patient: str) -> Iterator[str]:
    for alert in findings["alerts"]:
        yield out.add(
            "Flag", alert["rule"], status="active", subject=reference(patient),
            category=[concept(coding("http://terminology.hl7.org/CodeSystem/flag-category", "clinical"))],
            code=concept(
                coding("urn:x-glisson:rule", alert["rule"]), text=f"{alert['text']} (urgency: {alert['urgency']})"
            ),
        )  # fmt: skip


def _plans(
    out: Collection, findings: Mapping[str, Any], plans: Mapping[str, Any] | None, sources: Mapping[str, Any],
    patient: str, observed: list[str],
) -> Iterator[str]:  # fmt: skip
    """Each plan as a RequestGroup, all of them in one CarePlan."""
    groups = []
    limit = [artifact(sources[one["source"]], one["locator"], one["status"]) for one in findings["answers"]
             if one["rule"] in ("remnant-needed", "resection-margin-accepted", "ablation-margin-minimum")
             and one["source"] in sources]  # fmt: skip
    for number, plan in enumerate(plans["plans"] if plans else [], 1):
        group = out.url("RequestGroup", f"plan {number}")
        for key, unit, title in PLAN_MEASURES:
            if plan.get(key) is not None:
                observed.append(_observe(
                    out, f"plan {number} {key}", f"plans[].{key}", patient, f"{title}, plan {number}",
                    *([VOLUME] if unit == "mL" else []), focus=[reference(group)],
                    valueQuantity=quantity(round(plan[key], 3), unit),
                ))  # fmt: skip
        actions = [
            {"title": _act(got), "description": f"{name}: {_act(got)}"} for name, got in sorted(plan["clears"].items())
        ]
        actions += [{"title": f"{name} is left to systemic treatment"} for name in plan["left"]]
        out.add(
            "RequestGroup", f"plan {number}", meta={"tag": [RESEARCH_TAG]}, status="draft", intent="proposal",
            code=concept(text=f"Plan {number}: {plan['name']}"), subject=reference(patient),
            note=[{"text": text} for text in plan["notes"]],
            action=[{**one, **({"documentation": limit} if limit else {})} for one in actions],
        )  # fmt: skip
        groups.append(group)
        yield group
    yield out.add(
        "CarePlan", "plans", meta={"tag": [RESEARCH_TAG]}, status="draft", intent="proposal",
        title="Proposed plans for liver metastases", description=_conclusion(findings, plans),
        subject=reference(patient), category=[concept(text="proposal for a tumour board")],
        activity=[{"reference": reference(url)} for url in groups],
    )  # fmt: skip


def _act(got: Any) -> str:
    told = got if isinstance(got, Mapping) else {"label": str(got)}
    margin = told.get("margin_mm")
    label = str(told.get("label") or told.get("kind") or "treated")
    return label if margin is None else f"{label}, margin {margin:.1f} mm"


def _provenance(out: Collection, findings: Mapping[str, Any], targets: list[str], moment: str) -> None:
    """Which software, which version, from which files (by their hashes)."""
    told = findings["provenance"]
    device = out.add(
        "Device", "glisson", deviceName=[{"name": "Glisson", "type": "user-friendly-name"}],
        version=[{"value": told["version"]}], note=[{"text": RESEARCH}],
    )  # fmt: skip
    out.add(
        "Provenance", "dossier", target=[reference(url) for url in targets], recorded=moment,
        agent=[{
            "type": concept(coding("http://terminology.hl7.org/CodeSystem/provenance-participant-type", "assembler")),
            "who": reference(device),
        }],
        entity=[{
            "role": "source",
            "what": {"identifier": {"system": "urn:x-glisson:sha256", "value": one["sha256"]}, "display": one["role"]},
        } for one in told["inputs"]],
    )  # fmt: skip
