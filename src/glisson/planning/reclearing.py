"""The search for plans put again under other limits, on the candidates that were made once.

Making the candidates takes seconds, choosing among them less than one. So another threshold, lesions left out and kinds
of acts left out only choose again; another margin makes new wedges first (`at_margin`), once.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from glisson.errors import InputError
from glisson.planning.acts import acts_on
from glisson.planning.clearance import Candidate, Problem
from glisson.planning.clearing import Asked, Clearing, searched
from glisson.planning.radiating import RadiationOffer
from glisson.planning.resection import Resection
from glisson.planning.robustness import robustness
from glisson.planning.settings import KINDS

__all__ = ["LEFT", "NO_GROWTH", "NO_RADIATION", "Limits", "at_margin", "clear_again"]

PLANNED_BEYOND_MM = 0.5
"""A wedge is planned at least this much wider than is demanded of it: it is exact to a tenth of a millimetre only."""

CUTTING = ("resection", "wedge")
"""Kinds of acts of which a margin of resection is demanded."""

CHOSEN = "chosen here"
"""Source of a threshold that a person sets."""

NO_GROWTH = "What growth of the remnant would make possible was not looked at with these limits."
NO_RADIATION = "Radiation was not looked at with these limits; the dossier says what it adds to its own plans."
LEFT = "left to systemic therapy by choice"


@dataclass(frozen=True)
class Limits:
    """What a person changes. None and () leave it as it was.

    remnant_percent: working liver that must stay. leave: lesions left to systemic therapy. allow: KINDS that may be
    chosen. seconds: how long to search.
    """

    remnant_percent: float | None = None
    leave: tuple[str, ...] = ()
    allow: tuple[str, ...] | None = None
    seconds: float = 6.0

    def __post_init__(self) -> None:
        if self.remnant_percent is not None and not 0 <= self.remnant_percent <= 100:
            raise InputError(f"A remnant of {self.remnant_percent} % was asked for; expected 0 to 100 %.")
        if strangers := sorted(set(self.allow or ()) - set(KINDS)):
            raise InputError(f"Plans cannot allow {strangers[0]!r}; expected some of {', '.join(KINDS)}.")
        if self.allow == ():
            raise InputError(f"Plans need at least one kind of act; expected some of {', '.join(KINDS)}.")


def at_margin(asked: Asked, resections: Sequence[Resection], margin_mm: float) -> Asked:
    """The question with so much margin demanded of every resection and wedge; ablations stay as they are.

    Wedges are cut anew, planned as wide as before and PLANNED_BEYOND_MM wider than is demanded. resections: as
    `standard_resections` gave them. Raises InputError for a margin outside 0 to 50 mm.
    """
    shared = asked.shared
    wide = max(shared.settings.resection_margin_mm, margin_mm + PLANNED_BEYOND_MM)
    settings = replace(shared.settings, accept_margin_mm=margin_mm, resection_margin_mm=wide)
    kinds = tuple(kind for kind in CUTTING if kind in settings.allow)
    others = tuple(one for one in asked.problem.candidates if one.kind not in CUTTING)
    made: tuple[Candidate, ...] = ()
    if kinds:
        made = acts_on(
            replace(shared, settings=replace(settings, allow=kinds)), resections, asked.problem.targets
        ).candidates
    problem = replace(
        asked.problem,
        candidates=(*made, *others),
        accept_mm={**asked.problem.accept_mm, **dict.fromkeys(CUTTING, margin_mm)},
        ample_mm={**asked.problem.ample_mm, **dict.fromkeys(CUTTING, wide)},
    )
    return replace(asked, shared=replace(shared, settings=settings), problem=problem)


def clear_again(before: Clearing, asked: Asked, limits: Limits) -> Clearing:
    """The search on candidates that are there, under other limits, without growth first and without radiation: both
    take longer than a person waits, and the notes say so.

    before: the search with the limits of the record. asked: its `asked`, or that of `at_margin`. Lesions left keep
    their place as tumour. Raises InputError for a lesion to leave that is not among the targets.
    """
    problem = _eased(asked.problem, limits)
    if not problem.targets:
        raise InputError("Every lesion is left to systemic therapy, so there is nothing to plan. Leave fewer.")
    settings = replace(
        asked.shared.settings, seconds=limits.seconds, leave=problem.leave,
        allow=asked.shared.settings.allow if limits.allow is None else limits.allow,
    )  # fmt: skip
    shared = replace(asked.shared, settings=settings)
    whole, found, _, offer = searched(shared, problem, NO_GROWTH, None)
    plans = [(whole, plan) for plan in found.plans]
    fewer, found_fewer, fewer_offer = None, None, RadiationOffer()
    sure = tuple(name for name in asked.sure if name in problem.targets)
    if sure and sure != problem.targets:
        fewer, found_fewer, _, fewer_offer = searched(shared, replace(problem, targets=sure), NO_GROWTH, None)
        plans += [(fewer, plan) for plan in found_fewer.plans]
    return replace(
        before,
        settings=settings,
        threshold=problem.threshold,
        problem=whole,
        found=found,
        without_open=fewer,
        found_without_open=found_fewer,
        robustness=MappingProxyType({plan.name: robustness(one, plan, shared.voxels) for one, plan in plans}),
        left_out={**before.left_out, **dict.fromkeys(problem.leave, LEFT)},
        staged=(),
        staged_without_open=(),
        radiation=offer,
        radiation_without_open=fewer_offer,
        notes=(*before.notes, NO_GROWTH, *(() if asked.radiator is None else (NO_RADIATION,))),
        asked=asked,
    )


def _eased(problem: Problem, limits: Limits) -> Problem:
    """The problem with other limits on the same candidates."""
    if strangers := [name for name in limits.leave if name not in (*problem.targets, *problem.leave)]:
        raise InputError(
            f"Lesion {strangers[0]} cannot be left: it is not among those to treat ({', '.join(problem.targets)})."
        )
    threshold = problem.threshold
    if limits.remnant_percent is not None:
        threshold = replace(threshold, percent=limits.remnant_percent, source=CHOSEN)
    left = (*problem.leave, *(name for name in limits.leave if name not in problem.leave))
    return replace(
        problem,
        threshold=threshold,
        targets=tuple(name for name in problem.targets if name not in left),
        leave=left,
        candidates=_of_kinds(problem.candidates, limits.allow or KINDS),
    )


def _of_kinds(candidates: Sequence[Candidate], kinds: Collection[str]) -> tuple[Candidate, ...]:
    """The candidates of some kinds, without excluding others that are no more there."""
    kept = [one for one in candidates if one.kind in kinds]
    ids = {one.id for one in kept}
    return tuple(one if one.excludes <= ids else replace(one, excludes=one.excludes & ids) for one in kept)
