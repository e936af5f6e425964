"""What is asked of an archive, whichever language it speaks, and the patience with which it is asked."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from glisson.errors import InputError, PacsError
from glisson.imaging.pacs.node import Node, require_pacs

__all__ = [
    "Archive", "Deliver", "NotOfferedError", "PassingError", "SeriesEntry", "StudyEntry", "open_archive", "patiently",
    "valid_uid",
]  # fmt: skip

LONGEST_WAIT_S = 30.0
"""Waits double from try to try, up to this."""

Deliver = Callable[[bytes], None]
"""Takes one instance as the bytes of a DICOM file."""

T = TypeVar("T")


class PassingError(PacsError):
    """A failure that may pass: the network broke, or the archive said that it is busy or failed. Worth another try."""


class NotOfferedError(PacsError):
    """The node does not speak the service that was asked for; many that take images cannot be searched."""


@dataclass(frozen=True)
class StudyEntry:
    """What an archive says of a study. Texts are empty and counts None where it does not say."""

    uid: str
    date: str = ""
    description: str = ""
    modalities: tuple[str, ...] = ()
    patient_id: str = ""
    patient_name: str = ""
    accession: str = ""
    series: int | None = None
    instances: int | None = None


@dataclass(frozen=True)
class SeriesEntry:
    """What an archive says of a series."""

    uid: str
    modality: str = ""
    description: str = ""
    number: int | None = None
    instances: int | None = None


class Archive(Protocol):
    """One try each: a failure that may pass raises PassingError, any other PacsError."""

    node: Node

    def echo(self) -> None:
        """Ask whether the archive is there and lets us in."""

    def find_studies(self, query: Mapping[str, str], limit: int) -> tuple[StudyEntry, ...]:
        """Studies by DICOM keyword and value."""

    def series_of(self, study: str) -> tuple[SeriesEntry, ...]:
        """The series of a study."""

    def instances_of(self, study: str, series: str) -> tuple[str, ...]:
        """SOP instance UIDs of a series in the order of the instance numbers, each once."""

    def retrieve(self, study: str, series: str, wanted: tuple[str, ...], deliver: Deliver, *, whole: bool) -> None:
        """Have the wanted instances delivered, as far as it gives them; whole: they are the whole series."""

    def store(self, files: Iterable[Path], stored: Callable[[Path, str], None]) -> None:
        """Store files, calling `stored` with each that was taken and what the archive remarked, if anything."""


def open_archive(node: Node) -> Archive:
    """The archive at a node. Raises MissingExtra where the packages of the extra `pacs` are missing."""
    require_pacs()
    if node.web:
        from glisson.imaging.pacs.dicomweb import WebArchive

        return WebArchive(node)
    from glisson.imaging.pacs.network import NetworkArchive

    return NetworkArchive(node)


def patiently(node: Node, action: Callable[[], T], *, progressed: Callable[[], bool] = lambda: False) -> T:
    """Do it again and again while it fails for a passing reason, waiting longer each time, node.attempts times at most.

    progressed: whether the try got anywhere; then counting begins anew. Raises the last failure.
    """
    failures = 0
    while True:
        try:
            return action()
        except PassingError as problem:
            failures = 1 if progressed() else failures + 1
            if failures >= node.attempts:
                raise PacsError(f"{problem} Tried {failures} time{'s' * (failures > 1)} in a row.") from problem
            time.sleep(min(LONGEST_WAIT_S, node.first_wait_s * 2 ** (failures - 1)))


def valid_uid(text: Any, what: str) -> str:
    """The text as a DICOM UID, safe as a file name. Raises InputError for anything else."""
    uid = str(text or "").strip("\0 ")
    if len(uid) > 64 or not re.fullmatch(r"\d+(\.\d+)+", uid):
        raise InputError(f"{what} is no DICOM UID (digits and dots, 64 at most): {uid!r}.")
    return uid
