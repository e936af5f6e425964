"""The audit trail: who did what to which case and when; each entry carries the hash of the one before it."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, insert, select

from glisson.serve import schema
from glisson.serve.database import Database, now

if TYPE_CHECKING:
    from glisson.serve.access import User

__all__ = ["Audit", "Entry"]

FIRST = "0" * 64
"""What stands in the place of an earlier hash before the first entry."""
PAGE = 500
OPENING_SECONDS = 600.0
"""A person who looks at a case for a while opens it once."""


@dataclass(frozen=True)
class Entry:
    """One thing that was done. detail: identifiers and numbers, never what a record says of a patient."""

    n: int
    at: str
    user_id: str | None
    user_name: str
    action: str
    case_id: str | None
    detail: dict[str, Any]
    before: str
    hash: str


class Audit:
    """Appends to the trail, in the transaction of what it tells of; the database refuses to change entries."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._opened: dict[tuple[str, str], float] = {}

    def record(self, by: User | None, action: str, case_id: str | None = None, **detail: Any) -> None:
        """Append one entry in a transaction of its own."""
        with self._database.write() as connection:
            self.append(connection, by, action, case_id, **detail)

    def append(
        self, connection: Connection, by: User | None, action: str, case_id: str | None = None, **detail: Any
    ) -> None:
        """Append one entry in a transaction that `Database.write` began. by: None is the server itself."""
        last = connection.execute(
            select(schema.audit.c.n, schema.audit.c.hash).order_by(schema.audit.c.n.desc()).limit(1)
        ).first()
        row: dict[str, Any] = {
            "n": last.n + 1 if last else 1,
            "at": now(),
            "user_id": by.id if by else None,
            "user_name": by.name if by else "server",
            "action": action,
            "case_id": case_id,
            "detail": json.dumps(detail, sort_keys=True, ensure_ascii=False),
            "before": last.hash if last else FIRST,
        }
        connection.execute(insert(schema.audit).values(**row, hash=_hash(row)))

    def record_opening(self, by: User, case_id: str) -> None:
        """Append that a person opened a case, once in a while: pages ask for it again and again."""
        if self.opened_lately(by, case_id):
            return
        moment = time.monotonic()
        kept = {known: at for known, at in self._opened.items() if moment - at < OPENING_SECONDS}
        self._opened = kept | {(by.id, case_id): moment}
        self.record(by, "case opened", case_id)

    def opened_lately(self, by: User, case_id: str) -> bool:
        """Whether that a person opened a case is in the trail already, a short while ago."""
        return time.monotonic() - self._opened.get((by.id, case_id), -math.inf) < OPENING_SECONDS

    def entries(self, *, case_id: str | None = None, after: int = 0, limit: int = PAGE) -> list[Entry]:
        """Entries with a number above `after`, oldest first; those of one case where it is named."""
        table = schema.audit
        query = select(table).where(table.c.n > after).order_by(table.c.n).limit(limit)
        if case_id is not None:
            query = query.where(table.c.case_id == case_id)
        return [Entry(**{**row._mapping, "detail": json.loads(row.detail)}) for row in self._database.all(query)]

    def broken_at(self) -> int | None:
        """The number of the first entry that is not as it was written or does not follow its neighbour, else None."""
        with self._database.read() as connection:
            rows = connection.execute(select(schema.audit).order_by(schema.audit.c.n))
            return self.first_broken(dict(row._mapping) for row in rows)

    @staticmethod
    def first_broken(rows: Iterable[Mapping[str, Any]]) -> int | None:
        """The same of rows of the table in their order."""
        before = FIRST
        for number, row in enumerate(rows, 1):
            if row["n"] != number or row["before"] != before or _hash(row) != row["hash"]:
                return number
            before = row["hash"]
        return None


def _hash(row: Mapping[str, Any]) -> str:
    """SHA-256 over the entry's fields and the hash before it."""
    fields = [row[name] for name in ("n", "at", "user_id", "user_name", "action", "case_id", "detail", "before")]
    return hashlib.sha256(json.dumps(fields, ensure_ascii=False).encode()).hexdigest()
