"""DICOM files into an archive: what it holds already is not sent again, and what was sent is looked for afterwards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from glisson.errors import DicomError, InputError, PacsError
from glisson.imaging.pacs.archive import Archive, NotOfferedError, patiently, valid_uid

__all__ = ["Stored", "dicom_files", "store_files"]

Progress = Callable[[str, float], None]

UNSEARCHED = "The node takes objects but cannot be searched: nobody asked whether it holds them now."


@dataclass(frozen=True)
class Stored:
    """Files stored, files that the archive held already, and what it remarked."""

    stored: tuple[Path, ...]
    held: tuple[Path, ...]
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class _Object:
    path: Path
    study: str
    series: str
    instance: str


def dicom_files(sources: Iterable[Path]) -> tuple[Path, ...]:
    """The DICOM objects among files and folders; of a plan's folder, those under its `dicom`.

    Raises InputError for what does not exist or holds none, DicomError for a file that is none.
    """
    found: list[Path] = []
    for source in sources:
        if not source.exists():
            raise InputError(f"{source} does not exist. Give the folder of a plan, a folder of DICOM files or files.")
        home = source / "dicom" if (source / "dicom").is_dir() else source
        inside = sorted(p for p in home.rglob("*") if p.is_file() and _is_dicom(p)) if source.is_dir() else [source]
        if not inside:
            raise InputError(
                f"{home} holds no DICOM object. A plan of a case with DICOM images writes them to OUT/dicom."
            )
        found += inside
    return tuple(dict.fromkeys(found))


def _is_dicom(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(132)[128:] == b"DICM"


def store_files(archive: Archive, files: Iterable[Path], progress: Progress | None = None) -> Stored:
    """Store DICOM files. Objects that the archive holds (by SOP instance UID) are left as they are there.

    A broken connection is tried again with what is still missing. Afterwards the archive is asked for every object;
    one that offers no search gets all of them, and a remark says so. Raises PacsError, naming what is not there,
    DicomError for a file that cannot be read.
    """
    objects = [_object(path) for path in files]
    counts = Counter(o.instance for o in objects)
    if twice := [str(o.path) for o in objects if counts[o.instance] > 1]:
        raise InputError(f"One object is given more than once: {', '.join(twice)}. Give each once.")
    say = progress or (lambda _words, _share: None)
    done: dict[Path, str] = {}
    held = _held(archive, objects)
    before = {o.path for o in objects if o.instance in (held or ())}
    todo = [o for o in objects if o.path not in before]
    count = 0

    def stored(path: Path, remark: str) -> None:
        done[path] = remark
        say("Storing", len(done) / len(todo))

    def attempt() -> None:
        nonlocal count
        count = len(done)
        if rest := [o.path for o in todo if o.path not in done]:
            archive.store(rest, stored)

    patiently(archive.node, attempt, progressed=lambda: len(done) > count)
    listed = _held(archive, objects) if todo and held is not None else held
    missing = [o.path.name for o in objects if listed is not None and o.instance not in listed]
    if missing:
        raise PacsError(
            f"{archive.node.address} took {len(missing)} objects but does not list them ({', '.join(missing[:3])}). "
            "It may file them later, or hold them back: look there before sending again."
        )
    remarks = [f"{path.name}: {remark}" for path, remark in done.items() if remark]
    remarks += [UNSEARCHED] if listed is None else []
    return Stored(tuple(done), tuple(o.path for o in objects if o.path in before), tuple(remarks))


def _object(path: Path) -> _Object:
    from pydicom import dcmread

    try:
        keys = ["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"]
        data = dcmread(path, specific_tags=keys, stop_before_pixels=True)
        return _Object(path, *(valid_uid(data.get(key), key) for key in keys))
    except Exception as problem:
        raise DicomError(f"{path} is no DICOM object that can be stored ({problem}).") from problem


def _held(archive: Archive, objects: list[_Object]) -> set[str] | None:
    """SOP instance UIDs of all objects that the archive lists in the series of these; None where it lists nothing."""
    found: set[str] = set()
    try:
        for study, series in sorted({(o.study, o.series) for o in objects}):
            found.update(patiently(archive.node, lambda s=study, r=series: archive.instances_of(s, r)))  # type: ignore[misc]
    except NotOfferedError:
        return None
    return found
