"""Sessions: kept on the server, ended by idleness, by age, by signing out and by any change of the user."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time

from sqlalchemy import delete, insert, or_, select, update

from glisson.serve import schema
from glisson.serve.access import User
from glisson.serve.database import Database

__all__ = ["Sessions"]

RECENT_SECONDS = 2.0
"""How long a session is taken as it was found: pages ask many things at once."""

NOTED_SECONDS = 60.0
"""How much later than noted a session may have been used: not every request needs a write."""


class Sessions:
    """Tokens are 256 random bits; the database holds only their hashes."""

    def __init__(self, database: Database, *, idle_minutes: float, hours: float) -> None:
        self._database = database
        self._idle = idle_minutes * 60
        self._longest = hours * 3600
        self._recent: dict[str, tuple[User, float]] = {}

    def begin(self, user: User, earlier: str = "") -> str:
        """A new session's token; the session of an `earlier` token ends, so that none can be planted on a person."""
        token = secrets.token_urlsafe(32)
        now = time.time()
        table = schema.sessions
        ended = or_(
            table.c.digest == _digest(earlier), table.c.seen < now - self._idle, table.c.created < now - self._longest
        )
        self._remember(earlier, None)
        with self._database.write() as connection:
            connection.execute(delete(table).where(ended))
            connection.execute(insert(table).values(digest=_digest(token), user_id=user.id, created=now, seen=now))
        return token

    def recent(self, token: str) -> User | None:
        """The user of a session that was looked up a moment ago; None says nothing. It reads no database."""
        user, until = self._recent.get(token, (None, 0.0))
        return user if time.monotonic() < until else None

    def user_of(self, token: str) -> User | None:
        """The active user whose session this is, or None when there is none or it has ended."""
        if not token or len(token) > 100:
            return None
        user = self._looked_up(token)
        self._remember(token, user)
        return user

    def _remember(self, token: str, user: User | None) -> None:
        now = time.monotonic()
        kept = {known: held for known, held in self._recent.items() if held[1] > now and known != token}
        self._recent = kept if user is None else {**kept, token: (user, now + RECENT_SECONDS)}

    def forget(self) -> None:
        """Look every session up again: a user has changed."""
        self._recent = {}

    def _looked_up(self, token: str) -> User | None:
        table, users = schema.sessions, schema.users
        query = (
            select(table.c.created, table.c.seen, users.c.id, users.c.name, users.c.role)
            .join(users, users.c.id == table.c.user_id)
            .where(table.c.digest == _digest(token), users.c.active.is_(True))
        )
        row = self._database.first(query)
        now = time.time()
        if row is None or now - row.seen > self._idle or now - row.created > self._longest:
            return None
        if now - row.seen > min(NOTED_SECONDS, self._idle / 4):
            with self._database.write() as connection:
                connection.execute(update(table).where(table.c.digest == _digest(token)).values(seen=now))
        return User(row.id, row.name, row.role)

    def csrf_of(self, token: str) -> str:
        """The token that a page of this session must send with every change."""
        return hmac.new(token.encode(), b"glisson csrf", hashlib.sha256).hexdigest()

    def end(self, token: str) -> None:
        """End a session."""
        self._remember(token, None)
        with self._database.write() as connection:
            connection.execute(delete(schema.sessions).where(schema.sessions.c.digest == _digest(token)))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
