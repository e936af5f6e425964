"""The pages on combined plans: a card for each, what each lesion gets in each, and the needles of the first plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from glisson.report.answer import held_back
from glisson.report.plan_acts import ShownPlan, candidates_of, plan_letters, planned_ablation, short_name, shown_plans
from glisson.report.plan_facts import plan_facts, plan_rules, plan_unchecked
from glisson.report.plan_radiation import RADIATION
from glisson.report.plan_view import NeedleCard, PlanCard, PlanPages
from glisson.report.view import Figure, Table
from glisson.report.words import ids, mm, number_of, upper_first

if TYPE_CHECKING:
    from glisson.assessment import Assessment
    from glisson.planning.ablation import Ablation
    from glisson.planning.clearance import Treatment
    from glisson.planning.needle import NeedlePath, NeedleSearch

__all__ = ["MOST_NEEDLE_PICTURES", "further_ways", "lesion_plans", "needled", "plan_pages", "with_needles"]

MOST_NEEDLE_PICTURES = 8
"""Ablated lesions with a picture of their needle; the table has them all."""

MOST_WAYS, FEW_LESIONS = 5, 8
"""Further ways listed for each lesion where no more lesions than this are ablated; with more, only the planned one."""


def plan_pages(result: Assessment, figures: Mapping[str, Figure]) -> PlanPages | None:
    """The pages on the plans that `shown_plans` gives; None where there is none.

    figures: pictures by key (plans-chart, plan-N, plan-N-acts, needle-ID); those missing are left out.
    """
    shown = shown_plans(result)
    if not shown:
        return None
    front = [one for one in shown if not one.only_if]
    title = "Appendix: plans in pictures, not put forward" if held_back(result) else "Plans in pictures"
    return PlanPages(
        title=title if front else "No plan keeps every limit: what one eased limit would allow",
        chart=figures.get("plans-chart"),
        cards=tuple(_once_checked([_card(result, one, figures) for one in shown])),
        matrix=_matrix(result, front) if len(front) > 1 else None,
        needles=_needles(result, with_needles(result, shown), figures),
        needles_title=f"Needles of plan {with_needles(result, shown).number}",
        needles_note=NEEDLES_NOTE,
    )


def _card(result: Assessment, one: ShownPlan, figures: Mapping[str, Figure]) -> PlanCard:
    return PlanCard(
        number=one.number,
        name=short_name(one),
        only_if=one.only_if,
        large=one.large,
        figures=tuple(figures[key] for key in (one.key, f"{one.key}-acts") if key in figures),
        facts=plan_facts(result, one),
        lesions=_lesions(result, one) if one.large else None,
        unchecked=plan_unchecked(result, one),
        rules=plan_rules(result, one) if one.large else (),
    )


def _once_checked(cards: list[PlanCard]) -> Iterator[PlanCard]:
    """What was not looked at, on the first card that says so."""
    said: set[str] = set()
    for card in cards:
        yield replace(card, unchecked="") if card.unchecked in said else card
        said.add(card.unchecked)


def _lesions(result: Assessment, one: ShownPlan) -> Table:
    """What each lesion gets in one plan."""
    clearing = result.clearing
    assert clearing is not None
    rows: list[tuple[str, ...]] = []
    stay: dict[str, list[str]] = {}
    for lesion in result.lesions:
        got = one.plan.clears.get(lesion.id)
        if got is None:
            reason = clearing.left_out.get(lesion.id, "left" if lesion.id in one.plan.left else "not a target")
            stay.setdefault(reason, []).append(lesion.id)
            continue
        planned = planned_ablation(clearing, got.candidate)
        rows.append(
            (lesion.id, upper_first(got.label), _margin(got), got.limiting or "–", _device(planned), _near(planned))
        )
    rows += [(ids(names, 3), f"stays: {reason}", *("–",) * 4) for reason, names in stay.items()]
    columns = ("Lesion", "What it gets", "Margin reached", "Limited by", "Zones and needle", "Near the zone")
    note = "Margins are measured on the outlines, to the cut or the edge of the zone, where these lie in the liver."
    return Table(
        f"plan-{one.number.lower()}-lesions", f"What each lesion gets in plan {one.number}", columns,
        (False, False, True, False, False, False), tuple(rows), note,
    )  # fmt: skip


def _margin(got: Treatment) -> str:
    if got.kind in RADIATION:
        return "none: an estimate"
    return "no cut near" if got.margin_mm is None else mm(got.margin_mm)


def _device(planned: Ablation | None) -> str:
    if planned is None:
        return "–"
    setting = planned.setting
    zones = f"{number_of(len(planned.zones), 'zone')} of {setting.transverse_mm:g} × {setting.length_mm:g}\u00a0mm"
    source = f" ({setting.label}, {setting.provenance})"
    if not planned.paths:
        return f"{zones}{source}; no needle path looked for"
    first = planned.paths[0]
    return f"{zones}{source}; needle from the {first.side}, {first.length_mm:.0f}\u00a0mm"


MOST_NEAR = 4

PEOPLE_SAY = {"portal": "portal vein", "hepatic": "hepatic vein"}
"""Vessels by their name in files, and as people call them."""


def _near(planned: Ablation | None) -> str:
    """Vessels that carry heat away, and organs that come close to the zones; the nearest first."""
    if planned is None:
        return "–"
    sinks: dict[str, tuple[float, float]] = {}
    for sink in planned.heat_sinks or ():
        share, least = sinks.get(sink.vessel, (0.0, np.inf))
        sinks[sink.vessel] = share + sink.share_percent, min(least, sink.distance_mm)
    said = [
        f"heat sink {_say(name)} ({least:.0f}\u00a0mm, {share:.0f}\u00a0% of the outline)"
        for name, (share, least) in sinks.items()
    ]
    if planned.heat_sinks is None:
        said.append("heat sinks not assessed")
    close = sorted((near, name) for name, near in planned.near_mm.items() if name not in sinks)[:MOST_NEAR]
    said += [f"{_say(name)} {near:.0f}\u00a0mm" for near, name in close]
    return "; ".join(said) or "–"


def _say(name: str) -> str:
    return PEOPLE_SAY.get(name, name.replace("_", " "))


def _matrix(result: Assessment, shown: Sequence[ShownPlan]) -> Table:
    """A line for each lesion, a column for each plan: the letter of what it gets, and the margin in mm."""
    rows = []
    for lesion in result.lesions:
        cells = []
        for one in shown:
            letter = plan_letters(one.plan).get(lesion.id, "–")
            got = one.plan.clears.get(lesion.id)
            margin = "" if got is None or got.margin_mm is None else f"\u00a0{got.margin_mm:.1f}"
            cells.append(f"{letter}{margin}")
        rows.append((lesion.id, *cells))
    columns = ("Lesion", *(f"Plan\u00a0{one.number}" for one in shown))
    note = (
        "X removed, A ablated, B irradiated, S stays, – no target; with the margin reached in mm (none where no cut is "
        "near, and none by radiation)."
    )
    return Table(
        "plan-matrix", "What each lesion gets in each plan", columns, (False,) + (True,) * len(shown), tuple(rows), note
    )


def with_needles(result: Assessment, shown: Sequence[ShownPlan]) -> ShownPlan:
    """The first of some plans that ablates; the first of all where none does."""
    return next((one for one in shown if needled(result, one)), shown[0])


def needled(result: Assessment, one: ShownPlan) -> tuple[tuple[Ablation, NeedleSearch | None], ...]:
    """The ablations of a plan with the search for their needles, those with the least room first."""
    clearing = result.clearing
    assert clearing is not None
    found = [planned_ablation(clearing, candidate.id) for candidate in candidates_of(one)]
    held = [(item, clearing.needles.get(item.lesion)) for item in found if item is not None]

    def room(pair: tuple[Ablation, NeedleSearch | None]) -> float:
        path = pair[0].paths[0] if pair[0].paths else None
        return path.clearance_mm[path.limiting] if path is not None and path.limiting else 0.0

    return tuple(sorted(held, key=room))


def further_ways(ablated: int) -> int:
    """So many ways besides the planned one are listed for each of so many ablated lesions."""
    return MOST_WAYS if ablated <= FEW_LESIONS else 0


NEEDLES_NOTE = (
    "Straight ways on the outlines given, of which none is better than another in every wish. P: the way that the plan "
    "uses; numbers: further ways, the most balanced first. Liver crossed: between capsule and lesion. Capsule angle: "
    "between needle and the capsule's normal. Nearest: the least room beyond what is demanded, from the needle's axis."
)


def _needles(result: Assessment, one: ShownPlan, figures: Mapping[str, Figure]) -> tuple[NeedleCard, ...]:
    pairs = needled(result, one)
    further = further_ways(len(pairs))
    cards = []
    rest: list[tuple[str, ...]] = []
    for planned, search in pairs:
        figure = figures.get(f"needle-{planned.lesion}")
        rows = _ways(planned, search, further)
        if figure is None and not further:
            rest += [(f"{planned.lesion} {row[0]}", *row[1:]) for row in rows]
            continue
        note = "" if search is not None else "No needle path was looked for: the scan has no outline of the skin."
        cards.append(
            NeedleCard(planned.lesion, f"Needle to {planned.lesion}", figure, _table(planned.lesion, rows), note)
        )
    cards = _once(cards)
    if rest:
        cards.append(NeedleCard("", "Needles to the other lesions", None, _table("others", tuple(rest)), ""))
    return tuple(cards)


def _once(cards: list[NeedleCard]) -> list[NeedleCard]:
    """The words under the pictures on the first card only, where all are the same."""
    captions = {card.figure.caption for card in cards if card.figure is not None}
    if len(captions) != 1 or len(cards) < 2:
        return cards
    first, *others = cards
    return [
        first,
        *(
            replace(card, figure=replace(card.figure, caption="")) if card.figure is not None else card
            for card in others
        ),
    ]


def _ways(planned: Ablation, search: NeedleSearch | None, further: int) -> tuple[tuple[str, ...], ...]:
    several = len(planned.paths) > 1
    rows = [_way(f"P{number}" if several else "P", path) for number, path in enumerate(planned.paths, 1)]
    if search is not None:
        rows += [_way(str(number), path) for number, path in enumerate(search.paths[:further], 1)]
    return tuple(rows)


def _way(name: str, path: NeedlePath) -> tuple[str, ...]:
    limit = path.limiting
    nearest = f"{_say(limit)} {mm(path.clearance_mm[limit])}" if limit else "nothing outlined"
    return (
        name,
        path.side,
        f"{path.length_mm:.0f}\u00a0mm",
        f"{path.tract_mm:.0f}\u00a0mm",
        f"{path.capsule_degrees:.0f}°",
        f"{path.tilt_degrees:.0f}°",
        "not assessed" if path.vessel_mm is None else mm(path.vessel_mm),
        nearest,
        " ".join(path.notes) or "–",
    )


def _table(key: str, rows: Sequence[tuple[str, ...]]) -> Table | None:
    if not rows:
        return None
    columns = ("Way", "Enters at the", "Length", "Liver crossed", "Capsule angle", "Out of axial", "Vessel", "Nearest",
               "Remark")  # fmt: skip
    numeric = (False, False, True, True, True, True, True, False, False)
    return Table(f"needles-{key.lower()}", f"Ways to {key}", columns, numeric, tuple(rows))


def lesion_plans(result: Assessment, lesion: str) -> list[dict[str, Any]] | None:
    """What each plan of the front does to a lesion, as plain data; None where no plan was searched."""
    clearing = result.clearing
    if clearing is None:
        return None
    found = []
    for number, plan in enumerate(clearing.found.plans, 1):
        got = plan.clears.get(lesion)
        found.append(
            {
                "plan": number,
                "letter": plan_letters(plan).get(lesion, "N"),
                "act": None if got is None else got.label,
                "kind": None if got is None else got.kind,
                "margin_mm": None if got is None or got.margin_mm is None else round(float(got.margin_mm), 3) + 0.0,
                "limiting": None if got is None or not got.limiting else got.limiting,
            }
        )
    return found
