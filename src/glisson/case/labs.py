"""Laboratory results: the tests that are understood, their units, and the one conversion to the internal unit."""
# ruff: noqa: RUF009  (`fact` and `item` return dataclasses.field)

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date as Date  # noqa: N812 - the field is called date
from types import MappingProxyType

from glisson.case.kinds import Choice, Day, Number, Scalar, Text
from glisson.case.sections import fact, item
from glisson.case.unknown import Unknown, is_known
from glisson.errors import CaseError, UnitError

__all__ = ["RESULTS", "TESTS", "Lab", "Test", "convert"]

RESULTS: tuple[str, ...] = ("positive", "negative", "indeterminate")
"""What a qualitative test may say."""


@dataclass(frozen=True)
class Test:
    """A laboratory test.

    unit: the internal unit ("" for a qualitative test). units: other spelling -> factor to the internal unit.
    low, high: beyond these (internal unit) the entry is taken for a slip of unit or decimal point, not for a result.
    fact: the name of the value among the case's facts. meaning: what it is, in words.
    """

    __test__ = False

    meaning: str
    unit: str
    fact: str
    low: float = 0.0
    high: float = math.inf
    units: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def qualitative(self) -> bool:
        """True when the result is a word."""
        return not self.unit


def _simple(unit: str) -> str:
    """A unit's spelling without what does not matter: case, blanks, micro signs, brackets, braces, signs of power."""
    text = (
        unit.strip()
        .lower()
        .replace("µ", "u")
        .replace("μ", "u")
        .replace("mcg", "ug")
        .replace("⁹", "9")
        .replace("³", "3")
    )
    text = text.replace("×", "x").replace("²", "2").replace("percent", "%")
    for drop in (" ", "[", "]", "{", "}", "^", "*"):
        text = text.replace(drop, "")
    text = text.removeprefix("x") if text.startswith("x10") else text
    return {"litre": "l"}.get(text, text).replace("/litre", "/l").replace("iu", "u")


_CELLS = {
    "10*9/L": 1.0,
    "10^3/uL": 1.0,
    "/nL": 1.0,
    "G/L": 1.0,
    "K/uL": 1.0,
    "/uL": 1e-3,
    "cells/uL": 1e-3,
    "/mm3": 1e-3,
}
_ENZYME = {"U/L": 1.0, "ukat/L": 60.0, "nkat/L": 0.06}
_MASS = {"ug/L": 1.0, "ng/mL": 1.0}
_UNITS_PER_ML = {"U/mL": 1.0, "kU/L": 1.0}
_RATIO = {"1": 1.0, "INR": 1.0, "ratio": 1.0}
_PERCENT = {"%": 1.0, "fraction": 100.0}
_MILLI = {"mmol/L": 1.0, "mEq/L": 1.0}


def _quantity(
    meaning: str, fact_name: str, units: Mapping[str, float], low: float = 0.0, high: float = math.inf
) -> Test:
    internal = next(spelling for spelling, factor in units.items() if factor == 1.0)
    return Test(meaning, internal, fact_name, low, high, MappingProxyType(dict(units)))


def _word(meaning: str, fact_name: str) -> Test:
    return Test(meaning, "", fact_name)


