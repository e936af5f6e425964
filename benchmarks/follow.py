"""Lesions of virtual patients followed over time, against the truth. Usage: python -m benchmarks.follow [PATIENTS]."""

from __future__ import annotations

import sys
import time
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from glisson.anatomy.overlay import lay_over, liver_scan
from glisson.lesions.matching import Match, match_lesions
from glisson.simulate import Treated, VirtualSeries, Visit, virtual_series

COUNTS = (1, 3, 6, 10, 16, 24, 40)
SHAPE, SPACING_MM = (150, 120, 90), (2.4, 2.6, 3.0)


@dataclass
class Tally:
    """What was found over all pairs of consecutive scans."""

    identities: Counter[tuple[str, bool]] = field(default_factory=Counter)
    errors_mm: list[np.ndarray] = field(default_factory=list)
    axis_mm: list[tuple[float, float]] = field(default_factory=list)
    inside: list[np.ndarray] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


def right(match: Match, before: Visit, after: Visit) -> bool:
    """Whether a match is what happened."""
    earlier = {before.names[i] for i in match.earlier}
    later = {after.names[i] for i in match.later}
    if match.kind == "new":
        return not later & set(before.names.values())
    if match.kind == "vanished":
        return not earlier & set(after.names.values())
    return earlier == later


def patient(seed: int) -> VirtualSeries:
    """Four dates; half of the patients are treated, a third have one MR, a fifth a liver that grows."""
    count = COUNTS[seed % len(COUNTS)]
    return virtual_series(
        seed=seed, lesions=count, months=(0, 2, 4, 6), treated=Treated(0, 4) if seed % 2 or count > 16 else None,
        mr=(2,) if seed % 3 == 0 else (), swelling=1.0 + 0.06 * (seed % 5 == 0), shape=SHAPE, spacing_mm=SPACING_MM,
        median_diameter_mm=16.0 if count < 20 else 10.0,
    )  # fmt: skip


def add(series: VirtualSeries, tally: Tally) -> None:
    """Match each scan with the one before and compare."""
    scans = [liver_scan(visit.scene) for visit in series.visits]
    for n in range(1, len(scans)):
        before, after = series.visits[n - 1], series.visits[n]
        began = time.process_time()
        found = lay_over(scans[n], scans[n - 1])
        matches = match_lesions(before.scene.lesions, after.scene.lesions, found)
        tally.seconds.append(time.process_time() - began)
        for match in matches:
            tally.identities[match.confidence, right(match, before, after)] += 1
        here = np.array([series.place_mm(name, after) for name in series.places_mm])
        there = np.array([series.place_mm(name, before) for name in series.places_mm])
        gaps = found.alignment.to_moving(here) - there
        tally.errors_mm.append(np.linalg.norm(gaps, axis=1))
        tally.axis_mm.append((float(np.sqrt((gaps**2).mean())), found.error_mm))
        tally.inside.append((np.abs(gaps) <= 1.96 * found.error_mm).ravel())


def main() -> None:
    """Print what was found."""
    tally = Tally()
    for seed in range(int(sys.argv[1]) if len(sys.argv) > 1 else 30):
        add(patient(seed), tally)
        print(f"\rpatient {seed + 1}", end="", file=sys.stderr, flush=True)
    total = sum(tally.identities.values())
    good = sum(count for (_, ok), count in tally.identities.items() if ok)
    errors = np.concatenate(tally.errors_mm)
    print(f"\nidentities right: {good} of {total} ({100 * good / total:.2f} %)")
    for confidence in ("high", "moderate", "low"):
        ok, wrong = (tally.identities[confidence, x] for x in (True, False))
        print(f"  said to be {confidence}: {ok} right, {wrong} wrong")
    print(f"error at lesions: median {np.median(errors):.2f} mm, 95th percentile {np.percentile(errors, 95):.2f} mm, "
          f"largest {errors.max():.2f} mm")  # fmt: skip
    print(f"coordinates within the 95 % limits said: {100 * np.concatenate(tally.inside).mean():.1f} %")
    print(f"processor seconds a pair: median {np.median(tally.seconds):.1f}, largest {max(tally.seconds):.1f}")


if __name__ == "__main__":
    main()
