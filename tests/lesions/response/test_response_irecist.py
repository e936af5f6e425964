"""iRECIST: table 2 of Seymour 2017 (doi:10.1016/S1470-2045(17)30074-8) and the clarifications of the EORTC, by hand."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import product

import pytest

from glisson.lesions.response import respond
from glisson.lesions.response.irecist import best_irecist

FIRST = "T1 50, b present"

COURSES = [
    # visits every 56 days, overall responses, why
    ("T1 absent, b absent", "iCR", "all gone"),
    ("T1 absent, b present", "iPR", "non-targets stay"),
    ("T1 35, b present", "iPR", "-30 %"),
    ("T1 50, b present", "iSD", "no change"),
    ("T1 -, b present", "NE", "not measured"),
    ("T1 60, b present", "iUPD", "+20 %, 10 mm"),
    ("T1 60, b present; T1 65, b present", "iUPD iCPD", "5 mm more"),
    ("T1 60, b present; T1 64.9, b present", "iUPD iUPD", "4.9 mm more"),
    ("T1 60, b present; T1 64, b present; T1 66, b present", "iUPD iUPD iCPD", "steps of 4 and 2 mm add up"),
    ("T1 60, b present; T1 35, b present", "iUPD iPR", "false progression"),
    ("T1 60, b present; T1 50, b present; T1 60, b present", "iUPD iSD iUPD", "the bar is reset"),
    ("T1 60, b present; T1 absent, b absent", "iUPD iCR", "false progression, then all gone"),
    ("T1 50, b progression; T1 50, b progression", "iUPD iUPD", "no more of it"),
    ("T1 50, b progression; T1 50, b increased", "iUPD iCPD", "any increase confirms"),
    ("T1 50, b progression; T1 50, b present", "iUPD iSD", "taken back"),
    ("T1 60, b present; T1 60, b progression", "iUPD iCPD", "progression in another category"),
    ("T1 60, b present; T1 60, b present, +X 12", "iUPD iCPD", "a new lesion confirms"),
    ("T1 50, b present, +X 12; T1 50, b present, +X 17", "iUPD iCPD", "new target lesion 5 mm larger"),
    ("T1 50, b present, +X 12; T1 50, b present, +X 16", "iUPD iUPD", "new target lesion 4 mm larger"),
    ("T1 50, b present, +X 12; T1 50, b present, +X 16; T1 50, b present, +X 17", "iUPD iUPD iCPD", "steps add up"),
    ("T1 50, b present, +X 7; T1 50, b present, +X 8", "iUPD iCPD", "any growth of a small new lesion"),
    ("T1 50, b present, +X present; T1 50, b present, +X increased", "iUPD iCPD", "in words"),
    ("T1 50, b present, +X 12; T1 50, b present, +X 12, +Y 9", "iUPD iCPD", "another new lesion"),
    ("T1 50, b present, +X 12; T1 50, b present, +X 12", "iUPD iUPD", "no change in the new lesion"),
    ("T1 50, b present, +X 12; T1 30, b present, +X 12", "iUPD iPR", "the targets shrank further"),
    ("T1 50, b present, +X 12; T1 50, b present, +X absent", "iUPD iSD", "the new lesion went"),
    ("T1 60, b present; T1 -, b present; T1 70, b present", "iUPD NE iCPD", "a missed scan leaves it pending"),
    ("T1 60, b present; T1 70, b present; T1 20, b absent", "iUPD iCPD iCPD", "confirmed progression stays"),
]


@pytest.mark.parametrize(("course", "expected", "why"), COURSES)
def test_courses(follow, course: str, expected: str, why: str) -> None:
    visits = [(0, FIRST), *((56 * n, text) for n, text in enumerate(course.split(";"), 1))]
    response = respond(follow(*visits), "irecist")
    assert [row.overall for row in response.dates[1:]] == expected.split(), why


def test_confirmation_before_four_weeks_does_not_count(follow) -> None:
    early = respond(follow((0, "T1 50"), (56, "T1 60"), (83, "T1 70"), (112, "T1 70")), "irecist")
    assert [row.overall for row in early.dates[1:]] == ["iUPD", "iUPD", "iCPD"]
    assert "too early" in " ".join(early.dates[2].why)
    assert respond(follow((0, "T1 50"), (56, "T1 60"), (84, "T1 70")), "irecist").dates[2].overall == "iCPD"


def test_best_response_may_come_after_unconfirmed_progression(follow) -> None:
    false = respond(follow((0, "T1 50"), (56, "T1 60"), (112, "T1 30"), (168, "T1 30")), "irecist").best
    assert (false.best, false.best_confirmed) == ("iPR", "iPR")
    true = respond(follow((0, "T1 50"), (56, "T1 60"), (112, "T1 70"), (168, "T1 20")), "irecist").best
    assert (true.best, true.best_confirmed) == ("iCPD", "iCPD")
    open_ = respond(follow((0, "T1 50"), (28, "T1 60")), "irecist").best
    assert (open_.best, open_.best_confirmed) == ("iUPD", "iUPD")


def test_recist_sees_progression_where_irecist_waits(follow) -> None:
    line = follow((0, "T1 50"), (56, "T1 60"), (112, "T1 30"))
    assert respond(line).best.best == "PD"
    assert respond(line, "irecist").best.best == "iPR"


TABLE_3 = [
    # time point responses 1 to 5, each a choice; best response (Seymour 2017, table 3; no confirmation required)
    ("iCR; iCR iPR iUPD NE; iCR iPR iUPD NE; iUPD; iCPD", "iCR"),
    ("iUPD; iPR iSD NE; iCR; iCR iUPD NE; iCR iPR iSD iUPD iCPD NE", "iCR"),
    ("iUPD; iPR; iPR iSD iUPD NE; iPR iSD iUPD NE iCPD; iPR iSD iUPD NE iCPD", "iPR"),
    ("iUPD; iSD NE; iPR; iPR iSD iUPD NE; iPR iSD iUPD iCPD NE", "iPR"),
    ("iUPD; iSD; iSD iUPD NE; iSD iUPD iCPD NE; iSD iUPD iCPD NE", "iSD"),
    ("iUPD; iCPD; iCPD; iCPD; iCPD", "iCPD"),
    ("iUPD; iUPD; iCPD; iCPD; iCPD", "iCPD"),
    ("iUPD; NE; NE; NE; NE", "iUPD"),
]


@pytest.mark.parametrize(("choices", "expected"), TABLE_3)
def test_best_response_of_the_published_scenarios(choices: str, expected: str) -> None:
    start = date(2026, 1, 5)
    for words in product(*(choice.split() for choice in choices.split(";"))):
        points = [(start + timedelta(56 * n), word) for n, word in enumerate(words, 1)]
        assert best_irecist(points, start).best == expected, words
