"""Smooth stand-ins of masks for the 3D pictures: one inside, zero outside and one half at the surface."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from glisson.geometry import FloatArray, Grid, Labels, Mask, box_of
from glisson.report.figures.palette import VESSELS
from glisson.report.figures.scan import Parts

__all__ = ["LEAST_RADIUS_MM", "Field", "Model", "coarse_field", "model_of", "smooth_field"]

STEP_MM, SIGMA_MM = 1.25, 1.7
"""Spacing of the fields and standard deviation of the Gaussian that takes away the voxel steps."""

COARSE_STEP_MM, COARSE_SIGMA_MM, COARSE_VOXEL_MM = 2.5, 1.8, 1.5
"""The same for segments and removed parts, of which only the border on the liver's surface is seen, and the voxels of
the scan that are looked at for them.
"""

LEAST_SIGMA_VOXELS = 0.75
"""The Gaussian is at least this wide in voxels of the scan, so that thick slices leave no terraces."""

VESSEL_ROOM_MM = 14.0
"""Vessels are shown up to this far around the liver's box."""

LEAST_RADIUS_MM = 2.5
"""A lesion smaller than a ball of this radius is drawn as that ball, so that it can be seen."""

VESSEL_SIGMA_MM, VESSEL_GAIN = 0.8, 1.5
"""The gain keeps branches that are one voxel thin above one half."""

