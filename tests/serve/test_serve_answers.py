"""Kept answers: made once for all who ask, anew after any change, and never kept when they fail or are large."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import TypeAdapter

from glisson.serve.answers import LARGEST_BYTES, MOST_ANSWERS, Answers
from glisson.serve.database import Database, open_database

SHAPE = TypeAdapter(dict[str, Any])


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(tmp_path)
    yield opened
    opened.close()


class Maker:
    """Counts how often it was asked to make an answer."""

    def __init__(self, text: str = "") -> None:
        self.made, self.text, self.failing = 0, text, False

    def __call__(self) -> dict[str, Any]:
        self.made += 1
        if self.failing:
            raise LookupError("no")
        return {"n": self.made, "text": self.text}


def test_an_answer_is_made_once_until_something_is_written_or_a_job_goes_on(database: Database):
    running: list[tuple[str, str, float]] = []
    answers = Answers(database, SimpleNamespace(progress=lambda: tuple(running)))  # type: ignore[arg-type]
    make = Maker()

    def ask() -> bytes:
        return bytes(asyncio.run(answers.of(("a", "1"), SHAPE, make)).body)

    assert [ask(), ask()] == [b'{"n":1,"text":""}'] * 2
    with database.read():
        assert b'"n":1' in ask()
    with database.write():
        assert b'"n":1' in ask(), "not before it is committed"
    assert b'"n":2' in ask()
    running.append(("job", "Reading", 0.1))
    assert b'"n":3' in ask()
    running[0] = ("job", "Reading", 0.2)
    assert [b'"n":4' in ask() for _ in range(2)] == [True, True]
    with pytest.raises(ValueError, match="boom"), database.write():
        raise ValueError("boom")
    assert b'"n":4' in ask(), "what was rolled back changed nothing"


def test_of_many_who_ask_at_once_one_makes_the_answer(database: Database):
    answers = Answers(database, SimpleNamespace(progress=tuple))  # type: ignore[arg-type]
    go, make = threading.Event(), Maker()

    def slow() -> dict[str, Any]:
        go.wait(10)
        return make()

    async def all_ask() -> list[bytes]:
        asked = [asyncio.create_task(answers.of(("a",), SHAPE, slow)) for _ in range(20)]
        await asyncio.sleep(0.05)
        go.set()
        return [bytes(answer.body) for answer in await asyncio.gather(*asked)]

    assert set(asyncio.run(all_ask())) == {b'{"n":1,"text":""}'}
    assert make.made == 1


def test_failures_and_large_answers_are_not_kept_and_the_oldest_go(database: Database):
    answers = Answers(database, SimpleNamespace(progress=tuple))  # type: ignore[arg-type]
    large, failing, small = Maker("x" * LARGEST_BYTES), Maker(), Maker()
    failing.failing = True

    async def ask() -> None:
        for _ in range(2):
            await answers.of(("large",), SHAPE, large)
            with pytest.raises(LookupError):
                await answers.of(("failing",), SHAPE, failing)
        for n in (*range(MOST_ANSWERS + 1), MOST_ANSWERS, 0):
            await answers.of(("small", str(n)), SHAPE, small)

    asyncio.run(ask())
    assert (large.made, failing.made) == (2, 2)
    assert small.made == MOST_ANSWERS + 2, "the first was forgotten, the last was not"
