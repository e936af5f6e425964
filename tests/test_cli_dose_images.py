"""`glisson dose …` from images: DICOM activity and its times, catheter positions, structure sets, isodose pictures."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian
from typer.testing import CliRunner

from glisson.cli.dose import dose
from glisson.geometry import Grid, Mask, Volume
from glisson.imaging import RtHeader, write_mask, write_rtdose, write_rtstruct, write_volume

GRID = Grid.axial((20, 20, 20), (5.0, 5.0, 5.0))
"""1000 mL in voxels of 0.125 mL."""
K = 49.67


def run(*arguments: object):
    return CliRunner().invoke(dose, [str(a) for a in arguments])


def answer(*arguments: object):
    done = run(*arguments, "--json")
    assert done.exception is None, done.exception
    return json.loads(done.output)


def box(i, j=(0, 20), k=(0, 20)) -> Mask:
    data = np.zeros(GRID.shape, bool)
    data[slice(*i), slice(*j), slice(*k)] = True
    return Mask(data, GRID)


def pet(path: Path, units="BQML", nuclide="^90^Yttrium") -> Path:
    """One slice of 4x4 voxels of 5x5x8 mm, 0.2 mL each, at 2.5e8 Bq/mL: 16 x 0.05 GBq, at 12:00 on 1 March 2026."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID = "1.2.840.10008.5.1.4.1.1.128", ExplicitVRLittleEndian
    meta.MediaStorageSOPInstanceUID = "1.2.3.4.5"
    data = FileDataset(str(path), {}, file_meta=meta, preamble=bytes(128))
    data.SOPClassUID, data.SOPInstanceUID = meta.MediaStorageSOPClassUID, "1.2.3.4.5"
    data.Modality, data.SeriesInstanceUID, data.FrameOfReferenceUID = "PT", "1.2.3.4", "1.2.3"
    data.SeriesDate, data.SeriesTime, data.DecayCorrection, data.Units = "20260301", "120000", "START", units
    data.AcquisitionDate, data.AcquisitionTime = "20260301", "120000"
    data.ImagePositionPatient, data.ImageOrientationPatient = [0, 0, 0], [1, 0, 0, 0, 1, 0]
    data.PixelSpacing, data.SliceThickness, data.Rows, data.Columns = [5, 5], 8, 4, 4
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 16, 15, 0
    data.RescaleSlope, data.RescaleIntercept = 250000, 0
    code = Dataset()
    code.CodeMeaning = nuclide
    tracer = Dataset()
    tracer.RadionuclideCodeSequence, tracer.RadiopharmaceuticalStartDateTime = [code], "20260228195400"
    data.RadiopharmaceuticalInformationSequence = [tracer]
    data.PixelData = np.full((4, 4), 1000, np.uint16).tobytes()
    data.save_as(path, enforce_file_format=True)
    return path


def test_activity_of_a_pet_is_taken_back_to_when_the_spheres_were_given(tmp_path):
    """64.1 h before the scan there was twice as much; the scan was at 12:00 on 1 March."""
    activity = pet(tmp_path / "pet.dcm")
    as_it_is = answer("map", "--activity", activity, "--method", "local", "-o", tmp_path / "d.nii.gz")
    assert as_it_is["activity_gbq"] == pytest.approx(0.8)
    assert "when the spheres were given" in as_it_is["assumed"][-1]
    given = ("--given", "2026-02-26T19:54:00")
    back = answer("map", "--activity", activity, "--method", "local", "-o", tmp_path / "d.nii.gz", *given)
    assert back["activity_gbq"] == pytest.approx(1.6)
    assert back["mean_gy"] == pytest.approx(K * 1.6 / (3.2e-3 * 1.04))
    assert back["assumed"] == []
    hours = answer(
        "map", "--activity", activity, "--method", "local", "-o", tmp_path / "d.nii.gz", "--hours-after", 64.1
    )
    assert hours["activity_gbq"] == pytest.approx(1.6)


def test_a_scan_of_another_nuclide_is_counts(tmp_path):
    activity, out = pet(tmp_path / "maa.dcm", nuclide="Technetium 99m"), ("-o", tmp_path / "d.nii.gz")
    assert "shows Tc-99m" in str(run("map", "--activity", activity, *out).exception)
    found = answer("map", "--activity", activity, "--unit", "counts", "--total-gbq", 2.1, "--method", "local", *out)
    assert found["activity_gbq"] == pytest.approx(2.1)


def test_times_that_cannot_be_meant_are_refused(tmp_path):
    activity, out = pet(tmp_path / "pet.dcm"), ("-o", tmp_path / "d.nii.gz")
    write_volume(tmp_path / "a.nii.gz", Volume(np.full(GRID.shape, 1e6, np.float32), GRID))
    for arguments, words in (
        (("--activity", activity, "--given", "2025-03-01T12:00:00"), "half-lives"),
        (("--activity", activity, "--given", "2026-02-27T12:00:00", "--hours-after", 3), "not both"),
        (("--activity", tmp_path / "a.nii.gz", "--given", "2026-02-27T12:00:00"), "--hours-after instead"),
        (("--activity", pet(tmp_path / "suv.dcm", units="GML")), "unit is GML"),
    ):
        assert words in str(run("map", *arguments, *out).exception)


