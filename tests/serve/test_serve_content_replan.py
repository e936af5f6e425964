"""Sliders: what is chosen again on kept candidates is what a whole new search finds; and the processes behind them."""

from __future__ import annotations

import os
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from glisson.assessment import assess, replan
from glisson.errors import InputError
from glisson.imaging import read_case
from glisson.planning import PlanSettings
from glisson.planning.reclearing import NO_GROWTH, PLANNED_BEYOND_MM, Limits, at_margin, clear_again
from glisson.serve.content import engines as engines_module
from glisson.serve.content.engine import MARGINS_MM, Planner
from glisson.serve.content.engines import Busy, Case, Engines

from .content_cases import plain_case

SURGICAL = ("resection", "wedge", "ablation")
"""Sliders choose among these; radiation and growth are the whole planning's."""


@pytest.fixture(scope="module")
def planned(small_case):
    result = assess(*read_case(small_case))
    assert result.clearing is not None
    return result


def plans_of(clearing) -> list[tuple[str, float, int]]:
    return [(plan.name, round(plan.burden, 6), round(plan.remnant_nontumour_ml, 3)) for plan in clearing.found.plans]


def again(planned, limits):
    return clear_again(planned.clearing, planned.clearing.asked, limits)


def test_no_change_gives_the_same_plans(planned):
    assert plans_of(again(planned, Limits())) == plans_of(planned.clearing)


@pytest.mark.parametrize("kinds", [("resection",), ("wedge", "ablation"), ("ablation",), ("resection", "wedge")])
def test_kinds_left_out_give_what_a_whole_search_gives(planned, kinds):
    whole = replan(planned, PlanSettings.by_rules(allow=kinds))
    assert plans_of(again(planned, Limits(allow=kinds))) == plans_of(whole)


def test_lesions_left_give_what_a_whole_search_gives(planned):
    for name in planned.clearing.problem.targets:
        whole = replan(planned, PlanSettings.by_rules(leave=(name,), allow=SURGICAL))
        found = again(planned, Limits(leave=(name,)))
        assert plans_of(found) == plans_of(whole)
        assert "choice" in found.left_out[name]


@pytest.mark.parametrize("margin_mm", [0.0, 3.0, 10.0])
def test_margins_give_what_a_whole_search_gives(planned, margin_mm):
    asked = at_margin(planned.clearing.asked, planned.resections, margin_mm)
    wide = max(PlanSettings.by_rules().resection_margin_mm, margin_mm + PLANNED_BEYOND_MM)
    whole = replan(planned, PlanSettings.by_rules(accept_margin_mm=margin_mm, resection_margin_mm=wide, allow=SURGICAL))
    found = clear_again(planned.clearing, asked, Limits())
    assert plans_of(found) == plans_of(whole)
    for plan in found.found.plans:
        for got in plan.clears.values():
            assert got.kind == "ablation" or got.margin_mm is None or got.margin_mm >= margin_mm


def test_every_plan_keeps_the_threshold_that_was_set(planned):
    def stricter(plan):
        return min(plan.remnant_percent_nontumour, plan.remnant_percent_standardised)

    most = max(stricter(plan) for plan in planned.clearing.found.plans)
    for percent in (20.0, 40.0, most - 0.5):
        found = again(planned, Limits(remnant_percent=percent))
        assert found.threshold.percent == percent
        assert found.found.plans
        assert all(stricter(plan) >= percent for plan in found.found.plans)
    none = again(planned, Limits(remnant_percent=100.0))
    assert none.found.outcome == "none"
    assert none.found.certificate is not None
    assert NO_GROWTH in none.notes


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"remnant_percent": 101.0}, "0 to 100"),
        ({"remnant_percent": float("nan")}, "0 to 100"),
        ({"allow": ()}, "at least one kind"),
        ({"allow": ("prayer",)}, "prayer"),
    ],
)
def test_limits_that_cannot_be_are_refused(limits, words):
    with pytest.raises(InputError, match=words):
        Limits(**limits)


def test_lesions_that_cannot_be_left_are_refused(planned):
    with pytest.raises(InputError, match="L99 cannot be left"):
        again(planned, Limits(leave=("L99",)))
    with pytest.raises(InputError, match="nothing to plan"):
        again(planned, Limits(leave=planned.clearing.problem.targets))


def test_the_answer_has_the_shape_of_plans_json(planned):
    from glisson.report.plans import plans_data

    planner = Planner(planned)
    said = planner.answer({"remnant_percent": 40})
    own = plans_data(planned)
    assert own is not None
    assert own.keys() - said.keys() == {"candidates"}
    assert said["plans"][0].keys() >= own["plans"][0].keys()
    assert [plan["n"] for plan in said["plans"]] == list(range(1, len(said["plans"]) + 1))
    assert set(said["plans"][0]["letters"].values()) <= set("XABS")
    for plan in said["plans"]:
        lost = {cause for cause, voxels in plan["voxels"].items() if voxels} - {"remnant"}
        assert {part["part"] for part in plan["parts"]} == {"kept"} | lost
    assert said["threshold"]["percent"] == 40
    assert planner.answer({"remnant_percent": 40})["plans"] == said["plans"]


