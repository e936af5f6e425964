"""A Comprehensive 3D Structured Report by template TID 1500: findings with measurements, points and segments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from glisson.errors import InputError
from glisson.geometry import FloatArray
from glisson.imaging.dicom_source import Reference, ResultHeader, SourceSeries, Term, new_result, uid_of
from glisson.imaging.rtdose import save_object

if TYPE_CHECKING:
    from pydicom import Dataset

__all__ = ["SR_CLASS", "Measured", "ReportedFinding", "write_sr"]

SR_CLASS = "1.2.840.10008.5.1.4.1.1.88.34"

PROCEDURES = {
    "CT": Term("77477000", "SCT", "Computerized axial tomography"),
    "MR": Term("113091000", "SCT", "Magnetic resonance imaging"),
}
"""Procedure reported, by the modality of the scan."""

COORDINATE_DECIMALS = 4
"""Decimals of written coordinates in mm."""


@dataclass(frozen=True, eq=False)
class Measured:
    """One measurement: its name, value and unit. ends_mm: (2, 3) LPS mm, the ends of a length.

    The template has no room for ends where a finding has a segment; a finding of the same tracking without one has.
    """

    name: Term
    value: float
    unit: Term
    ends_mm: FloatArray | None = None


@dataclass(frozen=True, eq=False)
class ReportedFinding:
    """One group of measurements (TID 1411 where it has a segment, else TID 1501).

    tracking: identifier in words and its UID, the same over time. kind: what was found. sites: where. segment: the
    Segmentation and the number in it. statements: question and coded answer.
    """

    tracking: tuple[str, str]
    kind: Term
    sites: tuple[Term, ...] = ()
    measured: tuple[Measured, ...] = ()
    segment: tuple[Reference, int] | None = None
    statements: tuple[tuple[Term, Term], ...] = ()


def write_sr(
    path: Path | str,
    findings: Sequence[ReportedFinding],
    source: SourceSeries,
    header: ResultHeader,
    *,
    label: str,
    number: tuple[int, int],
    evidence: Sequence[Reference] = (),
) -> Reference:
    """Write the report: complete, preliminary, UNVERIFIED; whole or not at all.

    evidence: other objects of the study that it rests on; the slices of the scan and the segmentations are added.
    label: of the report within the run. number: of the series, and within it. Raises InputError for no finding and
    for ends in a finding with a segment, OutputError.
    """
    if not findings:
        raise InputError("A structured report needs at least one finding.")
    if any(f.segment is not None and any(m.ends_mm is not None for m in f.measured) for f in findings):
        raise InputError("A finding with a segment cannot hold the ends of lengths: put them into one without.")
    data = new_result(SR_CLASS, "SR", source, header, label, number)
    data.CompletionFlag, data.VerificationFlag, data.PreliminaryFlag = "COMPLETE", "UNVERIFIED", "PRELIMINARY"
    data.ReferencedPerformedProcedureStepSequence, data.PerformedProcedureCodeSequence = [], []
    content = _content(findings, source, header)
    for element in content:
        data[element.tag] = element
    held = {f.segment[0].sop_uid: f.segment[0] for f in findings if f.segment is not None}
    held |= {r.sop_uid: r for r in evidence}
    slices = [source.reference(k) for k in range(len(source.headers))]
    data.CurrentRequestedProcedureEvidenceSequence = [_evidence([*slices, *held.values()], source)]
    for name in ("FrameOfReferenceUID", "PositionReferenceIndicator"):
        del data[name]  # a report has no frame of its own; its coordinates name theirs
    saved = save_object(data, Path(path))
    return Reference(SR_CLASS, str(data.SOPInstanceUID), str(data.SeriesInstanceUID), saved)


def _content(findings: Sequence[ReportedFinding], source: SourceSeries, header: ResultHeader) -> Dataset:
    """The root of the content tree."""
    from highdicom import sr
    from pydicom.sr.codedict import codes

    device = sr.ObserverContext(
        observer_type=codes.DCM.Device,
        observer_identifying_attributes=sr.DeviceObserverIdentifyingAttributes(
            uid=uid_of("device", header.version),
            name="Glisson",
            manufacturer_name="Glisson",
            model_name=f"Glisson {header.version}",
        ),
    )
    modality = str(source.first.get("Modality") or "")
    report = sr.MeasurementReport(
        observation_context=sr.ObservationContext(observer_device_context=device),
        procedure_reported=_concept(PROCEDURES.get(modality, PROCEDURES["CT"])),
        imaging_measurements=[_group(finding, source) for finding in findings],
        title=codes.DCM.ImagingMeasurementReport,
    )
    root: Dataset = report[0]
    return root


def _concept(term: Term) -> Any:
    from highdicom.sr import CodedConcept

    return CodedConcept(term.value, term.scheme, term.meaning)


def _group(finding: ReportedFinding, source: SourceSeries) -> Any:
    from highdicom import sr

    shared: dict[str, Any] = {
        "tracking_identifier": sr.TrackingIdentifier(uid=finding.tracking[1], identifier=finding.tracking[0]),
        "finding_type": _concept(finding.kind),
        "finding_sites": [sr.FindingSite(anatomic_location=_concept(site)) for site in finding.sites] or None,
        "measurements": [_measurement(m, source) for m in finding.measured] or None,
        "qualitative_evaluations": [
            sr.QualitativeEvaluation(name=_concept(question), value=_concept(answer))
            for question, answer in finding.statements
        ]
        or None,
    }
    if finding.segment is None:
        return sr.MeasurementsAndQualitativeEvaluations(**shared)
    held, number = finding.segment
    segment = sr.ReferencedSegment(
        held.sop_class,
        held.sop_uid,
        number,
        source_series=sr.SourceSeriesForSegmentation(referenced_series_instance_uid=source.series_uid),
    )
    return sr.VolumetricROIMeasurementsAndQualitativeEvaluations(referenced_segment=segment, **shared)


def _measurement(measured: Measured, source: SourceSeries) -> Any:
    from highdicom import sr

    points = None
    if measured.ends_mm is not None:
        ends = np.round(np.asarray(measured.ends_mm, dtype=np.float64), COORDINATE_DECIMALS) + 0.0
        points = [
            sr.CoordinatesForMeasurement3D(
                graphic_type=sr.GraphicTypeValues3D.POLYLINE, graphic_data=ends, frame_of_reference_uid=source.frame_uid
            )
        ]
    return sr.Measurement(
        name=_concept(measured.name),
        value=float(measured.value),
        unit=_concept(measured.unit),
        referenced_coordinates=points,
    )


def _evidence(references: Sequence[Reference], source: SourceSeries) -> Any:
    from pydicom.dataset import Dataset as Item

    by_series: dict[str, list[Any]] = {}
    for reference in references:
        item = Item()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = reference.sop_class, reference.sop_uid
        by_series.setdefault(reference.series_uid, []).append(item)
    study = Item()
    study.StudyInstanceUID = source.study_uid
    study.ReferencedSeriesSequence = []
    for uid, items in by_series.items():
        series = Item()
        series.SeriesInstanceUID, series.ReferencedSOPSequence = uid, items
        study.ReferencedSeriesSequence.append(series)
    return study
