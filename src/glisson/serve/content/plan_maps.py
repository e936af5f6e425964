"""Maps of what a plan leaves and takes, on the grids of the viewer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from glisson.geometry import Grid, Labels
from glisson.planning.clearance import CAUSES

__all__ = ["PARTS", "on_level", "parts_of"]

WORDS = {
    "removed": ("Removed", "#8a8f98"),
    "destroyed": ("Destroyed by ablation", "#d1352b"),
    "irradiated": ("Given a high dose", "#c79a1e"),
    "devascularised": ("Without inflow", "#6f5aa8"),
    "congested": ("Without outflow", "#3d6fd9"),
}
"""Cause of loss -> words and colour."""

PARTS: Mapping[int, tuple[str, str, str]] = {1: ("kept", "Liver that stays", "#b5651d")} | {
    label: (cause, *WORDS.get(cause, (cause.capitalize(), "#5a5a5a"))) for label, cause in enumerate(CAUSES, 2)
}
"""Label in a plan's map, as the dossier writes it -> part, words, colour."""


def parts_of(number: int, voxels: Mapping[str, int | None]) -> list[dict[str, Any]]:
    """What a plan leaves and takes, each part with its surface's key, its label in the plan's map, words and colour.

    voxels: cause -> voxels, as plans.json says it; causes without any, or that nobody looked at, have no part.
    """
    return [
        {"key": f"plan-{number}-{part}", "part": part, "name": words, "label": label, "colour": colour}
        for label, (part, words, colour) in PARTS.items()
        if part == "kept" or voxels.get(part)
    ]


def on_level(found: Labels, level: Mapping[str, Any]) -> Labels:
    """A map on the scan's lattice, or on a box of it, at the middles of a level's voxels; 0 where it does not reach.

    level: an entry of the scene's `levels`, with its shape and affine (LPS mm).
    """
    a, b, c = level["shape"]
    grid = Grid((a, b, c), np.array(level["affine_lps"]))
    between = np.linalg.inv(found.grid.affine) @ grid.affine
    data: Any = found.data
    for axis, count in enumerate(grid.shape):
        at = np.floor(between[axis, 3] + between[axis, axis] * np.arange(count) + 0.5).astype(np.int64)
        size = found.data.shape[axis]
        data = data.take(np.clip(at, 0, size - 1), axis)
        outside = (at < 0) | (at >= size)
        if outside.any():
            data[(slice(None),) * axis + (outside,)] = 0
    return Labels(np.asfortranarray(data), grid)
