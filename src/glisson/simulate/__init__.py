"""Virtual patients: liver, vessel trees, metastases and CT, with the truth known. Nobody in here exists."""

from glisson.simulate.patient import virtual_patient
from glisson.simulate.trees import VesselTree
from glisson.simulate.truth import LesionTruth, Truth, VirtualPatient

__all__ = ["LesionTruth", "Truth", "VesselTree", "VirtualPatient", "virtual_patient"]
