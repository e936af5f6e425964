"""The dossier of a version, file by file, and all of a case as one zip."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Response
from fastapi import Path as InPath
from fastapi.responses import FileResponse, StreamingResponse

from glisson.serve.access import Editor, Viewer
from glisson.serve.api.models import ResultFile
from glisson.serve.dependencies import CaseId, Parts, Store, VersionNumber
from glisson.serve.exporting import export_chunks
from glisson.serve.files import walk
from glisson.serve.problems import NotFound
from glisson.serve.store import CaseStore

__all__ = ["router"]

router = APIRouter(prefix="/api", tags=["results"])
PAGE_POLICY = (
    "sandbox allow-popups; default-src 'none'; img-src data: 'self'; style-src 'unsafe-inline'; frame-ancestors 'none'"
)
"""Of a dossier or letter, which brings its own style and pictures: it runs nothing and sends nothing."""
TYPES = {
    ".html": "text/html; charset=utf-8", ".pdf": "application/pdf", ".json": "application/json", ".png": "image/png",
    ".svg": "image/svg+xml", ".gz": "application/gzip", ".dcm": "application/dicom", ".csv": "text/csv; charset=utf-8",
}  # fmt: skip
"""What is not named here is sent as a download."""
SMALL_BYTES = 256 * 1024
"""A file up to this is read at once; a larger one is sent in parts."""


@router.get("/cases/{case_id}/results/{version}")
def results(case_id: CaseId, version: VersionNumber, _user: Viewer, store: Store) -> list[ResultFile]:
    """The files of the dossier, by path."""
    folder = _planned(store, case_id, version)
    files = ((file.relative_to(folder).as_posix(), file.stat().st_size) for file in walk(folder))
    return [ResultFile(path=path, bytes=size) for path, size in files]


def _planned(store: CaseStore, case_id: str, version: int) -> Path:
    folder = store.results_folder(case_id, version)
    if folder is None:
        raise NotFound(f"Version {version} has not been planned.")
    return folder


@router.get("/cases/{case_id}/results/{version}/{path:path}", response_class=FileResponse)
def result(
    case_id: CaseId, version: VersionNumber, path: Annotated[str, InPath(max_length=300)], _user: Viewer, store: Store
) -> Response:
    """A file of the dossier: dossier.html, dossier.pdf, findings.json, plans.json, figures/…, masks/…, dicom/…"""
    folder = _planned(store, case_id, version)
    file = (folder / path.replace("\0", "")).resolve()
    if not file.is_relative_to(folder.resolve()) or not file.is_file():
        raise NotFound("The dossier has no such file.")
    return dossier_file(file)


def dossier_file(file: Path) -> Response:
    """A response of a file that Glisson made, with a type that a browser shows and a policy that lets it do nothing."""
    kind = TYPES.get(file.suffix.lower())
    headers = {"Content-Security-Policy": PAGE_POLICY}
    if kind is None:
        headers["Content-Disposition"] = "attachment"
    media = kind or "application/octet-stream"
    if file.stat().st_size <= SMALL_BYTES:
        return Response(file.read_bytes(), media_type=media, headers=headers)
    return FileResponse(file, media_type=media, headers=headers)


@router.get("/cases/{case_id}/export/{version}", response_class=StreamingResponse)
def export(case_id: CaseId, version: VersionNumber, user: Editor, core: Parts) -> StreamingResponse:
    """Everything of a version as a zip: case, results, decisions, audit trail of the case, and hashes of the files."""
    chunks = export_chunks(core, case_id, version)
    core.audit.record(user, "exported", case_id, version=version)
    name = f"glisson-{case_id}-{version:04d}.zip"
    return StreamingResponse(
        chunks, media_type="application/zip", headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )
