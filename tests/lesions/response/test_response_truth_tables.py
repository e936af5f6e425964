"""Tables 1, 2 and 3 of RECIST 1.1 (doi:10.1016/j.ejca.2008.10.026), written out by hand."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from glisson.lesions.response import overall_response, respond
from glisson.lesions.response.best import best_response

START = date(2026, 1, 5)
NON_PD = ("CR", "non-CR/non-PD", "NE", None)
ANY = (*NON_PD, "PD")

TABLE_1 = [
    # target, non-target, new lesions, overall
    ("CR", "CR", False, "CR"),
    ("CR", None, False, "CR"),
    ("CR", "non-CR/non-PD", False, "PR"),
    ("CR", "NE", False, "PR"),
    *[("PR", non_target, False, "PR") for non_target in NON_PD],
    *[("SD", non_target, False, "SD") for non_target in NON_PD],
    *[("NE", non_target, False, "NE") for non_target in NON_PD],
    *[("PD", non_target, new, "PD") for non_target in ANY for new in (False, True)],
    *[(target, "PD", new, "PD") for target in ("CR", "PR", "SD", "NE", "PD") for new in (False, True)],
    *[(target, non_target, True, "PD") for target in ("CR", "PR", "SD", "NE", "PD") for non_target in ANY],
]

TABLE_2 = [
    ("CR", False, "CR"),
    ("non-CR/non-PD", False, "non-CR/non-PD"),
    ("NE", False, "NE"),
    ("PD", False, "PD"),
    ("PD", True, "PD"),
    *[(non_target, True, "PD") for non_target in ("CR", "non-CR/non-PD", "NE")],
]

# The first date is 56 days after baseline, where stable disease has lasted long enough, or 28 days, where it has not.
TABLE_3 = [
    # first, next, best where stable disease counts, best where it came too early
    ("CR", "CR", "CR", "CR"),
    ("CR", "PR", "SD", "PD"),  # a true complete response: what is seen later is progression (footnote a)
    ("CR", "SD", "SD", "PD"),
    ("CR", "PD", "SD", "PD"),
    ("CR", "NE", "SD", "NE"),
    ("PR", "CR", "PR", "PR"),
    ("PR", "PR", "PR", "PR"),
    ("PR", "PD", "SD", "PD"),
    ("PR", "NE", "SD", "NE"),
    ("NE", "NE", "NE", "NE"),
    ("SD", "PD", "SD", "PD"),
    ("SD", "NE", "SD", "NE"),
]


@pytest.mark.parametrize(("target", "non_target", "new", "overall"), TABLE_1)
def test_with_target_disease(target: str, non_target: str | None, new: bool, overall: str) -> None:
    assert overall_response(target, non_target, new) == overall


@pytest.mark.parametrize(("non_target", "new", "overall"), TABLE_2)
def test_with_non_target_disease_alone(non_target: str, new: bool, overall: str) -> None:
    assert overall_response(None, non_target, new) == overall


@pytest.mark.parametrize(("first", "following", "late", "early"), TABLE_3)
def test_best_response_with_confirmation(first: str, following: str, late: str, early: str) -> None:
    for days, expected in ((56, late), (28, early)):
        points = [(START + timedelta(days), first), (START + timedelta(days + 28), following)]
        assert best_response(points, START).best_confirmed == expected, days


def test_partial_then_stable_is_stable_disease() -> None:
    """Row PR, SD of table 3; the later date is itself stable disease long enough after baseline."""
    points = [(START + timedelta(28), "PR"), (START + timedelta(56), "SD")]
    assert best_response(points, START).best_confirmed == "SD"


TARGETS = {"CR": "T1 absent", "PR": "T1 35", "SD": "T1 50", "PD": "T1 60", "NE": "T1 -"}
NON_TARGETS = {"CR": "b absent", "non-CR/non-PD": "b present", "NE": "b ne", "PD": "b progression", None: ""}
NEW = {False: "", True: "+X 12"}


@pytest.mark.parametrize(("target", "non_target", "new", "overall"), TABLE_1)
def test_with_target_disease_from_the_table(follow, target, non_target, new, overall) -> None:
    """The same rows from measured lesions: baseline 50 mm, so 35 is -30 % and 60 is +20 % and 10 mm."""
    first = "T1 50" + (", b present" if non_target else "")
    line = follow((0, first), (56, f"{TARGETS[target]}, {NON_TARGETS[non_target]}, {NEW[new]}"))
    row = respond(line).dates[1]
    assert (row.target, row.non_target, row.new, row.overall) == (target, non_target, new, overall)


@pytest.mark.parametrize(("non_target", "new", "overall"), TABLE_2)
def test_with_non_target_disease_alone_from_the_table(follow, non_target, new, overall) -> None:
    row = respond(follow((0, "b present"), (56, f"{NON_TARGETS[non_target]}, {NEW[new]}"))).dates[1]
    assert (row.target, row.non_target, row.new, row.overall) == (None, non_target, new, overall)
    assert row.sum is None
