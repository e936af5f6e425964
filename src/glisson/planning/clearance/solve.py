"""Solving one program to a proven bound: HiGHS on the model, cuts where its volumes fall short, exact checks.

Whatever HiGHS returns is checked again in whole voxels before it counts, and cut off: losses and burdens only grow with
more columns, so neither a choice that was checked nor any that holds all of it can be better still.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from glisson.geometry import BoolArray, FloatArray
from glisson.planning.clearance.budget import Clock, Effort, node_work, pass_work, root_work, simplex_work
from glisson.planning.clearance.model import Model, Rows
from glisson.planning.clearance.program import Program

__all__ = ["Solution", "Solver"]

LP_ROUNDS = 300
"""At most so many rounds of cuts on the relaxation before whole numbers are asked for."""

INWARD = 0.5
"""Cuts are sought between the point of the relaxation and the mean of those before, which takes fewer rounds."""

LP_PROGRESS = 3e-4
"""The rounds on the relaxation end when the bound rises by less than this share."""

BURDEN_STEP = 1e-6
"""Burdens are taken in whole steps of this size; sums that are closer are equal."""

MOVE_WORK = 3e-4
"""Nominal seconds of trying one column more or less."""

LEAST_SECONDS = 0.05
"""What the solver gets when time or work has run out: enough to answer small programs."""

FIRST_GAP = 0.02
"""While cuts are still missing and choices get better, whole numbers are asked for to this gap only."""

NO_GAP = 1e-6
"""Relative tolerance of the solver; a value and a bound that are closer are the same."""


@dataclass(frozen=True)
class Solution:
    """chosen: columns, empty when none was found. value: of the objective, infinite when none was found. bound: no
    choice has a smaller value; infinite when it is proven that there is none. clock: the clock ended the search."""

    chosen: tuple[int, ...]
    value: float
    bound: float
    clock: bool = False

    @property
    def found(self) -> bool:
        """Whether there is a choice that keeps every constraint."""
        return math.isfinite(self.value)

    @property
    def impossible(self) -> bool:
        """Whether it is proven that there is none."""
        return math.isinf(self.bound) and self.bound > 0

    @property
    def gap(self) -> float:
        """(value - bound) / value, 0 when proven least; 1 when nothing is known."""
        if not self.found:
            return 0.0 if self.impossible else 1.0
        apart = self.value - self.bound
        return 0.0 if apart <= NO_GAP * max(1.0, abs(self.value)) else min(1.0, apart / abs(self.value))


@dataclass(frozen=True)
class _Limit:
    """Further limits of one run."""

    lost: int | None
    burden: float | None


class Solver:
    """One program, solved for one objective after another; cuts and choices found for one serve the next."""

    def __init__(self, program: Program, effort: Effort) -> None:
        self.program = program
        self._nodes = effort.nodes
        self._model = Model(program)
        self._cuts = Rows()
        self._floor = {"lost": -math.inf, "burden": -math.inf}
        self._known: dict[tuple[int, ...], tuple[int, float]] = {}
        parts = [round(one.burden / BURDEN_STEP) for one in program.candidates]
        self._apart = np.zeros((len(program.candidates),) * 2, bool)
        for a, b in program.excluded:
            self._apart[a, b] = self._apart[b, a] = True
        self._step = max(1, math.gcd(*parts)) * BURDEN_STEP
        self._alone = {
            "lost": np.asarray(program.atoms.inside.T @ program.atoms.voxels, float).ravel(),
            "burden": np.array([one.burden for one in program.candidates]),
        }

    def solve(
        self,
        objective: str,
        clock: Clock,
        *,
        lost_at_most: int | None = None,
        burden_at_most: float | None = None,
        any_will_do: bool = False,
    ) -> Solution:
        """The choice of least "lost" (voxels of working liver) or "burden" under further limits.

        any_will_do: stop at the first choice that keeps every constraint; its bound is then no proof of anything.
        """
        if any(not columns for columns in self._must_cover()):
            return Solution((), math.inf, math.inf)
        limit = _Limit(lost_at_most, burden_at_most)
        found = replace(self._search(objective, limit, clock, any_will_do), clock=not clock.left())
        if lost_at_most is None and burden_at_most is None and math.isfinite(found.bound):
            self._floor[objective] = max(self._floor[objective], found.bound)
        return found

    def _search(self, objective: str, limit: _Limit, clock: Clock, any_will_do: bool) -> Solution:
        cost, rows = self._model.cost(objective), self._model.limits(limit.lost, limit.burden)
        best, relaxed = self._relax(objective, cost, rows, limit, clock)
        gap = FIRST_GAP
        while best.gap > 0.0 and not best.impossible and not (any_will_do and best.found):
            if root_work(self._entries(rows), best.gap) > max(clock.work(), LEAST_SECONDS):
                return best
            bounds = self._useful(objective, relaxed, best.value)
            result = self._milp(cost, rows, bounds, clock, (gap, best.gap))
            if result.status == 2:
                return Solution(best.chosen, best.value, best.value if best.found else math.inf)
            bound = max(best.bound, self._bound(objective, result.mip_dual_bound))
            before, value = len(self._cuts.low), best.value
            if result.x is not None:
                rows.add(*self._take(result.x))
            best = self._improved(objective, limit, bound, clock)
            if result.status != 0 or clock.over:
                return best
            gap = FIRST_GAP if len(self._cuts.low) > before and best.value < value else 0.0
        return best

    def lost(self, chosen: Sequence[int]) -> int:
        """Working liver lost, in voxels."""
        return int(self.program.atoms.lost(chosen).sum())

    def _best(self, objective: str, limit: _Limit, bound: float) -> Solution:
        """The best of the choices known to keep the limits."""
        found = Solution((), math.inf, bound)
        for chosen, (lost, burden) in sorted(self._known.items()):
            if limit.lost is not None and lost > limit.lost:
                continue
            if limit.burden is not None and burden > limit.burden + BURDEN_STEP:
                continue
            value = float(lost) if objective == "lost" else burden
            if value < found.value:
                found = Solution(chosen, value, min(bound, value))
        return found

    def _improved(self, objective: str, limit: _Limit, bound: float, clock: Clock) -> Solution:
        """The best known choice, after trying to add one column or to drop one, as long as that helps."""
        best, width = self._best(objective, limit, bound), len(self.program.candidates)
        move, idle = 0, 0
        while best.found and best.gap > 0.0 and idle < 2 * width and not clock.over:
            before = best.value
            clock.spend(MOVE_WORK)
            chosen = self._moved(objective, best.chosen, move % width, add=move < width)
            if chosen not in self._known and self._may_help(objective, chosen, before, clock):
                self._remember(chosen)
                best = self._best(objective, limit, bound)
            idle = 0 if best.value < before else idle + 1
            move = (move + 1) % (2 * width)
        return best

    def _moved(self, objective: str, chosen: Sequence[int], column: int, *, add: bool) -> tuple[int, ...]:
        """A choice with one column more (without those that it excludes) or one less: with the cheapest column for each
        target that is then missed, and without what is superfluous."""
        if add == (column in chosen):
            return tuple(chosen)
        program, cost = self.program, self._alone[objective]
        kept = [c for c in chosen if not (self._apart[c, column] if add else c == column)] + [column] * add
        done: BoolArray = np.asarray(program.clears[:, kept].any(axis=1))
        for place, options in enumerate(program.covers.values()):
            if done[place] or np.count_nonzero(~done) <= program.variant.leave:
                continue
            free = [c for c in options if (add or c != column) and not self._apart[c, kept].any()]
            if free:
                kept.append(min(free, key=lambda c: (cost[c], c)))
                done = done | program.clears[:, kept[-1]]
        return program.trimmed(kept, last=column)

    def _may_help(self, objective: str, chosen: tuple[int, ...], value: float, clock: Clock) -> bool:
        if objective == "burden":
            return self.program.burden(chosen) < value - BURDEN_STEP
        clock.spend(pass_work(self.program.atoms.voxels.size))
        return self.lost(chosen) < value

    def _take(self, x: FloatArray) -> tuple[list[int], float, float, float]:
        """Check a whole-number point exactly, remember it when it holds; returns the row that cuts it off."""
        raw = np.flatnonzero(x[: self._model.z] > 0.5)
        rounded = x.copy()
        rounded[: self._model.z] = 0.0
        rounded[raw] = 1.0
        self._cuts += self._model.cuts(rounded)
        chosen = self.program.trimmed([int(column) for column in raw])
        self._remember(chosen)
        return list(chosen), 1.0, -math.inf, len(chosen) - 1.0

    def _remember(self, chosen: tuple[int, ...]) -> None:
        if chosen not in self._known and not self.program.broken(chosen):
            self._known[chosen] = self.lost(chosen), self.program.burden(chosen)

    def _relax(self, objective: str, cost: FloatArray, rows: Rows, limit: _Limit, clock: Clock) -> tuple[Solution, Any]:
        """Rounds of cuts on the relaxation, which bring the bound near before whole numbers are asked for, and give
        choices to start from; and the last relaxation solved."""
        bound, last, middle = self._floor[objective], None, None
        for _ in range(LP_ROUNDS):
            result = self._relaxation(cost, rows, clock)
            if result.status == 2:
                return Solution((), math.inf, math.inf), None
            if result.status != 0:
                break
            before, bound, last = bound, max(bound, self._bound(objective, result.fun)), result
            self._remember(self._rounded(result.x[: self._model.z]))
            columns = result.x[: self._model.z]
            middle = columns if middle is None else INWARD * middle + (1.0 - INWARD) * columns
            cuts = self._model.cuts(result.x, middle)
            cuts = cuts if cuts.low else self._model.cuts(result.x)
            clock.spend(pass_work(self.program.atoms.inside.nnz))
            if not cuts.low or (bound > 0.0 and bound - before <= LP_PROGRESS * bound) or clock.over:
                break
            self._cuts += cuts
        return self._improved(objective, limit, bound, clock), last

    def _useful(self, objective: str, relaxed: Any, value: float) -> tuple[FloatArray, FloatArray]:
        """Bounds of the variables for choices better than a value: a column whose reduced cost in the relaxation says
        that taking it (or leaving it) costs too much is fixed."""
        model = self._model
        low, high = np.zeros(model.width), model.upper.copy()
        if relaxed is None or not math.isfinite(value):
            return low, high
        first = self.program.burden(())
        goal = (value - 0.5) * model.scale if objective == "lost" else value - first - BURDEN_STEP
        columns = np.arange(model.z)
        high[columns[relaxed.fun + relaxed.lower.marginals[columns] > goal]] = 0.0
        low[columns[relaxed.fun - relaxed.upper.marginals[columns] > goal]] = 1.0
        high = np.maximum(low, high)
        return low, high

    def _rounded(self, x: FloatArray) -> tuple[int, ...]:
        """A choice near a point of the relaxation: the largest first, unless excluded or of no use."""
        chosen: list[int] = []
        missing = len(self.program.covers)
        for column in np.argsort(-x, kind="stable"):
            if missing <= self.program.variant.leave or x[column] <= 0.0:
                break
            if self._apart[column, chosen].any():
                continue
            now = len(self.program.uncleared([*chosen, int(column)]))
            if now < missing:
                chosen.append(int(column))
                missing = now
        return self.program.trimmed(chosen)

    def _relaxation(self, cost: FloatArray, rows: Rows, clock: Clock) -> Any:
        from scipy.optimize import linprog
        from scipy.sparse import vstack

        model = self._model
        every = (model.rows + self._cuts + rows).constraint(model.width)
        above, below = np.isfinite(every.ub), np.isfinite(every.lb)
        found = linprog(
            cost,
            A_ub=vstack([every.A[above], -every.A[below]]),
            b_ub=np.concatenate([every.ub[above], -every.lb[below]]),
            bounds=np.column_stack([np.zeros(model.width), model.upper]),
            method="highs",
            options={"time_limit": max(clock.left(), LEAST_SECONDS)},
        )
        clock.spend(simplex_work(found.nit, every.A.nnz))
        return found

    def _entries(self, rows: Rows) -> int:
        """Entries of the matrix with the cuts and further rows."""
        return sum(row.size for part in (self._model.rows, self._cuts, rows) for row in part.columns)

    def _milp(
        self,
        cost: FloatArray,
        rows: Rows,
        bounds: tuple[FloatArray, FloatArray],
        clock: Clock,
        gaps: tuple[float, float],
    ) -> Any:
        """Whole numbers. gaps: the one at which it may end, and the one that is left to close."""
        from scipy.optimize import Bounds, milp

        model, entries = self._model, self._entries(rows)
        root = root_work(entries, gaps[1])
        nodes = 1 + int(max(0.0, max(clock.work(), LEAST_SECONDS) - root) / node_work(entries))
        options: dict[str, float] = {
            "time_limit": max(clock.left(), LEAST_SECONDS),
            "mip_rel_gap": gaps[0],
            "node_limit": min(nodes, self._nodes or nodes),
        }
        found = milp(
            cost,
            integrality=model.whole,
            bounds=Bounds(*bounds),
            constraints=(model.rows + self._cuts + rows).constraint(model.width),
            options=options,
        )
        clock.spend(root + (found.mip_node_count or 0) * node_work(entries))
        return found

    def _must_cover(self) -> list[tuple[int, ...]]:
        program = self.program
        return [
            columns
            for target, columns in program.covers.items()
            if not program.variant.leave or target in program.variant.must
        ]

    def _bound(self, objective: str, dual: float | None) -> float:
        """A bound in the objective's own unit: whole voxels, or a burden."""
        if dual is None or not math.isfinite(dual):
            return -math.inf
        if objective == "lost":
            return math.ceil(dual / self._model.scale - 0.01)
        return math.ceil(dual / self._step - 1e-4) * self._step + self.program.burden(())
