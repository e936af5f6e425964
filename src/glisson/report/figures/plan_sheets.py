"""Sheets of a plan: slices through its acts, and for the plans behind the first a small drawing beside them."""

from __future__ import annotations

from collections.abc import Sequence

from glisson.report.figures import scan
from glisson.report.figures.canvas import Canvas, Picture
from glisson.report.figures.fields import Model
from glisson.report.figures.overview import FINER, MANY_LESIONS, side_by_side
from glisson.report.figures.palette import INK, SOFT
from glisson.report.figures.plan_slices import STRIP_LINES, TEXT, act_tiles
from glisson.report.figures.plan_view import SMALL_VIEWS, Act, PlanDrawing, plan_image
from glisson.report.figures.rays import VIEWS
from glisson.report.figures.render import window_for
from glisson.report.figures.resections import TILE_WIDTH

__all__ = ["MOST_ACTS", "MOST_SMALL_ACTS", "acts_sheet", "plan_sheet"]

TILE_HEIGHT, GAP, ROW_GAP = 300, 6, 14
"""Pixels of a slice and between slices: four fill a page's width."""

MOST_ACTS, MOST_SMALL_ACTS = 10, 3
"""Acts of a large plan and of a small one that are cut: five rows fill most of a page, two rows a third of it."""

EDGE = 22
"""Room below a small drawing for its letters."""

ACROSS = 4 * (TILE_WIDTH + GAP) - GAP
HEAD = STRIP_LINES * round(TEXT * 1.35) + 6


def acts_sheet(parts: scan.Parts, plan: PlanDrawing, acts: Sequence[Act]) -> Picture | None:
    """Slices through the first acts of a plan, two acts a row; None where there is none."""
    if not acts:
        return None
    shown = acts[:MOST_ACTS]
    rows = -(-len(shown) // 2)
    high = HEAD + TILE_HEIGHT
    canvas = Canvas(ACROSS, rows * (high + ROW_GAP) - ROW_GAP)
    for place, act in enumerate(shown):
        _pair(canvas, parts, plan, act, place % 2, place // 2 * (high + ROW_GAP))
    return canvas.picture(*_words(parts, plan, shown, len(acts)))


def plan_sheet(parts: scan.Parts, model: Model, plan: PlanDrawing, acts: Sequence[Act]) -> Picture:
    """A small drawing of a plan from the front and from below, and slices through the first of some of its acts.

    Without any, through the first act of the plan.
    """
    shown = (acts or plan.acts[:1])[:MOST_SMALL_ACTS]
    high = HEAD + TILE_HEIGHT
    rows = -(-(1 + len(shown)) // 2)
    canvas = Canvas(ACROSS, rows * (high + ROW_GAP) - ROW_GAP)
    many = len(model.lesions) > MANY_LESIONS
    only = [name for act in shown for name in act.lesions] if many else None
    scale = min(window_for(model, view, TILE_WIDTH).scale for view in SMALL_VIEWS)
    windows = [window_for(model, view, TILE_WIDTH, scale * FINER) for view in SMALL_VIEWS]
    for place, geometry in enumerate(side_by_side(model, SMALL_VIEWS, windows)):
        panel = canvas.part(place * (TILE_WIDTH + GAP), 0, TILE_WIDTH, high)
        room = panel.part(0, 0, TILE_WIDTH, high - EDGE)
        plan_image(room, model, geometry, plan, TEXT - 4, only)
        panel.text((2, high - 4), "R", TEXT - 2, SOFT, bold=True)
        panel.text((TILE_WIDTH - 2, high - 4), "L", TEXT - 2, SOFT, anchor="rs", bold=True)
        panel.text((TILE_WIDTH / 2, high - 4), geometry.view.words, TEXT - 4, INK, anchor="ms")
    for place, act in enumerate(shown, 1):
        _pair(canvas, parts, plan, act, place % 2, place // 2 * (high + ROW_GAP))
    return canvas.picture(*_words(parts, plan, shown, len(acts), drawn=True))


def _pair(canvas: Canvas, parts: scan.Parts, plan: PlanDrawing, act: Act, column: int, y: int) -> None:
    made = act_tiles(parts, plan, act, (TILE_WIDTH, TILE_HEIGHT), GAP)
    canvas.part(column * 2 * (TILE_WIDTH + GAP), y, made.width, made.height).pixels[:] = made.pixels


def _words(
    parts: scan.Parts, plan: PlanDrawing, shown: Sequence[Act], count: int, *, drawn: bool = False
) -> tuple[str, str]:
    each = "; ".join(f"{act.label}, {act.words}" for act in shown)
    seen = " and ".join(VIEWS[view].words for view in SMALL_VIEWS)
    parts_said = [f"a small drawing of the liver {seen}"] if drawn else []
    parts_said += [f"axial and coronal slices through {len(shown)} of its acts: {each}"] if shown else []
    alt = f"The plan {plan.name}: {'; '.join(parts_said)}. The patient's right is on the left of the pictures."
    caption = (
        "Hatched: removed; light blue: ablation zone as the device table says; pale yellow: the margin asked for "
        f"around the lesion, inside the liver; patient's right on the left.{parts.oblique_words}"
    )
    if any(act.kind == "radiotherapy" for act in plan.acts):
        caption += " Hatched upright in green: liver expected to be irradiated beyond working, an estimate."
    if any(act.kind == "radioembolisation" for act in plan.acts):
        caption += " Hatched upright in green: perfused by radioembolisation, by the segments."
    if drawn and len(parts.lesions) > MANY_LESIONS:
        caption += " On the drawing only the lesions of the acts beside it are numbered."
    if count > len(shown):
        caption += f" {count - len(shown)} further acts are not cut here; those shown have the least spare margin."
    return alt, caption
