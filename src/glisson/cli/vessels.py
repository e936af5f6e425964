"""`glisson vessels …`: a merged vessel mask parted into portal and hepatic veins."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from glisson.cli.output import print_json, print_table
from glisson.cli.virtual import three_numbers

if TYPE_CHECKING:
    from glisson.anatomy import VesselSplit
    from glisson.geometry import Grid, Volume

__all__ = ["vessels"]

vessels = typer.Typer(no_args_is_help=True, help="Portal and hepatic veins.")

FILES = ("portal.nii.gz", "hepatic.nii.gz", "unassigned.nii.gz", "confidence.nii.gz", "split.json")
"""What is written; a folder that holds nothing else may be replaced."""


@vessels.callback()
def _group() -> None:
    """A group also while it has one command."""


@vessels.command()
def split(
    out: Annotated[
        Path, typer.Option("-o", "--out", metavar="DIR", help="folder for the masks; written whole or not at all")
    ],
    merged: Annotated[
        Path, typer.Option("--vessels", metavar="V", help="mask of portal and hepatic veins in one class")
    ],
    liver: Annotated[Path, typer.Option(metavar="L", help="liver mask on the same grid")],
    ct: Annotated[
        Path | None, typer.Option("--ct", metavar="CT", help="contrast-enhanced scan on the same grid")
    ] = None,
    portal_point: Annotated[
        list[str] | None, typer.Option(metavar="X,Y,Z", help="point on a portal vessel, LPS mm; repeat for more")
    ] = None,
    hepatic_point: Annotated[
        list[str] | None, typer.Option(metavar="X,Y,Z", help="point on a hepatic vein, LPS mm; repeat for more")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print machine-readable output")] = False,
) -> None:
    """Part a merged vessel mask into the portal and the hepatic system, with the confidence of each voxel."""
    from glisson.anatomy import split_vessels
    from glisson.imaging import read_mask
    from glisson.imaging.outlines import load_outline

    given = read_mask(merged)
    result = split_vessels(
        given,
        load_outline(liver, given.grid, what="the liver").mask(),
        image=None if ct is None else _scan(ct, given.grid),
        portal_points_mm=[three_numbers(text, "portal-point") for text in portal_point or []],
        hepatic_points_mm=[three_numbers(text, "hepatic-point") for text in hepatic_point or []],
    )
    summary = _summary(result)
    _write(result, summary, given.grid, out)
    if as_json:
        print_json(summary)
        return
    print_table([{"system": name, "volume": f"{ml:.1f} mL"} for name, ml in summary["volume_ml"].items()])
    for note in result.notes:
        print(note)
    print(f"{out} written: {', '.join(FILES)}. The masks are unreviewed: look at them before use.")


def _scan(path: Path, grid: Grid) -> Volume:
    """A scan with its axes along those of `grid`."""
    from glisson.geometry import Volume
    from glisson.imaging import read_image
    from glisson.imaging.outlines import turned_to

    image, _ = read_image(path)
    return Volume(*turned_to(image.data, image.grid, grid))


def _summary(result: VesselSplit) -> dict[str, Any]:
    def point(root: Any) -> list[float] | None:
        return None if root is None else [round(float(c), 2) for c in root]

    return {
        "method": result.method,
        "reviewed": False,
        "volume_ml": {
            "portal": round(result.portal.volume_ml, 3),
            "hepatic": round(result.hepatic.volume_ml, 3),
            "unassigned": round(result.unassigned.volume_ml, 3),
        },
        "mean_confidence": round(result.mean_confidence, 4),
        "portal_root_mm": point(result.portal_root_mm),
        "hepatic_root_mm": point(result.hepatic_root_mm),
        "pieces": [
            {
                "system": piece.system,
                "volume_ml": round(piece.volume_ml, 4),
                "confidence": round(piece.confidence, 4),
                "cut": piece.cut,
            }
            for piece in result.pieces
        ],
        "notes": list(result.notes),
    }


def _write(result: VesselSplit, summary: dict[str, Any], grid: Grid, out: Path) -> None:
    """All files at once or none. Raises OutputError."""
    import json

    from glisson.geometry import Volume, place
    from glisson.imaging import write_mask, write_volume, write_whole

    def fill(folder: Path) -> None:
        for name in ("portal", "hepatic", "unassigned"):
            write_mask(folder / f"{name}.nii.gz", getattr(result, name), grid)
        sure = result.confidence
        write_volume(
            folder / "confidence.nii.gz", Volume(place(sure.data, sure.grid.offset_in(grid), grid.shape), grid)
        )
        (folder / "split.json").write_text(json.dumps(summary, indent=2, allow_nan=False) + "\n", encoding="utf-8")

    write_whole(out, fill, marks=frozenset(("split.json",)), names=frozenset(FILES), what="separation")
