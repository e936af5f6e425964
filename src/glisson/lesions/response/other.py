"""Criteria that look at more than size: Choi (density), PERCIST (uptake), the morphologic criterion (edge and texture).

Like with size, what was not measured never makes a response.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date
from fractions import Fraction
from types import MappingProxyType

from glisson.lesions.response.best import best_response
from glisson.lesions.response.limits import limit, made_for, sum_rules
from glisson.lesions.response.recist import baseline_row, date_row, overall_response
from glisson.lesions.response.sums import Judged, judge_dates, new_lesions, non_targets
from glisson.lesions.response.targets import target_notes
from glisson.lesions.response.types import Best, DateResponse, Response, Timeline, exact, percent

__all__ = ["METABOLIC", "assess_choi", "assess_morphology", "assess_uptake"]

METABOLIC: Mapping[str, str] = MappingProxyType({"CR": "CMR", "PR": "PMR", "SD": "SMD", "PD": "PMD"})
"""PERCIST's words for the responses."""

BETTER = ("optimal", "incomplete", "none", "NE")


def _made(criterion: str) -> str:
    measures, made = made_for(criterion)
    return f"{criterion} looks at the {measures}; it was made for {made}."


def assess_choi(line: Timeline) -> Response:
    """The Choi criterion: sum of the targets or their mean density on CT.

    Its authors compared two scans; on later ones progression is counted from the smallest sum, density from baseline.
    Source: Choi 2007, doi:10.1200/JCO.2006.07.3049.
    """
    rules = sum_rules("choi")
    judged = judge_dates(line, rules)
    rows = [baseline_row(judged[0], rules)]
    for item in judged[1:]:
        target, why = _choi_target(item, line)
        parts = item.parts
        overall = overall_response(target, parts.non_target, bool(parts.new.there))
        if parts.new.there:
            why = (*why, f"new lesion {', '.join(parts.new.there)}")
        rows.append(date_row(item, rules, overall, why, (), target, parts.non_target))
    best = best_response([(row.date, row.overall) for row in rows[1:]], line.baseline)
    notes = (*target_notes(line), _made("choi"))
    return Response("choi", line.patient, line.reader, tuple(rows), best, notes)


def _choi_target(item: Judged, line: Timeline) -> tuple[str | None, tuple[str, ...]]:
    size, day = item.target, item.parts.date
    if size in (None, "NE", "CR"):
        return size, item.why
    change = _density_change(line, day)
    least = limit("choi", "density")
    if item.parts.total is None:
        return ("PD" if size == "PD" and change is not None and change > -least else "NE"), item.why
    if change is None:
        unknown = (*item.why, "density was not measured on every target")
        return ("PR", unknown) if size == "PR" else ("NE", unknown)
    words = (*item.why, f"mean density changed by {float(change):+.1f} %")
    if change <= -least:
        return "PR", words
    return size, words


def _density_change(line: Timeline, day: date) -> Fraction | None:
    """Change of the mean density of the targets against baseline in percent; None where one was not measured. A target
    that is gone has no density and leaves both means."""
    now, before = [], []
    for lesion in line.of_kind("target"):
        rows, first = line.rows(lesion.name, day), line.rows(lesion.name, line.baseline)
        if rows and all(row.state == "absent" for row in rows):
            continue
        if len(rows) != 1 or len(first) != 1 or rows[0].hu is None or first[0].hu is None:
            return None
        now.append(exact(rows[0].hu))
        before.append(exact(first[0].hu))
    if not now or sum(before) <= 0:
        return None
    return 100 * (sum(now, Fraction(0)) - sum(before, Fraction(0))) / sum(before, Fraction(0))


def assess_uptake(line: Timeline) -> Response:
    """PERCIST 1.0: peak uptake (SULpeak) of the hottest lesion, which need not be the same one.

    Progression is counted from baseline. Source: Wahl 2009, doi:10.2967/jnumed.108.057307.
    """
    hottest = {day: _hottest(line, day) for day in line.dates}
    unknown = hottest[line.baseline][1]
    first = hottest[line.baseline][0]
    notes = [_made("percist"), *_measurable_uptake(line, first)]
    rows = [
        DateResponse(line.baseline, _number(first), "SUL", None, None, False, "baseline", None, None,
                     hottest[line.baseline][2])
    ]  # fmt: skip
    for day in line.dates[1:]:
        now, missing, words = hottest[day]
        target, why = _uptake(line, day, first, now, missing or unknown, words or hottest[line.baseline][2])
        non_target, _ = non_targets(line, day)
        new = new_lesions(line, day).there
        overall = "PD" if new or "PD" in (target, non_target) else target
        if new:
            why = (*why, f"new lesion {', '.join(new)}")
        now = None if missing or unknown else now
        against = percent(now, first) if now is not None and first else None
        named = [METABOLIC.get(word, word) for word in (target, overall)]
        rows.append(
            DateResponse(day, _number(now), "SUL", named[0], non_target, bool(new), named[1], against, None, why)
        )
    plain = {word: key for key, word in METABOLIC.items()}
    best = best_response([(row.date, plain.get(row.overall, row.overall)) for row in rows[1:]], line.baseline)
    words_of = Best(METABOLIC.get(best.best, "NE"), METABOLIC.get(best.best_confirmed, "NE"), best.why)
    return Response("percist", line.patient, line.reader, tuple(rows), words_of, tuple(notes))


