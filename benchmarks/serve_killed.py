"""kill -9 at random moments of import, planning, editing and export: is any case lost or damaged?

Usage: python -m benchmarks.serve_killed [--times 100] [--seed 0]. In every round a server is started on the same data
directory, something is begun, and after a random time the server or the process of its job is killed. Every second
server meets what the killed one before it left, and is killed too. In the end a last one finishes all, and every
acknowledged import and edit, the hash of every file of every version, every dossier and the chain of the audit trail
are checked. Exit code 0 when all is well.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import httpx

from benchmarks.serve import PASSWORD, serving, small_case

LONGEST_SECONDS = {"import": 4.0, "plan": 10.0, "export": 0.5, "edit": 0.1}
"""A kill comes at a random moment up to this after something was begun."""


class Book:
    """What the server acknowledged."""

    def __init__(self) -> None:
        self.cases: list[str] = []
        self.versions: Counter[str] = Counter()
        self.done: Counter[str] = Counter()


def signed_in(url: str) -> httpx.Client:
    """A client with its session."""
    client = httpx.Client(base_url=url, timeout=60)
    if client.get("/api/about").json()["needs_first_user"]:
        client.post("/api/first-user", json={"name": "ada", "password": PASSWORD})
    answer = client.post("/api/session", json={"name": "ada", "password": PASSWORD})
    client.headers["X-Glisson-CSRF"] = answer.json()["csrf"]
    return client


def at_rest(client: httpx.Client, seconds: float = 600) -> None:
    """Wait until no job waits or runs."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if all(job["state"] not in ("queued", "running") for job in client.get("/api/jobs").json()):
            return
        time.sleep(0.3)
    raise SystemExit("jobs do not come to an end")


def workers_of(server: int) -> list[int]:
    """The processes of a server's jobs, by Linux' /proc."""
    listed = Path(f"/proc/{server}/task").glob("*/children")
    return [int(pid) for children in listed for pid in children.read_text().split()]


def begin(what: str, client: httpx.Client, book: Book, packed: Path, rng: random.Random) -> None:
    """Begin something, and note what was acknowledged."""
    here = [case["id"] for case in client.get("/api/cases").json() if case["newest"]]
    case = rng.choice(here) if here else ""
    if what == "import" or not case:
        with packed.open("rb") as file:
            answer = client.post("/api/cases", files=[("files", ("case.zip", file))])
        book.cases.append(answer.json()["case"])
        return
    newest = client.get(f"/api/cases/{case}").json()["newest"]
    if what == "plan":
        client.post(f"/api/cases/{case}/plan", json={}).raise_for_status()
    elif what == "edit":
        facts = client.get(f"/api/cases/{case}/facts").json()["yaml"]
        changed = {"yaml": facts + f"# {newest}\n", "based_on": newest}
        book.versions[case] = client.put(f"/api/cases/{case}/facts", json=changed).json()["version"]
    else:
        with client.stream("GET", f"/api/cases/{case}/export/{newest}") as answer:
            next(answer.iter_bytes(4096), None)


def one_round(data: Path, packed: Path, book: Book, rng: random.Random, *, rest: bool) -> None:
    """Start a server, let it finish what an earlier one began where `rest` is said, begin something, kill."""
    with serving(data) as (url, server), closing(signed_in(url)) as client:
        if rest:
            at_rest(client)
        what = rng.choice([*LONGEST_SECONDS, "plan"])
        begin(what, client, book, packed, rng)
        time.sleep(rng.uniform(0, LONGEST_SECONDS[what]))
        workers = workers_of(server.pid)
        if workers and rng.random() < 0.5:
            os.killpg(workers[0], signal.SIGKILL)
            book.done[f"{what}: its process killed"] += 1
            time.sleep(rng.uniform(0, 0.5))
        else:
            book.done[f"{what}: server killed"] += 1
        server.send_signal(signal.SIGKILL)


def check(data: Path, book: Book) -> list[str]:
    """What is lost or damaged."""
    from glisson.serve.core import open_core
    from glisson.serve.settings import ServeSettings

    with serving(data) as (url, _server), closing(signed_in(url)) as client:
        at_rest(client)
        cases = {case["id"]: case for case in client.get("/api/cases").json()}
        failed = [job for job in client.get("/api/jobs").json() if job["state"] == "failed"]
    core = open_core(ServeSettings(data))
    wrong = [f"job failed: {job['kind']}: {job['error']}" for job in failed]
    wrong += [f"lost: case {case}" for case in book.cases if case not in cases or not cases[case]["newest"]]
    wrong += [f"lost: version {n} of {case}" for case, n in book.versions.items() if cases[case]["newest"] < n]
    for case in cases:
        wrong += [f"damaged: {case} {problem}" for problem in core.store.verify(case)]
        for version in core.store.versions(case):
            folder = core.store.results_folder(case, version.version)
            if folder is not None:
                json.loads((folder / "findings.json").read_text())
                wrong += [] if (folder / "dossier.pdf").read_bytes().startswith(b"%PDF") else [f"damaged: {folder}"]
    wrong += [f"the audit trail is broken at {n}" for n in [core.audit.broken_at()] if n is not None]
    core.close()
    left = [path for name in ("uploads", "staging") for path in (data / name).glob("*")]
    return wrong + [f"left behind: {path.name}" for path in left]


def main() -> int:
    """Run the rounds and print what was done and found. A job is given up after five kills: hence the rests."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    rng, book = random.Random(given.seed), Book()
    home = Path(tempfile.mkdtemp(prefix="glisson-killed-"))
    try:
        packed = Path(shutil.make_archive(str(home / "case"), "zip", small_case(home / "case")))
        for number in range(given.times):
            one_round(home / "data", packed, book, rng, rest=number % 2 == 0)
        for what, count in sorted(book.done.items()):
            print(f"{count:4d}  {what}")
        wrong = check(home / "data", book)
        print(f"{len(book.cases)} cases imported, {sum(book.done.values())} kills: {len(wrong)} problems")
        print("\n".join(wrong))
        return 1 if wrong else 0
    except subprocess.SubprocessError as failure:
        print(f"the measurement itself failed: {failure}")
        return 2
    finally:
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
