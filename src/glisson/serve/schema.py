"""The tables, the same in SQLite and PostgreSQL, and the triggers that keep the audit trail as it was written."""

from __future__ import annotations

from sqlalchemy import (
    DDL,
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    event,
)

__all__ = [
    "SCHEMA_VERSION", "audit", "cases", "decisions", "jobs", "meta", "metadata", "results", "sessions", "users",
    "versions",
]  # fmt: skip

SCHEMA_VERSION = 1
"""Raised with every change of a table; a database of another version is refused."""

metadata = MetaData()
ID = String(36)
WHEN = String(32)
"""Times are ISO 8601 in UTC, so that both databases compare and give back the same."""

meta = Table("meta", metadata, Column("key", String(40), primary_key=True), Column("value", Text, nullable=False))

users = Table(
    "users",
    metadata,
    Column("id", ID, primary_key=True),
    Column("name", String(200), nullable=False, unique=True),
    Column("role", String(10), CheckConstraint("role IN ('view', 'edit', 'admin')"), nullable=False),
    Column("password", Text),
    Column("subject", String(300), unique=True),
    Column("active", Boolean, nullable=False),
    Column("created", WHEN, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("user_id", ID, ForeignKey("users.id"), nullable=False, index=True),
    Column("created", Float, nullable=False),
    Column("seen", Float, nullable=False),
)

cases = Table(
    "cases",
    metadata,
    Column("id", ID, primary_key=True),
    Column("title", String(300), nullable=False),
    Column("created", WHEN, nullable=False),
    Column("by", ID, ForeignKey("users.id"), nullable=False),
    Column("deleted", WHEN),
)

versions = Table(
    "versions",
    metadata,
    Column("case_id", ID, ForeignKey("cases.id"), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("by", ID, ForeignKey("users.id"), nullable=False),
    Column("at", WHEN, nullable=False),
    Column("what", Text, nullable=False),
    Column("based_on", Integer),
    Column("files", JSON, nullable=False),
)

results = Table(
    "results",
    metadata,
    Column("case_id", ID, ForeignKey("cases.id"), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("run", Integer, primary_key=True, autoincrement=False),
    Column("by", ID, ForeignKey("users.id"), nullable=False),
    Column("at", WHEN, nullable=False),
    Column("settings", JSON, nullable=False),
    Column("answer", Text, nullable=False),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", ID, primary_key=True),
    Column("number", Integer, nullable=False, unique=True),
    Column("kind", String(20), nullable=False),
    Column("case_id", ID, ForeignKey("cases.id"), nullable=False),
    Column("version", Integer),
    Column("by", ID, ForeignKey("users.id"), nullable=False),
    Column("arguments", JSON, nullable=False),
    Column("state", String(10), nullable=False),
    Column("words", Text, nullable=False),
    Column("share", Float, nullable=False),
    Column("error", Text),
    Column("attempts", Integer, nullable=False),
    Column("created", WHEN, nullable=False),
    Column("ended", WHEN),
    Index("jobs_of_case", "case_id", "number"),
    Index("jobs_by_state", "state", "number"),
)

decisions = Table(
    "decisions",
    metadata,
    Column("case_id", ID, ForeignKey("cases.id"), primary_key=True),
    Column("n", Integer, primary_key=True, autoincrement=False),
    Column("version", Integer, nullable=False),
    Column("by", ID, ForeignKey("users.id"), nullable=False),
    Column("at", WHEN, nullable=False),
    Column("body", JSON, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("n", BigInteger, primary_key=True, autoincrement=False),
    Column("at", WHEN, nullable=False),
    Column("user_id", ID),
    Column("user_name", String(200), nullable=False),
    Column("action", String(60), nullable=False),
    Column("case_id", ID, index=True),
    Column("detail", Text, nullable=False),
    Column("before", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
)

for action in ("UPDATE", "DELETE"):
    event.listen(
        audit,
        "after_create",
        DDL(
            f"CREATE TRIGGER audit_no_{action.lower()} BEFORE {action} ON audit "
            "BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END"
        ).execute_if(dialect="sqlite"),
    )
for statement in (
    "CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'the audit trail is append-only'; END $$",
    "CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
    "FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()",
):
    event.listen(audit, "after_create", DDL(statement).execute_if(dialect="postgresql"))
