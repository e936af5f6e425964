"""Masks as one DICOM Segmentation (BINARY), each frame at the place of the slice it was drawn on.

Written frame by frame, so that memory does not grow with the number of segments: only one segment's own box is held.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from glisson.errors import InputError
from glisson.geometry import Mask
from glisson.imaging.dicom_source import Reference, ResultHeader, SourceSeries, Term, long_string, new_result, uid_of
from glisson.imaging.rtdose import decimal_string, save_object

if TYPE_CHECKING:
    from pydicom import Dataset

__all__ = ["SEG_CLASS", "Segment", "write_seg"]

SEG_CLASS = "1.2.840.10008.5.1.4.1.1.66.4"

SOURCE_PURPOSE = Term("121322", "DCM", "Source image for image processing operation")
DERIVATION = Term("113076", "DCM", "Segmentation")

FRAMES_PACKED = 8
"""Frames packed to bits at once: eight frames of any size end at a byte."""


@dataclass(frozen=True, eq=False)
class Segment:
    """One mask with its names. made_by: the algorithm in words; automatic: it made the mask alone.

    category, kind: property category and type. region: the anatomic region, where the type is no anatomy itself.
    tracking: identifier and UID kept over time. colour: red, green, blue, 0 to 255.
    """

    label: str
    mask: Mask
    category: Term
    kind: Term
    made_by: str
    automatic: bool = False
    region: Term | None = None
    tracking: tuple[str, str] | None = None
    colour: tuple[int, int, int] | None = None


@dataclass
class _Frames:
    """What the frames add up to: packed pixels, and for each frame its segment and slice."""

    packed: list[bytes] = field(default_factory=list)
    places: list[tuple[int, int]] = field(default_factory=list)


def write_seg(
    path: Path | str,
    segments: Sequence[Segment],
    source: SourceSeries,
    header: ResultHeader,
    *,
    label: str,
    number: tuple[int, int],
    about: str = "",
) -> Reference:
    """Write segments (numbered 1, 2, ... in the order given; they may overlap) as one Segmentation; whole or not.

    Masks may lie on any box of the scan's lattice, with array axes in any order and direction: each voxel lands on the
    pixel of the slice that it is. Only slices with voxels become frames. label: up to 16 capitals, digits,
    underscores. number: of the series, and within it. about: content description.
    Raises InputError for no segment or an empty one, FrameMismatch off the lattice, SceneError for voxels outside the
    scan, OutputError.
    """
    hollow = [s.label for s in segments if s.mask.is_empty]
    if not segments or hollow:
        what = f"but {', '.join(hollow)} has none" if hollow else "none was given"
        raise InputError(f"A segmentation needs at least one segment, each with at least one voxel; {what}.")
    data = new_result(SEG_CLASS, "SEG", source, header, label, number)
    frames = _frames(segments, source)
    _image_module(data, source, (label, about), len(frames.places))
    data.SegmentSequence = [_segment_item(n, s) for n, s in enumerate(segments, 1)]
    used = sorted({k for _, k in frames.places})
    _references(data, source, used)
    _dimensions(data, header, label)
    data.SharedFunctionalGroupsSequence = [_shared_groups(source)]
    data.PerFrameFunctionalGroupsSequence = _frame_groups(frames, source, used)
    pixels = b"".join(frames.packed)
    data.PixelData = pixels + b"\0" * (len(pixels) % 2)
    data["PixelData"].VR = "OB"
    saved = save_object(data, Path(path))
    return Reference(SEG_CLASS, str(data.SOPInstanceUID), str(data.SeriesInstanceUID), saved)


def _frames(segments: Sequence[Segment], source: SourceSeries) -> _Frames:
    columns, rows, _ = source.grid.shape
    result = _Frames()
    batch = np.zeros((FRAMES_PACKED, rows, columns), np.bool_)
    filled = 0
    for number, segment in enumerate(segments, 1):
        for k, plane, (i, j) in _planes(segment, source):
            batch[filled, j : j + plane.shape[1], i : i + plane.shape[0]] = plane.T
            result.places.append((number, k))
            filled += 1
            if filled == FRAMES_PACKED:
                result.packed.append(np.packbits(batch, axis=None, bitorder="little").tobytes())
                batch[:], filled = False, 0
    if filled:
        result.packed.append(np.packbits(batch[:filled], axis=None, bitorder="little").tobytes())
    return result


def _planes(segment: Segment, source: SourceSeries) -> Iterator[tuple[int, npt.NDArray[np.bool_], tuple[int, int]]]:
    """Slice number, (column, row) voxels and first column and row, for each slice of a segment that has voxels."""
    held = source.turned(segment.mask, f"segment {segment.label!r}")
    i, j, k = held.grid.offset_in(source.grid)
    for n in np.flatnonzero(held.data.any(axis=(0, 1))):
        yield k + int(n), held.data[:, :, n], (i, j)


def _item(**values: Any) -> Any:
    from pydicom.dataset import Dataset as Item

    item = Item()
    for name, value in values.items():
        setattr(item, name, value)
    return item


def _image_module(data: Dataset, source: SourceSeries, names: tuple[str, str], frames: int) -> None:
    columns, rows, _ = source.grid.shape
    data.ImageType = ["DERIVED", "PRIMARY"]
    data.NumberOfFrames, data.Rows, data.Columns = frames, rows, columns
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 1, 1, 0, 0
    data.LossyImageCompression = "01" if str(source.first.get("LossyImageCompression") or "") == "01" else "00"
    if data.LossyImageCompression == "01":
        for name in ("LossyImageCompressionRatio", "LossyImageCompressionMethod"):
            if source.first.get(name):
                setattr(data, name, source.first.get(name))
    data.SegmentationType, data.SegmentsOverlap = "BINARY", "UNDEFINED"
    data.ContentLabel, data.ContentDescription, data.ContentCreatorName = names[0], long_string(names[1]), ""


def _segment_item(number: int, segment: Segment) -> Any:
    item = _item(
        SegmentNumber=number,
        SegmentLabel=long_string(segment.label),
        SegmentAlgorithmType="AUTOMATIC" if segment.automatic else "SEMIAUTOMATIC",
        SegmentAlgorithmName=long_string(segment.made_by),
        SegmentedPropertyCategoryCodeSequence=[segment.category.item()],
        SegmentedPropertyTypeCodeSequence=[segment.kind.item()],
    )
    if segment.region is not None:
        item.AnatomicRegionSequence = [segment.region.item()]
    if segment.tracking is not None:
        item.TrackingID, item.TrackingUID = segment.tracking
    if segment.colour is not None:
        item.RecommendedDisplayCIELabValue = _cielab(segment.colour)
    return item


def _cielab(colour: tuple[int, int, int]) -> list[int]:
    """A colour of a screen as DICOM's CIELab numbers (PS3.3 C.10.7.1.1): 0 to 65535 each."""
    from highdicom.color import CIELabColor

    return [int(v) for v in CIELabColor.from_rgb(*colour).value]


