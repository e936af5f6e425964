"""Diameters of a mask, below voxel size: on the outline half-way between the voxel centres inside and outside."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from glisson.errors import InputError
from glisson.geometry import BoolArray, FloatArray, Mask, box_of

__all__ = ["AxialDiameters", "Diameter", "axial_diameters", "max3d_diameter"]

SAME_MM = 1e-6
"""Lengths that differ by less are equal, so that the first slice wins on every machine."""


@dataclass(frozen=True, eq=False)
class Diameter:
    """A length in mm and its two ends, (2, 3) LPS mm."""

    length_mm: float
    ends_mm: FloatArray


@dataclass(frozen=True, eq=False)
class AxialDiameters:
    """The longest diameter, the longest one at right angles to it in the same slice, and that slice's index."""

    longest: Diameter
    perpendicular: Diameter
    slice_index: int


def axial_diameters(mask: Mask, slice_axis: int) -> AxialDiameters:
    """Longest axial diameter and its perpendicular, the RECIST way, on the slices across `slice_axis` as acquired.

    In each slice the outline runs half-way between voxel centres inside and outside (the half-level contour of marching
    squares); the longest diameter is the largest distance between two of its points over all slices, in true mm also on
    oblique and sheared grids. The perpendicular is the longest chord of the outline's convex hull at exactly 90 degrees
    to it in that slice; it always crosses the longest diameter. slice_index counts on the mask's own grid.
    A ball reads too long by 0.6 to 0.8 of the in-plane voxel on average, never by more than one: the longest of all
    chords of an outline with steps. A distance between voxel centres would read as much too short.
    RECIST 1.1: Eisenhauer 2009, doi 10.1016/j.ejca.2008.10.026. Raises InputError for an empty mask.
    """
    best: tuple[float, FloatArray, FloatArray, int] | None = None
    for index, points in _slice_outlines(mask, slice_axis):
        hull = _hull(points)
        length, a, b = _farthest(hull)
        if best is None or length > best[0] + SAME_MM:
            best = (length, hull, hull[[a, b]], index)
    if best is None:
        raise InputError("An empty mask has no diameter.")
    length, hull, ends, index = best
    origin, plane = _plane(mask, slice_axis, index)
    chord = _perpendicular_chord(hull, ends)
    across = float(np.linalg.norm(chord[1] - chord[0]))
    longest = Diameter(length, origin + ends @ plane)
    return AxialDiameters(longest, Diameter(across, origin + chord @ plane), index)


def max3d_diameter(mask: Mask) -> Diameter:
    """Largest distance in mm between two points of the mask's half-way surface (marching cubes of 0/1), with its ends.

    The definition of PyRadiomics' Maximum3DDiameter. Raises InputError for an empty mask.
    """
    box = box_of(mask.data)
    if box is None:
        raise InputError("An empty mask has no diameter.")
    points = mask.grid.crop(box).to_mm(_half_way_points(mask.data[box]))
    hull = _hull(points)
    length, a, b = _farthest(hull)
    return Diameter(length, hull[[a, b]])


def _half_way_points(inside: BoolArray) -> FloatArray:
    """(N, d) indices half a voxel beyond the first and the last voxel of each line along each axis.

    All other points where a line leaves the mask lie between these, so the convex hull is that of the half-way outline.
    """
    found = []
    for axis in range(inside.ndim):
        lines = np.moveaxis(inside, axis, -1)
        others = np.argwhere(lines.any(axis=-1))
        hit = lines[tuple(others.T)]
        first = hit.argmax(axis=1) - 0.5
        last = inside.shape[axis] - 0.5 - hit[:, ::-1].argmax(axis=1)
        for position in (first, last):
            found.append(np.insert(others.astype(np.float64), axis, position, axis=1))
    return np.concatenate(found)


def _slice_outlines(mask: Mask, slice_axis: int) -> Iterator[tuple[int, FloatArray]]:
    """For each slice with voxels its index and the points of its outline, (N, 2) mm in the plane of `_plane`."""
    others = [axis for axis in range(3) if axis != slice_axis]
    _, plane = _plane(mask, slice_axis, 0)
    to_plane = plane @ mask.grid.affine[:3, others]
    slices = np.moveaxis(mask.data, slice_axis, 0)
    for index in np.flatnonzero(slices.any(axis=(1, 2))):
        yield int(index), _half_way_points(slices[index]) @ to_plane.T


def _plane(mask: Mask, slice_axis: int, index: int) -> tuple[FloatArray, FloatArray]:
    """(3,) LPS mm of the slice's first voxel centre, and (2, 3) two orthonormal vectors that span its plane."""
    first, second = (mask.grid.affine[:3, axis] for axis in range(3) if axis != slice_axis)
    u = first / np.linalg.norm(first)
    v = second - (second @ u) * u
    at = np.zeros(3)
    at[slice_axis] = index
    return mask.grid.to_mm(at), np.stack([u, v / np.linalg.norm(v)])


def _hull(points: FloatArray) -> FloatArray:
    """The corners of the convex hull, in an order that depends on the points only."""
    from scipy.spatial import ConvexHull

    return points[np.sort(ConvexHull(points).vertices)]


def _farthest(points: FloatArray) -> tuple[float, int, int]:
    """The largest distance between two of the points and their indices; the first pair among equals."""
    from scipy.spatial.distance import pdist, squareform

    distances = squareform(pdist(points))
    a, b = np.argwhere(distances >= distances.max() - SAME_MM)[0]
    return float(distances[a, b]), int(a), int(b)


def _perpendicular_chord(hull: FloatArray, ends: FloatArray) -> FloatArray:
    """(2, 2) ends of the longest chord of a convex polygon at right angles to the segment `ends`; all (., 2) mm.

    The chord's length is concave and piecewise linear along the segment, so its maximum lies at a corner.
    """
    along = (ends[1] - ends[0]) / np.linalg.norm(ends[1] - ends[0])
    across = np.array([-along[1], along[0]])
    place, side = (hull - ends[0]) @ along, (hull - ends[0]) @ across
    order = np.lexsort((side, place))
    upper = _envelope(place, side, ends, along, 1.0)
    lower = _envelope(place, side, ends, along, -1.0)
    where = place[order]
    top, bottom = np.interp(where, *upper), -np.interp(where, *lower)
    best = int(np.flatnonzero(top - bottom >= (top - bottom).max() - SAME_MM)[0])
    foot = ends[0] + where[best] * along
    return np.stack([foot + bottom[best] * across, foot + top[best] * across])


def _envelope(
    place: FloatArray, side: FloatArray, ends: FloatArray, along: FloatArray, sign: float
) -> tuple[FloatArray, FloatArray]:
    """Corners of the polygon on one side of the segment, by their place along it, with its two ends."""
    keep = sign * side > 0
    length = float((ends[1] - ends[0]) @ along)
    t = np.concatenate([[0.0], place[keep], [length]])
    y = np.concatenate([[0.0], sign * side[keep], [0.0]])
    order = np.lexsort((y, t))
    return t[order], y[order]
