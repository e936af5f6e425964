"""`glisson dose …`: each dose calculation alone, for people and for scripts."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from glisson.cli.dose_files import (
    AsJson,
    DoseFile,
    SameFrame,
    masks_of,
    named_files,
    read_dose,
    region_of,
    show,
    text_of,
)
from glisson.cli.dose_images import compare_command, dose_map_command, isodose_command, positions_command
from glisson.cli.output import print_json, print_table
from glisson.errors import InputError

if TYPE_CHECKING:
    from glisson.planning.dose import Activity, Delivery, Dvh, Liver

__all__ = ["dose"]

dose = typer.Typer(no_args_is_help=True, help="Radiation dose: activities, dose maps, histograms, gamma, effect.")

dose.command("map")(dose_map_command)
dose.command("compare")(compare_command)
dose.command("positions")(positions_command)
dose.command("isodose")(isodose_command)

CURVE_POINTS = 101
"""Points of a printed histogram, from 0 Gy to the highest dose."""


@dose.command()
def y90(
    model: Annotated[str, typer.Option(help="uniform, partition, bsa, restricted, glass or ho166")],
    target_gy: Annotated[float | None, typer.Option(help="dose aimed at: tumour, or all perfused tissue")] = None,
    tumour_ml: Annotated[float, typer.Option(help="tumour perfused")] = 0.0,
    normal_ml: Annotated[float, typer.Option(help="normal liver perfused")] = 0.0,
    tnr: Annotated[float | None, typer.Option(help="tumour to normal ratio (restricted: of activities)")] = None,
    lung_shunt: Annotated[float | None, typer.Option(help="fraction, 0.1 for 10 %")] = None,
    residual: Annotated[float | None, typer.Option(help="fraction of the vial that is not given")] = None,
    lung_kg: Annotated[float | None, typer.Option(help="mass of the lungs")] = None,
    constant: Annotated[float | None, typer.Option(help="energy constant in J/GBq: 49.67, 49.38 or 50")] = None,
    density: Annotated[float | None, typer.Option(help="of liver and tumour, g/mL")] = None,
    height_cm: Annotated[float | None, typer.Option(help="for bsa")] = None,
    weight_kg: Annotated[float | None, typer.Option(help="for bsa")] = None,
    limits: Annotated[bool, typer.Option(help="partition: keep within the lung limits and the product's")] = False,
    product: Annotated[str | None, typer.Option(help="resin, glass or holmium, with --limits")] = None,
    setting: Annotated[str | None, typer.Option(help="segmentectomy, lobectomy, unilobar or bilobar")] = None,
    earlier_lung_gy: Annotated[float, typer.Option(help="lung dose of earlier treatments")] = 0.0,
    hours: Annotated[float, typer.Option(help="from calibration of the vial to treatment")] = 0.0,
    as_json: AsJson = False,
) -> None:
    """Activity of radioembolisation from a dose, or within limits."""
    from glisson.planning import dose as d

    given = {
        "tnr": (tnr, 1.0), "lung_shunt": (lung_shunt, 0.0), "residual": (residual, 0.0), "lung_kg": (lung_kg, 1.0),
    }  # fmt: skip
    used = {name: default if value is None else value for name, (value, default) in given.items()}
    fallback = d.ENERGY_CONSTANTS["50" if model == "glass" else "49.67"]
    way = d.Delivery(
        used["lung_shunt"], used["residual"], used["lung_kg"],
        fallback if constant is None else d.energy_constant(constant),
    )  # fmt: skip
    liver = d.Liver(tumour_ml, normal_ml, used["tnr"], **({} if density is None else {"density_g_ml": density}))
    extra: dict[str, Any] = {"assumed": [f"{name} {given[name][1]:g}" for name in given if given[name][0] is None]}
    if limits:
        result, more = _planned(_asked(target_gy, model), liver, way, (product, setting, earlier_lung_gy), model)
        extra |= more
    elif model == "bsa":
        result = _by_surface(height_cm, weight_kg, liver, way, split=tnr is not None)
    else:
        result = _by_model(model, _asked(target_gy, model), liver, way)
    of = d.nuclide("Ho-166" if model == "ho166" else "Y-90")
    extra["lung_total_gy"] = d.total_lung_gy((earlier_lung_gy, result.lung_gy))
    found = _activity(result) | {"vial_at_calibration_gbq": d.decayed(result.vial_gbq, -hours, of)} | extra
    show(found, as_json)


def _asked(target_gy: float | None, model: str) -> float:
    if target_gy is None:
        raise InputError(f"The model {model} needs a dose to aim at: give --target-gy.")
    return target_gy


def _by_model(model: str, target_gy: float, liver: Liver, way: Delivery) -> Activity:
    from glisson.planning import dose as d

    if model == "uniform":
        return d.uniform_activity(target_gy, liver, way)
    if model == "partition":
        return d.partition_activity(target_gy, liver, way)
    if model == "restricted":
        return d.restricted_partition_activity(target_gy, liver.tumour_kg, liver.normal_kg, liver.tnr, way)
    if model in ("glass", "ho166"):
        mass = liver.tumour_kg + liver.normal_kg
        return d.mass_model_activity(target_gy, mass, way, d.nuclide("Ho-166" if model == "ho166" else "Y-90"))
    raise InputError(f"The model {model!r} is not known. Give uniform, partition, bsa, restricted, glass or ho166.")


def _by_surface(
    height_cm: float | None, weight_kg: float | None, liver: Liver, way: Delivery, *, split: bool
) -> Activity:
    from dataclasses import replace

    from glisson.knowledge import knowledge_base
    from glisson.planning import dose as d

    if height_cm is None or weight_kg is None:
        raise InputError("The model bsa needs the body surface: give --height-cm and --weight-kg.")
    surface = knowledge_base().score("bsa-du-bois", {"height": height_cm, "weight": weight_kg}).value
    if surface is None:
        raise InputError(f"No body surface follows from {height_cm} cm and {weight_kg} kg.")
    reduced = d.shunt_reduction(way.lung_shunt)
    found = d.body_surface_activity(float(surface), liver, way, kept=reduced.kept, note=reduced.note)
    return found if split else replace(found, tumour_gy=None, normal_gy=None)


def _planned(
    target_gy: float, liver: Liver, way: Delivery, about: tuple[str | None, str | None, float], model: str
) -> tuple[Activity, dict[str, Any]]:
    from glisson.planning import dose as d

    if model != "partition":
        raise InputError(f"--limits goes with --model partition; got {model}.")
    product, setting, earlier = about
    caps = d.lung_caps(earlier, product)
    if product is not None and setting is not None:
        caps += d.product_caps(product, setting)
    elif product is not None or setting is not None:
        raise InputError("The product's limits depend on the setting: give both --product and --setting.")
    plan = d.plan_activity(target_gy, liver, way, caps)
    highest = [asdict(cap) | {"highest_gbq": None if top == float("inf") else top} for cap, top in plan.highest_gbq]
    binding = None if plan.binding is None else asdict(plan.binding)
    return plan.activity, {"wanted_gbq": plan.wanted.injected_gbq, "binding": binding, "limits": highest}


def _activity(result: Activity) -> dict[str, Any]:
    found = asdict(result)
    found["constant_gy_kg_per_gbq"] = result.constant.gy_kg_per_gbq
    found["constant"] = result.constant.name
    found["notes"] = list(result.notes)
    return found


@dose.command("dvh")
def dvh_command(
    dose_file: DoseFile,
    mask: Annotated[Path | None, typer.Option(help="mask of the structure")] = None,
    structures: Annotated[Path | None, typer.Option(help="RT Structure Set")] = None,
    structure: Annotated[str | None, typer.Option(help="name in it")] = None,
    at_gy: Annotated[list[float] | None, typer.Option(help="volume at this dose; repeat")] = None,
    at_percent: Annotated[list[float] | None, typer.Option(help="dose to this percentage; repeat")] = None,
    figure: Annotated[Path | None, typer.Option(help="picture of the histogram (.png)")] = None,
    same_frame: SameFrame = False,
    as_json: AsJson = False,
) -> None:
    """Dose-volume histogram of a structure: mean, D and V."""
    from glisson.planning.dose import dvh

    name, region = region_of(mask, structures, structure, dose_file, same_frame)
    histogram = dvh(read_dose(dose_file), region)
    if figure is not None:
        from glisson.report.figures.dose import dvh_picture

        figure.write_bytes(dvh_picture({name: histogram}).png)
    show({"structure": name} | _histogram(histogram, at_gy or [], at_percent or []), as_json)


def _histogram(histogram: Dvh, at_gy: list[float], at_percent: list[float]) -> dict[str, Any]:
    import numpy as np

    doses = np.linspace(0.0, histogram.max_gy, CURVE_POINTS)
    percents = [*at_percent] or [98.0, 95.0, 50.0, 2.0]
    return {
        "volume_ml": histogram.volume_ml, "covered_percent": 100.0 * histogram.covered, "mean_gy": histogram.mean_gy,
        "min_gy": histogram.min_gy, "max_gy": histogram.max_gy,
        "d_gy": {f"D{percent:g}": histogram.dose_at(percent) for percent in percents},
        "v_percent": {f"V{gy:g}": 100.0 * float(histogram.volume_at(gy)) for gy in at_gy},
        "curve": {"dose_gy": doses.tolist(), "volume_percent": (100.0 * histogram.volume_at(doses)).tolist()},
    }  # fmt: skip


@dose.command("gamma")
def gamma_command(
    reference: Annotated[Path, typer.Option(help="dose that is right")],
    evaluated: Annotated[Path, typer.Option(help="dose that is tested")],
    dose_percent: Annotated[float, typer.Option(help="dose criterion, % of the highest reference dose")] = 3.0,
    distance_mm: Annotated[float, typer.Option(help="distance criterion")] = 3.0,
    cutoff_percent: Annotated[
        float, typer.Option(help="points below this share of the highest dose are left out")
    ] = 10.0,
    local: Annotated[bool, typer.Option(help="dose criterion in % of the dose at the point")] = False,
    cap: Annotated[float, typer.Option(help="highest gamma looked for")] = 2.0,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="write the gamma map as NIfTI")] = None,
    as_json: AsJson = False,
) -> None:
    """Gamma analysis of two doses: the share of points with gamma of at most 1."""
    import numpy as np

    from glisson.geometry import Volume
    from glisson.imaging import write_volume
    from glisson.planning.dose import gamma_map

    found = gamma_map(
        read_dose(reference), read_dose(evaluated), dose_percent, distance_mm, cutoff_percent=cutoff_percent,
        local=local, cap=cap,
    )  # fmt: skip
    if out is not None:
        write_volume(out, Volume(np.nan_to_num(found.gamma.data, nan=-1.0), found.gamma.grid))
    show(
        {
            "pass_percent": found.pass_percent, "points": found.points, "mean": found.mean, "highest": found.highest,
            "cap": found.cap, "dose_criterion_gy": found.dose_gy, "distance_mm": distance_mm, "local": local,
            "cutoff_percent": cutoff_percent,
        },
        as_json,
    )  # fmt: skip


@dose.command()
def bed(
    dose_gy: Annotated[float, typer.Option(help="dose in all")],
    fractions: Annotated[int, typer.Option(help="equal fractions")] = 1,
    alpha_beta: Annotated[list[float] | None, typer.Option(help="Gy; repeat to compare")] = None,
    repair_hours: Annotated[
        float | None, typer.Option(help="repair half time: then the dose is that of Y-90 decaying in place")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Biologically effective dose and EQD2 of fractions, or of a decaying source."""
    from glisson.planning.dose import bed_gy, decay_bed_gy

    if not alpha_beta:
        raise InputError("Effect depends on the tissue: give --alpha-beta in Gy (often 10 for tumour).")
    if repair_hours is not None and fractions != 1:
        raise InputError("A decaying source is not given in fractions: leave out --fractions or --repair-hours.")
    rows = []
    for ratio in alpha_beta:
        effect = (
            bed_gy(dose_gy, fractions, ratio) if repair_hours is None else decay_bed_gy(dose_gy, ratio, repair_hours)
        )
        rows.append({"alpha_beta_gy": ratio, "bed_gy": effect, "eqd2_gy": effect / (1.0 + 2.0 / ratio)})
    found: dict[str, Any] = {"dose_gy": dose_gy, "fractions": fractions, "repair_hours": repair_hours}
    show(found | (rows[0] if len(rows) == 1 else {"compared": rows}), as_json)


