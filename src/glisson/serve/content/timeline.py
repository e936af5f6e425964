"""What happened when: scans, lesions, events, markers and response over time, and what is due next."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from glisson.assessment.due import due_scans
from glisson.case import Case, Unknown
from glisson.case.timeline import events_of
from glisson.report.timeline import timeline_data

if TYPE_CHECKING:
    from glisson.assessment import Assessment

__all__ = ["record_timeline", "timeline_page"]


def record_timeline(case: Case) -> dict[str, Any]:
    """What the record alone says: scans, dated events, treatments with their spans, laboratory series."""
    return {
        "as_of": _day(case.as_of),
        "scans": [
            {"date": study.date.isoformat(), "title": study.id, "modality": _text(study.modality)}
            for study in case.studies
            if isinstance(study.date, date)
        ],
        "lesions": [],
        "events": [
            {"date": event.date.isoformat(), "text": event.what, "kind": event.path.partition(".")[0].partition("[")[0]}
            for event in events_of(case)
        ],
        "treatments": [
            {
                "kind": one.kind, "name": _text(one.name), "start": _day(one.start), "stop": _day(one.stop),
                "ongoing": one.ongoing is True, "response": _text(one.response), "line": _number(one.line),
            }
            for one in (() if isinstance(case.treatments, Unknown) else case.treatments)
        ],
        "labs": _labs(case),
        "due": [],
        "followed": None,
        "notes": [],
    }  # fmt: skip


def timeline_page(result: Assessment) -> dict[str, Any]:
    """The record's timeline with what the scans show: lesions over time, response, and the next scans by each source.

    lesions: name -> a point for each scan on which it was seen. followed: response, growth, ablations as findings.json
    has them, None where there is one scan only.
    """
    board = result.case.board.date
    due = due_scans(result.case, result.facts or result.case.facts(), None if isinstance(board, Unknown) else board)
    followed = timeline_data(result)
    page = record_timeline(result.case) | {
        "followed": followed,
        "lesions": _single(result) if followed is None else _courses(followed),
        "notes": _notes(followed),
        "due": [
            {
                "after": one.after, "treated": one.treated.isoformat(), "last": one.last and one.last.isoformat(),
                "earliest": one.earliest.isoformat(), "latest": one.latest.isoformat(), "state": one.state,
                "source": one.source, "status": one.status,
            }
            for one in due
        ],
    }  # fmt: skip
    if followed is not None:
        page["scans"] = [
            {"date": scan["date"], "title": scan["study"], "modality": scan["modality"]} for scan in followed["studies"]
        ]
    return page


def _courses(followed: dict[str, Any]) -> list[dict[str, Any]]:
    """Each lesion with its sizes; the state says what a size alone does not."""
    days = [scan["date"] for scan in followed["studies"]]
    found = []
    for track in followed["lesions"]:
        points = [
            {
                "date": day,
                "long_mm": size["longest_mm"],
                "volume_ml": size["volume_ml"],
                "state": {"low": "identity uncertain", "moderate": "identity uncertain"}.get(sure or "", ""),
            }
            for day, size, sure in zip(days, track["sizes"], track["confidence"], strict=True)
            if size is not None
        ]
        found.append(
            {
                "id": track["name"], "name": track["name"], "points": points,
                "doubling_days": track["doubling_days"], "merged_into": track["merged_into"],
            }
        )  # fmt: skip
    return found


def _single(result: Assessment) -> list[dict[str, Any]]:
    """The one size of each lesion, where the scan's day is known."""
    day = result.scene.facts.date if result.scene is not None else None
    return [
        {
            "id": one.id, "name": one.id,
            "points": [] if day is None else [
                {
                    "date": day,
                    "long_mm": None if one.longest_axial_mm is None else round(float(one.longest_axial_mm), 3),
                    "volume_ml": round(float(one.volume_ml), 4),
                    "state": "",
                }
            ],
        }
        for one in result.lesions
    ]  # fmt: skip


def _notes(followed: dict[str, Any] | None) -> list[str]:
    if followed is None:
        return []
    errors = followed["overlay_error_mm"]
    said = (
        [f"The scans lie over each other to {min(errors):.1f} to {max(errors):.1f} mm along each axis."]
        if errors
        else []
    )
    for one in followed["response"]:
        said.append(f"{one['criterion']}: best {one['best']}, confirmed {one['best_confirmed']}.")
    return said


def _labs(case: Case) -> list[dict[str, Any]]:
    series: dict[tuple[str, str], list[tuple[date, float]]] = {}
    for lab in case.labs:
        if isinstance(lab.date, date) and isinstance(lab.value, int | float):
            series.setdefault((lab.test, str(lab.unit)), []).append((lab.date, float(lab.value)))
    return [
        {
            "test": test,
            "unit": unit,
            "values": [{"date": day.isoformat(), "value": value} for day, value in sorted(found)],
        }
        for (test, unit), found in sorted(series.items())
    ]


def _day(value: object) -> str | None:
    return value.isoformat() if isinstance(value, date) else None


def _text(value: object) -> str | None:
    return None if isinstance(value, Unknown) else str(value)


def _number(value: object) -> float | None:
    return value if isinstance(value, int | float) else None
