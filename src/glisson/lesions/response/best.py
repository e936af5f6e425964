"""Best overall response from the responses on single dates: without confirmation, and with it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from glisson.lesions.response.limits import count_limit, limit
from glisson.lesions.response.types import Best

__all__ = ["best_response"]

ORDER = ("CR", "PR", "SD", "non-CR/non-PD", "PD", "NE")
"""Best first."""

Point = tuple[date, str]


def best_response(
    points: Sequence[Point],
    baseline: date,
    *,
    confirmation_days: float | None = None,
    stable_days: float | None = None,
    gaps: int | None = None,
    accept_stable: bool = True,
) -> Best:
    """Best overall response over the dates after baseline, up to the first progression.

    points: (date, overall response), earliest first. confirmation_days: least time between two responses that confirm
    each other. stable_days: least time from baseline for stable disease. gaps: how many not evaluable dates in a row
    may lie between them. accept_stable: one stable date between two partial responses does not undo them. What is left
    out comes from the table `response-limits`.
    Source: Eisenhauer 2009, tables 1 to 3 and appendix (doi:10.1016/j.ejca.2008.10.026).
    """
    own = "recist-1.1"
    confirm = float(limit(own, "confirmation")) if confirmation_days is None else confirmation_days
    stable = float(limit(own, "stable")) if stable_days is None else stable_days
    most_gaps = count_limit(own, "gaps") if gaps is None else gaps
    used = _until_progression(points)
    plain = _best(used, baseline, stable, {"CR", "PR"})
    confirmed = {
        category
        for category in ("CR", "PR")
        if any(_confirmed(used, index, category, confirm, most_gaps, accept_stable) for index in range(len(used)))
    }
    best = _best(used, baseline, stable, confirmed)
    return Best(plain, best, _words(plain, best, used, baseline, stable))


def _until_progression(points: Sequence[Point]) -> tuple[Point, ...]:
    """The dates up to the first progression. A response that is less than an earlier CR is one: disease came back."""
    used: list[Point] = []
    complete = False
    for day, overall in points:
        back = complete and overall in ("PR", "SD", "non-CR/non-PD")
        used.append((day, "PD" if back else overall))
        if used[-1][1] == "PD":
            break
        complete = complete or overall == "CR"
    return tuple(used)


def _confirmed(
    used: Sequence[Point], index: int, category: str, days: float, most_gaps: int, accept_stable: bool
) -> bool:
    """Whether the response at `index` is confirmed by a later one at least `days` away."""
    good = ("CR",) if category == "CR" else ("CR", "PR")
    start, first = used[index]
    if first not in good:
        return False
    unseen = stable = 0
    for day, overall in used[index + 1 :]:
        if overall in good:
            if (day - start).days >= days:
                return True
            unseen = 0
        elif overall == "NE":
            unseen += 1
        elif overall == "SD" and category == "PR" and accept_stable:
            stable += 1
        else:
            return False
        if unseen > most_gaps or stable > 1:
            return False
    return False


def _best(used: Sequence[Point], baseline: date, stable_days: float, counted: set[str]) -> str:
    """The best of the dates; a response that does not count is stable disease, which needs its least time."""
    found = set()
    for day, overall in used:
        category = overall
        if overall in ("CR", "PR") and overall not in counted:
            category = "PR" if "PR" in counted else "SD"
        if category in ("SD", "non-CR/non-PD") and (day - baseline).days < stable_days:
            category = "NE"
        found.add(category)
    return next((category for category in ORDER if category in found), "NE")


def _words(plain: str, best: str, used: Sequence[Point], baseline: date, stable_days: float) -> tuple[str, ...]:
    found = []
    if plain in ("CR", "PR") and best != plain:
        found.append(f"{plain} was not confirmed")
    early = [overall for day, overall in used if overall == "SD" and (day - baseline).days < stable_days]
    if early and best in ("PD", "NE"):
        found.append(f"stable disease counts from {stable_days:g} days after baseline on")
    if not used:
        found.append("there is no date after baseline")
    return tuple(found)
