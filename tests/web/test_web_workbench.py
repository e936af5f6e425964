"""The built workbench in a real browser, against web/dev/fixture_server.py: a stand-in that computes nothing."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
CASE = "5f0c1d1e-3a52-4c5b-9a51-0c6d5e9b7a10"
SHOWN = "canvas[data-level=preview][data-labels=yes]"
WAIT_MS = 30_000


def _fixture_server() -> Any:
    path = ROOT / "web" / "dev" / "fixture_server.py"
    spec = importlib.util.spec_from_file_location("fixture_server", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["fixture_server"] = module
    spec.loader.exec_module(module)
    return module


class Desk:
    """A page of the workbench, the world behind it, and everything that went wrong in it."""

    def __init__(self, page: Any, world: Any, url: str, errors: list[str]) -> None:
        self.page, self.world, self.url, self.errors = page, world, url, errors
        page.set_default_timeout(WAIT_MS)

    def sign_in(self) -> None:
        self.page.goto(self.url)
        self.page.get_by_label("Name").fill("board")
        self.page.get_by_label("Password").fill("correct horse battery")
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_selector(".case-link")

    def open_case(self, tab: str = "viewer") -> None:
        """The case at a tab, signed in already."""
        self.world.signed_in = True
        self.page.add_init_script("localStorage.setItem('glisson.in', 'yes')")
        self.page.goto(f"{self.url}/#/cases/{CASE}/{tab}")
        self.page.wait_for_selector(SHOWN if tab == "viewer" else ".tabs")

    def tab(self, name: str) -> None:
        self.page.get_by_role("navigation", name="Of this case").get_by_role("link", name=name, exact=True).click()


@pytest.fixture
def desk(browser: Any, watch: Any) -> Iterator[Desk]:
    server, world = _fixture_server().start()
    page = browser.new_page(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
    url = f"http://127.0.0.1:{server.server_port}"
    made = Desk(page, world, url, watch(page, url))
    yield made
    page.close()
    server.shutdown()
    server.server_close()
    assert made.errors == []


def _pixels(desk: Desk) -> np.ndarray:
    import io

    from PIL import Image

    shot = desk.page.locator(".slices .canvas-box").screenshot()
    picture = np.array(Image.open(io.BytesIO(shot)).convert("RGB")).astype(int)
    picture[[0, -1]] = picture[:, [0, -1]] = 0  # the page shows at the rim where the box ends within a pixel
    return picture


def test_the_patients_right_is_on_the_left_and_a_click_there_is_a_point_there(desk: Desk) -> None:
    """The bright ball lies outside the body on the patient's right and in front: upper left in the axial slice."""
    desk.open_case()
    desk.page.get_by_role("button", name="Outlines").click()
    desk.page.get_by_role("button", name="Measurements").click()
    desk.page.get_by_role("button", name="Axial", exact=True).click()
    desk.page.wait_for_timeout(400)
    grey = _pixels(desk)
    height, width = grey.shape[:2]
    body = np.argwhere(grey.min(axis=2) > 30)
    middle_y, middle_x = (body.min(axis=0) + body.max(axis=0)) / 2
    white = grey.min(axis=2) > 250
    corner = np.argwhere(white[: int(0.45 * height), :])
    ball = corner[np.abs(corner[:, 1] - middle_x) > 0.1 * width]
    assert len(ball) > 20
    assert np.median(ball[:, 1]) < middle_x
    assert np.median(ball[:, 0]) < middle_y
    desk.page.keyboard.press("e")
    box = desk.page.locator("canvas.above").bounding_box()
    y, x = np.median(ball, axis=0)
    desk.page.mouse.click(box["x"] + x, box["y"] + y)
    desk.page.get_by_role("button", name="Go to L3").wait_for()
    clicked = desk.world.lesions[2][-1]["centre_lps"]
    assert clicked[:2] == pytest.approx([-130.0, -60.0], abs=5.0), "a click on the ball is a point in the ball"


def test_a_click_on_a_lesion_goes_there_and_shows_its_size(desk: Desk) -> None:
    desk.open_case()
    desk.page.get_by_role("button", name="Go to L1").click()
    where = desk.page.locator(".where")
    where.get_by_text(re.compile(r"R 1(09|10|11)\.\d\s+P [4-6]\.\d\s+S (9|10|11)\.\d mm")).wait_for()
    desk.page.keyboard.press("ArrowUp")
    where.get_by_text(re.compile(r"S 1[34]\.\d mm")).wait_for()
    desk.page.keyboard.press("]")
    where.get_by_text(re.compile(r"R 2[3-7]\.\d")).wait_for()
    before = _pixels(desk)
    desk.page.keyboard.press("m")
    desk.page.wait_for_timeout(200)
    assert np.abs(_pixels(desk) - before).sum() > 0


