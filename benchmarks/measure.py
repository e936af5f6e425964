"""Run a command as a whole process and say how long it took and how much memory it held at most."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Run:
    """One run: wall seconds, largest resident memory in MiB (of the process itself), standard output."""

    seconds: float
    peak_mib: float
    output: str


def run(command: list[str], cwd: Path | None = None) -> Run:
    """Run the command to its end; raises CalledProcessError with its error output when it fails."""
    start = time.perf_counter()
    with subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        output, errors = process.stdout.read(), process.stderr.read()  # type: ignore[union-attr]
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, output, errors)
    return Run(time.perf_counter() - start, usage.ru_maxrss / 1024, output)


def best_of(times: int, work: Callable[[], object]) -> float:
    """Shortest of several runs in seconds."""
    best = float("inf")
    for _ in range(times):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best
