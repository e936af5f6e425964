"""What the knowledge base says of this patient, as data and as tables: options, scores, staging, alerts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from glisson.knowledge import knowledge_base
from glisson.report.view import Table
from glisson.report.words import upper_first

if TYPE_CHECKING:
    from glisson.assessment import Assessment
    from glisson.knowledge import Answer, Option, ScoreResult

__all__ = ["alerts", "option_data", "options_table", "score_data", "scores_table", "staging"]

MOST_REASONS = 3
"""Reasons shown beside a verdict in the table; findings.json has them all."""


def option_data(option: Option) -> dict[str, Any]:
    """One verdict on one treatment with every reason, as plain data."""
    return {
        "modality": option.modality,
        "scope": option.scope,
        "verdict": option.verdict,
        "why": option.why,
        "reasons": [_reason(answer) for answer in option.reasons],
        "needs": list(option.needs),
    }


def _reason(answer: Answer) -> dict[str, Any]:
    return {
        "rule": answer.rule.id,
        "verdict": answer.verdict,
        "status": answer.status,
        "text": answer.text,
        "source": answer.source.id,
        "locator": answer.locator,
        "needs": list(answer.needs),
    }


def score_data(score: ScoreResult) -> dict[str, Any]:
    """One score as plain data; its value is unrounded, as printed is rounded."""
    return {
        "id": score.id,
        "variant": score.variant,
        "title": score.title,
        "value": score.value,
        "printed": score.printed,
        "unit": score.unit,
        "group": score.group,
        "population": score.population,
        "notes": list(score.notes),
        "source": score.source,
        "locator": score.locator,
        "status": score.status,
        "reported": [
            {
                "group": row.group,
                "endpoint": row.endpoint,
                "at": row.at,
                "value": row.value[0],
                "unit": row.value[1],
                "interval": [quantity[0] for quantity in row.interval] or None,
                "patients": row.patients,
                "source": row.source,
                "locator": row.locator,
                "status": row.status,
            }
            for row in score.reported
        ],
    }


def staging(result: Assessment) -> list[dict[str, Any]]:
    """What the staging rules say, one entry a rule."""
    return [{**_reason(answer), "value": answer.value} for answer in result.answers if answer.rule.topic == "staging"]


def alerts(result: Assessment) -> list[dict[str, Any]]:
    """Every alert with its urgency."""
    return [{**_reason(answer), "urgency": answer.urgency} for answer in result.answers if answer.verdict == "alert"]


def options_table(result: Assessment) -> Table | None:
    """Every treatment that rules speak of: verdict, for which lesions, the reasons and what is missing."""
    whole = [option for option in result.options if option.scope == "patient"]
    if not whole:
        return None
    kb = knowledge_base()
    rows = tuple(
        (
            kb.modalities[option.modality].title,
            option.verdict,
            _by_lesion(option, result),
            _reasons(option),
            _needs(option),
        )
        for option in whole
    )
    note = (
        "Technically possible is not indicated. Undetermined means that a fact is missing, that a stop is not yet "
        "confirmed, or that no confirmed rule speaks for it; it is not a no."
    )
    columns = ("Treatment", "Verdict", "By lesion", "Because", "Missing facts")
    return Table("options", "Options and reasons", columns, (False,) * 5, rows, note)


MOST_NEEDS = 4
"""Missing facts named beside a verdict; findings.json has them all."""


def _needs(option: Option) -> str:
    table = knowledge_base().facts
    named = [table[path].title or path for path in option.needs[:MOST_NEEDS]]
    more = len(option.needs) - len(named)
    return "; ".join([*named, *([f"and {more} more"] if more > 0 else [])])


def _by_lesion(option: Option, result: Assessment) -> str:
    verdicts: dict[str, list[str]] = {}
    for other in result.options:
        if other.modality == option.modality and other.scope != "patient":
            verdicts.setdefault(other.verdict, []).append(other.scope)
    return "; ".join(f"{verdict}: {', '.join(names)}" for verdict, names in verdicts.items())


def _reasons(option: Option) -> str:
    shown = [
        f"{answer.text} [{answer.source.id}{'' if answer.status == 'verified' else ', unverified'}]"
        for answer in option.reasons[:MOST_REASONS]
    ]
    more = len(option.reasons) - len(shown)
    return " ".join([*shown, *([f"And {more} more."] if more > 0 else [])]) or option.why


def _population(score: ScoreResult) -> str:
    return upper_first(f"{score.population}.") if score.population else ""


def _reported(score: ScoreResult) -> list[str]:
    """What studies reported for the group, each with its patients and source; never this patient's own forecast."""
    return [
        f"Reported for {row.group}: {row.endpoint}{f' at {row.at}' if row.at else ''} {row.value[0]:g}"
        + (f"\u00a0{row.value[1]}" if row.value[1] else "")
        + (f" (n = {row.patients})" if row.patients else "")
        + f" [{row.source}{'' if row.status == 'verified' else ', unverified'}]."
        for row in score.reported
    ]


def scores_table(result: Assessment) -> Table | None:
    """Every score whose inputs are recorded, with its population, limits and standing; none is merged with another."""
    shown = [score for score in result.scores if score.group != "outside the population"]
    if not shown:
        return None
    rows = tuple(
        (
            score.title if score.variant in score.title else f"{score.title} ({score.variant})",
            f"{score.printed}{f' {score.unit}' if score.unit else ''}",
            score.group or "",
            " ".join(part for part in (_population(score), *score.notes, *_reported(score)) if part),
            score.source + ("" if score.status == "verified" else ", unverified"),
        )
        for score in shown
    )
    note = "A score describes groups of patients; several stand side by side and none is this patient's own forecast."
    columns = ("Score", "Value", "Group", "For whom, and its limits", "Source")
    return Table("scores", "Scores", columns, (False, True, False, False, False), rows, note)
