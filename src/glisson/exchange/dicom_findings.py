"""What an assessment found, as the findings of a structured report."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from glisson.anatomy import SEGMENT_NAMES
from glisson.assessment import Assessment
from glisson.case import Unknown
from glisson.exchange.dicom_terms import (
    CM3,
    CURRENT_RESPONSE,
    LESION,
    LIVER,
    LONG_AXIS,
    METASTASIS,
    MM,
    PARTS,
    PERCENT,
    REMNANT_PERCENT,
    RESPONSES,
    SEGMENTS,
    SHORT_AXIS,
    VOLUME,
)
from glisson.imaging.dicom_source import Reference, SourceSeries, Term, uid_of
from glisson.imaging.dicom_sr import Measured, ReportedFinding
from glisson.lesions import LesionFinding
from glisson.planning.clearance import Plan

__all__ = ["METASTATIC", "lesion_uid", "reported"]

METASTATIC = ("confirmed", "probable")
"""Natures of lesions that are coded as metastases."""

NUMBERS = {name: number for number, name in SEGMENT_NAMES.items()}

Place = tuple[Reference, int]


def lesion_uid(case: str, patient: str, name: str) -> str:
    """The tracking UID of a lesion: of the patient, the case and its name for life, the same on every scan."""
    return uid_of("lesion", patient, case, name)


def reported(
    result: Assessment,
    source: SourceSeries,
    anatomy: Callable[[str], Place | None],
    plans: Sequence[tuple[Plan, Mapping[str, Place]]],
) -> list[ReportedFinding]:
    """The findings: liver, lesions, response, plans.

    anatomy: name in the segmentation of the anatomy -> the segment. plans: each plan with the segments of its parts.
    """
    about = (result.case.id, source.person)
    found: list[ReportedFinding] = []
    if result.liver is not None:
        volume = Measured(VOLUME, result.liver.volume_ml, CM3)
        found.append(ReportedFinding(_tracking(about, "Liver"), LIVER, (), (volume,), anatomy("Liver")))
    for lesion in result.lesions:
        found += _lesion(lesion, about, anatomy(lesion.id))
    found += _response(result, about)
    for number, (plan, parts) in enumerate(plans, 1):
        found += _plan(number, plan, parts, about)
    return found


def _tracking(about: tuple[str, str], name: str) -> tuple[str, str]:
    return name, uid_of("finding", *about, name)


def _lesion(lesion: LesionFinding, about: tuple[str, str], place: Place | None) -> Iterator[ReportedFinding]:
    """The volume with the segment, then the diameters with their ends; a vanished lesion has no size."""
    tracking = (lesion.id, lesion_uid(*about, lesion.id))
    kind: Term = METASTASIS if lesion.nature in METASTATIC else LESION
    sites = (LIVER, *(SEGMENTS[NUMBERS[name]] for name in lesion.segments or ()))
    if lesion.nature == "vanished":
        yield ReportedFinding(tracking, kind, sites, (), place)
        return
    yield ReportedFinding(tracking, kind, sites, (Measured(VOLUME, lesion.volume_ml, CM3),), place)
    diameters = (
        Measured(LONG_AXIS, lesion.longest_axial_mm, MM, lesion.longest_axial_ends_mm),
        Measured(SHORT_AXIS, lesion.perpendicular_mm, MM, lesion.perpendicular_ends_mm),
    )
    yield ReportedFinding(tracking, kind, sites, diameters)


def _response(result: Assessment, about: tuple[str, str]) -> Iterator[ReportedFinding]:
    """The response of target and non-target lesions on the last scan, by RECIST 1.1."""
    responses = () if result.serial is None else result.serial.responses
    for response in responses:
        if response.criterion != "recist-1.1":
            continue
        last = response.dates[-1]
        said = {"target": last.target, "non-target": last.non_target}
        answers = [RESPONSES[which, word] for which, word in said.items() if word and (which, word) in RESPONSES]
        if answers:
            statements = tuple((CURRENT_RESPONSE, answer) for answer in answers)
            yield ReportedFinding(_tracking(about, "Response"), LIVER, statements=statements)


def _plan(number: int, plan: Plan, parts: Mapping[str, Place], about: tuple[str, str]) -> Iterator[ReportedFinding]:
    """The volume of each part, and the share of working liver that stays."""
    name = f"Plan {number}: {plan.name}"
    for part, place in parts.items():
        voxels = plan.voxels[part]
        if not isinstance(voxels, Unknown):
            volume = Measured(VOLUME, voxels * plan.voxel_ml, CM3)
            yield ReportedFinding(_tracking(about, f"{name}, {part}"), PARTS[part], (LIVER,), (volume,), place)
    share = Measured(REMNANT_PERCENT, plan.remnant_percent_nontumour, PERCENT)
    yield ReportedFinding(_tracking(about, name), PARTS["remnant"], (LIVER,), (share,))
