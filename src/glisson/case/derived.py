"""Facts that follow from recorded ones by arithmetic on dates and by logic, without any clinical threshold."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from glisson.case import vocabulary as v
from glisson.case.kinds import Choice, Day, Flag, Kind, Number, Text
from glisson.case.model import Case, Treatment
from glisson.case.unknown import Unknown

__all__ = ["DAYS_PER_MONTH", "DERIVED", "days_between", "had", "had_drug", "has_sign", "has_site"]

DAYS_PER_MONTH = 365.25 / 12
"""Mean length of a month; months are days over this."""


def days_between(start: date | Unknown, end: date | Unknown) -> int | Unknown:
    """Days from start to end; unknown when either is."""
    if isinstance(start, Unknown):
        return start
    return end if isinstance(end, Unknown) else (end - start).days


def months_between(start: date | Unknown, end: date | Unknown) -> float | Unknown:
    """Months from start to end; unknown when either is."""
    days = days_between(start, end)
    return days if isinstance(days, Unknown) else days / DAYS_PER_MONTH


def _primary_timing(case: Case) -> str | Unknown:
    """As stated; else synchronous when found by the day of diagnosis, metachronous when found after the resection."""
    primary, found = case.primary, case.liver.metastases_found
    if not isinstance(primary.timing, Unknown):
        return primary.timing
    if isinstance(found, Unknown):
        return Unknown("the day liver metastases were found (liver.metastases_found) is not recorded")
    if isinstance(primary.diagnosed, date) and found <= primary.diagnosed:
        return "synchronous"
    if isinstance(primary.resected, date) and found > primary.resected:
        return "metachronous"
    if isinstance(primary.diagnosed, date):
        return Unknown("found after the diagnosis and not after the resection of the primary: state primary.timing")
    return Unknown("the day the primary was diagnosed is not recorded")


def _disease_free_months(case: Case) -> float | Unknown:
    """From resection of the primary to the finding of liver metastases; 0 when they were found before or with it."""
    found, resected = case.liver.metastases_found, case.primary.resected
    if _primary_timing(case) == "synchronous":
        return 0.0
    if isinstance(found, date) and isinstance(resected, date):
        return max(0.0, (found - resected).days / DAYS_PER_MONTH)
    return Unknown("the day of resection of the primary, or that metastases were found, is not recorded")


def _node_positive(case: Case) -> bool | Unknown:
    """From the N category (NX is not known), else from the number of nodes with tumour."""
    category, nodes = case.primary.n, case.primary.positive_nodes
    by_count = nodes if isinstance(nodes, Unknown) else nodes > 0
    if isinstance(category, Unknown) or category == "nx":
        return by_count
    if by_count is True and category == "n0":
        return Unknown("N0 and the number of nodes with tumour disagree")
    return category != "n0"


def _t_level(case: Case) -> int | Unknown:
    """The digit of the T category; in situ counts as 0."""
    category = case.primary.t
    if isinstance(category, Unknown) or category == "tx":
        return Unknown("the T category is not known")
    return 0 if category == "tis" else int(category[1])


def _ras(case: Case) -> str | Unknown:
    """As stated; else mutated when KRAS or NRAS is, wild-type only when both are."""
    genes = case.biomarkers
    if not isinstance(genes.ras, Unknown):
        return genes.ras
    if "mutated" in (genes.kras, genes.nras) or genes.kras_g12c is True:
        return "mutated"
    missing = [name.upper() for name in ("kras", "nras") if isinstance(getattr(genes, name), Unknown)]
    return Unknown(f"{' and '.join(missing)} not known") if missing else "wild-type"


def _mismatch_repair_deficient(case: Case) -> bool | Unknown:
    msi, mmr = case.biomarkers.msi, case.biomarkers.mmr
    if isinstance(msi, Unknown) and isinstance(mmr, Unknown):
        return msi
    if (msi == "high" and mmr == "proficient") or (mmr == "deficient" and msi in ("stable", "low")):
        return Unknown("MSI and mismatch repair proteins disagree")
    return msi == "high" or mmr == "deficient"


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


def _chemotherapy(drug: str) -> bool:
    return drug not in v.NOT_CHEMOTHERAPY


def _last_chemotherapy(case: Case) -> date | Unknown:
    stated = case.liver.last_chemotherapy
    return _last_given(case, _chemotherapy) if isinstance(stated, Unknown) else stated


def _last_bevacizumab(case: Case) -> date | Unknown:
    stated = case.liver.last_bevacizumab
    return _last_given(case, lambda drug: drug == "bevacizumab") if isinstance(stated, Unknown) else stated


def _taken(name: str) -> Callable[[Case], Any]:
    def read(case: Case) -> bool | Unknown:
        drugs = getattr(case.patient, name)
        return drugs if isinstance(drugs, Unknown) else bool(drugs)

    return read


def _dose_days(name: str) -> Callable[[Case], Any]:
    def read(case: Case) -> int | Unknown:
        drugs = getattr(case.patient, name)
        if isinstance(drugs, Unknown):
            return drugs
        if not drugs:
            return Unknown("takes none")
        days = [drug.last_dose for drug in drugs]
        missing = [day for day in days if isinstance(day, Unknown)]
        return missing[0] if missing else days_between(max(days), case.as_of)

    return read


def _bmi(case: Case) -> float | Unknown:
    height, weight = case.patient.height_cm, case.patient.weight_kg
    if isinstance(height, Unknown):
        return height
    return weight if isinstance(weight, Unknown) else weight / (height / 100) ** 2


def has_site(site: str) -> Callable[[Case], Any]:
    """Fact: untreated disease at a site outside the liver."""

    def read(case: Case) -> bool | Unknown:
        outside = case.extrahepatic
        if outside.status == "none":
            return False
        if isinstance(outside.sites, Unknown):
            return (
                outside.sites
                if isinstance(outside.status, Unknown)
                else Unknown(f"status {outside.status}, sites not recorded")
            )
        if any(s.site == site and s.treated is not True for s in outside.sites):
            return True
        return False if outside.status == "present" else Unknown("staging is not complete")

    return read


def _all_treatable(case: Case) -> bool | Unknown:
    """True when every untreated site outside the liver can be treated with curative intent, and when there is none."""
    outside = case.extrahepatic
    if outside.status == "none":
        return True
    if isinstance(outside.sites, Unknown):
        return outside.sites
    answers = [s.treatable_with_curative_intent for s in outside.sites if s.treated is not True]
    if any(answer is False for answer in answers):
        return False
    missing = [answer for answer in answers if isinstance(answer, Unknown)]
    if missing:
        return missing[0]
    return True if outside.status == "present" else Unknown("staging is not complete")


def _site_count(case: Case) -> int | Unknown:
    outside = case.extrahepatic
    if outside.status == "none":
        return 0
    if isinstance(outside.sites, Unknown) or outside.status != "present":
        return Unknown("staging is not complete, or the sites are not recorded")
    return sum(s.treated is not True for s in outside.sites)


def had(kind: str) -> Callable[[Case], Any]:
    """Fact: a treatment of this kind was begun."""

    def read(case: Case) -> bool | Unknown:
        treatments = case.treatments
        return treatments if isinstance(treatments, Unknown) else any(t.kind == kind for t in treatments)

    return read


def had_drug(drug: str) -> Callable[[Case], Any]:
    """Fact: this drug was given."""

    def read(case: Case) -> bool | Unknown:
        treatments = case.treatments
        if isinstance(treatments, Unknown):
            return treatments
        if any(not isinstance(t.drugs, Unknown) and drug in t.drugs for t in treatments):
            return True
        unclear = any(isinstance(t.drugs, Unknown) and t.kind in ("systemic", "trial") for t in treatments)
        return Unknown("the drugs of a treatment are not recorded") if unclear else False

    return read


def has_sign(sign: str) -> Callable[[Case], Any]:
    """Fact: a symptom or sign is there."""

    def read(case: Case) -> bool | Unknown:
        if any(present.sign == sign for present in case.signs.present):
            return True
        return False if sign in case.signs.absent or case.signs.complete else Unknown()

    return read


def _systemic(case: Case) -> list[Treatment] | Unknown:
    """Systemic treatments begun, in the order of their start; unknown when several lack a start."""
    treatments = case.treatments
    if isinstance(treatments, Unknown):
        return treatments
    own = [t for t in treatments if t.kind == "systemic"]
    if len(own) > 1 and any(isinstance(t.start, Unknown) for t in own):
        return Unknown("the start of a systemic treatment is not recorded")
    return sorted(own, key=lambda t: t.start if isinstance(t.start, date) else date.min)


def _last_response(case: Case) -> str | Unknown:
    own = _systemic(case)
    if isinstance(own, Unknown):
        return own
    return own[-1].response if own else Unknown("no systemic treatment is recorded")


def _progressing(case: Case) -> bool | Unknown:
    own = _systemic(case)
    if isinstance(own, Unknown):
        return own
    if not own:
        return False
    response = own[-1].response
    return response if isinstance(response, Unknown) else response == "progression"


def _systemic_count(case: Case) -> int | Unknown:
    treatments = case.treatments
    return treatments if isinstance(treatments, Unknown) else sum(t.kind == "systemic" for t in treatments)


def _systemic_for_metastases(case: Case) -> bool | Unknown:
    """True when a systemic treatment began on or after the day metastases were found, else by its line."""
    own = _systemic(case)
    if isinstance(own, Unknown):
        return own
    answers = [_is_for_metastases(t, case) for t in own]
    missing = [answer for answer in answers if isinstance(answer, Unknown)]
    return True if any(answer is True for answer in answers) else missing[0] if missing else False


def _is_for_metastases(treatment: Treatment, case: Case) -> bool | Unknown:
    found = case.liver.metastases_found
    if not isinstance(treatment.start, Unknown) and not isinstance(found, Unknown):
        return treatment.start >= found
    if isinstance(treatment.line, Unknown):
        return Unknown("neither the line of a systemic treatment nor the day metastases were found is recorded")
    return treatment.line > 0 or Unknown("whether treatment around an operation was for metastases is not recorded")


def _months_since_systemic(case: Case) -> float | Unknown:
    own = _systemic(case)
    if isinstance(own, Unknown):
        return own
    if not own:
        return Unknown("no systemic treatment is recorded")
    return 0.0 if own[-1].ongoing is True else months_between(own[-1].stop, case.as_of)


def _lesion_count(nature: str | None) -> Callable[[Case], Any]:
    def read(case: Case) -> int | Unknown:
        if not case.lesions:
            return Unknown("the record names no lesion")
        return sum(nature is None or lesion.nature == nature for lesion in case.lesions)

    return read


def _largest_reported(case: Case) -> float | Unknown:
    sizes = [lesion.size_mm for lesion in case.lesions if lesion.nature != "benign"]
    missing = [size for size in sizes if isinstance(size, Unknown)]
    if not sizes or missing:
        return missing[0] if missing else Unknown("the record names no lesion")
    return max(size for size in sizes if not isinstance(size, Unknown))


def _scan_days(case: Case) -> int | Unknown:
    days = [study.date for study in case.studies if isinstance(study.date, date)]
    return days_between(max(days), case.as_of) if days else Unknown("no dated study is recorded")


def _age_of(section: str, name: str) -> Callable[[Case], Any]:
    return lambda case: days_between(getattr(getattr(case, section), name), case.as_of)


_days = Number(unit="days")
_months = Number(unit="months")
_count = Number()

DERIVED: tuple[tuple[str, Kind, str, Callable[[Case], Any]], ...] = (
    ("case.as_of", Day(), "day the case is looked at: of the board, else of the last study", lambda case: case.as_of),
    ("case.question", Text(), "the question to the board", lambda case: case.question),
    ("patient.bmi_kg_m2", Number(unit="kg/m2"), "body mass index from height and weight", _bmi),
    ("patient.anticoagulated", Flag(), "takes an anticoagulant", _taken("anticoagulants")),
    (
        "patient.anticoagulant_days_since_last_dose",
        _days,
        "days since the last anticoagulant",
        _dose_days("anticoagulants"),
    ),
    ("patient.on_antiplatelets", Flag(), "takes an antiplatelet drug", _taken("antiplatelets")),
    (
        "patient.antiplatelet_days_since_last_dose",
        _days,
        "days since the last antiplatelet drug",
        _dose_days("antiplatelets"),
    ),
    (
        "primary.timing",
        Choice(("synchronous", "metachronous")),
        "as stated; else synchronous when liver metastases were found by the day "
        "the primary was diagnosed, metachronous when found after its resection; else unknown",
        _primary_timing,
    ),
    (
        "primary.months_to_metastases",
        _months,
        "from diagnosis of the primary to the finding of liver metastases (negative: found before)",
        lambda case: months_between(case.primary.diagnosed, case.liver.metastases_found),
    ),
    (
        "primary.disease_free_interval_months",
        _months,
        "from resection of the primary to the finding of liver metastases; 0 when synchronous",
        _disease_free_months,
    ),
    ("primary.node_positive", Flag(), "lymph nodes of the primary with tumour, from N or their number", _node_positive),
    ("primary.t_level", _count, "T category without its letter (T4b: 4; in situ: 0)", _t_level),
    (
        "biomarkers.ras",
        Choice(v.GENE),
        "as stated; else mutated when KRAS or NRAS is, wild-type only when both are",
        _ras,
    ),
    (
        "biomarkers.mismatch_repair_deficient",
        Flag(),
        "MSI-high or mismatch repair deficient",
        _mismatch_repair_deficient,
    ),
    ("liver.last_chemotherapy", Day(), "as stated, else from the treatments", _last_chemotherapy),
    ("liver.last_bevacizumab", Day(), "as stated, else from the treatments", _last_bevacizumab),
    (
        "liver.months_since_last_chemotherapy",
        _months,
        "since the last chemotherapy",
        lambda case: months_between(_last_chemotherapy(case), case.as_of),
    ),
    (
        "liver.days_since_last_chemotherapy",
        _days,
        "since the last chemotherapy",
        lambda case: days_between(_last_chemotherapy(case), case.as_of),
    ),
    (
        "liver.days_since_last_bevacizumab",
        _days,
        "since the last bevacizumab",
        lambda case: days_between(_last_bevacizumab(case), case.as_of),
    ),
    ("extrahepatic.site_count", _count, "untreated sites outside the liver", _site_count),
    (
        "extrahepatic.all_treatable_with_curative_intent",
        Flag(),
        "every untreated site can be treated with curative intent (true when there is no disease outside the liver)",
        _all_treatable,
    ),
    ("extrahepatic.chest_ct_days_old", _days, "age of the last chest CT", _age_of("extrahepatic", "chest_ct")),
    (
        "extrahepatic.colonoscopy_days_old",
        _days,
        "age of the last full colonoscopy",
        _age_of("extrahepatic", "colonoscopy"),
    ),
    ("extrahepatic.pet_days_old", _days, "age of the last PET", _age_of("extrahepatic", "pet")),
    ("treatments.systemic_count", _count, "systemic treatments begun", _systemic_count),
    (
        "treatments.systemic_for_metastases",
        Flag(),
        "a systemic treatment began after metastases were found (not one around the primary's operation before)",
        _systemic_for_metastases,
    ),
    (
        "treatments.months_since_systemic",
        _months,
        "months since the end of the last systemic treatment (0 while it goes on)",
        _months_since_systemic,
    ),
    ("treatments.last_response", Choice(v.RESPONSES), "response to the last systemic treatment", _last_response),
    (
        "treatments.progressing",
        Flag(),
        "progression on the last systemic treatment (false when there was none)",
        _progressing,
    ),
    ("studies.days_old", _days, "age of the latest dated study", _scan_days),
    ("lesions.count_recorded", _count, "lesions the record names, of any nature", _lesion_count(None)),
    *(
        (f"lesions.{nature}_count", _count, f"lesions the record calls {nature}", _lesion_count(nature))
        for nature in v.NATURES
    ),
    (
        "lesions.largest_reported_mm",
        Number(unit="mm"),
        "largest size in the record among lesions not benign",
        _largest_reported,
    ),
)
"""Path, kind, meaning and function of each derived fact."""
