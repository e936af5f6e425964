"""Scores of liver function from laboratory results. `mg_dl` constants are what one mg/dL is in umol/L."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal

from glisson.knowledge.scores import Value, formula

__all__: list[str] = []


def _within(value: float, name: str, c: Mapping[str, float]) -> float:
    """A value held between `name_floor` and `name_cap`, where the record has them."""
    return min(max(value, c.get(f"{name}_floor", value)), c.get(f"{name}_cap", math.inf))


def _mg_dl(inputs: Mapping[str, Value], name: str, c: Mapping[str, float]) -> float:
    """A result brought from umol/L to mg/dL and held within its bounds; a patient on dialysis has the cap."""
    if name == "creatinine" and inputs.get("dialysis"):
        return c["creatinine_cap"]
    return _within(float(inputs[name]) / c[f"{name}_mg_dl"], name, c)


@formula("albi")
def _albi(inputs: Mapping[str, Value], c: Mapping[str, float]) -> float:
    """Logarithm (base ten) of bilirubin and albumin, each with its factor."""
    return math.log10(float(inputs["bilirubin"])) * c["bilirubin"] + float(inputs["albumin"]) * c["albumin"]


@formula("meld")
def _meld(inputs: Mapping[str, Value], c: Mapping[str, float]) -> float:
    """Sum of logarithms of creatinine, bilirubin and INR."""
    logs = {name: math.log(_mg_dl(inputs, name, c)) for name in ("creatinine", "bilirubin")}
    logs["inr"] = math.log(_within(float(inputs["inr"]), "inr", c))
    return sum(c[name] * value for name, value in logs.items()) + c["intercept"]


@formula("meld-na-optn")
def _meld_na_optn(inputs: Mapping[str, Value], c: Mapping[str, float]) -> float:
    """MELD rounded to a whole number, and sodium added where that is above a limit."""
    meld = float(Decimal(repr(float(inputs["meld"]))).quantize(Decimal(1), rounding=ROUND_HALF_UP))
    deficit = c["sodium_cap"] - _within(float(inputs["sodium"]), "sodium", c)
    added = c["sodium"] * deficit - c["product"] * meld * deficit if meld > c["applied_above"] else 0.0
    return min(meld + added, c["highest"])


@formula("meld-na-2008")
def _meld_na_2008(inputs: Mapping[str, Value], c: Mapping[str, float]) -> float:
    """MELD and sodium with their product."""
    meld, sodium = float(inputs["meld"]), _within(float(inputs["sodium"]), "sodium", c)
    return meld - sodium - c["product"] * meld * (c["sodium_cap"] - sodium) + c["sodium_cap"]


@formula("meld-3.0")
def _meld_3(inputs: Mapping[str, Value], c: Mapping[str, float]) -> float:
    """Logarithms of bilirubin, INR and creatinine with sodium, albumin and sex."""
    bilirubin, creatinine = (math.log(_mg_dl(inputs, name, c)) for name in ("bilirubin", "creatinine"))
    sodium = c["sodium_cap"] - _within(float(inputs["sodium"]), "sodium", c)
    albumin = c["albumin_cap"] - _within(float(inputs["albumin"]) / c["albumin_g_dl"], "albumin", c)
    return (
        (c["female"] if inputs["sex"] == "female" else 0.0)
        + c["bilirubin"] * bilirubin
        + sodium * (c["sodium"] + c["sodium_bilirubin"] * bilirubin)
        + c["inr"] * math.log(_within(float(inputs["inr"]), "inr", c))
        + c["creatinine"] * creatinine
        + albumin * (c["albumin"] + c["albumin_creatinine"] * creatinine)
        + c["intercept"]
    )


@formula("survival-of-meld")
def _survival_of_meld(inputs: Mapping[str, Value], c: Mapping[str, float]) -> float:
    """Baseline survival to the power of the hazard at this score, in percent."""
    return float(c["percent"] * c["baseline"] ** math.exp(c["slope"] * float(inputs["meld"]) + c["offset"]))


@formula("apri")
def _apri(inputs: Mapping[str, Value], c: Mapping[str, float]) -> float:
    """AST over its upper limit of normal, times a factor, over the platelet count."""
    return float(inputs["ast"]) * c["factor"] / float(inputs["platelets"])


@formula("fib-4")
def _fib_4(inputs: Mapping[str, Value], c: Mapping[str, float]) -> float:
    """Age times AST over the platelet count times a power of ALT."""
    alt = float(inputs["alt"]) ** c["alt_power"]
    return float(inputs["age"]) * float(inputs["ast"]) / (float(inputs["platelets"]) * alt)
