"""Names of the large branches, where the anatomy allows them; variants are said, not forced into names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import permutations

import numpy as np

from glisson.anatomy.territories import Territories
from glisson.geometry import FloatArray

__all__ = ["BranchNames", "NamedBranch", "name_branches"]

MAJOR_SHARE = 0.08
"""A branch that serves at least this share of the liver may bear a name."""

NAMED_FROM = 0.5
"""A name is given from this confidence on."""

FORK_RADII = 1.5
"""Two forks nearer to each other than this many radii of the trunk before them are one."""

APART = 0.6
"""Two territories whose middles lie this many standard deviations of the liver apart are surely two sides."""

POSTERIOR_ALONE = 0.42
"""A first branch to the right that serves less than this may be the posterior one alone ..."""

ACROSS = -0.15
"""... when the other first branch also serves a part whose middle lies this far (standard deviations of the liver, to
the left) on the right."""

UMBILICAL_MM = 8.0
"""The umbilical portion runs forwards for at least this length ..."""

UMBILICAL_WIDTH = 0.5
"""... is at least this wide, as a share of the radius of the left portal vein ..."""

UMBILICAL_LEFT_MM = 10.0
"""... and starts at least this far to the left of where the left portal vein does."""

EVEN_SHARE, UNEVEN_SHARE = 0.65, 0.85
"""The larger of anterior and posterior branch serves up to the first share of what both serve; from the second on the
fork is not that of the right portal vein."""

VEIN_AZIMUTHS = {"right hepatic vein": 5.0, "middle hepatic vein": 62.0, "left hepatic vein": 128.0}
"""Where, seen from the cava, the middle of each vein's territory lies: degrees from the patient's right over the front
to the left."""

AZIMUTH_SPREAD = 35.0
"""Degrees off that direction at which the confidence has fallen to 0.6."""

INFERIOR_MM = 25.0
"""A further right vein that enters the cava this far below the right hepatic vein is an inferior right hepatic vein."""

SMALL_VEIN_SHARE = 0.02
"""A further vein is mentioned from this share of the liver on."""


@dataclass(frozen=True)
class NamedBranch:
    """A branch with a name: the stem, and with `Territories.mask` of its first branch all that comes from it.

    branches: ids of the stem in a row, from the trunk's side. confidence: 0 to 1, how clearly the territories lie as
    the name says. serves_percent: share of the liver that it serves with its descendants.
    """

    name: str
    branches: tuple[int, ...]
    confidence: float
    serves_percent: float


@dataclass(frozen=True)
class BranchNames:
    """The names of one tree. variants: deviations from the commonest pattern. notes: what was not named, and why."""

    named: tuple[NamedBranch, ...]
    variants: tuple[str, ...] = field(default=())
    notes: tuple[str, ...] = field(default=())

    def __getitem__(self, name: str) -> NamedBranch:
        """The branch of that name. Raises KeyError when no branch bears it."""
        for branch in self.named:
            if branch.name == name:
                return branch
        raise KeyError(name)

    def __contains__(self, name: str) -> bool:
        return any(branch.name == name for branch in self.named)

    def of(self, territories: Territories, branch: int) -> str:
        """How to call any branch: its name, "branch of ..." the nearest named one before it, or its number."""
        for up in reversed(territories.tree.ancestors(branch)):
            for named in self.named:
                if up in named.branches:
                    return named.name if branch in named.branches else f"branch of the {named.name}"
        return f"{territories.tree.kind} branch {branch}"


def name_branches(territories: Territories) -> BranchNames:
    """Name the large branches of a portal or hepatic tree by what they serve and which way they run.

    Portal: main portal vein; right and left portal vein, right anterior and right posterior branch, umbilical portion
    of the left; variants: trifurcation, right posterior branch from the main portal vein. Hepatic: right, middle and
    left hepatic vein, common trunk of middle and left, inferior right hepatic vein. The sides are those of the
    territories' middles, so a branch is named by what is lost with it. Names whose confidence is below NAMED_FROM are
    not given; the notes say so. An artery is not named.
    """
    if territories.tree.kind == "artery" or not len(territories.tree.branches):
        return BranchNames((), (), ("Arteries are not named.",))
    served = _Served(territories)
    return _portal(served) if territories.tree.kind == "portal" else _hepatic(served)


class _Served:
    """What each branch serves with its descendants: share of the liver, and middle in standard deviations of it."""

    def __init__(self, territories: Territories) -> None:
        self.territories, self.tree = territories, territories.tree
        labels = territories.labels
        index = np.argwhere(labels.data[::2, ::2, ::2]) * 2
        points = labels.grid.to_mm(index)
        owner = labels.data[tuple(index.T)].astype(np.int64) - 1
        self.middle, self.spread = points.mean(axis=0), points.std(axis=0).clip(1e-6)
        count = np.bincount(owner, minlength=len(self.tree.branches)).astype(np.float64)
        total = np.stack([np.bincount(owner, points[:, a], len(count)) for a in range(3)], axis=1)
        for branch in reversed(self.tree.branches):
            if branch.parent >= 0:
                count[branch.parent] += count[branch.id]
                total[branch.parent] += total[branch.id]
        self.share = count / max(len(points), 1)
        self.centre_mm: FloatArray = total / np.maximum(count, 1.0)[:, None]

    def place(self, branch: int) -> FloatArray:
        """(3,) middle of the territory, standard deviations of the liver to the left, back and up."""
        result: FloatArray = (self.centre_mm[branch] - self.middle) / self.spread
        return result

    def stem(self, branch: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """From a branch on to its first fork into large branches: the branches in a row, and those it forks into."""
        row = [branch]
        while True:
            large = tuple(c for c in self.tree.children[row[-1]] if self.share[c] >= MAJOR_SHARE)
            if len(large) != 1:
                return tuple(row), tuple(sorted(large, key=lambda c: (-self.share[c], c)))
            row.append(large[0])

    def length_mm(self, row: Sequence[int]) -> float:
        """Length of branches in a row."""
        return sum(self.tree.branches[b].length_mm for b in row)

    def named(self, name: str, row: Sequence[int], confidence: float) -> NamedBranch:
        """A named branch; its share is that of the first of the row."""
        return NamedBranch(name, tuple(row), round(confidence, 2), 100.0 * float(self.share[row[0]]))


def _sure(found: list[NamedBranch], variants: list[str], notes: list[str]) -> BranchNames:
    doubtful = [branch.name for branch in found if branch.confidence < NAMED_FROM]
    if doubtful:
        notes = [*notes, f"Not clear enough to be named: {', '.join(doubtful)}."]
    return BranchNames(
        tuple(branch for branch in found if branch.confidence >= NAMED_FROM), tuple(variants), tuple(notes)
    )


def _portal(served: _Served) -> BranchNames:
    firsts = [b.id for b in served.tree.branches if b.parent < 0]
    first = max(firsts[: max(served.tree.attached, 1)], key=lambda b: (served.share[b], -b))
    main, large = served.stem(first)
    if len(large) < 2:
        return BranchNames((), (), ("The portal tree has no fork into large branches, so nothing in it is named.",))
    found = [served.named("main portal vein", main, 1.0)]
    variants: list[str] = []
    large, merged = _with_next_fork(served, main, large)
    left = max(large, key=lambda b: served.place(b)[0])
    right = [b for b in large if b != left]
    if len(large) == 2:
        early = _posterior_first(served, left, right[0])
        if early is None:
            _right_side(served, right[0], found)
            found.append(_left(served, left, right))
        else:
            anterior, left = early
            variants.append("right posterior branch from the main portal vein")
            found += _two_rights(served, anterior, right[0])
            found.append(_left(served, left, [anterior]))
    elif len(large) == 3:
        variants.append("trifurcation of the main portal vein")
        found += _two_rights(served, *sorted(right, key=lambda b: served.place(b)[1]))
        found.append(_left(served, left, right))
    else:
        return _sure(found, variants, [f"The main portal vein forks into {len(large)} large branches; not named."])
    if merged:
        variants.append(f"a common stem {merged:.0f} mm long before the trifurcation")
    umbilical = _umbilical(served, left)
    found += [umbilical] if umbilical else []
    return _sure(found, variants, [])


def _with_next_fork(served: _Served, main: Sequence[int], large: tuple[int, ...]) -> tuple[tuple[int, ...], float]:
    """The large branches, with those of a fork that follows at once in place of its stem, and the stem's length."""
    for branch in large:
        row, onward = served.stem(branch)
        length = served.length_mm(row)
        if len(large) == 2 and len(onward) == 2 and length <= FORK_RADII * served.tree.branches[main[-1]].radius_mm:
            return tuple(b for b in large if b != branch) + onward, length
    return large, 0.0


