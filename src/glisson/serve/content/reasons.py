"""The options matrix: what each source says of each treatment, why, and what one change would make of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from glisson.case import Unknown
from glisson.knowledge import knowledge_base

if TYPE_CHECKING:
    from glisson.assessment import Assessment
    from glisson.knowledge import Answer, Change, Option

__all__ = ["reasons_data", "rule_data", "source_data"]

MOST_CHANGES = 3
"""Single changes named for one rule or option, the smallest first."""

RANK = {"contraindicated": 0, "undetermined": 1, "relative": 2, "eligible": 3}
"""Where several rules of one source speak of one treatment the first of these is what the source says."""


def reasons_data(result: Assessment) -> dict[str, Any]:
    """The matrix of an assessment as plain data.

    columns: ids of the sources that say something, those that speak of most treatments first. sources: id -> record.
    options: one entry for each treatment with its verdict, `by_source` (source -> verdict), every reason with its rule,
    source, inputs and counterfactuals, what is missing, the conflicts, and the verdicts by lesion.
    """
    facts = dict(result.facts)
    of_lesion: dict[str, list[Option]] = {}
    for option in result.options:
        if option.scope != "patient":
            of_lesion.setdefault(option.modality, []).append(option)
    flips: dict[str, list[dict[str, Any]]] = {}
    options = [
        _option(option, of_lesion.get(option.modality, []), result, facts, flips)
        for option in result.options
        if option.scope == "patient"
    ]
    said = [source for option in options for source in option["by_source"]]
    columns = sorted(set(said), key=lambda source: (-said.count(source), source))
    return {
        "columns": columns,
        "sources": {name: source_data(name) for name in sorted(set(columns))},
        "options": options,
        "missing": [
            {"fact": gap.path, "title": gap.title, "decides": list(gap.decides), "may_decide": list(gap.may_decide)}
            for gap in result.missing
        ],
    }


def _option(
    option: Option,
    lesions: Iterable[Option],
    result: Assessment,
    facts: Mapping[str, object],
    flips: dict[str, list[dict[str, Any]]],
) -> dict[str, Any]:
    described = knowledge_base().modalities[option.modality]
    return {
        "option": option.modality,
        "title": described.title,
        "plain": described.plain,
        "effect": described.effect,
        "verdict": option.verdict,
        "why": option.why,
        "by_source": _by_source(option),
        "reasons": [_reason(answer, facts, flips) for answer in option.reasons],
        "needs": [{"fact": path, "title": _title(path)} for path in option.needs],
        "conflicts": [
            {"text": conflict.text, "rules": [conflict.one.rule.id, conflict.other.rule.id]}
            for conflict in option.conflicts
        ],
        "counterfactual": _changes(result.changes.get(option.modality, ())),
        "lesions": [
            {
                "lesion": one.scope,
                "verdict": one.verdict,
                "why": one.why,
                "reasons": [_reason(answer, facts, flips) for answer in one.reasons if answer.rule.scope == "lesion"],
            }
            for one in lesions
        ],
    }


def _by_source(option: Option) -> dict[str, str]:
    found: dict[str, str] = {}
    for answer in option.reasons:
        before = found.get(answer.source.id)
        if before is None or RANK[answer.verdict] < RANK[before]:
            found[answer.source.id] = answer.verdict
    return found


def _reason(answer: Answer, facts: Mapping[str, object], flips: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    kb, rule = knowledge_base(), answer.rule
    if rule.scope == "patient" and rule.id not in flips:
        flips[rule.id] = _changes(kb.counterfactual(rule.id, facts))
    source = answer.source
    return {
        "rule": rule.id,
        "title": rule.title,
        "verdict": answer.verdict,
        "status": answer.status,
        "text": answer.text,
        "strength": answer.strength,
        "locator": answer.locator,
        "source": {
            "id": source.id, "title": source.title, "doi": source.doi, "year": source.year,
            "standing": source.standing,
        },
        "inputs": [
            {
                "fact": item.path,
                "title": _title(item.path),
                "value": _plain(item.value),
                "unit": item.unit,
                "unknown": item.value.reason if isinstance(item.value, Unknown) else None,
            }
            for item in answer.inputs
        ],
        "needs": list(answer.needs),
        "counterfactual": flips.get(rule.id, []),
    }  # fmt: skip


def _changes(found: Iterable[Change]) -> list[dict[str, Any]]:
    return [
        {"fact": one.path, "title": _title(one.path), "text": one.text, "verdict": _verdict(one.verdict)}
        for one in list(found)[:MOST_CHANGES]
    ]


def _verdict(verdict: object) -> str:
    """A verdict in words; of a rule's own question it comes with its value."""
    return str(verdict[0]) if isinstance(verdict, tuple) else str(verdict)


def _title(path: str) -> str:
    spec = knowledge_base().facts.get(path)
    return spec.title or path if spec else path


def _plain(value: object) -> Any:
    if isinstance(value, Unknown):
        return None
    if isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Iterable):
        return sorted(str(item) for item in value)
    return str(value)


def rule_data(rule_id: str) -> dict[str, Any]:
    """A rule as it is kept, with the record of each source it leans on. Raises KnowledgeError where there is none."""
    kb = knowledge_base()
    rule = kb.rule(rule_id)
    return {
        "id": rule.id,
        "version": rule.version,
        "topic": rule.topic,
        "title": rule.title,
        "paraphrase": rule.paraphrase,
        "effect": rule.effect,
        "status": rule.status,
        "scope": rule.scope,
        "modalities": [{"id": name, "title": kb.modalities[name].title} for name in rule.modalities],
        "for_whom": str(rule.gate) if rule.gate else None,
        "rows": [
            {
                "when": str(row.when),
                "effect": row.outcome.effect,
                "text": row.outcome.text,
                "value": row.outcome.grade or row.outcome.value,
                "unit": row.outcome.unit,
                "source": row.outcome.source,
                "locator": row.outcome.locator,
                "strength": row.outcome.strength,
                "status": row.outcome.status,
            }
            for row in rule.rows
        ],
        "exceptions": [
            {"when": str(one.when), "text": one.text, "source": one.source, "locator": one.locator}
            for one in rule.exceptions
        ],
        "conflicts_with": list(rule.conflicts_with),
        "facts": [{"fact": path, "title": _title(path)} for path in rule.needs],
        "sources": [source_data(name) for name in rule.sources],
        "text": (kb.root / rule.file).read_text(encoding="utf-8") if rule.file else "",
    }


def source_data(source_id: str) -> dict[str, Any]:
    """The record of a source. Raises KnowledgeError where there is none."""
    source = knowledge_base().source(source_id)
    names = (
        "id", "title", "authors", "year", "kind", "standing", "read", "verified", "doi", "pmid", "url", "edition",
        "population", "endpoint", "note", "superseded_by", "quoted_in", "citation",
    )  # fmt: skip
    return {name: getattr(source, name) for name in names} | {
        "numbers": [
            {
                "says": entry.says,
                "locator": entry.locator,
                "values": [f"{number:g}{f' {unit}' if unit else ''}" for number, unit in entry.quantities],
            }
            for entry in source.numbers
        ]
    }
