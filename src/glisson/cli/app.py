"""The commands: each reads its arguments, calls one room and prints. Exit codes: 0 done, 1 with findings, 2 refused."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from glisson import __version__
from glisson.cli.deidentify import deidentify
from glisson.cli.dose import dose
from glisson.cli.exchange import export, import_
from glisson.cli.follow import follow, match, register
from glisson.cli.knowledge import knowledge, score
from glisson.cli.letter import decide, letter
from glisson.cli.listen import listen
from glisson.cli.output import print_json
from glisson.cli.pacs import fetch, find, release, store
from glisson.cli.progress import part, progress_bar
from glisson.cli.respond import respond
from glisson.cli.segment import segment
from glisson.cli.serve import serve, user
from glisson.cli.vessels import vessels
from glisson.cli.whatif import whatif
from glisson.errors import GlissonError, InputError

if TYPE_CHECKING:
    from glisson.assessment import Assessment
    from glisson.planning import PlanSettings

__all__ = ["app", "main"]

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="From a patient's scans, masks and facts to a tumour-board dossier. Research software, not a medical device.",
)

app.add_typer(knowledge, name="knowledge")
app.add_typer(segment, name="segment")
app.add_typer(dose, name="dose")
app.add_typer(vessels, name="vessels")
app.command()(score)
app.command()(decide)
app.command()(letter)
app.command()(whatif)
app.command()(respond)
app.command()(register)
app.command()(match)
app.command()(follow)
app.command()(serve)
app.add_typer(user, name="user")
app.command()(deidentify)
app.command("import")(import_)
app.command()(export)
for command in (find, fetch, store, release, listen):
    app.command()(command)

CaseFolder = Annotated[Path, typer.Argument(metavar="CASE", help="folder with case.yaml")]
OutFolder = Annotated[
    Path, typer.Option("-o", "--out", metavar="OUT", help="folder for the dossier; written whole or not at all")
]
AsJson = Annotated[bool, typer.Option("--json", help="print machine-readable output")]


def main() -> None:
    """Entry point: run the command, turn a refusal into one clear message and exit code 2."""
    try:
        app(standalone_mode=True)
    except GlissonError as refusal:
        print(f"glisson: {refusal}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("glisson: stopped; nothing was written", file=sys.stderr)
        sys.exit(130)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"glisson {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="print the version")
    ] = False,
) -> None:
    del version


@app.command()
def init(
    case: CaseFolder,
    liver: Annotated[
        Path | None, typer.Option(help="liver mask; without it, outlines among the DICOM slices are taken")
    ] = None,
    ct: Annotated[
        Path | None, typer.Option("--ct", "--image", help="scan: NIfTI file or folder of DICOM slices")
    ] = None,
    lesions: Annotated[
        list[Path] | None, typer.Option(help="lesion mask or label map; repeat for one file a lesion")
    ] = None,
    segments: Annotated[Path | None, typer.Option(help="Couinaud label map, 1 to 8")] = None,
    portal: Annotated[Path | None, typer.Option(help="portal vein mask")] = None,
    hepatic: Annotated[Path | None, typer.Option(help="hepatic vein mask (may include the cava)")] = None,
    cava: Annotated[Path | None, typer.Option(help="inferior vena cava mask")] = None,
    organ: Annotated[
        list[str] | None, typer.Option(metavar="NAME=FILE", help="further structure, e.g. spleen=spleen.nii.gz")
    ] = None,
    force: Annotated[bool, typer.Option(help="replace an existing case.yaml")] = False,
) -> None:
    """Write CASE/case.yaml for a scan and its masks, with every clinical fact left to fill in."""
    from glisson.imaging import init_case

    path = init_case(
        case, ct=ct, liver=liver, lesions=lesions or [], segments=segments, portal=portal, hepatic=hepatic, cava=cava,
        organs=_organs(organ or []), force=force,
    )  # fmt: skip
    print(f"{path} written. Fill in the facts you have, then: glisson plan {case} -o OUT")


def _organs(pairs: list[str]) -> dict[str, Path]:
    organs: dict[str, Path] = {}
    for pair in pairs:
        name, equals, file = pair.partition("=")
        if not (name and equals and file):
            raise InputError(f"--organ needs NAME=FILE, for example spleen=spleen.nii.gz; got {pair!r}.")
        organs[name] = Path(file)
    return organs


@app.command()
def check(case: CaseFolder, as_json: AsJson = False) -> None:
    """Say what is there, missing or wrong. Exit code 0 complete, 1 with gaps or warnings, 2 not usable."""
    from dataclasses import asdict

    from glisson.imaging import check_case

    notices = check_case(case)
    levels = {notice.level for notice in notices}
    code = 2 if "error" in levels else 1 if "warning" in levels else 0
    if as_json:
        print_json({"exit_code": code, "notices": [asdict(notice) for notice in notices]})
    else:
        for notice in notices:
            print(f"{notice.level:<8}{notice.about + ': ' if notice.about else ''}{notice.text}")
        print({0: "complete", 1: "usable, with the gaps above", 2: "not usable: mend the errors above"}[code])
    raise typer.Exit(code)


@app.command()
def plan(
    case: CaseFolder,
    out: OutFolder,
    resection_margin: Annotated[float | None, typer.Option(metavar="MM", help="margin planned around wedges")] = None,
    accept_margin: Annotated[float | None, typer.Option(metavar="MM", help="least margin of a resection")] = None,
    ablation_margin: Annotated[float | None, typer.Option(metavar="MM", help="margin demanded of an ablation")] = None,
    vessel_detachment: Annotated[
        str, typer.Option(metavar="allow|avoid", help="whether a lesion may be detached from a vessel that stays")
    ] = "avoid",
    allow: Annotated[
        str | None,
        typer.Option(metavar="KINDS", help="acts offered: resection,wedge,ablation,radiotherapy,radioembolisation"),
    ] = None,
    leave: Annotated[list[str] | None, typer.Option(metavar="ID", help="lesion left to systemic therapy")] = None,
    prices: Annotated[
        Path | None, typer.Option(metavar="FILE", help="local price list (YAML): shows what each treatment costs")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """The main job: read the case, assess it, write the dossier."""
    from glisson.assessment import assess
    from glisson.imaging import read_case
    from glisson.knowledge import knowledge_base, read_prices

    settings = _settings(resection_margin, accept_margin, ablation_margin, vessel_detachment, allow, leave)
    listed = None if prices is None else read_prices(prices, tuple(knowledge_base().modalities))

    with progress_bar(quiet=as_json) as progress:
        progress("Reading the case", 0.0)
        facts, scene = read_case(case)
        result = assess(facts, scene, prices=listed, settings=settings, progress=part(progress, 0.25, 0.6))
        _write(result, out, part(progress, 0.6, 1.0), case)
    _summarise(result, out, as_json)


def _settings(
    resection_margin: float | None,
    accept_margin: float | None,
    ablation_margin: float | None,
    vessel_detachment: str,
    allow: str | None,
    leave: list[str] | None,
) -> PlanSettings:
    from glisson.planning import PlanSettings

    if vessel_detachment not in ("allow", "avoid"):
        raise InputError(f"--vessel-detachment is allow or avoid; got {vessel_detachment!r}.")
    given = {
        "resection_margin_mm": resection_margin,
        "accept_margin_mm": accept_margin,
        "ablation_margin_mm": ablation_margin,
        "allow": None if allow is None else tuple(word.strip() for word in allow.split(",")),
        "leave": tuple(leave) if leave else None,
    }
    chosen = {name: value for name, value in given.items() if value is not None}
    return PlanSettings.by_rules(vessel_detachment=vessel_detachment == "allow", **chosen)


@app.command()
def demo(
    out: OutFolder,
    seed: Annotated[int, typer.Option(help="another number, another patient", min=0)] = 8,
    lesions: Annotated[int, typer.Option(help="number of metastases", min=0, max=80)] = 5,
    primary: Annotated[
        str, typer.Option(help="where the cancer started: decides where metastases settle")
    ] = "colorectal",
    shape: Annotated[str, typer.Option(metavar="I,J,K", help="voxels of the scan")] = "256,256,160",
    spacing: Annotated[str, typer.Option(metavar="X,Y,Z", help="their spacing in mm")] = "1.5,1.5,2.0",
    as_json: AsJson = False,
) -> None:
    """The main job on an invented patient: no files needed. `glisson simulate` writes one as a case folder."""
    from glisson.assessment import assess
    from glisson.cli.virtual import three_numbers
    from glisson.simulate import virtual_patient

    size = tuple(int(n) for n in three_numbers(shape, "shape"))
    with progress_bar(quiet=as_json) as progress:
        progress("Inventing a patient", 0.0)
        patient = virtual_patient(
            seed=seed,
            lesions=lesions,
            primary=primary,
            shape=(size[0], size[1], size[2]),
            spacing_mm=three_numbers(spacing, "spacing"),
        )
        result = assess(patient.case, patient.scene, progress=part(progress, 0.4, 0.7))
        _write(result, out, part(progress, 0.7, 1.0))
    _summarise(result, out, as_json)


@app.command()
def schema(what: Annotated[str, typer.Argument(help="case or findings")]) -> None:
    """Print the JSON Schema of case.yaml or findings.json."""
    if what == "case":
        from glisson.case import case_schema

        print_json(case_schema())
    elif what == "findings":
        from glisson.report import findings_schema

        print_json(findings_schema())
    else:
        raise InputError(f"There is a schema of 'case' and of 'findings'; got {what!r}.")


@app.command()
def simulate(
    case: Annotated[Path, typer.Argument(metavar="CASE", help="new folder for the invented patient")],
    months: Annotated[float, typer.Option(help="how long the patient is followed; 0 for one scan", min=0, max=120)] = 0,
    every: Annotated[float, typer.Option(help="months from scan to scan", min=0.5)] = 2,
    seed: Annotated[int, typer.Option(help="another number, another patient", min=0)] = 8,
    lesions: Annotated[int, typer.Option(help="metastases at first", min=0, max=80)] = 5,
    primary: Annotated[str, typer.Option(help="where the cancer started")] = "colorectal",
    growth: Annotated[str, typer.Option(help="exponential or gompertz")] = "exponential",
    treated: Annotated[
        str | None, typer.Option(metavar="FROM,TO", help="months between which systemic treatment is given")
    ] = None,
    new: Annotated[float, typer.Option(help="expected number of new lesions from scan to scan", min=0)] = 0.5,
    mr: Annotated[
        list[int] | None, typer.Option(metavar="N", help="scan with MR-like contrast, from 1; repeat")
    ] = None,
    resected: Annotated[
        str | None, typer.Option(help="first scan after a resection and the segments removed, e.g. 3:V,VI,VII,VIII")
    ] = None,
    swelling: Annotated[float, typer.Option(help="factor by which the liver's lengths grow to the last scan")] = 1.0,
    shape: Annotated[str, typer.Option(metavar="I,J,K", help="voxels of each scan")] = "256,256,160",
    spacing: Annotated[str, typer.Option(metavar="X,Y,Z", help="their spacing in mm")] = "1.5,1.5,2.0",
) -> None:
    """Invent a patient, scanned once or over months, as a case folder."""
    from glisson.cli.virtual import simulated, write_virtual_case

    with progress_bar(quiet=False) as progress:
        progress("Inventing a patient", 0.0)
        patient = simulated(
            months=months, every=every, treated=treated, mr=mr or [], shape=shape, spacing=spacing, seed=seed,
            lesions=lesions, primary=primary, growth=growth, new=new, swelling=swelling, resected=resected,
        )  # fmt: skip
        progress("Writing the case", 0.8)
        path = write_virtual_case(patient, case)
    print(f"{path} written. Next: glisson plan {case} -o OUT")


def _write(result: Assessment, out: Path, progress: Any, case: Path | None = None) -> None:
    """The dossier and, for a case folder whose scan is DICOM, the results as DICOM objects."""
    from glisson.case import Unknown
    from glisson.exchange.dicom_results import dicom_folder
    from glisson.report import write_dossier

    stamped = datetime.now(UTC)
    dicom = Unknown("no case folder") if case is None else dicom_folder(case, result, stamped=stamped)
    extra = None if isinstance(dicom, Unknown) else dicom
    write_dossier(result, out, stamped=stamped, progress=progress, extra=extra)


def _summarise(result: Assessment, out: Path, as_json: bool) -> None:
    from glisson.report import answer_in_one_sentence, findings

    if as_json:
        print_json(findings(result))
    else:
        print(answer_in_one_sentence(result))
        print(f"Dossier: {out / 'dossier.html'} and {out / 'dossier.pdf'}")
        if (out / "dicom").is_dir():
            print(f"DICOM: {out / 'dicom'}, to be shown over the scan; glisson store {out} --to URL")
