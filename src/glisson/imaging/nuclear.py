"""DICOM PET (PT) and SPECT (NM): activity or counts on a grid, with unit, nuclide and the time the numbers refer to."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from glisson.errors import DicomError, InputError
from glisson.geometry import FloatArray, Volume
from glisson.imaging.dicom_open import open_dicom, refusing_damage
from glisson.imaging.raster import checked_grid

if TYPE_CHECKING:
    from pydicom import Dataset

__all__ = ["UNITS", "Emission", "is_nuclear", "read_emission"]

UNITS = {"BQML": "Bq/mL", "CNTS": "counts", "PROPCNTS": "counts", "PROPCPS": "counts", "CPS": "counts"}
"""DICOM's units of a PET image (0054,1001) that stand for activity or counts, and our name. Counts a second and
numbers in proportion to counts are counts that need a total."""

UCUM = {"bq/ml": "Bq/mL", "kbq/ml": "kBq/mL", "mbq/ml": "MBq/mL", "{counts}": "counts", "{counts}/s": "counts"}
"""Units of a real world value map (UCUM, lower case) and our name."""

EVEN_STEP_MM = 0.02
"""Slices count as evenly spaced when none lies further than this from an even lattice."""

PARALLEL = 1e-3
"""Largest difference between the direction cosines of slices of one volume."""

NUCLIDES = {
    "Y-90": ("yttrium", 64.1 * 3600), "Ho-166": ("holmium", 26.8 * 3600), "Tc-99m": ("technetium", 6.01 * 3600),
    "F-18": ("fluorine", 109.77 * 60), "In-111": ("indium", 2.805 * 86400),
}  # fmt: skip
"""Nuclides that are told from a header: name of the element, and half-life in seconds where no code names it."""

HALF_LIFE_TOLERANCE = 0.01
"""Share by which a half-life in a header may differ from that of the nuclide."""


@dataclass(frozen=True, eq=False)
class Emission:
    """A PET or SPECT as read.

    values: never rescaled but as the header says, on its grid (LPS mm). unit: Bq/mL, kBq/mL, MBq/mL or counts. nuclide:
    as Y-90, None where the header does not say. referred_to: the time whose activity the numbers show; None where the
    header does not say. injected_gbq: as the header says. notes: what the reader took for granted.
    """

    values: Volume
    unit: str
    nuclide: str | None
    half_life_s: float | None
    referred_to: datetime | None
    injected_gbq: float | None
    frame_uid: str | None
    modality: str
    notes: tuple[str, ...] = ()

    def hours_until(self, when: datetime) -> float:
        """Hours from the time the numbers refer to until another time, negative for an earlier one.

        Raises InputError where the header does not say what time they refer to.
        """
        if self.referred_to is None:
            raise InputError("The header does not say what time the activity refers to: give the hours yourself.")
        return (when - self.referred_to).total_seconds() / 3600.0


def is_nuclear(path: Path | str) -> bool:
    """Whether a file, or the first DICOM file of a folder, is a PET or SPECT image."""
    source = Path(path)
    files = sorted(p for p in source.rglob("*") if p.is_file()) if source.is_dir() else [source]
    for file in files:
        try:
            return str(open_dicom(file, stop_before_pixels=True).get("Modality", "")) in ("PT", "NM")
        except DicomError:
            continue
    return False


def read_emission(path: Path | str) -> Emission:
    """Read a PET series (a folder with one file a slice, or one file) or a reconstructed SPECT (one file).

    Rescale is applied slice by slice, as PET changes it from slice to slice. Raises DicomError for other objects,
    planar or projection images, several series, uneven slices, and units that are neither activity nor counts (such as
    SUV).
    """
    source = Path(path)
    if not source.exists():
        raise DicomError(f"{source} does not exist. Check the path.")
    with refusing_damage(source):
        data = _datasets(source)
        if str(data[0].get("Modality", "")) != "NM":
            return _pet(data, source)
        if len(data) > 1:
            raise DicomError(f"{source}: {len(data)} NM objects, expected one reconstructed volume. Give its file.")
        return _spect(data[0], source)


def _datasets(source: Path) -> list[Dataset]:
    """The PET or SPECT objects of a file or folder, whole; all of one series."""
    files = sorted(p for p in source.rglob("*") if p.is_file()) if source.is_dir() else [source]
    found: list[Dataset] = []
    for file in files:
        try:
            header = open_dicom(file, stop_before_pixels=True)
        except DicomError:
            if source.is_dir():
                continue
            raise
        if str(header.get("Modality", "")) in ("PT", "NM") and "Rows" in header:
            found.append(open_dicom(file))
    if not found:
        raise DicomError(f"{source} holds no PET (PT) or SPECT (NM) image. Give the reconstructed emission series.")
    series = {str(item.get("SeriesInstanceUID", "")) for item in found}
    if len(series) > 1:
        raise DicomError(f"{source} holds {len(series)} PET or SPECT series. Give the folder of one of them.")
    return found


def _pet(data: Sequence[Dataset], source: Path) -> Emission:
    given = {str(item.get("Units", "")) for item in data}
    if len(given) != 1 or (unit := UNITS.get(next(iter(given)))) is None:
        raise DicomError(
            f"{source}: the unit is {', '.join(sorted(given)) or 'not given'}, expected BQML, CNTS or PROPCNTS. Export "
            "the series in Bq/mL (not as SUV)."
        )
    stack = [(_offset(item, source), item) for item in data]
    stack.sort(key=lambda pair: pair[0])
    offsets = _even(np.array([offset for offset, _ in stack]), data[0], source)
    first = stack[0][1]
    cosines = np.array([float(v) for v in first.ImageOrientationPatient])
    if any(
        np.abs(cosines - np.array([float(v) for v in item.ImageOrientationPatient])).max() > PARALLEL for item in data
    ):
        raise DicomError(f"{source}: the slices are not parallel. Give the folder of one reconstructed series.")
    planes = np.stack([_pixels(item, source) * _slope(item) + _intercept(item) for _, item in stack])
    when = _referred_to([item for _, item in stack])
    notes = () if when else ("What time the activity refers to is not known from the header.",)
    return _emission(planes, first, offsets[1] - offsets[0], unit, when, source, notes)


def _spect(data: Dataset, source: Path) -> Emission:
    kind = [str(word) for word in data.get("ImageType", [])]
    if "RECON TOMO" not in kind and "RECON GATED TOMO" not in kind:
        raise DicomError(
            f"{source}: the NM image is {'/'.join(kind) or 'of no stated kind'}, expected RECON TOMO. Give the "
            "reconstructed transverse slices, not projections or planar views."
        )
    detectors = data.get("DetectorInformationSequence") or []
    placed = detectors[0] if len(detectors) else data
    for name in ("ImagePositionPatient", "ImageOrientationPatient"):
        if name not in data and name in placed:
            setattr(data, name, getattr(placed, name))
    step = float(data.get("SpacingBetweenSlices") or data.get("SliceThickness") or 0.0)
    frames = _pixels(data, source)
    frames = frames[None] if frames.ndim == 2 else frames
    if step == 0.0 or len(frames) < 2:
        raise DicomError(f"{source}: a SPECT needs SpacingBetweenSlices and two slices at least. Export it again.")
    unit, slope, intercept, notes = _spect_unit(data, source)
    if "DecayCorrection" not in data:
        notes += ("The header does not say for what time decay was corrected; the start of the scan was taken.",)
    return _emission(frames * slope + intercept, data, step, unit, _referred_to([data]), source, notes)


def _spect_unit(data: Dataset, source: Path) -> tuple[str, float, float, tuple[str, ...]]:
    """Unit, slope and intercept: of the real world value map where there is one, else the header's, else counts."""
    for item in data.get("RealWorldValueMappingSequence") or []:
        codes = item.get("MeasurementUnitsCodeSequence") or []
        code = str(codes[0].get("CodeValue", "")) if len(codes) else ""
        if code.lower() in UCUM and "RealWorldValueSlope" in item:
            return UCUM[code.lower()], float(item.RealWorldValueSlope), float(item.RealWorldValueIntercept), ()
    given = str(data.get("Units", ""))
    if given and given not in UNITS:
        raise DicomError(
            f"{source}: the unit is {given}, expected BQML, CNTS or PROPCNTS. Export it in Bq/mL or counts."
        )
    unit = UNITS.get(given, "counts")
    notes = () if given else ("The header names no unit; the numbers are taken as counts.",)
    return unit, _slope(data), _intercept(data), notes


