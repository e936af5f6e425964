"""What may be done before a resection so that the part that stays grows."""

from __future__ import annotations

from collections.abc import Sequence

from glisson.anatomy import SEGMENT_NAMES
from glisson.planning.act_rules import act_burden
from glisson.planning.clearance import Modifier
from glisson.planning.growth import growth_forecast

__all__ = ["enlargements"]

RIGHT, LEFT = ("V", "VI", "VII", "VIII"), ("II", "III", "IV")


def enlargements() -> tuple[Modifier, ...]:
    """Embolisation, two stages and ALPPS of each side, with the growth that published series expect of the rest."""
    wide = (*RIGHT, "IV")
    return (
        _modifier("embolise-right", "embolisation", "right portal embolisation", RIGHT, "portal-vein-embolisation"),
        _modifier("embolise-right-4", "embolisation", "right and IV embolisation", wide, "right-embolisation-with-4"),
        _modifier("embolise-left", "embolisation", "left portal vein embolisation", LEFT, "portal-vein-embolisation"),
        _modifier("two-stage-right", "two-stage", "two stages with right embolisation", RIGHT,
                  "portal-vein-embolisation", "two-stage"),
        _modifier("alpps-right", "alpps", "ALPPS of the right liver", RIGHT, "alpps", "alpps"),
        _modifier("alpps-right-4", "alpps", "ALPPS of the right liver and IV", wide, "alpps", "alpps"),
    )  # fmt: skip


def _modifier(
    name: str, relaxation: str, label: str, closed: Sequence[str], technique: str, act: str = "portal-vein-embolisation"
) -> Modifier:
    forecast = growth_forecast(technique)
    grown = forecast.total
    spread = "" if grown.low is None or grown.high is None else f", {grown.low:.0f} to {grown.high:.0f} %"
    return Modifier(
        id=name,
        relaxation=relaxation,
        label=label,
        growth={
            segment: 0.0 if segment in closed else 1.0 + grown.expected / 100.0 for segment in SEGMENT_NAMES.values()
        },
        burden=act_burden(act),
        forecast=(
            f"Growth of {grown.expected:.0f} % expected{spread} ({forecast.source}); measure again before deciding."
        ),
        source=forecast.source,
    )
