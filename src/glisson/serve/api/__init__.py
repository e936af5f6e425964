"""The routes, one module for each thing that they are about."""

from __future__ import annotations

from fastapi import APIRouter

from glisson.serve.api import (
    audit,
    cases,
    cds,
    decisions,
    edits,
    facts,
    jobs,
    oidc,
    reasons,
    replanning,
    results,
    session,
    users,
    viewer,
)  # fmt: skip

__all__ = ["CDS", "ROUTERS"]

CDS: APIRouter = cds.router
"""Only where it was switched on."""
ROUTERS: tuple[APIRouter, ...] = tuple(
    module.router
    for module in (
        session, oidc, users, cases, facts, jobs, results, decisions, audit, viewer, edits, replanning, reasons,
    )
)  # fmt: skip
