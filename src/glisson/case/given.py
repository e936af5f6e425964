"""When drugs were last given and operations done, and what became of it: intervals, lines and responses."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from glisson.case import vocabulary as v
from glisson.case.model import Case, Treatment
from glisson.case.unknown import Unknown

__all__ = [
    "DAYS_PER_MONTH", "days_between", "days_since_anti_vegf", "days_since_operation", "had_anti_vegf",
    "last_bevacizumab", "last_chemotherapy", "last_response", "months_between", "months_since_systemic", "operated",
    "progressing", "systemic_count", "systemic_for_metastases",
]  # fmt: skip


DAYS_PER_MONTH = 365.25 / 12
"""Mean length of a month; months are days over this."""


def days_between(start: date | Unknown, end: date | Unknown) -> int | Unknown:
    """Days from start to end; unknown when either is."""
    if isinstance(start, Unknown):
        return start
    return end if isinstance(end, Unknown) else (end - start).days


def not_listed(case: Case, path: str) -> bool | Unknown:
    """What follows when a list of the case does not name something: False, or unknown when it may lack entries."""
    return Unknown(f"the list {path} may lack entries") if path in case.incomplete else False


def months_between(start: date | Unknown, end: date | Unknown) -> float | Unknown:
    """Months from start to end; unknown when either is."""
    days = days_between(start, end)
    return days if isinstance(days, Unknown) else days / DAYS_PER_MONTH


def _today_of(case: Case, treatment: Treatment) -> date | Unknown:
    """The day up to which a treatment that goes on is known to be given."""
    if isinstance(case.as_of, date) and isinstance(treatment.start, date):
        return max(case.as_of, treatment.start)
    return case.as_of


def _last_given(case: Case, wanted: Callable[[str], bool]) -> date | Unknown:
    """Last day of any treatment with such a drug; the day of the board when it goes on."""
    treatments = case.treatments
    if isinstance(treatments, Unknown):
        return treatments
    days: list[date] = []
    for treatment in treatments:
        if isinstance(treatment.drugs, Unknown):
            if treatment.kind in ("systemic", "trial", "hepatic-arterial-infusion"):
                return Unknown("the drugs of a treatment are not recorded")
        elif any(wanted(drug) for drug in treatment.drugs):
            last = _today_of(case, treatment) if treatment.ongoing is True else treatment.stop
            if isinstance(last, Unknown):
                return Unknown("the last day of a treatment is not recorded")
            days.append(last)
    return max(days) if days else Unknown("never given, as far as recorded")


def last_chemotherapy(case: Case) -> date | Unknown:
    """Day of the last chemotherapy, as stated, else from the treatments."""
    stated = case.liver.last_chemotherapy
    if not isinstance(stated, Unknown):
        return stated
    return _last_given(case, lambda drug: drug not in v.NOT_CHEMOTHERAPY)


def last_bevacizumab(case: Case) -> date | Unknown:
    """Day of the last bevacizumab, as stated, else from the treatments."""
    stated = case.liver.last_bevacizumab
    return _last_given(case, lambda drug: drug == "bevacizumab") if isinstance(stated, Unknown) else stated


def had_anti_vegf(drugs: tuple[str, ...]) -> Callable[[Case], Any]:
    """Fact: any of these drugs was given, as the treatments or the stated day of the last bevacizumab say."""

    def read(case: Case) -> bool | Unknown:
        if "bevacizumab" in drugs and isinstance(case.liver.last_bevacizumab, date):
            return True
        treatments = case.treatments
        if isinstance(treatments, Unknown):
            return treatments
        if any(not isinstance(t.drugs, Unknown) and set(drugs) & set(t.drugs) for t in treatments):
            return True
        unclear = any(isinstance(t.drugs, Unknown) and t.kind in ("systemic", "trial") for t in treatments)
        return Unknown("the drugs of a treatment are not recorded") if unclear else not_listed(case, "treatments")

    return read


def days_since_anti_vegf(drugs: tuple[str, ...]) -> Callable[[Case], Any]:
    """Fact: days since the last of these drugs; of bevacizumab the stated day counts as well."""

    def read(case: Case) -> int | Unknown:
        stated = case.liver.last_bevacizumab
        given = _last_given(case, lambda drug: drug in drugs)
        if "bevacizumab" in drugs and isinstance(stated, date):
            others = _last_given(case, lambda drug: drug in drugs and drug != "bevacizumab")
            given = max(stated, others) if isinstance(others, date) else stated
        return days_between(given, case.as_of)

    return read


def _operations(case: Case) -> list[date | Unknown] | Unknown:
    """The last day of each operation; its first where the last is not recorded."""
    treatments = case.treatments
    if isinstance(treatments, Unknown):
        return treatments
    own = [t for t in treatments if t.kind in v.OPERATIONS]
    return [t.start if isinstance(t.stop, Unknown) else t.stop for t in own]


def operated(case: Case) -> bool | Unknown:
    """Fact: an operation was done."""
    found = _operations(case)
    if isinstance(found, Unknown):
        return found
    return bool(found) or not_listed(case, "treatments")


def days_since_operation(case: Case) -> int | Unknown:
    """Fact: days since the last operation."""
    found = _operations(case)
    if isinstance(found, Unknown):
        return found
    days = [day for day in found if isinstance(day, date)]
    if not found or len(days) < len(found):
        return Unknown("the day of an operation is not recorded" if found else "no operation is recorded")
    return days_between(max(days), case.as_of)


def _systemic(case: Case) -> list[Treatment] | Unknown:
    """Systemic treatments begun, in the order of their start; unknown when several lack a start."""
    treatments = case.treatments
    if isinstance(treatments, Unknown):
        return treatments
    own = [t for t in treatments if t.kind == "systemic"]
    if len(own) > 1 and any(isinstance(t.start, Unknown) for t in own):
        return Unknown("the start of a systemic treatment is not recorded")
    return sorted(own, key=lambda t: t.start if isinstance(t.start, date) else date.min)


def last_response(case: Case) -> str | Unknown:
    """Fact: response to the last systemic treatment."""
    own = _systemic(case)
    if isinstance(own, Unknown):
        return own
    return own[-1].response if own else Unknown("no systemic treatment is recorded")


def progressing(case: Case) -> bool | Unknown:
    """Fact: the last systemic treatment ended in progression."""
    own = _systemic(case)
    if isinstance(own, Unknown):
        return own
    if not own:
        return not_listed(case, "treatments")
    response = own[-1].response
    return response if isinstance(response, Unknown) else response == "progression"


def systemic_count(case: Case) -> int | Unknown:
    """Fact: systemic treatments begun."""
    treatments = case.treatments
    if isinstance(treatments, Unknown):
        return treatments
    lacking = not_listed(case, "treatments")
    return sum(t.kind == "systemic" for t in treatments) if lacking is False else lacking


def systemic_for_metastases(case: Case) -> bool | Unknown:
    """True when a systemic treatment began on or after the day metastases were found, else by its line."""
    own = _systemic(case)
    if isinstance(own, Unknown):
        return own
    answers = [_is_for_metastases(t, case) for t in own]
    missing = [answer for answer in answers if isinstance(answer, Unknown)]
    if any(answer is True for answer in answers):
        return True
    return missing[0] if missing else not_listed(case, "treatments")


def _is_for_metastases(treatment: Treatment, case: Case) -> bool | Unknown:
    found = case.liver.metastases_found
    if not isinstance(treatment.start, Unknown) and not isinstance(found, Unknown):
        return treatment.start >= found
    if isinstance(treatment.line, Unknown):
        return Unknown("neither the line of a systemic treatment nor the day metastases were found is recorded")
    return treatment.line > 0 or Unknown("whether treatment around an operation was for metastases is not recorded")


def months_since_systemic(case: Case) -> float | Unknown:
    """Fact: months since the last systemic treatment ended; 0 while it goes on."""
    own = _systemic(case)
    if isinstance(own, Unknown):
        return own
    if not own:
        return Unknown("no systemic treatment is recorded")
    return 0.0 if own[-1].ongoing is True else months_between(own[-1].stop, case.as_of)
