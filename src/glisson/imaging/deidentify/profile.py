"""What the Basic Application Level Confidentiality Profile and its options say of each attribute.

Source: DICOM PS3.15 2026c, Annex E, table E.1-1, in the form that the package dicom-anonymizer keeps. That table names
the basic profile; the options change it for the attributes listed here. Where the profile leaves a choice between
removing and keeping an attribute without its value, the value goes and the attribute stays, so that the object remains
one of its kind.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any

from glisson.errors import MissingExtra

__all__ = ["CODES", "EDITION", "OPTIONS", "SAFE_PRIVATE", "Options", "action_of"]

EDITION = "2026c"
"""Edition of the standard whose table is used."""

CATEGORIES = {
    "X_TAGS": "remove",
    "Z_TAGS": "empty",
    "X_Z_TAGS": "empty",
    "D_TAGS": "dummy",
    "Z_D_TAGS": "dummy",
    "X_D_TAGS": "dummy",
    "X_Z_D_TAGS": "dummy",
    "U_TAGS": "replace",
    "X_Z_U_STAR_TAGS": "keep",
}
"""Lists of the package -> what is done. The last list holds sequences of references, which are walked into."""

PATIENT = (
    "PatientSex", "PatientAge", "PatientSize", "PatientWeight", "EthnicGroup", "SmokingStatus", "PregnancyStatus",
    "PatientSexNeutered",
)  # fmt: skip
DEVICE = (
    "DeviceSerialNumber", "StationName", "DeviceUID", "GantryID", "DetectorID", "GeneratorID", "PlateID",
    "ScheduledStationName", "PerformedStationName",
)  # fmt: skip
DESCRIPTIONS = (
    "StudyDescription", "SeriesDescription", "ProtocolName", "AcquisitionProtocolDescription", "ContrastBolusAgent",
    "ROIName", "ROIDescription", "StructureSetLabel", "StructureSetName", "SegmentDescription", "DerivationDescription",
)  # fmt: skip
BIRTH = ("PatientBirthDate", "PatientBirthTime")
"""Dates that no option keeps: with the age they would name the person."""

WORDS = ("LO", "SH", "LT", "ST", "UC", "UT", "UR")
"""Value representations that hold words. What the table does not list of them may still hold what somebody typed."""

TECHNICAL = (
    "AcquisitionMode", "AlgorithmName", "AlgorithmVersion", "AttenuationCorrectionMethod", "CodeMeaning", "CodeValue",
    "CodingSchemeDesignator", "CodingSchemeName", "CodingSchemeVersion", "CollimatorGridName", "ContrastBolusRoute",
    "ConvolutionKernel", "DeidentificationMethod", "DetectorLinesOfResponseUsed", "DimensionDescriptionLabel",
    "EnergyWindowName", "FilterType", "ImageFilter", "ImagedNucleus", "LongCodeValue", "Manufacturer",
    "ManufacturerModelName", "MappingResourceName", "ModalityLUTType", "PVCRejection", "PositionReferenceIndicator",
    "PulseSequenceName", "Radiopharmaceutical", "RadiopharmaceuticalRoute", "ReceiveCoilName", "ReconstructionMethod",
    "RescaleType", "ScatterCorrectionMethod", "SegmentAlgorithmName", "SequenceName", "SoftwareVersions", "StackID",
    "TransmitCoilName", "TriggerSourceOrType", "TypeOfFilters", "URNCodeValue",
)  # fmt: skip
"""Words of scanners, software and coding schemes, which nobody types: kept as they are."""

OVERLAYS = range(0x6000, 0x6100)
"""Groups of overlays: drawings and their descriptions, often with the name in them."""

SAFE_PRIVATE = {
    ("7053", "00", "PHILIPS PET PRIVATE GROUP"),
    ("7053", "09", "PHILIPS PET PRIVATE GROUP"),
    ("2005", "0D", "PHILIPS MR IMAGING DD 001"),
    ("2005", "0E", "PHILIPS MR IMAGING DD 001"),
    ("00E1", "21", "ELSCINT1"),
    ("01E1", "26", "ELSCINT1"),
}
"""Group, element within its block, and creator of private attributes that hold numbers of the scanner: scale factors of
PET and MR, dose and phantom of CT. A part of PS3.15 table E.3.10-1.
"""

CODES = {
    "basic": ("113100", "Basic Application Confidentiality Profile"),
    "descriptions": ("113105", "Clean Descriptors Option"),
    "dates": ("113107", "Retain Longitudinal Temporal Information Modified Dates Option"),
    "patient": ("113108", "Retain Patient Characteristics Option"),
    "device": ("113109", "Retain Device Identity Option"),
    "uids": ("113110", "Retain UIDs Option"),
    "private": ("113111", "Retain Safe Private Option"),
}
"""Option -> code and meaning in PS3.16 context group 7050."""


@dataclass(frozen=True)
class Options:
    """Options of the profile.

    dates: keep the days between scans, with every date moved by the same number of days. patient: keep sex, age up to
    89, size and weight. descriptions: keep the words of series and structures that are known to name no person.
    device: keep what names the scanner. uids: keep unique identifiers. private: keep numbers of the scanner in private
    attributes known to be safe.
    """

    dates: bool = True
    patient: bool = True
    descriptions: bool = True
    device: bool = False
    uids: bool = False
    private: bool = False

    @property
    def codes(self) -> tuple[tuple[str, str], ...]:
        """Code and meaning of the profile and of each option in use."""
        return (CODES["basic"], *(CODES[field.name] for field in fields(self) if getattr(self, field.name)))


OPTIONS = tuple(field.name for field in fields(Options))


def action_of(element: Any, options: Options) -> str:
    """What is done with a standard data element.

    One of keep, remove, empty, dummy, replace (an identifier), shift (a date) and clean (words). What the table does
    not list: names of persons, overlays and attributes that no dictionary knows are removed, identifiers and dates are
    treated like those it does list, words that somebody may have typed like descriptions.
    """
    keyword, listed = element.keyword, _listed(int(element.tag))
    if not keyword or element.tag.group in OVERLAYS or keyword.endswith("InAlternativeCalendar"):
        return "remove"
    if element.VR in ("DA", "DT", "TM") and keyword not in BIRTH:
        return ("shift" if element.VR != "TM" else "keep") if options.dates else (listed or "empty")
    if element.VR == "UI":
        return "keep" if options.uids or _well_known(element.value) else "replace"
    kept = (options.patient and keyword in PATIENT) or (options.device and keyword in DEVICE)
    if kept:
        return "keep"
    typed = listed is None and element.VR in WORDS and keyword not in TECHNICAL
    if typed or keyword in DESCRIPTIONS:
        return "clean" if options.descriptions else listed or "dummy"
    return listed or ("remove" if element.VR == "PN" else "keep")


def _well_known(value: Any) -> bool:
    """Whether every identifier is one of the standard's own, such as a SOP class."""
    values = [value] if isinstance(value, str) else list(value or ())
    return all(str(uid).startswith("1.2.840.10008.") for uid in values)


def _listed(tag: int) -> str | None:
    """What the basic profile does with a tag; None when the table does not hold it."""
    single, masked = _table()
    if tag in single:
        return single[tag]
    return next((action for value, mask, action in masked if tag & mask == value & mask), None)


@lru_cache(1)
def _table() -> tuple[dict[int, str], tuple[tuple[int, int, str], ...]]:
    """Tag -> action, and (value, mask, action) for groups that repeat."""
    try:
        from dicomanonymizer.dicomfields_selector import dicom_anonymization_database_selector
    except ImportError:
        raise MissingExtra(
            "De-identification needs the table of DICOM PS3.15 from the package dicom-anonymizer, which is not "
            "installed: pip install 'glisson[deidentify]'"
        ) from None
    single: dict[int, str] = {}
    masked: list[tuple[int, int, str]] = []
    lists = dicom_anonymization_database_selector(f"dicomfields_{EDITION}")
    for name, action in CATEGORIES.items():
        for tag in lists[name]:
            if len(tag) == 2:
                single[tag[0] << 16 | tag[1]] = action
            else:
                masked.append((tag[0] << 16 | tag[1], tag[2] << 16 | tag[3], action))
    return single, tuple(masked)
