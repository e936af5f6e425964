"""Puts imported facts into a case file: a new one, or into the text of an existing one, whose comments stay."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from glisson.case import CASE_FILE, Unknown, case_as_plain, load_case, loads_case
from glisson.case.writing import plain_yaml
from glisson.errors import CaseError, InputError, OutputError
from glisson.exchange.fhir_import import Imported, import_record
from glisson.exchange.fhir_import_merge import Conflict, Merge, Steps, merge
from glisson.exchange.fhir_import_people import withhold
from glisson.exchange.fhir_read import read_record

__all__ = ["PREFER", "REPORT_FILE", "Result", "apply", "import_fhir", "write_import"]

REPORT_FILE = "import-report.json"
PREFER = (None, "bundle", "case")
PLAIN_WORD = re.compile(r"[A-Za-z][A-Za-z0-9-]*(?: [A-Za-z0-9-]+)*|\d{4}-\d\d-\d\d")
NOT_WORDS = ("true", "false", "yes", "no", "on", "off", "null", "y", "n")


@dataclass(frozen=True)
class Result:
    """What an import did: the case file, whether it is new, what was laid over it, and the import itself."""

    file: Path
    new: bool
    merge: Merge
    imported: Imported


def import_fhir(
    source: str | Path,
    folder: str | Path,
    *,
    prefer: str | None = None,
    patient: str | None = None,
    as_of: date | None = None,
) -> Result:
    """Read FHIR R4 from a file or folder into `folder`/case.yaml and write import-report.json beside it.

    An existing case keeps all it says, its comments too; a fact that differs is refused, unless prefer is "bundle" or
    "case". Raises InputError for what cannot be read or differs, OutputError when the disk refuses; nothing is changed
    then.
    """
    if prefer not in PREFER:
        raise InputError(f"--prefer is bundle or case; got {prefer!r}.")
    record = read_record(source)
    file = Path(folder) / CASE_FILE
    if file.exists():
        case = load_case(file)
        told = case.as_of
        found = import_record(record, patient=patient, as_of=as_of or (None if isinstance(told, Unknown) else told))
        laid = merge(case_as_plain(case), found.plain, prefer)
        if laid.conflicts and prefer is None:
            _refuse(file, laid.conflicts)
        with file.open(encoding="utf-8-sig", newline="") as handle:
            text = apply(handle.read(), laid.put, str(file))
    else:
        found = import_record(record, patient=patient, as_of=as_of)
        laid = merge({}, found.plain)
        name = re.sub(r"[^A-Za-z0-9_.-]+", "-", Path(folder).resolve().name).strip("-.") or "case"
        name = name if withhold(name, found.secrets) == name else "case"
        text = plain_yaml({"id": name, **found.plain})
        loads_case(text, str(file))
    new = not file.exists()
    write_import(file, text, json.dumps(_report(found, laid), indent=2, ensure_ascii=False) + "\n", new=new)
    return Result(file, new, laid, found)


def _report(found: Imported, laid: Merge) -> dict[str, Any]:
    told = [{"fact": one.path, "case": one.case, "bundle": one.bundle} for one in laid.conflicts]
    return {**found.report(), "changed": list(laid.added), "differed": told}


def _refuse(file: Path, conflicts: tuple[Conflict, ...]) -> None:
    listed = "\n".join(f"  {one}" for one in conflicts)
    raise InputError(
        f"{file} and the bundle differ; nothing was written:\n{listed}\n"
        "Correct one of them, or say which counts: --prefer bundle or --prefer case."
    )


def write_import(file: Path, text: str, report: str, *, new: bool, name: str = REPORT_FILE) -> None:
    """Put a case file in its place and the report of the import, `name`, beside it. Raises OutputError."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        _replace(file.parent / name, report)
        _replace(file, text)
    except OSError as refusal:
        kept = "no case was written" if new else "the case is as it was"
        raise OutputError(
            f"{file.parent} could not be written to ({refusal.strerror or refusal}); {kept}."
        ) from refusal


def _replace(file: Path, text: str) -> None:
    """Write beside the file, have it on the disk, then put it in the file's place."""
    number, staging = tempfile.mkstemp(prefix=f".{file.name}-", dir=file.parent)
    try:
        with os.fdopen(number, "w", encoding="utf-8", newline="") as handle:
            handle.write(text)
            handle.flush()
            os.fsync(handle.fileno())
        Path(staging).chmod(file.stat().st_mode & 0o777 if file.exists() else 0o644)
        Path(staging).replace(file)
    finally:
        Path(staging).unlink(missing_ok=True)


