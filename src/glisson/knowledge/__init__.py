"""WHAT IS KNOWN: sources, rules, scores and tables as data with citations and tests, and a small three-valued
evaluator.

    kb = knowledge_base()
    kb.evaluate("remnant-needed", case.facts()).text

The formats are described in docs/reference/knowledge-format.md. No arrays here, and no file but the package's own.
"""

from glisson.knowledge.answers import Answer, Input, Trace
from glisson.knowledge.ask import (
    DEFAULT_VOLUME_FORMULA,
    Margins,
    margins,
    remnant_segments,
    remnant_threshold,
    score,
    stated_number,
    total_liver_volume,
    total_liver_volume_ml,
    tumour_burden_score,
    volume_formulas,
)
from glisson.knowledge.base import KnowledgeBase, Modality
from glisson.knowledge.changes import Change, Gap
from glisson.knowledge.checking import CheckReport, check_knowledge
from glisson.knowledge.claims import Claim, Document, Evidence, Saying
from glisson.knowledge.facts import FactSpec, FactTable
from glisson.knowledge.loading import knowledge_base, load_knowledge
from glisson.knowledge.options import Conflict, Option
from glisson.knowledge.prices import Price, PriceList, read_prices
from glisson.knowledge.rules import Outcome, Rule
from glisson.knowledge.scores import ScoreResult, ScoreSpec
from glisson.knowledge.sources import Source
from glisson.knowledge.tables import Table

__all__ = [
    "DEFAULT_VOLUME_FORMULA", "Answer", "Change", "CheckReport", "Claim", "Conflict", "Document", "Evidence",
    "FactSpec", "FactTable", "Gap", "Input", "KnowledgeBase", "Margins", "Modality", "Option", "Outcome", "Price",
    "PriceList", "Rule", "Saying", "ScoreResult", "ScoreSpec", "Source", "Table", "Trace", "check_knowledge",
    "knowledge_base", "load_knowledge", "margins", "read_prices", "remnant_segments", "remnant_threshold", "score",
    "stated_number", "total_liver_volume", "total_liver_volume_ml", "tumour_burden_score", "volume_formulas",
]  # fmt: skip
