"""Reads FHIR R4 resources from JSON: a Bundle, one resource, lines of resources (ndjson) or a folder of such files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from glisson.errors import InputError

__all__ = ["Entry", "Record", "read_record", "record_of"]

LARGEST_BYTES = 64_000_000
"""Of all files together; the record of one patient is far smaller."""
MOST_RESOURCES = 100_000
DEEPEST = 60
"""Levels of nesting; a resource with contained ones needs about fifteen."""
SUFFIXES = (".json", ".ndjson")

FOREIGN = {
    "R5": {
        "Procedure": ("occurrenceDateTime", "occurrencePeriod"),
        "MedicationStatement": ("medication",),
        "MedicationRequest": ("medication",),
        "MedicationAdministration": ("medication", "occurenceDateTime", "occurencePeriod"),
        "Condition": ("participant",),
        "AllergyIntolerance": ("participant",),
        "Observation": ("triggeredBy", "instantiatesCanonical"),
    },
    "STU3": {
        "Condition": ("context", "assertedDate"),
        "Observation": ("context", "comment", "related"),
        "Procedure": ("context", "notDone", "definition"),
        "MedicationStatement": ("taken",),
        "MedicationRequest": ("context",),
        "AllergyIntolerance": ("assertedDate",),
        "Patient": ("animal",),
    },
}
"""Keys that another version of FHIR has at that resource and R4 has not."""
CODED_SINCE_R4 = {"Condition": ("verificationStatus", "clinicalStatus"), "AllergyIntolerance": ("clinicalStatus",)}


@dataclass(frozen=True, eq=False)
class Entry:
    """One resource and how it is called: `label` (Observation/a1), `url` its full address, if any."""

    resource: Mapping[str, Any]
    label: str
    url: str = ""

    @property
    def kind(self) -> str:
        """Its resourceType."""
        return str(self.resource["resourceType"])


@dataclass(frozen=True, eq=False)
class Record:
    """Resources in the order of the files. doubles: labels that came twice; clashes: twice and different."""

    entries: tuple[Entry, ...]
    doubles: tuple[str, ...] = ()
    clashes: tuple[str, ...] = ()
    _places: dict[str, Entry] = field(default_factory=dict, repr=False)

    def of(self, *kinds: str) -> Iterator[Entry]:
        """The resources of some types."""
        return (entry for entry in self.entries if entry.kind in kinds)

    def find(self, reference: Any, within: Entry) -> Entry | None:
        """The resource that a Reference names: contained (#a), relative (Patient/1), urn:uuid or a full address."""
        address = reference.get("reference") if isinstance(reference, Mapping) else None
        if not isinstance(address, str) or not address:
            return None
        if address.startswith("#"):
            inner = within.resource.get("contained")
            for one in inner if isinstance(inner, list) else ():
                if (
                    isinstance(one, Mapping)
                    and one.get("id") == address[1:]
                    and isinstance(one.get("resourceType"), str)
                ):
                    return Entry(one, f"{within.label}{address}")
            return None
        plain = address.split("/_history/")[0]
        found = self._places.get(plain)
        if found is None and "://" in plain:
            found = self._places.get("/".join(plain.split("/")[-2:]))
        return found


def read_record(path: str | Path) -> Record:
    """The resources of a file or folder.

    Raises InputError for what is not JSON, no FHIR, another version of FHIR, too large or nested too deep.
    """
    source = Path(path)
    try:
        files = sorted(p for p in source.rglob("*") if p.suffix.lower() in SUFFIXES) if source.is_dir() else [source]
        size = sum(file.stat().st_size for file in files)
        if size > LARGEST_BYTES:
            raise InputError(
                f"{source} holds {size} bytes; expected at most {LARGEST_BYTES}, the record of one patient."
            )
        texts = [(file.name, file.read_bytes()) for file in files]
    except OSError as problem:
        raise InputError(f"{source} cannot be read ({problem.strerror}). Give a FHIR Bundle as JSON.") from problem
    if not texts:
        raise InputError(f"{source} holds no .json or .ndjson file. Give a Bundle or a folder of FHIR resources.")
    return record_of([one for name, data in texts for one in _documents(data, name)], str(source))


def record_of(documents: list[Any], name: str = "the request") -> Record:
    """The resources of parsed JSON documents: bundles are opened, each resource is checked. Raises as `read_record`."""
    entries: list[Entry] = []
    for document in documents:
        _refuse_deep(document, name)
        _open(document, "", entries, name)
    return _without_doubles(entries)


def _documents(data: bytes, name: str) -> list[Any]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise InputError(f"{name} is not text in UTF-8 (byte {problem.start}). FHIR is read as JSON.") from problem
    if name.lower().endswith(".ndjson"):
        return [_parse(line, f"{name}, line {at}") for at, line in enumerate(text.splitlines(), 1) if line.strip()]
    return [_parse(text, name)]


def _parse(text: str, name: str) -> Any:
    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(items)
        if len(found) != len(items):
            keys = [key for key, _ in items]
            twice = next(key for key in keys if keys.count(key) > 1)
            raise InputError(f"{name}: the key {twice!r} stands twice in one object; a resource has each once.")
        return found

    def constant(word: str) -> None:
        raise InputError(f"{name}: {word} is no JSON number.")

    try:
        return json.loads(text, object_pairs_hook=pairs, parse_constant=constant)
    except RecursionError as problem:
        raise InputError(f"{name} is nested too deep; expected at most {DEEPEST} levels.") from problem
    except ValueError as problem:
        hint = " FHIR in XML is not read; ask for application/fhir+json." if text.lstrip().startswith("<") else ""
        where = f" (line {problem.lineno})" if isinstance(problem, json.JSONDecodeError) else ""
        raise InputError(f"{name} is not JSON{where}.{hint}") from problem


def _refuse_deep(document: Any, name: str) -> None:
    level, depth = [document], 0
    while level:
        depth += 1
        if depth > DEEPEST:
            raise InputError(f"{name} is nested too deep; expected at most {DEEPEST} levels.")
        level = [
            inner
            for one in level
            for inner in (one.values() if isinstance(one, dict) else one)
            if isinstance(inner, dict | list)
        ]


def _open(document: Any, url: str, entries: list[Entry], name: str) -> None:
    kind = document.get("resourceType") if isinstance(document, dict) else None
    if not isinstance(kind, str) or not kind.isalnum():
        raise InputError(f"{name} is no FHIR resource: it has no resourceType. Give a Bundle or resources of FHIR R4.")
    if kind != "Bundle":
        if len(entries) >= MOST_RESOURCES:
            raise InputError(f"{name} holds more than {MOST_RESOURCES} resources; expected the record of one patient.")
        _refuse_version(document, kind, name)
        own = document.get("id")
        label = f"{kind}/{own}" if isinstance(own, str) else f"{kind} no. {len(entries) + 1}"
        entries.append(Entry(document, label, url))
        return
    inner = document.get("entry", [])
    if not isinstance(inner, list):
        raise InputError(f"{name}: Bundle.entry is no list.")
    for one in inner:
        if isinstance(one, dict) and isinstance(one.get("resource"), dict):
            address = one.get("fullUrl")
            _open(one["resource"], address if isinstance(address, str) else "", entries, name)


def _refuse_version(resource: Mapping[str, Any], kind: str, name: str) -> None:
    for version, keys in FOREIGN.items():
        for key in keys.get(kind, ()):
            if key in resource:
                raise InputError(
                    f"{name} is FHIR {version}, not R4: {kind}.{key}. Ask for FHIR R4 (4.0.1 or 4.3), as mCODE has it."
                )
    for key in CODED_SINCE_R4.get(kind, ()):
        if isinstance(resource.get(key), str):
            raise InputError(
                f"{name} is FHIR STU3, not R4: {kind}.{key} is a word, no CodeableConcept. Ask for FHIR R4."
            )


def _without_doubles(entries: list[Entry]) -> Record:
    """Each resource once: the same twice counts once, of two versions the later; two without dates are set aside."""
    kept: dict[str, Entry] = {}
    doubles, clashes = [], []
    for entry in entries:
        other = kept.get(entry.label)
        if other is None:
            kept[entry.label] = entry
            continue
        doubles.append(entry.label)
        if other.resource == entry.resource:
            continue
        if not (_updated(entry) and _updated(other)):
            clashes.append(entry.label)
        elif _updated(entry) > _updated(other):
            kept[entry.label] = entry
    own = tuple(entry for label, entry in kept.items() if label not in clashes)
    places = {entry.label: entry for entry in own} | {entry.url: entry for entry in own if entry.url}
    return Record(own, tuple(sorted(set(doubles))), tuple(sorted(set(clashes))), places)


def _updated(entry: Entry) -> str:
    meta = entry.resource.get("meta")
    stamp = meta.get("lastUpdated") if isinstance(meta, Mapping) else None
    return stamp if isinstance(stamp, str) else ""
