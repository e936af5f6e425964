"""A named person stands for the DICOM results of a plan: new objects, verified, in place of those not reviewed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from glisson.errors import DicomError, InputError
from glisson.imaging.dicom_source import RESEARCH, uid_of
from glisson.imaging.provenance import sha256_of
from glisson.imaging.whole import write_whole

__all__ = ["RECORD", "RELEASED", "release_results"]

RECORD = "release.json"
"""Who released the results in a folder, when, and which object became which."""

RELEASED = "RESEARCH \u2013 reviewed by"
"""Series descriptions of released results begin so; the name follows."""

LONGEST = 64
"""Letters of a name, an institution or a description (DICOM value representations PN and LO)."""

KEPT_OBJECTS = "PredecessorDocumentsSequence"
"""Where a report points to the one that it replaces: UIDs in it stay."""


def release_results(out: Path, by: str, *, organization: str = "not stated", at: datetime) -> dict[str, Any]:
    """Rewrite OUT/dicom/*.dcm as released by a person; gives back the record that also lies in OUT/dicom/release.json.

    Every object gets a new SOP instance UID and series UID, and references among the results follow. Reports and
    documents become VERIFIED, structure sets APPROVED; reports become final, name the verifying observer and the report
    that they replace. All objects change at once or none does. at: the moment, with its time zone. Raises InputError
    where there is nothing to release, where somebody has released it already and for names that DICOM cannot hold,
    DicomError, OutputError.
    """
    name, institution = _text(by, "--by"), _text(organization, "--organization")
    if at.tzinfo is None:
        raise InputError("The moment of a release needs its time zone.")
    folder = out / "dicom"
    files = sorted(folder.glob("*.dcm"))
    if (folder / RECORD).exists():
        held = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        raise InputError(
            f"The results in {folder} were released by {held['by']} at {held['at']} already. Plan anew to change them."
        )
    if not files:
        raise InputError(f"{folder} holds no results. A plan of a case with DICOM images writes them.")
    objects = [(path, _read(path)) for path in files]
    new_uids = _new_uids([data for _, data in objects], name, at)
    record: dict[str, Any] = {
        "by": name,
        "organization": institution,
        "at": at.isoformat(timespec="seconds"),
        "objects": [],
    }

    def fill(target: Path) -> None:
        for path, data in objects:
            was = (str(data.SOPInstanceUID), sha256_of(path))
            _release(data, new_uids, name, institution, at)
            data.save_as(target / path.name, enforce_file_format=True)
            now = sha256_of(target / path.name)
            record["objects"].append({
                "file": path.name, "was": was[0], "was_sha256": was[1], "is": str(data.SOPInstanceUID),
                "is_sha256": now,
            })  # fmt: skip
        (target / RECORD).write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

    write_whole(folder, fill, marks=frozenset(path.name for path in files), what="set of results")
    return record


def _text(given: str, option: str) -> str:
    text = " ".join(given.split())
    if not text or len(text) > LONGEST or any(letter in "\\=" or ord(letter) < 32 for letter in text):
        raise InputError(f"{option} needs a name of 1 to {LONGEST} letters without \\ and =; got {given!r}.")
    return text


def _read(path: Path) -> Any:
    from pydicom import dcmread

    try:
        data = dcmread(path)
        description = str(data.get("SeriesDescription"))
        uids = data.SOPInstanceUID, data.SeriesInstanceUID, data.SOPClassUID
    except Exception as problem:
        raise DicomError(f"{path} cannot be read ({problem}). Plan again, then release.") from problem
    del uids
    if description != RESEARCH:
        raise InputError(
            f"{path} is no result that waits for a review: its series is called '{description}', not '{RESEARCH}'."
        )
    return data


def _new_uids(objects: list[Any], name: str, at: datetime) -> dict[str, str]:
    old = {str(uid) for data in objects for uid in (data.SOPInstanceUID, data.SeriesInstanceUID)}
    return {uid: uid_of("released", uid, name, at.isoformat()) for uid in old}


def _release(data: Any, new_uids: dict[str, str], name: str, institution: str, at: datetime) -> None:
    """Make one object a released one, in place."""
    before = (str(data.SOPClassUID), str(data.SOPInstanceUID), str(data.SeriesInstanceUID))
    for element in _uids_in(data):
        element.value = _replaced(element.value, new_uids)
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    data.SpecificCharacterSet = "ISO_IR 192"
    data.SeriesDescription = f"{RELEASED} {name}"[:LONGEST]
    data.InstanceCreationDate, data.InstanceCreationTime = at.strftime("%Y%m%d"), at.strftime("%H%M%S")
    if "VerificationFlag" in data:
        data.VerificationFlag = "VERIFIED"
    if "ApprovalStatus" in data:
        data.ApprovalStatus, data.ReviewerName = "APPROVED", name
        data.ReviewDate, data.ReviewTime = data.InstanceCreationDate, data.InstanceCreationTime
    if "CompletionFlag" in data:
        _verify_report(data, before, name, institution, at)


def _verify_report(data: Any, before: tuple[str, str, str], name: str, institution: str, at: datetime) -> None:
    """The report names its verifying observer (PS3.3 C.17.2) and the report that it replaces."""
    data.CompletionFlag, data.PreliminaryFlag = "COMPLETE", "FINAL"
    observer = _item(
        VerifyingObserverName=name, VerifyingOrganization=institution, VerifyingObserverIdentificationCodeSequence=[],
        VerificationDateTime=at.strftime("%Y%m%d%H%M%S.%f%z"),
    )  # fmt: skip
    data.VerifyingObserverSequence = [observer]
    replaced = _item(ReferencedSOPClassUID=before[0], ReferencedSOPInstanceUID=before[1])
    series = _item(SeriesInstanceUID=before[2], ReferencedSOPSequence=[replaced])
    study = _item(StudyInstanceUID=str(data.StudyInstanceUID), ReferencedSeriesSequence=[series])
    data.PredecessorDocumentsSequence = [study]


def _item(**values: Any) -> Any:
    from pydicom.dataset import Dataset

    made = Dataset()
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


def _uids_in(data: Any) -> Iterator[Any]:
    """Every element of value representation UI, at any depth."""
    for element in data:
        if element.VR == "UI":
            yield element
        elif element.VR == "SQ" and element.keyword != KEPT_OBJECTS:
            for item in element.value:
                yield from _uids_in(item)


def _replaced(value: Any, new_uids: dict[str, str]) -> Any:
    from pydicom.multival import MultiValue

    if isinstance(value, MultiValue):
        return [new_uids.get(str(uid), uid) for uid in value]
    return new_uids.get(str(value or ""), value)
