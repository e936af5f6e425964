"""How much tumour there is."""

from __future__ import annotations

import math
from collections.abc import Mapping

from glisson.knowledge.scores import Value, formula

__all__: list[str] = []


@formula("size-and-number")
def _size_and_number(inputs: Mapping[str, Value], c: Mapping[str, float]) -> float:
    """Length of the vector of largest diameter in cm and number of tumours."""
    return math.hypot(float(inputs["largest"]) / c["mm_per_cm"], float(inputs["number"]))
