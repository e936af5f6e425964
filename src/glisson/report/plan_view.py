"""The view model of the plans' pages: a card for each plan, a chart of all, and the needles of the ablations."""

from __future__ import annotations

from dataclasses import dataclass

from glisson.report.view import Fact, Figure, Gap, Table

__all__ = ["NeedleCard", "PlanCard", "PlanPages"]


@dataclass(frozen=True)
class PlanCard:
    """One plan. only_if: the condition under which alone it stands, "" where there is none. large: put forward first,
    with large pictures and a table of what each lesion gets. unchecked: what was not looked at, "" where a card before
    says the same.
    """

    number: str
    name: str
    only_if: str
    large: bool
    figures: tuple[Figure, ...]
    facts: tuple[Fact, ...]
    lesions: Table | None
    unchecked: str
    rules: tuple[Gap, ...]


@dataclass(frozen=True)
class NeedleCard:
    """The ways to one lesion: their picture, and a table of them; words where there is none."""

    lesion: str
    title: str
    figure: Figure | None
    ways: Table | None
    note: str


@dataclass(frozen=True)
class PlanPages:
    """Everything that the dossier shows of combined plans after the table that compares them."""

    title: str
    chart: Figure | None
    cards: tuple[PlanCard, ...]
    matrix: Table | None
    needles: tuple[NeedleCard, ...]
    needles_title: str
    needles_note: str
