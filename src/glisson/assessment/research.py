"""Numbers for research that stand on no page: seeding dates of lesions that were seen growing without treatment."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import date

from glisson.assessment.result import Assessment
from glisson.case import Case, Unknown
from glisson.errors import InputError
from glisson.lesions.seeding import CELL_ML, LARGEST_ML, MODELS, SeedingDate, seeding_dates

__all__ = ["COLUMNS", "research_csv"]

COLUMNS = (
    "case", "lesion", "model", "volumes", "first_scan", "last_scan", "doubling_days", "seeded_earliest",
    "seeded_expected", "seeded_latest", "interval", "assumes", "why_not",
)  # fmt: skip
INTERVAL = "95 %, measuring error alone"
ASSUMES = {
    "exponential": f"constant rate since one cell of {CELL_ML:g} mL",
    "gompertz": f"rate slowing towards {LARGEST_ML:g} mL since one cell of {CELL_ML:g} mL",
}


def research_csv(result: Assessment) -> str:
    """The text of a CSV with one row a lesion and law of growth; empty dates with the reason where none can be told.

    Of each lesion the scans before the first systemic treatment after it was seen are used. Raises InputError where
    there are not several dated scans.
    """
    if result.follow is None or result.serial is None:
        raise InputError("Seeding dates need two or more dated scans with outlined lesions; this case has one.")
    text = io.StringIO()
    table = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    table.writeheader()
    for track in result.follow.tracks:
        course = result.serial.course(track.name, whole=True)
        seen = [(day, size.volume_ml) for day, size in course if size is not None]
        used = _untreated(result.case, seen)
        table.writerows(_rows(result.case.id, track.name, used))
    return text.getvalue()


def _untreated(case: Case, seen: Sequence[tuple[date, float]]) -> list[tuple[date, float]]:
    """The sizes up to the first systemic treatment that began, or went on, after the lesion was first seen."""
    treatments = () if isinstance(case.treatments, Unknown) else case.treatments
    first = seen[0][0]
    begun = [
        max(one.start, first)
        for one in treatments
        if one.kind == "systemic" and isinstance(one.start, date)
        and not (isinstance(one.stop, date) and one.stop < first)
    ]  # fmt: skip
    return [(day, ml) for day, ml in seen if not begun or day <= min(begun)]


def _rows(case: str, lesion: str, used: Sequence[tuple[date, float]]) -> list[dict[str, object]]:
    shared = {"case": case, "lesion": lesion, "volumes": len(used), "interval": INTERVAL}
    if used:
        shared |= {"first_scan": used[0][0], "last_scan": used[-1][0]}
    if len(used) < 2:
        why = "fewer than two scans without systemic treatment between them"
        return [shared | {"model": model, "assumes": ASSUMES[model], "why_not": why} for model in MODELS]
    try:
        found = seeding_dates([day for day, _ in used], [ml for _, ml in used])
    except InputError as trouble:
        return [shared | {"model": model, "assumes": ASSUMES[model], "why_not": str(trouble)} for model in MODELS]
    return [shared | _row(one) for one in found]


def _row(one: SeedingDate) -> dict[str, object]:
    why = "" if one.expected is not None else "it did not grow"
    return {
        "model": one.model, "assumes": ASSUMES[one.model], "why_not": why,
        "doubling_days": "" if one.doubling_days is None else f"{one.doubling_days:.1f}",
        "seeded_earliest": one.earliest or "", "seeded_expected": one.expected or "", "seeded_latest": one.latest or "",
    }  # fmt: skip
