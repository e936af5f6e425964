"""Where numbers go so that they neither cover each other nor the lesions, and how they look."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from glisson.report.figures.canvas import Canvas, text_size
from glisson.report.figures.palette import INK, LESION, PAPER, Colour, Marks, ink_on

__all__ = ["Badge", "badge_for", "draw_badges", "lesion_numbers", "place_boxes", "sizes_of"]

DIRECTIONS = 24
RINGS = 14
OVERLAP_COST = 1e4
LESION_COST = 40.0
"""How many pixels of distance a number goes to stay off another lesion (times the share of its box that is covered)."""


@dataclass(frozen=True)
class Badge:
    """A lesion's number and the letter of what is planned for it, on its colour."""

    number: str
    letter: str
    colour: Colour


def lesion_numbers(ids: Sequence[str]) -> dict[str, str]:
    """What stands in the pictures for each lesion: 3 for L3; short names as they are; else the place in the list."""
    if all(re.fullmatch(r"L\d+", name) for name in ids):
        return {name: name[1:] for name in ids}
    if all(len(name) <= 4 for name in ids):
        return {name: name for name in ids}
    return {name: str(place) for place, name in enumerate(ids, 1)}


def badge_for(lesion: str, numbers: Mapping[str, str], marks: Marks | None) -> Badge:
    """The badge of a lesion: its number with the letter and colour of `marks`, or on the neutral colour."""
    letter, colour = (marks or {}).get(lesion, ("", LESION))
    return Badge(numbers[lesion], letter, colour)


def sizes_of(badges: Sequence[Badge], size: int) -> npt.NDArray[np.float64]:
    """(N, 2) width and height of each badge at a text size, in pixels."""
    found = []
    for badge in badges:
        wide = text_size(badge.number, size, bold=True)[0] + size * 0.7
        if badge.letter:
            wide += text_size(badge.letter, size, bold=True)[0] + size * 0.6
        found.append((max(wide, size * 1.45), size * 1.45))
    return np.array(found, np.float64).reshape(-1, 2)


def place_boxes(
    anchors: npt.NDArray[np.float64],
    radii: npt.NDArray[np.float64],
    sizes: npt.NDArray[np.float64],
    bounds: tuple[float, float],
    taken: Sequence[tuple[float, float, float, float]] = (),
) -> npt.NDArray[np.float64]:
    """(N, 2) middles of the boxes: on a lesion that is large enough for it, else beside it, in the nearest free place.

    anchors: (N, 2) middles of the lesions and radii: (N,) their sizes, in pixels. sizes: (N, 2) boxes. bounds: width
    and height of the picture. taken: (x0, y0, x1, y1) rectangles to keep clear of. Boxes do not overlap while there
    is room.
    """
    held = [np.array(box, np.float64) for box in taken]
    places = np.zeros((len(anchors), 2))
    turns = np.arange(DIRECTIONS) * (2 * np.pi / DIRECTIONS) - np.pi / 4
    rays = np.stack([np.cos(turns), np.sin(turns)], axis=1)
    order = sorted(range(len(anchors)), key=lambda n: -radii[n])
    for n in order:
        half = sizes[n] / 2
        reach = float(np.hypot(*half))
        start = radii[n] + reach * 0.9 + 4
        rings = start + np.arange(RINGS)[:, None] * max(reach * 0.6, 4)
        tried = (anchors[n] + rings[..., None] * rays[None]).reshape(-1, 2)
        if radii[n] > reach * 1.15:
            tried = np.vstack([anchors[n], tried])
        far = np.hypot(*(tried - anchors[n]).T)
        cost = far + OVERLAP_COST * (tried != np.clip(tried, half + 2, np.array(bounds) - half - 2)).any(axis=1)
        for box in held:
            cost += OVERLAP_COST * _overlap(tried, half + 2, box)
        for other in range(len(anchors)):
            if other != n:
                size = radii[other] * 0.8 + 2
                cost += LESION_COST * _overlap(
                    tried, half, np.concatenate([anchors[other] - size, anchors[other] + size])
                )
        places[n] = np.clip(tried[int(np.argmin(cost))], half + 1, np.maximum(np.array(bounds) - half - 1, half + 1))
        held.append(np.concatenate([places[n] - half, places[n] + half]))
    return places


def _overlap(
    middles: npt.NDArray[np.float64], half: npt.NDArray[np.float64], box: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Share of a box around each middle that another box (x0, y0, x1, y1) covers."""
    both = np.minimum(middles + half, box[2:]) - np.maximum(middles - half, box[:2])
    result: npt.NDArray[np.float64] = np.clip(both, 0, None).prod(axis=1) / (4 * half.prod())
    return result


def draw_badges(
    canvas: Canvas,
    badges: Sequence[Badge],
    anchors: npt.NDArray[np.float64],
    radii: npt.NDArray[np.float64],
    places: npt.NDArray[np.float64],
    size: int,
) -> None:
    """Draw leader lines from the edge of each lesion, and the badges over them.

    The number stands on the colour, the letter in a field of its own.
    """
    sizes = sizes_of(badges, size)
    for anchor, radius, place, box in zip(anchors, radii, places, sizes, strict=True):
        away = float(np.hypot(*(anchor - place)))
        if away > max(np.hypot(*box) / 2, radius * 0.5):
            start = anchor + (place - anchor) * min(radius * 0.75 / away, 0.9)
            a, b = (float(start[0]), float(start[1])), (float(place[0]), float(place[1]))
            canvas.line(a, b, size / 9 + 3, INK, 0.8)
            canvas.line(a, b, size / 9, PAPER)
    for badge, place, (wide, high) in zip(badges, places, sizes, strict=True):
        _draw_badge(canvas, badge, (float(place[0] - wide / 2), float(place[1] - high / 2)), (wide, high), size)


def _draw_badge(
    canvas: Canvas, badge: Badge, corner: tuple[float, float], extent: tuple[float, float], size: int
) -> None:
    (x, y), (wide, high) = corner, extent
    rim = max(1.5, size / 14)
    canvas.box(x - rim, y - rim, wide + 2 * rim, high + 2 * rim, INK, high * 0.3 + rim)
    canvas.box(x, y, wide, high, badge.colour, high * 0.3)
    middle = x + wide / 2
    if badge.letter:
        field = text_size(badge.letter, size, bold=True)[0] + size * 0.5
        inset = rim
        canvas.box(x + wide - field - inset, y + inset, field, high - 2 * inset, INK, high * 0.3 - inset)
        canvas.text((x + wide - field / 2 - inset, y + high / 2), badge.letter, size, PAPER, anchor="mm", bold=True)
        middle = x + (wide - field - inset) / 2
    canvas.text((middle, y + high / 2), badge.number, size, ink_on(badge.colour), anchor="mm", bold=True)
