"""DICOM RT Dose: read to a dose on its own grid, and write so that others read the same numbers."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from glisson.errors import DicomError, InputError, OutputError
from glisson.geometry import FloatArray, Grid, Volume
from glisson.imaging.dicom_open import open_dicom, refusing_damage
from glisson.imaging.raster import checked_grid

if TYPE_CHECKING:
    from pydicom import Dataset

__all__ = ["RtDose", "RtHeader", "read_rtdose", "write_rtdose"]

RT_DOSE = "1.2.840.10008.5.1.4.1.1.481.2"
RT_PLAN = "1.2.840.10008.5.1.4.1.1.481.5"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"

EVEN_STEP_MM = 0.01
"""Frames count as evenly spaced when none lies further than this from an even lattice."""

RIGHT_ANGLE_COSINE = 1e-4
"""Largest cosine between two axes of a grid that DICOM can hold as a stack of frames."""


@dataclass(frozen=True, eq=False)
class RtDose:
    """A dose as read: `dose` in Gy on its own grid (LPS mm), the frame of reference and what kind of dose it is.

    kind: PHYSICAL, EFFECTIVE or ERROR; summation: PLAN, BEAM and so on; bits: 16 or 32 a voxel.
    """

    dose: Volume
    frame_uid: str | None
    kind: str
    summation: str
    bits: int
    comment: str | None


@dataclass(frozen=True)
class RtHeader:
    """Who and what a written RT object belongs to. What is None is written empty or made from the content.

    stamped: date and time that go into the file; without it the file bears none and its bytes depend on the content
    alone. plan_uid: the RT plan that a dose belongs to; microspheres have none, and DICOM asks for one: then a UID
    that belongs to no object stands there and the comment says so.
    """

    patient_id: str = ""
    patient_name: str = ""
    study_uid: str | None = None
    frame_uid: str | None = None
    plan_uid: str | None = None
    stamped: datetime | None = None
    label: str = "Glisson"


def read_rtdose(path: Path | str) -> RtDose:
    """Read an RT Dose object: 16 or 32 bits, any orientation, frames in either direction.

    Raises DicomError for other objects, doses that are not in Gy, a missing scale, frames that are not evenly spaced
    and pixels that cannot be read.
    """
    source = Path(path)
    with refusing_damage(source):
        return _dose(read_object(source, "RTDOSE"), source)


def _dose(data: Dataset, source: Path) -> RtDose:
    units = str(data.get("DoseUnits", "")).upper()
    if units != "GY":
        raise DicomError(
            f"{source}: the dose is in {units or 'no unit'}, expected GY. Export the absolute dose from the planning "
            "system."
        )
    lacking = [
        name
        for name in ("DoseGridScaling", "PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient")
        if data.get(name) in (None, "")
    ]
    if lacking:
        raise DicomError(f"{source}: the header lacks {', '.join(lacking)}. Export the dose again.")
    frames = _frames(data, source)
    shape = (frames.shape[2], frames.shape[1], frames.shape[0])
    grid = checked_grid(shape, _affine(data, frames.shape[0], source), source)
    gy = (frames.astype(np.float64) * float(data.DoseGridScaling)).astype(np.float32)
    return RtDose(
        Volume(np.ascontiguousarray(gy.transpose(2, 1, 0)), grid),
        str(data.FrameOfReferenceUID) if data.get("FrameOfReferenceUID") else None,
        str(data.get("DoseType", "")), str(data.get("DoseSummationType", "")), int(data.BitsAllocated),
        str(data.DoseComment) if data.get("DoseComment") else None,
    )  # fmt: skip


def write_rtdose(
    path: Path | str, dose: Volume, header: RtHeader | None = None, *, bits: int = 32, comment: str = ""
) -> Path:
    """Write a dose in Gy as one RT Dose object; whole or not at all.

    The scale is the highest dose over the highest whole number, so 32 bits keep single precision and 16 bits keep
    1/65535 of the highest dose. Raises InputError for doses that are negative or not finite, bits other than 16 and 32,
    and grids whose axes are not at right angles; OutputError when it cannot be written.
    """
    if bits not in (16, 32):
        raise InputError(f"RT Dose holds 16 or 32 bits a voxel, got {bits}.")
    values = np.asarray(dose.data, dtype=np.float64)
    if not np.isfinite(values).all() or values.min() < 0:
        raise InputError("A dose to be written must be finite and 0 Gy or more in every voxel.")
    values, affine = _right_handed(values, dose.grid)
    scaling = decimal_string(max(float(values.max()), 1e-9) / (2**bits - 1) * (1.0 + 1e-9))
    pixels = np.rint(values / float(scaling)).astype(f"<u{bits // 8}")
    about = header or RtHeader()
    data = new_object(RT_DOSE, "RTDOSE", about, values.tobytes() + affine.tobytes() + bytes([bits]))
    _describe_dose(data, about, comment)
    _place_pixels(data, pixels, affine, scaling, bits)
    return save_object(data, Path(path))


def decimal_string(value: float) -> str:
    """A number in at most 16 characters, as DICOM's decimal strings must be, as precise as fits."""
    for digits in range(17, 0, -1):
        text = f"{value:.{digits}g}"
        if len(text) <= 16:
            return text
    raise InputError(f"{value} cannot be written as a DICOM decimal string.")


