"""A case folder holds all that it names: no file of another case or of the machine can be reached through it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from glisson.case import CASE_FILE, Case, load_case
from glisson.errors import CaseError, InputError
from glisson.serve.files import walk

__all__ = ["named_files", "refuse_outside"]

NAMING = frozenset(("file", "image", "dose", "structures", "activity"))
"""Fields of a case that hold the path of a file."""
HEADERS = (".nrrd", ".nhdr", ".mha", ".mhd")
"""Formats whose header may name another file that holds the voxels."""
HEADER_BYTES = 64 * 1024
OWN = frozenset(("local", ""))


def refuse_outside(folder: Path) -> None:
    """Raise InputError where case.yaml, or the header of a scan or mask, names a file outside the folder; CaseError
    where case.yaml cannot be read.
    """
    file = folder / CASE_FILE
    if not file.is_file():
        raise CaseError(f"There is no {CASE_FILE} in the case.")
    for name in named_files(load_case(file)):
        _refuse(name, CASE_FILE)
    for path in walk(folder):
        if path.suffix.lower() in HEADERS:
            for name in _named_in_header(path):
                _refuse(name, path.name)


def named_files(case: Case) -> list[str]:
    """Every path that a case names."""
    return sorted(set(_paths(case)))


def _paths(value: Any) -> Iterator[str]:
    if is_dataclass(value):
        for one in fields(value):
            held = getattr(value, one.name)
            if one.name in NAMING and isinstance(held, str):
                yield held
            else:
                yield from _paths(held)
    elif isinstance(value, Mapping):
        for held in value.values():
            yield from _paths(held)
    elif isinstance(value, (tuple, list)):
        for held in value:
            yield from _paths(held)


def _named_in_header(path: Path) -> Iterator[str]:
    """The other files that an NRRD or MetaImage header names; LIST counts as one, as it names what follows it."""
    with path.open("rb") as file:
        text = file.read(HEADER_BYTES).decode("latin-1")
    for line in text.replace("\r", "\n").split("\n"):
        key, mark, value = line.partition("=" if path.suffix.lower().startswith(".mh") else ":")
        plain = key.strip().lower().replace(" ", "")
        if mark and plain in ("datafile", "elementdatafile") and value.strip().lower() not in OWN:
            yield value.strip()
        if plain == "elementdatafile":
            return


def _refuse(name: str, where: str) -> None:
    posix, windows = PurePosixPath(name), PureWindowsPath(name)
    leaves = ".." in (*posix.parts, *windows.parts) or posix.is_absolute() or windows.is_absolute() or windows.drive
    if leaves or name.upper().startswith("LIST") or "%" in name:
        raise InputError(
            f"{where} names the file {name[:100]!r}, which may lie outside the case. Name files by their plain path "
            "within the case."
        )
