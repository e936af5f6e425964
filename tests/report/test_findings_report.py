"""findings.json: the keys that scripts rely on, the shipped schema, no NaN, the same bytes."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from glisson.report import findings, findings_schema
from glisson.report.numbers import findings_json


def valid(data: Any) -> None:
    Draft202012Validator(findings_schema(), format_checker=Draft202012Validator.FORMAT_CHECKER).validate(data)


def numbers(data: Any) -> list[float]:
    if isinstance(data, dict):
        return [n for value in data.values() for n in numbers(value)]
    if isinstance(data, list):
        return [n for value in data for n in numbers(value)]
    return [data] if isinstance(data, float) else []


def test_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(findings_schema())
    assert findings_schema()["$schema"].endswith("2020-12/schema")


def test_keys_scripts_rely_on(fakes: Any) -> None:
    data = findings(fakes.result())
    valid(data)
    assert data["liver"]["volume_ml"] == 1500.0
    first = data["lesions"][0]
    assert (first["id"], first["volume_ml"], first["longest_axial_mm"]) == ("L1", 5.25, 22.0)
    assert (first["perpendicular_mm"], first["max3d_mm"]) == (15.5, 25.0)
    assert first["segments"] == {"VI": 7.9, "VII": 92.1}
    assert first["distance_mm"] == {"capsule": 0.0, "portal": 12.25, "hepatic": None, "cava": 31.0}
    resection = data["resections"][0]
    assert resection["name"] == "Right hepatectomy"
    assert resection["segments"] == ["V", "VI", "VII", "VIII"]
    assert (resection["removed_ml"], resection["remnant_ml"]) == (930.0, 570.0)
    assert (resection["remnant_percent_nontumour"], resection["remnant_percent_standardised"]) == (38.4, 36.2)
    assert resection["clears"] == ["L1", "L2", "L3"]
    assert {"version", "inputs", "rules", "sources", "parameters", "units", "frame"} <= set(data["provenance"])


def test_every_measured_field_has_unit_and_method(fakes: Any) -> None:
    data = findings(fakes.result())
    measured = {f"liver.{key}" for key in data["liver"] if key.endswith("_ml")}
    measured |= {
        f"lesions[].{key}"
        for key in data["lesions"][0]
        if key.endswith(("_ml", "_mm", "_percent")) and "ends" not in key
    }
    measured |= {f"lesions[].distance_mm.{key}" for key in data["lesions"][0]["distance_mm"]}
    measured |= {
        f"resections[].{key}"
        for key in data["resections"][0]
        if key.endswith(("_ml", "_mm", "_nontumour", "_standardised"))
    }
    missing = measured - set(data["methods"]) - {"lesions[].distance_mm"}
    assert not missing


def test_null_distance_has_its_reason(fakes: Any) -> None:
    for lesion in findings(fakes.result())["lesions"]:
        for name, value in lesion["distance_mm"].items():
            assert value is not None or any(name in key for key in lesion["notes"])


def test_rules_and_sources_are_named(fakes: Any) -> None:
    provenance = findings(fakes.result())["provenance"]
    assert [rule["id"] for rule in provenance["rules"]] == ["remnant-needed", "resection-margin-planned"]
    assert {rule["source"] for rule in provenance["rules"]} <= {source["id"] for source in provenance["sources"]}
    assert provenance["parameters"]["resection-margin-planned"] == {"value": 5.0, "unit": "mm"}
    assert {item["sha256"] for item in provenance["inputs"]} == {"ab" * 32, "cd" * 32}


@pytest.mark.parametrize(
    "changes",
    [
        {"scene": None, "liver": None, "lesions": (), "burden": None, "segments": None, "resections": ()},
        {"lesions": (), "resections": ()},
        {"segments": None, "resections": ()},
    ],
    ids=["no images", "no lesions", "no segments"],
)
def test_what_is_missing_is_null_and_valid(fakes: Any, changes: dict[str, Any]) -> None:
    valid(json.loads(findings_json(fakes.result("id: bare\n", **changes))))


def test_never_nan(fakes: Any) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        findings_json(fakes.result(lesions=(fakes.lesion(1, volume_ml=math.nan),)))
    assert all(math.isfinite(number) for number in numbers(findings(fakes.result())))


def test_same_input_same_bytes_and_one_clock(fakes: Any) -> None:
    assert findings_json(fakes.result()) == findings_json(fakes.result())
    stamped = findings(fakes.result(), stamped=datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC))
    assert stamped["provenance"].pop("written") == "2024-05-06T07:08:09+00:00"
    assert stamped == findings(fakes.result())


def test_noise_below_the_last_decimal_is_rounded_away(fakes: Any) -> None:
    data = findings(fakes.result(lesions=(fakes.lesion(1, volume_ml=5.0 + 1e-9, longest_axial_mm=-1e-9),)))
    assert data["lesions"][0]["volume_ml"] == 5.0
    assert math.copysign(1.0, data["lesions"][0]["longest_axial_mm"]) == 1.0
