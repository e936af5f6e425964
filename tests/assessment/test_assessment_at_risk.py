"""Lesions that chemotherapy may hide: named before it begins, by size, depth and what the first plan removes."""

from __future__ import annotations

from types import MappingProxyType, SimpleNamespace

import numpy as np
import pytest

from glisson.assessment import Assessment
from glisson.assessment.later_steps import name_at_risk
from glisson.case import loads_case
from glisson.lesions import LesionFinding

RECORD = "id: risk\nprimary: {{site: colorectal}}\ntreatments: {treatments}\n"


def lesion(name: str, longest: float, capsule: float | None, nature: str = "confirmed") -> LesionFinding:
    ends = np.zeros((2, 3))
    return LesionFinding(
        id=name, nature=nature, nature_reason="stated", volume_ml=2.0, longest_axial_mm=longest,
        longest_axial_ends_mm=ends, perpendicular_mm=longest, perpendicular_ends_mm=ends, axial_slice=3,
        max3d_mm=longest, max3d_ends_mm=ends, centroid_mm=np.zeros(3), segments=MappingProxyType({"V": 100.0}),
        lobe="right", distance_mm=MappingProxyType({"capsule": capsule, "portal": 9.0, "hepatic": 9.0, "cava": 40.0}),
        touches=MappingProxyType({"capsule": False, "portal": False, "hepatic": False, "cava": False}),
        inside_liver_percent=100.0, share_of_liver_percent=0.1, touches_border=False, notes=MappingProxyType({}),
    )  # fmt: skip


def named(*lesions: LesionFinding, treatments: str = "[]", clears: dict[str, str] | None = None) -> str:
    """The text of the notice; empty when none is given."""
    acts = {name: SimpleNamespace(kind=kind) for name, kind in (clears or {}).items()}
    clearing = SimpleNamespace(found=SimpleNamespace(plans=[SimpleNamespace(clears=acts)])) if clears else None
    case = loads_case(RECORD.format(treatments=treatments))
    after, _ = name_at_risk(
        Assessment(case, None, "0", lesions=lesions, facts={**case.facts()}, clearing=clearing)  # type: ignore[arg-type]
    )
    return " ".join(notice.text for notice in after.notices if notice.code == "mark-first")


@pytest.mark.parametrize(
    ("longest", "capsule", "at_risk"),
    [(24.9, 10.1, True), (25.0, 30.0, False), (12.0, 10.0, False), (12.0, None, False), (60.0, 40.0, False)],
)
def test_small_and_deep_ones_are_named(longest, capsule, at_risk):
    assert ("L1" in named(lesion("L1", longest, capsule))) is at_risk


def test_after_chemotherapy_has_begun_nothing_is_named():
    given = "[{kind: systemic, name: FOLFOX, start: 2025-01-02}]"
    assert named(lesion("L1", 12.0, 20.0), treatments=given) == ""


def test_what_the_first_plan_resects_is_not_named_and_what_it_ablates_is():
    both = (lesion("L1", 12.0, 20.0), lesion("L2", 14.0, 22.0), lesion("L3", 10.0, 30.0, "benign"))
    text = named(*both, clears={"L1": "resection", "L2": "ablation"})
    assert "L2" in text
    assert "L1" not in text
    assert "L3" not in text
    assert "Mark first?" in text
    assert "not confirmed" in text
