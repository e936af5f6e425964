"""DICOM RT Structure Set: contours as drawn, masks from them by the even-odd rule, and back.

A point is inside when it lies inside an odd number of a plane's contours: holes are contours inside contours,
whichever way they run and in whichever order they stand. A contour joined to its hole by a cut comes out the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from glisson.errors import DicomError, InputError
from glisson.geometry import BoolArray, FloatArray, Grid, Mask
from glisson.imaging.dicom_headers import RT_STRUCTURE_SET
from glisson.imaging.dicom_open import refusing_damage
from glisson.imaging.rtdose import RtHeader, new_object, read_object, save_object
from glisson.scene import Notice

if TYPE_CHECKING:
    from pydicom import Dataset

__all__ = [
    "Contours", "RtStruct", "add_structures", "fine_grid", "read_rtstruct", "structure_mask", "write_rtstruct",
]  # fmt: skip

AREAS = ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR")
"""Contour types that enclose area; both are read by the even-odd rule."""

PLANE_TOLERANCE_MM = 0.05
"""Contours closer than this along the normal lie on one plane; a contour that leaves its plane by more is not flat."""

SMALLEST_FINE_MM = 0.1
"""Pixel side of the fine grid of a small structure."""

FINE_ACROSS = 60
"""Pixels of the fine grid across a structure's shorter side, unless that makes them smaller than SMALLEST_FINE_MM."""

COORDINATE_DECIMALS = 4
"""Decimals of written coordinates in mm."""


@dataclass(frozen=True, eq=False)
class Contours:
    """One structure: its number and name in the file, and its closed contours, (n, 3) LPS mm each, in file order."""

    number: int
    name: str
    points_mm: tuple[FloatArray, ...]


@dataclass(frozen=True, eq=False)
class RtStruct:
    """A structure set: structures in the order of their numbers, the frame of reference, what was left out."""

    structures: tuple[Contours, ...]
    frame_uid: str | None
    notices: tuple[Notice, ...] = ()

    def named(self, name: str) -> Contours:
        """The structure of that name (case does not matter). Raises InputError naming those there are."""
        found = [s for s in self.structures if s.name.lower() == name.lower()]
        if len(found) != 1:
            there = ", ".join(s.name for s in self.structures) or "none"
            many = "several structures are" if found else "no structure is"
            raise InputError(f"In the structure set {many} named {name!r}. There are: {there}.")
        return found[0]


def read_rtstruct(path: Path | str) -> RtStruct:
    """Read a structure set. Points, open contours and contours of fewer than three points are left out with a notice.

    Raises DicomError for other objects, structures without a name and coordinates that are not complete.
    """
    source = Path(path)
    with refusing_damage(source):
        return _structures(read_object(source, "RTSTRUCT"), source)


def _structures(data: Dataset, source: Path) -> RtStruct:
    names = {int(item.ROINumber): str(item.get("ROIName", "")) for item in data.get("StructureSetROISequence", [])}
    if not names:
        raise DicomError(f"{source}: the structure set names no structure. Export it again.")
    contours: dict[int, list[FloatArray]] = {number: [] for number in names}
    left_out: dict[int, int] = dict.fromkeys(names, 0)
    for roi in data.get("ROIContourSequence", []):
        number = int(roi.get("ReferencedROINumber", -1))
        if number not in names:
            raise DicomError(f"{source}: contours refer to structure {number}, which has no name. Export it again.")
        for item in roi.get("ContourSequence", []):
            points = _points(item, names[number], source)
            if str(item.get("ContourGeometricType", "")) in AREAS and len(points) >= 3:
                contours[number].append(points)
            else:
                left_out[number] += 1
    structures = tuple(Contours(number, names[number], tuple(contours[number])) for number in sorted(names))
    return RtStruct(structures, _frame_uid(data), _notices(structures, left_out, source))


def structure_mask(structure: Contours, grid: Grid) -> Mask:
    """The voxels of a grid whose centres lie inside; trimmed.

    Each slice of the grid takes the nearest plane of contours within half the distance between planes, so grids finer,
    coarser or cut short along the slices work. Raises InputError where the structure has no contours, where its planes
    are not parallel to two of the grid's axes, and where all of it lies outside the grid.
    """
    axis, planes, height = _planes(structure, grid)
    others = [a for a in range(3) if a != axis]
    half = _half_step(np.array(height), grid.spacing_mm[axis])
    inside = np.zeros(grid.shape, dtype=bool)
    for index in range(grid.shape[axis]):
        away = np.abs(np.array(height) - index)
        nearest = int(np.argmin(away))
        if away[nearest] <= half:
            polygons = [points[:, others] for points in planes[nearest]]
            plane = _even_odd(polygons, (grid.shape[others[0]], grid.shape[others[1]]))
            inside[tuple(index if a == axis else slice(None) for a in range(3))] = plane
    if not inside.any():
        raise InputError(
            f"The structure {structure.name!r} has no voxel on the grid {grid.describe()}: it lies outside, or it is "
            "smaller than a voxel. Give the scan or dose it was drawn on, or a finer grid."
        )
    return Mask(inside, grid).trimmed()


