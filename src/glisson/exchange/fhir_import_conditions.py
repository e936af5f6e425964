"""Diagnoses: the primary tumour, its metastases, other illnesses and the state of the liver, from FHIR Conditions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from glisson.exchange.fhir_codes import Index, codings_of, flaw_of, label_of, table
from glisson.exchange.fhir_import_facts import Gathered, day_of, first_day
from glisson.exchange.fhir_read import Entry, Record

__all__ = ["coded_word", "read_conditions"]

PRESENT = ("", "active", "recurrence", "relapse")
RELATED = "mcode-related-primary-cancer-condition"
HISTOLOGY = "mcode-histology-morphology-behavior"
LATERALITY = ("mcode-laterality", "mcode-laterality-qualifier")
ASSERTED = "condition-assertedDate"


@dataclass(frozen=True, eq=False)
class _Tumour:
    entry: Entry
    says: Mapping[str, Any]


@cache
def _indexes() -> Mapping[str, Index]:
    told = table("conditions")
    left = told["left"].items()
    return {
        "primary": Index.of((one, one) for one in told["primary"]),
        "elsewhere": Index.of([(told["primary_elsewhere"], "elsewhere")]),
        "secondary": Index.of((one, one["site"]) for one in told["secondary"]),
        "unclear": Index.of([(told["secondary_unclear"], "unclear")]),
        "other": Index.of((one, one["says"]) for one in told["other"]),
        "histology": Index.of((codes, word) for word, codes in told["histology"].items()),
        "left": Index.of(({"icd10": [code], "snomed": [code]}, why) for code, why in left),
    }


@cache
def _words(name: str) -> Index:
    return Index.of((codes, word) for word, codes in table("words")[name].items())


def coded_word(name: str, concept: Any) -> Any | None:
    """The word of words.yaml that a coded answer stands for; None when it is none or the codings disagree."""
    found = _words(name).find(concept).entries
    return found[0] if len(found) == 1 else None


def status_of(concept: Any) -> str:
    """The code of a status, or ''."""
    codings = codings_of(concept)
    return codings[0].code if codings else ""


def extension(resource: Mapping[str, Any], *names: str) -> Mapping[str, Any] | None:
    """The first extension whose address ends with one of the names."""
    given = resource.get("extension")
    for one in given if isinstance(given, list) else ():
        if isinstance(one, Mapping) and str(one.get("url", "")).rsplit("/", 1)[-1] in names:
            return one
    return None


def read_conditions(record: Record, entries: Iterable[Entry], g: Gathered) -> None:
    """Sort the conditions, choose the primary tumour that the liver metastases come from, and take what they say."""
    primaries: list[_Tumour] = []
    secondaries: list[tuple[Entry, str]] = []
    for entry in entries:
        if why := _unfit(entry):
            g.leave(entry, why)
            continue
        kind, found = _sort(entry.resource.get("code"))
        if kind == "primary":
            primaries.append(_Tumour(entry, found))
        elif kind == "secondary":
            secondaries.append((entry, found))
        elif kind == "other":
            _take_other(entry, found, g)
        else:
            g.leave(entry, found)
    chosen = _choose(record, primaries, secondaries, g)
    if chosen:
        _take_primary(chosen, g)
    for entry, site in secondaries:
        _take_secondary(entry, site, g)


def _unfit(entry: Entry) -> str:
    status = status_of(entry.resource.get("verificationStatus"))
    if status in ("", "confirmed"):
        return ""
    return f"its verification status is {status}; only confirmed diagnoses are taken"


def _sort(concept: Any) -> tuple[str, Any]:
    """What kind of diagnosis a code is: (primary, what it says), (secondary, site), (other, says) or ('', why not)."""
    if not codings_of(concept):
        return "", "it has no code; free text is not read"
    found = {name: index.find(concept).entries for name, index in _indexes().items()}
    if found["secondary"]:
        same = len(found["secondary"]) == 1 and not found["primary"]
        return ("secondary", found["secondary"][0]) if same else ("", "its codes disagree")
    if found["unclear"]:
        return "", "secondary disease whose place the case names more finely (regional or distant nodes, organ); add it"
    if found["primary"]:
        merged = _merged(found["primary"])
        return ("primary", merged) if merged else ("", "its codes disagree")
    if found["other"]:
        merged = _merged(found["other"])
        return ("other", merged) if merged else ("", "its codes disagree")
    if found["left"]:
        return "", str(found["left"][0])
    if found["elsewhere"]:
        return "", "a malignant tumour whose place the case has no word for, or that is named too roughly; add it"
    return "", flaw_of(concept) or "the code is not among those that are known here"


def _merged(entries: Iterable[Mapping[str, Any]]) -> dict[str, Any] | None:
    merged: dict[str, Any] = {}
    for entry in entries:
        for key, value in entry.items():
            if key in ("icd10", "snomed", "icdo3-morphology"):
                continue
            if isinstance(value, list):
                merged[key] = [*merged.get(key, []), *(word for word in value if word not in merged.get(key, []))]
            elif merged.setdefault(key, value) != value:
                return None
    return merged


def _day(entry: Entry) -> date | None:
    asserted = extension(entry.resource, ASSERTED)
    told = day_of(asserted.get("valueDateTime")) if asserted else None
    return told or first_day(entry.resource, "onset")


def _choose(
    record: Record, primaries: list[_Tumour], secondaries: list[tuple[Entry, str]], g: Gathered
) -> list[_Tumour]:
    """The conditions that describe the one primary tumour; the others are listed."""
    named = set()
    for entry, site in secondaries:
        related = extension(entry.resource, RELATED)
        target = record.find(related.get("valueReference"), entry) if related else None
        if target and (site == "liver" or not any(place == "liver" for _, place in secondaries)):
            named.add(target.label)
    own = [tumour for tumour in primaries if tumour.entry.label in named] or primaries
    if own and _merged(tumour.says for tumour in own) is None:
        for tumour in own:
            g.leave(tumour.entry, "one of several primary tumours; which one the metastases come from is not said")
        return []
    for tumour in primaries:
        if tumour not in own:
            g.add("patient.comorbidities", "other-solid-tumour", tumour.entry)
    return own


def _take_primary(tumours: list[_Tumour], g: Gathered) -> None:
    says = _merged(tumour.says for tumour in tumours) or {}
    words = _histologies(tumours, g)
    entry = tumours[0].entry
    if says.get("histology"):
        words.append(str(says["histology"]))
    histology = words[0] if len(set(words)) == 1 else None
    if len(set(words)) > 1:
        g.leave(entry, f"it is given more than one histology ({', '.join(sorted(set(words)))})")
    site, side, origin = says.get("site"), says.get("side"), says.get("net_origin")
    told = table("conditions")
    if histology in told["named_by_histology"] and site != told["named_by_histology"][histology]:
        origin = told["origins"].get("rectum" if side == "rectum" else site)
        site, side = told["named_by_histology"][histology], None
    origin = origin if site == "neuroendocrine" else None
    if site not in ("colorectal", "neuroendocrine", "gist"):
        side = side or _laterality(tumours)
    facts = {"site": site, "side": side, "histology": histology, "net_origin": origin}
    for name, value in facts.items():
        if value is not None:
            g.say(f"primary.{name}", value, entry)
    for tumour in tumours:
        if day := _day(tumour.entry):
            g.say("primary.diagnosed", day.isoformat(), tumour.entry, rank=-day.toordinal())
            g.seen(day)


def _histologies(tumours: list[_Tumour], g: Gathered) -> list[str]:
    words: list[str] = []
    for tumour in tumours:
        found = extension(tumour.entry.resource, HISTOLOGY)
        concepts = [found.get("valueCodeableConcept")] if found else []
        for concept in (*concepts, tumour.entry.resource.get("code")):
            known = _indexes()["histology"].find(concept).entries
            words.extend(str(word) for word in known)
            if not known and concept in concepts:
                g.leave(tumour.entry, "the case has no word for this histology", concept)
    return words


def _laterality(tumours: list[_Tumour]) -> str | None:
    words = set()
    for tumour in tumours:
        places = tumour.entry.resource.get("bodySite")
        for place in places if isinstance(places, list) else ():
            found = extension(place, *LATERALITY) if isinstance(place, Mapping) else None
            words.add(coded_word("side", found.get("valueCodeableConcept")) if found else None)
    words.discard(None)
    return words.pop() if len(words) == 1 else None


def _take_secondary(entry: Entry, site: str, g: Gathered) -> None:
    day = _day(entry)
    if site == "liver":
        g.liver_metastases = True
        if day:
            g.say("liver.metastases_found", day.isoformat(), entry, rank=-day.toordinal())
            g.seen(day)
        else:
            g.ask(f"{entry.label}: liver metastases without the day they were found (liver.metastases_found)")
        return
    status = status_of(entry.resource.get("clinicalStatus"))
    if status not in PRESENT:
        g.leave(entry, f"disease in {site} that is {status}; whether it was treated with nothing left is not said")
        return
    before = g.sites.get(site)
    if before is None or (day and (before[0] is None or day < before[0])):
        g.sites[site] = (day, entry.label)
    g.seen(day)


def _take_other(entry: Entry, says: Mapping[str, Any], g: Gathered) -> None:
    status = status_of(entry.resource.get("clinicalStatus"))
    if status not in PRESENT:
        g.leave(entry, f"its clinical status is {status}; only what is present is taken")
        return
    paths = says.get("says", says)
    for path, value in paths.items():
        if isinstance(value, list):
            for word in value:
                g.add(path, word, entry, _day(entry))
        else:
            g.say(path, value, entry, _day(entry), rank=_rank(path, value))


def _rank(path: str, value: Any) -> int:
    """The worst state of the liver counts."""
    from glisson.case import vocabulary

    return vocabulary.BACKGROUNDS.index(value) if path == "liver.background" else 0


def is_for(record: Record, entry: Entry, labels: Iterable[str]) -> bool:
    """Whether a resource says that it was done for one of these conditions."""
    reasons = entry.resource.get("reasonReference")
    found = (record.find(reason, entry) for reason in (reasons if isinstance(reasons, list) else ()))
    wanted = set(labels)
    return any(one is not None and one.label in wanted for one in found)


def name_of_status(entry: Entry, key: str = "status") -> str:
    """A status that is a plain word, or ''."""
    value = entry.resource.get(key)
    return value if isinstance(value, str) else label_of(value) if value else ""
