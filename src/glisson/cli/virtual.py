"""A virtual patient as a case folder, with the files a real one would have."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glisson.errors import InputError, OutputError

if TYPE_CHECKING:
    from glisson.case import Study
    from glisson.scene import Scene
    from glisson.simulate import Resected, VirtualPatient, VirtualSeries

__all__ = ["simulated", "three_numbers", "write_virtual_case"]

OWN_KEYS = ("liver", "portal", "hepatic", "cava", "artery", "gallbladder", "bile_ducts")
"""Structures with a key of their own in case.yaml; the others stand under `organs`."""


def write_virtual_case(patient: VirtualPatient | VirtualSeries, folder: Path) -> Path:
    """Write scans, masks and case.yaml of a virtual patient; gives back the case file.

    The files of one scan lie in the folder itself, those of several in a folder for each. Raises OutputError when the
    folder already holds a case or cannot be written.
    """
    from glisson.case import CASE_FILE, dump_case
    from glisson.simulate import VirtualSeries

    path = folder / CASE_FILE
    if path.exists():
        raise OutputError(f"{path} exists already and was not replaced. Choose another folder.")
    scenes = [visit.scene for visit in patient.visits] if isinstance(patient, VirtualSeries) else [patient.scene]
    studies = []
    for study, scene in zip(patient.case.studies, scenes, strict=True):
        within = "" if len(scenes) == 1 else f"{study.id}/"
        studies.append(_write_study(folder, within, study, scene))
    path.write_text(dump_case(replace(patient.case, studies=tuple(studies))), encoding="utf-8")
    return path


def _write_study(folder: Path, within: str, study: Study, scene: Scene) -> Study:
    """Write the files of one scan; the study as case.yaml names them."""
    from glisson.case import MaskFile, SegmentsFile
    from glisson.imaging import write_labels, write_mask, write_volume
    from glisson.report.masks import lesion_labels

    place = folder / within
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise OutputError(
            f"{place} cannot be made: {problem.strerror}. Choose a folder that can be written to."
        ) from problem
    image = "ct.nii.gz" if scene.facts.modality == "CT" else "mr.nii.gz"
    if scene.image is not None:
        write_volume(place / image, scene.image)
    files = {name: MaskFile(f"{within}{name}.nii.gz") for name in sorted(scene.structures)}
    for name in files:
        write_mask(place / f"{name}.nii.gz", scene.structures[name], scene.grid)
    lesions: tuple[MaskFile, ...] = ()
    if scene.lesions:
        write_labels(place / "lesions.nii.gz", lesion_labels(scene, scene.grid), scene.grid)
        lesions = (MaskFile(f"{within}lesions.nii.gz"),)
    if scene.segments is not None:
        write_labels(place / "segments.nii.gz", scene.segments, scene.grid)
    own: dict[str, Any] = {name: files[name] for name in OWN_KEYS if name in files}
    masks = replace(
        study.masks,
        lesions=lesions,
        keep_labels=True,
        segments=SegmentsFile(f"{within}segments.nii.gz") if scene.segments is not None else None,
        organs={name: file for name, file in files.items() if name not in OWN_KEYS},
        **own,
    )
    return replace(study, image=f"{within}{image}", masks=masks)


def simulated(
    *,
    months: float,
    every: float,
    treated: str | None,
    mr: list[int],
    shape: str,
    spacing: str,
    resected: str | None = None,
    **given: Any,
) -> VirtualPatient | VirtualSeries:
    """The patient that `glisson simulate` asks for: one scan, or one every so many months.

    resected: number of the first scan after a resection, a colon, and the segments removed, such as 2:V,VI,VII,VIII.
    """
    from glisson.simulate import Treated, virtual_patient, virtual_series

    i, j, k = (int(n) for n in three_numbers(shape, "shape"))
    place: dict[str, Any] = {"shape": (i, j, k), "spacing_mm": three_numbers(spacing, "spacing")}
    if months == 0:
        single = {name: given[name] for name in ("seed", "lesions", "primary")}
        return virtual_patient(**single, **place)
    dates = [every * n for n in range(int(months / every) + 1)]
    if len(dates) < 2:
        raise InputError(f"--every {every:g} is longer than --months {months:g}; there would be one scan only.")
    course = None
    if treated is not None:
        try:
            start, stop = (float(part) for part in treated.split(","))
        except ValueError:
            raise InputError(f"--treated needs two months with a comma, for example 0,4; got {treated!r}.") from None
        course = Treated(start, stop)
    operated = None if resected is None else _resected(resected)
    return virtual_series(months=dates, treated=course, mr=[n - 1 for n in mr], resected=operated, **given, **place)


def _resected(text: str) -> Resected:
    from glisson.simulate import Resected
    from glisson.simulate.patient import SEGMENTS

    scan, _, names = text.partition(":")
    numbers = {name: number for number, name in SEGMENTS.items()}
    try:
        return Resected(int(scan) - 1, tuple(numbers[name.strip().upper()] for name in names.split(",")))
    except (ValueError, KeyError):
        raise InputError(
            "--resected needs the first scan after the operation and the segments removed, for example "
            f"2:V,VI,VII,VIII; got {text!r}."
        ) from None


def three_numbers(text: str, name: str) -> tuple[float, float, float]:
    """Three numbers written with commas, such as 512,512,300. Raises InputError for anything else."""
    try:
        first, second, third = (float(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"--{name} needs three numbers with commas, for example 256,256,160; got {text!r}.") from None
    return first, second, third