def _posterior_first(served: _Served, left: int, right: int) -> tuple[int, int] | None:
    """Right anterior and left branch when they share a stem and the posterior one left before; else None."""
    _, onward = served.stem(left)
    if served.share[right] >= POSTERIOR_ALONE or len(onward) != 2:
        return None
    anterior, other = sorted(onward, key=lambda b: served.place(b)[0])
    if served.place(anterior)[0] > ACROSS or served.place(right)[1] <= served.place(anterior)[1]:
        return None
    return anterior, other


def _apart(served: _Served, a: int, b: int, axis: int) -> float:
    """0 to 1: how clearly the territory of b lies beyond that of a along L, P or S."""
    return float(np.clip((served.place(b)[axis] - served.place(a)[axis]) / APART, 0.0, 1.0))


def _left(served: _Served, left: int, right: Sequence[int]) -> NamedBranch:
    confidence = min(_apart(served, b, left, 0) for b in right)
    return served.named("left portal vein", served.stem(left)[0], confidence)


def _two_rights(served: _Served, anterior: int, posterior: int) -> list[NamedBranch]:
    a, b = served.share[anterior], served.share[posterior]
    even = float(np.clip((UNEVEN_SHARE - max(a, b) / (a + b)) / (UNEVEN_SHARE - EVEN_SHARE), 0.0, 1.0))
    confidence = _apart(served, anterior, posterior, 1) * even
    return [
        served.named("right anterior branch", served.stem(anterior)[0], confidence),
        served.named("right posterior branch", served.stem(posterior)[0], confidence),
    ]


