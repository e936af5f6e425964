"""A folder of DICOM files without the persons, with a report of what was removed and what was left out."""

from __future__ import annotations

import json
import re
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glisson.errors import InputError
from glisson.imaging.deidentify.dataset import Cleaner
from glisson.imaging.deidentify.profile import EDITION, Options
from glisson.imaging.deidentify.values import Key
from glisson.imaging.whole import write_whole

__all__ = ["REPORT", "Removal", "deidentify_folder"]

REPORT = "deidentification.json"

WORDS_INSIDE = ("SR", "KO", "PR", "DOC", "OT", "SC", "XC")
"""Modalities whose objects are words or pictures of screens: their content cannot be cleaned by attributes."""

PAINTED = ("US", "ES", "IO", "RF", "XA", "SM", "GM", "OP")
"""Modalities whose pictures often have the patient's name painted in."""

SCREENS = (
    "1.2.840.10008.5.1.4.1.1.7", "1.2.840.10008.5.1.4.1.1.9", "1.2.840.10008.5.1.4.1.1.11",
    "1.2.840.10008.5.1.4.1.1.88", "1.2.840.10008.5.1.4.1.1.104", "1.2.840.10008.5.1.4.1.1.66",
)  # fmt: skip
"""SOP classes (and those below them) of the same, whatever modality they name: a scanner's dose sheet says CT.
Secondary captures, waveforms, presentation states, reports, documents, raw data.
"""

MASKS_BELOW_RAW = "1.2.840.10008.5.1.4.1.1.66."
"""Registrations, segmentations and their like, whose classes lie below that of raw data."""

SCREEN_KINDS = ("SCREEN SAVE", "SCREENSAVE", "DOSE_INFO", "DOSE INFO")
"""Image types of pictures of a scanner's screen."""

OVERLAYS = range(0x6000, 0x6100, 2)

NAMING_FILES = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
"""Identifiers that folders and files are named by."""


@dataclass(frozen=True)
class Removal:
    """What was done: files written, people, what became of each attribute, files left out with why, warnings."""

    files: int
    people: int
    attributes: tuple[tuple[str, str, int], ...]
    left_out: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]
    options: Options

    def as_json(self) -> dict[str, Any]:
        """The report as it is written; it holds no value of any attribute."""
        return {
            "profile": f"DICOM PS3.15 {EDITION}, Annex E",
            "codes": [{"code": code, "meaning": meaning} for code, meaning in self.options.codes],
            "files": self.files,
            "people": self.people,
            "attributes": [{"attribute": a, "done": d, "times": n} for a, d, n in self.attributes],
            "left_out": [{"file": file, "why": why} for file, why in self.left_out],
            "warnings": list(self.warnings),
        }


