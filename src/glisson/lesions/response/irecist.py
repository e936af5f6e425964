"""iRECIST: progression is unconfirmed (iUPD) until a later scan shows more of it (iCPD), and may be taken back.

Source: Seymour 2017, doi:10.1016/S1470-2045(17)30074-8, table 2, and the clarifications of the EORTC.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from fractions import Fraction

from glisson.lesions.response.best import best_response
from glisson.lesions.response.limits import limit, made_for, sum_rules
from glisson.lesions.response.recist import baseline_row, date_row, overall_response
from glisson.lesions.response.sums import Judged, judge_dates, near_limits
from glisson.lesions.response.targets import select_targets, target_notes
from glisson.lesions.response.types import Best, Response, Timeline, exact

__all__ = ["assess_irecist", "best_irecist"]

CRITERION = "irecist"
RANK = ("CR", "PR", "SD", "PD")


@dataclass
class _Pending:
    """Unconfirmed progression: since when, in which categories, the smallest sums since, the targets' category then."""

    since: date
    where: set[str]
    target: str | None
    total: Fraction | None
    new_total: Fraction | None
    sizes: dict[str, Fraction] = field(default_factory=dict)


@dataclass
class _State:
    """What is carried from date to date."""

    pending: _Pending | None = None
    known_new: set[str] = field(default_factory=set)
    complete: bool = False
    confirmed: bool = False


def assess_irecist(line: Timeline, *, stated_percent: float | None = None) -> Response:
    """iRECIST for one timeline: iCR, iPR, iSD, iUPD, iCPD or NE on each date.

    A new lesion that stays as it is keeps the progression unconfirmed unless the targets have shrunk into a better
    category since.
    """
    rules = sum_rules(CRITERION)
    judged = judge_dates(line, rules)
    state, rows = _State(), [baseline_row(judged[0], rules)]
    for item in judged[1:]:
        overall, why = _step(item, line, state)
        near = near_limits(item, line, rules, stated_percent)
        target, non_target = (_worded(word) for word in (item.target, item.parts.non_target))
        rows.append(date_row(item, rules, overall, (*item.why, *why), near, target, non_target))
    measures, made = made_for(CRITERION)
    notes = (*target_notes(line), f"{CRITERION} looks at the {measures}; it was made for {made}.")
    best = best_irecist([(row.date, row.overall) for row in rows[1:]], line.baseline)
    return Response(CRITERION, line.patient, line.reader, tuple(rows), best, notes)


def _worded(word: str | None) -> str | None:
    if word in (None, "NE"):
        return word
    return {"PD": "iUPD", "non-CR/non-PD": "non-iCR/non-iUPD"}.get(str(word), f"i{word}")


def _step(item: Judged, line: Timeline, state: _State) -> tuple[str, list[str]]:
    """The overall response of one date; the state is moved on."""
    if state.confirmed:
        return "iCPD", ["progression was confirmed before"]
    part = item.parts
    fresh = set(part.new.there) - state.known_new
    where = {
        name
        for name, there in (
            ("targets", item.target == "PD"),
            ("non-target lesions", part.non_target == "PD"),
            ("new lesions", bool(fresh)),
            ("disease after a complete response", state.complete and part.seen),
        )
        if there
    }
    state.known_new |= fresh
    if state.pending is None:
        return _without_pending(item, line, state, where)
    return _with_pending(item, line, state, where, fresh)


def _without_pending(item: Judged, line: Timeline, state: _State, where: set[str]) -> tuple[str, list[str]]:
    if where:
        total, sizes = _new_sizes(line, state.known_new, item.parts.date)
        sum_now = item.parts.total if item.target is not None else None
        state.pending = _Pending(item.parts.date, where, item.target, sum_now, total, sizes)
        return "iUPD", [f"progression in {', '.join(sorted(where))}, to be confirmed"]
    return _settled(item, state), []


def _settled(item: Judged, state: _State) -> str:
    """The response where nothing progresses."""
    state.pending = None
    overall = overall_response(item.target, item.parts.non_target, False)
    if overall == "CR" and item.parts.markers_raised:
        overall = "PR"
    state.complete = state.complete or overall == "CR"
    return str(_worded(overall))


