"""A plan in three dimensions: what stays, what is removed by which kind of act, ablation zones, numbered lesions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from glisson.geometry import Mask
from glisson.planning.zones import Zone
from glisson.report.figures.canvas import Canvas, Picture, text_size
from glisson.report.figures.fields import Field, Model, coarse_field
from glisson.report.figures.overview import (
    FINER,
    MANY_LESIONS,
    SIDE_ROOM,
    VIEW_TEXT,
    VIEW_WIDTH,
    edge_letters,
    number_lesions,
    scale_bar,
    shrunk,
    side_by_side,
)
from glisson.report.figures.palette import (
    ACTION_COLOURS,
    CUT_OFF,
    INK,
    IRRADIATED,
    LIVER,
    REMOVED,
    VESSEL_NAMES,
    VESSELS,
    WEDGED,
    ZONE,
    ZONE_RIM,
    Colour,
    Marks,
    rgb,
)  # fmt: skip
from glisson.report.figures.rays import VIEWS
from glisson.report.figures.render import Geometry, Paint, border, compose, shares_on_surface, window_for

__all__ = ["PLAN_VIEWS", "SMALL_VIEWS", "Act", "PlanDrawing", "hatch", "plan_3d", "plan_image"]

PLAN_VIEWS, SMALL_VIEWS = ("anterior", "inferior", "right"), ("anterior", "inferior")
"""From where a plan is seen, large and small."""

HATCH_PIXELS = 11.0
"""Distance of the lines of a hatch, in shown pixels."""

KEPT_COVER, LOST_COVER, LINE_COVER = 1.15, 1.6, 2.0
"""How much more the coloured surface hides than the plain liver's."""

ZONE_MIDDLE, ZONE_EDGE = 0.16, 0.5
"""Opacity of an ablation zone in its middle and at its rim: a glass ball."""

ZONE_LINE = 2.2
"""Pixels of a zone's rim."""

LOOKS: Mapping[str, tuple[Colour, str, str]] = {
    "resection": (REMOVED, "/", "removed with its segment"),
    "wedge": (WEDGED, "\\", "removed as a wedge"),
    "radiotherapy": (IRRADIATED, "|", "irradiated beyond working (estimate)"),
    "radioembolisation": (IRRADIATED, "|", "perfused by radioembolisation"),
    "lost": (CUT_OFF, "=", "loses inflow or outflow"),
}
"""What is lost on the surface: colour, hatch and the words of the legend."""


@dataclass(frozen=True, eq=False)
class Act:
    """One act of a plan as it is drawn.

    kind: resection, wedge, ablation, radiotherapy or radioembolisation. label: in a surgeon's words. words: what it is
    for and what it reaches. region: the liver that it removes, destroys or irradiates beyond working. zones: of an
    ablation. wanted_mm: margin drawn around its lesions.
    """

    id: str
    kind: str
    label: str
    words: str
    lesions: tuple[str, ...]
    region: Mask
    zones: tuple[Zone, ...] = ()
    wanted_mm: float = 0.0


@dataclass(frozen=True, eq=False)
class PlanDrawing:
    """A plan as it is drawn: its acts, the liver that loses inflow or outflow by them, and the lesions' letters."""

    name: str
    acts: tuple[Act, ...]
    cut_off: Mask | None
    marks: Marks = field(default_factory=dict)

    @cached_property
    def fields(self) -> Mapping[str, Field]:
        """Kind of loss (`LOOKS`) -> the field of all that is lost by it; kinds without any are left out."""
        regions: dict[str, list[Mask]] = {kind: [a.region for a in self.acts if a.kind == kind] for kind in LOOKS}
        regions["lost"] = [self.cut_off] if self.cut_off is not None else []
        made = {kind: coarse_field(_union(masks)) for kind, masks in regions.items() if masks}
        return {kind: field for kind, field in made.items() if field is not None}

    @property
    def zones(self) -> tuple[Zone, ...]:
        """Every ablation zone."""
        return tuple(zone for act in self.acts for zone in act.zones)


def _union(masks: Sequence[Mask]) -> Mask:
    """All of several masks on one lattice, on the smallest box."""
    if len(masks) == 1:
        return masks[0]
    base = masks[0].grid
    starts = np.array([mask.grid.offset_in(base) for mask in masks])
    ends = starts + np.array([mask.grid.shape for mask in masks])
    low, high = starts.min(axis=0), ends.max(axis=0)
    held = np.zeros(high - low, np.bool_)
    for mask, start in zip(masks, starts - low, strict=True):
        held[tuple(slice(s, s + n) for s, n in zip(start, mask.grid.shape, strict=True))] |= mask.data
    box = (slice(int(low[0]), int(high[0])), slice(int(low[1]), int(high[1])), slice(int(low[2]), int(high[2])))
    return Mask(held, base.crop(box))


