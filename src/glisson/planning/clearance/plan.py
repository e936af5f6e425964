"""A plan: chosen candidates with what each lesion gets and what liver is lost, counted voxel by voxel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from glisson.case import Unknown
from glisson.errors import InputError
from glisson.planning.clearance.candidate import CAUSES, Candidate, Modifier, Problem
from glisson.planning.clearance.program import ROUNDING, Variant, exclusions, hang_together, offered

__all__ = ["Plan", "Treatment", "evaluate", "loss_map"]

NAMED_BY_PLACE = ("resection", "wedge")
"""Kinds whose label already says where they are; the lesions are put behind the label of every other kind."""

KIND_ORDER = ("resection", "wedge", "ablation", "radiotherapy", "radioembolisation")
"""Order of the acts in a plan's name; other kinds follow."""

_PLACES = {cause: place for place, cause in enumerate(CAUSES, 1)} | {"remnant": 0}


@dataclass(frozen=True)
class Treatment:
    """What one lesion gets: the act, the margin in mm (None: no margin applies), and what limits it, in words.

    Where several chosen acts treat it, the one with the largest spare margin.
    """

    candidate: str
    kind: str
    label: str
    margin_mm: float | None
    limiting: str = ""


@dataclass(frozen=True, eq=False)
class Plan:
    """Chosen candidates and their consequences.

    chosen: ids, in the order of the name. clears: target -> what it gets. left: targets and lesions that get nothing.
    voxels: each cause and "remnant" -> voxels of the whole liver, Unknown for a cause that nobody looked at; those that
    are known add up to the liver. lost_nontumour_ml,
    remnant_nontumour_ml: working liver lost by any cause, and what stays of it; the two percents are of the liver
    without tumour and of the expected volume (None where that is unknown). grown_ml: the remnant expected after what is
    done first, None when nothing is. kept_segments: those that keep their share of supplied and drained liver.
    spare_mm: the smallest margin beyond the accepted one, counted up to the ample one; None when no margin applies.
    broken: in words, every limit that it breaks; empty for a plan that holds. best_in: which objectives it was searched
    for. gap: (value - bound) / value of that search; search_complete: the gap is 0.
    """

    name: str
    chosen: tuple[str, ...]
    actions: tuple[Mapping[str, Any], ...]
    clears: Mapping[str, Treatment]
    left: tuple[str, ...]
    voxels: Mapping[str, int | Unknown]
    voxel_ml: float
    lost_nontumour_ml: float
    remnant_nontumour_ml: float
    remnant_percent_nontumour: float
    remnant_percent_standardised: float | None
    kept_segments: tuple[str, ...]
    burden: float
    spare_mm: float | None
    modifier: str | None = None
    grown_ml: float | None = None
    broken: tuple[str, ...] = ()
    best_in: tuple[str, ...] = ()
    gap: float = 1.0
    notes: tuple[str, ...] = ()

    @property
    def liver_voxels(self) -> int:
        """Voxels of the whole liver, tumour included."""
        return sum(count for count in self.voxels.values() if not isinstance(count, Unknown))

    @property
    def remnant_voxels(self) -> int:
        """Voxels of the liver that stays, tumour that stays included."""
        count = self.voxels["remnant"]
        assert not isinstance(count, Unknown)  # what stays is always counted
        return count

    @property
    def search_complete(self) -> bool:
        """Whether the search that found it was complete (gap 0)."""
        return self.gap == 0.0

    @property
    def holds(self) -> bool:
        """Whether it keeps every limit."""
        return not self.broken

    def to_dict(self) -> dict[str, Any]:
        """The piece of `plans.json` for this plan; plain values only, volumes in mL, None for what is not known."""
        voxels = {name: None if isinstance(count, Unknown) else count for name, count in self.voxels.items()}
        volumes = {f"{name}_ml": None if count is None else count * self.voxel_ml for name, count in voxels.items()}
        return {
            "name": self.name,
            "actions": [dict(action) for action in self.actions],
            "candidates": list(self.chosen),
            "clears": {
                lesion: {
                    "candidate": one.candidate,
                    "kind": one.kind,
                    "label": one.label,
                    "margin_mm": one.margin_mm,
                    "limiting": one.limiting,
                }
                for lesion, one in self.clears.items()
            },
            "left": list(self.left),
            **volumes,
            "voxels": voxels,
            "not_assessed": {name: one.reason for name, one in self.voxels.items() if isinstance(one, Unknown)},
            "lost_nontumour_ml": self.lost_nontumour_ml,
            "remnant_nontumour_ml": self.remnant_nontumour_ml,
            "remnant_percent_nontumour": self.remnant_percent_nontumour,
            "remnant_percent_standardised": self.remnant_percent_standardised,
            "remnant_after_growth_ml": self.grown_ml,
            "first": self.modifier,
            "kept_segments": list(self.kept_segments),
            "burden": self.burden,
            "spare_margin_mm": self.spare_mm,
            "holds": self.holds,
            "broken": list(self.broken),
            "best_in": list(self.best_in),
            "search_complete": self.search_complete,
            "gap": self.gap,
            "notes": list(self.notes),
        }


