"""The liver on a portal-venous CT, without weights: intensity, place and thickness. Every result is unreviewed.

The scan is averaged to cubes of COARSE_MM in LPS. The largest thick body of even soft tissue right of the midline gives
the CT numbers of the parenchyma. Tissue with those numbers is followed from there through necks of falling width; what
hangs on a thin neck and has other CT numbers is another organ. Vessels and lesions are closed over, and the outline is
moved to the steepest edge on voxels of FINE_MM.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glisson.anatomy.liver_cubes import COARSE_MM, CUBE, Array, averaged, away_mm, depth_mm, largest, smoothed
from glisson.anatomy.liver_region import Parenchyma, close_over, find_seed, follow, parenchyma_of, shading_of
from glisson.errors import ImageError
from glisson.geometry import (
    BoolArray,
    Grid,
    Mask,
    Volume,
    box_of,
    distance_to,
    reaches_border,
    resample_mask,
    resample_volume,
)  # fmt: skip
from glisson.scene import Notice

__all__ = ["LiverSegmentation", "segment_liver"]

FINE_MM = 1.2
"""Voxels are averaged up to this size before the outline is moved to the edge."""
SMOOTH_MM = 2.0
"""Standard deviation of the smoothing on the cubes."""
BLOOD_OVER_LIVER_HU = 10.0
"""In the portal-venous phase the veins in the liver are brighter than the parenchyma by more than this."""
VEIN_PERCENTILE = 99.0
"""Where among the CT numbers of the region its veins are."""
AIR_HU = -300.0
"""Cubes darker than this are air or lung."""
FAT_HU = -10.0
"""Voxels darker than this are fat or air."""
EDGE_IN_MM, EDGE_OUT_MM = 3.0, 5.0
"""The outline moves by at most this much inwards and outwards when it looks for the edge."""
EDGE_HU = (-40.0, 70.0)
"""CT numbers below the first, and further above the parenchyma than the second, are cut before edges are measured."""
EDGE_BLUR_MM = 1.2
"""Scale of the edges."""
ROUND_MM = 1.5
"""Standard deviation of the final smoothing of the outline."""
CLEAR_EDGE_HU = 12.0
"""The outline is clear where the tissue within CLEAR_EDGE_MM outside differs by more than this from the parenchyma."""
CLEAR_EDGE_MM = 4.0
"""See CLEAR_EDGE_HU."""
LITTLE_CLEAR_PERCENT = 80.0
"""Below this share of clear outline a warning names it."""


@dataclass(frozen=True, eq=False)
class LiverSegmentation:
    """An automatic liver outline that nobody has reviewed.

    mask: on its own trimmed box of the scan's lattice; lesions and vessels inside belong to it. parenchyma_hu,
    spread_hu: mean and robust standard deviation of the parenchyma on cubes of COARSE_MM. clear_edge_percent: share of
    the outline beyond which the CT numbers change clearly; the rest follows shape alone. notices: what to look at.
    """

    mask: Mask
    parenchyma_hu: float
    spread_hu: float
    clear_edge_percent: float
    notices: tuple[Notice, ...]


def segment_liver(ct: Volume) -> LiverSegmentation:
    """Outline the liver on a CT in the portal-venous phase; the grid may have any orientation.

    ct: Hounsfield units. The result holds vessels and lesions within the liver; a large lesion that replaces the
    surface may be left out (outline it by `segment_lesion`; `whole_liver` unites the two). It follows the idea of
    region growing from a seed of even tissue with necks cut by thickness; it has learned nothing from data.

    Raises ImageError when no liver is found, when it is not enhanced by contrast in the portal-venous phase, or when it
    lies on the left (a mirrored scan, or situs inversus).
    """
    cubes, body = _in_body(_cubes(ct))
    smooth = smoothed(cubes.data, SMOOTH_MM / COARSE_MM)
    tissue = parenchyma_of(smooth, body, find_seed(cubes.data, body))
    smooth = smooth - shading_of(smooth, body, tissue)
    region = close_over(follow(smooth, body, tissue), smooth, tissue)
    mask = _outlined(ct, Mask(region, cubes.grid), tissue)
    clear = _clear_edge_percent(mask, cubes.grid, smooth, tissue)
    blood = float(np.percentile(smooth[region & (depth_mm(region) > 2 * COARSE_MM)], VEIN_PERCENTILE))
    said = _notices(mask, ct.grid, clear, blood - tissue.mean_hu)
    return LiverSegmentation(mask, tissue.mean_hu, tissue.spread_hu, clear, said)


def _cubes(ct: Volume) -> Volume:
    """The scan on an LPS lattice of cubes: averaged over whole voxels, then interpolated."""
    small = averaged(ct, COARSE_MM)
    corners = ct.grid.to_mm(np.array(list(np.ndindex(2, 2, 2))) * (np.array(ct.grid.shape) - 1))
    low, high = corners.min(axis=0), corners.max(axis=0)
    n = np.floor((high - low) / COARSE_MM).astype(int) + 1
    grid = Grid.axial((int(n[0]), int(n[1]), int(n[2])), CUBE, (float(low[0]), float(low[1]), float(low[2])))
    return resample_volume(small, grid, outside=-1024.0)


def _in_body(cubes: Volume) -> tuple[Volume, BoolArray]:
    """The box of the body, and the largest connected body in it that is not air or lung."""
    dense = depth_mm(cubes.data > AIR_HU) > 2 * COARSE_MM
    box = box_of(largest(dense), pad=3) if dense.any() else None
    if box is None:
        raise ImageError(
            f"No body was found on the scan: nearly all voxels are below {AIR_HU:g} HU. A CT in Hounsfield units is "
            "expected."
        )
    part = Volume(np.ascontiguousarray(cubes.data[box]), cubes.grid.crop(box))
    near = away_mm(largest(dense[box])) <= 2 * COARSE_MM
    body: BoolArray = near & (part.data > AIR_HU)
    return part, body


def _outlined(ct: Volume, region: Mask, tissue: Parenchyma) -> Mask:
    """The region on the scan's lattice, its outline moved to the steepest edge near it."""
    from skimage.segmentation import watershed

    fine = averaged(_around(ct, region), FINE_MM)
    spacing = fine.grid.spacing_mm
    start = resample_mask(region, fine.grid).data
    deep, away = distance_to(~start, spacing), distance_to(start, spacing)
    inner = start & (deep > EDGE_IN_MM)
    smooth = smoothed(fine.data, tuple(EDGE_BLUR_MM / s / 2 for s in spacing))
    outer = (away > EDGE_OUT_MM) | (~inner & (smooth < FAT_HU))
    cut = np.clip(fine.data, EDGE_HU[0], tissue.mean_hu + EDGE_HU[1]).astype(np.float32)
    markers = inner.astype(np.int8) + 2 * outer.astype(np.int8)
    layer = 1.5 * max(spacing)
    band = (deep <= EDGE_IN_MM + layer) & (away <= EDGE_OUT_MM + layer)
    found = inner | (watershed(_steepness(cut, spacing), markers, mask=band) == 1)  # type: ignore[no-untyped-call]
    found = smoothed(found.astype(np.float32), tuple(ROUND_MM / s for s in spacing)) > 0.5
    kept = largest(found & ((smooth > FAT_HU) | inner))
    result = resample_mask(Mask(kept, fine.grid), _around(ct, region).grid)
    return result.trimmed()


