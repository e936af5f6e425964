"""Masks as an RT Structure Set of the scan's study, each contour on the slice it was drawn on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from glisson.errors import InputError
from glisson.geometry import FloatArray, Mask
from glisson.imaging.dicom_headers import RT_STRUCTURE_SET
from glisson.imaging.dicom_source import Reference, ResultHeader, SourceSeries, new_result
from glisson.imaging.rtdose import save_object
from glisson.imaging.rtstruct import add_structures

__all__ = ["write_structures"]

STUDY_CLASS = "1.2.840.10008.3.1.2.3.1"
"""Detached Study Management, which structure sets name as the class of the study they refer to."""


def write_structures(
    path: Path | str,
    masks: Mapping[str, Mask],
    source: SourceSeries,
    header: ResultHeader,
    *,
    label: str,
    number: tuple[int, int],
) -> Reference:
    """Write masks as contours on the slices of the series, whole or not at all; see `write_rtstruct`.

    label: of the structure set, up to 16 characters. number: of the series, and within it. Raises InputError for
    no mask or an empty one, FrameMismatch off the series' lattice, SceneError outside it, OutputError.
    """
    if not masks or any(mask.is_empty for mask in masks.values()):
        raise InputError("A structure set needs at least one structure, each with at least one voxel.")
    turned = {name: source.turned(mask, f"structure {name!r}") for name, mask in masks.items()}
    data = new_result(RT_STRUCTURE_SET, "RTSTRUCT", source, header, label, number)
    data.OperatorsName, data.ApprovalStatus = "", "UNAPPROVED"
    data.StructureSetDate, data.StructureSetTime = data.ContentDate, data.ContentTime
    for name in ("ContentDate", "ContentTime"):
        del data[name]
    add_structures(data, turned, label, axis=2, image_at=lambda point: _image(source, _slice_at(point, source)))
    data.ReferencedFrameOfReferenceSequence[0].RTReferencedStudySequence = [_study(source)]
    saved = save_object(data, Path(path))
    return Reference(RT_STRUCTURE_SET, str(data.SOPInstanceUID), str(data.SeriesInstanceUID), saved)


def _slice_at(point_mm: FloatArray, source: SourceSeries) -> int:
    return int(np.rint(source.grid.to_index(point_mm)[2]))


def _image(source: SourceSeries, index: int) -> Any:
    from pydicom.dataset import Dataset as Item

    held, item = source.reference(index), Item()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = held.sop_class, held.sop_uid
    return item


def _study(source: SourceSeries) -> Any:
    from pydicom.dataset import Dataset as Item

    series, study = Item(), Item()
    series.SeriesInstanceUID = source.series_uid
    series.ContourImageSequence = [_image(source, k) for k in range(len(source.headers))]
    study.ReferencedSOPClassUID, study.ReferencedSOPInstanceUID = STUDY_CLASS, source.study_uid
    study.RTReferencedSeriesSequence = [series]
    return study
