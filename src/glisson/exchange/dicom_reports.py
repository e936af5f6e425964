"""Lesions of other people's DICOM reports as facts of a case, matched to the outlines by where they lie."""

from __future__ import annotations

import re
from collections.abc import Container

import numpy as np

from glisson.case import LesionFacts, Unknown
from glisson.geometry import FloatArray, Mask
from glisson.imaging.dicom_sr_read import Report, ReportedLesion
from glisson.scene import Notice, Scene

__all__ = ["NEAR_MM", "facts_of_report"]

NEAR_MM = 5.0
"""A reported lesion is the outlined one when its middle lies in the outline or no further than this from it."""


def facts_of_report(report: Report, scene: Scene) -> tuple[tuple[LesionFacts, ...], tuple[Notice, ...]]:
    """For each reported lesion the facts that a case can hold, and what was notable.

    A lesion gets the id of the outline at its place, else its own name in the report. size_mm is the long diameter as
    reported; what the lesion is stays indeterminate, the report's word for it is the reason: a coded finding is no
    diagnosis. Two reported lesions at one outline: the nearer one has it. Nothing is guessed for a lesion without a
    place.
    """
    facts: list[LesionFacts] = []
    notices = list(report.notices)
    ranked = sorted(
        (away, number, outline.id)
        for number, lesion in enumerate(report.lesions)
        if lesion.centre_mm is not None
        for outline in scene.lesions
        if (away := _away_mm(lesion.centre_mm, outline.mask)) <= NEAR_MM
    )
    matched: dict[int, str] = {}
    for _, number, outline_id in ranked:
        if number not in matched and outline_id not in matched.values():
            matched[number] = outline_id
    taken = {outline.id for outline in scene.lesions}
    for number, lesion in enumerate(report.lesions):
        name = matched.get(number) or _free_name(lesion.name, taken)
        taken.add(name)
        facts.append(_facts(lesion, name))
        if number not in matched:
            text = f"The report's lesion {lesion.name} lies at no outlined lesion; it stands in the case as {name}."
            notices.append(Notice("warning", "report-lesion-unmatched", text, name))
    return tuple(facts), tuple(notices)


def _facts(lesion: ReportedLesion, name: str) -> LesionFacts:
    word = lesion.finding or "a finding without a code"
    size = Unknown("the report gives no diameter") if lesion.long_mm is None else lesion.long_mm
    return LesionFacts(name, reason=f"reported as {word!r} ({lesion.name}) in a DICOM report", size_mm=size)


def _away_mm(point_mm: FloatArray, mask: Mask) -> float:
    """Distance from a point to the nearest voxel centre of a mask, 0 inside it."""
    if mask.is_empty:
        return float("inf")
    index = np.rint(mask.grid.to_index(point_mm)).astype(int)
    if (index >= 0).all() and (index < mask.grid.shape).all() and mask.data[tuple(index)]:
        return 0.0
    centres = mask.grid.to_mm(np.argwhere(mask.data))
    return float(np.sqrt(((centres - point_mm) ** 2).sum(axis=1).min()))


def _free_name(name: str, taken: Container[str]) -> str:
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-") or "reported"
    candidate, number = plain, 2
    while candidate in taken:
        candidate, number = f"{plain}-{number}", number + 1
    return candidate
