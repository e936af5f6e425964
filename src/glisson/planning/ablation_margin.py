"""How far an ablation zone reaches beyond a lesion, below voxel size, and which vessels cool its edge."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from glisson.errors import InputError
from glisson.geometry import BoolArray, FloatArray, Mask, Surface, box_of, distance_to, point_distances_mm, surface
from glisson.geometry import surface_distance_mm as apart_mm
from glisson.planning.needle_measure import inside
from glisson.planning.wedge import beyond
from glisson.planning.zones import Zone, outer_surface

__all__ = ["AblativeMargin", "HeatSink", "ablative_margin", "heat_sinks", "smooth_outline", "wide_part", "zone_margin"]

DIGITAL_REACH = 1.3
"""The outline of a zone given as voxels is smoothed by this times the square root of radius times voxel: the caps of a
digital ball are flat over about that length. Measured on balls of 5 to 25 mm at 1 mm: outline within 0.08 mm."""

FARTHEST = 32
"""So many points of the lesion outside the zone, the farthest by vertices, are measured exactly."""


@dataclass(frozen=True)
class AblativeMargin:
    """Minimal ablative margin in mm: how far the zone reaches beyond the lesion where it reaches least.

    everywhere_mm: all round, below 0 where lesion stays outside the zone. in_liver_mm: where the zone ends in liver; a
    margin is not asked for outside the capsule. None where the zone ends nowhere in the liver. uncovered_percent: share
    of the lesion's outline that the zone does not reach.
    """

    everywhere_mm: float
    in_liver_mm: float | None
    uncovered_percent: float


@dataclass(frozen=True, eq=False)
class HeatSink:
    """A patch of a lesion's outline beside a vessel wide enough to carry heat away.

    vessel: name of the structure. distance_mm: least, between outlines. share_percent: of the lesion's outline.
    centre_mm: (3,) LPS middle of the patch.
    """

    vessel: str
    distance_mm: float
    share_percent: float
    centre_mm: FloatArray


def ablative_margin(lesion: Mask | Surface, zones: Sequence[Zone], liver: Mask | None = None) -> AblativeMargin:
    """The minimal ablative margin of planned zones.

    Zones are exact spheroids; only the lesion's outline comes from voxels. Voxels of 1 mm: within 0.1 mm on balls.
    liver: the whole liver, for `in_liver_mm` (None: not limited, the same as everywhere).
    """
    body = lesion if isinstance(lesion, Surface) else smooth_outline(lesion)

    def held(points: FloatArray) -> BoolArray:
        return np.asarray(np.min([zone.level(points) for zone in zones], axis=0) <= 1.0)

    return _margin(body, outer_surface(zones), held, liver)


def zone_margin(lesion: Mask | Surface, zone: Mask, liver: Mask | None = None) -> AblativeMargin:
    """The minimal ablative margin of a zone given as voxels, as it is seen after treatment.

    The zone is taken for a smooth body (DIGITAL_REACH). Voxels of 1 mm: within 0.1 mm on balls. Raises InputError for
    an empty lesion or zone, FrameMismatch when they are not on one lattice.
    """
    body = lesion if isinstance(lesion, Surface) else smooth_outline(lesion)
    if isinstance(lesion, Mask):
        zone.grid.offset_in(lesion.grid, "the zone", "the lesion")
    if zone.is_empty:
        raise InputError("The ablation zone is empty; there is no margin to measure.")
    radius = (0.75 / np.pi * zone.count) ** (1.0 / 3.0)
    outline = surface(zone, smoothing=DIGITAL_REACH * float(np.sqrt(radius)), keep=False)
    return _margin(body, outline, lambda points: _encloses(outline, points), liver)


def smooth_outline(lesion: Mask) -> Surface:
    """The outline of a lesion for margins: voxel centres may come to lie on the wrong side of it.

    On digital balls the tips that single voxels make are rounded off, which would cost up to 0.1 of a voxel of margin.
    """
    return surface(lesion, keep=False)


def _encloses(outline: Surface, points: FloatArray) -> BoolArray:
    """Whether a closed surface holds each point: on which side of the nearest vertex's normal it lies."""
    _, nearest = outline.tree.query(points)
    a, b, c = np.moveaxis(outline.triangles_mm, 1, 0)
    normals = np.zeros_like(outline.vertices_mm)
    for corner in range(3):
        np.add.at(normals, outline.faces[:, corner], np.cross(b - a, c - a))
    gap = points - outline.vertices_mm[nearest]
    return np.asarray(np.einsum("ij,ij->i", gap, normals[nearest]) <= 0.0)


def _margin(
    lesion: Surface, zone: Surface, held: Callable[[FloatArray], BoolArray], liver: Mask | None
) -> AblativeMargin:
    """The zone ends in liver at the faces beside a liver voxel whose centre it does not hold."""
    out = ~held(lesion.vertices_mm)
    middles = lesion.triangles_mm.mean(axis=1)
    uncovered = 100.0 * float(_areas(lesion)[~held(middles)].sum() / _areas(lesion).sum())
    if out.any():
        points = lesion.vertices_mm[out]
        away, _ = zone.tree.query(points)
        far = points[np.argsort(-away, kind="stable")[:FARTHEST]]
        missing = -float(point_distances_mm(far, zone).max())
        return AblativeMargin(missing, missing, uncovered)
    everywhere = apart_mm(lesion, zone)
    if liver is None:
        return AblativeMargin(everywhere, everywhere, uncovered)
    ends = np.zeros(len(zone.faces), np.bool_)
    for share in (0.0, 0.5):
        near = liver.grid.to_mm(np.rint(liver.grid.to_index(beyond(zone, liver.grid, share))))
        ends |= inside(liver, near) & ~held(near)
    in_liver = apart_mm(lesion, zone.without(~ends)) if ends.any() else None
    return AblativeMargin(everywhere, in_liver, uncovered)


