"""Where the real scans are, and the fixtures that more than one room's tests use."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("explore", deadline=None, max_examples=500)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))
"""The suite tries the same examples every time; HYPOTHESIS_PROFILE=explore looks for new ones."""

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
