"""`virtual_series`: one invented patient on several dates, with every lesion's name, size and place known."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from glisson.case import Case, LiverBackground, Study, Treatment, Unknown
from glisson.errors import InputError
from glisson.geometry import FloatArray, Volume
from glisson.lesions.follow import free_name
from glisson.scene import Scene
from glisson.simulate.course import MONTH_DAYS, Course, Treated, draw_courses
from glisson.simulate.ct import noisy
from glisson.simulate.metastases import Seed, draw_diameters, seed_lesions
from glisson.simulate.movement import Movement, draw_movement, moved_scene
from glisson.simulate.operated import removed_part, without
from glisson.simulate.patient import SEGMENTS, VirtualBody, grow_body, streams
from glisson.simulate.record import SCAN_DAY, invent_case
from glisson.simulate.truth import Truth

__all__ = ["Resected", "VirtualSeries", "Visit", "virtual_series"]

SEEN_MM = 5.0
"""A smaller lesion is not seen: neither drawn nor outlined."""
BORN_MM = 5.5
"""Diameter with which a new lesion begins."""
ROOM = 1.1
"""Lesions are placed as if this much larger than they ever become."""
MR_CURVE = ((-1000.0, 4.0), (-110.0, 420.0), (0.0, 60.0), (52.0, 150.0), (112.0, 330.0), (176.0, 120.0), (400.0, 25.0))
"""CT number -> signal, as in the hepatobiliary phase of a T1-weighted MR: liver and fat bright, the rest dark."""
MR_BIAS = 0.15
"""How unevenly the coil sees (standard deviation of the logarithm, smooth)."""


@dataclass(frozen=True)
class Resected:
    """A resection. before_scan: position of the first scan after it. segments: numbers 1 to 8 of what is removed."""

    before_scan: int
    segments: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Visit:
    """One date. scene: as scanned. truth: of the body before it moved, and as if nothing had been removed.
    movement: None at the first date.

    names: the scene's lesion ids to their names for life. sizes_mm: true diameter of every lesion that is alive, by
    name, seen or not.
    """

    month: float
    day: date
    scene: Scene
    truth: Truth
    movement: Movement | None
    names: Mapping[str, str]
    sizes_mm: Mapping[str, float]


@dataclass(frozen=True, eq=False)
class VirtualSeries:
    """An invented patient through time. places_mm: centre of each lesion in the frame of the first date, by name."""

    case: Case
    visits: tuple[Visit, ...]
    courses: tuple[Course, ...]
    places_mm: Mapping[str, FloatArray]

    def place_mm(self, name: str, visit: Visit) -> FloatArray:
        """(3,) where the tissue at a lesion's centre lies at a visit, LPS mm, whether the lesion is seen or not."""
        first = self.places_mm[name]
        return first if visit.movement is None else visit.movement.from_first(first)


def virtual_series(
    *,
    seed: int = 0,
    months: Sequence[float] = (0.0, 2.0, 4.0, 6.0),
    lesions: int = 7,
    primary: str = "colorectal",
    growth: str = "exponential",
    treated: Treated | None = None,
    new: float = 0.5,
    swelling: float = 1.0,
    mr: Sequence[int] = (),
    resected: Resected | None = None,
    shape: tuple[int, int, int] = (256, 256, 160),
    spacing_mm: tuple[float, float, float] = (1.5, 1.5, 2.0),
    median_diameter_mm: float = 16.0,
    liver_ml: float = 1500.0,
    noise_hu: float = 12.0,
) -> VirtualSeries:
    """An invented patient scanned several times; the same arguments give the same bytes.

    months: of the scans, rising from 0. growth: a law of GROWTHS; treated: when systemic treatment is given. new:
    expected number of new lesions between two scans. swelling: factor by which the liver's lengths have grown at the
    last scan (regeneration), evenly over the months. mr: positions in `months` scanned with MR-like contrast.
    resected: what is removed, halfway between two scans. The other arguments are those of `virtual_patient`. Raises
    InputError for requests that cannot be met.
    """
    _check(months, mr, swelling, resected)
    random = streams(seed)
    rng = np.random.default_rng([int(seed), 99])
    body = grow_body(random, int(seed), shape, spacing_mm, "LPS", primary, float(liver_ml))
    sizes = [float(d) for d in draw_diameters(lesions, median_diameter_mm, random["sizes"])]
    courses = draw_courses(sizes, months, growth=growth, treated=treated, new=new, born_mm=BORN_MM, rng=rng)
    seeds = _placed(body, courses, months, random["places"])
    visits = []
    for number, month in enumerate(months):
        factor = swelling ** (float(month) / float(months[-1])) if months[-1] else 1.0
        gone = resected.segments if resected is not None and number >= resected.before_scan else ()
        visits.append(_visit(body, courses, seeds, float(month), number in set(mr), factor, gone, noise_hu, rng))
    operated = None if resected is None else _operation(resected, visits)
    return VirtualSeries(
        _case(
            int(seed),
            primary,
            visits,
            (*_treatments(treated), *([] if operated is None else [operated])),
            random["record"],
        ),
        tuple(visits),
        tuple(courses),
        {course.name: own.centre_mm for course, own in zip(courses, seeds, strict=True)},
    )


