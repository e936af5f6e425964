"""Around every request: the host it names, where it comes from, its size, its limit, and the headers of the answer."""

from __future__ import annotations

import logging
import re
import time
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from glisson.serve.access import COOKIE, READING
from glisson.serve.core import Core
from glisson.serve.problems import Forbidden, Refusal, TooLarge, problem

__all__ = ["PAGE_POLICY", "Guard"]

access_log = logging.getLogger("glisson.serve.access")
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""Of the workbench's pages. data: is for small pictures within the style; nothing comes from another host, no script or
style stands in a page, and there are no workers, frames, fonts or plug-ins."""
API_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
FIXED = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}
YEAR_SECONDS = 31_536_000
IDENTIFIER = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9]{1,4}")
"""What of a path may stand in the log: UUIDs and numbers of versions."""
BIG_UPLOADS = ("/api/cases",)
"""Paths whose POST counts its own bytes while it writes them to the disk."""


class Guard:
    """ASGI middleware: refuses what no route should see, and marks every answer."""

    def __init__(self, app: ASGIApp, core: Core) -> None:
        self._app = app
        self._core = core
        self._names = core.settings.known_names()
        self._fixed = [(name.lower().encode(), value.encode()) for name, value in FIXED.items()]
        if core.settings.secure:
            self._fixed.append((b"strict-transport-security", f"max-age={YEAR_SECONDS}".encode()))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        status = 500

        async def mark(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._mark(message, scope["path"])
            await send(message)

        try:
            self._refuse(scope)
            await self._app(scope, self._counted(scope, receive), mark)
        except Refusal as refusal:
            await problem(refusal.status, str(refusal), refusal.headers)(scope, receive, mark)
        finally:
            took = 1000 * (time.perf_counter() - began)
            access_log.info("%s %s %d %.0f ms", scope["method"], _where(scope), status, took)

    def _refuse(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        host = headers.get("host", "").lower()
        if _without_port(host) not in self._names or len(headers.getlist("host")) != 1:
            raise Refusal("The request names a host that this server does not go by (see --url).")
        origin = headers.get("origin")
        if scope["method"] not in READING:
            own = origin == self._core.settings.public_url
            if origin is not None and not own and (origin == "null" or urlsplit(origin).netloc.lower() != host):
                raise Forbidden("The request comes from a page of another site.")
            if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
                raise Forbidden("The request comes from a page of another site.")
        if f"{COOKIE}=" not in headers.get("cookie", "") or (scope["method"], scope["path"]) == (
            "POST",
            "/api/session",
        ):
            self._core.limits.count_address(scope["client"][0] if scope.get("client") else "unknown")

    def _counted(self, scope: Scope, receive: Receive) -> Receive:
        """The body's parts, refused beyond the limit; a route that takes uploads counts by itself."""
        if scope["path"].rstrip("/") in BIG_UPLOADS:
            return receive
        limit, seen = self._core.settings.limits.body_bytes, 0
        stated = Headers(scope=scope).get("content-length", "0")
        if stated.isdigit() and int(stated) > limit:
            raise TooLarge(f"The request is larger than {limit} bytes.")

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > limit:
                raise TooLarge(f"The request is larger than {limit} bytes.")
            return message

        return counted

    def _mark(self, message: Message, path: str) -> None:
        message["headers"] = [*message["headers"], *self._fixed]
        headers = MutableHeaders(scope=message)
        api = path.startswith(("/api", "/cds-services"))
        headers.setdefault("Content-Security-Policy", API_POLICY if api else PAGE_POLICY)
        headers.setdefault("Cache-Control", "no-store" if api else "no-cache")


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host


def _where(scope: Scope) -> str:
    """The route and the identifiers in its path, never the query and never words that somebody put into the path."""
    route = scope.get("route")
    given = {name: str(value) for name, value in scope.get("path_params", {}).items()}
    ids = [value for value in given.values() if IDENTIFIER.fullmatch(value)]
    return " ".join([getattr(route, "path", "-"), *ids])
