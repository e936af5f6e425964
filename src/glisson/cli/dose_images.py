"""`glisson dose map`, `compare`, `positions` and `isodose`: the calculations that start from images."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from glisson.cli.dose_files import AsJson, DoseFile, named_files, read_dose, show, text_of, write_dose
from glisson.cli.output import print_json, print_table
from glisson.errors import InputError

if TYPE_CHECKING:
    from glisson.geometry import Mask
    from glisson.planning.dose import ActivityMap, Cap, Nuclide, Positions

__all__ = ["compare_command", "dose_map_command", "isodose_command", "positions_command"]

PLAUSIBLE_GBQ = (0.01, 20.0)
"""Activities of radioembolisation in all. An image without a unit is read as Bq/mL (DICOM's unit of activity) only
when that gives a total between these."""

ActivityFile = Annotated[Path, typer.Option("--activity", help="SPECT or PET (NIfTI or DICOM): activity or counts")]
Unit = Annotated[str | None, typer.Option(help="Bq/mL, MBq/mL, GBq, ... or counts; DICOM says it itself")]
Total = Annotated[float | None, typer.Option("--total-gbq", help="activity that all counts stand for")]
Given = Annotated[datetime | None, typer.Option("--given", help="when the spheres were given; DICOM says the rest")]
Hours = Annotated[float | None, typer.Option("--hours-after", help="from giving the spheres to the time imaged")]


def dose_map_command(
    activity: ActivityFile,
    out: Annotated[Path, typer.Option("-o", "--out", metavar="DOSE", help="NIfTI (.nii.gz) or RT Dose (.dcm)")],
    method: Annotated[str, typer.Option(help="vsv (voxel kernel) or local (local deposition)")] = "vsv",
    unit: Unit = None,
    total_gbq: Total = None,
    within: Annotated[Path | None, typer.Option(help="mask in which those counts lie")] = None,
    nuclide: Annotated[str, typer.Option(help="Y-90 or Ho-166")] = "Y-90",
    constant: Annotated[float | None, typer.Option(help="energy constant in J/GBq")] = None,
    density: Annotated[float, typer.Option(help="of the tissue, g/mL")] = 1.04,
    given: Given = None,
    hours_after: Hours = None,
    as_json: AsJson = False,
) -> None:
    """Dose map of an activity map, once everything has decayed."""
    from glisson.planning import dose as d

    of = d.nuclide(nuclide)
    used = None if constant is None else d.energy_constant(constant)
    read, assumed = _activity_of(activity, (unit, total_gbq, within), (given, hours_after), of)
    result = d.dose_map(read, method, of, constant=used, density_g_ml=density)
    write_dose(out, result.gy, f"{of.name} {method} {result.constant.gy_kg_per_gbq:g} J/GBq {density:g} g/mL")
    found = {
        "written": str(out), "method": method, "nuclide": of.name, "constant": result.constant.name,
        "density_g_ml": density, "activity_gbq": result.activity_gbq, "highest_gy": float(result.gy.data.max()),
        "mean_gy": float(result.gy.data.mean(dtype="float64")), "assumed": assumed,
    }  # fmt: skip
    show(found, as_json)


def compare_command(
    activity: ActivityFile,
    tumour: Annotated[Path, typer.Option(help="tumour mask on the grid of the activity")],
    normal: Annotated[Path, typer.Option(help="normal liver mask on the grid of the activity")],
    unit: Unit = None,
    total_gbq: Total = None,
    density: Annotated[float, typer.Option(help="of the tissue, g/mL")] = 1.04,
    given: Given = None,
    hours_after: Hours = None,
    as_json: AsJson = False,
) -> None:
    """Compartments, local deposition and voxel kernel side by side, and why they differ."""
    from glisson.imaging import read_mask
    from glisson.planning.dose import nuclide, side_by_side

    read, assumed = _activity_of(activity, (unit, total_gbq, None), (given, hours_after), nuclide("Y-90"))
    found = side_by_side(read, read_mask(tumour), read_mask(normal), density)
    regions = [asdict(region) for region in found.regions]
    words = [*found.words, f"Energy constant: {found.local.constant.name}; {density:g} g/mL."]
    if as_json:
        print_json({"regions": regions, "tnr": found.tnr, "words": words, "assumed": assumed})
        return
    print_table([{key: text_of(value) for key, value in row.items()} for row in regions])
    print(f"tumour to normal ratio {found.tnr:.3g}", *words, *assumed, sep="\n")


def positions_command(
    target_gy: Annotated[float, typer.Option(help="dose aimed at: tumour, or all perfused tissue without --tnr")],
    perfused: Annotated[
        list[str] | None, typer.Option(metavar="NAME=FILE", help="perfused volume of a catheter position; repeat")
    ] = None,
    artery: Annotated[Path | None, typer.Option(help="instead: mask of the hepatic artery, with --liver")] = None,
    liver: Annotated[Path | None, typer.Option(help="liver mask, with --artery")] = None,
    tumour: Annotated[Path | None, typer.Option(help="mask of all tumour")] = None,
    tnr: Annotated[float | None, typer.Option(help="tumour to normal ratio")] = None,
    lung_shunt: Annotated[float, typer.Option(help="fraction, 0.1 for 10 %")] = 0.0,
    residual: Annotated[float, typer.Option(help="fraction of each vial that is not given")] = 0.0,
    lung_kg: Annotated[float, typer.Option(help="mass of the lungs")] = 1.0,
    product: Annotated[str | None, typer.Option(help="resin, glass or holmium: keep its limits")] = None,
    setting: Annotated[str | None, typer.Option(help="segmentectomy, lobectomy, unilobar or bilobar")] = None,
    earlier_lung_gy: Annotated[float, typer.Option(help="lung dose of earlier treatments")] = 0.0,
    as_json: AsJson = False,
) -> None:
    """Activity of radioembolisation at each catheter position, within limits."""
    from glisson.imaging import read_mask
    from glisson.planning import dose as d

    volumes, said = _perfused(named_files(perfused, "--perfused", "NAME=FILE"), artery, liver)
    way = d.Delivery(lung_shunt, residual, lung_kg)
    mask = None if tumour is None else read_mask(tumour)
    caps = _caps(product, setting, earlier_lung_gy)
    found = d.activity_by_position(volumes, mask, target_gy, tnr, way, caps)
    _show_positions(found, said, as_json)


def isodose_command(
    dose_file: DoseFile,
    image: Annotated[Path, typer.Option(help="the scan")],
    liver: Annotated[Path, typer.Option(help="liver mask on the scan's grid")],
    out: Annotated[Path, typer.Option("-o", "--out", metavar="PICTURE", help=".png")],
    level: Annotated[list[float] | None, typer.Option(help="isodose in Gy; repeat, at most five")] = None,
    lesion: Annotated[list[Path] | None, typer.Option(help="lesion mask on the scan's grid; repeat")] = None,
) -> None:
    """Picture of isodose lines on the slice with most dose in the liver."""
    from glisson.imaging import read_image, read_mask
    from glisson.report.figures import parts_of
    from glisson.report.figures.dose import isodose_levels, isodose_picture
    from glisson.scene import LesionMask, Scene

    dose = read_dose(dose_file)
    scan, facts = read_image(image)
    lesions = tuple(LesionMask(f"L{n}", read_mask(path).trimmed()) for n, path in enumerate(lesion or [], 1))
    scene = Scene(scan.grid, {"liver": read_mask(liver).trimmed()}, image=scan, lesions=lesions, facts=facts)
    levels = sorted(level) if level else isodose_levels(dose)
    picture = isodose_picture(parts_of(scene, scene.liver), dose, levels)
    out.write_bytes(picture.png)
    print(picture.alt)


def _activity_of(
    path: Path, said: tuple[str | None, float | None, Path | None], times: tuple[datetime | None, float | None],
    of: Nuclide,
) -> tuple[ActivityMap, list[str]]:  # fmt: skip
    """Activity when the spheres were given, and what was taken for granted.

    said: unit, total in GBq and mask of the counts, as given. times: when the spheres were given, or the hours from
    then to the time that the image refers to.
    """
    from glisson.imaging import is_nuclear, read_emission, read_image, read_mask
    from glisson.planning import dose as d

    unit, total_gbq, within = said
    given, hours = times
    if given is not None and hours is not None:
        raise InputError("Give either --given or --hours-after, not both.")
    emission = read_emission(path) if path.exists() and is_nuclear(path) else None
    image = read_image(path)[0] if emission is None else emission.values
    assumed = [] if emission is None else list(emission.notes)
    unit = unit if unit is not None or emission is None else emission.unit
    if (unit or "").lower() == "counts":
        if total_gbq is None:
            raise InputError("Counts have no unit of activity: give the activity they stand for by --total-gbq.")
        found = d.activity_from_counts(image, total_gbq, None if within is None else read_mask(within))
        return found, assumed
    if total_gbq is not None or within is not None:
        raise InputError("--total-gbq and --within belong to --unit counts.")
    if emission is not None and emission.nuclide not in (None, of.name):
        raise InputError(
            f"The image shows {emission.nuclide}, but the dose is that of {of.name}: give --unit counts and the "
            "activity of the spheres by --total-gbq."
        )
    found, more = _with_unit(image, unit)
    if given is not None and emission is None:
        raise InputError(f"{path} does not say what time it refers to: give --hours-after instead of --given.")
    if given is not None and emission is not None:
        hours = -emission.hours_until(given)
    if hours is None:
        return found, [*assumed, *more, "the image shows the activity when the spheres were given"]
    return d.activity_when_given(found, hours, of), [*assumed, *more]


def _with_unit(image: Any, unit: str | None) -> tuple[ActivityMap, list[str]]:
    """Activity in the unit given; without one, in Bq/mL where that makes sense."""
    from glisson.planning import dose as d

    if unit is not None:
        return d.activity_map(image, unit), []
    found = d.activity_map(image, "Bq/mL")
    low, high = PLAUSIBLE_GBQ
    if not low <= found.total_gbq <= high:
        raise InputError(
            f"The activity has no unit, and as Bq/mL it would be {found.total_gbq:.3g} GBq in all, which no treatment "
            f"gives ({low:g} to {high:g} GBq). Say what the numbers are: --unit Bq/mL, MBq/mL, GBq, ... or counts."
        )
    return found, ["unit Bq/mL"]


def _perfused(
    files: dict[str, str], artery: Path | None, liver: Path | None
) -> tuple[dict[str, Mask], list[dict[str, Any]]]:
    """Perfused volumes by position, and the arteries where their tree was read."""
    from glisson.anatomy import territories, vessel_tree
    from glisson.imaging import read_mask
    from glisson.planning.dose import arteries, artery_positions

    if bool(files) == (artery is not None):
        raise InputError("Give either --perfused NAME=FILE for each position, or --artery with --liver.")
    if artery is None:
        return {name: read_mask(Path(file)).trimmed() for name, file in files.items()}, []
    if liver is None:
        raise InputError("The artery's tree shares out the liver: give --liver as well.")
    whole = read_mask(liver).trimmed()
    parts = territories(vessel_tree(read_mask(artery), liver=whole, kind="artery"), whole)
    said = [
        {"artery": a.name, "branch": a.branch, "aberrant": a.aberrant, "supplies_percent": a.share_percent}
        for a in arteries(parts)
    ]
    return artery_positions(parts), said


def _caps(product: str | None, setting: str | None, earlier_lung_gy: float) -> tuple[Cap, ...]:
    from glisson.planning import dose as d

    caps = d.lung_caps(earlier_lung_gy, product)
    if (product is None) != (setting is None):
        raise InputError("The product's limits depend on the setting: give both --product and --setting.")
    return caps + (d.product_caps(product, setting) if product is not None and setting is not None else ())


def _show_positions(found: Positions, said: list[dict[str, Any]], as_json: bool) -> None:
    rows = [
        {
            "position": p.name, "tumour_ml": p.tumour_ml, "normal_ml": p.normal_ml,
            "injected_gbq": p.activity.injected_gbq, "vial_gbq": p.activity.vial_gbq,
            "tumour_gy": p.activity.tumour_gy, "normal_gy": p.activity.normal_gy, "mean_gy": p.activity.mean_gy,
            "wanted_gbq": p.wanted.injected_gbq, "binding": None if p.binding is None else asdict(p.binding),
        }
        for p in found.positions
    ]  # fmt: skip
    whole = {
        "injected_gbq": found.injected_gbq, "vial_gbq": found.vial_gbq, "lung_gy": found.lung_gy,
        "not_perfused_ml": found.not_perfused_ml, "notes": list(found.notes),
    }  # fmt: skip
    if as_json:
        print_json({"positions": rows, "arteries": said} | whole)
        return
    for row in rows:
        binding = row["binding"]
        row["binding"] = f"{binding['quantity']} at most {binding['at_most']:g}" if isinstance(binding, dict) else ""
    print_table([{key: text_of(value) for key, value in row.items()} for row in rows])
    if said:
        print_table([{key: text_of(value) for key, value in row.items()} for row in said])
    show(whole, as_json=False)
