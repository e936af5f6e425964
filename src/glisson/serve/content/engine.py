"""The process behind the sliders: `python -m glisson.serve.content.engine`, one for each version that is looked at.

It reads one line of JSON with the case's folder, measures the case once and keeps the candidates of its plans; then it
answers each further line in less time than a slider takes to move. Margins other than the one planned with need new
wedges, which a thread of low priority makes in the background. When the standard input closes, it ends.

    in    {"case_folder", "settings", "margins_mm", "memory_bytes"}, then {"n", "ask": {...}} and so on
    out   {"opening": {"words", "share"}}, {"ready": {...}} or {"failed": why}; then {"n", "answer": {...}} or
          {"n", "refused": why}; {"margins": {...}} whenever one more is ready
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import resource
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from glisson.errors import GlissonError, InputError

if TYPE_CHECKING:
    from glisson.assessment import Assessment
    from glisson.planning import Clearing
    from glisson.planning.clearing import Asked

__all__ = ["MARGINS_MM", "Planner", "main"]

MARGINS_MM = (0.0, 1.0, 3.0, 5.0, 10.0)
"""Margins of resection that sliders offer: touching, and widths that guidelines and surgeons speak of."""

LEFT_OUT = ("segment IV", "plausibility", "over time", "ablations", "radiation", "options")
"""Steps of an assessment that no plan needs."""

KEPT_ANSWERS = 24
BEHIND = 15
"""How much the making of margins stands back behind answers (niceness)."""
SWITCH_SECONDS = 0.001
"""Python lets another thread run this often, so that an answer does not wait for a margin that is being made."""


class Planner:
    """One measured case, and the answers to what is asked of it. Only `make_margin` may run beside the others."""

    def __init__(self, result: Assessment) -> None:
        self.result = result
        self.base_mm = result.clearing.settings.accept_margin_mm if result.clearing else None
        self._asked: dict[float, Asked] = {}
        if result.clearing is not None and result.clearing.asked is not None and self.base_mm is not None:
            self._asked[self.base_mm] = result.clearing.asked
        self._answers: OrderedDict[str, Clearing] = OrderedDict()

    @property
    def margins_mm(self) -> tuple[float, ...]:
        """Margins whose candidates are there."""
        return tuple(sorted(self._asked))

    def make_margin(self, margin_mm: float) -> None:
        """Make the candidates of a margin."""
        from glisson.planning.reclearing import at_margin

        if self.base_mm is not None and margin_mm not in self._asked:
            self._asked[margin_mm] = at_margin(self._asked[self.base_mm], self.result.resections, margin_mm)

    def answer(self, ask: Mapping[str, Any]) -> dict[str, Any]:
        """The plans under other limits, in the shape of plans.json. Raises InputError for limits that cannot be."""
        started = time.perf_counter()
        clearing = self._cleared(ask)
        if clearing is None:
            return {"plans": [], "outcome": "nothing to treat", "seconds": 0.0}
        from glisson.report.plan_acts import plan_letters
        from glisson.report.plans import plans_data
        from glisson.serve.content.plan_maps import parts_of

        data = plans_data(replace(self.result, clearing=clearing))
        assert data is not None
        data.pop("candidates")
        for number, (shown, plan) in enumerate(zip(data["plans"], clearing.found.plans, strict=True), 1):
            shown |= {"n": number, "letters": plan_letters(plan), "parts": parts_of(number, shown["voxels"])}
        data["outcome"] = clearing.found.outcome
        data["margin_mm"] = clearing.settings.accept_margin_mm
        data["seconds"] = round(time.perf_counter() - started, 3)
        return data

    def write_map(self, ask: Mapping[str, Any], number: int, level: Mapping[str, Any], path: Path) -> None:
        """Write the label map of one plan of an answer on a level's grid. Raises InputError for a plan not there."""
        import numpy as np

        from glisson.geometry import Labels
        from glisson.imaging import write_labels
        from glisson.planning.clearance import loss_map
        from glisson.serve.content.plan_maps import on_level

        clearing = self._cleared(ask)
        plans = () if clearing is None else clearing.found.plans
        if clearing is None or not 1 <= number <= len(plans):
            raise InputError(f"There is no plan {number} under these limits; there are {len(plans)}.")
        voxels = clearing.voxels
        data = np.zeros(voxels.liver.data.size, np.uint8)
        data[voxels.flat] = loss_map(clearing.problem, plans[number - 1].chosen) + 1
        write_labels(path, on_level(Labels(data.reshape(voxels.liver.data.shape), voxels.grid), level))

    def _cleared(self, ask: Mapping[str, Any]) -> Clearing | None:
        from glisson.planning.reclearing import Limits, clear_again

        before = self.result.clearing
        if before is None:
            return None
        given = {name: ask[name] for name in ("remnant_percent", "leave", "allow") if ask.get(name) is not None}
        allow = tuple(given["allow"]) if "allow" in given else None
        limits = Limits(given.get("remnant_percent"), tuple(given.get("leave", ())), allow)
        margin = ask.get("margin_mm")
        asked = before.asked if margin is None else self._asked.get(float(margin))
        if asked is None:
            raise InputError("The candidates for this margin could not be made.")
        if asked is before.asked and limits == Limits():
            return before
        key = json.dumps([margin, given], sort_keys=True)
        if key not in self._answers:
            self._answers[key] = clear_again(before, asked, limits)
            while len(self._answers) > KEPT_ANSWERS:
                self._answers.popitem(last=False)
        self._answers.move_to_end(key)
        return self._answers[key]


