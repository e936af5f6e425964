"""Claims: what documents for patients and the public say, kept with what the evidence says of it.

A claim is never dropped because it is wrong: it keeps its standing, the evidence on each side, and what the difference
means for a patient. A controversy is kept the same way, with each side's sources.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from glisson.knowledge.conditions import Condition
from glisson.knowledge.facts import FactTable
from glisson.knowledge.language import parse_condition
from glisson.knowledge.rules import STATUSES
from glisson.knowledge.strict_yaml import Section

__all__ = ["CLAIM_STANDINGS", "Claim", "Document", "Evidence", "Saying", "read_claim", "read_documents"]

CLAIM_STANDINGS = ("supported", "contradicted", "superseded", "unsupported")
"""What the evidence says of a claim: it holds; it does not; it held once; nothing supports it."""

KINDS = ("contradiction", "controversy")
"""Documents against each other or against evidence; or a question on which the evidence itself is divided."""


@dataclass(frozen=True, slots=True)
class Document:
    """A document whose claims are kept: its name, what it is, its year (None when not stated) and address."""

    id: str
    title: str
    about: str
    year: int | None
    url: str


@dataclass(frozen=True, slots=True)
class Saying:
    """One side of a claim in our own words, who says it (ids of documents) and its standing."""

    text: str
    by: tuple[str, ...]
    standing: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a source says of the claim. side: which view it speaks for, in words."""

    text: str
    side: str
    source: str
    locator: str
    status: str


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim with every side of it.

    number: its place in the ledger. means: what the difference means for a patient, for clinicians; plain: the same for
    the patient. when: for whom it matters (None: for all).
    """

    id: str
    number: int
    kind: str
    topic: str
    title: str
    said: tuple[Saying, ...]
    evidence: tuple[Evidence, ...]
    means: str
    plain: str
    when: Condition | None
    file: str

    @property
    def sources(self) -> tuple[str, ...]:
        """Ids of every source it leans on."""
        return tuple(dict.fromkeys(item.source for item in self.evidence))

    def concerns(self, facts: Mapping[str, object]) -> bool:
        """Whether it is for this patient: it is for all, or its condition is true."""
        return self.when is None or self.when.truth(facts) is True


def read_documents(section: Section) -> dict[str, Document]:
    """The documents by id, from `claims/documents.yaml`. Raises KnowledgeError for what is not in the format."""
    found = {}
    for name, entry in section.named_sections():
        year = entry.integer("year") if entry.has("year") else None
        found[name] = Document(name, entry.text("title"), entry.text("about"), year, entry.text("url", ""))
        entry.asked.add("year")
        entry.done()
    return found


def read_claim(section: Section, facts: FactTable, documents: Mapping[str, Document]) -> Claim:
    """A claim from its file. Raises KnowledgeError with file and line for whatever is not in the format."""
    claim = Claim(
        id=section.text("id"),
        number=section.integer("number"),
        kind=section.choice("kind", KINDS),
        topic=section.text("topic"),
        title=section.text("title"),
        said=tuple(_read_saying(entry, documents) for entry in section.sections("said")),
        evidence=tuple(_read_evidence(entry) for entry in section.sections("evidence")),
        means=section.text("means"),
        plain=section.text("plain", ""),
        when=parse_condition(section, "when", facts) if section.has("when") else None,
        file=section.file,
    )
    section.done()
    if claim.kind == "contradiction" and not claim.said:
        raise section.wrong("a contradiction needs at least one side that a document takes.", "said")
    if not claim.evidence:
        raise section.wrong("a claim needs evidence, even if it is only a judgement.", "evidence")
    if claim.kind == "controversy" and len({item.side for item in claim.evidence}) < 2:
        raise section.wrong("a controversy needs evidence on both sides.", "evidence")
    return claim


def _read_saying(entry: Section, documents: Mapping[str, Document]) -> Saying:
    saying = Saying(entry.text("text"), entry.texts("by"), entry.choice("standing", CLAIM_STANDINGS))
    entry.done()
    if not saying.by:
        raise entry.wrong("name the documents that say it.", "by")
    for name in saying.by:
        if name not in documents:
            raise entry.wrong(f"there is no document '{name}'; known: {', '.join(documents)}.", "by")
    return saying


def _read_evidence(entry: Section) -> Evidence:
    evidence = Evidence(
        entry.text("text"),
        entry.text("side", "modern evidence"),
        entry.text("source"),
        entry.text("locator"),
        entry.choice("status", STATUSES),
    )
    entry.done()
    return evidence
