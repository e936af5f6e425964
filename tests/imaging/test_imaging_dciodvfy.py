"""Written RT objects before the validator of dicom3tools, where it is installed."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pydicom
import pytest

from glisson.geometry import Grid, Mask, Volume
from glisson.imaging import RtHeader, write_rtdose, write_rtstruct

GRID = Grid.axial((12, 10, 8), (2.0, 2.5, 3.0), (-30.0, 20.0, 100.0))
HEADER = RtHeader("P1", "Doe^J", "1.2.3", "1.2.4", None, datetime(2026, 3, 1, 12), "made")


def dose() -> Volume:
    return Volume(np.random.default_rng(0).random(GRID.shape) * 60.0, GRID)


@pytest.mark.parametrize("header", [HEADER, RtHeader()], ids=["all", "nothing"])
def test_rt_dose_is_valid(tmp_path, complaints, header):
    assert complaints(write_rtdose(tmp_path / "d.dcm", dose(), header, bits=16)) == []


def test_the_32_bit_dose_differs_from_the_valid_one_in_its_pixels_alone(tmp_path):
    """dciodvfy of 2022 stops at 32-bit pixels as words, which DICOM part 5 asks for; so all else is compared."""
    wide, narrow = (
        pydicom.dcmread(write_rtdose(tmp_path / f"{bits}.dcm", dose(), HEADER, bits=bits)) for bits in (32, 16)
    )
    own = {"SOPInstanceUID", "SeriesInstanceUID", "BitsAllocated", "BitsStored", "HighBit", "DoseGridScaling",
           "PixelData", "ReferencedRTPlanSequence"}  # fmt: skip
    for item in wide:
        if item.keyword not in own:
            assert item == narrow[item.tag], item.keyword
    assert (wide.BitsAllocated, wide.BitsStored, wide.HighBit, wide["PixelData"].VR) == (32, 32, 31, "OW")
    assert len(wide.PixelData) == 4 * np.prod(GRID.shape)


@pytest.mark.parametrize("header", [HEADER, RtHeader()], ids=["all", "nothing"])
def test_rt_structure_set_is_valid(tmp_path, complaints, header):
    data = np.zeros(GRID.shape, bool)
    data[3:9, 2:8, 2:6] = True
    data[5, 4, 3] = False
    assert complaints(write_rtstruct(tmp_path / "s.dcm", {"liver": Mask(data, GRID)}, header)) == []
