"""Traced vessel trees: tubes a hand can measure, damaged masks, virtual patients whose trees are known, a real one.

Oracles: closed forms for tubes, networkx for the structure of trees, the generator's own tree.
"""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from glisson.anatomy import tree_of_points, vessel_tree
from glisson.errors import FrameMismatch, InputError, SceneError
from glisson.geometry import Grid, Mask, resample_mask
from glisson.simulate import virtual_patient
from glisson.simulate.organ import draw_vessels

SHAPE, SPACING = (110, 70, 70), (1.0, 1.0, 1.25)
Y = (((-30, 35, 40), (40, 35, 40), 5.0), ((40, 35, 40), (80, 60, 40), 3.5), ((40, 35, 40), (80, 10, 40), 3.0))
"""A trunk from the left border and two branches."""


def drawn(grid: Grid, *tubes) -> np.ndarray:
    """Voxels within a radius of the segments (start, end, radius), LPS mm."""
    points = grid.to_mm(np.indices(grid.shape).transpose(1, 2, 3, 0))
    result = np.zeros(grid.shape, bool)
    for start, end, radius in tubes:
        start, end = np.array(start, float), np.array(end, float)
        along = np.clip((points - start) @ (end - start) / max((end - start) @ (end - start), 1e-9), 0.0, 1.0)
        result |= np.linalg.norm(points - start - along[..., None] * (end - start), axis=-1) <= radius
    return result


@pytest.fixture(scope="module")
def grid() -> Grid:
    return Grid.axial(SHAPE, SPACING)


@pytest.fixture(scope="module")
def liver(grid: Grid) -> Mask:
    """A box that the trunk of Y enters at x = 30."""
    inside = np.zeros(grid.shape, bool)
    inside[30:105, 3:67, 3:67] = True
    return Mask(inside, grid)


def traced(grid, liver, *tubes, kind="portal", **asked):
    return vessel_tree(Mask(drawn(grid, *tubes), grid), liver=liver, kind=kind, **asked)


def test_a_forked_tube_has_three_branches_one_junction_and_its_own_radii(grid, liver):
    tree = traced(grid, liver, *Y)
    assert len(tree.branches) == 3
    assert [b.parent for b in tree.branches] == [-1, 0, 0]
    assert [b.generation for b in tree.branches] == [1, 2, 2]
    assert [b.order for b in tree.branches] == [2, 1, 1]
    np.testing.assert_allclose(tree.branch_points_mm, [(40, 35, 40)], atol=1.5)
    widest = sorted((b.radius_mm for b in tree.branches), reverse=True)
    np.testing.assert_allclose(widest, [5.0, 3.5, 3.0], atol=0.6)
    for branch in tree.branches[1:]:
        assert branch.length_mm == pytest.approx(np.hypot(40, 25), abs=4.0)
        assert tree.line_mm(branch.id)[-1][0] > 70
    assert np.abs(tree.nodes_mm[:, 2] - 40).max() < 1.3


@pytest.mark.parametrize("flips", [(0,), (2,), (0, 1, 2)])
def test_the_tree_does_not_depend_on_the_axes_of_the_array(grid, liver, flips):
    affine = grid.affine.copy()
    for axis in flips:
        affine[:3, 3] += affine[:3, axis] * (SHAPE[axis] - 1)
        affine[:3, axis] *= -1
    turned = Grid(SHAPE, affine)
    mask = Mask(np.ascontiguousarray(np.flip(drawn(grid, *Y), flips)), turned)
    tree = vessel_tree(mask, liver=Mask(np.ascontiguousarray(np.flip(liver.data, flips)), turned), kind="portal")
    np.testing.assert_allclose(tree.branch_points_mm, [(40, 35, 40)], atol=1.5)
    assert len(tree.branches) == 3


def test_same_mask_same_tree(grid, liver):
    one, other = traced(grid, liver, *Y), traced(grid, liver, *Y)
    assert one.nodes_mm.tobytes() == other.nodes_mm.tobytes()
    assert one.branches == other.branches


def test_a_point_given_turns_the_tree_round(grid, liver):
    tree = traced(grid, liver, *Y, root_hint_mm=(80, 60, 40))
    assert np.linalg.norm(tree.nodes_mm[0] - (80, 60, 40)) < 6
    assert tree.branches[0].radius_mm == pytest.approx(3.5, abs=0.6)
    with pytest.raises(InputError, match="LPS mm"):
        traced(grid, liver, *Y, root_hint_mm=(1, np.nan, 0))


