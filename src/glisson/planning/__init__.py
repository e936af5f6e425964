"""Planning, first part: every standard resection with its remnant, the lesions it clears and the margins. No file
formats."""

from glisson.planning.catalogue import CATALOGUE, StandardResection
from glisson.planning.margins import SegmentBorders
from glisson.planning.remnant import RemnantRules, remnant_rules
from glisson.planning.resection import Resection, removed_mask
from glisson.planning.standard import resection_notices, standard_resections

__all__ = [
    "CATALOGUE", "RemnantRules", "Resection", "SegmentBorders", "StandardResection", "remnant_rules", "removed_mask",
    "resection_notices", "standard_resections",
]  # fmt: skip
