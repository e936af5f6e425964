"""Dose limits of a plan: pass, fail or not checkable, each with its source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from glisson.errors import InputError
from glisson.knowledge import knowledge_base
from glisson.knowledge.tables import TableRow
from glisson.planning.dose.dvh import Dvh
from glisson.planning.dose.radiobiology import same_effect_dose_gy

__all__ = ["Check", "check_organs", "check_product", "check_spared_liver"]

TABLE_ALPHA_BETA_GY = 10.0
"""Alpha/beta of the biologically effective doses in the table dose-organ-limits, as its `about` says."""


@dataclass(frozen=True)
class Check:
    """One limit asked of one structure. verdict: pass, fail or not checkable (then `why` says what is missing).

    value and limit are in `unit`; for spared liver more is better, for all else less.
    """

    structure: str
    measure: str
    verdict: str
    value: float | None
    limit: float
    unit: str
    source: str
    status: str
    why: str = ""


def check_organs(histograms: Mapping[str, Dvh], fractions: int) -> tuple[Check, ...]:
    """Every limit of the table dose-organ-limits, of the organs given and of those not given.

    An organ's limits for other numbers of fractions are left out when it has one for this number.
    histograms: organ -> histogram of the physical dose in that number of fractions. Limits in biologically effective
    dose are turned into the physical dose of the same effect. Raises InputError for fractions below 1.
    """
    if fractions < 1:
        raise InputError(f"The number of fractions must be 1, 2, 3, ..., got {fractions}.")
    rows = knowledge_base().table("dose-organ-limits").rows
    own = {row["organ"] for row in rows if row.number("fractions") == fractions}
    asked = [row for row in rows if row["organ"] not in own or row.number("fractions") in (None, fractions)]
    return tuple(_organ_check(row, histograms.get(str(row["organ"])), fractions) for row in asked)


def check_spared_liver(normal_liver: Dvh | None, fractions: int) -> tuple[Check, ...]:
    """The rules of the table dose-spared-liver on the liver without tumour; rules of other fractionations are not
    checkable.
    """
    found = []
    for row in knowledge_base().table("dose-spared-liver").rows:
        dose, spared = row.number("below"), row.number("spared")
        assert dose is not None  # the column is not optional
        is_volume = spared is not None
        measure = f"volume below {dose:g} Gy" if is_volume else "mean"
        limit, unit = (spared, "mL") if spared is not None else (dose, "Gy")
        why = _not_checkable(row, normal_liver, fractions, "liver")
        if why or normal_liver is None:
            found.append(_check(row, "liver", measure, None, limit, unit, "not checkable", why))
            continue
        value = normal_liver.volume_ml_below(dose) if is_volume else normal_liver.mean_gy
        good = value >= limit if is_volume else value < limit
        found.append(_check(row, "liver", measure, value, limit, unit, "pass" if good else "fail", ""))
    return tuple(found)


TISSUES = {
    "perfused": "perfused tissue", "tumour": "tumour", "normal-perfused": "perfused liver without tumour",
    "normal-whole": "liver without tumour",
}  # fmt: skip
"""Tissue of the table dose-radioembolisation -> words."""


def check_product(histograms: Mapping[str, Dvh], product: str, setting: str) -> tuple[Check, ...]:
    """Mean doses that a product should reach or stay below in a setting (table dose-radioembolisation).

    histograms: tissue of the table -> histogram. A row that holds under a condition only is not checkable, and says
    which.
    """
    found = []
    for row in knowledge_base().table("dose-radioembolisation").rows:
        if row["product"] != product or row["setting"] != setting:
            continue
        tissue = str(row["tissue"])
        histogram = histograms.get(tissue)
        for column, words in (("least", "mean dose reached"), ("below", "mean dose below")):
            limit = row.number(column)
            if limit is None:
                continue
            if row["words"] is not None:
                why = f"it holds under a condition: {row['words']}"
            else:
                why = _not_covered(histogram, TISSUES[tissue])
            value = None if histogram is None else histogram.mean_gy
            if why or value is None:
                verdict = "not checkable"
            else:
                verdict = "pass" if (value >= limit if column == "least" else value < limit) else "fail"
            found.append(_check(row, TISSUES[tissue], words, value, limit, "Gy", verdict, why))
    return tuple(found)


def _organ_check(row: TableRow, histogram: Dvh | None, fractions: int) -> Check:
    organ, kind = str(row["organ"]), str(row["measure"])
    dose, volume = row.number("dose"), row.number("volume")
    assert dose is not None  # the column is not optional
    measure = {
        "hottest": f"dose to the hottest {volume} mL", "volume": f"volume at BED {dose:g} Gy", "mean": "mean",
        "highest": "highest",
    }[kind]  # fmt: skip
    limit, unit = (volume, "mL") if kind == "volume" and volume is not None else (dose, "Gy")
    why = _not_checkable(row, histogram, fractions, organ)
    if why or histogram is None:
        return _check(row, organ, measure, None, limit, unit, "not checkable", why)
    if kind == "hottest":
        whole = histogram.volume_ml * histogram.covered
        value = histogram.dose_at_ml(min(volume or 0.0, whole))
    elif kind == "volume":
        value = histogram.volume_ml_at(same_effect_dose_gy(dose, fractions, TABLE_ALPHA_BETA_GY))
    else:
        value = histogram.mean_gy if kind == "mean" else histogram.max_gy
    strict = kind in ("mean", "volume")
    good = value < limit if strict else value <= limit
    return _check(row, organ, measure, value, limit, unit, "pass" if good else "fail", "")


def _not_checkable(row: TableRow, histogram: Dvh | None, fractions: int, structure: str) -> str:
    """Why a limit cannot be asked, or nothing."""
    stated = row.number("fractions")
    if stated is not None and stated != fractions:
        return f"the limit holds for {stated:g} fractions, the plan has {fractions}"
    return _not_covered(histogram, structure)


def _not_covered(histogram: Dvh | None, structure: str) -> str:
    """Why a structure cannot be judged, or nothing."""
    if histogram is None:
        return f"no structure {structure} was given"
    if histogram.covered < COVERED_ENOUGH:
        return f"the dose grid covers {100 * histogram.covered:.1f} % of {structure}"
    return ""


COVERED_ENOUGH = 0.999
"""A structure of which less than this lies in the dose grid cannot be judged: the rest is unknown, not zero."""


def _check(
    row: TableRow, structure: str, measure: str, value: float | None, limit: float, unit: str, verdict: str, why: str
) -> Check:
    return Check(structure, measure, verdict, value, limit, unit, row.source, row.status, why)
