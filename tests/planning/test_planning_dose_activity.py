"""Radioembolisation activities against published vectors and against the energy balance counted the other way round."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glisson.errors import InputError
from glisson.planning.dose import (
    ENERGY_CONSTANTS,
    Cap,
    Delivery,
    Liver,
    body_surface_activity,
    decayed,
    delivered_from,
    energy_constant,
    gy_kg_per_gbq,
    lung_caps,
    mass_model_activity,
    nuclide,
    partition_activity,
    plan_activity,
    product_caps,
    restricted_partition_activity,
    shunt_fraction,
    shunt_reduction,
    total_lung_gy,
    uniform_activity,
)


@pytest.mark.parametrize(
    ("shunt", "residual", "injected", "vial", "lung"),
    [(0, 0, 2.073686, 2.073686, 0), (0.1, 0, 2.304096, 2.304096, 11.4444), (0.1, 0.1, 2.304096, 2.560107, 11.4444)],
)
def test_single_compartment_vectors(shunt, residual, injected, vial, lung):
    """Vectors U0, U10, UR: 100 Gy to 1000 mL; shunt raises the activity, residual only what is in the vial."""
    found = uniform_activity(100, Liver(0, 1000), Delivery(shunt, residual))
    assert found.injected_gbq == pytest.approx(injected, abs=1e-6)
    assert found.vial_gbq == pytest.approx(vial, abs=1e-6)
    assert found.lung_gy == pytest.approx(lung, abs=1e-4)


@pytest.mark.parametrize(
    ("tnr", "residual", "injected", "vial", "lung", "normal", "mean"),
    [(3, 0, 3.225734, 3.225734, 16.0222, 100, 140), (3, 0.1, 3.225734, 3.584149, 16.0222, 100, 140),
     (1, 0, 6.912288, 6.912288, 34.3333, 300, 300)],
)  # fmt: skip
def test_partition_vectors(tnr, residual, injected, vial, lung, normal, mean):
    """Vectors P10, PR, P1: 300 Gy to 200 of 1000 mL at a shunt of 10 %."""
    found = partition_activity(300, Liver(200, 800, tnr), Delivery(0.1, residual))
    assert found.injected_gbq == pytest.approx(injected, abs=1e-6)
    assert found.vial_gbq == pytest.approx(vial, abs=1e-6)
    assert found.lung_gy == pytest.approx(lung, abs=1e-4)
    assert (found.tumour_gy, found.normal_gy, found.mean_gy) == pytest.approx((300, normal, mean))


@given(
    dose=st.floats(1, 500), tumour=st.floats(1, 900), normal=st.floats(1, 2000), tnr=st.floats(0.2, 20),
    shunt=st.floats(0, 0.6), residual=st.floats(0, 0.5), lungs=st.floats(0.3, 2),
    constant=st.sampled_from(["49.38", "50"]),
)  # fmt: skip
def test_all_energy_given_is_found_in_tumour_liver_and_lungs(
    dose, tumour, normal, tnr, shunt, residual, lungs, constant
):
    """Joules: masses times doses add up to activity times the energy of one GBq; the vial holds the residual too."""
    liver, way = Liver(tumour, normal, tnr), Delivery(shunt, residual, lungs, ENERGY_CONSTANTS[constant])
    found = partition_activity(dose, liver, way)
    joule = 1.03e-3 * (tumour * found.tumour_gy + normal * found.normal_gy) + lungs * found.lung_gy
    assert joule == pytest.approx(found.injected_gbq * float(constant), rel=1e-9)
    assert found.vial_gbq * (1 - residual) == pytest.approx(found.injected_gbq)
    assert found.tumour_gy / found.normal_gy == pytest.approx(tnr)
    assert partition_activity(dose, Liver(tumour, normal, 1.0), way).injected_gbq == pytest.approx(
        uniform_activity(dose, liver, way).injected_gbq
    )


def test_energy_constant_from_half_life_and_energy():
    """Two ways of counting decays: the sum over a long table of hours agrees with the constant."""
    assert gy_kg_per_gbq(64.1, 0.9312) == pytest.approx(49.67, abs=0.005)
    assert gy_kg_per_gbq(64.04, 0.9267) == pytest.approx(49.38, abs=0.005)
    hours = [n + 0.5 for n in range(3000)]
    decays = sum(1e9 * 3600 * 2 ** (-h / 64.1) for h in hours)
    assert decays * 0.9312 * 1.602176634e-13 == pytest.approx(gy_kg_per_gbq(64.1, 0.9312), rel=1e-4)
    assert energy_constant(49.67).name.startswith("49.67 J/GBq (64.1 h")
    assert "given" in energy_constant(49.926).name


def test_restricted_partition_vector():
    """Kao: 0.2 kg at 120 Gy, ratio 2 of activities, tumour-lung shunt 5 %, normal liver 1 kg."""
    found = restricted_partition_activity(120, 0.2, 1.0, 2.0, Delivery(0.05, constant=energy_constant(50)))
    assert found.injected_gbq == pytest.approx(0.745263, abs=1e-6)
    assert (found.normal_gy, found.lung_gy) == pytest.approx((12.0, 1.263158), abs=1e-6)


@pytest.mark.parametrize(
    ("bsa", "tumour", "whole", "expected"),
    [(1.8097, 300, 1500, 1.8097), (2.0989, 150, 1800, 1.9822), (1.5632, 600, 2000, 1.6632)],
)
def test_body_surface_vectors(bsa, tumour, whole, expected):
    found = body_surface_activity(bsa, Liver(tumour, whole - tumour), Delivery())
    assert found.injected_gbq == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(("shunt", "kept"), [(0.10, 1), (0.101, 0.8), (0.15, 0.8), (0.16, 0.6), (0.20, 0.6)])
def test_shunt_reduces_the_body_surface_activity_in_steps(shunt, kept):
    """1.8097 GBq becomes 1.4477 and 1.0858."""
    reduced = shunt_reduction(shunt)
    found = body_surface_activity(1.8097, Liver(300, 1200), Delivery(shunt), kept=reduced.kept, note=reduced.note)
    assert found.injected_gbq == pytest.approx({1: 1.8097, 0.8: 1.4477, 0.6: 1.0858}[kept], abs=1e-4)
    assert bool(found.notes) == (kept < 1)


def test_above_twenty_percent_shunt_nothing_is_given():
    reduced = shunt_reduction(0.21)
    with pytest.raises(InputError, match="above 20 %"):
        body_surface_activity(1.8, Liver(300, 1200), Delivery(0.21), kept=reduced.kept, note=reduced.note)


def test_activity_by_mass():
    """Glass: 2 kg at 100 Gy is 4 GBq. Holmium: 3780 MBq for 1 kg at 60 Gy."""
    assert mass_model_activity(100, 2, Delivery(constant=energy_constant(50))).injected_gbq == pytest.approx(4.0)
    assert mass_model_activity(60, 1, Delivery(), nuclide("Ho-166")).injected_gbq == pytest.approx(3.780)
    with_shunt = mass_model_activity(100, 2, Delivery(0.1, constant=energy_constant(50)))
    assert with_shunt.mean_gy * 2 + with_shunt.lung_gy == pytest.approx(200)


def test_shunt_from_planar_counts():
    """Geometric means: lungs sqrt(100 * 400) = 200, liver sqrt(900 * 900) = 900... 200/1100."""
    assert shunt_fraction((100, 400), (900, 900)) == pytest.approx(200 / 1100)
    for lung, liver in (((-1, 1), (1, 1)), ((0, 0), (0, 0))):
        with pytest.raises(InputError, match="counts"):
            shunt_fraction(lung, liver)


def test_decay_to_the_calibration_time_and_back():
    assert decayed(4.0, 64.1) == pytest.approx(2.0)
    assert decayed(decayed(3.3, 17.0), -17.0) == pytest.approx(3.3)
    assert decayed(1.0, 26.8, nuclide("166Ho")) == pytest.approx(0.5)


def test_the_lowest_limit_binds():
    """At 49.67 Gy kg/GBq, 0.1 of 1 GBq gives lungs of 1 kg 4.967 Gy, so 30 Gy bind at 6.0399 GBq."""
    liver, way = Liver(200, 800, 3), Delivery(0.1)
    free = plan_activity(300, liver, way, lung_caps())
    assert free.reaches_target
    assert free.activity.tumour_gy == pytest.approx(300)
    held = plan_activity(900, liver, way, lung_caps())
    assert held.binding.at_most == 30
    assert held.activity.injected_gbq == pytest.approx(30 / 4.967)
    assert held.activity.lung_gy == pytest.approx(30)
    second = plan_activity(900, liver, way, lung_caps(earlier_gy=35))
    assert second.activity.lung_gy == pytest.approx(15)
    normal = plan_activity(300, liver, way, (*lung_caps(), Cap("normal_gy", 40, "given")))
    assert normal.binding.quantity == "normal_gy"
    assert normal.activity.tumour_gy == pytest.approx(120)


@given(st.lists(st.tuples(st.sampled_from(["lung_gy", "normal_gy", "mean_gy"]), st.floats(1, 200)), max_size=5))
def test_a_plan_keeps_every_limit_and_wastes_none(pairs):
    caps = [Cap(name, most, "given") for name, most in pairs]
    plan = plan_activity(250, Liver(150, 900, 4), Delivery(0.12), caps)
    slack = [cap.at_most - getattr(plan.activity, cap.quantity) for cap in caps]
    assert all(room >= -1e-9 for room in slack)
    assert plan.reaches_target == (plan.activity.tumour_gy == pytest.approx(250))
    assert plan.reaches_target or min(slack) == pytest.approx(0, abs=1e-9)


def test_limits_of_products_come_from_knowledge_with_their_source():
    caps = product_caps("glass", "lobectomy")
    assert [(cap.quantity, cap.at_most) for cap in caps] == [("normal_gy", 75)]
    assert all(cap.source == "dose-eanm-2022" and cap.status == "verified" for cap in caps)
    assert {cap.quantity for cap in lung_caps(product="glass")} == {"lung_gy", "lung_gbq"}
    with pytest.raises(InputError, match="resin"):
        product_caps("plastic", "lobectomy")


def test_lung_dose_adds_over_sessions():
    assert total_lung_gy([12.5, 17.5]) == 30
    with pytest.raises(InputError, match="session"):
        total_lung_gy([10, -1])


@pytest.mark.parametrize(
    "make",
    [
        lambda: Delivery(lung_shunt=1.0), lambda: Delivery(lung_shunt=-0.1), lambda: Delivery(lung_kg=0.0),
        lambda: Delivery(residual=1.0), lambda: Delivery(lung_shunt=math.nan), lambda: Liver(-1, 100),
        lambda: Liver(0, 0),
        lambda: Liver(10, 10, 0.0), lambda: Liver(10, 10, density_g_ml=0), lambda: nuclide("I-131"),
        lambda: energy_constant(0), lambda: uniform_activity(0, Liver(1, 1), Delivery()),
        lambda: partition_activity(100, Liver(0, 100), Delivery()), lambda: delivered_from(-1, Liver(1, 1), Delivery()),
        lambda: decayed(1, math.inf), lambda: lung_caps(-1),
        lambda: body_surface_activity(0.1, Liver(0, 1), Delivery()),
        lambda: plan_activity(100, Liver(1, 1), Delivery(0.1), [Cap("heart_gy", 1, "given")]),
        lambda: plan_activity(100, Liver(1, 1), Delivery(0.1), lung_caps(earlier_gy=50)),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(make):
    with pytest.raises(InputError):
        make()
