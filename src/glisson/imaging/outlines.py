"""Files of outlines, brought onto the scan's lattice and trimmed at once so that memory stays small."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from glisson.errors import FrameMismatch, SceneError
from glisson.geometry import Grid, Labels, Mask, box_of
from glisson.imaging.dicom_headers import RT_STRUCTURE_SET, SEG_CLASSES, sop_class_of
from glisson.imaging.raster import Raster, whole_numbers
from glisson.imaging.readers import read_raster
from glisson.scene import Notice

__all__ = ["Outline", "load_outline", "turned_to"]

PARALLEL_COSINE = 0.9999
"""Two grids have the same axes, perhaps in another order or direction, when these are parallel to 0.8 degrees; whether
the voxels coincide is checked afterwards by the lattice tolerance."""


@dataclass(frozen=True, eq=False)
class Outline:
    """A label map as read, trimmed to its voxels, on the scan's lattice.

    labels: on the box of the non-zero voxels. whole: the grid of the file (turned to the scan's axes).
    values: the labels present. names: label -> name where the file says so. notices: what was noticed while reading.
    roles: label -> our name for it, of files that name their structures (DICOM). extra: label -> its voxels that carry
    another label in `labels`, where outlines overlap. frame_uid: frame of reference, where the file has one.
    """

    path: Path
    labels: Labels
    whole: Grid
    values: tuple[int, ...]
    names: Mapping[int, str]
    notices: tuple[Notice, ...] = ()
    roles: Mapping[int, str] = field(default_factory=dict)
    extra: Mapping[int, Mask] = field(default_factory=dict)
    frame_uid: str | None = None

    def mask(self, label: int | None = None) -> Mask:
        """The voxels that are not zero, or those with one label, trimmed."""
        if label is None:
            return Mask(self.labels.data != 0, self.labels.grid).trimmed()
        return self.union((label,))

    def union(self, labels: Iterable[int]) -> Mask:
        """The voxels that have any of the labels, trimmed."""
        chosen = tuple(labels)
        found = self.labels.mask(*chosen)
        hidden = [self.extra[label] for label in chosen if label in self.extra]
        if not hidden:
            return found.trimmed()
        data = found.data.copy()
        for mask in hidden:
            data |= mask.on(self.labels.grid)
        return Mask(data, self.labels.grid).trimmed()

    def chosen(self, role: str, label: int | None, segment: str | None, given: str) -> tuple[int, ...]:
        """The labels that an entry of a case means by number, by name, or (of files that name structures) by role.

        Empty where the file outlines nothing. given: the file's name in messages. Raises SceneError, listing what there
        is, for a name that is not there or there twice, and where a file names several structures and none is `role`.
        """
        there = ", ".join(f"{n} {name!r}" for n, name in sorted(self.names.items())) or "none"
        if segment is not None:
            wanted = segment.strip().casefold()
            found = tuple(n for n, name in sorted(self.names.items()) if name.strip().casefold() == wanted)
            if len(found) != 1:
                many = "several segments are" if found else "no segment is"
                raise SceneError(f"{given}: {many} named {segment!r}. There are: {there}.")
            return found
        if label is not None:
            if self.roles and label not in self.roles:
                raise SceneError(f"{given}: there is no segment {label}. There are: {there}.")
            return (label,)
        if len(self.roles) < 2:
            return self.values
        meant = tuple(n for n in sorted(self.roles) if self.roles[n] == role)
        if not meant:
            raise SceneError(
                f"{given} holds several structures, and none is known as {role}: {there}. Say which one is meant: "
                "segment: NAME or label: NUMBER beside the file."
            )
        return meant


def turned_to(data: npt.NDArray[Any], grid: Grid, target: Grid) -> tuple[npt.NDArray[Any], Grid]:
    """The same voxels with axes in `target`'s order and direction where they are parallel; else as given."""
    cosines = target.directions.T @ grid.directions
    for order in permutations(range(3)):
        along = np.array([cosines[axis, order[axis]] for axis in range(3)])
        if np.abs(along).min() > PARALLEL_COSINE:
            break
    else:
        return data, grid
    if order == (0, 1, 2) and along.min() > 0:
        return data, grid
    affine = grid.affine.copy()
    affine[:3, :3] = grid.affine[:3, list(order)]
    turned = data.transpose(order)
    for axis in range(3):
        if along[axis] < 0:
            affine[:3, 3] += affine[:3, axis] * (turned.shape[axis] - 1)
            affine[:3, axis] *= -1
            turned = np.flip(turned, axis)
    shape = turned.shape
    return turned, Grid((shape[0], shape[1], shape[2]), affine)


def load_outline(path: Path, grid: Grid | None, resample: bool = False, what: str = "") -> Outline:
    """Read a mask or label map onto the lattice of `grid` (its own when None).

    Raises ImageError (unreadable, not whole numbers), FrameMismatch (another lattice and resample is false), SceneError
    (voxels outside the image).
    """
    raster = _raster(path, grid)
    what = what or path.name
    data, whole = whole_numbers(raster, path), raster.grid
    extra = dict(raster.extra)
    if grid is not None:
        data, whole = turned_to(data, whole, grid)
        extra = {n: Mask(*turned_to(mask.data, mask.grid, grid)) for n, mask in extra.items()}
    box = box_of(data) or (slice(0, 1), slice(0, 1), slice(0, 1))
    labels = Labels(np.ascontiguousarray(data[box]), whole.crop(box), raster.names)
    notices = raster.notices
    if grid is not None:
        try:
            whole.offset_in(grid, what)
        except FrameMismatch:
            if not resample:
                raise
            labels, extra = _resampled(labels, extra, grid, what)
            notices += (Notice("info", "mask-resampled", f"{what} was resampled onto the grid of the image.", what),)
        _check_inside(labels, grid, what)
    values = tuple(sorted({*labels.values, *extra}))
    return Outline(
        path, labels, whole, values, raster.names, notices, raster.roles, extra,
        raster.facts.frame_uid if raster.roles else None,
    )  # fmt: skip


def _raster(path: Path, grid: Grid | None) -> Raster:
    """The file as a label map; outlines in DICOM take the slices of the scan, which they were drawn on."""
    kind = sop_class_of(path)
    if kind in SEG_CLASSES:
        from glisson.imaging.dicom_seg_read import seg_raster

        return seg_raster(path, grid)
    if kind == RT_STRUCTURE_SET:
        from glisson.imaging.rtstruct_raster import rtstruct_raster

        return rtstruct_raster(path, grid)
    return read_raster(path)


def _resampled(labels: Labels, extra: Mapping[int, Mask], grid: Grid, what: str) -> tuple[Labels, dict[int, Mask]]:
    from glisson.geometry import resample_mask

    whole = np.zeros(grid.shape, labels.data.dtype)
    hidden: dict[int, Mask] = {}
    for value in sorted({*labels.values, *extra}):
        held = labels.mask(value)
        if value in extra:
            held = Mask(held.data | extra[value].on(labels.grid), labels.grid)
        padded = held.trimmed()
        around = tuple(slice(-2, n + 2) for n in padded.grid.shape)
        room = padded.grid.crop((around[0], around[1], around[2]))
        moved = resample_mask(padded.moved_to(room), grid).on(grid)
        if extra:
            under = moved & (whole != 0)
            if under.any():
                hidden[value] = Mask(under, grid).trimmed()
            moved = moved & ~under
        whole[moved] = value
    box = box_of(whole)
    if box is None and labels.values:
        raise SceneError(_outside(labels, grid, what))
    box = box or (slice(0, 1), slice(0, 1), slice(0, 1))
    return Labels(whole[box].copy(), grid.crop(box), labels.names), hidden


def _check_inside(labels: Labels, grid: Grid, what: str) -> None:
    if not labels.data.any():
        return
    low = np.array(labels.grid.offset_in(grid, what))
    high = low + labels.data.shape
    if (low < 0).any() or (high > np.array(grid.shape)).any():
        raise SceneError(_outside(labels, grid, what))


def _outside(labels: Labels, grid: Grid, what: str) -> str:
    return (
        f"{what} has voxels outside the image: they fill {labels.grid.describe()}, the image is {grid.describe()}. "
        "The mask belongs to another scan, or the image was cropped: give the scan it was drawn on."
    )
