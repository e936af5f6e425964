"""A wedge of liver around lesions: what lies within the margin, and what lies between that and the capsule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from glisson.errors import InputError
from glisson.geometry import BoolArray, FloatArray, Grid, Mask, Surface, box_of, place, surface
from glisson.geometry import surface_distance_mm as apart_mm
from glisson.planning.needle_measure import inside
from glisson.planning.wedge_core import Reach
from glisson.planning.wedge_light import Ground, Light, cheapest, columns, rim_of

__all__ = ["DEEP_RATIO", "Wedge", "beyond", "cut_faces", "wedge"]

DEEP_RATIO = 1.0
"""A hole deeper than this times the width of its opening is no longer a wedge but a tunnel."""

SHADOW_CELLS = 3.0
"""Cells of the shadow in one largest voxel side."""

BEYOND = 0.75
"""How far off a face one looks for what lies there: past the voxel that the face itself runs through."""

MARGIN_TOLERANCE_MM = 0.05
"""The cut may miss the margin asked for by this much before it is widened."""

ROUNDED = 0.25
"""The smooth outline of a cut rounds its edges by about this share of a voxel, which is given in advance."""

MOST_ROUNDS = 3
"""How often the cut is widened until it keeps the margin."""


@dataclass(frozen=True, eq=False)
class Wedge:
    """Liver removed in one piece around one lesion or a few close ones.

    mask: the voxels, on a trimmed box of the liver's lattice; connected and reaching the capsule. margins_mm: id of
    each lesion removed -> least distance from its outline to the cut, below voxel size; None where there is no cut.
    margins_beside_mm: the same without the cut along `keep`. detached: the cut runs along something that must stay
    within the margin. approach: (3,) unit vector, LPS, from the lesions to the capsule. removed_ml: all of it;
    functional_ml: without tumour. cut_mm2: area of the cut; opening_mm2: of the capsule removed. depth_mm: along the
    approach. is_wedge: False where it is deeper than DEEP_RATIO times its opening is wide. notes: in words.
    """

    mask: Mask
    margins_mm: Mapping[str, float | None]
    margins_beside_mm: Mapping[str, float | None]
    detached: bool
    approach: FloatArray
    removed_ml: float
    functional_ml: float
    cut_mm2: float
    opening_mm2: float
    depth_mm: float
    is_wedge: bool
    notes: tuple[str, ...] = ()

    @property
    def lesions(self) -> tuple[str, ...]:
        """Ids of the lesions it removes whole."""
        return tuple(self.margins_mm)


def wedge(
    liver: Mask,
    lesions: Mapping[str, Mask],
    margin_mm: float,
    *,
    tumour: Mask | None = None,
    keep: Mask | None = None,
    surfaces: Mapping[str, Surface] | None = None,
    ground: Ground | None = None,
) -> Wedge:
    """The wedge around lesions that removes the least working liver.

    liver: the whole liver. lesions: id -> mask; all are removed in one piece. margin_mm: kept around each lesion inside
    the liver. tumour: every lesion (no working liver; None: those given). keep: liver that must stay, such as the cava;
    where it lies within the margin, the cut runs along it (`detached`). surfaces: outlines already meshed. ground:
    liver, tumour and keep as several wedges share them; the last two are then not looked at. Method: the lesions with
    their margin throw a shadow onto the capsule from a point behind them, on APPROACHES sides, so that the walls lean
    outwards by OPENING_DEGREES; the shadow that takes the least working liver is cut, and widened until the margin is
    kept below voxel size. Raises InputError for lesions outside the liver and for a margin below 0.
    """
    if not margin_mm >= 0:
        raise InputError(f"A margin of {margin_mm} mm was asked for; expected 0 or more.")
    meshes = {name: (surfaces or {}).get(name) or surface(mask) for name, mask in lesions.items()}
    ground = ground or Ground.of(liver, lesions.values() if tumour is None else [tumour], keep)
    reach = Reach.of(lesions.values(), liver.grid, margin_mm + max(liver.grid.spacing_mm))
    core = reach.core(liver, reach.margin_mm, ground.stays)
    if not core.any():
        raise InputError(f"{', '.join(lesions)}: no part lies in the liver; a wedge removes liver around lesions.")
    approach, box = cheapest(ground, rim_of(core) + reach.start)
    near = Mask(liver.data[box], liver.grid.crop(box))
    around = None if ground.stays is None else ground.stays[box]
    wider, found = margin_mm + ROUNDED * float(np.mean(liver.grid.spacing_mm)), None
    for _ in range(MOST_ROUNDS):
        if wider > reach.margin_mm:
            reach = Reach.of(lesions.values(), liver.grid, wider)
        a, b, c = (start - part.start for start, part in zip(reach.start, box, strict=True))
        core = place(reach.core(liver, wider, ground.stays), (a, b, c), near.grid.shape)
        removed = _piece(_shadow(near, core, approach, around), core)
        found = _measured(near, removed, meshes, approach, ground.working[box], around)
        short = margin_mm - min((mm for mm in found.margins_beside_mm.values() if mm is not None), default=margin_mm)
        if short <= MARGIN_TOLERANCE_MM:
            break
        wider += short
    assert found is not None
    return found


def _shadow(liver: Mask, core: BoolArray, way: FloatArray, stays: BoolArray | None) -> BoolArray:
    """The core and all liver in its shadow, without what must stay."""
    grid = liver.grid
    step = max(grid.spacing_mm)
    light = Light(columns(grid.to_mm(rim_of(core))), way, step / SHADOW_CELLS, step / 2.0)
    where = np.argwhere(liver.data & ~core if stays is None else liver.data & ~stays & ~core)
    result = core.copy()
    result[tuple(where[light.shades(columns(grid.to_mm(where)))].T)] = True
    return result


def _piece(removed: BoolArray, core: BoolArray) -> BoolArray:
    """What hangs together with the core (26 neighbours)."""
    import cc3d

    box = box_of(removed)
    assert box is not None
    labels = cc3d.connected_components(np.ascontiguousarray(removed[box]), connectivity=26)
    held = np.zeros(int(labels.max()) + 1, np.bool_)
    held[labels[core[box]]] = True
    held[0] = False
    result = np.zeros_like(removed)
    result[box] = held[labels]
    return result


def cut_faces(body: Surface, removed: Mask, other: Mask) -> BoolArray:
    """(M,) which faces of a removed part's outline look at another mask, such as the liver: there it is cut."""
    outer = beyond(body, removed.grid)
    return _faces_into(other, outer, removed)


