"""Background jobs."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from glisson.serve.access import Editor, Viewer
from glisson.serve.api.models import JobView
from glisson.serve.dependencies import Jobs

__all__ = ["router"]

router = APIRouter(prefix="/api", tags=["jobs"])


@router.get("/jobs")
def jobs(_user: Viewer, jobs: Jobs, case: Annotated[UUID | None, Query()] = None) -> list[JobView]:
    """The last jobs, newest first; of one case where it is named."""
    return [JobView(**job.shown()) for job in jobs.of_case(None if case is None else str(case))]


@router.get("/jobs/{job_id}")
def job(job_id: UUID, _user: Viewer, jobs: Jobs) -> JobView:
    """How far a job is."""
    return JobView(**jobs.get(str(job_id)).shown())


@router.delete("/jobs/{job_id}")
def cancel(job_id: UUID, user: Editor, jobs: Jobs) -> JobView:
    """Stop a job; what it made so far is discarded."""
    return JobView(**jobs.cancel(str(job_id), user).shown())
