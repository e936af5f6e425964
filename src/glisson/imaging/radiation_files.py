"""The files of courses of radiation: dose, structures, activity and perfused volumes, in the frame of the scan."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from glisson.case import Case, Radiation, is_known
from glisson.errors import CaseError, DicomError
from glisson.geometry import Mask, Volume
from glisson.imaging.nuclear import is_nuclear, read_emission
from glisson.imaging.outlines import load_outline
from glisson.imaging.provenance import fingerprint
from glisson.imaging.readers import read_image
from glisson.imaging.rtdose import read_rtdose
from glisson.imaging.rtstruct import fine_grid, read_rtstruct, structure_mask
from glisson.scene import Notice, RadiationImages, Scene, SourceFile

__all__ = ["with_radiation"]

RT_DOSE = ".dcm"
"""Ending of dose files that are DICOM RT Dose."""


def with_radiation(root: Path, case: Case, scene: Scene) -> Scene:
    """The scene with what the files of the case's courses of radiation show, their fingerprints and notices.

    Raises CaseError where a course names a file that makes no sense without another, DicomError where a DICOM file
    names another frame of reference than the scan, and what the readers raise.
    """
    read = [_course(root, course, scene) for course in case.radiation]
    return replace(
        scene,
        radiation=tuple(images for images, _, _ in read),
        sources=(*scene.sources, *(source for _, sources, _ in read for source in sources)),
        notices=(*scene.notices, *(notice for _, _, notices in read for notice in notices)),
    )


def _course(
    root: Path, course: Radiation, scene: Scene
) -> tuple[RadiationImages, list[SourceFile], tuple[Notice, ...]]:
    if course.structures is not None and (course.dose is None or not course.organs):
        raise CaseError(
            f"Course {course.id!r}: structures were given without {'dose' if course.dose is None else 'organs'}. Give "
            "the dose they belong to, and organs: {stomach: NAME IN THE SET, ...}."
        )
    images = RadiationImages(course.id)
    sources = [
        fingerprint(role, root / file, file)
        for role, file in (("dose", course.dose), ("structures", course.structures), ("activity", course.activity))
        if file is not None
    ]
    notices: tuple[Notice, ...] = ()
    if course.dose is not None:
        images = replace(images, dose=_dose(root / course.dose, scene))
    if course.structures is not None and images.dose is not None:
        found, notices = _structures(root / course.structures, course, images.dose, scene)
        images = replace(images, structures=found)
    if course.activity is not None:
        images = _with_activity(root / course.activity, course, images, scene)
    perfused = {}
    for name, file in course.perfused.items():
        outline = load_outline(root / file.file, scene.grid, file.resample, file.file)
        perfused[name] = outline.mask(file.label)
        notices += outline.notices
        sources.append(fingerprint("perfused", root / file.file, file.file))
    return replace(images, perfused=perfused), sources, notices


def _dose(path: Path, scene: Scene) -> Volume:
    if path.suffix.lower() != RT_DOSE:
        return read_image(path)[0]
    read = read_rtdose(path)
    _same_frame(read.frame_uid, scene, path)
    return read.dose


def _structures(
    path: Path, course: Radiation, dose: Volume, scene: Scene
) -> tuple[dict[str, Mask], tuple[Notice, ...]]:
    held = read_rtstruct(path)
    _same_frame(held.frame_uid, scene, path)
    found = {}
    for organ, name in course.organs.items():
        contours = held.named(name)
        found[organ] = structure_mask(contours, fine_grid(contours, dose.grid))
    return found, held.notices


def _with_activity(path: Path, course: Radiation, images: RadiationImages, scene: Scene) -> RadiationImages:
    unit = str(course.activity_unit) if is_known(course.activity_unit) else None
    hours = float(course.hours_after) if isinstance(course.hours_after, float | int) else None
    if not (path.exists() and is_nuclear(path)):
        return replace(images, activity=read_image(path)[0], activity_unit=unit, hours_after=hours)
    read = read_emission(path)
    _same_frame(read.frame_uid, scene, path)
    return replace(
        images, activity=read.values, activity_unit=unit or read.unit, hours_after=hours, nuclide=read.nuclide,
        notes=(*images.notes, *read.notes),
    )  # fmt: skip


def _same_frame(uid: str | None, scene: Scene, path: Path) -> None:
    own = scene.facts.frame_uid
    if uid is not None and own is not None and uid != own:
        raise DicomError(
            f"{path} lies in the frame of reference {uid}, the scan in {own}: nothing says where one lies in the "
            "other. Give a dose on the scan's own frame, or register and export it."
        )
