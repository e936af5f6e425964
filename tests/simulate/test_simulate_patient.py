"""The virtual patient: what must hold of every one. Oracles: scipy.ndimage, cc3d; closed forms for volumes."""

from __future__ import annotations

import hashlib

import cc3d
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from glisson.case import dump_case, is_known, loads_case
from glisson.errors import InputError
from glisson.scene import STRUCTURES
from glisson.simulate import VesselTree, VirtualPatient, virtual_patient
from glisson.simulate.trees import curve

SMALL = {"shape": (96, 96, 64), "spacing_mm": (4.0, 4.0, 4.0)}


def small(**asked) -> VirtualPatient:
    return virtual_patient(**{**SMALL, **asked})


@pytest.fixture(scope="module")
def patient() -> VirtualPatient:
    return small(seed=1, cyst=True)


def fingerprint(p: VirtualPatient) -> str:
    digest = hashlib.sha256(dump_case(p.case).encode())
    arrays = [p.scene.image.data, p.truth.segments.data, p.truth.territories.data, p.truth.drainage.data]
    arrays += [mask.data for _, mask in sorted(p.scene.structures.items())] + [x.mask.data for x in p.scene.lesions]
    for tree in (p.truth.portal, p.truth.hepatic):
        arrays += [tree.nodes_mm, tree.parent, tree.radius_mm, tree.flow_ml]
    for array in arrays:
        digest.update(repr((array.shape, array.dtype.str)).encode() + np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def test_same_seed_same_bytes_and_other_seed_other_patient(patient):
    assert fingerprint(small(seed=1, cyst=True)) == fingerprint(patient)
    other = small(seed=2, cyst=True)
    assert fingerprint(other) != fingerprint(patient)
    assert (other.scene.structures["skin"].on(other.scene.grid)).any()


def test_more_lesions_leave_the_liver_and_its_vessels_as_they_were(patient):
    other = small(seed=1, lesions=2)
    assert np.array_equal(other.scene.liver.data, patient.scene.liver.data)
    assert np.array_equal(other.truth.portal.nodes_mm, patient.truth.portal.nodes_mm)


@pytest.mark.parametrize("liver_ml", [900.0, 2200.0])
def test_liver_volume_is_met_in_one_piece(liver_ml):
    p = small(seed=4, lesions=0, liver_ml=liver_ml)
    voxel = 0.064
    assert p.scene.liver.count * voxel == pytest.approx(liver_ml, abs=voxel)
    assert p.truth.liver_ml == pytest.approx(liver_ml, rel=0.01)
    pieces, count = ndimage.label(p.scene.liver.data)
    assert count == 1 or np.bincount(pieces.ravel())[1:].max() > 0.999 * p.scene.liver.count


def test_liver_is_not_an_ellipsoid(patient):
    """The ellipsoid with the liver's centroid and second moments overlaps it far from completely."""
    points = patient.scene.liver.grid.to_mm(np.argwhere(patient.scene.liver.data))
    centre, cov = points.mean(axis=0), np.cov(points.T)
    grid = patient.scene.grid
    every = grid.to_mm(np.argwhere(np.ones(grid.shape, dtype=bool))) - centre
    ellipsoid = np.einsum("ni,ij,nj->n", every, np.linalg.inv(cov), every) < 5.0
    liver = patient.scene.liver.on(grid).ravel()
    dice = 2 * (ellipsoid & liver).sum() / (ellipsoid.sum() + liver.sum())
    assert dice < 0.9


@pytest.mark.parametrize("which", ["portal", "hepatic"])
def test_trees_are_trees_that_conserve_flow_and_obey_murray(patient, which):
    tree: VesselTree = getattr(patient.truth, which)
    own = np.flatnonzero(tree.parent >= 0)
    assert (tree.parent[own] < own).all()
    assert tree.flow_ml[tree.roots].sum() == pytest.approx(patient.truth.liver_ml, rel=1e-3)
    assert (len(tree.roots) == 1) == (which == "portal")
    flow, cubes = np.zeros(len(tree.parent)), np.zeros(len(tree.parent))
    np.add.at(flow, tree.parent[own], tree.flow_ml[own])
    np.add.at(cubes, tree.parent[own], tree.radius_mm[own] ** 3)
    inner = np.setdiff1d(np.arange(len(tree.parent)), tree.terminals)
    np.testing.assert_allclose(flow[inner], tree.flow_ml[inner], rtol=1e-9)
    np.testing.assert_allclose(cubes[inner], tree.radius_mm[inner] ** 3, rtol=1e-9)
    assert (tree.radius_mm > 0).all()
    assert len(tree.terminals) > 300


def test_named_branches_are_there(patient):
    portal, hepatic = set(patient.truth.portal.names), set(patient.truth.hepatic.names)
    assert {"main portal vein", "right portal vein", "right anterior branch", "right posterior branch",
            "left portal vein, umbilical part", *(f"segment {s} branch" for s in range(1, 9))} <= portal  # fmt: skip
    assert {"right hepatic vein", "middle hepatic vein", "left hepatic vein", "caudate vein"} <= hepatic


def test_trees_fill_the_liver_and_only_trunks_leave_it(patient):
    liver = patient.scene.liver.on(patient.scene.grid)
    gap = ndimage.distance_transform_edt(~liver, sampling=patient.scene.grid.spacing_mm)
    for tree in (patient.truth.portal, patient.truth.hepatic):
        index = np.rint(patient.scene.grid.to_index(tree.nodes_mm)).astype(int)
        ok = ((index >= 0) & (index < liver.shape)).all(axis=1)
        grown = np.array(["branch" in n or "tributary" in n for n in tree.names]) & ok
        assert np.quantile(gap[tuple(index[grown].T)], 0.97) < 4.5
    bottom = patient.truth.portal.nodes_mm[0]
    assert gap[tuple(np.rint(patient.scene.grid.to_index(bottom)).astype(int))] > 10
    tips = patient.truth.portal.nodes_mm[patient.truth.portal.terminals]
    from scipy.spatial import cKDTree

    reach, _ = cKDTree(tips).query(patient.scene.liver.grid.to_mm(np.argwhere(patient.scene.liver.data)))
    assert reach.max() < 25


def test_vessel_masks_hold_together(patient):
    grid = patient.scene.grid
    portal = cc3d.connected_components(patient.scene.structures["portal"].data.copy(), connectivity=26)
    assert portal.max() == 1
    outflow = patient.scene.structures["hepatic"].on(grid) | patient.scene.structures["cava"].on(grid)
    sizes = np.bincount(cc3d.connected_components(outflow, connectivity=26).ravel())[1:]
    assert sizes.max() > 0.98 * sizes.sum()


@pytest.mark.parametrize("seed", [0, 2, 3])
def test_segments_have_plausible_shares_and_places(seed):
    truth = small(seed=seed, lesions=0).truth
    inside = truth.segments.data > 0
    share = np.bincount(truth.segments.data[inside], minlength=9)[1:] / inside.sum()
    assert (share > 0.01).all()
    assert share.argmax() == 7
    assert share[0] < 0.06
    assert share[1] < 0.12
    assert 0.55 < share[4:].sum() < 0.75
    assert 0.09 < share[1] + share[2] < 0.22
    grid = truth.segments.grid
    x, y, z = np.array([grid.to_mm(np.argwhere(truth.segments.data == s)).mean(axis=0) for s in range(1, 9)]).T
    assert min(x[1], x[2]) > x[3] > max(x[4:])  # II, III left of IV, IV left of the right liver
    assert z[7] > z[4]  # VIII above V
    assert z[6] > z[5]  # VII above VI
    assert y[6] > y[7]  # VII behind VIII
    assert y[5] > y[4]  # VI behind V
    assert z[1] > z[2]  # II above III


def test_segments_follow_the_portal_territories(patient):
    truth = patient.truth
    fed = truth.territories.data
    liver = patient.scene.liver.data
    assert np.array_equal(fed > 0, liver)
    assert np.array_equal(truth.drainage.data > 0, liver)
    assert np.array_equal(truth.portal.segment[fed[liver].astype(int) - 1], truth.segments.data[liver])
    assert (np.bincount(truth.drainage.data[liver], minlength=4)[1:4] > 0.08 * liver.sum()).all()


def test_lesions_are_inside_apart_and_exactly_measured(patient):
    scene, grid = patient.scene, patient.scene.grid
    assert [lesion.id for lesion in scene.lesions] == [f"L{n}" for n in range(1, 9)]
    liver, union = scene.liver.on(grid), np.zeros(grid.shape, dtype=np.uint8)
    for lesion, made in zip(scene.lesions, patient.truth.lesions, strict=True):
        mask = lesion.mask.on(grid)
        assert not (mask & ~liver).any()
        assert made.volume_ml == pytest.approx(mask.sum() * 0.064, rel=1e-12)
        union += mask
    assert union.max() == 1
    assert cc3d.connected_components(union.astype(bool), connectivity=26).max() == 8
    assert [made.nature for made in patient.truth.lesions].count("cyst") == 1


def test_given_sizes_are_met_and_shapes_are_not_spheres():
    sizes = [50.0, 36.0, 30.0]
    p = virtual_patient(seed=3, shape=(150, 150, 100), spacing_mm=(2.5, 2.5, 2.5), lesions=3, diameters_mm=sizes)
    for wanted, made, lesion in zip(sizes, p.truth.lesions, p.scene.lesions, strict=True):
        ball = np.pi / 6 * wanted**3 / 1000
        assert made.diameter_mm == wanted
        assert 0.6 * ball < made.volume_ml < 1.03 * ball
        points = lesion.mask.grid.to_mm(np.argwhere(lesion.mask.data)) - np.array(made.centre_mm)
        assert np.linalg.norm(points, axis=1).max() > 1.06 * wanted / 2


@pytest.mark.parametrize("count", [0, 80])
def test_any_number_of_lesions(count):
    p = small(seed=5, lesions=count)
    assert len(p.scene.lesions) == len(p.truth.lesions) == len(p.case.lesions) == count


def test_touching_lesions_never_share_a_voxel():
    p = small(seed=6, lesions=40, median_diameter_mm=30, touching=True)
    union = np.zeros(p.scene.grid.shape, dtype=np.uint8)
    for lesion in p.scene.lesions:
        union += lesion.mask.on(p.scene.grid)
    assert union.max() == 1


def test_seeding_follows_flow_by_the_route_of_the_primary():
    """Pooled over patients, small lesions fall into segments as their weights say (chi-square, 0.1 % point)."""
    for primary, route in (("colorectal", "portal"), ("breast", "arterial")):
        expected, seen = np.zeros(9), np.zeros(9)
        for seed in range(2):
            truth = small(seed=seed, lesions=60, median_diameter_mm=9.0, primary=primary, touching=True).truth
            assert truth.seeding_route == route
            assert truth.seeding_weight.sum() == pytest.approx(1)
            np.add.at(expected, truth.portal.segment, 60 * truth.seeding_weight)
            np.add.at(seen, [int(truth.portal.segment[made.portal_node]) for made in truth.lesions], 1)
        assert ((seen[1:] - expected[1:]) ** 2 / expected[1:]).sum() < 24.32
        flow = np.zeros(9)
        ends = truth.portal.terminals
        np.add.at(flow, truth.portal.segment[ends], truth.portal.flow_ml[ends] / truth.liver_ml)
        weight = np.bincount(truth.portal.segment, truth.seeding_weight, 9)
        assert np.allclose(weight, flow, atol=1e-3) == (route == "portal")


def test_the_same_patient_on_other_axes_and_spacings(patient):
    turned = virtual_patient(seed=1, cyst=True, shape=(64, 96, 96), spacing_mm=(4.0, 4.0, 4.0), axes="IRA")
    assert turned.scene.grid.axis_codes == "IRA"
    back = turned.scene.image.data[::-1, ::-1, ::-1].transpose(1, 2, 0)
    assert np.array_equal(back, patient.scene.image.data)
    for a, b in zip(patient.scene.lesions, turned.scene.lesions, strict=True):
        np.testing.assert_allclose(a.mask.centroid_mm, b.mask.centroid_mm, atol=1e-6)
    flat = virtual_patient(seed=1, cyst=True, shape=(128, 100, 44), spacing_mm=(3.0, 3.8, 6.0))
    assert flat.truth.liver_ml == pytest.approx(1500, rel=0.01)
    for a, b in zip(patient.truth.lesions, flat.truth.lesions, strict=True):
        np.testing.assert_allclose(a.centre_mm, b.centre_mm, atol=1.0)


def test_ct_numbers_are_those_of_the_tissues():
    p = virtual_patient(
        seed=2, shape=(160, 160, 110), spacing_mm=(2.4, 2.4, 2.6), lesions=2, diameters_mm=[40, 30], cyst=True
    )
    image, grid = p.scene.image.data, p.scene.grid
    assert image.dtype == np.int16

    def core(mask):
        return float(np.median(image[ndimage.binary_erosion(mask, iterations=2)]))

    of = {name: mask.on(grid) for name, mask in p.scene.structures.items()}
    tumour = p.scene.lesions[0].mask.on(grid)
    cyst = next(x for x, m in zip(p.scene.lesions, p.truth.lesions, strict=True) if m.nature == "cyst").mask.on(grid)
    assert 95 < core(of["liver"]) < 130
    assert 30 < core(tumour) < 95
    assert -12 < core(cyst) < 20
    assert core(of["lung_left"]) < -750
    assert image[of["portal"] & ~of["liver"]].mean() > 140
    assert image[~of["skin"]].mean() < -950
    assert np.std(image[ndimage.binary_erosion(of["spleen"], iterations=2)]) == pytest.approx(12, abs=2.5)


def test_structures_are_named_disjoint_from_the_liver_and_on_the_lattice(patient):
    scene = patient.scene
    assert set(scene.structures) <= set(STRUCTURES)
    assert {"liver", "portal", "hepatic", "cava", "gallbladder", "spleen", "stomach", "kidney_left", "kidney_right",
            "heart", "lung_left", "lung_right", "bone", "skin", "aorta", "colon",
            "duodenum"} <= set(scene.structures)  # fmt: skip
    liver = scene.liver.on(scene.grid)
    for name in ("spleen", "stomach", "lung_right", "heart", "gallbladder", "bone", "cava", "colon"):
        assert not (scene.structures[name].on(scene.grid) & liver).any()
    places = {name: scene.structures[name].centroid_mm for name in scene.structures}
    assert places["spleen"][0] > places["liver"][0]
    assert places["kidney_right"][0] < 0 < places["kidney_left"][0]
    assert places["heart"][2] > places["liver"][2] > places["colon"][2]


def test_it_says_that_it_is_virtual_everywhere(patient):
    assert patient.case.id == "virtual-1"
    assert "Virtual" in patient.case.question
    assert patient.scene.notices[0].code == "virtual-patient"
    assert "virtual" in patient.scene.facts.description
    assert not is_known(patient.case.studies[0].masks.reviewed_by)


def test_the_record_is_a_valid_case_file_that_fits_the_images(patient):
    assert loads_case(dump_case(patient.case)) == patient.case
    natures = {made.id: made.nature for made in patient.truth.lesions}
    for lesion in patient.case.lesions:
        assert (lesion.nature == "benign") == (natures[lesion.id] == "cyst")
    other = small(seed=3, lesions=1, primary="breast").case
    assert loads_case(dump_case(other)) == other


def test_arrays_are_read_only(patient):
    for array in (patient.truth.portal.nodes_mm, patient.truth.segments.data, patient.truth.seeding_weight):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"lesions": 81}, "0 to 80"),
        ({"lesions": -1}, "0 to 80"),
        ({"primary": "bowels"}, "colorectal"),
        ({"axes": "LPL"}, "axes"),
        ({"axes": "XYZ"}, "axes"),
        ({"seed": -1}, "seed"),
        ({"diameters_mm": [10.0]}, "one diameter for each"),
        ({"lesions": 1, "diameters_mm": [500.0]}, "120"),
        ({"liver_ml": 50.0}, "600"),
        ({"noise_hu": float("nan")}, "noise_hu"),
        ({"shape": (20, 20, 20)}, "larger shape"),
        ({"lesions": 40, "diameters_mm": [60.0] * 40}, "finds no room"),
    ],
)
def test_requests_that_cannot_be_met_say_why(asked, words):
    with pytest.raises(InputError, match=words):
        small(**asked)


MICROMETRES = st.integers(-50_000, 50_000).map(lambda micrometres: micrometres / 1000)
"""Coordinates in mm, in steps no anatomy is finer than (closer points overflow the slopes of any spline)."""


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(*[MICROMETRES] * 3), min_size=2, max_size=5, unique=True))
def test_curves_keep_their_ends(points):
    line = curve(points)
    np.testing.assert_allclose(line[0], points[0], atol=1e-9)
    np.testing.assert_allclose(line[-1], points[-1], atol=1e-9)
