"""One course of radiation: what follows from its files and facts, and what is said to be missing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from glisson.case import Radiation
from glisson.errors import InputError
from glisson.geometry import Grid, Mask, Volume
from glisson.planning.dose import bed_gy, check_product, course_dose, dvh, mean_effect_gy
from glisson.scene import RadiationImages

GRID = Grid.axial((30, 30, 30), (4.0, 4.0, 4.0))


def box(i, j=(5, 25), k=(5, 25)) -> Mask:
    data = np.zeros(GRID.shape, bool)
    data[slice(*i), slice(*j), slice(*k)] = True
    return Mask(data, GRID)


LIVER, LESIONS = box((5, 25)), {"L1": box((6, 10), (6, 10), (6, 10)).trimmed()}
"""8000 voxels, 512 mL, with a lesion of 64 voxels, 4.096 mL."""


def flat(gy: float) -> Volume:
    return Volume(np.full(GRID.shape, gy, np.float32), GRID)


def external(**facts) -> Radiation:
    return Radiation("sbrt", "external", **{"fractions": 6} | facts)


def spheres(**facts) -> Radiation:
    return Radiation("y90", "radioembolisation", **{"product": "glass", "setting": "lobectomy"} | facts)


def test_a_flat_dose_gives_every_structure_that_dose():
    found = course_dose(external(), RadiationImages("sbrt", dose=flat(20.0)), LIVER, LESIONS)
    assert list(found.histograms) == ["tumour", "L1", "liver without tumour"]
    assert all(h.mean_gy == pytest.approx(20.0) for h in found.histograms.values())
    assert found.histograms["liver without tumour"].volume_ml == pytest.approx(512 - 4.096)
    effects = {effect.structure: effect.mean_bed_gy for effect in found.effects}
    assert effects["tumour"] == pytest.approx(20 * (1 + 20 / 6 / 10), rel=1e-4)
    assert effects["liver without tumour"] == pytest.approx(20 * (1 + 20 / 6 / 2.5), rel=1e-4)
    mean = next(c for c in found.checks if c.structure == "liver" and c.measure == "mean" and c.limit == 20)
    assert mean.verdict == "fail"
    assert found.method == "given"


def test_without_the_number_of_fractions_limits_are_missing_not_guessed():
    found = course_dose(
        replace(external(), fractions=Radiation("x", "external").fractions),
        RadiationImages("sbrt", dose=flat(20.0)), LIVER, LESIONS,
    )  # fmt: skip
    assert found.checks == ()
    assert any("number of fractions" in text for text in found.missing)


def test_organs_of_the_structure_set_are_checked():
    organs = {"stomach": box((26, 29))}
    found = course_dose(external(), RadiationImages("sbrt", dose=flat(29.0), structures=organs), LIVER, LESIONS)
    assert next(c for c in found.checks if c.structure == "stomach").verdict == "pass"


def test_dose_from_activity_holds_the_energy_given():
    """2 GBq evenly in the liver: 49.67 x 2 J over 0.512 L x 1.04; the kernel loses some of it at the border."""
    activity = Volume((LIVER.data * 2.0 / LIVER.count).astype(np.float32), GRID)
    images = RadiationImages("y90", activity=activity, activity_unit="GBq", hours_after=0.0)
    found = course_dose(spheres(), images, LIVER, LESIONS)
    closed = 49.67 * 2 / (0.512 * 1.04)
    assert float(found.dose.data.sum()) * 0.064e-3 * 1.04 == pytest.approx(49.67 * 2, rel=1e-4)
    assert found.histograms["tumour"].mean_gy == pytest.approx(closed, rel=0.02)
    assert found.comparison.tnr == pytest.approx(1.0)
    assert found.comparison.regions[1].local_gy == pytest.approx(closed, rel=1e-4)
    later = course_dose(spheres(), replace(images, hours_after=64.1), LIVER, LESIONS)
    assert float(later.dose.data.sum()) == pytest.approx(2 * float(found.dose.data.sum()), rel=1e-4)
    assert any("hours_after is unknown" in text for text in course_dose(
        spheres(), replace(images, hours_after=None), LIVER, LESIONS).notes)  # fmt: skip


def test_counts_need_the_activity_and_lose_the_shunt():
    images = RadiationImages("y90", activity=Volume(LIVER.data.astype(np.float32), GRID), activity_unit="counts")
    lacking = course_dose(spheres(), images, LIVER, LESIONS)
    assert lacking.dose is None
    assert any("injected_gbq" in text for text in lacking.missing)
    found = course_dose(spheres(injected_gbq=2.0, lung_shunt_percent=10.0), images, LIVER, LESIONS)
    assert float(found.dose.data.sum()) * 0.064e-3 * 1.04 == pytest.approx(49.67 * 1.8, rel=1e-4)


def test_activity_of_another_nuclide_is_no_activity_of_spheres():
    images = RadiationImages("y90", activity=flat(1.0), activity_unit="Bq/mL", nuclide="Tc-99m")
    assert any("shows Tc-99m" in text for text in course_dose(spheres(), images, LIVER, LESIONS).missing)


def test_holmium_by_local_deposition():
    activity = Volume((LIVER.data * 5.0 / LIVER.count).astype(np.float32), GRID)
    images = RadiationImages("ho", activity=activity, activity_unit="GBq", hours_after=0.0)
    found = course_dose(spheres(product="holmium", setting="unilobar"), images, LIVER, LESIONS)
    assert found.histograms["tumour"].mean_gy == pytest.approx(1000 / 63 * 5 / (0.512 * 1.04), rel=1e-3)
    assert "local deposition" in found.method
    assert found.comparison is None


def test_product_doses_pass_fail_and_wait_for_their_condition():
    """Glass, lobectomy: tumour from 189 Gy, normal liver below 75 Gy; below 50 or 90 Gy by bilirubin."""
    mean = {"tumour": dvh(flat(190.0), LESIONS["L1"]), "normal-whole": dvh(flat(75.0), LIVER)}
    found = check_product(mean, "glass", "lobectomy")
    said = {(c.structure, c.measure, c.limit): c.verdict for c in found}
    assert said[("tumour", "mean dose reached", 189)] == "pass"
    assert said[("liver without tumour", "mean dose below", 75)] == "fail"
    assert said[("liver without tumour", "mean dose below", 50)] == "not checkable"
    assert said[("perfused tissue", "mean dose reached", 140)] == "not checkable"


def test_positions_need_target_shunt_and_lungs():
    images = RadiationImages("y90", perfused={"whole": LIVER})
    found = course_dose(spheres(target_gy=120.0), images, LIVER, LESIONS)
    assert found.positions is None
    assert any("lung_shunt_percent, lung_kg" in text for text in found.missing)
    facts = {"target_gy": 120.0, "lung_shunt_percent": 0.0, "lung_kg": 1.0, "setting": "segmentectomy"}
    found = course_dose(spheres(**facts), images, LIVER, LESIONS)
    assert found.positions.injected_gbq == pytest.approx(120 * 0.512 * 1.03 / 49.67)
    assert any("no dose file" in text for text in found.missing)


def test_mean_effect_is_that_of_the_voxels_not_of_the_mean():
    """Half the volume at 10 Gy and half at 30 Gy in 3 fractions: the mean of both effects."""
    data = np.full(GRID.shape, 10.0)
    data[15:] = 30.0
    found = dvh(Volume(data, GRID), box((5, 25)))
    expected = (bed_gy(10, 3, 10) + bed_gy(30, 3, 10)) / 2
    assert mean_effect_gy(found, lambda gy: bed_gy(gy, 3, 10)) == pytest.approx(expected, rel=0.02)
    assert expected > bed_gy(20, 3, 10)


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (RadiationImages("y90", activity=flat(1.0)), "no unit"),
        (RadiationImages("y90", activity=flat(-1.0), activity_unit="Bq/mL"), "negative"),
        (RadiationImages("y90", dose=Volume(np.ones((4, 4, 4)), Grid.axial((4, 4, 4), (4.0,) * 3, (500.0, 0, 0)))),
         "outside the dose grid"),
    ],
)  # fmt: skip
def test_files_that_make_no_sense_are_refused(images, words):
    with pytest.raises(InputError, match=words):
        course_dose(spheres(), images, LIVER, LESIONS)
