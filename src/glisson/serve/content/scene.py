"""What the viewer is told of a version: levels, structures, lesions, windows; and of its plans once it has any."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from glisson.anatomy import SEGMENT_NAMES
from glisson.case import Case
from glisson.case.writing import case_as_plain
from glisson.lesions import axial_diameters
from glisson.serve.content.labels import Structure
from glisson.serve.content.levels import Level
from glisson.serve.content.plan_maps import PARTS, parts_of
from glisson.serve.content.results import read_json

if TYPE_CHECKING:
    from glisson.geometry import Mask
    from glisson.scene import LesionMask, Scene

__all__ = ["base_scene", "lesion_data", "names_for_life", "with_plans"]

CT_WINDOWS = (("Liver", 80, 160), ("Abdomen", 50, 400), ("Lung", -600, 1500), ("Bone", 400, 1800))
"""Presets of display: name, level, width in HU. The first is shown first."""

SEGMENT_SHARE = 0.1
"""Segments that hold at least this share of a lesion are named with it."""


def base_scene(
    case: Case, scene: Scene, structures: tuple[Structure, ...], levels: Iterable[Level], unit: str, folder: Path
) -> dict[str, Any]:
    """Everything that the case alone says; `levels` are those already written to `folder`."""
    levels = tuple(levels)
    return {
        "format": "1",
        "frame": "LPS mm",
        "case": case.id,
        "study": scene.study,
        "modality": scene.facts.modality,
        "date": scene.facts.date,
        "image": scene.image is not None,
        "unit": unit,
        "levels": [_level(one, folder) for one in levels],
        "structures": [_structure(one) for one in reversed(structures)],
        "lesions": [lesion_data(case, scene, one) for one in scene.lesions],
        "windows": _windows(scene, unit),
        "notices": [{"level": n.level, "about": n.about, "text": n.text} for n in scene.notices],
    }


def _level(level: Level, folder: Path) -> dict[str, Any]:
    file = folder / f"{level.name}.nii.gz"
    return {
        "name": level.name,
        "shape": list(level.shape),
        "spacing_mm": [round(mm, 6) for mm in level.grid.spacing_mm],
        "affine_lps": [[float(v) for v in row] for row in level.grid.affine],
        "bytes": file.stat().st_size if file.exists() else None,
    }


def _structure(one: Structure) -> dict[str, Any]:
    return {
        "key": one.key,
        "name": one.name,
        "kind": one.kind,
        "label": one.label,
        "colour": one.colour,
        "volume_ml": round(one.mask.volume_ml, 3),
        "mesh": not one.mask.is_empty,
    }


def lesion_data(case: Case, scene: Scene, lesion: LesionMask) -> dict[str, Any]:
    """One lesion as outlined: size with the ends of its diameters, place, and what the record says of it."""
    from glisson.errors import InputError

    said = case.lesion(lesion.id)
    try:
        found = axial_diameters(lesion.mask, scene.grid.slice_axis)
    except InputError:
        found = None
    plain = case_as_plain(Case(case.id, lesions=(said,)))["lesions"][0]
    return {
        "id": lesion.id,
        "name": lesion.id,
        "volume_ml": round(lesion.mask.volume_ml, 4),
        "long_mm": None if found is None else round(found.longest.length_mm, 2),
        "long_ends_lps": None if found is None else _points(found.longest.ends_mm),
        "short_mm": None if found is None else round(found.perpendicular.length_mm, 2),
        "short_ends_lps": None if found is None else _points(found.perpendicular.ends_mm),
        "centre_lps": _points(lesion.mask.centroid_mm),
        "segment": segments_of(scene, lesion.mask),
        "nature": said.nature,
        "reason": said.reason,
        "source": lesion.source,
        "facts": {key: value for key, value in plain.items() if key not in ("id", "mask")},
        "act": None,
    }


def segments_of(scene: Scene, mask: Mask) -> str | None:
    """Segments that hold a share of a mask, in Couinaud's order; None where nothing says."""
    if scene.segments is None:
        return None
    held = np.bincount(scene.segments.on(mask.grid)[mask.data], minlength=max(SEGMENT_NAMES) + 1)
    total = held[1:].sum()
    names = [SEGMENT_NAMES[value] for value in SEGMENT_NAMES if total and held[value] >= SEGMENT_SHARE * total]
    return ", ".join(names) or None


