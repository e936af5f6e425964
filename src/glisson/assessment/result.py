"""What an assessment holds: everything a dossier is written from, and how it was reached."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from glisson.anatomy import CavaSplit, PartsOfFour, SegmentMap, VesselAnatomy
from glisson.assessment.operated import Resected
from glisson.case import Case
from glisson.geometry import Mask, Surface
from glisson.knowledge import Answer, Change, Gap, Option, PriceList, ScoreResult
from glisson.lesions import Burden, LesionFinding, LiverFinding
from glisson.lesions.follow import FollowUp
from glisson.lesions.serial import Serial
from glisson.planning import Clearing, PlanSettings, Resection
from glisson.planning.ablated import AblationCheck, ZoneCourse
from glisson.planning.radiation import RadiationFinding
from glisson.scene import Notice, Scene

__all__ = ["Assessment", "TraceEntry"]


@dataclass(frozen=True)
class TraceEntry:
    """One step that was taken: its name and, in words, what it found or why it was not done."""

    step: str
    outcome: str


@dataclass(frozen=True, eq=False)
class Assessment:
    """The case, the scene and all that was found. A field is None (or empty) until, or unless, its step could be taken.

    scans: all of them as they were read, earliest first, where there are several. follow: the lesions over them; the
    scene then holds every lesion by its name for life, vanished sites too, and the case says so. serial: their sizes,
    response and growth. ablated: name -> what became of a lesion that was ablated. at_rim: new lesion -> the lesion at
    whose ablation zone it lies, and how far off in mm. resected: what each resection between two scans removed. zones:
    name -> the volumes of its ablation zone over the scans. whole_liver: the liver with the lesions that lie in it, on
    its own box of the scan's lattice. radiation: doses and estimates. outlines: lesion id -> its mesh. answers: what
    the rules of planning and every rule that is not about a treatment say of this patient. options: the verdict on each
    treatment, for the patient and, where it is judged so, for each lesion. scores: those whose inputs are recorded.
    missing: the missing facts, those that would decide most first. changes: for each treatment what one changed input
    would make of its verdict. facts: everything the rules could ask. prices: the local price list, where one was given.
    """

    case: Case
    scene: Scene | None
    version: str
    scans: tuple[Scene, ...] = ()
    follow: FollowUp | None = None
    serial: Serial | None = None
    ablated: Mapping[str, AblationCheck] = field(default_factory=dict)
    at_rim: Mapping[str, tuple[str, float]] = field(default_factory=dict)
    resected: tuple[Resected, ...] = ()
    zones: Mapping[str, ZoneCourse] = field(default_factory=dict)
    whole_liver: Mask | None = None
    segments: SegmentMap | None = None
    parts_of_four: PartsOfFour | None = None
    cava: CavaSplit | None = None
    vessels: VesselAnatomy | None = None
    liver: LiverFinding | None = None
    lesions: tuple[LesionFinding, ...] = ()
    outlines: Mapping[str, Surface] = field(default_factory=dict, repr=False)
    burden: Burden | None = None
    resections: tuple[Resection, ...] = ()
    settings: PlanSettings | None = None
    clearing: Clearing | None = None
    radiation: RadiationFinding | None = None
    answers: tuple[Answer, ...] = ()
    options: tuple[Option, ...] = ()
    scores: tuple[ScoreResult, ...] = ()
    missing: tuple[Gap, ...] = ()
    changes: Mapping[str, tuple[Change, ...]] = field(default_factory=dict)
    facts: Mapping[str, object] = field(default_factory=dict, repr=False)
    prices: PriceList | None = None
    notices: tuple[Notice, ...] = ()
    trace: tuple[TraceEntry, ...] = field(default=())
