"""Published worked examples of RECIST 1.1, from measured lesions to the response, and the traps that they set.

Oracles: the example patients of pharmaversesdtm (R package of the pharmaverse, data-raw/tr_onco_recist.R at 11bab791),
whose authors wrote the response of every visit and the best response beside the diameters; the EORTC's answer on a
partial response that hovers (recist.eortc.org, "Managing PR when TP measurements change slightly over time"); and
CDISC's supplement on RECIST 1.1 on lesions too small to measure. None of them was made with this code.
"""

from __future__ import annotations

import pytest

from glisson.lesions.response import respond

WEEKS = 21
"""Days between two visits of the example patients."""

PHARMAVERSE = {
    # subject: visits (a node has a star), responses of the visits after screening, best response without confirmation
    "1": (("T1 21, T2* 32, T3 24, T4 19", "T1 20, T2* 34, T3 24, T4 18", "T1 20, T2* -, T3 -, T4 18",
           "T1 0, T2* 7, T3 0, T4 0"), "SD NE CR", "CR"),
    "2": (("T1 16, T2 22, T3 21, T4 17, T5 18", "T1 16, T2 21, T3 19, T4 17, T5 18",
           "T1 -, T2 34, T3 41, T4 26, T5 9"), "SD PD", "PD"),
    "3": (("a present, b present, c present", "a present, b absent, c present", "a present, b absent, c absent"),
          "non-CR/non-PD non-CR/non-PD", "non-CR/non-PD"),
    "4": (("a present, b present", "a absent, b present"), "non-CR/non-PD", "NE"),
    "5": (("T1* 31, T2 42, T3* 17", "T1* 31, T2 34, T3* 9", "T1* 19, T2 21, T3* 4", "T1* 7, T2 0, T3* 3"),
          "SD PR CR", "CR"),
    "6": (("T1 27, T2 51", "T1 24, T2 48", "T1 15, T2 23", "T1 14, T2 -", "T1 14, T2 19"), "SD PR NE PR", "PR"),
    "7": (("T1 35, T2 22, T3* 33", "T1 31, T2 24, T3* 33", "T1 37, T2 28, T3* 31", "T1 42, T2 39, T3* 43"),
          "SD SD PD", "SD"),
}  # fmt: skip


@pytest.mark.parametrize("subject", PHARMAVERSE)
def test_agrees_with_the_pharmaverse(follow, subject: str) -> None:
    visits, expected, best = PHARMAVERSE[subject]
    found = respond(follow(*((WEEKS * number, text) for number, text in enumerate(visits))))
    assert [row.overall for row in found.dates[1:]] == expected.split()
    assert found.best.best == best


def test_the_sums_of_an_example_are_those_a_hand_adds_up(follow) -> None:
    """Subject 7: 90, 88, 96 and 124 mm; 124 is 41 % over the smallest sum 88, which is not the baseline."""
    visits = PHARMAVERSE["7"][0]
    found = respond(follow(*((WEEKS * number, text) for number, text in enumerate(visits))))
    assert [row.sum for row in found.dates] == [90, 88, 96, 124]
    assert found.dates[3].nadir_percent == pytest.approx(100 * 36 / 88)


def test_the_eortcs_hovering_response_is_best_a_partial_one(follow) -> None:
    """100, 70, 70, 80, 80, 80: read as written there, best PR; the single dates of 80 are by the numbers stable."""
    found = respond(follow(*((56 * n, f"T1 {s}, b present") for n, s in enumerate((100, 70, 70, 80, 80, 80)))))
    assert found.best.best == "PR"
    assert [row.overall for row in found.dates[1:3]] == ["PR", "PR"]
    assert "PD" not in [row.overall for row in found.dates]


def test_cdisc_counts_too_small_as_five_and_a_measured_four_as_four(follow) -> None:
    found = respond(follow((0, "T1 30, T2 20"), (56, "T1 12, T2 too_small"), (112, "T1 12, T2 4")))
    assert [row.sum for row in found.dates] == [50, 17, 16]


@pytest.mark.parametrize("missing", ["-", "not_evaluable", "present"])
@pytest.mark.parametrize("others", ["T1 0", "T1 1", "T1 10"])
def test_an_unmeasured_target_gives_no_response_however_small_the_others_are(follow, missing: str, others: str) -> None:
    """A tenth of the sum is not measured; what is measured has all but gone."""
    found = respond(follow((0, "T1 90, T2 10"), (56, f"{others}, T2 {missing}"), (112, f"{others}, T2 {missing}")))
    assert [row.overall for row in found.dates[1:]] == ["NE", "NE"]
    assert (found.best.best, found.best.best_confirmed) == ("NE", "NE")


def test_a_rise_of_a_fifth_needs_five_millimetres_as_well(follow) -> None:
    """Secondary sources that write "or" are wrong: 20 % and 4 mm is stable, 5 mm and 19.2 % too; both progress."""
    for sums, expected in (((20, 24), "SD"), ((26, 31), "SD"), ((25, 30), "PD")):
        found = respond(follow(*((56 * n, f"T1 {size}") for n, size in enumerate(sums))))
        assert found.dates[1].overall == expected, sums


def test_the_vectors_of_the_reference(follow) -> None:
    """Baseline 100: smallest 60, now 72 is progression; smallest 20, now 24 is a partial response still."""
    for sums, expected in (((100, 60, 72), "PD"), ((100, 20, 24), "PR"), ((25, 20, 24), "SD")):
        found = respond(follow(*((56 * n, f"T1 {size}") for n, size in enumerate(sums))))
        assert found.dates[2].overall == expected, sums