def fine_grid(structure: Contours, grid: Grid) -> Grid:
    """A grid with the axes of `grid` around a structure: its own planes along the slices, finer pixels in them.

    For dose-volume histograms of small structures, where the voxels of scan or dose are too coarse.
    """
    axis, planes, height = _planes(structure, grid)
    points = np.concatenate([points for plane in planes for points in plane])
    sides = np.array(grid.spacing_mm)
    low, high = points.min(axis=0), points.max(axis=0)
    others = [a for a in range(3) if a != axis]
    across = float(((high - low) * sides)[others].min())
    side = min(max(across / FINE_ACROSS, SMALLEST_FINE_MM), *(float(sides[a]) for a in others))
    step = side / sides
    step[axis] = min(np.diff(height)) if len(height) > 1 else 1.0
    low[axis], high[axis] = height[0], height[-1]
    start = low - np.where(np.arange(3) == axis, 0.0, step / 2.0)
    shape = np.floor((high - start) / step + 1e-6).astype(int) + np.where(np.arange(3) == axis, 1, 2)
    affine = grid.affine.copy()
    affine[:3, :3] = grid.affine[:3, :3] * step
    affine[:3, 3] = grid.to_mm(start)
    return Grid((int(shape[0]), int(shape[1]), int(shape[2])), affine)


def write_rtstruct(path: Path | str, masks: Mapping[str, Mask], header: RtHeader | None = None) -> Path:
    """Write masks as contours half-way between the voxels inside and outside, plane by plane across the slice axis.

    Read back on the same grid the masks are the same, voxel for voxel; holes are contours of their own. Raises
    InputError for no mask, an empty one or an empty name; OutputError when it cannot be written.
    """
    if not masks or any(mask.is_empty for mask in masks.values()) or not all(name.strip() for name in masks):
        raise InputError("A structure set needs at least one structure, each with a name and at least one voxel.")
    about = header or RtHeader()
    content = b"".join(n.encode() + np.packbits(m.data).tobytes() + m.grid.affine.tobytes() for n, m in masks.items())
    data = new_object(RT_STRUCTURE_SET, "RTSTRUCT", about, content)
    data.SeriesDescription = about.label[:64]
    data.StructureSetDate, data.StructureSetTime = data.StudyDate, data.StudyTime
    add_structures(data, masks, about.label)
    return save_object(data, Path(path))


def add_structures(
    data: Dataset,
    masks: Mapping[str, Mask],
    label: str,
    axis: int | None = None,
    image_at: Callable[[FloatArray], Any] | None = None,
) -> None:
    """Put masks as structures into a structure set in its frame of reference.

    axis: the array axis that contours lie across; the slice axis of each mask by default. image_at: point (LPS mm) of a
    contour -> item that names the slice it lies on; without it contours name none.
    """
    frame = data.FrameOfReferenceUID
    data.StructureSetLabel = label[:16]
    data.ReferencedFrameOfReferenceSequence = [_item(FrameOfReferenceUID=frame)]
    data.StructureSetROISequence = [
        _item(ROINumber=n, ReferencedFrameOfReferenceUID=frame, ROIName=name, ROIGenerationAlgorithm="")
        for n, name in enumerate(masks, 1)
    ]
    data.ROIContourSequence = [
        _item(ReferencedROINumber=n, ContourSequence=[_contour(points, image_at) for points in _outlines(mask, axis)])
        for n, mask in enumerate(masks.values(), 1)
    ]
    data.RTROIObservationsSequence = [
        _item(ObservationNumber=n, ReferencedROINumber=n, RTROIInterpretedType="", ROIInterpreter="")
        for n in range(1, len(masks) + 1)
    ]


def _points(item: Dataset, name: str, source: Path) -> FloatArray:
    try:
        values = np.array([float(v) for v in item.get("ContourData") or []])
    except (TypeError, ValueError) as problem:
        raise DicomError(f"{source}: a contour of {name!r} holds what is no number. Export it again.") from problem
    if values.size % 3 or not np.isfinite(values).all():
        raise DicomError(
            f"{source}: a contour of {name!r} holds {values.size} coordinates, which is not three for each point. "
            "Export it again."
        )
    return values.reshape(-1, 3)


def _frame_uid(data: Dataset) -> str | None:
    frames = data.get("ReferencedFrameOfReferenceSequence") or []
    uid = frames[0].get("FrameOfReferenceUID") if len(frames) else data.get("FrameOfReferenceUID")
    return str(uid) if uid else None


def _notices(structures: tuple[Contours, ...], left_out: Mapping[int, int], source: Path) -> tuple[Notice, ...]:
    found = []
    for structure in structures:
        if left_out[structure.number]:
            text = (
                f"{structure.name}: {left_out[structure.number]} points, lines or contours of fewer than three points "
                "were left out; they enclose nothing."
            )
            found.append(Notice("info", "contours-left-out", text, source.name))
        if not structure.points_mm:
            found.append(Notice("warning", "no-contours", f"{structure.name} has no closed contour.", source.name))
    return tuple(found)


