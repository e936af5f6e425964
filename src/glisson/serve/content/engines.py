"""The warm processes behind the sliders: few at a time, ended when nobody asks any more, and with the server."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TooLong
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glisson.errors import InputError
from glisson.serve.content.engine import MARGINS_MM

__all__ = ["MOST_ENGINES", "Busy", "Case", "Engines"]

log = logging.getLogger("glisson.serve")
MOST_ENGINES = 2
"""Cases that are kept ready at once; each takes about a gigabyte."""
IDLE_SECONDS = 900.0
"""A process that nobody asked for so long ends."""
MEMORY_BYTES = 12 * 1024**3
ANSWER_SECONDS = 60.0
"""An answer that takes longer is given up."""
MOST_WAITING = 8
"""Questions that may wait at one process; a slider that is dragged must not queue up."""
KEPT_FRESH_SECONDS = 30.0
"""A process asked so recently is not ended to make room for one that only warms up."""


class Busy(InputError):  # noqa: N818
    """Too many questions wait, or every process is in use; ask again shortly."""


@dataclass(frozen=True)
class Case:
    """What a process is for. key: changes with the version and its results. settings: of the planning, by name."""

    key: str
    folder: Path
    settings: Mapping[str, Any]

    @property
    def chosen(self) -> dict[str, Any]:
        """The settings that `PlanSettings.by_rules` takes."""
        return dict(self.settings)


class Engines:
    """At most `most` processes, the least recently asked one ended first. Safe for many threads."""

    def __init__(self, most: int = MOST_ENGINES, idle_seconds: float = IDLE_SECONDS) -> None:
        self._most, self._idle = most, idle_seconds
        self._running: OrderedDict[str, _Engine] = OrderedDict()
        self._lock = threading.Lock()
        self._closed = threading.Event()
        threading.Thread(target=self._sweep, name="engines", daemon=True).start()

    def warm(self, case: Case) -> None:
        """Begin to make a case ready, where that ends no process that somebody uses."""
        with self._lock:
            if case.key in self._running or self._closed.is_set():
                return
            oldest = next(iter(self._running.values()), None)
            full = len(self._running) >= self._most
            if full and oldest is not None and (oldest.waiting or oldest.idle_seconds < KEPT_FRESH_SECONDS):
                return
            self._started(case)

    def ask(self, case: Case, ask: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a question, with `prepared`: False while the case, or the margin asked for, is being made.

        Raises InputError for what cannot be asked and for a case that cannot be planned, Busy.
        """
        engine = self._engine(case)
        if not engine.ready.is_set():
            return {"prepared": False, "plans": [], "margins_mm": list(MARGINS_MM), **engine.progress()}
        said = engine.ask(ask)
        offered = {"margins_mm": list(MARGINS_MM), "margins_ready_mm": engine.margins_mm}
        if "waiting" in said:
            return {"prepared": False, "plans": [], "share": engine.margin_share(), **said["waiting"], **offered}
        return {"prepared": True, "base_margin_mm": engine.base_margin_mm, **said["answer"], **offered}

    def state(self) -> list[dict[str, Any]]:
        """The processes, the least recently asked first: key, pid, idle_seconds, ready."""
        with self._lock:
            return [
                {"key": key, "pid": one.pid, "idle_seconds": one.idle_seconds, "ready": one.ready.is_set()}
                for key, one in self._running.items()
            ]

    def close(self) -> None:
        """End every process."""
        self._closed.set()
        with self._lock:
            for engine in self._running.values():
                engine.end()
            self._running.clear()

    def _engine(self, case: Case) -> _Engine:
        with self._lock:
            engine = self._running.get(case.key)
            if engine is not None and engine.failure is not None:
                self._running.pop(case.key).end()
                raise InputError(engine.failure)
            if engine is None:
                engine = self._started(case)
            self._running.move_to_end(case.key)
            engine.touch()
            return engine

    def _started(self, case: Case) -> _Engine:
        if self._closed.is_set():
            raise Busy("The server is stopping.")
        while len(self._running) >= self._most:
            victim = next((key for key, one in self._running.items() if not one.waiting), None)
            if victim is None:
                raise Busy("Every planning process is in use. Ask again in a few seconds.")
            self._running.pop(victim).end()
        engine = self._running[case.key] = _Engine(case)
        return engine

    def _sweep(self) -> None:
        while not self._closed.wait(min(self._idle / 4.0, 30.0)):
            with self._lock:
                for key, engine in list(self._running.items()):
                    if not engine.waiting and engine.idle_seconds > self._idle:
                        self._running.pop(key).end()


