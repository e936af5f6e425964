"""Surfaces for the viewer: coarse enough to be light, smooth enough to be looked at, in the MZ3 format."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import numpy.typing as npt

from glisson.geometry import Grid, Mask, Surface, box_of, surface

__all__ = ["MOST_FACES", "coarse_mask", "light_surface", "mz3"]

MOST_FACES = 40_000
"""Triangles of one mesh at most, nearly."""

FACES_PER_STEP = 1.9
"""Triangles that marching cubes makes for each face of a voxel that looks outside."""

FILLED = 0.5
"""A coarse voxel belongs to a mask from this share of its voxels on."""
FILLED_THIN = 0.4
"""The same for vessels, which would break into pieces."""

MAGIC = 0x5A4D
HAS_FACES, HAS_VERTICES = 1, 2


def light_surface(mask: Mask, *, thin: bool = False) -> Surface:
    """A smooth closed surface of at most about MOST_FACES triangles; LPS mm. thin: a vessel tree.

    The mask is made coarser by whole voxels until so many suffice, then outlined by `geometry.surface`. Raises
    InputError for an empty mask.
    """
    box = box_of(mask.data)
    part = mask if box is None else Mask(mask.data[box], mask.grid.crop(box))
    step_mm = min(part.grid.spacing_mm)
    while True:
        coarse = coarse_mask(part, step_mm, FILLED_THIN if thin else FILLED)
        if coarse.is_empty:
            coarse = part
            break
        if FACES_PER_STEP * _outer_faces(coarse.data) <= MOST_FACES:
            break
        step_mm *= 1.25
    return surface(coarse, keep=False)


def coarse_mask(mask: Mask, step_mm: float, filled: float = FILLED) -> Mask:
    """The mask on a grid whose voxels are about step_mm wide: those filled by the mask to a share, on its own axes."""
    steps = [max(1, round(step_mm / s)) for s in mask.grid.spacing_mm]
    if max(steps) == 1:
        return mask
    counts = [-(-n // f) for n, f in zip(mask.data.shape, steps, strict=True)]
    pad = [(0, f * m - n) for n, f, m in zip(mask.data.shape, steps, counts, strict=True)]
    data = np.pad(mask.data, pad).astype(np.uint16)
    for axis, step in enumerate(steps):
        data = np.add.reduceat(data, np.arange(0, data.shape[axis], step), axis=axis, dtype=np.uint16)
    affine = mask.grid.affine.copy()
    affine[:3, :3] *= np.array(steps, float)
    affine[:3, 3] = mask.grid.to_mm((np.array(steps) - 1.0) / 2.0)
    a, b, c = counts
    return Mask(data >= max(1.0, filled * float(np.prod(steps))), Grid((a, b, c), affine))


def _outer_faces(data: npt.NDArray[np.bool_]) -> int:
    return sum(int(np.count_nonzero(np.diff(np.pad(data, 1).view(np.int8), axis=axis))) for axis in range(3))


def mz3(found: Surface) -> bytes:
    """The bytes of a gzipped MZ3 file (Surf Ice, NiiVue): int32 faces and float32 vertices in RAS mm.

    LPS becomes RAS by a half turn, so faces keep their sense.
    """
    vertices = found.vertices_mm * np.array([-1.0, -1.0, 1.0])
    head = struct.pack("<HHIII", MAGIC, HAS_FACES | HAS_VERTICES, len(found.faces), len(vertices), 0)
    body = head + found.faces.astype("<i4").tobytes() + vertices.astype("<f4").tobytes()
    squeeze = zlib.compressobj(1, zlib.DEFLATED, 31)
    return squeeze.compress(body) + squeeze.flush()
