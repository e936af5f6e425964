"""How well the shipped model does on the held-out livers, beside a second reader and a bounding-box atlas.

Run `python -m training.couinaud.evaluate --data FOLDER` where the data is; the table is printed, and written as JSON
with `--out`.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import edt
import numpy as np
import numpy.typing as npt

from glisson.anatomy import SEGMENT_NAMES, SegmentMap, learned_segments, remnant_interval
from glisson.anatomy.couinaud_frame import LiverFrame
from glisson.geometry import Mask, box_of
from glisson.planning.catalogue import CATALOGUE
from training.couinaud.data import SAME_SCAN, Liver, load, training_names

Array = npt.NDArray[Any]

VALUES = {name: value for value, name in SEGMENT_NAMES.items()}
ATLAS_CELLS = 64

BAND_MM = 10.0
"""What lies nearer than this to a border between segments counts as its band."""


def dice(a: Array, b: Array) -> list[float]:
    """Dice of the segments I to VIII of two label maps on one grid."""
    both = np.bincount(np.where(a == b, a, 0).ravel(), minlength=9)
    sizes = np.bincount(a.ravel(), minlength=9) + np.bincount(b.ravel(), minlength=9)
    return [float(2 * both[v] / sizes[v]) if sizes[v] else 1.0 for v in range(1, 9)]


def remnants(labels: Array) -> dict[str, float]:
    """What each standard resection leaves, in percent of the liver."""
    counts = np.bincount(labels.ravel(), minlength=9)[1:].astype(float)
    total = counts.sum()
    return {r.name: 100 * (1 - sum(counts[VALUES[n] - 1] for n in r.segments) / total) for r in CATALOGUE}


def turned(liver: Liver, labels: Array) -> Array:
    """An array of a liver with its axes along L, P and S."""
    frame = LiverFrame.of(liver.mask)
    result = np.transpose(labels, frame.order)
    for axis, backwards in enumerate(frame.flipped):
        if backwards:
            result = np.flip(result, axis)
    return result


def second_reading(first: Liver, second: Liver, reach: int = 3) -> Array:
    """The second reader's labels on the first's grid: both are crops of one scan, laid over each other where their
    livers agree best."""
    a, b = turned(first, first.labels), turned(second, second.labels)
    padded = np.pad(a, reach)
    best: tuple[float, Array] = (-1.0, a)
    for offset in np.ndindex(*[2 * reach + 1] * 3):
        window = tuple(slice(o, min(o + n, m)) for o, n, m in zip(offset, b.shape, padded.shape, strict=True))
        seen = b[: window[0].stop - offset[0], : window[1].stop - offset[1], : window[2].stop - offset[2]]
        both = np.count_nonzero((padded[window][::5, ::5, ::3] > 0) & (seen[::5, ::5, ::3] > 0))
        if both > best[0]:
            moved = np.zeros_like(padded)
            moved[window] = seen
            best = (both, moved[reach:-reach, reach:-reach, reach:-reach])
    return best[1]


def bounding_box_atlas(folder: Path) -> Array:
    """(9, 64, 64, 64) votes of the training livers, each squeezed into its bounding box."""
    votes = np.zeros((9, *[ATLAS_CELLS] * 3), np.float32)
    for name in training_names(folder):
        liver = load(folder, name)
        labels = turned(liver, liver.labels)
        labels = labels[box_of(labels)]
        places = [((np.arange(ATLAS_CELLS) + 0.5) * n / ATLAS_CELLS).astype(int) for n in labels.shape]
        seen = labels[np.ix_(*places)]
        for value in range(9):
            votes[value] += seen == value
    return votes


def by_atlas(votes: Array, liver: Liver) -> Array:
    """The atlas's label of each liver voxel."""
    best = votes[1:].argmax(axis=0) + 1
    labels = turned(liver, liver.labels)
    box = box_of(labels)
    assert box is not None
    places = [((np.arange(s.stop - s.start) + 0.5) * ATLAS_CELLS / (s.stop - s.start)).astype(int) for s in box]
    result = np.zeros_like(labels)
    result[box] = best[np.ix_(*places)]
    result[labels == 0] = 0
    return result


def near_border(labels: Array, reach_mm: float, spacing: tuple[float, float, float]) -> Array:
    """Liver voxels within a distance of a border between two segments."""
    border = np.zeros(labels.shape, bool)
    for axis in range(3):
        a, b = (np.moveaxis(labels, axis, 0)[s] for s in (slice(None, -1), slice(1, None)))
        differ = (a != b) & (a > 0) & (b > 0)
        np.moveaxis(border, axis, 0)[:-1] |= differ
        np.moveaxis(border, axis, 0)[1:] |= differ
    result: Array = (edt.edt(~border, anisotropy=spacing) <= reach_mm) & (labels > 0)
    return result


def measured(truth: Liver, reader: Array, vessels: list[Mask]) -> tuple[dict[str, Any], Array]:
    """The shipped model on one liver, and its labels along L, P and S."""
    began = time.perf_counter()
    found = learned_segments(truth.mask, *vessels)
    seconds = time.perf_counter() - began
    labels = turned(truth, found.labels.on(truth.grid))
    assert found.chances is not None
    intervals = {r.name: remnant_interval(found.chances, r.segments) for r in CATALOGUE}
    return {
        "dice": dice(reader, labels),
        "remnant": remnants(labels),
        "interval": {name: [i.low_percent, i.high_percent] for name, i in intervals.items()},
        "seconds": seconds,
        "confidence": found.mean_confidence,
        "right_percent": 100 * float((labels == reader)[reader > 0].mean()),
        "bins": _bins(found, truth),
    }, labels


