"""`virtual_patient`: one seed, one patient, on any grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from glisson.case.vocabulary import PRIMARY_SITES
from glisson.errors import InputError
from glisson.geometry import Box, Grid, Labels, Mask, Volume
from glisson.scene import ImageFacts, LesionMask, Notice, Scene
from glisson.simulate.body import draw_build
from glisson.simulate.ct import HEPATIC_HU, PORTAL_HU, paint_lesion, paint_tree, scan
from glisson.simulate.metastases import SMALLEST_MM, Seed, draw_diameters, seed_lesions, seeding_weights
from glisson.simulate.organ import Organ, drained_by, draw_lesions, draw_vessels, fed_by, place_liver, visible
from glisson.simulate.record import SCAN_DAY, invent_case
from glisson.simulate.trunk import HU, Trunk, build_trunk
from glisson.simulate.truth import DRAINAGE_NAMES, LesionTruth, Truth, VirtualPatient, axes_plan, reoriented
from glisson.simulate.vessels import Plumbing, grow_vessels

__all__ = ["SEGMENTS", "VirtualBody", "grow_body", "streams", "virtual_patient"]

Piece: TypeAlias = tuple[Box, npt.NDArray[np.bool_]]

MOST_LESIONS = 80
"""Metastases a virtual liver takes at most."""
LIVER_ML = (600.0, 3500.0)
"""Liver volumes that can be asked for."""
DIAMETERS_MM = (SMALLEST_MM / 2, 120.0)
"""Lesion diameters that can be asked for."""
CYST_MM = 22.0
"""Diameter of the cyst."""
STAGES = ("build", "vessels", "route", "sizes", "places", "noise", "record")
"""Independent random streams: changing one request leaves the others' draws as they were."""
SEGMENTS = {1: "I", 2: "II", 3: "III", 4: "IV", 5: "V", 6: "VI", 7: "VII", 8: "VIII"}
VIRTUAL = "This patient does not exist: record, images and outlines were made by glisson.simulate (seed {seed})."


def virtual_patient(
    *,
    seed: int = 0,
    shape: tuple[int, int, int] = (256, 256, 160),
    spacing_mm: tuple[float, float, float] = (1.5, 1.5, 2.0),
    axes: str = "LPS",
    lesions: int = 7,
    primary: str = "colorectal",
    diameters_mm: Sequence[float] | None = None,
    median_diameter_mm: float = 18.0,
    cyst: bool = False,
    touching: bool = False,
    liver_ml: float = 1500.0,
    noise_hu: float = 12.0,
) -> VirtualPatient:
    """A patient who does not exist, with record, CT, outlines and the truth; the same arguments give the same bytes.

    shape, spacing_mm: of the scan, along its own axes; `axes` are their directions ("LPS", "RAS", "LIP", ...).
    lesions: number of metastases, 0 to 80. primary: where the cancer started, a site of case.yaml; primaries
    drained by the
    portal vein seed in proportion to portal flow, all others to arterial flow. diameters_mm: sizes (one for each
    metastasis)
    instead of log-normal ones around median_diameter_mm. cyst: one simple cyst besides. touching: lesions may touch.
    liver_ml: volume of the liver mask (met to half a voxel). noise_hu: standard deviation of the noise.

    The anatomy does not depend on the grid. Lesions are L1, L2, ... from the largest. Raises InputError for
    requests that
    cannot be met.
    """
    _check(seed, axes, lesions, primary, diameters_mm, median_diameter_mm, liver_ml, noise_hu)
    random = streams(seed)
    body = grow_body(random, int(seed), shape, spacing_mm, axes, primary, float(liver_ml))
    if diameters_mm is None:
        sizes = [float(d) for d in draw_diameters(lesions, median_diameter_mm, random["sizes"])]
    else:
        sizes = sorted((float(d) for d in diameters_mm), reverse=True)
    seeds = seed_lesions(
        body.plumbing, body.organ.field, body.organ.scale, body.weight, [*sizes, *([CYST_MM] * cyst)],
        ["metastasis"] * lesions + ["cyst"] * cyst, fixed_sizes=diameters_mm is not None, touching=touching,
        rng=random["places"],
    )  # fmt: skip
    seeds.sort(key=lambda s: -s.radius_mm)
    scene, truth = body.seen(seeds, touching, float(noise_hu), random["noise"])
    facts = [(made.id, made.nature, made.diameter_mm, SEGMENTS[made.segment]) for made in truth.lesions]
    return VirtualPatient(invent_case(int(seed), primary, truth.liver_ml, facts, random["record"]), scene, truth)


