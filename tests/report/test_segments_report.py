"""Segments in the dossier: volumes of a map of 24 voxels, its certainty, IVa and IVb, and the limits of a remnant."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator
from PIL import Image

from glisson.anatomy import SEGMENT_NAMES, RemnantInterval, SegmentMap, parts_of_four
from glisson.errors import InputError
from glisson.geometry import Grid, Labels, Volume
from glisson.report import dossier_view, findings, findings_schema
from glisson.report.figures import parts_of, segment_confidence
from glisson.report.figures.palette import BRANCHES, rgb
from glisson.simulate import virtual_patient


@pytest.fixture
def made() -> SegmentMap:
    """24 voxels of 1 mL: sixteen of IV in four layers with a certainty of 0.75, eight of V with 0.5."""
    labels = np.full((3, 2, 4), 4, np.uint8)
    labels[2] = 5
    sure = np.where(labels == 4, 0.75, 0.5).astype(np.float32)
    grid = Grid.axial(labels.shape, (10.0, 10.0, 10.0))
    return SegmentMap(
        Labels(labels, grid, dict(SEGMENT_NAMES)),
        0.0,
        notes=("Made by hand.",),
        confidence=Volume(sure, grid),
        method="by hand",
    )


def test_volumes_certainty_and_parts_of_four(fakes: Any, made: SegmentMap) -> None:
    result = fakes.result(segments=made, parts_of_four=parts_of_four(made))
    table = dossier_view(result).segments
    assert table is not None
    rows = {row[0].strip(): row[1:] for row in table.rows}
    assert list(rows) == ["I", "II", "III", "IV", "IVa", "IVb", "V", "VI", "VII", "VIII"]
    assert rows["IV"] == ("16.0\u00a0mL", "66.7\u00a0%", "75\u00a0%")
    assert rows["IVa"] == rows["IVb"] == ("8.0\u00a0mL", "33.3\u00a0%", "")
    assert rows["V"] == ("8.0\u00a0mL", "33.3\u00a0%", "50\u00a0%")
    assert rows["I"][2] == ""
    assert "Made by hand." in table.note
    assert "a convention" in table.note
    assert "over the liver 67\u00a0%" in table.note


def test_findings_hold_the_same_numbers(fakes: Any, made: SegmentMap) -> None:
    data = findings(fakes.result(segments=made, parts_of_four=parts_of_four(made)))
    Draft202012Validator(findings_schema()).validate(data)
    found = data["segments"]
    assert (found["method"], found["volumes_ml"]["IV"], found["volumes_ml"]["II"]) == ("by hand", 16.0, 0.0)
    assert (found["certainty"]["IV"], found["mean_certainty"]) == (0.75, pytest.approx(2 / 3, abs=1e-3))
    four = found["parts_of_four"]
    assert (four["IVa_ml"], four["IVb_ml"], four["basis"]) == (8.0, 8.0, "equal volumes")


def test_a_given_map_claims_no_certainty(fakes: Any) -> None:
    data = findings(fakes.result())
    assert (data["segments"]["certainty"], data["segments"]["mean_certainty"]) == (None, None)
    assert data["resections"][0]["remnant_interval"] is None
    table = dossier_view(fakes.result()).segments
    assert table is not None
    assert {row[3] for row in table.rows} == {"given"}
    assert findings(fakes.result(segments=None, resections=()))["segments"] is None


def test_limits_of_a_remnant_stand_beside_it(fakes: Any) -> None:
    unsure = fakes.resection(interval=RemnantInterval(38.4, 33.2, 44.6, 0.9))
    result = fakes.result(resections=(unsure,))
    table = dossier_view(result).resections
    assert table is not None
    assert "38.4\u00a0% (33\u201345)" in table.rows[0]
    assert "90\u00a0% of the remnants" in table.note
    data = findings(result)
    Draft202012Validator(findings_schema()).validate(data)
    assert data["resections"][0]["remnant_interval"] == {
        "low_percent": 33.2, "high_percent": 44.6, "coverage_percent": 90.0,
    }  # fmt: skip
    assert "In brackets" not in dossier_view(fakes.result()).resections.note


def test_the_picture_hatches_what_is_unsure_and_says_how_much() -> None:
    """The left half of the liver's box (on the right of the picture) is unsure, the rest certain."""
    scene = virtual_patient(seed=3, lesions=0, shape=(100, 100, 80), spacing_mm=(3.6, 3.6, 3.6)).scene
    liver = scene.liver.trimmed()
    labels = Labels(liver.data.astype(np.uint8) * 5, liver.grid, dict(SEGMENT_NAMES))
    x = liver.grid.to_mm(np.moveaxis(np.indices(liver.data.shape), 0, -1))[..., 0]
    unsure = x > (x[liver.data].min() + x[liver.data].max()) / 2
    sure = np.where(unsure, 0.6, 1.0).astype(np.float32)
    made = SegmentMap(labels, 0.0, confidence=Volume(sure, liver.grid), method="by hand")
    picture = segment_confidence(parts_of(scene, liver, made), made)
    share = 100 * unsure[liver.data].mean()
    assert f"({share:.0f} % of the liver; 0 % below 50 %)" in picture.alt
    assert "not drawn by a reader" in picture.caption
    image = np.asarray(Image.open(io.BytesIO(picture.png)).convert("RGB")).astype(int)
    tile = image[: image.shape[0] * 3 // 4, : image.shape[1] // 3]
    hatched = np.nonzero(np.abs(tile - np.array(rgb(BRANCHES[0]))).sum(axis=2) < 40)[1]
    assert len(hatched) > 500
    assert np.percentile(hatched, 2) > 0.48 * tile.shape[1]
    with pytest.raises(InputError, match="were given, not computed"):
        segment_confidence(parts_of(scene, liver, made), replace(made, confidence=None))
