"""Diameters against closed forms, and against contours and meshes of scikit-image."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.spatial.distance import pdist

from glisson.errors import InputError
from glisson.geometry import Grid, Mask
from glisson.lesions import axial_diameters, max3d_diameter


def test_a_row_of_voxels_by_hand():
    data = np.zeros((9, 5, 3), bool)
    data[1:8, 2, 1] = True
    mask = Mask(data, Grid.axial(data.shape, (0.5, 0.5, 4.0), (10.0, 20.0, 30.0)))
    found = axial_diameters(mask, 2)
    assert found.slice_index == 1
    assert found.longest.length_mm == pytest.approx(3.5)
    assert sorted(found.longest.ends_mm.tolist()) == [
        pytest.approx([10.25, 21.0, 34.0]),
        pytest.approx([13.75, 21.0, 34.0]),
    ]
    assert found.perpendicular.length_mm == pytest.approx(0.5)


@pytest.mark.parametrize(("n", "m"), [(10, 4), (7, 7), (3, 2), (1, 1)])
def test_a_rectangle_by_hand(n, m):
    """Its half-way outline is the rectangle with its corners cut off by half a voxel."""
    mask = Mask(np.ones((n, m, 1), bool), Grid.axial((n, m, 1)))
    by_hand = max(np.hypot(n, m - 1), np.hypot(n - 1, m))
    assert axial_diameters(mask, 2).longest.length_mm == pytest.approx(by_hand)


def test_the_largest_slice_is_found_and_the_first_of_equals():
    data = np.zeros((20, 20, 6), bool)
    data[5:9, 5:9, 1] = data[2:14, 8, 3] = data[2:14, 4, 4] = True
    assert axial_diameters(Mask(data, Grid.axial(data.shape)), 2).slice_index == 3


@pytest.mark.parametrize("how", ["straight", "flipped", "mirrored", "oblique", "slices along i"])
@pytest.mark.parametrize("spacing", [(1, 1, 1), (0.6, 0.6, 1.6), (0.7, 0.7, 5.0)])
@pytest.mark.parametrize("radius", [4.0, 10.0])
def test_a_sphere_within_one_voxel_in_plane(grid, ball, how, spacing, radius):
    """Longest axial diameter of a ball: 2 r, within the in-plane voxel and what the slices miss of its middle."""
    space = grid(spacing, how, 14.0)
    mask = ball(space, (0.21, -0.34, 0.13), radius)
    found = axial_diameters(mask, space.slice_axis)
    across = [s for axis, s in enumerate(space.spacing_mm) if axis != space.slice_axis]
    missed = 2 * radius - 2 * np.sqrt(radius**2 - (space.spacing_mm[space.slice_axis] / 2) ** 2)
    assert -missed - max(across) < found.longest.length_mm - 2 * radius < max(across)
    assert -missed - max(across) < found.perpendicular.length_mm - 2 * radius < max(across)
    along = np.diff(found.longest.ends_mm, axis=0)[0]
    over = np.diff(found.perpendicular.ends_mm, axis=0)[0]
    assert along @ over == pytest.approx(0, abs=1e-6)
    assert np.linalg.norm(along) == pytest.approx(found.longest.length_mm)
    assert np.linalg.norm(over) == pytest.approx(found.perpendicular.length_mm)
    index = space.to_index(np.concatenate([found.longest.ends_mm, found.perpendicular.ends_mm]))
    assert index[:, space.slice_axis] == pytest.approx(found.slice_index)
    assert max3d_diameter(mask).length_mm == pytest.approx(2 * radius, abs=max(space.spacing_mm))


@pytest.mark.parametrize("spacing", [0.5, 1.0, 2.0])
def test_a_ball_reads_long_by_less_than_a_voxel(grid, ball, spacing):
    """The longest of many chords of an outline with steps: two thirds of a voxel too long on average."""
    space = grid((spacing,) * 3, reach_mm=14.0)
    errors = []
    for seed in range(12):
        centre = np.random.default_rng(seed).uniform(-0.5, 0.5, 3) * spacing
        errors.append(axial_diameters(ball(space, centre, 10.0), 2).longest.length_mm - 20.0)
    assert 0.3 * spacing < np.mean(errors) < 0.85 * spacing
    assert np.abs(errors).max() < spacing


def test_the_axes_of_an_ellipsoid(grid, ball):
    space = grid((0.5, 0.5, 2.0), reach_mm=20.0)
    found = axial_diameters(ball(space, (0.1, 0.2, 0.3), (12.0, 7.0, 18.0)), 2)
    assert found.longest.length_mm == pytest.approx(24.0, abs=0.5)
    assert found.perpendicular.length_mm == pytest.approx(14.0, abs=0.5)
    assert max3d_diameter(ball(space, (0.1, 0.2, 0.3), (12.0, 7.0, 18.0))).length_mm == pytest.approx(36.0, abs=2.0)


def test_a_sheared_grid_is_measured_in_true_mm():
    """A square of voxels whose columns lean by 45 degrees: the long diagonal of a rhomboid."""
    affine = np.eye(4)
    affine[:3, 1] = [1.0, 1.0, 0.0]
    mask = Mask(np.ones((9, 9, 1), bool), Grid((9, 9, 1), affine))
    assert axial_diameters(mask, 2).longest.length_mm == pytest.approx(np.hypot(9 + 8, 8), abs=1.0)


@settings(deadline=None, max_examples=40)
@given(hnp.arrays(bool, (7, 6, 3)), st.sampled_from([(1.0, 1.0, 1.0), (0.5, 0.8, 3.0)]))
def test_the_longest_is_that_of_the_contours_of_scikit_image(data, spacing):
    from skimage.measure import find_contours

    data[3, 3, 1] = True
    found = axial_diameters(Mask(data, Grid.axial(data.shape, spacing)), 2)
    lengths = []
    for k in range(data.shape[2]):
        contours = find_contours(np.pad(data[:, :, k], 1).astype(float), 0.5)
        lengths.append(pdist(np.concatenate(contours) * spacing[:2]).max() if contours else 0.0)
    assert found.longest.length_mm == pytest.approx(max(lengths))
    assert found.slice_index == int(np.flatnonzero(np.array(lengths) >= max(lengths) - 1e-6)[0])
    assert found.perpendicular.length_mm <= found.longest.length_mm + 1e-9


@settings(deadline=None, max_examples=25)
@given(hnp.arrays(bool, (6, 5, 4)))
def test_no_chord_at_right_angles_is_longer(data):
    """Against a fan of lines laid over the convex hull of the slice."""
    from scipy.spatial import ConvexHull

    data[3, 3, 1] = True
    found = axial_diameters(Mask(data, Grid.axial(data.shape)), 2)
    a, b = found.longest.ends_mm[:, :2]
    along = (b - a) / np.linalg.norm(b - a)
    across = np.array([-along[1], along[0]])
    voxels = np.argwhere(data[:, :, found.slice_index]).astype(float)
    corners = np.concatenate([voxels + step for step in ((0.5, 0), (-0.5, 0), (0, 0.5), (0, -0.5))])
    hull = ConvexHull(corners).equations
    longest = 0.0
    for t in np.linspace(0, np.linalg.norm(b - a), 400):
        foot = a + t * along
        slope, gap = hull[:, :2] @ across, -(hull[:, :2] @ foot + hull[:, 2])
        upper = (gap[slope > 1e-12] / slope[slope > 1e-12]).min()
        lower = (gap[slope < -1e-12] / slope[slope < -1e-12]).max()
        longest = max(longest, upper - lower)
    assert found.perpendicular.length_mm == pytest.approx(longest, abs=0.02)
    assert found.perpendicular.length_mm >= longest - 1e-6


@settings(deadline=None, max_examples=25)
@given(hnp.arrays(bool, (6, 5, 4)))
def test_the_3d_diameter_is_that_of_scikit_images_mesh(data):
    from skimage.measure import marching_cubes

    data[3, 3, 1] = True
    spacing = (0.7, 1.1, 2.0)
    vertices = marching_cubes(np.pad(data, 1).astype(float), 0.5, spacing=spacing)[0]
    found = max3d_diameter(Mask(data, Grid.axial(data.shape, spacing)))
    assert found.length_mm == pytest.approx(pdist(vertices).max(), rel=1e-6)
    assert np.linalg.norm(np.diff(found.ends_mm, axis=0)) == pytest.approx(found.length_mm)


@pytest.mark.parametrize("measure", [lambda mask: axial_diameters(mask, 2), max3d_diameter])
def test_an_empty_mask_is_refused(measure):
    with pytest.raises(InputError, match="empty"):
        measure(Mask(np.zeros((3, 3, 3), bool), Grid.axial((3, 3, 3))))
