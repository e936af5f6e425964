"""What the viewer is sent lies where the scan lies: a marker on the patient's right, on every kind of grid."""

from __future__ import annotations

import gzip
import json
import struct
from pathlib import Path

import nibabel
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glisson.errors import InputError
from glisson.geometry import Grid, Mask, Volume, surface
from glisson.serve.content import Prepared, prepare
from glisson.serve.content.levels import (
    FINE_VOXELS,
    PREVIEW_VOXELS,
    Level,
    as_int16,
    native_level,
    preview_level,
)
from glisson.serve.content.meshes import MOST_FACES, coarse_mask, light_surface, mz3
from glisson.serve.content.plan_maps import on_level

from .content_cases import (
    CENTRE_RAS,
    LESIONS_RAS,
    LIVER_MM,
    MARK_RAS,
    affine_of,
    plain_case,
    write_case,
)

SHAPE = (60, 56, 50)
GRIDS = {
    "LPS": ((3.0, 3.0, 3.0), (0, 1, 2), (-1, -1, 1), 0.0),
    "RAS": ((3.0, 3.0, 3.0), (0, 1, 2), (1, 1, 1), 0.0),
    "coronal, upside down": ((3.0, 2.5, 3.5), (0, 2, 1), (1, -1, 1), 0.0),
    "oblique": ((2.6, 2.9, 3.4), (0, 1, 2), (-1, -1, 1), 17.0),
    "oblique, mirrored": ((2.6, 2.9, 3.4), (1, 0, 2), (1, 1, -1), 11.0),
}


def brightest_ras(path: Path) -> np.ndarray:
    """Where the brightest voxels of a file lie, by nibabel."""
    image = nibabel.load(path)
    data = np.asanyarray(image.dataobj)
    at = np.argwhere(data >= 0.8 * data.max()).mean(axis=0)
    return nibabel.affines.apply_affine(image.affine, at)


def label_ras(path: Path, label: int) -> np.ndarray:
    image = nibabel.load(path)
    at = np.argwhere(np.asanyarray(image.dataobj) == label).mean(axis=0)
    return nibabel.affines.apply_affine(image.affine, at)


@pytest.fixture(params=list(GRIDS))
def placed(request, tmp_path):
    """A case on one kind of grid, made ready."""
    case = write_case(tmp_path / "case", affine_of(*GRIDS[request.param], SHAPE), SHAPE)
    out = tmp_path / "prepared"
    out.mkdir()
    prepare(case, None, out)
    return case, out


def test_marker_and_lesions_stay_on_their_side(placed):
    case, out = placed
    made = Prepared(case, None, out)
    scene = made.scene()
    for level in ("preview", "fine", "native"):
        step = max(next(one for one in scene["levels"] if one["name"] == level)["spacing_mm"])
        assert np.linalg.norm(brightest_ras(made.volume(level)) - MARK_RAS) < step
        labels = made.labels(level)
        known = {one["name"]: one["label"] for one in scene["structures"]}
        for name, centre in zip(("L1", "L2"), LESIONS_RAS.values(), strict=True):
            assert np.linalg.norm(label_ras(labels, known[name]) - centre) < step
        assert label_ras(labels, known["L1"])[0] < label_ras(labels, known["L2"])[0]


def test_scene_affines_are_those_of_the_files(placed):
    case, out = placed
    made = Prepared(case, None, out)
    for level in made.scene()["levels"]:
        image = nibabel.load(made.volume(level["name"]))
        ras = np.diag([-1, -1, 1, 1]) @ np.array(level["affine_lps"])
        np.testing.assert_allclose(image.affine, ras, atol=1e-4)
        assert list(image.shape) == level["shape"]
        assert list(nibabel.load(made.labels(level["name"])).shape) == level["shape"]


