"""Needle paths: 200 000 ways to each lesion beside plain NumPy sampling and a mesh of what is forbidden.

Usage: python -m benchmarks.needles. The real patient where its folder is there (GLISSON_TEST_DATA), else a made one.
The mesh version needs trimesh with embreex in the running Python and is left out without them.
"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import numpy as np

from benchmarks.measure import best_of
from glisson.anatomy import split_cava, whole_liver
from glisson.geometry import Mask, surface
from glisson.imaging import read_mask
from glisson.planning.needle import needle_paths
from glisson.planning.needle_fan import OPEN, directions, fan, passed
from glisson.planning.needle_map import AIR, EDGE, NeedleMap, NeedleRules, needle_map
from glisson.scene import LesionMask, Scene
from glisson.simulate import virtual_patient

REAL = Path(os.environ.get("GLISSON_TEST_DATA", Path(__file__).parents[2] / "shared" / "data")) / "ircadb-01"
WAYS = 200_000
FILES = {
    "liver": "liver", "skin": "skin", "bone": "bone", "lung_left": "leftlung", "lung_right": "rightlung",
    "spleen": "spleen", "kidney_left": "leftkidney", "kidney_right": "rightkidney", "portal": "portalvein",
    "hepatic": "hepaticveins_ivc", "artery": "artery",
}  # fmt: skip
ORGANS = ("bone", "lung_left", "lung_right", "spleen", "kidney_left", "kidney_right", "portal", "hepatic", "artery")
RULES = NeedleRules(
    forbidden={name: 5.0 if "lung" in name else 2.0 for name in ORGANS}, device_length_mm=200, least_tract_mm=5,
    enough_tract_mm=10, enough_clearance_mm=10, enough_vessel_mm=5, enough_lung_mm=20, easy_capsule_degrees=30,
    easy_tilt_degrees=10,
)  # fmt: skip


def scene() -> Scene:
    """The real patient's structures, or a made one's."""
    if not REAL.exists():
        return virtual_patient(seed=1).scene
    masks = {name: read_mask(REAL / f"{file}.nii.gz") for name, file in FILES.items()}
    found = sorted(REAL.glob("tumor*.nii.gz"))
    lesions = tuple(LesionMask(f"L{n}", read_mask(file).trimmed()) for n, file in enumerate(found, 1))
    grid = masks["liver"].grid
    return Scene(grid, {name: mask.trimmed() for name, mask in masks.items()}, lesions=lesions)


def ours(at: NeedleMap, lesion: Mask, target: np.ndarray, ways: np.ndarray) -> np.ndarray:
    """Which ways are open, and everything that is looked up on those."""
    found = fan(at, lesion, target, ways)
    passed(at, lesion, found, np.flatnonzero(found.fate == OPEN))
    return found.fate == OPEN


def plain(at: NeedleMap, target: np.ndarray, ways: np.ndarray, start_mm: float) -> np.ndarray:
    """The same map sampled every mm of every way, in blocks: what NumPy does without steps that follow the distance."""
    origin = at.grid.to_index(target)
    per_mm = ways @ np.linalg.inv(at.grid.affine[:3, :3]).T
    t = np.arange(start_mm, at.rules.device_length_mm)
    result = np.zeros(len(ways), bool)
    top = np.array(at.grid.shape) - 1
    for first in range(0, len(ways), 5000):
        index = np.rint(origin + per_mm[first : first + 5000, None] * t[:, None]).astype(np.int32).clip(0, top)
        value = at.room[index[..., 0], index[..., 1], index[..., 2], 0]
        ends = value >= AIR
        skin = np.where(ends.any(axis=1), ends.argmax(axis=1), len(t))
        blocked = ((value < 0) & (np.arange(len(t)) < skin[:, None])).any(axis=1)
        last = value[np.arange(len(value)), np.minimum(skin, len(t) - 1)]
        result[first : first + 5000] = (last >= AIR) & (last < EDGE) & ~blocked
    return result


def by_mesh(patient: Scene, target: np.ndarray, ways: np.ndarray) -> np.ndarray:
    """Rays against the triangles of every forbidden organ: no clearance, only whether a ray hits."""
    import trimesh

    result = np.ones(len(ways), bool)
    for name in ORGANS:
        if name not in patient.structures:
            continue
        mesh = surface(patient.structures[name])
        shape = trimesh.Trimesh(mesh.vertices_mm, mesh.faces, process=False)
        result &= ~shape.ray.intersects_any(np.repeat(target[None], len(ways), axis=0), ways)
    return result


def main() -> None:
    """Print the table."""
    patient = scene()
    liver = whole_liver(patient)
    cava = split_cava(patient).cava
    at = needle_map(patient, liver, RULES, cava=cava)
    if at is None:
        raise SystemExit("the scene has no skin")
    made = best_of(3, lambda: needle_map(patient, liver, RULES, cava=cava))
    print(f"map of clearance, {at.grid.describe()}: {made:.2f} s")
    ways = directions(WAYS)
    for lesion in patient.lesions:
        target = np.asarray(lesion.mask.centroid_mm)
        radius = float((lesion.mask.volume_ml * 750 / np.pi) ** (1 / 3))
        fast = best_of(3, lambda one=lesion, t=target: ours(at, one.mask, t, ways))
        slow = best_of(1, lambda t=target, r=radius: plain(at, t, ways, r))
        agree = 100 * float((ours(at, lesion.mask, target, ways) == plain(at, target, ways, radius)).mean())
        listed = best_of(3, lambda one=lesion: needle_paths(at, one.id, one.mask))
        print(
            f"{lesion.id}: {WAYS} ways {fast:.2f} s, plain NumPy {slow:.2f} s (agree on {agree:.1f} %); "
            f"list of paths from 50 000 ways {listed:.2f} s"
        )
    if importlib.util.find_spec("trimesh") is None:
        print("mesh version left out: pip install trimesh embreex")
        return
    target = np.asarray(patient.lesions[0].mask.centroid_mm)
    print(f"rays on meshes, hits only, meshing included: {best_of(3, lambda: by_mesh(patient, target, ways), 1):.2f} s")


if __name__ == "__main__":
    main()
