"""A stand-in for `glisson serve`: the workbench's HTTP answers about one made-up liver, for tests of the pages.

Run: python web/dev/fixture_server.py [PORT]. It keeps everything in memory and computes nothing.
User `board`, password `correct horse battery`. The scan holds a bright ball on the patient's right, and lesion L1 too.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import fixture_answers as answers
import fixture_pictures as pictures

ASSETS = Path(__file__).resolve().parents[2] / "src" / "glisson" / "serve" / "assets"
TYPES = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""The content security policy that the pages and the image library live with."""


class World:
    """What the server remembers: who is signed in, versions, decisions, the running job."""

    def __init__(self, *, first_user: bool = False) -> None:
        self.first_user = first_user
        self.signed_in = False
        self.versions = [answers.version(1, "import of 3 files", None, planned=True)]
        self.planned_version = 1
        self.decisions: list[dict[str, Any]] = []
        self.lesions = {1: answers.lesions()}
        self.facts = answers.FIXED["facts"]
        self.job: dict[str, Any] | None = None
        self.job_started = 0.0
        self.requests: list[str] = []

    @property
    def newest(self) -> int:
        """Number of the newest version."""
        return len(self.versions)

    def edit(self, what: str, lesions: list[dict[str, Any]] | None = None) -> int:
        """A new version."""
        before = self.newest
        self.versions.append(answers.version(before + 1, what, before, planned=False))
        self.lesions[self.newest] = self.lesions[before] if lesions is None else lesions
        return self.newest

    def row(self) -> dict[str, Any]:
        """The case as the list shows it."""
        job = self.current_job()
        state = "planning" if job and job["state"] == "running" else "current"
        if state == "current" and self.planned_version != self.newest:
            state = "stale"
        return {
            "id": answers.CASE, "title": "Board case 17", "created": "2026-03-02T08:00:00+00:00", "newest": self.newest,
            "planned_version": self.planned_version, "state": state, "answer": answers.FIXED["answer"], "job": job,
        }  # fmt: skip

    def plan(self) -> dict[str, Any]:
        """Start a job that takes a second and a half."""
        self.job = {
            "id": "job-1",
            "kind": "plan",
            "case": answers.CASE,
            "state": "running",
            "words": "vessels",
            "share": 0.0,
        }
        self.job |= {"error": None, "version": self.newest}
        self.job_started = time.monotonic()
        return self.job

    def current_job(self) -> dict[str, Any] | None:
        """The job with its share by the clock."""
        if self.job is None or self.job["state"] != "running":
            return self.job
        share = min(1.0, (time.monotonic() - self.job_started) / 1.5)
        self.job |= {"share": share}
        if share == 1.0:
            self.job |= {"state": "done"}
            self.planned_version = self.job["version"]
            self.versions[self.planned_version - 1] |= {"planned": True}
        return self.job


@dataclass(frozen=True)
class Asked:
    """One request: the world it reaches, its JSON body, and what its path matched."""

    world: World
    body: dict[str, Any]
    path: re.Match[str]


Route = tuple[str, str, Callable[[Asked], Any]]


class Refusal(Exception):  # noqa: N818
    """An answer that is not a result."""

    def __init__(self, status: int, title: str, detail: str, **more: Any) -> None:
        super().__init__(title)
        self.status = status
        self.body = {"title": title, "detail": detail, "status": status} | more


def _sign_in(asked: Asked) -> Any:
    if asked.body.get("password") != "correct horse battery":
        raise Refusal(401, "Not signed in", "Name or password is wrong.")
    asked.world.signed_in = True
    return answers.FIXED["session"]


def _session(asked: Asked) -> Any:
    if not asked.world.signed_in:
        raise Refusal(401, "Not signed in", "Sign in first.")
    return answers.FIXED["session"]


def _sign_out(asked: Asked) -> Any:
    asked.world.signed_in = False


