"""Territories and what is lost with a branch, and the names of branches.

Oracles: a brute-force nearest search written here, planes for symmetric trees, the flow of virtual patients (which the
generator shares out by a rule of its own), expert Couinaud segments of a real liver.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glisson.anatomy import (
    SEGMENT_NAMES,
    TracedTree,
    lost_when_cut,
    name_branches,
    territories,
    tree_of_points,
    vessel_tree,
)
from glisson.errors import InputError, SceneError
from glisson.geometry import Grid, Mask
from glisson.simulate import virtual_patient


def box_liver(shape=(40, 30, 20), spacing=(2.0, 2.0, 2.5)) -> Mask:
    return Mask(np.ones(shape, bool), Grid.axial(shape, spacing))


def y_tree(kind="hepatic", radius=(3.0, 2.0, 2.0)) -> TracedTree:
    """A trunk up the middle of the box (x = 39) that divides into two mirror-image branches."""
    nodes = [(39, 0, 24), (39, 20, 24), (20, 40, 24), (58, 40, 24)]
    return tree_of_points(kind, nodes, [-1, 0, 1, 1], [radius[0], *radius])


def test_mirror_images_share_the_liver_evenly():
    found = territories(y_tree("portal"), box_liver())
    left, right = found.volumes_ml[1:3]
    assert left == pytest.approx(right, rel=0.02)
    assert found.counts.sum() == 40 * 30 * 20
    assert found.subtree_ml[0] == pytest.approx(box_liver().volume_ml)


def test_a_trunk_that_only_hands_on_feeds_nothing_but_a_vein_drains_along_its_length():
    assert territories(y_tree("portal"), box_liver()).volumes_ml[0] == 0
    assert territories(y_tree("hepatic"), box_liver()).volumes_ml[0] > 1


def test_a_thick_branch_reaches_further():
    even = territories(y_tree("hepatic"), box_liver()).volumes_ml
    uneven = territories(y_tree("hepatic", (3.0, 2.0, 5.0)), box_liver()).volumes_ml
    assert uneven[2] > 1.02 * even[2]


def test_cutting_a_branch_loses_it_and_all_behind_it_once():
    found = territories(y_tree("hepatic"), box_liver())
    one, both, all_of_it = (lost_when_cut(found, *cut) for cut in ((1,), (1, 2), (0, 1)))
    assert one.volume_ml == pytest.approx(found.volumes_ml[1])
    assert both.volume_ml == pytest.approx(found.volumes_ml[1:].sum())
    assert all_of_it.volume_ml == pytest.approx(box_liver().volume_ml)
    assert all_of_it.share_percent == pytest.approx(100)
    assert not (one.mask.data & lost_when_cut(found, 2).mask.data).any()
    with pytest.raises(InputError, match="at least one"):
        lost_when_cut(found)
    with pytest.raises(InputError, match="not 9"):
        lost_when_cut(found, 9)


def test_an_empty_liver_and_a_single_point():
    liver = box_liver()
    with pytest.raises(SceneError, match="empty"):
        territories(y_tree(), Mask(np.zeros_like(liver.data), liver.grid))
    point = territories(tree_of_points("portal", [(5, 5, 5)], [-1], [2.0]), liver)
    assert point.counts.tolist() == [liver.count]


@settings(max_examples=8)
@given(st.integers(0, 10_000))
def test_every_voxel_goes_to_the_branch_a_search_of_all_points_finds(seed):
    rng = np.random.default_rng(seed)
    shape = tuple(int(n) for n in rng.integers(12, 30, 3))
    grid = Grid.axial(shape, tuple(rng.uniform(0.5, 3.0, 3)))
    inside = rng.random(shape) < 0.9
    inside[0, 0, 0] = True
    liver = Mask(inside, grid)
    count = int(rng.integers(2, 12))
    nodes = grid.to_mm(rng.uniform(0, 1, (count, 3)) * shape)
    parent = np.array([-1, *[int(rng.integers(0, n)) for n in range(1, count)]])
    tree = tree_of_points("hepatic", nodes, parent, np.full(count, rng.uniform(0.5, 6)))
    found = territories(tree, liver)
    voxels = found.labels.grid.to_mm(np.argwhere(found.labels.data > 0))
    best = np.full(len(voxels), np.inf)
    owner = np.zeros(len(voxels), int)
    for branch in tree.branches:  # one radius: plain nearest
        line = tree.line_mm(branch.id)
        dense = np.concatenate([a + np.linspace(0, 1, 101)[1:, None] * (b - a) for a, b in pairwise(line)] or [line])
        gap = np.min([((voxels - p) ** 2).sum(1) for p in dense], axis=0)
        owner[gap < best - 1e-9], best = branch.id, np.minimum(best, gap)
    labels = found.labels.data[found.labels.data > 0].astype(int) - 1
    assert (found.labels.data > 0).sum() == liver.count
    assert (labels == owner).mean() > 0.97  # the lines are sampled every millimetre


@pytest.fixture(scope="module", params=[31, 32])
def patient(request):
    return virtual_patient(seed=request.param, lesions=0, shape=(150, 150, 100), spacing_mm=(2.5, 2.5, 2.5))


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return 2 * float((a & b).sum()) / float(a.sum() + b.sum())


def given(truth, least_mm=0.0, kind="portal"):
    """The generator's tree, without branches thinner than that, as points; and the old numbers of its points."""
    made = getattr(truth, kind)
    keep = made.radius_mm >= least_mm
    for node, up in enumerate(made.parent):
        keep[node] &= up < 0 or keep[up]
    old = np.flatnonzero(keep)
    rank = np.full(len(keep), -1)
    rank[old] = np.arange(len(old))
    up = np.where(made.parent[old] < 0, -1, rank[made.parent[old]])
    return tree_of_points(kind, made.nodes_mm[old], up, made.radius_mm[old]), made, old


