"""One click, one lesion: balls whose volume is known, virtual and real lesions, strokes, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from glisson.errors import FrameMismatch, InputError
from glisson.geometry import Grid, Mask, Volume
from glisson.lesions import axial_diameters
from glisson.lesions.rays import best_radii, distances_mm, sphere, star_depth_mm
from glisson.lesions.segment_lesion import segment_lesion, segment_lesion_from_line
from glisson.lesions.strokes import refine_lesion

GRID = Grid.axial((70, 70, 40), (1.0, 1.0, 1.8), (-30.0, 20.0, 100.0))
CENTRE = GRID.to_mm((35, 33, 20))


def ball(radius: float, centre=CENTRE) -> np.ndarray:
    return distances_mm(GRID, np.asarray(centre)) <= radius


def scan(*paints: tuple[np.ndarray, float], noise: float = 8.0) -> Volume:
    """A liver of 110 HU with what is painted on it, blurred a little as by a scanner."""
    from scipy.ndimage import gaussian_filter

    data = np.full(GRID.shape, 110.0, np.float32)
    for where, hu in paints:
        data[where] = hu
    data = gaussian_filter(data, (0.7, 0.7, 0.4))
    return Volume(data + np.random.default_rng(5).normal(0, noise, GRID.shape).astype(np.float32), GRID)


def dice(found: Mask, truth: np.ndarray) -> float:
    mask = found.on(GRID)
    return 2.0 * float((mask & truth).sum()) / float(mask.sum() + truth.sum())


@pytest.mark.parametrize(("radius", "least"), [(5.0, 0.78), (8.0, 0.87), (14.0, 0.92), (22.0, 0.94)])
@pytest.mark.parametrize("hu", [60.0, 165.0])
def test_a_ball_is_found_from_its_middle_and_from_beside_it(radius, least, hu):
    truth = ball(radius)
    for shift in (0.0, 0.4):
        found = segment_lesion(scan((truth, hu)), CENTRE + np.array([shift * radius, 0, 0]))
        assert dice(found.mask, truth) > least
        assert axial_diameters(found.mask, 2).longest.length_mm == pytest.approx(2 * radius, abs=3.0)
        assert found.kind == ("hypodense" if hu < 110 else "hyperdense")
        assert found.liver_hu == pytest.approx(110, abs=4)


def test_a_larger_one_than_the_first_look_is_found_whole():
    """A ball of 84 mm diameter fills the first look: its tissue, not the liver's, is all there is around the click."""
    grid = Grid.axial((60, 60, 50), (2.5, 2.5, 3.0))
    centre = grid.to_mm((30, 30, 25))
    truth = distances_mm(grid, centre) <= 42.0
    data = np.where(truth, 65.0, 112.0) + np.random.default_rng(2).normal(0, 6, grid.shape)
    found = segment_lesion(Volume(data.astype(np.float32), grid), centre)
    assert found.mask.volume_ml == pytest.approx(truth.sum() * grid.voxel_ml, rel=0.12)


def test_a_bright_rim_belongs_to_the_lesion():
    truth, core = ball(12.0), ball(8.0)
    found = segment_lesion(scan((truth, 150.0), (core, 60.0), noise=5.0), CENTRE)
    assert found.rim
    assert dice(found.mask, truth) > 0.88
    plain = segment_lesion(scan((core, 60.0), noise=5.0), CENTRE)
    assert not plain.rim
    assert dice(plain.mask, core) > 0.85


def test_at_the_capsule_it_ends_at_the_liver():
    """A half ball under the surface, muscle of nearly the same CT number beyond."""
    liver = np.zeros(GRID.shape, np.bool_)
    liver[30:] = True
    truth = ball(11.0) & liver
    image = scan((~liver, 62.0), (truth, 66.0))
    found = segment_lesion(image, CENTRE + np.array([2.0, 0, 0]), liver=Mask(liver, GRID))
    assert not (found.mask.on(GRID) & ~liver).any()
    assert dice(found.mask, truth) > 0.85


