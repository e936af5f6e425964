"""Margins against closed forms: a ball at a known distance from a plane cut, at any tilt, on any grid."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from glisson.anatomy import SegmentMap
from glisson.geometry import Grid, Labels, Mask, surface
from glisson.planning import SegmentBorders

TILTS = ((1, 0, 0), (0, 0, 1), (1, 1, 0), (1, 0, 1), (1, 2, 3), (3, 1, -2), (0.2, 1, 0.1))
CUBE = 1.3
"""The smooth outline of a cube keeps its volume: rounded corners, so bulging faces, by 0.4 of voxels of 3 mm."""

SPACINGS = ((1.0, 1.0, 1.0), (0.7, 0.7, 2.5), (0.57, 0.57, 1.6))


def phantom(spacing, tilt, radius_mm, gap_mm, how=None):
    """A box of liver split by a plane into VII and VIII, and a ball on one side whose outline keeps `gap_mm` to it.

    The plane is taken half-way between the last voxel centres on either side: where between them it lies, no method can
    tell.
    """
    shape = tuple(2 * round(32.0 / s) for s in spacing)
    grid = Grid.axial(shape, spacing, tuple(-(n - 1) / 2 * s for n, s in zip(shape, spacing, strict=True)))
    if how is not None:
        affine = grid.affine.copy()
        affine[:3] = how @ affine[:3]
        grid = Grid(shape, affine)
    points = grid.to_mm(np.indices(shape).transpose(1, 2, 3, 0))
    normal = np.array(tilt, float) / np.linalg.norm(tilt)
    aside = np.array([0.13, -0.21, 0.31])
    height = points @ normal
    plane = (height[height > 1e-9].min() + height[height <= 1e-9].max()) / 2
    centre = normal * (plane + radius_mm + gap_mm - aside @ normal) + aside
    labels = np.where(height > 1e-9, 7, 8).astype(np.uint8)
    ball = Mask(np.linalg.norm(points - centre, axis=-1) <= radius_mm, grid)
    return SegmentBorders(SegmentMap(Labels(labels, grid), 100.0)), surface(ball)


@pytest.mark.parametrize("tilt", TILTS)
@pytest.mark.parametrize("spacing", SPACINGS)
def test_ball_beside_a_plane(spacing, tilt):
    for gap in (1.0, 3.0, 7.0):
        borders, ball = phantom(spacing, tilt, 8.0, gap)
        assert borders.distances_mm(ball)["VII", "VIII"] == pytest.approx(gap, abs=0.35 * max(spacing))


def test_error_shrinks_with_the_voxels():
    errors = []
    for size in (2.0, 1.0, 0.5):
        found = []
        for tilt in ((1, 0, 0), (1, 2, 3)):
            borders, ball = phantom((size, size, size), tilt, 8.0, 4.0)
            found.append(abs(borders.distances_mm(ball)["VII", "VIII"] - 4.0))
        errors.append(max(found))
    assert all(fine < coarse for coarse, fine in pairwise(errors))
    assert errors[-1] < 0.15


def test_turned_grid_gives_the_same_distance():
    angle = np.radians(25.0)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, -1.0]])
    borders, ball = phantom((1.0, 1.0, 2.0), (1, 1, 1), 8.0, 3.0, turn)
    assert borders.distances_mm(ball)["VII", "VIII"] == pytest.approx(3.0, abs=0.7)


def test_the_capsule_is_no_cut(box_liver, cube):
    """The lesion lies 3 mm from the capsule at x = 15 mm and 30 mm (10 voxels of 3 mm) from segment IV."""
    plan = box_liver([cube((6, 15), (8, 17), (8, 17))])
    assert plan.by_name["Right hepatectomy"].margins_mm["L1"] == pytest.approx(30.0, abs=CUBE)


def test_margin_is_to_the_nearest_cut_of_each_resection(box_liver, cube):
    """A cube in V: 6 mm to VI, 9 mm to VIII, 12 mm to IV; 45 mm in depth to the far side of VIII."""
    plan = box_liver([cube((13, 21), (10, 18), (9, 17))])
    margins = {name: item.margins_mm["L1"] for name, item in plan.by_name.items()}
    assert margins["Segmentectomy V"] == pytest.approx(6.0, abs=CUBE)
    assert margins["Bisegmentectomy V-VI"] == pytest.approx(9.0, abs=CUBE)
    assert margins["Right hepatectomy"] == pytest.approx(12.0, abs=CUBE)
    assert margins["Right anterior sectionectomy"] == pytest.approx(6.0, abs=CUBE)
    assert margins["Segmentectomy VII"] is None


@pytest.mark.parametrize(("voxels_away", "cleared"), [(0, False), (1, True)])
def test_accepted_margin_of_one_millimetre(box_liver, cube, labels, voxels_away, cleared):
    """On voxels of 3 mm: a lesion that lies against the cut is not cleared, one a voxel away is."""
    lesion = cube((10, 25 - voxels_away), (8, 16), (8, 16))
    found = box_liver([lesion]).by_name["Right hepatectomy"]
    assert (found.clears == ("L1",)) is cleared
    assert found.margins_mm["L1"] == pytest.approx(3.0 * voxels_away, abs=CUBE)


def test_borders_inside_the_lesion_are_left_out(box_liver, cube):
    plan = box_liver([cube((20, 30), (10, 14), (10, 14))])
    lesion = surface(plan.scene.lesions[0].mask)
    borders = SegmentBorders(plan.segments)
    assert ("IV", "V") in borders.faces_mm
    assert ("IV", "V") not in borders.distances_mm(lesion, ("IV", "V"))


def test_faces_between_segments_by_count(box_liver):
    faces = SegmentBorders(box_liver().segments).faces_mm
    assert len(faces["II", "III"]) == 15 * 30
    assert len(faces["IV", "V"]) == 15 * 15
    assert np.unique(faces["IV", "V"][:, 0]).tolist() == [24.5 * 3.0]
    assert ("II", "VII") not in faces


def test_groups_that_hang_together(box_liver):
    borders = SegmentBorders(box_liver().segments)
    assert borders.adjoining(("II", "III", "VI", "VII")) == (("II", "III"), ("VI", "VII"))
    assert borders.adjoining(("II", "VI", "VII")) == (("VI", "VII"), ("II",))
    assert borders.adjoining(()) == ()


def test_segments_that_meet_only_at_an_edge_do_not_adjoin():
    labels = np.zeros((10, 10, 10), np.uint8)
    labels[:5, :5], labels[5:, 5:] = 5, 7
    labels[4, 5, :3] = 5
    grid = Grid.axial(labels.shape, (2.0, 2.0, 2.0))
    borders = SegmentBorders(SegmentMap(Labels(labels, grid), 100.0))
    assert len(borders.faces_mm["V", "VII"]) == 3
    assert borders.adjoining(("V", "VII")) == (("V",), ("VII",))
