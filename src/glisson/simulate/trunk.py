"""The trunk on a voxel grid: which tissue fills each voxel, and the masks of the organs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from glisson.geometry import Box, Grid
from glisson.simulate.body import BODY_MM, CAGE_POWER, Build, muscle, organ_fields
from glisson.simulate.bones import RIB_MM, ribs, spine, sternum
from glisson.simulate.raster import draw_rods
from glisson.simulate.shapes import Field, Shape, sample, tube2d

__all__ = ["HU", "LIVER", "Trunk", "build_trunk", "chunks"]

TISSUES: tuple[tuple[str, float], ...] = (
    ("air", -1000), ("fat", -102), ("muscle", 58), ("bone", 330), ("disc", 85), ("canal", 28), ("marrow", 170),
    ("lung", -845), ("heart", 138), ("aorta", 152), ("cava", 148), ("liver", 112), ("spleen", 124), ("kidney", 182),
    ("stomach", 88), ("stomach content", 14), ("gas", -940), ("gallbladder", 7), ("duodenum", 82),
    ("duodenum content", 22), ("pancreas", 96), ("colon", 78), ("stool", 18), ("small bowel", 92),
    ("bowel content", 24),
)  # fmt: skip
"""Tissues with their CT numbers (HU) in the portal-venous phase, after the usual textbook ranges."""
NUMBER = {name: i for i, (name, _) in enumerate(TISSUES)}
HU = np.array([hu for _, hu in TISSUES], dtype=np.int16)
"""CT number of each tissue."""
LIVER = NUMBER["liver"]
CORTEX_MM = 2.2
"""Thickness of cortical bone."""
CHUNK = 48
"""Planes evaluated at a time, to bound memory."""

LAYERS: tuple[tuple[str, tuple[tuple[float, str], ...]], ...] = (
    ("heart", ((0.0, "heart"),)),
    ("aorta", ((0.0, "aorta"),)),
    ("cava", ((0.0, "cava"),)),
    ("lung_right", ((0.0, "lung"),)),
    ("lung_left", ((0.0, "lung"),)),
    ("kidney_right", ((0.0, "kidney"),)),
    ("kidney_left", ((0.0, "kidney"),)),
    ("spleen", ((0.0, "spleen"),)),
    ("gallbladder", ((0.0, "gallbladder"),)),
    ("stomach", ((0.0, "stomach"), (-4.0, "stomach content"))),
    ("duodenum", ((0.0, "duodenum"), (-3.5, "duodenum content"))),
    ("pancreas", ((0.0, "pancreas"),)),
    ("colon", ((0.0, "colon"), (-2.5, "stool"))),
    ("small_bowel", ((0.0, "small bowel"), (-2.4, "bowel content"))),
)
"""Organs in the order they claim space, each with its layers from outside in: (field value, tissue)."""
GAS_LEVEL_MM = {"stomach": -34.0, "colon": -62.0}
"""Gas lies in front of this plane (patient frame y): the patient is supine."""


class Trunk:
    """tissue: (i, j, k) uint8 number of the tissue on an axial grid; masks: organ -> (box, bool array in it)."""

    def __init__(self, tissue: npt.NDArray[np.uint8]) -> None:
        self.tissue = tissue
        self.masks: dict[str, tuple[Box, npt.NDArray[np.bool_]]] = {}

    def bone(self) -> npt.NDArray[np.bool_]:
        """Cortical bone and marrow, as a mask on the whole grid."""
        result: npt.NDArray[np.bool_] = (self.tissue == NUMBER["bone"]) | (self.tissue == NUMBER["marrow"])
        return result


def chunks(field: Field, grid: Grid, scale: float) -> Iterator[tuple[Box, npt.NDArray[np.float32]]]:
    """A field on an axial grid, in boxes of at most CHUNK planes."""
    box = field.reach(grid, scale)
    for start in range(box[0].start, box[0].stop, CHUNK):
        part = (slice(start, min(start + CHUNK, box[0].stop)), box[1], box[2])
        if all(s.stop > s.start for s in part):
            yield part, field.on(grid, part, scale)


def build_trunk(build: Build, grid: Grid, scale: float, liver_box: Box, liver: npt.NDArray[np.bool_]) -> Trunk:
    """Fill an axial grid with tissue around a liver mask (given in its box)."""
    trunk = Trunk(_wall(grid, scale))
    _draw_bones(trunk, grid, scale)
    inner = trunk.tissue[liver_box]
    inner[liver] = LIVER
    fields = organ_fields(build)
    for name, layers in LAYERS:
        _claim(trunk, name, fields[name], layers, grid, scale)
    return trunk


def _wall(grid: Grid, scale: float) -> npt.NDArray[np.uint8]:
    """Air, fat and muscle."""
    axis_x = (grid.origin_mm[0] + np.arange(grid.shape[0]) * grid.spacing_mm[0]) / scale
    axis_y = (grid.origin_mm[1] + np.arange(grid.shape[1]) * grid.spacing_mm[1]) / scale
    body = tube2d(axis_x[:, None], axis_y[None, :], (0, 0), BODY_MM, CAGE_POWER) < 0
    tissue = np.repeat(body.astype(np.uint8)[:, :, None], grid.shape[2], axis=2)
    field = sample(muscle, (-165, -115, -250), (165, 115, 250))
    for part, values in chunks(field, grid, scale):
        tissue[part][(values < 0) & (tissue[part] > 0)] = NUMBER["muscle"]
    return tissue


def _part_of_spine(index: int) -> Shape:
    return lambda x, y, z: spine(x, y, z)[index]


def _draw_bones(trunk: Trunk, grid: Grid, scale: float) -> None:
    tissue = trunk.tissue
    low, high = (-45.0, 30.0, -250.0), (45.0, 115.0, 250.0)
    for index, names in ((1, ("disc",)), (2, ("canal",)), (0, ("bone", "marrow"))):
        field = sample(_part_of_spine(index), low, high, 2.0)
        for part, values in chunks(field, grid, scale):
            tissue[part][values < 0] = NUMBER[names[0]]
            if len(names) > 1:
                tissue[part][values < -CORTEX_MM] = NUMBER[names[1]]
    for part, values in chunks(sample(sternum, (-25, -112, 60), (25, -90, 250)), grid, scale):
        tissue[part][values < 0] = NUMBER["bone"]
        tissue[part][values < -CORTEX_MM] = NUMBER["marrow"]
    for thickness, name in ((RIB_MM, "bone"), (RIB_MM - CORTEX_MM, "marrow")):
        drawn = np.zeros(grid.shape, dtype=bool)
        for line in ribs():
            p = line * scale
            draw_rods(drawn, grid, p[:-1], p[1:], np.full(len(p) - 1, thickness * scale))
        drawn &= tissue > 0
        tissue[drawn] = NUMBER[name]


def _claim(
    trunk: Trunk, name: str, field: Field, layers: tuple[tuple[float, str], ...], grid: Grid, scale: float
) -> None:
    """Let an organ fill the fat that its field covers; air, muscle, bone and earlier organs stay."""
    box = field.reach(grid, scale)
    if any(s.stop <= s.start for s in box):
        return
    mask = np.zeros(tuple(s.stop - s.start for s in box), dtype=bool)
    for part, values in chunks(field, grid, scale):
        tissue = trunk.tissue[part]
        own = (values < 0) & (tissue == NUMBER["fat"])
        for level, what in layers:
            tissue[own & (values < level)] = NUMBER[what]
        if name in GAS_LEVEL_MM:
            y = (grid.origin_mm[1] + np.arange(part[1].start, part[1].stop) * grid.spacing_mm[1]) / scale
            tissue[own & (values < layers[-1][0]) & (y < GAS_LEVEL_MM[name])[None, :, None]] = NUMBER["gas"]
        start = part[0].start - box[0].start
        mask[start : start + own.shape[0]] = own
    if mask.any():
        trunk.masks[name] = (box, mask)
