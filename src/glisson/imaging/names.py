"""Names that others give to structures, and ours for them. TotalSegmentator's labels and file names are built in."""

from __future__ import annotations

import re
from collections.abc import Mapping

from glisson.scene import STRUCTURES

__all__ = ["LESIONS", "SEGMENT", "TOTAL_CT", "TOTAL_MR", "canonical", "half_of_four"]

LESIONS = "lesions"
"""Our word for an outline of lesions."""

SEGMENT = "segment_"
"""Prefix of our word for one Couinaud segment: segment_1 to segment_8."""

_ABDOMEN = "spleen kidney_right kidney_left gallbladder liver stomach pancreas adrenal_gland_right adrenal_gland_left "
_SPINE = "S1 L5 L4 L3 L2 L1 T12 T11 T10 T9 T8 T7 T6 T5 T4 T3 T2 T1 C7 C6 C5 C4 C3 C2 C1"
_LIMBS = "humerus_left humerus_right scapula_left scapula_right clavicula_left clavicula_right "
_LIMBS += "femur_left femur_right hip_left hip_right "
_MUSCLES = (
    "gluteus_maximus_left gluteus_maximus_right gluteus_medius_left gluteus_medius_right gluteus_minimus_left "
    "gluteus_minimus_right autochthon_left autochthon_right iliopsoas_left iliopsoas_right "
)
_ILIAC = "iliac_artery_left iliac_artery_right iliac_vena_left iliac_vena_right "

_CT = (
    _ABDOMEN
    + "lung_upper_lobe_left lung_lower_lobe_left lung_upper_lobe_right lung_middle_lobe_right lung_lower_lobe_right "
    + "esophagus trachea thyroid_gland small_bowel duodenum colon urinary_bladder prostate "
    + "kidney_cyst_left kidney_cyst_right sacrum "
    + " ".join(f"vertebrae_{name}" for name in _SPINE.split())
    + " heart aorta pulmonary_vein brachiocephalic_trunk subclavian_artery_right subclavian_artery_left "
    + "common_carotid_artery_right common_carotid_artery_left brachiocephalic_vein_left brachiocephalic_vein_right "
    + "atrial_appendage_left superior_vena_cava inferior_vena_cava portal_vein_and_splenic_vein "
    + _ILIAC
    + _LIMBS
    + "spinal_cord "
    + _MUSCLES
    + "brain skull "
    + " ".join(f"rib_{side}_{n}" for side in ("left", "right") for n in range(1, 13))
    + " sternum costal_cartilages"
)
_MR = (
    _ABDOMEN
    + "lung_left lung_right esophagus small_bowel duodenum colon urinary_bladder prostate sacrum "
    + "vertebrae intervertebral_discs "
    + "spinal_cord heart aorta inferior_vena_cava portal_vein_and_splenic_vein "
    + _ILIAC
    + _LIMBS
    + _MUSCLES
    + "brain"
)

TOTAL_CT: Mapping[int, str] = dict(enumerate(_CT.split(), 1))
"""Label numbers of TotalSegmentator's CT task `total`, version 2 (117 classes).

Wasserthal 2023, doi:10.1148/ryai.230024."""

TOTAL_MR: Mapping[int, str] = dict(enumerate(_MR.split(), 1))
"""Label numbers of its MR task `total_mr` (50 classes). D'Antonoli 2025, doi:10.1148/radiol.241613."""

_ALIASES = {
    "inferior_vena_cava": "cava", "ivc": "cava", "vena_cava": "cava", "postcava": "cava",
    "portal_vein_and_splenic_vein": "portal", "portal_vein": "portal", "portalvein": "portal", "portal_veins": "portal",
    "hepatic_vein": "hepatic", "hepatic_veins": "hepatic", "hepaticveins": "hepatic", "hepaticveins_ivc": "hepatic",
    "hepatic_artery": "artery", "bile_duct": "bile_ducts", "liver_total": "liver", "livermask": "liver",
    "adrenal_gland_right": "adrenal_right", "adrenal_gland_left": "adrenal_left",
    "rightkidney": "kidney_right", "leftkidney": "kidney_left", "rightlung": "lung_right", "leftlung": "lung_left",
    "right_kidney": "kidney_right", "left_kidney": "kidney_left", "right_lung": "lung_right", "left_lung": "lung_left",
    "body": "skin", "body_trunc": "skin", "skull": "bone", "sternum": "bone", "sacrum": "bone",
    "vertebrae": "bone", "ribs": "bone",
    "lesion": LESIONS, "lesions": LESIONS, "liver_lesions": LESIONS, "liver_lesion": LESIONS, "liver_tumor": LESIONS,
    "liver_tumors": LESIONS, "liver_tumour": LESIONS, "liver_tumours": LESIONS, "tumor": LESIONS, "tumour": LESIONS,
    "tumors": LESIONS, "tumours": LESIONS, "metastases": LESIONS, "metastasis": LESIONS,
}  # fmt: skip
_BONE = re.compile(r"(vertebrae|rib|humerus|scapula|clavicula|femur|hip)_.+")
_LOBE = re.compile(r"lung_(?:upper|middle|lower)_lobe_(left|right)")
_SEGMENT = re.compile(r"(?:liver_|couinaud_)?(?:segment|seg)[_ ]?(4a|4b|\d|iva|ivb|viii|vii|vi|iv|v|iii|ii|i)")
_NUMBERED = re.compile(r"(?:tumou?r|lesion|metastasis|met)[_ ]?0*(\d+)")
_ROMAN = {"i": 1, "ii": 2, "iii": 3, "iv": 4, "v": 5, "vi": 6, "vii": 7, "viii": 8}
_HALVES = ("iva", "ivb", "4a", "4b")


def canonical(name: str) -> str:
    """Our name for a structure: one of STRUCTURES, `lesions`, `segment_1` to `segment_8`, or the name in lower case.

    Lung lobes become the lung, single bones `bone`; `liver_vessels` (portal and hepatic in one) keeps its name.
    """
    plain = _plain(name)
    if plain in STRUCTURES:
        return plain
    if plain in _ALIASES:
        return _ALIASES[plain]
    if lobe := _LOBE.fullmatch(plain):
        return f"lung_{lobe.group(1)}"
    if _BONE.fullmatch(plain):
        return "bone"
    if segment := _SEGMENT.fullmatch(plain):
        said = segment.group(1)
        number = 4 if said in _HALVES else _ROMAN.get(said) or int(said)
        return f"{SEGMENT}{number}" if 1 <= number <= 8 else plain
    return LESIONS if _NUMBERED.fullmatch(plain) else plain


def half_of_four(name: str) -> bool:
    """Whether a name says IVa or IVb (also 4a, 4b); `canonical` makes segment_4 of both."""
    segment = _SEGMENT.fullmatch(_plain(name))
    return segment is not None and segment.group(1) in _HALVES


def _plain(name: str) -> str:
    return re.sub(r"[\s\-]+", "_", name.strip().lower())
