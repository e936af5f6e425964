"""Scenes whose measures have closed forms, and a real patient."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from glisson.anatomy import SegmentMap
from glisson.case import Case, loads_case
from glisson.geometry import Grid, Labels, Mask
from glisson.scene import LesionMask, Scene

ANGLE = np.radians(20.0)
DIRECTIONS = {
    "straight": np.eye(3),
    "flipped": np.diag([-1.0, -1.0, 1.0]),
    "mirrored": np.diag([1.0, 1.0, -1.0]),
    "oblique": np.array([[1, 0, 0], [0, np.cos(ANGLE), -np.sin(ANGLE)], [0, np.sin(ANGLE), np.cos(ANGLE)]]),
    "slices along i": np.eye(3)[:, [2, 0, 1]],
}


@pytest.fixture
def case() -> Callable[..., Case]:
    def make(*lines: str) -> Case:
        return loads_case("id: a-case\n" + "".join(line + "\n" for line in lines))

    return make


@pytest.fixture
def grid() -> Callable[..., Grid]:
    def make(spacing=(1.0, 1.0, 1.0), how: str = "straight", reach_mm: float = 45.0) -> Grid:
        """A grid around the origin."""
        columns = DIRECTIONS[how] * np.array(spacing)
        shape = tuple(int(2 * np.ceil(reach_mm / s)) + 1 for s in spacing)
        affine = np.eye(4)
        affine[:3, :3] = columns
        affine[:3, 3] = -columns @ ((np.array(shape) - 1) / 2)
        return Grid(shape, affine)

    return make


def points(grid: Grid) -> np.ndarray:
    return grid.to_mm(np.indices(grid.shape).transpose(1, 2, 3, 0))


@pytest.fixture
def ball() -> Callable[..., Mask]:
    def draw(grid: Grid, centre, radius) -> Mask:
        """A ball, or an ellipsoid along L, P and S when three radii are given; LPS mm."""
        away = (points(grid) - np.array(centre)) / np.array(radius)
        return Mask((away**2).sum(axis=-1) <= 1.0, grid)

    return draw


@pytest.fixture
def rod() -> Callable[..., Mask]:
    def draw(grid: Grid, through, radius: float) -> Mask:
        """A vessel straight up through a point, from border to border."""
        away = points(grid)[..., :2] - np.array(through)
        return Mask((away**2).sum(axis=-1) <= radius**2, grid)

    return draw


@pytest.fixture
def segments() -> Callable[..., SegmentMap]:
    def make(liver: Mask, right: int = 7, left: int = 2) -> SegmentMap:
        """Two segments, with the border at x = 0; the patient's left is where x grows."""
        labels = np.where(points(liver.grid)[..., 0] > 0, left, right) * liver.data
        return SegmentMap(Labels(labels.astype(np.uint8), liver.grid), 100.0)

    return make


@pytest.fixture
def scene() -> Callable[..., Scene]:
    def make(liver: Mask, lesions: dict[str, Mask], **structures: Mask) -> Scene:
        masks = tuple(LesionMask(name, mask.trimmed(), "drawn") for name, mask in lesions.items())
        return Scene(liver.grid, {"liver": liver, **structures}, lesions=masks)

    return make


@pytest.fixture(scope="session")
def patient(ircadb: Path) -> SimpleNamespace:
    """3D-IRCADb-01 patient 1 as a scene, read with nibabel; `file` gives the path of a mask."""
    import nibabel as nib

    def read(name: str) -> tuple[np.ndarray, Grid]:
        image = nib.load(ircadb / f"{name}.nii.gz")
        data = np.asarray(image.dataobj)
        return data, Grid(data.shape, np.diag([-1.0, -1.0, 1.0, 1.0]) @ image.affine)

    def mask(name: str) -> Mask:
        data, grid = read(name)
        return Mask(data > 0, grid).trimmed()

    names = {"liver": "liver", "portal": "portalvein", "hepatic": "hepaticveins_ivc", "spleen": "spleen"}
    labels, grid = read("couinaud")
    lesions = tuple(LesionMask(f"L{n}", mask(f"tumor0{n}"), f"tumor0{n}.nii.gz") for n in range(1, 8))
    structures = {name: mask(file) for name, file in names.items()}
    whole = Scene(grid, structures, lesions=lesions, segments=Labels(labels.astype(np.uint8), grid))
    return SimpleNamespace(scene=whole, labels=labels, file=lambda name: str(ircadb / f"{name}.nii.gz"))
