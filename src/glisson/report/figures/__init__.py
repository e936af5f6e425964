"""The pictures of the dossier, as PNG bytes with words for who cannot see them.

`parts_of` gathers what the flat pictures show, `model_of` turns it into the fields of the three-dimensional ones. The
same input gives the same bytes. Flat cuts and drawings have the patient's right on the left of the picture.
"""

from glisson.report.figures.axial import coverage_montage, key_axial
from glisson.report.figures.canvas import Picture
from glisson.report.figures.card import lesion_card
from glisson.report.figures.fields import Model, model_of
from glisson.report.figures.needles import needle_picture
from glisson.report.figures.overview import overview_3d
from glisson.report.figures.palette import ACTION_COLOURS, Marks
from glisson.report.figures.pareto import PlanPoint, pareto_chart
from glisson.report.figures.plan_sheets import acts_sheet, plan_sheet
from glisson.report.figures.plan_view import Act, PlanDrawing, plan_3d
from glisson.report.figures.resections import remnant_bars, resection_strip
from glisson.report.figures.scan import Parts, parts_of
from glisson.report.figures.segment_confidence import segment_confidence
from glisson.report.figures.trees import territory_slices, vessel_trees

__all__ = [
    "ACTION_COLOURS", "Act", "Marks", "Model", "Parts", "Picture", "PlanDrawing", "PlanPoint", "acts_sheet",
    "coverage_montage", "key_axial", "lesion_card", "model_of", "needle_picture", "overview_3d", "pareto_chart",
    "parts_of", "plan_3d", "plan_sheet", "remnant_bars", "resection_strip", "segment_confidence", "territory_slices",
    "vessel_trees",
]  # fmt: skip
