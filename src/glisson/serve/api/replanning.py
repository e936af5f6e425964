"""Sliders: other limits, new plans, in about a second."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Request
from fastapi import Path as InPath
from fastapi.responses import FileResponse
from pydantic import Field
from starlette.background import BackgroundTask

from glisson.serve.access import Viewer
from glisson.serve.api.models import Given, Millimetres, Version
from glisson.serve.content.engines import Busy, Case, Engines
from glisson.serve.content.prepare import Prepared
from glisson.serve.content.results import read_json
from glisson.serve.dependencies import CaseId, Store
from glisson.serve.problems import Conflict, NotFound, TooMany
from glisson.serve.store import CaseStore

__all__ = ["case_of", "engines_of", "router"]

router = APIRouter(prefix="/api/cases/{case_id}", tags=["replanning"])
Kind = Literal["resection", "wedge", "ablation", "radiotherapy", "radioembolisation"]
RETRY_SECONDS = 1.0


class Limits(Given):
    """Limits to try. margin_mm: demanded of resections and wedges. remnant_percent: working liver that must stay.

    leave: lesions left to systemic therapy. allow: kinds of acts. What is left out stays as in the dossier.
    """

    version: Version
    margin_mm: Millimetres | None = None
    remnant_percent: Annotated[float, Field(ge=0, le=100)] | None = None
    leave: Annotated[list[Annotated[str, Field(max_length=100)]], Field(max_length=300)] = []  # noqa: RUF012
    allow: Annotated[list[Kind], Field(min_length=1, max_length=5)] | None = None

    @property
    def ask(self) -> dict[str, Any]:
        """The question as the process takes it."""
        return self.model_dump(include={"margin_mm", "remnant_percent", "leave", "allow"}, exclude_none=True)


class OnePlan(Limits):
    """One plan of an answer, by its number."""

    n: Annotated[int, Field(ge=1, le=1000)]


def engines_of(request: Request) -> Engines:
    """The warm processes of this server; made when they are first needed, ended by `close` at its shutdown."""
    state = request.app.state
    if getattr(state, "engines", None) is None:
        state.engines = Engines()
    engines: Engines = state.engines
    return engines


def case_of(store: CaseStore, case_id: str, version: int) -> Case:
    """What a process needs of a version: its folder, and the settings of its last planning."""
    results = store.results_folder(case_id, version)
    settings: dict[str, Any] = {}
    if results is not None and (results / "plans.json").exists():
        settings = read_json(results / "plans.json")["settings"]
    key = f"{case_id}/{version}/{results.name if results is not None else '-'}"
    return Case(key, store.case_folder(case_id, version), settings)


@router.post("/replan")
def replan(
    case_id: CaseId, given: Annotated[Limits, Body()], _user: Viewer, store: Store, request: Request
) -> dict[str, Any]:
    """Plans under other limits, in the shape of plans.json; nothing is kept. While the case, or the margin, is being
    made ready, `prepared` is false with `words` and `share`: ask again."""
    return _asked(request, case_of(store, case_id, given.version), given.ask)


@router.post("/replan/labels/{level}", response_class=FileResponse)
def replan_labels(
    case_id: CaseId, level: Annotated[str, InPath(pattern=r"^[a-z]{1,20}$")], given: Annotated[OnePlan, Body()],
    _user: Viewer, store: Store, request: Request,
) -> FileResponse:  # fmt: skip
    """The label map of one plan of an answer at a level; 409 while it is being made ready."""
    folder = store.prepared_folder(case_id, given.version)
    known = Prepared(store.case_folder(case_id, given.version), None, folder).scene()["levels"]
    found = next((one for one in known if one["name"] == level), None)
    if found is None:
        raise NotFound(f"There is no level '{level}'.")
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".replan-", suffix=".nii.gz", delete=False) as file:
        path = Path(file.name)
    try:
        asked = given.ask | {"map": {"n": given.n, "level": found, "path": str(path)}}
        if not _asked(request, case_of(store, case_id, given.version), asked)["prepared"]:
            raise Conflict("The plans are not ready yet. Ask for the plans first.")
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return FileResponse(
        path, media_type="application/gzip", headers={"Cache-Control": "no-store"},
        background=BackgroundTask(path.unlink, missing_ok=True),
    )  # fmt: skip


def _asked(request: Request, case: Case, ask: dict[str, Any]) -> dict[str, Any]:
    try:
        return engines_of(request).ask(case, ask)
    except Busy as refusal:
        raise TooMany(str(refusal), RETRY_SECONDS) from None