def _around(ct: Volume, region: Mask) -> Volume:
    """The part of the scan around the region."""
    where = ct.grid.to_index(region.grid.to_mm(np.argwhere(region.data)))
    pad = (EDGE_OUT_MM + 3 * COARSE_MM) / np.array(ct.grid.spacing_mm)
    low = np.clip(np.floor(where.min(axis=0) - pad), 0, None).astype(int)
    high = np.clip(np.ceil(where.max(axis=0) + pad) + 1, None, ct.grid.shape).astype(int)
    return ct.crop(
        (slice(int(low[0]), int(high[0])), slice(int(low[1]), int(high[1])), slice(int(low[2]), int(high[2])))
    )


def _steepness(data: Array, spacing: tuple[float, float, float]) -> Array:
    """Length of the gradient in HU per mm at the scale EDGE_BLUR_MM."""
    from scipy.ndimage import gaussian_filter

    total = np.zeros_like(data)
    sigma = [EDGE_BLUR_MM / s for s in spacing]
    for axis in range(3):
        order = [int(a == axis) for a in range(3)]
        total += (gaussian_filter(data, sigma, order, mode="nearest", truncate=3.0) / spacing[axis]) ** 2
    result: Array = np.sqrt(total)
    return result


def _clear_edge_percent(mask: Mask, grid: Grid, smooth: Array, tissue: Parenchyma) -> float:
    """Share of the cubes just outside the outline that are clearly other tissue, or lie beside such."""
    inside = resample_mask(mask, grid).data
    shell = (away_mm(inside) <= COARSE_MM) & ~inside
    clear = (np.abs(smooth - tissue.mean_hu) > CLEAR_EDGE_HU + tissue.spread_hu) & ~inside
    if not shell.any() or not clear.any():
        return 0.0
    return 100.0 * float((away_mm(clear)[shell] <= CLEAR_EDGE_MM - COARSE_MM).mean())


def _notices(mask: Mask, grid: Grid, clear: float, blood_hu: float) -> tuple[Notice, ...]:
    said = [
        Notice(
            "warning", "liver-automatic",
            "The liver was outlined automatically (built-in segmenter, no learned weights) and nobody has reviewed it. "
            "Large lesions at the surface may be left out.", "liver",
        )
    ]  # fmt: skip
    if clear < LITTLE_CLEAR_PERCENT:
        text = f"Only {clear:.0f} % of the liver's outline lies on a clear edge; look at where it meets other organs."
        said.append(Notice("warning", "liver-edge-unclear", text, "liver"))
    if blood_hu < BLOOD_OVER_LIVER_HU:
        text = "The veins are hardly brighter than the liver: the scan may not be in the portal-venous phase."
        said.append(Notice("warning", "phase-doubtful", text, "liver"))
    if reaches_border(mask, grid):
        said.append(
            Notice("warning", "liver-cut", "The liver reaches the border of the scan: it is not whole.", "liver")
        )
    return tuple(said)
