"""The computed masks as NIfTI files on the grid of the scan."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from glisson.geometry import Grid, Labels, Mask
from glisson.report.words import slug

if TYPE_CHECKING:
    from glisson.assessment import Assessment
    from glisson.scene import Scene

__all__ = ["MOST_RESECTIONS", "lesion_labels", "write_masks"]

MOST_RESECTIONS = 3
"""Removed regions written: of the first resections in the order of planning."""


def write_masks(result: Assessment, folder: Path) -> tuple[Path, ...]:
    """Write what was computed into `folder` (made if need be) and give back the files; none when there is no scene.

    liver, lesions (label n is the nth lesion), segments (1 to 8), cava and hepatic veins where they were separated, and
    the region that each of the first resections removes. Raises OutputError and OSError as the writers do.
    """
    from glisson.imaging import write_labels, write_mask

    if result.scene is None:
        return ()
    grid = result.scene.grid
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, mask in _masks(result).items():
        written.append(write_mask(folder / f"{name}.nii.gz", mask, grid))
    for name, labels in _labels(result, grid).items():
        written.append(write_labels(folder / f"{name}.nii.gz", labels, grid))
    return tuple(written)


def lesion_labels(scene: Scene, grid: Grid) -> Labels:
    """Label n for the voxels of the nth lesion of the scene; where outlines overlap, the later one."""
    import numpy as np

    lesions = scene.lesions
    data = np.zeros(grid.shape, np.uint8 if len(lesions) < 256 else np.uint16)
    for number, lesion in enumerate(lesions, 1):
        start = lesion.mask.grid.offset_in(grid, f"lesion {lesion.id}")
        box = tuple(slice(o, o + n) for o, n in zip(start, lesion.mask.grid.shape, strict=True))
        data[box][lesion.mask.data] = number
    return Labels(data, grid, {number: lesion.id for number, lesion in enumerate(lesions, 1)})


def _masks(result: Assessment) -> dict[str, Mask]:
    masks: dict[str, Mask | None] = {}
    if result.whole_liver is not None:
        masks["liver"] = result.whole_liver
    if result.cava is not None and result.cava.method == "separated":
        masks["cava"], masks["hepatic"] = result.cava.cava, result.cava.hepatic
    for item in result.resections[:MOST_RESECTIONS]:
        masks[f"removed-{slug(item.name)}"] = item.removed
    return {name: mask for name, mask in masks.items() if mask is not None}


def _labels(result: Assessment, grid: Grid) -> dict[str, Labels]:
    labels: dict[str, Labels] = {}
    if result.scene is not None and result.scene.lesions:
        labels["lesions"] = lesion_labels(result.scene, grid)
    if result.segments is not None:
        labels["segments"] = result.segments.labels
    labels |= _plan_labels(result)
    return labels


PARTS = {1: "stays", 2: "removed", 3: "destroyed", 4: "irradiated", 5: "devascularised", 6: "congested"}
"""Labels of a plan's map."""


def _plan_labels(result: Assessment) -> dict[str, Labels]:
    """For each plan which part of the liver stays and how the rest is lost."""
    import numpy as np

    from glisson.planning.clearance import loss_map

    clearing = result.clearing
    if clearing is None:
        return {}
    made = {}
    for number, plan in enumerate(clearing.found.plans, 1):
        data = np.zeros(clearing.voxels.liver.data.size, np.uint8)
        data[clearing.voxels.flat] = loss_map(clearing.problem, plan.chosen) + 1
        shaped = data.reshape(clearing.voxels.liver.data.shape)
        made[f"plan-{number}"] = Labels(shaped, clearing.voxels.grid, PARTS)
    return made
