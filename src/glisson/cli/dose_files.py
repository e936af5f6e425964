"""What the commands of `glisson dose` share: reading doses and structures, and printing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from glisson.cli.output import print_json
from glisson.errors import InputError

if TYPE_CHECKING:
    from glisson.geometry import Mask, Volume

__all__ = [
    "AsJson",
    "DoseFile",
    "SameFrame",
    "masks_of",
    "named_files",
    "read_dose",
    "region_of",
    "show",
    "text_of",
    "write_dose",
]

AsJson = Annotated[bool, typer.Option("--json", help="print machine-readable output")]
SameFrame = Annotated[
    bool, typer.Option("--same-frame", help="dose and structures lie in one frame, though their headers say otherwise")
]
DoseFile = Annotated[Path, typer.Option("--dose", help="dose in Gy: NIfTI, NRRD or RT Dose")]


def named_files(texts: list[str] | None, option: str, example: str) -> dict[str, str]:
    """NAME=VALUE texts as a mapping, in the order given. Raises InputError for other texts and repeated names."""
    found: dict[str, str] = {}
    for text in texts or []:
        name, equals, value = text.partition("=")
        if not (name and equals and value):
            raise InputError(f"{option} needs {example}; got {text!r}.")
        if name in found:
            raise InputError(f"{option} names {name!r} twice: give each once.")
        found[name] = value
    return found


def region_of(
    mask: Path | None, structures: Path | None, name: str | None, dose_file: Path, same_frame: bool
) -> tuple[str, Mask]:
    """A structure by its mask file, or by its name in a structure set; small ones on a grid finer than the dose's."""
    from glisson.imaging import read_mask

    if (mask is None) == (structures is None):
        raise InputError("Give either --mask, or --structures with --structure.")
    if mask is not None:
        return mask.name, read_mask(mask)
    assert structures is not None
    found = masks_of(structures, None if name is None else {name: name}, dose_file, same_frame)
    return next(iter(found.items()))


def masks_of(structures: Path, wanted: dict[str, str] | None, dose_file: Path, same_frame: bool) -> dict[str, Mask]:
    """Structures of a set by our names: our name -> name in the set.

    Raises InputError where none is asked for, one is not there, or dose and structures name different frames of
    reference, as then nothing says where one lies in the other.
    """
    from glisson.imaging import fine_grid, read_rtdose, read_rtstruct, structure_mask

    held = read_rtstruct(structures)
    if not wanted:
        there = ", ".join(s.name for s in held.structures)
        raise InputError(f"Say which structure by --structure. There are: {there}.")
    frame = read_rtdose(dose_file).frame_uid if dose_file.suffix.lower() == ".dcm" else None
    if not same_frame and frame is not None and held.frame_uid is not None and frame != held.frame_uid:
        raise InputError(
            f"{dose_file} and {structures} lie in different frames of reference ({frame} and {held.frame_uid}): the "
            "dose belongs to another scan. Give dose and structures of one plan, or --same-frame if you know better."
        )
    volume = read_dose(dose_file)
    found = {ours: held.named(theirs) for ours, theirs in wanted.items()}
    names = {ours: item.name if ours == wanted[ours] else ours for ours, item in found.items()}
    return {names[ours]: structure_mask(item, fine_grid(item, volume.grid)) for ours, item in found.items()}


def read_dose(path: Path) -> Volume:
    """A dose in Gy on its own grid, from NIfTI, NRRD or RT Dose."""
    from glisson.imaging import read_image, read_rtdose

    if path.is_file() and path.suffix.lower() == ".dcm":
        return read_rtdose(path).dose
    return read_image(path)[0]


def write_dose(path: Path, volume: Volume, comment: str) -> None:
    """Write a dose: RT Dose where the name ends in .dcm, else an image file."""
    from glisson.imaging import write_rtdose, write_volume

    if path.suffix.lower() == ".dcm":
        write_rtdose(path, volume, comment=comment)
    else:
        write_volume(path, volume)


def show(found: dict[str, Any], as_json: bool) -> None:
    """A result as JSON, or a line for each entry; curves are for JSON alone."""
    if as_json:
        print_json(found)
        return
    for key, value in found.items():
        if key == "curve" or value in (None, [], {}, ()):
            continue
        inner = value.items() if isinstance(value, dict) else [("", value)]
        for name, item in inner:
            print(f"{key + (' ' + name if name else ''):<28}{text_of(item)}")


def text_of(value: object) -> str:
    """A value in a few characters."""
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        return "; ".join(text_of(item) for item in value)
    return "" if value is None else str(value)