class _Engine:
    """One process and the questions that wait at it."""

    def __init__(self, case: Case) -> None:
        self.ready = threading.Event()
        self.failure: str | None = None
        self.margins_mm: list[float] = []
        self.base_margin_mm: float | None = None
        self._opening: dict[str, Any] = {"words": "Starting", "share": 0.0}
        self._futures: dict[int, Future[dict[str, Any]]] = {}
        self._count = 0
        self._asked_at = time.monotonic()
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "glisson.serve.content.engine"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, encoding="utf-8", start_new_session=True,
        )  # fmt: skip
        self._send(
            {
                "case_folder": str(case.folder), "settings": case.chosen, "margins_mm": MARGINS_MM,
                "memory_bytes": MEMORY_BYTES,
            }
        )  # fmt: skip
        threading.Thread(target=self._read, daemon=True).start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def waiting(self) -> int:
        return len(self._futures)

    @property
    def idle_seconds(self) -> float:
        return time.monotonic() - self._asked_at

    def touch(self) -> None:
        self._asked_at = time.monotonic()

    def progress(self) -> dict[str, Any]:
        return dict(self._opening)

    def margin_share(self) -> float:
        return round(len(self.margins_mm) / len(MARGINS_MM), 3)

    def ask(self, ask: Mapping[str, Any]) -> dict[str, Any]:
        """The line that answers. Raises InputError for a refusal, Busy."""
        future: Future[dict[str, Any]] = Future()
        with self._lock:
            if self.waiting >= MOST_WAITING:
                raise Busy("Too many questions wait. Ask again in a moment.")
            self._count += 1
            number = self._count
            self._futures[number] = future
        self._send({"n": number, "ask": dict(ask)})
        try:
            said = future.result(ANSWER_SECONDS)
        except TooLong:
            raise Busy("The answer took too long and was given up.") from None
        finally:
            self._futures.pop(number, None)
            self.touch()
        if "refused" in said:
            if said.get("fault"):
                log.error("planning anew failed: %s", said["refused"])
            raise InputError(said["refused"])
        return said

    def end(self) -> None:
        """Kill the process and all that it started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()

    def _send(self, what: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        try:
            with self._lock:
                self._process.stdin.write(json.dumps(what) + "\n")
                self._process.stdin.flush()
        except (OSError, ValueError):
            self._lost()

    def _read(self) -> None:
        assert self._process.stdout is not None
        try:
            for line in self._process.stdout:
                self._hear(json.loads(line))
        except ValueError:
            pass
        self._lost()

    def _hear(self, said: dict[str, Any]) -> None:
        if "n" in said:
            future = self._futures.get(said["n"])
            if future is not None and not future.done():
                future.set_result(said)
        elif "opening" in said:
            self._opening = said["opening"]
        elif "ready" in said:
            self.margins_mm, self.base_margin_mm = said["ready"]["margins_mm"], said["ready"]["base_margin_mm"]
            self.ready.set()
        elif "margins" in said:
            self.margins_mm = said["margins"]
        elif "failed" in said:
            self.failure = said["failed"]
        elif "margin_failed" in said:
            log.error("a margin could not be prepared: %s", said["margin_failed"]["why"])

    def _lost(self) -> None:
        """The process is gone: whoever waits is told, and the next question starts another."""
        if self.failure is None:
            self.failure = "The planning process ended unexpectedly. Ask again."
        for future in list(self._futures.values()):
            if not future.done():
                future.set_result({"refused": self.failure})
