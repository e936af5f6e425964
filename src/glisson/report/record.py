"""Who the patient is, as the record says it: the facts of page one, the fuller record behind it, and the footer."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from glisson.case import Case, Unknown
from glisson.report.view import Fact
from glisson.report.words import GAP, and_list, day, fact, months, number_of, shorten, spoken

if TYPE_CHECKING:
    from glisson.assessment import Assessment

__all__ = ["blanks", "footer", "full_record", "grey_line", "question", "reviewed_by", "scan_date", "who", "wish"]

LONGEST_ON_PAGE_ONE = 220


def _fact(label: str, value: str | None) -> Fact:
    return Fact(label, GAP, True) if value is None else Fact(label, value)


def who(case: Case) -> tuple[Fact, ...]:
    """The facts of page one, gaps included."""
    age = fact(case.patient.age_years)
    sex = fact(case.patient.sex)
    return (
        _fact("Age", None if age is None else f"{age}\u00a0years" + (f", {sex}" if sex else "")),
        _fact("ECOG", fact(case.patient.ecog)),
        _fact("Primary", _primary(case)),
        _fact("Liver disease", _timing(case)),
        _fact("RAS", _ras(case)),
        _fact("BRAF", fact(case.biomarkers.braf)),
        _fact("MSI", _msi(case)),
        _fact("Outside the liver", _extrahepatic(case)),
        _fact("Treatment", _treatment(case)),
        _fact("Last dose", fact(case.facts()["liver.last_chemotherapy"])),
    )


def _primary(case: Case) -> str | None:
    site = fact(case.primary.site)
    if site is None:
        return None
    side = fact(case.primary.side)
    where = f"{site}, {side if side else 'side not recorded'}"
    if isinstance(case.primary.resected, date):
        return f"{where}; resected {day(case.primary.resected)}"
    if isinstance(case.primary.in_place, Unknown):
        return f"{where}; in place or resected not recorded"
    return f"{where}; {'in place' if case.primary.in_place else 'resected'}"


def _timing(case: Case) -> str | None:
    return fact(case.facts()["primary.timing"])


def _ras(case: Case) -> str | None:
    both = fact(case.biomarkers.ras)
    if both is not None:
        return both
    known = [
        f"{name} {text}"
        for name, text in (("KRAS", fact(case.biomarkers.kras)), ("NRAS", fact(case.biomarkers.nras)))
        if text
    ]
    return ", ".join(known) or None


def _msi(case: Case) -> str | None:
    msi = fact(case.biomarkers.msi)
    mmr = fact(case.biomarkers.mmr)
    return msi or (f"mismatch repair {mmr}" if mmr else None)


def _extrahepatic(case: Case) -> str | None:
    sites = case.extrahepatic.sites
    if not isinstance(sites, Unknown) and sites:
        return and_list(_site(site) for site in sites)
    return fact(case.extrahepatic.status)


def _site(site: Any) -> str:
    if site.treated is True:
        return f"{spoken(site.site)} (treated)"
    curative = site.treatable_with_curative_intent
    words = (
        "curative intent not recorded"
        if isinstance(curative, Unknown)
        else "treatable"
        if curative
        else "not treatable with curative intent"
    )
    return f"{spoken(site.site)} ({words})"


def _treatment(case: Case) -> str | None:
    length = case.liver.chemotherapy_months
    spent = None if isinstance(length, Unknown) else f"{months(length)} of chemotherapy"
    if isinstance(case.treatments, Unknown):
        return spent
    names = [shorten(fact(item.name) or spoken(item.kind), 40) for item in case.treatments]
    if not names:
        return spent or "none so far"
    return and_list(names) + (f"; {spent}" if spent else "; months not recorded")


def question(case: Case) -> Fact:
    """The question to the board."""
    text = fact(case.question)
    return _fact("Question to the board", None if text is None else shorten(text, LONGEST_ON_PAGE_ONE))


def wish(case: Case) -> Fact:
    """What the patient wants."""
    text = fact(case.wish)
    return _fact("The patient's wish", None if text is None else shorten(text, LONGEST_ON_PAGE_ONE))


def blanks(case: Case) -> tuple[Fact, ...]:
    """The boxes under page one: the recorded decision, and what is left to fill in by hand."""
    made = case.decision
    said = f"{made.text} ({made.by}, {day(made.date)})" if made else ""
    until = day(made.next_by) if made and made.next_by else ""
    return (
        Fact("Decision", said),
        Fact("Dissent", (made.dissent or "") if made else ""),
        Fact("Who presents", ""),
        Fact("Who tells the patient", ""),
        Fact("By when", until),
    )


def scan_date(result: Assessment) -> str | None:
    """Day of the scan that was assessed: from its header, else of the case's last dated study."""
    if result.scene and result.scene.facts.date:
        return day(result.scene.facts.date)
    days = [study.date for study in result.case.studies if isinstance(study.date, date)]
    return day(max(days)) if days else None


def reviewed_by(case: Case) -> str | None:
    """Who reviewed the outlines."""
    names = sorted(
        {str(study.masks.reviewed_by) for study in case.studies if not isinstance(study.masks.reviewed_by, Unknown)}
    )
    return and_list(names) if names else None


def grey_line(result: Assessment) -> str:
    """The one grey line: what this is, whether somebody looked at the outlines, and whether the patient exists."""
    name = reviewed_by(result.case)
    invented = (
        "This patient is invented. " if any(notice.code == "virtual-patient" for notice in result.notices) else ""
    )
    return (
        f"{invented}Research software, not a medical device. Masks {f'reviewed by {name}' if name else 'not reviewed'}."
    )


def footer(result: Assessment) -> tuple[Fact, ...]:
    """Dates and names under page one."""
    rules = {answer.rule.id for answer in result.answers}
    confirmed = sorted(answer.source.verified for answer in result.answers if answer.source.verified)
    rule_set = f"Glisson {result.version}, {number_of(len(rules), 'rule')} used" + (
        f", last source check {day(confirmed[-1])}" if confirmed else ""
    )
    return (
        _fact("Scan", scan_date(result)),
        Fact("Masks reviewed by", reviewed_by(result.case) or "— nobody named", reviewed_by(result.case) is None),
        Fact("Rule set", rule_set),
    )


def full_record(case: Case) -> tuple[Fact, ...]:
    """Further facts that the measurements lean on, and the long texts in full."""
    height, weight = fact(case.patient.height_cm), fact(case.patient.weight_kg)
    facts = [
        _fact("Height", None if height is None else f"{height}\u00a0cm"),
        _fact("Weight", None if weight is None else f"{weight}\u00a0kg"),
        _fact("Liver background", fact(case.liver.background)),
        _fact("Last bevacizumab", fact(case.facts()["liver.last_bevacizumab"])),
        _fact("Earlier liver resection", fact(case.liver.previous_hepatectomy)),
        _fact("Histology", fact(case.primary.histology)),
    ]
    for short, whole in ((question(case), case.question), (wish(case), case.wish)):
        if short.value.endswith("…"):
            facts.append(Fact(f"{short.label}, in full", str(whole)))
    return tuple(facts)