def test_a_loop_is_cut_at_its_thinnest_place(grid, liver):
    thin = ((80, 60, 40), (80, 10, 40), 1.2)
    tree = traced(grid, liver, *Y, thin)
    assert "1 loop" in tree.notes[0]
    graph = nx.Graph((int(p), n) for n, p in enumerate(tree.parent) if p >= 0)
    assert nx.is_forest(graph)
    far = [b for b in tree.branches if not tree.children[b.id]]
    ends = [tree.line_mm(b.id)[-1] for b in far]
    assert all(abs(end[0] - 80) < 5 for end in ends)  # both ends of the cut lie on the thin bar
    assert len(tree.roots) == 1


@pytest.mark.parametrize(("gap", "bridged"), [(6.0, True), (25.0, False)])
def test_gaps_are_bridged_only_as_far_as_said(grid, liver, gap, bridged):
    tree = traced(grid, liver, ((-30, 35, 40), (50, 35, 40), 4.0), ((56 + gap, 35, 40), (98, 35, 40), 2.5))
    assert (len(tree.roots) == 1) == bridged
    assert any(b.bridged for b in tree.branches) == bridged
    assert tree.attached == 1
    assert any(("bridged" if bridged else "joined to no trunk") in note for note in tree.notes)


def test_what_runs_beside_a_gap_is_not_joined(grid, liver):
    """A piece parallel to the trunk, 9 mm beside it: neither end points at the other."""
    tree = traced(grid, liver, ((-30, 30, 40), (60, 30, 40), 4.0), ((45, 45, 40), (95, 45, 40), 2.5))
    assert len(tree.roots) == 2
    assert not any(b.bridged for b in tree.branches)


def test_bumps_are_no_branches_and_cavities_no_shells(grid, liver):
    tubes = drawn(grid, ((-30, 35, 40), (90, 35, 40), 5.0))
    tubes[60:63, 40:42, 31:33] = True
    tubes[50:52, 35, 32] = False
    tree = vessel_tree(Mask(tubes, grid), liver=liver, kind="portal")
    assert len(tree.branches) == 1
    assert tree.branches[0].length_mm == pytest.approx(90, abs=8)


def test_vessels_that_stay_outside_are_left_out(grid, liver):
    """The trunk divides outside the liver: the tree starts at that fork and holds neither arm."""
    tree = traced(grid, liver, *Y[1:], ((12, 35, 40), (40, 35, 40), 5.0), ((12, 35, 40), (0, 60, 40), 4.0),
                  ((12, 35, 40), (0, 10, 40), 4.0))  # fmt: skip
    assert np.linalg.norm(tree.nodes_mm[0] - (12, 35, 40)) < 6
    assert tree.nodes_mm[:, 0].min() > 6
    assert any("left out" in note for note in tree.notes)


def test_a_mask_cut_at_the_liver_starts_at_the_thickest_end_and_says_so(grid, liver):
    tree = traced(grid, liver, ((34, 35, 40), (60, 35, 40), 5.0), *[((60, 35, 40), end, 2.5) for end in
                  ((95, 60, 40), (95, 10, 40))])  # fmt: skip
    assert tree.nodes_mm[0][0] < 45
    assert any("does not leave the liver" in note for note in tree.notes)


def test_veins_start_at_their_mouths_and_a_bridge_between_them_is_cut(grid, liver):
    cava = Mask(drawn(grid, ((52, 35, -20), (52, 35, 120), 8.0)), grid)
    veins = drawn(grid, ((52, 35, 60), (95, 35, 30), 4.0), ((52, 35, 60), (35, 10, 30), 3.5), ((80, 35, 40),
                  (40, 15, 36), 1.2)) & ~cava.data  # fmt: skip
    tree = vessel_tree(Mask(veins, grid), liver=liver, kind="hepatic", cava=cava)
    assert tree.attached == len(tree.roots) == 2
    away = np.linalg.norm(tree.nodes_mm[tree.roots][:, :2] - (52, 35), axis=1)
    assert (away < 11.5).all()
    apart = vessel_tree(Mask(veins, grid), liver=liver, kind="hepatic")
    assert any("No mouth" in note for note in apart.notes)


