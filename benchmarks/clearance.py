"""Time, memory and gap of the search on made-up livers of 1.5 million voxels. Usage: python -m benchmarks.clearance
[ROWS.json] (which tools/clearance_curve.py draws).

Each size runs in a process of its own: python -m benchmarks.clearance LESIONS [near] [tight]. "near" puts the lesions
in clusters around the hilum, where acts overlap most; "tight" asks for more remnant than there is (a certificate).
"""

from __future__ import annotations

import json
import sys
import time
from itertools import combinations, product
from pathlib import Path

import numpy as np

from benchmarks.measure import run
from glisson.planning import CATALOGUE
from glisson.planning.clearance import Candidate, Effort, Problem, SegmentNeed, Threshold, search

AXES_MM = (98.0, 62.0, 59.0)
NAMES = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII")
ACCEPT = {"resection": 1.0, "wedge": 1.0, "ablation": 5.0}
SIZES = (1, 5, 20, 40, 80)
EFFORTS = (2.0, 6.0, 24.0)
"""Nominal seconds of work; the last is what one minute allows. The clock is set far behind, for busy machines."""

MINUTES = 15.0


class Liver:
    """An ellipsoid of 1 mm voxels with eight segments cut by planes."""

    def __init__(self) -> None:
        half = np.ceil(AXES_MM).astype(int)
        box = np.mgrid[tuple(slice(-h, h + 1) for h in half)].reshape(3, -1).T
        self.points = box[((box / AXES_MM) ** 2).sum(axis=1) <= 1].astype(np.float32)
        x, y, z = self.points.T
        column = np.digitize(x, (-30, 5, 35))
        label = np.where(column == 0, np.where(z > 0, 7, 6), np.where(column == 1, np.where(z > 0, 8, 5), 4))
        label = np.where(column == 3, np.where(z > 0, 2, 3), label)
        label[(np.abs(x) < 22) & (y > 38)] = 1
        self.label = label.astype(np.uint8)

    def ball(self, centre: np.ndarray, radius: float) -> np.ndarray:
        """Numbers of the voxels in a ball."""
        first, part = self._slab(centre, radius)
        return (first + np.flatnonzero(((part - centre) ** 2).sum(axis=1) <= radius**2)).astype(np.int32)

    def wedge(self, centres: list[np.ndarray], radii: list[float]) -> np.ndarray:
        """Balls and the cylinders from them outward to the capsule, along the shortest axis of the liver."""
        taken = []
        for centre, radius in zip(centres, radii, strict=True):
            first, part = self._slab(centre, radius)
            away = part - centre
            inner = (away**2).sum(axis=1) <= radius**2
            beside = (away[:, :2] ** 2).sum(axis=1) <= radius**2
            outward = (np.sign(centre[2]) or 1.0) * away[:, 2] > 0
            taken.append(first + np.flatnonzero(inner | (beside & outward)))
        return np.unique(np.concatenate(taken)).astype(np.int32)

    def _slab(self, centre: np.ndarray, radius: float) -> tuple[int, np.ndarray]:
        """The points within a radius along the first axis, by which they are sorted; and the number of the first."""
        first, last = np.searchsorted(self.points[:, 0], [centre[0] - radius - 1, centre[0] + radius + 1])
        return int(first), self.points[first:last]


