"""The labelled livers, brought into the liver's own frame: what may be learned from and what is held out."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np
import numpy.typing as npt

from glisson.anatomy.couinaud_frame import LiverFrame
from glisson.geometry import Grid, Mask

SOURCE_CELLS = (96, 84, 72)
"""Cells of the packed livers: half as fine again as those of the network, so that a warp has something to sample."""

MIRRORED = frozenset(f"lits-{n:03d}" for n in (28, *range(30, 48)))
"""Livers whose header has left and right exchanged (segment VII lies left of II) and has lost the voxel sizes (1 mm
throughout, so that some are 4 cm high). lits-029 is not among them. Networks do not mind, planes in mm do."""

SAME_SCAN = {f"lits-{27 + n:03d}": f"3dircadb-{n:03d}" for n in range(1, 11)}
"""LiTS volumes 28 to 47 are the twenty scans of 3D-IRCADb, so these ten are the held-out livers, read a second time.
They are never trained on; they measure how far two readings of one scan agree."""


FOLDS = 3
RUN = 4
"""Neighbouring numbers go into one fold: some LiTS livers with neighbouring numbers are one patient seen twice."""


@dataclass(frozen=True)
class Liver:
    """One labelled liver in world-true orientation: labels 0..8 and vessels (or None) on one grid."""

    name: str
    labels: npt.NDArray[np.uint8]
    vessels: npt.NDArray[np.bool_] | None
    grid: Grid

    @property
    def mask(self) -> Mask:
        """The liver: every labelled voxel."""
        return Mask(self.labels > 0, self.grid)


def names(folder: Path) -> list[str]:
    """Every liver in the folder, in order."""
    return sorted(path.name.removesuffix("_couinaud.nii.gz") for path in folder.glob("*_couinaud.nii.gz"))


def training_names(folder: Path) -> list[str]:
    """The livers that may be learned from: LiTS without the scans that are held out."""
    return [name for name in names(folder) if name.startswith("lits-") and name not in SAME_SCAN]


def fold_of(name: str) -> int:
    """The fold in which a liver is held out."""
    return (int(name.removeprefix("lits-")[:3]) // RUN) % FOLDS


def scaled_names(folder: Path) -> list[str]:
    """Those of the training livers whose voxel sizes are known."""
    return [name for name in training_names(folder) if name not in MIRRORED]


def load(folder: Path, name: str) -> Liver:
    """A liver with its header mended where it is mirrored."""
    image = nibabel.load(folder / f"{name}_couinaud.nii.gz")
    labels = np.asarray(image.dataobj).astype(np.uint8)
    path = folder / f"{name}_vessels.nii.gz"
    vessels = np.asarray(nibabel.load(path).dataobj) > 0 if path.exists() else None
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ image.affine
    if name in MIRRORED:
        affine[0] *= -1
    return Liver(name, labels, vessels, Grid(labels.shape, affine))


def packed(liver: Liver) -> dict[str, npt.NDArray[np.uint8]]:
    """Labels by the largest share of each cell, and the share of vessels in 255ths."""
    frame = LiverFrame.of(liver.mask)
    best = np.full(SOURCE_CELLS, 0.0, np.float32)
    labels = np.zeros(SOURCE_CELLS, np.uint8)
    inside = frame.inward(liver.labels > 0, SOURCE_CELLS) >= 0.5
    for value in range(1, 9):
        share = frame.inward(liver.labels == value, SOURCE_CELLS)
        better = inside & (share > best)
        labels[better], best[better] = value, share[better]
    result = {"labels": labels}
    if liver.vessels is not None:
        inward = frame.inward(liver.vessels & (liver.labels > 0), SOURCE_CELLS)
        result["vessels"] = np.rint(inward * 255).astype(np.uint8)
    return result


def pack(folder: Path, out: Path) -> None:
    """Write the livers that may be learned from as one file."""
    arrays = {}
    for name in training_names(folder):
        for key, value in packed(load(folder, name)).items():
            arrays[f"{name}/{key}"] = value
    out.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(out, **arrays)


def read_pack(path: Path) -> dict[str, dict[str, npt.NDArray[np.uint8]]]:
    """The packed livers: name -> labels and, where there are some, vessels."""
    livers: dict[str, dict[str, npt.NDArray[np.uint8]]] = {}
    with np.load(path) as archive:
        for key in archive.files:
            name, what = key.split("/")
            livers.setdefault(name, {})[what] = archive[key]
    return livers


def main() -> None:
    """Pack the training livers of a folder."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    pack(given.data, given.out)


if __name__ == "__main__":
    main()
