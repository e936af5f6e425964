"""The verdict on a remnant: at each threshold, with each fact missing, by the stricter of two shares."""

from __future__ import annotations

import pytest

from glisson.case import loads_case
from glisson.planning import remnant_rules

BODY = "patient: {height_cm: 170, weight_kg: 70}\n"


def rules(record: str = ""):
    return remnant_rules(loads_case(f"id: a\n{record}").facts())


@pytest.mark.parametrize(
    ("liver", "needed"),
    [
        ("{background: normal, chemotherapy_months: 0}", 20),
        ("{background: chemotherapy, chemotherapy_months: 4}", 30),
        ("{background: cirrhosis}", 40),
    ],
)
def test_at_below_and_above_the_threshold(liver, needed):
    found = rules(f"{BODY}liver: {liver}\n")
    assert found.open_percents == (needed,)
    assert found.verdict(needed, needed, 2)[0] == "enough"
    assert found.verdict(needed + 20, needed, 2)[0] == "enough"
    assert found.verdict(needed, needed - 0.001, 2)[0] == "too little"
    assert found.verdict(needed - 0.001, needed + 20, 2)[0] == "too little"


def test_the_stricter_share_is_named():
    found = rules(f"{BODY}liver: {{background: normal, chemotherapy_months: 0}}\n")
    assert found.verdict(25.0, 19.0, 2)[1] == ("The remnant is 19.0 % standardised; this liver needs at least 20 %.",)
    assert "18.0 % of non-tumour liver" in found.verdict(18.0, 26.0, 2)[1][0]


def test_unknown_background_is_decided_only_at_the_ends():
    found = rules(BODY)
    assert found.open_percents == (20, 30, 40)
    assert found.verdict(40.0, 45.0, 2)[0] == "enough"
    assert found.verdict(39.9, 45.0, 2)[0] == "undetermined"
    assert found.verdict(20.0, 45.0, 2)[0] == "undetermined"
    assert found.verdict(19.9, 45.0, 2)[0] == "too little"
    reasons = found.verdict(35.0, 36.0, 2)[1]
    assert "liver" in reasons[0]
    assert reasons[1] == "The remnant, 35.0 % of non-tumour liver, reaches 20 and 30 % and is below 40 %."
    assert "any liver background" in found.verdict(40.0, 45.0, 2)[1][0]


@pytest.mark.parametrize(
    ("patient", "missing"),
    [
        ("", "height and weight are not recorded"),
        ("patient: {weight_kg: 70}\n", "height is not recorded"),
        ("patient: {height_cm: 170}\n", "weight is not recorded"),
    ],
)
def test_without_height_or_weight_the_standardised_share_stays_open(patient, missing):
    found = rules(f"{patient}liver: {{background: normal, chemotherapy_months: 0}}\n")
    assert found.expected_ml is None
    assert found.missing == missing
    verdict, reasons = found.verdict(90.0, None, 2)
    assert verdict == "undetermined"
    assert reasons[0] == f"The standardised remnant is not known: {missing}."
    assert reasons[1] == "The remnant, 90.0 % of non-tumour liver, reaches 20 %."
    assert found.verdict(19.0, None, 2)[0] == "too little"


def test_expected_volume_by_hand():
    found = rules(BODY)
    assert found.expected_ml == pytest.approx(1267.28 * (170 * 70 / 3600) ** 0.5 - 794.41)
    assert "Vauthey 2002" in found.formula
    assert found.missing == ""


def test_one_segment_alone_is_too_little():
    found = rules(f"{BODY}liver: {{background: normal, chemotherapy_months: 0}}\n")
    verdict, reasons = found.verdict(60.0, 60.0, 1)
    assert verdict == "too little"
    assert reasons[0] == "Only 1 adjoining segment stays; 2 are needed."
    assert found.segments_needed == 2