TESTS: Mapping[str, Test] = MappingProxyType({
    "bilirubin": _quantity("total bilirubin", "bilirubin_umol_l", {"umol/L": 1.0, "mg/dL": 17.1}, 0, 1500),
    "bilirubin_direct": _quantity("direct bilirubin", "bilirubin_direct_umol_l",
                                  {"umol/L": 1.0, "mg/dL": 17.1}, 0, 1500),
    "albumin": _quantity("serum albumin", "albumin_g_l", {"g/L": 1.0, "g/dL": 10.0}, 8, 80),
    "creatinine": _quantity("serum creatinine", "creatinine_umol_l", {"umol/L": 1.0, "mg/dL": 88.4}, 10, 3000),
    "egfr": _quantity("estimated glomerular filtration rate", "egfr_ml_min_173", {"mL/min/1.73m2": 1.0}, 0, 250),
    "urea": _quantity("urea (mg/dL is of urea, not of urea nitrogen)", "urea_mmol_l",
                      {"mmol/L": 1.0, "mg/dL": 1 / 6.006}, 0, 150),
    "sodium": _quantity("serum sodium", "sodium_mmol_l", _MILLI, 90, 200),
    "potassium": _quantity("serum potassium", "potassium_mmol_l", _MILLI, 1, 12),
    "calcium": _quantity("total calcium, as measured", "calcium_mmol_l", {"mmol/L": 1.0, "mg/dL": 1 / 4.008}, 0.5, 7),
    "lactate": _quantity("lactate", "lactate_mmol_l", {"mmol/L": 1.0, "mg/dL": 1 / 9.008}, 0, 40),
    "ammonia": _quantity("ammonia (ug/dL is of NH3)", "ammonia_umol_l", {"umol/L": 1.0, "ug/dL": 1 / 1.703}, 0, 2000),
    "inr": _quantity("international normalised ratio", "inr", _RATIO, 0.5, 20),
    "prothrombin_percent": _quantity("prothrombin time as percent of normal", "prothrombin_percent", _PERCENT, 1, 200),
    "ast": _quantity("aspartate aminotransferase", "ast_u_l", _ENZYME, 0, 50000),
    "alt": _quantity("alanine aminotransferase", "alt_u_l", _ENZYME, 0, 50000),
    "alp": _quantity("alkaline phosphatase", "alp_u_l", _ENZYME, 0, 20000),
    "ggt": _quantity("gamma-glutamyl transferase", "ggt_u_l", _ENZYME, 0, 20000),
    "ldh": _quantity("lactate dehydrogenase", "ldh_u_l", _ENZYME, 0, 50000),
    "haemoglobin": _quantity("haemoglobin (mmol/L is of the monomer)", "haemoglobin_g_l",
                             {"g/L": 1.0, "g/dL": 10.0, "mmol/L": 16.114}, 20, 250),
    "platelets": _quantity("platelet count", "platelets_10e9_l", _CELLS, 0, 3000),
    "leucocytes": _quantity("white cell count", "leucocytes_10e9_l", _CELLS, 0, 1000),
    "neutrophils": _quantity("neutrophil count", "neutrophils_10e9_l", _CELLS, 0, 500),
    "lymphocytes": _quantity("lymphocyte count", "lymphocytes_10e9_l", _CELLS, 0, 500),
    "crp": _quantity("C-reactive protein", "crp_mg_l", {"mg/L": 1.0, "mg/dL": 10.0}, 0, 1000),
    "cea": _quantity("carcinoembryonic antigen", "cea_ug_l", _MASS),
    "ca19_9": _quantity("CA 19-9", "ca19_9_u_ml", _UNITS_PER_ML),
    "ca15_3": _quantity("CA 15-3", "ca15_3_u_ml", _UNITS_PER_ML),
    "ca125": _quantity("CA 125", "ca125_u_ml", _UNITS_PER_ML),
    "afp": _quantity("alpha-fetoprotein", "afp_ug_l", {**_MASS, "U/mL": 1.21, "kU/L": 1.21}),
    "psa": _quantity("prostate-specific antigen", "psa_ug_l", _MASS),
    "s100": _quantity("S100", "s100_ug_l", _MASS),
    "chromogranin_a": _quantity("chromogranin A", "chromogranin_a_ug_l", _MASS),
    "urine_5hiaa": _quantity("5-hydroxyindoleacetic acid in 24-hour urine", "urine_5hiaa_umol_24h",
                             {"umol/24h": 1.0, "umol/d": 1.0, "mg/24h": 5.23, "mg/d": 5.23}),
    "icg_r15": _quantity("indocyanine green retention at 15 minutes", "icg_r15_percent", _PERCENT, 0, 100),
    "ascites_albumin": _quantity("albumin in the ascitic fluid", "ascites_albumin_g_l",
                                 {"g/L": 1.0, "g/dL": 10.0}, 0, 60),
    "ascites_neutrophils": _quantity("neutrophils in the ascitic fluid", "ascites_neutrophils_10e9_l", _CELLS, 0, 100),
    "hbsag": _word("hepatitis B surface antigen", "hbsag"),
    "anti_hbc": _word("antibody to hepatitis B core antigen", "anti_hbc"),
    "anti_hbs": _word("antibody to hepatitis B surface antigen", "anti_hbs"),
    "anti_hcv": _word("antibody to hepatitis C", "anti_hcv"),
    "hiv": _word("HIV test", "hiv"),
})  # fmt: skip
"""Every test by its name. Factors are the conventional ones: bilirubin 17.1 and creatinine 88.4 umol/L per mg/dL,
60 U per ukat, AFP 1.21 ug/L per U/mL, haemoglobin 16.114 g/L per mmol/L of monomer, 5-HIAA 5.23 umol per mg."""


