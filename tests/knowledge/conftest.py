"""A small knowledge base written into a temporary folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from glisson.knowledge import KnowledgeBase, load_knowledge

FACTS = """
case_facts: {}
facts:
  p.age: {kind: number, unit: years, change: fixed, title: age, from: test}
  p.size: {kind: number, unit: mm, change: measured, title: size, from: test}
  p.limit: {kind: number, unit: mm, change: changeable, title: limit, from: test}
  p.count: {kind: number, change: measured, title: number of lesions, from: test}
  p.liver: {kind: choice, values: [normal, fatty, scarred], change: measured, title: liver, from: test}
  p.gene: {kind: choice, values: [wild, mutated], change: fixed, title: gene, from: test}
  p.a: {kind: flag, change: changeable, title: a, from: test}
  p.b: {kind: flag, change: changeable, title: b, from: test}
  p.c: {kind: flag, change: fixed, title: c, from: test}
  p.sites: {kind: set, values: [lung, bone, node], change: measured, title: sites, from: test}
  p.note: {kind: text, change: fixed, title: note, from: test}
  labs.bilirubin_umol_l: {kind: number, unit: umol/L, change: measured, title: bilirubin, from: test}
  lesion.size: {kind: number, unit: mm, change: measured, title: size of the lesion, from: test}
"""
MODALITIES = """
cut: {title: Cutting, plain: an operation, scope: patient, effect: resected}
burn: {title: Burning, plain: heat, scope: lesion, effect: destroyed}
"""
SOURCE = """
id: {id}
title: A study
authors: Doe J
year: 2020
kind: cohort
standing: current
read: abstract
verified: 2026-01-01
doi: 10.1000/{id}
numbers:
  - {{values: [10 mm, 20 mm, 30 mm, 3, 5, 2 mg/dL, 40 %, 20 %], says: thresholds, locator: abstract}}
"""
RULE = """
id: {id}
version: 1
topic: t
title: Rule {id}
{body}
strength: cohort
source: {source}
locator: abstract
status: {status}
paraphrase: a rule
"""

Write = Callable[..., KnowledgeBase]


class Shelf:
    """Writes rules, sources and scores and loads them."""

    def __init__(self, root: Path):
        self.root = root
        for folder in ("sources", "library/t"):
            (root / folder).mkdir(parents=True)
        self.file("facts.yaml", FACTS)
        self.file("modalities.yaml", MODALITIES)
        self.source("doe")

    def file(self, name: str, text: str) -> None:
        (self.root / name).write_text(text, encoding="utf-8")

    def source(self, name: str) -> None:
        self.file(f"sources/{name}.yaml", SOURCE.format(id=name))

    def rule(self, name: str, body: str, *, source: str = "doe", status: str = "verified", text: str = "said") -> None:
        said = "" if "table:" in body else f'\ntext: "{text}"'
        filled = RULE.format(id=name, body=body.strip("\n") + said, source=source, status=status)
        self.file(f"library/t/{name}.yaml", filled)

    def verdict(self, name: str, effect: str, when: str, *, modality: str = "cut", extra: str = "", **how: str) -> None:
        body = f"applies_to: {{modality: {modality}}}\nwhen: {when}\neffect: {effect}\n{extra}"
        self.rule(name, body, **how)

    def load(self) -> KnowledgeBase:
        return load_knowledge(self.root, specs={})


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """An empty small library."""
    return Shelf(tmp_path)
