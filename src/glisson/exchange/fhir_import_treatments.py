"""Treatments, drugs against clotting and allergies, from FHIR Procedures, medication resources and allergies."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from functools import cache
from typing import Any

from glisson.case import vocabulary
from glisson.exchange.fhir_codes import Index, codings_of, flaw_of, table
from glisson.exchange.fhir_import_conditions import extension, is_for, name_of_status, status_of
from glisson.exchange.fhir_import_facts import Gathered, first_day, period_of
from glisson.exchange.fhir_read import Entry, Record

__all__ = ["read_allergies", "read_medications", "read_procedures"]

DONE = ("completed", "in-progress", "stopped")
TAKEN = {
    "MedicationStatement": ("active", "completed", "stopped", "on-hold"),
    "MedicationRequest": ("active", "completed", "stopped", "on-hold"),
    "MedicationAdministration": ("completed", "in-progress", "stopped"),
}
ORDERED = ("order", "original-order", "reflex-order", "filler-order", "instance-order")
COURSE_GAP_DAYS = 60
"""Single administrations of a drug that are further apart than this are two courses."""
CANCER_PROFILE = "mcode-cancer-related-medication"
OWN = "urn:x-glisson:treatment"
"""Extension with what FHIR has no place for: line, cycles, response, name."""
OWN_FIELDS = ("name", "line", "cycles", "response", "ongoing", "note")


@cache
def _index(name: str) -> Index:
    told, drugs = table("treatments"), table("drugs")
    if name == "procedure":
        return Index.of((one, one) for one in told["procedures"])
    if name == "drug":
        groups = ("cancer", "anticoagulants", "antiplatelets")
        pairs = [(codes, (group, word)) for group in groups for word, codes in drugs[group].items()]
        return Index.of([*pairs, (drugs["other_cancer"], ("cancer", "other"))])
    if name == "allergy":
        return Index.of([*((codes, word) for word, codes in table("allergies")["allergies"].items()),
                         (table("allergies")["none"], "")])  # fmt: skip
    return Index.of([(told[name], name)])


def own_fields(resource: Mapping[str, Any]) -> dict[str, Any]:
    """What this project's export wrote beside the standard keys."""
    found = extension(resource, OWN)
    inner = found.get("extension") if found else None
    told = {}
    for one in inner if isinstance(inner, list) else ():
        name = one.get("url") if isinstance(one, Mapping) else None
        value = next((v for k, v in one.items() if k.startswith("value")), None) if name in OWN_FIELDS else None
        if isinstance(value, str | int | bool):
            told[str(name)] = value
    return told


def _spell(kind: str, start: date | None, stop: date | None, **more: Any) -> dict[str, Any]:
    plain = {"kind": kind, **more, "start": start and start.isoformat(), "stop": stop and stop.isoformat()}
    return {key: value for key, value in plain.items() if value is not None}


def read_procedures(record: Record, entries: Iterable[Entry], g: Gathered) -> None:
    """Take procedures that are treatments of the case. Call it after the conditions: the primary decides some."""
    told = g.facts.get("primary.site", [])
    organ = told[0].value if told else None
    primary = {statement.resource for statement in told}
    origin = g.facts.get("primary.net_origin", [])
    organ = origin[0].value if organ == "neuroendocrine" and origin else organ
    for entry in entries:
        status = name_of_status(entry)
        if status not in DONE:
            g.leave(entry, f"its status is {status or 'missing'}; only what was done is taken")
        else:
            _take_procedure(record, entry, str(organ), primary, g)


def _take_procedure(record: Record, entry: Entry, organ: str, primary: set[str], g: Gathered) -> None:
    code = entry.resource.get("code")
    found = _index("procedure").find(code).entries
    kinds = {one["kind"] for one in found}
    word = next((one.code for one in codings_of(code) if one.system == "glisson-word"), None)
    start, stop = period_of(entry.resource, "performed")
    kind: str | None
    says: Mapping[str, Any] = {}
    if word in vocabulary.TREATMENTS:
        kind = str(word)
    elif _index("chemotherapy").find(code).entries:
        kind = "systemic"
    elif len(kinds) != 1:
        g.leave(entry, "its codes disagree" if kinds else flaw_of(code) or "the code is not among those known here")
        return
    else:
        told = found[0]
        kind, says = _kind_at(told, entry), told.get("says", {})
        if not kind:
            g.leave(entry, "it is taken only with the liver as its body site")
            return
        if "organ" in told and not (is_for(record, entry, primary) or told["organ"] in _organs(organ)):
            g.leave(entry, f"it removes tissue of {told['organ']}; that this was the primary is not said")
            return
    if kind == "primary-resection" and start:
        g.say("primary.resected", start.isoformat(), entry, rank=-start.toordinal())
    for path, value in says.items():
        g.say(path, value, entry)
    g.seen(stop or start)
    g.treatments.append((_spell(kind, start, stop, **own_fields(entry.resource)), entry.label))