def _right_side(served: _Served, right: int, found: list[NamedBranch]) -> None:
    """The right portal vein and, where it forks into two, its branches."""
    row, onward = served.stem(right)
    other = max(float(served.place(b)[0]) for b in onward) if onward else float(served.place(right)[0])
    found.append(served.named("right portal vein", row, 1.0 if other < APART else 0.0))
    if len(onward) == 2:
        found += _two_rights(served, *sorted(onward, key=lambda b: served.place(b)[1]))


def _umbilical(served: _Served, left: int) -> NamedBranch | None:
    """The first part along the largest branches of the left portal vein that is thick and runs forwards."""
    tree = served.tree
    row = [left]
    while tree.children[row[-1]]:
        row.append(max(tree.children[row[-1]], key=lambda b: (served.share[b], -b)))
    thick = UMBILICAL_WIDTH * tree.branches[left].radius_mm
    run: list[int] = []
    forwards = 0.0
    for branch in [*row, -1]:
        line = tree.line_mm(branch) if branch >= 0 else np.zeros((2, 3))
        across, back, up = (float(v) for v in line[-1] - line[0])
        to_left = float(line[0][0] - tree.line_mm(left)[0][0])
        thick_enough = branch >= 0 and tree.branches[branch].radius_mm >= thick
        if thick_enough and -back > max(abs(across), abs(up) / 2.0) and (run or to_left >= UMBILICAL_LEFT_MM):
            run.append(branch)
            forwards -= back
        elif forwards >= UMBILICAL_MM:
            break
        else:
            run, forwards = [], 0.0
    if not run:
        return None
    return served.named("umbilical portion of the left portal vein", run, min(1.0, forwards / (2 * UMBILICAL_MM)))