def read_object(path: Path, modality: str) -> Dataset:
    """The DICOM object of a file. Raises DicomError when it is none, or of another modality."""
    data = open_dicom(path)
    found = str(data.get("Modality", "")) or "nothing"
    if found != modality:
        raise DicomError(f"{path}: expected {modality}, but the file holds {found}. Give the {modality} object.")
    return data


def new_object(sop_class: str, modality: str, header: RtHeader, content: bytes) -> Dataset:
    """An object with its file header, patient, study and series; UIDs are made from the content."""
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import UID

    from glisson import __version__

    uid = _uid_maker(content, header)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = UID(sop_class), uid("instance")
    meta.TransferSyntaxUID = UID(EXPLICIT_LITTLE)
    data = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    data.SOPClassUID, data.SOPInstanceUID = UID(sop_class), meta.MediaStorageSOPInstanceUID
    data.SpecificCharacterSet = "ISO_IR 192"
    stamp = header.stamped
    day, time = (stamp.strftime("%Y%m%d"), stamp.strftime("%H%M%S")) if stamp else ("", "")
    data.StudyDate, data.StudyTime, data.AccessionNumber, data.ReferringPhysicianName = day, time, "", ""
    data.Modality, data.Manufacturer, data.ManufacturerModelName = modality, "Glisson", "Glisson"
    data.SoftwareVersions, data.OperatorsName = __version__, ""
    data.PatientName, data.PatientID = header.patient_name, header.patient_id
    data.PatientBirthDate, data.PatientSex = "", ""
    data.StudyInstanceUID = header.study_uid or uid("study")
    data.SeriesInstanceUID, data.StudyID, data.SeriesNumber, data.InstanceNumber = uid("series"), "", 1, 1
    data.FrameOfReferenceUID, data.PositionReferenceIndicator = header.frame_uid or uid("frame"), ""
    return data


def save_object(data: Dataset, path: Path) -> Path:
    """Write the object; a file that could not be written whole is removed. Raises OutputError."""
    part = path.with_name(f".{path.name}.part")
    try:
        data.save_as(part, enforce_file_format=True)
        part.replace(path)
    except OSError as problem:
        part.unlink(missing_ok=True)
        raise OutputError(
            f"{path} was not written: {problem.strerror or problem}. Choose a folder that can be written to."
        ) from problem
    return path


def _uid_maker(content: bytes, header: RtHeader) -> Any:
    import hashlib

    from pydicom.uid import generate_uid

    digest = hashlib.sha256(content + repr(header).encode()).hexdigest()
    return lambda what: generate_uid(entropy_srcs=["glisson", digest, what])


def _frames(data: Dataset, source: Path) -> npt.NDArray[Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pixels = data.pixel_array
    except Exception as problem:
        raise DicomError(f"{source}: the dose cannot be read ({str(problem).strip()}). Export it again.") from problem
    return pixels[None] if pixels.ndim == 2 else pixels


def _affine(data: Dataset, frames: int, source: Path) -> FloatArray:
    orientation = np.array([float(v) for v in data.ImageOrientationPatient])
    row, column = orientation[:3], orientation[3:]
    normal = np.cross(row, column)
    between_rows, between_columns = (float(v) for v in data.PixelSpacing)
    offsets = _offsets(data, frames, source)
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1] = row * between_columns, column * between_rows
    affine[:3, 2] = normal * (offsets[1] - offsets[0])
    affine[:3, 3] = np.array([float(v) for v in data.ImagePositionPatient]) + normal * offsets[0]
    return affine


