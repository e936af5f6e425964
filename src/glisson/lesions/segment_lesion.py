"""One click, one lesion: a point or a RECIST line becomes a 3D mask.

The CT numbers at the point and of the parenchyma around it decide where each of some hundred rays leaves the lesion;
neighbouring rays hold each other. The star so found is moved to its middle and found again, then corrected voxel by
voxel near its border. A bright rim around a dark centre belongs to the lesion. Strokes correct the mask:
`lesions.strokes`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from glisson.errors import InputError
from glisson.geometry import BoolArray, Box, FloatArray, Grid, Mask, Volume
from glisson.lesions.rays import STEP_MM, Sphere, best_radii, distances_mm, sphere, star_depth_mm
from glisson.scene import Notice

__all__ = ["LesionSegmentation", "segment_lesion", "segment_lesion_from_line", "smoothed"]

NEAR_MM = 35.0
"""A border is looked for this far from the centre at first."""
WIDE_SHARE = 0.75
"""Where a ray reaches more than this share of it, or the point's tissue looks like its surroundings, it is looked for
up to FARTHEST_MM."""
FARTHEST_MM = 70.0
"""A border farther from the centre than this is not looked for."""
SEED_MM = 2.5
"""The CT number of the lesion is first taken within this distance of the point, and always in the voxel that
holds it."""
AROUND_MM = 5.0
"""The parenchyma is measured up to this much farther than the border is looked for."""
SMOOTH_MM = 1.2
"""Standard deviation of the smoothing before CT numbers are compared."""
FINE_MM = 0.7
"""The same where a rim is looked for."""
RIND_MM = 2.0
"""Voxels this near to fat, or to the liver's border where a mask is given, are partly something else."""
TISSUE_HU = (30.0, 220.0)
"""Parenchyma is looked for among these CT numbers."""
FAT_HU = -15.0
"""What is darker is fat or air, never lesion."""
LEAST_CONTRAST_HU = 5.0
"""A point whose tissue differs less than this from the parenchyma is on no lesion."""
LITTLE_CONTRAST = 2.5
"""Below this many standard deviations of the noise the border is uncertain, and a warning says so."""
BORDER_SHARE = 0.5
"""Each ray looks for the place where this share of the contrast between parenchyma and lesion is reached."""
OUTER_SHARE = 0.3
"""The outline then moves to where the median of all rays reaches this share: experts outline the whole of the edge."""
GAP_MM = 4.0
"""A ray that has run through this much parenchyma without a break does not come back to the lesion."""
RIM_REACH_MM = 10.0
"""A rim is looked for up to this far outside the dark part."""
RIM_BESIDE = 6
"""The last samples of the way outwards tell the parenchyma beside the lesion."""
RIM_EDGE = 0.85
"""It ends where its height has fallen to this share."""
MOST_OUTWARD_MM = 1.5
"""Without a rim the outline moves by at most this much."""
RIM_HU = 5.0
"""A shell that is brighter than the parenchyma beside it by more than this, in the median of all rays, is a rim."""
RIM_SHARE = 0.25
"""The share of rays on which it must be possible to see."""
CENTRINGS = 3
"""How often the star is moved to its middle and found again."""
BORDER_MM = 1.5
"""Voxels this near the star's border follow their own CT number as much as the star."""
KEPT_CONTRAST = 0.75
"""The lesion's contrast to the parenchyma stays at least this share of what was found at the point."""
SMALLEST_ML = 0.015
"""What is smaller is no lesion but noise: a ball of 3 mm diameter."""
LINE_SHARES = (0.6, 0.3, 0.0)
"""The CT number of the lesion is taken along this share of a line; nearer to its middle where a bright rim and a dark
centre level out."""
LINE_TIE = 0.004
"""How strongly a RECIST line holds the rays, per squared sample, to half its length."""

Array = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class LesionSegmentation:
    """One lesion outlined from a point or a line; nobody has reviewed it.

    mask: on its trimmed box of the scan's lattice. lesion_hu, liver_hu: typical CT numbers. noise_hu: standard
    deviation of the smoothed parenchyma. kind: "hypodense" or "hyperdense". rim: whether a bright rim was included.
    """

    mask: Mask
    lesion_hu: float
    liver_hu: float
    noise_hu: float
    kind: str
    rim: bool
    notices: tuple[Notice, ...]


@dataclass(frozen=True, eq=False)
class _Place:
    """The part of the scan around the seed: HU smoothed twice, its grid, where a lesion may be, CT numbers."""

    smooth: Array
    fine: Array
    grid: Grid
    allowed: BoolArray
    lesion_hu: float
    liver_hu: float
    noise_hu: float


