"""The knowledge base: everything known, by id, and the questions it answers."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from glisson.case import Unknown
from glisson.errors import InputError, KnowledgeError
from glisson.knowledge.answers import UNDETERMINED, Answer, ask
from glisson.knowledge.changes import Change, Gap, Question, changes, rank_missing
from glisson.knowledge.claims import Claim, Document
from glisson.knowledge.facts import FactTable, is_missing
from glisson.knowledge.options import Option, combine, of_lesions
from glisson.knowledge.rules import VERDICTS, Rule
from glisson.knowledge.scores import ScoreResult, ScoreSpec, compute
from glisson.knowledge.sources import Source
from glisson.knowledge.tables import Table

__all__ = ["KnowledgeBase", "Modality"]

T = TypeVar("T")
Facts = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Modality:
    """A treatment or procedure that rules speak of.

    scope: patient, or lesion when it is judged lesion by lesion. effect: what it does to the disease, in board words
    (resected, destroyed, control, support). plain: its name for a patient.
    """

    id: str
    title: str
    plain: str
    scope: str
    effect: str


@dataclass(frozen=True, eq=False)
class KnowledgeBase:
    """Sources, rules, scores, tables and claims by id, and the facts, modalities and documents they speak of."""

    sources: Mapping[str, Source]
    rules: Mapping[str, Rule]
    scores: Mapping[str, ScoreSpec]
    tables: Mapping[str, Table]
    facts: FactTable
    modalities: Mapping[str, Modality]
    root: Path
    claims: Mapping[str, Claim] = field(default_factory=dict)
    documents: Mapping[str, Document] = field(default_factory=dict)

    def source(self, source_id: str) -> Source:
        """The source of that id. Raises KnowledgeError when there is none."""
        return _find(self.sources, source_id, "source")

    def rule(self, rule_id: str) -> Rule:
        """The rule of that id. Raises KnowledgeError when there is none."""
        return _find(self.rules, rule_id, "rule")

    def table(self, table_id: str) -> Table:
        """The table of that id. Raises KnowledgeError when there is none."""
        return _find(self.tables, table_id, "table")

    def claim(self, claim_id: str) -> Claim:
        """The claim of that id. Raises KnowledgeError when there is none."""
        return _find(self.claims, claim_id, "claim")

    def evaluate(self, rule_id: str, facts: Facts) -> Answer:
        """What one rule says of these facts (path -> value, Unknown where missing; paths left out count as missing)."""
        return ask(self.rule(rule_id), facts, self.sources, self.facts)

    def evaluate_all(
        self, facts: Facts, *, topic: str | None = None, modality: str | None = None, scope: str | None = None
    ) -> tuple[Answer, ...]:
        """What each rule says, in the order of ids; only those of a topic, modality or scope where one is named."""
        chosen = (
            rule
            for rule in self.rules.values()
            if (topic is None or rule.topic == topic)
            and (modality is None or modality in rule.modalities)
            and (scope is None or rule.scope == scope)
        )
        return tuple(ask(rule, facts, self.sources, self.facts) for rule in chosen)

    def option(self, modality: str, facts: Facts, lesions: Mapping[str, Facts] | None = None) -> tuple[Option, ...]:
        """The verdict on one modality: for the patient first, then, where it is judged by lesion, for each lesion.

        lesions: lesion id -> its facts (paths beginning with `lesion.`). Raises KnowledgeError for an unknown modality.
        """
        described = _find(self.modalities, modality, "modality")
        own = self.evaluate_all(facts, modality=modality, scope="patient")
        patient = combine(modality, "patient", own)
        if described.scope == "patient" or not lesions:
            return (patient,)
        by_lesion = tuple(
            combine(modality, name, (*own, *self.evaluate_all({**facts, **of}, modality=modality, scope="lesion")))
            for name, of in lesions.items()
        )
        return (of_lesions(modality, patient, by_lesion), *by_lesion)

    def options(self, facts: Facts, lesions: Mapping[str, Facts] | None = None) -> tuple[Option, ...]:
        """The verdict on every modality that a rule speaks of, in the order of `modalities.yaml`."""
        spoken = {
            name for rule in self.rules.values() if rule.effect in (*VERDICTS, "verdict") for name in rule.modalities
        }
        return tuple(
            option for name in self.modalities if name in spoken for option in self.option(name, facts, lesions)
        )

    def counterfactual(self, rule_id: str, facts: Facts) -> tuple[Change, ...]:
        """Each single input that would flip what a rule says, the smallest change first; never age, sex or a gene."""
        return changes(self._rule_question(self.rule(rule_id), facts), facts, self.facts)

    def option_counterfactual(self, modality: str, facts: Facts) -> tuple[Change, ...]:
        """Each single input that would flip the verdict on a modality; for one lesion when its facts are among the
        facts.
        """
        return changes(self._option_question(modality, facts), facts, self.facts)

    def missing(self, facts: Facts) -> tuple[Gap, ...]:
        """The missing facts, those that alone would decide most verdicts first.

        Verdicts are those on modalities (for the patient) and the answers of every rule that gives a value, grade or
        alert.
        """
        spoken = [name for name in self.modalities if any(name in rule.modalities for rule in self.rules.values())]
        decisive = (rule for rule in self.rules.values() if rule.effect != "info" and rule.scope == "patient")
        others = [rule for rule in decisive if not rule.modalities]
        questions = [self._option_question(name, facts) for name in spoken]
        questions += [self._rule_question(rule, facts) for rule in others]
        return rank_missing((question for question in questions if question.needs), facts, self.facts)

    def _rule_question(self, rule: Rule, facts: Facts) -> Question:
        def decide(given: Facts) -> Hashable | None:
            answer = ask(rule, given, self.sources, self.facts)
            return (answer.verdict, answer.value) if answer.is_decided else None

        return Question(rule.id, decide, rule.conditions, ask(rule, facts, self.sources, self.facts).needs)

    def _option_question(self, modality: str, facts: Facts) -> Question:
        scope = None if any(path.startswith("lesion.") for path in facts) else "patient"

        def decide(given: Facts) -> Hashable | None:
            verdict = combine(modality, "", self.evaluate_all(given, modality=modality, scope=scope)).verdict
            return None if verdict == UNDETERMINED else verdict

        answers = self.evaluate_all(facts, modality=modality, scope=scope)
        conditions = tuple(condition for answer in answers for condition in answer.rule.conditions)
        return Question(modality, decide, conditions, combine(modality, "", answers).needs)

    def score(self, score_id: str, inputs: Mapping[str, object]) -> ScoreResult:
        """One score from its inputs by name (numbers in the units of its record, or text such as "3 cm").

        Raises KnowledgeError for an unknown score, InputError or UnitError for inputs it cannot use.
        """
        return compute(_find(self.scores, score_id, "score"), inputs)

    def score_from_facts(self, score_id: str, facts: Facts) -> ScoreResult:
        """One score with its inputs taken from the facts of the case; scores it builds on are computed first.

        Facts that the score cannot use (no lesion at all, say) leave it without a value, as missing ones do.
        """
        spec = _find(self.scores, score_id, "score")
        inputs = {item.name: self._fact_or_score(item.fact, facts) for item in spec.inputs}
        try:
            return compute(spec, inputs)
        except InputError as refusal:
            return compute(spec, dict.fromkeys(inputs, Unknown(str(refusal))))

    def _fact_or_score(self, path: str, facts: Facts) -> object:
        other = path.removeprefix("score.")
        if path in facts or other == path:
            return facts.get(path, Unknown("not given"))
        result = self.score_from_facts(other.removesuffix(".group"), facts)
        value = result.group if other.endswith(".group") else result.value
        return Unknown(f"needs {', '.join(result.missing)}") if value is None else value

    def missing_for_score(self, score_id: str, facts: Facts) -> tuple[str, ...]:
        """Paths of the facts that are missing for a score, through the scores it builds on."""
        missing: dict[str, None] = {}
        for item in _find(self.scores, score_id, "score").inputs:
            if item.fact.startswith("score.") and item.fact not in facts:
                below = item.fact.removeprefix("score.").removesuffix(".group")
                missing.update(dict.fromkeys(self.missing_for_score(below, facts)))
            elif is_missing(facts, item.fact):
                missing[item.fact or item.name] = None
        return tuple(missing)

    def variants(self, family: str) -> tuple[ScoreSpec, ...]:
        """Every variant of one score, such as every formula for the total liver volume."""
        found = tuple(spec for spec in self.scores.values() if spec.family == family)
        if not found:
            families = ", ".join(sorted({spec.family for spec in self.scores.values()}))
            raise KnowledgeError(f"No score of the family '{family}'; families: {families}.")
        return found

    def with_scores(self, facts: Facts) -> dict[str, object]:
        """The facts and, as further facts, every score that can be computed from them: `score.<id>`,
        `score.<id>.group`.
        """
        extended = dict(facts)
        for name in self.scores:
            result = self.score_from_facts(name, facts)
            missing = Unknown(f"needs {', '.join(self.missing_for_score(name, facts))}")
            extended[f"score.{name}"] = missing if result.value is None else result.value
            if self.scores[name].groups:
                extended[f"score.{name}.group"] = result.group or missing
        return extended


def _find(items: Mapping[str, T], name: str, what: str) -> T:
    if name in items:
        return items[name]
    from difflib import get_close_matches

    close = ", ".join(get_close_matches(name, items, n=3, cutoff=0.4))
    raise KnowledgeError(f"There is no {what} '{name}'.{f' Similar: {close}.' if close else ''}")
