"""Atoms that are kept are given again only for the same candidates in the same liver."""

from __future__ import annotations

import gc
from dataclasses import replace

import numpy as np

from glisson.planning.clearance import Candidate, Problem, Threshold
from glisson.planning.clearance.atoms import _KEPT, find_atoms


def problem_of(tumour: list[int]) -> Problem:
    mask = np.zeros(10, bool)
    mask[tumour] = True
    acts = (
        Candidate("a", "wedge", "wedge", {"L1": 5.0}, {"removed": np.arange(0, 4, dtype=np.int32)}),
        Candidate("b", "wedge", "wedge", {"L1": 5.0}, {"removed": np.arange(2, 6, dtype=np.int32)}),
    )
    return Problem(
        voxel_ml=1.0, tumour=mask, targets=("L1",), candidates=acts, accept_mm={"wedge": 1.0},
        threshold=Threshold(10.0, ("nontumour",), "test"),
    )  # fmt: skip


def test_other_limits_take_the_same_atoms():
    problem = problem_of([9])
    first = find_atoms(problem, problem.candidates)
    other = replace(problem, threshold=Threshold(60.0, ("nontumour",), "test"))
    assert find_atoms(other, other.candidates) is first
    assert sorted(first.voxels.tolist()) == [2, 2, 2]


def test_another_liver_or_other_candidates_take_new_ones():
    problem = problem_of([9])
    first = find_atoms(problem, problem.candidates)
    moved = replace(problem, tumour=np.arange(10) == 0)
    found = find_atoms(moved, moved.candidates)
    assert found is not first
    assert sorted(found.voxels.tolist()) == [1, 2, 2]
    assert find_atoms(problem, problem.candidates[:1]).voxels.tolist() == [4]


def test_nothing_is_kept_of_candidates_that_are_gone():
    problem = problem_of([9])
    find_atoms(problem, problem.candidates)
    held = problem.candidates[0]
    assert held in _KEPT
    before = len(_KEPT)
    del problem, held
    gc.collect()
    assert len(_KEPT) < before