def _number(value: Fraction | None) -> float | None:
    return None if value is None else float(value)


def _hottest(line: Timeline, day: date) -> tuple[Fraction | None, bool, tuple[str, ...]]:
    """The highest uptake of a date, whether a target or another lesion hot at baseline is without one, and that in
    words."""
    known = [
        lesion
        for lesion in line.lesions
        if lesion.kind == "target" or any(row.suv for row in line.rows(lesion.name, line.baseline))
    ]
    values, missing = [], []
    for lesion in known:
        rows = line.rows(lesion.name, day)
        own = [Fraction(0) if row.state == "absent" else None if row.suv is None else exact(row.suv) for row in rows]
        values += [value for value in own if value is not None]
        if not own or None in own:
            missing.append(lesion.name)
    words = (f"uptake of {', '.join(missing)} was not measured",) if missing else ()
    return (max(values) if values else None), bool(missing) or not known, words


def _uptake(
    line: Timeline, day: date, first: Fraction | None, now: Fraction | None, missing: bool, words: tuple[str, ...]
) -> tuple[str, tuple[str, ...]]:
    least = limit("percist", "progression least")
    if first is None or not first:
        return "NE", ("no uptake was measured at baseline",)
    if now is None:
        return "NE", words or ("no uptake was measured on this date",)
    change = now - first
    said = f"the hottest lesion went from {float(first):g} to {float(now):g} SUL ({percent(now, first):+.1f} %)"
    if change >= least and 100 * change >= limit("percist", "progression") * first:
        return "PD", (*words, said)
    if missing:
        return "NE", words
    liver = [exact(row.liver_suv) for row in line.on(day) if row.liver_suv is not None]
    if now == 0 or (liver and now < min(liver)):
        return "CR", (f"{said}; no lesion is above the liver",)
    if -change >= least and -100 * change >= limit("percist", "response") * first:
        return "PR", (said,)
    return "SD", (said,)


def _measurable_uptake(line: Timeline, first: Fraction | None) -> list[str]:
    """Whether the hottest lesion of the baseline is hot enough against the liver."""
    liver = [
        (exact(row.liver_suv), exact(row.liver_suv_sd))
        for row in line.on(line.baseline)
        if row.liver_suv is not None and row.liver_suv_sd is not None
    ]
    if first is None:
        return []
    if not liver:
        return ["whether the uptake is measurable was not checked: liver_suv and liver_suv_sd are not in the table."]
    mean, deviation = liver[0]
    least = limit("percist", "liver factor") * mean + limit("percist", "liver deviations") * deviation
    return [] if first >= least else [f"no lesion is measurable: {float(first):g} SUL is below {float(least):g} SUL."]


def assess_morphology(line: Timeline) -> Response:
    """The morphologic criterion for CT: groups 3 (uneven, ill-defined) to 1 (even, dark, sharp) of each target.

    Each lesion: optimal from group 3 or 2 to 1, incomplete from 3 to 2, else none; a lesion in group 1 at baseline
    cannot respond. The patient: what most lesions do; where two are as frequent, the lesser.
    Source: Chun 2009, doi:10.1001/jama.2009.1755.
    """
    rows = [DateResponse(line.baseline, None, "", None, None, False, "baseline", None, None)]
    for day in line.dates[1:]:
        word, why = _morphology(line, day)
        new = bool(new_lesions(line, day).there)
        if new:
            why = (*why, "a new lesion does not enter this criterion")
        rows.append(DateResponse(day, None, "", word, None, new, word, None, None, why))
    best = min((row.overall for row in rows[1:]), key=BETTER.index, default="NE")
    return Response("morphologic", line.patient, line.reader, tuple(rows), Best(best, best), (_made("morphologic"),))


def _morphology(line: Timeline, day: date) -> tuple[str, tuple[str, ...]]:
    found: Counter[str] = Counter()
    for lesion in line.of_kind("target"):
        before, now = (_group(line, lesion.name, d) for d in (line.baseline, day))
        if before is None or now is None:
            return "NE", (f"the group of {lesion.name} is not known",)
        if before > 1:
            found["optimal" if now == 1 else "incomplete" if now < before else "none"] += 1
    if not found:
        return "NE", ("every target was in group 1 at baseline, or there is none",)
    most = max(found.values())
    word = max((word for word, count in found.items() if count == most), key=BETTER.index)
    return word, (", ".join(f"{found[key]} {key}" for key in BETTER if found[key]),)


def _group(line: Timeline, lesion: str, day: date) -> int | None:
    """A target's group on a date; one that is gone has nothing left to judge and counts as group 1."""
    rows = line.rows(lesion, day)
    if len(rows) != 1:
        return None
    return 1 if rows[0].state == "absent" and day != line.baseline else rows[0].morphology
