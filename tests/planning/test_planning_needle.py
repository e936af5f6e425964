"""Needles in a made trunk of boxes, whose free ways a hand can find, and on the real patient."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from glisson.anatomy import split_cava, whole_liver
from glisson.errors import InputError
from glisson.geometry import Grid, Mask
from glisson.imaging import read_mask
from glisson.planning.needle import needle_paths, parallel_path
from glisson.planning.needle_fan import BLOCKED, LEAVES_SCAN, OPEN, TOO_LONG, directions, fan
from glisson.planning.needle_map import NeedleRules, needle_map
from glisson.planning.needle_measure import distance_to_segment
from glisson.planning.needle_pareto import front, spread_front
from glisson.report.figures import parts_of
from glisson.report.figures.needles import Surroundings, needle_picture
from glisson.scene import LesionMask, Scene

GRID = Grid.axial((100, 100, 60), (2.0, 2.0, 3.0), (-99.0, -99.0, -88.5))
"""Edges of the voxels at -100, 100 mm (L, P) and -90, 90 mm (S)."""

POINTS = GRID.to_mm(np.indices(GRID.shape).transpose(1, 2, 3, 0))


def box(*limits):
    """Voxels whose centres lie between (low, high) along L, P and S."""
    result = np.ones(GRID.shape, bool)
    for axis, (low, high) in enumerate(limits):
        result &= (POINTS[..., axis] > low) & (POINTS[..., axis] < high)
    return Mask(result, GRID)


ALL = (-300, 300)
LESION = Mask(np.linalg.norm(POINTS, axis=-1) <= 8.0, GRID)


def rules(forbidden, **changes):
    given = {
        "device_length_mm": 150, "least_tract_mm": 5, "enough_tract_mm": 10, "enough_clearance_mm": 10,
        "enough_vessel_mm": 5, "enough_lung_mm": 20, "easy_capsule_degrees": 30, "easy_tilt_degrees": 10,
    }  # fmt: skip
    return NeedleRules(forbidden=forbidden, **(given | changes))


def trunk(forbidden, asked=rules, **structures):
    """Body 160 mm wide and deep, liver 80 mm, the lesion in the middle; organs by name."""
    masks = {"skin": box((-80, 80), (-80, 80), ALL), "liver": box((-40, 40), (-40, 40), (-30, 30)), **structures}
    scene = Scene(GRID, masks, lesions=(LesionMask("L1", LESION.trimmed()),))
    liver = whole_liver(scene)
    return SimpleNamespace(scene=scene, liver=liver, map=needle_map(scene, liver, asked(forbidden)))


def shield(open_side):
    """Bone around the liver on all sides but one."""
    walls = {
        "front": box((-60, 60), (-60, -54), ALL), "back": box((-60, 60), (54, 60), ALL),
        "right": box((-60, -54), (-60, 60), ALL), "left": box((54, 60), (-60, 60), ALL),
    }  # fmt: skip
    roof = box((-60, 60), (-60, 60), (40, 300)).data | box((-60, 60), (-60, 60), (-300, -40)).data
    return Mask(np.any([mask.data for name, mask in walls.items() if name != open_side], axis=0) | roof, GRID)


@pytest.mark.parametrize("side", ["front", "back", "left", "right"])
def test_the_only_open_side_is_found(side):
    made = trunk({"bone": 2.0}, bone=shield(side))
    found = needle_paths(made.map, "L1", LESION, ways=4000)
    assert 1 <= len(found.paths) <= 10
    assert all(path.side.startswith(side) for path in found.paths)
    best = found.paths[0]
    assert best.clearance_mm["bone"] >= 2.0
    assert best.length_mm == pytest.approx(80 / abs(best.direction[:2]).max(), abs=2.5)
    assert sum(found.fates.values()) == found.tried == 4000


def test_straight_way_is_measured_as_drawn():
    """From the front along P: 80 mm to the skin, capsule at 40, lesion to 8, a rod of bone 20 mm beside it."""
    made = trunk({"bone": 2.0}, bone=box((20, 24), (-70, -50), ALL), portal=box((-14, -10), (-34, -20), ALL))
    path = parallel_path(made.map, LESION, np.zeros(3), np.array([0.0, 1.0, 0.0]))
    assert path.length_mm == pytest.approx(80, abs=1.5)
    assert path.in_lesion_mm == pytest.approx(8, abs=1.0)
    assert path.tract_mm == pytest.approx(32, abs=1.5)
    assert 19.8 <= path.clearance_mm["bone"] <= 20.0
    assert 9.7 <= path.vessel_mm <= 10.0
    assert path.capsule_degrees == pytest.approx(0, abs=3)
    assert path.tilt_degrees == 0
    assert path.limiting == "bone"
    assert path.side == "front"
    assert path.lung_mm is None
    assert path.entry_mm == pytest.approx([0, -80, 0], abs=1.5)


def test_tip_beyond_the_target():
    made = trunk({"bone": 2.0}, bone=box((-4, 4), (20, 26), ALL))
    near = parallel_path(made.map, LESION, np.zeros(3), np.array([0.0, 1.0, 0.0]), beyond_mm=15)
    assert near.tip_mm == pytest.approx([0, 15, 0])
    assert near.length_mm == pytest.approx(95, abs=1.5)
    assert 4.6 <= near.clearance_mm["bone"] <= 5.0
    assert parallel_path(made.map, LESION, np.zeros(3), np.array([0.0, 1.0, 0.0]), beyond_mm=19) is None


def test_fates():
    made = trunk({"bone": 2.0, "colon": 5.0}, bone=box((-10, 10), (-70, -60), ALL))
    ways = np.array([[0, -1, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0]], float)
    assert fan(made.map, LESION, np.zeros(3), ways).fate.tolist() == [BLOCKED, OPEN, LEAVES_SCAN, OPEN]
    short = trunk({"bone": 2.0}, lambda f: rules(f, device_length_mm=60.0), bone=box((-10, 10), (-70, -60), ALL))
    assert fan(short.map, LESION, np.zeros(3), ways).fate.tolist()[1] == TOO_LONG
    assert made.map.not_checked == ("colon",)


def test_trees_are_forbidden_outside_the_liver_only():
    tree = box((-4, 4), (-70, -10), ALL)
    made = trunk({"portal": 2.0}, portal=tree)
    ways = np.array([[0, -1, 0], [0, 1, 0]], float)
    assert fan(made.map, LESION, np.zeros(3), ways).fate.tolist() == [BLOCKED, OPEN]
    within = trunk({"portal": 2.0}, portal=box((-4, 4), (-38, -10), ALL))
    assert fan(within.map, LESION, np.zeros(3), ways).fate.tolist() == [OPEN, OPEN]


def test_fan_agrees_with_a_plain_walk():
    """Oracle: the distance of each whole ray to every bone voxel, by brute force, away from the sieve's own grain."""
    rng = np.random.default_rng(3)
    bone = np.zeros(GRID.shape, bool)
    for at in rng.uniform(-60, 60, (60, 3)):
        if np.linalg.norm(at) > 25:
            bone |= np.linalg.norm(POINTS - at, axis=-1) <= 6
    made = trunk({"bone": 4.0}, bone=Mask(bone, GRID))
    ways = directions(600)
    found = fan(made.map, LESION, np.zeros(3), ways)
    voxels = POINTS[bone]
    checked = 0
    for way, fate, length in zip(ways, found.fate, found.length_mm, strict=True):
        if fate not in (OPEN, BLOCKED):
            continue
        inside = 80.0 / np.abs(way[:2]).max()
        if inside * abs(way[2]) > 80:
            continue
        room = distance_to_segment(voxels, 8 * way, inside * way)[0].min() - 1.2 - 4.0
        if abs(room) > 2.5:
            assert (fate == OPEN) == (room > 0)
            checked += 1
        if fate == OPEN:
            assert length == pytest.approx(inside, abs=3.0)
    assert checked > 200


