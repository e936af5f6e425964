"""The table of lesions over time, one row a lesion and date, read and checked."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from types import MappingProxyType

from glisson.errors import InputError
from glisson.lesions.response.targets import select_targets
from glisson.lesions.response.types import KINDS, Reading, Timeline, TrackedLesion

__all__ = ["COLUMNS", "NUMBERS", "WORDS", "read_response_table", "timelines"]

COLUMNS = ("patient", "date", "lesion", "organ", "kind", "node")
"""Columns every table has, and with them diameter_mm, status or both."""

NUMBERS = (
    "diameter_mm", "enhancing_mm", "suv", "hu", "volume_ml", "slice_mm", "liver_suv", "liver_suv_sd",
)  # fmt: skip
"""Columns of numbers; all but the diameter are optional and serve single criteria."""

MAY_BE_NEGATIVE = frozenset({"hu"})

OPTIONAL = ("reader", "status", "part_of", "morphology", "markers", *NUMBERS)

WORDS: Mapping[str, str] = MappingProxyType(
    {
        word: state
        for state, words in {
            "measured": "measured",
            "absent": "absent, disappeared, gone, resolved, vanished, not seen, not present, cr, complete response",
            "too small": "too small, too small to measure, below 5 mm, <5 mm",
            "merged": "merged, coalesced",
            "present": "present, persistent, stable, unchanged, no change, non-cr/non-pd, non cr/non pd, decreased,"
            " smaller, improved, sd, new",
            "increased": "increased, larger, further increase",
            "progression": "progression, unequivocal, unequivocal progression, progressive, progressive disease, pd",
            "equivocal": "equivocal, uncertain",
            "not evaluable": "not evaluable, ne, not evaluated, not assessed, not measured, not imaged, missing,"
            " unevaluable, treated, ablated, resected, irradiated",
        }.items()
        for word in words.split(", ")
    }
)
"""Words of the status column (small letters, spaces for underscores) -> state."""

MEANT = "absent, too small, merged, present, increased, progression, equivocal, not evaluable"

_SIZE_IN_OTHER_UNIT = re.compile(r"(diameter|size|ld|sld|short_axis|longest)?_?\(?(cm|m|inch|in)\)?$")


def read_response_table(text: str, name: str = "the table") -> tuple[Reading, ...]:
    """The rows of a CSV text, checked one by one.

    text: comma- or semicolon-separated with a header. Raises InputError that names the row and the column for missing
    columns, dates not written YYYY-MM-DD, words that are not known, numbers with a unit or below zero, and two rows for
    one lesion, date and reader.
    """
    lines = text.removeprefix("\ufeff").splitlines()
    if not any(line.strip() for line in lines):
        raise InputError(f"{name} is empty. It needs a header and one row a lesion and date.")
    comma = ";" if lines[0].count(";") > lines[0].count(",") else ","
    table = csv.reader(io.StringIO("\n".join(lines)), delimiter=comma)
    header = [word.strip().lower() for word in next(table)]
    _check_header(header, name)
    rows = []
    for cells in table:
        if not any(cell.strip() for cell in cells):
            continue
        where = f"{name}, row {table.line_num}"
        if len(cells) != len(header):
            raise InputError(f"{where}: {len(cells)} cells under {len(header)} columns. Fill or quote the cells.")
        record = {column: cell.strip() for column, cell in zip(header, cells, strict=True)}
        rows.append(_reading(record, table.line_num, where))
    if not rows:
        raise InputError(f"{name} has a header and no rows.")
    _check_single(rows, name)
    return tuple(rows)


def _check_header(header: Sequence[str], name: str) -> None:
    doubled = sorted({word for word in header if word and header.count(word) > 1})
    if doubled:
        raise InputError(f"{name}: the column {doubled[0]!r} stands twice in the header. Keep one.")
    for word in header:
        if word not in (*COLUMNS, *OPTIONAL) and _SIZE_IN_OTHER_UNIT.match(word):
            raise InputError(f"{name}: column {word!r} is not in millimetres. Give sizes as diameter_mm.")
    missing = [word for word in COLUMNS if word not in header]
    if missing:
        raise InputError(
            f"{name} lacks the column {', '.join(missing)}. It needs {', '.join(COLUMNS)}, and diameter_mm or status."
        )
    if "diameter_mm" not in header and "status" not in header:
        raise InputError(f"{name} has neither a column diameter_mm nor status; it needs one of them.")


def _reading(record: Mapping[str, str], line: int, where: str) -> Reading:
    for column in ("patient", "lesion", "organ"):
        if not record[column]:
            raise InputError(f"{where}, column {column}: it is empty. Name the {column}.")
    kind = "-".join(record["kind"].lower().replace("_", " ").split()).replace("nontarget", "non-target")
    if kind not in (*KINDS, ""):
        raise InputError(
            f"{where}, column kind: {record['kind']!r} is not known; it is {', '.join(KINDS)}, or empty to have the "
            "targets selected by the rules of RECIST 1.1."
        )
    numbers = {column: _number(record.get(column, ""), column, where) for column in NUMBERS}
    status = record.get("status", "")
    state = _state(status, numbers["diameter_mm"], kind, where)
    if state in ("too small", "merged") and kind == "new":
        raise InputError(f"{where}, column status: a new lesion is present, equivocal, absent or not evaluable.")
    if state == "merged" and not record.get("part_of"):
        raise InputError(f"{where}, column part_of: a merged lesion names there the lesion whose diameter holds both.")
    return Reading(
        line=line,
        patient=record["patient"],
        reader=record.get("reader") or None,
        date=_day(record["date"], where),
        lesion=record["lesion"],
        organ=record["organ"].lower(),
        kind=kind,
        node=_yes(record["node"], "node", where),
        state=state,
        reason=status,
        part_of=record.get("part_of") or None,
        morphology=_group(record.get("morphology", ""), where),
        markers_raised=_markers(record.get("markers", ""), where),
        **numbers,
    )


def _day(text: str, where: str) -> date:
    try:
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            raise ValueError
        return date.fromisoformat(text)
    except ValueError:
        raise InputError(f"{where}, column date: {text!r} is not a day; write it as 2026-03-01.") from None


def _number(text: str, column: str, where: str) -> float | None:
    if not text:
        return None
    unit = column.rsplit("_", 1)[-1] if column.endswith(("_mm", "_ml")) else "its unit"
    try:
        value = float(text)
    except ValueError:
        hint = "with a point, not a comma" if re.fullmatch(r"-?\d+,\d+", text) else "without a unit"
        raise InputError(
            f"{where}, column {column}: {text!r} is not a number. Write the value in {unit} {hint}."
        ) from None
    if not math.isfinite(value) or (value < 0 and column not in MAY_BE_NEGATIVE):
        raise InputError(f"{where}, column {column}: {text!r} cannot be; it is a number of {unit} from 0 up.")
    return value


def _yes(text: str, column: str, where: str) -> bool:
    if text.lower() not in ("yes", "no"):
        raise InputError(f"{where}, column {column}: {text!r} is not known; it is yes or no.")
    return text.lower() == "yes"


def _group(text: str, where: str) -> int | None:
    if text and text not in ("1", "2", "3"):
        raise InputError(f"{where}, column morphology: {text!r} is not a group; it is 1, 2 or 3.")
    return int(text) if text else None


def _markers(text: str, where: str) -> bool | None:
    if text.lower() not in ("", "normal", "raised"):
        raise InputError(f"{where}, column markers: {text!r} is not known; it is normal or raised.")
    return text.lower() == "raised" if text else None


def _state(status: str, diameter: float | None, kind: str, where: str) -> str:
    """The state a row says; a diameter and a word must not contradict each other."""
    if not status:
        return "not evaluable" if diameter is None else "absent" if diameter == 0 else "measured"
    state = WORDS.get(" ".join(status.lower().replace("_", " ").split()))
    if state is None:
        raise InputError(f"{where}, column status: {status!r} is not known; it is one of {MEANT}.")
    if kind == "target" and state == "progression":
        raise InputError(f"{where}, column status: a target progresses by its diameter; give diameter_mm.")
    if diameter is None:
        return "not evaluable" if state == "measured" else state
    if state == "not evaluable" or (state in ("absent", "merged")) != (diameter == 0):
        raise InputError(f"{where}, column status: {status!r} contradicts a diameter of {diameter:g} mm. Keep one.")
    return "measured" if kind == "target" and diameter > 0 else state


def _check_single(rows: Sequence[Reading], name: str) -> None:
    seen: dict[tuple[object, ...], int] = {}
    for row in rows:
        key = (row.patient, row.reader, row.date, row.lesion)
        if key in seen:
            by = f" by reader {row.reader}" if row.reader else ""
            raise InputError(
                f"{name}, row {row.line}, column lesion: {row.lesion} of patient {row.patient} on {row.date}{by} "
                f"stands in row {seen[key]} already. Keep one; name pieces of a split lesion apart and give part_of."
            )
        seen[key] = row.line


def timelines(rows: Sequence[Reading], name: str = "the table") -> tuple[Timeline, ...]:
    """One timeline for each patient and reader, in the order of the table, its dates earliest first.

    Raises InputError for a lesion that changes kind, organ or being a node, a target that is not there at baseline, a
    new lesion at baseline, and a part of a lesion that is not in the table.
    """
    grouped: dict[tuple[str, str | None], list[Reading]] = {}
    for row in rows:
        grouped.setdefault((row.patient, row.reader), []).append(row)
    return tuple(_timeline(own, name) for own in grouped.values())


def _timeline(rows: Sequence[Reading], name: str) -> Timeline:
    dates = tuple(sorted({row.date for row in rows}))
    rows = _with_kinds(rows, dates[0], name)
    first: dict[str, Reading] = {}
    for row in rows:
        _check_same(row, first.setdefault(row.lesion, row), name)
    readings: dict[tuple[str, date], tuple[Reading, ...]] = {}
    for row in rows:
        whole = row.lesion if row.part_of is None or row.state == "merged" else row.part_of
        if row.part_of is not None and (row.part_of not in first or row.part_of == row.lesion):
            raise InputError(f"{name}, row {row.line}, column part_of: there is no other lesion {row.part_of!r}.")
        readings[whole, row.date] = (*readings.get((whole, row.date), ()), row)
    wholes = {whole for whole, _ in readings}
    lesions = tuple(TrackedLesion(n, r.organ, r.kind, r.node) for n, r in first.items() if n in wholes)
    line = Timeline(rows[0].patient, rows[0].reader, dates, lesions, MappingProxyType(readings))
    _check_baseline(line, first, name)
    return line


def _with_kinds(rows: Sequence[Reading], baseline: date, name: str) -> Sequence[Reading]:
    """The rows with a kind for every lesion: where the table gives none, the rules select the targets."""
    if all(row.kind for row in rows):
        return rows
    first = [row for row in rows if row.date == baseline]
    known = {row.lesion for row in first}
    for row in rows:
        if not row.kind and row.lesion not in known:
            raise InputError(
                f"{name}, row {row.line}, column kind: {row.lesion} of patient {row.patient} is first seen after "
                "baseline. Say whether it is new or was there as a non-target lesion."
            )
    chosen = select_targets([row for row in first if row.part_of is None])
    return [row if row.kind else replace(row, kind="target" if row.lesion in chosen else "non-target") for row in rows]


def _check_same(row: Reading, first: Reading, name: str) -> None:
    for column in ("kind", "organ", "node"):
        now, before = getattr(row, column), getattr(first, column)
        if now != before:
            words = {True: "yes", False: "no"}
            raise InputError(
                f"{name}, row {row.line}, column {column}: lesion {row.lesion} of patient {row.patient} is "
                f"{words.get(now, now)!r} here and {words.get(before, before)!r} in row {first.line}. Keep it the same "
                "on every date."
            )


def _check_baseline(line: Timeline, first: Mapping[str, Reading], name: str) -> None:
    for lesion in line.lesions:
        at_baseline = bool(line.rows(lesion.name, line.baseline))
        where = f"{name}, row {first[lesion.name].line}, column kind: {lesion.name} of patient {line.patient}"
        if lesion.kind == "new" and at_baseline:
            raise InputError(f"{where} is new on the first date {line.baseline}; nothing is new at baseline.")
        if lesion.kind == "target" and not at_baseline:
            raise InputError(
                f"{where} is a target without a row on the first date {line.baseline}. A lesion first seen later is "
                "new; lesions of one assessment share one date."
            )
