"""3D-IRCADb-01 patient 1: remnants and margins against a count on the files with NumPy and SciPy alone."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from glisson.anatomy import segment_map, whole_liver
from glisson.case import loads_case
from glisson.geometry import Grid, Labels, Mask
from glisson.planning import standard_resections
from glisson.scene import LesionMask, Scene

pytestmark = pytest.mark.real

SPACING = (0.57, 0.57, 1.6)
VOXEL_ML = 0.57 * 0.57 * 1.6 / 1000.0
CASE = "id: a\npatient: {height_cm: 175, weight_kg: 80}\nliver: {background: normal, chemotherapy_months: 0}\n"


@pytest.fixture(scope="module")
def real(ircadb):
    """The planned resections, and the arrays of the files."""
    import nibabel

    def array(name: str) -> np.ndarray:
        return np.asarray(nibabel.load(ircadb / f"{name}.nii.gz").dataobj)

    image = nibabel.load(ircadb / "liver.nii.gz")
    grid = Grid(image.shape, np.diag([-1.0, -1.0, 1.0, 1.0]) @ image.affine)
    liver, labels = array("liver") > 0, array("couinaud").astype(np.uint8)
    tumours = {f"L{n}": array(f"tumor0{n}") > 0 for n in range(1, 8)}
    lesions = tuple(LesionMask(name, Mask(tumour, grid).trimmed()) for name, tumour in tumours.items())
    scene = Scene(grid, {"liver": Mask(liver, grid).trimmed()}, lesions=lesions, segments=Labels(labels, grid))
    whole = whole_liver(scene)
    segments = segment_map(scene, whole)
    facts = [SimpleNamespace(id=name, nature="confirmed") for name in tumours]
    ranked = standard_resections(loads_case(CASE), scene, whole, segments, facts)
    return SimpleNamespace(ranked=ranked, liver=liver, labels=labels, tumours=tumours)


@pytest.fixture(scope="module")
def counted(real) -> tuple[np.ndarray, np.ndarray]:
    """Segment of every liver voxel by SciPy's feature transform of the files' labels, and the tumour, on a box."""
    from scipy.ndimage import distance_transform_edt, find_objects

    whole = real.liver.copy()
    tumour = np.zeros_like(whole)
    for mask in real.tumours.values():
        tumour |= mask
    whole |= tumour
    (box,) = find_objects(whole.astype(np.uint8))
    labels = np.where(whole[box], real.labels[box], 0)
    nearest = distance_transform_edt(labels == 0, SPACING, return_distances=False, return_indices=True)
    return np.where(whole[box], labels[tuple(nearest)], 0), tumour[box]


def test_remnants_by_an_independent_count(real, counted):
    labels, tumour = counted
    numerals = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII")
    working_ml = ((labels > 0) & ~tumour).sum() * VOXEL_ML
    for item in real.ranked:
        removed = np.isin(labels, [numerals.index(name) + 1 for name in item.segments])
        stays_ml = ((labels > 0) & ~removed & ~tumour).sum() * VOXEL_ML
        assert item.removed_ml == pytest.approx(removed.sum() * VOXEL_ML, abs=0.5)
        assert item.remnant_nontumour_ml == pytest.approx(stays_ml, abs=0.5)
        assert item.remnant_percent_nontumour == pytest.approx(100 * stays_ml / working_ml, abs=0.05)
        assert item.removed_voxels + item.remnant_voxels == (labels > 0).sum()
        assert item.removed_ml + item.remnant_ml == pytest.approx(1489.4, abs=0.1)


def test_margins_lie_within_a_voxel_of_the_distance_between_voxel_centres(real, counted):
    from scipy.ndimage import distance_transform_edt

    labels, _ = counted
    step = float(np.linalg.norm(SPACING))
    corner = np.argwhere(real.liver).min(axis=0)
    box = tuple(slice(c, c + n) for c, n in zip(corner, labels.shape, strict=True))
    checked = 0
    for name, mask in real.tumours.items():
        tumour = mask[box]
        for label, numeral in ((2, "Segmentectomy II"), (8, "Segmentectomy VIII"), (4, "Left medial sectionectomy")):
            item = next(r for r in real.ranked if r.name == numeral)
            margin = item.margins_mm[name]
            inside = set(np.unique(labels[tumour]))
            assert (margin is not None) == (inside == {label})
            if margin is not None:
                away = distance_transform_edt(~((labels > 0) & (labels != label)), SPACING)
                assert away[tumour].min() - step <= margin <= away[tumour].min() + 0.3
                checked += 1
    assert checked == 2


def test_what_the_best_ranked_clear(real):
    first = real.ranked[0]
    assert first.name == "Left trisectionectomy"
    assert first.clears == ("L1", "L3", "L6", "L7")
    assert first.margin_notes["L4"].startswith("the cut runs through it")
    assert all(len(item.clears) < 7 for item in real.ranked)
    named = {item.name: item for item in real.ranked}
    assert named["Right hepatectomy"].remnant_percent_nontumour == pytest.approx(29.2, abs=0.1)
    assert named["Right trisectionectomy"].verdict == "too little"
