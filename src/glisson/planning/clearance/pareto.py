"""Plans between which only preference decides: burden, working liver lost, and the smallest spare margin."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from glisson.planning.clearance.atoms import Atoms, find_atoms
from glisson.planning.clearance.budget import Clock, Effort
from glisson.planning.clearance.candidate import Problem
from glisson.planning.clearance.plan import Plan, evaluate
from glisson.planning.clearance.program import Variant, make_program, offered
from glisson.planning.clearance.solve import Solution, Solver

__all__ = ["Runner", "front", "thinned"]

BETWEEN = 4
"""So many plans are asked for between that of least burden and that of least liver lost."""

BETWEEN_WIDE = 2
"""The same at the widest margin."""

EACH = 0.4
"""Share of the time left that one plan of a sweep may take. Most take little; the hard ones get what those leave."""


@dataclass(frozen=True)
class Answer:
    """found: there is a choice. impossible: it is proven that there is none. left: targets that the choice leaves."""

    found: bool
    impossible: bool
    left: tuple[str, ...]


@dataclass(eq=False)
class Runner:
    """One problem with its atoms and its time; builds and solves its variants. `by_clock`: the clock ended some run."""

    problem: Problem
    effort: Effort
    clock: Clock
    by_clock: bool = False

    @cached_property
    def atoms(self) -> Atoms:
        """The atoms of all candidates."""
        return find_atoms(self.problem, self.problem.candidates)

    def bases(self) -> tuple[Variant, ...]:
        """The problem as the caller allows it: with nothing done first, then with each thing that may be done first."""
        plain = Variant(allowed=self.problem.allowed)
        first = (one for one in self.problem.modifiers if one.relaxation in self.problem.allowed)
        return (plain, *(replace(plain, modifier=one) for one in first))

    def solver(self, variant: Variant) -> Solver:
        """The solver of one variant."""
        return Solver(make_program(self.problem, self.atoms, variant), self.effort)

    def feasible(self, variant: Variant, clock: Clock) -> Answer:
        """Whether any choice keeps the limits of a variant."""
        solver = self.solver(variant)
        found = solver.solve("lost", clock, any_will_do=True)
        self.by_clock |= found.clock
        return Answer(found.found, found.impossible, solver.program.uncleared(found.chosen) if found.found else ())

    def best(
        self, solver: Solver, objective: str, clock: Clock, *, lost_at_most: int | None = None
    ) -> tuple[Plan | None, Solution]:
        """The plan of least `objective` ("lost" or "burden"), and among those alike the least of the other."""
        first = solver.solve(objective, clock.share(0.8), lost_at_most=lost_at_most)
        self.by_clock |= first.clock
        if not first.found:
            return None, first
        burden, lost = solver.program.burden(first.chosen), solver.lost(first.chosen)
        if objective == "lost":
            second = solver.solve("burden", clock, lost_at_most=lost)
        else:
            second = solver.solve("lost", clock, burden_at_most=burden, lost_at_most=lost_at_most)
        self.by_clock |= second.clock
        chosen = second.chosen if second.found else first.chosen
        gap = max(first.gap, second.gap if second.found else 1.0)
        return self.plan(solver, chosen, gap=gap, best_in=(objective,)), first

    def plan(self, solver: Solver, chosen: Sequence[int], *, gap: float, best_in: tuple[str, ...] = ()) -> Plan:
        """The plan that a choice of columns comes to, counted voxel by voxel."""
        program = solver.program
        found = evaluate(self.problem, [program.candidates[c].id for c in chosen], program.variant)
        return replace(found, gap=gap, best_in=best_in)

    def widest(self, variant: Variant, known: float, clock: Clock) -> float:
        """The largest spare margin in mm that some plan gives every target, not below `known`, which some plan does.

        Found by halving the list of margins that occur; where the time does not suffice, a margin known to be possible.
        """
        spare = [self.problem.spare_mm(self.problem.candidates[place]) for place in offered(self.problem, variant)]
        reach = min(max((one.get(t, -math.inf) for one in spare), default=-math.inf) for t in self.problem.targets)
        levels = sorted({mm for one in spare for mm in one.values() if known < mm <= reach})
        low, high = -1, len(levels)
        while high - low > 1:
            middle = (low + high) // 2
            share = clock.share(1.0 / max(1, (high - low).bit_length()))
            if self.feasible(replace(variant, spare_mm=levels[middle]), share).found:
                low = middle
            else:
                high = middle
        return levels[low] if low >= 0 else known


def front(runner: Runner, starts: Sequence[tuple[Variant, Solver, Plan]], most: int) -> tuple[Plan, ...]:
    """At most `most` plans, none of which is worse than another in everything, those of least burden first.

    starts: each variant that has plans, with its solver and its plan of least liver lost. From there: least burden, a
    few plans between the two by limits on the liver lost (epsilon constraints), and the same at the widest margin that
    can be given to every target.
    """
    found: list[Plan] = []
    for place, (variant, solver, least) in enumerate(starts):
        clock = runner.clock.share(1.0 / (len(starts) - place))
        mine = _sweep(runner, solver, least, BETWEEN, clock.share(0.75))
        known = max(-_merits(plan)[2] for plan in mine)
        wide = runner.widest(variant, known, clock.share(0.3)) if runner.problem.targets else 0.0
        if wide > variant.spare_mm:
            wider = runner.solver(replace(variant, spare_mm=wide))
            first, _ = runner.best(wider, "lost", clock.share(0.4))
            if first is not None:
                swept = _sweep(runner, wider, first, BETWEEN_WIDE, clock)
                mine += [replace(plan, best_in=(*plan.best_in, "margin")) for plan in swept]
        found += mine
    return thinned(found, most)


def _sweep(runner: Runner, solver: Solver, least: Plan, between: int, clock: Clock) -> list[Plan]:
    """From least liver lost to least burden, with some plans between."""
    lightest, _ = runner.best(solver, "burden", clock.share(EACH))
    if lightest is None:
        return [least]
    plans = [least, lightest]
    low, high = _lost_voxels(least), _lost_voxels(lightest)
    now = high
    for step in range(between, 0, -1):
        limit = low + (high - low) * step // (between + 1)
        if now <= limit or limit <= low:
            continue
        plan, _ = runner.best(solver, "burden", clock.share(EACH), lost_at_most=limit)
        if plan is not None:
            plans.append(replace(plan, best_in=("between",)))
            now = _lost_voxels(plan)
    return plans


def thinned(plans: Sequence[Plan], most: int) -> tuple[Plan, ...]:
    """The plans that no other one equals or betters in burden, liver lost and spare margin at once; when they are too
    many, the best in each and then those that lie furthest apart in liver lost. In order of burden, then liver lost."""
    order = sorted(plans, key=lambda plan: (*_merits(plan), plan.gap, plan.name))
    front: list[Plan] = []
    for plan in order:
        if not any(all(a <= b for a, b in zip(_merits(other), _merits(plan), strict=True)) for other in front):
            front.append(plan)
    if len(front) <= most:
        return tuple(front)
    kept = list(dict.fromkeys(min(range(len(front)), key=lambda i: (_merits(front[i])[m], i)) for m in range(3)))
    lost = [_lost_voxels(plan) for plan in front]
    while len(kept) < most:
        rest = [i for i in range(len(front)) if i not in kept]
        kept.append(max(rest, key=lambda i: (min(abs(lost[i] - lost[k]) for k in kept), -i)))
    return tuple(front[i] for i in sorted(kept[:most]))


def _merits(plan: Plan) -> tuple[float, int, float]:
    """What counts, each the smaller the better: burden, voxels of working liver lost, spare margin with its sign
    turned."""
    return round(plan.burden, 6), _lost_voxels(plan), -math.inf if plan.spare_mm is None else -plan.spare_mm


def _lost_voxels(plan: Plan) -> int:
    return round(plan.lost_nontumour_ml / plan.voxel_ml)
