"""PET and SPECT as DICOM: numbers, places, units and times, with SimpleITK as the second reader."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from glisson.errors import DicomError, InputError
from glisson.imaging import is_nuclear, read_emission

PET, NM = "1.2.840.10008.5.1.4.1.1.128", "1.2.840.10008.5.1.4.1.1.20"
SHAPE, SPACING, ORIGIN = (6, 5, 4), (4.0, 4.5, 3.0), (-30.0, 12.0, 100.0)
SERIES = generate_uid(entropy_srcs=["nuclear"])


def item(**values) -> Dataset:
    data = Dataset()
    for name, value in values.items():
        setattr(data, name, value)
    return data


def tracer(meaning="^90^Yttrium", half_life=230760.0, dose=2.1e9) -> Dataset:
    return item(
        RadionuclideCodeSequence=[item(CodeValue="C-127A1", CodingSchemeDesignator="SRT", CodeMeaning=meaning)],
        RadionuclideHalfLife=half_life,
        RadionuclideTotalDose=dose,
        RadiopharmaceuticalStartDateTime="20260301093000",
    )


def blank(path: Path, sop_class: str, modality: str) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID = sop_class, ExplicitVRLittleEndian
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[path.name])
    data = FileDataset(str(path), {}, file_meta=meta, preamble=bytes(128))
    data.SOPClassUID, data.SOPInstanceUID = sop_class, meta.MediaStorageSOPInstanceUID
    data.Modality, data.SeriesInstanceUID, data.FrameOfReferenceUID = modality, SERIES, "1.2.3.4"
    data.SeriesDate, data.SeriesTime = "20260301", "120000.5"
    data.AcquisitionDate, data.AcquisitionTime = "20260301", "120003"
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 16, 15, 0
    data.Columns, data.Rows = SHAPE[0], SHAPE[1]
    data.PixelSpacing = [SPACING[1], SPACING[0]]
    data.RadiopharmaceuticalInformationSequence = [tracer()]
    return data


def stored() -> np.ndarray:
    """[i, j, k] whole numbers, another one in every voxel."""
    return np.arange(np.prod(SHAPE)).reshape(SHAPE).astype(np.uint16)


def pet(folder: Path, order=(2, 0, 3, 1), **values) -> Path:
    """A PET series whose slope is 0.5, 1, 1.5, 2 from the lowest slice to the highest; files in a shuffled order."""
    folder.mkdir(exist_ok=True)
    for number, k in enumerate(order):
        data = blank(folder / f"{number}.dcm", PET, "PT")
        data.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        data.ImagePositionPatient = [ORIGIN[0], ORIGIN[1], ORIGIN[2] + SPACING[2] * k]
        data.SliceThickness, data.Units, data.DecayCorrection = SPACING[2], "BQML", "START"
        data.RescaleSlope, data.RescaleIntercept = 0.5 * (k + 1), 0
        data.PixelData = stored()[:, :, k].T.tobytes()
        for name, value in values.items():
            setattr(data, name, value(k) if callable(value) else value)
        data.save_as(folder / f"{number}.dcm", enforce_file_format=True)
    return folder


def spect(path: Path, step=SPACING[2], **values) -> Path:
    """A SPECT of one file; with a negative step it starts at the top."""
    data = blank(path, NM, "NM")
    frames = stored() if step > 0 else stored()[:, :, ::-1]
    low = ORIGIN[2] if step > 0 else ORIGIN[2] + SPACING[2] * (SHAPE[2] - 1)
    data.ImageType = ["ORIGINAL", "PRIMARY", "RECON TOMO", "EMISSION"]
    data.DetectorInformationSequence = [
        item(ImagePositionPatient=[*ORIGIN[:2], low], ImageOrientationPatient=[1, 0, 0, 0, 1, 0])
    ]
    data.SliceThickness, data.SpacingBetweenSlices, data.NumberOfFrames = abs(step), step, SHAPE[2]
    data.RadiopharmaceuticalInformationSequence = [tracer("Technetium 99m", 21600.0, 150.0)]
    data.PixelData = np.ascontiguousarray(frames.transpose(2, 1, 0)).tobytes()
    for name, value in values.items():
        setattr(data, name, value)
    data.save_as(path, enforce_file_format=True)
    return path


def test_each_slice_of_a_pet_has_its_own_slope(tmp_path):
    found = read_emission(pet(tmp_path / "pet"))
    assert np.array_equal(found.values.data, stored() * np.array([0.5, 1.0, 1.5, 2.0]))
    assert found.values.grid.to_mm((0, 0, 0)) == pytest.approx(ORIGIN)
    assert found.values.grid.spacing_mm == pytest.approx(SPACING)
    assert (found.unit, found.nuclide, found.injected_gbq, found.frame_uid) == ("Bq/mL", "Y-90", 2.1, "1.2.3.4")
    assert found.half_life_s == 230760.0


def test_simpleitk_reads_the_same_pet(tmp_path):
    """Oracle: GDCM, which applies each slice's slope as well."""
    import SimpleITK as sitk  # noqa: N813

    folder = pet(tmp_path / "pet")
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    image = reader.Execute()
    found = read_emission(folder)
    assert np.allclose(sitk.GetArrayFromImage(image).transpose(2, 1, 0), found.values.data)
    assert image.TransformIndexToPhysicalPoint((1, 2, 3)) == pytest.approx(found.values.grid.to_mm((1, 2, 3)))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, datetime(2026, 3, 1, 12, 0, 0, 500000)),
        ({"SeriesTime": "180000"}, datetime(2026, 3, 1, 12, 0, 3)),
        ({"DecayCorrection": "ADMIN"}, datetime(2026, 3, 1, 9, 30)),
        ({"DecayCorrection": "NONE"}, datetime(2026, 3, 1, 12, 0, 3)),
        ({"DecayCorrection": "NONE", "AcquisitionTime": lambda k: f"12000{k}"}, None),
        ({"SeriesTime": "180000", "AcquisitionTime": lambda k: f"12000{3 - k}"}, datetime(2026, 3, 1, 12)),
    ],
    ids=["start", "series made later", "administration", "not corrected", "slice by slice", "earliest slice"],
)
def test_the_time_that_the_activity_refers_to(tmp_path, values, expected):
    found = read_emission(pet(tmp_path / "pet", **values))
    assert found.referred_to == expected
    assert bool(found.notes) == (expected is None)


