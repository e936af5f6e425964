"""Ablation margins against closed forms, zones against their own geometry, and candidates on a made liver."""

from __future__ import annotations

import numpy as np
import pytest

from glisson.errors import InputError
from glisson.geometry import Grid, Mask
from glisson.planning.ablation import HeatRules, ablation_candidates, as_candidate
from glisson.planning.ablation_margin import ablative_margin, heat_sinks, zone_margin
from glisson.planning.liver_voxels import LiverVoxels
from glisson.planning.zones import DeviceZone, Zone, outer_surface, zones_mask

AXIS = np.array([0.0, 0.0, 1.0])
SMALL = DeviceZone("probe", 60, 5, 30, 36, "ex vivo", "a source")
LARGE = DeviceZone("probe", 100, 10, 36, 42, "ex vivo", "a source")

TABLE = [
    (5, 15, (0, 0, 0), 10.0),
    (5, 10, (0, 0, 0), 5.0),
    (10, 5, (0, 0, 0), -5.0),
    (5, 10, (5, 0, 0), 0.0),
    (5, 10, (5, 5, 0), -2.0711),
    (5, 5, (20, 0, 0), -20.0),
]
"""Radius of the tumour, of the zone, its shift, and the margin: zone radius less tumour radius less shift."""


def ball(radius, centre=(0, 0, 0), size=72, spacing=(1.0, 1.0, 1.0)):
    grid = Grid.axial((size,) * 3, spacing, tuple(-(size // 2) * s for s in spacing))
    points = grid.to_mm(np.indices(grid.shape).transpose(1, 2, 3, 0))
    return Mask(np.linalg.norm(points - np.array(centre), axis=-1) <= radius, grid)


def round_zone(radius, centre=(0.0, 0.0, 0.0)):
    return Zone(np.array(centre, float), AXIS, 2 * radius, 2 * radius)


@pytest.mark.parametrize(("tumour", "zone", "shift", "margin"), TABLE)
def test_margin_on_voxels_of_1_mm(tumour, zone, shift, margin):
    """Published cases of a margin tool, which reads 4.12 for a true margin of 5 mm; here within 0.1 mm."""
    assert zone_margin(ball(tumour), ball(zone, shift)).everywhere_mm == pytest.approx(margin, abs=0.1)


@pytest.mark.parametrize(("tumour", "zone", "shift", "margin"), TABLE)
def test_margin_of_planned_zones(tumour, zone, shift, margin):
    assert ablative_margin(ball(tumour), [round_zone(zone, shift)]).everywhere_mm == pytest.approx(margin, abs=0.1)


def test_margin_of_balls_anywhere():
    rng = np.random.default_rng(7)
    for _ in range(12):
        tumour, zone = rng.uniform(4, 11), rng.uniform(8, 18)
        at = rng.uniform(-0.5, 0.5, 3)
        shift = at + rng.normal(size=3) * 2
        exact = zone - tumour - np.linalg.norm(shift - at)
        assert ablative_margin(ball(tumour, at), [round_zone(zone, shift)]).everywhere_mm == pytest.approx(
            exact, abs=0.2
        )


def test_margin_is_not_asked_for_outside_the_capsule():
    """The zone reaches 2 mm beyond the lesion under the capsule, which cuts it off at z = 8.5.

    There its rim is 20 sqrt(1 - (11.5 / 13)^2) = 9.33 from the axis, so 12.62 from the lesion's middle.
    """
    lesion = ball(8)
    points = lesion.grid.to_mm(np.indices(lesion.grid.shape).transpose(1, 2, 3, 0))
    liver = Mask(points[..., 2] <= 8.0, lesion.grid)
    found = ablative_margin(lesion, [Zone(np.array([0.0, 0.0, -3.0]), AXIS, 40, 26)], liver)
    assert found.everywhere_mm == pytest.approx(2.0, abs=0.2)
    assert found.in_liver_mm == pytest.approx(4.62, abs=0.4)
    assert found.uncovered_percent == 0


def test_uncovered_share_is_a_cap():
    """A ball zone concentric in x that leaves the far half of an equal ball: the cap beyond the shift's half."""
    found = ablative_margin(ball(8), [round_zone(8, (4, 0, 0))])
    assert found.uncovered_percent == pytest.approx(100 * (1 + 4 / 2 / 8) / 2, abs=2)


def test_zone_volume_and_mask():
    turned = Zone(np.array([1.0, 2.0, -3.0]), np.array([1.0, 1.0, 0.0]), 30, 40)
    liver = Mask(np.ones((72, 72, 72), bool), ball(1).grid)
    assert zones_mask([turned], liver).volume_ml == pytest.approx(np.pi / 6 * 0.9 * 40, rel=0.01)
    assert turned.surface().volume_ml == pytest.approx(np.pi / 6 * 0.9 * 40, rel=0.002)
    assert turned.level(np.array([[1.0, 2.0, -3.0] + 20 * turned.axis]))[0] == pytest.approx(1.0)


def test_outside_of_two_zones_has_no_inner_walls():
    pair = [round_zone(10, (0, 0, 0)), round_zone(10, (8, 0, 0))]
    middles = outer_surface(pair).triangles_mm.mean(axis=1)
    assert all((zone.level(middles) >= 0.99).all() for zone in pair)


def test_heat_sink_names_wide_vessels_only():
    lesion = ball(10)
    points = lesion.grid.to_mm(np.indices(lesion.grid.shape).transpose(1, 2, 3, 0))

    def tube(x, radius):
        return Mask(np.hypot(points[..., 0] - x, points[..., 1]) <= radius, lesion.grid)

    found = heat_sinks(lesion, {"portal": tube(15, 3), "hepatic": tube(-13, 1)}, calibre_mm=4, reach_mm=5)
    assert [sink.vessel for sink in found] == ["portal"]
    assert found[0].distance_mm == pytest.approx(2.0, abs=0.3)
    assert found[0].centre_mm[0] > 8
    assert heat_sinks(lesion, {"portal": tube(22, 3)}, calibre_mm=4, reach_mm=5) == ()


def test_smallest_setting_that_holds_the_margin():
    liver = Mask(np.ones((72, 72, 72), bool), ball(1).grid)
    five, ten = ablation_candidates(liver, "L1", ball(8), [LARGE, SMALL], (5, 8), most_zones=3)
    assert (five.setting, ten.setting) == (SMALL, LARGE)
    assert five.margin.in_liver_mm >= 5
    assert ten.margin.in_liver_mm >= 8
    assert len(five.zones) == len(ten.zones) == 1
    assert "The needle path was not assessed." in five.notes


def test_several_zones_reach_the_margin_everywhere():
    liver = Mask(np.ones((72, 72, 72), bool), ball(1).grid)
    (found,) = ablation_candidates(liver, "L1", ball(14), [LARGE], (5,), most_zones=6)
    assert len(found.zones) > 1
    assert found.margin.in_liver_mm >= 4.9
    assert ablation_candidates(liver, "L1", ball(14), [LARGE], (5,), most_zones=1) == ()
    assert ablation_candidates(liver, "L1", ball(30), [SMALL], (5,), most_zones=3) == ()


def test_destroyed_liver_is_counted_and_numbered():
    grid = ball(1).grid
    points = grid.to_mm(np.indices(grid.shape).transpose(1, 2, 3, 0))
    liver = Mask(points[..., 2] <= 5.0, grid)
    (found,) = ablation_candidates(liver, "L1", ball(6), [SMALL], (5,), most_zones=1, vessels={}, heat=HeatRules(3, 5))
    assert not (found.mask.on(grid) & ~liver.data).any()
    assert found.functional_ml == pytest.approx(found.destroyed_ml - (ball(6).data & liver.data).sum() / 1000)
    candidate = as_candidate(found, LiverVoxels(liver, np.zeros(liver.count, np.bool_)))
    assert len(candidate.costs["destroyed"]) == found.mask.count
    assert candidate.lesions == {"L1": found.margin.in_liver_mm}
    assert found.heat_sinks == ()


def test_bad_input():
    with pytest.raises(InputError, match="setting"):
        ablation_candidates(ball(20), "L1", ball(5), [], (5,), most_zones=1)
    with pytest.raises(InputError, match="empty"):
        zone_margin(ball(5), Mask(np.zeros((72, 72, 72), bool), ball(1).grid))
    with pytest.raises(InputError, match="diameters"):
        DeviceZone("probe", 60, 5, 0, 36, "ex vivo", "a source")
