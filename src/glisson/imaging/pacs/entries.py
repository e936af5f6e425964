"""Answers of an archive to a search, in either language, as entries."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from glisson.imaging.pacs.archive import SeriesEntry, StudyEntry, valid_uid

__all__ = ["SERIES_KEYS", "STUDY_KEYS", "in_order", "numbered", "series_entry", "study_entry"]

STUDY_KEYS = (
    "StudyInstanceUID", "StudyDate", "StudyDescription", "ModalitiesInStudy", "PatientID", "PatientName",
    "AccessionNumber", "NumberOfStudyRelatedSeries", "NumberOfStudyRelatedInstances",
)  # fmt: skip
"""What is asked of a study, as DICOM keywords."""

SERIES_KEYS = ("SeriesInstanceUID", "Modality", "SeriesDescription", "SeriesNumber", "NumberOfSeriesRelatedInstances")
"""What is asked of a series."""


def study_entry(data: Any) -> StudyEntry:
    """A study from a data set of an answer."""
    kinds = data.get("ModalitiesInStudy") or ()
    return StudyEntry(
        valid_uid(data.get("StudyInstanceUID"), "StudyInstanceUID"), _text(data, "StudyDate"),
        _text(data, "StudyDescription"), tuple(sorted([kinds] if isinstance(kinds, str) else map(str, kinds))),
        _text(data, "PatientID"), _text(data, "PatientName"), _text(data, "AccessionNumber"),
        _count(data, "NumberOfStudyRelatedSeries"), _count(data, "NumberOfStudyRelatedInstances"),
    )  # fmt: skip


def series_entry(data: Any) -> SeriesEntry:
    """A series from a data set of an answer."""
    return SeriesEntry(
        valid_uid(data.get("SeriesInstanceUID"), "SeriesInstanceUID"), _text(data, "Modality"),
        _text(data, "SeriesDescription"), _count(data, "SeriesNumber"), _count(data, "NumberOfSeriesRelatedInstances"),
    )  # fmt: skip


def numbered(data: Any) -> tuple[int, str]:
    """Instance number (0 where it has none) and SOP instance UID of an instance from a data set of an answer."""
    return _count(data, "InstanceNumber") or 0, valid_uid(data.get("SOPInstanceUID"), "SOPInstanceUID")


def in_order(found: Iterable[tuple[int, str]]) -> tuple[str, ...]:
    """SOP instance UIDs in the order of their instance numbers, then of the UIDs, each once."""
    return tuple(dict.fromkeys(uid for _, uid in sorted(found)))


def _text(data: Any, key: str) -> str:
    value = data.get(key)
    return "" if value is None else " ".join(str(value).split())


def _count(data: Any, key: str) -> int | None:
    value = data.get(key)
    return None if value in (None, "") else int(value)
