"""TotalSegmentator as a segmenter: its tasks for liver, segments, vessels and lesions, run in a process of its own.

The optional extra `glisson[totalsegmentator]` installs it; the command `TotalSegmentator` of another environment on the
PATH is used when it is not importable here. Usage statistics are turned off for the run, without touching the user's
settings. Wasserthal 2023, doi:10.1148/ryai.230024; Couinaud segments and lesions are models of their own.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from glisson.errors import GlissonError, ImageError, InputError, MissingExtra
from glisson.geometry import Labels, Volume
from glisson.imaging.names import TOTAL_CT, TOTAL_MR
from glisson.imaging.outlines import load_outline
from glisson.imaging.provenance import sha256_of
from glisson.imaging.write import write_volume
from glisson.scene import SourceFile

__all__ = ["INSTALL_LINE", "TASKS", "Task", "TaskResult", "missing_weights", "run_task", "task_named", "weights_folder"]

INSTALL_LINE = 'pip install "glisson[totalsegmentator]"'
"""What installs the extra."""

SEGMENTS = {n: f"liver_segment_{n}" for n in range(1, 9)}
VESSELS = {1: "liver_vessels", 2: "liver_tumor"}
LESIONS_ONLY = {1: "liver_lesions"}

PROGRAM = """
import sys
from totalsegmentator.python_api import totalsegmentator
source, target, task, fast, device = sys.argv[1:]
totalsegmentator(source, target, ml=True, task=task, fast=fast == "fast", device=device, quiet=True)
"""
"""What runs in the other process: the documented Python call, one label map for all classes."""

NO_NETWORK = ("ConnectionError", "NameResolutionError", "Max retries exceeded", "URLError", "Network is unreachable")
"""Words in its error output that mean the weights could not be fetched."""

LAST_LINES = 6
"""Lines of its error output that a message quotes."""


@dataclass(frozen=True)
class Task:
    """A task: the value -> class table of its label map, and the numbers of the models that it needs.

    fast_weights: those of its fast mode, None when it has none. All tasks here are open (Apache-2.0) and need no
    licence number.
    """

    name: str
    modality: str
    classes: Mapping[int, str]
    weights: tuple[int, ...]
    fast_weights: tuple[int, ...] | None = None


TASKS: Mapping[str, Task] = {
    task.name: task
    for task in (
        Task("total", "CT", TOTAL_CT, (291, 292, 293, 294, 295), (297,)),
        Task("liver_segments", "CT", SEGMENTS, (570, 298)),
        Task("liver_vessels", "CT", VESSELS, (8, 298)),
        Task("liver_lesions", "CT", LESIONS_ONLY, (591, 297)),
        Task("total_mr", "MR", TOTAL_MR, (850, 851), (852,)),
        Task("liver_segments_mr", "MR", SEGMENTS, (576, 852)),
        Task("liver_lesions_mr", "MR", LESIONS_ONLY, (589, 852)),
    )
}
"""The tasks used, as of version 2.18; the second number of the liver tasks is the model that finds the liver first."""


@dataclass(frozen=True, eq=False)
class TaskResult:
    """The label map of one task on the scan's lattice (trimmed) with the names of its values, and its fingerprint."""

    task: str
    labels: Labels
    source: SourceFile


def task_named(name: str) -> Task:
    """The task of that name. Raises InputError with the names there are."""
    if name not in TASKS:
        raise InputError(f"There is no task {name!r}; TotalSegmentator's tasks used here are {', '.join(TASKS)}.")
    return TASKS[name]


def weights_folder() -> Path:
    """Where TotalSegmentator keeps its weights, by its own environment variables or its default."""
    given = os.environ.get("TOTALSEG_WEIGHTS_PATH")
    return Path(given) if given else _home() / "nnunet" / "results"


def missing_weights(task: Task, fast: bool = False) -> tuple[int, ...]:
    """Numbers of the models that the task needs and that are not on this machine."""
    needed = task.fast_weights if fast and task.fast_weights else task.weights
    folder = weights_folder()
    return tuple(n for n in needed if not any(folder.glob(f"Dataset{n:03d}_*")))


