"""Ablation zones: what a device destroys with one setting, and where it lies when the needle does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from glisson.errors import InputError, KnowledgeError
from glisson.geometry import BoolArray, FloatArray, Grid, Mask, Surface
from glisson.knowledge import KnowledgeBase
from glisson.planning.needle_fan import directions

__all__ = ["TABLE", "DeviceZone", "Zone", "device_zones", "outer_surface", "zones_mask"]

TABLE = "ablation-zones"
"""The table of the knowledge base that holds the zones of devices."""

MESH_POINTS = 4000
"""Points of the mesh of a zone: less than 1 mm apart on a zone of 40 mm, so that the flat faces lie within 0.01 mm."""


@dataclass(frozen=True)
class DeviceZone:
    """What one setting of a device destroys, as its source says: a spheroid with its length along the needle.

    transverse_mm, length_mm: diameters across and along the needle; the intervals are those of the source, None where
    it gives none. provenance: ex vivo, in vivo, instructions or model. source: id of the source; status: verified or
    not. Charts are read with care: in human tumours they agreed poorly with the zones measured.
    """

    device: str
    power_w: float
    minutes: float
    transverse_mm: float
    length_mm: float
    provenance: str
    source: str
    status: str = "unverified"
    transverse_interval_mm: tuple[float, float] | None = None
    length_interval_mm: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if not (self.transverse_mm > 0 and self.length_mm > 0):
            raise InputError(
                f"The zone of {self.label} is {self.transverse_mm} x {self.length_mm} mm; expected diameters above 0."
            )

    @property
    def label(self) -> str:
        """The setting in words."""
        return f"{self.device}, {self.power_w:g} W, {self.minutes:g} min"

    @property
    def volume_ml(self) -> float:
        """Volume of the spheroid."""
        return float(np.pi / 6.0 * self.transverse_mm**2 * self.length_mm / 1000.0)


@dataclass(frozen=True, eq=False)
class Zone:
    """A spheroid in space: centre (3,) LPS mm, unit axis (3,) along the needle, diameters across and along it in mm."""

    centre_mm: FloatArray
    axis: FloatArray
    transverse_mm: float
    length_mm: float

    def __post_init__(self) -> None:
        axis = np.asarray(self.axis, np.float64)
        size = float(np.linalg.norm(axis))
        if not size > 0 or not (self.transverse_mm > 0 and self.length_mm > 0):
            raise InputError(f"A zone needs an axis and diameters above 0, got {self.axis}, {self.transverse_mm} mm.")
        object.__setattr__(self, "axis", axis / size)
        object.__setattr__(self, "centre_mm", np.asarray(self.centre_mm, np.float64))

    def level(self, points_mm: FloatArray) -> FloatArray:
        """(n,) for (n, 3) points: below 1 inside, 1 on the surface."""
        gap = np.asarray(points_mm) - self.centre_mm
        along = gap @ self.axis
        across = np.einsum("...i,...i->...", gap, gap) - along**2
        result: FloatArray = np.sqrt(
            np.maximum(across, 0.0) / (self.transverse_mm / 2) ** 2 + along**2 / (self.length_mm / 2) ** 2
        )
        return result

    def surface(self) -> Surface:
        """Its mesh of MESH_POINTS points, normals outward."""
        ball, faces = _unit_ball()
        radius = self.transverse_mm / 2
        stretched = radius * ball + (self.length_mm / 2 - radius) * np.outer(ball @ self.axis, self.axis)
        return Surface(self.centre_mm + stretched, faces)


@lru_cache(maxsize=1)
def _unit_ball() -> tuple[FloatArray, npt.NDArray[np.int64]]:
    from scipy.spatial import ConvexHull

    ball = directions(MESH_POINTS)
    faces = ConvexHull(ball).simplices.astype(np.int64)
    corners = ball[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    turned = np.einsum("ij,ij->i", normals, corners.mean(axis=1)) < 0
    faces[turned] = faces[turned, ::-1]
    return ball, faces


def outer_surface(zones: Sequence[Zone]) -> Surface:
    """The outside of several zones together; the parts of each that lie in another are left out."""
    if not zones:
        raise InputError("No zones were given; an ablation needs at least one.")
    vertices, faces, start = [], [], 0
    for place, zone in enumerate(zones):
        mesh = zone.surface()
        middle = mesh.triangles_mm.mean(axis=1)
        hidden = np.zeros(len(middle), np.bool_)
        for other_place, other in enumerate(zones):
            if other_place != place:
                hidden |= other.level(middle) < 1.0
        if not hidden.all():
            part = mesh.without(hidden)
            vertices.append(part.vertices_mm)
            faces.append(part.faces + start)
            start += len(part.vertices_mm)
    return Surface(np.concatenate(vertices), np.concatenate(faces))


def zones_mask(zones: Sequence[Zone], liver: Mask) -> Mask:
    """The voxels of the liver whose centres lie in a zone, on their trimmed box; empty where none does."""
    grid = liver.grid
    reach = max(max(zone.transverse_mm, zone.length_mm) / 2 for zone in zones) + max(grid.spacing_mm)
    index = grid.to_index(np.stack([zone.centre_mm for zone in zones]))
    pad = reach * np.linalg.norm(np.linalg.inv(grid.affine[:3, :3]), axis=1)
    low = np.clip(np.floor(index.min(axis=0) - pad), 0, np.array(grid.shape) - 1).astype(int)
    high = np.clip(np.ceil(index.max(axis=0) + pad) + 1, low + 1, grid.shape).astype(int)
    box = (slice(int(low[0]), int(high[0])), slice(int(low[1]), int(high[1])), slice(int(low[2]), int(high[2])))
    part: Grid = grid.crop(box)
    where = np.argwhere(liver.data[box])
    points = part.to_mm(where)
    inside = np.zeros(len(points), np.bool_)
    for zone in zones:
        inside |= zone.level(points) <= 1.0
    result: BoolArray = np.zeros(part.shape, np.bool_)
    result[tuple(where[inside].T)] = True
    return Mask(result, part).trimmed()


def device_zones(kb: KnowledgeBase) -> tuple[DeviceZone, ...]:
    """Every setting in the table TABLE of the knowledge base, in its order. Raises KnowledgeError without that table.

    Columns: device, power (W), time (min), transverse and length (mm), provenance; transverse_interval and
    length_interval (mm) where the source gives them.
    """
    found = []
    for row in kb.table(TABLE).rows:
        numbers = {name: _number(row[name]) for name in ("power", "time", "transverse", "length")}
        found.append(
            DeviceZone(
                device=str(row["device"]),
                power_w=numbers["power"],
                minutes=numbers["time"],
                transverse_mm=numbers["transverse"],
                length_mm=numbers["length"],
                provenance=str(row["provenance"]),
                source=row.source,
                status=row.status,
                transverse_interval_mm=_interval(row.cells.get("transverse_interval")),
                length_interval_mm=_interval(row.cells.get("length_interval")),
            )
        )
    return tuple(found)


def _number(cell: object) -> float:
    if isinstance(cell, tuple) and len(cell) == 2 and isinstance(cell[0], int | float):
        return float(cell[0])
    raise KnowledgeError(f"The table {TABLE!r} holds {cell!r} where a number is needed.")


def _interval(cell: object) -> tuple[float, float] | None:
    if not isinstance(cell, tuple):
        return None
    return _number(cell[0]), _number(cell[1])
