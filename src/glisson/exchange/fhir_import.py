"""FHIR R4 (mCODE) into the facts of a case: what was understood, what was not, and what a person should check.

Nothing is invented: a fact that the record does not state stays unknown. No name, number, address or birth date of the
patient is taken.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from glisson.case import TESTS, loads_case
from glisson.case import vocabulary as v
from glisson.case.model import Case, Treatment
from glisson.case.reader import CaseFileError, Problem
from glisson.case.sections import Section, declared, key_of
from glisson.case.writing import plain_yaml
from glisson.errors import InputError
from glisson.exchange.fhir_import_conditions import read_conditions
from glisson.exchange.fhir_import_facts import Gathered, NotUnderstood, Statement
from glisson.exchange.fhir_import_observations import read_observations
from glisson.exchange.fhir_import_people import identifying, patient_of, read_patient, withhold
from glisson.exchange.fhir_import_treatments import read_allergies, read_medications, read_procedures
from glisson.exchange.fhir_read import Entry, Record

__all__ = ["Imported", "import_record"]

MEDICATIONS = ("MedicationStatement", "MedicationRequest", "MedicationAdministration")
READ = ("Condition", "Observation", "Procedure", "AllergyIntolerance", *MEDICATIONS)


@dataclass(frozen=True)
class Imported:
    """The facts of a record.

    plain: the keys and values of a case file, without its id. origins: path -> the resource that states it.
    not_understood: what is not in `plain`, and why. check: what a person should look at. silent: resources by type that
    carry no fact of a case. as_of: the day that ages count to. liver_metastases: a diagnosis says that there are some.
    secrets: what identifies people in the record, and stands in none of the other fields.
    """

    plain: Mapping[str, Any]
    origins: Mapping[str, str]
    not_understood: tuple[NotUnderstood, ...]
    check: tuple[str, ...]
    silent: Mapping[str, int]
    as_of: date | None
    liver_metastases: bool
    secrets: frozenset[str]

    def report(self) -> dict[str, Any]:
        """What import-report.json holds of it."""
        return {
            "understood": dict(sorted(self.origins.items())),
            "not_understood": [vars(one) for one in self.not_understood],
            "check": list(self.check),
            "without_facts": dict(sorted(self.silent.items())),
            "ages_as_of": self.as_of and self.as_of.isoformat(),
        }


def import_record(record: Record, *, patient: str | None = None, as_of: date | None = None) -> Imported:
    """The facts that a record of FHIR R4 resources states of one patient.

    patient: id of the Patient, needed when the record holds results of several. as_of: the day that the age counts to;
    by default the latest day in the record. Raises InputError when the patient cannot be told.
    """
    g = Gathered()
    person = patient_of(record, patient, READ)
    secrets = identifying(record)
    own: dict[str, list[Entry]] = {kind: [] for kind in READ}
    for entry in _with_contained(record):
        if entry.kind not in own:
            g.skip(entry)
        elif person.owns(record, entry):
            own[entry.kind].append(entry)
        else:
            g.leave(entry, "it is about another patient, or does not say about whom")
    if record.doubles:
        g.silent["given twice"] = len(record.doubles)
    for label in record.clashes:
        g.not_understood.append(NotUnderstood(label, "", "two different versions without the day of their change"))
    read_conditions(record, own["Condition"], g)
    read_observations(own["Observation"], g)
    read_procedures(record, own["Procedure"], g)
    read_medications(record, [entry for kind in MEDICATIONS for entry in own[kind]], g)
    read_allergies(own["AllergyIntolerance"], g)
    day = as_of or max(g.days, default=None)
    if person.entry is not None:
        read_patient(person.entry, day, g)
    plain, origins = _assemble(g)
    return _finish(plain, origins, g, day, secrets)


def _with_contained(record: Record) -> Iterator[Entry]:
    """Every resource, and the results that a report contains."""
    for entry in record.entries:
        yield entry
        inner = entry.resource.get("contained")
        if entry.kind != "DiagnosticReport" or not isinstance(inner, list):
            continue
        if entry.resource.get("status") in ("final", "amended", "corrected", "appended"):
            for one in inner:
                if isinstance(one, Mapping) and one.get("resourceType") == "Observation":
                    told = {"subject": entry.resource.get("subject"), **one}
                    yield Entry(told, f"{entry.label}#{one.get('id', '')}")


def _assemble(g: Gathered) -> tuple[dict[str, Any], dict[str, str]]:
    plain: dict[str, Any] = {}
    origins: dict[str, str] = {}

    def put(path: str, value: Any, resource: str) -> None:
        section, _, key = path.partition(".")
        if key:
            plain.setdefault(section, {})[key] = value
        else:
            plain[section] = value
        origins[path] = resource

    for path, told in g.facts.items():
        if (statement := _decide(path, told, g)) is not None:
            put(path, statement.value, statement.resource)
    for path, members in g.members.items():
        words = sorted(members)
        put(path, words, ", ".join(sorted({one.resource for one in members.values()})))
    for group, drugs in g.clotting.items():
        put(f"patient.{group}", [drugs[word] for word in sorted(drugs)], "medications")
    if g.sites:
        put("extrahepatic.status", "present", ", ".join(sorted(label for _, label in g.sites.values())))
        sites = [
            {"site": site, **({"found": day.isoformat()} if day else {})} for site, (day, _) in sorted(g.sites.items())
        ]
        put("extrahepatic.sites", sites, origins["extrahepatic.status"])
    if labs := _labs(g):
        put("labs", labs, "laboratory results")
    if treatments := _treatments(g):
        put("treatments", treatments, ", ".join(dict.fromkeys(label for _, label in g.treatments)))
    lacking = [path for path in v.LISTS if path in origins and plain_at(plain, path)]
    for path in lacking:
        g.ask(
            f"{path}: may lack entries, so what it does not name is unknown; complete it and strike it from incomplete"
        )
    if lacking:
        put("incomplete", lacking, "the record does not say that its lists are complete")
    return _in_order(plain), origins


def plain_at(plain: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path, or None."""
    section, _, key = path.partition(".")
    found = plain.get(section)
    return found if not key else found.get(key) if isinstance(found, Mapping) else None


