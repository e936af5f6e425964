"""Schemathesis over the whole API as its OpenAPI describes it: whatever is sent, the answer is never a 500."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings

from glisson.serve.settings import Limits, ServeSettings

from .conftest import Running, place_case, start

EXAMPLES = int(os.environ.get("GLISSON_SCHEMA_EXAMPLES", "6"))
"""Tried of each operation."""
ENDING = (("DELETE", "/api/session"), ("DELETE", "/api/cases/{case_id}"))
"""What would take away the session or the case that the others need."""


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    limits = Limits(requests_per_minute=1_000_000, anonymous_per_minute=1_000_000, job_seconds=2)
    running, stop = start(ServeSettings(tmp_path_factory.mktemp("fuzzed") / "data", limits=limits, cds=True))
    yield running
    stop()


@pytest.fixture(scope="module")
def admin(fuzzed: Running) -> httpx.Client:
    return fuzzed.client("ada")


@pytest.fixture(scope="module")
def case_id(fuzzed: Running, small_case: Path) -> str:
    return place_case(fuzzed, small_case)


def test_no_request_breaks_the_server(fuzzed: Running, admin: httpx.Client, case_id: str):
    api = schemathesis.openapi.from_url(f"{fuzzed.url}/api/openapi.json")
    headers = {"X-Glisson-CSRF": str(admin.headers["X-Glisson-CSRF"])}
    cookies = {"glisson_session": admin.cookies["glisson_session"]}
    operations = [found.ok() for found in api.get_all_operations()]
    assert len(operations) > 30
    for operation in operations:
        if (operation.method.upper(), operation.path) in ENDING:
            continue

        @settings(
            max_examples=EXAMPLES, phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck),
            deadline=None, derandomize=True, database=None,
        )  # fmt: skip
        @given(case=operation.as_strategy())
        def ask(case: schemathesis.Case) -> None:
            if "case_id" in case.path_parameters:
                case.path_parameters["case_id"] = case_id
            answer = case.call(headers=headers, cookies=cookies)
            assert answer.status_code < 500, (case.method, case.path, case.body, answer.text)
            if answer.status_code >= 400:
                assert answer.headers["content-type"] == ["application/problem+json"]

        ask()
    assert fuzzed.core.store.verify(case_id) == []
    assert fuzzed.core.audit.broken_at() is None


def test_cards_are_off_by_default_and_rest_on_the_request_alone(fuzzed: Running, sqlite_served: Running):
    assert sqlite_served.client().get("/cds-services").status_code == 404
    client = fuzzed.client()
    (service,) = client.get("/cds-services").json()["services"]
    address = f"/cds-services/{service['id']}"
    request = {"hook": "patient-view", "hookInstance": "1", "context": {"patientId": "p1"}}
    assert client.post(address, json=request).status_code == 412
    assert client.post(address, json={**request, "hook": "order-sign", "prefetch": {}}).status_code == 400
    patient = {"resourceType": "Patient", "id": "p1"}
    answer = client.post(address, json={**request, "prefetch": {"patient": patient}})
    assert answer.json() == {"cards": []}
    assert answer.headers["cache-control"] == "no-store"
    assert client.post(address, json=request, headers={"Origin": "http://evil.example"}).status_code == 403