def _check(months: Sequence[float], mr: Sequence[int], swelling: float, resected: Resected | None) -> None:
    if not months or months[0] != 0 or any(b <= a for a, b in itertools.pairwise(months)):
        raise InputError(f"virtual_series: months is {list(months)}; expected rising numbers that begin with 0.")
    if strange := [n for n in mr if not 0 <= n < len(months)]:
        raise InputError(f"virtual_series: mr names scan {strange[0]}; there are {len(months)}, counted from 0.")
    if not 0.8 <= swelling <= 1.3:
        raise InputError(f"virtual_series: swelling is {swelling}; expected 0.8 to 1.3.")
    if resected is not None and not 0 < resected.before_scan < len(months):
        raise InputError(
            f"virtual_series: nothing is scanned before and after a resection before scan "
            f"{resected.before_scan}; there are {len(months)}, counted from 0."
        )
    if resected is not None and not set(resected.segments) < set(SEGMENTS):
        raise InputError(f"virtual_series: resected segments {resected.segments}; expected some of 1 to 8, not all.")


def _placed(body: VirtualBody, courses: list[Course], months: Sequence[float], rng: np.random.Generator) -> list[Seed]:
    """A place for each course, with room for the largest it becomes where there is any, in the order of the courses."""
    largest = [ROOM * max(course.diameter_mm(float(month)) for month in months) for course in courses]
    largest = [max(size, ROOM * BORN_MM) for size in largest]
    order = sorted(range(len(courses)), key=lambda n: -largest[n])
    made = seed_lesions(
        body.plumbing, body.organ.field, body.organ.scale, body.weight, [largest[n] for n in order],
        ["metastasis"] * len(order), fixed_sizes=False, touching=False, rng=rng,
    )  # fmt: skip
    return [own for _, own in sorted(zip(order, made, strict=True), key=lambda pair: pair[0])]


def _visit(
    body: VirtualBody,
    courses: list[Course],
    seeds: list[Seed],
    month: float,
    as_mr: bool,
    swelling: float,
    gone: tuple[int, ...],
    noise_hu: float,
    rng: np.random.Generator,
) -> Visit:
    sizes = {course.name: course.diameter_mm(month) for course in courses}
    shown = [
        (course.name, replace(own, radius_mm=sizes[course.name] / 2))
        for course, own in zip(courses, seeds, strict=True)
        if sizes[course.name] >= SEEN_MM
    ]
    shown.sort(key=lambda pair: -pair[1].radius_mm)
    scene, truth = body.seen([own for _, own in shown], False, 0.0, rng)
    names = {f"L{number}": name for number, (name, _) in enumerate(shown, start=1)}
    movement = None
    if month > 0:
        movement = replace(_drawn(scene, rng), swelling=swelling)
        scene = moved_scene(scene, movement)
    if gone:
        scene = without(scene, removed_part(scene, gone))
    day = SCAN_DAY + timedelta(days=round(month * MONTH_DAYS))
    scene = _scanned(scene, day, as_mr, noise_hu, rng)
    kept = {one.id for one in scene.lesions}
    return Visit(
        month, day, scene, truth, movement, {i: name for i, name in names.items() if i in kept},
        {name: size for name, size in sizes.items() if size > 0},
    )  # fmt: skip


def _drawn(scene: Scene, rng: np.random.Generator) -> Movement:
    liver = scene.liver
    points = liver.grid.to_mm(np.argwhere(liver.data))
    return draw_movement(liver.centroid_mm, np.ptp(points, axis=0) / 2, rng)


