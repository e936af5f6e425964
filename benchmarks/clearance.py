"""Time, memory and gap of the search on made-up livers of 1.5 million voxels. Usage: python -m benchmarks.clearance.

Each size runs in a process of its own: python -m benchmarks.clearance LESIONS [near] [tight]. "near" puts the lesions
in clusters around the hilum, where acts overlap most; "tight" asks for more remnant than there is (a certificate).
"""

from __future__ import annotations

import sys
import time
from itertools import combinations

import numpy as np

from benchmarks.measure import run
from glisson.planning import CATALOGUE
from glisson.planning.clearance import Candidate, Effort, Problem, SegmentNeed, Threshold, search

AXES_MM = (98.0, 62.0, 59.0)
NAMES = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII")
ACCEPT = {"resection": 1.0, "wedge": 1.0, "ablation": 5.0}
SIZES = (1, 5, 20, 40, 80)
SECONDS = 45.0


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
        return np.flatnonzero(((self.points - centre) ** 2).sum(axis=1) <= radius**2).astype(np.int32)

    def wedge(self, centres: list[np.ndarray], radii: list[float]) -> np.ndarray:
        """Balls and the cylinders from them outward to the capsule, along the shortest axis of the liver."""
        taken = []
        for centre, radius in zip(centres, radii, strict=True):
            out = np.sign(centre[2]) or 1.0
            beside = ((self.points[:, :2] - centre[:2]) ** 2).sum(axis=1) <= radius**2
            inner = ((self.points - centre) ** 2).sum(axis=1) <= radius**2
            taken.append(np.flatnonzero(inner | (beside & (out * (self.points[:, 2] - centre[2]) > 0))))
        return np.unique(np.concatenate(taken)).astype(np.int32)


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
    """One size: a line of numbers."""
    problem = made_up(lesions, near, 99.5 if tight else 30.0)
    start = time.perf_counter()
    found = search(problem, Effort(seconds=SECONDS))
    took = time.perf_counter() - start
    remnant = [plan.remnant_percent_nontumour for plan in found.plans]
    whole = sum(plan.search_complete for plan in found.plans)
    span = f"{min(remnant):.1f} to {max(remnant):.1f} %" if remnant else "no plan"
    print(
        f"{len(problem.candidates):6d} candidates {found.atoms:8d} atoms {took:7.1f} s  {found.outcome:<10}"
        f"{len(found.plans):3d} plans  gap {100 * found.gap:6.3f} %  complete {whole}"
        f"  remnant {span}"
    )
    if found.certificate:
        print("   " + found.certificate.binding_text)
        for eased in found.certificate.relaxations:
            print(f"      {eased.id:<20}{eased.outcome:<14}{eased.text[:100]}")


def main() -> None:
    """Print the curve."""
    if len(sys.argv) > 1:
        one(int(sys.argv[1]), "near" in sys.argv[2:], "tight" in sys.argv[2:])
        return
    for kind in ("", "near", "tight"):
        for lesions in SIZES:
            done = run([sys.executable, "-m", "benchmarks.clearance", str(lesions), *kind.split()])
            print(f"{lesions:3d} lesions {kind:<6}{done.peak_mib:7.0f} MiB {done.output.rstrip()}")


if __name__ == "__main__":
    main()
