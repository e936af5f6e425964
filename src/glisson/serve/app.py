"""The application: the routes of the API, the built pages, and what stands around both."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from glisson import __version__
from glisson.serve.api import CDS, ROUTERS
from glisson.serve.core import open_core
from glisson.serve.headers import Guard
from glisson.serve.pages import add_pages
from glisson.serve.problems import add_handlers
from glisson.serve.settings import ServeSettings

__all__ = ["create_app"]


def create_app(settings: ServeSettings) -> FastAPI:
    """The application of one data directory, which it locks until its shutdown (or `app.state.core.close()`).

    Raises InputError when the settings are unsafe, the directory is in use or the database does not fit it.
    """
    settings.refuse_unsafe()
    core = open_core(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        if app.state.engines is not None:
            app.state.engines.close()
        core.close()

    app = FastAPI(
        title="Glisson workbench",
        version=__version__,
        description="Cases, plans and decisions of a liver-metastasis tumour board. Research software, not a medical "
        "device. Every change needs the header X-Glisson-CSRF with the token of the session.",
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.core = core
    app.state.engines = None
    add_handlers(app)
    app.add_middleware(Guard, core=core)
    for router in (*ROUTERS, *([CDS] if settings.cds else [])):
        app.include_router(router)
    add_pages(app)
    return app
