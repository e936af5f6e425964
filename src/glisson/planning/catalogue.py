"""Standard liver resections by their Brisbane 2000 names, as unions of Couinaud segments.

Terminology Committee of the International Hepato-Pancreato-Biliary Association: The Brisbane 2000 terminology of liver
anatomy and resections. HPB 2000;2:333-339; reviewed by Strasberg 2005 (doi 10.1007/s00534-005-0999-7).
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CATALOGUE", "StandardResection"]


@dataclass(frozen=True)
class StandardResection:
    """A resection by name: the segments it removes, in Couinaud's order, and other names in use for it."""

    name: str
    segments: tuple[str, ...]
    other_names: tuple[str, ...] = ()


CATALOGUE: tuple[StandardResection, ...] = (
    StandardResection("Right hepatectomy", ("V", "VI", "VII", "VIII"), ("right hemihepatectomy",)),
    StandardResection("Right hepatectomy with segment I", ("I", "V", "VI", "VII", "VIII")),
    StandardResection("Left hepatectomy", ("II", "III", "IV"), ("left hemihepatectomy",)),
    StandardResection("Left hepatectomy with segment I", ("I", "II", "III", "IV")),
    StandardResection("Right trisectionectomy", ("IV", "V", "VI", "VII", "VIII"), ("extended right hepatectomy",)),
    StandardResection("Right trisectionectomy with segment I", ("I", "IV", "V", "VI", "VII", "VIII")),
    StandardResection("Left trisectionectomy", ("II", "III", "IV", "V", "VIII"), ("extended left hepatectomy",)),
    StandardResection("Left trisectionectomy with segment I", ("I", "II", "III", "IV", "V", "VIII")),
    StandardResection("Left medial and right anterior sectionectomy", ("IV", "V", "VIII"), ("central hepatectomy",)),
    StandardResection("Right anterior sectionectomy", ("V", "VIII")),
    StandardResection("Right posterior sectionectomy", ("VI", "VII")),
    StandardResection("Left medial sectionectomy", ("IV",), ("segmentectomy IV",)),
    StandardResection("Left lateral sectionectomy", ("II", "III"), ("bisegmentectomy II-III",)),
    StandardResection("Bisegmentectomy V-VI", ("V", "VI")),
    StandardResection("Bisegmentectomy VII-VIII", ("VII", "VIII")),
    StandardResection("Bisegmentectomy III-IV", ("III", "IV")),
    StandardResection("Bisegmentectomy IV-V", ("IV", "V")),
    StandardResection("Bisegmentectomy IV-VIII", ("IV", "VIII")),
    StandardResection("Segmentectomy I", ("I",)),
    StandardResection("Segmentectomy II", ("II",)),
    StandardResection("Segmentectomy III", ("III",)),
    StandardResection("Segmentectomy V", ("V",)),
    StandardResection("Segmentectomy VI", ("VI",)),
    StandardResection("Segmentectomy VII", ("VII",)),
    StandardResection("Segmentectomy VIII", ("VIII",)),
)
"""Every resection that is evaluated; no two remove the same segments. Two segments make a bisegmentectomy only when
they adjoin."""
