"""NIfTI, NRRD and MetaImage: place, type and every refusal. nibabel and SimpleITK are the oracles."""

from __future__ import annotations

import gzip

import nibabel as nib
import numpy as np
import pytest
import SimpleITK

from glisson.errors import FrameMismatch, ImageError, OutputError
from glisson.geometry import Grid, Labels, Mask, Volume
from glisson.imaging import read_image, read_labels, read_mask, read_raster, write_labels, write_mask, write_volume


def rotation(degrees):
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def grid_of(kind):
    affine = np.eye(4)
    affine[:3, 3] = (-120.5, 33.25, 900.0)
    spacing = np.diag([0.7, 0.8, 2.5])
    turn = {"plain": np.eye(3), "oblique": rotation(20), "flipped": np.diag([-1.0, 1.0, -1.0]),
            "sagittal": np.array([[0, 0, 1.0], [1, 0, 0], [0, 1, 0]]),
            "mirrored": np.diag([-1.0, 1.0, 1.0])}[kind]  # fmt: skip
    affine[:3, :3] = turn @ spacing
    return Grid((7, 8, 9), affine)


GRIDS = ["plain", "oblique", "flipped", "sagittal", "mirrored"]


@pytest.mark.parametrize("kind", GRIDS)
def test_marker_stays_at_its_place_in_every_program(tmp_path, kind):
    grid = grid_of(kind)
    data = np.zeros(grid.shape, bool)
    data[2, 5, 7] = True
    place = grid.to_mm([2, 5, 7])
    path = write_mask(tmp_path / "m.nii.gz", Mask(data, grid))
    back = read_mask(path)
    assert back.grid == grid
    assert back.centroid_mm == pytest.approx(place, abs=1e-3)
    image = nib.load(path)
    assert image.header.get_data_dtype() == np.uint8
    found = image.affine @ [*np.argwhere(np.asarray(image.dataobj))[0], 1]
    assert found[:3] * [-1, -1, 1] == pytest.approx(place, abs=1e-3)
    itk = SimpleITK.ReadImage(str(path))
    index = np.argwhere(SimpleITK.GetArrayFromImage(itk))[0][::-1]
    assert itk.TransformIndexToPhysicalPoint([int(i) for i in index]) == pytest.approx(place, abs=1e-3)


@pytest.mark.parametrize("ending", ["nrrd", "mha", "nii.gz"])
def test_files_written_by_simpleitk(tmp_path, ending):
    image = SimpleITK.GetImageFromArray(np.arange(24, dtype=np.int16).reshape(2, 3, 4))
    image.SetSpacing((0.5, 1.5, 3.0))
    image.SetOrigin((-7, 8, 9))
    image.SetDirection((0, 1, 0, -1, 0, 0, 0, 0, 1))
    path = tmp_path / f"a.{ending}"
    SimpleITK.WriteImage(image, str(path))
    volume, _ = read_image(path)
    assert volume.data.dtype == np.int16
    assert volume.grid.to_mm([3, 2, 1]) == pytest.approx(image.TransformIndexToPhysicalPoint((3, 2, 1)), abs=1e-4)
    assert volume.data[3, 2, 1] == image[3, 2, 1] == 23


def test_bytes_are_the_same_twice_and_nothing_else_is_left(tmp_path):
    grid = Grid.axial((4, 4, 4))
    mask = Mask(np.ones(grid.shape), grid)
    a = write_mask(tmp_path / "a.nii.gz", mask).read_bytes()
    assert a == write_mask(tmp_path / "b.nii.gz", mask).read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.nii.gz", "b.nii.gz"]


def test_trimmed_mask_is_written_on_the_whole_grid(tmp_path):
    grid = Grid.axial((9, 8, 7), (1, 2, 3))
    data = np.zeros(grid.shape, bool)
    data[2:4, 3, 5] = True
    path = write_mask(tmp_path / "a.nii.gz", Mask(data, grid).trimmed(), grid)
    assert np.array_equal(read_mask(path).data, data)
    with pytest.raises(FrameMismatch):
        write_mask(path, Mask(data, grid), Grid.axial((9, 8, 7), (1, 2, 3.3)))


def test_labels_and_volumes_keep_values(tmp_path):
    grid = Grid.axial((3, 2, 2))
    values = np.arange(12).reshape(grid.shape)
    assert np.array_equal(read_labels(write_labels(tmp_path / "l.nii.gz", Labels(values * 30, grid))).data, values * 30)
    volume = Volume((values - 1000).astype(np.int16), grid)
    back, _ = read_image(write_volume(tmp_path / "v.nii.gz", volume))
    assert back.data.dtype == np.int16
    assert np.array_equal(back.data, volume.data)


def test_write_refusals(tmp_path):
    mask = Mask(np.ones((1, 1, 1)), Grid.axial((1, 1, 1)))
    with pytest.raises(OutputError, match="folder that can be written"):
        write_mask(tmp_path / "none" / "a.nii.gz", mask)
    with pytest.raises(OutputError, match=r"must end in \.nii"):
        write_mask(tmp_path / "a.png", mask)


