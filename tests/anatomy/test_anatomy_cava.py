"""The cava told from the hepatic veins: tubes whose truth is known, masks that must be refused, and a real patient."""

from __future__ import annotations

import numpy as np
import pytest

from glisson.anatomy import split_cava, split_hepatic
from glisson.geometry import Grid, Mask

SPACING = (1.0, 1.0, 2.0)
SHAPE = (90, 80, 60)


def tube(grid: Grid, start, end, radius_mm, radius_end_mm=None) -> np.ndarray:
    """Voxels within a radius (linear from start to end) of a segment, LPS mm."""
    points = grid.to_mm(np.indices(grid.shape).transpose(1, 2, 3, 0))
    start, end = np.array(start, float), np.array(end, float)
    along = np.clip((points - start) @ (end - start) / ((end - start) @ (end - start)), 0.0, 1.0)
    radius = radius_mm + along * ((radius_mm if radius_end_mm is None else radius_end_mm) - radius_mm)
    return np.linalg.norm(points - start - along[..., None] * (end - start), axis=-1) <= radius


@pytest.fixture
def trunk_and_veins():
    grid = Grid.axial(SHAPE, SPACING)
    cava = tube(grid, (45, 55, -5), (50, 50, 125), 10.0)
    veins = tube(grid, (49, 51, 100), (10, 40, 60), 4.5, 2.0)
    veins |= tube(grid, (49, 51, 104), (45, 15, 70), 4.0, 2.0)
    veins |= tube(grid, (49, 51, 102), (80, 35, 85), 4.0, 2.0)
    return grid, cava, veins & ~cava


@pytest.mark.parametrize("flip", [False, True])
def test_trunk_is_found_voxel_for_voxel_but_for_the_mouths(trunk_and_veins, flip):
    grid, cava, veins = trunk_and_veins
    if flip:
        affine = grid.affine.copy()
        affine[:3, 3] = grid.to_mm((0, 0, SHAPE[2] - 1))
        affine[:3, 2] *= -1
        grid, cava, veins = Grid(SHAPE, affine), cava[:, :, ::-1], veins[:, :, ::-1]
    found = split_hepatic(Mask(cava | veins, grid))
    assert found.method == "separated"
    trunk, rest = found.cava.on(grid), found.hepatic.on(grid)
    assert not (trunk & rest).any()
    assert ((trunk | rest) == (cava | veins)).all()
    assert (trunk & cava).sum() / cava.sum() > 0.98
    assert (rest & veins).sum() / veins.sum() > 0.93


def test_renal_veins_are_set_apart_when_the_liver_is_known(trunk_and_veins):
    grid, cava, veins = trunk_and_veins
    renal = tube(grid, (45, 55, 20), (85, 60, 25), 4.0) & ~cava
    liver = np.zeros(SHAPE, bool)
    liver[:, :, 28:] = True
    found = split_hepatic(Mask(cava | veins | renal, grid), Mask(liver, grid))
    assert (found.other.on(grid) & renal).sum() / renal.sum() > 0.9
    assert not (found.other.on(grid) & veins).any()
    assert not (found.hepatic.on(grid) & renal).any()
    assert "set apart" in found.notes[1]


def test_hepatic_veins_alone_are_left_as_they_are(trunk_and_veins):
    grid, _, veins = trunk_and_veins
    found = split_hepatic(Mask(veins, grid))
    assert found.method == "not separated"
    assert found.cava is None
    assert found.hepatic.count == veins.sum()
    assert "not told apart" in found.notes[0]


@pytest.mark.parametrize(
    ("radius", "radius_end", "top", "why"),
    [
        (9.0, 2.5, 120, "tapers"),
        (3.5, 3.5, 120, "median radius"),
        (9.0, 9.0, 25, "only"),
        (2.0, 2.0, 120, "no trunk"),
    ],
)
def test_trunks_that_are_not_surely_the_cava(radius, radius_end, top, why):
    grid = Grid.axial(SHAPE, SPACING)
    found = split_hepatic(Mask(tube(grid, (45, 40, top), (45, 40, 0), radius, radius_end), grid))
    assert found.cava is None
    assert why in found.notes[0]


def test_given_cava_is_taken_and_what_both_claim_is_cava(scene_of, cube):
    hepatic, cava = cube((20, 30), (20, 22), (20, 22)), cube((28, 32), (18, 24), (0, 40))
    found = split_cava(scene_of(hepatic=hepatic, cava=cava))
    assert found.method == "given"
    assert found.cava.count == cava.sum()
    assert found.hepatic.count == 8 * 4
    assert "both" in found.notes[0]
    assert split_cava(scene_of(cava=cava)).hepatic is None
    assert split_cava(scene_of(hepatic=cube((20, 24), (20, 22), (20, 22)), cava=cava)).notes == ()


def test_nothing_given(scene_of):
    found = split_cava(scene_of())
    assert (found.hepatic, found.cava, found.method) == (None, None, "none")
    assert found.notes


def test_empty_mask():
    grid = Grid.axial((4, 4, 4))
    assert split_hepatic(Mask(np.zeros((4, 4, 4), bool), grid)).method == "none"


@pytest.mark.real
def test_real_merged_mask(ircadb):
    """Looked at slice by slice: one cross-section of the cava in each slice, the renal veins set apart."""
    import nibabel

    image = nibabel.load(ircadb / "hepaticveins_ivc.nii.gz")
    grid = Grid(image.shape, np.diag([-1.0, -1.0, 1.0, 1.0]) @ image.affine)
    merged = Mask(np.asarray(image.dataobj) > 0, grid)
    liver = Mask(np.asarray(nibabel.load(ircadb / "liver.nii.gz").dataobj) > 0, grid)
    found = split_hepatic(merged.trimmed(), liver)
    assert found.method == "separated"
    parts = [found.hepatic.on(grid), found.cava.on(grid), found.other.on(grid)]
    assert (sum(part.astype(int) for part in parts) == merged.data).all()
    areas_mm2 = found.cava.data.sum(axis=(0, 1)) * 0.57 * 0.57
    assert found.cava.grid.shape[2] == 129
    assert 45 < areas_mm2.min() <= areas_mm2.max() < 450
    assert 38 < found.cava.volume_ml < 43
    inside = (parts[0] & liver.data).sum() / parts[0].sum()
    assert inside > 0.6
    assert (parts[2] & liver.data).sum() / parts[2].sum() < 0.05
