"""What the viewer loads of a version: scene, images, label maps, surfaces, needles, timeline."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi import Path as InPath
from fastapi.responses import FileResponse

from glisson.case import CASE_FILE, load_case
from glisson.serve.access import Viewer
from glisson.serve.api.replanning import case_of, engines_of
from glisson.serve.content.prepare import NotThere, Prepared
from glisson.serve.content.results import VIEWER_FILE, read_json
from glisson.serve.content.timeline import record_timeline
from glisson.serve.dependencies import CaseId, Store, VersionNumber
from glisson.serve.problems import NotFound
from glisson.serve.store import CaseStore

__all__ = ["router"]

router = APIRouter(prefix="/api/cases/{case_id}", tags=["viewer"])
FOREVER = "private, max-age=31536000, immutable"
"""Of what belongs to a version alone: versions never change."""
ASK_AGAIN = "private, no-cache"
"""Of what may be planned again: the browser asks whether its copy still holds."""
GZIP, MESH = "application/gzip", "application/octet-stream"
LevelName = Annotated[str, InPath(pattern=r"^[a-z]{1,20}$", description="preview, fine or native")]
PlanNumber = Annotated[int, InPath(ge=1, le=1000, description="number of the plan")]
MeshKey = Annotated[str, InPath(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.+-]{0,79}$", description="key of a structure")]


def _look(case_id: CaseId, version: VersionNumber, _user: Viewer, store: Store) -> Prepared:
    return Prepared(
        store.case_folder(case_id, version), store.results_folder(case_id, version),
        store.prepared_folder(case_id, version),
    )  # fmt: skip


Looked = Annotated[Prepared, Depends(_look)]


@router.get("/v/{version}/scene")
def scene(case_id: CaseId, version: VersionNumber, looked: Looked, store: Store, request: Request) -> Response:
    """Levels, structures, lesions, windows and plans. It also makes the sliders of a planned version ready."""
    results = store.results_folder(case_id, version)
    data = looked.scene() | {
        "version": version,
        "planned": results is not None,
        "current": results is not None and version == store.latest(case_id),
    }
    if results is not None:
        engines_of(request).warm(case_of(store, case_id, version))
    return _json(request, data)


@router.get("/v/{version}/volume/{level}.nii.gz", response_class=FileResponse)
def volume(level: LevelName, looked: Looked, request: Request) -> Response:
    """The scan at a level: 16-bit NIfTI, Hounsfield units where it is a CT."""
    return _file(request, lambda: looked.volume(level), GZIP, FOREVER)


@router.get("/v/{version}/labels/{level}.nii.gz", response_class=FileResponse)
def labels(level: LevelName, looked: Looked, request: Request) -> Response:
    """The label map of a level; the scene names the labels."""
    return _file(request, lambda: looked.labels(level), GZIP, FOREVER)


@router.get("/v/{version}/labels/{level}/plan-{n}.nii.gz", response_class=FileResponse)
def plan_labels(level: LevelName, n: PlanNumber, looked: Looked, request: Request) -> Response:
    """What a plan leaves and takes, at a level; labels as `plan_labels` of the scene says."""
    return _file(request, lambda: looked.plan_labels(level, n), GZIP, ASK_AGAIN)


@router.get("/v/{version}/mesh/{key}.mz3", response_class=FileResponse)
def mesh(key: MeshKey, looked: Looked, request: Request) -> Response:
    """The surface of a structure, or of a part of a plan (plan-N-PART), as MZ3 in RAS mm."""
    return _file(request, lambda: looked.mesh(key), MESH, ASK_AGAIN if key.startswith("plan-") else FOREVER)


@router.get("/v/{version}/needles")
def needles(case_id: CaseId, version: VersionNumber, _user: Viewer, store: Store, request: Request) -> Response:
    """Ways for the needles of the planned ablations; none where the version was not planned."""
    kept = planned_data(store, case_id, version)
    return _json(request, [] if kept is None else kept["needles"])


@router.get("/v/{version}/timeline")
def timeline(case_id: CaseId, version: VersionNumber, _user: Viewer, store: Store, request: Request) -> Response:
    """Scans, lesions, events and markers over time; of a version that was not planned what the record alone says."""
    kept = planned_data(store, case_id, version)
    if kept is None:
        return _json(request, record_timeline(load_case(store.case_folder(case_id, version) / CASE_FILE)))
    return _json(request, kept["timeline"])


def planned_data(store: CaseStore, case_id: str, version: int) -> dict[str, Any] | None:
    """What the planning of a version kept for the workbench; None where it was not planned."""
    results = store.results_folder(case_id, version)
    if results is None or not (results / VIEWER_FILE).exists():
        return None
    found: dict[str, Any] = read_json(results / VIEWER_FILE)
    return found


def _file(request: Request, find: Any, kind: str, lasting: str) -> Response:
    """A prepared file, or 304 where the browser has it."""
    try:
        path: Path = find()
        stat = path.stat()
    except NotThere as refusal:
        raise NotFound(str(refusal)) from None
    except FileNotFoundError:
        raise NotFound("That file was deleted from the viewer's cache just now. Load the page again.") from None
    tag = f'"{stat.st_mtime_ns:x}-{stat.st_size:x}"'
    headers = {"ETag": tag, "Cache-Control": lasting}
    if _has(request, tag):
        return Response(status_code=304, headers=headers)
    return FileResponse(path, media_type=kind, headers=headers, stat_result=stat)


def _json(request: Request, data: Any) -> Response:
    """Plain data, or 304 where the browser has it."""
    body = json.dumps(data, ensure_ascii=False, allow_nan=False).encode()
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": ASK_AGAIN}
    if _has(request, tag):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


def _has(request: Request, tag: str) -> bool:
    given = request.headers.get("if-none-match", "")
    return tag in {part.strip().removeprefix("W/") for part in given.split(",")}