def _first_user(asked: Asked) -> Any:
    asked.world.first_user = False
    return answers.FIXED["session"]["user"]


def _facts_saved(asked: Asked) -> Any:
    bad = [(n, line) for n, line in enumerate(asked.body["yaml"].splitlines(), 1) if "ecog: 9" in line]
    if bad:
        problem = {
            "line": bad[0][0],
            "key": "patient.ecog",
            "given": 9,
            "allowed": [0, 1, 2, 3, 4],
            "text": "not understood",
        }
        raise Refusal(422, "The facts are not understood", "One entry is not understood.", problems=[problem])
    asked.world.facts = asked.body["yaml"]
    return {"version": asked.world.edit("facts changed")}


def _lesion_added(asked: Asked) -> Any:
    new = answers.lesion(f"L{len(asked.world.lesions[asked.world.newest]) + 1}", asked.body["point_lps"], 12.0)
    return {
        "version": asked.world.edit(f"{new['id']} added", [*asked.world.lesions[asked.world.newest], new]),
        "lesion": new,
    }


def _lesion_changed(asked: Asked) -> Any:
    name, by = asked.path[1], {"grow": 2.0, "shrink": -2.0}.get(asked.body["action"], 1.0)
    changed = [
        answers.lesion(one["id"], one["centre_lps"], one["long_mm"] + by) if one["id"] == name else one
        for one in asked.world.lesions[asked.world.newest]
    ]
    return {"version": asked.world.edit(f"{name}: {asked.body['action']}", changed)}


def _lesion_deleted(asked: Asked) -> Any:
    left = [one for one in asked.world.lesions[asked.world.newest] if one["id"] != asked.path[1]]
    return {"version": asked.world.edit(f"{asked.path[1]} deleted: {asked.body['why']}", left)}


def _revert(asked: Asked) -> Any:
    return {"version": asked.world.edit(f"back to version {asked.body['to']}", asked.world.lesions[asked.body["to"]])}


def _decided(asked: Asked) -> Any:
    asked.world.decisions.append(
        asked.body | {"n": len(asked.world.decisions) + 1, "at": "2026-03-04T16:20:00+00:00", "by": "board"}
    )
    return {"n": len(asked.world.decisions)}


def _cancel(asked: Asked) -> Any:
    if asked.world.job:
        asked.world.job |= {"state": "cancelled"}


def _picture(asked: Asked) -> Any:
    return pictures.file(asked.path[2], asked.world.lesions[int(asked.path[1])])


def _tried_map(asked: Asked) -> Any:
    return pictures.file(f"labels/preview/plan-{asked.body['n']}.nii.gz", asked.world.lesions[asked.body["version"]])


