"""The shapes of the API, from which its OpenAPI description is made."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from glisson.serve.access import Role
from glisson.serve.jobs import JobState
from glisson.serve.listing import CaseState

__all__ = [
    "About", "AuditEntry", "Based", "CaseDetail", "CaseRow", "Credentials", "Decided", "DecisionGiven",
    "DecisionRecorded", "Facts", "FactsGiven", "Fetch", "JobView", "NewUser", "NewVersion", "PlanAsked", "PlanChoices",
    "ProblemNote", "ResultFile", "RevertAsked", "SessionView", "Started", "UserChange", "UserView", "VersionView",
]  # fmt: skip

Name = Annotated[str, Field(min_length=1, max_length=100)]
Password = Annotated[str, Field(min_length=1, max_length=200)]
LongText = Annotated[str, Field(max_length=10_000)]
Version = Annotated[int, Field(ge=1, le=9999)]
Millimetres = Annotated[float, Field(ge=0, le=50)]


class Given(BaseModel):
    """What a request brings: a key that is not known is an error, not ignored."""

    model_config = ConfigDict(extra="forbid")


class Credentials(Given):
    """Who signs in."""

    name: Name
    password: Password


class UserView(BaseModel):
    """A user."""

    id: str
    name: str
    role: Role
    active: bool = True


class SessionView(BaseModel):
    """The session; csrf goes into the header X-Glisson-CSRF of every change."""

    user: UserView
    csrf: str


class About(BaseModel):
    """What a page needs to know before anybody signed in."""

    version: str
    statement: str
    cds: bool
    oidc: bool
    needs_first_user: bool
    pacs: list[str]


class NewUser(Given):
    """A user to be added."""

    name: Name
    role: Role
    password: Password


class UserChange(Given):
    """What changes of a user; all their sessions end."""

    role: Role | None = None
    password: Password | None = None
    active: bool | None = None


class JobView(BaseModel):
    """A background job. share: 0 to 1. error: why it failed."""

    id: str
    kind: str
    case: str
    version: int | None
    state: JobState
    words: str
    share: float
    error: str | None
    created: str
    ended: str | None


class CaseRow(BaseModel):
    """A case in the list. newest: 0 before its first version. answer: of planned_version, which may be stale."""

    id: str
    title: str
    created: str
    newest: int
    planned_version: int | None
    state: CaseState
    answer: str | None
    job: JobView | None


class VersionView(BaseModel):
    """One version of a case."""

    version: int
    by: str
    at: str
    what: str
    based_on: int | None
    planned: bool


class ProblemNote(BaseModel):
    """Something wrong, missing or notable. Of facts: line, key, what was given and what is allowed."""

    level: str
    about: str
    text: str
    line: int | None = None
    key: str | None = None
    given: str | None = None
    allowed: str | None = None


class CaseDetail(CaseRow):
    """A case with its versions. checked: whether the check of the newest version's files has been made."""

    versions: list[VersionView]
    problems: list[ProblemNote]
    checked: bool


class ResultFile(BaseModel):
    """A file of a dossier; path is what follows `results/{version}/` in its address."""

    path: str
    bytes: int


class Started(BaseModel):
    """A job that was queued, and its case."""

    case: str
    job: JobView


class Fetch(Given):
    """A study of an archive that the server knows by name."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    archive: Annotated[str, Field(alias="from", min_length=1, max_length=100)]
    study: Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)*$", max_length=64)]
    title: Annotated[str, Field(max_length=200)] = ""


class PlanChoices(Given):
    """What the board sets; what is left out follows the rules."""

    resection_margin_mm: Millimetres | None = None
    accept_margin_mm: Millimetres | None = None
    ablation_margin_mm: Millimetres | None = None
    vessel_detachment: bool | None = None
    allow: Annotated[list[Annotated[str, Field(max_length=40)]], Field(max_length=20)] | None = None
    leave: Annotated[list[Annotated[str, Field(max_length=100)]], Field(max_length=200)] | None = None


class PlanAsked(Given):
    """Which version to plan (the newest by default), with which settings."""

    version: Version | None = None
    settings: PlanChoices = PlanChoices()


class Based(Given):
    """The version that a change rests on; refused with 409 when it is not the newest."""

    based_on: Version


class RevertAsked(Based):
    """Which version to go back to."""

    to: Version


class NewVersion(BaseModel):
    """The version that a change made."""

    version: int


class Facts(BaseModel):
    """The text of case.yaml."""

    version: int
    yaml: str
    problems: list[ProblemNote]


class FactsGiven(Based):
    """A new text of case.yaml."""

    yaml: Annotated[str, Field(max_length=1_000_000)]


class DecisionGiven(Given):
    """What the board decided on a version. plan: its number, or null for none of them. reviewed_by: the named clinician
    who takes responsibility. treatment: by the names of the rules; by default what the plan's acts are. The words in
    reasons, next_step and despite are read by the patient.
    """

    version: Version
    plan: Annotated[int, Field(ge=1, le=1000)] | None = None
    decided: Annotated[str, Field(min_length=1, max_length=2000)]
    reasons: LongText = ""
    dissent: LongText = ""
    members: Annotated[list[Annotated[str, Field(max_length=200)]], Field(max_length=100)] = []
    reviewed_by: Name
    role: Annotated[str, Field(max_length=200)] = ""
    treatment: Annotated[list[Annotated[str, Field(max_length=100)]], Field(max_length=20)] = []
    intent: Literal["cure", "control", "comfort"] | None = None
    next_step: Annotated[str, Field(max_length=2000)] = ""
    next_by: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")] | None = None
    despite: Annotated[str, Field(max_length=2000)] = ""


class Decided(BaseModel):
    """The number of the decision, and the job that writes the patient's letter."""

    n: int
    job: JobView


class DecisionRecorded(DecisionGiven):
    """A recorded decision: n counts from 1; at and by say who entered it and when."""

    n: int
    at: str
    by: str


class AuditEntry(BaseModel):
    """One entry of the audit trail."""

    n: int
    at: str
    by: str
    what: str
    case: str | None
    detail: dict[str, Any]
    hash: str
