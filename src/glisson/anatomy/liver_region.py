"""Where the liver is on the cubes of a CT: seed, CT numbers, shading, growth through necks, closing over lesions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from glisson.anatomy.liver_cubes import (
    COARSE_MM,
    CUBE_ML,
    Array,
    away_mm,
    closed,
    depth_mm,
    largest,
    smoothed,
    with_seed,
)  # fmt: skip
from glisson.errors import ImageError
from glisson.geometry import BoolArray, FloatArray, box_of

__all__ = ["Parenchyma", "close_over", "find_seed", "follow", "parenchyma_of", "shading_of"]

SEARCH_SMOOTH_MM = 4.0
"""The same for the search of the seed, where edges do not matter and noise does; every second cube is looked at."""
CORE_MM = 9.0
"""The seed of the liver is at least this far from all that is not even soft tissue."""
SEARCH_HU = (40.0, 190.0, 6.0)
"""First, last and step of the CT numbers among which the parenchyma is looked for."""
SEARCH_WIDTH_HU = 14.0
"""Half-width of the window around each of them."""
LEAST_CORE_ML = 30.0
"""A seed smaller than this is no liver: the smallest of 111 outlined livers had 583 mL in all."""
ENHANCED_HU = 75.0
"""Parenchyma below this is unenhanced, arterial, or laden with fat. Unenhanced liver usually has 50 to 65 HU, liver in
the portal-venous phase 90 to 130."""
FIT_STEP = 7
"""Every so many cubes enter the fit of the shading."""
SHADING_ROUNDS = 4
"""How often shading and the surely thick part of the liver are found from each other."""
MOST_SHADING_HU = 30.0
"""Shading never exceeds this."""
SOFT_HU = (20.0, 85.0)
"""Muscle lies in this range in every phase."""
SPREADS = (2.6, 3.0)
"""Half-widths of the parenchyma's window below and above its mean, in robust standard deviations."""
LEAST_UPPER_HU = 18.0
"""The window reaches at least this far above the mean: the lobes differ by beam hardening."""
MOST_LOWER_HU = 26.0
"""The window reaches at most this far below the mean unless the spread is larger."""
VESSEL_HU = 110.0
"""Veins are at most this much brighter than the parenchyma; bone, kidneys and arterial blood are brighter."""
SMALL_VESSEL_MM = 3.0
"""Dark and bright streaks thinner than twice this are closed before thickness is measured."""
NECKS_MM = (14.0, 12.0, 10.0, 8.5, 7.0, 6.0, 5.0, 4.0)
"""Half-widths of necks through which the liver is followed, widest first."""
WIDE_NECK_MM = 10.0
"""Through necks at least this wide parts are followed whose mean differs by up to WIDE_NECK_HU."""
WIDE_NECK_HU = 15.0
"""See WIDE_NECK_MM."""
NECK_HU = (2.0, 10.0)
"""Through a thinner neck the mean of a part may differ by the first, plus the second times the neck's share of the
part's own thickness."""
BEFORE_SPINE_MM = (50.0, 65.0)
"""Where duodenum and pancreas lie: to each side of the middle of the spine, and before its front. Below the middle of
the seed only liver wider than twice the widest neck is followed there."""
BONE_HU = 220.0
"""Smoothed cubes brighter than this near the middle of the back are spine."""
SPINE_SEARCH_MM = 25.0
"""The spine is looked for this far to each side of the body's middle."""
LEAST_SPINE_MM2 = 150.0
"""Slices with less bone there do not count."""
LAYER_SHARE = 0.15
"""Layers with less than this share of the fullest layer do not count to the width and depth of the body."""
LEAST_PART_ML = 1.5
"""Smaller parts are followed without question."""
CLOSE_MM = 10.0
"""Vessels and lesions open to the surface are closed over where a ball of this radius cannot."""
TISSUE_HU = 25.0
"""Closing takes in nothing darker than this: fat, air, bile."""
POCKET_MM = 25.0
"""A lesion at the capsule lies in a dent that a ball of this radius cannot enter."""
POCKET_CORE_MM = 4.0
"""Such a lesion is thicker than twice this: a film of muscle is not."""
POCKET_SHARE = 0.45
"""At least this share of what lies around it is liver."""


