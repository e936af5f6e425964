"""The code maps of FHIR in and out: tables beside this file (`codes/*.yaml`) and how a coded concept is looked up."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

__all__ = [
    "FACT_SYSTEM", "WORD_SYSTEM", "Coding", "Index", "Match", "codings_of", "flaw_of", "label_of", "system_name",
    "system_uri", "table",
]  # fmt: skip

FACT_SYSTEM = "urn:x-glisson:fact"
"""Code system of this project: the paths of the case file (`patient.ecog`)."""
WORD_SYSTEM = "urn:x-glisson:word"
"""Code system of this project: the words that the case file allows (`wild-type`)."""
KEYS = (
    "loinc",
    "snomed",
    "icd10",
    "icdo3-morphology",
    "icd10-pcs",
    "atc",
    "rxnorm",
    "ajcc",
    "nci-meta",
    "interpretation",
)
LONGEST_LABEL = 120


@cache
def table(name: str) -> Mapping[str, Any]:
    """One of the tables: conditions, labs, observations, genes, treatments, drugs, allergies, words, systems."""
    import yaml

    text = files("glisson.exchange").joinpath("codes", f"{name}.yaml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


@cache
def _systems() -> dict[str, str]:
    return {uri: name for name, entry in table("systems").items() for uri in entry["uris"]}


def system_name(uri: str) -> str:
    """Short name of a code system, or its address when it is not known."""
    return _systems().get(uri.rstrip("/"), uri)


def system_uri(name: str) -> str:
    """The address that is written for a short name."""
    return str(table("systems")[name]["uris"][0])


@dataclass(frozen=True)
class Coding:
    """A code with the short name of its system; `display` is the label that came with it."""

    system: str
    code: str
    display: str = ""

    def __str__(self) -> str:
        return f"{self.system} {self.code}" if self.system else self.code


def codings_of(concept: Any) -> tuple[Coding, ...]:
    """The codings of a CodeableConcept (or of one Coding); anything malformed is left out."""
    if not isinstance(concept, Mapping):
        return ()
    given = concept.get("coding", [concept] if "code" in concept else [])
    if not isinstance(given, list):
        return ()
    return tuple(
        Coding(system_name(str(one.get("system") or "")), one["code"], str(one.get("display") or ""))
        for one in given
        if isinstance(one, Mapping) and isinstance(one.get("code"), str)
    )


def label_of(concept: Any) -> str:
    """How a concept is named in a list: its codes, or that there is none. Free text of the record is never repeated."""
    codings = codings_of(concept)
    return "; ".join(str(coding) for coding in codings)[:LONGEST_LABEL] if codings else "no code"


@dataclass(frozen=True)
class Match:
    """What a concept stands for: the entries it was found under, best code first, and the codings that were known."""

    entries: tuple[Any, ...]
    codings: tuple[Coding, ...]


@dataclass
class Index:
    """Codes to entries of a table. Codes of a prefix system stand for every longer code as well."""

    exact: dict[tuple[str, str], Any] = field(default_factory=dict)

    @classmethod
    def of(cls, entries: Iterable[tuple[Mapping[str, Any], Any]]) -> Index:
        """From pairs of (mapping with code lists by system, what they stand for)."""
        index = cls()
        for codes, entry in entries:
            for system in KEYS:
                for code in codes.get(system, ()):
                    index.exact[system, _bare(system, str(code))] = entry
        return index

    def find_one(self, coding: Coding) -> Any | None:
        """The entry of one coding: of the code itself, else of its longest beginning in a prefix system."""
        bare = _bare(coding.system, coding.code)
        if not table("systems").get(coding.system, {}).get("prefix"):
            return self.exact.get((coding.system, bare))
        for length in range(len(bare), 1, -1):
            entry = self.exact.get((coding.system, bare[:length]))
            if entry is not None:
                return entry
        return None

    def find(self, concept: Any) -> Match:
        """The entries of every coding that is known, each once, in their order."""
        found: list[Any] = []
        known = []
        for coding in codings_of(concept):
            entry = self.find_one(coding)
            if entry is not None:
                known.append(coding)
                if entry not in found:
                    found.append(entry)
        return Match(tuple(found), tuple(known))


def _bare(system: str, code: str) -> str:
    return code.replace(".", "").upper() if system in ("icd10", "icd10-pcs", "atc") else code


def flaw_of(concept: Any) -> str:
    """Why a code cannot be right (its check digit is wrong), or ''."""
    for coding in codings_of(concept):
        if coding.system == "loinc" and not _loinc_holds(coding.code):
            return f"{coding.code} is not a LOINC code: its check digit is wrong"
        if coding.system == "snomed" and not _snomed_holds(coding.code):
            return f"{coding.code} is not a SNOMED CT code: its check digit is wrong"
    return ""


def _loinc_holds(code: str) -> bool:
    """The mod 10 check digit of a LOINC term; answer codes (LA...) are not checked."""
    if code.startswith(("LA", "LL", "LP")):
        return True
    if not re.fullmatch(r"\d{1,7}-\d", code):
        return False
    body, check = code.split("-")
    doubled = [int(digit) * (2 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(body))]
    return (10 - sum(number // 10 + number % 10 for number in doubled) % 10) % 10 == int(check)


_D5 = ("0123456789", "1234067895", "2340178956", "3401289567", "4012395678", "5987604321", "6598710432", "7659821043",
       "8765932104", "9876543210")  # fmt: skip
_PERMUTED = ("0123456789", "1576283094", "5803796142", "8916043527", "9453126870", "4286573901", "2793806415",
             "7046913258")  # fmt: skip


def _snomed_holds(code: str) -> bool:
    """The Verhoeff check digit of a SNOMED CT identifier (J. Verhoeff, Error detecting decimal codes, 1969)."""
    if not re.fullmatch(r"[1-9]\d{5,17}", code):
        return False
    state = 0
    for place, digit in enumerate(reversed(code)):
        state = int(_D5[state][int(_PERMUTED[place % 8][int(digit)])])
    return state == 0
