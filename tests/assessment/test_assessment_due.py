"""When the next scan is due: dates that can be counted on a calendar."""

from __future__ import annotations

from datetime import date

import pytest

from glisson.assessment.due import due_scans
from glisson.case import loads_case

CASE = """\
id: due
board: {{date: {board}}}
primary: {{site: colorectal}}
treatments: [{{kind: {kind}, start: {treated}{stop}}}]
studies: [{studies}]
"""


def due(kind: str, treated: str, board: str, *scans: str, stop: str = ""):
    studies = ", ".join(f"{{id: s{n}, date: {day}, modality: CT}}" for n, day in enumerate(scans))
    text = CASE.format(kind=kind, treated=treated, board=board, studies=studies, stop=f", stop: {stop}" if stop else "")
    case = loads_case(text)
    return due_scans(case, case.facts(), date.fromisoformat(board))


def test_the_first_scan_after_an_ablation_is_due_after_a_month():
    (one,) = due("ablation", "2025-01-10", "2025-01-20")
    assert one.latest == date(2025, 2, 9)
    assert (one.state, one.last, one.source, one.status) == ("later", None, "ecio-esoi-2020", "verified")


def test_a_scan_on_time_moves_the_next_one_to_the_next_month_of_the_schedule():
    (one,) = due("ablation", "2025-01-10", "2025-03-01", "2025-02-10")
    assert one.latest == date(2025, 4, 11)


def test_a_missed_scan_is_overdue():
    (one,) = due("ablation", "2025-01-10", "2025-06-01", "2025-02-10")
    assert one.state == "overdue"


def test_after_the_last_month_of_the_schedule_the_interval_holds():
    (one,) = due("ablation", "2025-01-10", "2026-07-10", "2026-01-09")
    assert one.latest == date(2026, 7, 11)
    assert one.state == "later"


@pytest.mark.parametrize(
    ("board", "state"), [("2025-05-01", "later"), ("2025-08-01", "due"), ("2025-12-01", "overdue")]
)
def test_after_a_resection_there_is_a_window(board, state):
    """Three to six months after the scan of 1 April: 1 July to 1 October."""
    (one,) = due("hepatectomy", "2025-01-10", board, "2025-04-01")
    assert (one.earliest, one.latest, one.state) == (date(2025, 7, 1), date(2025, 10, 1), state)
    assert one.status == "unverified"


def test_after_three_years_the_next_interval_of_the_same_source_holds():
    (one,) = due("hepatectomy", "2021-01-10", "2025-01-20", "2024-12-01")
    assert (one.earliest, one.latest) == (date(2025, 6, 2), date(2025, 12, 1))


def test_scans_before_the_treatment_do_not_count():
    (one,) = due("ablation", "2025-01-10", "2025-01-20", "2025-01-02")
    assert one.last is None


def test_systemic_treatment_that_ended_asks_for_nothing():
    assert len(due("systemic", "2025-01-10", "2025-02-01")) == 1
    assert due("systemic", "2025-01-10", "2025-06-01", stop="2025-05-01") == ()
