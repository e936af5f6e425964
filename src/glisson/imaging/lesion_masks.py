"""From lesion files to single lesions."""

from __future__ import annotations

from collections.abc import Iterable

from glisson.geometry import Mask
from glisson.imaging.outlines import Outline
from glisson.scene import LesionMask, Notice

__all__ = ["SMALLEST_LESION_VOXELS", "lesions_from"]

SMALLEST_LESION_VOXELS = 3
"""Separate pieces of a binary lesion mask with fewer voxels than this are specks: listed in a notice, not measured."""

Found = tuple[Mask, str]


def lesions_from(
    outlines: Iterable[tuple[Outline, int | None]], keep_labels: bool, taken: Iterable[str] = ()
) -> tuple[tuple[LesionMask, ...], tuple[Notice, ...]]:
    """Number the lesions L1, L2, ... (ids in `taken` are passed over).

    outlines: (file, label or None for all its values). Several files: one lesion each, in their order. A file with
    several labels: one lesion a label. One binary file for all: one lesion for each 26-connected component, the largest
    first, unless keep_labels.
    """
    given = list(outlines)
    found: list[Found] = []
    notices: list[Notice] = []
    for outline, label in given:
        name = outline.path.name
        values = outline.values if label is None else tuple(v for v in outline.values if v == label)
        if not values:
            which = "" if label is None else f" (no voxel has the label {label})"
            notices.append(
                Notice("warning", "lesion-file-empty", f"The lesion file {name} outlines nothing{which}.", name)
            )
        elif len(values) > 1:
            found += [(outline.mask(v), f"{name}, label {v}") for v in values]
        elif len(given) > 1 or keep_labels:
            found.append((outline.mask(values[0]), name if label is None else f"{name}, label {label}"))
        else:
            pieces, specks = _pieces(outline.mask(values[0]), name)
            found += pieces
            notices += specks
    if not found:
        notices.append(Notice("warning", "no-lesions", "No lesion is outlined.", "lesions"))
    used, result, number = set(taken), [], 0
    for mask, source in found:
        number += 1
        while f"L{number}" in used:
            number += 1
        result.append(LesionMask(f"L{number}", mask, source))
    return tuple(result), tuple(notices)


def _pieces(mask: Mask, name: str) -> tuple[list[Found], list[Notice]]:
    from glisson.geometry import components

    parts = components(mask)
    found = [p for p in parts if p.count >= SMALLEST_LESION_VOXELS]
    specks = [p for p in parts if p.count < SMALLEST_LESION_VOXELS]
    many = len(found) > 1
    named = [(p.trimmed(), f"{name}, component {i}" if many else name) for i, p in enumerate(found, 1)]
    if not specks:
        return named, []
    places = "; ".join(f"({', '.join(f'{c:.1f}' for c in p.centroid_mm)})" for p in specks[:20])
    text = (
        f"{len(specks)} specks of fewer than {SMALLEST_LESION_VOXELS} voxels in {name} were left out, "
        f"at {places} mm (LPS). "
        "Give them files of their own, or set keep_labels, if they are lesions."
    )
    return named, [Notice("warning", "specks-left-out", text, name)]
