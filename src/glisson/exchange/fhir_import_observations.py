"""Laboratory results, markers, performance, TNM and body measures, from FHIR Observations."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from glisson.case import TESTS, Lab
from glisson.errors import InputError
from glisson.exchange.fhir_codes import FACT_SYSTEM, WORD_SYSTEM, Index, codings_of, flaw_of, label_of, table
from glisson.exchange.fhir_import_conditions import coded_word, name_of_status
from glisson.exchange.fhir_import_facts import Gathered, day_of, first_day, list_paths
from glisson.exchange.fhir_import_genes import is_variant, take_variant
from glisson.exchange.fhir_read import Entry

__all__ = ["read_observations"]

FINAL = ("final", "amended", "corrected")
UCUM = "http://unitsofmeasure.org"
OWN_RANK = 2
"""A fact that names its path in the case file counts before what follows from a code."""
LISTS = ("patient.anticoagulants", "patient.antiplatelets", "treatments")
"""Lists of which this project's export says that they are empty."""
CATEGORY = re.compile(r"([cpa]*)([TN]?)(x|is|[0-4][a-d]?)", re.IGNORECASE)
AJCC_LABEL = re.compile(r"American Joint Committee on Cancer ([a-z]*)([TN])(X|is|[0-4][a-d]?)\b")


@cache
def _index(name: str) -> Index:
    told = table("observations")
    if name == "lab":
        return Index.of((codes, test) for test, codes in table("labs")["tests"].items())
    if name == "fact":
        return Index.of((entry, path) for path, entry in told["facts"].items())
    if name == "tnm":
        return Index.of(
            (codes, (letter, basis)) for letter, by_basis in told["tnm"].items() for basis, codes in by_basis.items()
        )
    left = {**told["left"], **table("labs")["not_taken"]}
    return Index.of(({"loinc": [code], "snomed": [code]}, why) for code, why in left.items())


def read_observations(entries: Iterable[Entry], g: Gathered) -> None:
    """Take every observation that states a fact of the case; list the others."""
    for entry in entries:
        status = name_of_status(entry)
        if status not in FINAL:
            g.leave(entry, f"its status is {status or 'missing'}; only final, amended and corrected results are taken")
        else:
            _take(entry, g)


def _take(entry: Entry, g: Gathered) -> None:
    code = entry.resource.get("code")
    own = [coding.code for coding in codings_of(code) if coding.system == "glisson-fact"]
    labs, facts, tnm = (_index(name).find(code).entries for name in ("lab", "fact", "tnm"))
    if "dataAbsentReason" in entry.resource:
        g.leave(entry, f"it has no result ({label_of(entry.resource['dataAbsentReason'])})")
    elif own and own[0].removeprefix("labs.") in TESTS:
        _take_lab(entry, own[0].removeprefix("labs."), g)
    elif own:
        _take_own(entry, own[0], g)
    elif len(labs) + len(facts) + len(tnm) > 1:
        g.leave(entry, "its codes disagree")
    elif labs:
        _take_lab(entry, str(labs[0]), g)
    elif facts:
        _take_fact(entry, str(facts[0]), g)
    elif tnm:
        _take_category(entry, tnm[0][0], tnm[0][1], g)
    elif is_variant(code):
        take_variant(entry, g)
    else:
        left = _index("left").find(code).entries
        why = str(left[0]) if left else flaw_of(code) or "the code is not among those that are known here"
        g.leave(entry, why if codings_of(code) else "it has no code; free text is not read")


def _take_own(entry: Entry, path: str, g: Gathered) -> None:
    """A fact in this project's own coding, as its export writes it."""
    day = first_day(entry.resource, "effective")
    resource = entry.resource
    words = [one.code for one in codings_of(resource.get("valueCodeableConcept")) if one.system == "glisson-word"]
    if path in list_paths():
        g.members.setdefault(path, {})
        for word in words:
            g.add(path, word, entry, day)
    elif words:
        g.say(path, words[0], entry, day, OWN_RANK)
    elif path in LISTS and resource.get("valueBoolean") is False:
        g.say(path, [], entry, day, OWN_RANK)
    elif isinstance(resource.get("valueBoolean"), bool):
        g.say(path, resource["valueBoolean"], entry, day, OWN_RANK)
    elif isinstance(resource.get("valueDateTime"), str) and day_of(resource["valueDateTime"]):
        g.say(path, resource["valueDateTime"][:10], entry, day, OWN_RANK)
    elif (number := _plain_number(resource)) is not None:
        g.say(path, number, entry, day, OWN_RANK)
    else:
        g.leave(entry, f"no value of {FACT_SYSTEM} is there ({WORD_SYSTEM}, number, day or true/false)")


def _plain_number(resource: Mapping[str, Any]) -> float | int | None:
    quantity = resource.get("valueQuantity")
    value = quantity.get("value") if isinstance(quantity, Mapping) else resource.get("valueInteger")
    if isinstance(quantity, Mapping) and quantity.get("comparator"):
        return None
    good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return value if good else None


def _unit(quantity: Mapping[str, Any]) -> str:
    """The unit of a quantity: its UCUM code, else what is printed, in a spelling that the case file knows."""
    code, printed = quantity.get("code"), quantity.get("unit")
    given = code if isinstance(code, str) and quantity.get("system") == UCUM else printed or code
    text = given if isinstance(given, str) else ""
    return str(table("labs")["units"].get(text, text))