def segment_lesion(ct: Volume, point_mm: npt.ArrayLike, *, liver: Mask | None = None) -> LesionSegmentation:
    """The lesion at a point, as a 3D mask.

    ct: Hounsfield units. point_mm: (3,) LPS mm, anywhere well inside the lesion. liver: the lesion ends at its surface
    (unless the point lies outside it). Raises InputError when the point lies outside the scan, when its tissue does not
    differ from the parenchyma around it, and when nothing is found; FrameMismatch when the liver is off the lattice.
    """
    point = np.asarray(point_mm, dtype=np.float64).reshape(3)
    near = _place(ct, point[None], NEAR_MM, liver, point)
    on = sphere()
    if _is_seen(near) and best_radii(_gain(near, point, on, NEAR_MM, None), on).max() < WIDE_SHARE * NEAR_MM:
        return _segmented(near, point, NEAR_MM, None)
    return _segmented(_place(ct, point[None], FARTHEST_MM, liver, point), point, FARTHEST_MM, None)


def _is_seen(place: _Place) -> bool:
    return abs(place.lesion_hu - place.liver_hu) >= LEAST_CONTRAST_HU


def segment_lesion_from_line(ct: Volume, ends_mm: npt.ArrayLike, *, liver: Mask | None = None) -> LesionSegmentation:
    """The lesion whose longest diameter is a line; ends_mm: (2, 3) LPS mm. Otherwise as `segment_lesion`."""
    ends = np.asarray(ends_mm, dtype=np.float64).reshape(2, 3)
    half = float(np.linalg.norm(ends[1] - ends[0])) / 2
    if not 1.0 <= half <= FARTHEST_MM:
        raise InputError(
            f"The line is {2 * half:.1f} mm long; 2 to {2 * FARTHEST_MM:g} mm are expected. "
            "Give the two ends of the lesion's longest diameter."
        )
    middle = ends.mean(axis=0)
    reach = 1.5 * half + AROUND_MM
    for share in LINE_SHARES:
        along = middle + np.linspace(-share, share, 13)[:, None] * (ends[1] - ends[0]) / 2
        place = _place(ct, along, reach, liver, middle)
        if _is_seen(place):
            break
    return _segmented(place, middle, reach, half)


def _box(grid: Grid, centre_mm: FloatArray, reach_mm: float) -> Box:
    at = grid.to_index(centre_mm)
    if (at < -0.5).any() or (at > np.array(grid.shape) - 0.5).any():
        where = ", ".join(f"{c:.1f}" for c in at)
        raise InputError(f"The point is at the index ({where}), outside the scan of {grid.describe()}.")
    reach = reach_mm / np.array(grid.spacing_mm)
    low = np.clip(np.floor(at - reach), 0, None).astype(int)
    high = np.clip(np.ceil(at + reach) + 1, None, grid.shape).astype(int)
    return (slice(int(low[0]), int(high[0])), slice(int(low[1]), int(high[1])), slice(int(low[2]), int(high[2])))


def _voxel_at(grid: Grid, point_mm: FloatArray) -> tuple[int, int, int]:
    """The voxel that a point is in; the nearest one for a point outside the grid."""
    i, j, k = np.clip(np.rint(grid.to_index(point_mm)).astype(int), 0, np.array(grid.shape) - 1)
    return int(i), int(j), int(k)


def smoothed(data: npt.NDArray[np.float32], within: BoolArray, grid: Grid, sigma_mm: float) -> Array:
    """Gaussian smoothing of the tissue `within` alone, less its outermost layer: what lies outside, and voxels that are
    partly outside, do not darken the border."""
    from scipy.ndimage import gaussian_filter

    from glisson.geometry import distance_to

    sigma = [sigma_mm / s for s in grid.spacing_mm]
    weight = np.ones(within.shape, np.float32)
    if not within.all():
        weight = (distance_to(~within, grid.spacing_mm) > RIND_MM).astype(np.float32)
    sums = gaussian_filter(data * weight, sigma, mode="nearest", truncate=4.0)
    weight = gaussian_filter(weight, sigma, mode="nearest", truncate=4.0)
    result: Array = np.where(weight > 0.02, sums / np.maximum(weight, np.float32(1e-6)), data)
    return result


