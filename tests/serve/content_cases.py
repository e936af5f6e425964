"""Small cases on disk with a known inside: a ball of liver with balls of lesions, on any grid."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np

CENTRE_RAS = np.array([-40.0, 20.0, 30.0])
"""Middle of the liver: to the patient's right (RAS x below 0), as livers lie."""
LIVER_MM, LESION_MM = 60.0, 10.0
LESIONS_RAS = {"first": CENTRE_RAS + np.array([-30.0, 0.0, 0.0]), "second": CENTRE_RAS + np.array([25.0, 10.0, 5.0])}
"""The first is the more lateral one, so it lies on the patient's right of the second."""
LIVER_HU, LESION_HU, FAT_HU, MARK_HU = 110, 55, -90, 900
MARK_RAS = CENTRE_RAS + np.array([-50.0, 0.0, 0.0])
"""A bright marker in the right part of the liver."""

COMMENT = "# the surgeon's own note, to be kept"


def affine_of(spacing: tuple[float, float, float], turns: tuple[int, int, int], signs: tuple[int, int, int],
              tilt_degrees: float, shape: tuple[int, int, int]) -> np.ndarray:  # fmt: skip
    """RAS affine with axes in some order and direction, tilted about an oblique axis, centred on the liver."""
    axes = np.zeros((3, 3))
    for axis, (world, sign, mm) in enumerate(zip(turns, signs, spacing, strict=True)):
        axes[world, axis] = sign * mm
    angle = np.deg2rad(tilt_degrees)
    way = np.array([1.0, 2.0, 3.0]) / np.sqrt(14.0)
    cross = np.array([[0, -way[2], way[1]], [way[2], 0, -way[0]], [-way[1], way[0], 0]])
    turned = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    affine = np.eye(4)
    affine[:3, :3] = turned @ axes
    affine[:3, 3] = CENTRE_RAS - affine[:3, :3] @ ((np.array(shape) - 1) / 2.0)
    return affine


def points_of(affine: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """(..., 3) RAS mm of every voxel centre."""
    index = np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"), axis=-1)
    return index @ affine[:3, :3].T + affine[:3, 3]


def ball(points: np.ndarray, centre: np.ndarray, radius_mm: float) -> np.ndarray:
    return np.linalg.norm(points - centre, axis=-1) <= radius_mm


def write_case(folder: Path, affine: np.ndarray, shape: tuple[int, int, int], *, lesions: str = "files",
               image: bool = True, image_scale: float = 1.0) -> Path:  # fmt: skip
    """A case folder. lesions: "files" (one each), "one" (a binary file), "labels" (in a multi-label file)."""
    folder.mkdir(parents=True, exist_ok=True)
    points = points_of(affine, shape)
    liver = ball(points, CENTRE_RAS, LIVER_MM)
    outlines = [ball(points, centre, LESION_MM) for centre in LESIONS_RAS.values()]
    rng = np.random.default_rng(3)
    ct = np.where(liver, LIVER_HU, FAT_HU) + rng.normal(0, 3, shape)
    for outline in outlines:
        ct[outline] = LESION_HU
    ct[ball(points, MARK_RAS, 6.0)] = MARK_HU

    def save(name: str, data: np.ndarray, dtype: type) -> None:
        nibabel.Nifti1Image(data.astype(dtype), affine).to_filename(folder / f"{name}.nii.gz")

    lines = ["id: ball", COMMENT, "patient:", "  age_years: 61  # told by the patient", "studies:", "- id: ct-1"]
    if image:
        save("ct", ct * image_scale, np.int16 if image_scale == 1.0 else np.float32)
        lines += ["  modality: CT", "  image: ct.nii.gz"]
    lines += ["  masks:", "    liver: liver.nii.gz"]
    save("liver", liver, np.uint8)
    if lesions == "files":
        lines += ["    lesions:", "    - one.nii.gz", "    - two.nii.gz"]
        save("one", outlines[0], np.uint8)
        save("two", outlines[1], np.uint8)
    elif lesions == "one":
        lines += ["    lesions: both.nii.gz"]
        save("both", outlines[0] | outlines[1], np.uint8)
    else:
        save("many", 5 * liver + 0 * outlines[0] + 2 * outlines[0] + 4 * outlines[1], np.uint8)
        lines += ["    multilabel:", "      file: many.nii.gz", "      names: {5: spleen, 7: lesion, 9: lesion_2}"]
    lines += ["lesions:", "# what the board said of them", "- id: L2", "  nature: confirmed", "  reason: biopsied", ""]
    (folder / "case.yaml").write_text("\n".join(lines), encoding="utf-8")
    return folder


def plain_case(folder: Path, **how: object) -> Path:
    """The case on an axial LPS grid of 3 mm."""
    shape = (56, 54, 52)
    affine = affine_of((3.0, 3.0, 3.0), (0, 1, 2), (-1, -1, 1), 0.0, shape)
    return write_case(folder, affine, shape, **how)  # type: ignore[arg-type]


def lps(ras: np.ndarray) -> list[float]:
    return [-float(ras[0]), -float(ras[1]), float(ras[2])]
