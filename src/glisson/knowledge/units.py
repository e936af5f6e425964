"""Units: a threshold or a score input given in another unit than its fact is converted once, when it is read.

Laboratory units are converted by the case room's own table, so that a threshold written as 2 mg/dL and a result of 2
mg/dL meet as the same number. Lengths and masses of the body have their powers of ten here.
"""

from __future__ import annotations

from glisson.case import TESTS, convert
from glisson.errors import UnitError

__all__ = ["in_unit", "units_of"]

_POWERS = {
    "mm": ("length", 1.0), "cm": ("length", 10.0), "m": ("length", 1000.0),
    "mL": ("volume", 1.0), "cm3": ("volume", 1.0), "L": ("volume", 1000.0), "g": ("mass", 1e-3), "kg": ("mass", 1.0),
}  # fmt: skip


def in_unit(value: float, unit: str | None, to: str | None, name: str) -> float:
    """A value in the unit `to`.

    name: the fact or score input it belongs to; its last word names the laboratory test (bilirubin,
    labs.bilirubin_umol_l). Raises UnitError when the units do not fit each other.
    """
    if unit == to:
        return value
    test = _test_of(name)
    if test and unit and to:
        return convert(test, value, unit, to)
    if unit in _POWERS and to in _POWERS and _POWERS[unit][0] == _POWERS[to][0]:
        return value * _POWERS[unit][1] / _POWERS[to][1]
    raise UnitError(
        f"{name} is in {to or 'no unit'}; given {unit or 'no unit'}. Write the number in {to or 'no unit'}."
    )


def units_of(name: str, unit: str) -> tuple[str, ...]:
    """Every unit in which a fact or score input may be given: those of its laboratory test, else its own unit."""
    test = _test_of(name)
    return tuple(TESTS[test].units) if test else (unit,)


def _test_of(name: str) -> str | None:
    last = name.rsplit(".", 1)[-1]
    return next((key for key, known in TESTS.items() if last in (key, known.fact) and not known.qualitative), None)
