"""Cases on disk and their rows: versions that never change, each made whole beside the others and recorded at once.

    DATA/cases/<id>/versions/0001/    a complete case folder
    DATA/cases/<id>/results/0001/     the dossier of that version; of a second planning of it, results/0001-2/
    DATA/cases/<id>/prepared/0001/    what the viewer is sent; may be deleted at any time
    DATA/cases/<id>/letters/0001/     the patient's letter of decision 1
    DATA/staging/                     what is being made; emptied when the server starts

A folder without a row is what an interrupted attempt left, and goes at the next start. A row is written last, so that
whatever it names is there.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from glisson.case import CASE_FILE
from glisson.serve import schema
from glisson.serve.access import User
from glisson.serve.audit import Audit
from glisson.serve.confine import refuse_outside
from glisson.serve.database import Database, now
from glisson.serve.files import discard, hashes, known_hashes, link_tree, put_in_place, refuse_links, sync_folder
from glisson.serve.problems import Conflict, NotFound

__all__ = ["Also", "CaseStore", "Conflict", "Version"]

Also = Callable[[Connection], None]
"""What else belongs in the transaction that records something."""


@dataclass(frozen=True)
class Version:
    """One state of a case. by: the person's name. based_on: the version that was changed, None for the first."""

    version: int
    by: str
    at: str
    what: str
    based_on: int | None
    planned: bool