def _offsets(data: Dataset, frames: int, source: Path) -> FloatArray:
    """Place of each frame along the normal, from the position in the header, mm; two at least."""
    if frames == 1:
        thickness = float(data.get("SliceThickness") or 0.0)
        if thickness <= 0:
            raise DicomError(f"{source}: one frame without SliceThickness has no volume. Export the whole dose grid.")
        return np.array([0.0, thickness])
    given = data.get("GridFrameOffsetVector")
    if given is None or len(given) != frames:
        raise DicomError(f"{source}: GridFrameOffsetVector must place all {frames} frames. Export the dose again.")
    offsets = np.array([float(v) for v in given])
    if offsets[0] != 0.0:  # the vector then holds positions along the normal instead of distances from the first frame
        offsets = offsets - offsets[0]
    even = np.linspace(offsets[0], offsets[-1], frames)
    if np.abs(offsets - even).max() > EVEN_STEP_MM or offsets[-1] == offsets[0]:
        raise DicomError(
            f"{source}: the frames of the dose are not evenly spaced ({offsets.min():g} to {offsets.max():g} mm). "
            "Calculate or export the dose on an even grid."
        )
    return even


def _right_handed(values: FloatArray, grid: Grid) -> tuple[FloatArray, FloatArray]:
    """The array and affine with frames along the cross product of rows and columns, or InputError where none are."""
    affine = grid.affine.copy()
    cosines = np.abs(grid.directions.T @ grid.directions - np.eye(3)).max()
    if cosines > RIGHT_ANGLE_COSINE:
        raise InputError(f"RT Dose needs axes at right angles; the grid is {grid.describe()}. Resample the dose first.")
    if np.linalg.det(affine[:3, :3]) < 0:
        affine[:3, 3] += affine[:3, 2] * (values.shape[2] - 1)
        affine[:3, 2] *= -1
        values = values[:, :, ::-1]
    return np.ascontiguousarray(values), affine


def _describe_dose(data: Dataset, header: RtHeader, comment: str) -> None:
    from pydicom.dataset import Dataset as Item
    from pydicom.uid import UID, generate_uid

    data.DoseUnits, data.DoseType, data.DoseSummationType = "GY", "PHYSICAL", "PLAN"
    data.SeriesDescription = header.label[:64]
    plan = Item()
    plan.ReferencedSOPClassUID = UID(RT_PLAN)
    plan.ReferencedSOPInstanceUID = header.plan_uid or generate_uid(
        entropy_srcs=["glisson", "no plan", str(data.SOPInstanceUID)]
    )
    data.ReferencedRTPlanSequence = [plan]
    data.DoseComment = (comment + ("" if header.plan_uid else " (no plan exists)")).strip()[:64]


def _place_pixels(data: Dataset, pixels: npt.NDArray[Any], affine: FloatArray, scaling: str, bits: int) -> None:
    sides = np.linalg.norm(affine[:3, :3], axis=0)
    unit = affine[:3, :3] / sides
    data.PixelSpacing = [decimal_string(float(sides[1])), decimal_string(float(sides[0]))]
    data.SliceThickness = decimal_string(float(sides[2]))
    data.ImagePositionPatient = [decimal_string(float(v)) for v in affine[:3, 3]]
    data.ImageOrientationPatient = [decimal_string(float(v)) for v in (*unit[:, 0], *unit[:, 1])]
    frames = pixels.shape[2]
    data.NumberOfFrames, data.FrameIncrementPointer = frames, 0x3004000C
    data.GridFrameOffsetVector = [decimal_string(float(n * sides[2])) for n in range(frames)]
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.Columns, data.Rows = pixels.shape[0], pixels.shape[1]
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = bits, bits, bits - 1, 0
    data.DoseGridScaling = scaling
    data.PixelData = pixels.transpose(2, 1, 0).tobytes()
    data["PixelData"].VR = "OW"