def test_lesions_have_their_centres_and_diameters_in_lps(placed):
    case, out = placed
    for lesion, centre in zip(Prepared(case, None, out).scene()["lesions"], LESIONS_RAS.values(), strict=True):
        np.testing.assert_allclose(lesion["centre_lps"], centre * [-1, -1, 1], atol=0.5)
        ends = np.array(lesion["long_ends_lps"])
        assert np.linalg.norm(ends[0] - ends[1]) == pytest.approx(lesion["long_mm"], abs=0.01)
        assert lesion["long_mm"] == pytest.approx(20.0, abs=4.5)


def read_mz3(data: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Faces and vertices of an MZ3 file, read by its published layout."""
    raw = gzip.decompress(data)
    magic, attributes, faces, vertices, skip = struct.unpack("<HHIII", raw[:16])
    assert (magic, attributes, skip) == (23117, 3, 0)
    face = np.frombuffer(raw, "<i4", 3 * faces, 16).reshape(-1, 3)
    return face, np.frombuffer(raw, "<f4", 3 * vertices, 16 + 12 * faces).reshape(-1, 3)


def test_surfaces_lie_in_ras_and_face_outwards(placed):
    case, out = placed
    faces, vertices = read_mz3(Prepared(case, None, out).mesh("liver").read_bytes())
    away = np.linalg.norm(vertices - CENTRE_RAS, axis=1)
    assert np.abs(away - LIVER_MM).max() < 4.0
    a, b, c = (vertices[faces[:, n]].astype(float) - CENTRE_RAS for n in range(3))
    volume_mm3 = np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6.0
    assert volume_mm3 == pytest.approx(4 / 3 * np.pi * LIVER_MM**3, rel=0.03)
    assert len(faces) <= 1.2 * MOST_FACES
    first = read_mz3(Prepared(case, None, out).mesh("lesion-L1").read_bytes())[1].mean(axis=0)
    assert np.linalg.norm(first - LESIONS_RAS["first"]) < 1.5


@given(
    st.tuples(st.integers(1, 700), st.integers(1, 700), st.integers(1, 300)), st.floats(0.3, 3.0), st.floats(0.3, 6.0)
)
def test_preview_covers_the_field_within_its_size(shape, in_plane, slices):
    level = preview_level(Grid.axial(shape, (in_plane, in_plane, slices)))
    assert np.prod(level.shape) <= PREVIEW_VOXELS
    for start, step, count, whole in zip(level.start, level.step, level.shape, shape, strict=True):
        assert start >= 0
        assert start + step * count <= whole
        assert whole - step * count < step


def test_averages_by_hand():
    data = np.arange(4 * 2 * 2, dtype=np.int16).reshape(4, 2, 2)
    level = Level("preview", Grid.axial((4, 2, 2)), (0, 0, 0), (2.0, 2.0, 2.0), (2, 1, 1))
    assert level.volume(data).data.ravel().tolist() == [(0 + 1 + 2 + 3 + 4 + 5 + 6 + 7) // 8, (8 + 15) // 2]
    np.testing.assert_allclose(level.grid.origin_mm, [0.5, 0.5, 0.5])


def test_interpolation_keeps_a_ramp():
    """Linear in space in, linear in space out: the value of each voxel is its own place."""
    grid = Grid.axial((40, 30, 20), (0.5, 0.5, 2.0), (10.0, -5.0, 3.0))
    ramp = (100 * grid.to_mm(np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), -1))[..., 0]).astype(
        np.int16
    )
    level = Level("fine", grid, (4, 2, 1), (1.5, 1.25, 1.0), (20, 20, 18))
    found = level.volume(ramp)
    places = found.grid.to_mm(np.stack(np.meshgrid(*map(np.arange, found.grid.shape), indexing="ij"), -1))
    np.testing.assert_allclose(found.data, 100 * places[..., 0], atol=1.0)


def test_a_lesion_of_one_voxel_is_on_every_level():
    grid = Grid.axial((64, 64, 64))
    speck = Mask(np.ones((1, 1, 1), bool), grid.crop((slice(13, 14), slice(21, 22), slice(7, 8))))
    level = Level("preview", grid, (0, 0, 0), (4.0, 4.0, 4.0), (16, 16, 16))
    target = np.zeros(level.shape, np.uint8)
    level.paint(target, speck, 9)
    assert np.argwhere(target == 9).tolist() == [[3, 5, 1]]


@pytest.mark.parametrize(
    ("values", "unit"),
    [
        ([-1000, 40, 1200], "HU"),
        ([-900.4, 30.0, 80.2], "HU"),
        ([0.0, 0.5, 1.0], "arbitrary"),
        ([0, 20, 70000], "arbitrary"),
        ([5.0, np.nan, 9.0], "arbitrary"),
    ],
)
def test_images_become_sixteen_bits(values, unit):
    image = Volume(np.array(values).reshape(3, 1, 1), Grid.axial((3, 1, 1)))
    data, found = as_int16(image)
    assert data.dtype == np.int16
    assert found == unit
    if unit == "HU":
        np.testing.assert_allclose(data.ravel(), values, atol=0.5)
    else:
        assert data.min() == 0
        assert data.max() == 4095


def test_a_large_liver_is_made_lighter_and_keeps_its_volume():
    grid = Grid.axial((120, 120, 120))
    index = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), -1)
    mask = Mask(np.linalg.norm(index - 60, axis=-1) < 56, grid)
    found = light_surface(mask)
    assert len(found.faces) <= 1.2 * MOST_FACES
    assert len(found.faces) < len(surface(mask).faces)
    assert found.volume_ml == pytest.approx(4 / 3 * np.pi * 56**3 / 1000, rel=0.02)
    assert len(read_mz3(mz3(found))[0]) == len(found.faces)


def test_coarse_masks_keep_their_place():
    grid = Grid.axial((20, 20, 20), (1.0, 1.0, 1.0), (5.0, 6.0, 7.0))
    data = np.zeros(grid.shape, bool)
    data[4:12, 4:12, 4:12] = True
    found = coarse_mask(Mask(data, grid), 2.0)
    assert found.volume_ml == pytest.approx(0.512)
    np.testing.assert_allclose(found.centroid_mm, [5 + 7.5, 6 + 7.5, 7 + 7.5])


def test_plan_maps_are_cut_where_their_box_ends():
    from glisson.geometry import Labels

    whole = Grid.axial((12, 12, 12), (2.0, 2.0, 2.0))
    box = Labels(np.full((4, 4, 4), 3, np.uint8), whole.crop((slice(2, 6), slice(2, 6), slice(2, 6))))
    level = native_level(whole)
    found = on_level(box, {"shape": level.shape, "affine_lps": level.grid.affine.tolist()})
    assert found.data.sum() == 3 * 64
    assert (found.data[2:6, 2:6, 2:6] == 3).all()


def test_fine_level_of_a_fine_scan_is_limited():
    from glisson.scene import Scene
    from glisson.serve.content.levels import fine_level

    grid = Grid.axial((400, 400, 200), (0.6, 0.6, 1.0))
    liver = Mask(np.ones((300, 300, 180), bool), grid.crop((slice(50, 350), slice(50, 350), slice(10, 190))))
    level = fine_level(Scene(grid=grid, structures={"liver": liver}))
    assert np.prod(level.shape) <= FINE_VOXELS
    assert min(level.step) >= 1.0
    assert max(level.grid.spacing_mm) < 1.05 * min(level.grid.spacing_mm)
    assert np.prod(level.shape) > 0.9 * FINE_VOXELS


def test_outlines_without_a_scan_can_be_looked_at(tmp_path):
    case = plain_case(tmp_path / "case", image=False)
    out = tmp_path / "out"
    out.mkdir()
    prepare(case, None, out)
    scene = json.loads((out / "scene.json").read_text())
    assert (scene["image"], scene["unit"]) == (False, "outlines")
    assert np.linalg.norm(brightest_ras(out / "fine.nii.gz") - CENTRE_RAS) < 1.0


def test_a_case_without_studies_is_refused(tmp_path):
    (tmp_path / "case.yaml").write_text("id: nothing\n")
    (tmp_path / "out").mkdir()
    with pytest.raises(InputError, match="no scan and no outlines"):
        prepare(tmp_path, None, tmp_path / "out")
