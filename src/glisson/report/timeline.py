"""The pages "Over time": events, sizes on every scan, response by the criteria, markers, growth; and their data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from glisson.assessment.due import due_scans
from glisson.case import Lab, Unknown
from glisson.case.timeline import events_of
from glisson.report.operated import operated_data, operated_tables
from glisson.report.view import Table
from glisson.report.words import day, ids, mm, number_of, volume

if TYPE_CHECKING:
    from glisson.assessment import Assessment
    from glisson.lesions.follow import Track
    from glisson.lesions.kinetics import Growth, Projection
    from glisson.lesions.response import DateResponse
    from glisson.lesions.serial import Serial, Size

__all__ = ["course_words", "followed_names", "timeline_data", "timeline_tables"]

MARKERS = ("cea", "ca-19-9", "afp", "cga", "chromogranin-a", "ca-15-3", "ca-125", "ldh")
"""Tests of the record that are shown over time."""

EVENT_PATHS = ("treatments", "primary.resected", "primary.diagnosed", "studies", "liver.metastases_found")
"""Where the events of the timeline stand in the record."""


def followed_names(result: Assessment) -> tuple[str, ...]:
    """The followed lesions, those that changed most first: vanished and new ones, then by change of volume; those that
    went with a resection last."""
    if result.follow is None or result.serial is None:
        return ()
    serial = result.serial

    gone = {name for one in result.resected for name in one.lesions}

    def rank(track: Track) -> tuple[int, float, str]:
        sizes = [size for size in serial.sizes[track.name] if size is not None]
        changed = track.first > 0 or track.last < len(serial.days) - 1
        ratio = max(sizes[-1].volume_ml / sizes[0].volume_ml, sizes[0].volume_ml / sizes[-1].volume_ml)
        return (2 if track.name in gone else 0 if changed else 1, -ratio, track.name)

    return tuple(track.name for track in sorted(result.follow.tracks, key=rank))


def timeline_tables(result: Assessment) -> tuple[Table, ...]:
    """Every table of the pages: what is due next, and where there are several scans all that they show."""
    due, operated = _due(result), operated_tables(result)
    if result.follow is None or result.serial is None:
        return (*operated, *(() if due is None else (due,)))
    tables = (
        _sizes(result), _ablations(result), *operated, _response(result), _markers(result), due, _events(result),
    )  # fmt: skip
    return tuple(table for table in tables if table is not None)


def _sizes(result: Assessment) -> Table:
    serial, follow = result.serial, result.follow
    assert serial is not None
    assert follow is not None
    gone = {name: one.operation.day for one in result.resected for name in one.lesions}
    rows = []
    for track in follow.tracks:
        rim = result.at_rim.get(track.name)
        day_gone = gone.get(track.name, date.max)
        cells = [
            _size(size, track, n, gone=serial.days[n] > day_gone) for n, size in enumerate(serial.sizes[track.name])
        ]
        rows.append((track.name, *cells, course_words(serial, track, rim, gone)))
    columns = ("Lesion", *(day(d) for d in serial.days), "Course")
    errors = sorted(overlay.error_mm for overlay in follow.overlays.values())
    note = (
        "Longest axial diameter and volume; names are kept for life. A question mark: that it is the same lesion is to "
        f"be looked at. The scans lie over each other to {errors[0]:.1f} to {errors[-1]:.1f}\u00a0mm along each axis. "
        "A projection goes on as between the measurements; treatment and slowing growth it does not know."
    )
    return Table("over-time", "Lesions over time", columns, (False,) * len(columns), tuple(rows), note)


def _size(size: Size | None, track: Track, number: int, *, gone: bool = False) -> str:
    if size is None:
        return "resected" if gone else "not seen" if number > track.first else "–"
    doubt = " ?" if track.confidence.get(number) in ("low", "moderate") else ""
    pieces = f", {size.pieces} pieces" if size.pieces > 1 else ""
    return f"{mm(size.longest_mm)}, {volume(size.volume_ml)}{pieces}{doubt}"


def course_words(
    serial: Serial, track: Track, rim: tuple[str, float] | None = None, resected: Mapping[str, date] | None = None
) -> str:
    """What became of one lesion, in words. rim: the lesion whose ablation zone a new one is near, and how near in mm.
    resected: lesion -> day of the resection that it went with."""
    resected = resected or {}
    if track.merged_into is not None:
        return f"part of {track.merged_into[0]} since {day(serial.days[track.merged_into[1]])}"
    words = []
    if track.name in resected:
        words.append(f"went with the resection of {day(resected[track.name])}")
    elif track.last < len(serial.days) - 1:
        words.append(f"not seen since {day(serial.days[track.last + 1])}")
    elif track.first > 0:
        words.append("new" if rim is None else f"new, {mm(rim[1])} from the ablation zone of {rim[0]}")
    growth = serial.growth.get(track.name)
    if growth is not None:
        words.append(_growth(growth))
    if track.name in serial.projections:
        words.append(_projection(serial.projections[track.name], serial.projected_mm))
    return "; ".join(words) or "one size only"


def _growth(growth: Growth) -> str:
    if growth.growing is None or growth.doubling_days is None:
        return "no change beyond measuring error"
    days = number_of(round(abs(growth.doubling_days)), "day")
    if not growth.growing:
        return f"volume halves in {days}"
    limits = ""
    if growth.fastest_days is not None and growth.slowest_days is not None:
        limits = f" ({growth.fastest_days:.0f} to {growth.slowest_days:.0f})"
    return f"volume doubles in {days}{limits}"


def _projection(found: Projection, size_mm: float) -> str:
    ball = f"a ball of {size_mm:g}\u00a0mm"
    if found.already:
        return f"as large as {ball} already"
    if found.earliest is None or found.latest is None:
        return f"whether it becomes as large as {ball} is not certain"
    return f"projection: as large as {ball} between {day(found.earliest)} and {day(found.latest)}"


def _response(result: Assessment) -> Table | None:
    serial = result.serial
    assert serial is not None
    if not serial.responses:
        return None
    rows = []
    for dates in zip(*(one.dates for one in serial.responses), strict=True):
        first = dates[0]
        total = "not measured" if first.sum is None else mm(first.sum)
        why = "; ".join(dict.fromkeys(text for row in dates for text in (*row.why, *row.near)))
        rows.append((day(first.date), total, _change(first), *(row.overall for row in dates), why))
    best = "; ".join(
        f"{one.criterion}: best {one.best.best}, confirmed {one.best.best_confirmed}" for one in serial.responses
    )
    lost: dict[int, list[str]] = {}
    for name, number in serial.removed.items():
        if serial.course(name):
            lost.setdefault(number, []).append(name)
    notes = [
        *(f"Resected or ablated, not evaluable from {day(serial.days[n])} on: {ids(lost[n])}." for n in sorted(lost)),
        f"Measured from {day(serial.days[serial.baseline])}: the last scan before the latest systemic treatment, or "
        f"the first. Liver lesions outlined here alone: disease elsewhere is not in it. {best}.",
        *(one.text + "." for one in serial.disagreements),
        *dict.fromkeys(note for one in serial.responses for note in one.notes),
    ]
    columns = ("Date", "Sum", "Change", *(one.criterion for one in serial.responses), "What decided")
    numeric = (False, True, True, *(False for _ in serial.responses), False)
    return Table("response", "Response", columns, numeric, tuple(rows), " ".join(notes))


def _ablations(result: Assessment) -> Table | None:
    rows = []
    for name, check in result.ablated.items():
        best = check.margin.everywhere_mm if check.margin.in_liver_mm is None else check.margin.in_liver_mm
        low, high = check.interval_mm
        left = "nothing" if check.uncovered.is_empty else volume(check.uncovered.volume_ml)
        rows.append(
            (
                name,
                f"{best:.1f}\u00a0mm ({low:.1f} to {high:.1f})",
                f"{100 * check.covered_chance:.0f}\u00a0%",
                f"{100 * check.wanted_chance:.0f}\u00a0%",
                left,
                "the zone reaches the liver's surface; no margin is asked for there" if check.subcapsular else "",
            )
        )
    if not rows:
        return None
    wanted = next(iter(result.ablated.values())).wanted_mm
    columns = ("Lesion", "Margin", "Lesion covered", f"Margin of {wanted:g}\u00a0mm", "Lesion left out", "Remark")
    note = (
        "The ablation zone of the last scan against the lesion as last seen, carried over. In brackets: limits for "
        "what the overlay may be off. Covered, margin: share of those errors for which it holds."
    )
    return Table("ablations", "After ablation", columns, (False, True, True, True, True, False), tuple(rows), note)


def _change(row: DateResponse) -> str:
    if row.baseline_percent is None or row.overall == "baseline":
        return ""
    lowest = "" if row.nadir_percent is None else f", {row.nadir_percent:+.0f}\u00a0% from the least"
    return f"{row.baseline_percent:+.0f}\u00a0%{lowest}"


def _labs(result: Assessment) -> Iterator[tuple[str, list[tuple[date, Lab]]]]:
    """Markers of the record with two or more dated values in one unit."""
    for name in MARKERS:
        own = [
            (lab.date, lab) for lab in result.case.labs if lab.test == name and isinstance(lab.date, date)
            and not isinstance(lab.value, Unknown)
        ]  # fmt: skip
        own.sort(key=lambda pair: pair[0])
        if len({d for d, _ in own}) == len(own) > 1 and len({lab.unit for _, lab in own}) == 1:
            yield name, own


def _markers(result: Assessment) -> Table | None:
    from glisson.lesions.kinetics import marker_course

    rows = []
    for name, own in _labs(result):
        values = [float(lab.value) for _, lab in own if not isinstance(lab.value, Unknown)]
        text = ", ".join(f"{day(d)}: {value:g}" for (d, _), value in zip(own, values, strict=True))
        course = "a value is zero" if min(values) <= 0 else marker_course([d for d, _ in own], values).text
        rows.append((name.upper(), f"{text} {own[0][1].unit}", course))
    columns = ("Marker", "Values", "Course")
    return Table("markers", "Tumour markers", columns, (False,) * 3, tuple(rows)) if rows else None


def _due(result: Assessment) -> Table | None:
    """When the next scan is due after each treatment."""
    today = result.case.board.date
    found = due_scans(result.case, result.facts or result.case.facts(), None if isinstance(today, Unknown) else today)
    rows = [
        (
            f"{item.after}, {day(item.treated)}",
            "none" if item.last is None else day(item.last),
            day(item.latest) if item.earliest == item.latest else f"{day(item.earliest)} to {day(item.latest)}",
            {"later": "not yet", "due": "due now", "overdue": "overdue"}[item.state],
            item.source + ("" if item.status == "verified" else " (not confirmed)"),
        )
        for item in found
    ]
    columns = ("After", "Last scan", "Next scan", "At the board", "Source")
    note = "By each source; none is shown as the right one. Compare with the same examination and contrast phases."
    return Table("due", "Next scans", columns, (False,) * 5, tuple(rows), note) if rows else None


def _events(result: Assessment) -> Table | None:
    rows = [(day(event.date), event.what) for event in events_of(result.case) if event.path.startswith(EVENT_PATHS)]
    return Table("events", "Scans and treatments", ("Date", "What"), (False, False), tuple(rows)) if rows else None


def timeline_data(result: Assessment) -> dict[str, Any] | None:
    """Lesions, response and growth over time as plain data; None where there is one scan only."""
    from glisson.report.numbers import rounded

    serial, follow = result.serial, result.follow
    if serial is None or follow is None:
        return None
    return {
        "studies": [
            {"study": scan.study, "date": str(d), "modality": scan.facts.modality}
            for scan, d in zip(result.scans, serial.days, strict=True)
        ],
        "baseline": str(serial.days[serial.baseline]),
        "lesions": [
            {
                "name": track.name,
                "sizes": [
                    None
                    if size is None
                    else {"longest_mm": rounded(size.longest_mm, 3), "volume_ml": rounded(size.volume_ml, 4)}
                    for size in serial.sizes[track.name]
                ],
                "ids": [list(track.seen.get(n, ())) for n in range(len(serial.days))],
                "confidence": [track.confidence.get(n) for n in range(len(serial.days))],
                "merged_into": track.merged_into and track.merged_into[0],
                "doubling_days": rounded(g.doubling_days, 1) if (g := serial.growth.get(track.name)) else None,
            }
            for track in follow.tracks
        ],
        "response": [
            {
                "criterion": one.criterion,
                "best": one.best.best,
                "best_confirmed": one.best.best_confirmed,
                "dates": [_date_data(row) for row in one.dates],
            }
            for one in serial.responses
        ],
        "vanished": [
            {"name": site.name, "error_mm": rounded(site.error_mm, 2), "placed": not site.refused}
            for site in follow.vanished
        ],
        "at_rim": [
            {"name": name, "zone_of": zone, "distance_mm": rounded(gap)} for name, (zone, gap) in result.at_rim.items()
        ],
        "ablated": [
            {
                "name": name,
                "margin_mm": rounded(check.margin.in_liver_mm),
                "margin_everywhere_mm": rounded(check.margin.everywhere_mm),
                "interval_mm": [rounded(limit) for limit in check.interval_mm],
                "covered_chance": rounded(check.covered_chance),
                "wanted_mm": rounded(check.wanted_mm),
                "wanted_chance": rounded(check.wanted_chance),
                "left_out_ml": rounded(check.uncovered.volume_ml, 4),
            }
            for name, check in result.ablated.items()
        ],
        **operated_data(result),
        "overlay_error_mm": [rounded(o.error_mm, 2) for o in follow.overlays.values()],
    }


def _date_data(row: DateResponse) -> dict[str, Any]:
    from glisson.report.numbers import rounded

    return {
        "date": str(row.date),
        "sum": rounded(row.sum, 3),
        "unit": row.unit,
        "overall": row.overall,
        "target": row.target,
        "non_target": row.non_target,
        "new": row.new,
    }
