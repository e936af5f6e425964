"""What every size criterion needs of a date: the sum of the targets, the non-target lesions, the new ones.

A target that was not measured makes the sum unknown. It can then still have grown enough without the missing part, but
never shrunk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from glisson.lesions.response.limits import SumRules, target_rules, variability
from glisson.lesions.response.types import Reading, Timeline, TrackedLesion, exact, percent

__all__ = ["Judged", "NewLesions", "Parts", "judge_dates", "near_limits", "new_lesions", "non_targets", "parts_of"]


@dataclass(frozen=True)
class NewLesions:
    """New lesions on a date: those that are there, those whose newness is doubtful, and why some do not count."""

    there: tuple[str, ...]
    doubtful: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Parts:
    """The facts of a date before any category.

    total: sum of the targets, None where one is missing. measured: sum of those measured. missing: targets without a
    measure. gone: every target is gone (a node when its short axis is normal). seen: some target is there.
    """

    date: date
    total: Fraction | None
    measured: Fraction
    missing: tuple[str, ...]
    gone: bool
    seen: bool
    non_target: str | None
    non_target_grew: bool
    new: NewLesions
    markers_raised: bool | None


@dataclass(frozen=True)
class Judged:
    """The targets of a date against the dates before it. nadir: the smallest earlier sum. target: None without
    targets; on the baseline date it is None too."""

    parts: Parts
    target: str | None
    baseline: Fraction | None
    nadir: Fraction | None
    why: tuple[str, ...]


def parts_of(line: Timeline, rules: SumRules) -> tuple[Parts, ...]:
    """The facts of every date of a timeline, baseline first."""
    return tuple(_parts(line, day, rules) for day in line.dates)


def _parts(line: Timeline, day: date, rules: SumRules) -> Parts:
    targets = line.of_kind("target")
    sizes = {lesion.name: _size(line, lesion, day, rules) for lesion in targets}
    missing = tuple(name for name, size in sizes.items() if size is None)
    measured = sum((size for size in sizes.values() if size is not None), Fraction(0))
    gone = {lesion.name: _gone(line.rows(lesion.name, day), lesion, sizes[lesion.name]) for lesion in targets}
    non_target, grew = non_targets(line, day)
    return Parts(
        date=day,
        total=None if missing else measured,
        measured=measured,
        missing=missing,
        gone=not missing and all(gone.values()),
        seen=any(not gone[name] for name in gone if name not in missing),
        non_target=non_target,
        non_target_grew=grew,
        new=new_lesions(line, day),
        markers_raised=_markers(line, day),
    )


def _size(line: Timeline, lesion: TrackedLesion, day: date, rules: SumRules) -> Fraction | None:
    """What a target adds to the sum; None where it, or a piece of it, was not measured. At baseline it must have a
    measure above zero: what was not measured then cannot respond."""
    rows = line.rows(lesion.name, day)
    sizes = [_row_size(line, row, rules) for row in rows]
    if not rows or any(size is None for size in sizes):
        return None
    total = sum((size for size in sizes if size is not None), Fraction(0))
    if day == line.baseline and (total == 0 or any(row.state != "measured" for row in rows)):
        return None
    return total


def _row_size(line: Timeline, row: Reading, rules: SumRules) -> Fraction | None:
    if row.state == "absent":
        return Fraction(0)
    if row.state == "merged":
        return Fraction(0) if any(lesion.name == row.part_of for lesion in line.of_kind("target")) else None
    column = "diameter_mm" if row.node and rules.unit == "mm" else rules.column
    value = getattr(row, column)
    if value is not None and row.state == "measured":
        return exact(value)
    return rules.too_small if row.state == "too small" else None


def _gone(rows: Sequence[Reading], lesion: TrackedLesion, size: Fraction | None) -> bool:
    """Whether a target is gone; a node is when its short axis is normal. A merged one is its carrier's affair."""
    if size is None:
        return False
    if lesion.node:
        rest = [row for row in rows if row.state not in ("absent", "merged")]
        return size == 0 or all(_normal_node(row) for row in rest)
    return size == 0


