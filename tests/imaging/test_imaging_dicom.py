"""DICOM series, each trap with its own message. pydicom writes them; SimpleITK is the oracle of the geometry."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless

from glisson.errors import DicomError
from glisson.imaging import dicom_pixels, read_image, read_raster

_spec = importlib.util.spec_from_file_location("imaging_builders", Path(__file__).with_name("conftest.py"))
_builders = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_builders)
make_slice, SERIES_UID = _builders.make_slice, _builders.SERIES_UID


def stack(n=5, step=2.0, **changes):
    return [make_slice((1.0, 2.0, step * k), InstanceNumber=n - k, **changes) for k in range(n)]


def test_sorted_by_place_not_number(series):
    volume, facts = read_image(series(*stack()))
    assert volume.data.shape == (6, 5, 5)
    assert volume.data.dtype == np.int16
    assert volume.data[0, 0].tolist() == [0, 2, 4, 6, 8]
    assert volume.grid.spacing_mm == pytest.approx((0.7, 0.8, 2.0))
    assert volume.grid.to_mm([1, 1, 1]) == pytest.approx([1.7, 2.8, 2.0])
    assert (facts.modality, facts.date, facts.phase) == ("CT", "2024-01-31", "portal-venous")
    assert (facts.series_uid, facts.frame_uid, facts.slice_thickness_mm) == (SERIES_UID, "1.2.3", 2.0)
    assert facts.chosen_because == "it is the only series"


def test_same_geometry_as_simpleitk_when_oblique(series):
    row, col = np.array([0.8, 0.6, 0.0]), np.array([0.0, 0.0, -1.0])
    normal = np.cross(row, col)
    rng = np.random.default_rng(1)
    slices = [
        make_slice(
            5 + normal * 3 * k, rng.integers(0, 99, (5, 6), dtype=np.int16), ImageOrientationPatient=[*row, *col]
        )
        for k in range(4)
    ]
    folder = series(*slices)
    volume, _ = read_image(folder)
    image = SimpleITK.ReadImage(SimpleITK.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder)))
    for index in [(0, 0, 0), (5, 4, 3), (2, 1, 3)]:
        place = image.TransformIndexToPhysicalPoint(index)
        where = np.rint(volume.grid.to_index(place)).astype(int)
        assert volume.grid.to_mm(where) == pytest.approx(place, abs=1e-4)
        assert volume.data[tuple(where)] == image[index]


def test_junk_nested_and_no_extension(series, tmp_path):
    series(*stack(), into="top/deep/er")
    (tmp_path / "top" / "README.txt").write_text("not an image")
    (tmp_path / "top" / "empty").touch()
    assert read_image(tmp_path / "top")[0].data.shape == (6, 5, 5)


def test_no_dicom_at_all(tmp_path):
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(DicomError, match="holds no DICOM image"):
        read_image(tmp_path)


def test_gap_names_the_missing_place(series):
    slices = stack(6)
    del slices[3]
    with pytest.raises(DicomError, match=r"none at 6\.00 mm.*1 missing"):
        read_image(series(*slices))


def test_identical_duplicate_dropped_with_notice(series):
    raster = read_raster(series(*stack(), make_slice((1.0, 2.0, 4.0))))
    assert raster.data.shape == (6, 5, 5)
    assert [n.code for n in raster.notices] == ["duplicate-slices"]


def test_different_duplicate_refused(series):
    with pytest.raises(DicomError, match=r"same place.*different pixels"):
        read_image(series(*stack(), make_slice((1.0, 2.0, 4.0), np.full((5, 6), 99, np.int16))))


def test_spacing_unlike_thickness_noticed(series):
    raster = read_raster(series(*stack(SliceThickness=5)))
    assert raster.grid.spacing_mm[2] == pytest.approx(2.0)
    assert [n.code for n in raster.notices] == ["spacing-not-thickness"]


@pytest.mark.parametrize(("shift", "codes"), [(0.03, []), (0.1, ["uneven-spacing"])])
def test_slightly_uneven_is_tolerated(series, shift, codes):
    slices = stack()
    slices[2].ImagePositionPatient = [1.0, 2.0, 4.0 + shift]
    assert [n.code for n in read_raster(series(*slices)).notices] == codes


def test_uneven_refused(series):
    slices = stack()
    slices[2].ImagePositionPatient = [1.0, 2.0, 4.6]
    with pytest.raises(DicomError, match="unevenly spaced"):
        read_image(series(*slices))


def test_gantry_tilt_refused_with_its_angle(series):
    slices = [make_slice((0, 2 * k * np.tan(np.radians(10)), 2 * k)) for k in range(5)]
    with pytest.raises(DicomError, match=r"tilted by 10\.0 degrees"):
        read_image(series(*slices))


def test_shifted_slices_refused(series):
    slices = stack()
    slices[2].ImagePositionPatient = [9.0, 2.0, 4.0]
    with pytest.raises(DicomError, match="shifted against each other"):
        read_image(series(*slices))


def test_rescale_each_slice_by_its_own(series):
    slices = [
        make_slice((0, 0, 2 * k), np.full((5, 6), 100, np.uint16), RescaleSlope=k + 1, RescaleIntercept=-1024)
        for k in range(3)
    ]
    volume, _ = read_image(series(*slices))
    assert volume.data.dtype == np.int16
    assert volume.data[0, 0].tolist() == [-924, -824, -724]


def test_fractional_rescale_gives_float(series):
    slices = [make_slice((0, 0, 2 * k), np.full((5, 6), 3, np.uint16), RescaleSlope="0.5") for k in range(3)]
    volume, _ = read_image(series(*slices))
    assert volume.data.dtype == np.float32
    assert volume.data.max() == 1.5


def test_padding_becomes_air(series):
    pixels = np.full((5, 6), 40, np.int16)
    pixels[0, 0] = -2000
    slices = [make_slice((0, 0, 2 * k), pixels, PixelPaddingValue=-2000) for k in range(3)]
    for data in slices:
        data["PixelPaddingValue"].VR = "SS"
    volume, _ = read_image(series(*slices))
    assert volume.data[0, 0].tolist() == [-1024] * 3
    assert volume.data[1, 1].tolist() == [40] * 3


@pytest.mark.parametrize("name", ["ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"])
def test_missing_tag_named(series, name):
    with pytest.raises(DicomError, match=f"lacks {name}"):
        read_image(series(*stack(**{name: None})))


def test_ct_without_rescale_refused(series):
    with pytest.raises(DicomError, match="lacks RescaleIntercept"):
        read_image(series(*stack(RescaleIntercept=None)))


def test_mr_without_rescale_is_read(series):
    volume, facts = read_image(series(*stack(Modality="MR", RescaleSlope=None, RescaleIntercept=None)))
    assert facts.modality == "MR"
    assert volume.data.max() == 8


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"PhotometricInterpretation": "RGB", "SamplesPerPixel": 3}, r"colour \(RGB\)"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}, "localizer"),
        ({"Modality": "PT"}, "modality PT"),
        ({"NumberOfFrames": 4}, "multi-frame"),
    ],
)
def test_not_a_volume(series, changes, reason):
    with pytest.raises(DicomError, match=reason):
        read_image(series(*stack(**changes)))


def test_truncated_pixels_name_the_file(series):
    folder = series(*stack())
    victim = sorted(folder.iterdir())[2]
    victim.write_bytes(victim.read_bytes()[:-20])
    with pytest.raises(DicomError, match=f"{victim.name}.*truncated"):
        read_image(folder)


def test_truncated_header_names_the_file(series):
    folder = series(*stack())
    victim = sorted(folder.iterdir())[1]
    victim.write_bytes(victim.read_bytes()[:300])
    with pytest.raises(DicomError, match=re.escape(victim.name)):
        read_image(folder)


def test_most_slices_win_and_uid_overrides(series):
    series(*stack(4, SeriesInstanceUID="1.2.9", SeriesDescription="arterial"), prefix="b")
    folder = series(*stack(5))
    _, facts = read_image(folder)
    assert facts.series_uid == SERIES_UID
    assert "most slices" in facts.chosen_because
    volume, facts = read_image(folder, "1.2.9")
    assert (volume.data.shape[2], facts.phase) == (4, "arterial")
    assert "asked for" in facts.chosen_because
    with pytest.raises(DicomError, match=r"holds no series 9\.9"):
        read_image(folder, "9.9")


def test_thinnest_then_portal_then_error(series):
    series(*stack(SeriesInstanceUID="1.2.9", SliceThickness=5), prefix="b")
    assert "thinnest" in read_image(series(*stack()))[1].chosen_because
    series(*stack(SeriesInstanceUID="1.2.9", SeriesDescription="arterial"), into="two", prefix="b")
    assert "portal" in read_image(series(*stack(), into="two"))[1].chosen_because
    series(*stack(SeriesInstanceUID="1.2.9"), into="three", prefix="b")
    with pytest.raises(DicomError, match="equally good"):
        read_image(series(*stack(), into="three"))


def test_localizer_in_the_same_series_is_split_off(series):
    scout = make_slice(
        (0, 0, 0), ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"], ImageOrientationPatient=[1, 0, 0, 0, 0, -1]
    )
    assert read_image(series(*stack(), scout))[0].data.shape == (6, 5, 5)


def test_axial_original_before_more_slices(series):
    coronal = [
        make_slice((0, 2 * k, 0), SeriesInstanceUID="1.2.9", ImageType=["DERIVED", "SECONDARY", "MPR"],
                   ImageOrientationPatient=[1, 0, 0, 0, 0, -1]) for k in range(9)
    ]  # fmt: skip
    series(*coronal, prefix="c")
    assert read_image(series(*stack()))[1].series_uid == SERIES_UID


@pytest.mark.parametrize("gdcm", [False, True])
@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless, JPEGLSLossless])
def test_compressed_by_either_decoder(series, monkeypatch, syntax, gdcm):
    if gdcm:
        monkeypatch.setattr(dicom_pixels, "_pydicom_can", lambda syntax: False)
    slices = [
        make_slice(
            (1, 2, 2 * k), np.arange(4096 * k, 4096 * (k + 1), dtype=np.uint16).reshape(64, 64), RescaleIntercept=-10
        )
        for k in range(3)
    ]
    for data in slices:
        data.compress(syntax, generate_instance_uid=False)
    volume, _ = read_image(series(*slices))
    assert volume.data.dtype == np.int16
    assert volume.data.T.ravel().tolist() == list(range(-10, 3 * 4096 - 10))


@pytest.mark.real
def test_ircadb_dicom_equals_nifti(ircadb, ircadb_dicom):
    a, b = read_image(ircadb / "ct.nii.gz")[0], read_image(ircadb_dicom)[0]
    assert a.grid == b.grid
    assert a.data.dtype == b.data.dtype == np.int16
    assert np.array_equal(a.data, b.data)
