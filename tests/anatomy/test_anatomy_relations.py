"""What lesions lie against: contact angles and distances that geometry gives in closed form, cuts, and a real case."""

from __future__ import annotations

import numpy as np
import pytest

from glisson.anatomy import (
    VesselSystem,
    branches_to_cut,
    name_branches,
    relations,
    split_cava,
    territories,
    tree_of_points,
    vessel_anatomy,
    whole_liver,
)  # fmt: skip
from glisson.anatomy.contact import contact_of
from glisson.errors import SceneError
from glisson.geometry import Grid, Mask
from glisson.scene import LesionMask, Scene

GRID = Grid.axial((100, 80, 60), (0.8, 0.8, 1.0))
CENTRE, RADIUS = np.array([40.0, 32.0]), 6.0
"""A vessel straight up through the grid."""


def points() -> np.ndarray:
    return GRID.to_mm(np.indices(GRID.shape).transpose(1, 2, 3, 0))


def wedge(degrees: float, outer_mm: float = 14.0, gap_mm: float = 0.0) -> np.ndarray:
    """A lesion around the vessel over an angle, from its wall to outer_mm."""
    away = points()[..., :2] - CENTRE
    turn = np.degrees(np.abs(np.arctan2(away[..., 1], away[..., 0])))
    far = np.linalg.norm(away, axis=-1)
    middle = np.abs(points()[..., 2] - 30) < 10
    return (far > RADIUS + gap_mm) & (far < outer_mm) & (turn <= degrees / 2) & middle


def vessel() -> np.ndarray:
    return np.linalg.norm(points()[..., :2] - CENTRE, axis=-1) <= RADIUS


