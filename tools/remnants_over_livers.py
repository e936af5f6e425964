"""Draw how much liver every standard resection leaves over the livers of a folder of Couinaud label maps.

Usage: python tools/remnants_over_livers.py FOLDER OUT.png. Prints the medians, and the order of the segments by volume
beside that of 107 livers measured by portal territories (HPB 2013, PMID 24033584).
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from glisson.anatomy import SEGMENT_NAMES
from glisson.planning import CATALOGUE

PUBLISHED = ("VIII", "VII", "IV", "V", "III", "VI", "II", "I")
"""Segments by falling median volume in 107 livers; VIII had 26.1 % (11.1 to 38.0)."""


def shares(folder: Path) -> dict[str, np.ndarray]:
    """Segment -> its share of each liver in percent."""
    import nibabel

    rows = []
    for path in sorted(folder.glob("*_couinaud.nii.gz")):
        counts = np.bincount(np.asarray(nibabel.load(path).dataobj).astype(np.uint8).ravel(), minlength=9)[1:9]
        rows.append(100.0 * counts / counts.sum())
    table = np.array(rows)
    return {name: table[:, value - 1] for value, name in SEGMENT_NAMES.items()}


def draw(found: dict[str, np.ndarray], out: Path) -> None:
    """One box per resection: the share that stays."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    stays = {entry.name: 100.0 - sum(found[name] for name in entry.segments) for entry in CATALOGUE}
    names = sorted(stays, key=lambda name: float(np.median(stays[name])))
    figure, axes = pyplot.subplots(figsize=(8.2, 7.4), layout="constrained")
    axes.boxplot(
        [stays[name] for name in names], orientation="horizontal", tick_labels=names, whis=(0, 100), widths=0.6,
        medianprops={"color": "#14506e", "linewidth": 2}, boxprops={"color": "#5a6570"},
        whiskerprops={"color": "#a0abb4"}, capprops={"color": "#a0abb4"},
    )  # fmt: skip
    for limit, words in ((20, "normal liver"), (30, "after long chemotherapy"), (40, "fibrosis, cirrhosis")):
        axes.axvline(limit, color="#a3201d", linewidth=0.8, linestyle=(0, (4, 3)))
        axes.text(limit + 0.5, len(names) + 0.7, words, rotation=90, va="top", fontsize=7, color="#a3201d")
    count = len(next(iter(found.values())))
    axes.set_xlabel(f"liver that stays, percent of the liver ({count} livers; box: quartiles, line: range)")
    axes.set_xlim(0, 100)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
    figure.savefig(out, dpi=130, metadata={"Software": None})
    for name in names:
        print(
            f"{name:46s} median {np.median(stays[name]):5.1f} %, {stays[name].min():5.1f} to {stays[name].max():5.1f}"
        )


def main() -> None:
    """Read, draw, print."""
    folder, out = Path(sys.argv[1]), Path(sys.argv[2])
    found = shares(folder)
    draw(found, out)
    order = sorted(found, key=lambda name: -float(np.median(found[name])))
    eight = found["VIII"]
    print("here:     ", " > ".join(f"{name} {np.median(found[name]):.1f}" for name in order))
    print("published:", " > ".join(PUBLISHED))
    print(
        f"VIII: median {np.median(eight):.1f} %, {eight.min():.1f} to {eight.max():.1f} (published 26.1, 11.1 to 38.0)"
    )


if __name__ == "__main__":
    main()
