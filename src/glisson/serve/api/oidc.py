"""Signing in with the identity provider."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse

from glisson.serve.api.session import begin_session
from glisson.serve.dependencies import Parts
from glisson.serve.oidc import CALLBACK, Oidc
from glisson.serve.problems import NotFound

__all__ = ["router"]

router = APIRouter(prefix="/api", tags=["session"])
VISIT_COOKIE = "glisson_visit"
VISIT_SECONDS = 600


@router.get("/oidc/login", status_code=303, response_class=RedirectResponse)
def login(request: Request, core: Parts) -> RedirectResponse:
    """Go to the identity provider."""
    home = core.settings.public_url or f"{'https' if core.settings.secure else 'http'}://{request.headers['host']}"
    url, browser = _oidc(core.oidc).begin(home + CALLBACK)
    answer = RedirectResponse(url, 303)
    answer.set_cookie(
        VISIT_COOKIE, browser, max_age=VISIT_SECONDS, httponly=True, samesite="lax", secure=core.settings.secure,
        path=CALLBACK,
    )  # fmt: skip
    return answer


@router.get("/oidc/callback", status_code=303, response_class=RedirectResponse)
def callback(
    request: Request, core: Parts, state: Annotated[str, Query(max_length=200)],
    code: Annotated[str, Query(max_length=4000)],
) -> RedirectResponse:  # fmt: skip
    """Come back from the identity provider: a session begins, and the pages open."""
    who = _oidc(core.oidc).finish(state, code, request.cookies.get(VISIT_COOKIE, ""))
    user = core.people.of_subject(who.subject, who.name, who.role)
    answer = RedirectResponse("/", 303)
    begin_session(user, request, answer, core)
    answer.delete_cookie(VISIT_COOKIE, path=CALLBACK)
    return answer


def _oidc(found: Oidc | None) -> Oidc:
    if found is None:
        raise NotFound("No identity provider is set up. Sign in with a password.")
    return found
