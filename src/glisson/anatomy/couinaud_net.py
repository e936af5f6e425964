"""The small network that names the segments, run with NumPy alone.

It is a U-Net on three grids of cells (about 7, 14 and 28 mm), but only cells that hold liver exist, so that a
convolution is a gather and one matrix product. What it was trained on is said in the model card.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from glisson.anatomy.couinaud_frame import CELLS, Float32Array
from glisson.geometry import BoolArray

__all__ = ["COARSE", "FEATURES", "MODEL_PATH", "SEGMENTS", "CouinaudModel", "Level", "features", "levels_of", "model"]

IntArray = npt.NDArray[np.int32]

COARSE = (CELLS[0] // 2, CELLS[1] // 2, CELLS[2] // 2)
"""Cells along L, P and S for which the network answers."""

SEGMENTS = 8
FEATURES = 27
"""Numbers that the network sees of a cell; see `features`."""

MODEL_PATH = Path(__file__).parent / "models" / "couinaud.npz"
"""The weights, half precision."""


@dataclass(frozen=True, eq=False)
class Level:
    """The cells of one grid that hold liver, in array order.

    index: (n,) place of each cell in the flattened grid. near: (n, 27) rows of a cell's neighbours, n where there is
    none. children: (n, 8) rows of its parts in the finer level, that level's size where there is none. parent: for each
    cell of the finer level the row of the cell that holds it. The finest level has no children and no parent.
    """

    index: IntArray
    near: IntArray
    children: IntArray
    parent: IntArray


def levels_of(inside: BoolArray) -> list[Level]:
    """The three levels of a (32, 28, 24) array of cells that hold liver."""
    levels: list[Level] = []
    nothing = np.zeros(0, np.int32)
    while len(levels) < 3:
        index = np.flatnonzero(inside).astype(np.int32)
        rows = _rows(inside, index)
        children, parent = nothing, nothing
        if levels:
            finer = [2 * n for n in inside.shape]
            children = _children(finer, levels[-1].index, index, inside.shape)
            places = np.unravel_index(levels[-1].index, finer)
            parent = rows[1:-1, 1:-1, 1:-1][tuple(p // 2 for p in places)]
        levels.append(Level(index, _near(rows, index, inside.shape), children, parent))
        if len(levels) < 3:
            inside = _halved(inside)
    return levels


def _halved(inside: BoolArray) -> BoolArray:
    a, b, c = inside.shape
    return np.asarray(inside.reshape(a // 2, 2, b // 2, 2, c // 2, 2).any(axis=(1, 3, 5)), np.bool_)


def _rows(inside: BoolArray, index: IntArray) -> IntArray:
    """Row of each cell, with one layer around; the count where there is no liver."""
    rows = np.full(inside.size, len(index), np.int32)
    rows[index] = np.arange(len(index), dtype=np.int32)
    return np.pad(rows.reshape(inside.shape), 1, constant_values=len(index))


def _near(rows: IntArray, index: IntArray, shape: tuple[int, ...]) -> IntArray:
    places = np.stack(np.unravel_index(index, shape))
    steps = np.stack(np.meshgrid(*[[0, 1, 2]] * 3, indexing="ij")).reshape(3, 27)
    found = places[:, :, None] + steps[:, None, :]
    return rows[found[0], found[1], found[2]]


def _children(finer: list[int], finer_index: IntArray, index: IntArray, shape: tuple[int, ...]) -> IntArray:
    rows = np.full(finer, len(finer_index), np.int32)
    rows.ravel()[finer_index] = np.arange(len(finer_index), dtype=np.int32)
    places = np.stack(np.unravel_index(index, shape)) * 2
    steps = np.stack(np.meshgrid(*[[0, 1]] * 3, indexing="ij")).reshape(3, 8)
    found = places[:, :, None] + steps[:, None, :]
    return rows[found[0], found[1], found[2]]


def features(liver: Float32Array, vessels: Float32Array | None, level: Level) -> Float32Array:
    """What the network sees of each cell of the finest level, (n, 27) float32.

    The shares of liver and of vessels (square root) in its 2x2x2 parts; whether vessels were given; depth in the liver;
    distance to the first and last liver cell along each axis; the cell's place, -1 to 1. liver, vessels: (64, 56, 48)
    shares, from `LiverFrame.inward`. Without vessels their numbers are 0.
    """
    import edt

    seen = np.zeros_like(liver) if vessels is None else np.sqrt(vessels.clip(0, 1))
    parts = [_parts(liver)[:, level.index], _parts(seen)[:, level.index]]
    inside = _parts(liver).mean(axis=0).reshape(COARSE) >= 0.5
    depth = edt.edt(inside, black_border=False) - edt.edt(~inside, black_border=False)
    rest = [np.full(COARSE, 0.0 if vessels is None else 1.0), depth / 8.0]
    for axis in range(3):
        count = COARSE[axis]
        place = np.arange(count).reshape([-1 if a == axis else 1 for a in range(3)])
        hit = inside.any(axis=axis, keepdims=True)
        start = inside.argmax(axis=axis, keepdims=True)
        stop = count - 1 - np.flip(inside, axis).argmax(axis=axis, keepdims=True)
        rest += [np.where(hit, (place - start) / count, 0.0), np.where(hit, (stop - place) / count, 0.0)]
    rest += np.meshgrid(*(np.linspace(-1, 1, n) for n in COARSE), indexing="ij")
    chosen = np.stack([np.broadcast_to(r, COARSE).ravel()[level.index] for r in rest])
    return np.concatenate([*parts, chosen]).T.astype(np.float32)


def _parts(fine: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """(8, cells): the 2x2x2 parts of each coarse cell."""
    a, b, c = COARSE
    return fine.reshape(a, 2, b, 2, c, 2).transpose(1, 3, 5, 0, 2, 4).reshape(8, -1)


@dataclass(frozen=True, eq=False)
class CouinaudModel:
    """Members of one ensemble, each a mapping of matrix names to arrays; an atlas; a temperature.

    atlas: (8, 32, 28, 24) logarithm of each segment's share over the training livers. temperature: logits are divided
    by it before they become chances. cut: level of chance at which the remnant's interval has the coverage stated.
    """

    members: tuple[Mapping[str, Float32Array], ...]
    atlas: Float32Array
    temperature: float
    cut: float
    coverage: float

    def logits(self, given: Float32Array, levels: list[Level]) -> Float32Array:
        """(n, 8) mean over the members."""
        prior = self.atlas.reshape(SEGMENTS, -1)[:, levels[0].index].T
        total = np.zeros((len(given), SEGMENTS), np.float32)
        for member in self.members:
            total += forward(member, given, levels)
        result: Float32Array = total / np.float32(len(self.members)) + prior
        return result


def forward(member: Mapping[str, Float32Array], given: Float32Array, levels: list[Level]) -> Float32Array:
    """(n, 27) features -> (n, 8) logits before the atlas is added."""

    def flat(name: str, x: Float32Array) -> Float32Array:
        result: Float32Array = np.maximum(x @ member[name] + member[f"{name}.bias"], 0)
        return result

    def near(name: str, x: Float32Array, level: Level) -> Float32Array:
        return x + flat(name, _gathered(x, level.near))

    zero, one, two = levels
    fine = near("fine1", flat("stem", given), zero)
    middle = flat("down1", _gathered(fine, one.children))
    middle = near("middle2", near("middle1", middle, one), one)
    coarse = flat("down2", _gathered(middle, two.children))
    coarse = near("coarse2", near("coarse1", coarse, two), two)
    coarse = coarse + flat("whole", coarse.mean(axis=0, keepdims=True))
    middle = near("middle3", middle + flat("up2", coarse[two.parent]), one)
    fine = near("fine2", fine + flat("up1", middle[one.parent]), zero)
    fine = near("fine3", fine, zero)
    result: Float32Array = fine @ member["head"] + member["head.bias"]
    return result


def _gathered(x: Float32Array, rows: IntArray) -> Float32Array:
    padded = np.concatenate([x, np.zeros((1, x.shape[1]), np.float32)])
    result: Float32Array = padded[rows].reshape(len(rows), -1)
    return result


@cache
def model(path: Path = MODEL_PATH) -> CouinaudModel:
    """The model shipped with the package; read once."""
    with np.load(path) as archive:
        arrays = {key: archive[key].astype(np.float32) for key in archive.files}
    count = 1 + max(int(key.split("/")[0]) for key in arrays if "/" in key)
    members = tuple(
        {key.split("/")[1]: value for key, value in arrays.items() if key.startswith(f"{i}/")} for i in range(count)
    )
    return CouinaudModel(
        members, arrays["atlas"], float(arrays["temperature"]), float(arrays["cut"]), float(arrays["coverage"])
    )
