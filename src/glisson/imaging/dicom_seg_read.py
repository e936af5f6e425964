"""Segmentations of others: BINARY, FRACTIONAL, LABELMAP, overlapping, with gaps, frames in any order and direction."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from glisson.errors import DicomError
from glisson.geometry import Grid, Mask, box_of
from glisson.imaging.dicom_headers import SEG_CLASSES
from glisson.imaging.dicom_open import refusing_damage
from glisson.imaging.dicom_places import Place, lattice_of
from glisson.imaging.names import LESIONS, SEGMENT, canonical
from glisson.imaging.raster import Raster
from glisson.imaging.rtdose import read_object
from glisson.scene import STRUCTURES, ImageFacts, Notice

if TYPE_CHECKING:
    from pydicom import Dataset

__all__ = ["FRACTION_KEPT", "ReadSegment", "SegFile", "read_seg", "seg_raster", "segment_role"]

FRACTION_KEPT = 0.5
"""A voxel of a fractional segmentation belongs to the segment from this share of the highest fraction on."""

TYPES = {
    "10200004": "liver", "32764006": "portal", "8993003": "hepatic", "64131007": "cava", "28231008": "gallbladder",
    "78961009": "spleen", "69695003": "stomach", "38848004": "duodenum", "15776009": "pancreas", "15825003": "aorta",
    "18639004": "kidney_left", "9846003": "kidney_right", "80891009": "heart",
    "71133005": "segment_1", "277956007": "segment_2", "277957003": "segment_3", "277958008": "segment_4",
    "277959000": "segment_5", "277960005": "segment_6", "277961009": "segment_7", "277962002": "segment_8",
    "14799000": LESIONS, "372087000": LESIONS, "108369006": LESIONS, "4147007": LESIONS, "52988006": LESIONS,
}  # fmt: skip
"""Property types in SNOMED CT and our names; the older SRT codes are translated."""

Frame = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class ReadSegment:
    """One segment: its number and label in the file, our name for it (`canonical`), its voxels (trimmed, maybe none).

    tracking: identifier and UID, where the file has them.
    """

    number: int
    label: str
    role: str
    mask: Mask
    tracking: tuple[str, str] | None = None


@dataclass(frozen=True, eq=False)
class SegFile:
    """A Segmentation as read: the box of lattice that its frames span, its segments by number.

    frame_uid: frame of reference. drawn_on: series UIDs it refers to. notices: what was noticed while reading.
    """

    sop_uid: str
    grid: Grid
    segments: tuple[ReadSegment, ...]
    frame_uid: str | None
    drawn_on: tuple[str, ...]
    notices: tuple[Notice, ...] = ()


def read_seg(path: Path | str, lattice: Grid | None = None) -> SegFile:
    """Read a Segmentation; slices without a frame are empty. Array axes of the masks: column, row, slice.

    lattice: of the scan it was drawn on, where that is known: frames snap to its slices when they lie at them. Without
    it the step is that of the header or, where that does not fit, the smallest between frames. FRACTIONAL ones are cut
    at FRACTION_KEPT, with a notice. Raises DicomError for other objects, frames without a place, planes that are not
    parallel or not even, and pixels that cannot be read.
    """
    source = Path(path)
    with refusing_damage(source):
        return _read(read_object(source, "SEG"), source, lattice)


def _read(data: Dataset, source: Path, lattice: Grid | None) -> SegFile:
    described = {int(item.SegmentNumber): item for item in data.get("SegmentSequence", [])}
    if not described:
        raise DicomError(f"{source}: the segmentation describes no segment. Export it again.")
    groups = _groups(data, source)
    places = [_place(frame, data, n, source) for n, frame in enumerate(groups, 1)]
    grid, slots = lattice_of(places, (int(data.Columns), int(data.Rows)), lattice, source)
    pieces, strange = _pieces(data, groups, slots, described, source)
    segments = tuple(_segment(n, described[n], pieces.get(n, []), grid) for n in sorted(described) if n != 0)
    drawn_on = tuple(str(s.SeriesInstanceUID) for s in data.get("ReferencedSeriesSequence", []))
    frame = str(data.get("FrameOfReferenceUID") or "") or None
    notices = _notices(data, segments, strange, source)
    return SegFile(str(data.get("SOPInstanceUID") or ""), grid, segments, frame, drawn_on, notices)


def seg_raster(path: Path | str, lattice: Grid | None = None) -> Raster:
    """A Segmentation as a label map: label n is segment n; where segments overlap, the rest is in `extra`."""
    read = read_seg(path, lattice)
    highest = max(segment.number for segment in read.segments)
    data = np.zeros(read.grid.shape, np.uint8 if highest < 256 else np.uint16)
    extra: dict[int, Mask] = {}
    for segment in read.segments:
        start = segment.mask.grid.offset_in(read.grid)
        box = tuple(slice(o, o + n) for o, n in zip(start, segment.mask.grid.shape, strict=True))
        hidden = segment.mask.data & (data[box] != 0)
        data[box][segment.mask.data & ~hidden] = segment.number
        if hidden.any():
            extra[segment.number] = Mask(hidden, segment.mask.grid).trimmed()
    return Raster(
        data, read.grid, ImageFacts(modality="SEG", frame_uid=read.frame_uid), read.notices,
        names={s.number: s.label for s in read.segments}, extra=extra,
        roles={s.number: s.role for s in read.segments},
    )  # fmt: skip


def _groups(data: Dataset, source: Path) -> list[Any]:
    groups = list(data.get("PerFrameFunctionalGroupsSequence", []))
    frames = int(data.get("NumberOfFrames") or 1)
    if len(groups) != frames:
        raise DicomError(
            f"{source}: the segmentation holds {frames} frames but describes {len(groups)}: it is truncated or "
            "damaged. Export it again."
        )
    return groups


def _macro(frame: Any, data: Dataset, sequence: str, name: str) -> Any:
    """An attribute of a functional group: of the frame, else shared by all frames."""
    shared = data.get("SharedFunctionalGroupsSequence") or [{}]
    for holder in (frame, shared[0]):
        items = holder.get(sequence) if holder else None
        if items and items[0].get(name) not in (None, ""):
            return items[0].get(name)
    return None


def _place(frame: Any, data: Dataset, number: int, source: Path) -> Place:
    position = _macro(frame, data, "PlanePositionSequence", "ImagePositionPatient")
    orientation = _macro(frame, data, "PlaneOrientationSequence", "ImageOrientationPatient")
    spacing = _macro(frame, data, "PixelMeasuresSequence", "PixelSpacing")
    if position is None or orientation is None or spacing is None:
        raise DicomError(
            f"{source}: frame {number} has no place (position, orientation or pixel spacing is missing). Export it "
            "with the places of its frames."
        )
    between = _macro(frame, data, "PixelMeasuresSequence", "SpacingBetweenSlices")
    thick = _macro(frame, data, "PixelMeasuresSequence", "SliceThickness")
    return Place(
        np.array([float(v) for v in position]),
        np.array([float(v) for v in orientation]),
        (float(spacing[0]), float(spacing[1])),
        tuple(abs(float(v)) for v in (between, thick) if v not in (None, "") and float(v) != 0.0),
    )


def _pieces(
    data: Dataset, groups: list[Any], slots: list[int], described: Mapping[int, Any], source: Path
) -> tuple[dict[int, list[tuple[int, Frame]]], set[int]]:
    """Segment number -> (slice, (rows, columns) voxels) of its frames; and numbers that nothing describes."""
    is_map = str(data.get("SegmentationType", "")).upper() == "LABELMAP" or str(data.SOPClassUID) == SEG_CLASSES[1]
    level = _level(data)
    pieces: dict[int, list[tuple[int, Frame]]] = {}
    strange: set[int] = set()
    for frame, slot, pixels in zip(groups, slots, _frames(data, source), strict=True):
        if is_map:
            numbers = [int(v) for v in np.unique(pixels) if v != 0]
            found = {n: pixels == n for n in numbers if n in described}
            strange |= set(numbers) - set(described)
        else:
            number = _macro(frame, data, "SegmentIdentificationSequence", "ReferencedSegmentNumber")
            if number is None or int(number) not in described:
                raise DicomError(f"{source}: a frame belongs to no segment of the file ({number}). Export it again.")
            found = {int(number): pixels >= level}
        for n, inside in found.items():
            if inside.any():
                pieces.setdefault(n, []).append((slot, inside))
    return pieces, strange


def _level(data: Dataset) -> float:
    if str(data.get("SegmentationType", "")).upper() != "FRACTIONAL":
        return 1.0
    return FRACTION_KEPT * float(data.get("MaximumFractionalValue") or 255)


def _frames(data: Dataset, source: Path) -> Iterator[Frame]:
    """(rows, columns) of each frame, decoded one by one."""
    from pydicom.pixels import iter_pixels

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            packed = int(data.BitsAllocated) == 1 and not data.file_meta.TransferSyntaxUID.is_compressed
            yield from _unpacked(data) if packed else iter_pixels(data)
    except Exception as problem:
        raise DicomError(
            f"{source}: the pixels cannot be read ({str(problem).strip()}): the file is truncated or damaged. Copy it "
            "again."
        ) from problem


def _unpacked(data: Dataset) -> Iterator[Frame]:
    """Frames of one bit a pixel; each begins at the bit where the one before it ended, which may be within a byte."""
    raw = np.frombuffer(data.PixelData, np.uint8)
    rows, columns = int(data.Rows), int(data.Columns)
    size = rows * columns
    for number in range(int(data.get("NumberOfFrames") or 1)):
        first, end = number * size, (number + 1) * size
        bits = np.unpackbits(raw[first // 8 : -(-end // 8)], bitorder="little")[first % 8 :][:size]
        yield bits.reshape(rows, columns)


def _segment(number: int, item: Any, pieces: list[tuple[int, Frame]], grid: Grid) -> ReadSegment:
    label = _label(item)
    tracking = (str(item.get("TrackingID") or ""), str(item.get("TrackingUID") or ""))
    return ReadSegment(
        number, label, segment_role(item), _mask(pieces, grid), tracking if any(tracking) else None
    )  # fmt: skip


def _mask(pieces: list[tuple[int, Frame]], grid: Grid) -> Mask:
    if not pieces:
        return Mask(np.zeros((1, 1, 1), np.bool_), grid.crop((slice(0, 1), slice(0, 1), slice(0, 1))))
    low, high = min(k for k, _ in pieces), max(k for k, _ in pieces) + 1
    seen = np.zeros(pieces[0][1].shape, np.bool_)
    for _, inside in pieces:
        seen |= inside
    rows, columns, _ = box_of(seen[:, :, None]) or (slice(0, 1), slice(0, 1), slice(0, 1))
    held = np.zeros((columns.stop - columns.start, rows.stop - rows.start, high - low), np.bool_)
    for k, inside in pieces:
        held[:, :, k - low] |= inside[rows, columns].T
    return Mask(held, grid.crop((columns, rows, slice(low, high))))


def _label(item: Dataset) -> str:
    return str(item.get("SegmentLabel") or f"unnamed {int(item.SegmentNumber)}")


def segment_role(item: Dataset) -> str:
    """Our name for a described segment: its type where that is a lesion, else its label, else its type.

    A label that is none of our names comes back in lower case, as `canonical` gives it.
    """
    from pydicom.sr.coding import Code

    coded = ""
    for held in item.get("SegmentedPropertyTypeCodeSequence", []):
        given = Code(str(held.get("CodeValue", "")), str(held.get("CodingSchemeDesignator", "")), "")
        coded = next((name for value, name in TYPES.items() if given == Code(value, "SCT", "")), "")
    named = canonical(_label(item))
    known = named in STRUCTURES or named == LESIONS or named.startswith(SEGMENT)
    return coded if coded and (coded == LESIONS or not known) else named


def _notices(data: Dataset, segments: tuple[ReadSegment, ...], strange: set[int], source: Path) -> tuple[Notice, ...]:
    found = []
    if str(data.get("SegmentationType", "")).upper() == "FRACTIONAL":
        kind = str(data.get("SegmentationFractionalType") or "fraction").lower()
        text = (
            f"{source.name} holds fractions ({kind}), not masks; voxels from {FRACTION_KEPT:.0%} of the highest value "
            "on were kept."
        )
        found.append(Notice("warning", "segmentation-fractional", text, source.name))
    hollow = [s.label for s in segments if s.mask.is_empty]
    if hollow:
        text = f"{source.name}: no voxel is set in {', '.join(hollow)}."
        found.append(Notice("warning", "segment-empty", text, source.name))
    if strange:
        text = f"{source.name}: the labels {', '.join(map(str, sorted(strange)))} are not described and were left out."
        found.append(Notice("warning", "labels-unnamed", text, source.name))
    return tuple(found)
