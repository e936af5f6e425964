"""`glisson whatif`: the same patient under several settings of the search for plans, side by side."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from glisson.cli.output import print_json, print_table
from glisson.cli.progress import part, progress_bar

if TYPE_CHECKING:
    from glisson.planning import Clearing, PlanSettings

__all__ = ["whatif"]


def whatif(
    case: Annotated[Path, typer.Argument(metavar="CASE", help="folder with case.yaml")],
    resection_margin: Annotated[
        list[float] | None, typer.Option(metavar="MM", help="margin planned around wedges; repeat to compare")
    ] = None,
    ablation_margin: Annotated[
        list[float] | None, typer.Option(metavar="MM", help="margin demanded of an ablation; repeat to compare")
    ] = None,
    allow: Annotated[
        list[str] | None, typer.Option(metavar="KINDS", help="acts offered, e.g. resection,wedge; repeat to compare")
    ] = None,
    vessel_detachment: Annotated[
        list[str] | None, typer.Option(metavar="allow|avoid", help="repeat to compare")
    ] = None,
    leave: Annotated[list[str] | None, typer.Option(metavar="ID", help="also without this lesion; repeat")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print machine-readable output")] = False,
) -> None:
    """Compare settings: every combination of the values given, each searched anew on the same anatomy."""
    from glisson.assessment import assess, replan
    from glisson.imaging import read_case

    settings = _settings(resection_margin, ablation_margin, allow, vessel_detachment, leave)
    with progress_bar(quiet=as_json) as progress:
        result = assess(*read_case(case), settings=settings[0], progress=part(progress, 0.0, 0.6))
        found = [result.clearing]
        for number, other in enumerate(settings[1:], 1):
            progress(f"Searching plans with {_words(other)}", 0.6 + 0.4 * number / len(settings))
            found.append(replan(result, other))
    rows = [_row(how, clearing) for how, clearing in zip(settings, found, strict=True)]
    if as_json:
        print_json(rows)
    else:
        print_table(rows)


def _settings(
    resection: list[float] | None,
    ablation: list[float] | None,
    allow: list[str] | None,
    detachment: list[str] | None,
    leave: list[str] | None,
) -> list[PlanSettings]:
    from glisson.errors import InputError
    from glisson.planning import KINDS, PlanSettings

    rules = PlanSettings.by_rules()
    if strange := [word for word in detachment or () if word not in ("allow", "avoid")]:
        raise InputError(f"--vessel-detachment is allow or avoid; got {strange[0]!r}.")
    kinds = [tuple(word.strip() for word in words.split(",")) for words in allow or ()] or [KINDS]
    left: list[tuple[str, ...]] = [(), *((name,) for name in leave or ())]
    combined = product(
        resection or [rules.resection_margin_mm], ablation or [rules.ablation_margin_mm], kinds,
        detachment or ["avoid"], left,
    )  # fmt: skip
    return [
        PlanSettings.by_rules(
            resection_margin_mm=a, ablation_margin_mm=b, allow=c, vessel_detachment=d == "allow", leave=e
        )
        for a, b, c, d, e in combined
    ]


def _words(how: PlanSettings) -> str:
    from glisson.planning import KINDS

    kinds = "every kind of act" if set(how.allow) == set(KINDS) else "+".join(how.allow)
    said = [f"resection {how.resection_margin_mm:g} mm", f"ablation {how.ablation_margin_mm:g} mm", kinds]
    said += ["detachment allowed"] if how.vessel_detachment else []
    said += [f"leaving {', '.join(how.leave)}"] if how.leave else []
    return ", ".join(said)


COLUMNS = ("plan", "burden", "remnant_percent_nontumour", "remnant_percent_standardised", "reruns")


def _row(how: PlanSettings, clearing: Clearing | None) -> dict[str, Any]:
    row: dict[str, Any] = {"settings": _words(how), "outcome": "nothing to treat"} | dict.fromkeys(COLUMNS)
    if clearing is None:
        return row
    row["outcome"] = {"plans": "plan found", "none": "no plan in this catalogue"}.get(
        clearing.found.outcome, "undecided"
    )
    if clearing.found.plans:
        plan = clearing.found.plans[0]
        standardised = plan.remnant_percent_standardised
        held = clearing.robustness[plan.name]
        row |= {
            "plan": plan.name,
            "burden": plan.burden,
            "remnant_percent_nontumour": round(plan.remnant_percent_nontumour, 1),
            "remnant_percent_standardised": None if standardised is None else round(standardised, 1),
            "reruns": f"{held.holds}/{held.runs}",
        }
    return row