def _normal_node(row: Reading) -> bool:
    """Whether a node's short axis is below the limit of a normal one."""
    if row.state == "too small":
        return True
    return row.diameter_mm is not None and exact(row.diameter_mm) < target_rules().gone_node_mm


def non_targets(line: Timeline, day: date) -> tuple[str | None, bool]:
    """Response of the non-target lesions (CR, non-CR/non-PD, PD, NE; None without any), and whether one grew at all.

    Their diameters are never summed and never make a progression: that is said by the status alone.
    """
    lesions = line.of_kind("non-target")
    if not lesions:
        return None, False
    states = [_non_target_state(line.rows(lesion.name, day)) for lesion in lesions]
    grew = "increased" in states or any(_grew(line, lesion, day) for lesion in lesions)
    if "progression" in states:
        return "PD", grew
    if "not evaluable" in states:
        return "NE", grew
    return ("CR" if all(state == "absent" for state in states) else "non-CR/non-PD"), grew


def _grew(line: Timeline, lesion: TrackedLesion, day: date) -> bool:
    """Whether the diameters say that a lesion is larger than when it was last measured."""
    sizes = [
        sum(row.diameter_mm or 0.0 for row in rows)
        for d in line.dates
        if d <= day and (rows := line.rows(lesion.name, d)) and all(row.diameter_mm is not None for row in rows)
    ]
    now = line.rows(lesion.name, day)
    measured = bool(now) and all(row.diameter_mm is not None for row in now)
    return measured and len(sizes) > 1 and sizes[-1] > sizes[-2]


def _non_target_state(rows: Sequence[Reading]) -> str:
    states = [
        "absent" if row.state == "measured" and row.node and _normal_node(row) else row.state for row in rows
    ] or ["not evaluable"]
    for state in ("progression", "not evaluable", "increased"):
        if state in states:
            return state
    return "absent" if all(state == "absent" for state in states) else "present"


def new_lesions(line: Timeline, day: date) -> NewLesions:
    """New lesions on a date. One that was seen counts until it is recorded absent; a node only from 10 mm on. A
    doubtful one counts from its first date once a later date says that it is there."""
    there, doubtful, notes = [], [], []
    for lesion in line.of_kind("new"):
        rows = {d: own[0] for d in line.dates if (own := line.rows(lesion.name, d))}
        past = [row for d, row in rows.items() if d <= day]
        if not past:
            continue
        sure_dates = [d for d, row in rows.items() if _is_there(row)]
        last = next((row for row in reversed(past) if row.state != "not evaluable"), past[-1])
        if last.state == "absent" or not any(row.state != "not evaluable" for row in past):
            continue
        if last.node and last.state == "measured" and _normal_node(last):
            notes.append(f"the new node {lesion.name} ({last.diameter_mm:g} mm) is of normal size and does not count.")
        elif any(d <= day for d in sure_dates):
            there.append(lesion.name)
        elif any(d > day for d in sure_dates):
            there.append(lesion.name)
            notes.append(f"new lesion {lesion.name} was doubtful on this date and later certain; it dates from here.")
        else:
            doubtful.append(lesion.name)
    return NewLesions(tuple(there), tuple(doubtful), tuple(notes))


def _is_there(row: Reading) -> bool:
    return row.state in ("measured", "present", "increased", "progression") and not (row.node and _normal_node(row))


def _markers(line: Timeline, day: date) -> bool | None:
    said = [row.markers_raised for row in line.on(day) if row.markers_raised is not None]
    return any(said) if said else None


def judge_dates(line: Timeline, rules: SumRules) -> tuple[Judged, ...]:
    """The targets of every date: CR, PR, SD, PD or NE against baseline and the smallest earlier sum."""
    parts = parts_of(line, rules)
    found = [Judged(parts[0], None, parts[0].total, None, _missing_words(parts[0], baseline=True))]
    nadir = parts[0].total
    for part in parts[1:]:
        target, why = _judge(part, parts[0].total, nadir, rules) if line.of_kind("target") else (None, ())
        found.append(Judged(part, target, parts[0].total, nadir, why))
        if part.total is not None and (nadir is None or part.total < nadir):
            nadir = part.total
    return tuple(found)


