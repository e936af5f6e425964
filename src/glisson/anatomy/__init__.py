"""Anatomy: the whole liver, its Couinaud segments, the cava, and whether all of it is plausible. No clinical
thresholds."""

from glisson.anatomy.branches import BranchNames, NamedBranch, name_branches
from glisson.anatomy.cava import CavaSplit, split_cava, split_hepatic
from glisson.anatomy.couinaud_chances import RemnantInterval, SegmentChances, remnant_interval
from glisson.anatomy.couinaud_learned import learned_segments
from glisson.anatomy.couinaud_planes import couinaud_from_landmarks
from glisson.anatomy.couinaud_portal import couinaud_from_portal
from glisson.anatomy.landmarks import Landmarks, find_landmarks, with_known
from glisson.anatomy.liver import WholeLiver, join_liver, whole_liver
from glisson.anatomy.plausibility import plausibility
from glisson.anatomy.relations import BranchesToCut, Relation, Relations, VesselSystem, branches_to_cut, relations
from glisson.anatomy.segment_four import PartsOfFour, parts_of_four
from glisson.anatomy.segments import SEGMENT_NAMES, SegmentMap, adjacent_segments, segment_map
from glisson.anatomy.split_vessels import VesselPiece, VesselSplit, split_vessels
from glisson.anatomy.territories import Loss, Territories, lost_when_cut, territories
from glisson.anatomy.trace import vessel_tree
from glisson.anatomy.tree import Branch, TracedTree, tree_of_points
from glisson.anatomy.vessels import VesselAnatomy, vessel_anatomy

__all__ = [
    "SEGMENT_NAMES", "Branch", "BranchNames", "BranchesToCut", "CavaSplit", "Landmarks", "Loss", "NamedBranch",
    "PartsOfFour", "Relation", "Relations", "RemnantInterval", "SegmentChances", "SegmentMap", "Territories",
    "TracedTree", "VesselAnatomy", "VesselPiece", "VesselSplit", "VesselSystem", "WholeLiver", "adjacent_segments",
    "branches_to_cut", "couinaud_from_landmarks", "couinaud_from_portal", "find_landmarks", "join_liver",
    "learned_segments", "lost_when_cut", "name_branches", "parts_of_four", "plausibility", "relations",
    "remnant_interval", "segment_map", "split_cava", "split_hepatic", "split_vessels", "territories", "tree_of_points",
    "vessel_anatomy", "vessel_tree", "whole_liver", "with_known",
]  # fmt: skip
