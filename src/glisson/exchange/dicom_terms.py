"""The coded terms of results: SNOMED CT and DICOM where they have one, our own scheme for parts of a plan."""

from __future__ import annotations

from glisson.imaging.dicom_source import Term

__all__ = [
    "ANATOMY", "CHANGED", "CM3", "CURRENT_RESPONSE", "LESION", "LIVER", "LONG_AXIS", "METASTASIS", "MM", "PARTS",
    "PERCENT", "PLACE", "REMNANT_PERCENT", "RESPONSES", "SEGMENTS", "SHORT_AXIS", "VEINS", "VOLUME",
]  # fmt: skip

OWN = "99GLISSON"
"""Our coding scheme, for what no public one names."""

ANATOMY = Term("123037004", "SCT", "Anatomical Structure")
CHANGED = Term("49755003", "SCT", "Morphologically Abnormal Structure")
PLACE = Term("309825002", "SCT", "Spatial and Relational Concept")
"""Categories of segments."""

LIVER = Term("10200004", "SCT", "Liver")
SEGMENTS = {
    number: Term(value, "SCT", f"Segment {name} of liver")
    for number, (name, value) in enumerate(
        (("I", "71133005"), ("II", "277956007"), ("III", "277957003"), ("IV", "277958008"), ("V", "277959000"),
         ("VI", "277960005"), ("VII", "277961009"), ("VIII", "277962002")), 1
    )
}  # fmt: skip
VEINS = {
    "portal": Term("32764006", "SCT", "Portal vein"),
    "hepatic": Term("8993003", "SCT", "Hepatic vein"),
    "cava": Term("64131007", "SCT", "Inferior vena cava"),
}
METASTASIS = Term("14799000", "SCT", "Neoplasm, Secondary")
LESION = Term("52988006", "SCT", "Lesion")

PARTS = {
    "remnant": Term("REMNANT", OWN, "Liver that stays by the plan"),
    "removed": Term("REMOVED", OWN, "Liver removed by the plan"),
    "destroyed": Term("DESTROYED", OWN, "Liver destroyed by ablation in the plan"),
    "irradiated": Term("IRRADIATED", OWN, "Liver lost to radiation in the plan"),
    "devascularised": Term("DEVASCULARISED", OWN, "Liver cut off from inflow by the plan"),
    "congested": Term("CONGESTED", OWN, "Liver cut off from outflow by the plan"),
}
"""Parts of a plan: what stays, and each cause by which liver is lost."""

VOLUME = Term("118565006", "SCT", "Volume")
LONG_AXIS = Term("103339001", "SCT", "Long axis")
SHORT_AXIS = Term("103340004", "SCT", "Short axis")
REMNANT_PERCENT = Term("REMNANT_PERCENT", OWN, "Remnant, share of non-tumour liver")
CM3 = Term("cm3", "UCUM", "cubic centimeter")
MM = Term("mm", "UCUM", "millimeter")
PERCENT = Term("%", "UCUM", "percent")

CURRENT_RESPONSE = Term("112048", "DCM", "Current Response")
RESPONSES = {
    ("target", "CR"): Term("112041", "DCM", "Target Lesion Complete Response"),
    ("target", "PR"): Term("112042", "DCM", "Target Lesion Partial Response"),
    ("target", "PD"): Term("112043", "DCM", "Target Lesion Progressive Disease"),
    ("target", "SD"): Term("112044", "DCM", "Target Lesion Stable Disease"),
    ("non-target", "CR"): Term("112045", "DCM", "Non-Target Lesion Complete Response"),
    ("non-target", "non-CR/non-PD"): Term("112046", "DCM", "Non-Target Lesion Incomplete Response or Stable Disease"),
    ("non-target", "PD"): Term("112047", "DCM", "Non-Target Lesion Progressive Disease"),
}
"""Response of target and non-target lesions by RECIST."""
