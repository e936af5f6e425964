"""Limits of dose from the knowledge base, and the activity that respects all of them.

No limit stands here: lung doses, the steps by which lung shunt reduces resin activity, and the doses of each product
come from the tables dose-lung, dose-shunt-reduction and dose-radioembolisation.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from glisson.errors import InputError
from glisson.knowledge import knowledge_base
from glisson.planning.dose.activity import Activity, Delivery, Liver, delivered_from, partition_activity

__all__ = [
    "Cap", "Plan", "Reduction", "lung_caps", "plan_activity", "product_caps", "shunt_reduction",
]  # fmt: skip


@dataclass(frozen=True)
class Cap:
    """A highest value for one quantity of a treatment: tumour_gy, normal_gy, mean_gy, lung_gy, injected_gbq or
    lung_gbq. `source` is its id in the knowledge base, or says that the caller gave it.
    """

    quantity: str
    at_most: float
    source: str
    status: str = "given"


@dataclass(frozen=True)
class Plan:
    """An activity within limits: `wanted` reaches the target, `activity` is what all limits allow of it.

    binding: the limit that holds it back, None where the target is reached. highest_gbq: for each cap, the activity at
    which it would bind.
    """

    wanted: Activity
    activity: Activity
    binding: Cap | None
    highest_gbq: tuple[tuple[Cap, float], ...]

    @property
    def reaches_target(self) -> bool:
        """True when no limit holds the activity back."""
        return self.binding is None


@dataclass(frozen=True)
class Reduction:
    """What the lung shunt takes from a resin activity: the fraction kept (0: none may be given), why, and how sure."""

    kept: float
    note: str
    source: str
    status: str


def shunt_reduction(lung_shunt: float) -> Reduction:
    """The fraction of a body-surface activity that is kept at a lung shunt fraction (table dose-shunt-reduction)."""
    kept = Reduction(1.0, "", "dose-shunt-reduction", "")
    for row in knowledge_base().table("dose-shunt-reduction").rows:
        above, less = row.number("above"), row.number("reduction")
        if above is not None and less is not None and 100.0 * lung_shunt > above:
            note = f"reduced by {less:g} % for a lung shunt above {above:g} %"
            kept = Reduction(1.0 - less / 100.0, note, row.source, row.status)
    return kept


def lung_caps(earlier_gy: float = 0.0, product: str | None = None) -> tuple[Cap, ...]:
    """Caps on the lung dose of this treatment, alone and with earlier_gy of earlier ones; for glass its activity too.

    Raises InputError for a negative earlier dose.
    """
    if not earlier_gy >= 0:
        raise InputError(f"The lung dose of earlier treatments must be 0 Gy or more, got {earlier_gy}.")
    caps = []
    for row in knowledge_base().table("dose-lung").rows:
        dose, activity = row.number("dose"), row.number("activity")
        if dose is not None:
            left = max(dose - earlier_gy, 0.0) if row["limit"] == "all-treatments" else dose
            caps.append(Cap("lung_gy", left, row.source, row.status))
        elif activity is not None and product == "glass":
            caps.append(Cap("lung_gbq", activity, row.source, row.status))
    return tuple(caps)


TISSUE_QUANTITY = {
    "perfused": "mean_gy", "tumour": "tumour_gy", "normal-perfused": "normal_gy", "normal-whole": "normal_gy",
}  # fmt: skip
"""Tissue of the table of products -> quantity of an activity that stands for it."""


def product_caps(product: str, setting: str) -> tuple[Cap, ...]:
    """What the tissues may receive with a product in a setting (table dose-radioembolisation).

    Rows that hold under a condition only are left to the reader. The dose to the whole normal liver is taken as that of
    the perfused normal liver, which is never lower. Raises InputError for a product or setting the table does not have.
    """
    rows = knowledge_base().table("dose-radioembolisation").rows
    for given, column in ((product, "product"), (setting, "setting")):
        allowed = sorted({str(row[column]) for row in rows})
        if given not in allowed:
            raise InputError(f"There is no {column} {given!r}. Give one of {', '.join(allowed)}.")
    caps = []
    for row in rows:
        below = row.number("below")
        if row["product"] == product and row["setting"] == setting and below is not None and row["words"] is None:
            caps.append(Cap(TISSUE_QUANTITY[str(row["tissue"])], below, row.source, row.status))
    return tuple(caps)


def plan_activity(target_gy: float, liver: Liver, way: Delivery, caps: Iterable[Cap]) -> Plan:
    """The partition activity that gives target_gy to the tumour, or the highest below it that keeps every cap.

    Every quantity grows in proportion to activity, so each cap is one highest activity and the lowest of them binds.
    Raises InputError for a cap on an unknown quantity or without any room left.
    """
    wanted = partition_activity(target_gy, liver, way)
    one = delivered_from(1.0, liver, way)
    highest = tuple((cap, _highest_gbq(cap, one, way)) for cap in caps)
    cap, most = min(highest, key=lambda pair: pair[1], default=(None, float("inf")))
    if most <= 0.0:
        raise InputError(f"No activity can be given: {cap.quantity if cap else ''} may not rise above its limit.")
    if most >= wanted.injected_gbq:
        return Plan(wanted, wanted, None, highest)
    return Plan(wanted, delivered_from(most, liver, way), cap, highest)


def _highest_gbq(cap: Cap, one: Activity, way: Delivery) -> float:
    rates = {
        "tumour_gy": one.tumour_gy, "normal_gy": one.normal_gy, "mean_gy": one.mean_gy, "lung_gy": one.lung_gy,
        "injected_gbq": 1.0, "lung_gbq": way.lung_shunt,
    }  # fmt: skip
    if cap.quantity not in rates:
        raise InputError(f"There is no quantity {cap.quantity!r} to limit. Give one of {', '.join(sorted(rates))}.")
    rate = rates[cap.quantity]
    return cap.at_most / rate if rate else float("inf")
