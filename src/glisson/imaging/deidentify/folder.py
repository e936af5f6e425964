"""A folder of DICOM files without the persons, with a report of what was removed and what was left out."""

from __future__ import annotations

import json
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
        removal = _clean_all(files, source, folder, Cleaner(key, chosen), painted, say)
        (folder / REPORT).write_text(json.dumps(removal.as_json(), indent=2) + "\n", encoding="utf-8")
        found.append(removal)

    write_whole(out, fill, marks=frozenset((REPORT,)), what="de-identified copy")
    return found[0]


def _clean_all(
    files: list[Path], source: Path, folder: Path, cleaner: Cleaner, painted: bool, say: Callable[[str, float], None]
) -> Removal:
    left_out: list[tuple[str, str]] = []
    warnings: Counter[str] = Counter()
    people: set[str] = set()
    for number, path in enumerate(files):
        say("Taking the person out of each file", number / len(files))
        name = f"file {number + 1}"
        dataset = _read(path)
        why = "not a DICOM file" if dataset is None else _unfit(dataset, painted)
        if why is not None or dataset is None:
            left_out.append((name, why or ""))
            continue
        warnings.update(_doubts(dataset))
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
        tuple(f"{words} ({times} files)" for words, times in sorted(warnings.items())),
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
    needed = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
    return dataset if all(dataset.get(name) for name in needed) else None


def _unfit(dataset: Any, painted: bool) -> str | None:
    """Why an object must not be written; None when it may."""
    modality = str(dataset.get("Modality", "")).upper()
    if "EncapsulatedDocument" in dataset or modality in WORDS_INSIDE:
        return f"{modality or 'document'}: its content is words or a picture of a screen, which cannot be cleaned"
    if painted:
        return None
    if str(dataset.get("BurnedInAnnotation", "")).upper() == "YES":
        return "it says that text is burned into the picture"
    if modality in PAINTED:
        return f"{modality} pictures often have the patient's name burned in"
    return None


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
