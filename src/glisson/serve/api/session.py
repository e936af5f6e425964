"""Signing in and out, the first user, and what a page needs to know before."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Request, Response
from fastapi.concurrency import run_in_threadpool

from glisson import __version__
from glisson.serve.access import COOKIE, User, Viewer
from glisson.serve.api.models import About, Credentials, SessionView, UserView
from glisson.serve.core import Core
from glisson.serve.dependencies import Parts
from glisson.serve.problems import Forbidden, SignInFirst
from glisson.serve.settings import LOOPBACK_NAMES, is_loopback

__all__ = ["begin_session", "router"]

router = APIRouter(prefix="/api", tags=["session"])
STATEMENT = "Research software, not a medical device. It informs a tumour board and decides nothing."


@router.get("/about")
def about(core: Parts) -> About:
    """The version and what is switched on. Needs no session."""
    return About(
        version=__version__, statement=STATEMENT, cds=core.settings.cds, oidc=core.settings.oidc is not None,
        needs_first_user=core.people.are_none(), pacs=sorted(core.settings.pacs),
    )  # fmt: skip


@router.post("/session")
async def sign_in(
    given: Annotated[Credentials, Body()], request: Request, response: Response, core: Parts
) -> SessionView:
    """Sign in with name and password. Wrong ones must be followed by ever longer waits (429)."""
    return await run_in_threadpool(_sign_in, given, request, response, core)


def _sign_in(given: Credentials, request: Request, response: Response, core: Core) -> SessionView:
    keys = (f"name:{given.name.strip().casefold()}", f"address:{client(request)}")
    core.limits.refuse_guessing(*keys)
    user = core.people.check(given.name, given.password)
    if user is None:
        core.limits.wrong_password(*keys)
        core.audit.record(None, "sign-in refused")
        raise SignInFirst("The name or the password is wrong.")
    core.limits.right_password(keys[0])
    return begin_session(user, request, response, core)


def begin_session(user: User, request: Request, response: Response, core: Core) -> SessionView:
    """A new session with its cookie on the response; whatever session the browser had before ends."""
    token = core.sessions.begin(user, request.cookies.get(COOKIE, ""))
    core.audit.record(user, "signed in")
    response.set_cookie(COOKIE, token, httponly=True, samesite="strict", secure=core.settings.secure, path="/")
    return _view(user, core.sessions.csrf_of(token))


@router.get("/session")
def session(user: Viewer, request: Request, core: Parts) -> SessionView:
    """Who is signed in, and the token for changes."""
    return _view(user, core.sessions.csrf_of(request.cookies[COOKIE]))


@router.delete("/session", status_code=204)
def sign_out(user: Viewer, request: Request, response: Response, core: Parts) -> None:
    """Sign out."""
    core.sessions.end(request.cookies[COOKIE])
    core.audit.record(user, "signed out")
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict", secure=core.settings.secure)


@router.post("/first-user", status_code=201)
def first_user(given: Annotated[Credentials, Body()], request: Request, response: Response, core: Parts) -> SessionView:
    """Make the first user, an administrator: only while there is none, and only from the machine itself."""
    host = request.headers.get("host", "").rpartition(":")[0] or request.headers.get("host", "")
    forwarded = any(name in request.headers for name in ("forwarded", "x-forwarded-for", "x-real-ip"))
    if not is_loopback(client(request)) or host not in LOOPBACK_NAMES or forwarded:
        raise Forbidden(
            "The first user is made on the machine itself: open http://localhost there, or run glisson user add."
        )
    user = core.people.add(given.name, "admin", given.password, by=None, only_first=True)
    return begin_session(user, request, response, core)


def client(request: Request) -> str:
    """The address that a request comes from; headers of proxies are not believed."""
    return request.client.host if request.client else "unknown"


def _view(user: User, csrf: str) -> SessionView:
    return SessionView(user=UserView(id=user.id, name=user.name, role=user.role), csrf=csrf)
