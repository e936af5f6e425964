"""RT Structure Sets: even-odd holes, several contours a slice, any order, other grids, round trips, bad input."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glisson.errors import DicomError, InputError
from glisson.geometry import Grid, Mask
from glisson.imaging import Contours, fine_grid, read_rtstruct, structure_mask, write_rtstruct

GRID = Grid.axial((40, 30, 6), (1.0, 1.0, 3.0))


def ring(radius: float, centre=(20.0, 15.0), z=3.0, count=400) -> np.ndarray:
    turn = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.stack([centre[0] + radius * np.cos(turn), centre[1] + radius * np.sin(turn), np.full(count, z)], axis=1)


def square(low, high, z) -> np.ndarray:
    return np.array([[low, low, z], [high, low, z], [high, high, z], [low, high, z]], dtype=float)


def test_a_contour_inside_another_is_a_hole_whichever_way_it_runs():
    """Squares of 20, 10 and 4 mm one in the other, edges between voxel centres: 400 - 100 + 16 voxels a slice."""
    parts = [square(4.5, 24.5, 3.0), square(9.5, 19.5, 3.0)[::-1], square(12.5, 16.5, 3.0)]
    for order in ([0, 1, 2], [2, 0, 1], [1, 2, 0]):
        found = structure_mask(Contours(1, "liver", tuple(parts[i] for i in order)), GRID)
        assert found.count == 316


def test_a_hole_joined_by_a_cut_is_the_same():
    """The keyhole way of writing a ring: along the outer square, over a cut to the inner one, and back."""
    outer, inner = square(4.5, 24.5, 3.0), square(9.5, 19.5, 3.0)
    keyhole = np.concatenate([outer, outer[:1], inner[:1], inner[:0:-1], inner[:1], outer[:1]])
    assert structure_mask(Contours(1, "ring", (keyhole,)), GRID).count == 400 - 100


def test_several_contours_a_slice_and_slices_in_any_order():
    """Two squares of 9 and 16 voxels on three slices, in a scrambled order."""
    parts = [square(1.5, 4.5, z) for z in (3.0, 9.0, 6.0)] + [square(10.5, 14.5, z) for z in (9.0, 3.0, 6.0)]
    found = structure_mask(Contours(1, "two", tuple(parts)), GRID)
    assert found.count == 3 * (9 + 16)
    assert found.grid.origin_mm[2] == 3.0


def test_other_grids_take_the_nearest_plane():
    """Planes 3 mm apart at 3, 6, 9 mm stand for 1.5 to 10.5 mm: nine slices of 1 mm. A short grid keeps what fits."""
    structure = Contours(1, "s", tuple(square(4.5, 14.5, z) for z in (3.0, 6.0, 9.0)))
    fine = Grid.axial((40, 30, 15), (1.0, 1.0, 1.0))
    assert structure_mask(structure, fine).count == 100 * 9
    assert structure_mask(structure, Grid.axial((10, 30, 15), (1.0, 1.0, 1.0))).count == 5 * 10 * 9
    assert structure_mask(structure, Grid.axial((20, 15, 2), (2.0, 2.0, 3.0), (0, 0, 6.0))).count == 5 * 5 * 2


def test_fine_grid_measures_a_small_circle():
    """Radius 4.3 mm on 3 mm slices and a 3 mm grid: area pi r^2 within 0.5 %."""
    structure = Contours(1, "c", tuple(ring(4.3, (20.2, 15.4), z) for z in (3.0, 6.0)))
    coarse = Grid.axial((14, 11, 6), (3.0, 3.0, 3.0))
    found = structure_mask(structure, fine_grid(structure, coarse))
    assert found.volume_ml == pytest.approx(np.pi * 4.3**2 * 6.0 / 1000, rel=5e-3)


@settings(max_examples=15)
@given(st.integers(0, 10_000))
def test_masks_come_back_voxel_for_voxel(tmp_path_factory, seed):
    """Any mask, even chance noise with holes and corners, on an oblique and mirrored grid."""
    chance = np.random.default_rng(seed)
    turn = np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1.0]])
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag([0.8, 0.9, -2.5])
    affine[:3, 3] = [-50, 30, 200.123]
    grid = Grid((9, 8, 4), affine)
    masks = {name: Mask(chance.random(grid.shape) > share, grid) for name, share in (("a", 0.5), ("b ü", 0.8))}
    masks = {name: mask for name, mask in masks.items() if not mask.is_empty}
    path = write_rtstruct(tmp_path_factory.mktemp("rt") / "set.dcm", masks)
    found = read_rtstruct(path)
    assert [s.name for s in found.structures] == list(masks)
    for name, mask in masks.items():
        assert (structure_mask(found.named(name), grid).on(grid) == mask.data).all()


def test_others_read_the_contours(tmp_path):
    """Oracle: pydicom's own view of the file; the outline of one voxel is a diamond half-way to its neighbours."""
    mask = np.zeros(GRID.shape, bool)
    mask[10, 12, 2] = True
    data = pydicom.dcmread(write_rtstruct(tmp_path / "set.dcm", {"speck": Mask(mask, GRID)}))
    contour = data.ROIContourSequence[0].ContourSequence[0]
    points = np.array([float(v) for v in contour.ContourData]).reshape(-1, 3)
    assert contour.NumberOfContourPoints == len(points) == 4
    assert sorted(map(tuple, points.tolist())) == [(9.5, 12, 6), (10, 11.5, 6), (10, 12.5, 6), (10.5, 12, 6)]
    assert data.StructureSetROISequence[0].ROIName == "speck"


