"""Recording the board's decision on a planned version, and finding the letter that was written from it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select

from glisson.case import Decision, refuse_unfit_decision
from glisson.errors import InputError
from glisson.serve import schema
from glisson.serve.database import now
from glisson.serve.problems import Conflict

if TYPE_CHECKING:
    from glisson.serve.access import User
    from glisson.serve.core import Core
    from glisson.serve.jobs import Job

__all__ = ["decision_of", "decisions_of", "letter_of", "record"]


def decision_of(body: Mapping[str, Any]) -> Decision:
    """A recorded decision as the case model knows it. Raises InputError for a day that is none."""

    def day(text: str) -> date:
        try:
            return date.fromisoformat(text)
        except ValueError:
            raise InputError(f"{text} is not a day of the calendar.") from None

    return Decision(
        by=body["reviewed_by"].strip(), date=day(body["date"]), text=body["decided"],
        dissent=body["dissent"] or None, role=body["role"] or None, treatment=tuple(body["treatment"]),
        intent=body["intent"], reason=body["reasons"] or None, next_step=body["next_step"] or None,
        next_by=day(body["next_by"]) if body["next_by"] else None, despite=body["despite"] or None,
    )  # fmt: skip


def record(core: Core, case_id: str, given: Mapping[str, Any], by: User) -> tuple[int, Job]:
    """Record a decision and queue its letter; gives back its number and the job.

    Raises InputError where nobody is named, the plan or a treatment is not known, or a treatment that the rules call
    contraindicated is chosen without a word on why; Conflict where the version was not planned.
    """
    version = int(given["version"])
    results = core.store.results_folder(case_id, version)
    if results is None:
        raise Conflict(f"Version {version} has not been planned. Plan it, then record the decision.")
    today = datetime.now(UTC).astimezone().date()
    body = {**given, "date": today.isoformat(), "treatment": _treatment(results, given)}
    refuse_unfit_decision(decision_of(body), today)
    _refuse_against_rules(results, body)
    table = schema.decisions
    with core.database.write() as connection:
        last = connection.execute(select(func.max(table.c.n)).where(table.c.case_id == case_id)).scalar()
        n = (last or 0) + 1
        connection.execute(insert(table).values(case_id=case_id, n=n, version=version, by=by.id, at=now(), body=body))
        core.audit.append(connection, by, "decision recorded", case_id, n=n, version=version, plan=given["plan"])
        settings = _settings(connection, case_id, version)
        arguments = {"n": n, "decision": body, "today": today.isoformat(), "settings": settings}
        job = core.jobs.enqueue(connection, "letter", case_id, version, by, arguments)
    core.jobs.wake()
    return n, job


def _settings(connection: Any, case_id: str, version: int) -> dict[str, Any]:
    """The settings of the planning that the decision is about."""
    table = schema.results
    query = select(table.c.settings).where(table.c.case_id == case_id, table.c.version == version)
    found: dict[str, Any] = connection.execute(query.order_by(table.c.run.desc())).scalars().first() or {}
    return found


def _treatment(results: Path, given: Mapping[str, Any]) -> list[str]:
    """The treatments named, else those that the acts of the chosen plan are. Raises InputError for an unknown plan."""
    plans = _plans(results)
    number = given["plan"]
    if number is not None and number > len(plans):
        raise InputError(f"The version has {len(plans)} plans; got plan {number}.")
    if given["treatment"] or number is None:
        return list(dict.fromkeys(given["treatment"]))
    from glisson.assessment.steps import ACTS

    kinds = [action["kind"] for action in plans[number - 1]["actions"]]
    return list(dict.fromkeys(ACTS.get(kind, kind) for kind in kinds))


def _plans(results: Path) -> list[dict[str, Any]]:
    file = results / "plans.json"
    if not file.is_file():
        return []
    found: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))["plans"]
    return found


def _refuse_against_rules(results: Path, body: Mapping[str, Any]) -> None:
    options = json.loads((results / "findings.json").read_text(encoding="utf-8"))["options"]
    verdicts = {option["modality"]: option["verdict"] for option in options if option.get("scope") == "patient"}
    for name in body["treatment"]:
        if name not in verdicts:
            known = ", ".join(sorted(verdicts))
            raise InputError(f"The rules do not know the treatment {name!r}. Treatments: {known}.")
        if verdicts[name] == "contraindicated" and not body["despite"].strip():
            raise InputError(
                f"By the rules {name} is contraindicated. Where the board chooses it all the same, say why in "
                "`despite`, in words that the patient can read."
            )


def decisions_of(core: Core, case_id: str) -> list[dict[str, Any]]:
    """Every decision of a case, oldest first. Raises NotFound."""
    core.store.refuse_missing(case_id)
    table, users = schema.decisions, schema.users
    query = (
        select(table, users.c.name)
        .join(users, users.c.id == table.c.by)
        .where(table.c.case_id == case_id)
        .order_by(table.c.n)
    )
    return [
        {**{k: v for k, v in row.body.items() if k != "date"}, "n": row.n, "at": row.at, "by": row.name}
        for row in core.database.all(query)
    ]


def letter_of(core: Core, case_id: str) -> Path:
    """The folder of the letter of the last decision. Raises Conflict while there is none, saying why."""
    count = len(decisions_of(core, case_id))
    if not count:
        raise Conflict("No decision is recorded. The patient's letter is written when the board has decided.")
    job = next((j for j in core.jobs.of_case(case_id, 500) if j.kind == "letter" and j.arguments["n"] == count), None)
    folder = core.store.letter_folder(case_id, count)
    if job is not None and job.state == "done" and folder.is_dir():
        return folder
    if job is not None and job.state in ("failed", "cancelled"):
        raise Conflict(f"The letter could not be written. {job.error or 'The job was cancelled.'}", job=job.id)
    raise Conflict("The letter is being written. Try again in a moment.", job=job.id if job else None)
