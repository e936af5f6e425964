"""What a search passes over would not have changed its answer: pruned and cropped work against plain work on all of it.

Oracles: SciPy's Euclidean distance transform on the whole array, and numpy over every pair of point and voxel.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import distance_transform_edt, gaussian_filter

from glisson.geometry import Grid, Mask, box_of, surface, surface_distance_mm
from glisson.planning.ablation_margin import wide_part
from glisson.planning.liver_voxels import LiverVoxels
from glisson.planning.supply import _deeper
from glisson.planning.wedge_core import core_of
from glisson.planning.wedge_light import Light, columns

SPACINGS = ((1.0, 1.0, 1.0), (0.57, 0.57, 1.6), (2.5, 1.0, 0.5), (0.7, 0.7, 5.0))


def blob(seed: int, spacing: tuple[float, float, float]) -> Mask:
    """Random smooth bodies, some of them at the array's border."""
    rng = np.random.default_rng(seed)
    shape = tuple(int(n) for n in rng.integers(4, 32, 3))
    smooth = gaussian_filter(rng.standard_normal(shape), rng.uniform(0.5, 4.0))
    return Mask(smooth > np.quantile(smooth, rng.uniform(0.3, 0.9)), Grid.axial(shape, spacing))


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6), spacing=st.sampled_from(SPACINGS), calibre=st.sampled_from((1.0, 2.0, 3.0, 5.0, 8.0))
)
def test_the_wide_part_is_the_opening_of_the_whole_mask(seed, spacing, calibre):
    mask = blob(seed, spacing)
    held = np.pad(mask.data, 1)
    middles = held & (distance_transform_edt(held, spacing).astype(np.float32) - sum(spacing) / 6 >= calibre / 2)
    found = wide_part(mask, calibre)
    if not middles.any():
        assert found is None
        return
    reach = distance_transform_edt(~middles, spacing).astype(np.float32)
    opened = held & (reach <= calibre / 2 + max(spacing))
    assert found is not None
    assert np.array_equal(found.data, opened[1:-1, 1:-1, 1:-1])


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), spacing=st.sampled_from(SPACINGS), depth=st.sampled_from((1.0, 2.0, 2.5)))
def test_what_lies_deep_in_a_region_is_what_the_distance_transform_says(seed, spacing, depth):
    mask = blob(seed, spacing)
    index = np.argwhere(mask.data)
    away = distance_transform_edt(np.pad(mask.data, 1), spacing)[1:-1, 1:-1, 1:-1]
    assert np.array_equal(_deeper(mask, index, depth), away[tuple(index.T)] > depth)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), order=st.sampled_from(("C", "F")), pad=st.integers(0, 2))
def test_the_box_around_voxels_holds_them_and_touches_each_side(seed, order, pad):
    data = np.asarray(blob(seed, SPACINGS[0]).data, order=order)
    where = np.argwhere(data)
    low, high = np.maximum(where.min(axis=0) - pad, 0), np.minimum(where.max(axis=0) + 1 + pad, data.shape)
    box = box_of(data, pad)
    assert box is not None
    assert [(s.start, s.stop) for s in box] == list(zip(low.tolist(), high.tolist(), strict=True))


@pytest.mark.parametrize(("gap", "spacing"), [(1, SPACINGS[0]), (6, SPACINGS[1])])
def test_the_distance_between_surfaces_is_that_of_all_points_to_all_faces(gap, spacing):
    rng = np.random.default_rng(gap)
    one, other = np.zeros((2, 34, 22, 20), np.bool_)
    one[3:12, 4:16, 4:14] = gaussian_filter(rng.standard_normal((9, 12, 10)), 2) > -0.05
    other[12 + gap : 32, 3:19, 3:16] = True
    grid = Grid.axial(one.shape, spacing)
    a, b = surface(Mask(one, grid)), surface(Mask(other, grid))
    least = min(to_all_faces(a.vertices_mm, b.triangles_mm), to_all_faces(b.vertices_mm, a.triangles_mm))
    assert surface_distance_mm(a, b) == pytest.approx(least, abs=1e-9)


def to_all_faces(points, triangles):
    """Least distance of any point to any triangle: to its plane where the foot falls inside, and to its edges."""
    best = np.inf
    a, b, c = (triangles[:, n] for n in range(3))
    for point in points:
        for start, end in ((a, b), (b, c), (c, a)):
            along = end - start
            share = np.clip(((point - start) * along).sum(1) / (along**2).sum(1), 0, 1)
            best = min(best, np.linalg.norm(start + share[:, None] * along - point, axis=1).min())
        flat = np.stack([b - a, c - a, np.cross(b - a, c - a)], axis=2)
        shares = np.linalg.solve(flat, (point - a)[:, :, None])[:, :, 0]
        over = (shares[:, 0] >= 0) & (shares[:, 1] >= 0) & (shares[:, 0] + shares[:, 1] <= 1)
        if over.any():
            best = min(best, np.abs(shares[over, 2] * np.linalg.norm(flat[over, :, 2], axis=1)).min())
    return best


def test_a_voxel_belongs_to_the_core_when_a_part_of_it_lies_within_the_margin():
    shape, spacing = (20, 20, 8), (1.0, 1.0, 3.0)
    liver = Mask(np.ones(shape, np.bool_), Grid.axial(shape, spacing))
    lesion = np.zeros(shape, np.bool_)
    lesion[10, 10, 4] = True
    core, start = core_of(liver, [Mask(lesion, liver.grid)], 4.0)
    found = np.zeros(shape, np.bool_)
    found[tuple((np.argwhere(core) + start).T)] = True
    assert found[10, 10, 4:8].tolist() == [True, True, True, False]  # the next slices begin 0, 3 and 6 mm off
    assert found[10:16, 10, 4].tolist() == [True] * 5 + [False]
    assert np.array_equal(found[1:], found[:0:-1])


def test_labels_are_read_where_the_map_reaches():
    liver = np.zeros((6, 5, 4), np.bool_)
    liver[1:5, 1:4, 1:3] = True
    grid = Grid.axial(liver.shape)
    voxels = LiverVoxels(Mask(liver, grid), np.zeros(int(liver.sum()), np.bool_))
    box = (slice(3, 8), slice(-1, 3), slice(0, 4))
    labels = np.arange(1, 81, dtype=np.uint8).reshape(5, 4, 4)
    expected = []
    for i, j, k in np.argwhere(liver):
        inside = i >= 3 and j < 3
        expected.append(int(labels[i - 3, j + 1, k]) if inside else 0)
    assert voxels.values(labels, grid.crop(box)).tolist() == expected


def test_a_shadow_falls_behind_the_seeds_and_widens():
    seeds = columns(np.stack(np.meshgrid(*(np.arange(-5.0, 6.0),) * 2, [0.0], indexing="ij"), -1).reshape(-1, 3))
    light = Light(seeds, np.array([0.0, 0.0, 1.0]), 0.5, 0.5)
    points = columns(np.array([[0, 0, 10], [0, 0, -10], [5.2, 0, 0], [5.2, 0, 30], [8.0, 0, 30], [9.5, 0, 30]]))
    assert light.shades(points).tolist() == [True, False, True, True, True, False]
