"""Frames that lie anywhere, brought to slices of one even lattice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from glisson.errors import DicomError
from glisson.geometry import FloatArray, Grid
from glisson.imaging.raster import checked_grid

__all__ = ["Place", "lattice_of"]

OFF_SLICE_SHARE = 0.1
"""A frame may lie this share of the step off its slice; scans are accepted with slices as uneven as that."""

DRIFT_PIXELS = 0.05
"""Frames may be shifted against each other within their plane by this share of a pixel; headers round positions."""

SAME_PLACE_MM = 0.01
"""Frames closer than this along the normal lie at one slice."""

MOST_SLICES = 4096
"""No scan has more slices; frames that span more have damaged places."""

PARALLEL = 1e-3
"""Direction cosines may differ by this between frames, and between frames and scan."""


@dataclass(frozen=True, eq=False)
class Place:
    """Where a frame lies: position of its first pixel and cosines of row and column (LPS mm), pixel spacing.

    spacing_mm: between rows, between columns. steps_mm: what the header says of the distance between frames, best
    first.
    """

    position: FloatArray
    orientation: FloatArray
    spacing_mm: tuple[float, float]
    steps_mm: tuple[float, ...]


def lattice_of(
    places: Sequence[Place], size: tuple[int, int], lattice: Grid | None, source: Path
) -> tuple[Grid, list[int]]:
    """The grid that spans all frames (axes column, row, slice) and each frame's slice in it.

    size: columns and rows. lattice: of the scan, whose slices are taken where the frames lie at them. Raises DicomError
    for frames that are not parallel, shifted within their plane or not evenly spaced.
    """
    first = places[0]
    row, column = first.orientation[:3], first.orientation[3:]
    normal = np.cross(row, column)
    if any(np.abs(p.orientation - first.orientation).max() > PARALLEL for p in places):
        raise DicomError(f"{source}: its frames are not parallel, so they make no volume. Export it on one series.")
    if any(
        np.abs(np.subtract(p.spacing_mm, first.spacing_mm)).max() > PARALLEL * min(first.spacing_mm) for p in places
    ):
        raise DicomError(f"{source}: its frames have pixels of different sizes. Export it on one series.")
    points = np.array([p.position for p in places])
    depth = points @ normal
    drift = np.abs((points - points[0]) @ np.stack([row, column], axis=1)).max(axis=0)
    if (drift > DRIFT_PIXELS * np.array(first.spacing_mm[::-1])).any():
        raise DicomError(
            f"{source}: its frames are shifted against each other within their plane by up to {drift.max():.2f} mm. "
            "Export it on one series."
        )
    start, step = _of_scan(depth, points, normal, lattice) or _own(depth, first, source)
    slots = np.rint((depth - start) / step).astype(int)
    lowest = int(slots.min())
    if slots.max() - lowest >= MOST_SLICES:
        raise DicomError(
            f"{source}: its frames span {np.ptp(depth):.4g} mm, {slots.max() - lowest + 1} slices: their places are "
            "damaged. Export it again."
        )
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1] = row * first.spacing_mm[1], column * first.spacing_mm[0]
    affine[:3, 2] = normal * step
    affine[:3, 3] = points[0] + normal * (start + step * lowest - depth[0])
    shape = (size[0], size[1], int(slots.max()) - lowest + 1)
    return checked_grid(shape, affine, source), [int(s) - lowest for s in slots]


def _of_scan(
    depth: FloatArray, points: FloatArray, normal: FloatArray, lattice: Grid | None
) -> tuple[float, float] | None:
    """Depth of a slice of the scan and the step between its slices, where all frames lie at slices of the scan."""
    if lattice is None:
        return None
    cosines = lattice.directions.T @ normal
    axis = int(np.argmax(np.abs(cosines)))
    if abs(cosines[axis]) < 1 - PARALLEL:
        return None
    step = lattice.spacing_mm[axis]
    off = lattice.to_index(points)[:, axis]
    if np.abs(off - np.rint(off)).max() > OFF_SLICE_SHARE:
        return None
    return float(depth[0] + (np.rint(off[0]) - off[0]) * step * np.sign(cosines[axis])), step


def _own(depth: FloatArray, first: Place, source: Path) -> tuple[float, float]:
    """Depth of the first slice and the step, from the frames alone."""
    levels = np.sort(depth)
    gaps = np.diff(levels)
    gaps = gaps[gaps > SAME_PLACE_MM]
    if not gaps.size:
        if not first.steps_mm:
            raise DicomError(f"{source}: a single slice without a thickness has no volume. Export it on one series.")
        return float(levels[0]), first.steps_mm[0]
    for step in (*first.steps_mm, float(gaps.min())):
        whole = np.rint(gaps / step)
        if whole.min() >= 1 and np.abs(gaps / step - whole).max() <= OFF_SLICE_SHARE:
            span = float(levels[-1] - levels[0])
            return float(levels[0]), span / float(np.rint(span / step))
    raise DicomError(
        f"{source}: its slices are unevenly spaced ({gaps.min():.3g} to {gaps.max():.3g} mm). Export it on one series."
    )