def test_a_correction_is_a_version_marks_results_stale_and_can_be_undone(desk: Desk) -> None:
    desk.open_case()
    desk.page.get_by_role("button", name="Go to L2").click()
    desk.page.get_by_role("button", name="Grow").click()
    desk.page.get_by_role("cell", name="20 × 20").wait_for()
    assert "Out of date" in desk.page.locator(".banner.caution").inner_text()
    assert desk.page.locator(".answer").count() == 0
    desk.tab("Plans")
    desk.page.locator(".banner.caution").get_by_text("Everything computed here is of version 1").wait_for()
    desk.tab("Viewer")
    desk.page.get_by_role("button", name="Undo").click()
    desk.page.get_by_role("cell", name="18 × 18").wait_for()
    desk.page.get_by_role("button", name="Redo").click()
    desk.page.get_by_role("cell", name="20 × 20").wait_for()
    assert [v["what"] for v in desk.world.versions[1:]] == ["L2: grow", "back to version 1", "back to version 2"]


def test_planning_runs_with_progress_and_ends_current(desk: Desk) -> None:
    desk.world.edit("facts changed")
    desk.open_case("export")
    assert "Out of date" in desk.page.locator(".banner.caution").inner_text()
    desk.page.get_by_role("button", name="Plan again").click()
    desk.page.get_by_role("progressbar").wait_for()
    desk.page.locator(".tag-current").wait_for()
    desk.page.locator(".answer").wait_for()


def test_sliders_try_other_limits_and_say_that_nothing_is_kept(desk: Desk) -> None:
    desk.open_case("plans")
    desk.page.get_by_label("Remnant at least").fill("55")
    desk.page.get_by_text("No plan in this catalogue").wait_for()
    assert "Tried out" in desk.page.locator(".banner.caution").inner_text()
    text = desk.page.locator("main").inner_text().lower()
    assert not [word for word in ("certificate", "optimal", "proof", "curable", "cleared") if word in text]
    desk.page.get_by_role("button", name="Back to the plans").click()
    desk.page.get_by_role("button", name=re.compile("^2 Wedge")).wait_for()
    assert desk.page.locator(".banner.caution").count() == 0


def test_the_margin_snaps_to_those_on_offer_and_the_tried_plan_is_on_the_slices(desk: Desk) -> None:
    desk.open_case("plans")
    slider = desk.page.get_by_label("Resection margin at least")
    assert slider.evaluate("s => s.getAttribute('aria-valuetext')") == "1 mm", (
        "the margin demanded, not the one planned"
    )
    slider.focus()
    for expected in ("3 mm", "5 mm", "10 mm"):
        desk.page.keyboard.press("ArrowRight")
        assert slider.evaluate("s => s.getAttribute('aria-valuetext')") == expected
    desk.page.get_by_text("Tried out.", exact=True).wait_for()
    desk.page.wait_for_selector("canvas[data-plan='1']")
    figure = desk.page.locator(".plan-slices")
    assert "Destroyed by ablation" in figure.inner_text()
    before = _pixels(desk)
    desk.page.get_by_role("button", name=re.compile("^2 Wedge")).click()
    desk.page.wait_for_selector("canvas[data-plan='2']")
    assert "Given a high dose" in figure.inner_text()
    desk.page.wait_for_timeout(300)
    assert np.abs(_pixels(desk) - before).sum() > 0
    asked = [one for one in desk.world.requests if "/replan/labels/" in one]
    assert len(asked) == 2
    desk.page.get_by_role("button", name="Back to the plans").click()
    figure.wait_for(state="detached")


def test_what_nobody_looked_at_is_not_zero(desk: Desk) -> None:
    desk.open_case("plans")
    outflow = desk.page.get_by_role("row", name=re.compile("^Loses outflow"))
    assert outflow.inner_text().split("\t")[1:] == ["not assessed", "not assessed"]
    assert desk.page.get_by_role("row", name=re.compile("^Irradiated")).inner_text().split("\t")[1:] == [
        "0.0 mL",
        "31 mL",
    ]


def test_every_reason_opens_its_rule_and_source(desk: Desk) -> None:
    desk.open_case("options")
    desk.page.get_by_role(
        "button", name="Microwave ablation: Ablation or resection of small metastases says relative"
    ).click()
    desk.page.get_by_role("button", name="Rule and source").first.click()
    panel = desk.page.get_by_role("complementary")
    panel.get_by_text("Size of lesions for ablation").wait_for()
    assert "30 mm" in panel.inner_text()
    desk.page.keyboard.press("Escape")
    panel.wait_for(state="detached")


