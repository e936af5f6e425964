"""What other rooms ask most, by name. Each is one rule, score or family of scores of the library."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from glisson.errors import InputError, KnowledgeError
from glisson.knowledge.answers import Answer
from glisson.knowledge.loading import knowledge_base
from glisson.knowledge.scores import ScoreResult

__all__ = [
    "DEFAULT_VOLUME_FORMULA",
    "Margins",
    "margins",
    "remnant_segments",
    "remnant_threshold",
    "score",
    "total_liver_volume",
]
__all__ += ["total_liver_volume_ml", "tumour_burden_score", "volume_formulas"]

DEFAULT_VOLUME_FORMULA = "tlv-vauthey-2002"
"""The formula behind the remnant thresholds for normal and treated livers (standardised remnant)."""


@dataclass(frozen=True)
class Margins:
    """Margins in mm, each with the rule that says so."""

    resection_plan_mm: float
    resection_accept_mm: float
    ablation_minimum_mm: float
    ablation_aim_mm: float
    answers: tuple[Answer, ...]


def remnant_threshold(facts: Mapping[str, object]) -> Answer:
    """The smallest remnant in percent for this liver: `answer.value` when the facts decide it, else
    `answer.possible_values`.

    facts: as `Case.facts()` gives them. The answer's text says of which volume the percentage is taken.
    """
    return knowledge_base().evaluate("remnant-needed", facts)


def remnant_segments() -> Answer:
    """How many adjoining segments with inflow, outflow and drainage must remain (`answer.value`)."""
    return knowledge_base().evaluate("remnant-segments-needed", {})


def stated_number(rule: str) -> float:
    """The number that a rule without conditions states. Raises KnowledgeError where it states none."""
    return _number(knowledge_base().evaluate(rule, {}))


def _number(answer: Answer) -> float:
    if not isinstance(answer.value, int | float) or isinstance(answer.value, bool):
        raise KnowledgeError(
            f"The rule {answer.rule.id!r} gives {answer.value!r}; expected a number that holds without any fact."
        )
    return float(answer.value)


def margins() -> Margins:
    """The margins that planning uses: 5 mm planned and 1 mm accepted for resection, 5 mm reached and 10 mm aimed at for
    ablation.
    """
    names = ("resection-margin-planned", "resection-margin-accepted", "ablation-margin-minimum", "ablation-margin-aim")
    answers = tuple(knowledge_base().evaluate(name, {}) for name in names)
    planned, accepted, minimum, aim = (_number(answer) for answer in answers)
    return Margins(planned, accepted, minimum, aim, answers)


def volume_formulas() -> tuple[str, ...]:
    """Ids of every formula for the expected total liver volume."""
    return tuple(spec.id for spec in knowledge_base().variants("total-liver-volume"))


def total_liver_volume(formula: str, facts: Mapping[str, object]) -> ScoreResult:
    """The expected total liver volume in mL by one formula, with its source and limits; without a value when facts are
    missing.

    facts: as `Case.facts()` gives them. Raises KnowledgeError for an unknown formula.
    """
    return knowledge_base().score_from_facts(formula, facts)


def total_liver_volume_ml(formula: str, height_cm: float, weight_kg: float) -> float:
    """The expected total liver volume in mL (unrounded) by one of `volume_formulas()` from height and weight.

    Raises InputError when the formula gives no volume above zero for them, KnowledgeError for an unknown formula.
    """
    result = total_liver_volume(formula, {"patient.height_cm": height_cm, "patient.weight_kg": weight_kg})
    if result.value is None or result.value <= 0:
        raise InputError(
            f"{result.title} gives no volume for {height_cm:g} cm and {weight_kg:g} kg; check height and weight."
        )
    return result.value


def tumour_burden_score(largest_mm: float, number: int) -> ScoreResult:
    """The tumour burden score from the largest diameter in mm and the number of metastases."""
    return score("tumour-burden-score", {"largest": largest_mm, "number": number})


def score(name: str, inputs: Mapping[str, object]) -> ScoreResult:
    """One score by its id; inputs by name, as numbers in the units of its record or as text such as "2.5 mg/dL"."""
    return knowledge_base().score(name, inputs)
