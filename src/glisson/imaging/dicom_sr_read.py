"""Measurement reports of others (TID 1500): their lesions with diameters, volume and place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from glisson.errors import DicomError
from glisson.geometry import FloatArray
from glisson.imaging.dicom_headers import SR_CLASSES
from glisson.imaging.dicom_open import refusing_damage
from glisson.imaging.dicom_seg_read import SegFile
from glisson.imaging.dicom_source import SourceSeries
from glisson.imaging.rtdose import read_object
from glisson.scene import Notice

if TYPE_CHECKING:
    from pydicom import Dataset

__all__ = ["Report", "ReportedLesion", "read_report"]

LONG = ("103339001", "410668003", "81827009")
"""Long axis, length, diameter (SNOMED CT): the first that is there is the long diameter."""

SHORT = ("103340004",)
VOLUME = ("118565006",)
LESIONS = ("14799000", "372087000", "108369006", "4147007", "52988006")
"""Findings that are lesions: neoplasm (secondary, primary, either), mass, lesion."""

MM_OF = {"mm": 1.0, "cm": 10.0, "m": 1000.0, "um": 0.001}
ML_OF = {"mm3": 0.001, "cm3": 1.0, "mL": 1.0, "ml": 1.0, "dm3": 1000.0, "L": 1000.0, "l": 1000.0}
"""UCUM units of length and volume, and how many mm or mL one is."""

GROUP = ("125007", "DCM")
TRACKING, TRACKING_UID = ("112039", "DCM"), ("112040", "DCM")
FINDING = ("121071", "DCM")
SITE = ("363698007", "SCT")


@dataclass(frozen=True, eq=False)
class ReportedLesion:
    """One lesion of a report. None for what the report does not say.

    name, uid: tracking identifier and UID. finding, sites: in the words of the codes. long_mm, short_mm, volume_ml: as
    measured there. centre_mm: (3,) LPS mm, the middle of what was drawn. segment: SOP UID of a Segmentation and the
    number in it.
    """

    name: str
    uid: str | None
    finding: str | None
    sites: tuple[str, ...] = ()
    long_mm: float | None = None
    short_mm: float | None = None
    volume_ml: float | None = None
    centre_mm: FloatArray | None = None
    segment: tuple[str, int] | None = None


@dataclass(frozen=True, eq=False)
class Report:
    """A report as read. verified: its verification flag says so."""

    lesions: tuple[ReportedLesion, ...]
    verified: bool
    notices: tuple[Notice, ...] = ()


def read_report(path: Path | str, source: SourceSeries | None = None, segmentations: Sequence[SegFile] = ()) -> Report:
    """Read the lesions of a measurement report: groups with a diameter, and groups whose finding is a lesion.

    Groups of one tracking UID are one lesion. source: the scan, for coordinates given in pixels of its slices.
    segmentations: for lesions that are given as segments. Places that cannot be told are None, with a notice. Raises
    DicomError for other objects and for reports without a measurement group.
    """
    file = Path(path)
    with refusing_damage(file):
        return _read(read_object(file, "SR"), file, source, segmentations)


def _read(data: Dataset, file: Path, source: SourceSeries | None, segmentations: Sequence[SegFile]) -> Report:
    if str(data.get("SOPClassUID") or "") not in SR_CLASSES:
        raise DicomError(
            f"{file}: expected a measurement report (Enhanced or Comprehensive SR), got another kind of SR."
        )
    groups = [item for item in _walk(data) if _is(item, GROUP)]
    if not groups:
        raise DicomError(
            f"{file}: the report holds no measurement group (TID 1500). Export it as a measurement report."
        )
    places = _Places(source, {held.sop_uid: held for held in segmentations})
    merged: dict[str, ReportedLesion] = {}
    for number, group in enumerate(groups, 1):
        lesion = _lesion(group, number, places)
        if lesion is not None:
            key = lesion.uid or f"{lesion.name} {number}"
            merged[key] = _joined(merged[key], lesion) if key in merged else lesion
    notices = [
        Notice("warning", "report-lesion-unplaced", f"{file.name}: the report does not say where {lesion.name} lies.")
        for lesion in merged.values()
        if lesion.centre_mm is None
    ]
    notices += [Notice("warning", "report-unread", f"{file.name}: {text}") for text in sorted(places.problems)]
    return Report(tuple(merged.values()), str(data.get("VerificationFlag") or "") == "VERIFIED", tuple(notices))


class _Places:
    """Finds points in LPS mm; what it could not place stands in `problems`."""

    def __init__(self, source: SourceSeries | None, segmentations: Mapping[str, SegFile]) -> None:
        self.frame = None if source is None else source.frame_uid
        self.slices = {} if source is None else {str(h.SOPInstanceUID): h for h in source.headers}
        self.segmentations = segmentations
        self.problems: set[str] = set()

    def points(self, item: Dataset) -> FloatArray | None:
        """(n, 3) points of SCOORD or SCOORD3D, None where they cannot be placed."""
        values = np.array([float(v) for v in item.get("GraphicData") or []])
        if str(item.ValueType) == "SCOORD3D":
            frame = str(item.get("ReferencedFrameOfReferenceUID") or "")
            if self.frame is not None and frame != self.frame:
                self.problems.add(f"coordinates lie in another frame of reference ({frame}) than the scan.")
                return None
            return values.reshape(-1, 3) if values.size and values.size % 3 == 0 else None
        return self._on_slice(item, values)

    def _on_slice(self, item: Dataset, values: FloatArray) -> FloatArray | None:
        image = next((child for child in item.get("ContentSequence", []) if "ReferencedSOPSequence" in child), None)
        uid = "" if image is None else str(image.ReferencedSOPSequence[0].get("ReferencedSOPInstanceUID") or "")
        header = self.slices.get(uid)
        if header is None:
            self.problems.add("coordinates refer to an image that is not among the slices of the scan.")
            return None
        if not values.size or values.size % 2:
            return None
        at = values.reshape(-1, 2) - 0.5  # the first pixel's corner is (0, 0), its centre (0.5, 0.5)
        orientation = np.array([float(v) for v in header.ImageOrientationPatient])
        rows, columns = (float(v) for v in header.PixelSpacing)
        first = np.array([float(v) for v in header.ImagePositionPatient])
        placed: FloatArray = (
            first + np.outer(at[:, 0] * columns, orientation[:3]) + np.outer(at[:, 1] * rows, orientation[3:])
        )
        return placed

    def of_segment(self, segment: tuple[str, int] | None) -> FloatArray | None:
        """Centroid of a segment, None where the segmentation was not given or has no such segment."""
        if segment is None or segment[0] not in self.segmentations:
            return None
        for held in self.segmentations[segment[0]].segments:
            if held.number == segment[1] and not held.mask.is_empty:
                return held.mask.centroid_mm
        return None


def _walk(item: Dataset) -> Iterator[Dataset]:
    for child in item.get("ContentSequence", []):
        yield child
        yield from _walk(child)


def _code(item: Dataset, sequence: str) -> Any:
    """The code of a sequence's first item; older SRT codes equal their SNOMED CT successors."""
    from pydicom.sr.coding import Code

    held = item.get(sequence)
    if not held:
        return None
    first = held[0]
    return Code(
        str(first.get("CodeValue", "")), str(first.get("CodingSchemeDesignator", "")), str(first.get("CodeMeaning", ""))
    )


