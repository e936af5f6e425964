"""The pages against the real server: import a virtual case, look, correct, plan, try a margin, export, read it back."""

from __future__ import annotations

import io
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

JOB_MS = 240_000

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory, glisson: Any) -> Path:
    """A small virtual case as a zip."""
    home = tmp_path_factory.mktemp("virtual")
    size = ["--shape", "96,96,64", "--spacing", "4,4,5", "--lesions", "3"]
    subprocess.run(glisson("simulate", str(home / "case"), *size), check=True, capture_output=True)
    return Path(shutil.make_archive(str(home / "case"), "zip", home / "case"))


def test_a_case_goes_all_the_way_in_the_browser(
    browser: Any, watch: Any, enter: Any, address: str, packed: Path
) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.set_default_timeout(JOB_MS)
    errors = watch(page, address)
    enter(page, address)
    page.get_by_role("button", name="New case").click()
    page.get_by_label("Title").fill("Virtual 1")
    page.locator("input[type=file]").first.set_input_files(str(packed))
    page.get_by_role("button", name="Import", exact=True).click()
    page.wait_for_selector("canvas[data-labels=yes]")
    page.get_by_role("button", name="Plan", exact=True).click()
    page.locator(".tag-current").wait_for()
    first = page.locator(".sentence").inner_text()
    page.get_by_role("button", name="Go to L2").click()
    page.get_by_role("button", name="Delete L2").click()
    page.get_by_label("Why it is no lesion").fill("a vessel seen end on")
    page.get_by_role("dialog").get_by_role("button", name="Delete L2").click()
    page.get_by_text("Out of date").wait_for()
    assert page.locator(".sentence").count() == 0, "a stale answer is not shown as the answer"
    page.get_by_role("button", name="Plan again").click()
    page.locator(".tag-current").wait_for()
    second = page.locator(".sentence").inner_text()
    page.get_by_role("link", name="Plans", exact=True).click()
    margin = page.get_by_label("Resection margin at least")
    assert margin.get_attribute("aria-valuetext") == "1 mm"
    margin.press("ArrowRight")
    page.get_by_text("Tried out.", exact=True).wait_for()
    assert margin.get_attribute("aria-valuetext") == "3 mm"
    page.wait_for_selector("canvas[data-plan='1']")
    assert "Liver that stays" in page.locator(".plan-slices").inner_text()
    page.get_by_role("link", name="Export", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Everything of version 2").click()
    archive = zipfile.ZipFile(io.BytesIO(Path(download.value.path()).read_bytes()))
    page.close()
    assert "3 visible lesions" in first
    assert "2 visible lesions" in second
    assert archive.testzip() is None
    assert any(name.endswith("case.yaml") for name in archive.namelist())
    assert any(name.endswith("dossier.pdf") for name in archive.namelist())
    assert errors == []
