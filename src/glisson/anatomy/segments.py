"""Couinaud segments as a partition of the whole liver."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from glisson.errors import SceneError
from glisson.geometry import BoolArray, Grid, Labels, Mask, Volume
from glisson.scene import Scene

if TYPE_CHECKING:
    from glisson.anatomy.couinaud_chances import SegmentChances

__all__ = ["SEGMENT_NAMES", "SegmentMap", "adjacent_segments", "segment_map"]

SEGMENT_NAMES: Mapping[int, str] = MappingProxyType(
    {1: "I", 2: "II", 3: "III", 4: "IV", 5: "V", 6: "VI", 7: "VII", 8: "VIII"}
)
"""Couinaud's segments: label value -> Roman numeral. IVa and IVb are both 4."""


@dataclass(frozen=True, eq=False)
class SegmentMap:
    """Every voxel of the whole liver in one of the segments I to VIII.

    labels: values 1..8 in the liver and 0 outside, on the liver's own box grid. given_percent: share of the liver whose
    label was given; the rest has the label of the nearest given voxel. outside_ml: labelled volume outside the liver,
    which was cut off. notes: in words. confidence: for each voxel 0 to 1 how sure its segment is, on the same grid;
    None for labels that were given. method: how the map came about ("given" or the name of the method). chances: how
    likely each segment is in each cell of the liver, for `remnant_interval`; None where the method gives none.
    """

    labels: Labels
    given_percent: float
    outside_ml: float = 0.0
    notes: tuple[str, ...] = field(default=())
    confidence: Volume | None = None
    method: str = "given"
    chances: SegmentChances | None = field(default=None, repr=False)

    @cached_property
    def counts(self) -> Mapping[str, int]:
        """Voxels of each segment I to VIII; 0 for a segment that the map lacks. They sum to the voxels of the liver."""
        found = np.bincount(self.labels.data.ravel(), minlength=9)
        return MappingProxyType({name: int(found[value]) for value, name in SEGMENT_NAMES.items()})

    @property
    def volumes_ml(self) -> Mapping[str, float]:
        """Volume of each segment I to VIII in mL."""
        voxel_ml = self.labels.grid.voxel_ml
        return MappingProxyType({name: count * voxel_ml for name, count in self.counts.items()})

    @property
    def present(self) -> tuple[str, ...]:
        """Names of the segments with at least one voxel, in Couinaud's order."""
        return tuple(name for name, count in self.counts.items() if count)

    @property
    def missing(self) -> tuple[str, ...]:
        """Names of the segments without a voxel."""
        return tuple(name for name, count in self.counts.items() if not count)

    @cached_property
    def confidences(self) -> Mapping[str, float] | None:
        """Mean confidence over the voxels of each segment, 0 for one that the map lacks; None for given labels."""
        if self.confidence is None:
            return None
        labels = self.labels.data.ravel()
        total = np.bincount(labels, weights=self.confidence.data.ravel(), minlength=9)
        return MappingProxyType(
            {name: float(total[value]) / max(self.counts[name], 1) for value, name in SEGMENT_NAMES.items()}
        )

    @cached_property
    def mean_confidence(self) -> float | None:
        """Mean confidence over the liver's voxels; None for labels that were given."""
        if self.confidence is None:
            return None
        return float(self.confidence.data[self.labels.data > 0].mean(dtype=np.float64))

    def mask(self, *names: str) -> Mask:
        """The voxels of the segments named, e.g. mask("VI", "VII"). Raises KeyError for a name that is no segment."""
        values = {name: value for value, name in SEGMENT_NAMES.items()}
        return self.labels.mask(*(values[name] for name in names))


