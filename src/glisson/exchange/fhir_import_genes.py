"""Variants of genes, from the observations of FHIR's genomics reporting (mCODE Genomic Variant)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from glisson.exchange.fhir_codes import Coding, Index, codings_of, table
from glisson.exchange.fhir_import_conditions import coded_word
from glisson.exchange.fhir_import_facts import Gathered, first_day
from glisson.exchange.fhir_read import Entry

__all__ = ["is_variant", "take_variant"]

AMINO_ACIDS = {
    "Ala": "A", "Arg": "R", "Asn": "N", "Asp": "D", "Cys": "C", "Gln": "Q", "Glu": "E", "Gly": "G", "His": "H",
    "Ile": "I", "Leu": "L", "Lys": "K", "Met": "M", "Phe": "F", "Pro": "P", "Ser": "S", "Thr": "T", "Trp": "W",
    "Tyr": "Y", "Val": "V",
}  # fmt: skip
CHANGE = re.compile(r"p\.\(?([A-Z][a-z]{2}|[A-Z])(\d{1,5})([A-Z][a-z]{2}|[A-Z])(?![A-Za-z0-9])")


@cache
def _index(name: str) -> Index:
    return Index.of([(table("genes")[name], name)])


def is_variant(code: Any) -> bool:
    """Whether an observation is about a variant of a gene."""
    return bool(_index("variant").find(code).entries)


def _components(entry: Entry, name: str) -> Iterator[Any]:
    given = entry.resource.get("component")
    for one in given if isinstance(given, list) else ():
        if isinstance(one, Mapping) and _index(name).find(one.get("code")).entries:
            yield one.get("valueCodeableConcept")


def take_variant(entry: Entry, g: Gathered) -> None:
    """Take a variant that was found, or a gene in which none was found."""
    genes = list(_components(entry, "gene"))
    if len(genes) != 1:
        g.leave(entry, "a variant of no gene or of several; fusions have to be filled in")
        return
    told = _gene(genes[0])
    if isinstance(told, str):
        g.leave(entry, told, genes[0])
        return
    present = coded_word("result", entry.resource.get("valueCodeableConcept"))
    changes = {
        change
        for name in ("protein_change", "coding_change")
        for one in _components(entry, name)
        for change in _read(one)
    }
    if present == "positive":
        says, why = _found(entry, told, changes)
    elif present == "negative":
        named = any(True for name in ("protein_change", "coding_change") for _ in _components(entry, name))
        says, why = _not_found(told, named)
    else:
        says, why = {}, "it says neither that the variant is present nor that it is absent"
    if not says:
        g.leave(entry, why, genes[0])
    day = first_day(entry.resource, "effective")
    for fact, value in says.items():
        g.say(f"biomarkers.{fact}", value, entry, day, rank=int(present == "positive"))


def _gene(concept: Any) -> Mapping[str, Any] | str:
    """The gene's entry, or why it is none: number and symbol have to agree where both are there."""
    numbers = {str(entry["hgnc"]): symbol for symbol, entry in table("genes")["genes"].items()}
    for coding in codings_of(concept):
        if coding.system != "hgnc":
            continue
        symbol = numbers.get(coding.code.removeprefix("HGNC:"))
        shown = coding.display.strip().upper()
        if symbol and shown and shown != symbol:
            return f"gene number and symbol disagree ({coding.code} is {symbol}, the label is {_short(coding)})"
        if symbol:
            return dict(table("genes")["genes"][symbol])
        if shown in numbers.values():
            return f"gene number and symbol disagree ({coding.code} is not {shown})"
    return "the case holds no such gene"


def _short(coding: Coding) -> str:
    return coding.display if re.fullmatch(r"[A-Za-z0-9-]{1,12}", coding.display) else "another"


def _read(concept: Any) -> Iterator[str]:
    """Changes of the protein as one-letter words (G12C)."""
    for coding in codings_of(concept):
        for text in (coding.code, coding.display):
            for before, at, after in CHANGE.findall(text):
                first, last = AMINO_ACIDS.get(before, before), AMINO_ACIDS.get(after, after)
                if len(first) == len(last) == 1:
                    yield f"{first}{at}{last}"


def _found(entry: Entry, told: Mapping[str, Any], changes: set[str]) -> tuple[dict[str, Any], str]:
    fact = str(told["fact"])
    if told.get("by_origin"):
        words = {coded_word("origin", one) for one in _components(entry, "origin")} - {None}
        return ({fact: words.pop()}, "") if len(words) == 1 else ({}, "germline or somatic is not said")
    says: dict[str, Any] = {fact: told["present"]} if "present" in told else {}
    if len(changes) == 1:
        change = changes.pop()
        if change in told.get("changes", {}):
            says |= told["changes"][change]
        elif "other_change" in told and not ("never_other" in told and change.startswith(told["never_other"])):
            says |= told["other_change"]
    return says, "which change it is cannot be read, and the case asks for it"


def _not_found(told: Mapping[str, Any], named: bool) -> tuple[dict[str, Any], str]:
    if named:
        return {}, "one change is absent; that the gene has no other is not said"
    if "absent" not in told:
        return {}, "absence in one gene; the case holds BRCA1 and BRCA2 together"
    return {str(told["fact"]): told["absent"]}, ""