class CaseStore:
    """Reads and writes cases. Case ids are UUIDs as text, versions count from 1."""

    def __init__(self, data_dir: Path, database: Database, audit: Audit) -> None:
        self._data = data_dir
        self._database = database
        self._audit = audit

    def latest(self, case_id: str) -> int:
        """The newest version. Raises NotFound for a case that is not there or holds no version yet."""
        with self._database.read() as connection:
            newest = self._newest(connection, case_id)
        if newest is None:
            raise NotFound("The case has no version yet: its import is not finished, or it failed.")
        return newest

    def case_folder(self, case_id: str, version: int) -> Path:
        """The case folder of a version; nothing may be written there. Raises NotFound."""
        self._last_run(case_id, version)
        return self._case(case_id) / "versions" / _four(version)

    def results_folder(self, case_id: str, version: int) -> Path | None:
        """The dossier's folder of a version's last planning, or None where it was not planned. Raises NotFound."""
        run = self._last_run(case_id, version)
        return None if run is None else self._case(case_id) / "results" / _run_name(version, run)

    def prepared_folder(self, case_id: str, version: int) -> Path:
        """The folder of what was prepared for the viewer of a version, which is there. Raises NotFound."""
        self._last_run(case_id, version)
        folder = self._case(case_id) / "prepared" / _four(version)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def letter_folder(self, case_id: str, n: int) -> Path:
        """Where the patient's letter of a decision lies or will lie."""
        return self._case(case_id) / "letters" / _four(n)

    def versions(self, case_id: str) -> list[Version]:
        """Every version, oldest first. Raises NotFound."""
        table, users, results = schema.versions, schema.users, schema.results
        planned = select(results.c.run).where(
            results.c.case_id == table.c.case_id, results.c.version == table.c.version
        ).exists()  # fmt: skip
        query = (
            select(table.c.version, users.c.name, table.c.at, table.c.what, table.c.based_on, planned)
            .join(users, users.c.id == table.c.by)
            .where(table.c.case_id == case_id)
            .order_by(table.c.version)
        )
        self.refuse_missing(case_id)
        return [Version(row[0], row[1], row[2], row[3], row[4], bool(row[5])) for row in self._database.all(query)]

    def new_case(self, title: str, by: User, also: Callable[[Connection, str], object]) -> str:
        """Begin a case without a version; gives back its id. also: gets the transaction and the id."""
        case_id = str(uuid.uuid4())
        with self._database.write() as connection:
            connection.execute(
                insert(schema.cases).values(id=case_id, title=title, created=now(), by=by.id, deleted=None)
            )
            self._audit.append(connection, by, "case created", case_id)
            also(connection, case_id)
        return case_id

    def first_version(self, case_id: str, folder: Path, *, by: User, what: str, also: Also | None = None) -> int:
        """Take a complete case folder (on the data directory's file system) as version 1; gives back 1.

        A case that has a version keeps it. Raises NotFound, InputError for links and for files outside the folder.
        """
        refuse_links(folder)
        refuse_outside(folder)
        files = hashes(folder)
        sync_folder(folder)
        with self._database.write() as connection:
            _do(also, connection)
            if self._newest(connection, case_id) is None:
                put_in_place(folder, self._case(case_id) / "versions" / _four(1))
                self._record(connection, case_id, 1, by, what, None, files)
        return 1

    def new_version(self, case_id: str, *, based_on: int, by: User, what: str, change: Callable[[Path], None]) -> int:
        """Change a copy of a version and record it as the newest; gives back its number.

        change: gets the copy's folder and must replace files, not write into them: they are shared with the version
        before. Raises Conflict when `based_on` is not the newest, NotFound, and whatever `change` raises; then nothing
        has changed.
        """
        return self._add_version(case_id, based_on, based_on, by, what, change)

    def revert(self, case_id: str, *, to: int, based_on: int, by: User) -> int:
        """A new version equal to an earlier one. Raises Conflict and NotFound as `new_version` does."""
        return self._add_version(case_id, to, based_on, by, f"back to version {to}", lambda _folder: None)

    def _add_version(
        self, case_id: str, source: int, based_on: int, by: User, what: str, change: Callable[[Path], None]
    ) -> int:
        origin = self.case_folder(case_id, source)
        recorded = self._version_row(case_id, source).files
        self._refuse_stale(self.latest(case_id), based_on)
        with self.staging() as place:
            copy = place / "case"
            link_tree(origin, copy)
            before = known_hashes(origin, recorded)
            change(copy)
            refuse_links(copy)
            refuse_outside(copy)
            if known_hashes(origin, recorded) != before:
                raise RuntimeError("an edit wrote into a file of an earlier version")
            files = hashes(copy, before)
            sync_folder(copy)
            with self._database.write() as connection:
                self._refuse_stale(self._newest(connection, case_id), based_on)
                number = based_on + 1
                put_in_place(copy, self._case(case_id) / "versions" / _four(number))
                self._record(connection, case_id, number, by, what, based_on, files)
        return number

    def _record(
        self, connection: Connection, case_id: str, number: int, by: User, what: str, based_on: int | None,
        files: dict[str, str],
    ) -> None:  # fmt: skip
        connection.execute(
            insert(schema.versions).values(
                case_id=case_id, version=number, by=by.id, at=now(), what=what, based_on=based_on, files=files
            )
        )
        self._audit.append(connection, by, "version", case_id, version=number, based_on=based_on)

    def add_results(
        self, case_id: str, version: int, folder: Path, *, by: User, settings: dict[str, Any], answer: str,
        also: Also | None = None,
    ) -> Path:  # fmt: skip
        """Take a complete dossier folder as the results of a version; earlier plannings of it are kept beside it."""
        run = (self._last_run(case_id, version) or 0) + 1
        target = self._case(case_id) / "results" / _run_name(version, run)
        sync_folder(folder)
        with self._database.write() as connection:
            _do(also, connection)
            put_in_place(folder, target)
            connection.execute(
                insert(schema.results).values(
                    case_id=case_id, version=version, run=run, by=by.id, at=now(), settings=settings, answer=answer
                )
            )
            self._audit.append(connection, by, "planned", case_id, version=version, run=run)
        return target

    def add_letter(self, case_id: str, n: int, folder: Path, also: Also | None = None) -> None:
        """Take a complete folder as the letter of a decision."""
        sync_folder(folder)
        with self._database.write() as connection:
            _do(also, connection)
            put_in_place(folder, self.letter_folder(case_id, n))

    def record_only(self, also: Also) -> None:
        """A transaction for what has nothing to keep."""
        with self._database.write() as connection:
            also(connection)

    def delete(self, case_id: str, by: User) -> None:
        """Delete title, decisions and files; that the case was there stays in the audit trail. Raises NotFound."""
        self.refuse_missing(case_id)
        with self._database.write() as connection:
            connection.execute(update(schema.cases).where(schema.cases.c.id == case_id).values(title="", deleted=now()))
            connection.execute(schema.decisions.delete().where(schema.decisions.c.case_id == case_id))
            connection.execute(
                update(schema.jobs)
                .where(schema.jobs.c.case_id == case_id, schema.jobs.c.state.in_(("queued", "running")))
                .values(state="cancelled", ended=now())
            )
            connection.execute(update(schema.jobs).where(schema.jobs.c.case_id == case_id).values(arguments={}))
            connection.execute(update(schema.versions).where(schema.versions.c.case_id == case_id).values(what=""))
            connection.execute(update(schema.results).where(schema.results.c.case_id == case_id).values(answer=""))
            self._audit.append(connection, by, "case deleted", case_id)
        discard(self._case(case_id))

    @contextmanager
    def staging(self) -> Iterator[Path]:
        """An empty folder on the data directory's file system that is deleted at the end."""
        place = self._data / "staging" / uuid.uuid4().hex
        place.mkdir(parents=True)
        try:
            yield place
        finally:
            discard(place)

    def recover(self) -> list[str]:
        """Delete what interrupted attempts left; gives back what is missing or has changed among what is recorded."""
        discard(self._data / "staging")
        problems = []
        for row in self._database.all(select(schema.cases.c.id, schema.cases.c.deleted)):
            case_id = str(row[0])
            if row[1]:
                discard(self._case(case_id))
            else:
                problems += self._recover_case(case_id)
        return problems

    def _recover_case(self, case_id: str) -> list[str]:
        versions, results = schema.versions, schema.results
        numbers = self._database.all(select(versions.c.version).where(versions.c.case_id == case_id))
        runs = self._database.all(select(results.c.version, results.c.run).where(results.c.case_id == case_id))
        wanted = {
            "versions": {_four(row[0]) for row in numbers},
            "results": {_run_name(row[0], row[1]) for row in runs},
        }
        problems = []
        for kind, names in wanted.items():
            home = self._case(case_id) / kind
            held = {path.name for path in home.iterdir()} if home.is_dir() else set()
            for stray in held - names:
                discard(home / stray)
            problems += [f"case {case_id}: {kind}/{name} is missing" for name in sorted(names - held)]
        return problems

    def verify(self, case_id: str) -> list[str]:
        """What is missing or is not as it was recorded among the files of a case's versions; empty when all is well."""
        problems = []
        for row in self._database.all(select(schema.versions).where(schema.versions.c.case_id == case_id)):
            folder = self._case(case_id) / "versions" / _four(row.version)
            held = hashes(folder) if folder.is_dir() else {}
            problems += [
                f"version {row.version}: {name}"
                for name in sorted(row.files.keys() | held.keys())
                if row.files.get(name) != held.get(name)
            ]
        return problems

    def files(self, case_id: str, version: int) -> dict[str, str]:
        """Relative path -> SHA-256 of the files of a version, as recorded. Raises NotFound."""
        return dict(self._version_row(case_id, version).files)

    def notices(self, case_id: str, version: int) -> list[dict[str, Any]] | None:
        """What the check of a version's files found ({level, about, text}), or None where it has not been made."""
        file = self._case(case_id) / "prepared" / _four(version) / "problems.json"
        try:
            found: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return found

    def facts(self, case_id: str, version: int) -> str:
        """The text of case.yaml of a version. Raises NotFound."""
        return (self.case_folder(case_id, version) / CASE_FILE).read_text(encoding="utf-8-sig")

    def refuse_missing(self, case_id: str) -> None:
        """Raise NotFound where there is no such case."""
        cases = schema.cases
        if self._database.first(select(cases.c.id).where(cases.c.id == case_id, cases.c.deleted.is_(None))) is None:
            raise NotFound("There is no such case.")

    def _version_row(self, case_id: str, version: int) -> Any:
        table, cases = schema.versions, schema.cases
        query = (
            select(table)
            .join(cases, cases.c.id == table.c.case_id)
            .where(table.c.case_id == case_id, table.c.version == version, cases.c.deleted.is_(None))
        )
        row = self._database.first(query)
        if row is None:
            self.refuse_missing(case_id)
            raise NotFound(f"The case has no version {version}.")
        return row

    def _newest(self, connection: Connection, case_id: str) -> int | None:
        cases, versions = schema.cases, schema.versions
        known = select(cases.c.id).where(cases.c.id == case_id, cases.c.deleted.is_(None))
        if connection.execute(known).first() is None:
            raise NotFound("There is no such case.")
        newest = connection.execute(select(func.max(versions.c.version)).where(versions.c.case_id == case_id)).scalar()
        return None if newest is None else int(newest)

    def _last_run(self, case_id: str, version: int) -> int | None:
        """The number of a version's last planning, None where it was not planned. Raises NotFound."""
        cases, versions, results = schema.cases, schema.versions, schema.results
        same = (results.c.case_id == versions.c.case_id) & (results.c.version == versions.c.version)
        row = self._database.first(
            select(versions.c.version, func.max(results.c.run))
            .join(cases, cases.c.id == versions.c.case_id)
            .outerjoin(results, same)
            .where(versions.c.case_id == case_id, versions.c.version == version, cases.c.deleted.is_(None))
            .group_by(versions.c.version)
        )
        if row is None:
            self.refuse_missing(case_id)
            raise NotFound(f"The case has no version {version}.")
        return None if row[1] is None else int(row[1])

    def _refuse_stale(self, newest: int | None, based_on: int) -> None:
        if newest != based_on:
            raise Conflict(
                f"The change is based on version {based_on}, but the newest is {newest}. Somebody else changed the "
                "case: load it again and repeat the change.", newest=newest,
            )  # fmt: skip

    def _case(self, case_id: str) -> Path:
        """The folder of a case; only a UUID can name one."""
        try:
            return self._data / "cases" / str(uuid.UUID(case_id))
        except ValueError:
            raise NotFound("There is no such case.") from None


def _four(number: int) -> str:
    return f"{number:04d}"


def _run_name(version: int, run: int) -> str:
    return _four(version) if run == 1 else f"{_four(version)}-{run}"


def _do(also: Also | None, connection: Connection) -> None:
    if also is not None:
        also(connection)
