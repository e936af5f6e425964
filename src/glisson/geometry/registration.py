"""Where a point of one scan lies in another: two scans of one organ laid over each other.

First rigid, by the organ's outlines alone (their distance maps). Then affine and bent (cubic B-splines: Rueckert et al.
1999, doi 10.1109/42.796284) by mutual information (Mattes et al. 2003, doi 10.1109/TMI.2003.809072) of what is inside
and of the outline itself, so that scans of different contrast or modality can be laid over each other. What is
hidden (lesions, which grow and vanish) is not looked at: a match of lesions is not decided by the lesions.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from glisson.errors import InputError
from glisson.geometry.distance import distance_to
from glisson.geometry.grid import FloatArray, Grid
from glisson.geometry.itk import from_itk, itk, one_thread, to_itk, to_itk_vectors
from glisson.geometry.resample import resample_mask, resample_volume
from glisson.geometry.volume import BoolArray, Mask, Volume

__all__ = ["Alignment", "Organ", "align"]

STEP_MM = 3.0
"""Both scans are compared on lattices of this spacing."""
AROUND_MM = 24.0
"""That much of the surroundings is taken along."""
DARKEST, BRIGHTEST, OUTSIDE = -3.0, 5.0, -6.0
"""Contrast of what is inside, in standard deviations from its median, is cut off at the first two; the outside has the
third, so that the outline shows."""
DEEPEST_MM = 30.0
"""Distance maps say no more than this."""
HIDDEN_RIND_MM = 3.0
"""What lies this near to something hidden is hidden too."""
MESH_MM = 80.0
"""Spacing of the coarse mesh of splines; the fine one has half of it."""
FIELD_STEP_MM = 6.0
"""The bending is kept sampled this densely."""
ROUNDS = {"rigid": 60, "affine": 60, "bent": 30}
"""Rounds of each optimiser at most."""
BINS = 32
"""Grey levels of the mutual information."""
SEED = 7
"""ITK moves the points it samples a little at random; this makes it the same every time."""
INVERSE_ROUNDS = 50
"""Rounds of the fixed-point iteration that turns an alignment round."""


@dataclass(frozen=True, eq=False)
class Organ:
    """One organ on one scan. mask: the whole organ. image: None when only outlines are known. hidden: masks of what
    is not to be looked at (lesions, ablation zones)."""

    mask: Mask
    image: Volume | None = None
    hidden: tuple[Mask, ...] = ()


@dataclass(frozen=True, eq=False)
class Alignment:
    """A map from the points of a fixed scan to those of a moving scan that hold the same tissue, LPS mm.

    affine: (4, 4), applied last. field: (i, j, k, 3) shifts in mm on `grid`, applied first; None when nothing is bent.
    Beyond the grid nothing is bent. scaled: whether lengths may differ (affine), or not (rigid).
    """

    affine: FloatArray
    field: npt.NDArray[np.float32] | None
    grid: Grid
    scaled: bool

    def to_moving(self, points_mm: npt.ArrayLike) -> FloatArray:
        """(..., 3) points of the fixed scan -> where the same tissue lies in the moving scan."""
        points = np.asarray(points_mm, dtype=np.float64)
        bent = points + self._shift(points)
        result: FloatArray = bent @ self.affine[:3, :3].T + self.affine[:3, 3]
        return result

    def to_fixed(self, points_mm: npt.ArrayLike) -> FloatArray:
        """(..., 3) points of the moving scan -> where the same tissue lies in the fixed scan."""
        back = np.linalg.inv(self.affine)
        wanted = np.asarray(points_mm, dtype=np.float64) @ back[:3, :3].T + back[:3, 3]
        found: FloatArray = wanted.copy()
        for _ in range(INVERSE_ROUNDS):
            step = wanted - (found + self._shift(found))
            found = found + step
            if np.abs(step).max(initial=0.0) < 1e-3:
                break
        return found

    def pull(self, volume: Volume, grid: Grid, outside: float | None = None) -> Volume:
        """The moving scan's values at the places of the fixed scan's `grid`, by linear interpolation; float32."""
        fill = float(volume.data.min()) if outside is None else outside
        return Volume(self._pulled(volume.data.astype(np.float32), volume.grid, grid, fill), grid)

    def pull_mask(self, mask: Mask, grid: Grid) -> Mask:
        """A mask of the moving scan on the fixed scan's `grid`: inside where the interpolated mask reaches one half."""
        return Mask(self._pulled(mask.data.astype(np.float32), mask.grid, grid, 0.0) >= 0.5, grid)

    def write_itk(self, path: Path) -> None:
        """Write the map as an ITK transform (.h5 or .tfm) that resamples the moving scan onto the fixed one."""
        sitk = itk()
        sitk.WriteTransform(self._transform, str(path))

    def _pulled(self, data: npt.NDArray[np.float32], own: Grid, grid: Grid, fill: float) -> npt.NDArray[np.float32]:
        sitk = itk()
        like = to_itk(np.zeros(grid.shape, np.uint8), grid)
        found = sitk.Resample(to_itk(data, own), like, self._transform, sitk.sitkLinear, fill, sitk.sitkFloat32)
        result: npt.NDArray[np.float32] = from_itk(found)
        return result

    def _shift(self, points: FloatArray) -> FloatArray:
        from scipy.ndimage import map_coordinates

        if self.field is None:
            return np.zeros_like(points)
        where = self.grid.to_index(points.reshape(-1, 3)).T
        parts = [map_coordinates(self.field[..., a], where, order=1, mode="constant") for a in range(3)]
        result: FloatArray = np.stack(parts, axis=-1).astype(np.float64).reshape(points.shape)
        return result

    @cached_property
    def _transform(self) -> Any:
        sitk = itk()
        last = sitk.AffineTransform(3)
        last.SetMatrix(self.affine[:3, :3].ravel().tolist())
        last.SetTranslation(self.affine[:3, 3].tolist())
        if self.field is None:
            return last
        first = sitk.DisplacementFieldTransform(to_itk_vectors(self.field, self.grid))
        return sitk.CompositeTransform([last, first])