def _planes(structure: Contours, grid: Grid) -> tuple[int, list[list[FloatArray]], list[float]]:
    """The grid axis across the contours' planes, the planes' contours as (n, 3) indices of the grid, their heights.

    Planes in increasing height along that axis, in voxels.
    """
    if not structure.points_mm:
        raise InputError(f"The structure {structure.name!r} has no closed contour, so it encloses nothing.")
    contours = [grid.to_index(points) for points in structure.points_mm]
    sides = np.array(grid.spacing_mm)
    thick = np.array([(c.max(axis=0) - c.min(axis=0)) * sides for c in contours]).max(axis=0)
    axis = int(np.argmin(thick))
    if thick[axis] > PLANE_TOLERANCE_MM:
        raise InputError(
            f"The contours of {structure.name!r} do not lie in planes of the grid (they span "
            f"{thick[axis]:.2f} mm across its nearest planes). Give a scan or dose with slices parallel to them."
        )
    ordered = sorted(contours, key=lambda c: float(c[:, axis].mean()))
    planes: list[list[FloatArray]] = []
    heights: list[float] = []
    for contour in ordered:
        height = float(contour[:, axis].mean())
        if heights and (height - heights[-1]) * sides[axis] <= PLANE_TOLERANCE_MM:
            planes[-1].append(contour)
        else:
            planes.append([contour])
            heights.append(height)
    return axis, planes, heights


def _half_step(heights: FloatArray, side_mm: float) -> float:
    """Half the usual distance between planes, in voxels; half a voxel for a single plane."""
    step = float(np.median(np.diff(heights))) if len(heights) > 1 else 1.0
    return step / 2.0 + PLANE_TOLERANCE_MM / side_mm


def _even_odd(polygons: list[FloatArray], shape: tuple[int, int]) -> BoolArray:
    """Which points of a lattice lie inside an odd number of polygons, given in lattice coordinates (n, 2).

    Each edge crosses lines of the lattice; the points beyond a crossing change sides. An edge takes its lower end and
    not its upper one, so corners count once.
    """
    changes = np.zeros((shape[0] + 1, shape[1]), dtype=np.int64)
    for polygon in polygons:
        start, end = polygon, np.roll(polygon, -1, axis=0)
        low, high = np.minimum(start[:, 1], end[:, 1]), np.maximum(start[:, 1], end[:, 1])
        first = np.clip(np.ceil(low), 0, shape[1]).astype(int)
        last = np.clip(np.ceil(high), 0, shape[1]).astype(int)
        edge = np.repeat(np.arange(len(polygon)), last - first)
        line = np.arange(edge.size) - np.repeat(np.cumsum(last - first) - (last - first), last - first) + first[edge]
        share = (line - start[edge, 1]) / (end[edge, 1] - start[edge, 1])
        crossing = start[edge, 0] + share * (end[edge, 0] - start[edge, 0])
        np.add.at(changes, (np.clip(np.ceil(crossing), 0, shape[0]).astype(int), line), 1)
    result: BoolArray = np.cumsum(changes[:-1], axis=0) % 2 == 1
    return result


def _outlines(mask: Mask, across: int | None = None) -> list[FloatArray]:
    """Contours of a mask, (n, 3) LPS mm, slice by slice across an axis; the first point is not repeated."""
    from skimage.measure import find_contours

    axis = mask.grid.slice_axis if across is None else across
    others = [a for a in range(3) if a != axis]
    found = []
    for index in np.flatnonzero(mask.data.any(axis=tuple(others))):
        plane = np.pad(np.take(mask.data, index, axis=axis), 1).astype(np.float64)
        for line in find_contours(plane, 0.5):
            points = np.empty((len(line) - 1, 3))
            points[:, others], points[:, axis] = line[:-1] - 1.0, index
            found.append(mask.grid.to_mm(points))
    return found


def _contour(points_mm: FloatArray, image_at: Callable[[FloatArray], Any] | None = None) -> Any:
    values = np.round(points_mm, COORDINATE_DECIMALS) + 0.0  # no minus zero
    text = "\\".join(f"{v:.{COORDINATE_DECIMALS}f}" for v in values.ravel()).encode()
    item = _item(ContourGeometricType="CLOSED_PLANAR", NumberOfContourPoints=len(points_mm))
    if image_at is not None:
        item.ContourImageSequence = [image_at(points_mm[0])]
    return _with_text(item, "ContourData", text + b" " * (len(text) % 2))


def _with_text(item: Any, keyword: str, text: bytes) -> Any:
    """The item with a decimal string of many numbers set as bytes: a hundred times faster than number by number."""
    from pydicom.charset import default_encoding
    from pydicom.datadict import tag_for_keyword
    from pydicom.dataelem import RawDataElement
    from pydicom.tag import Tag

    tag = Tag(tag_for_keyword(keyword) or 0)
    item[tag] = RawDataElement(tag, "DS", len(text), text, 0, False, True)
    item.set_original_encoding(False, True, item.original_character_set or default_encoding)  # else written by number
    return item


def _item(**values: Any) -> Any:
    from pydicom.dataset import Dataset as Item

    item = Item()
    for name, value in values.items():
        setattr(item, name, value)
    return item
