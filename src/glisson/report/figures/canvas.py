"""A picture in the making: RGB pixels with antialiased lines, discs and text, turned into the same PNG bytes every
time.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from glisson.errors import MissingExtra
from glisson.report.figures.palette import INK, PAPER, Colour, rgb

if TYPE_CHECKING:
    from PIL import ImageFont

__all__ = ["Canvas", "Picture", "text_size"]

Alpha = npt.NDArray[np.float32]
Point = tuple[float, float]

PALETTE_COLOURS = 192
"""Colours of a picture that is stored with a colour table, which makes scans about three times smaller."""


@dataclass(frozen=True)
class Picture:
    """A finished picture: PNG bytes, its size in pixels, words for who cannot see it, and what stands under it."""

    png: bytes
    width: int
    height: int
    alt: str
    caption: str


@lru_cache(maxsize=32)
def _font(size: int, bold: bool) -> ImageFont.FreeTypeFont:
    from PIL import ImageFont

    spec = find_spec("matplotlib")
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtra("Pictures need the fonts that come with matplotlib. Install it: pip install matplotlib")
    folder = Path(spec.submodule_search_locations[0]) / "mpl-data" / "fonts" / "ttf"
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(str(folder / name), size, layout_engine=ImageFont.Layout.BASIC)


def text_size(text: str, size: int, bold: bool = False) -> tuple[int, int]:
    """Width of one line of text and height of its capitals, in pixels."""
    font = _font(size, bold)
    return (round(font.getlength(text)), round(-font.getbbox("H", anchor="ls")[1]))


class Canvas:
    """RGB pixels, shape (height, width, 3); x grows to the right and y downwards, (0, 0) is the corner of the first
    pixel.
    """

    def __init__(self, width: int, height: int, colour: Colour = PAPER) -> None:
        self.pixels: npt.NDArray[np.uint8] = np.empty((height, width, 3), np.uint8)
        self.pixels[:] = rgb(colour)

    @property
    def width(self) -> int:
        """Pixels across."""
        return self.pixels.shape[1]

    @property
    def height(self) -> int:
        """Pixels down."""
        return self.pixels.shape[0]

    def part(self, x: int, y: int, width: int, height: int) -> Canvas:
        """A canvas that draws into a rectangle of this one and cannot draw outside it."""
        inner = Canvas.__new__(Canvas)
        inner.pixels = self.pixels[y : y + height, x : x + width]
        return inner

    def blend(self, alpha: npt.NDArray[Any], colour: Colour, x: int = 0, y: int = 0) -> None:
        """Lay a colour over the pixels from (x, y) on, with (h, w) opacities 0..1; what lies outside is cut off."""
        x0, y0 = max(x, 0), max(y, 0)
        x1, y1 = min(x + alpha.shape[1], self.width), min(y + alpha.shape[0], self.height)
        if x0 >= x1 or y0 >= y1:
            return
        inside = alpha[y0 - y : y1 - y, x0 - x : x1 - x]
        rows, columns = np.nonzero(inside > 0)
        share = np.asarray(inside[rows, columns], np.float32)[:, None]
        rows, columns = rows + y0, columns + x0
        below = self.pixels[rows, columns]
        self.pixels[rows, columns] = below + share * (np.array(rgb(colour), np.float32) - below) + 0.5

    def line(self, a: Point, b: Point, width: float, colour: Colour, opacity: float = 1.0) -> None:
        """A straight line with round ends from a to b, `width` pixels wide."""
        ax, ay, bx, by = *a, *b
        grow = width / 2 + 2
        x0, y0 = int(max(np.floor(min(ax, bx) - grow), 0)), int(max(np.floor(min(ay, by) - grow), 0))
        x1 = int(min(np.ceil(max(ax, bx) + grow), self.width))
        y1 = int(min(np.ceil(max(ay, by) + grow), self.height))
        if x0 >= x1 or y0 >= y1:
            return
        px = np.arange(x0, x1, dtype=np.float32)[None, :] + 0.5 - ax
        py = np.arange(y0, y1, dtype=np.float32)[:, None] + 0.5 - ay
        dx, dy = bx - ax, by - ay
        along = np.clip((px * dx + py * dy) / max(dx * dx + dy * dy, 1e-9), 0, 1)
        away = np.hypot(px - along * dx, py - along * dy)
        self.blend(np.clip(width / 2 + 0.5 - away, 0, min(1.0, width)) * opacity, colour, x0, y0)

    def dashes(self, a: Point, b: Point, width: float, colour: Colour, dash: float = 8.0) -> None:
        """A dashed line."""
        length = float(np.hypot(b[0] - a[0], b[1] - a[1]))
        for start in np.arange(0.0, max(length, 1e-6), 2 * dash):
            s, e = start / max(length, 1e-6), min(start + dash, length) / max(length, 1e-6)
            at = [(a[0] + f * (b[0] - a[0]), a[1] + f * (b[1] - a[1])) for f in (s, e)]
            self.line(at[0], at[1], width, colour)

    def box(
        self, x: float, y: float, width: float, height: float, colour: Colour, radius: float = 0, opacity: float = 1.0
    ) -> None:
        """A filled rectangle with rounded corners; a disc when the radius is half of both sides."""
        x0, y0 = int(np.floor(x)) - 1, int(np.floor(y)) - 1
        px = np.abs(np.arange(x0, int(np.ceil(x + width)) + 2, dtype=np.float32) + 0.5 - (x + width / 2))[None, :]
        py = np.abs(np.arange(y0, int(np.ceil(y + height)) + 2, dtype=np.float32) + 0.5 - (y + height / 2))[:, None]
        qx, qy = px - (width / 2 - radius), py - (height / 2 - radius)
        away = np.hypot(np.maximum(qx, 0), np.maximum(qy, 0)) + np.minimum(np.maximum(qx, qy), 0) - radius
        self.blend(np.clip(0.5 - away, 0, 1) * opacity, colour, x0, y0)

    def text(
        self,
        at: Point,
        text: str,
        size: int,
        colour: Colour = INK,
        *,
        anchor: str = "ls",
        bold: bool = False,
        halo: Colour | None = None,
        opacity: float = 1.0,
    ) -> None:
        """One line of text. anchor: l, m or r, then s (baseline), t (top of the capitals) or m (their middle).

        halo: a rim of this colour, for text on scans.
        """
        from PIL import Image, ImageDraw

        wide, high = text_size(text, size, bold)
        x = at[0] - {"l": 0.0, "m": wide / 2, "r": float(wide)}[anchor[0]]
        base = at[1] + {"s": 0.0, "t": float(high), "m": high / 2}[anchor[1]]
        rim = max(1, round(size / 9)) if halo else 0
        pad = rim + 2
        left, top = round(x) - pad, round(base) - size - pad
        layer_size = (wide + 2 * pad + 2, size + size // 2 + 2 * pad)
        for stroke, ink in ((rim, halo), (0, colour)):
            if ink is None:
                continue
            layer = Image.new("L", layer_size)
            pen = ImageDraw.Draw(layer)
            pen.text((pad, size + pad), text, fill=255, font=_font(size, bold), anchor="ls", stroke_width=stroke)
            share = opacity if stroke == 0 else opacity**4
            self.blend(np.asarray(layer, np.float32) * (share / 255), ink, left, top)

    def line_key(self, top: float, entries: Mapping[str, Colour], size: int) -> None:
        """A key of coloured lines with their words, side by side, from the height `top` down to the lower edge."""
        x, y = 8.0, top + size * 1.4
        self.box(0, top, self.width, self.height - top, PAPER)
        for words, colour in entries.items():
            self.line((x, y - size * 0.3), (x + 34, y - size * 0.3), 5.0, colour)
            self.text((x + 44, y), words, size - 4, INK)
            x += 44 + text_size(words, size - 4)[0] + 40

    def png(self, *, table: bool = True) -> bytes:
        """PNG bytes without time or software name. table: store at most 192 colours, for scans."""
        from PIL import Image

        image = Image.fromarray(np.ascontiguousarray(self.pixels))
        if table:
            image = image.quantize(PALETTE_COLOURS, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
        held = io.BytesIO()
        image.save(held, "PNG", compress_level=4)
        return held.getvalue()

    def picture(self, alt: str, caption: str, *, table: bool = True) -> Picture:
        """The finished picture with its words."""
        return Picture(self.png(table=table), self.width, self.height, alt, caption)
