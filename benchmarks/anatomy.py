"""Vessel anatomy beside its peers, in one run: territories, skeleton and graph, the whole step on the real patient.

Usage: python -m benchmarks.anatomy [PYTHON_WITH_KIMIMARO]. That interpreter is of another environment, in which
`pip install kimimaro` was done; without it that row is left out.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

REAL = Path(os.environ.get("GLISSON_TEST_DATA", Path(__file__).parents[2] / "shared" / "data")) / "ircadb-01"
BOX, VOXEL_MM = (300, 300, 150), (0.8, 0.68, 1.35)
"""13.5 million voxels around a virtual liver."""


Timed = tuple[float, float]
"""Wall seconds and processor seconds (of all threads); the second does not depend on what else the machine does."""


def best_of(times: int, work: Callable[[], object]) -> tuple[Timed, object]:
    """Shortest of several runs, and what the last one gave."""
    wall, cpu, result = float("inf"), float("inf"), None
    for _ in range(times):
        start, used = time.perf_counter(), time.process_time()
        result = work()
        wall, cpu = min(wall, time.perf_counter() - start), min(cpu, time.process_time() - used)
    return (wall, cpu), result


def row(what: str, timed: Timed, beside: Timed | None = None) -> None:
    """One row of the printed table: wall and processor seconds, and how many times less than the peer's."""
    ratio = f"{beside[0] / timed[0]:8.1f} x {beside[1] / timed[1]:6.1f} x" if beside else ""
    print(f"{what:<62}{timed[0]:8.2f} s {timed[1]:6.2f} s{ratio}")


def virtual_liver():
    """A virtual patient's liver and portal tree on the box; branches from 1.1 mm on, as masks show."""
    from glisson.anatomy import tree_of_points
    from glisson.geometry import Grid, resample_mask
    from glisson.simulate import virtual_patient

    patient = virtual_patient(seed=1, lesions=0, shape=(96, 96, 64), spacing_mm=(4.0, 4.0, 4.0))
    made = patient.truth.portal
    shown = made.radius_mm >= 1.1
    for node, up in enumerate(made.parent):
        shown[node] &= up < 0 or shown[up]
    rank = np.cumsum(shown) - 1
    up = np.where(made.parent[shown] < 0, -1, rank[made.parent[shown]])
    tree = tree_of_points("portal", made.nodes_mm[shown], up, made.radius_mm[shown])
    where = patient.scene.liver.grid.to_mm(np.argwhere(patient.scene.liver.data))
    middle = (where.min(axis=0) + where.max(axis=0)) / 2
    corner = middle - (np.array(BOX) - 1) * VOXEL_MM / 2
    return tree, resample_mask(patient.scene.liver, Grid.axial(BOX, VOXEL_MM, tuple(corner)))


def against_transforms() -> None:
    """Territories beside SciPy's feature transform of the box and a k-d tree over the liver's voxels."""
    from scipy.ndimage import distance_transform_edt
    from scipy.spatial import cKDTree

    from glisson.anatomy import territories
    from glisson.anatomy.territories import conducting
    from glisson.geometry import Mask

    tree, liver = virtual_liver()
    whole = Mask(np.ones(BOX, dtype=bool), liver.grid)
    serves = ~conducting(tree)[tree.branch] & (tree.parent >= 0)
    p, q = tree.nodes_mm[tree.parent[serves]], tree.nodes_mm[serves]
    steps = np.linspace(0, 1, 40)[None, 1:, None]
    sites = (p[:, None] * (1 - steps) + q[:, None] * steps).reshape(-1, 3)
    owner = np.repeat(tree.branch[serves], 39) + 1
    index = np.rint(liver.grid.to_index(sites)).astype(int)
    held = ((index >= 0) & (index < BOX)).all(axis=1)
    labels = np.zeros(BOX, dtype=np.uint16)
    labels[tuple(index[held].T)] = owner[held]

    def feature() -> np.ndarray:
        found = distance_transform_edt(labels == 0, sampling=VOXEL_MM, return_distances=False, return_indices=True)
        return labels[tuple(found)]

    def kd(mask: Mask) -> np.ndarray:
        return owner[cKDTree(sites).query(mask.grid.to_mm(np.argwhere(mask.data)), workers=2)[1]]

    ours, found = best_of(3, lambda: territories(tree, liver))
    box, _ = best_of(3, lambda: territories(tree, whole))
    peer, other = best_of(2, feature)
    near, nearest = best_of(2, lambda: kd(liver))
    print(
        f"{liver.count / 1e6:.1f} of {np.prod(BOX) / 1e6:.1f} million voxels are liver; {len(tree.branches)} branches"
    )
    row("SciPy feature transform of the box", peer)
    row("k-d tree, liver voxels", near)
    row("Glisson territories, every voxel of the box", box, peer)
    row("Glisson territories, liver (against the feature transform)", ours, peer)
    row("Glisson territories, liver (against the k-d tree)", ours, near)
    mine = found.labels.on(liver.grid)[liver.data]  # type: ignore[attr-defined]
    print(f"    same branch as the k-d tree without radii in {100 * np.mean(mine == nearest):.1f} % of the liver,")
    print(f"    as the feature transform without radii in {100 * np.mean(mine == other[liver.data]):.1f} %")  # type: ignore[index]