def deidentify_folder(
    source: Path,
    out: Path,
    key: Key,
    *,
    options: Options | None = None,
    painted: bool = False,
    progress: Callable[[str, float], None] | None = None,
) -> Removal:
    """Write the DICOM files below `source` without the persons to `out`, whole or not at all.

    Files go to PSEUDONYM/STUDY/SERIES/OBJECT.dcm and are named by their new identifiers. painted: keep pictures that
    say or are likely to hold burned-in text. Dates of one patient move by the same days and identifiers are replaced
    alike in every file, so scans, masks and dose that belong together still do. Raises InputError when nothing can be
    written.
    """
    chosen = options or Options()
    files = sorted(path for path in source.rglob("*") if path.is_file()) if source.is_dir() else [source]
    say = progress or (lambda _words, _share: None)
    found: list[Removal] = []

    def fill(folder: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they quote values
            removal = _clean_all(files, source, folder, Cleaner(key, chosen), painted, say)
        (folder / REPORT).write_text(json.dumps(removal.as_json(), indent=2) + "\n", encoding="utf-8")
        found.append(removal)

    write_whole(out, fill, marks=frozenset((REPORT,)), what="de-identified copy")
    return found[0]


def _clean_all(
    files: list[Path], source: Path, folder: Path, cleaner: Cleaner, painted: bool, say: Callable[[str, float], None]
) -> Removal:
    left_out: list[tuple[str, str]] = []
    doubts: Counter[str] = Counter()
    people: set[str] = set()
    for number, path in enumerate(files):
        say("Taking the person out of each file", number / len(files))
        name = f"file {number + 1}"
        dataset = _read(path)
        why = "not a DICOM file" if dataset is None else _unfit(dataset, painted)
        if why is not None or dataset is None:
            left_out.append((name, why or ""))
            continue
        doubts.update(_doubts(dataset))
        people.add(cleaner.clean(dataset))
        place = folder / dataset.PatientID / dataset.StudyInstanceUID / dataset.SeriesInstanceUID
        place.mkdir(parents=True, exist_ok=True)
        dataset.save_as(place / f"{dataset.SOPInstanceUID}.dcm", enforce_file_format=True)
    if len(left_out) == len(files):
        raise InputError(f"No file of {source} could be written: {_reasons(left_out)}. Nothing was written.")
    return Removal(
        len(files) - len(left_out),
        len(people),
        tuple((name, what, times) for (name, what), times in sorted(cleaner.done.items())),
        tuple(left_out),
        tuple(f"{words} ({times} files)" for words, times in sorted(doubts.items())),
        cleaner.options,
    )


def _reasons(left_out: list[tuple[str, str]]) -> str:
    counted = Counter(why for _, why in left_out)
    return "; ".join(f"{why} ({times})" for why, times in sorted(counted.items())) or "there are no files"


def _read(path: Path) -> Any:
    """The dataset of a file, or None when it is not DICOM or broken."""
    from pydicom import dcmread
    from pydicom.errors import InvalidDicomError

    try:
        dataset = dcmread(path)
        dataset.decode()
    except (InvalidDicomError, OSError, ValueError, KeyError, AttributeError, TypeError, EOFError, NotImplementedError):
        return None
    return dataset if all(dataset.get(name) for name in ("SOPClassUID", *NAMING_FILES)) else None


def _unfit(dataset: Any, painted: bool) -> str | None:
    """Why an object must not be written; None when it may."""
    modality = str(dataset.get("Modality", "")).upper()
    if "EncapsulatedDocument" in dataset or modality in WORDS_INSIDE:
        return f"{modality or 'document'}: its content is words or a picture of a screen, which cannot be cleaned"
    if _is_screen(dataset):
        return f"{modality or 'picture'}: a report, a capture of a screen or raw data, which cannot be cleaned"
    if any(not re.fullmatch(r"[0-9.]{1,64}", str(dataset.get(name)).strip("\0 ")) for name in NAMING_FILES):
        return "its identifiers are no DICOM UIDs"
    if painted:
        return None
    if any((group << 16 | 0x0010) in dataset and (group << 16 | 0x3000) not in dataset for group in OVERLAYS):
        return "a drawing lies in spare bits of its pixels, which may hold text"
    if str(dataset.get("BurnedInAnnotation", "")).upper() == "YES":
        return "it says that text is burned into the picture"
    if modality in PAINTED:
        return f"{modality} pictures often have the patient's name burned in"
    return None


def _is_screen(dataset: Any) -> bool:
    """Whether an object is words, a picture of a screen or raw data by its class or image type."""
    sop_class = str(dataset.SOPClassUID)
    kinds = [str(kind).upper() for kind in dataset.get("ImageType", None) or ()]
    by_class = any(sop_class == known or sop_class.startswith(f"{known}.") for known in SCREENS)
    return (by_class and not sop_class.startswith(MASKS_BELOW_RAW)) or any(kind in SCREEN_KINDS for kind in kinds)


def _doubts(dataset: Any) -> list[str]:
    """What somebody should look at before the files leave the house."""
    doubts = []
    kinds = [str(kind).upper() for kind in dataset.get("ImageType", None) or ()]
    if "BurnedInAnnotation" not in dataset and "SECONDARY" in kinds:
        doubts.append("a derived picture that does not say whether text is burned in: look at it")
    if str(dataset.get("BodyPartExamined", "")).upper() in ("HEAD", "BRAIN", "NECK", "HEADNECK", "WHOLEBODY"):
        doubts.append("the scan may show a face, from which a person can be recognised")
    if not str(dataset.get("PatientID", "") or "").strip():
        doubts.append("no patient identifier: each study was taken for another person")
    return doubts
