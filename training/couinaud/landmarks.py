"""Fit the numbers behind `glisson.anatomy.find_landmarks`: where Couinaud's planes lie, from a liver's extents.

Written are the model of all livers that may be learned from and whose voxel sizes are known, which is shipped, and for
each of them the chances of its segments by a model that saw none of its fold: with these the export calibrates.
Deterministic.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from glisson.anatomy.couinaud_frame import LiverFrame
from glisson.anatomy.couinaud_learned import plane_logs
from glisson.anatomy.couinaud_net import COARSE, SEGMENTS
from glisson.anatomy.couinaud_planes import plane_distances_mm
from glisson.anatomy.landmarks import (
    CAUDATE_MM,
    FALCIFORM_MM,
    FRONT_MM,
    MODEL_FILE,
    UMBILICAL_MM,
    Landmarks,
    find_landmarks,
    landmarks_from_numbers,
    shape_features,
)
from training.couinaud.data import FOLDS, Liver, fold_of, load, scaled_names

RIDGE = 30.0
"""Weight of the penalty on scaled features; best of 3, 10, 30, 100, 300 in cross-validation, flat around it."""

CLIP = 3.0
"""Targets further than this many robust standard deviations from the median are drawn in to there."""

PARTS = 10
"""Parts of the livers for the spread of the errors."""

SAMPLES = 5000
NEAR_MM = 15.0
"""The error of a plane is measured where the readers' plane is nearer than this."""

Array = npt.NDArray[Any]
Case = tuple[Array, Array, Array]
"""Features, numbers and sample points of a liver."""


def upright(points: Array, label: Array, low: tuple[int, ...], high: tuple[int, ...]) -> tuple[Array, float]:
    """Unit normal (2,) and offset of the upright plane that parts two groups of segments best (logistic regression)."""
    from scipy.optimize import minimize

    held = np.flatnonzero(np.isin(label, low + high))
    held = np.random.default_rng(0).choice(held, min(len(held), SAMPLES), replace=False)
    x = np.column_stack([points[held, :2] / 40.0, np.ones(len(held))])
    sign = np.where(np.isin(label[held], high), 1.0, -1.0)

    def loss(w: Array) -> tuple[float, Array]:
        margin = sign * (x @ w)
        pull = -sign / (1.0 + np.exp(margin))
        penalty = np.r_[w[:2], 0.0]
        value = np.logaddexp(0, -margin).mean() + 1e-4 * float(penalty @ penalty)
        return float(value), (pull[:, None] * x).mean(axis=0) + 2e-4 * penalty

    w = minimize(loss, np.zeros(3), jac=True, method="BFGS").x
    size = np.linalg.norm(w[:2])
    return w[:2] / size, float(-w[2] * 40.0 / size)


def level(points: Array, label: Array, low: tuple[int, ...], high: tuple[int, ...]) -> float:
    """Height that parts two groups of segments with the fewest errors."""
    below, above = points[np.isin(label, low), 2], points[np.isin(label, high), 2]
    heights = np.arange(min(below.min(), above.min()) - 1.5, above.max() + 3.0, 1.5)
    errors = [int((below > z).sum() + (above <= z).sum()) for z in heights]
    return float(heights[int(np.argmin(errors))])


def numbers_of(points: Array, label: Array) -> Array:
    """(10,) what `find_landmarks` has to say, from the readers' segments; points in mm from the liver's middle."""
    right, at_right = upright(points, label, (6, 7), (5, 8))
    middle, at_middle = upright(points, label, (5, 6, 7, 8), (2, 3, 4))
    side, at_side = upright(points, label, (4,), (2, 3))
    front, at_front = upright(points, label, (1,), (4, 2, 3))
    groove, at_groove = upright(points, label, (5, 6, 7, 8), (1,))
    cx, cy = np.linalg.solve(np.array([middle, right]), [at_middle, at_right])

    def x_at(normal: Array, offset: float, y: float) -> float:
        return float((offset - normal[1] * y) / normal[0])

    def y_at(normal: Array, offset: float, x: float) -> float:
        return float((offset - normal[0] * x) / normal[1])

    return np.array(
        [
            cx, cy, x_at(middle, at_middle, cy - FRONT_MM), level(points, label, (5, 6), (7, 8)),
            x_at(side, at_side, cy - UMBILICAL_MM), x_at(side, at_side, cy - FALCIFORM_MM),
            level(points, label, (3,), (2,)), y_at(front, at_front, cx), y_at(front, at_front, cx + CAUDATE_MM),
            x_at(groove, at_groove, cy - 5.0),
        ]
    )  # fmt: skip