def _take_lab(entry: Entry, test: str, g: Gathered) -> None:
    resource = entry.resource
    start = first_day(resource, "effective")
    plain: dict[str, Any] = {"test": test}
    quantity = resource.get("valueQuantity")
    if TESTS[test].qualitative:
        word = _result_word(resource)
        if word is None:
            g.leave(entry, "its result is none of positive, negative and indeterminate")
            return
        plain["value"] = word
    elif isinstance(quantity, Mapping):
        if quantity.get("comparator"):
            bound = f"{quantity['comparator']} {quantity.get('value')} {_unit(quantity)}"
            g.leave(entry, f"{test} {bound} is a limit, no number; the case holds measured numbers")
            return
        number = _plain_number(resource)
        if number is None:
            g.leave(entry, "its result is no number")
            return
        plain |= {"value": number, "unit": _unit(quantity)}
    else:
        g.leave(entry, f"{test} is measured; expected a number with a unit (valueQuantity)")
        return
    _finish_lab(entry, plain, start.isoformat() if start else None, g)


def _finish_lab(entry: Entry, plain: dict[str, Any], day: str | None, g: Gathered) -> None:
    try:
        Lab(plain["test"], plain["value"] if isinstance(plain["value"], str) else float(plain["value"]),
            given_unit=plain.get("unit") or None)  # fmt: skip
    except InputError as refusal:
        g.leave(entry, str(refusal))
        return
    if day:
        plain["date"] = day
        g.seen(day_of(day))
    limit = _upper_limit(entry.resource, plain.get("unit", ""))
    if limit is not None:
        plain["upper_limit_normal"] = limit
    moment = entry.resource.get("effectiveDateTime") or entry.resource.get("effectiveInstant") or day or ""
    g.labs.append((plain["test"], str(moment), plain, entry.label))


def _upper_limit(resource: Mapping[str, Any], unit: str) -> float | None:
    """The upper limit of normal, where there is just one range and it is in the unit of the result."""
    ranges = resource.get("referenceRange")
    if not isinstance(ranges, list) or len(ranges) != 1 or not isinstance(ranges[0], Mapping):
        return None
    high = ranges[0].get("high")
    if not isinstance(high, Mapping) or (_unit(high) or unit) != unit:
        return None
    value = high.get("value")
    return value if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1e6 else None


def _result_word(resource: Mapping[str, Any]) -> str | None:
    word = coded_word("result", resource.get("valueCodeableConcept"))
    if word is None and "valueCodeableConcept" not in resource:
        text = str(resource.get("valueString", "")).strip().lower()
        if text in table("words")["result"]:
            return text
        flags = resource.get("interpretation")
        words = {coded_word("result", flag) for flag in (flags if isinstance(flags, list) else ())} - {None}
        word = words.pop() if len(words) == 1 else None
    return None if word is None else str(word)


def _take_fact(entry: Entry, path: str, g: Gathered) -> None:
    told, resource = table("observations")["facts"][path], entry.resource
    day = first_day(resource, "effective")
    value: Any
    if told["as"] in ("number", "whole"):
        value = _number(resource, told)
        if value is None:
            g.leave(entry, f"expected a number{' in ' + told['unit'] if 'unit' in told else ''} for {path}")
            return
    else:
        concept = resource.get("valueCodeableConcept")
        value = _result_word(resource) if told["as"] == "result" else coded_word(told["as"], concept)
        if value is None or value == "indeterminate":
            g.leave(entry, f"the answer ({label_of(concept)}) is none that {path} has")
            return
    g.say(path, value, entry, day)


def _number(resource: Mapping[str, Any], told: Mapping[str, Any]) -> float | int | None:
    if "words_from" in told and "valueCodeableConcept" in resource:
        word = coded_word(told["words_from"], resource["valueCodeableConcept"])
        return None if word is None else int(word)
    value = _plain_number(resource)
    if value is None or told["as"] == "whole":
        return int(value) if value is not None and float(value).is_integer() else None
    quantity = resource.get("valueQuantity")
    factors = table("observations")["units"][told["unit"]]
    factor = factors.get(_unit(quantity)) if isinstance(quantity, Mapping) else None
    return None if factor is None else round(value * factor, 3)


def _take_category(entry: Entry, letter: str, basis: str, g: Gathered) -> None:
    """A T or N category; pathological before clinical, and with it the edition of the classification."""
    words = {
        word for coding in codings_of(entry.resource.get("valueCodeableConcept")) if (word := _category(coding, letter))
    }
    if len(words) != 1:
        g.leave(
            entry,
            f"no {letter.upper()} category can be read from {label_of(entry.resource.get('valueCodeableConcept'))}",
        )
        return
    day, rank = first_day(entry.resource, "effective"), int(basis == "pathological")
    g.say(f"primary.{letter}", words.pop(), entry, day, rank)
    edition = coded_word("edition", entry.resource.get("method"))
    if edition is not None:
        g.say("primary.tnm_edition", int(edition), entry, day, rank)


def _category(coding: Any, letter: str) -> str:
    if coding.system == "snomed":
        found = AJCC_LABEL.search(coding.display)
    elif coding.system == "ajcc":
        found = CATEGORY.fullmatch(coding.code)
    else:
        return ""
    if found is None or found[2].lower() not in ("", letter) or set(found[1].lower()) & set("yra"):
        return ""
    return f"{letter}{found[3].lower()}"
