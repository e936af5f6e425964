"""Plots with a value up and a time or place across: the axes, limits, names at the ends of lines."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from glisson.report.figures.canvas import Canvas, text_size
from glisson.report.figures.palette import INK, PAPER, RULE, SOFT, Colour

__all__ = ["BOTTOM", "DOT", "HEIGHT", "LEFT", "RIGHT", "TEXT", "TOP", "WIDTH", "PlotFrame", "name_ends", "round_step"]

WIDTH, HEIGHT, TEXT = 1400, 760, 26
LEFT, RIGHT, TOP, BOTTOM = 130, 150, 70, 110
"""Size of a plot, its text and the room around its axes, pixels."""

DOT = 22
"""Size of a point in pixels."""


@dataclass(frozen=True)
class PlotFrame:
    """Axes of a plot: values across (days or places) and up, and where they lie in pixels."""

    canvas: Canvas
    x_span: tuple[float, float]
    y_span: tuple[float, float]

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Pixel of a point; values beyond the axes are put at their end."""
        (x0, x1), (y0, y1) = self.x_span, self.y_span
        across = min(max((x - x0) / max(x1 - x0, 1e-9), 0.0), 1.0)
        up = min(max((y - y0) / max(y1 - y0, 1e-9), 0.0), 1.0)
        wide, high = self.canvas.width - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
        return LEFT + across * wide, HEIGHT - BOTTOM - up * high

    def upright(self, title: str) -> None:
        """The axis of the values with round numbers and thin lines across."""
        low, high = self.y_span
        step = round_step((high - low) / 5)
        for count in range(math.ceil(low / step), math.floor(high / step) + 1):
            value = count * step
            left, right = self.at(self.x_span[0], value), self.at(self.x_span[1], value)
            self.canvas.line(left, right, 2.0 if value == 0 else 1.0, INK if value == 0 else RULE)
            self.canvas.text((LEFT - 14, left[1]), f"{value:g}", TEXT - 4, INK, anchor="rm")
        self.canvas.line((LEFT, TOP), (LEFT, HEIGHT - BOTTOM), 2, INK)
        self.canvas.text((20, TOP - 24), title, TEXT - 2, INK)

    def across(self, marks: Sequence[tuple[float, str]], title: str) -> None:
        """The axis of the time: a tick and words at each mark; words that would overlap are left out."""
        y, end = HEIGHT - BOTTOM, -math.inf
        self.canvas.line((LEFT, y), (self.canvas.width - RIGHT, y), 2, INK)
        for x, words in marks:
            place, wide = self.at(x, self.y_span[0])[0], text_size(words, TEXT - 4)[0]
            self.canvas.line((place, y), (place, y + 8), 2, INK)
            if place - wide / 2 > end + 12:
                self.canvas.text((place, y + 14), words, TEXT - 4, INK, anchor="mt")
                end = place + wide / 2
        self.canvas.text((LEFT, HEIGHT - 28), title, TEXT - 2, INK)

    def limit(self, value: float, words: str) -> None:
        """A dashed line across with its words at the right."""
        a, b = self.at(self.x_span[0], value), self.at(self.x_span[1], value)
        self.canvas.dashes(a, b, 2.5, SOFT, 10)
        self.canvas.text((self.canvas.width - RIGHT + 8, b[1]), words, TEXT - 5, SOFT, anchor="lm")


def round_step(raw: float) -> float:
    """1, 2 or 5 times a power of ten, at least as large as `raw`."""
    power = 10.0 ** math.floor(math.log10(raw))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw * (1 - 1e-9))


def name_ends(canvas: Canvas, ends: Sequence[tuple[tuple[float, float], str, Colour]]) -> None:
    """Names at the ends of the lines, moved down where they would cover each other."""
    taken: list[tuple[float, float]] = []
    for (x, y), words, colour in sorted(ends, key=lambda item: (item[0][1], item[1])):
        low = y
        while any(abs(low - other) < TEXT and abs(x - across) < 90 for across, other in taken):
            low += 4
        taken.append((x, low))
        canvas.text((x + 14, low), words, TEXT - 5, colour, anchor="lm", bold=True, halo=PAPER)
