"""The pictures of the plans, one step each: the chart, the liver with a plan, slices through its acts, needles."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from glisson.report.plan_acts import ShownPlan, acts_of, drawing_of, new_acts, short_name, shown_plans
from glisson.report.plan_pages import MOST_NEEDLE_PICTURES, further_ways, needled, with_needles

if TYPE_CHECKING:
    from glisson.assessment import Assessment
    from glisson.planning.ablation import Ablation
    from glisson.planning.needle import NeedleSearch
    from glisson.report.figures import Act, Model, Parts, Picture, PlanDrawing
    from glisson.report.figures.needles import Surroundings

__all__ = ["first_drawing", "plan_steps"]

Step = tuple[str, str, Callable[[], "Sequence[Picture]"]]


def first_drawing(result: Assessment, letters: Mapping[str, str]) -> PlanDrawing | None:
    """The plan of the answer as it is drawn; None where there is none that keeps every limit."""
    shown = next((one for one in shown_plans(result) if not one.only_if), None)
    return None if shown is None else drawing_of(result, shown, acts_of(result, shown), letters)


def plan_steps(
    result: Assessment, parts: Parts, model: Callable[[], Model], letters: Mapping[str, str]
) -> Iterator[Step]:
    """Key, title and maker of every picture of the plans (plans-chart, plan-N, plan-N-acts, needle-ID).

    letters: what page one says of each lesion; a plan's own letters go over them.
    """
    shown = shown_plans(result)
    if len([one for one in shown if not one.only_if]) > 1:
        yield "plans-chart", "Plans compared", lambda: [_chart(shown)]
    seen: set[str] = set()
    for one in shown:
        acts = acts_of(result, one)
        drawing = drawing_of(result, one, acts, letters)
        yield from _of_plan(parts, model, one, drawing, new_acts(acts, seen))
    if shown:
        around = _surroundings(result)
        pairs = needled(result, with_needles(result, shown))
        for planned, search in pairs[:MOST_NEEDLE_PICTURES]:
            if search is not None and around is not None:
                make = partial(_needle, parts, planned, search, around, further_ways(len(pairs)))
                yield f"needle-{planned.lesion}", f"Needle to {planned.lesion}", make


def _of_plan(
    parts: Parts, model: Callable[[], Model], one: ShownPlan, drawing: PlanDrawing, fresh: tuple[Act, ...]
) -> Iterator[Step]:
    from glisson.report import figures as f

    title = f"Plan {one.number}"
    if not one.large:
        yield one.key, title, lambda: [f.plan_sheet(parts, model(), drawing, fresh)]
        return
    yield one.key, title, lambda: [f.plan_3d(model(), drawing)]
    yield (
        f"{one.key}-acts",
        f"{title}, act by act",
        lambda: [p for p in [f.acts_sheet(parts, drawing, drawing.acts)] if p],
    )


def _chart(shown: Sequence[ShownPlan]) -> Picture:
    from glisson.planning.clearance import BURDEN_UNIT
    from glisson.report import figures as f

    points = [
        f.PlanPoint(
            number=one.number,
            name=short_name(one),
            lost_ml=one.plan.lost_nontumour_ml,
            lost_percent=100.0 - one.plan.remnant_percent_nontumour,
            burden=one.plan.burden,
            spare_mm=one.plan.spare_mm,
        )
        for one in shown
        if not one.only_if
    ]
    return f.pareto_chart(points, BURDEN_UNIT)


def _surroundings(result: Assessment) -> Surroundings | None:
    """What the needles were checked against, as the map of needles took it; None where no needle was looked for."""
    from glisson.geometry import Mask
    from glisson.planning.needle_map import VESSELS
    from glisson.report.figures.needles import Surroundings

    clearing, scene, liver = result.clearing, result.scene, result.whole_liver
    if clearing is None or scene is None or liver is None or not clearing.needles:
        return None
    masks: dict[str, Mask] = {}
    for name in next(iter(clearing.needles.values())).checked:
        split = result.cava.cava if result.cava is not None and name == "cava" else None
        mask = split if split is not None else scene.structures[name]
        masks[name] = Mask(mask.data & ~liver.on(mask.grid), mask.grid) if name in VESSELS else mask
    return Surroundings(scene.grid, masks)


def _needle(
    parts: Parts, planned: Ablation, search: NeedleSearch, around: Surroundings, further: int
) -> Sequence[Picture]:
    from glisson.report import figures as f

    made = f.needle_picture(parts, search, around, zones=planned.zones, zone_paths=planned.paths, further=further)
    return [] if made is None else [made]
