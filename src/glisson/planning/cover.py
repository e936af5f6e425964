"""The fewest zones that cover a lesion with its margin: an exact set cover, or the gap that is left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from glisson.errors import InputError
from glisson.geometry import BoolArray, FloatArray
from glisson.planning.zones import Zone

__all__ = ["Cover", "covered", "fewest", "lattice"]

TIDY = 1e-3
"""What one zone costs more at the far end of the candidates: among equal numbers the compact cover is taken. Far too
little to change the number."""

AT_ONCE = 1024
"""Rows compared with all others at a time, to bound memory."""

NODES = 300
"""Nodes of the search tree after which the best cover so far is given with its gap: a bound that, unlike time, makes
the answer the same on every machine."""


@dataclass(frozen=True)
class Cover:
    """Which candidates cover every target.

    chosen: places of the candidates, ascending; () when there is no cover. proven: no smaller number covers. gap: share
    by which the number could still be smaller, 0 when proven. uncoverable: targets that no candidate reaches.
    reduced: rows and columns that were left to solve after dominance.
    """

    chosen: tuple[int, ...]
    proven: bool
    gap: float
    uncoverable: int
    reduced: tuple[int, int]


def lattice(step_mm: float, low: npt.ArrayLike, high: npt.ArrayLike, through: npt.ArrayLike = (0, 0, 0)) -> FloatArray:
    """(n, 3) points of a cubic lattice inside a box, corners included; one point of it lies at `through`."""
    if not step_mm > 0:
        raise InputError(f"A lattice needs a step above 0 mm, got {step_mm}.")
    start = np.asarray(through, np.float64)
    axes = []
    for axis in range(3):
        first = int(np.ceil((np.asarray(low)[axis] - start[axis]) / step_mm - 1e-9))
        last = int(np.floor((np.asarray(high)[axis] - start[axis]) / step_mm + 1e-9))
        axes.append(start[axis] + step_mm * np.arange(first, last + 1))
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)


def covered(targets_mm: FloatArray, zones: Sequence[Zone]) -> BoolArray:
    """(targets, zones) whether each zone holds each target."""
    result = np.zeros((len(targets_mm), len(zones)), np.bool_)
    for column, zone in enumerate(zones):
        result[:, column] = zone.level(targets_mm) <= 1.0 + 1e-9
    return result


def fewest(
    table: BoolArray, *, weights: FloatArray | None = None, most: int | None = None, nodes: int = NODES
) -> Cover:
    """The smallest number of columns of a (targets, candidates) table that together hold every row.

    Solved as an integer program (HiGHS) after dominance: a row is dropped when another row's candidates all cover it, a
    column when another covers all that it does. weights: (candidates,) 0..1, how far from compact each is; settles
    covers of equal number. most: give up above this many. nodes: see NODES. Deterministic.
    """
    table = np.asarray(table, np.bool_)
    if table.ndim != 2:
        raise InputError(f"A cover needs a table of targets by candidates, got shape {table.shape}.")
    bare = int(np.count_nonzero(~table.any(axis=1)))
    if bare or not table.size:
        return Cover((), True, 0.0, bare, (0, 0))
    tidy = np.zeros(table.shape[1]) if weights is None else np.asarray(weights, np.float64)
    rows = _needed_rows(table)
    columns = _useful_columns(table[rows], tidy)
    small = table[np.ix_(rows, columns)]
    alone = np.flatnonzero(small.all(axis=0))
    if alone.size:
        best = alone[int(np.argmin(tidy[columns][alone]))]
        return Cover((int(columns[best]),), True, 0.0, 0, small.shape)
    return _solved(small, columns, tidy, most, nodes)


def _solved(small: BoolArray, columns: npt.NDArray[np.intp], tidy: FloatArray, most: int | None, nodes: int) -> Cover:
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import csr_array

    count = small.shape[1]
    limits = [LinearConstraint(csr_array(small.astype(np.float64)), lb=1.0)]
    if most is not None:
        limits.append(LinearConstraint(np.ones((1, count)), ub=float(most)))
    found = milp(
        1.0 + TIDY * tidy[columns] / max(count, 1),
        constraints=limits,
        integrality=np.ones(count),
        bounds=Bounds(0, 1),
        options={"node_limit": nodes, "mip_rel_gap": 1e-9},
    )
    if found.x is None:
        return Cover((), bool(found.status == 2), 0.0 if found.status == 2 else 1.0, 0, small.shape)
    chosen = np.flatnonzero(found.x > 0.5)
    bound = float(np.ceil(found.mip_dual_bound - 2 * TIDY))
    proven = bound >= chosen.size
    gap = 0.0 if proven else 1.0 - max(bound, 1.0) / chosen.size
    return Cover(tuple(sorted(int(columns[n]) for n in chosen)), proven, gap, 0, small.shape)


def _needed_rows(table: BoolArray) -> npt.NDArray[np.intp]:
    """Rows that must be looked at: not those which every candidate of another row covers too; of equal ones the
    first.
    """
    _, first = np.unique(np.packbits(table, axis=1), axis=0, return_index=True)
    first = np.sort(first)
    some = table[first].astype(np.float32)
    size = some.sum(axis=1)
    implied = np.zeros(first.size, np.bool_)
    for start in range(0, first.size, AT_ONCE):
        part = slice(start, start + AT_ONCE)
        holds = some[part] @ some.T >= size[None, :] - 0.5
        holds[np.arange(holds.shape[0]), np.arange(start, start + holds.shape[0])] = False
        implied[part] = holds.any(axis=1)
    return first[~implied]


def _useful_columns(table: BoolArray, tidy: FloatArray) -> npt.NDArray[np.intp]:
    """Columns that no other column outdoes; of equal ones the tidiest, then the first."""
    order = np.lexsort((np.arange(table.shape[1]), tidy))
    packed = np.packbits(table[:, order], axis=0)
    _, first = np.unique(packed, axis=1, return_index=True)
    kept = order[np.sort(first)]
    some = table[:, kept].astype(np.float32)
    size = some.sum(axis=0)
    within = (some.T @ some) >= size[:, None] - 0.5
    np.fill_diagonal(within, False)
    return np.sort(kept[~within.any(axis=1)])
