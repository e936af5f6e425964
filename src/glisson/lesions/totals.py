"""The liver as a whole and the burden of the lesions together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from glisson.case import Case
from glisson.errors import SceneError
from glisson.geometry import Mask, reaches_border
from glisson.knowledge import tumour_burden_score
from glisson.lesions.finding import COUNTED, NATURES, Burden, LesionFinding, LiverFinding
from glisson.scene import Scene

__all__ = ["burden", "measure_liver"]


def measure_liver(scene: Scene, whole_liver: Mask) -> LiverFinding:
    """Volumes of the whole liver, of the lesions in it and of the rest, and of the spleen where its mask is there; mL.

    whole_liver: `anatomy.whole_liver(scene)`. All volumes are voxels times voxel volume; voxels that two lesions share
    count once, and only lesion voxels inside the liver count. Lesions of every nature count, benign ones too: none of
    them is working liver. Raises SceneError for an empty liver, FrameMismatch for masks off the scan's lattice.
    """
    if whole_liver.is_empty:
        raise SceneError("The liver mask is empty, so its volume cannot be measured. Give a liver mask with voxels.")
    lesions = np.zeros(whole_liver.grid.shape, dtype=np.bool_)
    for lesion in scene.lesions:
        lesions |= lesion.mask.on(whole_liver.grid, f"lesion {lesion.id}")
    tumour = int(np.count_nonzero(lesions & whole_liver.data))
    voxel_ml = whole_liver.grid.voxel_ml
    notes: dict[str, str] = {}
    at_border = reaches_border(whole_liver, scene.grid)
    if at_border:
        notes["volume_ml"] = notes["nontumour_ml"] = "the scan ends in the liver: a lower bound"
    spleen = scene.structures.get("spleen")
    spleen_ml = None
    if spleen is None or spleen.is_empty:
        notes["spleen_ml"] = "no spleen mask was given"
    else:
        spleen_ml = spleen.volume_ml
        if reaches_border(spleen, scene.grid):
            notes["spleen_ml"] = "the scan ends in the spleen: a lower bound"
    return LiverFinding(
        volume_ml=whole_liver.volume_ml,
        tumour_ml=tumour * voxel_ml,
        nontumour_ml=(whole_liver.count - tumour) * voxel_ml,
        spleen_ml=spleen_ml,
        touches_border=at_border,
        notes=notes,
    )


def burden(case: Case, lesions: Sequence[LesionFinding], liver: LiverFinding | None) -> Burden:
    """Count, spread and total of the visible lesions that are or may be metastases, and the tumour burden score.

    case: for lesions that the record calls vanished and that have no outline; they are counted by nature only.
    The score takes the largest longest axial diameter; its source and limits are in the notes.
    """
    counted = [lesion for lesion in lesions if lesion.nature in COUNTED and lesion.inside_liver_percent > 0]
    counts = {nature: sum(lesion.nature == nature for lesion in lesions) for nature in NATURES}
    outlined = {lesion.id for lesion in lesions}
    counts["vanished"] += sum(fact.nature == "vanished" and fact.id not in outlined for fact in case.lesions)
    total_ml = sum(lesion.volume_ml for lesion in counted)
    largest = max((lesion.longest_axial_mm for lesion in counted), default=None)
    notes = _count_notes(counts, lesions)
    bilobar = _bilobar(counted, notes)
    score = None
    if largest is None:
        notes["largest_mm"] = notes["tumour_burden_score"] = "no visible lesion that is or may be a metastasis"
    else:
        result = tumour_burden_score(largest, len(counted))
        score = result.value
        notes["tumour_burden_score"] = " ".join((f"{result.title} ({result.variant}).", *result.notes))
    if liver is None:
        notes["share_percent"] = "the liver was not measured"
    return Burden(
        count=len(counted),
        counts=counts,
        bilobar=bilobar,
        total_ml=total_ml,
        share_percent=None if liver is None else 100.0 * total_ml / liver.volume_ml,
        largest_mm=largest,
        tumour_burden_score=score,
        notes=notes,
    )


def _count_notes(counts: dict[str, int], lesions: Sequence[LesionFinding]) -> dict[str, str]:
    left_out = [f"{counts[nature]} {nature}" for nature in NATURES if nature not in COUNTED and counts[nature]]
    outside = sum(lesion.nature in COUNTED and lesion.inside_liver_percent == 0 for lesion in lesions)
    if outside:
        left_out.append(f"{outside} outside the liver")
    return {"count": f"not counted: {', '.join(left_out)}"} if left_out else {}


def _bilobar(counted: Sequence[LesionFinding], notes: dict[str, str]) -> bool | None:
    lobes = {lesion.lobe for lesion in counted}
    if "both" in lobes or {"left", "right"} <= lobes:
        return True
    if None in lobes:
        notes["bilobar"] = "the lobe of a lesion is not known (no segment map)"
        return None
    if "caudate" in lobes:
        notes["bilobar"] = "lesions in the caudate lobe count for neither side"
    return False
