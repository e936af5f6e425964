"""Resections, ablation zones and remnants over time: tables and data for the pages "Over time"."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from glisson.assessment.remnants import remnant_courses
from glisson.case import Unknown
from glisson.planning.growth import growth_cut_offs
from glisson.report.view import Table
from glisson.report.words import day, ids, upper_first, volume

if TYPE_CHECKING:
    from glisson.assessment import Assessment
    from glisson.assessment.operated import Resected
    from glisson.planning.operated import Span
    from glisson.planning.regrowth import RemnantCourse, RemnantSize

__all__ = ["operated_data", "operated_tables"]


def operated_tables(result: Assessment) -> tuple[Table, ...]:
    """What resections removed, how ablation zones shrink, and how remnants grow; none where there is nothing to say."""
    made = (_resections(result), _zones(result), *(_remnants(one) for one in remnant_courses(result)))
    return tuple(table for table in made if table is not None)


def _resections(result: Assessment) -> Table | None:
    rows = [row for one in result.resected for row in _of(one)]
    note = (
        "The liver after is laid over the liver before; volumes are of the liver before, at its size then, so that "
        "growth since is not counted as liver left. In brackets: limits for what the overlay may be off. Left of the "
        "plan: what it removes and is still there, by outlines alone; not a judgement of the operation."
    )
    columns = ("Resection", "Measure", "Found")
    return Table("resected", "After resection", columns, (False,) * 3, tuple(rows), note) if rows else None


def _of(one: Resected) -> list[tuple[str, str, str]]:
    name = f"{upper_first(one.operation.what)}, {day(one.operation.day)}"
    check = one.check
    if check is None:
        return [(name, "Not compared", one.why)]
    grown = check.growth_percent
    said = [
        ("Liver before, after", f"{volume(check.before_ml)}, {volume(check.after_ml)}"),
        ("Resected", _span(check.resected)),
        ("Stayed, at its size before", _span(check.kept)),
        ("Grown since", f"{grown.ml:+.0f}\u00a0% ({grown.low_ml:+.0f} to {grown.high_ml:+.0f})"),
    ]
    if check.planned_ml is not None and check.left is not None and check.beyond is not None:
        said += [
            ("Planned to be removed", volume(check.planned_ml)),
            ("Left of the plan", _span(check.left)),
            ("Removed beyond the plan", _span(check.beyond)),
        ]
    said.append(("Lesions that went with it", ids(one.lesions) if one.lesions else "none for certain"))
    said.append(("Overlay", f"to {check.error_mm:.1f}\u00a0mm along each axis"))
    return [(name if number == 0 else "", what, words) for number, (what, words) in enumerate(said)]


def _span(span: Span) -> str:
    return f"{volume(span.ml)} ({span.low_ml:.0f} to {span.high_ml:.0f})"


def _zones(result: Assessment) -> Table | None:
    rows = []
    for name, course in result.zones.items():
        sizes = "; ".join(f"{day(d)} {volume(ml)}" for d, ml in course.volumes)
        last = course.expected[-1]
        expected = "not known" if last is None or len(course.volumes) < 2 else volume(last)
        grown = {True: "grown: look at it", False: "not grown", None: "one scan only"}[course.grown]
        rows.append((name, sizes, expected, grown))
    note = (
        "Grown: larger than at its smallest by more than two outlines of the same thing differ. Expected: from the "
        "first volume by the mean fall in one series of laser ablations on MR (zone-shrinkage-2008), which states no "
        "spread. In another series 26 of 27 zones with recurrence grew and none without did (zone-growth-2012); "
        "between its first two scans growth told nothing."
    )
    columns = ("Lesion", "Volume of its ablation zone", "Expected last", "Course")
    return Table("zones", "Ablation zones over time", columns, (False,) * 4, tuple(rows), note) if rows else None


def _remnants(course: RemnantCourse) -> Table:
    rows = [(f"before {day(course.day)}", volume(course.before_ml), "", "")]
    rows += [
        (f"{day(size.day)}, week {course.days(size) / 7:.1f}", volume(size.ml), _grown(size), _published(course, size))
        for size in course.sizes
    ]
    points, weekly, source, status = growth_cut_offs()
    cut = f"{source}{'' if status == 'verified' else ', not yet confirmed'}"
    if isinstance(course.speed, Unknown):
        speed = f"Kinetic growth rate not measured: {course.speed.reason}."
    else:
        low, high = course.speed.per_week_limits
        speed = (
            f"Kinetic growth rate to the last day {course.speed.percent_per_week:.1f} points a week "
            f"({low:.1f} to {high:.1f}), degree of hypertrophy {course.speed.points:.1f} points; before a resection "
            f"fewer failures were seen from {weekly:g} points a week and {points:g} points on ({cut})."
        )
    note = (
        f"Published: {course.curve.source}, {course.curve.words}. In brackets: 95 % limits from the error of outlining "
        f"lesions; a whole liver is outlined better. {speed}"
    )
    title = f"The remnant after {course.what}"
    columns = ("Day", "Remnant", "Growth", "Published")
    return Table(f"regrowth-{course.day}", title, columns, (False,) * 4, tuple(rows), note)


def _grown(size: RemnantSize) -> str:
    return f"{size.growth_percent:+.0f}\u00a0% ({size.limits[0]:+.0f} to {size.limits[1]:+.0f})"


def _published(course: RemnantCourse, size: RemnantSize) -> str:
    at = course.curve.at(course.days(size))
    return "beyond the series" if at is None else f"{at:+.0f}\u00a0%"


def operated_data(result: Assessment) -> dict[str, Any]:
    """The same as plain data: keys `resected`, `zones`, `remnants`."""
    from glisson.report.numbers import rounded

    return {
        "resected": [_resected_data(one) for one in result.resected],
        "zones": [
            {
                "name": name,
                "volumes": [{"date": str(d), "volume_ml": rounded(ml, 4)} for d, ml in course.volumes],
                "expected_ml": [rounded(ml, 4) for ml in course.expected],
                "grown": course.grown,
            }
            for name, course in result.zones.items()
        ],
        "remnants": [_remnant_data(one) for one in remnant_courses(result)],
    }


def _resected_data(one: Resected) -> dict[str, Any]:
    from glisson.report.numbers import rounded

    data: dict[str, Any] = {
        "date": str(one.operation.day), "what": one.operation.what, "lesions": list(one.lesions),
        "not_compared": one.why or None,
    }  # fmt: skip
    check = one.check
    if check is None:
        return data
    spans = {
        "resected_ml": check.resected, "kept_ml": check.kept, "growth_percent": check.growth_percent,
        "left_of_plan_ml": check.left, "beyond_plan_ml": check.beyond,
    }  # fmt: skip
    data |= {"before_ml": rounded(check.before_ml, 3), "after_ml": rounded(check.after_ml, 3)}
    data |= {"planned_ml": rounded(check.planned_ml, 3), "overlay_error_mm": rounded(check.error_mm, 2)}
    for name, span in spans.items():
        data[name] = span and {
            "value": rounded(span.ml, 3), "low": rounded(span.low_ml, 3), "high": rounded(span.high_ml, 3)
        }  # fmt: skip
    return data


def _remnant_data(course: RemnantCourse) -> dict[str, Any]:
    from glisson.report.numbers import rounded

    speed = None if isinstance(course.speed, Unknown) else course.speed
    return {
        "after": course.what,
        "date": str(course.day),
        "before_ml": rounded(course.before_ml, 3),
        "sizes": [
            {
                "date": str(size.day),
                "volume_ml": rounded(size.ml, 3),
                "growth_percent": rounded(size.growth_percent),
                "limits_percent": [rounded(limit) for limit in size.limits],
                "published_percent": rounded(course.curve.at(course.days(size))),
            }
            for size in course.sizes
        ],
        "points_per_week": speed and rounded(speed.percent_per_week),
        "points_per_week_limits": speed and [rounded(limit) for limit in speed.per_week_limits],
        "source": course.curve.source,
    }