def _place(ct: Volume, seeds: FloatArray, reach_mm: float, liver: Mask | None, centre: FloatArray) -> _Place:
    box = _box(ct.grid, centre, reach_mm + AROUND_MM)
    grid, data = ct.grid.crop(box), ct.data[box].astype(np.float32)
    away = distances_mm(grid, centre)
    tissue, inside = data > FAT_HU, np.ones(grid.shape, np.bool_)
    if liver is not None:
        inside = liver.on(grid, "the liver")
        tissue = tissue & inside if inside[_voxel_at(grid, centre)] else tissue
    smooth = smoothed(data, tissue, grid, SMOOTH_MM)
    allowed = (smooth > FAT_HU) & (tissue if liver is not None else True)
    parenchyma = (away < reach_mm + AROUND_MM) & (smooth > TISSUE_HU[0]) & (smooth < TISSUE_HU[1])
    parenchyma &= inside if inside.any() else True
    seed = np.zeros(grid.shape, np.bool_)
    for point in seeds:
        seed |= distances_mm(grid, point) <= max(SEED_MM, max(grid.spacing_mm) / 2)
        seed[_voxel_at(grid, point)] = True
    liver_hu, noise = _mode(smooth[parenchyma & ~seed])
    fine = smoothed(data, tissue, grid, FINE_MM)
    return _Place(smooth, fine, grid, allowed, float(np.median(smooth[seed])), liver_hu, noise)


def _mode(values: Array) -> tuple[float, float]:
    """The most frequent CT number and the spread around it (from the values on both sides within 20 HU)."""
    from scipy.ndimage import gaussian_filter1d

    if values.size < 50:
        raise InputError(
            "There is no liver tissue around the point. Give a point in a lesion of the liver on a CT in Hounsfield "
            "units."
        )
    counts, edges = np.histogram(values, bins=np.arange(TISSUE_HU[0], TISSUE_HU[1] + 1.0, 1.0))
    peak = float(edges[int(gaussian_filter1d(counts.astype(float), 3.0).argmax())]) + 0.5
    near = values[np.abs(values - peak) < 20.0]
    return peak, max(float(1.4826 * np.median(np.abs(near - peak))), 1.0)


def _segmented(place: _Place, start: FloatArray, reach_mm: float, half_mm: float | None) -> LesionSegmentation:
    if not _is_seen(place):
        raise InputError(
            f"The tissue at the point has {place.lesion_hu:.0f} HU, the liver around it {place.liver_hu:.0f} HU: there "
            "is no lesion to be seen. Give a point inside the lesion, or a line across it."
        )
    on, centre = sphere(), start
    radii = best_radii(_gain(place, centre, on, reach_mm, half_mm), on)
    for _ in range(CENTRINGS):
        star = (star_depth_mm(place.grid, centre, radii, on) > 0) & place.allowed
        if not star.any():
            break
        place = replace(place, lesion_hu=_lesion_hu(place, star))
        moved = place.grid.to_mm(np.argwhere(star).mean(axis=0))
        if half_mm is None and np.linalg.norm(moved - centre) >= STEP_MM:
            centre = moved
        radii = best_radii(_gain(place, centre, on, reach_mm, half_mm), on)
    outward_mm, rim = _outward(place, centre, radii, on)
    mask = _voxels(place, centre, radii + outward_mm, on, rim)
    return _result(place, mask, rim)


def _lesion_hu(place: _Place, star: BoolArray) -> float:
    """The lesion's typical CT number: never much nearer to the parenchyma than the seed said."""
    now, sign = float(np.median(place.smooth[star])), np.sign(place.lesion_hu - place.liver_hu)
    least = KEPT_CONTRAST * abs(place.lesion_hu - place.liver_hu)
    return place.liver_hu + sign * max(sign * (now - place.liver_hu), least, LEAST_CONTRAST_HU)


def _evidence(place: _Place, values: Array) -> Array:
    """From -1 (parenchyma, vessel) to 1 (lesion): the place of CT numbers beside the border's."""
    share = BORDER_SHARE * (place.lesion_hu - place.liver_hu)
    result: Array = np.clip((values - place.liver_hu - share) / share, -1.0, 1.0)
    return result


def _along(data: npt.NDArray[np.generic], grid: Grid, centre: FloatArray, on: Sphere, at_mm: FloatArray) -> Array:
    """Values at distances along the rays, (RAYS, samples); at_mm broadcasts to that shape. 0 outside the grid."""
    from scipy.ndimage import map_coordinates

    points = grid.to_index(centre + on.directions[:, None, :] * at_mm[..., None])
    result: Array = map_coordinates(data, np.moveaxis(points, -1, 0), order=1, output=np.float32)
    return result


