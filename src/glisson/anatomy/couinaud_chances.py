"""How likely each segment is where nobody drew any, and what uncertain borders make of a remnant."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from glisson.anatomy.couinaud_frame import Float32Array, LiverFrame
from glisson.anatomy.couinaud_net import COARSE
from glisson.anatomy.segments import SEGMENT_NAMES
from glisson.errors import InputError
from glisson.geometry import Mask

__all__ = ["RemnantInterval", "SegmentChances", "coarse_share", "remnant_interval"]


@dataclass(frozen=True, eq=False)
class SegmentChances:
    """How likely each segment is in each cell of the liver.

    chance: (n, 8), rows sum to 1, columns are I to VIII. liver_ml: (n,) liver in each cell. frame, index: where the
    cells lie; index is their place in the flattened grid of COARSE cells. cut: chance at which `remnant_interval` draws
    its limits. coverage: share of cross-validated remnants that intervals so drawn held.
    """

    chance: Float32Array
    liver_ml: npt.NDArray[np.float64]
    frame: LiverFrame
    index: npt.NDArray[np.int32]
    cut: float
    coverage: float

    def without(self, lesions: Iterable[Mask]) -> SegmentChances:
        """The same with the lesions' volume taken out of `liver_ml`, so that an interval is one of non-tumour liver.

        lesions: on the lattice of the liver; what two of them share counts once. Raises FrameMismatch off it.
        """
        grid = self.frame.grid
        gone = np.zeros(grid.shape, np.bool_)
        for lesion in lesions:
            gone |= lesion.on(grid, "the lesion")
        if not gone.any():
            return self
        share = coarse_share(self.frame.inward(gone)).ravel()[self.index]
        cell_ml = float(np.prod(self.frame.length)) / float(np.prod(COARSE)) * grid.voxel_ml
        return replace(self, liver_ml=(self.liver_ml - share * cell_ml).clip(0.0))


@dataclass(frozen=True)
class RemnantInterval:
    """Share of the liver that stays when segments are removed, and what uncertain borders make of it; percent.

    coverage: share of cross-validated remnants (to an expert's segments) that lay within such limits.
    """

    percent: float
    low_percent: float
    high_percent: float
    coverage: float


def remnant_interval(chances: SegmentChances, removed: Iterable[str]) -> RemnantInterval:
    """What stays of the liver when the segments named ("V", "VI", …) are removed, with limits for uncertain borders.

    The lower limit loses every cell whose chance of removal exceeds `cut`, the upper one only those above 1 - cut:
    errors along one border are taken to go the same way, so they do not average out. Raises InputError for a name that
    is no segment.
    """
    names = {name: value for value, name in SEGMENT_NAMES.items()}
    wanted = sorted(set(removed))
    strange = [name for name in wanted if name not in names]
    if strange:
        raise InputError(f"No such segment: {', '.join(strange)}. Segments are I to VIII.")
    gone = chances.chance[:, [names[name] - 1 for name in wanted]].sum(axis=1, dtype=np.float64)
    total = max(float(chances.liver_ml.sum()), np.finfo(float).tiny)
    limits = (0.5, chances.cut, 1.0 - chances.cut)
    middle, low, high = (100.0 * float(chances.liver_ml[gone <= limit].sum()) / total for limit in limits)
    return RemnantInterval(middle, low, high, chances.coverage)


def coarse_share(cells: Float32Array) -> Float32Array:
    """(32, 28, 24) mean over the 2x2x2 parts of each coarse cell of a (64, 56, 48) array."""
    a, b, c = COARSE
    result: Float32Array = cells.reshape(a, 2, b, 2, c, 2).mean(axis=(1, 3, 5))
    return result
