"""The facts of a case: its case.yaml as text, checked line by line."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Body, Response
from pydantic import TypeAdapter

from glisson.case import CASE_FILE, loads_case
from glisson.case.reader import CaseFileError
from glisson.serve.access import Editor, Viewer
from glisson.serve.api.models import Facts, FactsGiven, NewVersion, ProblemNote
from glisson.serve.dependencies import CaseId, Jobs, Parts, Store
from glisson.serve.problems import UnfitFacts, facts_problems
from glisson.serve.store import CaseStore

__all__ = ["router"]

router = APIRouter(prefix="/api", tags=["facts"])
FACTS = TypeAdapter(Facts)


@router.get("/cases/{case_id}/facts", response_model=Facts)
async def facts(case_id: CaseId, _user: Viewer, core: Parts) -> Response:
    """The facts of the newest version."""
    return await core.answers.of(("facts", case_id), FACTS, lambda: _facts(core.store, case_id))


def _facts(store: CaseStore, case_id: str) -> Facts:
    version = store.latest(case_id)
    notices = store.notices(case_id, version) or []
    return Facts(version=version, yaml=store.facts(case_id, version), problems=[ProblemNote(**n) for n in notices])


@router.put("/cases/{case_id}/facts")
def change_facts(
    case_id: CaseId, given: Annotated[FactsGiven, Body()], user: Editor, store: Store, jobs: Jobs
) -> NewVersion:
    """Replace the facts: a new version. Facts that do not fit are refused with every problem (422)."""
    try:
        loads_case(given.yaml)
    except CaseFileError as refusal:
        raise UnfitFacts("The facts do not fit the schema.", problems=facts_problems(refusal)) from None
    number = store.new_version(
        case_id, based_on=given.based_on, by=user, what="facts changed", change=lambda copy: _write(copy, given.yaml)
    )
    jobs.submit("check", case_id, number, user)
    return NewVersion(version=number)


def _write(folder: Path, text: str) -> None:
    part = folder / f".{CASE_FILE}-{os.getpid()}"
    part.write_text(text, encoding="utf-8")
    part.replace(folder / CASE_FILE)
