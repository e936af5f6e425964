"""Genes of a case as genomic variants (mCODE), present or absent, with the change of the protein where it is known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from glisson.exchange.fhir_codes import table
from glisson.exchange.fhir_parts import MCODE, Collection, coding, concept

__all__ = ["add_variants"]

PRESENT, ABSENT = ("LA9633-4", "Present"), ("LA9634-2", "Absent")
HGVS = "http://varnomen.hgvs.org"
LABORATORY = concept(coding("http://terminology.hl7.org/CodeSystem/observation-category", "laboratory"))


def add_variants(out: Collection, biomarkers: Mapping[str, Any], subject: Any) -> Iterator[str]:
    """An Observation for each gene whose state can be said as one variant; gives back the addresses."""
    for symbol, told in table("genes")["genes"].items():
        value = biomarkers.get(told["fact"])
        change = _change(told, biomarkers)
        if told.get("by_origin") or not isinstance(value, str):
            continue
        if value == told["absent"]:
            answer, change = ABSENT, ""
        elif change or value == told.get("present"):
            answer = PRESENT
        else:
            continue
        yield out.add(
            "Observation", f"variant {symbol}", meta={"profile": [f"{MCODE}genomic-variant"]}, status="final",
            category=[LABORATORY], code=concept(coding("loinc", table("genes")["variant"]["loinc"][0])),
            subject=subject,
            valueCodeableConcept=concept(coding("loinc", *answer)), component=_components(symbol, told, change),
        )  # fmt: skip


def _change(told: Mapping[str, Any], biomarkers: Mapping[str, Any]) -> str:
    """The one change that the facts name, such as G12C, or ''."""
    for change, says in told.get("changes", {}).items():
        if all(biomarkers.get(fact) == value for fact, value in says.items()):
            return str(change)
    return ""


def _components(symbol: str, told: Mapping[str, Any], change: str) -> list[dict[str, Any]]:
    names = table("genes")
    parts = [(names["gene"], coding("hgnc", f"HGNC:{told['hgnc']}", symbol))]
    if change:
        parts.append((names["protein_change"], coding(HGVS, f"p.{change}")))
    return [
        {"code": concept(coding("loinc", name["loinc"][0])), "valueCodeableConcept": concept(value)}
        for name, value in parts
    ]
