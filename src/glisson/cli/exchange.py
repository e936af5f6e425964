"""`glisson import` and `glisson export`: FHIR R4 or a DICOM report into a case, a dossier out as a FHIR R4 Bundle."""

from __future__ import annotations

import json
import sys
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from glisson.errors import InputError, OutputError

if TYPE_CHECKING:
    from glisson.exchange.fhir_import_write import Result

__all__ = ["export", "import_"]

MOST_LINES = 5
"""More resources of one kind that are not used for one reason are counted, not listed."""


def import_(
    bundle: Annotated[
        Path,
        typer.Argument(
            metavar="BUNDLE", help="FHIR R4: a Bundle, ndjson, or a folder of resources; or a DICOM measurement report"
        ),
    ],
    case: Annotated[Path, typer.Argument(metavar="CASE", help="case folder: a new one, or one with case.yaml")],
    prefer: Annotated[
        str | None,
        typer.Option(metavar="bundle|case", help="which counts where the two differ; without it nothing does"),
    ] = None,
    patient: Annotated[
        str | None, typer.Option(metavar="ID", help="id of the Patient, when the bundle is about several")
    ] = None,
    as_of: Annotated[
        str | None, typer.Option(metavar="YYYY-MM-DD", help="day that the age counts to, e.g. of the board")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print machine-readable output")] = False,
) -> None:
    """Read a FHIR R4 (mCODE) record, or the lesions of a DICOM report, into CASE/case.yaml; list what was not used."""
    from glisson.cli.output import print_json

    if _is_dicom(bundle):
        if patient is not None or as_of is not None:
            raise InputError("--patient and --as-of are for FHIR; a DICOM report is matched to the scan of the case.")
        _import_report(bundle, case, prefer, as_json)
        return
    from glisson.exchange.fhir_import_write import import_fhir

    done = import_fhir(bundle, case, prefer=prefer, patient=patient, as_of=_day(as_of))
    if as_json:
        print_json(
            {"case": str(done.file), "new": done.new, "changed": list(done.merge.added), **done.imported.report()}
        )
        return
    _print(done)
    print(f"Next: glisson check {case}")


def _is_dicom(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        return stream.read(132)[128:] == b"DICM"


def _import_report(path: Path, case: Path, prefer: str | None, as_json: bool) -> None:
    from glisson.cli.output import print_json
    from glisson.exchange.dicom_report_import import REPORT_FILE, import_report

    done = import_report(path, case, prefer=prefer)
    if as_json:
        print_json({"case": str(done.file), **done.report()})
        return
    print(f"{done.file}: {len(done.lesions)} lesions in the report, {len(done.merge.added)} entries changed")
    for conflict in done.merge.conflicts:
        print(f"differed   {conflict}")
    for notice in done.notices:
        print(f"check      {notice.text}")
    print(f"All of it: {done.file.parent / REPORT_FILE}")


def _day(text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise InputError(f"--as-of needs a day of the calendar as YYYY-MM-DD; got {text!r}.") from None


def _print(done: Result) -> None:
    from glisson.exchange.fhir_import_write import REPORT_FILE

    found = done.imported
    print(f"{done.file} {'written' if done.new else 'extended'}: {len(done.merge.added)} entries")
    for conflict in done.merge.conflicts:
        print(f"differed   {conflict}")
    for text in found.check:
        print(f"check      {text}")
    alike = Counter((one.resource.partition("/")[0], one.why) for one in found.not_understood)
    for one in found.not_understood:
        if alike[one.resource.partition("/")[0], one.why] <= MOST_LINES:
            print(f"not used   {one.resource}{f' ({one.code})' if one.code else ''}: {one.why}")
    for (kind, why), times in alike.items():
        if times > MOST_LINES:
            print(f"not used   {times} of {kind}: {why}")
    print(f"All of it: {done.file.parent / REPORT_FILE}")


def export(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="dossier folder, as `glisson plan` wrote it")],
    fhir: Annotated[Path, typer.Option(metavar="FILE", help="the Bundle to write (FHIR R4, JSON)")],
    case: Annotated[
        Path | None, typer.Option(metavar="CASE", help="case folder of the dossier: adds the facts of the record")
    ] = None,
    pdf: Annotated[bool, typer.Option("--pdf", help="attach dossier.pdf to the report")] = False,
) -> None:
    """Write a dossier as a FHIR R4 Bundle: measurements, verdicts with sources, plans as drafts, provenance."""
    from glisson.case import load_case
    from glisson.exchange.fhir_export import export_fhir

    facts = None if case is None else load_case(case)
    bundle = export_fhir(out, case=facts, stamped=datetime.now(UTC), with_pdf=pdf)
    text = json.dumps(bundle, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    try:
        fhir.write_text(text, encoding="utf-8")
    except OSError as refusal:
        raise OutputError(f"{fhir} could not be written ({refusal.strerror or refusal}).") from refusal
    print(f"{fhir}: {len(bundle['entry'])} resources")
    print("Proposals and drafts of research software: have them reviewed before anyone acts on them.", file=sys.stderr)
