"""Days since drugs against vessels and since operations, on a calendar that a hand can count."""

from __future__ import annotations

import pytest

from glisson.case import Unknown, loads_case

BOARD = "board: {date: 2024-05-29}\n"


def facts(text: str) -> dict[str, object]:
    return dict(loads_case(f"id: a\n{BOARD}{text}").facts())


@pytest.mark.parametrize(
    ("treatments", "antibody", "days"),
    [
        ("[]", False, None),
        ("[{kind: systemic, drugs: [bevacizumab], start: 2024-03-01, stop: 2024-05-01}]", True, 28),
        ("[{kind: systemic, drugs: [ramucirumab, paclitaxel], start: 2024-03-01, stop: 2024-05-08}]", True, 21),
        ("[{kind: systemic, drugs: [aflibercept], start: 2024-03-01, ongoing: true}]", True, 0),
        ("[{kind: systemic, drugs: [regorafenib], start: 2024-03-01, stop: 2024-05-15}]", False, None),
    ],
)
def test_antibodies_against_vegf(treatments, antibody, days):
    known = facts(f"treatments: {treatments}")
    assert known["treatments.anti_vegf_antibody"] is antibody
    since = known["treatments.days_since_anti_vegf_antibody"]
    assert since == days if days is not None else isinstance(since, Unknown)


def test_the_stated_day_of_bevacizumab_counts_and_the_latest_of_both():
    stated = "liver: {last_bevacizumab: 2024-05-19}\n"
    assert facts(stated)["treatments.anti_vegf_antibody"] is True
    assert facts(stated)["treatments.days_since_anti_vegf_antibody"] == 10
    later = "treatments: [{kind: systemic, drugs: [ramucirumab], start: 2024-05-01, stop: 2024-05-27}]"
    assert facts(stated + later)["treatments.days_since_anti_vegf_antibody"] == 2


def test_inhibitors_are_told_apart_from_antibodies():
    known = facts("treatments: [{kind: systemic, drugs: [regorafenib], start: 2024-03-01, stop: 2024-05-15}]")
    assert known["treatments.anti_vegf_inhibitor"] is True
    assert known["treatments.days_since_anti_vegf_inhibitor"] == 14


def test_drugs_not_recorded_are_not_taken_for_others():
    known = facts("treatments: [{kind: systemic, start: 2024-03-01, stop: 2024-05-15}]")
    assert isinstance(known["treatments.anti_vegf_antibody"], Unknown)
    assert isinstance(known["treatments.days_since_anti_vegf_antibody"], Unknown)


@pytest.mark.parametrize(
    ("treatments", "operated", "since"),
    [
        ("[]", False, None),
        ("[{kind: hepatectomy, start: 2024-05-01, stop: 2024-05-01}]", True, 28),
        ("[{kind: primary-resection, start: 2024-05-19}]", True, 10),
        ("[{kind: ablation, start: 2024-05-19}]", False, None),
        ("[{kind: primary-resection, start: 2024-05-09}, {kind: hepatectomy, start: 2024-02-28}]", True, 20),
        ("[{kind: hepatectomy}]", True, None),
        ("[{kind: hepatectomy}, {kind: primary-resection, start: 2024-05-09}]", True, None),
    ],
)
def test_operations(treatments, operated, since):
    known = facts(f"treatments: {treatments}")
    assert known["treatments.operated"] is operated
    found = known["treatments.days_since_operation"]
    assert found == since if since is not None else isinstance(found, Unknown)


def test_no_treatments_recorded_is_unknown():
    names = ("anti_vegf_antibody", "anti_vegf_inhibitor", "operated", "days_since_operation")
    assert all(isinstance(facts("")[f"treatments.{name}"], Unknown) for name in names)
