"""Physical constants of dose, each with a name that every result reports."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from glisson.errors import InputError

__all__ = [
    "ENERGY_CONSTANTS", "EnergyConstant", "JOULE_PER_MEV", "LIVER_DENSITY_G_ML", "NUCLIDES", "Nuclide",
    "energy_constant", "gy_kg_per_gbq", "nuclide",
]  # fmt: skip

JOULE_PER_MEV = 1.602176634e-13
"""Energy of one MeV in joule (exact since the SI of 2019)."""

LIVER_DENSITY_G_ML = 1.03
"""Density with which activity models turn volumes of liver and tumour into masses (MIRD practice for microspheres)."""

SECONDS_PER_HOUR = 3600.0


@dataclass(frozen=True)
class EnergyConstant:
    """Energy given off by 1 GBq until it has decayed away, J/GBq, which is the dose in Gy to 1 kg that absorbs all of
    it. `name` says which value it is and who uses it.
    """

    gy_kg_per_gbq: float
    name: str


@dataclass(frozen=True)
class Nuclide:
    """A nuclide of microspheres: half-life in hours, the energy constant taken unless another is asked for."""

    name: str
    half_life_h: float
    constant: EnergyConstant


ENERGY_CONSTANTS: Mapping[str, EnergyConstant] = MappingProxyType(
    {
        "49.38": EnergyConstant(49.38, "49.38 J/GBq (64.04 h, 0.9267 MeV: AAPM MPPG 14.a)"),
        "49.67": EnergyConstant(49.67, "49.67 J/GBq (64.1 h, 0.9312 MeV: EANM 2022 and most tools)"),
        "50": EnergyConstant(50.0, "50 J/GBq (the rounded value of the glass microsphere insert)"),
    }
)
"""Energy constants of Y-90 in use. They differ by 1.3 %, so each result names its own."""

Y90 = Nuclide("Y-90", 64.1, ENERGY_CONSTANTS["49.67"])
HO166 = Nuclide("Ho-166", 26.8, EnergyConstant(1000.0 / 63.0, "15.87 J/GBq (3780 MBq/kg for 60 Gy: EANM 2022)"))

NUCLIDES: Mapping[str, Nuclide] = MappingProxyType({"Y-90": Y90, "Ho-166": HO166})
"""The nuclides whose dose can be computed."""


def nuclide(name: str) -> Nuclide:
    """The nuclide of that name, written as Y-90, Y90 or 90Y. Raises InputError for one that is not known here."""
    for known, found in NUCLIDES.items():
        if _element_and_number(name) == _element_and_number(known):
            return found
    raise InputError(
        f"The nuclide {name!r} is not known here. Dose is computed for {' and '.join(NUCLIDES)}: "
        "name one of them, or give the dose itself."
    )


def _element_and_number(name: str) -> tuple[str, str]:
    plain = name.lower()
    return "".join(ch for ch in plain if ch.isalpha()), "".join(ch for ch in plain if ch.isdigit())


def gy_kg_per_gbq(half_life_h: float, energy_mev: float) -> float:
    """Energy in joule that 1 GBq gives off while it decays away, all of it absorbed: the number of decays
    (1e9 T½ / ln 2) times the energy of one. half_life_h in hours, energy_mev per decay.
    """
    return 1e9 * half_life_h * SECONDS_PER_HOUR / math.log(2.0) * energy_mev * JOULE_PER_MEV


def energy_constant(value: float) -> EnergyConstant:
    """The constant with that value in J/GBq, by its name where it is in use. Raises InputError unless positive."""
    for known in ENERGY_CONSTANTS.values():
        if abs(known.gy_kg_per_gbq - value) < 1e-9:
            return known
    if not (math.isfinite(value) and value > 0):
        raise InputError(f"The energy constant must be a positive number of J/GBq (Y-90: 49.67), got {value}.")
    return EnergyConstant(float(value), f"{value:g} J/GBq (given)")
