"""Sources: one record for each document that a rule may lean on, with the numbers read in it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from glisson.knowledge.strict_yaml import Section

__all__ = ["KINDS", "READ", "STANDINGS", "Quantity", "Source", "SourceNumber", "parse_quantity", "read_source"]

STANDINGS = ("current", "superseded", "retracted", "unsupported")
"""current; superseded by a later edition or study; retracted; unsupported (a claim without evidence, or judgement
alone).
"""

READ = ("full text", "part", "abstract", "quoted", "record", "not read")
"""What was read to confirm it: part is a table or section of the full text, quoted its numbers as given by another
document (named in `quoted_in`), record the bibliographic entry alone.
"""

KINDS = (
    "guideline",
    "trial",
    "cohort",
    "meta-analysis",
    "review",
    "consensus",
    "label",
    "standard",
    "formula",
    "page",
    "judgement",
)
"""What it is. A judgement is a board's own opinion without a document; it is never current."""

_QUANTITY = re.compile(r"([-+]?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)(?: (\S.*))?$")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}$")

Quantity = tuple[float, str | None]
"""A number and its unit (None when it has none)."""


@dataclass(frozen=True, slots=True)
class SourceNumber:
    """Numbers read in a source: the quantities, what they are in our own words, and where they stand."""

    quantities: tuple[Quantity, ...]
    says: str
    locator: str


@dataclass(frozen=True, slots=True)
class Source:
    """One document. verified: the day someone confirmed it (None: not confirmed). read: what they read to do so."""

    id: str
    title: str
    authors: str
    year: int
    kind: str
    standing: str
    read: str
    verified: str | None = None
    doi: str = ""
    pmid: str = ""
    url: str = ""
    edition: str = ""
    population: str = ""
    era: str = ""
    endpoint: str = ""
    note: str = ""
    superseded_by: str = ""
    quoted_in: str = ""
    numbers: tuple[SourceNumber, ...] = ()
    file: str = ""

    @property
    def is_confirmed(self) -> bool:
        """Whether it was read on a named day and still stands, so that a rule may call itself verified."""
        return self.verified is not None and self.read not in ("record", "not read") and self.standing == "current"

    @property
    def citation(self) -> str:
        """One line: authors, title, year, DOI or address."""
        where = f"doi:{self.doi}" if self.doi else f"PMID {self.pmid}" if self.pmid else self.url
        return f"{self.authors.rstrip('.')}. {self.title}. {self.year}.{f' {where}' if where else ''}"

    def holds(self, quantity: Quantity) -> bool:
        """Whether a number with its unit was read in it."""
        return any(quantity == known for entry in self.numbers for known in entry.quantities)


def parse_quantity(raw: object, section: Section, *at: str | int) -> Quantity:
    """A number with its unit, written `20 %`, or a bare number."""
    if isinstance(raw, int | float) and not isinstance(raw, bool):
        return float(raw), None
    found = _QUANTITY.match(raw) if isinstance(raw, str) else None
    if not found:
        raise section.wrong(f"expected a number with its unit, such as 20 %; given {raw!r}.", *at)
    return float(found[1]), found[2]


def read_source(section: Section) -> Source:
    """A source record from its file. Raises KnowledgeError for unknown, missing or impossible entries."""
    verified = section.text("verified", "")
    if verified and not _DATE.match(verified):
        raise section.wrong(f"expected a date such as 2026-11-21; given {verified!r}.", "verified")
    source = Source(
        id=section.text("id"),
        title=section.text("title"),
        authors=section.text("authors"),
        year=section.integer("year"),
        kind=section.choice("kind", KINDS),
        standing=section.choice("standing", STANDINGS),
        read=section.choice("read", READ),
        verified=verified or None,
        doi=section.text("doi", ""),
        pmid=_identifier(section, "pmid"),
        url=section.text("url", ""),
        edition=section.text("edition", ""),
        population=section.text("population", ""),
        era=_identifier(section, "era"),
        endpoint=section.text("endpoint", ""),
        note=section.text("note", ""),
        superseded_by=section.text("superseded_by", ""),
        quoted_in=section.text("quoted_in", ""),
        numbers=tuple(_read_number(entry) for entry in section.sections("numbers")),
        file=section.file,
    )
    section.done()
    _check_source(source, section)
    return source


def _identifier(section: Section, key: str) -> str:
    """Digits that YAML reads as a number are still a text."""
    value = section.raw(key, "")
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else section.text(key, "")


def _read_number(entry: Section) -> SourceNumber:
    raw = entry.raw("values")
    items = raw if isinstance(raw, list) else [raw]
    quantities = tuple(parse_quantity(item, entry, "values", index) for index, item in enumerate(items))
    number = SourceNumber(quantities, entry.text("says"), entry.text("locator"))
    entry.done()
    return number


def _check_source(source: Source, section: Section) -> None:
    if not (source.doi or source.pmid or source.url or source.kind == "judgement"):
        raise section.wrong("a document needs a doi, a pmid or a url.")
    if source.kind == "judgement" and source.standing != "unsupported":
        raise section.wrong("a judgement has no document behind it: its standing is unsupported.", "standing")
    if (source.read == "quoted") != bool(source.quoted_in):
        raise section.wrong(
            "`read: quoted` names the source it was read in as `quoted_in`, and nothing else does.", "read"
        )
    if source.read == "not read" and source.verified:
        raise section.wrong("verified on a day, but read is 'not read'; state what was read.", "verified")
    if source.read not in ("not read", "record") and not source.verified:
        raise section.wrong("something was read: give the day as `verified: YYYY-MM-DD`.", "read")
