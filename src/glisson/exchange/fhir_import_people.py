"""The patient: who it is in the record, age and sex, and what identifies people and must stay out of the case."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from glisson.errors import InputError
from glisson.exchange.fhir_import_facts import Gathered, day_of
from glisson.exchange.fhir_read import Entry, Record

__all__ = ["Person", "identifying", "patient_of", "read_patient", "withhold"]

PEOPLE = ("Patient", "RelatedPerson", "Practitioner", "Person")
BIRTH_SEX = {"F": "female", "M": "male"}
WITHHELD = "[withheld]"
SHORTEST_SECRET = 3


@dataclass(frozen=True, eq=False)
class Person:
    """The patient of an import: the resource, if it is there, and whether resources without a subject count."""

    entry: Entry | None
    address: str
    alone: bool

    def owns(self, record: Record, entry: Entry) -> bool:
        """Whether a resource is about this patient."""
        subject = _subject(record, entry)
        return subject == self.address if subject else self.alone


def _subject(record: Record, entry: Entry) -> str:
    """The label of the Patient that a resource is about; its address when it is not in the record, '' for none."""
    told = entry.resource.get("subject", entry.resource.get("patient"))
    found = record.find(told, entry)
    if found is not None:
        return found.label
    address = told.get("reference") if isinstance(told, Mapping) else None
    return address if isinstance(address, str) else ""


def patient_of(record: Record, wanted: str | None, kinds: tuple[str, ...]) -> Person:
    """The patient that a record is about: the one asked for, the only one, or the only one with any results.

    Raises InputError when there is none, or when several have results and none was asked for.
    """
    known = {entry.label: entry for entry in record.of("Patient")}
    spoken = Counter(_subject(record, entry) for entry in record.of(*kinds))
    spoken.pop("", None)
    candidates = [*spoken] or [*known]
    if wanted is not None:
        own = [label for label in dict.fromkeys((*known, *candidates)) if label.rsplit("/", 1)[-1] == wanted]
        if len(own) != 1:
            raise InputError(f"The record holds no patient with the id {wanted!r}, or several.")
        return Person(known.get(own[0]), own[0], False)
    if len(candidates) > 1:
        raise InputError(f"The record is about {len(candidates)} patients; a case is about one. Name it: --patient ID.")
    if not candidates:
        raise InputError("The record holds no patient and no result of one. Give the resources of one patient.")
    return Person(known.get(candidates[0]), candidates[0], len(known) <= 1)


def read_patient(entry: Entry, as_of: date | None, g: Gathered) -> None:
    """Take age (in completed years on `as_of`) and sex; nothing else of the Patient is looked at."""
    resource = entry.resource
    born = day_of(resource.get("birthDate"))
    if born is None:
        why = "the day of birth is not given whole" if resource.get("birthDate") else "no day of birth is given"
        g.leave(entry, f"age unknown: {why}", {})
    elif as_of is None:
        g.leave(entry, "age unknown: nothing in the record is dated; give the day with --as-of", {})
    else:
        g.say("patient.age_years", as_of.year - born.year - ((as_of.month, as_of.day) < (born.month, born.day)), entry)
    gender = resource.get("gender") if resource.get("gender") in ("female", "male") else None
    birth = _birth_sex(resource)
    if gender and birth and gender != birth:
        g.leave(entry, "sex unknown: gender and sex at birth differ; formulas of volume need the one of the body", {})
    elif gender or birth:
        g.say("patient.sex", gender or birth, entry)
    if resource.get("deceasedBoolean") is True or resource.get("deceasedDateTime"):
        g.ask("the record says that the patient has died")


def _birth_sex(resource: Mapping[str, Any]) -> str | None:
    given = resource.get("extension")
    for one in given if isinstance(given, list) else ():
        if isinstance(one, Mapping) and str(one.get("url", "")).endswith("us-core-birthsex"):
            return BIRTH_SEX.get(str(one.get("valueCode")))
    return None


def identifying(record: Record) -> frozenset[str]:
    """Names, numbers, addresses, telephone numbers and days of birth of all people in the record, in lower case."""
    found: set[str] = set()
    for entry in record.of(*PEOPLE):
        for key in ("name", "identifier", "telecom", "address", "contact", "birthDate"):
            found.update(text.casefold().strip() for text in _texts(entry.resource.get(key)))
    return frozenset(text for text in found if len(text) >= SHORTEST_SECRET)


CODED = frozenset(("system", "use", "code", "display", "type", "period", "url", "country", "state", "prefix", "suffix"))
"""Keys inside names and addresses that identify nobody."""


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
    elif isinstance(value, Mapping):
        for key, one in value.items():
            if key not in CODED:
                yield from _texts(one)


def withhold(text: str, secrets: frozenset[str]) -> str:
    """A text with everything that identifies somebody taken out."""
    low = text.casefold()
    hits = sorted((secret for secret in secrets if secret in low), key=len, reverse=True)
    for secret in hits:
        text = re.sub(rf"(?<![^\W_]){re.escape(secret)}(?![^\W_])", WITHHELD, text, flags=re.IGNORECASE)
    return text
