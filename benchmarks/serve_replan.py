"""The workbench's own times on the real patient: what is sent first, edits, sliders.

Usage: python -m benchmarks.serve_replan. Prints one line a measure: wall seconds on this machine, whatever else it does
(the load is printed first), and for sliders also the seconds of processor time, which do not depend on that.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.__main__ import REAL, make_case
from glisson.serve.content import Prepared, prepare
from glisson.serve.content.edits import add_lesion, delete_lesion, resize
from glisson.serve.content.engine import MARGINS_MM
from glisson.serve.content.engines import Case, Engines
from glisson.serve.files import link_tree

THRESHOLDS = (20.0, 25.0, 35.0, 40.0, 45.0, 50.0)


def say(name: str, value: float, unit: str = "s") -> None:
    """One line of the table."""
    print(f"{name:<58}{value:9.2f} {unit}", flush=True)


def preparing(case: Path, out: Path) -> None:
    """Time and bytes of what the viewer is sent."""
    started, cpu = time.perf_counter(), time.process_time()
    first: list[float] = []

    def watch(_words: str, _share: float) -> None:
        if not first and (out / "preview.nii.gz").exists():
            first.append(time.perf_counter() - started)

    prepare(case, None, out, watch)
    say("prepare: preview on disk", first[0])
    say("prepare: all, wall", time.perf_counter() - started)
    say("prepare: all, CPU", time.process_time() - cpu)
    for name in ("preview.nii.gz", "labels-preview.nii.gz", "fine.nii.gz", "labels-fine.nii.gz"):
        say(f"bytes of {name}", (out / name).stat().st_size / 1e6, "MB")
    meshes = [path.stat().st_size for path in (out / "mesh").iterdir()]
    say(f"bytes of {len(meshes)} surfaces", sum(meshes) / 1e6, "MB")


def editing(case: Path, prepared: Path, work: Path) -> None:
    """Time from a correction to a scene that can be loaded."""
    for name, change in (
        ("grow", lambda folder: resize(folder, "L2", 2.0)),
        ("delete", lambda folder: delete_lesion(folder, "L2", "benchmark")),
        (
            "click",
            lambda folder: add_lesion(folder, Prepared(case, None, prepared).scene()["lesions"][1]["centre_lps"]),
        ),
    ):
        before = work / "delete" if name == "click" else case
        folder, out = work / name, work / f"{name}-prepared"
        out.mkdir()
        link_tree(before, folder)
        started = time.perf_counter()
        edited = change(folder)
        Prepared(folder, None, out).after_edit(prepared, edited.case, edited.scene, edited.lesion)
        say(f"edit: {name}, until the new scene can be loaded", time.perf_counter() - started)


def sliding(case: Path) -> None:
    """Time of answers, while margins are made and after."""
    engines = Engines()
    try:
        which = Case("real", case, {})
        started = time.perf_counter()
        while not (said := engines.ask(which, {}))["prepared"]:
            time.sleep(0.1)
        say("sliders: case ready", time.perf_counter() - started)
        busy = [_asked(engines, which, {"remnant_percent": percent + 0.5}) for percent in THRESHOLDS]
        say("sliders: new threshold while margins are made, median", statistics.median(busy))
        while len(said["margins_ready_mm"]) < len(MARGINS_MM):
            time.sleep(0.2)
            said = engines.ask(which, {})
        say("sliders: every margin ready", time.perf_counter() - started)
        for margin in MARGINS_MM:
            asks = [{"margin_mm": margin, "remnant_percent": percent} for percent in THRESHOLDS]
            _told(engines, which, f"margin {margin:g} mm, new threshold", asks)
        _told(engines, which, "a lesion left", [{"leave": [f"L{n}"]} for n in range(1, 8)])
        pid = engines.state()[0]["pid"]
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        say("sliders: memory of the process", pages * os.sysconf("SC_PAGE_SIZE") / 2**20, "MiB")
    finally:
        engines.close()


def _told(engines: Engines, case: Case, name: str, asks: list[dict]) -> None:
    """Median of wall and of processor time over some questions."""
    wall, cpu = [], []
    for ask in asks:
        before = _cpu_seconds(engines.state()[0]["pid"])
        wall.append(_asked(engines, case, ask))
        cpu.append(_cpu_seconds(engines.state()[0]["pid"]) - before)
    say(f"sliders: {name}, median of {len(asks)}, wall", statistics.median(wall))
    say(f"sliders: {name}, median of {len(asks)}, processor", statistics.median(cpu))


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _asked(engines: Engines, case: Case, ask: dict) -> float:
    started = time.perf_counter()
    assert engines.ask(case, ask)["prepared"]
    return time.perf_counter() - started


def main() -> None:
    """Print the table."""
    if not REAL.exists():
        sys.exit(f"the real patient is not at {REAL}")
    say("load of the machine", os.getloadavg()[0], "")
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        make_case(work / "real")
        case, out = work / "case", work / "prepared"
        shutil.copytree(work / "real", case)
        out.mkdir()
        preparing(case, out)
        editing(case, out, work)
        sliding(case)


if __name__ == "__main__":
    main()
