"""Body surface area and expected liver volume."""

from __future__ import annotations

import math
from collections.abc import Mapping

from glisson.knowledge.scores import Value, formula

__all__: list[str] = []


@formula("root-of-product")
def _root_of_product(inputs: Mapping[str, Value], c: Mapping[str, float]) -> float:
    """Square root of height times weight over a divisor."""
    return math.sqrt(float(inputs["height"]) * float(inputs["weight"]) / c["divisor"])


@formula("power-product")
def _power_product(inputs: Mapping[str, Value], c: Mapping[str, float]) -> float:
    """A factor times height and weight, each to its power."""
    height, weight = float(inputs["height"]), float(inputs["weight"])
    return float(c["factor"] * height ** c["height_power"] * weight ** c["weight_power"])


@formula("linear")
def _linear(inputs: Mapping[str, Value], c: Mapping[str, float]) -> float:
    """Slope times the one input plus an intercept."""
    (value,) = inputs.values()
    return c["slope"] * float(value) + c["intercept"]
