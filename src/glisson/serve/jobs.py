"""Background jobs: queued in the database, each run in a process of its own, begun anew when a server was killed.

A job's process gets an empty staging folder and writes only there; the server moves what it made into place and marks
the job done in one transaction. So a process or a server that ends at any moment leaves nothing half done.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from sqlalchemy import Connection, func, insert, select, update

from glisson.errors import GlissonError
from glisson.serve import schema
from glisson.serve.access import User
from glisson.serve.audit import Audit
from glisson.serve.database import Database, now
from glisson.serve.files import discard
from glisson.serve.problems import Conflict, NotFound
from glisson.serve.process import JobProcess, Outcome
from glisson.serve.settings import ServeSettings
from glisson.serve.store import CaseStore

__all__ = ["ACTIVE", "Job", "JobQueue", "JobState"]

log = logging.getLogger("glisson.serve")
JobState = Literal["queued", "running", "done", "failed", "cancelled"]
ACTIVE = ("queued", "running")
AGAIN_SECONDS = 5.0
"""How long after the database could not be read or written it is tried again."""
MOST_ATTEMPTS = 5
"""After so many starts that ended with the server or the process being killed, the job itself is suspected."""


@dataclass(frozen=True)
class Job:
    """One piece of work. words and share (0 to 1): how far it is. error: why it failed, in words for people."""

    id: str
    kind: str
    case_id: str
    version: int | None
    state: JobState
    words: str
    share: float
    error: str | None
    created: str
    ended: str | None
    by: str
    arguments: dict[str, Any]
    attempts: int

    def shown(self) -> dict[str, Any]:
        """What the API says of a job."""
        names = ("id", "kind", "version", "state", "words", "share", "error", "created", "ended")
        return {"case": self.case_id} | {name: getattr(self, name) for name in names}


class JobQueue:
    """Takes jobs, runs them one after the other (or a few at once), and says how far they are."""

    def __init__(self, settings: ServeSettings, database: Database, audit: Audit, store: CaseStore) -> None:
        self._settings = settings
        self._database = database
        self._audit = audit
        self._store = store
        self._changed = threading.Condition()
        self._running: dict[str, JobProcess] = {}
        self._stopping = False
        self._thread: threading.Thread | None = None

    def submit(
        self, kind: str, case_id: str, version: int | None, by: User, arguments: Mapping[str, Any] | None = None
    ) -> Job:
        """Queue a job; gives it back. One that waits already for the same with the same arguments is given instead."""
        with self._database.write() as connection:
            job = self.enqueue(connection, kind, case_id, version, by, arguments)
        self.wake()
        return job

    def enqueue(
        self, connection: Connection, kind: str, case_id: str, version: int | None, by: User,
        arguments: Mapping[str, Any] | None = None,
    ) -> Job:  # fmt: skip
        """Queue a job within a transaction; `wake` must follow when it is committed."""
        from glisson.serve.kinds import KINDS

        table = schema.jobs
        given = dict(arguments or {})
        waiting = select(table).where(table.c.case_id == case_id, table.c.kind == kind, table.c.state == "queued")
        for row in connection.execute(waiting):
            if row.version == version and row.arguments == given:
                return _job(row)
        number = (connection.execute(select(func.max(table.c.number))).scalar() or 0) + 1
        made: dict[str, Any] = {
            "id": str(uuid.uuid4()), "number": number, "kind": kind, "case_id": case_id, "version": version,
            "by": by.id, "arguments": given, "state": "queued", "words": KINDS[kind].waiting, "share": 0.0,
            "error": None, "attempts": 0, "created": now(), "ended": None,
        }  # fmt: skip
        connection.execute(insert(table).values(**made))
        return Job(**{name: value for name, value in made.items() if name != "number"})

    def wake(self) -> None:
        """Look for work now."""
        with self._changed:
            self._changed.notify_all()

    def get(self, job_id: str) -> Job:
        """A job by its id. Raises NotFound."""
        row = self._database.first(select(schema.jobs).where(schema.jobs.c.id == job_id))
        if row is None:
            raise NotFound("There is no such job.")
        return self._now(_job(row))

    def of_case(self, case_id: str | None, limit: int = 50) -> list[Job]:
        """The last jobs of a case, or of all cases, newest first."""
        table = schema.jobs
        query = select(table).order_by(table.c.number.desc()).limit(limit)
        if case_id is not None:
            query = query.where(table.c.case_id == case_id)
        return [self._now(_job(row)) for row in self._database.all(query)]

    def some(self, ids: list[str]) -> list[Job]:
        """The jobs of these ids, oldest first."""
        table = schema.jobs
        rows = self._database.all(select(table).where(table.c.id.in_(ids)).order_by(table.c.number)) if ids else []
        return [self._now(_job(row)) for row in rows]

    def progress(self) -> tuple[tuple[str, str, float], ...]:
        """Id, words and share of the jobs that run."""
        return tuple((job_id, process.words, process.share) for job_id, process in list(self._running.items()))

    def cancel(self, job_id: str, by: User) -> Job:
        """Stop a job that waits or runs. Raises NotFound, and Conflict for one that has ended."""
        job = self.get(job_id)
        table = schema.jobs
        with self._database.write() as connection:
            changed = connection.execute(
                update(table)
                .where(table.c.id == job_id, table.c.state.in_(ACTIVE))
                .values(state="cancelled", ended=now(), words="Cancelled")
            ).rowcount
            if not changed:
                raise Conflict(f"The job has ended already: {job.state}.")
            self._audit.append(connection, by, "job cancelled", job.case_id, job=job_id, kind=job.kind)
        self.kill(job_id)
        self._forget_upload(job)
        return self.get(job_id)

    def kill(self, job_id: str) -> None:
        """End the process of a job that runs."""
        process = self._running.get(job_id)
        if process is not None:
            process.kill()

    def kill_case(self, case_id: str) -> None:
        """End the processes of a case that was deleted."""
        for job in self.of_case(case_id):
            self.kill(job.id)

    def uploads_in_use(self) -> set[str]:
        """Names of the upload folders that jobs still need."""
        table = schema.jobs
        rows = self._database.all(select(table.c.arguments).where(table.c.state.in_(ACTIVE)))
        return {str(arguments.get("upload")) for (arguments,) in rows}

    def start(self) -> None:
        """Queue again what a killed server was running, and begin."""
        table = schema.jobs
        with self._database.write() as connection:
            connection.execute(
                update(table)
                .where(table.c.state == "running", table.c.attempts >= MOST_ATTEMPTS)
                .values(state="failed", ended=now(), error="It was begun several times and the server ended each time.")
            )
            connection.execute(update(table).where(table.c.state == "running").values(state="queued"))
        self._thread = threading.Thread(target=self._dispatch, name="jobs", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End all processes; their jobs begin anew at the next start."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        for process in list(self._running.values()):
            process.kill()
        if self._thread is not None:
            self._thread.join()
        while self._running:
            with self._changed:
                self._changed.wait(0.05)

    def _dispatch(self) -> None:
        while True:
            with self._changed:
                while not self._stopping and len(self._running) >= self._settings.limits.jobs_at_once:
                    self._changed.wait()
                if self._stopping:
                    return
                job = self._take()
                if job is None:
                    self._changed.wait(AGAIN_SECONDS)
                    continue
                self._running[job.id] = JobProcess(self._settings)
            threading.Thread(target=self._run, args=(job,), name=f"job-{job.id}", daemon=True).start()

    def _take(self) -> Job | None:
        """The next job, marked as running."""
        from glisson.serve.kinds import KINDS

        table = schema.jobs
        try:
            waiting = self._database.all(select(table).where(table.c.state == "queued").order_by(table.c.number))
            if not waiting:
                return None
            row = min(waiting, key=lambda row: (KINDS[row.kind].priority, row.number))
            with self._database.write() as connection:
                changed = connection.execute(
                    update(table)
                    .where(table.c.id == row.id, table.c.state == "queued")
                    .values(state="running", attempts=row.attempts + 1)
                ).rowcount
        except Exception as failure:  # the database may be away for a while
            log.error("no job could be taken: %s", type(failure).__name__)
            return None
        return replace(_job(row), state="running", attempts=row.attempts + 1) if changed else None

    def _run(self, job: Job) -> None:
        try:
            self._carry_out(job, self._running[job.id])
        except Exception as failure:
            log.error("job %s (%s) could not be finished: %s", job.id, job.kind, type(failure).__name__)
            words = str(failure) if isinstance(failure, GlissonError) else "The server could not keep its results."
            self._fail_sooner_or_later(job, "The server's disk is full." if _is_full(failure) else words)
        finally:
            with self._changed:
                self._running.pop(job.id, None)
                self._changed.notify_all()

    def _carry_out(self, job: Job, process: JobProcess) -> None:
        from glisson.serve.kinds import KINDS, Finishing

        kind = KINDS[job.kind]
        with self._store.staging() as staging:
            order = kind.order(self._store, job, self._settings)
            outcome = process.run(job.kind, staging, order, job.arguments)
            if outcome.state == "done":
                finishing = Finishing(self._store, self, self._user(job.by), lambda c: self._mark_done(c, job))
                kind.finish(finishing, job, staging, outcome.result)
                self._forget_upload(job)
            else:
                self._end(job, outcome)

    def _mark_done(self, connection: Connection, job: Job) -> None:
        """Within the transaction that keeps the results; nothing is kept of a job that was cancelled meanwhile."""
        table = schema.jobs
        changed = connection.execute(
            update(table)
            .where(table.c.id == job.id, table.c.state == "running")
            .values(state="done", ended=now(), words="Done", share=1.0)
        ).rowcount
        if not changed:
            raise Conflict("The job was cancelled.")

    def _end(self, job: Job, outcome: Outcome) -> None:
        if self._stopping or (outcome.state == "killed" and job.attempts < MOST_ATTEMPTS):
            attempts = job.attempts - 1 if self._stopping else job.attempts
            table = schema.jobs
            with self._database.write() as connection:
                connection.execute(
                    update(table)
                    .where(table.c.id == job.id, table.c.state == "running")
                    .values(state="queued", attempts=attempts)
                )
            return
        self._fail(job, outcome.error or "Its process was killed several times; perhaps the machine is out of memory.")

    def _fail_sooner_or_later(self, job: Job, error: str) -> None:
        """Record that a job failed; where the database cannot be written to, again until it can or the server ends."""
        while not self._stopping:
            try:
                self._fail(job, error)
                return
            except Exception as failure:
                log.error("the failure of job %s could not be recorded: %s", job.id, type(failure).__name__)
            with self._changed:
                self._changed.wait(AGAIN_SECONDS)

    def _fail(self, job: Job, error: str) -> None:
        table = schema.jobs
        with self._database.write() as connection:
            connection.execute(
                update(table)
                .where(table.c.id == job.id, table.c.state == "running")
                .values(state="failed", ended=now(), error=error, words="Failed")
            )
        self._forget_upload(job)

    def _forget_upload(self, job: Job) -> None:
        if upload := job.arguments.get("upload"):
            discard(self._settings.data_dir / "uploads" / str(upload))

    def _user(self, user_id: str) -> User:
        row = self._database.first(select(schema.users).where(schema.users.c.id == user_id))
        assert row is not None
        return User(row.id, row.name, row.role)

    def _now(self, job: Job) -> Job:
        """A job with the progress of its process, which the database does not hold."""
        process = self._running.get(job.id)
        if process is None or job.state != "running":
            return job
        return replace(job, words=process.words, share=process.share)


def _job(row: Any) -> Job:
    return Job(**{name: value for name, value in row._mapping.items() if name != "number"})


def _is_full(failure: BaseException | None) -> bool:
    import errno

    while failure is not None:
        if isinstance(failure, OSError) and failure.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            return True
        failure = failure.__cause__
    return False
