"""mRECIST, volumes, Choi, PERCIST and the morphologic criterion by hand, and criteria beside each other."""

from __future__ import annotations

import pytest

from glisson.errors import InputError
from glisson.lesions.response import CRITERIA, disagreements, respond
from glisson.lesions.response.limits import made_for, sum_rules, variability


def overall(follow, criterion: str, columns: tuple[str, ...], *texts: str, stated: float | None = None) -> list[str]:
    visits = [(56 * number, text) for number, text in enumerate(texts)]
    response = respond(follow(*visits, columns=columns), criterion, stated_percent=stated)
    return [row.overall for row in response.dates[1:]]


MRECIST = [
    ("T1 50/40", "T1 50/28", "PR"),  # -30 % of what enhances; the whole did not change
    ("T1 50/40", "T1 50/0", "CR"),  # nothing enhances any more
    ("T1 50/40", "T1 50/48", "PD"),  # +20 %
    ("T1 50/10", "T1 50/12", "PD"),  # +20 % of little: mRECIST has no least millimetres
    ("T1 50/40", "T1 20/40", "SD"),
    ("T1 50/40", "T1 20", "NE"),  # what enhances was not measured
    ("T1 50", "T1 20/5", "NE"),  # nor at baseline
    ("T1 50/40, N1* 20", "T1 50/0, N1* 9", "CR"),  # nodes by their short axis
    ("T1 50/40", "T1 absent", "CR"),
]


@pytest.mark.parametrize(("first", "second", "expected"), MRECIST)
def test_mrecist(follow, first: str, second: str, expected: str) -> None:
    assert overall(follow, "mrecist", ("enhancing_mm",), first, second) == [expected]


def test_mrecist_says_that_it_was_made_for_another_tumour(follow) -> None:
    notes = respond(follow((0, "T1 50/40"), (56, "T1 50/40"), columns=("enhancing_mm",)), "mrecist").notes
    assert "hepatocellular carcinoma, not metastases" in " ".join(notes)


def test_volumetric_limits_are_those_of_spheres() -> None:
    """A ball 30 % thinner has 34.3 % of its volume, one 20 % thicker 172.8 %."""
    rules = sum_rules("volumetric")
    assert float(rules.response_percent) == 65.7
    assert float(rules.progression_percent) == 72.8


VOLUMES = [
    ("T1 50/100", "T1 50/34.3", "PR"),
    ("T1 50/100", "T1 50/34.4", "SD"),
    ("T1 50/100", "T1 50/172.8", "PD"),
    ("T1 50/100", "T1 50/172.7", "SD"),
    ("T1 50/100", "T1 absent", "CR"),
    ("T1 50/100", "T1 50", "NE"),
    ("T1 50/100, T2 20/4", "T1 30/20, T2 too_small", "NE"),  # there is no volume for too small
    ("T1 50/100, N1* 20/6", "T1 absent, N1* 9/1", "CR"),
]


@pytest.mark.parametrize(("first", "second", "expected"), VOLUMES)
def test_volumetric(follow, first: str, second: str, expected: str) -> None:
    assert overall(follow, "volumetric", ("volume_ml",), first, second) == [expected]


def test_volumes_have_their_own_measuring_error(follow) -> None:
    line = follow((0, "T1 50/100"), (56, "T1 50/165"), columns=("volume_ml",))
    (near,) = respond(line, "volumetric").dates[1].near
    assert "-13.7 to +13.7 %" in near
    assert variability("volume", False) == variability("volume", True)


CHOI = [
    ("T1 50/80", "T1 45/80", "PR"),  # -10 % in size
    ("T1 50/80", "T1 50/68", "PR"),  # -15 % in density
    ("T1 50/80", "T1 45.1/68.1", "SD"),
    ("T1 50/80", "T1 55/80", "PD"),  # +10 %
    ("T1 50/80", "T1 55/68", "PR"),  # larger, but less dense: not progression
    ("T1 50/80", "T1 54.9/80", "SD"),
    ("T1 50/80", "T1 absent", "CR"),
    ("T1 50/80", "T1 50", "NE"),  # stable in size, density unknown
    ("T1 50/80", "T1 55", "NE"),
    ("T1 50/80", "T1 40", "PR"),  # size alone is enough
    ("T1 50/80, T2 20/60", "T1 50/60, T2 -", "NE"),  # a target is missing
    ("T1 50/80, T2 20/60", "T1 50/59, T2 20/60", "PR"),  # mean 70 to 59.5, exactly -15 %
    ("T1 50/80", "T1 30/40, +X 12", "PD"),
    ("T1 50/-10", "T1 50/-40", "NE"),  # a share of nothing or less says nothing
]


@pytest.mark.parametrize(("first", "second", "expected"), CHOI)
def test_choi(follow, first: str, second: str, expected: str) -> None:
    assert overall(follow, "choi", ("hu",), first, second) == [expected]


