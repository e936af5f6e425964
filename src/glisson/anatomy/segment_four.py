"""Segment IV in its upper part IVa and its lower part IVb."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glisson.anatomy.relations import VesselSystem
from glisson.anatomy.segments import SegmentMap
from glisson.case import Unknown
from glisson.geometry import FloatArray, Mask

__all__ = ["PartsOfFour", "parts_of_four"]

LEAST_SHARE = 0.1
"""A portal level that leaves less than this share of IV above or below it parts nothing; equal volumes are taken."""

UMBILICAL = "umbilical portion"
FORK = "portal bifurcation"
WORDS = {UMBILICAL: "umbilical portion of the left portal vein", FORK: "bifurcation of the portal vein"}
CONVENTION = "equal volumes"
"""The basis where the portal vein shows no level: a convention, no anatomy."""


@dataclass(frozen=True, eq=False)
class PartsOfFour:
    """IVa and IVb, disjoint and together IV.

    upper, lower: IVa and IVb. level_mm: the height (z, LPS mm) of the border between them; IVa lies at and above it.
    basis: what gave the height: "umbilical portion", "portal bifurcation" or "equal volumes". note: the same in words.
    """

    upper: Mask
    lower: Mask
    level_mm: float
    basis: str
    note: str


def parts_of_four(segments: SegmentMap, portal: VesselSystem | None = None) -> PartsOfFour | Unknown:
    """Part segment IV at the height of the left portal vein's umbilical portion, else of the portal bifurcation.

    portal: the portal system with its names. Where it shows neither, or its level leaves nearly all of IV on one side,
    IV is parted in two equal volumes, which is a convention and said to be one. IVa is the upper, IVb the lower part
    (Strasberg 2005, doi 10.1007/s00534-005-0999-7). Unknown for a map without IV, or with one that has no height.
    """
    four = segments.mask("IV")
    index = np.argwhere(four.data)
    if not len(index):
        return Unknown("the segment map has no segment IV")
    height = four.grid.to_mm(index)[:, 2]
    level, basis, note = _level(height, portal)
    above = np.zeros(four.data.shape, dtype=np.bool_)
    above[tuple(index[height >= level].T)] = True
    upper, lower = Mask(above, four.grid), Mask(four.data & ~above, four.grid)
    if lower.is_empty:
        return Unknown("segment IV lies in one slice, so it has no upper and lower part")
    return PartsOfFour(upper, lower, level, basis, note)


def _level(height: FloatArray, portal: VesselSystem | None) -> tuple[float, str, str]:
    """Height of the border, what gave it, and the same in words; height: (n,) z of the voxels of IV."""
    why = "no portal branch shows the level"
    for basis, level in _portal_levels(portal):
        if LEAST_SHARE <= float((height >= level).mean()) <= 1.0 - LEAST_SHARE:
            return level, basis, f"IVa lies above and IVb below the height of the {WORDS[basis]}."
        why = f"the {WORDS[basis]} does not lie at a height between them"
    half = float(np.median(height))
    if half == height.min():
        above = height[height > half]
        half = float(above.min()) if len(above) else half
    return half, CONVENTION, f"IVa and IVb are the upper and lower half of IV by volume, a convention: {why}."


def _portal_levels(portal: VesselSystem | None) -> list[tuple[str, float]]:
    """What the portal tree shows, the better first: name and z, LPS mm."""
    if portal is None:
        return []
    tree, levels = portal.territories.tree, []
    for branch in portal.names.named:
        if branch.name.startswith(UMBILICAL):
            levels.append((UMBILICAL, float(tree.line_mm(branch.branches[0])[:, 2].mean())))
    for name in ("left portal vein", "right portal vein"):
        if name in portal.names:
            start = tree.line_mm(portal.names[name].branches[0])[0]
            return [*levels, (FORK, float(start[2]))]
    return levels
