"""Outlines that lie among the slices of a scan: segmentations and structure sets in a DICOM folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from glisson.errors import InputError
from glisson.imaging.dicom_headers import RT_STRUCTURE_SET, SEG_CLASSES, sop_class_of
from glisson.imaging.dicom_open import refusing_damage
from glisson.imaging.dicom_seg_read import segment_role
from glisson.imaging.names import LESIONS, SEGMENT, canonical
from glisson.imaging.rtdose import read_object
from glisson.scene import STRUCTURES

if TYPE_CHECKING:
    from pydicom import Dataset

__all__ = ["SEGMENTS", "outlines_in"]

SEGMENTS = "segments"
"""Name under which a file with Couinaud segments is found."""


def outlines_in(folder: Path, frame_uid: str | None) -> dict[str, list[Path]]:
    """Our names for what is outlined in a folder's segmentations and structure sets, and the files, sorted by path.

    Lesions may be in several files; anything else in two is refused: nothing says which one holds. frame_uid: of the
    scan; files of another frame of reference are passed over. Raises DicomError for files that are damaged, InputError
    for a structure in two files.
    """
    found: dict[str, list[Path]] = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        for role in sorted(_roles(path, frame_uid)):
            found.setdefault(role, []).append(path)
    for role, paths in found.items():
        if len(paths) > 1 and role != LESIONS:
            listing = ", ".join(str(path.relative_to(folder)) for path in paths)
            raise InputError(
                f"{folder} holds {role} in {len(paths)} files: {listing}. Say which one is meant, for example with "
                f"--{role} FILE."
            )
    return found


def _roles(path: Path, frame_uid: str | None) -> set[str]:
    kind = sop_class_of(path)
    if kind not in (*SEG_CLASSES, RT_STRUCTURE_SET):
        return set()
    with refusing_damage(path):
        return _roles_of(read_object(path, "RTSTRUCT" if kind == RT_STRUCTURE_SET else "SEG"), frame_uid)


def _roles_of(data: Dataset, frame_uid: str | None) -> set[str]:
    frame = str(data.get("FrameOfReferenceUID") or "")
    if frame and frame_uid and frame != frame_uid:
        return set()
    if "StructureSetROISequence" in data:
        named = {canonical(str(item.get("ROIName", ""))) for item in data.get("StructureSetROISequence", [])}
    else:
        named = {segment_role(item) for item in data.get("SegmentSequence", [])}
    known = {role for role in named if role in STRUCTURES or role == LESIONS}
    return known | ({SEGMENTS} if any(role.startswith(SEGMENT) for role in named) else set())
