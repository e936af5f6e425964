"""Scores: published vectors, units, what is missing, rounding.

Expected numbers are printed vectors or arithmetic by hand; volumes are also compared with an independent formula for
the surface (Mosteller's is exact for 180 cm and 80 kg: 2 m2).
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glisson.errors import InputError, KnowledgeError, UnitError
from glisson.knowledge import (
    DEFAULT_VOLUME_FORMULA,
    knowledge_base,
    margins,
    remnant_segments,
    remnant_threshold,
    score,
    total_liver_volume,
    total_liver_volume_ml,
    tumour_burden_score,
    volume_formulas,
)
from glisson.knowledge.scores import rounded


@pytest.mark.parametrize(
    ("formula", "expected"),
    [("tlv-vauthey-2002", 1509.7), ("tlv-urata-1995", 1280.4), ("tlv-vauthey-2002-weight", 1487.5)],
)
def test_volumes_at_170_cm_and_70_kg(formula, expected):
    assert total_liver_volume_ml(formula, 170, 70) == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("tlv-vauthey-2002", 2 * 1267.28 - 794.41),
        ("tlv-feng-2017", 2 * 758.259 - 124.272),
        ("tlv-korea-2015", 2 * 893.485 - 439.169),
    ],
)
def test_volumes_at_a_surface_of_two(formula, expected):
    assert total_liver_volume_ml(formula, 180, 80) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("largest_mm", "number", "value", "group"),
    [(20, 1, 2.236, "zone 1"), (30, 1, 3.162, "zone 2"), (50, 3, 5.831, "zone 2"), (89, 1, 8.956, "zone 2"),
     (90, 1, 9.055, "zone 3"), (40, 8, 8.944, "zone 2")],
)  # fmt: skip
def test_tumour_burden_score(largest_mm, number, value, group):
    result = tumour_burden_score(largest_mm, number)
    assert result.value == pytest.approx(value, abs=0.0005)
    assert (result.group, result.group_status, result.status) == (group, "unverified", "unverified")
    assert "extrapolation" in result.notes[0]


def test_the_group_follows_the_unrounded_value():
    result = tumour_burden_score(89, 1)
    assert (result.printed, result.group) == ("9.0", "zone 2")


@given(st.floats(140, 210), st.floats(40, 150), st.floats(0.1, 20))
def test_volumes_grow_with_height_and_weight(height, weight, more):
    for formula in volume_formulas():
        assert total_liver_volume_ml(formula, height, weight + more) > total_liver_volume_ml(formula, height, weight)
        assert total_liver_volume_ml(formula, height + more, weight) >= total_liver_volume_ml(formula, height, weight)


def test_inputs_may_carry_their_unit():
    assert score("bsa-mosteller", {"height": "1.8 m", "weight": "80000 g"}).value == pytest.approx(2.0, rel=1e-12)
    assert score("tumour-burden-score", {"largest": "3cm", "number": 1}).value == pytest.approx(10**0.5)
    with pytest.raises(UnitError, match=r"patient\.height_cm is in cm; given kg"):
        score("bsa-mosteller", {"height": "180 kg", "weight": 80})


def test_missing_inputs_are_named_and_nothing_is_assumed():
    result = score("bsa-mosteller", {"height": 180})
    assert (result.value, result.printed, result.missing) == (None, "", ("weight",))
    volume = total_liver_volume(DEFAULT_VOLUME_FORMULA, {"patient.height_cm": 180.0})
    assert (volume.value, volume.missing) == (None, ("bsa",))


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"height": 180, "wieght": 80}, "has no input 'wieght'; its inputs: height, weight"),
        ({"height": 0, "weight": 80}, "must be above zero; given 0 cm"),
        ({"height": float("inf"), "weight": 80}, "must be above zero"),
        ({"height": "tall", "weight": 80}, "should be a number in cm; given 'tall'"),
    ],
)
def test_inputs_that_cannot_be_used(inputs, message):
    with pytest.raises(InputError) as caught:
        score("bsa-mosteller", inputs)
    assert message in str(caught.value)


def test_unknown_names():
    with pytest.raises(KnowledgeError, match=r"There is no score 'bsa-mostler'\. Similar: bsa-mosteller"):
        score("bsa-mostler", {})
    with pytest.raises(KnowledgeError, match="No score of the family 'volume'"):
        knowledge_base().variants("volume")
    with pytest.raises(InputError, match="gives no volume for 60 cm and 5 kg"):
        total_liver_volume_ml("tlv-vauthey-2002", 60, 5)


@pytest.mark.parametrize(
    ("value", "decimals", "printed"),
    [
        (15.5, 0, "16"),
        (16.5, 0, "17"),
        (-2.5, 0, "-3"),
        (2.675, 2, "2.68"),
        (1.005, 2, "1.01"),
        (-1.3866, 2, "-1.39"),
        (8.956, 1, "9.0"),
    ],
)
def test_printed_numbers_are_rounded_half_up(value, decimals, printed):
    assert rounded(value, decimals) == printed


def test_scores_become_facts():
    facts = knowledge_base().with_scores(
        {"patient.height_cm": 180.0, "patient.weight_kg": 80.0, "burden.largest_mm": 30.0}
    )
    assert facts["score.tlv-vauthey-2002"] == pytest.approx(2 * 1267.28 - 794.41)
    assert facts["score.tumour-burden-score"].reason == "needs burden.count"
    assert facts["score.tumour-burden-score.group"].reason == "needs burden.count"


def test_what_a_score_needs_through_the_scores_below_it():
    kb = knowledge_base()
    assert kb.missing_for_score("tlv-vauthey-2002", {"patient.height_cm": 180.0}) == ("patient.weight_kg",)
    assert kb.missing_for_score("tlv-vauthey-2002", {"score.bsa-mosteller": 2.0}) == ()


@pytest.mark.parametrize(
    ("background", "months", "expected"),
    [("normal", 0, 20), ("normal", 3, 20), ("chemotherapy", 6, 30), ("normal", 3.5, 30), ("steatosis", 0, 30),
     ("fibrosis", 9, 40), ("cirrhosis", 0, 40)],
)  # fmt: skip
def test_remnant_thresholds(background, months, expected):
    answer = remnant_threshold({"liver.background": background, "liver.chemotherapy_months": months})
    assert (answer.value, answer.unit) == (expected, "%")
    assert answer.status == ("unverified" if background == "steatosis" else "verified")


def test_a_remnant_threshold_that_is_open_lists_what_it_may_be():
    answer = remnant_threshold({"liver.background": "normal"})
    assert (answer.value, answer.possible_values, answer.needs) == (None, (20, 30), ("liver.chemotherapy_months",))
    assert remnant_threshold({"liver.chemotherapy_months": 6}).possible_values == (30, 40)


def test_margins_and_segments():
    found = margins()
    assert (found.resection_plan_mm, found.resection_accept_mm) == (5, 1)
    assert (found.ablation_minimum_mm, found.ablation_aim_mm) == (5, 10)
    assert all(answer.status == "verified" for answer in found.answers)
    assert remnant_segments().value == 2


@pytest.mark.parametrize(
    ("score", "given", "unit"),
    [
        ("albi", {"bilirubin": "2", "albumin": "40 g/L"}, "mg/dL"),
        ("albi", {"bilirubin": "17.1umol/L", "albumin": "4"}, "g/dL"),
        ("fib-4", {"age": "60", "ast": "50U/L", "alt": "40U/L", "platelets": "150"}, "10*9/L"),
    ],
)
def test_a_bare_laboratory_number_is_refused_with_the_units_that_are_understood(score, given, unit):
    with pytest.raises(InputError, match="bare number") as refusal:
        knowledge_base().score(score, given)
    assert unit in str(refusal.value)


def test_bare_numbers_stay_where_no_second_unit_is_in_use():
    result = knowledge_base().score("fib-4", {"age": "60", "ast": "50U/L", "alt": "40U/L", "platelets": "150 10*9/L"})
    assert result.value == pytest.approx(3.1623, abs=1e-4)
    assert knowledge_base().score("tumour-burden-score", {"largest": "3", "number": "2"}).value is not None
