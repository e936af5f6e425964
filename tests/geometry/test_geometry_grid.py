from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glisson.errors import FrameMismatch, InputError
from glisson.geometry import Grid

NUMBERS = st.floats(-200, 200, allow_nan=False)


def test_an_axial_grid_by_hand():
    grid = Grid.axial((10, 20, 30), (0.5, 0.5, 2.0), (-10.0, 5.0, 100.0))
    assert grid.to_mm((2, 4, 1)) == pytest.approx([-9.0, 7.0, 102.0])
    assert grid.to_index((-9.0, 7.0, 102.0)) == pytest.approx([2, 4, 1])
    assert grid.spacing_mm == (0.5, 0.5, 2.0)
    assert grid.voxel_ml == pytest.approx(0.0005)
    assert (grid.axis_codes, grid.slice_axis, grid.obliquity_degrees) == ("LPS", 2, 0.0)


def test_axes_are_named_by_where_they_grow_to():
    affine = np.eye(4)
    affine[:3, :3] = [[0, -2, 0], [0, 0, 1], [-3, 0, 0]]
    grid = Grid((4, 5, 6), affine)
    assert grid.axis_codes == "IRP"
    assert grid.slice_axis == 0
    assert grid.spacing_mm == (3.0, 2.0, 1.0)


def test_the_volume_of_a_sheared_voxel_is_base_times_height():
    affine = np.eye(4)
    affine[:3, 2] = [0.0, 1.0, 2.0]
    assert Grid((3, 3, 3), affine).voxel_ml == pytest.approx(0.002)


def test_a_turn_about_the_body_axis_is_the_obliquity():
    cos, sin = np.cos(np.radians(30)), np.sin(np.radians(30))
    affine = np.eye(4)
    affine[:2, :2] = [[cos, -sin], [sin, cos]]
    assert Grid((3, 3, 3), affine).obliquity_degrees == pytest.approx(30.0)


@given(st.lists(NUMBERS, min_size=3, max_size=3), st.floats(0.1, 5), st.floats(-3, 3))
def test_index_and_mm_undo_each_other(point, spacing, shear):
    affine = np.array([[-spacing, shear, 0, 7], [0, 1.5, 0, -3], [0, 0.1, 2, 50], [0, 0, 0, 1]], dtype=float)
    grid = Grid((5, 5, 5), affine)
    assert grid.to_mm(grid.to_index(point)) == pytest.approx(point, abs=1e-6)


def test_a_crop_keeps_every_voxel_where_it_is_and_may_reach_beyond():
    grid = Grid.axial((10, 10, 10), (1.0, 2.0, 3.0), (4.0, 5.0, 6.0))
    part = grid.crop((slice(-2, 3), slice(4, 12), slice(9, 10)))
    assert part.shape == (5, 8, 1)
    assert part.to_mm((0, 0, 0)) == pytest.approx(grid.to_mm((-2, 4, 9)))
    assert part.offset_in(grid) == (-2, 4, 9)


def test_same_grid_means_same_voxel_centres():
    grid = Grid.axial((9, 9, 9), (0.7, 0.7, 2.5))
    rounded = Grid(grid.shape, grid.affine.astype(np.float32).astype(float))
    assert grid == rounded
    assert grid != grid.crop((slice(0, 9), slice(0, 9), slice(0, 8)))
    assert grid != Grid.axial((9, 9, 9), (0.7, 0.7, 2.5), (0.35, 0, 0))
    assert grid != "a grid"


@pytest.mark.parametrize(
    "other",
    [
        Grid.axial((20, 20, 20), (1, 1, 1), (0.5, 0, 0)),
        Grid.axial((20, 20, 20), (1, 1, 1.02)),
        Grid((20, 20, 20), np.diag([-1.0, 1, 1, 1])),
    ],
    ids=["half a voxel off", "spacing", "mirrored"],
)
def test_grids_off_the_lattice_are_refused_with_the_remedy(other):
    grid = Grid.axial((20, 20, 20))
    with pytest.raises(FrameMismatch, match="resample") as caught:
        other.offset_in(grid, "the mask 'liver'", "the scan")
    assert "the mask 'liver'" in str(caught.value)
    with pytest.raises(FrameMismatch):
        other.require_same(grid)


@pytest.mark.parametrize("shape", [(0, 1, 1), (3, 3), (2, -1, 4)])
def test_impossible_shapes_are_refused(shape):
    with pytest.raises(InputError, match="three positive sizes"):
        Grid(shape, np.eye(4))


@pytest.mark.parametrize(
    ("affine", "words"),
    [
        (np.full((4, 4), np.nan), "finite"),
        (np.eye(3), "4x4"),
        (np.diag([1.0, 1.0, 0.0, 1.0]), "cannot be inverted"),
    ],
)
def test_damaged_affines_are_refused(affine, words):
    with pytest.raises(InputError, match=words):
        Grid((2, 2, 2), affine)


def test_the_affine_is_a_read_only_copy():
    affine = np.eye(4)
    grid = Grid((2, 2, 2), affine)
    affine[0, 3] = 9.0
    assert grid.origin_mm[0] == 0.0
    with pytest.raises(ValueError, match="read-only"):
        grid.affine[0, 3] = 1.0
