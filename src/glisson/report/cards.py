"""The lesion cards: for each lesion its picture, what it is, what happens to it, and its measurements."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from glisson.lesions import DISTANCES, LesionFinding
from glisson.report.methods import METHODS
from glisson.report.vessels import lesion_measures
from glisson.report.view import Card, Figure, Measure
from glisson.report.words import NOT_ASSESSED, and_list, lower_first, mm, volume

if TYPE_CHECKING:
    from glisson.assessment import Assessment

__all__ = ["cards", "cards_note"]

LOBES = {"right": "right lobe", "left": "left lobe", "both": "both lobes", "caudate": "caudate lobe"}

LOWER_BOUNDS = ("volume_ml", "longest_axial_mm", "perpendicular_mm", "max3d_mm", "share_of_liver_percent")
"""What is only a lower bound when the scan ends at the lesion."""

TITLE_PERCENT = 1.0
"""A segment that holds less of the lesion than this is left out of the card's title; the table has it."""


def cards(result: Assessment, actions: Mapping[str, str], figures: Mapping[str, Figure]) -> tuple[Card, ...]:
    """One card a lesion. actions: lesion id -> what happens to it; figures: pictures by key (lesion-ID)."""
    shared = set(_shared_notes(result).values())
    caption = _shared_caption(result, figures)
    return tuple(
        Card(
            id=lesion.id,
            title=lesion.id + _where(lesion),
            nature=f"{lesion.nature}: {lesion.nature_reason.strip().rstrip('.')}",
            action=actions.get(lesion.id, ""),
            figure=_without(figures.get(f"lesion-{lesion.id}"), caption),
            measures=(
                *(replace(m, note="" if m.note in shared else m.note) for m in _measures(lesion)),
                *lesion_measures(result, lesion.id),
            ),
        )
        for lesion in result.lesions
    )


def cards_note(result: Assessment, figures: Mapping[str, Figure]) -> str:
    """What holds for a measurement of every lesion, said once above the cards instead of on each."""
    labels: dict[str, list[str]] = {}
    for field, text in _shared_notes(result).items():
        labels.setdefault(text.rstrip("."), []).append(METHODS[f"lesions[].{field}"].label)
    said = [
        f"{names[0]}{''.join(f', {lower_first(name)}' for name in names[1:])}: {text}."
        for text, names in labels.items()
    ]
    return " ".join([*said, _shared_caption(result, figures)]).strip()


def _shared_caption(result: Assessment, figures: Mapping[str, Figure]) -> str:
    """The words under the pictures of the lesions, when all are the same."""
    captions = {figures[key].caption for lesion in result.lesions if (key := f"lesion-{lesion.id}") in figures}
    return captions.pop() if len(captions) == 1 and len(result.lesions) > 1 else ""


def _without(figure: Figure | None, caption: str) -> Figure | None:
    return replace(figure, caption="") if figure is not None and caption else figure


def _shared_notes(result: Assessment) -> dict[str, str]:
    """Field -> note, where all of several lesions carry the note word for word and were measured."""
    if len(result.lesions) < 2:
        return {}
    first, *others = result.lesions
    return {
        field: text
        for field, text in first.notes.items()
        if f"lesions[].{field}" in METHODS
        and all(lesion.notes.get(field) == text for lesion in others)
        and all(_value(lesion, field) is not None for lesion in result.lesions)
    }


def _value(lesion: LesionFinding, field: str) -> object:
    name, _, part = field.partition(".")
    value = getattr(lesion, name)
    return value.get(part) if part else value


def _where(lesion: LesionFinding) -> str:
    if not lesion.segments:
        return ""
    shares = sorted(lesion.segments.items(), key=lambda pair: -pair[1])
    names = [name for name, share in shares if share >= TITLE_PERCENT] or [shares[0][0]]
    lobe = f", {LOBES[lesion.lobe]}" if lesion.lobe in LOBES else ""
    return f" · segment{'' if len(names) == 1 else 's'} {and_list(names)}{lobe}"


def _measures(lesion: LesionFinding) -> tuple[Measure, ...]:
    return (
        _measure(lesion, "volume_ml", volume),
        _measure(lesion, "longest_axial_mm", mm),
        _measure(lesion, "perpendicular_mm", mm),
        _measure(lesion, "max3d_mm", mm),
        _segments(lesion),
        _measure(lesion, "share_of_liver_percent", lambda share: f"{share:.2f}\u00a0%"),
        *(_distance(lesion, name) for name in DISTANCES),
    )


def _measure(lesion: LesionFinding, field: str, write: Callable[[float], str]) -> Measure:
    label, note, value = METHODS[f"lesions[].{field}"].label, lesion.notes.get(field, ""), getattr(lesion, field)
    if value is None:
        return Measure(label, f"{NOT_ASSESSED}: {note or 'no reason given'}", "", True)
    bound = "at least " if lesion.touches_border and field in LOWER_BOUNDS else ""
    return Measure(label, bound + write(value), note)


def _distance(lesion: LesionFinding, name: str) -> Measure:
    field = f"distance_mm.{name}"
    label, note, value = METHODS[f"lesions[].{field}"].label, lesion.notes.get(field, ""), lesion.distance_mm.get(name)
    if value is None:
        return Measure(label, f"{NOT_ASSESSED}: {note or f'no {name} mask'}", "", True)
    return Measure(label, mm(value) + (" – touches" if lesion.touches.get(name) else ""), note)


def _segments(lesion: LesionFinding) -> Measure:
    label, note = METHODS["lesions[].segments"].label, lesion.notes.get("segments", "")
    if lesion.segments is None:
        return Measure(label, f"{NOT_ASSESSED}: {note or 'no segment map'}", "", True)
    shares = ", ".join(f"{name} {share:.1f}\u00a0%" for name, share in lesion.segments.items())
    return Measure(label, shares or "in none", note)
