"""Two scans of one liver laid over each other, with the error that is to be expected.

The map itself is `geometry.registration`. Here it is checked against what it was not told: the forks of the vessels,
found on each scan by itself, and the outlines of the liver.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from glisson.anatomy.cava import split_cava
from glisson.anatomy.liver import whole_liver
from glisson.anatomy.trace import vessel_tree
from glisson.errors import SceneError
from glisson.geometry import FloatArray, Mask, surface
from glisson.geometry.registration import Alignment, Organ, align
from glisson.geometry.separation import point_distances_mm
from glisson.scene import Notice, Scene

__all__ = ["LiverScan", "Overlay", "judged", "lay_over", "liver_scan"]

FORK_REACH_MM = 12.0
"""A fork has no partner farther away than this once the scans lie over each other."""
FEWEST_FORKS = 6
"""With fewer pairs of forks than this the outline alone tells the error."""
MEDIAN_OF_UNIT = 1.538172
"""Median length of a vector of three independent standard normal numbers."""
OUTLINE_FACTOR = 1.6
"""The error inside is this many times the error of the outline, measured on virtual patients."""
LEAST_MM = 0.6
"""No overlay is said to be better than this along each axis."""
DOUBTFUL_MM, REFUSED_MM = 3.0, 6.0
"""An overlay whose expected error along each axis exceeds the first is marked, beyond the second refused."""
SEED = 11
"""The shifts by which intervals are found are the same every time."""
OUTLINE_POINTS = 4000
"""Points of the outline that are measured."""


@dataclass(frozen=True, eq=False)
class LiverScan:
    """What one scan contributes: the whole liver with its image, the lesions in it, and the forks of its vessels.

    forks_mm: system ("portal", "hepatic") -> (n, 3) branch points, LPS mm; only systems that are outlined.
    """

    organ: Organ
    forks_mm: Mapping[str, FloatArray]


@dataclass(frozen=True, eq=False)
class Overlay:
    """One scan laid over another.

    alignment: fixed to moving points. error_mm: expected standard deviation along each axis of where a point of the
    liver is put. measured_on: "vessel forks" or "outline". forks: pairs of forks compared. outline_mm: median and 95th
    percentile of the distance between the outlines. refused: too uncertain to match anything by.
    """

    alignment: Alignment
    error_mm: float
    measured_on: str
    forks: int
    outline_mm: tuple[float, float]
    notices: tuple[Notice, ...] = ()

    @property
    def refused(self) -> bool:
        """Whether nothing may be concluded from it."""
        return self.error_mm > REFUSED_MM

    @property
    def doubtful(self) -> bool:
        """Whether what is concluded from it must be looked at."""
        return self.error_mm > DOUBTFUL_MM

    def shifts(self, draws: int) -> FloatArray:
        """(draws, 3) shifts in mm by what it may be off: normal along each axis, evenly spread (Sobol points), the same
        every time. draws: a power of 2."""
        from scipy.stats import norm, qmc

        points = qmc.Sobol(3, scramble=True, rng=SEED).random(draws)
        result: FloatArray = self.error_mm * norm.ppf(np.clip(points, 1e-9, 1 - 1e-9))
        return result


def liver_scan(scene: Scene) -> LiverScan:
    """The liver of a scene, ready to be laid over others. Vessels that cannot be traced are left out."""
    liver = whole_liver(scene)
    split = split_cava(scene)
    forks = {}
    for kind, mask in (("portal", scene.structures.get("portal")), ("hepatic", split.hepatic)):
        if mask is None or mask.is_empty:
            continue
        try:
            cava = split.cava if kind == "hepatic" else None
            forks[kind] = vessel_tree(mask, liver=liver, kind=kind, cava=cava).branch_points_mm
        except SceneError:
            continue
    return LiverScan(Organ(liver, scene.image, tuple(lesion.mask for lesion in scene.lesions)), forks)


def lay_over(fixed: LiverScan, moving: LiverScan, *, bend: bool = True) -> Overlay:
    """Lay a moving scan over a fixed one and say how far it can be trusted. Deterministic; raises as `align`."""
    return judged(align(fixed.organ, moving.organ, bend=bend), fixed, moving, surface(fixed.organ.mask).vertices_mm)


def judged(alignment: Alignment, fixed: LiverScan, moving: LiverScan, outline_mm: FloatArray) -> Overlay:
    """An alignment of two scans with the error that is to be expected of it.

    outline_mm: (n, 3) points of the fixed liver's outline that must lie on the moving liver's.
    """
    outline = _outline_gaps(alignment, outline_mm, moving.organ.mask)
    median, far = float(np.median(outline)), float(np.percentile(outline, 95))
    gaps = _fork_gaps(alignment, fixed.forks_mm, moving.forks_mm)
    if gaps.size >= FEWEST_FORKS:
        error, source = float(np.median(gaps)) / MEDIAN_OF_UNIT, "vessel forks"
    else:
        error, source = OUTLINE_FACTOR * float(np.sqrt(np.mean(np.minimum(outline, far) ** 2))), "outline"
    error = max(error, LEAST_MM)
    return Overlay(alignment, error, source, int(gaps.size), (median, far), _said(error, source, int(gaps.size)))


def _outline_gaps(alignment: Alignment, points: FloatArray, moving: Mask) -> FloatArray:
    """Distances in mm of points of the fixed outline, moved, to the moving outline."""
    points = points[:: max(len(points) // OUTLINE_POINTS, 1)]
    return point_distances_mm(alignment.to_moving(points), surface(moving))


def _fork_gaps(alignment: Alignment, fixed: Mapping[str, FloatArray], moving: Mapping[str, FloatArray]) -> FloatArray:
    """Distances in mm between forks of the same system that are each other's nearest."""
    from scipy.spatial import cKDTree

    gaps = [np.zeros(0)]
    for kind in sorted(set(fixed) & set(moving)):
        if not len(fixed[kind]) or not len(moving[kind]):
            continue
        here = alignment.to_moving(fixed[kind])
        apart, partner = cKDTree(moving[kind]).query(here)
        back = cKDTree(here).query(moving[kind])[1]
        mutual = (back[partner] == np.arange(len(here))) & (apart <= FORK_REACH_MM)
        gaps.append(apart[mutual])
    return np.concatenate(gaps)


def _said(error: float, source: str, forks: int) -> tuple[Notice, ...]:
    basis = f"measured on {forks} vessel forks" if source == "vessel forks" else "estimated from the outline alone"
    text = f"The scans lie over each other to about {error:.1f} mm along each axis ({basis})."
    if error > REFUSED_MM:
        text += " That is too uncertain: lesions are not matched by place."
        return (Notice("error", "overlay-refused", text, "liver"),)
    if error > DOUBTFUL_MM:
        return (Notice("warning", "overlay-doubtful", text + " Look at every match.", "liver"),)
    return (Notice("info", "overlay", text, "liver"),)
