"""A PDF as a DICOM Encapsulated PDF of the scan's study, marked as not verified."""

from __future__ import annotations

from pathlib import Path

from glisson.errors import InputError
from glisson.imaging.dicom_source import Reference, ResultHeader, SourceSeries, Term, new_result
from glisson.imaging.rtdose import save_object

__all__ = ["PDF_CLASS", "write_encapsulated_pdf"]

PDF_CLASS = "1.2.840.10008.5.1.4.1.1.104.1"

REPORT = Term("18748-4", "LN", "Diagnostic imaging study")


def write_encapsulated_pdf(
    path: Path | str,
    pdf: bytes,
    source: SourceSeries,
    header: ResultHeader,
    *,
    title: str,
    number: tuple[int, int],
) -> Reference:
    """Write a PDF document; whole or not at all. title: of the document. number: of the series, and within it.

    Raises InputError for bytes that are no PDF, OutputError.
    """
    if not pdf.startswith(b"%PDF-"):
        raise InputError(f"{title}: expected a PDF document, got {pdf[:8]!r}.")
    data = new_result(PDF_CLASS, "DOC", source, header, title, number)
    for name in ("FrameOfReferenceUID", "PositionReferenceIndicator"):
        del data[name]
    data.ConversionType, data.BurnedInAnnotation, data.RecognizableVisualFeatures = "WSD", "YES", "NO"
    data.AcquisitionDateTime = ""
    data.DocumentTitle, data.VerificationFlag = title, "UNVERIFIED"
    data.ConceptNameCodeSequence = [REPORT.item()]
    data.MIMETypeOfEncapsulatedDocument = "application/pdf"
    data.EncapsulatedDocument = pdf + b"\0" * (len(pdf) % 2)
    data.EncapsulatedDocumentLength = len(pdf)
    saved = save_object(data, Path(path))
    return Reference(PDF_CLASS, str(data.SOPInstanceUID), str(data.SeriesInstanceUID), saved)
