"""Facts that follow from recorded ones by arithmetic on dates and by logic, without any clinical threshold."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from glisson.case import given
from glisson.case import vocabulary as v
from glisson.case.given import (
    DAYS_PER_MONTH,
    days_between,
    last_bevacizumab,
    last_chemotherapy,
    months_between,
    not_listed,
)
from glisson.case.kinds import Choice, Day, Flag, Kind, Number, Text
from glisson.case.model import Case
from glisson.case.unknown import Unknown

__all__ = ["DAYS_PER_MONTH", "DERIVED", "days_between", "had", "had_drug", "has_sign", "has_site"]


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


def _taken(name: str) -> Callable[[Case], Any]:
    def read(case: Case) -> bool | Unknown:
        drugs = getattr(case.patient, name)
        if isinstance(drugs, Unknown):
            return drugs
        return bool(drugs) or not_listed(case, f"patient.{name}")

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


def _other_sites(case: Case) -> bool | Unknown:
    """Whether there are sites outside the liver besides those recorded: False, or unknown."""
    if case.extrahepatic.status != "present":
        return Unknown("staging is not complete")
    return not_listed(case, "extrahepatic.sites")


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
        return _other_sites(case)

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
    others = _other_sites(case)
    return others if isinstance(others, Unknown) else True


def _site_count(case: Case) -> int | Unknown:
    outside = case.extrahepatic
    if outside.status == "none":
        return 0
    if isinstance(outside.sites, Unknown):
        return outside.sites
    others = _other_sites(case)
    if isinstance(others, Unknown):
        return others
    return sum(s.treated is not True for s in outside.sites)


def had(kind: str) -> Callable[[Case], Any]:
    """Fact: a treatment of this kind was begun."""

    def read(case: Case) -> bool | Unknown:
        treatments = case.treatments
        if isinstance(treatments, Unknown):
            return treatments
        return any(t.kind == kind for t in treatments) or not_listed(case, "treatments")

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
        return Unknown("the drugs of a treatment are not recorded") if unclear else not_listed(case, "treatments")

    return read


def has_sign(sign: str) -> Callable[[Case], Any]:
    """Fact: a symptom or sign is there."""

    def read(case: Case) -> bool | Unknown:
        if any(present.sign == sign for present in case.signs.present):
            return True
        return False if sign in case.signs.absent or case.signs.complete else Unknown()

    return read


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
    ("liver.last_chemotherapy", Day(), "as stated, else from the treatments", last_chemotherapy),
    ("liver.last_bevacizumab", Day(), "as stated, else from the treatments", last_bevacizumab),
    (
        "liver.months_since_last_chemotherapy",
        _months,
        "since the last chemotherapy",
        lambda case: months_between(last_chemotherapy(case), case.as_of),
    ),
    (
        "liver.days_since_last_chemotherapy",
        _days,
        "since the last chemotherapy",
        lambda case: days_between(last_chemotherapy(case), case.as_of),
    ),
    (
        "liver.days_since_last_bevacizumab",
        _days,
        "since the last bevacizumab",
        lambda case: days_between(last_bevacizumab(case), case.as_of),
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
    ("treatments.systemic_count", _count, "systemic treatments begun", given.systemic_count),
    (
        "treatments.systemic_for_metastases",
        Flag(),
        "a systemic treatment began after metastases were found (not one around the primary's operation before)",
        given.systemic_for_metastases,
    ),
    (
        "treatments.months_since_systemic",
        _months,
        "months since the end of the last systemic treatment (0 while it goes on)",
        given.months_since_systemic,
    ),
    ("treatments.last_response", Choice(v.RESPONSES), "response to the last systemic treatment", given.last_response),
    (
        "treatments.progressing",
        Flag(),
        "progression on the last systemic treatment (false when there was none)",
        given.progressing,
    ),
    (
        "treatments.anti_vegf_antibody",
        Flag(),
        "was given bevacizumab, aflibercept or ramucirumab",
        given.had_anti_vegf(v.ANTI_VEGF_ANTIBODIES),
    ),
    (
        "treatments.days_since_anti_vegf_antibody",
        _days,
        "since the last bevacizumab, aflibercept or ramucirumab",
        given.days_since_anti_vegf(v.ANTI_VEGF_ANTIBODIES),
    ),
    (
        "treatments.anti_vegf_inhibitor",
        Flag(),
        "was given a kinase inhibitor that blocks VEGF receptors (regorafenib, fruquintinib and others)",
        given.had_anti_vegf(v.ANTI_VEGF_INHIBITORS),
    ),
    (
        "treatments.days_since_anti_vegf_inhibitor",
        _days,
        "since the last kinase inhibitor that blocks VEGF receptors",
        given.days_since_anti_vegf(v.ANTI_VEGF_INHIBITORS),
    ),
    ("treatments.operated", Flag(), "an operation (of liver, primary or other tumour) was done", given.operated),
    ("treatments.days_since_operation", _days, "since the last operation", given.days_since_operation),
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