def _gain(place: _Place, centre: FloatArray, on: Sphere, reach_mm: float, half_mm: float | None) -> FloatArray:
    """Evidence along the rays, turned against the lesion beyond a gap of parenchyma and where none is allowed."""
    from scipy.ndimage import uniform_filter1d

    at = np.arange(1, int(reach_mm / STEP_MM) + 1, dtype=np.float64)[None, :] * STEP_MM
    evidence = _evidence(place, _along(place.smooth, place.grid, centre, on, at)).astype(np.float64)
    allowed = _along(place.allowed.astype(np.float32), place.grid, centre, on, at) >= 0.5
    smooth = 0.5 * evidence + 0.5 * evidence[on.neighbours].mean(axis=1)
    width = int(GAP_MM / STEP_MM)
    run = uniform_filter1d(smooth, width, axis=1, origin=-(width // 2), mode="nearest")
    evidence[(np.cumsum((run < -0.4) & (smooth < 0), axis=1) > 0) | (np.cumsum(~allowed, axis=1) > 0)] = -1.0
    if half_mm is not None:
        steps = np.arange(1, evidence.shape[1] + 1)
        evidence -= 2 * LINE_TIE * (steps - half_mm / STEP_MM)[None, :]
    return evidence


def _outward(place: _Place, centre: FloatArray, radii: FloatArray, on: Sphere) -> tuple[float, bool]:
    """How far in mm the outline moves outwards from half the contrast, by the median profile of all rays, and whether
    that takes in a bright rim around a dark centre."""
    out = np.arange(int(RIM_REACH_MM / STEP_MM) + 1, dtype=np.float64) * STEP_MM
    at = radii[:, None] + out[None, :]
    profile = _along(place.fine, place.grid, centre, on, at)
    known = _along(place.allowed.astype(np.float32), place.grid, centre, on, at) >= 0.99
    if known[:, -1].mean() < RIM_SHARE:
        return 0.0, False
    height = np.array([np.median(profile[known[:, n], n]) for n in range(len(out))])
    height -= np.median(height[-RIM_BESIDE:])
    top = int(height[:-RIM_BESIDE].argmax())
    if place.lesion_hu < place.liver_hu and height[top] >= RIM_HU:
        after = np.flatnonzero(np.append(height[top:], 0.0) < RIM_EDGE * height[top])
        return float(out[min(top + int(after[0]), len(out) - 1)]), True
    share = height / (place.lesion_hu - place.liver_hu)
    first = int(np.flatnonzero(np.append(share, 0.0) <= OUTER_SHARE)[0])
    if first in (0, len(out)):
        return 0.0, False
    part = (share[first - 1] - OUTER_SHARE) / (share[first - 1] - share[first])
    return min(float(out[first - 1] + part * STEP_MM), MOST_OUTWARD_MM), False


def _voxels(place: _Place, centre: FloatArray, radii: FloatArray, on: Sphere, rim: bool) -> BoolArray:
    """The star corrected near its border by the voxels' own CT numbers: one piece without holes, where allowed.

    A voxel's CT number counts against the median along the border; not where there is a rim.
    """
    import cc3d
    from scipy.ndimage import binary_fill_holes, gaussian_filter

    border = np.median(_along(place.smooth, place.grid, centre, on, radii[:, None]))
    half = (place.lesion_hu - place.liver_hu) / 2
    own = np.zeros_like(place.smooth) if rim else np.clip((place.smooth - border) / half, -1.0, 1.0)
    score = np.clip(star_depth_mm(place.grid, centre, radii, on) / BORDER_MM, -3.0, 3.0) + own
    soft = gaussian_filter((score > 0).astype(np.float32), [0.7 / s for s in place.grid.spacing_mm]) > 0.5
    inside = soft & place.allowed
    if not inside.any():
        return inside
    result: BoolArray = binary_fill_holes(cc3d.largest_k(inside, k=1, connectivity=6) > 0) & place.allowed
    return result


def _result(place: _Place, mask: BoolArray, rim: bool) -> LesionSegmentation:
    found = Mask(mask, place.grid).trimmed()
    if found.volume_ml < SMALLEST_ML:
        raise InputError(
            f"No lesion was found at the point (tissue of {place.lesion_hu:.0f} HU in a liver of {place.liver_hu:.0f} "
            "HU). Give a point nearer to its middle, or a line across it."
        )
    text = "This lesion was outlined from a click and nobody has reviewed it."
    notices = [Notice("warning", "lesion-automatic", text, "lesion")]
    contrast = abs(place.lesion_hu - place.liver_hu)
    if contrast < LITTLE_CONTRAST * place.noise_hu:
        text = f"The lesion differs from the liver by only {contrast:.0f} HU (noise {place.noise_hu:.0f} HU)."
        notices.append(Notice("warning", "lesion-low-contrast", text, "lesion"))
    kind = "hypodense" if place.lesion_hu < place.liver_hu else "hyperdense"
    return LesionSegmentation(found, place.lesion_hu, place.liver_hu, place.noise_hu, kind, rim, tuple(notices))
