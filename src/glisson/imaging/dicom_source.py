"""The series that results belong to, and the beginning of every result: patient, study, equipment, one series each."""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glisson.case import Case, Unknown
from glisson.errors import DicomError, SceneError
from glisson.geometry import Grid, Mask
from glisson.imaging.dicom_headers import headers_in, stacks_of
from glisson.imaging.dicom_series import choose_stack, layout_of
from glisson.imaging.outlines import turned_to
from glisson.imaging.raster import checked_grid
from glisson.scene import Scene

if TYPE_CHECKING:
    from pydicom import Dataset

__all__ = [
    "RESEARCH", "Reference", "ResultHeader", "SourceSeries", "Term", "long_string", "new_result", "read_source",
    "source_of", "uid_of",
]  # fmt: skip

RESEARCH = "RESEARCH \u2013 NOT REVIEWED"
"""Series description of every result, until a named person releases it."""

LONGEST_BYTES = 64
"""Length of a DICOM long string."""

EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"

PATIENT_AND_STUDY = (
    "PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex", "PatientAge", "PatientSize",
    "PatientWeight", "PatientIdentityRemoved", "DeidentificationMethod", "StudyInstanceUID", "StudyDate", "StudyTime",
    "StudyID", "StudyDescription", "AccessionNumber", "ReferringPhysicianName", "FrameOfReferenceUID",
    "PositionReferenceIndicator",
)  # fmt: skip
"""What a result has in common with the scan it was made from."""

EMPTY_ALLOWED = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID",
                 "AccessionNumber", "ReferringPhysicianName", "PositionReferenceIndicator")  # fmt: skip
"""Attributes that must be there and may be empty (type 2)."""

NO_DAY = "19000101"
"""Content date of a result that bears no stamp, made from a scan whose header has no date: DICOM demands one."""


@dataclass(frozen=True)
class Term:
    """A coded concept: value, coding scheme, meaning."""

    value: str
    scheme: str
    meaning: str

    def item(self) -> Dataset:
        """The term as an item of a code sequence."""
        from pydicom.dataset import Dataset as Item

        made = Item()
        made.CodeValue, made.CodingSchemeDesignator, made.CodeMeaning = self.value, self.scheme, self.meaning
        return made


@dataclass(frozen=True)
class Reference:
    """A DICOM object that another one points to."""

    sop_class: str
    sop_uid: str
    series_uid: str
    path: Path | None = None


@dataclass(frozen=True, eq=False)
class SourceSeries:
    """The scan that results belong to.

    grid: its lattice, array axes column, row, slice. headers: of its slices in the order of the third axis, without
    pixels.
    """

    grid: Grid
    headers: tuple[Dataset, ...]

    @property
    def first(self) -> Dataset:
        """A representative header."""
        return self.headers[0]

    @property
    def series_uid(self) -> str:
        """SeriesInstanceUID."""
        return str(self.first.SeriesInstanceUID)

    @property
    def study_uid(self) -> str:
        """StudyInstanceUID; made from the series where the header lacks it."""
        return str(self.first.get("StudyInstanceUID") or uid_of("study of", self.series_uid))

    @property
    def frame_uid(self) -> str:
        """FrameOfReferenceUID; made from the series where the header lacks it."""
        return str(self.first.get("FrameOfReferenceUID") or uid_of("frame of reference of", self.series_uid))

    @property
    def patient_id(self) -> str:
        """PatientID, empty where the header lacks it."""
        return str(self.first.get("PatientID") or "")

    @property
    def person(self) -> str:
        """What tells this patient from others: PatientID, else the study, since many scans without one are of many."""
        return self.patient_id.strip() or self.study_uid

    def turned(self, mask: Mask, what: str) -> Mask:
        """The mask, trimmed, with the series' own array axes. Raises FrameMismatch off its lattice, SceneError outside.

        what: its name in messages.
        """
        held = mask.trimmed()
        data, grid = turned_to(held.data, held.grid, self.grid)
        start = grid.offset_in(self.grid, what, "the DICOM series")
        ends = zip(start, grid.shape, self.grid.shape, strict=True)
        if min(start) < 0 or any(first + size > whole for first, size, whole in ends):
            raise SceneError(
                f"{what} has voxels outside the DICOM series: they fill {grid.describe()}, the series is "
                f"{self.grid.describe()}. Give the series that the outlines were drawn on."
            )
        return Mask(data, grid)

    def reference(self, index: int) -> Reference:
        """The slice at a place along the third axis."""
        header = self.headers[index]
        return Reference(str(header.SOPClassUID), str(header.SOPInstanceUID), self.series_uid)


@dataclass(frozen=True)
class ResultHeader:
    """What every result of one run has in common.

    key: a fingerprint of everything the results depend on; all UIDs are made from it, so the same key must mean the
    same results. version: of the software. stamped: time of making that stands in the files; without it the date and
    time of the study do, and the same key gives the same bytes. description: of the series.
    """

    key: str
    version: str
    stamped: datetime | None = None
    description: str = RESEARCH


