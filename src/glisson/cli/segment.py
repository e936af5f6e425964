"""`glisson segment …`: masks when none are given. Every one is unreviewed until a person has looked at it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from glisson.cli.output import print_json
from glisson.cli.progress import progress_bar
from glisson.cli.segment_couinaud import couinaud
from glisson.cli.virtual import three_numbers
from glisson.errors import ImageError, InputError

if TYPE_CHECKING:
    from glisson.geometry import FloatArray, Grid, Mask, Volume
    from glisson.lesions.segment_lesion import LesionSegmentation
    from glisson.scene import ImageFacts, Notice

__all__ = ["segment"]

segment = typer.Typer(no_args_is_help=True, help="Masks when none are given; none of them is reviewed.")

DEFAULT_TASKS = ("total", "liver_segments", "liver_vessels", "liver_lesions")
MR_TASKS = ("total_mr", "liver_segments_mr", "liver_lesions_mr")

Scan = Annotated[Path, typer.Option("--ct", metavar="CT", help="scan: NIfTI file or folder of DICOM slices")]
MaskOut = Annotated[Path, typer.Option("-o", "--out", metavar="OUT", help="mask to write, .nii.gz, on the scan's grid")]
AsJson = Annotated[bool, typer.Option("--json", help="print machine-readable output")]


@segment.callback()
def _group() -> None:
    """A group of commands, to which others may be added."""


@segment.command()
def liver(ct: Scan, out: MaskOut, as_json: AsJson = False) -> None:
    """Outline the liver on a portal-venous CT with the built-in segmenter (no learned weights)."""
    from glisson.anatomy.segment_liver import segment_liver
    from glisson.imaging import write_mask

    with progress_bar(quiet=as_json) as progress:
        progress("Reading the scan", 0.0)
        scan, _ = _read_ct(ct)
        progress("Outlining the liver", 0.2)
        found = segment_liver(scan)
    write_mask(out, found.mask, scan.grid)
    facts = {
        "file": str(out),
        "volume_ml": round(found.mask.volume_ml, 1),
        "parenchyma_hu": round(found.parenchyma_hu, 1),
        "clear_edge_percent": round(found.clear_edge_percent, 1),
    }
    _say(facts, found.notices, as_json)


@segment.command()
def lesion(
    ct: Scan,
    out: MaskOut,
    point: Annotated[
        str | None, typer.Option(metavar="I,J,K", help="voxel inside the lesion, indices from 0 on the scan's own axes")
    ] = None,
    line: Annotated[
        str | None, typer.Option(metavar="I,J,K:I,J,K", help="the two ends of its longest diameter")
    ] = None,
    mask: Annotated[Path | None, typer.Option(metavar="M", help="lesion mask to correct by scribbles instead")] = None,
    scribble_in: Annotated[Path | None, typer.Option(metavar="FILE", help="strokes on tissue of the lesion")] = None,
    scribble_out: Annotated[Path | None, typer.Option(metavar="FILE", help="strokes on tissue that is not")] = None,
    liver_mask: Annotated[
        Path | None, typer.Option("--liver", metavar="M", help="liver mask; without it the built-in one is tried")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Outline one lesion from a click or a RECIST line, and correct it by scribbles."""
    from glisson.imaging import write_mask
    from glisson.lesions.strokes import refine_lesion

    if sum(given is not None for given in (point, line, mask)) != 1:
        raise InputError("Give one of --point I,J,K, --line I,J,K:I,J,K or --mask M (a mask to correct).")
    if mask is not None and scribble_in is None and scribble_out is None:
        raise InputError("--mask needs strokes: --scribble-in FILE, --scribble-out FILE or both.")
    scan, _ = _read_ct(ct)
    inside, notices = _liver(liver_mask, scan)
    facts: dict[str, Any] = {"file": str(out)}
    if mask is not None:
        body = _mask_on(mask, scan.grid)
    else:
        found = _clicked(scan, point, line, inside)
        body, notices = found.mask, [*notices, *found.notices]
        facts |= {
            "kind": found.kind, "rim": found.rim, "lesion_hu": round(found.lesion_hu, 1),
            "liver_hu": round(found.liver_hu, 1),
        }  # fmt: skip
    if scribble_in is not None or scribble_out is not None:
        add, remove = (None if f is None else _mask_on(f, scan.grid) for f in (scribble_in, scribble_out))
        body = refine_lesion(scan, body, add=add, remove=remove, liver=inside)
    write_mask(out, body, scan.grid)
    _say(facts | _sizes(body, scan.grid), notices, as_json)


segment.command()(couinaud)


