"""A remnant measured over the weeks after an embolisation or a resection, on the published curve."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from glisson.report.figures.canvas import Canvas, Picture
from glisson.report.figures.palette import INK, KEPT, PAPER, SOFT
from glisson.report.figures.plot import BOTTOM, DOT, HEIGHT, LEFT, RIGHT, TEXT, TOP, WIDTH, PlotFrame, round_step
from glisson.report.words import day as words_of

if TYPE_CHECKING:
    from glisson.planning.regrowth import Curve, RemnantCourse

__all__ = ["regrowth_picture"]

BAND_OPACITY = 0.28


def regrowth_picture(course: RemnantCourse) -> Picture:
    """Growth over the volume before in percent against weeks: the published curve with its band, and what was measured.

    Upright lines at the points: 95 % from the error of outlining.
    """
    curve = course.curve
    weeks = max([course.days(size) / 7 for size in course.sizes] + [curve.days[-1] / 7])
    limits = [value for size in course.sizes for value in size.limits]
    bands = [*curve.expected, *(curve.high or ()), *(curve.low or ())]
    low, high = min(*limits, *bands, 0.0) * 1.1, max(*limits, *bands) * 1.12
    canvas = Canvas(WIDTH, HEIGHT)
    frame = PlotFrame(canvas, (0.0, weeks), (low, high))
    frame.upright("growth of the remnant over its volume before, %")
    step = round_step(max(weeks, 1.0) / 8)
    marks = [(n * step, f"{n * step:g}") for n in range(int(weeks / step) + 1)]
    frame.across(marks, f"weeks since {course.what}, {words_of(course.day)}")
    _curve(frame, curve)
    for size in course.sizes:
        x, y = frame.at(course.days(size) / 7, size.growth_percent)
        ends = [frame.at(course.days(size) / 7, value)[1] for value in size.limits]
        canvas.line((x, ends[0]), (x, ends[1]), 3, INK)
        canvas.box(x - DOT / 2, y - DOT / 2, DOT, DOT, INK, radius=DOT / 2)
        right = x < WIDTH - RIGHT - 130
        canvas.text(
            (x + DOT if right else x - DOT, y), f"{size.ml:.0f} mL", TEXT - 3, INK, anchor="lm" if right else "rm",
            bold=True, halo=PAPER,
        )  # fmt: skip
    end = frame.at(curve.days[-1] / 7, curve.expected[-1])
    canvas.text((min(end[0] + 10, WIDTH - RIGHT + 8), end[1] - 10), "published", TEXT - 5, SOFT, halo=PAPER)
    said = "; ".join(
        f"week {course.days(size) / 7:.1f} {size.growth_percent:+.0f} % "
        f"({size.limits[0]:+.0f} to {size.limits[1]:+.0f})"
        for size in course.sizes
    )
    band = "its band is one standard deviation" if curve.low is not None else "the series states no spread"
    return canvas.picture(
        f"Growth of the remnant after {course.what}: {said}.",
        f"Points: measured, with 95 % limits from the error of outlining. Line: {curve.source}, {curve.words}; {band}.",
        table=False,
    )


def _curve(frame: PlotFrame, curve: Curve) -> None:
    canvas = frame.canvas
    if curve.low is not None and curve.high is not None:
        end = frame.at(curve.days[-1] / 7, 0)[0]
        columns = np.arange(LEFT, int(end) + 1)
        at = (columns - LEFT) / max(end - LEFT, 1e-9) * curve.days[-1]
        upper, lower = (
            np.array([frame.at(0, float(v))[1] for v in np.interp(at, curve.days, side)])
            for side in (curve.high, curve.low)
        )
        rows = np.arange(TOP, HEIGHT - BOTTOM + 1)[:, None]
        inside = np.clip(rows - upper + 0.5, 0, 1) * np.clip(lower - rows + 0.5, 0, 1)
        canvas.blend(inside * BAND_OPACITY, KEPT, LEFT, TOP)
    places = [frame.at(d / 7, value) for d, value in zip(curve.days, curve.expected, strict=True)]
    for a, b in itertools.pairwise(places):
        canvas.line(a, b, 4, KEPT)
