"""What must hold of the whole knowledge base: used by the tests and by `glisson knowledge check`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from glisson.errors import KnowledgeError
from glisson.knowledge.base import KnowledgeBase
from glisson.knowledge.casetests import CaseResult, facts_of_cases, run_rule_tests, run_score_tests
from glisson.knowledge.claims import Claim
from glisson.knowledge.conditions import quantity_text
from glisson.knowledge.rules import Rule
from glisson.knowledge.scores import FORMULAS, ScoreSpec
from glisson.knowledge.store import TEST_SUFFIX, test_files
from glisson.knowledge.tables import Table

__all__ = ["CheckReport", "Finding", "check_knowledge", "run_tests"]

Item = Rule | ScoreSpec | Table


@dataclass(frozen=True)
class Finding:
    """Something wrong in the knowledge base: the file, and what."""

    file: str
    what: str

    def __str__(self) -> str:
        return f"{self.file}: {self.what}"


@dataclass(frozen=True)
class CheckReport:
    """What a check found; `findings` is empty when all is well."""

    sources: int
    rules: int
    scores: int
    tables: int
    cases: int
    unverified: int
    findings: tuple[Finding, ...]


def check_knowledge(kb: KnowledgeBase) -> CheckReport:
    """Check every source, rule, score and table, and run every test that lies beside them."""
    items: tuple[Item, ...] = (*kb.rules.values(), *kb.scores.values(), *kb.tables.values())
    findings = [*_sources(kb, items), *_conflicts(kb), *_formulas(kb), *_ledger(kb), *_forbidden(kb)]
    for item in items:
        findings += [Finding(item.file, what) for what in (*_numbers(kb, item), *_status(kb, item))]
    cases = 0
    for result, file in run_tests(kb):
        cases += result.cases
        findings += [Finding(file, what) for what in result.problems]
    unverified = sum(any(status == "unverified" for _, _, status in _claims(item)) for item in items)
    return CheckReport(
        len(kb.sources),
        len(kb.rules),
        len(kb.scores),
        len(kb.tables),
        cases,
        unverified,
        tuple(sorted(findings, key=str)),
    )


def _sources(kb: KnowledgeBase, items: tuple[Item, ...]) -> Iterator[Finding]:
    cited = (*items, *kb.claims.values())
    used = {source for item in cited for source in item.sources} | {source.quoted_in for source in kb.sources.values()}
    same = Counter(source.doi.lower() for source in kb.sources.values() if source.doi)
    for source in kb.sources.values():
        if source.id not in used:
            yield Finding(source.file, "no rule, score, table or claim uses this source; use it or remove it.")
        if same[source.doi.lower()] > 1:
            yield Finding(source.file, f"another source has the same doi {source.doi}; keep one.")
        for name in (source.quoted_in, source.superseded_by):
            if name and name not in kb.sources:
                yield Finding(source.file, f"names the source '{name}', which does not exist.")


def _conflicts(kb: KnowledgeBase) -> Iterator[Finding]:
    for rule in kb.rules.values():
        for other in (kb.rules[name] for name in rule.conflicts_with):
            if rule.id not in other.conflicts_with:
                yield Finding(other.file, f"{rule.id} names it in conflicts_with; name {rule.id} here as well.")
            if not set(rule.modalities) & set(other.modalities):
                yield Finding(rule.file, f"conflicts with {other.id}, but they have no modality in common.")


def _forbidden(kb: KnowledgeBase) -> Iterator[Finding]:
    """Where an alert forbids a modality, a rule of that modality stops it: in every case of the alert in which it does.

    The facts of a case are all that is known there, so a stop that needs more than the alert does is found out.
    """
    files = set(test_files(kb.root))
    for rule in kb.rules.values():
        file = rule.file.removesuffix(".yaml") + TEST_SUFFIX
        if file not in files or not any(row.outcome.forbids for row in rule.rows):
            continue
        for case, facts in facts_of_cases(kb, file):
            outcome = kb.evaluate(rule.id, facts).outcome
            for modality in outcome.forbids if outcome else ():
                said = kb.evaluate_all(facts, modality=modality, scope="patient")
                if not any(answer.verdict == "contraindicated" for answer in said):
                    yield Finding(rule.file, f"forbids {modality} in the case '{case}', where no rule stops it.")


def _formulas(kb: KnowledgeBase) -> Iterator[Finding]:
    used = {spec.formula for spec in kb.scores.values()}
    for name in sorted(set(FORMULAS) - used):
        yield Finding("formulas", f"the formula '{name}' is used by no score.")


def _ledger(kb: KnowledgeBase) -> Iterator[Finding]:
    """Claims are numbered once each, and a verified one leans on a source that was read."""
    numbers = Counter(claim.number for claim in kb.claims.values())
    for claim in kb.claims.values():
        if numbers[claim.number] > 1:
            yield Finding(claim.file, f"the number {claim.number} is given to another claim too.")
        yield from (Finding(claim.file, what) for what in _status(kb, claim))


def _numbers(kb: KnowledgeBase, item: Item) -> Iterator[str]:
    """Every number of a rule stands in the record of its source."""
    for source, quantity in dict.fromkeys(item.numbers()):
        if not kb.sources[source].holds(quantity):
            yield f"the number {quantity_text(quantity)} is not among the numbers of the source {source}."


def _status(kb: KnowledgeBase, item: Item | Claim) -> Iterator[str]:
    """What calls itself verified leans on a source that someone read and that still stands."""
    for source, locator, status in dict.fromkeys(_claims(item)):
        if status != "verified":
            continue
        record = kb.sources[source]
        if not record.is_confirmed:
            state = f"{record.standing}, read: {record.read}"
            yield f"says verified, but the source {source} is {state}; make it unverified."
        if locator == "not read":
            yield f"says verified, but its locator in {source} is 'not read'."


def _claims(item: Item | Claim) -> Iterator[tuple[str, str, str]]:
    """Source, locator and status of each part."""
    if isinstance(item, Rule):
        yield from ((row.outcome.source, row.outcome.locator, row.outcome.status) for row in item.rows)
    elif isinstance(item, ScoreSpec):
        yield item.source, item.locator, item.status
        yield from ((group.source, group.locator, group.status) for group in item.groups)
        yield from ((row.source, row.locator, row.status) for row in item.reported)
    elif isinstance(item, Claim):
        yield from ((found.source, found.locator, found.status) for found in item.evidence)
    else:
        yield from ((row.source, row.locator, row.status) for row in item.rows)


def run_tests(kb: KnowledgeBase) -> Iterator[tuple[CaseResult, str]]:
    """Run the tests of every rule and score: what each found and the file of its cases; missing and stray files too."""
    files = set(test_files(kb.root))
    items: tuple[Rule | ScoreSpec, ...] = (*kb.rules.values(), *kb.scores.values())
    for item in items:
        file = item.file.removesuffix(".yaml").removesuffix(".score") + TEST_SUFFIX
        if file not in files:
            yield CaseResult(0, (f"has no tests; write {file}.",)), item.file
            continue
        files.discard(file)
        try:
            yield (run_rule_tests(kb, item, file) if isinstance(item, Rule) else run_score_tests(kb, item, file)), file
        except KnowledgeError as error:
            yield CaseResult(0, (str(error),)), file
    for file in sorted(files):
        yield CaseResult(0, ("tests nothing: there is no rule or score of this name.",)), file
