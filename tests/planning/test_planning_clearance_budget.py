"""A search that ends early ends by counted work, at the same place on every machine; by the clock only when it must."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from glisson.errors import InputError
from glisson.planning.clearance import Candidate, Effort, Problem, Threshold, budget, search
from glisson.planning.clearance.budget import Clock

VOXELS, LESIONS = 1200, 10


def hard(percent: float = 20.0) -> Problem:
    """Lesions in a row of voxels, with overlapping acts of many sizes drawn at random around each."""
    chance = np.random.default_rng(5)
    found = []
    for place in range(26):
        start, length = int(chance.integers(0, VOXELS - 500)), int(chance.integers(20, 500))
        region = np.unique(chance.integers(start, start + length, 2 * length)).astype(np.int32)
        names = {f"L{n}": 5.0 for n in range(LESIONS) if start <= 100 * n + 40 <= start + length}
        names |= {f"L{place % LESIONS}": float(chance.integers(1, 9))}
        burden = round(float(chance.uniform(1.0, 2.0 + length / 200.0)), 3)
        found.append(Candidate(f"c{place:02d}", "wedge", f"wedge {place}", names, {"removed": region}, burden=burden))
    return Problem(
        voxel_ml=0.5,
        tumour=np.zeros(VOXELS, bool),
        targets=tuple(f"L{n}" for n in range(LESIONS)),
        candidates=tuple(found),
        accept_mm={"wedge": 1.0},
        threshold=Threshold(percent, ("nontumour",), "rule"),
    )


class Watch:
    """Stands for time.monotonic: advances by a fixed step at every look."""

    def __init__(self, step: float) -> None:
        self.now = itertools.count()
        self.step = step

    def monotonic(self) -> float:
        return self.step * next(self.now)


def answer(monkeypatch, step: float, work: float, percent: float = 20.0):
    """The search with so many nominal seconds of work and ten minutes, on a clock of so many seconds a look."""
    monkeypatch.setattr(budget, "time", Watch(step))
    return search(hard(percent), Effort(600.0, work=work))


@pytest.mark.parametrize("work", [0.01, 0.1])
def test_a_fast_and_a_slow_machine_find_the_same_when_the_work_ends_the_search(monkeypatch, work):
    fast, slow = answer(monkeypatch, 0.0, work), answer(monkeypatch, 1e-3, work)
    assert fast.gap > 0.0
    assert not fast.by_clock
    assert not slow.by_clock
    assert fast.to_dict() == slow.to_dict()


def test_more_work_finds_no_worse_plan_here_and_enough_of_it_proves_everything(monkeypatch):
    tight, wide = answer(monkeypatch, 0.0, 0.01), answer(monkeypatch, 0.0, 60.0)
    assert tight.gap > 0.0
    assert wide.search_complete
    for merit in ("burden", "lost_nontumour_ml"):
        assert min(getattr(plan, merit) for plan in wide.plans) <= min(getattr(plan, merit) for plan in tight.plans)


def test_a_clock_that_runs_out_says_so_and_claims_nothing_that_is_not_proven(monkeypatch):
    late = answer(monkeypatch, 300.0, 1.0)
    assert late.by_clock
    assert not late.search_complete
    impossible = answer(monkeypatch, 300.0, 1.0, percent=99.9)
    assert impossible.outcome in ("undecided", "none")
    assert not impossible.plans


def test_work_is_shared_and_counted_once(monkeypatch):
    monkeypatch.setattr(budget, "time", Watch(0.0))
    whole = Clock.lasting(Effort(10.0))
    part = whole.share(0.25)
    assert part.work() == pytest.approx(0.25 * whole.work())
    before = whole.work()
    part.spend(part.work())
    assert part.over
    assert not whole.over
    assert whole.work() == pytest.approx(0.75 * before)


def test_an_ample_margin_below_the_accepted_one_is_refused():
    with pytest.raises(InputError, match="ample margin for 'wedge'"):
        Problem(
            1.0, np.zeros(4, bool), (), (), {"wedge": 5.0}, Threshold(20, ("nontumour",), "rule"),
            ample_mm={"wedge": 1.0},
        )  # fmt: skip
