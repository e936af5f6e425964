"""Virtual patients on one date or several: liver, vessel trees, metastases, CT and MR, with the truth known. Nobody in
here exists."""

from glisson.simulate.course import Course, Treated
from glisson.simulate.movement import Movement
from glisson.simulate.patient import virtual_patient
from glisson.simulate.series import Resected, VirtualSeries, Visit, virtual_series
from glisson.simulate.trees import VesselTree
from glisson.simulate.truth import LesionTruth, Truth, VirtualPatient

__all__ = [
    "Course", "LesionTruth", "Movement", "Resected", "Treated", "Truth", "VesselTree", "VirtualPatient",
    "VirtualSeries", "Visit", "virtual_patient", "virtual_series",
]  # fmt: skip
