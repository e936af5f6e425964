"""Time the shipped knowledge base: loading it, and its rules alone on 1000 made-up patients. Usage: python -m
benchmarks.knowledge."""

from __future__ import annotations

import random

from benchmarks.measure import best_of
from glisson.knowledge import KnowledgeBase, load_knowledge
from glisson.knowledge.store import ROOT


def random_facts(kb: KnowledgeBase, seed: int) -> dict[str, object]:
    """Facts of a made-up patient; about one in three is missing."""
    chance = random.Random(seed)
    facts: dict[str, object] = {}
    for spec in kb.facts:
        if chance.random() < 1 / 3:
            continue
        if spec.kind == "number":
            facts[spec.path] = chance.uniform(0, 100)
        elif spec.kind == "choice":
            facts[spec.path] = chance.choice(spec.values)
        elif spec.kind == "flag":
            facts[spec.path] = chance.random() < 0.5
    return facts


def show(what: str, milliseconds: float) -> None:
    """One row of the printed table."""
    print(f"{what:<50}{milliseconds:8.0f} ms")


def judge(kb: KnowledgeBase, facts: dict[str, object]) -> int:
    """Every score, every rule and every option of one patient, as an assessment asks for them."""
    known = kb.with_scores(facts)
    return len(kb.evaluate_all(known)) + len(kb.options(known))


def main() -> None:
    """Print the table."""
    show("load the shipped knowledge base", 1000 * best_of(5, lambda: load_knowledge(ROOT)))
    kb = load_knowledge(ROOT)
    cases = [random_facts(kb, seed) for seed in range(1000)]
    what = f"scores, {len(kb.rules)} rules and options, 1000 cases"
    show(what, 1000 * best_of(1, lambda: [judge(kb, facts) for facts in cases]))
    show("missing facts ranked, 10 cases", 1000 * best_of(1, lambda: [kb.missing(facts) for facts in cases[:10]]))


if __name__ == "__main__":
    main()
