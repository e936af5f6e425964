"""`glisson deidentify`: DICOM files without the person, for research."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from glisson.cli.output import print_json
from glisson.cli.progress import progress_bar
from glisson.errors import InputError

__all__ = ["deidentify"]


def deidentify(
    source: Annotated[Path, Argument(metavar="DICOM", help="file or folder of DICOM files")],
    out: Annotated[Path, Option("-o", "--out", metavar="OUT", help="new folder; written whole or not at all")],
    key: Annotated[
        Path, Option(metavar="FILE", help="secret that new names follow from; made when it is not there. Keep it apart")
    ],
    keep: Annotated[
        str, Option(metavar="LIST", help="options of the profile: dates,patient,descriptions,device,uids,private")
    ] = "dates,patient,descriptions",
    burned_in: Annotated[bool, Option(help="write pictures that are likely to have text burned in, too")] = False,
    as_json: Annotated[bool, Option("--json", help="print machine-readable output")] = False,
) -> None:
    """Take the person out of DICOM files by the standard's profile (PS3.15 Annex E) and report what was removed."""
    from glisson.imaging.deidentify import OPTIONS, Options, deidentify_folder, read_key

    wanted = [word.strip() for word in keep.split(",") if word.strip()]
    unknown = [word for word in wanted if word not in OPTIONS]
    if unknown:
        raise InputError(f"--keep knows {', '.join(OPTIONS)}; got {', '.join(unknown)}.")
    if not source.exists():
        raise InputError(f"{source} does not exist. Name a DICOM file or a folder of them.")
    if key.resolve().is_relative_to(out.resolve()):
        raise InputError(f"The key {key} must not lie in {out}: whoever has both can undo the work. Name another file.")
    options = Options(**{name: name in wanted for name in OPTIONS})
    with progress_bar(quiet=as_json) as progress:
        found = deidentify_folder(
            source, out, read_key(key), options=options, painted=burned_in, progress=progress
        )  # fmt: skip
    if as_json:
        print_json(found.as_json())
        return
    print(f"{out} written: {found.files} files of {found.people} people; report in {out / 'deidentification.json'}.")
    for file, why in found.left_out:
        print(f"left out, {file} in order of names: {why}")
    for words in found.warnings:
        print(f"look: {words}")
    print(f"The key {key} leads back to the patients: keep it apart from the files.")