def long_string(text: str) -> str:
    """A text as the value of an LO attribute: cut to 64 bytes, which holds for readers that count characters too."""
    return text.encode()[:LONGEST_BYTES].decode(errors="ignore")


def uid_of(*words: str) -> str:
    """A UID made from words: the same words, the same UID."""
    from pydicom.uid import generate_uid

    digest = hashlib.sha256("\0".join(words).encode()).hexdigest()
    return str(generate_uid(entropy_srcs=["glisson", digest]))


def source_of(root: Path | str, case: Case, scene: Scene) -> SourceSeries | Unknown:
    """The DICOM series that a scene of a case folder was read from; Unknown, with why, where results can join no study.

    Raises DicomError where the series can no longer be read.
    """
    study = next((study for study in case.studies if study.id == scene.study), None)
    if study is None or study.image is None:
        return Unknown("the case names no scan, so there is no DICOM study that results could join")
    if scene.facts.series_uid is None:
        return Unknown(f"the scan {study.image} is no DICOM series, so there is no study that results could join")
    series = _series(Path(root) / study.image, scene.facts.series_uid)
    lacking = _lacking(series)
    return (
        Unknown(f"the headers of {study.image} lack {lacking}, so no result can refer to them") if lacking else series
    )


def read_source(folder: Path | str, series_uid: str | None = None) -> SourceSeries:
    """The series that `read_image` would choose in a folder, or the one named, with the headers of its slices.

    Raises DicomError where there is none, where it is no even volume, or where slices lack the UIDs that results refer
    to.
    """
    series = _series(Path(folder), series_uid)
    lacking = _lacking(series)
    if lacking:
        raise DicomError(
            f"{folder}: the headers lack {lacking}, so no result can refer to them. Export the series again."
        )
    return series


def _lacking(series: SourceSeries) -> str:
    """UIDs that a slice lacks, in words."""
    needed = ("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID")
    return ", ".join(name for name in needed if any(not header.get(name) for header in series.headers))


def _series(source: Path, series_uid: str | None) -> SourceSeries:
    from pydicom import dcmread

    stack, _ = choose_stack(stacks_of(headers_in(source)), source, series_uid)
    layout, _ = layout_of(stack)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        headers = [dcmread(held.path, stop_before_pixels=True, force=True) for held in layout.slices]
    return SourceSeries(checked_grid(layout.shape, layout.affine, source), tuple(headers))


def new_result(
    sop_class: str, modality: str, source: SourceSeries, header: ResultHeader, name: str, number: tuple[int, int]
) -> Dataset:
    """A result's file header, patient, study, series, frame of reference and equipment.

    name: of the object within the run. number: of the series, and of the object within it; objects of one modality with
    one series number share the series.
    """
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import UID

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(sop_class)
    meta.MediaStorageSOPInstanceUID = UID(uid_of(header.key, modality, name))
    meta.TransferSyntaxUID = UID(EXPLICIT_LITTLE)
    data = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    data.SpecificCharacterSet = "ISO_IR 192"
    data.SOPClassUID, data.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    _copy_identity(data, source)
    data.Modality, data.SeriesInstanceUID = modality, uid_of(header.key, modality, f"series {number[0]}")
    data.SeriesNumber, data.InstanceNumber = number
    data.SeriesDescription = long_string(header.description)
    data.Manufacturer, data.ManufacturerModelName = "Glisson", "Glisson"
    data.SoftwareVersions, data.DeviceSerialNumber = header.version, "none"
    data.ContentDate, data.ContentTime = _moment(source, header)
    data.SeriesDate, data.SeriesTime = data.ContentDate, data.ContentTime
    data.InstanceCreationDate, data.InstanceCreationTime = data.ContentDate, data.ContentTime
    return data


def _copy_identity(data: Any, source: SourceSeries) -> None:
    for name in PATIENT_AND_STUDY:
        value = source.first.get(name)
        if value not in (None, ""):
            setattr(data, name, str(value))
        elif name in EMPTY_ALLOWED:
            setattr(data, name, "")
    data.StudyInstanceUID, data.FrameOfReferenceUID = source.study_uid, source.frame_uid


def _moment(source: SourceSeries, header: ResultHeader) -> tuple[str, str]:
    """Date and time of making: the stamp in local time, else those of the study."""
    stamp = header.stamped
    if stamp is not None:
        local = stamp.astimezone() if stamp.tzinfo is not None else stamp
        return local.strftime("%Y%m%d"), local.strftime("%H%M%S")
    days = (source.first.get(name) for name in ("StudyDate", "AcquisitionDate", "SeriesDate"))
    return str(next((day for day in days if day), NO_DAY)), str(source.first.get("StudyTime") or "000000")
