"""What every image reader returns, and the checks that hold for every file format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from glisson.errors import ImageError
from glisson.geometry import Grid, Mask
from glisson.scene import ImageFacts, Notice

__all__ = ["LARGEST_SPACING_MM", "SHEAR_TOLERANCE", "SMALLEST_SPACING_MM", "Raster", "checked_grid", "whole_numbers"]

SMALLEST_SPACING_MM = 0.05
"""Voxels of body scans are never smaller; a smaller one means the header is in metres or centimetres."""

LARGEST_SPACING_MM = 50.0
"""Voxels of body scans are never larger; a larger one means the header is in micrometres."""

SHEAR_TOLERANCE = 0.005
"""Largest cosine between two array axes that still counts as a right angle (0.3 degrees: rounding of headers)."""


@dataclass(frozen=True, eq=False)
class Raster:
    """One file or series as read: the array in its own type, its grid in LPS mm, and what was noticed on the way.

    names: label value -> structure name, where the file itself says so. roles: label value -> our name for it. extra:
    label value -> the voxels of that label that carry another one in `data`, where outlines overlap.
    """

    data: npt.NDArray[Any]
    grid: Grid
    facts: ImageFacts = field(default_factory=ImageFacts)
    notices: tuple[Notice, ...] = ()
    names: Mapping[int, str] = field(default_factory=dict)
    roles: Mapping[int, str] = field(default_factory=dict)
    extra: Mapping[int, Mask] = field(default_factory=dict)


def checked_grid(shape: tuple[int, ...], affine: npt.NDArray[np.float64], path: Path) -> Grid:
    """The grid of a header (LPS affine), or ImageError: not finite, not invertible, not in mm, or sheared."""
    if not np.isfinite(affine).all():
        raise ImageError(
            f"{path}: the affine in the header holds numbers that are not finite (NaN or infinity), so no voxel has "
            "a place. "
            "Export the image again, or repair its header from the scan it belongs to."
        )
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    if spacing.min() <= 0 or abs(np.linalg.det(affine[:3, :3])) < 1e-9 * spacing.prod():
        raise ImageError(f"{path}: the affine in the header gives voxels without volume. Export the image again.")
    if spacing.min() < SMALLEST_SPACING_MM or spacing.max() > LARGEST_SPACING_MM:
        raise ImageError(
            f"{path}: voxels of {'x'.join(f'{s:.3g}' for s in spacing)} mm are not those of a body scan "
            f"(expected {SMALLEST_SPACING_MM:g} to {LARGEST_SPACING_MM:g} mm). The header is "
            "probably not in millimetres: "
            "export the image again in mm."
        )
    unit = affine[:3, :3] / spacing
    cosine = float(np.abs(unit.T @ unit - np.eye(3)).max())
    if cosine > SHEAR_TOLERANCE:
        degrees = float(np.degrees(np.arcsin(min(cosine, 1.0))))
        raise ImageError(
            f"{path}: the array axes are not at right angles (off by {degrees:.1f} degrees: a sheared affine, as from "
            "a tilted gantry). Distances would be wrong: resample the scan and its masks onto a rectangular grid first."
        )
    return Grid((shape[0], shape[1], shape[2]), _as_meant(affine))


def _as_meant(affine: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The affine in the decimals that were meant: single precision turns a spacing of 0.57 into 0.569999993.

    Takes the shortest decimal that single precision cannot tell from the number kept. Scans pass through single
    precision on their way (NIfTI headers, converters), and one scan must have one grid whichever way it came.
    """
    return np.array([[float(str(value)) for value in row] for row in affine.astype(np.float32)])


def whole_numbers(raster: Raster, path: Path, what: str = "a mask") -> npt.NDArray[Any]:
    """The array as whole numbers >= 0, or ImageError where it holds fractions, negative numbers or NaN.

    Probability maps are refused: the threshold that makes a mask of them is a decision, and reading decides nothing.
    """
    data = raster.data
    if data.dtype.kind in "ub":
        return data.view(np.uint8) if data.dtype.kind == "b" else data
    if data.dtype.kind == "f":
        if not np.isfinite(data).all():
            raise ImageError(
                f"{path}: {what} must hold whole numbers, but it holds NaN or infinity. Export the mask again."
            )
        if (data != np.rint(data)).any():
            bad = float(data[data != np.rint(data)].flat[0])
            raise ImageError(
                f"{path}: {what} must hold whole numbers (0 is background), but it holds fractions such as {bad:g}. "
                "This looks like a probability map or a smoothed mask: threshold it (usually at 0.5) and save it again."
            )
    low, high = (int(data.min()), int(data.max())) if data.size else (0, 0)
    if low < 0:
        raise ImageError(
            f"{path}: {what} must hold 0 for background and positive whole numbers, but it holds {low}. "
            "This looks like a scan, not a mask: check which file was given."
        )
    if high > np.iinfo(np.uint16).max:
        raise ImageError(f"{path}: {what} holds the value {high}; label values go up to {np.iinfo(np.uint16).max}.")
    return data.astype(np.uint8 if high < 256 else np.uint16)