def test_catheter_positions_by_volume_and_by_artery(tmp_path):
    """Right 600 mL with 50 mL of tumour, left 400 mL; single compartment: 100 Gy x mass / 49.67 each."""
    write_mask(tmp_path / "right.nii.gz", box((0, 12)))
    write_mask(tmp_path / "left.nii.gz", box((12, 20)))
    write_mask(tmp_path / "tumour.nii.gz", box((2, 6), (0, 10), (0, 10)))
    write_mask(tmp_path / "liver.nii.gz", box((0, 20)))
    files = (f"right={tmp_path / 'right.nii.gz'}", f"left={tmp_path / 'left.nii.gz'}")
    found = answer("positions", "--perfused", files[0], "--perfused", files[1], "--target-gy", 100)
    assert [row["injected_gbq"] for row in found["positions"]] == pytest.approx([61.8 / K, 41.2 / K])
    tight = answer(
        "positions", "--perfused", files[0], "--tumour", tmp_path / "tumour.nii.gz", "--tnr", 3, "--target-gy", 300,
        "--product", "glass", "--setting", "lobectomy",
    )  # fmt: skip
    assert tight["positions"][0]["normal_gy"] == pytest.approx(75.0)
    assert tight["positions"][0]["binding"]["quantity"] == "normal_gy"
    artery = np.zeros(GRID.shape, bool)
    artery[10, :8, 10] = artery[3:18, 8, 10] = True
    write_mask(tmp_path / "artery.nii.gz", Mask(artery, GRID))
    tree = answer(
        "positions", "--artery", tmp_path / "artery.nii.gz", "--liver", tmp_path / "liver.nii.gz", "--target-gy", 100
    )
    assert tree["injected_gbq"] == pytest.approx(103.0 / K, rel=1e-3)
    assert tree["arteries"][0]["aberrant"] is False
    printed = run("positions", "--perfused", files[0], "--target-gy", 100).output
    assert "right" in printed
    for arguments, words in (
        (("--perfused", "right"), "NAME=FILE"),
        (("--perfused", files[0], "--perfused", files[0]), "twice"),
        (("--artery", tmp_path / "artery.nii.gz"), "--liver"),
        ((), "Give either --perfused"),
        (("--perfused", files[0], "--product", "glass"), "--setting"),
    ):
        assert words in str(run("positions", *arguments, "--target-gy", 100).exception)


def test_limits_of_a_plan_from_dose_and_structure_set(tmp_path):
    """29 Gy everywhere: the stomach passes its 30 Gy in six fractions, the cord fails its 25 Gy."""
    write_rtdose(tmp_path / "d.dcm", Volume(np.full(GRID.shape, 29.0), GRID), RtHeader(frame_uid="1.2.3"))
    masks = {"Magen": box((2, 6), (2, 6), (2, 6)), "Cord": box((10, 14), (2, 6), (2, 18))}
    write_rtstruct(tmp_path / "s.dcm", masks, RtHeader(frame_uid="1.2.3"))
    arguments = ("check", "--dose", tmp_path / "d.dcm", "--fractions", 6, "--structures", tmp_path / "s.dcm")
    named = ("--structure", "stomach=Magen", "--structure", "spinal_cord=cord")
    done = run(*arguments, *named, "--json")
    verdicts = {row["structure"]: row["verdict"] for row in json.loads(done.output)["checks"]}
    assert (verdicts["stomach"], verdicts["spinal_cord"], verdicts["heart"]) == ("pass", "fail", "not checkable")
    assert done.exit_code == 1
    assert "There are: Magen, Cord" in str(run(*arguments).exception)
    write_rtstruct(tmp_path / "other.dcm", masks, RtHeader(frame_uid="1.2.9"))
    elsewhere = ("dvh", "--dose", tmp_path / "d.dcm", "--structures", tmp_path / "other.dcm", "--structure", "Cord")
    assert "different frames of reference" in str(run(*elsewhere).exception)
    assert answer(*elsewhere, "--same-frame")["mean_gy"] == pytest.approx(29.0, rel=1e-4)


def test_schedules_beside_each_other_and_the_shunt():
    """interventions: 3x20 has BED10 180 and BED3 460, 5x10 100 and 216.67."""
    found = answer("fractions", "--schedule", "60/3", "--schedule", "50/5", "--alpha-beta", 10, "--alpha-beta", 3)
    assert [row["bed_gy"] for row in found["schedules"]] == pytest.approx([180, 460, 100, 216.667], rel=1e-5)
    assert "60/3" in str(run("fractions", "--schedule", "60", "--alpha-beta", 10).exception)
    shunt = answer("shunt", "--lung", 400, 100, "--liver", 900, 1600)
    assert shunt["lung_shunt"] == pytest.approx(200 / 1400)
    assert shunt["resin_activity_kept"] == pytest.approx(0.8)


def test_isodose_picture_from_files(tmp_path):
    """The highest dose is 60 exp(-0.03) = 58.2 Gy; levels are a tenth to four fifths of it, in two digits."""
    places = GRID.to_mm(np.moveaxis(np.indices(GRID.shape), 0, -1))
    write_volume(tmp_path / "ct.nii.gz", Volume(np.full(GRID.shape, 60, np.int16), GRID))
    write_mask(tmp_path / "liver.nii.gz", box((2, 18), (2, 18), (2, 18)))
    gy = 60.0 * np.exp(-(((places - 47.5) / 25.0) ** 2).sum(axis=-1))
    write_volume(tmp_path / "d.nii.gz", Volume(gy.astype(np.float32), GRID))
    files = ("--image", tmp_path / "ct.nii.gz", "--liver", tmp_path / "liver.nii.gz", "-o", tmp_path / "iso.png")
    done = run("isodose", "--dose", tmp_path / "d.nii.gz", *files)
    assert "isodose lines of 5.8, 12, 23, 35, 47 Gy" in done.output
    assert Image.open(io.BytesIO((tmp_path / "iso.png").read_bytes())).size[0] == 840
    write_volume(tmp_path / "zero.nii.gz", Volume(np.zeros(GRID.shape, np.float32), GRID))
    assert "zero everywhere" in str(run("isodose", "--dose", tmp_path / "zero.nii.gz", *files).exception)
