"""Instances as they arrive from the network, each checked and put in its place whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from glisson.errors import InputError, OutputError, PacsError
from glisson.imaging.pacs.archive import PassingError, valid_uid

__all__ = ["ConflictError", "Instance", "held_alone", "place", "read_instance", "sync", "whole_files"]

PART = ".part"
LOCK = ".lock"
UNCOMPRESSED = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2")
"""Transfer syntaxes whose pixels have a length that the header tells."""


class ConflictError(PacsError):
    """One instance arrived with two contents."""


@dataclass(frozen=True)
class Instance:
    """One DICOM object as it arrived, known to be whole."""

    raw: bytes
    study: str
    series: str
    uid: str

    @property
    def place(self) -> Path:
        """Where it lies in the folder of its study: SERIES/INSTANCE.dcm."""
        return Path(self.series) / f"{self.uid}.dcm"


def read_instance(raw: bytes) -> Instance:
    """The bytes of a DICOM file as an instance. Raises PassingError for bytes cut short, PacsError without UIDs."""
    data = _parsed(raw)
    try:
        uids = [_uid(data, k) for k in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")]
    except InputError as problem:
        raise PacsError(f"An object arrived that cannot be filed: {problem}") from None
    return Instance(raw, *uids)


def place(instance: Instance, folder: Path, beside: Path | None = None) -> None:
    """Put an instance in its place in the folder of its study, at once; the same bytes twice are kept once.

    beside: another folder of the study that may hold it already. Raises ConflictError for two contents of one,
    OutputError where the disk refuses.
    """
    path = folder / instance.place
    try:
        for held in (path, *(() if beside is None else (beside / instance.place,))):
            if held.exists():
                if held.read_bytes() != instance.raw:
                    raise ConflictError(
                        f"Instance {instance.uid} arrived twice with different contents. The first was kept; have the "
                        "sender's duplicates mended."
                    )
                return
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(path.name + PART)
        part.write_bytes(instance.raw)
        part.replace(path)
    except OSError as problem:
        raise OutputError(
            f"{path} could not be written ({problem.strerror or problem}). What arrived before is kept: make room and "
            "run the same command again."
        ) from problem


def _uid(data: Any, keyword: str) -> str:
    """A UID as it stands in the bytes, before anybody has warned of it or mended it."""
    element = data.get_item(keyword)
    value = "" if element is None else element.value
    return valid_uid(value.decode("ascii", "replace") if isinstance(value, bytes) else value, keyword)


def _parsed(raw: bytes) -> Any:
    """The data set, if it is whole. Raises PassingError where it is cut short: a connection broke."""
    import warnings

    from pydicom import dcmread

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            data = dcmread(BytesIO(raw))
    except Exception as problem:
        raise PassingError(f"An instance arrived damaged or cut short ({problem}).") from problem
    pixels = data.get_item("PixelData")
    if pixels is not None and str(data.file_meta.get("TransferSyntaxUID")) in UNCOMPRESSED:
        bits = int(data.Rows) * int(data.Columns) * int(data.get("SamplesPerPixel") or 1) * int(data.BitsAllocated)
        needed = (bits * int(data.get("NumberOfFrames") or 1) + 7) // 8
        if len(data["PixelData"].value or b"") < needed:
            raise PassingError(
                f"An instance arrived cut short ({len(pixels.value or b'')} of {needed} bytes of pixels)."
            )
    return data


def whole_files(folder: Path) -> dict[str, Path]:
    """The whole instances under a folder by SOP instance UID; what a crash or power cut left damaged is deleted."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.name.endswith(PART):
            path.unlink()
        elif path.suffix == ".dcm":
            try:
                _parsed(path.read_bytes())
                found[path.stem] = path
            except PassingError:
                path.unlink()
    return found


def sync(folder: Path) -> None:
    """Have every file under the folder on the disk, so that a full or failing disk is noticed now."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())


@contextmanager
def held_alone(folder: Path, what: str) -> Iterator[None]:
    """Make the folder, for its owner's eyes alone, and hold it for this process; one that is there stays as it is.

    Raises OutputError while another process holds it.
    """
    import fcntl

    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (folder / LOCK).open("w")
    except OSError as problem:
        raise OutputError(
            f"{folder} cannot be used ({problem.strerror}). Name a folder that can be written to."
        ) from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise OutputError(f"{folder} is in use: {what} runs already. Wait for it or stop it.") from None
        yield
