"""Studies as they arrive at a listening node: on the shelf `arriving` until they are quiet, then whole in `studies`.

DATA/arriving/STUDY holds what is still coming; DATA/studies/STUDY is a case folder with the whole study (images in
dicom/STUDY/SERIES). What comes later makes a new case folder, studies/STUDY.2, with all of it. `state.json` says how
far each is, so that everything goes on after a crash or a restart.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from glisson.errors import OutputError
from glisson.imaging.pacs.fetch import DICOM_FOLDER
from glisson.imaging.pacs.keeping import place, read_instance, sync, whole_files

__all__ = [
    "DONE",
    "FAILED",
    "KEPT",
    "OUR_MANUFACTURER",
    "STARTED",
    "STATE",
    "WAITING",
    "Shelves",
    "set_state",
    "state_of",
]

STATE = "state.json"
WAITING, STARTED, DONE, FAILED, KEPT = "waiting", "started", "done", "failed", "kept"
"""States of a study: to be handled (or tried again), being handled, handled, given up, nothing in it to plan on."""

OUR_MANUFACTURER = "Glisson"
"""Objects of this manufacturer are our own results; they never make us plan again."""

PLANNED_ON = ("CT", "MR", "SEG", "RTSTRUCT")
"""Modalities whose arrival makes a study worth planning, or planning anew."""

OPEN_FACTOR = 10
"""With its sender still connected a study counts as quiet only after this many times the usual silence."""


@dataclass
class _Arrival:
    """A study that is still arriving: when the last object came, and on which connections."""

    last: float = field(default_factory=time.monotonic)
    links: set[int] = field(default_factory=set)


class Shelves:
    """The data folder of a listening node. Methods may be called from several threads."""

    def __init__(self, data: Path) -> None:
        """Open the folder and tidy up what a crash left. Raises OutputError where it cannot be written to."""
        self.arriving, self.studies = data / "arriving", data / "studies"
        self._lock = threading.Lock()
        try:
            self.arriving.mkdir(parents=True, exist_ok=True)
            self.studies.mkdir(exist_ok=True)
            for folder in self.studies.glob(".*"):
                shutil.rmtree(folder)
            whole_files(self.arriving)
            self._open = {path.name: _Arrival() for path in sorted(self.arriving.iterdir())}
        except OSError as problem:
            raise OutputError(
                f"{data} cannot be used ({problem.strerror}). Name a folder that can be written to."
            ) from None

    def file(self, raw: bytes, link: int) -> None:
        """Take one object that came on a connection. Raises PassingError, PacsError (ConflictError) or OutputError."""
        instance = read_instance(raw)
        with self._lock:
            earlier = self._deliveries(instance.study)
            beside = earlier[-1] / DICOM_FOLDER / instance.study if earlier else None
            place(instance, self.arriving / instance.study, beside)
            if (self.arriving / instance.study).exists():
                arrival = self._open.setdefault(instance.study, _Arrival())
                arrival.last = time.monotonic()
                arrival.links.add(link)

    def closed(self, link: int) -> None:
        """A connection is over."""
        with self._lock:
            for arrival in self._open.values():
                arrival.links.discard(link)

    def settled(self, quiet_s: float) -> list[Path]:
        """Put the studies that have been quiet for so long into case folders of their own; those worth planning."""
        with self._lock:
            now = time.monotonic()
            quiet = [
                study for study, arrival in self._open.items()
                if now - arrival.last >= quiet_s * (OPEN_FACTOR if arrival.links else 1)
            ]  # fmt: skip
            folders: list[Path | None] = []
            for study in quiet:
                try:
                    folders.append(self._shelve(study))
                except OSError:
                    if not folders:
                        raise
                    break  # those before it are on their shelves; this one is tried again
                del self._open[study]
        return [folder for folder in folders if folder is not None and state_of(folder)["state"] == WAITING]

    def unfinished(self) -> list[Path]:
        """Case folders whose handling was cut off or is to be tried again, sorted."""
        return [f for f in sorted(self.studies.iterdir()) if state_of(f)["state"] in (WAITING, STARTED)]

    def _deliveries(self, study: str) -> list[Path]:
        """The case folders of a study, first delivery first."""
        found = [self.studies / study]
        while found[-1].exists():
            found.append(self.studies / f"{study}.{len(found) + 1}")
        return found[:-1]

    def _shelve(self, study: str) -> Path | None:
        """Make the case folder of a study from what arrived and what was there before, all at once."""
        source, earlier = self.arriving / study, self._deliveries(study)
        before = earlier[-1] / DICOM_FOLDER / study if earlier else None
        new = [place for place in _places(source) if before is None or not (before / place).exists()]
        if new:
            building = self.studies / f".{study}"
            shutil.rmtree(building, ignore_errors=True)
            home = building / DICOM_FOLDER / study
            _link(source, new, home)
            if before is not None:
                _link(before, _places(before), home)
            set_state(building, WAITING if any(_planned_on(home / place) for place in new) else KEPT)
            sync(building)
            target = self.studies / (f"{study}.{len(earlier) + 1}" if earlier else study)
            building.rename(target)
        shutil.rmtree(source, ignore_errors=True)
        return target if new else None


def _places(folder: Path) -> list[Path]:
    """Where the instances of a study lie in its folder, sorted."""
    return sorted(path.relative_to(folder) for path in folder.rglob("*.dcm"))


def _link(source: Path, places: list[Path], target: Path) -> None:
    """The same files in another folder, copied only where the file system knows no links."""
    for here in places:
        (target / here).parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(source / here, target / here)
        except OSError:
            shutil.copyfile(source / here, target / here)


def _planned_on(path: Path) -> bool:
    from pydicom import dcmread

    data = dcmread(path, specific_tags=["Modality", "Manufacturer"], stop_before_pixels=True)
    return str(data.get("Modality")) in PLANNED_ON and str(data.get("Manufacturer")) != OUR_MANUFACTURER


def state_of(folder: Path) -> dict[str, Any]:
    """How far a case folder of a listening node is: state, tries, why and when; waiting where no whole file says so."""
    try:
        return dict(json.loads((folder / STATE).read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError):
        return {"state": WAITING, "tries": 0, "why": ""}


def set_state(folder: Path, state: str, *, tries: int = 0, why: str = "") -> None:
    """Write down how far a case folder is, at once."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    part = folder / f".{STATE}"
    part.write_text(json.dumps({"state": state, "tries": tries, "why": why, "at": now}) + "\n", encoding="utf-8")
    part.replace(folder / STATE)
