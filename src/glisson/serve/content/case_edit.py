"""A case folder while one of its lesions is corrected: who is where, and how it is written back.

The first correction gives each lesion of the last scan a mask of its own under the name it has, so that names stay for
life whatever happens to the others. Files are written beside their place and renamed.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from glisson.case import CASE_FILE, Case, Study, loads_case
from glisson.case.writing import case_as_plain
from glisson.errors import InputError
from glisson.geometry import FloatArray, Mask, Volume
from glisson.scene import LesionMask, Scene
from glisson.serve.content.case_text import with_items, with_section
from glisson.serve.content.scene import lesion_data

__all__ = ["FOLDER", "CaseEdit", "Edited", "Names", "holds", "write_text"]

FOLDER = "lesions"
"""Where masks of single lesions lie in a case folder."""
DELETED = f"{FOLDER}/deleted.json"
"""Names that were given once and are not given again, and why."""


@dataclass(frozen=True)
class Names:
    """How lesions of the last scan are called over all scans: id there -> name for life; () where there is one scan."""

    for_life: Mapping[str, str] = field(default_factory=dict)
    known: bool = False


@dataclass(frozen=True, eq=False)
class Edited:
    """What an edit came to. lesion: its name; shown: as the scene shows it, None where it was deleted. case, scene: as
    the folder reads now (earlier scans as they were)."""

    lesion: str
    shown: dict[str, Any] | None
    case: Case
    scene: Scene


@dataclass
class CaseEdit:
    """A case folder that is being changed: lesions by name, their masks and files, what the record says of each."""

    folder: Path
    text: str
    case: Case
    scene: Scene
    liver: Mask
    masks: dict[str, Mask]
    files: dict[str, str]
    facts: dict[str, dict[str, Any]]
    renamed: dict[str, str]
    deleted: list[dict[str, Any]]

    @classmethod
    def begin(cls, folder: Path, names: Names) -> CaseEdit:
        """Read the case; every lesion of the last scan gets its place by name."""
        from glisson.anatomy import whole_liver
        from glisson.imaging import read_case

        case, scene = read_case(folder)
        if scene is None:
            raise InputError("The case has no scan and no outlines, so there is no lesion to correct.")
        if scene.earlier and not names.known:
            raise InputError(
                "The case has several scans. Plan this version first: then its lesions have their names over all scans."
            )
        plain = {entry["id"]: entry for entry in case_as_plain(case).get("lesions", [])}
        own = {fact.id: fact.mask.file for fact in case.lesions if fact.mask is not None}
        deleted = _read_deleted(folder)
        edit = cls(
            folder, (folder / CASE_FILE).read_text(encoding="utf-8-sig"), case, scene, whole_liver(scene),
            {}, {}, plain, {}, deleted,
        )  # fmt: skip
        for lesion in scene.lesions:
            edit._place(lesion, names, own)
        return edit

    def _place(self, lesion: LesionMask, names: Names, own: Mapping[str, str]) -> None:
        life = names.for_life.get(lesion.id, lesion.id)
        taken = life in self.masks or (life != lesion.id and any(one.id == life for one in self.scene.lesions))
        name = self.free_name() if taken else life
        self.renamed[lesion.id] = name
        self.masks[name] = lesion.mask
        plain = self.facts.setdefault(name, {"id": name})
        if lesion.id in own and name == lesion.id and _is_whole_file(self.case, lesion.id):
            self.files[name] = own[lesion.id]
        else:
            self.files[name] = self._file(name)
            _write_mask(self.folder / self.files[name], lesion.mask, self.scene)
            plain["mask"] = self.files[name]
        if self.scene.earlier:
            entry = self.facts.setdefault(life, {"id": life})
            known = [one for one in entry.get("known_as", []) if one["study"] != self.scene.study]
            entry["known_as"] = [*known, {"study": self.scene.study, "lesion": name}]

    def known(self, lesion: str) -> str:
        """The name of a lesion by its id in the scene. Raises InputError for one that is not there."""
        if lesion not in self.renamed:
            raise InputError(f"There is no lesion {lesion!r}. Lesions: {', '.join(self.renamed) or 'none'}.")
        return self.renamed[lesion]

    def free_name(self) -> str:
        """The first name L1, L2, ... that is higher than every one ever given."""
        ever = [*self.masks, *self.facts, *(one.id for one in self.scene.lesions), *(d["id"] for d in self.deleted)]
        numbers = [int(found[1]) for name in ever if (found := re.fullmatch(r"L(\d+)", str(name)))]
        return f"L{max(numbers, default=0) + 1}"

    def refuse_outside(self, point: FloatArray) -> None:
        """Raise InputError for a point outside the liver."""
        if not holds(self.liver, point):
            where = ", ".join(f"{c:.0f}" for c in point)
            raise InputError(
                f"The point ({where}) mm lies outside the liver outline. Click inside the liver; if the outline is "
                "wrong there, correct it first."
            )

    def lesion_at(self, point: FloatArray) -> str | None:
        """The lesion that holds a point."""
        return next((name for name, mask in self.masks.items() if holds(mask, point)), None)

    def segmented(self, point: FloatArray, diameter_mm: float | None) -> Mask:
        """The lesion at a point, on the CT, inside the liver. Raises InputError."""
        from glisson.lesions.segment_lesion import segment_lesion, segment_lesion_from_line

        image = self.scene.image
        if image is None:
            raise InputError("The case has outlines only, no scan. Paint the lesion, or give its mask.")
        if self.scene.facts.modality not in (None, "CT"):
            raise InputError(f"One-click outlines need a CT; this is {self.scene.facts.modality}. Give a mask instead.")
        volume = Volume(image.data, image.grid)
        if diameter_mm is None:
            middle = image.grid.to_mm(np.floor(image.grid.to_index(point) + 0.5))
            return segment_lesion(volume, middle, liver=self.liver).mask
        across = self.scene.grid.directions[:, _across(self.scene)] * diameter_mm / 2.0
        return segment_lesion_from_line(volume, np.stack([point - across, point + across]), liver=self.liver).mask

    def without_others(self, body: Mask, name: str) -> Mask:
        """A mask without what belongs to other lesions."""
        data = body.data.copy()
        for other, mask in self.masks.items():
            if other != name:
                data &= ~mask.on(body.grid)
        return Mask(data, body.grid)

    def finish(self, name: str, body: Mask | None) -> Edited:
        """Write a lesion's mask (None: as it was) and the record."""
        if body is not None:
            if body.is_empty:
                raise InputError("Nothing was outlined there that is not part of another lesion.")
            if not self._in_liver(body) and (name not in self.masks or self._in_liver(self.masks[name])):
                raise InputError("What is outlined now lies outside the liver, so it is no lesion of it.")
            mask = body.trimmed()
            self.masks[name], self.files[name] = mask, self._file(name)
            _write_mask(self.folder / self.files[name], mask, self.scene)
            self.facts.setdefault(name, {"id": name})["mask"] = self.files[name]
        return self.written(name)

    def remove(self, name: str, why: str) -> Edited:
        """Take a lesion out; its name is kept so that it is not given again."""
        self.deleted.append({"id": name, "why": why, "said": self.facts.get(name, {}).get("nature")})
        self.facts.pop(name, None)
        self.masks.pop(name)
        mask = self.folder / self.files.pop(name)
        if mask.parent == self.folder / FOLDER:
            mask.unlink(missing_ok=True)
        return self.written(name)

    def written(self, name: str) -> Edited:
        """Write case.yaml: every lesion with its own mask, the last study without lesion files.

        Raises CaseFileError.
        """
        text = with_items(self._without_lesion_files(self.text), "lesions", list(self.facts.values()))
        case = loads_case(text)
        if self.deleted:
            write_text(self.folder / DELETED, json.dumps(self.deleted, ensure_ascii=False, indent=1))
        write_text(self.folder / CASE_FILE, text)
        lesions = tuple(LesionMask(n, self.masks[n], self.files[n]) for n in self.facts if n in self.masks)
        scene = replace(self.scene, lesions=lesions)
        shown = next((lesion_data(case, scene, one) for one in lesions if one.id == name), None)
        return Edited(name, shown, case, scene)

    def _in_liver(self, mask: Mask) -> bool:
        return bool((mask.data & self.liver.on(mask.grid)).any())

    def _file(self, name: str) -> str:
        return f"{FOLDER}/{re.sub(r'[^A-Za-z0-9_-]+', '-', name) or 'lesion'}.nii.gz"

    def _without_lesion_files(self, text: str) -> str:
        """The text with no lesion named by the masks of the last study, as each has a file of its own."""
        study = next(one for one in self.case.studies if one.id == self.scene.study)
        masks = study.masks
        many = masks.multilabel
        left = replace(masks, lesions=(), keep_labels=False)
        if many is not None:
            left = replace(left, multilabel=replace(many, names=_names_without_lesions(self.folder, study)))
            if (self.folder / many.file).is_dir():
                _drop_lesion_files(self.folder / many.file)
                left = replace(left, multilabel=many)
        if left == masks:
            return text
        studies = tuple(replace(one, masks=left) if one.id == study.id else one for one in self.case.studies)
        return with_section(text, "studies", case_as_plain(replace(self.case, studies=studies))["studies"])


