"""Radioembolisation of a lobe or of one or two segments before it is planned: what it treats, and what liver is left.

Perfused volumes follow the Couinaud segments; what tissues should reach and what must be left comes from the knowledge
base, and each check names its source.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from glisson.anatomy import SEGMENT_NAMES, SegmentMap, adjacent_segments
from glisson.geometry import Mask
from glisson.knowledge import knowledge_base
from glisson.planning.clearance import Candidate
from glisson.planning.dose import Check
from glisson.planning.irradiating import failed_rules, normal_liver
from glisson.planning.liver_voxels import LiverVoxels

__all__ = ["LOBES", "LobeGrowth", "SphereAct", "lobe_checks", "lobe_growth", "sphere_acts", "sphere_candidate"]

LOBES: Mapping[str, tuple[str, ...]] = {
    "right lobe": ("V", "VI", "VII", "VIII"), "left lobe": ("II", "III", "IV"),
}  # fmt: skip
"""Lobes that one catheter position perfuses, as Couinaud segments; segment I is left with neither."""

TREATED_SHARE = 0.01
"""A lesion reaches into a segment that holds at least this share of its voxels in the liver."""


@dataclass(frozen=True)
class LobeGrowth:
    """What the untreated lobe is expected to grow to: volume now and after `months`, growth in percent, with its
    source. per_week_percent: the speed that a review gives.
    """

    now_ml: float
    expected_ml: float
    growth_percent: float
    months: float
    per_week_percent: float
    sources: tuple[str, ...]
    words: str


@dataclass(frozen=True, eq=False)
class SphereAct:
    """Radioembolisation of a lobe or of one or two segments.

    kind: lobar or segmental. setting: row of the table dose-radioembolisation. treats: lesions wholly inside; touches:
    lesions partly inside, which it does not treat whole. perfused_normal_ml and other_ml: liver without tumour inside
    and outside. checks: liver reserve where a table asks for one. aims: what tissues should reach, as (product, tissue,
    Gy, source, status). growth: of the untreated liver, for a lobe.
    """

    name: str
    kind: str
    setting: str
    segments: tuple[str, ...]
    perfused: Mask
    treats: tuple[str, ...]
    touches: tuple[str, ...]
    perfused_normal_ml: float
    other_ml: float
    checks: tuple[Check, ...]
    aims: tuple[tuple[str, str, float, str, str], ...]
    growth: LobeGrowth | None = None
    notes: tuple[str, ...] = field(default=())

    @property
    def other_percent(self) -> float:
        """Liver without tumour that receives nothing, as a share of all liver without tumour."""
        return 100.0 * self.other_ml / (self.other_ml + self.perfused_normal_ml)


def sphere_acts(liver: Mask, segments: SegmentMap, lesions: Mapping[str, Mask]) -> tuple[SphereAct, ...]:
    """Radioembolisation of each lobe, and of each one or two adjoining segments, that treats a lesion whole.

    liver: the whole liver. lesions: on its lattice. Perfused volumes follow the segments; the artery may not. Acts that
    treat no lesion whole are left out, and two segments where one of them treats as much.
    """
    parts: list[tuple[str, tuple[str, ...]]] = [("segmental", (name,)) for name in segments.present]
    parts += [("segmental", pair) for pair in adjacent_segments(segments)]
    parts += [("lobar", lobe) for lobe in LOBES.values()]
    where = {name: _held(segments, mask) for name, mask in lesions.items()}
    found: list[SphereAct] = []
    for kind, names in parts:
        treats = tuple(name for name, held in where.items() if held and held <= set(names))
        smaller = any(set(act.segments) <= set(names) and set(treats) <= set(act.treats) for act in found)
        if treats and not (kind == "segmental" and smaller):
            found.append(_sphere_act(liver, segments, lesions, where, kind, names))
    return tuple(found)


def lobe_growth(now_ml: float) -> LobeGrowth:
    """Growth of the other lobe after lobar radioembolisation, by the table lobar-growth."""
    rows = {str(row["what"]): row for row in knowledge_base().table("lobar-growth").rows}
    growth, months = rows["growth"].number("growth"), rows["growth"].number("months")
    speed = rows["speed"].number("speed")
    assert growth is not None  # the table holds these rows; its check is a test
    assert months is not None
    assert speed is not None
    return LobeGrowth(
        now_ml, now_ml * (1.0 + growth / 100.0), growth, months, speed,
        (rows["growth"].source, rows["speed"].source), str(rows["growth"]["words"]),
    )  # fmt: skip


def lobe_checks(outside_percent: float) -> tuple[Check, ...]:
    """Whether enough liver lies outside a lobe that is to be destroyed (table dose-radioembolisation).

    outside_percent: liver without tumour outside the lobe, as a share of all of it.
    """
    return tuple(
        Check(
            "liver", f"reserve outside the lobe ({row['product']}, to destroy the lobe)",
            "pass" if outside_percent > reserve else "fail", outside_percent, reserve, "%", row.source, row.status,
        )
        for row in knowledge_base().table("dose-radioembolisation").rows
        if row["setting"] == "lobectomy" and (reserve := row.number("reserve")) is not None
    )  # fmt: skip


def sphere_candidate(
    act: SphereAct, voxels: LiverVoxels, burden: float, rules: tuple[tuple[str, str], ...] = ()
) -> Candidate:
    """The act for the search: the whole perfused volume counts as lost, and no geometric margin is claimed."""
    return Candidate(
        id=f"radioembolisation-{'+'.join(act.segments)}",
        kind="radioembolisation",
        label=f"radioembolisation of the {act.name}" if act.kind == "lobar" else f"radioembolisation of {act.name}",
        lesions=dict.fromkeys(act.treats),
        costs={"irradiated": voxels.of(act.perfused)},
        segments=act.segments,
        burden=burden,
        rules=(*rules, *failed_rules(act.checks, "dose-radioembolisation")),
        notes=act.notes,
    )


def _held(segments: SegmentMap, lesion: Mask) -> frozenset[str]:
    """Segments into which a lesion reaches; none for a lesion outside the map."""
    values = segments.labels.on(lesion.grid, "the segments")[lesion.data]
    counts = np.bincount(values[values > 0].astype(np.int64), minlength=len(SEGMENT_NAMES) + 1)
    least = TREATED_SHARE * counts.sum()
    return frozenset(SEGMENT_NAMES[v] for v in range(1, len(counts)) if counts[v] > least)


def _sphere_act(
    liver: Mask, segments: SegmentMap, lesions: Mapping[str, Mask], where: Mapping[str, frozenset[str]], kind: str,
    names: tuple[str, ...],
) -> SphereAct:  # fmt: skip
    wanted = [value for value, name in SEGMENT_NAMES.items() if name in names]
    perfused = segments.labels.mask(*wanted)
    normal = normal_liver(liver, lesions)
    inside = float(np.count_nonzero(normal.on(perfused.grid) & perfused.data)) * liver.grid.voxel_ml
    other = normal.volume_ml - inside
    setting = "lobectomy" if kind == "lobar" else "segmentectomy"
    rows = [row for row in knowledge_base().table("dose-radioembolisation").rows if row["setting"] == setting]
    aims = tuple(
        (str(row["product"]), str(row["tissue"]), least, row.source, row.status)
        for row in rows
        if (least := row.number("least")) is not None and row["words"] is None
    )
    share = 100.0 * other / normal.volume_ml
    checks = lobe_checks(share) if kind == "lobar" else ()
    lobe = next((name for name, parts in LOBES.items() if parts == names), "")
    treats = tuple(name for name, held in where.items() if held and held <= set(names))
    return SphereAct(
        lobe or ("segments " if len(names) > 1 else "segment ") + " and ".join(names), kind, setting, names,
        perfused.trimmed(), treats,
        tuple(name for name, held in where.items() if held & set(names) and name not in treats),
        inside, other, checks, aims, lobe_growth(other) if kind == "lobar" else None,
        (
            "Radioembolisation: control, no removal and no margin. The perfused volume follows segments; the artery "
            "decides what is perfused. All of it counts as lost.",
        ),
    )  # fmt: skip