def factor_of(test: str, unit: str) -> float:
    """Factor from `unit` to the internal unit of the test. Raises UnitError with the allowed units."""
    wanted = _simple(unit)
    for spelling, factor in TESTS[test].units.items():
        if _simple(spelling) == wanted:
            return factor
    allowed = ", ".join(TESTS[test].units) or "none (the result is a word)"
    raise UnitError(f"'{unit}' is not a unit of {test}; allowed units: {allowed}.")


def convert(test: str, value: float, unit: str, to: str | None = None) -> float:
    """A value of a test from one unit to another (to the internal unit by default).

    Raises UnitError when a unit does not fit the test; KeyError for an unknown test.
    """
    internal = value * factor_of(test, unit)
    return internal if to is None else internal / factor_of(test, to)


TEST_HINTS = (("hb", "haemoglobin"), ("hemoglobin", "haemoglobin"), ("got", "ast"), ("gpt", "alt"), ("sgot", "ast"),
              ("sgpt", "alt"), ("na", "sodium"), ("k", "potassium"), ("plt", "platelets"), ("wbc", "leucocytes"),
              ("bun", "urea"), ("ca 19-9", "ca19_9"), ("ca19-9", "ca19_9"), ("cga", "chromogranin_a"))  # fmt: skip


@dataclass(frozen=True)
class Lab:
    """One laboratory result as given and, converted once, in the internal unit.

    test: a name in `TESTS`. given_value, given_unit, given_upper_limit: as the laboratory wrote them.
    value, unit, upper_limit_normal: the same in the internal unit (value is a word for a qualitative test).

    Raises UnitError when the unit is missing or does not fit the test, CaseError when the value cannot be a result.
    """

    test: str = item(Choice(tuple(TESTS), TEST_HINTS), "which test")
    given_value: float | str = item(Scalar(RESULTS, example=14), "the result", key="value")
    given_unit: str | None = item(Text("a unit"), "its unit; not for a qualitative test", default=None, key="unit",
                                  example="umol/L")  # fmt: skip
    date: Date | Unknown = fact(Day(), "day the sample was taken")
    given_upper_limit: float | Unknown = fact(
        Number(0, 1e6, example=21),
        "upper limit of normal of that laboratory, in the same unit",
        key="upper_limit_normal",
    )
    value: float | str = field(init=False, compare=False, default=math.nan)
    unit: str = field(init=False, compare=False, default="")
    upper_limit_normal: float | Unknown = field(init=False, compare=False, default=Unknown())

    def __post_init__(self) -> None:
        test = TESTS[self.test]
        if test.qualitative:
            self._take_word()
            return
        if isinstance(self.given_value, str):
            raise CaseError(f"{self.test} is measured; expected a number with a unit ({', '.join(test.units)}).")
        if self.given_unit is None:
            raise UnitError(f"{self.test} needs a unit; allowed units: {', '.join(test.units)}.")
        factor = factor_of(self.test, self.given_unit)
        value = self.given_value * factor
        if not test.low <= value <= test.high:
            raise CaseError(
                f"{self.test} of {self.given_value:g} {self.given_unit} cannot be right: expected "
                f"{test.low / factor:.4g} to {test.high / factor:.4g} {self.given_unit}. "
                f"Check the unit (allowed: {', '.join(test.units)}) and the decimal point."
            )
        object.__setattr__(self, "value", value)
        object.__setattr__(self, "unit", test.unit)
        limit = self.given_upper_limit
        object.__setattr__(self, "upper_limit_normal", limit if isinstance(limit, Unknown) else limit * factor)

    def _take_word(self) -> None:
        if not isinstance(self.given_value, str):
            raise CaseError(f"{self.test} is a qualitative test; expected one of: {', '.join(RESULTS)}.")
        if self.given_unit is not None or is_known(self.given_upper_limit):
            raise UnitError(f"{self.test} is a qualitative test; leave unit and upper_limit_normal out.")
        object.__setattr__(self, "value", self.given_value)
