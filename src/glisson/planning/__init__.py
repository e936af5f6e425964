"""Planning: standard resections with remnant and margins, and the search for combined plans. No file formats."""

from glisson.planning.catalogue import CATALOGUE, StandardResection
from glisson.planning.clearing import KINDS, Clearing, PlanSettings, clear_liver
from glisson.planning.margins import SegmentBorders
from glisson.planning.remnant import RemnantRules, remnant_rules
from glisson.planning.resection import Resection, removed_mask
from glisson.planning.standard import resection_notices, standard_resections

__all__ = [
    "CATALOGUE", "KINDS", "Clearing", "PlanSettings", "RemnantRules", "Resection", "SegmentBorders",
    "StandardResection", "clear_liver", "remnant_rules", "removed_mask", "resection_notices", "standard_resections",
]  # fmt: skip
