"""The parts of one running server, opened together and closed together."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from glisson.serve.answers import Answers
from glisson.serve.audit import Audit
from glisson.serve.database import Database, open_database
from glisson.serve.files import discard
from glisson.serve.jobs import JobQueue
from glisson.serve.limits import RateLimits
from glisson.serve.lock import DataLock
from glisson.serve.oidc import Oidc
from glisson.serve.people import People
from glisson.serve.sessions import Sessions
from glisson.serve.settings import ServeSettings
from glisson.serve.store import CaseStore

__all__ = ["Core", "open_core"]

log = logging.getLogger("glisson.serve")


@dataclass(frozen=True)
class Core:
    """Everything behind the routes."""

    settings: ServeSettings
    lock: DataLock
    database: Database
    audit: Audit
    people: People
    sessions: Sessions
    limits: RateLimits
    store: CaseStore
    jobs: JobQueue
    answers: Answers
    oidc: Oidc | None

    def close(self) -> None:
        """Stop the jobs (they begin anew at the next start), let go of the database and the directory."""
        self.jobs.stop()
        self.database.close()
        self.lock.release()


def open_core(settings: ServeSettings) -> Core:
    """Lock the data directory, open its database, sweep what was interrupted and start the jobs.

    Raises InputError when the directory is in use or does not fit the database, OutputError when it cannot be written.
    """
    lock = DataLock(settings.data_dir)
    try:
        database = open_database(settings.data_dir, settings.database_url)
    except BaseException:
        lock.release()
        raise
    audit = Audit(database)
    store = CaseStore(settings.data_dir, database, audit)
    for problem in store.recover():
        log.error("%s", problem)
    jobs = JobQueue(settings, database, audit, store)
    _sweep_uploads(settings, jobs)
    sessions = Sessions(database, idle_minutes=settings.session_idle_minutes, hours=settings.session_hours)
    core = Core(
        settings, lock, database, audit, People(database, audit), sessions, RateLimits(settings.limits), store, jobs,
        Answers(database, jobs), Oidc(settings.oidc) if settings.oidc else None,
    )  # fmt: skip
    jobs.start()
    return core


def _sweep_uploads(settings: ServeSettings, jobs: JobQueue) -> None:
    """Delete uploads that no waiting import needs."""
    home = settings.data_dir / "uploads"
    needed = jobs.uploads_in_use()
    for folder in home.iterdir() if home.is_dir() else ():
        if folder.name not in needed:
            discard(folder)
