"""A virtual patient as a case folder, with the files a real one would have."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glisson.errors import InputError, OutputError

if TYPE_CHECKING:
    from glisson.simulate import VirtualPatient

__all__ = ["three_numbers", "write_virtual_case"]

OWN_KEYS = ("liver", "portal", "hepatic", "cava", "artery", "gallbladder", "bile_ducts")
"""Structures with a key of their own in case.yaml; the others stand under `organs`."""


def write_virtual_case(patient: VirtualPatient, folder: Path) -> Path:
    """Write scan, masks and case.yaml of a virtual patient; gives back the case file.

    Raises OutputError when the folder already holds a case or cannot be written.
    """
    from glisson.case import CASE_FILE, MaskFile, SegmentsFile, dump_case
    from glisson.imaging import write_labels, write_mask, write_volume
    from glisson.report.masks import lesion_labels

    path = folder / CASE_FILE
    if path.exists():
        raise OutputError(f"{path} exists already and was not replaced. Choose another folder.")
    scene = patient.scene
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise OutputError(
            f"{folder} cannot be made: {problem.strerror}. Choose a folder that can be written to."
        ) from problem
    if scene.image is not None:
        write_volume(folder / "ct.nii.gz", scene.image)
    files = {name: MaskFile(f"{name}.nii.gz") for name in sorted(scene.structures)}
    for name in files:
        write_mask(folder / f"{name}.nii.gz", scene.structures[name], scene.grid)
    lesions: tuple[MaskFile, ...] = ()
    if scene.lesions:
        write_labels(folder / "lesions.nii.gz", lesion_labels(scene, scene.grid), scene.grid)
        lesions = (MaskFile("lesions.nii.gz"),)
    if scene.segments is not None:
        write_labels(folder / "segments.nii.gz", scene.segments, scene.grid)
    study = patient.case.studies[-1]
    own: dict[str, Any] = {name: files[name] for name in OWN_KEYS if name in files}
    masks = replace(
        study.masks,
        lesions=lesions,
        keep_labels=True,
        segments=SegmentsFile("segments.nii.gz") if scene.segments is not None else None,
        organs={name: file for name, file in files.items() if name not in OWN_KEYS},
        **own,
    )
    case = replace(patient.case, studies=(replace(study, image="ct.nii.gz", masks=masks),))
    path.write_text(dump_case(case), encoding="utf-8")
    return path


def three_numbers(text: str, name: str) -> tuple[float, float, float]:
    """Three numbers written with commas, such as 512,512,300. Raises InputError for anything else."""
    try:
        first, second, third = (float(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"--{name} needs three numbers with commas, for example 256,256,160; got {text!r}.") from None
    return first, second, third
