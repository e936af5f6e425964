"""The built front end at /, or a page that says how to build it."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, HTMLResponse, Response

from glisson.serve.problems import NotFound

__all__ = ["ASSETS", "add_pages"]

ASSETS = Path(__file__).parent / "assets"
NOT_BUILT = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Glisson</title>
<h1>The pages of the workbench are not built</h1>
<p>The server runs and its API answers under <code>/api</code>. In a checkout, build the pages with
<code>make web</code> and load this page again. An installed wheel holds them.</p></html>
"""
TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css", ".wasm": "application/wasm"}
"""Said here, as the machine's own table of types may say otherwise and browsers refuse a script of another type."""
YEAR_SECONDS = 31_536_000


def add_pages(app: FastAPI, folder: Path = ASSETS) -> None:
    """Serve the built front end; any other path that is not the API's gets its page, which routes itself."""

    @app.get("/{path:path}", include_in_schema=False, response_class=HTMLResponse)
    async def page(path: str, request: Request) -> Response:
        del request
        if path.split("/")[0] in ("api", "cds-services"):
            raise NotFound("There is no such thing in the API.")
        file = (folder / path.replace("\0", "")).resolve()
        if path and file.is_relative_to(folder.resolve()) and file.is_file():
            named = "assets/" in path
            cache = f"public, max-age={YEAR_SECONDS}, immutable" if named else "no-cache"
            return FileResponse(file, media_type=TYPES.get(file.suffix), headers={"Cache-Control": cache})
        index = folder / "index.html"
        if index.is_file():
            return FileResponse(index, media_type="text/html")
        return HTMLResponse(NOT_BUILT, 503)
