"""Vessel trees with their names, seen from the front, and the territories of the named branches on slices."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from glisson.geometry import Mask, box_of
from glisson.report.figures import scan
from glisson.report.figures.canvas import Canvas, Picture, text_size
from glisson.report.figures.labels import place_boxes
from glisson.report.figures.palette import BRANCHES, CAPSULE, INK, LIVER, PAPER, RULE, SOFT, VESSELS, Colour
from glisson.report.figures.planes import Cut, Frame, Patch, axes_for
from glisson.report.figures.rays import VIEWS, Window

if TYPE_CHECKING:
    from glisson.anatomy import VesselSystem

__all__ = ["territory_slices", "vessel_trees"]

PANEL_WIDTH, PANEL_TEXT, PANEL_EDGE = 640, 24, 46
"""Pixels across one tree, its text size, and the room around it for the orientation letters."""

SOFT_LIVER = 0.22
"""Opacity of the liver's shadow behind a tree."""

THINNEST = 1.6
"""Pixels of the thinnest branch drawn."""

SURE_FROM = 0.75
"""Names below this confidence carry a question mark."""

TRUNK: Colour = SOFT
UNNAMED: Colour = RULE
"""The trunk's colour, and that of what bears no name."""

SLICE_HEIGHTS = (0.70, 0.50, 0.32)
"""Heights of the slices, as shares of the liver from its lower end."""

SLICE_WIDTH, SLICE_TEXT, SLICE_GAP = 470, 24, 6
TINT = 0.38
"""Opacity of a territory over the scan."""

KIND_WORDS = {"portal": "portal vein", "hepatic": "hepatic veins", "artery": "artery"}


def vessel_trees(systems: Mapping[str, VesselSystem], liver: Mask) -> Picture:
    """Each system's centre lines from the front before the liver's shadow, thick as the vessels, with their names.

    Branches bear the colour of their nearest named branch; names below SURE_FROM a question mark. Raises KeyError when
    there is no system.
    """
    view = VIEWS["anterior"]
    window = _window(systems, liver)
    across, high = PANEL_WIDTH + 2 * PANEL_EDGE, window.height + 2 * PANEL_EDGE
    canvas = Canvas(across * len(systems), high)
    for place, kind in enumerate(systems):
        panel = canvas.part(place * across, 0, across, high)
        shadow, x, y = _shadow(liver, window)
        panel.blend(shadow * SOFT_LIVER, LIVER, x + PANEL_EDGE, y + PANEL_EDGE)
        _tree(panel, systems[kind], window)
        near, size = PANEL_EDGE * 0.3, PANEL_TEXT
        for letter, (at, anchor) in zip(view.edges, _edge_places(across, high, near), strict=True):
            panel.text(at, letter, size, SOFT, anchor=anchor, bold=True)
        panel.text((near, near), KIND_WORDS[kind], size, INK, anchor="lt", bold=True)
    _scale_bar(canvas, window.scale)
    words = "; ".join(f"{KIND_WORDS[kind]}: {_listed(system)}" for kind, system in systems.items())
    alt = f"Centre lines of the vessels from the front, the patient's right on the left of the picture. {words}."
    caption = (
        "Centre lines traced in the masks, drawn as thick as the vessels. Names follow from what each branch serves; a "
        "question mark stands where that is less clear."
    )
    return canvas.picture(alt, caption)


