"""The matrix of a program: variables, rows, and the cuts that stand for the volume of a union.

The liver lost is a sum over atoms. An atom is lost when any candidate that costs it is chosen, so for choices x

* it is lost at least as much as the sum of x over a clique (candidates of which one at most is chosen) that costs it;
* it is lost at least as much as 1 - (sum of x over those candidates of one target that spare it), as some candidate of
  every target is chosen (unless the target is left).

Atoms that meet one clique only are linear. The others are variables, tied by those rows, where they are few. Where they
are many a variable theta per group of atoms stands in, held from below by cuts: at any point give each atom the one of
its rows that is largest there; the sum over the atoms, voxels times row, is a bound that holds for every choice and is
exact at whole numbers. With cliques of one this is the Lovász extension of the volume of a union (Lovász 1983, doi
10.1007/978-3-642-68874-4_10) used as a Benders cut (Benders 1962, doi 10.1007/BF01386316).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from glisson.geometry import FloatArray
from glisson.planning.clearance.atoms import IntArray
from glisson.planning.clearance.program import Program

__all__ = ["FULL", "MOST_ROWS", "Model", "Rows"]

MOST_ROWS = 1500
"""Atoms are variables of the program when at most so many rows tie them to candidates; with more, cuts stand for all of
them, which is then several times faster."""

FEW_TARGETS = 4
"""Rows by target are written only for atoms that some candidate of at most so many targets costs; for the others the
cliques of large resections say nearly the same."""

SHORT = 0.9
"""By so many voxels in all the volume at a point may fall short before it is cut; below one, so that a bound rounded up
to whole voxels is exact."""

FULL = 1000.0
"""The working liver in the unit of the program, so that its numbers stay near those of the choices."""


@dataclass
class Rows:
    """Rows of a sparse constraint matrix with their limits, grown one by one."""

    columns: list[IntArray] = field(default_factory=list)
    values: list[FloatArray] = field(default_factory=list)
    low: list[float] = field(default_factory=list)
    high: list[float] = field(default_factory=list)

    def add(self, columns: Any, values: Any, low: float = -np.inf, high: float = np.inf) -> None:
        """One row: low <= values . variables[columns] <= high; one value serves all columns."""
        at = np.atleast_1d(np.asarray(columns, np.int64))
        self.columns.append(at)
        self.values.append(np.broadcast_to(np.asarray(values, float), at.shape))
        self.low.append(low)
        self.high.append(high)

    def __add__(self, other: Rows) -> Rows:
        return Rows(
            self.columns + other.columns, self.values + other.values, self.low + other.low, self.high + other.high
        )

    def constraint(self, width: int) -> Any:
        """The rows as SciPy's LinearConstraint over so many variables."""
        from scipy.optimize import LinearConstraint
        from scipy.sparse import csr_array

        starts = np.concatenate([[0], np.cumsum([row.size for row in self.columns])])
        entries = (np.concatenate(self.values), np.concatenate(self.columns), starts)
        return LinearConstraint(
            csr_array(entries, shape=(len(self.low), width)), np.array(self.low), np.array(self.high)
        )


