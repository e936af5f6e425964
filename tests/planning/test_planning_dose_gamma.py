"""Gamma: the closed form in a gradient, a search over a fine lattice, and what cannot be asked."""

from __future__ import annotations

import numpy as np
import pytest

from glisson.errors import InputError
from glisson.geometry import Grid, Volume
from glisson.planning.dose import gamma_map


def gradient(direction, spacing=(2.0, 2.5, 3.0), origin=(0.0, 0.0, 0.0)) -> Volume:
    """5 % of the highest dose (100) a mm along a direction, everywhere positive, the highest dose exactly 100."""
    grid = Grid.axial((24, 20, 16), spacing, origin)
    unit = np.array(direction) / np.linalg.norm(direction)
    places = grid.to_mm(np.moveaxis(np.indices(grid.shape), 0, -1)) @ unit
    return Volume(1000.0 + 5.0 * places, grid)


@pytest.mark.parametrize("direction", [(1, 0, 0), (0, 0, 1), (1, 1, 1), (0.3, -0.5, 0.7)])
def test_offset_in_a_linear_gradient(direction):
    """gamma = delta / sqrt(DD^2 + (g dd)^2): 3 %/3 mm, 5 %/mm, 3 % off: .196116."""
    reference = gradient(direction)
    top = float(reference.data.max())
    criterion = 3.0 * 100.0 / top  # 3 Gy as a percentage of the highest dose
    found = gamma_map(reference, Volume(reference.data + 3.0, reference.grid), criterion, 3.0, cutoff_percent=0.0)
    inside = found.gamma.data[4:-4, 4:-4, 4:-4]
    assert inside == pytest.approx(0.196116, abs=1e-4)
    assert found.pass_percent == 100.0


def test_same_dose_on_another_grid_passes():
    """A dose linear in space is the same dose on any lattice: gamma is 0 wherever the grids overlap."""
    grid, other = Grid.axial((12, 12, 12), (2.0,) * 3), Grid.axial((20, 20, 20), (1.3,) * 3, (-1.0, -1.5, -0.7))
    reference, evaluated = (
        Volume(50.0 + g.to_mm(np.moveaxis(np.indices(g.shape), 0, -1)) @ [0.5, -0.4, 1.0], g) for g in (grid, other)
    )
    assert gamma_map(reference, evaluated).highest < 1e-4


def test_a_shift_in_space_is_a_share_of_the_distance():
    """A ramp moved by 1.5 mm: in a steep ramp gamma nears 1.5/3, and never exceeds it."""
    grid = Grid.axial((40, 6, 6), (1.0, 2.0, 2.0))
    x = np.arange(40.0)[:, None, None] + np.zeros(grid.shape)
    steep = gamma_map(Volume(1 + 50 * x, grid), Volume(1 + 50 * (x - 1.5), grid), 0.1, 3.0)
    inside = steep.gamma.data[8:-8, 2:-2, 2:-2]
    assert inside.max() <= 0.5 + 1e-6
    assert inside.min() > 0.499


def random_field(seed: int, shape=(14, 12, 10)) -> np.ndarray:
    chance = np.random.default_rng(seed)
    waves = [np.indices(shape).T @ chance.uniform(-0.5, 0.5, 3) + chance.uniform(0, 7) for _ in range(6)]
    return 60 + 5 * sum(np.sin(wave.T) for wave in waves)


@pytest.mark.parametrize("local", [False, True])
def test_against_a_search_over_a_fine_lattice(local):
    """Oracle: every point of a lattice of tenths of a voxel around each reference point, by scipy's interpolation."""
    from scipy.ndimage import map_coordinates

    spacing, step = np.array([2.0, 2.5, 3.0]), 0.1
    reference = random_field(1)
    evaluated = reference * 1.02 + 0.3 * (random_field(2) - 60)
    grid = Grid.axial(reference.shape, tuple(spacing))
    found = gamma_map(Volume(reference, grid), Volume(evaluated, grid), 3.0, 3.0, local=local)
    line = [np.arange(-round(3.0 / s / step), round(3.0 / s / step) + 1) * step for s in spacing]
    offsets = np.stack(np.meshgrid(*line, indexing="ij"), -1).reshape(-1, 3)
    away = ((offsets * spacing / 3.0) ** 2).sum(axis=1)
    for at in [(5, 5, 5), (7, 4, 3), (8, 8, 6), (4, 7, 5), (9, 5, 4), (6, 6, 6)]:
        dose = map_coordinates(evaluated, (offsets + at).T, order=1, mode="nearest")
        criterion = 0.03 * (reference[at] if local else reference.max())
        searched = np.sqrt((away + ((dose - reference[at]) / criterion) ** 2).min())
        assert searched - 0.03 < found.gamma.data[at] <= searched + 1e-6


def test_points_below_the_cutoff_are_left_out_and_the_cap_holds():
    data = np.full((8, 8, 8), 1.0)
    data[4:] = 100.0
    grid = Grid.axial(data.shape, (5.0,) * 3)
    found = gamma_map(Volume(data, grid), Volume(data * 0.5, grid), cutoff_percent=10.0, cap=1.5)
    assert found.points == 4 * 8 * 8
    assert np.isnan(found.gamma.data[:4]).all()
    assert found.highest == 1.5
    assert found.dose_gy == pytest.approx(3.0)


GRID = Grid.axial((5, 5, 5), (2.0,) * 3)
ONES = Volume(np.ones(GRID.shape), GRID)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: gamma_map(ONES, ONES, 0.0), "dose criterion"),
        (lambda: gamma_map(ONES, ONES, 3.0, -1.0), "distance criterion"),
        (lambda: gamma_map(ONES, ONES, cap=0.0), "cap"),
        (lambda: gamma_map(ONES, ONES, cutoff_percent=100.0), "cutoff"),
        (lambda: gamma_map(Volume(0 * ONES.data, GRID), ONES), "0 everywhere"),
        (lambda: gamma_map(ONES, Volume(np.nan * ONES.data, GRID)), "NaN"),
        (lambda: gamma_map(ONES, Volume(ONES.data, Grid.axial((5, 5, 5), (2.0,) * 3, (90.0, 0, 0)))), "overlap"),
    ],
)
def test_what_makes_no_sense_is_refused(make, words):
    with pytest.raises(InputError, match=words):
        make()
