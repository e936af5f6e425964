"""A liver of boxes whose volumes a hand can compute."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from glisson.anatomy import VesselAnatomy, split_cava, vessel_anatomy, whole_liver
from glisson.geometry import Grid, Labels, Mask
from glisson.scene import LesionMask, Scene


def box_labels() -> np.ndarray:
    """Eight boxes of segments in a 60x40x40 array whose axes run along L, P, S; 45 000 voxels of liver."""
    labels = np.zeros((60, 40, 40), np.uint8)
    labels[5:25, 5:20, 5:20] = 5
    labels[5:25, 20:35, 5:20] = 6
    labels[5:25, 20:35, 20:35] = 7
    labels[5:25, 5:20, 20:35] = 8
    labels[25:40, 5:25, 5:35] = 4
    labels[25:40, 25:35, 5:35] = 1
    labels[40:55, 5:35, 5:20] = 3
    labels[40:55, 5:35, 20:35] = 2
    return labels


@pytest.fixture
def labels() -> np.ndarray:
    return box_labels()


@pytest.fixture
def grid() -> Grid:
    return Grid.axial((60, 40, 40), (3.0, 3.0, 3.0))


@pytest.fixture
def cube() -> Callable[..., np.ndarray]:
    def draw(i: tuple[int, int], j: tuple[int, int], k: tuple[int, int], shape=(60, 40, 40)) -> np.ndarray:
        result = np.zeros(shape, bool)
        result[slice(*i), slice(*j), slice(*k)] = True
        return result

    return draw


@pytest.fixture
def scene_of(grid: Grid, labels: np.ndarray) -> Callable[..., Scene]:
    def make(liver=None, lesions=(), segments=None, on: Grid | None = None, **structures) -> Scene:
        """A scene from arrays on one grid; lesions get the ids L1, L2, ..."""
        at = on or grid
        masks = {"liver": Mask(labels > 0 if liver is None else liver, at)}
        masks |= {name: Mask(array, at) for name, array in structures.items()}
        found = tuple(LesionMask(f"L{n}", Mask(array, at).trimmed()) for n, array in enumerate(lesions, 1))
        return Scene(at, masks, lesions=found, segments=None if segments is None else Labels(segments, at))

    return make


@pytest.fixture(scope="session")
def real_scene(ircadb: Path) -> Scene:
    """3D-IRCADb-01 patient 1, masks only, read with nibabel."""
    import nibabel as nib

    def read(name: str) -> tuple[np.ndarray, Grid]:
        image = nib.load(ircadb / f"{name}.nii.gz")
        data = np.asarray(image.dataobj)
        return data, Grid(data.shape, np.diag([-1.0, -1.0, 1.0, 1.0]) @ image.affine)

    def mask(name: str) -> Mask:
        data, at = read(name)
        return Mask(data > 0, at).trimmed()

    files = {"liver": "liver", "portal": "portalvein", "hepatic": "hepaticveins_ivc"}
    labels, at = read("couinaud")
    lesions = tuple(LesionMask(f"L{n}", mask(f"tumor0{n}")) for n in range(1, 8))
    structures = {name: mask(file) for name, file in files.items()}
    return Scene(at, structures, lesions=lesions, segments=Labels(labels.astype(np.uint8), at))


@pytest.fixture(scope="session")
def real_anatomy(real_scene: Scene) -> tuple[Scene, Mask, VesselAnatomy]:
    """The same patient, the whole liver, and what its vessels say."""
    liver = whole_liver(real_scene)
    split = split_cava(real_scene)
    return real_scene, liver, vessel_anatomy(real_scene, liver, split, margin_mm=5.0, central_within_mm=15.0)