def _faces_into(other: Mask, outer: FloatArray, removed: Mask) -> BoolArray:
    """Which points beyond the faces lie in another mask and not in the removed part itself."""
    found = inside(other, outer)
    found[found] = ~inside(removed, outer[found])
    return found


def beyond(body: Surface, grid: Grid, share: float = BEYOND) -> FloatArray:
    """(M, 3) points off the middle of each face, outwards by a share of a voxel seen along its normal."""
    triangles = body.triangles_mm
    normals = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    step = (np.abs(normals @ grid.directions) * grid.spacing_mm).sum(axis=1, keepdims=True)
    return np.asarray(triangles.mean(axis=1) + share * step * normals)


def _measured(
    liver: Mask,
    removed: BoolArray,
    meshes: Mapping[str, Surface],
    approach: FloatArray,
    working: BoolArray,
    stays: BoolArray | None,
) -> Wedge:
    mask = Mask(removed, liver.grid).trimmed()
    body = surface(mask)
    outer = beyond(body, mask.grid)
    cut = _faces_into(liver, outer, mask)
    along = np.zeros(cut.shape, np.bool_)
    if stays is not None:
        along[cut] = inside(Mask(stays, liver.grid), outer[cut])
    a, b, c = np.moveaxis(body.triangles_mm, 1, 0)
    areas = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2.0
    cut_mm2, opening_mm2 = float(areas[cut].sum()), float(areas[~cut].sum())
    depth = _depth(mask, approach)
    width = 2.0 * float(np.sqrt(opening_mm2 / np.pi))
    margins = _margins(meshes, body, cut)
    notes = []
    if depth > DEEP_RATIO * width:
        notes.append(f"{depth:.0f} mm deep through an opening {width:.0f} mm wide: no longer a wedge.")
    if along.any():
        notes.append("The cut runs along a vessel that stays.")
    return Wedge(
        mask=mask,
        margins_mm=MappingProxyType(margins),
        margins_beside_mm=MappingProxyType(_margins(meshes, body, cut & ~along) if along.any() else margins),
        detached=bool(along.any()),
        approach=approach,
        removed_ml=mask.volume_ml,
        functional_ml=float(np.count_nonzero(removed & working)) * liver.grid.voxel_ml,
        cut_mm2=cut_mm2,
        opening_mm2=opening_mm2,
        depth_mm=depth,
        is_wedge=depth <= DEEP_RATIO * width,
        notes=tuple(notes),
    )


def _margins(meshes: Mapping[str, Surface], body: Surface, cut: BoolArray) -> dict[str, float | None]:
    if not cut.any():
        return dict.fromkeys(meshes)
    faces = body.without(~cut)
    return {name: apart_mm(mesh, faces) for name, mesh in meshes.items()}


def _depth(mask: Mask, approach: FloatArray) -> float:
    """Length of the removed part along the approach, on the line through its middle that is longest."""
    points = columns(mask.grid.to_mm(np.argwhere(mask.data)))
    along = np.einsum("ij,i->j", points, approach)
    squared = np.zeros(along.shape)
    for coordinate, share in zip(points, approach, strict=True):
        across = coordinate - along * share
        squared += (across - across.mean()) ** 2
    near = np.sqrt(squared) <= max(mask.grid.spacing_mm)
    if not near.any():
        near[:] = True
    return float(np.ptp(along[near]) + np.mean(mask.grid.spacing_mm))
