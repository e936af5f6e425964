"""Remnants over time: after each embolisation and each resection that was measured."""

from __future__ import annotations

from glisson.assessment.operated import Resected
from glisson.assessment.result import Assessment
from glisson.errors import InputError
from glisson.planning.regrowth import RemnantCourse, embolised_course, remnant_course
from glisson.planning.remnant import remnant_rules

__all__ = ["remnant_courses"]


def remnant_courses(result: Assessment) -> tuple[RemnantCourse, ...]:
    """Volumetries of the record after an embolisation, and livers outlined after each resection between two scans."""
    expected_ml = remnant_rules(result.case.facts()).expected_ml
    made = [embolised_course(result.case, expected_ml), *(_course(one, expected_ml) for one in result.resected)]
    return tuple(one for one in made if one is not None)


def _course(one: Resected, expected_ml: float | None) -> RemnantCourse | None:
    if one.check is None:
        return None
    try:
        return remnant_course(
            one.operation.what, one.operation.day, one.check.kept.ml, one.remnants, expected_total_ml=expected_ml
        )
    except InputError:
        return None
