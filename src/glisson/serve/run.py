"""The server process: uvicorn around the application, with logs that name no patient."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from glisson.errors import InputError
from glisson.serve.app import create_app
from glisson.serve.audit import Audit
from glisson.serve.database import open_database
from glisson.serve.people import People
from glisson.serve.settings import ServeSettings

__all__ = ["open_people", "run", "server_config"]

KEEP_ALIVE_SECONDS = 30
GRACE_SECONDS = 5
LARGEST_HEADERS = 32 * 1024


def run(settings: ServeSettings, *, ready: Callable[[], None]) -> None:
    """Serve until the process is told to stop. ready: called when the address answers.

    Raises InputError for unsafe settings, a data directory in use, a port that is taken and unfit TLS files.
    """
    _log_to_stderr()
    app = create_app(settings)
    server = _Server(server_config(app, settings), ready)
    try:
        server.run()
    except ssl.SSLError as refusal:
        raise InputError(f"The TLS certificate and key cannot be used together ({refusal.reason}).") from refusal
    finally:
        app.state.core.close()
    if not server.started:
        raise InputError(f"{settings.url} cannot be listened on; perhaps the port is taken. Choose another --port.")


def server_config(app: FastAPI, settings: ServeSettings) -> uvicorn.Config:
    """How uvicorn runs the application: it logs no requests itself, believes no proxy and does not name itself."""
    logging.getLogger("uvicorn.access").disabled = True
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        access_log=False,
        log_config=None,
        log_level="warning",
        proxy_headers=False,
        server_header=False,
        ws="none",
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
        h11_max_incomplete_event_size=LARGEST_HEADERS,
        ssl_certfile=settings.tls_certificate,
        ssl_keyfile=settings.tls_key,
    )


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        await super().startup(sockets)  # type: ignore[arg-type]
        if self.started:
            self._ready()


def open_people(data_dir: Path, url: str | None) -> People:
    """The users of a data directory, also while its server runs. Raises InputError and OutputError."""
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    database = open_database(data_dir, url)
    return People(database, Audit(database))


def _log_to_stderr() -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log = logging.getLogger("glisson.serve")
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    logging.getLogger("uvicorn.error").addHandler(handler)