def _emission(
    planes: npt.NDArray[Any], data: Dataset, step: float, unit: str, when: datetime | None, source: Path,
    notes: tuple[str, ...],
) -> Emission:  # fmt: skip
    lacking = [
        name
        for name in ("PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient")
        if data.get(name) in (None, "")
    ]
    if lacking:
        raise DicomError(f"{source}: the header lacks {', '.join(lacking)}, so the image has no place.")
    orientation = np.array([float(v) for v in data.ImageOrientationPatient])
    row, column = orientation[:3], orientation[3:]
    between_rows, between_columns = (float(v) for v in data.PixelSpacing)
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1], affine[:3, 2] = row * between_columns, column * between_rows, np.cross(row, column)
    affine[:3, 2] *= step
    affine[:3, 3] = [float(v) for v in data.ImagePositionPatient]
    values = np.ascontiguousarray(planes.transpose(2, 1, 0), dtype=np.float32)
    grid = checked_grid((values.shape[0], values.shape[1], values.shape[2]), affine, source)
    tracers = data.get("RadiopharmaceuticalInformationSequence") or []
    tracer: Any = tracers[0] if len(tracers) else {}
    half_life = float(tracer.get("RadionuclideHalfLife") or 0.0) or None
    name = _nuclide(tracer, half_life)
    dose = float(tracer.get("RadionuclideTotalDose") or 0.0)
    return Emission(
        Volume(values, grid), unit, name, half_life or (NUCLIDES[name][1] if name else None), when,
        _gbq(dose, str(data.Modality)), str(data.get("FrameOfReferenceUID", "")) or None, str(data.Modality), notes,
    )  # fmt: skip


