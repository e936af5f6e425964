"""Dose tools measured: kernels against Monte Carlo tables, histograms against the closed form, gamma against pymedphys.

Usage: python -m benchmarks.dose [PYTHON-WITH-PYMEDPHYS]. Without the tables or the peer, those parts are left out.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.optimize import nnls

from benchmarks.measure import best_of
from glisson.geometry import Grid, Volume
from glisson.planning.dose import NUCLIDES, ActivityMap, dose_map, dvh, gamma_map, occupancy_of_shape, s_values
from glisson.planning.dose.kernels import RADIAL_ENERGY, RADIAL_STEP_MM, _share_out, voxel_kernel

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("GLISSON_TEST_DATA", ROOT.parent / "shared" / "data"))
SMOOTH = 100.0
"""Weight of the bends of the fitted radial function against the relative misfit of 1 %."""

PEER = """
import sys, time
import numpy as np, pymedphys
d = np.load(sys.argv[1])
axes = tuple(np.arange(n) * s for n, s in zip(d["reference"].shape, d["spacing"]))
start = time.perf_counter()
found = pymedphys.gamma(axes, d["reference"], axes, d["evaluated"], 3, 3, lower_percent_dose_cutoff=10,
                        interp_fraction=int(sys.argv[3]), max_gamma=2)