def test_a_neighbour_beyond_a_bridge_of_liver_stays_out():
    other = ball(7.0, CENTRE + np.array([21.0, 0, 0]))
    truth = ball(8.0)
    found = segment_lesion(scan((truth, 60.0), (other, 60.0)), CENTRE)
    assert not (found.mask.on(GRID) & other).any()
    assert dice(found.mask, truth) > 0.85


def test_a_line_gives_what_a_click_gives_and_holds_a_faint_lesion():
    truth = ball(10.0)
    ends = CENTRE + np.array([[-10.0, 0, 0], [10.0, 0, 0]])
    found = segment_lesion_from_line(scan((truth, 60.0)), ends)
    assert dice(found.mask, truth) > 0.88
    faint = segment_lesion_from_line(scan((truth, 98.0), noise=10.0), ends)
    assert dice(faint.mask, truth) > 0.7
    assert axial_diameters(faint.mask, 2).longest.length_mm == pytest.approx(20, abs=5)


def test_the_same_click_gives_the_same_voxels_and_the_notice():
    image = scan((ball(8.0), 60.0))
    one, two = segment_lesion(image, CENTRE), segment_lesion(image, CENTRE)
    assert np.array_equal(one.mask.data, two.mask.data)
    assert one.notices[0].code == "lesion-automatic"
    assert "nobody has reviewed" in one.notices[0].text


def test_little_contrast_is_said():
    found = segment_lesion(scan((ball(12.0), 101.0), noise=45.0), CENTRE)
    assert "lesion-low-contrast" in [n.code for n in found.notices]


def test_a_click_on_liver_or_outside_the_scan_is_refused():
    image = scan((ball(6.0), 60.0), noise=3.0)
    with pytest.raises(InputError, match="no lesion to be seen"):
        segment_lesion(image, CENTRE + np.array([20.0, 12.0, 0]))
    with pytest.raises(InputError, match="outside the scan"):
        segment_lesion(image, CENTRE + np.array([300.0, 0, 0]))
    with pytest.raises(InputError, match="no liver tissue around"):
        segment_lesion(Volume(np.full(GRID.shape, -900, np.int16), GRID), CENTRE)
    with pytest.raises(InputError, match=r"The line is 0\.0 mm long"):
        segment_lesion_from_line(image, [CENTRE, CENTRE])
    shifted = Grid.axial((5, 5, 5), (1.0, 1.0, 1.8), (-30.4, 20.0, 100.0))
    with pytest.raises(FrameMismatch):
        segment_lesion(image, CENTRE, liver=Mask(np.ones((5, 5, 5), np.bool_), shifted))


def test_strokes_add_and_remove():
    """A dumb-bell of which a mask has one ball; a stroke in the other adds it, a stroke on liver removes liver."""
    first, second = ball(7.0), ball(6.0, CENTRE + np.array([12.0, 0, 0]))
    image = scan((first | second, 60.0), noise=5.0)
    stroke = ball(2.0, CENTRE + np.array([12.0, 0, 0]))
    grown = refine_lesion(image, Mask(first, GRID), add=Mask(stroke, GRID))
    assert (grown.on(GRID) & second & ~first).sum() > 0.7 * (second & ~first).sum()
    assert (grown.on(GRID) & ~(first | second)).sum() < 0.1 * second.sum()
    fat_mask = first | ball(4.0, CENTRE + np.array([0, 10.0, 0]))
    wrong = ball(2.0, CENTRE + np.array([0, 11.0, 0]))
    cut = refine_lesion(image, Mask(fat_mask, GRID), remove=Mask(wrong, GRID)).on(GRID)
    assert not (cut & wrong).any()
    assert (cut & first).sum() > 0.95 * first.sum()
    assert (cut & fat_mask & ~first).sum() < 0.5 * (fat_mask & ~first).sum()


