"""A wedge of liver around lesions: what lies within the margin, and what lies between that and the capsule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from glisson.errors import InputError
from glisson.geometry import BoolArray, Box, FloatArray, Grid, Mask, Surface, box_around, box_of, distance_to, surface
from glisson.geometry import surface_distance_mm as apart_mm
from glisson.planning.needle_fan import directions
from glisson.planning.needle_measure import inside

__all__ = ["DEEP_RATIO", "Wedge", "beyond", "core_of", "cut_faces", "wedge"]

APPROACHES = 120
"""Directions from which the capsule is tried, spread evenly; about 18 degrees apart."""

SHORTLIST = 40
"""So many of them, those nearest to the capsule, are compared by volume."""

MOST_SEEDS = 2000
"""Points of the core's rim that throw the shadow while approaches are compared."""

IN_THE_WAY = 20.0
"""How much more a volume of what must stay weighs than one of working liver when approaches are compared."""

MOST_KEPT = 20_000
"""Voxels of what must stay that are looked at for that."""

OPENING_DEGREES = 8.0
"""How much each wall of a wedge leans outwards on its way to the capsule: room for the blade, little more liver."""

COARSE_MM = 4.0
"""The approaches are compared on voxels about this far apart; the chosen one is cut on the voxels as they are."""

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
) -> Wedge:
    """The wedge around lesions that removes the least working liver.

    liver: the whole liver. lesions: id -> mask; all are removed in one piece. margin_mm: kept around each lesion inside
    the liver. tumour: every lesion (no working liver; None: those given). keep: liver that must stay, such as the cava;
    where it lies within the margin, the cut runs along it (`detached`). surfaces: outlines already meshed. Method: the
    lesions with their margin throw a shadow onto the capsule from a point behind them, on APPROACHES sides, so that the
    walls lean outwards by OPENING_DEGREES; the shadow that takes the least working liver is cut, and widened until the
    margin is kept below voxel size. Raises InputError for lesions outside the liver and for a margin below 0.
    """
    if not margin_mm >= 0:
        raise InputError(f"A margin of {margin_mm} mm was asked for; expected 0 or more.")
    meshes = {name: (surfaces or {}).get(name) or surface(mask) for name, mask in lesions.items()}
    working = liver.data & ~_union(lesions.values() if tumour is None else [tumour], liver.grid)
    stays = None if keep is None else keep.on(liver.grid, "what must stay") & liver.data
    core = core_of(liver, lesions, margin_mm + max(liver.grid.spacing_mm), stays)
    if not core.any():
        raise InputError(f"{', '.join(lesions)}: no part lies in the liver; a wedge removes liver around lesions.")
    approach, box = _cheapest(liver, core, working, None if keep is None else keep.on(liver.grid, "what must stay"))
    near = Mask(liver.data[box], liver.grid.crop(box))
    around = None if stays is None else stays[box]
    wider, found = margin_mm + ROUNDED * float(np.mean(liver.grid.spacing_mm)), None
    for _ in range(MOST_ROUNDS):
        core = core_of(near, lesions, wider, around)
        removed = _piece(_shadow(near, core, approach, around), core)
        found = _measured(near, removed, meshes, approach, working[box], around)
        short = margin_mm - min((mm for mm in found.margins_beside_mm.values() if mm is not None), default=margin_mm)
        if short <= MARGIN_TOLERANCE_MM:
            break
        wider += short
    assert found is not None
    return found


def _union(masks: Iterable[Mask], grid: Grid) -> BoolArray:
    result = np.zeros(grid.shape, np.bool_)
    for mask in masks:
        result |= mask.on(grid, "a lesion")
    return result


def core_of(liver: Mask, lesions: Mapping[str, Mask], margin_mm: float, stays: BoolArray | None = None) -> BoolArray:
    """Voxels of the liver of which a part lies within the margin of a lesion's voxels; thick slices in thin layers."""
    grid = liver.grid
    result = np.zeros(grid.shape, np.bool_)
    box = box_around(lesions.values(), grid, margin_mm + 2 * max(grid.spacing_mm))
    near = _union(lesions.values(), grid.crop(box))
    if not near.any():
        return result
    layers = [max(round(pitch / min(grid.spacing_mm)), 1) for pitch in grid.spacing_mm]
    fine = near
    for axis, n in enumerate(layers):
        fine = np.repeat(fine, n, axis=axis)
    a, b, c = (pitch / n for pitch, n in zip(grid.spacing_mm, layers, strict=True))
    within = distance_to(fine, (a, b, c)) <= margin_mm + (a + b + c) / 6.0
    for axis, n in enumerate(layers):
        if n > 1:
            within = np.logical_or.reduceat(within, np.arange(0, within.shape[axis], n), axis=axis)
    result[box] = within & liver.data[box]
    if stays is not None:
        result[box] &= ~stays[box] | near
    return result


