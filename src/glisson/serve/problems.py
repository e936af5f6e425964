"""Refusals with an HTTP status, and how every error becomes application/problem+json without internals."""

from __future__ import annotations

import errno
import logging
import traceback
from typing import Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException as StarletteHTTPException

from glisson.case.reader import CaseFileError
from glisson.errors import GlissonError, InputError, MissingExtra, OutputError

__all__ = [
    "Conflict", "Forbidden", "NotFound", "Refusal", "SignInFirst", "TooLarge", "TooMany", "UnfitFacts", "add_handlers",
    "problem",
]  # fmt: skip

log = logging.getLogger("glisson.serve")
TITLES = {
    412: "Something is missing",
    400: "The request could not be understood", 401: "Sign in first", 403: "Not allowed", 404: "Not found",
    405: "Not possible here", 409: "The state has changed", 413: "Too large", 415: "Wrong kind of content",
    422: "Not usable", 429: "Too many requests", 500: "The server failed", 507: "The disk is full",
}  # fmt: skip


class Refusal(GlissonError):  # noqa: N818
    """A request that is refused; the message may be shown to the person who asked."""

    status = 400

    def __init__(self, detail: str, **more: Any) -> None:
        super().__init__(detail)
        self.more = more
        self.headers: dict[str, str] = {}


class SignInFirst(Refusal):
    """No valid session (401)."""

    status = 401


class Forbidden(Refusal):
    """The person may not do this (403)."""

    status = 403


class NotFound(Refusal):
    """No such thing, or none that the person may see (404)."""

    status = 404


class Conflict(Refusal):
    """What the change is based on is no longer the newest, or the thing is not in a state that allows it (409)."""

    status = 409


class TooLarge(Refusal):
    """An upload or request beyond its limit (413)."""

    status = 413


class UnfitFacts(Refusal):
    """Facts that do not fit the schema (422); `problems` lists each with line, key, given and allowed."""

    status = 422


class TooMany(Refusal):
    """A rate limit (429); `retry_after` in seconds."""

    status = 429

    def __init__(self, detail: str, retry_after: float) -> None:
        super().__init__(detail)
        self.headers = {"Retry-After": str(max(1, round(retry_after + 0.5)))}


def problem(status: int, detail: str, headers: dict[str, str] | None = None, **more: Any) -> JSONResponse:
    """A response of type application/problem+json (RFC 9457)."""
    body = {"title": TITLES.get(status, "Refused"), "detail": detail, "status": status, **more}
    return JSONResponse(body, status, headers=headers, media_type="application/problem+json")


def add_handlers(app: FastAPI) -> None:
    """Have every error of an app answered by a problem; what went wrong inside is logged by place, never by content."""
    app.add_exception_handler(Refusal, _refusal)  # type: ignore[arg-type]
    app.add_exception_handler(GlissonError, _glisson)  # type: ignore[arg-type]
    app.add_exception_handler(RequestValidationError, _validation)  # type: ignore[arg-type]
    app.add_exception_handler(StarletteHTTPException, _http)  # type: ignore[arg-type]
    app.add_exception_handler(OSError, _disk)  # type: ignore[arg-type]
    app.add_exception_handler(Exception, _unexpected)


async def _refusal(_request: Request, refusal: Refusal) -> JSONResponse:
    return problem(refusal.status, str(refusal), refusal.headers, **refusal.more)


async def _glisson(request: Request, refusal: GlissonError) -> JSONResponse:
    if isinstance(refusal, CaseFileError):
        return problem(422, "The facts do not fit the schema.", problems=facts_problems(refusal))
    if isinstance(refusal, OutputError) and isinstance(refusal.__cause__, OSError):
        return await _disk(request, refusal.__cause__)
    if isinstance(refusal, (InputError, MissingExtra)):
        return problem(422, str(refusal))
    return await _unexpected(request, refusal)


def facts_problems(refusal: CaseFileError) -> list[dict[str, Any]]:
    """The problems of a case file as the API gives them: line, key, given, allowed."""
    return [
        {
            "level": "error", "about": "case.yaml", "text": f"given {p.given}; {p.expected}", "line": p.line,
            "key": p.key, "given": p.given, "allowed": p.expected,
        }
        for p in refusal.problems
    ]  # fmt: skip


async def _validation(_request: Request, refusal: RequestValidationError) -> JSONResponse:
    """Where and what, without repeating what was sent: it may name a patient or hold a password."""
    fields = [{"where": ".".join(map(str, e["loc"])), "text": e["msg"]} for e in refusal.errors()]
    return problem(422, "; ".join(f"{f['where']}: {f['text']}" for f in fields[:5]), fields=fields)


async def _http(_request: Request, refusal: HTTPException) -> JSONResponse:
    known = TITLES.get(refusal.status_code, "Refused")
    return problem(refusal.status_code, str(refusal.detail or known), dict(refusal.headers or {}))


async def _disk(request: Request, refusal: OSError) -> JSONResponse:
    if refusal.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        log.error("the disk of the data directory is full")
        return problem(507, "The server's disk is full. Nothing was changed. Ask the administrator to free some space.")
    return await _unexpected(request, refusal)


async def _unexpected(_request: Request, failure: Exception) -> JSONResponse:
    frames = traceback.extract_tb(failure.__traceback__)[-4:]
    places = "; ".join(f"{f.filename.rpartition('glisson/')[2]}:{f.lineno}" for f in frames)
    log.error("%s at %s", type(failure).__name__, places)
    return problem(500, "The server failed on this request. Nothing was changed. The log of the server says where.")
