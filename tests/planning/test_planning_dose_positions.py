"""Activity by catheter position: sums of hand-computed compartments, limits that hold for all of them, artery trees."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glisson.anatomy import territories, tree_of_points
from glisson.errors import FrameMismatch, InputError
from glisson.geometry import Grid, Mask
from glisson.planning.dose import Cap, Delivery, activity_by_position, arteries, artery_positions

GRID = Grid.axial((20, 20, 20), (5.0, 5.0, 5.0))
"""Voxels of 0.125 mL: 8000 of them make 1000 mL."""
OFF_LATTICE = Mask(np.ones((4, 4, 4), bool), Grid.axial((4, 4, 4), (5.0, 5.0, 5.0), (2, 0, 0)))
K = 49.67


def box(i, j=(0, 20), k=(0, 20)) -> Mask:
    data = np.zeros(GRID.shape, bool)
    data[slice(*i), slice(*j), slice(*k)] = True
    return Mask(data, GRID).trimmed()


RIGHT, LEFT = box((0, 12)), box((12, 20))
TUMOUR = box((2, 6), (0, 10), (0, 10))
"""400 voxels, 50 mL, in the right volume of 600 mL."""


def test_each_position_has_its_own_partition():
    """Right: (300 x 0.0515 + 100 x 0.5665) / (49.67 x 0.9) GBq; left, without tumour, all of it at the target."""
    found = activity_by_position({"right": RIGHT, "left": LEFT}, TUMOUR, 300.0, 3.0, Delivery(lung_shunt=0.1))
    right, left = found.positions
    assert [right.tumour_ml, right.normal_ml, left.normal_ml] == pytest.approx([50, 550, 400])
    assert right.activity.injected_gbq == pytest.approx((300 * 0.0515 + 100 * 0.5665) / (K * 0.9))
    assert left.activity.injected_gbq == pytest.approx(300 * 0.412 / (K * 0.9))
    assert (right.activity.tumour_gy, right.activity.normal_gy) == pytest.approx((300, 100))
    assert found.injected_gbq == pytest.approx(right.activity.injected_gbq + left.activity.injected_gbq)
    assert found.lung_gy == pytest.approx(K * 0.1 * found.injected_gbq)
    assert found.not_perfused_ml == 0.0
    assert "without tumour" in found.notes[0]


def test_a_limit_of_a_tissue_binds_where_it_is_reached():
    """Normal liver at most 60 Gy: 60 % of the right activity, and 20 % of the left, where no tumour takes any."""
    cap = Cap("normal_gy", 60.0, "hand")
    found = activity_by_position({"right": RIGHT, "left": LEFT}, TUMOUR, 300.0, 3.0, Delivery(), [cap])
    for position, share in zip(found.positions, (0.6, 0.2), strict=True):
        assert position.activity.injected_gbq == pytest.approx(share * position.wanted.injected_gbq)
        assert position.binding == cap


def test_the_lungs_limit_the_sum_and_take_the_same_share_from_each():
    free = activity_by_position({"right": RIGHT, "left": LEFT}, TUMOUR, 300.0, 3.0, Delivery(lung_shunt=0.2))
    assert free.lung_gy > 30
    caps = [Cap("lung_gy", 30.0, "hand"), Cap("injected_gbq", 50.0, "loose")]
    found = activity_by_position({"right": RIGHT, "left": LEFT}, TUMOUR, 300.0, 3.0, Delivery(lung_shunt=0.2), caps)
    assert found.lung_gy == pytest.approx(30.0)
    for before, after in zip(free.positions, found.positions, strict=True):
        assert after.activity.injected_gbq / before.activity.injected_gbq == pytest.approx(30 / free.lung_gy)
        assert after.activity.mean_gy / before.activity.mean_gy == pytest.approx(30 / free.lung_gy)
        assert after.binding == caps[0]


@given(st.integers(1, 19), st.floats(1.0, 20.0), st.floats(0.0, 0.5), st.floats(10.0, 500.0))
def test_all_energy_is_found_again(cut, tnr, shunt, target):
    """Masses times doses of all positions, and of the lungs, make the activity times the constant."""
    way = Delivery(lung_shunt=shunt, residual=0.2, lung_kg=0.9)
    parts = {"a": box((0, cut)), "b": box((cut, 20))}
    found = activity_by_position(parts, TUMOUR, target, tnr, way)
    joule = sum(p.activity.mean_gy * (p.tumour_ml + p.normal_ml) * 1.03e-3 for p in found.positions)
    assert joule + found.lung_gy * 0.9 == pytest.approx(K * found.injected_gbq)
    assert found.vial_gbq == pytest.approx(found.injected_gbq / 0.8)


def test_tumour_that_no_position_reaches_is_told():
    found = activity_by_position({"left": LEFT}, TUMOUR, 100.0, None, Delivery())
    assert found.not_perfused_ml == pytest.approx(50.0)
    assert "50.0 mL of tumour lie outside" in found.notes[0]


@pytest.mark.parametrize(
    ("perfused", "error", "words"),
    [
        ({}, InputError, "No perfused volume"),
        ({"a": RIGHT, "b": box((11, 20))}, InputError, "share voxels"),
        ({"a": Mask(np.zeros(GRID.shape, bool), GRID)}, InputError, "is empty"),
        ({"a": OFF_LATTICE}, FrameMismatch, "perfused volume"),
    ],
)
def test_what_makes_no_sense_is_refused(perfused, error, words):
    with pytest.raises(error, match=words):
        activity_by_position(perfused, TUMOUR, 100.0, 2.0, Delivery())


def test_no_room_under_a_limit_is_refused():
    with pytest.raises(InputError, match="No activity can be given"):
        activity_by_position({"a": RIGHT}, None, 100.0, None, Delivery(lung_shunt=0.1), [Cap("lung_gy", 0.0, "hand")])


def artery(*, apart=False):
    """A trunk in the middle that forks to the right and left half; with `apart` another artery below the left."""
    nodes = [(50, 0, 50), (50, 20, 50), (25, 50, 50), (75, 50, 50)]
    parent = [-1, 0, 1, 1]
    if apart:
        nodes += [(75, 90, 5), (75, 60, 5)]
        parent += [-1, 4]
    return tree_of_points("artery", nodes, parent, [2.0] * len(nodes), attached=1)


def test_positions_of_a_tree_are_its_first_division():
    """The fork is symmetric about x = 50 mm; voxels there have their centres at 47.5 and 52.5 from the box's edge."""
    liver = Mask(np.ones(GRID.shape, bool), GRID)
    parts = artery_positions(territories(artery(), liver))
    assert len(parts) == 2
    assert sum(mask.volume_ml for mask in parts.values()) == pytest.approx(1000.0)
    found = activity_by_position(parts, None, 100.0, None, Delivery())
    assert found.injected_gbq == pytest.approx(100 * 1.03 / K)


def test_an_artery_that_nothing_joins_to_the_first_is_flagged():
    liver = Mask(np.ones(GRID.shape, bool), GRID)
    found = arteries(territories(artery(apart=True), liver))
    assert [item.aberrant for item in found] == [False, True]
    assert "replaced or accessory" in found[1].name
    assert sum(item.share_percent for item in found) == pytest.approx(100.0)
    assert len(artery_positions(territories(artery(apart=True), liver))) == 3


def test_branches_are_named_once_and_of_an_artery():
    liver = Mask(np.ones(GRID.shape, bool), GRID)
    parts = territories(artery(), liver)
    assert list(artery_positions(parts, (1,))) == ["branch 1"]
    with pytest.raises(InputError, match="comes from another"):
        artery_positions(parts, (0, 1))
    vein = tree_of_points("portal", [(50, 0, 50), (50, 20, 50)], [-1, 0], [2.0, 2.0])
    with pytest.raises(InputError, match="tree of an artery"):
        arteries(territories(vein, liver))
