"""Rules: what follows from which facts, according to which source.

Every rule becomes a first-match list of rows. A `when` rule has one row (and a second, `otherwise`, where its source
says what failing it means); a `table` rule has as many as it lists.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from glisson.knowledge.conditions import Always, Condition
from glisson.knowledge.facts import FactTable
from glisson.knowledge.language import PATH, parse_condition
from glisson.knowledge.sources import Quantity, parse_quantity
from glisson.knowledge.strict_yaml import Section

__all__ = [
    "EFFECTS",
    "STATUSES",
    "URGENCIES",
    "VERDICTS",
    "Exemption",
    "Outcome",
    "Row",
    "Rule",
    "placeholders",
    "read_rule",
]

VERDICTS = ("eligible", "relative", "contraindicated")
"""What a rule may say of a modality; undetermined follows by itself."""

EFFECTS = (*VERDICTS, "value", "grade", "alert", "info")
"""What a rule may do: say a verdict, give a number with its unit, give a grade in words, raise an alert, state
something.
"""

STATUSES = ("verified", "unverified")
"""verified: its numbers were read in its source. unverified: shown as such, never makes an option eligible."""

URGENCIES = ("today", "days", "weeks", "routine")
"""How soon an alert wants an answer."""

_PLACEHOLDER = re.compile(rf"\{{({PATH})\}}")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a row says when it is the first that matches, and who says so. forbids: modalities an alert rules out."""

    effect: str
    text: str
    source: str
    locator: str
    strength: str
    status: str
    value: float | None = None
    unit: str | None = None
    grade: str = ""
    urgency: str = ""
    plain: str = ""
    forbids: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[object, ...]:
        """What must agree for two outcomes to be the same answer."""
        return (self.effect, self.value, self.unit, self.grade, self.urgency, self.status)