def loss_map(problem: Problem, chosen: Sequence[str]) -> npt.NDArray[np.uint8]:
    """(n,) 0 where liver stays, else the 1-based place in CAUSES of the first cause by which the voxel is lost."""
    lost = np.zeros(problem.voxels, np.uint8)
    picked = _picked(problem, chosen)
    for place in range(len(CAUSES), 0, -1):
        for one in picked:
            if CAUSES[place - 1] in one.costs:
                lost[one.costs[CAUSES[place - 1]]] = place
    return lost


def evaluate(problem: Problem, chosen: Sequence[str], variant: Variant | None = None) -> Plan:
    """What any choice of candidates comes to, counted voxel by voxel and apart from the search.

    Works for choices that break limits too, and says which (`Plan.broken`); so a plan can be re-evaluated on a problem
    with other masks or margins. chosen: ids, in any order. variant: what was eased or done first when it was found
    (by default what the problem allows); a limit left out there is not held against it. Raises InputError for an id
    that is no candidate.
    """
    eased = variant or Variant(allowed=problem.allowed)
    modifier = eased.modifier
    picked = _picked(problem, chosen)
    lost = loss_map(problem, chosen)
    counts = np.bincount(lost, minlength=len(CAUSES) + 1)
    stays = (lost == 0) & ~problem.tumour
    working_ml = int(np.count_nonzero(~problem.tumour)) * problem.voxel_ml
    remnant_ml = int(np.count_nonzero(stays)) * problem.voxel_ml
    clears, spare_mm = _treatments(problem, picked, eased.spare_mm)
    expected = None if isinstance(problem.expected_ml, Unknown) else problem.expected_ml
    kept, enough = _kept_segments(problem, stays)
    name, order = _name(picked, modifier)
    return Plan(
        name=name,
        chosen=tuple(one.id for one in order),
        actions=tuple(_action(one) for one in order),
        clears=MappingProxyType(clears),
        left=tuple(sorted((set(problem.targets) - set(clears)) | set(problem.leave))),
        voxels=MappingProxyType({name: _count(problem, name, int(counts[place])) for name, place in _PLACES.items()}),
        voxel_ml=problem.voxel_ml,
        lost_nontumour_ml=working_ml - remnant_ml,
        remnant_nontumour_ml=remnant_ml,
        remnant_percent_nontumour=100.0 * remnant_ml / working_ml if working_ml else 0.0,
        remnant_percent_standardised=None if expected is None else 100.0 * remnant_ml / expected,
        kept_segments=kept,
        burden=(modifier.burden if modifier else 0.0) + float(sum(one.burden for one in picked)),
        spare_mm=spare_mm,
        modifier=modifier.id if modifier else None,
        grown_ml=_grown_ml(problem, stays, modifier) if modifier else None,
        broken=(
            *_broken_choice(problem, picked, tuple(clears), eased),
            *_broken_volume(problem, stays, enough, eased),
            *_broken_spared(problem, picked, stays, eased),
        ),
        notes=tuple(dict.fromkeys(note for one in order for note in one.notes)),
    )


def _count(problem: Problem, cause: str, voxels: int) -> int | Unknown:
    return Unknown(problem.unassessed[cause]) if cause in problem.unassessed else voxels


def _picked(problem: Problem, chosen: Sequence[str]) -> list[Candidate]:
    known = problem.by_id()
    if strangers := [name for name in chosen if name not in known]:
        raise InputError(f"{strangers[0]!r} is no candidate of this problem, which has {len(known)}.")
    return [known[name] for name in sorted(set(chosen))]


def _treatments(
    problem: Problem, picked: Sequence[Candidate], least_mm: float
) -> tuple[dict[str, Treatment], float | None]:
    """What each target gets, and the smallest spare margin."""
    found: dict[str, tuple[float, float, Treatment]] = {}
    for one in picked:
        for lesion, spare in problem.spare_mm(one).items():
            margin = one.lesions[lesion]
            rank = spare, np.inf if margin is None else margin
            if spare >= least_mm and (lesion not in found or rank > found[lesion][:2]):
                found[lesion] = *rank, Treatment(one.id, one.kind, one.label, margin, one.limiting.get(lesion, ""))
    finite = [spare for spare, _, _ in found.values() if np.isfinite(spare)]
    return {lesion: found[lesion][2] for lesion in sorted(found)}, min(finite) if finite else None