VESSEL_REACH_MM = 16.0
"""Portal and hepatic veins are cut off this far from the liver; the cava runs through."""

Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Field:
    """(X, Y, Z) float32 values on a grid of its own, along the axes of the scan."""

    values: Float32
    grid: Grid

    def at(self, points_mm: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """(N,) interpolated values at (N, 3) LPS mm; zero outside."""
        from scipy.ndimage import map_coordinates

        result: npt.NDArray[np.float64] = map_coordinates(self.values, self.grid.to_index(points_mm).T, order=1)
        return result


@dataclass(frozen=True, eq=False)
class Model:
    """The liver in three dimensions: fields of the liver, of each segment by its label, of vessels and lesions by name.

    small: lesions drawn larger than they are. seen: what was already cast, by view and window.
    """

    liver: Field
    segments: Mapping[int, Field]
    vessels: Mapping[str, Field]
    lesions: Mapping[str, Field]
    centroids_mm: Mapping[str, FloatArray]
    radii_mm: Mapping[str, float]
    small: tuple[str, ...] = field(default=())
    seen: dict[Any, Any] = field(default_factory=dict, repr=False)


def model_of(parts: Parts) -> Model:
    """The fields of everything that the 3D pictures show."""
    room = _room(parts)
    liver = smooth_field(parts.liver, STEP_MM, SIGMA_MM)
    vessels = {}
    for name in VESSELS:
        mask = _cut_to(parts.vessels[name], parts.grid, room) if name in parts.vessels and name != "artery" else None
        if mask is not None:
            made = smooth_field(mask, STEP_MM, VESSEL_SIGMA_MM)
            vessels[name] = made if name == "cava" else _near(made, liver)
    lesions, centroids, radii, small = {}, {}, {}, []
    for lesion in parts.lesions:
        centroids[lesion.id] = lesion.mask.centroid_mm
        radius = float((lesion.mask.volume_ml * 1000 * 3 / (4 * np.pi)) ** (1 / 3))
        radii[lesion.id] = max(radius, LEAST_RADIUS_MM)
        step = float(np.clip(radius / 5, 0.6, STEP_MM))
        made = smooth_field(lesion.mask, step, step * 0.8, pad_mm=4.0)
        lesions[lesion.id] = _at_least_a_ball(made, centroids[lesion.id])
        if radius < LEAST_RADIUS_MM:
            small.append(lesion.id)
    segments = _segment_fields(parts.segments) if parts.segments is not None else {}
    return Model(liver, segments, vessels, lesions, centroids, radii, tuple(small))


def _room(parts: Parts) -> tuple[tuple[int, int], ...]:
    """First and last index of the liver's box with room around it, along each axis of the scan's grid."""
    box = box_of(parts.liver.data)
    start = parts.liver.grid.offset_in(parts.grid)
    pads = [int(np.ceil(VESSEL_ROOM_MM / pitch)) for pitch in parts.grid.spacing_mm]
    assert box is not None
    return tuple((o + s.start - pad, o + s.stop + pad) for o, s, pad in zip(start, box, pads, strict=True))


def _cut_to(mask: Mask, grid: Grid, room: tuple[tuple[int, int], ...]) -> Mask | None:
    """The part of a mask inside a box of the lattice; None when nothing is left."""
    box = []
    for (low, high), start, count in zip(room, mask.grid.offset_in(grid), mask.grid.shape, strict=True):
        first, last = max(low - start, 0), min(high - start, count)
        if first >= last:
            return None
        box.append(slice(first, last))
    part = (box[0], box[1], box[2])
    return Mask(mask.data[part], mask.grid.crop(part)) if mask.data[part].any() else None


def smooth_field(mask: Mask, step_mm: float, sigma_mm: float, pad_mm: float | None = None) -> Field:
    """A mask blurred by a Gaussian and sampled every `step_mm` along its own axes, with room around it."""
    box = box_of(mask.data)
    assert box is not None
    pad = 3 * sigma_mm + step_mm if pad_mm is None else pad_mm
    spacing = np.array(mask.grid.spacing_mm)
    low = (np.array([s.start for s in box]) * spacing) - pad
    high = (np.array([s.stop - 1 for s in box]) * spacing) + pad
    counts = np.maximum(np.ceil((high - low) / step_mm).astype(int) + 1, 2)
    weights = []
    for axis in range(3):
        sigma = max(sigma_mm, LEAST_SIGMA_VOXELS * spacing[axis])
        source = np.arange(box[axis].start, box[axis].stop) * spacing[axis]
        target = low[axis] + np.arange(counts[axis]) * step_mm
        bell = np.exp(-0.5 * ((target[:, None] - source[None, :]) / sigma) ** 2)
        weights.append((bell * (spacing[axis] / (sigma * np.sqrt(2 * np.pi)))).astype(np.float32))
    values = mask.data[box].astype(np.float32)
    for axis in (2, 1, 0):
        values = np.moveaxis(np.tensordot(values, weights[axis], axes=(axis, 1)), 2, axis)
    affine = np.eye(4)
    affine[:3, :3] = mask.grid.directions * step_mm
    affine[:3, 3] = mask.grid.to_mm(low / spacing)
    shape = (values.shape[0], values.shape[1], values.shape[2])
    return Field(np.ascontiguousarray(values), Grid(shape, affine))


def _near(made: Field, liver: Field) -> Field:
    """A vessel's field, strengthened, without what lies far from the liver."""
    import edt

    thin = liver.values[::2, ::2, ::2] >= 0.5
    pad = int(np.ceil(VESSEL_REACH_MM / (2 * STEP_MM))) + 2
    away = edt.edt(~np.pad(thin, pad), anisotropy=(2 * STEP_MM,) * 3)
    keep = np.clip((VESSEL_REACH_MM - away) / STEP_MM, 0, 1) * VESSEL_GAIN
    shift = np.rint(liver.grid.to_index(made.grid.origin_mm)).astype(int)
    picks = [
        np.clip((np.arange(n) + s) // 2 + pad, 0, m - 1)
        for n, s, m in zip(made.grid.shape, shift, keep.shape, strict=True)
    ]
    return Field(made.values * keep[np.ix_(*picks)].astype(np.float32), made.grid)


def _at_least_a_ball(made: Field, centre_mm: FloatArray) -> Field:
    index = np.stack(np.meshgrid(*(np.arange(n) for n in made.grid.shape), indexing="ij"), axis=-1)
    away = np.linalg.norm(made.grid.to_mm(index) - centre_mm, axis=-1)
    ball = np.clip(0.5 + (LEAST_RADIUS_MM - away) / (2 * made.grid.spacing_mm[0]), 0, 1)
    return Field(np.maximum(made.values, ball.astype(np.float32)), made.grid)


def _segment_fields(labels: Labels) -> dict[int, Field]:
    """A field for each label, from every nth voxel, which is enough for borders on the surface."""
    strides = _strides(labels.grid)
    thin = labels.data[:: strides[0], :: strides[1], :: strides[2]]
    grid = _thinned(labels.grid, strides, thin.shape)
    values = (int(value) for value in np.flatnonzero(np.bincount(thin.ravel())) if value)
    return {value: smooth_field(Mask(thin == value, grid), COARSE_STEP_MM, COARSE_SIGMA_MM) for value in values}


def coarse_field(mask: Mask) -> Field | None:
    """The field of a part of the liver, for its border on the surface; None when it is empty."""
    if mask.is_empty:
        return None
    strides = _strides(mask.grid)
    thin = mask.data[:: strides[0], :: strides[1], :: strides[2]]
    if not thin.any():
        return smooth_field(mask, COARSE_STEP_MM, COARSE_SIGMA_MM)
    return smooth_field(Mask(thin, _thinned(mask.grid, strides, thin.shape)), COARSE_STEP_MM, COARSE_SIGMA_MM)


def _strides(grid: Grid) -> list[int]:
    return [max(int(COARSE_VOXEL_MM / pitch), 1) for pitch in grid.spacing_mm]


def _thinned(grid: Grid, strides: list[int], shape: tuple[int, ...]) -> Grid:
    affine = grid.affine.copy()
    affine[:3, :3] *= strides
    return Grid((shape[0], shape[1], shape[2]), affine)
