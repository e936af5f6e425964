"""The search for a plan: which candidates together clear every target, what liver is left, or why none does."""

from glisson.planning.clearance.budget import Effort
from glisson.planning.clearance.candidate import (
    BURDEN_UNIT,
    CAUSES,
    RELAXATIONS,
    Candidate,
    IndexArray,
    Modifier,
    Problem,
    SegmentNeed,
    Threshold,
)
from glisson.planning.clearance.certificate import WORDS, Certificate, Relaxation
from glisson.planning.clearance.pareto import thinned
from glisson.planning.clearance.plan import Plan, Treatment, evaluate, loss_map
from glisson.planning.clearance.program import Variant
from glisson.planning.clearance.search import MOST_PLANS, Search, prove, search

__all__ = [
    "BURDEN_UNIT", "CAUSES", "MOST_PLANS", "RELAXATIONS", "WORDS", "Candidate", "Certificate", "Effort", "IndexArray",
    "Modifier", "Plan", "Problem", "Relaxation", "Search", "SegmentNeed", "Threshold", "Treatment", "Variant",
    "evaluate", "loss_map", "prove", "search", "thinned",
]  # fmt: skip
