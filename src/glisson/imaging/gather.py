"""Collecting a scene's parts from one study's files, strictly (the first problem raises) or listing every problem."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np

from glisson.errors import DicomError, GlissonError, ImageError, SceneError
from glisson.geometry import Grid, Labels, Mask, box_of
from glisson.imaging.names import LESIONS, SEGMENT, TOTAL_CT, TOTAL_MR, canonical, half_of_four
from glisson.imaging.outlines import Outline, load_outline
from glisson.imaging.provenance import fingerprint
from glisson.scene import Notice, SourceFile

__all__ = ["READERS_AT_ONCE", "Gathering", "Wanted"]

READERS_AT_ONCE = 2
"""Masks read at the same time; each holds one whole mask (34 MB for 512x512x129) until it is trimmed."""

FROM_FILE = "from-file"
"""Word of a case for the names that a file itself gives."""

T = TypeVar("T")
MASK_ENDINGS = (".nii.gz", ".nii", ".nrrd", ".mha")


@dataclass(frozen=True)
class Wanted:
    """One outline that the case names: its role (a structure's name or `lesions`), file, which label or segment."""

    role: str
    given: str
    path: Path
    label: int | None = None
    resample: bool = False
    segment: str | None = None

    def labels_of(self, outline: Outline) -> tuple[int, ...]:
        """The labels of the file that it means. Raises SceneError, see `Outline.chosen`."""
        return outline.chosen(self.role, self.label, self.segment, self.given)


@dataclass
class Gathering:
    """The parts of a scene while they are being read. With `strict` a problem raises, else it is a notice."""

    strict: bool
    grid: Grid | None = None
    frame_uid: str | None = None
    structures: dict[str, Mask] = field(default_factory=dict)
    segments: Labels | None = None
    notices: list[Notice] = field(default_factory=list)
    sources: list[SourceFile] = field(default_factory=list)

    def attempt(self, about: str, work: Callable[[], T]) -> T | None:
        """The result of the work; in lenient mode None and an error notice where it refuses."""
        try:
            return work()
        except GlissonError as refusal:
            if self.strict:
                raise
            self.notices.append(Notice("error", type(refusal).__name__, str(refusal), about))
            return None

    def load(self, wanted: list[Wanted]) -> dict[Path, Outline]:
        """Read every file once, two at a time; without a scan the first file's grid becomes that of the scene."""
        first = {w.path: w for w in reversed(wanted)}
        todo = list(dict.fromkeys(w.path for w in wanted))
        loaded: dict[Path, Outline] = {}

        def read(path: Path) -> tuple[Outline, SourceFile]:
            w = first[path]
            outline = load_outline(path, self.grid, w.resample, w.given)
            self._same_frame(outline, w.given)
            return outline, fingerprint(w.role, path, w.given)

        def keep(path: Path, result: tuple[Outline, SourceFile] | None) -> None:
            if result is not None:
                loaded[path] = result[0]
                self.notices.extend(result[0].notices)
                self.sources.append(result[1])
                self.grid = self.grid or result[0].whole

        while todo and self.grid is None:
            path = todo.pop(0)
            keep(path, self.attempt(first[path].given, lambda path=path: read(path)))  # type: ignore[misc]
        with ThreadPoolExecutor(READERS_AT_ONCE) as pool:
            jobs = [(path, pool.submit(read, path)) for path in todo]
            for path, job in jobs:
                keep(path, self.attempt(first[path].given, job.result))
        return loaded

    def _same_frame(self, outline: Outline, given: str) -> None:
        if None not in (outline.frame_uid, self.frame_uid) and outline.frame_uid != self.frame_uid:
            raise DicomError(
                f"{given} lies in the frame of reference {outline.frame_uid}, the scan in {self.frame_uid}: nothing "
                "says where one lies in the other. Give the scan it was drawn on, or register and export it."
            )

    def add(self, name: str, mask: Mask, source: str) -> None:
        """Keep a structure; an empty liver is refused, another empty structure becomes a notice."""
        if not mask.is_empty:
            self.structures[name] = mask
        elif name == "liver":
            raise SceneError(
                f"The liver mask {source} is empty: no voxel is set. Give the mask in which the liver is outlined."
            )
        else:
            self.notices.append(
                Notice("warning", "mask-empty", f"The mask of {name} ({source}) is empty and was left out.", name)
            )

    def add_multilabel(
        self, outline: Outline, names: Mapping[int, str], source: str
    ) -> list[tuple[Outline, int | None]]:
        """Spread a file over structures and segments (those with files of their own stay); its lesions come back."""
        by_name: dict[str, list[int]] = {}
        for value in outline.values:
            if value in names:
                by_name.setdefault(canonical(names[value]), []).append(value)
        strange = [v for v in outline.values if v not in names]
        if strange:
            listing = ", ".join(map(str, strange[:20]))
            self.notices.append(
                Notice(
                    "warning", "labels-unnamed", f"{source}: labels {listing} have no name and were left out.", source
                )
            )
        pieces: dict[int, Mask] = {}
        for name, values in by_name.items():
            if name.startswith(SEGMENT) and name[len(SEGMENT) :].isdigit():
                pieces[int(name[len(SEGMENT) :])] = outline.union(values)
            elif name != LESIONS and name not in self.structures:
                self.add(name, outline.union(values), source)
        self.add_segments(pieces)
        self.unite_halves(names[value] for value in outline.values if value in names)
        return [(outline, value) for value in by_name.get(LESIONS, [])]

    def unite_halves(self, names: Iterable[str]) -> None:
        """Say that IVa and IVb were given apart, where one of the names is a half of IV."""
        if any(half_of_four(name) for name in names):
            text = "IVa and IVb were given apart; they are read as one segment IV, which is parted anew by height."
            self.notices.append(Notice("info", "segment-four-united", text, "segments"))

    def add_segments(self, pieces: Mapping[int, Mask]) -> None:
        """Make one label map of single segment masks, unless there is one already."""
        if not pieces or self.segments is not None or self.grid is None:
            return
        whole = np.zeros(self.grid.shape, np.uint8)
        for number, mask in sorted(pieces.items()):
            whole[mask.on(self.grid)] = number
        box = box_of(whole)
        if box is not None:
            self.segments = Labels(whole[box].copy(), self.grid.crop(box))


def names_for(names: Mapping[int, str] | str, modality: str | None, outline: Outline) -> Mapping[int, str]:
    """The label names of a multi-label file: as given, its own, or TotalSegmentator's (MR, else CT)."""
    if not isinstance(names, str):
        return names
    if names == FROM_FILE:
        return outline.roles or outline.names
    return TOTAL_MR if modality == "MR" else TOTAL_CT


def files_by_name(folder: Path) -> dict[str, list[Path]]:
    """The mask files of a folder by our name for what their file name says, sorted; file names such as liver.nii.gz.

    Raises ImageError where the folder holds no mask file.
    """
    result: dict[str, list[Path]] = {}
    for path in sorted(p for p in folder.iterdir() if p.is_file()):
        ending = next((e for e in MASK_ENDINGS if path.name.lower().endswith(e)), None)
        if ending:
            result.setdefault(canonical(path.name[: -len(ending)]), []).append(path)
    if not result:
        raise ImageError(f"{folder} holds no mask file ({', '.join(MASK_ENDINGS)}).")
    return result