def test_given_paths_keep_what_is_demanded_on_the_outlines():
    made = trunk({"bone": 4.0}, bone=shield("front"))
    voxels = POINTS[made.scene.structures["bone"].data]
    for path in needle_paths(made.map, "L1", LESION, ways=5000).paths:
        away, _ = distance_to_segment(voxels, path.tip_mm, path.entry_mm)
        assert away.min() >= 4.0
        assert path.clearance_mm["bone"] <= away.min()
        assert path.clearance_mm["bone"] >= away.min() - np.linalg.norm(GRID.spacing_mm) / 2


def test_no_way_says_why():
    closed = Mask(shield("front").data | shield("left").data, GRID)
    made = trunk({"bone": 2.0}, bone=closed)
    found = needle_paths(made.map, "L1", LESION, ways=500)
    assert found.paths == ()
    assert "No straight path" in found.notes[-1]
    assert found.fates["blocked"] == 500


def test_no_skin_no_map():
    scene = Scene(GRID, {"liver": box((-40, 40), (-40, 40), (-30, 30))})
    assert needle_map(scene, scene.liver, rules({"bone": 2.0})) is None


def test_bad_input():
    made = trunk({"bone": 2.0}, bone=shield("front"))
    with pytest.raises(InputError, match="empty"):
        needle_paths(made.map, "L1", Mask(np.zeros(GRID.shape, bool), GRID))
    with pytest.raises(InputError, match="target"):
        needle_paths(made.map, "L1", LESION, target_mm=np.array([500.0, 0, 0]))
    with pytest.raises(InputError, match="tract"):
        rules({}, least_tract_mm=-1)
    with pytest.raises(InputError, match="device_length_mm"):
        rules({}, device_length_mm=0)


