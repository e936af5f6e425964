"""The built-in liver segmenter against the generator's truth, against expert outlines, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from glisson.anatomy import whole_liver
from glisson.anatomy.liver_cubes import away_mm, closed, depth_mm, largest
from glisson.anatomy.segment_liver import segment_liver
from glisson.errors import ImageError
from glisson.geometry import Grid, Volume
from glisson.simulate import virtual_patient

SHAPE, SPACING = (128, 128, 107), (3.0, 3.0, 3.0)


def dice(found: np.ndarray, truth: np.ndarray) -> float:
    return 2.0 * float((found & truth).sum()) / float(found.sum() + truth.sum())


@pytest.fixture(scope="module")
def virtual():
    return virtual_patient(seed=11, shape=SHAPE, spacing_mm=SPACING, lesions=5, noise_hu=15).scene


@pytest.fixture(scope="module")
def found(virtual):
    return segment_liver(virtual.image)


def test_the_virtual_liver_is_found_with_its_lesions_and_marked_unreviewed(virtual, found):
    truth = whole_liver(virtual).on(virtual.grid)
    mask = found.mask.on(virtual.grid)
    assert dice(mask, truth) > 0.95
    assert found.mask.volume_ml == pytest.approx(truth.sum() * virtual.grid.voxel_ml, rel=0.06)
    for lesion in virtual.lesions:
        voxels = lesion.mask.on(virtual.grid)
        assert mask[voxels].mean() > 0.5
    assert found.parenchyma_hu == pytest.approx(112, abs=8)
    assert found.clear_edge_percent > 90
    assert [n.code for n in found.notices] == ["liver-automatic"]
    assert "nobody has reviewed" in found.notices[0].text


def test_other_organs_stay_outside(virtual, found):
    mask = found.mask.on(virtual.grid)
    for name in ("spleen", "kidney_right", "heart", "stomach"):
        organ = virtual.structures[name].on(virtual.grid)
        assert mask[organ].mean() < 0.02, name


def test_the_answer_does_not_depend_on_the_order_of_the_axes(virtual, found):
    data = virtual.image.data.transpose(2, 0, 1)[::-1]
    affine = np.array(virtual.grid.affine)[:, [2, 0, 1, 3]]
    affine[:3, 3] += affine[:3, 0] * (data.shape[0] - 1)
    affine[:, 0] *= -1
    turned = segment_liver(Volume(data, Grid(data.shape, affine)))
    back = turned.mask.on(Grid(data.shape, affine))[::-1].transpose(1, 2, 0)
    assert dice(back, found.mask.on(virtual.grid)) > 0.99


def test_a_linear_shading_of_the_scan_is_followed(virtual):
    """Beam hardening by arms beside the body: 20 HU darker at the back than at the front."""
    shade = np.linspace(12, -12, SHAPE[1], dtype=np.float32)[None, :, None]
    data = virtual.image.data + np.where(virtual.image.data > -200, shade, 0.0).astype(np.float32)
    mask = segment_liver(Volume(data, virtual.grid)).mask
    assert dice(mask.on(virtual.grid), whole_liver(virtual).on(virtual.grid)) > 0.93


def test_a_liver_cut_by_the_scan_is_said(virtual):
    part = (slice(0, SHAPE[0]), slice(0, SHAPE[1]), slice(0, 58))
    found = segment_liver(virtual.image.crop(part))
    assert "liver-cut" in [n.code for n in found.notices]


def test_an_unenhanced_scan_is_refused(virtual):
    data = virtual.image.data
    flat = np.where(data > 40, 40 + (data - 40) * 0.25, data)
    with pytest.raises(ImageError, match=r"not in the portal-venous phase.*at least 75 HU"):
        segment_liver(Volume(flat, virtual.grid))


def test_a_mirrored_scan_is_refused(virtual):
    with pytest.raises(ImageError, match=r"left of the midline.*mirrored"):
        segment_liver(Volume(virtual.image.data[::-1], virtual.grid))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (np.full((40, 40, 40), -1000, np.int16), "No body was found"),
        (np.full((3, 3, 1), np.nan, np.float32), "No body was found"),
        (np.full((3, 3, 1), 110, np.int16), "No liver was found"),
    ],
)
def test_what_shows_no_liver_is_refused(data, words):
    with pytest.raises(ImageError, match=words):
        segment_liver(Volume(data, Grid.axial(data.shape, (3.0, 3.0, 3.0))))


def test_a_ball_on_cubes_grows_shrinks_and_closes_by_millimetres():
    """A slab of 4 empty cubes (10 mm) between two blocks is closed by a ball of 6 mm radius, not by one of 4 mm."""
    blocks = np.ones((20, 20, 20), np.bool_)
    blocks[8:12] = False
    assert closed(blocks, 6.0)[:, 5:15, 5:15].all()
    assert np.array_equal(closed(blocks, 4.0), blocks)
    assert depth_mm(blocks)[7, 10, 10] == pytest.approx(2.5)
    assert away_mm(blocks)[9, 10, 10] == pytest.approx(5.0)
    assert np.isinf(away_mm(np.zeros((3, 3, 3), np.bool_))).all()
    blocks[:3] = False
    assert largest(blocks)[12:].all()
    assert not largest(blocks)[:12].any()


@pytest.mark.real
def test_on_a_real_liver_it_agrees_with_the_expert(ircadb):
    from glisson.imaging import read_image, read_mask

    scan, _ = read_image(ircadb / "ct.nii.gz")
    truth = read_mask(ircadb / "liver.nii.gz").data.copy()
    for number in range(1, 8):
        truth |= read_mask(ircadb / f"tumor0{number}.nii.gz").data
    found = segment_liver(scan)
    assert dice(found.mask.on(scan.grid), truth) >= 0.93
    assert found.mask.volume_ml == pytest.approx(1489, rel=0.05)


@pytest.mark.real
def test_arms_beside_the_body_and_few_slices(totalsegmentator_data):
    """20 slices with strong beam hardening; the label map is a network's, not an expert's."""
    from glisson.imaging import read_image
    from glisson.imaging.outlines import load_outline

    scan, _ = read_image(totalsegmentator_data / "example_ct_dicom")
    labels = load_outline(totalsegmentator_data / "example_seg_dicom.nii.gz", scan.grid)
    found = segment_liver(scan)
    truth = labels.mask(5).on(scan.grid)
    assert dice(found.mask.on(scan.grid), truth) >= 0.94
    assert "liver-cut" in [n.code for n in found.notices]


@pytest.mark.real
@pytest.mark.parametrize("name", ["example_ct.nii.gz", "example_ct_sm.nii.gz"])
def test_a_real_unenhanced_scan_is_refused(totalsegmentator_data, name):
    from glisson.imaging import read_image

    with pytest.raises(ImageError, match=r"its tissue has 4. HU"):
        segment_liver(read_image(totalsegmentator_data / name)[0])
