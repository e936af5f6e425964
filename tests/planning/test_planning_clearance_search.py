"""The search against brute force: every choice of candidates tried, on sets of voxels, without the code's own parts."""

from __future__ import annotations

import dataclasses
import math
from itertools import chain, combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glisson.planning.clearance import Candidate, Modifier, Problem, SegmentNeed, Threshold, search
from glisson.planning.clearance.candidate import CAUSES

ACCEPT = {"resection": 1.0, "wedge": 1.0, "ablation": 5.0}


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
    )


class Brute:
    """Every choice of candidates of a problem that keeps the limits, found by trying all of them."""

    def __init__(self, problem: Problem, *, needs=(), spare=0.0, leave=0, remnant=True) -> None:
        self.problem, self.needs, self.spare, self.leave, self.remnant = problem, {"", *needs}, spare, leave, remnant
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
            kinds = [ACCEPT[one.kind] for one in choice if target in one.lesions]
            reached = [math.inf if mm is None else mm - need for mm, need in zip(got, kinds, strict=True)]
            worst = min(worst, max(reached, default=-math.inf))
        return worst

    def untreated(self, choice) -> list[str]:
        one_of = [Brute.margin(_Only(self.problem, target), choice) for target in self.problem.targets]
        return [t for t, mm in zip(self.problem.targets, one_of, strict=True) if mm < self.spare]

    def _keeps(self, choice) -> bool:
        problem, ids = self.problem, {one.id for one in choice}
        if len(self.untreated(choice)) > self.leave:
            return False
        if any(one.excludes & ids for one in choice) or any(len(group & ids) > 1 for group in problem.groups):
            return False
        stays = self.working - self._lost(choice)
        if self.remnant and len(stays) * 100 < problem.threshold.percent * len(self.working):
            return False
        return problem.segments is None or self._segments(stays)

    def _segments(self, stays) -> bool:
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


@given(problems())
@settings(max_examples=150, deadline=None)
def test_no_choice_at_all_is_better_than_the_plans_found(problem):
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
    widest = max(math.inf if plan.spare_mm is None else plan.spare_mm for plan in found.plans)
    assert widest == max(map(brute.margin, brute.choices))
    for plan, voxels in zip(found.plans, lost, strict=True):
        for choice in brute.choices:
            better = brute.burden(choice) <= plan.burden and brute.lost(choice) <= voxels
            strictly = brute.burden(choice) < plan.burden - 1e-9 or brute.lost(choice) < voxels
            spare = math.inf if plan.spare_mm is None else plan.spare_mm
            assert not (better and strictly and brute.margin(choice) >= spare), (plan.chosen, [c.id for c in choice])


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


@given(problems(most=6))
@settings(max_examples=200, deadline=None)
def test_the_certificate_says_what_trying_everything_says(problem):
    if Brute(problem).choices:
        return
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
    assert ("remnant" in certificate.binding) == (bool(free.choices) and not certificate.untreated)
    if free.choices and free.working:
        most = 100 * (1 - min(map(free.lost, free.choices)) / len(free.working))
        assert eased["threshold"].value == pytest.approx(most)
    narrow = Brute(problem, spare=-9.0).choices
    assert (eased["margin"].outcome == "possible") == bool(narrow)
    if narrow:
        assert eased["margin"].value == pytest.approx(-max(map(Brute(problem).margin, narrow)))


@given(problems())
@settings(max_examples=60, deadline=None)
def test_more_candidates_never_make_it_worse_and_wider_margins_never_leave_more_liver(problem):
    free = tuple(dataclasses.replace(one, excludes=frozenset()) for one in problem.candidates)
    all_ = dataclasses.replace(problem, candidates=free, groups=())
    few = dataclasses.replace(all_, candidates=free[: len(free) // 2])
    wide = dataclasses.replace(all_, accept_mm={kind: mm + 1.0 for kind, mm in ACCEPT.items()})

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