C = r"/api/cases/[\w-]+"
ROUTES: list[Route] = [
    ("GET", r"/api/about", lambda a: answers.FIXED["about"] | {"needs_first_user": a.world.first_user}),
    ("POST", r"/api/first-user", _first_user),
    ("GET", r"/api/session", _session),
    ("POST", r"/api/session", _sign_in),
    ("DELETE", r"/api/session", _sign_out),
    ("GET", r"/api/users", lambda _: [answers.FIXED["session"]["user"], answers.FIXED["other_user"]]),
    ("POST", r"/api/users", lambda _: answers.FIXED["other_user"]),
    ("GET", r"/api/audit", lambda a: answers.audit(a.world.versions)),
    ("GET", r"/api/cases", lambda a: [a.world.row()]),
    ("POST", r"/api/cases(?:/fetch)?", lambda a: {"case": a.world.row(), "job": None}),
    ("GET", C, lambda a: a.world.row() | {"versions": a.world.versions, "problems": answers.FIXED["problems"]}),
    ("GET", C + r"/facts", lambda a: {"version": a.world.newest, "yaml": a.world.facts, "problems": []}),
    ("PUT", C + r"/facts", _facts_saved),
    ("POST", C + r"/plan", lambda a: {"job": a.world.plan()}),
    ("GET", r"/api/jobs/[\w-]+", lambda a: a.world.current_job()),
    ("DELETE", r"/api/jobs/[\w-]+", _cancel),
    ("POST", C + r"/revert", _revert),
    ("GET", C + r"/results/\d+/plans.json", lambda _: answers.FIXED["plans"]),
    ("POST", C + r"/decision", _decided),
    ("GET", C + r"/decisions", lambda a: a.world.decisions),
    (
        "GET",
        C + r"/v/(\d+)/scene",
        lambda a: answers.scene(a.world.lesions[int(a.path[1])], a.world.planned_version == int(a.path[1])),
    ),
    ("GET", C + r"/v/\d+/needles", lambda _: answers.FIXED["needles"]),
    ("GET", C + r"/v/\d+/reasons", lambda _: answers.FIXED["reasons"]),
    ("GET", C + r"/v/\d+/timeline", lambda _: answers.FIXED["timeline"]),
    ("GET", C + r"/v/(\d+)/(.+\.(?:nii\.gz|mz3))", _picture),
    ("POST", C + r"/lesions", _lesion_added),
    ("PATCH", C + r"/lesions/(\w+)", _lesion_changed),
    ("DELETE", C + r"/lesions/(\w+)", _lesion_deleted),
    ("POST", C + r"/replan", lambda a: answers.replanned(a.body)),
    ("POST", C + r"/replan/labels/preview", _tried_map),
    ("GET", r"/api/knowledge/rules/[\w.-]+", lambda _: answers.FIXED["rule"]),
]


class Handler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    world: World

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def _answer(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(size)
        path = self.path.partition("?")[0]
        self.world.requests.append(f"{self.command} {self.path}")
        if not path.startswith("/api/"):
            return self._file(path)
        if self.command != "GET" and path != "/api/session" and self.headers.get("X-Glisson-CSRF") is None:
            return self._json(403, {"title": "No token", "detail": "The request lacks its token.", "status": 403})
        try:
            body = json.loads(raw) if raw and "json" in (self.headers.get("Content-Type") or "") else {}
            for method, pattern, work in ROUTES:
                found = re.fullmatch(pattern, path)
                if found and method == self.command:
                    result = work(Asked(self.world, body, found))
                    if isinstance(result, bytes):
                        return self._send(200, "application/octet-stream", result)
                    return self._json(200, result)
            raise Refusal(404, "Not found", path)
        except Refusal as refusal:
            return self._json(refusal.status, refusal.body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815

    def _file(self, path: str) -> None:
        wanted = (ASSETS / (path.lstrip("/") or "index.html")).resolve()
        if not wanted.is_relative_to(ASSETS) or not wanted.is_file():
            return self._send(404, "text/plain", b"")
        return self._send(200, TYPES.get(wanted.suffix, "application/octet-stream"), wanted.read_bytes())

    def _json(self, status: int, body: Any) -> None:
        kind = "application/json" if status < 400 else "application/problem+json"
        self._send(status, kind, json.dumps(body).encode())

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")
        keep = kind == "application/octet-stream" or "/assets/" in self.path
        self.send_header("Cache-Control", "private, max-age=3600, immutable" if keep else "no-store")
        if kind.startswith("text/") and len(body) > 2000:
            body = gzip.compress(body, 1)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def start(port: int = 0, *, first_user: bool = False) -> tuple[ThreadingHTTPServer, World]:
    """Serve on loopback in a thread; the port is free to choose when 0. Shut it down with server.shutdown()."""
    world = World(first_user=first_user)
    handler = type("Bound", (Handler,), {"world": world})
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, world


if __name__ == "__main__":
    running, _ = start(int(sys.argv[1]) if len(sys.argv) > 1 else 8471)
    print(f"http://127.0.0.1:{running.server_port}")
    threading.Event().wait()
