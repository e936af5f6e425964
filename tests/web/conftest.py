"""Chromium, the checker of accessibility, and the real server with an empty data directory."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = ROOT / "src" / "glisson" / "serve" / "assets" / "index.html"
AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--headless", "--no-sandbox", "--disable-background-networking", "--no-first-run", "--disable-component-update",
    "--disable-sync", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
]  # fmt: skip
TURN = "document.documentElement.dataset.theme = document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark'"
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium with software rendering."""
    if not PAGES.is_file():
        pytest.skip("the pages are not built: make web")
    if not CHROMIUM.is_file():
        pytest.skip(f"no Chromium at {CHROMIUM}")
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with api.sync_playwright() as play:
        opened = play.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def watch() -> Callable[[Any, str], list[str]]:
    """A function that lists, from now on, what goes wrong in a page, and every request to another host than its own."""

    def told(page: Any, own: str) -> list[str]:
        errors: list[str] = []
        page.on("console", lambda said: errors.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on(
            "request", lambda asked: None if asked.url.startswith((own, "data:", "blob:")) else errors.append(asked.url)
        )
        return errors

    return told


@pytest.fixture(scope="session")
def accessible() -> Callable[[Any], None]:
    """A function that asserts that axe finds nothing in a page, in light and in dark: WCAG 2.2 A and AA."""
    if not AXE.is_file():
        pytest.skip("axe-core is not installed: make web")

    def check(page: Any) -> None:
        if not page.evaluate("Boolean(window.axe)"):
            page.evaluate(AXE.read_text(encoding="utf-8"))
        found = []
        for _ in ("light", "dark"):
            found += page.evaluate("tags => axe.run({ runOnly: tags })", LEVELS)["violations"]
            page.evaluate(TURN)
        told = [
            f"{one['id']}: {one['help']}: {node['html'][:200]} {node['failureSummary'][:300]}"
            for one in found
            for node in one["nodes"]
        ]
        assert not told, "\n".join(told)

    return check


@pytest.fixture(scope="session")
def glisson() -> Callable[..., list[str]]:
    """The command line as arguments of a process."""
    pytest.importorskip("fastapi", reason="the extra serve is not installed")
    return lambda *arguments: [sys.executable, "-m", "glisson.cli", *arguments]


@pytest.fixture
def address(tmp_path: Path, glisson: Callable[..., list[str]]) -> Iterator[str]:
    """Where a server of an empty data directory answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (tmp_path / "log").open("wb") as log:
        command = glisson("serve", "--data", str(tmp_path / "data"), "--port", str(port))
        server = subprocess.Popen(command, stdout=log, stderr=log)
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


@pytest.fixture(scope="session")
def enter() -> Callable[[Any, str], None]:
    """A function that makes the first user of a server and comes to the list of cases."""

    def entered(page: Any, address: str) -> None:
        page.goto(address)
        page.get_by_label("Name").fill("board")
        page.get_by_label("Password").fill("correct horse battery")
        page.get_by_role("button", name="Make this user").click()
        page.get_by_role("heading", name="Cases").wait_for()

    return entered