def straight(top_mm: float = 59.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    nodes = np.array([[*CENTRE, z] for z in np.arange(0, top_mm, 1.0)])
    return nodes, np.tile([0.0, 0.0, 1.0], (len(nodes), 1)), np.full(len(nodes), RADIUS)


@pytest.mark.parametrize("degrees", [60, 120, 180, 270, 360])
def test_contact_is_the_angle_of_the_wall_that_the_lesion_covers(degrees):
    found = contact_of(*straight(), vessel(), wedge(degrees), GRID)
    assert found.degrees == pytest.approx(degrees, abs=15)
    assert abs(found.at_mm[2] - 30) < 10


def test_no_contact_across_a_gap_and_all_round_inside_a_lesion():
    assert contact_of(*straight(), vessel(), wedge(360, gap_mm=2.5), GRID).degrees == 0
    around = np.linalg.norm(points() - [*CENTRE, 30.0], axis=-1) <= 15
    assert contact_of(*straight(), vessel(), around & ~vessel(), GRID).degrees == 360
    assert contact_of(*straight(), vessel(), around, GRID).degrees == 360
    nothing = (np.zeros((0, 3)), np.zeros((0, 3)), np.zeros(0))
    assert contact_of(*nothing, vessel(), around, GRID).at_mm is None


def test_a_flat_lesion_touches_a_round_vessel_over_a_narrow_angle():
    """A slab tangent to the vessel: within half a slice (0.5 mm) beyond the wall over 2 acos(r / (r + 0.5))."""
    slab = (points()[..., 0] > CENTRE[0] + RADIUS) & (points()[..., 0] < CENTRE[0] + 20)
    expected = 2 * np.degrees(np.arccos(RADIUS / (RADIUS + 0.5)))
    assert contact_of(*straight(), vessel(), slab, GRID).degrees == pytest.approx(expected, abs=25)


LIVER = Grid.axial((80, 64, 48), (1.0, 1.0, 1.25))
NODES = [(40, 30, -15), (40, 30, 20), (24, 30, 25), (14, 12, 35), (14, 52, 25), (62, 12, 30)]
UP = [-1, 0, 1, 2, 2, 1]
WIDE = [5.0, 5.0, 4.0, 3.0, 3.0, 3.0]


def tube_mask(grid: Grid) -> Mask:
    """The tubes of NODES."""
    where = grid.to_mm(np.indices(grid.shape).transpose(1, 2, 3, 0))
    result = np.zeros(grid.shape, bool)
    for node, up in enumerate(UP):
        if up < 0:
            continue
        a, b = np.array(NODES[up], float), np.array(NODES[node], float)
        t = np.clip((where - a) @ (b - a) / ((b - a) @ (b - a)), 0, 1)
        result |= np.linalg.norm(where - a - t[..., None] * (b - a), axis=-1) <= WIDE[node]
    return Mask(result, grid)


@pytest.fixture(scope="module")
def portal() -> VesselSystem:
    liver = Mask(np.ones(LIVER.shape, bool), LIVER)
    dense, parent, radius = [NODES[0]], [-1], [5.0]
    last = {0: 0}
    for node, up in enumerate(UP):
        if up < 0:
            continue
        a, b = np.array(NODES[up], float), np.array(NODES[node], float)
        at = last[up]
        for share in np.linspace(0, 1, 21)[1:]:
            dense.append(tuple(a + share * (b - a)))
            parent.append(at)
            radius.append(WIDE[node])
            at = len(dense) - 1
        last[node] = at
    found = territories(tree_of_points("portal", dense, parent, radius), liver)
    return VesselSystem(tube_mask(LIVER), found, name_branches(found))


def ball(centre, radius_mm: float) -> Mask:
    where = LIVER.to_mm(np.indices(LIVER.shape).transpose(1, 2, 3, 0))
    return Mask(np.linalg.norm(where - np.array(centre, float), axis=-1) <= radius_mm, LIVER)


def test_distances_to_branches_and_landmarks(portal):
    """A ball of 5 mm whose middle is 20 mm to the left of the trunk's axis (wall at 5 mm), 10 mm below the fork."""
    middle = (60, 30, 10)
    lesion = LesionMask("L1", ball(middle, 5.0).trimmed())
    gallbladder = ball((60, 50, 10), 4.0)
    (found,) = relations([lesion], {"portal": portal}, {"gallbladder": gallbladder}, central_within_mm=15.0)
    assert found["main portal vein"].distance_mm == pytest.approx(10.0, abs=0.6)
    assert found["portal bifurcation"].distance_mm == pytest.approx(np.hypot(20, 10) - 5, abs=0.8)
    assert found["gallbladder"].distance_mm == pytest.approx(20 - 9, abs=0.6)
    assert found["main portal vein"].contact_degrees == 0
    assert found["gallbladder"].contact_degrees is None
    assert [r.distance_mm for r in found.structures] == sorted(r.distance_mm for r in found.structures)
    assert found.central
    assert not relations([lesion], {"portal": portal}, {}, central_within_mm=8.0)[0].central
    with pytest.raises(KeyError):
        found["cava"]


def test_a_lesion_around_a_branch_encases_it_and_cuts_what_comes_from_it(portal):
    onto = ball((16.5, 46.5, 25), 6.0)  # on the right posterior branch, 18 mm from where it starts
    (found,) = relations([LesionMask("L1", onto.trimmed())], {"portal": portal}, {}, central_within_mm=15.0)
    assert found["right posterior branch"].contact_degrees == 360
    assert found["right posterior branch"].touches
    assert found["left portal vein"].distance_mm > 10
    cut = branches_to_cut(onto, portal, 1.0)
    assert cut.named == ("right posterior branch",)
    assert cut.loss.volume_ml == pytest.approx(portal.territories.subtree_ml[cut.branches[0]])


def test_margins_reach_branches_one_by_one(portal):
    """The gap between the lesion and the left portal vein decides from which margin on that vein is cut."""
    lesion = ball((62, 34, 34), 6.0)
    (found,) = relations([LesionMask("L1", lesion.trimmed())], {"portal": portal}, {}, central_within_mm=15.0)
    gap = found["left portal vein"].distance_mm
    assert branches_to_cut(lesion, portal, gap - 1.5).branches == ()
    assert branches_to_cut(lesion, portal, gap - 1.5).loss is None
    assert branches_to_cut(lesion, portal, gap + 1.5).named == ("left portal vein",)
    whole = branches_to_cut(lesion, portal, 80.0)
    assert whole.named == ("main portal vein",)
    assert whole.loss.share_percent == pytest.approx(100)


def test_without_names_nothing_is_called_central(portal):
    bare = tree_of_points("portal", [(40, 30, -15), (40, 30, 40)], [-1, 0], [5.0, 5.0])
    found = territories(bare, Mask(np.ones(LIVER.shape, bool), LIVER))
    system = VesselSystem(portal.mask, found, name_branches(found))
    (relation,) = relations([LesionMask("L1", ball((60, 30, 10), 5.0))], {"portal": system}, {}, central_within_mm=15.0)
    assert relation.central is None
    assert "not said" in relation.notes[0]
    (nothing,) = relations([LesionMask("L1", ball((60, 30, 10), 5.0))], {}, {}, central_within_mm=15.0)
    assert nothing.structures == ()


def test_empty_lesions_are_refused(portal):
    empty = Mask(np.zeros(LIVER.shape, bool), LIVER)
    with pytest.raises(SceneError, match="without a voxel"):
        branches_to_cut(empty, portal, 5.0)
    with pytest.raises(SceneError, match="L9 has no voxels"):
        relations([LesionMask("L9", empty)], {"portal": portal}, {}, central_within_mm=15.0)


def test_the_step_says_what_it_could_not_do():
    inside = np.zeros(LIVER.shape, bool)
    inside[5:75, 5:60, 10:46] = True
    far = Grid.axial(LIVER.shape, LIVER.spacing_mm, (400.0, 0.0, 0.0))
    lesion = LesionMask("L1", ball((60, 30, 30), 4.0).trimmed())
    scene = Scene(LIVER, {"liver": Mask(inside, LIVER), "portal": tube_mask(LIVER)}, lesions=(lesion,))
    liver = whole_liver(scene)
    found = vessel_anatomy(scene, liver, split_cava(scene), margin_mm=1.0, central_within_mm=15.0)
    assert set(found.systems) == {"portal"}
    assert [n.code for n in found.notices if n.level == "error"] == ["hepatic-not-assessed"]
    assert [cut.kind for cut in found.cuts["L1"]] == ["portal"]
    away = Scene(LIVER, {"liver": Mask(inside, LIVER), "portal": Mask(tube_mask(LIVER).data, far)}, lesions=(lesion,))
    none = vessel_anatomy(away, liver, split_cava(away), margin_mm=1.0, central_within_mm=15.0)
    assert not none.systems
    assert none.relations[0].structures == ()
    assert {n.code for n in none.notices} == {"portal-not-assessed", "hepatic-not-assessed"}


@pytest.mark.real
def test_a_real_patient(real_anatomy):
    """L5 lies at the cava between middle and right hepatic vein; L6 is a small lesion at the edge."""
    _, _, found = real_anatomy
    by_id = {r.lesion: r for r in found.relations}
    assert by_id["L5"]["cava"].touches
    assert by_id["L5"]["middle hepatic vein"].contact_degrees > 90
    assert by_id["L5"]["hepatic vein confluence"].distance_mm < 10
    assert by_id["L1"].central
    assert not by_id["L6"].central
    assert by_id["L6"].structures[0].distance_mm > 30
    assert all(cut.loss is None for cut in found.cuts["L6"])
    assert found.cuts["L1"][0].loss.share_percent > 20
