"""From an assessment and its pictures to the view model."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from glisson.report import cards, concerns, evidence, plans, record, tables
from glisson.report.answer import headline, held_back, lesions_by_duty
from glisson.report.growth import growth_tables
from glisson.report.medicine import options_table, scores_table
from glisson.report.plan_pages import plan_pages
from glisson.report.plans import lesion_actions
from glisson.report.radiation import radiation_tables
from glisson.report.segments import segments_table
from glisson.report.timeline import timeline_tables
from glisson.report.vessels import branches_table
from glisson.report.view import DossierView, Fact, Figure, PageOne
from glisson.report.ways import paths
from glisson.report.words import day

if TYPE_CHECKING:
    from glisson.assessment import Assessment

__all__ = ["ACTIONS", "actions", "dossier_view"]

ACTIONS = {
    "X": "removed by the plan named above",
    "A": "ablated by the plan named above",
    "B": "irradiated in the plan named above",
    "S": "stays with the plan named above",
    "O": "open: no plan named",
    "N": "not planned (benign or treated)",
}
"""Letters beside the lesions of the pictures, and what they mean. R and L are kept for the patient's right and left."""

SHORT = {"X": "removed", "A": "ablated", "B": "irradiated", "S": "stays", "O": "open", "N": "not planned"}

MOST_STOPS = 5
MOST_GAPS = 5


def actions(result: Assessment) -> dict[str, str]:
    """Lesion id -> letter of `ACTIONS`: what the first resection that the answer names does with it."""
    duty = lesions_by_duty(result)
    idle = {*duty.benign, *duty.treated}
    names = () if held_back(result) else concerns.named_resections(result)
    removed = next((set(item.clears) for item in result.resections if names and item.name == names[0]), None)
    letters: dict[str, str] = {}
    planned = {} if held_back(result) else lesion_actions(result)
    for lesion in result.lesions:
        if lesion.id in planned:
            letters[lesion.id] = planned[lesion.id]
            continue
        letter = "N" if lesion.id in idle else "O" if removed is None else "X" if lesion.id in removed else "S"
        letters[lesion.id] = letter
    return letters


def dossier_view(
    result: Assessment, figures: Mapping[str, Figure] | None = None, *, stamped: datetime | None = None
) -> DossierView:
    """The view model of an assessment.

    figures: the pictures by key (axial, front, overview, segments, montage-N, remnant, resections, lesion-ID); those
    missing are left out.
    stamped: the time of writing; None leaves it out.
    """
    figures = figures or {}
    letters = actions(result)
    named = () if held_back(result) else concerns.named_resections(result)
    words = {name: f"{letter} – {SHORT[letter]}" for name, letter in letters.items()}
    return DossierView(
        case_id=result.case.id,
        title=f"Liver metastases: dossier for the tumour board, case {result.case.id}",
        grey=record.grey_line(result),
        running=f"Glisson {result.version} · research software, "
        + ("masks reviewed" if record.reviewed_by(result.case) else "not reviewed"),
        stamped=f"{day(stamped.date())}, {stamped:%H:%M} {stamped.tzname() or ''}".strip() if stamped else "",
        language="en",
        page_one=_page_one(result, figures, letters),
        options=options_table(result),
        plans=plans.plans_table(result),
        plan_pages=plan_pages(result, figures),
        verdicts=plans.verdicts_table(result),
        eased=plans.eased_table(result),
        growth=growth_tables(result),
        growth_figures=_some(figures, "growth"),
        timeline=timeline_tables(result),
        timeline_figures=_some(
            figures,
            "strips",
            "courses",
            "waterfall",
            *(key for key in figures if key.startswith(("ablated-", "resected-", "regrowth-"))),
            "response",
        ),
        missing=evidence.missing_table(result),
        changes=evidence.changes_table(result),
        disputes=evidence.disputes_table(result),
        costs=evidence.costs_table(result),
        known=evidence.known_tables(result),
        record=record.full_record(result.case),
        resections=tables.resection_table(result, named),
        resections_note=tables.resections_note(result),
        remnant_figures=_some(figures, "resections", "remnant"),
        liver=tables.liver_table(result),
        radiation=radiation_tables(result.radiation),
        radiation_figures=tuple(figures[key] for key in figures if key.startswith(("dvh-", "isodose-"))),
        segments=segments_table(result),
        branches=branches_table(result),
        scores=scores_table(result),
        overview=_some(figures, "overview", "trees", "territories", "segments"),
        cards_note=cards.cards_note(result, figures),
        cards=cards.cards(result, words, figures),
        montage=tuple(figures[key] for key in figures if key.startswith("montage")),
        warnings=concerns.warnings(result),
        not_assessed=concerns.not_assessed(result),
        methods=tables.methods_table(),
        rules=tables.rules_table(result),
        evidence=evidence.evidence_table(result),
        provenance=_provenance(result),
        inputs=tables.inputs_table(result),
        steps=tables.steps_table(result),
    )


def _some(figures: Mapping[str, Figure], *keys: str) -> tuple[Figure, ...]:
    return tuple(figures[key] for key in keys if key in figures)


def _page_one(result: Assessment, figures: Mapping[str, Figure], letters: Mapping[str, str]) -> PageOne:
    stops = concerns.stops(result)
    gaps = concerns.not_assessed(result)
    used = [f"{letter} {ACTIONS[letter]}" for letter in ACTIONS if letter in letters.values()]
    return PageOne(
        alerts=concerns.emergencies(result),
        who=record.who(result.case),
        question=record.question(result.case),
        wish=record.wish(result.case),
        headline=headline(result),
        pictures=_some(figures, "axial", "front"),
        key="; ".join(used),
        changes=concerns.changes(result),
        stops=stops[:MOST_STOPS],
        stops_more=max(len(stops) - MOST_STOPS, 0),
        gaps=gaps[:MOST_GAPS],
        gaps_more=max(len(gaps) - MOST_GAPS, 0),
        paths=paths(result),
        limits=concerns.LIMITS,
        footer=record.footer(result),
        blanks=record.blanks(result.case),
    )


def _provenance(result: Assessment) -> tuple[Fact, ...]:
    scene = result.scene
    facts = [Fact("Software", f"Glisson {result.version}")]
    if scene is not None:
        described = [text for text in (scene.facts.modality, scene.facts.phase, scene.facts.description) if text]
        facts += [
            Fact("Scan", ", ".join(described) or "nothing in its header"),
            Fact("Grid", scene.grid.describe()),
            Fact("Frame", "LPS millimetres: x to the patient's left, y to posterior, z to superior"),
            Fact("Series chosen", scene.facts.chosen_because or "the only one"),
        ]
        if scene.facts.slice_thickness_mm is not None:
            facts.append(Fact("Slice thickness", f"{scene.facts.slice_thickness_mm:g}\u00a0mm"))
    return tuple(facts)