def segment_dice(patient, least_mm=0.0) -> np.ndarray:
    """Dice of what is fed by each segment's branches with the segment, as the generator's flow has it."""
    tree, made, _ = given(patient.truth, least_mm)
    found = territories(tree, patient.scene.liver)
    where = {tuple(p): n for n, p in enumerate(made.nodes_mm.round(6).tolist())}
    of_branch = [
        np.bincount([made.segment[where[tuple(tree.nodes_mm[n].round(6).tolist())]] for n in b.points]).argmax()
        for b in tree.branches
    ]
    truth = patient.truth.segments.on(found.labels.grid)
    got = np.array([0, *of_branch])[found.labels.data]
    return np.array([dice(got == value, truth == value) for value in SEGMENT_NAMES])


def test_with_the_whole_tree_segments_are_those_of_the_flow(patient):
    assert segment_dice(patient).min() >= 0.95


def test_with_a_pruned_tree_they_fall_off_gracefully(patient):
    curve = [segment_dice(patient, least).mean() for least in (0.0, 0.8, 1.1, 1.5, 2.0)]
    assert curve == sorted(curve, reverse=True)
    assert curve[1] > 0.9
    assert curve[2] > 0.82
    assert curve[3] > 0.72
    assert curve[4] > 0.6


def test_with_the_whole_tree_what_hangs_on_a_branch_is_what_the_flow_gives_it(patient):
    """For every branch that feeds more than 15 mL: lost voxels against the generator's, downstream of the same edge."""
    tree, made, _ = given(patient.truth)
    found = territories(tree, patient.scene.liver)
    fed = patient.truth.territories.on(found.labels.grid).astype(int) - 1
    where = {tuple(p): n for n, p in enumerate(made.nodes_mm.round(6).tolist())}
    first_below = np.arange(len(made.parent))
    scores = []
    for branch in tree.branches:
        if found.subtree_ml[branch.id] < 15:
            continue
        top = where[tuple(tree.nodes_mm[branch.points[0]].round(6).tolist())]
        below = first_below == top
        for node, up in enumerate(made.parent):
            below[node] |= up >= 0 and below[up]
        truth = (fed >= 0) & below[np.maximum(fed, 0)]
        scores.append(dice(lost_when_cut(found, branch.id).mask.data, truth))
    assert len(scores) > 30
    assert np.mean(scores) >= 0.95
    assert min(scores) > 0.85


def test_drainage_is_that_of_the_flow(patient):
    tree, made, _ = given(patient.truth, kind="hepatic")
    found = territories(tree, patient.scene.liver)
    drained = patient.truth.drainage
    truth = drained.on(found.labels.grid)
    where = {tuple(p): n for n, p in enumerate(made.nodes_mm.round(6).tolist())}
    for value, name in ((1, "right hepatic vein"), (2, "middle hepatic vein"), (3, "left hepatic vein")):
        mine = [
            b.id + 1
            for b in tree.branches
            if made.names[where[tuple(tree.nodes_mm[b.points[-1]].round(6).tolist())]].startswith(name)
        ]
        assert dice(np.isin(found.labels.data, mine), truth == value) >= 0.95


