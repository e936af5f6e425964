"""Cases as lists show them: the newest version, whether its plan is current, and the job that works on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import func, select

from glisson.serve import schema
from glisson.serve.database import Database
from glisson.serve.jobs import ACTIVE, Job, JobQueue
from glisson.serve.problems import NotFound

if TYPE_CHECKING:
    from sqlalchemy import Select

__all__ = ["CaseState", "Overview", "overview", "overviews"]

CaseState = Literal["new", "importing", "planning", "current", "stale", "failed"]
MAKING = ("import", "fetch")
TOLD = (*MAKING, "plan")
"""Kinds of jobs that say something about the state of a case."""


@dataclass(frozen=True)
class Overview:
    """One case. newest: 0 before its first version. planned_version: the newest with results. answer: of those."""

    id: str
    title: str
    created: str
    newest: int
    planned_version: int | None
    state: CaseState
    answer: str | None
    job: Job | None


def overview(database: Database, jobs: JobQueue, case_id: str) -> Overview:
    """One case. Raises NotFound."""
    found = overviews(database, jobs, case_id)
    if not found:
        raise NotFound("There is no such case.")
    return found[0]


def overviews(database: Database, jobs: JobQueue, case_id: str | None = None) -> list[Overview]:
    """All cases, or the one named, newest first."""
    cases, versions, results, job = schema.cases, schema.versions, schema.results, schema.jobs

    def only(query: Select[Any], table: Any) -> Select[Any]:
        return query if case_id is None else query.where(table.c.case_id == case_id)

    listed = select(cases).where(cases.c.deleted.is_(None)).order_by(cases.c.created.desc(), cases.c.id)
    newest = only(select(versions.c.case_id, func.max(versions.c.version)), versions).group_by(versions.c.case_id)
    last = (
        only(select(results.c.case_id, func.max(results.c.version * 100_000 + results.c.run).label("last")), results)
        .group_by(results.c.case_id)
        .subquery()
    )
    planned = select(results.c.case_id, results.c.version, results.c.answer).join(
        last,
        (last.c.case_id == results.c.case_id) & (last.c.last == results.c.version * 100_000 + results.c.run),
    )
    told = only(select(func.max(job.c.number)), job).where(job.c.kind.in_(TOLD)).group_by(job.c.case_id)
    wanted = only(select(job.c.id), job).where(job.c.state.in_(ACTIVE) | job.c.number.in_(told)).order_by(job.c.number)
    with database.read() as connection:
        rows = list(connection.execute(listed if case_id is None else listed.where(cases.c.id == case_id)))
        numbers: dict[str, int] = {row[0]: row[1] for row in connection.execute(newest)}
        plans = {row[0]: (row[1], row[2]) for row in connection.execute(planned)}
        ids = [found for (found,) in connection.execute(wanted)]
    by_case: dict[str, list[Job]] = {}
    for one in jobs.some(ids):
        by_case.setdefault(one.case_id, []).append(one)
    return [_one(row, numbers.get(row.id, 0), plans.get(row.id), by_case.get(row.id, [])) for row in rows]


def _one(row: Any, newest: int, planned: tuple[int, str] | None, jobs: list[Job]) -> Overview:
    state, job = _state(newest, planned[0] if planned else None, jobs)
    version, answer = planned or (None, None)
    return Overview(row.id, row.title, row.created, newest, version, state, answer, job)


def _state(newest: int, planned: int | None, jobs: list[Job]) -> tuple[CaseState, Job | None]:
    """The state, and the job that it shows: the one that works, or the one that failed."""
    active = [job for job in jobs if job.state in ACTIVE]
    for kinds, state in ((MAKING, "importing"), (("plan",), "planning")):
        working = next((job for job in active if job.kind in kinds), None)
        if working:
            return state, working  # type: ignore[return-value]
    other = active[0] if active else None
    last = next((job for job in reversed(jobs) if job.kind in TOLD), None)
    if newest == 0:
        return "failed", last
    if planned == newest:
        return "current", other
    if last is not None and last.state == "failed" and last.kind == "plan" and last.version == newest:
        return "failed", last
    return ("stale" if planned else "new"), other