@pytest.mark.parametrize(
    ("slope", "inter", "dtype", "value"), [(1, -1024, np.int16, -1014), (2, 0, np.int16, 20),
     (0.5, 1, np.float32, 6), (0, 9, np.uint16, 10)]
)  # fmt: skip
def test_scaling_keeps_whole_numbers_whole(nifti, slope, inter, dtype, value):
    path = nifti(np.full((2, 2, 2), 10, np.uint16), scl_slope=slope, scl_inter=inter)
    volume, _ = read_image(path)
    assert volume.data.dtype == dtype
    assert volume.data.flat[0] == value


def test_sform_wins_and_disagreement_is_noticed(tmp_path):
    image = nib.Nifti1Image(np.zeros((4, 4, 4), np.int16), np.diag([-1.0, -1, 1, 1]))
    image.set_qform(np.diag([-2.0, -1, 1, 1]), 1)
    nib.save(image, tmp_path / "a.nii")
    raster = read_raster(tmp_path / "a.nii")
    assert raster.grid.spacing_mm == (1, 1, 1)
    assert [n.code for n in raster.notices] == ["sform-qform-differ"]


def test_qform_when_there_is_no_sform(tmp_path):
    image = nib.Nifti1Image(np.zeros((4, 4, 4), np.int16), None)
    image.set_sform(None, 0)
    image.set_qform(np.diag([2.0, 3, 4, 1]), 1)
    nib.save(image, tmp_path / "a.nii")
    assert read_raster(tmp_path / "a.nii").grid.axis_codes == "RAS"


def test_one_volume_in_four_axes_is_squeezed(nifti):
    assert read_image(nifti(np.zeros((2, 3, 4, 1), np.int16)))[0].data.shape == (2, 3, 4)


BAD = np.diag([-1.0, -1.0, 1.0, 1.0])


def sheared():
    affine = BAD.copy()
    affine[1, 2] = 0.3
    return affine


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda n: n(np.zeros((2, 3, 4, 5), np.int16)), "4D image of shape 2x3x4x5"),
        (lambda n: n(np.zeros((2, 3), np.int16)), "three axes"),
        (lambda n: n(np.zeros((2, 3, 4), np.int16), srow_x=[np.nan, 0, 0, 0]), "not finite"),
        (
            lambda n: n(np.zeros((2, 3, 4), np.int16), affine=np.diag([0.001, 0.001, 0.002, 1])),
            "not in millimetres|probably",
        ),
        (lambda n: n(np.zeros((2, 3, 4), np.int16), xyzt_units=1), "lengths in metres"),
        (lambda n: n(np.zeros((2, 3, 4), np.int16), affine=sheared()), "sheared affine"),
        (lambda n: n(np.zeros((2, 3, 4), np.int16), sform_code=0), "says nowhere where"),
        (lambda n: n(np.zeros((2, 3, 4), [("R", "u1"), ("G", "u1"), ("B", "u1")])), "RGB"),
    ],
)
def test_bad_headers(nifti, make, reason):
    with pytest.raises(ImageError, match=reason):
        read_image(make(nifti))


def test_truncated_gzip_and_truncated_inside(nifti, tmp_path):
    path = nifti(np.random.default_rng(0).integers(0, 999, (9, 9, 9), dtype=np.int16))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ImageError, match="gzip file is truncated"):
        read_image(path)
    path.write_bytes(gzip.compress(gzip.decompress(whole)[:-100]))
    with pytest.raises(ImageError, match="truncated: 9x9x9 voxels need 1458 bytes, 1358 are there"):
        read_image(path)
    path.write_bytes(whole[:-6] + b"\0\0\0\0\0\0")
    with pytest.raises(ImageError, match="gzip data are damaged"):
        read_image(path)


def test_not_nifti_unknown_kind_and_absent(tmp_path):
    (tmp_path / "a.nii.gz").write_bytes(b"hello")
    with pytest.raises(ImageError, match="not a NIfTI file"):
        read_image(tmp_path / "a.nii.gz")
    (tmp_path / "a.jpg").write_bytes(b"hello")
    with pytest.raises(ImageError, match="of no known kind"):
        read_image(tmp_path / "a.jpg")
    with pytest.raises(ImageError, match="does not exist"):
        read_image(tmp_path / "b.nii.gz")


def test_masks_in_floats_when_whole(nifti):
    assert read_mask(nifti(np.ones((2, 2, 2), np.float32))).count == 8
    assert read_labels(nifti(np.full((2, 2, 2), 300.0))).data.dtype == np.uint16


@pytest.mark.parametrize(
    ("value", "reason"), [(0.4, "probability map"), (np.nan, "NaN"), (-1000.0, "looks like a scan")]
)
def test_masks_of_other_numbers_refused(nifti, value, reason):
    with pytest.raises(ImageError, match=reason):
        read_mask(nifti(np.full((2, 2, 2), value, np.float32)))
