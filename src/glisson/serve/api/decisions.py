"""The board's decisions, and the patient's letter that rests on the last of them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Response
from fastapi.responses import FileResponse

from glisson.serve.access import Editor, Viewer
from glisson.serve.api.models import Decided, DecisionGiven, DecisionRecorded, JobView
from glisson.serve.api.results import dossier_file
from glisson.serve.deciding import decisions_of, letter_of, record
from glisson.serve.dependencies import CaseId, Parts

__all__ = ["router"]

router = APIRouter(prefix="/api", tags=["decisions"])


@router.post("/cases/{case_id}/decision", status_code=201)
def decide(case_id: CaseId, given: Annotated[DecisionGiven, Body()], user: Editor, core: Parts) -> Decided:
    """Record what the board decided; refused where no person is named or the version was not planned."""
    n, job = record(core, case_id, given.model_dump(), user)
    return Decided(n=n, job=JobView(**job.shown()))


@router.get("/cases/{case_id}/decisions")
def decisions(case_id: CaseId, _user: Viewer, core: Parts) -> list[DecisionRecorded]:
    """Every decision, oldest first; the last one holds."""
    return [DecisionRecorded(**found) for found in decisions_of(core, case_id)]


@router.get("/cases/{case_id}/letter", response_class=FileResponse)
def letter(case_id: CaseId, _user: Viewer, core: Parts) -> Response:
    """The patient's letter as HTML; 409 before a decision is recorded and while the letter is being written."""
    return dossier_file(letter_of(core, case_id) / "letter.html")


@router.get("/cases/{case_id}/letter.pdf", response_class=FileResponse)
def letter_as_pdf(case_id: CaseId, _user: Viewer, core: Parts) -> Response:
    """The patient's letter as PDF."""
    return dossier_file(letter_of(core, case_id) / "letter.pdf")
