"""`glisson register`, `match` and `follow`: scans laid over each other, and the same lesions on several dates."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from glisson.cli.output import print_json, print_table
from glisson.cli.progress import part, progress_bar
from glisson.errors import InputError, OutputError

if TYPE_CHECKING:
    from glisson.anatomy.overlay import LiverScan, Overlay
    from glisson.assessment import Assessment
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
    portal: Annotated[
        tuple[Path, Path] | None, Option(metavar="F M", help="portal vein masks: the error is measured on their forks")
    ] = None,
    hepatic: Annotated[
        tuple[Path, Path] | None, Option(metavar="F M", help="hepatic vein masks without the cava, for the same")
    ] = None,
    rigid: Annotated[bool, Option("--rigid", help="turn and shift only, by the outlines")] = False,
    as_json: AsJson = False,
) -> None:
    """Lay one scan of a liver over another, by the livers, and say how far that can be trusted."""
    from glisson.anatomy.overlay import lay_over
    from glisson.imaging import write_whole

    with progress_bar(quiet=as_json) as progress:
        progress("Reading the scans", 0.0)
        veins = {"portal": portal, "hepatic": hepatic}
        here, there, seen = _pair((fixed, moving), masks, hide, {kind: two for kind, two in veins.items() if two})
        progress("Laying one over the other", 0.4)
        found = lay_over(here, there, bend=not rigid)
        progress("Writing", 0.8)
        said = _said(found) | {"notices": [*seen, *(n.text for n in found.notices)]}
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


def _pair(
    paths: tuple[Path, Path],
    masks: tuple[Path, Path] | None,
    hide: tuple[Path, Path] | None,
    veins: dict[str, tuple[Path, Path]],
) -> tuple[LiverScan, LiverScan, list[str]]:
    """Both scans with their livers; what is to be said of the outlines."""
    made, seen = [], []
    for side, path in enumerate(paths):
        own = {kind: two[side] for kind, two in veins.items()}
        scan, notes = _scan(path, masks and masks[side], hide and hide[side], own)
        made.append(scan)
        seen += notes
    return made[0], made[1], seen


def _scan(path: Path, mask: Path | None, hide: Path | None, veins: dict[str, Path]) -> tuple[LiverScan, list[str]]:
    """The scan with its liver; what is to be said of the liver's outline."""
    from glisson.anatomy.overlay import liver_scan
    from glisson.anatomy.segment_liver import segment_liver
    from glisson.imaging import read_image
    from glisson.imaging.outlines import load_outline
    from glisson.scene import LesionMask, Scene

    image, _ = read_image(path)
    if mask is not None:
        liver, notes = load_outline(mask, image.grid, what="the liver").mask(), []
    else:
        made = segment_liver(image)
        liver, notes = made.mask, [f"{path}: {notice.text}" for notice in made.notices]
        notes.append(f"{path}: the liver was outlined by the built-in segmenter and nobody has reviewed it.")
    structures = {"liver": liver} | {
        kind: load_outline(file, image.grid, what=f"the {kind} veins").mask() for kind, file in veins.items()
    }
    hidden = (
        () if hide is None else (LesionMask("hidden", load_outline(hide, image.grid, what="what is hidden").mask()),)
    )
    return liver_scan(Scene(image.grid, structures, image, hidden)), notes


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
    plan: Annotated[
        Path | None,
        Option(metavar="OUT", help="dossier of the scan before a resection, or a mask: compare with what was removed"),
    ] = None,
    plan_number: Annotated[int, Option(metavar="N", min=1, help="which of its plans, as numbered there")] = 1,
    research: Annotated[
        Path | None,
        Option(metavar="FILE.csv", help="write seeding dates of the lesions, for research; they stand on no page"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """The same lesions at every date: sizes, response, growth, markers, what became of ablations and resections."""
    from glisson.assessment import assess
    from glisson.assessment.steps import FOLLOW_STEPS
    from glisson.report.timeline import timeline_data, timeline_tables

    with progress_bar(quiet=as_json) as progress:
        progress("Reading the case", 0.0)
        facts, scene = read_series(case)
        if plan is not None:
            scene = _with_plan(facts, scene, plan, plan_number)
        result = assess(facts, scene, steps=FOLLOW_STEPS, progress=part(progress, 0.2, 1.0))
    if research is not None:
        _write_research(research, result)
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


def _with_plan(facts: Case, scene: Scene, plan: Path, number: int) -> Scene:
    """The scans with what a plan of a dossier removes on the scan before a resection. Raises InputError."""
    from glisson.assessment.operated import operations
    from glisson.imaging.outlines import load_outline
    from glisson.planning.operated import PLANNED_REMOVAL
    from glisson.report.masks import PARTS

    scans = (*scene.earlier, scene)
    done = operations(facts, scans)
    if not done:
        raise InputError(
            "--plan compares a resection with its plan, but no resection of the record lies between two of the scans. "
            "Add it under treatments: in case.yaml, as {kind: hepatectomy, start: 2025-04-01}."
        )
    path = plan if plan.is_file() else plan / "masks" / f"plan-{number}.nii.gz"
    if not path.is_file():
        raise InputError(f"{plan} holds no map of plan {number} ({path.name}); expected a folder of glisson plan.")
    removed = None if path == plan else next(label for label, part in PARTS.items() if part == "removed")
    before = {one.before for one in done}
    fitting = [n for n in sorted(before) if _fits(path, scans[n])]
    if not fitting:
        names = " or ".join(scans[n].study or f"scan {n + 1}" for n in sorted(before))
        raise InputError(
            f"{path} lies on another lattice than {names}, the scan before the resection. Plan on that scan."
        )
    mask = load_outline(path, scans[fitting[-1]].grid, what=path.name).mask(removed)
    if mask.is_empty:
        raise InputError(f"Plan {number} of {plan} removes nothing; choose another with --plan-number.")
    held = replace(scans[fitting[-1]], structures={**scans[fitting[-1]].structures, PLANNED_REMOVAL: mask})
    return replace(scene, earlier=tuple(held if n == fitting[-1] else one for n, one in enumerate(scene.earlier)))


def _fits(path: Path, scan: Scene) -> bool:
    from glisson.imaging.readers import read_raster

    return read_raster(path).grid.same_as(scan.grid)


def _write_research(path: Path, result: Assessment) -> None:
    from glisson.assessment.research import research_csv

    text = research_csv(result)
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as trouble:
        raise OutputError(f"{path} could not be written: {trouble.strerror}. Choose a folder that exists.") from None


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
