"""The liver of one virtual patient on a voxel grid: exact volume, territories, visible vessels, lesions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from glisson.errors import InputError
from glisson.geometry import Box, Grid
from glisson.simulate.body import BODY_MM, Build, liver_field
from glisson.simulate.metastases import Seed, drop
from glisson.simulate.raster import draw_rods
from glisson.simulate.shapes import Field
from glisson.simulate.trees import VesselTree
from glisson.simulate.truth import DRAINAGE_NAMES

__all__ = ["Organ", "draw_lesions", "draw_vessels", "drained_by", "fed_by", "place_liver", "visible"]

EDGE_MM = 4.0
"""Least room between the liver and the border of the scan."""
VISIBLE_RADIUS_MM = 1.1
"""Thinner vessels are in the CT but not in the masks, as in outlined scans."""
BRANCH_STEP_MM = 3.0
"""Branches are sampled this densely for territories."""
RADIUS_WEIGHT = 1.5
"""How much further a thick branch reaches than a thin one: territories use distance^2 - (RADIUS_WEIGHT * radius)^2."""
LARGE_RADIUS_MM = 2.0
"""Named veins at least this wide are never replaced by a lesion; it stops at their wall."""


@dataclass(frozen=True, eq=False)
class Organ:
    """The liver mask in its box of an axial grid, with the field, the level of its surface and the scale that
    made it."""

    build: Build
    field: Field
    level: float
    scale: float
    grid: Grid
    box: Box
    mask: npt.NDArray[np.bool_]

    @property
    def points_mm(self) -> npt.NDArray[np.float64]:
        """(n, 3) voxel centres of the liver, LPS mm."""
        return self.grid.to_mm(np.argwhere(self.mask) + [s.start for s in self.box])


def place_liver(
    build: Build, shape: tuple[int, int, int], spacing_mm: tuple[float, float, float], liver_ml: float
) -> Organ:
    """A liver of liver_ml (to half a voxel) on an axial LPS grid that is centred on it.

    Raises InputError when it does not fit.
    """
    field = liver_field(build)
    inside = field.values < 0
    scale = float(np.cbrt(liver_ml / (np.count_nonzero(inside) * field.step_mm**3 / 1000.0)))
    points = field.points_mm(inside) * scale
    low, high = points.min(axis=0), points.max(axis=0)
    extent = (np.array(shape) - 1) * spacing_mm
    centre = (low + high) / 2
    for axis in (0, 1):
        if extent[axis] > 2 * BODY_MM[axis] * scale:
            centre[axis] = 0.0
    grid = Grid.axial(shape, spacing_mm, tuple(float(o) for o in centre - extent / 2))  # type: ignore[arg-type]
    room = extent / 2 - np.maximum(high - centre, centre - low)
    if room.min() < EDGE_MM:
        need = " x ".join(f"{n:.0f}" for n in high - low + 2 * EDGE_MM + 2 * np.abs(centre - (low + high) / 2))
        raise InputError(
            f"The scan covers {extent[0]:.0f} x {extent[1]:.0f} x {extent[2]:.0f} mm (left-right, front-back, "
            f"up-down), but this liver of {liver_ml:.0f} mL needs {need} mm. "
            "Ask for a larger shape, wider spacing_mm or a smaller liver_ml."
        )
    box = field.reach(grid, scale)
    values = field.on(grid, box, scale)
    count = round(liver_ml / grid.voxel_ml)
    level = float(np.partition(values, count, axis=None)[count])
    mask = values < level
    keep = _box(mask)
    moved = tuple(slice(b.start + k.start, b.start + k.stop) for b, k in zip(box, keep, strict=True))
    return Organ(build, field, level, scale, grid, (moved[0], moved[1], moved[2]), mask[keep].copy())


def _box(mask: npt.NDArray[np.bool_]) -> Box:
    from glisson.geometry import box_of

    box = box_of(mask)
    assert box is not None, "a liver is never empty"
    return box


def _nearest_branch(tree: VesselTree, points: npt.NDArray[np.float64], single: bool) -> npt.NDArray[np.int64]:
    """For each point the node whose branch is nearest, thick branches reaching further (a power diagram of the tree).

    single: only branches that serve one segment.
    """
    from scipy.spatial import cKDTree

    where, node = tree.sampled(BRANCH_STEP_MM)
    if single:
        keep = tree.segment[node] > 0
        where, node = where[keep], node[keep]
    reach2 = (RADIUS_WEIGHT * tree.radius_mm[node]) ** 2
    lift = np.sqrt(reach2.max() - reach2)
    kd = cKDTree(np.column_stack([where, lift]))
    found: npt.NDArray[np.int64] = node[kd.query(np.column_stack([points, np.zeros(len(points))]), workers=2)[1]]
    return found


def fed_by(organ: Organ, portal: VesselTree) -> npt.NDArray[np.uint16]:
    """For each liver voxel index + 1 of the portal node that feeds it, 0 outside; in the liver's box."""
    result = np.zeros(organ.mask.shape, dtype=np.uint16)
    result[organ.mask] = _nearest_branch(portal, organ.points_mm, True) + 1
    return result