def streams(seed: int) -> dict[str, np.random.Generator]:
    """The independent random streams of a patient, by STAGES."""
    return {name: np.random.default_rng([int(seed), number]) for number, name in enumerate(STAGES)}


@dataclass(frozen=True, eq=False)
class VirtualBody:
    """All of a patient but the lesions: liver, vessels, and where blood carries cells."""

    seed: int
    axes: str
    organ: Organ
    plumbing: Plumbing
    route: str
    weight: npt.NDArray[np.float64]

    def seen(self, seeds: list[Seed], touching: bool, noise_hu: float, rng: np.random.Generator) -> tuple[Scene, Truth]:
        """The body with these lesions on a scan, and what is true of it."""
        masks = draw_lesions(self.organ, seeds, (self.plumbing.portal, self.plumbing.hepatic), touching)
        truth = _truth(self.seed, self.organ, self.plumbing, seeds, masks, self.route, self.weight, self.axes)
        return _scene(self.organ, self.plumbing, seeds, masks, truth, self.axes, noise_hu, rng), truth


def grow_body(
    random: dict[str, np.random.Generator],
    seed: int,
    shape: tuple[int, int, int],
    spacing_mm: tuple[float, float, float],
    axes: str,
    primary: str,
    liver_ml: float,
) -> VirtualBody:
    """Liver and vessels on a grid whose own axes are `axes`; see `virtual_patient`."""
    column = {axis: number for number, (axis, _) in enumerate(axes_plan(axes))}
    size = (shape[column[0]], shape[column[1]], shape[column[2]])
    spacing = (spacing_mm[column[0]], spacing_mm[column[1]], spacing_mm[column[2]])
    organ = place_liver(draw_build(random["build"]), size, spacing, liver_ml)
    plumbing = grow_vessels(organ.field, liver_ml, organ.scale, random["vessels"])
    route, weight = seeding_weights(plumbing, primary, random["route"])
    return VirtualBody(seed, axes, organ, plumbing, route, weight)


def _check(
    seed: int,
    axes: str,
    lesions: int,
    primary: str,
    diameters_mm: Sequence[float] | None,
    median_mm: float,
    liver_ml: float,
    noise_hu: float,
) -> None:
    def refuse(name: str, given: object, expected: str) -> None:
        raise InputError(f"virtual_patient: {name} is {given!r}; expected {expected}.")

    try:
        axes_plan(axes)
    except KeyError:
        refuse("axes", axes, "three letters, one of R/L, A/P and I/S each, such as 'LPS'")
    if seed < 0:
        refuse("seed", seed, "a whole number from 0")
    if not 0 <= lesions <= MOST_LESIONS:
        refuse("lesions", lesions, f"0 to {MOST_LESIONS}")
    if primary not in PRIMARY_SITES:
        refuse("primary", primary, f"one of {', '.join(PRIMARY_SITES)}")
    low, high = DIAMETERS_MM
    if diameters_mm is not None and len(diameters_mm) != lesions:
        refuse(
            "diameters_mm",
            list(diameters_mm),
            f"one diameter for each of the {lesions} metastases (set lesions to match)",
        )
    if not all(low <= d <= high for d in (median_mm, *(diameters_mm or ()))):
        refuse("a lesion diameter", list(diameters_mm or (median_mm,)), f"{low:g} to {high:g} mm")
    if not LIVER_ML[0] <= liver_ml <= LIVER_ML[1]:
        refuse("liver_ml", liver_ml, f"{LIVER_ML[0]:g} to {LIVER_ML[1]:g} mL")
    if not 0 <= noise_hu <= 200:
        refuse("noise_hu", noise_hu, "0 to 200 HU")


