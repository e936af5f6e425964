"""The whole dossier of small virtual patients: real pictures, real measurements, every file."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from jsonschema import Draft202012Validator

from glisson.assessment import assess
from glisson.report import findings, findings_schema, write_dossier
from glisson.simulate import virtual_patient

SMALL: dict[str, Any] = {"shape": (96, 96, 64), "spacing_mm": (4.0, 4.0, 5.0)}


@pytest.fixture(scope="module")
def patient() -> Any:
    return virtual_patient(seed=3, lesions=3, **SMALL)


def check(out: Path) -> int:
    """Findings are valid, page one is one page, every picture of the pages is a file; gives the number of pages."""
    Draft202012Validator(findings_schema()).validate(json.loads((out / "findings.json").read_text(encoding="utf-8")))
    document = pypdfium2.PdfDocument(out / "dossier.pdf")
    pages = [page.get_textpage().get_text_bounded() for page in document]
    document.close()
    assert "By when" in pages[0]
    assert "By when" not in "".join(pages[1:])
    images = len(re.findall(r"<img ", (out / "dossier.html").read_text(encoding="utf-8")))
    files = len(list((out / "figures").glob("*.png"))) if (out / "figures").exists() else 0
    assert images == files
    return len(pages)


def test_a_small_patient(patient: Any, tmp_path: Path) -> None:
    result = assess(patient.case, patient.scene)
    out = write_dossier(result, tmp_path / "OUT")
    assert check(out) <= 25
    names = {path.name for path in (out / "figures").iterdir()}
    assert {"axial.png", "overview.png", "lesion-l1.png", "montage-1.png", "resections.png", "remnant.png"} <= names
    assert "This patient is invented" in (out / "dossier.html").read_text(encoding="utf-8")
    data = findings(result)
    whole = data["liver"]["volume_ml"]
    assert all(abs(item["removed_ml"] + item["remnant_ml"] - whole) < 0.01 for item in data["resections"])


def test_masks_without_a_scan_vessels_or_segments(patient: Any, tmp_path: Path) -> None:
    scene = replace(patient.scene, image=None, segments=None, structures={"liver": patient.scene.liver})
    out = write_dossier(assess(patient.case, scene), tmp_path / "OUT")
    check(out)
    text = (out / "dossier.html").read_text(encoding="utf-8")
    assert "segments were made from the shape of the liver" in text
    assert "No outline of the portal veins" in text
    assert "not assessed: no portal" in text


def test_no_lesions(patient: Any, tmp_path: Path) -> None:
    out = write_dossier(assess(patient.case, replace(patient.scene, lesions=())), tmp_path / "OUT")
    check(out)
    assert "Not assessed because no lesion is outlined" in (out / "dossier.html").read_text(encoding="utf-8")


def test_no_images_at_all(patient: Any, tmp_path: Path) -> None:
    out = write_dossier(assess(patient.case, None), tmp_path / "OUT")
    assert check(out) <= 12
    assert not (out / "masks").exists()


@pytest.mark.slow
def test_forty_lesions_stay_readable(tmp_path: Path) -> None:
    many = virtual_patient(seed=4, lesions=40, median_diameter_mm=12.0, **SMALL)
    assert check(write_dossier(assess(many.case, many.scene), tmp_path / "OUT")) <= 52