def _organs(organ: str) -> tuple[str, ...]:
    return (organ, "colorectal") if organ in ("colon", "rectum") else (organ,)


def _kind_at(told: Mapping[str, Any], entry: Entry) -> str | None:
    if not told.get("at_liver"):
        return str(told["kind"])
    places = entry.resource.get("bodySite")
    places = places if isinstance(places, list) else []
    if any(_index("liver_sites").find(place).entries for place in places):
        return str(told["kind"])
    return told.get("elsewhere") if any(codings_of(place) for place in places) else None


def read_medications(record: Record, entries: Iterable[Entry], g: Gathered) -> None:
    """Take drugs against cancer as treatments and drugs against clotting; list the others."""
    courses: dict[tuple[Any, ...], dict[str, Any]] = {}
    given: dict[str, list[tuple[date, Entry]]] = {}
    for entry in entries:
        concept = _medication(record, entry)
        if why := _not_taken(entry):
            g.leave(entry, why, concept)
            continue
        meant = _drug(concept, entry)
        if isinstance(meant, str):
            g.leave(entry, meant, concept)
        elif meant[0] == "cancer":
            _note_drug(record, entry, meant[1], concept, courses, given, g)
        else:
            g.clotting.setdefault(meant[0], {}).setdefault(meant[1], {"drug": meant[1]})
    for word, doses in sorted(given.items()):
        for course in _courses(sorted(doses, key=lambda dose: dose[0])):
            key = (course[0][0], course[-1][0], None, "")
            kept = courses.setdefault(key, {"drugs": [], "from": course[0][1].label, "own": {}})
            kept["drugs"].append(word)
    for (start, stop, head, _), kept in courses.items():
        _finish_course(start, stop, head, kept, g)


def _finish_course(start: date | None, stop: date | None, head: str | None, kept: dict[str, Any], g: Gathered) -> None:
    drugs = list(dict.fromkeys(kept["drugs"]))
    told = {"drugs": drugs, **kept["own"]}
    if head is not None:
        for plain, label in g.treatments:
            if label == head:
                plain.update({**told, **{key: plain[key] for key in plain if key not in ("drugs",)}})
                return
    g.seen(stop or start)
    told.setdefault("name", kept.get("label") or " + ".join(drugs))
    g.treatments.append((_spell("systemic", start, stop, **told), kept["from"]))


def _medication(record: Record, entry: Entry) -> Any:
    """The concept of the drug: inline, or that of the Medication that is referred to."""
    concept = entry.resource.get("medicationCodeableConcept")
    if concept is None:
        found = record.find(entry.resource.get("medicationReference"), entry)
        concept = found.resource.get("code") if found else None
    return concept if concept is not None else {}


def _not_taken(entry: Entry) -> str:
    status, intent = name_of_status(entry), name_of_status(entry, "intent")
    if status not in TAKEN[entry.kind]:
        return f"its status is {status or 'missing'}; only drugs that are or were taken count"
    if entry.kind == "MedicationRequest" and intent not in ORDERED:
        return f"its intent is {intent or 'missing'}; a plan or proposal is no treatment"
    if entry.kind == "MedicationRequest" and entry.resource.get("doNotPerform") is True:
        return "it says that the drug is not to be given"
    return ""


