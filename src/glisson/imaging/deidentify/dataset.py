"""One DICOM object without the person."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from glisson.imaging.deidentify.profile import SAFE_PRIVATE, Options, action_of
from glisson.imaging.deidentify.values import Key, known_words

__all__ = ["Cleaner", "person_of"]

OLDEST_YEARS = 89
"""Ages above this are given as 90, since so few people are older."""

DUMMY = "REMOVED"

TEXT = ("AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT")
NUMBERS = ("DS", "IS", "FD", "FL", "SL", "SS", "SV", "UL", "US", "UV")

NAMING = (
    "PatientName", "PatientID", "OtherPatientIDs", "OtherPatientNames", "PatientBirthName", "PatientMotherBirthName",
    "AccessionNumber",
)  # fmt: skip
"""Attributes whose words must not stand anywhere in what is kept."""

NEVER_EMPTY = ("SegmentLabel", "StructureSetLabel", "TrackingID")
"""Words that an object of its kind must have; where nothing of them may be kept stands UNNAMED."""

UNNAMED = "UNNAMED"

HEADER = (
    "FileMetaInformationVersion", "MediaStorageSOPClassUID", "MediaStorageSOPInstanceUID", "TransferSyntaxUID",
    "ImplementationClassUID", "ImplementationVersionName",
)  # fmt: skip
"""What stays of the file's own header; the rest names machines and addresses."""

SHORTEST_NAME = 3
"""Parts of a name shorter than this are not looked for."""


def person_of(dataset: Any) -> str:
    """What tells one person from another: identifier and issuer, or else the study."""
    number = str(dataset.get("PatientID", "") or "").strip()
    issuer = str(dataset.get("IssuerOfPatientID", "") or "").strip()
    return f"{issuer}\0{number}" if number else f"study\0{dataset.get('StudyInstanceUID', '')}"


@dataclass
class Cleaner:
    """Takes the person out of the objects of one patient and counts what it did.

    done: (attribute, what was done) -> how often.
    """

    key: Key
    options: Options
    done: Counter[tuple[str, str]] = field(default_factory=Counter)
    _person: str = ""
    _names: re.Pattern[str] | None = None

    def clean(self, dataset: Any) -> str:
        """Change the dataset in place, its sequences and its file header too. Gives back the patient's new name."""
        self._person = person_of(dataset)
        self._names = _names_in(dataset)
        new = self.key.pseudonym(self._person)
        self._walk(dataset)
        dataset.PatientName = dataset.PatientID = new
        self._say(dataset)
        header = getattr(dataset, "file_meta", None)
        if header is not None:
            for tag in [element.tag for element in header if element.keyword not in HEADER]:
                del header[tag]
            header.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.preamble = b"\0" * 128
        return new

    def _walk(self, dataset: Any) -> None:
        for tag in list(dataset.keys()):
            element = dataset[tag]
            if tag.is_private:
                if not (self.options.private and _safe(dataset, tag)):
                    self._count("private attribute", "removed")
                    del dataset[tag]
                continue
            self._treat(dataset, element, action_of(element, self.options))

    def _treat(self, dataset: Any, element: Any, action: str) -> None:
        name = element.keyword or str(element.tag)
        if action == "remove" or (action in ("empty", "dummy") and element.VR == "SQ"):
            self._count(name, "removed" if action == "remove" else "emptied")
            if action == "remove":
                del dataset[element.tag]
            else:
                element.value = []
        elif action in ("empty", "dummy"):
            element.value = _dummy(element.VR) if action == "dummy" else _nothing(element.VR)
            self._count(name, "emptied" if action == "empty" else "replaced by a dummy")
        elif action == "replace":
            element.value = _each(element.value, self.key.uid)
            self._count(name, "identifier replaced")
        elif action == "shift":
            element.value = _each(element.value, lambda text: self.key.date(text, self._person))
            self._count(name, "date moved")
        elif action == "clean":
            dummy = UNNAMED if name in NEVER_EMPTY else ""
            element.value = _each(element.value, lambda text: self._unnamed(known_words(text)) or dummy) or dummy
            self._count(name, "kept in known words")
        else:
            self._keep(element, name)

    def _keep(self, element: Any, name: str) -> None:
        if element.VR == "SQ":
            for item in element.value:
                self._walk(item)
        elif name == "PatientAge" and _years(element.value) > OLDEST_YEARS:
            element.value = f"{OLDEST_YEARS + 1:03d}Y"
            self._count(name, f"above {OLDEST_YEARS} years given as {OLDEST_YEARS + 1}")
        elif element.VR in TEXT and self._names is not None and self._names.search(_text(element.value)):
            element.value = ""
            self._count(name, "emptied: it held a name or number of the patient")

    def _unnamed(self, words: str) -> str:
        return "" if self._names is not None and self._names.search(words) else words

    def _say(self, dataset: Any) -> None:
        """State in the object what was done to it."""
        from pydicom.dataset import Dataset

        dataset.PatientIdentityRemoved = "YES"
        dataset.DeidentificationMethod = "DICOM PS3.15 Annex E basic profile; see the codes"
        codes = []
        for value, meaning in self.options.codes:
            code = Dataset()
            code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, "DCM", meaning
            codes.append(code)
        dataset.DeidentificationMethodCodeSequence = codes
        dataset.LongitudinalTemporalInformationModified = "MODIFIED" if self.options.dates else "REMOVED"

    def _count(self, name: str, what: str) -> None:
        self.done[name, what] += 1


def _names_in(dataset: Any) -> re.Pattern[str] | None:
    """A pattern for the words that name the patient in this object."""
    words: set[str] = set()
    for holder in (dataset, *(dataset.get("OtherPatientIDsSequence") or ())):
        for name in NAMING:
            words.update(re.split(r"[\s^=,\\]+", _text(holder.get(name, ""))))
    sought = sorted(word for word in words if len(word) >= SHORTEST_NAME)
    if not sought:
        return None
    return re.compile("|".join(rf"(?<![^\W_]){re.escape(word)}(?![^\W_])" for word in sought), re.IGNORECASE)


def _safe(dataset: Any, tag: Any) -> bool:
    """Whether a private attribute is one of those known to hold numbers only, or the creator of one."""
    if tag.is_private_creator:
        creator = str(dataset[tag].value).strip().upper()
        return any(known == creator for _, _, known in SAFE_PRIVATE)
    creator = str(getattr(dataset.get(tag.group << 16 | tag.element >> 8), "value", "")).strip().upper()
    return (f"{tag.group:04X}", f"{tag.element & 0xFF:02X}", creator) in SAFE_PRIVATE


def _each(value: Any, change: Callable[[str], str]) -> Any:
    """The value changed, each part of a multiple one for itself."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [change(str(part)) for part in value]
    return change(str(value)) if value else ""


def _text(value: Any) -> str:
    """All words of a value."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return " ".join(str(part) for part in value)
    return str(value or "")


def _nothing(vr: str) -> Any:
    return b"" if vr in ("OB", "OD", "OF", "OL", "OV", "OW", "UN") else None if vr in NUMBERS else ""


def _dummy(vr: str) -> Any:
    if vr in NUMBERS:
        return 0
    fixed = {"DA": "19000101", "DT": "19000101000000", "TM": "000000", "AS": "000Y", "UI": "2.25.0"}
    return fixed.get(vr, DUMMY if vr in TEXT else b"\0\0")


def _years(age: Any) -> int:
    match = re.fullmatch(r"(\d{1,3})Y", str(age or "").strip())
    return int(match[1]) if match else 0
