"""Pictures of dose: cumulative histograms, and isodose lines on the slice that shows most dose."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from glisson.errors import InputError
from glisson.geometry import Volume, resample_volume
from glisson.report.figures import scan
from glisson.report.figures.canvas import Canvas, Picture, text_size
from glisson.report.figures.palette import CAPSULE, INK, LESION, PAPER, RULE, SOFT
from glisson.report.figures.planes import PLANES, Cut, Frame, axes_for

if TYPE_CHECKING:
    from glisson.planning.dose import Dvh

__all__ = ["CURVE_COLOURS", "ISODOSE_COLOURS", "dvh_picture", "isodose_levels", "isodose_picture"]

CURVE_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#7a5c00")
"""Colours of histograms; each curve carries its name as well."""

ISODOSE_COLOURS = ("#7fd3ff", "#3fc77f", "#f4e04d", "#ff9d2e", "#ff4b4b")
"""From the lowest dose to the highest; each level stands in the legend."""

ISODOSE_SHARES = (0.1, 0.2, 0.4, 0.6, 0.8)
"""Isodose levels as shares of the highest dose."""

DVH_WIDTH, DVH_HEIGHT, DVH_TEXT = 960, 660, 26
LEFT, RIGHT, TOP, BOTTOM = 100, 30, 56, 84
"""Size of the histogram without its legend, its text, and the room around its axes, pixels."""

CURVE_STEPS = 400
"""Doses at which a curve is drawn."""

FULLY_KNOWN = 0.999
"""A pixel shows the dose where at least this share of it comes from inside the dose grid."""

EDGE_PIXELS = 8
"""No line is drawn this near to the edge of the dose grid, where the slope of the dose is not known."""

SLICE_WIDTH, SLICE_TEXT = 840, 30
MARGIN_MM = 15.0
"""Size and text of the isodose picture in pixels, and room around the liver."""


def dvh_picture(histograms: Mapping[str, Dvh]) -> Picture:
    """Cumulative histograms of one or more structures, each named at its curve. Raises InputError for none."""
    if not histograms:
        raise InputError("A picture of histograms needs at least one structure.")
    if len(histograms) > len(CURVE_COLOURS):
        raise InputError(f"One picture shows at most {len(CURVE_COLOURS)} histograms, got {len(histograms)}.")
    top_gy = _round_up(max(max(h.max_gy for h in histograms.values()), 1e-3) * 1.02)
    canvas = Canvas(DVH_WIDTH, DVH_HEIGHT + len(histograms) * (DVH_TEXT + 12) + 8)
    _axes(canvas, top_gy)
    doses = np.linspace(0.0, top_gy, CURVE_STEPS)
    legend = DVH_HEIGHT + DVH_TEXT
    for (name, histogram), colour in zip(histograms.items(), CURVE_COLOURS, strict=False):
        points = [_place(d, 100.0 * v, top_gy) for d, v in zip(doses, histogram.volume_at(doses), strict=True)]
        for start, end in itertools.pairwise(points):
            canvas.line(start, end, 4.0, colour)
        words = f"{name}, {_number(histogram.volume_ml)} mL, mean {_number(histogram.mean_gy)} Gy"
        canvas.line((LEFT, legend - 9), (LEFT + 36, legend - 9), 5.0, colour)
        canvas.text((LEFT + 50, legend), words, DVH_TEXT - 2, INK)
        legend += DVH_TEXT + 12
    said = "; ".join(
        f"{name}: mean {_number(h.mean_gy)} Gy, D95 {_number(h.dose_at(95))} Gy, D2 {_number(h.dose_at(2))} Gy"
        for name, h in histograms.items()
    )
    cut = [name for name, h in histograms.items() if h.covered < 1.0]
    caption = "Cumulative dose-volume histogram."
    if cut:
        caption += f" The dose grid does not cover all of {', '.join(cut)}; the curve is of the part it covers."
    return canvas.picture(f"Cumulative dose-volume histograms. {said}.", caption)


def isodose_levels(dose: Volume) -> tuple[float, ...]:
    """Levels for a dose where none are asked for: ISODOSE_SHARES of the highest dose, rounded to two digits.

    Raises InputError for a dose that is zero everywhere.
    """
    top = float(np.max(dose.data))
    if not top > 0:
        raise InputError("The dose is zero everywhere, so there are no isodose lines to draw.")
    return tuple(sorted({float(f"{share * top:.2g}") for share in ISODOSE_SHARES}))


def isodose_picture(parts: scan.Parts, dose: Volume, levels_gy: Sequence[float]) -> Picture:
    """Isodose lines on the axial slice with the highest mean dose in the liver, with liver and lesions outlined.

    dose: Gy on any grid. levels_gy: at most five, in rising order. Raises InputError for other levels, and where none
    of the dose lies on the scan.
    """
    from scipy.ndimage import binary_erosion

    levels = [float(level) for level in levels_gy]
    if not 0 < len(levels) <= len(ISODOSE_COLOURS) or levels != sorted(set(levels)) or levels[0] <= 0:
        raise InputError(f"Isodose levels are one to {len(ISODOSE_COLOURS)} rising doses in Gy, got {levels_gy}.")
    gy, start = _on_liver(parts, dose)
    if not gy.any():
        raise InputError("The dose does not reach the liver of this scan: give both in one frame of reference.")
    normal = axes_for(parts.grid)[PLANES["axial"][2]][0]
    index = start[normal] + int(np.argmax(gy.sum(axis=tuple(a for a in range(3) if a != normal))))
    cut = Cut.of(parts.grid, "axial", index)
    canvas, frame = _around_liver(parts, cut)
    panel = scan.Panel(canvas, parts, cut, frame)
    panel.paint()
    panel.outline(parts.liver, CAPSULE, 2.2)
    for lesion in parts.lesions:
        panel.outline(lesion.mask, LESION, 2.6, rim=True)
    flat, known = (frame.resample(pixels, cut.pitch_mm, 0.0) for pixels in _on_slice(parts, dose, cut, normal, index))
    inside = binary_erosion(known > FULLY_KNOWN, iterations=EDGE_PIXELS, border_value=1)
    _isolines(canvas, flat, levels, inside)
    _legend(canvas, levels)
    scan.paint_edges(canvas, cut.edges, SLICE_TEXT)
    scan.paint_scale(canvas, frame.scale, SLICE_TEXT - 6)
    named = ", ".join(f"{level:g}" for level in levels)
    alt = (
        f"Axial slice at the height {cut.height_mm:.0f} mm (S) with isodose lines of {named} Gy; highest dose in the "
        f"liver {float(gy.max()):.3g} Gy. The patient's right is on the left of the picture, the front is up."
    )
    ends = "" if inside.all() else " Lines end where the dose grid ends."
    return canvas.picture(alt, f"Isodose lines of {named} Gy.{ends} Patient's right on the left.{parts.oblique_words}")


def _on_liver(parts: scan.Parts, dose: Volume) -> tuple[npt.NDArray[Any], tuple[int, int, int]]:
    """The dose on the scan's lattice around the liver, and where that box starts."""
    start = parts.start(parts.liver)
    pad = [int(np.ceil(MARGIN_MM / side)) for side in parts.grid.spacing_mm]
    low = [max(s - p, 0) for s, p in zip(start, pad, strict=True)]
    high = [min(s + n + p, m) for s, n, p, m in zip(start, parts.liver.data.shape, pad, parts.grid.shape, strict=True)]
    i, j, k = (slice(a, b) for a, b in zip(low, high, strict=True))
    found = resample_volume(dose, parts.grid.crop((i, j, k)), outside=0.0).data
    return found, (low[0], low[1], low[2])


