"""From uploaded files to a case folder: archives unpacked, files told apart, a case.yaml where none was given."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

from glisson.case import CASE_FILE, Study, Unknown, dump_case, load_case, starter_yaml
from glisson.errors import ImageError, InputError
from glisson.serve.archives import UnpackLimits, is_archive, safe_path, unpack
from glisson.serve.confine import refuse_outside
from glisson.serve.files import refuse_links, walk

__all__ = ["FILES", "MANIFEST", "ROLES", "assemble", "assemble_study"]

Progress = Callable[[str, float], None]
MANIFEST = "upload.json"
"""What is said of each uploaded file: a list of {path, name, role}."""
FILES = "files"
"""Folder of the uploaded files below that of the upload."""
ROLES = ("ct", "liver", "lesions", "portal", "hepatic", "cava", "segments", "facts", "auto")
"""What a person may say that a file is; also organ:NAME. auto: outline the liver on this scan."""
IMAGES = (".nii.gz", ".nii", ".nrrd", ".mha")
SCAN_NAMES = ("ct", "mr", "mri", "scan", "image", "volume")
IGNORED = ("dicomdir", "thumbs.db", ".ds_store", "desktop.ini")
UNREVIEWED = "The liver was outlined automatically at import and nobody has reviewed it."
NO_LESIONS = "No lesion was outlined at import. That is no evidence that there is none."


@dataclass
class _Sorted:
    """What the files are. scans: NIfTI and the like, or the folder of the DICOM files."""

    scan: Path | None = None
    auto: bool = False
    masks: dict[str, Path] = field(default_factory=dict)
    lesions: list[Path] = field(default_factory=list)
    organs: dict[str, Path] = field(default_factory=dict)
    facts: Path | None = None
    bundle: Path | None = None
    slices: list[Path] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


def assemble(upload: Path, staging: Path, case_id: str, limits: Mapping[str, Any], progress: Progress) -> str:
    """Make the folder staging/case from an upload; gives back in words what was imported.

    Raises InputError for files that no case can be made of, links, bombs and paths that leave the case; CaseError for
    facts that do not fit; ImageError for scans and masks that cannot be read or do not fit together.
    """
    files = json.loads((upload / MANIFEST).read_text(encoding="utf-8"))
    raw = staging / "raw"
    raw.mkdir()
    allowed = UnpackLimits(limits["unpacked_bytes"], limits["unpacked_files"], limits["archive_ratio"])
    roles: dict[Path, str] = {}
    for number, one in enumerate(files):
        progress("Unpacking", 0.3 * number / len(files))
        source = upload / FILES / safe_path(one["path"])
        target = raw / f"{number:05d}"
        if is_archive(source.name):
            target.mkdir()
            written = unpack(source, target, allowed)
            allowed = replace(allowed, total_bytes=allowed.total_bytes - written)
        else:
            place = raw / "files" / safe_path(one["path"])
            place.parent.mkdir(parents=True, exist_ok=True)
            place.hardlink_to(source)
            roles[place] = _known_role(one["role"])
    refuse_links(raw)
    progress("Sorting the files", 0.35)
    given = [path for path in walk(raw) if path.name == CASE_FILE and roles.get(path, "") == ""]
    if given:
        return _take_case(given, staging)
    return _make_case(_sorted(raw, roles), staging, case_id, progress)


def assemble_study(url: str, study: str, staging: Path, case_id: str, progress: Progress) -> str:
    """Make the folder staging/case from a study of an archive. Raises InputError and what fetching raises."""
    from glisson.imaging.pacs import fetch_study, node_at, open_archive

    raw = staging / "raw"
    raw.mkdir()
    progress("Asking the archive", 0.0)
    fetch_study(open_archive(node_at(url)), study, raw, progress=lambda words, share: progress(words, 0.4 * share))
    return _make_case(_sorted(raw, {}), staging, case_id, progress)


def _known_role(role: str) -> str:
    if role and role not in ROLES and not role.startswith("organ:"):
        raise InputError(f"The role {role[:40]!r} is not known. Roles: {', '.join(ROLES)}, organ:NAME.")
    return role


def _take_case(given: list[Path], staging: Path) -> str:
    """A case folder that came whole."""
    if len(given) > 1:
        raise InputError(f"The import holds {len(given)} case files ({CASE_FILE}). Import one case at a time.")
    folder = given[0].parent
    refuse_outside(folder)
    shutil.move(folder, staging / "case")
    return "imported: a case folder"


def _sorted(raw: Path, roles: Mapping[Path, str]) -> _Sorted:
    found = _Sorted()
    loose: list[Path] = []
    for path in walk(raw):
        role, name = roles.get(path, ""), path.name.lower()
        if role or name.endswith(IMAGES):
            _sort_one(found, path, role, loose)
        elif name.endswith((".yaml", ".yml")):
            found.facts = _only(found.facts, path)
        elif name.endswith(".json"):
            found.bundle = _only(found.bundle, path)
        elif _is_dicom(path):
            found.slices.append(path)
        elif name not in IGNORED:
            found.unknown.append(path.name)
    if found.scan is None and not found.slices and len(loose) == 1:
        found.scan = loose[0]
    elif loose:
        names = ", ".join(path.name for path in loose[:5])
        raise InputError(f"It is not clear what these files are: {names}. Say it by their role, or name them after it.")
    if not (found.scan or found.slices or found.masks or found.facts or found.bundle):
        names = ", ".join(found.unknown[:5]) or "no files"
        raise InputError(f"No scan, mask or facts were found among the files ({names}).")
    return found


def _sort_one(found: _Sorted, path: Path, role: str, loose: list[Path]) -> None:
    from glisson.imaging import canonical
    from glisson.scene import STRUCTURES

    stem = path.name.lower().partition(".")[0]
    what = role or ("ct" if stem in SCAN_NAMES else canonical(stem))
    if what in ("ct", "auto"):
        if _is_dicom(path):
            found.slices.append(path)
        else:
            found.scan = path
        found.auto = found.auto or what == "auto"
    elif what == "facts":
        if path.suffix.lower() == ".json":
            found.bundle = _only(found.bundle, path)
        else:
            found.facts = _only(found.facts, path)
    elif what == "lesions":
        found.lesions.append(path)
    elif what in ("liver", "portal", "hepatic", "cava", "segments"):
        found.masks[what] = path
    elif what.startswith("organ:"):
        found.organs[what.removeprefix("organ:")] = path
    elif what in STRUCTURES:
        found.organs[what] = path
    else:
        loose.append(path)


def _only(earlier: Path | None, path: Path) -> Path:
    if earlier is not None:
        raise InputError(f"The import holds both {earlier.name} and {path.name}. Import one file of facts at a time.")
    return path


def _is_dicom(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM" or path.suffix.lower() in (".dcm", ".ima")


def _make_case(found: _Sorted, staging: Path, case_id: str, progress: Progress) -> str:
    """The case folder with its files under plain names, and the case.yaml that names them."""
    from glisson.exchange.fhir_import_write import import_fhir

    folder = staging / "case"
    folder.mkdir()
    scan = _placed_scan(found, folder)
    masks = {name: _placed(path, folder, name) for name, path in sorted(found.masks.items())}
    lesions = [
        _placed(path, folder, "lesions" if len(found.lesions) == 1 else f"lesion-{n}")
        for n, path in enumerate(sorted(found.lesions), 1)
    ]
    organs = {
        name: _placed(path, folder, f"organ-{n}") for n, (name, path) in enumerate(sorted(found.organs.items()), 1)
    }
    studies: list[Study] = []
    words = []
    if scan is not None or masks:
        progress("Reading scan and masks", 0.4)
        studies = [_study(folder, scan, masks, lesions, organs, progress)]
        words.append(f"{'scan' if scan else 'no scan'}, {len(masks) + len(lesions) + len(organs)} outlines")
    elif lesions or organs:
        raise InputError("The import has outlines but neither a scan nor a liver mask. Add one of them.")
    name = f"case-{case_id[:8]}"
    (folder / CASE_FILE).write_text(_facts(found, studies, name), encoding="utf-8")
    if found.bundle is not None:
        progress("Reading the FHIR bundle", 0.8)
        import_fhir(found.bundle, folder)
    words += ["facts"] if found.facts else []
    words += ["FHIR bundle"] if found.bundle else []
    words += [f"{len(found.unknown)} files left out"] if found.unknown else []
    return "imported: " + ", ".join(words)


def _placed_scan(found: _Sorted, folder: Path) -> Path | None:
    if found.scan is not None:
        return _placed(found.scan, folder, "scan")
    if not found.slices:
        return None
    home = folder / "dicom"
    home.mkdir()
    for number, path in enumerate(found.slices):
        path.rename(home / f"{number:06d}.dcm")
    return home


def _placed(path: Path, folder: Path, name: str) -> Path:
    """The file within the case under a name that says what it is, with its own ending."""
    ending = next((e for e in IMAGES if path.name.lower().endswith(e)), path.suffix.lower())
    return path.rename(folder / f"{name}{ending}")


def _study(
    folder: Path, scan: Path | None, masks: dict[str, Path], lesions: list[Path], organs: dict[str, Path],
    progress: Progress,
) -> Study:  # fmt: skip
    """The study that case.yaml names; where a scan came without a liver, it is outlined if that can be done."""
    from glisson.imaging import init_case

    automatic = scan is not None and "liver" not in masks and _outlined(scan, folder, progress)
    if automatic:
        masks = {**masks, "liver": folder / "liver.nii.gz"}
    if "liver" not in masks:
        assert scan is not None
        return _bare(folder, scan)
    path = init_case(folder, ct=scan, lesions=lesions, organs=organs, **masks)  # type: ignore[arg-type]
    study = load_case(path).studies[0]
    if automatic:
        study = replace(study, masks=replace(study.masks, reviewed_by=Unknown(UNREVIEWED)))
    if not lesions:
        study = replace(study, masks=replace(study.masks, complete=Unknown(NO_LESIONS)))
    return study


def _outlined(scan: Path, folder: Path, progress: Progress) -> bool:
    """Outline the liver where the scan allows it; where it does not, the person is told what is missing."""
    from glisson.anatomy.segment_liver import segment_liver
    from glisson.imaging import read_image, write_mask

    progress("Outlining the liver", 0.5)
    volume, facts = read_image(scan)
    if facts.modality not in (None, "CT"):
        return False
    try:
        mask = segment_liver(volume).mask
    except ImageError:
        return False
    write_mask(folder / "liver.nii.gz", mask, volume.grid)
    return True


def _bare(folder: Path, scan: Path) -> Study:
    """A study of a scan without outlines."""
    from glisson.imaging import read_image

    _, facts = read_image(scan)
    silent = Unknown("the header of the scan does not say")
    return Study(
        id=f"{(facts.modality or 'scan').lower()}-1",
        date=date.fromisoformat(facts.date) if facts.date else silent,
        modality=facts.modality if facts.modality in ("CT", "MR") else silent,
        phase=facts.phase or silent,
        image=scan.relative_to(folder).as_posix(),
        series_uid=facts.series_uid,
    )


def _facts(found: _Sorted, studies: list[Study], name: str) -> str:
    """The text of case.yaml: the facts that came, with the studies of the files that came; else one to fill in."""
    if found.facts is None:
        return starter_yaml(name, studies)
    case = load_case(found.facts)
    if studies and case.studies:
        raise InputError("The facts name scans of their own. Import them as a case folder, or leave their studies out.")
    return dump_case(replace(case, studies=tuple(studies))) if studies else found.facts.read_text(encoding="utf-8-sig")
