"""The pages with a real scan: the right anatomy on the right side, a correction, a new plan, export, read back."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

JOB_MS = 300_000
TUMOURS = ("tumor01", "tumor05", "tumor07")
MASKS = ("liver", "couinaud", "portalvein", "hepaticveins_ivc", *TUMOURS)
MARKER = (slice(20, 50), slice(30, 60), slice(50, 85))
"""Voxels of a bright block in the air on the patient's right and in front: this scan's axes run to L, P and S."""
BRIGHT = 1023
TABS = ("Plans", "Options and reasons", "Timeline", "Facts", "Decision", "Versions", "Export")

pytestmark = [pytest.mark.slow, pytest.mark.real]


@pytest.fixture(scope="module")
def files(ircadb: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The files of an import: the scan with the marker, and outlines as they are."""
    import nibabel

    scan = nibabel.load(ircadb / "ct.nii.gz")
    assert nibabel.aff2axcodes(scan.affine) == ("L", "P", "S")
    data = np.asarray(scan.dataobj).copy()
    assert data[MARKER].max() < -500, "the marker lies in air"
    data[MARKER] = BRIGHT
    path = tmp_path_factory.mktemp("marked") / "ct.nii.gz"
    nibabel.save(nibabel.Nifti1Image(data, scan.affine, scan.header), path)
    return [str(path), *(str(ircadb / f"{name}.nii.gz") for name in MASKS)]


def _slice_of(ircadb: Path, level_mm: float) -> tuple[np.ndarray, tuple[int, ...]]:
    """The axial plane [i, j] of the largest lesion at a height, from the file itself."""
    import nibabel

    image = nibabel.load(ircadb / "tumor01.nii.gz")
    mask = np.asarray(image.dataobj) > 0
    return mask[:, :, round(level_mm / image.header.get_zooms()[2])], mask.shape


def _picture(page: Any) -> np.ndarray:
    import io

    from PIL import Image

    page.wait_for_timeout(500)
    shot = page.locator(".slices .canvas-box").screenshot()
    return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB")).astype(int)


def _where(page: Any) -> tuple[float, float, float]:
    """Where the crosshair stands: left, back and up in mm."""
    told = page.locator(".where").get_by_text(re.compile(r"^L \d")).inner_text()
    left, back, up = (float(number) for number in re.findall(r"[LPS] (\d+\.\d)", told))
    return left, back, up


def _place(picture: np.ndarray, i: float, j: float, size: int) -> tuple[int, int]:
    """Where a voxel of a square axial slice lies in the picture: row and column, the patient's right on the left."""
    height, width = picture.shape[:2]
    return round(height * (j + 0.5) / size), round((width - height) / 2 + height * (i + 0.5) / size)


def _look(page: Any, ircadb: Path, colour: str) -> None:
    """The marker and the largest lesion are where the files say, and a click there says so."""
    page.get_by_role("button", name="Axial", exact=True).click()
    page.locator(".toolbar select").last.select_option("preview")
    page.wait_for_selector("canvas[data-level=preview][data-labels=yes]")
    page.get_by_role("button", name="Measurements").click()
    picture = _picture(page)
    plane, shape = _slice_of(ircadb, _where(page)[2])
    assert plane.sum() > 1000, "the page opens on the largest lesion"
    row, column = _place(picture, 34.5, 44.5, shape[0])
    assert picture[row, column].min() > 240, "the marker is in the upper left"
    assert picture[row, picture.shape[1] - column].max() < 40, "and nowhere else"
    wanted = np.array([int(colour[n : n + 2], 16) for n in (1, 3, 5)])
    drawn = np.argwhere(np.abs(picture - wanted).max(axis=2) < 12)
    ends = np.argwhere(plane)
    for side in (np.min, np.max):
        i, j = side(ends, axis=0)
        expected = _place(picture, i, j, shape[0])
        assert side(drawn, axis=0) == pytest.approx(expected, abs=0.02 * picture.shape[0]), "the outline of the lesion"
    box = page.locator("canvas.above").bounding_box()
    page.mouse.click(box["x"] + column, box["y"] + row)
    assert _where(page)[:2] == pytest.approx((34.5 * 0.57, 44.5 * 0.57), abs=3.0)


def _import(page: Any, title: str, files: list[str]) -> None:
    page.get_by_role("button", name="New case").click()
    page.get_by_label("Title").fill(title)
    page.locator("input[type=file]").first.set_input_files(files)
    page.get_by_role("button", name="Import", exact=True).click()
    page.wait_for_selector("canvas[data-level=fine][data-labels=yes]")


def _told(page: Any, path: str) -> Any:
    return page.evaluate("path => fetch('/api/cases/' + location.hash.split('/')[2] + path).then(r => r.json())", path)


def _volumes(page: Any, version: int) -> dict[str, float]:
    return {one["id"]: one["volume_ml"] for one in _told(page, f"/v/{version}/scene")["lesions"]}


def test_a_real_case_goes_all_the_way(
    browser: Any, watch: Any, enter: Any, accessible: Any, address: str, files: list[str], ircadb: Path, tmp_path: Path
) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
    page.set_default_timeout(JOB_MS)
    errors = watch(page, address)
    enter(page, address)
    _import(page, "Liver 1", files)
    scene = _told(page, "/v/1/scene")
    _look(page, ircadb, next(one["colour"] for one in scene["structures"] if one["kind"] == "lesion"))
    page.get_by_role("button", name="Plan", exact=True).click()
    page.locator(".tag-current").wait_for()
    first = _told(page, "/results/1/plans.json")["plans"][0]
    page.get_by_role("button", name="Go to L2").click()
    page.get_by_role("button", name="Grow").click()
    page.get_by_text("Out of date").wait_for()
    assert page.locator(".sentence").count() == 0, "a stale answer is not shown as the answer"
    page.get_by_role("button", name="Plan again").click()
    page.locator(".tag-current").wait_for()
    second = _told(page, "/results/2/plans.json")["plans"][0]
    corrected = _volumes(page, 2)
    assert corrected["L2"] > 1.05 * _volumes(page, 1)["L2"]
    assert second["lost_nontumour_ml"] != first["lost_nontumour_ml"], "the plan follows the correction"
    accessible(page)
    for tab in TABS:
        page.get_by_role("navigation", name="Of this case").get_by_role("link", name=tab, exact=True).click()
        page.wait_for_selector("section h2")
        accessible(page)
    with page.expect_download() as download:
        page.get_by_role("link", name="Everything of version 2").click()
    download.value.save_as(tmp_path / "export.zip")
    page.get_by_role("navigation", name="Workbench").get_by_role("link", name="Cases").click()
    _import(page, "The same, read back", [str(tmp_path / "export.zip")])
    assert _volumes(page, 1) == pytest.approx(corrected)
    page.close()
    assert errors == []
