"""`glisson knowledge …` and `glisson score`: what is known, from where, and why a rule says what it says of a case."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from glisson.cli.output import print_json, print_table
from glisson.errors import InputError

if TYPE_CHECKING:
    from glisson.knowledge import Answer, Rule, ScoreSpec

__all__ = ["knowledge", "score"]

knowledge = typer.Typer(no_args_is_help=True, help="What is known: rules, scores and their sources.")
AsJson = Annotated[bool, typer.Option("--json", help="print machine-readable output")]


@knowledge.command("list")
def list_rules(
    topic: Annotated[str | None, typer.Option(help="only this topic")] = None, as_json: AsJson = False
) -> None:
    """List every rule and score with its topic, status and source."""
    from glisson.knowledge import knowledge_base

    kb = knowledge_base()
    items: list[Rule | ScoreSpec] = [*kb.rules.values(), *kb.scores.values()]
    rows = [
        {
            "id": item.id,
            "topic": item.topic,
            "status": item.status,
            "sources": ", ".join(item.sources),
            "title": item.title,
        }
        for item in sorted(items, key=lambda item: (item.topic, item.id))
        if topic in (None, item.topic)
    ]
    _print_rows(rows, as_json)


@knowledge.command()
def show(name: Annotated[str, typer.Argument(metavar="ID", help="id of a rule, score, table or source")]) -> None:
    """Print one rule, score, table or source as it is kept, then the citation of each source it names."""
    from glisson.knowledge import knowledge_base

    kb = knowledge_base()
    found = next((kind[name] for kind in (kb.rules, kb.scores, kb.tables, kb.sources) if name in kind), None)
    if found is None:
        raise InputError(f"There is no rule, score, table or source {name!r}. `glisson knowledge list` names them.")
    print((kb.root / found.file).read_text(encoding="utf-8").rstrip())
    for source in getattr(found, "sources", ()):
        print(f"# {source}: {kb.source(source).citation}")


@knowledge.command()
def check(as_json: AsJson = False) -> None:
    """Check the installed knowledge base: rules tested, sources used, numbers in their sources. Exit 1 if not."""
    from glisson.knowledge import knowledge_base
    from glisson.knowledge.checking import check_knowledge

    report = check_knowledge(knowledge_base())
    counts = {key: getattr(report, key) for key in ("sources", "rules", "scores", "tables", "cases", "unverified")}
    if as_json:
        print_json({**counts, "findings": [str(finding) for finding in report.findings]})
    else:
        for finding in report.findings:
            print(finding)
        print(", ".join(f"{count} {key}" for key, count in counts.items()) + f"; {len(report.findings)} findings")
    raise typer.Exit(1 if report.findings else 0)


@knowledge.command("test")
def run_cases(
    name: Annotated[str | None, typer.Argument(metavar="[ID]", help="only the cases of this rule or score")] = None,
    as_json: AsJson = False,
) -> None:
    """Run the cases kept beside the rules and scores: below, at and above each threshold. Exit 1 if one fails."""
    from glisson.knowledge import knowledge_base
    from glisson.knowledge.checking import run_tests

    kb = knowledge_base()
    if name is not None and name not in kb.rules and name not in kb.scores:
        raise InputError(f"There is no rule or score {name!r}. `glisson knowledge list` names them.")
    results = [(result, file) for result, file in run_tests(kb) if name in (None, Path(file).name.split(".")[0])]
    cases = sum(result.cases for result, _ in results)
    problems = [f"{file}: {problem}" for result, file in results for problem in result.problems]
    if as_json:
        print_json({"cases": cases, "problems": problems})
    else:
        print("\n".join([*problems, f"{cases} cases, {len(problems)} problems"]))
    raise typer.Exit(1 if problems else 0)


@knowledge.command()
def claims(as_json: AsJson = False) -> None:
    """The ledger: what documents for patients and the public say, the evidence on each side, and what it means."""
    from dataclasses import asdict

    from glisson.knowledge import knowledge_base

    kb = knowledge_base()
    ledger = sorted(kb.claims.values(), key=lambda claim: claim.number)
    if as_json:
        print_json(
            [{key: value for key, value in asdict(claim).items() if key not in ("when", "file")} for claim in ledger]
        )
        return
    for claim in ledger:
        print(f"{claim.number}. {claim.title} ({claim.kind})")
        for saying in claim.said:
            print(f"   {saying.standing:<13}{saying.text} [{', '.join(saying.by)}]")
        for item in claim.evidence:
            print(f"   {item.status:<13}{item.text} [{item.source}]")
        print(f"   For a patient: {claim.means}")


@knowledge.command()
def why(
    case: Annotated[Path, typer.Argument(metavar="CASE", help="folder with case.yaml")],
    rule: Annotated[str, typer.Argument(metavar="RULE", help="id of a rule")],
    as_json: AsJson = False,
) -> None:
    """Why a rule says what it says of a case: verdict, reasons, missing facts, and what one change would flip it."""
    from glisson.assessment import all_facts, assess
    from glisson.imaging import read_case
    from glisson.knowledge import knowledge_base

    facts = all_facts(assess(*read_case(case)))
    kb = knowledge_base()
    answer = kb.evaluate(rule, facts)
    changes = [change.text for change in kb.counterfactual(rule, facts)]
    if as_json:
        print_json(
            {
                "rule": rule,
                "verdict": answer.verdict,
                "text": answer.text,
                "status": answer.status,
                "source": answer.source.citation,
                "needs": list(answer.needs),
                "trace": [line for step in answer.trace for line in step.lines()],
                "counterfactual": changes,
            }
        )
    else:
        print("\n".join(_in_words(answer, changes)))


def _in_words(answer: Answer, changes: list[str]) -> Iterable[str]:
    yield f"{answer.rule.id}: {answer.verdict} ({answer.status})"
    yield answer.text
    yield f"Source: {answer.source.citation}"
    for step in answer.trace:
        yield from step.lines(1)
    if answer.needs:
        yield f"Missing: {', '.join(answer.needs)}"
    for change in changes:
        yield f"Would change: {change}"


def score(
    name: Annotated[str, typer.Argument(metavar="NAME", help="id of a score, e.g. albi, meld-3.0")],
    inputs: Annotated[
        list[str] | None, typer.Argument(metavar="KEY=VALUE", help="inputs with units, e.g. bilirubin=2.5mg/dL")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compute one score from the command line."""
    from glisson.knowledge import knowledge_base

    given: dict[str, Any] = {}
    for pair in inputs or []:
        key, equals, value = pair.partition("=")
        if not (key and equals and value):
            raise InputError(f"Inputs are given as KEY=VALUE, for example bilirubin=2.5mg/dL; got {pair!r}.")
        given[key] = value
    result = knowledge_base().score(name, given)
    if as_json:
        print_json(
            {name: getattr(result, name) for name in ("id", "variant", "value", "printed", "group", "status", "source")}
            | {"missing": list(result.missing), "notes": list(result.notes)}
        )
        return
    value = result.printed if result.value is not None else f"not computed: {', '.join(result.missing)} missing"
    print(f"{result.title} ({result.variant}): {value}{f' — {result.group}' if result.group else ''}")
    print(f"Source: {knowledge_base().source(result.source).citation} [{result.status}]")
    for note in result.notes:
        print(f"  {note}")


def _print_rows(rows: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        print_json(rows)
    else:
        print_table(rows)