@settings(max_examples=60)
@given(arrays(np.float64, st.tuples(st.integers(1, 25), st.integers(1, 4)), elements=st.integers(0, 5)))
def test_front_against_the_definition(costs):
    kept = set(front(costs).tolist())
    for place, row in enumerate(costs):
        beaten = any((other <= row).all() and (other < row).any() for other in costs)
        equal_before = any((other == row).all() for other in costs[:place])
        assert (place in kept) == (not beaten and not equal_before)


def test_spread_front_starts_with_the_most_balanced():
    costs = np.array([[0, 4.0], [1, 1], [4, 0], [5, 5]])
    order = list(spread_front(costs, np.eye(3)[[0, 1, 2, 0]], 25.0))
    assert order[0] == 1
    assert 3 not in order


def test_same_input_same_paths():
    made = trunk({"bone": 2.0}, bone=shield("left"))
    first, second = (needle_paths(made.map, "L1", LESION, ways=3000).paths for _ in range(2))
    assert [p.entry_mm.tolist() for p in first] == [p.entry_mm.tolist() for p in second]


def test_picture_of_the_paths():
    bone = shield("front")
    made = trunk({"bone": 2.0, "colon": 5.0}, bone=bone)
    found = needle_paths(made.map, "L1", LESION, ways=2000)
    parts = parts_of(made.scene, made.liver)
    around = Surroundings(GRID, {"bone": bone})
    first, second = (needle_picture(parts, found, around) for _ in range(2))
    assert first.png == second.png
    assert first.png.startswith(b"\x89PNG")
    assert "Not checked: colon" in first.caption
    assert "lesion L1" in first.alt
    closed = trunk({"bone": 2.0}, bone=Mask(shield("front").data | shield("left").data, GRID))
    none = needle_paths(closed.map, "L1", LESION, ways=200)
    assert needle_picture(parts, none, around) is None


def test_what_became_of_every_way_is_kept_for_the_map():
    """The count of each fate is that given, and every barred way ends at bone (nearest voxel by brute force)."""
    bone = shield("front")
    made = trunk({"bone": 2.0}, bone=bone)
    found = needle_paths(made.map, "L1", LESION, ways=500)
    assert np.bincount(found.fate, minlength=4).tolist() == list(found.fates.values())
    barred = found.fate == BLOCKED
    ends = found.target_mm + directions(500)[barred] * found.reach_mm[barred, None]
    voxels = POINTS[bone.data]
    nearest = [float(np.sqrt(((voxels - end) ** 2).sum(axis=1).min())) for end in ends[::10]]
    assert len(nearest) > 20
    assert max(nearest) < 2.0 + float(np.linalg.norm(GRID.spacing_mm))


@pytest.mark.real
def test_real_patient(ircadb):
    """Every lesion is reached, and brute force over all voxels of each organ agrees with the clearances given."""
    files = {
        "liver": "liver", "skin": "skin", "bone": "bone", "lung_left": "leftlung", "lung_right": "rightlung",
        "spleen": "spleen", "kidney_right": "rightkidney", "hepatic": "hepaticveins_ivc", "portal": "portalvein",
    }  # fmt: skip
    masks = {name: read_mask(ircadb / f"{file}.nii.gz") for name, file in files.items()}
    grid = masks["liver"].grid
    lesions = tuple(LesionMask(f"L{n}", read_mask(ircadb / f"tumor0{n}.nii.gz").trimmed()) for n in (2, 6))
    scene = Scene(grid, {name: mask.trimmed() for name, mask in masks.items()}, lesions=lesions)
    liver = whole_liver(scene)
    asked = rules({"bone": 2, "lung_right": 5, "lung_left": 5, "spleen": 2, "kidney_right": 2, "cava": 5, "colon": 5})
    made = needle_map(scene, liver, asked, cava=split_cava(scene).cava)
    assert made.not_checked == ("colon",)
    for lesion in lesions:
        found = needle_paths(made, lesion.id, lesion.mask, ways=20_000)
        assert found.paths
        path = found.paths[0]
        for name in ("bone", "lung_right", "spleen"):
            voxels = grid.to_mm(np.argwhere(masks[name].data))
            away = distance_to_segment(voxels, path.tip_mm, path.entry_mm)[0].min()
            assert away - 1.0 <= path.clearance_mm[name] <= away
