"""What hangs together: connected components, contact, and boxes around several masks."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from glisson.errors import InputError
from glisson.geometry.grid import Box, Grid
from glisson.geometry.volume import Mask, box_of

__all__ = ["box_around", "components", "reaches_border", "touching"]


def components(mask: Mask) -> tuple[Mask, ...]:
    """The connected parts of a mask (26 neighbours), largest first, each on its own trimmed box; () for an empty mask.

    Parts of one size follow the order of their first voxel, so the answer never depends on chance.
    """
    import cc3d

    box = box_of(mask.data)
    if box is None:
        return ()
    grid = mask.grid.crop(box)
    labels, count = cc3d.connected_components(np.array(mask.data[box], order="C"), connectivity=26, return_N=True)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    flat = labels.ravel()
    first = np.full(count + 1, flat.size)
    positions = np.flatnonzero(flat)
    np.minimum.at(first, flat[positions], positions)
    order = np.lexsort((first[1:], -sizes))
    return tuple(Mask(labels == value + 1, grid).trimmed() for value in order)


def touching(a: Mask, b: Mask) -> bool:
    """True when two masks on one lattice share a voxel or a voxel's face. Raises FrameMismatch off the lattice."""
    small, other = (a, b) if a.data.size <= b.data.size else (b, a)
    box = box_of(small.data)
    if box is None or other.is_empty:
        return False
    around = small.grid.crop(_grown(box, 1))
    near = other.on(around, "one mask")
    return bool(near.any()) and bool((_with_neighbours(small.on(around)) & near).any())


def reaches_border(mask: Mask, grid: Grid) -> bool:
    """True when a voxel of the mask lies in the first or last layer of `grid` (the scan) along any axis longer than 1.

    What is cut by the border of the scan is larger than what is seen of it. Raises FrameMismatch off the lattice.
    """
    box = box_of(mask.data)
    if box is None:
        return False
    offset = mask.grid.offset_in(grid)
    return any(o + s.start <= 0 or o + s.stop >= n for o, s, n in zip(offset, box, grid.shape, strict=True) if n > 1)


def box_around(masks: Iterable[Mask], grid: Grid, pad_mm: float = 0.0) -> Box:
    """The smallest box of slices of `grid` around all voxels of the masks, grown by pad_mm on each side and clipped.

    Raises InputError when all masks are empty, FrameMismatch when one is off the lattice.
    """
    lows, highs = [], []
    for mask in masks:
        box = box_of(mask.data)
        if box is not None:
            offset = np.array(mask.grid.offset_in(grid))
            lows.append(offset + [s.start for s in box])
            highs.append(offset + [s.stop for s in box])
    if not lows:
        raise InputError("There is no box around empty masks.")
    pad = np.ceil(pad_mm / np.array(grid.spacing_mm)).astype(int)
    low = np.clip(np.min(lows, axis=0) - pad, 0, np.array(grid.shape) - 1)
    high = np.clip(np.max(highs, axis=0) + pad, low + 1, grid.shape)
    return (slice(int(low[0]), int(high[0])), slice(int(low[1]), int(high[1])), slice(int(low[2]), int(high[2])))


def _grown(box: Box, pad: int) -> Box:
    a, b, c = (slice(s.start - pad, s.stop + pad) for s in box)
    return (a, b, c)


def _with_neighbours(
    array: np.ndarray[tuple[int, ...], np.dtype[np.bool_]],
) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    result = array.copy()
    for axis in range(3):
        ahead: list[slice] = [slice(None)] * 3
        behind: list[slice] = [slice(None)] * 3
        ahead[axis], behind[axis] = slice(1, None), slice(None, -1)
        result[tuple(ahead)] |= array[tuple(behind)]
        result[tuple(behind)] |= array[tuple(ahead)]
    return result