def test_named_branches_of_a_traced_mask_serve_what_their_names_say(patient):
    scene = patient.scene
    tree = vessel_tree(scene.structures["portal"], liver=scene.liver, kind="portal")
    found = territories(tree, scene.liver)
    names = name_branches(found)
    segments = patient.truth.segments.on(found.labels.grid)
    for name, held in (
        ("left portal vein", (1, 2, 3, 4)), ("right portal vein", (5, 6, 7, 8)), ("right anterior branch", (5, 8)),
        ("right posterior branch", (6, 7)),
    ):  # fmt: skip
        if name in names:
            fed = segments[found.mask(names[name].branches[0]).data]
            assert np.isin(fed, held).mean() > 0.85
    assert {"main portal vein", "left portal vein", "right portal vein"} <= {n.name for n in names.named}
    veins = vessel_tree(scene.structures["hepatic"], liver=scene.liver, kind="hepatic", cava=scene.structures["cava"])
    drained = name_branches(territories(veins, scene.liver))
    assert {"right hepatic vein", "middle hepatic vein", "left hepatic vein"} <= {n.name for n in drained.named}
    assert any("common trunk of middle and left" in words for words in drained.variants)


SIDES = {"left": (62, 12, 30), "anterior": (14, 12, 35), "posterior": (14, 52, 25)}
"""Ends of the three large branches in the box below; x grows to the left, y to the back."""


def portal_of(paths, entry=(40, 30, -20), hilum=(40, 30, 20)) -> TracedTree:
    """A portal tree from the runs of points after the hilum, each starting at a point already there."""
    nodes, parent = [entry, hilum], [-1, 0]
    for run in paths:
        at = nodes.index(run[0])
        for point in run[1:]:
            nodes.append(point)
            parent.append(at)
            at = len(nodes) - 1
    return tree_of_points("portal", nodes, parent, [5.0, 5.0] + [3.0] * (len(nodes) - 2))


HILUM = (40, 30, 20)


@pytest.mark.parametrize(
    ("paths", "variant", "right"),
    [
        (
            [
                [HILUM, SIDES["left"]],
                [HILUM, (24, 30, 25)],
                [(24, 30, 25), SIDES["anterior"]],
                [(24, 30, 25), SIDES["posterior"]],
            ],
            "",
            True,
        ),
        ([[HILUM, SIDES[side]] for side in SIDES], "trifurcation", False),
        (
            [
                [HILUM, SIDES["posterior"]],
                [HILUM, (40, 18, 22)],
                [(40, 18, 22), SIDES["anterior"]],
                [(40, 18, 22), SIDES["left"]],
            ],
            "right posterior branch from the main portal vein",
            False,
        ),
    ],
)
def test_the_common_pattern_and_its_variants(paths, variant, right):
    liver = box_liver((40, 32, 24), (2.0, 2.0, 2.5))
    found = territories(portal_of(paths), liver)
    names = name_branches(found)
    assert any(variant in words for words in names.variants) if variant else not names.variants
    assert ("right portal vein" in names) == right
    for side, name in (
        ("left", "left portal vein"), ("anterior", "right anterior branch"), ("posterior", "right posterior branch")
    ):  # fmt: skip
        line = found.tree.line_mm(names[name].branches[-1])
        np.testing.assert_allclose(line[-1], SIDES[side])
        assert names.of(found, names[name].branches[-1]) == name


def test_what_the_anatomy_does_not_allow_is_not_named():
    liver = box_liver((40, 32, 24), (2.0, 2.0, 2.5))
    straight = name_branches(territories(portal_of([[HILUM, (60, 30, 30)]]), liver))
    assert straight.named == ()
    assert "no fork" in straight.notes[0]
    front_and_back = portal_of([[HILUM, (40, 6, 30)], [HILUM, (40, 58, 30)]])
    assert "left portal vein" not in name_branches(territories(front_and_back, liver))
    artery = tree_of_points("artery", [(0, 0, 0), (9, 9, 9)], [-1, 0], [1, 1])
    assert name_branches(territories(artery, liver)).named == ()


@pytest.mark.real
def test_a_real_liver_is_shared_out_exactly_and_as_experts_drew_its_segments(real_anatomy):
    scene, liver, anatomy = real_anatomy
    for system in anatomy.systems.values():
        found = system.territories
        assert found.counts.sum() == liver.count
        assert np.array_equal(found.labels.on(liver.grid) > 0, liver.data)
    found, names = anatomy.systems["portal"].territories, anatomy.systems["portal"].names
    drawn = scene.segments.on(found.labels.grid)
    for name, held in (
        ("left portal vein", (1, 2, 3, 4)), ("right anterior branch", (5, 8)), ("right posterior branch", (6, 7)),
    ):  # fmt: skip
        fed = drawn[found.mask(names[name].branches[0]).data]
        assert np.isin(fed[fed > 0], held).mean() > 0.68
    assert [n.name for n in anatomy.systems["hepatic"].names.named][:3] == [
        "right hepatic vein", "middle hepatic vein", "left hepatic vein",
    ]  # fmt: skip
