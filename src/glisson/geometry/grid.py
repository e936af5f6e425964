"""WHERE: a regular grid of voxels placed in LPS millimetres."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from glisson.errors import FrameMismatch, InputError

__all__ = ["Box", "FloatArray", "Grid", "LATTICE_TOLERANCE_VOXELS"]

FloatArray: TypeAlias = npt.NDArray[np.float64]
Box: TypeAlias = tuple[slice, slice, slice]

LATTICE_TOLERANCE_VOXELS = 0.01
"""Two grids share a lattice when no voxel centre of one lies further than this from a voxel centre of the other.

Headers store single precision, so an honest copy of a grid differs by about 1e-4 voxels; a real shift is 0.5 or more.
"""

_AXIS_LETTERS = (("R", "L"), ("A", "P"), ("I", "S"))


@dataclass(frozen=True, eq=False)
class Grid:
    """A regular lattice of voxel centres.

    shape: voxels along the grid's own axes i, j, k.
    affine: (4, 4) float64, homogeneous; maps an index (i, j, k) to the voxel's centre in LPS millimetres
    (x grows to the patient's Left, y to Posterior, z to Superior: DICOM's patient frame).

    Raises InputError for shapes that are not three positive numbers, and for affines that are not finite or invertible.
    """

    shape: tuple[int, int, int]
    affine: FloatArray

    def __post_init__(self) -> None:
        shape = tuple(int(n) for n in self.shape)
        if len(shape) != 3 or min(shape) < 1:
            raise InputError(f"A grid needs three positive sizes, got shape {tuple(self.shape)}.")
        affine = np.array(self.affine, dtype=np.float64)
        if affine.shape != (4, 4) or not np.isfinite(affine).all():
            raise InputError(
                "The affine must be a 4x4 matrix of finite numbers, got "
                f"{np.array2string(affine, precision=3)}. The image header is damaged: export the image again."
            )
        if abs(np.linalg.det(affine[:3, :3])) < 1e-9:
            raise InputError("The affine cannot be inverted (a voxel without volume). Export the image again.")
        affine.setflags(write=False)
        object.__setattr__(self, "shape", shape)
        object.__setattr__(self, "affine", affine)

    @classmethod
    def axial(
        cls,
        shape: tuple[int, int, int],
        spacing_mm: tuple[float, float, float] = (1.0, 1.0, 1.0),
        origin_mm: tuple[float, float, float] = (0.0, 0.0, 0.0),
    ) -> Grid:
        """A grid whose axes run along L, P and S, as in an axial DICOM series."""
        affine = np.diag([*spacing_mm, 1.0])
        affine[:3, 3] = origin_mm
        return cls(shape, affine)

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance between neighbouring voxel centres along i, j and k, in mm."""
        norms = np.linalg.norm(self.affine[:3, :3], axis=0)
        return (float(norms[0]), float(norms[1]), float(norms[2]))

    @property
    def directions(self) -> FloatArray:
        """(3, 3); column a is the unit vector (LPS) along array axis a."""
        result: FloatArray = self.affine[:3, :3] / np.linalg.norm(self.affine[:3, :3], axis=0)
        return result

    @property
    def origin_mm(self) -> FloatArray:
        """(3,) centre of voxel (0, 0, 0) in LPS mm."""
        return self.affine[:3, 3]

    @property
    def voxel_ml(self) -> float:
        """Volume of one voxel in mL (exact for oblique and sheared grids: the determinant)."""
        return float(abs(np.linalg.det(self.affine[:3, :3]))) / 1000.0

    @cached_property
    def inverse(self) -> FloatArray:
        """(3, 3) index steps for a mm along L, P and S: the affine's inverse without the origin."""
        result: FloatArray = np.linalg.inv(self.affine[:3, :3]).astype(np.float64)
        result.setflags(write=False)
        return result

    @property
    def slice_axis(self) -> int:
        """The array axis that runs most nearly along superior-inferior; slices across it are axial."""
        return int(np.argmax(np.abs(self.directions[2])))

    @property
    def axis_codes(self) -> str:
        """For each array axis the anatomical direction it grows towards, e.g. "LPS" or "RAS"."""
        codes = []
        for axis in range(3):
            column = self.directions[:, axis]
            world = int(np.argmax(np.abs(column)))
            codes.append(_AXIS_LETTERS[world][int(column[world] > 0)])
        return "".join(codes)

    @property
    def obliquity_degrees(self) -> float:
        """Largest angle between an array axis and the nearest anatomical axis."""
        cosines = np.abs(self.directions).max(axis=0)
        return float(np.degrees(np.arccos(np.clip(cosines.min(), -1.0, 1.0))))

    def to_mm(self, index: npt.ArrayLike) -> FloatArray:
        """(..., 3) indices (i, j, k), fractions allowed -> (..., 3) LPS mm."""
        result = _turned(np.moveaxis(np.asarray(index), -1, 0), self.affine[:3, :3])
        result += self.affine[:3, 3]
        return result

    def to_index(self, points_mm: npt.ArrayLike) -> FloatArray:
        """(..., 3) LPS mm -> (..., 3) fractional indices (i, j, k)."""
        points = np.moveaxis(np.asarray(points_mm), -1, 0)
        return _turned([along - start for along, start in zip(points, self.origin_mm, strict=True)], self.inverse)

    def crop(self, box: Box) -> Grid:
        """The sub-grid of a box of slices with explicit start and stop; the box may reach beyond the grid."""
        start = np.array([s.start for s in box], dtype=np.float64)
        shape = tuple(int(s.stop - s.start) for s in box)
        affine = self.affine.copy()
        affine[:3, 3] = self.to_mm(start)
        return Grid((shape[0], shape[1], shape[2]), affine)

    def offset_in(self, other: Grid, what: str = "the mask", whose: str = "the image") -> tuple[int, int, int]:
        """Index of this grid's first voxel in `other`, where both lie on one lattice; it may be negative.

        Raises FrameMismatch where spacing, orientation or lattice differ.
        """
        corners = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]) * (np.array(self.shape) - 1).clip(1)
        where = other.to_index(self.to_mm(corners))
        offset = np.rint(where[0])
        error = float(np.abs(where - (offset + corners)).max())
        if error > LATTICE_TOLERANCE_VOXELS:
            raise FrameMismatch(self._mismatch(other, what, whose, error))
        return (int(offset[0]), int(offset[1]), int(offset[2]))

    def same_as(self, other: Grid) -> bool:
        """True when both grids have the same shape and the same voxel centres."""
        if self.shape != other.shape:
            return False
        try:
            return self.offset_in(other) == (0, 0, 0)
        except FrameMismatch:
            return False

    def require_same(self, other: Grid, what: str = "the mask", whose: str = "the image") -> None:
        """Raise FrameMismatch, naming both grids and the remedy, unless the grids are the same."""
        if not self.same_as(other):
            raise FrameMismatch(self._mismatch(other, what, whose, None))

    def _mismatch(self, other: Grid, what: str, whose: str, error: float | None) -> str:
        detail = "" if error is None else f" (voxel centres differ by up to {error:.2f} voxels)"
        return (
            f"{what} and {whose} are not on one grid{detail}: "
            f"{what} is {self.describe()}, {whose} is {other.describe()}. "
            f"Export {what} on the grid of {whose}, or resample it: add `resample: true` beside its file in case.yaml, "
            "or call glisson.geometry.resample_mask(mask, grid)."
        )

    def describe(self) -> str:
        """One line: shape, spacing, origin and orientation, for messages."""
        spacing = "x".join(f"{s:.3g}" for s in self.spacing_mm)
        origin = ", ".join(f"{o:.1f}" for o in self.origin_mm)
        shape = "x".join(str(n) for n in self.shape)
        return f"{shape} at {spacing} mm, origin ({origin}), axes {self.axis_codes}"

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, Grid) and self.same_as(other)

    __hash__ = None  # type: ignore[assignment]


def _turned(columns: Sequence[npt.NDArray[Any]] | npt.NDArray[Any], matrix: FloatArray) -> FloatArray:
    """(..., 3) the product of a (3, 3) matrix with points given by coordinate, one column after another.

    A product of matrices would go to BLAS, which for three columns costs several times as much and starts threads.
    """
    result = np.empty((*np.shape(columns[0]), 3))
    for row, factors in enumerate(matrix):
        used = [a for a in range(3) if factors[a] != 0]
        np.multiply(columns[used[0]], factors[used[0]], out=result[..., row])
        for a in used[1:]:
            result[..., row] += columns[a] * factors[a]
    return result