def test_facts_that_are_not_understood_are_refused_line_by_line(desk: Desk) -> None:
    desk.open_case("facts")
    area = desk.page.get_by_label("Facts as YAML")
    area.fill(area.input_value().replace("ecog: 1", "ecog: 9"))
    desk.errors.clear()
    desk.page.get_by_role("button", name="Save as a new version").click()
    desk.page.get_by_role("button", name="Line 4").click()
    assert area.evaluate("a => a.value.slice(a.selectionStart, a.selectionEnd)") == "  ecog: 9"
    assert "allowed 0, 1, 2, 3, 4" in desk.page.locator(".beside").inner_text()
    assert all("422" in error for error in desk.errors), "the browser itself names a refused request"
    desk.errors.clear()


def test_the_letter_comes_after_the_decision(desk: Desk) -> None:
    desk.open_case("decision")
    assert desk.page.get_by_role("link", name="Patient’s letter").count() == 0
    desk.page.get_by_label("Plan", exact=True).select_option("1")
    desk.page.get_by_label("What the board decided").fill("Wedge and ablation in one sitting.")
    desk.page.get_by_label("Dissent").fill("None.")
    desk.page.get_by_label("Present").fill("A. Surgeon\nB. Radiologist")
    desk.page.get_by_label("Outlines reviewed by").fill("B. Radiologist")
    desk.page.get_by_role("button", name="Record the decision").click()
    desk.page.get_by_role("link", name="Patient’s letter").wait_for()
    given = desk.world.decisions[0]
    assert given["plan"] == 1
    assert given["members"] == ["A. Surgeon", "B. Radiologist"]


def test_pages_pass_axe_in_light_and_dark(desk: Desk, accessible: Any) -> None:
    page = desk.page
    page.goto(desk.url)
    accessible(page)
    desk.sign_in()
    accessible(page)
    page.keyboard.press("n")
    accessible(page)
    page.keyboard.press("Escape")
    page.click(".case-link")
    page.wait_for_selector(SHOWN)
    page.get_by_role("button", name="Go to L1").click()
    accessible(page)
    for tab in ("Plans", "Options and reasons", "Timeline", "Decision", "Versions", "Export"):
        desk.tab(tab)
        page.get_by_role("heading", level=2).or_(page.locator(".plan-table")).first.wait_for()
        accessible(page)
    for name in ("Users", "Audit"):
        page.get_by_role("navigation", name="Workbench").get_by_role("link", name=name).click()
        page.get_by_role("row").nth(1).wait_for()
        accessible(page)


def test_what_opens_on_a_page_passes_axe(desk: Desk, accessible: Any) -> None:
    page = desk.page
    desk.open_case("options")
    page.get_by_role("button", name=re.compile("^Microwave ablation: ")).first.click()
    page.get_by_role("button", name="Rule and source").first.click()
    page.get_by_role("complementary").get_by_text("Size of lesions for ablation").wait_for()
    accessible(page)
    desk.tab("Plans")
    page.get_by_label("Resection margin at least").fill("3")
    page.wait_for_selector("canvas[data-plan='1']")
    accessible(page)
    desk.tab("Facts")
    area = page.get_by_label("Facts as YAML")
    area.fill(area.input_value().replace("ecog: 1", "ecog: 9"))
    page.get_by_role("button", name="Save as a new version").click()
    page.get_by_role("button", name="Line 4").wait_for()
    desk.errors.clear()
    accessible(page)
    for change in ("a lesion grown", "facts changed"):
        desk.world.edit(change)
    page.reload()
    desk.tab("Versions")
    page.get_by_role("button", name="Go back to version 1").wait_for()
    accessible(page)


def test_the_first_user_is_made_at_the_door(browser: Any) -> None:
    server, world = _fixture_server().start(first_user=True)
    page = browser.new_page()
    page.goto(f"http://127.0.0.1:{server.server_port}")
    page.get_by_label("Name").fill("board")
    page.get_by_label("Password").fill("correct horse battery")
    page.get_by_role("button", name="Make this user").click()
    page.wait_for_selector(".case-link")
    assert "POST /api/first-user" in world.requests
    page.close()
    server.shutdown()
    server.server_close()


def test_the_board_rooms_text_is_half_as_large_again(desk: Desk) -> None:
    desk.sign_in()
    size = "e => parseFloat(getComputedStyle(e).fontSize)"
    before = desk.page.locator(".case-answer").evaluate(size)
    desk.page.keyboard.press("B")
    assert desk.page.locator(".case-answer").evaluate(size) == pytest.approx(1.5 * before)
    desk.page.keyboard.press("?")
    assert "text for the board room" in desk.page.get_by_role("dialog").inner_text()