class _Light:
    """A point behind the core from which its shadow falls along `way`; (u, v) cells on a plane through its middle."""

    def __init__(self, seeds_mm: FloatArray, way: FloatArray, cell_mm: float, reach_mm: float) -> None:
        middle = (seeds_mm.min(axis=0) + seeds_mm.max(axis=0)) / 2.0
        radius = float(np.linalg.norm(seeds_mm - middle, axis=1).max()) + reach_mm
        self.way, self.cell_mm = way, cell_mm
        self.back = radius / np.tan(np.radians(OPENING_DEGREES))
        self.apex = middle - self.back * way
        side = np.cross(way, np.eye(3)[int(np.argmin(np.abs(way)))])
        self.side = side / np.linalg.norm(side)
        self.up = np.cross(way, self.side)
        self.half = int(np.ceil(radius * self.back / (self.back - radius) / cell_mm)) + 1
        self._draw(seeds_mm, reach_mm)

    def _draw(self, seeds_mm: FloatArray, reach_mm: float) -> None:
        from scipy.ndimage import distance_transform_edt

        size = 2 * self.half + 1
        u, v, far = self._cells(seeds_mm)
        nearest = np.full((size, size), np.inf)
        np.minimum.at(nearest, (u, v), far)
        away, at = distance_transform_edt(np.isinf(nearest), sampling=self.cell_mm, return_indices=True)
        self.starts = np.where(away <= reach_mm, nearest[tuple(at)], np.inf)

    def _cells(self, points_mm: FloatArray) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], FloatArray]:
        gap = points_mm - self.apex
        far = gap @ self.way
        scale = self.back / np.maximum(far, 1e-6) / self.cell_mm
        u = np.rint(np.clip(gap @ self.side * scale, -self.half, self.half)).astype(np.intp) + self.half
        v = np.rint(np.clip(gap @ self.up * scale, -self.half, self.half)).astype(np.intp) + self.half
        return u, v, far

    def shades(self, points_mm: FloatArray) -> BoolArray:
        """(n,) whether each point lies in the core's shadow."""
        u, v, far = self._cells(points_mm)
        return np.asarray(far >= self.starts[u, v])


def _cheapest(liver: Mask, core: BoolArray, working: BoolArray, keep: BoolArray | None) -> tuple[FloatArray, Box]:
    """The approach whose shadow takes the least working liver, on thinned voxels, and the box that holds the shadow.

    Only the SHORTLIST approaches with the shortest way to the capsule are compared; the first among equals. What must
    stay and lies in the shadow counts IN_THE_WAY times its volume: one does not cut through a vein to a lesion.
    """
    grid = liver.grid
    stride = np.maximum(np.round(COARSE_MM / np.array(grid.spacing_mm)), 1).astype(int)
    first = [int(n) // 2 if n // 2 < size else 0 for n, size in zip(stride, grid.shape, strict=True)]
    thin = tuple(slice(a, None, int(n)) for a, n in zip(first, stride, strict=True))
    places = np.argwhere(liver.data[thin]) * stride + first
    points, works = grid.to_mm(places), working[tuple(places.T)]
    seeds = grid.to_mm(_rim(core, 1))
    coarse = float((stride * np.array(grid.spacing_mm)).max())
    some = seeds[:: max(len(seeds) // MOST_SEEDS, 1)]
    kept = np.zeros((0, 3)) if keep is None else grid.to_mm(np.argwhere(keep))
    each = IN_THE_WAY * max(len(kept) // MOST_KEPT, 1) / float(np.prod(stride))
    kept = kept[:: max(len(kept) // MOST_KEPT, 1)]
    best, cost, held = None, np.inf, np.zeros(len(points), np.bool_)
    for way in _short_ways(liver, seeds):
        light = _Light(some, way, coarse / 2.0, coarse / 2.0)
        shaded = light.shades(points)
        volume = float(np.count_nonzero(shaded & works)) + each * float(np.count_nonzero(light.shades(kept)))
        if volume < cost:
            best, cost, held = way, volume, shaded
    assert best is not None
    both = np.concatenate([places[held], _rim(core, 1)])
    low = np.maximum(both.min(axis=0) - 2 * stride, 0)
    high = np.minimum(both.max(axis=0) + 2 * stride + 1, grid.shape)
    i, j, k = (slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    return best, (i, j, k)


def _short_ways(liver: Mask, seeds_mm: FloatArray) -> FloatArray:
    """(SHORTLIST, 3) approaches with the shortest way from the middle of the core to the capsule, in their order."""
    ways = directions(APPROACHES)
    middle = (seeds_mm.min(axis=0) + seeds_mm.max(axis=0)) / 2.0
    far = np.arange(0.0, 300.0, COARSE_MM)
    held = inside(liver, (middle + ways[:, None] * far[:, None]).reshape(-1, 3)).reshape(len(ways), -1)
    last = held.shape[1] - np.argmax(held[:, ::-1], axis=1)
    return ways[np.sort(np.argsort(last, kind="stable")[:SHORTLIST])]


def _rim(core: BoolArray, pad: int) -> npt.NDArray[np.int64]:
    """(n, 3) index of the core's voxels that have a neighbour outside it."""
    from scipy.ndimage import binary_erosion

    box = box_of(core, pad)
    if box is None:
        return np.zeros((0, 3), np.int64)
    part = core[box]
    return np.asarray(np.argwhere(part & ~binary_erosion(part)) + [s.start for s in box])


def _shadow(liver: Mask, core: BoolArray, way: FloatArray, stays: BoolArray | None) -> BoolArray:
    """The core and all liver in its shadow, without what must stay."""
    grid = liver.grid
    step = max(grid.spacing_mm)
    light = _Light(grid.to_mm(_rim(core, 1)), way, step / SHADOW_CELLS, step / 2.0)
    where = np.argwhere(liver.data if stays is None else liver.data & ~stays)
    result = core.copy()
    result[tuple(where[light.shades(grid.to_mm(where))].T)] = True
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
    return inside(other, outer) & ~inside(removed, outer)


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
    cut = cut_faces(body, mask, liver)
    along = np.zeros(cut.shape, np.bool_) if stays is None else cut & cut_faces(body, mask, Mask(stays, liver.grid))
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
    points = mask.grid.to_mm(np.argwhere(mask.data))
    along = points @ approach
    across = points - np.outer(along, approach)
    near = np.linalg.norm(across - across.mean(axis=0), axis=1) <= max(mask.grid.spacing_mm)
    if not near.any():
        near[:] = True
    return float(np.ptp(along[near]) + np.mean(mask.grid.spacing_mm))
