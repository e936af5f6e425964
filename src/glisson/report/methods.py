"""What every number in the findings is: its unit and the way it was measured, keyed by its field."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["METHODS", "Method"]


@dataclass(frozen=True)
class Method:
    """Unit and method of one field; `label` is its name on a page."""

    label: str
    unit: str
    method: str


METHODS: dict[str, Method] = {
    "liver.volume_ml": Method(
        "Liver volume", "mL", "voxels of the whole liver (mask united with the lesions in it) times voxel volume"
    ),
    "liver.tumour_ml": Method(
        "Tumour in the liver", "mL", "voxels of all lesions inside the whole liver, each counted once"
    ),
    "liver.nontumour_ml": Method("Non-tumour liver", "mL", "whole liver minus tumour in the liver"),
    "liver.spleen_ml": Method("Spleen volume", "mL", "voxels of the spleen mask times voxel volume"),
    "lesions[].volume_ml": Method("Volume", "mL", "voxels times voxel volume"),
    "lesions[].longest_axial_mm": Method(
        "Longest axial diameter",
        "mm",
        "longest chord in an axial slice as acquired, between sub-voxel boundary points of the outline (RECIST way)",
    ),
    "lesions[].perpendicular_mm": Method(
        "Perpendicular diameter", "mm", "longest chord at right angles to the longest axial diameter, in the same slice"
    ),
    "lesions[].max3d_mm": Method(
        "Maximum 3D diameter", "mm", "largest distance between two points of the lesion's surface"
    ),
    "lesions[].centroid_mm": Method("Centroid", "mm, LPS", "mean of the voxel centres"),
    "lesions[].segments": Method(
        "Couinaud segments", "% of the lesion", "voxels of the lesion in each segment of the segment map"
    ),
    "lesions[].inside_liver_percent": Method("Inside the liver", "%", "voxels of the lesion inside the whole liver"),
    "lesions[].share_of_liver_percent": Method("Share of the liver", "%", "lesion volume over whole-liver volume"),
    "lesions[].distance_mm.capsule": Method(
        "Depth under the capsule",
        "mm",
        "shortest distance between the surfaces of lesion and whole liver; 0 at the capsule",
    ),
    "lesions[].distance_mm.portal": Method(
        "To the portal vein",
        "mm",
        "shortest distance between the surfaces of lesion and portal mask; 0 when they touch",
    ),
    "lesions[].distance_mm.hepatic": Method(
        "To the hepatic veins",
        "mm",
        "shortest distance between the surfaces of lesion and hepatic vein mask; 0 when they touch",
    ),
    "lesions[].distance_mm.cava": Method(
        "To the vena cava", "mm", "shortest distance between the surfaces of lesion and cava; 0 when they touch"
    ),
    "segments.volumes_ml": Method("Segment volume", "mL", "voxels of the segment times voxel volume"),
    "segments.parts_of_four": Method(
        "IVa and IVb",
        "mL",
        "voxels of segment IV above and below a height; the note names what gave the height",
    ),
    "segments.certainty": Method(
        "Certainty of a segment",
        "0 to 1",
        "only for computed segments: mean chance over its voxels that a reader gives the same label",
    ),
    "burden.count": Method("Lesions counted", "", "lesions outlined, without benign, vanished and treated ones"),
    "burden.bilobar": Method("In both lobes", "", "a lesion counted lies in the right lobe and one in the left"),
    "burden.total_ml": Method("Total tumour volume", "mL", "sum over the lesions counted"),
    "burden.share_percent": Method("Tumour share of the liver", "%", "total tumour volume over whole-liver volume"),
    "burden.largest_mm": Method("Largest diameter", "mm", "largest longest axial diameter of the lesions counted"),
    "burden.tumour_burden_score": Method(
        "Tumour burden score",
        "",
        "root of the sum of squares of largest diameter in cm and count; derived on pathology, extrapolated to images",
    ),
    "resections[].removed_ml": Method(
        "Removed",
        "mL",
        "voxels of the whole liver in the segments removed; with the remnant it adds up to the whole liver",
    ),
    "resections[].remnant_ml": Method("Remnant", "mL", "voxels of the whole liver that stay"),
    "resections[].remnant_nontumour_ml": Method("Non-tumour remnant", "mL", "remnant minus the tumour left in it"),
    "resections[].remnant_percent_nontumour": Method(
        "Remnant of non-tumour liver", "%", "non-tumour remnant over non-tumour liver, both measured"
    ),
    "resections[].remnant_percent_standardised": Method(
        "Remnant, standardised",
        "%",
        "non-tumour remnant over the liver volume expected from body size; the resection's notes name the formula",
    ),
    "resections[].remnant_interval": Method(
        "Remnant, limits",
        "% of non-tumour liver",
        "only for computed segments: every cell lost whose chance of removal exceeds a cut, and its converse; the cut "
        "is set on cross-validated livers; null for a given segment map",
    ),
    "resections[].clears": Method(
        "Lesions removed",
        "",
        "lesions that lie in the removed segments with the resection margin of the provenance's parameters",
    ),
    "resections[].margins_mm": Method(
        "Resection margin",
        "mm",
        "shortest distance from the lesion to the remnant; null for a lesion that is not removed whole",
    ),
}
"""Field of findings.json -> label, unit, method. `[]` stands for every element."""
