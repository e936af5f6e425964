"""Results of an assessment as DICOM objects of the scan's study: segmentations, report, structures, PDF, pictures."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path

import numpy as np

from glisson.anatomy import SEGMENT_NAMES
from glisson.assessment import Assessment
from glisson.case import Unknown
from glisson.errors import InputError, OutputError
from glisson.exchange.dicom_findings import METASTATIC, lesion_uid, reported
from glisson.exchange.dicom_terms import (
    ANATOMY,
    CHANGED,
    LESION,
    LIVER,
    METASTASIS,
    PARTS,
    PLACE,
    SEGMENTS,
    VEINS,
)
from glisson.geometry import Mask
from glisson.imaging.dicom_capture import write_capture
from glisson.imaging.dicom_pdf import write_encapsulated_pdf
from glisson.imaging.dicom_seg import Segment, write_seg
from glisson.imaging.dicom_source import Reference, ResultHeader, SourceSeries, source_of
from glisson.imaging.dicom_sr import write_sr
from glisson.imaging.dicom_structures import write_structures
from glisson.planning import Clearing
from glisson.planning.clearance import CAUSES, Plan
from glisson.planning.clearance.plan import loss_map

__all__ = ["dicom_folder", "write_dicom_results"]

SERIES = {"SEG": 9101, "SR": 9102, "RTSTRUCT": 9103, "DOC": 9104, "OT": 9105}
"""Series numbers of results by modality; far above those of scanners."""

PICTURES = ("axial", "front", "plan-1")
"""Figures of the dossier that go out as secondary captures, those that there are."""

GIVEN = "outline as given"

COLOURS = {
    "liver": (221, 130, 101), "portal": (57, 106, 177), "hepatic": (62, 150, 190), "cava": (40, 70, 130),
    "lesion": (204, 37, 41), "remnant": (120, 180, 120), "removed": (218, 124, 48), "destroyed": (204, 37, 41),
    "irradiated": (148, 103, 189), "devascularised": (83, 81, 84), "congested": (107, 76, 154),
}  # fmt: skip
SEGMENT_COLOURS = (
    (166, 206, 227), (31, 120, 180), (178, 223, 138), (51, 160, 44), (251, 154, 153), (227, 26, 28), (253, 191, 111),
    (255, 127, 0),
)  # fmt: skip


def dicom_folder(
    case_folder: Path | str, result: Assessment, *, stamped: datetime | None = None
) -> Callable[[Path], None] | Unknown:
    """What writes the folder `dicom` into a dossier that is being made (`extra` of write_dossier).

    Unknown, with why, where there is nothing to write or no study to write it into. Raises
    DicomError where the series can no longer be read.
    """
    if result.scene is None or result.whole_liver is None:
        return Unknown("the case has no outline of a liver on a scan")
    source = source_of(case_folder, result.case, result.scene)
    if isinstance(source, Unknown):
        return source
    series = source

    def write(dossier: Path) -> None:
        write_dicom_results(result, series, dossier / "dicom", dossier=dossier, stamped=stamped)

    return write


def write_dicom_results(
    result: Assessment,
    source: SourceSeries,
    out: Path | str,
    *,
    dossier: Path | None = None,
    stamped: datetime | None = None,
) -> tuple[Path, ...]:
    """Write the results into the folder `out` (made if need be) and give back the files in the order of their names.

    One segmentation of the anatomy and one of each plan, a structured report, a structure set; and, where the folder of
    the dossier is given, its PDF and key pictures. All belong to the study, patient and frame of reference of `source`,
    in series named as not reviewed; the report and the PDF are flagged UNVERIFIED. The same assessment, series and
    stamp give the same bytes. Raises InputError for an assessment without a liver, FrameMismatch where the masks do not
    lie on the series' lattice, OutputError and OSError as the writers do.
    """
    if result.scene is None or result.whole_liver is None:
        raise InputError("There is no outline of a liver in this assessment, so there is nothing to write as DICOM.")
    folder = Path(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise OutputError(
            f"{folder} was not made: {problem.strerror}. Choose a folder that can be written to."
        ) from problem
    header = ResultHeader(_key(result, source, stamped), result.version, stamped)
    anatomy = _anatomy(result, source)
    seg = write_seg(
        folder / "segmentation-anatomy.dcm", anatomy, source, header, label="ANATOMY", number=(SERIES["SEG"], 1)
    )
    plans = [
        (plan, parts, _write_plan(folder, n, plan, parts, source, header))
        for n, (plan, parts) in enumerate(_plans(result.clearing), 1)
    ]
    numbers = {segment.label: n for n, segment in enumerate(anatomy, 1)}
    findings = reported(
        result,
        source,
        lambda name: (seg, numbers[name]) if name in numbers else None,
        [(plan, {part: (held, n) for n, part in enumerate(parts, 1)}) for plan, parts, held in plans],
    )
    write_sr(folder / "report.dcm", findings, source, header, label="findings", number=(SERIES["SR"], 1))
    write_structures(
        folder / "structures.dcm", {s.label: s.mask for s in anatomy}, source, header, label="Glisson",
        number=(SERIES["RTSTRUCT"], 1),
    )  # fmt: skip
    if dossier is not None:
        _write_pages(folder, dossier, source, header)
    return tuple(sorted(folder.glob("*.dcm")))


def _key(result: Assessment, source: SourceSeries, stamped: datetime | None) -> str:
    """A fingerprint of all that results depend on: findings (with the hashes of the inputs), plans, series, stamp."""
    from glisson.report.numbers import findings_json
    from glisson.report.plans import plans_json

    whole = hashlib.sha256(findings_json(result, stamped=stamped).encode())
    if result.clearing is not None:
        whole.update(plans_json(result).encode())
    for header in source.headers:
        whole.update(str(header.SOPInstanceUID).encode())
    return whole.hexdigest()


def _anatomy(result: Assessment, source: SourceSeries) -> list[Segment]:
    """Liver, segments, vessels, lesions; labels are names within the segmentation."""
    scene = result.scene
    assert scene is not None  # the caller has asked
    assert result.whole_liver is not None
    found = [Segment("Liver", result.whole_liver, ANATOMY, LIVER, GIVEN, colour=COLOURS["liver"])]
    found += _segments(result)
    veins: dict[str, Mask | None] = {"portal": scene.structures.get("portal")}
    veins |= {name: scene.structures.get(name) for name in ("hepatic", "cava")}
    if result.cava is not None:
        veins |= {"hepatic": result.cava.hepatic, "cava": result.cava.cava}
    for name, mask in veins.items():
        if mask is not None and not mask.is_empty:
            term, given = VEINS[name], scene.structures.get(name)
            as_given = given is not None and mask.count == given.count
            made_by = GIVEN if as_given else f"Glisson {result.version}: cava told from veins"
            found.append(
                Segment(term.meaning, mask, ANATOMY, term, made_by, automatic=not as_given, colour=COLOURS[name])
            )
    natures = {lesion.id: lesion.nature for lesion in result.lesions}
    for lesion in scene.lesions:
        if not lesion.mask.is_empty:
            kind = METASTASIS if natures.get(lesion.id) in METASTATIC else LESION
            tracking = (lesion.id, lesion_uid(result.case.id, source.person, lesion.id))
            found.append(
                Segment(lesion.id, lesion.mask, CHANGED, kind, GIVEN, region=LIVER, tracking=tracking,
                        colour=COLOURS["lesion"])
            )  # fmt: skip
    return found


def _segments(result: Assessment) -> Iterator[Segment]:
    if result.segments is None:
        return
    method = result.segments.method
    made_by = GIVEN if method == "given" else f"Glisson {result.version}: {method}"
    for number in SEGMENT_NAMES:
        mask = result.segments.labels.mask(number).trimmed()
        if not mask.is_empty:
            name, colour = f"Segment {SEGMENT_NAMES[number]}", SEGMENT_COLOURS[number - 1]
            yield Segment(name, mask, ANATOMY, SEGMENTS[number], made_by, automatic=method != "given", colour=colour)


def _plans(clearing: Clearing | None) -> Iterator[tuple[Plan, dict[str, Mask]]]:
    """Each plan with what stays and how the rest is lost; parts without a voxel are left out."""
    if clearing is None:
        return
    grid = clearing.voxels.grid
    for plan in clearing.found.plans:
        lost = loss_map(clearing.problem, plan.chosen)
        parts = {}
        for place, name in enumerate(("remnant", *CAUSES)):
            data = np.zeros(clearing.voxels.liver.data.size, np.bool_)
            data[clearing.voxels.flat] = lost == place
            mask = Mask(data.reshape(clearing.voxels.liver.data.shape), grid)
            if not mask.is_empty:
                parts[name] = mask.trimmed()
        yield plan, parts


def _write_plan(
    folder: Path, number: int, plan: Plan, parts: Mapping[str, Mask], source: SourceSeries, header: ResultHeader
) -> Reference:
    made_by = f"Glisson {header.version}: plan"
    segments = [
        Segment(
            name.capitalize(), mask, PLACE, PARTS[name], made_by, automatic=True, region=LIVER, colour=COLOURS[name]
        )
        for name, mask in parts.items()
    ]
    path = folder / f"segmentation-plan-{number}.dcm"
    return write_seg(
        path, segments, source, header, label=f"PLAN_{number}", number=(SERIES["SEG"], number + 1), about=plan.name
    )


def _write_pages(folder: Path, dossier: Path, source: SourceSeries, header: ResultHeader) -> None:
    pdf = (dossier / "dossier.pdf").read_bytes()
    write_encapsulated_pdf(
        folder / "dossier.dcm", pdf, source, header, title="Dossier", number=(SERIES["DOC"], 1)
    )  # fmt: skip
    for number, name in enumerate(PICTURES, 1):
        picture = dossier / "figures" / f"{name}.png"
        if picture.exists():
            write_capture(
                folder / f"picture-{name}.dcm", picture.read_bytes(), source, header, title=name,
                number=(SERIES["OT"], number),
            )  # fmt: skip
