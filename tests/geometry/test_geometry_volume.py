from __future__ import annotations

import numpy as np
import pytest

from glisson.errors import FrameMismatch, InputError
from glisson.geometry import Grid, Labels, Mask, Volume, box_of, place


def test_a_mask_by_hand():
    data = np.zeros((4, 5, 6), bool)
    data[1:3, 2, 5] = True
    mask = Mask(data, Grid.axial((4, 5, 6), (1.0, 2.0, 5.0), (100.0, 0.0, 0.0)))
    assert (mask.count, mask.is_empty) == (2, False)
    assert mask.volume_ml == pytest.approx(0.02)
    assert mask.centroid_mm == pytest.approx([101.5, 4.0, 25.0])
    trimmed = mask.trimmed()
    assert trimmed.data.shape == (2, 1, 1)
    assert trimmed.centroid_mm == pytest.approx(mask.centroid_mm)
    assert np.array_equal(trimmed.on(mask.grid), data)
    assert np.array_equal(trimmed.moved_to(mask.grid).data, data)


def test_a_box_is_padded_and_clipped():
    data = np.zeros((6, 6, 6))
    data[0, 3, 5] = 2.0
    assert box_of(data) == (slice(0, 1), slice(3, 4), slice(5, 6))
    assert box_of(data, 2) == (slice(0, 3), slice(1, 6), slice(3, 6))
    assert box_of(np.zeros((2, 2, 2))) is None


def test_a_mask_put_on_another_box_is_cut_and_padded():
    whole = Grid.axial((10, 10, 10))
    mask = Mask(np.ones((4, 4, 4), bool), whole.crop((slice(8, 12), slice(0, 4), slice(-2, 2))))
    assert mask.on(whole).sum() == 2 * 4 * 2
    assert place(np.ones((2, 2, 2)), (5, 0, 0), (3, 3, 3)).sum() == 0


def test_a_mask_of_another_lattice_is_refused():
    mask = Mask(np.ones((2, 2, 2), bool), Grid.axial((2, 2, 2), (1, 1, 1), (0.5, 0, 0)))
    with pytest.raises(FrameMismatch, match="lesion L3"):
        mask.on(Grid.axial((9, 9, 9)), "lesion L3")


def test_an_empty_mask_has_no_centroid_and_trims_to_one_voxel():
    empty = Mask(np.zeros((3, 3, 3), bool), Grid.axial((3, 3, 3)))
    assert empty.is_empty
    assert empty.trimmed().data.shape == (1, 1, 1)
    with pytest.raises(InputError, match="centroid"):
        empty.centroid_mm  # noqa: B018


def test_arrays_must_fit_and_are_read_only():
    grid = Grid.axial((3, 3, 3))
    with pytest.raises(InputError, match="shape"):
        Volume(np.zeros((3, 3, 4)), grid)
    volume = Volume(np.arange(27.0).reshape(3, 3, 3), grid)
    with pytest.raises(ValueError, match="read-only"):
        volume.data[0, 0, 0] = 1.0
    part = volume.crop((slice(1, 3), slice(0, 2), slice(2, 3)))
    assert part.data[0, 0, 0] == volume.data[1, 0, 2]
    assert part.grid.to_mm((0, 0, 0)) == pytest.approx(grid.to_mm((1, 0, 2)))


def test_labels_hold_small_unsigned_numbers():
    grid = Grid.axial((2, 2, 1))
    labels = Labels(np.array([[[0], [3]], [[3], [7]]], dtype=np.int64), grid, {3: "III"})
    assert labels.data.dtype == np.uint8
    assert labels.values == (3, 7)
    assert labels.mask(3).count == 2
    assert labels.mask(3, 7).count == 3
    assert labels.on(grid.crop((slice(1, 3), slice(0, 2), slice(0, 1)))).tolist() == [[[3], [7]], [[0], [0]]]
    assert Labels(np.array([[[300]]]), Grid.axial((1, 1, 1))).data.dtype == np.uint16
    with pytest.raises(InputError, match="negative"):
        Labels(np.full((2, 2, 1), -1), grid)