@dataclass(frozen=True, eq=False)
class Parenchyma:
    """The seed on the cubes and the CT numbers: mean, spread, window, and those of muscle."""

    core: BoolArray
    mean_hu: float
    spread_hu: float
    low_hu: float
    high_hu: float
    muscle_hu: float


def find_seed(cubes: Array, body: BoolArray) -> BoolArray:
    """The even, thick body with the most volume right of the body's midline, less what it has on the left.

    cubes: HU on the LPS lattice of cubes; body: what is not air. Raises ImageError when none is large enough, or when
    one on the left is larger.
    """
    import cc3d

    smooth = smoothed(cubes, SEARCH_SMOOTH_MM / COARSE_MM)[::2, ::2, ::2]
    middle = sum(_extent(body, 0)) / 4
    side = np.where(np.arange(smooth.shape[0]) < middle, 1.0, -1.0)[:, None, None] * np.ones(smooth.shape)
    best, left = (0.0, np.zeros(smooth.shape, np.bool_)), 0.0
    for hu in np.arange(*SEARCH_HU):
        even = (np.abs(smooth - hu) < SEARCH_WIDTH_HU) & body[::2, ::2, ::2]
        labels = cc3d.connected_components(2 * depth_mm(even) >= CORE_MM, connectivity=6)
        score = np.bincount(labels.ravel(), weights=side.ravel()) * CUBE_ML * 8
        score[0] = 0.0
        left = max(left, -float(score.min()))
        if score.max() > best[0]:
            best = (float(score.max()), labels == int(score.argmax()))
    if best[0] < LEAST_CORE_ML or left > best[0]:
        raise ImageError(_no_liver(best[0], left))
    seed = best[1].repeat(2, axis=0).repeat(2, axis=1).repeat(2, axis=2)
    return seed[: body.shape[0], : body.shape[1], : body.shape[2]]


def parenchyma_of(smooth: Array, body: BoolArray, core: BoolArray) -> Parenchyma:
    """CT numbers of the parenchyma from its seed, and the window from half-way to muscle up to the small veins.

    Raises ImageError when the mean is below ENHANCED_HU.
    """
    values = smooth[core]
    mean = float(np.median(values))
    spread = float(1.4826 * np.median(np.abs(values - mean)))
    if mean < ENHANCED_HU:
        raise ImageError(_not_enhanced(mean))
    soft = smooth[body & (smooth > SOFT_HU[0]) & (smooth < min(SOFT_HU[1], mean - 20.0))]
    muscle = float(np.median(soft)) if soft.size else float(np.mean(SOFT_HU))
    low = min(mean - SPREADS[0] * spread, max(mean - MOST_LOWER_HU, (mean + muscle) / 2))
    high = mean + max(SPREADS[1] * spread, LEAST_UPPER_HU)
    return Parenchyma(core, mean, spread, low, high, muscle)


def shading_of(smooth: Array, body: BoolArray, tissue: Parenchyma) -> Array:
    """How much brighter or darker than its mean the parenchyma is from place to place (beam hardening by
    arms beside the body): a linear trend over the thick part of the liver, found from each other in rounds."""
    low, high = tissue.low_hu - tissue.mean_hu, tissue.high_hu - tissue.mean_hu
    places = [np.ones((1, 1, 1), np.float32), *(p.astype(np.float32) for p in np.ogrid[tuple(map(slice, body.shape))])]
    shading = np.zeros_like(smooth)
    for _ in range(SHADING_ROUNDS):
        even = smooth - shading - tissue.mean_hu
        sure = with_seed(depth_mm((even > low) & (even < high) & body) > CORE_MM, tissue.core)
        if sure is None:
            break
        design = np.stack([np.broadcast_to(p, body.shape)[sure][::FIT_STEP] for p in places], axis=1)
        slopes = np.linalg.lstsq(design, smooth[sure][::FIT_STEP] - tissue.mean_hu, rcond=None)[0]
        fitted = sum(f * p for f, p in zip(slopes.astype(np.float32), places, strict=True))
        shading = np.clip(fitted, -MOST_SHADING_HU, MOST_SHADING_HU).astype(np.float32)
    return shading


