"""`glisson segment couinaud`: segments I to VIII from a liver mask and, where there are any, its vessels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Option

from glisson.cli.output import print_json, print_table
from glisson.errors import InputError

if TYPE_CHECKING:
    from glisson.anatomy import SegmentMap
    from glisson.geometry import Mask

__all__ = ["couinaud"]


def couinaud(
    liver: Annotated[Path, Option(metavar="M", help="mask of the whole liver, lesions included")],
    out: Annotated[Path, Option("-o", "--out", metavar="OUT", help="label map to write, .nii.gz: 1 to 8, 0 outside")],
    vessels: Annotated[
        Path | None, Option(metavar="V", help="mask of portal and hepatic veins in one class, on the liver's grid")
    ] = None,
    portal: Annotated[Path | None, Option(metavar="P", help="mask of the portal vein")] = None,
    hepatic: Annotated[
        Path | None, Option(metavar="H", help="mask of the hepatic veins (may include the cava)")
    ] = None,
    as_json: Annotated[bool, Option("--json", help="print machine-readable output")] = False,
) -> None:
    """Couinaud segments learned from the shape of the liver and its vessels, on the mask's own grid, unreviewed."""
    from glisson.anatomy import learned_segments, split_hepatic
    from glisson.imaging import read_mask, write_labels

    if vessels is not None and (portal is not None or hepatic is not None):
        raise InputError(
            "--vessels was given together with --portal or --hepatic. Give the merged vessels, or the two systems."
        )
    given = read_mask(liver)
    veins = [_mask_on(path, given) for path in (vessels, portal) if path is not None]
    if hepatic is not None:
        without_cava = split_hepatic(_mask_on(hepatic, given), given).hepatic
        veins += [] if without_cava is None else [without_cava]
    found = learned_segments(given, *veins)
    write_labels(out, found.labels, given.grid)
    said = _summary(found, out, [str(path) for path in (vessels, portal, hepatic) if path is not None])
    if as_json:
        print_json(said)
        return
    print_table(
        [
            {"segment": name, "volume": f"{ml:.0f} mL", "confidence": f"{said['confidence'][name]:.2f}"}
            for name, ml in said["volumes_ml"].items()
        ]
    )
    for note in found.notes:
        print(note)
    print(f"{out} written. Look at the borders before use: they are the model's, not a reader's.")


def _mask_on(path: Path, liver: Mask) -> Mask:
    from glisson.imaging.outlines import load_outline

    return load_outline(path, liver.grid, what="the vessel mask").mask()


def _summary(found: SegmentMap, out: Path, vessels: list[str]) -> dict[str, Any]:
    assert found.mean_confidence is not None
    assert found.confidences is not None
    return {
        "file": str(out),
        "method": found.method,
        "reviewed": False,
        "vessels": vessels,
        "mean_confidence": round(found.mean_confidence, 4),
        "volumes_ml": {name: round(ml, 3) for name, ml in found.volumes_ml.items()},
        "confidence": {name: round(sure, 4) for name, sure in found.confidences.items()},
        "notes": list(found.notes),
    }
