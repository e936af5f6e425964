"""Users and their passwords."""

from __future__ import annotations

import threading
import unicodedata
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Connection, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from glisson.errors import InputError
from glisson.serve import schema
from glisson.serve.access import Role, User
from glisson.serve.audit import Audit
from glisson.serve.database import Database, now
from glisson.serve.problems import Conflict, NotFound

if TYPE_CHECKING:
    from sqlalchemy import Row

__all__ = ["LONGEST_PASSWORD", "SHORTEST_PASSWORD", "People", "Person"]

SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 200
LONGEST_NAME = 100
HASHES_AT_ONCE = 2
"""Each takes 64 MiB and a core; more at once would let strangers take the machine's memory."""


@dataclass(frozen=True)
class Person:
    """A user as an administrator sees them."""

    id: str
    name: str
    role: Role
    active: bool
    created: str


class People:
    """The users. Passwords are kept as argon2id hashes."""

    def __init__(self, database: Database, audit: Audit) -> None:
        self._database = database
        self._audit = audit
        self._hasher = PasswordHasher()
        self._turn = threading.BoundedSemaphore(HASHES_AT_ONCE)
        self._nobody: str | None = None

    def are_none(self) -> bool:
        """Whether there is no user yet."""
        return self._database.first(select(schema.users.c.id).limit(1)) is None

    def add(
        self, name: str, role: str, password: str | None, *, by: User | None, only_first: bool = False,
        subject: str | None = None,
    ) -> User:  # fmt: skip
        """Add a user. Raises InputError for an unfit name, role or password, Conflict for a name that is taken, and
        with `only_first` when there is a user already.
        """
        name = _fit_name(name)
        user = User(str(uuid.uuid4()), name, _fit_role(role))
        hashed = None if password is None else self._hash(password, name)
        try:
            with self._database.write() as connection:
                if only_first and connection.execute(select(schema.users.c.id).limit(1)).first() is not None:
                    raise Conflict("There is a user already. Sign in, or ask an administrator for an account.")
                connection.execute(
                    insert(schema.users).values(
                        id=user.id, name=name, role=user.role, password=hashed, subject=subject, active=True,
                        created=now(),
                    )
                )  # fmt: skip
                self._audit.append(connection, by or user, "user added", user=user.id, role=user.role)
        except IntegrityError:
            raise Conflict(f"There is a user named {name!r} already.") from None
        return user

    def check(self, name: str, password: str) -> User | None:
        """The active user whose name and password these are, else None; an unknown name takes as long as a known."""
        row = self._database.first(select(schema.users).where(schema.users.c.name == _normal(name)))
        held = row.password if row is not None and row.active and row.password else None
        if len(password) > LONGEST_PASSWORD:
            return None
        with self._turn:
            if self._nobody is None:
                self._nobody = self._hasher.hash(uuid.uuid4().hex)
            try:
                self._hasher.verify(held or self._nobody, password)
            except (VerificationError, InvalidHashError):
                return None
        return _user(row) if row is not None and held else None

    def of_subject(self, subject: str, name: str, role: Role) -> User:
        """The user of an identity provider's subject, added at their first visit; the provider says the role.

        Raises Conflict when the name belongs to another user, NotFound when the user was made inactive.
        """
        table = schema.users
        row = self._database.first(select(table).where(table.c.subject == subject))
        if row is None:
            return self.add(name, role, None, by=None, subject=subject)
        if not row.active:
            raise NotFound("This account is not active. Ask an administrator.")
        if row.role != role:
            with self._database.write() as connection:
                connection.execute(update(table).where(table.c.id == row.id).values(role=role))
                self._audit.append(connection, None, "user changed", user=row.id, role=role)
        return User(row.id, row.name, role)

    def everyone(self) -> list[Person]:
        """All users by name."""
        rows = self._database.all(select(schema.users).order_by(schema.users.c.name))
        return [Person(row.id, row.name, row.role, row.active, row.created) for row in rows]

    def named(self, name: str) -> Person:
        """The user of a name. Raises NotFound."""
        found = next((person for person in self.everyone() if person.name == _normal(name)), None)
        if found is None:
            raise NotFound(f"There is no user named {name!r}.")
        return found

    def change(
        self, user_id: str, *, by: User | None, role: str | None = None, password: str | None = None,
        active: bool | None = None,
    ) -> Person:  # fmt: skip
        """Change a user, and end their sessions. Raises NotFound, InputError; Conflict for the last administrator."""
        table = schema.users
        row = self._database.first(select(table).where(table.c.id == user_id))
        if row is None:
            raise NotFound("There is no such user.")
        values: dict[str, Any] = {}
        if role is not None:
            values["role"] = _fit_role(role)
        if active is not None:
            values["active"] = active
        if password is not None:
            values["password"] = self._hash(password, row.name)
        with self._database.write() as connection:
            if values:
                connection.execute(update(table).where(table.c.id == user_id).values(**values))
            self._refuse_none_left(connection)
            connection.execute(schema.sessions.delete().where(schema.sessions.c.user_id == user_id))
            self._audit.append(
                connection, by, "user changed", user=user_id, role=role, active=active, password=password is not None
            )
        return next(person for person in self.everyone() if person.id == user_id)

    def _refuse_none_left(self, connection: Connection) -> None:
        table = schema.users
        query = select(func.count()).select_from(table).where(table.c.role == "admin", table.c.active.is_(True))
        if not connection.execute(query).scalar():
            raise Conflict("One active administrator must remain.")

    def _hash(self, password: str, name: str) -> str:
        if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
            raise InputError(f"A password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters.")
        if len(set(password)) < 5 or name.casefold() in password.casefold():
            raise InputError("The password is too easy to guess: use more different characters, and not the name.")
        with self._turn:
            return self._hasher.hash(password)


def _user(row: Row[Any]) -> User:
    return User(row.id, row.name, row.role)


def _normal(name: str) -> str:
    return unicodedata.normalize("NFC", name).strip()


def _fit_name(name: str) -> str:
    fit = _normal(name)
    if not fit or len(fit) > LONGEST_NAME or not fit.isprintable():
        raise InputError(f"A name has 1 to {LONGEST_NAME} printable characters.")
    return fit


def _fit_role(role: str) -> Role:
    known: tuple[Role, ...] = get_args(Role)
    for one in known:
        if one == role:
            return one
    raise InputError(f"A role is {', '.join(known)}; got {role!r}.")
