"""Voxel kernels: energy kept, Monte Carlo tables met, chance sampling and direct convolution agree."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glisson.errors import FrameMismatch, InputError
from glisson.geometry import Grid, Mask, Volume
from glisson.planning.dose import (
    NUCLIDES,
    activity_from_counts,
    activity_map,
    dose_map,
    energy_constant,
    nuclide,
    s_values,
    shares_by_position,
    side_by_side,
    voxel_kernel,
)
from glisson.planning.dose.kernels import RADIAL_ENERGY, RADIAL_STEP_MM

Y90 = NUCLIDES["Y-90"]

LANCONELLI = {
    2.21: (3.00, 0.570, 0.226, 0.120), 2.4: (2.53, 0.471, 0.181, 0.0929), 3: (1.59, 0.275, 0.0950, 0.0429),
    4: (0.858, 0.129, 0.0362, 0.0127), 4.42: (0.689, 0.0973, 0.0248, 0.00778), 6: (0.342, 0.0380, 0.00686, 0.00145),
}  # fmt: skip
"""Voxel mm -> S000, S100, S110, S111 in mGy/(MBq s): Lanconelli et al. 2012, Monte Carlo, soft tissue."""


@settings(max_examples=12)
@given(st.tuples(*[st.floats(1, 10)] * 3))
def test_no_energy_is_lost_at_any_voxel_size(spacing):
    """Sum of S-values times voxel mass is the energy of a decay, 0.9312 MeV; symmetric about the source."""
    kernel = voxel_kernel(spacing)
    joule = s_values(kernel, Y90).sum() * 1e-9 * np.prod(spacing) * 1.04e-6
    assert joule / 1.602176634e-13 == pytest.approx(0.9312, rel=2e-3)
    assert np.allclose(kernel.shares, kernel.shares[::-1, ::-1, ::-1])
    assert kernel.shares.min() >= 0


@pytest.mark.parametrize("side", sorted(LANCONELLI))
def test_published_s_values(side):
    """Within 1 % of the table scaled to one energy (0.9348 MeV there, 0.9312 here)."""
    found = s_values(voxel_kernel((side,) * 3), Y90) * 0.9348 / 0.9312
    middle = found.shape[0] // 2
    near = [found[middle, middle, middle], found[middle + 1, middle, middle]]
    near += [found[middle + 1, middle + 1, middle], found[middle + 1, middle + 1, middle + 1]]
    assert near == pytest.approx(LANCONELLI[side], rel=0.01)


@pytest.mark.real
def test_all_published_tables(ircadb):
    """Every S-value above a thousandth of the largest, 13 voxel sizes: within 0.5 % of the largest."""
    tables = sorted((ircadb.parent / "y90_vsv").glob("90Y*mmsoft.txt"))
    assert len(tables) == 13
    for path in tables:
        side = float(re.search(r"90Y([\d.]+)mm", path.name)[1])
        rows = [line.split() for line in path.read_text().splitlines()[2:] if line.strip()]
        kernel = s_values(voxel_kernel((side,) * 3), Y90) * 0.9348 / 0.9312
        middle = kernel.shape[0] // 2
        largest = float(rows[0][3])
        for i, j, k, value in ((*map(int, row[:3]), float(row[3])) for row in rows):
            if max(i, j, k) <= middle and value > 1e-3 * largest:
                found = kernel[middle + i, middle + j, middle + k]
                assert found == pytest.approx(value, abs=5e-3 * largest), (side, i, j, k)


def test_ninety_percent_within_five_millimetres():
    """Y-90's X90 in water is about 5.3 mm (Cross; MIRD pamphlet 7)."""
    reach = RADIAL_STEP_MM * np.arange(len(RADIAL_ENERGY))
    fine = np.linspace(0, reach[-1], 10_001)
    taken = np.cumsum(np.interp(fine, reach, RADIAL_ENERGY))
    assert np.interp(0.9, taken / taken[-1], fine) == pytest.approx(5.3, abs=0.1)


def test_chance_sampling_agrees():
    """Decays thrown into a 2 x 3 x 5 mm voxel, their energy dropped at random places: the same shares."""
    chance, count, sides = np.random.default_rng(5), 400_000, np.array([2.0, 3.0, 5.0])
    reach = RADIAL_STEP_MM * np.arange(len(RADIAL_ENERGY))
    fine = np.linspace(0, reach[-1], 20_001)
    taken = np.cumsum(np.interp(fine, reach, RADIAL_ENERGY))
    radius = np.interp(chance.random(count), taken / taken[-1], fine)
    way = chance.normal(size=(count, 3))
    end = chance.random((count, 3)) * sides + way / np.linalg.norm(way, axis=1)[:, None] * radius[:, None]
    kernel = voxel_kernel((2.0, 3.0, 5.0))
    found = np.zeros(kernel.shares.shape)
    np.add.at(found, tuple((np.floor(end / sides).astype(int) + kernel.reach).T), 1 / count)
    spread = np.sqrt(kernel.shares / count) + 3 / count
    assert (np.abs(found - kernel.shares) / spread).max() < 5


