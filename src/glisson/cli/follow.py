"""`glisson register`, `match` and `follow`: scans laid over each other, and the same lesions on several dates."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from glisson.cli.output import print_json, print_table
from glisson.cli.progress import part, progress_bar
from glisson.errors import InputError

if TYPE_CHECKING:
    from glisson.anatomy.overlay import LiverScan, Overlay
    from glisson.case import Case
    from glisson.geometry import Volume
    from glisson.lesions.follow import FollowUp
    from glisson.scene import Scene

__all__ = ["follow", "follow_up", "match", "read_series", "register"]

AsJson = Annotated[bool, Option("--json", help="print machine-readable output")]
RESULT = "registration.json"


def register(
    fixed: Annotated[Path, Argument(metavar="FIXED", help="scan that stays: NIfTI file or folder of DICOM slices")],
    moving: Annotated[Path, Argument(metavar="MOVING", help="scan that is laid over it")],
    out: Annotated[
        Path, Option("-o", "--out", metavar="DIR", help="folder for the result; written whole or not at all")
    ],
    masks: Annotated[
        tuple[Path, Path] | None,
        Option(metavar="F M", help="liver masks of the two scans; without them the built-in segmenter outlines them"),
    ] = None,
    hide: Annotated[
        tuple[Path, Path] | None, Option(metavar="F M", help="masks of what is not to be looked at, such as lesions")
    ] = None,
    rigid: Annotated[bool, Option("--rigid", help="turn and shift only, by the outlines")] = False,
    as_json: AsJson = False,
) -> None:
    """Lay one scan of a liver over another, by the livers, and say how far that can be trusted."""
    from glisson.anatomy.overlay import lay_over
    from glisson.imaging import write_whole

    with progress_bar(quiet=as_json) as progress:
        progress("Reading the scans", 0.0)
        here, seen_here = _scan(fixed, masks and masks[0], hide and hide[0])
        there, seen_there = _scan(moving, masks and masks[1], hide and hide[1])
        progress("Laying one over the other", 0.4)
        found = lay_over(here, there, bend=not rigid)
        progress("Writing", 0.8)
        said = _said(found) | {"notices": [*seen_here, *seen_there, *(n.text for n in found.notices)]}
        write_whole(
            out, lambda folder: _fill(folder, found, here, there, said), marks=frozenset((RESULT,)),
            what="registration",
        )  # fmt: skip
    if as_json:
        print_json(said | {"folder": str(out)})
        return
    for text in said["notices"]:
        print(text)
    print(f"{out} written: {', '.join(sorted(path.name for path in out.iterdir()))}")


def _scan(path: Path, mask: Path | None, hide: Path | None) -> tuple[LiverScan, list[str]]:
    """The scan with its liver; what is to be said of the liver's outline."""
    from glisson.anatomy.overlay import LiverScan
    from glisson.anatomy.segment_liver import segment_liver
    from glisson.geometry.registration import Organ
    from glisson.imaging import read_image
    from glisson.imaging.outlines import load_outline

    image, _ = read_image(path)
    hidden = () if hide is None else (load_outline(hide, image.grid, what="what is hidden").mask(),)
    if mask is not None:
        liver, notes = load_outline(mask, image.grid, what="the liver").mask(), []
    else:
        made = segment_liver(image)
        liver, notes = made.mask, [f"{path}: {notice.text}" for notice in made.notices]
        notes.append(f"{path}: the liver was outlined by the built-in segmenter and nobody has reviewed it.")
    return LiverScan(Organ(liver, image, hidden), {}), notes


