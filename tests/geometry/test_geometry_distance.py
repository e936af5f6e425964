"""Distance maps against hand-made answers and against SimpleITK's Maurer distance map and brute force."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from glisson.errors import FrameMismatch, InputError
from glisson.geometry import (
    Grid,
    Mask,
    box_around,
    components,
    distance_to,
    nearest_label,
    reaches_border,
    touching,
)

SPACING = (0.5, 1.0, 3.0)


def test_three_four_five():
    mask = np.zeros((5, 6, 2), bool)
    mask[0, 0, 0] = True
    found = distance_to(mask, (1.0, 1.0, 10.0))
    assert found.dtype == np.float32
    assert found[0, 0, 0] == 0.0
    assert found[3, 4, 0] == pytest.approx(5.0)
    assert found[0, 0, 1] == pytest.approx(10.0)


@pytest.mark.parametrize("order", ["C", "F"])
def test_the_same_as_simpleitk_signed_maurer_outside(order):
    import SimpleITK as sitk  # noqa: N813

    mask = np.asarray(np.random.default_rng(3).random((20, 17, 9)) > 0.99, order=order)
    image = sitk.GetImageFromArray(mask.transpose(2, 1, 0).astype(np.uint8))
    image.SetSpacing(SPACING)
    theirs = sitk.SignedMaurerDistanceMap(image, insideIsPositive=False, squaredDistance=False, useImageSpacing=True)
    theirs = sitk.GetArrayFromImage(theirs).transpose(2, 1, 0)
    ours = distance_to(mask, SPACING)
    assert ours[~mask] == pytest.approx(theirs[~mask], abs=1e-4)
    assert (ours[mask] == 0).all()


@settings(deadline=None, max_examples=25)
@given(hnp.arrays(np.uint8, (4, 5, 6), elements=st.sampled_from([0, 0, 0, 0, 0, 1, 2, 9])))
def test_nearest_labels_are_nearest_by_brute_force(labels):
    labels[1, 2, 3] = 5
    found = nearest_label(labels, SPACING)
    assert found.dtype == labels.dtype
    places = np.argwhere(np.ones(labels.shape, bool)) * SPACING
    seeds = np.argwhere(labels) * SPACING
    gap = np.linalg.norm(places[:, None] - seeds[None], axis=2)
    values = labels[labels > 0]
    for distance, value in zip(gap, found.ravel(), strict=True):
        assert value in values[distance <= distance.min() + 1e-9]
    assert np.array_equal(found[labels > 0], values)


@pytest.mark.parametrize("find", [distance_to, nearest_label])
def test_nothing_to_measure_to_is_refused(find):
    with pytest.raises(InputError, match="at least one"):
        find(np.zeros((3, 3, 3), bool), (1, 1, 1))
    with pytest.raises(InputError, match="spacing"):
        find(np.ones((3, 3, 3), bool), (1, 0, 1))


def test_components_come_largest_first_and_hang_together_over_corners():
    data = np.zeros((12, 12, 12), bool)
    data[0, 0, 0] = True
    data[5, 5, 5] = data[6, 6, 6] = True
    data[9:11, 9:11, 9] = True
    data[3, 0, 0] = True
    grid = Grid.axial(data.shape, (1, 1, 2), (7, 0, 0))
    found = components(Mask(data, grid))
    assert [part.count for part in found] == [4, 2, 1, 1]
    assert [part.grid.offset_in(grid) for part in found] == [(9, 9, 9), (5, 5, 5), (0, 0, 0), (3, 0, 0)]
    assert np.array_equal(np.logical_or.reduce([part.on(grid) for part in found]), data)
    assert components(Mask(np.zeros((2, 2, 2), bool), Grid.axial((2, 2, 2)))) == ()


def cube(grid: Grid, corner, size=2) -> Mask:
    data = np.zeros(grid.shape, bool)
    data[tuple(slice(c, c + size) for c in corner)] = True
    return Mask(data, grid).trimmed()


@pytest.mark.parametrize(
    ("corner", "expected"),
    [((2, 2, 2), True), ((3, 2, 2), True), ((4, 2, 2), True), ((4, 4, 2), False), ((5, 2, 2), False)],
    ids=["same", "overlap", "face", "edge only", "apart"],
)
def test_touching_needs_a_voxel_or_a_face(corner, expected):
    grid = Grid.axial((10, 10, 10))
    a, b = cube(grid, (2, 2, 2)), cube(grid, corner)
    assert touching(a, b) is expected
    assert touching(b, a) is expected


def test_touching_needs_one_lattice_and_voxels():
    a = cube(Grid.axial((9, 9, 9)), (2, 2, 2))
    b = cube(Grid.axial((9, 9, 9), (1, 1, 1), (0.5, 0, 0)), (2, 2, 2))
    with pytest.raises(FrameMismatch):
        touching(a, b)
    assert not touching(a, Mask(np.zeros((9, 9, 9), bool), Grid.axial((9, 9, 9))))


def test_the_border_of_the_scan_is_its_first_and_last_layer():
    grid = Grid.axial((10, 10, 10))
    assert not reaches_border(cube(grid, (1, 1, 1)), grid)
    assert reaches_border(cube(grid, (0, 4, 4)), grid)
    assert reaches_border(cube(grid, (4, 4, 8)), grid)
    assert not reaches_border(Mask(np.zeros((10, 10, 10), bool), grid), grid)
    one_slice = Grid.axial((10, 10, 1))
    assert not reaches_border(Mask(np.pad(np.ones((3, 3, 1), bool), ((2, 5), (2, 5), (0, 0))), one_slice), one_slice)


def test_a_box_around_masks():
    grid = Grid.axial((30, 30, 30), (1, 1, 4))
    a, b = cube(grid, (4, 5, 6)), cube(grid, (20, 21, 22))
    assert box_around([a, b], grid) == (slice(4, 22), slice(5, 23), slice(6, 24))
    assert box_around([a], grid, pad_mm=5.0) == (slice(0, 11), slice(0, 12), slice(4, 10))
    with pytest.raises(InputError, match="empty"):
        box_around([], grid)