def opened(case_folder: Path, settings: Mapping[str, Any], progress: Any) -> Planner:
    """Measure a case as far as plans need it. Raises as `read_case` and `assess` do."""
    from glisson.assessment import STEPS, assess
    from glisson.imaging import read_case
    from glisson.planning import PlanSettings

    progress("Reading the case", 0.0)
    case, scene = read_case(case_folder)
    given = {name: tuple(value) if isinstance(value, list) else value for name, value in settings.items()}
    steps = [step for step in STEPS if step.name not in LEFT_OUT]
    result = assess(
        case, scene, settings=PlanSettings.by_rules(**given), steps=steps,
        progress=lambda words, share: progress(words, 0.1 + 0.9 * share),
    )  # fmt: skip
    return Planner(result)


def main() -> int:
    """Serve one case until the standard input closes; gives back the exit code."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    order = json.loads(sys.stdin.readline())
    requests: queue.Queue[dict[str, Any]] = queue.Queue()
    threading.Thread(target=_listen, args=(requests,), daemon=True).start()
    with contextlib.suppress(ValueError):
        resource.setrlimit(resource.RLIMIT_AS, (order["memory_bytes"], order["memory_bytes"]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.setswitchinterval(SWITCH_SECONDS)
    said = _Said(out)
    try:
        planner = opened(
            Path(order["case_folder"]), order["settings"],
            lambda words, share: said({"opening": {"words": words, "share": round(share, 3)}}),
        )  # fmt: skip
    except Exception as failure:
        said({"failed": _why(failure)})
        return 1
    said({"ready": {"base_margin_mm": planner.base_mm, "margins_mm": list(planner.margins_mm)}})
    wanted = _Wanted(planner, order["margins_mm"])
    threading.Thread(target=_make_margins, args=(planner, wanted, said), daemon=True).start()
    while True:
        request = requests.get()
        said({"n": request["n"]} | _answered(planner, wanted, request["ask"]))


class _Said:
    """Lines to the server, one at a time, from two threads."""

    def __init__(self, out: IO[str]) -> None:
        self._out, self._lock = out, threading.Lock()

    def __call__(self, what: dict[str, Any]) -> None:
        with self._lock:
            self._out.write(json.dumps(what) + "\n")
            self._out.flush()


class _Wanted:
    """Margins still to be made, the nearest to the one planned with first; one that somebody asks for goes before."""

    def __init__(self, planner: Planner, margins_mm: list[float]) -> None:
        base = planner.base_mm
        todo = [] if base is None else [mm for mm in margins_mm if mm not in planner.margins_mm]
        self._todo = sorted(todo, key=lambda mm: (abs(mm - (base or 0.0)), mm))
        self._lock = threading.Lock()

    def first(self, margin_mm: float) -> bool:
        """Put a margin first; False where it is not among those to be made."""
        with self._lock:
            if margin_mm not in self._todo:
                return False
            self._todo.remove(margin_mm)
            self._todo.insert(0, margin_mm)
            return True

    def next(self) -> float | None:
        """The margin to make now; it stays listed until `done`."""
        with self._lock:
            return self._todo[0] if self._todo else None

    def done(self, margin_mm: float) -> None:
        """Strike a margin off."""
        with self._lock:
            self._todo.remove(margin_mm)


def _make_margins(planner: Planner, wanted: _Wanted, said: _Said) -> None:
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), BEHIND)
    while (margin_mm := wanted.next()) is not None:
        try:
            planner.make_margin(margin_mm)
        except Exception as failure:
            said({"margin_failed": {"margin_mm": margin_mm, "why": _why(failure)}})
        wanted.done(margin_mm)
        said({"margins": list(planner.margins_mm)})


def _answered(planner: Planner, wanted: _Wanted, ask: dict[str, Any]) -> dict[str, Any]:
    try:
        if ask.get("margin_mm") is not None and planner.base_mm is not None:
            margin = _offered(ask["margin_mm"], planner.base_mm)
            ask = ask | {"margin_mm": margin}
            if wanted.first(margin):
                words = f"Cutting wedges with a margin of {margin:g} mm"
                return {"waiting": {"words": words, "margin_mm": margin}}
        if "map" in ask:
            planner.write_map(ask, ask["map"]["n"], ask["map"]["level"], Path(ask["map"]["path"]))
            return {"answer": {}}
        return {"answer": planner.answer(ask)}
    except Exception as failure:
        return {"refused": _why(failure), "fault": not isinstance(failure, GlissonError)}


def _offered(margin_mm: float, base_mm: float) -> float:
    """The narrowest margin on offer that is as wide as asked. Raises InputError for a wider one than any."""
    offered = sorted({*MARGINS_MM, base_mm})
    found = next((mm for mm in offered if mm >= margin_mm), None)
    if found is None:
        raise InputError(f"A margin of {margin_mm:g} mm is not prepared; the widest is {offered[-1]:g} mm.")
    return found


def _listen(requests: queue.Queue[dict[str, Any]]) -> None:
    for line in sys.stdin:
        requests.put(json.loads(line))
    os._exit(0)


def _why(failure: Exception) -> str:
    """Words for people; of a fault of ours only its kind, as its message may quote the record."""
    if isinstance(failure, MemoryError):
        return "Planning anew needs more memory than it may take."
    if isinstance(failure, GlissonError):
        return str(failure)
    return f"Planning anew failed for a reason that was not foreseen ({type(failure).__name__})."


if __name__ == "__main__":
    sys.exit(main())
