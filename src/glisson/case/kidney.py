"""Kidney function: the filtration rate estimated from creatinine where the laboratory does not report it."""

from __future__ import annotations

from glisson.case.labs import Lab
from glisson.case.model import Case
from glisson.case.unknown import Unknown

__all__ = ["ADULT_YEARS", "ckd_epi_2021", "filtration"]

ADULT_YEARS = 18
"""Youngest age of the people from whom the equation was made."""

UMOL_PER_MG_DL = 88.4
"""umol/L of creatinine in 1 mg/dL, as everywhere in `labs`."""


def ckd_epi_2021(creatinine_umol_l: float, age_years: float, sex: str) -> float:
    """Estimated glomerular filtration rate in mL/min/1.73m2 by the CKD-EPI creatinine equation of 2021, unrounded.

    creatinine_umol_l: serum creatinine, above zero. age_years: 18 or more. sex: "female" or "male". Inker et al. 2021,
    doi 10.1056/NEJMoa2102953. Raises ValueError for what the equation was not made for.
    """
    if sex not in ("female", "male") or age_years < ADULT_YEARS or creatinine_umol_l <= 0:
        raise ValueError(
            f"The equation is for women and men of {ADULT_YEARS} years and more with creatinine above zero; "
            f"given {sex!r}, {age_years} years, {creatinine_umol_l} umol/L."
        )
    kappa, alpha, factor = (0.7, -0.241, 1.012) if sex == "female" else (0.9, -0.302, 1.0)
    ratio = creatinine_umol_l / UMOL_PER_MG_DL / kappa
    rate = 142 * min(ratio, 1.0) ** alpha * max(ratio, 1.0) ** -1.200 * 0.9938**age_years * factor
    return float(rate)


def filtration(case: Case) -> Lab | Unknown:
    """The latest reported filtration rate; where none is, the estimate from the latest creatinine, of its day.

    Unknown when creatinine, age or sex is, for children, in pregnancy and on dialysis, where the equation is not valid.
    """
    reported = case.lab("egfr")
    if not isinstance(reported, Unknown):
        return reported
    person, creatinine = case.patient, case.lab("creatinine")
    for value, name in ((creatinine, "creatinine"), (person.age_years, "age"), (person.sex, "sex")):
        if isinstance(value, Unknown):
            return Unknown(f"not reported, and for an estimate the {name} is missing")
    for there, why in ((person.dialysis, "on dialysis"), (person.pregnancy, "in pregnancy")):
        if there is True:
            return Unknown(f"not reported, and {why} it is not estimated from creatinine")
    assert isinstance(creatinine, Lab)
    assert isinstance(creatinine.value, float)
    assert not isinstance(person.age_years, Unknown)
    if person.age_years < ADULT_YEARS:
        return Unknown(f"not reported, and the estimate is for adults of {ADULT_YEARS} years and more")
    rate = ckd_epi_2021(creatinine.value, person.age_years, str(person.sex))
    return Lab("egfr", rate, "mL/min/1.73m2", creatinine.date)
