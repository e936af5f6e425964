"""Scores that count points: what gives how many points stands in the score record.

For an input `size` the record may hold `size_above`, `size_from`, `size_below` and `size_upto`: thresholds that each
add the points `size_above_points` and so on, or else `points`. `size_unit` is what one unit of the thresholds is in
the unit of the input. A yes adds `size_points`, or else `points`; a word adds the constant `size_word`. An input of
words without any such constant, such as the primary, gives no points: it is there for groups and limits.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping

from glisson.knowledge.scores import Value, formula

__all__: list[str] = []

_STEPS = {"above": operator.gt, "from": operator.ge, "below": operator.lt, "upto": operator.le}

_DECIMALS = 9
"""A number is compared after rounding to this many decimals, so that 3 mg/dL stays 3 after conversion and back."""


@formula("points")
def _points(inputs: Mapping[str, Value], c: Mapping[str, float]) -> float:
    """The points of every input, and `start` where the record has one."""
    return c.get("start", 0.0) + sum(_points_of(name, value, c) for name, value in inputs.items())


@formula("points-or-worst")
def _points_or_worst(inputs: Mapping[str, Value], c: Mapping[str, float]) -> float:
    """The worst grade where an input that has one (`margin_worst`) is there, else the points of the others."""
    worst = [c[f"{name}_worst"] for name, value in inputs.items() if f"{name}_worst" in c and value]
    others = {name: value for name, value in inputs.items() if f"{name}_worst" not in c}
    return max(worst) if worst else _points(others, c)


@formula("number-and-inflammation")
def _number_and_inflammation(inputs: Mapping[str, Value], c: Mapping[str, float]) -> float:
    """One part for many tumours, one for inflammation by C-reactive protein or by neutrophils over lymphocytes."""
    ratio = float(inputs["neutrophils"]) / float(inputs["lymphocytes"])
    inflamed = float(inputs["crp"]) > c["crp_above"] or round(ratio, _DECIMALS) > c["ratio_above"]
    return c["points"] * ((float(inputs["number"]) >= c["number_from"]) + inflamed)


@formula("highest-level")
def _highest_level(inputs: Mapping[str, Value], c: Mapping[str, float]) -> float:
    """The first level and the steps above it that the highest of the numbers reaches; words do not count."""
    return c["start"] + max(_points_of(name, x, c) for name, x in inputs.items() if not isinstance(x, str))


@formula("as-given")
def _as_given(inputs: Mapping[str, Value], c: Mapping[str, float]) -> float:
    """The first input itself; what it means is in the groups."""
    del c
    return float(next(iter(inputs.values())))


def _points_of(name: str, value: Value, c: Mapping[str, float]) -> float:
    if isinstance(value, bool):
        return _worth(name, c) if value else 0.0
    if isinstance(value, str):
        scored = any(key.startswith(f"{name}_") for key in c)
        return c[f"{name}_{value.replace('-', '_')}"] if scored else 0.0
    number = round(value / c.get(f"{name}_unit", 1.0), _DECIMALS)
    steps = {f"{name}_{step}{again}": holds for step, holds in _STEPS.items() for again in ("", "_2")}
    return sum(_worth(step, c) for step, holds in steps.items() if step in c and holds(number, c[step]))


def _worth(key: str, c: Mapping[str, float]) -> float:
    return c[f"{key}_points"] if f"{key}_points" in c else c["points"]
