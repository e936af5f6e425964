"""Segment maps as partitions of the liver. Nearest labels against brute force over all pairs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glisson.anatomy import SEGMENT_NAMES, adjacent_segments, segment_map, whole_liver
from glisson.errors import FrameMismatch, SceneError
from glisson.geometry import Grid, Labels, Mask
from glisson.scene import Scene


def mapped(scene: Scene):
    return segment_map(scene, whole_liver(scene))


def test_no_map_is_none(scene_of):
    assert mapped(scene_of()) is None


def test_volumes_of_the_boxes(scene_of, labels):
    found = mapped(scene_of(segments=labels))
    counts = {"I": 4500, "II": 6750, "III": 6750, "IV": 9000, "V": 4500, "VI": 4500, "VII": 4500, "VIII": 4500}
    assert dict(found.counts) == counts
    assert found.volumes_ml["IV"] == pytest.approx(243.0)
    assert found.given_percent == 100.0
    assert found.outside_ml == 0.0
    assert found.notes == ()
    assert found.present == tuple(SEGMENT_NAMES.values())
    assert found.mask("VI", "VII").count == 9000


def test_labels_outside_the_liver_are_cut_off(scene_of, labels, cube):
    liver = (labels > 0) & ~cube((50, 55), (0, 40), (0, 40))
    found = mapped(scene_of(liver, segments=labels))
    assert sum(found.counts.values()) == 45_000 - 5 * 900
    assert found.outside_ml == pytest.approx(5 * 900 * 0.027)
    assert "121.5 mL of the segment map lie outside the liver" in found.notes[0]


def test_unlabelled_liver_takes_the_nearest_segment(scene_of, labels):
    thin = labels.copy()
    thin[38:42] = 0
    found = mapped(scene_of(segments=thin))
    assert sum(found.counts.values()) == 45_000
    data = found.labels.on(Grid.axial((60, 40, 40), (3.0, 3.0, 3.0)))
    assert set(np.unique(data[38:40, 5:25, 5:35])) == {4}
    assert set(np.unique(data[40:42, 5:35, 5:20])) == {3}
    assert found.given_percent == pytest.approx(100.0 * 46 / 50)
    assert "3600" not in found.notes[0]
    assert "97.2 mL of liver (8.0 %)" in found.notes[0]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_partition_and_nearest_by_brute_force(seed):
    random = np.random.default_rng(seed)
    grid = Grid.axial((9, 8, 7), tuple(random.uniform(0.5, 3.0, 3)))
    liver = random.random(grid.shape) < 0.7
    labels = (random.integers(1, 9, grid.shape) * (random.random(grid.shape) < 0.15)).astype(np.uint8)
    labels[4, 4, 3], liver[4, 4, 3] = 5, True
    mask = Mask(liver, grid)
    found = segment_map(Scene(grid, {"liver": mask}, segments=Labels(labels, grid)), mask).labels.data
    assert ((found > 0) == liver).all()
    inside = np.argwhere(liver & (labels > 0))
    for voxel in np.argwhere(liver):
        away = np.linalg.norm(grid.to_mm(inside) - grid.to_mm(voxel), axis=1)
        same = labels[tuple(inside.T)] == found[tuple(voxel)]
        assert away[same].min() == pytest.approx(away.min())


def test_unknown_values_are_refused(scene_of, labels):
    labels[labels == 3] = 12
    with pytest.raises(SceneError, match=r"holds the values 12; Couinaud segments are 1 to 8"):
        mapped(scene_of(segments=labels))


def test_map_of_another_liver_is_refused(scene_of, labels, cube):
    with pytest.raises(SceneError, match="labels no voxel of the liver"):
        mapped(scene_of(segments=cube((0, 4), (0, 4), (0, 4)).astype(np.uint8)))


def test_map_on_another_grid_is_refused(scene_of, labels, grid):
    shifted = Grid.axial(grid.shape, grid.spacing_mm, (1.0, 0.0, 0.0))
    with pytest.raises(FrameMismatch, match="segment map"):
        Scene(grid, {"liver": Mask(labels > 0, grid)}, segments=Labels(labels, shifted))


def test_contact_areas_by_hand(scene_of, labels):
    contact = adjacent_segments(mapped(scene_of(segments=labels)))
    face = 9.0
    assert contact["II", "III"] == pytest.approx(15 * 30 * face)
    assert contact["I", "IV"] == pytest.approx(15 * 30 * face)
    assert contact["V", "VIII"] == pytest.approx(20 * 15 * face)
    assert contact["IV", "V"] == pytest.approx(15 * 15 * face)
    assert contact["I", "VI"] == pytest.approx(10 * 15 * face)
    assert contact["IV", "VI"] == pytest.approx(5 * 15 * face)
    assert ("V", "VII") not in contact
    assert ("II", "VII") not in contact
    assert list(contact) == sorted(contact, key=lambda pair: [list(SEGMENT_NAMES.values()).index(n) for n in pair])


def test_contact_areas_do_not_depend_on_the_way_the_grid_lies(scene_of, labels):
    turned = np.ascontiguousarray(labels.transpose(2, 0, 1)[::-1])
    affine = np.zeros((4, 4))
    affine[2, 0], affine[0, 1], affine[1, 2], affine[3, 3] = -2.0, 3.0, 1.0, 1.0
    found = adjacent_segments(mapped(scene_of(turned > 0, segments=turned, on=Grid(turned.shape, affine))))
    straight = Grid.axial(labels.shape, (3.0, 1.0, 2.0))
    assert found == pytest.approx(adjacent_segments(mapped(scene_of(segments=labels, on=straight))))