def plan_3d(model: Model, plan: PlanDrawing, views: Sequence[str] = PLAN_VIEWS) -> Picture:
    """A plan from each of the views, all to one scale, with a legend.

    Kept liver plain, removed and cut-off liver hatched by kind, ablation zones as glass spheroids in their true size,
    lesions numbered with the letter of what they get.
    """
    scale = min(window_for(model, view, VIEW_WIDTH).scale for view in views)
    windows = [window_for(model, view, VIEW_WIDTH, scale * FINER) for view in views]
    geometries = side_by_side(model, views, windows)
    high = max(round(window.height / FINER) for window in windows) + 2 * SIDE_ROOM
    wide = [round(window.width / FINER) + 2 * SIDE_ROOM for window in windows]
    many = len(model.lesions) > MANY_LESIONS
    only = [name for name in model.lesions if plan.marks.get(name, ("S", ""))[0] in "XAB"] if many else None
    legend = _legend(model, plan, sum(wide))
    canvas = Canvas(sum(wide), high + legend.height)
    canvas.pixels[high:] = legend.pixels
    for place, geometry in enumerate(geometries):
        panel = canvas.part(sum(wide[:place]), 0, wide[place], high)
        plan_image(panel, model, geometry, plan, VIEW_TEXT, only)
        edge_letters(panel, geometry.view)
    scale_bar(canvas.part(sum(wide[:-1]), 0, wide[-1], high), scale)
    return canvas.picture(*_words(model, plan, views), table=False)


def plan_image(
    panel: Canvas, model: Model, geometry: Geometry, plan: PlanDrawing, size: int, only: Sequence[str] | None = None
) -> None:
    """One view of a plan in the middle of a panel, lesions numbered at a text size. only: these alone; None for all."""
    image = compose(geometry, _paint(geometry, plan), plan.marks)
    image = shrunk(_with_zones(image, geometry, plan.zones), FINER)
    high, wide = min(image.shape[0], panel.height), min(image.shape[1], panel.width)
    x, y = (panel.width - wide) // 2, (panel.height - high) // 2
    panel.pixels[y : y + high, x : x + wide] = image[:high, :wide]
    number_lesions(panel, model, geometry, (x, y), FINER, plan.marks, size, only=only)


def hatch(
    rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp], sign: str, pitch: float
) -> npt.NDArray[np.float32]:
    """Opacity 0..1 of a hatch at pixels: rising ("/"), falling ("\\"), level ("=") or upright ("|") lines, so many
    pixels (`pitch`) apart."""
    along = {"/": rows + columns, "\\": rows - columns, "=": 1.4 * rows, "|": 1.4 * columns}[sign]
    phase = np.mod(along / pitch, 1.0)
    share = 0.34
    result: npt.NDArray[np.float32] = np.clip((share / 2 - np.abs(phase - 0.5)) * pitch + 0.5, 0, 1).astype(np.float32)
    return result


def _paint(geometry: Geometry, plan: PlanDrawing) -> Paint:
    """The kept surface plain, each kind of loss in its colour and hatch, and a dark line between them."""
    hits = geometry.front
    count = hits.depth.size
    kept = np.array(rgb(LIVER), np.float32) / 255
    colours: npt.NDArray[np.floating] = np.tile(kept, (count, 1))
    cover = np.full(count, KEPT_COVER, np.float32)
    if not plan.fields:
        return Paint(colours.astype(np.float32), cover, np.ones(count, np.intp))
    shares = shares_on_surface(geometry, tuple(plan.fields.values()))
    line = np.zeros(count, np.float32)
    for kind, share in zip(plan.fields, shares.T, strict=True):
        tint, sign, _ = LOOKS[kind]
        held = np.clip((share - 0.5) * 8 + 0.5, 0, 1)[:, None]
        stripe = hatch(hits.rows, hits.columns, sign, HATCH_PIXELS * FINER)[:, None]
        pale, ink = np.array(rgb(tint), np.float32) / 255, np.array(rgb(INK), np.float32) / 255
        colours = colours * (1 - held) + (pale * (1 - 0.75 * stripe) + ink * 0.75 * stripe) * held
        cover = cover * (1 - held[:, 0]) + (LOST_COVER + stripe[:, 0]) * held[:, 0]
        line = np.maximum(line, border(geometry, share - 0.5))
    colours *= 1 - 0.8 * line[:, None]
    cover += LINE_COVER * line
    return Paint(colours.astype(np.float32), cover.astype(np.float32), np.argmax(shares, axis=1) + 1)


