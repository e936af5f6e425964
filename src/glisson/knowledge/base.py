"""The knowledge base: everything known, by id, and the questions it answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeVar

from glisson.case import Unknown
from glisson.errors import KnowledgeError
from glisson.knowledge.answers import Answer, ask
from glisson.knowledge.facts import FactSpec, FactTable, case_specs, read_fact_specs
from glisson.knowledge.options import Option, combine, of_lesions
from glisson.knowledge.rules import VERDICTS, Rule, read_rule
from glisson.knowledge.scores import ScoreResult, ScoreSpec, compute, read_score
from glisson.knowledge.sources import Source, read_source
from glisson.knowledge.store import ROOT, load_files, load_section
from glisson.knowledge.strict_yaml import Section
from glisson.knowledge.tables import Table, read_table

__all__ = ["KnowledgeBase", "Modality", "knowledge_base", "load_knowledge"]

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
    """Sources, rules, scores and tables by id, and the facts and modalities they speak of."""

    sources: Mapping[str, Source]
    rules: Mapping[str, Rule]
    scores: Mapping[str, ScoreSpec]
    tables: Mapping[str, Table]
    facts: FactTable
    modalities: Mapping[str, Modality]
    root: Path

    def source(self, source_id: str) -> Source:
        """The source of that id. Raises KnowledgeError when there is none."""
        return _find(self.sources, source_id, "source")

    def rule(self, rule_id: str) -> Rule:
        """The rule of that id. Raises KnowledgeError when there is none."""
        return _find(self.rules, rule_id, "rule")

    def table(self, table_id: str) -> Table:
        """The table of that id. Raises KnowledgeError when there is none."""
        return _find(self.tables, table_id, "table")

    def evaluate(self, rule_id: str, facts: Facts) -> Answer:
        """What one rule says of these facts (path -> value, Unknown where missing; paths left out count as missing)."""
        return ask(self.rule(rule_id), facts, self.sources, self.facts)

    def evaluate_all(
        self, facts: Facts, *, topic: str | None = None, modality: str | None = None, scope: str | None = None
    ) -> tuple[Answer, ...]:
        """What every rule says, in the order of their ids; only those of a topic, modality or scope when one is named."""
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
        spoken = {name for rule in self.rules.values() if rule.effect in (*VERDICTS, "verdict") for name in rule.modalities}
        return tuple(option for name in self.modalities if name in spoken for option in self.option(name, facts, lesions))

    def score(self, score_id: str, inputs: Mapping[str, object]) -> ScoreResult:
        """One score from its inputs by name (numbers in the units of its record, or text such as "3 cm").

        Raises KnowledgeError for an unknown score, InputError or UnitError for inputs it cannot use.
        """
        return compute(_find(self.scores, score_id, "score"), inputs)

    def score_from_facts(self, score_id: str, facts: Facts) -> ScoreResult:
        """One score with its inputs taken from the facts of the case; scores it builds on are computed first."""
        spec = _find(self.scores, score_id, "score")
        return compute(spec, {item.name: self._fact_or_score(item.fact, facts) for item in spec.inputs})

    def _fact_or_score(self, path: str, facts: Facts) -> object:
        other = path.removeprefix("score.")
        if path in facts or other == path:
            return facts.get(path, Unknown("not given"))
        result = self.score_from_facts(other.removesuffix(".group"), facts)
        value = result.group if other.endswith(".group") else result.value
        return Unknown(f"needs {', '.join(result.missing)}") if value is None else value

    def variants(self, family: str) -> tuple[ScoreSpec, ...]:
        """Every variant of one score, such as every formula for the total liver volume."""
        found = tuple(spec for spec in self.scores.values() if spec.family == family)
        if not found:
            raise KnowledgeError(f"No score of the family '{family}'; families: {', '.join(sorted({s.family for s in self.scores.values()}))}.")
        return found

    def with_scores(self, facts: Facts) -> dict[str, object]:
        """The facts and, as further facts, every score that can be computed from them: `score.<id>`, `score.<id>.group`."""
        extended = dict(facts)
        for name in self.scores:
            result = self.score_from_facts(name, facts)
            missing = Unknown(f"needs {', '.join(result.missing)}")
            extended[f"score.{name}"] = missing if result.value is None else result.value
            if self.scores[name].groups:
                extended[f"score.{name}.group"] = result.group or missing
        return extended


def _find(items: Mapping[str, T], name: str, what: str) -> T:
    if name in items:
        return items[name]
    from difflib import get_close_matches

    close = get_close_matches(name, items, n=3, cutoff=0.4)
    raise KnowledgeError(f"There is no {what} '{name}'.{f' Similar: {', '.join(close)}.' if close else ''}")


@cache
def knowledge_base() -> KnowledgeBase:
    """The knowledge that ships with Glisson, loaded once. Raises KnowledgeError when a file of it is malformed."""
    return load_knowledge(ROOT)


def load_knowledge(root: Path, *, specs: Mapping[str, FactSpec] | None = None) -> KnowledgeBase:
    """A knowledge base from a folder laid out like the package's own.

    specs: facts of the record, by default those of the case room. Raises KnowledgeError naming file and line for a malformed file.
    """
    return _Loader(root, case_specs() if specs is None else specs).load()


class _Loader:
    """One load: reads what is referred to before what refers to it."""

    def __init__(self, root: Path, specs: Mapping[str, FactSpec]):
        self.root = root
        self.files = load_files(root)
        self.specs = dict(specs)

    def load(self) -> KnowledgeBase:
        """Everything, checked."""
        if "facts.yaml" in self.files:
            self.specs |= self._read("facts.yaml", read_fact_specs)
        modalities = self._read("modalities.yaml", _read_modalities) if "modalities.yaml" in self.files else {}
        sources = self._read_all("sources/", "", read_source)
        facts = FactTable(self.specs)
        scores = self._read_all("library/", ".score.yaml", lambda section: read_score(section, facts))
        facts = FactTable({**self.specs, **_score_facts(scores.values())})
        tables = self._read_all("library/", ".table.yaml", lambda section: read_table(section, facts))
        rules = self._read_all("library/", "", lambda section: read_rule(section, facts, modalities))
        base = KnowledgeBase(sources, rules, scores, tables, facts, modalities, self.root)
        self._check_references(base)
        return base

    def _read(self, name: str, read: Callable[[Section], T]) -> T:
        """Read one file; when the kept copy is refused, read the file itself for the line number."""
        section = self.files[name]
        try:
            return read(section)
        except KnowledgeError:
            if section.lines:
                raise
            return read(load_section(self.root, name))

    def _read_all(self, folder: str, suffix: str, read: Callable[[Section], T]) -> dict[str, T]:
        items: dict[str, T] = {}
        for name in self.files:
            if not name.startswith(folder) or not _is_kind(name, suffix):
                continue
            item = self._read(name, read)
            stem = name.rsplit("/", 1)[-1].removesuffix(suffix or ".yaml")
            item_id = getattr(item, "id", "")
            if item_id != stem:
                raise KnowledgeError(f"{name}: the id is '{item_id}'; it must be the name of the file, '{stem}'.")
            topic = getattr(item, "topic", None)
            if topic is not None and name.split("/")[1:-1] != [topic]:
                raise KnowledgeError(f"{name}: the topic is '{topic}'; it must be the name of the folder in library/.")
            if item_id in items:
                raise KnowledgeError(f"{name}: the id '{item_id}' is taken by {getattr(items[item_id], 'file', '')}.")
            items[item_id] = item
        return dict(sorted(items.items()))

    def _check_references(self, base: KnowledgeBase) -> None:
        for item in (*base.rules.values(), *base.scores.values(), *base.tables.values()):
            for source in item.sources:
                if source not in base.sources:
                    raise KnowledgeError(f"{item.file}: there is no source '{source}'; write sources/{source}.yaml.")
        for score in base.scores.values():
            for item in score.inputs:
                found = base.facts.get(item.fact)
                if item.fact and (found is None or (found.kind, found.unit) != (item.kind, item.unit)):
                    raise KnowledgeError(f"{score.file}: the input {item.name} does not fit the fact '{item.fact}'.{base.facts.near(item.fact)}")
        for rule in base.rules.values():
            for other in rule.conflicts_with:
                if other not in base.rules:
                    raise KnowledgeError(f"{rule.file}: conflicts_with names the rule '{other}', which does not exist.")


def _is_kind(name: str, suffix: str) -> bool:
    """Whether a file name has that ending; no suffix means a plain `.yaml` that is neither score nor table."""
    return name.endswith(suffix) if suffix else not name.endswith((".score.yaml", ".table.yaml"))


def _read_modalities(section: Section) -> dict[str, Modality]:
    found = {}
    for name, entry in section.named_sections():
        scope = entry.choice("scope", ("patient", "lesion"))
        effect = entry.choice("effect", ("resected", "destroyed", "control", "support"))
        found[name] = Modality(name, entry.text("title"), entry.text("plain"), scope, effect)
        entry.done()
    return found


def _score_facts(scores: Iterable[ScoreSpec]) -> dict[str, FactSpec]:
    specs = {}
    for spec in scores:
        path = f"score.{spec.id}"
        specs[path] = FactSpec(path, "number", spec.unit, (), "fixed", spec.title, "score")
        if spec.groups:
            names = tuple(dict.fromkeys(group.name for group in spec.groups))
            specs[f"{path}.group"] = FactSpec(f"{path}.group", "choice", None, names, "fixed", f"{spec.title}, group", "score")
    return specs