def apply(text: str, put: tuple[tuple[Steps, Any], ...], name: str = CASE_FILE) -> str:
    """The text of a case file with values put in, all else as it stands; proved by reading it again.

    Raises CaseFileError when the case refuses a value, CaseError when the layout does not let it be put in.
    """
    plain = case_as_plain(loads_case(text, name))
    at = 0
    while at < len(put):
        steps, value = put[at]
        run = [value]
        if _appends(plain, steps):
            while at + len(run) < len(put) and put[at + len(run)][0] == (*steps[:-1], int(steps[-1]) + len(run)):
                run.append(put[at + len(run)][1])
            text = _put(text, steps, run)
        else:
            text = _put(text, steps, value)
        for offset, own in enumerate(run):
            _put_plain(plain, (*steps[:-1], int(steps[-1]) + offset) if offset else steps, own)
        at += len(run)
    if case_as_plain(loads_case(text, name)) != case_as_plain(loads_case(plain_yaml(plain), name)):
        raise CaseError(
            f"{name} is laid out so that facts cannot be added without touching the rest. Nothing was written."
        )
    return text


def _appends(plain: Any, steps: Steps) -> bool:
    """Whether a place lies behind the end of a list that is there."""
    node = plain
    for step in steps[:-1]:
        node = node.get(step) if isinstance(node, dict) else node[step]
        if node is None:
            return False
    return isinstance(node, list) and isinstance(steps[-1], int) and steps[-1] >= len(node)


def _put_plain(plain: Any, steps: Steps, value: Any) -> None:
    node = plain
    for step in steps[:-1]:
        node = node.setdefault(step, {}) if isinstance(node, dict) else node[step]
    last = steps[-1]
    if isinstance(node, list) and isinstance(last, int) and last >= len(node):
        node.append(value)
    else:
        node[last] = value


def _put(text: str, steps: Steps, value: Any) -> str:
    """One value into the text: in the place of what stands there, or behind the last entry of its mapping.

    Behind the end of a list the value is a list of what is appended.
    """
    node: Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
    for at, step in enumerate(steps):
        inner = _inner(node, step)
        if inner is None:
            for key in reversed(steps[at + 1 :]):
                value = {key: value}
            return _insert(text, node, step, value)
        node = inner
    assert node is not None
    return _exchange(text, node, value)


def _inner(node: Node | None, step: str | int) -> Node | None:
    if isinstance(node, MappingNode):
        return next((child for key, child in node.value if key.value == str(step)), None)
    if isinstance(node, SequenceNode) and isinstance(step, int):
        return node.value[step] if step < len(node.value) else None
    return None


def _insert(text: str, node: Node | None, step: str | int, value: Any) -> str:
    is_list = isinstance(node, SequenceNode)
    assert isinstance(node, MappingNode | SequenceNode)
    if node.flow_style:
        new = _flow(value)[1:-1] if is_list else f"{step}: {_flow(value)}"
        end = node.end_mark.index - 1
        return f"{text[:end].rstrip()}{', ' if node.value else ''}{new}{text[end:]}"
    line = "\r\n" if "\r\n" in text else "\n"
    block = plain_yaml(value if is_list else {step: value})
    indent = " " * node.start_mark.column
    lines = text.splitlines(keepends=True)
    last = _last_line(node)
    if not lines[last].endswith(("\n", "\r")):
        lines[last] += line
    lines.insert(last + 1, "".join(f"{indent}{own}{line}" for own in block.splitlines()))
    return "".join(lines)


def _exchange(text: str, node: Node, value: Any) -> str:
    if not isinstance(node, MappingNode | SequenceNode) or node.flow_style:
        return text[: node.start_mark.index] + _flow(value) + text[node.end_mark.index :]
    lines = text.splitlines(keepends=True)
    last = _last_line(node)
    end = sum(len(own) for own in lines[: last + 1])
    tail = "\r\n" if lines[last].endswith("\r\n") else "\n"
    return text[: node.start_mark.index] + _flow(value) + tail + text[end:]


def _last_line(node: Node) -> int:
    """The line (from 0) on which the last thing of a node stands."""
    if isinstance(node, ScalarNode):
        return int(node.end_mark.line) - (1 if node.style in ("|", ">") else 0)
    if not isinstance(node, MappingNode | SequenceNode) or node.flow_style or not node.value:
        return int(node.end_mark.line)
    last = node.value[-1]
    return _last_line(last[1] if isinstance(last, tuple) else last)


def _flow(value: Any) -> str:
    """A value on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_flow(own)}" for key, own in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(own) for own in value) + "]"
    if isinstance(value, str) and PLAIN_WORD.fullmatch(value) and value.lower() not in NOT_WORDS:
        return value
    return json.dumps(value, ensure_ascii=False)