def _drug(concept: Any, entry: Entry) -> tuple[str, str] | str:
    """(group, word) of a drug by its code or by a name in the label of its code; else why it is none."""
    own = [one.code for one in codings_of(concept) if one.system == "glisson-word" and one.code in vocabulary.DRUGS]
    if own:
        return "cancer", own[0]
    found = _index("drug").find(concept).entries
    named = {hit for coding in codings_of(concept) for hit in _names(coding.display)}
    hits = set(found) or named
    if len(hits) == 1:
        hit = hits.pop()
        return str(hit[0]), str(hit[1])
    if hits:
        return "a mixture of several drugs, or its codes disagree"
    if not codings_of(concept):
        return "the drug has no code; free text is not read"
    meta = entry.resource.get("meta")
    profiles = meta.get("profile") if isinstance(meta, Mapping) else None
    if any(CANCER_PROFILE in str(one) for one in (profiles if isinstance(profiles, list) else ())):
        return "cancer", "other"
    return flaw_of(concept) or "neither a drug against cancer nor against clotting that is known here"


@cache
def _known_names() -> tuple[tuple[str, tuple[str, str]], ...]:
    """(name, (group, word)), longer names first, so that trastuzumab deruxtecan is not taken for trastuzumab."""
    told = table("drugs")
    names = [
        (name, (group, word))
        for group in ("cancer", "anticoagulants", "antiplatelets")
        for word, codes in told[group].items()
        for name in (word, *codes.get("names", ()))
    ]
    names += [(name, ("cancer", "other")) for name in told["other_cancer"]["names"]]
    return tuple(sorted(names, key=lambda pair: (-len(pair[0]), pair[0])))


def _names(label: str) -> Iterator[tuple[str, str]]:
    text = label.lower()
    if any(word in text for word in table("drugs")["not_meant"]):
        return
    for name, meant in _known_names():
        pattern = rf"(?<![a-z0-9]){re.escape(name)}(?![a-z0-9])"
        if re.search(pattern, text):
            text = re.sub(pattern, " ", text)
            yield meant


def _note_drug(
    record: Record, entry: Entry, word: str, concept: Any, courses: dict[tuple[Any, ...], dict[str, Any]],
    given: dict[str, list[tuple[date, Entry]]], g: Gathered,
) -> None:  # fmt: skip
    resource = entry.resource
    if entry.kind == "MedicationAdministration" and (day := first_day(resource, "effective")):
        given.setdefault(word, []).append((day, entry))
        return
    if entry.kind == "MedicationRequest":
        start, stop = first_day(resource, "authoredOn"), None
        g.ask(f"{entry.label}: {word} was ordered; that it was given is not shown")
    else:
        start, stop = period_of(resource, "effective")
    part = resource.get("partOf")
    whole = [found for one in (part if isinstance(part, list) else ()) if (found := record.find(one, entry))]
    head = whole[0].label if whole else None
    label = next((coding.display for coding in codings_of(concept) if coding.display), "") if word == "other" else ""
    kept = courses.setdefault((start, stop, head, entry.label if label else ""), {
        "drugs": [], "from": entry.label, "own": own_fields(resource), "label": label,
    })  # fmt: skip
    kept["drugs"].append(word)
    if resource.get("status") == "active" and stop is None and entry.kind == "MedicationStatement":
        kept["own"].setdefault("ongoing", True)


def _courses(doses: list[tuple[date, Entry]]) -> Iterator[list[tuple[date, Entry]]]:
    course: list[tuple[date, Entry]] = []
    for dose in doses:
        if course and (dose[0] - course[-1][0]).days > COURSE_GAP_DAYS:
            yield course
            course = []
        course.append(dose)
    if course:
        yield course


def read_allergies(entries: Iterable[Entry], g: Gathered) -> None:
    """Take allergies of the case; that there are none only where the record says so."""
    for entry in entries:
        verified = status_of(entry.resource.get("verificationStatus"))
        if verified not in ("", "confirmed"):
            g.leave(entry, f"its verification status is {verified}; only confirmed allergies are taken")
        elif status_of(entry.resource.get("clinicalStatus")) not in ("", "active"):
            g.leave(entry, "it is no longer active")
        elif len(found := _index("allergy").find(entry.resource.get("code")).entries) == 1:
            g.members.setdefault("patient.allergies", {})
            if found[0]:
                g.add("patient.allergies", str(found[0]), entry)
        else:
            code = entry.resource.get("code")
            g.leave(entry, flaw_of(code) or "the case has no word for this allergy")
