"""Arrays [i, j, k] on a grid as SimpleITK images, and back. ITK's world is LPS as ours; its arrays run z, y, x."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from glisson.errors import InputError
from glisson.geometry.grid import FloatArray, Grid

__all__ = ["from_itk", "itk", "one_thread", "to_itk", "to_itk_vectors"]

SKEW = 1e-4
"""Directions further from right angles than this have no place in an ITK image."""


def itk() -> Any:
    """SimpleITK, loaded when first needed; it has no types."""
    import SimpleITK

    return SimpleITK


def to_itk(data: npt.NDArray[Any], grid: Grid) -> Any:
    """The array as an image with the grid's place; booleans become bytes. Raises InputError for a sheared grid."""
    sitk = itk()
    array = data.astype(np.uint8) if data.dtype == np.bool_ else data
    return _placed(sitk.GetImageFromArray(np.ascontiguousarray(array.transpose(2, 1, 0))), grid)


def to_itk_vectors(data: npt.NDArray[Any], grid: Grid) -> Any:
    """(i, j, k, 3) vectors in LPS mm as an image of vectors, float64."""
    sitk = itk()
    array = np.ascontiguousarray(data.transpose(2, 1, 0, 3), dtype=np.float64)
    return _placed(sitk.GetImageFromArray(array, isVector=True), grid)


def from_itk(image: Any) -> npt.NDArray[Any]:
    """The image's voxels as [i, j, k], or [i, j, k, component]."""
    sitk = itk()
    array = sitk.GetArrayFromImage(image)
    return np.ascontiguousarray(array.transpose(2, 1, 0, *range(3, array.ndim)))


@contextmanager
def one_thread() -> Iterator[None]:
    """ITK works on one thread inside: with more, sums are taken in an order that changes, and their last digits too."""
    sitk = itk()
    before = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    try:
        yield
    finally:
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(before)


def _placed(image: Any, grid: Grid) -> Any:
    directions: FloatArray = grid.directions
    if np.abs(directions.T @ directions - np.eye(3)).max() > SKEW:
        raise InputError(f"The axes of {grid.describe()} are not at right angles. Resample it to an axial grid first.")
    image.SetSpacing(grid.spacing_mm)
    image.SetOrigin([float(x) for x in grid.origin_mm])
    image.SetDirection(directions.ravel().tolist())
    return image
