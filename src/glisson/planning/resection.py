"""One resection as evaluated on one liver."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from glisson.anatomy import RemnantInterval, SegmentMap
from glisson.geometry import Mask

__all__ = ["Resection", "removed_mask"]


@dataclass(frozen=True, eq=False)
class Resection:
    """A resection evaluated on one liver; volumes in mL, margins in mm.

    name, other_names, segments: from the catalogue (Brisbane 2000). removed_voxels + remnant_voxels are the voxels of
    the whole liver. remnant_nontumour_ml: the remnant without the outlined lesions left in it.
    remnant_percent_nontumour: of the liver without its lesions. remnant_percent_standardised: of the expected total
    liver volume; None when height or weight is missing. margins_mm: lesion id -> distance from the lesion's outline to
    the cut; None where the lesion is not removed whole, or where the removed part has no border with the rest;
    margin_notes says which. clears: ids removed whole with at least the accepted margin; leaves: every other id (benign
    lesions are in neither). kept_groups: the segments kept, in groups that adjoin. verdict: on the remnant only:
    "enough", "too little" or "undetermined", with reasons in words, the deciding one first.
    interval: what uncertain borders of a computed segment map make of remnant_percent_nontumour; None for a given map.
    """

    name: str
    segments: tuple[str, ...]
    removed_ml: float
    remnant_ml: float
    remnant_nontumour_ml: float
    remnant_percent_nontumour: float
    remnant_percent_standardised: float | None
    clears: tuple[str, ...]
    leaves: tuple[str, ...]
    margins_mm: Mapping[str, float | None]
    verdict: str
    reasons: tuple[str, ...]
    notes: Mapping[str, str]
    other_names: tuple[str, ...] = ()
    removed_voxels: int = 0
    remnant_voxels: int = 0
    margin_notes: Mapping[str, str] = field(default_factory=dict)
    kept_groups: tuple[tuple[str, ...], ...] = ()
    segment_map: SegmentMap | None = field(default=None, repr=False)
    interval: RemnantInterval | None = None

    @property
    def removed(self) -> Mask | None:
        """The voxels that are removed, on the liver's box grid; None when the resection does not carry its segment
        map."""
        return None if self.segment_map is None else removed_mask(self, self.segment_map)


def removed_mask(resection: Resection, segments: SegmentMap) -> Mask:
    """The voxels that a resection removes: the union of its segments, on the grid of the segment map."""
    return segments.mask(*resection.segments)