def run_task(
    ct: Volume, name: str, *, fast: bool = False, device: str = "gpu", download: bool = False,
    timeout_s: float | None = None,
) -> TaskResult:  # fmt: skip
    """Run one task on a scan and read its label map.

    ct: HU (MR: any unit) on any grid. fast: the 3 mm model where the task has one. device: gpu, gpu:N, cpu or mps (it
    falls back to the processor by itself). download: let it fetch weights that are missing.

    Raises MissingExtra when TotalSegmentator or its weights are not here or cannot be had, InputError for an unknown
    task or device, GlissonError when it fails or takes longer than timeout_s, ImageError when its result cannot be
    read.
    """
    task = task_named(name)
    fast = fast and task.fast_weights is not None
    if device.split(":")[0] not in ("gpu", "cpu", "mps"):
        raise InputError(f"The device is {device!r}; expected gpu, gpu:N, cpu or mps.")
    command = _command()
    missing = missing_weights(task, fast)
    if missing and not download:
        raise MissingExtra(_no_weights(task, missing))
    with tempfile.TemporaryDirectory(prefix="glisson-totalsegmentator-") as folder:
        source, target = Path(folder) / "scan.nii.gz", Path(folder) / "result.nii.gz"
        write_volume(source, ct)
        arguments = command(source, target, task.name, fast, device)
        _run(arguments, _environment(Path(folder)), task, timeout_s)
        if not target.is_file():
            raise ImageError(f"TotalSegmentator ended without an error but wrote no result for the task {task.name}.")
        outline = load_outline(target, ct.grid, what=f"the result of TotalSegmentator's task {task.name}")
        fingerprint = sha256_of(target)
    labels = Labels(outline.labels.data, outline.labels.grid, dict(task.classes))
    mode = ", fast" if fast else ""
    return TaskResult(task.name, labels, SourceFile("masks", f"TotalSegmentator, task {task.name}{mode}", fingerprint))


def _home() -> Path:
    given = os.environ.get("TOTALSEG_HOME_DIR")
    return Path(given) if given else Path.home() / ".totalsegmentator"


def _command() -> Callable[[Path, Path, str, bool, str], list[str]]:
    """How to call it: with this interpreter when it can be imported, else its command on the PATH."""
    if find_spec("totalsegmentator") is not None:
        return lambda source, target, task, fast, device: [
            sys.executable, "-c", PROGRAM, str(source), str(target), task, "fast" if fast else "full", device,
        ]  # fmt: skip
    program = shutil.which("TotalSegmentator")
    if program is None:
        raise MissingExtra(
            f"TotalSegmentator is not installed. Install it with: {INSTALL_LINE}  (2 to 3 GB with PyTorch), or put the "
            "command TotalSegmentator of another environment on the PATH."
        )
    return lambda source, target, task, fast, device: [
        program, "-i", str(source), "-o", str(target), "--ml", "-ta", task, "-d", device, "-q",
        *(["--fast"] if fast else []),
    ]  # fmt: skip


def _environment(folder: Path) -> dict[str, str]:
    """The user's environment with a home of its own for the run, in which usage statistics are off; the weights stay
    where they are, and a licence number is kept."""
    settings = {"totalseg_id": "glisson", "prediction_counter": 0}
    try:
        own = json.loads((_home() / "config.json").read_text(encoding="utf-8"))
        settings |= own if isinstance(own, dict) else {}
    except (OSError, ValueError):
        pass
    settings |= {"send_usage_stats": False, "statistics_disclaimer_shown": True}
    home = folder / "home"
    home.mkdir()
    (home / "config.json").write_text(json.dumps(settings), encoding="utf-8")
    weights = weights_folder()
    return os.environ | {"TOTALSEG_HOME_DIR": str(home), "TOTALSEG_WEIGHTS_PATH": str(weights)}


def _run(arguments: Iterable[str], environment: Mapping[str, str], task: Task, timeout_s: float | None) -> None:
    try:
        done = subprocess.run(
            list(arguments), env=dict(environment), capture_output=True, text=True, timeout=timeout_s, check=False
        )
    except subprocess.TimeoutExpired as late:
        raise GlissonError(
            f"TotalSegmentator's task {task.name} took longer than {timeout_s:g} s and was stopped. Use a machine with "
            "a GPU, the fast mode, or give more time."
        ) from late
    except OSError as problem:
        raise MissingExtra(f"TotalSegmentator cannot be started: {problem.strerror}. {INSTALL_LINE}") from problem
    if done.returncode == 0:
        return
    said = f"{done.stdout}\n{done.stderr}"
    if any(word in said for word in NO_NETWORK):
        raise MissingExtra(_no_weights(task, missing_weights(task)) + " The download was tried and failed.")
    if "requires a license" in said:
        raise MissingExtra(
            f"TotalSegmentator asks for a licence number for the task {task.name}: totalseg_set_license."
        )
    if "out of memory" in said.lower():
        raise GlissonError(
            f"TotalSegmentator ran out of memory in the task {task.name}. Use the device cpu, or fast mode."
        )
    lines = [line for line in said.splitlines() if line.strip() and not line.startswith((" ", "Traceback"))]
    raise GlissonError(
        f"TotalSegmentator failed in the task {task.name} (exit code {done.returncode}). Its last words: "
        + " / ".join(lines[-LAST_LINES:])
    )


def _no_weights(task: Task, missing: tuple[int, ...]) -> str:
    numbers = ", ".join(map(str, missing)) or "some"
    return (
        f"The weights of TotalSegmentator's task {task.name} are not on this machine (models {numbers}; looked for in "
        f"{weights_folder()}). With a network: `totalseg_download_weights -t {task.name}`, or allow the download "
        "(--download). Without: copy that folder from a machine that has it, or name it in TOTALSEG_WEIGHTS_PATH."
    )
