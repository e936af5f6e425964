"""One variant of a problem as an integer program over atoms: columns, covers, cliques, and the exact check of a choice.

How it is solved stands in `solve`.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import TypeVar

import numpy as np

from glisson.geometry import BoolArray, FloatArray
from glisson.planning.clearance.atoms import Atoms, IntArray, undominated
from glisson.planning.clearance.candidate import Candidate, Modifier, Problem, SegmentNeed

__all__ = ["FREEABLE", "ROUNDING", "Program", "Variant", "exclusions", "hang_together", "make_program", "offered"]

Name = TypeVar("Name", bound=Hashable)

FREEABLE: Mapping[str, str] = {
    "remnant": "the working liver that must stay",
    "segments": "the adjoining segments that must stay",
    "spared": "the liver that radiotherapy must spare",
    "exclusions": "what cannot be done together",
}
"""Constraints that a variant may leave out to learn which one binds: id -> words."""

ROUNDING = 1e-9
"""Relative slack of comparisons of volumes that were computed in floating point; far below one voxel."""


@dataclass(frozen=True)
class Variant:
    """The problem as it stands, or with something eased.

    allowed: relaxations under which more candidates are offered. modifier: what is done first. spare_mm: margin beyond
    the accepted one that every target must reach (below 0: eased). leave: how many targets may be left, out of all but
    those in `must`. free: constraints left out (FREEABLE).
    """

    allowed: frozenset[str] = frozenset()
    modifier: Modifier | None = None
    spare_mm: float = 0.0
    leave: int = 0
    must: frozenset[str] = frozenset()
    free: frozenset[str] = frozenset()


@dataclass(frozen=True, eq=False)
class Program:
    """What the solver sees of one variant.

    candidates: the columns. covers: target -> columns that clear it. excluded: pairs of columns that cannot go
    together. cliques: the columns parted so that of each part at most one is ever needed. growth: (r + 1,) factor by
    segment label. needed: working liver that must stay, in voxels after growth.
    """

    problem: Problem
    variant: Variant
    candidates: tuple[Candidate, ...]
    atoms: Atoms
    covers: Mapping[str, tuple[int, ...]]
    excluded: tuple[tuple[int, int], ...]
    cliques: tuple[tuple[int, ...], ...]
    growth: FloatArray
    needed: float

    @property
    def segments(self) -> SegmentNeed | None:
        """The demand for adjoining segments, None when there is none or it is left out."""
        return None if "segments" in self.variant.free else self.problem.segments

    @cached_property
    def keepable(self) -> tuple[tuple[int, ...], ...]:
        """Every set of segment labels, as many as needed, that hang together and have working liver."""
        need = self.segments
        if need is None:
            return ()
        pairs = {frozenset((need.names.index(a) + 1, need.names.index(b) + 1)) for a, b in need.adjoining}
        present = [label for label in range(1, len(need.names) + 1) if self.atoms.total[label] > 0]
        return tuple(
            group
            for group in combinations(present, need.needed)
            if len(hang_together(group[0], group, pairs)) == len(group)
        )

    def may_lose(self) -> IntArray:
        """(r + 1,) voxels that each segment may lose and still count as kept."""
        need = self.segments
        share = 1.0 if need is None else need.kept_share
        kept = np.ceil(share * self.atoms.total * (1 - ROUNDING)).astype(np.int64)
        return self.atoms.total - kept

    def spares(self, column: int) -> float:
        """Voxels of working liver that must stay, before any growth, in a choice that holds a column."""
        return self.candidates[column].spares_ml / self.problem.voxel_ml

    def remnant(self, lost: IntArray) -> float:
        """Working liver left after growth, in voxels, when so many voxels are lost by segment label."""
        return float(self.growth @ (self.atoms.total - lost))

    @cached_property
    def clears(self) -> BoolArray:
        """(targets, columns) whether a column clears a target; targets in the order of `covers`."""
        found = np.zeros((len(self.covers), len(self.candidates)), bool)
        for place, columns in enumerate(self.covers.values()):
            found[place, list(columns)] = True
        return found

    def uncleared(self, chosen: Sequence[int]) -> tuple[str, ...]:
        """Targets that no chosen column clears."""
        cleared = np.asarray(self.clears[:, list(chosen)].any(axis=1))
        return tuple(target for target, done in zip(self.covers, cleared, strict=True) if not done)

    def broken(self, chosen: Sequence[int]) -> tuple[str, ...]:
        """Which constraints a choice of columns breaks, exactly: "cover", "exclusions" or a name of FREEABLE."""
        found = []
        left = self.uncleared(chosen)
        if len(left) > self.variant.leave or set(left) & self.variant.must:
            found.append("cover")
        picked = set(chosen)
        if any(a in picked and b in picked for a, b in self.excluded):
            found.append("exclusions")
        lost = self.atoms.lost(chosen)
        if "remnant" not in self.variant.free and self.remnant(lost) < self.needed * (1 - ROUNDING):
            found.append("remnant")
        stays = int(self.atoms.total.sum() - lost.sum())
        if "spared" not in self.variant.free and stays < max(map(self.spares, chosen), default=0.0) * (1 - ROUNDING):
            found.append("spared")
        if self.segments is not None and not any(self._keeps(group, lost) for group in self.keepable):
            found.append("segments")
        return tuple(found)

    def trimmed(self, chosen: Sequence[int], last: int = -1) -> tuple[int, ...]:
        """The choice without columns that clear nothing the others do not; those of the greatest burden go first, and
        one column may be named that goes last."""
        kept = set(chosen)
        times = self.clears[:, sorted(kept)].sum(axis=1)
        for column in sorted(kept, key=lambda c: (c == last, -self.candidates[c].burden, -c)):
            mine = self.clears[:, column]
            if (times[mine] > 1).all():
                kept.remove(column)
                times = times - mine
        return tuple(sorted(kept))

    def burden(self, chosen: Sequence[int]) -> float:
        """Sum of the burdens, that of what is done first included."""
        first = self.variant.modifier.burden if self.variant.modifier else 0.0
        return first + float(sum(self.candidates[column].burden for column in sorted(chosen)))

    def _keeps(self, group: Sequence[int], lost: IntArray) -> bool:
        limit = self.may_lose()
        return all(lost[label] <= limit[label] for label in group)


def offered(problem: Problem, variant: Variant) -> list[int]:
    """Places in `problem.candidates` of those that no rule forbids and that the variant offers."""
    allowed = variant.allowed | ({variant.modifier.relaxation} if variant.modifier else set())
    return [
        place
        for place, one in enumerate(problem.candidates)
        if not one.is_forbidden and (not one.needs or one.needs in allowed)
    ]


def exclusions(problem: Problem) -> Mapping[str, frozenset[str]]:
    """Candidate id -> ids that cannot be in one plan with it: both sides of `excludes`, and its groups."""
    found: dict[str, set[str]] = {one.id: set(one.excludes) for one in problem.candidates}
    for one in problem.candidates:
        for other in one.excludes:
            found[other].add(one.id)
    for group in problem.groups:
        for name in group:
            found[name] |= group
    return {name: frozenset(others - {name}) for name, others in found.items()}


def make_program(problem: Problem, atoms: Atoms, variant: Variant) -> Program:
    """The program of one variant. atoms: of all candidates of the problem, in their order.

    Candidates that clear no target at this margin, and those that another makes superfluous (`undominated`), have no
    column.
    """
    clears = [problem.spare_mm(one) for one in problem.candidates]
    excludes = {} if "exclusions" in variant.free else exclusions(problem)
    places = [p for p in offered(problem, variant) if any(mm >= variant.spare_mm for mm in clears[p].values())]
    part = atoms.restricted(places)
    those = [problem.candidates[p] for p in places]
    stay = undominated(problem, those, [excludes.get(one.id, frozenset()) for one in those], part)
    places = [places[p] for p in stay]
    those = [problem.candidates[p] for p in places]
    column = {one.id: c for c, one in enumerate(those)}
    treated = [frozenset(t for t, mm in clears[p].items() if mm >= variant.spare_mm) for p in places]
    growth, threshold = np.ones(atoms.total.size), problem.threshold
    if variant.modifier is not None:
        threshold = variant.modifier.threshold or threshold
        for place, name in enumerate(problem.segments.names if problem.segments else (), 1):
            growth[place] = variant.modifier.growth.get(name, 1.0)
    return Program(
        problem=problem,
        variant=variant,
        candidates=tuple(those),
        atoms=part.restricted(stay),
        covers={t: tuple(c for c, mine in enumerate(treated) if t in mine) for t in sorted(problem.targets)},
        excluded=tuple(
            (column[a], column[b])
            for a, others in excludes.items()
            for b in sorted(others)
            if a < b and a in column and b in column
        ),
        cliques=_cliques(those, treated, () if "exclusions" in variant.free else problem.groups),
        growth=growth,
        needed=problem.needed_ml(threshold) / problem.voxel_ml,
    )


def _cliques(
    those: Sequence[Candidate], treated: Sequence[frozenset[str]], groups: Sequence[frozenset[str]]
) -> tuple[tuple[int, ...], ...]:
    """The columns parted: first by the groups of which at most one may be chosen, then by what they clear.

    Of two that clear the same targets one suffices: without the other every limit and objective is at least as good.
    """
    parts: dict[tuple[int, frozenset[str]], list[int]] = {}
    for column, one in enumerate(those):
        mine = next((place for place, group in enumerate(groups) if one.id in group), None)
        key = (-1, treated[column]) if mine is None else (mine, frozenset[str]())
        parts.setdefault(key, []).append(column)
    return tuple(tuple(part) for part in parts.values())


def hang_together(start: Name, among: Iterable[Name], pairs: Collection[frozenset[Name]]) -> set[Name]:
    """Everything among some names that hangs together with the first through pairs, itself included."""
    names, reached, fresh = set(among), {start}, [start]
    while fresh:
        here = fresh.pop()
        near = {other for other in names if frozenset((here, other)) in pairs} - reached
        reached |= near
        fresh += near
    return reached
