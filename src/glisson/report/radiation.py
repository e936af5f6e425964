"""The section on radiation: doses of courses with their limits, and what beams and spheres would treat and spare."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from glisson.knowledge import knowledge_base
from glisson.report.plan_radiation import VERDICTS
from glisson.report.view import Table
from glisson.report.words import and_list, volume

if TYPE_CHECKING:
    from glisson.planning.dose import Check, CourseDose, Dvh
    from glisson.planning.radiation import RadiationFinding
    from glisson.report.figures import Parts, Picture

__all__ = ["radiation_data", "radiation_steps", "radiation_tables"]

NBSP = "\u00a0"
ESTIMATE = (
    "Estimates from a dose fall-off model, before any treatment plan; in brackets the limits of the model. Liver that "
    "is expected to receive the dose of the rule or more counts as not spared."
)
SPHERES = (
    "Perfused volumes follow the segments; the artery decides what is perfused. Growth of the other lobe is the median "
    "of a series in which most had hepatocellular carcinoma."
)
UNCONFIRMED = "not confirmed"
MOST_ORGANS, MOST_NAMES = 3, 6
"""Organs named beside a target, and lesions named in a cell."""


def radiation_tables(found: RadiationFinding | None) -> tuple[Table, ...]:
    """Tables of the section, in the order in which they are read; none where there is nothing to say."""
    if found is None or found.is_empty:
        return ()
    tables: list[Table] = []
    for course in found.courses:
        tables += _course_tables(course)
    tables += [
        table for table in (_beams(found), _spheres(found), _arteries(found), _schedules(found)) if table is not None
    ]
    return tuple(tables)


def radiation_steps(
    found: RadiationFinding | None, parts: Parts
) -> Iterator[tuple[str, str, Callable[[], Sequence[Picture]]]]:
    """Key, title and maker of the pictures of each course with a dose: dvh-ID and isodose-ID."""
    from glisson.report.figures.dose import CURVE_COLOURS, dvh_picture, isodose_levels, isodose_picture

    for course in () if found is None else found.courses:
        dose = course.dose
        if dose is None or not course.histograms:
            continue
        lesions = {lesion.id for lesion in parts.lesions}
        held = [name for name in course.histograms if len(lesions) > 1 or name not in lesions]
        names = sorted(held, key=lambda name: name in lesions)[: len(CURVE_COLOURS)]
        shown = {name: course.histograms[name] for name in names}
        yield f"dvh-{course.id}", f"Dose by volume, {course.id}", lambda shown=shown: [dvh_picture(shown)]  # type: ignore[misc]
        yield (
            f"isodose-{course.id}", f"Dose on the scan, {course.id}",
            lambda dose=dose: [isodose_picture(parts, dose, isodose_levels(dose))],  # type: ignore[misc]
        )  # fmt: skip


def _course_tables(course: CourseDose) -> Iterator[Table]:
    title = f"Radiation, course {course.id}"
    notes = [f"Dose {course.method}."] if course.method else []
    notes += [*course.notes, *(f"Missing: {text}." for text in course.missing)]
    effects = {effect.structure: effect for effect in course.effects}
    rows = [
        (name, volume(h.volume_ml), *(_gy(v) for v in (h.mean_gy, h.dose_at(95), h.dose_at(2))),
         f"{_gy(effects[name].mean_bed_gy)} (α/β {effects[name].alpha_beta_gy:g})" if name in effects else "",
         f"{100 * h.covered:.0f}{NBSP}%")
        for name, h in course.histograms.items()
    ]  # fmt: skip
    columns = ("Structure", "Volume", "Mean", "D95", "D2", "Mean BED", "In the dose grid")
    yield Table(f"dose-{course.id}", f"{title}: doses", columns, (False, *(True,) * 6), tuple(rows), " ".join(notes))
    if course.checks:
        yield _checks(f"dose-limits-{course.id}", f"{title}: limits", course.checks)
    if course.positions is not None:
        yield _positions(course, title)
    if course.comparison is not None:
        side = course.comparison
        rows_by = tuple(
            (r.region, volume(r.volume_ml), f"{r.activity_gbq:.3g}{NBSP}GBq", _gy(r.compartment_gy), _gy(r.local_gy),
             _gy(r.kernel_gy))
            for r in side.regions
        )  # fmt: skip
        columns_by = ("Region", "Volume", "Activity", "Compartments", "Local deposition", "Voxel kernel")
        note = f"Tumour to normal ratio in the image {side.tnr:.2g}. " + " ".join(side.words)
        yield Table(
            f"dose-ways-{course.id}", f"{title}: three ways to the mean dose", columns_by, (False, *(True,) * 5),
            rows_by, note,
        )  # fmt: skip


def _positions(course: CourseDose, title: str) -> Table:
    assert course.positions is not None
    rows = tuple(
        (p.name, volume(p.tumour_ml), volume(p.normal_ml), f"{p.activity.injected_gbq:.2f}{NBSP}GBq",
         f"{p.activity.vial_gbq:.2f}{NBSP}GBq", _gy(p.activity.tumour_gy), _gy(p.activity.normal_gy),
         "reaches the target" if p.binding is None else
         f"held back from {p.wanted.injected_gbq:.2f}{NBSP}GBq by {_quantity(p.binding.quantity)} at most "
         f"{p.binding.at_most:g} ({_status(p.binding.source, p.binding.status)})")
        for p in course.positions.positions
    )  # fmt: skip
    note = f"Lung dose of all positions {course.positions.lung_gy:.1f}{NBSP}Gy. " + " ".join(course.positions.notes)
    columns = ("Position", "Tumour", "Normal liver", "Injected", "In the vial", "Tumour", "Normal liver", "Limit")
    return Table(
        f"dose-positions-{course.id}", f"{title}: activity at each catheter position", columns,
        (False, *(True,) * 6, False), rows, note.strip(),
    )  # fmt: skip


def _checks(name: str, title: str, checks: Sequence[Check]) -> Table:
    """Limits that are met or not as rows; those that cannot be checked, by their reason, below them."""
    rows = tuple(
        (c.structure.replace("_", " "), c.measure, _value(c), f"{c.limit:g}{NBSP}{c.unit}".strip(), VERDICTS[c.verdict],
         _status(c.source, c.status))
        for c in checks
        if c.verdict != "not checkable"
    )  # fmt: skip
    open_ones: dict[str, list[str]] = {}
    for check in checks:
        if check.verdict == "not checkable":
            what = f"{check.structure} {check.measure} ({check.limit:g}{NBSP}{check.unit})".replace("_", " ")
            lacking = f"no structure {check.structure} was given"
            why = "no such structure was given" if check.why == lacking else check.why
            open_ones.setdefault(why, []).append(what)
    said = "; ".join(f"{and_list(names)}: {why}" for why, names in open_ones.items())
    columns = ("Structure", "Measure", "Value", "Limit", "Verdict", "Source")
    numeric = (False, False, True, True, False, False)
    return Table(name, title, columns, numeric, rows, f"Not checkable: {said}." if said else "")


def _beams(found: RadiationFinding) -> Table | None:
    """The lesions for which the masks allow it; the others are named below the table."""
    if not found.beams:
        return None
    rows = []
    for act in found.beams:
        spared, check = act.spared, act.checks[-1]
        near = [
            f"{t.organ.replace('_', ' ')} {t.distance_mm:.0f}{NBSP}mm ({t.estimate_gy:.0f}{NBSP}Gy)"
            for t in act.threats[:MOST_ORGANS]
        ]
        rows.append(
            (act.lesion, f"{act.dose_gy:g}{NBSP}Gy in {act.fractions}, {act.margin_mm:g}{NBSP}mm margin",
             volume(spared.target_ml[0]),
             f"{spared.estimate_ml:.0f}{NBSP}mL below {act.below_gy:g}{NBSP}Gy "
             f"({spared.low_ml:.0f}\u2013{spared.high_ml:.0f})",
             f"{VERDICTS[check.verdict]}: {check.limit:g}{NBSP}mL needed ({_status(check.source, check.status)})",
             and_list(near) if near else "none within reach")
        )  # fmt: skip
    note = ESTIMATE
    if found.together is not None:
        many = found.together
        note += (
            f" All of them in one course: {_value(many)} spared of {many.limit:g}{NBSP}mL needed "
            f"({VERDICTS[many.verdict]}{': ' + many.why if many.why else ''})."
        )
    outside = [name for name, checks in found.measures.items() if any(c.verdict == "fail" for c in checks)]
    if outside:
        note += f" Outside the measures of the trial: {and_list(outside)}."
    columns = ("Lesion", "Schedule", "Target", "Liver spared", "Rule", "Organs near it")
    numeric = (False, False, True, True, False, False)
    return Table("beams", "Stereotactic radiotherapy before a plan", columns, numeric, tuple(rows), note)


def _spheres(found: RadiationFinding) -> Table | None:
    """Lobes, and the segments that treat every lesion at once."""
    shown = [act for act in found.spheres if act.kind == "lobar" or set(act.treats) == set(found.measures)]
    if not shown:
        return None
    rows = []
    for act in shown:
        grown = act.growth
        later = [] if grown is None else [f"{grown.expected_ml:.0f}{NBSP}mL in {grown.months:g} months"]
        later += [f"{VERDICTS[c.verdict]}: more than {c.limit:g}{NBSP}% asked" for c in act.checks]
        treats = f"{len(act.treats)} lesions" if len(act.treats) > MOST_NAMES else and_list(act.treats)
        rows.append(
            (act.name, treats, volume(act.perfused_normal_ml),
             f"{volume(act.other_ml)} ({act.other_percent:.0f}{NBSP}%)", "; ".join(later))
        )  # fmt: skip
    columns = ("Perfused", "Treats whole", "Normal liver in it", "Liver outside", "Outside later")
    return Table(
        "spheres", "Radioembolisation before a plan", columns, (False, False, True, True, False), tuple(rows), SPHERES
    )


def _arteries_matter(found: RadiationFinding) -> bool:
    """True where a course is through the artery, or an artery is aberrant."""
    through = any(course.kind == "radioembolisation" for course in found.courses)
    return bool(found.arteries) and (through or any(artery.aberrant for artery in found.arteries))


def _arteries(found: RadiationFinding) -> Table | None:
    if not _arteries_matter(found):
        return None
    rows = tuple(
        (a.name, volume(a.mask.volume_ml), f"{a.share_percent:.0f}{NBSP}%",
         "its territory is not reached from the first artery" if a.aberrant else "")
        for a in found.arteries
    )  # fmt: skip
    note = "Read from the artery mask; a gap in the mask looks like an artery of its own. " + " ".join(found.notes)
    if any(artery.aberrant for artery in found.arteries):
        told = knowledge_base().table("artery-variants").rows
        note += " ".join(f"{row.number('share'):g}{NBSP}% {row['words']} ({row.source})." for row in told)
    columns = ("Artery", "Supplies", "Share of the liver", "Remark")
    return Table("arteries", "Arteries of the liver", columns, (False, True, True, False), rows, note.strip())


def _schedules(found: RadiationFinding) -> Table | None:
    """Dose and rhythm of treatments through the artery, beside the arteries."""
    if not _arteries_matter(found):
        return None
    kb, rows = knowledge_base(), []
    for name in ("debiri-schedule", "infusion-schedule"):
        table = kb.table(name)
        shown = [column for column in table.columns if column.name not in ("what", "words")]
        for row in table.rows:
            values = [_amount(row[c.name], c.unit) for c in shown if row[c.name] is not None]
            words = str(row["words"]) if any(c.name == "words" for c in table.columns) else ""
            what = str(row["what"]).replace("-", " ")
            rows.append((table.title, what, " ".join(values), words, _status(row.source, row.status)))
    columns = ("Treatment", "What", "Value", "Remark", "Source")
    return Table(
        "artery-schedules", "Treatments through the artery: dose and rhythm in published series", columns, (False,) * 5,
        tuple(rows),
    )  # fmt: skip


def radiation_data(found: RadiationFinding | None) -> dict[str, Any] | None:
    """The section as numbers: doses in Gy, volumes in mL, activities in GBq; None where there is nothing to say."""
    from glisson.report.numbers import rounded

    if found is None or found.is_empty:
        return None
    return {
        "courses": [_course_data(course) for course in found.courses],
        "beams": [
            {
                "lesion": act.lesion, "dose_gy": rounded(act.dose_gy), "fractions": act.fractions,
                "margin_mm": rounded(act.margin_mm), "target_ml": rounded(act.spared.target_ml[0]),
                "below_gy": rounded(act.below_gy), "spared_ml": rounded(act.spared.estimate_ml),
                "spared_low_ml": rounded(act.spared.low_ml), "spared_high_ml": rounded(act.spared.high_ml),
                "method": act.method, "checks": [_check_data(check) for check in act.checks],
                "organs": [
                    {"organ": t.organ, "distance_mm": rounded(t.distance_mm), "estimate_gy": rounded(t.estimate_gy),
                     "low_gy": rounded(t.low_gy), "high_gy": rounded(t.high_gy), "verdict": t.verdict}
                    for t in act.threats
                ],
            }
            for act in found.beams
        ],
        "not_by_measures": {
            name: [_check_data(check) for check in checks if check.verdict == "fail"]
            for name, checks in found.measures.items()
            if any(check.verdict == "fail" for check in checks)
        },
        "together": None if found.together is None else _check_data(found.together),
        "spheres": [
            {
                "name": act.name, "kind": act.kind, "setting": act.setting, "segments": list(act.segments),
                "treats": list(act.treats), "touches": list(act.touches),
                "perfused_normal_ml": rounded(act.perfused_normal_ml), "other_ml": rounded(act.other_ml),
                "other_percent": rounded(act.other_percent), "checks": [_check_data(check) for check in act.checks],
                "other_later_ml": None if act.growth is None else rounded(act.growth.expected_ml),
                "other_later_months": None if act.growth is None else rounded(act.growth.months),
            }
            for act in found.spheres
        ],
        "arteries": [
            {"name": a.name, "aberrant": a.aberrant, "supplies_ml": rounded(a.mask.volume_ml),
             "share_percent": rounded(a.share_percent)}
            for a in found.arteries
        ],
        "notes": list(found.notes),
    }  # fmt: skip


def _course_data(course: CourseDose) -> dict[str, Any]:
    from glisson.report.numbers import rounded

    effects = {effect.structure: effect for effect in course.effects}
    return {
        "id": course.id, "kind": course.kind, "method": course.method,
        "structures": [
            _dose_data(name, histogram) | {
                "mean_bed_gy": rounded(effects[name].mean_bed_gy) if name in effects else None,
                "alpha_beta_gy": rounded(effects[name].alpha_beta_gy) if name in effects else None,
            }
            for name, histogram in course.histograms.items()
        ],
        "checks": [_check_data(check) for check in course.checks],
        "positions": None if course.positions is None else [
            {
                "name": p.name, "tumour_ml": rounded(p.tumour_ml), "normal_ml": rounded(p.normal_ml),
                "injected_gbq": rounded(p.activity.injected_gbq, 4), "vial_gbq": rounded(p.activity.vial_gbq, 4),
                "wanted_gbq": rounded(p.wanted.injected_gbq, 4), "tumour_gy": rounded(p.activity.tumour_gy),
                "normal_gy": rounded(p.activity.normal_gy), "constant": p.activity.constant.name,
                "binding": None if p.binding is None else
                {"quantity": p.binding.quantity, "at_most": rounded(p.binding.at_most), "source": p.binding.source},
            }
            for p in course.positions.positions
        ],
        "lung_gy": None if course.positions is None else rounded(course.positions.lung_gy),
        "comparison": None if course.comparison is None else {
            "tnr": rounded(course.comparison.tnr),
            "regions": [
                {"region": r.region, "volume_ml": rounded(r.volume_ml), "activity_gbq": rounded(r.activity_gbq, 5),
                 "compartment_gy": rounded(r.compartment_gy), "local_gy": rounded(r.local_gy),
                 "kernel_gy": rounded(r.kernel_gy)}
                for r in course.comparison.regions
            ],
        },
        "notes": list(course.notes), "missing": list(course.missing),
    }  # fmt: skip


def _dose_data(name: str, histogram: Dvh) -> dict[str, Any]:
    from glisson.report.numbers import rounded

    return {
        "name": name, "volume_ml": rounded(histogram.volume_ml), "covered_percent": rounded(100.0 * histogram.covered),
        "mean_gy": rounded(histogram.mean_gy), "d95_gy": rounded(histogram.dose_at(95)),
        "d50_gy": rounded(histogram.dose_at(50)), "d2_gy": rounded(histogram.dose_at(2)),
    }  # fmt: skip


def _check_data(check: Check) -> dict[str, Any]:
    from glisson.report.numbers import rounded

    return {
        "structure": check.structure, "measure": check.measure, "verdict": check.verdict,
        "value": rounded(check.value), "limit": rounded(check.limit), "unit": check.unit, "source": check.source,
        "status": check.status, "why": check.why,
    }  # fmt: skip


def _amount(cell: Any, unit: str | None) -> str:
    """A number or a range of a table with its unit; words as they are."""
    if isinstance(cell, str):
        return cell
    numbers = cell if isinstance(cell[0], tuple) else (cell,)
    return f"{' to '.join(f'{number[0]:g}' for number in numbers)}{NBSP}{unit or ''}".strip()


def _gy(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}{NBSP}Gy" if value >= 100 else f"{value:.1f}{NBSP}Gy"


def _value(check: Check) -> str:
    if check.value is None:
        return ""
    digits = f"{check.value:.0f}" if check.value >= 100 else f"{check.value:.3g}"
    return f"{digits}{NBSP}{check.unit}".strip()


def _status(source: str, status: str) -> str:
    return source if status == "verified" else f"{source}, {UNCONFIRMED}" if status == "unverified" else source


QUANTITIES = {
    "tumour_gy": "tumour dose (Gy)", "normal_gy": "dose of normal liver (Gy)", "mean_gy": "mean dose (Gy)",
    "lung_gy": "lung dose (Gy)", "injected_gbq": "activity (GBq)", "lung_gbq": "activity to the lungs (GBq)",
}  # fmt: skip


def _quantity(name: str) -> str:
    return QUANTITIES[name]
