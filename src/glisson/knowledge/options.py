"""From the answers of many rules to one option: may this modality be offered?

A stop is a rule that says contraindicated. What is not confirmed never opens a door and never closes one for good:

- contraindicated: a verified stop holds and no source that applies here contradicts it;
- undetermined: a stop holds but is unverified ("stop not yet confirmed"), or two sources contradict each other, or a
  stop or caution cannot be excluded because facts are missing, or no verified rule makes the option eligible;
- relative: a caution holds;
- eligible: a verified rule says so and nothing above applies.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from glisson.knowledge.answers import UNDETERMINED, Answer

__all__ = ["Conflict", "Option", "combine", "of_lesions"]

_RANK = {"eligible": 0, "relative": 1, "undetermined": 2, "contraindicated": 3}


@dataclass(frozen=True)
class Conflict:
    """Two sources that say different things of this patient; both are shown, neither wins."""

    one: Answer
    other: Answer

    @property
    def text(self) -> str:
        """Both sides, with their sources."""
        return f"{self.one.source.id}: {self.one.text} — {self.other.source.id}: {self.other.text}"


@dataclass(frozen=True)
class Option:
    """One modality for one patient or lesion.

    scope: "patient" or the lesion's id. verdict: eligible, relative, contraindicated, undetermined. reasons: every
    answer that says something or could, stops first. needs: the missing facts, in the order of the reasons. why: the
    verdict in one sentence.
    """

    modality: str
    scope: str
    verdict: str
    why: str
    reasons: tuple[Answer, ...]
    needs: tuple[str, ...] = ()
    unconfirmed: tuple[Answer, ...] = ()
    conflicts: tuple[Conflict, ...] = ()


def combine(modality: str, scope: str, answers: Iterable[Answer]) -> Option:
    """The option that follows from the answers of every rule about the modality, in any order."""
    heard = sorted((a for a in answers if a.verdict not in ("not met", "not applicable")), key=_order)
    says = {effect: [a for a in heard if a.verdict == effect] for effect in ("eligible", "relative", "contraindicated")}
    conflicts = _conflicts(heard)
    disputed = _disputed_stops(conflicts)
    stops = [a for a in says["contraindicated"] if a not in disputed]
    firm = [a for a in stops if a.status == "verified"]
    unconfirmed = tuple(a for a in heard if a.status == "unverified" and a.is_decided)
    still_open = [a for a in heard if a.verdict == UNDETERMINED]
    needs = tuple(dict.fromkeys(path for a in still_open for path in a.needs))
    supports = [a for a in says["eligible"] if a.status == "verified"]

    def option(verdict: str, why: str) -> Option:
        return Option(modality, scope, verdict, why, tuple(heard), needs, unconfirmed, conflicts)

    if firm:
        return option("contraindicated", firm[0].text)
    if stops:
        return option("undetermined", f"Stop not yet confirmed: {stops[0].text}")
    if disputed:
        return option("undetermined", f"Sources disagree: {conflicts[0].text}")
    if maybe_stop := [a for a in still_open if _may_say(a, "contraindicated")]:
        return option("undetermined", maybe_stop[0].text)
    if not supports and (maybe := [a for a in still_open if _may_say(a, "eligible") or _may_say(a, "relative")]):
        return option("undetermined", maybe[0].text)
    if says["relative"]:
        return option("relative", says["relative"][0].text)
    if not supports:
        unverified = "Only an unverified rule speaks for it" if says["eligible"] else "No rule here makes it eligible"
        return option("undetermined", f"{unverified}.")
    if maybe := [a for a in still_open if _may_say(a, "relative")]:
        return option("undetermined", maybe[0].text)
    return option("eligible", supports[0].text)


def of_lesions(modality: str, patient: Option, lesions: Iterable[Option]) -> Option:
    """The patient's option for a modality that is judged lesion by lesion: a stop for the patient stands, else the best
    lesion counts.
    """
    each = sorted(lesions, key=lambda option: _RANK[option.verdict])
    if patient.verdict == "contraindicated" or not each:
        return patient
    best = each[0]
    why = f"{best.scope}: {best.why}"
    return Option(modality, "patient", best.verdict, why, patient.reasons, best.needs, best.unconfirmed, best.conflicts)


def _order(answer: Answer) -> tuple[int, int, str]:
    rank = {"contraindicated": 0, UNDETERMINED: 1, "relative": 2, "eligible": 3}[answer.verdict]
    return rank, answer.status != "verified", answer.rule.id


def _may_say(answer: Answer, effect: str) -> bool:
    return any(outcome is not None and outcome.effect == effect for outcome in answer.possible)


def _disputed_stops(conflicts: tuple[Conflict, ...]) -> list[Answer]:
    """Stops that a verified source contradicts for this patient; an unverified one contradicts nothing."""
    pairs = [pair for c in conflicts for pair in ((c.one, c.other), (c.other, c.one))]
    return [stop for stop, against in pairs if stop.verdict == "contraindicated" and against.status == "verified"]


def _conflicts(heard: list[Answer]) -> tuple[Conflict, ...]:
    """Pairs that declare a conflict and say different things of this patient."""
    found = []
    for index, one in enumerate(heard):
        for other in heard[index + 1 :]:
            declared = other.rule.id in one.rule.conflicts_with
            if declared and one.is_decided and other.is_decided and one.verdict != other.verdict:
                found.append(Conflict(one, other))
    return tuple(found)