def drained_by(organ: Organ, hepatic: VesselTree) -> npt.NDArray[np.uint8]:
    """For each liver voxel the hepatic vein that drains it (DRAINAGE_NAMES), 0 outside; in the liver's box."""
    number = {name: value for value, name in DRAINAGE_NAMES.items()}
    of_node = np.array([number[name.removesuffix(" tributary")] for name in hepatic.names], dtype=np.uint8)
    result = np.zeros(organ.mask.shape, dtype=np.uint8)
    result[organ.mask] = of_node[_nearest_branch(hepatic, organ.points_mm, False)]
    return result


def visible(tree: VesselTree, grid: Grid, seeds: list[Seed]) -> npt.NDArray[np.bool_]:
    """For each node whether its branch is outlined: wide enough, not swallowed by a lesion, and joined to the root."""
    shown = tree.radius_mm >= max(VISIBLE_RADIUS_MM, 0.3 * float(np.linalg.norm(grid.spacing_mm)))
    for seed in seeds:
        near = np.linalg.norm(tree.nodes_mm - seed.centre_mm, axis=1) < seed.radius_mm
        shown &= ~(near & (tree.radius_mm < LARGE_RADIUS_MM))
    for node, parent in enumerate(tree.parent):
        if parent >= 0:
            shown[node] &= shown[parent]
    return shown


def draw_vessels(tree: VesselTree, grid: Grid, shown: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """The branches shown, as a mask on the whole grid; none thinner than a voxel's half diagonal, so that they
    hold together."""
    own, p, q = tree.edges()
    keep = shown[own]
    radius = np.maximum(tree.radius_mm[own], 0.5 * float(np.linalg.norm(grid.spacing_mm)))
    result = np.zeros(grid.shape, dtype=bool)
    draw_rods(result, grid, p[keep], q[keep], radius[keep])
    return result


def _one_voxel(q: npt.NDArray[np.float32], room: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """A lesion that falls between voxel centres: the free voxel nearest to it, if it is within twice its radius."""
    free = np.where(room, q, np.inf)
    return (free == free.min(initial=np.inf)) & (free < 2.0)


def draw_lesions(
    organ: Organ, seeds: list[Seed], trees: tuple[VesselTree, ...], touching: bool
) -> list[tuple[Box, npt.NDArray[np.bool_]]]:
    """Box and voxels of each lesion: its shape, inside the liver, outside large veins, in one piece, apart from
    the others."""
    from scipy.ndimage import binary_dilation, label

    grid = organ.grid
    room = np.zeros(grid.shape, dtype=bool)
    room[organ.box] = organ.mask
    veins = np.zeros(grid.shape, dtype=bool)
    for tree in trees:
        veins |= draw_vessels(tree, grid, tree.radius_mm >= LARGE_RADIUS_MM)
    result = []
    for seed in seeds:
        box, q = drop(seed, grid)
        whole = (q < 1.0) & room[box]
        mask = whole & ~veins[box]
        if not mask.any():
            mask = whole if whole.any() else _one_voxel(q, room[box])
        pieces, count = label(mask, np.ones((3, 3, 3)))
        if count > 1:
            mask = pieces == 1 + int(np.argmax(np.bincount(pieces.ravel())[1:]))
        if not mask.any():
            centre = ", ".join(f"{c:.0f}" for c in seed.centre_mm)
            raise InputError(
                f"A lesion of {2 * seed.radius_mm:.1f} mm at ({centre}) mm holds no voxel. "
                "Ask for a finer spacing_mm or larger lesions."
            )
        room[box] &= ~(mask if touching else binary_dilation(mask, np.ones((3, 3, 3))))
        result.append((box, mask))
    return result
