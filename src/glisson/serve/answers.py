"""Answers that many people ask for, kept as bytes until anything that they could tell has changed."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from fastapi import Response
from fastapi.concurrency import run_in_threadpool
from pydantic import TypeAdapter

from glisson.serve.database import Database
from glisson.serve.jobs import JobQueue

__all__ = ["Answers"]

MOST_ANSWERS = 1000
LARGEST_BYTES = 64 * 1024
"""A larger answer is made anew each time; with MOST_ANSWERS this bounds the memory to 64 MiB."""
LOCKS = 64
"""Of people who ask for the same at once one makes the answer and the others wait for it; other answers do not."""


class Answers:
    """By what they answer. An answer holds while the database has not been written to and no job has gone further.

    One process serves a data directory and writes to its cases, so that it knows of every change; what a case holds
    else lies in files that never change.
    """

    def __init__(self, database: Database, jobs: JobQueue) -> None:
        self._database = database
        self._jobs = jobs
        self._held: OrderedDict[tuple[str, ...], tuple[object, bytes]] = OrderedDict()
        self._locks = tuple(threading.Lock() for _ in range(LOCKS))
        self._order = threading.Lock()

    async def of(self, key: tuple[str, ...], shape: TypeAdapter[Any], make: Callable[[], Any]) -> Response:
        """The answer as JSON: the kept one where it still holds, else what `make` gives back. Raises what it raises."""
        body = self._found(key)
        if body is None:
            body = await run_in_threadpool(self._made, key, shape, make)
        return Response(body, media_type="application/json")

    def _found(self, key: tuple[str, ...]) -> bytes | None:
        held = self._held.get(key)
        return held[1] if held is not None and held[0] == self._state() else None

    def _made(self, key: tuple[str, ...], shape: TypeAdapter[Any], make: Callable[[], Any]) -> bytes:
        with self._locks[hash(key) % LOCKS]:
            body = self._found(key)
            if body is not None:
                return body
            state = self._state()
            body = shape.dump_json(make())
        if len(body) <= LARGEST_BYTES:
            with self._order:
                self._held[key] = (state, body)
                self._held.move_to_end(key)
                while len(self._held) > MOST_ANSWERS:
                    self._held.popitem(last=False)
        return body

    def _state(self) -> tuple[object, ...]:
        """Asked before an answer is made: what it tells may be newer than this, never older."""
        return (self._database.state, *self._jobs.progress())