@dose.command()
def fractions(
    schedule: Annotated[list[str], typer.Option(metavar="DOSE/FRACTIONS", help="Gy in all / fractions; repeat")],
    alpha_beta: Annotated[list[float], typer.Option(help="Gy; repeat")],
    as_json: AsJson = False,
) -> None:
    """Schedules beside each other: dose of a fraction, biologically effective dose, EQD2."""
    from glisson.planning.dose import compare_fractionations

    rows = [asdict(row) for row in compare_fractionations([_schedule(text) for text in schedule], alpha_beta)]
    if as_json:
        print_json({"schedules": rows})
    else:
        print_table([{key: text_of(value) for key, value in row.items()} for row in rows])


def _schedule(text: str) -> tuple[float, int]:
    gy, _, count = text.partition("/")
    try:
        return float(gy), int(count)
    except ValueError:
        raise InputError(f"--schedule needs DOSE/FRACTIONS, for example 60/3; got {text!r}.") from None


@dose.command()
def shunt(
    lung: Annotated[tuple[float, float], typer.Option(metavar="ANTERIOR POSTERIOR", help="counts over the lungs")],
    liver: Annotated[tuple[float, float], typer.Option(metavar="ANTERIOR POSTERIOR", help="counts over the liver")],
    as_json: AsJson = False,
) -> None:
    """Lung shunt from planar counts, and what the table of reductions says of it."""
    from glisson.planning.dose import shunt_fraction, shunt_reduction

    found = shunt_fraction(lung, liver)
    less = shunt_reduction(found)
    show({"lung_shunt": found, "resin_activity_kept": less.kept, "note": less.note, "source": less.source}, as_json)


