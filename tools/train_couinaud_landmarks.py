"""Fit the numbers behind `glisson.anatomy.find_landmarks` and write couinaud_landmarks.npz; deterministic.

    python tools/train_couinaud_landmarks.py FOLDER [--test PREFIX] [-o FILE]

FOLDER holds `lits-*_couinaud.nii.gz`, label maps 1..8 (Zhang et al., MICCAI 2023). Maps of MIRRORED livers are turned.
With --test the model is then measured on the maps whose names start with PREFIX, which take no part in the fit.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from glisson.anatomy.couinaud_planes import couinaud_from_landmarks, plane_distances_mm
from glisson.anatomy.landmarks import (
    CAUDATE_MM,
    FALCIFORM_MM,
    FRONT_MM,
    MODEL_FILE,
    UMBILICAL_MM,
    Landmarks,
    landmarks_from_numbers,
    shape_features,
)  # fmt: skip
from glisson.geometry import Grid, Labels, Mask
from glisson.imaging import read_labels

MIRRORED = (28, *range(30, 48))
"""LiTS livers whose headers have left and right exchanged; each was looked at."""
RIDGE = 30.0
"""Weight of the penalty on scaled features; best of 3, 10, 30, 100, 300 in cross-validation, flat around it."""
CLIP = 3.0
"""Targets further than this many robust standard deviations from the median are drawn in to there."""
FOLDS = 10
SAMPLES = 5000
NEAR_MM = 15.0
"""The error of a plane is measured where the readers' plane is nearer than this."""

Array = np.ndarray[Any, np.dtype[np.float64]]


def load(path: Path) -> Labels:
    """A label map with its directions right."""
    labels = read_labels(path)
    name = path.name.split("_")[0]
    if name.startswith("lits-") and int(name[5:]) in MIRRORED:
        turned = Grid(labels.grid.shape, np.diag([-1.0, 1.0, 1.0, 1.0]) @ labels.grid.affine)
        return Labels(labels.data, turned, labels.names)
    return labels


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


def read(paths: list[Path]) -> list[tuple[Labels, Array, Array, Array, Array]]:
    """Of each map with all eight segments: labels, features, numbers, sample points and their labels."""
    found = []
    for path in paths:
        labels = load(path)
        if len(labels.values) < 8:
            print(f"{path.name}: left out, it lacks a segment")
            continue
        middle, features = shape_features(Mask(labels.data > 0, labels.grid))
        index = np.argwhere(labels.data > 0)
        index = index[np.random.default_rng(0).permutation(len(index))[:40_000]]
        points, label = labels.grid.to_mm(index) - middle, labels.data[tuple(index.T)]
        found.append((labels, features, numbers_of(points, label), points, label))
    return found


def plane_errors(truth: Landmarks, guess: Landmarks, points: Array) -> list[Array]:
    """For each plane, how far the guessed one is off where the true one is near."""
    a, b = plane_distances_mm(truth, points), plane_distances_mm(guess, points)
    return [(b[n] - a[n])[abs(a[n]) < NEAR_MM] for n in range(len(a))]


def fit(cases: list[Any]) -> dict[str, Array]:
    """The model of all cases, and the errors of models fitted without each tenth of them."""
    x, y = np.array([case[1] for case in cases]), np.array([case[2] for case in cases])
    median = np.median(y, axis=0)
    reach = CLIP * 1.4826 * np.median(abs(y - median), axis=0)
    y = np.clip(y, median - reach, median + reach)
    mean, spread = x.mean(axis=0), x.std(axis=0) + 1e-6
    fold = np.random.default_rng(1).integers(0, FOLDS, len(cases))
    guess = np.zeros_like(y)
    for number in range(FOLDS):
        guess[fold == number] = Ridge(x[fold != number], y[fold != number], mean, spread)(x[fold == number])
    origin = np.zeros(3)
    errors: list[list[Array]] = [[] for _ in range(7)]
    for case, numbers in zip(cases, guess, strict=True):
        found = plane_errors(landmarks_from_numbers(case[2], origin), landmarks_from_numbers(numbers, origin), case[3])
        for plane, off in zip(errors, found, strict=True):
            plane.append(off)
    plane_spread = np.array([1.4826 * np.median(abs(np.concatenate(plane))) for plane in errors])
    whole = Ridge(x, y, mean, spread)
    print("Median absolute error:", np.median(abs(guess - y), axis=0).round(1), "planes:", plane_spread.round(1))
    return {
        "mean": mean, "spread": spread, "weights": whole.weights, "base": whole.base,
        "covariance": np.cov((guess - y).T), "plane_spread": plane_spread,
    }  # fmt: skip


def measure(cases: list[Any]) -> None:
    """Dice of each segment and the confidence against the share that is right."""
    dice, sure, right = [], [], []
    for labels, *_ in cases:
        found = couinaud_from_landmarks(Mask(labels.data > 0, labels.grid))
        truth = labels.on(found.labels.grid)
        own = found.labels.data
        dice.append(
            [2 * ((own == n) & (truth == n)).sum() / ((own == n).sum() + (truth == n).sum()) for n in range(1, 9)]
        )
        inside = truth > 0
        sure.append(float(found.confidence.data[inside].mean()) if found.confidence else 0.0)
        right.append(float((own == truth)[inside].mean()))
    print("Dice of I to VIII:", np.mean(dice, axis=0).round(3), "mean:", np.mean(dice).round(4))
    print("Confidence:", np.mean(sure).round(3), "right:", np.mean(right).round(3))


def main() -> None:
    """Fit, write, measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--test", default="", help="measure on maps whose names start with this")
    parser.add_argument("-o", "--out", type=Path, default=MODEL_FILE)
    given = parser.parse_args()
    cases = read(sorted(given.folder.glob("lits-*_couinaud.nii.gz")))
    model = fit(cases)
    np.savez(given.out, **{name: value.astype(np.float32) for name, value in sorted(model.items())})
    print(f"{given.out}: {given.out.stat().st_size} bytes from {len(cases)} livers")
    if given.test:
        measure(read(sorted(given.folder.glob(f"{given.test}*_couinaud.nii.gz"))))


if __name__ == "__main__":
    main()
