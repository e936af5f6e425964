"""The whole search: plans, or a certificate that there is none, or neither when it ended first."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from glisson.planning.clearance.budget import Clock, Effort
from glisson.planning.clearance.candidate import BURDEN_UNIT, Problem
from glisson.planning.clearance.certificate import Certificate, certify
from glisson.planning.clearance.pareto import Runner, front
from glisson.planning.clearance.plan import Plan
from glisson.planning.clearance.program import Variant
from glisson.planning.clearance.solve import Solver

__all__ = ["MOST_PLANS", "Search", "prove", "search"]

MOST_PLANS = 10
"""A front shows no more plans than a board can look at."""


@dataclass(frozen=True, eq=False)
class Search:
    """What the search found.

    outcome: "plans"; "none" (proven, see `certificate`, which `prove` works out where it was left for later);
    "undecided" (it ended before a plan or a proof was found). plans: a Pareto front, least burden first. gap: the
    largest gap among the plans, 0 when every search was complete. by_clock: the clock ended some part, so another
    machine may find other plans. candidates, atoms: how many there were, and pieces of liver they cut.
    """

    outcome: str
    plans: tuple[Plan, ...]
    certificate: Certificate | None
    gap: float
    by_clock: bool
    candidates: int
    atoms: int

    @property
    def search_complete(self) -> bool:
        """Whether everything said is proven: each plan at gap 0, or no plan at all."""
        return self.outcome != "undecided" and self.gap == 0.0

    def to_dict(self) -> dict[str, Any]:
        """The pieces of `plans.json`: plans, certificate, search."""
        return {
            "plans": [plan.to_dict() for plan in self.plans],
            "certificate": None if self.certificate is None else self.certificate.to_dict(),
            "search": {
                "outcome": self.outcome,
                "search_complete": self.search_complete,
                "gap": self.gap,
                "ended_by_clock": self.by_clock,
                "candidates": self.candidates,
                "atoms": self.atoms,
                "burden_unit": BURDEN_UNIT,
            },
        }


def search(
    problem: Problem, effort: Effort | None = None, *, most_plans: int = MOST_PLANS, certified: bool = True
) -> Search:
    """Find the plans that clear every target within the limits, or prove that no combination of candidates does.

    certified: where there is none, work out what binds and what would make a plan possible.

    Lesions of uncertain nature are the caller's: ask twice, with and without them among the targets. effort: by default
    one minute. The same problem and an effort that the clock does not end give the same answer.
    """
    how = effort or Effort()
    runner = Runner(problem, how, Clock.lasting(how))
    starts: list[tuple[Variant, Solver, Plan]] = []
    proven = True
    for variant in runner.bases():
        solver = runner.solver(variant)
        plan, found = runner.best(solver, "lost", runner.clock.share(0.35))
        proven &= found.found or found.impossible
        if plan is not None:
            starts.append((variant, solver, plan))
    plans = front(runner, starts, most_plans) if starts else ()
    none = not starts and proven
    certificate = certify(runner) if none and certified else None
    return Search(
        outcome="plans" if plans else "none" if none else "undecided",
        plans=plans,
        certificate=certificate,
        gap=max((plan.gap for plan in plans), default=0.0 if none else 1.0),
        by_clock=runner.by_clock,
        candidates=len(problem.candidates),
        atoms=int(runner.atoms.voxels.size),
    )


def prove(problem: Problem, found: Search, seconds: float) -> Search:
    """A search that proved that there is no plan, with the certificate that it left for later.

    found: of this problem. seconds: as in Effort.
    """
    how = Effort(seconds)
    runner = Runner(problem, how, Clock.lasting(how))
    certificate = certify(runner)
    return replace(found, certificate=certificate, by_clock=found.by_clock or runner.by_clock)