@dataclass(frozen=True, slots=True)
class Row:
    """A condition and its outcome."""

    when: Condition
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Exemption:
    """A case in which the rule does not hold, and who says so."""

    when: Condition
    text: str
    source: str
    locator: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of the library. `modalities` and `scope` say what it is about, `gate` for whom it is written (None: for
    all).
    """

    id: str
    version: int
    topic: str
    title: str
    paraphrase: str
    effect: str
    rows: tuple[Row, ...]
    modalities: tuple[str, ...] = ()
    scope: str = "patient"
    gate: Condition | None = None
    exceptions: tuple[Exemption, ...] = ()
    conflicts_with: tuple[str, ...] = ()
    file: str = ""

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """Every condition: gate, exceptions, rows."""
        gate = (self.gate,) if self.gate else ()
        return (*gate, *(exemption.when for exemption in self.exceptions), *(row.when for row in self.rows))

    @property
    def needs(self) -> tuple[str, ...]:
        """Every fact the rule may ask for, in the order it asks."""
        paths = (path for condition in self.conditions for leaf in condition.leaves() for path in leaf.paths)
        return tuple(dict.fromkeys(paths))

    @property
    def sources(self) -> tuple[str, ...]:
        """Ids of every source it leans on."""
        rows = (row.outcome.source for row in self.rows)
        return tuple(dict.fromkeys((*rows, *(exemption.source for exemption in self.exceptions))))

    @property
    def status(self) -> str:
        """verified when every row is."""
        return "verified" if all(row.outcome.status == "verified" for row in self.rows) else "unverified"

    def numbers(self) -> Iterator[tuple[str, Quantity]]:
        """Every number written in the rule with the id of the source that must hold it."""
        for row in self.rows:
            outcome = row.outcome
            for leaf in row.when.leaves():
                yield from ((outcome.source, quantity) for quantity in leaf.numbers())
            if outcome.value is not None:
                yield outcome.source, (outcome.value, outcome.unit)
        for exemption in self.exceptions:
            for leaf in exemption.when.leaves():
                yield from ((exemption.source, quantity) for quantity in leaf.numbers())
        for leaf in self.gate.leaves() if self.gate else ():
            yield from ((self.rows[0].outcome.source, quantity) for quantity in leaf.numbers())


def placeholders(text: str) -> tuple[str, ...]:
    """The fact paths that a text shows as {path}."""
    return tuple(_PLACEHOLDER.findall(text))


def read_rule(section: Section, table: FactTable, modalities: Mapping[str, object]) -> Rule:
    """A rule from its file. Raises KnowledgeError with file and line for whatever is not in the format."""
    effect = section.choice("effect", (*EFFECTS, "verdict"))
    rows = _read_table(section, effect, table) if section.has("table") else _read_when(section, effect, table)
    about = section.section("applies_to")
    named = about.texts("modality")
    _require_known(about, "modality", named, modalities)
    _require_known(section, "forbids", tuple(name for row in rows for name in row.outcome.forbids), modalities)
    if bool(named) != (effect in (*VERDICTS, "verdict")):
        raise section.wrong("a verdict names its modality, and only a verdict does.", "applies_to")
    rule = Rule(
        id=section.text("id"),
        version=section.integer("version"),
        topic=section.text("topic"),
        title=section.text("title"),
        paraphrase=section.text("paraphrase"),
        effect=effect,
        rows=rows,
        modalities=named,
        scope=about.choice("scope", ("patient", "lesion"), "patient"),
        gate=parse_condition(about, "if", table) if about.has("if") else None,
        exceptions=tuple(_read_exemption(entry, table) for entry in section.sections("exceptions")),
        conflicts_with=section.texts("conflicts_with"),
        file=section.file,
    )
    about.done()
    section.done()
    return rule


def _require_known(section: Section, key: str, named: tuple[str, ...], modalities: Mapping[str, object]) -> None:
    for name in named:
        if name not in modalities:
            raise section.wrong(f"unknown modality '{name}'; known: {', '.join(modalities)}.", key)


def _read_when(section: Section, effect: str, table: FactTable) -> tuple[Row, ...]:
    if effect == "verdict":
        raise section.wrong(
            "the effect 'verdict' is for a table; with `when` write eligible, relative or contraindicated.", "effect"
        )
    first = Row(parse_condition(section, "when", table), _read_outcome(section, effect, None, table))
    if not section.has("otherwise"):
        return (first,)
    other = section.section("otherwise")
    outcome = _read_outcome(other, other.choice("effect", EFFECTS), first.outcome, table)
    other.done()
    return (first, Row(Always(), outcome))


def _read_table(section: Section, effect: str, table: FactTable) -> tuple[Row, ...]:
    base = _read_base(section)
    rows = []
    for entry in section.sections("table"):
        row_effect = entry.choice("effect", VERDICTS) if effect == "verdict" else effect
        rows.append(Row(parse_condition(entry, "when", table), _read_outcome(entry, row_effect, base, table)))
        entry.done()
        if len(rows) > 1 and isinstance(rows[-2].when, Always):
            raise entry.wrong("can never match: the row before it is `when: always`.")
    if not rows:
        raise section.wrong("a table needs at least one row.", "table")
    return tuple(rows)


def _read_base(section: Section) -> Outcome:
    return Outcome(
        "",
        "",
        section.text("source"),
        section.text("locator"),
        section.text("strength"),
        section.choice("status", STATUSES),
    )


def _read_outcome(section: Section, effect: str, base: Outcome | None, table: FactTable) -> Outcome:
    """What a row or rule says; source, locator, strength and status fall back to the rule's own. What an alert forbids
    is checked against the known modalities by `read_rule`.
    """
    own = base or _read_base(section)
    value, unit = parse_quantity(section.raw("value"), section, "value") if effect == "value" else (None, None)
    texts = section.text("text"), section.text("plain", "")
    for path in (path for text in texts for path in placeholders(text)):
        if path not in table:
            raise section.wrong(f"{{{path}}} is not a fact.{table.near(path)}", "text")
    new_source = section.has("source") and base is not None
    return Outcome(
        effect=effect,
        text=texts[0],
        source=section.text("source", own.source),
        locator=section.text("locator") if new_source else section.text("locator", own.locator),
        strength=section.text("strength", own.strength),
        status=section.choice("status", STATUSES, own.status),
        value=value,
        unit=unit,
        grade=section.text("grade") if effect == "grade" else "",
        urgency=section.choice("urgency", URGENCIES) if effect == "alert" else "",
        plain=texts[1],
        forbids=section.texts("forbids") if effect == "alert" else (),
    )


def _read_exemption(entry: Section, table: FactTable) -> Exemption:
    exemption = Exemption(
        parse_condition(entry, "when", table), entry.text("text"), entry.text("source"), entry.text("locator")
    )
    entry.done()
    return exemption
