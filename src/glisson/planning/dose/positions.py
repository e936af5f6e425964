"""What to give at each catheter position: from perfused volumes, drawn or taken from the tree of the hepatic artery."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from glisson.anatomy import Territories
from glisson.errors import InputError
from glisson.geometry import Mask
from glisson.planning.dose.activity import Activity, Delivery, Liver, delivered_from, uniform_activity
from glisson.planning.dose.limits import Cap, plan_activity

__all__ = ["Artery", "Position", "Positions", "activity_by_position", "arteries", "artery_positions"]

WHOLE = ("lung_gy", "lung_gbq", "injected_gbq")
"""Quantities that all positions of a treatment share; every other one is of a position's own tissue."""

SMALLEST_SHARE = 0.01
"""Parts of the liver smaller than this share of it are no catheter position of their own."""


@dataclass(frozen=True)
class Position:
    """One catheter position: what it perfuses and what is given there.

    tumour_ml, normal_ml: perfused. wanted: the activity that reaches the target. activity: what the limits leave of it.
    binding: the limit that holds it back, None where the target is reached.
    """

    name: str
    tumour_ml: float
    normal_ml: float
    wanted: Activity
    activity: Activity
    binding: Cap | None


@dataclass(frozen=True)
class Positions:
    """The positions of one treatment, and what all of them together give.

    injected_gbq and lung_gy: sums. not_perfused_ml: tumour that no position reaches. notes: what must be known.
    """

    positions: tuple[Position, ...]
    injected_gbq: float
    vial_gbq: float
    lung_gy: float
    not_perfused_ml: float
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Artery:
    """An artery that enters the liver by itself. aberrant: nothing in the mask joins it to the largest one, so it may
    be a replaced or accessory artery (or a gap in the mask). mask: what it supplies.
    """

    name: str
    branch: int
    aberrant: bool
    mask: Mask
    share_percent: float


def activity_by_position(
    perfused: Mapping[str, Mask], tumour: Mask | None, target_gy: float, tnr: float | None, way: Delivery,
    caps: Iterable[Cap] = (), *, density_g_ml: float | None = None,
) -> Positions:  # fmt: skip
    """Activity for each perfused volume, within limits.

    perfused: position -> volume, on one lattice; volumes must not share voxels. tumour: all tumour; without it, or
    where a volume holds none of it, the dose is aimed at all perfused tissue. tnr: tumour to normal ratio; None takes
    the single compartment everywhere. way.lung_shunt is that of the whole treatment. Caps on the lungs and on the
    activity hold for the sum of all positions and take the same share from each; the others hold at each position.
    Raises InputError for no, empty or overlapping volumes and like `plan_activity`.
    """
    limits = tuple(caps)
    own = tuple(cap for cap in limits if cap.quantity not in WHOLE)
    cut, missed_ml = _volumes(perfused, tumour)
    tissue = {} if density_g_ml is None else {"density_g_ml": density_g_ml}
    found = []
    for name, (tumour_ml, normal_ml) in cut.items():
        split = tnr is not None and tumour_ml > 0
        liver = Liver(tumour_ml, normal_ml, tnr if split and tnr is not None else 1.0, **tissue)
        found.append(_planned(name, target_gy, liver, way, own, split=split))
    kept, binding = _shared(found, [cap for cap in limits if cap.quantity in WHOLE], way)
    if kept < 1.0:
        found = [_less(item, kept, binding) for item in found]
    notes = []
    if missed_ml > 0:
        notes.append(f"{missed_ml:.1f} mL of tumour lie outside all perfused volumes and receive nothing.")
    if any(item.tumour_ml == 0 for item in found) and tumour is not None:
        notes.append("A position without tumour: the dose there is aimed at all perfused tissue.")
    return Positions(
        tuple(found), sum(p.activity.injected_gbq for p in found), sum(p.activity.vial_gbq for p in found),
        sum(p.activity.lung_gy for p in found), missed_ml, tuple(notes),
    )  # fmt: skip


def arteries(territories: Territories) -> tuple[Artery, ...]:
    """The arteries that enter the liver, the one that supplies most first; the others are flagged as aberrant.

    territories: of a tree of kind "artery". A territory on an aberrant artery is not treated from the common one, and
    infusion must reach it by another way. Raises InputError for the tree of another vessel.
    """
    tree = territories.tree
    if tree.kind != "artery":
        raise InputError(f"Arteries are read from the tree of an artery, got one of kind {tree.kind!r}.")
    whole = float(territories.counts.sum())
    own = [b.id for b in tree.branches if b.parent < 0]
    by_root: dict[int, list[int]] = {}
    for branch in own:  # branches of one root point start one artery
        by_root.setdefault(_root_of(territories, branch), []).append(branch)
    held = [(branches, territories.mask(*branches)) for branches in by_root.values()]
    held = [(branches, mask) for branches, mask in held if mask.count >= SMALLEST_SHARE * whole]
    held.sort(key=lambda pair: (-pair[1].count, pair[0]))
    return tuple(
        Artery(
            "hepatic artery" if rank == 0 else f"artery {rank + 1}, possibly replaced or accessory",
            branches[0], rank > 0, mask, 100.0 * mask.count / whole,
        )
        for rank, (branches, mask) in enumerate(held)
    )  # fmt: skip