def follow(smooth: Array, body: BoolArray, tissue: Parenchyma) -> BoolArray:
    """Tissue of the parenchyma's window that hangs together with the seed, through necks of falling width."""
    window = (smooth > tissue.low_hu) & (smooth < tissue.high_hu) & body
    tissue_like = (smooth > tissue.muscle_hu) & (smooth < tissue.mean_hu + VESSEL_HU)
    whole = closed(window, SMALL_VESSEL_MM) & tissue_like | window
    depth = depth_mm(whole)
    banned = _before_spine(smooth, body, tissue.core) & (away_mm(depth > NECKS_MM[0]) > NECKS_MM[0])
    front = np.zeros_like(body)
    front[:, : sum(_extent(body, 1)) // 2] = True
    found, before = tissue.core & (depth > 0), NECKS_MM[0]
    for neck in NECKS_MM:
        now = with_seed((depth > neck) & ~banned, found)
        if now is None:
            continue
        new = now & (away_mm(found) > before - neck + 1.5 * COARSE_MM)
        other = _other_organs(new, neck, depth, smooth, tissue, front) if neck < NECKS_MM[0] else np.zeros_like(new)
        if other.any():
            banned |= other
            now = with_seed(now & ~other, found)
        found, before = now if now is not None else found, neck
    reach = NECKS_MM[-1] + 0.9 * COARSE_MM
    result: BoolArray = whole & (away_mm(found) <= reach)
    return result & ~banned


def _extent(body: BoolArray, axis: int) -> tuple[int, int]:
    """First and last layer across an axis that hold a fair share of the body; a table or an arm does not count."""
    counts = np.count_nonzero(body, axis=tuple(a for a in range(3) if a != axis))
    rows = np.flatnonzero(counts > LAYER_SHARE * counts.max())
    return int(rows[0]), int(rows[-1])


def _spine(smooth: Array, body: BoolArray) -> tuple[float, float] | None:
    """Column of the spine's middle and row of its front, or None where no spine is seen: medians over the slices."""
    left, right = _extent(body, 0)
    middle, reach = (left + right) // 2, int(SPINE_SEARCH_MM / COARSE_MM)
    strip = slice(max(middle - reach, 0), middle + reach + 1)
    bone = (smooth > BONE_HU) & body
    bone[:, : sum(_extent(body, 1)) // 2] = False
    seen = bone[strip].sum(axis=(0, 1)) * COARSE_MM**2 > LEAST_SPINE_MM2
    if not seen.any():
        return None
    fronts = bone[strip][:, :, seen].any(axis=0).argmax(axis=0)
    columns = np.argwhere(bone[strip][:, :, seen])[:, 0] + strip.start
    return float(np.median(columns)), float(np.median(fronts))


def _before_spine(smooth: Array, body: BoolArray, core: BoolArray) -> BoolArray:
    """The place of duodenum and pancreas; see BEFORE_SPINE_MM. Empty where no spine is seen."""
    spine = _spine(smooth, body)
    if spine is None:
        return np.zeros_like(body)
    x, y, z = np.ogrid[: body.shape[0], : body.shape[1], : body.shape[2]]
    ahead = (spine[1] - y) * COARSE_MM
    beside = np.abs(x - spine[0]) * COARSE_MM < BEFORE_SPINE_MM[0]
    result: BoolArray = beside & (ahead < BEFORE_SPINE_MM[1]) & (z < np.argwhere(core)[:, 2].mean())
    return result


def _other_organs(
    new: BoolArray, neck: float, depth: Array, smooth: Array, tissue: Parenchyma, front: BoolArray
) -> BoolArray:
    """Those parts of `new` that hang on a neck too thin for how much their CT numbers differ; in front of the body,
    where the left lobe lies, every neck counts as wide."""
    import cc3d

    labels, count = cc3d.connected_components(new, connectivity=6, return_N=True)
    at = np.flatnonzero(labels)
    which = labels.ravel()[at]
    own, number = np.zeros(count + 1), np.maximum(np.bincount(which, minlength=count + 1), 1)
    np.maximum.at(own, which, depth.ravel()[at])

    def mean(values: npt.NDArray[Any]) -> FloatArray:
        return np.bincount(which, weights=values.ravel()[at], minlength=count + 1) / number

    differs = np.abs(mean(smooth) - tissue.mean_hu)
    wide = (mean(front) > 0.5) | (neck >= WIDE_NECK_MM)
    allowed = np.where(wide, WIDE_NECK_HU, NECK_HU[0] + NECK_HU[1] * neck / np.maximum(own, neck))
    wrong = (number * CUBE_ML > LEAST_PART_ML) & (differs > allowed)
    wrong[0] = False
    result: BoolArray = wrong[labels]
    return result


def close_over(region: BoolArray, smooth: Array, tissue: Parenchyma) -> BoolArray:
    """The region with vessels and lesions: closed by a ball, with pockets of lesions, without holes."""
    from scipy.ndimage import binary_fill_holes

    allowed = (smooth > TISSUE_HU) & (smooth < tissue.mean_hu + VESSEL_HU)
    over = region | (closed(region, CLOSE_MM) & allowed)
    whole: BoolArray = binary_fill_holes(over | _pockets(over, smooth, tissue))
    return largest(whole)


def _pockets(region: BoolArray, smooth: Array, tissue: Parenchyma) -> BoolArray:
    """Thick dark soft tissue in a dent of the surface, with liver on most sides: a lesion at the capsule."""
    import cc3d

    dark = (smooth > TISSUE_HU) & (smooth < tissue.low_hu) & closed(region, POCKET_MM) & ~region
    thick = depth_mm(dark) > POCKET_CORE_MM
    result = np.zeros_like(region)
    labels, count = cc3d.connected_components(thick, connectivity=6, return_N=True)
    for value in range(1, count + 1):
        box = box_of(labels == value, pad=int(2 * POCKET_CORE_MM / COARSE_MM) + 1)
        assert box is not None
        core = labels[box] == value
        pocket = (away_mm(core) <= POCKET_CORE_MM + COARSE_MM) & dark[box]
        shell = (away_mm(pocket) <= COARSE_MM) & ~pocket
        if region[box][shell].mean() >= POCKET_SHARE:
            result[box] |= pocket
    return result


def _no_liver(found_ml: float, left_ml: float) -> str:
    start = "No liver was found: "
    if left_ml >= LEAST_CORE_ML:
        return (
            f"{start}the largest even organ ({left_ml:.0f} mL of it far from its surface) lies left of the midline. "
            "The scan is mirrored, or the organs are. Check its orientation, or give a liver mask."
        )
    return (
        f"{start}no thick body of even soft tissue lies right of the midline (the largest has {found_ml:.0f} mL, "
        f"{LEAST_CORE_ML:g} mL are expected). Give a CT of the abdomen in Hounsfield units in the portal-venous phase, "
        "or a liver mask."
    )


def _not_enhanced(mean_hu: float) -> str:
    return (
        f"The liver on this scan is not in the portal-venous phase: its tissue has {mean_hu:.0f} HU, and at least "
        f"{ENHANCED_HU:g} HU are expected. An unenhanced or arterial scan, or much fat in the liver, looks like this. "
        "Give the portal-venous series or a liver mask, or use TotalSegmentator (glisson segment auto)."
    )