def _judge(
    part: Parts, baseline: Fraction | None, nadir: Fraction | None, rules: SumRules
) -> tuple[str, tuple[str, ...]]:
    grown = nadir is not None and _progressed(part.measured, nadir, rules)
    if part.total is None:
        missing = _missing_words(part)
        if grown:
            return "PD", (*missing, f"the targets measured alone come to {_of(part.measured, nadir, rules)}")
        return "NE", missing
    if baseline is None:
        if grown:
            return "PD", (f"the sum is {_of(part.total, nadir, rules)}",)
        return "NE", ("a target was not measured at baseline, so nothing can be called a response",)
    if part.gone:
        return "CR", ("every target is gone",)
    if grown:
        return "PD", (f"the sum is {_of(part.total, nadir, rules)}",)
    change = 100 * (baseline - part.total)
    if change >= rules.response_percent * baseline:
        return "PR", (f"the sum fell by {float(change / baseline):.1f} % from baseline",)
    against = _of(part.total, nadir, rules)
    return "SD", (f"the sum changed by {percent(part.total, baseline):+.1f} % from baseline and is {against}",)


def _progressed(now: Fraction, nadir: Fraction, rules: SumRules) -> bool:
    rise = now - nadir
    return rise > 0 and 100 * rise >= rules.progression_percent * nadir and rise >= rules.progression_least


def _of(now: Fraction, nadir: Fraction | None, rules: SumRules) -> str:
    if nadir is None:
        return f"{float(now):g} {rules.unit}"
    if not nadir:
        return f"{float(now):g} {rules.unit} where nothing was left"
    return f"{percent(now, nadir):+.1f} % and {float(now - nadir):+g} {rules.unit} against its smallest value"


def _missing_words(part: Parts, *, baseline: bool = False) -> tuple[str, ...]:
    if not part.missing:
        return ()
    when = "at baseline" if baseline else "on this date"
    return (f"target {', '.join(part.missing)} was not measured {when}",)


def near_limits(
    judged: Judged, line: Timeline, rules: SumRules, stated_percent: float | None = None
) -> tuple[str, ...]:
    """The limits that lie within measuring error of the sum, each in words.

    stated_percent: 95 % limit of the reader's own repeated measurements; without it the published figures for one
    reader (where the table names the reader) or for different ones.
    """
    part, baseline, nadir = judged.parts, judged.baseline, judged.nadir
    if not part.total or baseline is None or nadir is None or judged.target in (None, "CR", "NE"):
        return ()
    many = "sum of diameters" if len(line.of_kind("target")) > 1 else "one diameter"
    measured = "volume" if rules.measured == "volume" else many
    low, high = variability(measured, line.reader is not None)
    if stated_percent is not None:
        low, high = -stated_percent, stated_percent
    span = [part.total * (1 + exact(edge) / 100) for edge in (low, high)]
    response = baseline * (1 - rules.response_percent / 100)
    progression = max(nadir * (1 + rules.progression_percent / 100), nadir + rules.progression_least)
    error = f"with a measuring error of {low:+g} to {high:+g} %"
    found = []
    limits = [("progression", progression, nadir, "the smallest sum")]
    if judged.target != "PD":
        limits.insert(0, ("partial response", response, baseline, "baseline"))
    for name, edge, reference, against in limits:
        if reference and span[0] <= edge <= span[1]:
            now, least, most = (percent(value, reference) for value in (part.total, *span))
            found.append(
                f"near the limit of {name}: {now:+.1f} % against {against}, limit {percent(edge, reference):+.1f} %; "
                f"{error} it lies between {least:+.0f} and {most:+.0f} %"
            )
    return tuple(found)
