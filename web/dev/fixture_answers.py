"""Answers of the stand-in server about one made-up case: the shapes of `glisson serve`, numbers of nobody."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

CASE = "5f0c1d1e-3a52-4c5b-9a51-0c6d5e9b7a10"
FIXED: dict[str, Any] = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
"""What never changes: user, plans, reasons, timeline and so on."""
LESIONS = {"L1": ((-110.0, 5.0, 10.0), 30.0), "L2": ((-25.0, -20.0, 22.0), 18.0)}
"""Middle in LPS mm and diameter: both lie on the patient's right of the middle, L1 far out."""
MARGINS_MM = [0.0, 1.0, 3.0, 5.0, 10.0]
LETTERS = {"L1": "X", "L2": "A"}
MOST_REMNANT_PERCENT = 50
"""The stand-in finds no plan that keeps more."""


def version(number: int, what: str, based_on: int | None, *, planned: bool) -> dict[str, Any]:
    """One row of the version list."""
    at = f"2026-03-02T08:{number:02d}:00+00:00"
    return {"version": number, "by": "board", "at": at, "what": what, "based_on": based_on, "planned": planned}


def lesion(name: str, centre: Any, long_mm: float) -> dict[str, Any]:
    """A ball-shaped lesion with its measurements."""
    x, y, z = centre
    half = long_mm / 2
    return {
        "id": name,
        "name": name,
        "nature": "probable",
        "volume_ml": round(4.18879 * half**3 / 1000, 3),
        "long_mm": long_mm,
        "long_ends_lps": [[x - half, y, z], [x + half, y, z]],
        "short_mm": long_mm,
        "short_ends_lps": [[x, y - half, z], [x, y + half, z]],
        "centre_lps": [x, y, z],
        "segment": "VI, VII" if x < -60 else "IV",
        "act": None,
    }


def lesions() -> list[dict[str, Any]]:
    """The lesions of the first version, with what the first plan does to them."""
    return [lesion(name, *place) | {"act": FIXED["acts"][name]} for name, place in LESIONS.items()]


def scene(found: list[dict[str, Any]], planned: bool) -> dict[str, Any]:
    """What the viewer is told of a version."""
    marked = [
        {
            "key": f"lesion-l{n}",
            "name": one["id"],
            "kind": "lesion",
            "label": 100 + n,
            "colour": "#f2d024",
            "volume_ml": one["volume_ml"],
            "mesh": True,
        }
        for n, one in enumerate(found, 1)
    ]
    return {
        "levels": [FIXED["level"]],
        "structures": [*marked, *FIXED["structures"]],
        "lesions": found,
        "windows": FIXED["windows"],
        "plans": [_plan(n, one) for n, one in enumerate(FIXED["plans"]["plans"], 1)] if planned else [],
        "plan_labels": {part: told["label"] for part, told in FIXED["parts"].items()},
        "current": planned,
    }


def _plan(n: int, plan: dict[str, Any]) -> dict[str, Any]:
    return {
        "n": n,
        "name": plan["name"],
        "structures": [part["key"] for part in _parts(n, plan)],
        "parts": _parts(n, plan),
    }


def _parts(n: int, plan: dict[str, Any]) -> list[dict[str, Any]]:
    known = FIXED["parts"].items()
    return [
        {"key": f"plan-{n}-{part}", "part": part, **told}
        for part, told in known
        if part == "kept" or plan.get(f"{part}_ml")
    ]


def replanned(asked: dict[str, Any]) -> dict[str, Any]:
    """Plans under other limits: none where too much of the liver must stay, else some that cost more."""
    offer = {"prepared": True, "margins_mm": MARGINS_MM, "base_margin_mm": 1.0, "seconds": 0.3}
    if asked.get("remnant_percent", 30) > MOST_REMNANT_PERCENT:
        return offer | {"plans": [], "certificate": FIXED["certificate"]}
    more_ml = 12 * asked.get("margin_mm", 1)
    plans = [
        plan
        | {
            "n": n,
            "lost_nontumour_ml": plan["lost_nontumour_ml"] + more_ml,
            "parts": _parts(n, plan),
            "letters": LETTERS,
        }
        for n, plan in enumerate(FIXED["plans"]["plans"], 1)
    ]
    return offer | {"plans": plans, "certificate": None}


def audit(versions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The trail: an entry for each version."""
    kept = ("at", "by", "what")
    return [
        {"n": v["version"], "case": CASE, "detail": {"version": v["version"]}} | {key: v[key] for key in kept}
        for v in versions
    ]
