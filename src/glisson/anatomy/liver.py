"""The whole liver: the mask as given, united with the lesions that were cut out of it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from glisson.geometry import BoolArray, Grid, Mask, box_of
from glisson.scene import Scene

__all__ = ["WholeLiver", "join_liver", "whole_liver"]

ATTACHED_SHARE = 0.10
"""A lesion without a voxel in the liver mask belongs to the liver when at least this share of its outer faces lies
against it.

A lesion cut out of the mask has most of its faces there, one at the capsule about half; a deposit that grazes the
capsule has few.
"""

NOT_LIVER = (
    "gallbladder", "cava", "stomach", "duodenum", "colon", "small_bowel", "pancreas", "kidney_right", "heart", "aorta",
)  # fmt: skip
"""Structures whose voxels are never filled as holes of the liver."""


@dataclass(frozen=True, eq=False)
class WholeLiver:
    """The liver that is measured and planned on, and how it came from the mask given.

    mask: on its own trimmed box of the scan's lattice. lesions_added_ml: volume of each lesion outside the mask given
    (id -> mL; 0 for lesions that it holds already). outside: ids of lesions that were not united because they lie
    outside the liver. holes_filled_ml: enclosed holes that no lesion explains. notes: in words, what was added.
    """

    mask: Mask
    lesions_added_ml: dict[str, float]
    outside: tuple[str, ...]
    holes_filled_ml: float
    notes: tuple[str, ...] = field(default=())


def whole_liver(scene: Scene) -> Mask:
    """The liver with the lesions that lie in it or are attached to it, on its trimmed box of the scan's lattice.

    See `join_liver` for the rules and for what was added.
    """
    return join_liver(scene).mask


def join_liver(scene: Scene) -> WholeLiver:
    """Unite the liver mask with its lesions and fill its enclosed holes.

    A hole is filled only when liver encloses it on all sides within the scan; vessels that leave the liver stay as the
    mask has them, and so do other organs given (NOT_LIVER). A lesion is united when it shares a voxel with the liver so
    filled, or with a lesion already united, or when ATTACHED_SHARE of its outer faces lies against either. Lesions
    outside are named, not united.
    """
    grid = scene.grid.crop(scene.liver_box(pad_mm=0.0))
    given = scene.liver.on(grid, "the liver")
    keep_out = _organs(scene, grid)
    liver = given | (_holes(given) & ~keep_out)
    filled = liver & ~given
    added: dict[str, float] = {}
    waiting = {lesion.id: lesion.mask for lesion in scene.lesions if not lesion.mask.is_empty}
    joined = True
    while waiting and joined:
        joined = False
        for name in tuple(waiting):
            if not _belongs(waiting[name], liver, grid):
                continue
            mask = waiting.pop(name)
            voxels, box = _in_box(mask, grid)
            added[name] = float((voxels & ~given[box]).sum()) * grid.voxel_ml
            liver[box] |= voxels
            filled[box] &= ~voxels
            joined = True
    more = _holes(liver) & ~keep_out
    liver |= more
    holes_ml = float((filled | more).sum()) * grid.voxel_ml
    order = [lesion.id for lesion in scene.lesions]
    added = {name: added[name] for name in order if name in added}
    outside = tuple(name for name in order if name in waiting)
    return WholeLiver(Mask(liver, grid).trimmed(), added, outside, holes_ml, _notes(added, holes_ml))


def _notes(added: dict[str, float], holes_ml: float) -> tuple[str, ...]:
    notes = []
    cut_out = {name: ml for name, ml in added.items() if ml > 0}
    if cut_out:
        listed = ", ".join(f"{name} {ml:.1f} mL" for name, ml in cut_out.items())
        notes.append(f"The liver mask left out tissue of these lesions, which was added to it: {listed}.")
    if holes_ml > 0:
        notes.append(f"Enclosed holes of {holes_ml:.1f} mL that no lesion covers were filled.")
    return tuple(notes)


def _organs(scene: Scene, grid: Grid) -> BoolArray:
    result = np.zeros(grid.shape, dtype=np.bool_)
    for name in NOT_LIVER:
        if name in scene.structures:
            result |= scene.structures[name].on(grid, f"the mask '{name}'")
    return result


def _holes(liver: BoolArray) -> BoolArray:
    """Background that liver encloses (6 neighbours; the edge of the array is open)."""
    import cc3d

    outside = np.pad(~liver, 1, constant_values=True)
    labels, count = cc3d.connected_components(outside, connectivity=6, return_N=True)
    if count == 1:
        return np.zeros_like(liver)
    inner = labels[1:-1, 1:-1, 1:-1]
    holes: BoolArray = (inner != labels[0, 0, 0]) & ~liver
    return holes


def _in_box(mask: Mask, grid: Grid) -> tuple[BoolArray, tuple[slice, slice, slice]]:
    """The mask's voxels on its own box of `grid`, and that box; the grid holds all of them."""
    own = box_of(mask.data) or (slice(0, 1), slice(0, 1), slice(0, 1))
    offset = mask.grid.offset_in(grid)
    i, j, k = (slice(max(s.start + o, 0), min(s.stop + o, n)) for s, o, n in zip(own, offset, grid.shape, strict=True))
    return mask.on(grid.crop((i, j, k))), (i, j, k)


def _belongs(mask: Mask, liver: BoolArray, grid: Grid) -> bool:
    voxels, box = _in_box(mask, grid)
    if (voxels & liver[box]).any():
        return True
    lesion = np.pad(voxels, 1)
    around = np.zeros(lesion.shape, dtype=np.bool_)
    wide = [slice(max(s.start - 1, 0), min(s.stop + 1, n)) for s, n in zip(box, liver.shape, strict=True)]
    inner = tuple(slice(w.start - s.start + 1, w.stop - s.start + 1) for w, s in zip(wide, box, strict=True))
    around[inner] = liver[tuple(wide)]
    faces = contacts = 0
    for axis in range(3):
        for step in (-1, 1):
            beside = np.roll(lesion, step, axis=axis) & ~lesion
            faces += int(beside.sum())
            contacts += int((beside & around).sum())
    return contacts > 0 and contacts >= ATTACHED_SHARE * faces
