"""The view model: every word and formatted number of the dossier, computed once. HTML and PDF only lay it out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from glisson.report.plan_view import PlanPages

__all__ = ["Card", "DossierView", "Fact", "Figure", "Gap", "Headline", "Line", "Measure", "PageOne", "Path", "Table"]


@dataclass(frozen=True)
class Fact:
    """A label and what the record says; `missing` marks a gap, which is shown as one."""

    label: str
    value: str
    missing: bool = False


@dataclass(frozen=True)
class Figure:
    """A picture by its file name under figures/, its title, the words under it and its description for who cannot see
    it.
    """

    file: str
    title: str
    alt: str
    caption: str = ""


@dataclass(frozen=True)
class Gap:
    """Something that was not assessed, or is to be read with care, and why."""

    what: str
    why: str


@dataclass(frozen=True)
class Line:
    """A labelled sentence; the label is empty when there is only one."""

    label: str
    text: str


@dataclass(frozen=True)
class Headline:
    """The answer. tone: found, open, none or not-assessed; remark: the words that must stand beside it."""

    tone: str
    lines: tuple[Line, ...]
    remark: str = ""


@dataclass(frozen=True)
class Path:
    """One of the three ways: its name, what is known of it, and the care that goes with it."""

    name: str
    text: str
    care: str


@dataclass(frozen=True)
class Table:
    """A table: `numeric` marks the columns that are set flush right; `emphasis` the indices of rows that the answer
    names.
    """

    id: str
    title: str
    columns: tuple[str, ...]
    numeric: tuple[bool, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    emphasis: tuple[int, ...] = ()


@dataclass(frozen=True)
class Measure:
    """One measured value in words with its method, or why there is none."""

    label: str
    value: str
    note: str
    missing: bool = False


@dataclass(frozen=True)
class Card:
    """One lesion."""

    id: str
    title: str
    nature: str
    action: str
    figure: Figure | None
    measures: tuple[Measure, ...]


@dataclass(frozen=True)
class PageOne:
    """What a board reads in ten seconds, in the order in which it stands."""

    alerts: tuple[str, ...]
    who: tuple[Fact, ...]
    question: Fact
    wish: Fact
    headline: Headline
    pictures: tuple[Figure, ...]
    key: str
    changes: tuple[str, ...]
    stops: tuple[Gap, ...]
    stops_more: int
    gaps: tuple[Gap, ...]
    gaps_more: int
    paths: tuple[Path, ...]
    limits: str
    footer: tuple[Fact, ...]
    blanks: tuple[Fact, ...]


@dataclass(frozen=True)
class DossierView:
    """The whole dossier. `grey` is the line that every page carries."""

    case_id: str
    title: str
    grey: str
    running: str
    stamped: str
    language: str
    page_one: PageOne
    options: Table | None
    plans: Table | None
    plan_pages: PlanPages | None
    verdicts: Table | None
    eased: Table | None
    growth: tuple[Table, ...]
    growth_figures: tuple[Figure, ...]
    timeline: tuple[Table, ...]
    timeline_figures: tuple[Figure, ...]
    missing: Table | None
    changes: Table | None
    disputes: Table | None
    costs: Table | None
    radiation: tuple[Table, ...]
    radiation_figures: tuple[Figure, ...]
    known: tuple[Table, ...]
    record: tuple[Fact, ...]
    resections: Table | None
    resections_note: str
    remnant_figures: tuple[Figure, ...]
    liver: Table | None
    segments: Table | None
    branches: Table | None
    scores: Table | None
    overview: tuple[Figure, ...]
    cards: tuple[Card, ...]
    cards_note: str
    montage: tuple[Figure, ...]
    warnings: tuple[Gap, ...]
    not_assessed: tuple[Gap, ...]
    methods: Table
    rules: Table | None
    evidence: Table | None
    provenance: tuple[Fact, ...]
    inputs: Table | None
    steps: Table | None