@segment.command()
def auto(
    ct: Scan,
    case: Annotated[Path, typer.Option("-o", "--out", metavar="CASE", help="case folder to write")],
    task: Annotated[
        list[str] | None,
        typer.Option(help="TotalSegmentator task; repeat for more (default: all that serve the liver)"),
    ] = None,
    fast: Annotated[bool, typer.Option(help="the 3 mm model of the task total")] = False,
    device: Annotated[str, typer.Option(help="gpu, gpu:N, cpu or mps")] = "gpu",
    download: Annotated[bool, typer.Option("--download", help="let TotalSegmentator fetch missing weights")] = False,
    force: Annotated[bool, typer.Option(help="replace an existing case.yaml")] = False,
    as_json: AsJson = False,
) -> None:
    """Outline liver, organs, segments, vessels and lesions with TotalSegmentator and begin a case folder."""
    from glisson.imaging import read_image
    from glisson.imaging.auto_case import automatic_scene, write_automatic_case
    from glisson.imaging.totalsegmentator import run_task, task_named

    if (case / "case.yaml").exists() and not force:
        raise InputError(f"{case / 'case.yaml'} exists already. Choose another folder, or replace it with --force.")
    scan, facts = read_image(ct)
    tasks = task or list(MR_TASKS if facts.modality == "MR" else DEFAULT_TASKS)
    for name in tasks:
        task_named(name)
    results = []
    with progress_bar(quiet=as_json) as progress:
        for number, name in enumerate(tasks):
            progress(f"TotalSegmentator: {name}", number / len(tasks))
            results.append(run_task(scan, name, fast=fast, device=device, download=download))
    scene = automatic_scene(scan, facts, results)
    path = write_automatic_case(case, scene, ct, force=force)
    said: dict[str, Any] = {
        "file": str(path), "liver_ml": round(scene.liver.volume_ml, 1), "lesions": len(scene.lesions),
        "structures": len(scene.structures), "segments": scene.segments is not None,
    }  # fmt: skip
    _say(said, scene.notices, as_json)


def _read_ct(path: Path) -> tuple[Volume, ImageFacts]:
    from glisson.imaging import read_image

    scan, facts = read_image(path)
    if facts.modality not in (None, "CT"):
        raise InputError(
            f"{path} is {facts.modality}; this command needs a CT in Hounsfield units. "
            "For MR use glisson segment auto (TotalSegmentator)."
        )
    return scan, facts


def _liver(path: Path | None, scan: Volume) -> tuple[Mask | None, list[Notice]]:
    """The liver mask given, else the built-in one, else none with a notice that says why."""
    from glisson.anatomy.segment_liver import segment_liver
    from glisson.scene import Notice

    if path is not None:
        return _mask_on(path, scan.grid), []
    text = "The liver that limits the lesion was outlined automatically: at its surface the lesion may be wrong by far."
    try:
        return segment_liver(scan).mask, [Notice("warning", "liver-limit-automatic", text, "lesion")]
    except ImageError as refusal:
        text = f"No liver mask limits the lesion; at the surface it may run into other tissue. {refusal}"
        return None, [Notice("warning", "no-liver-limit", text, "lesion")]


def _clicked(scan: Volume, point: str | None, line: str | None, inside: Mask | None) -> LesionSegmentation:
    from glisson.lesions.segment_lesion import segment_lesion, segment_lesion_from_line

    if point is not None:
        return segment_lesion(scan, _place(point, "point", scan.grid), liver=inside)
    first, colon, second = str(line).partition(":")
    if not colon:
        raise InputError(f"--line needs two points with a colon between, such as 120,80,40:150,95,40; got {line!r}.")
    ends = [_place(text, "line", scan.grid) for text in (first, second)]
    return segment_lesion_from_line(scan, ends, liver=inside)


def _place(text: str, name: str, grid: Grid) -> FloatArray:
    index = three_numbers(text, name)
    if not all(-0.5 <= i <= n - 0.5 for i, n in zip(index, grid.shape, strict=True)):
        shape = "x".join(map(str, grid.shape))
        raise InputError(f"--{name} {text} lies outside the scan, which has {shape} voxels (indices from 0).")
    return grid.to_mm(index)


def _mask_on(path: Path, grid: Grid) -> Mask:
    """A mask file on the scan's lattice, whichever way its axes run."""
    from glisson.imaging.outlines import load_outline

    return load_outline(path, grid).mask()


def _sizes(body: Mask, grid: Grid) -> dict[str, Any]:
    from glisson.lesions import axial_diameters

    measured = axial_diameters(body, grid.slice_axis)
    return {
        "volume_ml": round(body.volume_ml, 3),
        "longest_axial_mm": round(measured.longest.length_mm, 1),
        "perpendicular_mm": round(measured.perpendicular.length_mm, 1),
    }


def _say(facts: dict[str, Any], notices: Iterable[Notice], as_json: bool) -> None:
    from dataclasses import asdict

    if as_json:
        print_json(facts | {"reviewed": False, "notices": [asdict(notice) for notice in notices]})
        return
    print(f"{facts['file']} written: " + ", ".join(f"{k} {v}" for k, v in facts.items() if k != "file"))
    for notice in notices:
        print(f"{notice.level:<8}{notice.text}")
