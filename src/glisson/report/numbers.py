"""The findings as plain data: every measurement with unit, method and provenance, under a shipped JSON Schema."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from glisson.case import Unknown
from glisson.knowledge import knowledge_base
from glisson.report.evidence import claims_data, costs_data, used_sources
from glisson.report.growth import growth_findings
from glisson.report.medicine import alerts, option_data, score_data, staging
from glisson.report.methods import METHODS
from glisson.report.plan_pages import lesion_plans
from glisson.report.radiation import radiation_data
from glisson.report.segments import interval_data, segments_data
from glisson.report.timeline import timeline_data
from glisson.report.vessels import relations_data, vessels_data

if TYPE_CHECKING:
    from glisson.assessment import Assessment

__all__ = ["findings", "findings_json", "findings_schema"]

FORMAT = "1"
"""Version of the layout of findings.json; it changes when a key changes its meaning or goes away."""

DECIMALS = {"ml": 4, "mm": 3, "percent": 3}
"""Decimals kept by unit: finer than any scan can tell, coarse enough to be the same on every machine."""

DISTANCES = ("capsule", "portal", "hepatic", "cava")


def findings(result: Assessment, *, stamped: datetime | None = None) -> dict[str, Any]:
    """Everything that was measured and decided, as numbers, strings, lists and dicts.

    Volumes in mL, lengths in mm, points in LPS mm, shares in percent; `methods` says for each field how it was
    measured, and a value that was not assessed is null with its reason under the `notes` beside it.
    The same assessment gives the same dict; `stamped` (the time of writing) stands in it only when given.
    """
    return {
        "format": FORMAT,
        "case": result.case.id,
        "research_software": "not a medical device; not for clinical decisions without review",
        "liver": _liver(result),
        "lesions": [
            {
                **_lesion(lesion),
                "relations": relations_data(result, lesion.id),
                "plans": lesion_plans(result, lesion.id),
            }
            for lesion in result.lesions
        ],
        "radiation": radiation_data(result.radiation),
        "segments": segments_data(result),
        "timeline": timeline_data(result),
        "vessels": vessels_data(result),
        "burden": _burden(result),
        "resections": [_resection(resection) for resection in result.resections],
        "growth": growth_findings(result),
        "answers": [_answer(answer) for answer in result.answers],
        "options": [option_data(option) for option in result.options],
        "scores": [score_data(score) for score in result.scores],
        "staging": staging(result),
        "alerts": alerts(result),
        "missing": [
            {"fact": gap.path, "title": gap.title, "decides": list(gap.decides), "may_decide": list(gap.may_decide)}
            for gap in result.missing
        ],
        "changes": {
            name: [{"fact": item.path, "if": item.text, "verdict": str(item.verdict)} for item in found]
            for name, found in result.changes.items()
            if found
        },
        "claims": claims_data(result),
        "costs": costs_data(result),
        "evidence": [{"source": name, "decided": decided} for name, decided in used_sources(result).items()],
        "notices": [_fields(notice, ("level", "code", "about", "text")) for notice in result.notices],
        "methods": {field: _fields(method, ("unit", "method")) for field, method in METHODS.items()},
        "provenance": _provenance(result, stamped),
    }


def findings_json(result: Assessment, *, stamped: datetime | None = None) -> str:
    """The findings as the text of findings.json. Raises ValueError rather than writing NaN."""
    return json.dumps(findings(result, stamped=stamped), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


@cache
def findings_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of findings.json."""
    text = files("glisson.report").joinpath("findings.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def rounded(value: Any, decimals: int = 3) -> Any:
    """A number rounded (never -0.0), or None as it is; numpy numbers become plain ones."""
    return None if value is None else round(float(value), decimals) + 0.0


def _ml(value: Any) -> Any:
    return rounded(value, DECIMALS["ml"])


def _mm(value: Any) -> Any:
    return rounded(value, DECIMALS["mm"])


def _share(value: Any) -> Any:
    return rounded(value, DECIMALS["percent"])


def _points(value: Any) -> Any:
    if value is None:
        return None
    return [_points(item) for item in value] if hasattr(value, "__len__") else _mm(value)


def _texts(notes: Mapping[str, str]) -> dict[str, str]:
    return {str(key): str(notes[key]) for key in sorted(notes)}


def _fields(item: Any, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(item, name) for name in names}


def _liver(result: Assessment) -> dict[str, Any]:
    liver = result.liver
    if liver is None:
        why = next(
            (entry.outcome for entry in result.trace if entry.outcome.startswith("not assessed")),
            "not assessed: no scan",
        )
        return {
            "volume_ml": None,
            "tumour_ml": None,
            "nontumour_ml": None,
            "spleen_ml": None,
            "notes": {"volume_ml": why},
        }
    return {
        "volume_ml": _ml(liver.volume_ml),
        "tumour_ml": _ml(liver.tumour_ml),
        "nontumour_ml": _ml(liver.nontumour_ml),
        "spleen_ml": _ml(liver.spleen_ml),
        "touches_border": bool(liver.touches_border),
        "notes": _texts(liver.notes),
    }


def _lesion(lesion: Any) -> dict[str, Any]:
    segments = lesion.segments
    return {
        "id": lesion.id,
        "nature": lesion.nature,
        "nature_reason": lesion.nature_reason,
        "volume_ml": _ml(lesion.volume_ml),
        "longest_axial_mm": _mm(lesion.longest_axial_mm),
        "longest_axial_ends_mm": _points(lesion.longest_axial_ends_mm),
        "perpendicular_mm": _mm(lesion.perpendicular_mm),
        "perpendicular_ends_mm": _points(lesion.perpendicular_ends_mm),
        "axial_slice": None if lesion.axial_slice is None else int(lesion.axial_slice),
        "max3d_mm": _mm(lesion.max3d_mm),
        "max3d_ends_mm": _points(lesion.max3d_ends_mm),
        "centroid_mm": _points(lesion.centroid_mm),
        "segments": None if segments is None else {name: _share(segments[name]) for name in segments},
        "lobe": lesion.lobe,
        "inside_liver_percent": _share(lesion.inside_liver_percent),
        "distance_mm": {name: _mm(lesion.distance_mm.get(name)) for name in DISTANCES},
        "touches": {name: lesion.touches.get(name) for name in sorted(lesion.touches)},
        "share_of_liver_percent": _share(lesion.share_of_liver_percent),
        "touches_border": bool(lesion.touches_border),
        "notes": _texts(lesion.notes),
    }


def _burden(result: Assessment) -> dict[str, Any] | None:
    burden = result.burden
    if burden is None:
        return None
    return {
        "count": int(burden.count),
        "counts": {str(nature): int(burden.counts[nature]) for nature in sorted(burden.counts)},
        "bilobar": burden.bilobar,
        "total_ml": _ml(burden.total_ml),
        "share_percent": _share(burden.share_percent),
        "largest_mm": _mm(burden.largest_mm),
        "tumour_burden_score": rounded(burden.tumour_burden_score),
        "notes": _texts(burden.notes),
    }


def _resection(resection: Any) -> dict[str, Any]:
    return {
        "name": resection.name,
        "other_names": list(resection.other_names),
        "segments": list(resection.segments),
        "removed_ml": _ml(resection.removed_ml),
        "remnant_ml": _ml(resection.remnant_ml),
        "remnant_nontumour_ml": _ml(resection.remnant_nontumour_ml),
        "remnant_percent_nontumour": _share(resection.remnant_percent_nontumour),
        "remnant_percent_standardised": _share(resection.remnant_percent_standardised),
        "remnant_interval": interval_data(resection.interval),
        "clears": list(resection.clears),
        "leaves": list(resection.leaves),
        "margins_mm": {name: _mm(resection.margins_mm[name]) for name in resection.margins_mm},
        "margin_notes": dict(resection.margin_notes),
        "removed_voxels": int(resection.removed_voxels),
        "remnant_voxels": int(resection.remnant_voxels),
        "kept_groups": [list(group) for group in resection.kept_groups],
        "verdict": resection.verdict,
        "reasons": [str(reason) for reason in resection.reasons],
        "notes": _texts(resection.notes),
    }


def _answer(answer: Any) -> dict[str, Any]:
    return {
        "rule": answer.rule.id,
        "version": answer.rule.version,
        "verdict": answer.verdict,
        "value": _plain(answer.value),
        "unit": answer.unit,
        "status": answer.status,
        "text": answer.text,
        "inputs": {item.path: _plain(item.value) for item in answer.inputs},
        "needs": list(answer.needs),
        "source": answer.source.id,
        "locator": answer.locator,
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Unknown):
        return {"unknown": value.reason}
    if isinstance(value, bool | int | str) or value is None:
        return value
    if isinstance(value, tuple | list | frozenset | set):
        return sorted(str(item) for item in value)
    return rounded(value, 4) if hasattr(value, "__float__") else str(value)


def _provenance(result: Assessment, stamped: datetime | None) -> dict[str, Any]:
    scene = result.scene
    used = {name: knowledge_base().source(name) for name in used_sources(result)}
    provenance: dict[str, Any] = {
        "software": "glisson",
        "version": result.version,
        "inputs": [_fields(item, ("role", "path", "sha256")) for item in (scene.sources if scene else ())],
        "frame": "LPS mm (x to the patient's left, y to posterior, z to superior)",
        "grid": scene.grid.describe() if scene else None,
        "image": _image(scene) if scene else None,
        "units": {"volume": "mL", "length": "mm", "share": "%"},
        "rules": [
            {
                "id": answer.rule.id,
                "version": answer.rule.version,
                "status": answer.status,
                "source": answer.source.id,
                "locator": answer.locator,
            }
            for answer in result.answers
        ],
        "sources": [
            {
                **_fields(used[name], ("id", "title", "authors", "year", "doi", "pmid", "url", "standing")),
                "citation": used[name].citation,
            }
            for name in sorted(used)
        ],
        "parameters": _parameters(result),
        "steps": [_fields(entry, ("step", "outcome")) for entry in result.trace],
    }
    if stamped is not None:
        provenance["written"] = stamped.isoformat(timespec="seconds")
    return provenance


def _parameters(result: Assessment) -> dict[str, Any]:
    """The limits and margins the numbers were judged by, as the rules state them."""
    return {
        answer.rule.id: {"value": _plain(answer.value), "unit": answer.unit}
        for answer in result.answers
        if answer.value is not None
    }


def _image(scene: Any) -> dict[str, Any]:
    return _fields(scene.facts, ("modality", "date", "phase", "slice_thickness_mm", "description", "chosen_because"))
