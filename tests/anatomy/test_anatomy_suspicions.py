"""Masks that hold more or less than they say: numbers that a hand can check, and quiet on livers that are right."""

from __future__ import annotations

import numpy as np
import pytest

from glisson.anatomy import plausibility, segment_map, whole_liver
from glisson.geometry import Grid, Labels, Mask
from glisson.scene import Scene


def notices(scene: Scene):
    liver = whole_liver(scene)
    return {notice.code: notice for notice in plausibility(scene, liver, segment_map(scene, liver))}


@pytest.fixture
def wide():
    """A block of liver, 120 x 120 x 120 mm, on a grid with room on the left."""
    grid = Grid.axial((100, 60, 50), (3.0, 3.0, 3.0))
    liver = np.zeros(grid.shape, bool)
    liver[5:45, 5:45, 5:45] = True
    return grid, liver


def with_block(wide, i, j, neck=False):
    """A block of 20 voxels of 3 mm at (i, j), joined by a bar of 6 mm or not.

    16 voxels along each edge have no voxel outside within 7.5 mm, so its core has 48³ mm³.
    """
    grid, liver = wide
    more = liver.copy()
    more[i : i + 20, j : j + 20, 15:35] = True
    if neck:
        more[44 : i + 1, 38:40, 20:22] = True
    return Scene(grid, {"liver": Mask(more, grid)})


@pytest.mark.parametrize("neck", [True, False])
def test_spleen_in_the_liver_mask(wide, neck):
    found = notices(with_block(wide, 70, 36, neck))["liver-with-spleen"]
    assert found.level == "warning"
    assert "165 mm to the left of and 63 mm behind" in found.text
    core_ml = float(found.text.split("core of ")[1].split(" mL")[0])
    assert core_ml == pytest.approx(48**3 / 1000, abs=1)


def test_left_lobe_in_front_is_no_spleen(wide):
    assert "liver-with-spleen" not in notices(with_block(wide, 70, 5, True))


def test_broad_left_lobe_is_no_spleen(wide):
    assert "liver-with-spleen" not in notices(with_block(wide, 45, 30))


def test_exchanged_labels(scene_of, labels):
    """V (20 x 15 x 15 voxels of 3 mm) and VIII above it, 15 voxels apart: exchanged, they are 45 mm the wrong way."""
    swapped = labels.copy()
    swapped[labels == 5], swapped[labels == 8] = 8, 5
    found = notices(scene_of(segments=swapped))
    assert list(found) == ["segments-out-of-order"]
    assert "V lies 45 mm above VIII" in found["segments-out-of-order"].text
    assert "VI " not in found["segments-out-of-order"].text


def test_a_flip_is_told_once(scene_of, labels):
    assert "segments-out-of-order" not in notices(scene_of(segments=labels[:, :, ::-1]))


def test_left_liver_grown_after_a_resection(scene_of, labels):
    """II and III 13 500 of 45 000 voxels; with 9000 of IV added they are half, and the right liver stays 40 %."""
    grown = labels.copy()
    grown[27:40, 5:25, 5:20] = 3
    grown[27:40, 5:25, 20:35] = 2
    found = notices(scene_of(segments=grown))["resection-suspected"]
    share = 100 * (13_500 + 13 * 20 * 30) / 45_000
    assert f"left lateral section (II and III) takes {share:.0f} %" in found.text
    assert "embolisation" in found.text


def test_missing_segment_is_not_told_twice(scene_of, labels):
    labels[labels == 3] = 2
    found = notices(scene_of(segments=labels))
    assert "segment-missing" in found
    assert "resection-suspected" not in found


@pytest.mark.parametrize(("start", "told"), [(36, None), (39, "12 mm"), (12, None)])
def test_vessels_of_another_place(wide, start, told):
    """The liver's last voxel behind is 44; a vessel from `start` + 9 on begins (start + 9 - 44) * 3 mm behind it."""
    grid, liver = wide
    portal = np.zeros(grid.shape, bool)
    portal[20:22, start + 9 : start + 12, 20:22] = True
    found = notices(Scene(grid, {"liver": Mask(liver, grid), "portal": Mask(portal, grid)}))
    if told is None:
        assert "vessels-away" not in found
    else:
        assert f"no nearer to the liver than {told}" in found["vessels-away"].text


def test_vessels_far_away(wide):
    _, liver = wide
    grid = Grid.axial((100, 60, 90), (3.0, 3.0, 3.0))
    portal = np.zeros(grid.shape, bool)
    portal[20, 20, 80:88] = True
    body = np.zeros(grid.shape, bool)
    body[:, :, :50] = liver
    found = notices(Scene(grid, {"liver": Mask(body, grid), "hepatic": Mask(portal, grid)}))
    assert "more than 60 mm" in found["vessels-away"].text
    assert found["vessels-away"].about == "hepatic"


@pytest.mark.real
def test_real_livers_are_not_suspected(ircadb):
    from glisson.imaging import read_labels, read_mask

    liver, spleen = read_mask(ircadb / "liver.nii.gz"), read_mask(ircadb / "spleen.nii.gz")
    segments = read_labels(ircadb / "couinaud.nii.gz")
    own = {"liver-with-spleen", "segments-out-of-order", "resection-suspected", "vessels-away"}
    veins = {"portal": read_mask(ircadb / "portalvein.nii.gz")}
    assert not own & set(notices(Scene(liver.grid, {"liver": liver, **veins}, segments=segments)))
    both = Mask(liver.data | spleen.data, liver.grid)
    assert "liver-with-spleen" in notices(Scene(liver.grid, {"liver": both}))


@pytest.mark.real
@pytest.mark.parametrize("number", [1, 20, 49, 75])
def test_real_segment_maps_are_in_order(ircadb, number):
    from glisson.imaging import read_labels

    folder = ircadb.parent / "couinaud"
    if not folder.exists():
        pytest.skip(f"no segment maps at {folder}")
    labels = read_labels(folder / f"lits-{number:03d}_couinaud.nii.gz")
    padded = labels.grid.crop(tuple(slice(-1, n + 1) for n in labels.grid.shape))
    data = labels.on(padded)
    found = notices(Scene(padded, {"liver": Mask(data > 0, padded)}, segments=Labels(data, padded)))
    assert set(found) <= {"liver-in-pieces"}