def _hepatic(served: _Served) -> BranchNames:
    firsts = [b.id for b in served.tree.branches if b.parent < 0][: served.tree.attached]
    large = sorted((b for b in firsts if served.share[b] >= MAJOR_SHARE), key=lambda b: (-served.share[b], b))
    cava = np.mean([served.tree.line_mm(b)[0] for b in large], axis=0) if large else np.zeros(3)
    veins, trunks = _three_veins(served, large, cava)
    found = [served.named(name, served.stem(b)[0], _fits(served, name, b, cava)) for name, b in veins.items()]
    variants, notes = [], []
    for pair, row in trunks:
        variants.append(f"common trunk of {pair}, {served.length_mm(row):.0f} mm long")
        found.append(served.named(f"common trunk of {pair}", row, min(b.confidence for b in found)))
    taken = {b for row in veins.values() for b in served.tree.ancestors(row)}
    right = veins.get("right hepatic vein")
    for branch in firsts:
        if branch in taken or served.share[branch] < SMALL_VEIN_SHARE:
            continue
        below = 0.0 if right is None else float((served.tree.line_mm(right)[0] - served.tree.line_mm(branch)[0])[2])
        if below >= INFERIOR_MM and served.place(branch)[0] < 0:
            found.append(served.named("inferior right hepatic vein", served.stem(branch)[0], 1.0))
            variants.append("inferior right hepatic vein")
        else:
            notes.append(f"A further vein into the cava drains {100 * served.share[branch]:.0f} % of the liver.")
    if len(veins) < 3:
        notes.append(f"{len(large)} large veins were followed from the cava; not all three hepatic veins are named.")
    return _sure(found, variants, notes)


def _azimuth(served: _Served, branch: int, cava: FloatArray) -> float:
    """Degrees from the patient's right over the front to the left, in which the territory's middle lies."""
    step = served.centre_mm[branch] - cava
    return float((np.degrees(np.arctan2(-step[1], -step[0])) + 90.0) % 360.0 - 90.0)


def _fits(served: _Served, name: str, branch: int, cava: FloatArray) -> float:
    off = (_azimuth(served, branch, cava) - VEIN_AZIMUTHS[name]) / AZIMUTH_SPREAD
    return float(np.exp(-0.5 * off * off))


def _three_veins(
    served: _Served, large: Sequence[int], cava: FloatArray
) -> tuple[dict[str, int], list[tuple[str, tuple[int, ...]]]]:
    """The branch of each vein, and the trunks that two share: of all ways to get three veins the best fitting one.

    A way is the large veins, up to two of them replaced by what they fork into; its worth is the sum of the fits times
    what its veins drain. A stem no longer than FORK_RADII is no
    trunk but two mouths that touch.
    """
    ways: list[tuple[tuple[int, ...], tuple[int, ...]]] = [(tuple(large), ())]
    for branches, split in ways:
        for branch in branches if len(split) < 2 else ():
            onward = served.stem(branch)[1]
            if len(onward) == 2:
                ways.append((tuple(b for b in branches if b != branch) + onward, (*split, branch)))
    best: tuple[float, dict[str, int], tuple[int, ...]] = (-1.0, {}, ())
    for branches, split in ways:
        for names in permutations(VEIN_AZIMUTHS, min(len(branches), len(VEIN_AZIMUTHS))):
            given = dict(zip(names, sorted(branches, key=lambda b: (-served.share[b], b)), strict=False))
            fit = sum(_fits(served, name, b, cava) for name, b in given.items())
            fit *= float(sum(served.share[b] for b in given.values()))
            if fit > best[0] + 1e-9:
                best = (fit, given, split)
    veins = {name: best[1][name] for name in VEIN_AZIMUTHS if name in best[1]}
    trunks = []
    for branch in best[2]:
        row = served.stem(branch)[0]
        pair = [name.split()[0] for name, b in veins.items() if branch in served.tree.ancestors(b)]
        if len(pair) == 2 and served.length_mm(row) > FORK_RADII * served.tree.branches[branch].radius_mm:
            trunks.append((f"{pair[0]} and {pair[1]} hepatic vein", row))
    return veins, trunks
