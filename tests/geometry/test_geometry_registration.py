"""Laying scans over each other: a shift and a turn whose answer is known, virtual patients, and bad input."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from glisson.errors import InputError
from glisson.geometry import Grid, Mask, Volume
from glisson.geometry.itk import from_itk, to_itk
from glisson.geometry.registration import Alignment, Organ, align

GRID = Grid.axial((80, 70, 60), (3.0, 3.0, 3.0), (-120.0, -100.0, -90.0))
POINTS = GRID.to_mm(np.moveaxis(np.indices(GRID.shape), 0, -1))


def body(points: np.ndarray) -> np.ndarray:
    """A lopsided body without symmetry, as a liver has none: two ellipsoids of different size."""
    big = (((points - (-20, 0, 0)) / (62, 48, 40)) ** 2).sum(axis=-1)
    small = (((points - (45, -20, 18)) / (42, 25, 22)) ** 2).sum(axis=-1)
    return (big < 1) | (small < 1)


def pattern(points: np.ndarray) -> np.ndarray:
    """Bright tubes in an even ground."""
    x, y, z = np.moveaxis(points, -1, 0)
    tubes = np.exp(-((y - 12 * np.sin(x / 25)) ** 2 + (z - 0.3 * x) ** 2) / 40)
    tubes += np.exp(-((x + 25) ** 2 + (z - 0.4 * y) ** 2) / 40)
    return 110 + 70 * tubes


def moved(points: np.ndarray) -> np.ndarray:
    """Points of the fixed scan -> where their tissue lies in the moving scan: 6 degrees about z, then a shift."""
    return points @ Rotation.from_euler("z", 6, degrees=True).as_matrix().T + (9.0, -6.0, 14.0)


def unmoved(points: np.ndarray) -> np.ndarray:
    return (points - (9.0, -6.0, 14.0)) @ Rotation.from_euler("z", 6, degrees=True).as_matrix()


NOISE = np.random.default_rng(5).normal(0, 8, (2, *GRID.shape))
FIXED = Organ(Mask(body(POINTS), GRID), Volume((pattern(POINTS) + NOISE[0]).astype(np.float32), GRID))
MOVING = Organ(
    Mask(body(unmoved(POINTS)), GRID), Volume((pattern(unmoved(POINTS)) + NOISE[1]).astype(np.float32), GRID)
)
INSIDE = np.random.default_rng(3).choice(POINTS[body(POINTS)], 200, replace=False)


@pytest.fixture(scope="module")
def found() -> Alignment:
    return align(FIXED, MOVING)


def test_outlines_alone_find_a_rigid_movement():
    found = align(Organ(FIXED.mask), Organ(MOVING.mask))
    assert not found.scaled
    assert found.field is None
    assert np.linalg.norm(found.to_moving(INSIDE) - moved(INSIDE), axis=1).max() < 2.5
    turn = found.affine[:3, :3]
    assert turn.T @ turn == pytest.approx(np.eye(3), abs=1e-9)


def test_images_make_it_finer(found):
    errors = np.linalg.norm(found.to_moving(INSIDE) - moved(INSIDE), axis=1)
    assert np.median(errors) < 0.6
    assert errors.max() < 2.0


def test_a_scan_of_inverse_contrast_is_laid_over_as_well():
    image = Volume((400.0 - 1.3 * MOVING.image.data).astype(np.float32), GRID)
    inverse = align(FIXED, Organ(MOVING.mask, image))
    assert np.median(np.linalg.norm(inverse.to_moving(INSIDE) - moved(INSIDE), axis=1)) < 0.8


def test_the_same_input_gives_the_same_answer(found):
    again = align(FIXED, MOVING)
    assert np.array_equal(found.affine, again.affine)
    assert np.array_equal(found.field, again.field)


def test_there_and_back_again(found):
    assert found.to_fixed(found.to_moving(INSIDE)) == pytest.approx(INSIDE, abs=0.01)


def test_what_is_hidden_is_not_looked_at(found):
    """Whatever lies in the hidden part, the answer is the same to the last digit."""
    ball = ((POINTS - (-40.0, 0.0, 0.0)) ** 2).sum(axis=-1) < 15.0**2
    answers = []
    for value in (20.0, 300.0):
        image = FIXED.image.data.copy()
        image[ball] = value
        answers.append(align(Organ(FIXED.mask, Volume(image, GRID), (Mask(ball, GRID),)), MOVING))
    assert np.array_equal(answers[0].field, answers[1].field)
    assert np.median(np.linalg.norm(answers[0].to_moving(INSIDE) - moved(INSIDE), axis=1)) < 0.8


def test_a_mask_is_pulled_to_the_fixed_scan(found):
    pulled = found.pull_mask(MOVING.mask, GRID)
    both = np.count_nonzero(pulled.data & FIXED.mask.data)
    assert 2 * both / (pulled.count + FIXED.mask.count) > 0.97
    image = found.pull(MOVING.image, GRID)
    core = ((POINTS - (-20, 0, 0)) ** 2).sum(axis=-1) < 30**2
    assert np.corrcoef(image.data[core], pattern(POINTS)[core])[0, 1] > 0.85


def test_nothing_is_bent_outside_the_field():
    field = np.ones((2, 2, 2, 3), np.float32)
    shifted = Alignment(np.eye(4), field, Grid.axial((2, 2, 2), (6.0, 6.0, 6.0)), scaled=True)
    assert shifted.to_moving([[3.0, 3.0, 3.0], [50.0, 0.0, 0.0]]).tolist() == [[4.0, 4.0, 4.0], [50.0, 0.0, 0.0]]
    assert shifted.to_moving([3.0, 3.0, 3.0]).tolist() == [4.0, 4.0, 4.0]


def test_an_empty_mask_is_refused():
    empty = Organ(Mask(np.zeros(GRID.shape, bool), GRID))
    with pytest.raises(InputError, match="moving scan's mask is empty"):
        align(FIXED, empty)


def test_itk_images_keep_the_place_of_oblique_grids():
    turn = np.eye(4)
    turn[:3, :3] = Rotation.from_euler("xyz", (10, 20, 30), degrees=True).as_matrix() * (1.0, 2.0, 3.0)
    turn[:3, 3] = (5, 6, 7)
    grid = Grid((4, 5, 6), turn)
    data = np.random.default_rng(0).normal(size=grid.shape)
    image = to_itk(data, grid)
    assert np.array_equal(from_itk(image), data)
    assert image.TransformIndexToPhysicalPoint((3, 4, 5)) == pytest.approx(grid.to_mm([3, 4, 5]).tolist())
    turn[0, 1] += 0.5
    with pytest.raises(InputError, match="right angles"):
        to_itk(data, Grid((4, 5, 6), turn))
