"""Lesions of somebody else's DICOM measurement report into the case file, matched to the outlines by place."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glisson.case import CASE_FILE, Case, LesionFacts, Unknown, case_as_plain
from glisson.errors import DicomError, InputError
from glisson.exchange.dicom_reports import facts_of_report
from glisson.exchange.fhir_import_merge import Conflict, Merge, Steps
from glisson.exchange.fhir_import_write import PREFER, apply, write_import
from glisson.imaging import read_case
from glisson.imaging.dicom_open import open_dicom
from glisson.imaging.dicom_seg_read import SegFile, read_seg
from glisson.imaging.dicom_source import SourceSeries, source_of
from glisson.imaging.dicom_sr_read import read_report
from glisson.scene import Notice

__all__ = ["REPORT_FILE", "ReportImport", "import_report"]

REPORT_FILE = "import-report-dicom.json"
"""What was taken and what to check, beside the case file."""

OURS = "Glisson"
SAME_SIZE_MM = 0.05
"""Sizes closer than this are the same; reports round."""

DECIMALS = 2
"""Decimals of a size taken from a report."""


@dataclass(frozen=True)
class ReportImport:
    """What an import did: the case file, what was laid over it, the lesions of the report, what was notable."""

    file: Path
    merge: Merge
    lesions: tuple[LesionFacts, ...]
    notices: tuple[Notice, ...]

    def report(self) -> dict[str, Any]:
        """All of it as plain values."""
        return {
            "lesions": [_plain(one) for one in self.lesions],
            "changed": list(self.merge.added),
            "differed": [{"fact": c.path, "case": c.case, "report": c.bundle} for c in self.merge.conflicts],
            "check": [notice.text for notice in self.notices],
        }


def import_report(source: str | Path, folder: str | Path, *, prefer: str | None = None) -> ReportImport:
    """Put the lesions of a measurement report (TID 1500) into `folder`/case.yaml and write REPORT_FILE beside it.

    The case must have a DICOM scan of the same patient and outlines. Sizes are added to lesions that lie at the same
    place; a lesion that is at no outline is added by its own name, with a notice. A size that differs from the case's
    is refused, unless prefer is "bundle" (the report) or "case". Segments of the report are looked up in the
    segmentations that the case names and in those beside the report. Raises InputError, DicomError, CaseFileError,
    OutputError; nothing is changed then.
    """
    if prefer not in PREFER:
        raise InputError(f"--prefer is bundle (here the report) or case; got {prefer!r}.")
    path, root = Path(source), Path(folder)
    file = root / CASE_FILE
    if not file.exists():
        raise InputError(
            f"{file} does not exist. A report's lesions are known by their place: begin the case with its scan and "
            "outlines first (glisson init), then import the report."
        )
    case, scene = read_case(root)
    series = Unknown("it has no scan or outline") if scene is None else source_of(root, case, scene)
    if scene is None or isinstance(series, Unknown):
        why = series.reason if isinstance(series, Unknown) else ""
        raise InputError(f"{file}: a report's places lie in the frame of a DICOM scan, but {why}.")
    _of_this_patient(path, series)
    report = read_report(path, series, _segmentations(path, root, case, series))
    facts, notices = facts_of_report(report, scene)
    if not report.verified:
        notices = (*notices, Notice("warning", "report-unverified", f"{path.name}: nobody has verified the report."))
    laid = _laid(case, facts, prefer)
    if laid.conflicts and prefer is None:
        _refuse(file, laid.conflicts)
    done = ReportImport(file, laid, facts, notices)
    with file.open(encoding="utf-8-sig", newline="") as handle:
        text = apply(handle.read(), laid.put, str(file))
    write_import(
        file, text, json.dumps(done.report(), indent=2, ensure_ascii=False) + "\n", new=False, name=REPORT_FILE
    )
    return done


def _of_this_patient(path: Path, series: SourceSeries) -> None:
    """Refuse a report of another patient, and our own: what we measured is no second opinion."""
    header = open_dicom(path, specific_tags=["PatientID", "Manufacturer"], stop_before_pixels=True)
    patient = str(header.get("PatientID") or "").strip()
    if patient and series.patient_id.strip() and patient != series.patient_id.strip():
        raise InputError(f"{path} is about another patient than the scan of the case. Nothing was written.")
    if str(header.get("Manufacturer") or "") == OURS:
        raise InputError(
            f"{path} is a result of Glisson itself: what it measured does not become a fact of the record."
        )


def _segmentations(path: Path, root: Path, case: Case, series: SourceSeries) -> list[SegFile]:
    """The segmentations that the report points to, among those that the case names and those beside the report."""
    wanted = {lesion.segment[0] for lesion in read_report(path, series).lesions if lesion.segment is not None}
    found: dict[str, SegFile] = {}
    for candidate in sorted({*_named(root, case), *path.parent.glob("*.dcm")} if wanted else ()):
        if _is_wanted(candidate, wanted):
            held = read_seg(candidate, series.grid)
            if held.frame_uid in (None, series.frame_uid):
                found[held.sop_uid] = held
    return list(found.values())


def _is_wanted(candidate: Path, wanted: set[str]) -> bool:
    """Whether a file is a segmentation that the report points to; what cannot be read is none of its business."""
    try:
        header = open_dicom(candidate, specific_tags=["SOPInstanceUID", "Modality"], stop_before_pixels=True)
    except (DicomError, OSError):
        return False
    return str(header.get("SOPInstanceUID")) in wanted and str(header.get("Modality")) == "SEG"


def _named(root: Path, case: Case) -> Iterable[Path]:
    """The DICOM files that the masks of a case name."""
    plain = case_as_plain(case)
    todo: list[Any] = [study.get("masks") for study in plain.get("studies", ())]
    while todo:
        held = todo.pop()
        if isinstance(held, dict):
            todo += held.values()
        elif isinstance(held, list):
            todo += held
        elif isinstance(held, str) and held.endswith(".dcm"):
            yield root / held


def _laid(case: Case, facts: tuple[LesionFacts, ...], prefer: str | None) -> Merge:
    """New lesions behind the list; of those that the case has, the size alone."""
    before = {lesion.id: (at, lesion) for at, lesion in enumerate(case.lesions)}
    put: list[tuple[Steps, Any]] = []
    conflicts: list[Conflict] = []
    new = [_plain(one) for one in facts if one.id not in before]
    for one in facts:
        if one.id not in before or isinstance(one.size_mm, Unknown):
            continue
        at, held = before[one.id]
        size = _plain(one)["size_mm"]
        if isinstance(held.size_mm, Unknown):
            put.append((("lesions", at, "size_mm"), size))
        elif abs(held.size_mm - size) > SAME_SIZE_MM:
            conflicts.append(Conflict(f"lesions.{one.id}.size_mm", held.size_mm, size))
            if prefer == "bundle":
                put.append((("lesions", at, "size_mm"), size))
    if new and not case.lesions:
        put.append((("lesions",), new))
    else:
        put += [(("lesions", len(case.lesions) + number), one) for number, one in enumerate(new)]
    return Merge(tuple(put), tuple(conflicts))


def _plain(one: LesionFacts) -> dict[str, Any]:
    size = {} if isinstance(one.size_mm, Unknown) else {"size_mm": round(one.size_mm, DECIMALS)}
    return {"id": one.id, "reason": one.reason, **size}


def _refuse(file: Path, conflicts: tuple[Conflict, ...]) -> None:
    listed = "\n".join(f"  {c.path}: the case says {c.case}, the report {c.bundle}" for c in conflicts)
    raise InputError(
        f"{file} and the report differ; nothing was written:\n{listed}\n"
        "Correct one of them, or say which counts: --prefer bundle (the report) or --prefer case."
    )
