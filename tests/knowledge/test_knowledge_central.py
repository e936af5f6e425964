"""Whether a lesion is central goes from the followed portal vein to the rule on heat near bile ducts."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from glisson.anatomy.relations import Relations
from glisson.assessment import facts_of_lesions
from glisson.case import Unknown
from glisson.knowledge import knowledge_base

RULE = "ablation-central-bile-duct"


def facts(relations: tuple[Relations, ...] | None) -> dict[str, object]:
    lesion = SimpleNamespace(
        id="L1", nature="probable", longest_axial_mm=20.0, max3d_mm=22.0, volume_ml=4.0, notes={},
        distance_mm={}, touches={},
    )  # fmt: skip
    vessels = None if relations is None else SimpleNamespace(relations=relations)
    return dict(facts_of_lesions(SimpleNamespace(lesions=(lesion,), vessels=vessels))["L1"])  # type: ignore[arg-type]


@pytest.mark.parametrize(("away", "verdict"), [(12.0, "relative"), (15.1, "not met")])
def test_a_measured_lesion_is_judged_by_the_central_portal_vein(away, verdict):
    known = facts((Relations("L1", (), away, away <= 15),))
    assert (known["lesion.central_mm"], known["lesion.central"]) == (away, away <= 15)
    assert isinstance(known["lesion.distance_bile_duct_mm"], Unknown)
    answer = knowledge_base().evaluate(RULE, known)
    assert answer.verdict == verdict
    if verdict == "relative":
        assert "stands for the central ducts" in answer.text


@pytest.mark.parametrize("relations", [None, (), (Relations("L1", (), None, None, ("no portal branch was named",)),)])
def test_without_a_named_portal_vein_it_stays_open_and_says_what_is_missing(relations):
    answer = knowledge_base().evaluate(RULE, facts(relations))
    assert answer.verdict == "undetermined"
    assert answer.needs == ("lesion.central",)
