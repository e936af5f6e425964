"""Cases: the list, the import, planning, going back, deleting."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Body, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import TypeAdapter

from glisson.errors import InputError
from glisson.serve.access import Admin, Editor, User, Viewer
from glisson.serve.api.models import (
    CaseDetail,
    CaseRow,
    Fetch,
    JobView,
    NewVersion,
    PlanAsked,
    ProblemNote,
    RevertAsked,
    Started,
    VersionView,
)
from glisson.serve.core import Core
from glisson.serve.dependencies import CaseId, Jobs, Parts, Store
from glisson.serve.files import discard
from glisson.serve.jobs import Job
from glisson.serve.listing import Overview, overview, overviews
from glisson.serve.uploads import receive_upload
from glisson.serve.work import plan_settings

__all__ = ["router"]

router = APIRouter(prefix="/api", tags=["cases"])
LONGEST_TITLE = 200
ROWS, DETAIL = TypeAdapter(list[CaseRow]), TypeAdapter(CaseDetail)
FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["files"],
                    "properties": {
                        "title": {"type": "string", "maxLength": LONGEST_TITLE},
                        "files": {"type": "array", "items": {"type": "string", "format": "binary"}},
                        "role": {
                            "type": "array",
                            "items": {"type": "string"},
                            "description": "in the order of the files, empty where none: ct, liver, lesions, portal, "
                            "hepatic, segments, organ:NAME, facts or auto",
                        },
                    },
                }
            }
        },
    }
}


@router.get("/cases", response_model=list[CaseRow])
async def cases(_user: Viewer, core: Parts) -> Response:
    """All cases, newest first."""
    return await core.answers.of(
        ("cases",), ROWS, lambda: [CaseRow(**_row(found)) for found in overviews(core.database, core.jobs)]
    )


@router.post("/cases", status_code=202, openapi_extra=FORM)
async def import_case(user: Editor, core: Parts, request: Request) -> Started:
    """Import a case: DICOM files, NIfTI, NRRD, a case folder or DICOM folder as zip or tar, facts, a FHIR bundle."""
    settings = core.settings
    home = settings.data_dir / "uploads"
    upload = await receive_upload(home, request.headers.get("content-type", ""), request.stream(), settings.limits)
    try:
        title = _title(upload.title) or "New case"
        return await run_in_threadpool(lambda: _begin(core, user, title, "import", {"upload": upload.id}))
    except BaseException:
        discard(home / upload.id)
        raise


@router.post("/cases/fetch", status_code=202)
def fetch_case(given: Annotated[Fetch, Body()], user: Editor, core: Parts) -> Started:
    """Begin a case with a study of an archive, one of those that the server was told of when it was started."""
    if given.archive not in core.settings.pacs:
        known = ", ".join(sorted(core.settings.pacs)) or "none; start the server with --pacs or --pacs-file"
        raise InputError(f"The archive is not known. Archives: {known}.")
    arguments = {"from": given.archive, "study": given.study}
    return _begin(core, user, _title(given.title) or "Fetched case", "fetch", arguments)


def _begin(core: Core, user: User, title: str, kind: str, arguments: dict[str, str]) -> Started:
    """The case and its job, recorded together."""
    jobs: list[Job] = []
    case_id = core.store.new_case(
        title, user, also=lambda c, case_id: jobs.append(core.jobs.enqueue(c, kind, case_id, None, user, arguments))
    )
    core.jobs.wake()
    return Started(case=case_id, job=JobView(**jobs[0].shown()))


@router.get("/cases/{case_id}", response_model=CaseDetail)
async def case(case_id: CaseId, user: Viewer, core: Parts) -> Response:
    """A case with its versions and what was noticed of the newest; opening it is an entry of the audit trail."""
    found = await core.answers.of(("case", case_id), DETAIL, lambda: _detail(core, case_id))
    if not core.audit.opened_lately(user, case_id):
        await run_in_threadpool(core.audit.record_opening, user, case_id)
    return found


def _detail(core: Core, case_id: str) -> CaseDetail:
    found = overview(core.database, core.jobs, case_id)
    notices = core.store.notices(case_id, found.newest) if found.newest else None
    return CaseDetail(
        **_row(found),
        versions=[VersionView(**asdict(version)) for version in core.store.versions(case_id)],
        problems=[ProblemNote(**notice) for notice in notices or []],
        checked=notices is not None,
    )


@router.delete("/cases/{case_id}", status_code=204)
def delete_case(case_id: CaseId, user: Admin, core: Parts) -> None:
    """Delete a case and all its files; that it was there stays in the audit trail."""
    core.store.delete(case_id, user)
    core.jobs.kill_case(case_id)


@router.post("/cases/{case_id}/plan", status_code=202)
def plan(case_id: CaseId, given: Annotated[PlanAsked, Body()], user: Editor, store: Store, jobs: Jobs) -> Started:
    """Plan a version (the newest by default); its dossier appears when the job is done."""
    version = given.version or store.latest(case_id)
    store.case_folder(case_id, version)
    settings = given.settings.model_dump(exclude_none=True)
    plan_settings(settings)
    job = jobs.submit("plan", case_id, version, user, {"settings": settings})
    return Started(case=case_id, job=JobView(**job.shown()))


@router.post("/cases/{case_id}/revert")
def revert(
    case_id: CaseId, given: Annotated[RevertAsked, Body()], user: Editor, store: Store, jobs: Jobs
) -> NewVersion:
    """Go back to an earlier version, or forth to a later one: a new version equal to it."""
    number = store.revert(case_id, to=given.to, based_on=given.based_on, by=user)
    jobs.submit("check", case_id, number, user)
    return NewVersion(version=number)


def _row(found: Overview) -> dict[str, Any]:
    return {**vars(found), "job": None if found.job is None else found.job.shown()}


def _title(text: str) -> str:
    title = " ".join(text.split())
    if len(title) > LONGEST_TITLE or not title.isprintable():
        raise InputError(f"A title has at most {LONGEST_TITLE} printable characters.")
    return title
