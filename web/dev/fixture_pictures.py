"""Pictures of a made-up liver for the stand-in server: scan, label maps and surfaces, small and made when asked for."""

from __future__ import annotations

import gzip
import json
import struct
from functools import cache
from typing import Any

import numpy as np

SHAPE = (80, 64, 56)
SPACING = (4.0, 4.0, 4.0)
ORIGIN_LPS = (-158.0, -126.0, -110.0)
MARKER_LPS = (-130.0, -60.0, 10.0)
"""Middle of a bright ball outside the body, on the patient's right and in front."""
MARKER_RADIUS_MM = 10.0
LIVER = ((-55.0, -10.0, 5.0), (85.0, 62.0, 70.0))
PORTAL = ((-30.0, 0.0, 0.0), (50.0, 8.0, 8.0))
LABELS = {"liver": 1, "portal": 2}
LESION_FROM = 101


@cache
def _points() -> np.ndarray:
    axes = [o + s * np.arange(n) for o, s, n in zip(ORIGIN_LPS, SPACING, SHAPE, strict=True)]
    return np.stack(np.meshgrid(*axes, indexing="ij"))


def _ellipsoid(centre: Any, radii: Any) -> np.ndarray:
    parts = [(_points()[a] - centre[a]) / (radii[a] if np.ndim(radii) else radii) for a in range(3)]
    return sum(part**2 for part in parts) <= 1.0


def _scan(lesions: list[dict[str, Any]]) -> np.ndarray:
    hu = np.full(SHAPE, -1000, np.int16)
    hu[_ellipsoid((0.0, 0.0, 0.0), (140.0, 105.0, 200.0))] = 40
    hu[_ellipsoid(*LIVER)] = 110
    hu[_ellipsoid(*PORTAL)] = 180
    for one in lesions:
        hu[_ellipsoid(one["centre_lps"], one["long_mm"] / 2)] = 60
    hu[_ellipsoid((0.0, 70.0, 0.0), (16.0, 16.0, 200.0))] = 500
    hu[_ellipsoid(MARKER_LPS, MARKER_RADIUS_MM)] = 1200
    return hu


def _labels(lesions: list[dict[str, Any]]) -> np.ndarray:
    found = np.zeros(SHAPE, np.uint8)
    found[_ellipsoid(*LIVER)] = LABELS["liver"]
    found[_ellipsoid(*PORTAL)] = LABELS["portal"]
    for number, one in enumerate(lesions):
        found[_ellipsoid(one["centre_lps"], one["long_mm"] / 2)] = LESION_FROM + number
    return found


PARTS = {"kept": 1, "removed": 2, "destroyed": 3, "irradiated": 4}


def _fates(lesions: list[dict[str, Any]], part: str) -> np.ndarray:
    found = np.zeros(SHAPE, np.uint8)
    liver = _ellipsoid(*LIVER)
    found[liver] = 1
    found[liver & (_points()[0] < -90.0)] = 2
    found[liver & _ellipsoid(lesions[-1]["centre_lps"], lesions[-1]["long_mm"] / 2 + 8)] = PARTS[part]
    return found


def _nifti(data: np.ndarray) -> bytes:
    import nibabel

    affine = np.diag([-SPACING[0], -SPACING[1], SPACING[2], 1.0])
    affine[:3, 3] = [-ORIGIN_LPS[0], -ORIGIN_LPS[1], ORIGIN_LPS[2]]
    return gzip.compress(nibabel.Nifti1Image(data, affine).to_bytes(), 1)


def _mesh(mask: np.ndarray) -> bytes:
    from skimage.measure import marching_cubes

    vertices, faces, _, _ = marching_cubes(np.pad(mask, 1).astype(np.float32), 0.5)
    lps = np.array(ORIGIN_LPS) + (vertices - 1) * np.array(SPACING)
    ras = (lps * [-1, -1, 1]).astype("<f4")
    head = struct.pack("<HHIII", 0x5A4D, 3, len(faces), len(ras), 0)
    return gzip.compress(head + faces.astype("<i4").tobytes() + ras.tobytes(), 1)


def file(path: str, lesions: list[dict[str, Any]]) -> bytes:
    """The file that the viewer asks for below a version; kept once made."""
    return _made(path, json.dumps(lesions))


@cache
def _made(path: str, given: str) -> bytes:
    lesions = json.loads(given)
    if path.startswith("volume/"):
        return _nifti(_scan(lesions))
    if path.startswith("labels/"):
        return _nifti(
            _fates(lesions, "irradiated" if path.endswith("plan-2.nii.gz") else "destroyed")
            if "/plan-" in path
            else _labels(lesions)
        )
    key = path.removeprefix("mesh/").removesuffix(".mz3")
    if key.startswith("plan-"):
        part = key.rsplit("-", 1)[1]
        return _mesh(_fates(lesions, part if PARTS[part] > 2 else "destroyed") == PARTS[part])
    if key.startswith("lesion-"):
        one = lesions[int(key.removeprefix("lesion-l")) - 1]
        return _mesh(_ellipsoid(one["centre_lps"], one["long_mm"] / 2))
    return _mesh(_ellipsoid(*{"liver": LIVER, "portal": PORTAL}[key]))
