"""What routes ask FastAPI for, beside who asks (`access`): the store, the jobs and the other parts of the server."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Path, Request

from glisson.serve.access import core_of
from glisson.serve.audit import Audit
from glisson.serve.core import Core
from glisson.serve.jobs import JobQueue
from glisson.serve.settings import ServeSettings
from glisson.serve.store import CaseStore

__all__ = ["AuditTrail", "CaseId", "Jobs", "Parts", "Settings", "Store", "VersionNumber"]


async def _core(request: Request) -> Core:
    return core_of(request)


async def _store(request: Request) -> CaseStore:
    return core_of(request).store


async def _jobs(request: Request) -> JobQueue:
    return core_of(request).jobs


async def _audit(request: Request) -> Audit:
    return core_of(request).audit


async def _settings(request: Request) -> ServeSettings:
    return core_of(request).settings


async def _case_id(case_id: Annotated[UUID, Path(description="identifier of the case")]) -> str:
    return str(case_id)


Parts = Annotated[Core, Depends(_core)]
Store = Annotated[CaseStore, Depends(_store)]
Jobs = Annotated[JobQueue, Depends(_jobs)]
AuditTrail = Annotated[Audit, Depends(_audit)]
Settings = Annotated[ServeSettings, Depends(_settings)]
CaseId = Annotated[str, Depends(_case_id)]
"""The `{case_id}` of the path as the store takes it; anything but a UUID is refused before it reaches the disk."""
VersionNumber = Annotated[int, Path(ge=1, le=9999, description="number of the version")]
"""The `{version}` of the path."""