def _fill(folder: Path, found: Overlay, here: LiverScan, there: LiverScan, said: dict[str, Any]) -> None:
    from glisson.imaging import write_mask, write_volume
    from glisson.report.figures.overlay import overlay_picture

    fixed, moving = here.organ.image, there.organ.image
    assert fixed is not None
    assert moving is not None
    pulled = found.alignment.pull(moving, fixed.grid)
    liver = found.alignment.pull_mask(there.organ.mask, fixed.grid)
    write_volume(folder / "moving_on_fixed.nii.gz", _as_whole_numbers(pulled, moving))
    write_mask(folder / "moving_liver_on_fixed.nii.gz", liver)
    found.alignment.write_itk(folder / "fixed_to_moving.h5")
    (folder / "overlay.png").write_bytes(overlay_picture(fixed, pulled, here.organ.mask, liver).png)
    (folder / RESULT).write_text(json.dumps(said, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _as_whole_numbers(pulled: Volume, like: Volume) -> Volume:
    """Interpolated values in whole numbers where the scan had them."""
    from glisson.geometry import Volume

    if like.data.dtype.kind == "f":
        return pulled
    return Volume(pulled.data.round().astype(like.data.dtype), pulled.grid)


def _said(found: Overlay) -> dict[str, Any]:
    return {
        "error_mm": round(found.error_mm, 3),
        "measured_on": found.measured_on,
        "forks": found.forks,
        "outline_median_mm": round(found.outline_mm[0], 3),
        "outline_p95_mm": round(found.outline_mm[1], 3),
        "doubtful": found.doubtful,
        "refused": found.refused,
        "affine": found.alignment.affine.round(9).tolist(),
        "bent": found.alignment.field is not None,
    }


def match(
    case: Annotated[Path, Argument(metavar="CASE", help="folder with case.yaml and two or more dated scans")],
    as_json: AsJson = False,
) -> None:
    """Which lesion of one date is which of another, by name for life, and how sure that is."""
    from glisson.assessment.following import follow_scene

    with progress_bar(quiet=as_json) as progress:
        progress("Reading the case", 0.0)
        facts, scene = read_series(case)
        found = follow_scene(facts, scene, progress)
    scenes = (*scene.earlier, scene)
    if as_json:
        print_json(follow_up(found, scenes))
        return
    print_table([_row(track.name, found, scenes) for track in found.tracks])
    for overlay in found.overlays.values():
        for notice in overlay.notices:
            print(notice.text)
    print("Wrong? Say what a lesion is called on a study under lesions: known_as: in case.yaml; that is kept.")


def follow(
    case: Annotated[Path, Argument(metavar="CASE", help="folder with case.yaml and two or more dated scans")],
    as_json: AsJson = False,
) -> None:
    """The same lesions at every date: sizes, response, growth, markers, what became of ablations."""
    from glisson.assessment import assess
    from glisson.assessment.steps import FOLLOW_STEPS
    from glisson.report.timeline import timeline_data, timeline_tables

    with progress_bar(quiet=as_json) as progress:
        progress("Reading the case", 0.0)
        facts, scene = read_series(case)
        result = assess(facts, scene, steps=FOLLOW_STEPS, progress=part(progress, 0.2, 1.0))
    if as_json:
        print_json(timeline_data(result))
        return
    for table in timeline_tables(result):
        print(f"\n{table.title}")
        print_table([dict(zip(table.columns, row, strict=True)) for row in table.rows])
        print(table.note)
    for notice in result.notices:
        if notice.level != "info":
            print(f"{notice.level}: {notice.text}")
    print(f"\nPictures and the rest: glisson plan {case} -o OUT")


def read_series(case: Path) -> tuple[Case, Scene]:
    """A case with two or more scans that can be compared. Raises InputError for fewer."""
    from glisson.imaging import read_case

    facts, scene = read_case(case)
    if scene is None or not scene.earlier:
        raise InputError(
            f"{case} has {'no scan' if scene is None else 'one scan'} with outlines; following lesions needs two or "
            "more dated studies with liver and lesions. Add them under `studies:` in case.yaml."
        )
    return facts, scene


def _row(name: str, found: FollowUp, scenes: tuple[Scene, ...]) -> dict[str, str]:
    track = next(t for t in found.tracks if t.name == name)
    cells = {"lesion": name}
    for number, scene in enumerate(scenes):
        ids = ", ".join(track.seen.get(number, ()))
        sure = track.confidence.get(number, "")
        cells[_heading(scene, number)] = (f"{ids} ({sure})" if sure not in ("", "high") else ids) or "–"
    state = "" if track.last == len(scenes) - 1 else "seen no more"
    cells["now"] = f"part of {track.merged_into[0]}" if track.merged_into else state
    return cells


def _heading(scene: Scene, number: int) -> str:
    return " ".join(text for text in (scene.study or f"scan {number + 1}", scene.facts.date) if text)


def follow_up(found: FollowUp, scenes: tuple[Scene, ...]) -> dict[str, Any]:
    """The follow-up as plain data."""
    studies = [{"study": scene.study, "date": scene.facts.date, "modality": scene.facts.modality} for scene in scenes]
    return {
        "studies": studies,
        "lesions": [
            {
                "name": track.name,
                "seen": [
                    {"study": scenes[n].study, "ids": list(ids), "confidence": track.confidence[n]}
                    for n, ids in sorted(track.seen.items())
                ],
                "merged_into": track.merged_into and track.merged_into[0],
            }
            for track in found.tracks
        ],
        "vanished": [
            {
                "name": site.name,
                "last_seen": scenes[site.last_seen].study,
                "centre_mm": None if site.refused or site.mask.is_empty else site.mask.centroid_mm.round(2).tolist(),
                "error_mm": round(site.error_mm, 3),
                "placed": not (site.refused or site.mask.is_empty),
            }
            for site in found.vanished
        ],
        "overlays": [
            {"fixed": scenes[later].study, "moving": scenes[earlier].study, **_said(overlay)}
            for (later, earlier), overlay in found.overlays.items()
        ],
    }
