"""Automatic masks to a scene and a case folder: every one marked unreviewed, lesions never presumed complete."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from glisson.case import MaskFile, Masks, SegmentsFile, Study, Unknown, starter_yaml
from glisson.errors import InputError, OutputError, SceneError
from glisson.geometry import Labels, Mask, Volume, components
from glisson.imaging.case_folder import CASE_FILE
from glisson.imaging.gather import Gathering
from glisson.imaging.lesion_masks import SMALLEST_LESION_VOXELS
from glisson.imaging.names import LESIONS, SEGMENT, canonical
from glisson.imaging.totalsegmentator import TaskResult
from glisson.imaging.write import write_labels, write_mask, write_volume
from glisson.scene import ImageFacts, LesionMask, Notice, Scene

__all__ = ["NEVER_COMPLETE", "UNREVIEWED", "automatic_scene", "write_automatic_case"]

UNREVIEWED = "The outlines were made automatically by TotalSegmentator and nobody has reviewed them."
NEVER_COMPLETE = (
    "The lesions were found automatically and are never presumed complete: small ones are missed, and cysts and other "
    "benign lesions may be among them."
)
NO_LESIONS = "No lesion was found automatically. That is no evidence that there is none."
OWN_KEYS = ("liver", "portal", "hepatic", "cava", "artery", "gallbladder", "bile_ducts")


def automatic_scene(ct: Volume, facts: ImageFacts, results: Iterable[TaskResult]) -> Scene:
    """A scene from TotalSegmentator's label maps, in the order given; the first result that has a structure names it.

    Structures get our names (`canonical`), parts of one organ are united, `liver_segments` become the segment map,
    lesions of `liver_lesions` (else of `liver_vessels`) become single lesions, one a connected piece, largest first.
    The notices masks-unreviewed and lesions-never-complete (or lesions-none-found) stand first. Raises SceneError when
    no liver was found, FrameMismatch when a result is off the lattice.
    """
    gathering = Gathering(strict=False, grid=ct.grid)
    lesions: Mask | None = None
    for result in results:
        gathering.sources.append(result.source)
        by_name: dict[str, list[int]] = {}
        for value in result.labels.values:
            by_name.setdefault(canonical(result.labels.names.get(value, str(value))), []).append(value)
        pieces: dict[int, Mask] = {}
        for name, values in by_name.items():
            mask = result.labels.mask(*values).trimmed()
            if name.startswith(SEGMENT):
                pieces[int(name[len(SEGMENT) :])] = mask
            elif name == LESIONS:
                lesions = mask if lesions is None or result.task.startswith("liver_lesions") else lesions
            elif name not in gathering.structures:
                gathering.structures[name] = mask
        gathering.add_segments(pieces)
    if "liver" not in gathering.structures:
        raise SceneError("TotalSegmentator found no liver on this scan. Check that it shows the upper abdomen.")
    found = _single(lesions)
    lesion_text = (NEVER_COMPLETE, "lesions-never-complete") if found else (NO_LESIONS, "lesions-none-found")
    notices = (
        Notice("warning", "masks-unreviewed", UNREVIEWED, "masks"),
        Notice("warning", lesion_text[1], lesion_text[0], "lesions"),
    )
    return Scene(
        ct.grid, gathering.structures, image=ct, lesions=found, segments=gathering.segments, facts=facts,
        notices=notices, sources=tuple(gathering.sources),
    )  # fmt: skip


def _single(mask: Mask | None) -> tuple[LesionMask, ...]:
    if mask is None:
        return ()
    pieces = [piece for piece in components(mask) if piece.count >= SMALLEST_LESION_VOXELS]
    return tuple(LesionMask(f"L{n}", p, f"TotalSegmentator, piece {n}") for n, p in enumerate(pieces, 1))


def write_automatic_case(
    folder: Path | str, scene: Scene, ct: Path | str | None = None, *, force: bool = False
) -> Path:
    """Write the scene's masks and a case.yaml into a folder; gives back the case file.

    ct: the scan's own file or folder, named in the case; without it the scan is written as ct.nii.gz. The case says
    that nobody reviewed the outlines and that the lesions are not known to be complete; clinical facts are left to fill
    in.
    Raises InputError when the folder holds a case and force is false, OutputError when it cannot be written.
    """
    root = Path(folder)
    path = root / CASE_FILE
    if path.exists() and not force:
        raise InputError(f"{path} exists already. Choose another folder, or replace it with --force (force=True).")
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise OutputError(
            f"{root} cannot be made: {problem.strerror}. Choose a folder that can be written to."
        ) from None
    if ct is None and scene.image is not None:
        write_volume(root / "ct.nii.gz", scene.image)
    for name, mask in sorted(scene.structures.items()):
        write_mask(root / f"{name}.nii.gz", mask, scene.grid)
    if scene.lesions:
        write_labels(root / "lesions.nii.gz", _numbered(scene), scene.grid)
    if scene.segments is not None:
        write_labels(root / "segments.nii.gz", scene.segments, scene.grid)
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", root.resolve().name).strip("-.") or "case"
    image = "ct.nii.gz" if ct is None else str(Path(ct).resolve())
    try:
        path.write_text(starter_yaml(name, [_study(scene, image)]), encoding="utf-8")
    except OSError as problem:
        raise OutputError(f"{path} was not written: {problem.strerror}.") from problem
    return path


def _study(scene: Scene, image: str) -> Study:
    facts, silent = scene.facts, Unknown("the header of the scan does not say")
    files = {name: MaskFile(f"{name}.nii.gz") for name in sorted(scene.structures)}
    own: dict[str, Any] = {name: files[name] for name in OWN_KEYS if name in files}
    masks = Masks(
        **own,
        lesions=(MaskFile("lesions.nii.gz"),) if scene.lesions else (),
        keep_labels=bool(scene.lesions),
        segments=SegmentsFile("segments.nii.gz") if scene.segments is not None else None,
        organs={name: file for name, file in files.items() if name not in OWN_KEYS},
        complete=Unknown(NEVER_COMPLETE if scene.lesions else NO_LESIONS),
        reviewed_by=Unknown(UNREVIEWED),
    )
    modality = facts.modality or "CT"
    return Study(
        id=f"{modality.lower()}-1",
        date=date.fromisoformat(facts.date) if facts.date else silent,
        modality=modality if modality in ("CT", "MR") else silent,
        phase=facts.phase or silent,
        image=image,
        series_uid=facts.series_uid,
        masks=masks,
    )


def _numbered(scene: Scene) -> Labels:
    whole = np.zeros(scene.grid.shape, np.uint16)
    for number, lesion in enumerate(scene.lesions, 1):
        whole[lesion.mask.on(scene.grid)] = number
    return Labels(whole, scene.grid)
