"""Who asks, and whether they may: FastAPI dependencies `Viewer`, `Editor` and `Admin` for routes.

    @router.get("/cases/{case_id}/thing")
    def thing(case_id: CaseId, user: Viewer, store: Store) -> ...

Each gives the signed-in `User`, refuses with 401 or 403, counts the request against the person's limit and, for a
method that changes something, demands the session's CSRF token in the header X-Glisson-CSRF.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool

from glisson.serve.problems import Forbidden, SignInFirst

if TYPE_CHECKING:
    from glisson.serve.core import Core

__all__ = ["COOKIE", "CSRF_HEADER", "ROLES", "Admin", "Editor", "Role", "User", "Viewer", "core_of", "signed_in"]

COOKIE = "glisson_session"
CSRF_HEADER = "X-Glisson-CSRF"
Role = Literal["view", "edit", "admin"]
ROLES: tuple[Role, ...] = ("view", "edit", "admin")
"""Each may do what those before it may."""
READING = frozenset(("GET", "HEAD", "OPTIONS"))


@dataclass(frozen=True)
class User:
    """A person who may sign in."""

    id: str
    name: str
    role: Role


def core_of(request: Request) -> Core:
    """The parts of the server that a request belongs to."""
    core: Core = request.app.state.core
    return core


async def signed_in(request: Request) -> User:
    """The person of the request's session. Raises SignInFirst, Forbidden (CSRF) or TooMany."""
    core = core_of(request)
    token = request.cookies.get(COOKIE, "")
    user = core.sessions.recent(token) or await run_in_threadpool(core.sessions.user_of, token)
    if user is None:
        core.limits.count_address(request.client.host if request.client else "unknown")
        raise SignInFirst("There is no session, or it has ended. Sign in again.")
    core.limits.count_person(user.id)
    if request.method not in READING:
        given = request.headers.get(CSRF_HEADER, "")
        if not hmac.compare_digest(given.encode(), core.sessions.csrf_of(token).encode()):
            raise Forbidden(f"The header {CSRF_HEADER} is missing or is not that of this session.")
    return user


def _at_least(role: Role) -> Callable[[User], Awaitable[User]]:
    async def check(user: Annotated[User, Depends(signed_in)]) -> User:
        if ROLES.index(user.role) < ROLES.index(role):
            raise Forbidden(f"This needs the role {role}; yours is {user.role}. An administrator can change it.")
        return user

    return check


Viewer = Annotated[User, Depends(signed_in)]
Editor = Annotated[User, Depends(_at_least("edit"))]
Admin = Annotated[User, Depends(_at_least("admin"))]