def _scanned(scene: Scene, day: date, as_mr: bool, noise_hu: float, rng: np.random.Generator) -> Scene:
    assert scene.image is not None
    data = scene.image.data
    if as_mr:
        data = _as_mr(data, rng)
    data = noisy(data, noise_hu, rng)
    modality, phase = ("MR", "hepatobiliary") if as_mr else ("CT", "portal-venous")
    facts = replace(scene.facts, modality=modality, phase=phase, date=day.isoformat())
    return replace(scene, image=Volume(data, scene.image.grid), facts=facts)


def _as_mr(data: npt.NDArray[np.int16], rng: np.random.Generator) -> npt.NDArray[np.int16]:
    from scipy.ndimage import zoom

    signal = np.interp(data, [hu for hu, _ in MR_CURVE], [shown for _, shown in MR_CURVE])
    bumps = rng.normal(0, MR_BIAS, (4, 4, 4))
    bias: npt.NDArray[np.float64] = zoom(bumps, [n / 4 for n in data.shape], order=3)
    result: npt.NDArray[np.int16] = np.clip(np.rint(signal * np.exp(bias)), 0, 3000).astype(np.int16)
    return result


def _case(seed: int, primary: str, visits: list[Visit], done: tuple[Treatment, ...], rng: np.random.Generator) -> Case:
    """The record at the last date: studies of all dates, lesions as of the last scan."""
    last, life = visits[-1], _life_names(visits)
    facts = [
        (life[last.names[made.id]], made.nature, made.diameter_mm, SEGMENTS[made.segment])
        for made in last.truth.lesions
        if made.id in last.names
    ]
    case = invent_case(seed, primary, last.truth.liver_ml, facts, rng)
    first_seen = {life[name]: one.day for one in reversed(visits) for name in one.names.values()}
    template = case.studies[0]
    studies = tuple(
        Study(
            f"scan-{number}", date=one.day, modality=one.scene.facts.modality or Unknown(),
            phase=one.scene.facts.phase or Unknown(), masks=template.masks,
        )
        for number, one in enumerate(visits, start=1)
    )  # fmt: skip
    lesions = tuple(replace(fact, first_seen=first_seen[fact.id]) for fact in case.lesions)
    before = () if isinstance(case.treatments, Unknown) else case.treatments
    treatments = (*before, *done) if done else before
    board = replace(case.board, date=last.day + timedelta(days=11))
    return replace(
        case, board=board, studies=studies, lesions=lesions, treatments=treatments, liver=_liver(case.liver, done)
    )


def _liver(liver: LiverBackground, done: Sequence[Treatment]) -> LiverBackground:
    """What the record says of the liver, after what was done: chemotherapy added up, its last day, a resection."""
    given = [t for t in done if t.kind == "systemic" and isinstance(t.start, date) and isinstance(t.stop, date)]
    for one in given:
        assert isinstance(one.start, date)
        assert isinstance(one.stop, date)
        before = 0.0 if isinstance(liver.chemotherapy_months, Unknown) else liver.chemotherapy_months
        months = round(before + (one.stop - one.start).days / MONTH_DAYS, 1)
        liver = replace(liver, chemotherapy_months=months, last_chemotherapy=one.stop)
    operated = liver.previous_hepatectomy is True or any(t.kind == "hepatectomy" for t in done)
    return replace(liver, previous_hepatectomy=operated)


def _life_names(visits: Sequence[Visit]) -> dict[str, str]:
    """True name -> name for life, as `lesions.follow` gives it: the id of the scan on which it is first seen."""
    life: dict[str, str] = {}
    for visit in visits:
        for lesion, name in visit.names.items():
            if name not in life:
                life[name] = free_name(lesion, set(life.values()))
    return life


def _treatments(treated: Treated | None) -> tuple[Treatment, ...]:
    if treated is None:
        return ()
    start, stop = (
        SCAN_DAY + timedelta(days=round(month * MONTH_DAYS)) for month in (treated.start_month, treated.stop_month)
    )
    return (Treatment("systemic", name="FOLFIRI", drugs=("fluorouracil", "irinotecan"), start=start, stop=stop),)


def _operation(resected: Resected, visits: Sequence[Visit]) -> Treatment:
    before, after = visits[resected.before_scan - 1].day, visits[resected.before_scan].day
    what = "resection of segments " + ", ".join(SEGMENTS[number] for number in resected.segments)
    return Treatment("hepatectomy", name=what, start=before + (after - before) / 2)