def test_a_case_with_nothing_to_treat_answers_so(planned):
    assert Planner(replace(planned, clearing=None)).answer({})["outcome"] == "nothing to treat"


# ---- processes


@pytest.fixture
def pool():
    engines = Engines(most=2, idle_seconds=3600)
    yield engines
    engines.close()


def ready(engines: Engines, case: Case, ask: dict | None = None, seconds: float = 60.0) -> dict:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        said = engines.ask(case, ask or {})
        if said["prepared"]:
            return said
        assert 0.0 <= said["share"] <= 1.0
        assert said["words"]
        time.sleep(0.05)
    raise AssertionError("not ready in time")


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_process_answers_like_a_whole_search(pool, small_case, planned, monkeypatch):
    case = Case("a", small_case, {})
    said = ready(pool, case)
    assert [plan["name"] for plan in said["plans"]] == [plan.name for plan in planned.clearing.found.plans]
    assert said["base_margin_mm"] == planned.clearing.settings.accept_margin_mm
    wide = ready(pool, case, {"margin_mm": 7.5})
    assert wide["margin_mm"] == 10.0
    assert 10.0 in wide["margins_ready_mm"]
    assert wide["margins_mm"] == list(MARGINS_MM)
    with pytest.raises(InputError, match="the widest is 10 mm"):
        pool.ask(case, {"margin_mm": 11.0})
    with pytest.raises(InputError, match="cannot be left"):
        pool.ask(case, {"leave": ["nobody"]})
    answers = []
    threads = [
        threading.Thread(target=lambda n=n: answers.append(pool.ask(case, {"remnant_percent": 20 + n})))
        for n in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one["threshold"]["percent"] for one in answers) == [20, 21, 22, 23, 24, 25]
    monkeypatch.setattr(engines_module, "MOST_WAITING", 0)
    with pytest.raises(Busy, match="Too many"):
        pool.ask(case, {})


def test_settings_of_the_planning_are_the_starting_point(pool, small_case):
    said = ready(pool, Case("s", small_case, {"allow": ["ablation"], "ablation_margin_mm": 4.0}))
    assert said["settings"]["ablation_margin_mm"] == 4.0
    assert {act["kind"] for plan in said["plans"] for act in plan["actions"]} <= {"ablation"}


def test_only_so_many_processes_live_and_the_least_used_goes(pool, tmp_path):
    folder = plain_case(tmp_path / "case")
    cases = [Case(key, folder, {}) for key in "abc"]
    for case in cases[:2]:
        assert not pool.ask(case, {})["prepared"]
    first, second = (one["pid"] for one in pool.state())
    pool.ask(cases[0], {})
    pool.ask(cases[2], {})
    assert [one["key"] for one in pool.state()] == ["a", "c"]
    assert alive(first)
    assert not alive(second)
    pool.warm(cases[1])
    assert [one["key"] for one in pool.state()] == ["a", "c"], "warming ends nobody that was asked just now"
    pool.close()
    assert not alive(first)
    assert pool.state() == []
    with pytest.raises(Busy):
        pool.ask(cases[0], {})


def test_idle_processes_end(tmp_path):
    engines = Engines(idle_seconds=0.4)
    assert not engines.ask(Case("a", plain_case(tmp_path / "case"), {}), {})["prepared"]
    pid = engines.state()[0]["pid"]
    until = time.monotonic() + 10
    while engines.state() and time.monotonic() < until:
        time.sleep(0.05)
    assert engines.state() == []
    assert not alive(pid)
    engines.close()


def test_a_process_that_is_killed_is_replaced(pool, tmp_path):
    case = Case("a", plain_case(tmp_path / "case"), {})
    pool.ask(case, {})
    pid = pool.state()[0]["pid"]
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(InputError, match="ended unexpectedly"):
        ready(pool, case)
    assert not pool.ask(case, {})["prepared"]
    assert pool.state()[0]["pid"] != pid


def test_a_case_that_cannot_be_read_says_why(pool, tmp_path):
    (tmp_path / "case.yaml").write_text("id: a\nnonsense: 1\n")
    with pytest.raises(InputError, match="nonsense"):
        ready(pool, Case("bad", tmp_path, {}))


def test_the_process_ends_with_its_server(tmp_path):
    import subprocess
    import sys

    folder = plain_case(tmp_path / "case")
    script = (
        "import sys, time; from pathlib import Path; from glisson.serve.content.engines import Case, Engines\n"
        f"e = Engines(); c = Case('a', Path({str(folder)!r}), {{}})\n"
        "e.ask(c, {})\n"
        "print(e.state()[0]['pid'], flush=True); time.sleep(600)\n"
    )
    server = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    pid = int(server.stdout.readline())
    assert alive(pid)
    server.kill()
    server.wait()
    server.stdout.close()
    until = time.monotonic() + 10
    while _runs(pid) and time.monotonic() < until:
        time.sleep(0.05)
    assert not _runs(pid)


def _runs(pid: int) -> bool:
    """Whether a process that nobody may have reaped still runs."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except FileNotFoundError:
        return False