class Model:
    """Variables, in order: columns x, atoms z, liver lost by segment, theta by group of other atoms, segments
    kept, groups of segments kept, targets left. scale: program unit per voxel."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.scale = FULL / max(1, int(program.atoms.total.sum()))
        self._split_atoms()
        self._lay_out()
        self.rows = self._constraints()

    def limits(self, lost: float | None = None, burden: float | None = None) -> Rows:
        """Rows that keep the liver lost (voxels) and the burden at most so large."""
        rows = Rows()
        if lost is not None and math.isfinite(lost):
            rows.add(np.arange(self.lost, self._theta), 1.0, high=(lost + 0.5) * self.scale)
        if burden is not None and math.isfinite(burden):
            rows.add(np.arange(self.z), self.cost("burden")[: self.z], high=burden - self.program.burden(()))
        return rows

    def cost(self, objective: str) -> FloatArray:
        """Coefficients of an objective, "lost" (program unit) or "burden" (without what is done first)."""
        cost = np.zeros(self.width)
        if objective == "lost":
            cost[self.lost : self._theta] = 1.0
        else:
            cost[: self.z] = [one.burden for one in self.program.candidates]
        return cost

    def cuts(self, x: FloatArray, around: FloatArray | None = None) -> Rows:
        """The cuts that a point violates, at most one per group of atoms; none when the volume is right there.

        around: columns of another point at which the rows are chosen instead; such cuts hold too, and may reach deeper.
        """
        rows = Rows()
        if not self._tail.size:
            return rows
        columns, left = x[: self.z], x[self._left :]
        given, held = self._sum_rows(self._best_rows(columns if around is None else around, left))
        fixed = held.sum(axis=1)
        short = fixed + given @ columns - held @ left - x[self._theta : self._kept]
        for group in np.flatnonzero(short > SHORT * self.scale / fixed.size):
            at, by = np.flatnonzero(given[group]), np.flatnonzero(held[group])
            values = np.concatenate([[1.0], -given[group, at], held[group, by]])
            rows.add(np.concatenate([[self._theta + group], at, self._left + by]), values, low=float(fixed[group]))
        return rows

    def _best_rows(self, columns: FloatArray, left: FloatArray) -> IntArray:
        """For each tail atom the clique or target (numbered after the cliques) whose row is largest at a point."""
        from scipy.sparse import csr_array

        used = np.flatnonzero(columns > 0)
        if not used.size:
            return np.zeros(self._tail.size, np.int64)
        part = csr_array(self._tail_inside[:, used] * columns[used])
        best, top = self._best_cliques(part, used)
        near = part @ self._member[self._cliques :][:, used].T.astype(float)
        near += np.minimum(0.0, 1.0 - left - self._sets[self._cliques :] @ columns)
        target = near.argmax(axis=1)
        better = near[np.arange(target.size), target] > top + 1e-12
        best[better] = self._cliques + target[better]
        return best

    def _best_cliques(self, part: Any, used: IntArray) -> tuple[IntArray, FloatArray]:
        """For each tail atom the clique that costs it most and how much; clique 0 and nothing where none does."""
        reach = part @ self._sets[: self._cliques, used].T
        size = np.diff(reach.indptr)
        best, top = np.zeros(self._tail.size, np.int64), np.zeros(self._tail.size)
        filled = np.flatnonzero(size)
        if filled.size:
            top[filled] = np.maximum.reduceat(reach.data, reach.indptr[filled])
        rows = np.repeat(np.arange(self._tail.size), size)
        first = np.flatnonzero(reach.data >= top[rows] - 1e-12)[::-1]
        best[rows[first]] = reach.indices[first]
        return best, top

    def _sum_rows(self, best: IntArray) -> tuple[FloatArray, FloatArray]:
        """Sums over each group of tail atoms of volume times best row: (groups, columns) coefficients, and
        (groups, targets) volume whose best row is a target's."""
        weight, shape = self._tail_weight, (self._group_region.size, self.z)
        rows, columns = self._tail_entries
        mine = self._member[best[rows], columns]
        rows, columns = rows[mine], columns[mine]
        given = np.bincount(self._group[rows] * self.z + columns, weights=weight[rows], minlength=shape[0] * shape[1])
        targets = len(self.program.covers)
        of_target = np.flatnonzero(best >= self._cliques)
        place = self._group[of_target] * targets + best[of_target] - self._cliques
        sums = np.bincount(place, weights=weight[of_target], minlength=shape[0] * targets)
        held: FloatArray = sums.astype(float).reshape(shape[0], targets)
        return given.reshape(shape) - held @ self._member[self._cliques :], held

    def _split_atoms(self) -> None:
        """Which atoms meet one clique only (linear), which are variables (own), which are left to the cuts (tail)."""
        from scipy.sparse import csr_array

        program, atoms = self.program, self.program.atoms
        width, self._cliques = len(program.candidates), len(program.cliques)
        sets = [*program.cliques, *program.covers.values()]
        rows = np.repeat(np.arange(len(sets)), [len(one) for one in sets])
        ends = np.array([column for one in sets for column in one], np.int64)
        self._sets = csr_array((np.ones(rows.size), (rows, ends)), shape=(len(sets), width))
        self._member = self._sets.toarray() > 0
        inside = atoms.inside.tocsr().astype(float)
        met = csr_array(inside @ self._sets[: self._cliques].T)
        few = np.flatnonzero(self._member[self._cliques :].sum(axis=0) <= FEW_TARGETS)
        near = csr_array(inside[:, few] @ self._sets[self._cliques :][:, few].T)
        count = np.diff(met.indptr)
        several = np.flatnonzero(count > 1)
        rows_needed = int((count + np.diff(near.indptr))[several].sum())
        self._own = several[: several.size if rows_needed <= MOST_ROWS else 0]
        self._tail = several[self._own.size :]
        self._own_inside, self._own_met, self._own_near = (m[self._own] for m in (inside, met, near))
        self._tail_inside = inside[self._tail]
        self._tail_entries = self._tail_inside.tocoo().coords
        self._tail_weight = atoms.voxels[self._tail] * self.scale
        self._group_tail(near[self._tail])
        alone = np.flatnonzero(count == 1)
        place = csr_array(
            (atoms.voxels[alone] * self.scale, (atoms.region[alone], np.arange(alone.size))),
            shape=(atoms.total.size, alone.size),
        )
        self._linear = np.asarray((place @ inside[alone]).todense())

    def _group_tail(self, near: Any) -> None:
        """Tail atoms in groups of one segment around one target (the first that has a small candidate there): a cut of
        such a group has few columns, and many groups need fewer rounds."""
        owner = np.full(self._tail.size, -1, np.int64)
        filled = np.flatnonzero(np.diff(near.indptr))
        if filled.size:
            owner[filled] = np.minimum.reduceat(near.indices, near.indptr[filled])
        region = self.program.atoms.region[self._tail]
        keys = region * (len(self.program.covers) + 1) + owner + 1
        _, first, self._group = np.unique(keys, return_index=True, return_inverse=True)
        self._group_region = region[first]

    def _lay_out(self) -> None:
        program, regions = self.program, self.program.atoms.total.size
        sizes = (
            len(program.candidates), self._own.size, regions, self._group_region.size, regions,
            len(program.keepable), len(program.covers),
        )  # fmt: skip
        ends = np.cumsum(sizes)
        self.z, self.lost, self._theta, self._kept, self._groups, self._left = (int(end) for end in ends[:-1])
        self.width = int(ends[-1])
        self.whole = np.zeros(self.width, np.int64)
        self.upper = np.ones(self.width)
        self.whole[: self.z] = 1
        self.whole[self._kept :] = 1
        full = program.atoms.total * self.scale
        self.upper[self.lost : self._theta] = full
        self.upper[self._theta : self._kept] = full[self._group_region]
        for place, target in enumerate(program.covers):
            self.upper[self._left + place] = float(program.variant.leave > 0 and target not in program.variant.must)

    def _constraints(self) -> Rows:
        program, rows = self.program, Rows()
        for place, columns in enumerate(program.covers.values()):
            rows.add([*columns, self._left + place], 1.0, low=1.0)
        rows.add(np.arange(self._left, self.width), 1.0, high=float(program.variant.leave))
        for part in program.cliques:
            if len(part) > 1:
                rows.add(list(part), 1.0, high=1.0)
        for pair in program.excluded:
            rows.add(pair, 1.0, high=1.0)
        self._atom_rows(rows)
        self._sum_of_losses(rows)
        half = 0.5 * self.scale
        if "remnant" not in program.variant.free:
            most = (float(program.growth @ program.atoms.total) - program.needed) * self.scale
            at = np.arange(self.lost, self._theta)
            rows.add(at, program.growth, high=most + half * float(program.growth.max()))
        if "spared" not in program.variant.free:
            self._spared_rows(rows, half)
        if program.segments is not None:
            self._segment_rows(rows, half)
        return rows

    def _spared_rows(self, rows: Rows, half: float) -> None:
        """Where a column asks it, so much working liver stays: it and the liver lost fill no more than all of it."""
        whole = float(self.program.atoms.total.sum()) * self.scale
        at = np.arange(self.lost, self._theta)
        for column in range(self.z):
            if asked := self.program.spares(column):
                rows.add([*at, column], [*np.ones(at.size), asked * self.scale], high=whole + half)

    def _atom_rows(self, rows: Rows) -> None:
        for z in range(self._own.size):
            mine = np.zeros(self.z, bool)
            mine[_row(self._own_inside, z)] = True
            for clique in _row(self._own_met, z):
                columns = np.flatnonzero(mine & self._member[clique])
                rows.add([self.z + z, *columns], [1.0, *np.full(columns.size, -1.0)], low=0.0)
            for target in _row(self._own_near, z):
                spared = np.flatnonzero(~mine & self._member[self._cliques + target])
                rows.add([self.z + z, *spared, self._left + target], 1.0, low=1.0)

    def _sum_of_losses(self, rows: Rows) -> None:
        """Liver lost in each segment: linear part, atoms, theta."""
        weight = self.program.atoms.voxels[self._own] * self.scale
        region = self.program.atoms.region[self._own]
        for label in range(self.program.atoms.total.size):
            mine, alone = np.flatnonzero(region == label), np.flatnonzero(self._linear[label])
            light = np.flatnonzero(self._group_region == label)
            columns = np.concatenate([[self.lost + label], self._theta + light, self.z + mine, alone])
            values = np.concatenate([[1.0], np.full(light.size, -1.0), -weight[mine], -self._linear[label, alone]])
            rows.add(columns, values, low=0.0)

    def _segment_rows(self, rows: Rows, half: float) -> None:
        """A kept segment loses no more than it may; a kept group has all its segments; one group at least is kept."""
        program = self.program
        full, limit = program.atoms.total * self.scale, program.may_lose() * self.scale
        for label in range(1, full.size):
            slack = max(0.0, float(full[label] - limit[label]))
            rows.add([self.lost + label, self._kept + label], [1.0, slack], high=float(full[label]) + half)
        for place, group in enumerate(program.keepable):
            for label in group:
                rows.add([self._groups + place, self._kept + label], [1.0, -1.0], high=0.0)
        rows.add(np.arange(self._groups, self._left), 1.0, low=1.0)


def _row(matrix: Any, number: int) -> IntArray:
    """Columns of the entries of one CSR row, ascending."""
    found: IntArray = np.sort(matrix.indices[matrix.indptr[number] : matrix.indptr[number + 1]])
    return found