def _decide(path: str, told: list[Statement], g: Gathered) -> Statement | None:
    """The statement that counts: the highest rank, then the latest day; two that differ there cancel each other."""
    best = max((one.rank, one.day or date.min) for one in told)
    top = [one for one in told if (one.rank, one.day or date.min) == best]
    if len({str(one.value) for one in top}) > 1:
        for one in top:
            g.not_understood.append(
                NotUnderstood(one.resource, path, "another resource states it differently at the same time")
            )
        return None
    if path.startswith("biomarkers.") and any(one.value != top[0].value for one in told):
        g.ask(f"{path}: stated differently over time; taken: {top[0].value} ({top[0].resource})")
    return top[0]


def _labs(g: Gathered) -> list[dict[str, Any]]:
    """Every result once, by test and time."""
    order = {test: at for at, test in enumerate(TESTS)}
    days: dict[tuple[str, Any], list[dict[str, Any]]] = {}
    for test, _, plain, _ in sorted(g.labs, key=lambda lab: (order[lab[0]], lab[1])):
        twins = days.setdefault((test, plain.get("date")), [])
        if plain in twins:
            continue
        if twins:
            g.ask(f"labs: {test} has several results of {plain.get('date', 'unknown day')}; the later one counts")
        twins.append(plain)
    return [plain for twins in days.values() for plain in twins]


def _treatments(g: Gathered) -> list[dict[str, Any]]:
    keys = [key_of(own) for own in declared(Treatment)]
    kept: list[dict[str, Any]] = []
    for told, _ in sorted(g.treatments, key=lambda one: (one[0].get("start", "9999"), one[0]["kind"])):
        plain = {key: told[key] for key in keys if key in told}
        if plain not in kept:
            kept.append(plain)
    return kept


def _in_order(plain: dict[str, Any]) -> dict[str, Any]:
    """The keys in the order of the case file."""
    ordered: dict[str, Any] = {}
    for f in declared(Case):
        value = plain.get(key_of(f))
        if isinstance(value, dict):
            keys = [key_of(own) for own in declared(f.metadata["kind"].cls)]
            value = {key: value[key] for key in keys if key in value}
        if value is not None:
            ordered[key_of(f)] = value
    return ordered


def _finish(
    plain: dict[str, Any], origins: dict[str, str], g: Gathered, day: date | None, secrets: frozenset[str]
) -> Imported:
    for treatment in plain.get("treatments", ()):
        for key in ("name", "note"):
            if key in treatment and withhold(treatment[key], secrets) != treatment[key]:
                del treatment[key]
    _prune(plain, origins, g)
    told = [
        NotUnderstood(withhold(one.resource, secrets), withhold(one.code, secrets), withhold(one.why, secrets))
        for one in g.not_understood
    ]
    shown = {path: withhold(resource, secrets) for path, resource in origins.items()}
    check = tuple(withhold(text, secrets) for text in g.check)
    return Imported(plain, shown, tuple(told), check, g.silent, day, g.liver_metastases, secrets)


STEP = re.compile(r"[^.\[\]]+")


def _prune(plain: dict[str, Any], origins: dict[str, str], g: Gathered) -> None:
    """Take out, and list, what the case file refuses (impossible days, contradictions), until it accepts the rest."""
    while True:
        try:
            loads_case(plain_yaml({"id": "import", **plain}), name="the import")
        except CaseFileError as wrong:
            gone = [_take_out(plain, origins, problem, g) for problem in reversed(wrong.problems)]
            if not any(gone):
                raise InputError(f"The record cannot be made into a case: {wrong}") from wrong
        else:
            return


def _take_out(plain: dict[str, Any], origins: dict[str, str], problem: Problem, g: Gathered) -> bool:
    steps = STEP.findall(problem.key)
    if not steps or not _remove(plain, steps):
        return False
    path = ".".join(steps[:2]) if steps[0] in _sections() else steps[0]
    resource = origins.get(path, "the record")
    g.not_understood.append(NotUnderstood(resource, problem.key, f"given {problem.given}; {problem.expected}"))
    if plain_at(plain, path) is None:
        origins.pop(path, None)
    return True


def _sections() -> frozenset[str]:
    return frozenset(key_of(f) for f in declared(Case) if isinstance(f.metadata["kind"], Section))


def _remove(plain: dict[str, Any], steps: list[str]) -> bool:
    """Delete what a path names: an entry of a list whole, else the key; empty sections go with it."""
    if steps[0] in ("labs", "treatments") and len(steps) > 1:
        entries = plain.get(steps[0], [])
        if int(steps[1]) >= len(entries):
            return False
        if steps[0] == "treatments" and len(steps) > 2 and steps[2] != "kind" and steps[2] in entries[int(steps[1])]:
            del entries[int(steps[1])][steps[2]]
        else:
            del entries[int(steps[1])]
        return True
    section = plain.get(steps[0])
    if len(steps) < 2 or not isinstance(section, dict) or steps[1] not in section:
        return plain.pop(steps[0], None) is not None
    del section[steps[1]]
    if not section:
        del plain[steps[0]]
    return True