def test_a_stroke_that_grows_stays_in_the_liver_and_both_marks_mean_remove():
    liver = np.zeros(GRID.shape, np.bool_)
    liver[:, :36] = True
    truth = ball(8.0)
    image = scan((truth, 60.0), noise=4.0)
    stroke = Mask(ball(1.5, CENTRE + np.array([0, 1.0, 0])), GRID)
    grown = refine_lesion(image, Mask(ball(3.0), GRID), add=stroke, liver=Mask(liver, GRID)).on(GRID)
    assert not (grown & ~liver & ~ball(3.0) & ~stroke.data).any()
    both = refine_lesion(image, Mask(truth, GRID), add=stroke, remove=stroke).on(GRID)
    assert not (both & stroke.data).any()


def test_strokes_that_say_nothing_or_leave_nothing_are_refused():
    image, empty = scan((ball(5.0), 60.0)), Mask(np.zeros(GRID.shape, np.bool_), GRID)
    with pytest.raises(InputError, match="No stroke was given"):
        refine_lesion(image, Mask(ball(5.0), GRID), add=empty)
    with pytest.raises(InputError, match="Nothing of the lesion is left"):
        refine_lesion(image, Mask(ball(4.0), GRID), remove=Mask(ball(5.0), GRID))


def test_rays_are_even_and_a_perfect_gain_gives_the_radius():
    on = sphere()
    assert np.allclose(np.linalg.norm(on.directions, axis=1), 1.0)
    assert np.abs(on.directions.mean(axis=0)).max() < 0.01
    steps = np.arange(1, 61)
    radii = best_radii(np.where(steps <= 24, 1.0, -1.0)[None].repeat(len(on.directions), axis=0), on)
    assert np.allclose(radii, 12.0)
    depth = star_depth_mm(GRID, CENTRE, radii, on)
    assert np.allclose(depth, 12.0 - distances_mm(GRID, CENTRE), atol=1e-3)


@pytest.mark.real
def test_one_click_on_seven_real_lesions(ircadb):
    """Dice against the expert, RECIST diameter; the click is the centroid, then a point half a radius beside it."""
    from glisson.imaging import read_image, read_mask

    ct, _ = read_image(ircadb / "ct.nii.gz")
    tumours = [read_mask(ircadb / f"tumor0{n}.nii.gz").trimmed() for n in range(1, 8)]
    liver = read_mask(ircadb / "liver.nii.gz").data.copy()
    for tumour in tumours:
        liver |= tumour.on(ct.grid)
    scores, gaps = [], []
    for tumour in tumours:
        found = segment_lesion(ct, tumour.centroid_mm, liver=Mask(liver, ct.grid)).mask
        both = float((found.on(ct.grid) & tumour.on(ct.grid)).sum())
        scores.append(2 * both / (found.count + tumour.count))
        lengths = [axial_diameters(m, 2).longest.length_mm for m in (found, tumour)]
        gaps.append(abs(lengths[0] - lengths[1]))
    assert np.median(scores) >= 0.8
    assert min(scores) >= 0.7
    assert np.median(gaps) <= 3.0
    assert max(gaps) <= 5.0


@pytest.mark.parametrize("spacing", [3.0, 4.0, 6.0])
def test_a_click_on_the_corner_of_large_voxels_still_has_a_voxel(spacing):
    """The corner is further from every voxel's centre than the CT number is looked for."""
    grid = Grid.axial((40, 40, 40), (spacing,) * 3)
    corner = np.full(3, 20.5) * spacing
    at = np.moveaxis(np.indices(grid.shape), 0, -1) * spacing
    ct = Volume(np.where(((at - corner) ** 2).sum(-1) <= 15.0**2, 60.0, 110.0).astype(np.float32), grid)
    found = segment_lesion(ct, corner)
    assert found.lesion_hu == pytest.approx(60.0, abs=3.0)
    assert np.linalg.norm(found.mask.centroid_mm - corner) < spacing
