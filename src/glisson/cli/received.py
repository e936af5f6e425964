"""Plan a study that a listening node received: `python -m glisson.cli.received CASE OUT`, a process of its own.

The images are in CASE/dicom. Outlines come from a segmentation or structure set of the study that has the liver, else
from TotalSegmentator where its weights are there. Without either there is no plan: no lesions, no answer.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glisson.errors import GlissonError, InputError

if TYPE_CHECKING:
    from glisson.geometry import Volume
    from glisson.scene import ImageFacts

__all__ = ["OUTLINES", "begin_case", "from_study", "main"]

OUTLINES = ("SEG", "RTSTRUCT")
"""Modalities of outlines."""

OWN = ("liver", "portal", "hepatic", "cava")
TASKS = ("total", "liver_segments", "liver_vessels", "liver_lesions")


def main() -> int:
    """Begin the case where that has not been done, then plan it like `glisson plan CASE -o OUT`."""
    from glisson.cli.app import app

    case, out = Path(sys.argv[1]), Path(sys.argv[2])
    try:
        if not (case / "case.yaml").exists():
            print(begin_case(case), flush=True)
        app(["plan", str(case), "--out", str(out)], standalone_mode=False)
    except GlissonError as refusal:
        print(refusal)
        return 2
    return 0


def begin_case(case: Path) -> str:
    """Write case.yaml for the images in CASE/dicom, with outlines; says where these are from.

    Raises DicomError for images that are no volume, InputError where the liver cannot be had.
    """
    from glisson.imaging import read_image
    from glisson.imaging.pacs import DICOM_FOLDER

    images = case / DICOM_FOLDER
    scan, facts = read_image(images)
    series = next(folder for folder in sorted(images.glob("*/*")) if folder.name == facts.series_uid)
    return from_study(case, series, scan, facts) or _automatic(case, series, scan, facts)


def from_study(case: Path, series: Path, scan: Volume, facts: ImageFacts) -> str:
    """Begin the case with the outlines that lie beside a series' folder; says which, empty where none has the liver.

    scan, facts: the series as read. Outlines in another frame of reference and our own results are left out.
    """
    from glisson.imaging import init_case
    from glisson.imaging.names import LESIONS, SEGMENT
    from glisson.imaging.outlines import load_outline

    found: dict[str, list[Path]] = {}
    for path in _outline_files(series.parent):
        try:
            outline = load_outline(path, scan.grid)
        except GlissonError as refusal:
            print(f"{path.name} was left out: {refusal}")
            continue
        if None in (outline.frame_uid, facts.frame_uid) or outline.frame_uid == facts.frame_uid:
            for role in sorted(set(outline.roles.values())):
                found.setdefault("segments" if role.startswith(SEGMENT) else role, []).append(path)
    if "liver" not in found:
        return ""
    own: dict[str, Any] = {name: found.pop(name)[0] for name in (*OWN, "segments") if name in found}
    lesions = found.pop(LESIONS, [])
    init_case(case, ct=series, lesions=lesions, organs={name: files[0] for name, files in found.items()}, **own)
    return f"Outlines of the study: {', '.join(sorted([*own, *found, *(['lesions'] if lesions else [])]))}."


def _outline_files(study: Path) -> list[Path]:
    """Segmentations and structure sets of the study that are not our own results."""
    from pydicom import dcmread

    from glisson.imaging.pacs.shelves import OUR_MANUFACTURER

    found = []
    for path in sorted(study.rglob("*.dcm")):
        data = dcmread(path, specific_tags=["Modality", "Manufacturer"], stop_before_pixels=True)
        if str(data.get("Modality")) in OUTLINES and str(data.get("Manufacturer")) != OUR_MANUFACTURER:
            found.append(path)
    return found


def _automatic(case: Path, series: Path, scan: Volume, facts: ImageFacts) -> str:
    from glisson.imaging.auto_case import automatic_scene, write_automatic_case
    from glisson.imaging.totalsegmentator import missing_weights, run_task, task_named

    if facts.modality != "CT":
        raise InputError(
            f"The study has no outline of the liver, and {facts.modality} is not outlined automatically here."
        )
    if any(missing_weights(task_named(name)) for name in TASKS):
        raise InputError(
            "The study has no outline of the liver, and TotalSegmentator's weights are not on this machine. Send a "
            "segmentation or structure set of liver and lesions with the images, or install them."
        )
    write_automatic_case(case, automatic_scene(scan, facts, [run_task(scan, name) for name in TASKS]), series)
    return "Outlines by TotalSegmentator; nobody has reviewed them."


if __name__ == "__main__":
    sys.exit(main())
