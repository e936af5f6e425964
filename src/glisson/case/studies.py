"""Scans, the files that outline what is on them, and what the record says of single lesions."""
# ruff: noqa: RUF009  (`fact` and `item` return dataclasses.field)

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date as Date  # noqa: N812 - fields are called date

from glisson.case import vocabulary as v
from glisson.case.kinds import Choice, Day, Flag, Number, Text
from glisson.case.sections import ListOf, MapOf, Section, fact, item
from glisson.case.unknown import FrozenMap, Unknown

__all__ = ["KnownAs", "LesionFacts", "Masks", "MaskFile", "MultiLabel", "SegmentsFile", "Study"]

FILE = Text("a file, relative to the case folder", example="mask.nii.gz")
NOT_SAID = "the record does not say what it is"
"""Reason of a lesion whose nature nobody stated."""


@dataclass(frozen=True)
class MaskFile:
    """A file that outlines one structure: its voxels that are not zero, or those of one label."""

    file: str = item(FILE, "the file")
    label: int | None = item(Number(1, 99999, whole=True), "only the voxels with this value", default=None)
    segment: str | None = item(
        Text("a segment's name", example="Liver"),
        "only the segment of this name, of a DICOM segmentation or structure set",
        default=None,
    )
    resample: bool = item(Flag(), "put it on the scan's grid when its own differs", default=False)


@dataclass(frozen=True)
class SegmentsFile:
    """A Couinaud label map. values maps the file's labels to segments; without it 1 to 8 mean I to VIII."""

    file: str = item(FILE, "the file")
    values: Mapping[int, str] | None = item(
        MapOf(Choice(v.SEGMENTS), labels=True, example_is=((1, "I"), (2, "II"))),
        "label number to segment",
        default=None,
    )
    resample: bool = item(Flag(), "put it on the scan's grid when its own differs", default=False)

    def __post_init__(self) -> None:
        if self.values is not None:
            object.__setattr__(self, "values", FrozenMap(self.values))


@dataclass(frozen=True)
class MultiLabel:
    """One file with many structures. names maps its labels to structures, or is the word totalsegmentator or from-file.

    from-file: as the file itself names them (DICOM segmentations and structure sets).
    """

    file: str = item(FILE, "the file")
    names: Mapping[int, str] | str = item(
        MapOf(
            Text("a structure's name", example="liver"),
            labels=True,
            words_for_all=("totalsegmentator", "from-file"),
            example_is=((5, "liver"),),
        ),
        "label number to name, or totalsegmentator, or from-file",
    )
    resample: bool = item(Flag(), "put it on the scan's grid when its own differs", default=False)

    def __post_init__(self) -> None:
        if not isinstance(self.names, str):
            object.__setattr__(self, "names", FrozenMap(self.names))


MASK = Section(MaskFile, scalar="file")


@dataclass(frozen=True)
class Masks:
    """What is outlined on a scan. Every entry is FILE or {file: FILE, label: 3, resample: true}.

    Of a DICOM segmentation also {file: FILE, segment: NAME}.
    """

    liver: MaskFile | None = item(MASK, "the whole liver", default=None)
    lesions: tuple[MaskFile, ...] = item(
        ListOf(MASK, single=True), "the lesions: a file, a list of files or a label map", default=()
    )
    segments: SegmentsFile | None = item(Section(SegmentsFile, scalar="file"), "Couinaud segments", default=None)
    portal: MaskFile | None = item(MASK, "portal vein and its branches", default=None)
    hepatic: MaskFile | None = item(MASK, "hepatic veins", default=None)
    cava: MaskFile | None = item(MASK, "inferior vena cava", default=None)
    artery: MaskFile | None = item(MASK, "hepatic artery", default=None)
    gallbladder: MaskFile | None = item(MASK, "gallbladder", default=None)
    bile_ducts: MaskFile | None = item(MASK, "bile ducts", default=None)
    organs: Mapping[str, MaskFile] = item(
        MapOf(MASK, example_is=(("spleen", "spleen.nii.gz"),)),
        "other organs by name, such as spleen",
        default=FrozenMap(),
    )
    multilabel: MultiLabel | None = item(Section(MultiLabel), "one file with many structures", default=None)
    keep_labels: bool = item(
        Flag(), "each label of the lesion file is one lesion, even in several pieces", default=False
    )
    hepatic_includes_cava: bool = item(Flag(), "the file of the hepatic veins holds the cava too", default=False)
    complete: bool | Unknown = fact(Flag(), "all visible lesions are outlined")
    reviewed_by: str | Unknown = fact(Text(), "who reviewed the outlines")

    def __post_init__(self) -> None:
        object.__setattr__(self, "organs", FrozenMap(self.organs))


@dataclass(frozen=True)
class Study:
    """One scan with its outlines."""

    id: str = item(Text("a short name", example="ct-1"), "name of the study")
    date: Date | Unknown = fact(Day(), "day of the scan")
    modality: str | Unknown = fact(
        Choice(v.MODALITIES, (("mri", "MR"), ("ct", "CT"), ("mr", "MR"), ("pet", "PET-CT"), ("ultrasound", "US"))),
        "modality",
    )
    phase: str | Unknown = fact(
        Choice(v.PHASES, (("portal", "portal-venous"), ("venous", "portal-venous")), "portal-venous"), "contrast phase"
    )
    image: str | None = item(
        Text("a NIfTI file or a folder of DICOM files", example="ct.nii.gz"), "the scan", default=None
    )
    series_uid: str | None = item(Text("a DICOM series UID"), "which series of the folder", default=None)
    masks: Masks = item(Section(Masks), "what is outlined", default=Masks())


@dataclass(frozen=True)
class KnownAs:
    """One lesion on one study, as a person recognised it."""

    study: str = item(Text("name of a study", example="ct-1"), "the study")
    lesion: str = item(Text("name of a lesion there", example="L2"), "what the lesion is called there")


@dataclass(frozen=True)
class LesionFacts:
    """What the record says of one lesion. id is that of the measured lesion (L1, L2, ... by default)."""

    id: str = item(Text("a short name", example="L1"), "name of the lesion")
    nature: str = item(Choice(v.NATURES), "what it is", default="indeterminate", example="vanished")
    reason: str = item(Text(), "why that is held", default=NOT_SAID)
    segment: str | Unknown = fact(Choice(v.SEGMENTS), "segment as reported")
    size_mm: float | Unknown = fact(Number(0, 500, "mm", example=12), "longest diameter as reported")
    seen_on: tuple[str, ...] | Unknown = fact(ListOf(Choice(v.MODALITIES)), "modalities it was seen on")
    first_seen: Date | Unknown = fact(Day(), "day it was first seen")
    known_as: tuple[KnownAs, ...] = item(
        ListOf(Section(KnownAs)),
        "what it is called on single studies, where a person matched it; nothing overrules that",
        default=(),
        example=[{"study": "ct-1", "lesion": "L2"}],
    )
    vanished_on: Date | Unknown = fact(Day(), "day of the first scan on which it could no longer be seen")
    biopsied: bool | Unknown = fact(Flag(), "tissue was taken from it")
    mask: MaskFile | None = item(MASK, "file that outlines it, when it has one of its own", default=None)

    def __post_init__(self) -> None:
        if self.nature != "indeterminate" and self.reason == NOT_SAID:
            object.__setattr__(self, "reason", "stated in the record")