def align(fixed: Organ, moving: Organ, *, bend: bool = True, start: Alignment | None = None) -> Alignment:
    """Lay two scans of one organ over each other.

    bend: rigid, then affine and bent, where both have images; without an image on either side, or with bend False, the
    outlines alone decide, rigidly. start: a rigid alignment to go on from where the outlines cannot decide, such as
    when a part was removed. Raises InputError for an empty mask. The same input gives the same answer.
    """
    for name, organ in (("fixed", fixed), ("moving", moving)):
        if organ.mask.is_empty:
            raise InputError(f"The {name} scan's mask is empty; expected the outline of the organ. Outline it first.")
    with one_thread():
        return _aligned(fixed, moving, bend, start)


def _aligned(fixed: Organ, moving: Organ, bend: bool, start: Alignment | None) -> Alignment:
    here, there = _lattice(fixed.mask), _lattice(moving.mask)
    rigid = _rigid(fixed.mask, moving.mask, here, there) if start is None else _given(start, fixed.mask)
    if not bend or fixed.image is None or moving.image is None:
        return Alignment(_matrix(rigid), None, here, scaled=False)
    looks = to_itk(_look(fixed, fixed.image, here), here), to_itk(_look(moving, moving.image, there), there)
    region = to_itk(distance_to(resample_mask(fixed.mask, here).data, here.spacing_mm) <= 3 * STEP_MM, here)
    affine = _affine(*looks, region, rigid)
    bent = _bent(*looks, region, affine, here)
    coarse = _every(here, FIELD_STEP_MM)
    return Alignment(_matrix(affine), _sampled(bent, coarse), coarse, scaled=True)


def _lattice(mask: Mask) -> Grid:
    points = mask.grid.to_mm(np.argwhere(mask.data))
    low, high = points.min(axis=0) - AROUND_MM, points.max(axis=0) + AROUND_MM
    count = np.ceil((high - low) / STEP_MM).astype(int) + 1
    first = (float(low[0]), float(low[1]), float(low[2]))
    return Grid.axial((int(count[0]), int(count[1]), int(count[2])), (STEP_MM,) * 3, first)


def _every(grid: Grid, step_mm: float) -> Grid:
    count = np.ceil((np.array(grid.shape) - 1) * grid.spacing_mm / step_mm).astype(int) + 1
    x, y, z = (float(v) for v in grid.origin_mm)
    return Grid.axial((int(count[0]), int(count[1]), int(count[2])), (step_mm,) * 3, (x, y, z))


def _depth(mask: BoolArray, grid: Grid) -> Any:
    """Distance to the outline, negative inside, as an image."""
    apart = distance_to(mask, grid.spacing_mm) - distance_to(~mask, grid.spacing_mm)
    return to_itk(np.clip(apart, -DEEPEST_MM, DEEPEST_MM).astype(np.float32), grid)