@dose.command()
def spared(
    liver: Annotated[Path, typer.Option(help="liver mask")],
    lesion: Annotated[list[Path], typer.Option(help="lesion mask; repeat")],
    margin_mm: Annotated[float, typer.Option(help="added around each lesion")],
    dose_gy: Annotated[float, typer.Option(help="at the edge of that margin")],
    below_gy: Annotated[float, typer.Option(help="liver counts as spared below this dose")],
    as_json: AsJson = False,
) -> None:
    """Liver that stereotactic radiotherapy would spare: an estimate from dose fall-off, with its interval."""
    from glisson.geometry import Mask
    from glisson.imaging import read_mask
    from glisson.planning.dose import Target, spared_liver

    whole = read_mask(liver)
    lesions = [read_mask(path) for path in lesion]
    union = whole.data.copy()
    for mask in lesions:
        union |= mask.on(whole.grid, "the lesion")
    box = Mask(union, whole.grid).trimmed()
    targets = [Target(mask, margin_mm, dose_gy) for mask in lesions]
    show(asdict(spared_liver(box, targets, below_gy)), as_json)


@dose.command("check")
def check_command(
    dose_file: DoseFile,
    fractions: Annotated[int, typer.Option(help="number of fractions")],
    organ: Annotated[
        list[str] | None, typer.Option(metavar="NAME=FILE", help="mask of an organ, e.g. stomach=stomach.nii.gz")
    ] = None,
    normal_liver: Annotated[Path | None, typer.Option(help="mask of the liver without its lesions")] = None,
    structures: Annotated[Path | None, typer.Option(help="RT Structure Set, with --structure")] = None,
    structure: Annotated[
        list[str] | None,
        typer.Option(metavar="ORGAN=NAME", help="name in it of an organ or of liver (without its lesions); repeat"),
    ] = None,
    same_frame: SameFrame = False,
    as_json: AsJson = False,
) -> None:
    """Dose limits of organs and spared liver: pass, fail or not checkable. Exit code 1 when one fails."""
    from glisson.imaging import read_mask
    from glisson.planning.dose import check_organs, check_spared_liver, dvh

    volume = read_dose(dose_file)
    files = named_files(organ, "--organ", "NAME=FILE, for example stomach=stomach.nii.gz")
    masks = {name: read_mask(Path(file)) for name, file in files.items()}
    if structures is not None:
        wanted = named_files(structure, "--structure", "ORGAN=NAME, for example stomach=Stomach")
        masks |= masks_of(structures, wanted, dose_file, same_frame)
    if normal_liver is not None:
        masks["liver"] = read_mask(normal_liver)
    spared = masks.pop("liver", None)
    checks = check_organs({name: dvh(volume, mask) for name, mask in masks.items()}, fractions)
    checks += check_spared_liver(None if spared is None else dvh(volume, spared), fractions)
    rows = [asdict(check) for check in checks]
    if as_json:
        print_json({"checks": rows})
    else:
        print_table([{key: text_of(value) for key, value in row.items()} for row in rows])
    raise typer.Exit(1 if any(check.verdict == "fail" for check in checks) else 0)
