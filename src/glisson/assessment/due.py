"""When the next scan is due after each treatment, by each source of the follow-up table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from glisson.case import Case, Unknown
from glisson.knowledge import knowledge_base
from glisson.knowledge.tables import TableRow

__all__ = ["Due", "due_scans"]

MONTH_DAYS = 365.25 / 12
DONE_SHARE = 0.25
"""A scan counts for a month of a schedule when it is at most this share of the way to the one before too early."""


@dataclass(frozen=True)
class Due:
    """The next scan after one treatment by one source.

    last: the last scan since the treatment, None when there was none. earliest, latest: when the next one is due.
    state: "later", "due" or "overdue" on `today`. source, status: who says so, and whether that is confirmed.
    """

    after: str
    treated: date
    last: date | None
    earliest: date
    latest: date
    state: str
    source: str
    status: str


def due_scans(case: Case, facts: Mapping[str, object], today: date | None) -> tuple[Due, ...]:
    """The next scan by each row of the table that concerns the patient; none without a day to look from.

    today: the day of the board. Treatments without a day are left out. A systemic treatment counts from its first day
    while it goes on. A row with an end is used until then, and the source's next row after it.
    """
    if today is None:
        return ()
    scans = sorted({s.date for s in case.studies if isinstance(s.date, date) and s.date <= today})
    found: dict[tuple[str, str, date], Due] = {}
    for row in knowledge_base().table("follow-up-due").select(facts):
        for treated in _days(case, str(row["after"]), today):
            item = _due(row, treated, [day for day in scans if day > treated], today)
            if item is not None:
                found.setdefault((item.after, item.source, treated), item)
    return tuple(found.values())


def _days(case: Case, kind: str, today: date) -> Iterator[date]:
    """The last day of a treatment of a kind; for systemic treatment that still goes on its first day."""
    treatments = () if isinstance(case.treatments, Unknown) else case.treatments
    days = []
    for one in treatments:
        if one.kind != kind:
            continue
        if kind == "systemic" and isinstance(one.stop, date) and one.stop < today:
            continue
        if isinstance(one.start, date) and one.start <= today:
            days.append(one.start)
    yield from [max(days)] if days else []


def _due(row: TableRow, treated: date, scans: list[date], today: date) -> Due | None:
    last = scans[-1] if scans else None
    since = (last or treated) - treated
    until = row["until"]
    if isinstance(until, tuple) and since.days / MONTH_DAYS >= _number(until):
        return None
    earliest, latest = _window(row, treated, last)
    state = "overdue" if today > latest else "due" if today >= earliest else "later"
    return Due(str(row["after"]), treated, last, earliest, latest, state, row.source, row.status)


def _window(row: TableRow, treated: date, last: date | None) -> tuple[date, date]:
    """From the months of a schedule as long as it has some left, then from its interval after the last scan."""
    reached = 0.0 if last is None else (last - treated).days / MONTH_DAYS
    before = 0.0
    for month in (float(text) for text in str(row["months"] or "").split(",") if text.strip()):
        if reached < month - DONE_SHARE * (month - before):
            day = treated + timedelta(days=round(month * MONTH_DAYS))
            return day, day
        before = month
    every = row["every"]
    assert isinstance(every, tuple)
    low, high = (_number(quantity) for quantity in every)
    begin = last or treated
    return begin + timedelta(days=round(low * MONTH_DAYS)), begin + timedelta(days=round(high * MONTH_DAYS))


def _number(quantity: object) -> float:
    assert isinstance(quantity, tuple)
    return float(quantity[0])
