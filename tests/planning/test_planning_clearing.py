"""Combined plans on invented patients: counted again by hand, eased step by step, and stopped by rules."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from glisson.anatomy import segment_map, split_cava, vessel_anatomy, whole_liver
from glisson.errors import InputError
from glisson.planning import PlanSettings, clear_liver, standard_resections
from glisson.planning.clearance import loss_map
from glisson.planning.robustness import robustness
from glisson.simulate import virtual_patient


@pytest.fixture(scope="module")
def patient():
    made = virtual_patient(seed=4, lesions=3, shape=(96, 96, 64), spacing_mm=(4.0, 4.0, 4.0))
    scene, case = made.scene, made.case
    liver = whole_liver(scene)
    segments = segment_map(scene, liver)
    cava = split_cava(scene)
    vessels = vessel_anatomy(scene, liver, cava, margin_mm=5.0, central_within_mm=15.0)
    natures = {lesion.id: "confirmed" for lesion in scene.lesions}
    found = [SimpleNamespace(id=name, nature=nature) for name, nature in natures.items()]
    resections = standard_resections(case, scene, liver, segments, found)

    def clear(settings=None, natures=natures, vessels=vessels, segments=segments, **more):
        return clear_liver(
            case, scene, liver, segments, resections if segments else (), natures,
            vessels=vessels, cava=cava, settings=settings, **more,
        )  # fmt: skip

    return SimpleNamespace(case=case, scene=scene, liver=liver, segments=segments, natures=natures, clear=clear)


@pytest.fixture(scope="module")
def cleared(patient):
    return patient.clear()


def test_every_plan_treats_every_lesion_with_its_margin(cleared):
    assert cleared.found.outcome == "plans"
    for plan in cleared.found.plans:
        assert set(plan.clears) == {"L1", "L2", "L3"}
        for got in plan.clears.values():
            assert got.margin_mm is None or got.margin_mm >= cleared.problem.accept_mm[got.kind]


def test_the_liver_is_conserved_to_the_voxel_and_counted_again_from_the_masks(patient, cleared):
    inside = patient.liver.data
    for plan in cleared.found.plans:
        assert sum(plan.voxels.values()) == patient.liver.count
        lost = np.zeros(inside.shape, bool)
        chosen = [one for one in cleared.problem.candidates if one.id in plan.chosen]
        for one in chosen:
            for region in one.costs.values():
                lost.ravel()[cleared.voxels.flat[region]] = True
        tumour = np.zeros(inside.shape, bool)
        for lesion in patient.scene.lesions:
            start = lesion.mask.grid.offset_in(patient.liver.grid)
            for index in np.argwhere(lesion.mask.data) + start:
                if ((index >= 0) & (index < inside.shape)).all():
                    tumour[tuple(index)] = True
        stays = inside & ~lost & ~tumour
        assert plan.remnant_nontumour_ml == pytest.approx(stays.sum() * patient.liver.grid.voxel_ml)
        assert np.count_nonzero(loss_map(cleared.problem, plan.chosen)) == np.count_nonzero(lost & inside)


def test_a_wider_ablation_margin_never_leaves_more_liver(patient):
    left = []
    for margin in (0.0, 5.0, 10.0):
        found = patient.clear(PlanSettings.by_rules(allow=("ablation",), ablation_margin_mm=margin)).found
        left.append(max((plan.remnant_nontumour_ml for plan in found.plans), default=0.0))
    assert left == sorted(left, reverse=True)


def test_more_kinds_of_acts_never_make_it_worse(patient, cleared):
    def best(found):
        return min((plan.lost_nontumour_ml for plan in found.plans), default=np.inf)

    fewer = patient.clear(PlanSettings.by_rules(allow=("wedge",))).found
    assert best(cleared.found) <= best(fewer) + 1e-6


def test_a_lesion_left_by_choice_is_named_and_not_a_target(patient):
    found = patient.clear(PlanSettings.by_rules(leave=("L2",)))
    assert found.problem.targets == ("L1", "L3")
    assert found.left_out == {"L2": "left to systemic therapy by choice"}
    assert all("L2" in plan.left for plan in found.found.plans)
    with pytest.raises(InputError, match="L9 cannot be left"):
        patient.clear(PlanSettings.by_rules(leave=("L9",)))


def test_indeterminate_lesions_give_two_questions(patient):
    natures = {**patient.natures, "L3": "indeterminate", "L2": "benign"}
    found = patient.clear(natures=natures)
    assert found.problem.targets == ("L1", "L3")
    assert found.without_open.targets == ("L1",)
    assert found.left_out == {"L2": "recorded as benign"}
    assert patient.clear(natures=dict.fromkeys(natures, "benign")) is None


def test_a_contraindication_takes_a_kind_out(patient):
    stop = (("some-rule", "contraindicated"),)
    found = patient.clear(rules={"resection": stop, "wedge": stop, "ablation L1": stop})
    assert found.found.outcome == "none"
    assert found.found.certificate.untreated == ("L1",)
    assert "not a finding of unresectability" in found.found.certificate.reason


def test_without_vessels_and_segments_it_says_what_was_not_looked_at(patient):
    found = patient.clear(vessels=None, segments=None)
    assert found.problem.segments is None
    assert any("No segment map" in note for note in found.notes)
    assert any("congestion is not assessed" in note for note in found.notes)
    assert all(set(one.costs) <= {"removed", "destroyed"} for one in found.problem.candidates)


def test_robustness_counts_every_combination_of_shifts(cleared):
    for plan in cleared.found.plans:
        held = cleared.robustness[plan.name]
        assert held.runs == 45
        assert 0 <= held.holds <= held.runs
        assert "not a chance of success" in held.text
        blurred = robustness(cleared.problem, plan, cleared.voxels, registration_mm=6.0)
        assert blurred.holds <= held.holds


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"allow": ("surgery",)}, "cannot allow 'surgery'"),
        ({"allow": ()}, "at least one kind"),
        ({"ablation_margin_mm": -1.0}, "ablation_margin_mm is -1"),
    ],
)
def test_settings_that_cannot_be(given, words):
    with pytest.raises(InputError, match=words):
        PlanSettings.by_rules(**given)
