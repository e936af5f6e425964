"""The audit trail."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from glisson.serve.access import Editor
from glisson.serve.api.models import AuditEntry
from glisson.serve.dependencies import AuditTrail
from glisson.serve.problems import Forbidden

__all__ = ["router"]

router = APIRouter(prefix="/api", tags=["audit"])


@router.get("/audit")
def audit(
    user: Editor, trail: AuditTrail, case: Annotated[UUID | None, Query()] = None,
    after: Annotated[int, Query(ge=0, le=2**62)] = 0,
) -> list[AuditEntry]:  # fmt: skip
    """At most 500 entries with a number above `after`: of one case for editors, of everything for administrators."""
    if case is None and user.role != "admin":
        raise Forbidden("The trail of everything is for administrators; name a case with ?case=.")
    found = trail.entries(case_id=None if case is None else str(case), after=after)
    return [
        AuditEntry(n=e.n, at=e.at, by=e.user_name, what=e.action, case=e.case_id, detail=e.detail, hash=e.hash)
        for e in found
    ]
