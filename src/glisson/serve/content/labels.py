"""Which number and colour each structure has in the viewer's label maps, and the maps themselves."""

from __future__ import annotations

import colorsys
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from glisson.anatomy import SEGMENT_NAMES
from glisson.geometry import Labels, Mask, box_of
from glisson.scene import Scene
from glisson.serve.content.levels import Level

__all__ = ["LESION_FROM", "MOST_LESIONS", "Structure", "label_map", "structures_of"]

LESION_FROM = 101
"""Label of the first lesion."""

MOST_LESIONS = 255 - LESION_FROM + 1
"""Lesions beyond these share the last label."""

SEGMENT_FROM = 10
"""Label of segment I is one more."""

ORGAN_FROM = 21
MOST_ORGANS = LESION_FROM - ORGAN_FROM

NAMED = {
    "liver": (1, "liver", "Liver", "#b5651d"),
    "portal": (2, "portal", "Portal vein", "#3d6fd9"),
    "hepatic": (3, "hepatic", "Hepatic veins", "#2aa5c9"),
    "cava": (4, "cava", "Inferior vena cava", "#1f5f8b"),
    "artery": (5, "organ", "Hepatic artery", "#d1352b"),
    "bile_ducts": (6, "organ", "Bile ducts", "#4f9d3a"),
    "gallbladder": (7, "organ", "Gallbladder", "#7fb069"),
}
"""Structure -> label, kind, name, colour."""

SEGMENT_COLOURS = ("#e6b450", "#8fbf6a", "#5fae9b", "#c77f6f", "#7a93c9", "#b08bc4", "#d9a1a1", "#8cc2d4")

BEHIND = ("skin", "bone")
"""Drawn first, as they hold or touch nearly everything."""

LESION_COLOUR = "#f2d024"


@dataclass(frozen=True, eq=False)
class Structure:
    """An entry of the label map. key: in URLs of meshes. kind: liver, lesion, portal, hepatic, cava, segment, organ."""

    key: str
    name: str
    kind: str
    label: int
    colour: str
    mask: Mask


def structures_of(scene: Scene) -> tuple[Structure, ...]:
    """Every structure of a scene in the order in which it is drawn; a later one covers an earlier one."""
    return tuple(_structures(scene))


def _structures(scene: Scene) -> Iterator[Structure]:
    others = sorted(set(scene.structures) - set(NAMED), key=lambda name: (name not in BEHIND, name))
    for number, name in enumerate(others[:MOST_ORGANS]):
        words = name.replace("_", " ").capitalize()
        yield Structure(name, words, "organ", ORGAN_FROM + number, _hue(number), scene.structures[name])
    for name in ("liver", "gallbladder"):
        if name in scene.structures:
            yield _named(name, scene)
    if scene.segments is not None:
        labels = _trimmed(scene.segments)
        for value in labels.values:
            numeral = SEGMENT_NAMES.get(value, str(value))
            yield Structure(
                f"segment-{numeral}", f"Segment {numeral}", "segment", SEGMENT_FROM + value,
                SEGMENT_COLOURS[(value - 1) % len(SEGMENT_COLOURS)], Mask(labels.data == value, labels.grid),
            )  # fmt: skip
    for name in ("artery", "bile_ducts", "hepatic", "portal", "cava"):
        if name in scene.structures:
            yield _named(name, scene)
    for number, lesion in enumerate(scene.lesions):
        label = LESION_FROM + min(number, MOST_LESIONS - 1)
        yield Structure(f"lesion-{lesion.id}", lesion.id, "lesion", label, LESION_COLOUR, lesion.mask)


def _trimmed(labels: Labels) -> Labels:
    box = box_of(labels.data)
    return labels if box is None else Labels(labels.data[box], labels.grid.crop(box))


def _named(name: str, scene: Scene) -> Structure:
    label, kind, words, colour = NAMED[name]
    return Structure(name, words, kind, label, colour, scene.structures[name])


def _hue(number: int) -> str:
    """Colours far apart, one after the other (steps of the golden angle), pale so that they stay in the background."""
    red, green, blue = colorsys.hls_to_rgb((0.08 + 0.618034 * number) % 1.0, 0.7, 0.35)
    return f"#{round(255 * red):02x}{round(255 * green):02x}{round(255 * blue):02x}"


def label_map(structures: tuple[Structure, ...], level: Level) -> Labels:
    """The label map of a level; each structure has one voxel at least."""
    data: npt.NDArray[np.uint8] = np.zeros(level.shape, np.uint8, order="F")
    for one in structures:
        level.paint(data, one.mask, one.label)
    return Labels(data, level.grid, {one.label: one.name for one in structures})
