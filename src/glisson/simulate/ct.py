"""The CT of the virtual patient: CT numbers in the portal-venous phase, blur of the scanner, correlated noise."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from glisson.geometry import Grid
from glisson.simulate.metastases import Seed, drop
from glisson.simulate.raster import rod
from glisson.simulate.trees import VesselTree

__all__ = ["PORTAL_HU", "HEPATIC_HU", "noisy", "paint_lesion", "paint_tree", "scan"]

PORTAL_HU, HEPATIC_HU = 176, 164
"""CT numbers of portal and hepatic venous blood in the portal-venous phase."""
CORE_HU, EDGE_HU, RIM_HU, CYST_HU = 52, 80, 128, 5
"""CT numbers of a metastasis from its centre to its edge, of an enhancing rim, and of a simple cyst."""
RIM_FROM = 0.78
"""An enhancing rim begins at this share of the way from the centre to the surface."""
BLUR_MM = 0.55
"""Standard deviation of the scanner's blur, at least BLUR_VOXELS voxels so that edges show partial volume."""
BLUR_VOXELS = 0.55
NOISE_VOXELS = 0.75
"""In-plane correlation of noise (standard deviation of the smoothing kernel, voxels)."""
SLAB = 24
"""Slices treated at a time, to bound memory."""


def paint_tree(hu: npt.NDArray[np.int16], grid: Grid, tree: VesselTree, blood_hu: int) -> None:
    """Draw blood into an int16 image on an axial grid; vessels thinner than a voxel fade (partial volume)."""
    least = 0.5 * float(np.linalg.norm(grid.spacing_mm))
    own, p, q = tree.edges()
    for node, a, b in zip(own, p, q, strict=True):
        radius = float(tree.radius_mm[node])
        drawn = rod(grid, a, b, max(radius, least))
        if drawn is None:
            continue
        share = min((radius / least) ** 2, 1.0)
        box, near = drawn
        part = hu[box]
        mixed = (part + share * (blood_hu - part.astype(np.float32))).astype(np.int16)
        part[near] = np.maximum(part, mixed)[near]


def paint_lesion(hu: npt.NDArray[np.int16], grid: Grid, seed: Seed, mask: npt.NDArray[np.bool_]) -> None:
    """Draw a lesion; mask: its voxels in the box that `drop` gives."""
    box, q = drop(seed, grid)
    if seed.nature == "cyst":
        value = np.full(q.shape, CYST_HU, dtype=np.float32)
    else:
        value = CORE_HU + (EDGE_HU - CORE_HU) * np.clip((q - 0.25) / 0.6, 0, 1)
        if seed.rim:
            value = np.where(q > RIM_FROM, RIM_HU, value)
    hu[box][mask] = value[mask].astype(np.int16)


def scan(hu: npt.NDArray[np.int16], grid: Grid, noise_hu: float, rng: np.random.Generator) -> npt.NDArray[np.int16]:
    """Blur an int16 image on an axial grid and add noise with standard deviation noise_hu; returns a new image."""
    from scipy.ndimage import gaussian_filter

    sigma = [max(BLUR_MM / s, BLUR_VOXELS) for s in grid.spacing_mm[:2]] + [BLUR_VOXELS]
    result = np.empty_like(hu)
    for start in range(0, hu.shape[2], SLAB):
        stop = min(start + SLAB, hu.shape[2])
        low, high = max(start - 3, 0), min(stop + 3, hu.shape[2])
        slab = np.ascontiguousarray(np.moveaxis(hu[:, :, low:high], 2, 0), dtype=np.float32)
        slab = gaussian_filter(slab, (sigma[2], sigma[0], sigma[1]), truncate=3.0, mode="nearest")
        result[:, :, start:stop] = _with_noise(slab[start - low : stop - low], noise_hu, rng)
    return result


def noisy(data: npt.NDArray[np.int16], noise: float, rng: np.random.Generator) -> npt.NDArray[np.int16]:
    """An image of axial slices with the same noise as `scan` adds, and no further blur."""
    result = np.empty_like(data)
    for start in range(0, data.shape[2], SLAB):
        part = slice(start, min(start + SLAB, data.shape[2]))
        slab = np.ascontiguousarray(np.moveaxis(data[:, :, part], 2, 0), dtype=np.float32)
        result[:, :, part] = _with_noise(slab, noise, rng)
    return result


def _with_noise(slab: npt.NDArray[np.float32], noise: float, rng: np.random.Generator) -> npt.NDArray[np.int16]:
    """(k, i, j) float slices with correlated noise -> (i, j, k) int16."""
    from scipy.ndimage import gaussian_filter, gaussian_filter1d

    drawn = rng.standard_normal(slab.shape, dtype=np.float32)
    if noise > 0:
        pulse = np.zeros(15)
        pulse[7] = 1.0
        gain = 1.0 / float((gaussian_filter1d(pulse, NOISE_VOXELS, truncate=3.0) ** 2).sum())
        drawn = gaussian_filter(drawn, (0, NOISE_VOXELS, NOISE_VOXELS), truncate=3.0, mode="wrap")
        slab = slab + drawn * np.float32(noise * gain)
    result: npt.NDArray[np.int16] = np.moveaxis(np.clip(np.rint(slab), -1024, 3071).astype(np.int16), 0, 2)
    return result
