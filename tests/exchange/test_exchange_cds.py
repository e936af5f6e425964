"""CDS Hooks: discovery, cards with the verdicts of the rules, and requests that are refused."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from glisson.assessment import assess
from glisson.case import Case, loads_case
from glisson.errors import InputError
from glisson.exchange.cds import SERVICE, patient_view, services

PATIENT = {
    "resourceType": "Patient",
    "id": "p",
    "gender": "female",
    "birthDate": "1960-01-01",
    "name": [{"family": "Secretname"}],
}


def condition(code: str, key: str) -> dict[str, Any]:
    return {
        "resourceType": "Condition", "id": key, "subject": {"reference": "Patient/p"}, "onsetDateTime": "2024-01-10",
        "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": code}]},
    }  # fmt: skip


def request(*conditions: dict[str, Any], **more: Any) -> dict[str, Any]:
    found = {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": one} for one in conditions]}
    return {
        "hook": "patient-view", "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": {"userId": "Practitioner/1", "patientId": "p"},
        "prefetch": {"patient": PATIENT, "conditions": found, "allergies": None}, **more,
    }  # fmt: skip


COLON, LIVER = condition("C18.7", "a"), condition("C78.7", "b")


def test_discovery():
    (service,) = services()["services"]
    assert (service["hook"], service["id"]) == ("patient-view", SERVICE)
    assert all("{{context.patientId}}" in query for query in service["prefetch"].values())
    assert json.loads(json.dumps(services())) == services()


def test_cards_say_what_the_rules_say():
    seen: list[Case] = []

    def look(case: Case) -> Any:
        seen.append(case)
        return assess(case, None)

    cards = patient_view(request(COLON, LIVER), look, today=date(2024, 3, 1))["cards"]
    assert seen[0].primary.site == "colorectal"
    assert seen[0].as_of == date(2024, 3, 1)
    result = assess(loads_case(
        "id: chart\nboard: {date: 2024-03-01}\npatient: {age_years: 64, sex: female}\n"
        "primary: {site: colorectal, side: left, diagnosed: 2024-01-10}\nliver: {metastases_found: 2024-01-10}\n"
    ), None)  # fmt: skip
    alerts = [answer for answer in result.answers if answer.verdict == "alert"]
    assert [card["detail"].count(f"Rule {a.rule.id},") for card, a in zip(cards, alerts, strict=False)] == [1] * len(
        alerts
    )
    options = cards[len(alerts)]["detail"]
    for option in result.options:
        if option.scope == "patient":
            assert f"**: {option.verdict}." in options
    assert sum(option.scope == "patient" for option in result.options) == options.count("\n- **") + 1
    for card in cards:
        assert len(card["summary"]) < 140
        assert card["indicator"] in ("info", "warning", "critical")
        assert card["source"]["label"]
    assert len({card["uuid"] for card in cards}) == len(cards)
    assert "Secretname" not in json.dumps(cards)
    assert "suggestions" not in json.dumps(cards)


def test_no_cards_without_liver_metastases():
    assert patient_view(request(COLON)) == {"cards": []}
    refuted = {**LIVER, "verificationStatus": {"coding": [{"code": "refuted"}]}}
    assert patient_view(request(COLON, refuted)) == {"cards": []}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"hook": "order-sign"}, "got 'order-sign'"), (request(hook=None), "patient-view"),
        (request(prefetch={}), "prefetch"), (request(prefetch={"patient": None}), "prefetch"),
        (request(context={}), "patientId"), (request(context={"patientId": 5}), "patientId"),
        (request(prefetch={"patient": [1]}), "no FHIR resource"),
        (request(context={"patientId": "other"}), "no patient"),
    ],
)  # fmt: skip
def test_other_requests_are_refused(given: dict[str, Any], expected: str):
    with pytest.raises(InputError, match=expected):
        patient_view(given)
