"""The scan of a virtual patient after a resection: what was removed is no longer there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from glisson.errors import InputError
from glisson.geometry import Labels, Mask, Volume, components
from glisson.scene import LesionMask, Scene

__all__ = ["FILLED_HU", "removed_part", "without"]

FILLED_HU = -90
"""What fills the place of the removed part: fat and bowel."""
IN_LIVER = ("liver", "portal", "hepatic", "artery", "bile_ducts")
"""Structures that lose what lies in the removed part."""


def removed_part(scene: Scene, segments: Sequence[int]) -> Mask:
    """The segments with every lesion whose middle lies in them whole, and without any whose middle lies beside them.

    segments: numbers 1 to 8 of the scene's map. On the box of the segment map. Raises InputError without a map.
    """
    if scene.segments is None:
        raise InputError("The scan has no segment map; the part that was removed is named by its segments.")
    grid = scene.segments.grid
    data = np.isin(scene.segments.data, segments)
    inside = data.copy()
    for lesion in scene.lesions:
        held = lesion.mask.on(grid, f"lesion {lesion.id}")
        at = np.clip(np.rint(grid.to_index(lesion.mask.centroid_mm)).astype(int), 0, np.array(grid.shape) - 1)
        data = data | held if inside[tuple(at)] else data & ~held
    return Mask(data & scene.liver.on(grid, "the liver"), grid)


def without(scene: Scene, removed: Mask) -> Scene:
    """The scene as scanned after `removed` (on its lattice) was taken out; the rest lies where it lay.

    What hangs on to the liver no more is taken out with it.
    """
    gone = removed.on(scene.grid, "the removed part")

    def left(mask: Mask) -> Mask:
        return Mask(mask.data & ~removed.on(mask.grid, "the removed part"), mask.grid).trimmed()

    structures = {name: left(mask) if name in IN_LIVER else mask for name, mask in scene.structures.items()}
    structures["liver"] = max(components(structures["liver"]), key=lambda piece: piece.count)
    image = scene.image
    if image is not None:
        data = image.data.copy()
        data[gone] = FILLED_HU
        image = Volume(data, image.grid)
    segments = scene.segments
    if segments is not None:
        rest = np.where(structures["liver"].on(segments.grid, "the liver"), segments.data, 0).astype(
            segments.data.dtype
        )
        segments = Labels(rest, segments.grid, segments.names)
    lesions = [LesionMask(one.id, left(one.mask), one.source) for one in scene.lesions]
    return replace(
        scene,
        image=image,
        structures={name: mask for name, mask in structures.items() if not mask.is_empty},
        lesions=tuple(one for one in lesions if not one.mask.is_empty),
        segments=segments,
    )
