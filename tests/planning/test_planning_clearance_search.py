"""The search against brute force: every choice of candidates tried, on sets of voxels, without the code's own parts."""

from __future__ import annotations

import dataclasses
import math
from itertools import chain, combinations, permutations
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glisson.planning.clearance import Candidate, Modifier, Problem, SegmentNeed, Threshold, model, search
from glisson.planning.clearance.candidate import CAUSES

ACCEPT = {"resection": 1.0, "wedge": 1.0, "ablation": 5.0}
AMPLE = {"resection": 2.0, "wedge": 2.0, "ablation": 6.0}


@st.composite
def candidates(draw, name: str, voxels: int, lesions: list[str], others: list[str]) -> Candidate:
    kind = draw(st.sampled_from(sorted(ACCEPT)))
    region = st.lists(st.integers(0, voxels - 1), max_size=voxels // 2, unique=True)
    causes = draw(st.lists(st.sampled_from(CAUSES), min_size=1, max_size=2, unique=True))
    margins = st.one_of(st.none(), st.sampled_from([0.0, 1.0, 2.0, 5.0, 6.0, 10.0]))
    return Candidate(
        id=name,
        kind=kind,
        label=f"{kind} {name}",
        lesions=draw(st.dictionaries(st.sampled_from(lesions), margins, min_size=1)),
        costs={cause: np.array(sorted(draw(region)), np.int32) for cause in causes},
        burden=draw(st.sampled_from([0.0, 0.5, 1.0, 1.5, 4.0])),
        excludes=frozenset(draw(st.lists(st.sampled_from(others), max_size=1))) if others else frozenset(),
        needs=draw(st.sampled_from(["", "", "", "", "vessel-detachment"])),
        rules=(("a-rule", draw(st.sampled_from(["eligible"] * 6 + ["contraindicated"]))),),
    )


@st.composite
def problems(draw, most: int = 8) -> Problem:
    voxels = draw(st.integers(8, 24))
    lesions = [f"L{n}" for n in range(1, draw(st.integers(1, 4)) + 1)]
    names = [f"c{n:02d}" for n in range(draw(st.integers(1, most)))]
    made = tuple(draw(candidates(name, voxels, lesions, names[:place])) for place, name in enumerate(names))
    labels = np.array(draw(st.lists(st.integers(0, 3), min_size=voxels, max_size=voxels)), np.uint8)
    need = SegmentNeed(("A", "B", "C"), labels, (("A", "B"), ("B", "C")), draw(st.integers(1, 3)), "rule", 0.5)
    groups = [frozenset(draw(st.lists(st.sampled_from(names), max_size=3)))]
    return Problem(
        voxel_ml=0.5,
        tumour=np.array(draw(st.lists(st.sampled_from([False] * 5 + [True]), min_size=voxels, max_size=voxels))),
        targets=tuple(lesions),
        candidates=made,
        accept_mm=ACCEPT,
        threshold=Threshold(draw(st.sampled_from([0.0, 20.0, 40.0, 60.0])), ("nontumour",), "rule"),
        segments=draw(st.sampled_from([None, need])),
        groups=tuple(draw(st.sampled_from([[], groups]))),
        ample_mm=draw(st.sampled_from([{}, AMPLE])),
    )


class Brute:
    """Every choice of candidates of a problem that keeps the limits, found by trying all of them."""

    def __init__(
        self, problem: Problem, *, needs=(), spare=0.0, leave=0, remnant=True, segments=True, apart=True, grows=None
    ) -> None:
        self.problem, self.needs, self.spare, self.leave, self.remnant = problem, {"", *needs}, spare, leave, remnant
        self.segments, self.apart, self.grows = segments, apart, grows or {}
        self.working = set(np.flatnonzero(~problem.tumour).tolist())
        usable = [c for c in problem.candidates if c.needs in self.needs and c.rules[0][1] != "contraindicated"]
        choices = chain.from_iterable(combinations(usable, size) for size in range(len(usable) + 1))
        self.choices = [choice for choice in choices if self._keeps(choice)]

    def _lost(self, choice) -> set[int]:
        return set().union(*(set(region.tolist()) for one in choice for region in one.costs.values()))

    def lost(self, choice) -> int:
        return len(self._lost(choice) & self.working)

    def burden(self, choice) -> float:
        return sum(one.burden for one in choice)

    def margin(self, choice) -> float:
        """Smallest spare margin over the targets, of each the best that a chosen candidate gives."""
        problem, worst = self.problem, math.inf
        for target in problem.targets:
            got = [one.lesions[target] for one in choice if target in one.lesions]
            kinds = [one.kind for one in choice if target in one.lesions]
            wide = [math.inf if mm is None else mm for mm in got]
            reached = [
                min(mm, problem.ample_mm.get(kind, mm)) - ACCEPT[kind] for mm, kind in zip(wide, kinds, strict=True)
            ]
            worst = min(worst, max(reached, default=-math.inf))
        return worst

    def spare_of(self, plan) -> float:
        return math.inf if plan.spare_mm is None else plan.spare_mm

    def untreated(self, choice) -> list[str]:
        one_of = [Brute.margin(_Only(self.problem, target), choice) for target in self.problem.targets]
        return [t for t, mm in zip(self.problem.targets, one_of, strict=True) if mm < self.spare]

    def _keeps(self, choice) -> bool:
        problem, ids = self.problem, {one.id for one in choice}
        if len(self.untreated(choice)) > self.leave:
            return False
        apart = any(one.excludes & ids for one in choice) or any(len(group & ids) > 1 for group in problem.groups)
        if self.apart and apart:
            return False
        stays = self.working - self._lost(choice)
        if self.remnant and self._grown(stays) * 100 < problem.threshold.percent * len(self.working) - 1e-6:
            return False
        return problem.segments is None or not self.segments or self._runs(stays)

    def _grown(self, stays) -> float:
        """Voxels that stay, each counted as often as its segment grows."""
        labels = self.problem.segments.labels if self.grows else None
        names = ("", "A", "B", "C")
        return sum(self.grows.get(names[labels[v]], 1.0) if self.grows else 1.0 for v in stays)

    def _runs(self, stays) -> bool:
        need = self.problem.segments
        labels = need.labels
        kept = []
        for number, name in enumerate(need.names, 1):
            whole = [v for v in self.working if labels[v] == number]
            if whole and 2 * sum(v in stays for v in whole) >= len(whole):
                kept.append(name)
        runs = ["A", "B", "C", "AB", "BC", "ABC"]
        return any(len(run) >= need.needed and set(run) <= set(kept) for run in runs)


class _Only:
    """A problem seen through one target."""

    def __init__(self, problem, target) -> None:
        self.problem = self
        self.targets = (target,)
        self.ample_mm = problem.ample_mm


@given(st.one_of(problems(), problems(most=12)), st.sampled_from([model.MOST_ROWS, 0]))
@settings(max_examples=200, deadline=None)
def test_no_choice_at_all_is_better_than_the_plans_found(problem, rows):
    """rows: with none allowed, cuts stand for every atom, as they do in livers with many lesions."""
    with mock.patch.object(model, "MOST_ROWS", rows):
        _compare_with_brute_force(problem)


def _compare_with_brute_force(problem: Problem) -> None:
    brute, found = Brute(problem), search(problem)
    if not brute.choices:
        assert found.outcome == "none"
        return
    assert found.outcome == "plans"
    assert found.gap == 0.0
    assert found.search_complete
    lost = [round(plan.lost_nontumour_ml / 0.5) for plan in found.plans]
    assert min(lost) == min(brute.lost(choice) for choice in brute.choices)
    assert min(plan.burden for plan in found.plans) == pytest.approx(min(map(brute.burden, brute.choices)))
    widest = max(map(brute.spare_of, found.plans))
    assert widest == max(map(brute.margin, brute.choices))
    merits = [(plan.burden, loss, -brute.spare_of(plan)) for plan, loss in zip(found.plans, lost, strict=True)]
    for one, other in permutations(merits, 2):
        assert not all(a <= b for a, b in zip(one, other, strict=True)), "a plan of the front betters another"
    for plan, voxels in zip(found.plans, lost, strict=True):
        for choice in brute.choices:
            better = brute.burden(choice) <= plan.burden and brute.lost(choice) <= voxels
            strictly = brute.burden(choice) < plan.burden - 1e-9 or brute.lost(choice) < voxels
            assert not (better and strictly and brute.margin(choice) >= brute.spare_of(plan)), (
                plan.chosen,
                [c.id for c in choice],
            )


@given(problems())
@settings(max_examples=150, deadline=None)
def test_every_plan_keeps_every_limit_and_adds_up_to_the_liver(problem):
    allowed = {tuple(sorted(one.id for one in choice)) for choice in Brute(problem).choices}
    for plan in search(problem).plans:
        assert plan.holds, plan.broken
        assert tuple(sorted(plan.chosen)) in allowed
        assert sum(plan.voxels.values()) == problem.voxels
        parts = {one.id: one for one in problem.candidates}
        seen: set[int] = set()
        for cause in CAUSES:
            here = {v for name in plan.chosen for v in parts[name].costs.get(cause, np.zeros(0, int)).tolist()} - seen
            assert plan.voxels[cause] == len(here)
            seen |= here


@given(problems(most=6), st.sampled_from([model.MOST_ROWS, 0]))
@settings(max_examples=200, deadline=None)
def test_the_certificate_says_what_trying_everything_says(problem, rows):
    if Brute(problem).choices:
        return
    with mock.patch.object(model, "MOST_ROWS", rows):
        certificate = search(problem).certificate
    eased = {one.id: one for one in certificate.relaxations}
    assert (eased["vessel-detachment"].outcome == "possible") == bool(
        Brute(problem, needs=["vessel-detachment"]).choices
    )
    by_one = Brute(problem, leave=1)
    alone = {by_one.untreated(choice)[0] for choice in by_one.choices}
    assert set(eased["second-look"].lesions) == alone
    if not alone and eased["second-look"].value is not None:
        count = int(eased["second-look"].value)
        assert Brute(problem, leave=count).choices
        assert not Brute(problem, leave=count - 1).choices
    free = Brute(problem, remnant=False)
    assert (eased["threshold"].outcome == "possible") == bool(free.choices)
    if certificate.untreated:
        assert certificate.binding == ("cover",)
    else:
        parts = {
            "remnant": free, "segments": Brute(problem, segments=False), "exclusions": Brute(problem, apart=False)
        }  # fmt: skip
        assert set(certificate.binding) == {name for name, brute in parts.items() if brute.choices}
    if free.choices and free.working:
        most = 100 * (1 - min(map(free.lost, free.choices)) / len(free.working))
        assert eased["threshold"].value == pytest.approx(most)
    narrow = Brute(problem, spare=-9.0).choices
    assert (eased["margin"].outcome == "possible") == bool(narrow)
    if narrow:
        assert eased["margin"].value == pytest.approx(-max(map(Brute(problem).margin, narrow)))


@given(problems(most=6), st.sampled_from([1.0, 1.2, 1.6]))
@settings(max_examples=100, deadline=None)
def test_what_is_done_first_helps_exactly_when_trying_everything_says_so(problem, growth):
    if problem.segments is None:
        return
    grows = {"A": 0.0, "B": growth, "C": growth}
    first = Modifier("first", "embolisation", "embolisation of A", grows, burden=2.0)
    problem = dataclasses.replace(problem, modifiers=(first,))
    found, plain, grown = search(problem), Brute(problem).choices, Brute(problem, grows=grows).choices
    if not plain:
        eased = {one.id: one for one in found.certificate.relaxations}
        assert (eased["embolisation"].outcome == "possible") == bool(grown)
    allowed = search(dataclasses.replace(problem, allowed=frozenset({"embolisation"})))
    assert (allowed.outcome == "plans") == bool(plain or grown)
    least = [Brute(problem).lost(choice) for choice in [*plain, *grown]]
    if least:
        assert min(round(plan.lost_nontumour_ml / 0.5) for plan in allowed.plans) == min(least)


@given(problems())
@settings(max_examples=60, deadline=None)
def test_more_candidates_never_make_it_worse_and_wider_margins_never_leave_more_liver(problem):
    free = tuple(dataclasses.replace(one, excludes=frozenset()) for one in problem.candidates)
    all_ = dataclasses.replace(problem, candidates=free, groups=())
    few = dataclasses.replace(all_, candidates=free[: len(free) // 2])
    wide = dataclasses.replace(all_, accept_mm={kind: mm + 1.0 for kind, mm in ACCEPT.items()}, ample_mm={})

    def least(one: Problem) -> float:
        return min((plan.lost_nontumour_ml for plan in search(one).plans), default=math.inf)

    assert least(all_) <= least(few)
    assert least(all_) <= least(wide)


def test_embolisation_first_is_a_relaxation_with_its_forecast():
    """20 voxels in two halves; the resection takes one; 50 % stay, 60 % are needed, growth by 1.3 suffices."""
    labels = np.repeat([1, 2], 10).astype(np.uint8)
    right = Candidate(
        "right", "resection", "right hepatectomy", {"L1": 3.0}, {"removed": np.arange(10, dtype=np.int32)}, ("V",)
    )
    first = Modifier("pve", "embolisation", "right portal vein embolisation", {"R": 0.0, "L": 1.3}, forecast="4 weeks.")
    tumour = np.zeros(20, bool)
    problem = Problem(
        1.0, tumour, ("L1",), (right,), ACCEPT, Threshold(60, ("nontumour",), "rule"),
        SegmentNeed(("R", "L"), labels, (("R", "L"),), 1, "rule"), modifiers=(first,),
    )  # fmt: skip
    found = search(problem)
    assert found.outcome == "none"
    assert found.certificate.binding == ("remnant",)
    eased = {one.id: one for one in found.certificate.relaxations}
    assert eased["embolisation"].outcome == "possible"
    assert eased["embolisation"].plan.grown_ml == pytest.approx(13.0)
    assert eased["embolisation"].plan.name == "right portal vein embolisation, then right hepatectomy"
    assert eased["threshold"].value == pytest.approx(50.0)
    assert eased["alpps"].outcome == "not assessed"
    order = [one.id for one in found.certificate.relaxations]
    assert order.index("vessel-detachment") < order.index("embolisation") < order.index("second-look")
    allowed = search(dataclasses.replace(problem, allowed=frozenset({"embolisation"})))
    assert [plan.modifier for plan in allowed.plans] == ["pve"]


def _two_halves(percent: float, *candidates: Candidate, modifiers=()) -> Problem:
    """20 voxels in two halves R and L without tumour."""
    need = SegmentNeed(("R", "L"), np.repeat([1, 2], 10).astype(np.uint8), (("R", "L"),), 1, "rule")
    targets = tuple(sorted({name for one in candidates for name in one.lesions}))
    return Problem(
        1.0, np.zeros(20, bool), targets, candidates, ACCEPT, Threshold(percent, ("nontumour",), "rule"), need,
        modifiers=modifiers,
    )  # fmt: skip


def _cut(name: str, lesion: str, voxels: range, **more) -> Candidate:
    return Candidate(name, "wedge", f"wedge {name}", {lesion: 3.0}, {"removed": np.array(voxels, np.int32)}, **more)


def test_two_acts_that_exclude_each_other_are_what_binds():
    """Each treats one lesion and takes a tenth of the liver; only that they cannot go together is in the way."""
    one, other = _cut("a", "L1", range(2)), _cut("b", "L2", range(12, 14), excludes=frozenset({"a"}))
    certificate = search(_two_halves(20.0, one, other)).certificate
    assert certificate.binding == ("exclusions",)
    assert certificate.binding_text == "What binds: what cannot be done together."


def test_the_embolised_side_counts_for_nothing_before_the_resection():
    """A wedge of 4 voxels of L leaves 16 of 20, 17 are needed. After embolisation of R the 6 left of L grow to 7.8 and
    R counts for nothing: still not enough."""
    first = Modifier("pve", "embolisation", "right portal vein embolisation", {"R": 0.0, "L": 1.3})
    certificate = search(_two_halves(85.0, _cut("a", "L1", range(10, 14)), modifiers=(first,))).certificate
    assert {one.id: one.outcome for one in certificate.relaxations}["embolisation"] == "not possible"
