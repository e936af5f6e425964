"""What may be done before a resection so that the part that stays grows: which liver loses its inflow, and for what."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from glisson.anatomy import SEGMENT_NAMES
from glisson.planning.act_rules import act_burden
from glisson.planning.clearance import Modifier
from glisson.planning.growth import GrowthForecast, growth_forecast, lobe_forecast

__all__ = ["CLOSURES", "Closure", "Enlargement", "closures", "enlargements"]


@dataclass(frozen=True)
class Closure:
    """A part of the liver whose portal inflow is closed, to be removed later. closes: its segments."""

    id: str
    label: str
    closes: tuple[str, ...]


CLOSURES = (
    Closure("right", "right", ("V", "VI", "VII", "VIII")),
    Closure("right-4", "right and IV", ("IV", "V", "VI", "VII", "VIII")),
    Closure("left", "left", ("II", "III", "IV")),
)
"""Parts that are closed in practice; segment I keeps its own inflow."""


@dataclass(frozen=True)
class Enlargement:
    """One way to make the remnant grow.

    act: its line in the table `burden-of-acts`. modality: the treatment whose rules hold for it. relaxation: under
    which it counts when nothing in the remnant has to be treated first. label: in a surgeon's words. splits: the liver
    is divided in the first operation.
    """

    id: str
    closure: Closure
    act: str
    modality: str
    relaxation: str
    label: str
    forecast: GrowthForecast
    splits: bool = False

    @property
    def closes(self) -> tuple[str, ...]:
        """Segments that lose their portal inflow."""
        return self.closure.closes

    def modifier(self, burden: float = 0.0) -> Modifier:
        """As the search knows it: the expected growth at the end of the forecast. burden: beyond its own act's."""
        grown = 1.0 + self.forecast.after(self.forecast.horizon_days).expected / 100.0
        factors = {name: 0.0 if name in self.closes else grown for name in SEGMENT_NAMES.values()}
        total = act_burden(self.act) + burden
        return Modifier(self.id, self.relaxation, self.label, factors, burden=total, source=self.forecast.source)


def closures(present: Collection[str]) -> tuple[Closure, ...]:
    """The closures of a liver with these segments: those that lack none of theirs, and leave at least one."""
    return tuple(one for one in CLOSURES if set(one.closes) <= set(present) and set(present) - set(one.closes))


def enlargements(closure: Closure, *, spheres: bool = False) -> tuple[Enlargement, ...]:
    """Ways to make the rest grow with a part of the liver closed, as far as a series says by how much.

    spheres: radioembolisation of the lobe too, which closes nothing and is taken for its growth alone.
    """
    embolised = "right-embolisation-with-4" if closure.id == "right-4" else "portal-vein-embolisation"
    what = f"{closure.label} portal vein embolisation"
    pve = "portal-vein-embolisation"
    found = [Enlargement(f"embolise-{closure.id}", closure, pve, pve, "embolisation", what, growth_forecast(embolised))]
    if closure.id == "right":
        lvd = "liver-venous-deprivation"
        words = "right liver venous deprivation (portal and hepatic veins)"
        found.append(Enlargement("deprive-right", closure, lvd, lvd, "venous-deprivation", words, growth_forecast(lvd)))
    if closure.id != "left":
        words = f"parenchymal split with {closure.label} portal vein ligation (ALPPS)"
        forecast = growth_forecast("alpps")
        found.append(
            Enlargement(f"alpps-{closure.id}", closure, "alpps", "alpps", "alpps", words, forecast, splits=True)
        )
    if spheres and closure.id != "right-4":
        words, way = f"radioembolisation of the {closure.label} lobe", "radioembolisation"
        found.append(Enlargement(f"radioembolise-{closure.id}", closure, way, way, way, words, lobe_forecast()))
    return tuple(found)