def test_masks_that_hold_no_tree(grid, liver):
    ball = traced(grid, liver, ((60, 35, 40), (60, 35, 40), 6.0))
    assert len(ball.roots) == 1
    assert sum(b.length_mm for b in ball.branches) < 8
    assert len(ball.branch_points_mm) == 0
    voxel = np.zeros(grid.shape, bool)
    voxel[60, 35, 30] = True
    single = vessel_tree(Mask(voxel, grid), liver=liver, kind="artery")
    assert single.branches[0].length_mm == 0.0
    np.testing.assert_allclose(single.nodes_mm, [(60, 35, 37.5)])


def test_masks_and_requests_that_cannot_be_traced_say_why(grid, liver):
    empty, some = Mask(np.zeros(grid.shape, bool), grid), Mask(drawn(grid, *Y), grid)
    with pytest.raises(InputError, match="without a voxel"):
        vessel_tree(empty, liver=liver, kind="portal")
    with pytest.raises(InputError, match="portal, hepatic, artery"):
        vessel_tree(some, liver=liver, kind="biliary")
    with pytest.raises(SceneError, match="liver mask is empty"):
        vessel_tree(some, liver=empty, kind="portal")
    with pytest.raises(FrameMismatch):
        vessel_tree(Mask(some.data, Grid.axial(SHAPE, SPACING, (0.3, 0, 0))), liver=liver, kind="portal")
    away = Mask(some.data, Grid.axial(SHAPE, SPACING, (300.0, 0, 0)))
    with pytest.raises(SceneError, match="no nearer than"):
        vessel_tree(away, liver=liver, kind="hepatic")


@given(st.data())
def test_any_tree_of_points_is_shared_out_into_branches(data):
    count = data.draw(st.integers(1, 40))
    parent = [-1] + [data.draw(st.integers(-1 if n % 7 == 0 else 0, n - 1)) for n in range(1, count)]
    order = data.draw(st.permutations(range(count)))
    rank = np.argsort(order)
    shuffled = [-1 if parent[n] < 0 else int(rank[parent[n]]) for n in order]
    rng = np.random.default_rng(count)
    nodes = rng.uniform(-50, 50, (count, 3))
    tree = tree_of_points("portal", nodes, shuffled, np.ones(count))
    graph = nx.DiGraph()
    graph.add_nodes_from(range(count))
    graph.add_edges_from((int(p), n) for n, p in enumerate(tree.parent) if p >= 0)
    assert all(p < n for p, n in graph.edges)
    assert sorted(n for b in tree.branches for n in b.points) == list(range(count))
    length = sum(np.linalg.norm(tree.nodes_mm[a] - tree.nodes_mm[b]) for a, b in graph.edges)
    assert sum(b.length_mm for b in tree.branches) == pytest.approx(length)
    for branch in tree.branches:
        inner = branch.points[:-1]
        assert all(graph.out_degree(n) == 1 or graph.in_degree(n) == 0 for n in inner)
        below = set().union(*(nx.descendants(graph, n) | {n} for n in branch.points))
        held = {n for b in tree.descendants(branch.id) for n in tree.branches[b].points}
        if all(graph.in_degree(n) for n in branch.points):
            assert held == below
        assert branch.order <= 1 + np.log2(max(len(held), 1))


