"""CDS Hooks 2.0: the service that shows the verdicts of the rules as cards when a chart is opened. Nothing is ordered.

The functions are pure; mounting them on a server, and who may ask, is the business of the server.
"""

from __future__ import annotations

import re
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from glisson.case import Case, loads_case
from glisson.case.writing import plain_yaml
from glisson.errors import InputError
from glisson.exchange.fhir_import import Imported, import_record
from glisson.exchange.fhir_parts import NAMESPACE, RESEARCH
from glisson.exchange.fhir_read import record_of

if TYPE_CHECKING:
    from glisson.assessment import Assessment
    from glisson.knowledge import Answer, Option
    from glisson.knowledge.sources import Source

__all__ = ["SERVICE", "patient_view", "services"]

SERVICE = "glisson-liver-metastases"
"""Id of the service; it is called at /cds-services/<id>."""
LONGEST_SUMMARY = 139
"""Characters of a card's summary: CDS Hooks 2.0 asks for less than 140."""
MOST_GAPS = 10
MOST_REASONS = 3
CRITICAL = ("today",)
"""Urgencies of an alert that make its card critical."""
SEARCHES = {
    "conditions": "Condition?patient={{context.patientId}}",
    "observations": "Observation?patient={{context.patientId}}",
    "procedures": "Procedure?patient={{context.patientId}}",
    "statements": "MedicationStatement?patient={{context.patientId}}",
    "requests": "MedicationRequest?patient={{context.patientId}}",
    "allergies": "AllergyIntolerance?patient={{context.patientId}}",
}


def services() -> dict[str, Any]:
    """The answer of the discovery endpoint: the one service with what it wants prefetched."""
    return {
        "services": [{
            "hook": "patient-view",
            "title": "Liver metastases: what the rules say",
            "description": f"Verdicts on treatments, alerts and missing facts, each with its source. {RESEARCH}",
            "id": SERVICE,
            "prefetch": {"patient": "Patient/{{context.patientId}}", **SEARCHES},
        }]
    }  # fmt: skip


def patient_view(
    request: Mapping[str, Any], assess: Callable[[Case], Assessment] | None = None, *, today: date | None = None
) -> dict[str, Any]:
    """The cards for one patient: the same verdicts and sources as the dossier has without scans.

    request: a CDS Hooks 2.0 request for patient-view with its prefetch. assess: from a case to its assessment; by
    default that of this package, without a scene. today: the day that ages count to; by default the record's latest.
    There are no cards for a patient without a diagnosis of liver metastases. Raises InputError for anything else than
    such a request, and for one without prefetched resources (which a server answers with 412).
    """
    found = import_record(record_of(_documents(request)), patient=_patient(request), as_of=today)
    if not found.liver_metastases:
        return {"cards": []}
    result = (assess or _without_scans)(_case(found))
    key = f"{request.get('hookInstance', '')}/{result.version}"
    cards = [*_alert_cards(result), _option_card(result), *_gap_cards(result), *_reading_cards(found)]
    return {"cards": [{"uuid": str(uuid.uuid5(NAMESPACE, f"{key}/{at}")), **card} for at, card in enumerate(cards)]}


def _without_scans(case: Case) -> Assessment:
    from glisson.assessment import assess

    return assess(case, None)


def _documents(request: Mapping[str, Any]) -> list[Any]:
    if not isinstance(request, Mapping) or request.get("hook") != "patient-view":
        given = request.get("hook") if isinstance(request, Mapping) else request
        raise InputError(f"This service answers the hook patient-view; got {given!r}.")
    told = request.get("prefetch")
    documents = [one for one in told.values() if one is not None] if isinstance(told, Mapping) else []
    if not documents:
        raise InputError(
            "The request has no prefetched resources; this service does not fetch them itself. Send prefetch."
        )
    return documents


def _patient(request: Mapping[str, Any]) -> str:
    context = request.get("context")
    given = context.get("patientId") if isinstance(context, Mapping) else None
    if not isinstance(given, str) or not given:
        raise InputError("The request has no context.patientId; expected the id of the patient whose chart is open.")
    return given.rsplit("/", 1)[-1]


