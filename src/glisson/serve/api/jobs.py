"""Background jobs."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import TypeAdapter

from glisson.serve.access import Editor, Viewer
from glisson.serve.api.models import JobView
from glisson.serve.dependencies import Jobs, Parts

__all__ = ["router"]

router = APIRouter(prefix="/api", tags=["jobs"])
LISTED = TypeAdapter(list[JobView])


@router.get("/jobs", response_model=list[JobView])
async def jobs(_user: Viewer, core: Parts, case: Annotated[UUID | None, Query()] = None) -> Response:
    """The last jobs, newest first; of one case where it is named."""
    of = None if case is None else str(case)
    return await core.answers.of(
        ("jobs", of or ""), LISTED, lambda: [JobView(**job.shown()) for job in core.jobs.of_case(of)]
    )


@router.get("/jobs/{job_id}")
def job(job_id: UUID, _user: Viewer, jobs: Jobs) -> JobView:
    """How far a job is."""
    return JobView(**jobs.get(str(job_id)).shown())


@router.delete("/jobs/{job_id}")
def cancel(job_id: UUID, user: Editor, jobs: Jobs) -> JobView:
    """Stop a job; what it made so far is discarded."""
    return JobView(**jobs.cancel(str(job_id), user).shown())
