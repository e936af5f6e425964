"""A picture as a DICOM Secondary Capture of the scan's study."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from glisson.errors import InputError
from glisson.imaging.dicom_source import Reference, ResultHeader, SourceSeries, long_string, new_result
from glisson.imaging.rtdose import save_object

__all__ = ["CAPTURE_CLASS", "write_capture"]

CAPTURE_CLASS = "1.2.840.10008.5.1.4.1.1.7"


def write_capture(
    path: Path | str,
    png: bytes,
    source: SourceSeries,
    header: ResultHeader,
    *,
    title: str,
    number: tuple[int, int],
) -> Reference:
    """Write a PNG picture in colour, on white where it is transparent; whole or not at all.

    title: of the picture. number: of the series, and within it. Raises InputError for
    bytes that are no picture, OutputError.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(png)) as held:
            whole = held.convert("RGBA")
    except (UnidentifiedImageError, OSError) as problem:
        raise InputError(f"{title}: expected a PNG picture ({problem}).") from problem
    paper = Image.new("RGBA", whole.size, "white")
    pixels = np.asarray(Image.alpha_composite(paper, whole).convert("RGB"))
    data = new_result(CAPTURE_CLASS, "OT", source, header, title, number)
    for name in ("FrameOfReferenceUID", "PositionReferenceIndicator"):
        del data[name]
    data.ConversionType, data.BurnedInAnnotation = "WSD", "YES"
    data.ImageType, data.PatientOrientation = ["DERIVED", "SECONDARY"], ""
    data.BodyPartExamined = "ABDOMEN"
    data.ImageComments = long_string(title)
    data.SamplesPerPixel, data.PhotometricInterpretation, data.PlanarConfiguration = 3, "RGB", 0
    data.Rows, data.Columns = pixels.shape[:2]
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 8, 8, 7, 0
    raw = pixels.tobytes()
    data.PixelData = raw + b"\0" * (len(raw) % 2)
    data["PixelData"].VR = "OB"
    saved = save_object(data, Path(path))
    return Reference(CAPTURE_CLASS, str(data.SOPInstanceUID), str(data.SeriesInstanceUID), saved)