def heat_sinks(
    lesion: Mask | Surface, vessels: Mapping[str, Mask], *, calibre_mm: float, reach_mm: float
) -> tuple[HeatSink, ...]:
    """Patches of the lesion's outline within reach_mm of a vessel at least calibre_mm wide; the largest share first.

    calibre_mm: a vessel counts where a ball of this diameter fits into its mask (to half a voxel). Patches are counted
    by vessel and by what hangs together.
    """
    body = lesion if isinstance(lesion, Surface) else smooth_outline(lesion)
    middles, areas = body.triangles_mm.mean(axis=1), _areas(body)
    found = []
    for name, mask in vessels.items():
        wide = wide_part(_around(mask, body.vertices_mm, reach_mm + calibre_mm), calibre_mm)
        if wide is None:
            continue
        edge = surface(wide)
        away, _ = edge.tree.query(middles, distance_upper_bound=reach_mm + edge.longest_edge_mm)
        near = np.flatnonzero(np.isfinite(away))
        exact = point_distances_mm(middles[near], edge)
        near, exact = near[exact <= reach_mm], exact[exact <= reach_mm]
        for patch in _patches(body, near):
            at = near[patch]
            share = 100.0 * float(areas[at].sum() / areas.sum())
            centre = np.average(middles[at], axis=0, weights=areas[at])
            found.append(HeatSink(name, float(exact[patch].min()), share, centre))
    return tuple(sorted(found, key=lambda sink: (-sink.share_percent, sink.vessel, tuple(sink.centre_mm))))


def _areas(body: Surface) -> FloatArray:
    a, b, c = np.moveaxis(body.triangles_mm, 1, 0)
    return np.asarray(np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2.0)


def _around(mask: Mask, points: FloatArray, reach_mm: float) -> Mask:
    """The part of a mask near some points."""
    grid = mask.grid
    index = grid.to_index(points)
    pad = reach_mm * np.linalg.norm(np.linalg.inv(grid.affine[:3, :3]), axis=1)
    low = np.clip(np.floor(index.min(axis=0) - pad), 0, np.array(grid.shape) - 1).astype(int)
    high = np.clip(np.ceil(index.max(axis=0) + pad) + 1, low + 1, grid.shape).astype(int)
    box = (slice(int(low[0]), int(high[0])), slice(int(low[1]), int(high[1])), slice(int(low[2]), int(high[2])))
    return Mask(mask.data[box], grid.crop(box))


def wide_part(mask: Mask, calibre_mm: float) -> Mask | None:
    """The part of a mask that balls of a diameter fill (its opening); None where none fits."""
    box = box_of(mask.data)
    if box is None:
        return None
    spacing = mask.grid.spacing_mm
    held = np.pad(mask.data[box], 1)
    radius = calibre_mm / 2.0 + sum(spacing) / 6.0
    middles = _thick(held, spacing, radius)
    thick = box_of(middles, pad=int(np.ceil(radius / min(spacing))) + 1)
    if thick is None:
        return None
    middles[thick] &= distance_to(~held[thick], spacing) - sum(spacing) / 6.0 >= calibre_mm / 2.0
    reach = calibre_mm / 2.0 + max(spacing)
    near = box_of(middles, pad=int(np.ceil(reach / min(spacing))))
    if near is None:
        return None
    opened = np.zeros_like(held)
    opened[near] = held[near] & (distance_to(middles[near], spacing) <= reach)
    result = np.zeros_like(mask.data)
    result[box] = opened[1:-1, 1:-1, 1:-1]
    return Mask(result, mask.grid)


def _thick(held: BoolArray, spacing: tuple[float, float, float], radius_mm: float) -> BoolArray:
    """Voxels that may be the middle of a ball: along each axis all voxels nearer than its radius are held.

    The outermost layer of the array is empty.
    """
    result = held.copy()
    for axis, pitch in enumerate(spacing):
        line, kept = np.moveaxis(held, axis, 0), np.moveaxis(result, axis, 0)
        for step in range(1, max(int(np.ceil(radius_mm / pitch - 1e-6)), 1)):
            kept[step:] &= line[:-step]
            kept[:-step] &= line[step:]
            kept[:step] = kept[-step:] = False
    return result


def _patches(body: Surface, faces: npt.NDArray[np.intp]) -> list[npt.NDArray[np.intp]]:
    """Faces grouped by what hangs together over shared vertices; places in `faces`."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not faces.size:
        return []
    corners = body.faces[faces]
    count = len(body.vertices_mm)
    ones = np.ones(2 * len(corners), np.int8)
    graph = coo_array((ones, (corners[:, :2].T.ravel(), corners[:, 1:].T.ravel())), shape=(count, count))
    _, labels = connected_components(graph, directed=False)
    _, group = np.unique(labels[corners[:, 0]], return_inverse=True)
    return [np.flatnonzero(group == n) for n in range(int(group.max()) + 1)]
