"""Response over time by any criterion, and the criteria beside each other with their disagreements explained.

rows = read_response_table(text)
for line in timelines(rows):
    respond(line, "recist-1.1").best.best_confirmed
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

from glisson.errors import InputError
from glisson.lesions.response.irecist import assess_irecist
from glisson.lesions.response.limits import made_for
from glisson.lesions.response.other import assess_choi, assess_morphology, assess_uptake
from glisson.lesions.response.recist import assess_sums, overall_response
from glisson.lesions.response.table import read_response_table, timelines
from glisson.lesions.response.targets import select_targets
from glisson.lesions.response.types import DateResponse, Reading, Response, Timeline

__all__ = [
    "CRITERIA", "DateResponse", "Disagreement", "Reading", "Response", "Timeline", "disagreements",
    "overall_response", "read_response_table", "respond", "select_targets", "timelines",
]  # fmt: skip

CRITERIA = ("recist-1.1", "irecist", "mrecist", "percist", "choi", "morphologic", "volumetric")

_SAME_SENSE = {
    "response": "CR PR iCR iPR CMR PMR optimal",
    "no response": "SD iSD SMD incomplete none non-CR/non-PD non-iCR/non-iUPD",
    "progression": "PD iCPD PMD",
    "progression not confirmed": "iUPD",
}

SENSE: Mapping[str, str] = MappingProxyType({w: sense for sense, words in _SAME_SENSE.items() for w in words.split()})
"""What each word means for the patient; words without an entry say nothing."""


@dataclass(frozen=True)
class Disagreement:
    """A date on which criteria say different things of one patient. overall: criterion -> its word. text: why."""

    patient: str
    reader: str | None
    date: date
    overall: Mapping[str, str]
    text: str


def respond(line: Timeline, criterion: str = "recist-1.1", *, stated_percent: float | None = None) -> Response:
    """The answer of one criterion for one patient and reader.

    stated_percent: 95 % limit of the reader's own repeated measurements in percent, for the notes near a limit.
    Raises InputError for a criterion that is not among CRITERIA or a limit below zero.
    """
    if stated_percent is not None and not 0 <= stated_percent < 100:
        raise InputError(f"A measuring error is a percentage from 0 to below 100; given {stated_percent:g}.")
    if criterion in ("recist-1.1", "mrecist", "volumetric"):
        return assess_sums(line, criterion, stated_percent=stated_percent)
    if criterion == "irecist":
        return assess_irecist(line, stated_percent=stated_percent)
    if criterion in ("choi", "percist", "morphologic"):
        return {"choi": assess_choi, "percist": assess_uptake, "morphologic": assess_morphology}[criterion](line)
    raise InputError(f"The criteria are {', '.join(CRITERIA)}; given {criterion!r}.")


def disagreements(responses: Sequence[Response]) -> tuple[Disagreement, ...]:
    """Dates on which criteria that could judge say different things, each with what decided in each of them."""
    found = []
    for patient, reader in dict.fromkeys((one.patient, one.reader) for one in responses):
        own = [one for one in responses if (one.patient, one.reader) == (patient, reader)]
        for day in sorted({row.date for one in own for row in one.dates[1:]}):
            said = [
                (one.criterion, row) for one in own for row in one.dates if row.date == day and row.overall in SENSE
            ]
            if len({SENSE[row.overall] for _, row in said}) > 1:
                words = MappingProxyType({criterion: row.overall for criterion, row in said})
                found.append(Disagreement(patient, reader, day, words, "; ".join(_said(c, row) for c, row in said)))
    return tuple(found)


def _said(criterion: str, row: DateResponse) -> str:
    measures, made = made_for(criterion)
    why = ", ".join(row.why) or "nothing changed enough"
    return f"{criterion}, which looks at the {measures} (made for {made}), says {row.overall}: {why}"