def _kept_segments(problem: Problem, stays: npt.NDArray[np.bool_]) -> tuple[tuple[str, ...], bool]:
    """Segments that keep their share, and whether enough of them hang together."""
    need = problem.segments
    if need is None:
        return (), True
    whole = np.bincount(need.labels[~problem.tumour], minlength=len(need.names) + 1)
    left = np.bincount(need.labels[stays], minlength=len(need.names) + 1)
    kept = [
        name
        for place, name in enumerate(need.names, 1)
        if whole[place] and left[place] >= need.kept_share * whole[place] * (1 - ROUNDING)
    ]
    pairs = {frozenset(pair) for pair in need.adjoining}
    return tuple(kept), any(len(hang_together(name, kept, pairs)) >= need.needed for name in kept)


def _grown_ml(problem: Problem, stays: npt.NDArray[np.bool_], modifier: Modifier) -> float:
    if problem.segments is None:
        return float(np.count_nonzero(stays)) * problem.voxel_ml
    left = np.bincount(problem.segments.labels[stays], minlength=len(problem.segments.names) + 1)
    factors = [1.0, *(modifier.growth.get(name, 1.0) for name in problem.segments.names)]
    return float(np.dot(left, factors)) * problem.voxel_ml


def _broken_choice(
    problem: Problem, picked: Sequence[Candidate], clears: Sequence[str], eased: Variant
) -> tuple[str, ...]:
    said = []
    missed = [lesion for lesion in sorted(problem.targets) if lesion not in clears]
    if len(missed) > eased.leave or set(missed) & eased.must:
        said.append(f"Not treated with the accepted margin: {', '.join(missed)}.")
    if "exclusions" not in eased.free:
        apart = exclusions(problem)
        ids = [one.id for one in picked]
        said += [f"{a} and {b} cannot go together." for a in ids for b in ids if a < b and b in apart[a]]
    open_to = {problem.candidates[place].id for place in offered(problem, eased)}
    for one in picked:
        if one.id not in open_to:
            said.append(f"{one.label}: {'a rule forbids it' if one.is_forbidden else f'needs {one.needs}'}.")
    return tuple(said)


def _broken_volume(
    problem: Problem, stays: npt.NDArray[np.bool_], enough_segments: bool, eased: Variant
) -> tuple[str, ...]:
    said = []
    first = eased.modifier
    needed = problem.needed_ml((first.threshold if first else None) or problem.threshold)
    grown = _grown_ml(problem, stays, first) if first else float(np.count_nonzero(stays)) * problem.voxel_ml
    if "remnant" not in eased.free and grown < needed * (1 - ROUNDING):
        said.append(f"The working liver that stays is {grown:.0f} mL; {needed:.0f} mL are needed.")
    if "segments" not in eased.free and problem.segments is not None and not enough_segments:
        said.append(f"Fewer than {problem.segments.needed} adjoining segments keep inflow and outflow.")
    return tuple(said)


def _broken_spared(
    problem: Problem, picked: Sequence[Candidate], stays: npt.NDArray[np.bool_], eased: Variant
) -> tuple[str, ...]:
    stays_ml = float(np.count_nonzero(stays)) * problem.voxel_ml
    asked = max((one.spares_ml for one in picked), default=0.0)
    if "spared" in eased.free or stays_ml >= asked * (1 - ROUNDING):
        return ()
    return (f"Radiotherapy must spare {asked:.0f} mL of working liver; {stays_ml:.0f} mL stay.",)


def _name(picked: Sequence[Candidate], modifier: Modifier | None) -> tuple[str, list[Candidate]]:
    """The plan in words, and its candidates in the order of the words."""
    rank = {kind: place for place, kind in enumerate(KIND_ORDER)}
    order = sorted(picked, key=lambda one: (rank.get(one.kind, len(rank)), one.kind, one.label, one.id))
    parts: dict[tuple[str, str], list[str]] = {}
    for one in order:
        parts.setdefault((one.kind, one.label), []).extend(one.lesions)
    words = []
    for (kind, label), lesions in parts.items():
        several = sum(one.kind == kind and one.label == label for one in order)
        if kind not in NAMED_BY_PLACE:
            words.append(f"{label} of {_listed(sorted(set(lesions), key=_natural))}")
        else:
            words.append(label if several == 1 else f"{several} × {label}")
    name = " + ".join(words) or "no intervention"
    return (f"{modifier.label}, then {name}" if modifier else name), order


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else "no lesion"


def _natural(name: str) -> tuple[int, str]:
    digits = "".join(sign for sign in name if sign.isdigit())
    return (int(digits) if digits else 0, name)


def _action(one: Candidate) -> Mapping[str, Any]:
    """The piece of `plans.json` for one act; margin_mm is the smallest over its lesions."""
    margins = [margin for margin in one.lesions.values() if margin is not None]
    return MappingProxyType(
        {
            "candidate": one.id,
            "kind": one.kind,
            "label": one.label,
            "lesions": list(one.lesions),
            "segments": list(one.segments),
            "zones": list(one.zones),
            "margin_mm": min(margins) if margins else None,
            "margins_mm": dict(one.lesions),
            "burden": one.burden,
            "rules": [list(pair) for pair in one.rules],
        }
    )
