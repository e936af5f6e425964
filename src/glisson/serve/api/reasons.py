"""Options and reasons of a planned version, and the rules and sources behind them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from fastapi import Path as InPath

from glisson.errors import KnowledgeError
from glisson.serve.access import Viewer
from glisson.serve.api.viewer import planned_data
from glisson.serve.content.reasons import rule_data, source_data
from glisson.serve.dependencies import CaseId, Store, VersionNumber
from glisson.serve.problems import Conflict, NotFound

__all__ = ["router"]

router = APIRouter(prefix="/api", tags=["reasons"])
KnowledgeId = Annotated[str, InPath(pattern=r"^[a-z0-9][a-z0-9.-]{0,99}$")]


@router.get("/cases/{case_id}/v/{version}/reasons")
def reasons(case_id: CaseId, version: VersionNumber, _user: Viewer, store: Store) -> dict[str, Any]:
    """The options matrix: every treatment with its verdict by source, and every reason with its rule, source, inputs
    and counterfactuals. 409 until the version is planned."""
    kept = planned_data(store, case_id, version)
    if kept is None:
        raise Conflict(f"Version {version} has not been planned, so nothing was weighed. Plan it first.")
    found: dict[str, Any] = kept["reasons"]
    return found


@router.get("/knowledge/rules/{rule_id}")
def rule(rule_id: KnowledgeId, _user: Viewer) -> dict[str, Any]:
    """A rule as it is kept, with the record of each source."""
    try:
        return rule_data(rule_id)
    except KnowledgeError as refusal:
        raise NotFound(str(refusal)) from None


@router.get("/knowledge/sources/{source_id}")
def source(source_id: KnowledgeId, _user: Viewer) -> dict[str, Any]:
    """The record of a source, with the numbers read in it."""
    try:
        return source_data(source_id)
    except KnowledgeError as refusal:
        raise NotFound(str(refusal)) from None