def territory_slices(parts: scan.Parts, system: VesselSystem) -> Picture:
    """Three axial slices with the territories of the named branches tinted, and their volumes in a legend."""
    tree = system.territories.tree
    groups, of_branch = _groups(system)
    labels = system.territories.labels
    grouped = np.array([0, *[g + 1 for g in of_branch]], dtype=np.uint8)[labels.data]
    middle, wide_mm, high_mm = scan.axial_field(parts)
    tile = int(np.clip(SLICE_WIDTH * high_mm / wide_mm, SLICE_WIDTH // 2, SLICE_WIDTH * 3 // 2))
    legend = _legend(system, groups, of_branch, 3 * SLICE_WIDTH + 2 * SLICE_GAP)
    canvas = Canvas(3 * SLICE_WIDTH + 2 * SLICE_GAP, tile + legend.height)
    canvas.pixels[tile:] = legend.pixels
    frame = Frame.around(middle, max(wide_mm, high_mm * SLICE_WIDTH / tile), SLICE_WIDTH, tile)
    for number, index in enumerate(scan.slices_at(parts, SLICE_HEIGHTS)):
        cut = Cut.of(parts.grid, "axial", index)
        panel = scan.Panel(canvas.part(number * (SLICE_WIDTH + SLICE_GAP), 0, SLICE_WIDTH, tile), parts, cut, frame)
        panel.paint()
        patch = cut.patch(grouped, labels.grid.offset_in(parts.grid))
        for value in range(1, len(groups) + 2):
            if patch is None:
                break
            away = frame.outline(Patch(patch.flat == value, patch.row, patch.column), cut.pitch_mm)
            if away is not None:
                colour = _colour(value - 1, groups)
                panel.canvas.blend(np.clip(away.pixels + 0.5, 0, 1) * TINT, colour, away.x, away.y)
        panel.outline(parts.liver, CAPSULE, 1.4)
        if tree.kind in parts.vessels:
            panel.outline(parts.vessels[tree.kind], VESSELS[tree.kind], 2.0, rim=True)
        panel.canvas.text(
            (SLICE_TEXT * 0.4,) * 2, f"{cut.height_mm:+.0f}", SLICE_TEXT - 4, PAPER, anchor="lt", halo=INK
        )
        scan.paint_edges(panel.canvas, cut.edges, SLICE_TEXT)
    scan.paint_scale(canvas.part(2 * (SLICE_WIDTH + SLICE_GAP), 0, SLICE_WIDTH, tile), frame.scale, SLICE_TEXT - 4)
    names = ", ".join(groups) or "no named branch"
    alt = (
        f"Three axial slices with the territories of the {KIND_WORDS[tree.kind]} tinted: {names}. Right is on the left."
    )
    caption = f"Each voxel belongs to its nearest branch, thick branches first.{parts.oblique_words}"
    return canvas.picture(alt, caption)


def _short(name: str) -> str:
    for words in (" of the left portal vein", " portal vein", " branch", " hepatic vein"):
        name = name.removesuffix(words)
    return name


def _groups(system: VesselSystem) -> tuple[list[str], list[int]]:
    """Names of the branches that end a chain of names, and for each branch of the tree its place in that list.

    A branch belongs to the last named one before it; the last place is for those before or without one.
    """
    tree = system.territories.tree
    stems = {b: named.name for named in system.names.named for b in named.branches}
    names: list[str] = []
    place = []
    for branch in tree.branches:
        name = next((stems[up] for up in reversed(tree.ancestors(branch.id)) if up in stems), "")
        if name and name not in names:
            names.append(name)
        place.append(name)
    return names, [names.index(name) if name else len(names) for name in place]


def _colour(group: int, groups: list[str]) -> Colour:
    if group >= len(groups):
        return UNNAMED
    return TRUNK if groups[group].startswith("main") else BRANCHES[group % len(BRANCHES)]


def _window(systems: Mapping[str, VesselSystem], liver: Mask) -> Window:
    """The window that holds liver and trees."""
    basis = VIEWS["anterior"].basis
    box = box_of(liver.data)
    assert box is not None
    ends = liver.grid.to_mm(np.stack(np.meshgrid(*[(s.start, s.stop) for s in box], indexing="ij"), -1).reshape(-1, 3))
    seen = [ends @ basis, *[system.territories.tree.nodes_mm @ basis for system in systems.values()]]
    low, high = np.min([s.min(axis=0) for s in seen], axis=0)[:2], np.max([s.max(axis=0) for s in seen], axis=0)[:2]
    scale = PANEL_WIDTH / float(high[0] - low[0])
    return Window(float(low[0]), float(low[1]), PANEL_WIDTH, int(np.ceil((high[1] - low[1]) * scale)), scale)


def _shadow(liver: Mask, window: Window) -> tuple[npt.NDArray[np.float32], int, int]:
    """Opacity of the liver's projection from the front, and where it lies in the window."""
    from PIL import Image

    axes = axes_for(liver.grid)
    (across, turned), (through, _), (up, grows_down) = axes
    flat = np.asarray(liver.data.any(axis=through))
    flat = flat.T if across < up else flat
    flat = flat[:: 1 if grows_down else -1, :: -1 if turned else 1]
    corners = np.array([[0, 0, 0], np.array(liver.grid.shape) - 1])
    places = window.to_pixels(VIEWS["anterior"], liver.grid.to_mm(corners))
    low, high = places.min(axis=0), places.max(axis=0)
    size = np.maximum(np.rint(high - low).astype(int), 1)
    image = Image.fromarray(flat.astype(np.float32)).resize((int(size[0]), int(size[1])), Image.Resampling.BILINEAR)
    return np.asarray(image), round(float(low[0])), round(float(low[1]))


def _tree(panel: Canvas, system: VesselSystem, window: Window) -> None:
    """Branches from back to front, then the names beside their branches."""
    tree = system.territories.tree
    groups, of_branch = _groups(system)
    view = VIEWS["anterior"]
    lines = [window.to_pixels(view, tree.line_mm(b.id)) + PANEL_EDGE for b in tree.branches]
    depth = [float((tree.line_mm(b.id) @ view.basis)[:, 2].mean()) for b in tree.branches]
    for number in sorted(range(len(lines)), key=lambda n: -depth[n]):
        colour = _colour(of_branch[number], groups)
        width = max(THINNEST, 2 * tree.branches[number].radius_mm * window.scale)
        line = lines[number]
        for a, b in pairwise(line):
            panel.line((float(a[0]), float(a[1])), (float(b[0]), float(b[1])), width, colour)
    _name_branches(panel, system, groups, lines)


def _name_branches(
    panel: Canvas, system: VesselSystem, groups: list[str], lines: list[npt.NDArray[np.float64]]
) -> None:
    named = [n for n in system.names.named if n.name in groups]
    if not named:
        return
    words = [_short(n.name) + ("" if n.confidence >= SURE_FROM else " ?") for n in named]
    anchors = []
    for branch in named:
        line = np.concatenate([lines[b] for b in branch.branches])
        anchors.append(line[len(line) // 2])
    sizes = np.array([(text_size(w, PANEL_TEXT)[0] + 14, PANEL_TEXT * 1.4) for w in words], dtype=np.float64)
    edge = PANEL_TEXT * 1.6
    taken = ((0, 0, panel.width, edge), (0, panel.height - edge, panel.width, panel.height))
    places = place_boxes(np.array(anchors), np.full(len(words), 12.0), sizes, (panel.width, panel.height), taken)
    for branch, text, anchor, place, size in zip(named, words, anchors, places, sizes, strict=True):
        a, b = (float(place[0]), float(place[1])), (float(anchor[0]), float(anchor[1]))
        panel.line(a, b, 2.0, INK, 0.7)
        panel.box(
            a[0] - size[0] / 2, a[1] - size[1] / 2, size[0], size[1], _colour(groups.index(branch.name), groups), 6
        )
        panel.box(a[0] - size[0] / 2 + 2, a[1] - size[1] / 2 + 2, size[0] - 4, size[1] - 4, PAPER, 5)
        panel.text(a, text, PANEL_TEXT, INK, anchor="mm")


def _legend(system: VesselSystem, groups: list[str], of_branch: list[int], width: int) -> Canvas:
    """Swatches with names and the volume of each tinted part, in as many lines as they need."""
    volumes = np.bincount(of_branch, system.territories.volumes_ml, minlength=len(groups) + 1)
    entries = [
        (f"{_short(name)} {volumes[n]:.0f} mL", _colour(n, groups)) for n, name in enumerate(groups) if volumes[n]
    ]
    if volumes[len(groups)] > 0:
        entries.append((f"others {volumes[len(groups)]:.0f} mL", _colour(len(groups), groups)))
    size = SLICE_TEXT - 3
    x, y, spots = size * 0.6, size * 1.2, []
    for text, colour in entries:
        wide = size * 2.6 + text_size(text, size)[0]
        if x + wide > width and x > size:
            x, y = size * 0.6, y + size * 1.7
        spots.append((x, y, text, colour))
        x += wide
    canvas = Canvas(width, round(y + size * 1.1))
    for x, y, text, colour in spots:
        canvas.box(x, y - size * 0.45, size * 0.9, size * 0.9, colour, size * 0.15)
        canvas.text((x + size * 1.3, y), text, size, INK, anchor="lm")
    return canvas


def _edge_places(wide: int, high: int, near: float) -> tuple[tuple[tuple[float, float], str], ...]:
    return (
        ((near, high / 2), "lm"),
        ((wide - near, high / 2), "rm"),
        ((wide / 2, near), "mt"),
        ((wide / 2, high - near), "ms"),
    )


def _scale_bar(canvas: Canvas, scale: float) -> None:
    length = 50
    x1, y = canvas.width - PANEL_EDGE * 0.4, canvas.height - PANEL_EDGE * 0.4
    canvas.box(x1 - length * scale, y - 5, length * scale, 5, SOFT)
    canvas.text((x1 - length * scale / 2, y - 11), f"{length} mm", PANEL_TEXT - 5, SOFT, anchor="ms")


def _listed(system: VesselSystem) -> str:
    return ", ".join(f"{n.name} ({n.serves_percent:.0f} %)" for n in system.names.named) or "nothing named"
