"""Atoms: pieces of working liver that lie in the cost regions of the same candidates.

An atom is lost whole or kept whole by any plan, so the liver that a plan loses is a sum over atoms. They are found by
giving each candidate a random 64-bit key and summing, in every voxel, the keys of the candidates that cost it: equal
sums, one atom. A clash of sums is looked for afterwards (each candidate must hold all of an atom or none) and answered
with other keys, so the result is exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary, ref

import numpy as np
import numpy.typing as npt

from glisson.geometry import BoolArray
from glisson.planning.clearance.candidate import Candidate, IndexArray, Problem, SegmentNeed

__all__ = ["Atoms", "find_atoms", "undominated"]

IntArray = npt.NDArray[np.int64]

SEED = 20000
"""Seed of the keys; the atoms do not depend on it, only the order in which they are listed."""


@dataclass(frozen=True, eq=False)
class Atoms:
    """The m atoms of the working liver under c candidates.

    voxels: (m,) non-tumour voxels in each. region: (m,) segment label of each (0 not known); atoms never cross a
    segment border. inside: (m, c) sparse CSC matrix of ones, atom in the cost region of candidate. total: (r + 1,)
    non-tumour voxels of the liver by segment label, atoms that no candidate costs among them.
    """

    voxels: IntArray
    region: IntArray
    inside: Any
    total: IntArray

    def restricted(self, columns: Sequence[int]) -> Atoms:
        """The same for some of the candidates, in the order given; atoms that have become alike are joined."""
        return _build([self.of(column) for column in columns], self.voxels, self.region, self.total)

    def of(self, column: int) -> IndexArray:
        """The atoms that one candidate costs, ascending."""
        start, stop = self.inside.indptr[column : column + 2]
        atoms: IndexArray = self.inside.indices[start:stop]
        return atoms

    def lost(self, chosen: Sequence[int]) -> IntArray:
        """(r + 1,) voxels lost by segment label when these candidates (columns) are chosen."""
        hit = np.zeros(self.voxels.size, bool)
        for column in chosen:
            hit[self.of(column)] = True
        return _sums(self.region[hit], self.voxels[hit], self.total.size)


def find_atoms(problem: Problem, candidates: Sequence[Candidate]) -> Atoms:
    """The atoms of a problem's working liver (tumour voxels left out) under these candidates, in their order.

    Time is a pass over all regions and one sort of the liver's voxels; memory some 40 bytes a voxel plus the matrix.
    They depend on neither limits nor targets, so those found last for the same candidates are given again.
    """
    kept = _KEPT.get(candidates[0]) if candidates else None
    if kept is not None and kept.fits(problem, candidates):
        return kept.atoms
    atoms = _found(problem, candidates)
    if candidates:
        _KEPT[candidates[0]] = _Kept(tuple(map(ref, candidates)), problem.tumour, problem.segments, atoms)
    return atoms


@dataclass(frozen=True, eq=False)
class _Kept:
    """Atoms with what they were found for; it keeps no candidate alive."""

    candidates: tuple[ref[Candidate], ...]
    tumour: BoolArray
    segments: SegmentNeed | None
    atoms: Atoms

    def fits(self, problem: Problem, candidates: Sequence[Candidate]) -> bool:
        """Whether the same candidates are asked for, in the same liver."""
        return (
            len(self.candidates) == len(candidates)
            and all(known() is one for known, one in zip(self.candidates, candidates, strict=True))
            and self.segments is problem.segments
            and np.array_equal(self.tumour, problem.tumour)
        )


_KEPT: WeakKeyDictionary[Candidate, _Kept] = WeakKeyDictionary()


def _found(problem: Problem, candidates: Sequence[Candidate]) -> Atoms:
    working = np.flatnonzero(~problem.tumour)
    place = np.full(problem.voxels, -1, np.int32)
    place[working] = np.arange(working.size, dtype=np.int32)
    found = (place[one.lost] for one in candidates)
    regions = [region[region >= 0] for region in found]
    if problem.segments is None:
        label, count = np.zeros(working.size, np.int64), 1
    else:
        label, count = problem.segments.labels[working].astype(np.int64), len(problem.segments.names) + 1
    total = np.bincount(label, minlength=count).astype(np.int64)
    return _build(regions, np.ones(working.size, np.int64), label, total)


def _build(regions: Sequence[IndexArray], voxels: IntArray, label: IntArray, total: IntArray) -> Atoms:
    """Join elements (with their voxels and segment label) that lie in the same regions."""
    from scipy.sparse import csc_array

    seed = SEED
    while (parts := _partition(regions, label, total.size, seed)) is None:
        seed += 1
    atom_of, first, members = parts
    touched = np.zeros(first.size, bool)
    for region in members:
        touched[region] = True
    order = np.cumsum(touched) - 1
    starts = np.concatenate([[0], np.cumsum([region.size for region in members])]).astype(np.int64)
    rows = order[np.concatenate([np.zeros(0, np.int64), *members])]
    shape = (int(touched.sum()), len(regions))
    inside = csc_array((np.ones(rows.size, np.int64), rows, starts), shape=shape)
    return Atoms(_sums(atom_of, voxels, first.size)[touched], label[first][touched], inside, total)


def _partition(
    regions: Sequence[IndexArray], label: IntArray, labels: int, seed: int
) -> tuple[IntArray, IntArray, list[IntArray]] | None:
    """Atom of each element, first element of each atom, atoms of each region; None when two sums of keys clashed."""
    keys = np.random.default_rng(seed).integers(0, 2**64, size=labels + len(regions), dtype=np.uint64)
    sums = keys[label]
    for key, region in zip(keys[labels:], regions, strict=True):
        sums[region] += key
    _, first, atom_of, sizes = np.unique(sums, return_index=True, return_inverse=True, return_counts=True)
    if not np.array_equal(label[first][atom_of], label):
        return None
    members = []
    for region in regions:
        held = np.bincount(atom_of[region], minlength=first.size)
        mine = np.flatnonzero(held)
        if not np.array_equal(held[mine], sizes[mine]):
            return None
        members.append(mine)
    return atom_of, first, members


def _sums(at: IntArray, values: IntArray, size: int) -> IntArray:
    """Exact integer sums (float64 holds every count below 2**53)."""
    return np.bincount(at, weights=values, minlength=size).astype(np.int64)


def undominated(
    problem: Problem, candidates: Sequence[Candidate], excludes: Sequence[frozenset[str]], atoms: Atoms
) -> list[int]:
    """Places of the candidates worth keeping, ascending.

    One is dropped when another costs no working liver beyond its own, asks no greater burden and no more liver to stay,
    treats the same targets with at least the same spare margin, and is excluded by nothing more; it can then take the
    place of the first in every plan, and each limit and objective is at least as good. Of two alike the first stays.
    excludes: ids that each one excludes (both ways round); atoms: of these candidates, in this order.
    """
    from scipy.sparse import diags_array

    inside = atoms.inside
    shared = (inside.T @ diags_array(atoms.voxels, dtype=np.int64) @ inside).tocoo()
    size = np.asarray(inside.T @ atoms.voxels).ravel()
    part = shared.data == size[shared.row]
    pairs = set(zip(shared.row[part].tolist(), shared.col[part].tolist(), strict=True))
    pairs |= {(int(free), other) for free in np.flatnonzero(size == 0) for other in range(len(candidates))}
    spare = [problem.spare_mm(one) for one in candidates]
    dropped: set[int] = set()
    for better, worse in sorted(pairs):
        if better == worse or worse in dropped or better in dropped:
            continue
        if candidates[better].burden > candidates[worse].burden:
            continue
        if candidates[better].spares_ml > candidates[worse].spares_ml:
            continue
        if not excludes[better] <= excludes[worse] | {candidates[worse].id}:
            continue
        if all(spare[better].get(lesion, -np.inf) >= margin for lesion, margin in spare[worse].items()):
            dropped.add(worse)
    return [place for place in range(len(candidates)) if place not in dropped]