class Ridge:
    """A ridge regression on scaled features."""

    def __init__(self, x: Array, y: Array, mean: Array, spread: Array) -> None:
        z = (x - mean) / spread
        self.base = y.mean(axis=0)
        self.weights = z.T @ np.linalg.solve(z @ z.T + RIDGE * np.eye(len(z)), y - self.base)
        self.mean, self.spread = mean, spread

    def __call__(self, x: Array) -> Array:
        """(n, 10) numbers from (n, 101) features."""
        return self.base + (x - self.mean) / self.spread @ self.weights


def case_of(liver: Liver) -> Case | None:
    """What is learned from a liver; None when its map lacks a segment."""
    labels = liver.labels
    if len(np.unique(labels)) < 9:
        return None
    middle, features = shape_features(liver.mask)
    index = np.argwhere(labels > 0)
    index = index[np.random.default_rng(0).permutation(len(index))[:40_000]]
    points, label = liver.grid.to_mm(index) - middle, labels[tuple(index.T)]
    return features, numbers_of(points, label), points


def plane_errors(truth: Landmarks, guess: Landmarks, points: Array) -> list[Array]:
    """For each plane, how far the guessed one is off where the true one is near."""
    a, b = plane_distances_mm(truth, points), plane_distances_mm(guess, points)
    return [(b[n] - a[n])[abs(a[n]) < NEAR_MM] for n in range(len(a))]


def fit(cases: list[Case]) -> dict[str, Array]:
    """The model of all cases, and the errors of models fitted without each tenth of them."""
    x, y = np.array([case[0] for case in cases]), np.array([case[1] for case in cases])
    median = np.median(y, axis=0)
    reach = CLIP * 1.4826 * np.median(abs(y - median), axis=0)
    y = np.clip(y, median - reach, median + reach)
    mean, spread = x.mean(axis=0), x.std(axis=0) + 1e-6
    part = np.random.default_rng(1).integers(0, PARTS, len(cases))
    guess = np.zeros_like(y)
    for number in range(PARTS):
        guess[part == number] = Ridge(x[part != number], y[part != number], mean, spread)(x[part == number])
    origin = np.zeros(3)
    errors: list[list[Array]] = [[] for _ in range(7)]
    for case, numbers in zip(cases, guess, strict=True):
        found = plane_errors(landmarks_from_numbers(case[1], origin), landmarks_from_numbers(numbers, origin), case[2])
        for plane, off in zip(errors, found, strict=True):
            plane.append(off)
    plane_spread = np.array([1.4826 * np.median(abs(np.concatenate(plane))) for plane in errors])
    whole = Ridge(x, y, mean, spread)
    print("Median absolute error:", np.median(abs(guess - y), axis=0).round(1), "planes:", plane_spread.round(1))
    model = {"mean": mean, "spread": spread, "weights": whole.weights, "base": whole.base, "plane_spread": plane_spread}
    return {name: value.astype(np.float32) for name, value in sorted(model.items())}


def chances_by(model: dict[str, Array], liver: Liver) -> Array:
    """(8, *COARSE) logarithm of the chances by planes that a model places in a liver."""
    every = np.arange(np.prod(COARSE))
    logs = plane_logs(LiverFrame.of(liver.mask), every, find_landmarks(liver.mask, model), model["plane_spread"])
    return logs.T.reshape(SEGMENTS, *COARSE).astype(np.float16)


def main() -> None:
    """Fit and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--planes", type=Path, required=True, help="file for the chances of each liver, for the export")
    parser.add_argument("--out", type=Path, default=MODEL_FILE)
    given = parser.parse_args()
    livers = scaled_names(given.data)
    found = {name: case_of(load(given.data, name)) for name in livers}
    cases = {name: case for name, case in found.items() if case is not None}
    np.savez(given.out, **fit(list(cases.values())))
    print(f"{given.out}: {given.out.stat().st_size} bytes from {len(cases)} livers")
    unseen = [fit([case for name, case in cases.items() if fold_of(name) != fold]) for fold in range(FOLDS)]
    planes = {name: chances_by(unseen[fold_of(name)], load(given.data, name)) for name in livers}
    np.savez_compressed(given.planes, **planes)


if __name__ == "__main__":
    main()
