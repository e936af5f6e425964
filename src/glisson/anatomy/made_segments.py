"""Couinaud segments where none are given: from the liver's shape, and from its hepatic veins where they are known."""

from __future__ import annotations

from glisson.anatomy.couinaud_planes import couinaud_from_landmarks, landmarks_by_veins
from glisson.anatomy.segments import SegmentMap
from glisson.anatomy.split_vessels import split_vessels
from glisson.geometry import Mask

__all__ = ["made_segments"]


def made_segments(liver: Mask, *, hepatic: Mask | None = None, vessels: Mask | None = None) -> SegmentMap:
    """Segments I to VIII of a liver from what is known of it; uncertain along every border.

    liver: the whole liver. hepatic: hepatic veins without the cava, on the liver's lattice. vessels: portal and hepatic
    veins in one mask, parted first (`split_vessels`); ignored where `hepatic` is given. The map names its method.
    Raises InputError for an empty mask, FrameMismatch off the lattice.
    """
    if hepatic is None and vessels is not None:
        hepatic = split_vessels(vessels, liver).hepatic
    landmarks = None if hepatic is None or hepatic.is_empty else landmarks_by_veins(liver, hepatic)
    return couinaud_from_landmarks(liver, landmarks)
