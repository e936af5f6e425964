"""Wedges on livers whose answer a hand can compute, and properties that every wedge must have."""

from __future__ import annotations

import cc3d
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glisson.errors import InputError
from glisson.geometry import Grid, Mask, surface
from glisson.planning.liver_voxels import LiverVoxels
from glisson.planning.wedge import wedge
from glisson.planning.wedge_candidates import as_candidate, clusters, wedge_candidates

GRID = Grid.axial((80, 80, 60), (1.0, 1.0, 1.5))
POINTS = GRID.to_mm(np.indices(GRID.shape).transpose(1, 2, 3, 0))


def slab(depth=60):
    """Liver from the plane y = 9.5 (its capsule) backwards, wide and high enough that the front is nearest."""
    return Mask((POINTS[..., 1] >= 10) & (POINTS[..., 1] < 10 + depth), GRID)


def ball(centre, radius):
    return Mask(np.linalg.norm(POINTS - np.array(centre), axis=-1) <= radius, GRID)


def test_shortest_way_out_is_taken():
    """A lesion 12 mm behind the front of a slab: out to the front, a cylinder that widens a little."""
    lesion = ball((40, 30, 45), 8)
    found = wedge(slab(), {"L1": lesion}, 5.0)
    assert found.approach @ [0, -1, 0] > np.cos(np.radians(20))
    assert found.margins_mm["L1"] >= 4.95
    assert found.margins_mm["L1"] < 6.5
    radius, depth = 13.0, 20.5
    cylinder = (np.pi * radius**2 * depth + 2 / 3 * np.pi * radius**3) / 1000
    assert cylinder * 0.95 < found.removed_ml < cylinder * 1.45
    assert found.depth_mm == pytest.approx(depth + radius, abs=4)
    assert found.functional_ml == pytest.approx(found.removed_ml - lesion.volume_ml)
    assert not found.detached


def test_cut_area_of_a_hemisphere():
    """A lesion at the capsule: little more than half a ball is removed, its cut is that half's outline."""
    found = wedge(slab(), {"L1": ball((40, 10, 45), 8)}, 5.0)
    assert found.cut_mm2 == pytest.approx(2 * np.pi * 13.3**2, rel=0.15)
    assert found.opening_mm2 == pytest.approx(np.pi * 13.3**2, rel=0.3)
    assert found.is_wedge


def test_deep_lesion_is_no_wedge():
    found = wedge(slab(), {"L1": ball((40, 42, 45), 3)}, 2.0)
    assert not found.is_wedge
    assert "no longer a wedge" in found.notes[0]


@settings(max_examples=12)
@given(
    st.tuples(st.integers(15, 65), st.integers(14, 40), st.integers(20, 68)), st.floats(2.5, 8.0), st.floats(0.0, 8.0)
)
def test_every_wedge_keeps_its_margin_and_reaches_the_capsule(centre, radius, margin):
    liver, lesion = slab(), ball(centre, radius)
    found = wedge(liver, {"L1": lesion}, margin)
    removed = found.mask.on(GRID)
    assert not (removed & ~liver.data).any()
    assert not (lesion.data & liver.data & ~removed).any()
    assert cc3d.connected_components(removed, connectivity=26).max() == 1
    assert found.opening_mm2 > 0
    assert found.margins_mm["L1"] >= margin - 0.35
    assert found.removed_ml == pytest.approx(removed.sum() * GRID.voxel_ml)


def test_larger_margin_never_takes_less():
    volumes = [wedge(slab(), {"L1": ball((40, 26, 45), 6)}, mm).removed_ml for mm in (0, 2, 4, 6, 8)]
    assert volumes == sorted(volumes)


def test_what_must_stay_limits_the_margin():
    lesion = ball((40, 24, 45), 6)
    vein = Mask(np.hypot(POINTS[..., 0] - 40, POINTS[..., 1] - 35) <= 3, GRID)
    found = wedge(slab(), {"L1": lesion}, 5.0, keep=vein)
    assert not (found.mask.on(GRID) & vein.data).any()
    assert found.detached
    assert found.margins_mm["L1"] == pytest.approx(2.0, abs=0.5)
    assert found.margins_beside_mm["L1"] >= 4.5
    voxels = numbered(slab())
    assert as_candidate(found, voxels, accept_mm=1.0).needs == ""
    strict = as_candidate(found, voxels, accept_mm=3.0)
    assert strict.needs == "vessel-detachment"
    assert strict.lesions["L1"] == found.margins_beside_mm["L1"]


def numbered(liver: Mask) -> LiverVoxels:
    return LiverVoxels(liver, np.zeros(liver.count, np.bool_))


def test_close_lesions_get_one_wedge_too():
    near = {"L1": ball((34, 20, 45), 5), "L2": ball((46, 20, 45), 5), "L3": ball((40, 60, 20), 4)}
    found = wedge_candidates(slab(), near, 5.0)
    assert [item.lesions for item in found] == [("L1",), ("L2",), ("L3",), ("L1", "L2")]
    apart = sum(item.functional_ml for item in found[:2])
    assert found[3].functional_ml < apart
    candidate = as_candidate(found[3], numbered(slab()), accept_mm=1.0, segments=("V",))
    assert candidate.id == "wedge-L1-L2"
    assert candidate.label == "wedge V"
    assert len(candidate.costs["removed"]) == found[3].mask.count


def test_clusters_are_pairs_and_small_groups():
    meshes = {f"L{n}": surface(ball((20 + 14 * n, 30, 45), 4)) for n in range(3)}
    assert clusters(meshes, 7.0) == (("L0", "L1"), ("L1", "L2"), ("L0", "L1", "L2"))
    assert clusters(meshes, 5.0) == ()


def test_same_input_same_wedge():
    first, second = (wedge(slab(), {"L1": ball((30, 25, 40), 6)}, 5.0) for _ in range(2))
    assert first.mask.data.tobytes() == second.mask.data.tobytes()


def test_bad_input():
    with pytest.raises(InputError, match="margin"):
        wedge(slab(), {"L1": ball((40, 30, 45), 5)}, -1.0)
    with pytest.raises(InputError, match="liver"):
        wedge(slab(), {"L1": ball((40, 4, 10), 2)}, 1.0)
