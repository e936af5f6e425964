"""Draw how long the search over combined plans takes, and how its gap closes.

Usage: python -m benchmarks.clearance ROWS.json; python tools/clearance_curve.py ROWS.json OUT.png.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

KINDS = {
    "spread": ("spread over the liver", "#14506e", "o"),
    "near": ("within 4 cm of the hilum", "#a3201d", "s"),
    "tight": ("no plan possible", "#7a8a94", "^"),
}


def draw(rows: list[dict[str, Any]], out: Path) -> None:
    """Time and memory over the number of lesions; gap of each plan over the work allowed, for the most lesions."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (times, memory, gaps) = pyplot.subplots(1, 3, figsize=(11.0, 3.6), layout="constrained")
    longest, most = max(row["work_s"] for row in rows), max(row["lesions"] for row in rows)
    for kind, (words, colour, sign) in KINDS.items():
        mine = [row for row in rows if row["kind"] == kind]
        full = [row for row in mine if row["work_s"] == longest]
        size = [row["lesions"] for row in full]
        style = {"color": colour, "marker": sign, "markersize": 4, "linewidth": 1.4, "label": words}
        times.plot(size, [row["cpu_s"] for row in full], **style)
        memory.plot(size, [row["peak_mib"] for row in full], **style)
        hard = [row for row in mine if row["lesions"] == most and row["gaps"]]
        if hard:
            allowed = [row["work_s"] for row in hard]
            gaps.plot(allowed, [100 * max(row["gaps"]) for row in hard], **{**style, "label": f"{words}: largest"})
            middle = [100 * row["gaps"][len(row["gaps"]) // 2] for row in hard]
            gaps.plot(allowed, middle, **{**style, "label": f"{words}: median", "linestyle": ":"})
    times.set_ylabel("processor time, s")
    memory.set_ylabel("peak memory, MiB")
    gaps.set_ylabel(f"gap of the plans of {most} lesions, %")
    gaps.set_xlabel("work allowed, nominal seconds")
    for axes in (times, memory):
        axes.set_xlabel("lesions")
    for axes in (times, memory, gaps):
        axes.set_ylim(bottom=0)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=8)
    times.legend(fontsize=7, frameon=False)
    gaps.legend(fontsize=7, frameon=False)
    figure.savefig(out, dpi=130, metadata={"Software": None})


def main() -> None:
    """Read the rows, draw."""
    draw(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), Path(sys.argv[2]))


if __name__ == "__main__":
    main()
