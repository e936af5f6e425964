"""What stands behind the verdicts: facts that would decide most, single changes, disputes, costs and sources."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from glisson.knowledge import knowledge_base
from glisson.report.view import Table
from glisson.report.words import and_list, day, number_of, upper_first

if TYPE_CHECKING:
    from glisson.assessment import Assessment
    from glisson.knowledge import Answer, Claim
    from glisson.knowledge.tables import Table as KnownTable
    from glisson.knowledge.tables import TableRow

__all__ = [
    "changes_table", "claims_data", "concerning", "costs_data", "costs_table", "disputes_table", "evidence_table",
    "known_tables", "missing_table", "used_sources",
]  # fmt: skip

MOST_GAPS = 10
MOST_CHANGES_EACH = 2
MOST_NAMES = 6

SHOWN_AFTER = ("follow-up-schedules", "complications", "regeneration", "palliative-needs")
"""Tables of the library that the dossier prints, with the rows that concern this patient."""


def _title(name: str) -> str:
    kb = knowledge_base()
    if name in kb.modalities:
        return kb.modalities[name].title.lower()
    return kb.rules[name].title.lower() if name in kb.rules else name


def missing_table(result: Assessment) -> Table | None:
    """The missing facts, those first that would decide most verdicts whatever they turn out to be."""
    modalities = knowledge_base().modalities
    weighty = [gap for gap in result.missing if len(gap.decides) > 1 or {*gap.decides, *gap.may_decide} & {*modalities}]
    rows = tuple(
        (
            upper_first(gap.title),
            str(len(gap.decides)),
            _first_names(gap.decides),
            _first_names(gap.may_decide),
        )
        for gap in weighty[:MOST_GAPS]
    )
    columns = ("Missing fact", "Decides", "Verdicts it would settle", "Could settle")
    note = "A fact decides a verdict when every value it can have settles it."
    return (
        Table("missing", "What to find out first", columns, (False, True, False, False), rows, note) if rows else None
    )


def _first_names(names: tuple[str, ...]) -> str:
    shown = [_title(name) for name in names[:MOST_NAMES]]
    more = len(names) - len(shown)
    return and_list([*shown, f"{more} more"] if more else shown) if shown else ""


def changes_table(result: Assessment) -> Table | None:
    """What one changed input would make of each verdict; never age, sex or a gene."""
    modalities = knowledge_base().modalities
    now = {option.modality: option.verdict for option in result.options if option.scope == "patient"}
    rows = tuple(
        (modalities[name].title, now[name], str(change.verdict), upper_first(change.text))
        for name, found in result.changes.items()
        for change in found[:MOST_CHANGES_EACH]
    )
    columns = ("Treatment", "Now", "Would be", "If")
    note = "One input changed, all others kept. Only what can be measured anew or changed is varied."
    return Table("changes", "What one change would do", columns, (False,) * 4, rows, note) if rows else None


def concerning(result: Assessment) -> tuple[Claim, ...]:
    """Controversies and contradicted claims that concern this patient by their own condition."""
    claims = sorted(knowledge_base().claims.values(), key=lambda claim: claim.number)
    return tuple(claim for claim in claims if claim.when is not None and claim.when.truth(result.facts) is True)


def disputes_table(result: Assessment) -> Table | None:
    """Where sources disagree about this patient, both sides with their sources."""
    titles = knowledge_base().modalities
    rows = [
        (titles[option.modality].title, _side(conflict.one), _side(conflict.other), "Both are shown; neither wins.")
        for option in result.options
        if option.scope == "patient"
        for conflict in option.conflicts
    ]
    for claim in concerning(result):
        said = "; ".join(f"{item.text} ({item.standing})" for item in claim.said)
        found = "; ".join(
            f"{f'{item.side}: ' if item.side else ''}{item.text} [{item.source}{_mark(item.status)}]"
            for item in claim.evidence
        )
        rows.append((claim.title, upper_first(said), upper_first(found), claim.means))
    columns = ("Question", "Said", "Evidence", "For this patient")
    note = "“Said” is what documents for patients and the public state; `glisson knowledge claims` names them."
    return Table("disputes", "Where sources disagree", columns, (False,) * 4, tuple(rows), note) if rows else None


def _side(answer: Answer) -> str:
    return f"{answer.text} [{answer.source.id}{_mark(answer.status)}]"


def _mark(status: str) -> str:
    return "" if status == "verified" else ", unverified"


def claims_data(result: Assessment) -> list[dict[str, Any]]:
    """The claims of `concerning` as plain data."""
    return [
        {
            "id": claim.id,
            "kind": claim.kind,
            "title": claim.title,
            "said": [{"text": item.text, "by": list(item.by), "standing": item.standing} for item in claim.said],
            "evidence": [
                {"text": i.text, "side": i.side, "source": i.source, "locator": i.locator, "status": i.status}
                for i in claim.evidence
            ],
            "means": claim.means,
        }
        for claim in concerning(result)
    ]


def costs_table(result: Assessment) -> Table | None:
    """What each treatment costs by the local price list, where one was given."""
    listed = result.prices
    if listed is None:
        return None
    verdicts = {option.modality: option.verdict for option in result.options if option.scope == "patient"}
    rows = []
    for name, verdict in verdicts.items():
        price = listed.prices.get(name)
        amount = "not listed" if price is None else _amount(price.low, price.high, listed.currency)
        rows.append((knowledge_base().modalities[name].title, verdict, amount, price.covers if price else ""))
    note = " ".join(
        part
        for part in (f"Prices of {listed.place} as of {day(listed.date)}.", listed.note, "No verdict rests on a price.")
        if part
    )
    columns = ("Treatment", "Verdict", "Price", "Covers")
    return Table("costs", "Costs", columns, (False, False, True, False), tuple(rows), note)


def _amount(low: float, high: float, currency: str) -> str:
    amount = f"{low:,.0f}" if low == high else f"{low:,.0f} to {high:,.0f}"
    return amount.replace(",", "\u202f") + f"\u00a0{currency}"


def costs_data(result: Assessment) -> dict[str, Any] | None:
    """The price list as plain data, or None."""
    listed = result.prices
    if listed is None:
        return None
    return {
        "date": listed.date.isoformat(),
        "place": listed.place,
        "currency": listed.currency,
        "note": listed.note,
        "prices": {
            name: {"low": price.low, "high": price.high, "covers": price.covers}
            for name, price in sorted(listed.prices.items())
        },
    }


def known_tables(result: Assessment) -> tuple[Table, ...]:
    """Follow-up, complications, regeneration and palliative needs: the rows that concern this patient."""
    kb = knowledge_base()
    return tuple(table for name in SHOWN_AFTER if (table := _known(kb.table(name), result)) is not None)


def _known(table: KnownTable, result: Assessment) -> Table | None:
    rows = tuple(
        (*(_cell(row, column.name, column.unit) for column in table.columns), f"{row.source}{_mark(row.status)}")
        for row in table.select(result.facts)
    )
    if not rows:
        return None
    columns = (*(upper_first(column.title) for column in table.columns), "Source")
    return Table(table.id, table.title, columns, (False,) * len(columns), rows, table.about)


def _cell(row: TableRow, column: str, unit: str | None) -> str:
    value = row[column]
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    numbers = value if value and isinstance(value[0], tuple) else (value,)
    written = " to ".join(f"{quantity[0]:g}" for quantity in numbers)
    return f"{written}\u00a0{unit}" if unit else written


def used_sources(result: Assessment) -> dict[str, list[str]]:
    """Every source that had a part in what was said, in order of ids, with the rules and scores that lean on it."""
    used: dict[str, dict[str, None]] = {}
    for source, item in _uses(result):
        used.setdefault(source, {})[item] = None
    return {source: list(used[source]) for source in sorted(used)}


def _uses(result: Assessment) -> Iterator[tuple[str, str]]:
    for answer in result.answers:
        yield answer.source.id, answer.rule.id
    for option in result.options:
        for reason in option.reasons:
            yield reason.source.id, reason.rule.id
    for score in result.scores:
        yield score.source, f"score {score.id}"
        for row in score.reported:
            yield row.source, f"score {score.id}"
    for claim in concerning(result):
        for item in claim.evidence:
            yield item.source, f"question {claim.id}"
    kb = knowledge_base()
    for name in SHOWN_AFTER:
        for line in kb.table(name).select(result.facts):
            yield line.source, f"table {name}"


def evidence_table(result: Assessment) -> Table | None:
    """Every source used, how it was confirmed and what it decided here."""
    kb = knowledge_base()
    rows = tuple(
        (name, kb.source(name).citation, _standing(name), "; ".join(items))
        for name, items in used_sources(result).items()
    )
    if not rows:
        return None
    note = (
        f"{number_of(len(rows), 'source')}. Confirmed: what was read, and when. What is not confirmed never makes an "
        "option eligible."
    )
    columns = ("Id", "Source", "Confirmed", "Decided here")
    return Table("evidence", "Evidence", columns, (False,) * 4, rows, note)


def _standing(name: str) -> str:
    source = knowledge_base().source(name)
    read = "unverified" if source.verified is None else f"{source.read}, {day(source.verified)}"
    return read if source.standing == "current" else f"{source.standing}; {read}"
