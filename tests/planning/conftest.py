"""A liver of boxes whose volumes a hand can compute."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest

from glisson.anatomy import segment_map, whole_liver
from glisson.case import loads_case
from glisson.geometry import Grid, Labels, Mask
from glisson.planning import standard_resections
from glisson.scene import LesionMask, Scene

NORMAL = "patient: {height_cm: 170, weight_kg: 70}\nliver: {background: normal, chemotherapy_months: 0}\n"
"""Expected liver volume 1509.7 mL (Vauthey 2002 with Mosteller, computed by hand), remnant needed 20 %."""


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


@pytest.fixture
def box_liver(scene_of, labels) -> Callable[..., SimpleNamespace]:
    def make(lesions=(), natures=(), record: str = NORMAL, given=None, on: Grid | None = None) -> SimpleNamespace:
        """The box liver with lesions, planned: scene, liver, segments and resections by name and in order."""
        scene = scene_of(lesions=lesions, segments=labels if given is None else given, on=on)
        liver = whole_liver(scene)
        segments = segment_map(scene, liver)
        natures = list(natures) or ["confirmed"] * len(lesions)
        found = [SimpleNamespace(id=f"L{n}", nature=nature) for n, nature in enumerate(natures, 1)]
        ranked = standard_resections(loads_case(f"id: a\n{record}"), scene, liver, segments, found)
        by_name = {resection.name: resection for resection in ranked}
        return SimpleNamespace(scene=scene, liver=liver, segments=segments, ranked=ranked, by_name=by_name)

    return make
