"""The letter on disk: a folder with letter.html and letter.pdf, or one of the two as a file; whole or not at all."""

from __future__ import annotations

import os
import tempfile
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path

from glisson.errors import OutputError
from glisson.imaging import write_whole
from glisson.report.html import render
from glisson.report.letter.model import Letter
from glisson.report.pdf import typeset

__all__ = ["letter_html", "letter_pdf", "write_letter"]

MARKS = frozenset(("letter.html", "letter.pdf"))
"""A folder that holds these is an earlier letter, and may be replaced by a new one."""


def letter_html(letter: Letter) -> str:
    """The letter as one HTML file that needs nothing beside it."""
    return render("letter.html.j2", letter=letter)


def letter_pdf(letter: Letter, *, dated: date) -> bytes:
    """The letter on A4, as PDF/UA-1. dated: the day in the document's properties."""
    noon = datetime(dated.year, dated.month, dated.day, 12, tzinfo=UTC)
    data = {**asdict(letter), "created": [dated.year, dated.month, dated.day]}
    return typeset("letter.typ", data, {}, timestamp=int(noon.timestamp()))


def write_letter(letter: Letter, out: str | Path, *, dated: date) -> tuple[Path, ...]:
    """Write the letter and give back the paths: letter.html and letter.pdf in the folder `out`, or only the file
    `out` when its name ends in .html or .pdf.

    An earlier letter is replaced when the new one is complete. Raises OutputError, with nothing written, for a folder
    that holds anything else and for a disk that refuses.
    """
    target = Path(out)
    if target.suffix in (".html", ".pdf"):
        page = letter_html(letter).encode("utf-8") if target.suffix == ".html" else letter_pdf(letter, dated=dated)
        return (_write_file(target.resolve(), page),)

    def fill(folder: Path) -> None:
        (folder / "letter.html").write_text(letter_html(letter), encoding="utf-8")
        (folder / "letter.pdf").write_bytes(letter_pdf(letter, dated=dated))

    folder = write_whole(out, fill, marks=MARKS, what="letter")
    return folder / "letter.html", folder / "letter.pdf"


def _write_file(target: Path, content: bytes) -> Path:
    if target.is_dir():
        raise OutputError(f"{target} is a folder. Name a file, or a folder whose name has no ending: -o LETTER_DIR.")
    staging: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        number, name = tempfile.mkstemp(prefix=f".{target.name}-", dir=target.parent)
        staging = Path(name)
        with os.fdopen(number, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        staging.chmod(0o644)
        staging.replace(target)
        staging = None
    except OSError as refusal:
        raise OutputError(
            f"The letter could not be written to {target} ({refusal.strerror or refusal}). Nothing was written. "
            "Name another file: -o FILE."
        ) from refusal
    finally:
        if staging is not None:
            staging.unlink(missing_ok=True)
    return target