def _on_slice(
    parts: scan.Parts, dose: Volume, cut: Cut, normal: int, index: int
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """The pixels of the dose on a slice of the scan, and how far it is known there (1 inside its own grid)."""
    i, j, k = (slice(index, index + 1) if axis == normal else slice(0, n) for axis, n in enumerate(parts.grid.shape))
    plane = parts.grid.crop((i, j, k))
    ones = Volume(np.ones(dose.grid.shape, np.float32), dose.grid)
    found = []
    for volume in (dose, ones):
        whole = np.zeros(parts.grid.shape, np.float32)
        whole[i, j, k] = resample_volume(volume, plane, outside=0.0).data
        found.append(cut.pixels(whole))
    return found[0], found[1]


def _around_liver(parts: scan.Parts, cut: Cut) -> tuple[Canvas, Frame]:
    patch = cut.patch(parts.liver.data, parts.start(parts.liver))
    width, height = cut.size_mm
    middle = (width / 2, height / 2)
    if patch is not None:
        pitch = cut.pitch_mm
        middle = (
            (patch.column + patch.flat.shape[1] / 2) * pitch[0], (patch.row + patch.flat.shape[0] / 2) * pitch[1],
        )  # fmt: skip
        width, height = (patch.flat.shape[1] * pitch[0], patch.flat.shape[0] * pitch[1])
    width, height = width + 2 * MARGIN_MM, height + 2 * MARGIN_MM
    canvas = Canvas(
        SLICE_WIDTH, int(np.clip(round(SLICE_WIDTH * height / width), SLICE_WIDTH // 2, SLICE_WIDTH * 3 // 2))
    )
    wide = max(width, height * canvas.width / canvas.height)
    return canvas, Frame.around(middle, wide, canvas.width, canvas.height)


def _isolines(canvas: Canvas, flat: npt.NDArray[Any], levels: Sequence[float], known: npt.NDArray[np.bool_]) -> None:
    """Lines where the dose passes a level: pixels by their distance to it, the dose difference over its slope. None
    where the dose is not known, as at the edge of its grid.
    """
    steep = np.maximum(np.hypot(*np.gradient(flat)), 1e-6)
    for level, colour in zip(levels, ISODOSE_COLOURS[-len(levels) :], strict=True):
        away = np.abs(flat - level) / steep
        for width, ink in ((4.5, INK), (2.6, colour)):
            canvas.blend(np.clip(width / 2 + 0.5 - away, 0.0, 1.0) * known, ink)


def _legend(canvas: Canvas, levels: Sequence[float]) -> None:
    words = [f"{level:g} Gy" for level in levels]
    wide = max(text_size(word, SLICE_TEXT - 6)[0] for word in words) + 60
    high = len(levels) * SLICE_TEXT + 12
    canvas.box(8, 8, wide, high, PAPER, 6, 0.85)
    for row, (word, colour) in enumerate(zip(words, ISODOSE_COLOURS[-len(levels) :], strict=True)):
        y = 8 + 6 + (len(levels) - row - 0.5) * SLICE_TEXT
        for width, ink in ((7.0, INK), (4.0, colour)):
            canvas.line((18, y), (46, y), width, ink)
        canvas.text((56, y), word, SLICE_TEXT - 6, INK, anchor="lm")


def _axes(canvas: Canvas, top_gy: float) -> None:
    for percent in range(0, 101, 20):
        (x0, y), (x1, _) = _place(0.0, percent, top_gy), _place(top_gy, percent, top_gy)
        canvas.line((x0, y), (x1, y), 1.5 if percent else 3.0, RULE if percent else SOFT)
        canvas.text((x0 - 12, y), str(percent), DVH_TEXT - 2, SOFT, anchor="rm")
    for step in range(6):
        gy = top_gy * step / 5
        (x, y0), (_, y1) = _place(gy, 0.0, top_gy), _place(gy, 100.0, top_gy)
        canvas.line((x, y0), (x, y1), 1.5 if step else 3.0, RULE if step else SOFT)
        canvas.text((x, y0 + 12), f"{gy:g}", DVH_TEXT - 2, SOFT, anchor="mt")
    canvas.text((DVH_WIDTH / 2, DVH_HEIGHT - 14), "dose in Gy", DVH_TEXT, INK, anchor="ms")
    canvas.text((LEFT - 84, TOP - 24), "volume in %", DVH_TEXT - 2, INK)


def _place(dose_gy: float, percent: float, top_gy: float) -> tuple[float, float]:
    across, up = DVH_WIDTH - LEFT - RIGHT, DVH_HEIGHT - TOP - BOTTOM
    return (LEFT + across * dose_gy / top_gy, TOP + up * (1.0 - percent / 100.0))


def _number(value: float) -> str:
    """Three digits, more where the whole part has more."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _round_up(value: float) -> float:
    """The next of 1, 2, 2.5, 5 times a power of ten (times five steps stay round numbers)."""
    power = 10.0 ** np.floor(np.log10(value))
    return float(next(step * power for step in (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 7.5, 10.0) if step * power >= value))
