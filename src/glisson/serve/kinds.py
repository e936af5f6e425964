"""The kinds of background jobs: what the process of each is told, and what the server keeps of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glisson.serve.access import User
from glisson.serve.settings import ServeSettings
from glisson.serve.store import Also, CaseStore

if TYPE_CHECKING:
    from glisson.serve.jobs import Job, JobQueue

__all__ = ["KINDS", "Finishing", "Kind"]


@dataclass(frozen=True)
class Finishing:
    """What keeping a job's results needs. also: marks the job done; it belongs in the transaction that keeps them."""

    store: CaseStore
    jobs: JobQueue
    by: User
    also: Also


@dataclass(frozen=True)
class Kind:
    """waiting: words while it waits. order: the folders that its process (work.WORK) is told. finish: keeps what it
    made. priority: smaller is sooner.
    """

    waiting: str
    order: Callable[[CaseStore, Job, ServeSettings], dict[str, Any]]
    finish: Callable[[Finishing, Job, Path, Mapping[str, Any]], None]
    priority: int = 1


def _upload(_store: CaseStore, job: Job, settings: ServeSettings) -> dict[str, Any]:
    return {"case_id": job.case_id, "upload": str(settings.data_dir / "uploads" / str(job.arguments["upload"]))}


def _archive(_store: CaseStore, job: Job, settings: ServeSettings) -> dict[str, Any]:
    archive = settings.pacs.get(str(job.arguments["from"]))
    return {"case_id": job.case_id, "archive": None if archive is None else archive.model_dump(mode="json")}


def _folders(store: CaseStore, job: Job, _settings: ServeSettings) -> dict[str, Any]:
    assert job.version is not None
    results = store.results_folder(job.case_id, job.version)
    return {
        "case_id": job.case_id,
        "case_folder": str(store.case_folder(job.case_id, job.version)),
        "results_folder": None if results is None else str(results),
        "prepared_folder": str(store.prepared_folder(job.case_id, job.version)),
    }


def _keep_case(done: Finishing, job: Job, staging: Path, result: Mapping[str, Any]) -> None:
    done.store.first_version(job.case_id, staging / "case", by=done.by, what=str(result["what"]), also=done.also)
    done.jobs.submit("prepare", job.case_id, 1, done.by)


def _keep_results(done: Finishing, job: Job, staging: Path, result: Mapping[str, Any]) -> None:
    assert job.version is not None
    done.store.add_results(
        job.case_id, job.version, staging / "results", by=done.by, settings=job.arguments.get("settings", {}),
        answer=str(result["answer"]), also=done.also,
    )  # fmt: skip
    done.jobs.submit("prepare", job.case_id, job.version, done.by)


def _keep_letter(done: Finishing, job: Job, staging: Path, _result: Mapping[str, Any]) -> None:
    done.store.add_letter(job.case_id, int(job.arguments["n"]), staging / "letter", also=done.also)


def _keep_nothing(done: Finishing, _job: Job, _staging: Path, _result: Mapping[str, Any]) -> None:
    done.store.record_only(done.also)


KINDS: Mapping[str, Kind] = {
    "import": Kind("Waiting to import", _upload, _keep_case),
    "fetch": Kind("Waiting to fetch", _archive, _keep_case),
    "plan": Kind("Waiting to plan", _folders, _keep_results),
    "letter": Kind("Waiting to write the letter", _folders, _keep_letter),
    "check": Kind("Waiting to check", _folders, _keep_nothing, priority=0),
    "prepare": Kind("Waiting to prepare the viewer", _folders, _keep_nothing, priority=2),
}
"""By name. Import, fetch, plan and letter make something that is kept; check and prepare fill the viewer's cache."""
