from __future__ import annotations

import numpy as np
import pytest

from glisson.geometry import Grid, Mask, Volume, resample_mask, resample_volume


@pytest.mark.parametrize("how", ["straight", "flipped", "mirrored", "oblique", "swapped", "sheared"])
def test_a_linear_field_is_the_same_on_every_grid(grid_around, how):
    source = grid_around(20.0, (1.0, 1.5, 2.0))
    target = grid_around(8.0, (0.9, 1.3, 1.7), how)

    def field(grid: Grid) -> np.ndarray:
        return grid.to_mm(np.indices(grid.shape).transpose(1, 2, 3, 0)) @ np.array([2.0, -3.0, 0.5]) + 7.0

    found = resample_volume(Volume(field(source), source), target)
    assert found.grid is target
    assert found.data == pytest.approx(field(target), abs=2e-4)


def test_beyond_the_scan_stands_its_lowest_value_or_the_one_given():
    volume = Volume(np.arange(8.0).reshape(2, 2, 2) - 1000, Grid.axial((2, 2, 2)))
    far = Grid.axial((2, 2, 2), (1, 1, 1), (50, 0, 0))
    assert (resample_volume(volume, far).data == -1000).all()
    assert (resample_volume(volume, far, outside=-3.0).data == -3).all()


@pytest.mark.parametrize("how", ["straight", "mirrored", "oblique", "swapped", "sheared"])
def test_a_ball_keeps_its_volume_and_place(grid_around, ellipsoid, how):
    centre = (1.3, -2.1, 0.7)
    ball = ellipsoid(grid_around(14.0, (0.8, 0.8, 1.5)), centre, (10, 10, 10)).trimmed()
    found = resample_mask(ball, grid_around(14.0, (1.1, 0.9, 1.2), how))
    assert found.volume_ml == pytest.approx(ball.volume_ml, rel=0.01)
    assert found.centroid_mm == pytest.approx(ball.centroid_mm, abs=0.1)


def test_the_same_grid_gives_the_same_mask():
    grid = Grid.axial((12, 11, 10), (0.7, 0.8, 2.0), (3, 4, 5))
    mask = Mask(np.random.default_rng(0).random(grid.shape) > 0.5, grid)
    assert np.array_equal(resample_mask(mask, grid).data, mask.data)


def test_masks_outside_the_target_and_empty_ones_give_empty_masks():
    grid = Grid.axial((6, 6, 6))
    full = Mask(np.ones((6, 6, 6), bool), grid)
    assert resample_mask(full, Grid.axial((4, 4, 4), (1, 1, 1), (100, 0, 0))).is_empty
    assert resample_mask(Mask(np.zeros((6, 6, 6), bool), grid), grid).is_empty


def test_a_mask_at_the_border_of_its_grid_does_not_lose_its_outer_half_voxel():
    full = Mask(np.ones((4, 4, 4), bool), Grid.axial((4, 4, 4), (2, 2, 2)))
    fine = Grid.axial((16, 16, 16), (1, 1, 1), (-3.5, -3.5, -3.5))
    assert resample_mask(full, fine).volume_ml == pytest.approx(full.volume_ml)
