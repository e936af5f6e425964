"""What the surgeon and the board set before plans are searched."""

from __future__ import annotations

from dataclasses import dataclass

from glisson.errors import InputError
from glisson.knowledge import margins

__all__ = ["KINDS", "PlanSettings"]

KINDS = ("resection", "wedge", "ablation", "radiotherapy", "radioembolisation")
"""Acts that may be offered; `PlanSettings.allow` chooses among them. Radiation enters where the others do not
suffice (see `radiating`); radioembolisation also stands for that of a lobe, which makes the other lobe grow."""


@dataclass(frozen=True)
class PlanSettings:
    """What the surgeon and the board set.

    resection_margin_mm: planned around wedges. accept_margin_mm: the least margin of a resection. vessel_detachment:
    whether a lesion may be detached from a vessel that stays. ablation_margin_mm: demanded of an ablation. allow: KINDS
    that are offered. leave: lesions left to systemic therapy. seconds: how long to search.
    """

    resection_margin_mm: float
    accept_margin_mm: float
    ablation_margin_mm: float
    vessel_detachment: bool = False
    allow: tuple[str, ...] = KINDS
    leave: tuple[str, ...] = ()
    seconds: float = 20.0

    def __post_init__(self) -> None:
        if strangers := sorted(set(self.allow) - set(KINDS)):
            raise InputError(f"Plans cannot allow {strangers[0]!r}; expected some of {', '.join(KINDS)}.")
        if not self.allow:
            raise InputError(f"Plans need at least one kind of act; expected some of {', '.join(KINDS)}.")
        for name in ("resection_margin_mm", "accept_margin_mm", "ablation_margin_mm"):
            if not 0 <= getattr(self, name) <= 50:
                raise InputError(f"{name} is {getattr(self, name)}; expected 0 to 50 mm.")

    @classmethod
    def by_rules(cls, **changes: object) -> PlanSettings:
        """The margins of the knowledge base, with whatever is changed."""
        known = margins()
        values = {
            "resection_margin_mm": known.resection_plan_mm,
            "accept_margin_mm": known.resection_accept_mm,
            "ablation_margin_mm": known.ablation_minimum_mm,
        }
        return cls(**{**values, **changes})  # type: ignore[arg-type]
