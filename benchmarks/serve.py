"""Fifty people reading at once: how long API answers take on a server with thirty cases.

Usage: python -m benchmarks.serve [--database URL]. Every reader asks again as soon as it is answered: the list, a case,
its facts, its jobs and a file of its results. The readers run on the same machine and take their share of it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

READERS = 50
ROUNDS = 12
CASES = 30
PASSWORD = "correct horse staple"
TARGET_MS = 300


def small_case(folder: Path) -> Path:
    """A virtual patient that is planned in seconds."""
    from glisson.cli.virtual import write_virtual_case
    from glisson.simulate import virtual_patient

    write_virtual_case(virtual_patient(seed=8, lesions=2, shape=(72, 72, 48), spacing_mm=(5.0, 5.0, 6.0)), folder)
    return folder


@contextlib.contextmanager
def serving(data: Path, *options: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """`glisson serve` on a free port: its address and its process, which is killed at the end."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    command = [sys.executable, "-m", "glisson", "serve", "--data", str(data), "--port", str(port), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:
        try:
            assert server.stdout is not None
            if b"Glisson workbench" not in server.stdout.readline():
                raise SystemExit("the server did not start")
            yield f"http://localhost:{port}", server
        finally:
            server.kill()


def filled(data: Path, database: str | None) -> list[str]:
    """A data directory with an administrator and cases that have results; gives back the cases' ids."""
    from glisson.serve.core import open_core
    from glisson.serve.files import link_tree
    from glisson.serve.settings import ServeSettings

    core = open_core(ServeSettings(data, database_url=database))
    ada = core.people.add("ada", "admin", PASSWORD, by=None)
    source = small_case(data / "source")
    ids = []
    for number in range(CASES):
        case_id = core.store.new_case(f"Case {number}", ada, lambda _c, _id: None)
        with core.store.staging() as place:
            link_tree(source, place / "case")
            core.store.first_version(case_id, place / "case", by=ada, what="imported")
            (place / "results").mkdir()
            (place / "results" / "plans.json").write_text('{"plans": []}' + " " * 50_000)
            core.store.add_results(case_id, 1, place / "results", by=ada, settings={}, answer="All can be resected.")
        ids.append(case_id)
    shutil.rmtree(source)
    core.close()
    return ids


def cpu_seconds(pid: int) -> float:
    """Processor time that a process took so far, by Linux' /proc."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str, cookie: str) -> bytes:
    """The body of one answer over a connection that stays open. A reader takes little of the processor so."""
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\n\r\n".encode())
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    if not head.startswith(b"http/1.1 200"):
        raise SystemExit(f"{path}: {head.splitlines()[0].decode()}")
    return await reader.readexactly(int(head.partition(b"content-length:")[2].split()[0]))


async def read(url: str, ids: list[str]) -> dict[str, list[float]]:
    """Milliseconds of every answer, by path."""
    import httpx

    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        answer = await client.post("/api/session", json={"name": "ada", "password": PASSWORD})
        cookie = "; ".join(f"{name}={value}" for name, value in answer.cookies.items())
    port = int(url.rpartition(":")[2])
    paths = (
        "/api/cases",
        "/api/cases/{}",
        "/api/cases/{}/facts",
        "/api/jobs?case={}",
        "/api/cases/{}/results/1/plans.json",
    )
    took: dict[str, list[float]] = {path: [] for path in paths}

    async def reader(first: int) -> None:
        streams = await asyncio.open_connection("127.0.0.1", port)
        for number, path in itertools.product(range(ROUNDS), paths):
            start = time.perf_counter()
            json.loads(await ask(*streams, path.format(ids[(first + number) % len(ids)]), cookie))
            took[path].append(1000 * (time.perf_counter() - start))
        streams[1].close()

    await asyncio.gather(*(reader(n) for n in range(READERS)))
    return took


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", help="URL of an empty PostgreSQL database; SQLite without it")
    database = parser.parse_args().database
    home = Path(tempfile.mkdtemp(prefix="glisson-bench-"))
    try:
        ids = filled(home / "data", database)
        with serving(home / "data", *(["--database", database] if database else [])) as (url, server):
            start, before = time.perf_counter(), cpu_seconds(server.pid)
            took = asyncio.run(read(url, ids))
            seconds, cpu = time.perf_counter() - start, cpu_seconds(server.pid) - before
        every = sorted(itertools.chain.from_iterable(took.values()))
        print(f"{READERS} readers, {len(every)} answers in {seconds:.1f} s: {len(every) / seconds:.0f} a second")
        print(f"processor time of the server: {1000 * cpu / len(every):.2f} ms an answer")
        for path, values in [*took.items(), ("all", every)]:
            ordered = sorted(values)
            half, most = ordered[len(ordered) // 2], ordered[int(0.95 * len(ordered))]
            print(f"{path:<40} median {half:6.0f} ms   p95 {most:6.0f} ms   (target p95 {TARGET_MS} ms)")
    finally:
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()
