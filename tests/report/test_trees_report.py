"""Pictures of vessel trees and territories: what they name, that they are the same every time, and where things lie."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from glisson.anatomy import split_cava, vessel_anatomy, whole_liver
from glisson.report.figures import parts_of
from glisson.report.figures.palette import BRANCHES, rgb
from glisson.report.figures.trees import territory_slices, vessel_trees
from glisson.simulate import virtual_patient


@pytest.fixture(scope="module")
def drawn():
    scene = virtual_patient(seed=31, lesions=1, shape=(120, 120, 80), spacing_mm=(3.2, 3.2, 3.4), axes="RAS").scene
    liver, split = whole_liver(scene), split_cava(scene)
    found = vessel_anatomy(scene, liver, split, margin_mm=5.0, central_within_mm=15.0)
    return found.systems, liver, parts_of(scene, liver, None, split)


def pixels(picture) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(picture.png)).convert("RGB")).astype(int)


def near(image: np.ndarray, colour: str) -> np.ndarray:
    return np.abs(image - rgb(colour)).sum(axis=2) < 40


def test_trees_carry_their_names_and_sides(drawn):
    systems, liver, _ = drawn
    picture = vessel_trees(systems, liver)
    assert picture.png == vessel_trees(systems, liver).png
    assert "left portal vein" in picture.alt
    assert "middle hepatic vein" in picture.alt
    image = pixels(picture)
    assert image.shape[:2] == (picture.height, picture.width)
    names = [n.name for n in systems["hepatic"].names.named]
    half = image[:, image.shape[1] // 2 :]
    columns = {}
    for branch, name in enumerate(dict.fromkeys(_order(systems["hepatic"]))):
        columns[name] = np.nonzero(near(half, BRANCHES[branch]))[1].mean()
    assert {"right hepatic vein", "left hepatic vein"} <= set(names)
    assert columns["right hepatic vein"] < columns["left hepatic vein"]  # the patient's right is on the left


def _order(system) -> list[str]:
    stems = {b: named.name for named in system.names.named for b in named.branches}
    return [stems[b.id] for b in system.territories.tree.branches if b.id in stems]


@pytest.mark.parametrize("kind", ["portal", "hepatic"])
def test_territories_are_tinted_and_listed(drawn, kind):
    systems, _, parts = drawn
    picture = territory_slices(parts, systems[kind])
    assert picture.png == territory_slices(parts, systems[kind]).png
    for name in _order(systems[kind]):
        assert name in picture.alt
    image = pixels(picture)
    coloured = np.ptp(image, axis=2) > 40
    assert coloured.mean() > 0.1