def _with_pending(
    item: Judged, line: Timeline, state: _State, where: set[str], fresh: set[str]
) -> tuple[str, list[str]]:
    pending, part = state.pending, item.parts
    assert pending is not None
    more = _more(item, line, pending, where, fresh, state)
    days = (part.date - pending.since).days
    if more and days >= limit(CRITERION, "confirmation"):
        state.confirmed = True
        late = days > limit(CRITERION, "confirmation latest")
        return "iCPD", [*more, f"confirmed {days} days after {pending.since}{', later than foreseen' if late else ''}"]
    _remember(item, line, pending, state)
    if more:
        pending.where |= where
        return "iUPD", [*more, f"only {days} days after {pending.since}, too early to confirm"]
    if item.target == "NE":
        return "NE", [f"the progression of {pending.since} is neither confirmed nor taken back"]
    stays = bool(where - {"new lesions"}) or (
        "new lesions" in pending.where and bool(part.new.there) and not _better(item.target, pending.target)
    )
    if stays:
        return "iUPD", [f"the progression of {pending.since} stays as it was, not confirmed"]
    return _settled(item, state), [f"the progression of {pending.since} was not confirmed"]


def _better(now: str | None, then: str | None) -> bool:
    return now in RANK and then in RANK and RANK.index(now) < RANK.index(then)


def _more(
    item: Judged, line: Timeline, pending: _Pending, where: set[str], fresh: set[str], state: _State
) -> list[str]:
    """What confirms progression on a date: more of it where it was, or progression elsewhere."""
    least = limit(CRITERION, "new growth")
    found = [f"progression now also in {name}" for name in sorted(where - pending.where - {"new lesions"})]
    if fresh:
        found.append(f"new lesion {', '.join(sorted(fresh))}")
    grown = item.target == "PD" and pending.total is not None and item.parts.measured - pending.total >= least
    if "targets" in pending.where and grown:
        found.append(f"the sum grew by {float(least):g} mm or more since")
    if "non-target lesions" in pending.where and item.parts.non_target_grew:
        found.append("a non-target lesion grew further")
    total, sizes = _new_sizes(line, state.known_new - fresh, item.parts.date)
    if total is not None and pending.new_total is not None and total - pending.new_total >= least:
        found.append(f"the new lesions grew by {float(least):g} mm or more since")
    small = [name for name, size in sizes.items() if name in pending.sizes and size > pending.sizes[name]]
    rows = [row for name in sorted(state.known_new - fresh) for row in line.rows(name, item.parts.date)]
    small += [row.lesion for row in rows if row.state in ("increased", "progression")]
    if small:
        found.append(f"new lesion {', '.join(sorted(set(small)))} grew")
    return found


def _remember(item: Judged, line: Timeline, pending: _Pending, state: _State) -> None:
    """Keep the smallest sums since progression was first seen, so that small steps of growth add up."""
    if item.parts.total is not None and pending.total is not None:
        pending.total = min(pending.total, item.parts.total)
    total, sizes = _new_sizes(line, state.known_new, item.parts.date)
    if pending.new_total is None or (total is not None and total < pending.new_total):
        pending.new_total = total
    for name, size in sizes.items():
        pending.sizes[name] = min(size, pending.sizes.get(name, size))


def _new_sizes(line: Timeline, names: set[str], day: date) -> tuple[Fraction | None, dict[str, Fraction]]:
    """Sum of the measurable new lesions on a date (None where one was not measured or there is none), and the diameters
    of those that are not measurable."""
    firsts = {}
    for name in sorted(names):
        rows = [row for d in line.dates if d <= day for row in line.rows(name, d) if row.diameter_mm]
        if rows:
            firsts[name] = replace(rows[0], kind="", state="measured")
    chosen = select_targets(list(firsts.values()))
    sizes = {name: _diameter(line, name, day) for name in firsts}
    measured = [sizes[name] for name in chosen]
    total = None if not measured or None in measured else sum((s for s in measured if s is not None), Fraction(0))
    return total, {name: size for name, size in sizes.items() if name not in chosen and size is not None}


def _diameter(line: Timeline, name: str, day: date) -> Fraction | None:
    rows = line.rows(name, day)
    if not rows:
        return None
    return Fraction(0) if rows[0].state == "absent" else None if not rows[0].diameter_mm else exact(rows[0].diameter_mm)


def best_irecist(points: Sequence[tuple[date, str]], baseline: date) -> Best:
    """Best response (iBOR) of (date, overall response) after baseline: unconfirmed progression does not end the search,
    confirmed progression does. Source: Seymour 2017, table 3 (doi:10.1016/S1470-2045(17)30074-8)."""
    plain = {"iCR": "CR", "iPR": "PR", "iSD": "SD", "non-iCR/non-iUPD": "non-CR/non-PD", "iCPD": "PD", "NE": "NE"}
    best = best_response([(day, plain.get(overall, overall)) for day, overall in points], baseline)
    unconfirmed = any(overall == "iUPD" for _, overall in points)
    named = [
        "iUPD" if word == "NE" and unconfirmed else "iCPD" if word == "PD" else str(_worded(word))
        for word in (best.best, best.best_confirmed)
    ]
    return Best(named[0], named[1], best.why)