np.save(sys.argv[2], found)
print("seconds", time.perf_counter() - start)
"""


def tables() -> dict[float, np.ndarray]:
    """Voxel side in mm -> (6, 6, 6) published S-values of one octant."""
    found = {}
    for path in sorted((DATA / "y90_vsv").glob("90Y*mmsoft.txt")):
        octant = np.zeros((6, 6, 6))
        for line in path.read_text().splitlines()[2:]:
            if line.strip():
                i, j, k, value = line.split()
                octant[int(i), int(j), int(k)] = float(value)
        found[float(re.search(r"90Y([\d.]+)mm", path.name)[1])] = octant  # type: ignore[index]
    return dict(sorted(found.items()))


def kernels_against_tables() -> None:
    """Energy of each table and of ours, and the largest difference as a share of the largest S-value."""
    print(f"{'voxel mm':<12}{'table MeV':>10}{'ours MeV':>10}{'largest difference, % of S000':>32}")
    for side, octant in tables().items():
        mass = 1.04e-6 * side**3
        many = np.where(np.arange(6) == 0, 1, 2)
        weight = many[:, None, None] * many[:, None] * many
        mev = [float((octant * weight).sum()) * 1e-9 * mass / 1.602176634e-13]
        kernel = voxel_kernel((side,) * 3)
        ours = s_values(kernel, NUCLIDES["Y-90"])
        mev.append(float(ours.sum()) * 1e-9 * mass / 1.602176634e-13)
        reach = min(kernel.reach[0], 5)
        middle = kernel.reach[0]
        part = ours[middle:, middle:, middle:][: reach + 1, : reach + 1, : reach + 1] * mev[0] / mev[1]
        worst = np.abs(part - octant[: reach + 1, : reach + 1, : reach + 1]).max() / octant[0, 0, 0]
        print(f"{side:<12}{mev[0]:10.4f}{mev[1]:10.4f}{100 * worst:32.2f}")


def refit() -> None:
    """Fit the radial function to all tables again and print how far the constants in the package are from it."""
    count = len(RADIAL_ENERGY) - 1
    falls = np.triu(np.ones((count, count)))  # values from falls, so that the function never rises
    rows, targets = [], []
    for side, octant in tables().items():
        share = (octant * 1e-9 * 1.04e-6 * side**3 / 1.602176634e-13).ravel()
        columns = np.stack([shell(node, side) for node in range(count)], axis=1) @ falls
        many = np.where(np.arange(6) == 0, 1, 2)
        weight = np.sqrt((many[:, None, None] * many[:, None] * many).ravel()) / np.hypot(0.01 * share, 1e-5)
        seen = share > 3e-4 * share.max()
        rows.append((columns * weight[:, None])[seen])
        targets.append((share * weight)[seen])
    bends = np.diff(np.vstack([falls, np.zeros(count)]), 2, axis=0) * SMOOTH
    found = falls @ nnls(np.vstack([*rows, bends]), np.concatenate([*targets, np.zeros(len(bends))]))[0]
    total = RADIAL_STEP_MM * (found.sum() - found[0] / 2)
    print("fitted again:", np.round(found / total, 4).tolist(), f"{total:.4f} MeV")
    print(f"largest difference from the package: {np.abs(found / total - RADIAL_ENERGY[:-1]).max():.4f} per mm")


def shell(node: int, side: float) -> np.ndarray:
    """Flat octant of 6 voxels a side of the energy between the radii beside a node, weighted by nearness to it."""
    octant = np.zeros((8, 8, 8))
    nodes, weights = np.polynomial.legendre.leggauss(4)
    for start in (node - 1, node):
        if start < 0:
            continue
        part = (nodes + 1) / 2
        near = part if start == node - 1 else 1 - part
        for radius, weight in zip(RADIAL_STEP_MM * (start + part), near * weights / 2, strict=True):
            _share_out(octant, np.full(3, radius / side), RADIAL_STEP_MM * weight, 24)
    many = np.where(np.arange(8) == 0, 1, 2)
    return (octant / (many[:, None, None] * many[:, None] * many))[:6, :6, :6].ravel()


def convolution() -> None:
    """Time of the liver box of a scan, and how cost grows with the kernel; against shifted copies on a small grid."""
    shape, spacing = (343, 273, 97), (0.57, 0.57, 1.6)
    chance = np.random.default_rng(0)
    activity = ActivityMap(Volume(chance.random(shape, np.float32), Grid.axial(shape, spacing)))
    print(
        f"{'kernel, 343x273x97 at 0.57x0.57x1.6 mm':<50}{best_of(1, lambda: voxel_kernel.__wrapped__(spacing)):8.3f} s"
    )
    print(f"{'voxel kernel dose on that box':<50}{best_of(5, lambda: dose_map(activity)):8.3f} s")
    for side in (6.0, 4.0, 3.0, 2.0, 1.5, 1.0):
        grid = Grid.axial((100, 100, 100), (side,) * 3)
        map_ = ActivityMap(Volume(chance.random(grid.shape, np.float32), grid))
        width = 2 * voxel_kernel((side,) * 3).reach[0] + 1
        print(f"{f'100x100x100 of {side:g} mm, kernel {width}^3':<50}{best_of(3, lambda m=map_: dose_map(m)):8.3f} s")
    grid = Grid.axial((24, 24, 24), (3.0,) * 3)
    small = ActivityMap(Volume(chance.random(grid.shape, np.float32), grid))
    kernel = voxel_kernel(grid.spacing_mm)
    padded = np.pad(small.gbq.data.astype(np.float64), [(r, r) for r in kernel.reach])
    direct = sum(
        kernel.shares[at] * padded[tuple(slice(o, o + n) for o, n in zip(at, grid.shape, strict=True))]
        for at in np.ndindex(kernel.shares.shape)
    )
    ours = dose_map(small).gy.data / (49.67 / (27e-6 * 1.04))
    print(f"{'largest difference from the direct sum':<50}{np.abs(ours - direct).max() / direct.max():8.1e}")


def histograms() -> None:
    """Largest error of the sphere in a gradient, in % of its volume, on 3 mm dose grids."""
    table = {-0.5: 0.84375, 0.0: 0.5, 0.25: 0.316406, 0.5: 0.15625, 0.75: 0.042969}
    dose_grid = Grid.axial((21, 21, 21), (3.0,) * 3, (-30.0,) * 3)
    places = dose_grid.to_mm(np.moveaxis(np.indices(dose_grid.shape), 0, -1))
    chance = np.random.default_rng(4)
    for radius in (3.0, 5.0, 10.0):
        worst, volume = 0.0, 0.0
        for _ in range(10):
            centre, way = chance.uniform(-1.5, 1.5, 3), chance.normal(size=3)
            dose = np.maximum(100.0 + 4.0 * ((places - centre) @ (way / np.linalg.norm(way))), 0.0)
            side = radius / 20
            grid = Grid.axial((48,) * 3, (side,) * 3, tuple(centre - 23.5 * side))
            shape = occupancy_of_shape(lambda p, c=centre, r=radius: np.linalg.norm(p - c, axis=-1) - r, grid)
            found = dvh(Volume(dose, dose_grid), shape)
            errors = [abs(float(found.volume_at(100.0 + 4.0 * radius * t)) - v) for t, v in table.items()]
            worst = max(worst, *errors)
            volume = max(volume, abs(found.volume_ml / (4 / 3 * np.pi * radius**3 / 1000) - 1))
        print(
            f"sphere of {radius:g} mm: largest error {100 * worst:.3f} % of the volume; volume {100 * volume:.3f} % off"
        )


def gamma_against_peer(peer: str | None) -> None:
    """Time on one random smooth field, and beside pymedphys in the same run."""
    chance, shape, spacing = np.random.default_rng(1), (40, 36, 32), (2.0, 2.5, 3.0)
    fields = [gaussian_filter(chance.normal(size=shape), 3) for _ in range(2)]
    fields = [field / field.std() for field in fields]
    reference = 60 + 20 * fields[0]
    evaluated = reference * 1.01 + 2.5 * fields[1]
    grid = Grid.axial(shape, spacing)
    found = gamma_map(Volume(reference, grid), Volume(evaluated, grid))
    ours = best_of(3, lambda: gamma_map(Volume(reference, grid), Volume(evaluated, grid)))
    print(f"gamma of {found.points} points: {ours:.2f} s, {found.pass_percent:.2f} % pass")
    if peer is None:
        print("pymedphys: left out (give a Python that has it)")
        return
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        np.savez(work / "in.npz", reference=reference, evaluated=evaluated, spacing=spacing)
        for fraction in (10, 20):
            command = [peer, "-c", PEER, str(work / "in.npz"), str(work / "out.npy"), str(fraction)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            seconds = float(re.findall(r"seconds ([\d.]+)", done.stdout)[-1])
            apart = (found.gamma.data - np.load(work / "out.npy"))[np.isfinite(found.gamma.data)]
            print(
                f"pymedphys, steps of a {fraction}th of 3 mm: {seconds:.1f} s, {seconds / ours:.0f} times ours; ours "
                f"minus theirs {apart.min():+.4f} to {apart.max():+.4f}, mean {apart.mean():+.4f}"
            )


def main() -> None:
    """Print all tables."""
    if (DATA / "y90_vsv").exists():
        kernels_against_tables()
        refit()
    else:
        print(f"no published tables at {DATA / 'y90_vsv'}: comparison left out")
    convolution()
    histograms()
    gamma_against_peer(sys.argv[1] if len(sys.argv) > 1 else None)


if __name__ == "__main__":
    main()