def _windows(scene: Scene, unit: str) -> list[dict[str, Any]]:
    if unit == "HU" and scene.facts.modality in (None, "CT"):
        return [{"name": name, "level": level, "width": width} for name, level, width in CT_WINDOWS]
    if scene.image is None:
        return [{"name": "Outlines", "level": 50, "width": 100}]
    from glisson.serve.content.levels import as_int16

    values = as_int16(scene.image)[0][scene.liver_box(0.0)]
    low, high = (float(v) for v in np.percentile(values, (2, 98)))
    name = "Liver" if high > low else "All"
    return [{"name": name, "level": (low + high) / 2, "width": max(high - low, 1.0) * 1.5}]


def with_plans(base: Mapping[str, Any], results: Path | None) -> dict[str, Any]:
    """The scene with the plans of a results folder, and what the first of them does to each lesion."""
    data = dict(base) | {"plans": [], "plan_labels": {part: label for label, (part, *_) in PARTS.items()}}
    if results is None:
        return data
    findings = read_json(results / "findings.json")
    names = names_for_life(findings)
    told = {entry["id"]: entry for entry in findings["lesions"]}
    data["lesions"] = [_told(lesion, names.get(lesion["id"], lesion["id"]), told) for lesion in base["lesions"]]
    if (results / "plans.json").exists():
        plans = read_json(results / "plans.json")
        data["plans"] = [_plan(number, plan) for number, plan in enumerate(plans["plans"], 1)]
        data["threshold"] = plans["threshold"]
        data["settings"] = plans["settings"]
        data["outcome"] = plans["search"]["outcome"]
    return data


def names_for_life(findings: Mapping[str, Any]) -> dict[str, str]:
    """Id on the last scan -> name over all scans, where there are several."""
    followed = findings.get("timeline")
    if not followed:
        return {}
    return {own: track["name"] for track in followed["lesions"] for own in track["ids"][-1]}


def _told(lesion: Mapping[str, Any], name: str, told: Mapping[str, Any]) -> dict[str, Any]:
    found = told.get(name)
    if found is None:
        return dict(lesion) | {"name": name}
    return dict(lesion) | {
        "name": name,
        "nature": found["nature"],
        "reason": found["nature_reason"],
        "distance_mm": found["distance_mm"],
        "touches": found["touches"],
        "lobe": found["lobe"],
        "notes": found["notes"],
        "plans": found["plans"],
        "act": _act((found["plans"] or [None])[0]),
    }


LETTERS = {"X": "removed", "A": "ablated", "B": "irradiated", "S": "stays", "N": "not planned"}
"""What a letter of a plan says where the act itself has no name."""


def _act(first: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What the first plan does to a lesion, with a text for people."""
    if first is None:
        return None
    margin = "" if first["margin_mm"] is None else f", margin {first['margin_mm']:.1f} mm"
    return dict(first) | {"text": f"{first['act'] or LETTERS.get(first['letter'], 'not planned')}{margin}"}


def _plan(number: int, plan: Mapping[str, Any]) -> dict[str, Any]:
    parts = parts_of(number, plan["voxels"])
    return {
        "n": number,
        "name": plan["name"],
        "acts": plan["actions"],
        "clears": plan["clears"],
        "left": plan["left"],
        "remnant_percent": plan["remnant_percent_nontumour"],
        "remnant_percent_standardised": plan["remnant_percent_standardised"],
        "remnant_ml": plan["remnant_nontumour_ml"],
        "lost_ml": plan["lost_nontumour_ml"],
        "burden": plan["burden"],
        "spare_margin_mm": plan["spare_margin_mm"],
        "robustness": plan.get("robustness"),
        "first": plan["first"],
        "holds": plan["holds"],
        "best_in": plan["best_in"],
        "notes": plan["notes"],
        "structures": [one["key"] for one in parts],
        "parts": parts,
    }


def _points(values: Any) -> Any:
    array = np.round(np.asarray(values, float), 3) + 0.0
    return array.tolist()