def real_scene():
    """Liver, portal vein, hepatic veins with cava and the lesions of the real patient."""
    import nibabel as nib

    from glisson.geometry import Grid, Mask
    from glisson.scene import LesionMask, Scene

    def mask(path: Path) -> Mask:
        image = nib.load(path)
        data = np.asarray(image.dataobj) > 0
        return Mask(data, Grid(data.shape, np.diag([-1.0, -1.0, 1.0, 1.0]) @ image.affine))

    files = {"liver": "liver", "portal": "portalvein", "hepatic": "hepaticveins_ivc"}
    found = {name: mask(REAL / f"{file}.nii.gz") for name, file in files.items()}
    lesions = [mask(path).trimmed() for path in sorted(REAL.glob("tumor*.nii.gz"))]
    grid = found["liver"].grid
    return Scene(
        grid,
        {name: one.trimmed() for name, one in found.items()},
        lesions=tuple(LesionMask(f"L{n}", one) for n, one in enumerate(lesions, 1)),
    )


def peer_skeleton(path: str) -> None:
    """Run by the other interpreter: kimimaro on a saved mask; prints wall and processor seconds."""
    import kimimaro

    saved = np.load(path)
    labels, spacing = saved["mask"].astype(np.uint32), tuple(saved["spacing"])
    options = {"scale": 1.5, "const": 3.0, "pdrf_scale": 1e5, "pdrf_exponent": 4}
    start, used = time.perf_counter(), time.process_time()
    kimimaro.skeletonize(labels, teasar_params=options, anisotropy=spacing, dust_threshold=10, parallel=1)
    print(time.perf_counter() - start, time.process_time() - used)


def against_skeletons(peer: str | None) -> None:
    """Skeleton, graph, root and directed branches beside scikit-image's bare skeleton and kimimaro's skeleton."""
    from skimage.morphology import skeletonize

    from glisson.anatomy import vessel_tree, whole_liver

    scene = real_scene()
    liver, mask = whole_liver(scene), scene.structures["portal"]
    bare, _ = best_of(2, lambda: skeletonize(mask.data))
    ours, tree = best_of(2, lambda: vessel_tree(mask, liver=liver, kind="portal"))
    row("scikit-image: skeleton voxels only", bare)
    row(f"Glisson: skeleton, graph, root, {len(tree.branches)} directed branches", ours, bare)  # type: ignore[attr-defined]
    if peer is None:
        print("kimimaro was left out: name an interpreter that has it")
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mask.npz"
        np.savez(path, mask=mask.data, spacing=np.array(mask.grid.spacing_mm))
        command = [peer, __file__, "--peer", str(path)]
        runs = [subprocess.run(command, capture_output=True, text=True, check=True).stdout.split() for _ in range(2)]
    best = min(float(one[0]) for one in runs), min(float(one[1]) for one in runs)
    row("kimimaro: skeleton (TEASAR)", best)
    row("Glisson (against kimimaro)", ours, best)


def whole_step() -> None:
    """The whole vessel anatomy of the real patient, with the liver joined and the cava split before."""
    from glisson.anatomy import split_cava, vessel_anatomy, whole_liver

    scene = real_scene()

    def step() -> object:
        return vessel_anatomy(scene, whole_liver(scene), split_cava(scene), margin_mm=5.0, central_within_mm=15.0)

    row("anatomy of the real patient, 512x512x129, 7 lesions", best_of(3, step)[0])


def main() -> None:
    """Print the table."""
    if sys.argv[1:2] == ["--peer"]:
        peer_skeleton(sys.argv[2])
        return
    against_transforms()
    if REAL.exists():
        against_skeletons(sys.argv[1] if len(sys.argv) > 1 else None)
        whole_step()
    else:
        print(f"the real patient is not at {REAL}: the rest was left out")


if __name__ == "__main__":
    main()
