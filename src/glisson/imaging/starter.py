"""Beginning a case folder."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

from glisson.case import MaskFile, Masks, SegmentsFile, Study, Unknown, starter_yaml
from glisson.errors import InputError, OutputError
from glisson.geometry import Grid
from glisson.imaging.case_folder import CASE_FILE
from glisson.imaging.dicom_found import SEGMENTS, outlines_in
from glisson.imaging.dicom_headers import headers_in, stacks_of
from glisson.imaging.dicom_series import choose_stack
from glisson.imaging.names import LESIONS, canonical
from glisson.imaging.outlines import load_outline
from glisson.imaging.readers import read_raster
from glisson.scene import ImageFacts

__all__ = ["init_case"]

MODALITIES = ("CT", "MR")


def init_case(
    folder: Path | str,
    *,
    liver: Path | str | None = None,
    ct: Path | str | None = None,
    lesions: Path | str | Sequence[Path | str] = (),
    segments: Path | str | None = None,
    portal: Path | str | None = None,
    hepatic: Path | str | None = None,
    cava: Path | str | None = None,
    organs: Mapping[str, Path | str] | None = None,
    force: bool = False,
) -> Path:
    """Check that the files can be read and lie on the scan's lattice, then write FOLDER/case.yaml and return its path.

    Without a liver, the segmentations and structure sets among the slices of a DICOM folder `ct` give what they hold:
    liver, vessels, segments, lesions; what is given here goes before. Paths inside the case folder are written relative
    to it, others absolute. What the headers say of modality, date and phase is filled in; every clinical fact is left
    to fill in, and the outlines where there are none. Raises InputError where case.yaml exists and force is false and
    where there is neither scan nor liver, ImageError, FrameMismatch or SceneError for files that do not fit,
    OutputError where it cannot be written.
    """
    root = Path(folder)
    target = root / CASE_FILE
    if target.exists() and not force:
        raise InputError(f"{target} exists already. Edit it, or replace it with --force (force=True).")
    if liver is None and ct is None:
        raise InputError("A case begins with a scan, a liver mask or both; neither was given.")
    many = [lesions] if isinstance(lesions, (str, Path)) else list(lesions)
    if liver is None and ct is not None and Path(ct).is_dir():
        found = _found(Path(ct))
        liver, portal, hepatic, cava, segments = (
            next(iter(found.get(name, [])), None) if own is None else own
            for name, own in (
                ("liver", liver), ("portal", portal), ("hepatic", hepatic), ("cava", cava), (SEGMENTS, segments)
            )
        )  # fmt: skip
        many = many or [*found.get(LESIONS, [])]
    files = [p for p in [liver, portal, hepatic, cava, *many, segments, *(organs or {}).values()] if p is not None]
    image = Path(ct) if ct is not None else None
    facts = _checked(image, [Path(p) for p in files], None if liver is None else Path(liver), [Path(p) for p in many])

    def entry(path: Path | str | None) -> MaskFile | None:
        return None if path is None else MaskFile(_as_written(Path(path), root))

    masks = Masks(
        liver=entry(liver),
        portal=entry(portal),
        hepatic=entry(hepatic),
        cava=entry(cava),
        lesions=tuple(MaskFile(_as_written(Path(p), root)) for p in many),
        segments=None if segments is None else SegmentsFile(_as_written(Path(segments), root)),
        organs={_key(name): MaskFile(_as_written(Path(p), root)) for name, p in (organs or {}).items()},
    )
    study = _study(facts, None if ct is None else _as_written(Path(ct), root), masks)
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", root.resolve().name).strip("-.") or "case"
    text = starter_yaml(name, [study])
    try:
        root.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{CASE_FILE}.{os.getpid()}")
        part.write_text(text, encoding="utf-8")
        part.replace(target)
    except OSError as problem:
        raise OutputError(
            f"{target} was not written: {problem.strerror}. Choose a folder that can be written to."
        ) from problem
    return target


def _found(folder: Path) -> Mapping[str, list[Path]]:
    """What is outlined among the slices of a scan."""
    stack, _ = choose_stack(stacks_of(headers_in(folder)), folder)
    return outlines_in(folder, stack.first.frame_uid)


def _key(name: str) -> str:
    """An organ's name as case.yaml takes it: ours where we know it, else lower-case letters, digits and underscores."""
    return re.sub(r"[^a-z0-9_]+", "_", canonical(name))


def _checked(image: Path | None, files: list[Path], liver: Path | None, lesions: list[Path]) -> ImageFacts:
    raster = read_raster(image) if image is not None else None
    grid: Grid | None = raster.grid if raster else None
    for path in files:
        outline = load_outline(path, grid)
        grid = grid or outline.whole
        if path in lesions:
            outline.chosen(LESIONS, None, None, str(path))
        if path == liver and not outline.union(outline.chosen("liver", None, None, str(path))).count:
            raise InputError(
                f"The liver mask {path} is empty: no voxel is set. Give the mask in which the liver is outlined."
            )
    return raster.facts if raster else ImageFacts()


def _study(facts: ImageFacts, image: str | None, masks: Masks) -> Study:
    unknown = Unknown("the header of the scan does not say")
    return Study(
        id=f"{(facts.modality or 'scan').lower()}-1",
        date=date.fromisoformat(facts.date) if facts.date else unknown,
        modality=facts.modality if facts.modality in MODALITIES else unknown,
        phase=facts.phase or unknown,
        image=image,
        series_uid=facts.series_uid if image and facts.series_uid else None,
        masks=masks,
    )


def _as_written(path: Path, root: Path) -> str:
    whole, home = path.resolve(), root.resolve()
    return whole.relative_to(home).as_posix() if whole.is_relative_to(home) else str(whole)