def test_small_voxels_added_up_make_a_large_one():
    """Eight kernels of 2 mm, sources and targets pooled, are the kernel of 4 mm."""
    fine, coarse = voxel_kernel((2.0, 2.0, 2.0)).shares, voxel_kernel((4.0, 4.0, 4.0)).shares
    source = np.zeros((42, 42, 42))
    middle = 20
    reach = fine.shape[0] // 2
    for i, j, k in np.ndindex(2, 2, 2):
        at = tuple(slice(middle + o - reach, middle + o + reach + 1) for o in (i, j, k))
        source[at] += fine / 8
    pooled = source.reshape(21, 2, 21, 2, 21, 2).sum(axis=(1, 3, 5))
    half = coarse.shape[0] // 2
    around = (slice(middle // 2 - half, middle // 2 + half + 1),) * 3
    assert pooled[around] == pytest.approx(coarse, abs=2e-4)


def ball(radius: float, side: float = 4.42) -> tuple[Volume, np.ndarray]:
    count = int(radius / side) + 4
    line = np.arange(-count, count + 1) * side
    inside = np.sqrt(line[:, None, None] ** 2 + line[None, :, None] ** 2 + line**2) <= radius
    return Volume(inside * 1.04e6, Grid.axial(inside.shape, (side,) * 3)), inside


@pytest.mark.parametrize(
    ("radius", "voxels", "mean", "centre", "outside"),
    [(10, 57, 38.158, 49.715, 11.93), (15, 171, 42.305, 49.911, 12.28), (25, 739, 45.247, 49.921, 13.57)],
)
def test_sphere_table(radius, voxels, mean, centre, outside):
    """1 GBq/kg in balls of 4.42 mm voxels, 49.926 Gy in an infinite medium; local deposition gives 49.67 inside."""
    image, inside = ball(radius)
    activity = activity_map(image, "Bq/mL")
    found = dose_map(activity, constant=energy_constant(49.926)).gy.data
    middle = inside.shape[0] // 2
    assert inside.sum() == voxels
    assert found[inside].mean() == pytest.approx(mean, rel=1e-3)
    assert found[middle, middle, middle] == pytest.approx(centre, rel=1e-3)
    assert found[~inside].max() == pytest.approx(outside, rel=2e-3)
    assert dose_map(activity, "local").gy.data[inside] == pytest.approx(49.67, rel=1e-6)


def test_fourier_convolution_is_the_direct_sum():
    """Against shifted copies added up, on an uneven grid with activity up to its edges."""
    grid = Grid.axial((9, 8, 7), (3.0, 4.0, 5.0))
    data = np.random.default_rng(2).random(grid.shape)
    found = dose_map(activity_map(Volume(data, grid), "MBq")).gy.data
    kernel = voxel_kernel(grid.spacing_mm)
    padded = np.pad(data, [(r, r) for r in kernel.reach])
    direct = np.zeros(grid.shape)
    for at in np.ndindex(kernel.shares.shape):
        part = tuple(slice(o, o + n) for o, n in zip(at, grid.shape, strict=True))
        direct += kernel.shares[at] * padded[part]
    assert found == pytest.approx(direct * 1e-3 * 49.67 / (60e-6 * 1.04), rel=1e-4)


def test_energy_in_the_map_is_that_of_the_activity():
    data = np.zeros((30, 30, 30))
    data[13:17, 12:18, 14:16] = np.random.default_rng(0).random((4, 6, 2))
    volume = Volume(data, Grid.axial(data.shape, (2.0, 2.5, 3.0)))
    for method in ("vsv", "local"):
        found = dose_map(activity_map(volume, "GBq"), method, density_g_ml=1.03)
        joule = found.gy.data.sum(dtype=float) * 15e-6 * 1.03
        assert joule == pytest.approx(49.67 * data.sum(), rel=1e-5)


def test_tumour_takes_all_is_the_closed_form():
    """All activity in a large tumour: deep inside the kernel gives what one compartment gives; holmium goes locally."""
    data = np.zeros((40, 40, 40))
    data[5:35, 5:35, 5:35] = 1.0
    volume = Volume(data, Grid.axial(data.shape, (3.0, 3.0, 3.0)))
    activity = activity_map(volume, "kBq/mL")
    gbq_per_kg = 1e-6 / 1.04e-3
    assert dose_map(activity).gy.data[20, 20, 20] == pytest.approx(49.67 * gbq_per_kg, rel=1e-5)
    holmium = dose_map(activity, "local", nuclide("ho166")).gy.data[20, 20, 20]
    assert holmium == pytest.approx(60 / 3.78 * gbq_per_kg, rel=1e-5)


def test_counts_stand_for_the_activity_given():
    grid = Grid.axial((6, 6, 6), (4.0,) * 3)
    counts = np.random.default_rng(1).integers(0, 50, grid.shape).astype(float)
    liver = np.zeros(grid.shape, bool)
    liver[1:5, 1:5, 1:5] = True
    found = activity_from_counts(Volume(counts, grid), 2.0, Mask(liver, grid))
    assert found.gbq.data[liver].sum() == pytest.approx(2.0, rel=1e-5)
    assert found.total_gbq == pytest.approx(2.0 * counts.sum() / counts[liver].sum(), rel=1e-5)


def test_side_by_side_compartments_meet_local_deposition():
    grid = Grid.axial((24, 20, 20), (3.0, 3.0, 3.0))
    tumour, normal = np.zeros(grid.shape, bool), np.zeros(grid.shape, bool)
    normal[3:21, 3:17, 3:17] = True
    tumour[8:12, 8:12, 8:12] = True
    normal &= ~tumour
    activity = activity_map(Volume(normal * 1.0 + tumour * 4.0, grid), "MBq")
    found = side_by_side(activity, Mask(tumour, grid), Mask(normal, grid), 1.04)
    assert found.tnr == pytest.approx(4.0, rel=1e-6)
    for region in found.regions:
        assert region.compartment_gy == pytest.approx(region.local_gy, rel=1e-5)
        assert region.kernel_gy < region.local_gy
    with pytest.raises(InputError, match="share voxels"):
        side_by_side(activity, Mask(tumour, grid), Mask(normal | tumour, grid), 1.04)
    shares = shares_by_position(activity, {"right": Mask(normal, grid), "feeder": Mask(tumour, grid)})
    assert shares["feeder"] == pytest.approx(4 * 64 / (4 * 64 + normal.sum()), rel=1e-6)
    with pytest.raises(InputError, match="overlaps"):
        shares_by_position(activity, {"a": Mask(normal, grid), "b": Mask(normal, grid)})


GRID = Grid.axial((4, 4, 4), (3.0, 3.0, 3.0))
ONES = Volume(np.ones(GRID.shape), GRID)
ELSEWHERE = Mask(np.ones(GRID.shape, bool), Grid.axial((4, 4, 4), (3.0, 3.0, 3.0), (1.0, 0.0, 0.0)))


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: activity_map(ONES, None), InputError, "no unit"),
        (lambda: activity_map(ONES, "Ci"), InputError, "not known"),
        (lambda: activity_map(Volume(-ONES.data, GRID), "Bq"), InputError, "negative"),
        (lambda: activity_map(Volume(0 * ONES.data, GRID), "Bq"), InputError, "zero"),
        (lambda: activity_map(Volume(np.nan * ONES.data, GRID), "Bq"), InputError, "NaN"),
        (lambda: activity_from_counts(ONES, 0.0), InputError, "more than 0"),
        (lambda: activity_from_counts(Volume(-ONES.data, GRID), 1.0), InputError, "negative"),
        (lambda: activity_from_counts(ONES, 1.0, ELSEWHERE), FrameMismatch, "not on one grid"),
        (lambda: dose_map(activity_map(ONES, "Bq"), "guess"), InputError, "vsv"),
        (lambda: dose_map(activity_map(ONES, "Bq"), "vsv", nuclide("Ho-166")), InputError, "Y-90"),
        (lambda: dose_map(activity_map(ONES, "Bq"), density_g_ml=0.0), InputError, "density"),
        (lambda: nuclide("Lu-177"), InputError, "Lu-177"),
        (lambda: voxel_kernel((0.1, 1.0, 1.0)), InputError, "voxel sides"),
        (lambda: voxel_kernel((1.0, 1.0, 1.0), -1.0), InputError, "density"),
    ],
)
def test_what_makes_no_sense_is_refused(make, error, words):
    with pytest.raises(error, match=words):
        make()