def _look(organ: Organ, image: Volume, grid: Grid) -> npt.NDArray[np.float32]:
    """The organ's inside in standard deviations from its median; hidden parts have the median, the outside is flat."""
    values = resample_volume(image, grid).data
    inside = resample_mask(organ.mask, grid).data
    hidden = np.zeros(grid.shape, np.bool_)
    for mask in organ.hidden:
        hidden |= resample_mask(mask, grid).data
    if hidden.any():
        hidden = distance_to(hidden, grid.spacing_mm) <= HIDDEN_RIND_MM
    known = values[inside & ~hidden]
    known = known if known.size else values[inside]
    median = float(np.median(known))
    spread = max(1.4826 * float(np.median(np.abs(known - median))), 1e-6)
    result: npt.NDArray[np.float32] = np.clip((values - median) / spread, DARKEST, BRIGHTEST).astype(np.float32)
    result[hidden] = 0.0
    result[~inside] = OUTSIDE
    return result


def _method(share: float, rounds: str) -> Any:
    sitk = itk()
    method = sitk.ImageRegistrationMethod()
    method.SetInterpolator(sitk.sitkLinear)
    method.SetMetricSamplingStrategy(method.REGULAR)
    method.SetMetricSamplingPercentage(share, seed=SEED)
    if rounds != "bent":
        first = 2.0 if rounds == "rigid" else 1.0
        method.SetOptimizerAsRegularStepGradientDescent(first, 0.01, ROUNDS[rounds], relaxationFactor=0.5)
        method.SetOptimizerScalesFromPhysicalShift()
    return method


def _rigid(fixed: Mask, moving: Mask, here: Grid, there: Grid) -> Any:
    sitk = itk()
    start = sitk.Euler3DTransform()
    middle = fixed.centroid_mm
    start.SetCenter(middle.tolist())
    start.SetTranslation((moving.centroid_mm - middle).tolist())
    method = _method(0.1, "rigid")
    method.SetMetricAsMeanSquares()
    method.SetInitialTransform(start, inPlace=True)
    method.Execute(_depth(resample_mask(fixed, here).data, here), _depth(resample_mask(moving, there).data, there))
    return start


def _given(start: Alignment, fixed: Mask) -> Any:
    """A rigid alignment as a transform about the middle of the fixed mask."""
    sitk = itk()
    made = sitk.Euler3DTransform()
    middle = fixed.centroid_mm
    made.SetCenter(middle.tolist())
    made.SetMatrix(start.affine[:3, :3].ravel().tolist(), 1e-6)
    made.SetTranslation((start.affine[:3, :3] @ middle + start.affine[:3, 3] - middle).tolist())
    return made


def _affine(fixed: Any, moving: Any, region: Any, rigid: Any) -> Any:
    sitk = itk()
    start = sitk.AffineTransform(3)
    start.SetCenter(rigid.GetCenter())
    start.SetMatrix(rigid.GetMatrix())
    start.SetTranslation(rigid.GetTranslation())
    method = _method(0.25, "affine")
    method.SetMetricAsMattesMutualInformation(BINS)
    method.SetMetricFixedMask(region)
    method.SetInitialTransform(start, inPlace=True)
    method.Execute(fixed, moving)
    return start


def _bent(fixed: Any, moving: Any, region: Any, affine: Any, grid: Grid) -> Any:
    sitk = itk()
    extent = np.array(grid.shape) * grid.spacing_mm
    mesh = [max(round(float(length) / MESH_MM), 1) for length in extent]
    start = sitk.BSplineTransformInitializer(fixed, mesh, 3)
    method = _method(0.3, "bent")
    method.SetMetricAsMattesMutualInformation(BINS)
    method.SetMetricFixedMask(region)
    method.SetMovingInitialTransform(affine)
    method.SetInitialTransformAsBSpline(start, inPlace=True, scaleFactors=[1, 2])
    method.SetShrinkFactorsPerLevel([2, 1])
    method.SetSmoothingSigmasPerLevel([2, 1])
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOn()
    method.SetOptimizerAsLBFGS2(
        solutionAccuracy=1e-4, numberOfIterations=ROUNDS["bent"], deltaConvergenceTolerance=1e-4
    )
    return method.Execute(fixed, moving)


def _sampled(transform: Any, grid: Grid) -> npt.NDArray[np.float32]:
    sitk = itk()
    made = sitk.TransformToDisplacementField(
        transform, sitk.sitkVectorFloat64, grid.shape, grid.origin_mm.tolist(), grid.spacing_mm,
        grid.directions.ravel().tolist(),
    )  # fmt: skip
    result: npt.NDArray[np.float32] = from_itk(made).astype(np.float32)
    return result


def _matrix(transform: Any) -> FloatArray:
    """(4, 4) affine of a transform that is linear about a centre."""
    matrix = np.eye(4)
    linear = np.array(transform.GetMatrix()).reshape(3, 3)
    centre = np.array(transform.GetCenter())
    matrix[:3, :3] = linear
    matrix[:3, 3] = centre + np.array(transform.GetTranslation()) - linear @ centre
    return matrix
