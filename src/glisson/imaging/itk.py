"""NRRD and MetaImage files to rasters, through SimpleITK. ITK's world is LPS; its z, y, x arrays are turned here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from glisson.errors import ImageError
from glisson.imaging.raster import Raster, checked_grid
from glisson.scene import ImageFacts

__all__ = ["affine_of", "read_itk"]


def read_itk(path: Path) -> Raster:
    """Read an .nrrd, .nhdr, .mha or .mhd file as an array [i, j, k] in its stored type.

    Raises ImageError for what cannot be read or is not one scalar volume.
    """
    import SimpleITK as sitk  # noqa: N813 - the name its users know

    try:
        image = sitk.ReadImage(str(path))
    except RuntimeError as problem:
        reason = str(problem).strip().splitlines()[-1]
        raise ImageError(f"{path} cannot be read: {reason} Copy or export the file again.") from problem
    if image.GetNumberOfComponentsPerPixel() != 1:
        raise ImageError(
            f"{path}: a grey image is expected, but each voxel holds {image.GetNumberOfComponentsPerPixel()} numbers "
            "(colour or overlapping segments). Save one scalar volume."
        )
    size = image.GetSize()
    if len(size) == 4 and size[3] == 1:
        image = image[:, :, :, 0]
    if image.GetDimension() != 3:
        raise ImageError(
            f"{path}: one 3D volume is expected, but its shape is {'x'.join(map(str, size))}. Save one volume."
        )
    grid = checked_grid(image.GetSize(), affine_of(image), path)
    return Raster(sitk.GetArrayFromImage(image).T, grid, ImageFacts())


def affine_of(image: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    """(4, 4) affine from index (i, j, k) to LPS mm of a 3D SimpleITK image."""
    affine = np.eye(4)
    affine[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) * np.array(image.GetSpacing())
    affine[:3, 3] = image.GetOrigin()
    return affine
