"""The plans that the dossier shows, in order, and their acts as they are drawn and named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from glisson.report.plan_radiation import RADIATION
from glisson.report.words import and_list, ids, lower_first, mm, number_of, upper_first

if TYPE_CHECKING:
    from glisson.assessment import Assessment
    from glisson.geometry import Mask
    from glisson.planning import Clearing
    from glisson.planning.ablation import Ablation
    from glisson.planning.clearance import Candidate, Plan, Problem
    from glisson.report.figures import Act, PlanDrawing

__all__ = [
    "LETTERS", "ShownPlan", "acts_of", "candidates_of", "drawing_of", "new_acts", "plan_letters", "planned_ablation",
    "short_name", "shown_plans", "treated_by",
]  # fmt: skip

MOST_IN_A_NAME = 10
"""With more lesions the acts of a plan are counted instead of named, where there is little room."""

LETTERS = {"resection": "X", "wedge": "X", "radiotherapy": "B", "radioembolisation": "B"}
"""Kind of act -> letter of what a lesion gets: X removed, B irradiated (beams or beads); any other A, ablated.
R and L are the patient's right and left."""

TOOK = {"resection": "removed", "wedge": "removed", "ablation": "destroyed"}
"""Kind of act -> cause by which it takes liver; every other kind irradiates it."""


@dataclass(frozen=True, eq=False)
class ShownPlan:
    """A plan of the dossier: its number, the plan, the question that it answers, whether its pictures are large, and
    under which condition alone it stands, in words ("" for one that keeps every limit for every target).
    """

    number: str
    plan: Plan
    problem: Problem
    large: bool
    only_if: str = ""

    @property
    def key(self) -> str:
        """Of its pictures."""
        return f"plan-{self.number.lower()}"


def shown_plans(result: Assessment) -> tuple[ShownPlan, ...]:
    """The front in its order; then the first plan without the indeterminate lesions; where there is none at all, what
    the first thing eased would make possible.
    """
    clearing = result.clearing
    if clearing is None:
        return ()
    found = [
        ShownPlan(str(number), plan, clearing.problem, number == 1)
        for number, plan in enumerate(clearing.found.plans, 1)
    ]
    fewer, asked = clearing.found_without_open, clearing.without_open
    if fewer is not None and asked is not None and fewer.plans:
        first = fewer.plans[0]
        if all(one.plan.chosen != first.chosen for one in found):
            open_ones = [name for name in clearing.problem.targets if name not in asked.targets]
            words = f"if {ids(open_ones)} {'are' if len(open_ones) > 1 else 'is'} no metastasis"
            found.append(ShownPlan("W", first, asked, True, words))
    certificate = clearing.found.certificate
    if not found and certificate is not None:
        eased = next((one for one in certificate.relaxations if one.plan is not None), None)
        if eased is not None and eased.plan is not None:
            found.append(ShownPlan("E", eased.plan, clearing.problem, True, f"only with {lower_first(eased.label)}"))
    return tuple(found)


def plan_letters(plan: Plan) -> dict[str, str]:
    """Lesion id -> X (removed), A (ablated), B (irradiated) or S (stays) in a plan."""
    got = {name: LETTERS.get(one.kind, "A") for name, one in plan.clears.items()}
    return got | dict.fromkeys(plan.left, "S")


def candidates_of(shown: ShownPlan) -> tuple[Candidate, ...]:
    """The chosen candidates, in the order of the plan's name."""
    by_id = shown.problem.by_id()
    return tuple(by_id[name] for name in shown.plan.chosen if name in by_id)


def planned_ablation(clearing: Clearing, candidate: str) -> Ablation | None:
    """What stands behind an ablation of the search: zones, needles, margin; None where it is not kept."""
    return next((one for one in clearing.ablations if f"ablation-{one.lesion}-{one.wanted_mm:g}" == candidate), None)


def acts_of(result: Assessment, shown: ShownPlan) -> tuple[Act, ...]:
    """The acts of a plan, those with the least spare margin first."""
    clearing = result.clearing
    assert clearing is not None
    chosen = candidates_of(shown)
    spare = {one.id: _least_spare(shown, one) for one in chosen}
    return tuple(sorted((_act(clearing, shown, one) for one in chosen), key=lambda act: spare[act.id]))


def treated_by(shown: ShownPlan, one: Candidate) -> tuple[str, ...]:
    """The lesions that get what they get from this act; all that it treats where another act treats each better."""
    return tuple(name for name, got in shown.plan.clears.items() if got.candidate == one.id) or tuple(one.lesions)


