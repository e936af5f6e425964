"""What the knowledge base says of acts: clearances of needles, vessels that carry heat away, what an act asks."""

from __future__ import annotations

from glisson.errors import KnowledgeError
from glisson.knowledge import knowledge_base
from glisson.planning.ablation import HeatRules
from glisson.planning.needle_map import NeedleRules

__all__ = ["act_burden", "heat_rules", "needle_rules"]


def act_burden(act: str) -> float:
    """What an act asks of the patient in wedge equivalents, by the table `burden-of-acts`."""
    return _numbers("burden-of-acts", "act", "burden")[act]


def needle_rules() -> NeedleRules:
    """What a needle must keep and what is wished for, by the tables `needle-clearances` and `needle-wishes`."""
    wishes = _wishes()
    fields = {name: value for name, value in wishes.items() if not name.startswith("heat_")}
    forbidden = _numbers("needle-clearances", "structure", "clearance")
    return NeedleRules(forbidden=forbidden, sources=dict.fromkeys(fields, "needle-wishes"), **fields)


def heat_rules() -> HeatRules:
    """Which vessels carry heat away from an ablation, by the table `needle-wishes`."""
    wishes = _wishes()
    return HeatRules(wishes["heat_calibre_mm"], wishes["heat_reach_mm"], (("calibre_mm", "needle-wishes"),))


def _wishes() -> dict[str, float]:
    angles = _numbers("needle-wishes", "wish", "angle")
    return _numbers("needle-wishes", "wish", "millimetres") | angles


def _numbers(table: str, name: str, column: str) -> dict[str, float]:
    """Name -> number of the rows of a table that have one in the column."""
    found: dict[str, float] = {}
    for row in knowledge_base().table(table).rows:
        cell = row[column]
        if isinstance(cell, tuple) and isinstance(cell[0], int | float):
            found[str(row[name])] = float(cell[0])
    if not found:
        raise KnowledgeError(f"The table {table!r} has no number under {column!r}.")
    return found