def _with_zones(image: npt.NDArray[np.uint8], geometry: Geometry, zones: Sequence[Zone]) -> npt.NDArray[np.uint8]:
    """The zones over a rendered view: parallel rays see a spheroid as an ellipse, which is drawn exactly."""
    canvas = Canvas(1, 1)
    canvas.pixels = image.copy()
    window, basis = geometry.window, geometry.view.basis
    for zone in zones:
        axis = zone.axis @ basis
        across, along = (zone.transverse_mm / 2) ** -2, (zone.length_mm / 2) ** -2
        form = across * np.eye(3) + (along - across) * np.outer(axis, axis)
        flat = form[:2, :2] - np.outer(form[:2, 2], form[2, :2]) / form[2, 2]
        middle = window.to_pixels(geometry.view, zone.centre_mm)[0]
        reach = max(zone.transverse_mm, zone.length_mm) / 2 * window.scale + 4
        x0, y0 = (int(value) for value in np.floor(middle - reach))
        steps = np.arange(int(2 * reach) + 2) + 0.5
        gap = np.stack(np.meshgrid(x0 + steps - middle[0], y0 + steps - middle[1]), axis=-1) / window.scale
        turned = gap @ flat
        level = np.sqrt(np.maximum((turned * gap).sum(axis=-1), 1e-9))
        away = (1 - level) * level / np.maximum(np.linalg.norm(turned, axis=-1), 1e-9) * window.scale
        glass = np.clip(away + 0.5, 0, 1) * (ZONE_MIDDLE + (ZONE_EDGE - ZONE_MIDDLE) * np.clip(level, 0, 1) ** 4)
        canvas.blend(glass, ZONE, x0, y0)
        canvas.blend(np.clip(ZONE_LINE * FINER / 2 + 0.5 - np.abs(away), 0, 1), ZONE_RIM, x0, y0)
    return canvas.pixels


def _legend(model: Model, plan: PlanDrawing, width: int) -> Canvas:
    """Swatches with names, hatched as in the picture, in as many lines as they need."""
    entries: list[tuple[str, Colour, str]] = [("liver that stays", LIVER, "")]
    entries += [(words, colour, sign) for kind, (colour, sign, words) in LOOKS.items() if kind in plan.fields]
    entries += [("ablation zone", ZONE, "o")] if plan.zones else []
    letters = [letter for letter in ACTION_COLOURS if letter in {mark[0] for mark in plan.marks.values()}]
    said = {
        "X": "lesion removed", "A": "lesion ablated", "B": "lesion irradiated", "S": "lesion stays",
        "N": "lesion not planned",
    }  # fmt: skip
    entries += [(f"{letter} {said.get(letter, 'lesion')}", ACTION_COLOURS[letter], "") for letter in letters]
    entries += [(VESSEL_NAMES[name], VESSELS[name], "") for name in model.vessels]
    size = VIEW_TEXT - 4
    rows: list[list[tuple[str, Colour, str, float]]] = [[]]
    for words, colour, sign in entries:
        wide = text_size(words, size)[0] + size * 2.9
        if rows[-1] and sum(item[3] for item in rows[-1]) + wide > width - size:
            rows.append([])
        rows[-1].append((words, colour, sign, wide))
    canvas = Canvas(width, round(len(rows) * size * 1.6 + size * 0.5))
    for row, line in enumerate(rows):
        x, y = (width - sum(item[3] for item in line)) / 2 + size / 2, size * (1.6 * row + 0.9)
        for words, colour, sign, wide in line:
            _swatch(canvas.part(round(x), round(y - size * 0.5), round(size * 1.4), size), colour, sign)
            canvas.text((x + size * 1.7, y), words, size, INK, anchor="lm")
            x += wide
    return canvas


def _swatch(panel: Canvas, colour: Colour, sign: str) -> None:
    wide, high = panel.width, panel.height
    if sign == "o":
        x = (wide - high) / 2
        panel.box(x, 0, high, high, ZONE_RIM, high / 2)
        panel.box(x + 2, 2, high - 4, high - 4, colour, (high - 4) / 2)
        return
    panel.box(0, 0, wide, high, colour, high * 0.15)
    if sign:
        rows, columns = np.mgrid[0:high, 0:wide]
        panel.blend(hatch(rows, columns, sign, HATCH_PIXELS * 0.8) * 0.75, INK)


def _words(model: Model, plan: PlanDrawing, views: Sequence[str]) -> tuple[str, str]:
    seen = ", ".join(f"{VIEWS[view].words} ({VIEWS[view].edges[0]} on the left of the picture)" for view in views)
    acts = "; ".join(f"{act.label} ({', '.join(act.lesions)})" for act in plan.acts)
    letters = ", ".join(f"{name} {plan.marks[name][0]}" for name in model.lesions if name in plan.marks)
    alt = (
        f"Three-dimensional drawing of the liver with the plan {plan.name}, {seen}. "
        f"{acts}. Letters: {letters or 'none'}."
    )
    caption = "Drawn from smoothed outlines; measure on the slices."
    if plan.zones:
        caption += " Zones as the device table says, in their true size."
    if len(model.lesions) > MANY_LESIONS:
        caption += " Of so many lesions only those that are treated are numbered."
    return alt, caption
