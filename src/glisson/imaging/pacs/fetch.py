"""A series, or several, from an archive into a case folder: whole or not at all, and continued where it stopped."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from glisson.errors import DicomError, InputError, OutputError, PacsError
from glisson.imaging.dicom_headers import Stack, headers_in
from glisson.imaging.dicom_series import choose_stack
from glisson.imaging.pacs.archive import Archive, SeriesEntry, patiently, valid_uid
from glisson.imaging.pacs.keeping import held_alone, place, read_instance, sync, whole_files

__all__ = ["DICOM_FOLDER", "Fetched", "fetch_study"]

DICOM_FOLDER = "dicom"
"""Where a case folder keeps the images of its studies: dicom/STUDY/SERIES/INSTANCE.dcm."""

VOLUMES = ("CT", "MR")
READY = "ready"

MOST_OF_A_SERIES = 0.9
"""When more than this share is missing, the whole series is asked for: not every archive gives images by a list."""

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Fetched:
    """What was fetched: the folders of the series in the case, why these, and what else the study holds."""

    folders: tuple[Path, ...]
    why: str
    series: tuple[SeriesEntry, ...]
    left: tuple[SeriesEntry, ...]
    images: int
    already: bool = False


def fetch_study(
    archive: Archive, study: str, case: Path, *, series: Iterable[str] = (), progress: Progress | None = None
) -> Fetched:
    """Fetch series of a study into CASE/dicom/STUDY/SERIES; without names, the CT or MR that `choose_stack` would read.

    Everything is gathered in a hidden folder of the case first and checked against what the archive lists and counts;
    a fetch that stopped is continued there. Series appear in the case when all of them are whole. What the case holds
    already is never overwritten. Raises PacsError, InputError (no such study or series) or OutputError.
    """
    study = valid_uid(study, "--study")
    wanted = [valid_uid(uid, "--series") for uid in series]
    say = progress or (lambda _words, _share: None)
    staging = case / f".fetching-{study}"
    say("Asking for the series", 0.0)
    listed = patiently(archive.node, lambda: archive.series_of(study))
    if not listed:
        raise InputError(f"{archive.node.address} has no study {study}. Look it up with: glisson find --from URL …")
    with held_alone(staging, "a fetch of this study"):
        _unready(staging)
        chosen, why = _chosen(archive, study, listed, wanted, staging, say)
        done = _series_of_case(case, study, chosen)
        for number, entry in enumerate(chosen):
            if entry.uid not in done:
                share = partial(_share, say, number, len(chosen))
                done[entry.uid] = _fetch_series(archive, study, entry, staging / entry.uid, share)
        moved = _move(staging, case, study, chosen)
    shutil.rmtree(staging, ignore_errors=True)
    left = tuple(entry for entry in listed if entry not in chosen)
    folders = tuple(case / DICOM_FOLDER / study / entry.uid for entry in chosen)
    return Fetched(folders, why, tuple(chosen), left, sum(done.values()), already=not moved)


def _unready(staging: Path) -> None:
    """Undo a move into place that was cut off before anything appeared."""
    if (staging / READY).exists():
        for folder in sorted((staging / READY).iterdir()):
            folder.rename(staging / folder.name)
        (staging / READY).rmdir()


def _share(say: Progress, number: int, count: int, words: str, share: float) -> None:
    say(words, 0.1 + 0.85 * (number + share) / count)


def _chosen(
    archive: Archive, study: str, listed: tuple[SeriesEntry, ...], wanted: list[str], staging: Path, say: Progress
) -> tuple[list[SeriesEntry], str]:
    by_uid = {entry.uid: entry for entry in listed}
    strangers = [uid for uid in wanted if uid not in by_uid]
    if strangers:
        raise InputError(f"The study holds no series {strangers[0]}. It holds:\n{_listing(listed)}")
    if wanted:
        return [by_uid[uid] for uid in dict.fromkeys(wanted)], "asked for by its series UID"
    volumes = [entry for entry in listed if entry.modality in VOLUMES and entry.instances != 1]
    if not volumes:
        raise InputError(f"The study holds no CT or MR volume. It holds:\n{_listing(listed)}")
    if len(volumes) == 1:
        return volumes, "the only CT or MR volume of the study"
    say("Looking at one image of each series", 0.05)
    stacks = tuple(_stack(archive, study, entry, staging / entry.uid) for entry in volumes)
    try:
        stack, why = choose_stack(stacks, Path(study))
    except DicomError as refusal:
        raise InputError(f"No series could be chosen; name one with --series UID. {refusal}") from None
    return [by_uid[stack.series_uid]], why


def _listing(listed: Iterable[SeriesEntry]) -> str:
    return "\n".join(f"  {e.modality or '?'} '{e.description}': {e.instances or '?'} images, {e.uid}" for e in listed)


def _stack(archive: Archive, study: str, entry: SeriesEntry, folder: Path) -> Stack:
    """The series as a stack for choosing, from the header of its middle image and the number of its images."""
    instances = _listed(archive, study, entry)
    middle = instances[len(instances) // 2]
    _retrieve(archive, study, entry.uid, (middle,), folder, lambda _share: None, whole=len(instances) == 1)
    header = headers_in(folder, [folder / f"{middle}.dcm"])[0]
    return Stack(entry.uid, (header,) * len(instances))


def _listed(archive: Archive, study: str, entry: SeriesEntry) -> tuple[str, ...]:
    instances = patiently(archive.node, lambda: archive.instances_of(study, entry.uid))
    if not instances or (entry.instances is not None and len(instances) != entry.instances):
        raise PacsError(
            f"{archive.node.address} counts {entry.instances or 'no'} images in series {entry.uid} but lists "
            f"{len(instances)}. The study may still be arriving there: try again later."
        )
    return instances


def _fetch_series(archive: Archive, study: str, entry: SeriesEntry, folder: Path, say: Progress) -> int:
    """Have the whole series in the folder; gives back how many images it has."""
    instances = _listed(archive, study, entry)
    words = f"Fetching {entry.modality} {entry.description or entry.uid}"
    _retrieve(archive, study, entry.uid, instances, folder, lambda share: say(words, share), whole=True)
    strangers = sorted(set(whole_files(folder)) - set(instances))
    for uid in strangers:
        (folder / f"{uid}.dcm").unlink()
    if patiently(archive.node, lambda: archive.instances_of(study, entry.uid)) != instances:
        raise PacsError(
            f"Series {entry.uid} changed while it was fetched. It is still arriving there: try again later."
        )
    sync(folder)
    return len(instances)


def _retrieve(
    archive: Archive, study: str, series: str, wanted: tuple[str, ...], folder: Path, say: Callable[[float], None],
    *, whole: bool,
) -> None:  # fmt: skip
    here = set(whole_files(folder)) if folder.exists() else set()
    progressed = False

    def take(raw: bytes) -> None:
        nonlocal progressed
        instance = read_instance(raw)
        if (instance.study, instance.series) != (study, series):
            raise PacsError(
                f"An image of another series arrived ({instance.series} instead of {series}); it was not kept."
            )
        place(instance, folder.parent)
        here.add(instance.uid)
        progressed = True
        say(len(here & set(wanted)) / len(wanted))

    def attempt() -> None:
        nonlocal progressed
        progressed = False
        missing = tuple(uid for uid in wanted if uid not in here)
        if missing:
            archive.retrieve(
                study, series, missing, take, whole=whole and len(missing) > MOST_OF_A_SERIES * len(wanted)
            )

    try:
        patiently(archive.node, attempt, progressed=lambda: progressed)
    except PacsError as problem:
        arrived = len(here & set(wanted))
        raise PacsError(
            f"{problem} {arrived} of {len(wanted)} images have arrived and are kept: the same command continues."
        ) from problem
    if missing := [uid for uid in wanted if uid not in here]:
        raise PacsError(
            f"{archive.node.address} gave {len(wanted) - len(missing)} of {len(wanted)} images of series {series}; the "
            f"first missing is {missing[0]}. What arrived is kept: the same command continues."
        )


def _series_of_case(case: Path, study: str, chosen: Iterable[SeriesEntry]) -> dict[str, int]:
    """The chosen series that the case holds already, with their number of images."""
    home = case / DICOM_FOLDER / study
    found = {}
    for entry in chosen:
        folder = home / entry.uid
        if not folder.exists():
            continue
        count = len(list(folder.glob("*.dcm")))
        if entry.instances is not None and count != entry.instances:
            raise OutputError(
                f"{folder} holds {count} images, the archive now has {entry.instances}. Nothing was overwritten: "
                "fetch into a new case folder, or move this one away."
            )
        found[entry.uid] = count
    return found


def _move(staging: Path, case: Path, study: str, chosen: Iterable[SeriesEntry]) -> bool:
    """Put the whole series in their places: a new study at once, further series of one one by one."""
    new = [entry.uid for entry in chosen if not (case / DICOM_FOLDER / study / entry.uid).exists()]
    home = case / DICOM_FOLDER / study
    try:
        if not home.exists():
            ready = staging / READY
            ready.mkdir(exist_ok=True)
            for uid in new:
                (staging / uid).rename(ready / uid)
            home.parent.mkdir(parents=True, exist_ok=True)
            ready.rename(home)
        else:
            for uid in new:
                (staging / uid).rename(home / uid)
    except OSError as problem:
        raise OutputError(
            f"The series could not be put into {home} ({problem.strerror}). Run the command again."
        ) from problem
    return bool(new)
