"""A case folder to a case and a scene, and the check that lists everything wrong at once."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from glisson.case import Case, Study, is_known, load_case
from glisson.errors import CaseError, GlissonError, SceneError
from glisson.geometry import Labels, Mask, Volume
from glisson.imaging.gather import Gathering, Wanted, files_by_name, names_for
from glisson.imaging.lesion_masks import lesions_from
from glisson.imaging.names import LESIONS, SEGMENT, canonical
from glisson.imaging.outlines import Outline
from glisson.imaging.provenance import fingerprint
from glisson.imaging.radiation_files import with_radiation
from glisson.imaging.raster import Raster
from glisson.imaging.readers import read_raster
from glisson.scene import STRUCTURES, ImageFacts, LesionMask, Notice, Scene

__all__ = ["CASE_FILE", "check_case", "read_case"]

CASE_FILE = "case.yaml"
SINGLE = ("liver", "portal", "hepatic", "cava", "artery", "gallbladder", "bile_ducts")
SEGMENT_NUMBERS = {"I": 1, "II": 2, "III": 3, "IV": 4, "IVa": 4, "IVb": 4, "V": 5, "VI": 6, "VII": 7, "VIII": 8}
Lesions = list[tuple[Outline, int | None]]


def read_case(folder: Path | str) -> tuple[Case, Scene | None]:
    """Read FOLDER/case.yaml and build the scene of its last study (by date) that has an image or masks.

    Earlier dated studies with outlines of liver and lesions are the scene's `earlier`. The scene is None where no study
    has any files. Raises CaseError, ImageError (DicomError), FrameMismatch or SceneError at the first problem.
    """
    root = Path(folder)
    case = load_case(root / CASE_FILE)
    studies = _usable_studies(case)
    if not studies:
        return case, None
    scene, _ = _build(root, case, studies[-1], strict=True)
    if scene is None:
        return case, None
    before, left_out = _earlier(studies)
    earlier = [_build(root, case, study, strict=True)[0] for study in before]
    scene = with_radiation(root, case, scene)
    return case, replace(scene, earlier=tuple(s for s in earlier if s is not None), notices=(*scene.notices, *left_out))


def _earlier(studies: list[Study]) -> tuple[list[Study], list[Notice]]:
    """The studies before the last that can be compared with it, and what is said of the others."""
    kept, notices = [], []
    for study in studies[:-1]:
        if is_known(study.date) and (study.masks.liver is not None or study.masks.multilabel is not None):
            kept.append(study)
            continue
        why = "its day is not known" if not is_known(study.date) else "it has no liver mask"
        text = f"Study '{study.id}' is not compared with the last one: {why}."
        notices.append(Notice("warning", "study-not-compared", text, study.id))
    return kept, notices


def check_case(folder: Path | str) -> tuple[Notice, ...]:
    """Everything wrong, missing or notable about a case folder, without stopping at the first or raising."""
    root = Path(folder)
    try:
        case = load_case(root / CASE_FILE)
    except GlissonError as refusal:
        return (Notice("error", type(refusal).__name__, str(refusal), CASE_FILE),)
    study = _last_study(case)
    if study is None:
        return (
            Notice(
                "warning",
                "no-scan",
                "No study has a scan or masks: only what the facts alone allow can be said.",
                CASE_FILE,
            ),
        )
    scene, notices = _build(root, case, study, strict=False)
    return notices + _gaps(case, study) + _radiation_problems(root, case, scene)


def _radiation_problems(root: Path, case: Case, scene: Scene | None) -> tuple[Notice, ...]:
    """What is wrong with the files of courses of radiation, each course by itself."""
    found: list[Notice] = []
    if scene is None:
        return ()
    for course in case.radiation:
        try:
            alone = with_radiation(root, replace(case, radiation=(course,)), replace(scene, notices=(), sources=()))
            found += alone.notices
        except GlissonError as refusal:
            found.append(Notice("error", type(refusal).__name__, str(refusal), course.id))
    return tuple(found)


def _gaps(case: Case, study: Study) -> tuple[Notice, ...]:
    missing = [name for name in ("portal", "hepatic", "segments") if getattr(study.masks, name) is None]
    result = []
    if study.masks.multilabel is None and missing:
        text = f"No outline of {', '.join(missing)}: what depends on it is not assessed or is estimated."
        result.append(Notice("warning", "outlines-missing", text, study.id))
    if not study.image:
        result.append(
            Notice(
                "warning",
                "no-image",
                "No scan is given, only outlines: pictures show no anatomy around them.",
                study.id,
            )
        )
    if not is_known(study.masks.reviewed_by):
        result.append(
            Notice("info", "outlines-unreviewed", "The case does not say who reviewed the outlines.", study.id)
        )
    if not is_known(case.liver.background):
        result.append(
            Notice(
                "warning",
                "background-unknown",
                "The liver background is not known; it sets the remnant that is needed.",
                "liver",
            )
        )
    return tuple(result)


def _last_study(case: Case) -> Study | None:
    """The study that is planned on: the last of those with files."""
    studies = _usable_studies(case)
    return studies[-1] if studies else None


def _usable_studies(case: Case) -> list[Study]:
    """The studies that have files by date; undated ones come before dated ones, in the order given."""
    usable = [s for s in case.studies if s.image or _wanted(Path(), s) or s.masks.multilabel or s.masks.segments]
    dated = sorted(
        enumerate(usable), key=lambda p: (is_known(p[1].date), str(p[1].date) if is_known(p[1].date) else "", p[0])
    )
    return [study for _, study in dated]


def _wanted(root: Path, study: Study) -> list[Wanted]:
    masks = study.masks
    named = [(name, getattr(masks, name)) for name in SINGLE] + [(_organ(name), m) for name, m in masks.organs.items()]
    named += [(LESIONS, item) for item in masks.lesions]
    return [Wanted(name, m.file, root / m.file, m.label, m.resample, m.segment) for name, m in named if m is not None]


def _organ(name: str) -> str:
    """Our name for an organ that the case names: `right kidney` is kidney_right; an unknown name stays as it is."""
    return canonical(name) if canonical(name) in STRUCTURES else name


def _build(root: Path, case: Case, study: Study, strict: bool) -> tuple[Scene | None, tuple[Notice, ...]]:
    gathering = Gathering(strict)
    image = _image(root, study, gathering)
    wanted = _wanted(root, study)
    own = {
        f.id: Wanted(LESIONS, f.mask.file, root / f.mask.file, f.mask.label, f.mask.resample, f.mask.segment)
        for f in case.lesions
        if f.mask and study == _last_study(case)
    }
    extra = _extra(root, study, gathering)
    everything = [*wanted, *own.values(), *extra]
    if not everything:
        gathering.attempt(study.id, lambda: _no_masks(study))
        return None, tuple(gathering.notices)
    loaded = gathering.load(everything)
    for w in wanted:
        if w.role != LESIONS and w.path in loaded:
            gathering.attempt(w.role, partial(_add, gathering, w, loaded[w.path]))
    _segments(root, study, gathering, loaded)
    lesions = _lesions(gathering, wanted, loaded)
    lesions += _many(root, study, gathering, loaded, extra, image.facts.modality if image else None)
    drawn = {i: gathering.attempt(i, partial(_drawn, w, loaded[w.path])) for i, w in own.items() if w.path in loaded}
    mine = [LesionMask(i, mask, own[i].given) for i, mask in drawn.items() if mask is not None]
    hollow = [m.id for m in mine if m.mask.is_empty]
    gathering.notices += [
        Notice("warning", "lesion-file-empty", f"The file of lesion {i} outlines nothing.", i) for i in hollow
    ]
    mine = [m for m in mine if not m.mask.is_empty]
    numbered, said = lesions_from(lesions, study.masks.keep_labels, own)
    gathering.notices += [n for n in said if not (n.code == "no-lesions" and mine)]
    scene = gathering.attempt(study.id, lambda: _scene(gathering, image, study, (*numbered, *mine)))
    return scene, tuple(gathering.notices)


def _drawn(wanted: Wanted, outline: Outline) -> Mask:
    return outline.union(wanted.labels_of(outline))


def _add(gathering: Gathering, wanted: Wanted, outline: Outline) -> None:
    gathering.add(wanted.role, _drawn(wanted, outline), wanted.given)


def _lesions(gathering: Gathering, wanted: list[Wanted], loaded: dict[Path, Outline]) -> Lesions:
    """The files of lesions and their labels; each segment of a DICOM segmentation stands for itself."""
    found: Lesions = []
    for w in wanted:
        if w.role != LESIONS or w.path not in loaded:
            continue
        outline = loaded[w.path]
        if not outline.roles and w.segment is None:
            found.append((outline, w.label))
            continue
        found += [(outline, label) for label in gathering.attempt(w.given, partial(w.labels_of, outline)) or ()]
    return found


def _no_masks(study: Study) -> None:
    raise SceneError(
        f"Study '{study.id}' has a scan but no outlines. Add at least a liver mask (masks: liver: FILE in {CASE_FILE})."
    )


def _image(root: Path, study: Study, gathering: Gathering) -> Raster | None:
    if not study.image:
        return None
    path = root / study.image
    raster = gathering.attempt(study.image, lambda: read_raster(path, study.series_uid))
    if raster is not None:
        gathering.grid, gathering.frame_uid = raster.grid, raster.facts.frame_uid
        gathering.notices.extend(raster.notices)
        gathering.sources.append(fingerprint("image", path, study.image))
        if raster.data.dtype.kind == "f" and not np.isfinite(raster.data).all():
            gathering.notices.append(
                Notice("warning", "image-not-finite", "The scan holds voxels that are not numbers.", study.image)
            )
    return raster


def _extra(root: Path, study: Study, gathering: Gathering) -> list[Wanted]:
    """The segment file and the multi-label file, or the files of a folder given in its place."""
    result = []
    if study.masks.segments:
        m = study.masks.segments
        result.append(Wanted("segments", m.file, root / m.file, None, m.resample))
    many = study.masks.multilabel
    if many and (root / many.file).is_dir():
        found = gathering.attempt(many.file, lambda: files_by_name(root / many.file)) or {}
        for name, paths in found.items():
            result += [Wanted(name, f"{many.file}/{p.name}", p, None, many.resample) for p in paths]
    elif many:
        result.append(Wanted("multilabel", many.file, root / many.file, None, many.resample))
    return result


def _segments(root: Path, study: Study, gathering: Gathering, loaded: dict[Path, Outline]) -> None:
    given = study.masks.segments
    if given is None or root / given.file not in loaded:
        return
    outline = loaded[root / given.file]
    if outline.roles and given.values is None:
        named = {n: int(r[len(SEGMENT) :]) for n, r in outline.roles.items() if r.startswith(SEGMENT)}
        pieces = {number: outline.union(n for n in named if named[n] == number) for number in set(named.values())}
        gathering.add_segments({number: mask for number, mask in pieces.items() if not mask.is_empty})
        gathering.unite_halves(outline.names[n] for n in named)
        if pieces:
            return
    table = {k: SEGMENT_NUMBERS[v] for k, v in given.values.items()} if given.values else {n: n for n in range(1, 9)}
    strange = [v for v in outline.values if v not in table]
    if strange:

        def refuse() -> None:
            raise SceneError(
                f"{given.file}: the segment map holds the labels {', '.join(map(str, strange[:12]))}, but only "
                f"{', '.join(map(str, table))} have a meaning. "
                "Say which label is which segment (`values:` beside the file)."
            )

        gathering.attempt(given.file, refuse)  # fmt: skip
        return
    if not outline.values:
        gathering.notices.append(
            Notice("warning", "mask-empty", f"The segment map {given.file} is empty and was left out.", "segments")
        )
        return
    gathering.unite_halves(f"segment {v}" for k, v in (given.values or {}).items() if k in outline.values)
    lookup = np.zeros(max(table) + 1, np.uint8)
    lookup[list(table)] = list(table.values())
    gathering.segments = Labels(lookup[outline.labels.data], outline.labels.grid)


def _many(
    root: Path,
    study: Study,
    gathering: Gathering,
    loaded: dict[Path, Outline],
    extra: list[Wanted],
    modality: str | None,
) -> Lesions:
    """Structures and segments of the multi-label file or folder; returns its lesions."""
    many = study.masks.multilabel
    lesions: Lesions = []
    if many is None:
        return lesions
    file = root / many.file
    if file in loaded:
        said = study.modality if is_known(study.modality) else modality
        table = names_for(many.names, str(said) if said else None, loaded[file])
        return gathering.attempt(many.file, lambda: gathering.add_multilabel(loaded[file], table, many.file)) or []
    united: dict[str, list[Wanted]] = {}
    for w in extra:
        if w.path not in loaded or w.role == "segments":
            continue
        if w.role == LESIONS:
            lesions.append((loaded[w.path], None))
        elif w.role not in gathering.structures:
            united.setdefault(w.role, []).append(w)
    named = {name: parts for name, parts in united.items() if name.startswith(SEGMENT)}
    pieces = {int(name[len(SEGMENT) :]): _union(gathering, loaded, parts) for name, parts in named.items()}
    gathering.add_segments({n: m for n, m in pieces.items() if not m.is_empty})
    gathering.unite_halves(w.path.name.partition(".")[0] for parts in named.values() for w in parts)
    for name, parts in united.items():
        if name not in named:
            gathering.attempt(name, partial(gathering.add, name, _union(gathering, loaded, parts), parts[0].given))
    return lesions


def _union(gathering: Gathering, loaded: dict[Path, Outline], parts: list[Wanted]) -> Mask:
    masks = [loaded[w.path].mask() for w in parts]
    if len(masks) == 1 or gathering.grid is None:
        return masks[0]
    whole = np.zeros(gathering.grid.shape, np.bool_)
    for mask in masks:
        whole |= mask.on(gathering.grid)
    return Mask(whole, gathering.grid).trimmed()


def _scene(gathering: Gathering, image: Raster | None, study: Study, lesions: tuple[LesionMask, ...]) -> Scene:
    if gathering.grid is None:
        raise CaseError(f"No file of study '{study.id}' could be read.")
    facts = image.facts if image else ImageFacts()
    if facts.modality is None and is_known(study.modality):
        facts = replace(facts, modality=str(study.modality))
    if facts.date is None and is_known(study.date):
        facts = replace(facts, date=str(study.date))
    if facts.phase is None and is_known(study.phase):
        facts = replace(facts, phase=str(study.phase))
    return Scene(
        grid=gathering.grid,
        structures=gathering.structures,
        image=Volume(image.data, image.grid) if image else None,
        lesions=lesions,
        segments=gathering.segments,
        facts=facts,
        notices=tuple(gathering.notices),
        sources=tuple(gathering.sources),
        study=study.id,
    )
