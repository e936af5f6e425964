"""WHAT THE IMAGES SAY: one scan and the structures outlined on it, all on one lattice.

A scene is built by `imaging` (from files) or `simulate` (from a virtual patient) and read by every room between them.
It measures nothing and decides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from glisson.errors import SceneError
from glisson.geometry import Box, Grid, Labels, Mask, Volume, box_of

__all__ = ["STRUCTURES", "ImageFacts", "LesionMask", "Notice", "RadiationImages", "Scene", "SourceFile"]

STRUCTURES: tuple[str, ...] = (
    "liver", "portal", "hepatic", "cava", "artery", "bile_ducts", "gallbladder",
    "spleen", "stomach", "duodenum", "small_bowel", "colon", "pancreas", "kidney_left", "kidney_right",
    "adrenal_left", "adrenal_right", "aorta", "heart", "lung_left", "lung_right", "bone", "skin",
)  # fmt: skip
"""Names that rooms look for. Any other lower-case name may be used for a further organ; it is kept, not interpreted.

`portal` is the portal vein with its branches, `hepatic` the hepatic veins (with the cava when the file has both in one
mask), `skin` the whole body inside the skin.
"""


@dataclass(frozen=True)
class Notice:
    """Something a reader of the results must know. `code` is stable for machines, `text` is for people.

    level: "info", "warning" (results are to be read with it) or "error" (the part named was not assessed).
    about: what it concerns: a structure, a lesion id, a file.
    """

    level: str
    code: str
    text: str
    about: str = ""


@dataclass(frozen=True)
class SourceFile:
    """An input and its fingerprint: path as the case has it, SHA-256 of its bytes (of a folder: its sorted files)."""

    role: str
    path: str
    sha256: str


@dataclass(frozen=True)
class ImageFacts:
    """What the headers say of the scan. None where they do not."""

    modality: str | None = None
    date: str | None = None
    phase: str | None = None
    slice_thickness_mm: float | None = None
    description: str | None = None
    series_uid: str | None = None
    frame_uid: str | None = None
    chosen_because: str | None = None


@dataclass(frozen=True)
class LesionMask:
    """One outlined lesion: its id (L1, L2, ... or as the case names it) and its voxels on a trimmed box of the lattice.

    source: the file, label and component it came from, in words.
    """

    id: str
    mask: Mask
    source: str = ""


@dataclass(frozen=True, eq=False)
class RadiationImages:
    """What the files of one course of radiation show, in the scan's frame of reference but on grids of their own.

    id: of the course in the case. dose: Gy. activity: numbers in activity_unit (Bq/mL, ..., counts). hours_after: from
    giving the spheres to the time the activity shows, None where nobody says. nuclide: of the activity file, as Y-90.
    structures: organ of the tables -> Mask. perfused: catheter position -> Mask, on the scan's lattice. notes: what a
    reader took for granted.
    """

    id: str
    dose: Volume | None = None
    activity: Volume | None = None
    activity_unit: str | None = None
    hours_after: float | None = None
    nuclide: str | None = None
    structures: Mapping[str, Mask] = field(default_factory=dict)
    perfused: Mapping[str, Mask] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Scene:
    """One scan with its structures.

    grid: the lattice of the whole scan; every mask and label map below lies on it (usually on a trimmed box of it).
    image: the scan itself, or None when only masks were given.
    structures: name -> Mask, trimmed; `liver` is always there and never empty.
    lesions: in the order of their ids.
    segments: Couinaud label map with values 1..8 (I..VIII), or None. IVa and IVb are both 4.
    study: the record's name of the scan. earlier: the scenes of earlier scans, earliest first, each on a lattice of its
    own and without earlier ones. radiation: what the files of courses of radiation show.

    Raises SceneError when the liver is missing or empty, FrameMismatch when a structure is off the lattice.
    """

    grid: Grid
    structures: Mapping[str, Mask]
    image: Volume | None = None
    lesions: tuple[LesionMask, ...] = ()
    segments: Labels | None = None
    facts: ImageFacts = field(default_factory=ImageFacts)
    notices: tuple[Notice, ...] = ()
    sources: tuple[SourceFile, ...] = ()
    study: str = ""
    earlier: tuple[Scene, ...] = ()
    radiation: tuple[RadiationImages, ...] = ()

    def __post_init__(self) -> None:
        if "liver" not in self.structures or self.structures["liver"].is_empty:
            raise SceneError(
                "The scene has no liver: the liver mask is missing or empty. "
                "Give a liver mask (masks: liver: FILE in case.yaml) whose voxels are not all zero."
            )
        if self.image is not None:
            self.image.grid.require_same(self.grid, "the image", "the scene")
        for name, mask in self.structures.items():
            mask.grid.offset_in(self.grid, f"the mask '{name}'")
        for lesion in self.lesions:
            lesion.mask.grid.offset_in(self.grid, f"lesion {lesion.id}")
        if self.segments is not None:
            self.segments.grid.offset_in(self.grid, "the segment map")
        object.__setattr__(self, "structures", MappingProxyType(dict(self.structures)))

    @property
    def liver(self) -> Mask:
        """The liver mask as given (lesions may be holes in it; see `anatomy.whole_liver`)."""
        return self.structures["liver"]

    def liver_box(self, pad_mm: float = 10.0) -> Box:
        """Box of `grid` around the liver and every lesion, grown by pad_mm all round and clipped to the scan."""
        import numpy as np

        lows, highs = [], []
        for mask in (self.liver, *(lesion.mask for lesion in self.lesions)):
            box = box_of(mask.data)
            if box is None:
                continue
            offset = np.array(mask.grid.offset_in(self.grid))
            lows.append(offset + [s.start for s in box])
            highs.append(offset + [s.stop for s in box])
        pad = np.ceil(pad_mm / np.array(self.grid.spacing_mm)).astype(int)
        low = np.maximum(np.min(lows, axis=0) - pad, 0)
        high = np.minimum(np.max(highs, axis=0) + pad, self.grid.shape)
        return (slice(int(low[0]), int(high[0])), slice(int(low[1]), int(high[1])), slice(int(low[2]), int(high[2])))
