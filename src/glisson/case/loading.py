"""Reads case.yaml strictly: every problem at once, each with its line."""

from __future__ import annotations

from pathlib import Path

import yaml
from yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent, DocumentStartEvent, NodeEvent

from glisson.case.checks import check_consistency
from glisson.case.model import Case
from glisson.case.reader import CaseFileError, Problem, Reader
from glisson.case.sections import Section

__all__ = ["CASE_FILE", "LARGEST_BYTES", "load_case", "loads_case"]

CASE_FILE = "case.yaml"
"""Name of the file in a case folder."""
LARGEST_BYTES = 1_000_000
"""A case file is written by people; a larger one is not a case file."""
DEEPEST = 20
"""Levels of nesting; the schema needs seven."""


def load_case(path: str | Path) -> Case:
    """The case in a file, or in the case.yaml of a folder.

    Raises CaseFileError (a CaseError) with all that is wrong: file, line, key, what was given, what is allowed.
    """
    path = Path(path)
    file = path / CASE_FILE if path.is_dir() else path
    try:
        size = file.stat().st_size
        data = file.read_bytes() if size <= LARGEST_BYTES else b""
    except OSError as error:
        remedy = "give a case folder with a case.yaml, or the file itself; `glisson init` writes one."
        raise _one(str(file), 1, f"a file that cannot be read ({error.strerror})", remedy) from error
    if size > LARGEST_BYTES:
        raise _one(str(file), 1, f"{size} bytes", f"expected at most {LARGEST_BYTES}; is this a case file?")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise _one(
            str(file), line, f"the byte 0x{data[error.start]:02x}", "expected text in UTF-8; save it as UTF-8."
        ) from error
    return loads_case(text, name=str(file))


def loads_case(text: str, name: str = CASE_FILE) -> Case:
    """The case in a text; `name` stands for the file in messages. Raises CaseFileError as `load_case` does."""
    if len(text) > LARGEST_BYTES:
        raise _one(name, 1, f"{len(text)} characters", f"expected at most {LARGEST_BYTES}; is this a case file?")
    reader = Reader(name)
    root = _compose(text, name)
    case = Section(Case).read(root, reader, "")
    if isinstance(case, Case):
        check_consistency(case, reader)
    reader.finish()
    assert isinstance(case, Case)
    return case


def _compose(text: str, name: str) -> yaml.Node:
    """The YAML node tree, after a pass over the events that refuses what a case file never needs."""
    try:
        _refuse_exotic(text, name)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        what = error.problem or error.context or "text that is not YAML"
        raise _one(
            name, line, f"text that is not YAML ({what})", "check indentation, colons, quotes and tabs here."
        ) from error
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count("\n") + 1
        raise _one(name, line, "a character that YAML does not allow", "remove it.") from error
    if root is None:
        raise _one(
            name, 1, "an empty file", "expected at least `id: NAME`; `glisson init` writes a case file to fill in."
        )
    return root


def _refuse_exotic(text: str, name: str) -> None:
    """Refuse anchors, aliases, tags, several documents and deep nesting: a case file never needs them."""
    depth = documents = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        mark, tag = event.start_mark, getattr(event, "tag", None)
        line = mark.line + 1 if mark else 1
        if isinstance(event, AliasEvent) or (isinstance(event, NodeEvent) and event.anchor):
            raise _one(
                name,
                line,
                "a YAML anchor or alias (& or *)",
                "write the value out; quote text that begins with & or *.",
            )
        if tag:
            raise _one(name, line, f"the YAML tag {tag}", "leave tags (!) out; quote text that begins with !.")
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        documents += isinstance(event, DocumentStartEvent)
        if depth > DEEPEST:
            raise _one(
                name, line, f"more than {DEEPEST} levels of nesting", "no part of a case file is nested so deep."
            )
        if documents > 1:
            raise _one(name, line, "a second document (---)", "give one case to a file.")


def _one(name: str, line: int, given: str, expected: str) -> CaseFileError:
    return CaseFileError(name, [Problem(name, line, "", given, expected)])
