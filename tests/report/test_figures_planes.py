"""Orientation, aspect ratio and outlines of flat cuts, on grids whose axes run every way."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest

from glisson.geometry import Grid, Mask
from glisson.report.figures.planes import Cut, Frame, axes_for

SIZE_MM = (60.0, 50.0, 40.0)
"""Extent of the test body along L, P and S."""


def a_grid(order: tuple[int, int, int], turned: tuple[bool, bool, bool], spacing=(2.0, 1.0, 4.0)) -> Grid:
    """A grid over the test body around the origin whose array axis a runs along world axis order[a]."""
    affine = np.eye(4)
    shape = []
    for axis in range(3):
        world = order[axis]
        count = round(SIZE_MM[world] / spacing[axis])
        step = -spacing[axis] if turned[axis] else spacing[axis]
        affine[:3, axis] = 0
        affine[world, axis] = step
        affine[world, 3] = -step * (count - 1) / 2
        shape.append(count)
    return Grid((shape[0], shape[1], shape[2]), affine)


ALL_GRIDS = [a_grid(order, turned) for order in permutations(range(3)) for turned in product((False, True), repeat=3)]


def with_voxel(grid: Grid, point_mm: tuple[float, float, float]) -> np.ndarray:
    """An array of zeros with a one in the voxel nearest to an LPS point."""
    data = np.zeros(grid.shape, np.float32)
    data[tuple(np.rint(grid.to_index(point_mm)).astype(int))] = 1
    return data


@pytest.mark.parametrize("grid", ALL_GRIDS, ids=lambda grid: grid.axis_codes)
def test_a_marker_lies_where_a_radiologist_expects_it(grid: Grid) -> None:
    point = (-20.0, 15.0, 12.0)  # 20 mm to the patient's right, 15 mm to the back, 12 mm up
    data = with_voxel(grid, point)
    expected = {"axial": (-1, 1), "coronal": (-1, -1), "sagittal": (1, -1)}  # picture: right is +, down is +
    for plane, (across, down) in expected.items():
        cut = Cut.through(grid, plane, grid.to_index(point))
        pixels = cut.pixels(data)
        (row, column) = np.argwhere(pixels)[0]
        assert np.sign(column - (pixels.shape[1] - 1) / 2) == across, plane
        assert np.sign(row - (pixels.shape[0] - 1) / 2) == down, plane
        x, y = cut.place(point)[0]
        assert abs(x - (column + 0.5) * cut.pitch_mm[0]) <= cut.pitch_mm[0] / 2 + 1e-9
        assert abs(y - (row + 0.5) * cut.pitch_mm[1]) <= cut.pitch_mm[1] / 2 + 1e-9


@pytest.mark.parametrize("grid", ALL_GRIDS[::5], ids=lambda grid: grid.axis_codes)
def test_a_patch_of_a_cropped_mask_is_the_cut_of_the_whole(grid: Grid) -> None:
    whole = np.zeros(grid.shape, bool)
    rng = np.random.default_rng(3)
    box = tuple(slice(n // 4, n // 4 + max(n // 3, 2)) for n in grid.shape)
    whole[box] = rng.random(whole[box].shape) < 0.7
    part = Mask(whole, grid).trimmed()
    start = part.grid.offset_in(grid)
    for plane in ("axial", "coronal", "sagittal"):
        normal = Cut.of(grid, plane, 0).normal
        for index in range(grid.shape[normal]):
            cut = Cut.of(grid, plane, index)
            expected = cut.pixels(whole)
            patch = cut.patch(part.data, start)
            found = np.zeros_like(expected)
            if patch is not None:
                rows, columns = patch.flat.shape
                found[patch.row : patch.row + rows, patch.column : patch.column + columns] = patch.flat
            np.testing.assert_array_equal(found, expected)


def test_a_part_that_reaches_beyond_the_scan_is_cut_off() -> None:
    grid = Grid.axial((4, 4, 4))
    patch = Cut.of(grid, "axial", 0).patch(np.ones((4, 4, 4), bool), (-2, 3, -1))
    assert patch is not None
    assert (patch.flat.shape, patch.row, patch.column) == ((1, 2), 3, 0)
    assert Cut.of(grid, "axial", 0).patch(np.ones((4, 4, 4), bool), (0, 9, 0)) is None


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.5, 0.5, 5.0), (2.0, 1.0, 4.0)])
def test_a_sphere_is_round_and_of_its_size_in_every_plane(spacing: tuple[float, float, float]) -> None:
    grid = a_grid((0, 1, 2), (True, False, True), spacing)
    radius, scale = 14.0, 6.0
    index = np.stack(np.meshgrid(*(np.arange(n) for n in grid.shape), indexing="ij"), axis=-1)
    inside = np.linalg.norm(grid.to_mm(index), axis=-1) <= radius
    for plane in ("axial", "coronal", "sagittal"):
        cut = Cut.through(grid, plane, grid.to_index((0.01, 0.01, 0.01)))
        frame = Frame.around(cut.place((0, 0, 0))[0], 50.0, 300, 300)
        assert frame.scale == scale
        patch = cut.patch(inside, (0, 0, 0))
        assert patch is not None
        away = frame.outline(patch, cut.pitch_mm)
        assert away is not None
        seen = np.zeros((300, 300), bool)
        seen[away.box] = away.pixels > 0
        wide, high = np.ptp(np.flatnonzero(seen.any(axis=0))) + 1, np.ptp(np.flatnonzero(seen.any(axis=1))) + 1
        slack = max(cut.pitch_mm) * scale
        assert abs(wide - high) <= slack
        assert abs(wide - 2 * radius * scale) <= 1.2 * slack
        np.testing.assert_allclose(np.argwhere(seen).mean(axis=0), (149.5, 149.5), atol=slack / 2)


def test_a_single_voxel_keeps_its_outline() -> None:
    grid = Grid.axial((9, 9, 9), (1.0, 1.0, 3.0))
    data = with_voxel(grid, (4, 4, 12)) > 0
    for plane in ("axial", "coronal", "sagittal"):
        cut = Cut.through(grid, plane, (4, 4, 4))
        patch = cut.patch(data, (0, 0, 0))
        frame = Frame.around(cut.place((4, 4, 12))[0], 8.0, 160, 160)
        away = frame.outline(patch, cut.pitch_mm)
        assert away is not None
        assert (away.pixels > 0).sum() > 0.2 * 20 * 20


def test_axes_of_a_tilted_scan_are_the_nearest_ones() -> None:
    angle = np.radians(20)
    affine = np.eye(4)
    affine[1:3, 1:3] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    assert axes_for(Grid((5, 5, 5), affine)) == ((0, False), (1, False), (2, False))


def test_a_mask_is_never_drawn_in_the_place_of_one_that_is_gone():
    """Masks made and dropped one after another, each at another place: each is found at its own."""
    import gc

    import numpy as np

    from glisson.geometry import Grid, Mask
    from glisson.report.figures.scan import Parts

    grid = Grid.axial((40, 40, 40))
    whole = Mask(np.ones(grid.shape, bool), grid)
    parts = Parts(grid, None, None, whole, None, {}, ())
    for place in range(30):
        box = (slice(place, place + 2), slice(3, 5), slice(4, 6))
        assert parts.start(Mask(np.ones((2, 2, 2), bool), grid.crop(box))) == (place, 3, 4)
        gc.collect()
