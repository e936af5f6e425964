"""Everything the viewer is sent of a version, made ahead; what is missing is made when somebody asks for it.

    PREPARED/preview.nii.gz, labels-preview.nii.gz     shown first
    PREPARED/fine.nii.gz, labels-fine.nii.gz           looked at
    PREPARED/native.nii.gz, labels-native.nii.gz       on request
    PREPARED/mesh/KEY.mz3
    PREPARED/scene.json                                written last: it says that all the others are there
    PREPARED/plans-RUN/LEVEL-N.nii.gz, mesh/plan-N-PART.mz3      of the plans of one results folder

Every file is written beside its place and renamed, so that it is whole or not there.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from glisson.errors import InputError
from glisson.geometry import Labels, Mask, Volume
from glisson.serve.content.labels import Structure, label_map, structures_of
from glisson.serve.content.levels import LEVELS, as_int16, fine_level, for_preview, native_level, preview_level
from glisson.serve.content.meshes import light_surface, mz3
from glisson.serve.content.plan_maps import PARTS, on_level
from glisson.serve.content.results import read_json
from glisson.serve.content.scene import base_scene, with_plans

if TYPE_CHECKING:
    from glisson.case import Case
    from glisson.scene import Scene

__all__ = ["SCENE_FILE", "NotThere", "Prepared", "prepare"]

Progress = Callable[[str, float], None]
SCENE_FILE = "scene.json"
AHEAD = ("liver", "lesion", "portal", "hepatic", "cava", "segment")
"""Kinds of structures whose surfaces are made ahead; those of organs when they are asked for."""
THIN = ("portal", "hepatic", "cava", "artery", "bile_ducts")
FIRST_PLAN_PARTS = ("kept", "removed", "destroyed")
KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,79}")
MESH_STEP_MM = 2.0
"""Plans are outlined on voxels about so wide."""

_making = threading.Lock()
"""One maker at a time in this process, so that fifty readers of a fresh case do not all read the scan."""


class NotThere(InputError):  # noqa: N818
    """A level, structure or plan that this version does not have."""


def prepare(
    case_folder: Path, results_folder: Path | None, prepared_folder: Path, progress: Progress | None = None
) -> None:
    """Make all that the viewer of a version needs ahead: the preview first, then the rest.

    Files that are there already are left as they are; a version never changes. progress: called with the step in words
    and the share done. Raises what `read_case` raises, InputError for a case without a scan or outlines, OutputError.
    """
    made = Prepared(case_folder, results_folder, prepared_folder)
    say = progress or (lambda _words, _share: None)
    made.base(say)
    if results_folder is not None:
        say("Drawing the first plan", 0.85)
        made.first_plan()
    say("Ready to be looked at", 1.0)


class Prepared:
    """The files of one version for the viewer; each method gives back a path and makes the file where it is missing."""

    def __init__(self, case_folder: Path, results_folder: Path | None, prepared_folder: Path) -> None:
        self._case, self._results, self._folder = case_folder, results_folder, prepared_folder

    @property
    def is_ready(self) -> bool:
        """Whether the files of the version itself are all there."""
        return (self._folder / SCENE_FILE).exists()

    def scene(self) -> dict[str, Any]:
        """The scene with its plans. Raises as `prepare` does."""
        return with_plans(self._base(), self._results)

    def volume(self, level: str) -> Path:
        """The image at a level. Raises NotThere for another name."""
        return self._level_file(level, f"{_known_level(level)}.nii.gz")

    def labels(self, level: str) -> Path:
        """The label map at a level. Raises NotThere for another name."""
        return self._level_file(level, f"labels-{_known_level(level)}.nii.gz")

    def plan_labels(self, level: str, number: int) -> Path:
        """The parts of the liver under a plan at a level. Raises NotThere for a plan that it has not."""
        path = self._plan_folder() / f"{_known_level(level)}-{number}.nii.gz"
        if not path.exists():
            with _making:
                self._write_plan_labels(path, level, number)
        return path

    def mesh(self, key: str) -> Path:
        """The surface of a structure, or of a part of a plan (plan-N-PART). Raises NotThere for one that has none."""
        if not KEY.fullmatch(key):
            raise NotThere("That is no name of a surface; the scene lists them under `structures` and `plans`.")
        found = re.fullmatch(r"plan-(\d+)-([a-z]+)", key)
        if found:
            return self._plan_mesh(int(found[1]), found[2])
        path = self._folder / "mesh" / f"{key}.mz3"
        if not path.exists():
            self._base()
            if not any(one["key"] == key and one["mesh"] for one in self._base()["structures"]):
                raise NotThere(f"There is no surface '{key}'; the scene lists them under `structures` and `plans`.")
            with _making:
                self._write_organs()
        return path

    def base(self, say: Progress) -> None:
        """Make the files of the version itself."""
        if self.is_ready:
            return
        with _making:
            if not self.is_ready:
                self._write_base(say)

    def first_plan(self) -> None:
        """Make what is shown of the first plan; nothing where there is none."""
        plans = self.scene()["plans"]
        if not plans:
            return
        self.plan_labels("preview", 1)
        self.plan_labels("fine", 1)
        for part in plans[0]["parts"]:
            if part["part"] in FIRST_PLAN_PARTS:
                self.mesh(part["key"])

    def _base(self) -> dict[str, Any]:
        self.base(lambda _words, _share: None)
        found: dict[str, Any] = read_json(self._folder / SCENE_FILE)
        return found

    def _write_base(self, say: Progress) -> None:
        from glisson.imaging import write_labels, write_volume

        say("Reading the scan", 0.0)
        case, scene = self._read()
        (self._folder / "mesh").mkdir(parents=True, exist_ok=True)
        structures = structures_of(scene)
        data, unit = _image(scene)
        levels = (preview_level(scene.grid), fine_level(scene), native_level(scene.grid))
        for number, level in enumerate(levels[:2]):
            say("Making it small enough to be sent", 0.3 + 0.2 * number)
            volume = level.volume(data)
            write_volume(self._folder / f"{level.name}.nii.gz", for_preview(volume, unit) if number == 0 else volume)
            write_labels(self._folder / f"labels-{level.name}.nii.gz", label_map(structures, level))
        say("Outlining the structures", 0.6)
        for one in structures:
            if one.kind in AHEAD:
                self._write_mesh(one)
        text = json.dumps(base_scene(case, scene, structures, levels, unit, self._folder), allow_nan=False)
        _whole(self._folder / SCENE_FILE, text.encode())

    def after_edit(self, before: Path, case: Case, scene: Scene, changed: str) -> None:
        """Make the files of a version that differs from another in one lesion alone, whose files are in `before`.

        case, scene: as this version reads. What is the same is linked, not made again; nothing is done where the other
        was not prepared, or where the liver with its lesions needs another box now.
        """
        from glisson.imaging import write_labels

        if not (before / SCENE_FILE).exists() or self.is_ready:
            return
        known = {one["name"]: one for one in read_json(before / SCENE_FILE)["levels"]}
        levels = (preview_level(scene.grid), fine_level(scene), native_level(scene.grid))
        if any(list(one.shape) != known[one.name]["shape"] for one in levels) or not np.allclose(
            levels[1].grid.affine, known["fine"]["affine_lps"]
        ):
            return
        structures = structures_of(scene)
        (self._folder / "mesh").mkdir(parents=True, exist_ok=True)
        with _making:
            for name in ("preview.nii.gz", "fine.nii.gz"):
                _linked(before / name, self._folder / name)
            for one in structures:
                if one.key != f"lesion-{changed}":
                    _linked(before / "mesh" / f"{one.key}.mz3", self._folder / "mesh" / f"{one.key}.mz3")
                if one.kind in AHEAD:
                    self._write_mesh(one)
            for level in levels[:2]:
                write_labels(self._folder / f"labels-{level.name}.nii.gz", label_map(structures, level))
            unit = read_json(before / SCENE_FILE)["unit"]
            text = json.dumps(base_scene(case, scene, structures, levels, unit, self._folder), allow_nan=False)
            _whole(self._folder / SCENE_FILE, text.encode())

    def _read(self) -> tuple[Case, Scene]:
        from glisson.imaging import read_case

        case, scene = read_case(self._case)
        if scene is None:
            raise InputError("The case has no scan and no outlines, so there is nothing to look at. Add a study.")
        return case, scene

    def _level_file(self, level: str, name: str) -> Path:
        path = self._folder / name
        if not path.exists():
            self._base()
        if not path.exists() and level == "native":
            with _making:
                self._write_native()
        if not path.exists():
            raise FileNotFoundError(f"{name} was deleted")
        return path

    def _write_native(self) -> None:
        from glisson.imaging import write_labels, write_volume

        _, scene = self._read()
        level = native_level(scene.grid)
        write_labels(self._folder / "labels-native.nii.gz", label_map(structures_of(scene), level))
        write_volume(self._folder / "native.nii.gz", level.volume(_image(scene)[0]))

    def _write_mesh(self, one: Structure) -> None:
        path = self._folder / "mesh" / f"{one.key}.mz3"
        if not one.mask.is_empty and not path.exists():
            _whole(path, mz3(light_surface(one.mask, thin=one.key in THIN)))

    def _write_organs(self) -> None:
        _, scene = self._read()
        for one in structures_of(scene):
            self._write_mesh(one)

    def _plan_folder(self) -> Path:
        if self._results is None:
            raise NotThere("This version has not been planned, so it has no plans to show.")
        folder = self._folder / f"plans-{self._results.name}"
        (folder / "mesh").mkdir(parents=True, exist_ok=True)
        return folder

    def _plan_map(self, number: int) -> Labels:
        """A plan's map as the dossier holds it."""
        from glisson.imaging.nifti import read_nifti

        assert self._results is not None
        path = self._results / "masks" / f"plan-{number}.nii.gz"
        if not path.exists():
            raise NotThere(f"There is no plan {number} in the results of this version.")
        raster = read_nifti(path)
        return Labels(raster.data, raster.grid)

    def _write_plan_labels(self, path: Path, level: str, number: int) -> None:
        from glisson.imaging import write_labels

        if path.exists():
            return
        found = self._plan_map(number)
        known = next(one for one in read_json(self._folder / SCENE_FILE)["levels"] if one["name"] == level)
        write_labels(path, on_level(found, known))

    def _plan_mesh(self, number: int, part: str) -> Path:
        path = self._plan_folder() / "mesh" / f"plan-{number}-{part}.mz3"
        if path.exists():
            return path
        label = next((value for value, (name, *_) in PARTS.items() if name == part), None)
        if label is None:
            raise NotThere(f"A plan has no part '{part}'; parts: {', '.join(name for name, *_ in PARTS.values())}.")
        fine = self.plan_labels("fine", number)
        with _making:
            if not path.exists():
                _write_part(fine, label, path)
        return path


def _write_part(labels: Path, label: int, path: Path) -> None:
    from glisson.imaging.nifti import read_nifti

    raster = read_nifti(labels)
    mask = Mask(raster.data == label, raster.grid)
    if mask.is_empty:
        raise NotThere("That part of the plan is empty, so it has no surface.")
    _whole(path, mz3(light_surface(mask)))


def _image(scene: Scene) -> tuple[Any, str]:
    """The scan in 16 bits; where there is none the liver as a grey body, so that there is something to look at."""
    if scene.image is not None:
        return as_int16(scene.image)
    body = scene.liver.on(scene.grid).astype(np.int16) * 100
    return as_int16(Volume(body, scene.grid))[0], "outlines"


def _known_level(level: str) -> str:
    if level not in LEVELS:
        raise NotThere(f"There is no level '{level}'; levels: {', '.join(LEVELS)}.")
    return level


def _linked(source: Path, target: Path) -> None:
    """The same file in another place, where there is one; both are never written into, only replaced."""
    if source.exists() and not target.exists():
        target.hardlink_to(source)


def _whole(path: Path, content: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
