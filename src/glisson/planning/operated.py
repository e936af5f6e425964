"""After a resection: what was removed, what stayed, and what of the plan was left or exceeded.

The liver of the scan after the operation is laid over that of the scan before (`anatomy.operated`). Every place of the
liver before is then either still there or removed. Volumes are in the frame and size of the scan before, so that growth
since does not count as liver that was left. What the overlay may be off is carried along as an interval.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from glisson.anatomy.overlay import Overlay
from glisson.errors import InputError
from glisson.geometry import FloatArray, Grid, Mask, distance_to, nearest_label, resample_mask

__all__ = ["LEAST_SHARE", "PLANNED_REMOVAL", "ResectionCheck", "Span", "check_resection"]

PLANNED_REMOVAL = "planned_removal"
"""A structure of this name on a scan before a resection is what the plan removes."""

STEP_MM = 1.5
"""The livers are compared on a lattice of this spacing."""
AROUND_MM = 20.0
"""Room around it, for shifts."""
RIND_MM = 5.0
"""A strip at the capsule that is no thicker than this, or than three times the overlay's error, is no removed part:
outlines differ by as much."""
DRAWS = 128
"""Shifts by which the intervals are found."""
SHARE = 0.95
"""Share of the shifts that an interval holds."""
LEAST_SHARE = 0.1
"""A later liver smaller than this share of the earlier one is no remnant that anyone lives on: it is outlined in part,
or the scan shows a part of it."""
MOST_POINTS = 20000
"""Places looked at for each shift."""
SEED = 13
"""The places lie a little at random in their voxels, so that none cross the cut all at once; the same every time."""
KEPT, REMOVED = 1, 2


@dataclass(frozen=True)
class Span:
    """A volume in mL with the limits of what the overlay may be off."""

    ml: float
    low_ml: float
    high_ml: float


@dataclass(frozen=True, eq=False)
class ResectionCheck:
    """One resection, from the scan before it and the first one after.

    before_ml, after_ml: the livers as outlined, lesions in it. resected, kept: of the liver before, at its size then;
    they add up to before_ml. planned_ml, left, beyond: what the plan removes, what of that is still there, and what was
    removed beyond it; None without a plan. removed: on a coarse lattice of the scan before. planned_here, left_here: on
    the lattice of the scan after, within its liver for the second; None without a plan. error_mm: of the overlay along
    each axis.
    """

    before_ml: float
    after_ml: float
    resected: Span
    kept: Span
    planned_ml: float | None
    left: Span | None
    beyond: Span | None
    removed: Mask
    planned_here: Mask | None
    left_here: Mask | None
    error_mm: float

    @property
    def growth_percent(self) -> Span:
        """Growth of the remnant since the operation over its volume before, percent (in the fields of a Span)."""
        low, high = (100.0 * (self.after_ml / ml - 1.0) for ml in (self.kept.high_ml, self.kept.low_ml))
        return Span(100.0 * (self.after_ml / self.kept.ml - 1.0), low, high)


def check_resection(before: Mask, after: Mask, overlay: Overlay, planned: Mask | None = None) -> ResectionCheck:
    """Compare the liver before and after a resection, and with what was planned.

    before, after: whole livers of the two scans, each on a box of its own lattice. overlay: the later scan is its fixed
    one. planned: what the plan removes, on the earlier scan. Raises InputError for an empty mask, an overlay that is
    refused, a plan outside the liver, and when nothing of the liver before is there any more.
    """
    _check(before, after, overlay, planned)
    grid = _lattice(before)
    liver = resample_mask(before, grid).data
    there = np.argwhere(liver)
    state = np.zeros(grid.shape, np.uint8)
    state[liver] = np.where(_inside(after, overlay.alignment.to_fixed(grid.to_mm(there))), KEPT, REMOVED)
    if not (state == KEPT).any():
        raise InputError(
            "Nothing of the liver before lies in the liver after once they are laid over each other. "
            "Look at the overlay: glisson register."
        )
    _drop_rind(state, grid, max(RIND_MM, 3 * overlay.error_mm))
    removed = state == REMOVED
    plan = None if planned is None else resample_mask(planned, grid).data & liver
    scale = before.volume_ml / (there.shape[0] * grid.voxel_ml)
    spans = _spans(state, liver, plan, grid, overlay.shifts(DRAWS), scale)
    resected = spans[0]
    kept = Span(*(before.volume_ml - ml for ml in (resected.ml, resected.high_ml, resected.low_ml)))
    here = None if planned is None else _carried(planned, overlay, after.grid)
    left = None if here is None else Mask(here.data & after.on(here.grid, "the liver after"), here.grid).trimmed()
    return ResectionCheck(
        before.volume_ml, after.volume_ml, resected, kept, None if planned is None else planned.volume_ml,
        spans[1], spans[2], Mask(removed, grid).trimmed(), here, left, overlay.error_mm,
    )  # fmt: skip


def _check(before: Mask, after: Mask, overlay: Overlay, planned: Mask | None) -> None:
    for name, mask in (("liver before", before), ("liver after", after), ("planned removal", planned)):
        if mask is not None and mask.is_empty:
            raise InputError(f"The {name} is an empty mask; there is nothing to compare. Outline it first.")
    if after.volume_ml < LEAST_SHARE * before.volume_ml:
        raise InputError(
            f"The liver after has {after.volume_ml:.0f} mL of {before.volume_ml:.0f} mL before; that is no remnant. "
            "Outline the whole liver on a scan that shows all of it."
        )
    if overlay.refused:
        raise InputError(
            f"The scans lie over each other to {overlay.error_mm:.1f} mm only; what was removed cannot be measured by "
            "that. Give vessel masks of both scans, or better outlines of the liver."
        )
    if planned is not None and not (resample_mask(planned, before.grid).data & before.data).any():
        raise InputError("The planned removal lies outside the liver before the operation: it belongs to another scan.")


def _lattice(mask: Mask) -> Grid:
    points = mask.grid.to_mm(np.argwhere(mask.data))
    low, high = points.min(axis=0) - AROUND_MM, points.max(axis=0) + AROUND_MM
    i, j, k = (int(n) for n in np.ceil((high - low) / STEP_MM).astype(int) + 1)
    return Grid.axial((i, j, k), (STEP_MM,) * 3, (float(low[0]), float(low[1]), float(low[2])))


def _carried(planned: Mask, overlay: Overlay, grid: Grid) -> Mask:
    """The planned removal on the lattice of the scan after, on a box that holds it."""
    corners = planned.grid.to_mm(np.argwhere(planned.data))
    at = grid.to_index(overlay.alignment.to_fixed(corners))
    low, high = np.floor(at.min(axis=0)).astype(int) - 2, np.ceil(at.max(axis=0)).astype(int) + 3
    i, j, k = (slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    return overlay.alignment.pull_mask(planned, grid.crop((i, j, k))).trimmed()


def _inside(mask: Mask, points_mm: FloatArray) -> npt.NDArray[np.bool_]:
    """Whether points lie in a mask, by interpolation between its voxels."""
    from scipy.ndimage import map_coordinates

    at = mask.grid.to_index(points_mm).T
    found = map_coordinates(mask.data.astype(np.float32), at, order=1, mode="constant", cval=0.0)
    result: npt.NDArray[np.bool_] = found >= 0.5
    return result


def _drop_rind(state: npt.NDArray[np.uint8], grid: Grid, rind_mm: float) -> None:
    """Thin strips that are not there after are taken as kept: what is removed is thick somewhere near."""
    removed = state == REMOVED
    thick = removed & (distance_to(state == KEPT, grid.spacing_mm) > rind_mm)
    if not thick.any():
        state[removed] = KEPT
        return
    near = distance_to(thick, grid.spacing_mm) <= rind_mm + STEP_MM
    state[removed & ~near] = KEPT


def _spans(
    state: npt.NDArray[np.uint8],
    liver: npt.NDArray[np.bool_],
    plan: npt.NDArray[np.bool_] | None,
    grid: Grid,
    shifts_mm: FloatArray,
    scale: float,
) -> tuple[Span, Span | None, Span | None]:
    """Volume removed; with a plan, planned and still there, and removed beyond the plan.

    The liver is shifted under the parting into kept and removed, which goes on outside the liver as it is at the
    capsule: a shift moves the cut and nothing else. scale: mL of the finer mask for one of the coarse one.
    """
    from scipy.ndimage import map_coordinates

    if not (state == REMOVED).any():
        nothing = Span(0.0, 0.0, 0.0)
        left = None if plan is None else Span(*[scale * grid.voxel_ml * np.count_nonzero(plan)] * 3)
        return nothing, left, None if plan is None else nothing
    gone_there = nearest_label(state, grid.spacing_mm) == REMOVED
    depth = distance_to(~gone_there, grid.spacing_mm) - distance_to(gone_there, grid.spacing_mm)
    places = np.argwhere(liver)
    step = max(len(places) // MOST_POINTS, 1)
    places = places[::step]
    planned = np.zeros(len(places), np.bool_) if plan is None else plan[tuple(places.T)]
    spread = places + np.random.default_rng(SEED).uniform(-0.5, 0.5, places.shape)
    share = scale * grid.voxel_ml * np.count_nonzero(liver) / len(places)
    counts = []
    for shift in np.vstack([np.zeros(3), shifts_mm]) / STEP_MM:
        gone = map_coordinates(depth, (spread + shift).T, order=1, mode="nearest") > 0
        counts.append((gone.sum(), (planned & ~gone).sum(), (gone & ~planned).sum()))
    values = np.array(counts, dtype=np.float64) * share
    here = np.zeros_like(liver) if plan is None else plan
    whole = [np.count_nonzero(part) for part in (state == REMOVED, here & (state == KEPT), (state == REMOVED) & ~here)]
    spans = [_span(scale * grid.voxel_ml * count, drawn) for count, drawn in zip(whole, values.T, strict=True)]
    return spans[0], None if plan is None else spans[1], None if plan is None else spans[2]


def _span(best: float, drawn: FloatArray) -> Span:
    """drawn: the best estimate on the places looked at, then one for each shift."""
    off = drawn[1:] - drawn[0]
    low, high = (float(np.quantile(off, q)) for q in ((1 - SHARE) / 2, (1 + SHARE) / 2))
    return Span(float(best), max(float(best) + min(low, 0.0), 0.0), float(best) + max(high, 0.0))
