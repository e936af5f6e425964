"""RT Dose: round trips in any orientation, readers of others, and what is refused."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pydicom
import pytest

from glisson.errors import DicomError, InputError, OutputError
from glisson.geometry import Grid, Volume
from glisson.imaging import RtHeader, read_rtdose, write_rtdose

TURN = np.array([[0.8, -0.6, 0.0], [0.6, 0.8, 0.0], [0.0, 0.0, 1.0]])


def dose(signs=(1, 1, 1), turn=TURN, shape=(7, 9, 5)) -> Volume:
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag(np.array([2.5, 3.0, 2.0]) * signs)
    affine[:3, 3] = [-30.0, 12.5, 100.0]
    return Volume(np.random.default_rng(7).random(shape) * 71.3, Grid(shape, affine))


def values_at(volume: Volume, places: np.ndarray) -> np.ndarray:
    index = np.rint(volume.grid.to_index(places)).astype(int)
    return volume.data[tuple(index.T)]


@pytest.mark.parametrize("bits", [16, 32])
@pytest.mark.parametrize("signs", [(1, 1, 1), (1, 1, -1), (-1, 1, 1), (-1, -1, 1)])
def test_every_voxel_keeps_its_dose_and_its_place(tmp_path, bits, signs):
    """32 bits keep single precision, 16 bits 1/65535 of the highest dose."""
    made = dose(signs)
    found = read_rtdose(write_rtdose(tmp_path / "dose.dcm", made, bits=bits))
    places = made.grid.to_mm(np.argwhere(np.ones(made.grid.shape)))
    assert found.dose.grid.to_index(places).min() > -0.01
    error = np.abs(values_at(found.dose, places) - made.data.ravel()).max()
    assert error < (71.3 / 65535 if bits == 16 else 1e-5)
    assert (found.bits, found.kind, found.summation) == (bits, "PHYSICAL", "PLAN")


@pytest.mark.parametrize("bits", [16, 32])
def test_simpleitk_reads_the_same_numbers_in_the_same_places(tmp_path, bits):
    """Oracle: GDCM. It reports stored values times the dose grid scaling, and LPS places."""
    import SimpleITK as sitk  # noqa: N813

    made = dose()
    path = write_rtdose(tmp_path / "dose.dcm", made, bits=bits)
    image = sitk.ReadImage(str(path))
    scaling = float(pydicom.dcmread(path).DoseGridScaling)
    stored = sitk.GetArrayFromImage(image)
    factor = 1.0 if stored.max() < 100 else scaling
    for index in [(0, 0, 0), (6, 8, 4), (3, 2, 1)]:
        assert stored[index[::-1]] * factor == pytest.approx(made.data[index], abs=2e-3)
        assert image.TransformIndexToPhysicalPoint(index) == pytest.approx(made.grid.to_mm(index), abs=1e-3)


def test_same_content_same_bytes_and_the_header_as_asked(tmp_path):
    header = RtHeader(patient_id="P1", study_uid="1.2.3", frame_uid="1.2.4", stamped=datetime(2026, 3, 1, 12))
    first = write_rtdose(tmp_path / "a.dcm", dose(), header)
    second = write_rtdose(tmp_path / "b.dcm", dose(), header)
    assert first.read_bytes() == second.read_bytes()
    data = pydicom.dcmread(first)
    assert (data.PatientID, data.StudyInstanceUID, data.FrameOfReferenceUID) == ("P1", "1.2.3", "1.2.4")
    assert data.StudyDate == "20260301"
    assert read_rtdose(first).frame_uid == "1.2.4"
    assert "no plan" in read_rtdose(first).comment


def changed(path, **values):
    data = pydicom.dcmread(path)
    for name, value in values.items():
        if value is None:
            delattr(data, name)
        else:
            setattr(data, name, value)
    data.save_as(path)
    return path


def test_offsets_may_be_positions_and_may_run_downwards(tmp_path):
    """DICOM allows the frame offsets as positions along the normal, and frames from the head downwards."""
    path = write_rtdose(tmp_path / "dose.dcm", dose(turn=np.eye(3)))
    plain = read_rtdose(path).dose
    absolute = read_rtdose(changed(path, GridFrameOffsetVector=[100, 102, 104, 106, 108])).dose
    assert absolute.grid.same_as(plain.grid)
    down = read_rtdose(changed(path, GridFrameOffsetVector=[0, -2, -4, -6, -8])).dose
    assert down.grid.to_mm((0, 0, 4))[2] == pytest.approx(92.0)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"DoseUnits": "RELATIVE"}, "RELATIVE"), ({"DoseGridScaling": None}, "DoseGridScaling"),
        ({"PixelSpacing": None}, "PixelSpacing"), ({"GridFrameOffsetVector": [0, 2, 4, 6, 9]}, "evenly"),
        ({"GridFrameOffsetVector": [0, 2]}, "all 5 frames"), ({"Modality": "CT"}, "expected RTDOSE"),
        ({"PixelData": b"\0\0"}, "cannot be read"),
    ],
)  # fmt: skip
def test_damaged_doses_are_refused(tmp_path, values, words):
    path = write_rtdose(tmp_path / "dose.dcm", dose())
    with pytest.raises(DicomError, match=words):
        read_rtdose(changed(path, **values))


def test_no_dicom_at_all_is_refused(tmp_path):
    (tmp_path / "text.dcm").write_text("hello")
    for path in (tmp_path / "text.dcm", tmp_path / "none.dcm"):
        with pytest.raises(DicomError, match="cannot be read"):
            read_rtdose(path)


def test_what_cannot_be_written_is_refused(tmp_path):
    made = dose()
    for wrong, bits in ((Volume(-made.data, made.grid), 32), (Volume(made.data * np.nan, made.grid), 32), (made, 8)):
        with pytest.raises(InputError):
            write_rtdose(tmp_path / "dose.dcm", wrong, bits=bits)
    sheared = made.grid.affine.copy()
    sheared[0, 2] += 0.5
    with pytest.raises(InputError, match="right angles"):
        write_rtdose(tmp_path / "dose.dcm", Volume(made.data, Grid(made.grid.shape, sheared)))
    with pytest.raises(OutputError):
        write_rtdose(tmp_path / "nowhere" / "dose.dcm", made)
    assert list(tmp_path.iterdir()) == []
