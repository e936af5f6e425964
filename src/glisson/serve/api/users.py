"""Users, for administrators."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body

from glisson.serve.access import Admin
from glisson.serve.api.models import NewUser, UserChange, UserView
from glisson.serve.dependencies import Parts

__all__ = ["router"]

router = APIRouter(prefix="/api", tags=["users"])


@router.get("/users")
def users(_user: Admin, core: Parts) -> list[UserView]:
    """All users by name."""
    return [UserView(id=p.id, name=p.name, role=p.role, active=p.active) for p in core.people.everyone()]


@router.post("/users", status_code=201)
def add_user(given: Annotated[NewUser, Body()], user: Admin, core: Parts) -> UserView:
    """Add a user."""
    added = core.people.add(given.name, given.role, given.password, by=user)
    return UserView(id=added.id, name=added.name, role=added.role)


@router.patch("/users/{user_id}")
def change_user(user_id: UUID, given: Annotated[UserChange, Body()], user: Admin, core: Parts) -> UserView:
    """Change role, password or whether the account is active; all sessions of the user end."""
    core.sessions.forget()
    changed = core.people.change(str(user_id), by=user, role=given.role, password=given.password, active=given.active)
    core.sessions.forget()
    return UserView(id=changed.id, name=changed.name, role=changed.role, active=changed.active)
