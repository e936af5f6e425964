"""Nothing is lost or half done when the server or a job's process is killed, the disk fills, or two servers meet."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from glisson.errors import InputError
from glisson.serve import files as serve_files
from glisson.serve import store as serve_store
from glisson.serve.core import open_core
from glisson.serve.database import open_database
from glisson.serve.settings import Limits, ServeSettings

from .conftest import PASSWORD, Running, free_port, place_case, start, unprepared, wait


@contextmanager
def process(data: Path) -> Iterator[tuple[httpx.Client, subprocess.Popen[bytes]]]:
    """`glisson serve` as a process of its own, and a client that is signed in as ada."""
    port = free_port()
    command = [sys.executable, "-m", "glisson", "serve", "--data", str(data), "--port", str(port)]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as server,
        httpx.Client(base_url=f"http://localhost:{port}", timeout=60) as client,
    ):
        try:
            assert server.stdout is not None
            assert b"Glisson workbench" in server.stdout.readline()
            if client.get("/api/about").json()["needs_first_user"]:
                client.post("/api/first-user", json={"name": "ada", "password": PASSWORD})
            answer = client.post("/api/session", json={"name": "ada", "password": PASSWORD})
            client.headers["X-Glisson-CSRF"] = answer.json()["csrf"]
            yield client, server
        finally:
            server.kill()


def test_a_server_killed_during_import_and_planning_goes_on_at_its_next_start(tmp_path: Path, small_zip: Path):
    """Three servers, the first two killed with -9: the case is imported and planned all the same, once."""
    data = tmp_path / "data"
    with process(data) as (client, server):
        with small_zip.open("rb") as file:
            case_id = client.post("/api/cases", files=[("files", ("a.zip", file))]).json()["case"]
        server.send_signal(signal.SIGKILL)
    (data / "uploads" / "left").mkdir()
    (data / "staging" / "left").mkdir(parents=True, exist_ok=True)
    with process(data) as (client, server):
        assert not (data / "staging" / "left").exists()
        assert not (data / "uploads" / "left").exists()
        wait(client, case_id, kinds=("import",))
        client.post(f"/api/cases/{case_id}/plan", json={})
        with client.stream("GET", f"/api/cases/{case_id}/export/1") as half:
            next(half.iter_bytes(1000))
            server.send_signal(signal.SIGKILL)
    with process(data) as (client, _server):
        jobs = wait(client, case_id, kinds=("import", "plan"))
        done = {(job["kind"], job["state"]) for job in jobs if job["kind"] != "prepare"}
        assert done == {("import", "done"), ("plan", "done")}
        unprepared(client, case_id)
        found = client.get(f"/api/cases/{case_id}").json()
        assert (found["state"], found["newest"], len(found["versions"])) == ("current", 1, 1)
        assert client.get(f"/api/cases/{case_id}/export/1").status_code == 200
        refused = subprocess.run(
            [sys.executable, "-m", "glisson", "serve", "--data", str(data), "--port", str(free_port())],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert refused.returncode == 2
        assert "in use by another glisson" in refused.stderr
    core = open_core(ServeSettings(data))
    assert core.store.verify(case_id) == []
    assert core.audit.broken_at() is None
    core.close()
    assert not list((data / "uploads").iterdir())


def children(parent: int) -> list[int]:
    """Process ids of the workers of a server, by Linux' /proc."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                words = (folder / "stat").read_text().rpartition(")")[2].split()
                command = (folder / "cmdline").read_bytes()
            except OSError:
                continue
            if int(words[1]) == parent and b"glisson.serve.worker" in command:
                found.append(int(folder.name))
    return found


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs /proc to find the process of a job")
def test_a_job_whose_process_is_killed_begins_anew_and_ends_with_its_server(tmp_path: Path, small_zip: Path):
    data = tmp_path / "data"
    with process(data) as (client, server):
        with small_zip.open("rb") as file:
            case_id = client.post("/api/cases", files=[("files", ("a.zip", file))]).json()["case"]
        first = until(lambda: children(server.pid))[0]
        os.kill(first, signal.SIGKILL)
        second = until(lambda: [pid for pid in children(server.pid) if pid != first])[0]
        assert second != first
        jobs = wait(client, case_id, kinds=("import",))
        assert jobs[-1]["state"] == "done", jobs
        client.post(f"/api/cases/{case_id}/plan", json={})
        third = until(lambda: children(server.pid))[0]
        server.send_signal(signal.SIGKILL)
        server.wait()
        until(lambda: not alive(third))


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and that nobody asked after counts as ended."""
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def until(ask: Any, seconds: float = 30) -> Any:
    """The first answer that is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := ask():
            return found
        time.sleep(0.01)
    raise AssertionError("it did not happen")


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    running, stop = start(ServeSettings(tmp_path / "data"))
    yield running
    stop()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 MB; only root can mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(place)]
    if os.geteuid() != 0 or shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("a small file system can only be mounted by root")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(disk: Path, left_bytes: int) -> Path:
    """A file that leaves so many bytes of a file system."""
    ballast = disk / "ballast"
    held = os.statvfs(disk)
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, held.f_bavail * held.f_bsize - left_bytes)
    return ballast


