"""A number that a step takes from the knowledge base is there, or the step says so; it is never taken for nought."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from glisson.assessment import steps
from glisson.errors import KnowledgeError
from glisson.knowledge import knowledge_base


@pytest.mark.parametrize("rule", ["projected-size", "zone-rim", "central-zone"])
def test_the_number_of_a_rule(rule):
    assert steps._number(rule) == knowledge_base().evaluate(rule, {}).value > 0


@pytest.mark.parametrize("value", [None, "20", True])
def test_a_rule_without_a_number_is_an_error(monkeypatch, value):
    answer = SimpleNamespace(value=value)
    monkeypatch.setattr(steps, "knowledge_base", lambda: SimpleNamespace(evaluate=lambda rule, facts: answer))
    with pytest.raises(KnowledgeError, match="central-zone"):
        steps._number("central-zone")