def _references(data: Dataset, source: SourceSeries, used: Sequence[int]) -> None:
    items = [source.reference(k) for k in used]
    data.ReferencedSeriesSequence = [
        _item(
            SeriesInstanceUID=source.series_uid,
            ReferencedInstanceSequence=[
                _item(ReferencedSOPClassUID=r.sop_class, ReferencedSOPInstanceUID=r.sop_uid) for r in items
            ],
        )
    ]


def _dimensions(data: Dataset, header: ResultHeader, label: str) -> None:
    uid = uid_of(header.key, "dimensions", label)
    data.DimensionOrganizationSequence = [_item(DimensionOrganizationUID=uid)]
    data.DimensionIndexSequence = [
        _item(
            DimensionOrganizationUID=uid, DimensionIndexPointer=0x0062000B, FunctionalGroupPointer=0x0062000A,
            DimensionDescriptionLabel="Segment Number",
        ),
        _item(
            DimensionOrganizationUID=uid, DimensionIndexPointer=0x00200032, FunctionalGroupPointer=0x00209113,
            DimensionDescriptionLabel="Image Position Patient",
        ),
    ]  # fmt: skip


def _shared_groups(source: SourceSeries) -> Any:
    step = decimal_string(source.grid.spacing_mm[2])
    measures = _item(PixelSpacing=_strings(source.first.PixelSpacing), SliceThickness=step, SpacingBetweenSlices=step)
    return _item(
        PixelMeasuresSequence=[measures],
        PlaneOrientationSequence=[_item(ImageOrientationPatient=_strings(source.first.ImageOrientationPatient))],
    )


def _strings(values: Any) -> list[str]:
    """Numbers of a header as decimal strings of lawful length; scans break that rule."""
    return [decimal_string(float(v)) for v in values]


def _frame_groups(frames: _Frames, source: SourceSeries, used: Sequence[int]) -> list[Any]:
    """The groups of every frame; items that are the same for a slice or a segment are made once."""
    order = {k: place for place, k in enumerate(used, 1)}
    derived = {k: _derived(source.reference(k)) for k in used}
    position = {k: _item(ImagePositionPatient=_strings(source.headers[k].ImagePositionPatient)) for k in used}
    segment = {n: _item(ReferencedSegmentNumber=n) for n in {n for n, _ in frames.places}}
    return [
        _item(
            DerivationImageSequence=[derived[k]],
            FrameContentSequence=[_item(DimensionIndexValues=[n, order[k]])],
            PlanePositionSequence=[position[k]],
            SegmentIdentificationSequence=[segment[n]],
        )
        for n, k in frames.places
    ]


def _derived(drawn_on: Reference) -> Any:
    image = _item(
        ReferencedSOPClassUID=drawn_on.sop_class,
        ReferencedSOPInstanceUID=drawn_on.sop_uid,
        PurposeOfReferenceCodeSequence=[SOURCE_PURPOSE.item()],
        SpatialLocationsPreserved="YES",
    )
    return _item(SourceImageSequence=[image], DerivationCodeSequence=[DERIVATION.item()])