def artery_positions(territories: Territories, branches: Iterable[int] = ()) -> dict[str, Mask]:
    """Perfused volumes by position: of the branches named, else of each artery's first division.

    Raises InputError for a branch that is not there, and where one branch named comes from another one.
    """
    tree = territories.tree
    named = tuple(branches)
    if not named:
        named = tuple(b for artery in arteries(territories) for b in _first_division(territories, artery.branch))
    for branch in named:
        if set(tree.ancestors(branch)[:-1]) & set(named):
            raise InputError(f"Branch {branch} comes from another branch that is named too: a voxel has one position.")
    whole = float(territories.counts.sum())
    masks = {f"branch {branch}": territories.mask(branch) for branch in named}
    return {name: mask.trimmed() for name, mask in masks.items() if mask.count >= SMALLEST_SHARE * whole}


def _root_of(territories: Territories, branch: int) -> int:
    tree = territories.tree
    point = tree.branches[branch].points[0]
    return int(tree.parent[point]) if tree.parent[point] >= 0 else int(point)


def _first_division(territories: Territories, branch: int) -> tuple[int, ...]:
    """The branches of the first fork of which two supply something; the branch itself where there is none."""
    served = territories.subtree_ml
    while True:
        below = [b for b in territories.tree.children[branch] if served[b] >= SMALLEST_SHARE * served.max()]
        if len(below) != 1:
            return tuple(below) or (branch,)
        branch = below[0]


def _volumes(perfused: Mapping[str, Mask], tumour: Mask | None) -> tuple[dict[str, tuple[float, float]], float]:
    """Tumour and normal tissue in mL of each volume, and the tumour outside all of them."""
    if not perfused:
        raise InputError("No perfused volume was given: give a mask for each catheter position.")
    names = list(perfused)
    grid = (tumour or perfused[names[0]]).grid
    parts: dict[str, tuple[float, float]] = {}
    for name in names:
        mask = perfused[name]
        if mask.is_empty:
            raise InputError(f"The perfused volume {name!r} is empty: no voxel is set.")
        room = mask.grid
        mask.grid.offset_in(grid, f"the perfused volume {name!r}", "the first volume")
        inside = mask.data & tumour.on(room, "the tumour") if tumour is not None else np.zeros_like(mask.data)
        ml = float(np.count_nonzero(inside)) * room.voxel_ml
        parts[name] = (ml, mask.volume_ml - ml)
        for other in names[: names.index(name)]:
            if (perfused[other].on(room) & mask.data).any():
                raise InputError(
                    f"The perfused volumes {other!r} and {name!r} share voxels: a voxel is supplied from one position."
                )
    missed = 0.0
    if tumour is not None:
        left = tumour.data.copy()
        for mask in perfused.values():
            left &= ~mask.on(tumour.grid)
        missed = float(np.count_nonzero(left)) * tumour.grid.voxel_ml
    return parts, missed


def _planned(
    name: str, target_gy: float, liver: Liver, way: Delivery, caps: tuple[Cap, ...], *, split: bool
) -> Position:
    if split:
        plan = plan_activity(target_gy, liver, way, caps)
        return Position(name, liver.tumour_ml, liver.normal_ml, plan.wanted, plan.activity, plan.binding)
    wanted = uniform_activity(target_gy, liver, way)
    doses = {"mean_gy": target_gy, "normal_gy": target_gy} | ({"tumour_gy": target_gy} if liver.tumour_ml else {})
    tight = [(cap.at_most / doses[cap.quantity], cap) for cap in caps if cap.quantity in doses]
    share, cap = min(tight, key=lambda pair: pair[0], default=(1.0, None))
    if share >= 1.0 or cap is None:
        return Position(name, liver.tumour_ml, liver.normal_ml, wanted, wanted, None)
    given = delivered_from(share * wanted.injected_gbq, liver, way, "uniform")
    return Position(name, liver.tumour_ml, liver.normal_ml, wanted, given, cap)


def _shared(found: Sequence[Position], caps: Iterable[Cap], way: Delivery) -> tuple[float, Cap | None]:
    """The share of every position's activity that the limits of the whole treatment leave, and which one binds."""
    injected = sum(item.activity.injected_gbq for item in found)
    sums = {
        "injected_gbq": injected, "lung_gbq": injected * way.lung_shunt,
        "lung_gy": sum(item.activity.lung_gy for item in found),
    }  # fmt: skip
    ratios = [(cap.at_most / sums[cap.quantity], cap) for cap in caps if sums[cap.quantity] > 0]
    kept, cap = min(ratios, key=lambda pair: pair[0], default=(1.0, None))
    if kept <= 0.0:
        raise InputError(f"No activity can be given: {cap.quantity if cap else ''} may not rise above its limit.")
    return (1.0, None) if kept >= 1.0 else (kept, cap)


def _less(item: Position, kept: float, binding: Cap | None) -> Position:
    """The position with a share of its activity; doses are in proportion to it."""
    had = item.activity
    given = replace(
        had, injected_gbq=kept * had.injected_gbq, vial_gbq=kept * had.vial_gbq, lung_gy=kept * had.lung_gy,
        mean_gy=kept * had.mean_gy,
        tumour_gy=None if had.tumour_gy is None else kept * had.tumour_gy,
        normal_gy=None if had.normal_gy is None else kept * had.normal_gy,
    )  # fmt: skip
    return replace(item, activity=given, binding=binding)
