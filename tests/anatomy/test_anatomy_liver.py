"""The whole liver: what is united with the mask, what is filled, what stays outside. Every count is done by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glisson.anatomy import join_liver, whole_liver
from glisson.geometry import Grid, Mask
from glisson.scene import LesionMask, Scene

VOXEL_ML = 0.027


def test_liver_without_lesions_stays_as_given_on_its_own_box(scene_of):
    liver = whole_liver(scene_of())
    assert liver.count == 45_000
    assert liver.grid.shape == (50, 30, 30)
    assert liver.grid.origin_mm.tolist() == [15.0, 15.0, 15.0]


def test_lesion_cut_out_as_a_hole_is_united(scene_of, labels, cube):
    lesion = cube((10, 14), (10, 14), (10, 14))
    joined = join_liver(scene_of((labels > 0) & ~lesion, [lesion]))
    assert joined.mask.count == 45_000
    assert joined.lesions_added_ml == {"L1": pytest.approx(64 * VOXEL_ML)}
    assert joined.holes_filled_ml == 0
    assert joined.notes == ("The liver mask left out tissue of these lesions, which was added to it: L1 1.7 mL.",)


def test_hole_larger_than_its_lesion_is_filled_and_told(scene_of, labels, cube):
    hole = cube((10, 16), (10, 14), (10, 14))
    joined = join_liver(scene_of((labels > 0) & ~hole, [cube((10, 14), (10, 14), (10, 14))]))
    assert joined.mask.count == 45_000
    assert joined.lesions_added_ml["L1"] == pytest.approx(64 * VOXEL_ML)
    assert joined.holes_filled_ml == pytest.approx(32 * VOXEL_ML)


def test_lesion_cut_out_at_the_capsule_is_united(scene_of, labels, cube):
    lesion = cube((5, 9), (10, 14), (10, 14))
    joined = join_liver(scene_of((labels > 0) & ~lesion, [lesion]))
    assert joined.mask.count == 45_000


def test_lesion_that_straddles_the_capsule_is_united_whole(scene_of, cube):
    joined = join_liver(scene_of(lesions=[cube((2, 8), (10, 14), (10, 14))]))
    assert joined.mask.count == 45_000 + 3 * 16
    assert joined.lesions_added_ml == {"L1": pytest.approx(48 * VOXEL_ML)}


def test_lesion_inside_adds_nothing(scene_of, cube):
    joined = join_liver(scene_of(lesions=[cube((10, 14), (10, 14), (10, 14))]))
    assert joined.lesions_added_ml == {"L1": 0.0}
    assert joined.notes == ()


def test_lesion_away_from_the_liver_is_named_and_left_out(scene_of, cube):
    joined = join_liver(scene_of(lesions=[cube((57, 59), (1, 3), (1, 3))]))
    assert joined.mask.count == 45_000
    assert joined.outside == ("L1",)


def test_deposit_that_grazes_the_capsule_is_no_liver(scene_of, cube):
    deposit = cube((57, 60), (8, 16), (8, 16)) | cube((55, 57), (11, 12), (11, 12))
    assert join_liver(scene_of(lesions=[deposit])).outside == ("L1",)


def test_lesion_that_only_touches_another_cut_out_lesion_is_united(scene_of, labels, cube):
    outer, inner = cube((10, 18), (10, 18), (10, 18)), cube((12, 16), (12, 16), (12, 16))
    shell = outer & ~inner
    joined = join_liver(scene_of((labels > 0) & ~outer, [inner, shell]))
    assert joined.mask.count == 45_000
    assert list(joined.lesions_added_ml) == ["L1", "L2"]


def test_tunnel_of_a_vessel_is_not_filled(scene_of, labels, cube):
    tunnel = cube((20, 22), (20, 22), (0, 40))
    assert whole_liver(scene_of((labels > 0) & ~tunnel)).count == 45_000 - 4 * 30


def test_gallbladder_inside_the_liver_is_not_filled(scene_of, labels, cube):
    bladder = cube((20, 24), (20, 24), (10, 14))
    assert whole_liver(scene_of((labels > 0) & ~bladder, gallbladder=bladder)).count == 45_000 - 64


def test_lesion_in_a_liver_cut_by_the_edge_of_the_scan(scene_of, cube):
    grid = Grid.axial((20, 20, 10), (2.0, 2.0, 5.0))
    lesion = cube((8, 12), (8, 12), (7, 10), grid.shape)
    liver = cube((2, 18), (2, 18), (2, 10), grid.shape) & ~lesion
    joined = join_liver(scene_of(liver, [lesion], on=grid))
    assert joined.mask.count == 16 * 16 * 8


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_whole_liver_holds_the_mask_and_every_united_lesion(seed):
    random = np.random.default_rng(seed)
    grid = Grid.axial((16, 14, 12), (1.0, 1.5, 2.0))
    liver = np.zeros(grid.shape, bool)
    liver[3:13, 3:11, 3:9] = random.random((10, 8, 6)) < 0.9
    lesions = []
    for number in range(4):
        lesion = np.zeros(grid.shape, bool)
        i, j, k = (int(random.integers(0, n - 3)) for n in grid.shape)
        lesion[i : i + 3, j : j + 3, k : k + 3] = True
        lesions.append(LesionMask(f"L{number}", Mask(lesion, grid).trimmed()))
    joined = join_liver(Scene(grid, {"liver": Mask(liver, grid)}, lesions=tuple(lesions)))
    whole = joined.mask.on(grid)
    assert (whole | ~liver).all()
    united = [lesion for lesion in lesions if lesion.id in joined.lesions_added_ml]
    assert {lesion.id for lesion in united} | set(joined.outside) == {lesion.id for lesion in lesions}
    assert all((whole | ~lesion.mask.on(grid)).all() for lesion in united)
    added = np.zeros(grid.shape, bool)
    for lesion in united:
        added |= lesion.mask.on(grid) & ~liver
    filled = whole.sum() - liver.sum() - added.sum()
    assert joined.holes_filled_ml == pytest.approx(filled * grid.voxel_ml)