def one(folder: Path, name: str, votes: Array) -> dict[str, Any]:
    """Everything measured on one held-out liver."""
    truth = load(folder, name)
    reader = turned(truth, truth.labels)
    twin = {mine: lits for lits, mine in SAME_SCAN.items()}[name]
    other = second_reading(truth, load(folder, twin))
    both = (reader > 0) & (other > 0)
    first, second = np.where(both, reader, 0), np.where(both, other, 0)
    row: dict[str, Any] = {"name": name, "truth": remnants(reader)}
    assert truth.vessels is not None
    for key, vessels in (("without", []), ("with", [Mask(truth.vessels, truth.grid)])):
        row[key], labels = measured(truth, reader, vessels)
        row[key]["dice_second_reader"] = dice(np.where(both, labels, 0), second)
    row["atlas"] = {"dice": dice(reader, by_atlas(votes, truth))}
    order = LiverFrame.of(truth.mask).order
    i, j, k = (truth.grid.spacing_mm[axis] for axis in order)
    band, differ = near_border(reader, BAND_MM, (i, j, k)), first != second
    row["reader"] = {
        "dice": dice(first, second),
        "remnant": remnants(other),
        "other": twin,
        "differences_in_band_percent": 100 * float((differ & band).sum() / differ.sum()),
        "band_percent": 100 * float(band.sum() / np.count_nonzero(reader)),
    }
    return row


def _bins(found: SegmentMap, truth: Liver) -> list[list[float]]:
    """For ten classes of confidence: liver voxels, sum of confidence, voxels with the reader's label."""
    confidence = found.confidence
    assert confidence is not None
    inside = found.labels.data > 0
    sure = confidence.data[inside].astype(float)
    start = confidence.grid.offset_in(truth.grid)
    reader = truth.labels[tuple(slice(o, o + n) for o, n in zip(start, inside.shape, strict=True))]
    right = (found.labels.data == reader)[inside].astype(float)
    index = (sure * 10).astype(int).clip(0, 9)
    return [[float(x) for x in np.bincount(index, weights=w, minlength=10)] for w in (np.ones(len(sure)), sure, right)]


def remnant_errors(rows: list[dict[str, Any]], key: str) -> dict[str, tuple[float, float]]:
    """For each standard resection the median and the worst error of the remnant, in points."""
    result = {}
    for resection in CATALOGUE:
        errors = [abs(row[key]["remnant"][resection.name] - row["truth"][resection.name]) for row in rows]
        result[resection.name] = (float(np.median(errors)), float(max(errors)))
    return result


def held_by_interval(rows: list[dict[str, Any]], key: str, second: bool = False) -> float:
    """Share of the remnants, to the reader's segments or to the second reader's, that lie within the interval."""
    held = []
    for row in rows:
        for name, percent in (row["reader"]["remnant"] if second else row["truth"]).items():
            low, high = row[key]["interval"][name]
            held.append(low <= percent <= high)
    return float(np.mean(held))


def table(rows: list[dict[str, Any]]) -> str:
    """The measurements as text."""
    lines = [
        "Dice on the held-out livers (mean over them)",
        f"{'':34}" + "".join(f"{n:>7}" for n in VALUES) + "   mean",
    ]
    kinds = (
        ("with vessels", lambda r: r["with"]["dice"]),
        ("without vessels", lambda r: r["without"]["dice"]),
        ("bounding-box atlas", lambda r: r["atlas"]["dice"]),
        ("second reader of the same scan", lambda r: r["reader"]["dice"]),
        ("with vessels, to second reader", lambda r: r["with"]["dice_second_reader"]),
        ("without vessels, to second reader", lambda r: r["without"]["dice_second_reader"]),
    )
    for name, of in kinds:
        values = np.mean([of(row) for row in rows], axis=0)
        lines.append(f"{name:34}" + "".join(f"{v:7.3f}" for v in values) + f"{values.mean():7.3f}")
    lines += ["", "Mean Dice by liver: with, without, second reader"]
    for row in rows:
        three = [np.mean(row[key]["dice"]) for key in ("with", "without", "reader")]
        lines.append(f"{row['name']:16}" + "".join(f"{v:7.3f}" for v in three))
    lines += ["", "Remnant error in points, median / worst: with vessels, without, second reader"]
    errors = {key: remnant_errors(rows, key) for key in ("with", "without", "reader")}
    for resection in CATALOGUE:
        cells = "".join(f"{errors[k][resection.name][0]:7.1f} /{errors[k][resection.name][1]:5.1f}" for k in errors)
        lines.append(f"{resection.name:48}{cells}")
    for key in ("with", "without"):
        lines.append(
            f"{key} vessels: {100 * held_by_interval(rows, key):.0f} % of remnants within the interval "
            f"({100 * held_by_interval(rows, key, second=True):.0f} % of the second reader's), "
            f"{np.mean([r[key]['right_percent'] for r in rows]):.1f} % of liver voxels right at a mean confidence of "
            f"{100 * np.mean([r[key]['confidence'] for r in rows]):.1f} %, "
            f"slowest {max(r[key]['seconds'] for r in rows):.1f} s"
        )
    share, band = (np.mean([r["reader"][k] for r in rows]) for k in ("differences_in_band_percent", "band_percent"))
    lines.append(
        f"{share:.0f} % of what the two readers label differently lies within {BAND_MM:.0f} mm of a border, "
        f"where {band:.0f} % of the liver lies"
    )
    return "\n".join(lines)


def main() -> None:
    """Measure the shipped model on the ten held-out livers."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, help="JSON file for every number")
    given = parser.parse_args()
    votes = bounding_box_atlas(given.data)
    rows = [one(given.data, name, votes) for name in sorted(SAME_SCAN.values())]
    print(table(rows))
    if given.out is not None:
        given.out.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