def made_up(lesions: int, near: bool, percent: float = 30.0, seed: int = 1) -> Problem:
    """A problem with every standard resection, and for each lesion three ablations and three wedges, and wedges of
    neighbours."""
    chance = np.random.default_rng(seed)
    liver = Liver()
    pool = liver.points[(np.linalg.norm(liver.points, axis=1) < 40) if near else np.ones(len(liver.points), bool)]
    centres = pool[chance.integers(0, len(pool), lesions)].astype(float)
    radii = chance.uniform(3.0, 9.0 if lesions > 5 else 16.0, lesions)
    names = [f"L{n}" for n in range(1, lesions + 1)]
    bodies = [liver.ball(c, r) for c, r in zip(centres, radii, strict=True)]
    tumour = np.zeros(len(liver.points), bool)
    for body in bodies:
        tumour[body] = True
    found = []
    for entry in CATALOGUE:
        numbers = [NAMES.index(name) + 1 for name in entry.segments]
        inside = np.isin(liver.label, numbers)
        whole = {name: 5.0 for name, body in zip(names, bodies, strict=True) if inside[body].all()}
        region = np.flatnonzero(inside).astype(np.int32)
        found.append(
            Candidate(f"r-{entry.name}", "resection", entry.name, whole, {"removed": region}, burden=2.0 + len(numbers))
        )
    for name, centre, radius in zip(names, centres, radii, strict=True):
        for margin in (5.0, 7.5, 10.0):
            if radius <= 15:
                zone = {"destroyed": liver.ball(centre, radius + margin)}
                burden = 0.4 + 0.02 * margin
                found.append(
                    Candidate(f"a-{name}-{margin}", "ablation", "ablation", {name: margin}, zone, burden=burden)
                )
        for margin in (1.0, 5.0, 10.0):
            cut = {"removed": liver.wedge([centre], [radius + margin])}
            burden = 1.0 + cut["removed"].size / 1e5
            found.append(Candidate(f"w-{name}-{margin}", "wedge", "wedge", {name: margin}, cut, burden=burden))
    for a, b in combinations(range(lesions), 2):
        if np.linalg.norm(centres[a] - centres[b]) < radii[a] + radii[b] + 12.0:
            cut = {"removed": liver.wedge([centres[a], centres[b]], [radii[a] + 5.0, radii[b] + 5.0])}
            both = {names[a]: 5.0, names[b]: 5.0}
            burden = 1.2 + cut["removed"].size / 1e5
            found.append(Candidate(f"j-{names[a]}-{names[b]}", "wedge", "joint wedge", both, cut, burden=burden))
    pairs = [("I", "IV"), ("II", "III"), ("II", "IV"), ("III", "IV"), ("IV", "V"), ("IV", "VIII"), ("V", "VI"),
             ("V", "VIII"), ("VI", "VII"), ("VII", "VIII")]  # fmt: skip
    return Problem(
        voxel_ml=0.001,
        tumour=tumour,
        targets=tuple(names),
        candidates=tuple(found),
        accept_mm=ACCEPT,
        threshold=Threshold(percent, ("nontumour",), "made-up"),
        segments=SegmentNeed(NAMES, liver.label, tuple(pairs), 2, "made-up"),
        groups=(frozenset(one.id for one in found if one.kind == "resection"),),
    )


def one(lesions: int, near: bool, tight: bool) -> None:
    """One size, with each of EFFORTS where the search may need them: a line of JSON each."""
    problem = made_up(lesions, near, 99.5 if tight else 30.0)
    for work in EFFORTS if lesions == max(SIZES) and not tight else EFFORTS[-1:]:
        wall, cpu = time.perf_counter(), time.process_time()
        found = search(problem, Effort(60.0 * MINUTES, work=work))
        row = {
            "lesions": lesions,
            "kind": "near" if near else "tight" if tight else "spread",
            "work_s": work,
            "wall_s": time.perf_counter() - wall,
            "cpu_s": time.process_time() - cpu,
            "candidates": len(problem.candidates),
            "atoms": found.atoms,
            "outcome": found.outcome,
            "by_clock": found.by_clock,
            "gaps": sorted(plan.gap for plan in found.plans),
            "remnant_percents": sorted(plan.remnant_percent_nontumour for plan in found.plans),
            "binding": found.certificate.binding_text if found.certificate else "",
            "eased": [one.text for one in found.certificate.relaxations if one.outcome in ("possible", "undecided")]
            if found.certificate
            else [],
        }
        print(json.dumps(row))


def line(row: dict) -> str:
    """One row of the printed table."""
    gaps, proven = row["gaps"] or [0.0], row["gaps"].count(0.0)
    span = f"{row['remnant_percents'][0]:.1f} to {row['remnant_percents'][-1]:.1f} %" if row["gaps"] else row["binding"]
    return (
        f"{row['lesions']:3d} {row['kind']:<7}{row['candidates']:5d} candidates{row['atoms']:7d} atoms"
        f"{row['work_s']:4.0f} s of work{row['cpu_s']:7.1f} s CPU{row['wall_s']:7.1f} s{row['peak_mib']:6.0f} MiB  "
        f"{row['outcome']:<10}{len(row['gaps']):2d} plans, {proven} proven, gap up to {100 * gaps[-1]:.1f} %"
        f"{' (clock)' if row['by_clock'] else ''}  {span}"
    )


def main() -> None:
    """Print the curve; write its rows where a path is given."""
    if len(sys.argv) > 1 and sys.argv[1].isdigit():
        one(int(sys.argv[1]), "near" in sys.argv[2:], "tight" in sys.argv[2:])
        return
    rows = []
    for kind, lesions in product(("spread", "near", "tight"), SIZES):
        done = run([sys.executable, "-m", "benchmarks.clearance", str(lesions), kind])
        for text in done.output.splitlines():
            rows.append({**json.loads(text), "peak_mib": done.peak_mib})
            print(line(rows[-1]), flush=True)
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(json.dumps(rows, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
