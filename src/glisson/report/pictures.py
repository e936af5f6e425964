"""Every picture of the dossier, drawn once, with its file name and the words that go with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from glisson.report.build import actions
from glisson.report.view import Figure
from glisson.report.words import slug

if TYPE_CHECKING:
    from glisson.assessment import Assessment
    from glisson.report.figures import Picture

__all__ = ["Drawn", "draw"]


@dataclass(frozen=True)
class Drawn:
    """Figures by key (axial, overview, remnant, resections, montage-N, lesion-ID), and the PNG bytes by file name."""

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


def _steps(result: Assessment) -> Iterator[tuple[str, str, Callable[[], tuple[Picture, ...]]]]:
    """Key, title and maker of each picture there is something to draw for."""
    from glisson.report.figures import axial, card, palette, scan

    if result.scene is None:
        return
    parts = scan.parts_of(result.scene, result.whole_liver, result.segments, result.cava)
    marks = {name: (letter, palette.ACTION_COLOURS[letter]) for name, letter in actions(result).items()}
    yield "axial", "Axial", lambda: (axial.key_axial(parts, marks),)
    for lesion in result.lesions:
        yield (
            f"lesion-{lesion.id}",
            f"Lesion {lesion.id}",
            lambda lesion=lesion: (card.lesion_card(parts, lesion, marks),),
        )
    yield "montage", "Slices through the liver", lambda: axial.coverage_montage(parts, marks)