def test_a_full_disk_changes_nothing_and_says_so(small_disk: Path, small_case: Path, small_zip: Path):
    """A real one, full at several depths: what cannot be kept is refused, what was there stays, then all goes on."""
    running, stop = start(ServeSettings(small_disk / "data"))
    try:
        client, data = running.client("ed"), running.settings.data_dir
        case_id = place_case(running, small_case)
        facts = client.get(f"/api/cases/{case_id}/facts").json()
        changed = {"yaml": facts["yaml"] + "# a\n", "based_on": 1}
        before = sorted(path for path in (data / "cases").rglob("*"))
        packed = small_zip.stat().st_size
        states = set()
        for left in (0, 16_384, packed // 2, packed + 200_000, 2 * packed + 100_000):
            ballast = fill(small_disk, left)
            with small_zip.open("rb") as file:
                sent = client.post("/api/cases", files=[("files", ("a.zip", file))])
            if sent.status_code == 202:
                job = wait(client, sent.json()["case"])[0]
                assert job["state"] == "failed", job
                assert re.search("disk is full|No space left", job["error"]), job
            else:
                assert (sent.status_code, sent.json()["title"]) == (507, "The disk is full")
            states.add(sent.status_code)
            if left < 16_384:
                answer = client.put(f"/api/cases/{case_id}/facts", json=changed)
                assert (answer.status_code, answer.json()["title"]) == (507, "The disk is full"), answer.text
            assert client.get(f"/api/cases/{case_id}/facts").json() == facts
            assert sorted(path for path in (data / "cases").rglob("*")) == before
            ballast.unlink()
        assert states == {202, 507}, "both the upload and the job met the full disk"
        assert not list((data / "staging").iterdir())
        assert not list((data / "uploads").iterdir())
        assert running.core.store.verify(case_id) == []
        assert running.core.audit.broken_at() is None
        assert client.put(f"/api/cases/{case_id}/facts", json=changed).json() == {"version": 2}
    finally:
        stop()


def test_a_move_onto_a_full_disk_changes_nothing(running: Running, small_case: Path, monkeypatch: pytest.MonkeyPatch):
    case_id = place_case(running, small_case)
    data, client = running.settings.data_dir, running.client("ed")
    before = sorted(path for path in (data / "cases").rglob("*") if "prepared" not in path.parts)

    def full(folder: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(folder))

    monkeypatch.setattr(serve_store, "sync_folder", full)
    facts = client.get(f"/api/cases/{case_id}/facts").json()
    answer = client.put(f"/api/cases/{case_id}/facts", json={"yaml": facts["yaml"] + "# a\n", "based_on": 1})
    assert (answer.status_code, answer.json()["title"]) == (507, "The disk is full")
    assert sorted(path for path in (data / "cases").rglob("*") if "prepared" not in path.parts) == before
    assert not list((data / "staging").iterdir())


def test_a_failure_that_cannot_be_recorded_is_recorded_later(running: Running, monkeypatch: pytest.MonkeyPatch):
    from glisson.serve import jobs

    record, tries = jobs.JobQueue._fail, []

    def fails_twice(queue: Any, job: Any, error: str) -> None:
        tries.append(error)
        if len(tries) < 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        record(queue, job, error)

    monkeypatch.setattr(jobs, "AGAIN_SECONDS", 0.05)
    monkeypatch.setattr(jobs.JobQueue, "_fail", fails_twice)
    client = running.client("ed")
    case_id = client.post("/api/cases", files=[("files", ("a.txt", b"no case"))]).json()["case"]
    job = wait(client, case_id)[0]
    assert (job["state"], len(tries)) == ("failed", 3)


def test_an_upload_onto_a_full_disk_leaves_nothing(running: Running, monkeypatch: pytest.MonkeyPatch):
    from glisson.serve import uploads

    def full(*_given: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(uploads._Form, "_data", full)
    answer = running.client("ed").post("/api/cases", files=[("files", ("a.nii.gz", b"x" * 1000))])
    assert answer.status_code == 507
    assert not list((running.settings.data_dir / "uploads").iterdir())


def test_an_edit_that_fails_or_writes_into_an_older_version_is_no_version(running: Running, small_case: Path):
    case_id = place_case(running, small_case)
    store, by = running.core.store, running.core.people.check("ed", PASSWORD)
    assert by is not None

    def fails(_folder: Path) -> None:
        raise InputError("no")

    def writes_into(folder: Path) -> None:
        with (folder / "ct.nii.gz").open("r+b") as file:
            file.truncate(10)

    def links(folder: Path) -> None:
        (folder / "secret").symlink_to("/etc/passwd")

    def leaves(folder: Path) -> None:
        (folder / "case.yaml").unlink()
        (folder / "case.yaml").write_text("id: a\nstudies: [{id: s, image: /etc/passwd}]")

    for change, refusal in ((fails, InputError), (links, InputError), (leaves, InputError)):
        with pytest.raises(refusal):
            store.new_version(case_id, based_on=1, by=by, what="x", change=change)
    assert store.verify(case_id) == []
    with pytest.raises(RuntimeError, match="earlier version"):
        store.new_version(case_id, based_on=1, by=by, what="x", change=writes_into)
    assert store.latest(case_id) == 1
    assert store.verify(case_id) == ["version 1: ct.nii.gz"], "and what happened is found"


def test_of_two_edits_at_once_one_is_refused(running: Running, small_case: Path):
    case_id = place_case(running, small_case)
    store, by = running.core.store, running.core.people.check("ed", PASSWORD)
    assert by is not None
    from glisson.serve.store import Conflict

    def meanwhile(_folder: Path) -> None:
        store.new_version(case_id, based_on=1, by=by, what="the other", change=lambda _f: None)

    with pytest.raises(Conflict):
        store.new_version(case_id, based_on=1, by=by, what="late", change=meanwhile)
    assert [version.what for version in store.versions(case_id)][1:] == ["the other"]
    shared = [store.case_folder(case_id, n) / "ct.nii.gz" for n in (1, 2)]
    assert shared[0].stat().st_ino == shared[1].stat().st_ino


def test_what_an_interrupted_move_left_goes_at_the_next_start(tmp_path: Path, small_case: Path):
    core = open_core(ServeSettings(tmp_path / "data"))
    by = core.people.add("ada", "admin", PASSWORD, by=None)
    case_id = core.store.new_case("a", by, lambda _c, _id: None)
    with core.store.staging() as place:
        serve_files.link_tree(small_case, place / "case")
        core.store.first_version(case_id, place / "case", by=by, what="imported")
    stray = core.store.case_folder(case_id, 1).parent / "0002"
    serve_files.link_tree(small_case, stray)
    core.close()
    core = open_core(ServeSettings(tmp_path / "data"))
    assert not stray.exists()
    assert core.store.verify(case_id) == []
    core.close()


def test_a_job_that_takes_too_long_or_too_much_memory_fails_in_words(tmp_path: Path, small_zip: Path):
    for limits, why in (
        (Limits(job_seconds=0), "longer than 0 s"),  # type: ignore[arg-type]
        (Limits(job_memory_bytes=200 * 1024**2), "memory|not foreseen|unexpectedly|could not be read"),
    ):
        running, stop = start(ServeSettings(tmp_path / str(limits.job_seconds), limits=limits))
        try:
            client = running.client("ed")
            with small_zip.open("rb") as file:
                case_id = client.post("/api/cases", files=[("files", ("a.zip", file))]).json()["case"]
            if limits.job_seconds:
                wait(client, case_id)
                client.post(f"/api/cases/{case_id}/plan", json={})
            job = wait(client, case_id)[0]
            assert job["state"] == "failed"
            assert re.search(why, job["error"])
        finally:
            stop()


def test_a_database_of_another_version_or_another_folder_is_refused(tmp_path: Path):
    from sqlalchemy import update

    from glisson.serve import schema

    settings = ServeSettings(tmp_path / "data")
    open_core(settings).close()
    database = open_database(settings.data_dir)
    with database.write() as connection:
        connection.execute(update(schema.meta).where(schema.meta.c.key == "schema").values(value="99"))
    database.close()
    with pytest.raises(InputError, match="version 99"):
        open_core(settings)
    (tmp_path / "data" / "glisson.sqlite").unlink()
    with pytest.raises(InputError, match="belongs to another database"):
        open_core(settings)
    with pytest.raises(InputError, match="URL of PostgreSQL"):
        open_database(tmp_path, "mysql://a/b")
    with pytest.raises(InputError) as refusal:
        open_database(tmp_path, "postgresql://name:sesame@127.0.0.1:1/none")
    assert "sesame" not in str(refusal.value)


def test_users_can_be_managed_from_the_command_line_while_the_server_runs(running: Running):
    from typer.testing import CliRunner

    from glisson.cli.serve import user

    def glisson(*words: str, typed: str = "") -> Any:
        return CliRunner().invoke(user, [*words, "--data", str(running.settings.data_dir)], input=typed)

    assert glisson("add", "kim", "--role", "edit", typed=PASSWORD + "\n").exit_code == 0
    again = glisson("add", "kim", typed=PASSWORD + "\n")
    assert "already" in str(again.exception)
    assert running.client("kim").get("/api/session").json()["user"]["role"] == "edit"
    assert glisson("password", "kim", typed="another long password\n").exit_code == 0
    assert running.client().post("/api/session", json={"name": "kim", "password": PASSWORD}).status_code == 401
    assert "kim" in glisson("list").output
    held = json.dumps([entry.detail for entry in running.core.audit.entries()])
    assert "another long password" not in held