def segment_map(scene: Scene, liver: Mask) -> SegmentMap | None:
    """The given segment labels as a partition of the whole liver; None when the scene has no segment map.

    liver: as `whole_liver` gives it. Labels outside the liver are cut off; liver voxels without a label get the label
    of the nearest given label inside the liver (exact Euclidean distance between voxel centres). Raises SceneError for
    values other than 0..8 and for a map that labels no voxel of the liver, FrameMismatch off the lattice.
    """
    if scene.segments is None:
        return None
    if scene.segments.data.max(initial=0) > max(SEGMENT_NAMES):
        strange = [value for value in scene.segments.values if value not in SEGMENT_NAMES]
        raise SceneError(
            f"The segment map holds the values {', '.join(map(str, strange))}; Couinaud segments are 1 to 8 (I to "
            "VIII, IVa and IVb both 4). "
            "Map the values of the file to 1..8, or give the liver mask under `liver` and not under `segments`."
        )
    labels = scene.segments.on(liver.grid, "the segment map").astype(np.uint8)
    offset_labels = int(np.count_nonzero(scene.segments.data))
    labels[~liver.data] = 0
    labelled = int(np.count_nonzero(labels))
    if not labelled:
        raise SceneError(
            "The segment map labels no voxel of the liver. It belongs to another scan or was saved in another frame; "
            "export it on the grid of this scan."
        )
    liver_voxels = liver.count
    spread_labels(labels, liver)
    given_percent = 100.0 * labelled / liver_voxels
    outside_ml = (offset_labels - labelled) * liver.grid.voxel_ml
    return SegmentMap(
        Labels(labels, liver.grid, dict(SEGMENT_NAMES)),
        given_percent,
        outside_ml,
        _notes(given_percent, outside_ml, liver),
    )


def _notes(given_percent: float, outside_ml: float, liver: Mask) -> tuple[str, ...]:
    notes = []
    if given_percent < 100.0:
        rest_ml = liver.volume_ml * (1.0 - given_percent / 100.0)
        notes.append(
            f"{rest_ml:.1f} mL of liver ({100.0 - given_percent:.1f} %) had no segment and got that of the nearest "
            "labelled voxel."
        )
    if outside_ml > 0:
        notes.append(f"{outside_ml:.1f} mL of the segment map lie outside the liver and were cut off.")
    return tuple(notes)


def spread_labels(labels: npt.NDArray[np.uint8], liver: Mask) -> None:
    """Give each unlabelled liver voxel, in place, the label of the nearest labelled one.

    Only labelled voxels with an unlabelled face neighbour can be nearest to an unlabelled one (a step towards it along
    an axis would come nearer), so a k-d tree over those is exact and far cheaper than a feature transform of the whole
    box.
    """
    from scipy.spatial import cKDTree

    queries = np.argwhere(liver.data & (labels == 0))
    if not len(queries):
        return
    rim = np.argwhere(_rim(labels != 0))
    steps = liver.grid.affine[:3, :3].T
    tree = cKDTree(rim @ steps, balanced_tree=False)
    nearest = tree.query(queries @ steps, workers=2)[1]
    labels[tuple(queries.T)] = labels[tuple(rim[nearest].T)]


def _rim(inside: BoolArray) -> BoolArray:
    """Voxels with a face neighbour outside."""
    core = inside.copy()
    for axis in range(3):
        first, last = _halves(axis)
        core[first] &= inside[last]
        core[last] &= inside[first]
    rim: BoolArray = inside & ~core
    return rim


def _halves(axis: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    first: list[slice] = [slice(None)] * 3
    last: list[slice] = [slice(None)] * 3
    first[axis], last[axis] = slice(None, -1), slice(1, None)
    return tuple(first), tuple(last)


def adjacent_segments(segments: SegmentMap) -> Mapping[tuple[str, str], float]:
    """Contact between segments: (name, name) in Couinaud's order -> shared voxel faces in mm². Only pairs in contact
    are listed."""
    data: npt.NDArray[Any] = segments.labels.data
    grid: Grid = segments.labels.grid
    steps = grid.affine[:3, :3]
    faces = np.zeros((9, 9))
    for axis in range(3):
        first, last = _halves(axis)
        pairs = data[first].astype(np.int16) * 9 + data[last]
        area = float(np.linalg.norm(np.cross(*np.delete(steps, axis, axis=1).T)))
        faces += np.bincount(pairs.ravel(), minlength=81).reshape(9, 9) * area
    faces += faces.T
    return MappingProxyType(
        {
            (SEGMENT_NAMES[a], SEGMENT_NAMES[b]): float(faces[a, b])
            for a in range(1, 9)
            for b in range(a + 1, 9)
            if faces[a, b] > 0
        }
    )
