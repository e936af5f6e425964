"""The process of one job, seen from the server: started, listened to, killed when it takes too long."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from glisson.serve.settings import ServeSettings

__all__ = ["JobProcess", "Outcome"]

SECRETS = ("GLISSON_DATABASE",)
"""Settings that may hold a password and that no job needs."""


@dataclass(frozen=True)
class Outcome:
    """How a process ended. killed: by a signal, which is no fault of the job until it happens again."""

    state: Literal["done", "failed", "killed"]
    result: dict[str, Any] = field(default_factory=dict)
    error: str | None = None


class JobProcess:
    """One process at most; `kill` may come at any time, from any thread, also before it was started."""

    def __init__(self, settings: ServeSettings) -> None:
        self._limits = settings.limits
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._killed = False
        self._late = False
        self.words = "Starting"
        self.share = 0.0

    def run(self, kind: str, staging: Path, order: dict[str, Any], arguments: dict[str, Any]) -> Outcome:
        """Start the process, follow it to its end and say how it ended. Raises nothing of what goes wrong in it."""
        with self._lock:
            if self._killed:
                return Outcome("killed")
            process = self._process = _started()
        timer = threading.Timer(self._limits.job_seconds, self._too_late)
        timer.daemon = True
        timer.start()
        sent = {"kind": kind, "staging": str(staging), "arguments": arguments, "limits": asdict(self._limits), **order}
        try:
            return self._listen(process, json.dumps(sent))
        finally:
            timer.cancel()
            _end(process)

    def _listen(self, process: subprocess.Popen[str], order: str) -> Outcome:
        assert process.stdin is not None
        assert process.stdout is not None
        last: dict[str, Any] = {}
        with contextlib.suppress(OSError):
            process.stdin.write(order + "\n")
            process.stdin.flush()
        for line in process.stdout:
            with contextlib.suppress(ValueError):
                last = json.loads(line)
                self.words, self.share = str(last.get("words", self.words)), float(last.get("share", self.share))
        code = process.wait()
        if self._late:
            return Outcome("failed", error=f"It took longer than {self._limits.job_seconds} s and was stopped.")
        if code == 0 and "done" in last:
            return Outcome("done", last["done"])
        if "failed" in last:
            return Outcome("failed", error=str(last["failed"]))
        return Outcome("killed" if code < 0 else "failed", error=f"Its process ended unexpectedly (code {code}).")

    def _too_late(self) -> None:
        self._late = True
        self.kill()

    def kill(self) -> None:
        """End the process and all that it started."""
        with self._lock:
            self._killed = True
            if self._process is not None and self._process.poll() is None:
                _kill_group(self._process.pid)


def _started() -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if name not in SECRETS}
    return subprocess.Popen(
        [sys.executable, "-m", "glisson.serve.worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True, encoding="utf-8", env=environment, start_new_session=True,
    )  # fmt: skip


def _end(process: subprocess.Popen[str]) -> None:
    """Nothing of the process remains, neither its children nor its pipes."""
    if process.poll() is None:
        _kill_group(process.pid)
        process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