def _gbq(dose: float, modality: str) -> float | None:
    """The activity given: PET states it in Bq, NM in MBq."""
    return dose * (1e-9 if modality == "PT" else 1e-3) if dose > 0 else None


def _nuclide(tracer: Any, half_life_s: float | None) -> str | None:
    """The nuclide by its code's words (^90^Yttrium, Y-90, 90Y), else by its half-life."""
    codes = tracer.get("RadionuclideCodeSequence") or []
    words = str(codes[0].get("CodeMeaning", "")) if len(codes) else ""
    plain = "".join(ch for ch in words if ch.isalnum()).lower()
    for name, (element, _) in NUCLIDES.items():
        symbol, number = name.lower().split("-")
        if plain in {f"{symbol}{number}", f"{number}{symbol}", f"{element}{number}", f"{number}{element}"}:
            return name
    if words or half_life_s is None:
        return None
    near = (n for n, (_, known) in NUCLIDES.items() if abs(half_life_s / known - 1.0) <= HALF_LIFE_TOLERANCE)
    return next(near, None)


def _referred_to(data: Sequence[Dataset]) -> datetime | None:
    """The one time whose activity all pixels show: administration, start of the scan, or when the slices were taken.

    A series made later by post-processing bears its own time, so the scan starts with its earliest slice at the latest.
    None where the header does not say, or slices that were not corrected for decay were taken at different times.
    """
    first = data[0]
    kind = str(first.get("DecayCorrection", "")) or ("START" if first.Modality == "NM" else "")
    if kind == "ADMIN":
        tracers = first.get("RadiopharmaceuticalInformationSequence") or []
        tracer: Any = tracers[0] if len(tracers) else {}
        return _moment(str(tracer.get("RadiopharmaceuticalStartDateTime") or ""))
    taken = {_moment(f"{item.get('AcquisitionDate') or ''}{item.get('AcquisitionTime') or ''}") for item in data}
    known = sorted(moment for moment in taken if moment is not None)
    if kind == "NONE":
        return known[0] if len(taken) == 1 and known else None
    series = _moment(f"{first.get('SeriesDate') or ''}{first.get('SeriesTime') or ''}")
    return min([*known, series] if series is not None else known, default=None) if kind == "START" else None


def _moment(text: str) -> datetime | None:
    """DICOM date and time without zone; None unless both stand there."""
    digits = text.partition(".")[0].partition("+")[0].partition("-")[0].strip()
    try:
        moment = datetime.strptime(digits, "%Y%m%d%H%M%S") if len(digits) == 14 else None
    except ValueError:
        return None
    fraction = text.partition(".")[2][:6]
    return moment + timedelta(seconds=float(f"0.{fraction}")) if moment and fraction.isdigit() else moment


def _pixels(data: Dataset, source: Path) -> FloatArray:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return np.asarray(data.pixel_array, dtype=np.float64)
    except Exception as problem:
        raise DicomError(f"{source}: the pixels cannot be read ({str(problem).strip()}). Export it again.") from problem


def _slope(data: Dataset) -> float:
    return float(data.get("RescaleSlope") or 1.0)


def _intercept(data: Dataset) -> float:
    return float(data.get("RescaleIntercept") or 0.0)


def _offset(data: Dataset, source: Path) -> float:
    if data.get("ImagePositionPatient") in (None, "") or data.get("ImageOrientationPatient") in (None, ""):
        raise DicomError(f"{source}: a slice has no ImagePositionPatient or ImageOrientationPatient. Export it again.")
    orientation = np.array([float(v) for v in data.ImageOrientationPatient])
    return float(np.cross(orientation[:3], orientation[3:]) @ np.array([float(v) for v in data.ImagePositionPatient]))


def _even(offsets: FloatArray, first: Dataset, source: Path) -> FloatArray:
    """The places of the slices along the normal; two at least. Raises DicomError where a slice is missing."""
    if len(offsets) == 1:
        thickness = float(first.get("SliceThickness") or 0.0)
        if thickness <= 0:
            raise DicomError(f"{source}: one slice without SliceThickness has no volume. Give the whole series.")
        return np.array([0.0, thickness])
    even = np.linspace(offsets[0], offsets[-1], len(offsets))
    if np.abs(offsets - even).max() > EVEN_STEP_MM or np.ptp(offsets) == 0:
        steps = np.diff(offsets)
        raise DicomError(
            f"{source}: the slices are {steps.min():.2f} to {steps.max():.2f} mm apart: some are missing or belong to "
            "another bed position or time. Give one complete series."
        )
    return even
