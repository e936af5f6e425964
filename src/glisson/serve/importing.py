"""From uploaded files to a case folder: archives unpacked, files told apart, a case.yaml where none was given."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glisson.case import CASE_FILE, Study, Unknown, dump_case, load_case, starter_yaml
from glisson.errors import ImageError, InputError
from glisson.serve.archives import UnpackLimits, is_archive, safe_path, unpack
from glisson.serve.confine import refuse_outside
from glisson.serve.files import refuse_links, walk

if TYPE_CHECKING:
    from glisson.imaging.pacs import Node

__all__ = ["FILES", "MANIFEST", "ROLES", "assemble", "assemble_study"]

Progress = Callable[[str, float], None]
MANIFEST = "upload.json"
"""What is said of each uploaded file: a list of {path, name, role}."""
FILES = "files"
"""Folder of the uploaded files below that of the upload."""
ROLES = ("ct", "liver", "lesions", "portal", "hepatic", "cava", "segments", "facts", "auto")
"""What a person may say that a file is; also organ:NAME. auto: outline the liver on this scan."""
MASKS = ("liver", "portal", "hepatic", "cava", "segments")
"""Roles of which a case has one outline."""
IMAGES = (".nii.gz", ".nii", ".nrrd", ".mha")
SCAN_NAMES = ("ct", "mr", "mri", "scan", "image", "volume")
IGNORED = ("dicomdir", "thumbs.db", ".ds_store", "desktop.ini")
ONE_SCAN = (
    "A case has one scan here: leave the others out, or say by their role which outlines they are. For scans of "
    "several dates import a case folder that names each."
)
MOST_LABELS = 128
"""Distinct values that an outline may hold: one for each of the 117 structures of the largest segmenter, and some."""
SAMPLED = 61
"""Every so many-th voxel tells most scans from outlines; a prime, so that no row or column is met again and again."""
UNREVIEWED = "The liver was outlined automatically at import and nobody has reviewed it."
NO_LESIONS = "No lesion was outlined at import. That is no evidence that there is none."


@dataclass
class _Sorted:
    """What the files are. scans: NIfTI and the like; slices: DICOM files of any kind."""

    scans: list[Path] = field(default_factory=list)
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


def assemble_study(node: Node, study: str, staging: Path, case_id: str, progress: Progress) -> str:
    """Make the folder staging/case from a study of an archive. Raises InputError and what fetching raises."""
    from glisson.imaging.pacs import fetch_study, open_archive

    raw = staging / "raw"
    raw.mkdir()
    progress("Asking the archive", 0.0)
    fetch_study(open_archive(node), study, raw, progress=lambda words, share: progress(words, 0.4 * share))
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
    if not found.scans and not found.slices and len(loose) == 1:
        found.scans = loose
    elif loose:
        raise InputError(
            f"It is not clear what these files are: {_names(loose)}. Say it by their role, or name them after it."
        )
    _refuse_two_scans(found)
    _refuse_two_patients(found.slices)
    if not (found.scans or found.slices or found.masks or found.facts or found.bundle):
        names = ", ".join(found.unknown[:5]) or "no files"
        raise InputError(f"No scan, mask or facts were found among the files ({names}).")
    return found


def _refuse_two_scans(found: _Sorted) -> None:
    """Which of two scans is the case's nobody but a person can say."""
    if len(found.scans) > 1:
        raise InputError(f"The import holds {len(found.scans)} scans: {_names(found.scans)}. {ONE_SCAN}")
    if found.scans and found.slices:
        raise InputError(
            f"The import holds both {found.scans[0].name} as the scan and {len(found.slices)} DICOM files. {ONE_SCAN}"
        )


def _refuse_two_patients(files: list[Path]) -> None:
    """Slices of two people in one folder would be one case of a person that there is not."""
    import warnings

    from pydicom import dcmread

    numbers = set()
    for path in files:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                data = dcmread(path, specific_tags=["PatientID"], stop_before_pixels=True, force=True)
                numbers.add(str(data.get("PatientID") or "").strip())
        except Exception:  # what is wrong with the file, its reader says
            continue
    if len(numbers - {""}) > 1:
        raise InputError(
            f"The DICOM files are of {len(numbers - {''})} patients (PatientID). Import one patient at a time."
        )


