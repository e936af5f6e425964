"""The numbers of the response criteria, from the tables of the knowledge base."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from glisson.errors import KnowledgeError
from glisson.knowledge import knowledge_base
from glisson.lesions.response.types import exact

__all__ = [
    "SumRules", "Surge", "Targets", "count_limit", "limit", "made_for", "sum_rules", "surge_rules", "target_rules",
    "variability",
]  # fmt: skip

_UNITS = ("percent", "length", "uptake", "duration", "count")


@dataclass(frozen=True)
class Targets:
    """Which lesions may be targets: least size (mm) of a lesion and of a node's short axis, below which short axis a
    node is normal, slices that fit into the least size, most in all and in one organ."""

    least_mm: Fraction
    least_node_mm: Fraction
    gone_node_mm: Fraction
    slices: Fraction
    most: int
    most_in_organ: int


@dataclass(frozen=True)
class SumRules:
    """How a criterion judges a sum. column, unit: what is summed. response_percent: least fall from baseline.
    progression_percent, progression_least: least rise from the smallest sum, in percent and in `unit`.
    too_small: what counts for a lesion that is too small to measure; None where the criterion has no such rule."""

    column: str
    unit: str
    measured: str
    response_percent: Fraction
    progression_percent: Fraction
    progression_least: Fraction
    too_small: Fraction | None


@dataclass(frozen=True)
class Surge:
    """A marker's surge: rise above and fall below baseline in percent, longest time of the rise in days."""

    rise_percent: float
    fall_percent: float
    longest_days: float


@lru_cache(maxsize=1)
def _limits() -> dict[tuple[str, str], Fraction]:
    found: dict[tuple[str, str], Fraction] = {}
    for row in knowledge_base().table("response-limits").rows:
        for unit in _UNITS:
            cell = row[unit]
            if isinstance(cell, tuple) and isinstance(cell[0], int | float):
                found[str(row["criterion"]), str(row["limit"])] = exact(cell[0])
    return found


def limit(criterion: str, name: str) -> Fraction:
    """A number of the table `response-limits`. Raises KnowledgeError where it has none."""
    try:
        return _limits()[criterion, name]
    except KeyError:
        raise KnowledgeError(f"The table 'response-limits' has no {name!r} for {criterion}.") from None


def count_limit(criterion: str, name: str) -> int:
    """A whole number of the table."""
    return int(limit(criterion, name))


def target_rules() -> Targets:
    """The rules of RECIST 1.1 for targets (doi:10.1016/j.ejca.2008.10.026)."""
    own = "recist-1.1"
    return Targets(
        limit(own, "target"), limit(own, "target node"), limit(own, "gone node"), limit(own, "slices"),
        count_limit(own, "most targets"), count_limit(own, "most in organ"),
    )  # fmt: skip


def sum_rules(criterion: str) -> SumRules:
    """How a criterion judges sums: recist-1.1 (irecist the same), mrecist, choi (its sum alone) or volumetric.

    The volumetric limits are the cubes of those of RECIST 1.1, what a sphere does when its diameter changes so much.
    """
    recist = SumRules(
        "diameter_mm", "mm", "diameter", limit("recist-1.1", "response"), limit("recist-1.1", "progression"),
        limit("recist-1.1", "progression least"), limit("recist-1.1", "too small"),
    )  # fmt: skip
    if criterion == "mrecist":
        pair = (limit("mrecist", "response"), limit("mrecist", "progression"))
        return SumRules("enhancing_mm", "mm", "diameter", *pair, Fraction(0), None)
    if criterion == "choi":
        pair = (limit("choi", "response"), limit("choi", "progression"))
        return SumRules("diameter_mm", "mm", "diameter", *pair, Fraction(0), recist.too_small)
    if criterion == "volumetric":
        fall = 100 * (1 - (1 - recist.response_percent / 100) ** 3)
        rise = 100 * ((1 + recist.progression_percent / 100) ** 3 - 1)
        return SumRules("volume_ml", "mL", "volume", fall, rise, Fraction(0), None)
    return recist


def made_for(criterion: str) -> tuple[str, str]:
    """What a criterion looks at and what it was made for, by the table `response-criteria`."""
    for row in knowledge_base().table("response-criteria").rows:
        if row["criterion"] == criterion:
            return str(row["measures"]), str(row["made"])
    raise KnowledgeError(f"The table 'response-criteria' has no row for {criterion}.")


def variability(measured: str, one_reader: bool) -> tuple[float, float]:
    """95 % limits of agreement of two measurements in percent, by the table `measurement-variability`.

    measured: one diameter, sum of diameters or volume. A volume has only the figure for one reader.
    """
    rows = {
        (row["measured"], row["readers"]): row["limits"]
        for row in knowledge_base().table("measurement-variability").rows
    }
    cell = rows.get((measured, "same" if one_reader else "different")) or rows.get((measured, "same"))
    if not isinstance(cell, tuple) or not isinstance(cell[0], tuple) or not isinstance(cell[1], tuple):
        raise KnowledgeError(f"The table 'measurement-variability' has no limits for {measured!r}.")
    return float(cell[0][0]), float(cell[1][0])


def surge_rules() -> Surge:
    """What makes a rise of CEA a surge, by the table `marker-surge` (doi:10.1159/000091184)."""
    found: dict[str, float] = {}
    for row in knowledge_base().table("marker-surge").rows:
        for unit in ("percent", "duration"):
            cell = row[unit]
            if isinstance(cell, tuple) and isinstance(cell[0], int | float):
                found[str(row["sign"])] = float(cell[0])
    return Surge(found["rise"], found["fall"], found["longest"])
