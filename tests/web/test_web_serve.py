"""The pages against the real server: import a virtual case, look, correct, plan, export, read it back."""

from __future__ import annotations

import io
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the extra serve is not installed")
api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--headless", "--no-sandbox", "--disable-background-networking", "--no-first-run", "--disable-component-update",
    "--disable-sync", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
]  # fmt: skip
JOB_MS = 240_000

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (ROOT / "src/glisson/serve/assets/index.html").is_file(), reason="the pages are not built: make web"
    ),
    pytest.mark.skipif(not CHROMIUM.is_file(), reason="no Chromium at /usr/bin/chromium"),
]


def _glisson(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "glisson.cli", *arguments]


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small virtual case as a zip."""
    home = tmp_path_factory.mktemp("virtual")
    size = ["--shape", "96,96,64", "--spacing", "4,4,5", "--lesions", "3"]
    subprocess.run(_glisson("simulate", str(home / "case"), *size), check=True, capture_output=True)
    return Path(shutil.make_archive(str(home / "case"), "zip", home / "case"))


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """Where a server of an empty data directory answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = (tmp_path / "log").open("wb")
    server = subprocess.Popen(
        _glisson("serve", "--data", str(tmp_path / "data"), "--port", str(port)), stdout=log, stderr=log
    )
    try:
        for _ in range(240):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/api/about", timeout=5).close()
                break
            except OSError:
                assert server.poll() is None, (tmp_path / "log").read_text()
                time.sleep(0.25)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(30)
        log.close()


def _enter(page: Any, address: str) -> None:
    page.goto(address)
    page.get_by_label("Name").fill("board")
    page.get_by_label("Password").fill("correct horse battery")
    page.get_by_role("button", name="Make this user").click()
    page.get_by_role("heading", name="Cases").wait_for()


def test_a_case_goes_all_the_way_in_the_browser(address: str, packed: Path) -> None:
    errors: list[str] = []
    with api.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.set_default_timeout(JOB_MS)
        page.on("console", lambda said: errors.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        _enter(page, address)
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
        page.get_by_role("link", name="Export", exact=True).click()
        with page.expect_download() as download:
            page.get_by_role("link", name="Everything of version 2").click()
        archive = zipfile.ZipFile(io.BytesIO(Path(download.value.path()).read_bytes()))
        browser.close()
    assert "3 visible lesions" in first
    assert "2 visible lesions" in second
    assert archive.testzip() is None
    assert any(name.endswith("case.yaml") for name in archive.namelist())
    assert any(name.endswith("dossier.pdf") for name in archive.namelist())
    assert errors == []
