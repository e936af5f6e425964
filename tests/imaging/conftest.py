"""Builders of small files: DICOM series slice by slice, NIfTI files with any header."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

CT_CLASS = "1.2.840.10008.5.1.4.1.1.2"
SERIES_UID = "1.2.826.0.1.3680043.8.498.1"


def make_slice(position: Any = (0, 0, 0), pixels: Any = None, **changes: Any) -> Dataset:
    """One CT slice of 6 columns x 5 rows; keyword None deletes the attribute, another value sets it."""
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = CT_CLASS
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID = generate_uid(
        entropy_srcs=[str(position), str(changes)]
    )
    plane = np.full((5, 6), int(position[2]), np.int16) if pixels is None else np.asarray(pixels)
    defaults: dict[str, Any] = {
        "Modality": "CT", "SeriesInstanceUID": SERIES_UID, "FrameOfReferenceUID": "1.2.3", "InstanceNumber": 1,
        "SeriesDescription": "Abdomen portal venous", "AcquisitionDate": "20240131", "SliceThickness": 2,
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"], "ImagePositionPatient": [float(p) for p in position],
        "ImageOrientationPatient": [1, 0, 0, 0, 1, 0], "PixelSpacing": [0.8, 0.7], "SamplesPerPixel": 1,
        "Rows": plane.shape[0], "Columns": plane.shape[1], "PhotometricInterpretation": "MONOCHROME2",
        "BitsAllocated": 16, "BitsStored": 16, "HighBit": 15, "PixelRepresentation": int(plane.dtype.kind == "i"),
        "RescaleSlope": 1, "RescaleIntercept": 0,
    }  # fmt: skip
    for name, value in {**defaults, **changes}.items():
        if value is not None:
            setattr(data, name, value)
    data.PixelData = plane.tobytes()
    data["PixelData"].VR = "OW"
    return data


@pytest.fixture
def series(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes slices as files named in an order unlike their places, and returns the folder."""

    def write(*slices: Dataset, into: str = "dicom", prefix: str = "im") -> Path:
        folder = tmp_path / into
        folder.mkdir(parents=True, exist_ok=True)
        for index, data in enumerate(slices):
            data.save_as(folder / f"{prefix}{(index * 7) % 100:03d}", enforce_file_format=True)
        return folder

    return write


@pytest.fixture
def nifti(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes an array as NIfTI with a RAS affine and returns the path."""

    def write(data: Any, name: str = "a.nii.gz", affine: Any = None, **header: Any) -> Path:
        image = nib.Nifti1Image(
            np.asarray(data), np.diag([-1.0, -1.0, 1.0, 1.0]) if affine is None else np.asarray(affine)
        )
        image.set_qform(None, code=0)
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        nib.save(image, path)
        if header:
            blob = path.read_bytes()
            blob = gzip.decompress(blob) if name.endswith(".gz") else blob
            block = nib.Nifti1Header(blob[:348], check=False)
            for key, value in header.items():
                block[key] = value
            blob = block.binaryblock + blob[348:]
            path.write_bytes(gzip.compress(blob) if name.endswith(".gz") else blob)
        return path

    return write
