"""Reading the knowledge base from its folder: what is referred to first, then what refers to it, then what only the
whole can show.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import TypeVar

from glisson.errors import KnowledgeError
from glisson.knowledge.base import KnowledgeBase, Modality
from glisson.knowledge.claims import Claim, Document, read_claim, read_documents
from glisson.knowledge.facts import FactSpec, FactTable, case_specs, read_fact_specs
from glisson.knowledge.rules import Rule, read_rule
from glisson.knowledge.scores import ScoreSpec, read_score
from glisson.knowledge.sources import read_source
from glisson.knowledge.store import ROOT, load_files
from glisson.knowledge.strict_yaml import Section
from glisson.knowledge.tables import Table, read_table

__all__ = ["knowledge_base", "load_knowledge"]

T = TypeVar("T")


@cache
def knowledge_base() -> KnowledgeBase:
    """The knowledge that ships with Glisson, loaded once. Raises KnowledgeError when a file of it is malformed."""
    return load_knowledge(ROOT)


def load_knowledge(root: Path, *, specs: Mapping[str, FactSpec] | None = None) -> KnowledgeBase:
    """A knowledge base from a folder laid out like the package's own.

    specs: facts of the record, by default those of the case room. Raises KnowledgeError naming file and line for a
    malformed file.
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
            self.specs = read_fact_specs(self.files["facts.yaml"], self.specs)
        modalities = _read_modalities(self.files["modalities.yaml"]) if "modalities.yaml" in self.files else {}
        sources = self._read_all("sources/", "", read_source)
        facts = FactTable(self.specs)
        scores = self._read_all("library/", ".score.yaml", lambda section: read_score(section, facts))
        facts = FactTable({**self.specs, **_score_facts(scores.values())})
        tables = self._read_all("library/", ".table.yaml", lambda section: read_table(section, facts))
        rules = self._read_all("library/", "", lambda section: read_rule(section, facts, modalities))
        documents, claims = self._read_claims(facts)
        base = KnowledgeBase(sources, rules, scores, tables, facts, modalities, self.root, claims, documents)
        self._check_references(base)
        return base

    def _read_all(self, folder: str, suffix: str, read: Callable[[Section], T]) -> dict[str, T]:
        items: dict[str, T] = {}
        for name in self.files:
            if not name.startswith(folder) or not _is_kind(name, suffix):
                continue
            item = read(self.files[name])
            stem = name.rsplit("/", 1)[-1].removesuffix(suffix or ".yaml")
            item_id = getattr(item, "id", "")
            if item_id != stem:
                raise KnowledgeError(f"{name}: the id is '{item_id}'; it must be the name of the file, '{stem}'.")
            topic = getattr(item, "topic", None)
            if folder == "library/" and name.split("/")[1:-1] != [topic]:
                raise KnowledgeError(f"{name}: the topic is '{topic}'; it must be the name of the folder in library/.")
            if item_id in items:
                raise KnowledgeError(f"{name}: the id '{item_id}' is taken by {getattr(items[item_id], 'file', '')}.")
            items[item_id] = item
        return dict(sorted(items.items()))

    def _read_claims(self, facts: FactTable) -> tuple[dict[str, Document], dict[str, Claim]]:
        """The documents and the claims in them, claims in the order of their numbers."""
        listed = self.files.pop("claims/documents.yaml", None)
        documents = read_documents(listed) if listed else {}
        claims = self._read_all("claims/", "", lambda section: read_claim(section, facts, documents))
        return documents, dict(sorted(claims.items(), key=lambda item: item[1].number))

    def _check_references(self, base: KnowledgeBase) -> None:
        cited: tuple[Rule | ScoreSpec | Table | Claim, ...] = (
            *base.rules.values(),
            *base.scores.values(),
            *base.tables.values(),
            *base.claims.values(),
        )
        for citing in cited:
            for source in citing.sources:
                if source not in base.sources:
                    raise KnowledgeError(f"{citing.file}: there is no source '{source}'; write sources/{source}.yaml.")
        _check_score_inputs(base)
        for rule in base.rules.values():
            for other in rule.conflicts_with:
                if other not in base.rules:
                    raise KnowledgeError(f"{rule.file}: conflicts_with names the rule '{other}', which does not exist.")


def _check_score_inputs(base: KnowledgeBase) -> None:
    """Every input that comes from a fact fits it, and no score builds on itself."""
    for score in base.scores.values():
        for item in score.inputs:
            found = base.facts.get(item.fact)
            if item.fact and (found is None or (found.kind, found.unit) != (item.kind, item.unit)):
                near = base.facts.near(item.fact)
                raise KnowledgeError(f"{score.file}: the input {item.name} does not fit the fact '{item.fact}'.{near}")
    for name in base.scores:
        _follow(name, (), base)


def _follow(name: str, chain: tuple[str, ...], base: KnowledgeBase) -> None:
    if name in chain:
        raise KnowledgeError(f"{base.scores[name].file}: the score builds on itself: {', '.join((*chain, name))}.")
    for item in base.scores[name].inputs:
        if item.fact.startswith("score."):
            _follow(item.fact.removeprefix("score.").removesuffix(".group"), (*chain, name), base)


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
            specs[f"{path}.group"] = FactSpec(
                f"{path}.group", "choice", None, names, "fixed", f"{spec.title}, group", "score"
            )
    return specs
