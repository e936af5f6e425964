"""Anatomy: the whole liver, its Couinaud segments, the cava, and whether all of it is plausible. No clinical
thresholds."""

from glisson.anatomy.cava import CavaSplit, split_cava, split_hepatic
from glisson.anatomy.liver import WholeLiver, join_liver, whole_liver
from glisson.anatomy.plausibility import plausibility
from glisson.anatomy.segments import SEGMENT_NAMES, SegmentMap, adjacent_segments, segment_map

__all__ = [
    "SEGMENT_NAMES", "CavaSplit", "SegmentMap", "WholeLiver", "adjacent_segments", "join_liver", "plausibility",
    "segment_map", "split_cava", "split_hepatic", "whole_liver",
]  # fmt: skip