UPTAKE = [
    ("T1 30/10", "T1 30/7", "PMR"),  # -30 %, 3 SUL
    ("T1 30/10", "T1 30/7.1", "SMD"),
    ("T1 30/2", "T1 30/1.3", "SMD"),  # -35 %, but 0.7 SUL
    ("T1 30/2", "T1 30/1.2", "PMR"),  # 0.8 SUL
    ("T1 30/10", "T1 30/13", "PMD"),
    ("T1 30/2", "T1 30/2.8", "PMD"),  # +40 %, 0.8 SUL
    ("T1 30/2", "T1 30/2.7", "SMD"),  # +35 %, but 0.7 SUL
    ("T1 30/10", "T1 absent", "CMR"),
    ("T1 30/10/2/0.3", "T1 30/1.9/2/0.3", "CMR"),  # below the liver
    ("T1 30/10/2/0.3", "T1 30/2.1/2/0.3", "PMR"),
    ("T1 30/10, T2 30/8", "T1 30/4, T2 30/9", "SMD"),  # the hottest need not be the same lesion
    ("T1 30/10, T2 30/8", "T1 30/4, T2 30", "NE"),
    ("T1 30/10, T2 30/8", "T1 30/14, T2 30", "PMD"),  # progression without the missing one
    ("T1 30/10, T2 30", "T1 30/4, T2 30/3", "NE"),  # not measured at baseline
    ("T1 30/10", "T1 30/4, +X 12/5", "PMD"),
    ("T1 30", "T1 30/4", "NE"),
]


@pytest.mark.parametrize(("first", "second", "expected"), UPTAKE)
def test_percist(follow, first: str, second: str, expected: str) -> None:
    assert overall(follow, "percist", ("suv", "liver_suv", "liver_suv_sd"), first, second) == [expected]


def test_percist_needs_a_lesion_hotter_than_the_liver(follow) -> None:
    """1.5 times 2 plus twice 0.3 is 3.6."""
    columns = ("suv", "liver_suv", "liver_suv_sd")
    cold = respond(follow((0, "T1 30/3.5/2/0.3"), (56, "T1 30/3/2/0.3"), columns=columns), "percist").notes
    assert "below 3.6 SUL" in " ".join(cold)
    hot = respond(follow((0, "T1 30/3.6/2/0.3"), (56, "T1 30/3/2/0.3"), columns=columns), "percist").notes
    assert "measurable" not in " ".join(hot)
    best = respond(follow((0, "T1 30/10"), (56, "T1 30/5"), (112, "T1 30/5"), columns=columns), "percist").best
    assert (best.best, best.best_confirmed) == ("PMR", "PMR")


MORPHOLOGY = [
    ("T1 30/3", "T1 30/1", "optimal"),
    ("T1 30/2", "T1 30/1", "optimal"),
    ("T1 30/3", "T1 30/2", "incomplete"),
    ("T1 30/3", "T1 30/3", "none"),
    ("T1 30/2", "T1 30/3", "none"),
    ("T1 30/1", "T1 30/1", "NE"),  # nothing left to respond
    ("T1 30/3", "T1 30", "NE"),
    ("T1 30/3", "T1 absent", "optimal"),
    ("T1 30/3, T2 30/3, L1 30/3", "T1 30/1, T2 30/1, L1 30/3", "optimal"),  # most of them
    ("T1 30/3, T2 30/3", "T1 30/1, T2 30/3", "none"),  # as many each: the lesser
    ("T1 30/3, T2 30/1", "T1 30/1, T2 30/1", "optimal"),
]


@pytest.mark.parametrize(("first", "second", "expected"), MORPHOLOGY)
def test_morphologic(follow, first: str, second: str, expected: str) -> None:
    assert overall(follow, "morphologic", ("morphology",), first, second) == [expected]


def test_criteria_beside_each_other_explain_their_disagreement(follow) -> None:
    columns = ("hu", "morphology")
    line = follow((0, "T1 50/80/3"), (56, "T1 48/60/1"), (112, "T1 30/60/1"), columns=columns)
    (found,) = disagreements([respond(line, name) for name in ("recist-1.1", "choi", "morphologic")])
    assert str(found.date) == "2026-03-02"
    assert dict(found.overall) == {"recist-1.1": "SD", "choi": "PR", "morphologic": "optimal"}
    for words in ("density changed by -25.0 %", "1 optimal", "-4.0 % from baseline", "gastrointestinal stromal"):
        assert words in found.text


def test_criteria_that_cannot_judge_do_not_disagree(follow) -> None:
    line = follow((0, "T1 50"), (56, "T1 30"))
    assert disagreements([respond(line, name) for name in CRITERIA]) == ()


def test_unknown_criterion(follow) -> None:
    with pytest.raises(InputError, match=r"recist-1\.1, irecist"):
        respond(follow((0, "T1 50"), (56, "T1 30")), "who")


def test_every_criterion_says_what_it_was_made_for() -> None:
    for name in CRITERIA:
        assert all(made_for(name))