def short_name(shown: ShownPlan) -> str:
    """The plan in a line: its name, or with many lesions the acts counted by kind."""
    if len(shown.plan.clears) <= MOST_IN_A_NAME:
        return upper_first(shown.plan.name)
    kinds: dict[tuple[str, str], list[Candidate]] = {}
    for one in candidates_of(shown):
        words = one.label.split()[0] if one.kind == "wedge" and one.label.startswith("wedge") else ""
        words = words or ("deep non-anatomical resection" if one.kind == "wedge" else one.label)
        kinds.setdefault((one.kind, words), []).append(one)
    said = []
    for (kind, words), acts in kinds.items():
        if kind not in ("resection", "wedge"):
            said.append(f"{words} of {number_of(len({n for one in acts for n in treated_by(shown, one)}), 'lesion')}")
        else:
            said.append(acts[0].label if len(acts) == 1 else number_of(len(acts), words))
    return upper_first(" + ".join(said))


def _least_spare(shown: ShownPlan, one: Candidate) -> float:
    spare = shown.problem.spare_mm(one)
    return min((spare[name] for name in treated_by(shown, one) if name in spare), default=np.inf)


def new_acts(acts: tuple[Act, ...], seen: set[str]) -> tuple[Act, ...]:
    """The acts not drawn before; they are taken down as seen."""
    fresh = tuple(act for act in acts if act.id not in seen)
    seen |= {act.id for act in fresh}
    return fresh


def _act(clearing: Clearing, shown: ShownPlan, one: Candidate) -> Act:
    from glisson.report.figures import Act

    planned = planned_ablation(clearing, one.id)
    named = one.kind not in ("resection", "wedge")
    return Act(
        id=one.id,
        kind=one.kind,
        label=f"{one.label} of {and_list(one.lesions)}" if named else one.label,
        words=_reached(shown, one),
        lesions=treated_by(shown, one),
        region=_mask(clearing, one.costs.get(TOOK.get(one.kind, "irradiated"), np.zeros(0, np.int32))),
        zones=planned.zones if planned is not None else (),
        wanted_mm=_wanted_mm(clearing, one),
    )


def _wanted_mm(clearing: Clearing, one: Candidate) -> float:
    """Margin drawn around the lesions of an act: asked for, or of a radiotherapy target; 0 where there is none."""
    if one.kind in RADIATION:
        course = clearing.radiation.courses.get(one.id) or clearing.radiation_without_open.courses.get(one.id)
        return 0.0 if course is None else course.margin_mm
    return clearing.settings.ablation_margin_mm if one.kind == "ablation" else clearing.settings.resection_margin_mm


def _reached(shown: ShownPlan, one: Candidate) -> str:
    """For which lesions, with which margin, limited by what."""
    mine = [(name, one.lesions[name]) for name in treated_by(shown, one)]
    named = and_list([name for name, _ in mine])
    margins = [(margin, name) for name, margin in mine if margin is not None]
    if len(mine) > 3:
        named = number_of(len(mine), "lesion")
    if one.kind in RADIATION:
        return f"{named}, no margin: an estimate"
    if not margins:
        return f"{named}, no cut near"
    least, name = min(margins)
    limit = one.limiting.get(name, "")
    named = number_of(len(one.zones), "zone") if one.zones else named
    return f"{named}, margin {mm(least)}{f', limited by {limit}' if limit else ''}"


def _mask(clearing: Clearing, numbers: np.ndarray) -> Mask:
    from glisson.geometry import Mask

    voxels = clearing.voxels
    data = np.zeros(voxels.liver.data.size, np.bool_)
    data[voxels.flat[numbers]] = True
    return Mask(data.reshape(voxels.liver.data.shape), voxels.grid).trimmed()


def drawing_of(result: Assessment, shown: ShownPlan, acts: tuple[Act, ...], marks: Mapping[str, str]) -> PlanDrawing:
    """A plan as it is drawn. marks: lesion id -> letter of page one; N (not planned) stays, others stand as S (stays)
    where the plan does not name them.
    """
    from glisson.planning.clearance import CAUSES, loss_map
    from glisson.report.figures import ACTION_COLOURS, PlanDrawing

    clearing = result.clearing
    assert clearing is not None
    lost = loss_map(shown.problem, shown.plan.chosen)
    behind = np.flatnonzero(np.isin(lost, [CAUSES.index(name) + 1 for name in ("devascularised", "congested")]))
    letters = {name: "N" if letter == "N" else "S" for name, letter in marks.items()} | plan_letters(shown.plan)
    return PlanDrawing(
        name=upper_first(shown.plan.name),
        acts=acts,
        cut_off=_mask(clearing, behind) if behind.size else None,
        marks={name: (letter, ACTION_COLOURS[letter]) for name, letter in letters.items()},
    )
