"""First pass over a folder: the headers of its DICOM images, sorted into stacks of slices that could be one volume."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from glisson.errors import DicomError

__all__ = [
    "RT_STRUCTURE_SET", "SEG_CLASSES", "SR_CLASSES", "SliceHeader", "Stack", "headers_in", "sop_class_of", "stacks_of",
]  # fmt: skip

CT_CLASS, MR_CLASS = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4"
ENHANCED = {"1.2.840.10008.5.1.4.1.1.2.1", "1.2.840.10008.5.1.4.1.1.2.2", "1.2.840.10008.5.1.4.1.1.4.1",
            "1.2.840.10008.5.1.4.1.1.4.4"}  # fmt: skip
NOT_IMAGES = ("1.2.840.10008.1.3.", "1.2.840.10008.5.1.4.1.1.88", "1.2.840.10008.5.1.4.1.1.66",
              "1.2.840.10008.5.1.4.1.1.481",
              "1.2.840.10008.5.1.4.1.1.11.", "1.2.840.10008.5.1.4.1.1.104")  # fmt: skip
SEG_CLASSES = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")
"""SOP classes of Segmentation and Label Map Segmentation Storage."""

RT_STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"
SR_CLASSES = tuple(f"1.2.840.10008.5.1.4.1.1.88.{n}" for n in (22, 33, 34, 35))
"""SOP classes of Enhanced, Comprehensive, Comprehensive 3D and Extensible SR Storage."""

NEEDED = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "Rows", "Columns")
ORIENTATION_DECIMALS = 3
"""Slices are parallel when their direction cosines agree after rounding to this many decimals."""

TAGS = [
    "SOPClassUID", "SOPInstanceUID", "Modality", "ImageType", "SeriesInstanceUID", "SeriesDescription", "ProtocolName",
    "StudyDate", "SeriesDate", "AcquisitionDate", "FrameOfReferenceUID", "SliceThickness", "InstanceNumber",
    "AcquisitionNumber", "NumberOfFrames", "SamplesPerPixel", "PhotometricInterpretation", "EchoNumbers",
    "TemporalPositionIdentifier", "DiffusionBValue", "GantryDetectorTilt", *NEEDED,
]  # fmt: skip


@dataclass(frozen=True)
class SliceHeader:
    """What one DICOM image's header says, as far as sorting needs it. Positions and spacings in LPS mm.

    position, orientation (row then column cosines), pixel_spacing (between rows, between columns), rows, columns are
    None where the header lacks them; `missing` names those.
    """

    path: Path
    modality: str
    sop_class: str
    series_uid: str
    image_type: tuple[str, ...]
    description: str
    date: str | None
    frame_uid: str | None
    thickness_mm: float | None
    frames: int
    grey: bool
    number: int | None
    acquisition: str
    variant: tuple[str, ...]
    position: tuple[float, ...] | None
    orientation: tuple[float, ...] | None
    pixel_spacing: tuple[float, ...] | None
    rows: int | None
    columns: int | None

    @property
    def missing(self) -> tuple[str, ...]:
        """DICOM keywords of the attributes without which a slice has no place."""
        values = (self.position, self.orientation, self.pixel_spacing, self.rows, self.columns)
        return tuple(name for name, value in zip(NEEDED, values, strict=True) if value is None)

    @property
    def is_localizer(self) -> bool:
        """True for scout images."""
        return any(word in ("LOCALIZER", "SCOUT") for word in self.image_type)

    @property
    def is_original(self) -> bool:
        """True for original primary images, and where the header does not say."""
        return not {"DERIVED", "SECONDARY"} & set(self.image_type)


@dataclass(frozen=True)
class Stack:
    """Slices of one series with one orientation, matrix and pixel size: candidates for one volume."""

    series_uid: str
    slices: tuple[SliceHeader, ...]
    part: str = ""

    @property
    def first(self) -> SliceHeader:
        """A representative header."""
        return self.slices[0]

    @property
    def is_axial(self) -> bool:
        """True when the slice normal runs within 45 degrees of superior-inferior."""
        o = self.first.orientation
        return o is not None and abs(o[0] * o[4] - o[1] * o[3]) > 0.7071

    def describe(self) -> str:
        """One line for messages."""
        h = self.first
        thick = f", {h.thickness_mm:g} mm" if h.thickness_mm else ""
        kind = "/".join(h.image_type[:3]) or "type not given"
        uid = self.series_uid or "no series UID"
        name = f"{h.modality or '?'} '{h.description or 'no description'}'{self.part}"
        return f"{name}: {len(self.slices)} images{thick}, {kind}, {uid}"


def headers_in(source: Path, files: Iterable[Path] | None = None) -> tuple[SliceHeader, ...]:
    """The headers of all DICOM images in a file or folder (nested, any file name), sorted by path.

    What is not DICOM or not an image (DICOMDIR, reports, segmentations) is passed over. Raises DicomError for a DICOM
    file whose header is truncated, or when nothing is left.
    """
    paths = sorted(
        files if files is not None else (p for p in source.rglob("*") if p.is_file()) if source.is_dir() else [source]
    )
    found = [header for header in map(_header, paths) if header is not None]
    if not found:
        raise DicomError(
            f"{source} holds no DICOM image ({len(paths)} files looked at). "
            "Give the folder of a CT or MR series, or a NIfTI file."
        )
    return tuple(found)


def _looks_like_dicom(path: Path) -> bool:
    with path.open("rb") as stream:
        start = stream.read(132)
    return start[128:132] == b"DICM" or start[:4] in (b"\x08\x00\x00\x00", b"\x08\x00\x05\x00", b"\x08\x00\x08\x00")


def sop_class_of(path: Path) -> str | None:
    """The SOP class of a DICOM file; None for other files, folders, and files that cannot be read."""
    from pydicom import dcmread

    try:
        if not path.is_file() or not _looks_like_dicom(path):
            return None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            data = dcmread(path, stop_before_pixels=True, specific_tags=["SOPClassUID"], force=True)
            return str(data.get("SOPClassUID") or "") or None
    except Exception:  # what is wrong with the file, its reader says
        return None


def _header(path: Path) -> SliceHeader | None:
    from pydicom import dcmread

    try:
        if not _looks_like_dicom(path):
            return None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            data = dcmread(path, stop_before_pixels=True, specific_tags=TAGS, force=True)
            return _from_dataset(path, data)
    except OSError as problem:
        raise DicomError(f"{path} cannot be read: {problem}. Copy the series again.") from problem
    except Exception as problem:
        raise DicomError(
            f"{path}: the DICOM header is damaged or truncated ({problem}). Copy or export this file again."
        ) from problem


def _numbers(data: Any, name: str, count: int) -> tuple[float, ...] | None:
    value = data.get(name)
    if value is None or isinstance(value, str) or not hasattr(value, "__len__") or len(value) != count:
        return None
    return tuple(float(v) for v in value)


def _whole(data: Any, name: str) -> int | None:
    value = data.get(name)
    return None if value is None else int(value)


def _text(data: Any, *names: str) -> str:
    return " ".join(str(data.get(name)).strip() for name in names if data.get(name))


def _from_dataset(path: Path, data: Any) -> SliceHeader | None:
    meta = getattr(data, "file_meta", {})
    sop = str(data.get("SOPClassUID") or "") or str(meta.get("MediaStorageSOPClassUID") or "")
    if sop.startswith(NOT_IMAGES):
        return None
    if not sop or (sop in (CT_CLASS, MR_CLASS) and data.get("Rows") is None):
        raise EOFError("it ends before the image is described")
    modality = _text(data, "Modality") or {CT_CLASS: "CT", MR_CLASS: "MR"}.get(sop, "")
    day = next((str(data.get(n)) for n in ("AcquisitionDate", "SeriesDate", "StudyDate") if data.get(n)), "")
    kinds = data.get("ImageType") or ()
    thick, number = data.get("SliceThickness"), data.get("InstanceNumber")
    return SliceHeader(
        path, modality, sop, str(data.get("SeriesInstanceUID") or ""),
        tuple(str(k).upper() for k in ([kinds] if isinstance(kinds, str) else kinds)),
        _text(data, "SeriesDescription") or _text(data, "ProtocolName"),
        f"{day[:4]}-{day[4:6]}-{day[6:8]}" if len(day) == 8 and day.isdigit() else None,
        str(data.get("FrameOfReferenceUID") or "") or None,
        float(thick) if thick else None, int(data.get("NumberOfFrames") or 1),
        int(data.get("SamplesPerPixel") or 1) == 1 and _text(data, "PhotometricInterpretation") in ("", "MONOCHROME2"),
        int(number) if number is not None else None, _text(data, "AcquisitionNumber"),
        (_text(data, "EchoNumbers"), _text(data, "TemporalPositionIdentifier"), _text(data, "DiffusionBValue")),
        _numbers(data, "ImagePositionPatient", 3), _numbers(data, "ImageOrientationPatient", 6),
        _numbers(data, "PixelSpacing", 2), _whole(data, "Rows"), _whole(data, "Columns"),
    )  # fmt: skip


def stacks_of(headers: Iterable[SliceHeader]) -> tuple[Stack, ...]:
    """Sort headers into stacks: by series, scout or not, orientation, matrix, pixel size, echo, time point and b-value.

    Several acquisitions in one series are parted only where they cover the same positions.
    """
    groups: dict[tuple[Any, ...], list[SliceHeader]] = {}
    for h in headers:
        cosines = h.orientation and tuple(round(v, ORIENTATION_DECIMALS) + 0.0 for v in h.orientation)
        pixel = h.pixel_spacing and tuple(round(v, 4) for v in h.pixel_spacing)
        whole = () if h.missing else (cosines, h.rows, h.columns, pixel)
        groups.setdefault(
            (h.series_uid, h.modality, h.is_localizer, h.frames > 1, h.grey, whole, h.variant), []
        ).append(h)
    result: list[Stack] = []
    for group in groups.values():
        result.extend(_by_acquisition(Stack(group[0].series_uid, tuple(group))))
    counts: dict[str, int] = {}
    for stack in result:
        counts[stack.series_uid] = counts.get(stack.series_uid, 0) + 1
    return tuple(replace(s, part=f" (part {i})") if counts[s.series_uid] > 1 and s.series_uid else s
                 for i, s in enumerate(result, 1))  # fmt: skip


def _by_acquisition(stack: Stack) -> list[Stack]:
    parts: dict[str, list[SliceHeader]] = {}
    for h in stack.slices:
        parts.setdefault(h.acquisition, []).append(h)
    places = [{h.position for h in part} for part in parts.values()]
    if len(parts) > 1 and all(place == places[0] for place in places):
        return [Stack(stack.series_uid, tuple(part)) for part in parts.values()]
    return [stack]