def test_points_that_are_no_tree_say_why():
    line = np.zeros((3, 3))
    for parent, radius, words in (
        ([-1, 0], [1, 1, 1], "parents and"), ([1, 2, 0], [1, 1, 1], "cycle"), ([-1, 0, 7], [1, 1, 1], "only 3"),
        ([-1, 0, 1], [1, 0, 1], "larger than zero"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=words):
            tree_of_points("portal", line, parent, radius)
    tree = tree_of_points("portal", np.eye(3), [-1, 0, 1], [1, 1, 1])
    with pytest.raises(InputError, match="not 4"):
        tree.descendants(4)
    with pytest.raises(ValueError, match="read-only"):
        tree.nodes_mm[0] = 0


FREE_VOXELS = 3.0
"""A junction can be resolved when each of its arms has this many voxels of its own between the place where its lumen
parts from the others' and its next junction or end."""


def resolvable(truth, shown: np.ndarray, edge_mm: float) -> np.ndarray:
    """Junctions of the generator's tree that a mask of that voxel size can show; see FREE_VOXELS."""
    children = [[] for _ in shown]
    for node, up in enumerate(truth.parent):
        if up >= 0 and shown[node]:
            children[up].append(node)
    radius = np.maximum(truth.radius_mm, 0.5 * np.sqrt(3) * edge_mm)

    def line(node, step):
        points = [truth.nodes_mm[node]]
        while (node := step(node)) >= 0:
            points.append(truth.nodes_mm[node])
            if len(children[node]) != 1:
                break
        return np.array(points)

    def free(a, b, wide):
        runs = [np.r_[0, np.cumsum(np.linalg.norm(np.diff(x, axis=0), axis=1))] for x in (a, b)]
        steps = np.arange(0, min(runs[0][-1], runs[1][-1]), 0.25)
        at = [
            np.stack([np.interp(steps, run, x[:, k]) for k in range(3)], 1) for run, x in zip(runs, (a, b), strict=True)
        ]
        apart = np.flatnonzero(np.linalg.norm(at[0] - at[1], axis=1) > wide)
        return steps[-1] - steps[apart[0]] if apart.size else -1.0

    found = []
    for node in np.flatnonzero(shown):
        if len(children[node]) < 2 or truth.parent[node] < 0:
            continue
        down = [
            (np.vstack([truth.nodes_mm[node], line(c, lambda n: children[n][0] if len(children[n]) == 1 else -1)]), c)
            for c in children[node]
        ]
        arms = [*down, (line(node, lambda n: truth.parent[n]), node)]
        pairs = [(x, y) for i, x in enumerate(arms) for y in arms[:i]]
        if all(free(x[0], y[0], radius[x[1]] + radius[y[1]]) >= FREE_VOXELS * edge_mm for x, y in pairs):
            found.append(node)
    return truth.nodes_mm[found]


@pytest.fixture(scope="module")
def invented():
    """A virtual patient's trees drawn at 0.8 mm, and its liver on that grid."""
    patient = virtual_patient(seed=15, lesions=0, shape=(96, 96, 64), spacing_mm=(4.0, 4.0, 4.0))
    box = patient.scene.liver.trimmed(pad=2).grid
    fine = Grid.axial(tuple(int(n * 4 / 0.8) for n in box.shape), (0.8, 0.8, 0.8), tuple(box.origin_mm))
    liver, cava = (resample_mask(patient.scene.structures[n], fine) for n in ("liver", "cava"))
    masks, shown = {}, {}
    for kind in ("portal", "hepatic"):
        truth = getattr(patient.truth, kind)
        seen = truth.radius_mm >= 1.1
        for node, up in enumerate(truth.parent):
            seen[node] &= up < 0 or seen[up]
        shown[kind] = seen
        masks[kind] = Mask(draw_vessels(truth, fine, seen) & ~cava.data, fine)
    return patient.truth, liver, cava, masks, shown


@pytest.mark.parametrize("kind", ["portal", "hepatic"])
def test_branch_points_that_the_mask_can_show_are_found(invented, kind):
    truth, liver, cava, masks, shown = invented
    tree = vessel_tree(masks[kind], liver=liver, kind=kind, cava=cava if kind == "hepatic" else None)
    made = getattr(truth, kind)
    wanted = resolvable(made, shown[kind], 0.8)
    inside = liver.grid.to_index(wanted)
    wanted = wanted[((inside > 4) & (inside < np.array(liver.grid.shape) - 5)).all(axis=1)]
    assert len(wanted) >= 15
    away, _ = cKDTree(tree.branch_points_mm).query(wanted)
    assert np.mean(away <= 2.0) >= 0.95  # one of 38 hepatic junctions is off, where a branch crosses another vessel
    assert away.max() <= 5.0
    points, node = made.sampled(0.5)
    off, nearest = cKDTree(points).query(tree.nodes_mm)
    assert np.mean(off) < 0.5
    assert np.quantile(off, 0.99) < 1.5
    thick = made.radius_mm[node[nearest]] > 2.0
    ratio = tree.radius_mm[thick] / made.radius_mm[node[nearest]][thick]
    assert np.median(ratio) == pytest.approx(1.0, abs=0.1)


@pytest.mark.real
def test_real_trees_run_from_trunk_and_cava(real_anatomy):
    scene, liver, found = real_anatomy
    portal, veins = (found.systems[kind].territories.tree for kind in ("portal", "hepatic"))
    assert portal.attached == len(portal.roots) == 1
    assert portal.branches[0].radius_mm > 3.5
    assert veins.attached >= 3
    for tree in (portal, veins):
        index = np.rint(scene.grid.to_index(tree.nodes_mm)).astype(int)
        assert liver.on(scene.grid)[tuple(index.T)].mean() > 0.7
        assert 40 < len(tree.branches) < 160
