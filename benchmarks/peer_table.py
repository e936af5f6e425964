"""The straightforward script for the same table: SimpleITK, SciPy and PyRadiomics, as a careful user would write it.

Runs in an environment of its own (tools/setup_peers.sh), knows nothing of Glisson. Usage: peer_table.py FOLDER, which
holds liver, couinaud, portalvein, hepaticveins_ivc and tumor*.nii.gz on one grid. Prints JSON.
"""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

import numpy as np
import SimpleITK as sitk  # noqa: N813
from radiomics.shape import RadiomicsShape
from scipy import ndimage

logging.disable(logging.WARNING)

RESECTIONS = {
    "right hepatectomy": (5, 6, 7, 8),
    "left hepatectomy": (2, 3, 4),
    "right trisectionectomy": (4, 5, 6, 7, 8),
    "left trisectionectomy": (2, 3, 4, 5, 8),
    "left lateral sectionectomy": (2, 3),
    "right anterior sectionectomy": (5, 8),
    "right posterior sectionectomy": (6, 7),
}


def read(path: Path) -> tuple[sitk.Image, np.ndarray]:
    image = sitk.ReadImage(str(path))
    return image, sitk.GetArrayFromImage(image)


def main(folder: Path) -> dict[str, object]:
    liver_image, liver = read(folder / "liver.nii.gz")
    spacing = liver_image.GetSpacing()[::-1]
    voxel_ml = float(np.prod(spacing)) / 1000
    read(folder / "ct.nii.gz")
    liver = liver > 0
    couinaud = read(folder / "couinaud.nii.gz")[1]
    portal = read(folder / "portalvein.nii.gz")[1] > 0
    hepatic = read(folder / "hepaticveins_ivc.nii.gz")[1] > 0
    tumours = [read(path) for path in sorted(folder.glob("tumor*.nii.gz"))]

    whole = liver.copy()
    for _, tumour in tumours:
        whole |= tumour > 0
    indices = ndimage.distance_transform_edt(couinaud == 0, spacing, return_distances=False, return_indices=True)
    segments = np.where(whole, couinaud[tuple(indices)], 0)
    capsule = ndimage.distance_transform_edt(whole, spacing)
    to_portal = ndimage.distance_transform_edt(~portal, spacing)
    to_hepatic = ndimage.distance_transform_edt(~hepatic, spacing)

    lesions = []
    for number, (image, tumour) in enumerate(tumours, start=1):
        mask = tumour > 0
        shape = RadiomicsShape(image, sitk.Cast(image > 0, sitk.sitkUInt8), label=1, padDistance=1, **{})
        counts = np.bincount(segments[mask], minlength=9)
        lesions.append(
            {
                "id": f"L{number}",
                "volume_ml": float(mask.sum()) * voxel_ml,
                "longest_axial_mm": float(shape.getMaximum2DDiameterSliceFeatureValue()),
                "max3d_mm": float(shape.getMaximum3DDiameterFeatureValue()),
                "segments": {
                    str(s): 100 * float(counts[s]) / float(counts[1:].sum()) for s in range(1, 9) if counts[s]
                },
                "distance_mm": {
                    "capsule": float(capsule[mask].min()),
                    "portal": float(to_portal[mask].min()),
                    "hepatic": float(to_hepatic[mask].min()),
                },
            }
        )

    tumour_all = np.zeros_like(whole)
    for _, tumour in tumours:
        tumour_all |= tumour > 0
    nontumour = whole & ~tumour_all
    resections = []
    for name, removed_segments in RESECTIONS.items():
        removed = np.isin(segments, removed_segments)
        to_remnant = ndimage.distance_transform_edt(~(whole & ~removed), spacing)
        resections.append(
            {
                "name": name,
                "removed_ml": float(removed.sum()) * voxel_ml,
                "remnant_percent_nontumour": 100 * float((nontumour & ~removed).sum()) / float(nontumour.sum()),
                "margins_mm": {f"L{n}": float(to_remnant[t > 0].min()) for n, (_, t) in enumerate(tumours, start=1)},
            }
        )
    return {"liver_ml": float(whole.sum()) * voxel_ml, "lesions": lesions, "resections": resections}


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1])), indent=1))
