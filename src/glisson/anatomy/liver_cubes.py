"""Masks on cubes: averaging, smoothing, distances, closing and components for the search of the liver."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from glisson.geometry import BoolArray, Grid, Volume, distance_to

__all__ = [
    "COARSE_MM", "CUBE", "CUBE_ML", "Array", "averaged", "away_mm", "closed", "depth_mm", "largest", "smoothed",
    "with_seed",
]  # fmt: skip

COARSE_MM = 2.5
"""Edge of the cubes on which the liver is looked for."""
CUBE_ML = COARSE_MM**3 / 1000.0
CUBE = (COARSE_MM, COARSE_MM, COARSE_MM)

Array = npt.NDArray[np.float32]


def averaged(ct: Volume, up_to_mm: float) -> Volume:
    """Means of blocks of voxels whose edges do not exceed up_to_mm (single voxels where they are larger)."""
    factor = [min(max(1, int(up_to_mm / s + 1e-6)), n) for s, n in zip(ct.grid.spacing_mm, ct.grid.shape, strict=True)]
    count = [n // f for n, f in zip(ct.grid.shape, factor, strict=True)]
    mean = np.zeros(count, np.float32)
    for start in np.ndindex(*factor):
        part = tuple(slice(s, n * f, f) for s, n, f in zip(start, count, factor, strict=True))
        mean += ct.data[part]
    mean /= np.float32(np.prod(factor))
    affine = ct.grid.affine.copy()
    affine[:3, 3] = ct.grid.to_mm((np.array(factor) - 1) / 2)
    affine[:3, :3] *= factor
    return Volume(mean, Grid((count[0], count[1], count[2]), affine))


def smoothed(data: Array, sigma: float | tuple[float, ...]) -> Array:
    """Gaussian smoothing with a standard deviation in voxels."""
    from scipy.ndimage import gaussian_filter

    result: Array = gaussian_filter(data, sigma, mode="nearest", truncate=3.0)
    return result


def depth_mm(mask: BoolArray) -> Array:
    """Distance of each cube of the mask to the nearest one outside; the border of the scan counts as inside."""
    import edt

    result: Array = edt.edt(np.ascontiguousarray(mask), anisotropy=CUBE, black_border=False, parallel=2)
    return np.where(np.isfinite(result), result, np.float32(1e6))


def away_mm(mask: BoolArray) -> Array:
    """Distance in mm to the mask, 0 inside; infinite everywhere when it is empty."""
    if not mask.any():
        return np.full(mask.shape, np.inf, np.float32)
    return distance_to(mask, CUBE)


def closed(mask: BoolArray, radius_mm: float) -> BoolArray:
    """Closing by a ball."""
    if not mask.any():
        return mask
    pad = int(np.ceil(radius_mm / COARSE_MM)) + 1
    grown = away_mm(np.pad(mask, pad)) <= radius_mm
    inner = (slice(pad, -pad),) * 3
    result: BoolArray = (depth_mm(grown) > radius_mm)[inner] | mask
    return result


def largest(mask: BoolArray) -> BoolArray:
    """The largest connected part (6 neighbours)."""
    import cc3d

    result: BoolArray = cc3d.largest_k(mask, k=1, connectivity=6) > 0
    return result


def with_seed(mask: BoolArray, seed: BoolArray) -> BoolArray | None:
    """The component with most of the seed, or None when none has any."""
    import cc3d

    labels = cc3d.connected_components(mask, connectivity=6)
    shared = np.bincount(labels[seed & mask], minlength=2)
    shared[0] = 0
    return None if not shared.any() else labels == int(shared.argmax())