def _names(paths: list[Path]) -> str:
    return ", ".join(path.name for path in paths[:5]) + (" ..." if len(paths) > 5 else "")


def _sort_one(found: _Sorted, path: Path, role: str, loose: list[Path]) -> None:
    from glisson.imaging import canonical
    from glisson.scene import STRUCTURES

    stem = path.name.lower().partition(".")[0]
    what = role or ("ct" if stem in SCAN_NAMES else canonical(stem))
    if what in ("ct", "auto"):
        (found.slices if _is_dicom(path) else found.scans).append(path)
    elif what == "facts":
        if path.suffix.lower() == ".json":
            found.bundle = _only(found.bundle, path)
        else:
            found.facts = _only(found.facts, path)
    elif what == "lesions":
        found.lesions.append(path)
    elif what in MASKS:
        _keep_one(found.masks, what, path)
    elif what.startswith("organ:") or what in STRUCTURES:
        _keep_one(found.organs, what.removeprefix("organ:"), path)
    else:
        loose.append(path)


def _keep_one(held: dict[str, Path], what: str, path: Path) -> None:
    if what in held:
        raise InputError(
            f"The import holds two outlines of one structure ({what}): {held[what].name} and {path.name}. Leave one "
            "out, or say by its role what it is."
        )
    held[what] = path


def _only(earlier: Path | None, path: Path) -> Path:
    if earlier is not None:
        raise InputError(f"The import holds both {earlier.name} and {path.name}. Import one file of facts at a time.")
    return path


def _is_dicom(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM" or path.suffix.lower() in (".dcm", ".ima")


def _make_case(found: _Sorted, staging: Path, case_id: str, progress: Progress) -> str:
    """The case folder with its files under plain names, and the case.yaml that names them."""
    folder = staging / "case"
    folder.mkdir()
    for path in found.scans:
        progress("Reading the scan", 0.36)
        _refuse_outline(path)
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
        from glisson.exchange.fhir_import_write import import_fhir

        progress("Reading the FHIR bundle", 0.8)
        import_fhir(found.bundle, folder)
    words += ["facts"] if found.facts else []
    words += ["FHIR bundle"] if found.bundle else []
    words += [f"{len(found.unknown)} files left out"] if found.unknown else []
    return "imported: " + ", ".join(words)


def _refuse_outline(path: Path) -> None:
    """Raise InputError where a file that would be the scan holds few whole numbers from 0 on, as outlines do."""
    import numpy as np

    from glisson.imaging import read_image

    data = read_image(path)[0].data
    sample = data.ravel(order="K")[::SAMPLED]
    if len(np.unique(sample)) > MOST_LABELS or sample.min() < 0:
        return
    values = np.unique(data)
    if len(values) <= MOST_LABELS and values[0] >= 0 and np.array_equal(values, np.round(values)):
        raise InputError(
            f"{path.name} looks like an outline, not a scan: it holds {len(values)} different values, "
            f"{values[0]:g} to {values[-1]:g}. Say by its role what it outlines, and add the scan."
        )


def _placed_scan(found: _Sorted, folder: Path) -> Path | None:
    if found.scans:
        return _placed(found.scans[0], folder, "scan")
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

    if scan is not None and scan.is_dir():
        masks, lesions = _with_dicom_outlines(scan, masks, lesions)
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


def _with_dicom_outlines(scan: Path, masks: dict[str, Path], lesions: list[Path]) -> tuple[dict[str, Path], list[Path]]:
    """What is given, and beside it what segmentations and structure sets among the slices outline."""
    from glisson.imaging.dicom_found import outlines_in
    from glisson.imaging.dicom_headers import headers_in, stacks_of
    from glisson.imaging.dicom_series import choose_stack

    stack, _ = choose_stack(stacks_of(headers_in(scan)), scan)
    found = outlines_in(scan, stack.first.frame_uid)
    beside = {name: paths[0] for name, paths in found.items() if name in MASKS}
    return {**beside, **masks}, lesions or found.get("lesions", [])


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
