"""All that is said of radiation for one case: courses with dose, and what beams and spheres would do before a plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from glisson.anatomy import SegmentMap, territories, vessel_tree
from glisson.case import Case
from glisson.errors import SceneError
from glisson.geometry import Mask
from glisson.lesions import LesionFinding
from glisson.planning.dose import Artery, Check, CourseDose, arteries, course_dose
from glisson.planning.irradiating import BeamAct, beam_act, beams_together, stereotactic_checks
from glisson.planning.perfusing import SphereAct, sphere_acts
from glisson.scene import Scene

__all__ = ["RadiationFinding", "radiation_finding"]

TO_TREAT = ("confirmed", "probable", "indeterminate")
"""Natures of lesions for which radiation is estimated."""


@dataclass(frozen=True, eq=False)
class RadiationFinding:
    """What the files of courses show, and estimates for the lesions that would be treated.

    courses: in the case's order. measures: lesion -> what the masks say of stereotactic radiotherapy. beams: for the
    lesions that pass. together: spared liver when all of them are irradiated, with its check; None for fewer than two.
    spheres: lobes and segments. arteries: that enter the liver, the aberrant flagged; empty without an artery mask.
    """

    courses: tuple[CourseDose, ...] = ()
    measures: Mapping[str, tuple[Check, ...]] = field(default_factory=dict)
    beams: tuple[BeamAct, ...] = ()
    together: Check | None = None
    spheres: tuple[SphereAct, ...] = ()
    arteries: tuple[Artery, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """True where there is nothing to show."""
        return not (self.courses or self.measures or self.spheres)


def radiation_finding(
    case: Case, scene: Scene, liver: Mask, segments: SegmentMap | None, lesions: Sequence[LesionFinding]
) -> RadiationFinding:
    """Courses of the case with their doses, and estimates of beams and spheres for the lesions to be treated.

    liver: the whole liver. segments: None leaves lobes and segments out. lesions: as measured. Raises InputError for
    files of a course that make no sense.
    """
    masks = {lesion.id: lesion.mask for lesion in scene.lesions if not lesion.mask.is_empty}
    images = {item.id: item for item in scene.radiation}
    courses = tuple(
        course_dose(course, images[course.id], liver, masks) for course in case.radiation if course.id in images
    )
    wanted = [item for item in lesions if item.nature in TO_TREAT and item.id in masks]
    sizes = {item.id: item.longest_axial_mm for item in wanted}
    normal_ml = liver.volume_ml - sum(mask.volume_ml for mask in masks.values())
    measures = {name: stereotactic_checks(size, len(wanted), normal_ml) for name, size in sizes.items()}
    chosen = [name for name, checks in measures.items() if all(check.verdict != "fail" for check in checks)]
    beams = tuple(beam_act(liver, masks, name, longest_mm=sizes[name], organs=scene.structures) for name in chosen)
    together = beams_together(liver, masks, chosen)[1] if len(chosen) > 1 else None
    treatable = {name: masks[name] for name in sizes}
    spheres = sphere_acts(liver, segments, treatable) if segments is not None and treatable else ()
    found, notes = _arteries(scene, liver)
    return RadiationFinding(courses, measures, beams, together, spheres, found, notes)


def _arteries(scene: Scene, liver: Mask) -> tuple[tuple[Artery, ...], tuple[str, ...]]:
    mask = scene.structures.get("artery")
    if mask is None or mask.is_empty:
        return (), ()
    try:
        return arteries(territories(vessel_tree(mask, liver=liver, kind="artery"), liver)), ()
    except SceneError as refusal:
        return (), (f"Arteries were not read: {refusal}",)
