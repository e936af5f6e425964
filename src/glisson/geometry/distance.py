"""How far: exact Euclidean distance maps and nearest labels between voxel centres. Crop first: cost is the box's."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from glisson.errors import InputError
from glisson.geometry.volume import BoolArray

__all__ = ["distance_to", "nearest_label"]

Spacing = tuple[float, float, float]


def distance_to(mask: BoolArray, spacing_mm: Spacing) -> npt.NDArray[np.float32]:
    """Distance in mm from each voxel centre to the nearest True voxel centre; float32, the shape of `mask`.

    Exact Euclidean for grids with axes at right angles. It is a distance between voxel centres: to an outline it is
    about half a voxel too long; `surface_distance_mm` has no such bias. Raises InputError when no voxel is True.
    """
    import edt

    array = np.asarray(mask, dtype=np.bool_)
    if array.ndim != 3 or not array.any():
        raise InputError(f"A distance map needs a 3D mask with at least one voxel, got shape {array.shape}, all zero.")
    outside = np.asfortranarray(~array) if array.flags.f_contiguous else np.ascontiguousarray(~array)
    result: npt.NDArray[np.float32] = edt.edt(outside, anisotropy=_checked(spacing_mm), black_border=False, parallel=2)
    return result


def nearest_label(labels: npt.NDArray[Any], spacing_mm: Spacing) -> npt.NDArray[Any]:
    """Each voxel gets the label of the nearest labelled voxel centre; labelled voxels keep theirs. Same shape and type.

    labels: 3D integers, 0 is no label. Exact Euclidean feature transform. Raises InputError when no voxel is labelled.
    """
    from scipy.ndimage import distance_transform_edt

    array = np.asarray(labels)
    if array.ndim != 3 or not array.any():
        raise InputError(f"Nearest labels need a 3D map with at least one label, got shape {array.shape}, all zero.")
    found = distance_transform_edt(
        array == 0, sampling=_checked(spacing_mm), return_distances=False, return_indices=True
    )
    result: npt.NDArray[Any] = array[tuple(found)]
    return result


def _checked(spacing_mm: Spacing) -> Spacing:
    spacing = tuple(float(s) for s in spacing_mm)
    if len(spacing) != 3 or not all(np.isfinite(s) and s > 0 for s in spacing):
        raise InputError(f"The spacing must be three positive lengths in mm, got {spacing_mm}.")
    return (spacing[0], spacing[1], spacing[2])
