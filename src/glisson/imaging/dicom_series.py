"""Choosing one series and reading it as one volume: sorted by place, never by number."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from glisson.errors import DicomError
from glisson.imaging.dicom_headers import ENHANCED, SliceHeader, Stack, headers_in, stacks_of
from glisson.imaging.dicom_pixels import read_pixels
from glisson.imaging.phase import phase_of
from glisson.imaging.raster import Raster, checked_grid
from glisson.scene import ImageFacts, Notice

__all__ = ["Layout", "choose_stack", "layout_of", "read_dicom"]

DUPLICATE_TOLERANCE_MM = 0.01
"""Two slices closer than this along the normal lie at the same place."""

GAP_RATIO = 1.5
"""A step longer than this many times the usual one means that slices are missing."""

IRREGULAR_SHARE = 0.1
"""Slices may lie this share of the spacing off an even lattice (headers round positions); further is refused."""

NOTICE_SHARE = 0.02
"""Slices off the even lattice by more than this share of the spacing are mentioned."""

TILT_TOLERANCE_PIXELS = 0.5
"""Slices may drift this far within their plane from the first to the last; further is a tilted gantry."""

THICKNESS_SHARE = 0.02
"""Spacing and slice thickness are called different beyond this share of the spacing."""


def read_dicom(source: Path, series_uid: str | None = None) -> Raster:
    """Read a DICOM CT or MR series from a folder (or one file) as one volume, in Hounsfield units (CT) or as stored.

    series_uid: take this series instead of choosing. The choice and its reason are in facts.chosen_because.
    Raises DicomError for series that are incomplete, mixed, tilted, truncated, in colour, or not a CT or MR.
    """
    stack, why = choose_stack(stacks_of(headers_in(source)), source, series_uid)
    layout, notices = layout_of(stack)
    data = read_pixels([h.path for h in layout.slices], layout.shape[:2], stack.first.modality)
    grid = checked_grid(layout.shape, layout.affine, source)
    h = stack.first
    facts = ImageFacts(
        h.modality,
        h.date,
        phase_of(h.description),
        h.thickness_mm,
        h.description or None,
        h.series_uid or None,
        h.frame_uid,
        why,
    )
    return Raster(data, grid, facts, notices)


def choose_stack(stacks: tuple[Stack, ...], source: Path, series_uid: str | None = None) -> tuple[Stack, str]:
    """The stack to read and why. Rule: CT or MR volumes only; axial, original and primary before others; then the most
    slices; then the thinnest; then the one whose description names the portal-venous phase; else an error lists them.
    """
    if series_uid is not None:
        stacks = tuple(s for s in stacks if s.series_uid == series_uid) or _no_such(stacks, source, series_uid)
    usable = [s for s in stacks if _unusable(s) is None]
    if not usable:
        reasons = "\n".join(f"  {s.describe()}: {_unusable(s)}" for s in stacks)
        raise DicomError(
            f"{source} holds no CT or MR volume that can be read:\n{reasons}\nExport the original axial series."
        )
    key = min(map(_rank, usable))
    best = [s for s in usable if _rank(s) == key]
    if len(best) > 1:
        raise DicomError(
            f"{source} holds {len(best)} series that are equally good:\n" + "\n".join(f"  {s.describe()}" for s in best)
            + "\nSay which one: give its folder alone, or its series UID (`series_uid:` beside the image in case.yaml)."
        )  # fmt: skip
    why = "it was asked for by its series UID" if series_uid is not None else _why(best[0], usable, stacks)
    return best[0], why


def _no_such(stacks: tuple[Stack, ...], source: Path, uid: str) -> tuple[Stack, ...]:
    listing = "\n".join(f"  {s.describe()}" for s in stacks)
    raise DicomError(f"{source} holds no series {uid}. It holds:\n{listing}")


def _unusable(stack: Stack) -> str | None:
    h = stack.first
    if h.modality not in ("CT", "MR"):
        return f"modality {h.modality or 'not given'}, not CT or MR"
    if not h.grey:
        return "colour (RGB) or inverted pictures (secondary capture), not a scan"
    if h.sop_class in ENHANCED or h.frames > 1:
        return "enhanced multi-frame objects are not read: export it as single-frame CT or MR, or as NIfTI"
    if h.is_localizer:
        return "a localizer (scout)"
    if h.missing:
        return f"the header lacks {', '.join(h.missing)} (first in {h.path.name})"
    return "a single slice" if len(stack.slices) < 2 else None


def _rank(stack: Stack) -> tuple[Any, ...]:
    h = stack.first
    plain = stack.is_axial and h.is_original
    portal = phase_of(h.description) == "portal-venous"
    return (not plain, not stack.is_axial, -len(stack.slices), h.thickness_mm or np.inf, not portal)


def _why(best: Stack, usable: list[Stack], stacks: tuple[Stack, ...]) -> str:
    if len(stacks) == 1:
        return "it is the only series"
    if len(usable) == 1:
        return f"it is the only CT or MR volume among {len(stacks)} series"
    rivals = [_rank(s) for s in usable if s is not best]
    words = ("axial, original and primary", "axial", "the most slices", "the thinnest slices", "named portal venous")
    second = min(rivals)
    decisive = next(word for word, a, b in zip(words, _rank(best), second, strict=True) if a != b)
    return f"of {len(usable)} volumes it was chosen by: {decisive} ({best.describe()})"


@dataclass(frozen=True, eq=False)
class Layout:
    """Slices in the order of their places along the normal, and the lattice they make (array axes column, row, slice).

    affine: (4, 4), index to LPS mm, as the headers have it (`checked_grid` rounds it to what was meant).
    """

    slices: tuple[SliceHeader, ...]
    shape: tuple[int, int, int]
    affine: npt.NDArray[np.float64]


def layout_of(stack: Stack) -> tuple[Layout, tuple[Notice, ...]]:
    """The lattice of a stack and what is notable about it. Raises DicomError for stacks that are no even volume."""
    h = stack.first
    lacking = [s for s in stack.slices if s.missing]
    if lacking:
        raise DicomError(
            f"{lacking[0].path}: the header lacks {', '.join(lacking[0].missing)}. Export the series again."
        )
    row, column = np.array(h.orientation[:3]), np.array(h.orientation[3:])  # type: ignore[index]
    if abs(np.linalg.norm(row) - 1) > 1e-2 or abs(np.linalg.norm(column) - 1) > 1e-2 or abs(row @ column) > 1e-2:
        raise DicomError(f"{h.path}: ImageOrientationPatient {h.orientation} is not two unit vectors at right angles.")
    normal = np.cross(row, column)
    slices, notices = _without_duplicates(sorted(stack.slices, key=lambda s: (_depth(s, normal), str(s.path))), normal)
    points = np.array([s.position for s in slices])
    depth = points @ normal
    notices += _check_steps(depth, slices, h)
    _check_tilt(points, normal, h)
    affine = np.eye(4)
    between_rows, between_columns = h.pixel_spacing  # type: ignore[misc]
    affine[:3, 0], affine[:3, 1] = row * between_columns, column * between_rows
    affine[:3, 2] = normal * (depth[-1] - depth[0]) / (len(slices) - 1)
    affine[:3, 3] = points[0]
    return Layout(tuple(slices), (int(h.columns or 0), int(h.rows or 0), len(slices)), affine), notices


def _depth(header: SliceHeader, normal: npt.NDArray[np.float64]) -> float:
    """Position along the slice normal, mm."""
    return float(np.array(header.position) @ normal)


def _pixel_digest(path: Path) -> str:
    from pydicom import dcmread

    return hashlib.sha256(dcmread(path, force=True).PixelData).hexdigest()


def _without_duplicates(
    ordered: list[SliceHeader], normal: npt.NDArray[np.float64]
) -> tuple[list[SliceHeader], tuple[Notice, ...]]:
    kept, dropped = [ordered[0]], 0
    for h in ordered[1:]:
        last = kept[-1]
        if _depth(h, normal) - _depth(last, normal) > DUPLICATE_TOLERANCE_MM:
            kept.append(h)
        elif _pixel_digest(h.path) == _pixel_digest(last.path):
            dropped += 1
        else:
            raise DicomError(
                f"{last.path.name} and {h.path.name} lie at the same place ({h.position}) but show different "
                "pixels: two acquisitions are mixed in one series. Export each as its own series."
            )
    if len(kept) < 2:
        raise DicomError(
            f"{ordered[0].path.parent}: all {len(ordered)} slices lie at one place, so this is not a volume."
        )
    if not dropped:
        return kept, ()
    return kept, (
        Notice(
            "info",
            "duplicate-slices",
            f"{dropped} slices were there twice with the same pixels; one of each was kept.",
            "image",
        ),
    )


def _check_steps(depth: npt.NDArray[np.float64], slices: list[SliceHeader], h: SliceHeader) -> tuple[Notice, ...]:
    steps = np.diff(depth)
    usual = float(np.median(steps))
    gaps = np.flatnonzero(steps > GAP_RATIO * usual)
    if gaps.size:
        missing = [depth[g] + usual * n for g in gaps for n in range(1, round(float(steps[g] / usual)))]
        places = ", ".join(f"{m:.2f}" for m in missing[:12]) + (", ..." if len(missing) > 12 else "")
        raise DicomError(
            f"{slices[0].path.parent}: slices are missing. The spacing is {usual:.3g} mm, but there is none at "
            f"{places} mm along the slice normal ({len(missing)} missing, first after "
            f"{slices[int(gaps[0])].path.name}). "
            "Copy the whole series again."
        )
    even = float((depth[-1] - depth[0]) / (len(depth) - 1))
    off = float(np.abs(depth - (depth[0] + even * np.arange(len(depth)))).max())
    if off > IRREGULAR_SHARE * even:
        raise DicomError(
            f"{slices[0].path.parent}: the slices are unevenly spaced ({steps.min():.3g} to {steps.max():.3g} mm, "
            f"up to {off:.2f} mm off an even lattice). Reconstruct the series with one spacing."
        )
    notices: list[Notice] = []
    if off > NOTICE_SHARE * even:
        notices.append(
            Notice(
                "info",
                "uneven-spacing",
                f"Slices lie up to {off:.2f} mm off an even spacing of {even:.3g} mm.",
                "image",
            )
        )
    thick = h.thickness_mm
    if thick and abs(thick - even) > THICKNESS_SHARE * even:
        relation = "overlap" if thick > even else "leave gaps that were not imaged"
        text = (
            f"Slices are {thick:.4g} mm thick but {even:.4g} mm apart: they {relation}. "
            "Volumes use the distance between slices."
        )
        notices.append(Notice("info", "spacing-not-thickness", text, "image"))
    return tuple(notices)


def _check_tilt(points: npt.NDArray[np.float64], normal: npt.NDArray[np.float64], h: SliceHeader) -> None:
    path = points[-1] - points[0]
    drift = points - points[0] - np.outer((points - points[0]) @ normal, normal)
    worst = float(np.linalg.norm(drift, axis=1).max())
    pixel = min(h.pixel_spacing or (1.0,))
    if worst <= TILT_TOLERANCE_PIXELS * pixel:
        return
    along = float(path @ normal)
    straight = np.linalg.norm(drift - np.outer((points - points[0]) @ normal / along, drift[-1]), axis=1).max()
    if straight <= TILT_TOLERANCE_PIXELS * pixel:
        degrees = float(np.degrees(np.arctan2(np.linalg.norm(drift[-1]), abs(along))))
        raise DicomError(
            f"{h.path.parent}: the gantry was tilted by {degrees:.1f} degrees (slices are sheared against "
            "each other). Distances would be wrong: resample the series onto a rectangular grid first."
        )
    raise DicomError(
        f"{h.path.parent}: the slices are shifted against each other within their plane by up to "
        f"{worst:.1f} mm; this is not one volume. Export the series again."
    )
