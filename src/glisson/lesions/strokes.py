"""Strokes correct a lesion mask: what they mark, and what near them looks the same."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from glisson.errors import InputError
from glisson.geometry import BoolArray, Grid, Mask, Volume, box_around, distance_to
from glisson.lesions.segment_lesion import FAT_HU, SMOOTH_MM, smoothed

__all__ = ["refine_lesion"]

STROKE_MM = 4.0
"""A stroke changes the mask up to this far from itself, where the CT numbers agree with it."""


def refine_lesion(
    ct: Volume, lesion: Mask, *, add: Mask | None = None, remove: Mask | None = None, liver: Mask | None = None
) -> Mask:
    """The mask after strokes: `add` marks tissue of the lesion, `remove` tissue that is not.

    Strokes change the mask at their voxels, and up to STROKE_MM from them where the CT numbers are nearer to those
    under the stroke than to those farther off on the same side of the mask. All masks lie on the scan's
    lattice. What `add` marks may lie outside `liver`; what grows from it may not. A voxel marked by both is removed.
    The result is trimmed. Raises InputError when no stroke is given or nothing is left, FrameMismatch off the lattice.
    """
    strokes = [m for m in (add, remove) if m is not None and not m.is_empty]
    if not strokes:
        raise InputError("No stroke was given: mark voxels to add to the lesion or to remove from it.")
    box = box_around([m for m in (lesion, *strokes) if not m.is_empty], ct.grid, 3 * STROKE_MM)
    grid, data = ct.grid.crop(box), ct.data[box].astype(np.float32)
    smooth = smoothed(data, data > FAT_HU, grid, SMOOTH_MM)
    inside = lesion.on(grid, "the lesion").copy()
    limit = np.ones(grid.shape, np.bool_) if liver is None else liver.on(grid, "the liver")
    if add is not None and not add.is_empty:
        mark = add.on(grid, "the stroke to add")
        inside |= mark | (_spread(mark, inside, ~inside & ~mark, smooth, grid) & limit)
    if remove is not None and not remove.is_empty:
        mark = remove.on(grid, "the stroke to remove")
        inside &= ~(mark | _spread(mark, ~inside, inside & ~mark, smooth, grid))
    if not inside.any():
        raise InputError("Nothing of the lesion is left after the strokes.")
    return Mask(inside, grid).trimmed()


def _spread(
    mark: BoolArray, own: BoolArray, other: BoolArray, smooth: npt.NDArray[np.float32], grid: Grid
) -> BoolArray:
    """Voxels on the other side near the stroke and connected with it whose CT number is nearer to the stroke's."""
    import cc3d

    away = distance_to(mark, grid.spacing_mm)
    near, beside = away <= STROKE_MM, other & (away > STROKE_MM) & (away <= 3 * STROKE_MM)
    if not beside.any():
        return mark
    mine, theirs = float(np.median(smooth[mark])), float(np.median(smooth[beside]))
    alike = near & ~own & (np.abs(smooth - mine) < np.abs(smooth - theirs))
    labels = cc3d.connected_components(alike | mark, connectivity=6)
    values = np.unique(labels[mark])
    result: BoolArray = np.isin(labels, values[values > 0])
    return result