def _names_without_lesions(folder: Path, study: Study) -> Mapping[int, str] | str:
    """The names of a multi-label file without those that mean lesions."""
    from glisson.imaging.names import LESIONS, canonical
    from glisson.imaging.outlines import load_outline

    many = study.masks.multilabel
    assert many is not None
    if isinstance(many.names, str):
        if many.names != "from-file" or (folder / many.file).is_dir():
            return many.names
        outline = load_outline(folder / many.file, None)
        if all(canonical(name) != LESIONS for name in outline.names.values()):
            return many.names
        return {label: name for label, name in outline.names.items() if canonical(name) != LESIONS}
    return {label: name for label, name in many.names.items() if canonical(name) != LESIONS}


def _drop_lesion_files(folder: Path) -> None:
    """Delete the lesion files of a folder of masks: each lesion has its own file now."""
    from glisson.imaging.gather import files_by_name
    from glisson.imaging.names import LESIONS

    for path in files_by_name(folder).get(LESIONS, []):
        path.unlink()


def _is_whole_file(case: Case, lesion: str) -> bool:
    """Whether a lesion's own file holds nothing else and lies on the scan's grid."""
    mask = case.lesion(lesion).mask
    return mask is not None and mask.label is None and getattr(mask, "segment", None) is None and not mask.resample


def _across(scene: Scene) -> int:
    """An array axis in the slices' plane."""
    return next(axis for axis in range(3) if axis != scene.grid.slice_axis)


def holds(mask: Mask, point: FloatArray) -> bool:
    """Whether a mask has the voxel that a point (LPS mm) lies in."""
    at = np.floor(mask.grid.to_index(point) + 0.5)
    if (at < 0).any() or (at >= mask.data.shape).any():
        return False
    return bool(mask.data[tuple(at.astype(int))])


def _write_mask(path: Path, mask: Mask, scene: Scene) -> None:
    from glisson.imaging import write_mask

    path.parent.mkdir(exist_ok=True)
    write_mask(path, mask, scene.grid)


def _read_deleted(folder: Path) -> list[dict[str, Any]]:
    try:
        found = json.loads((folder / DELETED).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [dict(one) for one in found if isinstance(one, dict) and "id" in one]


def write_text(path: Path, text: str) -> None:
    """Write a text beside its place, then rename it."""
    path.parent.mkdir(exist_ok=True)
    part = path.with_name(f".{path.name}-{os.getpid()}")
    part.write_text(text, encoding="utf-8")
    part.replace(path)
