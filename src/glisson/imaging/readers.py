"""One reader for each kind of file. A new format is one entry in READERS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from glisson.errors import ImageError
from glisson.geometry import Labels, Mask, Volume
from glisson.imaging.dicom_headers import SEG_CLASSES, sop_class_of
from glisson.imaging.raster import Raster, whole_numbers
from glisson.scene import ImageFacts

__all__ = ["READERS", "Reader", "read_image", "read_labels", "read_mask", "read_raster"]


@dataclass(frozen=True)
class Reader:
    """A kind of image source: its name, a test of the path, and the function that reads it (path, series UID)."""

    kind: str
    knows: Callable[[Path], bool]
    read: Callable[[Path, str | None], Raster]


def _nifti(path: Path, series_uid: str | None) -> Raster:
    from glisson.imaging.nifti import read_nifti

    del series_uid
    return read_nifti(path)


def _itk(path: Path, series_uid: str | None) -> Raster:
    from glisson.imaging.itk import read_itk

    del series_uid
    return read_itk(path)


def _dicom(path: Path, series_uid: str | None) -> Raster:
    from glisson.imaging.dicom_series import read_dicom

    return read_dicom(path, series_uid)


def _segmentation(path: Path, series_uid: str | None) -> Raster:
    from glisson.imaging.dicom_seg_read import seg_raster

    del series_uid
    return seg_raster(path)


def _is_segmentation(path: Path) -> bool:
    return sop_class_of(path) in SEG_CLASSES


def _is_dicom(path: Path) -> bool:
    if path.is_dir() or path.suffix.lower() in (".dcm", ".ima"):
        return True
    with path.open("rb") as stream:
        return stream.read(132)[128:] == b"DICM"


READERS: tuple[Reader, ...] = (
    Reader("NIfTI", lambda p: p.is_file() and p.name.lower().endswith((".nii", ".nii.gz")), _nifti),
    Reader("NRRD or MetaImage", lambda p: p.is_file() and p.suffix.lower() in (".nrrd", ".nhdr", ".mha", ".mhd"), _itk),
    Reader("DICOM segmentation", _is_segmentation, _segmentation),
    Reader("DICOM", _is_dicom, _dicom),
)
"""Asked in this order; the first that knows the path reads it."""


def read_raster(path: Path | str, series_uid: str | None = None) -> Raster:
    """Read any known image file or DICOM folder. Raises ImageError (DicomError) with the reason and the remedy."""
    source = Path(path)
    if not source.exists():
        raise ImageError(
            f"{source} does not exist. Check the path; paths in case.yaml are relative to the case folder."
        )
    try:
        reader = next((r for r in READERS if r.knows(source)), None)
    except OSError as problem:
        raise ImageError(f"{source} cannot be read: {problem.strerror}.") from problem
    if reader is None:
        raise ImageError(
            f"{source} is of no known kind. Give NIfTI (.nii, .nii.gz), NRRD (.nrrd), MetaImage (.mha) "
            "or a folder of DICOM slices."
        )
    return reader.read(source, series_uid)


def read_image(path: Path | str, series_uid: str | None = None) -> tuple[Volume, ImageFacts]:
    """Read a scan: array [i, j, k] on its grid in LPS mm, and what the headers say.

    path: NIfTI, NRRD or MetaImage file, or a folder (nested, other files allowed) with DICOM CT or MR series.
    series_uid: the DICOM series to take. Raises ImageError or DicomError.
    """
    raster = read_raster(path, series_uid)
    return Volume(raster.data, raster.grid), raster.facts


def read_labels(path: Path | str) -> Labels:
    """Read a label map: whole numbers, 0 is background. Raises ImageError for fractions, negative numbers and NaN."""
    raster = read_raster(path)
    return Labels(whole_numbers(raster, Path(path), "a label map"), raster.grid, raster.names)


def read_mask(path: Path | str, label: int | None = None) -> Mask:
    """Read a mask: the voxels that are not zero, or those that carry `label`. Raises ImageError like read_labels."""
    raster = read_raster(path)
    data = whole_numbers(raster, Path(path))
    return Mask(data != 0 if label is None else data == label, raster.grid)
