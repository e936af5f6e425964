"""A server on a port of its own, on SQLite and on PostgreSQL, and a small virtual case to give it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

pytest.importorskip("sqlalchemy", reason="the extra glisson[serve] is not installed")

from glisson.serve import people
from glisson.serve.app import create_app
from glisson.serve.core import Core
from glisson.serve.run import server_config
from glisson.serve.settings import ServeSettings

PASSWORD = "correct horse staple"
POSTGRES = Path("/usr/lib/postgresql/15/bin")


@dataclass
class Running:
    """A server in a thread of this process, and clients to ask it."""

    settings: ServeSettings
    core: Core
    url: str
    clients: list[httpx.Client] = field(default_factory=list)

    def client(self, name: str | None = None) -> httpx.Client:
        """A browser of its own; signed in when a name is given, with the CSRF header set."""
        client = httpx.Client(base_url=self.url, timeout=60)
        self.clients.append(client)
        if name is not None:
            answer = client.post("/api/session", json={"name": name, "password": PASSWORD})
            assert answer.status_code == 200, answer.text
            client.headers["X-Glisson-CSRF"] = answer.json()["csrf"]
        return client


@pytest.fixture(scope="session", autouse=True)
def _quick_passwords() -> Iterator[None]:
    """Hash passwords with little memory in this process: what argon2 costs by default is tested by itself."""
    from functools import partial

    from argon2 import PasswordHasher

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(people, "PasswordHasher", partial(PasswordHasher, time_cost=1, memory_cost=64, parallelism=1))
        yield


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def start(settings: ServeSettings) -> tuple[Running, Callable[[], None]]:
    """A running server with the users ada (admin), ed (edit) and vi (view), and how to stop it."""
    import uvicorn

    settings = replace(settings, port=free_port())
    app = create_app(settings)
    core: Core = app.state.core
    for name, role in (("ada", "admin"), ("ed", "edit"), ("vi", "view")):
        if not any(person.name == name for person in core.people.everyone()):
            core.people.add(name, role, PASSWORD, by=None)
    server = uvicorn.Server(server_config(app, settings))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)

    running = Running(settings, core, f"http://localhost:{settings.port}")

    def stop() -> None:
        for client in running.clients:
            client.close()
        server.should_exit = True
        thread.join(20)
        core.close()

    return running, stop


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """URL of a PostgreSQL server of its own; it has no fsync, as its data are thrown away."""
    if not (POSTGRES / "initdb").exists():
        pytest.skip(f"PostgreSQL 15 is not installed in {POSTGRES}")
    as_postgres = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
    if as_postgres and shutil.which("setpriv") is None:
        pytest.skip("PostgreSQL refuses root, and setpriv is not installed")
    home, port = Path(tempfile.mkdtemp(prefix="glisson-pg-")), free_port()
    if as_postgres:
        shutil.chown(home, "postgres", "postgres")
    data = str(home / "data")
    quiet: dict[str, Any] = {"check": True, "capture_output": True, "cwd": home}
    subprocess.run(
        [*as_postgres, POSTGRES / "initdb", "-D", data, "-A", "trust", "-U", "glisson", "-E", "UTF8"], **quiet
    )
    options = f"-p {port} -k {home} -h 127.0.0.1 -c fsync=off -c full_page_writes=off"
    control = [*as_postgres, POSTGRES / "pg_ctl", "-D", data, "-w", "-l", str(home / "log")]
    subprocess.run([*control, "-o", options, "start"], check=True, stdout=subprocess.DEVNULL, cwd=home)
    yield f"postgresql://glisson@127.0.0.1:{port}/"
    subprocess.run([*control, "-m", "immediate", "stop"], **quiet)
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def new_database(request: pytest.FixtureRequest) -> Callable[[], str | None]:
    """Makes an empty database of the kind that is tested; gives back its URL, None for SQLite."""
    if request.param == "sqlite":
        return lambda: None
    base: str = request.getfixturevalue("postgres")
    count = iter(range(1000))

    def make() -> str:
        import psycopg

        name = f"glisson_{next(count)}"
        with psycopg.connect(f"{base}postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]
        return f"{base}{name}"

    return make


@pytest.fixture(scope="session")
def served(new_database: Callable[[], str | None], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One server for each kind of database, shared by the tests that do not mind what else it holds."""
    settings = ServeSettings(tmp_path_factory.mktemp("served") / "data", database_url=new_database())
    running, stop = start(settings)
    yield running
    stop()


@pytest.fixture(scope="session")
def sqlite_served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server on SQLite for what does not touch the database."""
    running, stop = start(ServeSettings(tmp_path_factory.mktemp("sqlite") / "data"))
    yield running
    stop()


@pytest.fixture(scope="session")
def small_case(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a virtual patient small enough to be planned in seconds."""
    from glisson.cli.virtual import write_virtual_case
    from glisson.simulate import virtual_patient

    folder = tmp_path_factory.mktemp("small") / "case"
    write_virtual_case(virtual_patient(seed=8, lesions=2, shape=(72, 72, 48), spacing_mm=(5.0, 5.0, 6.0)), folder)
    return folder


@pytest.fixture(scope="session")
def small_zip(small_case: Path) -> Path:
    """The virtual patient as one zip."""
    path = small_case.parent / "case.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(small_case.rglob("*")):
            if file.is_file():
                archive.write(file, f"patient/{file.relative_to(small_case)}")
    return path


def place_case(running: Running, folder: Path, title: str = "Case A") -> str:
    """A copy of a case folder as version 1 of a new case, without the job of an import; gives back the case's id."""
    by, store = running.core.people.check("ed", PASSWORD), running.core.store
    assert by is not None
    case_id = store.new_case(title, by, lambda _connection, _id: None)
    with store.staging() as place:
        shutil.copytree(folder, place / "case")
        store.first_version(case_id, place / "case", by=by, what="imported")
    return case_id


def import_zip(client: httpx.Client, path: Path, title: str = "Case A", *, prepared: bool = False) -> str:
    """Import a zip and wait, also for what the viewer is sent where that is asked for; gives back the case's id."""
    with path.open("rb") as file:
        answer = client.post("/api/cases", data={"title": title}, files=[("files", (path.name, file))])
    assert answer.status_code == 202, answer.text
    case_id: str = answer.json()["case"]
    wait(client, case_id, kinds=None if prepared else ("import",))
    if not prepared:
        unprepared(client, case_id)
    return case_id


def unprepared(client: httpx.Client, case_id: str) -> None:
    """Save the time that preparing what the viewer is sent would take."""
    for job in client.get("/api/jobs", params={"case": case_id}).json():
        if job["kind"] == "prepare" and job["state"] in ("queued", "running"):
            client.delete(f"/api/jobs/{job['id']}")
    wait(client, case_id)


def wait(
    client: httpx.Client, case_id: str, seconds: float = 90, kinds: tuple[str, ...] | None = None
) -> list[dict[str, Any]]:
    """Wait until no job of a case (of these kinds) waits or runs; gives back its jobs, newest first."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        jobs: list[dict[str, Any]] = client.get("/api/jobs", params={"case": case_id}).json()
        if not any(job["state"] in ("queued", "running") and (not kinds or job["kind"] in kinds) for job in jobs):
            return jobs
        time.sleep(0.1)
    raise AssertionError(f"jobs still run: {jobs}")
