"""`glisson respond TABLE.csv`: response over time from a table with one row a lesion and date."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from glisson.cli.output import print_json, print_table
from glisson.errors import InputError, OutputError

if TYPE_CHECKING:
    from datetime import date

    from glisson.lesions.kinetics import Growth
    from glisson.lesions.response import DateResponse, Response, Timeline

__all__ = ["respond"]

NEEDS = {
    "mrecist": "enhancing_mm", "percist": "suv", "choi": "hu", "morphologic": "morphology", "volumetric": "volume_ml",
}  # fmt: skip
"""The column without which a criterion has nothing to say."""

MARKER_COLUMNS = ("patient", "date", "marker", "value")
"""Columns of the table of tumour markers."""


def respond(
    table: Annotated[Path, typer.Argument(metavar="TABLE.csv", help="one row a lesion and date")],
    criteria: Annotated[
        str, typer.Option(metavar="NAME[,NAME…]", help="recist-1.1, irecist, mrecist, percist, choi, morphologic, "
                                                       "volumetric; all: every one with a column; the first one leads")
    ] = "recist-1.1",
    reader_error: Annotated[
        float | None, typer.Option(metavar="PERCENT", help="95 % limit of the reader's own repeated measurements")
    ] = None,
    growth: Annotated[bool, typer.Option(help="add the doubling time of every lesion")] = False,
    project_to: Annotated[
        float | None, typer.Option(metavar="MM", help="project when each lesion reaches this diameter; with growth")
    ] = None,
    markers: Annotated[
        Path | None, typer.Option(metavar="FILE", help="CSV with patient,date,marker,value: doubling time and surge")
    ] = None,
    figures: Annotated[
        Path | None, typer.Option(metavar="DIR", help="write sums, spider and waterfall plots there (PNG)")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print machine-readable output")] = False,
) -> None:  # fmt: skip
    """Response over time: sum, targets, non-targets, new lesions and overall on each date, and the best response."""
    from glisson.lesions.response import disagreements, read_response_table, timelines
    from glisson.lesions.response import respond as judge

    lines = timelines(read_response_table(_text(table), table.name), table.name)
    names = _names(criteria, lines)
    found = {name: [judge(line, name, stated_percent=reader_error) for line in lines] for name in names}
    lead, *beside = found
    result: dict[str, Any] = {"criteria": lead, "patients": [_patient(one) for one in found[lead]]}
    result["beside"] = [{"criteria": name, "patients": [_patient(one) for one in found[name]]} for name in beside]
    result["disagreements"] = [
        {"patient": one.patient, "reader": one.reader, "date": str(one.date), "overall": dict(one.overall),
         "text": one.text}
        for one in disagreements([one for own in found.values() for one in own])
    ]  # fmt: skip
    if growth or project_to is not None:
        result["growth"] = [item for line in lines for item in _growth(line, project_to)]
    if markers is not None:
        result["markers"] = _markers(markers)
    if figures is not None:
        result["figures"] = _draw(found[lead], figures)
    if as_json:
        print_json(result)
    else:
        _show(result)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"There is no file {path}. Give a CSV table with one row a lesion and date.") from None
    except (OSError, UnicodeDecodeError) as trouble:
        raise InputError(f"{path} cannot be read as a UTF-8 text: {trouble}.") from None


def _names(criteria: str, lines: Sequence[Timeline]) -> list[str]:
    """The criteria asked for; `all` means those whose column has a value in the table."""
    from glisson.lesions.response import CRITERIA

    if criteria.strip() == "all":
        rows = [row for line in lines for own in line.readings.values() for row in own]
        held = {column for column in NEEDS.values() if any(getattr(row, column) is not None for row in rows)}
        return [name for name in CRITERIA if NEEDS.get(name, "") in ("", *held)]
    names = [word.strip().lower() for word in criteria.split(",")]
    for name in names:
        if name not in CRITERIA:
            raise InputError(f"--criteria knows {', '.join(CRITERIA)} and all; got {name!r}.")
    return list(dict.fromkeys(names))


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _patient(one: Response) -> dict[str, Any]:
    return {
        "patient": one.patient,
        "reader": one.reader,
        "best": one.best.best,
        "best_confirmed": one.best.best_confirmed,
        "best_why": list(one.best.why),
        "notes": list(one.notes),
        "dates": [_row(row) for row in one.dates],
    }


def _row(row: DateResponse) -> dict[str, Any]:
    return {
        "date": str(row.date),
        "sum_mm": _rounded(row.sum, 3) if row.unit == "mm" else None,
        "value": _rounded(row.sum, 3),
        "unit": row.unit,
        "change_from_baseline_percent": _rounded(row.baseline_percent, 2),
        "change_from_nadir_percent": _rounded(row.nadir_percent, 2),
        "target": row.target,
        "non_target": row.non_target,
        "new": row.new,
        "overall": row.overall,
        "why": list(row.why),
        "near_limit": list(row.near),
    }


def _growth(line: Timeline, project_to: float | None) -> list[dict[str, Any]]:
    """Doubling time of every lesion with two diameters or volumes above zero."""
    from glisson.lesions.kinetics import diameter_error, growth_of, project

    rows = []
    for lesion in line.lesions:
        own = [(day, at[0]) for day in line.dates if len(at := line.rows(lesion.name, day)) == 1]
        for column, key in (("diameter_mm", "diameters_mm"), ("volume_ml", "volumes_ml")):
            sizes = [(day, value) for day, row in own if (value := getattr(row, column))]
            if len(sizes) < 2:
                continue
            error = diameter_error(line.reader is not None) if column == "diameter_mm" else None
            grown = growth_of([day for day, _ in sizes], **{key: [size for _, size in sizes]}, relative_error=error)
            named = {"patient": line.patient, "reader": line.reader, "lesion": lesion.name, "measure": grown.measure}
            row = named | _speed(grown)
            if project_to is not None and column == "diameter_mm":
                ahead = project(grown, diameter_mm=project_to)
                row["projection"] = {
                    "diameter_mm": project_to, "earliest": _day(ahead.earliest), "expected": _day(ahead.expected),
                    "latest": _day(ahead.latest), "text": ahead.text,
                }  # fmt: skip
            rows.append(row)
    return rows


def _day(day: date | None) -> str | None:
    return None if day is None else str(day)


def _speed(grown: Growth) -> dict[str, Any]:
    return {
        "points": grown.points,
        "growing": grown.growing,
        "doubling_days": _rounded(grown.doubling_days, 1),
        "fastest_days": _rounded(grown.fastest_days, 1),
        "slowest_days": _rounded(grown.slowest_days, 1),
    }


def _markers(path: Path) -> list[dict[str, Any]]:
    """Course of every marker of every patient; a marker with one value has none and is left out."""
    from glisson.lesions.kinetics import marker_course

    series: dict[tuple[str, str], list[tuple[date, float]]] = {}
    for line, patient, marker, day, value in _marker_rows(path):
        own = series.setdefault((patient, marker), [])
        if any(day == seen for seen, _ in own):
            raise InputError(f"{path.name}, row {line}: {marker} of patient {patient} on {day} stands twice. Keep one.")
        own.append((day, value))
    rows = []
    for (patient, marker), points in series.items():
        if len(points) > 1:
            course = marker_course([day for day, _ in points], [value for _, value in points])
            doubling = _rounded(course.growth.doubling_days, 1)
            rows.append(
                {"patient": patient, "marker": marker, "surge": course.surge, "text": course.text,
                 "doubling_days": doubling}
            )  # fmt: skip
    return rows


def _marker_rows(path: Path) -> list[tuple[int, str, str, date, float]]:
    from datetime import date as Day  # noqa: N812 - the name of the class here

    table = csv.DictReader(_text(path).splitlines())
    header = [word.strip().lower() for word in table.fieldnames or ()]
    missing = [word for word in MARKER_COLUMNS if word not in header]
    if missing:
        raise InputError(f"{path.name} lacks the column {', '.join(missing)}; it needs {', '.join(MARKER_COLUMNS)}.")
    table.fieldnames = header
    rows = []
    for record in table:
        cells = {name: (record[name] or "").strip() for name in MARKER_COLUMNS}
        where = f"{path.name}, row {table.line_num}"
        try:
            day = Day.fromisoformat(cells["date"])
        except ValueError:
            raise InputError(f"{where}, column date: {cells['date']!r} is not a day; write it as 2026-03-01.") from None
        try:
            value = float(cells["value"])
        except ValueError:
            raise InputError(f"{where}, column value: {cells['value']!r} is not a number.") from None
        if not 0 < value < float("inf"):
            raise InputError(f"{where}, column value: a marker is above 0; given {cells['value']}.")
        rows.append((table.line_num, cells["patient"], cells["marker"], day, value))
    return rows


def _draw(responses: Sequence[Response], folder: Path) -> list[str]:
    """Write the pictures: one of sums a patient and reader, a spider and a waterfall of all. Raises OutputError."""
    from glisson.report.figures.timeline import spider, sum_over_time, waterfall

    drawn = {f"sums-{number}.png": sum_over_time(one) for number, one in enumerate(responses, 1)}
    drawn |= {"spider.png": spider(responses), "waterfall.png": waterfall(responses)}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, picture in drawn.items():
            if picture is not None:
                (folder / name).write_bytes(picture.png)
    except OSError as trouble:
        raise OutputError(f"The pictures could not be written to {folder}: {trouble}.") from None
    return [name for name, picture in drawn.items() if picture is not None]


def _show(result: dict[str, Any]) -> None:
    for own in [{"criteria": result["criteria"], "patients": result["patients"]}, *result["beside"]]:
        for one in own["patients"]:
            by = f", reader {one['reader']}" if one["reader"] else ""
            print(f"{own['criteria']}, patient {one['patient']}{by}: best {one['best']}, "
                  f"confirmed {one['best_confirmed']}")  # fmt: skip
            shown = ("date", "value", "unit", "target", "non_target", "new", "overall")
            print_table([{key: "" if row[key] is None else row[key] for key in shown} for row in one["dates"]])
            for row in one["dates"]:
                for text in (*row["why"], *row["near_limit"]):
                    print(f"  {row['date']}: {text}")
            for text in (*one["best_why"], *one["notes"]):
                print(f"  {text}")
            print()
    for one in result["disagreements"]:
        print(f"{one['date']}, patient {one['patient']}: the criteria disagree. {one['text']}.")
    for one in result.get("growth", ()):
        print(_growth_words(one))
    for one in result.get("markers", ()):
        print(f"patient {one['patient']}, {one['marker']}: {one['text']}; doubling time {one['doubling_days']} days")
    for name in result.get("figures", ()):
        print(f"{name} written")


def _growth_words(one: dict[str, Any]) -> str:
    about = f"patient {one['patient']}, {one['lesion']} ({one['measure']})"
    if one["growing"] is None:
        words = f"{about}: no change beyond measuring error"
    elif one["growing"]:
        until = f"{one['slowest_days']:g}" if one["slowest_days"] is not None else "no growth"
        words = f"{about}: doubles in {one['doubling_days']:g} days (95 % {one['fastest_days']:g} to {until})"
    else:
        words = f"{about}: halves in {-one['doubling_days']:g} days"
    return f"{words}; {one['projection']['text']}" if "projection" in one else words
