"""Records a board's decision in a case file, leaving every other line and comment as it stands."""

from __future__ import annotations

import os
import re
import tempfile
from dataclasses import replace
from datetime import date
from pathlib import Path

import yaml
from yaml.nodes import MappingNode

from glisson.case.loading import CASE_FILE, load_case, loads_case
from glisson.case.model import Case, Decision
from glisson.case.reader import CaseFileError
from glisson.case.sections import Section
from glisson.case.writing import plain_yaml
from glisson.errors import CaseError, InputError, OutputError

__all__ = ["is_named_person", "record_decision", "refuse_unfit_decision"]

KEY = "decision"
NOT_A_NAME = frozenset(
    (
        "dr", "doctor", "prof", "professor", "mr", "mrs", "ms", "miss", "mx", "sir", "dame", "med", "univ", "pd",
        "herr", "frau", "md", "phd", "frcs", "the", "an", "of", "anonymous", "anon", "unknown", "unnamed", "nobody",
        "somebody", "someone", "person", "none", "null", "na", "nn", "tbd", "tba", "xx", "xxx", "board", "tumour",
        "tumor", "team", "mdt", "mdm", "clinic", "hospital", "department", "ward", "clinician", "physician",
        "surgeon", "oncologist", "radiologist", "consultant", "registrar", "nurse", "staff", "user", "admin", "root",
        "test", "glisson", "software", "computer", "ai", "me", "us",
    )
)  # fmt: skip
"""Titles, functions and stand-ins: a text of these words alone names nobody."""


def is_named_person(name: str) -> bool:
    """Whether a text names a person: beside titles, functions and initials it has a word that is a name."""
    words = [word.strip(".'-").casefold() for word in re.split(r"[\s,;/()]+", name)]
    return any(len(word) > 1 and word[0].isalpha() and word not in NOT_A_NAME for word in words)


def refuse_unfit_decision(decision: Decision, today: date) -> None:
    """Raise InputError for a decision that names nobody or is dated after `today`."""
    if not is_named_person(decision.by):
        raise InputError(
            f"A decision is recorded by a named clinician; {decision.by!r} names nobody. "
            'Give first and last name, for example --by "Dr Ada Example".'
        )
    if decision.date > today:
        raise InputError(
            f"The decision is dated {decision.date.isoformat()}, after today ({today.isoformat()}). "
            "Record it on the day it was made, or later."
        )


def record_decision(folder: str | Path, decision: Decision, *, today: date, overwrite: bool = False) -> Path:
    """Write the decision into the case file (a path to it or its folder) and give back the file's path.

    Everything else in the file keeps its bytes. The file is replaced at once, or stays as it was.

    Raises InputError for an anonymous or future-dated decision and for one that is there already (unless
    `overwrite`) or does not fit the case, CaseFileError when the file is wrong, OutputError when the disk refuses.
    """
    refuse_unfit_decision(decision, today)
    given = Path(folder)
    file = (given / CASE_FILE if given.is_dir() else given).resolve()
    case = load_case(file)
    if case.decision is not None and not overwrite:
        raise InputError(
            f"{file} holds a decision already: by {case.decision.by}, {case.decision.date.isoformat()}. "
            "To put the new one in its place, add --replace."
        )
    with file.open(encoding="utf-8", newline="") as handle:
        text = _with_decision(handle.read(), case, decision, file)
    _write_whole(file, text)
    return file


def _with_decision(text: str, case: Case, decision: Decision, file: Path) -> str:
    """The text of the file with its decision in place, proved by reading it again."""
    end = "\r\n" if "\r\n" in text else "\n"
    block = plain_yaml({KEY: Section(Decision).plain(decision)}).replace("\n", end)
    lines = text.splitlines(keepends=True)
    start, stop = _place(text, lines)
    before, after = "".join(lines[:start]), "".join(lines[stop:])
    if before and not before.endswith("\n"):
        before += end
    new = before + (end if start == len(lines) and not before.endswith(end * 2) else "") + block + after
    try:
        read = loads_case(new.lstrip("\ufeff"), name=str(file))
    except CaseFileError as wrong:
        said = "; ".join(f"{item.key}: given {item.given}; {item.expected}" for item in wrong.problems)
        raise InputError(f"The decision does not fit the case, and nothing was written. {said}") from wrong
    if read != replace(case, decision=decision):
        raise CaseError(
            f"{file} is laid out so that a decision cannot be added without touching the rest. "
            "Write its sections as `key:` lines that begin at the margin, and try again. Nothing was written."
        )
    return new


def _place(text: str, lines: list[str]) -> tuple[int, int]:
    """First line of the present decision and the line after its last; both the end of the file when there is none."""
    root = yaml.compose(text.lstrip("\ufeff"), Loader=yaml.SafeLoader)
    assert isinstance(root, MappingNode)
    starts = sorted(key.start_mark.line for key, _ in root.value)
    own = next((key.start_mark.line for key, _ in root.value if key.value == KEY), None)
    if own is None:
        return len(lines), len(lines)
    stop = next((line for line in starts if line > own), len(lines))
    while stop > own + 1 and (not lines[stop - 1].strip() or lines[stop - 1].startswith("#")):
        stop -= 1
    return own, stop


def _write_whole(file: Path, text: str) -> None:
    """Write beside the file, have it on the disk, then put it in the file's place with the same permissions."""
    staging: str | None = None
    try:
        number, staging = tempfile.mkstemp(prefix=f".{file.name}-", dir=file.parent)
        with os.fdopen(number, "w", encoding="utf-8", newline="") as handle:
            handle.write(text)
            handle.flush()
            os.fsync(handle.fileno())
        Path(staging).chmod(file.stat().st_mode & 0o777)
        Path(staging).replace(file)
        staging = None
    except OSError as refusal:
        raise OutputError(
            f"The decision could not be written to {file} ({refusal.strerror or refusal}). The file is as it was."
        ) from refusal
    finally:
        if staging is not None:
            Path(staging).unlink(missing_ok=True)