def test_what_encloses_nothing_is_left_out_with_a_notice(tmp_path):
    path = write_rtstruct(tmp_path / "set.dcm", {"s": Mask(np.ones((3, 3, 3), bool), Grid.axial((3, 3, 3)))})
    data = pydicom.dcmread(path)
    contours = data.ROIContourSequence[0].ContourSequence
    contours[0].ContourData, contours[0].NumberOfContourPoints = [0, 0, 0, 1, 1, 0], 2
    contours[1].ContourGeometricType = "POINT"
    data.save_as(path)
    found = read_rtstruct(path)
    assert len(found.structures[0].points_mm) == 1
    assert [n.code for n in found.notices] == ["contours-left-out"]
    assert found.notices[0].text.startswith("s: 2 ")


def test_bad_structure_sets_are_refused(tmp_path):
    made = write_rtstruct(tmp_path / "set.dcm", {"s": Mask(np.ones((3, 3, 3), bool), Grid.axial((3, 3, 3)))})
    found = read_rtstruct(made)
    with pytest.raises(InputError, match=r"There are: s\."):
        found.named("liver")
    far = Grid.axial((4, 4, 4), (1.0, 1.0, 1.0), (500.0, 0, 0))
    with pytest.raises(InputError, match="outside"):
        structure_mask(found.named("S"), far)
    with pytest.raises(InputError, match="no closed contour"):
        structure_mask(Contours(1, "empty", ()), GRID)
    tilted = ring(5.0) + np.linspace(0, 2, 400)[:, None] * [0, 0, 1]
    with pytest.raises(InputError, match="planes of the grid"):
        structure_mask(Contours(1, "tilted", (tilted,)), GRID)
    for wrong in ({}, {"": Mask(np.ones(GRID.shape, bool), GRID)}, {"e": Mask(np.zeros(GRID.shape, bool), GRID)}):
        with pytest.raises(InputError, match="at least one"):
            write_rtstruct(tmp_path / "no.dcm", wrong)
    data = pydicom.dcmread(made)
    data.ROIContourSequence[0].ContourSequence[0].ContourData = [1, 2, 3, 4]
    data.save_as(made)
    with pytest.raises(DicomError, match="three for each point"):
        read_rtstruct(made)