def _truth(
    seed: int,
    organ: Organ,
    plumbing: Plumbing,
    seeds: list[Seed],
    masks: list[Piece],
    route: str,
    weight: npt.NDArray[np.float64],
    axes: str,
) -> Truth:
    feeding = fed_by(organ, plumbing.portal)
    of_node = np.concatenate([[0], plumbing.portal.segment]).astype(np.uint8)
    segments = of_node[feeding]
    box_grid = organ.grid.crop(organ.box)

    def labels(data: npt.NDArray[np.generic], names: dict[int, str]) -> Labels:
        return Labels(*reoriented(data, box_grid, axes), names)

    made = []
    for number, (own, (_, mask)) in enumerate(zip(seeds, masks, strict=True), start=1):
        index = np.clip(np.rint(box_grid.to_index(own.centre_mm)).astype(int), 0, np.array(box_grid.shape) - 1)
        segment = int(segments[tuple(index)]) or int(plumbing.portal.segment[own.leaf])
        x, y, z = (float(c) for c in own.centre_mm)
        volume = int(np.count_nonzero(mask)) * organ.grid.voxel_ml
        made.append(
            LesionTruth(f"L{number}", own.nature, (x, y, z), 2 * own.radius_mm, volume, segment, own.leaf, own.rim)
        )
    return Truth(
        seed=seed,
        liver_ml=int(np.count_nonzero(organ.mask)) * organ.grid.voxel_ml,
        segments=labels(segments, SEGMENTS),
        territories=labels(feeding, {}),
        drainage=labels(drained_by(organ, plumbing.hepatic), dict(DRAINAGE_NAMES)),
        portal=plumbing.portal,
        hepatic=plumbing.hepatic,
        lesions=tuple(made),
        seeding_route=route,
        seeding_weight=weight,
        scale=organ.scale,
    )


def _scene(
    organ: Organ,
    plumbing: Plumbing,
    seeds: list[Seed],
    masks: list[Piece],
    truth: Truth,
    axes: str,
    noise_hu: float,
    rng: np.random.Generator,
) -> Scene:
    grid = organ.grid
    trunk = build_trunk(organ.build, grid, organ.scale, organ.box, organ.mask)
    whole = (slice(0, grid.shape[0]), slice(0, grid.shape[1]), slice(0, grid.shape[2]))
    found: dict[str, tuple[Box, npt.NDArray[np.bool_]]] = {"liver": (organ.box, organ.mask), **trunk.masks}
    for name, tree in (("portal", plumbing.portal), ("hepatic", plumbing.hepatic)):
        found[name] = (whole, draw_vessels(tree, grid, visible(tree, grid, seeds)))
    found["bone"], found["skin"] = (whole, trunk.bone()), (whole, trunk.tissue > 0)
    structures = {name: _mask(box, mask, grid, axes) for name, (box, mask) in found.items()}
    del found
    image = _image(trunk, organ, plumbing, seeds, masks, noise_hu, rng)
    data, turned = reoriented(image, grid, axes)
    outlines = tuple(
        LesionMask(made.id, _mask(box, mask, grid, axes), "virtual patient: exact outline")
        for made, (box, mask) in zip(truth.lesions, masks, strict=True)
    )
    text = VIRTUAL.format(seed=truth.seed)
    return Scene(
        turned,
        structures,
        image=Volume(data, turned),
        lesions=outlines,
        segments=truth.segments,
        facts=ImageFacts(
            modality="CT", date=SCAN_DAY.isoformat(), phase="portal-venous",
            description=f"virtual patient, seed {truth.seed}",
            slice_thickness_mm=grid.spacing_mm[2], chosen_because="the only scan of a virtual patient",
        ),
        notices=(Notice("info", "virtual-patient", text, "patient"),),
    )  # fmt: skip


def _mask(box: Box, data: npt.NDArray[np.bool_], grid: Grid, axes: str) -> Mask:
    small = Mask(data, grid.crop(box)).trimmed()
    return Mask(*reoriented(small.data, small.grid, axes))


def _image(
    trunk: Trunk,
    organ: Organ,
    plumbing: Plumbing,
    seeds: list[Seed],
    masks: list[Piece],
    noise_hu: float,
    rng: np.random.Generator,
) -> npt.NDArray[np.int16]:
    hu = HU[trunk.tissue]
    for tree, blood in ((plumbing.hepatic, HEPATIC_HU), (plumbing.portal, PORTAL_HU)):
        paint_tree(hu, organ.grid, tree, blood)
    for seed, (_, mask) in zip(seeds, masks, strict=True):
        paint_lesion(hu, organ.grid, seed, mask)
    return scan(hu, organ.grid, noise_hu, rng)
