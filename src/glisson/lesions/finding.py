"""What is found: one lesion, the liver, the burden. A value that was not assessed is None, and `notes` says why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any

import numpy as np

from glisson.geometry import FloatArray

__all__ = ["COUNTED", "DISTANCES", "NATURES", "Burden", "LesionFinding", "LiverFinding"]

NATURES: tuple[str, ...] = ("confirmed", "probable", "indeterminate", "benign", "vanished", "treated")
"""What a lesion can be, as the record says it."""

COUNTED: tuple[str, ...] = ("confirmed", "probable", "indeterminate")
"""Natures of the visible lesions that make up the burden. A benign lesion is not disease, a vanished one has no size
today, and whether a treated one is viable is not seen on its outline: those are counted by nature only."""

DISTANCES: tuple[str, ...] = ("capsule", "portal", "hepatic", "cava")
"""What the distance of a lesion is measured to."""


class _Frozen:
    """Makes the mappings and arrays of a frozen dataclass read-only."""

    def __post_init__(self) -> None:
        for item in fields(self):  # type: ignore[arg-type]
            value: Any = getattr(self, item.name)
            if isinstance(value, dict):
                object.__setattr__(self, item.name, MappingProxyType(dict(value)))
            elif isinstance(value, np.ndarray):
                view = value.view()
                view.setflags(write=False)
                object.__setattr__(self, item.name, view)


@dataclass(frozen=True, eq=False)
class LesionFinding(_Frozen):
    """One outlined lesion, measured.

    nature, nature_reason: as the record says (NATURES). volume_ml: voxels times voxel volume.
    longest_axial_mm, perpendicular_mm: in the slice `axial_slice` (index along scene.grid.slice_axis), see
    `axial_diameters`; max3d_mm: see `max3d_diameter`; each with its ends, (2, 3) LPS mm. centroid_mm: (3,) LPS mm.
    segments: percent of the part inside the segment map, largest first ("I" .. "VIII"); lobe: right, left, both or
    caudate. inside_liver_percent: share of its voxels inside the whole liver.
    distance_mm, touches: to each of DISTANCES, between outlines; 0 and True where the masks share a voxel or a voxel
    face. touches_border: the scan ends at the lesion, so its sizes are lower bounds.
    notes: field (or "distance_mm.portal" and so on) -> words.
    """

    id: str
    nature: str
    nature_reason: str
    volume_ml: float
    longest_axial_mm: float
    longest_axial_ends_mm: FloatArray
    perpendicular_mm: float
    perpendicular_ends_mm: FloatArray
    axial_slice: int
    max3d_mm: float
    max3d_ends_mm: FloatArray
    centroid_mm: FloatArray
    segments: Mapping[str, float] | None
    lobe: str | None
    inside_liver_percent: float
    distance_mm: Mapping[str, float | None]
    touches: Mapping[str, bool | None]
    share_of_liver_percent: float
    touches_border: bool
    notes: Mapping[str, str]


@dataclass(frozen=True, eq=False)
class LiverFinding(_Frozen):
    """The whole liver: its volume, what of it is outlined as lesion (each voxel once), and the rest; the spleen.

    touches_border: the scan ends in the liver, so volume_ml and nontumour_ml are lower bounds.
    """

    volume_ml: float
    tumour_ml: float
    nontumour_ml: float
    spleen_ml: float | None
    touches_border: bool
    notes: Mapping[str, str]


@dataclass(frozen=True, eq=False)
class Burden(_Frozen):
    """What the lesions make together.

    count, total_ml, share_percent (of the whole liver), largest_mm and tumour_burden_score: of the lesions inside the
    liver whose nature is one of COUNTED. counts: lesions by each nature; a vanished one counts also without an outline.
    bilobar: such lesions lie in both lobes; None where that is not known.
    """

    count: int
    counts: Mapping[str, int]
    bilobar: bool | None
    total_ml: float
    share_percent: float | None
    largest_mm: float | None
    tumour_burden_score: float | None
    notes: Mapping[str, str]
