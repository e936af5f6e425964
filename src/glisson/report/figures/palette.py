"""Every colour of the pictures, in one place.

The hues keep apart for the common kinds of colour blindness (after Okabe and Ito's set), and no meaning rests on hue
alone: lesions carry numbers and letters, vessels a legend, what is removed a hatch.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = [
    "ACTION_COLOURS", "BRANCHES", "CAPSULE", "CUT_OFF", "INK", "IRRADIATED", "KEPT", "LESION", "LIVER", "MARGIN",
    "NEEDLE", "ORGANS", "PAPER", "REMOVED", "RULE", "SEGMENT_TINTS", "SOFT", "VESSELS", "VESSEL_NAMES",
    "WEDGED", "ZONE", "ZONE_RIM", "Colour", "Marks", "contrast", "ink_on", "rgb",
]  # fmt: skip

Colour = str
"""A colour as "#rrggbb"."""

Marks = Mapping[str, tuple[str, Colour]]
"""Lesion id -> (letter, colour): what is planned for it. An empty letter draws none."""

INK: Colour = "#1b2126"
SOFT: Colour = "#5a6570"
RULE: Colour = "#c3cace"
PAPER: Colour = "#ffffff"

LESION: Colour = "#ffc400"
"""A lesion of which nothing is said."""

CAPSULE: Colour = "#e8f4f2"
LIVER: Colour = "#d98d78"
KEPT: Colour = "#359a8c"
REMOVED: Colour = "#d9cbb8"
WEDGED: Colour = "#ffd23f"
CUT_OFF: Colour = "#a892c9"
IRRADIATED: Colour = "#8fd14f"
"""Removed with its segment, removed as a wedge, without inflow or outflow, and irradiated beyond working."""

ZONE: Colour = "#56b4e9"
ZONE_RIM: Colour = "#0b4f80"
MARGIN: Colour = "#fff0a0"
NEEDLE: Colour = "#b02fe0"
"""An ablation zone, its rim, the margin asked for around a lesion, and a needle."""

ORGANS: Mapping[str, Colour] = MappingProxyType({
    "bone": "#e9dcc0", "lung": "#9fb8c8", "bowel, stomach": "#e08a2e", "heart, great vessels": "#c23b3b",
    "vessels outside liver": "#cc5fa8", "other organs": "#9a7fd1",
})  # fmt: skip
"""What a needle must not touch, by group."""

VESSELS: Mapping[str, Colour] = MappingProxyType(
    {"portal": "#cc5fa8", "hepatic": "#3aa0e8", "cava": "#2563b0", "artery": "#d2452f"}
)
VESSEL_NAMES: Mapping[str, str] = MappingProxyType(
    {"portal": "portal vein", "hepatic": "hepatic veins", "cava": "vena cava", "artery": "artery"}
)

BRANCHES: tuple[Colour, ...] = (
    "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#b7a912",
)  # fmt: skip
"""Named branches of a vessel tree and their territories, in the order in which they leave the trunk."""

ACTION_COLOURS: Mapping[str, Colour] = MappingProxyType(
    {"X": "#16c79a", "A": "#56b4e9", "B": "#8fd14f", "S": "#ff7a1a", "O": "#ffc400", "N": "#c9b6f2"}
)
"""Letters that the dossier uses for what is planned (removed, ablated, irradiated, left, open, not planned) and their
colours."""

SEGMENT_TINTS: Mapping[int, Colour] = MappingProxyType(
    {
        1: "#d8b56a", 2: "#f0b48e", 3: "#cf7d6b", 4: "#f2d3a8", 5: "#d6907a", 6: "#f3c3b0", 7: "#c47464", 8: "#eec092",
    }
)  # fmt: skip
"""Couinaud label -> tint: liver browns that differ in lightness from their neighbours, so that they part in grey too.
"""


def rgb(colour: Colour) -> tuple[int, int, int]:
    """Red, green and blue of "#rrggbb", 0 to 255."""
    return (int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16))


def _luminance(colour: Colour) -> float:
    parts = [value / 255 for value in rgb(colour)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: Colour, b: Colour) -> float:
    """Contrast ratio of two colours, 1 to 21, as WCAG 2.2 defines it."""
    lighter, darker = sorted((_luminance(a), _luminance(b)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def ink_on(colour: Colour) -> Colour:
    """Ink or paper, whichever reads better on the colour."""
    return INK if contrast(INK, colour) >= contrast(PAPER, colour) else PAPER
