"""How a plan fares when outlines, cuts and margins are a little different: the share of geometric re-runs that hold.

Every combination of a few shifts is looked at, none is drawn at random. The share says how much a plan leans on exact
outlines. It is no chance of success.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from glisson.planning.clearance.candidate import Candidate, Problem
from glisson.planning.clearance.plan import Plan
from glisson.planning.liver_voxels import LiverVoxels

__all__ = ["Robustness", "cut_area_mm2", "robustness"]

MARGIN_MM = (-2.0, -1.0, 0.0, 1.0, 2.0)
"""Shifts of every margin: execution of a cut or an ablation zone."""

OUTLINE_VOXELS = (-1.0, 0.0, 1.0)
"""Growth of every outline, in voxels."""

BORDER_MM = (-3.0, 0.0, 3.0)
"""Shifts of the border between what is removed and what stays, in the volume of the remnant."""

STAIRS = 1.5
"""Area of voxel faces over the area of the surface they step along, the mean over all directions."""


@dataclass(frozen=True)
class Robustness:
    """runs: combinations of shifts looked at. holds: those in which every target keeps its accepted margin, the remnant
    its limit and radiotherapy the liver that it must spare. weakest: in words, what failed most often; "" when nothing
    did."""

    runs: int
    holds: int
    weakest: str

    @property
    def share(self) -> float:
        """holds over runs."""
        return self.holds / self.runs

    @property
    def text(self) -> str:
        """As it is printed."""
        return f"Holds in {self.holds} of {self.runs} geometric re-runs; not a chance of success."


def robustness(problem: Problem, plan: Plan, voxels: LiverVoxels, *, registration_mm: float = 0.0) -> Robustness:
    """Re-run a plan under every combination of margin, outline and border shifts.

    registration_mm: error of lesions carried over from another scan (vanished ones); it narrows their margins in the
    runs with larger outlines. A lesion without a margin (removed whole, no cut near) always keeps it.
    """
    chosen = [one for one in problem.candidates if one.id in plan.chosen]
    area = cut_area_mm2(chosen, voxels)
    voxel_mm = float(np.mean(voxels.grid.spacing_mm))
    needed = problem.needed_ml(problem.threshold)
    spared = max((one.spares_ml for one in chosen), default=0.0)
    spare = _spare_mm(problem, plan)
    failures: dict[str, int] = {}
    held = 0
    for margin, outline, border in product(MARGIN_MM, OUTLINE_VOXELS, BORDER_MM):
        shift = margin - outline * voxel_mm - max(outline, 0.0) * registration_mm
        failed = [f"the margin of {lesion}" for lesion, mm in spare.items() if mm + shift < 0]
        if plan.remnant_nontumour_ml + area * border / 1000.0 < needed:
            failed.append("the remnant")
        if plan.remnant_nontumour_ml + area * border / 1000.0 < spared:
            failed.append("the liver that radiotherapy must spare")
        held += not failed
        for what in failed:
            failures[what] = failures.get(what, 0) + 1
    runs = len(MARGIN_MM) * len(OUTLINE_VOXELS) * len(BORDER_MM)
    weakest = min(failures, key=lambda what: (-failures[what], what)) if failures else ""
    return Robustness(runs, held, weakest)


def _spare_mm(problem: Problem, plan: Plan) -> Mapping[str, float]:
    """Target -> margin beyond the accepted one, for those that have a margin."""
    return {
        lesion: one.margin_mm - problem.accept_mm[one.kind]
        for lesion, one in plan.clears.items()
        if one.margin_mm is not None
    }


def cut_area_mm2(chosen: list[Candidate], voxels: LiverVoxels) -> float:
    """Area of the surface between what the chosen candidates remove, destroy or irradiate and what stays, mm²."""
    gone = np.zeros(voxels.liver.data.size, np.bool_)
    for one in chosen:
        for cause in ("removed", "destroyed", "irradiated"):
            if cause in one.costs:
                gone[voxels.flat[one.costs[cause]]] = True
    lost = gone.reshape(voxels.liver.data.shape)
    stays = voxels.liver.data & ~lost
    return sum(_faces(lost, stays, axis) * _face_mm2(voxels, axis) for axis in range(3)) / STAIRS


def _faces(one: npt.NDArray[np.bool_], other: npt.NDArray[np.bool_], axis: int) -> int:
    a, b = np.moveaxis(one, axis, 0), np.moveaxis(other, axis, 0)
    return int(np.count_nonzero(a[1:] & b[:-1]) + np.count_nonzero(a[:-1] & b[1:]))


def _face_mm2(voxels: LiverVoxels, axis: int) -> float:
    spacing = voxels.grid.spacing_mm
    return float(np.prod(spacing) / spacing[axis])