def test_hours_to_another_time(tmp_path):
    found = read_emission(pet(tmp_path / "pet", DecayCorrection="ADMIN"))
    assert found.hours_until(datetime(2026, 3, 2, 11, 0)) == 25.5
    unknown = read_emission(pet(tmp_path / "other", DecayCorrection=""))
    with pytest.raises(InputError, match="does not say what time"):
        unknown.hours_until(datetime(2026, 3, 2))


@pytest.mark.parametrize("step", [3.0, -3.0])
def test_spect_stacks_along_the_normal_whichever_way_its_spacing_points(tmp_path, step):
    found = read_emission(spect(tmp_path / "nm.dcm", step))
    where = [found.values.grid.to_mm(index) for index in ((0, 0, 0), (0, 0, 3))]
    lowest = min((0, 3), key=lambda k: found.values.grid.to_mm((0, 0, k))[2])
    assert min(p[2] for p in where) == pytest.approx(ORIGIN[2])
    assert np.array_equal(found.values.data[:, :, lowest], stored()[:, :, 0])
    assert (found.unit, found.nuclide, found.injected_gbq) == ("counts", "Tc-99m", 0.15)
    assert any("counts" in note for note in found.notes)


def test_a_real_world_value_map_makes_counts_activity(tmp_path):
    units = item(CodeValue="Bq/ml", CodingSchemeDesignator="UCUM", CodeMeaning="Becquerels/milliliter")
    maps = [item(MeasurementUnitsCodeSequence=[units], RealWorldValueSlope=12.5, RealWorldValueIntercept=0.0)]
    found = read_emission(spect(tmp_path / "nm.dcm", RealWorldValueMappingSequence=maps))
    assert found.unit == "Bq/mL"
    assert np.array_equal(found.values.data, stored() * 12.5)


@pytest.mark.parametrize(
    ("words", "half_life", "name"),
    [("90Y", 1.0, "Y-90"), ("^166^Holmium", 1.0, "Ho-166"), ("^90^Strontium", 9.1e8, None), ("", 6586.2, "F-18")],
)
def test_the_nuclide_by_code_or_else_by_half_life(tmp_path, words, half_life, name):
    codes = tracer(words, half_life)
    if not words:
        del codes.RadionuclideCodeSequence
    found = read_emission(pet(tmp_path / "pet", RadiopharmaceuticalInformationSequence=[codes]))
    assert found.nuclide == name


def test_a_folder_or_file_is_told_by_its_modality(tmp_path):
    assert is_nuclear(pet(tmp_path / "pet"))
    assert is_nuclear(spect(tmp_path / "nm.dcm"))
    other = pydicom.dcmread(tmp_path / "nm.dcm")
    other.Modality = "CT"
    other.save_as(tmp_path / "ct.dcm")
    assert not is_nuclear(tmp_path / "ct.dcm")
    (tmp_path / "text.txt").write_text("no image")
    assert not is_nuclear(tmp_path / "text.txt")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda p: pet(p / "a", Units="GML"), "unit is GML"),
        (lambda p: pet(p / "a", Units=""), "unit is"),
        (lambda p: pet(p / "a", order=(0, 1, 3)), "slices are"),
        (lambda p: pet(p / "a", SeriesInstanceUID=lambda k: f"1.2.{k + 1}"), "4 PET or SPECT series"),
        (lambda p: pet(p / "a", ImagePositionPatient=None), "ImagePositionPatient"),
        (lambda p: spect(p / "a.dcm", ImageType=["ORIGINAL", "PRIMARY", "TOMO", "EMISSION"]), "expected RECON TOMO"),
        (lambda p: spect(p / "a.dcm", Units="SUV"), "unit is SUV"),
        (lambda p: spect(p / "a.dcm", DetectorInformationSequence=[]), "no place"),
        (lambda p: p / "missing", "does not exist"),
        (lambda p: p, "holds no PET"),
    ],
)
def test_what_is_no_emission_volume_is_refused(tmp_path, make, words):
    with pytest.raises(DicomError, match=words):
        read_emission(make(tmp_path))
