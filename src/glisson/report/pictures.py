"""Every picture of the dossier, drawn once, with its file name and the words that go with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING

from glisson.assessment.remnants import remnant_courses
from glisson.report.answer import held_back, limit_answer
from glisson.report.build import actions
from glisson.report.concerns import leading_resections
from glisson.report.growth import shown_staged
from glisson.report.plan_pictures import first_drawing, plan_steps
from glisson.report.radiation import radiation_steps
from glisson.report.timeline import followed_names
from glisson.report.view import Figure
from glisson.report.words import slug

if TYPE_CHECKING:
    from glisson.assessment import Assessment
    from glisson.report.figures import Parts, Picture

__all__ = ["Drawn", "draw"]


@dataclass(frozen=True)
class Drawn:
    """Figures by key (axial, front, overview, segments, remnant, resections, montage-N, lesion-ID, plans-chart, plan-N,
    plan-N-acts, needle-ID); PNGs by file.
    """

    figures: dict[str, Figure]
    files: dict[str, bytes]


def draw(result: Assessment, say: Callable[[str, float], None]) -> Drawn:
    """Draw what the assessment has the parts for; nothing without a scene.

    say: called with the step in words and the share done, 0 to 1.
    """
    figures: dict[str, Figure] = {}
    files: dict[str, bytes] = {}
    steps = list(_steps(result))
    for number, (key, title, make) in enumerate(steps):
        say(f"Drawing {title.lower() if title else key}", number / len(steps))
        for page, picture in enumerate(make(), 1):
            name = key if key != "montage" else f"montage-{page}"
            file = f"figures/{slug(name)}.png"
            figures[name] = Figure(file, title, picture.alt, picture.caption)
            files[file] = picture.png
    return Drawn(figures, files)


def _steps(result: Assessment) -> Iterator[tuple[str, str, Callable[[], Sequence[Picture]]]]:
    """Key, title and maker of each picture there is something to draw for; the 3D model is made once, when needed."""
    from glisson.report import figures as f
    from glisson.report.figures.growth import growth_curves
    from glisson.report.figures.regrowth import regrowth_picture

    if result.scene is None:
        return
    parts = f.parts_of(result.scene, result.whole_liver, result.segments, result.cava)
    model = cache(lambda: f.model_of(parts))
    letters = actions(result)
    marks = {name: (letter, f.ACTION_COLOURS[letter]) for name, letter in letters.items()}
    planned = None if held_back(result) else first_drawing(result, letters)
    yield "axial", "Axial slice", lambda: [f.key_axial(parts, marks)]
    if planned is None:
        yield "front", "Liver, vessels and lesions in 3D", lambda: [f.overview_3d(model(), marks, ("anterior",))]
    else:
        yield "front", "The first plan in 3D", lambda: [f.plan_3d(model(), planned, ("anterior",))]
    yield "overview", "Liver, vessels and lesions in 3D", lambda: [f.overview_3d(model(), marks)]
    yield from plan_steps(result, parts, model, letters)
    if result.vessels is not None and result.whole_liver is not None:
        systems, liver = result.vessels.systems, result.whole_liver
        yield "trees", "Vessel trees", lambda: [f.vessel_trees(systems, liver)]
        if "portal" in systems:
            yield (
                "territories",
                "Territories of the portal branches",
                lambda: [f.territory_slices(parts, systems["portal"])],
            )
    if result.segments is not None and result.segments.confidence is not None:
        made = result.segments
        yield "segments", "How sure the segments are", lambda: [f.segment_confidence(parts, made)]
    yield from radiation_steps(result.radiation, parts)
    for lesion in result.lesions:
        yield f"lesion-{lesion.id}", f"Lesion {lesion.id}", partial(_one, f.lesion_card, parts, lesion, marks)
    yield from _over_time(result, parts)
    for course in remnant_courses(result):
        yield f"regrowth-{course.day}", f"The remnant after {course.what}", partial(_one, regrowth_picture, course)
    yield "montage", "Slices through the liver", lambda: f.coverage_montage(parts, marks)
    if staged := shown_staged(result):
        yield "growth", "The remnant over the weeks", lambda: [p for p in [growth_curves(staged)] if p]
    leading = leading_resections(result)
    if leading:
        yield "resections", "What would be removed", lambda: [p for p in [f.resection_strip(model(), leading)] if p]
        yield "remnant", "What would remain", lambda: [f.remnant_bars(leading, _limits(result))]


def _over_time(result: Assessment, parts: Parts) -> Iterator[tuple[str, str, Callable[[], Sequence[Picture]]]]:
    """Pictures of several scans."""
    from glisson.planning.ablated import zones_of
    from glisson.report import figures as f
    from glisson.report.figures.ablated import ablation_picture
    from glisson.report.figures.courses import lesion_courses, lesion_waterfall
    from glisson.report.figures.operated import resection_picture
    from glisson.report.figures.strips import lesion_strips
    from glisson.report.figures.timeline import sum_over_time

    follow, serial = result.follow, result.serial
    if follow is None or serial is None:
        return
    names = followed_names(result)
    if names:
        gone = {name: one.operation.after for one in result.resected for name in one.lesions}
        yield "strips", "The same lesions at each date", partial(_one, lesion_strips, follow, result.scans, names, gone)
        yield "courses", "Each lesion's volume", partial(_one, lesion_courses, serial, names)
        yield "waterfall", "Each lesion's best change", partial(_one, lesion_waterfall, serial, names)
    zones = zones_of(result.scans[-1], result.ablated)
    for name, check in result.ablated.items():
        title = f"After the ablation of {name}"
        yield f"ablated-{name}", title, partial(_one, ablation_picture, parts, name, check, zones[name])
    for one in result.resected:
        if one.check is not None and one.check.planned_here is not None:
            after = f.parts_of(result.scans[one.operation.after])
            title = f"What the plan removes, after {one.operation.what}"
            yield f"resected-{one.operation.day}", title, partial(_one, resection_picture, after, one.check)
    if serial.responses:
        yield "response", "Sum of diameters", partial(_one, sum_over_time, serial.responses[0])


def _one(make: Callable[..., Picture | None], *parts: object) -> list[Picture]:
    made = make(*parts)
    return [] if made is None else [made]


def _limits(result: Assessment) -> list[tuple[str, float]]:
    """The limits for the remnant that the record leaves open: one when it is decided."""
    answer = limit_answer(result)
    return [("limit", value) for value in answer.possible_values] if answer else []
