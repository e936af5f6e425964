"""Portal and hepatic veins in one mask: trees that a hand drew, virtual patients whose trees are known, a real case
with two masks drawn by readers."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from glisson.anatomy import split_vessels
from glisson.errors import FrameMismatch, InputError
from glisson.geometry import Grid, Mask, Volume
from glisson.simulate import virtual_patient

SHAPE, SPACING = (110, 90, 90), 1.5


def tube(points, radii, grid):
    """Balls along straight lines between the points."""
    centres = grid.to_mm(np.argwhere(np.ones(grid.shape, bool))).reshape(*grid.shape, 3)
    found = np.zeros(grid.shape, bool)
    for (a, b), (r, s) in zip(pairwise(points), pairwise(radii), strict=True):
        a, b = np.array(a, float), np.array(b, float)
        t = np.clip(((centres - a) @ (b - a)) / ((b - a) @ (b - a)), 0, 1)
        found |= np.linalg.norm(centres - (a + t[..., None] * (b - a)), axis=-1) <= r + t * (s - r)
    return found


@pytest.fixture(scope="module")
def drawn():
    """An ellipsoid of liver (half-axes 75, 55, 50 mm) and two trees that cross at one place.

    The mean of its voxels is its centre and their standard deviation is a half-axis / sqrt(5), so the confluence is
    looked for at (33, 4, 27) and the bifurcation at (24, 1, -3).
    """
    grid = Grid.axial(SHAPE, (SPACING,) * 3, (-82.0, -67.0, -67.0))
    at = grid.to_mm(np.argwhere(np.ones(SHAPE, bool))).reshape(*SHAPE, 3)
    liver = ((at / (75.0, 55.0, 50.0)) ** 2).sum(axis=-1) <= 1
    portal = tube([(24, 0, -40), (24, 0, -3), (-10, 10, -10), (-55, 10, -10)], (6, 5, 4, 2), grid)
    portal |= tube([(24, 0, -3), (40, -30, -3)], (4, 2), grid)
    hepatic = tube([(33, 4, 42), (33, 4, 27), (0, 8, 10), (-30, 10, -10), (-45, 11, -26)], (7, 6, 4, 3, 1.6), grid)
    hepatic |= tube([(33, 4, 27), (30, -30, 18)], (4, 2), grid)
    return Mask(liver, grid), portal, hepatic


def right(split, portal, hepatic, grid):
    """Share of the voxels on the right side; those of both systems are right on either."""
    good = (split.portal.on(grid) & portal) | (split.hepatic.on(grid) & hepatic)
    return good.sum() / (portal | hepatic).sum()


def test_two_trees_that_cross(drawn):
    liver, portal, hepatic = drawn
    assert (portal & hepatic).any()
    split = split_vessels(Mask(portal | hepatic, liver.grid), liver)
    assert split.method == "separated"
    assert right(split, portal, hepatic, liver.grid) > 0.97
    assert {piece.system for piece in split.pieces} == {"portal", "hepatic"}
    assert all(piece.cut for piece in split.pieces)
    assert "hung together" in split.notes[-1]


def test_masks_partition_the_vessels(drawn):
    liver, portal, hepatic = drawn
    merged = portal | hepatic
    split = split_vessels(Mask(merged, liver.grid), liver)
    parts = [mask.on(liver.grid).astype(int) for mask in (split.portal, split.hepatic, split.unassigned)]
    assert (sum(parts) == merged).all()
    assert (split.confidence.data[~Mask(merged, liver.grid).on(split.confidence.grid)] == 0).all()
    assert 0 <= split.confidence.data.min() <= split.confidence.data.max() <= 1
    assert sum(piece.volume_ml for piece in split.pieces) == pytest.approx(merged.sum() * SPACING**3 / 1000)


def test_same_input_same_answer(drawn):
    liver, portal, hepatic = drawn
    merged = Mask(portal | hepatic, liver.grid)
    one, two = (split_vessels(merged, liver) for _ in range(2))
    assert one.portal.data.tobytes() == two.portal.data.tobytes()
    assert one.confidence.data.tobytes() == two.confidence.data.tobytes()


def test_answer_does_not_depend_on_the_way_the_grid_lies(drawn):
    liver, portal, hepatic = drawn
    affine = liver.grid.affine.copy()
    affine[:3, 0] *= -1
    affine[0, 3] = liver.grid.to_mm((SHAPE[0] - 1, 0, 0))[0]
    grid = Grid(SHAPE, affine)
    split = split_vessels(Mask((portal | hepatic)[::-1], grid), Mask(liver.data[::-1], grid))
    assert right(split, portal[::-1], hepatic[::-1], grid) > 0.97


def test_point_by_hand_turns_the_answer(drawn):
    liver, portal, hepatic = drawn
    merged = Mask(portal | hepatic, liver.grid)
    split = split_vessels(merged, liver, portal_points_mm=[(33, 4, 40)], hepatic_points_mm=[(24, 0, -38)])
    assert right(split, hepatic, portal, liver.grid) > 0.9
    assert "given by hand" in split.notes[0]
    assert "given by hand" in split.notes[1]


def test_a_piece_apart_follows_the_point_on_it(drawn):
    liver, portal, hepatic = drawn
    apart = tube([(-20, -35, 5), (-20, -35, 25)], (2, 2), liver.grid)
    merged = Mask(portal | hepatic | apart, liver.grid)
    for side in ("portal", "hepatic"):
        points = {"portal_points_mm": [(24, 0, -38)], "hepatic_points_mm": [(33, 4, 40)]}
        points[f"{side}_points_mm"] = [*points[f"{side}_points_mm"], (-20, -35, 15)]
        split = split_vessels(merged, liver, **points)
        assert (getattr(split, side).on(liver.grid) & apart).sum() == apart.sum()


@pytest.mark.parametrize("system", ["portal", "hepatic"])
def test_one_system_is_not_cut(drawn, system):
    liver, portal, hepatic = drawn
    mask = Mask(portal if system == "portal" else hepatic, liver.grid)
    split = split_vessels(mask, liver)
    assert split.method == "one system"
    assert getattr(split, system).count == mask.count
    assert split.mean_confidence == 0.0
    assert f"only the {system} system" in split.notes[0]


def test_brightness_decides_where_shape_cannot(drawn):
    """A vessel between the trees that hangs on both by equal necks goes where its blood says."""
    liver, portal, hepatic = drawn
    merged = portal | hepatic
    for bright in (portal, hepatic):
        hu = np.where(bright, 180.0, 120.0) + np.random.default_rng(0).normal(0, 8, SHAPE)
        split = split_vessels(Mask(merged, liver.grid), liver, image=Volume(hu, liver.grid))
        assert right(split, portal, hepatic, liver.grid) > 0.97
        assert any("the difference was used" in note for note in split.notes)
    flat = split_vessels(Mask(merged, liver.grid), liver, image=Volume(np.full(SHAPE, 150.0), liver.grid))
    assert any("too alike" in note for note in flat.notes)


def test_refusals(drawn):
    liver, portal, hepatic = drawn
    merged = Mask(portal | hepatic, liver.grid)
    with pytest.raises(InputError, match="empty"):
        split_vessels(Mask(np.zeros(SHAPE, bool), liver.grid), liver)
    with pytest.raises(InputError, match=r"lies \d+ mm from the vessel mask"):
        split_vessels(merged, liver, portal_points_mm=[(70, 50, 60)])
    with pytest.raises(InputError, match="three numbers"):
        split_vessels(merged, liver, hepatic_points_mm=[(1, 2)])
    with pytest.raises(FrameMismatch):
        split_vessels(merged, Mask(liver.data, Grid.axial(SHAPE, (SPACING,) * 3, (0.7, 0, 0))))


def test_single_voxel_is_one_system(drawn):
    liver = drawn[0]
    lone = np.zeros(SHAPE, bool)
    lone[60, 45, 45] = True
    split = split_vessels(Mask(lone, liver.grid), liver)
    assert split.method == "one system"
    assert split.portal.count + split.hepatic.count == 1


@pytest.mark.parametrize("seed", [21, 22])
def test_virtual_patients(seed):
    """Trees grown apart from each other cross in a dozen places, more than in life."""
    scene = virtual_patient(seed=seed, lesions=0, shape=(160, 160, 110), spacing_mm=(1.8, 1.8, 2.2)).scene
    portal, hepatic, cava = (scene.structures[name].on(scene.grid) for name in ("portal", "hepatic", "cava"))
    veins = hepatic | cava
    split = split_vessels(Mask(portal | veins, scene.grid), scene.liver, image=scene.image)
    assert right(split, portal, veins, scene.grid) > 0.9
    sure = split.confidence.data > 0.75
    good = (split.portal.data & Mask(portal, scene.grid).on(split.portal.grid)) | (
        split.hepatic.data & Mask(veins, scene.grid).on(split.portal.grid)
    )
    assert good[sure].mean() > 0.97


@pytest.mark.real
def test_real_masks_merged(ircadb):
    from glisson.imaging import read_image, read_mask

    liver = read_mask(ircadb / "liver.nii.gz")
    portal, hepatic = read_mask(ircadb / "portalvein.nii.gz").data, read_mask(ircadb / "hepaticveins_ivc.nii.gz").data
    merged = Mask(portal | hepatic, liver.grid)
    for image, least in ((None, 0.96), (read_image(ircadb / "ct.nii.gz")[0], 0.96)):
        split = split_vessels(merged, liver, image=image)
        assert right(split, portal, hepatic, liver.grid) > least
        inside = liver.data
        assert right(split, portal & inside, hepatic & inside, liver.grid) > 0.95
