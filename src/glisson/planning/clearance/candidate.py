"""What the search for a plan is asked: candidates with the lesions they clear and the liver they cost, and the limits.

Nothing here knows images. Voxels of the whole liver (tumour included) are numbered 0 .. n-1 in any fixed order, for
instance `np.flatnonzero(liver.data)`; every region is a sorted array of such numbers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from glisson.case import Unknown
from glisson.errors import InputError
from glisson.geometry import BoolArray

__all__ = [
    "BURDEN_UNIT", "CAUSES", "FORBIDDING", "RELAXATIONS", "WITHOUT_MARGIN", "Candidate", "IndexArray", "Modifier",
    "Problem", "SegmentNeed", "Threshold",
]  # fmt: skip

IndexArray = npt.NDArray[np.int32]
Scalar = TypeVar("Scalar", bound=np.generic)

CAUSES: tuple[str, ...] = ("removed", "destroyed", "irradiated", "devascularised", "congested")
"""Ways in which liver is lost. A voxel lost in several ways is lost once and named by the first of these."""

WITHOUT_MARGIN: tuple[str, ...] = ("radiotherapy", "radioembolisation")
"""Kinds of acts that state no geometric margin: what they reach is an estimate."""

BURDEN_UNIT = "wedge equivalents"
"""Unit of `Candidate.burden` and `Modifier.burden`: 1.0 is what one small wedge resection asks of the patient. Burdens
are added; only sums within one problem are compared."""

FORBIDDING: tuple[str, ...] = ("contraindicated",)
"""Verdicts of a rule that take a candidate out of the search."""

SEGMENT_KEPT_SHARE = 0.5
"""A segment counts as kept when at least this share of its non-tumour voxels keeps inflow and outflow. Anatomical
resections take all of a segment or none; the share settles only wedges, ablations and partial losses of supply."""

RELAXATIONS: Mapping[str, str] = MappingProxyType({
    "vessel-detachment": "detachment of the lesion from the vessel (R1 vascular)",
    "vein-resection": "resection and reconstruction of the vein",
    "two-stage": "repeat or staged surgery",
    "embolisation": "portal vein embolisation first",
    "venous-deprivation": "liver venous deprivation first",
    "alpps": "ALPPS",
    "radioembolisation": "radioembolisation of the lobe first",
    "ablate-limiting": "ablation of the limiting lesion",
    "second-look": "systemic therapy, then a second look",
    "transplant": "referral for transplantation",
    "ex-situ": "ex-situ resection",
    "margin": "a narrower margin",
    "threshold": "a smaller remnant",
})  # fmt: skip
"""What may be eased when no plan exists, in the order in which it is tried: id -> words."""


@dataclass(frozen=True, eq=False)
class Candidate:
    """One act that may be chosen: a resection, a wedge, an ablation, or several of them that clear a lesion together.

    id: unique, stable, sorts well; order of ids settles ties. kind: "resection" (anatomical), "wedge", "ablation",
    "radiotherapy", "radioembolisation" or another word. label: the act in a surgeon's words without lesions ("right
    posterior sectionectomy", "wedge IVb", "microwave ablation").
    lesions: lesion id -> margin reached in mm, for every lesion that this act alone treats whole, those below the
    accepted margin too (the search filters); None where no margin applies (the region has no cut inside the liver, or
    the treatment has no geometric margin), which is always accepted.
    costs: cause (CAUSES) -> sorted, unique int32 numbers of liver voxels lost that way, tumour voxels included; the
    regions may overlap.
    burden: BURDEN_UNIT, >= 0. segments: Couinaud segments removed whole or worked in. zones: of an ablation, in words.
    rules: (rule id, verdict) pairs; a verdict in FORBIDDING takes the candidate out.
    excludes: ids of candidates that cannot be in one plan with this one (either side may name the other).
    spares_ml: working liver that must stay, outside every loss, in a plan that holds this act; 0 where it asks none.
    needs: id of the relaxation (RELAXATIONS) under which alone it is offered, "" when it is offered anyway.
    limiting: lesion id -> the structure that limits its margin, in words. notes: sentences to show with it.

    Raises InputError when a region is not sorted and unique, a cause is unknown, or a number is out of range.
    """

    id: str
    kind: str
    label: str
    lesions: Mapping[str, float | None]
    costs: Mapping[str, IndexArray] = field(repr=False)
    segments: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()
    burden: float = 1.0
    rules: tuple[tuple[str, str], ...] = ()
    excludes: frozenset[str] = frozenset()
    spares_ml: float = 0.0
    needs: str = ""
    limiting: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        where = f"Candidate {self.id!r}"
        if not self.id or not self.kind or not self.label:
            raise InputError(f"{where}: id, kind and label must not be empty.")
        if not (np.isfinite(self.burden) and self.burden >= 0):
            raise InputError(f"{where}: the burden is {self.burden}; expected a finite number of at least 0.")
        if not (np.isfinite(self.spares_ml) and self.spares_ml >= 0):
            raise InputError(f"{where}: spares_ml is {self.spares_ml}; expected a finite number of at least 0.")
        for lesion, margin in self.lesions.items():
            if margin is not None and not np.isfinite(margin):
                raise InputError(f"{where}: the margin of {lesion} is {margin}; give mm, or None where none applies.")
        if self.needs and self.needs not in RELAXATIONS:
            raise InputError(f"{where}: needs {self.needs!r}; expected one of {', '.join(RELAXATIONS)}, or nothing.")
        costs = {cause: _region(self.costs[cause], f"{where}, {cause}") for cause in CAUSES if cause in self.costs}
        if unknown := sorted(set(self.costs) - set(CAUSES)):
            raise InputError(f"{where}: unknown cause {unknown[0]!r} of loss; expected {', '.join(CAUSES)}.")
        object.__setattr__(self, "costs", MappingProxyType(costs))
        object.__setattr__(self, "lesions", MappingProxyType(dict(sorted(self.lesions.items()))))
        object.__setattr__(self, "limiting", MappingProxyType(dict(self.limiting)))

    @cached_property
    def lost(self) -> IndexArray:
        """Every voxel lost by any cause, sorted and unique."""
        regions = [region for region in self.costs.values() if region.size]
        if len(regions) == 1:
            return regions[0]
        together = np.concatenate([np.zeros(0, np.int32), *regions])
        together.sort(kind="stable")
        first = np.ones(together.size, np.bool_)
        np.not_equal(together[1:], together[:-1], out=first[1:])
        return _frozen(together[first])

    @property
    def is_forbidden(self) -> bool:
        """Whether a rule takes it out of the search."""
        return any(verdict in FORBIDDING for _, verdict in self.rules)


@dataclass(frozen=True)
class Threshold:
    """The working liver that must stay, in percent of one or both denominators (of both: the stricter rules).

    of: "nontumour" (the measured liver without tumour) and/or "standardised" (the expected total liver volume).
    source: id of the rule or source it comes from.
    """

    percent: float
    of: tuple[str, ...]
    source: str

    def __post_init__(self) -> None:
        if not 0 <= self.percent <= 100 or not self.of or not set(self.of) <= {"nontumour", "standardised"}:
            raise InputError(
                f"Threshold of {self.percent} % of {self.of}: "
                "expected 0 to 100 % of 'nontumour' or 'standardised', or both."
            )


@dataclass(frozen=True, eq=False)
class SegmentNeed:
    """Adjoining segments with inflow and outflow that must stay.

    names: segments in order. labels: (n,) uint8, voxel -> 1-based place in `names`, 0 where the segment is not known.
    adjoining: pairs of segments that hang together (`SegmentBorders.contacts`). needed: how many must stay and hang
    together. kept_share: a segment counts when at least this share of its non-tumour voxels keeps inflow and outflow.
    source: id of the rule.
    """

    names: tuple[str, ...]
    labels: npt.NDArray[np.uint8] = field(repr=False)
    adjoining: tuple[tuple[str, str], ...]
    needed: int
    source: str
    kept_share: float = SEGMENT_KEPT_SHARE

    def __post_init__(self) -> None:
        if self.labels.size and int(self.labels.max()) > len(self.names):
            raise InputError(
                f"Segment labels reach {self.labels.max()}, but only {len(self.names)} segments are named."
            )
        if strangers := sorted({name for pair in self.adjoining for name in pair} - set(self.names)):
            raise InputError(f"Adjoining segments name {strangers[0]!r}, which is not among {', '.join(self.names)}.")
        if self.needed < 1 or not 0 < self.kept_share <= 1:
            raise InputError(f"Segments needed: {self.needed} at share {self.kept_share}; expected >= 1, in (0, 1].")
        object.__setattr__(self, "labels", _frozen(self.labels))


@dataclass(frozen=True)
class Modifier:
    """Something done before the resection that makes the remnant grow or changes what it must be.

    relaxation: which relaxation it is a case of. growth: segment -> volume of its kept part after, over before (1 where
    not named; 0 for the embolised side, which counts for nothing); use the cautious end of the forecast. threshold:
    another one that then holds, or None. adds: burden. forecast: the interval and the date in words.
    """

    id: str
    relaxation: str
    label: str
    growth: Mapping[str, float] = field(default_factory=dict)
    threshold: Threshold | None = None
    burden: float = 0.0
    forecast: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        if self.relaxation not in RELAXATIONS:
            raise InputError(f"Modifier {self.id!r}: {self.relaxation!r} is not one of {', '.join(RELAXATIONS)}.")
        if any(not (np.isfinite(value) and value >= 0) for value in (*self.growth.values(), self.burden)):
            raise InputError(f"Modifier {self.id!r}: growth and burden must be finite and at least 0.")
        object.__setattr__(self, "growth", MappingProxyType(dict(self.growth)))


@dataclass(frozen=True, eq=False)
class Problem:
    """What must be cleared, by what, under which limits.

    voxel_ml: volume of one voxel. tumour: (n,) bool over the liver's voxels, true in every lesion (no working liver).
    targets: lesions that must be cleared. leave: lesions left to systemic therapy by choice; in neither. accept_mm:
    kind -> least margin accepted, for every kind that states margins. ample_mm: kind -> margin beyond which more is no
    gain (for kinds not named every millimetre counts). unassessed: cause of loss (CAUSES) that nobody looked at -> why,
    for instance without an outline of the vessels. expected_ml: expected total liver volume, or
    Unknown. segments: None when the segment map is missing (the constraint is then not assessed). groups: sets of ids
    of which at most one may be chosen. modifiers: what may be done first. allowed: relaxations the caller allows from
    the start.

    Raises InputError when ids clash or are unknown, a voxel number is too large, or a margin or denominator is missing.
    """

    voxel_ml: float
    tumour: BoolArray = field(repr=False)
    targets: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    accept_mm: Mapping[str, float]
    threshold: Threshold
    segments: SegmentNeed | None = None
    expected_ml: float | Unknown = field(default_factory=lambda: Unknown("no expected liver volume was given"))
    groups: tuple[frozenset[str], ...] = ()
    modifiers: tuple[Modifier, ...] = ()
    allowed: frozenset[str] = frozenset()
    leave: tuple[str, ...] = ()
    ample_mm: Mapping[str, float] = field(default_factory=dict)
    unassessed: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "tumour", _frozen(self.tumour))
        object.__setattr__(self, "accept_mm", MappingProxyType(dict(self.accept_mm)))
        object.__setattr__(self, "ample_mm", MappingProxyType(dict(self.ample_mm)))
        object.__setattr__(self, "unassessed", MappingProxyType(dict(self.unassessed)))
        object.__setattr__(self, "candidates", tuple(sorted(self.candidates, key=lambda one: one.id)))
        self._check_names()
        self._check_numbers()

    @property
    def voxels(self) -> int:
        """Voxels of the whole liver."""
        return int(self.tumour.size)

    def by_id(self) -> Mapping[str, Candidate]:
        """Candidate id -> candidate, sorted by id."""
        return {one.id: one for one in self.candidates}

    def needed_ml(self, threshold: Threshold) -> float:
        """Working liver that must stay under a threshold, in mL: the stricter of its denominators."""
        volumes = {"nontumour": self.voxel_ml * float(np.count_nonzero(~self.tumour))}
        if not isinstance(self.expected_ml, Unknown):
            volumes["standardised"] = self.expected_ml
        return threshold.percent / 100.0 * max(volumes[name] for name in threshold.of)

    def spare_mm(self, one: Candidate) -> Mapping[str, float]:
        """Target -> margin of a candidate beyond the accepted one in mm, at most up to the ample one (below 0: not
        accepted; infinite: no margin applies, and none is called ample; 0 for acts that state none)."""
        if one.kind in WITHOUT_MARGIN:
            return {lesion: 0.0 for lesion in one.lesions if lesion in self.targets}
        accepted = self.accept_mm.get(one.kind, 0.0)
        most = self.ample_mm.get(one.kind, math.inf) - accepted
        return {
            lesion: most if margin is None else min(most, margin - accepted)
            for lesion, margin in one.lesions.items()
            if lesion in self.targets
        }

    def _check_names(self) -> None:
        ids = {one.id for one in self.candidates}
        if len(ids) < len(self.candidates) or len({one.id for one in self.modifiers}) < len(self.modifiers):
            raise InputError("Two candidates, or two modifiers, have the same id; give each its own.")
        named = {name for one in self.candidates for name in one.excludes} | {n for g in self.groups for n in g}
        if strangers := sorted(named - ids):
            raise InputError(f"Excludes or groups name {strangers[0]!r}, which is no candidate of this problem.")
        if twice := sorted(set(self.targets) & set(self.leave)):
            raise InputError(f"Lesion {twice[0]} is both to be cleared and to be left; name it once.")
        costed = {cause for one in self.candidates for cause in one.costs}
        if clash := sorted(set(self.unassessed) & costed or set(self.unassessed) - set(CAUSES)):
            raise InputError(f"{clash[0]!r} is named as not assessed; expected a cause of loss that no candidate has.")
        if strangers := sorted(self.allowed - set(RELAXATIONS)):
            raise InputError(f"{strangers[0]!r} cannot be allowed; expected some of {', '.join(RELAXATIONS)}.")

    def _check_numbers(self) -> None:
        for one in self.candidates:
            if any(region.size and int(region[-1]) >= self.voxels for region in one.costs.values()):
                raise InputError(f"Candidate {one.id!r} names a voxel beyond the liver's {self.voxels}.")
            if one.kind not in self.accept_mm and any(margin is not None for margin in one.lesions.values()):
                raise InputError(f"No accepted margin for {one.kind!r} (candidate {one.id!r}); add it to accept_mm.")
        if small := sorted(kind for kind, mm in self.ample_mm.items() if mm < self.accept_mm.get(kind, 0.0)):
            raise InputError(f"The ample margin for {small[0]!r} is below the accepted one; it cannot be less.")
        if self.segments is not None and self.segments.labels.shape != self.tumour.shape:
            raise InputError(f"{self.segments.labels.size} segment labels for {self.voxels} liver voxels.")
        thresholds = [self.threshold, *(m.threshold for m in self.modifiers if m.threshold is not None)]
        if isinstance(self.expected_ml, Unknown) and any("standardised" in one.of for one in thresholds):
            raise InputError(
                f"A threshold of the standardised volume needs the expected liver volume, which is {self.expected_ml}. "
                "Give it, or state the threshold of 'nontumour' alone."
            )
        if not self.voxel_ml > 0:
            raise InputError(f"The voxel volume is {self.voxel_ml} mL; expected more than 0.")


def _region(region: IndexArray, where: str) -> IndexArray:
    array = np.asarray(region)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise InputError(f"{where}: expected a flat array of voxel numbers, got {array.dtype} of shape {array.shape}.")
    if array.size and (array[0] < 0 or not bool((array[1:] > array[:-1]).all())):
        raise InputError(f"{where}: voxel numbers must be >= 0, sorted and unique; np.unique makes them so.")
    return _frozen(array.astype(np.int32, copy=False))


def _frozen(array: npt.NDArray[Scalar]) -> npt.NDArray[Scalar]:
    view = array.view()
    view.flags.writeable = False
    return view