def _case(found: Imported) -> Case:
    board = {"board": {"date": found.as_of.isoformat()}} if found.as_of else {}
    return loads_case(plain_yaml({"id": "chart", **board, **found.plain}), "the chart")


def _card(summary: str, indicator: str, source: Mapping[str, str], detail: str) -> dict[str, Any]:
    short = summary if len(summary) <= LONGEST_SUMMARY else summary[: LONGEST_SUMMARY - 1].rstrip() + "…"
    return {"summary": short, "indicator": indicator, "source": dict(source), "detail": detail}


OWN_SOURCE = {"label": "Glisson, research software: rules with their sources"}


def _cited(source: Source) -> dict[str, str]:
    url = f"https://doi.org/{source.doi}" if source.doi else source.url
    return {"label": source.citation, **({"url": url} if url else {})}


def _safe(text: str) -> str:
    """Text that Markdown shows as it stands."""
    return re.sub(r"([\\`*_\[\]<>])", r"\\\1", text)


def _alert_cards(result: Assessment) -> Iterator[dict[str, Any]]:
    for answer in result.answers:
        if answer.verdict == "alert":
            indicator = "critical" if answer.urgency in CRITICAL else "warning"
            detail = f"{_safe(answer.text)}\n\nUrgency: {answer.urgency}. {_standing(answer)}\n\n{RESEARCH}"
            yield _card(answer.text, indicator, _cited(answer.source), detail)


def _standing(answer: Answer) -> str:
    return f"Rule {answer.rule.id}, {answer.status}; {_safe(answer.source.id)}, {_safe(answer.locator)}."


def _option_card(result: Assessment) -> dict[str, Any]:
    from glisson.knowledge import knowledge_base

    titles = knowledge_base().modalities
    shown = [option for option in result.options if option.scope == "patient"]
    count = {
        word: sum(option.verdict == word for option in shown) for word in ("eligible", "relative", "contraindicated")
    }
    summary = (
        f"Liver metastases, rules without scans: {count['eligible']} treatments eligible, "
        f"{count['relative']} with caution, {count['contraindicated']} contraindicated"
    )
    lines = [line for option in shown for line in _option_lines(option, titles[option.modality].title)]
    return _card(summary, "info", OWN_SOURCE, "\n".join([*lines, "", RESEARCH]))


def _option_lines(option: Option, title: str) -> Iterator[str]:
    yield f"- **{_safe(title)}**: {option.verdict}. {_safe(option.why)}"
    decided = [reason for reason in option.reasons if reason.is_decided] if option.verdict != "undetermined" else []
    for reason in decided[:MOST_REASONS]:
        yield f"  - {reason.verdict}: {_safe(reason.text)} ({_standing(reason)})"


def _gap_cards(result: Assessment) -> Iterator[dict[str, Any]]:
    gaps = [gap for gap in result.missing if gap.decides or gap.may_decide][:MOST_GAPS]
    if gaps:
        lines = [f"- {_safe(gap.title)}: decides {len(gap.decides)} verdicts" for gap in gaps]
        summary = f"{len(result.missing)} facts are missing; first: {gaps[0].title}"
        yield _card(summary, "info", OWN_SOURCE, "\n".join([*lines, "", RESEARCH]))


def _reading_cards(found: Imported) -> Iterator[dict[str, Any]]:
    """What of the chart was not understood: verdicts do not rest on it."""
    if found.not_understood or found.check:
        whys = Counter(one.why for one in found.not_understood)
        lines = [f"- to be checked: {_safe(text)}" for text in found.check]
        lines += [f"- {count} times: {_safe(why)}" for why, count in whys.most_common(MOST_GAPS)]
        lines += [f"- and {len(whys) - MOST_GAPS} further reasons"] if len(whys) > MOST_GAPS else []
        summary = f"{len(found.not_understood)} entries of the chart were not used by these rules"
        yield _card(summary, "info", OWN_SOURCE, "\n".join(lines))
