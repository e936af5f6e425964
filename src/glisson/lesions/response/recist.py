"""RECIST 1.1, and what follows its tables with another measure: mRECIST and volumes.

Source of the rules: Eisenhauer 2009, doi:10.1016/j.ejca.2008.10.026.
"""

from __future__ import annotations

from glisson.lesions.response.best import best_response
from glisson.lesions.response.limits import SumRules, made_for, sum_rules
from glisson.lesions.response.sums import Judged, judge_dates, near_limits
from glisson.lesions.response.targets import target_notes
from glisson.lesions.response.types import DateResponse, Response, Timeline, percent

__all__ = ["assess_sums", "baseline_row", "date_row", "overall_response"]


def overall_response(target: str | None, non_target: str | None, new: bool) -> str:
    """The overall response of a date, tables 1 and 2 of RECIST 1.1.

    target: CR, PR, SD, PD, NE, or None without targets. non_target: CR, non-CR/non-PD, PD, NE, or None without such
    lesions.
    """
    if new or "PD" in (target, non_target):
        return "PD"
    if target is None:
        return non_target or "NE"
    if target == "CR":
        return "CR" if non_target in ("CR", None) else "PR"
    return target


def assess_sums(line: Timeline, criterion: str = "recist-1.1", *, stated_percent: float | None = None) -> Response:
    """RECIST 1.1, mRECIST (sum of what enhances) or the volumetric criterion for one timeline.

    stated_percent: the reader's own measuring error (see `near_limits`).
    """
    rules = sum_rules(criterion)
    judged = judge_dates(line, rules)
    rows = [baseline_row(judged[0], rules)]
    for item in judged[1:]:
        was_complete = any(row.overall == "CR" for row in rows)
        rows.append(_date(item, line, rules, was_complete, stated_percent))
    best = best_response([(row.date, row.overall) for row in rows[1:]], line.baseline)
    measures, made = made_for(criterion)
    notes = list(target_notes(line))
    if criterion != "recist-1.1":
        notes.append(f"{criterion} looks at the {measures}; it was made for {made}.")
    if not line.of_kind("target") and not line.of_kind("non-target"):
        notes.append("no disease is recorded at baseline; only new lesions can be judged.")
    return Response(criterion, line.patient, line.reader, tuple(rows), best, tuple(notes))


def baseline_row(first: Judged, rules: SumRules) -> DateResponse:
    """The row of the first date: its sum, and no response yet."""
    total = first.parts.total if first.parts.measured or first.parts.missing else None
    held = None if total is None else float(total)
    return DateResponse(
        first.parts.date, held, rules.unit, None, None, False, "baseline", None, None, first.why
    )  # fmt: skip


def date_row(
    item: Judged, rules: SumRules, overall: str, why: tuple[str, ...], near: tuple[str, ...],
    target: str | None, non_target: str | None,
) -> DateResponse:  # fmt: skip
    """The row of a later date."""
    total = item.parts.total if item.target is not None else None
    against = [None if total is None or ref is None else percent(total, ref) for ref in (item.baseline, item.nadir)]
    return DateResponse(
        item.parts.date, None if total is None else float(total), rules.unit, target, non_target,
        bool(item.parts.new.there), overall, against[0], against[1], why, near,
    )  # fmt: skip


def _date(
    item: Judged, line: Timeline, rules: SumRules, was_complete: bool, stated_percent: float | None
) -> DateResponse:
    parts = item.parts
    non_target, why = parts.non_target, list(item.why)
    if parts.markers_raised and non_target == "CR":
        non_target = "non-CR/non-PD"
        why.append("tumour markers are raised, so the non-target lesions are not a complete response")
    overall = overall_response(item.target, non_target, bool(parts.new.there))
    if overall == "CR" and parts.markers_raised:
        overall = "PR"
        why.append("tumour markers are raised, so the response is not complete")
    back = parts.seen or non_target == "non-CR/non-PD"
    if was_complete and overall != "PD" and back and not parts.markers_raised:
        overall = "PD"
        why.append(
            "disease came back after a complete response, which is progression; if it had never been gone, the earlier "
            "response was partial and so may this one be"
        )
    why += _reasons(item, non_target)
    return date_row(
        item, rules, overall, tuple(why), near_limits(item, line, rules, stated_percent), item.target, non_target
    )


def _reasons(item: Judged, non_target: str | None) -> list[str]:
    parts = item.parts
    found = []
    if parts.new.there:
        found.append(f"new lesion {', '.join(parts.new.there)}")
    if parts.new.doubtful:
        found.append(f"{', '.join(parts.new.doubtful)} may be new; look again on the next date")
    if non_target == "PD":
        found.append("unequivocal progression of non-target lesions")
    if non_target == "NE":
        found.append("a non-target lesion was not looked at")
    if parts.non_target_grew and non_target != "PD":
        found.append("a non-target lesion grew, short of unequivocal progression")
    return [*found, *parts.new.notes]
