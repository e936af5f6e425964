"""What record and vessels say of a closure: a day that is planned, one that is past, which liver the branch serves."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import numpy as np

from glisson.anatomy import VesselAnatomy
from glisson.case import Case, Unknown
from glisson.planning.clearance import Problem
from glisson.planning.enlarging import Closure
from glisson.planning.growth import ENLARGING, procedure_day
from glisson.planning.supply import Supply
from glisson.scene import Scene

__all__ = ["already_enlarged", "planned_day", "portal_words"]

MAIN_BRANCH = {"right": "right portal vein", "right-4": "right portal vein", "left": "left portal vein"}
"""Closure -> the named branch that is closed for it; segment IV has its own branches from the left one."""


def already_enlarged(case: Case, scene: Scene) -> str:
    """Why no growth is forecast on this scan: veins were closed before it; "" where that is not recorded."""
    day, scanned = procedure_day(case), _scan_day(scene)
    if isinstance(day, date) and scanned is not None and day >= scanned:
        return ""
    kinds = () if isinstance(case.treatments, Unknown) else tuple(item.kind for item in case.treatments)
    if isinstance(day, date) or case.liver.previous_embolisation is True or set(kinds) & set(ENLARGING):
        return (
            "Portal or hepatic veins were closed before this scan: published growth, which starts from a liver not yet "
            "embolised, is not applied; two volumetries say how fast this remnant grows."
        )
    return ""


def planned_day(case: Case, scene: Scene) -> date | None:
    """The recorded day of a closure on or after the day of the scan; None where there is none."""
    day, scanned = procedure_day(case), _scan_day(scene)
    return day if isinstance(day, date) and scanned is not None and day >= scanned else None


def portal_words(
    closure: Closure,
    problem: Problem,
    vessels: VesselAnatomy | None,
    supplies: Mapping[str, Supply],
) -> tuple[str, ...]:
    """What the outline of the portal vein says of the liver that loses its inflow, or that it cannot be said."""
    assert problem.segments is not None
    where = "-".join(closure.closes)
    if vessels is None or "portal" not in supplies or "portal" not in vessels.systems:
        return (f"No outline of the portal vein: that {where} lose their inflow is taken from the segment map.",)
    names, name = vessels.systems["portal"].names, MAIN_BRANCH[closure.id]
    variants = tuple(f"Portal vein: {variant}." for variant in names.variants)
    if name not in names:
        unnamed = f"The {name} is not told apart on this outline: which branches to close is to be read from the scan."
        return (*variants, unnamed)
    tree = supplies["portal"].territories.tree
    served = np.isin(supplies["portal"].branch - 1, sorted(tree.descendants(*names[name].branches)))
    own = [place for place, known in enumerate(problem.segments.names, 1) if known in closure.closes and known != "IV"]
    if closure.id == "left":
        own.append(problem.segments.names.index("IV") + 1)
    inside = np.isin(problem.segments.labels, own)
    reached, beyond = (100.0 * float(served[part].mean()) if part.any() else 0.0 for part in (inside, ~inside))
    parts = "-".join(problem.segments.names[place - 1] for place in sorted(own))
    said = f"By its outline the {name} serves {reached:.0f} % of {parts} and {beyond:.0f} % of the rest"
    also = "; the branches of IV are closed one by one" if closure.id == "right-4" else ""
    return (*variants, f"{said}{also}.")


def _scan_day(scene: Scene) -> date | None:
    return None if scene.facts.date is None else date.fromisoformat(scene.facts.date)