def _is(item: Dataset, *names: tuple[str, str]) -> bool:
    from pydicom.sr.coding import Code

    concept = _code(item, "ConceptNameCodeSequence")
    return concept is not None and any(concept == Code(value, scheme, "") for value, scheme in names)


def _lesion(group: Dataset, number: int, places: _Places) -> ReportedLesion | None:
    from pydicom.sr.coding import Code

    children = list(group.get("ContentSequence", []))
    name = next((str(c.get("TextValue") or "") for c in children if _is(c, TRACKING)), "") or f"finding {number}"
    uid = next((str(c.get("UID") or "") for c in children if _is(c, TRACKING_UID)), "") or None
    kind = next((_code(c, "ConceptCodeSequence") for c in children if _is(c, FINDING)), None)
    sites = [_code(c, "ConceptCodeSequence") for c in children if _is(c, SITE)]
    numbers = [c for c in children if str(c.get("ValueType", "")) == "NUM"]
    long_mm, short_mm = (_value(numbers, names, MM_OF, places) for names in (LONG, SHORT))
    is_lesion = kind is not None and any(kind == Code(value, "SCT", "") for value in LESIONS)
    if not is_lesion and long_mm is None:
        return None
    segment = next((s for s in map(_segment, children) if s is not None), None)
    centre = _centre(children, numbers, places)
    return ReportedLesion(
        name=name,
        uid=uid,
        finding=None if kind is None else kind.meaning or kind.value,
        sites=tuple(site.meaning or site.value for site in sites if site is not None),
        long_mm=long_mm,
        short_mm=short_mm,
        volume_ml=_value(numbers, VOLUME, ML_OF, places),
        centre_mm=places.of_segment(segment) if centre is None else centre,
        segment=segment,
    )


def _value(
    numbers: Sequence[Dataset], names: Sequence[str], units: Mapping[str, float], places: _Places
) -> float | None:
    for name in names:
        for item in numbers:
            measured = item.get("MeasuredValueSequence")
            if not _is(item, (name, "SCT")) or not measured:
                continue
            unit = _code(measured[0], "MeasurementUnitsCodeSequence")
            if unit is None or unit.value not in units:
                places.problems.add(f"a value in the unit {None if unit is None else unit.value} was left out.")
                continue
            return float(measured[0].NumericValue) * units[unit.value]
    return None


def _segment(item: Dataset) -> tuple[str, int] | None:
    for held in item.get("ReferencedSOPSequence", []):
        number = held.get("ReferencedSegmentNumber")
        if number is not None:
            first = number if isinstance(number, int) else next(iter(number))
            return str(held.get("ReferencedSOPInstanceUID") or ""), int(first)
    return None


def _centre(children: Sequence[Dataset], numbers: Sequence[Dataset], places: _Places) -> FloatArray | None:
    """The middle of the regions drawn for the group, else of what its measurements were taken from."""
    drawn = [c for c in children if str(c.get("ValueType", "")) in ("SCOORD", "SCOORD3D")]
    if not drawn:
        under = [c for item in numbers for c in item.get("ContentSequence", [])]
        drawn = [c for c in under if str(c.get("ValueType", "")) in ("SCOORD", "SCOORD3D")]
    middles = []
    for item in drawn:
        points = places.points(item)
        if points is None or not len(points):
            continue
        if str(item.get("GraphicType", "")) == "CIRCLE":
            points = points[:1]  # its centre, then a point of the rim
        elif len(points) > 2 and np.array_equal(points[0], points[-1]):
            points = points[:-1]
        middles.append(points.mean(axis=0))
    if not middles:
        return None
    centre: FloatArray = np.mean(middles, axis=0)
    return centre


def _joined(one: ReportedLesion, other: ReportedLesion) -> ReportedLesion:
    """One lesion from two groups; what the first does not say, the second may."""
    fields = ("finding", "long_mm", "short_mm", "volume_ml", "centre_mm", "segment")
    missing = {name: getattr(other, name) for name in fields if getattr(one, name) is None}
    return replace(one, **missing, sites=one.sites or other.sites)
