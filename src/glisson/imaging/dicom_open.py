"""Open one DICOM object, and turn what a damaged one does to its readers into a refusal."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glisson.errors import DicomError

if TYPE_CHECKING:
    from pydicom import Dataset

__all__ = ["open_dicom", "refusing_damage"]

DAMAGE = (
    ValueError, TypeError, AttributeError, LookupError, ArithmeticError, MemoryError, RecursionError, EOFError,
    NotImplementedError, AssertionError, OSError, struct.error,
)  # fmt: skip
"""What reading a value that is not what its attribute promises can raise."""


def open_dicom(path: Path, **options: Any) -> Dataset:
    """The dataset of a file; options go to pydicom's dcmread. Raises DicomError with the reason.

    The file is read into memory first, so that a length in a damaged header cannot ask for more than the file holds.
    """
    from pydicom import dcmread
    from pydicom.errors import BytesLengthException, InvalidDicomError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return dcmread(BytesIO(path.read_bytes()), **options)
    except (InvalidDicomError, BytesLengthException, *DAMAGE) as problem:
        raise DicomError(f"{path} cannot be read as DICOM: {_words(problem)}. Export it again.") from problem


@contextmanager
def refusing_damage(source: Path) -> Iterator[None]:
    """Raise DicomError for whatever a damaged object makes the code inside raise; refusals pass as they are."""
    from pydicom.errors import BytesLengthException

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (BytesLengthException, *DAMAGE) as problem:
        raise DicomError(f"{source}: an attribute is damaged ({_words(problem)}). Export it again.") from problem


def _words(problem: BaseException) -> str:
    text = " ".join(str(problem).split())
    return text[:200] or type(problem).__name__
