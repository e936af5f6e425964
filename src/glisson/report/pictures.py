"""Every picture of the dossier, drawn once, with its file name and the words that go with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING

from glisson.report.answer import limit_answer
from glisson.report.build import actions
from glisson.report.concerns import leading_resections
from glisson.report.view import Figure
from glisson.report.words import slug

if TYPE_CHECKING:
    from glisson.assessment import Assessment
    from glisson.lesions import LesionFinding
    from glisson.report.figures import Marks, Parts, Picture

__all__ = ["Drawn", "draw"]


@dataclass(frozen=True)
class Drawn:
    """Figures by key (axial, front, overview, remnant, resections, montage-N, lesion-ID), and PNG bytes by file."""

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

    if result.scene is None:
        return
    parts = f.parts_of(result.scene, result.whole_liver, result.segments, result.cava)
    model = cache(lambda: f.model_of(parts))
    marks = {name: (letter, f.ACTION_COLOURS[letter]) for name, letter in actions(result).items()}
    yield "axial", "Axial slice", lambda: [f.key_axial(parts, marks)]
    yield "front", "Liver, vessels and lesions in 3D", lambda: [f.overview_3d(model(), marks, ("anterior",))]
    yield "overview", "Liver, vessels and lesions in 3D", lambda: [f.overview_3d(model(), marks)]
    if result.vessels is not None and result.whole_liver is not None:
        systems, liver = result.vessels.systems, result.whole_liver
        yield "trees", "Vessel trees", lambda: [f.vessel_trees(systems, liver)]
        if "portal" in systems:
            yield (
                "territories",
                "Territories of the portal branches",
                lambda: [f.territory_slices(parts, systems["portal"])],
            )
    for lesion in result.lesions:
        yield f"lesion-{lesion.id}", f"Lesion {lesion.id}", partial(_card, f.lesion_card, parts, lesion, marks)
    yield "montage", "Slices through the liver", lambda: f.coverage_montage(parts, marks)
    leading = leading_resections(result)
    if leading:
        yield "resections", "What would be removed", lambda: [p for p in [f.resection_strip(model(), leading)] if p]
        yield "remnant", "What would remain", lambda: [f.remnant_bars(leading, _limits(result))]


def _card(make: Callable[..., Picture], parts: Parts, lesion: LesionFinding, marks: Marks) -> list[Picture]:
    return [make(parts, lesion, marks)]


def _limits(result: Assessment) -> list[tuple[str, float]]:
    """The limits for the remnant that the record leaves open: one when it is decided."""
    answer = limit_answer(result)
    return [("limit", value) for value in answer.possible_values] if answer else []
