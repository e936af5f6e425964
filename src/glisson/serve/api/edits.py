"""Corrections of lesions: each makes a new version, which can be undone by going back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body
from fastapi import Path as InPath
from pydantic import BaseModel, Field, model_validator

from glisson.serve.access import Editor, User
from glisson.serve.api.models import Based, NewVersion
from glisson.serve.content import edits
from glisson.serve.content.case_edit import Edited, Names
from glisson.serve.content.prepare import Prepared
from glisson.serve.content.results import read_json
from glisson.serve.content.scene import names_for_life
from glisson.serve.dependencies import CaseId, Jobs, Store
from glisson.serve.jobs import JobQueue
from glisson.serve.store import CaseStore

__all__ = ["router"]

router = APIRouter(prefix="/api/cases/{case_id}/lesions", tags=["edits"])
Number = Annotated[float, Field(allow_inf_nan=False, ge=-1e5, le=1e5)]
Point = tuple[Number, Number, Number]
LesionId = Annotated[str, InPath(min_length=1, max_length=100)]
Diameter = Annotated[float, Field(ge=2, le=140)]


class Clicked(Based):
    """A click in a missed lesion. diameter_mm: about how large it is; without it the lesion's own contrast decides."""

    point_lps: Point
    diameter_mm: Diameter | None = None


class Corrected(Based):
    """One correction. grow, shrink: mm. regrow: point_lps, diameter_mm. add, erase: balls of radius_mm around
    centre_lps. facts: what the record says; null takes a fact out."""

    action: Literal["grow", "shrink", "regrow", "add", "erase", "facts"]
    mm: Annotated[float, Field(gt=0, le=30)] | None = None
    point_lps: Point | None = None
    diameter_mm: Diameter | None = None
    centre_lps: Annotated[list[Point], Field(min_length=1, max_length=2000)] | None = None
    radius_mm: Annotated[float, Field(gt=0, le=50)] | None = None
    facts: dict[Annotated[str, Field(max_length=40)], Any] | None = None

    @model_validator(mode="after")
    def _complete(self) -> Corrected:
        needs = {
            "grow": ("mm",), "shrink": ("mm",), "regrow": ("point_lps",), "add": ("centre_lps", "radius_mm"),
            "erase": ("centre_lps", "radius_mm"), "facts": ("facts",),
        }  # fmt: skip
        for name in needs[self.action]:
            if getattr(self, name) is None:
                raise ValueError(f"{self.action} needs {name}")
        return self


class Deleted(Based):
    """Why a lesion is deleted."""

    why: Annotated[str, Field(min_length=1, max_length=2000)]


class LesionChanged(BaseModel):
    """The new version, and the lesion as its scene shows it."""

    version: int
    lesion: dict[str, Any]


@router.post("")
def add(case_id: CaseId, given: Annotated[Clicked, Body()], user: Editor, store: Store, jobs: Jobs) -> LesionChanged:
    """Outline a missed lesion from a click."""

    def change(folder: Path, names: Names) -> Edited:
        return edits.add_lesion(folder, given.point_lps, given.diameter_mm, names)

    return _changed(store, jobs, case_id, given.based_on, user, "a missed lesion outlined from a click", change)


@router.patch("/{lesion}")
def correct(
    case_id: CaseId, lesion: LesionId, given: Annotated[Corrected, Body()], user: Editor, store: Store, jobs: Jobs
) -> LesionChanged:
    """Correct a lesion, or what the record says of it."""
    what = {
        "grow": f"grown by {given.mm or 0:g} mm", "shrink": f"shrunk by {given.mm or 0:g} mm",
        "regrow": "outlined anew from a click", "add": "painted", "erase": "partly erased", "facts": "facts changed",
    }  # fmt: skip

    def change(folder: Path, names: Names) -> Edited:
        return _corrected(folder, lesion, given, names)

    return _changed(store, jobs, case_id, given.based_on, user, f"lesion {lesion} {what[given.action]}", change)


@router.delete("/{lesion}")
def delete(
    case_id: CaseId, lesion: LesionId, given: Annotated[Deleted, Body()], user: Editor, store: Store, jobs: Jobs
) -> NewVersion:
    """Take a lesion out, with the reason; its name is not given again."""

    def change(folder: Path, names: Names) -> Edited:
        return edits.delete_lesion(folder, lesion, given.why, names)

    number, _ = _edited(store, jobs, case_id, given.based_on, user, f"lesion {lesion} deleted", change)
    return NewVersion(version=number)


def _corrected(folder: Path, lesion: str, given: Corrected, names: Names) -> Edited:
    if given.action in ("grow", "shrink"):
        assert given.mm is not None
        return edits.resize(folder, lesion, given.mm if given.action == "grow" else -given.mm, names)
    if given.action == "regrow":
        assert given.point_lps is not None
        return edits.regrow(folder, lesion, given.point_lps, given.diameter_mm, names)
    if given.action == "facts":
        return edits.state_facts(folder, lesion, given.facts or {}, names)
    assert given.centre_lps is not None
    assert given.radius_mm is not None
    return edits.paint(folder, lesion, given.centre_lps, given.radius_mm, add=given.action == "add", names=names)


def _changed(
    store: CaseStore, jobs: JobQueue, case_id: str, based_on: int, user: User, what: str,
    change: Callable[[Path, Names], Edited],
) -> LesionChanged:  # fmt: skip
    number, edited = _edited(store, jobs, case_id, based_on, user, what, change)
    assert edited.shown is not None
    return LesionChanged(version=number, lesion=edited.shown)


def _edited(
    store: CaseStore, jobs: JobQueue, case_id: str, based_on: int, user: User, what: str,
    change: Callable[[Path, Names], Edited],
) -> tuple[int, Edited]:  # fmt: skip
    """The new version, with what the viewer needs of it, and what the edit came to."""
    done: list[Edited] = []
    names = _names(store, case_id, based_on)
    number = store.new_version(
        case_id, based_on=based_on, by=user, what=what, change=lambda copy: done.append(change(copy, names))
    )
    edited = done[-1]
    prepared = Prepared(store.case_folder(case_id, number), None, store.prepared_folder(case_id, number))
    prepared.after_edit(store.prepared_folder(case_id, based_on), edited.case, edited.scene, edited.lesion)
    jobs.submit("prepare", case_id, number, user)
    return number, edited


def _names(store: CaseStore, case_id: str, version: int) -> Names:
    """How the lesions are called over all scans, as far as a planning of this version says."""
    results = store.results_folder(case_id, version)
    if results is None:
        return Names()
    return Names(names_for_life(read_json(results / "findings.json")), known=True)
