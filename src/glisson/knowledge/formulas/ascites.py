"""Arithmetic on ascites."""

from __future__ import annotations

from collections.abc import Mapping

from glisson.knowledge.scores import Value, formula

__all__: list[str] = []


@formula("difference")
def _difference(inputs: Mapping[str, Value], c: Mapping[str, float]) -> float:
    """The first input less the second."""
    first, second = inputs.values()
    return float(first) - float(second)
