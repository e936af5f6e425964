"""Lesions: their size, their place and what they lie against; the liver they lie in; the burden they make together."""

from glisson.lesions.diameters import AxialDiameters, Diameter, axial_diameters, max3d_diameter
from glisson.lesions.finding import COUNTED, DISTANCES, Burden, LesionFinding, LiverFinding
from glisson.lesions.measure import lesion_notices, measure_lesions
from glisson.lesions.totals import burden, measure_liver

__all__ = [
    "COUNTED", "DISTANCES", "AxialDiameters", "Burden", "Diameter", "LesionFinding", "LiverFinding", "axial_diameters",
    "burden", "lesion_notices", "max3d_diameter", "measure_lesions", "measure_liver",
]  # fmt: skip
