"""Time the knowledge base: loading 400 rules and 200 sources, 1000 cases. Usage: python -m benchmarks.knowledge."""

from __future__ import annotations

import random
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from glisson.knowledge import KnowledgeBase, load_knowledge
from glisson.knowledge.store import ROOT, TOP_FILES

SOURCE = """id: s{n}
title: A study of some length in its title, number {n}
authors: Doe J, Roe R, et al.
year: 2020
kind: cohort
standing: current
read: abstract
verified: 2026-01-01
doi: 10.1000/{n}
population: 300 patients with colorectal liver metastases
numbers:
  - {{values: [2, 30 mm, 50 mm], says: thresholds of the study, locator: table 1}}
  - {{values: [2 mg/dL, 50 10*9/L], says: limits for inclusion, locator: methods}}
"""
RULE = """id: r{n}
version: 1
topic: t
title: A rule of the library, number {n}
applies_to: {{modality: {modality}, if: primary.site is colorectal}}
when:
  all:
    - patient.ecog <= 2
    - labs.bilirubin_umol_l <= 2 mg/dL
    - labs.platelets_10e9_l >= 50 10*9/L
    - any:
        - burden.largest_mm between [30, 50) mm
        - biomarkers.kras is mutated
        - liver.background in {{fibrosis, cirrhosis}}
    - not: extrahepatic.status is present
effect: {effect}
exceptions:
  - {{when: liver.ascites is severe, text: not in severe ascites, source: s{source}, locator: table 2}}
text: A sentence for clinicians with {{burden.largest_mm}} mm in it.
plain: A sentence for the patient.
strength: cohort
source: s{source}
locator: table 1
status: verified
paraphrase: A sentence about the rule.
"""


def write_library(root: Path, rules: int = 400, sources: int = 200) -> None:
    """A library of that size with rules like the real ones."""
    for folder in ("sources", "library/t"):
        (root / folder).mkdir(parents=True)
    for name in TOP_FILES:
        shutil.copy(ROOT / name, root / name)
    modalities = tuple(load_knowledge(ROOT).modalities)
    chance = random.Random(1)
    for n in range(sources):
        (root / f"sources/s{n}.yaml").write_text(SOURCE.format(n=n))
    for n in range(rules):
        effect = chance.choice(("eligible", "relative", "contraindicated"))
        text = RULE.format(n=n, modality=chance.choice(modalities), effect=effect, source=n % sources)
        (root / f"library/t/r{n}.yaml").write_text(text)


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


def best_of(times: int, work: Callable[[], object]) -> float:
    """Shortest of several runs in seconds."""
    best = float("inf")
    for _ in range(times):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


def show(what: str, milliseconds: float) -> None:
    """One row of the printed table."""
    print(f"{what:<50}{milliseconds:8.0f} ms")


def main() -> None:
    """Print the table."""
    show("load the shipped knowledge base", 1000 * best_of(5, lambda: load_knowledge(ROOT)))
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_library(root)
        show("load 400 rules and 200 sources", 1000 * best_of(5, lambda: load_knowledge(root)))
        kb = load_knowledge(root)
        cases = [random_facts(kb, seed) for seed in range(1000)]
        show("every rule of 400 for 1000 cases", 1000 * best_of(1, lambda: [kb.evaluate_all(f) for f in cases]))
        show("every option from 400 rules for 1000 cases", 1000 * best_of(1, lambda: [kb.options(f) for f in cases]))


if __name__ == "__main__":
    main()
