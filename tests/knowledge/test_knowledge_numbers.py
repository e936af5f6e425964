"""A number that is taken from the knowledge base is there, or that is said; it is never taken for nought."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from glisson.errors import KnowledgeError
from glisson.knowledge import ask, knowledge_base, stated_number


@pytest.mark.parametrize("rule", ["projected-size", "zone-rim", "central-zone"])
def test_the_number_of_a_rule(rule):
    assert stated_number(rule) == knowledge_base().evaluate(rule, {}).value > 0


@pytest.mark.parametrize("value", [None, "20", True])
def test_a_rule_without_a_number_is_an_error(monkeypatch, value):
    answer = SimpleNamespace(value=value, rule=SimpleNamespace(id="central-zone"))
    monkeypatch.setattr(ask, "knowledge_base", lambda: SimpleNamespace(evaluate=lambda rule, facts: answer))
    with pytest.raises(KnowledgeError, match="central-zone"):
        stated_number("central-zone")


def test_a_cell_of_a_table_that_must_hold_a_number():
    row = next(iter(knowledge_base().table("growth-speed").rows))
    assert row.needed("rate") == row.number("rate") > 0
    words = next(column for column, cell in row.cells.items() if isinstance(cell, str))
    assert row.number(words) is None
    with pytest.raises(KnowledgeError, match=words):
        row.needed(words)
